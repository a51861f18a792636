"""Statistics: averages with weights, quantiles, covariances, and the ``nan`` functions that leave NaNs out."""

from __future__ import annotations

import math
import warnings
from functools import partial
from typing import Any

import numpy as np

from .book import (
    BOOK,
    Array,
    all_axes,
    beside,
    call,
    composite,
    is_tracked,
    kept,
    no_out,
    refuse,
    unsupported,
    untracked,
)
from .by_value import anywhere, as_one_call
from .indexing import scatter_add
from .reductions import AXES, NONE, root_or_zero
from .sorting import sort

__all__: list[str] = []

# ── averages ─────────────────────────────────────────────────────────────────────────────────────────────────────


@composite(np.average, "y = Σ w a / Σ w",
           samples=lambda draw: [call(draw(3, 4)), call(draw(3, 4), 0, np.abs(draw(3)) + 0.5),
                                 call(draw(5), weights=np.abs(draw(5)) + 1),
                                 call(draw(3, 4), -1, np.abs(draw(3, 4)) + 0.5, keepdims=True),
                                 call(draw(3, 4), axis=1, weights=np.abs(draw(4)) + 1, returned=True),
                                 call(draw(2, 3, 4), axis=(0, 2), weights=np.abs(draw(2, 4)) + 1)])  # fmt: skip
def _average(a: Array, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False) -> Any:
    keepdims = False if keepdims is NONE else keepdims
    a = a if hasattr(a, "ndim") else np.asarray(a)
    if weights is None:
        y = np.mean(a, axis=axis, keepdims=keepdims)
        return (y, np.full(y.shape, a.size / y.size, y.dtype)[()]) if returned else y
    w = weights if hasattr(weights, "ndim") else np.asarray(weights)
    np.average(np.zeros(a.shape), axis, np.ones(w.shape))  # raises what NumPy raises
    if w.shape != a.shape and axis is not None:
        axes = all_axes(axis, a.ndim)
        w = np.transpose(w, np.argsort(axes).tolist()).reshape(
            tuple(n if i in axes else 1 for i, n in enumerate(a.shape))
        )
    dtype = np.result_type(a.dtype, w.dtype, *([] if a.dtype.kind in "fc" else [float]))
    total = np.sum(np.broadcast_to(w, a.shape), axis=axis, dtype=dtype, keepdims=keepdims)
    _no_sum_is_zero(untracked(total))
    y = np.sum(a * w, axis=axis, keepdims=keepdims) / total
    return (y, np.broadcast_to(total, y.shape)) if returned else y


@partial(as_one_call, check=True)
def _no_sum_is_zero(total: Array) -> Array:
    if np.any(total == 0):
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    return total


# ── without NaNs ─────────────────────────────────────────────────────────────────────────────────────────────────


def _holes(calls: Any) -> Any:
    """The same calls with NaNs in the arrays, which numerical differences leave where they are."""

    def with_holes(draw: Any) -> list[Any]:
        made = []
        for (a, *rest), keywords in calls(draw):
            if np.size(a) > 4:
                a.reshape(-1)[1::5] = np.nan
            made.append(((a, *rest), keywords))
        return made

    return with_holes


def _filled(a: Array, with_: float, where: Any = True) -> tuple[Array, Any]:
    """`a` with another number for its NaNs, and where there was something to count."""
    data = untracked(a)
    missing = np.isnan(data)
    counted = (
        ~missing if where is True else ~missing & beside(np.broadcast_to(untracked(where), missing.shape), missing)
    )
    return (np.where(missing, with_, a) if anywhere(missing) else a), counted


def _nan_reduction(f: Any, reduce: Any, neutral: float) -> None:
    @composite(f, f"see {reduce.__name__}, without the NaNs", samples=_holes(AXES))
    def body(a: Array, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NONE,
             where: Any = True) -> Array:  # fmt: skip
        filled, _ = _filled(a, neutral)
        return reduce(filled, axis=axis, dtype=dtype, out=out, keepdims=kept(keepdims), initial=initial, where=where)


_nan_reduction(np.nansum, np.sum, 0)
_nan_reduction(np.nanprod, np.prod, 1)


