"""An L-layer network in the notes' formulas reads handwritten digits: at least 97 % of those it never saw.

    python examples/06_mlp_digits.py [--steps 1800] [-o mlp_digits.svg]

    A[0] = X,   Z[l] = W[l] A[l−1] + b[l],   A[l] = relu(Z[l]),   J = −1/m Σ Σ Y log softmax(Z[L])

X is (64, m): an 8 by 8 image is a column. The layers have 64, 64, 32 and 10 units; Adam, batches of 48 examples.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import tinygrad_notes as tn
from tinygrad_notes import nn, optim, train

SIZES = [64, 64, 32, 10]
LAYERS = len(SIZES) - 1
BATCH = 48


def digits(rng):
    """Images as columns of numbers from 0 to 1, and their labels; four fifths for training."""
    images, labels = load_digits(return_X_y=True)
    return train.split((images.T / 16, labels), (0.8, 0.2), rng)


def start(rng):
    """He's start values."""
    params = {}
    for l in range(1, LAYERS + 1):  # noqa: E741 (the notes' letter)
        params[f"W{l}"] = nn.init.he((SIZES[l], SIZES[l - 1]), rng)
        params[f"b{l}"] = np.zeros((SIZES[l], 1))
    return params


def scores(params, X, rng=None):
    """Z[L]; with dropout on the first hidden layer in training."""
    A = X
    for l in range(1, LAYERS):  # noqa: E741
        with tn.scope(f"layer {l}"):
            A = nn.relu(params[f"W{l}"] @ A + params[f"b{l}"])
        if l == 1:
            A = nn.dropout(A, 0.9, rng)
    with tn.scope(f"layer {LAYERS}"):
        return params[f"W{LAYERS}"] @ A + params[f"b{LAYERS}"]


def cost(params, X, labels, rng=None):
    return nn.softmax_cross_entropy(scores(params, X, rng), labels)


def accuracy(params, X, labels) -> float:
    return train.metrics.accuracy(np.argmax(scores(params, X), axis=0), labels)


def check(params, X, labels) -> float:
    """The gradient of the first b, through all layers, against differences."""
    by_tape = tn.grad(cost)(params, X, labels)["b1"]
    by_differences = tn.testing.numerical_gradient(lambda b1: cost({**params, "b1": b1}, X, labels), params["b1"])
    return tn.testing.gradient_difference(by_tape, by_differences)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="An L-layer network on handwritten digits.")
    parser.add_argument("--steps", type=int, default=1800, help="Adam steps (1800)")
    parser.add_argument("-o", "--output", type=Path, default=Path("mlp_digits.svg"), help="the graph's picture")
    options = parser.parse_args(argv)

    rng = np.random.default_rng(0)
    (X, labels), test = digits(rng)
    params = start(rng)
    print(f"gradient check: {check(params, X[:, :5], labels[:5]):.1e}")

    epochs = max(1, round(options.steps * BATCH / len(labels)))
    run = train.fit(
        cost, params, (X, labels), optim.Adam(0.003), epochs=epochs, batch_size=BATCH, rng=rng, dev=test,
        metrics={"error": lambda params, X, labels: 1 - accuracy(params, X, labels)}, measure_every=10,
    )  # fmt: skip
    print(f"accuracy: {accuracy(run.params, X, labels):.2%} train, {accuracy(run.params, *test):.2%} test")
    print(run.history.reading())

    J = cost({name: tn.Tensor(value, name=name) for name, value in run.params.items()}, X[:, :5], labels[:5])
    tn.graph(J).save(options.output)
    print(f"drawn to {options.output}")


if __name__ == "__main__":
    main()
