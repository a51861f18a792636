"""What a function reads beside its arguments: closure variables, globals and defaults, and those of its helpers.

A compiled function must do what the function itself would do now, not what it would have done while it was traced:

* an array in a variable, or in a list, dict, tuple or dataclass there, becomes a hidden input, read anew at each call;
* a number, a string and the like is compared at each call: when it has changed, the function is traced again;
* an array inside another object (``self.W``, a Tensor) is compared with a copy at each call;
* what a method, a class or a function inside a container reads is compared in the same way;
* a random generator is replaced by one that refuses: it must be an argument. So must be what an iterator gives.

The function that is traced is a copy whose variables hold the trace's stand-ins.
"""

from __future__ import annotations

import dataclasses
import dis
import os
import random
import sys
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ..errors import CompileError, user_line
from ..pytree import flatten, unflatten
from ..rules import Composite, Rule
from .contents import FUNCTIONS, GENERATORS, PLAIN, Replayed, contents_of, everything_in, same_contents

__all__ = ["Capture", "Variable"]

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
NOT_CALLED = frozenset(("__init_subclass__", "__repr__", "__str__", "__del__", "__reduce__", "__getstate__"))
"""Special methods that computing with an object doesn't call."""


class Variable:
    """A closure cell, a global, a default: where it is, and how to read it."""

    __slots__ = ("key", "kind", "name", "owner")

    def __init__(self, kind: str, owner: Any, key: Any, name: str) -> None:
        self.kind: str = kind
        self.owner: Any = owner
        self.key: Any = key
        self.name: str = name

    def read(self) -> Any:
        """Its content now."""
        if self.kind == "cell":
            return self.owner.cell_contents
        if self.kind == "attribute":
            return getattr(self.owner, self.key)
        return self.owner[self.key]


