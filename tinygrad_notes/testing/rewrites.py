"""Small changes to one expression: what somebody who made a slip would have written instead.

Each proposal is an `Edit`: put `new` where `old` stands in the tree. The cost says how small the change is; among
equal ones the outermost on the latest line comes first.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .statement_edits import Edit, parsed, statement_edits

__all__ = ["Edit", "Scope", "edits_of"]

SCALARS = ("2", "0.5", "3")
FUNCTIONS = {
    "sin": ("cos",), "cos": ("sin",), "sum": ("mean",), "mean": ("sum",), "sinh": ("cosh",), "cosh": ("sinh",),
    "maximum": ("minimum",), "minimum": ("maximum",), "log": ("exp",), "exp": ("log",), "abs": ("sign",),
    "max": ("sum",), "sign": ("abs",), "sqrt": ("square",), "square": ("sqrt",), "tanh": ("cosh",),
}  # fmt: skip
WRAPPERS = (
    "np.log({})",
    "np.exp({})",
    "np.sqrt({})",
    "np.sign({})",
    "np.conj({})",
    "np.tanh({})",
    "np.cos({})",
    "np.sin({})",
)
FLIPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.Lt, ast.LtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
}  # fmt: skip
ELEMENTWISE = ("cos", "sin", "exp", "log", "tanh", "sqrt", "sign", "abs", "square", "cosh", "sinh", "where", "maximum")


@dataclass(slots=True)
class Spot:
    """An expression and how it stands in its statement."""

    owner: ast.AST
    field: str
    index: int | None
    node: Any
    depth: int
    in_sum: bool
    in_local: bool
    matrix: bool
    statement: Any
    base: Any = None


@dataclass(slots=True)
class Scope:
    """What names mean in the user's function, from one run of it."""

    values: dict[str, Any]
    namespace: dict[str, Any]
    extra: tuple[str, ...] = ()
    outputs: frozenset[str] = frozenset()

    def evaluate(self, node: ast.expr) -> Any:
        """The value of an expression at the end of the run, None if it can't be had."""
        try:
            code = compile(ast.fix_missing_locations(ast.Expression(copy.deepcopy(node))), "<expression>", "eval")
            with np.errstate(all="ignore"):
                return eval(code, self.namespace, dict(self.values))
        except Exception:  # a loop variable that is gone, a shape that does not fit: no value
            return None

    def is_number(self, node: ast.expr) -> bool:
        """Whether an expression is one number."""
        value = self.evaluate(node)
        return value is not None and np.ndim(value) == 0 and not isinstance(value, str)

    def arrays(self) -> list[str]:
        """Names of arrays."""
        return [
            name for name, x in self.values.items() if isinstance(x, np.ndarray) and x.ndim and x.dtype.kind in "fciub"
        ]

    def numbers(self) -> list[str]:
        """Names of numbers."""
        return [
            name for name, x in self.values.items()
            if np.ndim(x) == 0 and isinstance(x, (int, float, np.number)) and not isinstance(x, bool)
        ]  # fmt: skip


def edits_of(function: ast.AST, scope: Scope) -> list[Edit]:
    """Every proposal, smallest first; among equals the outermost on the latest line."""
    found: list[Edit] = []
    for spot in _spots(function):
        found += _expression_edits(spot, scope)
    for owner, field, index, statement in _statements(function):
        found += statement_edits(owner, field, index, statement)
    found.sort(key=lambda edit: (round(edit.cost, 2), -edit.line, edit.depth))
    return found


# ── walking ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _statements(function: ast.AST) -> Iterator[tuple[ast.AST, str, int, ast.stmt]]:
    for owner in ast.walk(function):
        for field in ("body", "orelse"):
            block = getattr(owner, field, None)
            if isinstance(block, list):
                for index, statement in enumerate(block):
                    yield owner, field, index, statement


