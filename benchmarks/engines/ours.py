"""This project, eager: the programs as its user would write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_notes as tn
from tinygrad_notes import Tensor, nn, optim

from ..workloads import Data, chain, gpt_parts, max_margin_loss, one_hot, one_sample_loss
from . import Engine

Run = Callable[[], Any]


def logistic_cost(parameters: Any, X: Any, Y: Any) -> Any:
    """The notes' cost of logistic regression."""
    w, b = parameters
    A = nn.sigmoid(w.T @ X + b)
    return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))


def planar_cost(parameters: Any, X: Any, Y: Any) -> Any:
    """The notes' cost of the 2-4-1 network."""
    W1, b1, W2, b2 = parameters
    A2 = nn.sigmoid(W2 @ np.tanh(W1 @ X + b1) + b2)
    return -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))


def mlp_cost(parameters: Any, X: Any, Y: Any) -> Any:
    """Relu layers, softmax cross-entropy; rows are examples."""
    A = X
    for W, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        A = nn.relu(A @ W + b)
    return nn.softmax_cross_entropy(A @ parameters[-2] + parameters[-1], Y, axis=-1)


def conv_cost(parameters: Any, X: Any, Y: Any) -> Any:
    """Two convolutions with relu and maximum, one linear layer."""
    K1, b1, K2, b2, W, b = parameters
    A = nn.max_pool2d(nn.relu(nn.conv2d(X, K1, b1, padding=1)), 2)
    A = nn.max_pool2d(nn.relu(nn.conv2d(A, K2, b2, padding=1)), 2)
    return nn.softmax_cross_entropy(A.reshape(len(X), -1) @ W + b, Y, axis=-1)


def layer_norm(x: Any, gamma: Any, beta: Any) -> Any:
    """Mean 0 and variance 1 along the last axis, then gamma and beta."""
    return gamma * nn.standardize(x, -1) + beta


