"""The judge at its edges: a difference just inside a tolerance is accepted, one just outside is not.

Most cases here are made of numbers alone: a subject whose gradients are given, so that each rule of the judge can be
met exactly.
"""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_notes.testing.draws import Draw
from tinygrad_notes.testing.judge import (
    EPS_RATIO,
    Judge,
    _between,
    _many_sided,
    inner,
    norm,
    perturbed,
    precision,
    size_of,
)
from tinygrad_notes.testing.numerical import Estimate, Point
from tinygrad_notes.testing.subject import Subject

INSIDE, OUTSIDE = 0.99, 1.01
EPS = float(np.finfo(np.float64).eps)


class Given:
    """A subject whose gradients are what a test says, at the draw itself and near it."""

    def __init__(self, here, near=None, single=None, slope=None, error=0.0, again=None):
        self.here, self.near, self.single = here, here if near is None else near, single
        self.numerical, self.error, self.by_hand = slope, error, again
        self.draw = None
        self.calls = 0

    def autodiff(self, draw, names, single=False):
        if single:
            return {name: (self.here if self.single is None else self.single)[name] for name in names}
        if draw is self.draw:
            return {name: self.here[name] for name in names}
        self.calls += 1
        near = self.near(self.calls, draw) if callable(self.near) else self.near
        return {name: near[name] for name in names}

    def slope(self, draw, directions):
        [(name, direction)] = directions.items()
        value = inner((self.numerical or self.here)[name], direction)
        return Estimate(value, self.error(value) if callable(self.error) else self.error)

    def hand(self, draw):
        return self.by_hand(draw) if callable(self.by_hand) else self.by_hand


def judged(true, hand, x=None, seed=0, rtol=None, atol=None, **given):
    """A judge, a draw with one input x, and its gradients."""
    true, hand = np.asarray(true)[()], np.asarray(hand)[()]
    x = np.ones(np.shape(true)) if x is None else x
    draw = Draw({}, {"x": x}, {"x": hand}, {"x": true})
    for key in ("near", "single", "slope"):
        if key in given and not callable(given[key]):
            given[key] = {"x": np.asarray(given[key])[()]}
    subject = Given({"x": true}, **given)
    subject.draw = draw
    return Judge(subject, rtol, atol, seed), draw


# ── equal up to the tolerance ────────────────────────────────────────────────────────────────────────────────────

TRUE = np.array([3.0, 4.0])


@pytest.mark.parametrize(
    ("dtype", "rtol", "atol", "allowed"),
    [
        ("float64", None, None, 5e-9),
        ("complex128", None, None, 5e-9),
        ("float32", None, None, 1e-4),
        ("complex64", None, None, 1e-4),
        ("float16", None, None, 2.5e-2),
        ("int64", None, None, 5e-9),
        ("float64", 1e-3, None, 5e-3),
        ("float32", 1e-3, None, 5e-3),
        ("float64", None, 1e-2, 1e-2 * np.sqrt(2) + 5e-9),
        ("float64", 1e-3, 1e-2, 1e-2 * np.sqrt(2) + 5e-3),
    ],
)
def test_the_norm_of_the_difference_decides(dtype, rtol, atol, allowed):
    judge = Judge(None, rtol, atol)
    direction = np.array([0.6, 0.8])
    assert judge.agree(TRUE + INSIDE * allowed * direction, TRUE, np.dtype(dtype))
    assert judge.largest == pytest.approx(INSIDE * allowed / 5)
    assert not judge.agree(TRUE + OUTSIDE * allowed * direction, TRUE, np.dtype(dtype))
    assert judge.largest == pytest.approx(INSIDE * allowed / 5)  # of those that are right


@pytest.mark.parametrize(("bars", "allowed"), [([0.0, 0.0], 5e-7), ([3e-4, 4e-4], 5e-3 + 5e-7), ([1e-9, 0], 5.1e-7)])
def test_where_differences_judge_their_error_bars_are_allowed(bars, allowed):
    judge = Judge(None)
    for share, right in ((INSIDE, True), (OUTSIDE, False)):
        hand = TRUE + share * allowed * np.array([0.6, 0.8])
        assert judge.agree(hand, TRUE, np.dtype(np.float64), np.array(bars)) is right
    assert not judge.agree(TRUE + np.array([1e-8, 0]), TRUE, np.dtype(np.float64))


