"""Slips in what is added up: sums over the wrong axis, places hit twice, steps of a loop that are not added."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .edits import Site, about, pulling, saying, silence, sites
from .fitting import Candidate, Pullbacks
from .scalars import Factor
from .tape import Edge, Place, Tape

__all__ = ["sum_edits"]


def sum_edits(tapes: list[Tape]) -> Iterator[Candidate]:
    """Every candidate about sums."""
    yield from one_turn_only(tapes)
    for site in sites(tapes):
        yield from reductions(site)
        yield from repeated_places(site)
        yield from running_sums(site)


def reductions(site: Site) -> Iterator[Candidate]:
    """What was repeated forwards is summed backwards: over the right axis."""
    if site.step.op in ("sum", "mean"):
        return
    edge = site.edges(site.tape)[-1]
    above = site.tape.grads[edge[0]]
    if above is None:
        return
    try:
        raw = site.tape.pull_raw(edge, above)
    except (ValueError, TypeError):
        return
    if np.shape(raw) == np.shape(site.parent.value) or np.ndim(raw) == 0:
        return
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
        sentence = (
            f"{about(site.where)} takes the diagonal where it has to sum over the axis {site.where} was repeated along"
        )
        yield site.candidate("not-reduced", 2.5, diagonal, saying("not-reduced", sentence))

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
    return Candidate(kind, cost + late, site.where, pullbacks, saying(kind, sentence), True, site.line, site.reaches)


def _loose_sender(tape: Tape, edge: Edge, send: Callable[[Tape, Edge, Any], Any]) -> Callable[[Any], Any]:
    parent = tape.steps[tape.steps[edge[0]].parents[edge[1]]]

    def sent(g: Any) -> Any:
        found = send(tape, edge, g).value
        if parent.is_leaf:
            return np.broadcast_to(found, parent.value.shape) if np.ndim(found) == 0 else found
        return found

    return sent


# ── places that are hit twice, turns of a loop ────────────────────────────────────────────────────────────────────


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
    yield site.candidate("accumulate", 1.2, overwritten, saying("accumulate", sentence), False)


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
                    return {(n, slot): silence for n, slot in tape.users[leaf] if n in numbers and n != spared}

                sentence = f"d{name} keeps only the {which} step's part: add the parts up (+=)"

                def say(factor: Factor, _alone: bool, sentence: str = sentence) -> tuple[str, str] | None:
                    return ("accumulate", sentence) if factor.number == 0 else None

                yield Candidate(
                    "accumulate",
                    1.0,
                    name,
                    _identity_on(pullbacks),
                    say,
                    True,
                    first.steps[first.at[place][0]].line,
                    frozenset([name]),
                )


def _identity_on(pullbacks: Callable[[Tape], Pullbacks]) -> Callable[[Tape], Pullbacks]:
    """The same edges, with the right pullbacks: the fitted factor then says how much of them is there."""

    def made(tape: Tape) -> Pullbacks:
        return {edge: pulling(tape, edge) for edge in pullbacks(tape)}

    return made


def running_sums(site: Site) -> Iterator[Candidate]:
    """``cumsum``: its gradient runs from the end."""
    if site.step.op != "cumsum":
        return

    def forwards(tape: Tape, edge: Edge, g: Any) -> Any:
        axis = tape.steps[edge[0]].args[1]
        return np.cumsum(g, axis=axis)

    def half(tape: Tape, edge: Edge, g: Any) -> Any:
        axis = tape.steps[edge[0]].args[1]
        return np.cumsum(np.flip(g, axis), axis=axis)

    for send in (forwards, half):
        sentence = f"{about(site.where)} has to be summed from the end: cumsum of the reversed, reversed"
        yield site.candidate("flip", 1.4, send, saying("flip", sentence), False)
