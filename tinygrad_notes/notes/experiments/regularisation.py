"""Course 2, week 1: no regularisation, L2 and dropout on the football pitch."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ... import nn
from .data import football_from_file, pitch
from .networks import accuracy, boundary, cost, descend, scores, start, together
from .result import Result, new_figure

__all__ = ["regularisation"]

SIZES, RATE, SEED = [2, 20, 3, 1], 0.3, 3
LAMBDA, KEEP = 0.7, 0.86
DRAWS = 8
NOTES: dict[str, str | None] = {
    "none": "94.8 / 91.5", "L2": "93.83 / 93", "dropout, one mask": "92.8 / 95", "dropout": None,
}  # fmt: skip


def losses(m: int) -> dict[str, Callable[..., Any]]:
    """The cost of each model, for m examples."""

    def with_l2(params: Any, X: Any, Y: Any) -> Any:
        return cost(params, X, Y) + nn.frobenius(nn.weights(params), LAMBDA, m)

    def with_dropout(params: Any, X: Any, Y: Any, rng: Any = None) -> Any:
        return cost(params, X, Y, keep_prob=KEEP, rng=rng)

    def with_one_mask(params: Any, X: Any, Y: Any) -> Any:
        return cost(params, X, Y, keep_prob=KEEP, rng=np.random.RandomState(1))

    return {"none": cost, "L2": with_l2, "dropout, one mask": with_one_mask, "dropout": with_dropout}


def regularisation(
    steps: int | None = None, data: str | os.PathLike[str] | None = None, progress: bool | None = None
) -> Result:
    """The notes' table: exactly with the course's own data, otherwise on a stand-in, as a mean of 8 draws.

    Parameters
    ----------
    steps : int, optional
        Instead of 30,000.
    data : path, optional
        Your copy of the course's ``data.mat``.
    progress : bool, optional
        A progress bar.
    """
    steps = steps or 30_000
    return _on_the_courses(steps, data, progress) if data is not None else _on_the_stand_in(steps, progress)


def _on_the_courses(steps: int, data: str | os.PathLike[str], progress: bool | None) -> Result:
    (X, Y), (X_test, Y_test) = football_from_file(data)
    rows: list[dict[str, Any]] = []
    trained = {}
    for name, loss in losses(X.shape[1]).items():
        params = start(SIZES, nn.init.xavier, np.random.RandomState(SEED))
        rng = np.random.RandomState(1) if name == "dropout" else None
        trained[name] = descend(loss, params, (X, Y), RATE, steps, progress, rng).params
        rows.append(
            {"model": name, "train": accuracy(trained[name], X, Y), "test": accuracy(trained[name], X_test, Y_test),
             "notes": NOTES[name], "sum of W²": _sum_of_squares(trained[name])}
        )  # fmt: skip
    return Result(
        "regularisation",
        f"Regularisation of a {SIZES} relu network on the course's football data, {steps} steps: percent right",
        rows,
        ["the notes' dropout row comes from a mask generator seeded anew in every step, i.e. one frozen mask"],
        lambda: _drawn(trained, X, Y),
    )


def _on_the_stand_in(steps: int, progress: bool | None) -> Result:
    sets = [pitch(seed) for seed in range(DRAWS)]
    X, Y, X_test, Y_test = (np.stack([s[i][k] for s in sets]) for i in (0, 1) for k in (0, 1))
    params = start(SIZES, nn.init.xavier, np.random.RandomState(SEED))
    rows: list[dict[str, Any]] = []
    trained = {}
    for name, loss in losses(X.shape[-1]).items():
        rng = np.random.RandomState(1) if name == "dropout" else None
        trained[name] = descend(loss, together([params] * DRAWS), (X, Y), RATE, steps, progress, rng).params
        train, test = accuracy(trained[name], X, Y), accuracy(trained[name], X_test, Y_test)
        rows.append(
            {"model": name, "train": float(np.mean(train)), "test": float(np.mean(test)),
             "notes (course's data)": NOTES[name], "train ±": float(np.std(train)), "test ±": float(np.std(test)),
             "sum of W²": _sum_of_squares(trained[name]) / DRAWS}
        )  # fmt: skip
    first = {name: {key: value[0] for key, value in params.items()} for name, params in trained.items()}
    return Result(
        "regularisation",
        f"Regularisation of a {SIZES} relu network on a STAND-IN for the football data, {steps} steps: percent right",
        rows,
        [
            f"generated data, mean and standard deviation of {DRAWS} draws: not a reproduction of the notes' numbers; "
            "give the course's own data.mat by --data for that",
            "that regularisation lowers the training and raises the test accuracy holds in the mean, not in each draw",
        ],
        lambda: _drawn(first, X[0], Y[0]),
    )


def _sum_of_squares(params: Any) -> float:
    return float(sum(np.sum(W * W) for W in nn.weights(params)))


def _drawn(trained: dict[str, Any], X: Any, Y: Any) -> Any:
    figure, axes = new_figure(len(trained), width=3)
    for axis, (name, params) in zip(axes, trained.items(), strict=True):
        boundary(axis, partial(scores, params), X, Y, name)
    return figure
