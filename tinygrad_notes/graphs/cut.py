"""Why no gradient goes from a result to a Tensor: where the path between them is cut."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backward import LEAF, Node
from ..rules import identity
from ..tensor import Tensor
from .nonfinite import COMPARISONS

if TYPE_CHECKING:
    from .model import Constant, GraphNode, Snapshot
    from .names import Names

__all__ = ["Cut", "find_cut"]

MOST = 30
"""Masks are compared with so many Tensors at most."""


@dataclass(frozen=True)
class Cut:
    """Where the path ends: a sentence, what to do, the operation that reads the plain array."""

    text: str
    advice: str
    node: GraphNode | None = None
    made: Any = None
    """The `Mark` of the last Tensor on the way, where call sites were recorded."""


def find_cut(graph: Snapshot, found: set[Node], x: Tensor, name: str, names: Names) -> Cut:
    """Why `x` is not among the nodes `found` of `graph`.

    Parameters
    ----------
    graph : Snapshot
        Of the result.
    found : set of Node
        The heart's nodes of that graph.
    x : Tensor
    name : str
        How the user calls it.
    names : Names
        The variables around: Tensors between `x` and the cut are found among them.
    """
    if x.node is None:
        return _constant_cut(graph, x, name, names)
    moved = _moved(found, x, name)
    if moved is not None:
        return moved
    on_the_way = _computed_from(x.node, name, x, names)
    cut = _left_the_graph(graph, on_the_way, name) or _compared(graph, on_the_way)
    if cut is not None:
        return cut
    cut = _without_graph(graph, names)
    if cut is not None:
        return cut
    inputs = [node.label for node in graph.nodes if node.is_leaf]
    listed = ", ".join(inputs[:6]) + (" …" if len(inputs) > 6 else "")
    text = f"{graph.root.label} was not computed from {name}: its graph starts at {listed}"
    plain = [constant.name or constant.key for constant in graph.constants[:6]]
    if plain:
        text += f"; plain arrays in it: {', '.join(plain)}"
    return Cut(text, f"use {name} itself where it should count, and compute {graph.root.label} again")


def _constant_cut(graph: Snapshot, x: Tensor, name: str, names: Names) -> Cut:
    origin = next((n for n, t in names.tensors if t.node is not None and t.data is x.data), None)
    user = _reader(graph, _constant_over(graph, x.data))
    if origin is not None:
        text = f"{name} is a constant: it holds the values of {origin}, without its graph (stop_gradient or .data)"
        return Cut(text, f"use {origin} itself", user)
    text = (
        f"{name} is a constant: made with requires_grad=False, under no_grad(), by stop_gradient or from constants only"
    )
    return Cut(
        text, f"make it with Tensor(…), or compute it outside no_grad(), and compute {graph.root.label} again", user
    )


# ── updated in place, or given a name ────────────────────────────────────────────────────────────────────────────


def _moved(found: set[Node], x: Tensor, name: str) -> Cut | None:
    """The handle now stands for a later value: the nearest node of the graph behind it that no Tensor holds."""
    assert x.node is not None
    seen, front = {x.node}, [x.node]
    behind = []
    for node in front:
        for parent in node.parents:
            if parent in found:
                behind.append(parent)
            elif parent not in seen:
                seen.add(parent)
                front.append(parent)
    if not behind or _is_held(max(behind, key=lambda node: node.id)):
        return None
    what = "given a name" if x.node.op.rule is identity else f"updated ({name}[i] = v, {name} += v, {name} = …)"
    text = f"{name} was {what} after the result had been computed: the result depends on the value before"
    return Cut(text, "compute the result again, then call backward()", None, x.node.id)


def _is_held(node: Node) -> bool:
    """Whether a Tensor of the user's still stands for this node."""
    return any(isinstance(holder, Tensor) for holder in gc.get_referrers(node))


# ── values that left the graph ───────────────────────────────────────────────────────────────────────────────────