def gpt_cost(parameters: Any, tokens: Any, Y: Any, heads: int) -> Any:
    """The transformer's mean cross-entropy."""
    E, positions, blocks, (gamma, beta, head) = gpt_parts(parameters)
    batch, time = tokens.shape
    x = E[tokens] + positions
    width = x.shape[-1]
    for g1, o1, Wqkv, Wo, bo, g2, o2, W1, b1, W2, b2 in blocks:
        QKV = (layer_norm(x, g1, o1) @ Wqkv).reshape(batch, time, 3, heads, width // heads)
        Q, K, V = QKV.transpose(2, 0, 3, 1, 4)
        mixed = nn.attention(Q, K, V, causal=True).transpose(0, 2, 1, 3).reshape(batch, time, width)
        x = x + mixed @ Wo + bo
        x = x + nn.gelu(layer_norm(x, g2, o2) @ W1 + b1) @ W2 + b2
    return nn.softmax_cross_entropy(layer_norm(x, gamma, beta) @ head, Y, axis=-1)


def layer_norm_cost(parameters: Any, G: Any) -> Any:
    """The memory-bound workload."""
    x, u, gamma, beta = parameters
    return np.sum(G * layer_norm(nn.gelu(x) * nn.sigmoid(u) + np.log1p(np.exp(u)), gamma, beta))


def hessian_cost(w: Any, X: Any, Y: Any) -> Any:
    """Squared error of the 9-9-1 network, its parameters cut from one vector."""
    W1, b1, W2, b2 = w[:81].reshape(9, 9), w[81:90].reshape(9, 1), w[90:99].reshape(1, 9), w[99]
    return np.mean((W2 @ np.tanh(W1 @ X + b1) + b2 - Y) ** 2)


def hvp_cost(parameters: Any, X: Any, Y: Any) -> Any:
    """A tanh network with softmax cross-entropy."""
    W1, b1, W2, b2 = parameters
    return nn.softmax_cross_entropy(np.tanh(X @ W1 + b1) @ W2 + b2, Y, axis=-1)


class Eager(Engine):
    """Every step recorded anew."""

    def chain(self, d: Data) -> Run:
        """Forward and backward through the chain."""

        def run() -> Any:
            x = Tensor(d["start"])
            y = chain(x, d["rounds"], np.tanh)
            J = y if y.ndim == 0 else y.sum()
            J.backward()
            return J.data, [x.grad]

        return run

    def demo(self, d: Data) -> Run:
        """Every number a Tensor."""

        def run() -> Any:
            p = [Tensor(w) for w in d["parameters"]]
            loss = max_margin_loss(p, nn.relu, d["points"], d["labels"])
            loss.backward()
            return loss.data, [w.grad for w in p]

        return run

    def sample(self, d: Data) -> Run:
        """One point of it."""

        def run() -> Any:
            p = [Tensor(w) for w in d["parameters"]]
            loss = one_sample_loss(p, d["point"], d["label"], nn.relu)
            loss.backward()
            return loss.data, [w.grad for w in p]

        return run

    def descent(self, cost: Any, d: Data, *given: Any) -> Run:
        """Plain gradient descent on ``cost(parameters, *given)``."""
        gradient, lr, parameters = tn.value_and_grad(cost), d["lr"], list(d["parameters"])

        def run() -> Any:
            nonlocal parameters
            J, gradients = gradient(parameters, *given)
            parameters = [p - lr * g for p, g in zip(parameters, gradients, strict=True)]
            return J, parameters

        return run

    def adam(self, cost: Any, d: Data, *given: Any) -> Run:
        """Adam on ``cost(parameters, *given)``."""
        gradient, optimizer = tn.value_and_grad(cost), optim.Adam(d["lr"])
        parameters = [p.copy() for p in d["parameters"]]
        state = optimizer.init(parameters)

        def run() -> Any:
            nonlocal parameters, state
            J, gradients = gradient(parameters, *given)
            parameters, state = optimizer.step(parameters, gradients, state, donate=True)
            return J, parameters

        return run

    def logistic(self, d: Data) -> Run:
        """The notes' cost."""
        return self.descent(logistic_cost, d, d["X"], d["Y"])

    def planar(self, d: Data) -> Run:
        """The notes' network."""
        return self.descent(planar_cost, d, d["X"], d["Y"])

    def planar_loop(self, d: Data) -> Run:
        """All steps from the start, each time."""

        def run() -> Any:
            step = self.planar(d)
            for _ in range(d["steps"] - 1):
                step()
            return step()

        return run

    def mlp(self, d: Data) -> Run:
        """Labels as rows with a single 1."""
        Y = one_hot(d["labels"], d["parameters"][-1].size, np.float32)
        return (self.adam if d.get("adam", True) else self.descent)(mlp_cost, d, d["X"], Y)

    def conv(self, d: Data) -> Run:
        """`nn`'s convolution."""
        return self.descent(conv_cost, d, d["X"], one_hot(d["labels"], 10, np.float32))

    def gpt(self, d: Data) -> Run:
        """`nn`'s attention."""
        Y = one_hot(d["labels"], d["parameters"][0].shape[0], np.float32)
        return self.adam(gpt_cost, d, d["tokens"], Y, d["heads"])

    def layer_norm(self, d: Data) -> Run:
        """Value and four gradients."""
        gradient = tn.value_and_grad(layer_norm_cost)
        return lambda: gradient(d["parameters"], d["G"])

    def hessian(self, d: Data) -> Run:
        """The whole matrix."""
        second = tn.hessian(hessian_cost)
        return lambda: (0.0, [second(d["w"], d["X"], d["Y"])])

    def hvp(self, d: Data) -> Run:
        """Forward over reverse."""
        Y = one_hot(d["labels"], d["parameters"][-1].size, np.float64)

        def run() -> Any:
            (product,) = tn.hvp(lambda p: hvp_cost(p, d["X"], Y), (d["parameters"],), (d["vectors"],))
            return 0.0, product

        return run


class EagerKept(Eager):
    """After `tinygrad_notes.keep_memory`."""

    def __init__(self) -> None:
        if not tn.keep_memory():
            raise OSError("the C library isn't glibc")
