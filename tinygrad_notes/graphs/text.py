"""A graph as text, for terminals and logs: one line per value, forward; then the gradients, backward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .drawing import derivative, gradient_text
from .formulas import array, number

if TYPE_CHECKING:
    from .model import GraphNode, Snapshot

__all__ = ["derivative_lines", "value_lines", "write_text"]

MOST = 200


def write_text(graph: Snapshot, most: int = MOST) -> str:
    """A table: name and formula, value, gradient, call site; indented by scope.

    Parameters
    ----------
    graph : Snapshot
    most : int
        How many lines at most; the earliest operations are left out.
    """
    rows: list[tuple[str, str, str, str]] = []
    scope: tuple[str, ...] = ()
    formulas = graph.formulas
    nodes = graph.nodes[-most:]
    for node in nodes:
        if node.scope != scope and not node.is_leaf:
            for depth, name in enumerate(node.scope):
                if node.scope[: depth + 1] != scope[: depth + 1]:
                    rows.append(("  " * depth + f"[{name}]", "", "", ""))
            scope = node.scope
        indent = "  " * len(node.scope)
        formula = formulas[node.index]
        label = node.label if not formula or formula == node.label else f"{node.label} = {formula}"
        value = array(node.value) if node.shape is not None else f"{len(node.value)} parts"
        gradient = ""
        if graph.has_gradients and node.gradient is not None and node.shape is not None and not node.is_root:
            gradient = gradient_text(graph, node, node.gradient) if node.name else _short(graph, node)
        rows.append((indent + label, value, gradient, node.place))
    if len(nodes) < len(graph.nodes):
        rows.insert(0, (f"… {len(graph.nodes) - len(nodes):,} earlier values", "", "", ""))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines)


def _short(graph: Snapshot, node: GraphNode) -> str:
    return gradient_text(graph, node, node.gradient)


def value_lines(graph: Snapshot) -> list[str]:
    """``u = bc = 6``, one line per operation in the order of computing."""
    lines = []
    for node in graph.nodes:
        if not node.is_leaf and node.shape is not None:
            formula = graph.formulas[node.index]
            name = f"{node.label} = " if node.label != formula else ""
            lines.append(f"{name}{formula} = {_value(node.value)}")
    return lines


def derivative_lines(graph: Snapshot) -> list[str]:
    """``dJ/dv = 3``, one line per named value: operations from the result back, each with its inputs first."""
    lines = []
    for node in backward_order(graph):
        if node.gradient is not None and node.shape is not None:
            lines.append(f"{derivative(graph, node)} = {_value(node.gradient)}")
    return lines


def backward_order(graph: Snapshot) -> list[GraphNode]:
    """As one works it out by hand: from the result back; the inputs of an operation as they stand in its formula."""
    found: dict[GraphNode, None] = {}
    for node in reversed(graph.nodes):
        for edge in node.inputs:
            if edge.source.name:
                found.setdefault(edge.source)
    return list(found)


def _value(x: object) -> str:
    if getattr(x, "ndim", 0) == 0:
        return number(x)
    size = getattr(x, "size", 0)
    return array(x) if size <= 4 else str(x).replace("\n", " ") if size <= 12 else array(x)
