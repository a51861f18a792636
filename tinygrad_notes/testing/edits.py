"""The slips that one can make in a backward pass, as changes to the right one.

Each family takes the graph and proposes candidates: this path forgotten, this local derivative left out, that operand
in its place, this sum over the wrong axis. `fitting.Evidence` tells which of them gives the user's numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .fitting import ONE, Candidate, Pullbacks
from .scalars import Factor
from .tape import Edge, Place, Tape

__all__ = ["candidates"]

Say = Callable[[Factor, bool], tuple[str, str] | None]


def candidates(tapes: list[Tape]) -> Iterator[Candidate]:
    """Every candidate that the graph suggests, plain ones first within each family."""
    for site in sites(tapes):
        yield from paths(site)
    yield from named_steps(tapes)
    for site in sites(tapes):
        yield from reductions(site)
        yield from products(site)
        yield from matrix_products(site)
        yield from upstreams(site)
        yield from repeated_places(site)
    for stretch in stretches(tapes):
        yield from local_rules(stretch)
    yield from one_turn_only(tapes)
    yield from composites(tapes)


# ── where ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Site:
    """One edge of the graph, recognisable on every tape; in a loop all turns of it, or one."""

    def __init__(self, tapes: list[Tape], place: Place, slot: int, turn: int | None) -> None:
        self.tapes, self.place, self.slot, self.turn = tapes, place, slot, turn
        self.tape = tapes[0]
        number = self.tape.at[place][turn or 0]
        self.step = self.tape.steps[number]
        self.parent = self.tape.steps[self.step.parents[slot]]
        self.reaches = self.tape.reach[self.parent.number]
        self.where = self.tape.label(self.parent.number)
        self.line = self.step.line

    @property
    def rule(self) -> Any:
        """The step's rule."""
        return self.step.node.op.rule

    @property
    def position(self) -> int:
        """Which argument of the step this edge is."""
        return self.step.node.op.which[self.slot]

    def edges(self, tape: Tape) -> list[Edge]:
        """The edge on this tape (all turns of it)."""
        numbers = tape.at.get(self.place, [])
        if self.turn is not None:
            numbers = numbers[self.turn : self.turn + 1]
        return [(n, self.slot) for n in numbers if self.slot < len(tape.steps[n].parents)]

    def candidate(self, kind: str, cost: float, send: Callable[[Tape, Edge, Any], Any], say: Say, free: bool = True) -> Candidate:
        """The candidate that sends ``send(tape, edge, g)`` along this edge."""

        def pullbacks(tape: Tape) -> Pullbacks:
            return {edge: _sender(tape, edge, send) for edge in self.edges(tape)}

        late = 0.0 if self.turn is None else 0.7
        return Candidate(kind, cost + late, self.where, pullbacks, say, free, self.line, self.reaches)


def _sender(tape: Tape, edge: Edge, send: Callable[[Tape, Edge, Any], Any]) -> Callable[[Any], Any]:
    like = tape.steps[tape.steps[edge[0]].parents[edge[1]]].value

    def sent(g: Any) -> Any:
        return laid_out(send(tape, edge, g), like)

    return sent


def laid_out(g: Any, like: Any) -> Any:
    """A gradient in its variable's shape, where broadcasting leads there; summed where it was repeated."""
    shape = np.shape(like)
    if np.shape(g) == shape:
        return g
    extra = np.ndim(g) - len(shape)
    if extra > 0:
        g = g.sum(axis=tuple(range(extra)))
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and np.ndim(g) == len(shape) and np.shape(g)[i] != 1)
    if axes:
        g = g.sum(axis=axes, keepdims=True)
    if np.shape(g) != shape:
        g = np.broadcast_to(g, shape)
    return g


def sites(tapes: list[Tape]) -> Iterator[Site]:
    """Every edge that all tapes have."""
    first = tapes[0]
    for place, numbers in first.at.items():
        if place[0] == "leaf" or not all(place in tape.at for tape in tapes):
            continue
        for slot in range(len(first.steps[numbers[0]].parents)):
            yield Site(tapes, place, slot, None)
            if 1 < len(numbers) <= 4 and all(len(tape.at[place]) == len(numbers) for tape in tapes):
                for turn in range(len(numbers)):
                    yield Site(tapes, place, slot, turn)


