"""Ctrl-C, and errors in the user's own code, at any moment: gradients, parameters and thread state stay consistent.

The interrupts are real signals at random moments. Only the moment is drawn: what must hold afterwards always holds.
"""

from __future__ import annotations

import gc
import os
import random
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor, optim, recording, train
from tinygrad_notes import tensor as heart
from tinygrad_notes.backward import rules_at_work
from tinygrad_notes.blocks import Block, open_blocks

needs_timer = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers here")
FULL = pytest.param(3_000, marks=pytest.mark.long)


@pytest.fixture(autouse=True)
def interrupts_by_timer() -> Iterator[None]:
    """SIGALRM does what Ctrl-C does, and a timer sends it.

    Without others' callbacks of the garbage collector (Hypothesis leaves one): Python drops what is raised in them, and
    a loop that waits for a lost interrupt would never end. Without a tracer: coverage's, interrupted, keeps its lock.
    """
    if not hasattr(signal, "setitimer"):
        yield
        return
    callbacks, tracer = gc.callbacks[:], sys.gettrace()
    gc.callbacks.clear()
    sys.settrace(None)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.settrace(tracer)
        gc.callbacks[:] = callbacks
        signal.signal(signal.SIGALRM, before)


def interrupted(work: Callable[[], Any], after: float) -> BaseException:
    """Run `work` again and again until the signal comes, `after` that many seconds."""
    try:
        signal.setitimer(signal.ITIMER_REAL, max(after, 1e-6))
        while True:
            work()
    except KeyboardInterrupt as error:
        return error


def state() -> tuple[Any, ...]:
    """What this thread is in."""
    blocks = open_blocks(recording._marks)
    scopes = tuple(block.says["scope"] for block in blocks if "scope" in block.says)
    return bool(open_blocks(heart.paused)), scopes, recording.watcher(), len(blocks), rules_at_work()


CLEAN = (False, (), None, 0, False)


# ── thread state ─────────────────────────────────────────────────────────────────────────────────────────────────


@needs_timer
@pytest.mark.parametrize("times", [150, FULL])
def test_blocks_are_left_even_in_the_handler(times: int) -> None:
    x = Tensor(np.ones((2, 2)) * 0.1)

    def work() -> None:
        with tn.no_grad():
            x.data += 0.0
        with tn.scope("outer"), tn.scope("inner"):
            y = np.sum(np.tanh(x @ x))
        with recording.call_sites():
            y = y * 2
        y.backward()
        tn.vmap(tn.grad(lambda w: np.sum(w * w)))(x.data)

    work()
    moments = random.Random(0)
    for _ in range(times):
        try:
            signal.setitimer(signal.ITIMER_REAL, moments.random() * 0.003 + 1e-6)
            while True:
                work()
        except KeyboardInterrupt:
            assert state() == CLEAN  # here, where the traceback still holds every frame
    work()
    assert (x * 2).node is not None
    assert heart.paused == []
    assert heart.next_id is recording._plain_next_id


@needs_timer
@pytest.mark.parametrize("times", [100, FULL])
def test_debug_is_left(times: int) -> None:
    x = Tensor(np.ones((2, 2)) * 0.1)

    def work() -> None:
        with tn.debug():
            np.sum(np.tanh(x @ x)).backward()

    work()
    moments, before = random.Random(1), np.geterr()
    for _ in range(times):
        interrupted(work, moments.random() * 0.004)
        assert state() == CLEAN
        assert np.geterr() == before
    work()
    np.sum(np.log(x * 0 + 1)).backward()
    assert heart.next_id is recording._plain_next_id


def test_a_block_is_entered_once() -> None:
    block = tn.no_grad()
    with block:
        pass
    with pytest.raises(RuntimeError, match="entered before"), block:
        pass


def test_a_block_may_decorate_and_may_be_left_out_of_order() -> None:
    x = Tensor(1.0)

    @tn.no_grad()
    def twice(n: int) -> Any:
        return x * 2 if n == 0 else twice(n - 1)

    assert twice(3).node is None
    assert (x * 2).node is not None
    first, second = tn.no_grad(), tn.no_grad()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert (x * 2).node is None
    second.__exit__(None, None, None)
    assert (x * 2).node is not None


def test_an_interrupt_on_the_way_in_leaves_no_block() -> None:
    blocks: list[Block] = []

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Block(blocks, interrupt):
        pass
    assert open_blocks(blocks) == []
    assert blocks == []


# ── backward ─────────────────────────────────────────────────────────────────────────────────────────────────────


