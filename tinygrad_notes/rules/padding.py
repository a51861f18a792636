"""``np.pad``, every mode: constant and mirrored edges move entries; ramps and statistics are built from slices."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .book import Array, Rule, beside, call, composite, is_tracked, rule, untracked
from .by_value import anywhere

__all__: list[str] = []

Widths = list[tuple[int, int]]
STATISTICS: dict[str, Callable[..., Any]] = {"maximum": np.max, "minimum": np.min, "mean": np.mean, "median": np.median}


def _pad_zeros(array: Array, pad_width: Any) -> Array:
    return np.pad(array, pad_width)


def _without_rim(widths: Any, shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(before, before + n) for (before, _), n in zip(widths, shape, strict=True))


pad_zeros: Rule = rule(_pad_zeros, "y = a with zeros round it:  g without its rim",
     lambda g, _y, _array, pad_width: g[_without_rim(pad_width, _array.shape)],
     name="pad", linear="jointly",
     samples=lambda draw: [call(draw(2, 3), ((1, 2), (0, 1))), call(draw(3), ((2, 0),)),
                           call(draw(0), ((1, 1),))])  # fmt: skip


def _pairs(given: Any, ndim: int) -> Any:
    """NumPy's ways to give one (before, after) pair per axis."""
    if isinstance(given, dict):
        full = [(0, 0)] * ndim
        for axis, pair in given.items():
            full[axis] = (pair, pair) if np.ndim(pair) == 0 else tuple(pair)
        return full
    return np.broadcast_to(np.asarray(given), (ndim, 2)).tolist()


def _pad_samples(draw: Any) -> list[Any]:
    modes = ["edge", "reflect", "symmetric", "wrap", "linear_ramp", "maximum", "minimum", "mean", "median"]
    return [
        call(draw(2, 3), 1),
        call(draw(2, 3), (1, 2)),
        call(draw(2, 3), ((1, 0), (0, 2)), constant_values=((1.0, 2.0), (3.0, 4.0))),
        call(draw(3), {0: (2, 1)}),
        call(draw(2, 3), {-1: 1}, "edge"),
        *(call(draw(3, 4), ((2, 1), (0, 3)), mode) for mode in modes),
        *(call(draw(3), 5, mode) for mode in ("reflect", "symmetric", "wrap")),
        call(draw(3, 4), (2, 3), "reflect", reflect_type="odd"),
        call(draw(3), 5, "symmetric", reflect_type="odd"),
        call(draw(3, 4), 2, "mean", stat_length=2),
        call(draw(3, 4), 2, "maximum", stat_length=((1, 2), (3, 1))),
        call(draw(4), 2, "median", stat_length=(3, 2)),
        call(draw(3), (2, 3), "linear_ramp", end_values=(0.5, -1.0)),
        call(draw(), 0),
        call(draw(1), 2, "reflect"),
    ]


@composite(np.pad, "y = a with a rim round it", samples=_pad_samples)
def _pad(array: Array, pad_width: Any, mode: Any = "constant", **options: Any) -> Array:
    widths = [(operator.index(b), operator.index(a)) for b, a in _pairs(pad_width, array.ndim)]
    if not widths:
        return np.positive(array)
    np.pad(np.zeros((1,) * array.ndim), widths, mode, **_without_tensors(options))  # raises what NumPy raises
    if callable(mode):
        from ..errors import NoRuleError, user_line

        raise NoRuleError(f"np.pad with a function writes into arrays: concatenate the parts instead.{user_line()}")
    if mode in ("constant", "empty"):
        return _pad_constant(array, widths, options.get("constant_values", 0))
    if mode in STATISTICS:
        lengths = _pairs(options.get("stat_length"), array.ndim)
        return _by_axis(array, widths, lambda a, k, pair: _with_statistic(a, k, pair, STATISTICS[mode], lengths[k]))
    if mode == "linear_ramp":
        return _by_axis(array, widths, lambda a, k, pair: _with_ramp(a, k, pair, options.get("end_values", 0)))
    if options.get("reflect_type", "even") == "odd":
        return _by_axis(array, widths, lambda a, k, pair: _mapped(a, k, pair, mode))
    places = np.pad(np.arange(array.size).reshape(array.shape), widths, mode)
    return np.take(array, beside(places, array))