def test_a_gradient_of_zero_is_zero():
    judge = Judge(None)
    assert judge.agree(np.zeros(3), np.zeros(3), np.dtype(np.float64))
    assert not judge.agree(np.full(3, 1e-100), np.zeros(3), np.dtype(np.float64))
    assert judge.largest == 0.0
    assert Judge(None, atol=1e-8).agree(np.full(3, INSIDE * 1e-8), np.zeros(3), np.dtype(np.float64))
    assert not Judge(None, atol=1e-8).agree(np.full(3, OUTSIDE * 1e-8), np.zeros(3), np.dtype(np.float64))


@pytest.mark.parametrize(("dtype", "entry"), [("float32", 5e-4), ("complex64", 5e-4)])
def test_in_low_precision_each_entry_is_looked_at_too(dtype, entry):
    """One small entry may be quite wrong without moving the norm: not by more than 2 % of the allowed typical one."""
    true = np.array([1000.0] * 15 + [1.0])
    typical = np.linalg.norm(true) / 4
    allowed = entry * 1.0 + 2e-2 * entry * typical
    assert allowed < 2e-5 * np.linalg.norm(true)  # the norm alone would accept it
    for share, right in ((INSIDE, True), (OUTSIDE, False)):
        hand = true.copy()
        hand[-1] += share * allowed
        assert Judge(None).agree(hand, true, np.dtype(dtype)) is right
        assert Judge(None, rtol=2e-5).agree(hand, true, np.dtype(dtype))  # who chooses a tolerance gets that
    hand = true.copy()
    hand[-1] += 1.01 * allowed
    assert not Judge(None, atol=1e-5 * allowed).agree(hand, true, np.dtype(dtype))
    assert Judge(None, atol=0.02 * allowed).agree(hand, true, np.dtype(dtype))


def test_an_entry_of_float16_may_be_off_by_a_twentieth():
    true = np.array([100.0] * 15 + [10.0])
    allowed = 5e-2 * 10 + 2e-2 * 5e-2 * np.linalg.norm(true) / 4
    for share, right in ((INSIDE, True), (OUTSIDE, False)):
        hand = true.copy()
        hand[-1] += share * allowed
        assert Judge(None).agree(hand, true, np.dtype(np.float16)) is right


# ── what is seen before values are compared ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("true", "hand", "verdict", "why"),
    [
        (TRUE, TRUE, "right", ""),
        (TRUE, TRUE[:, None], "wrong", "shape"),
        (TRUE, np.array(["a", "b"]), "wrong", "dtype"),
        (TRUE, np.array([3, 4]), "right", ""),
        (TRUE, np.array([True, False]), "wrong", ""),
        (np.array([np.nan, 1.0]), TRUE, "cannot tell", "domain"),
        (np.array([np.inf, 1.0]), np.array([np.nan, 1.0]), "cannot tell", "domain"),
        (TRUE, np.array([np.nan, 4.0]), "wrong", "nan"),
        (TRUE, np.array([3.0, -np.inf]), "wrong", "nan"),
        (TRUE, TRUE + 1j * INSIDE * 1e-9 * TRUE, "right", ""),
        (TRUE, TRUE + 1j * OUTSIDE * 1e-9 * TRUE, "wrong", "dtype"),
        (TRUE * (1 + 1j), TRUE * (1 + 1j), "right", ""),
        (TRUE, 2 * TRUE, "wrong", ""),
    ],
)
def test_a_first_look(true, hand, verdict, why):
    judge, draw = judged(true, hand)
    found = judge.compare(draw, "x", thorough=False)
    assert (found.verdict, found.why) == (verdict, why)


