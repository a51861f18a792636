"""Reports word by word, and the small judgements behind them: shapes, numbers alone, variables, names of results."""

from __future__ import annotations

import ast
import json
from types import SimpleNamespace

import numpy as np
import pytest

from tinygrad_notes.errors import BadInputError
from tinygrad_notes.testing import check_gradient
from tinygrad_notes.testing.draws import Draw
from tinygrad_notes.testing.first_wrong import Verdicts, proportional, readers_of
from tinygrad_notes.testing.judge import Finding
from tinygrad_notes.testing.outputs import is_float, name_outputs, owner, wanted_names
from tinygrad_notes.testing.plain_slips import plain_slip
from tinygrad_notes.testing.repair import Repair, brief
from tinygrad_notes.testing.report import Case, GradientError, Report, Slip, number, numbers
from tinygrad_notes.testing.shapes import early_slip, shape_fact
from tinygrad_notes.testing.side_by_side import _assignments
from tinygrad_notes.testing.source import closure_of, source_of, typed_at_a_prompt
from tinygrad_notes.testing.watch import Assigned, Watch

# ── the report ───────────────────────────────────────────────────────────────────────────────────────────────────

CASE = Case(
    {"n": 1, "m": 2}, {"X": np.array([[1.0, 2.0]]), "big": np.zeros((4, 5)), "s": np.float64(0.5), "f": print},
    {"dw": np.array([[0.5]])}, {"dw": np.array([[0.25]])}, {"dw": np.array([[0.25]])},
)  # fmt: skip


def report(**changes):
    return Report("cost()", "by_hand()", **changes)


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"right": ["dw"]}, ["dw is right in by_hand()."]),
        ({"right": ["dw", "db"]}, ["dw, db are right in by_hand()."]),
        (
            {"right": ["dw"], "examples": 1},
            ["dw is right in by_hand().", "  1 case agrees with autodiff and with numerical differences."],
        ),
        (
            {"right": ["dw"], "examples": 2, "judges": "numerical differences"},
            ["dw is right in by_hand().", "  2 random cases agree with numerical differences."],
        ),
        (
            {"right": ["dw"], "reason": "kink: at 0", "notes": ["one", "two"], "facts": ["a fact"]},
            ["dw is right in by_hand().", "  a fact", "  kink: at 0", "  one", "  two"],
        ),
        ({"verdict": "wrong"}, ["by_hand() is wrong."]),
        ({"verdict": "wrong", "wrong": ["dw"]}, ["dw is wrong in by_hand()."]),
        ({"verdict": "wrong", "wrong": ["dw"], "right": ["db"]}, ["dw is wrong in by_hand(); db is right."]),
        (
            {"verdict": "wrong", "wrong": ["dw", "dv"], "right": ["db", "dc"]},
            ["dw, dv are wrong in by_hand(); db, dc are right."],
        ),
        ({"verdict": "cannot tell", "reason": "noise: x"}, ["cannot tell whether by_hand() is right: noise: x"]),
        (
            {"verdict": "cannot tell", "reason": "noise: x", "right": ["db"], "examples": 3, "notes": ["note"]},
            ["cannot tell whether by_hand() is right (db is right): noise: x", "  note"],
        ),
        (
            {"verdict": "wrong", "wrong": ["dw"], "slips": [Slip("sign", "dw", f"slip {k}") for k in range(3)]},
            ["dw is wrong in by_hand().", "  likely slip: slip 0", "  likely slip: slip 1"],
        ),
        (
            {"verdict": "wrong", "wrong": ["dw"], "diagnosed": True},
            ["dw is wrong in by_hand().", "  no single slip explains it."],
        ),
        (
            {"verdict": "wrong", "wrong": ["dw"], "special": ["m = 1", "n = 1", "b = 0"], "seed": 3, "examples": 4},
            ["dw is wrong in by_hand().", "  right when m = 1 or when n = 1.", "  drawn with seed=3"],
        ),
        ({"right": ["dw"], "special": ["m = 1"], "seed": 3}, ["dw is right in by_hand()."]),
        (
            {"verdict": "wrong", "wrong": ["dw"], "first_wrong": SimpleNamespace(name="dZ", line=8, source=" dZ = A ")},
            ["dw is wrong in by_hand().", "  first wrong variable: dZ", "  line 8:  dZ = A"],
        ),
        (
            {"verdict": "wrong", "slips": [Slip("sign", "dw", "sign")],
             "first_wrong": SimpleNamespace(name="dZ", line=8, source="dZ = A")},
            ["by_hand() is wrong.", "  likely slip: sign", "  line 8:  dZ = A"],
        ),
        (
            {"verdict": "wrong", "repair": SimpleNamespace(text="1\n2\n3\n4\n5")},
            ["by_hand() is wrong.", "  1", "  2", "  3", "  4"],
        ),
        (
            {"verdict": "wrong", "case": CASE},
            [
                "by_hand() is wrong.", "  smallest failing case: n=1, m=2",
                "    X = [[1, 2]]   big: float64 (4, 5)   s = 0.5   f = <built-in function print>",
                "    dw: yours [[0.5]]   correct [[0.25]]   numerical [[0.25]]",
            ],
        ),
    ],
)  # fmt: skip
def test_what_a_report_says(changes, lines):
    found = report(**changes)
    assert str(found).splitlines() == lines
    assert bool(found) is (found.verdict == "right")


