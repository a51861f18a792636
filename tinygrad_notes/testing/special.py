"""Inputs for which a wrong derivation is right: "right when m = 1" says more than a matrix of numbers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from .draws import Draw, Recipe
from .judge import Judge, norm, perturbed, precision
from .outputs import is_float
from .subject import Subject

__all__ = ["right_when"]

TIMES = 3


def right_when(subject: Subject, judge: Judge, recipe: Recipe, wrong: list[str], seed: int) -> list[str]:
    """Conditions under which every wrong output is right, the most telling first: ``["m = 1"]``.

    Examples
    --------
    A sum over m examples instead of their mean is right for one example: ``["m = 1"]``.
    """
    rng = np.random.default_rng([seed, 3])
    found = []
    for text, changes in _conditions(recipe):
        if all(_right(subject, judge, recipe, wrong, changes, rng) for _ in range(TIMES)):
            found.append(text)
        if len(found) == 2:
            break
    return found


def _conditions(recipe: Recipe) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each condition as text and as changes: ``{"dims": …}`` or ``{"leaf": (name, value)}``."""
    symbols = [] if recipe.chosen_sizes else recipe.symbols
    for symbol in symbols:
        yield f"{symbol} = 1", {"dims": {symbol: 1}}
    scalars_first = sorted(recipe.distributions, key=lambda name: bool(recipe.shapes.get(name, True)))
    for name, value in itertools.product(scalars_first, (0.0, 1.0)):
        yield f"{name} = {value:g}", {"leaf": (name, value)}
    for one, other in itertools.combinations(symbols, 2):
        yield f"{one} = {other}", {"same": (one, other)}


def _right(
    subject: Subject, judge: Judge, recipe: Recipe, wrong: list[str], changes: dict[str, Any], rng: np.random.Generator
) -> bool:
    """Whether all wrong outputs are right, and not merely zero, on one draw with these changes."""
    dims = recipe.draw_sizes(rng)
    dims.update(changes.get("dims", {}))
    if "same" in changes:
        one, other = changes["same"]
        dims[one] = dims[other]
    try:
        draw = recipe.draw(rng, dims)
        draw = _with_leaf(draw, *changes["leaf"]) if "leaf" in changes else draw
        judge.settle(draw, wrong)
        draw.hand = subject.hand(draw)
    except Exception:  # a function that doesn't take these inputs says nothing about them
        return False
    return all(_equal_and_live(judge, draw, name) for name in wrong) and not _on_kink(subject, draw, wrong, rng)


def _with_leaf(draw: Draw, name: str, value: float) -> Draw:
    x = draw.leaves[name]
    if not is_float(x):
        raise ValueError(f"{name} is no float")
    return draw.replaced({name: np.full_like(x, value)[()]})


def _on_kink(subject: Subject, draw: Draw, wrong: list[str], rng: np.random.Generator) -> bool:
    """Whether a gradient jumps here: then being right is chance."""
    nearby = subject.autodiff(perturbed(draw, rng, 1e-6), wrong)
    return any(norm(nearby[name] - draw.true[name]) > 1e-3 * norm(draw.true[name]) for name in wrong)


def _equal_and_live(judge: Judge, draw: Draw, name: str) -> bool:
    if name not in draw.hand or name not in draw.true:
        return False
    hand, true = draw.hand[name], draw.true[name]
    if np.shape(hand) != np.shape(true) or not np.all(np.isfinite(true)) or norm(true) < 1e-12:
        return False
    return judge.agree(hand, true, precision(draw, name))
