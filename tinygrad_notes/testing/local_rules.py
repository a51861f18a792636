"""One local derivative left out, taken twice, at the wrong place, or of another function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .edits import about, saying, silence
from .fitting import Candidate, Pullbacks
from .tape import Edge, Place, Tape

__all__ = ["Stretch", "local_edits", "stretches"]


class Stretch:
    """The elementwise steps between z and a, through which all of z's influence on a goes.

    ``a = 1/(1 + exp(-z))`` is one local derivative to a reader, whatever the number of steps.
    """

    def __init__(self, tapes: list[Tape], numbers: list[int], z: int, turn: int | None) -> None:
        self.tapes: list[Tape] = tapes
        self.turn: int | None = turn
        tape = tapes[0]
        self.places: list[Place] = [tape.steps[n].place for n in numbers]
        """From a down to the steps next to z."""
        self.z_edge: tuple[int, int] = next(
            (k, tape.steps[n].node.op.which[slot])
            for k, n in reversed(list(enumerate(numbers)))
            for slot, parent in enumerate(tape.steps[n].parents)
            if parent == z
        )
        self.a: str = tape.label(numbers[0])
        self.z: str = tape.label(z)
        self.line: int | None = tape.steps[numbers[0]].line
        self.reaches: frozenset[str] = tape.reach[z]
        self.name: str = tape.steps[numbers[0]].name

    def turns(self, tape: Tape) -> list[int]:
        """The turns of the loop that this is about."""
        return list(range(len(tape.at[self.places[0]]))) if self.turn is None else [self.turn]

    def numbers(self, tape: Tape, turn: int) -> list[int]:
        """The steps from a down, in one turn."""
        return [tape.at[place][turn] for place in self.places]

    def ends(self, tape: Tape, turn: int) -> tuple[int, int]:
        """Step numbers of a and z."""
        numbers = self.numbers(tape, turn)
        k, position = self.z_edge
        step = tape.steps[numbers[k]]
        return numbers[0], step.parents[step.node.op.which.index(position)]

    def edges(self, tape: Tape, turn: int) -> list[Edge]:
        """The edges between a and z."""
        numbers = self.numbers(tape, turn)
        inside = {*numbers, self.ends(tape, turn)[1]}
        return [(n, slot) for n in numbers for slot, parent in enumerate(tape.steps[n].parents) if parent in inside]

    def slope(self, tape: Tape, turn: int) -> Any:
        """The local derivative da/dz, entry by entry."""
        return self.slope_at(tape, turn, None)

    def slope_at(self, tape: Tape, turn: int, z: Any) -> Any:
        """The local derivative, at another point than z's value if one is given."""
        numbers = self.numbers(tape, turn)
        below = self.ends(tape, turn)[1]
        values: dict[int, Any] = {} if z is None else {below: z}
        for n in sorted(numbers):
            step = tape.steps[n]
            args = self._args(tape, n, values)
            values[n] = step.value if z is None else step.node.op.forward(*args)
        gradients: dict[int, Any] = {numbers[0]: np.ones_like(values[numbers[0]])}
        for n in sorted(numbers, reverse=True):
            step = tape.steps[n]
            args = self._args(tape, n, values)
            for slot, parent in enumerate(step.parents):
                if (parent in values or parent == below) and n in gradients:
                    part = step.node.op.vjps[slot](gradients[n], values[n], *args)
                    gradients[parent] = gradients[parent] + part if parent in gradients else part
        return gradients[below]

    def is_constant(self) -> bool:
        """Whether the local derivative is the same number everywhere."""
        tape = self.tapes[0]
        turn = -1 if self.turn is None else self.turn
        slope = self.slope(tape, turn)
        elsewhere = self.slope_at(tape, turn, 1.1 * tape.steps[self.ends(tape, turn)[1]].value)
        return bool(np.all(slope == np.ravel(slope)[0]) and np.allclose(slope, elsewhere, rtol=1e-12))

    @staticmethod
    def _args(tape: Tape, n: int, values: dict[int, Any]) -> list[Any]:
        step = tape.steps[n]
        args = list(step.args)
        for position, parent in zip(step.node.op.which, step.parents, strict=True):
            if parent in values:
                args[position] = values[parent]
        return args

    def pullbacks(self, factor: Callable[[Any, Any, Any, Tape, int], Any]) -> Callable[[Tape], Pullbacks]:
        """Edges that use ``factor(z, a, slope, tape, turn)`` in place of the local derivative."""

        def made(tape: Tape) -> Pullbacks:
            found: dict[Edge, Any] = {}
            for turn in self.turns(tape):
                a, z = self.ends(tape, turn)
                h = factor(tape.steps[z].value, tape.steps[a].value, self.slope(tape, turn), tape, turn)
                if np.shape(h) not in ((), np.shape(tape.steps[z].value)) or not np.all(np.isfinite(h)):
                    raise ValueError("another shape")
                edges = self.edges(tape, turn)
                path = self._path(tape, edges, a, z)
                for edge in edges:
                    found[edge] = silence
                for k, edge in enumerate(path):
                    found[edge] = (lambda g, h=h: g * h) if k == 0 else _same
            return found

        return made

    @staticmethod
    def _path(tape: Tape, edges: list[Edge], a: int, z: int) -> list[Edge]:
        """One way from a down to z."""
        path: list[Edge] = []
        number = z
        while number != a:
            edge = next((n, slot) for n, slot in edges if tape.steps[n].parents[slot] == number)
            path.insert(0, edge)
            number = edge[0]
        return path


