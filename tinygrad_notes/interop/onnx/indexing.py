"""``a[i]`` of every NumPy kind as ONNX nodes, and ``a[i] = v`` by the places that ``a[i]`` names."""

from __future__ import annotations

from typing import Any

import numpy as np

from .builder import BOOL, INT, Builder
from .program import Counting, Dim
from .symbol import Ref

__all__ = ["getitem", "places", "scatter"]

FAR = np.iinfo(np.int64).max


class Advanced:
    """An array among the indices: what to write for it, and how many axes it has."""

    __slots__ = ("axes", "operand")

    def __init__(self, operand: Any, axes: int) -> None:
        self.operand: Any = operand
        self.axes: int = axes


def _entries(b: Builder, index: Any, shape: tuple[Any, ...]) -> list[Any]:
    """One entry per axis (``None`` adds one): a slice, an integer, an `Advanced`."""
    given = list(index) if isinstance(index, tuple) else [index]
    found: list[Any] = []
    used = 0
    for i in given:
        if isinstance(i, list):
            i = np.asarray(i, dtype=None if i else int)
        if isinstance(i, np.ndarray) and i.dtype == bool:
            used += i.ndim
            found += [Advanced(part.astype(np.int64), 1) for part in np.nonzero(i)]
            continue
        if isinstance(i, (bool, np.bool_)):  # a new axis of length 1 or 0
            found += [None, Advanced(np.zeros(int(i), np.int64), 1)]
            continue
        used += i is not None and i is not Ellipsis
        if isinstance(i, np.ndarray):
            found.append(Advanced(i.astype(np.int64), i.ndim) if i.ndim else int(i))
        elif isinstance(i, Ref):
            if b.kinds[b.operand(i)] == BOOL:
                raise NotImplementedError("a mask that is computed, because the result's shape depends on values")
            found.append(Advanced(b.cast(i, INT), len(b.shapes[i.index])))
        elif isinstance(i, Counting):
            found.append(Advanced(b.cast(i, INT), len(i.shape)))
        else:
            found.append(i)
    missing = [slice(None)] * (len(shape) - used)
    if any(i is Ellipsis for i in found):
        at = next(k for k, i in enumerate(found) if i is Ellipsis)
        return [*found[:at], *missing, *found[at + 1 :]]
    return found + missing


def getitem(b: Builder, a: Any, shape: tuple[Any, ...], index: Any) -> Any:
    """``a[index]``."""
    entries = _entries(b, index, shape)
    a = _with_new_axes(b, a, entries)
    entries = _bool_axes_joined(entries)
    a = _sliced(b, a, entries)
    if not any(isinstance(i, Advanced) for i in entries):
        return _without_integers(b, a, entries)
    return _gathered(b, a, entries)


def _with_new_axes(b: Builder, a: Any, entries: list[Any]) -> Any:
    new = [k for k, i in enumerate(entries) if i is None]
    before = [k - sum(_is_bool_pair(entries, j) for j in range(k)) for k in new]
    return b.Unsqueeze(a, np.array(before)) if new else a


def _is_bool_pair(entries: list[Any], k: int) -> bool:
    """Whether the entry at `k` indexes the new axis made just before it for a plain bool."""
    i = entries[k]
    return isinstance(i, Advanced) and k > 0 and entries[k - 1] is None and _is_of_a_bool(i)


def _is_of_a_bool(i: Advanced) -> bool:
    return isinstance(i.operand, np.ndarray) and i.operand.shape in ((0,), (1,)) and not i.operand.any()


def _bool_axes_joined(entries: list[Any]) -> list[Any]:
    joined: list[Any] = []
    for k, i in enumerate(entries):
        if _is_bool_pair(entries, k):
            joined[-1] = i
        else:
            joined.append(slice(None) if i is None else i)
    return joined


def _sliced(b: Builder, a: Any, entries: list[Any]) -> Any:
    axes = [k for k, i in enumerate(entries) if isinstance(i, slice) and i != slice(None)]
    if not axes:
        return a
    starts, stops, steps = [], [], []
    for k in axes:
        i = entries[k]
        step = 1 if i.step is None else int(i.step)
        steps.append(step)
        starts.append(i.start if i.start is not None else 0 if step > 0 else FAR)
        stops.append(i.stop if i.stop is not None else FAR if step > 0 else -FAR)
    return b.Slice(a, b.ints(starts), b.ints(stops), np.array(axes), np.array(steps))


