"""A stand-in for an array that writes down every NumPy call made on it.

`Traced` follows NumPy's protocols, so plain NumPy code, the rules and the whole engine run on it: a Tensor over a
Traced differentiates as over an array, and its backward pass is written down as NumPy calls like everything else.
It carries the sample value the trace is made with, for shapes and dtypes; its numbers are never asked for.
"""

from __future__ import annotations

import operator
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..backward import rules_at_work
from ..errors import CompileError, user_line
from ..rules.by_value import anywhere
from . import calls
from .program import Value

if TYPE_CHECKING:
    from .recorder import Recorder

__all__ = [
    "ABOUT",
    "REFUSED",
    "SPECIAL",
    "Traced",
    "TracedGenerator",
    "sample_of",
    "traced_in",
]

SCALARS = (bool, int, float, complex)
OPERANDS = (*SCALARS, np.ndarray, np.generic, list, tuple)


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


def traced_in(x: Any) -> Iterator[Traced]:
    """The stand-ins among arguments, also inside lists, tuples, dicts and slices."""
    if isinstance(x, Traced):
        yield x
    elif isinstance(x, (list, tuple)):
        for v in x:
            yield from traced_in(v)
    elif isinstance(x, dict):
        for v in x.values():
            yield from traced_in(v)
    elif isinstance(x, slice):
        yield from traced_in((x.start, x.stop, x.step))


def _foreign(x: Any) -> bool:
    """Whether another array type (a Tensor, a vmap's batch) is among the arguments: then it computes, not we."""
    if isinstance(x, (list, tuple)):
        return any(map(_foreign, x))
    return hasattr(x, "__array_function__") and not isinstance(x, (Traced, np.ndarray, np.generic))


class NoAttribute(CompileError, AttributeError):
    """An attribute of arrays that would be frozen; to ``hasattr`` it isn't there."""


