"""What a compiled program costs: instructions, memory, and the time of each of its lines, expected and measured."""

from __future__ import annotations

import builtins
import math
import time
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arguments import need_number
from .passes import is_elementwise
from .program import Instruction, Value, values_in

if TYPE_CHECKING:
    from .compiled import Plan

__all__ = ["Line", "Stats", "made_up", "stats_of"]

MEASURED: set[Any] = {
    np.exp, np.log, np.tanh, np.sqrt, np.sin, np.cos, np.power, np.log1p, np.expm1, np.true_divide,
}  # fmt: skip
"""Functions whose price per element is taken rather than assumed."""


@dataclass
class Line:
    """One instruction of a program.

    Attributes
    ----------
    text : str
        The line of the source.
    origin : str
        The user's line that it comes from.
    shape : tuple of int
        Of the result.
    flops : int
        Arithmetic operations, a function of one number counted as one.
    nbytes : int
        Bytes read and written.
    expected, measured : float
        Seconds; `measured` is NaN before `Stats.measure`.
    """

    text: str
    origin: str
    shape: tuple[int, ...]
    flops: int
    nbytes: int
    expected: float
    measured: float = float("nan")


@dataclass
class Stats:
    """A program in numbers; printing it gives its profile.

    Attributes
    ----------
    instructions, buffers : int
    nbytes : int
        Bytes of all buffers: what a call needs beside its arguments and results.
    flops : int
    lines : list of Line
    """

    instructions: int
    buffers: int
    nbytes: int
    flops: int
    lines: list[Line]
    plan: Plan = field(repr=False)

    def measure(self, seconds: float = 0.2) -> Stats:
        """Run the program on made-up arguments for about so long, and take the least time of each line."""
        need_number("seconds", seconds, 0)
        for line, least in zip(self.lines, _least_times(self.plan, seconds), strict=True):
            line.measured = least
        return self

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        lines = [
            {
                "text": line.text,
                "origin": line.origin,
                "shape": list(line.shape),
                "flops": line.flops,
                "bytes": line.nbytes,
                "expected_s": line.expected,
                "measured_s": None if line.measured != line.measured else line.measured,
            }
            for line in self.lines
        ]
        return {"instructions": self.instructions, "buffers": self.buffers, "bytes": self.nbytes, "flops": self.flops,
                "lines": lines}  # fmt: skip

    def __str__(self) -> str:
        known = any(line.measured == line.measured for line in self.lines)
        head = (
            f"{self.instructions} instructions, {self.buffers} buffers of {_amount(self.nbytes)}B in all, "
            f"{_amount(self.flops)}flop"
        )
        rows = [f"{'expected':>9}{'measured' if known else '':>10}{'bytes':>8}{'flop':>8}  line"]
        for line in self.lines:
            measured = f"{line.measured * 1e6:8.2f}µs" if known else ""
            rows.append(
                f"{line.expected * 1e6:7.2f}µs{measured}{_amount(line.nbytes):>8}{_amount(line.flops):>8}  {line.text}"
            )
        total = sum(line.expected for line in self.lines)
        took = sum(line.measured for line in self.lines)
        rows.append(f"{total * 1e6:7.2f}µs{f'{took * 1e6:8.2f}µs' if known else ''}{'':16}  in all")
        return "\n".join([head, *rows])


def stats_of(plan: Plan) -> Stats:
    """The numbers of a plan."""
    text = plan.source.split("\n")
    lines = []
    for number, i in plan.lines:
        code, _, origin = text[number - 1].strip().partition("  # ")
        flops, nbytes = _flops(i), _bytes(i)
        out = i.outs[0] if i.outs else None
        lines.append(Line(code, origin, out.shape if out else (), flops, nbytes, _expected(i, flops, nbytes)))
    buffers = plan.storage.buffers
    return Stats(len(plan.program.instructions), len(buffers), sum(buffers), sum(x.flops for x in lines), lines, plan)


