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
from .tape import Edge, Place, Step, Tape

__all__ = ["Site", "about", "graph_edits", "pulling", "saying", "silence", "sites"]

Say = Callable[[Factor, bool], tuple[str, str] | None]


def graph_edits(tapes: list[Tape]) -> Iterator[Candidate]:
    """Every candidate about one edge or one named variable, plain ones first within each family."""
    every = list(sites(tapes))
    for site in every:
        yield from paths(site)
    yield from named_steps(tapes)
    for site in every:
        yield from products(site)
        yield from powers(site)
        yield from matrix_products(site)
        yield from upstreams(site)
    yield from pairs_of_steps(tapes)


# ── where ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Site:
    """One edge of the graph, recognisable on every tape; in a loop all turns of it, or one."""

    slot: int

    def __init__(self, tapes: list[Tape], place: Place, position: int, turn: int | None) -> None:
        self.tapes: list[Tape] = tapes
        self.place: Place = place
        self.position: int = position
        self.turn: int | None = turn
        self.tape: Tape = tapes[0]
        number, self.slot = self.edges(self.tape)[-1]
        self.step: Step = self.tape.steps[number]
        self.parent: Step = self.tape.steps[self.step.parents[self.slot]]
        self.reaches: frozenset[str] = self.tape.reach[self.parent.number]
        self.where: str = self.tape.label(self.parent.number)
        self.line: int | None = self.step.line

    @property
    def rule(self) -> Any:
        """The step's rule."""
        return self.step.node.op.rule

    def edges(self, tape: Tape) -> list[Edge]:
        """The edge on this tape (all turns of it, where the argument is tracked)."""
        numbers = tape.at.get(self.place, [])
        if self.turn is not None:
            numbers = numbers[self.turn : self.turn + 1]
        found = []
        for n in numbers:
            step = tape.steps[n]
            if self.position in step.node.op.which:  # x*x has two edges to x: one derivative
                parent = step.parents[step.node.op.which.index(self.position)]
                found += [(n, slot) for slot, other in enumerate(step.parents) if other == parent]
        return found

    def candidate(
        self, kind: str, cost: float, send: Callable[[Tape, Edge, Any], Any], say: Say, free: bool = True
    ) -> Candidate:
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


def pulling(tape: Tape, edge: Edge) -> Callable[[Any], Any]:
    """The edge's right pullback."""
    return lambda g: tape.pull(edge, g)


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
        seen: set[tuple[int, int]] = set()
        for position in sorted({i for n in numbers for i in first.steps[n].node.op.which}):
            site = Site(tapes, place, position, None)
            if (site.parent.number, site.step.number) in seen:
                continue
            seen.add((site.parent.number, site.step.number))
            yield site
            if 1 < len(numbers) <= 4 and all(len(tape.at[place]) == len(numbers) for tape in tapes):
                for turn, number in enumerate(numbers):
                    if position in first.steps[number].node.op.which:
                        yield Site(tapes, place, position, turn)


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
            return "sign", f"the part of {about(parent)} that comes through {child} has the wrong sign"
        if alone:
            return "scale", f"{about(parent)} has a factor {factor.text} too much"
        return (
            "term-scale",
            f"the part of {about(parent)} that comes through {child} has a factor {factor.text} too much",
        )

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
            return {edge: pulling(tape, edge) for edge in edges}

        def say(factor: Factor, alone: bool, name: str = name) -> tuple[str, str] | None:
            if factor is ONE:
                return None
            if factor.number == 0:
                return "constant", f"{name} was treated as a constant: {about(name)} is missing"
            if factor.number == -1:
                return "sign", f"{about(name)} has the wrong sign"
            kind = "scale" if alone else "term-scale"
            return kind, f"{about(name)} has a factor {factor.text} too much"

        yield Candidate("constant", 1.0, name, pullbacks, say, True, step.line, first.reach[step.number])