def about(name: str) -> str:
    """What a gradient with respect to `name` is called: ``dZ1``."""
    return f"d{name}" if name.isidentifier() else f"d({name})"


# ── one path ─────────────────────────────────────────────────────────────────────────────────────────────────────


def paths(site: Site) -> Iterator[Candidate]:
    """The path forgotten, negated, or scaled."""
    child = site.tape.label(site.step.number)
    parent = site.where

    def say(factor: Factor, alone: bool) -> tuple[str, str] | None:
        if factor is ONE:
            return None
        if factor.number == 0:
            return "missing-term", f"the part of {about(parent)} that comes through {child} is missing"
        if factor.number == -1:
            return "sign", f"the sign of the part of {about(parent)} that comes through {child}"
        if alone:
            return "scale", f"{about(parent)} has a factor {factor.text} too much"
        return "term-scale", f"the part of {about(parent)} that comes through {child} has a factor {factor.text} too much"

    yield site.candidate("term-scale", 1.2, lambda tape, edge, g: tape.pull(edge, g), say)


def named_steps(tapes: list[Tape]) -> Iterator[Candidate]:
    """Everything that flows into one named variable forgotten, negated, or scaled; or used as it is."""
    first = tapes[0]
    for place, numbers in first.at.items():
        step = first.steps[numbers[-1]]
        if not step.name or step.is_leaf or not all(place in tape.at for tape in tapes):
            continue
        name = step.name

        def pullbacks(tape: Tape, place: Place = place) -> Pullbacks:
            edges = [edge for n in tape.at[place] for edge in tape.users[n]]
            return {edge: (lambda g, tape=tape, edge=edge: tape.pull(edge, g)) for edge in edges}

        def say(factor: Factor, alone: bool, name: str = name) -> tuple[str, str] | None:
            if factor is ONE:
                return None
            if factor.number == 0:
                return "constant", f"{name} was treated as a constant: {about(name)} is missing"
            if factor.number == -1:
                return "sign", f"the sign of {about(name)}"
            kind = "scale" if alone else "term-scale"
            return kind, f"{about(name)} has a factor {factor.text} too much"

        yield Candidate("constant", 1.0, name, pullbacks, say, True, step.line, first.reach[step.number])


# ── one operand ──────────────────────────────────────────────────────────────────────────────────────────────────


def pool(tapes: list[Tape]) -> list[str]:
    """Names of arrays and numbers that a wrong operand may come from."""
    first = tapes[0]
    return [name for name in first.known if all(name in tape.known for tape in tapes) and name.isidentifier()]


def products(site: Site) -> Iterator[Candidate]:
    """The other factor of a product or quotient: left out, twice, inverted, or another array in its place."""
    if site.step.op not in ("multiply", "true_divide", "divide") or len(site.step.args) != 2:
        return
    other = 1 - site.position
    divides = site.step.op != "multiply"
    name = site.tape.label(site.step.parents[1 - site.slot]) if len(site.step.parents) == 2 else ""
    value = site.step.args[other]
    if not name:
        name = next((key for key, known in site.tape.known.items() if known is value or _equal(known, value)), "")
    if divides and site.position == 1:
        yield from quotients(site)
        return
    binary = np.size(value) > 1 and np.isin(value, (0, 1)).all() and not np.all(value == 1)
    if np.ndim(value) > 0 and not divides:
        what = f"the mask {name}" if binary else f"the factor {name}" if name else "a factor"

        def forgotten(factor: Factor, _alone: bool) -> tuple[str, str] | None:
            if factor.number == 0:
                return None
            scaled = "" if factor is ONE else f" (and a factor {factor.text})"
            return ("mask-missing" if binary else "missing-local"), f"{about(site.where)} lacks {what}{scaled}"

        yield site.candidate("missing-local", 1.5, lambda _tape, _edge, g: g, forgotten)
        if binary:
            yield site.candidate(
                "mask-inverted", 1.6, lambda tape, edge, g: g * (1 - tape.steps[edge[0]].args[other]),
                _saying("mask-inverted", f"{about(site.where)} uses the mask {name} the wrong way round"))  # fmt: skip
        yield site.candidate(
            "extra-local", 2.5, lambda tape, edge, g: g * tape.steps[edge[0]].args[other] ** 2,
            _saying("extra-local", f"{about(site.where)} is multiplied by {name or 'the same factor'} twice"), False)  # fmt: skip
    if np.iscomplexobj(value):
        yield site.candidate(
            "conj", 1.4, lambda tape, edge, g: g * tape.steps[edge[0]].args[other],
            _saying("conj", f"{about(site.where)} needs the complex conjugate of {name or 'the other factor'}"))  # fmt: skip
        yield site.candidate(
            "conj", 1.5, lambda tape, edge, g: np.conj(tape.pull(edge, g)),
            _saying("conj", f"{about(site.where)} is conjugated where it should not be"))  # fmt: skip
    for candidate in pool(site.tapes):
        if candidate == name or _equal(site.tape.known[candidate], value):
            continue
        sentence = f"{about(site.where)} uses {candidate} where {name or 'another factor'} belongs"
        yield site.candidate(
            "wrong-operand", 2.2, _divided_by(candidate) if divides else _times(candidate), _saying("wrong-operand", sentence))  # fmt: skip


