"""Every NumPy function in the rule book, every argument replaced by every wrong kind of thing.

Either the answer is NumPy's own on plain arrays, or an error of ours with the user's line; what NumPy refuses is
refused. Nothing in between: no other exception from inside the package, no other number.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_notes.rules.fft
from tinygrad_notes import Tensor
from tinygrad_notes.errors import TinygradNotesError
from tinygrad_notes.rules import BOOK, Composite, Rule

INSIDE = str(tinygrad_notes.__file__).removesuffix("__init__.py")

WRONG: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "text": lambda: "text",
    "bytes": lambda: b"x",
    "an object": object,
    "a set": lambda: {1.0},
    "a generator": lambda: (i for i in range(2)),
    "a function": lambda: len,
    "a dict": lambda: {"a": 1.0},
    "a ragged list": lambda: [[1.0, 2.0], [3.0]],
    "another shape": lambda: np.ones((7, 11, 13)),
    "text in an array": lambda: np.array(["a", "b"]),
    "objects": lambda: np.array([None, 1], dtype=object),
    "a date": lambda: np.array("2020-01-01", dtype="M8[D]"),
    "nothing": lambda: np.ones((0,)),
    "a structured array": lambda: np.zeros(2, dtype=[("a", float)]),
    "a masked array": lambda: np.ma.masked_array([1.0, 2.0], mask=[True, False]),
    "99": lambda: 99,
}

AS_NUMPY_REPLACES = {
    "linspace",
    "logspace",
    "geomspace",
    "polydiv",
    "select",
    "piecewise",
    "interp",
    "median",
    "nanmedian",
}
"""Their own corner values (ends of a range, nothing to divide) are in the table, case by case."""


def draw(*shape: int) -> Any:
    return np.random.default_rng(0).uniform(0.3, 0.9, shape)


def entries() -> list[Any]:
    found = []
    for f, entry in BOOK.items():
        numpys = isinstance(f, np.ufunc) or str(getattr(f, "__module__", "")).startswith("numpy")
        if isinstance(entry, (Rule, Composite)) and numpys and entry.name not in AS_NUMPY_REPLACES:
            found.append(pytest.param(f, entry, id=entry.name))
    return found


def first_call(f: Any, entry: Any) -> tuple[list[Any], dict[str, Any]]:
    """The first sample call of a rule."""
    if entry.samples is not None:
        calls = list(entry.samples(draw))
        return (list(calls[0][0]), dict(calls[0][1])) if calls else ([], {})
    return [draw(3, 4) for _ in range(entry.inputs if isinstance(entry, Rule) else 1)], {}


def lifted(x: Any) -> Any:
    return Tensor(x) if isinstance(x, (np.ndarray, np.floating)) and x.dtype == np.float64 else x


def outcome(f: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return f(*args, **kwargs)
    except Exception as error:
        return error


def came_from_us(error: BaseException) -> bool:
    return any(frame.filename.startswith((INSIDE, "<__")) for frame in inspect.getinnerframes(error.__traceback__, 0))


@pytest.mark.parametrize(("f", "entry"), entries())
def test_wrong_arguments(f: Any, entry: Any) -> None:
    args, kwargs = first_call(f, entry)
    for place in range(len(args)):
        for kind, wrong in WRONG.items():
            tensors = [wrong() if i == place else lifted(x) for i, x in enumerate(args)]
            if not any(isinstance(x, Tensor) for x in tensors):
                continue
            ours = outcome(f, tensors, kwargs)
            what = f"{entry.name}, argument {place} is {kind}: {ours!r}"
            if isinstance(ours, TinygradNotesError):
                assert "test_every_numpy_function.py:" in str(ours), what
            elif isinstance(ours, Exception):
                assert not came_from_us(ours), what
            else:
                numpys = outcome(f, [wrong() if i == place else x for i, x in enumerate(args)], kwargs)
                assert not isinstance(numpys, Exception), f"{what}, NumPy raises {numpys!r}"
