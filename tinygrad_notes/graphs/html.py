"""A page that steps through a graph: values forward, then gradients backward in sort order. One file, no network."""

from __future__ import annotations

import json
import re
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from .drawing import cut, derivative, gradient_text, norm, summary
from .formulas import number
from .scopes import places

if TYPE_CHECKING:
    from .drawing import Box, Drawing
    from .graph import Graph
    from .model import GraphNode

__all__ = ["Player", "steps", "write_html"]

MOST_VIEWS = 4


def write_html(graph: Graph, timeout: float | None = None) -> str:
    """The player's page.

    Parameters
    ----------
    graph : Graph
    timeout : float, optional
        How many seconds each layout may take.
    """
    views = [_view(view, name, timeout) for view, name in _foldings(graph)]
    page = files(__package__).joinpath("player.html").read_text(encoding="utf-8")
    data = json.dumps([view for view, _ in views], ensure_ascii=False).replace("<", "\\u003c")
    pictures = "\n".join(picture for _, picture in views)
    texts = {"@TITLE@": escape(graph.drawing.title), "@DATA@": data, "@PICTURES@": pictures}
    return re.sub("|".join(texts), lambda mark: texts[mark[0]], page)  # in one go: a name may be "@PICTURES@"


def _foldings(graph: Graph) -> list[tuple[Graph, str]]:
    """The same graph folded more and less: drawn beforehand, so that opening a box needs no layout in the browser."""
    deepest = max((len(path) for path in places(graph).values()), default=0)
    if graph.view.level is not None or not deepest:
        return [(graph, "as drawn")]
    levels = range(min(deepest, MOST_VIEWS) + 1)
    names = ["all folded", *(f"{level} level{'s' * (level > 1)} open" for level in levels[1:])]
    return [(graph.with_view(level=level), name) for level, name in zip(levels, names, strict=True)]


def _view(graph: Graph, name: str, timeout: float | None) -> tuple[dict[str, Any], str]:
    drawing = graph.drawing
    svg = graph.to_svg(timeout=timeout)
    identity = svg.split('id="', 1)[1].split('"', 1)[0]
    data = {
        "id": identity,
        "name": name,
        "boxes": [box.key for box in drawing.boxes],
        "arrows": [arrow.key for arrow in drawing.arrows],
        "steps": steps(graph),
        "start": f"{drawing.title}. Step on with → or ▶, play with the space bar.",
        "end": drawing.title + (": every value and every derivative." if graph.has_gradients else ": every value."),
    }
    return data, svg


def steps(graph: Graph) -> list[dict[str, Any]]:
    """What is shown one after the other: each box with the arrows that belong to it, and a sentence.

    Forward a box comes with the arrows that lead to it; backward with those on which its gradient goes on.
    """
    drawing = graph.drawing
    found = [_forward(drawing, box) for box in drawing.boxes]
    found = [step for step in found if step["leaf"]] + [step for step in found if not step["leaf"]]
    if graph.has_gradients and graph.view.direction != "forward":
        found += [step for box in reversed(drawing.boxes) if (step := _backward(graph, drawing, box))]
    return [{key: value for key, value in step.items() if key != "leaf"} for step in found]


def _forward(drawing: Drawing, box: Box) -> dict[str, Any]:
    arrows = [arrow.key for arrow in drawing.arrows if arrow.target == box.key and arrow.kind != "backward"]
    node = _shown_node(box)
    text = box.title
    if node is not None:
        first = node.label if node.is_leaf or node.label == node.formula else f"{node.label} = {cut(node.formula)}"
        text = f"{first} = {summary(node.value)}" if node.shape is not None else first
        if not node.is_leaf:
            text += f"\n{node.op.name}: {node.op.rule.formula}"
            text += f"   {node.place}" if node.place else ""
    return {
        "phase": "forward",
        "box": box.key,
        "arrows": arrows,
        "text": text,
        "leaf": box.kind in ("leaf", "constant"),
    }


def _shown_node(box: Box) -> GraphNode | None:
    return next((node for node in box.members if node.key == box.key), None)


def _backward(graph: Graph, drawing: Drawing, box: Box) -> dict[str, Any] | None:
    node = _shown_node(box)
    arrows = [a.key for a in drawing.arrows if a.target == box.key and a.kind != "constant"]
    if node is None:
        if box.kind != "module":
            return None
        return {"phase": "backward", "box": box.key, "arrows": arrows, "text": box.title, "leaf": False}
    if node.gradient is None or node.shape is None:
        return None
    return {"phase": "backward", "box": box.key, "arrows": arrows, "text": backward_text(graph, node), "leaf": False}


def backward_text(graph: Graph, node: GraphNode) -> str:
    """How a node's gradient comes about: the seed, one product, or the sum at a fan-out."""
    name = derivative(graph, node)
    if node.is_root:
        return f"{name} = {summary(node.gradient)}: the walk back starts here"
    uses = [edge for edge in node.outputs if edge.contribution is not None]
    total = gradient_text(graph, node, node.gradient)
    if len(uses) > 1:
        parts = [
            number(e.contribution) if e.contribution.ndim == 0 else f"|{number(norm(e.contribution), 3)}|" for e in uses
        ]
        where = ", ".join(cut(edge.target.label, 24) for edge in uses)
        return f"{total}\nthe sum of what comes back from {where}: {' + '.join(parts)}"
    edge = uses[0]
    local = edge.local if edge.target.shape == () else None
    if local is not None and edge.target.gradient is not None:
        return (
            f"{total}\n{derivative(graph, edge.target)} · d{edge.target.label}/d{node.label} = "
            f"{number(edge.target.gradient)} · {number(local)}"
        )
    return f"{total}\nfrom {cut(edge.target.label, 24)}, by the rule {edge.target.op.rule.formula}"


class Player:
    """The page inside a notebook's output: an iframe, so that its keys and styles stay its own."""

    def __init__(self, page: str) -> None:
        self.page = page

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(self.page)}" style="width:100%;height:480px;border:1px solid #8884" '
            'title="computation graph, step by step" sandbox="allow-scripts"></iframe>'
        )
