"""Optimisers against PyTorch: ten steps of each, and 50 steps of three networks, batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch_cases

import tinygrad_notes as tn
from tinygrad_notes import nn, optim
from tinygrad_notes.errors import BadInputError, ShapeError

with np.load(Path(__file__).parent / "data" / "torch_reference.npz") as _file:
    TORCH = {name: _file[name] for name in _file.files}

OPTIMISERS = {
    "sgd": optim.SGD(0.1),
    "momentum": optim.SGD(0.1, momentum=0.9, weight_decay=0.05),
    "nesterov": optim.SGD(0.1, momentum=0.9, nesterov=True),
    "decay": optim.SGD(0.1, weight_decay=0.05),
    "rmsprop": optim.RMSProp(0.05),
    "adam": optim.Adam(0.05),
    "adamw": optim.AdamW(0.05, weight_decay=0.1),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_ten_steps_equal_torch(name: str) -> None:
    optimizer, w = OPTIMISERS[name], np.array([1.0, -2.0, 0.5])
    gradient = tn.grad(lambda w: np.sum(np.cos(w)) + np.sum(w**2 * np.array([1.0, 0.3, 3.0])))
    state = optimizer.init(w)
    for _ in range(10):
        w, state = optimizer.step(w, gradient(w), state)
    assert np.allclose(w, TORCH[f"optimisers.{name}"], rtol=1e-12, atol=1e-14)


def follow(name: str, case: dict[str, Any], optimizer: optim.Optimizer, loss: Callable[..., Any]) -> None:
    """Train on the stored case; every loss and every final parameter must be PyTorch's."""
    params, state = case["params"], optimizer.init(case["params"])
    step = tn.value_and_grad(loss)
    for k, (X, Y) in enumerate(zip(case["X"], case["Y"], strict=True)):
        J, gradients = step(params, X, Y)
        assert abs(J - TORCH[f"{name}.losses"][k]) <= 1e-5 * abs(J), f"step {k}"
        params, state = optimizer.step(params, gradients, state)
    assert len(TORCH[f"{name}.losses"]) == k + 1 == 50
    for key, value in params.items():
        assert np.allclose(value, TORCH[f"{name}.final.{key}"], rtol=1e-9, atol=1e-11), key


def test_mlp_with_adam_is_torchs_run() -> None:
    def loss(p: Any, X: Any, Y: Any) -> Any:
        A = np.tanh(p["W1"] @ X + p["b1"])
        A = nn.relu(p["W2"] @ A + p["b2"])
        return nn.softmax_cross_entropy(p["W3"] @ A + p["b3"], Y)

    follow("mlp", torch_cases.mlp(), optim.Adam(0.01), loss)


def test_convolution_with_momentum_is_torchs_run() -> None:
    def loss(p: Any, X: Any, Y: Any) -> Any:
        A = nn.max_pool2d(nn.relu(nn.conv2d(X, p["W1"], p["b1"], padding=1)), 2)
        A = nn.avg_pool2d(np.tanh(nn.conv2d(A, p["W2"], p["b2"], padding=1)), 2)
        return nn.softmax_cross_entropy(p["W3"] @ nn.to_columns(A) + p["b3"], Y)

    follow("conv", torch_cases.conv(), optim.SGD(0.05, momentum=0.9), loss)


def test_gpt_block_with_adamw_is_torchs_run() -> None:
    case = torch_cases.gpt()
    heads = case.pop("heads")

    def loss(p: Any, X: Any, Y: Any) -> Any:
        def norm(x: Any, name: str) -> Any:
            return p[f"{name}_gamma"] * nn.standardize(x, -1) + p[f"{name}_beta"]

        attend = nn.MultiHeadAttention(12, heads, np.random.default_rng(0), causal=True)
        attend.W, attend.b, attend.Wo, attend.bo = p["W"], p["b"], p["Wo"], p["bo"]
        x = p["symbols"][X] + p["places"]
        x = x + attend(norm(x, "norm1"))
        x = x + nn.gelu(norm(x, "norm2") @ p["W1"].T + p["b1"]) @ p["W2"].T + p["b2"]
        return nn.softmax_cross_entropy(norm(x, "norm3") @ p["head"].T + p["head_b"], Y, axis=-1)

    follow("gpt", case, optim.AdamW(0.003, weight_decay=0.01), loss)


