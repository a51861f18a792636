"""Regions that run a block of rows at a time: which are found, that they give what eager functions give, threads."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import nn, optim
from tinygrad_notes.compiler import blocks, kernels
from tinygrad_notes.compiler.blocks import Block
from tinygrad_notes.compiler.recycled import Recycled
from tinygrad_notes.compiler.threads import for_threads, in_blocks

RNG = np.random.default_rng(0)


def normal(*shape: int, dtype: Any = np.float32) -> Any:
    return RNG.standard_normal(shape).astype(dtype)


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regions are made of arrays of any size, in blocks of a few rows."""
    from tinygrad_notes.compiler import storage

    monkeypatch.setattr(blocks, "REGION", 1)
    monkeypatch.setattr(storage, "CACHE", 1 << 10)
    monkeypatch.setattr(storage, "FEWEST", 1)


small = pytest.mark.usefixtures("_small")


def compiled(f: Callable[..., Any], *args: Any, **options: Any) -> tuple[Any, Any, list[Block]]:
    """The compiled function, its result, and its regions."""
    run = tn.compile(f, **options)
    result = run(*args)
    plan = run._last
    assert plan is not None
    return run, result, [i.f for i in plan.program.instructions if isinstance(i.f, Block)]


def same_bits(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)


def close(a: Any, b: Any, tolerance: float = 1e-6) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    scale = max(float(np.max(np.abs(b), initial=0)), 1e-30)
    return a.shape == b.shape and a.dtype == b.dtype and float(np.max(np.abs(a - b), initial=0)) <= tolerance * scale


def layer(parameters: Any, G: Any) -> Any:
    x, u, gamma, beta = parameters
    h = nn.gelu(x) * nn.sigmoid(u) + np.log1p(np.exp(u))
    return np.sum(G * (gamma * nn.standardize(h, -1) + beta))


def layer_data(m: int, n: int, dtype: Any = np.float32) -> tuple[Any, Any]:
    return [
        normal(m, n, dtype=dtype),
        normal(m, n, dtype=dtype),
        normal(n, dtype=dtype),
        normal(n, dtype=dtype),
    ], normal(m, n, dtype=dtype)


# ── which regions are found ──────────────────────────────────────────────────────────────────────────────────────


def test_value_and_gradient_of_a_layer_are_one_region() -> None:
    run, _, found = compiled(tn.value_and_grad(layer), *layer_data(300, 1024))
    assert [(block.count, len(block.rows_out), len(block.reduced)) for block in found] == [(300, 2, 3)]
    assert "def block(" in run.source
    assert "np.log1p(np.exp(u))" in run.source  # the user's line beside it


def test_small_arrays_are_left_alone() -> None:
    assert compiled(tn.value_and_grad(layer), *layer_data(60, 1024))[2] == []


def test_one_call_is_no_region() -> None:
    assert compiled(np.exp, normal(600, 1024))[2] == []


def test_few_passes_over_much_are_no_region() -> None:
    def f(x: Any, g: Any) -> Any:
        return np.maximum(x, 0), g * (x > 0)

    assert compiled(f, normal(600, 1024), normal(600, 1024))[2] == []


def test_columns_end_a_region() -> None:
    def f(x: Any) -> Any:
        y = np.exp(np.tanh(x) * x)
        return np.cumsum(y, axis=0) * np.tanh(np.sin(y))

    run, _, found = compiled(f, normal(600, 1024))
    assert [len(block.members) for block in found] == [3, 3]
    assert [i.name for i in run._last.program.instructions] == ["block", "cumsum", "block"]


def test_a_product_of_matrices_splits_the_program() -> None:
    def f(x: Any, W: Any) -> Any:
        h = nn.gelu(x)
        return nn.gelu(h @ W)

    run, _result, found = compiled(f, normal(600, 512), normal(512, 512))
    assert len(found) == 2
    order = [i.name for i in run._last.program.instructions]  # type: ignore[union-attr]
    assert order == ["block", "matmul", "block"]


def test_a_region_has_no_path_out_and_back() -> None:
    def f(x: Any) -> Any:
        y = np.exp(np.tanh(x))
        total = np.sum(y)
        return np.sin(y / total) * y

    x = normal(600, 1024)
    _, result, found = compiled(f, x)
    assert [len(block.members) for block in found] == [3, 3]  # the sum is known only after the last row
    assert close(result, f(x))


