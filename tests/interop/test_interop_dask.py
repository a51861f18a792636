"""Training over a cluster: the numbers of one process, with workers lost, parts failing, parts lagging."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import nn, optim
from tinygrad_notes.errors import BadInputError
from tinygrad_notes.interop import dask as door
from tinygrad_notes.pytree import flatten

distributed = pytest.importorskip("distributed")

M = 1000
PARTS = 8


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Two worker processes with 400 MB each; a dead one is started again."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit="400MB", silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def workers(client: Any) -> list[int]:
    client.wait_for_workers(2, timeout=60)
    return list(client.run(os.getpid).values())


def cost(params: Any, X: Any, Y: Any) -> Any:
    A = nn.sigmoid(params["w"] @ X + params["b"])
    return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))


def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5, M))
    return X, (X[:1] + rng.normal(size=(1, M)) > 0) * 1.0


def divided() -> list[tuple[Any, Any]]:
    X, Y = data()
    edges = np.linspace(0, M, PARTS + 1).astype(int)
    return [(X[:, i:j], Y[:, i:j]) for i, j in pairwise(edges)]


START = {"w": np.zeros((1, 5)), "b": np.float64(0.1)}


def same(found: Any, wanted: Any, rtol: float = 1e-6) -> None:
    for a, b in zip(flatten(found)[0], flatten(wanted)[0], strict=True):
        assert np.shape(a) == np.shape(b)
        assert getattr(a, "dtype", float) == getattr(b, "dtype", float)
        assert np.allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max())


class Loader:
    """A partition that takes its time, and may do worse."""

    def __init__(self, k: int, seconds: float = 0.0, mark: Path | None = None, worse: str = "") -> None:
        self.k, self.seconds, self.mark, self.worse = k, seconds, mark, worse

    def __call__(self) -> Any:
        time.sleep(self.seconds)
        if self.mark is not None:
            try:
                self.mark.touch(exist_ok=False)
            except FileExistsError:
                return divided()[self.k]
            if self.worse == "raise":
                raise OSError("the disk was busy")
            if self.worse == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            begin = time.monotonic()
            while not self.mark.with_suffix(".go").exists() and time.monotonic() - begin < 60:
                time.sleep(0.05)
            self.mark.with_suffix(".late").touch()
        if self.worse == "always":
            raise ZeroDivisionError("always")
        return divided()[self.k]


def test_the_numbers_of_one_process(client: Any, workers: list[int]) -> None:
    X, Y = data()
    wanted = tn.value_and_grad(cost)(START, X, Y)
    same(door.value_and_grad(cost, divided())(START), wanted, 1e-12)
    same(door.value_and_grad(cost, divided(), client=False)(START), wanted, 1e-12)
    same(door.value_and_grad(cost, divided(), client=client, fan_in=2)(START), wanted, 1e-12)
    uneven = [(X[:, :1], Y[:, :1]), (X[:, 1:700], Y[:, 1:700]), (X[:, 700:], Y[:, 700:])]
    same(door.value_and_grad(cost, uneven)(START), wanted, 1e-12)
    futures = client.scatter(uneven)
    same(door.value_and_grad(cost, futures)(START), wanted, 1e-12)


def test_a_model_in_single_precision_and_a_sum(client: Any, workers: list[int]) -> None:
    rng = np.random.default_rng(1)
    model = nn.Sequential(nn.Linear(5, 4, rng, dtype=np.float32), nn.relu, nn.Linear(4, 1, rng, dtype=np.float32))

    def total(model: Any, X: Any, Y: Any) -> Any:
        return nn.mse(model(X.astype(np.float32)), Y.astype(np.float32), reduction="sum")

    wanted = tn.value_and_grad(total)(model, *data())
    found = door.value_and_grad(total, divided(), reduction="sum")(model)
    assert isinstance(found[1], nn.Sequential)
    assert np.isclose(found[0], wanted[0], rtol=1e-5)
    same(found[1], wanted[1], 1e-5)


@pytest.mark.parametrize("fan_in", [2, 3, 8])
@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 27])
def test_the_tree_adds_in_the_same_order_everywhere(fan_in: int, count: int) -> None:
    rng = np.random.default_rng(count)
    parts = [(rng.normal(size=3),) for _ in range(count)]
    step = door.value_and_grad(lambda w, x: np.sum(w * x), parts, client=False, fan_in=fan_in, reduction="sum")
    sums = [door.part((-1, "sum", lambda w, x: np.sum(w * x), 1.7), p) for p in parts]
    wanted = door._in_a_tree(sums, fan_in, door.add_up)
    assert step(1.7) == (wanted[1], wanted[2])


def test_a_worker_is_killed_in_the_middle(client: Any, workers: list[int]) -> None:
    """Ten steps of training; a worker dies in one of them, with the partitions that it held."""
    X, Y = data()
    optimizer = optim.SGD(lr=0.5)
    slow = [Loader(k, 0.15) for k in range(PARTS)]
    step, held = door.value_and_grad(cost, slow), door.value_and_grad(cost, divided())
    alone, together = START, START
    states = optimizer.init(START), optimizer.init(START)
    for k in range(10):
        alone, first = optimizer.step(alone, tn.grad(cost)(alone, X, Y), states[0])
        if k == 3:
            killer = threading.Timer(0.3, os.kill, (workers[0], signal.SIGKILL))
            killer.start()
        J, gradients = (step if k == 3 else held)(together)
        together, second = optimizer.step(together, gradients, states[1])
        states = first, second
    killer.join()
    same(together, alone)
    assert cost(START, X, Y) > J
    client.wait_for_workers(2, timeout=60)
    assert workers[0] not in client.run(os.getpid).values()


def test_a_part_that_kills_its_worker_once(client: Any, workers: list[int], tmp_path: Path) -> None:
    parts = [Loader(k, 0.02, tmp_path / "died" if k == 2 else None, "die") for k in range(PARTS)]
    same(door.value_and_grad(cost, parts)(START), tn.value_and_grad(cost)(START, *data()))
    assert (tmp_path / "died").exists()
    client.wait_for_workers(2, timeout=60)


def test_a_part_that_raises_is_tried_again(client: Any, workers: list[int], tmp_path: Path) -> None:
    parts: list[Any] = [Loader(k, 0, tmp_path / "raised" if k == 2 else None, "raise") for k in range(PARTS)]
    same(door.value_and_grad(cost, parts)(START), tn.value_and_grad(cost)(START, *data()))
    parts[5] = Loader(5, worse="always")
    with pytest.raises(ZeroDivisionError, match="always") as caught:
        door.value_and_grad(cost, parts)(START)
    assert any("in partition 5 of 8" in note for note in caught.value.__notes__)


def test_a_lagging_part_is_started_elsewhere_and_counts_once(client: Any, workers: list[int], tmp_path: Path) -> None:
    parts = [Loader(k, 0.03, tmp_path / "lagged" if k == 6 else None, "lag") for k in range(PARTS)]
    found = door.value_and_grad(cost, parts)(START)
    assert (tmp_path / "lagged").exists()
    assert not (tmp_path / "lagged.late").exists()  # nobody waited for the first copy, which lags until it is told
    (tmp_path / "lagged.go").touch()
    same(found, tn.value_and_grad(cost)(START, *data()))


def test_a_step_can_be_given_up(client: Any, workers: list[int]) -> None:
    parts = [Loader(0), Loader(1, 2.0)]
    with pytest.raises(TimeoutError, match=r"partitions \[.*1\] are missing"):
        door.value_and_grad(cost, parts, timeout=0.7, straggler=None)(START)


def test_wrong_calls_say_so(client: Any) -> None:
    with pytest.raises(BadInputError, match="no partitions"):
        door.value_and_grad(cost, [])
    with pytest.raises(BadInputError, match="reduction"):
        door.value_and_grad(cost, divided(), reduction="max")
    with pytest.raises(BadInputError, match="fan_in"):
        door.value_and_grad(cost, divided(), fan_in=1)


def test_larger_than_memory_on_the_workers(client: Any, workers: list[int], tmp_path: Path) -> None:
    """480 MB of data on workers of 400 MB: what they hold grows by a fraction of it."""
    psutil = pytest.importorskip("psutil")
    stores = tn.interop.stores
    n, m = 20, 3_000_000
    rng = np.random.default_rng(0)
    block = rng.normal(size=(m // 50, n))
    truth = rng.normal(size=n)
    X = np.lib.format.open_memmap(tmp_path / "X.npy", mode="w+", dtype=np.float64, shape=(m, n))
    Y = np.lib.format.open_memmap(tmp_path / "Y.npy", mode="w+", dtype=np.float64, shape=(m,))
    for k in range(50):
        rows = slice(k * len(block), (k + 1) * len(block))
        X[rows], Y[rows] = block, block @ truth > 0
    X.flush(), Y.flush()
    del X, Y
    parts = stores.partitions(tmp_path / "X.npy", tmp_path / "Y.npy", rows=m // 50)
    assert sum(os.path.getsize(tmp_path / name) for name in ("X.npy", "Y.npy")) > 480e6

    def logistic(w: Any, X: Any, Y: Any) -> Any:
        return nn.binary_cross_entropy_with_logits(X @ w, Y)

    def resident() -> int:
        return int(psutil.Process().memory_info().rss)

    before = client.run(resident)
    step = door.value_and_grad(logistic, parts, axis=0, straggler=None)
    J, gradient = step(np.zeros(n))
    after = client.run(resident)
    assert max(after[w] - before[w] for w in after) < 120e6
    assert np.isclose(J, np.log(2))
    same(gradient, tn.grad(logistic)(np.zeros(n), block, (block @ truth > 0) * 1.0), 1e-9)
