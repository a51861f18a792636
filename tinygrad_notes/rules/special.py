"""SciPy's functions that people meet in losses. An optional chapter: read when SciPy is used, never before.

Most are ufuncs: ``scipy.special.erf(t)`` finds its rule here. SciPy's other functions turn their arguments into
arrays before NumPy is asked, so they can't be recorded under SciPy's name: `logsumexp`, `softmax`, `solve_triangular`
… of this module take their place, as ``tn.special.logsumexp``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import NoRuleError, missing_extra, user_line

try:
    import scipy.linalg
    import scipy.special as sp
except ImportError as _error:
    raise missing_extra("scipy", "scipy", "tn.special") from _error

from .book import Array, Rule, beside, call, rule
from .by_value import anywhere
from .linear_algebra import transposed

PI = float(np.pi)
TWO_OVER_ROOT_PI = 2 / PI**0.5
ROOT_TWO_PI = (2 * PI) ** 0.5
POSITIVE = (0.3, 3.0)
INSIDE_ONE = (-0.9, 0.9)
UNIT = (0.1, 0.9)


def _refused(name: str, argument: str) -> Any:
    """Raise for an argument whose derivative has no closed form: an error, not a silent zero."""
    raise NoRuleError(
        f"{name} has no derivative rule in its argument '{argument}': pass a plain value, t.data.{user_line()}"
    )


# ── logistic ─────────────────────────────────────────────────────────────────────────────────────────────────────

rule(sp.expit, "y = 1/(1 + e⁻ˣ):  dy/dx = y σ(−x)", lambda g, y, x: g * (y * sp.expit(-x)), elementwise=True)
rule(sp.log_expit, "y = ln σ(x):  dy/dx = σ(−x)", lambda g, _y, x: g * sp.expit(-x), elementwise=True)
rule(sp.logit, "y = ln(x/(1 − x)):  dy/dx = 1/(x(1 − x))",
     lambda g, _y, x: g / (x * (1 - x)), elementwise=True, domain=(UNIT,))  # fmt: skip

# ── error functions, the normal distribution ─────────────────────────────────────────────────────────────────────

rule(sp.erf, "dy/dx = 2/√π e^(−x²)", lambda g, _y, x: g * (TWO_OVER_ROOT_PI * np.exp(-x * x)), elementwise=True)
rule(sp.erfc, "dy/dx = −2/√π e^(−x²)", lambda g, _y, x: g * (-TWO_OVER_ROOT_PI * np.exp(-x * x)), elementwise=True)
rule(sp.erfcx, "y = e^(x²) erfc x:  dy/dx = 2xy − 2/√π",
     lambda g, y, x: g * (2 * x * y - TWO_OVER_ROOT_PI), elementwise=True)  # fmt: skip
rule(sp.erfi, "dy/dx = 2/√π e^(x²)", lambda g, _y, x: g * (TWO_OVER_ROOT_PI * np.exp(x * x)), elementwise=True)
rule(sp.erfinv, "dy/dx = √π/2 e^(y²)",
     lambda g, y, _x: g * (np.exp(y * y) / TWO_OVER_ROOT_PI), elementwise=True, domain=(INSIDE_ONE,))  # fmt: skip
rule(sp.erfcinv, "dy/dx = −√π/2 e^(y²)",
     lambda g, y, _x: g * (-np.exp(y * y) / TWO_OVER_ROOT_PI), elementwise=True, domain=((0.1, 1.9),))  # fmt: skip
rule(sp.dawsn, "y = Dawson's integral:  dy/dx = 1 − 2xy", lambda g, y, x: g * (1 - 2 * x * y), elementwise=True)
rule(sp.ndtr, "y = Φ(x):  dy/dx = φ(x)", lambda g, _y, x: g * (np.exp(-x * x / 2) / ROOT_TWO_PI), elementwise=True)
rule(sp.log_ndtr, "y = ln Φ(x):  dy/dx = φ(x)/Φ(x) = √(2/π)/erfcx(−x/√2)",
     lambda g, _y, x: g * ((2 / PI) ** 0.5 / sp.erfcx(x * -(0.5**0.5))), elementwise=True)  # fmt: skip
rule(sp.ndtri, "y = Φ⁻¹(x):  dy/dx = 1/φ(y)",
     lambda g, y, _x: g * (np.exp(y * y / 2) * ROOT_TWO_PI), elementwise=True, domain=(UNIT,))  # fmt: skip

# ── Γ and its relatives ──────────────────────────────────────────────────────────────────────────────────────────


def _real(x: Array, name: str) -> Array:
    """`x`, refused if complex: SciPy lacks what the derivative there is made of."""
    if np.iscomplexobj(x):
        raise NoRuleError(f"{name} has a derivative rule for real numbers only.{user_line()}")
    return x


def _psi(x: Array) -> Array:
    return sp.psi(_real(x, "the gamma function"))


rule(sp.gamma, "y = Γ(x):  dy/dx = y ψ(x)", lambda g, y, x: g * (y * _psi(x)), elementwise=True, domain=(POSITIVE,))
rule(sp.gammaln, "y = ln |Γ(x)|:  dy/dx = ψ(x)", lambda g, _y, x: g * _psi(x), elementwise=True, domain=(POSITIVE,))
rule(sp.loggamma, "y = ln Γ(x):  dy/dx = ψ(x)", lambda g, _y, x: g * _psi(x), elementwise=True, domain=(POSITIVE,))
rule(sp.rgamma, "y = 1/Γ(x):  dy/dx = −y ψ(x)",
     lambda g, y, x: g * (-y * _psi(x)), elementwise=True, domain=(POSITIVE,))  # fmt: skip
rule(sp.gammasgn, "y = sign Γ(x):  0 (a step)", lambda g, _y, _x: g * 0, elementwise=True, holomorphic=False,
     domain=(POSITIVE,))  # fmt: skip


def _polygamma(n: Any, x: Array) -> Array:
    """``(−1)ⁿ⁺¹ n! ζ(n+1, x)``, and ψ for n = 0: SciPy's own formula, in ufuncs that other arrays know too."""
    dtype, x = x.dtype, _real(x, "digamma").astype(np.float64)
    n = n.astype(np.float64) if hasattr(n, "astype") else np.asarray(n, np.float64)[()]
    higher = (-1.0) ** (n + 1) * sp.gamma(n + 1) * sp.zeta(n + 1, x)
    return np.where(n == 0, sp.psi(x), higher)[()].astype(dtype)


