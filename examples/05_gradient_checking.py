"""Gradient checking, the notes' exercise: two mistakes are planted in a backward pass, and a number says so. Which?

    python examples/05_gradient_checking.py [--seed 0] [--artefacts FOLDER]

A network 4-5-3-1 (relu, relu, sigmoid). The exercise's backward pass doubles dW2 and divides db1 by m/4. The course
measures ‖approx − grad‖ / (‖approx‖ + ‖grad‖) = 0.285 and leaves you to search. `check_gradient` names both.
"""

from __future__ import annotations

import argparse

import numpy as np

from tinygrad_notes.testing import bits, check_gradient, gradient_difference, numerical_gradient


def sigmoid(Z):
    return 1 / (1 + np.exp(-Z))


def cost(X, Y, W1, b1, W2, b2, W3, b3):
    A1 = np.maximum(0, W1 @ X + b1)
    A2 = np.maximum(0, W2 @ A1 + b2)
    A3 = sigmoid(W3 @ A2 + b3)
    return np.mean(-np.log(A3) * Y - np.log(1 - A3) * (1 - Y))


def backward(X, Y, W1, b1, W2, b2, W3, b3):
    """The course's backward pass, with its two planted mistakes."""
    m = X.shape[1]
    Z1 = W1 @ X + b1
    A1 = np.maximum(0, Z1)
    Z2 = W2 @ A1 + b2
    A2 = np.maximum(0, Z2)
    A3 = sigmoid(W3 @ A2 + b3)

    dZ3 = A3 - Y
    dW3 = 1.0 / m * dZ3 @ A2.T
    db3 = 1.0 / m * np.sum(dZ3, axis=1, keepdims=True)

    dZ2 = W3.T @ dZ3 * (Z2 > 0)
    dW2 = 1.0 / m * dZ2 @ A1.T * 2
    db2 = 1.0 / m * np.sum(dZ2, axis=1, keepdims=True)

    dZ1 = W2.T @ dZ2 * (Z1 > 0)
    dW1 = 1.0 / m * dZ1 @ X.T
    db1 = 4.0 / m * np.sum(dZ1, axis=1, keepdims=True)
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2, "dW3": dW3, "db3": db3}


def repaired(X, Y, W1, b1, W2, b2, W3, b3):
    """The same with both mistakes mended."""
    grads = backward(X, Y, W1, b1, W2, b2, W3, b3)
    return {**grads, "dW2": grads["dW2"] / 2, "db1": grads["db1"] / 4}


SHAPES = {
    "X": "4 m", "Y": "1 m", "W1": "5 4", "b1": "5 1", "W2": "3 5", "b2": "3 1", "W3": "1 3", "b3": "1 1",
}  # fmt: skip


def course_case():
    """The exercise's own numbers: three examples, weights from one seed."""
    random = np.random.RandomState(1)
    X = random.randn(4, 3)
    Y = np.array([[1.0, 1.0, 0.0]])
    parameters = [random.randn(*shape) for shape in ((5, 4), (5, 1), (3, 5), (3, 1), (1, 3), (1, 1))]
    return X, Y, *parameters


def the_courses_number(by_hand) -> float:
    """‖approx − grad‖ / (‖approx‖ + ‖grad‖) over all parameters, with the course's step."""
    case = course_case()
    grads = list(by_hand(*case).values())
    approx = numerical_gradient(cost, *case, argnums=(2, 3, 4, 5, 6, 7), method="central", step=1e-7)
    return gradient_difference(list(approx), grads)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--artefacts", help="a folder for the failing case")
    arguments = parser.parse_args(argv)

    print(f"the course's number: {the_courses_number(backward):.4f}  (below 1e-7 is great, above 1e-3 a worry)")
    given = {"Y": bits}
    print(
        check_gradient(cost, backward, shapes=SHAPES, given=given, seed=arguments.seed, artefacts=arguments.artefacts)
    )
    print()
    print(f"mended: {the_courses_number(repaired):.1e}")
    print(check_gradient(cost, repaired, shapes=SHAPES, given=given, seed=arguments.seed))


if __name__ == "__main__":
    main()
