"""Numbers at the edge of what floats hold: values and derivatives against mpmath, every convention by name.

docs/numerics.md says in words, and in the table of conventions, what is held to here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath as mp
import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor, nn

PAGE = Path(__file__).parent.parent / "docs" / "numerics.md"

SMALLEST, LARGEST = 5e-324, 1.7e308
SIZES = [1e-320, 1e-300, 1e-160, 1e-20, 1e-8, 1e-3, 0.1, 0.5, 0.999999, 1 - 1e-15, 1.0, 1 + 1e-15, 1.5, 3.0, 7.0, 18.0,
         25.0, 40.0, 100.0, 300.0, 700.0, 1e5, 1e8, 1e20, 1e160, 1e200, 1e300, LARGEST]  # fmt: skip
POINTS = [sign * size for size in SIZES for sign in (1.0, -1.0)]


def exactly(f: Callable[..., Any], *point: float) -> float:
    """f with so many digits that cancellation, overflow and underflow play no part, rounded once."""
    with mp.workdps(800 if max(map(abs, point)) > 1e15 or min(map(abs, point)) < 1e-15 else 60):
        return float(f(*map(mp.mpf, point)))


def sinc_slope(x: Any) -> Any:
    return (mp.cos(mp.pi * x) - mp.sin(mp.pi * x) / (mp.pi * x)) / x


SLOPES: dict[str, tuple[Callable[..., Any], Callable[[Any], Any], Callable[[float], bool]]] = {
    "exp": (np.exp, mp.exp, lambda x: x < 709),
    "exp2": (np.exp2, lambda x: mp.mpf(2) ** x * mp.log(2), lambda x: x < 1000),
    "log": (np.log, lambda x: 1 / x, lambda x: x > 0),
    "log2": (np.log2, lambda x: 1 / (x * mp.log(2)), lambda x: x > 0),
    "log10": (np.log10, lambda x: 1 / (x * mp.log(10)), lambda x: 0 < x < 1e300),
    "log1p": (np.log1p, lambda x: 1 / (1 + x), lambda x: x > -1),
    "sqrt": (np.sqrt, lambda x: 1 / (2 * mp.sqrt(x)), lambda x: x > 0),
    "cbrt": (np.cbrt, lambda x: 1 / (3 * mp.cbrt(abs(x)) ** 2), lambda x: True),
    "sin": (np.sin, mp.cos, lambda x: abs(x) < 1e9),
    "cos": (np.cos, lambda x: -mp.sin(x), lambda x: abs(x) < 1e9),
    "tan": (np.tan, lambda x: mp.sec(x) ** 2, lambda x: abs(x) < 1e9),
    "arcsin": (np.arcsin, lambda x: 1 / mp.sqrt(1 - x * x), lambda x: abs(x) < 1),
    "arccos": (np.arccos, lambda x: -1 / mp.sqrt(1 - x * x), lambda x: abs(x) < 1),
    "arctan": (np.arctan, lambda x: 1 / (1 + x * x), lambda x: True),
    "sinh": (np.sinh, mp.cosh, lambda x: abs(x) < 709),
    "cosh": (np.cosh, mp.sinh, lambda x: abs(x) < 709),
    "arcsinh": (np.arcsinh, lambda x: 1 / mp.sqrt(1 + x * x), lambda x: abs(x) < 1e308),
    "arccosh": (np.arccosh, lambda x: 1 / mp.sqrt(x * x - 1), lambda x: 1 < x < 1e308),
    "arctanh": (np.arctanh, lambda x: 1 / (1 - x * x), lambda x: abs(x) < 1),
    "square": (np.square, lambda x: 2 * x, lambda x: abs(x) < 1e154),
    "reciprocal": (np.reciprocal, lambda x: -1 / x**2, lambda x: abs(x) > 1e-300),
    "absolute": (np.absolute, mp.sign, lambda x: True),
    "sinc": (np.sinc, sinc_slope, lambda x: abs(x) < 1e5),
    "i0": (np.i0, lambda x: mp.besseli(1, x), lambda x: abs(x) < 600),
    "softplus": (nn.softplus, lambda x: 1 / (1 + mp.exp(-x)), lambda x: True),
    "silu": (nn.silu, lambda x: (1 + x / (1 + mp.exp(x))) / (1 + mp.exp(-x)), lambda x: x > -700),
    "relu": (nn.relu, lambda x: mp.mpf(x > 0), lambda x: True),
    "leaky_relu": (nn.leaky_relu, lambda x: mp.mpf(1) if x > 0 else mp.mpf(0.01), lambda x: True),
}

FROM_THE_RESULT: dict[str, tuple[Callable[..., Any], Callable[[Any], Any]]] = {
    "tanh": (np.tanh, lambda x: mp.sech(x) ** 2),
    "sigmoid": (nn.sigmoid, lambda x: 1 / ((1 + mp.exp(-x)) * (1 + mp.exp(x)))),
    "expm1": (np.expm1, lambda x: mp.exp(x)),
    "elu": (nn.elu, lambda x: mp.mpf(1) if x > 0 else mp.exp(x)),
}

VALUES: dict[str, tuple[Callable[..., Any], Callable[[Any], Any]]] = {
    "sigmoid": (nn.sigmoid, lambda x: 1 / (1 + mp.exp(-x))),
    "softplus": (nn.softplus, lambda x: mp.log1p(mp.exp(x))),
    "silu": (nn.silu, lambda x: x / (1 + mp.exp(-x))),
    "elu": (nn.elu, lambda x: x if x > 0 else mp.expm1(x)),
    "relu": (nn.relu, lambda x: max(x, mp.mpf(0))),
}


def close(found: Any, expected: float, relative: float = 2e-14, absolute: float = 1e-307) -> bool:
    """Equal to rounding; below the smallest normal number only the size counts."""
    if not math.isfinite(expected) or not np.isfinite(found):
        return bool(found == expected)
    return bool(abs(found - expected) <= relative * abs(expected) + absolute)


@pytest.mark.parametrize("name", SLOPES)
def test_slopes_at_every_magnitude(name: str) -> None:
    """To the last digits, from 1e-320 to 1.7e308, both modes."""
    f, slope, inside = SLOPES[name]
    for x in filter(inside, POINTS):
        expected = exactly(slope, x)
        with np.errstate(all="ignore"):
            found = tn.grad(f)(x), tn.jvp(f, (x,), (1.0,))[1]
        for ours in found:
            assert close(ours, expected), f"{name}'({x}) is {ours!r}, should be {expected!r}"


@pytest.mark.parametrize("name", FROM_THE_RESULT)
def test_slopes_computed_from_the_result(name: str) -> None:
    """1 − y², y (1 − y), y + 1: exact to the precision of 1, not of the slope itself where that is far below."""
    f, slope = FROM_THE_RESULT[name]
    for x in POINTS:
        if abs(x) < 700:
            expected = exactly(slope, x)
            assert close(tn.grad(f)(x), expected, absolute=4 * np.finfo(float).eps), f"{name}'({x})"


@pytest.mark.parametrize("name", VALUES)
def test_values_at_every_magnitude(name: str) -> None:
    f, exact = VALUES[name]
    for x in POINTS:
        if x < 1e5 and x > -700:
            assert close(f(np.float64(x)), exactly(exact, x), 1e-15 * 4), f"{name}({x})"


PAIRS: dict[str, tuple[Any, Callable[..., Any], Callable[..., Any], float]] = {
    "divide": (np.divide, lambda a, b: 1 / b, lambda a, b: -a / b**2, LARGEST),
    "hypot": (np.hypot, lambda a, b: a / mp.hypot(a, b), lambda a, b: b / mp.hypot(a, b), LARGEST),
    "arctan2": (np.arctan2, lambda a, b: b / (a * a + b * b), lambda a, b: -a / (a * a + b * b), LARGEST),
    "logaddexp": (np.logaddexp, lambda a, b: 1 / (1 + mp.exp(b - a)), lambda a, b: 1 / (1 + mp.exp(a - b)), 1e5),
    "logaddexp2": (np.logaddexp2, lambda a, b: 1 / (1 + mp.mpf(2) ** (b - a)),
                   lambda a, b: 1 / (1 + mp.mpf(2) ** (a - b)), 1e5),
    "power": (np.power, lambda a, b: b * a ** (b - 1), lambda a, b: a**b * mp.log(a), 1e5),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_slopes_of_two_numbers_at_every_magnitude(name: str) -> None:
    """No square overflows, no difference cancels: 1e-310 beside 1e300 is no trouble."""
    f, first, second, largest = PAIRS[name]
    sizes = [
        s for s in (1e-310, 1e-200, 1e-160, 1e-20, 1e-3, 0.5, 1.0, 2.0, 30.0, 800.0, 1e20, 1e160, 1e300) if s <= largest
    ]
    points = [sign * size for size in sizes for sign in (1.0, -1.0)]
    if name == "power":
        sizes = [s for s in sizes if s >= 1e-200]  # aᵇ⁻¹ is beyond 1.7e308 while aᵇ is moderate
    for a, b in itertools.product(sizes if name == "power" else points, points):
        with np.errstate(all="ignore"):
            if not np.isfinite(f(a, b)):
                continue
            found = tn.grad(f, (0, 1))(a, b)
        for ours, slope in zip(found, (first, second), strict=True):
            expected = exactly(slope, a, b)
            assert close(ours, expected, 1e-11), f"{name} at ({a}, {b}): {ours!r}, should be {expected!r}"


def test_angles_of_tiny_and_huge_numbers() -> None:
    for size in (1e-300, 1e-200, 1.0, 1e200):
        g = tn.grad(lambda z: np.angle(z))(size * (3 + 4j))
        assert close(g.real, -4 / 25 / size, 1e-13)
        assert close(g.imag, 3 / 25 / size, 1e-13)


# ── products, sums, extremes ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "factors",
    [
        [1e-200, 1e-200, 1e200],
        [1e200, 1e200, 1e-300],
        [SMALLEST, 0.3, 2.0],
        [0.0, 2.0, 3.0],
        [0.0, 0.0, 3.0],
        [2.0, 3.0, 4.0],
    ],
)
def test_a_product_that_under_or_overflows_has_the_right_slopes(factors: list[float]) -> None:
    """Each slope is the product of the others, also where the whole product is 0 or inf."""
    a = np.array(factors)
    with np.errstate(all="ignore"):
        others = [float(mp.mpf(factors[(k + 1) % 3]) * mp.mpf(factors[(k + 2) % 3])) for k in range(3)]
        slopes = tn.grad(np.prod)(a)
        running = tn.vjp(np.cumprod, a)[1](np.array([0.0, 0.0, 1.0]))[0]
    for k in range(3):
        assert close(slopes[k], others[k])
        assert close(running[k], others[k])


def test_a_long_sum_is_pairwise_and_its_slopes_exact() -> None:
    x = np.full(1_000_000, 0.1, np.float32)
    total, g = tn.value_and_grad(np.sum)(x)
    assert abs(float(total) - 1e6 * float(np.float32(0.1))) < 1.0
    assert np.all(g == 1)
    mean, g = tn.value_and_grad(np.mean)(x)
    assert abs(float(mean) - 0.1) < 1e-7
    assert np.all(g == np.float32(1e-6))


def test_the_slope_of_something_broadcast_is_a_pairwise_sum() -> None:
    """b in W @ A + b, the examples being columns: 10⁶ of them lose no digits in float32."""
    Z, cotangent = np.zeros((2, 1_000_000), np.float32), np.full((2, 1_000_000), 0.1, np.float32)
    (db,) = tn.vjp(lambda b: Z + b, np.zeros((2, 1), np.float32))[1](cotangent)
    assert np.all(np.abs(db / 1e5 - 1) < 1e-6)
    (dc,) = tn.vjp(lambda c: Z + c, np.float32(0.0))[1](cotangent)
    numpys = 1e-6 if np.lib.NumpyVersion(np.__version__) >= "2.3.0" else 4e-6  # its sums of single precision are better
    assert abs(float(dc) / 2e5 - 1) < numpys


def test_many_small_gradients_of_one_number_add_up() -> None:
    """10⁵ uses of one Tensor: the sum of its gradients is right to 10⁵ roundings."""
    x = Tensor(0.1)
    J = Tensor(0.0)
    for _ in range(100_000):
        J = J + x * 0.1
    J.backward()
    assert abs(x.grad - 1e4) < 1e4 * 1e5 * np.finfo(float).eps


def test_a_running_sum_and_its_slopes() -> None:
    x = np.full(100_000, 0.1)
    y, pullback = tn.vjp(np.cumsum, x)
    assert abs(y[-1] - 1e4) < 1e-7
    (g,) = pullback(np.ones(100_000))
    assert np.array_equal(g, np.arange(100_000, 0, -1.0))


def test_spread_of_numbers_far_from_zero() -> None:
    """1e8 and a little: neither the variance nor its slopes cancel away."""
    little = np.array([0.0, 0.25, 0.5, 1.0])
    for far in (0.0, 1e8, -1e12):
        x = far + little
        exact = x - far  # what is left of the little, exactly
        assert close(np.var(x), np.var(exact), 1e-12)
        assert np.allclose(tn.grad(np.var)(x), tn.grad(np.var)(exact), rtol=1e-10, atol=1e-12)
        assert np.allclose(tn.grad(np.std)(x), tn.grad(np.std)(exact), rtol=1e-10, atol=1e-12)


def test_small_numbers_beside_one() -> None:
    """log1p, expm1 near 0, logaddexp of equal numbers: nothing is lost as in log(1 + x)."""
    for x in (1e-20, -1e-20, 1e-300, SMALLEST):
        assert tn.value_and_grad(np.log1p)(x) == (x, 1.0)
        assert tn.value_and_grad(np.expm1)(x) == (x, 1.0)
        assert nn.elu(np.float64(-abs(x))) == -abs(x)
    assert close(nn.softplus(np.float64(-40.0)), exactly(lambda x: mp.log1p(mp.exp(x)), -40.0))
    for size in (0.0, 1e3, 1e10, 1e17, -1e17, 1e300):
        for f in (np.logaddexp, np.logaddexp2):
            assert tn.grad(f, (0, 1))(size, size) == (0.5, 0.5)


def test_ties_share() -> None:
    """k equal winners get a k-th each; pairs get a half."""
    for n in (2, 3, 7):
        for f in (np.max, np.min, np.ptp):
            g = tn.grad(f)(np.full(n, 2.0))
            assert np.allclose(g, 0 if f is np.ptp else 1 / n, atol=1e-16)
    assert tn.grad(lambda a: np.max(a))(np.array([1.0, 3.0, 3.0])).tolist() == [0.0, 0.5, 0.5]
    for f in (np.maximum, np.minimum, np.fmax, np.fmin):
        assert tn.grad(f, (0, 1))(1.0, 1.0) == (0.5, 0.5)
    assert tn.grad(lambda a: np.maximum(a, a))(1.0) == 1.0
    x = np.array([2.0, 1.0, 2.0, 1.0])
    assert tn.vjp(np.sort, x)[1](np.array([1.0, 2.0, 3.0, 4.0]))[0].tolist() == [3.0, 1.0, 4.0, 2.0]
    assert tn.grad(np.median)(np.array([1.0, 2.0, 2.0, 3.0])).sum() == 1.0


# ── float16 and float32 ──────────────────────────────────────────────────────────────────────────────────────────

ACTIVATIONS = [nn.sigmoid, nn.softplus, nn.silu, nn.relu, nn.leaky_relu, nn.elu, nn.selu, nn.gelu, np.tanh]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    "f", ACTIVATIONS, ids=lambda f: getattr(f, "name", f.__name__ if hasattr(f, "__name__") else "f")
)
def test_activations_neither_overflow_nor_warn(f: Any, dtype: Any) -> None:
    """At ±60 000, the largest numbers that float16 has: value, slope and second derivative, warnings being errors."""
    z = np.array([-6e4, -1e3, -20.0, -1.0, 0.5, 1.0, 20.0, 1e3, 6e4], dtype)
    wide = z.astype(float)
    g, h = tn.elementwise_grad(f)(z), tn.elementwise_grad(tn.elementwise_grad(f))(z)
    for found, expected in ((f(z), f(wide)), (g, tn.elementwise_grad(f)(wide))):
        assert found.dtype == dtype
        assert np.allclose(found, expected, rtol=8 * np.finfo(dtype).eps, atol=8 * np.finfo(dtype).eps)
    assert np.all(np.isfinite(h))
    assert h.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_softmax_and_its_relatives_at_the_extremes(dtype: Any) -> None:
    big = dtype(3e4)
    z = np.array([big, 0, -big], dtype)
    assert nn.softmax(z).tolist() == [1.0, 0.0, 0.0]
    assert nn.log_softmax(z).tolist() == [0.0, -float(big), -2.0 * float(big)]
    value, g = tn.value_and_grad(nn.logsumexp)(z)
    assert (value, g.tolist()) == (big, [1.0, 0.0, 0.0])
    assert g.dtype == dtype
    shifted = np.array([0.5, 0.25, -1.0])
    for far in (0.0, 1e3, -1e3):
        assert np.allclose(tn.grad(nn.logsumexp)(shifted + far), nn.softmax(shifted), rtol=1e-12)
    hidden = np.array([1.0, -np.inf, 2.0], dtype)  # a mask
    assert nn.softmax(hidden)[1] == 0
    assert np.all(np.isfinite(tn.grad(lambda z: nn.softmax(z)[0])(hidden)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_losses_at_the_extremes(dtype: Any) -> None:
    Z = np.array([[-6e4, -30.0, 0.0, 30.0, 6e4]], dtype)
    for label in (0.0, 1.0):
        Y = np.full_like(Z, label)
        value, g = tn.value_and_grad(lambda Z, Y=Y: nn.binary_cross_entropy_with_logits(Z, Y, "sum"))(Z)
        assert value == pytest.approx(60030 + np.log(2), rel=4 * float(np.finfo(dtype).eps))
        assert np.allclose(g, nn.sigmoid(Z) - Y, atol=2 * np.finfo(dtype).eps)
    masked = np.array([[1.0], [-np.inf], [2.0]], dtype)
    value, g = tn.value_and_grad(nn.softmax_cross_entropy)(masked, np.array([2]))
    assert value == pytest.approx(math.log(1 + math.exp(-1)), rel=4 * float(np.finfo(dtype).eps))
    assert g[1] == 0
    scores = np.array([[3e4, -3e4], [0.0, 0.0], [-3e4, 3e4]], dtype)
    assert nn.softmax_cross_entropy(scores, np.array([0, 2])) == 0.0
    value, g = tn.value_and_grad(nn.softmax_cross_entropy)(scores, np.array([1, 1]))
    assert value == dtype(3e4)
    assert g.tolist() == [[0.5, 0.0], [-0.5, -0.5], [0.0, 0.5]]
    error = np.array([-6e4, 0.0, 6e4], dtype)
    value, g = tn.value_and_grad(lambda p: nn.huber(p, np.zeros_like(p), reduction="mean"))(error)
    assert np.isfinite(value)
    assert np.allclose(g, [-1 / 3, 0, 1 / 3], atol=float(np.finfo(dtype).eps))
    assert tn.grad(lambda Z: nn.hinge(Z, np.ones_like(Z), "sum"))(error).tolist() == [-1.0, -1.0, 0.0]


def test_losses_of_certain_predictions() -> None:
    """0 log 0 = 0; a prediction that is exactly wrong costs inf, as the formula says."""
    A, Y = np.array([[0.0, 1.0, 0.5]]), np.array([[0.0, 1.0, 1.0]])
    with np.errstate(divide="ignore"):
        value, g = tn.value_and_grad(lambda A: nn.binary_cross_entropy(A, Y, "sum"))(A)
        assert value == pytest.approx(np.log(2))
        assert g.tolist() == [[1.0, -1.0, -2.0]]
        assert nn.binary_cross_entropy(1 - Y, Y, "sum") == np.inf
        P, Q = np.array([[1.0], [0.0]]), np.array([[0.5], [0.5]])
        assert nn.kl_div(P, Q) == pytest.approx(np.log(2))
        assert tn.grad(lambda Q: nn.kl_div(P, Q))(Q).tolist() == [[-2.0], [0.0]]
    tiny = np.array([[SMALLEST, 1e-300]])
    assert close(nn.binary_cross_entropy(tiny, np.ones((1, 2)), "sum"), -np.log(SMALLEST) - np.log(1e-300))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_normalisation_at_the_extremes(dtype: Any) -> None:
    """Squares beyond float16's 65 504, and nothing to normalise."""
    x = np.array([[300.0, -300.0, 100.0]], dtype)
    layer = nn.LayerNorm(3, dtype=dtype)
    wide = nn.LayerNorm(3)(x.astype(float))
    assert np.allclose(layer(x), wide, rtol=4 * np.finfo(dtype).eps)
    weights = np.array([1.0, 2.0, 4.0])

    def total(norm: Any, kind: Any) -> Any:
        return tn.grad(lambda x: np.sum(norm(x) * weights.astype(kind)))(x.astype(kind))

    assert np.allclose(total(layer, dtype), total(nn.LayerNorm(3), float), rtol=0.05, atol=1e-4)
    level = np.full((2, 4), 7.0, dtype)
    for norm in (nn.LayerNorm(4, dtype=dtype), nn.BatchNorm(2, dtype=dtype)):
        value, pullback = tn.vjp(norm, level)
        assert np.all(value == 0)
        assert np.all(np.isfinite(pullback(np.arange(8.0).reshape(2, 4).astype(dtype))[0]))


