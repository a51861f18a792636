"""The user's function, and the helpers it calls, as a syntax tree that can be changed and run again."""

from __future__ import annotations

import ast
import inspect
import linecache
import textwrap
import tokenize
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .outputs import owner

__all__ = ["Source", "source_of", "typed_at_a_prompt"]

HELPERS = 6
"""At most so many helper functions are read along."""


@dataclass(slots=True)
class Source:
    """A function's own source.

    Attributes
    ----------
    tree : ast.Module
        The definitions of the helpers and, last, of the function (or ``__lambda__ = lambda …``).
    name : str
        What running the tree defines.
    function : callable
        The original.
    numbered : bool
        Whether line numbers mean something to a reader (not in a lambda).
    """

    tree: ast.Module
    name: str
    function: Any
    numbered: bool

    @property
    def file(self) -> str:
        """Where the code stands."""
        code: types.CodeType = plain_function(self.function).__code__
        return code.co_filename

    def line(self, number: int) -> str:
        """One line of the file, stripped."""
        return linecache.getline(self.file, number).strip()

    def line_of(self, outputs: Sequence[str]) -> int | None:
        """Where the first of these outputs is returned: its dict entry, else the return statement."""
        found = None
        for node in ast.walk(self.tree.body[-1]):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and owner(str(key.value), outputs) is not None:
                        return value.lineno
            if isinstance(node, ast.Return) and node.value is not None:
                found = node.value.lineno
        return found

    def build(self) -> Callable[..., Any]:
        """The function that the tree now defines, with the original's globals, closure, defaults and self."""
        plain = plain_function(self.function)
        namespace = dict(plain.__globals__)
        namespace.update(closure_of(plain))
        exec(compile(self.tree, self.file, "exec"), namespace)
        made = namespace[self.name]
        made.__defaults__, made.__kwdefaults__ = plain.__defaults__, plain.__kwdefaults__
        owner = getattr(self.function, "__self__", None)
        return types.MethodType(made, owner) if owner is not None else made


def plain_function(function: Any) -> Any:
    """The Python function inside a method or a wrapped function."""
    unwrapped = inspect.unwrap(function)
    return getattr(unwrapped, "__func__", unwrapped)


def closure_of(function: Any) -> dict[str, Any]:
    """The variables that a closure took along, by name."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not filled yet
            continue
    return found


def source_of(function: Any) -> Source | None:
    """The function's source, None where it has none (a builtin, a C extension, typed at a prompt)."""
    function = inspect.unwrap(function)
    if not isinstance(plain_function(function), types.FunctionType):
        function = getattr(function, "__call__", None)  # noqa: B004 (an object that is called: its method is the source)
        if not isinstance(plain_function(function), types.FunctionType):
            return None
    plain = plain_function(function)
    if plain.__name__ == "<lambda>":
        return _lambda(plain, function)
    tree = _tree(plain)
    if tree is None:
        return None
    main = _definition(tree, plain)
    if main is None:
        return None
    return Source(ast.Module([*_helpers(main, plain), main], []), main.name, function, True)


def typed_at_a_prompt(function: Any) -> bool:
    """Whether its lines are gone because Python's own prompt keeps none (before 3.13)."""
    code = getattr(plain_function(inspect.unwrap(function)), "__code__", None)
    return code is not None and code.co_filename == "<stdin>" and source_of(function) is None


def _tree(plain: Any) -> ast.Module | None:
    try:
        lines, first = inspect.getsourcelines(plain)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, IndexError, SyntaxError, tokenize.TokenError):  # the file was changed meanwhile
        return None
    ast.increment_lineno(tree, max(first, 1) - 1)
    return tree


def _definition(tree: ast.Module, plain: Any) -> ast.FunctionDef | None:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == plain.__name__:
            node.decorator_list = []
            node.returns = None
            for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
                argument.annotation = None
            node.args.defaults = [ast.Constant(None) for _ in node.args.defaults]
            node.args.kw_defaults = [default and ast.Constant(None) for default in node.args.kw_defaults]
            return ast.fix_missing_locations(node)
    return None


def _helpers(main: ast.FunctionDef, plain: Any) -> list[ast.FunctionDef]:
    """Plain functions of the same file that the function calls by name."""
    known = {**plain.__globals__, **closure_of(plain)}
    found: list[ast.FunctionDef] = []
    for node in ast.walk(main):
        helper = known.get(node.func.id) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
        if not isinstance(helper, types.FunctionType) or helper is plain or helper.__closure__ or helper.__defaults__:
            continue
        if helper.__code__.co_filename != plain.__code__.co_filename or any(helper.__name__ == f.name for f in found):
            continue
        tree = _tree(helper)
        definition = None if tree is None else _definition(tree, helper)
        if definition is not None and definition.name == node.func.id and len(found) < HELPERS:  # type: ignore[attr-defined]
            found.append(definition)
    return found


def _same_code(node: ast.Lambda, plain: Any) -> bool:
    compiled = compile(ast.fix_missing_locations(ast.Expression(node)), "<lambda>", "eval")
    code = next(c for c in compiled.co_consts if isinstance(c, types.CodeType))
    wanted = plain.__code__
    names = code.co_varnames[: code.co_argcount] == wanted.co_varnames[: wanted.co_argcount]
    return names and code.co_consts == wanted.co_consts and set(code.co_names) <= {
        *wanted.co_names, *wanted.co_freevars}  # fmt: skip


def _lambda(plain: Any, function: Any) -> Source | None:
    """A lambda, if no other one on its line compiles to the same code."""
    code = plain.__code__
    linecache.checkcache(code.co_filename)
    try:
        tree = ast.parse("".join(linecache.getlines(code.co_filename)))
    except SyntaxError:
        return None
    on_line = [n for n in ast.walk(tree) if isinstance(n, ast.Lambda) and n.lineno == code.co_firstlineno]
    found = [n for n in on_line if _same_code(n, plain)]
    if len(found) != 1:
        return None
    assign = ast.Assign([ast.Name("__lambda__", ast.Store())], found[0])
    ast.copy_location(assign, found[0])
    ast.fix_missing_locations(assign)
    return Source(ast.Module([assign], []), "__lambda__", function, False)
