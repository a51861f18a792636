"""The emblematic derivations, each a walk through entries of the catalogue: every step is decided on its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .formula import Formula

if TYPE_CHECKING:
    from ..graphs import Graph

__all__ = ["DERIVATIONS", "Derivation"]


@dataclass(frozen=True)
class Derivation:
    """A page: words, a graph, and steps that are entries.

    Attributes
    ----------
    name, title, words : str
    code : str
        What is differentiated.
    inputs : dict
        Where the graph is drawn.
    steps : tuple of str
        Ids, in the order of the proof.
    """

    name: str
    title: str
    words: str
    code: str
    inputs: dict[str, Any]
    steps: tuple[str, ...]

    def graph(self) -> Graph:
        """The graph with the chain rule written at its arrows.

        Examples
        --------
        >>> graph = DERIVATIONS[0].graph()
        >>> [(node.label, float(node.gradient)) for node in graph.nodes]
        [('b', 6.0), ('c', 9.0), ('a', 3.0), ('u', 3.0), ('v', 3.0), ('J', 1.0)]
        """
        from ..graphs import graph

        formula = Formula(self.code)
        return graph(formula.function(formula.last), *(self.inputs[name] for name in formula.inputs), chain=True)


def _random(*shape: int) -> Any:
    return np.round(np.random.default_rng(len(shape) + sum(shape)).standard_normal(shape), 1)


LABELS = np.array([[1, 0]])
ONE_HOT = np.array([0, 1, 0])

DERIVATIONS = (
    Derivation(
        "graph",
        "J = 3(a + bc)",
        "Values run from left to right. Then each arrow carries its local slope back: along a path slopes are "
        "multiplied, and where paths meet they are added.",
        "u = b * c\nv = a + u\nJ = 3 * v",
        {"a": 5.0, "b": 3.0, "c": 2.0},
        ("graph.forward", "graph.direction", "graph.dv", "graph.da", "graph.du", "graph.db", "graph.dc"),
    ),
    Derivation(
        "logistic-regression",
        "Logistic regression: dL/da → da/dz → dz = a − y → dw, db",
        "The loss's slope has a(1 − a) below, the sigmoid's slope is a(1 − a): they cancel, and what is left is the "
        "prediction's error.",
        "z = w1 * x1 + w2 * x2 + b\na = 1 / (1 + np.exp(-z))\nL = -(y * np.log(a) + (1 - y) * np.log(1 - a))",
        {"w1": 0.4, "x1": 0.7, "w2": 0.9, "x2": -1.2, "b": -0.2, "y": 1},
        ("logreg.hypothesis", "loss.bce", "logreg.dLda", "logreg.dadz", "logreg.dz", "logreg.dw", "logreg.vec"),
    ),
    Derivation(
        "softmax",
        "Softmax cross-entropy: the positive and the negative classes",
        "Only the positive class adds to the loss, and yet every score has a gradient: all of them stand in the "
        "denominator. Together: ŷ − y.",
        "e = np.exp(z)\nyhat = e / np.sum(e)\nL = -np.sum(y * np.log(yhat))",
        {"z": np.array([1.2, 0.3, -0.4]), "y": ONE_HOT},
        (
            "loss.softmax",
            "loss.cce",
            "loss.cce-onehot",
            "loss.softmax-pos",
            "loss.softmax-neg",
            "loss.softmax-neg-live",
        ),
    ),
    Derivation(
        "delta",
        "The recursion for δ: δ[l] = g'(z[l]) ⊙ W[l+1]ᵀ δ[l+1]",
        "A unit's z reaches the cost through every unit of the next layer, so its δ is a sum over them. Decided for "
        "random sizes; with the step from l + 1 to l for any l, it holds for any number of layers.",
        "a1 = np.tanh(z1)\nz2 = W2 @ a1\na2 = np.tanh(z2)\nC = np.sum((a2 - t) ** 2) / 2",
        {"z1": _random(3, 1), "W2": _random(2, 3), "t": np.array([[1], [0]])},
        ("delta.grad", "delta.dzdw", "delta.no-b", "delta.rec", "delta.all"),
    ),
    Derivation(
        "layers",
        "L layers: forward with caches, backward with the shapes checked",
        "Forward keeps Z[l]; backward takes dA[l] in and gives dA[l-1], dW[l], db[l]. Every gradient has the shape of "
        "its variable, or the claim is refuted before a value is compared.",
        "Z1 = W1 @ X + b1\nA1 = np.tanh(Z1)\nZ2 = W2 @ A1 + b2\nA2 = 1 / (1 + np.exp(-Z2))\n"
        "J = -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))",
        {
            "W1": _random(3, 2),
            "X": _random(2, 2),
            "b1": _random(3, 1),
            "W2": _random(1, 3),
            "b2": _random(1, 1),
            "Y": LABELS,
        },
        ("fwd.L", "fwd.cache", "bp.L-1ex", "bp.L-vec", "bp.m-convention", "bp.stop"),
    ),
    Derivation(
        "weight-decay",
        "L2: why it is called weight decay",
        "The penalty adds (λ/m) W to the gradient; put into the step, W is first multiplied by a number a little "
        "below 1.",
        "e = y - w * x\nJ = (e ** 2 + lam * w ** 2) / 2",
        {"y": 1.0, "w": 0.5, "x": 2.0, "lam": 0.1},
        ("reg.l2", "reg.frob", "reg.l2-grad", "reg.wd", "reg.lambda-inf", "reg.changes"),
    ),
)
