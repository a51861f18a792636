"""The referee: numerical derivatives with an error bar that tells the truth."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes.errors import BadInputError, NotScalarError
from tinygrad_notes.testing import gradient_difference, numerical_gradient
from tinygrad_notes.testing.numerical import detection_power, directional_derivative

X = np.array([0.3, -1.2, 2.5, 1e-3])
CASES = {
    "sin": (lambda x: np.sum(np.sin(x)), np.cos),
    "exp": (lambda x: np.sum(np.exp(3 * x)), lambda x: 3 * np.exp(3 * x)),
    "tiny": (lambda x: 1e-7 * np.sum(np.sin(x)), lambda x: 1e-7 * np.cos(x)),
    "huge": (lambda x: np.sum((1e6 * x) ** 2), lambda x: 2e12 * x),
    "abs": (lambda x: np.sum(np.abs(x) ** 3), lambda x: 3 * np.abs(x) * x),
    "reciprocal": (lambda x: np.sum(1 / x), lambda x: -1 / x**2),
    "log": (lambda x: np.sum(np.log(np.abs(x))), lambda x: 1 / x),
}


@pytest.mark.parametrize("method", ["auto", "richardson", "central"])
@pytest.mark.parametrize("name", CASES)
def test_value_and_error_bar(name, method):
    f, derivative = CASES[name]
    value, bar = numerical_gradient(f, X, method=method, error=True)
    true = derivative(X)
    assert np.all(np.abs(value - true) <= bar + 1e-12 * np.abs(true))
    if method != "central":
        assert np.linalg.norm(value - true) <= 1e-8 * np.linalg.norm(true)


def test_central_is_as_good_as_its_step_allows():
    value = numerical_gradient(lambda x: np.sum(np.sin(x)), X, method="central")
    assert np.linalg.norm(value - np.cos(X)) < 1e-9


def test_complex_step_is_exact_and_refuses_real_code():
    value = numerical_gradient(lambda x: np.sum(x**3), X, method="complex")
    np.testing.assert_allclose(value, 3 * X**2, rtol=1e-15)
    with pytest.raises(BadInputError, match="richardson"):
        numerical_gradient(lambda x: np.sum(np.abs(x)), X, method="complex")


def test_auto_does_not_trust_the_complex_step_where_it_lies():
    both = lambda x: np.sum(np.abs(x)) + np.sum(x**2)
    np.testing.assert_allclose(numerical_gradient(both, X[:3]), np.sign(X[:3]) + 2 * X[:3], rtol=1e-9)
    conjugated = lambda x: np.sum(x * np.conj(x)).real
    np.testing.assert_allclose(numerical_gradient(conjugated, X), 2 * X, rtol=1e-9, atol=1e-12)


def test_float32_is_evaluated_in_float64():
    seen = []

    def f(x):
        seen.append(x.dtype)
        return np.sum(np.sin(x))

    value = numerical_gradient(f, X.astype(np.float32), method="richardson")
    assert set(seen) == {np.dtype(np.float64)}
    np.testing.assert_allclose(value, np.cos(X.astype(np.float32).astype(float)), rtol=1e-10)


def test_complex_inputs_give_the_conjugate_wirtinger_gradient():
    z = np.array([1 + 2j, -0.5j])
    np.testing.assert_allclose(numerical_gradient(lambda z: np.sum(np.abs(z) ** 2), z), 2 * z, rtol=1e-9, atol=1e-12)


def test_several_arguments_and_containers():
    f = lambda p, x: np.sum(p["w"] * x) + p["b"] ** 2
    gradient, other = numerical_gradient(f, {"w": np.ones(2), "b": 3.0}, np.array([4.0, 5.0]), argnums=(0, 1))
    np.testing.assert_allclose(gradient["w"], [4, 5])
    np.testing.assert_allclose(gradient["b"], 6)
    np.testing.assert_allclose(other, [1, 1])


def test_steps_that_leave_the_domain_get_smaller():
    np.testing.assert_allclose(numerical_gradient(np.log, 1e-9, method="richardson"), 1e9, rtol=1e-6)


def test_kinks_within_the_first_step():
    f = lambda x: np.sum(np.maximum(x, 0) * np.array([1.0, 2.0]))
    value, bar = numerical_gradient(f, np.array([1e-4, -1e-4]), method="richardson", error=True)
    assert np.all(np.abs(value - [1, 0]) <= bar + 1e-6)


def test_directional_derivative_of_arrays():
    A = np.arange(6.0).reshape(2, 3)
    v = np.array([1.0, -1.0, 0.5])
    slope = directional_derivative(lambda x: A @ x**2, (np.ones(3),), (v,))
    np.testing.assert_allclose(slope.value, A @ (2 * v), atol=1e-10)
    assert slope.error < 1e-9


@pytest.mark.parametrize("share", [1e-6, 1e-8])
def test_detection_power_is_what_it_says(share):
    rng = np.random.default_rng(0)
    wrong = rng.standard_normal(50)
    wrong *= share / np.linalg.norm(wrong)
    tolerance = 5e-7
    for directions in (1, 3):
        seen = np.abs(rng.standard_normal((20000, directions, 50)) @ wrong).max(axis=1) > tolerance
        assert abs(seen.mean() - detection_power(share, tolerance, directions)) < 0.02
    assert detection_power(0.0, 1e-8) == 0.0


def test_gradient_difference_is_the_notes_number():
    a, b = np.array([1.0, 2.0]), np.array([1.0, 2.5])
    assert gradient_difference(a, b) == pytest.approx(0.5 / (np.sqrt(5) + np.sqrt(7.25)))
    assert gradient_difference({"W": a, "b": 0.0}, {"W": a, "b": 0.0}) == 0.0
    assert gradient_difference(np.zeros(2), np.zeros(2)) == 0.0
    assert gradient_difference(a, -a) == 1.0
    with pytest.raises(BadInputError, match="broadcast"):
        gradient_difference(np.ones((3, 1)), np.ones(3))
    with pytest.raises(BadInputError, match="like with like"):
        gradient_difference({"W": a}, {"W": a, "b": b})


def test_theta_cubed_of_the_notes():
    assert pytest.approx(3.0001) == (1.01**3 - 0.99**3) / 0.02
    assert numerical_gradient(lambda t: t**3, 1.0, method="central", step=0.01) == pytest.approx(3.0001)


def test_wrong_calls():
    with pytest.raises(NotScalarError, match="assert_vjp"):
        numerical_gradient(np.sin, X)
    with pytest.raises(BadInputError, match="method="):
        numerical_gradient(np.sum, X, method="forward")
    with pytest.raises(BadInputError, match="argnums=1"):
        numerical_gradient(np.sum, X, argnums=1)
    with pytest.raises(BadInputError, match="differentiate"):
        numerical_gradient(lambda s: 1.0, np.array(["a"]))


def test_agrees_with_autodiff():
    f = lambda W: np.sum(np.tanh(W @ W.T))
    W = np.random.default_rng(0).standard_normal((3, 4))
    np.testing.assert_allclose(numerical_gradient(f, W), tn.grad(f)(W), rtol=1e-9, atol=1e-11)
