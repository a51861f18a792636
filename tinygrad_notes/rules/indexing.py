"""Indexing: ``t[i]`` of every NumPy kind, and ``t[i] = v`` as a function that returns the updated array."""

from __future__ import annotations

from typing import Any

import numpy as np

from .book import Array, Rule, call, rule

__all__ = ["getitem", "putitem", "scatter_add"]


def _getitem(a: Array, index: Any) -> Array:
    return a[index]


def _scatter_add(g: Array, shape: tuple[int, ...], index: Any) -> Array:
    """Zeros of `shape` with `g` added at `index`; a place named twice gets both."""
    out = np.zeros(shape, g.dtype, like=g) if hasattr(g, "__array_function__") and g.ndim else np.zeros(shape, g.dtype)
    if _is_basic(index):
        out[index] = g
    else:
        np.add.at(out, index, g)
    return out


def _is_basic(index: Any) -> bool:
    """Whether the index names each place at most once (slices, integers, masks)."""
    if isinstance(index, tuple):
        return all(map(_is_basic, index))
    if isinstance(index, (slice, int, np.integer)) or index is None or index is Ellipsis:
        return True
    return isinstance(index, np.ndarray) and index.dtype == bool


def _putitem(a: Array, value: Array, index: Any) -> Array:
    out = np.array(a, copy=True) if not hasattr(a, "copy") else a.copy()
    if np.ndim(out) == 0:
        out = np.array(out)
    out[index] = value
    return out


getitem: Rule = rule(
    _getitem,
    "y = a[i]:  ∂J/∂a gets g at i, 0 elsewhere",
    lambda g, _y, _a, index: scatter_add(g, _a.shape, index),
    name="getitem",
    linear="jointly",
    samples=lambda draw: [
        call(draw(3, 4), 1),
        call(draw(3, 4), (slice(None), -1)),
        call(draw(5), slice(None, None, -2)),
        call(draw(3, 4), (Ellipsis, None, slice(1, 3))),
        call(draw(5), np.array([0, 2, 2, -1])),
        call(draw(5), [0, 2, 2]),
        call(draw(3, 4), (np.array([[0], [2]]), np.array([1, 1]))),
        call(draw(3, 4), np.arange(12).reshape(3, 4) % 3 == 0),
        call(draw(3, 4), (np.array([True, False, True]), slice(None))),
        call(draw(2, 3, 4), (slice(None), [0, 0, 2], np.array([1, 1, 3]))),
        call(draw(), ()),
        call(draw(0, 3), slice(None)),
        call(draw(5), np.array([], dtype=int)),
    ],
)

scatter_add: Rule = rule(
    _scatter_add,
    "y = 0 with g added at i:  ∂J/∂g = g'[i]",
    lambda g, _y, _x, shape, index: g[index],
    name="scatter_add",
    linear="jointly",
    samples=lambda draw: [
        call(draw(3), (5,), np.array([0, 2, 2])),
        call(draw(2, 4), (3, 4), slice(0, 2)),
        call(draw(), (), ()),
    ],
)

putitem: Rule = rule(
    _putitem,
    "y = a with y[i] = v:  ∂J/∂a = g with 0 at i,  ∂J/∂v = g[i]",
    lambda g, _y, _a, _value, index: putitem(g, 0.0, index),
    lambda g, _y, _a, _value, index: g[index],
    name="putitem",
    linear="jointly",
    samples=lambda draw: [
        call(draw(3, 4), draw(4), 1),
        call(draw(3, 4), draw(), (slice(None), 0)),
        call(draw(5), draw(3), np.array([0, 2, 4])),
        call(draw(5), draw(), np.arange(5) % 2 == 0),
        call(draw(), draw(), ()),
    ],
)
