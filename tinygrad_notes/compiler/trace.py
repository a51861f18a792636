"""Running a function once on stand-ins: out comes a `Program`.

trace(f, args) ──► Traced leaves ──► f ──► Recorder.instructions ──► Program
"""

from __future__ import annotations

import copy
import linecache
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from ..errors import CompileError, user_line
from ..failures import what_is
from ..pytree import flatten, paths, unflatten
from ..recording import call_sites
from ..tensor import Tensor
from .capture import Capture, is_users_file
from .contents import contents_of, same_contents
from .program import Program, Value
from .recorder import Recorder
from .traced import Traced, TracedGenerator

__all__ = ["STATIC", "trace", "with_statics"]

STATIC = (bool, str, bytes, type(None), np.dtype, type)
"""Kinds of leaves that are part of the program: another value is another program."""

EFFECTS = {
    "print": "print() would run once, while tracing: return the value, and print it outside",
    "input": "input() would run once, while tracing: ask outside, and pass the answer as an argument",
    "open": "opening a file would happen once, while tracing: read it outside, and pass the array as an argument",
    "urandom": "a generator without a seed would be drawn from once, while tracing; make it an argument, f(..., rng)",
    **dict.fromkeys(("time", "perf_counter", "monotonic", "process_time", "time_ns", "perf_counter_ns"),
                    "the clock would be read once, while tracing: read it outside, and pass the time as an argument"),
}  # fmt: skip


def trace(
    f: Callable[..., Any], capture: Capture, leaves: list[Any], structure: Any, statics: Any, captured: list[Any]
) -> tuple[Program, Any]:
    """Write down what `f` does.

    Parameters
    ----------
    f : callable
    capture : Capture
        What `f` reads from outside.
    leaves, structure
        Its arguments ``(args, kwargs)``, flattened; None in the places of static ones.
    statics : tuple of (position or name, type, value)
    captured : list
        The captured arrays.

    Returns
    -------
    program : Program
        Its inputs are all leaves that aren't static, then the captured arrays.
    structure
        Of the result.
    """
    recorder = Recorder()
    names = _argument_names(f, leaves, structure)
    stand_ins: list[Any] = []
    for k, leaf in enumerate(leaves):
        if isinstance(leaf, STATIC):
            stand_ins.append(leaf)
        elif isinstance(leaf, np.random.Generator):
            generator = recorder.input(leaf, k, names[k])
            stand_ins.append(TracedGenerator(recorder, generator.value, copy.deepcopy(leaf)))
        else:
            stand_ins.append(recorder.input(_as_array(leaf), k, names[k]))
    hidden = [
        recorder.input(x, len(leaves) + k, name) if isinstance(x, np.ndarray) else x
        for k, (x, name) in enumerate(zip(captured, capture.names(), strict=True))
    ]
    args, kwargs = unflatten(structure, stand_ins)
    args, kwargs = with_statics(args, kwargs, statics)
    copied = capture.substituted(hidden)
    frozen = {id(x): x.copy() for x in captured if isinstance(x, np.ndarray)}
    before = [contents_of(variable.read()) for variable, _ in capture.objects]
    states = capture.states()
    with _watched(), call_sites():
        try:
            result = copied(*args, **kwargs)
        except Exception as error:
            if isinstance(error.__cause__, CompileError):  # NumPy's own error around ours
                raise error.__cause__ from None
            raise
    _no_side_effect(capture, before, states, captured, frozen)
    recorder.name_values()
    outputs, out_structure = flatten(result)
    return Program(recorder.inputs, recorder.instructions, [_output(x, recorder) for x in outputs]), out_structure