def quotients(site: Site) -> Iterator[Candidate]:
    """``a/b`` with respect to b: the square of b forgotten, or the numerator's part."""
    yield site.candidate(
        "wrong-local", 1.8, lambda tape, edge, g: tape.pull(edge, g) * tape.steps[edge[0]].args[1],
        _saying("wrong-local", f"quotient rule: {about(site.where)} is divided by {site.where} once instead of twice"))  # fmt: skip
    yield site.candidate(
        "wrong-local", 2.2, lambda tape, edge, g: tape.pull(edge, g) / tape.steps[edge[0]].args[1],
        _saying("wrong-local", f"quotient rule: {about(site.where)} is divided by {site.where} three times instead of twice"))  # fmt: skip


def _times(name: str) -> Callable[[Tape, Edge, Any], Any]:
    return lambda tape, _edge, g: g * tape.known[name]


def _divided_by(name: str) -> Callable[[Tape, Edge, Any], Any]:
    return lambda tape, _edge, g: g / tape.known[name]


def _saying(kind: str, sentence: str) -> Say:
    def say(factor: Factor, _alone: bool) -> tuple[str, str] | None:
        if factor.number == 0:
            return None
        return kind, sentence if factor is ONE else f"{sentence}, and has a factor {factor.text} too much"

    return say


def _equal(a: Any, b: Any) -> bool:
    return np.shape(a) == np.shape(b) and bool(np.all(np.asarray(a) == b))


def matrix_products(site: Site) -> Iterator[Candidate]:
    """``g @ B.T``: B not transposed, or another matrix."""
    if site.step.op not in ("matmul", "dot") or len(site.step.args) != 2:
        return
    first = site.position == 0
    other = site.tape.label(site.step.parents[1 - site.slot]) if len(site.step.parents) == 2 else ""
    value = site.step.args[1 - site.position]
    if not other:
        other = next((key for key, known in site.tape.known.items() if _equal(known, value)), "the other factor")

    def untransposed(tape: Tape, edge: Edge, g: Any) -> Any:
        b = tape.steps[edge[0]].args[1 if first else 0]
        return g @ b if first else b @ g

    yield site.candidate("transpose", 1.5, untransposed, _saying("transpose", f"{about(site.where)} needs {other}.T, not {other}"))

    def other_side(tape: Tape, edge: Edge, g: Any) -> Any:
        b = tape.steps[edge[0]].args[1 if first else 0]
        return b.T @ g if first else g @ b.T

    sentence = f"{about(site.where)} multiplies by {other}.T from the wrong side"
    yield site.candidate("wrong-operand", 2.0, other_side, _saying("wrong-operand", sentence))
    for candidate in pool(site.tapes):
        if _equal(site.tape.known[candidate], value) or np.ndim(site.tape.known[candidate]) == 0:
            continue
        for turned in (True, False):

            def swapped(tape: Tape, _edge: Edge, g: Any, name: str = candidate, turned: bool = turned) -> Any:
                b = np.swapaxes(tape.known[name], -1, -2) if turned and np.ndim(tape.known[name]) > 1 else tape.known[name]
                return g @ b if first else b @ g

            sentence = f"{about(site.where)} uses {candidate}{'.T' if turned else ''} where {other}.T belongs"
            yield site.candidate("wrong-operand", 2.0 + 0.5 * (not turned), swapped, _saying("wrong-operand", sentence))


