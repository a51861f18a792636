"""Check your own derivation: `assert_gradient`, `check_gradient`, `assert_vjp`, and what they stand on.

tn.testing.assert_gradient(cost, by_hand, shapes={"X": "n m", "w": "n 1", "b": "1 1"})
"""

from __future__ import annotations

from .distributions import bits, distinct, onehot, positive
from .gradient import assert_gradient, check_gradient
from .numerical import gradient_difference, numerical_gradient
from .report import GradientError, Report
from .vjp import assert_vjp, check_vjp

__all__ = [
    "GradientError",
    "Report",
    "assert_gradient",
    "assert_vjp",
    "bits",
    "check_gradient",
    "check_vjp",
    "distinct",
    "gradient_difference",
    "numerical_gradient",
    "onehot",
    "positive",
]