def test_weight_decay_is_the_notes() -> None:
    W, dW, b, db = np.full((2, 2), 3.0), np.full((2, 2), 0.5), np.ones((2, 1)), np.full((2, 1), 0.25)
    optimizer = optim.SGD(0.3, weight_decay=0.7 / 211, decays=lambda name: "W" in name)
    params = {"W1": W, "b1": b}
    new, _ = optimizer.step(params, {"W1": dW, "b1": db}, optimizer.init(params))
    assert np.array_equal(new["W1"], (1 - 0.3 * (0.7 / 211)) * W - 0.3 * dW)
    assert np.array_equal(new["b1"], b - 0.3 * db)
    decays = optim.AdamW(0.1, weight_decay=0.5, decays=lambda name: "W" in name)
    still = {"W1": W, "b1": b}
    zero = {"W1": 0 * W, "b1": 0 * b}
    new, _ = decays.step(still, zero, decays.init(still))
    assert np.allclose(new["W1"], 0.95 * W)
    assert np.array_equal(new["b1"], b)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_steps_keep_structure_dtype_and_inputs(name: str) -> None:
    rng = np.random.default_rng(0)
    optimizer = OPTIMISERS[name]
    model = nn.Sequential(nn.Linear(3, 2, rng, dtype=np.float32), np.tanh)
    before = model.layers[0].W.copy()
    gradient = tn.grad(lambda model: np.sum(model(np.ones((3, 4), np.float32))))(model)
    state = optimizer.init(model)
    for _ in range(2):
        new, state = optimizer.step(model, gradient, state)
    assert isinstance(new, nn.Sequential)
    assert new.layers[0].W.dtype == np.float32
    assert np.array_equal(model.layers[0].W, before)
    assert state["step"] == 2
    assert np.array_equal(optimizer.step(2.0, 0.0, optimizer.init(2.0))[0] <= 2.0, True)
    with pytest.raises(ShapeError, match="one structure"):
        optimizer.step({"a": 1.0}, {"b": 1.0}, optimizer.init({"a": 1.0}))


@pytest.mark.parametrize("name", OPTIMISERS)
def test_donated_arrays_are_written_and_the_numbers_are_the_same(name: str) -> None:
    optimizer, rng = OPTIMISERS[name], np.random.default_rng(0)
    params = {"W": rng.standard_normal((3, 4)).astype(np.float32), "b": np.zeros(3)}
    given = {key: value.copy() for key, value in params.items()}
    state, donated = optimizer.init(params), optimizer.init(given)
    first = {id(x) for x in tn.pytree.flatten((given, donated))[0] if isinstance(x, np.ndarray)}
    current = given
    for _ in range(4):
        gradients = {key: rng.standard_normal(value.shape).astype(value.dtype) for key, value in params.items()}
        before = {key: value.copy() for key, value in gradients.items()}
        params, state = optimizer.step(params, gradients, state)
        current, donated = optimizer.step(current, gradients, donated, donate=True)
        assert all(np.array_equal(gradients[key], before[key]) for key in before)
    for ours, theirs in zip(
        tn.pytree.flatten((current, donated))[0], tn.pytree.flatten((params, state))[0], strict=True
    ):
        assert np.array_equal(ours, theirs)
        assert np.asarray(ours).dtype == np.asarray(theirs).dtype
    assert {id(x) for x in tn.pytree.flatten((current, donated))[0] if isinstance(x, np.ndarray)} == first


def test_nesterov_needs_momentum() -> None:
    with pytest.raises(BadInputError, match="momentum"):
        optim.SGD(0.1, nesterov=True)


def test_learning_rate_may_be_a_schedule() -> None:
    optimizer = optim.SGD(optim.schedules.piecewise(1.0, {1: 0.5, 3: 0.25}))
    w, state = 0.0, optimizer.init(0.0)
    places = []
    for _ in range(4):
        w, state = optimizer.step(w, -1.0, state)
        places.append(float(w))
    assert places == [1.0, 1.5, 2.0, 2.25]


def test_clipping_scales_all_gradients_together() -> None:
    gradients = {"a": np.array([3.0]), "b": np.array([[4.0]], np.float32)}
    clipped, norm = optim.clip_grad_norm(gradients, 10.0)
    assert clipped is gradients
    clipped, norm = optim.clip_grad_norm(gradients, 2.5)
    assert norm == 5.0
    assert (clipped["a"][0], clipped["b"][0, 0]) == (1.5, 2.0)
    assert clipped["b"].dtype == np.float32
