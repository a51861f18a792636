"""`tn.why`: why a gradient is what it is: None, zero, NaN, inf, and where on the way that was decided."""

from __future__ import annotations

import html
import linecache
from collections import deque
from os.path import basename
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backward import gather
from ..errors import BadInputError, user_frame, user_line
from ..recording import Mark
from ..tensor import Tensor
from .cut import Cut, find_cut
from .drawing import View, trouble
from .elements import first_bad, is_finite, place, share, trouble_of
from .formulas import number
from .graph import Graph
from .names import names_of_frame
from .nonfinite import Origin, origin_of_gradient, origin_of_value
from .zero import blocked_by, cancelling, masks_after, zero_cause

if TYPE_CHECKING:
    from .model import GraphEdge, GraphNode

__all__ = ["Why", "why"]

HALF, SOME = 0.5, 0.01
"""A mask that shuts out less than half is not worth a word; where entries are 0, one that shuts out some is."""

MOST = 3
"""So many causes are told; LONGEST steps of a path are written out."""
LONGEST = 12


class Why:
    """The answer of `tn.why`; prints itself.

    Attributes
    ----------
    verdict : str
        ``"ok"``, ``"not computed"`` (fine, but ``backward()`` has not been called), ``"zero"``, ``"nan"``, ``"inf"``,
        ``"no path"`` (the result does not depend on x) or ``"constant"`` (one of the two has no graph).
    text : str
        The explanation.
    advice : str
        What to do; empty where nothing is wrong.
    path : tuple of GraphNode
        From the result to x through the culprit, or from the result to the culprit where x is not reached.
    node : GraphNode or None
        The culprit: the operation at which it happened.
    gradient : array, number or None
        dJ/dx, computed for this answer; None if there is no path.
    origin : Origin or None
        Of a NaN or inf: operation, entry, forward or backward.
    graph : Graph or None
        The graph with `path` marked; draws itself in a notebook.
    """

    def __init__(
        self,
        verdict: str,
        text: str,
        advice: str = "",
        *,
        path: tuple[GraphNode, ...] = (),
        node: GraphNode | None = None,
        gradient: Any = None,
        origin: Origin | None = None,
        graph: Graph | None = None,
        mark: Any = None,
    ) -> None:
        self.verdict: str = verdict
        self.advice: str = advice
        self.path: tuple[GraphNode, ...] = path
        self.node: GraphNode | None = node
        self.gradient: Any = gradient
        self.origin: Origin | None = origin
        self.graph: Graph | None = graph.with_view(highlight=path) if graph is not None else None
        lines = [text, *source_lines(node, mark)]
        if advice:
            lines.append(f"To do: {advice}")
        if len(path) > 1:
            lines.append(f"Path: {path_text(path)}")
        self.text: str = "\n".join(lines)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Why: {self.verdict}>\n{self.text}"

    def _repr_html_(self) -> str:
        head, _, rest = self.text.partition("\n")
        return f"<pre><b>{html.escape(head)}</b>\n{html.escape(rest)}</pre>"


def source_lines(node: GraphNode | None, mark: Any = None) -> list[str]:
    """``  at demo.py:12:  y = np.sqrt(x)`` of the culprit and of what was made last before the cut, if recorded."""
    found = []
    for what in (mark, node.mark if node is not None else None):
        if type(what) is Mark and what.code is not None and what.line is not None:
            text = linecache.getline(what.code.co_filename, what.line).strip()
            line = f"  at {basename(what.code.co_filename)}:{what.line}" + (f":  {text}" if text else "")
            if line not in found:
                found.append(line)
    return found


def path_text(path: tuple[GraphNode, ...]) -> str:
    """``J ← sum(y) ← y ← x``; the middle of a long one left out."""
    labels = [node.label for node in path]
    if len(labels) > LONGEST:
        half = LONGEST // 2
        labels = [*labels[:half], f"… {len(labels) - 2 * half} more …", *labels[-half:]]
    return " ← ".join(labels)


