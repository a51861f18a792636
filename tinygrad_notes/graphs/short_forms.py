"""Shorter ways of writing a gradient, found with numbers: kept only where equal on every random draw.

No rule rewrites anything. ``dZ = -(Y / A - (1 - Y) / (1 - A)) / m * A * (1 - A)`` is compared with the forms that
derivations in the notes end in, ``A - Y`` times a number, ``dA * A * (1 - A)``, ``dA * (1 - A**2)``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

__all__ = ["Draws", "shorter"]

HOW_MANY = 3
MOST_NAMES = 12
CLOSE = 1e-9


class Draws:
    """Several runs of the program that is being written, each with other numbers.

    Parameters
    ----------
    inputs : dict
        The program's arguments and their values here.
    """

    def __init__(self, inputs: dict[str, Any], header: str, keep_labels: bool = False) -> None:
        random = np.random.default_rng(0)
        self.runs: list[dict[str, Any]] = []
        for _ in range(HOW_MANY):
            run: dict[str, Any] = {name: moved(value, random, keep_labels) for name, value in inputs.items()}
            exec(header, run)
            self.runs.append(run)

    def execute(self, line: str) -> None:
        """Run one line everywhere; a run that fails is given up."""
        code = compile(line, "<graph.source>", "exec")
        self.runs = [run for run in self.runs if _runs(code, run)]

    def values(self, text: str) -> list[Any]:
        """What an expression is in each run; empty where it can't be computed."""
        code = compile(text, "<graph.source>", "eval")
        found = []
        with np.errstate(all="ignore"):
            for run in self.runs:
                try:
                    found.append(eval(code, run))
                except Exception:
                    return []
        return found


def _runs(code: Any, run: dict[str, Any]) -> bool:
    try:
        with np.errstate(all="ignore"):
            exec(code, run)
    except Exception:
        return False
    return True


def moved(value: Any, random: np.random.Generator, keep_labels: bool = False) -> Any:
    """Other numbers of the same signs near the given ones; for 0/1 labels others in between, or themselves shuffled."""
    if not hasattr(value, "dtype") or value.dtype.kind not in "fiu":
        return value
    x = np.asarray(value)
    if x.size > 1 and np.isin(x, (0, 1)).all():
        return x[..., random.permutation(x.shape[-1])] if keep_labels else random.uniform(0.1, 0.9, x.shape)
    if x.dtype.kind != "f":
        return value
    spread = 0.3
    new = x * np.exp(spread * random.normal(size=x.shape)) + (x == 0) * 0.1 * random.normal(size=x.shape)
    return new.astype(x.dtype)[()]


def shorter(text: str, upstream: str, names: Sequence[str], draws: Draws) -> str | None:
    """A shorter text with the same values on all draws, or None.

    Parameters
    ----------
    text : str
        The gradient as the rules write it.
    upstream : str
        The name of the gradient that it comes from, if it has one.
    names : sequence of str
        Values of the same shape.
    """
    wanted = draws.values(text)
    if len(wanted) < 2 or any(not _is_usable(x) for x in wanted):
        return None
    best: str | None = None
    for candidate, free in _candidates(upstream, names[-MOST_NAMES:]):
        if len(candidate) >= len(best or text):
            continue
        found = draws.values(candidate)
        if len(found) != len(wanted) or any(np.shape(a) != np.shape(b) for a, b in zip(found, wanted, strict=True)):
            continue
        scaled = _scaled(candidate, found, wanted) if free else candidate if _equal(found, wanted) else None
        if scaled is not None and len(scaled) < len(best or text):
            best = scaled
    return best


def _candidates(upstream: str, names: Sequence[str]) -> Iterator[tuple[str, bool]]:
    for k, a in enumerate(names):
        for b in names[k + 1 :]:
            yield f"{a} - {b}", True
    if upstream:
        for a in names:
            yield f"{upstream} * (1 - {a}**2)", False
            yield f"{upstream} * {a} * (1 - {a})", False
            yield f"{upstream} * {a}", False
            yield f"{a} * ({upstream} - np.sum({upstream} * {a}, axis=0, keepdims=True))", False
            yield f"{a} * ({upstream} - np.sum({upstream} * {a}, axis=-1, keepdims=True))", False


def _is_usable(x: Any) -> bool:
    return bool(np.all(np.isfinite(x)) and np.any(x)) if hasattr(x, "dtype") or isinstance(x, float) else False


def _equal(found: Sequence[Any], wanted: Sequence[Any]) -> bool:
    return all(bool(np.all(np.abs(a - b) <= CLOSE * np.max(np.abs(b)))) for a, b in zip(found, wanted, strict=True))


def _scaled(difference: str, found: Sequence[Any], wanted: Sequence[Any]) -> str | None:
    """The difference times the one number that makes it equal, if that is a whole number or one over a whole number."""
    a, b = np.ravel(found[0]), np.ravel(wanted[0])
    k = int(np.argmax(np.abs(a)))
    if a[k] == 0:
        return None
    factor = float(b[k] / a[k])
    if factor < 0:
        left, right = difference.split(" - ")
        difference, factor = f"{right} - {left}", -factor
        found = [-x for x in found]
    up, down = _whole(factor), _whole(1 / factor) if factor else None
    if up is None and down is None:
        return None
    exact = float(up) if up is not None else 1 / float(down or 1)
    if not _equal([exact * x for x in found], wanted):
        return None
    if up == 1:
        return difference
    return f"{up} * ({difference})" if up is not None else f"({difference}) / {down}"


def _whole(x: float) -> int | None:
    n = round(x) if math.isfinite(x) else 0
    return n if 0 < n < 10**7 and abs(x - n) <= CLOSE * n else None