def upstreams(site: Site) -> Iterator[Candidate]:
    """The right step, but with another gradient (or value) coming from above."""
    if not site.parent.is_leaf:
        return
    above = site.tape.label(site.step.number)
    for name in pool(site.tapes):
        step = _named(site.tape, name)
        if step is None or step == site.step.number:
            continue

        def from_gradient(tape: Tape, edge: Edge, g: Any, name: str = name) -> Any:
            number = _named(tape, name)
            assert number is not None
            instead = tape.grads[number]
            if np.shape(instead) != np.shape(g):
                raise ValueError("another shape")
            return tape.pull(edge, instead)

        def from_value(tape: Tape, edge: Edge, g: Any, name: str = name) -> Any:
            instead = tape.known[name]
            if np.shape(instead) != np.shape(g):
                raise ValueError("another shape")
            return tape.pull(edge, instead)

        if not site.tape.steps[step].is_leaf:
            sentence = f"{about(site.where)} uses {about(name)} where {about(above)} belongs"
            yield site.candidate("wrong-operand", 2.1, from_gradient, _saying("wrong-operand", sentence))
        sentence = f"{about(site.where)} uses {name} where {about(above)} belongs"
        yield site.candidate("wrong-operand", 2.6, from_value, _saying("wrong-operand", sentence))


def _named(tape: Tape, name: str) -> int | None:
    return next((step.number for step in reversed(tape.steps) if step.name == name), None)


# ── sums that undo a broadcast ───────────────────────────────────────────────────────────────────────────────────


def reductions(site: Site) -> Iterator[Candidate]:
    """What was repeated forwards is summed backwards: over the right axis."""
    if site.step.op in ("sum", "mean"):
        return
    for number in (n for n, _ in site.edges(site.tape)):
        edge = (number, site.slot)
        if site.tape.grads[number] is None:
            return
        try:
            raw = site.tape.pull_raw(edge, site.tape.grads[number])
        except (ValueError, TypeError):
            return
        if np.shape(raw) == np.shape(site.parent.value) or np.ndim(raw) == 0:
            return
        break
    axes: list[Any] = [*range(np.ndim(raw)), None]
    for axis in axes:
        for keep in (True, False):

            def over(tape: Tape, edge: Edge, g: Any, axis: Any = axis, keep: bool = keep) -> Any:
                like = tape.steps[tape.steps[edge[0]].parents[edge[1]]].value
                summed = np.sum(tape.pull_raw(edge, g), axis=axis, keepdims=keep)
                right = tape.pull(edge, g)
                if np.shape(summed) == np.shape(like) and np.allclose(summed, right):
                    raise ValueError("the right axis")
                return Loose(summed)

            what = "everything" if axis is None else f"axis {axis}"
            sentence = f"{about(site.where)} sums over {what}, not over the axis along which {site.where} was repeated"
            yield _loosely(site, "axis", 1.6, over, sentence)

    def diagonal(tape: Tape, edge: Edge, g: Any) -> Any:
        return np.diagonal(tape.pull_raw(edge, g))

    if np.ndim(raw) == 2:
        sentence = f"{about(site.where)} takes the diagonal where it has to sum over the axis along which {site.where} was repeated"
        yield site.candidate("not-reduced", 2.5, diagonal, _saying("not-reduced", sentence))

    def unsummed(tape: Tape, edge: Edge, g: Any) -> Any:
        return Loose(tape.pull_raw(edge, g))

    sentence = f"{about(site.where)} has to be summed over the axis along which {site.where} was repeated"
    yield _loosely(site, "not-reduced", 1.8, unsummed, sentence)


