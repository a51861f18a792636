"""What stays open in an exported program: numbers that grow with the batch.

The function is run at several batch sizes m. A number that came out different is written as ``k m + c`` (or ``k/m``);
an array that came out longer repeats one example's, or is ``0 … n−1``. Anything else that differs is an error that
names the call, instead of a file that is right for one batch size.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import BadInputError
from .symbol import Program, Ref, Step

__all__ = ["Counting", "Dim", "Filled", "merged"]

SIZES = (0, 1, 3)
"""How many examples the runs have more than the one given."""


class Dim:
    """The number ``k m + c``, or ``k / m`` with `inverse`, of a batch of m examples."""

    __slots__ = ("c", "inverse", "k")

    def __init__(self, k: float, c: float, inverse: bool = False) -> None:
        self.k: float = k
        self.c: float = c
        self.inverse: bool = inverse

    def __repr__(self) -> str:
        return f"{self.k}/m" if self.inverse else f"{self.k}m+{self.c}"


class Filled:
    """An array that is the same for every example: `value`, spread out to a shape that grows with the batch."""

    __slots__ = ("shape", "value")

    def __init__(self, shape: tuple[Any, ...], value: Any) -> None:
        self.shape: tuple[Any, ...] = shape
        self.value: Any = value


class Counting:
    """The array ``0, 1, …, n − 1`` where n grows with the batch, of a shape with that one long axis."""

    __slots__ = ("dtype", "length", "shape")

    def __init__(self, length: Dim, shape: tuple[Any, ...], dtype: Any) -> None:
        self.length: Dim = length
        self.shape: tuple[Any, ...] = shape
        self.dtype: Any = dtype


def merged(programs: list[Program], sizes: list[int]) -> tuple[list[Step], list[tuple[Any, ...]]]:
    """One list of calls, and the shape of every value, for all the runs.

    Raises
    ------
    BadInputError
        If the runs differ in something that is no simple function of the batch size.
    """
    first = programs[0]
    names = [[step.name for step in program.steps] for program in programs]
    if any(other != names[0] for other in names):
        raise BadInputError(
            f"the function makes {len(names[0])} calls for {sizes[0]} examples and {len(names[1])} for {sizes[1]}: a "
            "loop over the examples can't be exported with a batch axis; write it with whole arrays, or export with "
            "batch_axis=None"
        )
    steps = []
    for several in zip(*(program.steps for program in programs), strict=True):
        base = several[0]
        where = f"{base.name}{base.line}"
        args = _merge([s.args for s in several], sizes, where)
        params = _merge([s.params for s in several], sizes, where)
        step = Step(base.key, base.name, args, params, base.outputs, base.scope)
        step.line = base.line
        steps.append(step)
    shapes = [
        tuple(_merge([p.values[i].shape for p in programs], sizes, "the shape of a value"))
        for i in range(len(first.values))
    ]
    return steps, shapes


def _merge(values: list[Any], sizes: list[int], where: str) -> Any:
    first = values[0]
    if len(values) == 1 or first is None or first is Ellipsis:
        return first
    if isinstance(first, (tuple, list)) and all(isinstance(v, (tuple, list)) and len(v) == len(first) for v in values):
        parts = [_merge([v[i] for v in values], sizes, where) for i in range(len(first))]
        return type(first)(parts)
    if isinstance(first, dict):
        return {key: _merge([v[key] for v in values], sizes, where) for key in first}
    if isinstance(first, slice):
        return slice(*(_merge([getattr(v, k) for v in values], sizes, where) for k in ("start", "stop", "step")))
    if isinstance(first, np.ndarray) and first.ndim:
        return _merge_arrays(values, sizes, where)
    if isinstance(first, (bool, np.bool_, str, type, np.dtype, Ref)) or callable(first):
        if any(v != first for v in values):
            raise _differs(where, values)
        return first
    return _merge_numbers(values, sizes, where)


def _merge_numbers(values: list[Any], sizes: list[int], where: str) -> Any:
    first = values[0]
    if all(v == first or (v != v and first != first) for v in values):
        return first
    v, m = [float(x) for x in values], [float(s) for s in sizes]
    k = (v[1] - v[0]) / (m[1] - m[0])
    if np.allclose(v, [k * s + v[0] - k * m[0] for s in m], rtol=1e-12, atol=1e-12):
        return Dim(k, v[0] - k * m[0])
    if np.allclose(v, [v[0] * m[0] / s for s in m], rtol=1e-12, atol=0):
        return Dim(v[0] * m[0], 0, inverse=True)
    raise _differs(where, values)


def _merge_arrays(values: list[Any], sizes: list[int], where: str) -> Any:
    first = values[0]
    if all(v.shape == first.shape and np.array_equal(v, first, equal_nan=first.dtype.kind == "f") for v in values):
        return first
    if any(v.ndim != first.ndim for v in values) or all(v.shape == first.shape for v in values):
        raise _differs(where, values)
    shape = tuple(_merge([v.shape for v in values], sizes, where))
    if all(v.size for v in values):
        one = first[tuple(slice(0, 1) if isinstance(n, Dim) else slice(None) for n in shape)]
        if all(np.array_equal(v, np.broadcast_to(one, v.shape)) for v in values):
            return Filled(shape, one)
    if all(np.array_equal(v.ravel(), np.arange(v.size)) for v in values):
        length = _merge([v.size for v in values], sizes, where)
        return Counting(length, shape, first.dtype)
    raise _differs(where, values)


def _differs(where: str, values: list[Any]) -> BadInputError:
    shown = " and ".join(str(getattr(v, "shape", v)) for v in values[:2])
    return BadInputError(
        f"{where}: a constant depends on the number of examples ({shown}) in a way that can't be written into the "
        "file; compute it from the input's values, or export with batch_axis=None"
    )
