"""Chain-rule steps in the notes' notation: ∂J/∂b = ∂J/∂v · ∂v/∂u · ∂u/∂b = 3·1·c = 6, and dZ = A − Y for arrays."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from .formulas import number
from .text import backward_order

if TYPE_CHECKING:
    from .model import GraphEdge, GraphNode, Snapshot
    from .numpy_source import Source

__all__ = ["Latex", "write_latex", "write_steps"]

GREEK = (
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "xi",
    "pi",
    "rho",
    "sigma",
    "tau",
    "phi",
    "chi",
    "psi",
    "omega",
)
FUNCTIONS = {"exp": r"\exp", "log": r"\log", "sin": r"\sin", "cos": r"\cos", "tan": r"\tan", "tanh": r"\tanh",
             "sinh": r"\sinh", "cosh": r"\cosh", "sigmoid": r"\sigma", "max": r"\max", "min": r"\min"}  # fmt: skip
COUNT = r"m|\w+\.(?:shape\[-?\d\]|size)"
"""What is written as m: the number of examples."""

LOCAL: dict[str, tuple[str | None, ...]] = {
    "add": ("1", "1"),
    "subtract": ("1", "-1"),
    "multiply": ("{1}", "{0}"),
    "divide": ("1 / {1}", "-{0} / {1} ** 2"),
    "negative": ("-1",),
    "reciprocal": ("-1 / {0} ** 2",),
    "square": ("2 * {0}",),
    "sqrt": ("1 / (2 * {y})",),
    "exp": ("{y}",),
    "log": ("1 / {0}",),
    "log1p": ("1 / (1 + {0})",),
    "sin": ("np.cos({0})",),
    "cos": ("-np.sin({0})",),
    "tanh": ("1 - {y} ** 2",),
    "sigmoid": ("{y} * (1 - {y})",),
}
"""d(result)/d(input) as the notes write it; elsewhere the number stands."""

SUM, PRODUCT, SIGN, POWER, ATOM = range(5)


class Latex(str):
    """LaTeX text that a notebook typesets."""

    __slots__ = ()

    def _repr_latex_(self) -> str:
        return f"$$\n{self}\n$$"


def write_latex(graph: Snapshot, program: Source, course: bool = False) -> Latex:
    """All steps as one ``aligned`` environment: scalars by the chain rule, arrays line by line.

    Parameters
    ----------
    graph : Snapshot
    program : Source
        Its generated code, for the lines about arrays.
    course : bool
        Leave the factor 1/m out of dZ and write it at dW and db, as the course does.
    """
    if all(node.shape == () for node in graph.nodes):
        values = {node.label: node.value for node in graph.nodes}
        lines = []
        for name, text in assignments(program.forward):
            value = f" = {number(values[name])}" if name in values else ""
            lines.append(f"{latex_name(name)} &= {expression_latex(text, set())}{value}")
        lines += [_step_latex(graph, step) for step in chain_steps(graph)]
    else:
        lines = _array_lines(graph, program, course)
    return Latex("\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}")


def write_steps(graph: Snapshot) -> list[str]:
    """The same steps as plain text, for a terminal: ``dJ/db = dJ/dv · dv/du · du/db = 3 · 1 · c = 6``."""
    lines = []
    j = graph.root.label
    for node, paths in chain_steps(graph):
        head = f"d{j}/d{node.label}"
        products = [" · ".join(f"d{e.target.label}/d{e.source.label}" for e in path) for path in paths]
        symbols = [" · ".join(local_symbol(e) for e in path) for path in paths]
        parts = [number(_product(path)) for path in paths]
        pieces = [head, " + ".join(products), " + ".join(symbols)]
        pieces += [" + ".join(parts)] if len(paths) > 1 else []
        lines.append(" = ".join(dict.fromkeys([*pieces, number(node.gradient)])))
    return lines


Step = tuple["GraphNode", "list[list[GraphEdge]]"]
MOST_PATHS = 4


def chain_steps(graph: Snapshot) -> list[Step]:
    """Each named number with its chains of edges from the result down to it; those with too many are left out."""
    steps: list[Step] = []
    for node in backward_order(graph):
        if node.gradient is None or node.shape != ():
            continue
        steps.append((node, _paths(graph, node)))
    return [step for step in steps if step[1]]


def _paths(graph: Snapshot, node: GraphNode) -> list[list[GraphEdge]]:
    """All chains of edges from the root down to `node`, none if there are too many or one is no number."""
    found: list[list[GraphEdge]] = []
    waiting: list[list[GraphEdge]] = [[edge] for edge in reversed(node.outputs)]
    while waiting:
        path = waiting.pop()
        top = path[0].target
        if top.shape != () or path[0].source.shape != () or len(path) > 12 or len(found) + len(waiting) > MOST_PATHS:
            return []
        if top is graph.root:
            found.append(path)
        else:
            waiting += [[edge, *path] for edge in reversed(top.outputs)]
    return found


def _product(path: list[GraphEdge]) -> float:
    return float(np.prod([float(np.real(edge.local)) for edge in path]))


def local_symbol(edge: GraphEdge) -> str:
    """d(target)/d(source) as a formula if it is short, else as a number: ``c``, ``1``, ``2x``."""
    text = local_python(edge)
    if text is None:
        return number(edge.local)
    value = _as_number(text)
    return number(value) if value is not None else text.replace(" ** 2", "²").replace(" * ", "·")


def local_python(edge: GraphEdge) -> str | None:
    """The same as Python text in the values' labels, None where no short form is known."""
    node = edge.target
    templates = LOCAL.get(node.op.name, ())
    template = templates[edge.position] if edge.position < len(templates) else None
    sources = {e.position: e.source for e in node.inputs}
    count = min(len(node.args), node.op.rule.inputs)
    operands = [sources[i].label if i in sources else _constant(node.args[i]) for i in range(count)]
    if node.op.name == "power" and edge.position == 0:
        exponent = _as_number(operands[1])
        if exponent is None:
            return None
        template = "2 * {0}" if exponent == 2 else f"{number(exponent)} * {{0}} ** {number(exponent - 1)}"
    if template is None:
        return None
    parts = {str(i): _bracketed(text) for i, text in enumerate(operands)} | {"y": _bracketed(node.label)}
    text = re.sub(r"\{(\w)\}", lambda match: parts[match[1]], template)
    text = text[1:-1] if template in ("{0}", "{1}", "{y}") and text[0] == "(" else text
    return text if _is_python(text) else None


