"""Check your derivation, and be told what you did wrong: four slips in a two-layer net.

    python examples/04_check_a_derivation.py

The net of the notes: Z1 = W1 X + b1, A1 = tanh(Z1), Z2 = W2 A1 + b2, A2 = σ(Z2), the cost is the mean cross-entropy.
"""

from __future__ import annotations

import argparse

import numpy as np

import tinygrad_notes as tn


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def cost(X, Y, W1, b1, W2, b2):
    Z1 = W1 @ X + b1
    A1 = np.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = sigmoid(Z2)
    return -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))


def forgot_the_mean(X, Y, W1, b1, W2, b2):
    m = X.shape[1]
    A1 = np.tanh(W1 @ X + b1)
    dZ2 = sigmoid(W2 @ A1 + b2) - Y
    dZ1 = W2.T @ dZ2 * (1 - A1**2)
    return {
        "dW1": dZ1 @ X.T / m,
        "db1": np.sum(dZ1, axis=1, keepdims=True),
        "dW2": dZ2 @ A1.T / m,
        "db2": np.sum(dZ2, axis=1, keepdims=True) / m,
    }


def tanh_at_the_wrong_place(X, Y, W1, b1, W2, b2):
    m = X.shape[1]
    Z1 = W1 @ X + b1
    A1 = np.tanh(Z1)
    dZ2 = sigmoid(W2 @ A1 + b2) - Y
    dW2 = dZ2 @ A1.T / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = W2.T @ dZ2 * (1 - Z1**2)
    dW1 = dZ1 @ X.T / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


def kept_the_sigmoid(X, Y, W1, b1, W2, b2):
    m = X.shape[1]
    A1 = np.tanh(W1 @ X + b1)
    A2 = sigmoid(W2 @ A1 + b2)
    dZ2 = (A2 - Y) * A2 * (1 - A2)
    dZ1 = W2.T @ dZ2 * (1 - A1**2)
    dW1 = dZ1 @ X.T / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    dW2 = dZ2 @ A1.T / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


def planted_bugs(X, Y, W1, b1, W2, b2):
    m = X.shape[1]
    A1 = np.tanh(W1 @ X + b1)
    dZ2 = sigmoid(W2 @ A1 + b2) - Y
    dW2 = 1.0 / m * dZ2 @ A1.T * 2
    db2 = 1.0 / m * np.sum(dZ2, axis=1, keepdims=True)
    dZ1 = W2.T @ dZ2 * (1 - A1**2)
    dW1 = 1.0 / m * dZ1 @ X.T
    db1 = 4.0 / m * np.sum(dZ1, axis=1, keepdims=True)
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


SHAPES = {"X": "n m", "Y": "1 m", "W1": "h n", "b1": "h 1", "W2": "1 h", "b2": "1 1"}


def main(argv: list[str] | None = None) -> None:
    argparse.ArgumentParser(description="Four slips, and what is said about them.").parse_args(argv)
    for by_hand in (forgot_the_mean, tanh_at_the_wrong_place, kept_the_sigmoid, planted_bugs):
        report = tn.testing.check_gradient(cost, by_hand, shapes=SHAPES, given={"Y": tn.testing.bits})
        print(report, end="\n\n")


if __name__ == "__main__":
    main()
