"""Memory of large results, used again once nobody holds them: fresh memory costs as much as several passes over it."""

from __future__ import annotations

import sys
from typing import Any
from weakref import getweakrefcount

import numpy as np

__all__ = ["Recycled"]

Array = np.ndarray[Any, Any]


def _references(idle: list[Array]) -> int:
    array = idle[0]
    return sys.getrefcount(array)


ALONE = _references([np.empty(0)])
"""What `_references` says of an array that only the list holds."""

CAN_COUNT = getattr(sys, "_is_gil_enabled", lambda: True)() and sys.implementation.name == "cpython"
"""Without the global lock, or another way of counting, a count says nothing."""


class Recycled:
    """Makes arrays of one shape and dtype, anew or from the one made last, if that was dropped meanwhile.

    Examples
    --------
    >>> new = Recycled((2, 3), np.dtype(float))
    >>> first = new()
    >>> first is new()
    False
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape: tuple[int, ...] = shape
        self.dtype: Any = dtype
        self.made: list[Array] = []

    def __call__(self) -> Array:
        """An array that nobody else holds."""
        try:
            last = [self.made.pop()]  # one thread alone has it now
        except IndexError:
            last = []
        array = last[0] if last and _references(last) == ALONE and self._is_as_made(last) else self._new()
        if CAN_COUNT:
            self.made.append(array)
        return array

    def _new(self) -> Array:
        return np.empty(self.shape, self.dtype)

    def _is_as_made(self, last: list[Array]) -> bool:
        array = last[0]
        flags = array.flags
        return (
            array.shape == self.shape
            and array.dtype == self.dtype
            and flags.c_contiguous
            and flags.writeable
            and flags.owndata
            and not getweakrefcount(array)
        )
