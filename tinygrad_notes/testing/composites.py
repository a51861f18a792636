"""Softmax, log-softmax and normalisation, recognised by their numbers, then done by halves.

Whatever steps ``f`` takes from z to a, if ``a*(g − Σ g a)`` is what flows back they are a softmax, and the slips that
people make in a softmax can be tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .edits import about, saying, silence
from .fitting import Candidate, Pullbacks
from .tape import Edge, Tape

__all__ = ["composites"]

Axis = int | None


@dataclass(frozen=True, slots=True)
class Spot:
    """What a template sees: the gradient at a, both values, the right gradient at z, the axis and another one."""

    g: Any
    a: Any
    z: Any
    true: Any
    axis: Axis
    other: Axis

    def sum(self, x: Any, axis: Axis | str = "") -> Any:
        """The sum along the composite's axis, or another."""
        return np.sum(x, axis=self.axis if isinstance(axis, str) else axis, keepdims=True)

    def mean(self, x: Any, axis: Axis | str = "") -> Any:
        """The mean along the composite's axis, or another."""
        return np.mean(x, axis=self.axis if isinstance(axis, str) else axis, keepdims=True)

    @property
    def softmax(self) -> Any:
        """The softmax of z."""
        e = np.exp(self.z - np.max(self.z, axis=self.axis, keepdims=True))
        return e / self.sum(e)

    @property
    def spread(self) -> Any:
        """The s of ``(z − mean)/s``."""
        return np.std(self.z, axis=self.axis, keepdims=True) / np.std(self.a, axis=self.axis, keepdims=True)


Template = Callable[[Spot], Any]
Variant = tuple[str, float, Template, str]


@dataclass(frozen=True, slots=True)
class Composite:
    """A composite: the right flow, the formula in words, and its slips."""

    right: Template
    formula: str
    variants: tuple[Variant, ...]


SOFTMAX = Composite(
    lambda s: s.a * (s.g - s.sum(s.g * s.a)),
    "{d} = {a}*(g - sum(g*{a}))",
    (
        ("missing-term", 1.6, lambda s: s.a * (1 - s.a) * s.g, "only the diagonal: every {a} depends on all of {z}"),
        ("missing-term", 1.7, lambda s: s.a * s.g, "the sum is missing"),
        ("missing-local", 1.9, lambda s: s.g - s.sum(s.g * s.a), "the factor {a} is missing"),
        ("missing-local", 2.0, lambda s: s.g, "the derivative of the softmax is missing altogether"),
        ("term-scale", 2.2, lambda s: s.a * (s.g - s.mean(s.g * s.a)), "a mean stands for the sum"),
        ("sign", 2.0, lambda s: s.a * (s.g + s.sum(s.g * s.a)), "the sum has the wrong sign"),
        ("wrong-operand", 2.2, lambda s: s.a * (s.g - s.sum(s.g)), "the sum lacks its factor {a}"),
        ("axis", 1.7, lambda s: s.a * (s.g - s.sum(s.g * s.a, s.other)), "the sum goes over the wrong axis"),
        ("axis", 1.8, lambda s: s.a * (s.g - s.sum(s.g * s.a, None)), "the sum goes over everything"),
    ),
)
LOG_SOFTMAX = Composite(
    lambda s: s.g - s.softmax * s.sum(s.g),
    "{d} = g - softmax*sum(g)",
    (
        ("missing-term", 1.6, lambda s: s.g - s.softmax * s.g, "the sum is missing"),
        ("missing-term", 1.7, lambda s: s.g - s.softmax, "sum(g) is taken for 1"),
        ("sign", 2.0, lambda s: s.g + s.softmax * s.sum(s.g), "the second term has the wrong sign"),
        ("axis", 1.7, lambda s: s.g - s.softmax * s.sum(s.g, s.other), "the sum goes over the wrong axis"),
    ),
)
NORMALISATION = Composite(
    lambda s: (s.g - s.mean(s.g) - s.a * s.mean(s.g * s.a)) / s.spread,
    "{d} = (g - mean(g) - x*mean(g*x))/s",
    (
        ("constant", 1.5, lambda s: s.g / s.spread, "mean and s were treated as constants"),
        ("missing-local", 1.7, lambda s: s.true * s.spread, "the division by s is missing"),
        ("axis", 1.8, lambda s: (s.g - s.mean(s.g, s.other) - s.a * s.mean(s.g * s.a)) / s.spread,
         "mean(g) goes over the wrong axis"),
        ("axis", 1.8, lambda s: (s.g - s.mean(s.g) - s.a * s.mean(s.g * s.a, s.other)) / s.spread,
         "mean(g*x) goes over the wrong axis"),
        ("axis", 1.9, lambda s: (s.g - s.mean(s.g, s.other) - s.a * s.mean(s.g * s.a, s.other)) / s.spread,
         "the means go over the wrong axis"),
    ),
)  # fmt: skip


