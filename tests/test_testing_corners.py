"""Parts of the tester by themselves: names of factors, what a result may look like, numbers in words."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor
from tinygrad_notes.errors import BadInputError, NotScalarError
from tinygrad_notes.testing.blame import Blame
from tinygrad_notes.testing.outputs import name_outputs
from tinygrad_notes.testing.report import _data, _first_wrong_lines, _side_by_side, number, numbers
from tinygrad_notes.testing.scalars import Symbols, _plain_number
from tinygrad_notes.testing.subject import Subject

# ── factors ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("c", "text", "inverse"),
    [
        (2.0, "2", "1/2"),
        (0.5, "1/2", "2"),
        (-1.0, "-1", "-1"),
        (0.75, "3/4", "4/3"),
        (50.0, "50", "1/50"),
        (0.01, "1/100", "100"),
        (0.1234, "0.1234", "1/0.1234"),
        (np.pi, "pi", "1/pi"),
        (1 / np.pi, "1/pi", "pi"),
        (np.sqrt(2.0), "sqrt(2)", "1/sqrt(2)"),
        (np.log(10.0), "ln(10)", "1/ln(10)"),
    ],
)
def test_numbers_have_names(c, text, inverse):
    found = _plain_number(c)
    assert (found.text, found.inverse) == (text, inverse)
    assert found.number == pytest.approx(c)


@pytest.mark.parametrize("c", [0.123456789, 2 * np.pi, 17.0 / 13.0])
def test_numbers_without_a_name(c):
    assert _plain_number(c) is None


def test_plainer_numbers_cost_less():
    costs = [_plain_number(c).cost for c in (1.0, 2.0, 3.0, 12.0, np.pi, 0.1234)]
    assert costs == sorted(costs)
    assert costs[0] == 0


def symbols():
    return Symbols(["m", "n", "keep"], np.array([[4.0, 5.0, 7.0], [3.0, 2.0, 6.0], [0.8, 0.6, 0.9]]))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1 / 4, 1 / 5, 1 / 7], "1/m"),
        ([4, 5, 7], "m"),
        ([12, 10, 42], "m*n"),
        ([2 / 4, 2 / 5, 2 / 7], "2/m"),
        ([0.2, 0.4, 0.1], "(1 - keep)"),
        ([2, 2, 2], "2"),
    ],
)
def test_factors_that_follow_a_size_are_named_after_it(values, text):
    assert symbols().factor(values).text == text


@pytest.mark.parametrize("values", [[1, 0, 2], [1, np.nan, 2], [0.123456789] * 3, [0.3, 0.7, 11.3]])
def test_factors_that_follow_nothing_have_no_name(values):
    assert symbols().factor(values) is None


# ── what a hand-made gradient may return ─────────────────────────────────────────────────────────────────────────


class Pair(NamedTuple):
    dW: np.ndarray
    db: float


@dataclass
class Grads:
    dW: np.ndarray
    db: float


W, B = np.ones((2, 3)), 0.5
INPUTS = {"W": W, "b": B}


def by_hand(W, b):
    return None


@pytest.mark.parametrize(
    "result",
    [
        {"dW": 2 * W, "db": 1.0},
        {"W": 2 * W, "b": 1.0},
        (2 * W, 1.0),
        [2 * W, 1.0],
        Pair(2 * W, 1.0),
        Grads(2 * W, 1.0),
        {"dW": Tensor(2 * W), "db": Tensor(1.0)},
    ],
)
def test_gradients_by_name_or_by_position(result):
    found = name_outputs(result, INPUTS, None, by_hand)
    np.testing.assert_array_equal(found["W"], 2 * W)
    assert found["b"] == 1.0


def test_gradients_of_one_container_argument():
    params = {"W1": W, "b1": np.ones(2)}
    inputs = {"X": np.ones(3), "params": params}
    for result in ({"params": {"W1": 2 * W, "b1": np.zeros(2)}}, {"params": {"dW1": 2 * W, "db1": np.zeros(2)}}):
        found = name_outputs(result, inputs, None, by_hand)
        values = [value for name, value in found.items() if name.endswith("W1")]
        assert len(found) == 2
        np.testing.assert_array_equal(values[0], 2 * W)


def test_gradients_that_torch_made():
    class Detachable:
        def detach(self):
            return self

        def numpy(self):
            return np.ones(2)

    found = name_outputs({"x": Detachable()}, {"x": np.zeros(2)}, None, by_hand)
    np.testing.assert_array_equal(found["x"], [1, 1])


def test_a_list_of_numbers_is_the_gradient_of_the_only_input():
    np.testing.assert_array_equal(name_outputs([1.0, 2.0, 3.0], {"x": np.zeros(3)}, None, by_hand)["x"], [1, 2, 3])


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({}, "an empty dict"),
        ({"c": 1.0}, "c"),
        (None, r"None \(is a return missing\?\)"),
        ((1.0, 2.0, 3.0, 4.0), "4 gradients"),
        (np.ones(2), "one array"),
    ],
)
def test_results_that_name_no_gradient(result, words):
    with pytest.raises(BadInputError, match=words):
        name_outputs(result, {"W": W, "b": B, "y": 1}, None, by_hand)


def test_what_was_returned_is_told_where_a_gradient_that_was_asked_for_lacks():
    for result, words in (({"dW": W}, "it returned dW"), ((None, None), "it returned a tuple of 2")):
        with pytest.raises(BadInputError, match=words):
            name_outputs(result, {"W": W, "b": B}, ["W", "b"], by_hand)


def test_a_forgotten_return_is_not_taken_for_a_gradient():
    with pytest.raises(BadInputError, match="is a return missing"):
        tn.testing.check_gradient(lambda x: np.sum(x * x), lambda x: None, shapes={"x": "3"})


# ── the report's numbers ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (1 - 2j, "1-2j"),
        (np.float32(0.25), "0.25"),
        (np.int64(7), "7"),
        ("sum", "sum"),
        (True, "1"),
    ],
)
def test_a_number_in_words(x, text):
    assert number(x) == text


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (np.array(0.5), "0.5"),
        ({"a": 1.0, "b": [2.0, 3.0]}, "{a: 1, b: [2, 3]}"),
        ((1.0, 2.0), "[1, 2]"),
        ("x" * 60, "<str>"),
    ],
)
def test_values_in_words(x, text):
    assert numbers(x) == text


@pytest.mark.parametrize(
    ("x", "told"),
    [
        (1 + 2j, [1.0, 2.0]),
        (np.array([1.0, np.nan, np.inf]), [1.0, "nan", "inf"]),
        ({1: (2.0, None)}, {"1": [2.0, None]}),
        (True, True),
        (object(), "object"),
    ],
)
def test_values_in_json(x, told):
    assert _data(x) == told


def case(yours, correct, numerical=None):
    return SimpleNamespace(
        yours={"dx": yours}, correct={"dx": correct}, numerical={"dx": numerical} if numerical is not None else {}
    )


def test_two_gradients_side_by_side():
    assert _side_by_side("dx", case(np.ones(2), np.ones(3))) == "dx: yours has shape (2,)   correct (3,)"
    assert _side_by_side("dx", case(1.0, 2.0, 2.0)) == "dx: yours 1   correct 2   numerical 2"
    assert _side_by_side("dx", case(1.0, 1.00001)) == "dx: yours 1   correct 1.00001"
    yours = np.zeros((5, 4))
    yours[3, 2] = 7.0
    for numerical in (None, np.zeros((5, 4))):
        text = _side_by_side("dx", case(yours, np.zeros((5, 4)), numerical))
        assert text.startswith("dx[3, 2]: yours 7   correct 0")
        assert ("numerical 0" in text) == (numerical is not None)
        assert "largest difference of 20" in text


@pytest.mark.parametrize(
    ("first", "lines"),
    [
        (SimpleNamespace(name="dZ", line=None, source=""), ["  first wrong variable: dZ"]),
        (SimpleNamespace(name="dZ", line=None, source="dZ = A"), ["  first wrong variable: dZ", "    dZ = A"]),
        (SimpleNamespace(name="", line=3, source=" dZ = A "), ["  line 3:  dZ = A"]),
        (SimpleNamespace(name="", line=3, source=None), ["  line 3:"]),
    ],
)
def test_the_first_wrong_variable(first, lines):
    assert _first_wrong_lines(first, True) == lines


# ── the subject and the map ──────────────────────────────────────────────────────────────────────────────────────


def test_arguments_in_another_order_are_given_by_name():
    subject = Subject(lambda a, b: a - b, lambda a, b: {"a": 1.0, "b": -1.0})
    assert subject.call_f({"b": 2.0, "a": 5.0}) == 3.0
    assert subject.call_f({"a": 5.0, "b": 2.0}) == 3.0


def test_a_hand_made_gradient_without_a_signature_is_called_by_position():
    seen = []

    class Hidden:
        __signature__ = "none"

        def __call__(self, *given):
            seen.append(given)
            return {"a": 1.0}

    subject = Subject(lambda a: a * 1.0, Hidden())
    assert subject.call_by_hand({"a": 2.0}) == {"a": 1.0}
    assert seen == [(2.0,)]


def test_a_map_without_a_graph_or_a_source_says_so(tmp_path):
    with pytest.raises(BadInputError, match="no graph"):
        Blame().graph  # noqa: B018 (asking for it raises)
    with pytest.raises(BadInputError, match="source of your function"):
        Blame().beside_svg()
    graph = tn.graph(Tensor(2.0) * 3.0)
    blame = Blame(draw=lambda: graph)
    for name in ("map.svg", "map.html"):
        file = blame.save(tmp_path / name, beside=False)
        assert "<svg" in file.read_text(encoding="utf-8")
    with pytest.raises(BadInputError, match=r"\.svg or \.html"):
        blame.save(tmp_path / "map.png", beside=False)


def test_a_cost_is_one_number():
    def by_hand(x):
        return {"x": x}

    with pytest.raises(NotScalarError):
        tn.testing.assert_gradient(lambda x: x * np.ones(3), by_hand, shapes={"x": "3"})


def test_a_report_is_one_line_in_the_shell() -> None:
    """`repr` is the verdict; `print` tells it all."""
    report = tn.testing.check_gradient(lambda x: np.sum(x * x), lambda x: x, np.ones(3))
    assert repr(report) == "<Report: dx is wrong in the lambda>"
    assert len(str(report).splitlines()) > 3
