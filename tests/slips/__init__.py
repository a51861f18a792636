"""The public set: right derivations, and beside each the slips people make in them.

A right derivation is a plain function. A slip is that function with one place changed (``old`` → ``new``), the kinds
of message that would name it correctly, and the outputs it makes wrong. What was changed is thus visible at a glance.

Accepted kinds were written down before the diagnosis was. Where two words say the same (a path treated as constant is
a missing term) both are accepted; nothing else is.
"""

from __future__ import annotations

import hashlib
import inspect
import linecache
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["DERIVATIONS", "SLIPS", "Derivation", "Slip", "bits", "derivation", "onehot", "positive", "scalar"]


@dataclass
class Slip:
    """One wrong derivation."""

    id: str
    of: Derivation
    source: str
    line: int
    kinds: frozenset[str]
    at: frozenset[str]

    @property
    def kept_aside(self) -> bool:
        """Half of the set, by the hash of its name, is not looked at while the diagnosis is tuned."""
        return hashlib.sha256(self.id.encode()).digest()[0] % 2 == 1

    def by_hand(self) -> Callable[..., Any]:
        """The wrong derivation as a function whose source can be read back."""
        name = f"<slip {self.id}>"
        linecache.cache[name] = (len(self.source), None, self.source.splitlines(keepends=True), name)
        namespace = dict(self.of.by_hand.__globals__)
        exec(compile(self.source, name, "exec"), namespace)
        made: Callable[..., Any] = namespace[self.of.by_hand.__name__]
        return made


@dataclass
class Derivation:
    """A function, its derivation by hand, and how its inputs are drawn."""

    f: Callable[..., Any]
    by_hand: Callable[..., Any]
    shapes: dict[str, str]
    given: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The function's own name."""
        return self.f.__name__

    def slip(self, name: str, old: str, new: str, kinds: str, at: str) -> None:
        """Add the derivation with `old` (which occurs once) changed to `new`."""
        source = inspect.getsource(self.by_hand)
        if source.count(old) != 1:
            raise ValueError(f"{self.name}.{name}: {old!r} occurs {source.count(old)} times")
        line = source[: source.index(old)].count("\n") + 1
        changed = source.replace(old, new)
        full = f"{self.name}.{name}"
        if full in SLIPS:
            raise ValueError(f"two slips are called {full}")
        SLIPS[full] = Slip(full, self, changed, line, frozenset(kinds.split()), frozenset(at.split()))


SLIPS: dict[str, Slip] = {}
DERIVATIONS: dict[str, Derivation] = {}


def derivation(f: Callable[..., Any], by_hand: Callable[..., Any], shapes: str, **given: Any) -> Derivation:
    """Enter a right derivation; `shapes` reads ``"X: n m, w: n 1, lam:"``."""
    parsed = {k.strip(): v.strip() for k, v in (part.split(":") for part in shapes.split(","))}
    made = DERIVATIONS[f.__name__] = Derivation(f, by_hand, parsed, given)
    return made


def bits(rng: np.random.Generator, shape: tuple[int, ...], _dims: dict[str, int]) -> Any:
    """Labels 0 and 1."""
    return rng.integers(0, 2, shape).astype(float)


def onehot(rng: np.random.Generator, shape: tuple[int, ...], _dims: dict[str, int]) -> Any:
    """One 1 in every column."""
    return np.eye(shape[0])[:, rng.integers(0, shape[0], shape[1])]


def positive(rng: np.random.Generator, shape: tuple[int, ...], _dims: dict[str, int]) -> Any:
    """Between 1/2 and 2."""
    return rng.uniform(0.5, 2.0, shape)


def scalar(low: float, high: float) -> Callable[..., Any]:
    """A number between `low` and `high`."""
    return lambda rng, shape, _dims: rng.uniform(low, high, shape)


from . import (  # noqa: E402  (they enter their derivations in the two tables above)
    activations,
    algebra,
    broadcasting,
    complex_numbers,
    indexing,
    logistic,
    losses,
    networks,
    normalising,
    recurrent,
    softmax,
)

_ = (activations, algebra, broadcasting, complex_numbers, indexing, logistic, losses, networks, normalising, recurrent,
     softmax)  # fmt: skip