def test_what_needs_no_result_of_a_region_stays_in_front_of_it() -> None:
    def f(x: Any, A: Any) -> Any:
        y = np.tanh(x) * x
        s = np.linalg.inv(A)[0, 0]
        return np.exp(y * s) + np.sin(y)

    x, A = normal(600, 1024), np.array([[2.0, 0.0], [0.0, 1.0]], np.float32)
    _, result, found = compiled(f, x, A)
    assert len(found) == 1
    assert same_bits(result, f(x, A))


def test_leading_axes_are_rows_together() -> None:
    def f(x: Any, positions: Any) -> Any:
        return np.tanh(x * nn.softmax(x, axis=-1) + np.exp(x))

    x = normal(8, 64, 1024)
    _, result, found = compiled(f, x, normal(64, 1024))
    assert [block.count for block in found] == [512]
    assert close(result, f(x, None))


def test_an_operand_that_repeats_within_the_leading_axes_makes_the_first_the_rows() -> None:
    def f(x: Any, positions: Any) -> Any:
        return np.tanh(x + positions) * np.exp(x) * x

    x, positions = normal(600, 4, 256), normal(4, 256)
    _, result, found = compiled(f, x, positions)
    assert [block.count for block in found] == [600]
    assert same_bits(result, f(x, positions))


def test_draws_keep_their_order() -> None:
    def f(x: Any, rng: Any) -> Any:
        y = np.tanh(np.exp(x))
        a = rng.standard_normal(2) * np.sum(y)
        z = np.sin(y) * np.tanh(y)
        return a, rng.standard_normal(2), z

    x = normal(600, 1024)
    expected = f(x, np.random.default_rng(5))
    _run, result, _ = compiled(f, x, np.random.default_rng(5))
    for a, b in zip(result, expected, strict=True):
        assert close(a, b)


# ── what they give ───────────────────────────────────────────────────────────────────────────────────────────────


@small
@pytest.mark.parametrize("rows", [1, 2, 7, 33, 100])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layer_equals_eager(rows: int, dtype: Any) -> None:
    parameters, G = layer_data(rows, 40, dtype)
    J, gradients = tn.value_and_grad(layer)(parameters, G)
    for threads in (1, 2):
        _, (K, found), regions = compiled(tn.value_and_grad(layer), parameters, G, threads=threads)
        assert len(regions) == 1 or rows == 1
        assert abs(K - J) <= 1e-6 * np.sum(np.abs(G * nn.standardize(G, -1)))
        assert all(map(close, found, gradients))


ROWWISE: dict[str, Callable[..., Any]] = {
    "where": lambda x: np.where(x > 0, np.exp(-x), x * 2) * x,
    "clip": lambda x: np.clip(x, -0.5, 0.5) * np.exp(x) + x,
    "astype": lambda x: (np.exp(x) * x).astype(np.float16).astype(x.dtype) * 2,
    "maximum along rows": lambda x: np.exp(x - np.max(x, axis=-1, keepdims=True)) * x,
    "row results": lambda x: (np.max(x * x, axis=1), np.min(np.exp(x) * x, axis=1)),
    "reshape": lambda x: (np.exp(x) * x).reshape(len(x), -1, 4).max(axis=2) * 2,
    "new axis": lambda x: (np.max(np.exp(x) * x, axis=1)[:, None] - x) * x,
    "columns": lambda x: (np.exp(x) * x[:, :1] - x[0]) * x[:1],
    "numbers": lambda x: 2 - np.exp(x) * 3 + x * np.float32(2),
    "bool": lambda x: (np.exp(x) > 1) & (x * x < 1) | ~(x > 0),
    "maximum of all": lambda x: (np.max(np.exp(x) * x), np.max(np.tanh(x) * x, axis=0)),
    "all": lambda x: (np.all(np.exp(x) * x > -9, axis=0), np.any(x * x > 9)),
    "vector": lambda x: np.exp(x.reshape(-1)) * x.reshape(-1) + 1,
}


