"""A failing program → a small one that fails in the same way."""

from __future__ import annotations

import dataclasses
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from oracles import is_inexact

from .judges import verdict
from .program import Program

NUMBERS = re.compile(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?")


def failure(program: Program, seed: int) -> str:
    """How a program fails, without its numbers and places; empty if it doesn't."""
    found = verdict(program, seed)
    return NUMBERS.sub("#", found.why.split("\n")[0])[:60] if found.status == "wrong" else ""


def shrunk(program: Program, seed: int = 0, fails: Callable[[Program, int], str] = failure) -> Program:
    """The smallest program found that fails as `program` does.

    Parameters
    ----------
    program : Program
    seed : int
        What it was judged with.
    fails : callable
        ``fails(program, seed)`` is the manner of its failure, or an empty text.
    """
    manner = fails(program, seed)
    if not manner:
        raise ValueError("the program does not fail")
    best, moved = program, True
    while moved:
        moved = False
        for smaller in candidates(best):
            if works(smaller) and fails(smaller, seed) == manner:
                best, moved = smaller, True
                break
    return best


def works(program: Program) -> bool:
    """Whether NumPy runs it."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            values = program.function(*(x.copy() for x in program.inputs.values()))
    except Exception:  # whatever NumPy says, it is no candidate
        return False
    return all(is_inexact(v) for v in values)


def candidates(program: Program) -> Iterator[Program]:
    """Simpler programs: the boldest cut first."""
    if len(program.outputs) > 1:
        for name in program.outputs:
            yield dataclasses.replace(program, outputs=(name,)).tidied()
    for step in program.steps:
        if step.target not in program.outputs and step.target[0] != "r":
            yield dataclasses.replace(program, outputs=(step.target,)).tidied()
    values = intermediate(program)
    for step in reversed(program.steps):
        if step.target in values and step.target not in program.outputs:
            rest = tuple(s for s in program.steps if s is not step)
            inputs = {**program.inputs, f"x{step.target[1:]}": values[step.target]}
            yield renamed(
                dataclasses.replace(program, inputs=inputs, steps=rest), step.target, f"x{step.target[1:]}"
            ).tidied()
    for name, value in program.inputs.items():
        if len(program.inputs) > 1:
            inputs = {k: v for k, v in program.inputs.items() if k != name}
            constants = {**program.constants, f"c{name[1:]}": value}
            yield renamed(dataclasses.replace(program, inputs=inputs, constants=constants), name, f"c{name[1:]}")
    for kind in ("inputs", "constants"):
        table: dict[str, Any] = getattr(program, kind)
        for name, value in table.items():
            if is_inexact(value):
                for simpler in numbers(value):
                    if simpler.dtype != value.dtype or not np.array_equal(simpler, value, equal_nan=True):
                        yield dataclasses.replace(program, **{kind: {**table, name: simpler}})


def numbers(value: Any) -> Iterator[Any]:
    """The same array with fewer axes, entries, or digits."""
    if value.ndim:
        for axis, n in enumerate(value.shape):
            if n > 1:
                yield value.take(range(n - 1), axis)
        if 1 in value.shape and value.ndim > 1:
            yield value.reshape([n for n in value.shape if n != 1])
    for digits in (0, 1, 2):
        simpler = np.round(value, digits).astype(value.dtype)
        if np.unique(simpler).size == np.unique(value).size and digits_of(simpler) < digits_of(value):
            yield simpler


def digits_of(value: Any) -> int:
    return len(repr(np.asarray(value).tolist()))


def intermediate(program: Program) -> dict[str, Any]:
    """What each variable holds; those that are later written into excepted."""
    names = [s.target for s in program.steps if s.target[0] in "vr"]
    written = {s.lines[0].split(" = ")[1] for s in program.steps if len(s.lines) > 1}
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            everything = (
                program.compiled(dataclasses.replace(program, outputs=tuple(names)).source()) if names else None
            )
            found = everything(*(x.copy() for x in program.inputs.values())) if everything else ()
    except Exception:  # a tuple of results and the like
        return {}
    return {n: np.array(v)[()] for n, v in zip(names, found, strict=True) if is_inexact(v) and n not in written}


def renamed(program: Program, old: str, new: str) -> Program:
    """The program with another name for one variable."""
    pattern = re.compile(rf"\b{old}\b")
    steps = tuple(
        dataclasses.replace(s, lines=tuple(pattern.sub(new, line) for line in s.lines)) for s in program.steps
    )
    return dataclasses.replace(program, steps=steps, outputs=tuple(new if o == old else o for o in program.outputs))