polygamma: Rule = rule(_polygamma, "y = ψ⁽ⁿ⁾(x):  dy/dx = ψ⁽ⁿ⁺¹⁾(x)",
     None,
     lambda g, _y, n, x: g * polygamma(np.add(n, 1), x), name="polygamma", elementwise=True, holomorphic=False,
     domain=((0.0, 1.0), POSITIVE),
     samples=lambda draw: [call(n, np.real(draw(3)) ** 2 + 0.3) for n in (0, 1, 2)])  # fmt: skip
rule(sp.psi, "y = ψ(x) = d ln Γ/dx:  dy/dx = ψ⁽¹⁾(x)",
     lambda g, _y, x: g * polygamma(1, x), name="digamma", elementwise=True, holomorphic=False,
     samples=lambda draw: [call(np.real(draw(3, 4)) ** 2 + 0.3)])  # fmt: skip


def _gamma_density(g: Array, a: Array, x: Array) -> Array:
    a = _in_dtype(a, x)
    return g * np.exp(sp.xlogy(a - 1, x) - x - sp.gammaln(a))


def _beta_density(g: Array, a: Array, b: Array, x: Array) -> Array:
    a, b = _in_dtype(a, x), _in_dtype(b, x)
    return g * np.exp(sp.xlogy(a - 1, x) + sp.xlog1py(b - 1, -x) - sp.betaln(a, b))


