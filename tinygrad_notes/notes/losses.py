"""Losses of one example and the cost of all; softmax and its two gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..testing import bits, onehot
from .claims import Every, Evidence, Gradient, Identity, Procedure, size
from .entry import right, wrong
from .formula import Formula

CHANCE = (0.05, 0.95)
SOFTMAX_LOSS = "yhat = np.exp(z) / np.sum(np.exp(z))\nL = -np.sum(y * np.log(yhat))"

by_cases: Identity = Identity(
    "L = -np.log(yhat if y == 1 else 1 - yhat)", {"yhat": "", "y": ""}, {"yhat": CHANCE, "y": bits}
)
mean_loss: Identity = Identity(
    "J = np.mean([-np.log(a if y == 1 else 1 - a) for a, y in zip(A[0], Y[0])])",
    {"A": "1 m", "Y": "1 m", "m": ""},
    {"A": CHANCE, "Y": bits, "m": size("m")},
)
of_scores: Gradient = Gradient(SOFTMAX_LOSS, {"z": "K", "y": "K"}, {"y": onehot})


def slope(f: Any, x: float) -> Any:
    """The central difference, improved once by Richardson's step."""
    h = 1e-3

    def central(step: float) -> Any:
        return (f(x + step) - f(x - step)) / (2 * step)

    return (4 * central(h / 2) - central(h)) / 3


def slope_of_negative_score(z: Any) -> Any:
    """The slope of −log ŷ_p with respect to another class's score, by differences."""

    def loss(z_n: float) -> Any:
        scores = np.append(z[:-2], [z_n, z[-1]])
        return -np.log(np.exp(z[-1]) / np.sum(np.exp(scores)))

    return slope(loss, float(z[-2]))


negative_class: Identity = Identity(slope_of_negative_score, {"z": "K"}, dims=(3, 4, 5), rtol=1e-7)


def lowest_at(run: Formula) -> Evidence:
    """Where the loss is smallest, on a grid that holds the ends."""
    yhat = np.linspace(0, 1, 101)[1:-1]
    ones, zeros = run(yhat=yhat, y=1)["L"], run(yhat=yhat, y=0)["L"]
    return {
        "y = 1: L = −log ŷ": np.allclose(ones, -np.log(yhat)),
        "y = 0: L = −log(1 − ŷ)": np.allclose(zeros, -np.log(1 - yhat)),
        "y = 1: falls towards ŷ = 1": np.all(np.diff(ones) < 0),
        "y = 0: falls towards ŷ = 0": np.all(np.diff(zeros) > 0),
        "nothing to lose at the label": np.all(
            [run(yhat=1.0 - 1e-15, y=1)["L"] < 1e-14, run(yhat=1e-15, y=0)["L"] < 1e-14]
        ),
    }


def runs_to_infinity(run: Formula) -> Evidence:
    """σ(z) in float64 is exactly 1 from z = 37 on."""
    return {
        "z = 1, y = 1: log(1 + 1/e)": np.isclose(run(z=1.0, y=1.0)["L"], np.log1p(np.exp(-1.0)), rtol=1e-12),
        "z = 1, y = 0: log(1 + e)": np.isclose(run(z=1.0, y=0.0)["L"], np.log1p(np.exp(1.0)), rtol=1e-12),
        "z = 36: finite": np.isfinite(run(z=36.0, y=0.0)["L"]),
        "z = 37, y = 0: inf": run(z=37.0, y=0.0)["L"] == np.inf,
        "z = 37, y = 1: 0 · inf is not a number": np.isnan(run(z=37.0, y=1.0)["L"]),
    }


def live_negatives(run: Formula, rng: np.random.Generator) -> Evidence:
    """A negative class adds nothing to the sum and still has a gradient."""
    z, y = rng.standard_normal(5), np.eye(5)[2]
    found = run(z=z, y=y)
    others = y == 0
    return {
        "negative classes add no loss": np.allclose(found["terms"], -np.log(found["yhat"]) * ~others),
        "their gradient is not zero": np.all(found["dz"][others] > 1e-3),
        "all gradients together are zero": abs(np.sum(found["dz"])) < 1e-12,
    }


