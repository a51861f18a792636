"""One entry of a value: is it finite, where is the first that isn't, what stands at the same place in the operands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..rules import Parts
from .formulas import constant_text, number

if TYPE_CHECKING:
    from collections.abc import Callable

    from .model import GraphNode

__all__ = [
    "first",
    "first_bad",
    "is_finite",
    "is_zero",
    "operand_at",
    "operands",
    "place",
    "share",
    "shown",
    "trouble_of",
]

Index = tuple[int, ...]


def parts_of(value: Any) -> tuple[Any, ...]:
    """The arrays in a value: several for an operation with several results, none for what holds no numbers."""
    values = value.values if type(value) is Parts else (value,)
    return tuple(part for part in values if getattr(part, "dtype", None) is not None and part.dtype.kind in "fc")


def is_finite(value: Any) -> bool:
    """Whether no NaN and no inf is in a value.

    Examples
    --------
    >>> is_finite(np.ones(2)), is_finite(np.array([1.0, np.nan]))
    (True, False)
    """
    if isinstance(value, float):
        return bool(np.isfinite(value))
    return all(bool(np.isfinite(part).all()) for part in parts_of(value))


def has_nan(value: Any) -> bool:
    """Whether a NaN is in a value."""
    if isinstance(value, float):
        return bool(np.isnan(value))
    return any(bool(np.isnan(part).any()) for part in parts_of(value))


def is_zero(value: Any) -> bool:
    """Whether every number of a value is exactly 0."""
    return not any(bool(np.any(part)) for part in parts_of(value))


def first(holds: Callable[[Any], Any], value: Any) -> Index:
    """The index of the first entry for which `holds` is true; NumPy's order."""
    for part in parts_of(value):
        found = np.flatnonzero(holds(part))
        if found.size:
            return tuple(int(i) for i in np.unravel_index(found[0], part.shape))
    return ()


def first_bad(value: Any) -> Index:
    """The index of the first NaN, or where there is none of the first inf."""
    return first(np.isnan if has_nan(value) else np.isinf, value)


def trouble_of(value: Any) -> str:
    """``"nan"``, ``"inf"``, ``"zero"`` or ``"ok"``."""
    if has_nan(value):
        return "nan"
    if not is_finite(value):
        return "inf"
    return "zero" if is_zero(value) else "ok"


def share(mask: Any) -> str:
    """``87 %`` of the entries; ``all`` or ``none`` where it is so.

    Examples
    --------
    >>> share(np.array([True, False, True, True])), share(np.ones(3, bool))
    ('75 %', 'all')
    """
    count, size = int(np.sum(mask)), int(np.size(mask))
    return "all" if count == size else "none" if not count else f"{100 * count / size:.3g} %"


def place(name: str, index: Index) -> str:
    """``x[1, 2]``; ``x`` for a single number.

    Examples
    --------
    >>> place("x", (1, 2)), place("J", ()), place("a + b", (0,))
    ('x[1, 2]', 'J', '(a + b)[0]')
    """
    if not index:
        return name
    simple = name.isidentifier() or (
        name.endswith((")", "]")) and name.partition("(")[0].replace(".", "").isidentifier()
    )
    return f"{name if simple else f'({name})'}[{', '.join(map(str, index))}]"


def operands(node: GraphNode) -> list[tuple[str, Any, GraphNode | None]]:
    """The differentiable inputs of an operation: name, value, and the node where it is one."""
    sources = {edge.position: edge.source for edge in node.inputs}
    count = len(node.args) if node.op.rule.variadic else min(node.op.rule.inputs, len(node.args))
    arguments = node.arguments()
    found: list[tuple[str, Any, GraphNode | None]] = []
    for position in range(count):
        source = sources.get(position)
        name = source.label if source is not None else constant_text(node.snapshot, arguments[position])[0]
        found.append((name, arguments[position], source))
    return found


def goes_by_entry(node: GraphNode) -> bool:
    """Whether entry k of the result depends on entry k of each broadcast input alone."""
    return node.op.rule.elementwise or node.op.rule.name == "where"


def operand_at(value: Any, index: Index) -> tuple[Any, Index]:
    """The entry of a broadcast operand that meets entry `index` of the result, and where it stands."""
    if not np.ndim(value):
        return value, ()
    own = index[len(index) - np.ndim(value) :]
    own = tuple(0 if n == 1 else i for i, n in zip(own, np.shape(value), strict=True))
    return value[own], own


def shown(node: GraphNode, index: Index) -> str:
    """``x[1] = 0, w = 3``: what goes into an operation at one entry; whole arrays by their largest number."""
    texts = []
    for name, value, source in operands(node):
        if (not hasattr(value, "dtype") and not isinstance(value, (int, float, complex))) or isinstance(value, bool):
            continue
        if hasattr(value, "dtype") and value.dtype.kind not in "fciu":
            continue
        if goes_by_entry(node):
            entry, own = operand_at(value, index)
            text = f"{place(name, own)} = {number(entry)}" if source is not None or name != number(entry) else ""
        elif np.ndim(value):
            with np.errstate(all="ignore"):
                text = f"{name} {tuple(value.shape)}, largest |entry| {number(np.max(np.abs(value), initial=0), 3)}"
        else:
            text = f"{name} = {number(value)}" if source is not None else ""
        if text and text not in texts:
            texts.append(text)
    return ", ".join(texts)