def _nan_running(f: Any, run: Any, neutral: float) -> None:
    @composite(f, f"see {run.__name__}, without the NaNs",
               samples=_holes(lambda draw: [call(draw(3, 4)), call(draw(3, 4), 1), call(draw(5), axis=0)]))  # fmt: skip
    def body(a: Array, axis: Any = None, dtype: Any = None, out: Any = None) -> Array:
        return run(_filled(a, neutral)[0], axis=axis, dtype=dtype, out=out)


_nan_running(np.nancumsum, np.cumsum, 0)
_nan_running(np.nancumprod, np.cumprod, 1)


@partial(as_one_call, check=True)
def _say_where_empty(empty: Array) -> Array:
    if np.any(empty):
        warnings.warn("All-NaN slice encountered", RuntimeWarning, stacklevel=7)
    return empty


def _nan_extreme(f: Any, reduce: Any, worst: float) -> None:
    @composite(f, f"see {reduce.__name__}, without the NaNs", samples=_holes(AXES))
    def body(
        a: Array, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NONE, where: Any = True
    ) -> Array:
        no_out(out)
        if initial is NONE and where is not True:
            return f(untracked(a), axis=axis, where=untracked(where))  # raises, as NumPy does
        filled, counted = _filled(a, worst)
        y = reduce(filled, axis=axis, keepdims=kept(keepdims), initial=initial, where=where)
        empty = ~counted.any(axis=axis, keepdims=kept(keepdims))
        if initial is not NONE or not anywhere(empty):
            return y
        _say_where_empty(empty)
        return np.where(empty, np.nan, y)


_nan_extreme(np.nanmax, np.max, -np.inf)
_nan_extreme(np.nanmin, np.min, np.inf)


def _nan_spread(f: Any, reduce: Any) -> None:
    """nanmean, nanvar, nanstd: the plain function over the entries that are there."""

    @composite(f, f"see {reduce.__name__}, without the NaNs", samples=_holes(AXES))
    def body(
        a: Array, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **options: Any
    ) -> Array:
        filled, counted = _filled(a, 0, options.pop("where", True))
        return reduce(filled, axis=axis, dtype=dtype, out=out, keepdims=kept(keepdims), where=counted, **options)


_nan_spread(np.nanmean, np.mean)


def _nan_variance(a: Array, axis: Any, dtype: Any, out: Any, ddof: Any, keepdims: Any, where: Any, mean: Any,
                  correction: Any) -> Array:  # fmt: skip
    filled, counted = _filled(a, 0, where)
    ddof = ddof if correction is NONE else correction
    return np.var(filled, axis=axis, dtype=dtype, out=out, ddof=ddof, keepdims=kept(keepdims), where=counted, mean=mean)


def _spread_samples(draw: Any) -> list[Any]:
    return [*AXES(draw)[:6], call(draw(3, 4), axis=0, ddof=1), call(draw(3, 4), axis=1, correction=1, keepdims=True)]


@composite(np.nanvar, "see var, without the NaNs", samples=_holes(_spread_samples))
def _nanvar(a: Array, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False, *,
            where: Any = True, mean: Any = NONE, correction: Any = NONE) -> Array:  # fmt: skip
    return _nan_variance(a, axis, dtype, out, ddof, keepdims, where, mean, correction)


@composite(np.nanstd, "see std, without the NaNs", samples=_holes(_spread_samples))
def _nanstd(a: Array, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False, *,
            where: Any = True, mean: Any = NONE, correction: Any = NONE) -> Array:  # fmt: skip
    return root_or_zero(_nan_variance(a, axis, dtype, out, ddof, keepdims, where, mean, correction))


# ── quantiles ────────────────────────────────────────────────────────────────────────────────────────────────────


def _lines(a: Array, axis: Any) -> tuple[Array, Any]:
    """The reduced axes as one, at the end; and their numbers."""
    axes = all_axes(axis, a.ndim)
    others = tuple(i for i in range(a.ndim) if i not in axes)
    shape = tuple(a.shape[i] for i in others)
    return np.transpose(a, others + axes).reshape((*shape, math.prod(a.shape[i] for i in axes))), axes


