"""Changes of whole statements, and what a change is."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

__all__ = ["Edit", "parsed", "statement_edits"]


@dataclass(slots=True)
class Edit:
    """One change of the tree.

    Attributes
    ----------
    owner, field, index
        Where the changed node hangs: ``getattr(owner, field)``, or its entry `index`.
    old, new : ast node
        Before and after.
    kind : str
        The slip that it undoes.
    cost : float
        How small it is.
    line, depth : int
        For the order among equal costs.
    """

    owner: ast.AST
    field: str
    index: int | None
    old: Any
    new: Any
    kind: str
    cost: float
    line: int
    depth: int
    says: str = ""

    def put(self, node: Any) -> None:
        """Hang `node` in the place."""
        if self.index is None:
            setattr(self.owner, self.field, node)
        else:
            getattr(self.owner, self.field)[self.index] = node


@lru_cache(maxsize=4096)
def parsed(text: str) -> ast.expr:
    """An expression from its source."""
    return ast.parse(text, mode="eval").body


def statement_edits(owner: ast.AST, field: str, index: int, statement: ast.stmt) -> Iterator[Edit]:
    """``=`` for ``+=``, ``-=`` for ``+=``, an index that repeats, two results exchanged."""
    line = statement.lineno

    def edit(new: ast.stmt, kind: str, cost: float) -> Edit:
        return Edit(owner, field, index, statement, new, kind, cost, line, 0)

    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        added = ast.AugAssign(_stored(target), ast.Add(), statement.value)
        yield edit(added, "accumulate", 1.1)
        if isinstance(target, ast.Subscript):
            yield edit(_add_at(target, statement.value), "accumulate", 1.2)
    if isinstance(statement, ast.AugAssign):
        if isinstance(statement.op, (ast.Add, ast.Sub)):
            other = ast.Sub() if isinstance(statement.op, ast.Add) else ast.Add()
            yield edit(ast.AugAssign(statement.target, other, statement.value), "sign", 1.1)
            yield edit(ast.Assign([statement.target], statement.value), "extra-term", 1.4)
        if isinstance(statement.target, ast.Subscript) and isinstance(statement.op, ast.Add):
            yield edit(_add_at(statement.target, statement.value), "accumulate", 1.0)
    if isinstance(statement, ast.Return):
        yield from _returns(statement, edit)


def _stored(target: ast.expr) -> Any:
    new = copy.deepcopy(target)
    return new


def _add_at(target: ast.Subscript, value: ast.expr) -> ast.stmt:
    array = copy.deepcopy(target.value)
    index = copy.deepcopy(target.slice)
    for node in ast.walk(array):
        if hasattr(node, "ctx"):
            node.ctx = ast.Load()
    return ast.Expr(ast.Call(parsed("np.add.at"), [array, index, value], []))


def _returns(statement: ast.Return, edit: Callable[[ast.stmt, str, float], Edit]) -> Iterator[Edit]:
    """Two results exchanged."""
    value = statement.value
    if isinstance(value, ast.Tuple) and 2 <= len(value.elts) <= 6:
        for i in range(len(value.elts)):
            for k in range(i + 1, len(value.elts)):
                swapped = list(value.elts)
                swapped[i], swapped[k] = swapped[k], swapped[i]
                yield edit(ast.Return(ast.Tuple(swapped, ast.Load())), "wrong-operand", 1.2)
    if isinstance(value, ast.Dict) and 2 <= len(value.values) <= 6:
        for i in range(len(value.values)):
            for k in range(i + 1, len(value.values)):
                values = list(value.values)
                values[i], values[k] = values[k], values[i]
                yield edit(ast.Return(ast.Dict(value.keys, values)), "wrong-operand", 1.2)
