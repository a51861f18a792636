"""Whole reports, line by line, for half of the set of slips: what is said, what else would have fitted, at what price.

``data/reports.txt`` has every third of them in full and a fingerprint of the others;
``python tests/test_diagnosis_reports.py`` writes it, ``python tests/test_diagnosis_reports.py logistic.dw-no-m`` shows
one.
"""

from __future__ import annotations

import sys
from unittest import mock

import numpy as np
import pytest
import tables
from slips import SLIPS

import tinygrad_notes as tn
from tinygrad_notes.testing import bits, check_gradient, diagnosis, positive
from tinygrad_notes.testing.diagnosis import is_a_slip
from tinygrad_notes.testing.repair import Repair

TABLE = "reports.txt"
SLOW = ("logistic_chain.dA-only-positives", "rnn.carry", "rnn_all.carry", "gated.state", "two_layers.tanh-is-sigmoid")
NAMES = [name for name in SLIPS if not name.startswith(SLOW)][::2]
SHAPES = {"X": "n m", "Y": "1 m", "w": "n 1", "b": "1 1"}


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def cost(X, Y, w, b):
    A = sigmoid(w.T @ X + b)
    return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))


def checked(f, by_hand, **options):
    """The report, and the explanations and changes among which it chose; what is said must not depend on the clock."""
    weighed = []
    conclude = diagnosis._conclude

    def recording(found, evidence, matches, fixes, *rest):
        conclude(found, evidence, matches, fixes, *rest)
        weighed.extend(f"{m.cost:.2f} {m.kind} {m.where} {m.line}: {m.text}" for m in matches[:8])
        weighed.extend(f"{fix.cost:.2f} {fix.kind} {' '.join(fix.outputs)}: {fix.old} → {fix.new}" for fix in fixes)
        weighed.append(f"others: {'; '.join(found.others)}")

    with mock.patch.object(diagnosis, "_conclude", recording), mock.patch("time.thread_time", return_value=0.0):
        report = check_gradient(f, by_hand, **options)
    return report, weighed


def described(name):
    slip = SLIPS[name]
    report, weighed = checked(slip.of.f, slip.by_hand(), shapes=slip.of.shapes, given=slip.of.given)
    start = slip.of.f.__code__.co_firstlineno
    weighed = [with_line(text, start) for text in weighed]
    slips = [f"{slip.kind} {slip.where}" for slip in report.slips]
    return [*str(report).splitlines(), "; ".join(slips), *str(report.graph).splitlines(), *weighed]


def with_line(text, start):
    """Lines of the cost counted from its own first one: others may be written above it."""
    head, colon, rest = text.partition(": ")
    words = head.split(" ")
    if words[-1].isdigit():
        words[-1] = f"+{int(words[-1]) - start}"
    return " ".join(words) + colon + rest


def told(name):
    lines = described(name)
    return lines if NAMES.index(name) % 3 == 0 else [lines[0], tables.digest(lines)]


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_report(name):
    assert told(name) == tables.read(TABLE)[name]


# ── choosing between explanations ────────────────────────────────────────────────────────────────────────────────


def test_a_plain_relation_of_the_whole_output_needs_no_rival():
    """Twice the right value could be a path that is counted twice: nobody wants to hear that."""
    report, weighed = checked(cost, lambda X, Y, w, b: {"db": 2 * np.mean(sigmoid(w.T @ X + b) - Y).reshape(1, 1)},
                              shapes=SHAPES, given={"Y": bits})  # fmt: skip
    assert [slip.text for slip in report.slips] == ["db is 2 times the right value"]
    assert weighed[0].startswith("0.60 scale b None")
    assert not any("part of" in line for line in weighed)


def test_the_source_wins_where_the_graph_is_far_fetched():
    def f(x, k):
        return np.sum(np.sin(k * x))

    def by_hand(x, k):
        return {"dx": k * np.cos(k * x) + np.cos(x) * 0, "dk": np.sum(x * np.cos(k + x))}

    report, _ = checked(f, by_hand, shapes={"x": "n", "k": ""})
    assert report.wrong == ["dk"]
    assert len(report.slips) <= 1


