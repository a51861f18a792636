"""A stand-in for an array that writes down every NumPy call made on it.

`Traced` follows NumPy's protocols, so plain NumPy code, the rules and the whole engine run on it: a Tensor over a
Traced differentiates as over an array, and its backward pass is written down as NumPy calls like everything else.
It carries the sample value the trace is made with, for shapes and dtypes; its numbers are never asked for.
"""

from __future__ import annotations

import linecache
import math
import operator
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import numpy as np

from ..backward import pull_back, rules_at_work
from ..errors import CompileError, user_frame, user_line
from . import calls
from .program import Instruction, Site, Value

__all__ = ["Recorder", "Traced", "TracedGenerator"]

SCALARS = (bool, int, float, complex)
OPERANDS = (*SCALARS, np.ndarray, np.generic, list, tuple)


class Recorder:
    """One trace: the instructions so far, and which arrays are its constants."""

    def __init__(self) -> None:
        self.instructions: list[Instruction] = []
        self.inputs: list[Value] = []
        self.constants: dict[int, Value] = {}
        self.sites: dict[tuple[str, int, bool], Site] = {}

    def input(self, sample: Any, position: int, name: str) -> Traced:
        """A new input."""
        value = Value("input", sample, position, name)
        self.inputs.append(value)
        return Traced(self, value, sample)

    def value_of(self, x: Any) -> Any:
        """What an instruction names for `x`: the value of a Traced, a constant for an array, `x` itself otherwise."""
        if isinstance(x, Traced):
            if x.recorder is not self:
                raise CompileError(
                    "a value of one compiled call was used in another: return it, and pass it as an argument."
                    f"{user_line()}"
                )
            return x.value
        if isinstance(x, np.ndarray) and x.ndim:
            known = self.constants.get(id(x))
            if known is None:
                known = self.constants[id(x)] = Value("constant", x, x)
            return known
        if isinstance(x, (list, tuple)):
            changed = [self.value_of(v) for v in x]
            return type(x)(*changed) if hasattr(x, "_fields") else type(x)(changed)
        if isinstance(x, dict):
            return {key: self.value_of(v) for key, v in x.items()}
        if isinstance(x, slice):
            return slice(self.value_of(x.start), self.value_of(x.stop), self.value_of(x.step))
        return x

    def record(
        self,
        f: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any] | None = None,
        effect: bool = False,
    ) -> Any:
        """Make the call on the samples, write it down, and return its result as Traced."""
        kwargs = kwargs or {}
        result = f(*sample_of(args), **sample_of(kwargs))
        parts, several = _parts_of(result)
        operands = [x for x in _traced_in((args, kwargs))]
        outs = tuple(Value("result", part) for part in parts)
        shares = tuple(
            x.value for x in operands if f in calls.VIEWS or any(_may_share(part, x.sample) for part in parts)
        )
        for x in operands:
            x.seen = x.seen or x.value in shares
        self.instructions.append(
            Instruction(
                f, self.value_of(args), self.value_of(kwargs), outs, several=several, effect=effect, shares=shares,
                site=self._site(),
            )
        )  # fmt: skip
        made = [Traced(self, value, part, fresh=not shares) for value, part in zip(outs, parts, strict=True)]
        return several(made) if several else made[0]

    def _site(self) -> Site | None:
        """The user's line: of the operation, or of the one whose derivative is at work."""
        frame: FrameType | None = sys._getframe(2)
        backward = False
        while frame is not None and not backward:
            backward = frame.f_code is pull_back.__code__
            if backward:
                mark = frame.f_locals["node"].id
                if getattr(mark, "code", None) is not None:
                    return self._at(mark.code.co_filename, mark.line, True)
            frame = frame.f_back
        here = user_frame()
        return None if here is None else self._at(here.f_code.co_filename, here.f_lineno, backward)

    def _at(self, file: str, line: int, backward: bool) -> Site:
        key = (file, line, backward)
        if key not in self.sites:
            self.sites[key] = Site(file, line, linecache.getline(file, line).strip(), backward)
        return self.sites[key]


