"""What a data-parallel step costs on W workers: a model of its parts, a simulation, and a measurement on two.

    python -m benchmarks.scale                 the table of docs/scale.md
    python -m benchmarks.scale --measure       two worker processes on this machine, written to scale.json

A step hands the parameters out, differentiates the partitions, and adds the gradients up. The simulation keeps one
clock per worker and one for the scheduler, which dispatches one task after the other; everything else is additions.
"""

from __future__ import annotations

import heapq
import json
import math
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

RECORD = Path(__file__).with_name("scale.json")


@dataclass(frozen=True)
class Costs:
    """Seconds and bytes per second of one kind of cluster.

    Attributes
    ----------
    task : float
        What the scheduler and a worker spend on one task beyond its work; the scheduler does one after the other.
    trip : float
        From the client to a worker and back.
    latency, bandwidth : float
        Between two workers.
    adding : float
        Bytes of gradient that a worker adds per second.
    compute : float
        One partition's value and gradient.
    spread : float
        Standard deviation of the logarithm of that time.
    lag, lags : float
        The share of parts that lag, and by what factor.
    """

    task: float
    trip: float
    latency: float
    bandwidth: float
    adding: float
    compute: float
    spread: float = 0.1
    lag: float = 0.0
    lags: float = 10.0


DATACENTRE = Costs(
    task=0.0005, trip=0.002, latency=0.0001, bandwidth=1.25e9, adding=5e9, compute=0.5, spread=0.1, lag=0.001
)
"""10 Gb/s between machines, half a millisecond per task, parts of half a second, one in 1,000 ten times slower."""


@dataclass(frozen=True)
class Step:
    """What one step took, and what travelled.

    Attributes
    ----------
    total, handing_out, computing, adding : float
        Seconds.
    moved : float
        Bytes that travelled between workers.
    busiest : float
        Bytes that the busiest worker received.
    copies : int
        Parts that were started a second time.
    """

    total: float
    handing_out: float
    computing: float
    adding: float
    moved: float
    busiest: float
    copies: int


def simulate(
    workers: int,
    parts: int,
    costs: Costs,
    size: float,
    *,
    method: str = "tree",
    fan_in: int = 8,
    straggler: float | None = 4.0,
    seed: int = 0,
) -> Step:
    """One step.

    Parameters
    ----------
    workers, parts : int
    costs : Costs
    size : float
        Bytes of the parameters, and so of a gradient.
    method : {"tree", "ring", "star"}
        How gradients are added: neighbours in groups of `fan_in`; each worker a share, in a ring; all at one worker.
    fan_in : int
    straggler : float, optional
        As in ``interop.dask.value_and_grad``.
    seed : int
    """
    rng = np.random.default_rng(seed)
    hop = costs.latency + size / costs.bandwidth
    ready = [costs.trip / 2 + costs.task + math.ceil(math.log2(w + 1)) * hop for w in range(workers)]
    ready[0] = costs.trip / 2 + costs.task
    took = costs.compute * rng.lognormal(0.0, costs.spread, parts)
    took[rng.random(parts) < costs.lag] *= costs.lags
    ends, places, copies = _computed(ready, took, costs, straggler, rng)
    computed = max(ends)
    if method == "tree":
        added, moved, busiest = _tree(ends, places, costs, size, fan_in)
    elif method == "ring":
        added, moved, busiest = _ring(ends, places, workers, costs, size)
    else:
        added, moved, busiest = _tree(ends, places, costs, size, parts)
    total = added + costs.trip / 2 + size / costs.bandwidth
    handed = max(ready)
    return Step(total, handed, computed - handed, total - computed, moved + (workers - 1) * size, busiest, copies)