def _same(g: Any) -> Any:
    return g


def stretches(tapes: list[Tape]) -> Iterator[Stretch]:
    """From every elementwise step down to each step that all its influence of that shape goes through."""
    first = tapes[0]
    for place, numbers in first.at.items():
        if place[0] == "leaf" or not all(place in tape.at for tape in tapes):
            continue
        turns: list[int | None] = [None]
        if 1 < len(numbers) <= 4 and all(len(tape.at[place]) == len(numbers) for tape in tapes):
            turns += list(range(len(numbers)))
        for inside, z in _regions(first, numbers[-1]):
            regular = all(first.steps[n].turn == len(numbers) - 1 for n in inside) and all(
                len(tape.at.get(first.steps[n].place, [])) == len(tape.at[place]) for tape in tapes for n in inside
            )  # all in one turn of the loop
            if regular and any(first.steps[n].op not in LINEAR for n in inside):
                for turn in turns:
                    yield Stretch(tapes, inside, z, turn)


def _regions(tape: Tape, a: int) -> Iterator[tuple[list[int], int]]:
    """Steps from a down to z, for each z through which everything goes."""
    shape = np.shape(tape.steps[a].value)
    inside: list[int] = []
    frontier = {a}
    while frontier and len(inside) < LONGEST_STRETCH:
        number = max(frontier)
        if len(frontier) == 1 and inside and set(_above(tape, number)) <= set(inside):
            yield list(inside), number
        step = tape.steps[number]
        if step.is_leaf or not step.node.op.rule.elementwise:
            return
        frontier.discard(number)
        inside.append(number)
        frontier |= {p for p in step.parents if np.shape(tape.steps[p].value) == shape}


def _above(tape: Tape, number: int) -> list[int]:
    return [n for n, _ in tape.users[number]]


LONGEST_STRETCH = 10
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
)


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
            kind,
            cost + short + late,
            z,
            stretch.pullbacks(factor),
            saying(kind, sentence),
            free,
            stretch.line,
            stretch.reaches,
        )

    what = f"the local derivative d{a}/d{z}" if a.isidentifier() and z.isidentifier() else f"the derivative of {a}"
    slope = stretch.slope(stretch.tapes[0], -1 if stretch.turn is None else stretch.turn)
    if stretch.is_constant():
        return  # a constant: that is a factor, and factors have their own names
    binary = np.isin(slope, (0, 1)).all() and np.size(slope) > 1
    yield made("missing-local", 1.3, lambda z, _a, _d, _t, _k: np.ones_like(z), f"{what} is missing in {about(z)}")
    yield made("extra-local", 1.5, lambda _z, _a, d, _t, _k: d * d, f"{what} is taken twice in {about(z)}", False)
    if binary or _two_valued(slope):
        yield made("mask-inverted", 1.4, _flipped, f"the mask of {what} is the wrong way round")
    yield made(
        "wrong-local", 1.7, lambda _z, a, _d, t, k: stretch.slope_at(t, k, a), f"{what} is taken at {a} instead of {z}"
    )
    for name, shape in SHAPES:
        written = name.format(a=_short(a), z=_short(z))
        written = written[1:-1] if name in ("{a}", "{z}") and written.startswith("(") else written
        yield made(
            "wrong-local",
            2.0,
            lambda z, a, _d, _t, _k, shape=shape: shape(z, a),
            f"{written} stands where {what} belongs",
        )
    yield made("wrong-local", 2.3, lambda z, _a, d, _t, _k: d * z, f"{what} has a factor {_short(z)} too much")
    yield made("wrong-local", 2.3, lambda _z, a, d, _t, _k: d * a, f"{what} has a factor {_short(a)} too much")
    yield made("wrong-local", 2.3, lambda z, _a, d, _t, _k: d / z, f"{what} lacks a factor {_short(z)}")
    yield made("wrong-local", 2.3, lambda _z, a, d, _t, _k: d / a, f"{what} lacks a factor {_short(a)}")


def one_branch(stretch: Stretch) -> Iterator[Candidate]:
    """The local derivative left out, or taken twice, on the way to one of z's own inputs alone."""
    if stretch.is_constant():
        return
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
            yield Candidate(
                kind,
                (1.8 if extra else 1.6) + late,
                tape.label(parent),
                pullbacks,
                saying(kind, sentence),
                False,
                tape.steps[z].line,
                tape.reach[parent],
            )


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
            if step.op in ("add", "subtract") and tape.steps[parent].op in (
                "add",
                "subtract",
                "matmul",
                "multiply",
                "dot",
            ):
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
        for turn in stretch.turns(tape):
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
