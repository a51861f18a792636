"""micrograd: one number at a time."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

from ..workloads import Data, chain, max_margin_loss, one_sample_loss
from . import Engine

Run = Callable[[], Any]


class Micrograd(Engine):
    """`Value`, with a tanh of its kind beside its relu."""

    def __init__(self) -> None:
        from micrograd.engine import Value

        self.value = Value
        sys.setrecursionlimit(10**6)  # its topological sort is recursive

    def tanh(self, x: Any) -> Any:
        """micrograd has no tanh: this is one in its own manner."""
        out = self.value(math.tanh(x.data), (x,), "tanh")

        def backward() -> None:
            x.grad += (1 - out.data * out.data) * out.grad

        out._backward = backward
        return out

    def chain(self, d: Data) -> Run:
        """Forward and backward through the chain, on one number."""

        def run() -> Any:
            x = self.value(d["start"])
            y = chain(x, d["rounds"], self.tanh)
            y.backward()
            return y.data, [x.grad]

        return run

    def demo(self, d: Data) -> Run:
        """Its own demo, one pass."""

        def run() -> Any:
            p = [self.value(w) for w in d["parameters"]]
            loss = max_margin_loss(p, self.value.relu, d["points"], d["labels"])
            loss.backward()
            return loss.data, [w.grad for w in p]

        return run

    def sample(self, d: Data) -> Run:
        """One point of it."""

        def run() -> Any:
            p = [self.value(w) for w in d["parameters"]]
            loss = one_sample_loss(p, d["point"], d["label"], self.value.relu)
            loss.backward()
            return loss.data, [w.grad for w in p]

        return run
