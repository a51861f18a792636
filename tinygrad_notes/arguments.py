"""What a call accepts: numbers, counts, axes, generators, checked before anything is computed."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from .errors import BadInputError, DTypeError, OutOfRangeError, describe, is_array, user_line
from .failures import no_numbers, what_is

__all__ = ["common_numbers", "need_axis", "need_count", "need_generator", "need_number", "need_numbers"]


def need_number(name: str, value: Any, low: float = -math.inf, high: float = math.inf, open_end: bool = False) -> None:
    """Raise unless `value` is a real number from `low` to `high` (below it, with `open_end`).

    Examples
    --------
    >>> need_number("momentum", 0.9, 0, 1)
    """
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not number or not low <= value <= high or (open_end and value == high):
        bounds = f" from {low:g}" if low > -math.inf else ""
        bounds += f" {'to below' if open_end else 'to'} {high:g}" if high < math.inf else ""
        raise BadInputError(f"{name} is a number{bounds}, not {_given(value)}.{user_line()}")


def need_count(name: str, value: Any, least: int = 0) -> int:
    """A whole number from `least` on; raise for anything else.

    Examples
    --------
    >>> need_count("epochs", 3)
    3
    """
    try:
        count = operator.index(value)
    except TypeError:
        count = least - 1
    if count < least or isinstance(value, bool):
        raise BadInputError(f"{name} is a whole number from {least} on, not {_given(value)}.{user_line()}")
    return count


def need_generator(rng: Any, method: str = "permutation") -> None:
    """Raise unless `rng` makes random numbers (a Generator, a RandomState, the module np.random); None is fine.

    Examples
    --------
    >>> need_generator(np.random.default_rng(0))
    """
    if rng is not None and not hasattr(rng, method):
        raise BadInputError(f"rng is a generator, np.random.default_rng(seed), not {_given(rng)}.{user_line()}")


def need_axis(axis: Any, x: Any, what: str) -> None:
    """Raise unless `x` has this axis.

    Examples
    --------
    >>> need_axis(-1, np.ones((2, 3)), "X")
    """
    n = np.ndim(x.data if hasattr(type(x), "__apply_rule__") else x)
    if not isinstance(axis, (int, np.integer)) or isinstance(axis, bool) or not -n <= axis < n:
        ways = f"axes go from {-n} to {n - 1}" if n else "one number has no axes"
        raise OutOfRangeError(f"{what} of shape {np.shape(x)} has no axis {_given(axis)}: {ways}.{user_line()}")


def need_numbers(name: str, *values: Any) -> None:
    """Raise unless each value is an array of numbers, a number, or a list of them.

    Examples
    --------
    >>> need_numbers("mse", [1.0, 2.0], np.ones(2))
    """
    for x in values:
        found = no_numbers(x)
        if found is not None:
            raise DTypeError(f"{name} of {' and '.join(map(_given, values))}: {found[0]}{found[1]}{user_line()}")


def common_numbers(what: str, value: Any) -> Any:
    """An array, or a number, as an array of a type that every library knows; raise for anything else.

    Examples
    --------
    >>> common_numbers("a file holds numbers", np.ones(2, ">f4")).dtype
    dtype('float32')
    """
    array = None if isinstance(value, np.ma.MaskedArray) else np.asarray(value)
    if array is None or array.dtype.kind not in "biufc" or array.dtype.char in "gG":
        _, hint = no_numbers(value if array is None else array) or ("", "\n  convert it first: x.astype(float)")
        masked = "masked " if array is None else ""
        raise DTypeError(f"{what}, not {masked}{describe(value)}{hint}{user_line()}")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _given(value: Any) -> str:
    return describe(value) if is_array(value) else what_is(value)
