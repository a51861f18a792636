"""Course 2, week 1: gradient checking by hand, in one dimension and for a three-layer network with planted bugs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...pytree import flatten, unflatten
from ...testing import bits, check_gradient, gradient_difference
from ...transforms import grad
from .result import Result, new_figure

__all__ = ["by_hand", "case", "cost", "gradcheck", "numerical", "planted"]

Array = Any
Params = dict[str, Array]
SHAPES = {"X": "n m", "Y": "1 m", "W1": "p n", "b1": "p 1", "W2": "q p", "b2": "q 1", "W3": "1 q", "b3": "1 1"}


def cost(X: Array, Y: Array, W1: Array, b1: Array, W2: Array, b2: Array, W3: Array, b3: Array) -> Array:
    """The assignment's network, relu, relu, sigmoid, and its cost, written as in the assignment."""
    A1 = np.maximum(0, W1 @ X + b1)
    A2 = np.maximum(0, W2 @ A1 + b2)
    A3 = 1 / (1 + np.exp(-(W3 @ A2 + b3)))
    return 1 / X.shape[1] * np.sum(-np.log(A3) * Y + -np.log(1 - A3) * (1 - Y))


def by_hand(X: Array, Y: Array, W1: Array, b1: Array, W2: Array, b2: Array, W3: Array, b3: Array) -> Params:
    """Its gradient by hand."""
    m = X.shape[1]
    A1 = np.maximum(0, W1 @ X + b1)
    A2 = np.maximum(0, W2 @ A1 + b2)
    A3 = 1 / (1 + np.exp(-(W3 @ A2 + b3)))
    dZ3 = A3 - Y
    dZ2 = W3.T @ dZ3 * (A2 > 0)
    dZ1 = W2.T @ dZ2 * (A1 > 0)
    return {
        "dW1": 1 / m * dZ1 @ X.T,
        "db1": 1 / m * np.sum(dZ1, axis=1, keepdims=True),
        "dW2": 1 / m * dZ2 @ A1.T,
        "db2": 1 / m * np.sum(dZ2, axis=1, keepdims=True),
        "dW3": 1 / m * dZ3 @ A2.T,
        "db3": 1 / m * np.sum(dZ3, axis=1, keepdims=True),
    }


def planted(X: Array, Y: Array, W1: Array, b1: Array, W2: Array, b2: Array, W3: Array, b3: Array) -> Params:
    """The same with the assignment's two bugs: dW2 is twice, db1 four times too large."""
    right = by_hand(X, Y, W1, b1, W2, b2, W3, b3)
    return {**right, "dW2": right["dW2"] * 2, "db1": right["db1"] * 4}


def numerical(J: Any, params: Any, epsilon: float) -> Any:
    """``(J(θ + ε) − J(θ − ε))/(2ε)`` for every number θᵢ of the parameters, one at a time."""
    leaves, structure = flatten(params)
    found = []
    for k, leaf in enumerate(leaves):
        slopes = np.zeros(np.shape(leaf))
        for i in np.ndindex(*np.shape(leaf)):
            plus, minus = (np.array(leaf, dtype=float) for _ in range(2))
            plus[i] += epsilon
            minus[i] -= epsilon
            J_plus, J_minus = (J(unflatten(structure, [*leaves[:k], x, *leaves[k + 1 :]])) for x in (plus, minus))
            slopes[i] = (J_plus - J_minus) / (2 * epsilon)
        found.append(slopes)
    return unflatten(structure, found)


def case() -> tuple[Params, Array, Array]:
    """The assignment's [4, 5, 3, 1] network and three examples (NumPy seed 1)."""
    rng = np.random.RandomState(1)
    X, Y = rng.randn(4, 3), np.array([[1, 1, 0]])
    shapes = {"W1": (5, 4), "b1": (5, 1), "W2": (3, 5), "b2": (3, 1), "W3": (1, 3), "b3": (1, 1)}
    return {name: rng.randn(*shape) for name, shape in shapes.items()}, X, Y


def gradcheck() -> Result:
    """One dimension, planted bugs, and the right gradient at two steps ε; autodiff beside them."""
    one = gradient_difference(numerical(lambda theta: theta * 2, np.float64(4.0), 1e-7), np.float64(2.0))
    params, X, Y = case()

    def J(params: Params) -> Array:
        return cost(X, Y, **params)

    def named(gradient: Params) -> Params:
        return {name[1:]: value for name, value in gradient.items()}

    numeric = {epsilon: numerical(J, params, epsilon) for epsilon in (1e-7, 1e-4)}
    wrong, right = named(planted(X, Y, **params)), named(by_hand(X, Y, **params))
    parts = {name: gradient_difference(numeric[1e-7][name], wrong[name]) for name in params}
    guilty = [name for name, part in parts.items() if part > 1e-3]
    rows: list[dict[str, Any]] = [
        {"model": "J = θ x at θ = 4, x = 2", "ε": "1e-07", "difference": one, "notes": "< 1e-7: fine"},
        {"model": "[4, 5, 3, 1], planted bugs", "ε": "1e-07",
         "difference": gradient_difference(numeric[1e-7], wrong), "notes": "wrong",
         "named": " ".join(f"d{name}" for name in guilty)},
        {"model": "[4, 5, 3, 1], right", "ε": "1e-07", "difference": gradient_difference(numeric[1e-7], right),
         "notes": "< 1e-7: fine"},
        {"model": "[4, 5, 3, 1], right", "ε": "1e-04", "difference": gradient_difference(numeric[1e-4], right),
         "notes": None},
        {"model": "[4, 5, 3, 1], by hand against autodiff", "ε": None,
         "difference": gradient_difference(grad(J)(params), right), "notes": None},
    ]  # fmt: skip
    report = check_gradient(cost, planted, shapes=SHAPES, given={"Y": bits})

    def draw() -> Any:
        steps = 10.0 ** np.arange(-12, 0)
        figure, (axis,) = new_figure(1, width=5)
        errors = [gradient_difference(numerical(J, params, e), right) for e in steps]
        axis.loglog(steps, errors, marker="o", markersize=3)
        axis.axhline(1e-7, color="grey", linewidth=0.8, linestyle="--")
        axis.set(xlabel="ε", ylabel="difference from the right gradient")
        return figure

    shares = ", ".join(f"d{name} {part:.3g}" for name, part in parts.items())
    return Result(
        "gradcheck",
        "Gradient checking: ‖approx − grad‖ / (‖approx‖ + ‖grad‖)",
        rows,
        [
            f"component by component with the planted bugs: {shares}",
            f"tn.testing.check_gradient of the planted ones: {'; '.join(slip.text for slip in report.slips)}",
            "at ε = 1e-7 the right gradient reads above the threshold of 1e-7: rounding, not a bug; ε = 1e-4 tells",
        ],
        draw,
    )
