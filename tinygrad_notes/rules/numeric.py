"""Elementwise functions with a series, a step or a choice of branch: sinc, i0, heaviside, nan_to_num, np.emath."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .book import Array, Rule, call, composite, plain, refuse, rule, untracked
from .by_value import as_one_call

__all__: list[str] = []

# ── sinc, smooth at 0 at every order ─────────────────────────────────────────────────────────────────────────────


def _sinc_derivative(x: Array, n: int) -> Array:
    """dⁿ/dxⁿ of sin(πx)/(πx): a series where |πx| is small, else a recurrence from sin and cos."""
    u: Any = _in_float64(x) * np.pi
    near = np.abs(u) < n + 2
    y: Any = np.where(near, _sinc_series(np.where(near, u, 0), n), _sinc_recurrence(np.where(near, 1, u), n))
    return (y * np.pi**n).astype(x.dtype)[()]


def _in_float64(x: Array) -> Any:
    """In double precision at least: the terms of a series span more than a narrow type holds."""
    x = x if hasattr(x, "astype") else np.asarray(x)
    return x.astype(np.result_type(x.dtype, np.float64))


def _sinc_series(u: Array, n: int) -> Array:
    """Σ (−1)ᵏ u²ᵏ⁻ⁿ / ((2k − n)! (2k + 1)) over 2k ≥ n."""
    first = (n + 1) // 2
    total = 0 * u
    for k in range(first, first + 14 + 2 * n):
        total = total + (-1) ** k / (math.factorial(2 * k - n) * (2 * k + 1)) * u ** (2 * k - n)
    return total


def _sinc_recurrence(u: Array, n: int) -> Array:
    """From (u s)⁽ᵏ⁾ = u s⁽ᵏ⁾ + k s⁽ᵏ⁻¹⁾ = sin⁽ᵏ⁾."""
    y = np.sin(u) / u
    for k in range(1, n + 1):
        y = ((np.sin, np.cos)[k % 2](u) * (-1) ** (k // 2) - k * y) / u
    return y


sinc_derivative: Rule = rule(_sinc_derivative, "y = dⁿ sinc/dxⁿ:  dy/dx = dⁿ⁺¹ sinc/dxⁿ⁺¹",
     lambda g, _y, x, n: g * sinc_derivative(x, n + 1), name="sinc_derivative", elementwise=True,
     samples=lambda draw: [call(draw(3, 4), 1), call(3 * draw(5), 2), call(draw(2) * 0, 1)])  # fmt: skip
rule(np.sinc, "y = sin(πx)/(πx):  dy/dx = (cos(πx) − y)/x  (0 at 0, by its series)",
     lambda g, _y, x: g * sinc_derivative(x, 1), elementwise=True,
     samples=lambda draw: [call(draw(3, 4)), call(4 * draw(5)), call(np.zeros(2)), call(draw())],
     kinks={(0.0,): (0.0,)})  # fmt: skip

# ── Bessel functions behind i0 ───────────────────────────────────────────────────────────────────────────────────


@as_one_call
def _bessel_i(x: Array, n: int) -> Array:
    """Iₙ(x) = Σ (x/2)²ᵏ⁺ⁿ / (k! (k + n)!): all terms of one sign, so the sum is exact to rounding."""
    half = _in_float64(x) / 2
    term = half**n / math.factorial(n)
    total, k = term, 0
    while np.any(np.abs(term) > np.finfo(half.dtype).eps / 8 * np.abs(total)):
        k += 1
        term = term * (half * half / (k * (k + n)))
        total = total + term
    return total.astype(x.dtype)[()]


bessel_i: Rule = rule(_bessel_i, "y = Iₙ(x):  dy/dx = (Iₙ₋₁ + Iₙ₊₁)/2",
     lambda g, _y, x, n: g * ((bessel_i(x, abs(n - 1)) + bessel_i(x, n + 1)) / 2), name="bessel_i", elementwise=True,
     samples=lambda draw: [call(draw(3, 4), 0), call(3 * draw(4), 1), call(np.zeros(2), 2)])  # fmt: skip
rule(np.i0, "y = I₀(x):  dy/dx = I₁(x)", lambda g, _y, x: g * bessel_i(x, 1), elementwise=True, holomorphic=False,
     samples=lambda draw: [call(draw(3, 4)), call(6 * draw(5)), call(np.zeros(1))])  # fmt: skip

# ── steps, NaNs, branches ────────────────────────────────────────────────────────────────────────────────────────

rule(np.heaviside, "y = 0, h or 1 where x < 0, = 0, > 0:  ∂y/∂x = 0,  ∂y/∂h = 1 where x = 0",
     lambda g, _y, _x1, _x2: g * 0,
     lambda g, _y, x1, _x2: g * (x1 == 0), elementwise=True, holomorphic=False, domain=((0.3, 2.0), (-2.0, 2.0)),
     kinks={(0.0, 0.5): (0.0, 1.0)})  # fmt: skip


def _nan_to_num(x: Array, nan: Any, posinf: Any, neginf: Any) -> Array:
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)[()]


def _where_finite(g: Array, x: Array) -> Array:
    """Real and imaginary parts are replaced each on its own."""
    if x.dtype.kind != "c":
        return np.where(np.isfinite(x), g, 0)
    x = untracked(x)
    return np.where(np.isfinite(x.real), np.real(g), 0) + 1j * np.where(np.isfinite(x.imag), np.imag(g), 0)


nan_to_num: Rule = rule(_nan_to_num, "y = x where it is finite, else a number:  g where it is finite",
     lambda g, _y, x, nan, posinf, neginf: _where_finite(g, x), name="nan_to_num", elementwise=True, holomorphic=False,
     samples=lambda draw: [call(draw(3, 4), 0.0, None, None), call(draw(), 1.0, 2.0, 3.0)])  # fmt: skip


@composite(np.nan_to_num, "see nan_to_num",
           samples=lambda draw: [call(draw(3, 4)), call(np.array([1.0, np.nan, np.inf, -np.inf])),
                                 call(np.array([1.5, np.nan, np.inf]), nan=2.0, posinf=7.0)])  # fmt: skip
def _np_nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    y = nan_to_num(x, untracked(nan), untracked(posinf), untracked(neginf))
    return y if copy else x._become(y)


@composite(np.real_if_close, "y = Re z where all Im z are tiny, else z",
           samples=lambda draw: [call(draw(3, 4)), call(draw(2) + 1j)])  # fmt: skip
def _real_if_close(a: Array, tol: float = 100) -> Array:
    data = untracked(a)
    if data.dtype.kind != "c":
        return a
    tol = np.finfo(data.dtype).eps * tol if tol > 1 else tol
    return np.real(a) if np.all(np.abs(data.imag) < tol) else a


rule(np.ldexp, "y = x 2ⁿ:  dy/dx = 2ⁿ",
     lambda g, _y, _x1, x2: np.ldexp(g, x2), None, holomorphic=False,
     samples=lambda draw: [call(draw(3, 4), np.array([0, 1, -2, 3])), call(draw(), 2),
                           call(draw(3), np.array([[1], [2]]))])  # fmt: skip


@composite(
    np.frexp,
    "(m, n) with x = m 2ⁿ: dm/dx = 2⁻ⁿ, n is an integer",
    samples=lambda draw: [call(draw(3, 4)), call(draw())],
)
def _frexp(x: Array) -> tuple[Array, Any]:
    _, n = np.frexp(untracked(x))
    return np.ldexp(x, -n), n


refuse("it steps between neighbouring machine numbers: use t itself, or t.data", np.nextafter, np.spacing)
plain("it is defined for integers alone", np.gcd, np.lcm, np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert,
      np.left_shift, np.right_shift, np.bitwise_count)  # fmt: skip

# ── np.emath: real where it can be, complex where it must ────────────────────────────────────────────────────────


def _complex_if(outside: Any, x: Any) -> Any:
    """`x`, made complex when some entry lies outside the real function's domain."""
    x = x if hasattr(x, "ndim") else np.asarray(x)
    data = untracked(x)
    if data.dtype.kind == "c" or not np.any(outside(data)):
        return x
    return np.astype(x, np.complex64 if data.dtype == np.float32 else np.complex128)