def test_a_case_that_was_not_made_smaller_and_has_no_sizes():
    case = Case({}, {"x": 1.0}, {"dx": 2.0}, {"dx": 3.0}, {}, False)
    assert str(report(verdict="wrong", case=case)).splitlines()[1:] == [
        "  failing case", "    x = 1", "    dx: yours 2   correct 3"
    ]  # fmt: skip


def test_at_most_25_lines_and_six_outputs():
    many = {f"d{k}": float(k) for k in range(9)}
    text = str(report(verdict="wrong", case=Case({}, {}, many, {k: v + 1 for k, v in many.items()}, {})))
    assert [line.split(":")[0].strip() for line in text.splitlines()[2:]] == ["d0", "d1", "d2", "d3", "d4", "d5"]
    assert len(str(report(notes=[str(k) for k in range(40)])).splitlines()) == 25


def test_inputs_are_wrapped_at_110_letters():
    inputs = {f"input{k}": np.full(5, k + 0.125) for k in range(4)}
    lines = str(report(verdict="wrong", case=Case({}, inputs, {}, {}, {}))).splitlines()[2:]
    assert [line.count(" = ") for line in lines] == [2, 2]
    assert all(line.startswith("    input") and len(line) <= 113 for line in lines)
    exact = {"a": "x" * 30, "b": "y" * 30, "c": "z" * 28}
    assert len(str(report(verdict="wrong", case=Case({}, exact, {}, {}, {}))).splitlines()) == 3
    exact["c"] += "z" * 6
    assert len(str(report(verdict="wrong", case=Case({}, exact, {}, {}, {}))).splitlines()) == 4


@pytest.mark.parametrize(
    ("x", "shown"),
    [
        (np.arange(9.0), "x: float64 (9,)"), (np.arange(6.0), "x = [0, 1, 2, 3, 4, 5]"),
        (np.ones((3, 3)), "x = [[1, 1, 1], [1, 1, 1], [1, 1, 1]]"),
        (np.ones((2, 5)), "x: float64 (2, 5)"), (np.ones((1, 7)), "x: float64 (1, 7)"),
        (np.ones((1, 1, 1)), "x = [[[1]]]"),
        (np.ones((1, 1, 1, 1)), "x: float64 (1, 1, 1, 1)"), (np.ones((0, 3), np.float32), "x = []"),
        (np.array(2.0), "x = 2"),
        ({"W": np.ones(2)}, "x = {W: [1, 1]}"), ([1.0, 2], "x = [1, 2]"), ("word", "x = word"),
        (np.array([1, -2]), "x = [1, -2]"),
        (np.array([1 / 3, -0.0]), "x = [0.3333, 0]"), ("w" * 40, "x = " + "w" * 40), ("w" * 41, "x = <str>"),
    ],
)  # fmt: skip
def test_how_an_input_is_shown(x, shown):
    lines = str(report(verdict="wrong", case=Case({}, {"x": x}, {}, {}, {}))).splitlines()
    assert lines[2] == f"    {shown}"