def _without_integers(b: Builder, a: Any, entries: list[Any]) -> Any:
    for k in reversed(range(len(entries))):
        i = entries[k]
        if not isinstance(i, slice):
            a = b.Gather(a, b.number(i), axis=k)
    return a


def _gathered(b: Builder, a: Any, entries: list[Any]) -> Any:
    """Arrays (and integers beside them) pick together, as NumPy broadcasts them against each other."""
    axes = [k for k, i in enumerate(entries) if not isinstance(i, slice)]
    rest = [k for k, i in enumerate(entries) if isinstance(i, slice)]
    chosen = [entries[k] if isinstance(entries[k], Advanced) else Advanced(b.number(entries[k]), 0) for k in axes]
    ndim = max(i.axes for i in chosen)
    if len(chosen) == 1:
        return b.Gather(a, chosen[0].operand, axis=axes[0])
    if all(isinstance(i.operand, np.ndarray) for i in chosen):
        stacked: Any = np.stack(np.broadcast_arrays(*(i.operand for i in chosen)), axis=-1)
    else:
        total: Any = np.zeros((), np.int64)  # an array of the common shape
        for i in chosen:
            total = b.node("Add", [total, b.node("Mul", [i.operand, np.array(0)], dtype=INT)], dtype=INT)
        full = [b.node("Add", [i.operand, total], dtype=INT) for i in chosen]
        parts = [b.node("Unsqueeze", [i, np.array([ndim])], dtype=INT) for i in full]
        stacked = b.node("Concat", parts, dtype=INT, axis=ndim)
    if rest:
        a = b.Transpose(a, perm=[*axes, *rest])
    y = b.GatherND(a, stacked)
    contiguous = axes == list(range(axes[0], axes[-1] + 1))
    first = axes[0] if contiguous else 0
    order = list(range(ndim, ndim + len(rest)))
    perm = [*order[:first], *range(ndim), *order[first:]]
    return y if perm == sorted(perm) else b.Transpose(y, perm=perm)


def places(b: Builder, shape: tuple[Any, ...], index: Any) -> Any:
    """The flat places that ``a[index]`` reads, as an array of integers (a constant where all is known)."""
    if not any(isinstance(n, Dim) for n in shape) and not _is_open(index):
        return np.arange(int(np.prod(shape))).reshape(shape)[index]
    counted = b.node("Range", [np.array(0), _size(b, shape), np.array(1)], dtype=INT)
    return getitem(b, b.node("Reshape", [counted, b.ints(shape)], dtype=INT), shape, index)


def _is_open(index: Any) -> bool:
    if isinstance(index, (tuple, list)):
        return any(map(_is_open, index))
    if isinstance(index, slice):
        return any(isinstance(i, Dim) for i in (index.start, index.stop, index.step))
    return isinstance(index, (Ref, Counting, Dim))


def _size(b: Builder, shape: tuple[Any, ...]) -> Any:
    return b.node("ReduceProd", [b.ints(shape)], dtype=INT, keepdims=0)


def scatter(b: Builder, a: Any, value: Any, shape: tuple[Any, ...], index: Any, reduction: str = "none") -> Any:
    """`a` with `value` written (or added) at `index`; of values for one place the last one stays."""
    where = places(b, shape, index)
    flat = b.Reshape(a, np.array([-1]))
    if isinstance(where, np.ndarray) or np.isscalar(where):
        where = np.asarray(where)
        value = b.Reshape(b.Expand(value, np.array(where.shape, np.int64)), np.array([-1]))
        where = where.ravel()
        if reduction == "none" and len(np.unique(where)) < len(where):
            last = np.sort([len(where) - 1 - k for k in np.unique(where[::-1], return_index=True)[1]])
            where, value = where[last], b.Gather(value, last, axis=0)
    else:
        value = b.Reshape(b.Expand(value, b.node("Shape", [where], dtype=INT)), np.array([-1]))
        where = b.node("Reshape", [where, np.array([-1])], dtype=INT)
    y = b.ScatterElements(flat, where, value, axis=0, reduction=reduction)
    return b.reshaped(y, shape)