def test_recurrent_and_attention_layers_at_the_extremes() -> None:
    """Saturated gates and scores: every gradient is finite."""
    rng = np.random.default_rng(0)
    x = 1e4 * rng.normal(size=(2, 5, 4))
    for layer in (
        nn.RNN(4, 3, rng=rng),
        nn.GRU(4, 3, rng=rng),
        nn.LSTM(4, 3, rng=rng),
        nn.MultiHeadAttention(4, 2, rng=rng),
    ):
        g = tn.grad(lambda x, layer=layer: np.sum(_first(layer(x)) ** 2))(x)
        assert np.all(np.isfinite(g)), type(layer).__name__


def _first(result: Any) -> Any:
    return result[0] if isinstance(result, tuple) else result


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_narrow_sums_overflow_as_in_numpy(dtype: Any) -> None:
    """The value is NumPy's (inf where NumPy's is); the slopes don't depend on it."""
    x = np.full(10, np.finfo(dtype).max)
    with np.errstate(over="ignore"):
        value, g = tn.value_and_grad(np.sum)(x)
    assert value == np.inf
    assert g.tolist() == [1.0] * 10
    assert tn.grad(np.mean)(x.astype(dtype) / 16).dtype == dtype


def test_denormal_numbers() -> None:
    for f in (np.mean, np.max, np.median):
        assert tn.grad(f)(np.full(2, SMALLEST)).sum() == 1.0
    with np.errstate(over="ignore"):
        assert tn.grad(lambda x: x / SMALLEST)(SMALLEST) == np.inf
    assert tn.grad(lambda x: x * SMALLEST)(1.0) == SMALLEST
    assert tn.grad(np.hypot, (0, 1))(SMALLEST, 0.0) == (1.0, 0.0)
    assert tn.grad(np.absolute)(-SMALLEST) == -1.0


