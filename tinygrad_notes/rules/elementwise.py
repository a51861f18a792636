"""Elementwise functions: entry k of the result depends on entry k of the inputs. Read down the formulas.

``g`` is dJ/dy, ``y`` the function's result. An underscore says "not read": the graph need not keep it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .book import Array, Rule, alias, call, composite, plain, rule

LN2, LN10 = float(np.log(2.0)), float(np.log(10.0))
ANY = (-2.0, 2.0)
POSITIVE = (0.2, 3.0)
INSIDE_ONE = (-0.9, 0.9)
AWAY_FROM_ZERO = (0.3, 2.0)

# ── arithmetic ───────────────────────────────────────────────────────────────────────────────────────────────────

rule(np.add, "y = a + b:  ∂y/∂a = 1,  ∂y/∂b = 1",
     lambda g, _y, _a, _b: g,
     lambda g, _y, _a, _b: g, elementwise=True)  # fmt: skip

rule(np.subtract, "y = a − b:  ∂y/∂a = 1,  ∂y/∂b = −1",
     lambda g, _y, _a, _b: g,
     lambda g, _y, _a, _b: -g, elementwise=True)  # fmt: skip

rule(np.multiply, "y = a b:  ∂y/∂a = b,  ∂y/∂b = a",
     lambda g, _y, _a, b: g * b,
     lambda g, _y, a, _b: g * a, elementwise=True)  # fmt: skip

rule(np.true_divide, "y = a / b:  ∂y/∂a = 1/b,  ∂y/∂b = −y/b",
     lambda g, _y, _a, b: g / b,
     lambda g, y, _a, b: -g * y / b, elementwise=True, domain=(ANY, AWAY_FROM_ZERO))  # fmt: skip

rule(np.negative, "y = −x:  dy/dx = −1", lambda g, _y, _x: -g, elementwise=True)
rule(np.positive, "y = x:  dy/dx = 1", lambda g, _y, _x: g, elementwise=True)
rule(np.reciprocal, "y = 1/x:  dy/dx = −y²", lambda g, y, _x: -g * y * y, elementwise=True, domain=(AWAY_FROM_ZERO,))
rule(np.square, "y = x²:  dy/dx = 2x", lambda g, _y, x: g * (2 * x), elementwise=True)


def _power_base(g: Array, a: Array, b: Array) -> Array:
    """``g b a^(b−1)``, and 0 where b = 0 even at a = 0."""
    if isinstance(b, (int, float)):
        return g * (2 * a) if b == 2 else g * (b * a ** (b - 1)) if b != 0 else g * 0
    zero = b == 0
    return g * b * a ** (np.where(zero & (a == 0), 1, b - 1) if may_hold(zero) else b - 1)


def _power_exponent(g: Array, y: Array, a: Array) -> Array:
    """``g y log a``, and 0 where a = 0; a complex power of a negative number has its complex logarithm."""
    base = np.where(a == 0, 1, a)
    if np.iscomplexobj(y) and not np.iscomplexobj(a):  # + 0j would turn −0j round, and change the branch
        base = base + 0j
    return g * y * np.log(base)


rule(np.power, "y = aᵇ:  ∂y/∂a = b aᵇ⁻¹,  ∂y/∂b = y log a",
     lambda g, _y, a, b: _power_base(g, a, b),
     lambda g, y, a, _b: _power_exponent(g, y, a), elementwise=True, domain=(POSITIVE, ANY),
     kinks={(0.0, 2.0): (0.0, 0.0), (0.0, 0.0): (0.0, 0.0)})  # fmt: skip


@composite(np.float_power, "y = aᵇ in float64",
           samples=lambda draw: [call(draw(3, 4) ** 2 + 0.3, draw(4)), call(draw() ** 2 + 0.3, draw()),
                                 call(draw(0, 3) ** 2, draw(3))])  # fmt: skip
def _float_power(a: Array, b: Array) -> Array:
    wide = np.result_type(_dtype(a), _dtype(b), np.float64)
    return np.power(_cast(a, wide), _cast(b, wide))


def _dtype(x: Any) -> Any:
    return x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype


def _cast(x: Any, dtype: Any) -> Any:
    return x.astype(dtype) if hasattr(x, "astype") else np.asarray(x, dtype)


rule(np.remainder, "y = a − b ⌊a/b⌋:  ∂y/∂a = 1,  ∂y/∂b = −⌊a/b⌋",
     lambda g, _y, _a, _b: g,
     lambda g, _y, a, b: -g * np.floor(a / b), elementwise=True, holomorphic=False,
     domain=((0.1, 0.9), (1.0, 2.0)))  # fmt: skip

rule(np.fmod, "y = a − b trunc(a/b):  ∂y/∂a = 1,  ∂y/∂b = −trunc(a/b)",
     lambda g, _y, _a, _b: g,
     lambda g, _y, a, b: -g * np.trunc(a / b), elementwise=True, holomorphic=False,
     domain=((2.1, 2.9), (1.0, 1.02)))  # fmt: skip

rule(np.floor_divide, "y = ⌊a/b⌋:  0 (a step)",
     lambda g, _y, _a, _b: g * 0,
     lambda g, _y, _a, _b: g * 0, elementwise=True, holomorphic=False, domain=((0.1, 0.9), (1.0, 2.0)))  # fmt: skip


@composite(np.divmod, "(a // b, a mod b)",
           samples=lambda draw: [call(0.2 * draw(3, 4) + 0.5, 0.2 * draw(4) + 1.5),
                                 call(0.2 * draw() + 0.5, 1.5)])  # fmt: skip
def _divmod(a: Array, b: Array) -> Array:
    return np.floor_divide(a, b), np.remainder(a, b)


@composite(np.modf, "(x − trunc x, trunc x)")
def _modf(x: Array) -> Array:
    whole = np.trunc(x)
    return x - whole, whole


# ── exponentials and logarithms ──────────────────────────────────────────────────────────────────────────────────

rule(np.exp, "y = eˣ:  dy/dx = y", lambda g, y, _x: g * y, elementwise=True)
rule(np.exp2, "y = 2ˣ:  dy/dx = y ln 2", lambda g, y, _x: g * (y * LN2), elementwise=True)
rule(np.expm1, "y = eˣ − 1:  dy/dx = y + 1", lambda g, y, _x: g * (y + 1), elementwise=True)
rule(np.log, "y = ln x:  dy/dx = 1/x", lambda g, _y, x: g / x, elementwise=True, domain=(POSITIVE,))
rule(np.log2, "y = log₂ x:  dy/dx = 1/(x ln 2)", lambda g, _y, x: g / (x * LN2), elementwise=True, domain=(POSITIVE,))
rule(
    np.log10, "y = log₁₀ x:  dy/dx = 1/(x ln 10)", lambda g, _y, x: g / (x * LN10), elementwise=True, domain=(POSITIVE,)
)
rule(
    np.log1p, "y = ln(1 + x):  dy/dx = 1/(1 + x)", lambda g, _y, x: g / (1 + x), elementwise=True, domain=((-0.7, 2.0),)
)

rule(np.logaddexp, "y = ln(eᵃ + eᵇ):  ∂y/∂a = eᵃ⁻ʸ,  ∂y/∂b = eᵇ⁻ʸ",
     lambda g, y, a, b: g * _part(_exp_difference(a, y), _exp_difference(b, y)),
     lambda g, y, a, b: g * _part(_exp_difference(b, y), _exp_difference(a, y)), elementwise=True)  # fmt: skip

rule(np.logaddexp2, "y = log₂(2ᵃ + 2ᵇ):  ∂y/∂a = 2ᵃ⁻ʸ,  ∂y/∂b = 2ᵇ⁻ʸ",
     lambda g, y, a, b: g * _part(np.exp2(_difference(a, y)), np.exp2(_difference(b, y))),
     lambda g, y, a, b: g * _part(np.exp2(_difference(b, y)), np.exp2(_difference(a, y))),
     elementwise=True)  # fmt: skip


def _part(p: Array, q: Array) -> Array:
    """P as a part of p + q, which is 1 but for what y lost by rounding: much, if y is large."""
    return p / (p + q)


def _difference(a: Array, y: Array) -> Array:
    """``a − y`` where both may be −inf (then 0, as their ratio tends to 1)."""
    return np.where(a == y, 0, a) - np.where(a == y, 0, y)


def _exp_difference(a: Array, y: Array) -> Array:
    same_infinity = (a == y) & np.isinf(y)
    if may_hold(same_infinity):
        return np.exp(np.where(same_infinity, 0, a) - np.where(same_infinity, 0, y))
    return np.exp(a - y)


# ── roots ────────────────────────────────────────────────────────────────────────────────────────────────────────

rule(np.sqrt, "y = √x:  dy/dx = 1/(2y)", lambda g, y, _x: g / (2 * y), elementwise=True, domain=(POSITIVE,))
rule(np.cbrt, "y = ∛x:  dy/dx = 1/(3y²)", lambda g, y, _x: g / (3 * y * y), elementwise=True, domain=(AWAY_FROM_ZERO,))
rule(np.hypot, "y = √(a² + b²):  ∂y/∂a = a/y,  ∂y/∂b = b/y  (0 at the origin)",
     lambda g, y, a, _b: g * (a / _nonzero(y)),
     lambda g, y, _a, b: g * (b / _nonzero(y)), elementwise=True, holomorphic=False,
     kinks={(0.0, 0.0): (0.0, 0.0)})  # fmt: skip


def _nonzero(y: Array) -> Array:
    """`y` with 1 in place of 0: for quotients whose numerator is 0 there too."""
    zero = y == 0
    return np.where(zero, 1, y) if may_hold(zero) else y


def _root_of_one_minus_square(x: Array) -> Array:
    """``√(1 − x²)``; for complex x on the branch of arcsin, also on its cuts (where the sign of a zero decides)."""
    if x.dtype.kind == "c":
        return np.sqrt(-(x - 1)) * np.sqrt(x + 1)
    return np.sqrt((1 - x) * (1 + x))


# ── trigonometric and hyperbolic ─────────────────────────────────────────────────────────────────────────────────

rule(np.sin, "y = sin x:  dy/dx = cos x", lambda g, _y, x: g * np.cos(x), elementwise=True)
rule(np.cos, "y = cos x:  dy/dx = −sin x", lambda g, _y, x: -g * np.sin(x), elementwise=True)
rule(np.tan, "y = tan x:  dy/dx = 1 + y²", lambda g, y, _x: g * (1 + y * y), elementwise=True, domain=((-1.2, 1.2),))
rule(np.arcsin, "y = arcsin x:  dy/dx = 1/√(1 − x²)",
     lambda g, _y, x: g / _root_of_one_minus_square(x), elementwise=True, domain=(INSIDE_ONE,))  # fmt: skip
rule(np.arccos, "y = arccos x:  dy/dx = −1/√(1 − x²)",
     lambda g, _y, x: -g / _root_of_one_minus_square(x), elementwise=True, domain=(INSIDE_ONE,))  # fmt: skip
rule(np.arctan, "y = arctan x:  dy/dx = 1/(1 + x²)", lambda g, _y, x: g / (1 + x * x), elementwise=True)
rule(np.arctan2, "y = arctan2(a, b):  ∂y/∂a = b/(a² + b²),  ∂y/∂b = −a/(a² + b²)  (0 at the origin)",
     lambda g, _y, a, b: g * _turning(b, a),
     lambda g, _y, a, b: -g * _turning(a, b), elementwise=True, domain=(ANY, AWAY_FROM_ZERO),
     kinks={(0.0, 0.0): (0.0, 0.0)})  # fmt: skip


def _turning(a: Array, b: Array) -> Array:
    """``a/(a² + b²)`` without the squares, which overflow and underflow."""
    r = _nonzero(np.hypot(a, b))
    return a / r / r


def _root_of_one_plus_square(x: Array) -> Array:
    """``√(x² + 1)``; for real x without the square, which overflows."""
    return np.sqrt(x * x + 1) if x.dtype.kind == "c" else np.hypot(x, 1)


rule(np.sinh, "y = sinh x:  dy/dx = cosh x", lambda g, _y, x: g * np.cosh(x), elementwise=True)
rule(np.cosh, "y = cosh x:  dy/dx = sinh x", lambda g, _y, x: g * np.sinh(x), elementwise=True)
rule(np.tanh, "y = tanh x:  dy/dx = 1 − y²", lambda g, y, _x: g * (1 - y * y), elementwise=True)
rule(np.arcsinh, "y = arsinh x:  dy/dx = 1/√(x² + 1)", lambda g, _y, x: g / _root_of_one_plus_square(x),
     elementwise=True)  # fmt: skip
rule(np.arccosh, "y = arcosh x:  dy/dx = 1/√(x² − 1)",
     lambda g, _y, x: g / (np.sqrt(x - 1) * np.sqrt(x + 1)), elementwise=True, domain=((1.2, 3.0),))  # fmt: skip
rule(np.arctanh, "y = artanh x:  dy/dx = 1/(1 − x²)",
     lambda g, _y, x: g / ((1 - x) * (1 + x)), elementwise=True, domain=(INSIDE_ONE,))  # fmt: skip

for _radians in (np.radians, np.deg2rad):
    rule(_radians, "y = x π/180:  dy/dx = π/180", lambda g, _y, _x: g * (np.pi / 180), elementwise=True)
for _degrees in (np.degrees, np.rad2deg):
    rule(_degrees, "y = x 180/π:  dy/dx = 180/π", lambda g, _y, _x: g * (180 / np.pi), elementwise=True)

# ── size and sign ────────────────────────────────────────────────────────────────────────────────────────────────

rule(np.absolute, "y = |x|:  dy/dx = sign x  (0 at 0)",
     lambda g, _y, x: g * np.sign(x), elementwise=True, holomorphic=False, domain=(AWAY_FROM_ZERO,),
     kinks={(0.0,): (0.0,)})  # fmt: skip
rule(np.fabs, "y = |x|:  dy/dx = sign x  (0 at 0)",
     lambda g, _y, x: g * np.sign(x), elementwise=True, holomorphic=False, domain=(AWAY_FROM_ZERO,),
     kinks={(0.0,): (0.0,)})  # fmt: skip


def _sign_pullback(g: Array, y: Array, x: Array) -> Array:
    """0 for real x (a step); for complex z, y = z/|z| turns with the angle: (g − y Re(ȳ g))/|z|."""
    if x.dtype.kind != "c":
        return g * 0
    return np.where(y == 0, 0, (g - y * np.real(np.conj(y) * g)) / _nonzero(np.absolute(x)))


rule(np.sign, "y = sign x:  0 (a step); complex: y = z/|z|",
     lambda g, y, x: _sign_pullback(g, y, x), elementwise=True, holomorphic=False,
     domain=(AWAY_FROM_ZERO,), kinks={(0.0,): (0.0,)})  # fmt: skip

rule(np.copysign, "y = |a| sign b:  ∂y/∂a = sign a · sign b,  ∂y/∂b = 0",
     lambda g, _y, a, b: g * (np.sign(a) * np.copysign(1.0, b)),
     lambda g, _y, _a, _b: g * 0, elementwise=True, holomorphic=False,
     domain=(AWAY_FROM_ZERO, AWAY_FROM_ZERO), kinks={(0.0, 1.0): (0.0, 0.0)})  # fmt: skip

for _step in (np.floor, np.ceil, np.trunc, np.rint):
    rule(_step, f"y = {_step.__name__} x:  0 (a step)", lambda g, _y, _x: g * 0, elementwise=True, holomorphic=False,
         domain=((0.1, 0.4),))  # fmt: skip
alias(np.trunc, np.fix)  # which NumPy 2.5 deprecates

rule(np.round, "y = x rounded:  0 (a step)",
     lambda g, _y, _a, decimals=0: g * 0, elementwise=True, holomorphic=False,
     samples=lambda draw: [call(draw(3, 4) * 0.3 + 0.1), call(draw(3) * 0.01 + 0.02, decimals=1)])  # fmt: skip
alias(np.round, np.around)

# ── the larger, the smaller ──────────────────────────────────────────────────────────────────────────────────────


def may_hold(condition: Any) -> Any:
    """Whether a mask holds anywhere; asked of NumPy's own arrays only (a GPU would wait, a batch can't branch)."""
    if isinstance(condition, np.bool_):
        return condition
    return condition.any() if isinstance(condition, np.ndarray) else condition is not False


def _share(g: Array, wins: Any, ties: Any) -> Array:
    """All of g where this input wins, half of it where both are equal."""
    if isinstance(wins, np.bool_):
        return g if wins else 0.5 * g if ties else 0.0 * g
    shared = g * wins
    return shared + 0.5 * g * ties if may_hold(ties) else shared


rule(np.maximum, "y = max(a, b):  g to the larger; a tie shares equally",
     lambda g, _y, a, b: _share(g, a > b, a == b),
     lambda g, _y, a, b: _share(g, b > a, a == b), elementwise=True, holomorphic=False,
     kinks={(1.0, 1.0): (0.5, 0.5)})  # fmt: skip
rule(np.minimum, "y = min(a, b):  g to the smaller; a tie shares equally",
     lambda g, _y, a, b: _share(g, a < b, a == b),
     lambda g, _y, a, b: _share(g, b < a, a == b), elementwise=True, holomorphic=False,
     kinks={(1.0, 1.0): (0.5, 0.5)})  # fmt: skip
rule(np.fmax, "y = max(a, b), NaN ignored:  g to the larger; a tie shares equally",
     lambda g, _y, a, b: _share(g, (a > b) | ((b != b) & (a == a)), a == b),
     lambda g, _y, a, b: _share(g, (b > a) | ((a != a) & (b == b)), a == b),
     elementwise=True, holomorphic=False, kinks={(1.0, 1.0): (0.5, 0.5)})  # fmt: skip
rule(np.fmin, "y = min(a, b), NaN ignored:  g to the smaller; a tie shares equally",
     lambda g, _y, a, b: _share(g, (a < b) | ((b != b) & (a == a)), a == b),
     lambda g, _y, a, b: _share(g, (b < a) | ((a != a) & (b == b)), a == b),
     elementwise=True, holomorphic=False, kinks={(1.0, 1.0): (0.5, 0.5)})  # fmt: skip


def _clip(a: Array, low: Array | None, high: Array | None) -> Array:
    return np.clip(a, low, high)


def _clip_inside(g: Array, a: Array, low: Array, high: Array) -> Array:
    """G inside, half of it exactly on an edge, a quarter where both edges are there, 0 outside."""
    if low is None:
        return _share(g, a < high, a == high) if high is not None else g
    if high is None:
        return _share(g, a > low, a == low)
    at_low, at_high = a == low, a == high
    shared = _share(g, (a > low) & (a < high), (at_low | at_high) & (low <= high))
    both = at_low & at_high
    return shared - 0.25 * g * both if may_hold(both) else shared


def _clip_low(g: Array, a: Array, low: Array, high: Array) -> Array:
    """What `low` gets of g: as max(a, low) shares it, and then min of that and `high`."""
    shared = _share(g, a < low, a == low)
    return shared if high is None else _share(shared, low < high, low == high)


def _clip_high(g: Array, a: Array, low: Array, high: Array) -> Array:
    """What `high` gets of g: as min(max(a, low), high) shares it."""
    if low is None:
        return _share(g, a > high, a == high)
    return _share(g, (a > high) | (low > high), ((a == high) & (low <= high)) | ((low == high) & (a <= high)))


clip: Rule = rule(_clip, "y = a held between low and high:  g inside, g/2 on an edge, 0 outside",
     lambda g, _y, a, low, high: _clip_inside(g, a, low, high),
     lambda g, _y, a, low, high: _clip_low(g, a, low, high),
     lambda g, _y, a, low, high: _clip_high(g, a, low, high),
     name="clip", elementwise=True, holomorphic=False,
     samples=lambda draw: [call(draw(3, 4), -0.5, 0.7), call(draw(3, 4), None, draw(4)),
                           call(draw(4), draw(3, 1), None)],
     kinks={(1.0, 1.0, 2.0): (0.5, 0.5, 0.0), (2.0, 1.0, 2.0): (0.5, 0.0, 0.5)})  # fmt: skip


@composite(np.clip, "see clip",
           samples=lambda draw: [call(draw(3, 4), -0.5, 0.7), call(draw(3, 4), draw(4) - 3, draw(3, 1) + 3),
                                 call(draw(5), min=0.1), call(draw(), None, 0.2)])  # fmt: skip
def _np_clip(a: Array, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Array:
    return clip(a, min if a_min is None else a_min, max if a_max is None else a_max)


def _where(condition: Array, a: Array, b: Array) -> Array:
    return np.where(condition, a, b)


where: Rule = rule(_where, "y = a where the condition holds, else b:  g to the one that was taken",
     None,
     lambda g, _y, condition, _a, _b: np.where(condition, g, 0),
     lambda g, _y, condition, _a, _b: np.where(condition, 0, g), name="where", linear="jointly",
     samples=lambda draw: [call(np.arange(12).reshape(3, 4) % 2 == 0, draw(3, 4), draw(4)),
                           call(True, draw(3), draw()),
                           call(np.array([[True], [False]]), draw(1, 3), 2.0)])  # fmt: skip


@composite(np.where, "see where",
           samples=lambda draw: [call(np.arange(12).reshape(3, 4) % 2 == 0, draw(3, 4), draw(4)),
                                 call(False, draw(), draw(2)), call(np.array([], bool), draw(0), draw())])  # fmt: skip
def _np_where(condition: Any, *branches: Any) -> Any:
    if not branches:
        return np.nonzero(_plain(condition))
    return where(_plain(condition), *branches)


def _plain(condition: Any) -> Any:
    return condition.data if hasattr(condition, "node") else condition


# ── complex numbers ──────────────────────────────────────────────────────────────────────────────────────────────

rule(np.conjugate, "y = x̄:  ḡ", lambda g, _y, _x: np.conj(g), elementwise=True, holomorphic=False)


def _real_function(z: Array) -> Array:
    return z.real


def _imag_function(z: Array) -> Array:
    return z.imag


rule(np.real, "y = Re z:  g", lambda g, _y, _val: g, elementwise=True, holomorphic=False)
rule(np.imag, "y = Im z:  i g  (0 for real z)",
     lambda g, _y, _val: g * 1j if _val.dtype.kind == "c" else g * 0, holomorphic=False,
     samples=lambda draw: [call(draw(3, 4) + 0.5j * draw(3, 4)), call(draw() + 0.5j), call(draw(3))])  # fmt: skip
rule(np.angle, "y = arg z:  i g z/|z|²  (0 for real z)",
     lambda g, _y, z, deg=False: _angle_pullback(g, z, deg), holomorphic=False,
     samples=lambda draw: [call(draw(3, 4)), call(draw(3), deg=True)])  # fmt: skip


def _angle_pullback(g: Array, z: Array, deg: bool) -> Array:
    if z.dtype.kind != "c":
        return g * 0
    g = g * (180 / np.pi) if deg else g
    r = _nonzero(np.absolute(z))
    return g * 1j * (z / r) / r


# ── no derivative: bool and integer results ──────────────────────────────────────────────────────────────────────

plain(
    "its result is bool or integer",
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
    np.logical_and, np.logical_or, np.logical_xor, np.logical_not,
    np.isfinite, np.isinf, np.isnan, np.signbit, np.isneginf, np.isposinf, np.isreal, np.iscomplex,
    np.isrealobj, np.iscomplexobj, np.isclose, np.allclose, np.array_equal, np.array_equiv,
)  # fmt: skip
