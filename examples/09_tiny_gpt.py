"""A tiny GPT: 2 layers, 64 wide, 4 heads, on Shakespeare's sonnets letter by letter.

    python examples/09_tiny_gpt.py [--steps 500] [-o tiny_gpt.svg]

    x = symbols[letters] + places
    x = x + attention(norm(x));   x = x + W2 gelu(W1 norm(x) + b1) + b2        twice
    z = W norm(x),   J = mean of −log softmax(z_t)[letter t + 1]

The text is 16 of the sonnets (public domain), beside this file. The loss falls below what guessing by the letters'
frequencies costs (the unigram entropy) within the first dozens of steps.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import tinygrad_notes as tn
from tinygrad_notes import nn, optim, train

LAYERS, WIDTH, HEADS, TIME, BATCH = 2, 64, 4, 48, 16


@dataclass
class Block:
    """One transformer layer: letters look at earlier letters, then each thinks for itself."""

    norm1: nn.LayerNorm
    attention: nn.MultiHeadAttention
    norm2: nn.LayerNorm
    up: nn.Linear
    down: nn.Linear

    def __call__(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.down(nn.gelu(self.up(self.norm2(x))))


@dataclass
class GPT:
    """All parameters; a container of arrays like any other."""

    symbols: nn.Embedding
    places: np.ndarray
    blocks: list[Block]
    norm: nn.LayerNorm
    head: nn.Linear

    def __call__(self, letters):
        """Scores of the next letter after each of ``letters`` (batch, time): (batch, time, letters)."""
        x = self.symbols(letters) + self.places[: letters.shape[1]]
        for k, block in enumerate(self.blocks, start=1):
            with tn.scope(f"block {k}"):
                x = block(x)
        return self.head(self.norm(x))


def make_gpt(letters: int, rng, dtype=np.float32) -> GPT:
    def block() -> Block:
        return Block(
            nn.LayerNorm(WIDTH, dtype=dtype),
            nn.MultiHeadAttention(WIDTH, HEADS, rng, causal=True, dtype=dtype),
            nn.LayerNorm(WIDTH, dtype=dtype),
            nn.Linear(WIDTH, 4 * WIDTH, rng, init=nn.init.xavier, layout="rows", dtype=dtype),
            nn.Linear(4 * WIDTH, WIDTH, rng, init=nn.init.xavier, layout="rows", dtype=dtype),
        )

    return GPT(
        nn.Embedding(letters, WIDTH, rng, scale=0.3, dtype=dtype),
        (0.1 * rng.standard_normal((TIME, WIDTH))).astype(dtype),
        [block() for _ in range(LAYERS)],
        nn.LayerNorm(WIDTH, dtype=dtype),
        nn.Linear(WIDTH, letters, rng, init=nn.init.xavier, layout="rows", dtype=dtype),
    )


def cost(gpt, numbers):
    return nn.softmax_cross_entropy(gpt(numbers[:, :-1]), numbers[:, 1:], axis=-1)


def read_text():
    """The letters, and the text as numbers."""
    text = (Path(__file__).parent / "sonnets.txt").read_text(encoding="utf-8")
    letters = sorted(set(text))
    return letters, np.array([letters.index(c) for c in text])


def unigram_entropy(numbers) -> float:
    """What guessing by the letters' frequencies alone would cost, in nats."""
    p = np.bincount(numbers) / len(numbers)
    return float(-np.sum(p[p > 0] * np.log(p[p > 0])))


def sample(gpt, letters, length: int, rng) -> str:
    """Draw one letter after the other."""
    numbers = [letters.index("\n")]
    for _ in range(length):
        z = gpt(np.array(numbers[-TIME:])[None])[0, -1].astype(float)
        numbers.append(int(rng.choice(len(letters), p=nn.softmax(1.2 * z))))
    return "".join(letters[k] for k in numbers[1:])


def check(numbers, letters: int) -> float:
    """The gradient of the places, through both layers, against differences (in float64)."""
    gpt = make_gpt(letters, np.random.default_rng(1), np.float64)
    numbers = numbers[None, :6]

    def with_places(first):
        return cost(GPT(gpt.symbols, first, gpt.blocks, gpt.norm, gpt.head), numbers)

    by_tape = tn.grad(cost)(gpt, numbers).places[:5]
    by_differences = tn.testing.numerical_gradient(with_places, gpt.places[:5])
    return tn.testing.gradient_difference(by_tape, by_differences)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="A tiny GPT on letters.")
    parser.add_argument("--steps", type=int, default=500, help="AdamW steps (500)")
    parser.add_argument("-o", "--output", type=Path, default=Path("tiny_gpt.svg"), help="the graph's picture")
    options = parser.parse_args(argv)

    rng = np.random.default_rng(0)
    letters, numbers = read_text()
    gpt = make_gpt(len(letters), rng)
    print(f"{nn.count_parameters(gpt):,} parameters; gradient check: {check(numbers, len(letters)):.1e}")

    pieces = np.lib.stride_tricks.sliding_window_view(numbers, TIME + 1)[:: TIME // 8]
    epochs = max(1, round(options.steps * BATCH / len(pieces)))
    optimizer = optim.AdamW(optim.schedules.cosine(0.003, options.steps, end=0.0003, warmup=20), weight_decay=0.1)
    run = train.fit(cost, gpt, pieces, optimizer, epochs=epochs, batch_size=BATCH, rng=rng, axis=0, clip=1.0)
    gpt = run.params

    entropy = unigram_entropy(numbers)
    print(f"loss: {run.history['loss'][0]:.2f} → {run.history['loss'][-1]:.2f} nats per letter")
    print(f"by the letters' frequencies alone: {entropy:.2f}, by nothing: {math.log(len(letters)):.2f}")
    print(sample(gpt, letters, 300, rng))

    tn.graph(lambda gpt: cost(gpt, numbers[None, :5]), gpt).save(options.output)
    print(f"drawn to {options.output}")


if __name__ == "__main__":
    main()
