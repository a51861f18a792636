"""A traced function as data: `Value`s, and the NumPy calls (`Instruction`s) between them.

    t3 = add(t2, b1)          Instruction(np.add, (t2, b1)) ──► Value t3

Every value is computed once and never written: passes may move, share and drop instructions freely. Where the values
live in memory is decided afterwards (storage.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

__all__ = ["Instruction", "Program", "Site", "Value", "replace_values", "values_in"]


class Site:
    """Where the user's code asked for an instruction.

    Attributes
    ----------
    file : str
    line : int
    text : str
        The line itself.
    backward : bool
        The instruction belongs to the derivative of that line.
    errors : tuple of (str, str)
        What ``np.errstate`` said there that it didn't say around: ``("divide", "ignore")``.
    """

    __slots__ = ("backward", "errors", "file", "line", "text")

    def __init__(
        self, file: str, line: int, text: str, backward: bool, errors: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self.file: str = file
        self.line: int = line
        self.text: str = text
        self.backward: bool = backward
        self.errors: tuple[tuple[str, str], ...] = errors

    def same_line(self, other: Site | None) -> bool:
        """Whether both are one line of the user's, and both it or both its derivative."""
        mine = (self.file, self.line, self.backward)
        return other is not None and mine == (other.file, other.line, other.backward)


class Value:
    """One array or number of a program.

    Attributes
    ----------
    shape, dtype
        As the trace saw them.
    kind : {"input", "constant", "result"}
    data : int, array or None
        An input's position, a constant's array.
    weak : bool
        A Python number: it takes the dtype of the array it meets.
    order : tuple of int
        The axes from the slowest to the fastest in memory.
    name : str
        The user's name for it, or "".
    producer : Instruction or None
    """

    __slots__ = ("data", "dtype", "kind", "name", "order", "producer", "shape", "weak")

    def __init__(self, kind: str, sample: Any, data: Any = None, name: str = "") -> None:
        self.kind: str = kind
        self.data: Any = data
        self.name: str = name
        self.weak: bool = not hasattr(sample, "dtype")
        self.shape: tuple[int, ...] = np.shape(sample)
        self.dtype: np.dtype[Any] = np.asarray(sample).dtype if self.weak else sample.dtype
        self.order: tuple[int, ...] = memory_order(sample)
        self.producer: Instruction | None = None

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        size = 1
        for n in self.shape:
            size *= n
        return size

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.size * self.dtype.itemsize

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name or hex(id(self))[-5:]}: {self.dtype} {self.shape}>"


def memory_order(sample: Any) -> tuple[int, ...]:
    """The axes of an array from the slowest to the fastest, C order where it makes no difference."""
    ndim = np.ndim(sample)
    if ndim < 2 or sample.flags.c_contiguous:
        return tuple(range(ndim))
    return tuple(sorted(range(ndim), key=lambda k: (-abs(sample.strides[k]), k)))


class Instruction:
    """One NumPy call.

    Attributes
    ----------
    f : callable
        A ufunc, a ufunc's method, a NumPy function, or one of calls.py.
    args, kwargs
        With `Value`s in the places of arrays, also inside lists, tuples, dicts and slices.
    outs : tuple of Value
    several : callable or None
        Packs several results as the call returned them.
    effect : bool
        It may be neither dropped nor shared nor moved past another such one: a random draw.
    shares : tuple of Value
        The operands whose memory a result may look at.
    site : Site or None
    """

    __slots__ = ("_read", "args", "effect", "f", "kwargs", "outs", "several", "shares", "site")

    def __init__(
        self,
        f: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        outs: tuple[Value, ...],
        *,
        several: Callable[[list[Any]], Any] | None = None,
        effect: bool = False,
        shares: tuple[Value, ...] = (),
        site: Site | None = None,
    ) -> None:
        self.f: Callable[..., Any] = f
        self.args: tuple[Any, ...] = args
        self.kwargs: dict[str, Any] = kwargs
        self.outs: tuple[Value, ...] = outs
        self.several: Callable[[list[Any]], Any] | None = several
        self.effect: bool = effect
        self.shares: tuple[Value, ...] = shares
        self.site: Site | None = site
        self._read: Any = None  # the arguments that `operands` was found in, and what it found
        for out in outs:
            out.producer = self

    @property
    def out(self) -> Value:
        """The only result."""
        return self.outs[0]

    @property
    def operands(self) -> list[Value]:
        """All values that it reads, each as often as it is named."""
        if self._read is None or self._read[0] is not self.args or self._read[1] is not self.kwargs:
            self._read = self.args, self.kwargs, list(values_in((self.args, self.kwargs)))
        found: list[Value] = self._read[2]
        return found

    @property
    def name(self) -> str:
        """``multiply``, ``add.reduce``."""
        return call_name(self.f)

    def __repr__(self) -> str:
        return f"<{self.name} {self.args}>"


