"""Losses, in the notes' letters: ``A`` is the prediction ŷ, ``Z`` what it was computed from, ``Y`` the labels.

A *loss* L is one example's, a *cost* J is the mean over the m examples; ``reduction="none"`` gives the first,
``"mean"`` (the default) the second, ``"sum"`` m times it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import need_axis, need_number, need_numbers
from ..errors import BadInputError, ShapeError, describe, user_line
from ..rules import Rule, call, rule
from ..rules.book import untracked
from .functions import logsumexp, need_real, one_hot, relu, sigmoid, softmax, softplus, xlogy

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "hinge",
    "huber",
    "kl_div",
    "mse",
    "softmax_cross_entropy",
]

Array = Any


def _reduced(L: Array, reduction: str) -> Array:
    if reduction == "mean":
        return np.mean(L)
    if reduction == "sum":
        return np.sum(L)
    if reduction == "none":
        return L
    raise BadInputError(f'reduction is "mean", "sum" or "none", not {reduction!r}.{user_line()}')


def _of_one_shape(name: str, prediction: Array, Y: Array) -> tuple[Array, Array]:
    """Both as arrays."""
    need_numbers(name, prediction, Y)
    prediction, Y = (x if hasattr(x, "shape") else np.asarray(x) for x in (prediction, Y))
    if np.shape(prediction) != np.shape(Y):
        raise ShapeError(
            f"{name}: prediction {describe(prediction)} and labels {describe(Y)} must have one shape "
            f"(broadcasting (m,) against (1, m) would compare every pair).{user_line()}"
        )
    return prediction, Y


def mse(prediction: Array, Y: Array, reduction: str = "mean") -> Array:
    """Squared error, ``(ŷ − y)²``; half of it is the notes' L = ½(ŷ − y)².

    Parameters
    ----------
    prediction, Y : array or Tensor, of one shape
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ShapeError
        If the shapes differ.

    Examples
    --------
    >>> float(mse(np.array([1.0, 2.0]), np.array([1.0, 4.0])))
    2.0
    """
    prediction, Y = _of_one_shape("mse", prediction, Y)
    return _reduced(np.square(prediction - Y), reduction)


def binary_cross_entropy(A: Array, Y: Array, reduction: str = "mean") -> Array:
    """The notes' cost: ``L = −[y log a + (1 − y) log(1 − a)]``, with 0 log 0 = 0.

    A prediction that is exactly wrong (a = 0 for y = 1) costs inf, as the formula says; train on
    `binary_cross_entropy_with_logits`, which never does.

    Parameters
    ----------
    A : array or Tensor
        Probabilities.
    Y : array or Tensor
        Labels 0 and 1 (or anything between), of A's shape.
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ShapeError
        If the shapes differ.

    Examples
    --------
    >>> float(binary_cross_entropy(np.array([[0.5, 1.0]]), np.array([[1.0, 1.0]]), reduction="sum"))
    0.6931471805599453
    """
    A, Y = _of_one_shape("binary_cross_entropy", A, Y)
    values: Any = untracked(A)
    if isinstance(values, (np.ndarray, np.generic)) and np.any(np.less(values, 0) | np.greater(values, 1)):
        raise BadInputError(
            "binary_cross_entropy takes probabilities, from 0 to 1: apply nn.sigmoid, or use "
            f"nn.binary_cross_entropy_with_logits.{user_line()}"
        )
    return _reduced(-(xlogy(Y, A) + xlogy(1 - Y, 1 - A)), reduction)


def _bce_with_logits(Z: Array, Y: Array) -> Array:
    return softplus.f(Z) - Y * Z


bce_with_logits: Rule = rule(
    _bce_with_logits, "L = ln(1 + eᶻ) − y z:  ∂L/∂z = σ(z) − y = a − y,  ∂L/∂y = −z",
    lambda g, _y, Z, Y: g * (sigmoid(Z) - Y),
    lambda g, _y, Z, _Y: -g * Z, elementwise=True)  # fmt: skip


def binary_cross_entropy_with_logits(Z: Array, Y: Array, reduction: str = "mean") -> Array:
    """``binary_cross_entropy(sigmoid(Z), Y)`` in one stable step; its gradient is the notes' ``dZ = A − Y``.

    Parameters
    ----------
    Z : array or Tensor
        What the sigmoid would be taken of.
    Y : array or Tensor
        Labels, of Z's shape.
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ShapeError
        If the shapes differ.

    Examples
    --------
    >>> binary_cross_entropy_with_logits(np.array([-1e4, 0.0, 1e4]), np.array([1.0, 1.0, 1.0]), "none")
    array([1.00000000e+04, 6.93147181e-01, 0.00000000e+00])
    """
    Z, Y = _of_one_shape("binary_cross_entropy_with_logits", Z, Y)
    return _reduced(bce_with_logits(Z, Y), reduction)


def cross_entropy(A: Array, Y: Array, reduction: str = "mean", axis: int = 0) -> Array:
    """``L = −Σ y log a`` over the classes, of probabilities ``A`` (with 0 log 0 = 0).

    Parameters
    ----------
    A : array or Tensor, shape (K, m)
        Probabilities, the classes along `axis`.
    Y : array or Tensor
        One-hot labels of A's shape, or integer class labels of A's shape without `axis`.
    reduction : {"mean", "sum", "none"}
        The mean is over the examples.
    axis : int

    Raises
    ------
    ShapeError
        If the shapes don't go together.

    Examples
    --------
    >>> float(cross_entropy(np.array([[0.5], [0.5]]), np.array([[1.0], [0.0]])))
    0.6931471805599453
    """
    A, Y = _labels_like("cross_entropy", A, Y, axis)
    return _reduced(-np.sum(xlogy(Y, A), axis=axis), reduction)


def _softmax_cross_entropy(Z: Array, Y: Array, axis: int) -> Array:
    top = np.max(Z, axis=axis, keepdims=True)
    with np.errstate(over="ignore"):  # −inf, as it should be
        shifted = Z - top
    L = logsumexp.f(shifted, axis) - np.sum(Y * np.where(Y == 0, 0, shifted), axis=axis)  # a score may be −inf
    return L + np.squeeze(top, axis) * (1 - np.sum(Y, axis=axis))  # 0 for labels that sum to 1


softmax_cross_entropy_rule: Rule = rule(
    _softmax_cross_entropy, "L = ln Σ eᶻ − Σ y z = −Σ y ln a:  ∂L/∂z = a − y,  ∂L/∂y = −z",
    lambda g, _y, Z, Y, axis: np.expand_dims(g, axis) * (softmax(Z, axis) - Y),
    lambda g, _y, Z, _Y, axis: np.expand_dims(-g, axis) * Z,
    name="softmax_cross_entropy",
    samples=lambda draw: [call(draw(3, 4), draw(3, 4), 0), call(draw(4, 3), draw(4, 3), -1),
                          call(draw(3), draw(3), 0)])  # fmt: skip


def softmax_cross_entropy(Z: Array, Y: Array, reduction: str = "mean", axis: int = 0) -> Array:
    """``cross_entropy(softmax(Z), Y)`` in one stable step; its gradient is ``A − Y``.

    Parameters
    ----------
    Z : array or Tensor, shape (K, m)
        What the softmax would be taken of, the classes along `axis`.
    Y : array or Tensor
        Labels that sum to 1 along `axis` (one-hot, or smoothed), of Z's shape; or integer class labels of Z's
        shape without `axis`.
    reduction : {"mean", "sum", "none"}
        The mean is over the examples.
    axis : int

    Raises
    ------
    ShapeError
        If the shapes don't go together.
    BadInputError
        If labels don't sum to 1.

    Examples
    --------
    >>> from tinygrad_notes import grad
    >>> Z, Y = np.array([[2.0], [0.0], [0.0]]), np.array([[1.0], [0.0], [0.0]])
    >>> grad(softmax_cross_entropy)(Z, Y).round(3)
    array([[-0.213],
           [ 0.107],
           [ 0.107]])
    >>> (softmax(Z) - Y).round(3)
    array([[-0.213],
           [ 0.107],
           [ 0.107]])
    """
    Z, Y = _labels_like("softmax_cross_entropy", Z, Y, axis)
    if isinstance(Y, np.ndarray) and not np.allclose(Y.sum(axis=axis), 1, rtol=0, atol=1e-2):
        raise BadInputError(
            "softmax_cross_entropy needs labels that sum to 1 over the classes; for any other weights write "
            f"-np.sum(Y * nn.log_softmax(Z)).{user_line()}"
        )
    return _reduced(softmax_cross_entropy_rule(Z, Y, axis), reduction)


def _labels_like(name: str, scores: Array, Y: Array, axis: int) -> tuple[Array, Array]:
    """Labels as the scores' shape wants them: integer classes become one-hot."""
    need_numbers(name, scores, Y)
    scores = scores if hasattr(scores, "shape") else np.asarray(scores)
    need_axis(axis, scores, "the scores")
    if np.shape(Y) == np.shape(scores):
        return scores, Y if hasattr(Y, "shape") else np.asarray(Y)
    shape = list(np.shape(scores))
    classes = shape.pop(axis)
    integers = getattr(Y, "dtype", np.asarray(Y).dtype if isinstance(Y, (list, int)) else None)
    if integers is not None and integers.kind in "iu" and np.shape(Y) == tuple(shape):
        return scores, one_hot(Y, classes, axis if axis >= 0 else len(shape) + 1 + axis, scores.dtype)
    raise ShapeError(
        f"{name}: labels {describe(Y)} for scores {describe(scores)}; give labels of that shape, "
        f"or integer classes of shape {tuple(shape)}.{user_line()}"
    )