def _spots(function: ast.AST) -> Iterator[Spot]:
    """All expressions that are read, with their surroundings."""
    if isinstance(function, ast.Lambda):
        yield from _inside(Spot(function, "body", None, function.body, 0, False, False, False, function))
        return
    for _, _, _, statement in _statements(function):
        for field in ("value", "test", "iter"):
            node = getattr(statement, field, None)
            if isinstance(node, ast.expr) and not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
                yield from _inside(Spot(statement, field, None, node, 0, False, False, False, statement))


def _inside(spot: Spot) -> Iterator[Spot]:
    yield spot
    node = spot.node
    in_sum = spot.in_sum or (isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)))
    in_local = spot.in_local or _is_local(node)
    matrix = isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)
    for field, value in ast.iter_fields(node):
        if isinstance(node, ast.Call) and field == "func" and isinstance(value, ast.Attribute):
            if _is_method(value):
                yield from _inside(
                    Spot(value, "value", None, value.value, spot.depth + 1, in_sum, in_local, matrix, spot.statement)
                )
            continue
        if isinstance(value, ast.expr):
            yield from _inside(Spot(node, field, None, value, spot.depth + 1, in_sum, in_local, matrix, spot.statement))
        elif isinstance(value, list):
            for i, item in enumerate(value):
                if isinstance(item, ast.expr) and not (isinstance(node, ast.Dict) and field == "keys"):
                    yield from _inside(
                        Spot(node, field, i, item, spot.depth + 1, in_sum, in_local, matrix, spot.statement)
                    )


def _is_method(function: ast.Attribute) -> bool:
    """``dZ.sum(...)``, not ``np.sum(...)``."""
    return not (isinstance(function.value, ast.Name) and function.value.id in ("np", "numpy", "math"))


def _is_local(node: ast.AST) -> bool:
    """Whether an expression looks like a local derivative: ``1 - A**2``, ``A*(1 - A)``, ``Z > 0``, ``np.cos(x)``."""
    if isinstance(node, ast.Compare):
        return True
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Pow):
            return True
        one = isinstance(node.left, ast.Constant) and node.left.value in (1, 1.0)
        return one and isinstance(node.op, (ast.Sub, ast.Add))
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ELEMENTWISE


# ── expressions ──────────────────────────────────────────────────────────────────────────────────────────────────


def _expression_edits(spot: Spot, scope: Scope) -> Iterator[Edit]:
    node = spot.node
    line: int = node.end_lineno or 0

    returned = isinstance(spot.statement, ast.Return) and isinstance(node, ast.Name)

    def edit(new: ast.expr, kind: str, cost: float, says: str = "") -> Edit:
        cost += 0.3 if returned else 0.0  # rather where the variable gets its value
        return Edit(spot.owner, spot.field, spot.index, node, new, kind, cost, line, spot.depth, says)

    scale = "term-scale" if spot.in_sum else "scale"
    if isinstance(node, ast.Name):
        yield from _names(spot, scope, edit)
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        spot.base = scope.evaluate(spot.owner.left) if isinstance(spot.owner, ast.BinOp) else None
        yield from _constants(spot, edit, scale)
    if isinstance(node, ast.BinOp):
        yield from _binary(spot, scope, edit, scale)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield edit(node.operand, "sign", 1.0)
    if isinstance(node, ast.Call):
        yield from _calls(spot, scope, edit)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in FLIPPED:
        flipped = ast.Compare(node.left, [FLIPPED[type(node.ops[0])]()], node.comparators)
        yield edit(flipped, "mask-inverted", 1.0)
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield edit(node.value, "transpose", 1.0)
    if isinstance(node, ast.Subscript):
        yield from _subscripts(spot, edit)
    if isinstance(node, ast.IfExp):
        yield edit(node.body, "missing-term", 2.0)
        yield edit(node.orelse, "missing-term", 2.0)
    if isinstance(node, (ast.Name, ast.BinOp, ast.Call, ast.Attribute, ast.Subscript, ast.UnaryOp)):
        yield from _anything(spot, scope, edit, scale)


Make = Callable[..., Edit]