def _in_dtype(number: Any, x: Array) -> Array:
    """A Python number in x's dtype: SciPy would compute in float64."""
    return x.dtype.type(number) if isinstance(number, (int, float)) else number


rule(sp.gammainc, "y = P(a, x):  ∂y/∂x = xᵃ⁻¹ e⁻ˣ/Γ(a)",
     lambda _g, _y, _a, _x: _refused("gammainc", "a"), lambda g, _y, a, x: _gamma_density(g, a, x), elementwise=True,
     samples=lambda draw: [call(1.5, np.real(draw(3)) ** 2 + 0.3)])  # fmt: skip
rule(sp.gammaincc, "y = 1 − P(a, x):  ∂y/∂x = −xᵃ⁻¹ e⁻ˣ/Γ(a)",
     lambda _g, _y, _a, _x: _refused("gammaincc", "a"), lambda g, _y, a, x: -_gamma_density(g, a, x), elementwise=True,
     samples=lambda draw: [call(1.5, np.real(draw(3)) ** 2 + 0.3)])  # fmt: skip
rule(
    sp.beta,
    "y = B(a, b):  ∂y/∂a = y (ψ(a) − ψ(a + b))",
    lambda g, y, a, b: g * (y * (sp.psi(a) - sp.psi(a + b))),
    lambda g, y, a, b: g * (y * (sp.psi(b) - sp.psi(a + b))),
    elementwise=True,
    domain=(POSITIVE, POSITIVE),
)
rule(sp.betaln, "y = ln |B(a, b)|:  ∂y/∂a = ψ(a) − ψ(a + b)",
     lambda g, _y, a, b: g * (sp.psi(a) - sp.psi(a + b)),
     lambda g, _y, a, b: g * (sp.psi(b) - sp.psi(a + b)), elementwise=True, domain=(POSITIVE, POSITIVE))  # fmt: skip
rule(sp.betainc, "y = I_x(a, b):  ∂y/∂x = xᵃ⁻¹ (1 − x)ᵇ⁻¹/B(a, b)",
     lambda _g, _y, _a, _b, _x: _refused("betainc", "a"), lambda _g, _y, _a, _b, _x: _refused("betainc", "b"),
     lambda g, _y, a, b, x: _beta_density(g, a, b, x), elementwise=True,
     samples=lambda draw: [call(1.5, 2.5, np.real(draw(2)) / 5 + 0.5)])  # fmt: skip

# ── x log y ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _unless_both_zero(y: Array, x: Array) -> Array:
    """`y` with 1 where both are 0: there x log y is 0, and so are its slopes."""
    both = (x == 0) & (y == 0)
    return np.where(both, 1, y) if anywhere(both) else y


rule(sp.xlogy, "z = x ln y:  ∂z/∂x = ln y,  ∂z/∂y = x/y  (0 at x = y = 0)",
     lambda g, _z, x, y: g * np.log(_unless_both_zero(y, x)),
     lambda g, _z, x, y: g * (x / _unless_both_zero(y, x)), elementwise=True,
     domain=((-2.0, 2.0), POSITIVE), kinks={(0.0, 0.0): (0.0, 0.0)})  # fmt: skip
rule(sp.xlog1py, "z = x ln(1 + y):  ∂z/∂x = ln(1 + y),  ∂z/∂y = x/(1 + y)  (0 at x = 0, y = −1)",
     lambda g, _z, x, y: g * np.log1p(np.where((x == 0) & (y == -1), 0, y)),
     lambda g, _z, x, y: g * (x / _unless_both_zero(1 + y, x)), elementwise=True,
     domain=((-2.0, 2.0), POSITIVE), kinks={(0.0, -1.0): (0.0, 0.0)})  # fmt: skip
rule(sp.entr, "y = −x ln x:  dy/dx = −ln x − 1",
     lambda g, _y, x: g * (-np.log(x) - 1), elementwise=True, holomorphic=False, domain=(POSITIVE,))  # fmt: skip