def _may_share(part: Any, sample: Any) -> bool:
    return isinstance(part, np.ndarray) and isinstance(sample, np.ndarray) and np.may_share_memory(part, sample)


def _parts_of(result: Any) -> tuple[list[Any], Callable[[list[Any]], Any] | None]:
    """The arrays of a call's result, and how to pack them again; 0-d arrays as scalars."""
    if isinstance(result, (tuple, list)):
        kind: Any = type(result)
        pack = (lambda parts: kind(*parts)) if hasattr(result, "_fields") else kind
        return [_scalar(part) for part in result], pack
    return [_scalar(result)], None


def _scalar(x: Any) -> Any:
    return x[()] if isinstance(x, np.ndarray) and x.ndim == 0 else x


def sample_of(x: Any) -> Any:
    """The arguments with the sample in the place of each Traced."""
    if isinstance(x, Traced):
        return x.sample
    if isinstance(x, (list, tuple)):
        changed = [sample_of(v) for v in x]
        return type(x)(*changed) if hasattr(x, "_fields") else type(x)(changed)
    if isinstance(x, dict):
        return {key: sample_of(v) for key, v in x.items()}
    if isinstance(x, slice):
        return slice(sample_of(x.start), sample_of(x.stop), sample_of(x.step))
    return x


def _traced_in(x: Any) -> Iterator[Traced]:
    if isinstance(x, Traced):
        yield x
    elif isinstance(x, (list, tuple)):
        for v in x:
            yield from _traced_in(v)
    elif isinstance(x, dict):
        for v in x.values():
            yield from _traced_in(v)
    elif isinstance(x, slice):
        yield from _traced_in((x.start, x.stop, x.step))


def _foreign(x: Any) -> bool:
    """Whether another array type (a Tensor, a vmap's batch) is among the arguments: then it computes, not we."""
    if isinstance(x, (list, tuple)):
        return any(map(_foreign, x))
    return hasattr(x, "__array_function__") and not isinstance(x, (Traced, np.ndarray, np.generic))


