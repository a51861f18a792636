"""Does this slip explain those wrong numbers? One candidate against several draws.

Let ``t`` be the right gradient, ``u`` the user's. A candidate drops what flows along some edges of the backward pass
(what is left is ``B``) and sends something else, ``R``. It explains the outputs if ``u = B + c R`` on every draw with
one factor ``c`` that has a name (``1/m``, ``2``, ``lam``), and if the right outputs stay right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .scalars import Factor, Symbols
from .tape import Edge, Tape

__all__ = ["Candidate", "Evidence", "Match", "Pullbacks", "close"]

Pullbacks = Mapping[Edge, Callable[[Any], Any]]
TOLERANCE = 1e-7
ONE = Factor("1", "1", 0.0, 1.0)


@dataclass(slots=True)
class Candidate:
    """One slip that might have been made.

    Attributes
    ----------
    kind : str
        One of the report's kinds, where the factor is 1; `say` may choose another for other factors.
    cost : float
        How far-fetched it is: the plainest candidate that fits is reported.
    where : str
        The variable it is about.
    pullbacks : callable
        ``pullbacks(tape)`` gives the changed edges, None where the candidate makes no sense.
    say : callable
        ``say(factor, alone)`` gives (kind, sentence); `alone` tells whether nothing else reaches the outputs.
    free : bool
        Whether a factor other than 1 is allowed.
    """

    kind: str
    cost: float
    where: str
    pullbacks: Callable[[Tape], Pullbacks | None]
    say: Callable[[Factor, bool], tuple[str, str] | None]
    free: bool = True
    line: int | None = None
    reaches: frozenset[str] = frozenset()


@dataclass(slots=True)
class Match:
    """An explanation of some outputs: kind, sentence, the variable and line it is about."""

    kind: str
    text: str
    cost: float
    where: str
    line: int | None
    outputs: tuple[str, ...]
    grads: list[list[Any]] = field(default_factory=list)


def close(a: Any, b: Any, scale: float | None = None) -> bool:
    """Equal up to rounding, never by broadcasting."""
    if np.shape(a) != np.shape(b):
        return False
    size = float(np.linalg.norm(np.ravel(b))) if scale is None else scale
    with np.errstate(all="ignore"):
        return bool(np.linalg.norm(np.ravel(np.asarray(a) - b)) <= TOLERANCE * size + 1e-12)


class Evidence:
    """The tapes of several draws, and what the user's function returned there."""

    def __init__(self, tapes: Sequence[Tape], symbols: Symbols, wrong: Sequence[str], right: Sequence[str]) -> None:
        self.tapes: list[Tape] = list(tapes)
        self.symbols: Symbols = symbols
        self.wrong: tuple[str, ...] = tuple(wrong)
        self.right: tuple[str, ...] = tuple(right)
        self.true: list[dict[str, Any]] = [{name: tape.gradient(name) for name in (*wrong, *right)} for tape in tapes]
        self.hand: list[dict[str, Any]] = [tape.draw.hand for tape in tapes]
        self._dropped: dict[Any, list[Any]] = {}
        self.candidates: list[Candidate] | None = None

    def try_out(self, candidate: Candidate, outputs: Sequence[str], spared: Sequence[str]) -> Match | None:
        """The match, if the candidate explains `outputs` and leaves `spared` alone."""
        if candidate.reaches and (
            not candidate.reaches.issuperset(outputs) or not candidate.reaches.isdisjoint(spared)
        ):
            return None
        factors, alone, kept = [], True, []
        for k, tape in enumerate(self.tapes):
            found = self._fit(candidate, tape, k, outputs, spared)
            if found is None:
                return None
            c, left_over, grads = found
            factors.append(c)
            alone = alone and not left_over
            kept.append(grads)
        factor = self._named(factors)
        if factor is None or (factor is not ONE and not candidate.free and factor.number != 0):
            return None
        said = candidate.say(factor, alone)
        if said is None:
            return None
        kind, text = said
        odd = 0.0 if factor is ONE or kind in ("scale", "term-scale", "sign", "missing-term", "constant") else 0.6
        cost = candidate.cost + factor.cost + odd
        return Match(kind, text, cost, candidate.where, candidate.line, tuple(outputs), kept)

    def _named(self, factors: list[float]) -> Factor | None:
        c = np.array(factors)
        if np.all(np.abs(c) < 1e-7):
            return Factor("0", "", 0.2, 0.0)
        if np.all(np.abs(c - 1) < 1e-7):
            return ONE
        return self.symbols.factor(factors)

    def _fit(
        self, candidate: Candidate, tape: Tape, k: int, outputs: Sequence[str], spared: Sequence[str]
    ) -> tuple[float, bool, list[Any]] | None:
        with np.errstate(all="ignore"):
            try:
                pullbacks = candidate.pullbacks(tape)
                if not pullbacks:
                    return None
                base = self._without(tape, pullbacks)
                edited = tape.backward(pullbacks)
            except (ValueError, IndexError, TypeError, ZeroDivisionError, np.linalg.LinAlgError):
                return None  # the shapes of this candidate do not go together
            parts, wanted, scale = [], [], 0.0
            for name in outputs:
                hand, true = self.hand[k][name], self.true[k][name]
                without, with_ = tape.gradient(name, base), tape.gradient(name, edited)
                if np.shape(with_) != np.shape(hand) or np.shape(without) != np.shape(hand):
                    return None
                parts.append(np.ravel(with_ - without))
                wanted.append(np.ravel(hand - without))
                scale += float(np.linalg.norm(np.ravel(hand))) + float(np.linalg.norm(np.ravel(true)))
            for name in spared:
                if not close(tape.gradient(name, edited), self.true[k][name]):
                    return None
            r, d = np.concatenate(parts), np.concatenate(wanted)
            size = float(np.real(np.vdot(r, r)))
            if not np.isfinite(size) or size <= 1e-24 * scale**2 or not np.all(np.isfinite(d)):
                return None
            c = float(np.real(np.vdot(r, d))) / size
            if np.linalg.norm(d - c * r) > TOLERANCE * scale:
                return None
            left_over = any(
                np.linalg.norm(np.ravel(tape.gradient(name, base)))
                > 1e-9 * np.linalg.norm(np.ravel(self.true[k][name]))
                for name in outputs
            )
            return c, left_over, edited

    def _without(self, tape: Tape, pullbacks: Pullbacks) -> list[Any]:
        """The backward pass with those edges cut."""
        key = (id(tape), frozenset(pullbacks))
        if key not in self._dropped:
            cut = dict.fromkeys(pullbacks, _nothing)
            self._dropped[key] = tape.backward(cut)
        return self._dropped[key]


def _nothing(_g: Any) -> None:
    return None
