"""The compiler's passes one at a time, its programs against eager runs, its source, its picture and its numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import nn, optim
from tinygrad_notes.cli import main
from tinygrad_notes.compiler import calls, passes, schedule
from tinygrad_notes.compiler.capture import Capture
from tinygrad_notes.compiler.program import Program, Value
from tinygrad_notes.compiler.storage import assign
from tinygrad_notes.compiler.trace import trace
from tinygrad_notes.pytree import flatten

rng = np.random.default_rng(0)
A, B, C = (rng.normal(size=(3, 4)) for _ in range(3))


def traced(f: Callable[..., Any], *args: Any) -> Program:
    """The program before any pass."""
    leaves, structure = flatten((args, {}))
    program, _ = trace(f, Capture(f), leaves, structure, (), [])
    return program


def names(program: Program) -> list[str]:
    return [i.name for i in program.instructions]


def after(one_pass: Callable[[Program], Any], f: Callable[..., Any], *args: Any) -> list[str]:
    program = traced(f, *args)
    one_pass(program)
    passes.drop_dead(program)
    return names(program)


# ── tidy ─────────────────────────────────────────────────────────────────────────────────────────────────────────

TIDIED: dict[str, tuple[Callable[..., Any], list[str]]] = {
    "x·1": (lambda a, b: a * 1 + b, ["add"]),
    "1·x": (lambda a, b: np.ones_like(a) * a + b, ["add"]),
    "x/1": (lambda a, b: a / 1.0 - b, ["subtract"]),
    "x·(−1)": (lambda a, b: a * -1.0 * b, ["negative", "multiply"]),
    "−(−x)": (lambda a, b: np.negative(-a) * b, ["multiply"]),
    "a + (−b)": (lambda a, b: a + (-b), ["subtract"]),
    "(−a) + b": (lambda a, b: (-a) + b, ["subtract"]),
    "a − (−b)": (lambda a, b: a - (-b), ["add"]),
    "(−a)(−b)": (lambda a, b: (-a) * (-b), ["multiply"]),
    "(−a)/(−b)": (lambda a, b: (-a) / (-b), ["divide"]),
    "−((−a) b)": (lambda a, b: -((-a) * b), ["multiply"]),
    "x − 0": (lambda a, b: (a - 0) * b, ["multiply"]),
    "copy": (lambda a, b: a.copy() * +b, ["multiply"]),
    "astype": (lambda a, b: a.astype(float) * b, ["multiply"]),
    "conj": (lambda a, b: np.conj(a) * b, ["multiply"]),
    "reshape of reshape": (lambda a, b: (a.reshape(2, 6).reshape(3, 4)) * b, ["multiply"]),
    "reshape twice": (lambda a, b: a.reshape(2, 6).reshape(4, 3) * b.T, ["reshape", "transpose", "multiply"]),
    "transpose of transpose": (lambda a, b: a.T.T * b, ["multiply"]),
    "x[...]": (lambda a, b: a[...] * b[()], ["multiply"]),
    "where(c, a, a)": (lambda a, b: np.where(a > b, a, a) + b, ["add"]),
}
KEPT = {
    "x + 0, for −0": lambda a, b: a + 0.0,
    "x·0": lambda a, b: a * 0,
    "1·x of another dtype": lambda a, b: a * np.float64(1).astype(np.complex128),
    "x − (−0)": lambda a, b: a - (-0.0),
    "a − b": lambda a, b: a - b,
}


@pytest.mark.parametrize("name", TIDIED)
def test_tidy(name: str) -> None:
    f, wanted = TIDIED[name]
    assert after(lambda program: [passes.tidy(program) for _ in range(2)], f, A, B) == wanted
    np.testing.assert_array_equal(tn.compile(f)(A, B), f(A, B))


@pytest.mark.parametrize("name", KEPT)
def test_tidy_leaves_what_would_change_bits(name: str) -> None:
    f = KEPT[name]
    zeros = np.array([0.0, -0.0, np.inf, np.nan])
    with np.errstate(all="ignore"):
        before = names(traced(f, zeros, zeros))
        assert after(passes.tidy, f, zeros, zeros) == before
        got, wanted = tn.compile(f)(zeros, zeros), f(zeros, zeros)
    np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(np.signbit(np.real(got)), np.signbit(np.real(wanted)))


def test_broadcasts_are_dropped() -> None:
    def f(a: Any, b: Any) -> Any:
        spread = np.broadcast_to(b, (3, 4))
        return a * spread, np.exp(spread) + a

    assert after(passes.drop_broadcasts, f, A, B[0]) == ["multiply", "exp", "add"]
    for got, wanted in zip(tn.compile(f)(A, B[0]), f(A, B[0]), strict=True):
        np.testing.assert_array_equal(got, wanted)
    program = passes.simplified(traced(lambda b: np.exp(np.broadcast_to(b, (3, 4))), B[0]))
    assert [i.out.shape for i in program.instructions if i.name == "exp"] == [(4,)]


def test_a_new_shape_of_what_is_no_longer_spread_out_is_a_copy() -> None:
    def f(x: Any, s: Any) -> Any:
        spread = np.broadcast_to(x, (2, 3, 4)) * s  # computed on (1, 3, 1), then spread
        return np.sin(spread).reshape(24) @ np.arange(24.0), spread.transpose(2, 0, 1)[1].reshape(6)

    compiled = tn.compile(f)
    for seed in range(3):
        x = np.random.default_rng(seed).standard_normal((1, 3, 1))
        for got, wanted in zip(compiled(x, 2.0), f(x, 2.0), strict=True):
            np.testing.assert_array_equal(got, wanted)


def test_equal_calls_are_shared() -> None:
    assert after(passes.share, lambda a, b: np.exp(a) * b + np.exp(a) / b, A, B) == ["exp", "multiply", "divide", "add"]
    assert after(passes.share, lambda a, b: (a * 1.0) + (a * 1), A, B).count("multiply") == 2, "1 is not 1.0"
    assert after(passes.share, lambda a, b: (a + 0.0) * (a + -0.0), A, B).count("add") == 2, "0.0 is not −0.0"
    draws = traced(lambda a, g: a + g.random() + g.random(), A, np.random.default_rng(0))
    passes.share(draws)
    assert names(draws).count("draw") == 2, "two draws are two"


def test_constants_are_folded() -> None:
    f = lambda a: a * np.sqrt(np.full_like(a, 4.0)[0, 0] * 2)
    program = passes.simplified(traced(f, A))
    assert names(program) == ["full", "getitem", "multiply", "sqrt", "multiply"] or names(program) == ["multiply"]
    g = lambda a: a + np.arange(4.0) ** 2
    assert names(passes.simplified(traced(g, A))) == ["add"]


def test_what_nobody_reads_is_dropped() -> None:
    def f(a: Any, b: Any) -> Any:
        np.exp(a)
        return a + b

    assert after(lambda program: None, f, A, B) == ["add"]


# ── storage ──────────────────────────────────────────────────────────────────────────────────────────────────────


def placed(f: Callable[..., Any], *args: Any, donated: tuple[int, ...] = ()) -> tuple[Program, Any]:
    program = passes.simplified(traced(f, *args))
    return program, assign(program, list(donated))


def test_a_chain_runs_in_one_buffer() -> None:
    _, storage = placed(lambda a, b: np.sum(np.tanh(np.exp(a * b) + a) * 2), A, B)
    assert storage.buffers == [A.nbytes]


def test_a_buffer_is_free_after_its_last_reader() -> None:
    _, storage = placed(lambda a, b: np.sum(np.outer(np.exp(a[0]), a[0]) @ np.ones((4, 4)) @ np.ones((4, 4))), A, B)
    assert len(storage.buffers) <= 3


def test_a_view_keeps_its_buffer() -> None:
    def f(a: Any, b: Any) -> Any:
        e = np.exp(a)
        view = e.T
        other = np.sin(b) * 2
        return np.sum(view @ other)

    program, storage = placed(f, A, B)
    place = {i.name: storage.place.get(i.out) for i in program.instructions}
    assert place["exp"] != place["sin"]
    assert tn.compile(f)(A, B) == f(A, B)


def test_outputs_lie_in_no_buffer() -> None:
    program, storage = placed(lambda a, b: (a * b, np.exp(a * b), (a * b).T), A, B)
    assert not any(isinstance(v, Value) and v in storage.place for v in program.outputs)


def test_an_update_is_made_in_the_donated_argument() -> None:
    program, storage = placed(lambda w, g: w * 0.9 - 0.1 * g, A, B, donated=(0,))
    assert storage.place[program.outputs[0]] == ("input", 0)
    assert not storage.copies
    program, storage = placed(lambda w, g: (np.exp(g), np.sum(w)), A, B, donated=(0,))
    assert storage.place.get(program.outputs[0]) is None, "w is read later"
    assert len(storage.copies) == 1


def test_a_loop_computes_once_what_stays_the_same() -> None:
    def step(w: Any, x: Any, rng: Any) -> Any:
        scaled = np.exp(x) * 2
        noise = rng.standard_normal(3)
        return w * scaled + np.flip(scaled) * noise, np.sum(w * (1 - x)), scaled

    compiled = tn.compile(step, donate=0)
    w, x = np.array([1.0, 2.0, 3.0]), np.array([0.1, -0.2, 0.3])
    got, sums, steady = compiled.repeat(4, w.copy(), x, np.random.default_rng(0))
    rng, wanted = np.random.default_rng(0), w
    for k in range(4):
        wanted, cost, scaled = step(wanted, x, rng)
        np.testing.assert_array_equal(sums[k], cost)
        np.testing.assert_array_equal(steady[k], scaled)
    np.testing.assert_array_equal(got, wanted)
    before, _, inside = compiled.source.partition("def repeat")[2].partition("for _ in range(times)")
    assert "exp(x, " in before
    assert " = exp(" not in inside
    assert " = subtract(" in before
    assert "standard_normal" in inside
    run = compiled.source.partition("def repeat")[0]
    assert run.count(" = exp(") == 1
    np.testing.assert_array_equal(compiled(w.copy(), x * 2, rng)[2], np.exp(x * 2) * 2)  # no number of the loop is kept


def test_an_update_is_made_as_soon_as_its_gradient_is_there() -> None:
    def step(V: Any, W: Any, x: Any) -> Any:
        gradients = tn.grad(lambda V, W: np.sum(np.tanh(W @ np.tanh(V @ x))), argnums=(0, 1))(V, W)
        return V - 0.1 * gradients[0], W - 0.1 * gradients[1]

    square = rng.normal(size=(4, 4))
    program = passes.simplified(traced(step, square, square + 1, A[:, :1].repeat(2, 0)[:4]))
    schedule.settle(program, [0, 1])
    order = [i.name for i in program.instructions]
    first = next(k for k, i in enumerate(program.instructions) if i.out is program.outputs[1])
    assert "matmul" in order[first:], "W is updated before V's gradient is computed"
    reads = [k for k, i in enumerate(program.instructions) if program.inputs[1] in i.operands]
    assert max(reads) == first, "nobody reads W after it was written"
    V, W, x = square, square + 1, rng.normal(size=(4, 3))
    same(tn.compile(step, donate=(0, 1))(V.copy(), W.copy(), x), step(V, W, x))


# ── programs against eager runs ──────────────────────────────────────────────────────────────────────────────────


def same(got: Any, wanted: Any) -> None:
    ours, structure = flatten(got)
    theirs, other = flatten(wanted)
    assert structure == other
    for x, y in zip(ours, theirs, strict=True):
        assert type(x) is type(y)
        assert getattr(x, "dtype", None) == getattr(y, "dtype", None)
        np.testing.assert_array_equal(x, y)


def trained(cost: Any, optimizer: Any) -> Any:
    def step(params: Any, state: Any, *given: Any) -> Any:
        J, gradients = tn.value_and_grad(cost)(params, *given)
        params, state = optimizer.step(params, gradients, state)
        return params, state, J

    return step


def copied(tree: Any) -> Any:
    leaves, structure = flatten(tree)
    return tn.pytree.unflatten(structure, [np.array(x)[()] if hasattr(x, "dtype") else x for x in leaves])


def mlp(p: Any, X: Any, Y: Any) -> Any:
    A1 = nn.relu(p["W1"] @ X + p["b1"])
    return nn.softmax_cross_entropy(p["W2"] @ A1 + p["b2"], Y)


def conv(p: Any, X: Any, Y: Any) -> Any:
    Z = nn.conv2d(X, p["K"], p["b"], padding=1)
    A1 = nn.max_pool2d(nn.relu(Z), 2)
    return nn.softmax_cross_entropy(A1.reshape(len(X), -1) @ p["W"], Y, axis=-1)


def attention(p: Any, x: Any, Y: Any) -> Any:
    h = nn.standardize(x, -1) * p["g"]
    Q, K, V = (h @ p["Wqkv"]).reshape(2, 5, 3, 2, 4).transpose(2, 0, 3, 1, 4)
    mixed = nn.attention(Q, K, V, causal=True).transpose(0, 2, 1, 3).reshape(2, 5, 8)
    return np.mean((nn.gelu(x + mixed @ p["Wo"]) - Y) ** 2)


def arrays(dtype: Any, **shapes: Any) -> dict[str, Any]:
    return {k: (0.3 * rng.normal(size=shape)).astype(dtype) for k, shape in shapes.items()}


NETWORKS: dict[str, Any] = {
    "mlp": (mlp, {"W1": (5, 3), "b1": (5, 1), "W2": (4, 5), "b2": (4, 1)}, (3, 7), np.eye(4)[:, rng.integers(0, 4, 7)]),
    "conv": (conv, {"K": (2, 1, 3, 3), "b": (2,), "W": (18, 3)}, (4, 1, 6, 6), np.eye(3)[rng.integers(0, 3, 4)]),
    "attention": (attention, {"g": (8,), "Wqkv": (8, 24), "Wo": (8, 8)}, (2, 5, 8), rng.normal(size=(2, 5, 8))),
}
OPTIMISERS = {
    "sgd": optim.SGD(0.1),
    "momentum": optim.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "rmsprop": optim.RMSProp(0.01),
    "adam": optim.Adam(0.01),
    "adamw": optim.AdamW(0.01),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimizer", OPTIMISERS)
@pytest.mark.parametrize("network", NETWORKS)
def test_training_steps_are_the_eager_ones_to_the_bit(network: str, optimizer: str, dtype: Any) -> None:
    cost, shapes, shape, labels = NETWORKS[network]
    params, X, Y = arrays(dtype, **shapes), rng.normal(size=shape).astype(dtype), labels.astype(dtype)
    step = trained(cost, OPTIMISERS[optimizer])
    compiled = tn.compile(step, donate=(0, 1))
    state = OPTIMISERS[optimizer].init(params)
    mine, my_state = copied(params), copied(state)
    for _ in range(3):
        params, state, J = step(params, state, X, Y)
        mine, my_state, my_J = compiled(mine, my_state, X, Y)
        same((mine, my_state, my_J), (params, state, J))
    assert compiled.traces == 1


def test_weak_numbers_and_integers() -> None:
    f = lambda x, k, n: (x * k + n, n // 2, n % 3, k**n, x.astype(np.int64) + n, x > k)
    for x in (A, A.astype(np.float32), A.astype(np.float16)):
        same(tn.compile(f)(x, 2.5, 3), f(x, 2.5, 3))


@pytest.mark.parametrize("order", ["C", "F"])
def test_layouts(order: str) -> None:
    x = np.asarray(rng.normal(size=(6, 5)), order=order)
    f = lambda x: (np.sum(np.exp(x), axis=0), (x.T @ x).T, np.cumsum(x * 2, axis=1), x[::-2, ::-1] * 3)
    same(tn.compile(f)(x), f(x))
    same(tn.compile(f)(x[::2]), f(x[::2]))


def test_empty_and_single() -> None:
    f = tn.value_and_grad(lambda x: np.sum(np.tanh(x) * x))
    for x in (np.ones((0, 3)), np.ones((1, 1)), np.float64(2.0), 2.0):
        same(tn.compile(f)(x), f(x))


# ── numbers alone ────────────────────────────────────────────────────────────────────────────────────────────────


def test_programs_of_numbers_run_on_pythons_floats() -> None:
    def f(p: Any, x: Any) -> Any:
        a, b, c = p
        return np.maximum(a * x + b, 0) * np.tanh(c) - np.where(x > 0, a, b) ** 2 + abs(c) / (1 + np.exp(-x))

    g = tn.value_and_grad(f)
    compiled = tn.compile(g)
    for x in (0.7, -0.7, 30.0):
        value, slopes = g([1.5, 0.2, -0.4], x)
        got, got_slopes = compiled([1.5, 0.2, -0.4], x)
        np.testing.assert_allclose([got, *got_slopes], [value, *slopes], rtol=1e-14)
        assert [type(v) for v in got_slopes] == [type(v) for v in slopes]
    assert "except (ZeroDivisionError" in compiled.source


@pytest.mark.parametrize(
    ("f", "x"),
    [(lambda x: 1.0 / x, 0.0), (np.log, 0.0), (np.exp, 1000.0), (lambda x: np.log(x - 1), 0.5), (np.sqrt, -1.0),
     (lambda x: np.power(x, 0.5), -8.0), (lambda x: x * np.inf, 0.0)],
)  # fmt: skip
def test_where_python_raises_numpy_answers(f: Any, x: float) -> None:
    x = np.float64(x)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(tn.compile(f)(x), f(x))


# ── source, picture, numbers ─────────────────────────────────────────────────────────────────────────────────────


def named(p: Any, X: Any, Y: Any) -> Any:
    Z1 = p["W"] @ X + p["b"]
    A1 = np.tanh(Z1)
    J = np.mean((A1 - Y) ** 2)
    return J


def test_the_source_has_the_users_names_and_lines() -> None:
    compiled = tn.compile(tn.value_and_grad(named))
    compiled({"W": A[:, :3], "b": A[:, :1]}, B[:3], C)
    for text in ("Z1 = add(", "A1 = tanh(", "J = ", "dW = ", "db = add_reduce(", "np.tanh(Z1)", "backward of line",
                 "def run(W, b, X, Y)"):  # fmt: skip
        assert text in compiled.source, text
    compile(compiled.source, "source", "exec")


def test_names_that_mean_something_already() -> None:
    f = lambda run, np_, m0, lambda_, make: run * np_ + m0 * lambda_ - make
    same(tn.compile(f)(A, B, C, A, B), f(A, B, C, A, B))
    g = lambda p: p["class"] * p["a b"] + p["1"]
    same(tn.compile(g)({"class": A, "a b": B, "1": C}), g({"class": A, "a b": B, "1": C}))


def test_the_picture(tmp_path: Path) -> None:
    compiled = tn.compile(lambda a, b, c: 3 * (a + b * c))
    compiled(5.0, 3.0, 2.0)
    graph = compiled.graph
    assert [float(node.value) for node in graph.nodes] == [5, 3, 2, 6, 11, 33]
    assert [node.label for node in graph.nodes][:3] == ["a", "b", "c"]
    graph.save(tmp_path / "J.svg")
    step = tn.compile(trained(mlp, optim.Adam()), donate=(0, 1))
    params = arrays(float, **NETWORKS["mlp"][1])
    step(params, optim.Adam().init(params), rng.normal(size=(3, 7)), NETWORKS["mlp"][3])
    assert len(step.graph.nodes) > 50
    pair = tn.compile(lambda x: np.linalg.eigh(x))
    pair(np.eye(3))
    assert "eigh" in pair.graph.to_dot()


def test_the_numbers() -> None:
    compiled = tn.compile(lambda W, X: np.sum(np.tanh(W @ X)))
    compiled(A, B.T.copy())
    stats = compiled.stats
    assert stats.instructions == 3
    assert [line.flops for line in stats.lines] == [2 * 3 * 4 * 3, 9, 9]
    assert stats.nbytes == 9 * 8
    assert all(np.isnan(line.measured) and line.expected > 0 for line in stats.lines)
    measured = stats.measure(0.01)
    assert all(0 < line.measured < 1 for line in measured.lines)
    assert "measured" in str(measured)
    assert json.loads(json.dumps(measured.to_json()))["instructions"] == 3


def test_the_bench_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "step.py"
    file.write_text("import numpy as np, tinygrad_notes as tn\nf = tn.compile(lambda x: np.sum(np.exp(x)))\n"
                    "print(f(np.ones(3)))\n")  # fmt: skip
    assert main(["bench", str(file), "--seconds", "0.01", "--source"]) == 0
    out = capsys.readouterr().out
    assert "f: 2 instructions" in out
    assert "def run(x)" in out
    assert main(["bench", str(file), "--seconds", "0.01", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["f"]["instructions"] == 2
    file.write_text("x = 1\n")
    assert main(["bench", str(file)]) == 2
    assert "calls no compiled function" in capsys.readouterr().err
    assert main(["bench", str(tmp_path / "none.py")]) == 2


def test_calls_are_what_they_say() -> None:
    x = np.arange(6.0)
    np.testing.assert_array_equal(calls.putitem(x, 1, 9.0), [0, 9, 2, 3, 4, 5])
    np.testing.assert_array_equal(calls.add_at(x, [1, 1], 1.0), [0, 3, 2, 3, 4, 5])
    np.testing.assert_array_equal(x, np.arange(6.0))
