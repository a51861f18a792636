"""Softmax, log-softmax and normalisation, recognised by their numbers, then done by halves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .edits import about, saying, silence
from .fitting import Candidate, Pullbacks
from .tape import Edge, Tape

__all__ = ["composites"]

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
            found[edge] = silence
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
            ("missing-local", 2.0, lambda g, _s: g, f"{about(below)} lacks the derivative of the softmax altogether"),
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

            yield Candidate(kind, cost, below, _replaced(tapes, a, z, flow), saying(kind, sentence), True, tape.steps[a].line, tape.reach[z])
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
        other = next((k for k in range(np.ndim(hat)) if k != axis and axis is not None), None)
        parts: list[tuple[str, float, Any, str]] = [
            ("constant", 1.5, lambda g, _h, s, _t: g / s, f"{form}: mean and s were treated as constants"),
            ("missing-local", 1.7, lambda _g, _h, s, t: t * s, f"{form}: the division by s is missing"),
            ("axis", 1.8, lambda g, h, s, _t: (g - _mean(g, other) - h * _mean(g * h, axis)) / s, f"{form}: mean(g) over the wrong axis"),
            ("axis", 1.8, lambda g, h, s, _t: (g - _mean(g, axis) - h * _mean(g * h, other)) / s, f"{form}: mean(g*x) over the wrong axis"),
            ("axis", 1.9, lambda g, h, s, _t: (g - _mean(g, other) - h * _mean(g * h, other)) / s, f"{form}: means over the wrong axis"),
        ]  # fmt: skip
        for kind, cost, template, sentence in parts:

            def flow(t: Tape, top: int, low: int, template: Any = template) -> Any:
                h, x = t.steps[top].value, t.steps[low].value
                s = np.std(x, axis=axis, keepdims=True) / np.std(h, axis=axis, keepdims=True)
                return template(t.grads[top], h, s, t.grads[low])

            yield Candidate(kind, cost, below, _replaced(tapes, a, z, flow), saying(kind, sentence), True, tape.steps[a].line, tape.reach[z])
        return


def _mean(x: Any, axis: Any) -> Any:
    return np.mean(x, axis=axis, keepdims=True)


def _variants(tapes: list[Tape], a: int, z: int, parts: list[tuple[str, float, Any, str]]) -> Iterator[Candidate]:
    tape = tapes[0]
    for kind, cost, template, sentence in parts:

        def flow(t: Tape, top: int, _low: int, template: Any = template) -> Any:
            return template(t.grads[top], t.steps[top].value)

        yield Candidate(kind, cost, tape.label(z), _replaced(tapes, a, z, flow), saying(kind, sentence), True,
                        tape.steps[a].line, tape.reach[z])  # fmt: skip