# ── innocent reasons ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("share", "verdict"), [(INSIDE, "right"), (OUTSIDE, "wrong")])
def test_a_small_gradient_beside_a_large_one_has_the_large_ones_rounding(share, verdict):
    """The size that matters is |g|·|x|, largest over the inputs."""
    x, y = np.array([10.0]), np.array([0.5])
    true = {"x": np.array([1e6]), "y": np.array([1e-3])}
    allowed = 32 * EPS * 1e6 * 10 / 0.5
    hand = {"x": true["x"], "y": true["y"] + share * allowed}
    draw = Draw({}, {"x": x, "y": y}, hand, true)
    subject = Given(true)
    subject.draw = draw
    assert Judge(subject).compare(draw, "y").verdict == verdict


def smooth(apart, **given):
    """A draw where yours differs by `apart` (of a gradient of norm 5) and nothing moves."""
    return judged(TRUE, TRUE + apart * np.array([0.6, 0.8]), **given)


def test_a_plain_mistake_has_no_excuse():
    judge, draw = smooth(1e-3)
    found = judge.compare(draw, "x")
    assert (found.verdict, found.why, found.text) == ("wrong", "", "")


@pytest.mark.parametrize(
    ("noise", "apart", "verdict", "why"),
    [
        (1e-6, INSIDE * 50e-6, "right", ""),
        (1e-6, OUTSIDE * 50e-6, "wrong", ""),
        (INSIDE * 1e-4, 1e-4, "right", ""),
        (OUTSIDE * 1e-4, 1e-4, "cannot tell", "noise"),
    ],
)
def test_the_gradients_own_noise_is_allowed_fifty_times(noise, apart, verdict, why):
    """It moves by `noise` when the inputs move in their last digit; above a thousandth of its size nothing is known."""

    def near(count, draw):
        tiny = np.max(np.abs(draw.inputs["x"] - 1.0)) < 1e-12
        return {"x": TRUE + noise * np.array([0.8, -0.6]) * (1.0 if tiny else 1e-9)}

    judge, draw = smooth(apart, near=near)
    found = judge.compare(draw, "x")
    assert (found.verdict, found.why) == (verdict, why)
    if why:
        assert found.text == "the gradient of x is mostly rounding at these inputs"


@pytest.mark.parametrize(
    ("lost", "apart", "verdict", "why"),
    [
        (0.1 * 5 * INSIDE, INSIDE * 1e3 * 0.5 * INSIDE * EPS_RATIO, "right", ""),
        (0.1 * 5 * INSIDE, OUTSIDE * 1e3 * 0.5 * INSIDE * EPS_RATIO, "wrong", ""),
        (0.1 * 5 * OUTSIDE, 1e-3, "cannot tell", "noise"),
        (np.nan, 1e-3, "cannot tell", "noise"),
        (np.inf, INSIDE * 0.5, "cannot tell", "noise"),
        (np.inf, OUTSIDE * 0.5, "wrong", ""),
        (0.0, 1e-6, "wrong", ""),
    ],
)
def test_what_float32_loses_is_doubtful_in_float64(lost, apart, verdict, why):
    judge, draw = smooth(apart, single=TRUE + lost * np.array([0.6, 0.8]))
    found = judge.compare(draw, "x")
    assert (found.verdict, found.why) == (verdict, why)
    if why:
        assert found.text == "the gradient of x loses its digits at these inputs"


@pytest.mark.parametrize(
    ("slope", "error", "verdict", "why"),
    [
        (1.0, 0.0, "wrong", ""),  # differences side with autodiff
        (2.0, 0.0, "right", "disagree"),  # with yours
        (1.84, 0.0, "right", "disagree"),
        (1.83, 0.0, "wrong", ""),
        (2.0, 0.19, "right", "disagree"),
        (2.0, 0.21, "cannot tell", "noise"),
        (2.0, np.nan, "cannot tell", "noise"),
    ],
)
def test_differences_between_yours_and_autodiffs(slope, error, verdict, why):
    judge, draw = judged(1.0, 2.0, slope=slope, error=error)
    found = judge.compare(draw, "x")
    assert (found.verdict, found.why) == (verdict, why)
    if why == "disagree":
        assert found.text == "numerical differences side with your x, autodiff does not"
    if why == "noise":
        assert found.text == "x is ill-conditioned here: even differences can't decide"


