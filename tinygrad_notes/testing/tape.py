"""A traced cost laid out flat, so that its backward pass can be run again with one step done differently.

The steps of one run of ``f`` in the order they were computed, each with its value, the user's name for it, and one
pullback per edge. ``tape.backward()`` is the right backward pass; ``tape.backward({edge: another pullback})`` is the
pass of somebody who made a slip at that edge.
"""

from __future__ import annotations

import linecache
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backward import LEAF, Node, fit, gather
from ..recording import call_sites
from ..rules import Parts
from ..tensor import Tensor
from .draws import Draw, named_leaves
from .subject import Subject, copied, draw_with, widened
from .watch import Watch

if TYPE_CHECKING:
    from ..graphs import Graph

__all__ = ["Edge", "Place", "Step", "Tape"]

Place = tuple[Any, ...]
"""Where in the user's code a step comes from; the same for every draw, whatever its sizes."""

Edge = tuple[int, int]
"""Step number and which of its tracked inputs."""


@dataclass(slots=True)
class Step:
    """One operation of the cost.

    Attributes
    ----------
    number : int
        Its position on the tape.
    value : array
        Its result.
    args : tuple
        Its arguments, all as values.
    parents : tuple of int
        The steps its tracked arguments come from.
    name : str
        The user's variable, or "".
    place : tuple
        Code position, and the position among the steps recorded there.
    turn : int
        How often this place had come up before.
    line : int or None
        The user's line.
    """

    number: int
    node: Node
    value: Any
    args: tuple[Any, ...]
    parents: tuple[int, ...]
    place: Place
    turn: int
    line: int | None
    name: str = ""
    names: list[str] = field(default_factory=list)

    @property
    def op(self) -> str:
        """The function's name."""
        return self.node.op.name

    @property
    def is_leaf(self) -> bool:
        """Whether it is an input of the cost."""
        return self.node.op is LEAF


