"""One local derivative left out, taken twice, at the wrong place, or of another function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .edits import about, saying
from .fitting import Candidate, Pullbacks
from .tape import Edge, Place, Tape

__all__ = ["Stretch", "local_edits", "stretches"]

class Stretch:
    """Elementwise steps in a row, from z to a: ``a = 1/(1 + exp(-z))`` is one local derivative."""

    def __init__(self, tapes: list[Tape], places: list[tuple[Place, int]], turn: int | None) -> None:
        self.tapes, self.places, self.turn = tapes, places, turn
        tape = tapes[0]
        a, z = self.ends(tape, turn or 0)
        self.a, self.z = tape.label(a), tape.label(z)
        self.line = tape.steps[a].line
        self.reaches = tape.reach[z]
        self.name = tape.steps[a].name

    def ends(self, tape: Tape, turn: int) -> tuple[int, int]:
        """Step numbers of a and z."""
        a = tape.at[self.places[0][0]][turn]
        last, slot = self.places[-1]
        return a, tape.steps[tape.at[last][turn]].parents[slot]

    def slope(self, tape: Tape, turn: int) -> Any:
        """The local derivative da/dz, entry by entry."""
        a, _ = self.ends(tape, turn)
        g: Any = np.ones_like(tape.steps[a].value)
        for place, slot in self.places:
            g = tape.pull((tape.at[place][turn], slot), g)
        return g

    def slope_at(self, tape: Tape, turn: int, z: Any) -> Any:
        """The same derivative at another point."""
        steps = [(tape.steps[tape.at[place][turn]], slot) for place, slot in reversed(self.places)]
        values, x = [], z
        for step, slot in steps:
            args = list(step.args)
            args[step.node.op.which[slot]] = x
            x = step.node.op.forward(*args)
            values.append((step, slot, args, x))
        g: Any = np.ones_like(x)
        for step, slot, args, y in reversed(values):
            g = step.node.op.vjps[slot](g, y, *args)
        return g

    def pullbacks(self, factor: Callable[[Any, Any, Any, Tape, int], Any]) -> Callable[[Tape], Pullbacks]:
        """Edges that use ``factor(z, a, slope, tape, turn)`` in place of the local derivative."""

        def made(tape: Tape) -> Pullbacks:
            found: dict[Edge, Any] = {}
            turns = range(len(tape.at[self.places[0][0]])) if self.turn is None else [self.turn]
            for turn in turns:
                a, z = self.ends(tape, turn)
                h = factor(tape.steps[z].value, tape.steps[a].value, self.slope(tape, turn), tape, turn)
                if np.shape(h) not in ((), np.shape(tape.steps[z].value)) or not np.all(np.isfinite(h)):
                    raise ValueError("another shape")
                for k, (place, slot) in enumerate(self.places):
                    edge = (tape.at[place][turn], slot)
                    found[edge] = (lambda g, h=h: g * h) if k == 0 else _same
            return found

        return made


def _same(g: Any) -> Any:
    return g


def stretches(tapes: list[Tape]) -> Iterator[Stretch]:
    """From every elementwise step down, as long as one input carries on."""
    first = tapes[0]
    for place, numbers in first.at.items():
        if place[0] == "leaf" or not all(len(tape.at.get(place, [])) > 0 for tape in tapes):
            continue
        turns: list[int | None] = [None]
        if 1 < len(numbers) <= 4 and all(len(tape.at[place]) == len(numbers) for tape in tapes):
            turns += list(range(len(numbers)))
        chain: list[tuple[Place, int]] = []
        number = numbers[0]
        while len(chain) < 8:
            step = first.steps[number]
            if step.is_leaf or not step.node.op.rule.elementwise or len(step.parents) != 1:
                break
            below = first.steps[step.parents[0]]
            if np.shape(below.value) != np.shape(step.value):
                break
            chain.append((step.place, 0))
            nonlinear = any(p[0][-1] not in LINEAR for p in chain)
            regular = all(len(tape.at.get(p, [])) == len(tape.at[place]) for tape in tapes for p, _ in chain)
            if nonlinear and regular:
                for turn in turns:
                    yield Stretch(tapes, list(chain), turn)
            number = below.number


LINEAR = ("negative", "positive", "add", "subtract", "identity", "multiply", "astype")

SHAPES: tuple[tuple[str, Callable[[Any, Any], Any]], ...] = (
    ("{a}", lambda _z, a: a),
    ("{z}", lambda z, _a: z),
    ("1 - {a}", lambda _z, a: 1 - a),
    ("1 - {z}", lambda z, _a: 1 - z),
    ("1 - {a}**2", lambda _z, a: 1 - a * a),
    ("1 - {z}**2", lambda z, _a: 1 - z * z),
    ("1 + {a}**2", lambda _z, a: 1 + a * a),
    ("{a}*(1 - {a})", lambda _z, a: a * (1 - a)),
    ("{z}*(1 - {z})", lambda z, _a: z * (1 - z)),
    ("{a}*(1 + {a})", lambda _z, a: a * (1 + a)),
    ("{a}**2", lambda _z, a: a * a),
    ("{z}**2", lambda z, _a: z * z),
    ("1/{a}", lambda _z, a: 1 / a),
    ("1/{z}", lambda z, _a: 1 / z),
    ("1/{z}**2", lambda z, _a: 1 / z**2),
    ("exp({z})", lambda z, _a: np.exp(z)),
    ("exp(-{z})", lambda z, _a: np.exp(-z)),
    ("log({z})", lambda z, _a: np.log(z)),
    ("sqrt({z})", lambda z, _a: np.sqrt(z)),
    ("cos({z})", lambda z, _a: np.cos(z)),
    ("sin({z})", lambda z, _a: np.sin(z)),
    ("tanh({z})", lambda z, _a: np.tanh(z)),
    ("the derivative of tanh", lambda z, _a: 1 - np.tanh(z) ** 2),
    ("the sigmoid of {z}", lambda z, _a: 1 / (1 + np.exp(-z))),
    ("the sigmoid of -{z}", lambda z, _a: 1 / (1 + np.exp(z))),
    ("the derivative of the sigmoid", lambda z, _a: np.exp(-z) / (1 + np.exp(-z)) ** 2),
    ("({z} > 0)", lambda z, _a: 1.0 * (z > 0)),
    ("({z} < 0)", lambda z, _a: 1.0 * (z < 0)),
    ("sign({z})", lambda z, _a: np.sign(z)),
    ("|{z}|", lambda z, _a: np.abs(z)),
    ("where({z} > 0, 1, 0.01)", lambda z, _a: np.where(z > 0, 1, 0.01)),
)  # fmt: skip


def local_edits(tapes: list[Tape]) -> Iterator[Candidate]:
    """All candidates about local derivatives."""
    for stretch in stretches(tapes):
        yield from local_rules(stretch)
        yield from one_branch(stretch)


def local_rules(stretch: Stretch) -> Iterator[Candidate]:
    """The local derivative left out, taken twice, at the wrong place, or of another function."""
    z, a = stretch.z, stretch.a
    short = 0.15 * (len(stretch.places) - 1) if stretch.name else 0.7 + 0.15 * len(stretch.places)
    late = 0.0 if stretch.turn is None else 0.7

    def made(kind: str, cost: float, factor: Any, sentence: str, free: bool = True) -> Candidate:
        return Candidate(
            kind, cost + short + late, z, stretch.pullbacks(factor), saying(kind, sentence), free, stretch.line, stretch.reaches
        )

    what = f"the local derivative d{a}/d{z}" if a.isidentifier() and z.isidentifier() else f"the derivative of {a}"
    slope = stretch.slope(stretch.tapes[0], stretch.turn or 0)
    binary = np.isin(slope, (0, 1)).all() and np.size(slope) > 1
    yield made("missing-local", 1.3, lambda z, _a, _d, _t, _k: np.ones_like(z), f"{what} is missing in {about(z)}")
    yield made("extra-local", 1.5, lambda _z, _a, d, _t, _k: d * d, f"{what} is taken twice in {about(z)}", False)
    if binary or _two_valued(slope):
        yield made("mask-inverted", 1.4, _flipped, f"the mask of {what} is the wrong way round")
    yield made("wrong-local", 1.7, lambda _z, a, _d, t, k: stretch.slope_at(t, k, a), f"{what} is taken at {a} instead of {z}")
    for name, shape in SHAPES:
        written = name.format(a=_short(a), z=_short(z))
        yield made("wrong-local", 2.0, lambda z, a, _d, _t, _k, shape=shape: shape(z, a), f"{what} is not {written}")
    yield made("wrong-local", 2.3, lambda z, _a, d, _t, _k: d * z, f"{what} has a factor {_short(z)} too much")
    yield made("wrong-local", 2.3, lambda _z, a, d, _t, _k: d * a, f"{what} has a factor {_short(a)} too much")
    yield made("wrong-local", 2.3, lambda z, _a, d, _t, _k: d / z, f"{what} lacks a factor {_short(z)}")
    yield made("wrong-local", 2.3, lambda _z, a, d, _t, _k: d / a, f"{what} lacks a factor {_short(a)}")


def one_branch(stretch: Stretch) -> Iterator[Candidate]:
    """The local derivative left out, or taken twice, on the way to one of z's own inputs alone."""
    tape = stretch.tapes[0]
    _, z = stretch.ends(tape, -1 if stretch.turn is None else stretch.turn)
    what = f"the local derivative of {stretch.a}"
    late = (0.0 if stretch.name else 0.5) + (0.0 if stretch.turn is None else 0.7)
    for path in _branches(tape, z):
        parent = _follow(tape, z, path)
        name = about(tape.label(parent))
        for extra in (False, True):
            kind = "extra-local" if extra else "missing-local"
            sentence = f"{what} is taken twice in {name}" if extra else f"{what} is missing in {name}"
            pullbacks = _branch_pullbacks(stretch, path, extra)
            yield Candidate(kind, (1.8 if extra else 1.6) + late, tape.label(parent), pullbacks, saying(kind, sentence), False,
                            tape.steps[z].line, tape.reach[parent])  # fmt: skip


