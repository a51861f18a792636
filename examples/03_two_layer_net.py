"""The planar flower: a network with one hidden layer where a straight line fails.

    python examples/03_two_layer_net.py [--steps 10000] [-o flower.png]

    Z1 = W1 X + b1,   A1 = tanh(Z1)        W1 is (4, 2),  X is (2, 400)
    Z2 = W2 A1 + b2,  A2 = σ(Z2)           W2 is (1, 4)
    J  = −1/m Σ (Y log A2 + (1 − Y) log(1 − A2)),     W ← W − α dJ/dW,  α = 1.2

10,000 steps take a few seconds and reach 90 to 91.3 %; logistic regression stays at 47 %.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from rich.progress import track

from tinygrad_notes import Tensor
from tinygrad_notes.nn import sigmoid


def flower() -> tuple[np.ndarray, np.ndarray]:
    """The course's data set: 400 points on the petals of a flower, half red, half blue."""
    random = np.random.RandomState(1)
    X, Y = np.zeros((2, 400)), np.zeros((1, 400))
    for label in (0, 1):
        columns = slice(200 * label, 200 * (label + 1))
        t = np.linspace(3.12 * label, 3.12 * (label + 1), 200) + 0.2 * random.randn(200)
        r = 4 * np.sin(4 * t) + 0.2 * random.randn(200)
        X[:, columns] = r * np.sin(t), r * np.cos(t)
        Y[:, columns] = label
    return X, Y


def logistic(X, w, b):
    return sigmoid(w @ X + b)


def network(X, W1, b1, W2, b2):
    A1 = np.tanh(W1 @ X + b1)
    return sigmoid(W2 @ A1 + b2)


def cost(A, Y):
    return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))


def train(model, parameters, X, Y, steps, rate, title):
    """Gradient descent; returns the trained arrays."""
    for _ in track(range(steps), description=title):
        J = cost(model(X, *parameters), Y)
        J.backward()
        for p in parameters:
            p.data -= rate * p.grad
    return [p.data for p in parameters]


def accuracy(A, Y) -> float:
    return float(np.mean((A > 0.5) == Y))


def draw_boundaries(pictures, X, Y, output) -> None:
    """One panel per model: its probability as colour, the line A = 1/2, the points."""
    from matplotlib.figure import Figure

    side = np.linspace(-5.0, 5.0, 300)
    x1, x2 = np.meshgrid(side, side)
    grid = np.stack([x1.ravel(), x2.ravel()])
    figure = Figure(figsize=(10, 5), layout="constrained")
    for axes, (title, model) in zip(figure.subplots(1, len(pictures), sharey=True), pictures, strict=True):
        A = model(grid).reshape(x1.shape)
        axes.contourf(x1, x2, A, levels=np.linspace(0, 1, 11), cmap="RdBu", alpha=0.55)
        axes.contour(x1, x2, A, levels=[0.5], colors="black", linewidths=1.2)
        axes.scatter(X[0], X[1], c=Y[0], cmap="RdBu", s=18, edgecolors="white", linewidths=0.5)
        axes.set(title=title, xlabel="$x_1$", aspect="equal")
    figure.axes[0].set_ylabel("$x_2$")
    figure.savefig(output, dpi=150)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="The planar flower with one hidden layer of four tanh units.")
    parser.add_argument("--steps", type=int, default=10_000, help="gradient descent steps (10000)")
    parser.add_argument("-o", "--output", type=Path, default=Path("flower.png"), help="the picture (flower.png)")
    options = parser.parse_args(argv)

    X, Y = flower()
    random = np.random.RandomState(2)
    line = [Tensor(np.zeros((1, 2))), Tensor(np.zeros((1, 1)))]
    net = [
        Tensor(0.01 * random.randn(4, 2), name="W1"),
        Tensor(np.zeros((4, 1)), name="b1"),
        Tensor(0.01 * random.randn(1, 4), name="W2"),
        Tensor(np.zeros((1, 1)), name="b2"),
    ]

    w, b = train(logistic, line, X, Y, min(options.steps, 2000), 1.2, "logistic regression")
    W1, b1, W2, b2 = train(network, net, X, Y, options.steps, 1.2, "two-layer network  ")

    by_line, by_net = accuracy(logistic(X, w, b), Y), accuracy(network(X, W1, b1, W2, b2), Y)
    print(f"logistic regression: {by_line:.2%}")
    print(f"two-layer network:   {by_net:.2%}")

    pictures = [
        (f"logistic regression, {by_line:.1%}", lambda points: logistic(points, w, b)),
        (f"4 tanh units, {by_net:.1%}", lambda points: network(points, W1, b1, W2, b2)),
    ]
    draw_boundaries(pictures, X, Y, options.output)
    print(f"decision boundaries drawn to {options.output}")


if __name__ == "__main__":
    main()
