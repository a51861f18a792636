"""What NumPy raised, in our words: the operation, what it was given, why it failed, your line, the next step.

    add of float64 (4, 5) and float64 (4,): operands could not be broadcast together with shapes (4,5) (4,)
      to add one number per row, make it a column: b.reshape(4, 1)
      at program.py:7:  Z + b

An error that your own function raised is nobody's but yours: it passes as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import wraps
from types import GeneratorType, TracebackType
from typing import Any, NoReturn, TypeVar, cast

import numpy as np
from numpy.linalg import LinAlgError

from .errors import (
    BadInputError,
    DTypeError,
    LinearAlgebraError,
    NonFiniteError,
    NotScalarError,
    OutOfRangeError,
    ShapeError,
    TinygradNotesError,
    TooLargeError,
    describe,
    is_array,
    is_users,
    user_line,
)

__all__ = [
    "NUMBERS",
    "composite_failed",
    "foreign_operand",
    "names_line",
    "need_function",
    "no_numbers",
    "operation_failed",
    "what_is",
]

F = TypeVar("F", bound=Callable[..., Any])

NUMBERS = frozenset("biufc")
"""Kinds of dtype that can be computed with."""

MOST_OPERANDS = 4
"""So many operands are named in a message; the rest are counted."""


# ── what went wrong in one operation ─────────────────────────────────────────────────────────────────────────────


def operation_failed(name: str, error: Exception, *operands: Any, **params: Any) -> NoReturn:
    """Raise our error for what NumPy raised in one operation; ours, and a user's own function's, as it is.

    Parameters
    ----------
    name : str
        The operation's.
    error : Exception
    *operands
        The arrays and numbers it was called with.
    **params
        Its other arguments, where they are not the usual ones.

    Examples
    --------
    >>> try:
    ...     operation_failed("add", ValueError("operands could not be broadcast"), np.ones(3), np.ones(4))
    ... except ShapeError as error:
    ...     print(str(error).splitlines()[0])
    add of float64 (3,) and float64 (4,): operands could not be broadcast
    """
    kind = _class_of(error)
    if kind is None or isinstance(error, TinygradNotesError) or passed_through_user(error):
        raise error
    reason = _reason(error, operands)
    hint = _hint(name, reason, [x for x in operands if is_array(x)], operands)
    raise _told(kind, name, f"of {_described(operands, params)}", reason, hint) from error


def composite_failed(name: str, error: Exception, args: tuple[Any, ...], kwargs: dict[str, Any]) -> NoReturn:
    """The same for a function that is written in others: the error names the function that was called."""
    told = getattr(error, "told", None)
    if told is None or told[0] == name or passed_through_user(error):
        operation_failed(name, error, *args, **kwargs)
    operation, reason, hint = told
    where = "" if _culprit(args) else f"{operation}: "
    what = f"of {_described(args, kwargs)}"
    raise _told(type(error), name, what, where + reason, hint) from (error.__cause__ or error)


def _told(kind: type[Exception], name: str, what: str, reason: str, hint: str) -> Exception:
    """The error, with its parts kept for a function around this one."""
    told = kind(f"{name} {what}: {reason}{hint}{user_line()}")
    told.told = (name, reason, hint)  # type: ignore[attr-defined]
    if isinstance(told, NonFiniteError):
        told.op = name
    return told


def passed_through_user(error: BaseException) -> bool:
    """Whether a function of the user's, that we called, raised it (the first frame is ours, who caught it)."""
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        if is_users(trace.tb_frame):
            return True
        trace = trace.tb_next
    return False


def _class_of(error: Exception) -> type[Exception] | None:
    if isinstance(error, LinAlgError):
        return LinearAlgebraError
    if isinstance(error, IndexError):
        return OutOfRangeError
    if isinstance(error, MemoryError) or re.search(TOO_LARGE, str(error)):
        return TooLargeError
    if isinstance(error, (ValueError, ZeroDivisionError, OverflowError)):
        return ShapeError if re.search(ABOUT_SHAPES, str(error)) else BadInputError
    if isinstance(error, FloatingPointError):
        return NonFiniteError
    if isinstance(error, (TypeError, AttributeError, KeyError)):
        return DTypeError
    return None


def _described(operands: tuple[Any, ...], params: dict[str, Any]) -> str:
    """``float64 (2, 3) and a generator with axis=7``."""
    shown = [_shown(x) for x in operands[:MOST_OPERANDS]]
    if len(operands) > MOST_OPERANDS:
        shown.append(f"{len(operands) - MOST_OPERANDS} more")
    more = ", ".join(f"{key}={_shown(value)}" for key, value in params.items())
    return " and ".join(shown) + (f" with {more}" if more else "")


