"""Polynomials as arrays of coefficients, highest power first; and sequences between two ends."""

from __future__ import annotations

import operator
from functools import partial
from typing import Any

import numpy as np

from .book import Array, beside, call, composite, is_tracked, untracked
from .by_value import as_one_call

__all__: list[str] = []


def _array(x: Any) -> Array:
    x = x if hasattr(x, "ndim") else np.asarray(x)
    if x.dtype.kind not in "biufc":
        raise TypeError(f"{x.dtype} is no number")
    return x


@composite(np.polyval, "y = (… (p₀ x + p₁) x + …) x + pₙ",
           samples=lambda draw: [call(draw(4), draw(3)), call(draw(3), draw()), call([1.0, 2.0], draw(2, 2)),
                                 call(draw(1), draw(2)),
                                 call(draw(3), 2.0)])  # fmt: skip
def _polyval(p: Any, x: Any) -> Array:
    p, x = _array(p), _array(x)
    y = np.zeros_like(untracked(x))
    for k in range(p.shape[0]):
        y = y * x + p[k]
    return y


def _aligned(a1: Any, a2: Any) -> tuple[Array, Array]:
    a1, a2 = (np.atleast_1d(a if hasattr(a, "ndim") else beside(np.asarray(a), b)) for a, b in ((a1, a2), (a2, a1)))
    n = max(a1.shape[0], a2.shape[0])
    return np.pad(a1, (n - a1.shape[0], 0)), np.pad(a2, (n - a2.shape[0], 0))


def _pairs(draw: Any) -> list[Any]:
    return [call(draw(3), draw(3)), call(draw(2), draw(4)), call(draw(4), draw(1)), call([1.0, 2.0], draw(3))]


@composite(np.polyadd, "coefficients added", samples=_pairs)
def _polyadd(a1: Any, a2: Any) -> Array:
    a1, a2 = _aligned(a1, a2)
    return a1 + a2


@composite(np.polysub, "coefficients subtracted", samples=_pairs)
def _polysub(a1: Any, a2: Any) -> Array:
    a1, a2 = _aligned(a1, a2)
    return a1 - a2


@composite(np.polymul, "the product's coefficients (see convolve)", samples=_pairs)
def _polymul(a1: Any, a2: Any) -> Array:
    a1, a2 = (a if hasattr(a, "ndim") else beside(np.asarray(a), b) for a, b in ((a1, a2), (a2, a1)))
    return np.convolve(_without_leading_zeros(a1), _without_leading_zeros(a2))


def _without_leading_zeros(p: Any) -> Array:
    """The coefficients from the first that isn't 0, as NumPy reads them; one 0 if there is no other."""
    p = np.atleast_1d(_array(p))
    if p.ndim != 1:
        raise ValueError("Polynomial must be 1d only.")
    if not p.size:
        return np.zeros(1, p.dtype)
    filled = np.flatnonzero(untracked(p))
    return p[int(filled[0]) if filled.size else p.shape[0] - 1 :]


@composite(np.polydiv, "quotient and remainder, by long division",
           samples=lambda _draw: [call(np.array([2.0, 4.0, 1.0, 3.0]), np.array([2.0, 1.0])),
                                  call(np.array([2.0, 1.0, 5.0]), np.array([4.0, 3.0, 0.5])),
                                  call(np.array([2.0, 1.0]), np.array([4.0, 3.0, 0.5]))])  # fmt: skip
def _polydiv(u: Any, v: Any) -> tuple[Array, Array]:
    u, v = np.atleast_1d(u) + 0.0, np.atleast_1d(v) + 0.0
    u = np.astype(u, np.result_type(u.dtype, v.dtype))  # 1/v₀ stays in v's own precision, as NumPy's
    n, m = u.shape[0], v.shape[0]
    quotient, rest, scale = [], u, 1.0 / v[0]
    for k in range(n - m + 1):
        quotient.append(scale * rest[k])
        rest = rest - np.pad(quotient[-1] * v, (k, n - m - k))
    kept = 0
    while kept < n - 1 and np.allclose(untracked(rest)[kept], 0, rtol=1e-14):
        kept += 1
    return np.stack(quotient) if quotient else rest.reshape(-1)[:1] * (scale * 0), rest[kept:]


@composite(np.polyder, "the derivative's coefficients",
           samples=lambda draw: [call(draw(4)), call(draw(4), 2), call(draw(3), 0), call(draw(2), 3)])  # fmt: skip
def _polyder(p: Any, m: int = 1) -> Array:
    p = _array(p)
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    for _ in range(int(m)):
        p = p[:-1] * beside(np.arange(p.shape[0] - 1, 0, -1), p)
    return p


@composite(np.polyint, "the antiderivative's coefficients",
           samples=lambda draw: [call(draw(3)), call(draw(3), 2, draw(2)), call(draw(3), 2, 1.5),
                                 call(draw(2), 0)])  # fmt: skip
def _polyint(p: Any, m: int = 1, k: Any = None) -> Array:
    p = _array(p)
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    constants = (
        np.broadcast_to(0.0 if k is None else k, (int(m),)) if np.size(untracked(k)) == 1 or k is None else _array(k)
    )
    if constants.shape[0] < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    for i in range(int(m)):
        p = np.concatenate([p / beside(np.arange(p.shape[0], 0, -1), p), beside(constants[i : i + 1], p)])
    return p


def _as_numpy_promotes(x: Array) -> Array:
    """Integer powers, and NumPy's least squares, compute in double precision."""
    dtype = np.result_type(untracked(x), int)
    return x if x.dtype == dtype else np.astype(x, dtype)


@composite(np.vander, "column k = xⁿ⁻ᵏ",
           samples=lambda draw: [call(draw(3)), call(draw(3), 4, increasing=True), call(draw(3), N=2),
                                 call(draw(2), 0)])  # fmt: skip
