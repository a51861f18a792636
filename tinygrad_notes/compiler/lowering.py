"""NumPy's functions in simpler calls: what a trace writes down when a function is called on a stand-in.

``np.mean`` is a sum and a division, ``np.swapaxes`` a transpose: passes see more in few kinds of instructions.
Each takes NumPy's own arguments, read or not. A function without an entry is written down as it is.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import CompileError, user_line
from . import calls
from .recorder import Recorder
from .traced import REFUSED, SPECIAL, Traced, sample_of, traced_in

__all__ = ["written_as"]

_BY_VALUE = "its result's size depends on values; use np.where(condition, a, b)"
_WRITES = "it writes into its argument; use np.where or x = x.copy(); x[i] = v"
REFUSED.update({
    **dict.fromkeys((np.nonzero, np.flatnonzero, np.argwhere, np.unique, np.unique_all, np.unique_counts,
                     np.unique_inverse, np.unique_values, np.extract, np.trim_zeros, np.union1d, np.intersect1d,
                     np.setdiff1d, np.setxor1d, np.bincount, np.histogram, np.histogram_bin_edges, np.compress,
                     np.histogram2d, np.histogramdd), _BY_VALUE),
    **dict.fromkeys((np.place, np.putmask, np.put, np.put_along_axis, np.fill_diagonal), _WRITES),
    **dict.fromkeys((np.may_share_memory, np.shares_memory, np.min_scalar_type),
                    "it asks about this one array's memory or values, not about the function"),
    **dict.fromkeys((np.array2string, np.array_repr, np.array_str, np.save, np.savez, np.savetxt, np.savez_compressed),
                    "it leaves the program; return the array and do it outside"),
})  # fmt: skip


def written_as(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter how functions are written down (decorates what does it; NotImplemented: as they are)."""

    def enter(body: Callable[..., Any]) -> Callable[..., Any]:
        for f in functions:
            SPECIAL[f] = body
        return body

    return enter


def _reduction(ufunc: Any) -> Callable[..., Any]:
    def reduce(recorder: Recorder, a: Any, axis: Any = None, *others: Any, keepdims: Any = False, **kwargs: Any) -> Any:
        if others or kwargs or not isinstance(a, Traced):
            return NotImplemented
        keep = {} if keepdims is np._NoValue or not keepdims else {"keepdims": True}
        return recorder.record(ufunc.reduce, (a.strong(),), {"axis": _normal_axis(axis, a.ndim), **keep})

    return reduce


def _normal_axis(axis: Any, ndim: int) -> Any:
    """A tuple of all axes, or one, counted from the front; None for all of them."""
    if axis is None:
        return None
    if isinstance(axis, tuple):
        return tuple(range(ndim)[operator.index(k)] for k in axis) if ndim else axis
    return range(ndim)[operator.index(axis)] if -ndim <= operator.index(axis) < ndim else axis


for _function, _ufunc in (
    (np.sum, np.add),
    (np.prod, np.multiply),
    (np.max, np.maximum),
    (np.amax, np.maximum),
    (np.min, np.minimum),
    (np.amin, np.minimum),
    (np.all, np.logical_and),
    (np.any, np.logical_or),
):
    SPECIAL[_function] = _reduction(_ufunc)


def _count(shape: tuple[int, ...], axis: Any) -> int:
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return math.prod(shape[k] for k in axes)


@written_as(np.mean)
def _mean(_recorder: Recorder, a: Any, axis: Any = None, *others: Any, keepdims: Any = False, **kwargs: Any) -> Any:
    if others or kwargs or not isinstance(a, Traced) or a.dtype.char not in "fdFD" or not a.size:
        return NotImplemented
    total = np.sum(a, axis=axis, keepdims=keepdims)
    return total / _count(a.shape, _normal_axis(axis, a.ndim))


