"""The tester where it rarely comes: noise, tiny and many kinks, results that lack something, parts of a diagnosis."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor
from tinygrad_notes.errors import BadInputError
from tinygrad_notes.testing import check_gradient
from tinygrad_notes.testing.artefacts import _picture
from tinygrad_notes.testing.diagnosis import Diagnosis, diagnose, is_a_slip
from tinygrad_notes.testing.draws import Draw
from tinygrad_notes.testing.first_wrong import FirstWrong, judge_variables, proportional
from tinygrad_notes.testing.numerical import Point
from tinygrad_notes.testing.plain_slips import plain_slip
from tinygrad_notes.testing.report import Slip
from tinygrad_notes.testing.scalars import Symbols
from tinygrad_notes.testing.source import source_of
from tinygrad_notes.testing.subject import Subject
from tinygrad_notes.testing.tape import Tape, expression
from tinygrad_notes.testing.watch import Watch, _is_users

# ── verdicts ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_gradient_that_is_infinite_cannot_be_judged():
    with np.errstate(all="ignore"):
        report = check_gradient(lambda x: np.sum(np.sqrt(x)), lambda x: np.ones(2), np.zeros(2))
    assert report.verdict == "cannot tell"
    assert report.reason.startswith("domain")


def test_a_cost_that_is_not_finite_at_the_given_arrays_is_said_to_be_so():
    with np.errstate(all="ignore"):
        report = check_gradient(lambda x: np.sum(np.log(x)), lambda x: 1 / x, np.array([-1.0, 2.0]))
    assert report.verdict == "cannot tell"
    assert "is nan at these inputs; choose others" in report.reason


def test_a_gradient_that_rounding_moves_more_than_the_tolerance():
    report = check_gradient(
        lambda x: np.sum(np.sin(1e8 * x)),
        lambda x: 1e8 * np.cos(x * 1e4 * 1e4 * (1 + 3e-16)),
        np.array([0.3, 0.7, 1.1]),
        diagnose=False,
    )
    assert report.verdict == "right"


@pytest.mark.parametrize(("slope", "verdict"), [(1 + 5e-5, "right"), (1 + 5e-4, "wrong")])
def test_a_tiny_kink(slope, verdict):
    report = check_gradient(
        lambda x: np.sum(x + 1e-4 * np.abs(x)), lambda x: np.full(3, slope), np.zeros(3), diagnose=False
    )
    assert report.verdict == verdict


@pytest.mark.parametrize(
    ("by_hand", "verdict"),
    [(lambda A, x: A.T @ (A @ x >= 0), "right"), (lambda A, x: 1.5 * A.T @ np.ones(len(A)), "wrong")],
)
def test_many_kinks_in_one_point(by_hand, verdict):
    """All twenty lie in x = 0; samples around it rarely show the outermost slopes."""
    A = np.abs(np.random.default_rng(3).normal(size=(20, 8)))

    def cost(x):
        return np.sum(np.maximum(A @ x, 0))

    report = check_gradient(cost, lambda x: by_hand(A, x), np.zeros(8), diagnose=False)
    assert report.verdict == verdict


BIG = np.linspace(0.0, 5.0, 1000)


def test_a_large_gradient_of_a_function_that_cannot_be_traced_has_its_inputs_shape():
    def cost(x):
        return sum(math.sin(v) for v in x.tolist())

    report = check_gradient(cost, lambda x: np.cos(x)[:, None], BIG, diagnose=False)
    assert report.verdict == "wrong"
    assert "(1000, 1)" in str(report)


def test_a_gradient_that_changes_its_shape_with_the_precision_is_wrong():
    def by_hand(x):
        return np.cos(x) * np.float32(1.001) if x.dtype == np.float32 else np.zeros(7)

    report = check_gradient(
        lambda x: np.sum(np.sin(x)), by_hand, np.linspace(0, 1, 5).astype(np.float32), diagnose=False
    )
    assert report.verdict == "wrong"


def test_a_gradient_that_is_missing_now_and_then():
    def by_hand(x, b):
        return {"dx": 2 * x, "db": 2 * b} if len(x) == 2 else {"dx": 2 * x}

    report = check_gradient(
        lambda x, b: np.sum(x * x) + b * b, by_hand, shapes={"x": "n", "b": ""}, dims={"n": [2, 3]}, seed=1
    )
    assert report.verdict == "wrong"
    assert "db is missing from the result at n=3" in str(report)


def test_the_largest_difference_is_told_when_asked_for():
    report = check_gradient(lambda x: np.sum(x * x), lambda x: 2 * x, np.ones(3), verbose=True)
    assert report
    assert "largest difference among the right ones" in str(report)


def test_a_derivation_in_c_that_raises_has_no_line():
    report = check_gradient(lambda x: np.sum(x * x), np.linalg.cholesky, shapes={"x": "2 3"})
    assert report.verdict == "wrong"
    assert "raises LinAlgError" in str(report)
    assert "line " not in str(report)


# ── slips ────────────────────────────────────────────────────────────────────────────────────────────────────────


def complex_square(z):
    return np.sum(np.abs(z) ** 2 * np.array([1.0, 2.0, 3.0]))


@pytest.mark.parametrize("change", [np.conj, lambda g: np.real(g) + 0j])
def test_a_complex_gradient_conjugated_or_halved(change):
    weights = np.array([1.0, 2.0, 3.0])
    report = check_gradient(
        complex_square, lambda z: change(2 * z * weights), np.array([1 + 2j, -0.5 + 1j, 2 - 1j]), repair=False
    )
    assert report.verdict == "wrong"
    assert [slip.kind for slip in report.slips] == ["conj"]


def test_two_gradients_exchanged():
    report = check_gradient(
        lambda a, b: np.sum(a * a * b), lambda a, b: {"da": a * a, "db": 2 * a * b}, shapes={"a": "n", "b": "n"}
    )
    assert [slip.kind for slip in report.slips] == ["wrong-operand"]
    assert "da and db are exchanged" in str(report)


def test_a_sequence_the_other_way_round():
    weights = np.array([1.0, 2.0, 4.0])

    def by_hand(x):
        return (2 * x * weights)[::-1]

    report = check_gradient(lambda x: np.sum(x * x * weights), by_hand, shapes={"x": "3"})
    assert report.slips[0].kind == "flip"
    assert report.repair is not None
    assert "[::-1]" in report.repair.before
    assert "[::-1]" not in report.repair.after


def test_a_loop_that_might_never_end_is_not_changed():
    def by_hand(x):
        g, k = np.zeros_like(x), 0
        while k < len(x):
            g[k] = 3 * x[k]
            k += 1
        return g

    report = check_gradient(lambda x: np.sum(x * x), by_hand, shapes={"x": "n"})
    assert report.verdict == "wrong"
    assert report.repair is None


def test_more_sizes_than_can_all_be_tried():
    shapes = {"A": "a b", "B": "b c", "C": "c d", "D": "d e", "E": "e f"}

    def cost(A, B, C, D, E):
        return np.sum(A @ B @ C @ D @ E)

    def by_hand(A, B, C, D, E):
        return {"dE": 2 * (A @ B @ C @ D).T @ np.ones((len(A), E.shape[1]))}

    report = check_gradient(cost, by_hand, shapes=shapes, wrt="E", diagnose=False)
    assert report.wrong == ["dE"]
    assert report.case is not None


def draws(change, sizes=(2, 3), **others):
    made = []
    for n in sizes:
        true = np.random.default_rng(n).normal(size=(n, n))
        made.append(Draw({"n": n, "k": 4}, {}, {"x": change(true, n), **others}, {"x": true}))
    return made


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        (lambda g, n: g.T, "transpose", "dx is transposed"),
        (lambda g, n: g / n, "scale", "dx lacks a factor n"),
        (lambda g, n: g * n, "scale", "dx has a factor n too much"),
    ],
)
def test_slips_that_the_numbers_alone_tell(change, kind, text):
    found = plain_slip(draws(change), "x")
    assert (found.kind, found.text) == (kind, text)


def test_numbers_that_tell_nothing():
    assert plain_slip(draws(lambda g, n: np.exp(g)), "x") is None
    assert plain_slip(draws(lambda g, n: g * 2, sizes=(2,)), "x") is None


def test_a_factor_without_a_name_on_one_case():
    assert Symbols(["m"], np.array([[4.0]])).factor([0.123456789]) is None
    ones = Symbols(["m", "keep"], np.array([[4.0, 5.0], [1.0, 1.0]]))
    assert ones.factor([4.0, 5.0]).text == "m"


# ── parts of a diagnosis ─────────────────────────────────────────────────────────────────────────────────────────


SLIP = Slip("sign", "dx", "a sign")


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        (Diagnosis(), ["no single slip explains it."]),
        (
            Diagnosis(first_wrong=FirstWrong("dZ", 3, "dZ = A")),
            ["no single slip explains it.", "first wrong variable: dZ", "line 3:  dZ = A"],
        ),
        (Diagnosis([SLIP], FirstWrong("dZ", None, "")), ["likely slip: a sign"]),
    ],
)
def test_what_a_diagnosis_says(found, lines):
    assert found.lines() == lines


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("x + np.sin(y)", "x", False),
        ("x + 0.37", "x", False),
        ("x + y", "x", True),
        ("x + 2", "x", True),
    ],
)
def test_taking_away_nonsense_names_no_slip(old, new, named):
    assert is_a_slip(SimpleNamespace(kind="extra-term", old=old, new=new), {"tanh"}) is named


def untraceable(x):
    return sum(math.sin(v) for v in x.tolist())


def filled(by_hand, f=untraceable, true=np.cos):
    subject = Subject(f, by_hand)
    found = []
    for n in (2, 3, 4):
        x = np.random.default_rng(n).normal(size=n)
        draw = Draw({"n": n}, {"x": x})
        draw.hand, draw.true = subject.hand(draw), {"x": true(x)}
        found.append(draw)
    return found


def test_a_cost_that_cannot_be_traced_is_diagnosed_by_the_source():
    def by_hand(x):
        dx = -np.cos(x)
        return {"dx": dx}

    found = diagnose(untraceable, by_hand, filled(by_hand), ["x"], [])
    assert found.blame is None
    assert found.repair is not None
    assert "np.cos(x)" in found.repair.after
    assert "-" not in found.repair.after


def test_two_changes_that_mend_a_part_each_are_told_together():
    def f(x, w):
        return sum(math.sin(v) for v in x.tolist()) + sum(math.exp(v) for v in w.tolist())

    def by_hand(x, w):
        dx = -np.cos(x)
        dw = -np.exp(w)
        return {"dx": dx, "dw": dw}

    subject = Subject(f, by_hand)
    cases = []
    for n in (2, 3, 4):
        x, w = np.random.default_rng(n).normal(size=(2, n))
        draw = Draw({"n": n}, {"x": x, "w": w})
        draw.hand, draw.true = subject.hand(draw), {"x": np.cos(x), "w": np.exp(w)}
        cases.append(draw)
    found = diagnose(f, by_hand, cases, ["x", "w"], [])
    assert sorted(slip.text for slip in found.slips) == [
        "a sign: -np.cos(x) should be np.cos(x)",
        "a sign: -np.exp(w) should be np.exp(w)",
    ]


def test_few_cases_are_filled_up_with_fresh_ones():
    def by_hand(x):
        dx = 3 * x
        return {"dx": dx}

    seeds = []

    def redraw(seed):
        seeds.append(seed)
        return Draw({"n": 5}, {"x": np.random.default_rng(seed).normal(size=5)})

    cases = filled(by_hand, lambda x: np.sum(x * x), lambda x: 2 * x)[:1]
    found = diagnose(lambda x: np.sum(x * x), by_hand, cases, ["x"], [], redraw=redraw)
    assert seeds[:3] == [101, 102, 103]
    assert [slip.kind for slip in found.slips] == ["scale"]


def judged(body, cost, x):
    tape = Tape(Subject(cost, body), Draw({}, {"x": x}))
    with Watch() as watch:
        body(x)
    return judge_variables(tape, watch.assigned, ["x"], [])


def square_cost(x):
    Z = x * 3.0
    return np.sum(Z * Z)


def test_variables_without_a_verdict():
    """A gradient of zeros is not yet computed; another shape is another thing of the same name."""

    def zeros(x):
        dZ = np.zeros(3)
        return {"dx": dZ}

    def longer(x):
        dZ = np.ones(5)
        Z = np.ones(4)
        return {"dx": dZ, "Z": Z}

    x = np.array([1.0, -2.0, 0.5])
    for body in (zeros, longer):
        found = judged(body, square_cost, x)
        assert "dZ" not in found.right
        assert "dZ" not in found.wrong
        assert "Z" not in found.wrong
    assert not proportional(np.ones(2), np.ones(3))


def test_two_lambdas_on_one_line_have_no_source():
    twins = [lambda x: 2 * x, lambda x: 2 * x]
    assert source_of(twins[0]) is None
    assert [f(3) for f in twins] == [6, 6]


def test_the_users_code_is_neither_ours_nor_a_librarys():
    assert _is_users(square_cost.__code__)
    assert not _is_users(tn.grad.__code__)
    assert not _is_users(math_helper().__code__)


def math_helper():
    import fractions

    return fractions.Fraction.limit_denominator


def test_an_expression_that_no_instruction_tells():
    assert expression(None, 4) == ""
    assert expression(square_cost.__code__, -1) == ""


def test_what_is_no_picture_is_shown_as_text():
    assert _picture("a < b") == "<pre>a &lt; b</pre>"


def test_artefacts_without_a_diagnosis(tmp_path):
    report = check_gradient(lambda x: np.sum(x * x), lambda x: 3 * x, np.ones(3), diagnose=False, artefacts=tmp_path)
    assert not report
    assert any(tmp_path.rglob("*"))


# ── inputs and directions ────────────────────────────────────────────────────────────────────────────────────────


def test_a_given_number_fills_an_array():
    seen = []

    def cost(x, c):
        seen.append(c)
        return np.sum(x * c)

    def by_hand(x, c):
        return {"dx": c}

    assert check_gradient(cost, by_hand, shapes={"x": "n", "c": "n"}, given={"c": 2.0})
    assert np.all(np.asarray(getattr(seen[0], "data", seen[0])) == 2.0)
    assert np.ndim(seen[0]) == 1


def test_a_size_below_zero_says_which_sizes_gave_it():
    with pytest.raises(BadInputError, match=r"x would have shape \(-1,\) at n=2; choose sizes with dims="):
        check_gradient(lambda x: np.sum(x), np.ones_like, shapes={"x": "n-3"}, dims={"n": [2]})


def test_tensors_may_be_given_as_inputs():
    assert check_gradient(lambda x: np.sum(x * x), lambda x: 2 * x, Tensor([1.0, 2.0]))


def test_a_slope_along_no_direction_is_zero():
    point = Point(lambda x: np.sum(x * x), (np.ones(3),), (0,))
    assert point.along([np.zeros(3)]).value == 0.0
    assert point.along([np.ones(3)], 1e-3).value == pytest.approx(6.0)


def test_the_tester_loads_hypothesis_only_for_its_strategies():
    program = (
        "import sys, tinygrad_notes.testing as t\n"
        "assert 'hypothesis' not in sys.modules\n"
        "t.strategies\n"
        "assert 'hypothesis' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[1])
