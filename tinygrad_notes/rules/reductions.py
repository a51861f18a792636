"""Reductions: many entries become one. The gradient of the one goes back to all that made it.

``axis`` may be None, a number or a tuple, negative too; the engine spreads a gradient of size 1 along the reduced axes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .book import Array, alias, beside, call, composite, is_tracked, no_out, otherwise, plain, rule, untracked
from .by_value import anywhere

__all__ = ["AXES", "restore_axes"]

NONE = np._NoValue  # NumPy's own "was not given"


def AXES(draw: Any) -> list[Any]:
    """Calls of a reduction that takes ``axis`` and ``keepdims``."""
    return [
        call(draw(3, 4)),
        call(draw(3, 4), axis=0),
        call(draw(3, 4), axis=-1, keepdims=True),
        call(draw(2, 3, 4), axis=(0, -1)),
        call(draw(2, 3, 4), axis=(-1, 1), keepdims=True),
        call(draw(3, 4), keepdims=True),
        call(draw()),
        call(draw(3, 1), axis=1),
    ]


def EMPTY(draw: Any) -> list[Any]:
    """The same, and calls that reduce nothing."""
    return [*AXES(draw), call(draw(0, 3), axis=0), call(draw(3, 0), axis=0), call(draw(0))]


def restore_axes(g: Array, shape: tuple[int, ...], axis: Any, keepdims: bool) -> Array:
    """A reduced gradient with the reduced axes back, as size 1."""
    if axis is None:
        return g.reshape((1,) * len(shape)) if g.ndim != len(shape) else g
    if keepdims:
        return g
    axes = {i % len(shape) for i in (axis if isinstance(axis, tuple) else (axis,))} if shape else set()
    return g.reshape(tuple(1 if i in axes else n for i, n in enumerate(shape)))


def _count(shape: tuple[int, ...], axis: Any) -> int:
    """How many entries make one, as a Python number: it must not change a dtype."""
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    count = 1
    for i in axes:
        count *= shape[i] if shape else 1  # one number has any axis, and is alone on it
    return count


# ── sums and means ───────────────────────────────────────────────────────────────────────────────────────────────

rule(np.sum, "y = Σ a:  g to every summed entry",
     lambda g, _y, _a, axis=None, keepdims=False: restore_axes(g, _a.shape, axis, keepdims),
     linear="jointly", samples=EMPTY)  # fmt: skip

rule(np.mean, "y = Σ a / n:  g/n to every entry",
     lambda g, _y, _a, axis=None, keepdims=False: restore_axes(g / _count(_a.shape, axis), _a.shape, axis, keepdims),
     linear="jointly", samples=AXES)  # fmt: skip


@otherwise(np.sum)
def _sum_others(a: Array, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False,
                initial: Any = NONE, where: Any = True) -> Array:  # fmt: skip
    y = np.sum(_prepared(a, dtype, out, where, 0), axis=axis, keepdims=keepdims)
    return y if initial is NONE or initial is None else y + initial


def _prepared(a: Array, dtype: Any, out: Any, where: Any, neutral: Any) -> Array:
    """The array in `dtype`, with `neutral` wherever the condition `where` doesn't hold."""
    no_out(out)
    a = a if dtype is None else a.astype(dtype)
    return a if where is True else np.where(untracked(where), a, neutral)


@otherwise(np.mean)
def _mean_others(a: Array, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False, *,
                 where: Any = True) -> Array:  # fmt: skip
    a = _prepared(a, dtype, out, True, 0)
    if where is True:
        return np.mean(a, axis=axis, keepdims=keepdims)
    return np.sum(a, axis=axis, keepdims=keepdims, where=where) / _number(a, axis, keepdims, where)


def _number(a: Array, axis: Any, keepdims: bool, where: Any) -> Any:
    """How many entries `where` lets through, in the array's own precision."""
    chosen = np.broadcast_to(untracked(where), a.shape)
    return chosen.sum(axis=axis, keepdims=keepdims).astype(np.real(np.zeros((), a.dtype)).dtype)


# ── products ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _shifted(a: Array, by: int, fill: int) -> Array:
    """The last axis moved on by `by` places, `fill` coming in (negative `by`: moved back)."""
    edge = beside(np.full((*a.shape[:-1], min(abs(by), a.shape[-1])), fill, a.dtype), a)
    return np.concatenate([edge, a[..., :-by]] if by > 0 else [a[..., -by:], edge], axis=-1)


def _running_product_before(a: Array) -> Array:
    """``a₀ a₁ … aₖ₋₁`` for each k along the last axis, by log₂ n multiplications of whole arrays: no division."""
    y, step = _shifted(a, 1, 1), 1
    while step < a.shape[-1]:
        y = y * _shifted(y, step, 1)
        step *= 2
    return y


