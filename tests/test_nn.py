"""Values of functions, losses and layers against PyTorch's, at extremes, and their shapes, names and errors."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch_cases

import tinygrad_notes as tn
from tinygrad_notes import Tensor, nn
from tinygrad_notes.errors import BadInputError, DTypeError, ShapeError
from tinygrad_notes.rules import Rule

with np.load(Path(__file__).parent / "data" / "torch_reference.npz") as _file:
    TORCH = {name: _file[name] for name in _file.files}


def assert_same(ours: Any, name: str) -> None:
    expected = TORCH[name]
    assert ours.shape == expected.shape
    assert np.allclose(ours, expected, rtol=1e-12, atol=1e-13), name


# ── functions ────────────────────────────────────────────────────────────────────────────────────────────────────

ELEMENTWISE = ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus"]
ALONG_AXIS = ["softmax", "log_softmax", "logsumexp"]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_function_equals_torch(name: str) -> None:
    z = torch_cases.functions()["z"]
    assert_same(getattr(nn, name)(z), f"functions.{name}")
    assert_same(getattr(nn, name)(Tensor(z)).data, f"functions.{name}")


@pytest.mark.parametrize("name", ALONG_AXIS)
def test_function_along_an_axis_equals_torch(name: str) -> None:
    Z = torch_cases.functions()["Z"]
    assert_same(getattr(nn, name)(Z), f"functions.{name}")
    assert_same(getattr(nn, name)(Z.T, axis=-1).T, f"functions.{name}")


def test_exact_gelu_equals_torch() -> None:
    assert_same(nn.gelu(torch_cases.functions()["z"], approximate=False), "functions.gelu_exact")


EXTREME = {
    "sigmoid": [0, 1], "softplus": [0, 1e4], "silu": [0, 1e4], "gelu": [0, 1e4], "relu": [0, 1e4],
    "leaky_relu": [-100, 1e4], "elu": [-1, 1e4], "tanh": [-1, 1], "softmax": [0, 1], "log_softmax": [-2e4, 0],
    "logsumexp": 1e4,
}  # fmt: skip
EXTREME_SLOPE = {
    "sigmoid": [0, 0], "softplus": [0, 1], "silu": [0, 1], "gelu": [0, 1], "relu": [0, 1], "leaky_relu": [0.01, 1],
    "elu": [0, 1], "tanh": [0, 0], "softmax": [0, 0], "log_softmax": [1, -1], "logsumexp": [0, 1],
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", EXTREME)
def test_functions_are_exact_at_ten_thousand(name: str, dtype: Any) -> None:
    f = getattr(nn, name)
    z = np.array([-1e4, 1e4], dtype)
    y = f(z)
    assert y.dtype == dtype
    assert np.array_equal(y, np.array(EXTREME[name], dtype))
    slope = tn.grad(lambda z: np.sum(f(z)))(z)
    assert slope.dtype == dtype
    assert np.array_equal(slope, np.array(EXTREME_SLOPE[name], dtype))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_logit_losses_are_finite_at_ten_thousand(dtype: Any) -> None:
    z, y = np.array([[-1e4, 1e4, 1e4]], dtype), np.array([[0, 1, 0]], dtype)
    L, dz = tn.value_and_grad(lambda z: nn.binary_cross_entropy_with_logits(z, y, "sum"))(z)
    assert L.dtype == dz.dtype == dtype
    assert dtype(1e4) == L
    assert np.array_equal(dz, [[0, 0, 1]])
    Z, Y = np.array([[1e4], [-1e4]], dtype), np.array([[0], [1]], dtype)
    L, dZ = tn.value_and_grad(nn.softmax_cross_entropy)(Z, Y)
    assert dtype(2e4) == L
    assert np.array_equal(dZ, [[1], [-1]])


@pytest.mark.parametrize(
    ("f", "slope"),
    [(nn.relu, 0.0), (nn.leaky_relu, 0.01), (nn.elu, 1.0), (nn.selu, 1.0507009873554805 * 1.6732632423543772)],
)
def test_slope_at_the_kink(f: Any, slope: float) -> None:
    assert tn.grad(f)(0.0) == pytest.approx(slope)


def test_softmax_does_not_see_an_offset_and_may_hold_minus_infinity() -> None:
    z = np.array([1.0, 2.0, 3.0])
    assert np.allclose(nn.softmax(z + 1e6), nn.softmax(z), rtol=1e-9)
    assert nn.softmax(np.array([0.0, -np.inf, 0.0])).tolist() == [0.5, 0.0, 0.5]
    assert nn.logsumexp(np.array([-np.inf, -np.inf])) == -np.inf


@pytest.mark.parametrize("name", [name for name in ELEMENTWISE if name != "tanh"])
def test_complex_is_refused_rather_than_wrong(name: str) -> None:
    with pytest.raises(DTypeError, match="real numbers"):
        getattr(nn, name)(np.array([1j]))


def test_each_delicate_function_is_one_node() -> None:
    z = Tensor(np.ones((3, 2)))
    for f in (nn.sigmoid, nn.softplus, nn.silu, nn.gelu, nn.relu, nn.softmax, nn.log_softmax, nn.logsumexp):
        node = f(z).node
        assert node is not None
        assert node.parents == (z.node,)
        assert isinstance(node.op.rule, Rule)
        assert node.op.rule.formula


def test_tanh_is_the_larger_slope_in_the_middle_only() -> None:
    edge = 2 * np.arccosh((1 + np.sqrt(3)) / 2)
    slopes = [tn.elementwise_grad(f)(np.array([edge - 0.01, edge + 0.01])) for f in (np.tanh, nn.sigmoid)]
    assert (slopes[0] > slopes[1]).tolist() == [True, False]


def test_dropout_keeps_the_mean_and_the_mask() -> None:
    A = Tensor(np.ones((50, 40)))
    dropped = nn.dropout(A, 0.8, np.random.default_rng(0))
    np.sum(dropped).backward()
    assert set(np.unique(dropped.data)) == {0.0, 1.25}
    assert np.array_equal(A.grad, dropped.data)
    assert np.mean(dropped.data) == pytest.approx(1, abs=0.03)
    mask = np.random.RandomState(1).rand(50, 40) < 0.8
    assert np.array_equal(nn.dropout(A.data, 0.8, np.random.RandomState(1)), mask / 0.8)
    assert nn.dropout(A, 0.8) is A
    assert nn.dropout(A.data.astype("f4"), 0.8, np.random.default_rng(0)).dtype == np.float32
    with pytest.raises(BadInputError, match="keep_prob"):
        nn.dropout(A, 0.0, np.random.default_rng(0))


def test_one_hot() -> None:
    assert nn.one_hot([[0, 1]], 2, axis=-1).shape == (1, 2, 2)
    assert nn.one_hot(np.array([1, 0]), 2, dtype=np.float32).dtype == np.float32
    with pytest.raises(BadInputError, match="0 to 2"):
        nn.one_hot([3], 3)


# ── losses and penalties ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_losses_equal_torch(reduction: str) -> None:
    c = torch_cases.losses()
    ours = {
        "mse": nn.mse(c["a"], c["b"], reduction),
        "binary_cross_entropy": nn.binary_cross_entropy(c["probabilities"], c["bits"], reduction),
        "binary_cross_entropy_with_logits": nn.binary_cross_entropy_with_logits(c["a"], c["bits"], reduction),
        "softmax_cross_entropy": nn.softmax_cross_entropy(c["Z"], c["classes"], reduction),
        "soft_labels": nn.softmax_cross_entropy(c["Z"], c["P"], reduction),
        "cross_entropy": nn.cross_entropy(c["P"], c["classes"], reduction),
        "huber": nn.huber(c["a"], c["b"], 0.7, reduction),
        "kl_div": nn.kl_div(c["P"], nn.softmax(c["Z"]), reduction),
    }
    for name, value in ours.items():
        assert_same(value, f"losses.{name}.{reduction}")


def test_recorded_gradient_of_softmax_cross_entropy_is_a_minus_y() -> None:
    rng = np.random.default_rng(0)
    Z, Y = Tensor(rng.standard_normal((4, 6))), nn.one_hot(rng.integers(0, 4, 6), 4)
    (loss := nn.softmax_cross_entropy(Z, Y, "sum")).backward()
    assert np.array_equal(Z.grad, nn.softmax(Z.data) - Y)
    rule = loss.node.parents[0].op.rule
    assert rule.name == "softmax_cross_entropy"
    assert "a − y" in rule.formula

    names = []

    def gradient(Z: Any) -> Any:
        dZ = tn.grad(lambda Z: nn.softmax_cross_entropy(Z, Y, "sum"))(Z)
        front = [dZ.node]
        while front:
            names.extend(node.op.name for node in front)
            front = [parent for node in front for parent in node.parents]
        return np.sum(dZ * dZ)

    tn.grad(gradient)(Z.data)
    assert "softmax" in names
    assert "subtract" in names


def test_gradient_through_sigmoid_and_cross_entropy_is_a_minus_y() -> None:
    rng = np.random.default_rng(0)
    z, Y = rng.standard_normal((1, 8)), (rng.random((1, 8)) < 0.5).astype(float)
    slow = tn.grad(lambda z: nn.binary_cross_entropy(nn.sigmoid(z), Y, "sum"))(z)
    fused = tn.grad(lambda z: nn.binary_cross_entropy_with_logits(z, Y, "sum"))(z)
    assert np.allclose(slow, nn.sigmoid(z) - Y)
    assert np.allclose(fused, nn.sigmoid(z) - Y, atol=1e-15)


def test_cross_entropy_of_certain_predictions() -> None:
    A, Y = np.array([[0.0, 1.0, 0.5]]), np.array([[0.0, 1.0, 1.0]])
    L, dA = tn.value_and_grad(lambda A: nn.binary_cross_entropy(A, Y, "sum"))(A)
    assert -np.log(0.5) == L
    assert dA.tolist() == [[1.0, -1.0, -2.0]]
    assert nn.binary_cross_entropy(np.array([0.0]), np.array([1.0])) == np.inf
    assert nn.cross_entropy(np.array([[1.0], [0.0]]), np.array([[1.0], [0.0]])) == 0


def test_losses_refuse_shapes_that_would_broadcast() -> None:
    for loss in (nn.mse, nn.binary_cross_entropy, nn.binary_cross_entropy_with_logits, nn.hinge, nn.huber, nn.kl_div):
        with pytest.raises(ShapeError, match="one shape"):
            loss(np.ones((1, 3)), np.ones(3))
    with pytest.raises(ShapeError, match="integer classes of shape"):
        nn.softmax_cross_entropy(np.ones((3, 4)), np.ones(4))
    with pytest.raises(BadInputError, match="sum to 1"):
        nn.softmax_cross_entropy(np.ones((3, 4)), np.ones((3, 4)))
    with pytest.raises(BadInputError, match='"mean", "sum" or "none"'):
        nn.mse(np.ones(2), np.ones(2), "average")


def test_penalties_are_the_notes() -> None:
    W1, W2 = np.full((4, 3), 2.0), np.full((1, 4), -1.0)
    assert nn.frobenius([W1, W2], lam=0.5, m=10) == 0.5 / 20 * (12 * 4 + 4)
    assert nn.l1([W1, W2], lam=0.5, m=10) == 0.5 / 20 * (12 * 2 + 4)
    dW = tn.grad(lambda W: nn.l2(W, 0.7, 211))(W1)
    assert np.allclose(dW, 0.7 / 211 * W1, rtol=1e-15)
    model = nn.Sequential(nn.Linear(2, 3, np.random.default_rng(0)), np.tanh)
    assert [W.shape for W in nn.weights(model)] == [(3, 2)]


# ── start values ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("make", "deviation"),
    [(nn.init.small, 0.01), (nn.init.large, 10), (nn.init.xavier, 200**-0.5), (nn.init.glorot, (2 / 500) ** 0.5),
     (nn.init.he, (2 / 200) ** 0.5)],
)  # fmt: skip
def test_start_values_have_their_spread(make: Any, deviation: float) -> None:
    W = make((300, 200), np.random.default_rng(0))
    assert np.std(W) == pytest.approx(deviation, rel=0.02)
    assert abs(np.mean(W)) < 0.02 * deviation
    assert make((300, 200), np.random.default_rng(0), dtype=np.float32).dtype == np.float32


def test_start_values_equal_the_notes_recipe_bit_for_bit() -> None:
    rng = np.random.RandomState(3)
    expected = rng.randn(10, 2) * np.sqrt(2 / 2)
    assert np.array_equal(nn.init.he((10, 2), np.random.RandomState(3)), expected)


def test_orthogonal_and_convolution_fans() -> None:
    for shape in [(4, 7), (7, 4), (5, 5)]:
        W = nn.init.orthogonal(shape, np.random.default_rng(0))
        small = min(shape)
        assert np.allclose((W @ W.T if shape[0] == small else W.T @ W), np.eye(small))
    W = nn.init.he((64, 8, 5, 5), np.random.default_rng(0))
    assert np.std(W) == pytest.approx(np.sqrt(2 / 200), rel=0.03)
    with pytest.raises(BadInputError, match="rng"):
        nn.init.he((2, 2), None)
    with pytest.raises(BadInputError, match="2 axes"):
        nn.init.he((2,), np.random.default_rng(0))


# ── layers ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "options"),
    [("conv", {}), ("conv_stride", {"stride": 2}), ("conv_padding", {"padding": (2, 1)}),
     ("conv_dilation", {"dilation": 2}), ("conv_all", {"stride": (2, 1), "padding": 1, "dilation": (1, 2)})],
)  # fmt: skip
def test_convolution_equals_torch(name: str, options: dict[str, Any]) -> None:
    c = torch_cases.layers()
    assert_same(nn.conv2d(c["images"], c["kernel"], c["kernel_bias"], **options), f"layers.{name}")


def test_pooling_equals_torch() -> None:
    x = torch_cases.layers()["images"]
    assert_same(nn.max_pool2d(x, 2), "layers.max_pool")
    assert_same(nn.max_pool2d(x, 3, stride=2, padding=1), "layers.max_pool_all")
    assert_same(nn.avg_pool2d(x, 2), "layers.avg_pool")
    assert_same(nn.avg_pool2d(x, (3, 2), stride=(2, 1), padding=1), "layers.avg_pool_all")


def test_unfold_and_fold_are_transposes() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 6, 5))
    columns = nn.unfold(x, (2, 3), stride=2, padding=1, dilation=(2, 1))
    g = rng.standard_normal(columns.shape)
    back = nn.fold(g, x.shape, (2, 3), (2, 2), (1, 1), (2, 1))
    assert np.sum(columns * g) == pytest.approx(np.sum(x * back), rel=1e-13)


def test_max_pooling_shares_ties() -> None:
    x = Tensor(np.ones((1, 1, 2, 2)))
    np.sum(nn.max_pool2d(x, 2)).backward()
    assert x.grad.ravel().tolist() == [0.25] * 4


def test_convolution_names_what_does_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"\(N, C, H, W\)"):
        nn.conv2d(np.ones((1, 2, 4, 4)), np.ones((1, 3, 2, 2)))
    with pytest.raises(ShapeError, match="does not fit"):
        nn.conv2d(np.ones((1, 3, 4, 4)), np.ones((1, 3, 5, 5)))
    with pytest.raises(ShapeError, match=r"\(N, C, H, W\)"):
        nn.max_pool2d(np.ones((4, 4)), 2)


def test_batch_norm_equals_torch() -> None:
    c = torch_cases.layers()
    layer = nn.BatchNorm(5)
    layer.gamma, layer.beta = c["gamma"], c["beta"]
    y, state = layer.train(c["columns"], layer.state())
    assert_same(y, "layers.batch_norm")
    assert_same(state["mean"], "layers.batch_norm_mean")
    assert_same(state["variance"], "layers.batch_norm_variance")
    assert_same(layer(c["columns"], state), "layers.batch_norm_test")


def test_layer_norm_equals_torch_in_both_layouts() -> None:
    c = torch_cases.layers()
    last, first = nn.LayerNorm(6), nn.LayerNorm(6, axis=0)
    for layer in (last, first):
        layer.gamma, layer.beta = c["gamma6"], c["beta6"]
    assert_same(last(c["rows"]), "layers.layer_norm")
    assert_same(np.moveaxis(first(np.moveaxis(c["rows"], -1, 0)), 0, -1), "layers.layer_norm")


def test_recurrent_layers_equal_torch() -> None:
    c, rng = torch_cases.layers(), np.random.default_rng(0)
    rnn, gru, lstm = nn.RNN(3, 4, rng), nn.GRU(3, 4, rng), nn.LSTM(3, 4, rng)
    rnn.Wx, rnn.Wh, rnn.b = c["rnn_x"], c["rnn_h"], c["rnn_b"]
    gru.Wx, gru.Wh, gru.bx, gru.bh = c["gru_x"], c["gru_h"], c["gru_bx"], c["gru_bh"]
    lstm.Wx, lstm.Wh, lstm.b = c["lstm_x"], c["lstm_h"], c["lstm_b"]
    assert_same(rnn(c["sequence"], c["h"])[0], "layers.rnn")
    assert_same(gru(c["sequence"], c["h"])[0], "layers.gru")
    H, (h, cell) = lstm(c["sequence"], (c["h"], c["c"]))
    assert_same(H, "layers.lstm")
    assert_same(cell, "layers.lstm_cell")
    assert np.array_equal(h, H[:, -1])
    with pytest.raises(ShapeError, match=r"\(batch, time, features\)"):
        rnn(np.ones((2, 3)))


@pytest.mark.parametrize("causal", [False, True])
def test_attention_equals_torch(causal: bool) -> None:
    c = torch_cases.layers()
    layer = nn.MultiHeadAttention(6, 2, np.random.default_rng(0), causal=causal)
    layer.W, layer.b, layer.Wo, layer.bo = (c[f"attention_{name}"] for name in ("w", "b", "wo", "bo"))
    assert_same(layer(c["rows"]), "layers.attention_causal" if causal else "layers.attention")


def test_causal_attention_does_not_see_the_future() -> None:
    layer = nn.MultiHeadAttention(4, 2, np.random.default_rng(0), causal=True)
    x = np.random.default_rng(1).standard_normal((1, 5, 4))
    changed = x.copy()
    changed[:, 3:] += 1
    assert np.array_equal(layer(x)[:, :3], layer(changed)[:, :3])
    with pytest.raises(BadInputError, match="heads"):
        nn.MultiHeadAttention(4, 3, np.random.default_rng(0))


def test_embedding_is_a_one_hot_product() -> None:
    layer = nn.Embedding(5, 3, np.random.default_rng(0))
    indices = np.array([[4, 0, 4]])
    assert np.array_equal(layer(indices), nn.one_hot(indices, 5, axis=-1) @ layer.E)


def make_model(rng: np.random.Generator) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, rng, padding=1), nn.BatchNorm(4, axis=1), nn.relu, nn.MaxPool2d(2), nn.to_columns,
        nn.Dropout(0.5), nn.Linear(16, 3, rng),
    )  # fmt: skip


def test_a_model_is_a_container_of_its_arrays(rng: np.random.Generator) -> None:
    model, x = make_model(rng), rng.standard_normal((5, 1, 4, 4))
    gradient = tn.grad(lambda model: np.sum(model(x) ** 2))(model)
    assert isinstance(gradient, nn.Sequential)
    assert gradient.layers[0].W.shape == (4, 1, 3, 3)
    assert gradient.layers[0].padding == (1, 1)
    assert gradient.layers[5].keep_prob == 0.5
    assert nn.count_parameters(model) == 4 * 9 + 4 + 8 + 3 * 16 + 3
    stepped, _ = tn.optim.SGD(0.01).step(model, gradient, tn.optim.SGD(0.01).init(model))
    assert np.sum(stepped(x) ** 2) < np.sum(model(x) ** 2)


def test_randomness_and_state_are_explicit(rng: np.random.Generator) -> None:
    model, x = make_model(rng), rng.standard_normal((5, 1, 4, 4))
    assert np.array_equal(model(x), model(x))
    one, two = (model(x, rng=np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, model(x))
    state = model.state()
    y, after = model.train(x, state, np.random.default_rng(3))
    assert np.array_equal(y, one)
    assert np.array_equal(state[1]["mean"], np.zeros(4))
    assert not np.array_equal(after[1]["mean"], np.zeros(4))
    assert not np.allclose(model(x, state=after), model(x))


def test_models_show_shapes_and_counts(rng: np.random.Generator) -> None:
    model = make_model(rng)
    text = repr(model)
    assert "Conv2d(W (4, 1, 3, 3), b (4,), stride=(1, 1), padding=(1, 1), dilation=(1, 1); 40 parameters)" in text
    assert "Dropout(keep_prob=0.5)" in text
    assert "Activation(relu)" in text
    assert text.endswith("# 99 parameters")
    lines = model.summary(np.ones((2, 1, 4, 4))).splitlines()
    assert lines[0].split() == ["layer", "parameters", "output"]
    assert lines[1].startswith("0 Conv2d")
    assert "(2, 4, 4, 4)" in lines[1]
    assert lines[-1].split() == ["total", "99"]
    assert "output" not in model.summary()


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_layers_keep_narrow_floats(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    pairs = [
        (nn.Linear(3, 2, rng, dtype=dtype), (3, 4)), (nn.Conv2d(1, 2, 2, rng, dtype=dtype), (2, 1, 4, 4)),
        (nn.BatchNorm(3, dtype=dtype), (3, 4)), (nn.LayerNorm(4, dtype=dtype), (3, 4)),
        (nn.RNN(3, 2, rng, dtype=dtype), (2, 4, 3)), (nn.GRU(3, 2, rng, dtype=dtype), (2, 4, 3)),
        (nn.LSTM(3, 2, rng, dtype=dtype), (2, 4, 3)),
        (nn.MultiHeadAttention(4, 2, rng, causal=True, dtype=dtype), (2, 3, 4)),
    ]  # fmt: skip
    for layer, shape in pairs:
        y = layer(rng.standard_normal(shape).astype(dtype))
        y = y[0] if isinstance(y, tuple) else y
        assert y.dtype == dtype, layer


def test_functions_raise_no_warning_of_their_own() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in (*ELEMENTWISE, *ALONG_AXIS):
            getattr(nn, name)(np.array([-700.0, -1e-300, 0.0, 1e-300, 700.0]))