def hinge(Z: Array, Y: Array, reduction: str = "mean") -> Array:
    """``L = max(0, 1 − y z)`` for labels −1 and 1.

    Parameters
    ----------
    Z, Y : array or Tensor, of one shape
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ShapeError
        If the shapes differ.

    Examples
    --------
    >>> hinge(np.array([2.0, 0.5, -1.0]), np.array([1.0, 1.0, 1.0]), "none")
    array([0. , 0.5, 2. ])
    """
    Z, Y = _of_one_shape("hinge", Z, Y)
    return _reduced(relu(1 - Y * Z), reduction)


def _huber(prediction: Array, Y: Array, delta: float = 1.0) -> Array:
    error = prediction - Y
    need_real("huber", error)
    inside = np.clip(error, -delta, delta)
    return inside * (error - 0.5 * inside)


huber_rule: Rule = rule(
    _huber, "L = ½e² where |e| ≤ δ, else δ(|e| − ½δ), e = ŷ − y:  ∂L/∂ŷ = e held within ±δ,  ∂L/∂y = −∂L/∂ŷ",
    lambda g, _y, prediction, Y, delta=1.0: g * np.clip(prediction - Y, -delta, delta),
    lambda g, _y, prediction, Y, delta=1.0: -g * np.clip(prediction - Y, -delta, delta),
    name="huber", elementwise=True, holomorphic=False,
    samples=lambda draw: [call(draw(3, 4), draw(3, 4)), call(draw(5), draw(5), delta=0.3)])  # fmt: skip


