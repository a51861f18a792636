"""Polynomials and their zeros."""

from __future__ import annotations

import numpy as np

from .book import Array, Rule, beside, call, composite, rule, untracked


def _roots(p: Array) -> Array:
    return np.roots(p)


def _roots_pullback(g: Array, y: Array, p: Array) -> Array:
    """``Σ pᵢ rⁿ⁻ⁱ = 0`` all the way: ``dr = −Σ rⁿ⁻ⁱ dpᵢ / p'(r)``."""
    powers = beside(np.arange(len(p) - 1, -1, -1, dtype=np.finfo(p.dtype).dtype), p)
    columns = y[:, None]
    slope = np.sum(p[:-1] * powers[:-1] * columns ** powers[1:], axis=-1)
    return -(g / slope) @ columns**powers


roots: Rule = rule(
    _roots,
    "p(r) = 0:  ∂r/∂pᵢ = −rⁿ⁻ⁱ / p'(r)",
    lambda g, y, p: _roots_pullback(g, y, p),
    name="roots",
    samples=lambda draw: [call(draw(4) / 4 + np.array([1.0, -5.0, 3.0, 2.0])), call(np.array([1.0, 0.5, 2.0]))],
)


@composite(
    np.roots,
    "see roots; leading zeros are no coefficients",
    samples=lambda draw: [
        call(draw(4) / 4 + np.array([1.0, -5.0, 3.0, 2.0])),
        call(draw(3) / 4 + np.array([1.0, 0.5, 2.0])),
        call(np.array([0.0, 1.0, -3.0, 2.0])[1:]),
    ],
)
def _np_roots(p: Array) -> Array:
    p = np.atleast_1d(p)
    significant = np.flatnonzero(p != 0)
    if p.ndim != 1 or not len(significant):
        return np.roots(p.data)
    return roots(p[int(significant[0]) :])


@composite(
    np.poly,
    "the coefficients of Π (x − rᵢ); of a matrix, its characteristic polynomial",
    samples=lambda draw: [call(draw(3)), call(draw(1)), call(draw(3, 3) / 4 + np.diag([1.0, 2.0, 3.0]))],
)
def _poly(seq_of_zeros: Array) -> Array:
    zeros = np.atleast_1d(seq_of_zeros)
    if zeros.dtype == np.float16:
        zeros = zeros.astype(np.float64)  # as NumPy does
    real = not np.iscomplexobj(zeros)
    if zeros.ndim == 2:
        zeros = np.linalg.eigvals(zeros)
    real = real or _pairs_of_conjugates(untracked(zeros))
    p = beside(np.ones(1, zeros.dtype), zeros)
    end = beside(np.zeros(1, zeros.dtype), zeros)
    for k in range(zeros.shape[0]):
        p = np.concatenate([p, end]) - zeros[k] * np.concatenate([end, p])
    return np.real(p) if real else p


def _pairs_of_conjugates(zeros: Array) -> bool:
    """Whether the coefficients are real: then NumPy's result is."""
    return bool(np.array_equal(np.sort(zeros), np.sort(zeros.conj())))