def _names(spot: Spot, scope: Scope, edit: Make) -> Iterator[Edit]:
    name = spot.node.id
    value = scope.values.get(name)
    if value is None or not np.size(value):
        return
    kind = "wrong-local" if spot.in_local else "wrong-operand"
    for other, x in scope.values.items():
        if (
            other != name
            and not other.startswith("_")
            and (np.ndim(x) > 0) == (np.ndim(value) > 0)
            and isinstance(x, (np.ndarray, np.generic, int, float))
        ):
            similar = 0.0 if np.shape(x) == np.shape(value) else 0.3
            if np.ndim(value) == 0 and np.ndim(x) == 0:
                variable = {name, other} & scope.outputs
                kind = "wrong-operand" if variable else "term-scale" if spot.in_sum else "scale"
            yield edit(ast.Name(other, ast.Load()), kind, 1.5 + similar)
    if np.ndim(value) == 2:
        yield edit(ast.Attribute(spot.node, "T", ast.Load()), "transpose", 1.0 if spot.matrix else 1.4)
    if np.ndim(value) > 0 and value.dtype.kind == "c":
        yield edit(_call("np.conj", spot.node), "conj", 1.2)
    if np.ndim(value) > 0 and _binary_mask(value):
        yield edit(ast.BinOp(ast.Constant(1), ast.Sub(), spot.node), "mask-inverted", 1.3)


def _binary_mask(value: Any) -> bool:
    return bool(np.isin(value, (0, 1)).all())


def _constants(spot: Spot, edit: Make, scale: str) -> Iterator[Edit]:
    value = spot.node.value
    if isinstance(spot.owner, (ast.Subscript, ast.Slice, ast.keyword)):
        return
    power = isinstance(spot.owner, ast.BinOp) and isinstance(spot.owner.op, ast.Pow) and spot.field == "right"
    number = power and np.ndim(spot.base) == 0
    for other in (1, 2, 3, 0.5, 4, 0):
        if other != value and (power or other != 0):
            kind = scale if number else "wrong-local" if power or spot.in_local else scale
            yield edit(ast.Constant(other), kind, 1.3 if other in (1, 2) else 1.7)


def _binary(spot: Spot, scope: Scope, edit: Make, scale: str) -> Iterator[Edit]:
    node = spot.node
    left, right, op = node.left, node.right, node.op
    if isinstance(op, (ast.Mult, ast.Div, ast.Pow)):
        is_number = scope.is_number(right)
        kind = scale if is_number else "wrong-local" if spot.in_local else "extra-local"
        if isinstance(op, ast.Pow):
            kind = scale if scope.is_number(left) else "wrong-local"
        yield edit(left, kind, 1.2, "drop")
        if isinstance(left, ast.BinOp) and isinstance(left.op, (ast.Mult, ast.Div)) and not is_number:
            yield edit(left.left, "extra-local", 1.6, "drop")
        if isinstance(op, ast.Mult):
            yield edit(right, scale if scope.is_number(left) else "extra-local", 1.3, "drop")
            yield edit(ast.BinOp(left, ast.Div(), right), scale if is_number else "wrong-operand", 1.6)
        if isinstance(op, ast.Div):
            yield edit(ast.BinOp(left, ast.Mult(), right), scale if is_number else "wrong-operand", 1.6)
    if isinstance(op, (ast.Add, ast.Sub)):
        other = ast.Sub() if isinstance(op, ast.Add) else ast.Add()
        square = isinstance(right, ast.BinOp) and isinstance(right.op, ast.Pow)
        yield edit(ast.BinOp(left, other, right), "wrong-local" if square and _is_local(node) else "sign", 1.1)
        term = scale if scope.is_number(node) else "extra-term"
        yield edit(left, term, 1.6, "drop")
        yield edit(right, term, 1.7, "drop")
        if isinstance(op, ast.Sub):
            yield edit(ast.BinOp(right, op, left), "sign", 1.2)
            one = isinstance(left, ast.Constant) and left.value == 1
            if one and _binary_mask_value(scope.evaluate(right)):
                yield edit(right, "mask-inverted", 1.0)
    if (
        isinstance(op, ast.Mult)
        and isinstance(left, ast.Constant)
        and left.value == 2
        and np.ndim(scope.evaluate(right)) == 2
    ):
        yield edit(ast.BinOp(right, ast.Add(), ast.Attribute(right, "T", ast.Load())), "transpose", 1.4)
    if isinstance(op, ast.MatMult):
        yield edit(ast.BinOp(right, op, left), "wrong-operand", 1.8)
        yield edit(ast.BinOp(_turned(right), op, _turned(left)), "transpose", 1.9)