@pytest.mark.parametrize(
    ("yours", "correct", "text"),
    [
        (1.0, 1.0, "dx: yours 1   correct 1"), (1.0, 1.00004, "dx: yours 1   correct 1.00004"),
        (1.0, 1.0000004, "dx: yours 1   correct 1.0000004"), (1.0, 1 + 1e-12, "dx: yours 1   correct 1"),
        (np.ones(2), np.ones(3), "dx: yours has shape (2,)   correct (3,)"),
        (12345.6, 12345.7, "dx: yours 12345.6   correct 12345.7"),
    ],
)  # fmt: skip
def test_as_many_digits_as_tell_the_two_apart(yours, correct, text):
    assert (
        str(report(verdict="wrong", case=Case({}, {}, {"dx": yours}, {"dx": correct}, {}))).splitlines()[-1].strip()
        == text
    )


def test_the_largest_difference_of_a_large_array():
    yours, correct = np.zeros((3, 4)), np.zeros((3, 4))
    yours[1, 2], yours[2, 3] = 5.0, -6.0
    line = str(
        report(verdict="wrong", case=Case({}, {}, {"dx": yours}, {"dx": correct}, {"dx": correct}))
    ).splitlines()[-1]
    assert line == "    dx[2, 3]: yours -6   correct 0   numerical 0   (the largest difference of 12)"
    yours[0, 1] = np.nan
    line = str(report(verdict="wrong", case=Case({}, {}, {"dx": yours}, {"dx": correct}, {}))).splitlines()[-1]
    assert line.startswith("    dx[0, 1]: yours nan   correct 0")


def test_a_report_as_json_and_as_html():
    full = report(
        verdict="wrong", wrong=["dw"], right=["db"], slips=[Slip("sign", "dw", "a < b")], case=CASE, special=["m = 1"],
        facts=["fact"], notes=["note"], examples=4, seed=2, first_wrong=SimpleNamespace(name="dZ", line=8, source="s"),
        repair=SimpleNamespace(line=8, before="b", after="a", text="t"),
    )  # fmt: skip
    told = json.loads(full.to_json())
    assert told.pop("text") == str(full)
    assert told.pop("case")["dims"] == {"n": 1, "m": 2}
    assert told == {
        "verdict": "wrong", "reason": "", "of": "cost()", "by_hand": "by_hand()", "wrong": ["dw"], "right": ["db"],
        "slips": [{"kind": "sign", "where": "dw", "text": "a < b"}],
        "first_wrong": {"name": "dZ", "line": 8, "source": "s"},
        "repair": {"line": 8, "before": "b", "after": "a", "text": "t"}, "right_when": ["m = 1"], "facts": ["fact"],
        "notes": ["note"], "examples": 4, "seed": 2,
    }  # fmt: skip
    assert json.loads(report().to_json())["case"] is None
    assert json.loads(report().to_json())["repair"] is None
    assert json.loads(full.to_json())["case"]["inputs"]["X"] == [[1.0, 2.0]]
    assert "ü" in report(notes=["ü"]).to_json()
    assert '\n  "verdict"' in full.to_json()
    page = full._repr_html_()
    assert "a &lt; b" in page
    assert "#b42318" in page
    assert "<pre" in page
    assert "#1a7f37" in report(right=["dw"])._repr_html_()
    assert "<pre" not in report(right=["dw"])._repr_html_()
    assert "#9a6700" in report(verdict="cannot tell")._repr_html_()
    error = GradientError(full)
    assert str(error) == str(full)
    assert error.report is full


@pytest.mark.parametrize(
    ("x", "text"),
    [(1e-5, "1e-05"), (123456.0, "1.235e+05"), (-1.0, "-1"), (-1e-300, "-1e-300"), (np.float64(-0.0), "0"),
     (1j, "0+1j"),
     (-1 - 0.5j, "-1-0.5j"), (np.complex64(2), "2+0j"), (10**20, "100000000000000000000"), (None, "None")],
)  # fmt: skip
def test_numbers_in_words(x, text):
    assert number(x) == text
    assert numbers(np.asarray(x)) == text if x is not None else True


