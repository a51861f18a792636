"""The user's derivation drawn beside the engine's: the same variables at the same height, each with its verdict."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import numpy as np

from ..graphs.drawing import Arrow, Box, Drawing, Row, cut, norm
from ..graphs.formulas import number

if TYPE_CHECKING:
    from ..graphs import Graph
    from .blame import Blame

__all__ = ["side_by_side"]

TINTS = {"right": "module", "wrong": "bad", "because": "heat3"}
WORDS = {"right": "right", "wrong": "the first wrong one", "because": "wrong because of it"}
ENGINE, HAND = ("the engine's",), ("yours",)


def side_by_side(blame: Blame, tree: ast.AST) -> Drawing:
    """Two columns of boxes: the engine's gradients, and the assignments of the user's function.

    Parameters
    ----------
    blame : Blame
        Which of the cost's variables the user's function also has, and how right they are.
    tree : ast.AST
        The user's function.
    """
    assigned = _assignments(tree)
    drawing = Drawing(
        title="Your derivation beside the engine's",
        description="; ".join(str(blame).splitlines()) or "no variable of yours is one of the cost's",
        rankdir="TB",
        groups=[ENGINE, HAND],
    )
    for name, yours in blame.hand.items():
        gradient = next((n.gradient for n in blame.graph.nodes if n.name == name and n.gradient is not None), None)
        rows = [Row(f"d{name}", "title")]
        if gradient is not None:
            size = number(norm(gradient), 4)
            rows.append(Row(f"{np.shape(gradient)}, length {size}" if np.ndim(gradient) else size, "value"))
        tint = TINTS[blame.verdicts[name]]
        drawing.boxes.append(Box(f"e{name}", "op", rows, ENGINE, title=f"d{name} of the engine", tint=tint))
        if yours in assigned:
            drawing.arrows.append(Arrow(f"same{name}", f"e{name}", f"h{yours}", "constant"))
    for name, sources in _flows(blame.graph, list(blame.hand)).items():
        for source in sources:
            drawing.arrows.append(Arrow(f"e{source}to{name}", f"e{source}", f"e{name}", "forward"))
    verdicts = {yours: blame.verdicts[name] for name, yours in blame.hand.items()}
    for name, (expression, used) in assigned.items():
        rows = [Row(name, "title"), Row(cut(expression, 48), "note")]
        if name in verdicts:
            rows.append(Row(WORDS[verdicts[name]], "value"))
        tint = TINTS.get(verdicts.get(name, ""), "")
        drawing.boxes.append(Box(f"h{name}", "op", rows, HAND, title=f"{name} = {expression}", tint=tint))
        for other in sorted(used & set(assigned) - {name}):
            drawing.arrows.append(Arrow(f"h{other}to{name}", f"h{other}", f"h{name}", "forward"))
    return drawing


def _assignments(tree: ast.AST) -> dict[str, tuple[str, set[str]]]:
    """Each variable's last expression and the names it reads; a returned dict's keys count as variables."""
    found: dict[str, tuple[str, set[str]]] = {}
    for node in ast.walk(tree):
        pairs: list[tuple[str, ast.expr]] = []
        if isinstance(node, ast.Assign):
            pairs = [(t.id, node.value) for t in node.targets if isinstance(t, ast.Name)]
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            pairs = [(node.target.id, node.value)]
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.Dict):
            keys = zip(node.value.keys, node.value.values, strict=True)
            pairs = [(str(k.value), v) for k, v in keys if isinstance(k, ast.Constant)]
        for name, value in pairs:
            if not (isinstance(value, ast.Name) and value.id == name):
                used = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
                found[name] = (ast.unparse(value), used | found.get(name, ("", set()))[1])
    return found


def _flows(graph: Graph, names: list[str]) -> dict[str, list[str]]:
    """For each of these variables, the next of them towards the cost: where its gradient comes from."""
    users: dict[str, list[str]] = {}
    for edge in graph.edges:
        users.setdefault(edge.source.key, []).append(edge.target.key)
    named = {node.key: node.name for node in graph.nodes if node.name in names}
    found: dict[str, list[str]] = {}
    for key, name in named.items():
        waiting, seen = list(users.get(key, ())), set()
        while waiting:
            at = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            if at in named:
                found.setdefault(str(name), []).append(str(named[at]))
            else:
                waiting += users.get(at, ())
    return {name: sorted(set(sources)) for name, sources in found.items()}