def _bracketed(text: str) -> str:
    return text if re.fullmatch(r"\w+(\.\d+)?", text) else f"({text})"


def _constant(value: object) -> str:
    return number(value) if isinstance(value, (int, float, np.number)) else str(value)


def _is_python(text: str) -> bool:
    try:
        return len(text) < 30 and ast.parse(text, mode="eval") is not None
    except (SyntaxError, ValueError):
        return False


def _as_number(text: str) -> float | None:
    """The value of a short text of numbers only, in floats: a name may be anything, ``9**9**9`` too."""
    try:
        return _value(ast.parse(text, mode="eval").body) if len(text) < 30 else None
    except (SyntaxError, ValueError, ArithmeticError):  # a variable's name may be e
        return None


ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: math.pow,
}  # fmt: skip


def _value(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _value(inner)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            return ARITHMETIC[type(op)](_value(left), _value(right))
    raise ValueError("not a number")


def _step_latex(graph: Snapshot, step: Step) -> str:
    node, paths = step
    j = latex_name(graph.root.label)

    def partial(top: str, bottom: str) -> str:
        return rf"\frac{{\partial {top}}}{{\partial {bottom}}}"

    products = [
        r" \cdot ".join(partial(latex_name(e.target.label), latex_name(e.source.label)) for e in path) for path in paths
    ]
    symbols = [r" \cdot ".join(_local_latex(e) for e in path) for path in paths]
    parts = [number(_product(path)) for path in paths]
    pieces = [" + ".join(products), " + ".join(symbols), " + ".join(parts) if len(paths) > 1 else ""]
    head = partial(j, latex_name(node.label))
    rest = [p for p in dict.fromkeys([*pieces, number(node.gradient)]) if p and p != head]
    return f"{head} &= {' = '.join(rest)}"


def _local_latex(edge: GraphEdge) -> str:
    text = local_python(edge)
    if text is None:
        return number(edge.local)
    value = _as_number(text)
    if value is not None:
        return number(value)
    written, level = _latex(ast.parse(text, mode="eval").body, set())
    return written if level > SUM else rf"\left({written}\right)"


# ── arrays: the generated lines, typeset ─────────────────────────────────────────────────────────────────────────


def assignments(lines: list[str]) -> list[tuple[str, str]]:
    """The lines of a program that give a value a name: ``("dZ", "(A - Y) / m")``."""
    found = [re.fullmatch(r"(\w+) = (.*?)(?:  # .*)?", line) for line in lines]
    return [(match[1], match[2]) for match in found if match]


def _array_lines(graph: Snapshot, program: Source, course: bool) -> list[str]:
    backward = assignments(program.backward)
    if course:
        backward = _course_convention(backward, {f"d{name}" for name in program.inputs})
    scalars = {n.label for n in graph.nodes if n.shape == ()} | {k for k, v in program.inputs.items() if not np.ndim(v)}
    forward = assignments(program.forward)
    arrays = {name for name, _ in [*forward, *backward]} | set(program.inputs)
    arrays -= scalars | {f"d{name}" for name in scalars} | set(program.settings)
    return [f"{latex_name(n, n in arrays)} &= {expression_latex(text, arrays)}" for n, text in [*forward, *backward]]


def _course_convention(lines: list[tuple[str, str]], leaves: set[str]) -> list[tuple[str, str]]:
    """1/m is left out of the first dZ and written where the sums over examples are taken: at the parameters."""
    scaled: dict[str, str] = {}
    result: list[tuple[str, str]] = []
    for name, text in lines:
        short = re.fullmatch(rf"\((\w+ - \w+)\) / ({COUNT})", text)
        terms = _terms(text)
        carried = [[scaled[word] for word in re.findall(r"[A-Za-z_]\w*", term) if word in scaled] for _, term in terms]
        divisors = {divisor for found in carried for divisor in found}
        if short:
            scaled[name] = short[2]
            result.append((name, short[1]))
        elif not divisors:
            result.append((name, text))
        elif len(divisors) > 1 or any(len(found) > 1 for found in carried):
            return lines
        elif name not in leaves:
            if not all(carried):  # a term without 1/m comes in: the convention can't be kept
                return lines
            scaled[name] = divisors.pop()
            result.append((name, text))
        elif len(terms) > 1 and all(carried):
            result.append((name, f"1 / {divisors.pop()} * ({text})"))
        else:
            factor = f"1 / {divisors.pop()} * "
            signed = [
                f"{sign} {factor if found else ''}{term}" for (sign, term), found in zip(terms, carried, strict=True)
            ]
            result.append((name, " ".join(signed).removeprefix("+ ")))
    return result


def _terms(text: str) -> list[tuple[str, str]]:
    """The terms of a sum with their signs; a product's factors stay in brackets, so that one can stand before it.

    Examples
    --------
    >>> _terms("0.1 * W - dZ @ X.T"), _terms("np.sum(dZ - dY)")
    ([('+', '0.1 * W'), ('-', 'dZ @ X.T')], [('+', 'np.sum(dZ - dY)')])
    """
    terms: list[tuple[str, str]] = []
    waiting: list[tuple[ast.expr, str]] = [(ast.parse(text, mode="eval").body, "+")]
    flipped = {"+": "-", "-": "+"}
    while waiting:
        node, sign = waiting.pop()
        match node:
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                waiting += [(right, sign), (left, sign)]
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                waiting += [(right, flipped[sign]), (left, sign)]
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                waiting.append((inner, flipped[sign]))
            case _:
                terms.append((sign, ast.unparse(node)))
    return terms


def expression_latex(text: str, arrays: set[str]) -> str:
    r"""Typeset a generated Python expression.

    Examples
    --------
    >>> expression_latex("(A - Y) / Y.shape[-1]", {"A", "Y"})
    '\\frac{1}{m}\\left(A - Y\\right)'
    >>> expression_latex("W1.T @ dZ2", {"W1", "dZ2"})
    '{W^{[1]}}^{\\top} dZ^{[2]}'
    """
    return _latex(ast.parse(text, mode="eval").body, arrays)[0]


ESCAPED = {c: "\\" + c for c in "_&%$#{}"} | {"\\": r"\backslash{}", "^": r"\wedge{}", "~": r"\sim{}"}
"""The characters that LaTeX would take for a command, as it writes them in a formula."""
LONGEST_NAME = 200


def latex_name(name: str, is_array: bool = False) -> str:
    r"""``W1`` as a layer's matrix, ``lambda`` as λ, a long word upright.

    Examples
    --------
    >>> latex_name("W1", True), latex_name("x1"), latex_name("lambda"), latex_name("loss")
    ('W^{[1]}', 'x_{1}', '\\lambda', '\\mathrm{loss}')
    """
    name = name[:LONGEST_NAME]
    match = re.fullmatch(r"([A-Za-z]+)_?(\d*)", name)
    if match is None:
        return r"\mathrm{" + "".join(ESCAPED.get(c, c) for c in name) + "}"
    word, index = match[1], match[2]
    if word.lower() in GREEK:
        base = "\\" + word
    elif len(word) == 1 or (len(word) == 2 and word[0] == "d"):
        base = word
    else:
        base = rf"\mathrm{{{word}}}"
    return base if not index else f"{base}^{{[{index}]}}" if is_array else f"{base}_{{{index}}}"


def _latex(node: ast.expr, arrays: set[str]) -> tuple[str, int]:
    """An expression's LaTeX and how tightly it holds together."""

    def within(inner: ast.expr, level: int) -> str:
        text, own = _latex(inner, arrays)
        return text if own >= level else rf"\left({text}\right)"

    match node:
        case ast.Constant(value=value):
            return number(value) if isinstance(value, (int, float)) else str(value), ATOM
        case ast.Name(id=name):
            return latex_name(name, name in arrays), ATOM
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return f"-{within(inner, PRODUCT)}", SIGN
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return f"{within(left, SUM)} + {within(right, SUM)}", SUM
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return f"{within(left, SUM)} - {within(right, PRODUCT)}", SUM
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            if _is_count(right) and isinstance(left, ast.UnaryOp):
                return rf"-\frac{{1}}{{m}}{within(left.operand, PRODUCT) if not _is_one(left.operand) else ''}", SIGN
            if _is_count(right):
                scaled = within(left, PRODUCT) if not _is_one(left) else ""
                return rf"\frac{{1}}{{m}}{scaled}", PRODUCT
            return rf"\frac{{{_latex(left, arrays)[0]}}}{{{_latex(right, arrays)[0]}}}", PRODUCT
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return f"{within(left, PRODUCT)}{_times(left, right, arrays)}{within(right, PRODUCT)}", PRODUCT
        case ast.BinOp(left=left, op=ast.MatMult(), right=right):
            return f"{within(left, PRODUCT)} {within(right, SIGN)}", PRODUCT
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return f"{{{within(left, ATOM)}}}^{{{_latex(right, arrays)[0]}}}", POWER
        case ast.Attribute(value=inner, attr="T"):
            return f"{{{within(inner, ATOM)}}}^{{\\top}}", POWER
        case ast.Call(func=ast.Attribute(attr=name), args=[inner, *_]) if name in FUNCTIONS:
            return rf"{FUNCTIONS[name]}\left({_latex(inner, arrays)[0]}\right)", ATOM
        case ast.Call(func=ast.Attribute(attr="sqrt"), args=[inner]):
            return rf"\sqrt{{{_latex(inner, arrays)[0]}}}", ATOM
        case ast.Call(func=ast.Attribute(attr="abs"), args=[inner]):
            return rf"\left|{_latex(inner, arrays)[0]}\right|", ATOM
        case ast.Call(func=ast.Attribute(attr="sum"), args=[inner, *_]):
            return rf"\sum {within(inner, PRODUCT)}", PRODUCT
        case ast.Call(func=ast.Attribute(attr="mean"), args=[inner, *_]):
            return rf"\frac{{1}}{{m}}\sum {within(inner, PRODUCT)}", PRODUCT
        case ast.Call(func=ast.Attribute(attr="full" | "full_like"), args=[_, inner]):
            return _latex(inner, arrays)
        case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="nn"), attr=name), args=inner, keywords=[]):
            words = name.replace("_", r"\_")
            return rf"\mathrm{{{words}}}\left({', '.join(_latex(x, arrays)[0] for x in inner)}\right)", ATOM
        case ast.Compare(left=left, ops=[ast.Gt()], comparators=[right]):
            return rf"\mathbf{{1}}\left[{_latex(left, arrays)[0]} > {_latex(right, arrays)[0]}\right]", ATOM
    words = "".join(ESCAPED.get(c, c) for c in ast.unparse(node))
    return rf"\mathtt{{{words}}}", ATOM


def _times(left: ast.expr, right: ast.expr, arrays: set[str]) -> str:
    if isinstance(left, ast.BinOp) and isinstance(left.op, ast.Div) and _is_count(left.right):
        return r" \, "
    names = [{n.id for n in ast.walk(side) if isinstance(n, ast.Name)} & arrays for side in (left, right)]
    if all(names):
        return r" \odot "
    return r" \cdot " if isinstance(right, ast.Constant) or isinstance(left, ast.Constant) else r" \, "


def _is_count(node: ast.expr) -> bool:
    text = ast.unparse(node)
    return bool(re.fullmatch(COUNT, text))


def _is_one(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 1