@small
@pytest.mark.parametrize("name", list(ROWWISE))
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_without_sums_it_is_eager_to_the_last_bit(name: str, dtype: Any) -> None:
    f, x = ROWWISE[name], normal(37, 8, dtype=dtype)
    _, result, regions = compiled(f, x)
    assert regions
    expected = f(x)
    if not isinstance(expected, tuple):
        result, expected = (result,), (expected,)
    assert all(map(same_bits, result, expected))


SUMS: dict[str, Callable[..., Any]] = {
    "all": lambda x: np.sum(np.exp(x) * x),
    "rows": lambda x: np.sum(np.exp(x), axis=0) + 1,
    "rows kept": lambda x: np.sum(np.exp(x) * 2, axis=0, keepdims=True) * 2,
    "all kept": lambda x: np.mean(np.exp(x) * 2, keepdims=True),
    "columns": lambda x: np.sum(np.exp(x) * x, axis=1) * 2,
    "squares": lambda x: np.sum(x * x, axis=-1, keepdims=True) * np.exp(x),
    "counts": lambda x: (np.sum((np.exp(x) > 1) * 1), np.sum(np.exp(x) > x, axis=0)),
    "product": lambda x: np.prod(1 + np.exp(x) * 1e-3, axis=0),
}


@small
@pytest.mark.parametrize("name", list(SUMS))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(37, 40), (2, 1), (5, 300)])
def test_sums_are_eager_to_rounding(name: str, dtype: Any, shape: tuple[int, int]) -> None:
    f, x = SUMS[name], np.abs(normal(*shape, dtype=dtype))
    _, result, _ = compiled(f, x)
    expected = f(x)
    if not isinstance(expected, tuple):
        result, expected = (result,), (expected,)
    assert all(map(close, result, expected))


@small
@pytest.mark.parametrize("axes", [0, (0, 1), (0, 2), None, 2, (1, 2), 1])
def test_sums_over_some_of_three_axes(axes: Any) -> None:
    def f(x: Any) -> Any:
        y = np.exp(x) * x
        return np.sum(y, axis=axes), np.max(y, axis=axes, keepdims=True), y

    x = np.abs(normal(6, 5, 8))
    _, result, regions = compiled(f, x)
    assert regions
    assert all(map(close, result, f(x)))


@small
def test_half_precision_sums_are_not_made_of_blocks() -> None:
    x = np.abs(normal(200, 8, dtype=np.float16))
    f = lambda x: (np.sum(np.exp(x) * x, axis=0), np.exp(x) * x)
    _, result, regions = compiled(f, x)
    assert [block.reduced for block in regions] == [[]]
    assert all(map(same_bits, result, f(x)))


@small
@pytest.mark.parametrize("shape", [(0, 8), (8, 0), (1, 8), (8, 1), (1, 1)])
def test_empty_and_single(shape: tuple[int, int]) -> None:
    f = lambda x: (np.exp(x) * x + 1, np.sum(np.tanh(x) * x, axis=0), np.sum(x * x * 2))
    x = normal(*shape)
    assert all(map(close, compiled(f, x)[1], f(x)))


@small
def test_arguments_may_be_laid_out_anyhow() -> None:
    f = lambda x, y: (np.exp(x) * y + x * y, np.sum(np.tanh(x) * y, axis=0))
    x, y = normal(30, 20), normal(30, 20)
    run, _, regions = compiled(f, x, y)
    assert regions
    for a in (x, np.asfortranarray(x), normal(60, 20)[::2], normal(20, 30).T, x[::-1]):
        result = run(a, y)
        assert close(result[0], f(a, y)[0])
        assert close(result[1], f(a, y)[1])
    assert run.traces == 1


@small
def test_results_are_new_arrays() -> None:
    f = lambda x: np.exp(x) * x + np.tanh(x)
    x = normal(30, 20)
    run, first, _ = compiled(f, x)
    before = first.copy()
    second = run(x + 1)
    assert not np.shares_memory(first, second)
    assert same_bits(first, before)
    assert first.flags.owndata
    assert first.flags.c_contiguous