class Traced:
    """An array of a trace; see the module."""

    __slots__ = ("fresh", "recorder", "sample", "seen", "value")
    __hash__ = object.__hash__
    __array_priority__ = 500.0

    def __init__(self, recorder: Recorder, value: Value, sample: Any, fresh: bool = False) -> None:
        self.recorder, self.value, self.sample = recorder, value, sample
        self.fresh = fresh  # made by a call of the trace and no view: this handle may be written
        self.seen = False  # something may look into it: it may no longer be written

    # what it is

    @property
    def shape(self) -> tuple[int, ...]:
        """Size along each axis."""
        return self.value.shape

    @property
    def dtype(self) -> Any:
        """Element type."""
        return self.value.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.value.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.value.size

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return self.value.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.value.nbytes

    @property
    def flags(self) -> Any:
        """The sample's memory layout."""
        return np.asarray(self.sample).flags

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a 0-d array")
        return self.shape[0]

    def __iter__(self) -> Iterator[Traced]:
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))

    def __repr__(self) -> str:
        return f"Traced({self.dtype}, {self.shape})"

    # leaving the trace

    def __bool__(self) -> bool:
        if rules_at_work() or _inside_the_package():
            producer = self.value.producer
            if producer is not None and producer.f is np.logical_or.reduce:
                return True  # a rule asks whether the careful way is needed anywhere: it may be
            if producer is not None and producer.f is np.logical_and.reduce:
                return False
        raise CompileError(
            "a compiled function can't branch on a value: it is traced once, and the branch would be frozen. "
            "Choose with np.where(condition, a, b); a flag that is no array may be passed as static=."
            f"{user_line()}"
        )

    def _leave(self, what: str) -> Any:
        raise CompileError(
            f"{what} of a traced value would be frozen into the program: compute with the array itself (np.sqrt "
            "instead of math.sqrt), return it, or pass what must be a plain number as static=."
            f"{user_line()}"
        )

    def __float__(self) -> float:
        return float(self._leave("float() or math.f()"))

    def __int__(self) -> int:
        return int(self._leave("int()"))

    def __complex__(self) -> complex:
        return complex(self._leave("complex()"))

    def __index__(self) -> int:
        return int(self._leave("using it as an index, a length or an axis"))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self._leave("np.asarray() or writing it into an array (use np.stack, np.where or np.concatenate)")

    def item(self, *_index: int) -> Any:
        """Refused: the number would be frozen."""
        return self._leave(".item()")

    def tolist(self) -> Any:
        """Refused: the numbers would be frozen."""
        return self._leave(".tolist()")

    def __contains__(self, _value: Any) -> bool:
        return bool(self._leave("`in`"))

    # writing

    def _write(self, updated: Traced) -> Traced:
        if not self.fresh or self.seen:
            raise CompileError(
                "a compiled function can't write into its arguments, into arrays from outside, or into an array that "
                f"views look at: write x = x + v, or x = x.copy() first.{user_line()}"
            )
        if updated.shape != self.shape:
            raise CompileError(f"an in-place operation would change {self.shape} to {updated.shape}.{user_line()}")
        if updated.dtype != self.dtype:
            if not np.can_cast(updated.dtype, self.dtype, "same_kind"):
                raise CompileError(f"can't write {updated.dtype} into {self.dtype}.{user_line()}")
            updated = self.recorder.record(calls.astype, (updated, self.dtype))
        self.value, self.sample = updated.value, updated.sample
        return self

    def __setitem__(self, index: Any, value: Any) -> None:
        if _foreign(value):
            raise CompileError(
                f"a Tensor can't be written into a plain array: use np.where, np.stack or t[i] = v.{user_line()}"
            )
        if not self.shape and isinstance(index, tuple) and not index:
            self._write(self.recorder.record(np.add, (np.zeros_like(self.sample), value)))
        else:
            _no_traced_mask(index)
            self._write(self.recorder.record(calls.putitem, (self, index, value)))

    def fill(self, value: Any) -> None:
        """``x[...] = value``."""
        self[...] = value

    # reading

    def __getitem__(self, index: Any) -> Traced:
        if not self.shape and isinstance(index, tuple) and index in ((), (Ellipsis,)):
            return self.strong()
        _no_traced_mask(index)
        return self.recorder.record(calls.getitem, (self, index))  # type: ignore[no-any-return]

    def strong(self) -> Traced:
        """A Python number as NumPy's scalar of its dtype."""
        if not self.value.weak:
            return self
        return self.recorder.record(self.dtype.type, (self,))  # type: ignore[no-any-return]

    @property
    def T(self) -> Traced:
        """All axes reversed."""
        return self.transpose()

    @property
    def mT(self) -> Traced:
        """The last two axes exchanged."""
        return np.swapaxes(self, -1, -2)  # type: ignore[no-any-return, call-overload]

    @property
    def real(self) -> Any:
        """The real part."""
        return np.real(self)  # type: ignore[call-overload]

    @property
    def imag(self) -> Any:
        """The imaginary part."""
        return np.imag(self)  # type: ignore[call-overload]

    @property
    def flat(self) -> Iterator[Traced]:
        """The elements, one after the other."""
        return iter(self.reshape(-1))

    def reshape(self, *shape: Any, order: str = "C") -> Traced:
        """``np.reshape``; the shape may be given as separate numbers."""
        new = shape[0] if len(shape) == 1 and not isinstance(shape[0], (int, np.integer)) else shape
        if order != "C":
            return self.recorder.record(np.reshape, (self, new), {"order": order})  # type: ignore[no-any-return]
        target = np.reshape(np.broadcast_to(np.int8(0), self.shape), new).shape
        if target == self.shape:
            return self
        return self.recorder.record(calls.reshape, (self.strong(), target))  # type: ignore[no-any-return]

    def transpose(self, *axes: Any) -> Traced:
        """``np.transpose``; the axes may be given as separate numbers."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], (int, np.integer)) else axes or None
        order = range(self.ndim)[::-1] if order is None else [k % self.ndim for k in order]
        if self.ndim < 2 or tuple(order) == tuple(range(self.ndim)):
            return self
        return self.recorder.record(calls.transpose, (self, tuple(order)))  # type: ignore[no-any-return]

    def astype(
        self, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True
    ) -> Any:
        """``ndarray.astype``."""
        if not np.can_cast(self.dtype, dtype, casting):  # type: ignore[arg-type]
            raise TypeError(f"Cannot cast array data from {self.dtype} to {np.dtype(dtype)} by the rule {casting!r}")
        return self.recorder.record(calls.astype, (self.strong(), np.dtype(dtype)))

    def copy(self, order: str = "C") -> Any:
        """``ndarray.copy``."""
        return self.recorder.record(calls.copy, (self.strong(),))

    def ravel(self, order: str = "C") -> Traced:
        """``np.ravel``."""
        return self.reshape(-1, order=order)

    def flatten(self, order: str = "C") -> Traced:
        """``ndarray.flatten``."""
        flat = self.reshape(-1, order=order)
        return flat.copy() if flat is self else flat  # type: ignore[no-any-return]

    def sort(self, axis: int = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> None:
        """``ndarray.sort``: in place."""
        self._write(np.sort(self, axis=axis, kind=kind, stable=stable))

    # NumPy's protocols

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        if _foreign(inputs):
            return NotImplemented
        if method == "at":
            target, index, *values = inputs
            if not isinstance(target, Traced):
                target_name = "an array from outside"
                raise CompileError(
                    f"np.{ufunc.__name__}.at would write traced values into {target_name}: start from "
                    f"np.zeros_like of a traced array.{user_line()}"
                )
            if ufunc is not np.add:
                raise CompileError(f"np.{ufunc.__name__}.at can't be compiled; only np.add.at can.{user_line()}")
            _no_traced_mask(index)
            target._write(self.recorder.record(calls.add_at, (target, index, *values)))
            return None
        f = ufunc if method == "__call__" else getattr(ufunc, method)
        result = self.recorder.record(f, _reduced_arguments(inputs) if method == "reduce" else inputs, kwargs)
        return self._into(out, result)

    def _into(self, out: Any, result: Any) -> Any:
        """Honour ``out=``: the handle given there stands for the result from now on."""
        targets = out if isinstance(out, tuple) else (out,)
        results = result if isinstance(result, tuple) else (result,)
        written = []
        for target, made in zip(targets, results, strict=False):
            if target is None:
                written.append(made)
            elif isinstance(target, Traced):
                written.append(target._write(made))
            else:
                raise CompileError(
                    "a compiled function can't write into an array from outside (out=, +=): the write would happen "
                    f"once, while tracing. Return the new array, or pass that one as donate=.{user_line()}"
                )
        return written[0] if len(written) == 1 else tuple(written)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if _foreign((*args, *kwargs.values())):
            return NotImplemented
        out = kwargs.pop("out", None)
        if func in REFUSED:
            raise CompileError(f"np.{func.__name__} in a compiled function: {REFUSED[func]}.{user_line()}")
        if func in ABOUT:
            return func(*sample_of(args), **sample_of(kwargs))
        special = SPECIAL.get(func)
        result = NotImplemented if special is None else special(self.recorder, *args, **kwargs)
        if result is NotImplemented:
            if any(isinstance(x, Traced) for x in (kwargs.get("axis"), kwargs.get("shape"))):
                self._leave("using it as an axis or a shape")
            result = self.recorder.record(func, args, kwargs)
        return self._into(out, result) if out is not None else result


def _inside_the_package() -> bool:
    """Whether the one who asks is a rule or a function of this package, not the user."""
    caller = sys._getframe(2).f_globals.get("__name__", "")
    return str(caller).startswith("tinygrad_notes.") and ".notes." not in caller


def _no_traced_mask(index: Any) -> None:
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, Traced) and part.dtype == bool and part.ndim for part in parts):
        raise CompileError(
            "a boolean mask computed in the function makes a result whose size depends on values: "
            f"use np.where(mask, x, other), or np.sum(x * mask).{user_line()}"
        )


def _reduced_arguments(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(x.strong() if isinstance(x, Traced) else x for x in inputs)


# ── operators ────────────────────────────────────────────────────────────────────────────────────────────────────

POWERS: dict[float, Any] = {1: np.positive, 2: np.square, -1: np.reciprocal, 0.5: np.sqrt}
"""The exponents for which NumPy's ``**`` takes a quicker way with arrays, and the way."""