def _binary_mask_value(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim > 0 and _binary_mask(value)


def _turned(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return node.value
    return ast.Attribute(node, "T", ast.Load())


def _call(function: str, *args: ast.expr, **keywords: Any) -> ast.Call:
    return ast.Call(parsed(function), list(args), [ast.keyword(k, ast.Constant(v)) for k, v in keywords.items()])


def _calls(spot: Spot, scope: Scope, edit: Make) -> Iterator[Edit]:
    node = spot.node
    function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    method = isinstance(node.func, ast.Attribute) and _is_method(node.func)
    for other in FUNCTIONS.get(function, ()):
        if isinstance(node.func, ast.Attribute):
            reducing = {function, other} <= {"sum", "mean"}
            kind = (
                ("term-scale" if spot.in_sum else "scale")
                if reducing
                else "axis"
                if "max" in function
                else "wrong-local"
            )
            func = ast.Attribute(node.func.value, other, ast.Load())
            yield edit(ast.Call(func, node.args, node.keywords), kind, 1.1 if reducing else 1.3)
    if function in ("sum", "mean", "max", "min", "prod", "cumsum"):
        yield from _axis_edits(node, method, edit)
    else:
        for k, keyword in enumerate(node.keywords):
            if keyword.arg == "axis" and isinstance(keyword.value, ast.Constant):
                for axis in (0, 1, -1):
                    if axis != keyword.value.value:
                        changed = [*node.keywords[:k], ast.keyword("axis", ast.Constant(axis)), *node.keywords[k + 1 :]]
                        yield edit(ast.Call(node.func, node.args, changed), "axis", 1.0)
    if len(node.args) == 1 and not method and function in ELEMENTWISE:
        yield edit(node.args[0], "wrong-local", 1.6, "unwrap")
        square = ast.BinOp(node, ast.Pow(), ast.Constant(2))
        yield edit(ast.BinOp(ast.Constant(1), ast.Sub(), square), "wrong-local", 1.8)
    if len(node.args) == 1 and function in ("conj", "conjugate", "real", "imag"):
        yield edit(node.args[0], "conj", 1.1)
    if function == "real" and len(node.args) == 1:
        yield edit(_call("np.conj", node.args[0]), "conj", 1.3)
    if len(node.args) == 2 and function in ("outer", "dot", "matmul", "convolve"):
        kind = "transpose" if function == "outer" else "wrong-operand"
        yield edit(ast.Call(node.func, node.args[::-1], node.keywords), kind, 1.3)
    if function == "where" and len(node.args) == 3:
        yield edit(ast.Call(node.func, [node.args[0], node.args[2], node.args[1]], []), "mask-inverted", 1.2)
    if (
        function in ("sum", "mean", "max", "min")
        and isinstance(node.func, ast.Attribute)
        and not method
        and len(node.args) == 1
        and not node.keywords
    ):
        for axis in (0, 1):
            for keep in (True, False):
                yield edit(_call(f"np.{function}", node.args[0], **_axis(axis, keep)), "axis", 1.5)
    if function == "ones_like" and node.args and isinstance(node.args[0], ast.Name):
        for known in scope.arrays():
            yield edit(ast.Name(known, ast.Load()), "mask-missing", 2.2)


def _axis(axis: int | None, keep: bool) -> dict[str, Any]:
    return {"axis": axis, "keepdims": True} if keep else {"axis": axis}


def _axis_edits(node: ast.Call, method: bool, edit: Make) -> Iterator[Edit]:
    keywords = {k.arg: k for k in node.keywords}
    others = [k for k in node.keywords if k.arg != "axis"]
    current = keywords["axis"].value if "axis" in keywords else None
    for axis in (0, 1, 2, -1):
        if current is not None and not (isinstance(current, ast.Constant) and current.value == axis):
            yield edit(ast.Call(node.func, node.args, [ast.keyword("axis", ast.Constant(axis)), *others]), "axis", 1.0)
    if current is not None:
        yield edit(ast.Call(node.func, node.args, others), "axis", 1.3)
    if "keepdims" in keywords:
        yield edit(ast.Call(node.func, node.args, [k for k in node.keywords if k.arg != "keepdims"]), "keepdims", 1.2)
    else:
        yield edit(
            ast.Call(node.func, node.args, [*node.keywords, ast.keyword("keepdims", ast.Constant(True))]),
            "keepdims",
            0.9,
        )
        for axis in (0, 1):
            if current is not None:
                new = [ast.keyword("axis", ast.Constant(axis)), *others, ast.keyword("keepdims", ast.Constant(True))]
                yield edit(ast.Call(node.func, node.args, new), "axis", 1.6)
    inner = node.func.value if method and isinstance(node.func, ast.Attribute) else node.args[0] if node.args else None
    if inner is not None:
        yield edit(inner, "axis", 1.9, "unwrap")


def _subscripts(spot: Spot, edit: Make) -> Iterator[Edit]:
    node = spot.node
    index = node.slice
    if isinstance(index, ast.Slice) and isinstance(index.step, ast.UnaryOp):
        yield edit(node.value, "flip", 1.0)
    shape = isinstance(node.value, ast.Attribute) and node.value.attr == "shape"
    if isinstance(index, ast.Constant) and type(index.value) is int:
        for other in (0, 1, 2):
            if other != index.value:
                kind = "scale" if shape else "wrong-operand"
                yield edit(ast.Subscript(node.value, ast.Constant(other), ast.Load()), kind, 1.4)
    moved: list[ast.expr] = []
    if isinstance(index, ast.Name):
        moved = [parsed(f"{index.id} + 1"), parsed(f"{index.id} - 1")]
    elif isinstance(index, ast.BinOp) and isinstance(index.op, (ast.Add, ast.Sub)):
        moved = [index.left]
    for new in moved:
        kind = "wrong-local" if spot.in_local else "wrong-operand"
        yield edit(ast.Subscript(node.value, new, ast.Load()), kind, 1.2)


def _anything(spot: Spot, scope: Scope, edit: Make, scale: str) -> Iterator[Edit]:
    """Changes that any expression can have: a sign, a factor, a term, a transpose, a wrapper."""
    node = spot.node
    argument = isinstance(spot.owner, ast.Call) and isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)
    whole = (
        spot.depth == 0
        or isinstance(spot.owner, (ast.Dict, ast.Tuple, ast.List, ast.Return))
        or spot.in_sum
        or argument
    )
    value = scope.evaluate(node)
    if not (value is None or _is_numeric(value)):
        return
    operand = isinstance(spot.owner, ast.BinOp) and isinstance(spot.owner.op, (ast.Mult, ast.Div, ast.MatMult))
    if whole or operand:
        yield edit(ast.UnaryOp(ast.USub(), node), "sign", 1.2 if whole else 1.6)
    if whole or isinstance(node, ast.Name):
        outer = 0.0 if whole else 0.4
        for name in (*scope.numbers(), *scope.extra, *SCALARS):
            factor = parsed(name)
            kind = "missing-local" if name in scope.outputs else scale
            yield edit(ast.BinOp(node, ast.Div(), factor), kind, 1.4 + outer)
            if name not in ("0.5",):
                yield edit(ast.BinOp(node, ast.Mult(), factor), kind, 1.4 + outer)
    if np.ndim(value) == 2 and not isinstance(node, ast.Name):
        yield edit(ast.Attribute(node, "T", ast.Load()), "transpose", 1.1 if whole else 1.5)
    if np.ndim(value) >= 1:
        for axis in range(-1, np.ndim(value)):
            for keep in (True, False):
                if whole and not (axis < 0 and keep):
                    keywords = {} if axis < 0 else _axis(axis, keep)
                    yield edit(_call("np.sum", node, **keywords), "not-reduced", 1.5)
        if whole or isinstance(node, ast.Name):
            yield edit(ast.Subscript(node, parsed("x[::-1]").slice, ast.Load()), "flip", 1.5)  # type: ignore[attr-defined]
    if isinstance(node, ast.Name) and np.ndim(value) >= 0 and value is not None:
        power = scale if np.ndim(value) == 0 else "wrong-local"
        yield edit(ast.BinOp(node, ast.Pow(), ast.Constant(2)), power, 1.5)
        if spot.in_local and not whole:
            for shifted in (ast.BinOp(node, ast.Add(), ast.Constant(1)), ast.BinOp(node, ast.Sub(), ast.Constant(1))):
                yield edit(shifted, "wrong-local", 2.2)
        for wrapper in WRAPPERS:
            if "conj" not in wrapper or np.iscomplexobj(value):
                yield edit(parsed(wrapper.format(node.id)), "wrong-local", 1.8)
    yield from _with_arrays(spot, scope, edit, value, whole)


def _is_numeric(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic, int, float))


