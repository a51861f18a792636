"""Reductions, shapes, products, convolutions and the networks' own functions as ONNX nodes, by the rule's name."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Any

import numpy as np

from .builder import BOOL, INT, Builder
from .indexing import getitem, scatter
from .program import Dim

__all__ = ["ARRAYS", "PLAIN"]

Emit = Callable[..., Any]
Shape = tuple[Any, ...]
B = Builder


def _axes(axis: Any, shape: Shape) -> list[int]:
    if axis is None:
        return list(range(len(shape)))
    return [int(k) % len(shape) for k in (axis if isinstance(axis, tuple) else (axis,))]


def _known(n: Any, what: str) -> int:
    if isinstance(n, Dim):
        raise NotImplementedError(f"{what} along the axis of the batch")
    return int(n)


def _known_shape(shape: Shape, what: str) -> tuple[int, ...]:
    return tuple(_known(n, what) for n in shape)


# ── reductions ───────────────────────────────────────────────────────────────────────────────────────────────────


def _reduction(op: str) -> Emit:
    def emit(b: B, x: Any, shape: Shape, axis: Any, keepdims: Any) -> Any:
        axes = _axes(axis, shape)
        return b.node(op, [x, np.array(axes, np.int64)], keepdims=int(bool(keepdims))) if axes else b.Identity(x)

    return emit


_sum, _mean = _reduction("ReduceSum"), _reduction("ReduceMean")


def _var(b: B, x: Any, shape: Shape, axis: Any, ddof: Any, keepdims: Any) -> Any:
    gap = b.Sub(x, _mean(b, x, shape, axis, True))
    squares = b.Mul(gap, gap)
    if not ddof:
        return _mean(b, squares, shape, axis, keepdims)
    counted: Any = 1.0
    for k in _axes(axis, shape):
        counted = b.Mul(counted, shape[k]) if isinstance(shape[k], Dim) else b.Mul(counted, float(shape[k]))
    return b.Div(_sum(b, squares, shape, axis, keepdims), b.Sub(counted, float(ddof)))


def _std(b: B, *args: Any) -> Any:
    return b.Sqrt(_var(b, *args))


def _cumsum(b: B, x: Any, shape: Shape, axis: Any) -> Any:
    if axis is None or not shape:
        x, axis = b.Reshape(x, np.array([-1])), 0
    return b.CumSum(x, np.array(axis))


def _cumprod(b: B, x: Any, shape: Shape, axis: Any) -> Any:
    """Products of all entries so far: the triangle of each line, multiplied up."""
    if axis is None or not shape:
        x, shape, axis = b.Reshape(x, np.array([-1])), (int(np.prod(_known_shape(shape, "cumprod"))),), 0
    n, last = _known(shape[axis], "cumprod"), len(shape) - 1
    perm = list(range(len(shape)))
    perm[axis % len(shape)], perm[last] = perm[last], perm[axis % len(shape)]
    lines = b.Unsqueeze(b.Transpose(x, perm=perm), np.array([last]))
    products = b.node("ReduceProd", [b.Where(np.tri(n, dtype=bool), lines, 1.0), np.array([last + 1])], keepdims=0)
    return b.Transpose(products, perm=perm)


def _vector_norm(b: B, x: Any, shape: Shape, axis: Any, keepdims: Any, order: Any) -> Any:
    if order in (1, 2):
        return _reduction(f"ReduceL{order}")(b, x, shape, axis, keepdims)
    if np.isinf(order):
        return _reduction("ReduceMax" if order > 0 else "ReduceMin")(b, b.Abs(x), shape, axis, keepdims)
    if order == 0:
        ones = b.Where(b.node("Equal", [x, 0.0], dtype=BOOL), 0.0, 1.0)
        return _sum(b, ones, shape, axis, keepdims)
    return b.Pow(_sum(b, b.Pow(b.Abs(x), float(order)), shape, axis, keepdims), 1 / float(order))


# ── shapes ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _permuted(f: Callable[..., Any]) -> Emit:
    """Functions that reorder axes: NumPy says how, on an array whose lengths are the axes' numbers."""

    def emit(b: B, x: Any, shape: Shape, *params: Any) -> Any:
        moved = f(np.empty(tuple(range(2, len(shape) + 2))), *params).shape
        return b.Transpose(x, perm=[n - 2 for n in moved]) if len(shape) > 1 else b.Identity(x)

    return emit


