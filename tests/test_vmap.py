"""vmap and the batched Jacobian against a Python loop over the examples."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import errors

RNG = np.random.default_rng(3)
X = RNG.standard_normal((5, 4))
W = RNG.standard_normal((3, 4))
M = RNG.standard_normal((5, 4, 4)) + 4 * np.eye(4)
b = RNG.standard_normal(3)

FUNCTIONS = {
    "net": lambda x: np.sum(np.tanh(W @ x + b) ** 2),
    "vector result": lambda x: np.tanh(W @ x) * b,
    "kinks": lambda x: np.sum(np.maximum(x, 0.1) * np.abs(x)),
    "where": lambda x: np.where(x > 0, x**2, -x),
    "indexing": lambda x: x[1:3] * x[0] + x[[0, 2]] * x[-1],
    "reductions": lambda x: np.mean(x) + np.var(x, axis=0) + np.max(x) + np.prod(x, axis=-1, keepdims=True),
    "shapes": lambda x: np.transpose(x.reshape(2, 2)) @ np.expand_dims(x[:2], 1),
    "concatenate": lambda x: np.concatenate([x, x[:2] * 2]).sum() * np.stack([x, x * x]).T,
    "norm": lambda x: np.linalg.norm(x) * x,
    "sort": lambda x: np.sort(x) * np.cumsum(x),
    "einsum": lambda x: np.einsum("i,j->ij", x, x),
    "outer products": lambda x: x[:, None] * x + x.T @ x,
    "quadratic form": lambda x: x @ W.T @ W @ x,
    "constant": lambda _x: np.ones(2),
    "scalar": lambda x: x[0] * 3.0,
    "nn": lambda x: tn.nn.softmax(x) * tn.nn.sigmoid(x),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_vmap_equals_the_loop(name):
    f = FUNCTIONS[name]
    np.testing.assert_allclose(tn.vmap(f)(X), np.stack([f(x) for x in X]), rtol=1e-12)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_per_example_gradients_equal_the_loop(name):
    def cost(x):
        return np.sum(np.sin(FUNCTIONS[name](x)))

    expected = np.stack([tn.grad(cost)(x) for x in X])
    np.testing.assert_allclose(tn.vmap(tn.grad(cost))(X), expected, rtol=1e-10, atol=1e-12)


SHARED = {
    "product": lambda w, x: np.sum(w @ x) ** 2,
    "elementwise": lambda w, x: np.sum((w * x) ** 2),
    "only the shared argument": lambda w, x: np.sum(w**3),
    "only the example": lambda w, x: np.sum(x**3),
}


@pytest.mark.parametrize("name", SHARED)
def test_derivatives_by_an_argument_that_all_examples_share(name):
    f, w = SHARED[name], W[0]
    for derivative in (tn.grad(f), tn.grad(f, argnums=(0, 1)), tn.hessian(f), tn.jacobian(lambda w, x: f(w, x) * w)):
        found = tn.vmap(derivative, in_axes=(None, 0))(w, X)
        expected = [derivative(w, x) for x in X]
        for k, part in enumerate(found if isinstance(found, tuple) else (found,)):
            each = [e[k] if isinstance(e, tuple) else e for e in expected]
            np.testing.assert_allclose(part, np.stack(each), rtol=1e-10, atol=1e-12)

    def tangent(w, x):
        return tn.jvp(lambda w: f(w, x), (w,), (w,))[1]

    np.testing.assert_allclose(tn.vmap(tangent, in_axes=(None, 0))(w, X), [tangent(w, x) for x in X], rtol=1e-10)


def test_derivatives_by_a_value_from_outside_the_vmap():
    def per_example(w, x):
        return np.tanh(w @ x)

    w = W[0]
    closed_over = tn.vmap(lambda x: tn.grad(lambda w: per_example(w, x))(w))(X)
    np.testing.assert_allclose(closed_over, [tn.grad(per_example)(w, x) for x in X], rtol=1e-12)

    def sum_of_norms(w):  # an outer derivative through the inner, per-example one
        return np.sum(tn.vmap(lambda x: np.sum(tn.grad(per_example)(w, x) ** 2))(X))

    looped = tn.grad(lambda w: sum(np.sum(tn.grad(per_example)(w, x) ** 2) for x in X))(w)
    np.testing.assert_allclose(tn.grad(sum_of_norms)(w), looped, rtol=1e-10)

    def of_two(x, y):
        return tn.grad(lambda w: per_example(w, x) * w @ y)(w)

    table = tn.vmap(lambda y: tn.vmap(lambda x: of_two(x, y))(X))(X[:2])
    np.testing.assert_allclose(table, [[of_two(x, y) for x in X] for y in X[:2]], rtol=1e-10)


def test_derivatives_by_a_container_that_all_examples_share():
    def loss(p, x):
        return np.sum(np.tanh(p["W"] @ x + p["b"]) ** 2)

    params = {"W": W, "b": b}
    found = tn.vmap(tn.grad(loss), in_axes=(None, 0))(params, X)
    for name in params:
        np.testing.assert_allclose(found[name], np.stack([tn.grad(loss)(params, x)[name] for x in X]), rtol=1e-10)


@pytest.mark.parametrize("name", ["net", "vector result", "indexing", "reductions", "norm", "quadratic form", "nn"])
def test_second_derivatives_and_tangents_per_example(name):
    def cost(x):
        return np.sum(FUNCTIONS[name](x) ** 2)

    np.testing.assert_allclose(tn.vmap(tn.hessian(cost))(X), np.stack([tn.hessian(cost)(x) for x in X]), rtol=1e-8)
    moved = tn.vmap(lambda x: tn.jvp(cost, (x,), (x,))[1])(X)
    np.testing.assert_allclose(moved, np.stack([tn.jvp(cost, (x,), (x,))[1] for x in X]), rtol=1e-10)


def test_gradient_through_vmap():
    def looped(W):
        return np.mean(np.stack([np.sum(np.tanh(W @ x + b)) for x in X]))

    def mapped(W):
        return np.mean(tn.vmap(lambda x: np.sum(np.tanh(W @ x + b)))(X))

    np.testing.assert_allclose(tn.grad(mapped)(W), tn.grad(looped)(W), rtol=1e-12)
    np.testing.assert_allclose(tn.hessian(mapped)(W), tn.hessian(looped)(W), rtol=1e-9, atol=1e-12)


def test_gradient_through_per_example_gradients():
    """A penalty on each example's input gradient: grad over vmap over grad, with W from the outer one."""

    def inner(W):
        return tn.grad(lambda x: np.sum(np.tanh(W @ x + b) ** 2))

    def mapped(W):
        return np.mean(tn.vmap(inner(W))(X) ** 2)

    def looped(W):
        return np.mean(np.stack([inner(W)(x) for x in X]) ** 2)

    np.testing.assert_allclose(tn.grad(mapped)(W), tn.grad(looped)(W), rtol=1e-12)