@needs_timer
@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("times", [60, FULL])
def test_backward_sets_all_gradients_or_none(times: int, accumulate: bool) -> None:
    rng = np.random.default_rng(0)
    parameters = [Tensor(rng.normal(size=(4, 4)) * 0.3) for _ in range(20)]
    A = Tensor(rng.normal(size=(4, 3)), requires_grad=False)
    for W in parameters:
        A = np.tanh(W @ A)
    J = np.sum(A * A)
    J.backward()
    once = [W.grad.copy() for W in parameters]
    moments = random.Random(2)
    for _ in range(times):
        for W in parameters:
            W.grad = np.zeros((4, 4))
        interrupted(lambda: J.backward(accumulate=accumulate), moments.random() * 0.003)
        k = round(float(np.sum(parameters[0].grad * once[0]) / np.sum(once[0] * once[0])))
        assert accumulate or k in (0, 1)
        for W, g in zip(parameters, once, strict=True):
            np.testing.assert_allclose(W.grad, k * g, rtol=1e-9, atol=1e-12)
    J.backward()
    assert all(np.array_equal(W.grad, g) for W, g in zip(parameters, once, strict=True))


@needs_timer
def test_a_graph_half_handed_back_says_so() -> None:
    moments, refused = random.Random(3), 0
    for _ in range(40):
        x = Tensor(0.5)
        y = x
        for _ in range(300):
            y = y * 1.001
        try:
            signal.setitimer(signal.ITIMER_REAL, moments.random() * 0.0008 + 1e-6)
            y.backward(free=True)
            signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            pass
        signal.setitimer(signal.ITIMER_REAL, 0)
        x.grad = None
        try:
            y.backward()
        except tn.errors.GraphFreedError:
            refused += 1
            assert x.grad is None
        else:
            assert x.grad == pytest.approx(1.001**300)
    assert refused > 0


# ── fit ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def loss(p: Any, X: Any, Y: Any) -> Any:
    return np.mean((np.tanh(p["W"] @ X) - Y) ** 2)


def run(checkpoint: Path | None, epochs: int = 4) -> train.Fit:
    rng = np.random.default_rng(0)
    data = rng.normal(size=(3, 24)), rng.normal(size=(2, 24))
    return train.fit(
        loss, PARAMS, data, optim.Adam(0.01), epochs=epochs, batch_size=8, rng=np.random.default_rng(1),
        checkpoint=checkpoint, checkpoint_every=1,
    )  # fmt: skip


PARAMS = {"W": np.random.default_rng(5).normal(size=(2, 3))}


@needs_timer
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # Python's own: between open() and its with
@pytest.mark.parametrize("times", [10, pytest.param(200, marks=pytest.mark.long)])
def test_fit_continues_bit_for_bit_after_an_interrupt(tmp_path: Path, times: int) -> None:
    path = tmp_path / "run.safetensors"
    before, warned = PARAMS["W"].copy(), np.geterr()
    whole = run(None)
    moments = random.Random(4)
    for _ in range(times):
        path.unlink(missing_ok=True)
        try:
            signal.setitimer(signal.ITIMER_REAL, moments.random() * 0.02 + 1e-6)
            run(path)
            signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            pass
        signal.setitimer(signal.ITIMER_REAL, 0)
        assert state() == CLEAN
        assert np.geterr() == warned
        assert np.array_equal(PARAMS["W"], before)
        assert os.listdir(tmp_path) in ([], ["run.safetensors"])
        continued = run(path)
        assert np.array_equal(continued.params["W"], whole.params["W"])
        assert continued.history.rows == whole.history.rows
        for moment in ("V", "S"):
            assert np.array_equal(continued.optimizer_state[moment]["W"], whole.optimizer_state[moment]["W"])


# ── errors in the user's own code ────────────────────────────────────────────────────────────────────────────────


class Mine(Exception):
    """The user's own."""


def in_vmap_of_grad(f: Callable[..., Any]) -> Any:
    return tn.vmap(tn.grad(f))(np.ones(3))


def in_primitive_forward(f: Callable[..., Any]) -> Any:
    return tn.primitive("y = f(x)", lambda g, _y, _x: g)(lambda x: f(x))(Tensor(1.0))


def in_primitive_backward(f: Callable[..., Any]) -> Any:
    def pull(g: Any, _y: Any, x: Any) -> Any:
        return f(g, x)

    tn.primitive("y = f(x)", pull)(lambda x: x * 2)(Tensor(1.0)).backward()


