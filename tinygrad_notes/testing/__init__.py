"""Check your own derivation: `assert_gradient`, `check_gradient`, `assert_vjp`, and what they stand on.

tn.testing.assert_gradient(cost, by_hand, shapes={"X": "n m", "w": "n 1", "b": "1 1"})
"""

from __future__ import annotations

from .distributions import bits, distinct, onehot, positive

__all__ = ["bits", "distinct", "onehot", "positive"]