rule(sp.rel_entr, "z = x ln(x/y):  ∂z/∂x = ln(x/y) + 1,  ∂z/∂y = −x/y",
     lambda g, _z, x, y: g * (np.log(_unless_both_zero(x, y) / _unless_both_zero(y, x)) + 1),
     lambda g, _z, x, y: g * (-x / _unless_both_zero(y, x)), elementwise=True, holomorphic=False,
     domain=(POSITIVE, POSITIVE))  # fmt: skip
rule(sp.kl_div, "z = x ln(x/y) − x + y:  ∂z/∂x = ln(x/y),  ∂z/∂y = 1 − x/y",
     lambda g, _z, x, y: g * np.log(_unless_both_zero(x, y) / _unless_both_zero(y, x)),
     lambda g, _z, x, y: g * (1 - x / _unless_both_zero(y, x)), elementwise=True, holomorphic=False,
     domain=(POSITIVE, POSITIVE))  # fmt: skip

# ── robust losses ────────────────────────────────────────────────────────────────────────────────────────────────

rule(sp.huber, "y = r²/2 inside ±δ, δ(|r| − δ/2) outside:  ∂y/∂r = r held within ±δ,  ∂y/∂δ = max(|r| − δ, 0)",
     lambda g, _y, delta, r: g * np.maximum(np.abs(r) - delta, 0),
     lambda g, _y, delta, r: g * np.minimum(np.maximum(r, -delta), delta), elementwise=True, holomorphic=False,
     domain=(POSITIVE, (-4.0, 4.0)))  # fmt: skip


def _slope(delta: Array, r: Array) -> Array:
    return np.sqrt(1 + np.square(r / delta))


rule(sp.pseudo_huber, "y = δ²(√(1 + r²/δ²) − 1):  ∂y/∂r = r/√(1 + r²/δ²)",
     lambda g, y, delta, r: g * (2 * y / delta - r * r / (delta * _slope(delta, r))),
     lambda g, _y, delta, r: g * (r / _slope(delta, r)), elementwise=True, holomorphic=False,
     domain=(POSITIVE, (-4.0, 4.0)))  # fmt: skip

# ── Bessel functions ─────────────────────────────────────────────────────────────────────────────────────────────

rule(sp.j0, "dJ₀/dx = −J₁", lambda g, _y, x: -g * sp.j1(x), elementwise=True)
rule(sp.j1, "dJ₁/dx = (J₀ − J₂)/2", lambda g, _y, x: g * (sp.j0(x) - sp.jv(2.0, x)) / 2, elementwise=True)
rule(sp.y0, "dY₀/dx = −Y₁", lambda g, _y, x: -g * sp.y1(x), elementwise=True, domain=(POSITIVE,))
rule(sp.y1, "dY₁/dx = (Y₀ − Y₂)/2", lambda g, _y, x: g * (sp.y0(x) - sp.yv(2.0, x)) / 2, elementwise=True,
     domain=(POSITIVE,))  # fmt: skip
rule(sp.i0, "dI₀/dx = I₁", lambda g, _y, x: g * sp.i1(x), elementwise=True)
rule(sp.i1, "dI₁/dx = (I₀ + I₂)/2", lambda g, _y, x: g * (sp.i0(x) + sp.iv(2.0, x)) / 2, elementwise=True)
rule(sp.i0e, "y = e^−|x| I₀:  dy/dx = e^−|x| I₁ − sign(x) y",
     lambda g, y, x: g * (sp.i1e(x) - np.sign(x) * y), elementwise=True, domain=(POSITIVE,))  # fmt: skip
