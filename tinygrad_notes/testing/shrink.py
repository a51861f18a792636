"""The smallest failing case: first the smallest shape, then the plainest numbers. Short enough to redo by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .distributions import normal, plain_values
from .draws import Draw, Recipe
from .judge import Judge, norm, perturbed
from .subject import Subject

__all__ = ["Shrinker"]

MOST_TRIES = 160
TRIES_PER_SHAPE = 3
PLAINLY = 1e-2
"""A case is worth showing where yours is off by this share: a difference that its four digits show."""


class Shrinker:
    """Looks for a small case where one of the wrong outputs is plainly wrong."""

    def __init__(self, subject: Subject, judge: Judge, recipe: Recipe, wrong: list[str], seed: int) -> None:
        self.subject: Subject = subject
        self.judge: Judge = judge
        self.recipe: Recipe = recipe
        self.wrong: list[str] = wrong
        self.rng: np.random.Generator = np.random.default_rng([seed, 2])
        self.tries: int = 0
        self.sizes: dict[str, float] = {}
        self.every: Callable[[Iterable[bool]], bool] = any

    def shrink(self, failing: Draw) -> Draw:
        """The smallest case that was found; `failing` itself when nothing smaller fails."""
        self.sizes = {
            n: max(norm(failing.true[n]), norm(failing.hand[n]))
            for n in self.wrong
            if n in failing.true and n in failing.hand
        }
        if self.recipe.fixed is not None:
            return failing
        smaller = self.smallest_shape(failing, MOST_TRIES // 2, all) if len(self.wrong) > 1 else None
        if smaller is None:
            smaller = self.smallest_shape(failing, MOST_TRIES, any)
        return failing if smaller is None else self.plainest_numbers(smaller)

    def smallest_shape(self, failing: Draw, most: int, every: Callable[[Iterable[bool]], bool]) -> Draw | None:
        """A case of small integers, in the smallest shape that has one, where all (or any) wrong outputs are wrong."""
        self.every = every
        limit = self.count(failing.dims)
        for dims in self.shapes_upwards(limit):
            for _ in range(TRIES_PER_SHAPE):
                if self.tries >= most:
                    return None
                found = self.attempt(self.plain_draw, dims)
                if found is not None:
                    return found
        return self.attempt(self.recipe.draw, self.rng, failing.dims)

    def shapes_upwards(self, limit: int) -> list[dict[str, int]]:
        """Sizes for the symbols, those with fewer numbers first."""
        recipe = self.recipe
        choices = [sorted(set(recipe.sizes[s])) if recipe.chosen_sizes else [1, 2, 3] for s in recipe.symbols]
        if len(choices) > 5:
            choices = [sizes[:2] for sizes in choices]
        every = (dict(zip(recipe.symbols, sizes, strict=True)) for sizes in itertools.product(*choices))
        counted = [(self.count(dims), sum(dims.values()), dims) for dims in every]
        return [dims for count, _, dims in sorted(counted, key=lambda c: c[:2]) if count <= limit]

    def count(self, dims: dict[str, int]) -> int:
        """How many numbers the inputs have at these sizes."""
        return sum(int(np.prod([axis.size(dims) for axis in shape])) for shape in self.recipe.shapes.values())

    def plain_draw(self, dims: dict[str, int]) -> Draw:
        """Small integers where nothing else was asked for."""
        draw = self.recipe.draw(self.rng, dims)
        changes = {}
        for name, x in draw.leaves.items():
            drawn_from = self.recipe.distributions.get(name, normal)
            if drawn_from is normal:
                changes[name] = self.rng.integers(-2, 3, np.shape(x)).astype(np.asarray(x).dtype)[()]
            elif plain_values(drawn_from):
                values = np.asarray(plain_values(drawn_from), dtype=np.asarray(x).dtype)
                changes[name] = self.rng.choice(values, np.shape(x))[()]
        return draw.replaced(changes) if changes else draw

    def attempt(self, make: Callable[..., Draw], *args: Any) -> Draw | None:
        """The case, with its gradients, if an output is plainly wrong in it."""
        self.tries += 1
        try:
            draw = make(*args)
            self.judge.settle(draw, self.wrong)
            draw.hand = self.subject.hand(draw)
            return draw if self.every(self.plainly_wrong(draw, name) for name in self.wrong) else None
        except Exception:  # a shape or a value that the user's functions don't take is no smaller case
            return None

    def plainly_wrong(self, draw: Draw, name: str) -> bool:
        """Off by a share that shows, and not because of a kink."""
        if name not in draw.hand or name not in draw.true:
            return False
        hand, true = draw.hand[name], draw.true[name]
        if np.shape(hand) != np.shape(true):
            return True
        if not np.all(np.isfinite(true)):
            return False
        if not np.all(np.isfinite(hand)):
            return True
        apart = norm(hand - true)
        if apart <= max(PLAINLY * norm(true), 1e-6 * self.sizes.get(name, 0.0)):
            return False
        if name in self.judge.numeric:
            return self.judge.compare(draw, name).verdict == "wrong"
        nearby = perturbed(draw, self.rng, 1e-6)
        nearby.hand = self.subject.hand(nearby)
        moved = self.subject.autodiff(nearby, [name])[name]
        return norm(moved - true) < 1e-2 * apart and norm(nearby.hand[name] - moved) > 0.5 * apart

    def plainest_numbers(self, case: Draw) -> Draw:
        """Every entry to 0, 1, −1, 2 …, whatever still fails."""
        for name, x in case.leaves.items():
            values = plain_values(self.recipe.distributions.get(name, normal))
            for place in np.ndindex(*np.shape(x)):
                case = self.plainest_entry(case, name, place, values)
        return case

    def plainest_entry(self, case: Draw, name: str, place: tuple[int, ...], values: tuple[float, ...]) -> Draw:
        """The case with the plainest number in one entry."""
        x = case.leaves[name]
        now = np.asarray(x)[place]
        for value in values:
            if value == now or self.tries >= MOST_TRIES:
                break
            found = self.attempt(case.replaced, {name: _put(x, place, value)})
            if found is not None:
                found.dims = case.dims
                return found
        return case


def _put(x: Any, place: tuple[int, ...], value: float) -> Any:
    changed = np.array(x)
    changed[place] = value
    return changed[()]
