"""A factor gets a name: 0.25 on four examples and 0.2 on five is ``1/m``.

The sizes of the draw are distinct on purpose, so a factor that follows one of them says which.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np

from .draws import Draw

__all__ = ["Factor", "Symbols", "symbols_of"]

POWERS = (1, -1, 0.5, -0.5, 2, -2)
MANY_SYMBOLS = 14


@dataclass(frozen=True, slots=True)
class Factor:
    """A named factor.

    Attributes
    ----------
    text : str
        As one writes it in code: ``1/m``, ``lam/m``, ``2``, ``sqrt(d)``.
    inverse : str
        1 over it.
    cost : float
        How far-fetched: 0 for a small whole number, 1 for one size, more for products.
    number : float or None
        The value, if it is the same on all draws.
    """

    text: str
    inverse: str
    cost: float
    number: float | None


@dataclass(slots=True)
class Symbols:
    """The sizes and numbers that a factor may be made of, one value per draw."""

    names: list[str]
    values: Any  # (symbols, draws)
    products: list[tuple[list[str], list[float], Any]] | None = None
    table: Any = None

    def factor(self, values: Sequence[float]) -> Factor | None:
        """The plainest name that fits on all draws, None if there is none."""
        c = np.asarray(values, dtype=float)
        if not np.all(np.isfinite(c)) or np.any(c == 0):
            return None
        number = _constant(c)
        if number is not None:
            found = _plain_number(number)
            if found is not None:
                return found
            if len(c) > 1:
                return None
        if self.products is None:
            self.products = self._products()
            self.table = np.array([product for _, _, product in self.products]).reshape(len(self.products), len(c))
        with np.errstate(all="ignore"):
            ratios = c / self.table
            middles = ratios.mean(axis=1, keepdims=True)
            fitting = np.all(np.abs(ratios - middles) <= 1e-8 * np.abs(middles), axis=1)
        best: Factor | None = None
        for k in np.flatnonzero(fitting):
            names, powers, _ = self.products[k]
            plain = _plain_number(float(middles[k, 0]))
            if plain is None or plain.number is None:
                continue
            cost = plain.cost + sum(1.0 + 0.4 * (abs(p) != 1) for p in powers) + 0.5 * (len(names) - 1)
            if best is None or cost < best.cost:
                best = Factor(
                    _written(plain.number, names, powers),
                    _written(1 / plain.number, names, [-p for p in powers]),
                    cost,
                    None,
                )
        return best

    def _products(self) -> list[tuple[list[str], list[float], Any]]:
        found: list[tuple[list[str], list[float], Any]] = []
        with np.errstate(all="ignore"):
            for name, row in zip(self.names, self.values, strict=True):
                for p in POWERS:
                    if p == int(p) or np.all(row > 0):
                        found.append(([name], [float(p)], row**p))
            singles = [entry for entry in found if abs(entry[1][0]) in (1, 2)]
            for a, b in combinations(singles, 2):
                if a[0] != b[0]:
                    found.append((a[0] + b[0], a[1] + b[1], a[2] * b[2]))
            for i, name in enumerate(self.names):  # keep and 1 - keep
                rest = 1 - self.values[i]
                if np.all(np.abs(rest) > 1e-9):
                    found += [([f"(1 - {name})"], [1.0], rest), ([f"(1 - {name})"], [-1.0], 1 / rest)]
                    found.append(([name, f"(1 - {name})"], [1.0, -1.0], self.values[i] / rest))
        return found


def symbols_of(draws: Sequence[Draw], variables: Collection[str] = ()) -> Symbols:
    """Sizes and scalar inputs of these draws, without the `variables` that are differentiated."""
    table: dict[str, list[float]] = {}
    for name in draws[0].dims:
        table[name] = [float(draw.dims[name]) for draw in draws]
    leaves = [draw.leaves for draw in draws]
    if not draws[0].dims:
        seen: set[int] = set()
        for name, value in leaves[0].items():
            for axis, size in enumerate(np.shape(value)):
                if size > 1 and size not in seen:
                    seen.add(size)
                    table[f"{name}.shape[{axis}]"] = [float(np.shape(leaf[name])[axis]) for leaf in leaves]
    for name, value in leaves[0].items():
        if np.ndim(value) == 0 and isinstance(value, (int, float, np.generic)) and np.isrealobj(value):
            table.setdefault(name, [float(leaf[name]) for leaf in leaves])
    names = [name for name in table if name not in variables][:MANY_SYMBOLS]
    usable = [name for name in names if np.all(np.isfinite(table[name])) and np.all(np.asarray(table[name]) != 0)]
    return Symbols(usable, np.array([table[name] for name in usable]).reshape(len(usable), len(draws)))


def _constant(c: Any) -> float | None:
    """The one value, if all are equal to eight digits."""
    middle = float(np.mean(c))
    return middle if np.all(np.abs(c - middle) <= 1e-8 * abs(middle)) else None


def _plain_number(c: float) -> Factor | None:
    """A small whole number or fraction, or a well-known constant."""
    fraction = Fraction(c).limit_denominator(100)
    if fraction != 0 and abs(float(fraction) - c) <= 1e-8 * abs(c):
        n, d = abs(fraction.numerator), fraction.denominator
        if (n <= 12 and d <= 12) or ((n == 1 or d == 1) and max(n, d) <= 100 and d in (1, 10, 16, 20, 25, 50, 100)):
            cost = 0.0 if (n, d) == (1, 1) else 0.3 if n * d == 2 else 0.5 + 0.05 * (n + d)
            return Factor(_fraction(fraction), _fraction(1 / fraction), cost, float(fraction))
    if abs(c - round(c, 4)) <= 1e-9 * abs(c) and round(c, 4) != 0:
        return Factor(f"{round(c, 4):g}", f"1/{round(c, 4):g}", 1.6, c)
    for name, value in (("pi", np.pi), ("sqrt(2)", np.sqrt(2.0)), ("ln(2)", np.log(2.0)), ("ln(10)", np.log(10.0))):
        for scale in (1.0, 2.0, 0.5):
            for power, text, inverse in ((1, name, f"1/{name}"), (-1, f"1/{name}", name)):
                if abs(c - scale * value**power) <= 1e-8 * abs(c) and scale == 1.0:
                    return Factor(text, inverse, 1.5, c)
    return None


def _fraction(f: Fraction) -> str:
    return str(f.numerator) if f.denominator == 1 else f"{f.numerator}/{f.denominator}"


def _written(number: float, names: list[str], powers: Sequence[float]) -> str:
    """``2*lam/m`` from 2, [lam, m], [1, -1]."""
    fraction = Fraction(number).limit_denominator(100)
    exact = abs(float(fraction) - number) <= 1e-8 * abs(number)
    above: list[str] = []
    below: list[str] = []
    for name, p in zip(names, powers, strict=True):
        text = f"sqrt({name})" if abs(p) == 0.5 else name if abs(p) == 1 else f"{name}**2"
        (above if p > 0 else below).append(text)
    lead = fraction.numerator if exact else f"{number:.4g}"
    if lead not in (1, -1) or not above:
        above.insert(0, str(lead))
    elif lead == -1:
        above[0] = f"-{above[0]}"
    if exact and fraction.denominator != 1:
        below.insert(0, str(fraction.denominator))
    if not below:
        return "*".join(above)
    return "*".join(above) + "/" + (below[0] if len(below) == 1 else "(" + "*".join(below) + ")")
