"""How a call finds its rule and its arguments, and calls of NumPy functions beside the common ones."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor, errors
from tinygrad_notes.rules import BOOK

V, M = np.array([1.0, 2.0, 3.0]), np.arange(6.0).reshape(2, 3) + 0.5


def test_a_rule_says_what_it_is():
    assert repr(BOOK[np.tanh]) == "<rule tanh: y = tanh x:  dy/dx = 1 − y²>"
    assert repr(np.tanh(Tensor(V)).node.op) == "<tanh>"


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda t: BOOK[np.arctan2](t, 1.0, 2.0), errors.NoRuleError, "does not take out="),
        (lambda t: BOOK[np.reshape](t, (3, 1), "C", None, 1), errors.NoRuleError, "5 positional arguments"),
        (lambda t: BOOK[np.reshape](t, (3, 1), shape=(3,)), TypeError, "got multiple values for argument 'shape'"),
        (lambda t: BOOK[np.reshape](t), TypeError, "misses its argument 'shape'"),
        (lambda t: BOOK[np.vander](t, 1, True, 4), errors.NoRuleError, "4 positional arguments; it takes x, N"),
        (lambda t: np.tanh(t, where=V > 1), errors.NoRuleError, "np.where"),
        (lambda t: np.tanh(t, casting="unsafe"), errors.NoRuleError, "casting="),
        (lambda t: np.tanh(t, order="F"), errors.NoRuleError, "order="),
    ],
)
def test_arguments_that_a_rule_does_not_take(call, kind, words):
    with pytest.raises(kind, match=words):
        call(Tensor(V))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.tanh(x, where=True),
        lambda x: np.tanh(x, out=None, dtype=None),
        lambda x: np.max(x, initial=np._NoValue),
        lambda x: np.sum(x, None, None, None),
        lambda x: np.cumsum(x, 0, None, None),
        lambda x: np.take(x, [0, 1], None, None, "raise"),
    ],
)
def test_arguments_that_are_the_functions_own_defaults_may_be_given(call):
    y = call(Tensor(V))
    np.testing.assert_array_equal(y.data, call(V))
    assert y.node is not None


CALLS = {
    "piecewise of one number": (lambda x: np.piecewise(x, x > 1, [lambda v: v**3, lambda v: v]), np.float64(2.0)),
    "piecewise of one number, otherwise": (lambda x: np.piecewise(x, [x > 9], [np.sin, np.cos]), np.float64(2.0)),
    "piecewise by one condition": (lambda x: np.piecewise(x, V > 1, [np.sin, 2.0]), V),
    "piecewise, a part of nothing": (lambda x: np.piecewise(x, [V > 1, V > 9], [np.sin, np.exp]), V),
    "reduce with initial": (lambda x: np.subtract.reduce(x, initial=2.0), V),
    "reduce with initial, columns": (lambda x: np.subtract.reduce(x, axis=(1,), initial=2.0), M),
    "reduce one axis in a tuple": (lambda x: np.subtract.reduce(x, axis=(0,)), M),
    "logspace of bases": (lambda x: np.logspace(0.5, 2.0, 3, base=x), V),
    "logspace of bases and ends": (lambda x: np.logspace(x, 2.0, 4, base=x), V),
    "logspace of bases, other axis": (lambda x: np.logspace(x, 2.0, 4, base=x + 1, axis=-1), V),
    "quantile, weights of every entry": (
        lambda x: np.quantile(x, 0.3, axis=1, weights=np.ones((2, 3)), method="inverted_cdf"),
        M,
    ),
    "quantile, weights of two axes": (
        lambda x: np.quantile(x, 0.3, axis=(0, 1), weights=np.ones((2, 3)), method="inverted_cdf"),
        M,
    ),
    "full_like a Tensor": (lambda x: np.full_like(x, 2.0) * x, V),
    "singular values of a symmetric matrix": (
        lambda x: np.linalg.svd(x + x.T, hermitian=True, compute_uv=False),
        np.arange(9.0).reshape(3, 3) ** 1.5,
    ),
    "emath.power of integers": (lambda x: np.emath.power(x, -2), V),
    "pad one axis": (lambda x: np.pad(x, ((0, 0), (1, 2)), mode="reflect"), M),
    "pad one axis, wrap": (lambda x: np.pad(x, ((1, 0), (0, 0)), mode="wrap"), M),
    "divmod of a number": (lambda x: np.stack(divmod(7.25, x)), V),
    "divmod by a number": (lambda x: np.stack(divmod(x, 0.7)), V),
}


@pytest.mark.parametrize("name", CALLS)
def test_values_and_gradients(name):
    f, x = CALLS[name]
    y = f(Tensor(x))
    np.testing.assert_allclose(y.data, f(x), rtol=1e-13)
    weights = np.cos(np.arange(np.size(y.data))).reshape(np.shape(y.data))
    found = tn.grad(lambda x: np.sum(f(x) * weights))(x)
    wanted = tn.testing.numerical_gradient(lambda x: np.sum(f(x) * weights), x)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda t: np.lib.stride_tricks.sliding_window_view(t, 2, writeable=True), "can't be written"),
        (lambda t: np.select([V > 1], [t, 1]), "same length"),
        (lambda t: np.piecewise(t, [V > 1], [1, 2, 3]), "one or more|1 or one more"),
        (lambda t: np.copyto(t, V * 1j), "complex128 into float64"),
        (lambda t: np.polyfit(V, t, 1, full=True), "coefficients alone"),
        (lambda t: np.polyfit(V, t, 1, cov=True), "coefficients alone"),
        (lambda t: np.einsum("...ij", t), "do not fit"),
        (lambda t: np.linalg.cross(t[:2], np.ones(2)), "3"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(errors.TinygradNotesError, match=words):
        call(Tensor(V))


def test_the_cross_product_in_the_plane_is_a_number():
    x = Tensor(V[:2])
    y = np.cross(x, np.array([3.0, 5.0]))
    y.backward()
    assert y.data == 1 * 5 - 2 * 3
    np.testing.assert_array_equal(x.grad, [5, -3])


# ── Tensors ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_tensor_of_a_leaf_is_a_copy_of_it():
    x = Tensor(V)
    copy = Tensor(x)
    (copy * 2).sum().backward()
    assert x.grad is None
    np.testing.assert_array_equal(copy.grad, [2, 2, 2])


def test_a_constant_can_be_named():
    k = Tensor(V, requires_grad=False)
    k.name = "k"
    assert k.name == "k"
    assert "k" in str(tn.graph(np.sum(k * Tensor(V))))


def test_assignment_keeps_the_dtype():
    x = Tensor(V.astype(np.float32))
    wide = Tensor(np.array(3.0))
    y = x * 1
    y[0] = wide
    assert y.dtype == np.float32
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [0, 1, 1])
    assert wide.grad == 1
    assert wide.grad.dtype == np.float64


def test_a_large_value_that_no_rule_reads_is_kept_as_its_shape():
    x = Tensor(np.ones((100, 100)))
    y = np.sum(x * 2)
    spec = y.node.args[0]
    assert (repr(spec), spec.size) == ("Spec(float64 (100, 100))", 10_000)
    assert repr(y.node) == f"<Node {y.node.id}: sum>"
