"""Where a NaN or inf came from: the first operation that makes one, in the forward or the backward pass.

`origin_of_value` goes back from a value that isn't finite through the inputs that aren't either, entry by entry;
`origin_of_gradient` goes from a gradient towards the result until the gradient coming in is finite. One visit per
node at most.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .causes import forward_cause, slope_cause
from .elements import first_bad, goes_by_entry, has_nan, is_finite, operand_at, operands, place, shown
from .formulas import number

if TYPE_CHECKING:
    from .elements import Index
    from .model import GraphEdge, GraphNode, Snapshot

__all__ = ["Origin", "first_bad_gradient", "origin_of_gradient", "origin_of_value"]


@dataclass(frozen=True)
class Origin:
    """The operation that made the first number that isn't finite.

    Attributes
    ----------
    node : GraphNode
        The operation; an input of the graph if that held the number itself.
    edge : GraphEdge or None
        The edge whose backward step made it; None: it was made in the forward pass.
    index : tuple of int
        The entry of the operation's result.
    what : str
        What happened, with the operands' values.
    advice : str
        What to write instead.
    """

    node: GraphNode
    edge: GraphEdge | None
    index: Index
    what: str
    advice: str

    @property
    def step(self) -> str:
        """``log``, ``the backward step of sqrt`` or ``x`` for an input."""
        if self.node.is_leaf:
            return self.node.label
        return f"the backward step of {self.node.op.name}" if self.edge is not None else self.node.op.name


# ── the forward pass ─────────────────────────────────────────────────────────────────────────────────────────────


def origin_of_value(node: GraphNode) -> Origin:
    """The first operation on the way to `node` whose result isn't finite though its inputs are."""
    with np.errstate(all="ignore"):
        index = first_bad(node.value)
        while True:
            found = _bad_input(node, index)
            if found is None:
                return _made_here(node, index)
            node, index = found


def _bad_input(node: GraphNode, index: Index) -> tuple[GraphNode, Index] | None:
    """An input that isn't finite at the entry (if the operation goes by entries), a NaN before an inf."""
    bad = []
    taken = _taken_branch(node, index)
    for position, (_, value, source) in enumerate(operands(node)):
        if source is None or is_finite(value) or (taken is not None and position != taken):
            continue
        own = operand_at(value, index)[1] if goes_by_entry(node) else first_bad(value)
        if not goes_by_entry(node) or not np.isfinite(value[own]):
            bad.append((source, own))
    return next((b for b in bad if has_nan(b[0].value)), bad[0] if bad else None)


def _taken_branch(node: GraphNode, index: Index) -> int | None:
    if node.op.rule.name != "where":
        return None
    return 1 if operand_at(np.asarray(node.args[0]), index)[0] else 2


def _made_here(node: GraphNode, index: Index) -> Origin:
    value = node.value if not node.shape else node.value[index]
    what = number(value) if hasattr(value, "item") and not np.ndim(value) else "not finite"
    if node.is_leaf:
        where = place(node.label, index)
        return Origin(
            node, None, index, f"{where} is {what} from the start", f"look at the data: np.isfinite({node.label})"
        )
    why, advice = forward_cause(node, index)
    given = shown(node, index)
    text = f"forward, {place(node.label, index)} = {what}" + (f" from {given}" if given else "") + f": {why}"
    return Origin(node, None, index, text, advice)


# ── the backward pass ────────────────────────────────────────────────────────────────────────────────────────────


def origin_of_gradient(node: GraphNode) -> Origin:
    """The operation whose backward step made the first number that isn't finite on the way back to `node`."""
    with np.errstate(all="ignore"):
        while True:
            edge = next((e for e in node.outputs if e.contribution is not None and not is_finite(e.contribution)), None)
            if edge is None:
                return _sum_or_seed(node)
            if is_finite(edge.target.gradient):
                return _backward_step(edge)
            node = edge.target


def first_bad_gradient(graph: Snapshot) -> Origin | None:
    """The first operation in the order of the backward pass that makes a gradient that isn't finite."""
    with np.errstate(all="ignore"):
        for node in reversed(graph.nodes):
            if node.gradient is None:
                continue
            if not is_finite(node.gradient):
                return origin_of_gradient(node)
    return None


def _sum_or_seed(node: GraphNode) -> Origin:
    index = first_bad(node.gradient)
    if node.is_root:
        return Origin(node, None, index, "the gradient given to backward() isn't finite itself", "look at gradient=")
    text = f"backward, the parts of the gradient of {node.label} are finite, but their sum overflows"
    return Origin(node, node.outputs[0], index, text, "scale the result down")


def _backward_step(edge: GraphEdge) -> Origin:
    node, source = edge.target, edge.source
    raw = node.op.vjps[edge.place](node.gradient, node.value, *node.arguments())
    index = first_bad(raw) if getattr(raw, "shape", None) == node.shape else ()
    entry = goes_by_entry(node) and getattr(raw, "shape", None) == node.shape
    g = node.gradient[index] if entry and node.shape else node.gradient
    if entry and g == 0:
        masked = _masked(edge, index)
        if masked is not None:
            return masked
    if not is_finite(node.value):
        return origin_of_value(node)
    bad = next((s for _, value, s in operands(node) if s is not None and not is_finite(value)), None)
    if bad is not None:
        return origin_of_value(bad)
    given = next((name for name, value, s in operands(node) if s is None and not is_finite(value)), None)
    if given is not None:
        text = f"backward through {node.formula}: the constant {given} itself isn't finite"
        return Origin(node, edge, index, text, f"look at the data: np.isfinite({given})")
    why, advice = slope_cause(edge, index, g)
    text = f"backward through {node.formula} at {shown(node, index)}: {why}"
    return Origin(node, edge, index, text, advice + f" instead of {source.label}" * advice.startswith("("))


