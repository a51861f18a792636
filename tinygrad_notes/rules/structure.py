"""The three rules that belong to the graph itself rather than to NumPy: identity, several results, and their parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from .book import Array, Rule, call, rule

__all__ = ["Parts", "identity", "item"]


class Parts:
    """Several arrays that one operation returned (svd, qr, slogdet …), or the gradients of them.

    A gradient may lack parts nobody used; asking for one gives zeros of the right shape.
    """

    __slots__ = ("likes", "values")

    shape = None  # never the shape of an array: the engine's shape check passes it to the general path
    dtype: np.dtype[Any] = np.dtype("V")
    size = 1 << 62

    def __init__(self, values: tuple[Any, ...], likes: tuple[Any, ...] | None = None) -> None:
        self.values: tuple[Any, ...] = values
        self.likes: tuple[Any, ...] = values if likes is None else likes

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, i: int) -> Any:
        value = self.values[i]
        return np.zeros_like(self.likes[i]) if value is None else value

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self.values)))

    def __add__(self, other: Parts) -> Parts:
        pairs = zip(self.values, other.values, strict=True)
        return Parts(tuple(a if b is None else b if a is None else a + b for a, b in pairs), self.likes)

    def conj(self) -> Parts:
        """Each part conjugated."""
        return Parts(tuple(None if v is None else np.conj(v) for v in self.values), self.likes)


def _item(parts: Parts, i: int) -> Array:
    return parts[i]


def _only(i: int, g: Array, likes: tuple[Any, ...]) -> Parts:
    return Parts(tuple(g if k == i else None for k in range(len(likes))), likes)


item: Rule = rule(
    _item,
    "part i of several results",
    lambda g, _y, _parts, i: _only(i, g, _parts.likes),
    samples=lambda _draw: [],
)


def _identity(x: Array, name: str | None) -> Array:  # noqa: ARG001 (the name is for drawing)
    return x


identity: Rule = rule(
    _identity,
    "y = x",
    lambda g, _y, _x, name: g,
    elementwise=True,
    samples=lambda draw: [call(draw(3, 4), "x"), call(draw(), None)],
)