def why(J: Tensor, x: Tensor | None = None) -> Why:
    """Explain why a gradient is None, zero, NaN or inf: the first operation that made it so, and what to do.

    Works with or without ``J.backward()``: it walks the graph itself, and writes no ``grad``. Under `tn.debug` (or
    for a graph recorded there) it also names the line.

    Parameters
    ----------
    J : Tensor
        The result. An array needs ``J.backward(gradient=...)`` first.
    x : Tensor, optional
        The input, or any value on the way. Without it: why `J` itself isn't finite.

    Returns
    -------
    Why
        ``print`` it; ``.verdict``, ``.node``, ``.path``, ``.graph``.

    Raises
    ------
    BadInputError
        If one of them is no Tensor.
    NotScalarError
        If `J` is an array and no cotangent was given.

    Examples
    --------
    >>> import tinygrad_notes as tn
    >>> x = tn.Tensor([4.0, 0.0])
    >>> with np.errstate(invalid="ignore", divide="ignore"):
    ...     J = np.sum(np.where(x > 0, np.sqrt(x), 0.0))
    ...     J.backward()
    >>> print(why(J, x))
    dJ/dx is NaN in 1 of 2 elements, first x[1].
    Made backward through sqrt(x) at x[1] = 0: its slope is not finite there.
    np.where takes its other branch there, but both branches are computed and differentiated, and 0 · inf is NaN.
    To do: choose a safe number first, then the branch:
        safe = np.where(x > 0, x, 1.0)
        np.where(x > 0, np.sqrt(safe), 0)
    Path: J ← where([True, False], sqrt(x), 0) ← sqrt(x) ← x
    """
    for argument in (J, *([] if x is None else [x])):
        if not isinstance(argument, Tensor):
            raise BadInputError(f"tn.why(J, x) takes Tensors, not {type(argument).__name__}.{user_line()}")
    names = names_of_frame(user_frame())
    if J.node is None:
        name = next((n for n, t in names.tensors if t is J), "J")
        text = f"{name} is a constant: nothing tracked leads to it (computed under no_grad(), or from .data?)"
        return Why("constant", text, f"compute {name} from Tensors outside no_grad()")
    if x is None:
        return _why_value(Graph(J.node, gradients=False, names=names))
    found = set(gather(J.node)[1])
    if x.node is None or x.node not in found:
        graph = Graph(J.node, gradients=False, names=names)
        name = x.name or next((n for n, t in names.tensors if t is x), "x")
        return _why_no_path(graph, find_cut(graph, found, x, name, names), name, x)
    graph = Graph(J.node, gradients=True, names=names, view=View(highlight=(x,)))  # type: ignore[arg-type]
    return _why_gradient(graph, graph.view.highlight[0], J, x)


# ── a value ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _why_value(graph: Graph) -> Why:
    root = graph.root
    if is_finite(root.value):
        return Why("ok", f"{root.label} is finite.", path=(root,), graph=graph)
    origin = origin_of_value(root)
    path = _down(root, origin.node)
    text = f"{root.label} is {trouble(root.value)}.\n{_sentence(origin)}"
    return Why(trouble_of(root.value), text, origin.advice, path=path, node=origin.node, origin=origin, graph=graph)


def _sentence(origin: Origin) -> str:
    return f"Made {origin.what}." if not origin.node.is_leaf else f"{origin.what}."


# ── no path ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _why_no_path(graph: Graph, cut: Cut, name: str, x: Tensor) -> Why:
    text = f"No gradient goes from {graph.root.label} to {name}: {cut.text}."
    path = _down(graph.root, cut.node) if cut.node is not None else ()
    verdict = "constant" if x.node is None else "no path"
    return Why(verdict, text, cut.advice, path=path, node=cut.node, graph=graph, mark=cut.made)


# ── a gradient ───────────────────────────────────────────────────────────────────────────────────────────────────


def _why_gradient(graph: Graph, node: GraphNode, J: Tensor, x: Tensor) -> Why:
    verdict = trouble_of(node.gradient)
    answer = {"nan": _why_not_finite, "inf": _why_not_finite, "zero": _why_zero, "ok": _why_ok}[verdict]
    return answer(graph, node, verdict, _state(J, x))


def _state(J: Tensor, x: Tensor) -> str:
    """Why ``x.grad`` is None, if it is."""
    if x.grad is not None:
        return ""
    if J.grad is None:
        return "backward() has not been called on this result"
    return "it was cleared, or x got its handle after backward()"


def _title(graph: Graph, node: GraphNode) -> str:
    return f"d{graph.root.label}/d{node.label}"


def _why_not_finite(graph: Graph, node: GraphNode, verdict: str, state: str) -> Why:
    g = node.gradient
    origin = origin_of_gradient(node)
    where = f", first {place(node.label, first_bad(g))}" if node.shape else ""
    many = " elements" if node.size > 1 else ""
    text = f"{_title(graph, node)} is {trouble(g)}{many}{where}.\n{_sentence(origin)}"
    return Why(
        verdict,
        text + _none(state),
        origin.advice,
        path=_through(graph.root, origin.node, node),
        node=origin.node,
        gradient=g,
        origin=origin,
        graph=graph,
    )