# ── repairs in words ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_repair_with_its_caret():
    fix = Repair(12, "dW = A @ B", "dW = A @ C", "", "sign", 1.0, ("W",), "B", "C", 9, 1)
    assert fix.shown(True) == "line 12:  dW = A @ B\n                   ^\nthis one change makes it right:  dW = A @ C"
    assert fix.shown(False) == "                   ^\nthis one change makes it right:  dW = A @ C"
    unplaced = Repair(12, "dW = A @ B", "C", "", old="B", new="C")
    assert unplaced.shown(True) == "line 12:  dW = A @ B\nthis one change makes it right:  B  ->  C"
    assert unplaced.shown(False) == "this one change makes it right:  B  ->  C"
    nowhere = Repair(None, "", "C", "", old="B", new="C", start=3, width=1)
    assert nowhere.shown(True) == "this one change makes it right:  B  ->  C"
    at_the_margin = Repair(1, "b", "c", "", old="b", new="c", start=0, width=0)
    assert at_the_margin.shown(False).splitlines()[0] == "         ^"
    assert brief("a  *\n b") == "a * b"
    assert brief("x" * 70) == "x" * 70
    assert brief("x" * 71) == "x" * 67 + "..."


# ── shapes and numbers alone ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("have", "want", "kind", "text"),
    [
        ((3, 2), (2, 3), "transpose", "dx is transposed: (3, 2), x is (2, 3)"),
        ((3,), (3, 1), "keepdims", "the summed axis is lost: dx is (3,), x is (3, 1) (keepdims=True)"),
        ((), (1, 1), "keepdims", "the summed axis is lost: dx is (), x is (1, 1) (keepdims=True)"),
        ((3, 1, 1), (3, 1), "keepdims", "an axis too many: dx is (3, 1, 1), x is (3, 1)"),
        ((3, 4), (3, 1), "not-reduced", "x (3, 1) was broadcast, and dx (3, 4) is not summed over the new axes"),
        ((5, 3, 4), (3, 1), "not-reduced", "x (3, 1) was broadcast, and dx (5, 3, 4) is not summed over the new axes"),
        ((4,), (), "not-reduced", "x () was broadcast, and dx (4,) is not summed over the new axes"),
        ((3, 1), (3, 4), "axis", "summed over too many axes: dx is (3, 1), x is (3, 4)"),
        ((), (3, 4), "axis", "summed over too many axes: dx is (), x is (3, 4)"),
        ((2, 5), (3, 4), None, None),
        ((7,), (3, 4), None, None),
    ],
)  # fmt: skip
def test_slips_that_a_shape_gives_away(have, want, kind, text):
    for true in (np.ones(want), None):
        draw = Draw({}, {"x": np.ones(want)}, {"x": np.ones(have)}, {} if true is None else {"x": true})
        slip = early_slip(draw, "x", Finding("wrong", "shape"))
        assert (slip and (slip.kind, slip.where, slip.text)) == (kind and (kind, "dx", text))


def test_what_cancels_when_summed_was_no_forgotten_sum():
    draw = Draw({}, {"b": np.ones((3, 1))}, {"b": np.tile([1.0, -1.0], (3, 2))}, {"b": np.ones((3, 1))})
    assert early_slip(draw, "b", Finding("wrong", "shape")) is None
    draw.true["b"] = np.zeros((3, 1))
    assert early_slip(draw, "b", Finding("wrong", "shape")).kind == "not-reduced"


@pytest.mark.parametrize(
    ("hand", "why", "text"),
    [
        (np.array([np.nan, np.inf]), "nan", "dx has NaN where the gradient is finite"),
        (np.array([1.0, -np.inf]), "nan", "dx has infinity where the gradient is finite"),
        (np.ones(2, complex), "dtype", "dx is complex128; x is float64"),
        (np.ones(2), "", None),
    ],
)
def test_other_slips_that_show_early(hand, why, text):
    draw = Draw({}, {"x": np.ones(2)}, {"x": hand}, {"x": np.ones(2)})
    slip = early_slip(draw, "x", Finding("wrong", why))
    assert (slip and slip.text) == text
    told = early_slip(draw, "x", Finding("wrong", "dtype", "float32 loses the digits"))
    assert told.text == f"dx is {hand.dtype}; float32 loses the digits"


