"""Tensor's operators and methods, made from the rule book.

The arithmetic operators come from one short template with the constant and tracked cases written out: a general
``apply(op, *args)`` costs four times as much on a scalar. Each is made from it at its first use, which would cost an
import dearly. Everything else goes through the book.
"""

from __future__ import annotations

import builtins
import operator
from collections.abc import Callable
from functools import cache
from numbers import Number
from types import CodeType, FunctionType
from typing import Any, cast

import numpy as np

from . import tensor as heart
from .backward import F64, SMALL, Spec
from .errors import ReadOnlyError, user_line
from .failures import NUMBERS, foreign_operand, operation_failed
from .rules import BOOK, Rule
from .tensor import OPERATORS, UNARY, Lifted, Tensor, apply_rule, call_book, is_batch_around, listed

__all__: list[str] = []

BINARY = """
def {method}(self, other):
    if type(other) is float:
        {theirs}, m = other, None
    elif isinstance(other, Tensor):
        {theirs}, m = other._value, other.node
    elif type(other) is int or (type(other) is ndarray and other.dtype.kind in NUMBERS) or type(other) is float64:
        {theirs}, m = other, None
    else:
        {theirs}, m = as_operand(other, self, {name!r}, {answer!r}, {reflected}), None
        if {theirs} is NotImplemented:
            return NotImplemented
    {mine}, n = self._value, self.node
    try:
        y = {expression}
    except Exception as error:
        operation_failed({name!r}, error, a, b)
    t = Computed()
    t._value = y
    if n is not None:
        if m is not None:
            node = Node()
            node.op, node.parents, node.args = BOTH, {both}, {args_both}
            node.like = {like_both}
        else:
            node = Node()
            node.op, node.parents, node.args = MINE, (n,), ({a_mine}, {b_mine})
            node.like = {like_mine}
    elif m is not None:
        node = Node()
        node.op, node.parents, node.args = THEIRS, (m,), ({a_theirs}, {b_theirs})
        node.like = {like_theirs}
    else:
        t.node = None
        return t
    if paused and is_paused():
        t.node = None
        return t
    node.id = next_id()
    node.grad = None
    t.node = node
    return t
"""

SLIM = "F64 if type(y) is float64 else (y if y.size < SMALL else Spec(y))"


def as_operand(other: Any, beside: Tensor, name: str, answer: str, reflected: bool) -> Any:
    """A list or a foreign array beside a Tensor, as something NumPy can compute with.

    `answer` is the method by which another class may take the operation over (``__radd__``).
    """
    if is_batch_around(other, (beside,)):
        return NotImplemented
    if isinstance(other, (np.ndarray, np.generic)):
        if other.dtype.kind in NUMBERS and not isinstance(other, (np.ma.MaskedArray, np.matrix)):
            return np.asarray(other) if isinstance(other, np.ndarray) else other
    elif isinstance(other, (list, tuple)):
        found = listed(name, other)
        if found.dtype.kind in NUMBERS:
            return found
    elif isinstance(other, complex):  # Python's complex times a float64 would be Python's again
        return np.complex128(other) if type(beside.data) is np.float64 else other
    elif isinstance(other, (int, float)) or hasattr(other, "__array_function__"):
        return other
    elif _answers(other, answer):
        return NotImplemented
    raise foreign_operand(name, *((other, beside.data) if reflected else (beside.data, other)))


def _answers(other: Any, answer: str) -> bool:
    """Whether another class says itself what it does with a Tensor: no number, no container, no array."""
    if isinstance(other, (str, bytes, Number)) or hasattr(other, "__array__"):
        return False
    return hasattr(type(other), answer) or getattr(other, "__array_ufunc__", None) is not None


@cache
def _code(source: str, name: str) -> CodeType:
    """The code of the one function in a filled-in template."""
    module = compile(source, f"<__{name.strip('_')}__ of Tensor, from a template in operators.py>", "exec")
    return next(code for code in module.co_consts if isinstance(code, CodeType))


def _made(code: CodeType, name: str, doc: str, *defaults: Any) -> Callable[..., Any]:
    """A function from a template's code, in the heart's namespace so that ``next_id`` stays one name."""
    return _named(FunctionType(code, vars(heart), name, defaults), name, doc)


