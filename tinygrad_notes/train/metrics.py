"""How good predictions are: fractions between 0 and 1, of labels 0 and 1 or of classes 0 … K − 1.

``predicted`` and ``Y`` are labels of one shape; `labels` makes them of probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import need_axis, need_numbers
from ..errors import BadInputError, ShapeError, describe, user_line

__all__ = [
    "Reading",
    "accuracy",
    "bias_variance",
    "confusion",
    "error",
    "f1",
    "labels",
    "precision",
    "recall",
    "weighted_error",
]


def labels(A: Any, axis: int = 0) -> Any:
    """Return the labels that probabilities stand for: 1 where ``a > 0.5``, or the likeliest of K classes.

    Parameters
    ----------
    A : array, shape (1, m) or (K, m)
    axis : int
        Where the classes are.

    Examples
    --------
    >>> labels(np.array([[0.2, 0.7]])), labels(np.array([[0.2, 0.7], [0.8, 0.3]]))
    (array([[0, 1]]), array([1, 0]))
    """
    need_numbers("labels", A)
    A = A if hasattr(A, "shape") else np.asarray(A)
    need_axis(axis, A, "A")
    return (A > 0.5).astype(int) if np.shape(A)[axis] == 1 else np.argmax(A, axis=axis)


def _pair(predicted: Any, Y: Any) -> tuple[Any, Any]:
    need_numbers("a measurement", predicted, Y)
    predicted, Y = np.asarray(predicted), np.asarray(Y)
    if not predicted.size:
        raise ShapeError(f"there are no predictions to measure: {describe(predicted)}.{user_line()}")
    if predicted.shape != Y.shape:
        raise ShapeError(f"predicted {describe(predicted)} and Y {describe(Y)} must have one shape.{user_line()}")
    return predicted, Y


def accuracy(predicted: Any, Y: Any) -> float:
    """Share of right predictions.

    Examples
    --------
    >>> accuracy([1, 0, 1, 1], [1, 0, 0, 1])
    0.75
    """
    predicted, Y = _pair(predicted, Y)
    return float(np.mean(predicted == Y))


def error(predicted: Any, Y: Any) -> float:
    """``(1/m) Σ 1{ŷ ≠ y}``: share of wrong predictions.

    Examples
    --------
    >>> error([1, 0, 1, 1], [1, 0, 0, 1])
    0.25
    """
    predicted, Y = _pair(predicted, Y)
    return float(np.mean(predicted != Y))


def weighted_error(predicted: Any, Y: Any, w: Any) -> float:
    """``(1/Σ w) Σ w 1{ŷ ≠ y}``: some mistakes cost more.

    Examples
    --------
    >>> weighted_error([1, 0, 1, 1], [1, 0, 0, 1], w=[1, 1, 10, 1])
    0.7692307692307693
    """
    predicted, Y = _pair(predicted, Y)
    need_numbers("weighted_error", w)
    w = np.asarray(w, dtype=float)
    if w.shape not in ((), Y.shape) or not np.sum(w) > 0 or np.any(w < 0):
        raise BadInputError(
            f"w holds one positive weight per prediction, shape {Y.shape}, not {describe(w)} of sum {np.sum(w):g}."
            f"{user_line()}"
        )
    w = np.broadcast_to(w, Y.shape)
    return float(np.sum(w * (predicted != Y)) / np.sum(w))


def precision(predicted: Any, Y: Any) -> float:
    """``TP/(TP + FP)``: of those said to be 1, how many are; NaN if none was.

    Examples
    --------
    >>> precision([1, 1, 0, 0], [1, 0, 1, 0])
    0.5
    """
    predicted, Y = _pair(predicted, Y)
    said = int(np.sum(predicted == 1))
    return float(np.sum((predicted == 1) & (Y == 1)) / said) if said else float("nan")


def recall(predicted: Any, Y: Any) -> float:
    """``TP/(TP + FN)``: of those that are 1, how many were found; NaN if there are none.

    Examples
    --------
    >>> recall([1, 1, 0, 0], [1, 1, 1, 1])
    0.5
    """
    predicted, Y = _pair(predicted, Y)
    real = int(np.sum(Y == 1))
    return float(np.sum((predicted == 1) & (Y == 1)) / real) if real else float("nan")


def f1(predicted: Any, Y: Any) -> float:
    """``2/(1/P + 1/R) = 2TP/(2TP + FP + FN)``: the harmonic mean of precision and recall.

    Examples
    --------
    >>> round(f1([1, 1, 0, 0], [1, 1, 1, 1]), 3)
    0.667
    """
    predicted, Y = _pair(predicted, Y)
    right = int(np.sum((predicted == 1) & (Y == 1)))
    wrong = int(np.sum((predicted == 1) != (Y == 1)))
    return 2 * right / (2 * right + wrong) if right + wrong else float("nan")


def confusion(predicted: Any, Y: Any, classes: int | None = None) -> Any:
    """Table of counts: row = the class it is, column = the class that was said.

    Examples
    --------
    >>> confusion([0, 1, 1, 1], [0, 0, 1, 1])
    array([[1, 1],
           [0, 2]])
    """
    predicted, Y = map(np.ravel, _pair(predicted, Y))
    if any(x.dtype.kind not in "iub" and np.any(x != np.round(x)) for x in (predicted, Y)):
        raise BadInputError(f"confusion counts classes 0, 1, 2 …, not fractions: labels(A) makes them.{user_line()}")
    predicted, Y = predicted.astype(int), Y.astype(int)
    largest = max(predicted.max(), Y.max())
    if min(predicted.min(), Y.min()) < 0 or (classes is not None and largest >= classes):
        known = "on" if classes is None else f"to {classes - 1}"
        raise BadInputError(f"classes are whole numbers from 0 {known}.{user_line()}")
    size = classes or int(max(predicted.max(initial=0), Y.max(initial=0))) + 1
    table = np.zeros((size, size), int)
    np.add.at(table, (Y, predicted), 1)
    return table


@dataclass(frozen=True)
class Reading:
    """What training and dev error say to do next.

    Attributes
    ----------
    avoidable_bias : float
        Training error − human-level error.
    variance : float
        Dev error − training error.
    high_bias, high_variance : bool
    text : str
        The advice.
    """

    avoidable_bias: float
    variance: float
    high_bias: bool
    high_variance: bool
    text: str

    def __str__(self) -> str:
        return self.text


def bias_variance(train_error: float, dev_error: float, human_error: float = 0.0, high: float = 0.05) -> Reading:
    """Read training and dev error as the notes do.

    Parameters
    ----------
    train_error, dev_error : float
        Shares of wrong predictions, between 0 and 1.
    human_error : float
        What stands for the best possible error (Bayes).
    high : float
        From how much on bias or variance is called high.

    Examples
    --------
    >>> print(bias_variance(0.01, 0.11))
    avoidable bias 1.0 points, variance 10.0 points: high variance: more data, regularise, another architecture
    >>> print(bias_variance(0.15, 0.30))
    avoidable bias 15.0 points, variance 15.0 points: high bias: bigger network, train longer, another architecture;
    then high variance: more data, regularise, another architecture
    """
    bias, variance = train_error - human_error, dev_error - train_error
    advice = []
    if bias >= high:
        advice.append("high bias: bigger network, train longer, another architecture")
    if variance >= high:
        advice.append("high variance: more data, regularise, another architecture")
    if not advice:
        larger = "bias" if bias > variance else "variance"
        advice.append(f"both low; what is left is mostly {larger}")
    text = f"avoidable bias {100 * bias:.1f} points, variance {100 * variance:.1f} points: {'; then '.join(advice)}"
    return Reading(bias, variance, bias >= high, variance >= high, text)