def _computed_from(start: Node, name: str, x: Tensor, names: Names) -> list[tuple[str, Tensor]]:
    """Variables whose Tensors depend on `start`, the last computed first; one pass over all their graphs."""
    front = [t.node for _, t in names.tensors if t.node is not None]
    seen = set(front)
    for node in front:
        for parent in node.parents:
            if parent not in seen:
                seen.add(parent)
                front.append(parent)
    reached = {start}
    for node in sorted(seen, key=lambda node: node.id):
        if any(parent in reached for parent in node.parents):
            reached.add(node)
    inside = [(n, t) for n, t in names.tensors if t.node in reached and t.node is not start]
    inside.sort(key=lambda entry: -entry[1].node.id if entry[1].node is not None else 0)
    return [*inside, (name, x)]


def _constant_over(graph: Snapshot, data: Any) -> Constant | None:
    """The constant of the graph that is this array, a view of it or an exact copy."""
    for constant in graph.constants:
        value = constant.value
        if value is data:
            return constant
        both = isinstance(value, np.ndarray) and isinstance(data, np.ndarray)
        if both and (np.may_share_memory(value, data) or _is_copy(value, data)):
            return constant
    return None


def _is_copy(value: Any, data: Any) -> bool:
    """Equal, and not by chance: arrays of one number repeated don't count."""
    same = value.dtype == data.dtype and value.shape == data.shape and np.array_equal(value, data)
    return same and bool(np.any(value != value.flat[0]))


def _reader(graph: Snapshot, constant: Constant | None) -> GraphNode | None:
    """The first operation that takes this constant."""
    if constant is None:
        return None
    return next(node for node in graph.nodes if any(c is constant for _, c in graph.constants_of(node)))


def _written(node: GraphNode) -> str:
    """``J = 6g``."""
    return node.formula if node.label == node.formula else f"{node.label} = {node.formula}"


def _left_the_graph(graph: Snapshot, on_the_way: list[tuple[str, Tensor]], name: str) -> Cut | None:
    for last, tensor in on_the_way:
        reader = _reader(graph, _constant_over(graph, tensor.data))
        if reader is None:
            continue
        node = tensor.node
        chain = name if last == name else f"{name} → {last}"
        ways = f"({last}.data, stop_gradient, item)"
        text = f"cut after {chain}: the values of {last} enter {_written(reader)} as a plain array {ways}"
        made = None if node is None or node.op is LEAF else node.id
        return Cut(text, f"use {last} itself there", reader, made)
    return None


def _compared(graph: Snapshot, on_the_way: list[tuple[str, Tensor]]) -> Cut | None:
    """A mask in the graph that is a comparison of one of these Tensors."""
    masks = [c for c in graph.constants if getattr(getattr(c.value, "dtype", None), "kind", "") == "b"]
    for last, tensor in on_the_way[:MOST] if masks else []:
        if tensor.data.dtype.kind != "f":
            continue
        for text, compare in COMPARISONS:
            made = compare(tensor.data)
            for constant in masks:
                if np.array_equal(made, constant.value):
                    reader = _reader(graph, constant)
                    assert reader is not None
                    node = tensor.node
                    return Cut(
                        f"cut at a comparison: {last} enters {_written(reader)} only as the mask {last} {text}, "
                        "and a comparison is a step, without a derivative",
                        f"use a smooth stand-in, e.g. tn.nn.sigmoid({last}), or {last} itself in a branch",
                        reader,
                        None if node is None or node.op is LEAF else node.id,
                    )
    return None


def _without_graph(graph: Snapshot, names: Names) -> Cut | None:
    """A Tensor without a graph among the constants, that isn't a declared constant or a leaf's copy."""
    for name, tensor in names.tensors:
        if tensor.node is None and not hasattr(tensor, "_constant_name"):
            reader = _reader(graph, _constant_over(graph, tensor.data))
            if reader is not None:
                made = "without a graph (computed under no_grad(), or from constants only)"
                text = f"cut at {name}: it enters {_written(reader)} {made}"
                return Cut(text, f"compute {name} outside no_grad()", reader)
    return None
