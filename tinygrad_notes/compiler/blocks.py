"""Regions of a program that run a few rows at a time, so that what is between their first and last call stays in cache.

    e = exp(x)                              for i in range(0, 4096, 32):
    s = e / (1 + e)          ──►                e = exp(x[i:i+32]); s[i:i+32] = e / (1 + e)

A row is everything behind the leading axes. Elementwise calls, reductions over other than the leading axes and reshapes
that keep the rows go row by row. Three things are rounded differently than on the whole arrays: a sum over the rows is
summed block by block, rows of floats are summed by BLAS, and functions of large arrays are written in cheaper ones: e⁻ˣ
beside eˣ, and by kernels.py what NumPy has no vectors for.

`blocked` finds the regions and puts one instruction, a `Block`, in the place of each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import calls
from .kernels import has_quicker_log1p, log1p
from .passes import drop_dead, is_elementwise, made_by
from .program import Instruction, Program, Site, Value, replace_values

__all__ = ["Block", "Body", "blocked", "like"]

LARGE = 1 << 16
"""Bytes of an array that doesn't stay in the fastest cache anyhow."""

REGION = 1 << 20
"""Bytes of the largest array of a region: smaller ones stay in some cache, where blocks gain less than they cost."""

BEYOND = 40
"""How many instructions after the end of a region are looked through for sums over its rows."""

SHORTEST = 32
"""Entries of a row that BLAS sums quicker than NumPy."""

LONGEST_ROW = 1 << 15
"""Bytes: a few rows of each array have to fit into cache together."""

COMBINED = frozenset((np.add, np.multiply, np.maximum, np.minimum, np.logical_and, np.logical_or))
"""What a reduction over rows may be by: results of blocks are put together by the same ufunc."""

SPREAD = frozenset((np.where, np.clip, calls.astype, calls.copy, np.broadcast_to))
"""Elementwise, beside the ufuncs."""


class Body:
    """What is done with one block of rows.

    Attributes
    ----------
    program : Program
        On values of the block's shapes; its inputs are `sliced`, then `fixed`.
    sliced, fixed : list of (Value, Value)
        Values of the program around it of which the block sees its rows, or everything; and what they are inside.
    rows_out : list of (Value, Value)
        Results of which the block makes its rows.
    reduced : list of (Value, Value, ufunc)
        Results over all rows, of which the block makes its part.
    """

    def __init__(self) -> None:
        self.program: Program = Program([], [], [])
        self.sliced: list[tuple[Value, Value]] = []
        self.fixed: list[tuple[Value, Value]] = []
        self.rows_out: list[tuple[Value, Value]] = []
        self.reduced: list[tuple[Value, Value, Any]] = []


class Uses:
    """How one instruction reads its operands: row by row, or whole."""

    def __init__(self, args: tuple[Any, ...], rows: list[Value], whole: list[Value]) -> None:
        self.args: tuple[Any, ...] = args
        self.rows: list[Value] = rows
        self.whole: list[Value] = whole


class Block:
    """The calls of a region.

    Attributes
    ----------
    members : list of Instruction
        As they were in the program.
    uses : dict of Instruction to Uses
        How each of them reads its operands.
    maker : dict of Value to Instruction
    operands : tuple of Value
    outs : list of Value
    count : int
        Rows.
    rows_out, reduced : list of Value
        The results that have rows, and those over all rows.
    """

    __name__ = "block"

    def __init__(
        self, uses: dict[Instruction, Uses], count: int, operands: tuple[Value, ...], outs: list[Value]
    ) -> None:
        self.uses: dict[Instruction, Uses] = uses
        self.count: int = count
        self.operands: tuple[Value, ...] = operands
        self.outs: list[Value] = outs
        self.members: list[Instruction] = list(uses)
        self.maker: dict[Value, Instruction] = {i.out: i for i in uses}
        self.reduced: list[Value] = [v for v in outs if _over_rows(self.maker[v], count)]
        self.rows_out: list[Value] = [v for v in outs if v not in self.reduced]

    def __repr__(self) -> str:
        return f"<{self.count} rows of {len(self.members)} instructions>"

    @property
    def program(self) -> Program:
        """The region on all rows at once."""
        return Program(list(self.operands), self.members, list(self.outs))

    def __call__(self, *operands: Any) -> list[Any]:
        """The results, made on all rows at once."""
        known = dict(zip(self.operands, operands, strict=True))
        for i, uses in self.uses.items():
            known[i.out] = i.f(*replace_values(uses.args, known.__getitem__), **i.kwargs)
        return [known[v] for v in self.outs]

    def body(self, rows: int) -> Body:
        """The region on `rows` rows."""
        return _BodyWriter(self, rows).body

    def several_axes(self, v: Value) -> bool:
        """Whether its rows are not those of its first axis."""
        return row_axes(v.shape, self.count) != 1

    def overwrites(self, out: Value) -> list[Value]:
        """The operands in whose memory `out` may be written: their rows are not read after it is made."""
        member = self.maker[out]
        if not is_elementwise(member.f):
            return []
        made = self.members.index(member)
        last: dict[Value, int] = {}
        for k, i in enumerate(self.members):
            last.update(dict.fromkeys(self.uses[i].rows, len(self.members) if i.f is calls.reshape else k))
        whole = {v for uses in self.uses.values() for v in uses.whole}
        return [v for v in last if _same_kind(v, out) and v not in self.maker and v not in whole and last[v] <= made]