def _flops(i: Instruction) -> int:
    inner = getattr(i.f, "program", None)
    if inner is not None:  # a region of rows
        return sum(map(_flops, inner.instructions))
    if i.f in (np.matmul, np.dot) and isinstance(i.args[0], Value):
        return 2 * i.out.size * i.args[0].shape[-1]
    reads = max((v.size for v in values_in((i.args, i.kwargs))), default=0)
    return max(reads, sum(out.size for out in i.outs)) if not i.shares else 0


def _bytes(i: Instruction) -> int:
    return 0 if i.shares else sum({v: v.nbytes for v in (*i.operands, *i.outs)}.values())


@cache
def _price(f: Any) -> float:
    """Seconds per element of a function of one number, or of two."""
    x, out = np.full(4096, 0.5), np.empty(4096)
    arguments = (x,) * f.nin
    return _least(lambda: f(*arguments, out)) / 4096


@cache
def _machine() -> tuple[float, float, float]:
    """Seconds that a call costs, per byte moved, and per operation of a matrix product."""
    one, out = np.ones(1), np.empty(1)
    large, copy = np.ones(1 << 19), np.empty(1 << 19)
    A, C = np.ones((192, 192)), np.empty((192, 192))
    call = _least(lambda: np.add(one, one, out))
    byte = _least(lambda: np.copyto(copy, large)) / (2 * large.nbytes)
    return call, byte, _least(lambda: np.dot(A, A, C)) / (2 * 192**3)


def _least(run: Any) -> float:
    times = []
    for _ in range(9):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def _expected(i: Instruction, flops: int, nbytes: int) -> float:
    """The larger of what moving the bytes and what the arithmetic takes, and the call itself."""
    call, byte, operation = _machine()
    if i.shares:
        return call / 4
    if not i.outs or (not i.out.ndim and is_elementwise(i.f)):
        return call / 8
    if i.f in (np.matmul, np.dot):
        return call + max(nbytes * byte, flops * operation)
    return call + max(nbytes * byte, flops * (_price(i.f) if i.f in MEASURED else byte))


def _least_times(plan: Plan, seconds: float) -> list[float]:
    """The program with a clock before each line, run again and again."""
    source = plan.source.split("\n")
    marked = {number for number, _ in plan.lines}
    timed: list[str] = []
    for number, line in enumerate(source, start=1):
        inside = len(line) - len(line.lstrip())
        if number in marked or (line.lstrip().startswith("return [") and inside == 8):
            timed.append(f"{' ' * inside}tick(clock())")
        timed.append(line)
    ticks: list[float] = []
    scope: dict[str, Any] = {"clock": time.perf_counter, "tick": ticks.append}
    exec(builtins.compile("\n".join(timed), plan.file, "exec"), scope)
    run = scope["make"](*plan.materials())[-2]
    least = [float("inf")] * len(plan.lines)
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop or least[:1] == [float("inf")]:
        ticks.clear()
        with np.errstate(all="ignore"):
            run(*map(made_up, plan.program.inputs))
        least = [min(a, b - c) for a, b, c in zip(least, ticks[1:], ticks, strict=False)]
        if not plan.lines:
            break
    return least


def made_up(v: Value) -> Any:
    """An argument of the right kind; the same at each call."""
    if v.dtype == object:
        return np.random.default_rng(0)
    rng = np.random.default_rng(0)
    is_float = v.dtype.kind in "fc"
    value = rng.uniform(0.1, 0.9, v.shape).astype(v.dtype) if is_float else np.zeros(v.shape, v.dtype)
    if v.shape:
        return np.ascontiguousarray(value)
    return value.item() if v.weak else value[()]


def _amount(n: float) -> str:
    """``12.8 k``, ``3.2 M``."""
    if n < 1000:
        return f"{n:.0f} "
    power = min(int(math.log10(n)) // 3, 3)
    return f"{n / 1000**power:.1f} {'kMG'[power - 1]}"