def test_two_slips_are_told_apart_from_one_that_explains_both():
    def f(x, y):
        return np.sum(x**2) + np.sum(y**3)

    one, _ = checked(f, lambda x, y: {"dx": -2 * x, "dy": -3 * y**2}, shapes={"x": "n", "y": "m"})
    two, _ = checked(f, lambda x, y: {"dx": -2 * x, "dy": 3 * y**2 / 2}, shapes={"x": "n", "y": "m"})
    assert [slip.text for slip in one.slips] == ["dx and dy have the wrong sign"]
    assert [(slip.kind, slip.text) for slip in two.slips] == [
        ("sign", "dx has the wrong sign"), ("scale", "dy is 1/2 times the right value")
    ]  # fmt: skip


def test_three_outputs_two_slips():
    def f(x, y, z):
        return np.sum(x**2) + np.sum(y**3) + np.sum(np.exp(z))

    report, _ = checked(
        f, lambda x, y, z: {"dx": -2 * x, "dy": -3 * y**2, "dz": 5 * np.exp(z)}, shapes={"x": "n", "y": "m", "z": "k"}
    )
    assert sorted(slip.text for slip in report.slips) == [
        "dx and dy have the wrong sign",
        "dz is 5 times the right value",
    ]


def test_exchanged_results():
    report, _ = checked(
        lambda x, y: np.sum(x**2 * y), lambda x, y: {"dx": x**2, "dy": 2 * x * y}, shapes={"x": "n", "y": "n"}
    )
    assert [slip.text for slip in report.slips] == ["dx and dy are exchanged"]


@pytest.mark.parametrize(
    ("kind", "old", "new", "functions", "told"),
    [
        ("sign", "a * 17.3", "a", set(), True),
        ("extra-term", "a + 2 * b", "a", set(), True),
        ("extra-term", "a + 17.3 * b", "a", set(), False),
        ("extra-local", "a * np.sin(b)", "a", set(), False),
        ("extra-local", "a * np.sin(b)", "a", {"sin"}, True),
        ("extra-local", "a * np.sin(b)", "np.sin(b)", set(), True),
        ("extra-local", "a * 0.25", "a", set(), True),
        ("extra-term", "17.3 * a + b", "17.3 * a", set(), True),
    ],
)
def test_deleting_nonsense_names_no_slip(kind, old, new, functions, told):
    fix = Repair(1, old, new, "", kind, 1.0, ("x",), old, new)
    assert is_a_slip(fix, functions) is told


# ── reports of other sorts ───────────────────────────────────────────────────────────────────────────────────────


def untraceable(x):
    return float(np.sum(np.asarray([float(v) for v in x]) ** 2))


def kinked(x):
    return np.sum(np.maximum(x, 0.0))


def shared(x, scale):
    return np.sum(x**2) * scale


def logarithm(x):
    return np.sum(np.log(x))


def now_and_then(x, scale):
    return {"dx": 2 * x * scale, **({"dscale": np.sum(x**2)} if x.size != 2 else {})}


def twice_now_and_then(x, scale):
    return {"dx": 2 * x * scale, **({"dscale": 2 * np.sum(x**2)} if x.size > 3 else {})}


