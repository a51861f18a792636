"""Differences, sums over a grid, and what runs along a line: diff, gradient, trapezoid, interp, convolve, correlate."""

from __future__ import annotations

from typing import Any

import numpy as np

from .book import Array, Rule, alias, beside, call, composite, is_tracked, one_axis, otherwise, rule, untracked

__all__ = ["convolve"]


def _diff_pullback(g: Array, n: int, axis: int) -> Array:
    """The transpose of a difference is the difference of g between zeros, with the other sign."""
    if n == 0:
        return g
    width = [(0, 0)] * g.ndim
    width[axis % g.ndim] = (n, n)
    return (-1) ** n * np.diff(np.pad(g, width), n, axis)


rule(np.diff, "yₖ = aₖ₊₁ − aₖ:  ∂J/∂aₖ = gₖ₋₁ − gₖ  (n times)",
     lambda g, _y, _a, n=1, axis=-1: _diff_pullback(g, n, axis) if g.size else np.zeros_like(g, shape=_a.shape),
     linear="jointly",
     samples=lambda draw: [call(draw(5)), call(draw(3, 4), axis=0), call(draw(3, 5), 2), call(draw(3, 4), 3, 1),
                           call(draw(3), 0), call(draw(3), 4), call(draw(3, 4), prepend=0.0, append=draw(3, 2)),
                           call(draw(3, 4), 2, 0, draw(1, 4))])  # fmt: skip


@otherwise(np.diff)
def _diff_others(a: Array, n: int = 1, axis: int = -1, prepend: Any = np._NoValue, append: Any = np._NoValue) -> Array:
    def slab(x: Any) -> Any:
        shape = list(a.shape)
        shape[axis] = 1
        return (
            np.broadcast_to(x if hasattr(x, "ndim") else beside(np.asarray(x), a), shape)
            if np.ndim(untracked(x)) == 0
            else x
        )

    parts = (
        ([] if prepend is np._NoValue else [slab(prepend)]) + [a] + ([] if append is np._NoValue else [slab(append)])
    )
    return np.diff(np.concatenate(parts, axis) if len(parts) > 1 else a, n, axis)


@composite(np.ediff1d, "yₖ = aₖ₊₁ − aₖ (see diff)",
           samples=lambda draw: [call(draw(5)), call(draw(2, 3), to_end=draw(2), to_begin=-1.0),
                                 call(draw(1))])  # fmt: skip
def _ediff1d(ary: Array, to_end: Any = None, to_begin: Any = None) -> Array:
    y = np.diff(np.ravel(ary))
    ends = [
        None if x is None else np.ravel(x if hasattr(x, "ndim") else beside(np.asarray(x), y))
        for x in (to_begin, to_end)
    ]
    parts = [x for x in (ends[0], y, ends[1]) if x is not None]
    return np.concatenate([np.astype(part, y.dtype) for part in parts]) if len(parts) > 1 else y


# ── np.gradient ──────────────────────────────────────────────────────────────────────────────────────────────────


@composite(np.gradient, "yₖ = (fₖ₊₁ − fₖ₋₁)/2h, one-sided at the ends",
           samples=lambda draw: [call(draw(5)), call(draw(3, 4)), call(draw(4), 0.5),
                                 call(draw(3, 4), 2.0, 0.3, edge_order=2),
                                 call(draw(5), np.cumsum(np.abs(draw(5)) + 0.5)), call(draw(2, 4), axis=1),
                                 call(draw(4, 3), np.array([0.0, 1.0, 1.5, 3.0]), axis=0, edge_order=2),
                                 call(draw(3, 4, 3), axis=(0, -1)),
                                 call(draw(3, 3), np.abs(draw()) + 0.5)])  # fmt: skip
