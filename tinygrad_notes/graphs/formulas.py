"""Formulas in the notes' style: ``u = bc``, ``J = 3v``, ``Z1 = W1 @ X + b1``; an unnamed value is written out."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .model import GraphNode, Snapshot

__all__ = ["number", "write_formulas"]

SUM, PRODUCT, LETTERS, SIGN, POWER, ATOM = range(1, 7)  # how tightly a text holds together
LONGEST = 60
"""An unnamed operand longer than this is called by its id instead."""

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
LEADING_LETTER = re.compile(r"\(|[^\W\d_](?![^\W\d_])")
"""A bracket or a single letter: a number may stand right before it, as in ``3v``, but not in ``3 · sum(v)``."""

Text = tuple[str, int]


def number(x: Any, digits: int = 5) -> str:
    """Write a number as one would on paper: ``33``, ``0.3``, ``1.5e-07``, ``NaN``.

    Examples
    --------
    >>> number(33.0), number(0.1 + 0.2), number(float("nan")), number(2 + 1j)
    ('33', '0.3', 'NaN', '2 + 1i')
    """
    x = x.item() if hasattr(x, "item") else x
    if isinstance(x, complex):
        sign = "-" if x.imag < 0 else "+"
        return f"{number(x.real, digits)} {sign} {number(abs(x.imag), digits)}i"
    if isinstance(x, (bool, str)):
        return str(x)
    if isinstance(x, float):
        if math.isnan(x):
            return "NaN"
        if math.isinf(x):
            return "inf" if x > 0 else "-inf"
        x = x + 0.0
        if x == int(x) and abs(x) < 1e6:
            return str(int(x))
    elif isinstance(x, int) and abs(x) < 10**9:
        return str(x)
    return f"{x:.{digits}g}"


def array(x: Any) -> str:
    """Write an array out if it is tiny, else its shape.

    Examples
    --------
    >>> array(np.array([1.0, 2.0])), array(np.zeros((3, 4)))
    ('[1, 2]', '(3, 4)')
    """
    if x.ndim == 0:
        return number(x)
    if 0 < x.size <= 4 and x.ndim <= 2:
        rows = [", ".join(number(entry, 3) for entry in row) for row in np.atleast_2d(x)]
        text = f"[{'; '.join(rows)}]"
        if len(text) <= 24:
            return text
    return str(tuple(x.shape))


def write_formulas(graph: Snapshot) -> list[str]:
    """One formula per node, and each node's label: its name, or its formula while that is short, or its id."""
    prefix = _free_prefix(graph)
    texts: dict[int, Text] = {}
    formulas = []
    for node in graph.nodes:
        if node.is_leaf:
            formula: Text = ("", ATOM)
        else:
            formula = _operation(graph, node, texts)
        formulas.append(formula[0])
        if node.name:
            texts[node.index] = (node.name, ATOM)
        elif node.is_leaf or len(formula[0]) > LONGEST:
            texts[node.index] = (f"{prefix}{node.index + 1}", ATOM)
        else:
            texts[node.index] = formula
        node._label = texts[node.index][0]
    return formulas


def _free_prefix(graph: Snapshot) -> str:
    names = [node.name for node in graph.nodes if node.name]
    for prefix in ("v", "t", "n", "node"):
        if not any(name.startswith(prefix) and name[len(prefix) :].isdigit() for name in names):
            return prefix
    return "value"


def _operation(graph: Snapshot, node: GraphNode, texts: dict[int, Text]) -> Text:
    op, args = node.op, node.args
    rule = op.rule
    inputs = len(args) if rule.variadic else rule.inputs
    sources = {edge.position: edge.source for edge in node.inputs}
    operands = [
        texts[sources[i].index] if i in sources else constant_text(graph, args[i])
        for i in range(min(inputs, len(args)))
    ]
    if rule.variadic:
        return _call(rule.name, [operand[0] for operand in operands], op.params)
    params = {
        name: value
        for name, value, default in zip(rule.param_names, args[inputs:], rule.defaults, strict=True)
        if not _same(value, default)
    }
    write = WRITERS.get(rule.name)
    if write is not None:
        wide = node.shape not in ((), None) and all(_is_wide(node, i, sources) for i in range(len(operands)))
        return write(operands, params, wide)
    return _call(rule.name, [operand[0] for operand in operands], params)


def _is_wide(node: GraphNode, position: int, sources: dict[int, GraphNode]) -> bool:
    return bool(sources[position].shape if position in sources else np.ndim(node.args[position]))


def _same(value: Any, default: Any) -> bool:
    return value is default or (isinstance(value, (bool, int, float, str, tuple)) and value == default)


def constant_text(graph: Snapshot, value: Any) -> Text:
    """A constant's name; a number or a tiny array as it is; else its shape."""
    constant = graph.constant(value)
    if constant is not None and constant.name:
        return constant.name, ATOM
    if constant is not None and constant.expression:
        return constant.expression, ATOM
    if hasattr(value, "shape") and value.ndim:
        if value.size and value.dtype.kind in "fiu" and value.size > 4 and (value == value.flat[0]).all():
            return number(value.flat[0]), ATOM
        return (array(value) if value.size <= 4 else f"{value.dtype}{array(value)}"), ATOM
    if isinstance(value, (int, float, np.floating, np.integer)) and not isinstance(value, bool):
        text = number(value)
        return text, SIGN if text.startswith("-") else ATOM
    return _plain(value), ATOM