def test_infinities_that_are_given() -> None:
    assert tn.grad(np.exp)(-np.inf) == 0.0
    assert tn.grad(np.tanh)(np.inf) == 0.0
    assert tn.grad(nn.sigmoid)(-np.inf) == 0.0
    assert tn.grad(np.arctan)(np.inf) == 0.0
    assert tn.grad(np.logaddexp, (0, 1))(0.0, -np.inf) == (1.0, 0.0)
    assert np.isnan(tn.grad(np.sin)(np.nan))


# ── conventions, one by one ──────────────────────────────────────────────────────────────────────────────────────

CONVENTIONS: list[tuple[str, str, Callable[..., Any], tuple[float, ...], float, tuple[float, ...]]] = [
    ("relu", "0", nn.relu, (0.0,), 0.0, (0.0,)),
    ("leaky_relu", "its slope", nn.leaky_relu, (0.0,), 0.0, (0.01,)),
    ("elu", "1", nn.elu, (0.0,), 0.0, (1.0,)),
    ("hinge at its corner", "0", lambda z: nn.relu(1 - z), (1.0,), 0.0, (0.0,)),
    ("abs, fabs", "0", np.abs, (0.0,), 0.0, (0.0,)),
    ("sign, floor, ceil, trunc, round", "0 everywhere", np.floor, (2.0,), 2.0, (0.0,)),
    ("maximum, minimum, fmax, fmin at a tie", "½ each", np.maximum, (1.0, 1.0), 1.0, (0.5, 0.5)),
    ("max, min of n equal entries", "1/n each", lambda a, b: np.max(np.stack([a, b])), (1.0, 1.0), 1.0, (0.5, 0.5)),
    ("clip on an edge", "½", lambda x: np.clip(x, 1.0, 2.0), (1.0,), 1.0, (0.5,)),
    ("norm of 0", "0", lambda x: np.linalg.norm(np.stack([x, x])), (0.0,), 0.0, (0.0,)),
    ("hypot of 0, 0", "0, 0", np.hypot, (0.0, 0.0), 0.0, (0.0, 0.0)),
    ("std of equal entries", "0", lambda a, b: np.std(np.stack([a, b])), (1.0, 1.0), 0.0, (0.0, 0.0)),
    ("arctan2 of 0, 0; angle of 0", "0, 0", np.arctan2, (0.0, 0.0), 0.0, (0.0, 0.0)),
    ("sqrt of 0", "inf, as it tends to", np.sqrt, (0.0,), 0.0, (np.inf,)),
    ("cbrt of 0", "inf", np.cbrt, (0.0,), 0.0, (np.inf,)),
    ("log of 0", "inf; its value is −inf", np.log, (0.0,), -np.inf, (np.inf,)),
    ("sinc at 0", "0, by its series", np.sinc, (0.0,), 1.0, (0.0,)),
    ("power: x⁰ at 0", "0 in x", lambda x: x**0, (0.0,), 1.0, (0.0,)),
    ("power: 0⁰", "0 in both", np.power, (0.0, 0.0), 1.0, (0.0, 0.0)),
    ("power: 0ᵇ, b > 1", "0 in both", np.power, (0.0, 2.0), 0.0, (0.0, 0.0)),
    ("power: 0¹", "1 in the base, 0 in the exponent", np.power, (0.0, 1.0), 0.0, (1.0, 0.0)),
    ("power: a negative base, a whole exponent given as a number", "b aᵇ⁻¹", lambda x: x**3, (-2.0,), -8.0, (12.0,)),
    ("xlogy of 0, 0", "0 in b; ln 0 = −inf in a", nn.xlogy, (0.0, 0.0), 0.0, (-np.inf, 0.0)),
    ("heaviside at 0", "0 in x, 1 in h", np.heaviside, (0.0, 0.5), 0.5, (0.0, 1.0)),
    ("copysign at 0", "0", lambda a: np.copysign(a, 1.0), (0.0,), 0.0, (0.0,)),
    ("logaddexp of −inf, −inf", "½ each, as of equal numbers", np.logaddexp, (-np.inf, -np.inf), -np.inf, (0.5, 0.5)),
    ("prod with one 0", "the product of the others there, 0 elsewhere", lambda a, b: np.prod(np.stack([a, b])),
     (0.0, 3.0), 0.0, (3.0, 0.0)),
]  # fmt: skip


