"""tinygrad (the other one): its TinyJit around a step with its own optimisers, on the processor."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from ..workloads import Data, gpt_parts
from . import Engine

Run = Callable[[], Any]


class Tinygrad(Engine):
    """`TinyJit`, which compiles at the second and third call."""

    def __init__(self) -> None:
        self.t: Any = importlib.import_module("tinygrad")
        self.optim: Any = importlib.import_module("tinygrad.nn.optim")

    def arrays(self, result: Any) -> list[Any]:
        """Tensors as arrays."""
        value, others = result
        return [x.numpy() for x in (value, *others)]

    def train(self, cost: Any, d: Data, adam: bool, *given: Any) -> Run:
        """Steps of its Adam; plain descent written out, as its SGD keeps the rate in float32."""
        Tensor = self.t.Tensor
        parameters = [Tensor(np.array(p)).realize() for p in d["parameters"]]
        optimizer = self.optim.Adam(parameters, lr=d["lr"]) if adam else None
        inputs = [Tensor(x).realize() for x in given]

        def one(*inputs: Any) -> Any:
            J = cost(parameters, *inputs)
            if optimizer is None:
                gradients = J.gradient(*parameters)
                return J.realize(*(p.assign(p - d["lr"] * g) for p, g in zip(parameters, gradients, strict=True)))
            optimizer.zero_grad()
            J.backward()
            return J.realize(*optimizer.schedule_step())

        step = self.t.TinyJit(one)

        def run() -> Any:
            with self.t.Context(TRAINING=1):
                return step(*inputs), parameters

        return run

    def logistic(self, d: Data) -> Run:
        """The notes' cost."""

        def cost(parameters: Any, X: Any, Y: Any) -> Any:
            w, b = parameters
            A = (w.T @ X + b).sigmoid()
            return -(Y * A.log() + (1 - Y) * (1 - A).log()).mean()

        return self.train(cost, d, False, d["X"], d["Y"])

    def planar(self, d: Data) -> Run:
        """The notes' network."""

        def cost(parameters: Any, X: Any, Y: Any) -> Any:
            W1, b1, W2, b2 = parameters
            A2 = (W2 @ (W1 @ X + b1).tanh() + b2).sigmoid()
            return -(Y * A2.log() + (1 - Y) * (1 - A2).log()).mean()

        return self.train(cost, d, False, d["X"], d["Y"])

    def mlp(self, d: Data) -> Run:
        """Relu layers."""

        def cost(parameters: Any, X: Any, labels: Any) -> Any:
            A = X
            for W, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
                A = (A @ W + b).relu()
            return (A @ parameters[-2] + parameters[-1]).sparse_categorical_crossentropy(labels)

        return self.train(cost, d, True, d["X"], d["labels"])

    def conv(self, d: Data) -> Run:
        """Its own convolution and pooling."""

        def cost(parameters: Any, X: Any, labels: Any) -> Any:
            K1, b1, K2, b2, W, b = parameters
            A = X.conv2d(K1, b1, padding=1).relu().max_pool2d(2)
            A = A.conv2d(K2, b2, padding=1).relu().max_pool2d(2)
            return (A.flatten(1) @ W + b).sparse_categorical_crossentropy(labels)

        return self.train(cost, d, False, d["X"], d["labels"])

    def gpt(self, d: Data) -> Run:
        """Its attention."""
        heads = d["heads"]

        def cost(parameters: Any, tokens: Any, labels: Any) -> Any:
            E, positions, blocks, (gamma, beta, head) = gpt_parts(parameters)
            B, T = tokens.shape
            x = E[tokens] + positions
            C = x.shape[-1]
            for g1, o1, Wqkv, Wo, bo, g2, o2, W1, b1, W2, b2 in blocks:
                QKV = ((x.layernorm() * g1 + o1) @ Wqkv).reshape(B, T, 3, heads, C // heads).permute(2, 0, 3, 1, 4)
                mixed = QKV[0].scaled_dot_product_attention(QKV[1], QKV[2], is_causal=True)
                x = x + mixed.transpose(1, 2).reshape(B, T, C) @ Wo + bo
                x = x + ((x.layernorm() * g2 + o2) @ W1 + b1).gelu() @ W2 + b2
            return (
                ((x.layernorm() * gamma + beta) @ head)
                .reshape(B * T, -1)
                .sparse_categorical_crossentropy(labels.reshape(B * T))
            )

        return self.train(cost, d, True, d["tokens"], d["labels"])

    def layer_norm(self, d: Data) -> Run:
        """Value and four gradients."""
        Tensor = self.t.Tensor
        parameters = [Tensor(p).realize() for p in d["parameters"]]
        G = Tensor(d["G"]).realize()

        def one(G: Any) -> Any:
            x, u, gamma, beta = parameters
            h = x.gelu() * u.sigmoid() + (1 + u.exp()).log()
            J = (G * (h.layernorm() * gamma + beta)).sum()
            gradients = J.gradient(*parameters)
            return J.realize(*gradients), gradients

        step = self.t.TinyJit(one)
        return lambda: step(G)
