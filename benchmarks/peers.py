"""One adapter per engine: how it runs the programs and what it calls a gradient.

An adapter imports its engine when it is made, so a process holds one engine only: importing PyTorch, for one,
changes the memory allocator for everybody in the process.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from .programs import chain, max_margin_loss, parameters

Outcome = tuple[Any, Any]  # the value, the gradient


class TinygradNotes:
    """This project."""

    package = "tinygrad_notes"

    def __init__(self) -> None:
        from tinygrad_notes import Tensor
        from tinygrad_notes.nn import relu

        self.tensor, self.relu = Tensor, relu

    def chain(self, start: Any, rounds: int) -> Outcome:
        """Forward and backward through the chain."""
        x = self.tensor(start)
        y = chain(x, rounds, np.tanh)
        J = y if y.ndim == 0 else y.sum()
        J.backward()
        return J.data, x.grad

    def demo(self) -> Outcome:
        """micrograd's demo, one pass."""
        p = [self.tensor(w) for w in parameters()]
        loss = max_margin_loss(p, self.relu)
        loss.backward()
        return loss.data, [w.grad for w in p]


class Torch:
    """PyTorch in eager mode, double precision, one thread."""

    package = "torch"

    def __init__(self) -> None:
        import torch

        torch.set_num_threads(1)
        self.torch = torch

    def _leaf(self, value: Any) -> Any:
        return self.torch.tensor(value, dtype=self.torch.float64, requires_grad=True)

    def chain(self, start: Any, rounds: int) -> Outcome:
        """Forward and backward through the chain."""
        x = self._leaf(start)
        y = chain(x, rounds, self.torch.tanh)
        J = y if y.ndim == 0 else y.sum()
        J.backward()
        return J.item(), x.grad.numpy()

    def demo(self) -> Outcome:
        """micrograd's demo with 0-d tensors, one pass."""
        p = [self._leaf(w) for w in parameters()]
        loss = max_margin_loss(p, self.torch.relu)
        loss.backward()
        return loss.item(), [w.grad.item() for w in p]


class Autograd:
    """HIPS autograd."""

    package = "autograd"

    def __init__(self) -> None:
        import autograd
        import autograd.numpy

        self.value_and_grad, self.numpy = autograd.value_and_grad, autograd.numpy

    def chain(self, start: Any, rounds: int) -> Outcome:
        """Forward and backward through the chain."""
        tanh, total = self.numpy.tanh, self.numpy.sum

        def cost(x: Any) -> Any:
            y = chain(x, rounds, tanh)
            return y if np.ndim(start) == 0 else total(y)

        J, dx = self.value_and_grad(cost)(start)
        return J, dx


class MyGrad:
    """MyGrad as installed, its memory guard on."""

    package = "mygrad"

    def __init__(self) -> None:
        import mygrad

        self.mygrad: Any = mygrad

    def chain(self, start: Any, rounds: int) -> Outcome:
        """Forward and backward through the chain."""
        x = self.mygrad.tensor(start)
        y = chain(x, rounds, self.mygrad.tanh)
        J = y if y.ndim == 0 else y.sum()
        J.backward()
        return J.item(), x.grad


class Micrograd:
    """micrograd: scalars only."""

    package = "micrograd"

    def __init__(self) -> None:
        from micrograd.engine import Value

        self.value = Value
        sys.setrecursionlimit(10**6)  # its topological sort is recursive

    def _tanh(self, x: Any) -> Any:
        """micrograd has no tanh: this is one in its own manner."""
        out = self.value(math.tanh(x.data), (x,), "tanh")

        def backward() -> None:
            x.grad += (1 - out.data * out.data) * out.grad

        out._backward = backward
        return out

    def chain(self, start: Any, rounds: int) -> Outcome:
        """Forward and backward through the chain, on one number."""
        x = self.value(start)
        y = chain(x, rounds, self._tanh)
        y.backward()
        return y.data, x.grad

    def demo(self) -> Outcome:
        """Its own demo, one pass."""
        p = [self.value(w) for w in parameters()]
        loss = max_margin_loss(p, self.value.relu)
        loss.backward()
        return loss.data, [w.grad for w in p]


PEERS: dict[str, Callable[[], Any]] = {
    peer.package: peer for peer in (TinygradNotes, Torch, Autograd, MyGrad, Micrograd)
}
