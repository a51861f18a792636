"""The bad input table: programs that ask for something wrong, odd or extreme, and exactly what happens.

Each file in ``tables/`` is one chapter::

    == np.add
    -- [shape] sizes that do not go together
    t = Tensor(np.ones(3))
    t + np.ones(4)
    ! ShapeError: add of float64 (3,) and float64 (4,): operands could not be broadcast together with shapes (3,) (4,)
    !   sizes go together where they are equal or 1, counted from the last axis: t[:, None] adds an axis
    !   at program.py:2:  t + np.ones(4)
    -- [list] a list is an array
    Tensor([1.0, 2.0]) + [1, 1]
    = Tensor([2., 3.], op=add)

``==`` names the function, ``--`` a case with the kind of wrong argument, ``!`` the lines of the error, ``=`` the value
of the last line, ``~`` a warning on the way.
"""

from __future__ import annotations

import ast
import contextlib
import linecache
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_notes as tn
from tinygrad_notes import Tensor
from tinygrad_notes.errors import TinygradNotesError

TABLES = Path(__file__).parent / "tables"
QUIET = (PendingDeprecationWarning, DeprecationWarning, ResourceWarning)
"""Warnings of libraries to their authors, and of files that Python closes late."""

PROGRAM = "program.py"
"""The file name that the cases' lines have in messages."""


@dataclass
class Case:
    """One program and what happens when it runs."""

    chapter: str
    function: str
    kind: str
    title: str
    code: list[str] = field(default_factory=list)
    outcome: list[str] = field(default_factory=list)
    line: int = 0

    @property
    def name(self) -> str:
        return f"{self.chapter}:{self.line} {self.function} [{self.kind}] {self.title}"

    @property
    def raises_pythons(self) -> bool:
        """Whether Python, NumPy or the program's own function raises, not we."""
        return "python" in self.kind

    @property
    def outcome_class(self) -> str:
        """The error's name, "works" or "works, with a warning"."""
        errors = [line[2:].partition(":")[0] for line in self.outcome if line.startswith("! ")]
        if errors:
            return errors[0]
        return "works, with NumPy's warning" if any(line.startswith("~") for line in self.outcome) else "works"


def read_cases() -> list[Case]:
    """All cases of all chapters."""
    return [case for path in sorted(TABLES.glob("*.txt")) for case in read_chapter(path)]


def read_chapter(path: Path) -> list[Case]:
    """The cases of one file."""
    cases: list[Case] = []
    function = ""
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if text.startswith("== "):
            function = text[3:]
        elif text.startswith("-- "):
            kind, _, title = text[3:].removeprefix("[").partition("] ")
            cases.append(Case(path.stem, function, kind, title, line=number))
        elif text[:2] in ("! ", "= ", "~ ") or text in ("!", "="):
            cases[-1].outcome.append(text)
        elif text.strip() and not text.startswith("# "):
            cases[-1].code.append(text)
    return cases


class Ran:
    """What happened: the outcome's lines, the error, and whether anything that the program held was changed."""

    def __init__(self, case: Case) -> None:
        self.error: Exception | None = None
        self.namespace: dict[str, Any] = {"np": np, "tn": tn, "Tensor": Tensor, "__name__": "program"}
        tree = ast.parse("\n".join(case.code), PROGRAM)
        source = "".join(line + "\n" for line in case.code)
        linecache.cache[PROGRAM] = (len(source), None, source.splitlines(keepends=True), PROGRAM)
        first, last = ast.Module(tree.body[:-1], []), tree.body[-1]
        with warnings.catch_warnings(record=True) as caught, contextlib.chdir(os.curdir):
            warnings.simplefilter("always")
            exec(compile(first, PROGRAM, "exec"), self.namespace)
            self.before = remembered(self.namespace)
            value = self.finish(last)
        self.outcome = [f"~ {w.category.__name__}: {w.message}" for w in caught if not issubclass(w.category, QUIET)]
        if self.error is not None:
            lines = f"{type(self.error).__name__}: {self.error}".splitlines()
            self.outcome += [f"! {line}".rstrip() for line in lines]
            first = self.error.__cause__ or self.error.__context__
            if not isinstance(self.error, TinygradNotesError) and isinstance(first, TinygradNotesError):
                self.outcome += [f"! from {line}" for line in f"{type(first).__name__}: {first}".splitlines()]
        else:
            self.outcome += [f"= {line}".rstrip() for line in repr(value).splitlines()]

    def finish(self, last: ast.stmt) -> Any:
        """The last statement's value, or None and its error."""
        try:
            if isinstance(last, ast.Expr):
                return eval(compile(ast.Expression(last.value), PROGRAM, "eval"), self.namespace)
            exec(compile(ast.Module([last], []), PROGRAM, "exec"), self.namespace)
        except Exception as error:
            self.error = error
        return None

    def changed(self) -> list[str]:
        """The program's variables that the last statement changed."""
        after = remembered(self.namespace)
        return [name for name, was in self.before.items() if name in after and not same(was, after[name])]


def remembered(namespace: dict[str, Any]) -> dict[str, Any]:
    """What is in the program's Tensors and arrays."""
    found = {}
    for name, value in namespace.items():
        if isinstance(value, Tensor):
            grad = value.grad
            found[name] = (value.node, np.array(value.data, copy=True), None if grad is None else np.array(grad))
        elif isinstance(value, np.ndarray):
            found[name] = (None, value.copy(), None)
    return found


def same(was: Any, now: Any) -> bool:
    if was[0] is not now[0]:
        return False
    return all(
        a is b or (a is not None and b is not None and a.dtype == b.dtype and _equal(a, b))
        for a, b in zip(was[1:], now[1:], strict=True)
    )


def _equal(a: Any, b: Any) -> bool:
    with contextlib.suppress(TypeError):
        return bool(np.array_equal(a, b, equal_nan=True))
    return bool(np.array_equal(a, b))


def chapters(cases: list[Case]) -> Iterator[tuple[str, list[Case]]]:
    """The cases by chapter, in order."""
    for chapter in dict.fromkeys(case.chapter for case in cases):
        yield chapter, [case for case in cases if case.chapter == chapter]
