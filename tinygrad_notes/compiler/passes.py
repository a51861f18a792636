"""Passes over a program, each of which leaves its results as they are, to the last bit.

One exception: where `share` makes two equal arrays one, a matrix product of the two becomes that of an array with
itself, which BLAS sums in another order.

tidy             x·1, −(−x), a + (−b), a reshape of a reshape …
drop_broadcasts  an array is not spread out for an operation that would spread it itself
share            what is computed twice is computed once
fold             what depends on constants alone is computed now
drop_dead        what nobody reads is not computed
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import calls
from .program import Instruction, Program, Value, replace_values, values_in

__all__ = ["drop_broadcasts", "drop_dead", "fold", "is_elementwise", "share", "simplified", "tidy"]

LARGEST_FOLD = 1 << 26
"""Bytes of a constant that is computed beforehand."""


def simplified(program: Program) -> Program:
    """All passes, until nothing changes any more."""
    count = -1
    while count != len(program.instructions):
        count = len(program.instructions)
        tidy(program)
        drop_broadcasts(program)
        share(program)
        fold(program)
        drop_dead(program)
    return program


def is_elementwise(f: Any) -> bool:
    """Whether entry k of the result depends on entry k of the operands alone."""
    return isinstance(f, np.ufunc) and f.signature is None and f.nout == 1


# ── tidy ─────────────────────────────────────────────────────────────────────────────────────────────────────────

Simpler = Callable[[Instruction], Any]
SIMPLER: dict[Any, Simpler] = {}


def simpler(*functions: Any) -> Callable[[Simpler], Simpler]:
    """Enter what may be written instead of a call: a Value, a new (f, args), or None."""

    def enter(rule: Simpler) -> Simpler:
        for f in functions:
            SIMPLER[f] = rule
        return rule

    return enter


def tidy(program: Program) -> None:
    """Write each call the simplest way that gives the same bits."""
    new: dict[Value, Value] = {}
    kept = []
    for instruction in program.instructions:
        if new:
            instruction.args = replace_values(instruction.args, lambda v: new.get(v, v))
            instruction.kwargs = replace_values(instruction.kwargs, lambda v: new.get(v, v))
            instruction.shares = tuple(new.get(v, v) for v in instruction.shares)
        rule = SIMPLER.get(instruction.f)
        found = rule(instruction) if rule and not instruction.kwargs and not instruction.several else None
        if isinstance(found, Value):
            new[instruction.out] = found
            found.name = found.name or instruction.out.name
            continue
        if found is not None:
            inner = instruction.args[0].producer if instruction.shares else None
            instruction.f, instruction.args = found
            still = inner is not None and bool(inner.shares)
            instruction.shares = (instruction.args[0],) if still else ()
        kept.append(instruction)
    program.instructions = kept
    program.rewritten(new)


def _stands_for(x: Any, out: Value) -> bool:
    return isinstance(x, Value) and x.shape == out.shape and x.dtype == out.dtype and not x.weak and not out.weak


def made_by(x: Any, f: Any) -> tuple[Any, ...] | None:
    """The arguments of the call of `f` that made `x`, or None."""
    producer = x.producer if isinstance(x, Value) else None
    return producer.args if producer is not None and producer.f is f and not producer.kwargs else None


def fill_of(x: Any) -> Any:
    """The number that all entries of `x` are, or None."""
    if isinstance(x, (int, float)) and not isinstance(x, bool):
        return x
    args = made_by(x, calls.full)
    if args is not None:
        return fill_of(args[1])
    return x.item() if isinstance(x, np.generic) and x.dtype.kind in "fiu" else None


@simpler(calls.copy, np.positive)
def _copy(i: Instruction) -> Any:
    return i.args[0] if _stands_for(i.args[0], i.out) else None


@simpler(calls.astype)
def _astype(i: Instruction) -> Any:
    return i.args[0] if _stands_for(i.args[0], i.out) else None


@simpler(np.conjugate)
def _conjugate(i: Instruction) -> Any:
    return i.args[0] if _stands_for(i.args[0], i.out) and i.out.dtype.kind == "f" else None


@simpler(np.multiply)
def _multiply(i: Instruction) -> Any:
    a, b = i.args
    for x, y in ((a, b), (b, a)):
        if fill_of(y) == 1 and _stands_for(x, i.out):
            return x
        if fill_of(y) == -1 and _stands_for(x, i.out):
            return np.negative, (x,)
    minus_a, minus_b = made_by(a, np.negative), made_by(b, np.negative)
    if minus_a and minus_b:
        return np.multiply, (minus_a[0], minus_b[0])
    return None


@simpler(np.true_divide)
def _divide(i: Instruction) -> Any:
    a, b = i.args
    if fill_of(b) == 1 and _stands_for(a, i.out):
        return a
    minus_a, minus_b = made_by(a, np.negative), made_by(b, np.negative)
    return (np.true_divide, (minus_a[0], minus_b[0])) if minus_a and minus_b else None


@simpler(np.negative)
def _negative(i: Instruction) -> Any:
    inside = made_by(i.args[0], np.negative)
    if inside and _stands_for(inside[0], i.out):
        return inside[0]
    difference = made_by(i.args[0], np.multiply) or made_by(i.args[0], np.true_divide)
    if difference:
        for k in (0, 1):
            minus = made_by(difference[k], np.negative)
            if minus:
                factors = (minus[0], difference[1]) if k == 0 else (difference[0], minus[0])
                return i.args[0].producer.f, factors
    return None


@simpler(np.add)
def _add(i: Instruction) -> Any:
    a, b = i.args
    minus_b, minus_a = made_by(b, np.negative), made_by(a, np.negative)
    if minus_b and isinstance(a, Value):
        return np.subtract, (a, minus_b[0])
    if minus_a and isinstance(b, Value):
        return np.subtract, (b, minus_a[0])
    return None


@simpler(np.subtract)
def _subtract(i: Instruction) -> Any:
    a, b = i.args
    minus_b = made_by(b, np.negative)
    if minus_b and isinstance(a, Value):
        return np.add, (a, minus_b[0])
    return a if fill_of(b) == 0 and not _is_minus_zero(fill_of(b)) and _stands_for(a, i.out) else None


def _is_minus_zero(x: Any) -> bool:
    return str(float(x)) == "-0.0"


@simpler(calls.reshape)
def _reshape(i: Instruction) -> Any:
    x, shape = i.args
    if _stands_for(x, i.out):
        return x
    inside = made_by(x, calls.reshape)
    if inside:
        return calls.reshape, (inside[0], shape)
    filled = made_by(x, calls.full)
    return (calls.full, (shape, filled[1], i.out.dtype)) if filled else None


@simpler(calls.transpose)
def _transpose(i: Instruction) -> Any:
    x, axes = i.args
    inside = made_by(x, calls.transpose)
    if inside:
        x, axes = inside[0], tuple(inside[1][k] for k in axes)
        return x if axes == tuple(range(len(axes))) else (calls.transpose, (x, axes))
    return None


@simpler(np.broadcast_to)
def _broadcast_to(i: Instruction) -> Any:
    x, shape = i.args
    if _stands_for(x, i.out):
        return x
    inside = made_by(x, np.broadcast_to)
    if inside:
        return np.broadcast_to, (inside[0], shape)
    filled = made_by(x, calls.full)
    return (calls.full, (shape, filled[1], i.out.dtype)) if filled else None


@simpler(calls.getitem)
def _getitem(i: Instruction) -> Any:
    x, index = i.args
    whole = index is Ellipsis or (isinstance(index, tuple) and all(part is Ellipsis for part in index))
    return x if whole and _stands_for(x, i.out) else None


@simpler(np.where)
def _where(i: Instruction) -> Any:
    _, a, b = i.args
    return a if a is b and _stands_for(a, i.out) else None


# ── broadcasts ───────────────────────────────────────────────────────────────────────────────────────────────────


def drop_broadcasts(program: Program) -> None:
    """Let elementwise operations spread their operands themselves; spread their results where all are spread."""
    spread: set[Value] = set()  # one number stands for several entries: a new shape is then a copy, no view
    done: list[Instruction] = []
    for i in program.instructions:
        if spread.intersection(i.shares):
            if i.f is calls.reshape:
                i.shares = ()
            else:
                spread.update(i.outs)
        if is_elementwise(i.f) and not i.kwargs:
            small = tuple(_unspread(x) for x in i.args)
            if any(s is not x for s, x in zip(small, i.args, strict=True)):
                shape = np.broadcast_shapes(*(x.shape for x in small if isinstance(x, Value)))
                if shape == i.out.shape:
                    i.args = small
                elif not i.out.weak:
                    result = _smaller(i.out, shape)
                    done.append(Instruction(i.f, small, {}, (result,), site=i.site))
                    i = Instruction(np.broadcast_to, (result, i.out.shape), {}, i.outs, shares=(result,), site=i.site)
                    spread.add(i.out)
        done.append(i)
    program.instructions = done


def _unspread(x: Any) -> Any:
    inside = made_by(x, np.broadcast_to)
    return inside[0] if inside and not inside[0].weak else x


def _smaller(like: Value, shape: tuple[int, ...]) -> Value:
    value = Value("result", np.broadcast_to(np.zeros((), like.dtype), shape) if shape else like.dtype.type(0))
    value.order = tuple(range(len(shape)))
    return value


# ── sharing, folding, dropping ───────────────────────────────────────────────────────────────────────────────────


def share(program: Program) -> None:
    """Compute equal calls once."""
    seen: dict[Any, Instruction] = {}
    new: dict[Value, Value] = {}
    kept = []
    for instruction in program.instructions:
        instruction.args = replace_values(instruction.args, lambda v: new.get(v, v))
        instruction.kwargs = replace_values(instruction.kwargs, lambda v: new.get(v, v))
        instruction.shares = tuple(new.get(v, v) for v in instruction.shares)
        if not instruction.effect:
            key = _key((instruction.f, instruction.args, instruction.kwargs))
            earlier = seen.setdefault(key, instruction) if key is not None else instruction
            if earlier is not instruction:
                new.update(zip(instruction.outs, earlier.outs, strict=True))
                continue
        kept.append(instruction)
    program.instructions = kept
    program.rewritten(new)


def _key(x: Any) -> Any:
    """Something hashable that is equal for equal arguments alone: 1, 1.0 and True differ, so do 0.0 and −0.0."""
    if isinstance(x, Value):
        return x
    if isinstance(x, (list, tuple)):
        return (type(x), *map(_key, x))
    if isinstance(x, dict):
        return tuple((key, _key(v)) for key, v in x.items())
    if isinstance(x, slice):
        return ("slice", _key(x.start), _key(x.stop), _key(x.step))
    if isinstance(x, np.generic):
        return (x.dtype, x.tobytes())
    if isinstance(x, (int, float, complex)):
        return (type(x), repr(x))
    try:
        hash(x)
    except TypeError:
        return object()
    return (type(x), x)


def fold(program: Program) -> None:
    """Compute now what depends on constants alone."""
    constants: dict[Value, Any] = {}
    kept = []

    def data(value: Value) -> Any:
        return constants.get(value, value.data)

    for i in program.instructions:
        known = all(v.kind == "constant" or v in constants for v in i.operands)
        if i.effect or i.several or not known or (i.f is calls.full and i.out.ndim) or i.out.nbytes > LARGEST_FOLD:
            kept.append(i)
            continue
        with np.errstate(**dict(i.site.errors if i.site else ())):  # type: ignore[arg-type]
            result = i.f(*replace_values(i.args, data), **replace_values(i.kwargs, data))
        if isinstance(result, np.ndarray) and result.ndim:
            i.out.kind, i.out.data, i.out.producer = "constant", result, None
        else:
            constants[i.out] = result[()] if isinstance(result, np.ndarray) else result
    program.instructions = kept
    if constants:
        for i in program.instructions:
            i.args = replace_values(i.args, lambda v: constants.get(v, v))
            i.kwargs = replace_values(i.kwargs, lambda v: constants.get(v, v))
        program.outputs = [constants.get(v, v) if isinstance(v, Value) else v for v in program.outputs]


def drop_dead(program: Program) -> None:
    """Leave out what no output depends on."""
    alive = {v for v in program.outputs if isinstance(v, Value)}
    kept = []
    for instruction in reversed(program.instructions):
        if instruction.effect or any(out in alive for out in instruction.outs):
            alive.update(values_in((instruction.args, instruction.kwargs)))
            kept.append(instruction)
    program.instructions = kept[::-1]