def _with_arrays(spot: Spot, scope: Scope, edit: Make, value: Any, whole: bool) -> Iterator[Edit]:
    """A factor or a term that was left out."""
    node = spot.node
    if value is not None and np.ndim(value) == 0 and not whole:
        return
    if isinstance(spot.owner, ast.Attribute) or isinstance(node, ast.UnaryOp):
        return
    simple = isinstance(node, (ast.Name, ast.Subscript))
    if not whole and not simple:
        return
    outer = 0.0 if whole else 0.2
    for name in scope.arrays():
        x = scope.values[name]
        if value is not None and not _broadcasts(x, value):
            continue
        other = ast.Name(name, ast.Load())
        mask = "mask-missing" if _binary_mask(x) else "missing-local"
        yield edit(ast.BinOp(node, ast.Mult(), other), mask, 1.7 + outer)
        yield edit(ast.BinOp(node, ast.Div(), other), "missing-local", 1.9 + outer)
        if whole:
            for form in (
                "(1 - {0}**2)",
                "{0} * (1 - {0})",
                "(1 - {0})",
                "({0} > 0)",
                "({0} < 1)",
                "{0}**2",
                "np.log({0})",
                "np.exp({0})",
            ):
                new = ast.BinOp(node, ast.Mult(), parsed(form.format(name)))
                yield edit(new, "missing-local", 2.1 + outer)
        product = isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)
        if value is None or np.shape(x) == np.shape(value) or product:
            yield edit(ast.BinOp(node, ast.Sub(), other), "missing-term", 1.8 + outer)
            yield edit(ast.BinOp(node, ast.Add(), other), "missing-term", 1.8 + outer)
    if whole and isinstance(value, np.ndarray):
        yield from _penalties(spot, scope, edit, value)
        yield edit(ast.BinOp(node, ast.Sub(), ast.Constant(1)), "missing-term", 2.0)
        yield edit(ast.BinOp(node, ast.Add(), ast.Constant(1)), "missing-term", 2.0)


def _broadcasts(x: Any, value: Any) -> bool:
    try:
        return bool(np.broadcast_shapes(np.shape(x), np.shape(value)) == np.shape(value))
    except ValueError:
        return False


def _penalties(spot: Spot, scope: Scope, edit: Make, value: Any) -> Iterator[Edit]:
    """``+ lam/m * W``: the regulariser's part."""
    numbers = scope.numbers()[:6]
    for name in scope.arrays():
        if np.shape(scope.values[name]) != np.shape(value):
            continue
        for a in numbers:
            for form in (
                "{a} * {w}",
                "2 * {a} * {w}",
                *(f"{{a}} / {b} * {{w}}" for b in (*numbers, *scope.extra) if b != a),
            ):
                term = parsed(form.format(a=a, w=name))
                yield edit(ast.BinOp(spot.node, ast.Add(), term), "missing-term", 2.4)
