"""The chain rule as text and as LaTeX."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_graphs import first_graph, two_layers

import tinygrad_notes as tn
from tinygrad_notes import Tensor


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
