"""Recurrent layers over ``(batch, time, features)``: each returns all hidden states and the last one.

The products with the inputs are taken for all times at once; only the products with the hidden state wait for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import need_count, need_numbers
from ..errors import BadInputError, ShapeError, describe, user_line
from ..failures import what_is
from ..rules import Rule, call, rule
from ..rules.book import untracked
from .functions import sigmoid
from .init import need_float, need_rng
from .layer import Layer

__all__ = ["GRU", "LSTM", "RNN"]

Array = Any


def _times(x: Array) -> tuple[Array, ...]:
    return tuple(x[:, t] for t in range(x.shape[1]))


times: Rule = rule(_times, "x₁ … x_T:  ∂J/∂x = g₁ … g_T side by side",
                   lambda g, _y, _x: np.stack(list(g), axis=1), holomorphic=False, name="times",
                   samples=lambda draw: [call(draw(2, 3, 4))])  # fmt: skip


def _uniform(shape: tuple[int, ...], hidden: int, rng: Any, dtype: Any) -> Array:
    """Uniform within ±1/√hidden, the usual start of recurrent weights."""
    need_rng(rng)
    need_float(dtype)
    for n in shape:
        need_count("a size", n, 1)
    return ((2 * rng.random(shape) - 1) / math.sqrt(hidden)).astype(dtype)


def _need_sequences(x: Array) -> None:
    need_numbers("a recurrent layer", x)
    if np.ndim(untracked(x)) != 3 or not np.shape(untracked(x))[1]:
        raise ShapeError(
            f"recurrent layers take (batch, time, features) with at least one time, not {describe(x)}.{user_line()}"
        )


@dataclass(init=False, repr=False, eq=False)
class RNN(Layer):
    """``h_t = tanh(W_x x_t + W_h h_{t−1} + b)``.

    Parameters
    ----------
    features, hidden : int
    rng : numpy.random.Generator
    dtype : dtype

    Examples
    --------
    >>> H, h = RNN(3, 5, np.random.default_rng(0))(np.ones((2, 4, 3)))
    >>> H.shape, h.shape
    ((2, 4, 5), (2, 5))
    """

    Wx: Array
    Wh: Array
    b: Array

    def __init__(self, features: int, hidden: int, rng: Any, dtype: Any = np.float64) -> None:
        self.Wx = _uniform((hidden, features), hidden, rng, dtype)
        self.Wh = _uniform((hidden, hidden), hidden, rng, dtype)
        self.b = np.zeros(hidden, dtype)

    def __call__(self, x: Array, h: Array | None = None) -> tuple[Array, Array]:
        """All hidden states (batch, time, hidden), and the last."""
        _need_sequences(x)
        h = np.zeros((x.shape[0], self.b.shape[0]), self.b.dtype) if h is None else h
        H = []
        for Wx_x in times(x @ self.Wx.T + self.b):
            h = np.tanh(Wx_x + h @ self.Wh.T)
            H.append(h)
        return np.stack(H, axis=1), h


@dataclass(init=False, repr=False, eq=False)
class GRU(Layer):
    """Gated recurrent unit; the rows of the weights are the gates r, z, n in this order.

    ``r = σ(Wx_r x + bx_r + Wh_r h + bh_r)``, ``z`` alike, ``n = tanh(Wx_n x + bx_n + r (Wh_n h + bh_n))``,
    ``h_t = (1 − z) n + z h_{t−1}``.

    Parameters
    ----------
    features, hidden : int
    rng : numpy.random.Generator
    dtype : dtype

    Examples
    --------
    >>> H, h = GRU(3, 5, np.random.default_rng(0))(np.ones((2, 4, 3)))
    >>> H.shape, h.shape
    ((2, 4, 5), (2, 5))
    """

    Wx: Array
    Wh: Array
    bx: Array
    bh: Array

    def __init__(self, features: int, hidden: int, rng: Any, dtype: Any = np.float64) -> None:
        self.Wx = _uniform((3 * hidden, features), hidden, rng, dtype)
        self.Wh = _uniform((3 * hidden, hidden), hidden, rng, dtype)
        self.bx, self.bh = np.zeros(3 * hidden, dtype), np.zeros(3 * hidden, dtype)

    def __call__(self, x: Array, h: Array | None = None) -> tuple[Array, Array]:
        """All hidden states (batch, time, hidden), and the last."""
        _need_sequences(x)
        n = self.Wh.shape[1]
        h = np.zeros((x.shape[0], n), self.bx.dtype) if h is None else h
        H = []
        for from_x in times(x @ self.Wx.T + self.bx):
            from_h = h @ self.Wh.T + self.bh
            gates = sigmoid(from_x[:, : 2 * n] + from_h[:, : 2 * n])
            reset, keep = gates[:, :n], gates[:, n:]
            candidate = np.tanh(from_x[:, 2 * n :] + reset * from_h[:, 2 * n :])
            h = (1 - keep) * candidate + keep * h
            H.append(h)
        return np.stack(H, axis=1), h


@dataclass(init=False, repr=False, eq=False)
class LSTM(Layer):
    """Long short-term memory; the rows of the weights are the gates i, f, g, o in this order.

    ``i, f, o = σ(…)``, ``g = tanh(…)`` of ``Wx x + Wh h + b``; ``c_t = f c_{t−1} + i g``, ``h_t = o tanh(c_t)``.

    Parameters
    ----------
    features, hidden : int
    rng : numpy.random.Generator
    dtype : dtype

    Examples
    --------
    >>> H, (h, c) = LSTM(3, 5, np.random.default_rng(0))(np.ones((2, 4, 3)))
    >>> H.shape, h.shape, c.shape
    ((2, 4, 5), (2, 5), (2, 5))
    """

    Wx: Array
    Wh: Array
    b: Array

    def __init__(self, features: int, hidden: int, rng: Any, dtype: Any = np.float64) -> None:
        self.Wx = _uniform((4 * hidden, features), hidden, rng, dtype)
        self.Wh = _uniform((4 * hidden, hidden), hidden, rng, dtype)
        self.b = np.zeros(4 * hidden, dtype)

    def __call__(self, x: Array, state: tuple[Array, Array] | None = None) -> tuple[Array, tuple[Array, Array]]:
        """All hidden states (batch, time, hidden), and the last hidden and cell state."""
        _need_sequences(x)
        n = self.Wh.shape[1]
        start = np.zeros((x.shape[0], n), self.b.dtype)
        if state is not None and (not isinstance(state, (tuple, list)) or len(state) != 2):
            raise BadInputError(f"LSTM's state is (h, c), as it returns it, not {what_is(state)}.{user_line()}")
        h, c = (start, start) if state is None else state
        H = []
        for Wx_x in times(x @ self.Wx.T + self.b):
            Z = Wx_x + h @ self.Wh.T
            input_gate, forget, output = sigmoid(Z[:, :n]), sigmoid(Z[:, n : 2 * n]), sigmoid(Z[:, 3 * n :])
            c = forget * c + input_gate * np.tanh(Z[:, 2 * n : 3 * n])
            h = output * np.tanh(c)
            H.append(h)
        return np.stack(H, axis=1), (h, c)