def test_both_shapes_in_one_line():
    draw = Draw({}, {"x": np.ones((2, 3))}, {"x": np.ones(3)})
    assert shape_fact(draw, "x", "n m") == "dx has shape (3,), x has (2, 3) (n m)"
    assert shape_fact(draw, "x", "") == "dx has shape (3,), x has (2, 3)"


def compared(slope, other=None, sizes=((2, 3), (4, 5), (3, 2))):
    """Draws where x's gradient is ``slope(n, right)``."""
    rng = np.random.default_rng(0)
    draws = []
    for n, m in sizes:
        right, another = rng.standard_normal((n, n)), rng.standard_normal((n, n))
        hand = {"x": slope(n, m, right, another), "y": another if other is None else other(right, another)}
        draws.append(Draw({"n": n, "m": m}, {}, hand, {"x": right, "y": another}))
    return draws


@pytest.mark.parametrize(
    ("slope", "kind", "text"),
    [
        (lambda n, m, t, y: t * 0, "missing-term", "dx is 0: this input's part of the backward pass is missing"),
        (lambda n, m, t, y: -t, "sign", "dx has the wrong sign"),
        (lambda n, m, t, y: y, "wrong-operand", "dx is what dy should be: the results are in another order"),
        (lambda n, m, t, y: t.T, "transpose", "dx is transposed"),
        (lambda n, m, t, y: n * t, "scale", "dx has a factor n too much"),
        (lambda n, m, t, y: t / m, "scale", "dx lacks a factor m"),
        *[(lambda n, m, t, y, r=r: t * r, "scale", f"dx is {words} what it should be") for r, words in (
            (0.5, "1/2 of"), (2, "2 times"), (3, "3 times"), (1 / 3, "1/3 of"), (4, "4 times"), (0.25, "1/4 of"),
            (-2, "-2 times"), (-0.5, "-1/2 of"), (1.5, "3/2 of"), (2 / 3, "2/3 of"))],
        (lambda n, m, t, y: 5 * t, None, None),
        (lambda n, m, t, y: t + 1, None, None),
        (lambda n, m, t, y: 2.0001 * t, None, None),
        (lambda n, m, t, y: (2 + 0.9e-5) * t, "scale", "dx is 2 times what it should be"),
        (lambda n, m, t, y: t[:1], None, None),
    ],
)  # fmt: skip
def test_slips_that_show_in_the_numbers_alone(slope, kind, text):
    slip = plain_slip(compared(slope), "x")
    assert (slip and (slip.kind, slip.where, slip.text)) == (kind and (kind, "dx", text))


def test_one_draw_or_one_size_proves_no_factor():
    assert plain_slip(compared(lambda n, m, t, y: -t, sizes=((2, 3),)), "x") is None
    assert plain_slip(compared(lambda n, m, t, y: n * t, sizes=((5, 3), (5, 4))), "x") is None
    assert plain_slip(compared(lambda n, m, t, y: 2 * t, sizes=((2, 3), (2, 4))), "x").text.startswith("dx is 2 times")
    close = plain_slip(compared(lambda n, m, t, y: -t * (1 + 0.9e-5)), "x")
    assert close.kind == "sign"
    assert plain_slip(compared(lambda n, m, t, y: -t * (1 + 1.1e-5)), "x") is None


# ── variables ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("a", "b", "found"),
    [([1.0, 2.0], [2.0, 4.0], True), ([-1.0, -2.0], [1.0, 2.0], False), ([0.0, 0.0], [1.0, 2.0], False),
     ([1.0], [[1.0]], False), ([0.0], [0.0], False), ([1.0, 2.1], [1.0, 2.0], False), ([1j, 2j], [1j, 2j], True),
     ([3.0], [1e-3], True)],
)  # fmt: skip
def test_right_up_to_a_positive_constant(a, b, found):
    assert proportional(np.array(a), np.array(b)) is found