ONE = {"shapes": {"x": "n"}}
TWO = {"shapes": {"x": "n", "scale": ""}}
OTHERS = {
    "by differences alone": (untraceable, lambda x: {"dx": 4 * x}, ONE),
    "by differences alone, a factor of n": (untraceable, lambda x: {"dx": 2 * x * x.size}, ONE),
    "by differences alone, right": (untraceable, lambda x: {"dx": 2 * x}, ONE),
    "raises": (shared, lambda x, scale: {"dx": 2 * x @ np.ones(99)}, TWO),
    "nan": (shared, lambda x, scale: {"dx": 2 * x * np.nan}, TWO),
    "infinite": (shared, lambda x, scale: {"dx": 2 * x * np.inf}, TWO),
    "words instead of numbers": (shared, lambda x, scale: {"dx": (2 * x).astype(str)}, TWO),
    "complex": (shared, lambda x, scale: {"dx": 2 * x * scale + 1j}, TWO),
    "too small": (shared, lambda x, scale: {"dx": 2 * x[:-1] * scale}, TWO),
    "float32": (shared, lambda x, scale: {"dx": 2 * x * scale}, {**TWO, "dtype": np.float32}),
    "float32, wrong": (shared, lambda x, scale: {"dx": 2.01 * x * scale}, {**TWO, "dtype": np.float32}),
    "kink": (kinked, lambda x: {"dx": (x >= 0) * 1.0}, {"shapes": {"x": "4"}, "given": {"x": 0.0}}),
    "beside a kink": (kinked, lambda x: {"dx": (x >= 0) * 2.0}, {"shapes": {"x": "4"}, "given": {"x": 0.0}}),
    "outside the domain": (logarithm, lambda x: {"dx": 1 / x}, {"shapes": {"x": "5"}}),
    "inside the domain": (logarithm, lambda x: {"dx": 1 / x}, {"shapes": {"x": "5"}, "given": {"x": positive}}),
    "another seed": (shared, lambda x, scale: {"dx": 3 * x * scale}, {**TWO, "seed": 7}),
    "verbose": (shared, lambda x, scale: {"dx": 2 * x * scale}, {**TWO, "verbose": True}),
    "not diagnosed": (shared, lambda x, scale: {"dx": 3 * x * scale}, {**TWO, "diagnose": False}),
    "not repaired": (shared, lambda x, scale: {"dx": 3 * x * scale}, {**TWO, "repair": False}),
    "second order": (shared, lambda x, scale: {"dx": 2 * tn.stop_gradient(x) * scale}, {**TWO, "order": 2}),
    "second order, right": (shared, lambda x, scale: {"dx": 2 * x * scale}, {**TWO, "order": 2}),
    "by position": (shared, lambda a, c: (2 * a * c, np.sum(a**2)), {**TWO, "wrt": "x scale"}),
    "an entry lacks now and then": (shared, now_and_then, TWO),
    "an entry lacks now and then and is wrong otherwise": (shared, twice_now_and_then, TWO),
    "large": (lambda x: np.sum(x**3), lambda x: {"dx": 3 * x**2 + (x > 3)}, {"shapes": {"x": "400"}}),
    "an argument is overwritten": (shared, lambda x, scale: {"dx": np.multiply(x, 2 * scale, out=x)}, TWO),
    "chosen sizes": (shared, lambda x, scale: {"dx": 2 * x}, {**TWO, "dims": [3, 5]}),
    "one size": (shared, lambda x, scale: {"dx": 2 * x}, {**TWO, "dims": 1}),
    "one case": (shared, lambda x, scale: {"dx": 2 * x * scale}, {**TWO, "max_examples": 1}),
}  # fmt: skip


def other(name):
    f, by_hand, options = OTHERS[name]
    with np.errstate(all="ignore"):
        report, _ = checked(f, by_hand, **options)
    lines = str(report).splitlines()
    return [without_lines(line) for line in [*lines, f"{report.verdict}: {report.reason} ({report.examples} examples)"]]


def without_lines(line):
    """Line numbers of this file change with what is written above."""
    head, colon, rest = line.partition(":  ")
    return f"  line{colon}{rest}" if head.strip().removeprefix("line ").isdigit() else line


@pytest.mark.parametrize("name", OTHERS)
def test_reports_of_other_sorts(name):
    assert other(name) == tables.read(TABLE)[name]


if __name__ == "__main__":
    if sys.argv[1:]:
        print("\n".join(described(sys.argv[1]) if sys.argv[1] in SLIPS else other(sys.argv[1])))
    else:
        tables.write(TABLE, {**{name: told(name) for name in NAMES}, **{name: other(name) for name in OTHERS}})
