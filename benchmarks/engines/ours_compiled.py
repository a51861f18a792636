"""This project, compiled: the same costs as eager, each step one `tn.compile` with donated parameters and state."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

import tinygrad_notes as tn
from tinygrad_notes import nn, optim

from ..workloads import Data, one_hot, one_sample_loss
from . import Engine
from .ours import (
    Run,
    conv_cost,
    gpt_cost,
    hessian_cost,
    hvp_cost,
    layer_norm_cost,
    logistic_cost,
    mlp_cost,
    planar_cost,
)


class Compiled(Engine):
    """Traced at the first call."""

    def compiled(self, f: Any, **settings: Any) -> Any:
        """`tn.compile`, with the run's threads."""
        return tn.compile(f, threads=int(os.environ.get("OMP_NUM_THREADS", "1")), **settings)

    def sample(self, d: Data) -> Run:
        """One point: a scalar graph as Python floats."""
        both = self.compiled(tn.value_and_grad(lambda p, x, y: one_sample_loss(p, x, y, nn.relu)))
        return lambda: both(d["parameters"], d["point"], d["label"])

    def descent_step(self, cost: Any, lr: float) -> Any:
        """One step of gradient descent, its parameters donated."""

        def step(parameters: Any, *given: Any) -> Any:
            J, gradients = tn.value_and_grad(cost)(parameters, *given)
            return [p - lr * g for p, g in zip(parameters, gradients, strict=True)], J

        return self.compiled(step, donate=0)

    def descent(self, cost: Any, d: Data, *given: Any) -> Run:
        """Plain gradient descent."""
        step, parameters = self.descent_step(cost, d["lr"]), [p.copy() for p in d["parameters"]]

        def run() -> Any:
            nonlocal parameters
            parameters, J = step(parameters, *given)
            return J, parameters

        return run

    def adam(self, cost: Any, d: Data, *given: Any) -> Run:
        """Adam, its state donated too."""
        optimizer, parameters = optim.Adam(d["lr"]), [p.copy() for p in d["parameters"]]
        state = optimizer.init(parameters)

        def step(parameters: Any, state: Any, *given: Any) -> Any:
            J, gradients = tn.value_and_grad(cost)(parameters, *given)
            return (*optimizer.step(parameters, gradients, state), J)

        whole = self.compiled(step, donate=(0, 1))

        def run() -> Any:
            nonlocal parameters, state
            parameters, state, J = whole(parameters, state, *given)
            return J, parameters

        return run

    def logistic(self, d: Data) -> Run:
        """The notes' cost."""
        return self.descent(logistic_cost, d, d["X"], d["Y"])

    def planar(self, d: Data) -> Run:
        """The notes' network."""
        return self.descent(planar_cost, d, d["X"], d["Y"])

    def planar_loop(self, d: Data) -> Run:
        """All steps from the start in one call."""
        step = self.descent_step(planar_cost, d["lr"])

        def run() -> Any:
            parameters, J = step.repeat(d["steps"], [p.copy() for p in d["parameters"]], d["X"], d["Y"])
            return J[-1], parameters

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
        heads, Y = d["heads"], one_hot(d["labels"], d["parameters"][0].shape[0], np.float32)
        return self.adam(lambda p, tokens, Y: gpt_cost(p, tokens, Y, heads), d, d["tokens"], Y)

    def layer_norm(self, d: Data) -> Run:
        """Value and four gradients."""
        both = self.compiled(tn.value_and_grad(layer_norm_cost))
        return lambda: both(d["parameters"], d["G"])

    def hessian(self, d: Data) -> Run:
        """The whole matrix."""
        second = self.compiled(tn.hessian(hessian_cost))
        return lambda: (0.0, [second(d["w"], d["X"], d["Y"])])

    def hvp(self, d: Data) -> Run:
        """Forward over reverse."""
        Y = one_hot(d["labels"], d["parameters"][-1].size, np.float64)

        def product(parameters: Any, vectors: Any, X: Any, Y: Any) -> Any:
            return tn.hvp(lambda p: hvp_cost(p, X, Y), (parameters,), (vectors,))[0]

        along = self.compiled(product)
        return lambda: (0.0, along(d["parameters"], d["vectors"], d["X"], Y))
