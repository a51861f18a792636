"""Inputs shared by the tests and by data/make_torch_reference.py: from RandomState, whose stream is frozen."""

from __future__ import annotations

from typing import Any

import numpy as np

STEPS = 50


def draw(seed: int, **shapes: tuple[int, ...]) -> dict[str, Any]:
    """Standard normal arrays of the given shapes."""
    rng = np.random.RandomState(seed)
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def functions() -> dict[str, Any]:
    return {"z": np.concatenate([np.linspace(-6, 6, 25), [-50.0, 50.0]]), **draw(1, Z=(5, 7))}


def losses() -> dict[str, Any]:
    rng = np.random.RandomState(2)
    classes = rng.randint(0, 5, 7)
    P = rng.rand(5, 7) + 0.1
    return {
        **draw(3, Z=(5, 7), a=(4, 6), b=(4, 6)),
        "classes": classes,
        "P": P / P.sum(0),
        "bits": (rng.rand(4, 6) < 0.5).astype(float),
        "probabilities": rng.rand(4, 6) * 0.9 + 0.05,
    }


def layers() -> dict[str, Any]:
    return draw(
        4,
        images=(2, 3, 7, 6), kernel=(4, 3, 3, 2), kernel_bias=(4,),
        columns=(5, 8), rows=(3, 4, 6), gamma=(5,), beta=(5,), gamma6=(6,), beta6=(6,),
        sequence=(2, 5, 3), h=(2, 4), c=(2, 4),
        rnn_x=(4, 3), rnn_h=(4, 4), rnn_b=(4,),
        gru_x=(12, 3), gru_h=(12, 4), gru_bx=(12,), gru_bh=(12,),
        lstm_x=(16, 3), lstm_h=(16, 4), lstm_b=(16,),
        attention_w=(18, 6), attention_b=(18,), attention_wo=(6, 6), attention_bo=(6,),
    )  # fmt: skip


def mlp() -> dict[str, Any]:
    """An MLP 6-12-8-3 (tanh, relu) and 50 batches of 16 columns."""
    start = draw(5, W1=(12, 6), b1=(12, 1), W2=(8, 12), b2=(8, 1), W3=(3, 8), b3=(3, 1))
    rng = np.random.RandomState(6)
    return {
        "params": {name: value * 0.4 for name, value in start.items()},
        "X": rng.standard_normal((STEPS, 6, 16)),
        "Y": rng.randint(0, 3, (STEPS, 16)),
    }


def conv() -> dict[str, Any]:
    """Two convolutions, a maximum and a mean pooling, a linear layer, on 8 by 8 images in batches of 6."""
    start = draw(7, W1=(4, 1, 3, 3), b1=(4,), W2=(5, 4, 3, 3), b2=(5,), W3=(3, 20), b3=(3, 1))
    rng = np.random.RandomState(8)
    return {
        "params": {name: value * 0.3 for name, value in start.items()},
        "X": rng.standard_normal((STEPS, 6, 1, 8, 8)),
        "Y": rng.randint(0, 3, (STEPS, 6)),
    }


def gpt() -> dict[str, Any]:
    """One causal transformer block, 12 wide, 3 heads, on sequences of 7 out of 11 symbols in batches of 4."""
    width, symbols, time = 12, 11, 7
    start = draw(
        9,
        symbols=(symbols, width), places=(time, width),
        W=(3 * width, width), b=(3 * width,), Wo=(width, width), bo=(width,),
        W1=(4 * width, width), b1=(4 * width,), W2=(width, 4 * width), b2=(width,),
        head=(symbols, width), head_b=(symbols,),
    )  # fmt: skip
    params = {name: value * 0.2 for name, value in start.items()}
    for norm in ("norm1", "norm2", "norm3"):
        params[f"{norm}_gamma"], params[f"{norm}_beta"] = np.ones(width), np.zeros(width)
    rng = np.random.RandomState(10)
    text = rng.randint(0, symbols, (STEPS, 4, time + 1))
    return {"params": params, "X": text[:, :, :-1], "Y": text[:, :, 1:], "heads": 3}
