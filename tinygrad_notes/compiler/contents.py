"""What is inside an object that a compiled function reads from outside: numbers, arrays, functions.

Two lists of `contents_of` tell whether anything that counts has changed between two calls.
"""

from __future__ import annotations

import array
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ..tensor import Tensor

__all__ = ["FUNCTIONS", "GENERATORS", "PLAIN", "Replayed", "contents_of", "everything_in", "same_contents"]

PLAIN = (bool, int, float, complex, str, bytes, type(None))
GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)
BYTES = (bytearray, memoryview, array.array)
COLLECTIONS = (list, tuple, set, frozenset, deque)
DEEPEST = 8
"""How far is looked inside objects that hold objects."""


class Replayed:
    """What `compile` returns: in another compiled function it is the function `f` itself."""

    f: Callable[..., Any]


FUNCTIONS = (FunctionType, MethodType, partial, Replayed)
CLOSED = (*FUNCTIONS, *GENERATORS, type, ModuleType, BuiltinFunctionType, np.ufunc)
"""What is not looked into."""


def contents_of(x: Any) -> list[Any]:
    """The numbers, strings and arrays (copied) inside an object, with where they are.

    Examples
    --------
    >>> contents_of({"k": 2.0, "names": ["a"]})
    ['a dict of', 2, 'k', 2.0, 'names', 'a list of', 1, 0, 'a']
    """
    return _contents(x, 0, set())


def _contents(x: Any, depth: int, above: set[int]) -> list[Any]:
    if isinstance(x, (*PLAIN, np.generic)):
        return [x]
    if isinstance(x, np.ndarray):
        return [x.copy()]
    if isinstance(x, Tensor):
        return _contents(x.data, depth, above)
    if isinstance(x, BYTES):
        return [bytes(x)]
    if depth == DEEPEST or id(x) in above or isinstance(x, CLOSED):
        return []
    if hasattr(x, "__array_function__"):
        return [id(x)]
    found: list[Any] = []
    if isinstance(x, (*COLLECTIONS, Mapping)):
        found += [f"a {type(x).__name__} of", len(x)]
    for key, part in list(_parts(x)):
        inside = _contents(part, depth + 1, above | {id(x)})
        if inside:
            found.append(key if isinstance(key, PLAIN) else id(key))
            found += inside
    return found


def _parts(x: Any) -> Iterator[tuple[Any, Any]]:
    """The objects that an object holds, by key, place or name."""
    if isinstance(x, dict):
        yield from x.items()
    elif isinstance(x, COLLECTIONS):
        yield from enumerate(x)
    elif isinstance(x, ContextVar):
        yield "value", x.get(None)
    yield from getattr(x, "__dict__", {}).items()
    for kind in type(x).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(x, name):
                yield name, getattr(x, name)


def everything_in(x: Any) -> Iterator[Any]:
    """An object, the objects in it, and so on."""
    seen: set[int] = set()
    rest = [(x, 0)]
    while rest:
        part, depth = rest.pop()
        if id(part) in seen or isinstance(part, (*PLAIN, np.generic, np.ndarray, Tensor)):
            continue
        seen.add(id(part))
        yield part
        if depth < DEEPEST and not isinstance(part, CLOSED):
            rest += [(inside, depth + 1) for _, inside in list(_parts(part))]


def same_contents(before: list[Any], now: list[Any]) -> bool:
    """Whether two lists of `contents_of` tell the same.

    Examples
    --------
    >>> same_contents(contents_of([1.0]), contents_of([1.0])), same_contents(contents_of([1.0]), contents_of([1]))
    (True, False)
    """
    return len(before) == len(now) and all(map(_equal, before, now))


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return (
            isinstance(b, np.ndarray)
            and a.shape == b.shape
            and a.dtype == b.dtype
            and (a.tobytes() == b.tobytes() if a.dtype.kind in "fc" else bool(np.array_equal(a, b)))
        )
    return type(a) is type(b) and bool(a == b or (a != a and b != b))