def with_statics(args: tuple[Any, ...], kwargs: dict[str, Any], statics: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments with the static ones back in their places."""
    given, named = list(args), dict(kwargs)
    for key, _, value in statics:
        if isinstance(key, int):
            given[key] = value
        else:
            named[key] = value
    return tuple(given), named


def _as_array(leaf: Any) -> Any:
    if isinstance(leaf, np.ndarray):
        return leaf if leaf.ndim else leaf[()]
    return leaf


def _argument_names(f: Callable[..., Any], leaves: list[Any], structure: Any) -> list[str]:
    """``W1`` for the leaf ``params["W1"]``; the parameter's own name for an argument that is one array."""
    import inspect

    args, kwargs = unflatten(structure, list(leaves))
    try:
        bound = inspect.signature(f).bind(*args, **kwargs)
        given: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            if inspect.signature(f).parameters[name].kind is inspect.Parameter.VAR_POSITIONAL:
                given |= {f"{name}{k}": x for k, x in enumerate(value)}
            elif inspect.signature(f).parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
                given |= value
            else:
                given[name] = value
    except (TypeError, ValueError):
        given = {f"x{k}": x for k, x in enumerate(args)} | kwargs
    names: list[str] = []
    for name, value in (*((k, v) for k, v in given.items() if k not in kwargs), *sorted(kwargs.items())):
        inside = paths(value)
        names += [name] if inside == [""] else [_short(name, path) for path in inside]
    return names if len(names) == len(leaves) else [f"x{k}" for k in range(len(leaves))]


def _short(name: str, path: str) -> str:
    """``W1`` for params.W1, ``layers_0_W`` for layers[0].W, ``state_V_W1`` for a path of several steps."""
    words = [w for w in path.replace("[", ".").replace("]", "").split(".") if w]
    return words[0] if len(words) == 1 and words[0].isidentifier() else "_".join((name, *words))


def _output(x: Any, recorder: Recorder) -> Any:
    if isinstance(x, Tensor):
        raise CompileError(
            "a compiled function returned a Tensor: it returns arrays. Return t.data, or compile "
            f"tn.value_and_grad(f) for its gradient.{user_line()}"
        )
    if isinstance(x, Traced):
        return recorder.value_of(x)
    if isinstance(x, np.ndarray):
        return Value("constant", x, x)
    if not isinstance(x, (int, float, complex, np.generic, *STATIC)):
        what = "its random generator, which each call moves on" if isinstance(x, TracedGenerator) else what_is(x)
        raise CompileError(
            f"a compiled function returned {what}: it returns arrays, numbers, text and containers of them."
            f"{user_line()}"
        )
    return x


# ── side effects ─────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _watched() -> Iterator[None]:
    """Refuse what would happen once, while tracing, and not at each call."""
    before = sys.getprofile()
    if before is not None and not callable(before):  # cProfile's: it could not be put back
        yield
        return
    sys.setprofile(partial(refuse_effects, before))
    try:
        yield
    finally:
        sys.setprofile(before)


def refuse_effects(before: Any, frame: Any, event: str, called: Any) -> None:
    """A profile function that raises at the calls named in `EFFECTS`; `before` is the one that was there."""
    name = getattr(called, "__name__", "")
    if event != "c_call" or name not in EFFECTS or type(getattr(called, "__self__", None)).__name__ != "module":
        return
    if name != "urandom" and not is_users_file(frame.f_code.co_filename):
        return
    sys.setprofile(before)
    while frame is not None and not is_users_file(frame.f_code.co_filename):
        frame = frame.f_back
    raise CompileError(f"{EFFECTS[name]}.{_line_of(frame)}")


def _line_of(frame: Any) -> str:
    if frame is None:
        return "\n  at import"
    file, number = frame.f_code.co_filename, frame.f_lineno
    text = linecache.getline(file, number, frame.f_globals).strip()
    return f"\n  at {os.path.basename(file)}:{number}" + (f":  {text}" if text else "")


def _no_side_effect(
    capture: Capture, before: list[list[Any]], states: list[Any], captured: list[Any], frozen: dict[int, Any]
) -> None:
    names = [capture.changed()]
    for (variable, _), contents in zip(capture.objects, before, strict=True):
        if not same_contents(contents, contents_of(variable.read())):
            names.append(variable.name)
    for name in filter(None, names):
        raise CompileError(
            f"the function changes {name}, which lies outside: that would happen once, while tracing. "
            f"Return the new value instead.{user_line()}"
        )
    for x in captured:
        if isinstance(x, np.ndarray) and not np.array_equal(x, frozen[id(x)], equal_nan=x.dtype.kind in "fc"):
            raise CompileError(
                "the function writes into an array from outside: that would happen once, while tracing. "
                f"Return the new array instead.{user_line()}"
            )
    if capture.states() != states:
        raise CompileError(
            "random numbers were drawn from a generator outside: they would be the same at each call. Make the "
            f"generator an argument, f(..., rng).{user_line()}"
        )
