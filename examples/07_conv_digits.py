"""A network of LeNet's size on handwritten digits: two convolutions, two poolings, two linear layers.

    python examples/07_conv_digits.py [--steps 900] [-o conv_digits.svg]

    images (m, 1, 8, 8) → conv 3×3, 6 → relu → mean pool 2 → conv 3×3, 16 → relu → max pool 2 → columns (64, m)
                        → linear 32 → relu → linear 10 → softmax

A convolution is one matrix product: the numbers under each place of the window, laid out as columns.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import tinygrad_notes as tn
from tinygrad_notes import nn, optim, train

BATCH = 32


def digits(rng):
    """Images (m, 1, 8, 8) of numbers from 0 to 1, and their labels; four fifths for training."""
    images, labels = load_digits(return_X_y=True)
    return train.split((images.reshape(-1, 1, 8, 8) / 16, labels), (0.8, 0.2), rng, axis=0)


def make_model(rng) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, rng, padding=1),
        nn.relu,
        nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 3, rng, padding=1),
        nn.relu,
        nn.MaxPool2d(2),
        nn.to_columns,
        nn.Linear(64, 32, rng),
        nn.relu,
        nn.Linear(32, 10, rng),
    )


def cost(model, images, labels):
    return nn.softmax_cross_entropy(model(images), labels)


def accuracy(model, images, labels) -> float:
    return train.metrics.accuracy(np.argmax(model(images), axis=0), labels)


def check(model, images, labels) -> float:
    """The gradient of the first convolution, through all layers, against differences."""

    def with_kernel(W):
        first = nn.Conv2d(1, 6, 3, np.random.default_rng(0), padding=1)
        first.W, first.b = W, model.layers[0].b
        return cost(nn.Sequential(first, *model.layers[1:]), images, labels)

    by_tape = tn.grad(cost)(model, images, labels).layers[0].W
    by_differences = tn.testing.numerical_gradient(with_kernel, model.layers[0].W)
    return tn.testing.gradient_difference(by_tape, by_differences)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="A convolutional network on handwritten digits.")
    parser.add_argument("--steps", type=int, default=900, help="steps of gradient descent with momentum (900)")
    parser.add_argument("-o", "--output", type=Path, default=Path("conv_digits.svg"), help="the graph's picture")
    options = parser.parse_args(argv)

    rng = np.random.default_rng(0)
    (images, labels), test = digits(rng)
    model = make_model(rng)
    print(model.summary(images[:1]))
    print(f"gradient check: {check(model, images[:4], labels[:4]):.1e}")

    epochs = max(1, round(options.steps * BATCH / len(labels)))
    optimizer = optim.SGD(optim.schedules.cosine(0.05, options.steps), momentum=0.9)
    run = train.fit(cost, model, (images, labels), optimizer, epochs=epochs, batch_size=BATCH, rng=rng, axis=0)
    model = run.params
    print(f"accuracy: {accuracy(model, images, labels):.2%} train, {accuracy(model, *test):.2%} test")

    J = tn.graph(lambda model: cost(model, images[:2], labels[:2]), model)
    J.save(options.output)
    print(f"drawn to {options.output}")


if __name__ == "__main__":
    main()