# ── kinks ────────────────────────────────────────────────────────────────────────────────────────────────────────


def at_a_kink(hand, sides=(0.0, 1.0), true=0.5, **given):
    """The gradient is one side or the other wherever one looks beside the kink."""

    def near(count, draw):
        return {"x": np.float64(sides[int(draw.inputs["x"] > 0)])}

    return judged(true, hand, x=np.float64(0.0), near=near, **given)


@pytest.mark.parametrize(
    ("hand", "verdict"), [(0.0, "right"), (1.0, "right"), (0.3, "right"), (-0.9e-5, "right"), (1 + 0.9e-5, "right"),
                          (-1.1e-5, "wrong"), (1 + 1.1e-5, "wrong"), (2.0, "wrong"), (-1.0, "wrong")]
)  # fmt: skip
def test_any_value_between_the_slopes_of_a_kink(hand, verdict):
    judge, draw = at_a_kink(hand)
    found = judge._kink(draw, "x", abs(hand - 0.5))
    assert (found.verdict if found is not None else "wrong") == verdict
    if found is not None:
        assert found.why == "kink"
        assert found.text == "x has a kink at these inputs: any value between the slopes 0 and 1 is accepted"


def test_a_smooth_gradient_has_no_kink():
    """Six samples suffice where nothing jumps, or where the jump shrinks with the step."""
    judge, draw = judged(1.0, 2.0, x=np.float64(1.0), near=1.0 + 0.9e-2)
    assert judge._kink(draw, "x", 1.0) is None
    assert judge.subject.calls == 6

    def shrinking(count, draw):
        return {"x": np.float64(1.0 + 1e5 * abs(draw.inputs["x"] - 1.0))}

    judge, draw = judged(1.0, 2.0, x=np.float64(1.0), near=shrinking)
    assert judge._kink(draw, "x", 1.0) is None
    assert judge.subject.calls == 10


@pytest.mark.parametrize(("hand", "verdict"), [(1.0005, "right"), (1.0015, None), (0.9995, None)])
def test_a_tiny_jump_is_rounding_not_a_kink(hand, verdict):
    """A jump of a thousandth and less: what lies among the samples is right, and no kink is spoken of."""

    def near(count, draw):
        return {"x": np.float64(1.0 + 0.001 * (draw.inputs["x"] > 0))}

    judge, draw = judged(1.0, hand, x=np.float64(0.0), near=near)
    found = judge._kink(draw, "x", 0.05)
    assert (found.verdict if found is not None else None) == verdict
    if found is not None:
        assert found.why == ""


def test_several_kinks_at_once_accept_a_value_that_is_right_beside_them():
    """max of many at a tie: samples need not show the outermost slopes; yours must be right next to it."""
    seen = []

    def near(count, draw):
        seen.append(draw.inputs["x"])
        return {"x": np.float64(np.floor(5 * abs(np.sin(1e7 * draw.inputs["x"]))))}

    def hand(draw):
        return {"x": np.float64(np.floor(5 * abs(np.sin(1e7 * draw.inputs["x"]))))}

    judge, draw = judged(2.0, 7.0, x=np.float64(0.0), near=near, again=hand)
    assert judge._kink(draw, "x", 5.0).verdict == "right"
    judge, draw = judged(2.0, 21.0, x=np.float64(0.0), near=near, again=hand)  # out of reach: ten times the gradient
    assert judge._kink(draw, "x", 19.0) is None
    wrong = lambda draw: {"x": hand(draw)["x"] + 1}
    judge, draw = judged(2.0, 7.0, x=np.float64(0.0), near=near, again=wrong)
    assert judge._kink(draw, "x", 5.0) is None


@pytest.mark.parametrize(
    ("values", "many"), [([1, 2, 3, 4, 5], True), ([1, 2, 3, 4, 4], False), ([1, 1 + 1e-6, 2, 3, 4], False)]
)
def test_many_sided(values, many):
    stack = np.array([[v, 0.0] for v in values])
    assert _many_sided(stack, np.array([True, False])) is many
    assert _many_sided(stack, np.array([True, True])) is False