class Capture:
    """Everything a function reads from outside, found before it is traced.

    Attributes
    ----------
    arrays : list of (Variable, structure)
        Variables that hold arrays, alone or in containers: hidden inputs.
    """

    def __init__(self, f: Callable[..., Any]) -> None:
        self.f: Callable[..., Any] = f
        self.arrays: list[tuple[Variable, Any]] = []
        self.fixed: list[tuple[Variable, Any]] = []
        self.objects: list[tuple[Variable, list[Any]]] = []
        self.generators: list[Any] = [random._inst, np.random.mtrand._rand]
        self._seen: set[tuple[int, bool]] = set()
        self._names: set[str] = set()  # of attributes that the functions read
        self._classes: dict[type, None] = {}
        self._scan(f)
        self._scan_classes()

    # finding

    def _scan(self, f: Any, copied: bool = True) -> None:
        """Find what `f` reads; with `copied` the trace runs a copy of it, and its arrays can be inputs."""
        if (id(f), copied) in self._seen:
            return
        self._seen.add((id(f), copied))
        if isinstance(f, Replayed):
            self._scan(f.f, copied)
        elif isinstance(f, partial):
            for part in (f.func, *f.args, *f.keywords.values()):
                self._scan(part, copied)
        elif isinstance(f, MethodType):
            self._object(Variable("item", [f.__self__], 0, "self"), f.__self__)
            self._scan(f.__func__, copied)
        elif isinstance(f, FunctionType):
            if _is_users(f):
                self._names |= _attribute_names(f.__code__)
            if vars(f).keys() - {"__wrapped__"}:  # which says whose signature it has
                self._object(Variable("item", [vars(f)], 0, f.__name__), vars(f))
            for variable in _variables(f):
                try:
                    content = variable.read()
                except (ValueError, KeyError, AttributeError):  # an empty cell, a name not yet bound
                    continue
                self._classify(variable, content, copied)
        elif hasattr(f, "__wrapped__"):  # functools.lru_cache and the like
            self._scan(f.__wrapped__, copied=False)
        elif not isinstance(f, (type, BuiltinFunctionType, np.ufunc)) and type(f).__module__ != "builtins":
            self._object(Variable("item", [f], 0, type(f).__name__), f)
            self._scan(vars(type(f)).get("__call__"), copied)

    def _classify(self, variable: Variable, content: Any, copied: bool) -> None:
        if _is_immutable(content):
            self.fixed.append((variable, content))
        elif isinstance(content, np.ndarray):
            if isinstance(content, (np.ma.MaskedArray, np.matrix)):
                raise CompileError(
                    f"{variable.name} is a {type(content).__name__}, which computes in a way of its own: make it an "
                    f"array before, x.filled(0.0) or np.asarray(x).{user_line()}"
                )
            if copied:
                self.arrays.append((variable, None))
            else:
                self._object(variable, content)
        elif isinstance(content, (type, BuiltinFunctionType, np.ufunc)):
            if variable.kind == "cell":
                self.fixed.append((variable, content))
            self._class(content)
        elif isinstance(content, (FunctionType, MethodType, partial, Replayed)):
            if variable.kind == "cell" or _is_users(content):
                self.fixed.append((variable, content))
            self._scan(content, copied)
        elif isinstance(content, ModuleType):
            self._module(variable, content)
        elif isinstance(content, Iterator):
            raise CompileError(
                f"{variable.name} is an iterator: what it gives would be taken once, while tracing. Take it outside, "
                f"and pass it as an argument, f(next({variable.name})).{user_line()}"
            )
        elif copied and _has_arrays(content):
            self.arrays.append((variable, flatten(content)[1]))
            self._inside(content)
        elif not isinstance(content, GENERATORS):
            self._object(variable, content)

    def _object(self, variable: Variable, content: Any) -> None:
        if isinstance(content, (Rule, Composite)):  # it remembers its plans; the user's functions in it are looked at
            self.fixed.append((variable, content))
            self._inside(content)
            return
        found = contents_of(content)
        if found or hasattr(content, "__dict__"):
            self.objects.append((variable, found))
        self._inside(content)

    def _inside(self, content: Any) -> None:
        """What the functions, the generators and the classes of the objects inside an object read."""
        for part in everything_in(content):
            if isinstance(part, GENERATORS):
                self.generators.append(part)
            elif isinstance(part, FUNCTIONS):
                self._scan(part, copied=False)
            else:
                self._class(part if isinstance(part, type) else type(part))

    def _class(self, kind: Any) -> None:
        if isinstance(kind, type):
            self._classes.update(dict.fromkeys(base for base in kind.__mro__ if _is_users_class(base)))

    def _scan_classes(self) -> None:
        """What the methods read whose names the functions name, and class attributes; until nothing new is found."""
        done: set[tuple[type, str]] = set()
        while True:
            new = [
                (kind, name, member)
                for kind in list(self._classes)
                for name, member in list(vars(kind).items())
                if (kind, name) not in done and (name in self._names or _is_special(name, member))
            ]
            if not new:
                return
            for kind, name, member in new:
                done.add((kind, name))
                for part in _functions_of(member):
                    self._scan(part, copied=False)
                if not callable(member) and not hasattr(member, "__get__"):
                    self._classify(Variable("attribute", kind, name, f"{kind.__name__}.{name}"), member, copied=False)

    def _module(self, variable: Variable, module: ModuleType) -> None:
        """A module of the user's (``config.lr``): its numbers and arrays are compared."""
        if module is os and self._names & {"environ", "getenv"}:
            self._object(Variable("attribute", os, "environ", "os.environ"), os.environ)
        file = getattr(module, "__file__", None)
        if not file or not is_users_file(file):
            return
        for key, content in vars(module).items():
            if _is_immutable(content) and not key.startswith("__"):
                self.fixed.append((Variable("attribute", module, key, f"{variable.name}.{key}"), content))
            elif isinstance(content, np.ndarray):
                self._object(Variable("attribute", module, key, f"{variable.name}.{key}"), content)

    # at each call

    def leaves(self) -> list[Any]:
        """The captured arrays now, in order."""
        found: list[Any] = []
        for variable, structure in self.arrays:
            content = variable.read()
            if structure is None:
                found.append(content)
            else:
                leaves, now = flatten(content)
                if now != structure:
                    raise Changed
                found += leaves
        return found

    def names(self) -> list[str]:
        """What the captured arrays are called."""
        names = []
        for variable, structure in self.arrays:
            count = 1 if structure is None else structure.num_leaves
            names += [variable.name] if structure is None else [f"{variable.name}_{k}" for k in range(count)]
        return names

    def holds(self) -> bool:
        """Whether everything that was frozen is still as it was."""
        for variable, content in self.fixed:
            now = variable.read()
            if now is not content and (type(now) is not type(content) or now != content):
                return False
        return self.objects_hold()

    def objects_hold(self) -> bool:
        """Whether all objects that can change from inside have their numbers and arrays still."""
        return all(same_contents(contents, contents_of(variable.read())) for variable, contents in self.objects)

    def states(self) -> list[Any]:
        """The states of all random generators in reach, to tell whether one was drawn from."""
        return [g.getstate() if isinstance(g, random.Random) else _state(g) for g in self.generators]

    def changed(self) -> str:
        """The name of a captured container that the traced copy wrote into, or ""."""
        for variable, content, leaves in self.copies:
            now, _ = flatten(content)
            if len(now) != len(leaves) or any(a is not b for a, b in zip(now, leaves, strict=True)):
                return variable.name
        return ""

    # the copy that is traced

    def substituted(self, stand_ins: list[Any]) -> Callable[..., Any]:
        """The function with `stand_ins` in the places of the captured arrays (in the order of `leaves`)."""
        contents: dict[tuple[str, int, Any], Any] = {}
        self.copies: list[tuple[Variable, Any, list[Any]]] = []
        rest = list(stand_ins)
        for variable, structure in self.arrays:
            if structure is None:
                content = rest.pop(0)
            else:
                count = structure.num_leaves
                content = unflatten(structure, rest[:count])
                self.copies.append((variable, content, rest[:count]))
                rest = rest[count:]
            contents[(variable.kind, id(variable.owner), variable.key)] = content
        return _Copy(contents).of(self.f)  # type: ignore[no-any-return]