def _emath(name: str, f: Any, outside: Any, inside: float) -> None:
    @composite(getattr(np.emath, name), f"{name} x, complex where it must be (see {f.__name__})",
               samples=lambda draw: [call(np.abs(draw(3)) * inside + 0.05), call(draw(3, 2) * 3 - 0.01),
                                     call(draw())])  # fmt: skip
    def body(x: Any) -> Any:
        return f(_complex_if(outside, x))


def _negative(x: Any) -> Any:
    return x < 0


def _beyond_one(x: Any) -> Any:
    return np.abs(x) > 1


_emath("sqrt", np.sqrt, _negative, 1.0)
_emath("log", np.log, _negative, 1.0)
_emath("log2", np.log2, _negative, 1.0)
_emath("log10", np.log10, _negative, 1.0)
_emath("arccos", np.arccos, _beyond_one, 0.4)
_emath("arcsin", np.arcsin, _beyond_one, 0.4)
_emath("arctanh", np.arctanh, _beyond_one, 0.4)


@composite(np.emath.logn, "log x / log n, complex where it must be (see log)",
           samples=lambda draw: [call(3.0, np.abs(draw(3)) + 0.1),
                                 call(np.abs(draw()) + 1.5, draw(3) - 2.5)])  # fmt: skip
def _logn(n: Any, x: Any) -> Any:
    return np.log(_complex_if(_negative, x)) / np.log(_complex_if(_negative, n))


@composite(np.emath.power, "xᵖ, complex where it must be (see power)",
           samples=lambda draw: [call(np.abs(draw(3)) + 0.1, draw(3)), call(draw(3) - 2.5, 0.5),
                                 call(draw(3) - 2.5, np.array([2, 3, 1]))])  # fmt: skip
def _emath_power(x: Any, p: Any) -> Any:
    x = _complex_if(_negative, x)
    p = p if hasattr(p, "ndim") else np.asarray(p)
    if p.dtype.kind in "iu" and np.any(untracked(p) < 0):
        p = p * 1.0
    return np.power(x, p)