def _order_statistic(f: Any, a: Array, q: Any, axis: Any, keepdims: Any, dtype: Any, **options: Any) -> Array:
    """A quantile by NumPy's own `f`: of the ranks 0, 1, 2 … it tells which place to read, or between which two."""
    lines, axes = _lines(a, axis)
    flat = untracked(lines)
    ranks = np.argsort(np.argsort(flat, axis=-1, kind="stable"), axis=-1).astype(float)
    ranks[np.isnan(flat)] = np.nan
    place = f(ranks, *(beside(x, ranks) for x in q), axis=-1, **options)
    place = place if hasattr(place, "ndim") else np.asarray(place)
    shape = np.shape(q[0]) if q else ()
    found = np.moveaxis(place.reshape((int(np.prod(shape)), *lines.shape[:-1])), 0, -1)
    missing = np.isnan(found)
    low = np.floor(np.where(missing, 0, found))
    part = (found - low).astype(dtype)
    ascending = sort(lines, lines.ndim - 1)
    below = np.take_along_axis(ascending, low.astype(int), -1)
    above = np.take_along_axis(ascending, np.minimum(low + (part > 0), flat.shape[-1] - 1).astype(int), -1)
    step = above - below
    y = np.where(part < 0.5, below + step * part, above - step * (1 - part))
    around = tuple(1 if i in axes else n for i, n in enumerate(a.shape)) if kept(keepdims) else lines.shape[:-1]
    return np.moveaxis(y, -1, 0).reshape(shape + around)


def _floats(a: Any) -> Array:
    return a if hasattr(a, "ndim") else np.asarray(a, float)


def _median(f: Any) -> None:
    @composite(f, "y = the middle entry, or the mean of the middle two (see sort)",
               samples=AXES if f is np.median else _holes(AXES))  # fmt: skip
    def body(
        a: Array,
        axis: Any = None,
        out: Any = None,
        overwrite_input: bool = False,  # noqa: ARG001 (a Tensor is never overwritten)
        keepdims: Any = False,
    ) -> Array:
        no_out(out)
        return _order_statistic(f, _floats(a), (), axis, keepdims, a.dtype)


METHODS = ("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen",
           "weibull", "linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint",
           "nearest")  # fmt: skip


def _quantile(f: Any, scale: float) -> None:
    nan = "nan" in f.__name__  # NumPy's nanquantile itself fails with weights along an axis

    def calls(draw: Any) -> list[Any]:
        q = 0.3 * scale
        return [call(draw(5), q), call(draw(3, 4), q, 0), call(draw(2, 3, 4), [q, 2 * q], (0, -1)),
                call(draw(3, 4), [[q], [3 * q]], axis=1, keepdims=True), call(draw(3, 4), q, keepdims=True),
                call(draw(4), 0.0), call(draw(4), scale), call(draw(), q),
                *(call(draw(7), [0.37 * scale, 0.81 * scale], method=method) for method in METHODS),
                call(draw(6), q, method="inverted_cdf", weights=np.array([1, 2, 0, 3, 1, 1])),
                *([] if nan else [call(draw(3, 4), [q, 2 * q], 0, method="inverted_cdf",
                                       weights=np.array([1, 2, 4]))])]  # fmt: skip

    @composite(f, "y = the entry (or the line between two) at a share q of the order (see sort)",
               samples=_holes(calls) if nan else calls)  # fmt: skip
    def body(
        a: Array,
        q: Any,
        axis: Any = None,
        out: Any = None,
        overwrite_input: bool = False,  # noqa: ARG001 (a Tensor is never overwritten)
        method: str = "linear",
        keepdims: Any = False,
        *,
        weights: Any = None,
    ) -> Array:
        no_out(out)
        a = _floats(a)
        if weights is not None:
            weights = np.broadcast_to(weights, a.shape) if axis is None else _as_lines(weights, a, axis)
            weights = _lines(weights, axis)[0]
        if is_tracked(q) or is_tracked(weights):
            raise unsupported(BOOK[f], "a Tensor as q= or weights=")
        dtype = f(np.zeros(2, a.dtype), q, method=method).dtype
        return _order_statistic(f, a, (np.asarray(q),), axis, keepdims, dtype, method=method, weights=weights)


def _as_lines(w: Any, a: Array, axis: Any) -> Any:
    """Weights of the reduced axes alone, laid over the whole array."""
    w = w if hasattr(w, "ndim") else np.asarray(w)
    if w.shape == a.shape:
        return w
    axes = all_axes(axis, a.ndim)
    w = np.transpose(w, np.argsort(axes).tolist()).reshape(tuple(n if i in axes else 1 for i, n in enumerate(a.shape)))
    return np.broadcast_to(w, a.shape)