def _define(method: str, ufunc: Any, entry: Rule, symbol: str, reflected: bool, doc: str) -> Callable[..., Any]:
    """One operator method, from the template."""
    both, left, right = entry.op((0, 1)), entry.op((0,)), entry.op((1,))
    mine, theirs = (right, left) if reflected else (left, right)
    a_node, b_node = ("m", "n") if reflected else ("n", "m")

    def kept(op: Any, position: int, value: str, node: str) -> str:
        return value if position not in op.which or op.keep[position] else f"{node}.like"

    source = BINARY.format(
        method=method,
        name=entry.name,
        reflected=reflected,
        answer=f"__{method.strip('_')[1:]}__" if reflected and symbol else f"__r{method.strip('_')}__",
        mine="b" if reflected else "a",
        theirs="a" if reflected else "b",
        expression=f"a {symbol} b" if symbol else f"_{method}_FUNCTION(a, b)",
        both=f"({a_node}, {b_node})",
        args_both=f"({kept(both, 0, 'a', a_node)}, {kept(both, 1, 'b', b_node)})" if any(both.keep) else "UNREAD",
        like_both="y" if both.keep_y else SLIM,
        a_mine=kept(mine, 0, "a", a_node),
        b_mine=kept(mine, 1, "b", b_node),
        like_mine="y" if mine.keep_y else SLIM,
        a_theirs=kept(theirs, 0, "a", a_node),
        b_theirs=kept(theirs, 1, "b", b_node),
        like_theirs="y" if theirs.keep_y else SLIM,
    )
    vars(heart)[f"_{method}_FUNCTION"] = ufunc
    for label, op in (("BOTH", both), ("MINE", mine), ("THEIRS", theirs)):
        vars(heart)[f"_{method}{label}"] = op
        source = source.replace(label, f"_{method}{label}")
    return _made(_code(source, method), method, doc)


def _at_first_use(method: str, ufunc: Any, symbol: str = "", reflected: bool = False) -> Callable[..., Any]:
    """An operator that makes its method when it is first called, and then is no more in the way."""
    entry: Rule = BOOK[ufunc]
    sign = symbol or entry.name
    doc = f"``other {sign} self``, recorded." if reflected else f"``self {sign} other``, recorded."

    def first(self: Tensor, other: Any) -> Any:
        if OPERATORS[ufunc][reflected] is first:
            OPERATORS[ufunc][reflected] = _define(method, ufunc, entry, symbol, reflected, doc)
            _replace(first, OPERATORS[ufunc][reflected])
        return OPERATORS[ufunc][reflected](self, other)

    return _named(first, method, doc)


def _named(function: Any, name: str, doc: str) -> Callable[..., Any]:
    function.__name__, function.__qualname__, function.__doc__ = name, f"Tensor.{name}", doc
    return cast(Callable[..., Any], function)


def _replace(first: Callable[..., Any], made: Callable[..., Any]) -> None:
    """Let Tensor have the method that was made, under every name."""
    for name in [name for name, value in vars(Tensor).items() if value is first]:
        setattr(Tensor, name, made)


_ufunc: Any
UNREAD = (F64, F64)  # the arguments of a + b and a − b, which no rule reads: one tuple for all nodes
vars(heart).update(  # what the templates name, beside the heart's own
    F64=F64,
    SMALL=SMALL,
    Spec=Spec,
    UNREAD=UNREAD,
    NUMBERS=NUMBERS,
    as_operand=as_operand,
    operation_failed=operation_failed,
)


def _in_place(operators: list[Callable[[Any, Any], Any]]) -> Callable[[Any, Any], Any]:
    def assign(self: Tensor, other: Any) -> Any:
        updated = operators[0](self, other)
        return updated if updated is NotImplemented else self._become(updated)

    return assign


def _general(entry: Rule, reflected: bool = False) -> Callable[..., Any]:
    """An operator of Tensors over a vmap's batch, which have to look at each other first: no quick way."""

    def operator(self: Tensor, *others: Any) -> Any:
        return apply_rule(entry, (*others, self) if reflected else (self, *others))

    return operator


for _name, _ufunc, _symbol in (
    ("add", np.add, "+"),
    ("sub", np.subtract, "-"),
    ("mul", np.multiply, "*"),
    ("truediv", np.true_divide, "/"),
    ("pow", np.power, "**"),
    ("matmul", np.matmul, "@"),
    ("mod", np.remainder, "%"),
    ("floordiv", np.floor_divide, "//"),
):
    OPERATORS[_ufunc] = [
        _at_first_use(f"__{_name}__", _ufunc, _symbol),
        _at_first_use(f"__r{_name}__", _ufunc, _symbol, reflected=True),
    ]
    setattr(Tensor, f"__{_name}__", OPERATORS[_ufunc][0])
    setattr(Tensor, f"__r{_name}__", OPERATORS[_ufunc][1])
    setattr(Tensor, f"__i{_name}__", _in_place(OPERATORS[_ufunc]))
    _entry = BOOK[_ufunc]
    setattr(Lifted, f"__{_name}__", _general(_entry))
    setattr(Lifted, f"__r{_name}__", _general(_entry, reflected=True))
    setattr(Lifted, f"__i{_name}__", _in_place([_general(_entry)]))


