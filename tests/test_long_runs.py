"""Much of everything: graphs of a million nodes, a hundred thousand steps of training, eight threads at once.

A small size runs by default; ``pytest -m long`` runs the full one.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap
import threading
from typing import Any

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor

FULL = pytest.param(1_000_000, marks=pytest.mark.long)


def chain(x: Any, length: int) -> Any:
    for i in range(length // 2):
        x = x * 1.0000001 + i * 1e-12
    return x


def slope(length: int) -> float:
    return float(1.0000001 ** (length // 2))


# ── large graphs ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("length", [100_000, FULL])
def test_a_long_chain(length: int) -> None:
    x = Tensor(0.5)
    y = chain(x, length)
    y.backward()
    first = x.grad
    assert first == pytest.approx(slope(length), rel=1e-9)
    y.backward(free=True)
    assert x.grad == first
    del y
    assert tn.grad(lambda x: chain(x, length))(0.5) == first
    assert tn.jvp(lambda x: chain(x, length), (0.5,), (1.0,))[1] == pytest.approx(first, rel=1e-9)


@pytest.mark.parametrize("length", [30_000, FULL])
def test_the_walk_back_of_a_long_chain_is_walked_back(length: int) -> None:
    assert tn.grad(tn.grad(lambda x: 0.5 * chain(x, length) ** 2))(0.5) == pytest.approx(slope(length) ** 2, rel=1e-9)


@pytest.mark.parametrize("width", [50_000, FULL])
def test_a_wide_fan(width: int) -> None:
    x = Tensor(2.0)
    parts = [x * i for i in range(width // 2)]
    total = sum(parts, start=Tensor(0.0))
    total.backward()
    assert x.grad == (width // 2) * (width // 2 - 1) / 2
    assert parts[-1].grad == 1.0


@pytest.mark.parametrize("length", [5_000, FULL])
def test_a_long_chain_is_snapshot_without_recursion(length: int) -> None:
    graph = tn.graph(chain(Tensor(0.5), length))
    assert len(graph.nodes) == length // 2 * 2 + 1
    assert str(graph).startswith("… ")
    assert len(str(graph).splitlines()) < 250


# ── flat memory ──────────────────────────────────────────────────────────────────────────────────────────────────

BY_HAND = """
def start():
    return [Tensor(rng.normal(size=shape) * 0.3) for shape in ((16, 8), (16, 1), (1, 16), (1, 1))]
def run(W1, b1, W2, b2, steps):
    for _ in range(steps):
        A = 1 / (1 + np.exp(-(W2 @ np.tanh(W1 @ X + b1) + b2)))
        J = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / 64
        J.backward()
        with tn.no_grad():
            for p in (W1, b1, W2, b2):
                p -= 0.05 * p.grad
parameters = start()
"""

BY_FIT = """
from tinygrad_notes import nn, optim, train
def loss(p, X, Y):
    return nn.binary_cross_entropy_with_logits(p["W2"] @ np.tanh(p["W1"] @ X + p["b1"]) + p["b2"], Y)
parameters = [{"W1": rng.normal(size=(16, 8)), "b1": np.zeros((16, 1)), "W2": rng.normal(size=(1, 16)),
               "b2": np.zeros((1, 1))}]
def run(params, steps):
    train.fit(loss, params, (X, Y), optim.Adam(0.001), epochs=steps, measure_every=10_000)
"""

AROUND = """
import gc, os, sys
import numpy as np
import tinygrad_notes as tn
from tinygrad_notes import Tensor
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(8, 64)), (rng.random((1, 64)) < 0.5) * 1.0
def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
{program}
run(*parameters, 300)
gc.collect(); gc.freeze(); gc.disable()
start = resident()
run(*parameters, {steps})
print(start, resident() - start, gc.collect())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/statm")
@pytest.mark.parametrize("program", [BY_HAND, BY_FIT], ids=["by hand", "by fit"])
@pytest.mark.parametrize("steps", [1_500, pytest.param(100_000, marks=pytest.mark.long)])
def test_memory_is_flat_in_training(program: str, steps: int) -> None:
    code = AROUND.format(program=textwrap.dedent(program), steps=steps)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=3000, check=False)
    assert done.returncode == 0, done.stderr
    start, grown, cycles = map(int, done.stdout.split())
    print(f"{steps} steps: {start / 2**20:.1f} MB, grown by {grown / 2**20:.2f} MB")
    assert grown < 2**20, f"resident memory grew by {grown} bytes"
    assert cycles == 0, "reference cycles: only the garbage collector could free them"


# ── threads ──────────────────────────────────────────────────────────────────────────────────────────────────────


def one_graph(seed: int) -> bytes:
    """A graph that depends on `seed` in shape and numbers, all ways of differentiating it, as bits."""
    rng = np.random.default_rng(seed)
    W, x = Tensor(rng.normal(size=(3, 4))), rng.normal(size=(4, 1 + seed % 3))
    with tn.scope(f"graph {seed}"):
        Z = np.tanh(W @ x)
        for _ in range(seed % 5):
            Z = Z * Z + np.sin(Z)
    with tn.no_grad():
        assert (Z * 2).node is None
    J = np.sum(Z)
    J.backward()
    assert Z.node is not None
    assert Z.node.id.scope == (f"graph {seed}",)  # type: ignore[attr-defined]
    second = tn.hvp(lambda w: np.sum(np.tanh(w @ x) ** 2), (W.data,), (np.ones((3, 4)),))[0]
    many = tn.vmap(tn.grad(lambda w: np.sum(np.exp(w))))(W.data)
    return b"".join(np.asarray(a).tobytes() for a in (J.data, W.grad, Z.grad, second, many))


@pytest.mark.parametrize("graphs", [60, pytest.param(1_000, marks=pytest.mark.long)])
def test_eight_threads_get_the_bits_of_one(graphs: int) -> None:
    expected = [one_graph(seed) for seed in range(graphs)]
    found: dict[int, list[bytes]] = {}
    failed: list[BaseException] = []
    together = threading.Barrier(8)

    def work(number: int) -> None:
        try:
            together.wait()
            order = np.random.default_rng(number).permutation(graphs)
            mine = {int(seed): one_graph(int(seed)) for seed in order}
            found[number] = [mine[seed] for seed in range(graphs)]
        except BaseException as error:
            failed.append(error)
            raise

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not failed
    assert len(found) == 8
    assert all(found[number] == expected for number in range(8))


def test_threads_may_walk_one_graph_together() -> None:
    """They read it; each pass gives the same numbers, so it doesn't matter whose are in ``grad``."""
    W = Tensor(np.random.default_rng(0).normal(size=(5, 5)))
    J = np.sum(np.tanh(W @ W) ** 2)
    J.backward()
    expected = W.grad.tobytes()
    seen: set[bytes] = set()

    def work() -> None:
        for _ in range(50):
            J.backward()
            seen.add(W.grad.tobytes())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {expected}


def test_threads_leave_nothing_behind() -> None:
    from tinygrad_notes import recording, tensor

    thread = threading.Thread(target=one_graph, args=(3,))
    thread.start()
    thread.join()
    one_graph(4)
    _ = Tensor(1.0) * 2
    gc.collect()
    assert not [block for block in (*tensor.paused, *recording._marks) if block.lock.locked()]
    assert tensor.next_id is recording._plain_next_id
