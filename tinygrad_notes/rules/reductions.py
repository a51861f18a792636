"""Reductions."""

from __future__ import annotations

from typing import Any

import numpy as np

from .book import Array, call, rule


def spread(g: Array, shape: tuple[int, ...], axis: Any, keepdims: bool) -> Array:
    """A reduced gradient laid out over the reduced axes again."""
    if axis is None:
        if g.ndim == 0:
            return g
        return np.broadcast_to(g, shape)
    if not keepdims:
        axes = axis if isinstance(axis, tuple) else (axis,)
        axes = tuple(i % len(shape) for i in axes)
        g = g.reshape(tuple(1 if i in axes else n for i, n in enumerate(shape)))
    return np.broadcast_to(g, shape)


rule(
    np.sum,
    "y = Σ a:  g spread over the summed axes",
    lambda g, _y, _a, axis=None, keepdims=False: spread(g, _a.shape, axis, keepdims),
    linear="jointly",
    samples=lambda draw: [call(draw(3, 4)), call(draw(3, 4), axis=0), call(draw(3, 4), axis=(0, -1), keepdims=True)],
)
