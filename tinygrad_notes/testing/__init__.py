"""Check your own derivation: `assert_gradient`, `check_gradient`, `assert_vjp`, and what they stand on.

tn.testing.assert_gradient(cost, by_hand, shapes={"X": "n m", "w": "n 1", "b": "1 1"})
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .derivations import derivation
from .distributions import bits, distinct, onehot, positive
from .gradient import assert_gradient, check_gradient
from .numerical import gradient_difference, numerical_gradient
from .report import GradientError, Report
from .vjp import assert_vjp, check_vjp

if TYPE_CHECKING:
    from . import strategies as strategies

__all__ = [
    "GradientError",
    "Report",
    "assert_gradient",
    "assert_vjp",
    "bits",
    "check_gradient",
    "check_vjp",
    "derivation",
    "distinct",
    "gradient_difference",
    "numerical_gradient",
    "onehot",
    "positive",
    "strategies",
]


def __getattr__(name: str) -> Any:
    """Load `strategies` when it is first used: it needs Hypothesis."""
    if name == "strategies":
        import importlib

        return importlib.import_module(".strategies", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
