"""Normalisation inside a network: ``y = γ (x − μ)/√(σ² + ε) + β``, μ and σ² over the batch or over the features."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..arguments import need_axis, need_numbers
from ..errors import BadInputError, ShapeError, describe, user_line
from ..tensor import Tensor, stop_gradient
from .functions import standardize
from .layer import SETTING, Layer

__all__ = ["BatchNorm", "LayerNorm"]

Array = Any


def _along(values: Array, axis: int, ndim: int) -> Array:
    """A vector laid along one axis of an array with `ndim` axes."""
    return values.reshape(tuple(-1 if i == axis % ndim else 1 for i in range(ndim)))


@dataclass(init=False, repr=False, eq=False)
class BatchNorm(Layer):
    """Each feature is given mean β and standard deviation γ over the batch.

    Parameters
    ----------
    features : int
    axis : int
        Where the features are: 0 for columns (n, m), 1 for images (N, C, H, W).
    momentum : float
        How much of a new batch goes into the running statistics.
    epsilon : float
    dtype : dtype

    Examples
    --------
    >>> norm = BatchNorm(2)
    >>> X = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
    >>> norm(X).round(3)                       # by the batch's own statistics
    array([[-1.225,  0.   ,  1.225],
           [-1.225,  0.   ,  1.225]])
    >>> Y, state = norm.train(X, norm.state()) # the same, and the running statistics move
    >>> state["mean"]
    array([0.2, 2. ])
    >>> norm(X, state).shape                   # by the running statistics
    (2, 3)
    """

    gamma: Array
    beta: Array
    axis: int = field(default=0, metadata=SETTING)
    momentum: float = field(default=0.1, metadata=SETTING)
    epsilon: float = field(default=1e-5, metadata=SETTING)

    def __init__(
        self, features: int, axis: int = 0, momentum: float = 0.1, epsilon: float = 1e-5, dtype: Any = np.float64
    ) -> None:
        self.gamma, self.beta = np.ones(features, dtype), np.zeros(features, dtype)
        self.axis, self.momentum, self.epsilon = axis, momentum, epsilon

    def __call__(self, x: Array, state: Any = None) -> Array:
        """Normalise by the batch's statistics, or by `state` where given."""
        need_numbers("BatchNorm", x)
        ndim = x.ndim
        need_axis(self.axis, x, "x")
        if x.shape[self.axis] != self.gamma.shape[0]:
            raise ShapeError(
                f"BatchNorm of {self.gamma.shape[0]} features along axis {self.axis}, not {describe(x)}.{user_line()}"
            )
        if state is not None and not (isinstance(state, dict) and {"mean", "variance"} <= set(state)):
            raise BadInputError(f"BatchNorm's state is what norm.state() or norm.train() made.{user_line()}")
        if state is None:
            y = standardize(x, self._others(ndim), self.epsilon)
        else:
            deviation = np.sqrt(state["variance"] + self.epsilon)
            y = (x - _along(state["mean"], self.axis, ndim)) / _along(deviation, self.axis, ndim)
        return _along(self.gamma, self.axis, ndim) * y + _along(self.beta, self.axis, ndim)

    def _others(self, ndim: int) -> tuple[int, ...]:
        return tuple(i for i in range(ndim) if i != self.axis % ndim)

    def state(self) -> dict[str, Array]:
        """Running mean 0 and variance 1."""
        zero = stop_gradient(self.beta) * 0
        return {"mean": zero, "variance": zero + 1}

    def run(self, x: Array, rng: Any = None, state: Any = None) -> Array:  # noqa: ARG002 (draws nothing)
        """As calling it."""
        return self(x, state)

    def train(self, x: Array, state: Any, rng: Any = None) -> tuple[Array, Any]:  # noqa: ARG002 (draws nothing)
        """Normalise by the batch and move the running statistics towards it (its unbiased variance)."""
        values = x.data if isinstance(x, Tensor) else x  # running statistics carry no gradient
        others = self._others(x.ndim)
        m = x.size // x.shape[self.axis]
        new, old = self.momentum, 1 - self.momentum
        variance = np.var(values, axis=others) * (m / max(m - 1, 1))
        return self(x), {
            "mean": old * state["mean"] + new * np.mean(values, axis=others),
            "variance": old * state["variance"] + new * variance,
        }


@dataclass(init=False, repr=False, eq=False)
class LayerNorm(Layer):
    """Each example is given mean 0 and variance 1 over its features, then ``γ … + β``.

    Parameters
    ----------
    features : int
    axis : int
        Where the features are: last by default, as in (batch, time, features); 0 for columns.
    epsilon : float
    dtype : dtype

    Examples
    --------
    >>> LayerNorm(3)(np.array([[1.0, 2.0, 3.0]])).round(3)
    array([[-1.225,  0.   ,  1.225]])
    """

    gamma: Array
    beta: Array
    axis: int = field(default=-1, metadata=SETTING)
    epsilon: float = field(default=1e-5, metadata=SETTING)

    def __init__(self, features: int, axis: int = -1, epsilon: float = 1e-5, dtype: Any = np.float64) -> None:
        self.gamma, self.beta = np.ones(features, dtype), np.zeros(features, dtype)
        self.axis, self.epsilon = axis, epsilon

    def __call__(self, x: Array) -> Array:
        """``γ (x − μ)/√(σ² + ε) + β``."""
        need_numbers("LayerNorm", x)
        need_axis(self.axis, x, "x")
        if x.shape[self.axis] != self.gamma.shape[0]:
            raise ShapeError(
                f"LayerNorm of {self.gamma.shape[0]} features along axis {self.axis}, not {describe(x)}.{user_line()}"
            )
        y = standardize(x, self.axis, self.epsilon)
        return _along(self.gamma, self.axis, x.ndim) * y + _along(self.beta, self.axis, x.ndim)