def _none(state: str) -> str:
    return f"\n(.grad is None: {state}.)" if state else ""


def _why_zero(graph: Graph, node: GraphNode, verdict: str, state: str) -> Why:
    title = f"{_title(graph, node)} is 0{' everywhere' if node.shape else ''}"
    edges = blocked_by(node)
    if not edges:
        return _why_cancelled(graph, node, title, state)
    causes = [zero_cause(edge) for edge in edges[:MOST]]
    text = f"{title}: {causes[0][0]}."
    for cause, _ in causes[1:]:
        text += f"\nAnd on another way: {cause}."
    if len(edges) > MOST:
        text += f"\nAnd on {len(edges) - MOST} more ways."
    culprit = edges[0]
    return Why(
        verdict,
        text + _none(state),
        causes[0][1],
        path=_through_edge(graph.root, culprit, node),
        node=culprit.target,
        gradient=node.gradient,
        graph=graph,
    )


def _why_cancelled(graph: Graph, node: GraphNode, title: str, state: str) -> Why:
    meeting = cancelling(node)
    if meeting is None:
        text, culprit = f"{title}: the gradient given to backward() is 0.", graph.root
        return Why("zero", text + _none(state), "look at gradient=", node=culprit, gradient=node.gradient, graph=graph)
    parts = [edge for edge in meeting.outputs if np.any(edge.contribution)]
    shown = " and ".join(
        f"{number(edge.contribution) if not meeting.shape else 'a part'} by way of {edge.target.label}"
        for edge in parts[:MOST]
    )
    text = f"{title}: the ways through which {meeting.label} counts cancel: {shown}."
    return Why(
        "zero",
        text + _none(state),
        "nothing to mend, if the result is not meant to depend on it",
        path=_through(graph.root, meeting, node),
        node=meeting,
        gradient=node.gradient,
        graph=graph,
    )


def _why_ok(graph: Graph, node: GraphNode, _verdict: str, state: str) -> Why:
    g = node.gradient
    size = number(g) if not node.shape else f"largest |entry| {number(float(np.max(np.abs(g))), 3)}"
    lines = [f"{_title(graph, node)} is finite and not 0: {size}."]
    zeros = g == 0
    if node.shape and np.any(zeros):
        lines[0] = f"{_title(graph, node)} is 0 in {share(zeros)} of its elements ({size})."
    masks = list(masks_after(node, SOME if np.any(zeros) else HALF))
    culprit: GraphEdge | None = masks[0][0] if masks else None
    lines += [f"On the way, {text}." for _, text in masks[:MOST]]
    advice = ""
    if state:
        lines.append(f".grad is None: {state}.")
        advice = f"call {graph.root.label}.backward()"
    if not is_finite(graph.root.value):
        origin = origin_of_value(graph.root)
        lines.append(f"But {graph.root.label} is {trouble(graph.root.value)}: {origin.what}.")
        advice = advice or origin.advice
    path = _through_edge(graph.root, culprit, node) if culprit is not None else _down(graph.root, node)
    return Why(
        "not computed" if state else "ok",
        "\n".join(lines),
        advice,
        path=path,
        node=culprit.target if culprit is not None else None,
        gradient=g,
        graph=graph,
    )


# ── paths ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _down(upper: GraphNode, lower: GraphNode) -> tuple[GraphNode, ...]:
    """The shortest path from `upper` to `lower` along inputs; empty if there is none."""
    before: dict[GraphNode, GraphNode | None] = {lower: None}
    front = deque([lower])
    while front and upper not in before:
        current = front.popleft()
        for edge in current.outputs:
            if edge.target not in before:
                before[edge.target] = current
                front.append(edge.target)
    if upper not in before:
        return ()
    path: list[GraphNode] = []
    step: GraphNode | None = upper
    while step is not None:
        path.append(step)
        step = before[step]
    return tuple(path)


def _through(root: GraphNode, culprit: GraphNode, node: GraphNode) -> tuple[GraphNode, ...]:
    """From the result to `node`, through the culprit if it lies between them."""
    below = _down(culprit, node)
    return (*_down(root, culprit)[:-1], *below) if below else _down(root, node)


def _through_edge(root: GraphNode, edge: GraphEdge, node: GraphNode) -> tuple[GraphNode, ...]:
    return (*_down(root, edge.target), *_down(edge.source, node))
