"""Random programs over the whole rule book, compiled: the same bits as eager, or a refusal; never another number."""

from __future__ import annotations

import collections
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes.errors import CompileError, TinygradNotesError
from tinygrad_notes.pytree import flatten, unflatten

from .generator import program_of
from .program import Program

CHUNK, CHUNKS = 100, 24
SMALL_CHUNK, SMALL_CHUNKS = 15, 4
ROUNDING = 32
"""Units in the last place by which results may differ. Two things round otherwise: a rule whose quick way eager takes
after a look at the values (no zero among the factors of a product) is compiled with its careful way; and a product of
two equal arrays becomes one of an array with itself, which BLAS computes another way. The units are those of the
narrowest dtype among the results: a wide result may have come through a narrow one."""

STEPS = 3
POINTS = (1.0, 0.97)
"""The program is traced at the first and run at both: what was frozen shows at the second."""


def difference(wanted: Any, got: Any, units: int = 0) -> str:
    """What is not the same: structure, kind, or a number (of numbers alone, beyond 10⁻⁶: Python rounds otherwise)."""
    theirs, structure = flatten(wanted)
    ours, other = flatten(got)
    if structure != other:
        return f"structure {other}, not {structure}"
    coarsest = max((np.finfo(x.dtype).eps for x in theirs if hasattr(x, "dtype") and x.dtype.kind in "fc"), default=0)
    for k, (x, y) in enumerate(zip(theirs, ours, strict=True)):
        if not hasattr(x, "dtype"):
            if type(x) is not type(y) or (x != y and x == x):
                return f"result {k}: {y!r}, not {x!r}"
            continue
        if not hasattr(y, "dtype") or x.dtype != y.dtype or np.shape(x) != np.shape(y):
            return f"result {k}: {getattr(y, 'dtype', type(y))} {np.shape(y)}, not {x.dtype} {np.shape(x)}"
        inexact = x.dtype.kind in "fc"
        if np.array_equal(x, y, equal_nan=inexact):
            continue
        if inexact and np.array_equal(np.isfinite(x), np.isfinite(y)):
            finite = np.isfinite(x)
            largest = np.max(np.abs(x[finite]), initial=0)
            if np.max(np.abs(x[finite] - y[finite]), initial=0) <= units * coarsest * largest:
                continue
        numbers = all(np.ndim(v) == 0 for v in (*theirs, *ours))
        if not (inexact and numbers and np.allclose(x, y, rtol=1e-6, atol=0, equal_nan=True)):
            return f"result {k}: {y}, not {x}"
    return ""


def modes(program: Program, seed: int) -> Iterator[tuple[str, Callable[..., Any], Callable[..., Any]]]:
    """The program itself, with its derivatives, with its arguments donated, and in a loop; eager and compiled."""
    f = program.function

    def with_pullback(*point: Any) -> Any:
        y, pullback = tn.vjp(f, *point)
        leaves, structure = flatten(y)
        rng = np.random.default_rng(seed)
        seeds = [
            np.asarray(rng.standard_normal(np.shape(v)), v.dtype)[()] if hasattr(v, "dtype") else v for v in leaves
        ]
        return y, pullback(unflatten(structure, seeds))

    def step(x: Any, *others: Any) -> Any:
        return scaled(x, 0.97), flatten(f(x, *others))[0]

    def loop(x: Any, *others: Any) -> Any:
        results = []
        for _ in range(STEPS):
            x, found = step(x, *others)
            results.append(found)
        return x, [np.array(each) for each in zip(*results, strict=True)]

    yield "plain", f, tn.compile(f)
    yield "vjp", with_pullback, tn.compile(with_pullback)
    yield "donated", f, tn.compile(f, donate=tuple(range(len(program.inputs))))
    yield "loop", loop, partial(tn.compile(step, donate=0).repeat, STEPS)


def scaled(x: Any, by: float) -> Any:
    return (x * np.asarray(by, x.dtype)).astype(x.dtype)[()]


def outcome(f: Callable[..., Any], program: Program, compiled: Callable[..., Any]) -> str:
    """ "the same bits", "to rounding", "refused", "cannot tell" or what is wrong."""
    same = True
    for by in POINTS:
        point = [scaled(np.asarray(x), by) for x in program.inputs.values()]
        try:
            wanted = f(*[np.array(x)[()] for x in point])
        except (TinygradNotesError, ValueError, TypeError, np.linalg.LinAlgError, FloatingPointError):
            return "cannot tell"
        try:
            got = compiled(*[np.array(x)[()] for x in point])
        except CompileError:
            return "refused"
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        wrong = difference(wanted, got, ROUNDING)
        if wrong:
            return f"at {by} of the point, {wrong}"
        same = same and not difference(wanted, got)
    return "the same bits" if same else "to rounding"


def run(seeds: Iterable[int]) -> None:
    counts: collections.Counter[str] = collections.Counter()
    failures = []
    for seed in seeds:
        program = program_of(seed)
        for mode, f, compiled in modes(program, seed):
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                found = outcome(f, program, compiled)
            counts[found if found in ("the same bits", "to rounding", "refused", "cannot tell") else "wrong"] += 1
            if counts["wrong"] > len(failures):
                failures.append(f"program {seed}, {mode}: {found}\n{program}")
    assert not failures, "\n\n".join(failures)
    assert counts["the same bits"] >= 0.5 * sum(counts.values()), f"too few programs are judged: {dict(counts)}"
    assert counts["to rounding"] <= 0.1 * counts["the same bits"], f"too many programs round otherwise: {dict(counts)}"


@pytest.mark.parametrize("chunk", range(SMALL_CHUNKS))
def test_random_programs_compiled(chunk: int) -> None:
    run(range(chunk * SMALL_CHUNK, (chunk + 1) * SMALL_CHUNK))


def test_programs_that_were_wrong_once() -> None:
    run([10240, 10397, 11230, 12144, 12313, 13768, 10189, 11246, 11268, *range(3)])


@pytest.mark.fuzz
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_programs_compiled_in_the_night(chunk: int) -> None:
    first = 10_000 + chunk * CHUNK
    run(range(first, first + CHUNK))


def mistakes_show(program: Any) -> bool:
    """Whether a result is float64, not zero and another one at another point (a seed's program is each NumPy's own)."""
    point = [np.asarray(x) for x in program.inputs.values()]
    here, there = (flatten(program.function(*x))[0] for x in (point, [scaled(x, 0.97) for x in point]))
    return any(
        np.asarray(y).dtype == float and np.size(y) and np.all(np.abs(z) > 1e-3) and np.all(y != z)
        for y, z in zip(here, there, strict=True)
    )


@pytest.mark.parametrize("mistake", ["frozen", "rounded", "dtype"])
def test_a_wrong_program_would_be_found(mistake: str) -> None:
    program = next(p for p in map(program_of, range(100)) if mistakes_show(p))
    first = {}

    def wrong(*point: Any) -> Any:
        y = program.function(*point)
        leaves, structure = flatten(y)
        if mistake == "frozen":
            return unflatten(structure, first.setdefault("leaves", leaves))
        if mistake == "rounded":
            return unflatten(structure, [v * (1 + 1e-5) for v in leaves])
        return unflatten(structure, [np.asarray(v, np.complex128) for v in leaves])

    point = [np.asarray(x) for x in program.inputs.values()]
    wrong(*point)
    other = [scaled(x, 0.97) for x in point]
    assert difference(program.function(*other), wrong(*other))