class Changed(Exception):
    """A captured container has another structure than when the function was traced."""


class _Copy:
    """Copies functions, with other contents in their variables."""

    def __init__(self, contents: dict[tuple[str, int, Any], Any]) -> None:
        self.contents = contents
        self.functions: dict[int, Any] = {}
        self.globals: dict[int, dict[str, Any]] = {}
        self.done: dict[int, set[str]] = {}

    def of(self, f: Any) -> Any:
        if isinstance(f, partial):
            return partial(self.of(f.func), *map(self.of, f.args), **{k: self.of(v) for k, v in f.keywords.items()})
        if isinstance(f, MethodType):
            return MethodType(self.of(f.__func__), f.__self__)
        if isinstance(f, Replayed):
            return self.of(f.f)
        if isinstance(f, GENERATORS):
            return _RefusingGenerator()
        if not isinstance(f, FunctionType):
            return f
        if id(f) not in self.functions:
            cells = tuple(CellType() for _ in f.__closure__ or ())
            made = FunctionType(f.__code__, self._globals(f), f.__name__, f.__defaults__, cells)
            self.functions[id(f)] = made
            made.__kwdefaults__ = f.__kwdefaults__
            made.__dict__.update(f.__dict__)
            for cell, old in zip(cells, f.__closure__ or (), strict=True):
                try:
                    content = old.cell_contents
                except ValueError:
                    continue
                cell.cell_contents = self._content("cell", old, None, content)
            if f.__defaults__:
                made.__defaults__ = tuple(
                    self._content("item", f.__defaults__, k, x) for k, x in enumerate(f.__defaults__)
                )
            if f.__kwdefaults__:
                made.__kwdefaults__ = {
                    key: self._content("item", f.__kwdefaults__, key, x) for key, x in f.__kwdefaults__.items()
                }
        return self.functions[id(f)]

    def _content(self, kind: str, owner: Any, key: Any, content: Any) -> Any:
        place = (kind, id(owner), key)
        return self.contents[place] if place in self.contents else self.of(content)

    def _globals(self, f: FunctionType) -> dict[str, Any]:
        if not _is_users(f):
            return f.__globals__
        if id(f.__globals__) not in self.globals:
            self.globals[id(f.__globals__)] = dict(f.__globals__)
        copied, done = self.globals[id(f.__globals__)], self.done.setdefault(id(f.__globals__), set())
        for name in _global_names(f.__code__):
            if name in f.__globals__ and name not in done:
                done.add(name)
                copied[name] = self._content("item", f.__globals__, name, f.__globals__[name])
        return copied