def _variance(a: Any, axis: Any, ddof: float, keepdims: Any) -> Any:
    """As NumPy computes it, step by step."""
    axis = _normal_axis(axis, a.ndim)
    count = _count(a.shape, axis)
    deviation = a - np.sum(a, axis=axis, keepdims=True) / count
    squares = deviation * deviation
    return np.sum(squares, axis=axis, keepdims=keepdims) / max(count - ddof, 0)


@written_as(np.var)
def _var(_recorder: Recorder, a: Any, axis: Any = None, *others: Any, ddof: float = 0, keepdims: Any = False,
         **kwargs: Any) -> Any:  # fmt: skip
    if others or kwargs or not isinstance(a, Traced) or a.dtype.char not in "fd" or not a.size or not a.ndim:
        return NotImplemented
    return _variance(a, axis, ddof, keepdims)


@written_as(np.std)
def _std(_recorder: Recorder, a: Any, axis: Any = None, *others: Any, ddof: float = 0, keepdims: Any = False,
         **kwargs: Any) -> Any:  # fmt: skip
    if others or kwargs or not isinstance(a, Traced) or a.dtype.char not in "fd" or not a.size or not a.ndim:
        return NotImplemented
    return np.sqrt(_variance(a, axis, ddof, keepdims))


@written_as(np.reshape)
def _np_reshape(_recorder: Recorder, a: Any, /, shape: Any = None, order: str = "C", **kwargs: Any) -> Any:
    return NotImplemented if kwargs or not isinstance(a, Traced) else a.reshape(shape, order=order)


@written_as(np.ravel)
def _np_ravel(_recorder: Recorder, a: Any, order: str = "C") -> Any:
    return a.reshape(-1, order=order)


@written_as(np.transpose, np.permute_dims)
def _np_transpose(_recorder: Recorder, a: Any, axes: Any = None) -> Any:
    return a.transpose() if axes is None else a.transpose(tuple(axes))


