"""A compiled program as a picture: `Compiled.graph`, one box for each instruction."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backward import Node
from ..graphs import Graph
from ..graphs.names import Names
from ..rules import BOOK, Op, Parts, Rule
from ..tensor import leaf_node, make_node
from .blocks import Block
from .profile import made_up
from .program import Instruction, Value, replace_values

if TYPE_CHECKING:
    from .compiled import Plan

__all__ = ["graph_of"]


def graph_of(plan: Plan) -> Graph:
    """The graph of a plan, its values computed from those that it was traced with (made-up ones for large arrays)."""
    names = Names()
    nodes: dict[Value, Node] = {}
    for value, sample in zip(plan.program.inputs, plan.samples, strict=True):
        data = np.asarray(made_up(value) if sample is None else sample)[()]
        nodes[value] = leaf_node(data)
        names.of_nodes[nodes[value]] = value.name
    for i in plan.program.instructions:
        for one in i.f.members if isinstance(i.f, Block) else (i,):
            _enter(one, nodes)
    ends = list(dict.fromkeys(nodes[v] for v in plan.program.outputs if isinstance(v, Value) and v in nodes))
    if len(ends) == 1:
        return Graph(ends[0], gradients=False, names=names)
    likes = tuple(node.like for node in ends)
    root = make_node(Op(_rule("results", ""), tuple(range(len(ends))), len(ends)), tuple(ends), likes, Parts(likes))
    return Graph(root, gradients=False, names=names)


@cache
def _rule(name: str, formula: str) -> Rule:
    """A rule that is only drawn."""
    return Rule(_not_called, formula, (lambda _i, g, _y, *_arrays: g,), name=name, elementwise=False, linear="",
                holomorphic=True, variadic=True, domain=(), kinks={}, samples=None)  # fmt: skip


def _not_called(*arrays: Any) -> Any:
    return arrays


def _enter(i: Instruction, nodes: dict[Value, Node]) -> None:
    """Compute an instruction and make its node."""

    def data(value: Value) -> Any:
        return value.data if value.kind == "constant" else nodes[value].like

    with np.errstate(all="ignore"):
        result = i.f(*replace_values(i.args, data), **replace_values(i.kwargs, data))
    entry = BOOK.get(i.f)
    formula = entry.formula if isinstance(entry, Rule) else ""
    operands = list(dict.fromkeys(i.operands))
    tracked = tuple(k for k, v in enumerate(operands) if v in nodes)
    rule = _rule(i.name.lstrip("_"), formula)
    args = tuple(data(v) for v in operands)
    parents = tuple(nodes[operands[k]] for k in tracked)
    if not i.several:
        nodes[i.out] = _node(rule, tracked, args, parents, result)
        return
    whole = _node(rule, tracked, args, parents, Parts(tuple(result)))
    for k, (out, part) in enumerate(zip(i.outs, result, strict=True)):
        nodes[out] = _node(_rule(f"part {k}", ""), (0,), (part,), (whole,), part)


def _node(rule: Rule, which: tuple[int, ...], args: tuple[Any, ...], parents: tuple[Node, ...], y: Any) -> Node:
    if not which:  # made of constants alone
        return leaf_node(np.asarray(y)[()])
    node = make_node(Op(rule, which, len(args)), parents, args, y)
    node.like = y
    return node