def test_what_each_variable_goes_into():
    lines = ["a = x + 1", "b, c = a, x", "b += a", "g['d'] = b", "e: int = c", "return {'f': e, **g}"]
    tree = ast.parse("def f(x):\n" + "\n".join(f"    {line}" for line in lines))
    found = readers_of(tree)
    assert found["x"] == {"a", "b", "c", "d", "g", "e", "f"}
    assert found["a"] == {"b", "c", "d", "g", "e", "f"}
    assert found["e"] == {"f"}
    assert "f" not in found


def assigned(name, line):
    return Assigned(name, np.ones(1), None, line, 0)


def test_lines_under_suspicion():
    order = [assigned("a", 1), assigned("b", 2), assigned("c", 3), assigned("d", 4), assigned("b", 5)]
    verdicts = Verdicts(order, {"a": 1, "c": 3}, {"d": 4})
    assert verdicts.first == ("d", 4)
    assert verdicts.suspects() == [2, 4]
    assert verdicts.settled() == [1, 3]
    assert Verdicts(order, {}, {}).first is None
    assert Verdicts(order, {}, {}).suspects() == []
    assert Verdicts(order, {}, {"b": 5}).first == ("b", 5)
    verdicts.acquit(ast.parse("c = d"), [])
    assert verdicts.wrong == {}
    verdicts = Verdicts(order, {}, {"d": 4})
    verdicts.acquit(ast.parse("dw = d"), ["w"])
    assert verdicts.wrong == {}
    verdicts = Verdicts(order, {"c": 3}, {"d": 4})
    verdicts.acquit(ast.parse("d = d + c"), [])
    assert verdicts.wrong == {"d": 4}


def test_assignments_of_a_function():
    tree = ast.parse("def f(x):\n    a = x\n    a += 2 * x\n    b = b\n    c[0] = 1\n    return {'dx': a * b, 'a': a}")
    found = _assignments(tree)
    assert found == {"a": ("2 * x", {"x"}), "dx": ("a * b", {"a", "b"})}


def test_the_watch_sees_every_new_value_once():
    def body(x):
        a = x + 1
        a = a * 2
        same = a
        same = same
        for k in range(2):
            b = k * 1.5
        parts = [a, b]
        parts[1] = a * 3
        words = {"dW": a, 3: a, "text": "no"}
        return parts, words

    with Watch() as watch:
        body(np.ones(2))
    names = [a.name for a in watch.assigned]
    assert names[:3] == ["a", "a", "same"]
    assert [float(np.sum(a.value)) for a in watch.assigned if a.name == "a"] == [4.0, 8.0]
    assert [a.value for a in watch.assigned if a.name == "b"] == [0.0, 1.5]
    assert [a.value for a in watch.assigned if a.name == "k"] == [0, 1]
    assert "dW" in names
    assert "text" not in names
    lines = [a.line - body.__code__.co_firstlineno for a in watch.assigned]
    assert lines[:3] == [1, 2, 3]
    assert {a.depth for a in watch.assigned} == {0}
    assert {a.code for a in watch.assigned} == {body.__code__}


# ── names of results ─────────────────────────────────────────────────────────────────────────────────────────────

X = {"w": np.ones(2), "b": 0.5, "ids": np.array([1])}


def by_hand(w, b, ids):
    dw, db = 1, 2
    return dw, db


def other_order(w, b, ids):
    dw, db = 1, 2
    return db / 3, 2 * dw


@pytest.mark.parametrize(
    ("result", "function", "wrt", "names"),
    [
        ((1.0, 2.0), by_hand, None, {"w": 1.0, "b": 2.0}),
        ((1.0, 2.0), other_order, None, {"w": 2.0, "b": 1.0}),
        ((1.0, 2.0), max, None, {"w": 1.0, "b": 2.0}),
        ((1.0, 2.0, 3.0), max, None, {"w": 1.0, "b": 2.0, "ids": 3.0}),
        ((1.0, None), by_hand, None, {"w": 1.0}),
        ((1.0, 2.0), max, ["b", "w"], {"w": 2.0, "b": 1.0}),
        ({"dw": 1.0, "db": None, "junk": 3.0}, by_hand, None, {"w": 1.0}),
        ({"dw": 1.0, "w": 9.0}, by_hand, None, {"w": 1.0}),
        ({"dw": 1.0, "db": 2.0}, by_hand, ["b"], {"b": 2.0}),
        (4.0, by_hand, ["b"], {"b": 4.0}),
    ],
)
def test_which_gradient_is_which(result, function, wrt, names):
    found = name_outputs(result, X, wrt, function)
    assert {name: float(value) for name, value in found.items()} == names
    assert list(found) == [name for name in X if name in names]