def test_the_widest_kink_is_told():
    assert _between("W", np.array([[0.0, -1.0]]), np.array([[1.0, 1.0]])) == (
        "W has a kink at these inputs: any value between the slopes -1 and 1 is accepted"
    )
    assert "slopes 0.3333 and 2" in _between("b", np.float64(1 / 3), np.float64(2))


# ── the referee against autodiff ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("numerical", "error", "single", "contradicted"),
    [
        (2.0, 0.0, None, False),
        (2.0 * (1 + INSIDE * 1e-6), 0.0, None, False),
        (2.0 * (1 + OUTSIDE * 1e-6), 0.0, None, True),
        (4.0, 0.0, None, True),
        (4.0, 0.09 * 0.5, None, True),
        (4.0, 0.11 * 0.5, None, False),
        (np.nan, 0.0, None, False),
        (4.0, 0.0, 2.0 * (1 + INSIDE * 0.1), True),
        (4.0, 0.0, 2.0 * (1 + OUTSIDE * 0.1), False),
        (4.0, 0.0, np.nan, False),
    ],
)
def test_differences_contradict_autodiff_only_where_they_can_be_trusted(numerical, error, single, contradicted):
    judge, draw = judged(
        2.0, 2.0, slope=numerical, error=lambda value: error * abs(value), single=2.0 if single is None else single
    )
    found = judge.referee(draw, ["x"])
    assert bool(found) is contradicted
    if contradicted:
        ours, theirs = found["x"]
        assert theirs / ours == pytest.approx(numerical / 2.0)


def test_a_contradiction_at_one_point_alone_is_a_kink():
    judge, draw = judged(2.0, 2.0, slope=4.0, near=4.0)
    assert judge.referee(draw, ["x"]) == {}


def test_the_referee_looks_along_complex_directions():
    judge, draw = judged(np.array([1 + 2j, 3j]), 0.0, slope=np.array([1 - 2j, 3j]))
    assert set(judge.referee(draw, ["x"])) == {"x"}


def test_large_arrays_are_not_differenced_entry_by_entry():
    calls = []

    def f(x):
        calls.append(1)
        return float(np.sum(x**2))

    for size, known in ((300, True), (301, False)):
        subject = Subject(f, f)
        judge = Judge(subject)
        judge.numeric["x"] = "why"
        draw = Draw({}, {"x": np.ones(size)})
        judge.settle(draw, ["x"])
        assert ("x" in draw.true) is known
    draw = Draw({}, {"x": np.ones(5)}, {}, {"x": "known"})
    judge.settle(draw, ["x"])
    assert draw.true["x"] == "known"


@pytest.mark.parametrize(
    ("apart", "error", "verdict", "why"),
    [
        (0.0, 0.0, "right", "directions"),
        (1e-2, 0.0, "wrong", "directions"),
        (1e-2, 1.0, "right", "directions"),
        (1e-5, 0.0, "wrong", "directions"),
        (1e-9, 0.0, "right", "directions"),
    ],
)
def test_slopes_stand_for_large_arrays(apart, error, verdict, why):
    true = np.linspace(1, 2, 400)
    judge, draw = judged(true, true * (1 + apart), slope=true, error=error)
    del draw.true["x"]
    found = judge.compare(draw, "x")
    assert (found.verdict, found.why) == (verdict, why)
    if verdict == "wrong":
        assert found.text.startswith("slope of dx along a random direction: yours ")
    else:
        assert found.text.startswith("the 400 numbers of x were compared along 8 random directions")
    draw.hand["x"] = true[:-1]
    assert judge.compare(draw, "x").why == "shape"


def test_slopes_that_are_too_noisy_decide_nothing():
    true = np.ones(400)
    judge, draw = judged(true, true * 1.5, slope=true, error=lambda value: 0.049 * abs(value))
    del draw.true["x"]
    assert judge.compare(draw, "x").verdict == "wrong"
    judge, draw = judged(true, true * 1.5, slope=true, error=lambda value: 0.0501 * abs(value))
    del draw.true["x"]
    found = judge.compare(draw, "x")
    assert found.verdict == "right"  # ten error bars: nothing was seen


