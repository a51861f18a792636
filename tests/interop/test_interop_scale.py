"""The cost model of a data-parallel step: its laws, the page that tells them, and the point that was measured."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import scale

PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")
EXACT = replace(scale.DATACENTRE, spread=0.0, lag=0.0, task=0.0, trip=0.0, adding=1e30, compute=50.0)
SIZE = 100e6


@pytest.mark.parametrize("method", ["tree", "ring", "star"])
@pytest.mark.parametrize("workers", [2, 8, 64, 512])
def test_the_simulation_is_the_formula_where_nothing_is_random(method: str, workers: int) -> None:
    step = scale.simulate(workers, workers, EXACT, SIZE, method=method)
    last = SIZE / EXACT.bandwidth  # the result's way to the client
    assert step.adding - last == pytest.approx(scale.by_formula(workers, EXACT, SIZE, method), rel=1e-9)
    assert step.computing == pytest.approx(EXACT.compute)


@pytest.mark.parametrize("workers", [2, 8, 64, 512])
def test_bytes(workers: int) -> None:
    tree = scale.simulate(workers, workers, EXACT, SIZE, method="tree")
    ring = scale.simulate(workers, workers, EXACT, SIZE, method="ring")
    star = scale.simulate(workers, workers, EXACT, SIZE, method="star")
    out = (workers - 1) * SIZE
    assert tree.moved == star.moved == pytest.approx(out + (workers - 1) * SIZE)
    assert ring.moved == pytest.approx(out + 2 * (workers - 1) * SIZE)
    assert ring.busiest == pytest.approx(2 * SIZE * (workers - 1) / workers)
    assert star.busiest == pytest.approx((workers - 1) * SIZE)


def test_large_gradients_go_round_and_small_ones_up() -> None:
    def fastest(size: float) -> str:
        return min(("tree", "ring", "star"), key=lambda m: scale.by_formula(1000, scale.DATACENTRE, size, m))

    assert (fastest(1e5), fastest(100e6)) == ("tree", "ring")
    low, high = 1e5, 100e6
    while high / low > 1.01:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if fastest(middle) == "tree" else (low, middle)
    told = re.search(r"the two meet near P = (\d+) MB", PAGE)
    assert told is not None
    assert low / 1e6 == pytest.approx(float(told[1]), rel=0.1)


def test_copies_take_the_tail_off() -> None:
    late = replace(scale.DATACENTRE, lag=0.003, lags=40.0)
    pairs = []
    for seed in range(9):
        alone = scale.simulate(100, 400, late, SIZE, straggler=None, seed=seed)
        helped = scale.simulate(100, 400, late, SIZE, seed=seed)
        assert helped.computing <= alone.computing
        assert (helped.copies > 0) == (helped.computing < alone.computing)
        pairs.append((helped.computing, alone.computing))
    helped_, alone_ = map(sum, zip(*pairs, strict=True))
    assert helped_ < alone_ / 2
    assert scale.simulate(100, 400, replace(late, lag=0.0), SIZE).copies == 0


def test_the_page_shows_what_the_simulation_says() -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        scale.main([])
    assert printed.getvalue().rstrip() in PAGE


def test_two_workers_measured_and_simulated_agree() -> None:
    record = json.loads(scale.RECORD.read_text(encoding="utf-8"))
    simulated = scale.predicted(record)
    assert simulated == pytest.approx(record["predicted"], rel=1e-9)
    assert simulated == pytest.approx(record["measured"], rel=0.25)
    assert f"**{simulated:.2f} s** per step" in PAGE
    assert f"**{record['measured']:.2f} s** (median of 7)" in PAGE