rule(
    sp.i1e,
    "y = e^−|x| I₁:  dy/dx = e^−|x| (I₀ + I₂)/2 − sign(x) y",
    lambda g, y, x: g * ((sp.i0e(x) + sp.ive(2.0, x)) / 2 - np.sign(x) * y),
    elementwise=True,
    domain=(POSITIVE,),
)
rule(sp.k0, "dK₀/dx = −K₁", lambda g, _y, x: -g * sp.k1(x), elementwise=True, domain=(POSITIVE,))
rule(sp.k1, "dK₁/dx = −(K₀ + K₂)/2", lambda g, _y, x: g * (sp.k0(x) + sp.kv(2.0, x)) / -2, elementwise=True,
     domain=(POSITIVE,))  # fmt: skip


def _of_order(draw: Any) -> list[Any]:
    return [call(1, np.real(draw(3)) ** 2 + 0.5), call(2, np.real(draw(2, 3)) ** 2 + 0.5)]


def _bessel_rule(f: Any, letter: str, sign: int, scale: float) -> None:
    """``df_v/dx = scale (f_{v−1} + sign f_{v+1})``: the recurrence that all of them share."""
    rule(f, f"d{letter}ᵥ/dx = {scale} ({letter}ᵥ₋₁ {'+' if sign > 0 else '−'} {letter}ᵥ₊₁)",
         lambda _g, _y, _v, _x: _refused(f.__name__, "v"),
         lambda g, _y, v, x: g * (f(v - 1, x) + sign * f(v + 1, x)) * scale,
         elementwise=True, samples=_of_order)  # fmt: skip


_bessel_rule(sp.jv, "J", -1, 0.5)
_bessel_rule(sp.yv, "Y", -1, 0.5)
_bessel_rule(sp.yn, "Y", -1, 0.5)
_bessel_rule(sp.iv, "I", 1, 0.5)
_bessel_rule(sp.kv, "K", 1, -0.5)
_bessel_rule(sp.kn, "K", 1, -0.5)
rule(sp.ive, "y = e^−|x| Iᵥ:  dy/dx = e^−|x| (Iᵥ₋₁ + Iᵥ₊₁)/2 − sign(x) y",
     lambda _g, _y, _v, _x: _refused("ive", "v"),
     lambda g, y, v, x: g * ((sp.ive(v - 1, x) + sp.ive(v + 1, x)) / 2 - np.sign(_real(x, "ive")) * y),
     elementwise=True, samples=_of_order)  # fmt: skip

# ── integrals and the elementary functions that SciPy has too ────────────────────────────────────────────────────

rule(sp.expi, "y = Ei(x):  dy/dx = eˣ/x", lambda g, _y, x: g * (np.exp(x) / x), elementwise=True, domain=(POSITIVE,))
rule(sp.exp1, "y = E₁(x):  dy/dx = −e⁻ˣ/x", lambda g, _y, x: -g * (np.exp(-x) / x), elementwise=True,
     domain=(POSITIVE,))  # fmt: skip
rule(sp.exp10, "y = 10ˣ:  dy/dx = y ln 10", lambda g, y, _x: g * (y * float(np.log(10))), elementwise=True)
rule(sp.cosm1, "y = cos x − 1:  dy/dx = −sin x", lambda g, _y, x: -g * np.sin(x), elementwise=True)
rule(sp.exp2, "y = 2ˣ:  dy/dx = y ln 2", lambda g, y, _x: g * (y * float(np.log(2))), elementwise=True)
rule(sp.expm1, "y = eˣ − 1:  dy/dx = y + 1", lambda g, y, _x: g * (y + 1), elementwise=True)
rule(sp.log1p, "y = ln(1 + x):  dy/dx = 1/(1 + x)", lambda g, _y, x: g / (1 + x), elementwise=True, domain=(POSITIVE,))
rule(sp.cbrt, "y = ∛x:  dy/dx = 1/(3y²)", lambda g, y, _x: g / (3 * y * y), elementwise=True, domain=(POSITIVE,))

# ── log-sum-exp and softmax ──────────────────────────────────────────────────────────────────────────────────────


def _logsumexp(a: Array, b: Any, axis: Any, keepdims: bool) -> Array:
    return sp.logsumexp(a, axis=axis, b=b, keepdims=keepdims)


