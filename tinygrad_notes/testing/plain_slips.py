"""Slips that show in the numbers alone: for functions that can't be traced (another library's, a C extension).

A wrong gradient is compared with the true one on several draws of different sizes: is it a fixed multiple, a multiple
by one of the sizes, another output's, its own transpose, nothing at all?
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .draws import Draw
from .report import Slip

__all__ = ["plain_slip"]

CLOSE = 1e-5
"""Numerical differences judge here: so near is the same."""


def plain_slip(draws: Sequence[Draw], name: str) -> Slip | None:
    """The one simple thing that makes an output right on all of these draws, or None.

    Examples
    --------
    >>> draws = [Draw({"n": n}, {}, {"x": np.ones(n)}, {"x": np.full(n, 2.0)}) for n in (2, 3)]
    >>> plain_slip(draws, "x").text
    'dx is 1/2 of what it should be'
    """
    pairs = [(draw, np.asarray(draw.hand[name]), np.asarray(draw.true[name])) for draw in draws]
    pairs = [(draw, hand, true) for draw, hand, true in pairs if hand.shape == true.shape and _size(true)]
    if len(pairs) < 2:
        return None
    where = f"d{name}"
    if not any(_size(hand) for _, hand, _ in pairs):
        return Slip("missing-term", where, f"{where} is 0: this input's part of the backward pass is missing")
    if _holds(pairs, lambda _draw, hand: -hand):
        return Slip("sign", where, f"{where} has the wrong sign")
    for other in pairs[0][0].hand:
        if other != name and all(_same(np.asarray(draw.true.get(other)), hand) for draw, hand, _ in pairs):
            return Slip("wrong-operand", where, f"{where} is what d{other} should be: the results are in another order")
    if _holds(pairs, lambda _draw, hand: hand.T) and all(hand.ndim > 1 for _, hand, _ in pairs):
        return Slip("transpose", where, f"{where} is transposed")
    return _factor(pairs, where)


def _factor(pairs: list[tuple[Draw, Any, Any]], where: str) -> Slip | None:
    """One number, or one size (its inverse), times the true gradient."""
    for symbol in pairs[0][0].dims:
        if len({draw.dims[symbol] for draw, _, _ in pairs}) < 2:
            continue
        if _holds(pairs, lambda draw, hand, s=symbol: hand / draw.dims[s]):  # type: ignore[misc]
            return Slip("scale", where, f"{where} has a factor {symbol} too much")
        if _holds(pairs, lambda draw, hand, s=symbol: hand * draw.dims[s]):  # type: ignore[misc]
            return Slip("scale", where, f"{where} lacks a factor {symbol}")
    _, hand, true = max(pairs, key=lambda pair: _size(pair[2]))
    ratio = float(np.real(np.vdot(true, hand) / np.vdot(true, true)))
    for numerator, denominator in ((1, 2), (2, 1), (3, 1), (1, 3), (4, 1), (1, 4), (-2, 1), (-1, 2), (3, 2), (2, 3)):
        if abs(ratio - numerator / denominator) < CLOSE and _holds(pairs, lambda _draw, hand: hand / ratio):
            text = f"{numerator}/{denominator}" if denominator > 1 else f"{numerator} times"
            return Slip("scale", where, f"{where} is {text} {'of ' if denominator > 1 else ''}what it should be")
    return None


def _holds(pairs: list[tuple[Draw, Any, Any]], mend: Callable[[Draw, Any], Any]) -> bool:
    return all(_same(true, mend(draw, hand)) for draw, hand, true in pairs)


def _same(true: Any, mended: Any) -> bool:
    return true.shape == mended.shape and _size(true - mended) <= CLOSE * _size(true)


def _size(x: Any) -> float:
    return float(np.linalg.norm(x)) if x.dtype.kind in "fc" else 0.0
