"""Sorting, and what follows from an order: partition, unique, searching, quantiles' order statistics.

The order itself is piecewise constant: sorting moves entries, so the gradient moves back. Where entries are equal the
first one counts as the smaller (max and min share between ties instead, see `reductions`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .book import Array, Rule, call, composite, plain, refuse, rule, untracked

__all__: list[str] = []


def _places(a: Array, axis: int) -> Any:
    """Where each entry went: the inverse of the order that sorts."""
    return np.argsort(np.argsort(a, axis=axis, kind="stable"), axis=axis)


def _sort(a: Array, axis: int) -> Array:
    return np.sort(a, axis=axis, kind="stable")


sort: Rule = rule(_sort, "y = a in ascending order:  each g to the entry that stands there",
     lambda g, _y, a, axis: np.take_along_axis(g, _places(a, axis), axis), name="sort",
     samples=lambda draw: [call(draw(3, 4), 0), call(draw(5), -1), call(draw(2, 3, 4), 1)])  # fmt: skip


@composite(np.sort, "see sort",
           samples=lambda draw: [call(draw(3, 4)), call(draw(3, 4), axis=0), call(draw(2, 3, 4), -2),
                                 call(draw(3, 4), None),
                                 call(draw(5), kind="heapsort"), call(draw(0)),
                                 call(draw(1, 1), stable=True)])  # fmt: skip
def _np_sort(a: Array, axis: int | None = -1, kind: Any = None, *, stable: Any = None) -> Array:
    if a.ndim == 0 and axis is not None:
        raise np.exceptions.AxisError(axis, 0)
    _check_kind(kind, stable)
    return sort(np.ravel(a), 0) if axis is None else sort(a, axis)


def _check_kind(kind: Any, stable: Any) -> None:
    np.argsort(np.zeros(1), kind=kind, stable=stable)  # raises what NumPy raises


@composite(np.partition, "y = a with its kth entry in place (see take_along_axis)",
           samples=lambda draw: [call(draw(3), 1), call(draw(3, 4), (0, 1), axis=0), call(draw(3), (0, 2), None),
                                 call(draw(3, 3), 1), call(draw(2, 4), [3, 0, 2], axis=-1)])  # fmt: skip
def _partition(a: Array, kth: Any, axis: int | None = -1, kind: Any = "introselect", order: Any = None) -> Array:
    if axis is None:
        a, axis = np.ravel(a), 0
    before = untracked(a)
    after = np.partition(before, kth, axis, kind, order)
    taken = np.take_along_axis(np.argsort(before, axis, "stable"), _places(after, axis), axis)
    return np.take_along_axis(a, taken, axis)


@composite(
    np.sort_complex,
    "y = a in ascending order, complex (see sort)",
    samples=lambda draw: [call(draw(3, 4)), call(draw(4))],
)
def _sort_complex(a: Array) -> Array:
    y = np.sort(a)
    return y if y.dtype.kind == "c" else y.astype(np.complex128)


@composite(np.unique, "y = the different entries of a, ascending (see take)",
           samples=lambda draw: [call(draw(5)), call(draw(3, 4)),
                                 call(np.array([2.0, 1.0, 2.0, 3.0])[[0, 1, 3]])])  # fmt: skip
def _unique(ar: Array, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False,
            axis: int | None = None, *, equal_nan: bool = True) -> Any:  # fmt: skip
    _, index, inverse, counts = np.unique(untracked(ar), True, True, True, axis, equal_nan=equal_nan)
    y = np.take(ar, index, axis)
    more = [x for x, wanted in ((index, return_index), (inverse, return_inverse), (counts, return_counts)) if wanted]
    return (y, *more) if more else y


@composite(np.unique_values, "see unique", samples=lambda _draw: [])
def _unique_values(x: Array, /) -> Array:
    found = np.unique_values(untracked(x))
    _, index = np.unique(untracked(x), return_index=True, equal_nan=False)
    return np.take(x, index[_places(found, 0)])


plain(
    "its result is an index, a rank or a bool",
    np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.argsort, np.argpartition, np.lexsort,
    np.searchsorted, np.digitize, np.isin,
)  # fmt: skip
plain("its result is bool", *filter(None, [getattr(np, "in1d", None)]))  # deprecated, and gone in later NumPys
refuse(
    "use y = np.unique(t) for the values, and t.data for the rest", np.unique_all, np.unique_counts, np.unique_inverse
)
refuse("sets have no order to differentiate: pick with np.isin(t.data, …), t[np.isin(t.data, other)]",
       np.intersect1d, np.setdiff1d, np.setxor1d, np.union1d)  # fmt: skip