def _shares(a: Array, y: Array, axis: Any, keepdims: bool) -> Array:
    """``e^(a − y)``: what each entry adds to the sum. An entry equal to an infinite y has all of it, −∞ has nothing."""
    if not keepdims and axis is not None:
        y = np.expand_dims(y, axis)
    if not anywhere(np.isinf(y)):
        return np.exp(a - y)
    y = np.where(y == -np.inf, 0, y)
    same = a == y
    return np.exp(np.where(same, 0, a) - np.where(same, 0, y))


def _kept(g: Array, axis: Any, keepdims: bool) -> Array:
    return g if keepdims or axis is None else np.expand_dims(g, axis)


def _weighted(x: Array, b: Any) -> Array:
    return x if b is None else x * b


logsumexp: Rule = rule(
    _logsumexp,
    "y = ln Σ b eᵃ:  ∂y/∂a = b eᵃ⁻ʸ,  ∂y/∂b = eᵃ⁻ʸ",
    lambda g, y, a, b, axis=None, keepdims=False: (
        _kept(g, axis, keepdims) * _weighted(_shares(a, y, axis, keepdims), b)
    ),
    lambda g, y, a, _b, axis=None, keepdims=False: _kept(g, axis, keepdims) * _shares(a, y, axis, keepdims),
    name="logsumexp",
    samples=lambda draw: [
        call(np.real(draw(4)), None),
        call(np.real(draw(3, 4)), None, 0),
        call(np.real(draw(3, 4)), None, (0, 1), True),
        call(np.real(draw(3, 4)), np.real(draw(3, 4)) ** 2 + 0.1, -1),
    ],
)


def _top(x: Array, axis: Any) -> Array:
    """The largest entry along an axis, 0 in place of an infinite one."""
    top = np.max(x, axis=axis, keepdims=True)
    return np.where(np.isfinite(top), top, 0)


def _softmax(x: Array, axis: Any) -> Array:
    e = np.exp(x - _top(x, axis))
    return e / np.sum(e, axis=axis, keepdims=True)


softmax: Rule = rule(_softmax, "y = eˣ/Σ eˣ:  ∂J/∂x = y (g − Σ g y)",
     lambda g, y, _x, axis=None: y * (g - np.sum(g * y, axis=axis, keepdims=True)), name="softmax",
     samples=lambda draw: [call(np.real(draw(4))), call(np.real(draw(3, 4)), axis=0),
                           call(np.real(draw(3, 4)), -1)])  # fmt: skip


def _log_softmax(x: Array, axis: Any) -> Array:
    below = x - _top(x, axis)
    with np.errstate(divide="ignore"):
        return below - np.log(np.sum(np.exp(below), axis=axis, keepdims=True))


log_softmax: Rule = rule(_log_softmax, "y = x − ln Σ eˣ:  ∂J/∂x = g − eʸ Σ g",
     lambda g, y, _x, axis=None: g - np.exp(y) * np.sum(g, axis=axis, keepdims=True), name="log_softmax",
     samples=lambda draw: [call(np.real(draw(4))), call(np.real(draw(3, 4)), axis=0),
                           call(np.real(draw(3, 4)), -1)])  # fmt: skip

# ── linear algebra ───────────────────────────────────────────────────────────────────────────────────────────────


def _triangular(a: Array, b: Array, transpose: bool, lower: bool, unit_diagonal: bool) -> Array:
    return scipy.linalg.solve_triangular(a, b, trans=int(transpose), lower=lower, unit_diagonal=unit_diagonal)


def _triangular_a(g: Array, y: Array, a: Array, transpose: bool, lower: bool, unit_diagonal: bool) -> Array:
    back = triangular(a, g, not transpose, lower, unit_diagonal)
    left, right = (y, back) if transpose else (back, y)
    full = -left[..., :, None] * right[..., None, :] if y.ndim == 1 else -left @ transposed(right)
    skipped = 1 if unit_diagonal else 0
    return np.tril(full, -skipped) if lower else np.triu(full, skipped)