def _reshape(b: B, x: Any, _shape: Shape, _target: Any, out: Shape) -> Any:
    return b.reshaped(x, out)


def _to_result(b: B, x: Any, _shape: Shape, *rest: Any) -> Any:
    """Reshape, expand_dims, squeeze, ravel: the result's shape says it all."""
    return b.reshaped(x, rest[-1])


def _flip(b: B, x: Any, shape: Shape, axis: Any = None) -> Any:
    axes = _axes(axis, shape)
    chosen = tuple(slice(None, None, -1) if k in axes else slice(None) for k in range(len(shape)))
    return getitem(b, x, shape, chosen)


def _rot90(b: B, x: Any, shape: Shape, k: int, axes: tuple[int, int]) -> Any:
    first, second = (a % len(shape) for a in axes)
    perm = list(range(len(shape)))
    perm[first], perm[second] = second, first
    if k % 4 == 0:
        return b.Identity(x)
    if k % 4 == 2:
        return _flip(b, x, shape, (first, second))
    turned = tuple(shape[p] for p in perm)
    if k % 4 == 1:
        return b.Transpose(_flip(b, x, shape, second), perm=perm)
    return _flip(b, b.Transpose(x, perm=perm), turned, second)


def _roll(b: B, x: Any, shape: Shape, shift: Any, axis: Any) -> Any:
    if axis is None:
        flat = b.Reshape(x, np.array([-1]))
        size = int(np.prod(_known_shape(shape, "roll of all entries")))
        return b.reshaped(_roll(b, flat, (size,), int(np.sum(shift)), 0), shape)
    shifts, axes = np.broadcast_arrays(np.asarray(shift), np.asarray(axis))
    for by, k in zip(shifts.ravel().tolist(), axes.ravel().tolist(), strict=True):
        k %= len(shape)
        by %= max(_known(shape[k], "roll"), 1)
        if not by:
            continue
        parts = (slice(shape[k] - by, None), slice(None, shape[k] - by))
        pieces = [getitem(b, x, shape, (slice(None),) * k + (part,)) for part in parts]
        x = b.Concat(*pieces, axis=k)
    return b.Identity(x)


def _tile(b: B, x: Any, shape: Shape, reps: Any) -> Any:
    reps = tuple(np.atleast_1d(reps).tolist()) if not isinstance(reps, tuple) else reps
    ndim = max(len(shape), len(reps))
    if ndim > len(shape):
        x = b.Unsqueeze(x, np.arange(ndim - len(shape)))
    return b.Tile(x, b.ints([1] * (ndim - len(reps)) + list(reps)))


def _repeat(b: B, x: Any, shape: Shape, repeats: Any, axis: Any) -> Any:
    if axis is None or not shape:
        x, shape, axis = b.Reshape(x, np.array([-1])), (int(np.prod(_known_shape(shape, "repeat"))),), 0
    return b.Gather(x, np.repeat(np.arange(_known(shape[axis], "repeat")), repeats), axis=axis)


def _by_table(f: Callable[..., Any], what: str) -> Emit:
    """Functions that pick entries of arrays of known shape: NumPy says which, on the entries' numbers."""

    def emit(b: B, x: Any, shape: Shape, *params: Any) -> Any:
        shape = _known_shape(shape, what)
        table = f(np.arange(1, int(np.prod(shape)) + 1).reshape(shape), *params)
        picked = b.Gather(b.Reshape(x, np.array([-1])), np.maximum(table - 1, 0), axis=0)
        return picked if table.all() else b.Where(table > 0, picked, 0.0)

    return emit


def _diagonal(b: B, x: Any, shape: Shape, offset: int, axis1: int, axis2: int) -> Any:
    axes = _axes((axis1, axis2), shape)
    rows, columns = (_known(shape[k], "diagonal") for k in axes)
    rest = [k for k in range(len(shape)) if k not in axes]
    places = np.diagonal(np.arange(rows * columns).reshape(rows, columns), offset)
    lines = b.reshaped(b.Transpose(x, perm=[*rest, *axes]), [*(shape[k] for k in rest), rows * columns])
    return b.Gather(lines, places, axis=len(rest))


