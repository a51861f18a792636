"""Second order: the hand-made gradient, differentiated by autodiff, against differences of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..pytree import flatten
from ..transforms import vjp
from .draws import Draw
from .judge import inner, norm
from .numerical import directional_derivative
from .outputs import name_outputs
from .subject import Subject, draw_with, first_line, widened

__all__ = ["adjoint_problem", "check_second_order"]


def check_second_order(subject: Subject, draw: Draw, names: list[str], seed: int) -> list[str]:
    """Sentences about outputs whose own derivative, taken by autodiff through the user's code, is wrong."""
    inputs = widened(draw.inputs)
    leaves = {name: x for name, x in draw.leaves.items() if name in draw.true}
    rng = np.random.default_rng([seed, 5])
    problems = []
    for name in names:

        def gradient(*moving: Any, name: str = name) -> Any:
            given = draw_with(inputs, dict(zip(leaves, moving, strict=True)))
            result = subject.call_by_hand(given)
            return _tensors(result, given, subject)[name]

        problem = adjoint_problem(gradient, tuple(leaves.values()), rng)
        if problem:
            problems.append(f"d{name}: {problem}")
    return problems


def adjoint_problem(f: Callable[..., Any], primals: tuple[Any, ...], rng: np.random.Generator) -> str:
    """What is wrong with autodiff's derivative of `f`: ⟨J v, u⟩ by differences against ⟨v, Jᵀ u⟩; "" when it is right.

    Examples
    --------
    >>> adjoint_problem(np.sin, (np.ones(3),), np.random.default_rng(0))
    ''
    """
    try:
        with np.errstate(all="ignore"):
            y, pullback = vjp(f, *primals)
    except Exception as error:
        return f"it can't be differentiated again ({first_line(error)})"
    outputs, structure = flatten(y)
    if not all(np.all(np.isfinite(part)) for part in outputs):
        return ""
    cotangents = [rng.standard_normal(np.shape(part)) for part in outputs]
    with np.errstate(all="ignore"):
        pulled = pullback(structure.unflatten([np.asarray(u)[()] for u in cotangents]))
    for position, x in enumerate(primals):
        direction = rng.standard_normal(np.shape(x))
        tangents = tuple(direction if k == position else np.zeros(np.shape(p)) for k, p in enumerate(primals))

        def projected(*moving: Any) -> Any:
            parts, _ = flatten(f(*moving))
            return sum(inner(part, u) for part, u in zip(parts, cotangents, strict=True))

        found = directional_derivative(projected, primals, tangents)
        ours = inner(pulled[position], direction)
        apart = abs(found.value - ours)
        if apart > 10 * found.error + 1e-6 * norm(pulled[position]) and found.error < 0.1 * apart:
            return f"its derivative along one direction is {found.value:.4g}, autodiff through it gives {ours:.4g}"
    return ""


def _tensors(result: Any, inputs: dict[str, Any], subject: Subject) -> dict[str, Any]:
    """The result by names, its Tensors kept as they are."""
    return name_outputs(result, inputs, subject.wrt, subject.by_hand, keep=True)