@small
def test_donated_arrays_are_written_in_place() -> None:
    adam = optim.Adam(lr=0.01)

    def step(w: Any, state: Any, g: Any) -> Any:
        return adam.step(w, g, state)

    w, g = {"w": normal(30, 20)}, {"w": normal(30, 20)}
    expected, state = adam.step(w, g, adam.init(w))
    expected, state = adam.step(expected, g, state)
    given = {"w": w["w"].copy()}
    run = tn.compile(step, donate=(0, 1))
    first, kept = run(given, adam.init(w), g)
    assert first["w"] is given["w"]
    second, kept = run(first, kept, g)
    assert second["w"] is given["w"]
    assert same_bits(second["w"], expected["w"])
    assert same_bits(kept["S"]["w"], state["S"]["w"])


@small
def test_a_donated_array_that_is_read_later_is_not_overwritten_early() -> None:
    def f(x: Any, y: Any) -> Any:
        new = np.exp(x) * y
        return new, (np.tanh(x) - new) * x

    x, y = normal(30, 20), normal(30, 20)
    expected = f(x, y)
    for layout in (np.ascontiguousarray, np.asfortranarray):
        for given in (x, x.reshape(5, 6, 20)):
            out = tn.compile(f, donate=0)(layout(given.copy()), y.reshape(given.shape))
            assert same_bits(out[0].reshape(x.shape), expected[0])
            assert same_bits(out[1].reshape(x.shape), expected[1])


def test_regions_side_by_side_in_a_network() -> None:
    def cost(parameters: Any, X: Any, Y: Any) -> Any:
        W1, g1, W2 = parameters
        h = nn.gelu(X @ W1)
        h = nn.standardize(h, -1) * g1
        return nn.softmax_cross_entropy(h @ W2, Y, axis=-1)

    parameters = [normal(32, 512) / 6, normal(512), normal(512, 600) / 20]
    X, Y = normal(600, 32), np.eye(600, dtype=np.float32)[RNG.integers(0, 600, 600)]
    J, gradients = tn.value_and_grad(cost)(parameters, X, Y)
    _, (K, found), regions = compiled(tn.value_and_grad(cost), parameters, X, Y, threads=2)
    assert len(regions) >= 3
    assert close(K, J)
    assert all(close(a, b, 3e-6) for a, b in zip(found, gradients, strict=True))


def test_no_memory_beyond_the_results() -> None:
    run, _, _ = compiled(tn.value_and_grad(layer), *layer_data(1500, 1024))
    held = sum(run._last.storage.buffers)  # type: ignore[union-attr]
    assert held < 1500 * 1024 * 4 / 2  # of 15 arrays of this size that the layer's steps would make


def test_a_block_is_what_its_members_do() -> None:
    x = normal(300, 1024)
    _run, result, (block,) = compiled(lambda x: np.exp(np.tanh(x)) * x, x)
    assert same_bits(block(x)[0], result)


# ── np.errstate, log1p ───────────────────────────────────────────────────────────────────────────────────────────


def test_errstate_is_kept() -> None:
    def f(x: Any) -> Any:
        with np.errstate(divide="ignore"):
            y = np.log(np.abs(x)) * 2
        return np.where(x == 0, 0, y) * x

    for x in (np.zeros(3, np.float32), np.zeros((600, 1024), np.float32)):
        run, result, _ = compiled(f, x)
        assert same_bits(result, f(x))
        assert 'ignore")' in run.source
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        compiled(lambda x: np.log(np.abs(x) * x) * 2, np.zeros((600, 1024), np.float32))


def test_log1p_of_float32_to_four_units() -> None:
    x = np.concatenate(
        [10.0 ** RNG.uniform(-30, 30, 20000), RNG.uniform(-1, 3, 20000), -(10.0 ** RNG.uniform(-9, -1, 9000))]
    )
    x = x.astype(np.float32)
    x = x[x > -1]
    exact = np.log1p(x.astype(np.float64))
    found = kernels.log1p(x, 1 + x, np.empty_like(x))
    assert np.max(np.abs(found - exact) / np.spacing(np.abs(exact.astype(np.float32)))) <= 4


@pytest.mark.parametrize("value", [np.inf, np.nan, -0.0, 0.0, 1e-45])
def test_log1p_at_the_ends(value: float) -> None:
    x = np.array([value, 1.0], np.float32)
    assert same_bits(kernels.log1p(x, 1 + x, np.empty_like(x))[:1], np.log1p(x[:1]))


