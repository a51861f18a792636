"""Wrong formulas made from right ones: one number, operator, name, sign or axis changed at a time."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Gt: ast.Lt,
    ast.Lt: ast.Gt,
    ast.GtE: ast.Lt,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.In: ast.NotIn,
}
FUNCTIONS = {"exp": "log", "log": "exp", "sum": "mean", "mean": "sum", "sigmoid": "tanh", "tanh": "sigmoid"} | {
    "zeros": "ones",
    "ones": "zeros",
    "maximum": "minimum",
    "minimum": "maximum",
    "max": "min",
    "min": "max",
    "relu": "tanh",
    "abs": "square",
    "sqrt": "square",
    "zeros_like": "ones_like",
    "ones_like": "zeros_like",
}


def mutants(code: str) -> Iterator[tuple[str, str]]:
    """Each mutant with what was changed."""
    tree = ast.parse(code)
    names = sorted(_values(tree))
    for k, node in enumerate(ast.walk(tree)):
        for what, changed in _changes(node, names):
            mutant = copy.deepcopy(tree)
            place = list(ast.walk(mutant))[k]
            for field, value in changed.items():
                setattr(place, field, value)
            yield what, ast.unparse(ast.fix_missing_locations(mutant))


def _values(tree: ast.AST) -> set[str]:
    """Names that are read as values, not called as functions or modules."""
    used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    called = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    return used - called - {"np"}


def _changes(node: ast.AST, names: list[str]) -> Iterator[tuple[str, dict[str, object]]]:
    match node:
        case ast.Constant(value=bool() as value):
            yield f"{value} → {not value}", {"value": not value}
        case ast.Constant(value=int() | float() as value):
            yield f"{value} → {value + 1}", {"value": value + 1}
        case ast.BinOp(op=op) | ast.AugAssign(op=op) | ast.BoolOp(op=op) if type(op) in OPERATORS:
            yield f"{type(op).__name__} → {OPERATORS[type(op)].__name__}", {"op": OPERATORS[type(op)]()}
        case ast.Compare(ops=[op, *rest]) if type(op) in OPERATORS:
            yield f"{type(op).__name__} → {OPERATORS[type(op)].__name__}", {"ops": [OPERATORS[type(op)](), *rest]}
        case ast.UnaryOp(op=ast.USub()):
            yield "sign dropped", {"op": ast.UAdd()}
        case ast.Attribute(attr=name) if name in FUNCTIONS:
            yield f"{name} → {FUNCTIONS[name]}", {"attr": FUNCTIONS[name]}
        case ast.Call(func=ast.Name(id=name)) if name in FUNCTIONS and FUNCTIONS[name] not in ("sum", "mean"):
            yield f"{name} → {FUNCTIONS[name]}", {"func": ast.Name(FUNCTIONS[name], ast.Load())}
        case ast.Attribute(attr="T"):
            yield "transpose dropped", {"attr": "real"}
        case ast.Name(id=name, ctx=ast.Load()) if name in names:
            others = [other for other in names if other != name]
            if others:
                other = others[names.index(name) % len(others)]
                yield f"{name} → {other}", {"id": other}
