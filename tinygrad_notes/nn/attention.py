"""Attention over ``(batch, time, features)``: ``softmax(Q Kᵀ/√d) V``, in several heads."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..arguments import need_count, need_numbers
from ..errors import BadInputError, ShapeError, describe, user_line
from ..rules.book import untracked
from . import init
from .functions import softmax
from .layer import SETTING, Layer

__all__ = ["MultiHeadAttention", "attention"]

Array = Any


def attention(Q: Array, K: Array, V: Array, causal: bool = False) -> Array:
    """``softmax(Q Kᵀ/√d) V``: each query's mean of the values, weighted by how well the keys match it.

    Parameters
    ----------
    Q, K, V : array or Tensor, shape (…, time, d)
    causal : bool
        A query sees only keys up to its own time.

    Examples
    --------
    >>> V = np.array([[1.0], [3.0]])
    >>> attention(np.zeros((2, 4)), np.zeros((2, 4)), V), attention(np.zeros((2, 4)), np.zeros((2, 4)), V, causal=True)
    (array([[2.], [2.]]), array([[1.], [2.]]))
    """
    scores = (Q / math.sqrt(Q.shape[-1])) @ K.swapaxes(-1, -2)
    if causal:
        scores = scores + np.triu(np.full(scores.shape[-2:], -np.inf, scores.dtype), 1)
    return softmax(scores, axis=-1) @ V


@dataclass(init=False, repr=False, eq=False)
class MultiHeadAttention(Layer):
    """`attention` in `heads` parts of the features at once, between two linear maps.

    Parameters
    ----------
    width : int
        Number of features.
    heads : int
        Divides `width`.
    rng : numpy.random.Generator
    causal : bool
    dtype : dtype

    Raises
    ------
    BadInputError
        If `heads` does not divide `width`.

    Examples
    --------
    >>> layer = MultiHeadAttention(8, 2, np.random.default_rng(0), causal=True)
    >>> layer(np.ones((3, 5, 8))).shape
    (3, 5, 8)
    """

    W: Array
    b: Array
    Wo: Array
    bo: Array
    heads: int = field(metadata=SETTING)
    causal: bool = field(default=False, metadata=SETTING)

    def __init__(self, width: int, heads: int, rng: Any, causal: bool = False, dtype: Any = np.float64) -> None:
        need_count("heads", heads, 1)
        need_count("width", width, 1)
        if width % heads:
            raise BadInputError(f"heads must divide the width: {heads} does not divide {width}.{user_line()}")
        self.W = init.xavier((3 * width, width), rng, dtype=dtype)  # queries, keys, values: one product
        self.b = np.zeros(3 * width, dtype)
        self.Wo, self.bo = init.xavier((width, width), rng, dtype=dtype), np.zeros(width, dtype)
        self.heads, self.causal = heads, causal

    def __call__(self, x: Array) -> Array:
        """Self-attention of ``x`` (batch, time, width)."""
        need_numbers("MultiHeadAttention", x)
        if np.ndim(untracked(x)) != 3:
            raise ShapeError(f"MultiHeadAttention takes (batch, time, width), not {describe(x)}.{user_line()}")
        batch, time, width = x.shape
        QKV = (x @ self.W.T + self.b).reshape(batch, time, 3, self.heads, width // self.heads)
        Q, K, V = QKV.transpose(2, 0, 3, 1, 4)
        A = attention(Q, K, V, self.causal)
        return A.transpose(0, 2, 1, 3).reshape(batch, time, width) @ self.Wo.T + self.bo