triangular: Rule = rule(_triangular, "A y = b, A triangular:  ∂J/∂b = A⁻ᵀ g,  ∂J/∂A = −(A⁻ᵀ g) yᵀ in the triangle",
     lambda g, y, a, _b, transpose, lower, unit_diagonal: _triangular_a(g, y, a, transpose, lower, unit_diagonal),
     lambda g, _y, a, _b, transpose, lower, unit_diagonal: triangular(a, g, not transpose, lower, unit_diagonal),
     name="solve_triangular",
     samples=lambda draw: [call(_regular(draw(3, 3)), draw(3), False, False, False),
                           call(_regular(draw(3, 3)), draw(3, 2), True, True, False),
                           call(_regular(draw(3, 3)), draw(3, 2), False, True, True)])  # fmt: skip


def _regular(a: Array) -> Array:
    """A sample matrix far from singular ones."""
    return a / 4 + 2 * np.eye(a.shape[-1], dtype=a.dtype)


def _corner(f: Any, a: Array, g: Array) -> Array:
    """``f([[A, G], [0, A]])`` has in its upper right corner the derivative of f at A in the direction G."""
    n = a.shape[-1]
    top = np.concatenate([a, g], axis=-1)
    bottom = np.concatenate([beside(np.zeros(g.shape, g.dtype), g), a], axis=-1)
    return f(np.concatenate([top, bottom], axis=-2))[..., :n, n:]


def _expm(a: Array) -> Array:
    return scipy.linalg.expm(a)


expm: Rule = rule(_expm, "Y = eᴬ:  ∂J/∂A = the corner of exp [[Aᵀ, g], [0, Aᵀ]]",
     lambda g, _y, a: _corner(expm, transposed(a), g), name="expm",
     samples=lambda draw: [call(draw(3, 3) / 2), call(draw(2, 2, 2) / 2)])  # fmt: skip


def _logm(a: Array) -> Array:
    return scipy.linalg.logm(a)


logm: Rule = rule(_logm, "Y = log A:  ∂J/∂A = the corner of log [[Aᵀ, g], [0, Aᵀ]]",
     lambda g, _y, a: _corner(logm, transposed(a), g), name="logm",
     samples=lambda draw: [call(_regular(draw(3, 3) / 2))])  # fmt: skip


def _solve_sylvester(a: Array, b: Array, q: Array) -> Array:
    dtype = np.result_type(a, b, q)  # SciPy's answer is wrong where some are real and others complex
    return scipy.linalg.solve_sylvester(a.astype(dtype), b.astype(dtype), q.astype(dtype))


solve_sylvester: Rule = rule(
    _solve_sylvester,
    "A Y + Y B = Q:  S = ∂J/∂Q solves Aᵀ S + S Bᵀ = g,  ∂J/∂A = −S Yᵀ,  ∂J/∂B = −Yᵀ S",
    lambda g, y, a, b, _q: -solve_sylvester(transposed(a), transposed(b), g) @ transposed(y),
    lambda g, y, a, b, _q: -transposed(y) @ solve_sylvester(transposed(a), transposed(b), g),
    lambda g, _y, a, b, _q: solve_sylvester(transposed(a), transposed(b), g),
    name="solve_sylvester",
    samples=lambda draw: [
        call(_regular(draw(3, 3)), _regular(draw(2, 2)), draw(3, 2)),
        call(_regular(draw(3, 3)), _regular(draw(2, 2)) + 0j, draw(3, 2)),
    ],
)


def _sqrtm(a: Array) -> Array:
    return scipy.linalg.sqrtm(a)


sqrtm: Rule = rule(_sqrtm, "Y Y = A:  ∂J/∂A solves Yᵀ S + S Yᵀ = g",
     lambda g, y, _a: solve_sylvester(transposed(y), transposed(y), g), name="sqrtm",
     samples=lambda draw: [call(_regular(draw(3, 3) / 2))])  # fmt: skip
