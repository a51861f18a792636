"""The chain rule as text and as LaTeX."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_graphs import first_graph, two_layers

import tinygrad_notes as tn
from tinygrad_notes import Tensor
from tinygrad_notes.graphs.latex import _course_convention, assignments, expression_latex, latex_name


def softmax_cost(W: Any, b: Any, X: Any, Y: Any) -> Any:
    Z = W @ X + b
    E = np.exp(Z - np.max(Z, axis=0, keepdims=True))
    A = E / np.sum(E, axis=0, keepdims=True)
    return -np.sum(Y * np.log(A)) / X.shape[1]


def batchnorm_cost(gamma: Any, beta: Any, Z: Any) -> Any:
    mu = np.mean(Z, axis=1, keepdims=True)
    var = np.mean((Z - mu) ** 2, axis=1, keepdims=True)
    H = (Z - mu) / np.sqrt(var + 1e-8)
    return np.sum(np.tanh(gamma * H + beta) ** 2)


def relu_cost(W1: Any, b1: Any, W2: Any, X: Any, Y: Any) -> Any:
    A1 = tn.nn.relu(W1 @ X + b1)
    Z2 = W2 @ A1
    return np.mean((Z2 - Y) ** 2) + 0.1 * np.sum(W1 * W1)


COSTS: list[tuple[Any, list[tuple[int, ...]]]] = [
    (softmax_cost, [(3, 4), (3, 1), (4, 5), (3, 5)]),
    (batchnorm_cost, [(3, 1), (3, 1), (3, 8)]),
    (relu_cost, [(4, 3), (4, 1), (2, 4), (3, 6), (2, 6)]),
]


def test_steps_in_the_notes_notation() -> None:
    assert first_graph().steps == [
        "dJ/dv = 3",
        "dJ/da = dJ/dv · dv/da = 3 · 1 = 3",
        "dJ/du = dJ/dv · dv/du = 3 · 1 = 3",
        "dJ/db = dJ/dv · dv/du · du/db = 3 · 1 · c = 6",
        "dJ/dc = dJ/dv · dv/du · du/dc = 3 · 1 · b = 9",
    ]


def test_latex_of_the_first_graph() -> None:
    latex = first_graph().latex
    assert r"u &= b \, c = 6" in latex
    assert (
        r"\frac{\partial J}{\partial b} &= \frac{\partial J}{\partial v} \cdot \frac{\partial v}{\partial u} \cdot "
        r"\frac{\partial u}{\partial b} = 3 \cdot 1 \cdot c = 6"
    ) in latex
    assert latex._repr_latex_().startswith("$$\n\\begin{aligned}")
    assert first_graph().markdown.startswith("$$\n")


def test_sums_over_several_paths() -> None:
    a, b = Tensor(2.0), Tensor(3.0)
    u = a * b
    J = u + a**2
    steps = tn.graph(J, gradients=True).steps
    assert "dJ/da = dJ/du · du/da + dJ/da² · da²/da = 1 · b + 1 · 2·a = 3 + 4 = 7" in steps


def test_array_lines_and_the_course_convention(rng: np.random.Generator) -> None:
    def cost(W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
        Z1 = W1 @ X + b1
        A1 = np.tanh(Z1)
        Z2 = W2 @ A1 + b2
        A2 = tn.nn.sigmoid(Z2)
        return -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))

    X, Y = rng.normal(size=(2, 20)), rng.integers(0, 2, (1, 20)).astype(float)
    graph = tn.graph(cost, *(rng.normal(size=shape) for shape in ((4, 2), (4, 1), (1, 4), (1, 1))))
    assert r"A^{[1]} &= \tanh\left(Z^{[1]}\right)" in graph.latex
    assert r"A^{[2]} &= \sigma\left(Z^{[2]}\right)" in graph.latex
    assert r"dZ^{[2]} &= \frac{1}{m}\left(A^{[2]} - Y\right)" in graph.latex
    course = graph.to_latex(course=True)
    assert r"dZ^{[2]} &= A^{[2]} - Y" in course
    assert r"dW^{[2]} &= \frac{1}{m} \, dZ^{[2]} {A^{[1]}}^{\top}" in course
    assert course.count(r"&= \frac{1}{m} \,") == 4


def test_latex_is_valid(rng: np.random.Generator) -> None:
    convert = pytest.importorskip("latex2mathml.converter", reason="latex2mathml is not installed").convert
    graphs = [first_graph(), two_layers()]
    graphs += [tn.graph(cost, *(rng.uniform(0.3, 1.5, s) for s in shapes)) for cost, shapes in COSTS]
    for graph in graphs:
        assert graph.latex.count("{") == graph.latex.count("}")
        assert graph.latex.count(r"\left") == graph.latex.count(r"\right")
        assert "<math" in convert(str(graph.latex))


def test_the_course_convention_leaves_weight_decay_alone(rng: np.random.Generator) -> None:
    X, Y = rng.normal(size=(3, 5)), rng.integers(0, 2, (1, 5)).astype(float)

    def cost(w: Any) -> Any:
        Z = w.T @ X
        A = tn.nn.sigmoid(Z)
        return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A)) + 0.1 * np.sum(w * w)

    latex = tn.graph(cost, rng.normal(size=(3, 1))).to_latex(course=True)
    assert r"dZ &= A - Y" in latex
    assert r"dw &= 0.2 \cdot w + \frac{1}{m} \, X {dZ}^{\top}" in latex


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("-A / m", r"-\frac{1}{m}A"),
        ("-(A - Y) / m", r"-\frac{1}{m}\left(A - Y\right)"),
        ("-1 / m", r"-\frac{1}{m}"),
        ("1 / m", r"\frac{1}{m}"),
        ("A / B", r"\frac{A}{B}"),
        ("1 / m * A", r"\frac{1}{m} \, A"),
        ("2 * A", r"2 \cdot A"),
        ("A * B", r"A \odot B"),
        ("A @ B.T", r"A {B}^{\top}"),
        ("(A - B) ** 2", r"{\left(A - B\right)}^{2}"),
        ("A - (B - Y)", r"A - \left(B - Y\right)"),
        ("np.abs(A)", r"\left|A\right|"),
        ("np.sqrt(A)", r"\sqrt{A}"),
        ("np.exp(-A)", r"\exp\left(-A\right)"),
        ("np.mean(A)", r"\frac{1}{m}\sum A"),
        ("np.sum(A + B, axis=1)", r"\sum \left(A + B\right)"),
        ("np.full((2, 3), A)", "A"),
        ("np.full_like(A, 2)", "2"),
        ("tn.nn.leaky_relu(A, B)", r"\mathrm{leaky\_relu}\left(A, B\right)"),
        ("A > 0", r"\mathbf{1}\left[A > 0\right]"),
        ("A[:, {0}]", r"\mathtt{A[:, \{0\}]}"),
        ("np.where(A, a_b, 1)", r"\mathtt{np.where(A, a\_b, 1)}"),
    ],
)
def test_expressions(text: str, latex: str) -> None:
    assert expression_latex(text, {"A", "B", "Y"}) == latex


@pytest.mark.parametrize(
    ("name", "latex"), [("x_1", "x_{1}"), ("my_x", r"\mathrm{my\_x}"), ("dalpha", r"\mathrm{dalpha}")]
)
def test_names(name: str, latex: str) -> None:
    assert latex_name(name) == latex


@pytest.mark.parametrize(
    ("f", "x", "steps"),
    [
        (lambda x: abs(x) * 3.0, -2.0, ["· -1"]),
        (lambda x: x**3.0, 2.0, ["3·x² = 12"]),
        (lambda x: x**2.0, 5.0, ["2·x", "10"]),
        (lambda x: 3.0**x, 2.0, ["9.88"]),
        (lambda x: np.arctan2(x, 2.0), 2.0, ["0.25"]),
        (lambda x: 1.0 / x + 2.0, 4.0, ["-0.0625"]),
        (lambda x: np.sqrt(x) - x, 4.0, ["0.25", "-0.75"]),
    ],
)
def test_a_factor_is_a_formula_if_it_is_short_and_else_a_number(f: Any, x: float, steps: list[str]) -> None:
    graph = tn.graph(f, x)
    for words in steps:
        assert any(words in step for step in graph.steps), graph.steps
    assert "begin{aligned}" in graph.latex


def test_a_number_with_too_many_ways_to_the_result_gets_no_line() -> None:
    """2^k ways lead from x to the result; the last values, with few, have their lines."""
    x = Tensor(0.5, name="x")
    y = x
    for _ in range(6):
        y = y * y + y
    y.backward()
    steps = tn.graph(y).steps
    assert not any(step.split(" = ")[0].endswith("/dx") for step in steps)


def test_a_number_among_arrays_gets_a_line_where_its_way_is_one_of_numbers() -> None:
    x = Tensor(np.array([1.0, 2.0]), name="x")
    b = Tensor(3.0, name="b")
    J = np.sum(x * b) * b + b
    J.backward()
    assert [step.split(" = ")[0] for step in tn.graph(J).steps if "/db" in step.split(" = ")[0]] == []


def test_a_variable_named_e_is_a_variable() -> None:
    e, f = Tensor(3.0, name="e"), Tensor(2.0, name="f")
    J = e * f
    J.backward()
    assert "dJ/df = e = 3" in tn.graph(J).steps
    assert "= e = 3" in tn.graph(J).latex


def test_names_and_numbers_that_make_no_formula_stand_as_numbers() -> None:
    n, x = Tensor(3.0, name="n"), Tensor(2.0, name="my value")
    J = x**n * 2.0 + n * x
    J.backward()
    told = " ".join(tn.graph(J).steps)
    assert "12" in told
    assert "dJ/dmy value" in told
    y = Tensor(1.0, name="y")
    with np.errstate(all="ignore"):
        J = y / 0.0
        J.backward()
        assert any("inf" in step for step in tn.graph(J).steps)


COURSE = {
    "no factor": (["dZ = A - Y", "dW = dZ @ X.T"], {"dW"}, ["dZ = A - Y", "dW = dZ @ X.T"]),
    "at the parameters": (
        ["dZ = (A - Y) / m", "dW = dZ @ X.T", "db = np.sum(dZ)"],
        {"dW", "db"},
        ["dZ = A - Y", "dW = 1 / m * dZ @ X.T", "db = 1 / m * np.sum(dZ)"],
    ),
    "handed on": (
        ["dZ2 = (A2 - Y) / m", "dZ1 = W2.T @ dZ2 * G", "dW1 = dZ1 @ X.T"],
        {"dW1"},
        ["dZ2 = A2 - Y", "dZ1 = W2.T @ dZ2 * G", "dW1 = 1 / m * dZ1 @ X.T"],
    ),
    "weight decay": (
        ["dZ = (A - Y) / m", "dW = dZ @ X.T + 0.1 * W"],
        {"dW"},
        ["dZ = A - Y", "dW = 1 / m * dZ @ X.T + 0.1 * W"],
    ),
    "subtracted": (
        ["dZ = (A - Y) / m", "dW = -(0.1 * W) - dZ @ X.T"],
        {"dW"},
        ["dZ = A - Y", "dW = - 0.1 * W - 1 / m * dZ @ X.T"],
    ),
    "two terms of it": (
        ["dZ = (A - Y) / m", "dW = dZ @ X.T + dZ @ V"],
        {"dW"},
        ["dZ = A - Y", "dW = 1 / m * (dZ @ X.T + dZ @ V)"],
    ),
}


@pytest.mark.parametrize("name", COURSE)
def test_the_course_convention_moves_the_factor(name: str) -> None:
    lines, leaves, wanted = COURSE[name]
    moved = _course_convention(assignments(lines), leaves)
    assert moved == assignments(wanted)


@pytest.mark.parametrize(
    "lines",
    [
        ["dZ = (A - Y) / m", "dP = dZ * dZ"],
        ["dZ = (A - Y) / m", "dQ = (B - Y) / n", "dP = dZ + dQ"],
        ["dZ = (A - Y) / m", "dA = dZ @ X.T + W"],
    ],
)
def test_where_the_course_convention_cannot_be_kept_nothing_moves(lines: list[str]) -> None:
    assert _course_convention(assignments(lines), {"dW"}) == assignments(lines)