def _joined(b: B, arrays: tuple[Any, ...], shapes: list[Shape], axis: Any) -> Any:
    if axis is None:
        return b.Concat(*(b.Reshape(x, np.array([-1])) for x in arrays), axis=0)
    return b.Concat(*arrays, axis=int(axis) % len(shapes[0]))


def _stacked(b: B, arrays: tuple[Any, ...], shapes: list[Shape], axis: Any) -> Any:
    axis = int(axis) % (len(shapes[0]) + 1)
    return b.Concat(*(b.Unsqueeze(x, np.array([axis])) for x in arrays), axis=axis)


def _pad(b: B, x: Any, shape: Shape, pad_width: Any) -> Any:
    widths = np.broadcast_to(np.asarray(pad_width, dtype=int), (len(shape), 2))
    return b.Pad(x, widths.T.ravel(), 0.0)


def _sort(b: B, x: Any, shape: Shape, axis: Any) -> Any:
    return _top(b, x, shape, axis)[0]


def _top(b: B, x: Any, shape: Shape, axis: Any) -> Any:
    axis = _axes(axis, shape)[0]
    return b.node("TopK", [x, b.ints([shape[axis]])], outputs=2, axis=axis, largest=0, sorted=1)


def _take(b: B, x: Any, shape: Shape, indices: Any, axis: Any, mode: str) -> Any:
    if axis is None:
        x, axis = b.Reshape(x, np.array([-1])), 0
        n: Any = int(np.prod(shape)) if not any(isinstance(k, Dim) for k in shape) else shape[0]
    else:
        n = shape[axis]
    if isinstance(indices, (list, tuple, int, np.integer, np.ndarray)):
        indices = np.asarray(indices, dtype=np.int64)
        if mode != "raise":
            places: Any = np.arange(_known(n, "take with a mode"))
            indices = places.take(indices, mode=mode)
    elif mode != "raise":
        raise NotImplementedError(f"mode={mode!r} with indices that are computed")
    else:
        indices = b.cast(indices, INT)
    return b.Gather(x, indices, axis=int(axis))


def _take_along_axis(b: B, x: Any, shape: Shape, indices: Any, axis: Any, out: Shape) -> Any:
    if axis is None:
        return b.Gather(b.Reshape(x, np.array([-1])), b.cast(indices, INT), axis=0)
    axis = axis % len(shape)
    wide = [*out[:axis], shape[axis], *out[axis + 1 :]]
    return b.GatherElements(b.Expand(x, b.ints(wide)), b.Expand(b.cast(indices, INT), b.ints(out)), axis=axis)


def _astype(b: B, x: Any, _shape: Shape, dtype: Any, _copy: Any = True) -> Any:
    return b.cast(x, dtype)


def _diff(b: B, x: Any, shape: Shape, n: int, axis: int) -> Any:
    k = axis % len(shape)
    before = (slice(None),) * k
    for _ in range(n):
        later, sooner = (getitem(b, x, shape, (*before, part)) for part in (slice(1, None), slice(None, -1)))
        x = b.Sub(later, sooner)
    return b.Identity(x)


# ── products ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _tensordot(b: B, x: Any, y: Any, shapes: tuple[Shape, Shape], axes: Any) -> Any:
    n, m = len(shapes[0]), len(shapes[1])
    if isinstance(axes, (int, np.integer)):
        of_x, of_y = list(range(n - int(axes), n)), list(range(int(axes)))
    else:
        of_x, of_y = (list(np.atleast_1d(np.asarray(a)).astype(int)) for a in axes)
    left, right = list(string.ascii_letters[:n]), list(string.ascii_letters[n : n + m])
    for i, j in zip(of_x, of_y, strict=True):
        right[j] = left[i]
    joined = {left[i] for i in of_x}
    result = [c for c in left + right if c not in joined]
    return b.Einsum(x, y, equation=f"{''.join(left)},{''.join(right)}->{''.join(result)}")