for _function, _entry in BOOK.items():
    if type(_entry) is Rule and _entry.elementwise and isinstance(_function, np.ufunc) and _function.nin == 2:
        _both = [_at_first_use(_entry.name, _function), _at_first_use(f"r{_entry.name}", _function, reflected=True)]
        OPERATORS.setdefault(_function, _both)


ELEMENTWISE_DOC = "``np.{}`` of this Tensor, recorded."
ELEMENTWISE = """
def run(t, f, op):
    x, n = t._value, t.node
    try:
        y = f(x)
    except Exception as error:
        operation_failed(op.name, error, x)
    {scalar}
    result = Computed()
    result._value = y
    if n is None or (paused and is_paused()):
        result.node = None
        return result
    node = Node()
    node.op, node.parents, node.args = op, (n,), ({x},)
    node.like = {like}
    node.id = next_id()
    node.grad = None
    result.node = node
    return result
"""


def define_elementwise(entry: Rule) -> Callable[[Any], Any]:
    """The quick way for a function of one input, from its template."""
    op = entry.op((0,))
    source = ELEMENTWISE.format(
        x="x" if op.keep[0] else "n.like",
        like="y" if op.keep_y else SLIM,
        scalar="" if isinstance(entry.f, np.ufunc) else "y = y[()] if type(y) is ndarray and not y.ndim else y",
    )
    return _made(_code(source, "run"), entry.name, ELEMENTWISE_DOC.format(entry.name), entry.f, op)


def _elementwise_at_first_use(ufunc: Any, entry: Rule) -> Callable[..., Any]:
    def first(t: Tensor) -> Any:
        if UNARY[ufunc] is first:
            UNARY[ufunc] = define_elementwise(entry)
            _replace(first, UNARY[ufunc])
        return UNARY[ufunc](t)

    return _named(first, entry.name, ELEMENTWISE_DOC.format(entry.name))


def apply_elementwise(entry: Rule, t: Tensor) -> Any:
    """Call our own rule of one input (tn.nn.sigmoid, a primitive) the quick way, made at its first use."""
    if entry.quick is None:
        entry.quick = define_elementwise(entry)
    return entry.quick(t)


Tensor.__apply_elementwise__ = staticmethod(apply_elementwise)  # type: ignore[attr-defined]
Lifted.__apply_elementwise__ = None

for _function, _entry in BOOK.items():
    if type(_entry) is Rule and _entry.elementwise and isinstance(_function, np.ufunc) and _function.nin == 1:
        UNARY[_function] = _elementwise_at_first_use(_function, _entry)
        setattr(Lifted, _function.__name__, _general(_entry))

for _name, _ufunc in (("neg", np.negative), ("pos", np.positive), ("abs", np.absolute)):
    setattr(Tensor, f"__{_name}__", UNARY[_ufunc])
    setattr(Lifted, f"__{_name}__", _general(BOOK[_ufunc]))


def quotient_and_remainder(self: Tensor, other: Any) -> Any:
    """``divmod(self, other)``."""
    return call_book(np.divmod, (self, other), {})


def reflected_quotient_and_remainder(self: Tensor, other: Any) -> Any:
    """``divmod(other, self)``."""
    return call_book(np.divmod, (other, self), {})


for _name, _function in (("divmod", quotient_and_remainder), ("rdivmod", reflected_quotient_and_remainder)):
    setattr(Tensor, f"__{_name}__", _function)


