"""The notes' procedures: gradients against autodiff, checks that find planted bugs, advice as in the notes."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_notes import errors, grad
from tinygrad_notes.nn import sigmoid
from tinygrad_notes.notes import procedures as notes
from tinygrad_notes.notes.procedures import L_layer_backward, L_layer_forward
from tinygrad_notes.train import normalize

RNG = np.random.default_rng(0)
ACTIVATIONS = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh, "sigmoid": sigmoid}
SIZES = [[3, 1], [2, 4, 1], [2, 3, 5, 4, 2, 1], [4, 6, 1, 3, 2]]


def data(n_in, n_out=1, m=7):
    return RNG.standard_normal((n_in, m)), RNG.integers(0, 2, (n_out, m)) * 1.0


def autodiff_cost(parameters, X, Y, hidden):
    A, L = X, len(parameters) // 2
    for layer in range(1, L + 1):
        g = sigmoid if layer == L else ACTIVATIONS[hidden]
        A = g(parameters[f"W{layer}"] @ A + parameters[f"b{layer}"])
    return -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / Y.shape[1]


@pytest.mark.parametrize("hidden", ACTIVATIONS)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_L_layers_backward_is_the_gradient(sizes, hidden):
    X, Y = data(sizes[0], sizes[-1])
    parameters = {name: p + 0.1 for name, p in notes.initialize(sizes, RNG, 1.0).items()}
    AL, caches = L_layer_forward(X, parameters, hidden)
    assert notes.cost(AL, Y) == pytest.approx(autodiff_cost(parameters, X, Y, hidden), rel=1e-12)
    grads = L_layer_backward(AL, Y, caches, hidden)
    true = grad(autodiff_cost)(parameters, X, Y, hidden)
    assert {name[1:] for name in grads} == set(parameters)
    for name, value in true.items():
        assert grads[f"d{name}"].shape == parameters[name].shape
        np.testing.assert_allclose(grads[f"d{name}"], value, rtol=1e-9, atol=1e-12)


def test_caches_hold_what_the_notes_say():
    X, _ = data(2)
    parameters = notes.initialize([2, 3, 5, 1], RNG, 1.0)
    AL, caches = L_layer_forward(X, parameters)
    assert len(caches) == 3
    for layer, (A_prev, W, b, Z) in enumerate(caches, start=1):
        assert W is parameters[f"W{layer}"]
        assert b is parameters[f"b{layer}"]
        np.testing.assert_allclose(Z, W @ A_prev + b)
    np.testing.assert_allclose(caches[1][0], np.maximum(caches[0][3], 0))
    np.testing.assert_allclose(AL, sigmoid(caches[2][3]))


def test_two_layers_are_L_layers():
    X, Y = data(3)
    parameters = notes.initialize([3, 4, 1], RNG, 1.0)
    A2, cache = notes.two_layer_forward(X, parameters)
    AL, caches = L_layer_forward(X, parameters, "tanh")
    np.testing.assert_allclose(A2, AL)
    two = notes.two_layer_backward(parameters, cache, X, Y)
    for name, value in L_layer_backward(AL, Y, caches, "tanh").items():
        np.testing.assert_allclose(two[name], value, rtol=1e-9, atol=1e-14)


def test_a_backward_pass_of_another_network_is_refused():
    X, Y = data(2)
    AL, caches = L_layer_forward(X, notes.initialize([2, 3, 1], RNG))
    A_prev, W, b, Z = caches[0]
    with pytest.raises(errors.BadInputError, match="layer 1: gradient"):
        L_layer_backward(AL, Y, [(A_prev, W, b[:1], Z), caches[1]])


@pytest.mark.parametrize("hidden", ["relu", "tanh"])
def test_training_lowers_the_cost_and_changes_no_start_values(hidden):
    X, Y = data(2, m=20)
    start = notes.initialize([2, 4, 3, 1], RNG, 0.5)
    before = {name: value.copy() for name, value in start.items()}
    trained, costs = notes.L_layer_model(X, Y, start, 0.1, 300, hidden)
    assert costs[-1] < costs[0]
    assert all(np.array_equal(start[name], before[name]) for name in start)
    assert any(not np.array_equal(trained[name], start[name]) for name in start)


def test_the_vector_and_back():
    parameters = notes.initialize([2, 3, 1], RNG, 1.0)
    theta = notes.dictionary_to_vector(parameters)
    assert theta.shape == (13, 1)
    assert theta[0] == parameters["W1"][0, 0]
    back = notes.vector_to_dictionary(theta, parameters)
    assert list(back) == list(parameters)
    assert all(np.array_equal(back[name], parameters[name]) for name in parameters)


def checked(**factors):
    X, Y = np.random.default_rng(1).standard_normal((3, 6)), np.array([[0.0, 1, 1, 0, 1, 0]])
    parameters = notes.initialize([3, 4, 2, 1], np.random.default_rng(2), 1.0)
    AL, caches = L_layer_forward(X, parameters, "tanh")
    grads = L_layer_backward(AL, Y, caches, "tanh")
    grads = {name: value * factors.get(name, 1) for name, value in grads.items()}
    return notes.gradient_check(lambda p: notes.cost(L_layer_forward(X, p, "tanh")[0], Y), parameters, grads, 1e-4)


def test_gradient_check_passes_a_right_gradient_and_names_a_wrong_part():
    whole, each = checked()
    assert whole < 1e-7
    assert max(each.values()) < 1e-7
    whole, each = checked(db2=1.5)
    assert whole > 1e-3
    assert {name for name, part in each.items() if part > 1e-3} == {"b2"}
    assert checked(dW1=-1)[1]["W1"] == pytest.approx(1)


def test_ratio_of_nothing_is_nothing():
    assert notes.ratio(np.zeros(3), np.zeros(3)) == 0.0
    assert notes.ratio(np.zeros(3), np.ones(3)) == 1.0


def test_dropout_keeps_the_mean_and_backward_uses_the_same_mask():
    A = RNG.uniform(0.5, 2, (5, 1)) * np.ones((5, 40_000))
    dropped, D = notes.dropout_forward(A, 0.8, RNG)
    np.testing.assert_allclose(np.mean(dropped, axis=1), A[:, 0], rtol=0.02)
    assert np.all((dropped == 0) == ~D)
    dA = grad(lambda a: np.sum(np.sin(a * D / 0.8)))(A)
    np.testing.assert_allclose(notes.dropout_backward(np.cos(dropped), D, 0.8), dA)


def test_early_stopping_returns_the_best_not_the_last():
    visited = []

    def step(W):
        visited.append(W + 1)
        return W + 1

    best, at = notes.early_stopping(0.0, step, lambda W: abs(W - 4), patience=3, steps=1000)
    assert (best, at) == (4.0, 4)
    assert visited[-1] == 7.0
    assert notes.early_stopping(5.0, step, lambda W: W, patience=2, steps=10) == (5.0, 0)
    assert notes.early_stopping(0.0, lambda W: W + 1, lambda W: -W, patience=1, steps=6) == (6.0, 6)


def test_normalisation_is_reused_on_the_test_set():
    X, X_test = RNG.uniform(1, 1000, (2, 50)), RNG.uniform(1, 1000, (2, 5))
    ours, ours_test = notes.normalise(X, X_test)
    theirs, mu, sigma = normalize(X)
    np.testing.assert_allclose(ours, theirs)
    np.testing.assert_allclose(ours_test, normalize(X_test, mu, sigma)[0])


ADVICE = {
    (1, 11): ("high variance", notes.VARIANCE),
    (15, 16): ("high bias", notes.BIAS),
    (15, 30): ("high bias, high variance", notes.BIAS),
    (0.5, 1): ("low bias, low variance", ()),
}


@pytest.mark.parametrize("errors_in_percent", ADVICE, ids=str)
def test_the_table_and_the_recipe(errors_in_percent):
    label, advice = ADVICE[errors_in_percent]
    assert notes.bias_variance_label(*errors_in_percent) == label
    assert notes.basic_recipe(*errors_in_percent) == advice


def test_bias_is_avoidable_only_above_human_level():
    assert notes.avoidable_bias(1, 8, 10) == (7, 2)
    assert notes.avoidable_bias(7.5, 8, 10) == (0.5, 2)
    assert notes.basic_recipe(15, 16, human=15) == ()
    assert notes.basic_recipe(15, 30, human=15) == notes.VARIANCE


def test_choosing_by_one_metric_within_the_limits_of_the_others():
    models = {
        "A": {"accuracy": 90, "ms": 80, "MB": 5},
        "B": {"accuracy": 92, "ms": 95, "MB": 50},
        "C": {"accuracy": 95, "ms": 1500, "MB": 5},
    }
    assert notes.choose(models, "accuracy", {"ms": 100}) == "B"
    assert notes.choose(models, "accuracy", {"ms": 100, "MB": 10}) == "A"
    assert notes.choose(models, "accuracy", {}) == "C"
    with pytest.raises(errors.BadInputError, match="no model meets"):
        notes.choose(models, "accuracy", {"ms": 10})


@pytest.mark.parametrize(("share", "left"), [(8, 9.2), (42, 5.8), (61, 3.9), (12, 8.8), (5, 9.5)])
def test_the_ceiling_of_an_error_analysis(share, left):
    assert notes.ceiling(10, share, 100) == pytest.approx(left)