def huber(prediction: Array, Y: Array, delta: float = 1.0, reduction: str = "mean") -> Array:
    """Squared error near, absolute error far: ``½e²`` where ``|e| ≤ δ``, else ``δ(|e| − ½δ)``.

    Parameters
    ----------
    prediction, Y : array or Tensor, of one shape
    delta : float
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ShapeError
        If the shapes differ.

    Examples
    --------
    >>> huber(np.array([0.5, 3.0]), np.zeros(2), reduction="none")
    array([0.125, 2.5  ])
    """
    prediction, Y = _of_one_shape("huber", prediction, Y)
    need_number("delta", delta, 0)
    return _reduced(huber_rule(prediction, Y, delta), reduction)


def kl_div(P: Array, Q: Array, reduction: str = "mean", axis: int = 0) -> Array:
    """``KL(P ‖ Q) = Σ p log(p/q)`` over the classes, of two sets of probabilities (with 0 log 0 = 0).

    Parameters
    ----------
    P : array or Tensor, shape (K, m)
        The distribution that is true.
    Q : array or Tensor, shape (K, m)
        The distribution that is believed.
    reduction : {"mean", "sum", "none"}
        The mean is over the examples.
    axis : int

    Raises
    ------
    ShapeError
        If the shapes differ.

    Examples
    --------
    >>> float(kl_div(np.array([[1.0], [0.0]]), np.array([[0.5], [0.5]])))
    0.6931471805599453
    """
    P, Q = _of_one_shape("kl_div", P, Q)
    return _reduced(np.sum(xlogy(P, P) - xlogy(P, Q), axis=axis), reduction)