class _RefusingGenerator:
    """Stands for a random generator that the function reads from outside."""

    def __getattr__(self, name: str) -> Any:
        raise CompileError(
            "random numbers drawn from a generator outside would be frozen: make the generator an argument, "
            f"f(..., rng), and pass it at each call.{user_line()}"
        )


def _is_users(f: Any) -> bool:
    """Whether a function is the user's own, whose globals may change, rather than a library's."""
    if isinstance(f, (partial, MethodType)):
        return _is_users(f.func if isinstance(f, partial) else f.__func__)
    if not isinstance(f, FunctionType):
        return False
    return is_users_file(f.__code__.co_filename)


def _is_users_class(kind: type) -> bool:
    """Whether a class is the user's own."""
    module = sys.modules.get(kind.__module__)
    file = getattr(module, "__file__", None)
    return is_users_file(file) if file else module is None or kind.__module__ == "__main__"


def _is_special(name: str, member: Any) -> bool:
    return name.startswith("__") and name.endswith("__") and isinstance(member, FunctionType) and name not in NOT_CALLED


def _functions_of(member: Any) -> Iterator[Any]:
    """The functions behind a class's attribute: its own, a property's, a static or a class method's."""
    if isinstance(member, property):
        yield from filter(None, (member.fget, member.fset))
    elif isinstance(member, (staticmethod, classmethod)):
        yield member.__func__
    elif isinstance(member, cached_property):
        yield member.func
    elif isinstance(member, FUNCTIONS) or hasattr(member, "__wrapped__"):
        yield member


def _has_arrays(x: Any) -> bool:
    """Whether a container, as the transforms understand it, holds arrays."""
    return (isinstance(x, (list, tuple, dict)) or dataclasses.is_dataclass(x)) and any(
        isinstance(leaf, np.ndarray) for leaf in flatten(x)[0]
    )


def _is_immutable(x: Any) -> bool:
    """Whether nothing can change inside it."""
    return isinstance(x, (*PLAIN, np.generic)) or (isinstance(x, tuple) and all(map(_is_immutable, x)))


def is_users_file(file: str) -> bool:
    """Whether source is the user's own: no package that is installed, not Python's library, not this package."""
    libraries = (sys.base_prefix, sys.prefix, PACKAGE, "<__", "<frozen", "<compiled")
    return "site-packages" not in file and not file.startswith(libraries)


def _global_names(code: CodeType) -> Iterator[str]:
    """The global names a function and the functions inside it read."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield instruction.argval
        elif instruction.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            raise CompileError(
                f"{code.co_name} writes the global {instruction.argval}: that would happen once, while tracing; return "
                f"the value instead.{user_line()}"
            )
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)


def _attribute_names(code: CodeType) -> set[str]:
    """The names of attributes, and others, in a function and the functions inside it."""
    inside = [_attribute_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*inside)


def _variables(f: FunctionType) -> Iterator[Variable]:
    for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
        yield Variable("cell", cell, None, name)
    if _is_users(f):
        written = _written_outside(f.__code__)
        if written:
            raise CompileError(
                f"{f.__name__} writes the outer variable {written}: that would happen once, while tracing; return the "
                f"value instead.{user_line()}"
            )
        for name in dict.fromkeys(_global_names(f.__code__)):
            if name in f.__globals__:
                yield Variable("item", f.__globals__, name, name)
    for k, _ in enumerate(f.__defaults__ or ()):
        first = f.__code__.co_argcount - len(f.__defaults__ or ())
        yield Variable("item", f.__defaults__, k, f.__code__.co_varnames[first + k])
    for name in f.__kwdefaults__ or {}:
        yield Variable("item", f.__kwdefaults__, name, name)


def _written_outside(code: CodeType) -> str:
    """A variable of an enclosing function that this one writes (nonlocal), or ""."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("STORE_DEREF", "DELETE_DEREF") and instruction.argval in code.co_freevars:
            return str(instruction.argval)
    return ""


def _state(generator: Any) -> Any:
    with np.printoptions(threshold=sys.maxsize):
        return repr(generator.bit_generator.state if hasattr(generator, "bit_generator") else generator.get_state())
