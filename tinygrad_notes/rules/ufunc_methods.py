"""Ufunc methods: ``np.f.reduce``, ``accumulate``, ``outer``, ``reduceat``, ``at``, for every ufunc with a rule.

Sums, products and extremes have rules of their own; any other ufunc is applied step by step, as its definition says.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .book import BOOK, Array, Composite, Rule, call, composite, is_tracked, kept, no_out, refuse, untracked
from .indexing import scatter_add
from .reductions import NONE

__all__: list[str] = []

REDUCTIONS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min,
}  # fmt: skip
RUNNING: dict[np.ufunc, Callable[..., Any]] = {np.add: np.cumsum, np.multiply: np.cumprod}
ASSOCIATIVE = (np.logaddexp, np.logaddexp2, np.hypot, np.fmax, np.fmin)
"""May be paired up in any order: log₂ n steps instead of n."""


def _positive_samples(draw: Any) -> list[Any]:
    """Entries well inside every ufunc's domain."""
    return [call(np.abs(draw(3, 2)) + 0.5), call(np.abs(draw(2, 3)) + 0.5, axis=-1)]


def _reduce_samples(draw: Any) -> list[Any]:
    return [call(np.abs(draw(3, 2)) + 0.5), call(np.abs(draw(2, 4)) + 0.5, axis=-1, keepdims=True),
            call(np.abs(draw(1)) + 0.5, axis=None)]  # fmt: skip


def _enter_reduce(ufunc: Any) -> None:
    known: Any = REDUCTIONS.get(ufunc)

    @composite((ufunc, "reduce"), f"{ufunc.__name__} of all entries along an axis", samples=_reduce_samples)
    def reduce(array: Array, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: bool = False,
               initial: Any = NONE, where: Any = True) -> Array:  # fmt: skip
        no_out(out)
        keepdims = kept(keepdims)
        if known is not None:
            array = array if dtype is None else np.astype(array, np.dtype(dtype))
            return known(array, axis=axis, keepdims=keepdims, initial=initial, where=where)
        _only_plain(ufunc, "reduce", dtype=(dtype, None), where=(where, True))
        array = np.astype(array, _result_dtype(ufunc, array))
        around = np.shape(np.sum(np.empty(array.shape), axis=axis, keepdims=True))
        if ufunc in ASSOCIATIVE:
            array, axis = _one_axis(array, axis), 0
        elif not array.ndim or axis == ():
            array, axis = array.reshape((1, *array.shape)), 0
        axis = _single(axis, array.ndim)
        lines = np.moveaxis(array, axis, 0)
        if initial is not NONE and initial is not None:
            lines = np.concatenate([np.broadcast_to(initial, (1, *lines.shape[1:])), lines])
        elif not lines.shape[0] and ufunc.identity is not None:
            return np.full(around if keepdims else lines.shape[1:], ufunc.identity, lines.dtype)
        if not lines.shape[0]:
            raise ValueError(f"zero-size array to reduction operation {ufunc.__name__} which has no identity")
        if lines.shape[0] == 1 and ufunc.identity is not None and initial is NONE:
            lines = np.concatenate([np.full_like(untracked(lines), ufunc.identity), lines])  # √(0² + x²) is |x|
        y = _paired(ufunc, lines) if ufunc in ASSOCIATIVE else _folded(ufunc, lines)[-1]
        return y.reshape(around) if keepdims else y


def _one_axis(array: Array, axis: Any) -> Array:
    """The axes that are reduced as one, in front."""
    axes = range(array.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,) if array.ndim else ()
    gone = [_single(i, array.ndim) for i in axes]
    kept = [i for i in range(array.ndim) if i not in gone]
    count = int(np.prod([array.shape[i] for i in gone]))
    return np.transpose(array, (*gone, *kept)).reshape((count, *(array.shape[i] for i in kept)))


def _result_dtype(ufunc: Any, array: Array) -> Any:
    one = np.ones(1, array.dtype)
    return ufunc(one, one).dtype


def _only_plain(ufunc: Any, method: str, **given: Any) -> None:
    for keyword, (value, default) in given.items():
        if value is not default:
            from ..errors import NoRuleError, user_line

            raise NoRuleError(
                f"np.{ufunc.__name__}.{method} of a Tensor does not take {keyword}=; "
                f"prepare the array first (astype, np.where).{user_line()}"
            )


def _single(axis: Any, ndim: int) -> int:
    if isinstance(axis, tuple) and len(axis) == 1:
        (axis,) = axis
    if axis is None and ndim == 1:
        axis = 0
    if isinstance(axis, bool):
        raise TypeError("an integer is required for the axis")
    if not isinstance(axis, (int, np.integer)):
        raise ValueError("this ufunc is not reorderable, so at most one axis may be given")
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(int(axis), ndim)
    return int(axis) % ndim


def _folded(ufunc: Any, lines: Array) -> list[Array]:
    """``y₀ = a₀, yₖ = f(yₖ₋₁, aₖ)``."""
    done = [lines[0]]
    for k in range(1, lines.shape[0]):
        done.append(ufunc(done[-1], lines[k]))
    return done


def _paired(ufunc: Any, lines: Array) -> Array:
    """Neighbouring halves combined until one line is left."""
    while lines.shape[0] > 1:
        n = lines.shape[0] // 2
        joined = ufunc(lines[:n], lines[n : 2 * n])
        lines = np.concatenate([joined, lines[2 * n :]]) if lines.shape[0] % 2 else joined
    return lines[0]