ENTRIES = [
    right(
        "loss.squared",
        "the squared loss of one example",
        "000:38; 004:211",
        r"L = \tfrac{1}{2}(\hat{y} - y)^2",
        "L = 1 / 2 * (yhat - y) ** 2",
        Identity("e = yhat - y\nL = e * e / 2", {"yhat": "", "y": ""}),
        shapes="scalar",
    ),
    right(
        "loss.bce",
        "the loss of logistic regression",
        "000:35,54; 002:126; 004:229,341,683",
        r"L = -y\log\hat{y} - (1-y)\log(1-\hat{y})",
        "L = -y * np.log(yhat) - (1 - y) * np.log(1 - yhat)",
        by_cases,
        shapes="scalar",
    ),
    right(
        "loss.bce-cases",
        "its two cases: y = 1 wants ŷ = 1, y = 0 wants ŷ = 0",
        "000:77-79; 004:231-238",
        r"y = 1: L = -\log\hat{y};\quad y = 0: L = -\log(1-\hat{y})",
        "L = -np.log(yhat) if y == 1 else -np.log(1 - yhat)",
        Procedure(lowest_at),
        shapes="scalar",
    ),
    right(
        "loss.bce-inf",
        "log(a) with a = 0: the loss is infinite",
        "004:2280-2283",
        r"a = 0 \Rightarrow \log a = -\infty",
        "a = sigmoid(z)\nL = -(y * np.log(a) + (1 - y) * np.log(1 - a))",
        Procedure(runs_to_infinity),
        shapes="scalar",
    ),
    right(
        "loss.vs-cost",
        "a loss is of one example, a cost of all",
        "000:35-36; 004:221-242",
        r"J = \frac{1}{m}\sum_i L(\hat{y}^{(i)}, y^{(i)})",
        "L = [-y * np.log(a) - (1 - y) * np.log(1 - a) for a, y in zip(A[0], Y[0])]\nJ = 1 / m * sum(L)",
        mean_loss,
        shapes="scalar",
    ),
    right(
        "cost.bce",
        "the cross-entropy cost",
        "000:35; 001:201; 002:189,465; 004:242,252,359,642,685,1021,2322",
        r"J = -\frac{1}{m}\sum_{i=1}^{m}\left[y^{(i)}\log\hat{y}^{(i)} + (1-y^{(i)})\log(1-\hat{y}^{(i)})\right]",
        "J = -1 / m * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))",
        mean_loss,
        shapes="Y, A (1, m) → scalar",
    ),
    wrong(
        "cost.sum-from-0",
        "“… Σ from 0 to m”",
        "004:1268",
        r"J = -\frac{1}{m}\sum_{0}^{m}\left[y^{(i)}\log a^{(i)} + (1-y^{(i)})\log(1-a^{(i)})\right]",
        "J = -1 / m * sum((np.log(np.where(Y == 1, A, 1 - A))[0, i - 1] for i in range(0, m + 1)))",
        mean_loss,
        right="J = -1 / m * sum((np.log(np.where(Y == 1, A, 1 - A))[0, i - 1] for i in range(1, m + 1)))",
        slip="OCR or slip",
        why="m + 1 terms; i = 1..m",
        shapes="scalar",
    ),
    wrong(
        "cost.Y-from-0",
        "“Y = [y⁽⁰⁾ y⁽¹⁾ … y⁽ᵐ⁾]”",
        "004:1055",
        r"Y = [y^{(0)}\ y^{(1)} \dots y^{(m)}]",
        "Y = np.stack([y[i % m] for i in range(0, m + 1)], axis=1)\ndZ = A - Y",
        Identity(
            lambda y, A: {"Y": y.T, "dZ": A - y.T}, {"y": "m 1", "A": "1 m", "m": ""}, {"y": bits, "m": size("m")}
        ),
        right="Y = np.stack([y[i % m] for i in range(0, m)], axis=1)\ndZ = A - Y",
        slip="OCR or slip",
        why="m + 1 columns; y⁽¹⁾..y⁽ᵐ⁾",
        shapes="(1, m + 1)?",
    ),
    right(
        "loss.softmax",
        "softmax: scores to probabilities",
        "000:41",
        r"\hat{y}_i = \frac{e^{z_i}}{\sum_{j=1}^{K} e^{z_j}}",
        "yhat = np.exp(z) / np.sum(np.exp(z))",
        Identity("yhat = np.array([1 / sum(np.exp(z_j - z_i) for z_j in z) for z_i in z])", {"z": "K"}),
        shapes="z, ŷ (K,)",
    ),
    right(
        "loss.cce",
        "the loss of K classes",
        "000:39-41",
        r"L = -\sum_{i=1}^{K} y_i \log\hat{y}_i",
        "L = -np.sum(y * np.log(yhat))",
        Identity("L = -sum(y[i] * np.log(yhat[i]) for i in range(len(y)))", {"y": "K", "yhat": "K"}, {"yhat": CHANCE}),
        shapes="y, ŷ (K,)",
    ),
    right(
        "loss.cce-onehot",
        "one-hot y, class p: L = −log ŷ_p",
        "000:41-42",
        r"L = -\log\hat{y}_p = -\log\frac{e^{z_p}}{\sum_j e^{z_j}}",
        "p = np.argmax(y)\nL = -np.log(np.exp(z[p]) / np.sum(np.exp(z)))",
        Identity("L = -np.sum(y * np.log(softmax(z, axis=0)))", {"z": "K", "y": "K"}, {"y": onehot}),
        shapes="scalar",
    ),
    right(
        "loss.softmax-pos",
        "the positive class: dL/dz_p = ŷ_p − 1",
        "000:43-44",
        r"\frac{dL}{dz_p} = -\frac{S}{e^{z_p}}\cdot\frac{e^{z_p}S - e^{z_p}e^{z_p}}{S^2} = \hat{y}_p - 1",
        "dz_p = yhat_p - 1",
        Gradient(
            "S = np.exp(z_p) + np.sum(np.exp(others))\nyhat_p = np.exp(z_p) / S\nL = -np.log(yhat_p)",
            {"z_p": "", "others": "k"},
        ),
        shapes="scalar",
    ),
    right(
        "loss.softmax-neg",
        "a negative class: dL/dz_n = ŷ_n",
        "000:45 (last line)",
        r"\frac{dL}{dz_n} = \hat{y}_n,\quad n \ne p",
        "dz_n = yhat_n",
        Gradient(
            "S = np.exp(z_p) + np.exp(z_n) + np.sum(np.exp(others))\n"
            "yhat_n = np.exp(z_n) / S\nL = -np.log(np.exp(z_p) / S)",
            {"z_p": "", "z_n": "", "others": "k"},
        ),
        shapes="scalar",
    ),
    wrong(
        "loss.softmax-neg-dzp",
        "the negative class, first line: “d/dz_p”",
        "000:45 (first line)",
        r"\frac{d}{dz_n}\left(-\log\frac{e^{z_p}}{S}\right) = -\frac{S}{e^{z_p}}\frac{d}{dz_p}\frac{e^{z_p}}{S}",
        "S = np.sum(np.exp(z))\n"
        "dz_n = -S / np.exp(z[-1]) * slope(lambda z_p: np.exp(z_p) / (S - np.exp(z[-1]) + np.exp(z_p)), z[-1])",
        Identity(slope_of_negative_score, {"z": "K"}, dims=(3, 4, 5), using={"slope": slope}, rtol=1e-7),
        right="S = np.sum(np.exp(z))\n"
        "dz_n = -S / np.exp(z[-1]) * slope(lambda z_n: np.exp(z[-1]) / (S - np.exp(z[-2]) + np.exp(z_n)), z[-2])",
        slip="slip",
        why="z_p is copied from the positive case: d/dz_n",
        shapes="scalar",
    ),
    wrong(
        "loss.softmax-neg-sign",
        "the negative class, third line: the minus lost",
        "000:45 (third line)",
        r"= -\frac{S}{e^{z_p}}\cdot\frac{e^{z_p}e^{z_n}}{S^2}",
        "S = np.sum(np.exp(z))\ndz_n = -S / np.exp(z[-1]) * np.exp(z[-1]) * np.exp(z[-2]) / S ** 2",
        negative_class,
        right="S = np.sum(np.exp(z))\ndz_n = S / np.exp(z[-1]) * np.exp(z[-1]) * np.exp(z[-2]) / S ** 2",
        slip="slip",
        why="the derivative of 1/S brings a second minus: this gives −ŷ_n",
        shapes="scalar",
    ),
    right(
        "loss.softmax-neg-live",
        "negative classes add no loss, yet have a gradient",
        "000:42",
        r"\frac{dL}{dz} = \hat{y} - y",
        "yhat = softmax(z, axis=0)\nterms = -y * np.log(yhat)\ndz = yhat - y",
        Every(of_scores, Procedure(live_negatives)),
        shapes="(K,)",
    ),
]