def _comparison(symbol: str, compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def compared(self: Tensor, other: Any) -> Any:
        other = other.data if isinstance(other, Tensor) else other
        try:
            return compare(self.data, other)
        except Exception as error:
            operation_failed(symbol, error, self.data, other)

    compared.__doc__ = f"``self {symbol} other`` as a plain bool array."
    return compared


for _name, _symbol in (("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">="), ("eq", "=="), ("ne", "!=")):
    setattr(Tensor, f"__{_name}__", _comparison(_symbol, getattr(operator, _name)))


def _bitwise(name: str, reflected: bool) -> Callable[..., Any]:
    """``t & mask`` raises: the conditions that are meant are arrays of bools, made by comparing."""

    def refused(self: Tensor, *other: Any) -> Any:
        return call_book(getattr(np, name), (*other, self) if reflected else (self, *other), {})

    return refused


for _name, _function_name in (
    ("and", "bitwise_and"),
    ("or", "bitwise_or"),
    ("xor", "bitwise_xor"),
    ("lshift", "left_shift"),
    ("rshift", "right_shift"),
):
    setattr(Tensor, f"__{_name}__", _bitwise(_function_name, reflected=False))
    setattr(Tensor, f"__r{_name}__", _bitwise(_function_name, reflected=True))
setattr(Tensor, "__invert__", _bitwise("invert", reflected=False))  # noqa: B010 (mypy reads an assignment as ~Tensor)


# ── methods: t.sum(axis=0) is np.sum(t, axis=0) ──────────────────────────────────────────────────────────────────

METHODS = [
    "all",
    "any",
    "argmax",
    "argmin",
    "argsort",
    "clip",
    "conj",
    "conjugate",
    "cumprod",
    "cumsum",
    "diagonal",
    "dot",
    "max",
    "mean",
    "min",
    "nonzero",
    "prod",
    "ptp",
    "ravel",
    "repeat",
    "round",
    "put",
    "searchsorted",
    "squeeze",
    "std",
    "sum",
    "swapaxes",
    "take",
    "trace",
    "var",
    "choose",
    "argpartition",
    "exp",
    "log",
    "sqrt",
    "tanh",
    "sin",
    "cos",
]


def _method(function: Any) -> Callable[..., Any]:
    unary = UNARY.get(function)
    if unary is not None:
        return unary

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        return call_book(function, (self, *args), kwargs)

    method.__name__ = function.__name__
    method.__doc__ = f"``np.{function.__name__}`` of this Tensor."
    return method


for _name in METHODS:
    setattr(Tensor, _name, _method(getattr(np, _name)))


def _shape_argument(args: tuple[Any, ...]) -> Any:
    """``t.reshape(2, 3)`` and ``t.reshape((2, 3))`` are the same."""
    return args[0] if len(args) == 1 and not isinstance(args[0], (int, np.integer)) else args


def reshape(self: Tensor, *shape: Any, order: str = "C") -> Any:
    """``np.reshape`` of this Tensor; the shape may be given as separate numbers."""
    return call_book(np.reshape, (self, _shape_argument(shape)), {} if order == "C" else {"order": order})


def transpose(self: Tensor, *axes: Any) -> Any:
    """``np.transpose`` of this Tensor; the axes may be given as separate numbers."""
    return call_book(np.transpose, (self, _shape_argument(axes) if axes else None), {})


def astype(self: Tensor, dtype: Any) -> Any:
    """Cast to another float or complex dtype, recorded; other dtypes carry no derivative and raise."""
    try:
        dtype = np.dtype(dtype)
    except TypeError as error:
        operation_failed("astype", error, self.data, dtype=dtype)
    return call_book(np.astype, (self, dtype), {})


def flatten(self: Tensor, order: str = "C") -> Any:
    """``np.ravel`` of this Tensor."""
    return call_book(np.ravel, (self,), {} if order == "C" else {"order": order})


def compress(self: Tensor, condition: Any, axis: int | None = None) -> Any:
    """``np.compress`` of this Tensor, which NumPy's function takes second."""
    return call_book(np.compress, (condition, self, axis), {})


def copy(self: Tensor) -> Any:
    """A recorded copy: gradients pass through."""
    return UNARY[np.positive](self)


def sort(self: Tensor, axis: int = -1, kind: Any = None, *, stable: Any = None) -> None:
    """Sort in place, as an array does: this handle then stands for the sorted values (``np.sort`` returns them)."""
    self._become(call_book(np.sort, (self, axis, kind), {"stable": stable}))


def partition(self: Tensor, kth: Any, axis: int = -1, kind: str = "introselect") -> None:
    """Partition in place, as an array does; ``np.partition`` returns the result."""
    self._become(call_book(np.partition, (self, kth, axis, kind), {}))


def fill(self: Tensor, value: Any) -> None:
    """``t[...] = value``."""
    self[...] = value


for _function in (reshape, transpose, astype, flatten, compress, copy, sort, partition, fill):
    setattr(Tensor, _function.__name__, _function)

INSTEAD = {
    "shape": "t = t.reshape(shape)",
    "dtype": "t = t.astype(dtype)",
    "requires_grad": "tn.stop_gradient(t) is a constant with its value",
}
"""What to write instead of assigning to an attribute."""


def _read_only(name: str) -> Callable[[Tensor, Any], None]:
    def assign(_self: Tensor, _value: Any) -> None:
        instead = INSTEAD.get(name, "compute what you mean, or assign to entries, t[...] = value")
        raise ReadOnlyError(f"t.{name} can't be assigned: {instead}.{user_line()}")

    return assign


for _name, _body, _doc in (
    ("T", lambda self: call_book(np.transpose, (self, None), {}), "All axes reversed."),
    ("mT", lambda self: call_book(np.swapaxes, (self, -1, -2), {}), "The last two axes exchanged."),
    ("real", lambda self: call_book(np.real, (self,), {}), "The real part."),
    ("imag", lambda self: call_book(np.imag, (self,), {}), "The imaginary part."),
    ("flat", lambda self: iter(call_book(np.ravel, (self,), {})), "The elements, one after the other."),
):
    setattr(Tensor, _name, builtins.property(_body, _read_only(_name), doc=_doc))
for _name in ("shape", "dtype", "ndim", "size", "requires_grad"):
    setattr(Tensor, _name, getattr(Tensor, _name).setter(_read_only(_name)))