def _is_number(x: Any) -> bool:
    return isinstance(x, SCALARS) or (isinstance(x, Traced) and x.value.weak)


def _binary(ufunc: Any, symbol: Callable[[Any, Any], Any], reflected: bool) -> Callable[[Any, Any], Any]:
    def operate(self: Traced, other: Any) -> Any:
        if not isinstance(other, (Traced, *OPERANDS)):
            return NotImplemented
        a, b = (other, self) if reflected else (self, other)
        f = symbol if _is_number(a) and _is_number(b) else ufunc
        if f is np.power and isinstance(a, Traced) and a.shape and a.dtype.kind in "fc" and type(b) in (int, float):
            quick = POWERS.get(b)
            if quick is not None:
                return self.recorder.record(quick, (a,))
        return self.recorder.record(f, (a, b))

    return operate


def _in_place(method: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def assign(self: Traced, other: Any) -> Any:
        updated = method(self, other)
        if updated is NotImplemented or not self.shape:
            return updated  # a number is not changed: the name gets a new one
        return self._write(updated)

    return assign


for _name, _ufunc, _symbol in (
    ("add", np.add, operator.add),
    ("sub", np.subtract, operator.sub),
    ("mul", np.multiply, operator.mul),
    ("truediv", np.true_divide, operator.truediv),
    ("pow", np.power, operator.pow),
    ("matmul", np.matmul, operator.matmul),
    ("mod", np.remainder, operator.mod),
    ("floordiv", np.floor_divide, operator.floordiv),
    ("and", np.bitwise_and, operator.and_),
    ("or", np.bitwise_or, operator.or_),
    ("xor", np.bitwise_xor, operator.xor),
):
    setattr(Traced, f"__{_name}__", _binary(_ufunc, _symbol, reflected=False))
    setattr(Traced, f"__r{_name}__", _binary(_ufunc, _symbol, reflected=True))
    setattr(Traced, f"__i{_name}__", _in_place(_binary(_ufunc, _symbol, reflected=False)))

for _name, _ufunc, _symbol in (
    ("lt", np.less, operator.lt),
    ("le", np.less_equal, operator.le),
    ("gt", np.greater, operator.gt),
    ("ge", np.greater_equal, operator.ge),
    ("eq", np.equal, operator.eq),
    ("ne", np.not_equal, operator.ne),
):
    setattr(Traced, f"__{_name}__", _binary(_ufunc, _symbol, reflected=False))


def _unary(ufunc: Any, symbol: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def operate(self: Traced) -> Any:
        return self.recorder.record(symbol if self.value.weak else ufunc, (self,))

    return operate


for _name, _ufunc, _symbol1 in (
    ("neg", np.negative, operator.neg),
    ("pos", np.positive, operator.pos),
    ("abs", np.absolute, operator.abs),
    ("invert", np.invert, operator.invert),
):
    setattr(Traced, f"__{_name}__", _unary(_ufunc, _symbol1))


def _method(function: Any) -> Callable[..., Any]:
    def method(self: Traced, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__ = function.__name__
    method.__doc__ = f"``np.{function.__name__}`` of this array."
    return method


for _name in ("all any argmax argmin argpartition argsort choose clip compress conj conjugate cumprod cumsum diagonal "
              "dot max mean min nonzero prod ptp repeat round searchsorted squeeze std sum swapaxes take trace "
              "var").split():  # fmt: skip
    setattr(Traced, _name, _method(getattr(np, _name)))


# ── functions that are written down in simpler ones ──────────────────────────────────────────────────────────────

ABOUT = frozenset(
    (np.shape, np.ndim, np.size, np.result_type, np.iscomplexobj, np.isrealobj, np.common_type, np.can_cast)
)
"""Functions of shapes and dtypes alone: their answer holds for every call of the program."""

_BY_VALUE = "its result's size depends on values; use np.where(condition, a, b)"
_WRITES = "it writes into its argument; use np.where or x = x.copy(); x[i] = v"
REFUSED: dict[Any, str] = {
    **dict.fromkeys((np.nonzero, np.flatnonzero, np.argwhere, np.unique, np.unique_all, np.unique_counts,
                     np.unique_inverse, np.unique_values, np.extract, np.trim_zeros, np.union1d, np.intersect1d,
                     np.setdiff1d, np.setxor1d, np.bincount, np.histogram, np.histogram_bin_edges, np.compress,
                     np.histogram2d, np.histogramdd), _BY_VALUE),
    **dict.fromkeys((np.place, np.putmask, np.put, np.put_along_axis, np.fill_diagonal), _WRITES),
    **dict.fromkeys((np.may_share_memory, np.shares_memory, np.min_scalar_type),
                    "it asks about this one array's memory or values, not about the function"),
    **dict.fromkeys((np.array2string, np.array_repr, np.array_str, np.save, np.savez, np.savetxt, np.savez_compressed),
                    "it leaves the program; return the array and do it outside"),
}  # fmt: skip

SPECIAL: dict[Any, Callable[..., Any]] = {}
"""How to write a function down in others; each gets the recorder, then the function's own arguments."""


def written_as(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def enter(body: Callable[..., Any]) -> Callable[..., Any]:
        for f in functions:
            SPECIAL[f] = body
        return body

    return enter


def _reduction(ufunc: Any) -> Callable[..., Any]:
    def reduce(recorder: Recorder, a: Any, axis: Any = None, *others: Any, keepdims: Any = False, **kwargs: Any) -> Any:
        if others or kwargs or not isinstance(a, Traced):
            return NotImplemented
        keep = {} if keepdims is np._NoValue or not keepdims else {"keepdims": True}
        return recorder.record(ufunc.reduce, (a.strong(),), {"axis": _normal_axis(axis, a.ndim), **keep})

    return reduce


def _normal_axis(axis: Any, ndim: int) -> Any:
    """A tuple of all axes, or one, counted from the front; None for all of them."""
    if axis is None:
        return None
    if isinstance(axis, tuple):
        return tuple(range(ndim)[operator.index(k)] for k in axis) if ndim else axis
    return range(ndim)[operator.index(axis)] if -ndim <= operator.index(axis) < ndim else axis


for _function, _ufunc in (
    (np.sum, np.add),
    (np.prod, np.multiply),
    (np.max, np.maximum),
    (np.amax, np.maximum),
    (np.min, np.minimum),
    (np.amin, np.minimum),
    (np.all, np.logical_and),
    (np.any, np.logical_or),
):
    SPECIAL[_function] = _reduction(_ufunc)


def _count(shape: tuple[int, ...], axis: Any) -> int:
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return math.prod(shape[k] for k in axes)


@written_as(np.mean)
def _mean(_recorder: Recorder, a: Any, axis: Any = None, *others: Any, keepdims: Any = False, **kwargs: Any) -> Any:
    if others or kwargs or not isinstance(a, Traced) or a.dtype.char not in "fdFD" or not a.size:
        return NotImplemented
    total = np.sum(a, axis=axis, keepdims=keepdims)
    return total / _count(a.shape, _normal_axis(axis, a.ndim))


def _variance(a: Any, axis: Any, ddof: float, keepdims: Any) -> Any:
    """As NumPy computes it, step by step."""
    axis = _normal_axis(axis, a.ndim)
    count = _count(a.shape, axis)
    deviation = a - np.sum(a, axis=axis, keepdims=True) / count
    squares = deviation * deviation
    return np.sum(squares, axis=axis, keepdims=keepdims) / max(count - ddof, 0)


@written_as(np.var)
def _var(_recorder: Recorder, a: Any, axis: Any = None, *others: Any, ddof: float = 0, keepdims: Any = False,
         **kwargs: Any) -> Any:  # fmt: skip
    if others or kwargs or not isinstance(a, Traced) or a.dtype.char not in "fd" or not a.size or not a.ndim:
        return NotImplemented
    return _variance(a, axis, ddof, keepdims)


@written_as(np.std)
def _std(_recorder: Recorder, a: Any, axis: Any = None, *others: Any, ddof: float = 0, keepdims: Any = False,
         **kwargs: Any) -> Any:  # fmt: skip
    if others or kwargs or not isinstance(a, Traced) or a.dtype.char not in "fd" or not a.size or not a.ndim:
        return NotImplemented
    return np.sqrt(_variance(a, axis, ddof, keepdims))


@written_as(np.reshape)
def _np_reshape(_recorder: Recorder, a: Any, /, shape: Any = None, order: str = "C", **kwargs: Any) -> Any:
    return NotImplemented if kwargs or not isinstance(a, Traced) else a.reshape(shape, order=order)


@written_as(np.ravel)
def _np_ravel(_recorder: Recorder, a: Any, order: str = "C") -> Any:
    return a.reshape(-1, order=order)


@written_as(np.transpose, np.permute_dims)
def _np_transpose(_recorder: Recorder, a: Any, axes: Any = None) -> Any:
    return a.transpose() if axes is None else a.transpose(tuple(axes))


@written_as(np.matrix_transpose)
def _np_matrix_transpose(_recorder: Recorder, x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


@written_as(np.swapaxes)
def _np_swapaxes(_recorder: Recorder, a: Any, axis1: int, axis2: int) -> Any:
    order = list(range(a.ndim))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return a.transpose(tuple(order))


@written_as(np.moveaxis)
def _np_moveaxis(_recorder: Recorder, a: Any, source: Any, destination: Any) -> Any:
    places = np.moveaxis(np.empty(range(1, a.ndim + 1), np.int8), source, destination).shape if a.size else None
    return NotImplemented if places is None else a.transpose(tuple(n - 1 for n in places))


@written_as(np.expand_dims)
def _np_expand_dims(_recorder: Recorder, a: Any, axis: Any) -> Any:
    return a.reshape(np.expand_dims(np.broadcast_to(np.int8(0), a.shape), axis).shape)


@written_as(np.squeeze)
def _np_squeeze(_recorder: Recorder, a: Any, axis: Any = None) -> Any:
    return a.reshape(np.squeeze(np.broadcast_to(np.int8(0), a.shape), axis).shape)


@written_as(np.atleast_1d)
def _np_atleast_1d(_recorder: Recorder, *arrays: Any) -> Any:
    return arrays[0].reshape(1) if len(arrays) == 1 and not arrays[0].ndim else NotImplemented


@written_as(np.broadcast_to)
def _np_broadcast_to(recorder: Recorder, array: Any, shape: Any, subok: bool = False) -> Any:
    wanted = tuple(shape) if not isinstance(shape, (int, np.integer)) else (shape,)
    if not isinstance(array, Traced) or any(isinstance(n, Traced) for n in wanted):
        return NotImplemented
    return array if wanted == array.shape else recorder.record(np.broadcast_to, (array.strong(), wanted))


@written_as(np.astype)
def _np_astype(_recorder: Recorder, x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    return x.astype(dtype)


@written_as(np.copy)
def _np_copy(_recorder: Recorder, a: Any, order: str = "K", subok: bool = False) -> Any:
    return a.copy()


def _filled(value: Any) -> Callable[..., Any]:
    def like(recorder: Recorder, a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None,
             **_kwargs: Any) -> Any:  # fmt: skip
        return recorder.record(
            calls.full, (a.shape if shape is None else shape, value, a.dtype if dtype is None else np.dtype(dtype))
        )

    return like


def _made(value: Any) -> Callable[..., Any]:
    def make(recorder: Recorder, shape: Any, dtype: Any = float, order: str = "C", **_kwargs: Any) -> Any:
        return recorder.record(calls.full, (shape, value, np.dtype(dtype)))

    return make


for _functions, _fill in (((np.zeros_like, np.zeros), 0), ((np.ones_like, np.ones), 1), ((np.empty_like, np.empty), 0)):
    SPECIAL[_functions[0]] = _filled(_fill)
    SPECIAL[_functions[1]] = _made(_fill)


@written_as(np.full_like)
def _full_like(recorder: Recorder, a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True,
               shape: Any = None, **_kwargs: Any) -> Any:  # fmt: skip
    if not isinstance(a, Traced):
        return NotImplemented
    return recorder.record(
        calls.full, (a.shape if shape is None else shape, fill_value, a.dtype if dtype is None else np.dtype(dtype))
    )


@written_as(np.full)
def _full(recorder: Recorder, shape: Any, fill_value: Any, dtype: Any = None, order: str = "C", **_kwargs: Any) -> Any:
    if dtype is None:
        dtype = fill_value.dtype if hasattr(fill_value, "dtype") else np.asarray(fill_value).dtype
    return recorder.record(calls.full, (shape, fill_value, np.dtype(dtype)))


@written_as(np.array, np.asarray, np.asanyarray, np.ascontiguousarray)
def _like_array(recorder: Recorder, a: Any, dtype: Any = None, **_kwargs: Any) -> Any:
    if not isinstance(a, Traced):
        return NotImplemented if any(True for _ in _traced_in(a)) else np.asarray(a, dtype)
    return a if dtype is None or a.dtype == dtype else a.astype(dtype)


@written_as(np.real)
def _np_real(recorder: Recorder, val: Any) -> Any:
    return recorder.record(np.real, (val,)) if val.dtype.kind == "c" else val


@written_as(np.where)
def _np_where(recorder: Recorder, condition: Any, *branches: Any) -> Any:
    if not branches:
        raise CompileError(f"np.where(condition) alone: {_BY_VALUE}.{user_line()}")
    return recorder.record(np.where, (condition, *branches))


@written_as(np.copyto)
def _np_copyto(_recorder: Recorder, dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> Any:
    if not isinstance(dst, Traced):
        raise CompileError(f"np.copyto into an array from outside would happen once, while tracing.{user_line()}")
    new = src if where is True else np.where(where, src, dst)
    dst[...] = new
    return dst


@written_as(np.repeat)
def _np_repeat(recorder: Recorder, a: Any, repeats: Any, axis: Any = None) -> Any:
    if isinstance(repeats, Traced):
        raise CompileError(f"np.repeat by a traced count: {_BY_VALUE}.{user_line()}")
    return NotImplemented


# ── randomness ───────────────────────────────────────────────────────────────────────────────────────────────────


class TracedGenerator:
    """A `numpy.random.Generator` that was passed as an argument: its draws become instructions, in their order."""

    def __init__(self, recorder: Recorder, value: Value, sample: np.random.Generator) -> None:
        self._recorder, self._value, self._sample = recorder, value, sample

    def __getattr__(self, method: str) -> Any:
        if method.startswith("_") or method in ("shuffle", "spawn", "bit_generator"):
            raise CompileError(f"rng.{method} can't be compiled; use rng.permuted or draw outside.{user_line()}")

        def drawn(*args: Any, **kwargs: Any) -> Any:
            return self._recorder.record(
                calls.draw, (Traced(self._recorder, self._value, self._sample), method, args, kwargs), effect=True
            )

        return drawn
