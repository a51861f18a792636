"""One run of a function on `Symbol`s: what it did, call by call, as a `Program`.

A Symbol stands for an array whose value is not known when the exported file is written. It knows its shape and dtype,
goes through the rule book as a Tensor does, and refuses to show its value: a program that looked at numbers while it
was written down would be right for those numbers only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ...errors import LeavesGraphError, NoRuleError, user_line
from ...failures import operation_failed
from ...operators import METHODS
from ...recording import open_scopes
from ...rules import BOOK, Composite, Plain, Rule, find, getitem, putitem
from ...tensor import Tensor, arrays_in

__all__ = ["Program", "Ref", "Step", "Symbol"]


class Ref:
    """The place of a value in a program."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index: int = index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ref) and other.index == self.index

    def __hash__(self) -> int:
        return hash(self.index)

    def __repr__(self) -> str:
        return f"Ref({self.index})"


class Step:
    """One call: the entry of the rule book (or NumPy's function), its arguments, and where its results are."""

    __slots__ = ("args", "key", "line", "name", "outputs", "params", "scope")

    def __init__(self, key: Any, name: str, args: Any, params: Any, outputs: list[int], scope: tuple[str, ...]) -> None:
        self.key: Any = key
        self.name: str = name
        self.args: Any = args
        self.params: Any = params
        self.outputs: list[int] = outputs
        self.scope: tuple[str, ...] = scope
        self.line: str = user_line()


