"""Answers of why, steps of formulas and origins of NaN on rarer ways."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor
from tinygrad_notes.graphs.formulas import number
from tinygrad_notes.train import nonfinite


def formula(y):
    return tn.graph(y).nodes[-1].formula


X = np.arange(6.0).reshape(2, 3) + 1


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (lambda x: np.reciprocal(x), "1 / x"),
        (lambda x: +x, "x"),
        (lambda x: x[X > 2], "x[mask]"),
        (lambda x: x[..., 0], "x[…, 0]"),
        (lambda x: x[0:1, ::2], "x[0:1, ::2]"),
        (lambda x: x[[0, 1]], "x["),
        (lambda x: np.transpose(x, (1, 0)), "x"),
        (lambda x: np.apply_along_axis(np.sum, 0, x), "x"),
        (lambda x: np.take(x, [0, 1, 2, 3, 4, 5, 0, 1]), "…"),
    ],
)
def test_formulas(f, text):
    x = Tensor(X, name="x")
    assert text in "  ".join(n.formula for n in tn.graph(np.sum(f(x))).nodes)


@pytest.mark.parametrize(
    ("x", "text"),
    [(10**12, "1e+12"), (123456, "123456"), (2.5e7, "2.5e+07"), (-0.0, "0"), (np.inf, "inf"), (-np.inf, "-inf")],
)
def test_numbers(x, text):
    assert number(x) == text


def test_names_that_look_like_the_made_up_ones_are_avoided():
    a = Tensor(2.0, name="v1")
    b = Tensor(3.0, name="t2")
    c = Tensor(4.0, name="n3")
    d = Tensor(5.0, name="node4")
    J = np.sin(a * b) * np.cos(c * d)
    labels = {node.label for node in tn.graph(J).nodes}
    assert {"v1", "t2", "n3", "node4"} <= labels
    assert len(labels) == len(tn.graph(J).nodes)


# ── not finite ───────────────────────────────────────────────────────────────────────────────────────────────────


def quiet(f, *args):
    with np.errstate(all="ignore"):
        return f(*args)


def test_a_gradient_that_is_given_as_nan():
    x = Tensor([1.0, 2.0], name="x")
    y = x * 2.0
    y.backward(gradient=np.array([np.nan, 1.0]))
    answer = tn.why(y, x)
    assert "the gradient given to backward() isn't finite itself" in answer.text
    assert "gradient=" in answer.text


def test_an_input_that_is_not_finite():
    x = Tensor([1.0, np.inf], name="x")
    J = np.sum(x * 2.0)
    J.backward()
    assert "x" in tn.why(J).text
    assert "finite" in tn.why(J).text


def test_a_constant_that_is_not_finite_in_a_backward_step():
    x = Tensor([1.0, 2.0], name="x")
    k = np.array([np.inf, 1.0])
    J = quiet(lambda: np.sum(np.where(np.array([False, True]), x * k, x)))
    quiet(J.backward)
    text = quiet(lambda: tn.why(J, x).text)
    assert "k" in text
    assert "finite" in text


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: np.linalg.det(x * np.array([[np.inf, 1.0], [1.0, 2.0]])), "finite"),
        (lambda x: np.sum(np.sqrt(x - 5.0)), "sqrt"),
        (lambda x: np.sum((x - 5.0) ** 0.5), "not real"),
        (lambda x: np.sum(x**400.0 * 1e200) * 1e200, "overflow"),
        (lambda x: np.sum(np.arctanh(x * 3)), "lives between -1 and 1"),
        (lambda x: np.sum(np.arccosh(x / 100)), "arccosh lives above 1"),
        (lambda x: np.sum((x * 0.0) ** -1.0), "1 / 0"),
        (lambda x: np.matmul(x, np.full((2, 2), np.nan)).sum(), "finite"),
    ],
)
def test_values_that_are_not_finite(f, words):
    x = Tensor(np.array([[1.0, 2.0], [3.0, 4.0]]), name="x")
    J = quiet(f, x)
    assert words in quiet(lambda: tn.why(J).text)


def test_a_branch_that_was_not_taken_by_a_maximum_further_on():
    x = Tensor(np.array([0.0, 4.0]), name="x")
    root = np.sqrt(x)
    J = np.sum(np.maximum(root * 1.0, 1.0))
    quiet(J.backward)
    text = quiet(lambda: tn.why(J, x).text)
    assert "sqrt" in text


@pytest.mark.parametrize("reduce", [np.max, np.min])
def test_a_branch_that_was_not_taken_by_a_reduction(reduce):
    x = Tensor(np.array([0.0, 4.0, 9.0]), name="x")
    J = reduce(np.sqrt(x)) if reduce is np.max else reduce(-np.sqrt(x))
    quiet(J.backward)
    assert "sqrt" in quiet(lambda: tn.why(J, x).text)


def test_a_mask_that_nothing_in_the_graph_explains():
    x = Tensor(np.array([0.0, 4.0]), name="x")
    y = np.where(np.array([False, True]), np.sqrt(x), 0.0)
    J = np.sum(y)
    quiet(J.backward)
    assert "sqrt" in quiet(lambda: tn.why(J, x).text)


# ── zero ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: np.sum(np.array([1.0, 1.0, 0.0]) * (x * np.array([0.0, 0.0, 5.0]))), "0"),
        (lambda x: np.sum(np.array([1.0, -1.0, 0.0]) * (x[:1] + np.zeros(3))), "add up to 0"),
        (lambda x: np.sum(np.array([0.0, 0.0, 0.0]) / x), "0"),
        (lambda x: np.sum(np.sort(x) * 0.0), "0"),
        (lambda x: np.linalg.norm(x * 0.0), "0"),
        (lambda x: np.sum(np.clip(x, 5, 6)), "0"),
        (lambda x: np.sum(np.exp(x - 800.0)), "underflow"),
        (lambda x: np.sum(np.tanh(x * 100.0)), "saturated"),
        (lambda x: np.sum(tn.nn.softmax(x)), "1"),
    ],
)
def test_gradients_of_zero(f, words):
    x = Tensor(np.array([1.0, 2.0, 3.0]), name="x")
    J = quiet(f, x)
    quiet(J.backward)
    answer = quiet(lambda: tn.why(J, x))
    assert words in answer.text


def test_more_ways_than_are_told():
    x = Tensor(np.array([1.0, 2.0]), name="x")
    J = sum(np.sum(np.maximum(-x - k, 0.0)) for k in range(9))
    J.backward()
    assert "more ways" in tn.why(J, x).text


# ── training ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_origin_of_a_loss():
    params = {"w": np.array([1.0, -1.0]), "b": 2.0}
    assert nonfinite.origin_of_value(lambda p: np.sum(p["w"]) + p["b"], params) is None
    assert nonfinite.origin_of_value(lambda p: 3.0, params) is None
    assert nonfinite.origin_of_gradient(lambda p: 3.0, params) is None
    assert nonfinite.origin_of_gradient(lambda p: np.sum(p["w"] ** 2), params) is None
    found = quiet(nonfinite.origin_of_value, lambda p: np.sum(np.log(p["w"] * p["b"])), params)
    assert (found.op, found.parameter) == ("log", "w")
    found = quiet(nonfinite.origin_of_gradient, lambda p: np.sum(np.sqrt(p["w"] * 0.0 * p["b"])), params)
    assert "sqrt" in found.op


def test_the_origin_of_a_loss_that_no_parameter_reaches():
    found = quiet(nonfinite.origin_of_value, lambda w: np.log(w * 0.0 - 1.0) + w, 1.0)
    assert found.parameter == "the parameter"