class Loose:
    """A gradient that may have another shape than its variable, as long as it broadcasts further down."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _loosely(site: Site, kind: str, cost: float, send: Callable[[Tape, Edge, Any], Any], sentence: str) -> Candidate:
    """The candidate whose result keeps its own shape when more steps follow (softmax, normalisation)."""

    def pullbacks(tape: Tape) -> Pullbacks:
        return {edge: _loose_sender(tape, edge, send) for edge in site.edges(tape)}

    late = 0.0 if site.turn is None else 0.7
    return Candidate(kind, cost + late, site.where, pullbacks, _saying(kind, sentence), True, site.line, site.reaches)


def _loose_sender(tape: Tape, edge: Edge, send: Callable[[Tape, Edge, Any], Any]) -> Callable[[Any], Any]:
    parent = tape.steps[tape.steps[edge[0]].parents[edge[1]]]

    def sent(g: Any) -> Any:
        found = send(tape, edge, g).value
        if parent.is_leaf:
            return np.broadcast_to(found, parent.value.shape) if np.ndim(found) == 0 else found
        return found

    return sent


# ── one local rule ───────────────────────────────────────────────────────────────────────────────────────────────


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


def local_rules(stretch: Stretch) -> Iterator[Candidate]:
    """The local derivative left out, taken twice, at the wrong place, or of another function."""
    z, a = stretch.z, stretch.a
    short = 0.15 * (len(stretch.places) - 1) if stretch.name else 0.3 + 0.15 * len(stretch.places)
    late = 0.0 if stretch.turn is None else 0.7

    def made(kind: str, cost: float, factor: Any, sentence: str, free: bool = True) -> Candidate:
        return Candidate(
            kind, cost + short + late, z, stretch.pullbacks(factor), _saying(kind, sentence), free, stretch.line, stretch.reaches
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


def _short(text: str) -> str:
    return text if text.isidentifier() else f"({text})"


def _two_valued(slope: Any) -> bool:
    return np.size(slope) > 2 and len(np.unique(slope)) == 2


def _flipped(_z: Any, _a: Any, slope: Any, _tape: Tape, _turn: int) -> Any:
    low, high = float(np.min(slope)), float(np.max(slope))
    if low == high:
        raise ValueError("nothing to flip here")
    return low + high - slope


# ── places that are hit twice, turns of a loop ───────────────────────────────────────────────────────────────────


def repeated_places(site: Site) -> Iterator[Candidate]:
    """``dE[ids] = …`` where ids repeats."""
    if site.step.op not in ("getitem", "take", "take_along_axis") or len(site.step.args) < 2:
        return

    def overwritten(tape: Tape, edge: Edge, g: Any) -> Any:
        step = tape.steps[edge[0]]
        found = np.zeros_like(step.args[0])
        found[step.args[1]] = g
        right = tape.pull(edge, g)
        if np.allclose(found, right):
            raise ValueError("no repeats")
        return found

    sentence = f"{about(site.where)}: places that occur several times in the index have to be added up (np.add.at)"
    yield site.candidate("accumulate", 1.2, overwritten, _saying("accumulate", sentence), False)


def one_turn_only(tapes: list[Tape]) -> Iterator[Candidate]:
    """``dW = …`` in a loop where ``dW += …`` belongs: one turn's contribution is left."""
    first = tapes[0]
    for name, leaf in first.leaves.items():
        places = {first.steps[n].place for n, _ in first.users[leaf]}
        for place in sorted(places, key=str):
            if len(first.at[place]) < 2:
                continue
            for keep, which in ((0, "first"), (-1, "last")):

                def pullbacks(tape: Tape, place: Place = place, keep: int = keep, name: str = name) -> Pullbacks:
                    numbers = tape.at[place]
                    spared = numbers[keep]
                    leaf = tape.leaves[name]
                    return {(n, slot): _silence for n, slot in tape.users[leaf] if n in numbers and n != spared}

                sentence = f"d{name} keeps only the {which} step's part: add the parts up (+=)"

                def say(factor: Factor, _alone: bool, sentence: str = sentence) -> tuple[str, str] | None:
                    return ("accumulate", sentence) if factor.number == 0 else None

                yield Candidate(
                    "accumulate", 1.0, name, _identity_on(pullbacks), say, True, first.steps[first.at[place][0]].line,
                    frozenset([name]))  # fmt: skip


def _silence(_g: Any) -> None:
    return None


def _identity_on(pullbacks: Callable[[Tape], Pullbacks]) -> Callable[[Tape], Pullbacks]:
    """The same edges, with the right pullbacks: the fitted factor then says how much of them is there."""

    def made(tape: Tape) -> Pullbacks:
        return {edge: (lambda g, edge=edge: tape.pull(edge, g)) for edge in pullbacks(tape)}

    return made


# ── softmax and normalisation ────────────────────────────────────────────────────────────────────────────────────


