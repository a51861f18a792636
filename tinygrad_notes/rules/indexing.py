"""Indexing: ``t[i]`` of every NumPy kind, and ``t[i] = v`` as a function that returns the updated array.

Whatever picks entries (take, compress, delete …) has one derivative: g goes back to the place it was taken from, and
adds up where a place was taken twice. Whatever writes into its argument (put, copyto, fill_diagonal …) updates the
Tensor's handle, as ``t[i] = v`` does; what was computed before keeps the value it was computed from.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from .book import (
    Array,
    Rule,
    all_axes,
    beside,
    call,
    composite,
    is_tracked,
    one_axis,
    plain,
    rule,
    untracked,
)
from .by_value import anywhere, as_one_call

__all__ = ["getitem", "putitem", "scatter_add"]


def _getitem(a: Array, index: Any) -> Array:
    return a[index]


def _scatter_add(g: Array, shape: tuple[int, ...], index: Any) -> Array:
    """Zeros of `shape` with `g` added at `index`; a place named twice gets both."""
    out = np.zeros(shape, g.dtype) if isinstance(g, np.generic) else np.zeros(shape, g.dtype, like=g)
    if _is_basic(index):
        out[index] = g
    elif type(g) is type(index) is np.ndarray and g.ndim > index.ndim and g.size > 4096:
        _add_rows(out, index.ravel() % shape[0], g.reshape(index.size, *shape[1:]))
    else:
        np.add.at(out, index, g)
    return out if shape else out[()]


def _add_rows(out: Array, rows: Array, g: Array) -> None:
    """``np.add.at(out, rows, g)`` into zeros at a fifth of its price: g sorted by row, then summed (pairwise)."""
    order = np.argsort(rows, kind="stable")
    rows = rows[order]
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    out[rows[starts]] = np.add.reduceat(g[order], starts, axis=0)


def _is_basic(index: Any) -> bool:
    """Whether the index names each place at most once (slices, integers, masks)."""
    if isinstance(index, tuple):
        return all(map(_is_basic, index))
    if isinstance(index, (slice, int, np.integer, np.bool_)) or index is None or index is Ellipsis:
        return True
    return isinstance(index, np.ndarray) and index.dtype == bool


def _putitem(a: Array, value: Array, index: Any) -> Array:
    if not hasattr(type(a), "__record_call__"):
        return _put_into_copy(a, value, index)
    out = a.copy()
    out[index] = value
    return out


@as_one_call
def _put_into_copy(a: Array, value: Array, index: Any) -> Array:
    out = np.array(a) if isinstance(a, (np.generic, float, complex)) else a.copy()
    out[index] = value
    return out


def _last_written(g: Array, shape: tuple[int, ...], index: Any) -> Array:
    """``g[index]``, with 0 for values that a later one overwrote because the index names a place twice."""
    taken = g[index]
    if _is_basic(index):
        return taken
    turns = beside(np.arange(taken.size).reshape(taken.shape), taken)
    last = beside(np.full(shape, -1), taken)
    last[index] = turns
    lost = last[index] != turns
    return np.where(lost, 0, taken) if anywhere(lost) else taken


def _with_axes_of(taken: Array, value: Any) -> Array:
    """NumPy lets a value have more axes in front than its place, all of size 1."""
    more = getattr(value, "ndim", 0) - taken.ndim
    return taken.reshape((1,) * more + taken.shape) if more > 0 else taken


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
        call(draw(3, 4), None),
        call(draw(3, 4), True),
        call(draw(3), False),
        call(draw(5), np.array([0, 2, 2, -1])),
        call(draw(5), [0, 2, 2]),
        call(draw(3, 4), ([[0, 2]], [[1], [1]])),
        call(draw(3, 4), [True, False, True]),
        call(draw(3, 4), (np.array([[0], [2]]), np.array([1, 1]))),
        call(draw(3, 4), np.arange(12).reshape(3, 4) % 3 == 0),
        call(draw(3, 4), (np.array([True, False, True]), slice(None))),
        call(draw(3, 4), (np.array([True, False, True]), np.array([1, 1]))),
        call(draw(3, 4), (np.array([True, False, True]), None, 1)),
        call(draw(2, 3, 4), (slice(None), [0, 0, 2], np.array([1, 1, 3]))),
        call(draw(2, 3, 4), ([0, 1], slice(None), [0, 0])),
        call(draw(2, 3, 4), (Ellipsis, [0, 0, 2])),
        call(draw(2, 3, 4), (1, slice(None), np.array([[0, 0], [1, 3]]))),
        call(draw(), ()),
        call(draw(), Ellipsis),
        call(draw(), None),
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
        call(draw(2, 3), (4, 3), (np.array([1, 1]), slice(None))),
        call(draw(), (), ()),
    ],
)

putitem: Rule = rule(
    _putitem,
    "y = a with y[i] = v:  ∂J/∂a = g with 0 at i,  ∂J/∂v = g[i]  (0 where v was overwritten)",
    lambda g, _y, _a, _value, index: putitem(g, 0.0, index),
    lambda g, _y, _a, _value, index: _with_axes_of(_last_written(g, _a.shape, index), _value),
    name="putitem",
    linear="jointly",
    samples=lambda draw: [
        call(draw(3, 4), draw(4), 1),
        call(draw(3, 4), draw(), (slice(None), 0)),
        call(draw(5), draw(3), np.array([0, 2, 4])),
        call(draw(5), draw(3), np.array([0, 2, 0])),
        call(draw(3, 4), draw(3, 4), [1, 1, 0]),
        call(draw(5), draw(), [1, 1]),
        call(draw(5), draw(), np.arange(5) % 2 == 0),
        call(draw(3, 4), draw(1, 2), (slice(0, 2), [0, 3])),
        call(draw(3, 4), draw(1, 4), Ellipsis),
        call(draw(3, 4), draw(1, 1, 4), 1),
        call(draw(3, 4), draw(1, 1), (0, slice(2, 2))),
        call(draw(), draw(), ()),
        call(draw(3), draw(0), slice(0, 0)),
    ],
)


# ── functions that pick entries ──────────────────────────────────────────────────────────────────────────────────


def _take_pullback(g: Array, shape: tuple[int, ...], indices: Any, axis: int | None, mode: Any) -> Array:
    if not g.size:  # of an empty array NumPy takes any index
        return np.zeros_like(g, shape=shape)
    if axis is None:
        size = int(np.prod(shape))
        return _take_pullback(g, (size,), indices, 0, mode).reshape(shape)
    axis %= len(shape)
    places = np.take(beside(np.arange(shape[axis]), indices), indices, mode=mode)
    return scatter_add(g, shape, (slice(None),) * axis + (places,))


rule(np.take, "y = a[i] along an axis:  g added at i, 0 elsewhere",
     lambda g, _y, _a, indices, axis=None, mode="raise": _take_pullback(g, _a.shape, indices, axis, mode),
     linear="jointly",
     samples=lambda draw: [call(draw(3, 4), [0, 5, 5, -1]), call(draw(3, 4), 1, axis=0),
                           call(draw(3, 4), [[0, 3], [3, 3]], -1),
                           call(draw(5), [1, 7, -9], mode="wrap"), call(draw(5), [1, 7, -9], mode="clip"),
                           call(draw(2, 3, 4), np.array([2, 0, 2]), axis=1), call(draw(3), 2),
                           call(draw(2, 0, 1), [0, 3], axis=-1)])  # fmt: skip


def along(indices: Any, shape: tuple[int, ...], axis: int) -> tuple[Any, ...]:
    """The full index of take_along_axis: `indices` on one axis, each place itself on the others."""
    n = len(shape)
    own = [np.arange(size).reshape((1,) * k + (-1,) + (1,) * (n - k - 1)) for k, size in enumerate(shape)]
    own[axis % n] = indices
    return tuple(own)


rule(np.take_along_axis, "y = a[i] along an axis, i for each line:  g added at i, 0 elsewhere",
     lambda g, _y, _arr, indices, axis=-1: _along_pullback(g, _arr.shape, indices, axis), linear="jointly",
     samples=lambda draw: [call(draw(3, 4), np.array([[0, 0], [1, 3], [2, 2]]), axis=1),
                           call(draw(3, 4), np.array([[0, 2, 2, 1]]), axis=0),
                           call(draw(5), np.array([4, 4]), axis=None),
                           call(draw(2, 3, 4), np.array([[[3], [0], [3]]]), axis=-1),
                           call(draw(3), np.array([1, 1]))])  # fmt: skip


def _along_pullback(g: Array, shape: tuple[int, ...], indices: Any, axis: int | None) -> Array:
    if axis is None:
        return scatter_add(g, (int(np.prod(shape)),), indices).reshape(shape)
    return scatter_add(g, shape, along(indices, shape, axis))


def picked(f: Any, a: Array, *params: Any, **keywords: Any) -> Array:
    """``f(a)`` for a function that picks entries: it is asked which places it picks."""
    shape = np.shape(untracked(a))
    places = f(np.arange(int(np.prod(shape))).reshape(shape), *params, **keywords)
    return np.take(a, beside(places, a))


@composite(np.delete, "y = a without some entries (see take)",
           samples=lambda draw: [call(draw(5), 1), call(draw(3, 4), [0, 2], axis=1),
                                 call(draw(3, 4), slice(0, 2), axis=-2),
                                 call(draw(3, 4), np.array([True, False, True]), 0),
                                 call(draw(2, 3), [1, 1])])  # fmt: skip
def _delete(arr: Array, obj: Any, axis: int | None = None) -> Array:
    return picked(lambda places: np.delete(beside(places, obj), obj, axis), arr)


@composite(np.compress, "y = a where the condition holds, along an axis (see take)",
           samples=lambda draw: [call([True, False, True], draw(3, 4), axis=0), call([0, 1, 1], draw(5)),
                                 call(np.array([False, True]), draw(3, 4), axis=-1)])  # fmt: skip
def _compress(condition: Any, a: Array, axis: int | None = None) -> Array:
    condition = untracked(condition)
    return picked(lambda places: np.compress(condition, beside(places, condition), axis), a)


@composite(np.extract, "y = a where the condition holds (see take)",
           samples=lambda draw: [call(np.arange(6).reshape(2, 3) % 2 == 0, draw(2, 3)),
                                 call([1, 0, 1], draw(3))])  # fmt: skip
def _extract(condition: Any, arr: Array) -> Array:
    condition = untracked(condition)
    return picked(lambda places: np.extract(condition, beside(places, condition)), arr)


@composite(np.lib.stride_tricks.sliding_window_view, "y = all windows of a (see take)",
           samples=lambda draw: [call(draw(6), 3), call(draw(3, 4), (2, 2)), call(draw(3, 4), 2, axis=1),
                                 call(draw(2, 3, 4), (2, 3), axis=(0, -1))])  # fmt: skip
def _sliding_window_view(x: Array, window_shape: Any, axis: Any = None, *, writeable: bool = False) -> Array:
    if writeable:
        raise ValueError("a window view of a Tensor is a copy, it can't be written: use t[i] = v on the Tensor itself")
    return picked(np.lib.stride_tricks.sliding_window_view, x, window_shape, axis)


@composite(np.trim_zeros, "y = a without the zeros round it (a slice)",
           samples=lambda draw: [call(draw(5)), call(draw(3), "f"), call(draw(2, 3), "b", axis=-1)])  # fmt: skip
def _trim_zeros(filt: Array, trim: str = "fb", axis: Any = None) -> Array:
    n = filt.ndim
    axes = all_axes(axis, n)
    if not set(trim.lower()) <= {"f", "b"}:
        raise ValueError(f"unexpected character(s) in `trim`: {trim!r}")
    found = np.argwhere(untracked(filt))
    index = [slice(None)] * n
    for i in axes:
        if not len(found):
            index[i] = slice(0, 0)
            continue
        start, stop = int(found[:, i].min()), int(found[:, i].max()) + 1
        index[i] = slice(start if "f" in trim.lower() else 0, stop if "b" in trim.lower() else None)
    return filt[tuple(index)]


@composite(np.choose, "y = choices[a], entry by entry (see take_along_axis)",
           samples=lambda draw: [call(np.array([0, 1, 1]), [draw(3), draw(3)]), call(np.array([[0], [2]]), draw(3, 2)),
                                 call(np.array([0, 3, -1]), [draw(3), draw()], mode="wrap"),
                                 call(np.array([0, 3, -1]), (draw(3), 2.0), mode="clip")])  # fmt: skip
def _choose(a: Any, choices: Any, *, mode: Any = "raise") -> Array:
    if _dtype_of(untracked(a)).kind not in "iub":
        from ..errors import DTypeError, user_line

        raise DTypeError(f"np.choose picks by whole numbers: give it t.data.astype(int).{user_line()}")
    which = np.choose(untracked(a), list(range(len(choices))), mode=mode)
    dtype = np.result_type(*(untracked(c) for c in choices))
    first = next((c for c in choices if hasattr(c, "ndim")), None)
    members = [_of_type(c, dtype) if hasattr(c, "ndim") else beside(_of_type(c, dtype), first) for c in choices]
    shape = np.broadcast_shapes(which.shape, *(m.shape for m in members))
    pile = np.stack([np.broadcast_to(m, shape) for m in members])
    return np.take_along_axis(pile, beside(np.broadcast_to(which, shape)[None], pile), axis=0)[0]


@composite(np.select, "y = the first choice whose condition holds, else default (see where)",
           samples=lambda draw: [call([np.array([True, False, False]), np.array([True, True, False])],
                                      [draw(3), draw(3)], 0.75),
                                 call([np.array([True, False])], [draw(2)])])  # fmt: skip
def _select(condlist: Any, choicelist: Any, default: Any = 0) -> Array:
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ValueError("list of cases must be same length as list of conditions, and neither may be empty")
    conditions = [untracked(c) for c in condlist]
    if any(_dtype_of(c).kind != "b" for c in conditions):
        raise TypeError("each entry of condlist should be a boolean array")
    shape = np.broadcast_shapes(*(np.shape(c) for c in conditions), *(np.shape(untracked(c)) for c in choicelist))
    dtype = np.result_type(*(untracked(c) for c in choicelist), untracked(default))
    y = np.broadcast_to(
        _of_type(default, dtype) if is_tracked(default) else beside(_of_type(default, dtype), choicelist[0]), shape
    )
    for condition, choice in zip(conditions[::-1], list(choicelist)[::-1], strict=True):
        y = np.where(condition, choice, y)
    return y


def _dtype_of(x: Any) -> Any:
    return x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype


def _mask(condition: Any) -> Any:
    return condition.astype(bool) if hasattr(condition, "astype") else np.asarray(condition, bool)


def _of_type(x: Any, dtype: Any) -> Any:
    if x is None or dtype.kind not in "biufc":
        raise TypeError(f"{None if x is None else dtype} is no number to choose")
    return x.astype(dtype) if hasattr(x, "astype") else np.asarray(x, dtype)


@composite(np.apply_along_axis, "f of every line along an axis (see stack)",
           samples=lambda draw: [call(np.sum, 0, draw(3, 4)), call(np.cumsum, -1, draw(2, 3)),
                                 call(lambda line, k: np.outer(line, line) * k, 1, draw(2, 2, 2), 3.0)])  # fmt: skip
def _apply_along_axis(func1d: Any, axis: int, arr: Array, *args: Any, **kwargs: Any) -> Array:
    axis = one_axis(axis, arr.ndim)
    lines = np.moveaxis(arr, axis, -1)
    around = lines.shape[:-1]
    if 0 in around:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    results = [func1d(lines[place], *args, **kwargs) for place in np.ndindex(*around)]
    results = [r if hasattr(r, "ndim") else np.asarray(r) for r in results]
    y = np.stack(results).reshape((*around, *results[0].shape))
    n, more = len(around), results[0].ndim
    return np.transpose(y, (*range(axis), *range(n, n + more), *range(axis, n)))


@composite(np.apply_over_axes, "f over one axis after the other",
           samples=lambda draw: [call(np.sum, draw(2, 3, 4), [0, -1]), call(np.cumsum, draw(2, 3), 1)])  # fmt: skip
def _apply_over_axes(func: Any, a: Array, axes: Any) -> Array:
    for axis in np.ravel(axes).tolist():
        axis = one_axis(axis, a.ndim)
        y = func(a, axis)
        if y.ndim not in (a.ndim, a.ndim - 1):
            raise ValueError("function is not returning an array of the correct shape")
        a = y if y.ndim == a.ndim else np.expand_dims(y, axis)
    return a


@composite(np.piecewise, "y = f(x) for the f whose condition holds (see where)",
           samples=lambda draw: [call(np.array([-1.0, 0.5, 2.0]),
                                      [np.array([True, False, False]), np.array([False, True, True])],
                                      [lambda x: x * x, lambda x, k=3.0: k * x]),
                                 call(draw(3), [np.array([True, False, True])], [np.sin, 2.0])])  # fmt: skip
def _piecewise(x: Array, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Array:
    conditions = untracked(condlist)
    if isinstance(conditions, (bool, np.bool_)) or (np.ndim(conditions[0]) == 0 and x.ndim):
        conditions = [conditions]
    conditions = [_mask(c) for c in conditions]
    if len(funclist) not in (len(conditions), len(conditions) + 1):
        raise ValueError(
            f"with {len(conditions)} condition(s), either {len(conditions)} or one more functions are expected"
        )
    if len(funclist) > len(conditions):
        conditions.append(~reduce(np.logical_or, conditions))
    y = np.zeros_like(untracked(x))
    for condition, f in zip(conditions, funclist, strict=True):
        if not callable(f):
            y = putitem(y, np.astype(f, y.dtype) if is_tracked(f) else np.asarray(f, y.dtype), condition)
        elif x.ndim == 0:
            y = f(x, *args, **kw) if condition else y
        elif condition.any():
            y = putitem(y, f(x[condition], *args, **kw), condition)
    return y


@composite(np.insert, "y = a with values put in between",
           samples=lambda draw: [call(draw(4), 1, draw()), call(draw(4), [1, 3], draw(2)),
                                 call(draw(3, 4), 1, draw(4), axis=0),
                                 call(draw(3, 4), [0, 2], draw(3, 2), axis=1), call(draw(2, 3), 1, 5.0),
                                 call(draw(3, 4), slice(0, 2), draw(), axis=-1),
                                 call(np.ones(3), -1, draw()), call(draw(3), 1, draw(2))])  # fmt: skip
def _insert(arr: Array, obj: Any, values: Array, axis: int | None = None) -> Array:
    shape = np.shape(untracked(arr))
    numbers = np.arange(int(np.size(untracked(values)))).reshape(np.shape(untracked(values)))
    old = np.insert(np.arange(int(np.prod(shape))).reshape(shape), obj, np.full_like(numbers, -1), axis)
    new = np.insert(np.full(shape, -1), obj, numbers, axis)
    y = np.take(arr, beside(np.maximum(old, 0), arr)) if np.size(untracked(arr)) else np.zeros(old.shape, arr.dtype)
    values = _of_type(values, y.dtype) if hasattr(values, "ndim") else beside(_of_type(values, y.dtype), arr)
    return putitem(y, np.take(values, beside(new[new >= 0], values)), new >= 0)


# ── functions that write into their argument: the handle then stands for the updated value ───────────────────────


def _writable(a: Any, name: str, instead: str = "make the target a Tensor, or write the plain value t.data") -> Any:
    """`a` if it is a Tensor; a plain array would lose the graph of what is written into it."""
    if is_tracked(a):
        return a
    from ..errors import LeavesGraphError, user_line

    raise LeavesGraphError(
        f"np.{name} would write a Tensor's value into a plain array and drop its graph: {instead}.{user_line()}"
    )


@composite(np.put, "a.flat[i] = v, in place", samples=lambda _draw: [])
def _put(a: Any, ind: Any, v: Any, mode: Any = "raise") -> None:
    ind = untracked(ind)
    places = np.take(beside(np.arange(_writable(a, "put").size), ind), np.ravel(ind), mode=mode)
    if np.size(untracked(v)):  # else NumPy writes nothing
        a[np.unravel_index(places, a.shape)] = np.resize(v, places.shape)


@composite(np.place, "a[mask] = values over and over, in place", samples=lambda _draw: [])
def _place(arr: Any, mask: Any, vals: Any) -> None:
    mask = _mask(untracked(mask)).reshape(_writable(arr, "place").shape)
    arr[mask] = np.resize(vals, untracked(arr)[mask].shape)


@composite(np.putmask, "a[mask] = values[mask], in place", samples=lambda _draw: [])
def _putmask(a: Any, mask: Any, values: Any) -> None:
    mask = _mask(untracked(mask))
    a[mask] = np.resize(values, _writable(a, "putmask").shape)[mask]


@composite(np.copyto, "dst[where] = src, in place", samples=lambda _draw: [])
def _copyto(dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    _writable(dst, "copyto (np.full, np.full_like)", "np.broadcast_to(t, shape) is an array filled with a Tensor")
    if not np.can_cast(np.result_type(untracked(src)), dst.dtype, casting):
        raise TypeError(f"cannot copy {np.result_type(untracked(src))} into {dst.dtype} with casting={casting!r}")
    dst[...] = src if where is True else np.where(beside(untracked(where), dst), src, dst)


@composite(np.put_along_axis, "arr[i] = values along an axis, in place", samples=lambda _draw: [])
def _put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None) -> None:
    shape = _writable(arr, "put_along_axis").shape
    if axis is None:
        arr[np.unravel_index(indices if hasattr(indices, "ndim") else np.asarray(indices), shape)] = values
    else:
        arr[along(indices, shape, axis)] = values


@composite(np.fill_diagonal, "a[k, k, …] = v, in place", samples=lambda _draw: [])
def _fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    marks = np.zeros(_writable(a, "fill_diagonal").shape, bool)
    np.fill_diagonal(marks, True, wrap)
    if np.size(untracked(val)):  # else NumPy writes nothing
        a[marks] = np.resize(val, int(marks.sum()))


plain(
    "its result is an index",
    np.nonzero, np.flatnonzero, np.argwhere, np.unravel_index, np.ravel_multi_index, np.ix_,
    np.tril_indices_from, np.triu_indices_from, np.diag_indices_from,
)  # fmt: skip
