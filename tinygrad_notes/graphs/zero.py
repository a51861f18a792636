"""Why a gradient is exactly 0: the step on the way back at which it became 0, and the masks on the way."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from .elements import first, goes_by_entry, is_zero, operand_at, operands, place, share
from .formulas import number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .model import GraphEdge, GraphNode

__all__ = ["blocked_by", "masks_after", "zero_cause"]

SATURATING = {"sigmoid": "a (1 − a)", "tanh": "1 − a²", "normal_cdf": "e^(−z²/2)/√2π", "erf": "2 e^(−z²)/√π"}
LARGER = ("maximum", "fmax", "minimum", "fmin")
ONES_SUM = ("softmax",)


def blocked_by(node: GraphNode) -> list[GraphEdge]:
    """The edges at which the gradient on its way back to `node` becomes 0; none if it cancels in a sum.

    From `node` towards the result, through values whose gradient is 0; every value is looked at once.
    """
    found, seen, front = [], {node}, deque([node])
    while front:
        current = front.popleft()
        for edge in current.outputs:
            target = edge.target
            if is_zero(target.gradient):
                if target not in seen:
                    seen.add(target)
                    front.append(target)
            elif is_zero(edge.contribution):
                found.append(edge)
    return found


def cancelling(node: GraphNode) -> GraphNode | None:
    """The nearest value on the way whose gradient is a sum of parts that aren't 0."""
    seen, front = {node}, deque([node])
    while front:
        current = front.popleft()
        for edge in current.outputs:
            if edge.contribution is not None and not is_zero(edge.contribution):
                return current
            if edge.target not in seen:
                seen.add(edge.target)
                front.append(edge.target)
    return None


def zero_cause(edge: GraphEdge) -> tuple[str, str]:
    """Why nothing comes back along this edge though a gradient arrives at its target; and what to do."""
    node, source = edge.target, edge.source
    name = node.op.rule.name
    if not source.size:
        return f"{source.label} is empty", "look at its shape"
    if "(a step)" in node.op.rule.formula and not np.iscomplexobj(node.value):
        return (
            f"{name} is a step: its derivative is 0 wherever it has one",
            "use a smooth stand-in, e.g. tanh or sigmoid",
        )
    if name == "copysign" and edge.position == 1:
        return "copysign takes only the sign of its second argument, a step", "use a smooth stand-in, e.g. tanh"
    if goes_by_entry(node):
        arriving = np.broadcast_to(np.asarray(node.gradient) != 0, node.shape or ())
        mask = _off(edge)
        if mask is not None and bool(np.all(mask[arriving])):
            return _mask_text(edge, mask), _mask_advice(name)
        return _by_entry(edge, arriving)
    return _by_product(edge)


def _by_entry(edge: GraphEdge, arriving: Any) -> tuple[str, str]:
    node, source = edge.target, edge.source
    name = node.op.rule.name
    index = first(lambda v: v != 0, node.gradient)
    entries = [operand_at(value, index)[0] for _, value, _ in operands(node)]
    own = operand_at(np.empty(source.shape or ()), index)[1]
    at = f"{place(source.label, own)} = {number(entries[edge.position])}"
    y = np.asarray(node.value)[index]
    if name in SATURATING:
        text = f"{name} is saturated: at {at} it is {number(y)}, and its slope {SATURATING[name]} rounds to 0"
        return text, "start with smaller weights, normalise the inputs, or take the loss of the logits"
    if name in ("exp", "exp2") and y == 0:
        return (
            f"underflow: {name}({number(entries[0])}) is 0 in {node.dtype}, at {at}",
            "work with logarithms (tn.nn.log_softmax)",
        )
    if name in ("multiply", "divide"):
        other_name, other, _ = operands(node)[1 - edge.position]
        if name == "multiply" and not np.any(np.asarray(other)):
            text = f"{source.label} is multiplied by {other_name}"
            return text if other_name == "0" else f"{text}, which is 0", f"look at the factor {other_name}"
        if name == "multiply" and bool(np.all(np.broadcast_to(np.asarray(other) == 0, arriving.shape)[arriving])):
            return (
                f"{source.label} is multiplied by {other_name}, which is 0 wherever a gradient arrives",
                f"look at {other_name}",
            )
        if name == "divide" and edge.position == 1 and not np.any(np.asarray(other)):
            return (
                f"{other_name} / {source.label} is 0 whatever {source.label} is: {other_name} is 0",
                f"look at {other_name}",
            )
    if name in ("add", "subtract") or (source.shape != node.shape and not _all_slopes_zero(edge)):
        return (
            f"{source.label} is broadcast in {node.formula}, and its parts, one per entry, add up to 0",
            "nothing to mend, if that is meant",
        )
    unit = node.op.vjps[edge.place](np.ones(node.shape or (), node.dtype)[()], node.value, *node.arguments())
    if bool(np.any(np.asarray(unit)[arriving] if np.shape(unit) == arriving.shape else unit)):
        small = number(float(np.max(np.abs(node.gradient))), 3)
        text = f"underflow: a gradient of {small} times the slope of {name} is below the smallest {node.dtype}"
        return text, "scale the result up, or work with logarithms"
    return f"the slope of {name} is 0 at {at}  ({node.op.rule.formula})", "start from another point"