def _cross(b: B, x: Any, y: Any, shapes: tuple[Shape, Shape]) -> Any:
    one, two = np.array([1, 2, 0]), np.array([2, 0, 1])
    first, second = len(shapes[0]) - 1, len(shapes[1]) - 1
    ahead = b.Mul(b.Gather(x, one, axis=first), b.Gather(y, two, axis=second))
    return b.Sub(ahead, b.Mul(b.Gather(x, two, axis=first), b.Gather(y, one, axis=second)))


def _convolve(b: B, x: Any, y: Any, shapes: tuple[Shape, Shape]) -> Any:
    k = _known(shapes[1][0], "convolve")
    kernel = b.Reshape(_flip(b, y, shapes[1]), np.array([1, 1, -1]))
    return b.Reshape(b.Conv(b.Reshape(x, np.array([1, 1, -1])), kernel, pads=[k - 1, k - 1]), np.array([-1]))


def _einsum(b: B, arrays: tuple[Any, ...], shapes: list[Shape], subscripts: str, **_: Any) -> Any:
    """ONNX knows no length 1 beside a length n under one letter: such axes are taken out."""
    labels, result = _explicit(subscripts.replace(" ", ""), shapes)
    longer = {c for label, shape in zip(labels, shapes, strict=True) for c, n in zip(label, shape, strict=True)
              if isinstance(n, Dim) or n != 1}  # fmt: skip
    given, kept = [], []
    for x, label, shape in zip(arrays, labels, shapes, strict=True):
        out = [k for k, (c, n) in enumerate(zip(label, shape, strict=True)) if not isinstance(n, Dim) and n == 1
               and c in longer]  # fmt: skip
        given.append(b.Squeeze(x, np.array(out)) if out else x)
        kept.append("".join(c for k, c in enumerate(label) if k not in out))
    return b.Einsum(*given, equation=f"{','.join(kept)}->{result}")


def _explicit(subscripts: str, shapes: list[Shape]) -> tuple[list[str], str]:
    """One letter per axis, with letters in place of the dots, and the result's."""
    left, arrow, result = subscripts.partition("->")
    terms = left.split(",")
    free = [c for c in string.ascii_letters if c not in subscripts]
    counts = [len(shape) - len(term.replace("...", "")) for term, shape in zip(terms, shapes, strict=True)]
    dots = "".join(free[: max(counts)])
    labels = [
        term.replace("...", dots[len(dots) - count :] if count else "")
        for term, count in zip(terms, counts, strict=True)
    ]
    if not arrow:
        letters = left.replace(",", "").replace(".", "")
        result = "..." + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    return labels, result.replace("...", dots if "..." in left else "")


# ── networks ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _logsumexp(b: B, x: Any, shape: Shape, *params: Any) -> Any:
    """Of nn (axis, keepdims) or of SciPy (weights, axis, keepdims)."""
    axis, keepdims = params[-2:]
    if len(params) == 2 or params[0] is None:
        return _reduction("ReduceLogSumExp")(b, x, shape, axis, keepdims)
    top = _reduction("ReduceMax")(b, x, shape, axis, True)
    weighted = b.Mul(b.cast(params[0], b.dtype), b.Exp(b.Sub(x, top)))
    y = b.Add(b.Log(_sum(b, weighted, shape, axis, True)), top)
    return y if keepdims else b.Squeeze(y, np.array(_axes(axis, shape), np.int64))


def _softmax(b: B, x: Any, shape: Shape, axis: Any) -> Any:
    if isinstance(axis, int):
        return b.Softmax(x, axis=axis)
    e = b.Exp(b.Sub(x, _reduction("ReduceMax")(b, x, shape, axis, True)))
    return b.Div(e, _sum(b, e, shape, axis, True))


def _log_softmax(b: B, x: Any, shape: Shape, axis: Any) -> Any:
    if isinstance(axis, int):
        return b.LogSoftmax(x, axis=axis)
    return b.Sub(x, _reduction("ReduceLogSumExp")(b, x, shape, axis, True))


def _standardize(b: B, x: Any, shape: Shape, axis: Any, epsilon: float) -> Any:
    centred = b.Sub(x, _mean(b, x, shape, axis, True))
    variance = _mean(b, b.Mul(centred, centred), shape, axis, True)
    return b.Div(centred, b.Sqrt(b.Add(variance, float(epsilon))))