@pytest.mark.parametrize("row", CONVENTIONS, ids=[row[0] for row in CONVENTIONS])
def test_a_convention(row: Any) -> None:
    """Value and slopes, in reverse and in forward mode, exactly as the table says."""
    _, _, f, point, value, slopes = row
    with np.errstate(all="ignore"):
        y, pullback = tn.vjp(f, *point)
        assert y == value
        assert tuple(map(float, pullback(1.0))) == slopes
        for k in range(len(point)):

            def alone(x: Any, k: int = k) -> Any:
                return f(*point[:k], x, *point[k + 1 :])

            assert tn.jvp(alone, (point[k],), (1.0,))[1] == slopes[k]


def table() -> str:
    """The conventions as the page shows them."""
    rows = [f"| {name} | {said} |" for name, said, *_ in CONVENTIONS]
    return "\n".join(["| where | derivative given |", "|---|---|", *rows])


def test_the_page_has_the_table_of_conventions() -> None:
    assert table() in PAGE.read_text(encoding="utf-8"), f"docs/numerics.md needs this table:\n{table()}"


def test_why_names_an_infinite_slope() -> None:
    """sqrt'(0) = inf is not silent."""
    x = Tensor(0.0, name="x")
    J = np.sqrt(x)
    with np.errstate(divide="ignore"):
        J.backward()
        assert "inf" in str(tn.why(J, x))
