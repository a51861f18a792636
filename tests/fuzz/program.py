"""A program as data: inputs, constants, lines of NumPy source, outputs. What is printed is what runs."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_notes

NARROW_NAMES = {"np.float16": "np.float64", "np.float32": "np.float64", "np.complex64": "np.complex128"}
WORD = re.compile(r"\b[xcvr]\d+\b")


@dataclasses.dataclass(frozen=True)
class Shown:
    """A value that is written in source as `text`: a function, a class, a lambda of the rule book's samples."""

    value: Any
    text: str


@dataclasses.dataclass(frozen=True)
class Step:
    """One statement group: `target` is what it computes, `lines` its source.

    Attributes
    ----------
    target : str
    lines : tuple of str
        Source, the first line of which binds `target`.
    reads : frozenset of str
        The variables and constants in it.
    kind : str
        Which generator made it, or the function's name: what a report counts.
    """

    target: str
    lines: tuple[str, ...]
    kind: str

    @functools.cached_property
    def reads(self) -> frozenset[str]:
        return frozenset(WORD.findall("\n".join(self.lines))) - {self.target}


@dataclasses.dataclass(frozen=True)
class Program:
    """A function of `inputs`, its steps in order.

    Attributes
    ----------
    inputs : dict of str to array
        ``x0, x1 …``: the point.
    constants : dict of str to value
        ``c0, c1 …``: arrays, numbers, functions that the lines name.
    steps : tuple of Step
    outputs : tuple of str
    """

    inputs: dict[str, Any]
    constants: dict[str, Any]
    steps: tuple[Step, ...]
    outputs: tuple[str, ...]

    def source(self, after_each: str = "") -> str:
        """The function's text; `after_each`, a format of ``{v}``, is put after every statement group."""
        lines = [f"def program({', '.join(self.inputs)}):"]
        for step in self.steps:
            lines += [f"    {line}" for line in step.lines]
            if after_each:
                lines.append("    " + after_each.format(v=step.target))
        lines.append(f"    return {', '.join(self.outputs)}{',' * (len(self.outputs) == 1)}")
        return "\n".join(lines)

    def compiled(self, source: str, **names: Any) -> Callable[..., Any]:
        """The function that `source` defines."""
        space: dict[str, Any] = {"np": np, "tinygrad_notes": tinygrad_notes, "special": special(), **names}
        space |= {k: v.value if isinstance(v, Shown) else v for k, v in self.constants.items()}
        space |= names
        exec(compile(source, "<program>", "exec"), space)
        function: Callable[..., Any] = space["program"]
        return function

    @functools.cached_property
    def function(self) -> Callable[..., Any]:
        return self.compiled(self.source())

    def tidied(self) -> Program:
        """Without the steps, inputs and constants that no output needs."""
        needed, kept = set(self.outputs), []
        for step in reversed(self.steps):
            if step.target in needed:
                kept.append(step)
                needed |= step.reads
        return Program(
            {k: v for k, v in self.inputs.items() if k in needed},
            {k: v for k, v in self.constants.items() if k in needed},
            tuple(reversed(kept)),
            self.outputs,
        )

    def widened(self) -> Program:
        """The same program where every narrow dtype is double."""

        def wide(text: str) -> str:
            for narrow, double in NARROW_NAMES.items():
                text = text.replace(narrow, double)
            return text

        return Program(
            {k: widen(v) for k, v in self.inputs.items()},
            {k: widen(v) for k, v in self.constants.items()},
            tuple(Step(s.target, tuple(map(wide, s.lines)), s.kind) for s in self.steps),
            self.outputs,
        )

    def is_narrow(self) -> bool:
        """Whether anything in it computes in less than double precision."""
        arrays = [*self.inputs.values(), *self.constants.values()]
        if any(getattr(a, "dtype", None) in (np.float16, np.float32, np.complex64) for a in arrays):
            return True
        return any(name in line for step in self.steps for line in step.lines for name in NARROW_NAMES)

    def test(self, name: str, why: str = "") -> str:
        """A regression test to paste."""
        body = [f"    {k} = {show(v)}" for k, v in self.constants.items() if k[0] == "c"]
        text = "\n".join([*body, *(f"    {line}" for line in self.source().split("\n"))])
        point = ", ".join(map(show, self.inputs.values()))
        comment = [f'    """{why}"""'] if why else []
        return "\n".join([f"def test_{name}() -> None:", *comment, text, "", f"    check(program, {point})"])

    def __str__(self) -> str:
        lines = [f"{k} = {show(v)}" for k, v in {**self.inputs, **self.constants}.items()]
        return "\n".join([*lines, self.source()])


@functools.cache
def special() -> Any:
    """SciPy's special functions, or None without SciPy."""
    try:
        import scipy.special
    except ImportError:
        return None
    return scipy.special


def widen(x: Any) -> Any:
    """The same number in double precision."""
    if isinstance(x, (np.ndarray, np.inexact)) and x.dtype.kind in "fc":
        return x.astype(complex if x.dtype.kind == "c" else float)
    return x


def show(x: Any) -> str:
    """A value as Python source."""
    if isinstance(x, Shown):
        return x.text
    if isinstance(x, np.ndarray):
        if x.size == 0 and x.shape != (0,):
            return f"np.zeros({x.shape}, {x.dtype.str!r})"
        default = x.dtype in (np.float64, np.complex128, np.int64, np.bool_)
        return f"np.array({x.tolist()!r}{'' if default and x.size else f', {x.dtype.str!r}'})"
    if isinstance(x, (np.generic, slice)) or x is None or isinstance(x, (int, float, complex, str)):
        return repr(x)
    if x is Ellipsis:
        return "..."
    if isinstance(x, tuple):
        return f"({', '.join(map(show, x))}{',' * (len(x) == 1)})"
    if isinstance(x, list):
        return f"[{', '.join(map(show, x))}]"
    if isinstance(x, dict):
        return "{" + ", ".join(f"{k!r}: {show(v)}" for k, v in x.items()) + "}"
    if isinstance(x, type) and issubclass(x, np.generic):
        return f"np.{x.__name__}"
    if isinstance(x, np.dtype):
        return f"np.dtype({x.str!r})"
    name = getattr(x, "__name__", "")
    if name and getattr(np, name, None) is x:
        return f"np.{name}"
    raise TypeError(f"no source for {x!r}")


def show_index(index: Any) -> str:
    """An index as one writes it between brackets."""
    if isinstance(index, tuple):
        return ", ".join(map(show_index, index)) + "," * (len(index) == 1) if index else "()"
    if isinstance(index, slice):
        parts = ["" if p is None else str(p) for p in (index.start, index.stop)]
        return ":".join(parts if index.step is None else [*parts, str(index.step)])
    return show(index)