def call_name(f: Any) -> str:
    """``add``, ``add.reduce``, ``linalg.solve``: how NumPy's users write it."""
    owner = getattr(f, "__self__", None)
    if isinstance(owner, np.ufunc):
        return f"{owner.__name__}.{f.__name__}"
    module = getattr(f, "__module__", None) or ""
    name = str(getattr(f, "__name__", type(f).__name__))
    return f"{module[6:]}.{name}" if module in ("numpy.linalg", "numpy.fft") else name


def values_in(arguments: Any) -> Iterator[Value]:
    """The values among arguments, also inside lists, tuples, dicts and slices."""
    if isinstance(arguments, Value):
        yield arguments
    elif isinstance(arguments, (list, tuple)):
        for x in arguments:
            yield from values_in(x)
    elif isinstance(arguments, dict):
        for x in arguments.values():
            yield from values_in(x)
    elif isinstance(arguments, slice):
        yield from values_in((arguments.start, arguments.stop, arguments.step))


def replace_values(arguments: Any, new: Callable[[Value], Any]) -> Any:
    """The same arguments with ``new(value)`` in the place of each value."""
    if isinstance(arguments, Value):
        return new(arguments)
    if isinstance(arguments, list):
        return [replace_values(x, new) for x in arguments]
    if isinstance(arguments, tuple):
        changed = (replace_values(x, new) for x in arguments)
        return type(arguments)(*changed) if hasattr(arguments, "_fields") else tuple(changed)
    if isinstance(arguments, dict):
        return {key: replace_values(x, new) for key, x in arguments.items()}
    if isinstance(arguments, slice):
        return slice(*replace_values((arguments.start, arguments.stop, arguments.step), new))
    return arguments


class Program:
    """A function's instructions in order, its inputs and its outputs.

    Attributes
    ----------
    inputs : list of Value
        One per leaf of the arguments that isn't static, then one per captured array.
    outputs : list
        `Value`s, and whatever else the function returned as it is.
    instructions : list of Instruction
    """

    def __init__(self, inputs: list[Value], instructions: list[Instruction], outputs: list[Any]) -> None:
        self.inputs: list[Value] = inputs
        self.instructions: list[Instruction] = instructions
        self.outputs: list[Any] = outputs

    def rewritten(self, new: dict[Value, Value]) -> None:
        """Read ``new[v]`` wherever `v` was read; chains are followed."""

        def final(value: Value) -> Value:
            while value in new:
                value = new[value]
            return value

        if not new:
            return
        for instruction in self.instructions:
            instruction.args = replace_values(instruction.args, final)
            instruction.kwargs = replace_values(instruction.kwargs, final)
            instruction.shares = tuple(final(v) for v in instruction.shares)
        for value, replacement in new.items():
            last = final(replacement)
            last.name = last.name or value.name
        self.outputs = [final(v) if isinstance(v, Value) else v for v in self.outputs]

    def uses(self) -> dict[Value, list[Instruction]]:
        """Who reads each value."""
        readers: dict[Value, list[Instruction]] = {}
        for instruction in self.instructions:
            for value in set(instruction.operands):
                readers.setdefault(value, []).append(instruction)
        return readers

    def __repr__(self) -> str:
        return f"<program of {len(self.instructions)} instructions>"
