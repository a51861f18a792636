"""Expressions that write themselves: an array with the NumPy text that computes it.

The rule book's derivatives are plain NumPy that never asks what it was given. Given symbols, a rule writes its own
line of source: ``lambda g, y, _x: g * (1 - y * y)`` becomes ``dA * (1 - A**2)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

__all__ = ["ATOM", "PRODUCT", "SIGN", "SUM", "Symbol", "Unwritable", "call_text", "index_text", "shape_text", "symbol"]

COMPARISON, OR, AND, SUM, MATMUL, PRODUCT, SIGN, POWER, ATOM = range(9)
"""How tightly a text holds together."""

LARGEST_LITERAL = 12
"""A constant array of more entries is not written out."""


class Unwritable(Exception):
    """A rule asked for numbers (``if np.any(x == 0)``): no text would be right for all of them."""


class Symbol(np.lib.mixins.NDArrayOperatorsMixin):
    """A text and the value it has here.

    Attributes
    ----------
    text : str
    level : int
        How tightly the text holds together: `ATOM` needs no brackets.
    value : array or number

    Examples
    --------
    >>> a, b = Symbol("A", np.ones((2, 3))), Symbol("B", np.ones((3, 2)))
    >>> (-2 * (a @ b).T).text
    '-2 * B.T @ A.T'
    >>> (a * (1 - a * a)).text
    'A * (1 - A**2)'
    """

    __slots__ = ("level", "made", "text", "value")

    def __init__(self, text: str, value: Any, level: int = ATOM, made: tuple[Any, ...] = ()) -> None:
        self.text: str = text
        self.value: Any = value
        self.level: int = level
        self.made: tuple[Any, ...] = made

    def __repr__(self) -> str:
        return f"<{self.text}>"

    # what rules ask of an array

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the value."""
        return np.shape(self.value)

    @property
    def ndim(self) -> int:
        """Of the value."""
        return np.ndim(self.value)

    @property
    def size(self) -> int:
        """Of the value."""
        return int(np.size(self.value))

    @property
    def dtype(self) -> Any:
        """Of the value."""
        return np.dtype("V") if hasattr(self.value, "likes") else np.asarray(self.value).dtype

    @property
    def T(self) -> Symbol:
        """``(P @ Q).T`` is written ``Q.T @ P.T``."""
        if self.ndim < 2:
            return self
        if self.made and self.made[0] == "matmul" and self.made[1].ndim == self.made[2].ndim == 2:
            product: Symbol = self.made[2].T @ self.made[1].T
            return product
        if self.made and self.made[0] == "T":
            inside: Symbol = self.made[1]
            return inside
        return Symbol(f"{within(self, ATOM)}.T", self.value.T, ATOM, ("T", self))

    @property
    def mT(self) -> Symbol:
        """The last two axes exchanged."""
        return self.T if self.ndim == 2 else self.swapaxes(-1, -2)

    @property
    def real(self) -> Symbol:
        """The real part."""
        return called("np.real", np.real, self) if self.dtype.kind == "c" else self

    @property
    def imag(self) -> Symbol:
        """The imaginary part."""
        return called("np.imag", np.imag, self)

    def conj(self) -> Symbol:
        """The conjugate; nothing is written for real numbers."""
        return called("np.conj", np.conj, self) if self.dtype.kind == "c" else self

    conjugate = conj

    def reshape(self, *shape: Any) -> Symbol:
        """The entries in a new shape."""
        new = shape[0] if len(shape) == 1 else shape
        value = np.reshape(self.value, new)
        if value.shape == self.shape:
            return self
        if self.ndim == 0:
            return Symbol(f"np.reshape({self.text}, {literal(value.shape)})", value)
        return Symbol(f"{within(self, ATOM)}.reshape({shape_text(value.shape)})", value)

    def swapaxes(self, a: int, b: int) -> Symbol:
        """Two axes exchanged."""
        return called("np.swapaxes", np.swapaxes, self, a, b)

    def transpose(self, *axes: Any) -> Symbol:
        """The axes in another order."""
        order = axes[0] if len(axes) == 1 else axes or None
        return self.T if order is None else called("np.transpose", np.transpose, self, order)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Symbol:
        """The sum."""
        return called("np.sum", np.sum, self, axis=axis, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Symbol:
        """The largest."""
        return called("np.max", np.max, self, axis=axis, keepdims=keepdims)

    def astype(self, dtype: Any, copy: bool = True) -> Symbol:
        """Nothing is written where it is that already."""
        if np.dtype(dtype) == self.dtype:
            return self
        return Symbol(
            f"{within(self, ATOM)}.astype({np.dtype(dtype).name!r})", np.asarray(self.value).astype(dtype, copy=copy)
        )

    def __getitem__(self, index: Any) -> Symbol:
        return Symbol(f"{within(self, ATOM)}[{index_text(index)}]", self.value[bare(index)])

    def _refuse(self, *_: Any) -> NoReturn:
        raise Unwritable(self.text)

    __bool__: Callable[..., NoReturn] = _refuse
    __float__: Callable[..., NoReturn] = _refuse
    __int__: Callable[..., NoReturn] = _refuse
    __index__: Callable[..., NoReturn] = _refuse
    __array__: Callable[..., NoReturn] = _refuse
    __iter__: Callable[..., NoReturn] = _refuse

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def data(self) -> Symbol:
        """What a Tensor's plain array is: itself."""
        return self

    @staticmethod
    def __apply_rule__(rule: Any, values: Any, kwargs: Any = None) -> Symbol:
        from .pullbacks import forward_symbol

        op = rule.op(tuple(k for k, x in enumerate(values) if isinstance(x, Symbol)), len(values), kwargs)
        return forward_symbol(op, values, op.forward(*map(bare, values)))

    def any(self, *_: Any, **__: Any) -> Any:
        """A decision on numbers."""
        raise Unwritable(self.text)

    all = any

    # NumPy's protocols: everything else becomes text

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            raise Unwritable(f"{ufunc.__name__}.{method}")
        operands = [symbol(x) for x in inputs]
        if ufunc is np.conjugate and operands[0].dtype.kind != "c":
            return operands[0]
        write = OPERATORS.get(ufunc)
        value = ufunc(*(operand.value for operand in operands))
        if write is not None:
            return write(*operands, value)
        return Symbol(call_text(numpy_path(ufunc), inputs, {}), value)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        del types
        if function in STRUCTURAL:
            return function(*bare(args), **kwargs)
        if function is np.expand_dims and self.ndim == 0:  # broadcasting needs no help
            return self
        return called(numpy_path(function), function, *args, **kwargs)


STRUCTURAL = (np.iscomplexobj, np.isrealobj, np.ndim, np.shape, np.size, np.result_type)
"""Questions about shapes and dtypes: a program is written for one answer."""


def called(path: str, function: Any, *args: Any, **kwargs: Any) -> Symbol:
    """The symbol of a call."""
    shown = {key: value for key, value in kwargs.items() if value is not None and value is not False}
    return Symbol(call_text(path, args, shown), function(*bare(args), **{k: bare(v) for k, v in kwargs.items()}))


def numpy_path(function: Any) -> str:
    """``np.linalg.solve``."""
    name = getattr(function, "__name__", "")
    for module, path in ((np, "np"), (np.linalg, "np.linalg"), (np.fft, "np.fft")):
        if getattr(module, name, None) is function:
            return f"{path}.{name}"
    raise Unwritable(name or str(function))


def call_text(path: str, args: Any, kwargs: dict[str, Any]) -> str:
    """``np.sum(A, axis=1)``."""
    given = [literal(x) for x in args] + [f"{key}={literal(value)}" for key, value in kwargs.items()]
    return f"{path}({', '.join(given)})"


def bare(x: Any) -> Any:
    """The values of symbols, also inside lists and tuples."""
    if isinstance(x, (list, tuple)):
        return type(x)(map(bare, x))
    return x.value if isinstance(x, Symbol) else x


def symbol(x: Any) -> Symbol:
    """A number or small array as a symbol."""
    if isinstance(x, Symbol):
        return x
    text = literal(x)
    return Symbol(text, x, SIGN if text.startswith("-") else ATOM, ("literal",) if np.ndim(x) == 0 else ())


def within(x: Symbol, level: int) -> str:
    """The text, in brackets where it would fall apart."""
    return x.text if x.level >= level else f"({x.text})"


def literal(x: Any) -> str:
    """A value as Python writes it.

    Raises
    ------
    Unwritable
        For large arrays and unknown objects.

    Examples
    --------
    >>> literal(2.0), literal((0, None)), literal(np.array([1.0, 2.5]))
    ('2', '(0, None)', 'np.array([1.0, 2.5])')
    """
    if isinstance(x, Symbol):
        return x.text
    if isinstance(x, (np.generic, np.ndarray)) and x.ndim == 0:
        x = x.item()
    if x is None or isinstance(x, (bool, int, str)):
        return repr(x)
    if isinstance(x, float):
        return _float_text(x)
    if isinstance(x, complex):
        return repr(x)
    if isinstance(x, (list, tuple, range)):
        x = list(x) if isinstance(x, range) else x
        inside = ", ".join(map(literal, x))
        return f"[{inside}]" if isinstance(x, list) else f"({inside},)" if len(x) == 1 else f"({inside})"
    if isinstance(x, slice):
        return f"slice({literal(x.start)}, {literal(x.stop)}, {literal(x.step)})"
    if isinstance(x, np.ndarray) and 0 < x.size <= LARGEST_LITERAL and x.dtype.kind in "biuf" and np.isfinite(x).all():
        kind = "" if x.dtype in (np.float64, np.int64, np.bool_) else f", dtype={x.dtype.name!r}"
        return f"np.array({x.tolist()}{kind})"
    if isinstance(x, np.dtype):
        return repr(x.name)
    raise Unwritable(type(x).__name__)


def _float_text(x: float) -> str:
    if math.isnan(x):
        return "np.nan"
    if math.isinf(x):
        return "np.inf" if x > 0 else "-np.inf"
    return str(int(x)) if x == int(x) and abs(x) < 1e6 else repr(x)


def shape_text(shape: tuple[int, ...]) -> str:
    """``3, 4`` as reshape takes it; ``()`` for no axes."""
    return ", ".join(map(str, shape)) or "()"


def index_text(index: Any) -> str:
    """An index as it stands between brackets.

    Examples
    --------
    >>> index_text((slice(None), 1)), index_text(slice(0, None, 2)), index_text((None, ...))
    (':, 1', '0::2', 'None, ...')
    """
    if isinstance(index, tuple):
        return ", ".join(map(index_text, index)) + ("," if len(index) == 1 else "") if index else "()"
    if isinstance(index, slice):
        ends = ["" if end is None else literal(end) for end in (index.start, index.stop)]
        return ":".join(ends) + ("" if index.step is None else f":{literal(index.step)}")
    return "..." if index is Ellipsis else literal(index)


# ── operators, with no more brackets than needed ─────────────────────────────────────────────────────────────────


def is_number(x: Symbol, value: float | None = None) -> bool:
    """Whether this is a literal number (that number)."""
    return bool(x.made and x.made[0] == "literal" and (value is None or x.value == value))


def _folded(x: Symbol, y: Symbol, value: Any) -> Symbol | None:
    """The result of two literal numbers, if it is short: ``0.1 · 0.7`` is 0.07."""
    if not (is_number(x) and is_number(y)) or isinstance(value, (bool, complex, np.bool_, np.complexfloating)):
        return None
    rounded = float(f"{float(value):.12g}")
    if len(literal(rounded)) > 6 or abs(rounded - float(value)) > 1e-14 * abs(rounded):
        return None
    return symbol(rounded)


def _is_negative(x: Symbol) -> bool:
    return x.text.startswith("-") and MATMUL <= x.level < POWER


def _minus(x: Symbol) -> Symbol:
    """The symbol without the minus that it starts with."""
    text = x.text[1:]
    return Symbol(
        text, -x.value, ATOM if x.level == SIGN and text.isidentifier() else x.level, x.made if is_number(x) else ()
    )


def _negative(x: Symbol, value: Any) -> Symbol:
    if _is_negative(x):
        return _minus(x)
    if is_number(x):
        return symbol(value)
    if x.level < MATMUL:
        return Symbol(f"-({x.text})", value, SIGN)
    return Symbol(f"-{x.text}", value, x.level if x.level in (MATMUL, PRODUCT) else SIGN)


def _add(a: Symbol, b: Symbol, value: Any) -> Symbol:
    if is_number(a, 0) and b.shape == np.shape(value):
        return b
    if is_number(b, 0) and a.shape == np.shape(value):
        return a
    if _is_negative(a) and not _is_negative(b):
        a, b = b, a
    folded = _folded(a, b, value)
    if folded is not None:
        return folded
    if _is_negative(b):
        return Symbol(f"{within(a, SUM)} - {_minus(b).text}", value, SUM)
    if b.level == SUM and b.text.startswith("-"):
        return Symbol(f"{within(a, SUM)} + ({b.text})", value, SUM)
    return Symbol(f"{within(a, SUM)} + {within(b, SUM)}", value, SUM)


def _subtract(a: Symbol, b: Symbol, value: Any) -> Symbol:
    if is_number(b, 0):
        return a
    folded = _folded(a, b, value)
    if folded is not None:
        return folded
    if _is_negative(b):
        return Symbol(f"{within(a, SUM)} + {_minus(b).text}", value, SUM)
    return Symbol(f"{within(a, SUM)} - {within(b, MATMUL)}", value, SUM)


def _multiply(a: Symbol, b: Symbol, value: Any) -> Symbol:
    if is_number(b) and not is_number(a):
        a, b = b, a
    if is_number(a, 1):
        return b
    if is_number(a, -1):
        return _negative(b, value)
    folded = _folded(a, b, value)
    if folded is not None:
        return folded
    if is_number(b, 1):
        return a
    if is_number(a) and b.made[:1] == ("scaled",):
        factor = _folded(a, b.made[1], a.value * b.made[1].value)
        if factor is not None:
            return _multiply(factor, b.made[2], value)
    if a.text == b.text:
        return Symbol(f"{within(a, ATOM)}**2", value, POWER)
    if _is_negative(b):
        return _negative(_multiply(a, _minus(b), -value), value)
    if b.text.startswith("1 / ") and b.level == PRODUCT and "*" not in b.text:
        return Symbol(f"{within(a, MATMUL)} / {b.text[4:]}", value, MATMUL if a.level == MATMUL else PRODUCT)
    right = MATMUL if a.ndim == 0 else PRODUCT
    level = MATMUL if MATMUL in (a.level, b.level if right == MATMUL else PRODUCT) else PRODUCT
    made = ("scaled", a, b) if is_number(a) else ()
    return Symbol(f"{within(a, MATMUL)} * {within(b, right)}", value, level, made)


def _divide(a: Symbol, b: Symbol, value: Any) -> Symbol:
    if is_number(b, 1):
        return a
    folded = _folded(a, b, value)
    if folded is not None:
        return folded
    if _is_negative(b) and not is_number(b):
        return _negative(_divide(a, _minus(b), -value), value)
    return Symbol(f"{within(a, MATMUL)} / {within(b, SIGN)}", value, MATMUL if a.level == MATMUL else PRODUCT)


def _power(a: Symbol, b: Symbol, value: Any) -> Symbol:
    if is_number(b, 1):
        return a
    base = f"{a.text}.0" if is_number(a) and a.text.isdigit() else within(a, ATOM)
    return Symbol(f"{base}**{within(b, SIGN)}", value, POWER)


def _square(a: Symbol, value: Any) -> Symbol:
    return Symbol(f"{within(a, ATOM)}**2", value, POWER)


def _matmul(a: Symbol, b: Symbol, value: Any) -> Symbol:
    if _is_negative(b):
        return _negative(_matmul(a, _minus(b), -value), value)
    if _is_negative(a):
        return _negative(_matmul(_minus(a), b, -value), value)
    left = a.text if a.level == MATMUL else within(a, SIGN)
    return Symbol(f"{left} @ {within(b, SIGN)}", value, MATMUL, ("matmul", a, b))


def _between(sign: str, level: int, inside: int) -> Any:
    def write(a: Symbol, b: Symbol, value: Any) -> Symbol:
        return Symbol(f"{within(a, inside)} {sign} {within(b, inside)}", value, level)

    return write


def _not(a: Symbol, value: Any) -> Symbol:
    return Symbol(f"~{within(a, ATOM)}", value, SIGN)


OPERATORS: dict[Any, Any] = {
    np.add: _add,
    np.subtract: _subtract,
    np.multiply: _multiply,
    np.true_divide: _divide,
    np.negative: _negative,
    np.positive: lambda a, _value: a,
    np.power: _power,
    np.square: _square,
    np.matmul: _matmul,
    np.invert: _not,
    np.logical_not: _not,
    np.bitwise_and: _between("&", AND, AND + 1),
    np.bitwise_or: _between("|", OR, OR + 1),
    np.greater: _between(">", COMPARISON, SUM),
    np.less: _between("<", COMPARISON, SUM),
    np.greater_equal: _between(">=", COMPARISON, SUM),
    np.less_equal: _between("<=", COMPARISON, SUM),
    np.equal: _between("==", COMPARISON, SUM),
    np.not_equal: _between("!=", COMPARISON, SUM),
}
