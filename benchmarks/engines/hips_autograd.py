"""HIPS autograd. Its ``mean`` makes everything before it float64, so means are written as sums times a float."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..workloads import Data, chain, gpt_parts, one_hot
from . import Engine
from .by_hand import GELU, Adam

Run = Callable[[], Any]


class Autograd(Engine):
    """Its own NumPy, gradients by `value_and_grad`; Adam as by hand."""

    def __init__(self) -> None:
        import autograd
        import autograd.numpy

        self.autograd: Any = autograd
        self.np: Any = autograd.numpy

    def chain(self, d: Data) -> Run:
        """Forward and backward through the chain."""
        tanh, total, start = self.np.tanh, self.np.sum, d["start"]

        def cost(x: Any) -> Any:
            y = chain(x, d["rounds"], tanh)
            return y if np.ndim(start) == 0 else total(y)

        both = self.autograd.value_and_grad(cost)

        def run() -> Any:
            J, dx = both(start)
            return J, [dx]

        return run

    def train(self, cost: Any, d: Data, adam: bool, *given: Any) -> Run:
        """Steps of SGD or Adam."""
        both, parameters, lr = self.autograd.value_and_grad(cost), list(d["parameters"]), d["lr"]
        optimizer = Adam(parameters, lr) if adam else None

        def run() -> Any:
            nonlocal parameters
            J, gradients = both(parameters, *given)
            if optimizer is None:
                parameters = [p - lr * g for p, g in zip(parameters, gradients, strict=True)]
            else:
                parameters = optimizer.step(parameters, gradients)
            return J, parameters

        return run

    def cross_entropy(self, logits: Any, Y: Any) -> Any:
        """Mean over rows."""
        np = self.np
        shifted = logits - np.max(logits, axis=-1, keepdims=True)
        logged = shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))
        return -np.sum(Y * logged) * (1.0 / (Y.size // Y.shape[-1]))

    def standardized(self, x: Any, gamma: Any, beta: Any) -> Any:
        """Layer norm along the last axis."""
        np, n = self.np, 1.0 / x.shape[-1]
        centred = x - np.sum(x, axis=-1, keepdims=True) * n
        return gamma * (centred / np.sqrt(np.sum(centred * centred, axis=-1, keepdims=True) * n + 1e-5)) + beta

    def gelu(self, x: Any) -> Any:
        """By tanh."""
        return 0.5 * x * (1.0 + self.np.tanh(GELU * (x + 0.044715 * x * x * x)))

    def logistic(self, d: Data) -> Run:
        """The notes' cost."""
        np = self.np

        def cost(parameters: Any, X: Any, Y: Any) -> Any:
            w, b = parameters
            A = 1 / (1 + np.exp(-(np.dot(w.T, X) + b)))
            return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))

        return self.train(cost, d, False, d["X"], d["Y"])

    def planar(self, d: Data) -> Run:
        """The notes' network."""
        np = self.np

        def cost(parameters: Any, X: Any, Y: Any) -> Any:
            W1, b1, W2, b2 = parameters
            A2 = 1 / (1 + np.exp(-(np.dot(W2, np.tanh(np.dot(W1, X) + b1)) + b2)))
            return -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))

        return self.train(cost, d, False, d["X"], d["Y"])

    def mlp(self, d: Data) -> Run:
        """Relu layers."""
        np = self.np

        def cost(parameters: Any, X: Any, Y: Any) -> Any:
            A = X
            for W, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
                A = np.maximum(np.dot(A, W) + b, 0)
            return self.cross_entropy(np.dot(A, parameters[-2]) + parameters[-1], Y)

        return self.train(cost, d, True, d["X"], one_hot(d["labels"], d["parameters"][-1].size, d["X"].dtype))

    def conv(self, d: Data) -> Run:
        """By columns from slices: its own convolution is far slower."""
        np = self.np

        def convolution(x: Any, K: Any, b: Any) -> Any:
            N, C, H, W = x.shape
            padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), "constant")
            windows = [padded[:, :, i : i + H, j : j + W] for i in range(3) for j in range(3)]
            columns = np.transpose(np.stack(windows, axis=2), (1, 2, 0, 3, 4)).reshape(C * 9, -1)
            Z = np.dot(K.reshape(len(K), -1), columns) + b[:, None]
            return np.swapaxes(Z.reshape(len(K), N, H, W), 0, 1)

        def pool(x: Any) -> Any:
            a, b, c, d = (x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1))
            return np.maximum(np.maximum(a, b), np.maximum(c, d))

        def cost(parameters: Any, X: Any, Y: Any) -> Any:
            K1, b1, K2, b2, W, b = parameters
            A = pool(np.maximum(convolution(X, K1, b1), 0))
            A = pool(np.maximum(convolution(A, K2, b2), 0))
            return self.cross_entropy(np.dot(A.reshape(len(X), -1), W) + b, Y)

        return self.train(cost, d, False, d["X"], one_hot(d["labels"], 10, d["X"].dtype))

    def gpt(self, d: Data) -> Run:
        """Attention written out."""
        np, heads = self.np, d["heads"]
        time = d["tokens"].shape[1]
        hidden = np.where(np.tril(np.ones((time, time))) > 0, 0, -np.inf).astype(np.float32)

        def cost(parameters: Any, tokens: Any, Y: Any) -> Any:
            E, positions, blocks, (gamma, beta, head) = gpt_parts(parameters)
            B, T = tokens.shape
            x = E[tokens] + positions
            C = x.shape[-1]
            for g1, o1, Wqkv, Wo, bo, g2, o2, W1, b1, W2, b2 in blocks:
                QKV = (self.standardized(x, g1, o1) @ Wqkv).reshape((B, T, 3, heads, C // heads))
                QKV = np.transpose(QKV, (2, 0, 3, 1, 4))
                scores = np.matmul(QKV[0], np.swapaxes(QKV[1], -1, -2)) * float((C // heads) ** -0.5) + hidden
                e = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
                P = e / np.sum(e, axis=-1, keepdims=True)
                mixed = np.swapaxes(np.matmul(P, QKV[2]), 1, 2).reshape((B, T, C))
                x = x + mixed @ Wo + bo
                x = x + self.gelu(self.standardized(x, g2, o2) @ W1 + b1) @ W2 + b2
            return self.cross_entropy(self.standardized(x, gamma, beta) @ head, Y)

        Y = one_hot(d["labels"], d["parameters"][0].shape[0], d["parameters"][0].dtype)
        return self.train(cost, d, True, d["tokens"], Y)

    def layer_norm(self, d: Data) -> Run:
        """Value and four gradients."""
        np, G = self.np, d["G"]

        def cost(parameters: Any) -> Any:
            x, u, gamma, beta = parameters
            e = np.exp(u)
            h = self.gelu(x) * (e / (1 + e)) + np.log1p(e)
            return np.sum(G * self.standardized(h, gamma, beta))

        both = self.autograd.value_and_grad(cost)
        return lambda: both(d["parameters"])

    def hessian(self, d: Data) -> Run:
        """``autograd.hessian``."""
        np, X, Y = self.np, d["X"], d["Y"]

        def cost(w: Any) -> Any:
            W1, b1, W2, b2 = w[:81].reshape(9, 9), w[81:90].reshape(9, 1), w[90:99].reshape(1, 9), w[99]
            return np.mean((np.dot(W2, np.tanh(np.dot(W1, X) + b1)) + b2 - Y) ** 2)

        second = self.autograd.hessian(cost)
        return lambda: (0.0, [second(d["w"])])

    def hvp(self, d: Data) -> Run:
        """``hessian_vector_product``."""
        np, X, Y = self.np, d["X"], one_hot(d["labels"], d["parameters"][-1].size, d["X"].dtype)

        def cost(parameters: Any) -> Any:
            W1, b1, W2, b2 = parameters
            return self.cross_entropy(np.dot(np.tanh(np.dot(X, W1) + b1), W2) + b2, Y)

        gradient, vectors = self.autograd.grad(cost), d["vectors"]

        def along(parameters: Any) -> Any:
            pairs = zip(gradient(parameters), vectors, strict=True)
            return sum(np.sum(g * v) for g, v in pairs)

        product = self.autograd.grad(along)
        return lambda: (0.0, product(d["parameters"]))