# ── a masked branch ──────────────────────────────────────────────────────────────────────────────────────────────

SAFE = {"exp": "0.0", "expm1": "0.0", "exp2": "0.0", "sinh": "0.0", "cosh": "0.0", "arcsin": "0.0", "arccos": "0.0",
        "arctanh": "0.0", "arccosh": "2.0"}  # fmt: skip
"""A number at which an operation and its slope are finite; elsewhere it is 1."""


def _masked(edge: GraphEdge, index: Index) -> Origin | None:
    """A gradient of 0 met an infinite slope: the operation ran where its result isn't used."""
    node, source = edge.target, edge.source
    kind = "0 · inf is NaN"
    start = f"backward through {node.formula} at {shown(node, index)}: its slope is not finite there"
    choice = _choice_after(node, index)
    if choice is None:
        if not is_finite(node.value):
            return None
        text = f"{start}, its result is multiplied by 0 later, and {kind}"
        return Origin(
            node, edge, index, text, f"make {source.label} safe before {node.op.name}, not the result after it"
        )
    picker = choice.target
    inner = picker.op.rule.name
    if inner != "where":
        text = f"{start}, {inner} does not let it through, and {kind}"
        advice = f"make {source.label} safe before {node.op.name}, e.g. np.maximum({source.label}, 1e-12)"
        return Origin(node, edge, index, text, advice)
    first = choice.position == 1
    condition = condition_text(picker, "!= 0" if node.op.name in ("divide", "reciprocal") else "> 0")
    other = operands(picker)[2 if first else 1][0]
    safe = SAFE.get(node.op.name, "1.0")
    inside = (
        f"np.where({condition}, {source.label}, {safe})" if first else f"np.where({condition}, {safe}, {source.label})"
    )
    again = _with_safe(node, source)
    outside = f"np.where({condition}, {again}, {other})" if first else f"np.where({condition}, {other}, {again})"
    both = "but both branches are computed and differentiated"
    text = f"{start}.\nnp.where takes its other branch there, {both}, and {kind}"
    return Origin(
        node, edge, index, text, f"choose a safe number first, then the branch:\n    safe = {inside}\n    {outside}"
    )


PICKING = ("where", "maximum", "minimum", "clip", "relu", "max", "min", "amax", "amin")


def _shuts_out(edge: GraphEdge, node: GraphNode, index: Index) -> bool:
    """Whether a gradient arrives at the operation, and none of it goes on to this entry."""
    g, back = edge.target.gradient, edge.contribution
    if edge.source.shape == node.shape:
        return not np.any(back[index]) and bool(np.any(g[index] if np.shape(g) == node.shape else g))
    return bool(np.any(back == 0)) and bool(np.any(g))


def _choice_after(node: GraphNode, index: Index) -> GraphEdge | None:
    """The nearest edge into an operation that picks, and did not pick this entry, on the way to the result."""
    seen, front = {node}, deque([node])
    while front:
        for edge in front.popleft().outputs:
            if edge.target.op.rule.name in PICKING and _shuts_out(edge, node, index):
                return edge
            if edge.target not in seen:
                seen.add(edge.target)
                front.append(edge.target)
    return None


COMPARISONS: tuple[tuple[str, Any], ...] = (
    ("> 0", lambda v: v > 0),
    (">= 0", lambda v: v >= 0),
    ("!= 0", lambda v: v != 0),
    ("< 0", lambda v: v < 0),
    ("<= 0", lambda v: v <= 0),
    ("== 0", lambda v: v == 0),
    ("> 1", lambda v: v > 1),
    ("< 1", lambda v: v < 1),
)


def condition_text(node: GraphNode, likely: str) -> str:
    """The condition of a where: its variable, a comparison of a value of the graph that equals it, or ``condition``."""
    mask = node.args[0]
    constant = node.snapshot.constant(mask)
    if constant is not None and constant.name:
        return constant.name
    mask = np.asarray(mask)
    candidates = [n for n in node.snapshot.nodes[: node.index] if n.shape == mask.shape and (n.is_leaf or n.name)]
    for candidate in candidates[:20]:
        if candidate.dtype.kind == "f":
            for text, compare in sorted(COMPARISONS, key=lambda entry: entry[0] != likely):
                if np.array_equal(compare(candidate.value), mask):
                    return f"{candidate.label} {text}"
    return "condition"


def _with_safe(node: GraphNode, source: GraphNode) -> str:
    """The operation written again, on ``safe``."""
    if len(operands(node)) == 1:
        name = node.op.name
        return f"np.{name}(safe)" if hasattr(np, name) else f"{name}(safe)"
    texts = ["safe" if s is source else name for name, _, s in operands(node)]
    symbol = {"divide": "/", "power": "**", "multiply": "*"}.get(node.op.name)
    return f"{texts[0]} {symbol} {texts[1]}" if symbol else f"np.{node.op.name}({', '.join(texts)})"
