"""What the rule book offers a generator: every entry, with its sampling domain and sample calls, by its public name."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from oracles import Case, is_inexact, leaves, rebuild
from test_rules import (
    DEFAULT_SHAPES,
    ENTRIES,
    TESTED_ELSEWHERE,
    WRITES_INTO_ITS_ARGUMENT,
    Draw,
    all_cases,
    constant_arguments,
    refused_inputs,
)

from tinygrad_notes.rules import Rule

from .program import Shown, special

HOMES = {"np": np, "np.linalg": np.linalg, "np.fft": np.fft, "np.emath": np.emath, "np.lib.stride_tricks":
         np.lib.stride_tricks, "special": special()}  # fmt: skip
DEFAULT_DOMAIN = (-2.0, 2.0)


@cache
def path(key: Any) -> str:
    """How a program writes the function: ``np.linalg.norm``, ``np.add.reduce``, ``special.erf``."""
    if isinstance(key, tuple):
        return f"{path(key[0])}.{key[1]}"
    name = getattr(key, "__name__", "")
    for home, module in HOMES.items():
        if getattr(module, name, None) is key:
            return f"{home}.{name}"
    module = importlib.import_module(key.__module__)
    own = next(name for name, value in vars(module).items() if value is ENTRIES[key])
    return f"{module.__name__}.{own}"


def writes_in_place(key: Any) -> bool:
    """Whether a call changes its first argument and returns nothing."""
    return key in WRITES_INTO_ITS_ARGUMENT or (isinstance(key, tuple) and key[1] == "at")


@cache
def keys() -> tuple[Any, ...]:
    """All entries that a program may call, in a fixed order."""
    elsewhere = {*TESTED_ELSEWHERE, "full_like"}  # NumPy asks us only if the array to be like is a Tensor
    return tuple(sorted((k for k, e in ENTRIES.items() if e.name not in elsewhere), key=path))


@cache
def returning() -> tuple[Any, ...]:
    """The entries that return their result."""
    return tuple(k for k in keys() if not writes_in_place(k))


@cache
def writing() -> tuple[Any, ...]:
    """The entries that write into their first argument."""
    return tuple(k for k in keys() if writes_in_place(k))


def domain(key: Any, position: int) -> tuple[float, float]:
    """Where input number `position` is drawn from."""
    given = getattr(ENTRIES[key], "domain", ()) or (DEFAULT_DOMAIN,)
    low, high = given[min(position, len(given) - 1)]
    return float(low), float(high)


@cache
def elementwise_inputs(key: Any) -> int:
    """How many arrays of any broadcastable shapes the function takes; 0 if it needs calls of its own making."""
    entry = ENTRIES[key]
    if entry.samples is not None:
        return 0
    count = entry.inputs if isinstance(entry, Rule) else key.nin if isinstance(key, np.ufunc) else 0
    return count if count in DEFAULT_SHAPES else 0


@dataclasses.dataclass(frozen=True)
class Call:
    """A sample call of the book.

    Attributes
    ----------
    args, kwargs
    moving : tuple of bool
        For every leaf of the call, whether a derivative can be asked in it.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    moving: tuple[bool, ...]


@cache
def how_many(key: Any) -> int:
    """The number of sample calls."""
    samples = ENTRIES[key].samples
    return 0 if samples is None else len(list(samples(Draw(getattr(ENTRIES[key], "domain", ()), 0))))


@cache
def drawn(key: Any, seed: int) -> list[Any]:
    return list(ENTRIES[key].samples(Draw(getattr(ENTRIES[key], "domain", ()), seed)))


@cache
def call(key: Any, k: int, seed: int) -> Call | None:
    """The sample call `k` of an entry, drawn from `seed`; None if no derivative can be asked in it."""
    if len(all_cases()[key]) != how_many(key):
        return None  # test_rules makes calls of its own for it
    args, kwargs = drawn(key, seed)[k]
    case = Case("", abs, abs, tuple(args), dict(kwargs), constant_arguments(ENTRIES[key]))
    if not case.inputs or not all_cases()[key][k].inputs:
        return None
    refused = refused_inputs(key, k)
    rank = iter(range(len(case.slots)))
    moving = tuple(chosen and next(rank) not in refused for chosen in case.slots)
    values = leaves((tuple(args), dict(kwargs)))
    shown = [
        Shown(x, f"sample({path(key)!r}, {k}, {seed}, {i})")
        if callable(x) and not isinstance(x, (type, np.ufunc))
        else x
        for i, x in enumerate(values)
    ]
    args, kwargs = rebuild((tuple(args), dict(kwargs)), iter(shown))
    return Call(args, kwargs, moving)


def sample(name: str, k: int, seed: int, leaf: int) -> Callable[..., Any]:
    """A function among the arguments of a sample call: how a printed program names a lambda of the book."""
    key = next(key for key in keys() if path(key) == name)
    found: Callable[..., Any] = leaves(drawn(key, seed)[k])[leaf]
    return found


__all__ = ["Call", "call", "domain", "elementwise_inputs", "how_many", "is_inexact", "keys", "path", "returning",
           "sample", "writing"]  # fmt: skip
