"""Your own derivative rule, in the form of the rule book; and recomputing instead of remembering."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from .errors import BadInputError, LeavesGraphError, user_line
from .failures import need_function, what_is
from .pytree import flatten, unflatten
from .rules import BOOK, Parts, Rule
from .tensor import Tensor, handle, make_node
from .transforms import join, vjp

__all__ = ["checkpoint", "primitive"]


def primitive(
    formula: str,
    *vjps: Callable[..., Any] | None,
    name: str | None = None,
    elementwise: bool = False,
    linear: str = "",
    holomorphic: bool = True,
    domain: tuple[tuple[float, float], ...] = (),
    kinks: dict[tuple[float, ...], tuple[float, ...]] | None = None,
    samples: Callable[[Any], Any] | None = None,
) -> Callable[[Callable[..., Any]], Rule]:
    """Give a function a derivative rule of your own (a decorator).

    Parameters
    ----------
    formula : str
        The mathematics, as drawn on graphs and listed by `coverage`.
    *vjps : callable or None
        One per input of the function: ``vjp(g, y, *inputs)`` returns dJ/d(input), where ``g`` is dJ/dy and ``y`` the
        result. None for an input without derivative. Written in NumPy, it is differentiable itself.
    name : str, optional
        What a graph calls it; by default the function's name.
    elementwise, linear, holomorphic, domain, kinks, samples
        As in `tinygrad_notes.rules.book.rule`.

    Returns
    -------
    callable
        Decorates the forward function, which computes with plain arrays. The result takes arrays and Tensors. A NumPy
        function can be decorated too: from then on ``np.f(tensor)`` uses the rule.

    Raises
    ------
    BadInputError
        If a vjp doesn't take ``g``, ``y`` and the function's own arguments.

    Examples
    --------
    >>> @primitive("y = x³:  dy/dx = 3x²", lambda g, _y, x: g * 3 * x**2, elementwise=True)
    ... def cube(x):
    ...     return x**3
    >>> x = Tensor(2.0)
    >>> cube(x).backward()
    >>> float(x.grad)
    12.0
    """
    if not isinstance(formula, str):
        raise BadInputError(
            f'primitive("y = …", vjp, …) starts with the formula as text, not {what_is(formula)}.{user_line()}'
        )

    def enter(f: Callable[..., Any]) -> Rule:
        _check_signatures(f, vjps)
        entry = Rule(
            f,
            formula,
            vjps,
            name=name,
            elementwise=elementwise,
            linear=linear,
            holomorphic=holomorphic,
            variadic=False,
            domain=domain,
            kinks=kinks or {},
            samples=samples,
        )
        if isinstance(f, np.ufunc) or getattr(f, "__module__", "").split(".")[0] == "numpy":
            BOOK[f] = entry
        return entry

    return enter


def _check_signatures(f: Callable[..., Any], vjps: tuple[Callable[..., Any] | None, ...]) -> None:
    need_function("tn.primitive", f)
    name = getattr(f, "__name__", "f")
    given = [v for v in vjps if v is not None]
    for v in given:
        if not callable(v):
            raise BadInputError(f"a vjp of {name} is a function, lambda g, y, x: …, not {what_is(v)}.{user_line()}")
    if not given:
        raise BadInputError(
            f'primitive("…", vjp, …) needs at least one vjp, such as lambda g, y, x: g * (derivative of {name} at x).'
            f"{user_line()}"
        )
    try:
        wanted: int | None = len(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        wanted = getattr(f, "nin", None)
    if wanted is not None and len(vjps) > wanted:
        raise BadInputError(f"{name} has {wanted} arguments, {len(vjps)} vjps were given.{user_line()}")
    for vjp_function in given:
        count = len(inspect.signature(vjp_function).parameters)
        if count < 2 + len(vjps) or (wanted is not None and count > 2 + wanted):
            raise BadInputError(
                f"a vjp of {name} takes g, y and {name}'s own arguments ({wanted or len(vjps)} of them), "
                f"this one takes {count} in all: lambda g, y, x: …{user_line()}"
            )


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return f, computed without keeping its intermediates: the backward pass computes them again.

    Parameters
    ----------
    f : callable
        Takes arrays or containers of them, returns an array. Everything that is differentiated must be an argument.

    Returns
    -------
    callable
        Same values and derivatives, less memory, about one more forward pass.

    Raises
    ------
    LeavesGraphError
        If `f` uses a Tensor that is not an argument: its gradient would be lost.

    Examples
    --------
    >>> x = Tensor(2.0)
    >>> checkpoint(lambda x: np.exp(x) * x)(x).backward()
    >>> bool(np.isclose(x.grad, 3 * np.exp(2.0)))
    True
    """
    need_function("tn.checkpoint", f)
    name = getattr(f, "__name__", "f")

    def rerun(*args: Any) -> Any:
        leaves, structure = flatten(args)
        tracked = tuple(i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor) and leaf.node is not None)
        raw = tuple(leaf.data if isinstance(leaf, Tensor) else leaf for leaf in leaves)
        raw = tuple(x if i in tracked else _locked(x) for i, x in enumerate(raw))

        def on_parts(parts: Any) -> Any:
            given = list(raw)
            for i, part in zip(tracked, parts, strict=True):
                given[i] = part
            return f(*unflatten(structure, given))

        y = on_parts(tuple(handle(raw[i], None) for i in tracked))  # constants: what f assigns into them stays its own
        if isinstance(y, Tensor) and y.node is not None:
            raise LeavesGraphError(
                f"checkpoint({name}) uses a Tensor that is not among its arguments, so its gradient would be lost: "
                f"pass it in.{user_line()}"
            )
        if not hasattr(y, "shape"):
            raise BadInputError(
                f"checkpoint needs a function that returns one array, not {type(y).__name__}.{user_line()}"
            )
        y = y.data if isinstance(y, Tensor) else y
        if not tracked:
            return y
        values = tuple(raw[i] for i in tracked)
        entry = Rule(
            on_parts,
            f"{name}, computed again in the backward pass",
            (lambda g, _y, parts: Parts(vjp(lambda *p: on_parts(p), *parts)[1](g), parts.likes),),
            name=name,
            elementwise=False,
            linear="",
            holomorphic=False,
            variadic=False,
            domain=(),
            kinks={},
            samples=None,
        )
        together = Parts(values)
        inputs = make_node(
            join.op(tuple(range(len(values))), len(values)), tuple(leaves[i].node for i in tracked), values, together
        )
        return handle(y, make_node(entry.op((0,)), (inputs,), (together,), y))

    rerun.__name__ = f"checkpoint_of_{name}"
    rerun.__doc__ = f.__doc__
    return rerun


def _locked(x: Any) -> Any:
    """A constant array that can't be written: `f` runs twice, and the second run must find what the first did."""
    if isinstance(x, np.ndarray):
        x = x.view()
        x.flags.writeable = False
    return x
