"""The fuzzer, at two sizes, and the fuzzer itself put to the test: planted errors have to be found."""

from __future__ import annotations

import collections
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes.rules import BOOK, Rule

from . import calls
from .generator import program_of
from .judges import Verdict, check, verdict
from .program import Program
from .shrink import shrunk

START = int(os.environ.get("FUZZ_START", "0"))
"""Another night, other programs: FUZZ_START=1000000 pytest -m fuzz."""

CHUNK, CHUNKS = 500, 200
SMALL_CHUNK, SMALL_CHUNKS = 40, 8


def judged(seeds: Iterable[int], **how: Any) -> Iterator[tuple[int, Program, Verdict]]:
    for seed in seeds:
        program = program_of(seed, **how)
        yield seed, program, verdict(program, seed)


def report(seed: int, program: Program, found: Verdict) -> str:
    """What to read, and to paste, when a program fails."""
    small = shrunk(program, seed)
    why = verdict(small, seed).why
    return f"program {seed}: {found.why}\n\nshrunk: {why}\n\n{small.test(f'program_{seed}')}\n"


def run(seeds: Iterable[int]) -> None:
    counts: collections.Counter[str] = collections.Counter()
    failures = []
    for seed, program, found in judged(seeds):
        counts[found.status] += 1
        if found.status == "wrong":
            failures.append(report(seed, program, found))
    assert not failures, "\n".join(failures)
    total = sum(counts.values())
    assert counts["right"] >= 0.9 * total, f"too few programs are judged: {dict(counts)}"


@pytest.mark.parametrize("chunk", range(SMALL_CHUNKS))
def test_random_programs(chunk: int) -> None:
    run(range(START + chunk * SMALL_CHUNK, START + (chunk + 1) * SMALL_CHUNK))


@pytest.mark.fuzz
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_programs_of_the_night(chunk: int) -> None:
    first = START + 10_000 + chunk * CHUNK
    run(range(first, first + CHUNK))


@pytest.mark.fuzz
@pytest.mark.parametrize("key", [pytest.param(key, id=calls.path(key)) for key in calls.returning()])
def test_every_entry_of_the_book_is_fuzzed(key: Any) -> None:
    """Programs around one function: it is called, and judged."""
    reached = 0
    for seed, program, found in judged(range(60), steps=3, choose=(key,)):
        assert found.status != "wrong", report(seed, program, found)
        reached += found.status == "right" and any(step.kind == calls.path(key) for step in program.steps)
        if reached == 4:
            return
    assert reached


def test_a_function_that_writes_has_a_call() -> None:
    """A new one in the book has to be named in `Builder.places`."""
    from .generator import Builder

    builder = Builder(np.random.default_rng(0))
    for key in calls.writing():
        if not isinstance(key, tuple):
            assert list(builder.places(calls.path(key), (2, 2), "x0"))


def test_a_seed_is_a_program() -> None:
    for seed in (3, 7, 21):
        assert str(program_of(seed)) == str(program_of(seed))


def test_programs_have_what_they_should() -> None:
    """Scalars, nothing at all, sizes of 1, every dtype, broadcasting, views, assignment, several outputs."""
    programs = [program_of(seed) for seed in range(300)]
    points = [x for p in programs for x in p.inputs.values()]
    assert {x.ndim for x in points} >= {0, 1, 2, 3}
    assert any(x.size == 0 for x in points)
    assert any(x.ndim and x.size == 1 for x in points)
    assert {x.dtype.name for x in points} == {"float16", "float32", "float64", "complex64", "complex128"}
    text = "\n".join(p.source() for p in programs)
    for sign in ("[::-1", ".reshape(", ".transpose(", "] = ", " += ", "] *= ", ".at(", ".astype(", ".T\n"):
        assert sign in text, f"no program has {sign!r}"
    assert any(len(p.outputs) > 2 for p in programs)
    readers = [sum(name in step.reads for step in p.steps) for p in programs for name in p.inputs]
    assert max(readers) > 2


# ── the tester is tested ─────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def planted(key: Any, *vjps: Any, linear: str | None = None) -> Iterator[None]:
    """Other pullbacks in the rule of `key` for as long as the block lasts; they read what the right ones read."""
    rule = BOOK[key]
    assert isinstance(rule, Rule)
    ops = [rule.op(which) for which in [*itertools.product(range(rule.inputs)), tuple(range(rule.inputs))]]
    before = [op.vjps for op in ops], rule.vjps, rule.linear
    try:
        rule.linear = rule.linear if linear is None else linear
        rule.vjps = vjps or rule.vjps
        for op in ops:
            op.vjps = tuple(rule.vjps[i] for i in op.which)
        yield
    finally:
        _, rule.vjps, rule.linear = before
        for op, right in zip(ops, before[0], strict=True):
            op.vjps = right


def written_into(g: Any, y: Any, _x: Any) -> Any:
    g *= 1 - y * y
    return g


PLANTED: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {
    "a factor nearly right": (np.square, (lambda g, _y, x: g * (2.001 * x),), {}),
    "a sign": (np.subtract, (lambda g, _y, _a, _b: g, lambda g, _y, _a, _b: g), {}),
    "one input forgotten": (np.logaddexp, (lambda g, y, a, _b: g * np.exp(a - y), lambda g, y, _a, b: g * b * 0), {}),
    "a mean without its factor": (np.mean, (lambda g, _y, _a, axis=None, keepdims=False: np.sum(g),), {}),
    "right at first order only": (np.exp, (lambda g, y, _x: g * tn.stop_gradient(y),), {}),
    "wrong in one dtype": (np.arctan, (lambda g, _y, x: g / (1 + x * x) * (2 if x.dtype == np.float32 else 1),), {}),
    "no conjugates": (np.absolute, (lambda g, _y, x: g * np.conj(x) / np.absolute(x),), {}),
    "a flag for forward mode": (np.cumprod, (), {"linear": "jointly"}),
    "the cotangent written into": (np.tanh, (written_into,), {}),
    "nothing goes back": (np.transpose, (lambda g, _y, _a, axes=None: np.zeros(_a.shape, _a.dtype),), {}),
}  # fmt: skip


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_error_is_found(what: str) -> None:
    key, vjps, flags = PLANTED[what]
    with planted(key, *vjps, **flags):
        assert any(found.status == "wrong" for *_, found in judged(range(60), steps=3, choose=(key,))), what


def test_a_planted_error_is_found_among_all_functions() -> None:
    """Not only where one looks for it."""
    with planted(np.multiply, lambda g, _y, _a, b: g * b, lambda g, _y, a, _b: g * a * (1 + 1e-6)):
        seen = next((p for _, p, found in judged(range(400)) if found.status == "wrong"), None)
    assert seen is not None


def test_a_failure_shrinks_to_a_test_that_can_be_pasted() -> None:
    def pasted(text: str) -> Callable[[], None]:
        space: dict[str, Any] = {"np": np, "tinygrad_notes": tn, "check": check, "special": calls.special()}
        exec(text, space)
        function: Callable[[], None] = space["test_found"]
        return function

    with planted(np.square, lambda g, _y, x: g * x):
        seed, program = next(
            (seed, program)
            for seed, program, found in judged(range(60), steps=6, choose=(np.square, np.sin, np.add))
            if found.status == "wrong" and len(program.steps) > 2
        )
        small = shrunk(program, seed)
        test = pasted(small.test("found"))
        with pytest.raises(AssertionError, match="wrong: "):
            test()
    assert len(small.steps) <= 2
    assert sum(x.size for x in small.inputs.values()) <= 2
    test()