def _plain(value: Any) -> str:
    if hasattr(value, "shape"):
        return array(value)
    if isinstance(value, (list, tuple)) and len(value) > 6:
        return "…"
    return getattr(value, "__name__", None) or str(value)[:40]


# ── one way of writing per operation ─────────────────────────────────────────────────────────────────────────────


def _within(operand: Text, level: int) -> str:
    return operand[0] if operand[1] >= level else f"({operand[0]})"


def _call(name: str, operands: list[str], params: dict[str, Any]) -> Text:
    return f"{name}({', '.join([*operands, *(f'{key}={_plain(value)}' for key, value in params.items())])})", ATOM


def _add(operands: list[Text], _params: dict[str, Any], _wide: bool) -> Text:
    a, b = operands
    if b[0].startswith(("-", "−")) and b[1] == SIGN:
        return f"{_within(a, SUM)} − {b[0][1:]}", SUM
    return f"{_within(a, SUM)} + {_within(b, SUM)}", SUM


def _subtract(operands: list[Text], _params: dict[str, Any], _wide: bool) -> Text:
    return f"{_within(operands[0], SUM)} − {_within(operands[1], PRODUCT)}", SUM


def _multiply(operands: list[Text], _params: dict[str, Any], wide: bool) -> Text:
    a, b = operands
    if _is_number(b[0]) and not _is_number(a[0]):
        a, b = b, a
    left, right = _within(a, PRODUCT), _within(b, PRODUCT if not b[0].startswith(("-", "−")) else ATOM)
    if _is_number(left) and LEADING_LETTER.match(right):
        return f"{left}{right}" if left not in ("-1", "−1") else f"−{right}", PRODUCT
    if not wide and _is_letters(a) and (_is_letters(b) or right.startswith("(")):
        return f"{left}{right}", PRODUCT if right.startswith("(") else LETTERS
    return f"{left} {'*' if wide else '·'} {right}", PRODUCT


def _is_number(text: str) -> bool:
    return text.lstrip("-−").replace(".", "", 1).isdigit()


def _is_letters(operand: Text) -> bool:
    """Single letters side by side, each perhaps with an exponent: ``bc``, ``x²``; not the word ``bias``."""
    text, level = operand
    bare = "".join(c for c in text if c not in "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
    return bare.isalpha() and (len(bare) == 1 or level == LETTERS)


def _divide(operands: list[Text], _params: dict[str, Any], _wide: bool) -> Text:
    return f"{_within(operands[0], PRODUCT)} / {_within(operands[1], SIGN)}", PRODUCT


def _negative(operands: list[Text], _params: dict[str, Any], _wide: bool) -> Text:
    return f"−{_within(operands[0], PRODUCT)}", SIGN


def _power(operands: list[Text], _params: dict[str, Any], _wide: bool) -> Text:
    base, exponent = _within(operands[0], ATOM), operands[1][0]
    if exponent.lstrip("-").isdigit():
        return base + exponent.translate(SUPERSCRIPTS), POWER
    return f"{base}^{_within(operands[1], ATOM)}", POWER


def _square(operands: list[Text], _params: dict[str, Any], _wide: bool) -> Text:
    return f"{_within(operands[0], ATOM)}²", POWER


def _matmul(operands: list[Text], _params: dict[str, Any], _wide: bool) -> Text:
    return f"{_within(operands[0], PRODUCT)} @ {_within(operands[1], SIGN)}", PRODUCT


def _transpose(operands: list[Text], params: dict[str, Any], _wide: bool) -> Text:
    return (f"{_within(operands[0], ATOM)}.T", ATOM) if not params else _call("transpose", [operands[0][0]], params)


def _absolute(operands: list[Text], _params: dict[str, Any], _wide: bool) -> Text:
    return f"|{operands[0][0]}|", ATOM


def _reciprocal(operands: list[Text], _params: dict[str, Any], _wide: bool) -> Text:
    return f"1 / {_within(operands[0], SIGN)}", PRODUCT


def _positive(operands: list[Text], _params: dict[str, Any], _wide: bool) -> Text:
    return operands[0]


def _getitem(operands: list[Text], params: dict[str, Any], _wide: bool) -> Text:
    return f"{_within(operands[0], ATOM)}[{index_text(params['index'])}]", ATOM


def _item(operands: list[Text], params: dict[str, Any], _wide: bool) -> Text:
    return f"{_within(operands[0], ATOM)}[{next(iter(params.values()), 0)}]", ATOM


def index_text(index: Any) -> str:
    """An index as it is written between brackets.

    Examples
    --------
    >>> index_text((slice(None), 1)), index_text(slice(0, None, 2)), index_text(...)
    (':, 1', '0::2', '…')
    """
    if isinstance(index, tuple):
        return ", ".join(map(index_text, index)) or "()"
    if isinstance(index, slice):
        ends = [("" if end is None else str(end)) for end in (index.start, index.stop)]
        return ":".join(ends) + ("" if index.step is None else f":{index.step}")
    if index is Ellipsis:
        return "…"
    if isinstance(index, np.ndarray) and index.dtype == bool:
        return "mask"
    if isinstance(index, (np.ndarray, list)):
        return array(np.asarray(index)) if np.size(index) <= 4 else "indices"
    return str(index)


WRITERS: dict[str, Callable[[list[Text], dict[str, Any], bool], Text]] = {
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "negative": _negative,
    "power": _power,
    "square": _square,
    "matmul": _matmul,
    "transpose": _transpose,
    "absolute": _absolute,
    "reciprocal": _reciprocal,
    "positive": _positive,
    "getitem": _getitem,
    "item": _item,
}