def pairs_of_steps(tapes: list[Tape]) -> Iterator[Candidate]:
    """Two named variables, mean and variance say, both treated as constants."""
    first = tapes[0]
    named = [s for s in first.steps if s.name and not s.is_leaf and s.number < len(first.steps) - 1]
    named = [s for s in named if len(first.at[s.place]) == 1 and all(s.place in tape.at for tape in tapes)][:7]
    for i, a in enumerate(named):
        for b in named[i + 1 :]:

            def pullbacks(tape: Tape, places: tuple[Place, Place] = (a.place, b.place)) -> Pullbacks:
                edges = [edge for place in places for edge in tape.users[tape.at[place][0]]]
                return {edge: pulling(tape, edge) for edge in edges}

            def say(factor: Factor, _alone: bool, names: tuple[str, str] = (a.name, b.name)) -> tuple[str, str] | None:
                if factor.number != 0:
                    return None
                return "constant", f"{names[0]} and {names[1]} were treated as constants"

            reaches = first.reach[a.number] | first.reach[b.number]
            yield Candidate("constant", 1.7, a.name, pullbacks, say, True, a.line, reaches)


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
    name = _other_operand(site)
    value = site.step.args[other]
    if not name:
        name = next((key for key, known in site.tape.known.items() if known is value or _equal(known, value)), "")
    if divides and site.position == 1:
        yield from quotients(site)
        return
    binary = np.size(value) > 1 and np.isin(value, (0, 1)).all() and not np.all(value == 1)
    tracked = len(site.step.parents) == 2 and bool(
        site.tape.reach[site.step.parents[1 - site.slot]] & set(site.tape.draw.hand)
    )
    if (np.ndim(value) > 0 or tracked) and not divides:
        what = f"the mask {name}" if binary else f"the factor {name}" if name else "a factor"

        def forgotten(factor: Factor, _alone: bool) -> tuple[str, str] | None:
            if factor.number == 0:
                return None
            scaled = "" if factor is ONE else f" (and a factor {factor.text})"
            return ("mask-missing" if binary else "missing-local"), f"{about(site.where)} lacks {what}{scaled}"

        yield site.candidate("missing-local", 1.5, lambda _tape, _edge, g: g, forgotten)
        if binary:
            yield site.candidate(
                "mask-inverted",
                1.6,
                lambda tape, edge, g: g * (1 - tape.steps[edge[0]].args[other]),
                saying("mask-inverted", f"{about(site.where)} uses the mask {name} the wrong way round"),
            )
        yield site.candidate(
            "extra-local",
            2.5,
            lambda tape, edge, g: g * tape.steps[edge[0]].args[other] ** 2,
            saying("extra-local", f"{about(site.where)} is multiplied by {name or 'the same factor'} twice"),
            False,
        )
    if np.iscomplexobj(value):
        yield site.candidate(
            "conj",
            1.4,
            lambda tape, edge, g: g * tape.steps[edge[0]].args[other],
            saying("conj", f"{about(site.where)} needs the complex conjugate of {name or 'the other factor'}"),
        )
        yield site.candidate(
            "conj",
            1.5,
            lambda tape, edge, g: np.conj(tape.pull(edge, g)),
            saying("conj", f"{about(site.where)} is conjugated where it should not be"),
        )
    for candidate in pool(site.tapes):
        if candidate == name or _equal(site.tape.known[candidate], value):
            continue
        sentence = f"{about(site.where)} uses {candidate} where {name or 'another factor'} belongs"
        yield site.candidate(
            "wrong-operand",
            2.2,
            _divided_by(candidate) if divides else _times(candidate),
            saying("wrong-operand", sentence),
        )


def _other_operand(site: Site) -> str:
    """The label of a product's other tracked operand, "" for a constant."""
    parents = site.step.parents
    return site.tape.label(parents[1 - site.slot]) if len(parents) == 2 and site.slot in (0, 1) else ""


def quotients(site: Site) -> Iterator[Candidate]:
    """``a/b`` with respect to b: the square of b forgotten, or the numerator's part."""
    yield site.candidate(
        "wrong-local",
        1.8,
        lambda tape, edge, g: tape.pull(edge, g) * tape.steps[edge[0]].args[1],
        saying("wrong-local", f"quotient rule: {about(site.where)} is divided by {site.where} once instead of twice"),
    )
    yield site.candidate(
        "wrong-local",
        2.2,
        lambda tape, edge, g: tape.pull(edge, g) / tape.steps[edge[0]].args[1],
        saying(
            "wrong-local", f"quotient rule: {about(site.where)} is divided by {site.where} three times instead of twice"
        ),
    )