def composites(tapes: list[Tape]) -> Iterator[Candidate]:
    """Softmax, log-softmax and normalisation, recognised by their numbers, then done by halves."""
    first = tapes[0]
    for a in first.steps:
        if a.is_leaf or np.ndim(a.value) == 0 or first.grads[a.number] is None or not a.place[0]:
            continue
        for z in _same_shape_below(first, a.number):
            for family in (_softmax, _normalisation, _log_softmax):
                yield from family(tapes, a.number, z)


def _same_shape_below(tape: Tape, a: int) -> list[int]:
    """Steps of a's shape from which every path leads through a."""
    found = []
    for z in range(a - 1, -1, -1):
        step = tape.steps[z]
        if np.shape(step.value) != np.shape(tape.steps[a].value) or tape.grads[z] is None or len(tape.users[z]) == 0:
            continue
        if _dominated(tape, z, a):
            found.append(z)
    return found[:4]


def _dominated(tape: Tape, z: int, a: int) -> bool:
    open_, seen = [z], set()
    while open_:
        n = open_.pop()
        for child, _ in tape.users[n]:
            if child > a:
                return False
            if child != a and child not in seen:
                seen.add(child)
                open_.append(child)
    return True


Template = Callable[[Any, Any, Any], Any]  # (g, a, extra) -> flow


def _replaced(tapes: list[Tape], a: int, z: int, template: Callable[[Tape, int, int], Any]) -> Callable[[Tape], Pullbacks]:
    """All of the flow from a to z replaced by what the template says."""
    first = tapes[0]
    places = [(first.steps[n].place, first.steps[n].turn) for n in (a, z)]

    def made(tape: Tape) -> Pullbacks:
        (pa, ta), (pz, tz) = places
        top, below = tape.at[pa][ta], tape.at[pz][tz]
        flow = template(tape, top, below)
        edges = tape.users[below]
        found: dict[Edge, Any] = {edges[0]: lambda _g: flow}
        for edge in edges[1:]:
            found[edge] = _silence
        return found

    return made


def _axes(value: Any) -> list[Any]:
    return [None] if np.ndim(value) == 1 else [*range(np.ndim(value))]


def _softmax(tapes: list[Tape], a: int, z: int) -> Iterator[Candidate]:
    tape = tapes[0]
    value, g, true = tape.steps[a].value, tape.grads[a], tape.grads[z]
    for axis in _axes(value):
        if not np.allclose(value * (g - np.sum(g * value, axis=axis, keepdims=True)), true, rtol=1e-9, atol=1e-12):
            continue
        name, below = tape.label(a), tape.label(z)
        parts: list[tuple[str, float, Any, str]] = [
            ("missing-term", 1.6, lambda g, s: s * (1 - s) * g, f"{about(below)}: only the diagonal of the softmax; every {name} depends on all of {below}"),
            ("missing-term", 1.7, lambda g, s: s * g, f"{about(below)} = {name}*(g - sum(g*{name})): the sum is missing"),
            ("missing-local", 1.9, lambda g, s: g - np.sum(g * s, axis=axis, keepdims=True), f"{about(below)} lacks the factor {name} of the softmax"),
            ("term-scale", 2.2, lambda g, s: s * (g - np.mean(g * s, axis=axis, keepdims=True)), f"{about(below)} = {name}*(g - sum(g*{name})): a mean stands for the sum"),
            ("sign", 2.0, lambda g, s: s * (g + np.sum(g * s, axis=axis, keepdims=True)), f"{about(below)} = {name}*(g - sum(g*{name})): the sign of the sum"),
            ("wrong-operand", 2.2, lambda g, s: s * (g - np.sum(g, axis=axis, keepdims=True)), f"{about(below)} = {name}*(g - sum(g*{name})): the sum lacks its factor {name}"),
        ]  # fmt: skip
        for other in [*range(np.ndim(value)), None]:
            if other != axis:
                parts.append(("axis", 1.7, lambda g, s, other=other: s * (g - np.sum(g * s, axis=other, keepdims=True)),
                              f"{about(below)} = {name}*(g - sum(g*{name})): the sum goes over the wrong axis"))  # fmt: skip
        yield from _variants(tapes, a, z, parts)
        return