def test_axes_containers_and_nesting():
    np.testing.assert_allclose(tn.vmap(lambda x: x.sum(), in_axes=1)(X.T), X.sum(1))
    np.testing.assert_allclose(tn.vmap(lambda x: x * 2, out_axes=1)(X), 2 * X.T)
    pairs = tn.vmap(lambda p: {"s": p["a"] + p["b"]})({"a": X, "b": X})
    np.testing.assert_allclose(pairs["s"], 2 * X)
    table = tn.vmap(tn.vmap(lambda x, w: x @ w, in_axes=(0, None)), in_axes=(None, 0))(X, W)
    np.testing.assert_allclose(table, W @ X.T)
    np.testing.assert_allclose(tn.vmap(np.linalg.inv)(M), np.linalg.inv(M))
    np.testing.assert_allclose(
        tn.vmap(lambda m: np.linalg.solve(m, b[[0, 1, 2, 0]]))(M),
        np.linalg.solve(M, np.broadcast_to(b[[0, 1, 2, 0]][:, None], (5, 4, 1)))[..., 0],
    )


def test_refusals():
    with pytest.raises(errors.ShapeError, match=r"argument 0 of shape .* has 5 but argument 1"):
        tn.vmap(lambda x, y: x + y)(X, X[:3])
    with pytest.raises(errors.LeavesGraphError, match="branch"):
        tn.vmap(lambda x: x if x.sum() > 0 else -x)(X)
    with pytest.raises(errors.ShapeError, match="no axis 3"):
        tn.vmap(lambda x: x, in_axes=3)(X)
    with pytest.raises(errors.BadInputError, match="in_axes has 2 entries for 1"):
        tn.vmap(lambda x: x, in_axes=(0, 0))(X)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_jacobian_equals_one_pullback_per_row(name):
    f = FUNCTIONS[name]
    x = X[0]
    y, pullback = tn.vjp(f, x)
    rows = [pullback(e.reshape(np.shape(y)))[0] for e in np.eye(np.size(y))]
    np.testing.assert_allclose(tn.jacobian(f)(x), np.reshape(rows, np.shape(y) + x.shape), rtol=1e-12, atol=1e-14)


def test_complex_jacobians():
    z = RNG.standard_normal(3) + 1j * RNG.standard_normal(3)
    np.testing.assert_allclose(tn.jacobian(lambda z: z * z)(z), np.diag(2 * z))
    x = RNG.standard_normal(3)
    np.testing.assert_allclose(tn.jacobian(lambda x: np.exp(1j * x))(x), np.diag(1j * np.exp(1j * x)))


def test_own_primitives_with_a_tensor_from_outside():
    """tn.nn's losses are rules of ours: the batch computes, the outer Tensor records."""
    Y = np.eye(4)[[0, 1, 2, 3, 0]]

    def mapped(w):
        return np.mean(tn.vmap(lambda x, y: tn.nn.softmax_cross_entropy(w * x, y, axis=-1))(X, Y))

    def looped(w):
        costs = [tn.nn.softmax_cross_entropy(w * x, y, axis=-1) for x, y in zip(X, Y, strict=True)]
        return np.mean(np.stack(costs))

    w = RNG.standard_normal(4)
    np.testing.assert_allclose(tn.grad(mapped)(w), tn.grad(looped)(w), rtol=1e-10)


def test_a_batch_is_no_tensor():
    """A backward() inside: the way to write it instead, and ``hasattr`` says no."""

    def by_hand(x):
        w = tn.Tensor(3.0)
        J = w * x
        J.backward()
        return w.grad

    with pytest.raises(errors.LeavesGraphError, match=r"tn\.vmap\(tn\.grad\(f\)\)") as caught:
        tn.vmap(by_hand)(np.ones(3))
    assert "J.backward()" in str(caught.value)
    found = []
    tn.vmap(lambda x: (found.append(hasattr(x, "backward") or hasattr(x, "anything")), x)[1])(np.ones(3))
    assert found == [False]
    assert tn.vmap(lambda x: tn.grad(lambda w: w * x)(3.0))(np.arange(3.0)).tolist() == [0.0, 1.0, 2.0]
