"""Numerical slopes at their edges: exact on polynomials, honest bars, steps where they are said to be.

The functions are polynomials with plain coefficients and the steps powers of two: the numbers are exact on every
machine.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from tinygrad_notes.errors import BadInputError
from tinygrad_notes.testing import gradient_difference, numerical_gradient
from tinygrad_notes.testing.numerical import (
    EPS,
    FIRST_STEP,
    LEVELS,
    Estimate,
    Point,
    _central,
    _complex_step,
    _resolution,
    _scale,
    _size,
    cautious,
    detection_power,
    directional_derivative,
    extrapolate,
)


def along(f, x=0.0):
    """phi(t) for f around x, counting calls and steps."""
    steps = []

    def phi(t):
        steps.append(t)
        return t, f(x + t)

    return phi, steps


@pytest.mark.parametrize(
    ("f", "x", "slope", "levels"),
    [
        (lambda x: 3 * x, 1.0, 3.0, 3),
        (lambda x: x**2, 1.0, 2.0, 3),
        (lambda x: x**3, 1.0, 3.0, 3),
        (lambda x: x**4, 0.5, 0.5, 3),
        (lambda x: x**5, 1.0, 5.0, 3),
    ],
)
def test_polynomials_up_to_the_fifth_degree_are_exact_after_three_steps(f, x, slope, levels):
    phi, steps = along(f, x)
    found = extrapolate(phi, 2.0**-6)
    assert found.value == pytest.approx(slope, rel=1e-13)
    assert found.error < 1e-10
    assert abs(found.value - slope) <= found.error
    assert steps[:6] == [2.0**-6, -(2.0**-6), 2.0**-7, -(2.0**-7), 2.0**-8, -(2.0**-8)]
    assert len(steps) >= 2 * levels


def test_the_table_is_richardsons():
    """The third entry of the third row: (64 s(h/4) − 20 s(h/2) + s(h))/45."""
    f = lambda x: np.array([x**7])
    h = 2.0**-3
    s = [float((f(1 + h / 2**k) - f(1 - h / 2**k))[0] / (2 * h / 2**k)) for k in range(3)]
    third = (64 * s[2] - 20 * s[1] + s[0]) / 45
    seen = []

    def stopping(t):
        seen.append(t)
        return (t, f(1 + t)) if len(seen) <= 6 else (t, np.array([np.nan]))

    found = extrapolate(stopping, h)
    assert found.value[0] == pytest.approx(third, rel=1e-14)
    second = (4 * s[1] - s[0]) / 3, (4 * s[2] - s[1]) / 3
    assert found.error == pytest.approx(max(abs(third - second[1]), abs(third - second[0])), rel=1e-6)


def test_the_error_bar_knows_rounding():
    """A large constant beside a small slope: its last digits are the bar, and shrinking the step makes it wider."""
    for size in (1.0, 1e6, 1e12):
        phi, _ = along(lambda t, size=size: size + t)
        found = extrapolate(phi, 2.0**-6)
        assert abs(found.value - 1) <= found.error
        assert 4 * EPS * 2 * size / (2 * 2.0**-6) * 0.9 <= found.error <= 4 * EPS * 2 * size * 2.0**12
    phi, _ = along(lambda t: np.float32(1.0 + t))
    coarse = extrapolate(phi, 2.0**-6)
    assert 4 * np.finfo(np.float32).eps * 2 / (2 * 2.0**-6) * 0.9 <= coarse.error < 1e-2


def test_each_side_counts_towards_rounding():
    """A function that is large on one side of the step alone has large rounding."""
    for up, down in ((1e8, 0.0), (0.0, 1e8)):
        found = extrapolate(lambda t, up=up, down=down: (t, up if t > 0 else down), 2.0**-6)
        assert found.error >= 4 * EPS * 1e8 / (2 * 2.0**-6)
    still = extrapolate(lambda t: (t, 0.0), 2.0**-6)
    assert (still.value, still.error) == (0.0, 0.0)


def test_arrays_have_one_bar_for_all():
    phi, _ = along(lambda t: np.array([t, 1e6 + 2 * t, 0.0]))
    found = extrapolate(phi, 2.0**-6)
    np.testing.assert_allclose(found.value, [1, 2, 0], atol=found.error)
    alone, _ = along(lambda t: 1e6 + 2 * t)
    assert found.error == pytest.approx(math.sqrt(3) * extrapolate(alone, 2.0**-6).error, rel=0.5)
    assert extrapolate(lambda t: (t, np.zeros(0)), 1.0).value.shape == (0,)


def test_steps_outside_the_domain_are_passed_over():
    phi, steps = along(lambda t: math.nan if abs(t) > 2.0**-9 else t**2 + t)
    found = extrapolate(phi, 2.0**-6)
    assert found.value == pytest.approx(1.0, abs=1e-12)
    never = extrapolate(lambda t: (t, math.inf), 1.0)
    assert math.isnan(never.value)
    assert never.error == math.inf
    one_sided, _ = along(lambda t: math.nan if t < 0 else t)
    assert extrapolate(one_sided, 1.0).error == math.inf
    assert len(steps) <= 2 * (LEVELS + 6)


def test_the_number_of_steps_is_bounded():
    rng = np.random.default_rng(0)
    phi, steps = along(lambda t: float(rng.standard_normal()))
    extrapolate(phi, 1.0)
    assert 6 <= len(steps) <= 2 * (LEVELS + 6)
    phi, steps = along(lambda t: math.nan)
    extrapolate(phi, 1.0)
    assert len(steps) == 2 * (LEVELS + 6)
    assert min(abs(t) for t in steps) == 2.0 ** -(LEVELS + 5)


def test_the_step_really_made_counts():
    """x + h is rounded: the slope is over the distance that was reached."""
    found = extrapolate(lambda t: (3 * t, 3 * t), 2.0**-6)
    assert found.value == pytest.approx(1.0)


def test_smaller_steps_where_a_kink_lies_within_the_first():
    """|x − 1/512| at 0 has the slope −1: seen from 2**-14 on, not with a first step of 2**-6."""
    f = lambda t: abs(t - 2.0**-9)
    phi, steps = along(f)
    found = cautious(phi, 2.0**-6)
    assert found.value == pytest.approx(-1.0, abs=1e-9)
    assert any(abs(t) == 2.0**-14 for t in steps)
    phi, steps = along(lambda t: abs(t - 2.0**-17))
    assert cautious(phi, 2.0**-6).value == pytest.approx(-1.0, abs=1e-6)
    assert any(abs(t) == 2.0**-22 for t in steps)
    phi, steps = along(lambda t: 5 * t)
    cautious(phi, 2.0**-6)
    assert min(abs(t) for t in steps) > 2.0**-14  # nothing to be careful about


@pytest.mark.parametrize("digits", [1e9, 1e10, 1e11, 1e12, 1e13])
def test_a_function_that_cancels_inside_is_flat_over_small_steps_and_its_bar_says_so(digits):
    """It said 0 ± 1e-9 at 1e12: two sizes of small steps were flat, and confirmed each other."""
    value, bar = numerical_gradient(lambda x: (x + digits) - digits, 1.0, method="richardson", error=True)
    assert abs(value - 1) <= bar
    phi, _ = along(lambda t: t if abs(t) >= 2.0**-13 else 0.0)
    found = cautious(phi, 2.0**-6)
    assert abs(found.value - 1) <= found.error + 1e-12


def test_central_differences():
    found = _central(lambda t: (t, (1 + t) ** 3), 0.5)
    assert found.value == (1.5**3 - 0.5**3) / 1.0
    doubled = (2.0**3 - 0.0) / 2.0
    assert found.error == pytest.approx(abs(doubled - found.value) + EPS * 8.0 / 0.5)
    flat = _central(lambda t: (t, 1e9), 1e-5)
    assert flat.value == 0
    assert flat.error == pytest.approx(EPS * 1e9 / 1e-5)
    assert _central(lambda t: (2 * t, 2 * t), 0.5).value == 1.0


def test_complex_steps():
    seen = []

    def phi(t):
        seen.append(t)
        return t, (2.0 + t) ** 3

    found = _complex_step(phi, None)
    assert seen == [1e-30j]
    assert found.value == 12.0
    assert found.error == 8 * EPS * 12.0
    assert _complex_step(phi, 1e-10).value == pytest.approx(12.0)
    assert seen[-1] == 1e-10j
    negative = _complex_step(lambda t: (t, -t), None)
    assert (negative.value, negative.error) == (-1.0, 8 * EPS)
    with pytest.raises(BadInputError, match="complex step"):
        _complex_step(lambda t: (t, 1.0), None)


@pytest.mark.parametrize(
    ("x", "scale"),
    [([3.0, 4.0], math.sqrt(12.5)), ([0.0, 0.0], 1.0), ([], 1.0), ([math.inf], 1.0), ([math.nan], 1.0), ([-2.0], 2.0),
     ([3j, 4.0], math.sqrt(12.5))],
)  # fmt: skip
def test_the_size_of_a_typical_entry(x, scale):
    assert _scale(np.array(x)) == pytest.approx(scale)


def test_sizes_and_resolutions():
    assert _size(np.array([[3.0], [4.0]])) == 5.0
    assert _resolution(np.float32(1)) == np.finfo(np.float32).eps
    assert _resolution(np.complex64(1)) == np.finfo(np.float32).eps
    assert _resolution(1.0) == EPS
    assert _resolution(3) == EPS


# ── steps from dtype and scale ───────────────────────────────────────────────────────────────────────────────────


def positions(f, *args, **options):
    """Where a function was called."""
    seen = []

    def watched(*given):
        seen.append(tuple(np.array(x) for x in given))
        return f(*given)

    numerical_gradient(watched, *args, **options)
    return seen


@pytest.mark.parametrize(("x", "size"), [(1.0, 1.0), (100.0, 100.0), (-4.0, 4.0), (0.0, 1.0)])
def test_the_first_step_follows_the_size_of_the_entry(x, size):
    seen = positions(lambda x: x * x, x, method="richardson")
    assert float(seen[0][0]) - x == pytest.approx(FIRST_STEP * size)
    assert float(seen[1][0]) - x == pytest.approx(-FIRST_STEP * size)
    seen = positions(lambda x: x * x, x, method="central")
    assert float(seen[0][0]) - x == pytest.approx(EPS ** (1 / 3) * size)
    for method in ("richardson", "central"):
        assert float(positions(lambda x: x * x, x, method=method, step=0.25)[0][0]) == x + 0.25


def test_a_small_entry_moves_like_the_typical_one():
    seen = positions(lambda x: np.sum(x), np.array([1e-9, 1.0]), method="richardson")
    assert seen[0][0][0] == pytest.approx(FIRST_STEP * math.sqrt(0.5), rel=1e-6)
    assert seen[0][0][1] == 1.0
    moved = {tuple(x) for (x,) in seen}
    assert all(x[0] == 1e-9 or x[1] == 1.0 for x in moved)


def test_directions_have_their_own_scale():
    seen = []

    def f(x):
        seen.append(np.array(x))
        return np.sum(x)

    directional_derivative(f, (np.array([3.0, 4.0]),), (np.array([0.0, 10.0]),))
    moved = next(x for x in seen if x[1] != 4.0)
    assert moved[1] - 4.0 == pytest.approx(FIRST_STEP * math.sqrt(12.5))
    seen.clear()
    directional_derivative(f, (np.array([3.0, 4.0]),), (np.array([0.0, 10.0]),), step=0.5)
    assert seen[0][1] == 9.0
    nothing = directional_derivative(f, (np.array([3.0, 4.0]),), (np.zeros(2),))
    assert (nothing.value, nothing.error) == (0.0, 0.0)
    both = directional_derivative(lambda a, b: a * b, (2.0, 3.0), (1.0, -1.0))
    assert both.value == pytest.approx(3.0 - 2.0)


def test_the_complex_step_is_taken_only_where_it_is_right():
    def analytic(f, *args):
        return Point(f, args, tuple(range(len(args)))).is_analytic()

    assert analytic(lambda x: np.sum(x**3), np.ones(3))
    assert not analytic(lambda x: np.sum(np.abs(x)), np.ones(3))
    assert not analytic(lambda x: np.sum((x * np.conj(x)).real), np.ones(3))
    assert not analytic(lambda x: np.sum(x * np.conj(x)), np.ones(3))
    assert not analytic(lambda z: np.sum(np.abs(z)), np.ones(3, complex))
    assert not analytic(lambda x: np.sum(x), np.ones(0))
    assert analytic(lambda x, y: np.sum(x) + np.sum(y**2), np.ones(0), np.ones(2))
    assert not analytic(lambda x: np.sum(x.astype(float)), np.ones(2))  # it warns: that is no answer
    assert not analytic(lambda x: float(x), 1.0)


def test_the_methods_agree_and_say_how_well():
    x = np.array([0.5, -1.0])
    for method in ("auto", "richardson", "complex", "central"):
        value, bar = numerical_gradient(lambda x: np.sum(x**4), x, method=method, error=True)
        np.testing.assert_allclose(value, 4 * x**3, atol=1e-8)
        assert np.all(bar >= 0)
        assert bar.shape == (2,)
    _, bar = numerical_gradient(lambda x: np.sum(x**4), x, method="complex", error=True)
    np.testing.assert_allclose(bar, 8 * EPS * np.abs(4 * x**3))
    _, bars = numerical_gradient(lambda z: np.abs(z) ** 2, np.complex128(1 + 1j), method="richardson", error=True)
    assert bars > 0


def test_arguments_by_place():
    f = lambda a, b, c: a + 2 * b + 3 * c
    assert numerical_gradient(f, 1.0, 1.0, 1.0, argnums=-1) == pytest.approx(3)
    assert numerical_gradient(f, 1.0, 1.0, 1.0, argnums=-3) == pytest.approx(1)
    assert numerical_gradient(f, 1.0, 1.0, 1.0, argnums=[0, 2]) == (pytest.approx(1), pytest.approx(3))
    for bad in (3, -4):
        with pytest.raises(BadInputError, match=f"argnums={bad}, but there are 3 arguments"):
            numerical_gradient(f, 1.0, 1.0, 1.0, argnums=bad)
    for bad in (True, 1.5, "a", (0, 1.5)):
        with pytest.raises(BadInputError, match="argnums="):
            numerical_gradient(f, 1.0, 1.0, 1.0, argnums=bad)
    for bad in (0, -1.0, "a"):
        with pytest.raises(BadInputError, match="step="):
            numerical_gradient(f, 1.0, 1.0, 1.0, step=bad)
    assert numerical_gradient(f, 1, 1, 1, step=1) == pytest.approx(1)


@pytest.mark.parametrize(("error", "tolerance", "directions", "power"), [
    (1.0, 1.0, 1, 1 - math.erf(1 / math.sqrt(2))), (1.0, 1.0, 2, 1 - math.erf(1 / math.sqrt(2)) ** 2),
    (2.0, 1.0, 1, 1 - math.erf(0.5 / math.sqrt(2))), (0.0, 1.0, 1, 0.0), (-1.0, 1.0, 1, 0.0), (1e-12, 0.0, 1, 1.0),
])  # fmt: skip
def test_detection_power(error, tolerance, directions, power):
    assert detection_power(error, tolerance, directions) == pytest.approx(power)


@pytest.mark.parametrize(
    ("a", "b", "difference"),
    [
        ([3.0, 4.0], [0.0, 0.0], 1.0),
        ([3.0, 4.0], [3.0, 4.0], 0.0),
        ([1.0], [3.0], 0.5),
        ([1, 2], [1, 2], 0.0),
        ([np.uint8(1)], [np.uint8(2)], 1 / 3),
        ([3j], [-3j], 1.0),
        ([[1.0, 0.0]], [[0.0, 1.0]], math.sqrt(2) / 2),
        (2.0, 1.0, 1 / 3),
    ],
)
def test_the_notes_measure(a, b, difference):
    assert gradient_difference(np.array(a), np.array(b)) == pytest.approx(difference)


def test_an_estimate_is_data():
    assert Estimate(1.0, 0.5) == Estimate(1.0, 0.5)
    with pytest.raises(AttributeError):
        Estimate(1.0, 0.5).value = 2.0