def _branches(tape: Tape, z: int) -> list[tuple[int, ...]]:
    """Arguments to follow from z, through sums, to each operand of a sum or of a product in it."""
    found: list[tuple[int, ...]] = []
    open_: list[tuple[int, tuple[int, ...]]] = [(z, ())]
    while open_ and len(found) < 10:
        number, path = open_.pop()
        step = tape.steps[number]
        for position, parent in zip(step.node.op.which, step.parents, strict=True):
            longer = (*path, position)
            found.append(longer)
            if step.op in ("add", "subtract") and tape.steps[parent].op in ("add", "subtract", "matmul", "multiply", "dot"):
                open_.append((parent, longer))
    return found


def _follow(tape: Tape, number: int, path: tuple[int, ...]) -> int:
    for position in path:
        step = tape.steps[number]
        number = step.parents[step.node.op.which.index(position)]
    return number


def _branch_pullbacks(stretch: Stretch, path: tuple[int, ...], extra: bool) -> Callable[[Tape], Pullbacks]:
    def made(tape: Tape) -> Pullbacks:
        found: dict[Edge, Any] = {}
        turns = range(len(tape.at[stretch.places[0][0]])) if stretch.turn is None else [stretch.turn]
        for turn in turns:
            _, z = stretch.ends(tape, turn)
            slope = stretch.slope(tape, turn)
            factor = slope if extra else 1 / slope
            try:
                low = _follow(tape, z, path[:-1])
                edge = (low, tape.steps[low].node.op.which.index(path[-1]))
            except ValueError:  # a constant in this turn: h = 0 before the first step
                continue
            if not np.all(np.isfinite(factor)) or np.shape(factor) != np.shape(tape.steps[edge[0]].value):
                raise ValueError("no inverse")
            found[edge] = lambda g, factor=factor, edge=edge: tape.pull(edge, g * factor)
        return found

    return made


def _short(text: str) -> str:
    return text if text.isidentifier() else f"({text})"


def _two_valued(slope: Any) -> bool:
    return np.size(slope) > 2 and len(np.unique(slope)) == 2


def _flipped(_z: Any, _a: Any, slope: Any, _tape: Tape, _turn: int) -> Any:
    if np.iscomplexobj(slope):
        raise ValueError("complex numbers are not ordered")
    low, high = float(np.min(slope)), float(np.max(slope))
    if low == high:
        raise ValueError("nothing to flip here")
    return low + high - slope
