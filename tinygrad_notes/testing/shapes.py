"""Slips that show before any value is compared: a lost axis, a transpose, a forgotten sum, NaN, a bad dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from .draws import Draw
from .judge import Finding, norm
from .report import Slip

__all__ = ["early_slip", "shape_fact"]


def early_slip(draw: Draw, name: str, finding: Finding) -> Slip | None:
    """The slip that a wrong shape, NaN or dtype gives away; None when the values have to be looked at."""
    hand, leaf = draw.hand[name], draw.leaves[name]
    if finding.why == "shape":
        return _shape_slip(name, hand, leaf, draw.true.get(name))
    if finding.why == "nan":
        what = "NaN" if np.any(np.isnan(hand)) else "infinity"
        return Slip("nan", f"d{name}", f"d{name} has {what} where the gradient is finite")
    if finding.why == "dtype":
        return Slip("dtype", f"d{name}", f"d{name} is {hand.dtype}; {finding.text or f'{name} is {_dtype(leaf)}'}")
    return None


def shape_fact(draw: Draw, name: str, symbols: str) -> str:
    """One line: both shapes, with the sizes' names."""
    named = f" ({symbols})" if symbols else ""
    return f"d{name} has shape {np.shape(draw.hand[name])}, {name} has {np.shape(draw.leaves[name])}{named}"


def _shape_slip(name: str, hand: Any, leaf: Any, true: Any) -> Slip | None:
    have, want = np.shape(hand), np.shape(leaf)
    where = f"d{name}"
    if have[::-1] == want:
        return Slip("transpose", where, f"{where} is transposed: {have}, {name} is {want}")
    if _squeezed(have) == _squeezed(want) and len(have) < len(want):
        return Slip("keepdims", where, f"the summed axis is lost: {where} is {have}, {name} is {want} (keepdims=True)")
    if _squeezed(have) == _squeezed(want):
        return Slip("keepdims", where, f"an axis too many: {where} is {have}, {name} is {want}")
    if _sums_to(hand, want, true):
        return Slip(
            "not-reduced", where, f"{name} {want} was broadcast, and {where} {have} is not summed over the new axes"
        )
    try:
        spreads = np.broadcast_shapes(have, want) == want
    except ValueError:
        spreads = False
    if spreads:
        return Slip("axis", where, f"summed over too many axes: {where} is {have}, {name} is {want}")
    return None


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)


def _sums_to(hand: Any, want: tuple[int, ...], true: Any) -> bool:
    """Whether undoing the broadcast would give the wanted shape (and the true values, where they are known)."""
    have = np.shape(hand)
    try:
        if np.broadcast_shapes(have, want) != have:
            return False
    except ValueError:
        return False
    extra = len(have) - len(want)
    axes = tuple(range(extra)) + tuple(extra + i for i, n in enumerate(want) if n == 1 and have[extra + i] != 1)
    if true is None:
        return True
    summed = np.sum(hand, axis=axes).reshape(want)
    return norm(summed) > 0 or norm(true) == 0


def _dtype(x: Any) -> Any:
    return getattr(x, "dtype", type(x).__name__)
