"""What random inputs look like: `bits`, `onehot`, `positive`, `distinct`, ranges, or your own function.

A distribution is any function ``(rng, shape, dims) -> array``; `dims` maps the symbols of the shapes to sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from ..errors import BadInputError, describe

__all__ = ["bits", "distinct", "normal", "onehot", "positive"]

Shape = tuple[int, ...]
Dims = Mapping[str, int]


def normal(rng: np.random.Generator, shape: Shape, _dims: Dims) -> Any:
    """Standard normal numbers: what an input is when nothing is said about it.

    Examples
    --------
    >>> normal(np.random.default_rng(0), (2, 3), {}).shape
    (2, 3)
    """
    return rng.standard_normal(shape)


def bits(rng: np.random.Generator, shape: Shape, _dims: Dims) -> Any:
    """Labels 0.0 and 1.0, equally likely.

    Examples
    --------
    >>> bits(np.random.default_rng(0), (1, 5), {})
    array([[1., 1., 1., 0., 0.]])
    """
    return rng.integers(0, 2, shape).astype(np.float64)


def onehot(rng: Any = None, shape: Shape | None = None, _dims: Dims | None = None, *, axis: int = 0) -> Any:
    """One 1.0 in every line along `axis`, 0.0 elsewhere. ``onehot`` itself is ``onehot(axis=0)``.

    Parameters
    ----------
    rng, shape
        As every distribution; left out when only `axis` is to be chosen.
    axis : int
        The axis of the classes; 0 in the notes, where an example is a column.

    Examples
    --------
    >>> onehot(np.random.default_rng(0), (3, 4), {}).sum(axis=0)
    array([1., 1., 1., 1.])
    >>> onehot(axis=1)(np.random.default_rng(0), (3, 4), {}).sum(axis=1)
    array([1., 1., 1.])
    """
    if rng is None:
        return partial(onehot, axis=axis)
    if not shape:
        raise BadInputError("onehot needs an axis of classes: a shape such as 'k m', not a scalar")
    classes = rng.integers(0, shape[axis], tuple(np.delete(shape, axis)))
    return np.moveaxis(np.eye(shape[axis])[classes], -1, axis)


def positive(rng: np.random.Generator, shape: Shape, _dims: Dims) -> Any:
    """Numbers between 0.2 and 3: inside the domain of log, sqrt and division.

    Examples
    --------
    >>> bool(np.all(positive(np.random.default_rng(0), (100,), {}) >= 0.2))
    True
    """
    return rng.uniform(0.2, 3.0, shape)


def distinct(rng: np.random.Generator, shape: Shape, _dims: Dims) -> Any:
    """Numbers that are pairwise at least 0.1 apart and not near 0: no ties for max, sort, median.

    Examples
    --------
    >>> x = np.sort(distinct(np.random.default_rng(0), (50,), {}))
    >>> bool(np.min(np.diff(x)) > 0.1), bool(np.min(np.abs(x)) > 0.05)
    (True, True)
    """
    count = int(np.prod(shape))
    steps = rng.permutation(count) - count // 2 + rng.uniform(0.3, 0.7, count)
    return (steps * 0.2).reshape(shape)[()]


Distribution = Callable[[np.random.Generator, Shape, Dims], Any]

PLAIN_VALUES: dict[Any, tuple[float, ...]] = {
    normal: (0.0, 1.0, -1.0, 2.0, -2.0, 3.0),
    bits: (0.0, 1.0),
    positive: (1.0, 2.0, 3.0),
}
"""Values that a shrunk case may put in an entry drawn from this distribution, plainest first."""


class Range:
    """Uniform between two numbers: ``given={"lam": (0.1, 2)}``."""

    __slots__ = ("high", "low")

    def __init__(self, low: float, high: float) -> None:
        self.low: float = float(low)
        self.high: float = float(high)

    def __call__(self, rng: np.random.Generator, shape: Shape, _dims: Dims) -> Any:
        return rng.uniform(self.low, self.high, shape)


class Fixed:
    """A value that is not drawn: a number, an array, a string, a function."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value: Any = value

    def __call__(self, _rng: np.random.Generator, shape: Shape, _dims: Dims) -> Any:
        if isinstance(self.value, (int, float)) and not isinstance(self.value, bool) and shape:
            return np.full(shape, float(self.value))
        return self.value


def distribution(given: Any) -> Distribution:
    """Read one entry of ``given=``: a distribution, a range (low, high), or a fixed value.

    Examples
    --------
    >>> round(float(distribution((0.1, 2))(np.random.default_rng(0), (), {})), 4)
    1.3102
    """
    if given is None:
        return normal
    if isinstance(given, tuple):
        numbers = all(isinstance(x, (int, float)) for x in given)
        if len(given) != 2 or not numbers or not given[0] < given[1]:
            raise BadInputError(f"a range is (low, high) with low < high, not {describe(given)}")
        return Range(*given)
    return given if callable(given) else Fixed(given)


def plain_values(drawn_from: Distribution) -> tuple[float, ...]:
    """The plain numbers that an entry of this distribution may be replaced by in a shrunk case.

    Examples
    --------
    >>> plain_values(bits), plain_values(distribution((0.6, 2)))
    ((0.0, 1.0), (1.0, 2.0))
    """
    if isinstance(drawn_from, Range):
        return tuple(v for v in (1.0, 0.5, 2.0, 0.0, -1.0, 3.0) if drawn_from.low <= v <= drawn_from.high)
    try:
        return PLAIN_VALUES.get(drawn_from, ())
    except TypeError:  # an unhashable callable of the user's
        return ()