def _enter_accumulate(ufunc: Any) -> None:
    known: Any = RUNNING.get(ufunc)

    @composite((ufunc, "accumulate"), f"{ufunc.__name__} of the entries so far", samples=_positive_samples)
    def accumulate(array: Array, axis: int = 0, dtype: Any = None, out: Any = None) -> Array:
        no_out(out)
        _only_plain(ufunc, "accumulate", dtype=(dtype, None))
        axis = _single(axis, array.ndim)
        if known is not None:
            return known(array, axis=axis)
        array = np.astype(array, _result_dtype(ufunc, array))
        return np.stack(_folded(ufunc, np.moveaxis(array, axis, 0)), axis=axis) if array.shape[axis] else array


def _enter_outer(ufunc: Any) -> None:
    @composite((ufunc, "outer"), f"{ufunc.__name__} of every pair",
               samples=lambda draw: [call(np.abs(draw(3)) + 0.5, np.abs(draw(2, 2)) + 0.7),
                                     call(np.abs(draw()) + 0.5, np.abs(draw(2)) + 1)])  # fmt: skip
    def outer(A: Any, B: Any, /, **keywords: Any) -> Array:
        A, B = (x if hasattr(x, "ndim") else np.asarray(x) for x in (A, B))
        return ufunc(A.reshape((*A.shape, *(1,) * B.ndim)), B, **keywords)


def _enter_reduceat(ufunc: Any) -> None:
    @composite((ufunc, "reduceat"), f"{ufunc.__name__} of each segment",
               samples=lambda draw: [call(np.abs(draw(6)) + 0.5, [0, 3, 1, 5]),
                                     call(np.abs(draw(4, 2)) + 0.5, np.array([0, 2])),
                                     call(np.abs(draw(2, 5)) + 0.5, [1, 1, 3], axis=-1)])  # fmt: skip
    def reduceat(array: Array, indices: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Array:
        no_out(out)
        _only_plain(ufunc, "reduceat", dtype=(dtype, None))
        axis = _single(axis, array.ndim)
        starts = [operator.index(i) for i in _a_list(untracked(indices))]
        n = array.shape[axis]
        if any(not 0 <= i < n for i in starts):
            raise IndexError(f"an index of {starts} is out-of-bounds in {ufunc.__name__}.reduceat [0, {n})")
        lines = np.moveaxis(array, axis, 0)
        stops = [*starts[1:], n]
        pieces = [lines[i:j] if i < j else lines[i : i + 1] for i, j in zip(starts, stops, strict=True)]
        return np.stack([piece[0] if len(piece) == 1 else ufunc.reduce(piece, axis=0) for piece in pieces], axis=axis)


def _a_list(indices: Any) -> Any:
    found = indices if hasattr(indices, "ndim") else np.asarray(indices)
    if found.ndim != 1:
        raise ValueError("object of too small depth for desired array")
    return found if not isinstance(found, np.ndarray) else found.tolist()


def _enter_at(ufunc: Any) -> None:
    @composite(
        (ufunc, "at"), f"a[i] = {ufunc.__name__}(a[i], b) in place, one after the other", samples=lambda _draw: []
    )
    def at(a: Any, indices: Any, b: Any = None, /) -> None:
        if not is_tracked(a):
            from ..errors import LeavesGraphError, user_line

            raise LeavesGraphError(
                f"np.{ufunc.__name__}.at would write a Tensor's value into a plain array and drop its graph: "
                f"make the target a Tensor.{user_line()}"
            )
        indices = untracked(indices)
        places = np.arange(a.size).reshape(a.shape)[indices]
        b = None if ufunc.nin == 1 else np.ravel(np.broadcast_to(b, np.shape(places)))
        if ufunc in (np.add, np.subtract):
            moved = scatter_add(b, (a.size,), np.ravel(places)).reshape(a.shape)
            a._become(ufunc(a, moved))
            return
        flat = np.ravel(a)
        for chosen in _rounds(np.ravel(places)):
            where = np.ravel(places)[chosen]
            old = flat[where]
            flat[where] = ufunc(old) if b is None else ufunc(old, b[chosen])
        a._become(flat.reshape(a.shape))


def _rounds(places: Any) -> Any:
    """Turns in which each place is named at most once, first namings first."""
    order = np.argsort(places, kind="stable")
    run = places[order]
    first = np.searchsorted(run, run, "left")
    turn = np.empty(len(places), int)
    turn[order] = np.arange(len(places)) - first
    for k in range(int(turn.max(initial=-1)) + 1):
        yield np.flatnonzero(turn == k)


METHODS = ("reduce", "accumulate", "outer", "reduceat", "at")


def _has_methods(ufunc: Any) -> bool:
    """One real result of one or two inputs of the same kind, with a derivative."""
    known = isinstance(BOOK.get(ufunc), (Rule, Composite))
    return known and ufunc.nin <= 2 and ufunc.nout == 1 and ufunc.signature is None and ufunc is not np.ldexp


for _ufunc in dict.fromkeys(f for f in vars(np).values() if isinstance(f, np.ufunc)):
    if _has_methods(_ufunc):
        _enter_at(_ufunc)
        if _ufunc.nin == 2:
            _enter_reduce(_ufunc)
            _enter_accumulate(_ufunc)
            _enter_outer(_ufunc)
            _enter_reduceat(_ufunc)
    for _name in METHODS:
        if (_ufunc, _name) not in BOOK:
            refuse("it has no derivative; use t.data, or apply the function itself", (_ufunc, _name))