def test_log1p_warns_as_numpy_does() -> None:
    x = np.array([-1.0, 1.0], np.float32)
    with pytest.warns(RuntimeWarning, match="divide by zero encountered in log1p"):
        assert kernels.log1p(x, 1 + x, np.empty_like(x))[0] == -np.inf
    with pytest.warns(RuntimeWarning, match="invalid value encountered in log1p"):
        kernels.log1p(x * 3, 1 + 3 * x, np.empty_like(x))


def test_a_negative_exponential_beside_a_positive_one_is_its_reciprocal() -> None:
    x = normal(600, 1024)
    x[0, :8] = [0, -0.0, 100, -100, 88, -88, np.inf, -np.inf]

    def f(x: Any) -> Any:
        with np.errstate(over="ignore"):
            return np.exp(-x) * 2, np.exp(x) + x

    run, result, _ = compiled(f, x)
    assert run.source.partition("def repeat")[0].count(" = exp(") == 1
    for a, b in zip(result, f(x), strict=True):
        assert np.allclose(a, b, rtol=1e-6, atol=1e-38)


def test_an_overflow_that_is_to_be_heard_stays_one() -> None:
    x = normal(600, 1024)
    x[0, 0] = -200
    run = tn.compile(lambda x: np.exp(-x) * np.exp(x))
    with pytest.warns(RuntimeWarning, match="overflow encountered in exp"), np.errstate(invalid="ignore"):
        run(x)


# ── memory of results ────────────────────────────────────────────────────────────────────────────────────────────


def test_memory_of_dropped_results_is_used_again() -> None:
    new = Recycled((3, 4), np.dtype(np.float32))
    place = new().ctypes.data
    assert new().ctypes.data == place


HOLDS: dict[str, Callable[[Any], Any]] = {
    "itself": lambda a: a,
    "a view": lambda a: a[1:],
    "a view of a view": lambda a: a.T[::2],
    "a buffer": memoryview,
    "a weak reference": weakref.ref,
    "an iterator": iter,
    "a container": lambda a: {"a": [a]},
    "an object array": lambda a: np.array([a, None], object),
}


@pytest.mark.parametrize("name", list(HOLDS))
def test_memory_that_somebody_looks_at_is_not(name: str) -> None:
    new = Recycled((3, 4), np.dtype(np.float32))
    made = new()
    place, held = made.ctypes.data, HOLDS[name](made)
    del made
    again = new()
    if name != "a weak reference":
        assert again.ctypes.data != place
    else:
        assert held() is not again
    del held


def test_memory_that_was_changed_in_kind_is_not() -> None:
    new = Recycled((3, 4), np.dtype(np.float32))

    def spoil(change: Callable[[Any], None]) -> None:
        change(new())
        made = new()
        assert (made.shape, made.dtype) == ((3, 4), np.float32)
        assert made.flags.writeable
        assert made.flags.c_contiguous

    spoil(lambda a: a.setflags(write=False))
    spoil(lambda a: a.resize((2, 2), refcheck=False))


def test_memory_is_never_given_out_twice_at_a_time() -> None:
    new = Recycled((8,), np.dtype(float))
    twice: list[int] = []

    def work(mark: int) -> None:
        for _ in range(2000):
            mine = new()
            mine.fill(mark)
            if not (mine == mark).all():
                twice.append(mark)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not twice


def test_kept_results_stay_and_dropped_ones_come_back() -> None:
    x = normal(600, 1024)
    run, first, _ = compiled(lambda x: np.exp(np.tanh(x)) * x, x)
    before, view = first.copy(), first[5:]
    del first
    second = run(x + 1)
    assert same_bits(view, before[5:])
    place = second.ctypes.data
    del second
    assert run(x + 2).ctypes.data == place


# ── threads ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_bits_at_every_call() -> None:
    parameters, G = layer_data(1777, 512)
    for threads in (1, 2, 3):
        run = tn.compile(tn.value_and_grad(layer), threads=threads)
        first = run(parameters, G)
        for _ in range(4):
            again = run(parameters, G)
            assert same_bits(again[0], first[0])
            assert all(map(same_bits, again[1], first[1]))