@written_as(np.matrix_transpose)
def _np_matrix_transpose(_recorder: Recorder, x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


@written_as(np.swapaxes)
def _np_swapaxes(_recorder: Recorder, a: Any, axis1: int, axis2: int) -> Any:
    order = list(range(a.ndim))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return a.transpose(tuple(order))


@written_as(np.moveaxis)
def _np_moveaxis(_recorder: Recorder, a: Any, source: Any, destination: Any) -> Any:
    places = np.moveaxis(np.empty(range(1, a.ndim + 1), np.int8), source, destination).shape if a.size else None
    return NotImplemented if places is None else a.transpose(tuple(n - 1 for n in places))


@written_as(np.expand_dims)
def _np_expand_dims(_recorder: Recorder, a: Any, axis: Any) -> Any:
    return a.reshape(np.expand_dims(np.broadcast_to(np.int8(0), a.shape), axis).shape)


@written_as(np.squeeze)
def _np_squeeze(_recorder: Recorder, a: Any, axis: Any = None) -> Any:
    return a.reshape(np.squeeze(np.broadcast_to(np.int8(0), a.shape), axis).shape)


@written_as(np.atleast_1d)
def _np_atleast_1d(_recorder: Recorder, *arrays: Any) -> Any:
    return arrays[0].reshape(1) if len(arrays) == 1 and not arrays[0].ndim else NotImplemented


@written_as(np.broadcast_to)
def _np_broadcast_to(recorder: Recorder, array: Any, shape: Any, subok: bool = False) -> Any:
    wanted = tuple(shape) if not isinstance(shape, (int, np.integer)) else (shape,)
    if not isinstance(array, Traced) or any(isinstance(n, Traced) for n in wanted):
        return NotImplemented
    return array if wanted == array.shape else recorder.record(np.broadcast_to, (array.strong(), wanted))


@written_as(np.astype)
def _np_astype(_recorder: Recorder, x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    return x.astype(dtype)


@written_as(np.copy)
def _np_copy(_recorder: Recorder, a: Any, order: str = "K", subok: bool = False) -> Any:
    return a.copy()


def _filled(value: Any) -> Callable[..., Any]:
    def like(recorder: Recorder, a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None,
             **_kwargs: Any) -> Any:  # fmt: skip
        return recorder.record(
            calls.full, (a.shape if shape is None else shape, value, a.dtype if dtype is None else np.dtype(dtype))
        )

    return like


def _made(value: Any) -> Callable[..., Any]:
    def make(recorder: Recorder, shape: Any, dtype: Any = float, order: str = "C", **_kwargs: Any) -> Any:
        return recorder.record(calls.full, (shape, value, np.dtype(dtype)))

    return make


for _functions, _fill in (((np.zeros_like, np.zeros), 0), ((np.ones_like, np.ones), 1), ((np.empty_like, np.empty), 0)):
    SPECIAL[_functions[0]] = _filled(_fill)
    SPECIAL[_functions[1]] = _made(_fill)


@written_as(np.full_like)
def _full_like(recorder: Recorder, a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True,
               shape: Any = None, **_kwargs: Any) -> Any:  # fmt: skip
    if not isinstance(a, Traced):
        return NotImplemented
    return recorder.record(
        calls.full, (a.shape if shape is None else shape, fill_value, a.dtype if dtype is None else np.dtype(dtype))
    )


@written_as(np.full)
def _full(recorder: Recorder, shape: Any, fill_value: Any, dtype: Any = None, order: str = "C", **_kwargs: Any) -> Any:
    if dtype is None:
        dtype = fill_value.dtype if hasattr(fill_value, "dtype") else np.asarray(fill_value).dtype
    return recorder.record(calls.full, (shape, fill_value, np.dtype(dtype)))


@written_as(np.array, np.asarray, np.asanyarray, np.ascontiguousarray)
def _like_array(recorder: Recorder, a: Any, dtype: Any = None, **_kwargs: Any) -> Any:
    if not isinstance(a, Traced):
        return NotImplemented if any(True for _ in traced_in(a)) else np.asarray(a, dtype)
    return a if dtype is None or a.dtype == dtype else a.astype(dtype)


@written_as(np.real)
def _np_real(recorder: Recorder, val: Any) -> Any:
    return recorder.record(np.real, (val,)) if val.dtype.kind == "c" else val


@written_as(np.where)
def _np_where(recorder: Recorder, condition: Any, *branches: Any) -> Any:
    if not branches:
        raise CompileError(f"np.where(condition) alone: {_BY_VALUE}.{user_line()}")
    return recorder.record(np.where, (condition, *branches))


@written_as(np.copyto)
def _np_copyto(_recorder: Recorder, dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> Any:
    if not isinstance(dst, Traced):
        raise CompileError(f"np.copyto into an array from outside would happen once, while tracing.{user_line()}")
    new = src if where is True else np.where(where, src, dst)
    dst[...] = new
    return dst


@written_as(np.repeat)
def _np_repeat(recorder: Recorder, a: Any, repeats: Any, axis: Any = None) -> Any:
    if isinstance(repeats, Traced):
        raise CompileError(f"np.repeat by a traced count: {_BY_VALUE}.{user_line()}")
    return NotImplemented


# ── a dtype or a length that depends on values ───────────────────────────────────────────────────────────────────


def _of_one_kind(f: Callable[..., Any]) -> Callable[..., Any]:
    def call(recorder: Recorder, *args: Any, **kwargs: Any) -> Any:
        return recorder.record(calls.of_kind(f, f(*sample_of(args), **sample_of(kwargs))), args, kwargs)

    return call


KIND_BY_VALUE: tuple[Callable[..., Any], ...] = (
    np.emath.sqrt, np.emath.log, np.emath.log2, np.emath.log10, np.emath.logn, np.emath.power, np.emath.arccos,
    np.emath.arcsin, np.emath.arctanh, np.real_if_close, np.linalg.eig, np.linalg.eigvals, np.linalg.lstsq, np.roots,
    np.poly, np.polydiv,
)  # fmt: skip
for _f in KIND_BY_VALUE:
    written_as(_f)(_of_one_kind(_f))
