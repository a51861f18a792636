r"""A formula as text that runs: the line that is printed is the line that is computed.

Formula("dz = a - y")                    # reads a and y, gives dz
Formula("u = b * c\nJ = 3 * (a + u)")    # reads b, c, a; gives u and J
"""

from __future__ import annotations

import ast
import builtins
import linecache
import textwrap
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ..errors import BadInputError
from ..nn import functions

__all__ = ["NAMES", "Formula"]

NAMES: dict[str, Any] = {
    "np": np,
    **{
        name: getattr(functions, name)
        for name in ("sigmoid", "tanh", "relu", "leaky_relu", "softmax", "log_softmax", "logsumexp")
    },
}
"""What every formula may call beside its own inputs; a sixth of the notes is written with these."""


class Formula:
    """Lines of plain NumPy in the notes' letters, compiled.

    Parameters
    ----------
    code : str
        Assignments, loops, or one expression (then called ``result``). Names that are read before they are
        assigned are its inputs.
    using : dict, optional
        Functions that it may call, beside `NAMES`.

    Raises
    ------
    SyntaxError
        If the code isn't Python.

    Examples
    --------
    >>> dz = Formula("dz = a - y")
    >>> dz.inputs, dz.outputs, dz(a=0.75, y=1.0)
    (['a', 'y'], ['dz'], {'dz': -0.25})
    """

    def __init__(self, code: str, using: Mapping[str, Any] | None = None) -> None:
        self.code: str = textwrap.dedent(code).strip("\n")
        self.using: dict[str, Any] = {**NAMES, **(using or {})}
        tree = ast.parse(self.code)
        last = tree.body[-1]
        if isinstance(last, ast.Expr):
            tree.body[-1] = ast.Assign([ast.Name("result", ast.Store())], last.value)
            self._lines = ast.unparse(ast.fix_missing_locations(tree))
        else:
            self._lines = self.code
        reader = _Reader({*self.using, *dir(builtins)})
        reader.visit(tree)
        self.inputs: list[str] = reader.free
        self.outputs: list[str] = [name for name in reader.bound if name not in reader.local]
        self._run = self.function(self.outputs)

    def function(self, outputs: Iterable[str] | str, inputs: Iterable[str] = ()) -> Callable[..., Any]:
        """The formula as a function of its inputs that returns one variable, or a dict of several.

        Other `inputs` may come first in its parameters, read or not.

        Examples
        --------
        >>> Formula("u = b * c").function("u")(b=2, c=3)
        6
        """
        several = "{" + ", ".join(f'"{name}": {name}' for name in outputs) + "}"
        back = outputs if isinstance(outputs, str) else several
        parameters = ", ".join(dict.fromkeys([*inputs, *self.inputs]))
        source = f"def formula({parameters}):\n{textwrap.indent(self._lines, '    ')}\n    return {back}\n"
        file = f"<notes {zlib.crc32(source.encode()):08x}>"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        scope = dict(self.using)
        exec(compile(source, file, "exec"), scope)
        function: Callable[..., Any] = scope["formula"]
        return function

    def __call__(self, **inputs: Any) -> dict[str, Any]:
        """Every variable that the formula assigns, for inputs given by name; inputs it doesn't read are ignored.

        Raises
        ------
        NameError
            If it reads a name that isn't given.
        """
        for name in self.inputs:
            if name not in inputs:
                raise NameError(f"name {name!r} is not defined")
        with np.errstate(all="ignore"):
            found: dict[str, Any] = self._run(**{name: _copied(inputs[name]) for name in self.inputs})
        return found

    @property
    def last(self) -> str:
        """The name of what it computes in the end."""
        if not self.outputs:
            raise BadInputError(f"{self.code!r} computes nothing")
        return self.outputs[-1]


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


class _Reader(ast.NodeVisitor):
    """Which names code reads from outside, and which it assigns, in order."""

    def __init__(self, known: set[str]) -> None:
        self.known = known
        self.free: list[str] = []
        self.bound: list[str] = []
        self.local: set[str] = set()

    def visit_Name(self, node: ast.Name) -> None:
        name = node.id
        if isinstance(node.ctx, ast.Store):
            if name in self.bound:
                self.bound.remove(name)
            self.bound.append(name)
        elif name not in self.bound and name not in self.known and name not in self.free:
            self.free.append(name)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        if isinstance(node.target, ast.Name):
            self.visit(ast.Name(node.target.id, ast.Load()))
        self.visit(node.target)

    def visit_For(self, node: ast.For) -> None:
        self.visit(node.iter)
        self.visit(node.target)
        self.local |= {name.id for name in ast.walk(node.target) if isinstance(name, ast.Name)}
        for line in (*node.body, *node.orelse):
            self.visit(line)

    def _visit_comprehension(self, node: Any) -> None:
        for generator in node.generators:
            self.visit(generator.iter)
            self.visit(generator.target)
            self.local |= {name.id for name in ast.walk(generator.target) if isinstance(name, ast.Name)}
            for condition in generator.ifs:
                self.visit(condition)
        for part in ("key", "value", "elt"):
            if hasattr(node, part):
                self.visit(getattr(node, part))

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _visit_comprehension

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.bound.append(node.name)
        self._with_arguments(node.args, node.body)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._with_arguments(node.args, [node.body])

    def _with_arguments(self, args: ast.arguments, body: Iterable[ast.AST]) -> None:
        names = {a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)}
        for default in args.defaults:
            self.visit(default)
        inner = _Reader(self.known | names | set(self.bound))
        for line in body:
            inner.visit(line)
        self.free += [name for name in inner.free if name not in self.free]