def powers(site: Site) -> Iterator[Candidate]:
    """``a**b``: the exponent kept, its factor lost, the logarithm forgotten."""
    if site.step.op not in ("power", "square"):
        return
    d, a = about(site.where), site.where
    squared = site.step.op == "square"

    def made(cost: float, slope: Callable[[Any, Any], Any], sentence: str) -> Candidate:
        def send(tape: Tape, edge: Edge, g: Any) -> Any:
            args = tape.steps[edge[0]].args
            return g * slope(args[0], 2 if squared else args[1])

        return site.candidate("wrong-local", cost, send, saying("wrong-local", sentence))

    if site.position == 0:
        yield made(1.7, lambda a, b: b * a**b, f"power rule: {d} keeps the exponent, it goes down by one")
        yield made(1.8, lambda a, b: b * a ** (b - 2), f"power rule: {d} takes the exponent down by two")
        yield made(1.7, lambda a, b: a ** (b - 1), f"power rule: {d} lacks the exponent as a factor")
    else:
        yield made(1.7, lambda a, b: a**b, f"exponential rule: {d} lacks the logarithm of the base")
        yield made(1.8, lambda a, b: b * a ** (b - 1), f"{d} uses the power rule where {a} is the exponent")
        yield made(
            1.9,
            lambda a, b: a**b * np.log(np.abs(b)),
            f"exponential rule: {d} takes the logarithm of {a}, not of the base",
        )


def _times(name: str) -> Callable[[Tape, Edge, Any], Any]:
    return lambda tape, _edge, g: g * tape.known[name]


def _divided_by(name: str) -> Callable[[Tape, Edge, Any], Any]:
    return lambda tape, _edge, g: g / tape.known[name]


def saying(kind: str, sentence: str) -> Say:
    """Say `sentence`, and the factor if there is one."""

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
    other = _other_operand(site)
    value = site.step.args[1 - site.position]
    if not other:
        other = next((key for key, known in site.tape.known.items() if _equal(known, value)), "the other factor")

    def untransposed(tape: Tape, edge: Edge, g: Any) -> Any:
        b = tape.steps[edge[0]].args[1 if first else 0]
        return g @ b if first else b @ g

    yield site.candidate(
        "transpose", 1.5, untransposed, saying("transpose", f"{about(site.where)} needs {other}.T, not {other}")
    )

    def other_side(tape: Tape, edge: Edge, g: Any) -> Any:
        b = tape.steps[edge[0]].args[1 if first else 0]
        return b.T @ g if first else g @ b.T

    sentence = f"{about(site.where)} multiplies by {other}.T from the wrong side"
    yield site.candidate("wrong-operand", 2.0, other_side, saying("wrong-operand", sentence))
    for candidate in pool(site.tapes):
        if _equal(site.tape.known[candidate], value) or np.ndim(site.tape.known[candidate]) == 0:
            continue
        for turned in (True, False):

            def swapped(tape: Tape, _edge: Edge, g: Any, name: str = candidate, turned: bool = turned) -> Any:
                b = (
                    np.swapaxes(tape.known[name], -1, -2)
                    if turned and np.ndim(tape.known[name]) > 1
                    else tape.known[name]
                )
                return g @ b if first else b @ g

            sentence = f"{about(site.where)} uses {candidate}{'.T' if turned else ''} where {other}.T belongs"
            yield site.candidate("wrong-operand", 2.0 + 0.5 * (not turned), swapped, saying("wrong-operand", sentence))


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

        if _elementwise_above(site.tape, step, site.step.number):
            sentence = f"the local derivative of {name} is missing in {about(site.where)}"
            yield site.candidate("missing-local", 1.9, from_gradient, saying("missing-local", sentence))
        elif not site.tape.steps[step].is_leaf:
            sentence = f"{about(site.where)} uses {about(name)} where {about(above)} belongs"
            yield site.candidate("wrong-operand", 2.1, from_gradient, saying("wrong-operand", sentence))
        sentence = f"{about(site.where)} uses {name} where {about(above)} belongs"
        yield site.candidate("wrong-operand", 2.6, from_value, saying("wrong-operand", sentence))


def _elementwise_above(tape: Tape, high: int, low: int) -> bool:
    """Whether `high` is computed from `low` entry by entry."""
    open_, found = [high], False
    while open_:
        number = open_.pop()
        step = tape.steps[number]
        if number == low:
            found = True
        elif number > low and low in _ancestors(tape, number):
            if not step.node.op.rule.elementwise or np.shape(step.value) != np.shape(tape.steps[low].value):
                return False
            open_ += step.parents
    return found and high != low


def _ancestors(tape: Tape, number: int) -> set[int]:
    open_, seen = [number], set()
    while open_:
        for parent in tape.steps[open_.pop()].parents:
            if parent not in seen:
                seen.add(parent)
                open_.append(parent)
    return seen


def _named(tape: Tape, name: str) -> int | None:
    return next((step.number for step in reversed(tape.steps) if step.name == name), None)


def silence(_g: Any) -> None:
    """Nothing flows."""
    return None