def composites(tapes: list[Tape]) -> Iterator[Candidate]:
    """The slips of every composite that the graph contains."""
    first = tapes[0]
    for a in first.steps:
        if a.is_leaf or np.ndim(a.value) == 0 or first.grads[a.number] is None or np.iscomplexobj(a.value):
            continue
        for z in _same_shape_below(first, a.number):
            for composite, tolerance in ((SOFTMAX, 1e-9), (LOG_SOFTMAX, 1e-9), (NORMALISATION, 1e-3)):
                axis = _axis_of(composite, first, a.number, z, tolerance)
                if axis is not False:
                    yield from _slips(tapes, composite, a.number, z, axis)


def _same_shape_below(tape: Tape, a: int) -> list[int]:
    """Steps of a's shape from which every path leads through a; not the elementwise neighbours."""
    found = []
    for z in range(a - 1, -1, -1):
        step = tape.steps[z]
        if np.shape(step.value) == np.shape(tape.steps[a].value) and tape.grads[z] is not None and tape.users[z]:
            if _dominated(tape, z, a):
                found.append(z)
            if len(found) == 4:
                break
    return found


def _dominated(tape: Tape, z: int, a: int) -> bool:
    open_, seen = [z], {z}
    while open_:
        for child, _ in tape.users[open_.pop()]:
            if child > a:
                return False
            if child != a and child not in seen:
                seen.add(child)
                open_.append(child)
    return True


def _spot(tape: Tape, a: int, z: int, axis: Axis) -> Spot:
    other = None if axis is None else (1 - axis if axis in (0, 1) and np.ndim(tape.steps[a].value) > 1 else 0)
    return Spot(tape.grads[a], tape.steps[a].value, tape.steps[z].value, tape.grads[z], axis, other)


def _axis_of(composite: Composite, tape: Tape, a: int, z: int, tolerance: float) -> Axis | bool:
    """Along which axis the graph between z and a is this composite; False if it isn't."""
    axes: list[Axis] = [None] if np.ndim(tape.steps[a].value) == 1 else [*range(np.ndim(tape.steps[a].value))]
    for axis in axes:
        spot = _spot(tape, a, z, axis)
        if composite is NORMALISATION and not np.allclose(spot.mean(spot.a), 0, atol=1e-6):
            continue
        flow = composite.right(spot)
        if np.allclose(flow, spot.true, rtol=tolerance, atol=tolerance * 1e-3 * float(np.max(np.abs(spot.true)))):
            return axis
    return False


def _slips(tapes: list[Tape], composite: Composite, a: int, z: int, axis: Axis | bool) -> Iterator[Candidate]:
    tape = tapes[0]
    name, below = tape.label(a), tape.label(z)
    formula = composite.formula.format(d=about(below), a=name)
    for kind, cost, template, words in composite.variants:
        sentence = f"{formula}: {words.format(a=name, z=below)}"
        pullbacks = _replaced(tapes, a, z, template, axis)
        yield Candidate(kind, cost, below, pullbacks, saying(kind, sentence), True, tape.steps[a].line, tape.reach[z])


def _replaced(tapes: list[Tape], a: int, z: int, template: Template, axis: Axis | bool) -> Callable[[Tape], Pullbacks]:
    """All of the flow from a to z replaced by what the template says."""
    first = tapes[0]
    (pa, ta), (pz, tz) = ((first.steps[n].place, first.steps[n].turn) for n in (a, z))

    def made(tape: Tape) -> Pullbacks:
        top, below = tape.at[pa][ta], tape.at[pz][tz]
        flow = template(_spot(tape, top, below, axis))
        edges = tape.users[below]
        found: dict[Edge, Any] = dict.fromkeys(edges, silence)
        found[edges[0]] = lambda _g: flow
        return found

    return made