def _product_of_others(a: Array) -> Array:
    """Along the last axis, the product of all entries but this one: right with zeros, at every order."""
    return _running_product_before(a) * np.flip(_running_product_before(np.flip(a, -1)), -1)


def _can_be_divided(y: Array, a: Array) -> bool:
    """Whether a product over a factor is the product of the others: neither 0, nor too small for all its digits, nor ∞.

    And not to be differentiated again: the slope of y/a is the small difference of two numbers of size 1/a.
    """
    size = np.abs(y)
    return not is_tracked(a) and not anywhere(~((size >= np.finfo(y.dtype).tiny) & (size < np.inf)))


def _prod_pullback(g: Array, y: Array, a: Array, axis: Any, keepdims: bool) -> Array:
    g, y = restore_axes(g, a.shape, axis, keepdims), restore_axes(y, a.shape, axis, keepdims)
    if _can_be_divided(y, a):
        return g * (y / a)
    axes = tuple(range(a.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(i % a.ndim for i in axes) if a.ndim else ()
    if not axes:
        return g
    order = tuple(i for i in range(a.ndim) if i not in axes) + axes
    moved = np.transpose(a, order)
    rows = moved.shape[: a.ndim - len(axes)]
    others = _product_of_others(moved.reshape((*rows, math.prod(a.shape[i] for i in axes))))
    back = tuple(order.index(i) for i in range(a.ndim))
    return g * np.transpose(others.reshape(moved.shape), back)


def _with_zeros(draw: Any) -> list[Any]:
    one, two = draw(3, 4), draw(2, 3, 4)
    one[0, 1] = 0
    two[0, 1, 2] = two[0, 0, 3] = two[1, 1, 1] = 0
    return [call(one), call(one, axis=0), call(one, axis=-1, keepdims=True), call(two, axis=(0, 2)), call(draw() * 0)]


rule(np.prod, "y = Π a:  ∂y/∂aₖ = product of the others  (y/aₖ where nothing is 0)",
     lambda g, y, a, axis=None, keepdims=False: _prod_pullback(g, y, a, axis, keepdims),
     samples=lambda draw: [*EMPTY(draw), *_with_zeros(draw)])  # fmt: skip


@otherwise(np.prod)
def _prod_others(a: Array, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False,
                 initial: Any = NONE, where: Any = True) -> Array:  # fmt: skip
    y = np.prod(_prepared(a, dtype, out, where, 1), axis=axis, keepdims=keepdims)
    return y if initial is NONE or initial is None else y * initial


# ── running sums and products ────────────────────────────────────────────────────────────────────────────────────


def _running_sum_from(g: Array, axis: int) -> Array:
    """``gₖ + gₖ₊₁ + …`` for each k."""
    return np.flip(np.cumsum(np.flip(g, axis), axis), axis)


def _one_axis(draw: Any) -> list[Any]:
    return [call(draw(3, 4)), call(draw(3, 4), axis=0), call(draw(2, 3, 4), axis=-2), call(draw(5), axis=0),
            call(draw()), call(draw(), axis=0), call(draw(0, 3), axis=0), call(draw(1))]  # fmt: skip


rule(np.cumsum, "yₖ = a₀ + … + aₖ:  ∂J/∂aₖ = gₖ + gₖ₊₁ + …",
     lambda g, _y, _a, axis=None: _running_sum_from(g, 0 if axis is None else axis).reshape(_a.shape),
     linear="jointly", samples=_one_axis)  # fmt: skip


def _cumprod_pullback(g: Array, y: Array, a: Array, axis: int | None) -> Array:
    if axis is None or a.ndim == 0:
        return _cumprod_pullback(g, y, a.reshape(-1), 0).reshape(a.shape)
    if _can_be_divided(y, a):
        return _running_sum_from(g * y, axis) / a
    g, a = g.swapaxes(axis, -1), a.swapaxes(axis, -1)
    return (_running_product_before(a) * _discounted_sum_from(g, _shifted(a, -1, 0))).swapaxes(axis, -1)


def _discounted_sum_from(g: Array, a: Array) -> Array:
    """``sₖ = gₖ + aₖ sₖ₊₁`` along the last axis, by doubling: s and a then stand for 1, 2, 4 … steps."""
    step = 1
    while step < g.shape[-1]:
        g, a = g + a * _shifted(g, -step, 0), a * _shifted(a, -step, 0)
        step *= 2
    return g


rule(np.cumprod, "yₖ = a₀ a₁ … aₖ:  ∂J/∂aₖ = Σ_{j≥k} gⱼ · (product of the others up to j)",
     lambda g, y, a, axis=None: _cumprod_pullback(g, y, a, axis),
     samples=lambda draw: [*_one_axis(draw), call(_with_zeros(draw)[0][0][0], axis=1),
                           call(_with_zeros(draw)[3][0][0], axis=0), call(_with_zeros(draw)[0][0][0]),
                           call(0 * draw(), axis=0)])  # fmt: skip


@otherwise(np.cumsum)
def _cumsum_others(a: Array, axis: Any = None, dtype: Any = None, out: Any = None) -> Array:
    return np.cumsum(_prepared(a, dtype, out, True, 0), axis=axis)


@otherwise(np.cumprod)
def _cumprod_others(a: Array, axis: Any = None, dtype: Any = None, out: Any = None) -> Array:
    return np.cumprod(_prepared(a, dtype, out, True, 0), axis=axis)


def _cumulative(running: Any, start: int, x: Array, axis: Any, dtype: Any, out: Any, include_initial: bool) -> Array:
    if axis is None and x.ndim > 1:
        raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
    axis = 0 if axis is None else axis
    x = np.atleast_1d(_prepared(x, dtype, out, True, 0))
    y = running(x, axis=axis)
    if not include_initial:
        return y
    edge = list(y.shape)
    edge[axis] = 1
    return np.concatenate([beside(np.full(edge, start, y.dtype), y), y], axis=axis)


def _cumulative_samples(draw: Any) -> list[Any]:
    return [call(draw(5)), call(draw(3, 4), axis=0), call(draw(3, 4), axis=-1, include_initial=True)]


@composite(np.cumulative_sum, "yₖ = a₀ + … + aₖ  (see cumsum)", samples=_cumulative_samples)
def _cumulative_sum(x: Array, /, *, axis: Any = None, dtype: Any = None, out: Any = None,
                    include_initial: bool = False) -> Array:  # fmt: skip
    return _cumulative(np.cumsum, 0, x, axis, dtype, out, include_initial)


@composite(np.cumulative_prod, "yₖ = a₀ a₁ … aₖ  (see cumprod)", samples=_cumulative_samples)
def _cumulative_prod(x: Array, /, *, axis: Any = None, dtype: Any = None, out: Any = None,
                     include_initial: bool = False) -> Array:  # fmt: skip
    return _cumulative(np.cumprod, 1, x, axis, dtype, out, include_initial)


# ── variance and standard deviation ──────────────────────────────────────────────────────────────────────────────


def _deviation(a: Array, axis: Any) -> Array:
    return a - np.mean(a, axis=axis, keepdims=True)


def _var_pullback(g: Array, a: Array, axis: Any, ddof: float, keepdims: bool) -> Array:
    scale = 2 * restore_axes(g, a.shape, axis, keepdims)
    return _deviation(a, axis) * (scale / max(_count(a.shape, axis) - ddof, 0))


def _std_pullback(g: Array, y: Array, a: Array, axis: Any, ddof: float, keepdims: bool) -> Array:
    """As var, over 2y; a constant slice (y = 0) has the gradient 0."""
    zero = y == 0
    safe = np.where(zero, 1, y) if anywhere(zero) else y
    return _var_pullback(g / (2 * safe), a, axis, ddof, keepdims)


def _spread_samples(draw: Any) -> list[Any]:
    return [*AXES(draw), call(draw(3, 4), axis=0, ddof=1), call(draw(2, 3, 4), axis=(0, 2), ddof=0.5, keepdims=True),
            call(draw(3, 4), axis=1, correction=1), call(draw(3, 4), where=np.arange(12).reshape(3, 4) % 3 != 0),
            call(draw(3, 4), axis=0, ddof=1, where=np.arange(12).reshape(3, 4) != 1)]  # fmt: skip


rule(np.var, "y = Σ |a − ā|² / (n − ddof):  ∂y/∂aₖ = 2 (aₖ − ā)/(n − ddof)",
     lambda g, _y, a, axis=None, ddof=0, keepdims=False: _var_pullback(g, a, axis, ddof, keepdims),
     holomorphic=False, samples=_spread_samples)  # fmt: skip
rule(np.std, "y = √var:  ∂y/∂aₖ = (aₖ − ā)/((n − ddof) y)  (0 where y = 0)",
     lambda g, y, a, axis=None, ddof=0, keepdims=False: _std_pullback(g, y, a, axis, ddof, keepdims),
     holomorphic=False, samples=lambda draw: _spread_samples(draw)[:6] + _spread_samples(draw)[8:])  # fmt: skip


@otherwise(np.var)
def _var_others(a: Array, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: bool = False,
                *, where: Any = True, mean: Any = NONE, correction: Any = NONE) -> Array:  # fmt: skip
    ddof, mean = ddof if correction is NONE else correction, NONE if mean is None else mean
    a = _prepared(a, dtype, out, True, 0)
    if where is True and mean is NONE:
        return np.var(a, axis=axis, ddof=ddof, keepdims=keepdims)
    centre = np.mean(a, axis=axis, keepdims=True, where=where) if mean is NONE else mean
    off = a - centre
    squares = np.real(off * np.conj(off)) if a.dtype.kind == "c" else off * off
    n = np.maximum(_number(a, axis, keepdims, where) - ddof, 0)
    return np.sum(squares, axis=axis, keepdims=keepdims, where=where) / n


@otherwise(np.std)
def _std_others(a: Array, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: bool = False,
                *, where: Any = True, mean: Any = NONE, correction: Any = NONE) -> Array:  # fmt: skip
    ddof, mean = ddof if correction is NONE else correction, NONE if mean is None else mean
    a = _prepared(a, dtype, out, True, 0)
    if where is True and mean is NONE:
        return np.std(a, axis=axis, ddof=ddof, keepdims=keepdims)
    return root_or_zero(np.var(a, axis=axis, ddof=ddof, keepdims=keepdims, where=where, mean=mean))


def root_or_zero(x: Array) -> Array:
    """``√x`` whose derivative at 0 is 0, as that of a standard deviation is."""
    zero = x == 0
    return np.where(zero, 0, np.sqrt(np.where(zero, 1, x))) if anywhere(zero) else np.sqrt(x)


# ── largest and smallest ─────────────────────────────────────────────────────────────────────────────────────────


def _winners(y: Array, a: Array, axis: Any, keepdims: bool) -> Any:
    """1 at the entry that won, an equal share where several did, as plain numbers; NaNs win where there are any."""
    won = a == restore_axes(y, a.shape, axis, keepdims)
    missing = a != a
    if anywhere(missing):
        won = won | missing
    ties = won.sum(axis=axis, keepdims=True)
    return won if not anywhere(ties != 1) else won / ties.astype(np.real(np.zeros((), a.dtype)).dtype)


def _extremes(draw: Any) -> list[Any]:
    return [*AXES(draw), call(draw(3, 0), axis=0), call(draw(3, 4), axis=0, initial=0.5),
            call(draw(3, 4), axis=1, initial=-9.0, where=np.arange(12).reshape(3, 4) % 2 == 0)]  # fmt: skip


for _extreme, _what in ((np.max, "largest"), (np.min, "smallest")):
    rule(_extreme, f"y = {_what} entry:  g to it; ties share equally",
         lambda g, y, a, axis=None, keepdims=False: restore_axes(g, a.shape, axis, keepdims)
         * _winners(y, a, axis, keepdims), samples=lambda draw: _extremes(draw))  # fmt: skip


def _extreme_others(reduce: Any, pair: Any, a: Array, axis: Any, out: Any, keepdims: bool, initial: Any,
                    where: Any) -> Array:  # fmt: skip
    if initial is NONE or initial is None:
        if where is not True:
            return reduce(untracked(a), axis=axis, keepdims=keepdims, where=untracked(where))  # raises, as NumPy does
        return reduce(_prepared(a, None, out, True, 0), axis=axis, keepdims=keepdims)
    a = _prepared(a, None, out, where, initial)
    if _count(a.shape, axis) == 0:
        return np.sum(a, axis=axis, keepdims=keepdims) + initial
    return pair(reduce(a, axis=axis, keepdims=keepdims), initial)


@otherwise(np.max)
def _max_others(a: Array, axis: Any = None, out: Any = None, keepdims: bool = False, initial: Any = NONE,
                where: Any = True) -> Array:  # fmt: skip
    return _extreme_others(np.max, np.maximum, a, axis, out, keepdims, initial, where)


@otherwise(np.min)
def _min_others(a: Array, axis: Any = None, out: Any = None, keepdims: bool = False, initial: Any = NONE,
                where: Any = True) -> Array:  # fmt: skip
    return _extreme_others(np.min, np.minimum, a, axis, out, keepdims, initial, where)


alias(np.max, np.amax)
alias(np.min, np.amin)


@composite(np.ptp, "y = max a − min a", samples=AXES)
def _ptp(a: Array, axis: Any = None, out: Any = None, keepdims: bool = False) -> Array:
    no_out(out)
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


plain("its result is bool or integer", np.all, np.any, np.count_nonzero)
