"""What a function's local variables were, line by line: of the cost (on Tensors) and of the hand-made gradient.

    watch = Watch()
    with watch:
        by_hand(X, Y, w, b)
    watch.assigned        # [Assigned(name="dZ", value=array(…), code=…, line=12, depth=0), …] in order

The tracer that was there before (a debugger's, coverage's) is put back and, meanwhile, still called.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import numpy as np

from ..tensor import Tensor

__all__ = ["Assigned", "Watch"]

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_LIBRARIES = (
    os.path.dirname(os.path.abspath(os.__file__)) + os.sep,
    os.path.dirname(os.path.abspath(np.__file__)) + os.sep,
)
LIMIT = 4000
"""Assignments that are kept; a long training loop is not a derivation."""


@dataclass(slots=True)
class Assigned:
    """One variable that got a value.

    Attributes
    ----------
    name : str
        As in the code: ``dZ``; the key of a dict entry (``grads["dW"]`` is ``dW``), the attribute of ``self``.
    value : array, number or Tensor
        A copy, if it is an array.
    code : code object
        The function it happened in.
    line : int
        The line that was being executed.
    depth : int
        How far below the outermost watched function.
    """

    name: str
    value: Any
    code: CodeType
    line: int
    depth: int


class Watch:
    """Collects the assignments of every user function that runs inside it."""

    def __init__(self) -> None:
        self.assigned: list[Assigned] = []
        self._known: dict[int, dict[str, Any]] = {}
        self._line: dict[int, int] = {}
        self._depth = -1
        self._others: dict[int, Any] = {}

    def __enter__(self) -> Watch:
        self._before = sys.gettrace()
        sys.settrace(self._call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _call(self, frame: FrameType, event: Any, arg: Any) -> Any:
        other = self._before(frame, event, arg) if self._before is not None else None
        if sys.gettrace() != self._call:
            sys.settrace(self._call)  # coverage's tracer puts itself back whenever it is called
        if not _is_users(frame.f_code):
            return other
        self._depth += 1
        self._known[id(frame)] = {name: _mark(value) for name, value in self._values(frame)}
        self._line[id(frame)] = frame.f_lineno
        self._others[id(frame)] = other
        return self._step

    def _step(self, frame: FrameType, event: Any, arg: Any) -> Any:
        key = id(frame)
        other = self._others.get(key)
        if other is not None:
            self._others[key] = other(frame, event, arg)
        if event in ("line", "return") and len(self.assigned) < LIMIT:
            self._compare(frame)
            self._line[key] = frame.f_lineno
        if event == "return":
            self._depth -= 1
            for table in (self._known, self._line, self._others):
                table.pop(key, None)
        return self._step

    def _compare(self, frame: FrameType) -> None:
        known = self._known[id(frame)]
        for name, value in self._values(frame):
            mark = _mark(value)
            before = known.get(name)
            if before is not None and _unchanged(before, mark):
                continue
            known[name] = mark
            plain = name.rpartition(" ")[2]
            self.assigned.append(Assigned(plain, mark[1], frame.f_code, self._line[id(frame)], self._depth))

    def _values(self, frame: FrameType) -> list[tuple[str, Any]]:
        """Names and values of this frame, entries of its dicts and lists and of ``self`` with them."""
        found = []
        for name, value in list(frame.f_locals.items()):
            if _is_value(value):
                found.append((name, value))
            elif isinstance(value, dict):
                found += [(f"{name} {key}", x) for key, x in value.items() if isinstance(key, str) and _is_value(x)]
            elif isinstance(value, list):
                found += [(f"{i}{name} {name}", x) for i, x in enumerate(value) if _is_value(x)]
            elif name == "self":
                attributes = getattr(value, "__dict__", {})
                found += [(f"{name} {key}", x) for key, x in attributes.items() if _is_value(x)]
        return found


def _is_value(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic, float, Tensor)) or type(value) is int


def _mark(value: Any) -> tuple[Any, Any]:
    """What tells whether a variable changed: a Tensor's node, an array's identity and a copy."""
    if isinstance(value, Tensor):
        return value.node, value
    return value, value.copy() if isinstance(value, np.ndarray) else value


def _unchanged(before: tuple[Any, Any], now: tuple[Any, Any]) -> bool:
    if before[0] is not now[0]:
        return False
    if isinstance(now[1], np.ndarray):
        return before[1].shape == now[1].shape and bool(
            np.array_equal(before[1], now[1], equal_nan=now[1].dtype.kind in "fc")
        )
    return True


def _is_users(code: CodeType) -> bool:
    file = code.co_filename
    if file.startswith((_PACKAGE, "<frozen", "<__")):
        return False
    return "site-packages" not in file and not file.startswith(_LIBRARIES)
