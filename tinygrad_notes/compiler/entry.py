"""The door of a compiled function: Python source that takes the arguments apart, checks them, and packs the results.

A general flatten, a key and a dictionary cost as much as twenty small NumPy calls. The door is written for one plan: it
unpacks just these dicts, lists and tuples, compares just these shapes, and answers MISS where anything differs; then
the general way decides.

    def enter(args):
        p, X, Y = args
        if type(p) is not dict or len(p) != 2: return MISS
        x0 = p["W"]
        if type(x0) is not ndarray or x0.shape != (4, 2) or x0.dtype != float64: return MISS
        ...
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from ..pytree import unflatten
from .capture import Capture, Changed
from .trace import STATIC

__all__ = ["MISS", "POISONED", "write_entry"]

MISS = object()
MANY = 8
"""Numbers in one list from which their types are compared all at once."""


class _Place:
    """Stands for leaf k while a structure is taken apart."""

    __slots__ = ("k",)

    def __init__(self, k: int) -> None:
        self.k = k


class _NoEntry(Exception):
    """A structure that only the general way can take apart."""


def write_entry(
    structure: Any,
    leaves: list[Any],
    own: int,
    capture: Capture,
    out_structure: Any,
    taken: list[int],
    written: list[int],
    start: Callable[[list[Any]], Any],
    poison: Callable[[list[Any]], None],
) -> Callable[[tuple[Any, ...]], Any] | None:
    """The door for one plan, or None where there can't be one.

    Parameters
    ----------
    structure, leaves
        Of the arguments ``(args, kwargs)`` and, after the first `own`, the captured arrays.
    capture : Capture
    out_structure
        Of the results.
    taken : list of int
        Which leaves the program takes.
    written : list of int
        Which of those it writes.
    start, poison : callable
        What runs the program on these, and what marks arrays that a failed run left half-written.
    """
    try:
        return _Door(structure, leaves, own, capture, out_structure, taken, written).made(start, poison)
    except _NoEntry:
        return None


class _Door:
    def __init__(self, structure: Any, leaves: list[Any], own: int, capture: Capture, out_structure: Any,
                 taken: list[int], written: list[int]) -> None:  # fmt: skip
        self.leaves, self.taken, self.own = leaves, taken, own
        self.written = [taken[k] for k in written]
        self.names: dict[str, Any] = {"ndarray": np.ndarray, "MISS": MISS, "Changed": Changed}
        self.lines: list[str] = []
        self.checked: set[int] = set()  # leaves whose type is known already
        self.handed: dict[int, str] = {}  # leaves that are handed on otherwise than by name
        args, kwargs = unflatten(structure, [_Place(k) for k in range(own)])
        if kwargs:
            raise _NoEntry
        self.unpack("args", args, check=False)
        self.lines.insert(0, f"if len(args) != {len(args)}: return MISS")
        self.outside(capture, own)
        self.checks()
        self.sharing()
        self.results = out_structure.num_leaves
        self.result = self.packed(unflatten(out_structure, [_Place(k) for k in range(self.results)]))

    def held(self, value: Any) -> str:
        name = f"k{len(self.names)}"
        self.names[name] = value
        return name

    def unpack(self, name: str, template: Any, check: bool = True) -> None:
        """Take a container apart into x0, x1, x2."""
        kind = type(template)
        if kind is _Place:
            self.lines.append(f"x{template.k} = {name}")
            return
        if template is None:
            self.lines.append(f"if {name} is not None: return MISS")
            return
        if kind not in (dict, list, tuple):
            raise _NoEntry
        if check:
            self.lines.append(f"if type({name}) is not {kind.__name__} or len({name}) != {len(template)}: return MISS")
        if not template:
            return
        inside = list(template.values()) if kind is dict else list(template)
        if kind is dict:
            if not all(isinstance(key, (str, int)) for key in template):
                raise _NoEntry
            for key, value in template.items():
                part = f"x{value.k}" if type(value) is _Place else f"p{len(self.lines)}"
                self.lines.append(f"{part} = {name}[{key!r}]")
                if type(value) is not _Place:
                    self.unpack(part, value)
            return
        places = all(type(value) is _Place for value in inside)
        if places and len(inside) > MANY and not any(isinstance(self.leaves[v.k], np.ndarray) for v in inside):
            kinds = self.held(tuple(type(self.leaves[v.k]) for v in inside))
            self.lines.append(f"if tuple(map(type, {name})) != {kinds}: return MISS")
            self.checked |= {value.k for value in inside}
            if {value.k for value in inside} <= set(self.taken):
                self.handed[inside[0].k] = f"*{name}"  # as they are, without a name for each
                self.handed |= {value.k: "" for value in inside[1:]}
                return
        parts = [f"x{v.k}" if type(v) is _Place else f"p{len(self.lines)}_{n}" for n, v in enumerate(inside)]
        self.lines.append(f"{', '.join(parts)}{',' if len(parts) == 1 else ''} = {name}")
        for part, value in zip(parts, inside, strict=True):
            if type(value) is not _Place:
                self.unpack(part, value)

    def outside(self, capture: Capture, own: int) -> None:
        """What was frozen, and the captured arrays."""
        for variable, content in capture.fixed:
            read = self.read(variable)
            value = self.held(content)
            self.lines.append(f"if {read} is not {value}: return MISS")
        if capture.objects:
            self.lines.append(f"if not {self.held(capture.objects_hold)}(): return MISS")
        if any(structure is not None for _, structure in capture.arrays):
            names = ", ".join(f"x{k}" for k in range(own, len(self.leaves)))
            self.lines.append(f"{names}, = {self.held(capture.leaves)}()")
            return
        for k, (variable, _) in enumerate(capture.arrays):
            self.lines.append(f"x{own + k} = {self.read(variable)}")

    def read(self, variable: Any) -> str:
        owner = self.held(variable.owner)
        if variable.kind == "cell":
            return f"{owner}.cell_contents"
        if variable.kind == "attribute":
            return f"{owner}.{variable.key}"
        return f"{owner}[{variable.key!r}]"

    def checks(self) -> None:
        """Types, shapes, dtypes, and the values of static leaves."""
        for k, leaf in enumerate(self.leaves):
            if k in self.checked:
                continue
            kind = self.held(type(leaf)) if type(leaf) is not np.ndarray else "ndarray"
            test = f"type(x{k}) is not {kind}"
            if k >= self.own and not isinstance(leaf, np.ndarray):
                test += f" or x{k} != {self.held(leaf)}"
            elif isinstance(leaf, np.ndarray):
                test += f" or x{k}.shape != {leaf.shape} or x{k}.dtype != {self.held(leaf.dtype)}"
            elif isinstance(leaf, STATIC):
                test += f" or x{k} != {self.held(leaf)}"
            self.lines.append(f"if {test}: return MISS")

    def sharing(self) -> None:
        """Donated arrays own their memory, may be written, and nobody else looks into it."""
        arrays = [k for k in self.taken if isinstance(self.leaves[k], np.ndarray)]
        if not self.written:
            return
        bases = " or ".join(f"x{k}.base is not None" for k in arrays)
        flags = " and ".join(f"x{k}.flags.writeable" for k in self.written)
        ids = ", ".join(f"id(x{k})" for k in arrays)
        poisoned = self.held(POISONED)
        self.lines.append(f"if {poisoned} or {bases} or not ({flags}): return MISS")
        if len(arrays) > 1:
            self.lines.append(f"if len({{{ids}}}) != {len(arrays)}: return MISS")

    def packed(self, template: Any) -> str:
        """The results as source."""
        kind = type(template)
        if kind is _Place:
            return f"r{template.k}"
        if template is None:
            return "None"
        if kind is dict and all(isinstance(key, (str, int)) for key in template):
            return "{" + ", ".join(f"{key!r}: {self.packed(v)}" for key, v in template.items()) + "}"
        if kind is list:
            return f"[{', '.join(map(self.packed, template))}]"
        if kind is tuple:
            inside = ", ".join(map(self.packed, template))
            return f"({inside},)" if len(template) == 1 else f"({inside})"
        raise _NoEntry

    def made(
        self, start: Callable[[list[Any]], Any], poison: Callable[[list[Any]], None]
    ) -> Callable[[tuple[Any, ...]], Any]:
        """Compile the door."""
        self.names |= {"start": start, "poison": poison}
        given = f"[{', '.join(filter(None, (self.handed.get(k, f'x{k}') for k in self.taken)))}]"
        body = ["try:", *(f"    {line}" for line in self.lines),
                "except (KeyError, ValueError, AttributeError, Changed): return MISS"]  # fmt: skip
        if self.written:
            arrays = ", ".join(f"x{k}" for k in self.written)
            body += ["try:", f"    r = start({given})", "except BaseException:", f"    poison([{arrays}])", "    raise"]
        else:
            body.append(f"r = start({given})")
        count = self.results
        if count > MANY and self.result == f"[{', '.join(f'r{k}' for k in range(count))}]":
            body.append("return r")
        else:
            if count:
                body.append(f"{', '.join(f'r{k}' for k in range(count))}{',' if count == 1 else ''} = r")
            body.append(f"return {self.result}")
        text = "\n".join(["def enter(args):", *(f"    {line}" for line in body)])
        names = self.names
        exec(builtins.compile(text, "<__entry of a compiled function>", "exec"), names)
        enter: Callable[[tuple[Any, ...]], Any] = names["enter"]
        return enter


POISONED: dict[int, Any] = {}
"""Donated arrays (by id, with a weak reference) that a failed call left half-written."""
