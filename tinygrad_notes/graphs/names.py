"""The caller's own variable names for nodes and arrays, looked up when a graph is drawn."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, FunctionType, ModuleType
from typing import Any

from ..backward import Node
from ..errors import _NUMPY, _PACKAGE
from ..tensor import Tensor

__all__ = ["Names", "names_of_frame", "watch_names"]

MOST = 20_000
"""How many objects a search looks at: a notebook may hold anything."""

DEPTH = 3
NOT_SEARCHED = (ModuleType, FunctionType, type, str, bytes, int, float, complex)


class Names:
    """What variables are called: one name per node, one per array; the first one found counts."""

    def __init__(self) -> None:
        self.of_nodes: dict[Node, str] = {}
        self.of_arrays: dict[int, str] = {}
        self.numbers: dict[str, float] = {}
        self._used: set[str] = set()
        self._left = MOST
        self.arrays: list[tuple[str, Any]] = []  # an array's id means something only while it lives
        self.tensors: list[tuple[str, Tensor]] = []

    def search(self, variables: dict[str, Any]) -> None:
        """Take the names in a namespace: variables first, then what is inside containers and objects."""
        own = {k: v for k, v in variables.items() if k.isidentifier() and k[0] != "_" and k not in ("In", "Out")}
        for name, value in own.items():
            self._take(name, value)
        seen: set[int] = set()
        level = list(own.items())
        for _ in range(DEPTH):
            below: list[tuple[str, Any]] = []
            for path, value in level:
                if isinstance(value, (*NOT_SEARCHED, Tensor)) or hasattr(value, "shape") or id(value) in seen:
                    continue
                seen.add(id(value))
                for step, child in _children(value):
                    self._left -= 1
                    if self._left < 0:
                        return
                    short = step if step.isidentifier() and isinstance(value, dict) else ""
                    long = f"{path}[{step}]" if not step.isidentifier() else f"{path}.{step}"
                    self._take(short if short and short not in self._used else long, child)
                    below.append((long, child))
            level = below

    def keep(self, other: Names) -> None:
        """Hold on to the arrays that another search named."""
        self.arrays += other.arrays
        for name, number in other.numbers.items():
            self.numbers.setdefault(name, number)

    def _take(self, name: str, value: Any) -> None:
        if type(value) in (int, float) and name.isidentifier():
            self.numbers.setdefault(name, value)
        if isinstance(value, Tensor):
            self.tensors.append((name, value))
            if value.node is not None:
                if value.node not in self.of_nodes:
                    self.of_nodes[value.node] = name
                    self._used.add(name)
                return
            value = value.data
        if hasattr(value, "shape") and hasattr(value, "dtype") and id(value) not in self.of_arrays:
            self.of_arrays[id(value)] = name
            self._used.add(name)
            self.arrays.append((name, value))


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((str(key), child) for key, child in list(value.items()) if isinstance(key, (str, int, tuple)))
    elif isinstance(value, (list, tuple)):
        fields = getattr(value, "_fields", None)
        yield from zip(fields or map(str, range(len(value))), value, strict=True)
    elif hasattr(value, "__dict__"):
        yield from ((key, child) for key, child in list(vars(value).items()) if not key.startswith("_"))
    else:
        for kind in type(value).__mro__:
            for key in getattr(kind, "__slots__", ()):
                if not key.startswith("_") and hasattr(value, key):
                    yield key, getattr(value, key)


def names_of_frame(frame: FrameType | None) -> Names:
    """The names that a running function can see: its own variables, then its module's."""
    names = Names()
    if frame is not None:
        names.search(dict(frame.f_locals))
        if frame.f_globals is not frame.f_locals:
            names.search(dict(frame.f_globals))
    return names


@contextmanager
def watch_names() -> Iterator[Callable[[], Names]]:
    """Remember the variables of every function of the user's that returns within the block, the outermost first."""
    seen: list[tuple[int, int, dict[str, Any]]] = []
    depth = 0

    def notice(frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal depth
        if event == "call":
            depth += 1
        elif event == "return":
            file = frame.f_code.co_filename
            if not file.startswith((_PACKAGE, "<frozen", "<__")) and _NUMPY not in file:
                seen.append((depth, len(seen), dict(frame.f_locals)))
            depth -= 1

    def collected() -> Names:
        names = Names()
        for _, _, variables in sorted(seen, key=lambda entry: entry[:2]):
            names.search(variables)
        return names

    before = sys.getprofile()
    sys.setprofile(notice)
    try:
        yield collected
    finally:
        sys.setprofile(before)
