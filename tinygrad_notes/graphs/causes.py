"""What makes a number that isn't finite, per operation: the mathematics in a line, and what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .elements import goes_by_entry, is_finite, operand_at, operands
from .formulas import number

if TYPE_CHECKING:
    from .elements import Index
    from .model import GraphEdge, GraphNode

__all__ = ["forward_cause", "slope_cause"]

Cause = tuple[str, str]
"""Why, and what to do."""

NEAR = 3
"""So many operations back a logarithm looks for the sigmoid or softmax that its argument comes from."""

EXPONENTIALS = ("exp", "exp2", "expm1", "cosh", "sinh")
INSIDE_ONE = ("arcsin", "arccos", "arctanh")
LENGTHS = ("sum", "add", "mean", "dot", "matmul", "einsum", "vecdot")

FRIENDS = {
    "sigmoid": "take the loss of the logits: tn.nn.binary_cross_entropy_with_logits(Z, Y), A = sigmoid(Z)",
    "softmax": "use tn.nn.log_softmax(Z), or the loss of the logits: tn.nn.softmax_cross_entropy(Z, Y)",
}


# ── forward ──────────────────────────────────────────────────────────────────────────────────────────────────────


def forward_cause(node: GraphNode, index: Index) -> Cause:
    """Why this operation's result isn't finite at `index`, its tracked inputs being so."""
    name = node.op.rule.name
    if goes_by_entry(node):
        entries = [operand_at(value, index)[0] for _, value, _ in operands(node)]
        y = node.value[index] if node.shape else node.value
        given = next((text for text, value, source in operands(node) if source is None and _is_bad(value)), "")
        if given and any(not np.isfinite(entry) for entry in entries if _is_number(entry)):
            return _from_constant(given)
        known = _known_cause(node, name, entries, y)
        if known is not None:
            return known
    else:
        given = next((text for text, value, source in operands(node) if source is None and _is_bad(value)), "")
        if given:
            return _from_constant(given)
    if np.isnan(np.sum(node.value) if node.shape is not None else 0.0):
        return f"{name} has no value there", "keep its arguments inside its domain"
    return _overflow(node)


def _is_bad(value: Any) -> bool:
    return _is_number(value) and not is_finite(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (float, complex)) or getattr(getattr(value, "dtype", None), "kind", "") in ("f", "c")


def _from_constant(name: str) -> Cause:
    return f"the constant {name} itself isn't finite", f"look at the data: np.isfinite({name})"


def _known_cause(node: GraphNode, name: str, entries: list[Any], y: Any) -> Cause | None:
    """The operations that everyone meets."""
    a, b = entries[0], entries[-1]
    if name in ("log", "log2", "log10", "log1p"):
        return _logarithm(node, name, a)
    if name == "xlogy":
        return "x log y is infinite where y is 0 and x is not", _away_from_zero(node, 1)
    if name == "sqrt":
        return "a negative number has no square root", "np.sqrt(np.maximum(x, 0)) if rounding made it negative"
    if name in ("divide", "reciprocal", "remainder", "fmod", "floor_divide") and b == 0:
        top = number(a) if name != "reciprocal" else "1"
        what = "NaN" if np.isnan(y) else number(y)
        below, _, source = operands(node)[-1]
        advice = f"keep {below} away from 0: {below} + 1e-12, or np.where({below} != 0, {below}, 1)"
        return f"{top} / 0 is {what}", advice if source is not None else "look at the divisor, a constant"
    if name in EXPONENTIALS:
        most = np.log(np.finfo(np.asarray(y).dtype).max)
        advice = (
            "subtract the largest first: exp(x − max(x)); tn.nn has softmax, logsumexp, sigmoid and softplus, which do"
        )
        return f"{name}({number(a)}) overflows: e to more than {number(most, 4)} is no {np.asarray(y).dtype}", advice
    if name == "power":
        if a == 0 and b < 0:
            return f"0 to the power {number(b)} is 1 / 0", "keep the base away from 0"
        if a < 0 and np.isnan(y):
            return f"a negative number to the power {number(b)} is not real", "np.abs(x) ** p, or np.maximum(x, 0) ** p"
    if name in INSIDE_ONE and abs(a) >= 1:
        return f"{name} lives between -1 and 1", "np.clip(x, -1 + 1e-7, 1 - 1e-7) if rounding led outside"
    if name == "arccosh" and a < 1:
        return "arccosh lives above 1", "np.maximum(x, 1)"
    return None


def _logarithm(node: GraphNode, name: str, a: Any) -> Cause:
    edge_of_domain = -1 if name == "log1p" else 0
    if a == edge_of_domain:
        return f"{name}({edge_of_domain}) is -inf", _away_from_zero(node, 0)
    return f"{name} of a negative number is NaN", "keep its argument positive: np.maximum(x, 1e-12)"


def _away_from_zero(node: GraphNode, position: int) -> str:
    """The loss of the logits if a sigmoid or softmax is near; else a small number beside the argument."""
    edge = next((edge for edge in node.inputs if edge.position == position), None)
    front = [edge.source] if edge is not None else []
    for _ in range(NEAR):
        for candidate in front:
            if candidate.op.rule.name in FRIENDS:
                return FRIENDS[candidate.op.rule.name]
        front = [edge.source for candidate in front for edge in candidate.inputs]
    name = edge.source.label if edge is not None else "x"
    return f"keep {name} away from 0: np.log({name} + 1e-12), or np.maximum({name}, 1e-12)"


def _overflow(node: GraphNode) -> Cause:
    limit = number(float(np.finfo(node.dtype).max), 2) if node.dtype is not None else "the largest float"
    return (
        f"overflow: the result is beyond {limit}, the largest {node.dtype}",
        "scale the inputs down, or take logarithms",
    )


# ── backward ─────────────────────────────────────────────────────────────────────────────────────────────────────


def slope_cause(edge: GraphEdge, index: Index, g: Any) -> Cause:
    """Why the gradient of `edge.source` isn't finite at `index`, though `g` and all values are."""
    node = edge.target
    name = node.op.rule.name
    if not goes_by_entry(node):
        return (
            f"a division by 0 or an overflow in its backward step ({node.op.rule.formula})",
            f"move {edge.source.label} a little (zeros and repeated values), or scale it down",
        )
    entries = [operand_at(value, index)[0] for _, value, _ in operands(node)]
    a, b = entries[0], entries[-1]
    below = edge.source.label
    if name == "sqrt" and a == 0:
        advice = f"np.sqrt({below} + 1e-12)"
        if edge.source.op.rule.name in LENGTHS:
            advice = f"np.linalg.norm for a length: its gradient at 0 is 0; or {advice}"
        return "the slope of √x is 1/(2√x), which is inf at 0", advice
    if name in ("power", "cbrt") and a == 0:
        p = b if name == "power" else 1 / 3
        return f"the slope of x^{number(p)} is {number(p)} · x^{number(p - 1)}, which is inf at 0", f"({below} + 1e-12)"
    if name in (*INSIDE_ONE, "arccosh") and abs(a) == 1:
        return f"the slope of {name} is inf at {number(a)}", f"np.clip({below}, -1 + 1e-7, 1 - 1e-7)"
    if name == "divide" and edge.position == 1:
        return f"the slope −a/b² overflows at b = {number(b)}", f"keep {below} away from 0"
    return (
        f"{number(g)} times the slope is beyond the largest {node.dtype} ({node.op.rule.formula})",
        "scale the inputs down",
    )
