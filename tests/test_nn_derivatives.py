"""Every layer, loss and penalty against the independent oracle: first and second order, float64 and float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from oracles import Case, check_dtype, check_first_order, check_second_order

from tinygrad_notes import nn
from tinygrad_notes.pytree import flatten, unflatten

RNG = np.random.default_rng(0)


def normal(*shape: int) -> Any:
    return RNG.standard_normal(shape)


def distinct(*shape: int) -> Any:
    """Numbers at least 0.05 apart and from zero: no ties, no kinks near."""
    n = int(np.prod(shape))
    return (RNG.permutation(n) - n / 2 + 0.5).reshape(shape) * 0.1


def probabilities(*shape: int) -> Any:
    P = RNG.random(shape) + 0.2
    return P / P.sum(axis=0)


def of_layer(name: str, layer: Any, x: Any, constant_input: bool = False, **options: Any) -> Case:
    """The layer as a function of its input and of all its arrays, none of them at its start value."""
    leaves, structure = flatten(layer)
    leaves = [leaf + 0.3 * normal(*leaf.shape) for leaf in leaves]

    def apply(x: Any, *leaves: Any) -> Any:
        y = unflatten(structure, list(leaves))(x, **options)
        return (y[0], *y[1]) if isinstance(y, tuple) and isinstance(y[1], tuple) else y

    return Case(name, apply, apply, (x, *leaves), constant=lambda key: constant_input and key == 0)


def of_function(name: str, f: Callable[..., Any], *args: Any, constant: tuple[int, ...] = ()) -> Case:
    return Case(name, f, f, args, constant=lambda key: key in constant)


def layers() -> list[Case]:
    rng = np.random.default_rng(1)
    statistics = {"mean": normal(3), "variance": RNG.random(3) + 0.5}
    image = distinct(2, 2, 5, 4)
    return [
        of_layer("Linear", nn.Linear(3, 2, rng), normal(3, 4)),
        of_layer("Linear rows", nn.Linear(3, 2, rng, layout="rows"), normal(2, 4, 3)),
        of_layer("Linear without b", nn.Linear(3, 2, rng, bias=False), normal(3, 4)),
        of_layer("Embedding", nn.Embedding(4, 3, rng), np.array([[0, 2, 2], [3, 0, 1]]), constant_input=True),
        of_layer("Conv2d", nn.Conv2d(2, 3, (3, 2), rng), image),
        of_layer("Conv2d all", nn.Conv2d(2, 2, 2, rng, stride=(2, 1), padding=1, dilation=(1, 2)), image),
        of_layer("MaxPool2d", nn.MaxPool2d(2), image),
        of_layer("MaxPool2d all", nn.MaxPool2d(3, 2, 1), image),
        of_layer("AvgPool2d", nn.AvgPool2d((2, 3), 1, 1), image),
        of_layer("BatchNorm", nn.BatchNorm(3), normal(3, 5)),
        of_layer("BatchNorm images", nn.BatchNorm(2, axis=1), normal(3, 2, 2, 2)),
        of_layer("BatchNorm running", nn.BatchNorm(3), normal(3, 4), state=statistics),
        of_layer("LayerNorm", nn.LayerNorm(4), normal(2, 3, 4)),
        of_layer("LayerNorm columns", nn.LayerNorm(4, axis=0), normal(4, 3)),
        of_layer("RNN", nn.RNN(2, 3, rng), normal(2, 4, 2)),
        of_layer("GRU", nn.GRU(2, 3, rng), normal(2, 3, 2)),
        of_layer("LSTM", nn.LSTM(2, 2, rng), normal(2, 3, 2)),
        of_layer("MultiHeadAttention", nn.MultiHeadAttention(4, 2, rng), normal(2, 3, 4)),
        of_layer("MultiHeadAttention causal", nn.MultiHeadAttention(4, 2, rng, causal=True), normal(2, 3, 4)),
        of_layer("Sequential", nn.Sequential(nn.Linear(3, 4, rng), np.tanh, nn.Linear(4, 2, rng)), normal(3, 4)),
        of_function("dropout", lambda A: nn.dropout(A, 0.7, np.random.default_rng(5)), normal(4, 5)),
        of_function("gelu exact", lambda z: nn.gelu(z, approximate=False), normal(3, 4)),
    ]


def losses() -> list[Case]:
    bits = (RNG.random((2, 5)) < 0.5).astype(float)
    signs = 2 * bits - 1
    classes = np.array([0, 2, 1, 1])
    P, Q = probabilities(3, 4), probabilities(3, 4)
    return [
        of_function("mse", nn.mse, normal(2, 3), normal(2, 3)),
        of_function("mse none", lambda a, b: nn.mse(a, b, "none"), normal(2, 3), normal(2, 3)),
        of_function("binary_cross_entropy", nn.binary_cross_entropy, RNG.random((2, 5)) * 0.8 + 0.1,
                    RNG.random((2, 5)) * 0.8 + 0.1),
        of_function("binary_cross_entropy bits", nn.binary_cross_entropy, RNG.random((2, 5)) * 0.8 + 0.1, bits,
                    constant=(1,)),
        of_function("binary_cross_entropy_with_logits", nn.binary_cross_entropy_with_logits, normal(2, 5),
                    normal(2, 5)),
        of_function("cross_entropy", nn.cross_entropy, P, Q),
        of_function("softmax_cross_entropy", nn.softmax_cross_entropy, normal(3, 4), P, constant=(1,)),
        of_function("softmax_cross_entropy classes", nn.softmax_cross_entropy, normal(3, 4), classes),
        of_function("softmax_cross_entropy rows", lambda Z: nn.softmax_cross_entropy(Z, classes, "sum", axis=-1),
                    normal(4, 3)),
        of_function("hinge", nn.hinge, distinct(2, 5), signs, constant=(1,)),
        of_function("huber", lambda a, b: nn.huber(a, b, 0.7), distinct(3, 4) + 0.02, 0 * normal(3, 4)),
        of_function("kl_div", nn.kl_div, P, Q),
        of_function("l1", lambda W: nn.l1(W, 0.7, 5), distinct(3, 2)),
        of_function("l2", lambda W: nn.l2(W, 0.7, 5), normal(3, 2)),
        of_function("frobenius", lambda W1, W2: nn.frobenius([W1, W2], 0.7, 5), normal(3, 2), normal(1, 3)),
    ]  # fmt: skip


CASES = {case.name: case for case in (*layers(), *losses())}


@pytest.mark.parametrize("name", CASES)
def test_first_order(name: str, rng: np.random.Generator) -> None:
    check_first_order(CASES[name], rng)


@pytest.mark.parametrize("name", CASES)
def test_second_order(name: str, rng: np.random.Generator) -> None:
    check_second_order(CASES[name], rng)


@pytest.mark.parametrize("name", CASES)
def test_float32_stays_float32(name: str, rng: np.random.Generator) -> None:
    case = CASES[name]
    if name == "softmax_cross_entropy":  # labels in float32 too
        labels = case.args[1].astype(np.float32)
        case = of_function(name, nn.softmax_cross_entropy, case.args[0], labels / labels.sum(0), constant=(1,))
    assert check_dtype(case, np.dtype("f4"), rng)
