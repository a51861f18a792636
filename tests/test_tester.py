"""A test of the tester: rules with one planted mistake each must be caught by the very checks that test_rules uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import oracles
import pytest
from oracles import Case

from tinygrad_notes.rules import BOOK, Rule, rule

A = np.array([[0.7, -1.3, 0.4, 1.1], [-0.2, 0.9, 1.7, -0.6], [0.3, 1.2, -0.8, 0.5]])
B = np.array([1.5, -0.4, 0.8, 1.9])
SQUARE = np.array([[0.7, -1.3, 0.4], [-0.2, 0.9, 1.7], [0.3, 1.2, -0.8]])


@pytest.fixture
def plant() -> Iterator[Callable[..., Case]]:
    """Enter a rule of our own for the length of a test and return it as a case."""
    entered: list[Any] = []

    def enter(f: Callable[..., Any], *vjps: Any, args: tuple[Any, ...], **flags: Any) -> Case:
        entry: Rule = rule(f, "planted", *vjps, name="planted", **flags)
        entered.append(f)
        constant = lambda key: key >= entry.inputs
        return Case("planted", f, entry, args, {}, constant, holomorphic=entry.holomorphic)

    yield enter
    for f in entered:
        del BOOK[f]


def square(x: Any) -> Any:
    return x * x


def cube(x: Any) -> Any:
    return x**3


def product(a: Any, b: Any) -> Any:
    return a * b


def quotient(a: Any, b: Any) -> Any:
    return a / b


def total(a: Any, axis: Any = None) -> Any:
    return np.sum(a, axis=axis)


def running(a: Any, axis: Any = None) -> Any:
    return np.cumsum(a, axis=axis)


def matrix_product(a: Any, b: Any) -> Any:
    return np.matmul(a, b)


def both(a: Any, b: Any) -> Any:
    return np.sin(a), a * b


def constant_in_wide(x: Any) -> Any:
    return x * np.asarray(np.pi, x.dtype)[()]


def frozen(x: Any) -> Any:
    """The value of `x` without its graph: what a careless ``np.asarray`` in a rule does."""
    return getattr(x, "data", x) if not isinstance(x, np.ndarray) else x


RIGHT = {
    "square": (square, (lambda g, _y, x: g * (2 * x),), (A,), {"elementwise": True}),
    "cube": (cube, (lambda g, _y, x: g * (3 * x**2),), (A,), {"elementwise": True}),
    "product": (product, (lambda g, _y, _a, b: g * b, lambda g, _y, a, _b: g * a), (A, B), {"elementwise": True}),
    "quotient": (quotient, (lambda g, _y, _a, b: g / b, lambda g, y, _a, b: -g * y / b), (A, B), {"elementwise": True}),
    "matmul": (
        matrix_product,
        (lambda g, _y, _a, b: g @ b.swapaxes(-1, -2), lambda g, _y, a, _b: a.swapaxes(-1, -2) @ g),
        (A, A.T[:, :2]),
        {"linear": "each"},
    ),
    "several results": (
        both,
        (lambda g, _y, a, b: g[0] * np.cos(a) + g[1] * b, lambda g, _y, a, _b: g[1] * a),
        (A, B),
        {"holomorphic": False},
    ),
}

WRONG_AT_FIRST_ORDER = {
    "2.001 instead of 2": (square, (lambda g, _y, x: g * (2.001 * x),), (A,), {"elementwise": True}),
    "2.0000001 instead of 2": (square, (lambda g, _y, x: g * (2.0000001 * x),), (A,), {"elementwise": True}),
    "a missing factor": (square, (lambda g, _y, x: g * x,), (A,), {"elementwise": True}),
    "a sign": (quotient, (lambda g, _y, _a, b: g / b, lambda g, y, _a, b: g * y / b), (A, B), {"elementwise": True}),
    "swapped operands": (
        product,
        (lambda g, _y, a, _b: g * a, lambda g, _y, _a, b: g * b),
        (A, B),
        {"elementwise": True},
    ),
    "a cotangent that is taken for ones": (square, (lambda g, _y, x: 2 * x + 0 * g,), (A,), {"elementwise": True}),
    "a transpose too few": (
        matrix_product,
        (lambda g, _y, _a, b: g @ b, lambda g, _y, a, _b: a.swapaxes(-1, -2) @ g),
        (SQUARE, SQUARE[::-1]),
        {"linear": "each"},
    ),
    "wrong for axis=1 only": (
        total,
        (
            lambda g, _y, _a, axis=None: (
                np.broadcast_to(g, _a.shape) if axis != 1 else np.broadcast_to(g[::-1, None], _a.shape)
            ),
        ),
        (A, 1),
        {"linear": "jointly"},
    ),
    "only the first of several results": (
        both,
        (lambda g, _y, a, _b: g[0] * np.cos(a), lambda g, _y, a, _b: g[1] * a),
        (A, B),
        {"holomorphic": False},
    ),
    "wrong in one entry": (
        square,
        (lambda g, _y, x: g * (2 * x) * (1 + 1e-6 * (np.arange(x.size).reshape(x.shape) == 5)),),
        (A,),
        {"elementwise": True},
    ),
    "a cotangent written into": (
        square,
        (lambda g, _y, x: np.multiply(g, 2 * x, out=g) if isinstance(g, np.ndarray) else g * (2 * x),),
        (A,),
        {"elementwise": True},
    ),
}

WRONG_AT_SECOND_ORDER = {
    "x frozen": (square, (lambda g, _y, x: g * (2 * frozen(x)),), (A,), {"elementwise": True}),
    "y frozen": (cube, (lambda g, y, x: g * (3 * frozen(y) / x),), (A,), {"elementwise": True}),
    "one operand frozen": (
        product,
        (lambda g, _y, _a, b: g * frozen(b), lambda g, _y, a, _b: g * a),
        (A, B),
        {"elementwise": True},
    ),
}


def running_pullback(g: Any, _y: Any, _a: Any, axis: Any = None) -> Any:
    return np.flip(np.cumsum(np.flip(g, axis), axis), axis)


WRONG_FLAGS = {
    "elementwise, but it is not": (running, (running_pullback,), (A, 1), {"elementwise": True}),
    "linear, but it is not": (cube, (lambda g, _y, x: g * (3 * x**2),), (A,), {"linear": "jointly"}),
}


def planted(plant: Callable[..., Case], table: dict[str, Any], name: str) -> Case:
    f, vjps, args, flags = table[name]
    return plant(f, *vjps, args=args, **flags)


@pytest.mark.parametrize("name", RIGHT)
def test_right_rules_pass(plant: Callable[..., Case], name: str, rng: np.random.Generator) -> None:
    case = planted(plant, RIGHT, name)
    oracles.check_value(case)
    oracles.check_first_order(case, rng)
    oracles.check_first_order_along(case, rng)
    oracles.check_second_order(case, rng)
    oracles.check_each_alone(case, rng)
    oracles.check_twice(case, rng)
    oracles.check_layouts(case, rng)


@pytest.mark.parametrize("name", WRONG_AT_FIRST_ORDER)
def test_wrong_first_order_is_caught(plant: Callable[..., Case], name: str, rng: np.random.Generator) -> None:
    case = planted(plant, WRONG_AT_FIRST_ORDER, name)
    with pytest.raises((oracles.WrongDerivative, ValueError)):
        oracles.check_first_order(case, rng)


@pytest.mark.parametrize("name", WRONG_AT_FIRST_ORDER)
def test_wrong_first_order_is_caught_along_directions(
    plant: Callable[..., Case], name: str, rng: np.random.Generator
) -> None:
    case = planted(plant, WRONG_AT_FIRST_ORDER, name)
    with pytest.raises((oracles.WrongDerivative, ValueError)):
        oracles.check_first_order_along(case, rng)


@pytest.mark.parametrize("name", WRONG_AT_SECOND_ORDER)
def test_wrong_only_at_second_order_is_caught(plant: Callable[..., Case], name: str, rng: np.random.Generator) -> None:
    case = planted(plant, WRONG_AT_SECOND_ORDER, name)
    oracles.check_value(case)
    oracles.check_first_order(case, rng)
    with pytest.raises(oracles.WrongDerivative):
        oracles.check_second_order(case, rng)


@pytest.mark.parametrize("name", WRONG_FLAGS)
def test_wrong_flags_are_caught_in_forward_mode(
    plant: Callable[..., Case], name: str, rng: np.random.Generator
) -> None:
    case = planted(plant, WRONG_FLAGS, name)
    with pytest.raises(oracles.WrongDerivative, match="jvp"):
        oracles.check_first_order(case, rng)


def test_a_forgotten_broadcast_is_caught(plant: Callable[..., Case], rng: np.random.Generator) -> None:
    """A rule that sums over the wrong axis where its input was broadcast."""
    wrong = plant(product,
                  lambda g, _y, _a, b: g * b,
                  lambda g, _y, a, _b: (g * a)[0], args=(A, B), elementwise=True)  # fmt: skip
    with pytest.raises(oracles.WrongDerivative):
        oracles.check_first_order(wrong, rng)


def test_a_gradient_of_the_wrong_shape_is_caught(plant: Callable[..., Case], rng: np.random.Generator) -> None:
    wrong = plant(square, lambda g, _y, x: (g * (2 * x)).ravel()[:5], args=(A,), elementwise=True)
    with pytest.raises(ValueError, match="returned a gradient of shape"):
        oracles.check_first_order(wrong, rng)


def test_a_wrong_value_is_caught() -> None:
    case = Case("planted", np.exp, np.exp2, (A,))
    with pytest.raises(oracles.WrongDerivative, match="value"):
        oracles.check_value(case)


def test_a_value_of_the_wrong_dtype_is_caught() -> None:
    case = Case("planted", lambda x: np.exp(x).astype(np.float32), np.exp, (A,))
    with pytest.raises(oracles.WrongDerivative, match="float64"):
        oracles.check_value(case)


def test_a_silent_detach_is_caught() -> None:
    case = Case("planted", np.exp, lambda t: np.exp(t.data), (A,))
    with pytest.raises(AssertionError, match="silent detach"):
        oracles.check_value(case)


def test_where_the_oracle_cannot_tell_the_check_fails(rng: np.random.Generator) -> None:
    """A function with rounding noise has no derivative to compare with, and no rule passes by that."""
    case = Case("noisy", lambda x: np.round(np.exp(x), 4), np.exp, (A,))
    with pytest.raises(oracles.WrongDerivative, match="can't tell"):
        oracles.check_first_order(case, rng)


def test_a_kink_beside_the_sample_is_stepped_round(rng: np.random.Generator) -> None:
    case = Case("planted", np.maximum, np.maximum, (np.array([1.0, 2.0]), np.array([1.001, 0.0])))
    oracles.check_first_order(case, rng)


def test_a_gradient_wrong_in_another_layout_is_caught(plant: Callable[..., Case], rng: np.random.Generator) -> None:
    """A rule that reads memory instead of entries."""
    wrong = plant(square,
                  lambda g, _y, x: g * (2 * np.ravel(x, order="K").reshape(x.shape)), args=(A,),
                  elementwise=True)  # fmt: skip
    with pytest.raises(AssertionError, match=r"layout|value"):
        oracles.check_layouts(wrong, rng)
