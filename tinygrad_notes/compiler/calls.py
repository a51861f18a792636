"""What instructions call beside NumPy's own functions: views, casts, and writing as a function of its arguments.

Each takes and returns arrays; `storage` decides which of them may write where their first argument lives.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ..errors import CompileError

__all__ = [
    "ErrorState",
    "add_at",
    "astype",
    "copy",
    "draw",
    "full",
    "getitem",
    "of_kind",
    "putitem",
    "reshape",
    "transpose",
]

Array = Any


def reshape(x: Array, shape: tuple[int, ...]) -> Array:
    """The same entries in another shape: a view where NumPy can."""
    return x.reshape(shape)


def transpose(x: Array, axes: tuple[int, ...]) -> Array:
    """The axes in another order: a view."""
    return x.transpose(axes)


def getitem(x: Array, index: Any) -> Array:
    """``x[index]``."""
    return x[index]


def astype(x: Array, dtype: Any) -> Array:
    """The same numbers in another dtype; a copy."""
    return x.astype(dtype)


def copy(x: Array) -> Array:
    """The same array, for a handle that is going to be written."""
    return x.copy()


def full(shape: tuple[int, ...], value: Any, dtype: Any) -> Array:
    """An array of one value."""
    return np.full(shape, value, dtype)


def putitem(x: Array, index: Any, value: Array) -> Array:
    """`x` with ``x[index] = value``."""
    y = np.array(x)
    y[index] = value
    return y


def add_at(x: Array, index: Any, value: Array) -> Array:
    """`x` with ``np.add.at(x, index, value)``."""
    y = np.array(x)
    np.add.at(y, index, value)
    return y


def draw(generator: Any, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Array:
    """A draw from a generator that was passed as an argument."""
    return getattr(generator, method)(*args, **kwargs)


def of_kind(f: Callable[..., Any], sample: Any) -> Callable[..., Any]:
    """`f`, refusing results of other dtypes or shapes than those of `sample`, for which a program was written.

    Raises
    ------
    CompileError
        By the function returned: NumPy's makes some results complex, or shorter, only for some values.
    """
    wanted = _kinds(sample)

    @wraps(f)
    def checked(*args: Any, **kwargs: Any) -> Any:
        result = f(*args, **kwargs)
        found = _kinds(result)
        if found != wanted:
            raise CompileError(
                f"{f.__name__} gave {', '.join(found)} for these values, and {', '.join(wanted)} when the program was "
                "traced: what follows would not fit. Call it outside the compiled function, or on complex numbers "
                "(x + 0j)."
            )
        return result

    return checked


def _kinds(result: Any) -> list[str]:
    parts = result if isinstance(result, tuple) else (result,)
    return [f"{np.asarray(part).dtype} {np.shape(part)}" for part in parts]


class ErrorState:
    """``np.errstate``, entered again and again by one thread at an eighth of its price: the new state is kept.

    Examples
    --------
    >>> quiet = ErrorState(over="ignore")
    >>> for _ in range(2):
    ...     with quiet:
    ...         np.exp(np.float64(1e4))
    np.float64(inf)
    np.float64(inf)
    """

    __slots__ = ("before", "how", "state", "token")

    def __init__(self, **how: Any) -> None:
        self.how: dict[str, Any] = how
        self.before: Any = None
        self.state: Any = None
        self.token: Any = None

    def __enter__(self) -> None:
        current = STATE.get()
        if current is not self.before:
            with np.errstate(**self.how):
                self.before, self.state = current, STATE.get()
        self.token = STATE.set(self.state)

    def __exit__(self, *_error: object) -> None:
        STATE.reset(self.token)


STATE: Any = getattr(getattr(np, "_core", None), "umath", None)
STATE = getattr(STATE, "_extobj_contextvar", None)
if STATE is None:  # a NumPy that keeps it elsewhere
    ErrorState = np.errstate  # type: ignore[misc, assignment]

VIEWS: frozenset[Callable[..., Any]] = frozenset((reshape, transpose, getitem, np.broadcast_to, np.real, np.imag))
"""Calls whose result may look into their first argument's memory, whatever the trace happened to see."""
