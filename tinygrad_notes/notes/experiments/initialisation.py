"""Course 2, week 1: zeros, large and He start values of a three-layer relu network on two circles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import nn
from .data import circles
from .networks import accuracy, cost, descend, notes_cost, start, together
from .result import Result, new_figure

__all__ = ["initialisation"]

SIZES, RATE, SEED = [2, 10, 5, 1], 0.01, 3
MODELS: list[tuple[str, Callable[..., Any], str | None]] = [
    ("zeros", nn.init.zeros, "50"),
    ("randn * 10", nn.init.large, "83"),
    ("He", nn.init.he, "99"),
    ("Xavier", nn.init.xavier, None),
]


def initialisation(steps: int | None = None, progress: bool | None = None) -> Result:
    """The notes' three start values, Xavier's, and ten seeds of two of them.

    Parameters
    ----------
    steps : int, optional
        Instead of 15,000.
    progress : bool, optional
        A progress bar.
    """
    steps = steps or 15_000
    (X, Y), (X_test, Y_test) = circles(300, seed=1), circles(100, seed=2)
    rows: list[dict[str, Any]] = []
    costs = {}
    for name, init, notes in MODELS:
        params = start(SIZES, init, np.random.RandomState(SEED))
        run = descend(cost, params, (X, Y), RATE, steps, progress)
        costs[name] = run.history
        rows.append(
            {"model": name, "train": accuracy(run.params, X, Y), "test": accuracy(run.params, X_test, Y_test),
             "notes": notes, "first cost (notes)": notes_cost(params, X, Y),
             "first cost (stable)": float(cost(params, X, Y)), "last cost": run.history["loss"][-1]}
        )  # fmt: skip
    for name, init, _ in MODELS[1:3]:
        many = together([start(SIZES, init, np.random.RandomState(seed)) for seed in range(10)])
        run = descend(cost, many, (X, Y), RATE, steps, progress)
        percent, test = accuracy(run.params, X, Y), accuracy(run.params, X_test, Y_test)
        rows.append(
            {"model": f"{name}, ten seeds", "train": float(np.mean(percent)), "test": float(np.mean(test)),
             "notes": None, "lowest": float(percent.min()), "highest": float(percent.max()),
             "each": [round(float(p), 1) for p in percent]}
        )  # fmt: skip

    def draw() -> Any:
        figure, (axis,) = new_figure(1, width=6)
        for name, history in costs.items():
            axis.plot(history["epoch"], history["loss"], label=name)
        axis.set(xlabel="step", ylabel="cost", ylim=(0, 2))
        axis.legend(frameon=False)
        return figure

    stuck = int(np.sum(np.array(rows[-1]["each"]) < 80))
    return Result(
        "initialisation",
        f"Start values of a {SIZES} relu network on two circles, {steps} steps: percent right",
        rows,
        [
            "by the notes' formula the first cost of randn * 10 is inf (log 0); from the scores it is finite",
            f"one seed is not the method: of ten seeds He gets stuck below 80 % on {stuck}",
        ],
        draw,
    )
