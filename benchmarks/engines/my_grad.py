"""MyGrad as installed, its memory guard on. A Python number beside its tensors is float64, so constants are arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..workloads import Data, chain, gpt_parts
from . import Engine
from .by_hand import GELU, Adam

Run = Callable[[], Any]


class MyGrad(Engine):
    """Tensors and `backward`; Adam as by hand."""

    def __init__(self) -> None:
        import mygrad
        import mygrad.nnet

        self.mg: Any = mygrad

    def chain(self, d: Data) -> Run:
        """Forward and backward through the chain."""

        def run() -> Any:
            x = self.mg.tensor(d["start"])
            y = chain(x, d["rounds"], self.mg.tanh)
            J = y if y.ndim == 0 else y.sum()
            J.backward()
            return J.item(), [x.grad]

        return run

    def gradients(self, cost: Any, parameters: Any, *given: Any) -> Any:
        """Value and gradients at the parameters."""
        leaves = [self.mg.tensor(p, copy=False) for p in parameters]
        J = cost(leaves, *given)
        J.backward()
        return J.item(), [leaf.grad for leaf in leaves]

    def train(self, cost: Any, d: Data, adam: bool, *given: Any) -> Run:
        """Steps of SGD or Adam."""
        parameters, lr = list(d["parameters"]), d["lr"]
        optimizer = Adam(parameters, lr) if adam else None

        def run() -> Any:
            nonlocal parameters
            J, gradients = self.gradients(cost, parameters, *given)
            if optimizer is None:
                parameters = [p - lr * g for p, g in zip(parameters, gradients, strict=True)]
            else:
                parameters = optimizer.step(parameters, gradients)
            return J, parameters

        return run

    def standardized(self, x: Any, gamma: Any, beta: Any) -> Any:
        """Layer norm along the last axis."""
        mg, n, epsilon = self.mg, x.dtype.type(1 / x.shape[-1]), x.dtype.type(1e-5)
        centred = x - mg.sum(x, axis=-1, keepdims=True) * n
        return gamma * (centred / mg.sqrt(mg.sum(centred * centred, axis=-1, keepdims=True) * n + epsilon)) + beta

    def gelu(self, x: Any) -> Any:
        """By tanh."""
        half, one, k, c = (x.dtype.type(value) for value in (0.5, 1, 0.044715, GELU))
        return half * x * (one + self.mg.tanh(c * (x + k * x * x * x)))

    def logistic(self, d: Data) -> Run:
        """The notes' cost."""
        mg = self.mg

        def cost(parameters: Any, X: Any, Y: Any) -> Any:
            w, b = parameters
            A = mg.nnet.sigmoid(w.T @ X + b)
            return -mg.mean(Y * mg.log(A) + (1 - Y) * mg.log(1 - A))

        return self.train(cost, d, False, d["X"], d["Y"])

    def planar(self, d: Data) -> Run:
        """The notes' network."""
        mg = self.mg

        def cost(parameters: Any, X: Any, Y: Any) -> Any:
            W1, b1, W2, b2 = parameters
            A2 = mg.nnet.sigmoid(W2 @ mg.tanh(W1 @ X + b1) + b2)
            return -mg.mean(Y * mg.log(A2) + (1 - Y) * mg.log(1 - A2))

        return self.train(cost, d, False, d["X"], d["Y"])

    def mlp(self, d: Data) -> Run:
        """Relu layers."""
        nnet = self.mg.nnet

        def cost(parameters: Any, X: Any, labels: Any) -> Any:
            A = X
            for W, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
                A = nnet.relu(A @ W + b)
            return nnet.softmax_crossentropy(A @ parameters[-2] + parameters[-1], labels)

        return self.train(cost, d, True, d["X"], d["labels"])

    def conv(self, d: Data) -> Run:
        """Its own convolution and pooling."""
        nnet = self.mg.nnet

        def cost(parameters: Any, X: Any, labels: Any) -> Any:
            K1, b1, K2, b2, W, b = parameters
            A = nnet.relu(nnet.conv_nd(X, K1, stride=1, padding=1) + b1.reshape(1, -1, 1, 1))
            A = nnet.max_pool(A, (2, 2), 2)
            A = nnet.relu(nnet.conv_nd(A, K2, stride=1, padding=1) + b2.reshape(1, -1, 1, 1))
            A = nnet.max_pool(A, (2, 2), 2)
            return nnet.softmax_crossentropy(A.reshape(len(X), -1) @ W + b, labels)

        return self.train(cost, d, False, d["X"], d["labels"])

    def gpt(self, d: Data) -> Run:
        """Attention written out."""
        mg, heads = self.mg, d["heads"]
        time = d["tokens"].shape[1]
        hidden = np.triu(np.full((time, time), -np.inf, np.float32), 1)

        def cost(parameters: Any, tokens: Any, labels: Any) -> Any:
            E, positions, blocks, (gamma, beta, head) = gpt_parts(parameters)
            B, T = tokens.shape
            x = E[tokens] + positions
            C = x.shape[-1]
            for g1, o1, Wqkv, Wo, bo, g2, o2, W1, b1, W2, b2 in blocks:
                QKV = (self.standardized(x, g1, o1) @ Wqkv).reshape(B, T, 3, heads, C // heads)
                QKV = QKV.transpose(2, 0, 3, 1, 4)
                scores = QKV[0] @ mg.swapaxes(QKV[1], -1, -2) * np.float32((C // heads) ** -0.5) + hidden
                P = mg.nnet.softmax(scores, axis=-1)
                mixed = mg.swapaxes(P @ QKV[2], 1, 2).reshape(B, T, C)
                x = x + mixed @ Wo + bo
                x = x + self.gelu(self.standardized(x, g2, o2) @ W1 + b1) @ W2 + b2
            logits = self.standardized(x, gamma, beta) @ head
            return mg.nnet.softmax_crossentropy(logits.reshape(B * T, -1), labels.ravel())

        return self.train(cost, d, True, d["tokens"], d["labels"])

    def layer_norm(self, d: Data) -> Run:
        """Value and four gradients."""
        mg, G, one = self.mg, d["G"], np.float32(1)

        def cost(parameters: Any) -> Any:
            x, u, gamma, beta = parameters
            e = mg.exp(u)
            h = self.gelu(x) * (e / (one + e)) + mg.log1p(e)
            return mg.sum(G * self.standardized(h, gamma, beta))

        return lambda: self.gradients(cost, d["parameters"])