def test_threads_take_blocks_with_memory_of_their_own() -> None:
    seen: dict[int, set[int]] = {}
    both = threading.Barrier(2, timeout=20)
    done: list[int] = []

    def block(k: int, rows: slice, scratch: Any) -> None:
        if k < 2:
            both.wait()  # two blocks at the same time
        seen.setdefault(id(scratch.base if scratch.base is not None else scratch), set()).add(threading.get_ident())
        done.append(k)
        assert len(scratch) == rows.stop - rows.start

    in_blocks(block, 95, 10, for_threads((np.empty((10, 2)),), 2))
    assert sorted(done) == list(range(10))
    assert len(seen) == 2
    assert all(len(users) == 1 for users in seen.values())


@pytest.mark.parametrize("bad", [0, 1, 7])
def test_an_error_in_a_thread_reaches_the_caller(bad: int) -> None:
    def block(k: int, rows: slice, scratch: Any) -> None:
        if k == bad:
            raise ValueError(f"block {k}")

    with pytest.raises(ValueError, match=f"block {bad}"):
        in_blocks(block, 100, 10, for_threads((np.empty(10),), 2))


@pytest.mark.parametrize("threads", [1, 2])
def test_numpys_buffer_is_as_it_was_afterwards(threads: int) -> None:
    lengths: list[int] = []

    def block(k: int, rows: slice, scratch: Any) -> None:
        lengths.append(np.getbufsize())
        if k == 5:
            raise ValueError("here")

    before = np.getbufsize()
    for width, inside in ((1000, 1008), (20, before), (1 << 20, before)):
        with pytest.raises(ValueError, match="here"):
            in_blocks(block, 100, 10, for_threads((np.empty(10),), threads), width)
        assert np.getbufsize() == before
        assert set(lengths) == {inside}
        lengths.clear()


def test_floating_point_errors_are_raised_from_any_thread() -> None:
    x = np.ones((777, 512), np.float32)
    run, _, _ = compiled(lambda x: np.log(np.abs(x) * x) * 2, x, threads=2)
    for row in (0, 776):
        x[:] = 1
        x[row] = 0
        with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
            run(x)
        x[row] = 1
        assert same_bits(run(x), np.zeros_like(x))


def test_calls_at_the_same_time() -> None:
    parameters, G = layer_data(400, 1024)
    run, one, _ = compiled(tn.value_and_grad(layer), parameters, G, threads=2)
    wrong: list[int] = []

    def work() -> None:
        for _ in range(3):
            _, gradients = run(parameters, G)
            if not all(map(same_bits, gradients, one[1])):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong


AT_EXIT = """
import os, sys, warnings
import numpy as np, tinygrad_notes as tn
run = tn.compile(lambda x: np.exp(np.tanh(x)) * x, threads=2)
x = np.ones((600, 1024), np.float32)
expected = run(x)
if hasattr(os, "fork"):
    warnings.simplefilter("ignore")
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(run(x), expected) else 1)
    assert os.waitpid(child, 0)[1] == 0
print("done")
"""


def test_a_fork_and_the_end_of_the_program() -> None:
    done = subprocess.run([sys.executable, "-c", AT_EXIT], capture_output=True, text=True, timeout=60, env=os.environ)
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)


def test_a_number_of_threads_is_asked_for() -> None:
    with pytest.raises(tn.errors.BadInputError, match="threads is a whole number from 1 on, not 0"):
        tn.compile(np.exp, threads=0)


def test_nothing_is_kept_when_a_compiled_function_goes() -> None:
    run, _, _ = compiled(lambda x: np.exp(np.tanh(x)) * x, normal(600, 1024), threads=2)
    plan = weakref.ref(run._last)
    del run
    gc.collect()
    assert plan() is None


def test_picture_and_costs_see_into_a_region() -> None:
    x = normal(600, 1024)
    run, _, (block,) = compiled(lambda x: np.exp(np.tanh(x)) * (x * np.zeros_like(x)), x)
    drawn = str(run.graph)
    assert all(name in drawn for name in ("tanh", "exp", "multiply"))
    assert run.stats.flops == len(block.members) * x.size