def _softmax_cross_entropy(b: B, scores: Any, labels: Any, shape: Shape, axis: int) -> Any:
    lost = _logsumexp(b, scores, shape, axis, False)
    return b.Sub(lost, _sum(b, b.Mul(labels, scores), shape, axis, False))


def _four(padding: Any) -> list[int]:
    up, left = padding
    return [up, left, up, left]


def _conv2d(b: B, x: Any, W: Any, bias: Any, _shape: Shape, stride: Any, padding: Any, dilation: Any) -> Any:
    inputs = [x, W] if bias is None else [x, W, bias]
    return b.Conv(*inputs, strides=list(stride), pads=_four(padding), dilations=list(dilation))


def _max_pool2d(b: B, x: Any, _shape: Shape, size: Any, stride: Any, padding: Any) -> Any:
    if any(2 * p > s for p, s in zip(padding, size, strict=True)):  # more than ONNX's own padding takes
        x, padding = b.Pad(x, np.array([0, 0, *padding, 0, 0, *padding]), -np.inf), (0, 0)
    return b.MaxPool(x, kernel_shape=list(size), strides=list(stride), pads=_four(padding))


def _avg_pool2d(b: B, x: Any, _shape: Shape, size: Any, stride: Any, padding: Any) -> Any:
    if any(padding):
        x = b.Pad(x, np.array([0, 0, *padding, 0, 0, *padding]), 0.0)
    return b.AveragePool(x, kernel_shape=list(size), strides=list(stride))


def _unfold(
    b: B, x: Any, _shape: Shape, size: Any, stride: Any, padding: Any, dilation: Any, fill: float, out: Shape
) -> Any:
    if any(padding):
        x = b.Pad(x, np.array([0, 0, *padding, 0, 0, *padding]), float(fill))
    rows, columns = (
        np.arange(k)[:, None] * d + np.arange(int(n)) * s
        for k, d, s, n in zip(size, dilation, stride, out[-2:], strict=True)
    )
    taken = b.Gather(b.Gather(x, columns, axis=3), rows, axis=2)  # N, C, kh, down, kw, across
    return b.Transpose(taken, perm=[1, 2, 4, 0, 3, 5])


def _fold(
    b: B, x: Any, shape: Shape, target: Any, size: Any, stride: Any, padding: Any, dilation: Any, _out: Shape
) -> Any:
    channels, down, across, _, high, wide = shape
    lines = b.reshaped(b.Transpose(x, perm=[3, 0, 1, 2, 4, 5]), [-1, channels * down * across, high * wide])
    image = [int(n) for n in target[2:]]
    settings = {"strides": list(stride), "pads": _four(padding), "dilations": list(dilation)}
    return b.Col2Im(lines, np.array(image), np.array(list(size)), **settings)


def _times(b: B, x: Any, shape: Shape, _out: Shape) -> Any:
    steps = _known(shape[1], "a recurrent layer over time")
    return tuple(b.Gather(x, np.array(t), axis=1) for t in range(steps))


ARRAYS: dict[str, Emit] = {
    "sum": _sum,
    "mean": _mean,
    "prod": _reduction("ReduceProd"),
    "max": _reduction("ReduceMax"),
    "min": _reduction("ReduceMin"),
    "var": _var,
    "std": _std,
    "cumsum": _cumsum,
    "cumprod": _cumprod,
    "vector_norm": _vector_norm,
    "transpose": _permuted(np.transpose),
    "swapaxes": _permuted(np.swapaxes),
    "moveaxis": _permuted(np.moveaxis),
    "flip": _flip,
    "fliplr": lambda b, x, shape: _flip(b, x, shape, 1),
    "flipud": lambda b, x, shape: _flip(b, x, shape, 0),
    "rot90": _rot90,
    "roll": _roll,
    "tile": _tile,
    "repeat": _repeat,
    "resize": _by_table(np.resize, "resize"),
    "diag": _by_table(np.diag, "diag"),
    "diagflat": _by_table(np.diagflat, "diagflat"),
    "fftshift": _by_table(np.fft.fftshift, "fftshift"),
    "ifftshift": _by_table(np.fft.ifftshift, "ifftshift"),
    "diagonal": _diagonal,
    "tril": lambda b, x, _shape, k: b.Trilu(x, np.array(k), upper=0),
    "triu": lambda b, x, _shape, k: b.Trilu(x, np.array(k), upper=1),
    "astype": _astype,
    "sort": _sort,
    "pad": _pad,
    "take": _take,
    "diff": _diff,
    "det": lambda b, x, _shape: b.Det(x),
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "logsumexp": _logsumexp,
    "standardize": _standardize,
    "max_pool2d": _max_pool2d,
    "avg_pool2d": _avg_pool2d,
    "getitem": getitem,
    "identity": lambda b, x, _shape, _name: b.Identity(x),
}
"""Functions of one array: called with the builder, the array, its shape, and the rule's parameters."""

