"""Logistic regression on scikit-learn's breast cancer data: train, check dZ = A − Y, draw.

    python examples/02_logistic_regression.py [--steps 1000] [-o logistic.svg]

The notes' layout: an example is a column, X is (n_x, m).

    Z = wᵀX + b,   A = σ(Z),   J = −1/m Σ (Y log A + (1 − Y) log(1 − A))
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer

import tinygrad_notes as tn
from tinygrad_notes import Tensor
from tinygrad_notes.nn import sigmoid


def load() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Columns for training and testing, each feature with mean 0 and variance 1 on the training columns."""
    data = load_breast_cancer()
    order = np.random.default_rng(1).permutation(len(data.target))
    X, Y = data.data[order].T, data.target[order].reshape(1, -1).astype(float)
    train = X.shape[1] * 4 // 5
    mean, deviation = X[:, :train].mean(axis=1, keepdims=True), X[:, :train].std(axis=1, keepdims=True)
    X = (X - mean) / deviation
    return X[:, :train], Y[:, :train], X[:, train:], Y[:, train:]


def forward(X, w, b):
    Z = w.T @ X + b
    return Z, sigmoid(Z)


def cost(A, Y):
    return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))


def accuracy(X, Y, w, b) -> float:
    _, A = forward(X, w.data, b.data)  # plain arrays: nothing is recorded
    return float(np.mean((A > 0.5) == Y))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Logistic regression on the breast cancer data.")
    parser.add_argument("--steps", type=int, default=1000, help="gradient descent steps (1000)")
    parser.add_argument("--rate", type=float, default=0.1, help="learning rate α (0.1)")
    parser.add_argument("-o", "--output", type=Path, default=Path("logistic.svg"), help="the graph (logistic.svg)")
    options = parser.parse_args(argv)

    X, Y, X_test, Y_test = load()
    w, b = Tensor(np.zeros((X.shape[0], 1))), Tensor(np.zeros((1, 1)))

    for step in range(options.steps + 1):
        Z, A = forward(X, w, b)
        J = cost(A, Y)
        J.backward()
        if step % max(1, options.steps // 5) == 0:
            print(f"step {step:>5}   J = {J.item():.4f}")
        if step < options.steps:
            w.data -= options.rate * w.grad
            b.data -= options.rate * b.grad

    # The notes' dZ leaves the mean's 1/m to the next line, dw = 1/m X dZᵀ.
    m = X.shape[1]
    dZ = A.data - Y
    print(f"largest difference of m ∂J/∂Z and A − Y: {np.max(np.abs(m * Z.grad - dZ)):.1e}")
    print(f"largest difference of ∂J/∂w and X dZᵀ/m: {np.max(np.abs(w.grad - X @ dZ.T / m)):.1e}")

    print(f"accuracy: {accuracy(X, Y, w, b):.1%} train, {accuracy(X_test, Y_test, w, b):.1%} test")
    tn.graph(J).save(options.output)
    print(f"graph drawn to {options.output}")


if __name__ == "__main__":
    main()
