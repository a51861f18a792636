"""The programs that every engine runs: plain Python over whatever number or array it is handed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

MOONS = 100
LAYERS = (2, 16, 16, 1)


def chain(x: Any, rounds: int, tanh: Callable[[Any], Any]) -> Any:
    """``x*1.0001 + 0.5``, with tanh after every tenth."""
    for k in range(1, rounds + 1):
        x = x * 1.0001 + 0.5
        if k % 10 == 0:
            x = tanh(x)
    return x


def chain_operations(rounds: int) -> int:
    """How many graph nodes `chain` makes."""
    return 2 * rounds + rounds // 10


def chain_start(size: int) -> Any:
    """Where the chain starts: one number for size 0, else an array."""
    return 0.1 if size == 0 else np.linspace(-0.5, 0.5, size)


def moons() -> tuple[list[list[float]], list[float]]:
    """Two interleaved half circles with a little noise, labels −1 and 1."""
    angle = np.linspace(0.0, np.pi, MOONS // 2)
    outer = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    inner = np.stack([1.0 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    noise = 0.1 * np.random.default_rng(1337).standard_normal((MOONS, 2))
    return (np.concatenate([outer, inner]) + noise).tolist(), [-1.0] * (MOONS // 2) + [1.0] * (MOONS // 2)


def parameters() -> list[float]:
    """Start values of the 2-16-16-1 network: each neuron's weights, then its bias."""
    rng = np.random.default_rng(1)
    values: list[float] = []
    for inputs, neurons in pairwise(LAYERS):
        for _ in range(neurons):
            values += [*rng.uniform(-1.0, 1.0, inputs).tolist(), 0.0]
    return values


def scalar_network(point: Sequence[Any], p: Iterator[Any], relu: Callable[[Any], Any]) -> Any:
    """A multi-layer perceptron of scalar nodes, as micrograd's ``nn.MLP`` computes it."""
    values = list(point)
    for layer, neurons in enumerate(LAYERS[1:], start=1):
        following = []
        for _ in range(neurons):
            weights = [next(p) for _ in values]
            activation = sum((w * x for w, x in zip(weights, values, strict=True)), next(p))
            following.append(activation if layer == len(LAYERS) - 1 else relu(activation))
        values = following
    return values[0]


def max_margin_loss(p: list[Any], relu: Callable[[Any], Any]) -> Any:
    """micrograd's demo: max-margin loss over all points, plus the L2 penalty."""
    points, labels = moons()
    losses = [relu(1 + -label * scalar_network(x, iter(p), relu)) for x, label in zip(points, labels, strict=True)]
    return sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(w * w for w in p)