# ── differences alone ────────────────────────────────────────────────────────────────────────────────────────────


def plain(x):
    return float(np.sum([abs(float(v)) * (1 + k) for k, v in enumerate(x)]))


@pytest.mark.parametrize(
    ("hand", "verdict", "why"),
    [
        ([1.0, 0.0], "cannot tell", "noise"),  # the central slope itself: nothing to excuse
        ([1.0, 0.5], "right", "kink"),
        ([1.0, 2.0], "right", "kink"),
        ([1.0, -2.0], "right", "kink"),
        ([1.0, 2.1], "wrong", ""),
        ([1.0, -2.1], "wrong", ""),
        ([1.1, 2.0], "wrong", ""),
        ([-1.0, 0.0], "wrong", ""),
    ],
)
def test_one_sided_slopes_at_a_kink(hand, verdict, why):
    judge = Judge(Subject(plain, plain))
    judge.numeric["x"] = "untraceable"
    draw = Draw({}, {"x": np.array([1.0, 0.0])}, {"x": np.array(hand)})
    judge.settle(draw, ["x"])
    found = judge._excuse_from_differences(draw, "x", norm(draw.hand["x"] - draw.true["x"]))
    assert (found.verdict, found.why) == (verdict, why)
    left, right = judge._one_sided(draw, "x", (1,))
    assert (left, right) == (pytest.approx(-2.0), pytest.approx(2.0))
    left, right = judge._one_sided(draw, "x", (0,))
    assert (left, right) == (pytest.approx(1.0), pytest.approx(1.0))


def test_one_sided_slopes_are_extrapolated():
    judge = Judge(Subject(lambda x: float(np.exp(1e3 * float(x))), plain))
    draw = Draw({}, {"x": np.float64(1e-3)})
    for slope in judge._one_sided(draw, "x", ()):
        assert slope == pytest.approx(1e3 * np.e, rel=1e-8)


@pytest.mark.parametrize(
    ("bars", "apart", "verdict", "why"),
    [
        ([1e-3, 0.0], 1.0, "wrong", ""),
        ([0.09, 0.0], 1.0, "wrong", ""),
        ([0.0, 0.0], 0.0, "wrong", ""),
    ],
)
def test_noise_of_the_differences(bars, apart, verdict, why):
    judge = Judge(Subject(lambda x: float(x[0]) + float(x[1]), plain))
    judge.numeric["x"] = "untraceable"
    draw = Draw({}, {"x": np.ones(2)}, {"x": np.array([1.0 + apart, 1.0])}, {"x": np.ones(2)})
    judge.errors[id(draw)] = {"x": np.array(bars)}
    found = judge._excuse_from_differences(draw, "x", apart if apart else 1.0)
    assert (found.verdict, found.why) == (verdict, why)


def test_too_noisy_for_differences():
    judge = Judge(Subject(lambda x: float(x[0]) + float(x[1]), plain))
    judge.numeric["x"] = "untraceable"
    hand, true = np.array([2.0, 1.0]), np.ones(2)
    draw = Draw({}, {"x": np.ones(2)}, {"x": hand}, {"x": true})
    judge.errors[id(draw)] = {"x": np.array([0.0999, 0.0])}
    assert judge._excuse_from_differences(draw, "x", 1.0).verdict == "wrong"
    judge.errors[id(draw)] = {"x": np.array([0.11, 0.0])}  # ten of them are more than the difference
    assert judge._excuse_from_differences(draw, "x", 10.0).verdict == "cannot tell"
    assert judge._excuse_from_differences(draw, "x", 11.1).verdict == "wrong"


# ── float32 ──────────────────────────────────────────────────────────────────────────────────────────────────────


def rounded(share):
    """A derivation that is right in float64 and off by a share in float32."""

    def by_hand(x):
        return {"x": 2 * x * (1 if x.dtype == np.float64 else np.float32(1 + share))}

    subject = Subject(lambda x: np.sum(x**2), by_hand)
    judge = Judge(subject)
    draw = Draw({}, {"x": np.ones(4, np.float32)})
    draw.hand, draw.true = subject.hand(draw), subject.autodiff(draw, ["x"])
    return judge.compare(draw, "x")


