"""A recurrent network learns Shakespeare's sonnets letter by letter, and makes up some of its own.

    python examples/08_char_rnn.py [--steps 600] [-o char_rnn.svg]

    h_t = tanh(W_x[letter t] + W_h h_{t−1} + b),   z_t = W_y h_t + b_y,   J = mean of −log softmax(z_t)[letter t + 1]

The text is 16 of the sonnets (public domain), beside this file.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np

import tinygrad_notes as tn
from tinygrad_notes import nn, optim, train

HIDDEN, TIME, BATCH = 96, 40, 24


def read_text():
    """The letters, and the text as numbers."""
    text = (Path(__file__).parent / "sonnets.txt").read_text(encoding="utf-8")
    letters = sorted(set(text))
    return letters, np.array([letters.index(c) for c in text])


def unigram_entropy(numbers) -> float:
    """What guessing by the letters' frequencies alone would cost, in nats."""
    p = np.bincount(numbers) / len(numbers)
    return float(-np.sum(p[p > 0] * np.log(p[p > 0])))


def start(letters: int, rng):
    return {
        "Wx": rng.standard_normal((letters, HIDDEN)) * 0.1,
        "Wh": nn.init.orthogonal((HIDDEN, HIDDEN), rng),
        "b": np.zeros(HIDDEN),
        "Wy": nn.init.xavier((letters, HIDDEN), rng),
        "by": np.zeros(letters),
    }


def scores(p, numbers):
    """Scores of the next letter after each of ``numbers`` (batch, time): (batch, time, letters)."""
    h = np.zeros((numbers.shape[0], HIDDEN))
    H = []
    for t in range(numbers.shape[1]):
        h = np.tanh(p["Wx"][numbers[:, t]] + h @ p["Wh"].T + p["b"])
        H.append(h)
    return np.stack(H, axis=1) @ p["Wy"].T + p["by"]


def cost(p, numbers):
    return nn.softmax_cross_entropy(scores(p, numbers[:, :-1]), numbers[:, 1:], axis=-1)


def sample(p, letters, length: int, rng) -> str:
    """Draw one letter after the other."""
    h, k, text = np.zeros(HIDDEN), letters.index("\n"), ""
    for _ in range(length):
        h = np.tanh(p["Wx"][k] + p["Wh"] @ h + p["b"])
        k = rng.choice(len(letters), p=nn.softmax(1.3 * (p["Wy"] @ h + p["by"])))
        text += letters[k]
    return text


def check(p, numbers) -> float:
    """The gradient of b, through all times, against differences."""
    by_tape = tn.grad(cost)(p, numbers)["b"]
    by_differences = tn.testing.numerical_gradient(lambda b: cost({**p, "b": b}, numbers), p["b"])
    return tn.testing.gradient_difference(by_tape, by_differences)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="A recurrent network on letters.")
    parser.add_argument("--steps", type=int, default=600, help="Adam steps (600)")
    parser.add_argument("-o", "--output", type=Path, default=Path("char_rnn.svg"), help="the graph's picture")
    options = parser.parse_args(argv)

    rng = np.random.default_rng(0)
    letters, numbers = read_text()
    pieces = np.lib.stride_tricks.sliding_window_view(numbers, TIME + 1)[:: TIME // 2]
    p = start(len(letters), rng)
    print(f"gradient check: {check(p, numbers[None, :9]):.1e}")

    epochs = max(1, round(options.steps * BATCH / len(pieces)))
    run = train.fit(
        cost, p, pieces, optim.Adam(0.004), epochs=epochs, batch_size=BATCH, rng=rng, axis=0, clip=1.0
    )  # fmt: skip
    print(f"loss: {run.history['loss'][0]:.2f} → {run.history['loss'][-1]:.2f} nats per letter")
    print(
        f"by the letters' frequencies alone: {unigram_entropy(numbers):.2f}, by nothing: {math.log(len(letters)):.2f}"
    )
    print(sample(run.params, letters, 300, rng))

    J = cost({name: tn.Tensor(value, name=name) for name, value in run.params.items()}, numbers[None, :4])
    tn.graph(J).save(options.output)
    print(f"drawn to {options.output}")


if __name__ == "__main__":
    main()
