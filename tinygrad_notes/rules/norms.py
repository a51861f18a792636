"""Lengths of vectors and sizes of matrices. The slope of every norm at 0 is 0: the least of its subgradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from .book import Array, call, composite, rule
from .by_value import anywhere
from .linear_algebra import array

# ── vectors ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _kept(x: Array, shape: tuple[int, ...], axis: Any) -> Array:
    """A reduced array with its reduced axes back, of length 1."""
    if axis is None:
        return x.reshape((1,) * len(shape)) if shape else x
    axes = {i % len(shape) for i in (axis if isinstance(axis, tuple) else (axis,))}
    return x.reshape(tuple(1 if i in axes else n for i, n in enumerate(shape)))


def _ratio(a: Array, y: Array) -> Array:
    """``a / y``, and 0 where y is 0."""
    zero = y == 0
    return np.where(zero, 0, a) / np.where(zero, 1, y) if anywhere(zero) else a / y


def _vector_norm_pullback(g: Array, y: Array, x: Array, axis: Any, keepdims: bool, ord: Any) -> Array:
    if not keepdims:
        g, y = _kept(g, x.shape, axis), _kept(y, x.shape, axis)
    if ord == 2:
        return g * _ratio(x, y)
    if ord == 1:
        return g * np.sign(x)
    if ord == 0:
        return g * 0
    if ord in (np.inf, -np.inf):
        extreme = (np.abs(x) == y) / np.sum(np.abs(x) == y, axis=axis, keepdims=True)
        return g * np.sign(x) * extreme.astype(y.dtype)
    if ord < 1:
        return g * np.sign(x) * _ratio(y, np.abs(x)) ** (1 - ord)
    return g * np.sign(x) * _ratio(np.abs(x), y) ** (ord - 1)


rule(
    np.linalg.vector_norm,
    "y = (Σ|x|ᵖ)¹ᐟᵖ:  g sign(x) (|x|/y)ᵖ⁻¹,  for p = 2 g x/y  (0 at 0)",
    lambda g, y, x, axis=None, keepdims=False, ord=2: _vector_norm_pullback(g, y, x, axis, keepdims, ord),
    holomorphic=False,
    kinks={(0.0,): (0.0,)},
    samples=lambda draw: (
        [
            call(draw(4)),
            call(draw(3, 4)),
            call(draw(3, 4), axis=1),
            call(draw(3, 4), axis=0, keepdims=True),
            call(draw(2, 3, 4), axis=(0, 2)),
            call(draw(2, 3), keepdims=True),
        ]
        + [call(draw(3, 4), axis=-1, ord=p) for p in (1, 2, 3, 2.5, 0.5, -1, -2, np.inf, -np.inf, 0)]
    ),
)

# ── matrices ─────────────────────────────────────────────────────────────────────────────────────────────────────


@composite(
    np.linalg.matrix_norm,
    "Frobenius: √Σ|a|²; nuclear: Σσ; 2: σ₁; 1, ∞: the largest column, row sum of |a|",
    samples=lambda draw: (
        [call(draw(3, 4)), call(draw(2, 3, 4), keepdims=True), call(draw(0, 2)), call(draw(2, 3, 0), ord="nuc")]
        + [call(draw(4, 3), ord=p) for p in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)]
        + [call(draw(2, 3, 3), ord=p, keepdims=True) for p in ("nuc", 1, 2)]
    ),
)
def _matrix_norm(x: Array, /, *, keepdims: Any = False, ord: Any = "fro") -> Array:
    if ord in (None, "fro", "f"):
        return np.linalg.vector_norm(x, axis=(-2, -1), keepdims=keepdims)
    if ord == "nuc":
        y = np.sum(np.linalg.svdvals(x), axis=-1)
    elif ord in (2, -2):
        values = np.linalg.svdvals(x)
        y = values[..., 0 if ord > 0 else -1] if values.shape[-1] else _extreme(values, ord)
    elif ord in (1, -1):
        y = _extreme(np.sum(np.abs(x), axis=-2), ord)
    elif ord in (np.inf, -np.inf):
        y = _extreme(np.sum(np.abs(x), axis=-1), ord)
    else:
        from ..errors import BadInputError, user_line

        raise BadInputError(f"ord={ord!r} is no norm of matrices: fro, nuc, 1, -1, 2, -2, inf or -inf.{user_line()}")
    return y[..., None, None] if keepdims else y


def _extreme(sums: Array, ord: float) -> Array:
    """The largest, 0 of none, or the smallest."""
    if ord < 0:
        return np.min(sums, axis=-1)
    return np.max(sums, axis=-1) if sums.shape[-1] else np.sum(sums, axis=-1)


@composite(
    np.linalg.norm,
    "see vector_norm, matrix_norm",
    samples=lambda draw: (
        [
            call(draw(4)),
            call(draw(3, 4)),
            call(draw(2, 3, 4)),
            call(draw(3, 4), keepdims=True),
            call(draw(3, 4), axis=0),
            call(draw(2, 3, 4), axis=(0, 2)),
            call(draw(2, 3, 4), 1, (2, 0), True),
            call(draw(2, 3, 4), np.inf, (0, -1)),
        ]
        + [call(draw(5), p) for p in (1, 2, 3, 2.5, 0.5, -1, -2, np.inf, -np.inf, 0)]
        + [call(draw(3, 4), p, axis=1, keepdims=True) for p in (1, 2, 3, np.inf)]
        + [call(draw(3, 4), p) for p in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)]
    ),
)
def _norm(x: Array, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Array:
    x = array(x)
    if axis is None and ord is None:
        return np.linalg.vector_norm(x, keepdims=keepdims)
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if len(axes) == 1 and not isinstance(ord, str):
        return np.linalg.vector_norm(x, axis=axes[0], keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axes) != 2:
        from ..errors import ShapeError, user_line

        raise ShapeError(f"norm with ord={ord!r} is for vectors and matrices: give axis= one or two axes.{user_line()}")
    y = np.linalg.matrix_norm(np.moveaxis(x, axes, (-2, -1)), ord="fro" if ord is None else ord)
    return _kept(y, x.shape, axes) if keepdims else y


@composite(
    np.linalg.cond,
    "κ = ‖A‖ ‖A⁻¹‖; by default σ₁/σₙ",
    samples=lambda draw: (
        [call(draw(3, 3) + 3 * np.eye(3)), call(draw(4, 3))]
        + [call(draw(3, 3) + 3 * np.eye(3), p) for p in (2, -2, "fro", "nuc", 1, -1, np.inf, -np.inf)]
    ),
)
def _cond(x: Array, p: Any = None) -> Array:
    if p in (None, 2, -2):
        s = np.linalg.svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return np.linalg.matrix_norm(x, ord=p) * np.linalg.matrix_norm(np.linalg.inv(x), ord=p)