def _log_softmax(tapes: list[Tape], a: int, z: int) -> Iterator[Candidate]:
    tape = tapes[0]
    below_value, g, true = tape.steps[z].value, tape.grads[a], tape.grads[z]
    for axis in _axes(below_value):
        if np.iscomplexobj(below_value):
            return
        p = _softmax_of(below_value, axis)
        if not np.allclose(g - p * np.sum(g, axis=axis, keepdims=True), true, rtol=1e-9, atol=1e-12):
            continue
        below = tape.label(z)
        parts: list[tuple[str, float, Any, str]] = [
            ("missing-term", 1.6, lambda g, _s, p: g - p * g, f"{about(below)} = g - softmax*sum(g): the sum is missing"),
            ("missing-term", 1.7, lambda g, _s, p: g - p, f"{about(below)} = g - softmax*sum(g): sum(g) is taken for 1"),
            ("sign", 2.0, lambda g, _s, p: g + p * np.sum(g, axis=axis, keepdims=True), f"{about(below)} = g - softmax*sum(g): the sign"),
        ]  # fmt: skip
        for other in [*range(np.ndim(below_value)), None]:
            if other != axis:
                parts.append(("axis", 1.7, lambda g, _s, p, other=other: g - p * np.sum(g, axis=other, keepdims=True),
                              f"{about(below)} = g - softmax*sum(g): the sum goes over the wrong axis"))  # fmt: skip
        for kind, cost, template, sentence in parts:

            def flow(t: Tape, top: int, low: int, template: Any = template) -> Any:
                return template(t.grads[top], t.steps[top].value, _softmax_of(t.steps[low].value, axis))

            yield Candidate(kind, cost, below, _replaced(tapes, a, z, flow), _saying(kind, sentence), True, tape.steps[a].line, tape.reach[z])
        return


def _softmax_of(z: Any, axis: Any) -> Any:
    e = np.exp(z - np.max(z, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def _normalisation(tapes: list[Tape], a: int, z: int) -> Iterator[Candidate]:
    """``x̂ = (x − mean)/s``:  dx = (g − mean(g) − x̂ mean(g x̂))/s."""
    tape = tapes[0]
    hat, x, g, true = tape.steps[a].value, tape.steps[z].value, tape.grads[a], tape.grads[z]
    for axis in _axes(hat):
        spread = np.std(x, axis=axis, keepdims=True) / np.maximum(np.std(hat, axis=axis, keepdims=True), 1e-12)

        def whole(g: Any, h: Any, s: Any) -> Any:
            return (g - _mean(g, axis) - h * _mean(g * h, axis)) / s

        if not np.allclose(whole(g, hat, spread), true, rtol=1e-3, atol=1e-4 * np.max(np.abs(true))):
            continue
        if not np.allclose(_mean(hat, axis), 0, atol=1e-6):
            continue
        below = tape.label(z)
        form = f"{about(below)} = (g - mean(g) - x*mean(g*x))/s"
        parts: list[tuple[str, float, Any, str]] = [
            ("missing-local", 1.7, lambda _g, _h, s, t: t * s, f"{form}: the division by s is missing"),
        ]
        for kind, cost, template, sentence in parts:

            def flow(t: Tape, top: int, low: int, template: Any = template) -> Any:
                h, x = t.steps[top].value, t.steps[low].value
                s = np.std(x, axis=axis, keepdims=True) / np.std(h, axis=axis, keepdims=True)
                return template(t.grads[top], h, s, t.grads[low])

            yield Candidate(kind, cost, below, _replaced(tapes, a, z, flow), _saying(kind, sentence), True, tape.steps[a].line, tape.reach[z])
        return


def _mean(x: Any, axis: Any) -> Any:
    return np.mean(x, axis=axis, keepdims=True)


def _variants(tapes: list[Tape], a: int, z: int, parts: list[tuple[str, float, Any, str]]) -> Iterator[Candidate]:
    tape = tapes[0]
    for kind, cost, template, sentence in parts:

        def flow(t: Tape, top: int, _low: int, template: Any = template) -> Any:
            return template(t.grads[top], t.steps[top].value)

        yield Candidate(kind, cost, tape.label(z), _replaced(tapes, a, z, flow), _saying(kind, sentence), True,
                        tape.steps[a].line, tape.reach[z])  # fmt: skip
