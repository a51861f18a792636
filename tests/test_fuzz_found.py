"""Every failure that fuzzing the engine has found, as a small program: none may come back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_notes as tn

X = np.array([1.0, 2.0, 3.0])


def first_entry_replaced(a: Any) -> Any:
    a[0] = 2.0
    return a * a


def tripled_in_place(a: Any) -> Any:
    a *= 3
    return a * a


@pytest.mark.parametrize(("f", "gradient"), [(first_entry_replaced, [0.0, 4.0, 6.0]), (tripled_in_place, 18 * X)])
def test_a_function_may_assign_into_its_own_argument(f: Any, gradient: Any) -> None:
    """The input's handle then stands for the updated array, but the derivative asked for is in what was given."""
    start = X.copy()
    _, pullback = tn.vjp(f, start)
    assert np.array_equal(pullback(np.ones(3))[0], gradient)
    assert np.array_equal(tn.jvp(f, (start,), (np.ones(3),))[1], gradient)
    assert np.array_equal(tn.jacobian(f)(start), np.diag(gradient))
    assert np.array_equal(tn.grad(lambda a: np.sum(f(a)))(start), gradient)
    assert np.array_equal(tn.hvp(lambda a: np.sum(f(a)), (start,), (X,))[0], gradient)
    assert np.array_equal(start, X)


@pytest.mark.parametrize(("f", "gradient"), [(first_entry_replaced, [0.0, 4.0, 6.0]), (tripled_in_place, 18 * X)])
def test_a_checkpointed_function_may_assign_into_its_own_argument(f: Any, gradient: Any) -> None:
    """It runs twice on the same values, and the Tensor that it was given is not written."""
    x = tn.Tensor(X)
    b = x * 1.0
    np.sum(tn.checkpoint(f)(b)).backward()
    assert np.array_equal(x.grad, gradient)
    assert np.array_equal(b.data, X)


def test_a_checkpointed_function_cannot_write_into_a_constant() -> None:
    def scaled(a: Any, c: Any) -> Any:
        c *= 2
        return a * c

    with pytest.raises(ValueError, match="read-only"):
        tn.checkpoint(scaled)(tn.Tensor(X), X.copy())
