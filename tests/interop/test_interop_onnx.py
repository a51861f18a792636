"""ONNX files compute what the function computes: every operation of the book, networks, random programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from oracles import leaves
from test_rules import ENTRIES, all_cases, quiet, title

import tinygrad_notes as tn
from tinygrad_notes import nn
from tinygrad_notes.errors import BadInputError, LeavesGraphError, NoRuleError, OutOfRangeError
from tinygrad_notes.pytree import paths
from tinygrad_notes.rules import Rule

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
runtime.set_default_logger_severity(4)
export = tn.interop.onnx.export

TOLERANCE = 1e-5

OPERATORS = tn.interop.onnx.operators()


def session(model: Any) -> Any:
    return runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def run(model: Any, *inputs: Any) -> list[Any]:
    """The file's results; inputs that the result doesn't depend on are left away."""
    names = [i.name for i in model.graph.input]
    loaded = session(model)
    wanted = {i.name for i in loaded.get_inputs()}
    given = {name: np.asarray(x, np.float32 if np.asarray(x).dtype.kind == "f" else None)
             for name, x in zip(names, inputs, strict=True) if name in wanted}  # fmt: skip
    return list(loaded.run(None, given))


def same(found: list[Any], wanted: Any) -> None:
    wanted = [np.asarray(y) for y in leaves(wanted)]
    assert len(found) == len(wanted)
    for y, z in zip(found, wanted, strict=True):
        assert y.shape == z.shape
        assert np.allclose(y, z, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True), np.abs(y - z).max()


def is_tested(key: Any, cases: Any) -> bool:
    """Of the ufuncs' methods, those of two ufuncs; SciPy's functions have no operators."""
    family = not isinstance(key, tuple) or key[0] in (np.add, np.maximum)
    return family and not title(key).startswith("special.") and any(case.inputs for case in cases)


KEYS = [pytest.param(key, id=title(key)) for key, cases in all_cases().items() if is_tested(key, cases)]


@pytest.mark.parametrize("key", KEYS)
def test_every_entry_of_the_book_is_exported_or_refused_by_name(key: Any) -> None:
    right = 0
    refusals: list[str] = []
    for case in all_cases()[key]:
        inputs = [np.asarray(x) for x in case.inputs]
        if not inputs or any(np.iscomplexobj(x) for x in inputs):
            continue
        single = [x.astype(np.float32) for x in inputs]
        try:
            with quiet():
                model = export(case.on_tensors, *inputs)
        except NoRuleError as error:
            refusals.append(str(error))
            continue
        with quiet():
            same(run(model, *single), case.on_tensors(*single))
        right += 1
    entry = ENTRIES[key]
    promised = isinstance(entry, Rule) and OPERATORS[entry.name]
    assert all("ONNX" in text for text in refusals)
    assert right or not promised or any("complex" in text for text in refusals)


CHAPTERS = """
sum mean max min prod var std cumsum cumprod reshape ravel transpose swapaxes moveaxis expand_dims squeeze
broadcast_to concatenate stack tile repeat flip roll rot90 pad tril triu diag diagonal diff sort take
take_along_axis matmul tensordot einsum conv2d max_pool2d avg_pool2d unfold fold times getitem putitem
scatter_add where clip softmax log_softmax logsumexp standardize sigmoid softplus silu relu leaky_relu elu selu
gelu normal_cdf xlogy bce_with_logits softmax_cross_entropy huber add subtract multiply divide power remainder
fmod floor_divide exp exp2 expm1 log log2 log10 log1p logaddexp logaddexp2 sqrt cbrt hypot sin cos tan arcsin
arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh absolute sign copysign floor ceil trunc rint round
maximum minimum fmax fmin heaviside nan_to_num det cross convolve vector_norm"""


def test_the_chapters_of_networks_have_counterparts() -> None:
    assert [name for name in CHAPTERS.split() if not OPERATORS[name]] == []


# ── networks, at batch sizes that the export has not seen ────────────────────────────────────────────────────────


@dataclass
class Block(nn.Layer):
    E: Any
    P: Any
    first: Any
    attention: Any
    second: Any
    up: Any
    down: Any

    def __call__(self, tokens: Any) -> Any:
        x = self.E(tokens) + self.P
        x = x + self.attention(self.first(x))
        return x + self.down(nn.gelu(self.up(self.second(x))))


def gpt_block(rng: Any) -> Any:
    rows = {"layout": "rows"}
    return Block(
        nn.Embedding(11, 8, rng), rng.normal(size=(5, 8)), nn.LayerNorm(8),
        nn.MultiHeadAttention(8, 2, rng, causal=True), nn.LayerNorm(8), nn.Linear(8, 32, rng, **rows),
        nn.Linear(32, 8, rng, **rows))  # fmt: skip


def conv_net(rng: Any) -> Any:
    first = [nn.Conv2d(1, 4, 3, rng, padding=1), nn.BatchNorm(4, axis=1), nn.relu, nn.MaxPool2d(2)]
    second = [nn.Conv2d(4, 6, 3, rng), nn.gelu, nn.AvgPool2d(2)]
    return nn.Sequential(*first, *second, nn.to_columns, nn.Linear(24, 10, rng), nn.softmax)


NETWORKS: dict[str, tuple[Callable[[Any], Any], Callable[[Any, int], Any], int]] = {
    "MLP": (lambda rng: nn.Sequential(nn.Linear(3, 6, rng), np.tanh, nn.Dropout(0.5), nn.Linear(6, 2, rng)),
            lambda rng, m: rng.normal(size=(3, m)), 1),
    "conv net": (conv_net, lambda rng, m: rng.normal(size=(m, 1, 12, 12)), 0),
    "GPT block": (gpt_block, lambda rng, m: rng.integers(0, 11, size=(m, 5)), 0),
    "LSTM": (lambda rng: nn.LSTM(3, 5, rng), lambda rng, m: rng.normal(size=(m, 4, 3)), 0),
    "GRU": (lambda rng: nn.GRU(3, 5, rng), lambda rng, m: rng.normal(size=(m, 4, 3)), 0),
    "RNN": (lambda rng: nn.RNN(3, 5, rng), lambda rng, m: rng.normal(size=(m, 4, 3)), 0),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str, rng: np.random.Generator) -> None:
    make, draw, axis = NETWORKS[name]
    model = make(rng)
    file = export(model, draw(rng, 2), batch_axis=axis)
    for m in (1, 2, 7):
        x = draw(rng, m)
        same(run(file, x), model(x))
    weights = {w.name for w in file.graph.initializer}
    assert set(paths(model)) <= weights
    assert file.graph.input[0].type.tensor_type.shape.dim[axis].dim_param == "batch"


def test_shapes_and_types_of_all_values_are_in_the_file(tmp_path: Any, rng: np.random.Generator) -> None:
    path = tmp_path / "model.onnx"
    export(conv_net(rng), rng.normal(size=(2, 1, 12, 12)), path=path, batch_axis=0)
    file = onnx.load(path)
    onnx.checker.check_model(file, full_check=True)
    known = {v.name: v.type.tensor_type for v in (*file.graph.value_info, *file.graph.output)}
    for node in file.graph.node:
        for name in node.output:
            assert known[name].elem_type
            assert known[name].HasField("shape")
    assert all(node.name for node in file.graph.node)
    assert any(node.name.startswith("0 Conv2d/") for node in file.graph.node)
    assert file.opset_import[0].version >= 20


def test_functions_with_parameters_and_several_results(rng: np.random.Generator) -> None:
    params = {"W": rng.normal(size=(4, 3)), "b": rng.normal(size=(4, 1))}

    def f(params: Any, X: Any) -> Any:
        Z = params["W"] @ X + params["b"]
        return {"Z": Z, "A": nn.sigmoid(Z)}

    X = rng.normal(size=(3, 5))
    file = export(f, X, params=params, batch_axis=1)
    assert [i.name for i in file.graph.input] == ["X"]
    assert {w.name for w in file.graph.initializer} == {"W", "b"}
    assert [o.name for o in file.graph.output] == ["A", "Z"]
    wanted = f(params, X)
    same(run(file, X), [wanted["A"], wanted["Z"]])


def test_double_precision_is_kept_when_asked_for(rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 3))
    file = export(lambda x: np.tanh(x) @ x.T, x, dtype=np.float64)
    (y,) = session(file).run(None, {file.graph.input[0].name: x})
    assert y.dtype == np.float64
    assert np.allclose(y, np.tanh(x) @ x.T, rtol=1e-12)


def test_the_mean_over_a_batch_that_grows(rng: np.random.Generator) -> None:
    """1/m, m and shapes with m in them are computed from the input."""

    def cost(X: Any, Y: Any) -> Any:
        m = X.shape[1]
        return (
            np.sum((X - Y) ** 2) / m + (1 / m) * np.sum(X) + np.sum(np.ones((2, m)) * X) + X.reshape(-1)[: m - 1].sum()
        )

    file = export(cost, rng.normal(size=(2, 4)), rng.normal(size=(2, 4)), batch_axis=1)
    for m in (2, 9):
        X, Y = rng.normal(size=(2, m)), rng.normal(size=(2, m))
        same(run(file, X, Y), cost(X, Y))


def test_a_gradient_is_a_program_too(rng: np.random.Generator) -> None:
    W = rng.normal(size=(2, 3))
    slope = tn.grad(lambda x: np.sum(nn.sigmoid(W @ np.maximum(x, 0.1)) ** 2) + np.sum(nn.logsumexp(x)))
    x = rng.normal(size=(3, 4))
    same(run(export(slope, x), x), slope(x))


# ── random programs ──────────────────────────────────────────────────────────────────────────────────────────────

SMALL_STEPS: list[Callable[[Any, Any], Any]] = [
    lambda x, _w: np.tanh(x),
    lambda x, _w: nn.sigmoid(x) * 2 - x,
    lambda x, _w: np.where(x > 0.1, x, 0.3 * x),
    lambda x, _w: np.maximum(x, -x) + 0.5,
    lambda x, w: x @ w,
    lambda x, w: x + w[0],
    lambda x, _w: x - x.mean(axis=1, keepdims=True),
    lambda x, _w: x / (1 + np.sum(x * x, axis=0)),
    lambda x, _w: np.concatenate([x[:, 2:], x[:, :2]], axis=1),
    lambda x, _w: x.reshape(x.shape[0], 2, 2).swapaxes(1, 2).reshape(x.shape[0], -1),
    lambda x, _w: np.cumsum(x, axis=1) / 4,
    lambda x, _w: x[::-1, [3, 0, 0, 2]],
    lambda x, _w: nn.softmax(x, axis=-1) + x,
    lambda x, _w: np.stack([x[:, 0], x[:, 1], x[:, 3], x[:, 2]], axis=-1),
    lambda x, _w: np.sort(x, axis=1),
    lambda x, _w: np.einsum("ij,kj->ik", x, np.eye(4)) * 0.9,
    lambda x, _w: np.clip(x, -1.5, 1.5) + np.broadcast_to(np.arange(4.0), x.shape) / 8,
    lambda x, w: np.tensordot(x, w, 1) / 3,
]


@pytest.mark.parametrize("seed", range(25))
def test_random_programs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(4, 4))
    chosen = rng.choice(len(SMALL_STEPS), size=rng.integers(2, 9))

    def program(x: Any) -> Any:
        for k in chosen:
            x = SMALL_STEPS[k](x, w)
        return x, np.sum(x, axis=1)

    file = export(program, rng.normal(size=(3, 4)), batch_axis=0)
    for m in (1, 6):
        x = rng.normal(size=(m, 4)).astype(np.float32)
        same(run(file, x), program(x.astype(float)))


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────────────


def test_an_operation_without_a_counterpart_is_named() -> None:
    with pytest.raises(NoRuleError, match=r"(?s)svd has no ONNX counterpart.*np\.linalg\.svd"):
        export(lambda x: np.linalg.svd(x)[1], np.ones((2, 2)))
    with pytest.raises(NoRuleError, match="complex"):
        export(np.fft.fft, np.ones(4))


def test_looking_at_values_is_refused() -> None:
    with pytest.raises(LeavesGraphError, match=r"np\.where"):
        export(lambda x: x if x[0] > 0 else -x, np.ones(3))


def test_what_depends_on_the_batch_size_in_no_simple_way_is_refused() -> None:
    def eye(x: Any) -> Any:
        return np.eye(x.shape[0]) @ x

    with pytest.raises(BadInputError, match=r"matmul.*\n.*number of examples"):
        export(eye, np.ones((3, 2)), batch_axis=0)
    export(eye, np.ones((3, 2)))

    def loop(x: Any) -> Any:
        return sum(x[i] for i in range(x.shape[0]))

    with pytest.raises(BadInputError, match="loop over the examples"):
        export(loop, np.ones((3, 2)), batch_axis=0)


def test_wrong_calls_say_so() -> None:
    with pytest.raises(OutOfRangeError, match="no axis 2"):
        export(np.tanh, np.ones((3, 2)), batch_axis=2)
    with pytest.raises(BadInputError, match="input_names has 2 names for 1 inputs"):
        export(np.tanh, np.ones(3), input_names=["a", "b"])
    with pytest.raises(BadInputError, match="output_names has 2"):
        export(np.tanh, np.ones(3), output_names=["a", "b"])
