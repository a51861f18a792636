"""Course 1, week 2: a loop over the features against ``np.dot``."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .result import Result, new_figure

__all__ = ["vectorisation"]


def _loop(w: Any, x: Any) -> Any:
    z = 0.0
    for i in range(len(w)):
        z += w[i] * x[i]
    return z


def _seconds(f: Callable[..., Any], *args: Any, least: float = 0.05) -> float:
    """The shortest of several runs, repeated until the clock can tell."""
    f(*args)
    shortest, spent = float("inf"), 0.0
    while spent < least:
        started = time.perf_counter()
        f(*args)
        took = time.perf_counter() - started
        shortest, spent = min(shortest, took), spent + took
    return shortest


def vectorisation(steps: int | None = None) -> Result:
    """``z = Σ wᵢ xᵢ`` both ways, at n = 100, 10,000 and 1,000,000.

    Parameters
    ----------
    steps : int, optional
        The largest n, instead of 1,000,000.
    """
    rng = np.random.RandomState(0)
    rows: list[dict[str, Any]] = []
    for n in [n for n in (100, 10_000, 1_000_000) if n <= (steps or 1_000_000)]:
        w, x = rng.rand(n), rng.rand(n)
        loop, dot = _seconds(_loop, w, x), _seconds(np.dot, w, x)
        rows.append(
            {"model": f"n = {n:,}", "loop (ms)": 1e3 * loop, "np.dot (ms)": 1e3 * dot,
             "times faster": round(loop / dot), "notes": "300",
             "relative difference": float(abs(_loop(w, x) / np.dot(w, x) - 1))}
        )  # fmt: skip

    def draw() -> Any:
        figure, (axis,) = new_figure(1)
        places = np.arange(len(rows))
        for shift, key in ((-0.2, "loop (ms)"), (0.2, "np.dot (ms)")):
            axis.bar(places + shift, [row[key] for row in rows], 0.4, label=key[:-5])
        axis.set_xticks(places, [row["model"] for row in rows])
        axis.set(yscale="log", ylabel="ms")
        axis.legend(frameon=False)
        return figure

    return Result(
        "vectorisation",
        "A loop over the features against np.dot",
        rows,
        ["times of this machine; the ratio depends on it and on n"],
        draw,
    )
