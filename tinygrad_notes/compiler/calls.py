"""What instructions call beside NumPy's own functions: views, casts, and writing as a function of its arguments.

Each takes and returns arrays; `storage` decides which of them may write where their first argument lives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["add_at", "astype", "copy", "draw", "full", "getitem", "putitem", "reshape", "transpose"]

Array = Any


def reshape(x: Array, shape: tuple[int, ...]) -> Array:
    """The same entries in another shape: a view where NumPy can."""
    return x.reshape(shape)


def transpose(x: Array, axes: tuple[int, ...]) -> Array:
    """The axes in another order: a view."""
    return x.transpose(axes)


def getitem(x: Array, index: Any) -> Array:
    """``x[index]``."""
    return x[index]


def astype(x: Array, dtype: Any) -> Array:
    """The same numbers in another dtype; a copy."""
    return x.astype(dtype)


def copy(x: Array) -> Array:
    """The same array, for a handle that is going to be written."""
    return x.copy()


def full(shape: tuple[int, ...], value: Any, dtype: Any) -> Array:
    """An array of one value."""
    return np.full(shape, value, dtype)


def putitem(x: Array, index: Any, value: Array) -> Array:
    """`x` with ``x[index] = value``."""
    y = np.array(x)
    y[index] = value
    return y


def add_at(x: Array, index: Any, value: Array) -> Array:
    """`x` with ``np.add.at(x, index, value)``."""
    y = np.array(x)
    np.add.at(y, index, value)
    return y


def draw(generator: Any, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Array:
    """A draw from a generator that was passed as an argument."""
    return getattr(generator, method)(*args, **kwargs)


VIEWS: frozenset[Callable[..., Any]] = frozenset((reshape, transpose, getitem, np.broadcast_to, np.real, np.imag))
"""Calls whose result may look into their first argument's memory, whatever the trace happened to see."""