def _all_slopes_zero(edge: GraphEdge) -> bool:
    node = edge.target
    return is_zero(node.op.vjps[edge.place](node.gradient, node.value, *node.arguments()))


def _by_product(edge: GraphEdge) -> tuple[str, str]:
    node, source = edge.target, edge.source
    name = node.op.rule.name
    if name in ONES_SUM:
        return (
            f"{name} adds up to 1 whatever {source.label} is, and every output counts alike",
            "choose or weigh the outputs before adding them, e.g. by Y * np.log(A)",
        )
    for other_name, value, other in operands(node):
        if other is not source and hasattr(value, "dtype") and value.dtype.kind in "fc" and not np.any(value):
            return (
                f"{source.label} is multiplied by {other_name} in {node.formula}, and all of {other_name} is 0",
                f"start {other_name} at small random numbers (tn.nn.init)"
                if other is not None and other.is_leaf
                else f"look at {other_name}: what made it 0?",
            )
    if is_zero(node.value) and "(0 " in node.op.rule.formula:
        return f"{name} has no derivative at this point, and 0 is given there", "start from another point"
    return (
        f"the backward step of {name} gives 0 for this gradient: its parts cancel  ({node.op.rule.formula})",
        "nothing to mend, if the result does not depend on it",
    )


# ── masks ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _off(edge: GraphEdge) -> Any:
    """Where an operation that picks does not let the gradient back to this input; None for other operations."""
    node = edge.target
    name, values = node.op.rule.name, [value for _, value, _ in operands(node)]
    here: Any = values[edge.position] if edge.position < len(values) else None
    if name == "relu":
        off = here <= 0
    elif name in LARGER:
        other = values[1 - edge.position]
        off = here < other if name in ("maximum", "fmax") else other < here
    elif name == "clip":
        low, high = values[1], values[2]
        off = np.zeros(np.shape(values[0]), bool)
        off = off if low is None else off | (values[0] < low)
        off = off if high is None else off | (values[0] > high)
        off = off if edge.position == 0 else ~np.asarray(off)
    elif name == "where":
        off = np.asarray(values[0], bool)
        off = ~off if edge.position == 1 else off
    else:
        return None
    return np.broadcast_to(np.asarray(off), node.shape or ())


def _mask_text(edge: GraphEdge, mask: Any) -> str:
    node, source = edge.target, edge.source
    name = node.op.rule.name
    much = share(mask)
    size = int(np.size(mask))
    where = (
        f"at {source.label}"
        if size == 1
        else f"in {much}{' ' + str(size) if much == 'all' else ''} of the elements of {source.label}"
    )
    where = where.replace(f"all {size} of the", f"all {size}")
    if name == "relu":
        return f"relu is off ({source.label} ≤ 0) {where}"
    if name in LARGER:
        other = operands(node)[1 - edge.position][0]
        return f"{name} takes {other} instead {where}"
    if name == "clip":
        return f"clip holds its value at an edge {where}"
    return f"where takes its other branch {where}"


def _mask_advice(name: str) -> str:
    if name == "relu":
        return "use tn.nn.leaky_relu, He start values (tn.nn.init), or a smaller learning rate"
    if name == "clip":
        return "widen its limits, or squash smoothly (tanh, sigmoid)"
    return "nothing to mend, if that is meant"


def masks_after(node: GraphNode, least: float) -> Iterator[tuple[GraphEdge, str]]:
    """Operations between `node` and the result that shut out at least this share of their entries, nearest first."""
    seen, front = {node}, deque([node])
    while front:
        for edge in front.popleft().outputs:
            mask = _off(edge) if edge.target.shape is not None else None
            if mask is not None and np.size(mask) and np.mean(mask) >= least:
                yield edge, _mask_text(edge, mask)
            if edge.target not in seen:
                seen.add(edge.target)
                front.append(edge.target)
