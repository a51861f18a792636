"""What judges logistic regression: its losses and costs, other ways to compute them, what the steps must do."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..testing import bits
from ..transforms import grad, value_and_grad
from .claims import Evidence, Gradient, Identity, size
from .formula import Formula

CHANCE = (0.05, 0.95)
LOSS = "L = -(y * np.log(a) + (1 - y) * np.log(1 - a))"
LOSS_OF_Z = f"a = sigmoid(z)\n{LOSS}"
ONE_EXAMPLE = f"z = np.sum(w * x) + b\n{LOSS_OF_Z}"
TWO_FEATURES = f"z = w1 * x1 + w2 * x2 + b\n{LOSS_OF_Z}"
TWO_FEATURES_MEAN = """
m = len(y)
z = w1 * x1 + w2 * x2 + b
a = sigmoid(z)
J = -np.mean(y * np.log(a) + (1 - y) * np.log(1 - a))
"""
COST = """
n, m = X.shape
Z = w.T @ X + b
A = sigmoid(Z)
J = -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))
"""

of_a: Gradient = Gradient(LOSS, {"a": "", "y": ""}, {"a": CHANCE, "y": bits})
of_z: Gradient = Gradient(LOSS_OF_Z, {"z": "", "y": ""}, {"y": bits})
one_example: Gradient = Gradient(ONE_EXAMPLE, {"w": "n 1", "x": "n 1", "b": "", "y": ""}, {"y": bits})
two_features: Gradient = Gradient(TWO_FEATURES, dict.fromkeys(("w1", "w2", "b", "x1", "x2", "y"), ""), {"y": bits})
two_features_mean: Gradient = Gradient(
    TWO_FEATURES_MEAN, {"w1": "", "w2": "", "b": "", "x1": "m", "x2": "m", "y": "m"}, {"y": bits}
)
batch: Gradient = Gradient(COST, {"w": "n 1", "X": "n m", "b": "", "Y": "1 m"}, {"Y": bits})

LABELS: dict[str, Any] = {"a": CHANCE, "y": bits}
COLUMN = {"w": "n 1", "x": "n 1", "b": ""}
neuron: Identity = Identity("z = np.sum(w * x, keepdims=True) + b\na = 1 / (1 + np.exp(-z))", COLUMN)
chance_of_y: Identity = Identity("P = yhat if y == 1 else 1 - yhat", {"yhat": "", "y": ""}, {"yhat": CHANCE, "y": bits})
log_chance: Identity = Identity("log_P = np.log(yhat if y == 1 else 1 - yhat)", chance_of_y.shapes, chance_of_y.given)
mean_loss: Identity = Identity(
    "J = np.mean([-np.log(a if y == 1 else 1 - a) for a, y in zip(A, Y)])",
    {"A": "m", "Y": "m", "m": ""},
    {"A": CHANCE, "Y": bits, "m": size("m")},
)
loss_by_cases: Identity = Identity("L = -np.log(a if y == 1 else 1 - a)", {"a": "", "y": ""}, LABELS)


def log_of_product(A: Any, Y: Any) -> dict[str, Any]:
    """The logarithm of the product of all p(y | x), and the mean of −log p(y | x)."""
    p = np.where(Y == 1, A, 1 - A)
    return {"log_likelihood": np.log(np.prod(p)), "J": np.mean(-np.log(p))}


def slope_of_sigmoid(z: Any) -> Any:
    """The slope of σ by central differences."""
    h = 1e-5
    return (np.tanh((z + h) / 2) - np.tanh((z - h) / 2)) / (4 * h)


def loss_of(w1: Any, w2: Any, b: Any, x1: Any, x2: Any, y: Any) -> Any:
    """−log p(y | x) for one example or the mean over several."""
    z = w1 * x1 + w2 * x2 + b
    return np.mean(np.log1p(np.exp(-z)) + (1 - y) * z)


def step_by_autodiff(w1: Any, w2: Any, b: Any, x1: Any, x2: Any, y: Any, alpha: Any) -> dict[str, Any]:
    """The cost, its gradient by autodiff, and one step down along it."""
    J, (dw1, dw2, db) = value_and_grad(loss_of, (0, 1, 2))(w1, w2, b, x1, x2, y)
    return {
        "dw1": dw1,
        "dw2": dw2,
        "db": db,
        "J": J,
        "w1": w1 - alpha * dw1,
        "w2": w2 - alpha * dw2,
        "b": b - alpha * db,
    }


def updated_by_autodiff(w1: Any, w2: Any, b: Any, x1: Any, x2: Any, y: Any, alpha: Any) -> dict[str, Any]:
    """One step down along the gradient by autodiff."""
    found = step_by_autodiff(w1, w2, b, x1, x2, y, alpha)
    return {name: found[name] for name in ("w1", "w2", "b")}


def lowers_the_loss(run: Formula, rng: np.random.Generator) -> Evidence:
    """A small step lowers the loss."""
    lower = []
    for _ in range(20):
        w1, w2, b, x1, x2 = rng.standard_normal(5)
        y = float(rng.integers(2))
        new = run(w1=w1, w2=w2, b=b, x1=x1, x2=x2, y=y, alpha=0.05)
        lower.append(loss_of(new["w1"], new["w2"], new["b"], x1, x2, y) < loss_of(w1, w2, b, x1, x2, y))
    return {"the loss is lower after the step, 20 times of 20": all(lower)}


def leaves_the_interval(run: Formula) -> Evidence:
    """A linear output is no probability."""
    w, x = np.ones((2, 1)), np.ones((2, 1))
    return {
        "5 at x = 1: above 1": run(w=w, x=x, b=3.0)["yhat"] == 5,
        "−1 at x = −2: below 0": run(w=w, x=-2 * x, b=3.0)["yhat"] == -1,
    }


def stepped(w: Any, dw: Any, b: Any, db: Any, alpha: Any) -> dict[str, Any]:
    """A step of α times the gradient, downhill."""
    return {"w": np.add(w, np.negative(np.multiply(alpha, dw))), "b": np.add(b, np.negative(np.multiply(alpha, db)))}


def settles_below_two_over_c(run: Formula) -> Evidence:
    """Gradient descent on c w²/2, whose slope is c w."""
    c = 4.0

    def left(alpha: float, steps: int) -> Any:
        w = 1.0
        for _ in range(steps):
            w = run(w=w, alpha=alpha, c=c)["w"]
        return abs(w)

    return {
        "α = 1.9/c settles": left(1.9 / c, 200) < 1e-6,
        "α = 2.1/c does not": left(2.1 / c, 200) > 1e6,
        "α = 0.01/c is slower than α = 0.5/c": left(0.01 / c, 20) > 1e4 * left(0.5 / c, 20),
        "α = 1/c needs one step": left(1 / c, 1) < 1e-12,
    }


def is_convex(run: Formula, rng: np.random.Generator) -> Evidence:
    """The chord lies above the cost; all starting points end at the same height."""
    X, Y = rng.standard_normal((2, 30)), rng.integers(0, 2, (1, 30)).astype(float)

    def J(w: Any) -> Any:
        return run(X=X, Y=Y, w=w)["J"]

    pairs = [(rng.standard_normal((2, 1)) * 3, rng.standard_normal((2, 1)) * 3) for _ in range(40)]
    ends = []
    for start, _ in pairs[:3]:
        w = start
        for _ in range(300):
            w = w - X @ (1 / (1 + np.exp(-w.T @ X)) - Y).T / 30
        ends.append(J(w))
    return {
        "half way, J is below the chord (40 pairs)": all(J((p + q) / 2) <= (J(p) + J(q)) / 2 + 1e-12 for p, q in pairs),
        "three starting points end at the same J": np.ptp(ends) < 1e-6,
    }


def has_several_minima(run: Formula, rng: np.random.Generator) -> Evidence:
    """Somewhere the chord lies below; for some data there are two valleys."""
    w = np.linspace(-20, 20, 2001)
    bent = run(w=w, x=1.0, b=0.0, y=1.0)["L"]
    valleys = 0
    for _ in range(200):
        x, y, b = rng.standard_normal(3) * 3, rng.integers(0, 2, 3), rng.standard_normal()
        L = sum(run(w=w, x=x[i], b=b, y=y[i])["L"] for i in range(3))
        inside = L[1:-1]
        valleys = max(valleys, int(np.sum((inside < L[:-2] - 1e-9) & (inside < L[2:] - 1e-9))))
    return {
        "the second difference is negative somewhere": np.min(np.diff(bent, 2)) < -1e-6,
        "some data give two local optima": valleys >= 2,
    }


def gradient_at_zero(X: Any, Y: Any) -> dict[str, Any]:
    """Zeros, and the cost's gradient there by autodiff."""

    def J(w: Any) -> Any:
        Z = w.T @ X
        return np.mean(np.log1p(np.exp(Z)) - Y * Z)

    w = X[:, :1] * 0
    return {"w": w, "dw": grad(J)(w)}


def moves_apart(run: Formula, rng: np.random.Generator) -> Evidence:
    """From zeros, different features get different derivatives."""
    dw = run(X=rng.standard_normal((4, 9)), Y=rng.integers(0, 2, (1, 9)), n=4, m=9)["dw"]
    return {"no two entries of dw are equal": len(np.unique(dw)) == 4}


def shapes_of(X: Any, w: Any) -> dict[str, Any]:
    """The shapes of real arrays, stacked column by column."""
    columns = [x.reshape(-1, 1) for x in X.T]
    stacked, labels = np.hstack(columns), np.hstack([np.ones((1, 1)) for _ in columns])
    Z = w.T @ stacked + 0.5
    return {"X": stacked.shape, "Y": labels.shape, "w": w.shape, "Z": Z.shape, "A": (1 / (1 + np.exp(-Z))).shape}