class Tape:
    """One run of the cost at one draw."""

    def __init__(self, subject: Subject, draw: Draw) -> None:
        self.draw: Draw = draw
        self.f: Callable[..., Any] = subject.f
        inputs = copied(widened(draw.inputs))
        leaves = {name: Tensor(x, name=name) for name, x in named_leaves(inputs).items() if _is_float(x)}
        self.constants: dict[str, Any] = {name: x for name, x in named_leaves(inputs).items() if name not in leaves}
        watch = Watch()
        with np.errstate(all="ignore"), call_sites(), watch:
            result = subject._apply(subject.f, draw_with(inputs, leaves))
        if not isinstance(result, Tensor) or result.node is None:
            raise ValueError("the cost does not depend on its inputs")
        self.steps: list[Step] = []
        self._number: dict[Node, int] = {}
        self._lay_out(result.node, leaves)
        self._name_steps(watch, leaves)
        self.known: dict[str, Any] = {name: x for name, x in self.constants.items() if _is_number(x)}
        for step in self.steps:
            if step.name:
                self.known[step.name] = step.value
        for a in watch.assigned:
            if not isinstance(a.value, Tensor) and a.name not in self.known and _is_float(a.value):
                self.known[a.name] = a.value
        self.users: list[list[Edge]] = [[] for _ in self.steps]
        for step in self.steps:
            for slot, parent in enumerate(step.parents):
                self.users[parent].append((step.number, slot))
        self.at: dict[Place, list[int]] = defaultdict(list)
        for step in self.steps:
            self.at[step.place].append(step.number)
        self.reach: list[frozenset[str]] = self._reachable()
        self.default: dict[Edge, Any] = {}
        self.grads: list[Any] = self.backward(keep=self.default)

    def _lay_out(self, root: Node, leaves: Mapping[str, Tensor]) -> None:
        order, _, _ = gather(root)
        unused = [t.node for t in leaves.values() if t.node is not None and t.node not in set(order)]
        turns: dict[Place, int] = defaultdict(int)
        position, before = 0, None
        for node in [*unused, *order]:
            mark = node.id
            site = (getattr(mark, "code", None), getattr(mark, "lasti", -1))
            position = position + 1 if site == before and site[0] is not None else 0
            before = site
            place: Place = ("leaf", node.name) if node.op is LEAF else (*site, position, node.op.name)
            parents = tuple(self._number[p] for p in node.parents)
            args = list(node.args)
            for i, parent in zip(node.op.which, parents, strict=True):
                args[i] = self.steps[parent].value
            value = node.like if node.op is LEAF else self._value(node, args)
            step = Step(
                len(self.steps), node, value, tuple(args), parents, place, turns[place], getattr(mark, "line", None)
            )
            turns[place] += 1
            self._number[node] = step.number
            self.steps.append(step)

    @staticmethod
    def _value(node: Node, args: list[Any]) -> Any:
        with np.errstate(all="ignore"):
            value = node.op.forward(*args)
        if type(value) is tuple:
            return Parts(value)
        return value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value

    def _name_steps(self, watch: Watch, leaves: Mapping[str, Tensor]) -> None:
        for name, t in leaves.items():
            assert t.node is not None
            step = self.steps[self._number[t.node]]
            step.name, step.names = name, [name]
        for a in watch.assigned:
            if isinstance(a.value, Tensor) and a.value.node in self._number:
                step = self.steps[self._number[a.value.node]]
                step.names.append(a.name)
                step.name = step.name or a.name

    def graph(self) -> Graph:
        """The picture of the cost at this draw, with its gradients."""
        from ..graphs import graph

        return graph(self.f, *copied(widened(self.draw.inputs)).values(), gradients=True, unnamed=False)

    def _reachable(self) -> list[frozenset[str]]:
        """The inputs that each step depends on."""
        found: list[frozenset[str]] = []
        for step in self.steps:
            own = frozenset([step.name]) if step.is_leaf else frozenset()
            found.append(own.union(*(found[parent] for parent in step.parents)))
        return found

    def label(self, number: int) -> str:
        """The user's name for a step, else the user's own expression, else the function's name."""
        step = self.steps[number]
        if step.name:
            return step.name
        mark = step.node.id
        return expression(getattr(mark, "code", None), getattr(mark, "lasti", -1)) or step.op

    @property
    def leaves(self) -> dict[str, int]:
        """The inputs' step numbers by name."""
        return {step.name: step.number for step in self.steps if step.is_leaf}

    def pull(self, edge: Edge, g: Any) -> Any:
        """What gradient `g` at the edge's step gives to its parent."""
        raw = self.pull_raw(edge, g)
        parent = self.steps[self.steps[edge[0]].parents[edge[1]]]
        return raw if type(raw) is Parts else fit(raw, parent.value)

    def pull_raw(self, edge: Edge, g: Any) -> Any:
        """The same before broadcasting is undone."""
        step = self.steps[edge[0]]
        op = step.node.op
        vjp = op.vjps[edge[1]]
        with np.errstate(all="ignore"):
            if np.iscomplexobj(g) and op.rule.holomorphic:
                return np.conj(vjp(np.conj(g), step.value, *step.args))
            return vjp(g, step.value, *step.args)

    def backward(
        self, changes: Mapping[Edge, Callable[[Any], Any]] | None = None, keep: dict[Edge, Any] | None = None
    ) -> list[Any]:
        """The gradient of every step; `changes` are pullbacks to use instead of the right ones.

        Parameters
        ----------
        changes : dict of edge to callable
            ``change(g)`` returns what goes to the parent, in the parent's shape.
        keep : dict, optional
            Filled with what went along each edge.
        """
        changes = changes or {}
        grads: list[Any] = [None] * len(self.steps)
        last = self.steps[-1]
        grads[-1] = np.ones_like(last.value)
        needs = [keep is not None] * len(self.steps)  # elsewhere than below the changed edges nothing is different
        for edge in changes:
            needs[self.steps[edge[0]].parents[edge[1]]] = True
        for step in reversed(self.steps):
            if needs[step.number]:
                for parent in step.parents:
                    needs[parent] = True
        for number in range(len(self.steps) - 1, -1, -1):
            step = self.steps[number]
            g: Any = None
            if number == len(self.steps) - 1:
                g = grads[-1]
            elif not needs[number]:
                g = self.grads[number]
            else:
                for edge in self.users[number]:
                    part = self._flow(edge, grads, changes, needs)
                    if part is not None:
                        g = part if g is None else g + part
                    if keep is not None:
                        keep[edge] = part
            grads[number] = g
        return grads

    def _flow(self, edge: Edge, grads: list[Any], changes: Mapping[Edge, Any], needs: list[bool]) -> Any:
        above = grads[edge[0]]
        if above is None:
            return None
        if edge in changes:
            return changes[edge](above)
        if not needs[edge[0]] and edge in self.default:
            return self.default[edge]
        return self.pull(edge, above)

    def gradient(self, name: str, grads: list[Any] | None = None) -> Any:
        """The gradient of the named input."""
        number = self.leaves[name]
        g = (grads or self.grads)[number]
        return np.zeros_like(self.steps[number].value) if g is None else g


def expression(code: Any, lasti: int) -> str:
    """The source of the expression that an instruction computes, if it is short and on one line."""
    if code is None or lasti < 0:
        return ""
    first, last, start, end = next(islice(code.co_positions(), lasti // 2, None), (None,) * 4)
    if first is None or first != last or start is None or end is None:
        return ""
    line = linecache.getline(code.co_filename, first).encode()
    text = line[start:end].decode(errors="replace")
    return text if 0 < len(text) <= LONGEST else ""


LONGEST = 32


def _is_float(x: Any) -> bool:
    if isinstance(x, float):
        return True
    return isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in "fc"


def _is_number(x: Any) -> bool:
    return np.asarray(x).dtype.kind in "fciub"