def _without_tensors(options: dict[str, Any]) -> dict[str, Any]:
    return {key: untracked(value) for key, value in options.items()}


def _by_axis(a: Array, widths: Widths, pad_one: Any) -> Array:
    """One axis after the other, as NumPy does it: corners are padding of padding."""
    for k, pair in enumerate(widths):
        if pair != (0, 0):
            a = pad_one(a, k, pair)
    return a


def _pad_constant(array: Array, widths: Widths, constant: Any) -> Array:
    y = pad_zeros(array, tuple(widths))
    if not is_tracked(constant) and not anywhere(constant):
        return y
    n = array.ndim
    sides = np.arange(2 * n).reshape(n, 2)
    which = np.pad(np.full(array.shape, -1), widths, constant_values=sides)
    if isinstance(constant, (list, tuple)) and is_tracked(constant):
        constant = np.stack([np.stack(c) if isinstance(c, (list, tuple)) else c for c in constant])
    rim = np.ravel(np.broadcast_to(constant if is_tracked(constant) else beside(constant, y), (n, 2)))
    which = beside(which, y)
    return np.where(which < 0, y, np.take(np.astype(rim, y.dtype), np.maximum(which, 0)))


def _slice(a: Array, axis: int, start: int | None, stop: int | None) -> Array:
    return a[(slice(None),) * axis + (slice(start, stop),)]


def _repeated(edge: Array, axis: int, count: int) -> Array:
    shape = list(edge.shape)
    shape[axis] = count
    return np.broadcast_to(edge, shape)


def _with_statistic(a: Array, axis: int, pair: tuple[int, int], statistic: Any, lengths: Any) -> Array:
    n = a.shape[axis]
    before, after = (n if length is None else min(int(length), n) for length in lengths)
    front = statistic(_slice(a, axis, 0, before), axis=axis, keepdims=True)
    back = statistic(_slice(a, axis, n - after, n), axis=axis, keepdims=True)
    return np.concatenate([_repeated(front, axis, pair[0]), a, _repeated(back, axis, pair[1])], axis=axis)


def _with_ramp(a: Array, axis: int, pair: tuple[int, int], end_values: Any) -> Array:
    ends = _pairs(untracked(end_values), a.ndim)[axis] if not is_tracked(end_values) else None
    if ends is None:
        pairs = np.broadcast_to(end_values if hasattr(end_values, "ndim") else np.stack(end_values), (a.ndim, 2))
        ends = pairs[axis, 0], pairs[axis, 1]
    edges = _slice(a, axis, 0, 1), _slice(a, axis, a.shape[axis] - 1, None)
    shape = (1,) * axis + (-1,) + (1,) * (a.ndim - axis - 1)
    step = [beside((np.arange(width) / max(width, 1)).astype(a.dtype).reshape(shape), a) for width in pair]
    front = ends[0] + (edges[0] - ends[0]) * step[0]
    back = np.flip(ends[1] + (edges[1] - ends[1]) * step[1], axis)
    return np.concatenate([front, a, back], axis=axis)


def _mapped(a: Array, axis: int, pair: tuple[int, int], mode: Any) -> Array:
    """Odd reflections are linear along an axis: padding the unit vectors gives the matrix."""
    matrix = np.pad(np.eye(a.shape[axis], dtype=a.dtype), (pair, (0, 0)), mode, reflect_type="odd")
    return np.moveaxis(np.moveaxis(a, axis, -1) @ beside(matrix.T, a), -1, axis)