def _shown(x: Any) -> str:
    if isinstance(x, type):
        return f"the class {x.__name__}"
    if isinstance(x, (np.ma.MaskedArray, np.matrix)):
        return f"{'masked' if isinstance(x, np.ma.MaskedArray) else 'np.matrix'} {describe(x)}"
    if is_array(x):
        return describe(x)
    if isinstance(x, (list, tuple)) and len(repr(x)) > 40:
        members = [describe(member) for member in x[:3]] + (["…"] if len(x) > 3 else [])
        return f"[{', '.join(members)}]"
    if x is None or isinstance(x, (bool, int, float, complex, str, bytes, list, tuple, slice, type(Ellipsis))):
        return describe(x)
    return what_is(x)


# ── operands that are no numbers ─────────────────────────────────────────────────────────────────────────────────


def what_is(x: Any) -> str:
    """What a value is, for a message: ``a generator``, ``the class int``, ``a dict``, ``None``.

    Examples
    --------
    >>> what_is({}), what_is(None), what_is(int), what_is(len)
    ('a dict', 'None', 'the class int', 'the function len')
    """
    if x is None or isinstance(x, (str, bytes)):
        return describe(x)
    if isinstance(x, (bool, int, float, complex)):
        return describe(x)
    if isinstance(x, type):
        return f"the class {x.__name__}"
    if callable(x) and hasattr(x, "__name__"):
        return f"the function {x.__name__}"
    name = type(x).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def names_line(f: F) -> F:
    """A public function whose errors of ours end in the user's line, wherever below they were raised."""

    @wraps(f)
    def called(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        try:
            return f(*args, **kwargs)
        except (BadInputError, NotScalarError, DTypeError, ShapeError) as error:
            if "\n  at " not in str(error) and not passed_through_user(error):
                error.args = (f"{error}{user_line()}", *error.args[1:])
            raise

    return cast(F, called)


def need_function(name: str, f: Any) -> None:
    """Raise unless `f` can be called."""
    if not callable(f):
        given = describe(f) if is_array(f) else what_is(f)
        raise DTypeError(f"{name} takes a function, not {given}: {name}(lambda x: …).{user_line()}")


def foreign_operand(name: str, *operands: Any) -> Exception:
    """The error for operands of which one holds no plain numbers: masked, of objects, another library's."""
    reason, hint = _culprit(operands) or ("its result is no number", "\n  convert first: np.asarray(x, dtype=float)")
    return _told(DTypeError, name, f"of {_described(operands, {})}", reason, hint)


def _culprit(operands: Any) -> tuple[str, str] | None:
    for x in operands:
        found = no_numbers(x)
        if found is not None:
            return found
    return None


def no_numbers(x: Any) -> tuple[str, str] | None:
    """Why a value can't be computed with, and what to write; None if it is a number, an array, or a list of them."""
    if isinstance(x, np.ma.MaskedArray):
        return "a masked array's mask would be lost", "\n  say what the masked entries count as: x.filled(0.0)"
    if isinstance(x, np.matrix):
        return "np.matrix has products of its own", "\n  make it an array: np.asarray(M), and write @ for the product"
    if is_array(x) and (hasattr(x, "__array_function__") or isinstance(x, np.generic)):
        return _no_number_dtype(x)
    if x is None:
        return "None is no number", "\n  a function without a return statement gives None"
    if isinstance(x, (str, bytes)):
        return f"{describe(x)} is no number", "\n  convert it first: float(x)"
    if isinstance(x, (set, frozenset)):
        return "a set has no order", "\n  make it an array: np.array(sorted(x))"
    if isinstance(x, dict):
        return "a dict is no array", "\n  take what is in it: x[key], or np.stack(list(x.values()))"
    if isinstance(x, (GeneratorType, Iterator)):
        return f"{what_is(x)} is no array", "\n  collect it first: np.stack(list(x))"
    if isinstance(x, (list, tuple)):
        return _culprit(x)
    if isinstance(x, type) or callable(x):
        return f"{what_is(x)} is no number", "\n  call it, f(x), and compute with what it returns"
    if isinstance(x, (bool, int, float, complex, slice, type(Ellipsis))) or hasattr(x, "__array_function__"):
        return None
    if hasattr(x, "__array__") or hasattr(x, "__array_interface__"):
        kind = f"{type(x).__module__.partition('.')[0]}.{type(x).__name__}"
        return f"{kind} is another library's array", "\n  make it NumPy's: np.asarray(x)"
    return f"{what_is(x)} is no number", "\n  convert it first: float(x), or np.asarray(x, dtype=float)"


def _no_number_dtype(x: Any) -> tuple[str, str] | None:
    kind = getattr(x.dtype, "kind", "f")
    if kind in NUMBERS:
        return None
    if kind == "O":
        return "an array of objects carries no derivative", "\n  convert it first: x.astype(float)"
    if kind == "V":
        return "a structured array is several arrays", f"\n  take one field: x[{(x.dtype.names or ('f0',))[0]!r}]"
    if kind in "Mm":
        return "times carry no derivative", "\n  count them first: x / np.timedelta64(1, 's')"
    return "text carries no derivative", "\n  convert it first: x.astype(float)"


ABOUT_SHAPES = (
    "shape|broadcast|dimension|ax[ie]s|size|mismatch|length|aligned|square|need at least one array|subscript|ellipsis"
)

# ── the next step ────────────────────────────────────────────────────────────────────────────────────────────────

TOO_LARGE = "Unable to allocate|too big|too large to be|Maximum allowed dimension|maximum supported dimension|too large"


def _reason(error: Exception, operands: tuple[Any, ...]) -> str:
    """Why, in one line: NumPy's words, unless an operand is no number at all."""
    if isinstance(error, (TypeError, AttributeError, KeyError)) or "inhomogeneous" in str(error):
        found = _culprit(operands)
        if found is not None:
            return found[0]
    reason = " ".join(str(error).split()) or type(error).__name__
    for pattern, shorter in SHORTER:
        match = re.search(pattern, reason)
        if match:
            return match.expand(shorter)
    return reason


def _hint(name: str, reason: str, arrays: list[Any], operands: tuple[Any, ...]) -> str:
    """The next step: a line of its own, indented."""
    found = _culprit(operands)
    if found is not None and found[0] == reason:
        return found[1]
    shapes = _shape_hint(name, arrays) if re.search(TWO_SHAPES, reason) else ""
    if shapes:
        return shapes
    for pattern, hint in HINTS:
        match = re.search(pattern, reason)
        if match:
            return "\n  " + (hint(match) if callable(hint) else hint)
    full = _full_name(name)
    return f"\n  what it takes: help({full})" if full else ""


def _full_name(name: str) -> str:
    """``np.linalg.solve`` for ``solve``; empty for what is not NumPy's."""
    for path in ("np", "np.linalg", "np.fft", "np.emath"):
        place: Any = np
        for part in f"{path}.{name}".split(".")[1:]:
            place = getattr(place, part, None)
        if callable(place):
            return f"{path}.{name}"
    return ""


def _shape_hint(name: str, arrays: list[Any]) -> str:
    if len(arrays) != 2:
        return ""
    a, b = (tuple(x.shape) for x in arrays)
    if name == "matmul":
        if len(a) == 2 and len(b) == 2:
            if a[0] == b[0]:
                return f"\n  columns of the first must equal rows of the second: a.T @ b would be {(a[1], b[1])}"
            if a[1] == b[1]:
                return f"\n  columns of the first must equal rows of the second: a @ b.T would be {(a[0], b[0])}"
        if a and b:
            return "\n  columns of the first must equal rows of the second"
        return "\n  a number times an array is a * b"
    if len(a) == 1 and len(b) == 2 and a[0] == b[0]:
        return f"\n  to add one number per row, make it a column: a.reshape({a[0]}, 1)"
    if len(b) == 1 and len(a) == 2 and b[0] == a[0]:
        return f"\n  to add one number per row, make it a column: b.reshape({b[0]}, 1)"
    if len(a) == 2 and a != b and a[::-1] == b:
        return "\n  the shapes are each other's transpose: use .T on one of them"
    return ""


def _axes(match: re.Match[str]) -> str:
    n = int(match.group(2))
    return f"axes go from {-n} to {n - 1}" if n else "one number has no axes: leave axis= out"


def _indices(match: re.Match[str]) -> str:
    n = int(match.group(1))
    return f"indices go from {-n} to {n - 1}" if n else "there is nothing along that axis: test its size first"


SHORTER = [
    (r"mismatch in its core dimension.*\(size (\d+) is different from (\d+)\)", r"\2 and \1 do not go together"),
    (r"does not have enough dimensions", "a single number is no matrix"),
    (r"^ufunc '.*' not supported for the input types", "not defined for these numbers"),
    (r"inhomogeneous shape", "its rows have different lengths"),
    (r"would exceed the maximum number of dimension", "it is nested too deep, or contains itself"),
]
"""NumPy's words in fewer."""

TWO_SHAPES = r"broadcast|mismatch|aligned|go together|incompatible"
"""Words about two shapes, of which one could be changed."""

Hint = str | Callable[[re.Match[str]], str]

HINTS: list[tuple[str, Hint]] = [
    (r"truth value", "ask about all of them, or any: np.all(t > 0), np.any(t > 0)"),
    (r"not defined for these numbers", "bits and divisors are for integers; conditions together are (t > 0) & (t < 1)"),
    (r"array of size 1", "t.tolist() gives all of them"),
    (r"[Ff]ormat (code|string)", "format its numbers: f'{t.item():.3f}', np.array2string(t.data, precision=3)"),
    (r"invalid index to scalar", "one number has no entries: use t itself, or np.atleast_1d(t)"),
    (r"at least two-dimensional|two or more dimensions|at least two dimensions", "a matrix has two axes: t[:, None]"),
    (r"unsupported in linalg", "compute in double precision: t.astype(np.float64)"),
    (r"specify 'initial'", "give initial=, the number to start from: -np.inf for max, np.inf for min"),
    (r"not callable", "give a function, np.sum or lambda x: …"),
    (r"object of too small depth|too deep for desired", "give a vector: np.ravel(x)"),
    (r"in a list or a tuple", "collect them first: list(arrays)"),
    (r"data type .* not understood", "floats are np.float16, np.float32 and np.float64, complex ones np.complex128"),
    (r"contains itself", "make a list of numbers, or of lists of numbers"),
    (r"(axis -?\d+ is out of bounds for array of dimension (\d+))", _axes),
    (r"is out of bounds for (?:axis \d+ with )?size (\d+)", _indices),
    (r"too many indices", "give at most one index per axis"),
    (r"cannot reshape array of size (\d+)",
     lambda m: f"the sizes must multiply to {m.group(1)}; -1 stands for what is left, t.reshape(-1)"),
    (r"zero-size array to reduction", "an empty array has none: test .size first (np.max and np.min take initial=)"),
    (r"(could not be|cannot be|could not) broadcast|shape mismatch|non-broadcastable",
     "sizes go together where they are equal or 1, counted from the last axis: t[:, None] adds an axis"),
    (r"only integers, slices|arrays used as indices must be", "index with whole numbers or a mask: i.astype(int)"),
    (r"boolean index did not match", "a mask has the shape of what it picks from"),
    (r"different lengths", "rows of one length make an array: pad the shorter ones"),
    (r"[Ss]ingular|did not converge|SVD|infs or NaNs",
     "look for NaN and for rows that depend on each other; np.linalg.pinv and a small λ I on the diagonal help"),
    (r"not positive definite", "A must be symmetric with positive eigenvalues: add a small λ np.eye(n)"),
    (r"must be square|not square|square matri", "np.linalg.pinv and np.linalg.lstsq take any shape"),
    (r"repeated axis|duplicate value|repeated indices", "name each axis once"),
    (r"cannot select an axis to squeeze", "only an axis of size 1 can go: t.squeeze() drops all of them"),
    (TOO_LARGE, "so many numbers don't fit: check the shape, or work in parts"),
    (r"all the input array dimensions|same number of dimensions|must have the same shape",
     "arrays side by side agree on every other axis: look at their .shape, np.broadcast_to or .reshape mends it"),
    (r"need at least one array", "the list is empty: join only where there is something"),
    (r"integer is required|as an integer|must be integers|integral|integer scalar|integer or",
     "give whole numbers: int(x)"),
    (r"equal division|even split", "np.array_split takes parts of unequal size"),
    (r"axes don't match array", "give every axis once: t.transpose(1, 0) for two"),
    (r"keepdims", "keepdims=True or keepdims=False"),
    (r"order must be one of|order not understood", 'order is "C", "F", "A" or "K"'),
    (r"must be finite|between 0 and 1|range \[0, 1", "quantiles are between 0 and 1, percentiles between 0 and 100"),
    (r"not supported for the input types|ufunc .* did not contain a loop|Cannot cast|no loop",
     "convert it first: np.asarray(x, dtype=float)"),
]  # fmt: skip
"""A pattern in NumPy's words, and what to do about it."""