def _same_kind(a: Value, b: Value) -> bool:
    return (a.shape, a.dtype, a.order) == (b.shape, b.dtype, b.order)


def blocked(program: Program) -> None:
    """Put a `Block` in the place of each region where that saves enough."""
    turn_exponentials(program)
    tried: set[Instruction] = set()
    while True:
        seed = next((k for k, i in enumerate(program.instructions) if i not in tried and _large(i)), None)
        if seed is None:
            break
        start = program.instructions[seed]
        tried.add(start)
        regions = [_Region(program, seed, n) for n in _row_counts(start) if _uses(start, n) is not None]
        best = max(regions, key=lambda region: region.saved, default=None)
        if best is not None:
            tried.update(best.members)
            if best.saved >= best.moved:
                best.contract()
    drop_dead(program)
    sum_by_blas(program, LARGE)


def _large(i: Instruction) -> bool:
    return not isinstance(i.f, Block) and any(v.nbytes >= REGION for v in (*i.outs, *i.operands))


def _row_counts(i: Instruction) -> list[int]:
    """The numbers of rows that its result, or what it reduces, may be said to have."""
    largest = max((*i.outs, *i.operands), key=lambda v: v.nbytes)
    counts = dict.fromkeys(math.prod(largest.shape[: k + 1]) for k in range(largest.ndim))
    return [n for n in counts if n > 1 and largest.nbytes // n <= LONGEST_ROW]


def row_axes(shape: tuple[int, ...], count: int) -> int | None:
    """How many leading axes make up `count` rows, or None."""
    n = 1
    for k, length in enumerate(shape):
        n *= length
        if n == count:
            return k + 1
    return None


def _in_order(v: Value) -> bool:
    return v.order == tuple(range(v.ndim))


# ── what may run row by row ──────────────────────────────────────────────────────────────────────────────────────


def _axes(i: Instruction) -> tuple[int, ...]:
    axis, ndim = i.kwargs.get("axis", 0), i.operands[0].ndim
    return tuple(range(ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)


def _ufunc(i: Instruction) -> Any:
    return getattr(i.f, "__self__", None)


def _is_reduction(i: Instruction) -> bool:
    return (
        _ufunc(i) in COMBINED
        and i.f.__name__ == "reduce"
        and not set(i.kwargs) - {"axis", "keepdims"}
        and len(i.args) == 1
        and isinstance(i.args[0], Value)
    )


def _over_rows(i: Instruction, count: int) -> bool:
    """Whether it reduces all rows to one."""
    return _is_reduction(i) and 0 in _axes(i) and row_axes(i.args[0].shape, count) is not None


def _plain(x: Any) -> Any:
    """An operand without what only spreads it out."""
    filled = made_by(x, calls.full)
    if filled is not None:
        if isinstance(filled[1], Value):
            return filled[1] if filled[1].dtype == x.dtype and not filled[1].weak else x
        return x.dtype.type(filled[1]) if np.ndim(filled[1]) == 0 else x
    inside = made_by(x, np.broadcast_to)
    return inside[0] if inside is not None and not inside[0].weak else x


def _uses(i: Instruction, count: int) -> Uses | None:
    """How it would be computed row by row, or None."""
    if i.effect or i.several or len(i.outs) != 1 or not all(_in_order(v) for v in i.outs):
        return None
    if _is_reduction(i):
        return _reduction(i, count)
    if i.kwargs:
        return None
    if i.f is calls.reshape:
        x = i.args[0]
        keeps = all(row_axes(v.shape, count) is not None for v in (x, i.out)) and _in_order(x)
        return Uses(i.args, [x], []) if keeps else None
    return _elementwise(i, count) if is_elementwise(i.f) or i.f in SPREAD else None


def _reduction(i: Instruction, count: int) -> Uses | None:
    x, axes = i.args[0], _axes(i)
    k = row_axes(x.shape, count)
    if k is None or not axes or not _in_order(x):
        return None
    over_rows = set(range(k)) <= set(axes)
    if over_rows and x.dtype == np.float16:
        return None  # block sums of half precision would be another result
    return Uses(i.args, [x], []) if over_rows or min(axes) >= k else None


def _elementwise(i: Instruction, count: int) -> Uses | None:
    k, ndim = row_axes(i.out.shape, count), i.out.ndim
    if k is None:
        return None
    operands = i.args[:1] if i.f in (calls.astype, calls.copy, np.broadcast_to) else tuple(map(_plain, i.args))
    rows: list[Value] = []
    whole: list[Value] = []
    for x in operands:
        if not isinstance(x, Value):
            if np.ndim(x):
                return None
            continue
        aligned = (1,) * (ndim - x.ndim) + x.shape
        if x.ndim == ndim and aligned[:k] == i.out.shape[:k] and _in_order(x):
            rows.append(x)
        elif all(n == 1 for n in aligned[:k]):
            whole.append(x)
        else:
            return None
    if not rows or (
        i.f is not np.broadcast_to and np.broadcast_shapes(*(x.shape for x in rows + whole)) != i.out.shape
    ):
        return None
    return Uses((*operands, *i.args[len(operands) :]), rows, whole)


# ── finding a region ─────────────────────────────────────────────────────────────────────────────────────────────


class _Region:
    """What can be done with the seed in one pass over `count` rows.

    Attributes
    ----------
    members : list of Instruction
    outs : list of Value
        Results that are read outside.
    moved, saved : int
        Bytes that it reads and writes; bytes that its instructions, each alone, would read and write besides.
    """

    def __init__(self, program: Program, seed: int, count: int) -> None:
        self.program, self.count = program, count
        self.uses: dict[Instruction, Uses] = {}
        self._grow(seed)
        self.members = self._connected(program.instructions[seed])
        self.made = {i.out for i in self.members}
        self.outs = self._outs()
        given = {v for i in self.members for v in self.uses[i].rows} - self.made
        self.moved = sum(v.nbytes for v in (*given, *self.outs))
        alone = sum(v.nbytes for i in self.members for v in (i.out, *self.uses[i].rows) if i.f is not calls.reshape)
        self.saved = alone - self.moved if len(self.members) > 1 else -1

    def _grow(self, seed: int) -> None:
        """Take what follows, unless it needs a result that is there only after the last row.

        Once a large result goes to another kind of call (a product of matrices), only what makes little of much is
        still taken, such as sums: the rest of the program belongs to a later region, nearer to where it is read.
        """
        made: set[Value] = set()
        after: set[Value] = set()
        ended = drawn = 0
        for k, i in enumerate(self.program.instructions[seed:]):
            if ended and k > ended + BEYOND:
                break
            uses = None if isinstance(i.f, Block) else _uses(i, self.count)
            waits = any(v in after for v in i.operands) or (i.effect and drawn > 0)
            if (
                uses is not None
                and not waits
                and not any(v in made for v in uses.whole)
                and (not ended or 8 * i.out.nbytes <= max(v.nbytes for v in uses.rows))
            ):
                self.uses[i] = uses
                (after if _over_rows(i, self.count) else made).add(i.out)
                continue
            if waits or any(v in made for v in i.operands):
                after.update(i.outs)
                drawn += i.effect
                if not ended and any(v.nbytes >= LARGE for v in (*i.operands, *i.outs)):
                    ended = k

    def _connected(self, seed: Instruction) -> list[Instruction]:
        """Those of them that have rows in common with the seed, directly or through others."""
        by_value: dict[Value, list[Instruction]] = {}
        for i, uses in self.uses.items():
            for v in (i.out, *uses.rows):
                by_value.setdefault(v, []).append(i)
        found, waiting = {seed}, [seed]
        while waiting:
            i = waiting.pop()
            if i in self.uses:
                near = {j for v in (i.out, *self.uses[i].rows) for j in by_value[v]}
                waiting += near - found
                found |= near
        return [i for i in self.uses if i in found]

    def _outs(self) -> list[Value]:
        members = set(self.members)
        read = {v for i in self.program.instructions if i not in members for v in i.operands}
        read |= {v for v in self.program.outputs if isinstance(v, Value)}
        return [i.out for i in self.members if i.out in read]

    def contract(self) -> None:
        """Put the block where its last member stands, and after it what reads its results."""
        uses = {i: self.uses[i] for i in self.members}
        for i, use in uses.items():
            i.args = use.args
        read = {v for use in uses.values() for v in use.rows + use.whole} - self.made
        operands = tuple(_in_program_order(self.program, read))
        one = Instruction(Block(uses, self.count, operands, self.outs), operands, {}, tuple(self.outs))
        before: list[Instruction] = []
        behind: list[Instruction] = []
        late: set[Value] = set(self.outs)
        last = max(k for k, i in enumerate(self.program.instructions) if i in uses)
        for i in self.program.instructions[: last + 1]:
            if i not in uses:
                waits = any(v in late for v in i.operands) or (i.effect and any(j.effect for j in behind))
                (behind if waits else before).append(i)
                late.update(i.outs if waits else ())
        self.program.instructions = [*before, one, *behind, *self.program.instructions[last + 1 :]]


def _in_program_order(program: Program, values: set[Value]) -> Iterator[Value]:
    known = dict.fromkeys(program.inputs)
    for i in program.instructions:
        known.update(dict.fromkeys(i.operands))
        known.update(dict.fromkeys(i.outs))
    return (v for v in known if v in values)


# ── the block's own program ──────────────────────────────────────────────────────────────────────────────────────


class _BodyWriter:
    def __init__(self, block: Block, rows: int) -> None:
        self.block, self.rows = block, rows
        self.body = Body()
        self.inside: dict[Value, Value] = {}
        self.whole: dict[tuple[Value, tuple[int, ...]], Value] = {}
        program = self.body.program
        for i in block.members:
            program.instructions.append(self._instruction(i))
        program.inputs = [inner for _, inner in (*self.body.sliced, *self.body.fixed)]
        self.body.rows_out = [(v, self.inside[v]) for v in block.rows_out]
        self.body.reduced = [(v, self.inside[v], _ufunc(block.maker[v])) for v in block.reduced]
        program.outputs = [self.inside[v] for v in (*block.rows_out, *block.reduced)]
        sum_by_blas(program, 0)

    def _shape(self, v: Value) -> tuple[int, ...]:
        axes = row_axes(v.shape, self.block.count)
        assert axes is not None
        return (self.rows, *v.shape[axes:])

    def _instruction(self, i: Instruction) -> Instruction:
        if _is_reduction(i):
            return self._reduction(i)
        uses, out = self.block.uses[i], self._made(i.out, self._shape(i.out))
        new = replace_values(uses.args, lambda v: self._rows(v) if v in uses.rows else self._whole(v, out.ndim))
        if i.f is calls.reshape:
            return Instruction(i.f, (new[0], (-1, *out.shape[1:])), {}, (out,), site=i.site, shares=(new[0],))
        if i.f in (calls.copy, np.broadcast_to):
            return Instruction(calls.astype, (new[0], out.dtype), {}, (out,), site=i.site)
        if i.f is np.log1p and has_quicker_log1p(out.dtype):
            w = like(out, "result", out.shape)
            self.body.program.instructions.append(Instruction(np.add, (new[0], 1), {}, (w,), site=i.site))
            return Instruction(log1p, (new[0], w), {}, (out,), site=i.site)
        return Instruction(i.f, new, {}, (out,), site=i.site)

    def _reduction(self, i: Instruction) -> Instruction:
        x = i.args[0]
        k, axes = row_axes(x.shape, self.block.count) or 0, _axes(i)
        inner_axes = tuple(a - k + 1 for a in axes if a >= k)
        if _over_rows(i, self.block.count):
            rest = tuple(n for a, n in enumerate(x.shape) if a not in axes)
            kwargs: dict[str, Any] = {"axis": (0, *inner_axes) if rest else None}
            out = self._made(i.out, rest)
        else:
            one = inner_axes[0] if len(inner_axes) == 1 else inner_axes
            kwargs = {**i.kwargs, "axis": one}
            out = self._made(i.out, self._shape(i.out))
        return Instruction(i.f, (self._rows(x),), kwargs, (out,), site=i.site)

    def _made(self, v: Value, shape: tuple[int, ...]) -> Value:
        self.inside[v] = like(v, "result", shape)
        return self.inside[v]

    def _rows(self, v: Value) -> Value:
        if v not in self.inside:
            self.inside[v] = like(v, "input", self._shape(v))
            self.body.sliced.append((v, self.inside[v]))
        return self.inside[v]

    def _whole(self, v: Value, ndim: int) -> Value:
        """An operand without rows; of several leading axes of length 1, one is left."""
        shape = v.shape[max(0, v.ndim - ndim) :]
        if (v, shape) not in self.whole:
            self.whole[v, shape] = like(v, "input", shape)
            self.body.fixed.append((v, self.whole[v, shape]))
        return self.whole[v, shape]


def turn_exponentials(program: Program) -> None:
    """Write e⁻ˣ as 1/eˣ where a large eˣ is computed too: a division costs a tenth of an exponential.

    Only where an overflow is to be ignored: 1/0 would be another complaint than an exponential beyond all numbers.
    """
    of = {
        i.args[0]: i
        for i in program.instructions
        if i.f is np.exp and not i.kwargs and i.out.dtype.char in "fd" and i.out.nbytes >= REGION
    }
    turned: dict[Instruction, Instruction] = {}
    for x, i in of.items():
        inside = made_by(x, np.negative)
        if inside is not None and inside[0] in of and i.site is not None and ("over", "ignore") in i.site.errors:
            turned[i] = of[inside[0]]
    order = dict.fromkeys(j for i in program.instructions for j in ((turned[i], i) if i in turned else (i,)))
    program.instructions = list(order)
    for i, other in turned.items():
        i.f, i.args = np.true_divide, (1, other.out)
        if i.site is not None:
            errors = tuple((dict(i.site.errors) | {"divide": "ignore"}).items())
            i.site = Site(i.site.file, i.site.line, i.site.text, i.site.backward, errors)


def sum_by_blas(program: Program, least: int) -> None:
    """Let BLAS sum rows of floats in arrays of `least` bytes, a product that is only summed together with it."""
    uses = program.uses()
    left_out = set()
    ones: dict[Any, Value] = {}
    for k, i in enumerate(program.instructions):
        if not _is_reduction(i) or _ufunc(i) is not np.add or i.out.dtype.char not in "fd":
            continue
        x, axes = i.args[0], _axes(i)
        if x.dtype != i.out.dtype or x.shape[-1:] < (SHORTEST,) or x.nbytes < least or not _in_order(x):
            continue
        altogether = len(axes) == x.ndim
        if not altogether and axes != (x.ndim - 1,):
            continue
        factors = made_by(x, np.multiply)
        if factors is not None and (
            len(uses[x]) > 1
            or x in program.outputs
            or not all(isinstance(v, Value) and v.ndim and v.dtype == x.dtype for v in factors)
        ):
            factors = None
        new = None
        if not altogether:
            if factors is None:
                row = ones.setdefault((x.shape[-1], x.dtype), _constant(np.ones(x.shape[-1], x.dtype), "ones"))
            keep = {"keepdims": True} if i.out.ndim == x.ndim else {}
            new = Instruction(np.vecdot, factors or (x, row), keep, i.outs, site=i.site)
        elif factors is not None and factors[0].shape == factors[1].shape:
            new = Instruction(np.vdot, factors, {}, i.outs, site=i.site)
        if new is not None:
            program.instructions[k] = new
            if factors is not None:
                left_out.add(x.producer)
    program.instructions = [i for i in program.instructions if i not in left_out]


def _constant(data: Any, name: str) -> Value:
    return Value("constant", data, data, name)


def like(v: Value, kind: str, shape: tuple[int, ...]) -> Value:
    """A value named and typed like another."""
    sample = np.broadcast_to(np.zeros((), v.dtype), shape) if shape else v.dtype.type(0)
    made = Value(kind, sample, None, v.name)
    made.weak = v.weak
    return made