@pytest.mark.parametrize(
    ("result", "wrt", "words"),
    [
        ((1.0,), None, r"by_hand\(\) returned 1 gradients; say of which inputs: wrt='w' \(there are w, b, ids\)"),
        ((1.0, 2.0, 3.0), ["w"], "returned 3 gradients; say of which inputs: wrt='w b ids'"),
        (1.0, None, "returned one array; say which input's gradient it is: wrt='w'"),
        (
            {"q": 1.0},
            None,
            r"by_hand\(\) returned q: none is named after an input \(w, b, ids\); return a dict such as \{'dw'",
        ),
        ({"dw": 1.0}, ["w", "b"], r"returned no gradient for b \(wrt='w b'\); it returned dw"),
        ([], None, "returned 0 gradients"),
    ],
)
def test_results_that_can_not_be_told_apart(result, wrt, words):
    with pytest.raises(BadInputError, match=words):
        name_outputs(result, X, wrt, by_hand)


def test_wanted_names():
    leaves = {"p.W": 1.0, "p.b": 2.0, "q[0]": 3.0, "pq": 4.0}
    assert wanted_names(None, leaves) is None
    assert wanted_names("p", leaves) == ["p.W", "p.b"]
    assert wanted_names("q, pq", leaves) == ["q[0]", "pq"]
    assert wanted_names(["p.b"], leaves) == ["p.b"]
    with pytest.raises(BadInputError, match="z is not an input"):
        wanted_names("z", leaves)
    assert owner("dwdt", ["w"]) is None
    assert [is_float(x) for x in (1.0, 1j, np.ones(2), np.float32(1), 1, True, "a", np.ones(2, int))] == [True] * 4 + [
        False
    ] * 4


def test_the_source_of_a_lambda_among_others():
    pair = (lambda x: x + 1, lambda x: x * 2)
    assert [ast.unparse(source_of(f).tree.body[0].value) for f in pair] == ["lambda x: x + 1", "lambda x: x * 2"]
    twins = (lambda x: x + 1, lambda x: x + 1)
    assert source_of(twins[0]) is None
    found = source_of(pair[0])
    assert (found.numbered, found.name) == (False, "__lambda__")
    assert found.build()(2) == 3


def test_typed_at_a_prompt_that_keeps_no_source():
    names = {"np": np}
    typed = "def by_hand(x):\n    return {'dx': 3 * x}\n"
    exec(compile(typed, "<stdin>", "exec"), names)
    told = check_gradient(lambda x: np.sum(x * x), names["by_hand"], shapes={"x": "n"})
    assert not told
    assert str(told).endswith("\n  typed at a prompt, which keeps no source; in a file the report names the line")
    exec(compile(typed, "<elsewhere>", "exec"), names)
    assert "prompt" not in str(check_gradient(lambda x: np.sum(x * x), names["by_hand"], shapes={"x": "n"}))
    assert not typed_at_a_prompt(np.tanh)


def test_the_line_of_an_output_and_what_a_closure_holds():
    scale = 2.0

    def gradients(x, *, k=3):
        dx = scale * x
        return {"dk": k,
                "dx": dx}  # fmt: skip

    found = source_of(gradients)
    first = gradients.__code__.co_firstlineno
    assert found.line_of(["x"]) == first + 3
    assert found.line_of(["k"]) == first + 2
    assert found.line_of(["z"]) == first + 2
    assert found.line(first + 1) == "dx = scale * x"
    assert closure_of(gradients) == {"scale": 2.0}
    assert found.build()(1.0) == {"dk": 3, "dx": 2.0}