class Traced:
    """An array of a trace; see the module."""

    __slots__ = ("__weakref__", "base", "fresh", "origin", "pending", "recorder", "sample", "value", "views")
    __hash__: ClassVar[Callable[[Any], int]] = object.__hash__
    __array_priority__: float = 500.0

    def __init__(self, recorder: Recorder, value: Value, sample: Any, fresh: bool = False) -> None:
        self.recorder: Recorder = recorder
        self.value: Value = value
        self.sample: Any = sample
        self.fresh: bool = fresh  # made by a call of the trace and no view: this handle may be written
        self.views: list[weakref.ref[Traced]] = []  # what looks into it: while one lives, it may not
        self.origin: tuple[Traced, Any] | None = None  # of a view x[i]: x and i
        self.base: tuple[weakref.ref[Traced], list[Any]] | None = None  # of x.T and the like: x, and all its views
        self.pending: Traced | None = None  # the new x[i] in the middle of ``x[i] += v``

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
        if sys._getframe(1).f_code is anywhere.__code__:
            return True  # a rule asks whether its careful way is needed: it may be
        if rules_at_work() or _inside_the_package():
            raise CompileError(
                "NumPy's function looks at the values of an array to choose its way or its result's dtype: it can't be "
                f"compiled, the choice would be frozen. Call it outside the compiled function.{user_line()}"
            )
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

    def __format__(self, spec: str) -> str:
        return str(self._leave("the text")) if spec else str(self)

    def __getattr__(self, name: str) -> Any:
        if hasattr(np.ndarray, name) and not name.startswith("_"):
            raise NoAttribute(
                f".{name} of a traced value: its memory is another at each call, and so is what is in it. Compute with "
                f"the array itself.{user_line()}"
            )
        raise AttributeError(f"an array in a compiled function has no attribute {name!r}")

    # writing

    def _write(self, updated: Traced) -> Traced:
        """From now on the handle stands for `updated`, in its own dtype."""
        if updated.shape != self.shape:
            raise CompileError(f"an in-place operation would change {self.shape} to {updated.shape}.{user_line()}")
        if updated.dtype != self.dtype:
            if not np.can_cast(updated.dtype, self.dtype, "same_kind"):
                raise CompileError(f"can't write {updated.dtype} into {self.dtype}.{user_line()}")
            updated = self.recorder.record(calls.astype, (updated, self.dtype))
        if self.origin is not None and self.origin[0]._may_be_written(besides=self):
            self.origin[0].pending = updated
            return updated
        if not self._may_be_written():
            raise CompileError(
                "a compiled function can't write into its arguments, into arrays from outside, or into an array that "
                f"views look at: write x = x + v, or x = x.copy() first.{user_line()}"
            )
        self.value, self.sample = updated.value, updated.sample
        return self

    def _may_be_written(self, besides: Traced | None = None) -> bool:
        return self.is_own() and all(view() is None or view() is besides for view in self.views)

    def is_own(self) -> bool:
        """Whether this handle alone knows its memory, which the function made."""
        if self.base is None:
            return self.fresh
        whole, views = self.base
        return whole() is None and all(view() is None or view() is self for view in views)

    def __setitem__(self, index: Any, value: Any) -> None:
        if _foreign(value):
            raise CompileError(
                f"a Tensor can't be written into a plain array: use np.where, np.stack or t[i] = v.{user_line()}"
            )
        if self.pending is not None:
            if value is not self.pending:
                self.recorder.value_of(self)  # raises: something else was read or written in between
            self.pending = None
        _no_traced_mask(index)
        updated = self.recorder.record(calls.putitem, (self, index, value))
        if self.origin is not None:
            base, place = self.origin
            base[place] = self._write(updated)
        else:
            self._write(updated)

    def fill(self, value: Any) -> None:
        """``x[...] = value``."""
        self[...] = value

    # reading

    def __getitem__(self, index: Any) -> Any:
        if not self.shape and isinstance(index, tuple) and index in ((), (Ellipsis,)):
            return self.strong()
        _no_traced_mask(index)
        return self.recorder.record(calls.getitem, (self, index))

    def strong(self) -> Any:
        """A Python number as NumPy's scalar of its dtype."""
        if not self.value.weak:
            return self
        return self.recorder.record(self.dtype.type, (self,))

    @property
    def T(self) -> Any:
        """All axes reversed."""
        return self.transpose()

    @property
    def mT(self) -> Any:
        """The last two axes exchanged."""
        return self.transpose((*range(self.ndim - 2), self.ndim - 1, self.ndim - 2))

    @property
    def real(self) -> Any:
        """The real part."""
        return np.real(self)

    @property
    def imag(self) -> Any:
        """The imaginary part."""
        return np.imag(self)

    @property
    def flat(self) -> Iterator[Traced]:
        """The elements, one after the other."""
        return iter(self.reshape(-1))

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        """``np.reshape``; the shape may be given as separate numbers."""
        new = shape[0] if len(shape) == 1 and not isinstance(shape[0], (int, np.integer)) else shape
        if order != "C":
            return self.recorder.record(np.reshape, (self, new), {"order": order})
        target = np.reshape(np.broadcast_to(np.int8(0), self.shape), new).shape
        if target == self.shape:
            return self
        return self.recorder.record(calls.reshape, (self.strong(), target))

    def transpose(self, *axes: Any) -> Any:
        """``np.transpose``; the axes may be given as separate numbers."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], (int, np.integer)) else axes or None
        order = range(self.ndim)[::-1] if order is None else [k % self.ndim for k in order]
        if self.ndim < 2 or tuple(order) == tuple(range(self.ndim)):
            return self
        return self.recorder.record(calls.transpose, (self, tuple(order)))

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

    def ravel(self, order: str = "C") -> Any:
        """``np.ravel``."""
        return self.reshape(-1, order=order)

    def flatten(self, order: str = "C") -> Any:
        """``ndarray.flatten``."""
        flat = self.reshape(-1, order=order)
        return flat.copy() if flat is self else flat

    def sort(self, axis: int = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> None:
        """``ndarray.sort``: in place."""
        ordered: Any = np.sort(self, axis=axis, kind=kind, stable=stable)
        self._write(ordered)

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
        return result if out is None else self._into(out, result)

    def __record_call__(
        self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], effect: bool
    ) -> Any:
        """A call of a function that looks at values itself: one instruction."""
        return self.recorder.record(f, args, kwargs, effect=effect)

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

POWERS: dict[Any, Any] = {1: np.positive, 2: np.square, -1: np.reciprocal, 0.5: np.sqrt}
"""The exponents for which NumPy's ``**`` takes a quicker way with arrays, and the way."""


def _is_number(x: Any) -> bool:
    return isinstance(x, SCALARS) or (isinstance(x, Traced) and x.value.weak)


def _binary(ufunc: Any, symbol: Any, reflected: bool) -> Callable[[Any, Any], Any]:
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


_ufunc: Any
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


def _unary(ufunc: Any, symbol: Any) -> Callable[[Any], Any]:
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


METHODS = (np.all, np.any, np.argmax, np.argmin, np.argpartition, np.argsort, np.choose, np.clip, np.compress, np.conj,
           np.conjugate, np.cumprod, np.cumsum, np.diagonal, np.dot, np.max, np.mean, np.min, np.nonzero, np.prod,
           np.ptp, np.repeat, np.round, np.searchsorted, np.squeeze, np.std, np.sum, np.swapaxes, np.take, np.trace,
           np.var)  # fmt: skip
for _function in METHODS:
    setattr(Traced, _function.__name__, _method(_function))
Traced.conj = Traced.conjugate  # type: ignore[attr-defined]


# ── NumPy's functions, see lowering.py ───────────────────────────────────────────────────────────────────────────

ABOUT = frozenset(
    (np.shape, np.ndim, np.size, np.result_type, np.iscomplexobj, np.isrealobj, np.common_type, np.can_cast)
)
"""Functions of shapes and dtypes alone: their answer holds for every call of the program."""

REFUSED: dict[Any, str] = {}
"""Functions that can't be compiled, and what to do instead."""

SPECIAL: dict[Any, Callable[..., Any]] = {}
"""How to write a function down in others; each gets the recorder, then the function's own arguments."""


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
