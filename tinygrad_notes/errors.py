"""What can go wrong, and what each error tells you to do next.

Every error is also the nearest builtin, so ``except ValueError`` keeps working::

    TinygradNotesError
    ├── ShapeError         (ValueError)    shapes that do not go together
    │   └── OutOfRangeError   (IndexError)    an index or an axis that isn't there
    ├── NotScalarError     (ValueError)    backward() of something that is not one number
    ├── BadInputError      (ValueError)    a value outside what a call accepts
    ├── DTypeError         (TypeError)     bool, object, string: no derivative
    ├── NoRuleError        (TypeError)     a function, or an argument of it, without a derivative rule
    ├── LeavesGraphError   (TypeError)     float(t), np.asarray(t): the graph would end here unseen
    ├── CompileError       (TypeError)     a compiled function would freeze what changes from call to call
    ├── ReadOnlyError      (AttributeError) an attribute that can't be assigned
    ├── GraphFreedError    (RuntimeError)  the graph was handed back by backward(free=True)
    ├── NonFiniteError     (FloatingPointError) an operation made a NaN or inf under tn.debug()
    │   └── NonFiniteLossError                  a loss became NaN or inf in training
    ├── LinearAlgebraError (LinAlgError)   a singular matrix, a decomposition that does not converge
    ├── TooLargeError      (MemoryError)   an array that does not fit into memory
    ├── DrawingError       (RuntimeError)  a picture could not be laid out
    └── MissingExtraError  (ImportError)   an optional package is not installed
"""

from __future__ import annotations

import linecache
import os
import sys
from types import FrameType
from typing import Any

from numpy.linalg import LinAlgError

__all__ = [
    "BadInputError",
    "CompileError",
    "DTypeError",
    "DrawingError",
    "GraphFreedError",
    "LeavesGraphError",
    "LinearAlgebraError",
    "MissingExtraError",
    "NoRuleError",
    "NonFiniteError",
    "NonFiniteLossError",
    "NotScalarError",
    "OutOfRangeError",
    "ReadOnlyError",
    "ShapeError",
    "TinygradNotesError",
    "TooLargeError",
]


class TinygradNotesError(Exception):
    """Base of every error that this package raises."""


class ShapeError(TinygradNotesError, ValueError):
    """Shapes that do not go together, with the operation and both shapes."""


class OutOfRangeError(ShapeError, IndexError):
    """An index or an axis that the array does not have."""


class NotScalarError(TinygradNotesError, ValueError):
    """A gradient was asked of a result that is not one number."""


class BadInputError(TinygradNotesError, ValueError):
    """A value that a call can't work with; nothing was changed."""


class DTypeError(TinygradNotesError, TypeError):
    """A dtype that carries no derivative (bool, object, string)."""


class NoRuleError(TinygradNotesError, TypeError):
    """A NumPy function, or one of its arguments, that has no derivative rule."""


class LeavesGraphError(TinygradNotesError, TypeError):
    """A call that would turn a Tensor into a plain number behind the graph's back."""


class CompileError(TinygradNotesError, TypeError):
    """What a compiled function may not do: the answer of one call would be frozen into all."""


class ReadOnlyError(TinygradNotesError, AttributeError):
    """An attribute of a Tensor that follows from how it was computed, and can't be assigned."""


class GraphFreedError(TinygradNotesError, RuntimeError):
    """The graph was handed back by ``backward(free=True)`` and can't be walked again."""


class LinearAlgebraError(TinygradNotesError, LinAlgError):
    """A matrix that the operation can't work with: singular, not square, not positive definite."""


class TooLargeError(TinygradNotesError, MemoryError):
    """An array that does not fit into memory."""


class NonFiniteError(TinygradNotesError, FloatingPointError):
    """An operation, or its backward step, made a NaN or inf out of finite numbers, or was given a NaN.

    Attributes
    ----------
    op : str
        The operation.
    """

    op: str


class NonFiniteLossError(NonFiniteError):
    """A loss became NaN or inf: the step, the operation and the parameter it came from.

    Attributes
    ----------
    step : int
    op : str
        The first operation that made a number that isn't finite.
    parameter : str
        The parameter nearest to it.
    params
        The last parameters whose loss was finite.
    """

    step: int
    parameter: str
    params: Any


class DrawingError(TinygradNotesError, RuntimeError):
    """A picture could not be laid out; the message says what to install or try."""


class MissingExtraError(TinygradNotesError, ImportError):
    """An optional package is missing; the message is the command that installs it."""


_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_LIBRARIES = os.sep + "site-packages" + os.sep
_NUMPY, _SCIPY = (_LIBRARIES + name + os.sep for name in ("numpy", "scipy"))


def is_users(frame: FrameType) -> bool:
    """Whether a frame is neither ours nor NumPy's or SciPy's.

    Examples
    --------
    >>> is_users(sys._getframe())
    True
    """
    file = frame.f_code.co_filename
    if file == "<string>" and str(frame.f_globals.get("__name__")).partition(".")[0] == __name__.partition(".")[0]:
        return False  # a dataclass's own __init__
    return not file.startswith((_PACKAGE, "<__", "<compiled ")) and _NUMPY not in file and _SCIPY not in file


def user_frame() -> FrameType | None:
    """Return the innermost frame that is neither ours nor NumPy's.

    Examples
    --------
    >>> user_frame() is not None
    True
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if is_users(frame):
            return frame
        frame = frame.f_back
    return sys._getframe(1)


def user_line() -> str:
    """Return ``'  at file.py:12:  y = a @ b'`` for the user's innermost line, or ``''``.

    A library between the two (pandas asks a Tensor for an array) isn't the user, unless there is nobody else.

    Examples
    --------
    >>> user_line() == "" or "at " in user_line()
    True
    """
    frame = innermost = user_frame()
    while frame is not None and (_LIBRARIES in frame.f_code.co_filename or not is_users(frame)):
        frame = frame.f_back
    frame = frame or innermost
    if frame is None:
        return ""
    file, number = frame.f_code.co_filename, frame.f_lineno
    text = linecache.getline(file, number, frame.f_globals).strip()
    return f"\n  at {os.path.basename(file)}:{number}" + (f":  {text}" if text else "")


def missing_extra(package: str, extra: str, purpose: str) -> MissingExtraError:
    """Return the error that names the one command to run.

    Examples
    --------
    >>> print(missing_extra("rich", "train", "the progress bar"))
    the progress bar needs rich: pip install 'tinygrad-notes[train]'
    """
    return MissingExtraError(f"{purpose} needs {package}: pip install 'tinygrad-notes[{extra}]'")


def describe(value: Any) -> str:
    """Return ``'float64 (2, 3)'`` for an array, the repr of a short anything else.

    Examples
    --------
    >>> import numpy as np
    >>> describe(np.zeros((2, 3))), describe(3)
    ('float64 (2, 3)', '3')
    """
    if is_array(value):
        return f"{value.dtype} {tuple(value.shape)}"
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def is_array(value: Any) -> bool:
    """Whether a value is an array, a NumPy scalar, or behaves like one."""
    return hasattr(value, "shape") and hasattr(value, "dtype") and not isinstance(value, type)
