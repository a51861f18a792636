"""The first wrong variable: the user's local variables against the graph, by name and by value.

``dZ1`` is compared with the gradient of the cost's ``Z1``, ``A1`` with its value. The notes' dZ leaves out 1/m on
purpose: an intermediate gradient is right up to a positive constant, only an output has to be exact.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .fitting import close
from .outputs import owner
from .tape import Tape
from .watch import Assigned

__all__ = ["FirstWrong", "Verdicts", "judge_variables"]


@dataclass(frozen=True, slots=True)
class FirstWrong:
    """The first variable of the user's function that is wrong.

    Attributes
    ----------
    name : str
        The variable.
    line : int or None
        Where it got its value; None for a lambda.
    source : str
        That line.
    """

    name: str
    line: int | None
    source: str


def readers_of(tree: ast.AST) -> dict[str, set[str]]:
    """Which variables (and keys of the result) each variable goes into, directly or not."""
    direct: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        for targets, value in _bindings(node):
            read = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
            for name in read:
                direct.setdefault(name, set()).update(targets)
    for _ in range(len(direct)):
        grown = {
            name: set().union(into, *(direct.get(other, set()) for other in into)) for name, into in direct.items()
        }
        if grown == direct:
            break
        direct = grown
    return direct


def _bindings(node: ast.AST) -> list[tuple[set[str], ast.expr]]:
    if isinstance(node, ast.Assign):
        return [({name for target in node.targets for name in _bound(target)}, node.value)]
    if isinstance(node, (ast.AugAssign, ast.AnnAssign)) and node.value is not None:
        return [(_bound(node.target), node.value)]
    if isinstance(node, ast.Dict):
        return [({str(k.value)}, v) for k, v in zip(node.keys, node.values, strict=True) if isinstance(k, ast.Constant)]
    return []


def _bound(target: ast.expr) -> set[str]:
    names = {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
    return names | {str(n.value) for n in ast.walk(target) if isinstance(n, ast.Constant) and isinstance(n.value, str)}


@dataclass(slots=True)
class Verdicts:
    """What is known of each variable: ``right``, ``wrong``, or nothing."""

    order: list[Assigned]
    right: dict[str, int]
    wrong: dict[str, int]

    @property
    def first(self) -> tuple[str, int] | None:
        """Name and line of the first wrong variable."""
        for a in self.order:
            if a.name in self.wrong and self.wrong[a.name] == a.line:
                return a.name, a.line
        return None

    def acquit(self, tree: ast.AST, right: Sequence[str]) -> None:
        """Take back what is contradicted: a variable that something right was computed from is not wrong."""
        readers = readers_of(tree)
        for name in list(self.wrong):
            into = readers.get(name, set()) - {name}
            if any(other in self.right or owner(other, right) is not None for other in into):
                del self.wrong[name]

    def settled(self) -> list[int]:
        """Lines that only assign variables known to be right."""
        names: dict[int, set[str]] = {}
        for a in self.order:
            names.setdefault(a.line, set()).add(a.name)
        return [line for line, assigned in names.items() if all(name in self.right for name in assigned)]

    def suspects(self) -> list[int]:
        """Lines between the last variable known to be right and the first wrong one, the latter included."""
        first = self.first
        if first is None:
            return []
        place = next(k for k, a in enumerate(self.order) if (a.name, a.line) == first)
        return [*(a.line for a in self.order[:place] if a.name not in self.right), first[1]]


def judge_variables(tape: Tape, assigned: Iterable[Assigned], wrong: Sequence[str], right: Sequence[str]) -> Verdicts:
    """Compare every variable that has a counterpart in the graph.

    Parameters
    ----------
    tape : Tape
        The cost at the same draw.
    assigned : iterable of Assigned
        The user's assignments, in order.
    wrong, right : sequence of str
        The outputs.
    """
    order = [a for a in assigned if isinstance(a.value, (np.ndarray, np.generic, float)) and np.size(a.value)]
    groups: dict[str, list[Assigned]] = {}
    for a in order:
        groups.setdefault(a.name, []).append(a)
    verdicts = Verdicts(order, {}, {})
    named = {name for step in tape.steps for name in step.names}
    for name, events in groups.items():
        last = events[-1]
        of = owner(name, [*wrong, *right]) if name not in named else None
        if of is not None:
            _judge_output(verdicts, name, events, tape.gradient(of), of in wrong)
            continue
        inner = owner(name, named) if name not in named else None
        if inner is not None:
            _judge_gradient(verdicts, name, events, [tape.grads[s.number] for s in tape.steps if inner in s.names])
        elif name in named:
            _judge_value(verdicts, name, last, tape)
    return verdicts


def _judge_output(verdicts: Verdicts, name: str, events: list[Assigned], true: Any, is_wrong: bool) -> None:
    last = events[-1]
    if not is_wrong or close(np.asarray(last.value), true):
        verdicts.right[name] = last.line
    else:
        verdicts.wrong[name] = last.line


def _judge_gradient(verdicts: Verdicts, name: str, events: list[Assigned], true: list[Any]) -> None:
    true = [t for t in true if t is not None]
    lines: dict[int, bool] = {}
    for a in events:
        if not np.any(a.value):
            continue
        matches = any(proportional(a.value, t) for t in true)
        lines[a.line] = lines.get(a.line, False) or matches
    if not lines:
        return
    if list(lines.values())[-1]:
        verdicts.right[name] = list(lines)[-1]
    elif any(np.shape(a.value) == np.shape(t) for a in events for t in true):
        verdicts.wrong[name] = next(line for line, matches in lines.items() if not matches)


def _judge_value(verdicts: Verdicts, name: str, last: Assigned, tape: Tape) -> None:
    namesakes = [step.value for step in tape.steps if name in step.names]
    if any(close(np.asarray(last.value), step.value) for step in tape.steps):
        verdicts.right[name] = last.line  # perhaps under another name: the user's A before dropout
    elif np.ndim(last.value) > 0 and any(np.shape(last.value) == np.shape(v) for v in namesakes):
        verdicts.wrong[name] = last.line


def proportional(a: Any, b: Any) -> bool:
    """Whether ``a = c b`` with a positive constant c."""
    if np.shape(a) != np.shape(b):
        return False
    size = float(np.real(np.vdot(b, b)))
    c = float(np.real(np.vdot(b, a))) / size if size else 0.0
    return c > 0 and close(np.asarray(a), c * np.asarray(b))