def test_float32_is_allowed_a_hundredth_if_float64_is_right():
    assert rounded(1e-6).text == ""
    found = rounded(0.99e-2)
    assert (found.verdict, found.why, found.text) == ("right", "rounding", "x is off by 0.01 of its size in float32")
    found = rounded(1.01e-2)
    assert (found.verdict, found.why) == ("wrong", "dtype")
    assert found.text == "float32 loses the digits: right in float64"


def test_wrong_in_float32_and_in_float64():
    subject = Subject(lambda x: np.sum(x**2), lambda x: {"x": 2.001 * x})
    draw = Draw({}, {"x": np.ones(4, np.float32)})
    draw.hand, draw.true = subject.hand(draw), subject.autodiff(draw, ["x"])
    found = Judge(subject).compare(draw, "x")
    assert (found.verdict, found.why) == ("wrong", "")


# ── measures ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("hand", "leaves", "dtype"),
    [
        (np.ones(2), {"x": np.ones(2)}, "float64"),
        (np.ones(2), {"x": np.ones(2, np.float32)}, "float32"),
        (np.ones(2, np.float32), {"x": np.ones(2)}, "float32"),
        (np.ones(2), {"x": np.ones(2, np.float32), "y": np.ones(2, np.float16)}, "float16"),
        (np.ones(2), {"x": np.ones(2, int)}, "float64"),
        (np.ones(2, int), {"x": np.ones(2, int)}, "float64"),
        (np.ones(2, complex), {"x": np.ones(2, np.complex64)}, "complex64"),
    ],
)
def test_the_coarsest_dtype_counts(hand, leaves, dtype):
    assert precision(Draw({}, leaves, {"x": hand}), "x") == np.dtype(dtype)


def test_sizes():
    assert norm(np.array([[3.0, 4.0]])) == 5.0
    assert inner(np.array([1j, 2.0]), np.array([1j, 3.0])) == 7.0
    assert size_of(np.array([3.0, 4.0])) == pytest.approx(np.sqrt(12.5))
    assert size_of(np.zeros(3)) == 1.0
    assert size_of(np.zeros((0, 2))) == 1.0
    assert size_of(-2.0) == 2.0


def test_moved_inputs():
    """About `share` of an entry's size, at least of the typical one; the last digit stays a last digit."""
    x = np.array([100.0, 0.0, -1.0] * 200)
    draw = Draw({}, {"x": x, "ids": np.array([1, 2]), "z": np.array([1j] * 300), "s": np.float64(2.0)})
    moved = perturbed(draw, np.random.default_rng(0), 1e-6)
    assert moved.inputs["ids"] is draw.inputs["ids"]
    step = moved.inputs["x"] - x
    rms = size_of(x)
    for k, scale in ((0, 100.0), (1, rms), (2, rms)):
        assert np.std(step[k::3]) == pytest.approx(1e-6 * scale, rel=0.2)
    assert np.std((moved.inputs["z"] - 1j).real) == pytest.approx(1e-6, rel=0.2)
    assert np.std((moved.inputs["z"] - 1j).imag) == pytest.approx(1e-6, rel=0.2)
    assert type(moved.inputs["s"]) is np.float64
    tiny = perturbed(draw, np.random.default_rng(0), 1e-12).inputs["x"] - x
    assert np.std(tiny[0::3]) == pytest.approx(1e-10, rel=0.2)
    assert np.all(tiny[1::3] == 0)
    assert np.std(tiny[2::3]) == pytest.approx(1e-12, rel=0.2)
    wide = perturbed(Draw({}, {"x": np.ones(3, np.float32)}), np.random.default_rng(0), 1e-6)
    assert wide.inputs["x"].dtype == np.float64


def test_a_point_is_moved_in_its_own_leaf():
    point = Point(lambda a, b: a + 2 * b, (1.0, np.array([3.0])), (1,))
    assert point.value([np.array([5.0])]) == 11.0