_median(np.median)
_median(np.nanmedian)
_quantile(np.quantile, 1.0)
_quantile(np.nanquantile, 1.0)
_quantile(np.percentile, 100.0)
_quantile(np.nanpercentile, 100.0)

# ── covariances ──────────────────────────────────────────────────────────────────────────────────────────────────


def _variables(m: Any, y: Any, rowvar: bool, dtype: Any) -> Array:
    X = np.atleast_2d(_floats(m)) if np.ndim(untracked(m)) < 2 or rowvar else _floats(m).T
    if y is not None and X.shape[0]:  # of no variables NumPy doesn't look at y
        Y = np.atleast_2d(_floats(y))
        X = np.concatenate((X, Y if rowvar or Y.shape[0] == 1 else Y.T))
    dtype = np.result_type(untracked(X), float) if dtype is None else np.dtype(dtype)
    return X if X.dtype == dtype else X.astype(dtype)


@composite(np.cov, "C = (X − x̄) w (X − x̄)ᴴ / n",
           samples=lambda draw: [call(draw(3, 5)), call(draw(4, 3), rowvar=False), call(draw(5)),
                                 call(draw(5), draw(5)), call(draw(5, 2), draw(1, 5), rowvar=False),
                                 call(draw(2, 4), draw(1, 4), bias=True), call(draw(2, 5), ddof=0),
                                 call(draw(2, 4), fweights=np.array([1, 2, 1, 3])),
                                 call(draw(2, 4), aweights=np.array([1, 4, 2, 6]))])  # fmt: skip
def _cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None, fweights: Any = None,
         aweights: Any = None, *, dtype: Any = None) -> Array:  # fmt: skip
    X = _variables(m, y, rowvar, dtype)
    if not X.shape[0]:
        return np.zeros_like(X, shape=(0, 0), dtype=np.float64)
    with np.errstate(all="ignore"):
        np.cov(
            beside(np.zeros(X.shape), X),
            bias=bias,
            ddof=ddof,
            fweights=untracked(fweights),
            aweights=untracked(aweights),
        )  # checks
    ddof = (0 if bias else 1) if ddof is None else ddof
    f, a = (None if w is None else w if hasattr(w, "ndim") else np.asarray(w) for w in (fweights, aweights))
    if f is None and a is None:
        off, n = X - np.mean(X, axis=1, keepdims=True), max(X.shape[1] - ddof, 0)
        return np.squeeze(off @ np.conj(off).T / np.asarray(n, np.real(np.zeros((), X.dtype)).dtype))
    w: Any = 1.0
    for given in (f, a):
        w = w if given is None else w * given
    total = np.sum(w)
    n = total - ddof * (np.sum(w * a) / total if a is not None else 1)
    off = X - np.sum(X * w, axis=1, keepdims=True) / total
    return np.squeeze((off * w) @ np.conj(off).T / n)


@composite(np.corrcoef, "Rᵢⱼ = Cᵢⱼ/√(Cᵢᵢ Cⱼⱼ)",
           samples=lambda draw: [call(draw(3, 5)), call(draw(4, 2), rowvar=False), call(draw(5), draw(5))])  # fmt: skip
def _corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Array:
    C = np.cov(x, y, rowvar, dtype=dtype)
    if C.ndim == 0:
        return C / C
    scale = np.sqrt(np.real(np.diagonal(C)))
    return C / scale[:, None] / scale[None, :]


# ── counting ─────────────────────────────────────────────────────────────────────────────────────────────────────


@composite(np.bincount, "yₖ = Σ of the weights in bin k (see scatter_add)",
           samples=lambda draw: [call(np.array([0, 2, 2, 1]), draw(4)),
                                 call(np.array([1, 1]), weights=draw(2), minlength=4)])  # fmt: skip
def _bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    x = untracked(x)
    x = x if hasattr(x, "ndim") else np.asarray(x)
    counts = np.bincount(x, minlength=minlength)
    return counts if weights is None else scatter_add(np.astype(weights, np.float64), counts.shape, x)


refuse("counts jump, they have no derivative: use t.data; for sums per bin, "
       "np.bincount(np.digitize(t.data, edges), weights=t)",
       np.histogram, np.histogram2d, np.histogramdd, np.histogram_bin_edges)  # fmt: skip
