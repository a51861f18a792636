"""Course 1, weeks 2 and 4: logistic regression and L-layer networks on 12288 numbers per colour image."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import nn
from .data import cats_from_files, flower_and_china
from .networks import accuracy, cost, descend, start
from .result import Result, new_figure

__all__ = ["cats"]

Array = Any
DRAWS = 3


def _by_root(shape: tuple[int, ...], rng: Any) -> Array:
    """``randn / sqrt(n[l−1])``, as the assignment's deep network starts."""
    return rng.standard_normal(shape) / np.sqrt(shape[1])


MODELS: list[tuple[str, list[int], Callable[..., Array], float, int, str]] = [
    ("logistic regression", [1], nn.init.zeros, 0.005, 2000, "99.04 / 70.0"),
    ("2 layers", [7, 1], nn.init.small, 0.0075, 2500, "100 / 72"),
    ("5 layers (4 of weights)", [20, 7, 5, 1], _by_root, 0.0075, 2500, "98.56 / 80"),
]


def cats(steps: int | None = None, data: str | os.PathLike[str] | None = None, progress: bool | None = None) -> Result:
    """Logistic regression and two networks on the course's files, or on a stand-in of the same shape.

    Parameters
    ----------
    steps : int, optional
        Instead of 2,000 and 2,500.
    data : path, optional
        The folder with your copy of ``train_catvnoncat.h5`` and ``test_catvnoncat.h5``.
    progress : bool, optional
        A progress bar.
    """
    sets = [flower_and_china(seed) for seed in range(DRAWS)] if data is None else [cats_from_files(data)]
    rows: list[dict[str, Any]] = []
    costs = {}
    for name, hidden, init, rate, usual, course in MODELS:
        percent = []
        for (X, Y), (X_test, Y_test) in sets:
            params = start([X.shape[0], *hidden], init, np.random.RandomState(1))
            run = descend(cost, params, (X, Y), rate, steps or usual, progress)
            percent.append((accuracy(run.params, X, Y), accuracy(run.params, X_test, Y_test)))
        costs[name] = run.history
        train, test = np.mean(percent, axis=0)
        row = {"model": f"{name} {[X.shape[0], *hidden]}", "train": float(train), "test": float(test),
               "course's files": course, "first cost": float(cost(params, X, Y)),
               "last cost": run.history["loss"][-1]}  # fmt: skip
        if data is None:
            row["test, each draw"] = [round(float(test), 1) for _, test in percent]
        rows.append(row)

    def draw() -> Any:
        figure, (axis,) = new_figure(1, width=5)
        for name, history in costs.items():
            axis.plot(history["epoch"], history["loss"], label=name)
        axis.set(xlabel="step", ylabel="cost")
        axis.legend(frameon=False)
        return figure

    X, Y = sets[0][0]
    on = "the course's cat files" if data is not None else "a STAND-IN for the cat files"
    remarks = [f"X is {X.shape}; always answering 1 gets {100 * float(np.mean(sets[0][1][1])):.0f} % on the test set"]
    if data is None:
        remarks.append(
            f"64 by 64 patches of two photographs that scikit-learn ships (flower or street), mean of {DRAWS} draws: "
            "not a reproduction; give the folder with the course's h5 files by --data for that"
        )
    return Result("cats", f"Colour images as columns of 12288 numbers, on {on}: percent right", rows, remarks, draw)
