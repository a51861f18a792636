"""Data before training: shares of it, its scale, and small batches. Examples are columns unless ``axis`` says else."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from ..arguments import need_axis, need_count, need_generator, need_numbers
from ..errors import BadInputError, ShapeError, describe, user_line
from ..failures import operation_failed

__all__ = ["as_tuple", "batches", "count_examples", "normalize", "split"]


def as_tuple(data: Any) -> tuple[Any, ...]:
    """Return data given as one array or as a tuple of them, as a tuple.

    Examples
    --------
    >>> len(as_tuple(np.ones(3))), len(as_tuple((np.ones(3), np.ones(3))))
    (1, 2)
    """
    return tuple(data) if isinstance(data, (tuple, list)) else (data,)


def count_examples(data: tuple[Any, ...], axis: int = -1) -> int:
    """Return m, the common length of the arrays along `axis`.

    Raises
    ------
    ShapeError
        If the lengths differ.

    Examples
    --------
    >>> count_examples((np.ones((2, 5)), np.ones((1, 5))))
    5
    """
    need_numbers("the data", *data)
    for x in data:
        need_axis(axis, x, "data")
    lengths = {np.shape(x)[axis] for x in data}
    if len(lengths) != 1:
        shapes = ", ".join(str(np.shape(x)) for x in data)
        raise ShapeError(f"arrays of shapes {shapes} have not one number of examples along axis {axis}.{user_line()}")
    return int(lengths.pop())


def batches(data: Any, size: int, rng: Any = None, axis: int = -1) -> Iterator[tuple[Any, ...]]:
    """Yield the examples in batches; the last may be smaller.

    Parameters
    ----------
    data : array or tuple of arrays
    size : int
    rng : numpy.random.Generator, optional
        Shuffles the examples; without it they come in order.
    axis : int
        Where the examples are: columns by default, 0 for images and sequences.

    Raises
    ------
    BadInputError
        If `size` is not positive.

    Examples
    --------
    >>> [X.tolist() for (X,) in batches(np.arange(5), 2)]
    [[0, 1], [2, 3], [4]]
    """
    need_count("size, the examples of a batch,", size, 1)
    need_generator(rng)
    data = as_tuple(data)
    m = count_examples(data, axis)
    order = np.arange(m) if rng is None else rng.permutation(m)
    for start in range(0, m, size):
        yield take(data, order[start : start + size], axis)


def take(data: tuple[Any, ...], which: Any, axis: int) -> tuple[Any, ...]:
    """The examples `which` of every array."""
    return tuple(np.take(x, which, axis=axis) for x in data)


def split(data: Any, parts: tuple[float, ...] = (0.6, 0.2, 0.2), rng: Any = None, axis: int = -1) -> list[Any]:
    """Divide the examples into shares: train, dev and test.

    Parameters
    ----------
    data : array or tuple of arrays
    parts : tuple of float
        The shares; they sum to 1. ``(0.6, 0.2, 0.2)`` for thousands of examples, ``(0.98, 0.01, 0.01)`` for a million.
    rng : numpy.random.Generator, optional
        Shuffles first, so that all shares come from one distribution; without it the examples stay in order.
    axis : int
        Where the examples are.

    Returns
    -------
    list
        One entry per share, each as `data` was given.

    Raises
    ------
    BadInputError
        If the shares don't sum to 1.

    Examples
    --------
    >>> [X.shape for X in split(np.ones((2, 1000)))]
    [(2, 600), (2, 200), (2, 200)]
    """
    good = isinstance(parts, (tuple, list)) and len(parts) > 0 and all(isinstance(p, (int, float)) for p in parts)
    if not good or not abs(sum(parts) - 1) <= 1e-9 or min(parts) < 0:
        raise BadInputError(
            f"the shares must be positive and sum to 1, (0.6, 0.2, 0.2), not {describe(parts)}.{user_line()}"
        )
    need_generator(rng)
    arrays = as_tuple(data)
    m = count_examples(arrays, axis)
    order = np.arange(m) if rng is None else rng.permutation(m)
    edges = np.round(np.cumsum((0.0, *parts)) * m).astype(int)
    shares = [take(arrays, order[a:b], axis) for a, b in pairwise(edges)]
    return shares if isinstance(data, (tuple, list)) else [share[0] for share in shares]


def normalize(X: Any, mu: Any = None, sigma: Any = None, axis: int = -1) -> tuple[Any, Any, Any]:
    """``X := (X − μ)/σ``: each feature gets mean 0 and variance 1.

    Call it on the training set, then on the test set *with the training set's* μ and σ.

    Parameters
    ----------
    X : array
    mu, sigma : array, optional
        From the training set; computed when not given. A feature that never changes keeps σ = 1.
    axis : int
        Where the examples are.

    Returns
    -------
    X, mu, sigma

    Examples
    --------
    >>> X, mu, sigma = normalize(np.array([[1.0, 2.0, 3.0]]))
    >>> X.round(3), mu, sigma.round(3)
    (array([[-1.225,  0.   ,  1.225]]), array([[2.]]), array([[0.816]]))
    >>> normalize(np.array([[2.0]]), mu, sigma)[0]
    array([[0.]])
    """
    need_numbers("normalize", *(x for x in (X, mu, sigma) if x is not None or x is X))
    need_axis(axis, X, "X")
    X = X if hasattr(X, "shape") else np.asarray(X)
    if not X.shape[axis]:
        raise ShapeError(f"normalize of {describe(X)}: there are no examples along axis {axis}.{user_line()}")
    if mu is None:
        mu = np.mean(X, axis=axis, keepdims=True)
    if sigma is None:
        sigma = np.sqrt(np.mean((X - mu) ** 2, axis=axis, keepdims=True))
        sigma = np.where(sigma == 0, 1, sigma)
    if np.any(np.asarray(sigma) == 0):
        raise BadInputError(f"normalize divides by sigma, which has a 0: put 1 there, as normalize(X).{user_line()}")
    try:
        return (X - mu) / sigma, mu, sigma
    except ValueError as error:
        operation_failed("normalize", error, X, mu=mu, sigma=sigma)
