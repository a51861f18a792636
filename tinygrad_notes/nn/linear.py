"""Linear maps, look-up tables and dropout. Examples are columns: ``Z = W @ A + b`` with ``A`` (n_in, m)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..arguments import need_count
from ..errors import BadInputError, ShapeError, user_line
from . import init
from .functions import dropout, need_keep_prob
from .layer import SETTING, Layer

__all__ = ["Dropout", "Embedding", "Linear"]

Array = Any


@dataclass(init=False, repr=False, eq=False)
class Linear(Layer):
    """``Z = W @ A + b`` with ``W`` (n_out, n_in), ``b`` (n_out, 1): examples are columns.

    With ``layout="rows"`` features come last, ``x @ W.T + b`` with ``b`` (n_out,), as in (batch, time, features).

    Parameters
    ----------
    n_in, n_out : int
    rng : numpy.random.Generator
    init : callable
        Start values of W, from `nn.init`; He's by default.
    bias : bool
    layout : {"columns", "rows"}
    dtype : dtype

    Raises
    ------
    BadInputError
        For another layout.

    Examples
    --------
    >>> Linear(3, 4, np.random.default_rng(0))
    Linear(W (4, 3), b (4, 1); 16 parameters)
    """

    W: Array
    b: Array
    layout: str = field(default="columns", metadata=SETTING)

    def __init__(
        self,
        n_in: int,
        n_out: int,
        rng: Any,
        init: Callable[..., Array] = init.he,
        bias: bool = True,
        layout: str = "columns",
        dtype: Any = np.float64,
    ) -> None:
        if layout not in ("columns", "rows"):
            raise BadInputError(f'layout is "columns" or "rows", not {layout!r}.{user_line()}')
        need_count("n_in", n_in, 1)
        need_count("n_out", n_out, 1)
        self.layout = layout
        self.W = init((n_out, n_in), rng, dtype=dtype)
        self.b = np.zeros((n_out, 1) if layout == "columns" else n_out, dtype) if bias else None

    def __call__(self, A: Array) -> Array:
        """``W @ A + b``."""
        if self.layout == "columns" and self.b is not None and np.ndim(A) == 1:
            raise ShapeError(
                f"Linear takes examples as columns, ({self.W.shape[1]}, m), not {tuple(np.shape(A))}: one example is "
                f"x[:, None].{user_line()}"
            )
        Z = self.W @ A if self.layout == "columns" else A @ self.W.T
        return Z if self.b is None else Z + self.b

    def __repr__(self) -> str:
        return super().__repr__().replace(", layout=columns", "").replace(", layout='columns'", "")


@dataclass(init=False, repr=False, eq=False)
class Embedding(Layer):
    """A table with one row per symbol: ``E[indices]``, the same as a one-hot times ``E``.

    Parameters
    ----------
    symbols, features : int
    rng : numpy.random.Generator
    scale : float
        Standard deviation of the start values.
    dtype : dtype

    Examples
    --------
    >>> Embedding(10, 4, np.random.default_rng(0))(np.array([[1, 2, 1]])).shape
    (1, 3, 4)
    """

    E: Array

    def __init__(self, symbols: int, features: int, rng: Any, scale: float = 1.0, dtype: Any = np.float64) -> None:
        need_count("symbols", symbols, 1)
        need_count("features", features, 1)
        init.need_rng(rng)
        self.E = (rng.standard_normal((symbols, features)) * scale).astype(dtype)

    def __call__(self, indices: Array) -> Array:
        """Row ``indices[…]`` of the table at each place."""
        return self.E[indices if hasattr(indices, "__array_function__") else np.asarray(indices)]


@dataclass(repr=False, eq=False)
class Dropout(Layer):
    """Inverted dropout: on when the model is called with ``rng``, off otherwise.

    Parameters
    ----------
    keep_prob : float
        Probability to keep a unit.

    Examples
    --------
    >>> drop = Dropout(0.5)
    >>> drop(np.ones(4)), drop(np.ones(4), np.random.default_rng(0))
    (array([1., 1., 1., 1.]), array([0., 2., 2., 2.]))
    """

    keep_prob: float = field(metadata=SETTING)

    def __post_init__(self) -> None:
        need_keep_prob(self.keep_prob)

    def __call__(self, A: Array, rng: Any = None) -> Array:
        """``A * D / keep_prob``, or `A` itself without `rng`."""
        return dropout(A, self.keep_prob, rng)

    def run(self, x: Array, rng: Any = None, state: Any = None) -> Array:  # noqa: ARG002 (keeps nothing)
        """As calling it."""
        return self(x, rng)