def in_checkpoint(f: Callable[..., Any]) -> Any:
    return tn.checkpoint(f)(Tensor(1.0))


def in_checkpoint_again(f: Callable[..., Any]) -> Any:
    calls: list[int] = []

    def second_time(x: Any) -> Any:
        calls.append(1)
        return x * x if len(calls) == 1 else f(x)

    tn.checkpoint(second_time)(Tensor(1.0)).backward()


def in_metric(f: Callable[..., Any]) -> Any:
    return train.fit(lambda p, X: np.mean((p - X) ** 2), np.ones(1), np.ones((1, 3)), optim.SGD(0.1), metrics={"m": f})


def in_schedule(f: Callable[..., Any]) -> Any:
    return train.fit(lambda p, X: np.mean((p - X) ** 2), np.ones(1), np.ones((1, 3)), optim.SGD(f))


def in_blocks(f: Callable[..., Any]) -> Any:
    with tn.no_grad(), tn.scope("a"), tn.debug():
        return f()


PLACES: list[Callable[[Callable[..., Any]], Any]] = [
    lambda f: tn.grad(f)(1.0),
    lambda f: tn.value_and_grad(f)(1.0),
    lambda f: tn.elementwise_grad(f)(np.ones(2)),
    lambda f: tn.vjp(f, 1.0),
    lambda f: tn.jvp(f, (1.0,), (1.0,)),
    lambda f: tn.jacobian(f)(np.ones(2)),
    lambda f: tn.hessian(f)(np.ones(2)),
    lambda f: tn.hvp(f, (np.ones(2),), (np.ones(2),)),
    lambda f: tn.grad(lambda x: tn.grad(lambda y: f(x * y))(x))(1.0),
    lambda f: tn.vmap(f)(np.ones(3)),
    in_vmap_of_grad, in_primitive_forward, in_primitive_backward, in_checkpoint, in_checkpoint_again, in_metric,
    in_schedule, in_blocks,
    lambda f: tn.graph(f, 1.0),
    lambda f: train.fit(f, np.ones(1), np.ones((1, 3)), optim.SGD(0.1)),
]  # fmt: skip
NAMES = ["grad", "value_and_grad", "elementwise_grad", "vjp", "jvp", "jacobian", "hessian", "hvp", "grad of grad",
         "vmap", "vmap of grad", "primitive forward", "primitive backward", "checkpoint", "checkpoint again", "metric",
         "schedule", "blocks", "graph", "loss"]  # fmt: skip


@pytest.mark.parametrize("place", PLACES, ids=NAMES)
@pytest.mark.parametrize("kind", [Mine, KeyboardInterrupt, MemoryError], ids=lambda kind: kind.__name__)
def test_the_users_exception_comes_out_as_it_is(place: Callable[..., Any], kind: type[BaseException]) -> None:
    def failing(*_args: Any, **_named: Any) -> Any:
        raise kind("from my code")

    before = np.geterr()
    with pytest.raises(kind, match="from my code") as caught:
        place(failing)
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert (frames[-1].name, frames[-1].filename) == ("failing", __file__)
    assert caught.value.__cause__ is None
    assert state() == CLEAN
    assert np.geterr() == before
    assert tn.grad(lambda x: x * x)(3.0) == 6.0
    assert (Tensor(1.0) * 2).node is not None


def test_a_failed_walk_leaves_the_gradients_of_the_pass_before() -> None:
    broken: list[bool] = []

    def pull(g: Any, _y: Any, _x: Any) -> Any:
        if broken:
            raise Mine("in my pullback")
        return g * 2

    double = tn.primitive("y = 2x", pull)(lambda x: x * 2)
    x = Tensor(3.0)
    y = double(x) * 5
    z = y * y
    z.backward()
    before = x.grad, y.grad
    broken.append(True)
    for accumulate in (False, True):
        with pytest.raises(Mine):
            z.backward(accumulate=accumulate)
        assert (x.grad, y.grad) == before
    broken.clear()
    z.backward(accumulate=True)
    assert x.grad == 2 * before[0]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupt_in_an_operation_is_not_turned_into_our_error() -> None:
    """NumPy's own loops don't look at signals; what runs for long in Python does."""
    slow = tn.primitive("y = x", lambda g, _y, _x: g)(lambda x: [sum(range(100_000)) for _ in range(1_000)] and x)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    with pytest.raises(KeyboardInterrupt) as caught:
        slow(Tensor(1.0))
    assert caught.value.__cause__ is None
    assert state() == CLEAN