def _gradient(f: Array, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    n = f.ndim
    axes = tuple(range(n)) if axis is None else tuple(int(i) % n for i in np.ravel(axis))
    check: Any = np.gradient
    check(
        beside(np.zeros(f.shape), f), *untracked(varargs), axis=axis, edge_order=edge_order
    )  # raises what NumPy raises
    spacings = list(varargs) if len(varargs) == len(axes) else [varargs[0] if varargs else 1.0] * len(axes)
    slopes = tuple(_slope(f, i, h, edge_order) for i, h in zip(axes, spacings, strict=True))
    return slopes[0] if len(axes) == 1 else slopes


def _slope(f: Array, axis: int, spacing: Any, edge_order: int) -> Array:
    """The derivative along one axis: second order inside, `edge_order` at both ends."""
    f = np.moveaxis(f, axis, -1)
    if np.ndim(untracked(spacing)) == 0:
        h = spacing
        inside = (f[..., 2:] - f[..., :-2]) / (2 * h)
        steps = (h, h, h, h)
    else:
        d = np.diff(spacing)
        left, right = d[:-1], d[1:]
        inside = (-right / (left * (left + right)) * f[..., :-2] + (right - left) / (left * right) * f[..., 1:-1]
                  + left / (right * (left + right)) * f[..., 2:])  # fmt: skip
        steps = (d[0], d[min(1, d.shape[0] - 1)], d[-1], d[-2 if d.shape[0] > 1 else -1])
    first = _end(f, 0, 1, 2, steps[0], steps[1], edge_order)
    last = -_end(f, -1, -2, -3, steps[2], steps[3], edge_order)
    y = np.moveaxis(np.concatenate([first[..., None], inside, last[..., None]], -1), -1, axis)
    return np.astype(y, f.dtype) if f.dtype.kind in "fc" else y  # as in NumPy, whatever the spacing's is


def _end(f: Array, i: int, j: int, k: int, near: Any, far: Any, edge_order: int) -> Array:
    if edge_order == 1:
        return (f[..., j] - f[..., i]) / near
    return (-(2 * near + far) / (near * (near + far)) * f[..., i] + (near + far) / (near * far) * f[..., j]
            - near / (far * (near + far)) * f[..., k])  # fmt: skip


@composite(np.trapezoid, "y = Σ (yₖ + yₖ₊₁)/2 · Δxₖ",
           samples=lambda draw: [call(draw(5)), call(draw(3, 4), dx=0.5, axis=0), call(draw(4), draw(4)),
                                 call(draw(3, 4), draw(4)),
                                 call(draw(3, 4), draw(3, 4), axis=0),
                                 call(draw(3, 4), x=draw(3), axis=-2), call(draw(3), draw(2, 3)),
                                 call(draw(3), draw(4, 1), axis=0)])  # fmt: skip
def _trapezoid(y: Array, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Array:
    before = (slice(None),) * one_axis(axis, y.ndim)
    if x is None:
        step = dx
    elif np.ndim(untracked(x)) == 1:
        step = np.diff(x).reshape((-1,) + (1,) * (y.ndim - len(before) - 1))
    else:
        step = np.diff(x, axis=axis)  # x may have more axes than y: -1 is then another one, as in NumPy
    return np.sum(step * (y[(*before, slice(1, None))] + y[(*before, slice(None, -1))]) / 2, axis=axis)


alias(np.trapezoid, *filter(None, [getattr(np, "trapz", None)]))  # its name before NumPy 2, gone in 2.4


@composite(np.unwrap, "y = p plus whole periods:  dy/dp = 1",
           samples=lambda draw: [call(2 * draw(5)), call(3 * draw(3, 4), axis=0), call(2 * draw(5), discont=4.0),
                                 call(draw(5), period=1.5)])  # fmt: skip
def _unwrap(p: Array, discont: Any = None, axis: int = -1, *, period: Any = 2 * np.pi) -> Array:
    wrapped = untracked(p)
    return p + (np.unwrap(wrapped, discont, axis, period=untracked(period)) - wrapped)


# ── interpolation ────────────────────────────────────────────────────────────────────────────────────────────────

KNOTS = np.array([-1.5, -0.5, 0.25, 1.0])


@composite(np.interp, "y = the straight line between the knots left and right of x",
           samples=lambda draw: [call(draw(5), KNOTS, draw(4)),
                                 call(draw(2, 3), KNOTS * 1.01, draw(4), left=draw(), right=-3.0),
                                 call(draw(), KNOTS, draw(4)),
                                 call(draw(3), np.array([0.1]), draw(1)),
                                 call(np.array([0.3, 0.1, 0.7]), np.array([0.0, 0.5, 0.5]), draw(3))])  # fmt: skip
def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Array:
    np.interp(
        untracked(x), untracked(xp), beside(np.zeros(np.shape(untracked(fp))), fp), period=untracked(period)
    )  # NumPy's checks
    x, xp, fp = (_in_float64(a) for a in (x, xp, fp))
    if period is not None:
        left = right = None
        period = abs(period)
        x, xp = np.remainder(x, period), np.remainder(xp, period)
        order = np.argsort(untracked(xp))
        xp, fp = np.take(xp, order), np.take(fp, order)
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
    at, knots = untracked(x), untracked(xp)
    y = fp[0] + 0 * x if knots.size == 1 else _on_lines(x, xp, fp, np.searchsorted(knots, at, "right") - 1)
    y = np.where(at < knots[0], fp[0] if left is None else left, y)
    return np.where(at > knots[-1], fp[-1] if right is None else right, y)


def _in_float64(a: Any) -> Array:
    """NumPy interpolates in double precision, whatever it is given."""
    a = a if hasattr(a, "ndim") else np.asarray(a)
    dtype = np.dtype(complex if a.dtype.kind == "c" else float)
    return a if a.dtype == dtype else np.astype(a, dtype)


def _on_lines(x: Array, xp: Array, fp: Array, i: Any) -> Array:
    i = np.clip(i, 0, xp.shape[0] - 2)
    x0, y0, y1 = np.take(xp, i), np.take(fp, i), np.take(fp, i + 1)
    width = np.take(xp, i + 1) - x0
    jump = width == 0  # the last two knots are one: the last counts there
    return np.where(jump, y1, y0 + (y1 - y0) / np.where(jump, 1, width) * (x - x0))


# ── convolution ──────────────────────────────────────────────────────────────────────────────────────────────────


def _convolve(a: Array, v: Array) -> Array:
    return np.convolve(a, v)


convolve: Rule = rule(_convolve, "yₙ = Σₖ aₖ vₙ₋ₖ:  ∂J/∂aₖ = Σₙ gₙ vₙ₋ₖ,  ∂J/∂vₖ = Σₙ gₙ aₙ₋ₖ",
     lambda g, _y, _a, v: _slid_over(g, v, _a.shape[0]),
     lambda g, _y, a, _v: _slid_over(g, a, _v.shape[0]), name="convolve", linear="each",
     samples=lambda draw: [call(draw(5), draw(3)), call(draw(2), draw(4)), call(draw(1), draw(3))])  # fmt: skip


def _slid_over(g: Array, other: Array, n: int) -> Array:
    """``Σ g[k:k+m] · other`` for k = 0 … n−1: the full convolution's transpose."""
    m = other.shape[0]
    return convolve(g, np.flip(other))[m - 1 : m - 1 + n]


def _vectors(a: Any, v: Any) -> tuple[Array, Array]:
    a, v = (x if hasattr(x, "ndim") else beside(np.asarray(x), other) for x, other in ((a, v), (v, a)))
    if a.ndim > 1 or v.ndim > 1:
        raise ValueError("object too deep for desired array")
    if not a.ndim or not v.ndim:
        raise ValueError("object of too small depth for desired array")
    if not a.shape[0] or not v.shape[0]:
        raise ValueError("an empty array cannot be convolved")
    return a, v


def _middle(full: Array, n: int, m: int, mode: str, turned: bool) -> Array:
    """The part of a full convolution of n ≥ m entries that `mode` asks for."""
    if mode == "full":
        return full
    if mode not in ("same", "valid"):
        raise ValueError(f"mode must be one of 'valid', 'same', or 'full' (got {mode!r})")
    start, length = ((m - 1) // 2, n) if mode == "same" else (m - 1, n - m + 1)
    if turned:
        start = full.shape[0] - start - length
    return full[start : start + length]


def _modes(draw: Any) -> list[Any]:
    sizes = ((5, 3), (2, 5), (4, 4), (5, 2), (3, 1))
    return [call(draw(n), draw(m), mode) for mode in ("full", "same", "valid") for n, m in sizes]


@composite(np.convolve, "see convolve", samples=lambda draw: [*_modes(draw), call(draw(), draw(2))])
def _np_convolve(a: Any, v: Any, mode: str = "full") -> Array:
    a, v = _vectors(*np.atleast_1d(a, v))
    n, m = a.shape[0], v.shape[0]
    return _middle(convolve(a, v), max(n, m), min(n, m), mode, False)


@composite(np.correlate, "yₖ = Σₙ aₙ₊ₖ v̄ₙ (see convolve)", samples=_modes)
def _np_correlate(a: Any, v: Any, mode: str = "valid") -> Array:
    a, v = _vectors(a, v)
    n, m = a.shape[0], v.shape[0]
    v = np.conj(v) if is_tracked(v) or v.dtype.kind == "c" else v
    return _middle(convolve(a, np.flip(v)), max(n, m), min(n, m), mode, n < m)