class Program:
    """The calls of one run in order, and the values (for their shapes and dtypes) that they gave.

    Attributes
    ----------
    steps : list of Step
    values : list of array
        Inputs and parameters first.
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.values: list[Any] = []
        self.depth = 0

    def symbol(self, value: Any) -> Symbol:
        """A new value of the program."""
        self.values.append(value)
        return Symbol(value, len(self.values) - 1, self)

    def record(self, key: Any, name: str, args: Any, params: Any, value: Any) -> Any:
        """Write one call down; return its result, or a tuple of results, as Symbols."""
        parts = value if isinstance(value, tuple) else (value,)
        symbols = [self.symbol(part if isinstance(part, np.ndarray) else np.asarray(part)) for part in parts]
        scope = open_scopes()
        indices = [s.index for s in symbols]
        self.steps.append(Step(key, name, as_refs(args), as_refs(params), indices, scope))
        return tuple(symbols) if isinstance(value, tuple) else symbols[0]


def as_refs(x: Any) -> Any:
    """The arguments of a call with Symbols replaced by their places."""
    return _replaced(x, lambda s: Ref(s.index))


def _values(x: Any) -> Any:
    return _replaced(x, lambda s: s.value)


def _replaced(x: Any, replace: Callable[[Symbol], Any]) -> Any:
    if isinstance(x, Symbol):
        return replace(x)
    if isinstance(x, Tensor):
        return x.data
    if isinstance(x, (tuple, list)):
        return type(x)(_replaced(y, replace) for y in x)
    if isinstance(x, dict):
        return {key: _replaced(y, replace) for key, y in x.items()}
    return x


def _program_of(x: Any) -> Program | None:
    if isinstance(x, Symbol):
        return x.program
    if isinstance(x, dict):
        x = list(x.values())
    if isinstance(x, (tuple, list)):
        return next((p for p in map(_program_of, x) if p is not None), None)
    return None


class Symbol(NDArrayOperatorsMixin):
    """An array of a program; NumPy's functions on it are written down.

    It has a `level` as a vmap's batch has, so that a Tensor over it calls it rule by rule.
    """

    __slots__ = ("index", "program", "value")
    __array_priority__: float = 3000.0
    level = 1 << 60
    __hash__ = object.__hash__

    def __init__(self, value: Any, index: int, program: Program) -> None:
        self.value: np.ndarray[Any, Any] | np.generic = value
        self.index: int = index
        self.program: Program = program

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self.value.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Its dtype."""
        return self.value.dtype

    @property
    def ndim(self) -> int:
        """Its number of axes."""
        return self.value.ndim

    @property
    def size(self) -> int:
        """Its number of elements."""
        return self.value.size

    @property
    def data(self) -> Symbol:
        """Itself: comparisons of values are part of the program."""
        return self

    @property
    def T(self) -> Any:
        """All axes reversed."""
        return np.transpose(self)

    @property
    def mT(self) -> Any:
        """The last two axes exchanged."""
        return np.swapaxes(self, -1, -2)

    @property
    def real(self) -> Symbol:
        """Itself: it is real."""
        return self

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a 0-d array")
        return int(self.shape[0])

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"Symbol({self.dtype} {self.shape})"

    def _leave(self, *_: Any, **__: Any) -> NoReturn:
        """Refused: the number would be frozen into the exported program."""
        raise LeavesGraphError(
            "an exported function can't look at its values (if, float(), np.asarray, math.f): they differ from call "
            f"to call; use np.where and NumPy's functions.{user_line()}"
        )

    __array__: Callable[..., NoReturn] = _leave
    __float__: Callable[..., NoReturn] = _leave
    __int__: Callable[..., NoReturn] = _leave
    __bool__: Callable[..., NoReturn] = _leave
    __index__: Callable[..., NoReturn] = _leave
    __complex__: Callable[..., NoReturn] = _leave
    item: Callable[..., NoReturn] = _leave

    def __getitem__(self, index: Any) -> Any:
        return apply_to_symbols(getitem, (self, index))

    def __setitem__(self, index: Any, value: Any) -> None:
        self._become(apply_to_symbols(putitem, (self, value, index)))

    def _become(self, updated: Symbol) -> None:
        """Let this handle stand for the updated array, as ``t[i] = v`` of a Tensor does."""
        updated = updated if updated.dtype == self.dtype else updated.astype(self.dtype)
        self.value, self.index = updated.value, updated.index

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if any(map(_records, inputs)):
            return NotImplemented
        return call_on_symbols(ufunc if method == "__call__" else (ufunc, method), inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if any(map(_records, arrays_in((*args, *kwargs.values())))):
            return NotImplemented
        return call_on_symbols(func, args, kwargs)

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        """``np.reshape``; the shape may be given as separate numbers."""
        target = shape[0] if len(shape) == 1 and not isinstance(shape[0], (int, np.integer)) else shape
        return call_on_symbols(np.reshape, (self, target), {} if order == "C" else {"order": order})

    def transpose(self, *axes: Any) -> Any:
        """``np.transpose``; the axes may be given as separate numbers."""
        return np.transpose(self, (axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes) or None)

    def astype(self, dtype: Any, **_: Any) -> Any:
        """Cast."""
        return call_on_symbols(np.astype, (self, np.dtype(dtype)), {})

    def copy(self) -> Any:
        """A copy."""
        return np.positive(self) if self.dtype.kind != "b" else self

    def flatten(self) -> Any:
        """``np.ravel``."""
        return call_on_symbols(np.ravel, (self,), {})

    @staticmethod
    def __apply_rule__(rule: Rule, args: tuple[Any, ...], params: dict[str, Any] | None = None) -> Any:
        if any(map(_records, args)):
            return NotImplemented
        return apply_to_symbols(rule, args, params)


def _records(x: Any) -> bool:
    """Whether this is a Tensor over a Symbol: a `grad` inside the exported function is at work, and goes first."""
    return isinstance(x, Tensor) and hasattr(x.data, "level")


def _method(name: str) -> Callable[..., Any]:
    function = getattr(np, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__, method.__doc__ = name, f"``np.{name}``."
    return method


for _name in METHODS:
    setattr(Symbol, _name, _method(_name))


def apply_to_symbols(rule: Rule, args: tuple[Any, ...], params: dict[str, Any] | None = None) -> Any:
    """Call a rule's function on the values and write the call down."""
    program = _program_of((args, params or {}))
    assert program is not None
    raw = _values(args)
    try:
        with np.errstate(all="ignore"):
            value = rule.f(*raw, **params) if params else rule.forward(*raw)
    except Exception as error:
        operation_failed(rule.name, error, *(raw if rule.variadic else raw[: rule.inputs]))
    return program.record(rule, rule.name, args, params or {}, value)


def call_on_symbols(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a NumPy function by its entry in the rule book."""
    entry = BOOK.get(func) or find(func)
    if isinstance(entry, Rule):
        if entry.others is None or entry.covers(args, kwargs):
            return apply_to_symbols(entry, entry.bind(args, kwargs))
        return _composed(entry.others, args, kwargs)
    if isinstance(entry, Composite):
        return _composed(entry, args, kwargs)
    if isinstance(entry, Plain):
        if func in ABOUT:
            return func(*_values(args), **_values(kwargs))
        program = _program_of((args, kwargs))
        assert program is not None
        with np.errstate(all="ignore"):
            value = func(*_values(args), **_values(kwargs))
        return program.record(func, entry.name, args, kwargs, value)
    name = ".".join(getattr(f, "__name__", str(f)) for f in (func if isinstance(func, tuple) else (func,)))
    raise NoRuleError(f"np.{name} has no ONNX counterpart here.{user_line()}")


DEEPEST = 12
"""So deep no function is composed of others; one that asks NumPy for its plain answer would call itself for ever."""


def _composed(entry: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    program = _program_of((args, kwargs))
    assert program is not None
    program.depth += 1
    try:
        if program.depth > DEEPEST:
            raise LeavesGraphError("it looks at values")
        return entry(*args, **kwargs)
    except LeavesGraphError as error:
        raise NoRuleError(f"np.{entry.name} has no ONNX counterpart: it looks at values.{user_line()}") from error
    finally:
        program.depth -= 1


ABOUT: set[Any] = {
    np.shape,
    np.ndim,
    np.size,
    np.result_type,
    np.iscomplexobj,
    np.isrealobj,
    np.common_type,
    np.can_cast,
    np.min_scalar_type,
}
"""Questions about an array whose answer is known without its value."""