WITH_RESULT: dict[str, Emit] = {
    "reshape": _reshape,
    **dict.fromkeys(("ravel", "expand_dims", "squeeze"), _to_result),
    "broadcast_to": lambda b, x, _shape, _target, out: b.Expand(x, b.ints(out)),
    "take_along_axis": _take_along_axis,
    "unfold": _unfold,
    "fold": _fold,
    "times": _times,
    "scatter_add": lambda b, x, _shape, target, index, out: scatter(
        b, b.Expand(0.0, b.ints(out)), x, tuple(target), index, "add"
    ),
}
"""The same, called with the result's shape at the end."""

OF_TWO: dict[str, Emit] = {
    "tensordot": _tensordot,
    "cross": _cross,
    "convolve": _convolve,
    "matmul": lambda b, x, y, _shapes: b.MatMul(x, y),
}
"""Functions of two arrays: called with the builder, the arrays, their shapes, and the parameters."""

VARIADIC: dict[str, Emit] = {"concatenate": _joined, "stack": _stacked, "einsum": _einsum}
"""Functions of any number of arrays."""

OF_SEVERAL: dict[str, Emit] = {"conv2d": _conv2d, "softmax_cross_entropy": _softmax_cross_entropy}


# ── results without a derivative ─────────────────────────────────────────────────────────────────────────────────


def _arg(op: str) -> Emit:
    def emit(b: B, x: Any, _shape: Shape, axis: Any = None, _out: Any = None, *, keepdims: Any = False) -> Any:
        if axis is None:
            if keepdims is True:
                raise NotImplementedError("keepdims without an axis")
            x, axis = b.Reshape(x, np.array([-1])), 0
        return b.node(op, [x], dtype=INT, axis=int(axis), keepdims=int(keepdims is True))

    return emit


def _some(op: str) -> Emit:
    def emit(b: B, x: Any, shape: Shape, axis: Any = None, _out: Any = None, keepdims: Any = False, **_: Any) -> Any:
        truth = b.cast(x, BOOL)
        counted = b.cast(truth, np.int32)
        axes = np.array(_axes(axis, shape), np.int64)
        found = b.node(op, [counted, axes], keepdims=int(keepdims is True)) if axes.size else counted
        return b.cast(found, BOOL)

    return emit


def _count_nonzero(b: B, x: Any, shape: Shape, axis: Any = None, *, keepdims: Any = False) -> Any:
    counted = b.cast(b.cast(x, BOOL), INT)
    return _sum(b, counted, shape, axis, keepdims)


def _argsort(b: B, x: Any, shape: Shape, axis: Any = -1, *_: Any, **__: Any) -> Any:
    if axis is None:
        x, shape, axis = b.Reshape(x, np.array([-1])), (int(np.prod(_known_shape(shape, "argsort"))),), 0
    places = _top(b, x, shape, axis)[1]
    b.kinds[places] = INT
    return places


def _filled(value: float) -> Emit:
    def emit(b: B, _x: Any, shape: Shape, **_: Any) -> Any:
        return b.Expand(float(value), b.ints(shape))

    return emit


PLAIN: dict[Any, Emit] = {
    np.argmax: _arg("ArgMax"),
    np.argmin: _arg("ArgMin"),
    np.any: _some("ReduceMax"),
    np.all: _some("ReduceMin"),
    np.count_nonzero: _count_nonzero,
    np.argsort: _argsort,
    np.zeros_like: _filled(0.0),
    np.ones_like: _filled(1.0),
    np.empty_like: _filled(0.0),
}
"""By NumPy's function: called with the builder, the array, its shape, and the call's other arguments."""