def _computed(
    ready: list[float], took: Any, costs: Costs, straggler: float | None, rng: np.random.Generator
) -> tuple[list[float], list[int], int]:
    """When each part is done and on which worker: the next part goes to the worker that is free first."""
    free = [(at, w) for w, at in enumerate(ready)]
    heapq.heapify(free)
    dispatched, ends, places = 0.0, [], []
    for seconds in took:
        dispatched += costs.task
        at, w = heapq.heappop(free)
        end = max(at, dispatched + costs.trip / 2) + costs.task + seconds
        heapq.heappush(free, (end, w))
        ends.append(end)
        places.append(w)
    if straggler is None or len(ends) < 2:
        return ends, places, 0
    patience = straggler * statistics.median(took)
    order = sorted(range(len(ends)), key=ends.__getitem__)
    for i in range(max(len(ends) // 2, len(ends) - len(ready), 1), len(ends)):
        before = ends[order[i - 1]]
        if ends[order[i]] - before > patience:  # nobody has finished for so long: all that run get a copy
            for k in order[i:]:
                again = before + patience + costs.trip + costs.task + costs.compute * rng.lognormal(0.0, costs.spread)
                ends[k] = min(ends[k], again)
            return ends, places, len(ends) - i
    return ends, places, 0


def _tree(ends: list[float], places: list[int], costs: Costs, size: float, fan_in: int) -> tuple[float, float, float]:
    """Sums of neighbours on the worker that holds the first of them, level by level, after the last part is done."""
    begin = max(ends) + costs.trip / 2
    level = [(begin, w) for w in places]
    moved, received, dispatched = 0.0, [0.0] * (max(places) + 1), begin
    while len(level) > 1:
        free: dict[int, float] = {}
        above = []
        for k in range(0, len(level), fan_in):
            group = level[k : k + fan_in]
            if len(group) == 1:
                above.append(group[0])
                continue
            dispatched += costs.task
            home = group[0][1]
            away = sum(w != home for _, w in group)
            at = max(dispatched, free.get(home, 0.0), *(end for end, _ in group)) + costs.task
            at += (costs.latency + away * size / costs.bandwidth if away else 0.0) + (
                len(group) - 1
            ) * size / costs.adding
            free[home] = at
            moved, received[home] = moved + away * size, received[home] + away * size
            above.append((at, home))
        level = above
    return level[0][0], moved, max(received)


def _ring(ends: list[float], places: list[int], workers: int, costs: Costs, size: float) -> tuple[float, float, float]:
    """Every worker adds its own parts; then 2 (W − 1) rounds in which each passes 1/W of the gradient on."""
    own = max(places.count(w) for w in set(places)) - 1
    begin = max(ends) + costs.trip / 2 + own * size / costs.adding
    rounds, share = 2 * (workers - 1), size / workers
    at = begin + rounds * (costs.latency + share / costs.bandwidth) + (workers - 1) * share / costs.adding
    return at, rounds * share * workers, rounds * share


def by_formula(workers: int, costs: Costs, size: float, method: str, fan_in: int = 8) -> float:
    """The sum's own time in closed form, with one gradient per worker and nobody late (docs/scale.md)."""
    transfer = size / costs.bandwidth
    if method == "ring":
        return 2 * (workers - 1) * (costs.latency + transfer / workers)
    if method == "star":
        return costs.latency + (workers - 1) * transfer
    seconds, sums = 0.0, workers
    while sums > 1:
        seconds += costs.latency + (min(sums, fan_in) - 1) * transfer
        sums = math.ceil(sums / fan_in)
    return seconds


# ── two workers, measured ────────────────────────────────────────────────────────────────────────────────────────


def cost(w: Any, X: Any, Y: Any) -> Any:
    """Logistic regression: examples in rows."""
    from tinygrad_notes import nn

    return nn.binary_cross_entropy_with_logits(X @ w, Y)


class Waiting:
    """A partition that is not there at once: reading it takes `seconds`, whatever else the machine does."""

    def __init__(self, seed: int, features: int, seconds: float) -> None:
        self.seed, self.features, self.seconds = seed, features, seconds

    def __call__(self) -> tuple[Any, Any]:
        time.sleep(self.seconds)
        rng = np.random.default_rng(self.seed)
        return rng.random((2, self.features)), np.array([0.0, 1.0])


def _timed(context: Any, partition: Any) -> float:
    from tinygrad_notes.interop.dask import part

    begin = time.perf_counter()
    part(context, partition)
    return time.perf_counter() - begin


def _fetched(x: Any) -> int:
    return int(x.nbytes)


def measure(parts: int = 8, features: int = 100_000, seconds: float = 0.5, steps: int = 7) -> dict[str, Any]:
    """Measure the costs one by one on two worker processes, then whole steps; return both.

    The parts wait for their data most of the time, so that the figure holds on a machine that is busy with other
    things; the tasks, the transfers and the sums are real.
    """
    library: Any = import_module("distributed")
    from tinygrad_notes.interop.dask import value_and_grad

    partitions = [Waiting(k, features, seconds) for k in range(parts)]
    w = np.zeros(features)
    with (
        library.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=0) as cluster,
        library.Client(cluster) as client,
    ):
        context = client.submit(_same, (-1, "mean", cost, w), pure=False)
        took: list[float] = []
        for _ in range(3):
            took += client.gather([client.submit(_timed, context, p, pure=False) for p in partitions])
        took = took[parts:]
        few, many = (_trivial(client, n) for n in (8, 64))
        task = max((many - few) / (64 - 8), 1e-5)
        latency, bandwidth = _between(client)
        block, began = np.ones(4_000_000), time.perf_counter()
        for _ in range(10):
            block = block + block
        adding = 10 * block.nbytes / (time.perf_counter() - began)
        costs = Costs(
            task, max(few - 8 * task, 1e-4), latency, bandwidth, adding,
            statistics.mean(took), float(np.std(np.log(took))),
        )  # fmt: skip
        step = value_and_grad(cost, partitions, client=client, axis=0, straggler=None)
        whole = []
        for _ in range(steps + 2):
            began = time.perf_counter()
            step(w)
            whole.append(time.perf_counter() - began)
    measured = statistics.median(whole[2:])
    return {"costs": asdict(costs), "parts": parts, "size": w.nbytes, "measured": measured}


def _same(x: Any) -> Any:
    return x


def _trivial(client: Any, parts: int) -> float:
    """A step over parts that cost nothing."""
    from tinygrad_notes.interop.dask import value_and_grad

    step = value_and_grad(_square, [client.submit(_same, (np.ones(1),), pure=False) for _ in range(parts)],
                          client=client, straggler=None)  # fmt: skip
    found = []
    for _ in range(9):
        began = time.perf_counter()
        step(np.ones(1))
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def _square(w: Any, x: Any) -> Any:
    return np.sum(w * x)


def _between(client: Any) -> tuple[float, float]:
    """Latency and bandwidth from one worker to the other."""
    here, there = list(client.nthreads())
    times = {}
    for size in (1, 2_000_000):
        found = []
        for _ in range(5):
            x = client.submit(np.ones, size, workers=[here], pure=False)
            x.result() if size == 1 else client.submit(_fetched, x, workers=[here], pure=False).result()
            began = time.perf_counter()
            client.submit(_fetched, x, workers=[there], pure=False).result()
            first = time.perf_counter() - began
            began = time.perf_counter()
            client.submit(_fetched, x, workers=[there], pure=False).result()
            found.append(first - (time.perf_counter() - began))
        times[size] = max(statistics.median(found), 1e-5)
    return times[1], 16e6 / max(times[2_000_000] - times[1], 1e-4)


def predicted(record: dict[str, Any]) -> float:
    """The simulated step for a measured cluster of two: the median of 101 draws."""
    costs = Costs(**record["costs"])
    steps = [simulate(2, record["parts"], costs, record["size"], straggler=None, seed=s).total for s in range(101)]
    return statistics.median(steps)


# ── the table ────────────────────────────────────────────────────────────────────────────────────────────────────


def table(size: float = 100e6, parts_each: int = 4) -> list[dict[str, Any]]:
    """Weak scaling to 1,000 workers: every worker has `parts_each` partitions."""
    rows = []
    for workers in (1, 2, 10, 100, 1000):
        row: dict[str, Any] = {"workers": workers}
        for name, method, straggler in (
            ("tree", "tree", 4.0), ("ring", "ring", 4.0), ("star", "star", 4.0), ("tree, no copies", "tree", None),
        ):  # fmt: skip
            steps = [
                simulate(workers, workers * parts_each, DATACENTRE, size, method=method, straggler=straggler, seed=s)
                for s in range(9)
            ]
            row[name] = statistics.median(step.total for step in steps)
            if name == "tree":
                row["moved"] = statistics.median(step.moved for step in steps)
        rows.append(row)
    return rows


def main(arguments: list[str]) -> None:
    if "--measure" in arguments:
        record = measure()
        record["predicted"] = predicted(record)
        RECORD.write_text(json.dumps(record, indent=1) + "\n")
        print(json.dumps(record, indent=1))
        return
    print(f"{'workers':>8} {'tree':>8} {'ring':>8} {'star':>8} {'no copies':>10}   GB moved (tree)")
    for row in table():
        print(f"{row['workers']:>8} {row['tree']:>8.2f} {row['ring']:>8.2f} {row['star']:>8.2f} "
              f"{row['tree, no copies']:>10.2f}   {row['moved'] / 1e9:.1f}")  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
