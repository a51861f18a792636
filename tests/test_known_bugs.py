"""Where other libraries were silently wrong or raised: each case once, against differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import oracles
import pytest
from oracles import Case

import tinygrad_notes as tn
from tinygrad_notes import Tensor

A = np.array([[0.7, -1.3, 0.4], [-0.2, 0.9, 1.7]])
S = np.array([[0.7, -1.3, 0.4], [-0.2, 0.9, 1.7], [0.3, 1.2, -0.8]])
V = np.array([0.5, -1.5, 0.25])

FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "tile of a matrix by one number": (lambda a: np.tile(a, 2), (A,)),
    "tile along a new axis": (lambda a: np.tile(a, (2, 1, 3)), (A,)),
    "einsum of a diagonal": (lambda a: np.einsum("ii->i", a), (S,)),
    "einsum of a trace": (lambda a: np.einsum("ii", a), (S,)),
    "einsum with an index summed in one operand": (lambda a, b: np.einsum("ij,k->i", a, b), (A, V)),
    "einsum that broadcasts by an ellipsis": (lambda a, b: np.einsum("...i,...i->...", a, b), (A, V)),
    "einsum with a size-1 axis": (lambda a, b: np.einsum("ij,ij->i", a, b), (A, V[None])),
    "einsum of one operand twice": (lambda a: np.einsum("ij,kj->ik", a, a), (A,)),
    "mean keeps its factor under a random cotangent": (lambda a: np.mean(a, axis=1), (A,)),
    "std with ddof": (lambda a: np.std(a, axis=0, ddof=1), (S,)),
    "var of a complex array": (lambda a: np.var(a), (A + 1j * A[::-1] ** 2,)),
    "repeated places in an index": (lambda a: a[[0, 0, 1]] * a[[1, 0, 0]], (A,)),
    "repeated places taken": (lambda a: np.take(a, [[0, 0], [2, 0]], axis=1), (A,)),
    "matmul of a vector and a stack": (lambda a, b: a @ b, (V, np.stack([S, S.T]))),
    "power with a negative base and an integer exponent": (lambda a: a**3, (A,)),
    "power of two arrays": (lambda a, b: np.abs(a) ** b, (A, V)),
    "prod through a zero": (lambda a: np.prod(a), (np.array([2.0, 0.0, 3.0]),)),
    "cumprod through a zero": (lambda a: np.cumprod(a), (np.array([2.0, 0.0, 3.0]),)),
    "subtraction from an array": (lambda a: V - a, (A,)),
    "maximum over all axes by a tuple": (lambda a: np.max(a, axis=(0, 1)), (A,)),
    "concatenate of views of one array": (lambda a: np.concatenate([a[0], a[0] * a[1]]), (A,)),
    "sort with an axis": (lambda a: np.sort(a, axis=0), (S,)),
    "roll over two axes": (lambda a: np.roll(a, (1, -1), axis=(0, 1)), (A,)),
    "pad with the edge": (lambda a: np.pad(a, ((1, 2), (0, 1)), mode="edge"), (A,)),
    "a real function through fft": (lambda a: np.fft.irfft(np.fft.rfft(a) ** 2, 3), (V,)),
    "assignment, then use": (lambda a: _assigned(a), (A,)),
}


def _assigned(a: Any) -> Any:
    b = a * 1.0
    b[0] *= 2
    b[:, 1] = b[:, 0] * b[:, 2]
    return b * a


@pytest.mark.parametrize("name", FUNCTIONS)
def test_right_at_first_and_second_order(name: str, rng: np.random.Generator) -> None:
    f, args = FUNCTIONS[name]
    case = Case(name, f, f, args)
    oracles.check_value(case)
    oracles.check_first_order(case, rng)
    oracles.check_second_order(case, rng)


def test_norm_at_zero_is_finite() -> None:
    for f in (np.linalg.norm, lambda x: np.linalg.norm(x, axis=0), lambda x: np.linalg.norm(x, ord=2)):
        g = tn.elementwise_grad(f)(np.zeros(3))
        assert g.tolist() == [0.0, 0.0, 0.0]


def test_equal_values_are_not_merged() -> None:
    a, b = Tensor(2.0), Tensor(2.0)
    (a * a * b).backward()
    assert (a.grad, b.grad) == (8.0, 4.0)


def test_python_numbers_work_where_only_arrays_were_expected() -> None:
    assert tn.grad(lambda x: 3 * (x + 2.0 * x))(5) == 9.0
    with np.errstate(divide="ignore"):
        assert tn.grad(np.sqrt)(0.0) == np.inf


def test_backward_twice_on_a_shared_node_is_not_doubled() -> None:
    x = Tensor(1.0)
    y = x * 1.0
    z = y + y
    for _ in range(2):
        z.backward()
        assert (x.grad, y.grad) == (2.0, 2.0)


def test_a_loss_over_many_terms_is_not_exponential() -> None:
    x = Tensor(0.5)
    y = x
    for _ in range(200):
        y = np.tanh(y) + y * 0.5
    y.backward()
    assert np.isfinite(x.grad)
