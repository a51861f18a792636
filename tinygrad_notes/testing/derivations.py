"""`derivation`: say beside a by-hand function which function it differentiates, and check whole files of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from .gradient import check_gradient
from .report import Report

__all__ = ["Derivation", "collected", "derivation"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Derivation:
    """A claim: `by_hand` computes the gradients of `of`."""

    of: Callable[..., Any]
    by_hand: Callable[..., Any]
    options: Mapping[str, Any]

    def check(self, **changes: Any) -> Report:
        """Check the claim; `changes` override its options (``seed=1``)."""
        return check_gradient(self.of, self.by_hand, **{**self.options, **changes})


def derivation(
    of: Callable[..., Any],
    *,
    shapes: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
    wrt: Any = None,
    dims: Any = None,
    dtype: Any = np.float64,
    rtol: float | None = None,
    atol: float | None = None,
) -> Callable[[F], F]:
    """Mark a function as the gradient, by hand, of another; ``tinygrad-notes check file.py`` collects them.

    Parameters
    ----------
    of : callable
        The function that is differentiated.
    shapes, given, wrt, dims, dtype, rtol, atol
        As in `check_gradient`.

    Returns
    -------
    callable
        The decorator; the function itself is not changed.

    Examples
    --------
    >>> def cost(w, x):
    ...     return np.sum((w * x) ** 2)
    >>> @derivation(of=cost, shapes={"w": "n", "x": "n"})
    ... def by_hand(w, x):
    ...     return {"dw": 2 * w * x**2}
    >>> by_hand.derivation.check().verdict
    'right'
    """
    options = {"shapes": shapes, "given": given, "wrt": wrt, "dims": dims, "dtype": dtype, "rtol": rtol, "atol": atol}

    def mark(by_hand: F) -> F:
        vars(by_hand)["derivation"] = Derivation(of, by_hand, options)
        return by_hand

    return mark


def collected(namespace: Mapping[str, Any]) -> dict[str, Derivation]:
    """The derivations of a module, by name, in the order they were written.

    Examples
    --------
    >>> collected({"by_hand": len})
    {}
    """
    found = {name: getattr(value, "derivation", None) for name, value in namespace.items()}
    return {name: value for name, value in found.items() if isinstance(value, Derivation)}