def _vander(x: Array, N: int | None = None, increasing: bool = False) -> Array:
    if x.ndim != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    columns = x.shape[0] if N is None else N
    x = _as_numpy_promotes(x)
    ones = beside(np.ones((x.shape[0], min(columns, 1)), x.dtype), x)
    rest = np.broadcast_to(x[:, None], (x.shape[0], max(columns - 1, 0)))
    powers = np.cumprod(np.concatenate([ones, rest], axis=1), axis=1)
    return powers if increasing else powers[:, ::-1]


@composite(np.polyfit, "the coefficients of the least squares polynomial (see lstsq)",
           samples=lambda draw: [call(np.linspace(-1, 1, 5) + 0.1 * draw(5), draw(5), 2),
                                 call(np.linspace(-1, 1, 4), draw(4, 2), 1),
                                 call(np.linspace(-1, 1, 5), draw(5), 1, w=np.abs(draw(5)) + 0.5)])  # fmt: skip
def _polyfit(x: Any, y: Any, deg: int, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False) -> Array:
    if full or cov:
        from ..errors import NoRuleError, user_line

        raise NoRuleError(f"np.polyfit of a Tensor returns the coefficients alone: full=False, cov=False.{user_line()}")
    x, y = _as_numpy_promotes(_array(x) + 0.0), _array(y) + 0.0
    check: Any = np.polyfit
    check(*untracked((x, y)), deg, rcond, w=untracked(w))  # raises what NumPy raises
    left, right = np.vander(x, int(deg) + 1), y
    if w is not None:
        left, right = left * w[:, None], right * (w[:, None] if y.ndim == 2 else w)
    scale = np.sqrt(np.sum(left * left, axis=0))
    rcond = x.shape[0] * np.finfo(x.dtype).eps if rcond is None else rcond
    c = np.linalg.lstsq(left / scale, right, rcond)[0]
    return (c.T / scale).T


# ── sequences between two ends ───────────────────────────────────────────────────────────────────────────────────


def _ends(draw: Any) -> list[Any]:
    return [call(draw(), draw(), 5), call(draw(3), draw(3), 4), call(draw(2), 2.0, 3, endpoint=False),
            call(draw(), draw(2), 4, axis=-1),
            call(draw(), 1.0, 1), call(draw(), 1.0, num=0)]  # fmt: skip


@composite(np.linspace, "yₖ = start + k (stop − start)/n",
           samples=lambda draw: [*_ends(draw), call(draw(), draw(), 4, retstep=True)])  # fmt: skip
def _linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None,
              axis: int = 0) -> Any:  # fmt: skip
    num = operator.index(num)
    kind = np.result_type(untracked(start), untracked(stop), 1.0) if dtype is None else np.dtype(dtype)
    start, stop = _array(start), _array(stop)
    parts = num - 1 if endpoint else num
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    delta = stop - start
    k = np.arange(num, dtype=delta.dtype).reshape((-1,) + (1,) * delta.ndim)
    y = start + beside(k, delta) * (delta / parts if parts > 0 else delta)
    if endpoint and num > 1:
        y = np.where(beside(k == num - 1, delta), stop, y)  # to the last bit, also where the start is NaN
    y = np.moveaxis(y, 0, axis)
    y = y if y.dtype == kind else np.astype(y, kind)
    return (y, delta / parts if parts > 0 else delta * np.nan) if retstep else y


@composite(np.logspace, "yₖ = base^(start + k (stop − start)/n)",
           samples=lambda draw: [*_ends(draw), call(draw(), draw(), 4, base=2.5)])  # fmt: skip
def _logspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None,
              axis: int = 0) -> Any:  # fmt: skip
    if np.ndim(untracked(base)):
        ends = np.broadcast_arrays(*map(_array, (start, stop, base)))
        start, stop, base = *ends[:2], np.expand_dims(ends[2], axis)
    y = np.power(base, np.linspace(start, stop, num, endpoint=endpoint, axis=axis))
    return y if dtype is None else np.astype(y, np.dtype(dtype))


@partial(as_one_call, check=True)
def _no_zero(start: Array, stop: Array) -> Array:
    if np.any(start == 0) or np.any(stop == 0):
        raise ValueError("Geometric sequence cannot include zero")
    return start


@composite(np.geomspace, "yₖ = start (stop/start)^(k/n)",
           samples=lambda draw: [call(np.abs(a) + 0.5, np.abs(b) + 0.5, *rest, **more)
                                 for (a, b, *rest), more in _ends(draw)]
                                + [call(-1.5, -np.abs(draw()) - 0.5, 4)])  # fmt: skip
def _geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    start, stop = (np.astype(_array(x), np.result_type(untracked(x), 1.0, np.float64)) for x in (start, stop))
    start, stop = (x if is_tracked(x) else beside(x, other) for x, other in ((start, stop), (stop, start)))
    _no_zero(untracked(start), untracked(stop))
    sign = np.sign(untracked(start))
    first, last = start / sign, stop / sign
    y = np.exp(np.linspace(np.log(first), np.log(last), num, endpoint=endpoint, axis=axis))
    k = np.moveaxis(np.arange(num).reshape((-1,) + (1,) * (y.ndim - 1)), 0, axis)
    for end, value in ((0, first), (num - 1, last))[: 2 if endpoint and num > 1 else 1]:
        y = np.where(beside(k == end, y), np.expand_dims(value, axis) if value.ndim else value, y)  # to the last bit
    y = y * (np.expand_dims(np.broadcast_to(sign, np.broadcast_shapes(start.shape, stop.shape)), axis))
    return y if dtype is None else np.astype(y, np.dtype(dtype))
