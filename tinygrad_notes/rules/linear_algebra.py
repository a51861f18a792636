"""Linear algebra."""

from __future__ import annotations

import numpy as np

from .book import Array, rule


def _matmul_a(g: Array, a: Array, b: Array) -> Array:
    if b.ndim == 1:
        return g[..., None] * b if a.ndim > 1 else g * b
    if a.ndim == 1:
        return (g[..., None, :] * b).sum(-1)
    return g @ b.swapaxes(-1, -2)


def _matmul_b(g: Array, a: Array, b: Array) -> Array:
    if a.ndim == 1:
        return a[:, None] * g[..., None, :] if b.ndim > 1 else g * a
    if b.ndim == 1:
        return (a * g[..., None]).sum(tuple(range(a.ndim - 1)))
    return a.swapaxes(-1, -2) @ g


rule(
    np.matmul,
    "Y = A B:  ∂J/∂A = g Bᵀ,  ∂J/∂B = Aᵀ g",
    lambda g, _y, _a, b: _matmul_a(g, _a, b),
    lambda g, _y, a, _b: _matmul_b(g, a, _b),
    linear="each",
)
