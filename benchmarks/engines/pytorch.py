"""PyTorch: eager (with its default and its fused Adam), `torch.func`, and `torch.compile`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from ..workloads import Data, chain, gpt_parts, max_margin_loss, one_sample_loss
from . import Engine

Run = Callable[[], Any]


class Torch(Engine):
    """Eager, with the default optimisers."""

    fused = False

    def __init__(self) -> None:
        import torch

        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        self.torch: Any = torch
        self.F: Any = torch.nn.functional

    def arrays(self, result: Any) -> list[Any]:
        """Tensors as arrays."""
        value, others = result
        return [np.array(x.detach() if hasattr(x, "detach") else x) for x in (value, *others)]

    def leaf(self, value: Any) -> Any:
        """A tensor of its own that gradients are asked for."""
        return self.torch.tensor(np.array(value), requires_grad=True)

    def constant(self, value: Any) -> Any:
        """A tensor without gradient."""
        return self.torch.tensor(np.array(value))

    def compiled(self, f: Any) -> Any:
        """The function as it is run; `TorchCompile` compiles it."""
        return f

    # programs

    def chain(self, d: Data) -> Run:
        """Forward and backward through the chain."""

        def run() -> Any:
            x = self.leaf(d["start"])
            y = chain(x, d["rounds"], self.torch.tanh)
            J = y if y.ndim == 0 else y.sum()
            J.backward()
            return J, [x.grad]

        return run

    def demo(self, d: Data) -> Run:
        """micrograd's demo with 0-d tensors."""

        def run() -> Any:
            p = [self.leaf(w) for w in d["parameters"]]
            loss = max_margin_loss(p, self.torch.relu, d["points"], d["labels"])
            loss.backward()
            return loss, [w.grad for w in p]

        return run

    def sample(self, d: Data) -> Run:
        """One point of it."""

        def run() -> Any:
            p = [self.leaf(w) for w in d["parameters"]]
            loss = one_sample_loss(p, d["point"], d["label"], self.torch.relu)
            loss.backward()
            return loss, [w.grad for w in p]

        return run

    def train(self, cost: Any, d: Data, adam: bool, *given: Any) -> Run:
        """Steps of an optimiser on ``cost(parameters, *given)``."""
        parameters = [self.leaf(p) for p in d["parameters"]]
        kind = self.torch.optim.Adam if adam else self.torch.optim.SGD
        optimizer = kind(parameters, lr=d["lr"], **({"fused": True} if self.fused else {}))
        cost = self.compiled(cost)

        def run() -> Any:
            optimizer.zero_grad()
            J = cost(parameters, *given)
            J.backward()
            optimizer.step()
            return J, parameters

        return run

    def logistic(self, d: Data) -> Run:
        """The notes' cost."""
        torch = self.torch

        def cost(parameters: Any, X: Any, Y: Any) -> Any:
            w, b = parameters
            A = torch.sigmoid(w.T @ X + b)
            return -(Y * torch.log(A) + (1 - Y) * torch.log(1 - A)).mean()

        return self.train(cost, d, False, self.constant(d["X"]), self.constant(d["Y"]))

    def planar(self, d: Data) -> Run:
        """The notes' network."""
        torch = self.torch

        def cost(parameters: Any, X: Any, Y: Any) -> Any:
            W1, b1, W2, b2 = parameters
            A2 = torch.sigmoid(W2 @ torch.tanh(W1 @ X + b1) + b2)
            return -(Y * torch.log(A2) + (1 - Y) * torch.log(1 - A2)).mean()

        return self.train(cost, d, False, self.constant(d["X"]), self.constant(d["Y"]))

    def mlp(self, d: Data) -> Run:
        """Linear layers by addmm."""
        torch, F = self.torch, self.F

        def cost(parameters: Any, X: Any, labels: Any) -> Any:
            A = X
            for W, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
                A = torch.relu(torch.addmm(b, A, W))
            return F.cross_entropy(torch.addmm(parameters[-1], A, parameters[-2]), labels)

        return self.train(cost, d, d.get("adam", True), self.constant(d["X"]), self.constant(d["labels"]))

    def conv(self, d: Data) -> Run:
        """Its own convolution and pooling."""
        F = self.F

        def cost(parameters: Any, X: Any, labels: Any) -> Any:
            K1, b1, K2, b2, W, b = parameters
            A = F.max_pool2d(F.relu(F.conv2d(X, K1, b1, padding=1)), 2)
            A = F.max_pool2d(F.relu(F.conv2d(A, K2, b2, padding=1)), 2)
            return F.cross_entropy(A.flatten(1) @ W + b, labels)

        return self.train(cost, d, False, self.constant(d["X"]), self.constant(d["labels"]))

    def gpt(self, d: Data) -> Run:
        """Its fused attention, layer norm and gelu."""
        F, heads = self.F, d["heads"]

        def cost(parameters: Any, tokens: Any, labels: Any) -> Any:
            E, positions, blocks, (gamma, beta, head) = gpt_parts(parameters)
            B, T = tokens.shape
            x = F.embedding(tokens, E) + positions
            C = x.shape[-1]
            for g1, o1, Wqkv, Wo, bo, g2, o2, W1, b1, W2, b2 in blocks:
                parts = (F.layer_norm(x, (C,), g1, o1) @ Wqkv).split(C, -1)
                Q, K, V = (part.view(B, T, heads, C // heads).transpose(1, 2) for part in parts)
                mixed = F.scaled_dot_product_attention(Q, K, V, is_causal=True)
                x = x + F.linear(mixed.transpose(1, 2).reshape(B, T, C), Wo.T, bo)
                hidden = F.gelu(F.linear(F.layer_norm(x, (C,), g2, o2), W1.T, b1), approximate="tanh")
                x = x + F.linear(hidden, W2.T, b2)
            logits = F.layer_norm(x, (C,), gamma, beta) @ head
            return F.cross_entropy(logits.view(B * T, -1), labels.view(-1))

        return self.train(cost, d, True, self.constant(d["tokens"]), self.constant(d["labels"]))

    def layer_norm(self, d: Data) -> Run:
        """Its fused gelu and layer norm."""
        torch, F = self.torch, self.F
        parameters, G = [self.leaf(p) for p in d["parameters"]], self.constant(d["G"])

        def cost(x: Any, u: Any, gamma: Any, beta: Any, G: Any) -> Any:
            h = F.gelu(x, approximate="tanh") * torch.sigmoid(u) + torch.log1p(torch.exp(u))
            return (G * F.layer_norm(h, (x.shape[-1],), gamma, beta)).sum()

        whole = self.compiled(cost)

        def run() -> Any:
            J = whole(*parameters, G)
            return J, torch.autograd.grad(J, parameters)

        return run

    def _hvp_cost(self, parameters: Any, X: Any, labels: Any) -> Any:
        W1, b1, W2, b2 = parameters
        return self.F.cross_entropy(self.torch.addmm(b2, self.torch.tanh(self.torch.addmm(b1, X, W1)), W2), labels)

    def hvp(self, d: Data) -> Run:
        """Reverse over reverse, as everybody writes it."""
        grad = self.torch.autograd.grad
        parameters, X, labels = (
            [self.leaf(p) for p in d["parameters"]],
            self.constant(d["X"]),
            self.constant(d["labels"]),
        )
        vectors = [self.constant(v) for v in d["vectors"]]

        def run() -> Any:
            gradients = grad(self._hvp_cost(parameters, X, labels), parameters, create_graph=True)
            return 0.0, grad(gradients, parameters, vectors)

        return run


class TorchFused(Torch):
    """Eager, with the fused Adam."""

    fused = True


class TorchFunc(Torch):
    """`torch.func`: forward over reverse."""

    def hessian(self, d: Data) -> Run:
        """``torch.func.hessian``."""
        torch = self.torch
        w, X, Y = (self.constant(d[key]) for key in ("w", "X", "Y"))

        def cost(w: Any) -> Any:
            W1, b1, W2, b2 = w[:81].reshape(9, 9), w[81:90].reshape(9, 1), w[90:99].reshape(1, 9), w[99]
            return ((W2 @ torch.tanh(W1 @ X + b1) + b2 - Y) ** 2).mean()

        second = torch.func.hessian(cost)
        return lambda: (0.0, [second(w)])

    def hvp(self, d: Data) -> Run:
        """``jvp`` of ``grad``."""
        torch = self.torch
        parameters, vectors = (tuple(map(self.constant, d[key])) for key in ("parameters", "vectors"))
        X, labels = self.constant(d["X"]), self.constant(d["labels"])
        gradient = torch.func.grad(lambda p: self._hvp_cost(p, X, labels))
        return lambda: (0.0, torch.func.jvp(gradient, (parameters,), (vectors,))[1])


class TorchCompile(Torch):
    """The cost compiled by Inductor; the fused Adam beside it."""

    fused = True

    def compiled(self, f: Any) -> Any:
        """``torch.compile(f)``."""
        return self.torch.compile(f)
