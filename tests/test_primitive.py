"""Rules of the user's own, and recomputation."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor, errors

RNG = np.random.default_rng(5)


@tn.primitive("y = x³:  dy/dx = 3x²", lambda g, _y, x: g * 3 * x**2, elementwise=True)
def cube(x):
    return x**3


@tn.primitive("y = A x:  g xᵀ, Aᵀ g", lambda g, _y, _A, x: g[:, None] * x, lambda g, _y, A, _x: A.T @ g, linear="each")
def apply_matrix(A, x):
    return A @ x


def test_a_primitive_is_differentiable_at_every_order():
    x = np.array([1.0, -2.0])
    np.testing.assert_allclose(cube(x), x**3)
    np.testing.assert_allclose(tn.elementwise_grad(cube)(x), 3 * x**2)
    np.testing.assert_allclose(tn.elementwise_grad(tn.elementwise_grad(cube))(x), 6 * x)
    np.testing.assert_allclose(tn.jvp(cube, (x,), (x,))[1], 3 * x**3)
    A, v = RNG.standard_normal((3, 2)), RNG.standard_normal(2)
    np.testing.assert_allclose(tn.jacobian(apply_matrix, argnums=1)(A, v), A)
    np.testing.assert_allclose(tn.grad(lambda A: apply_matrix(A, v).sum())(A), np.tile(v, (3, 1)))


def test_a_rule_of_wrong_shape_is_named():
    @tn.primitive("wrong", lambda g, _y, _x: np.tile(g, (7, 7))[:, :7])
    def broken(x):
        return x * 2

    with pytest.raises(errors.ShapeError, match=r"rule of broken returned a gradient of shape \(7, 7\)"):
        broken(Tensor([1.0, 2.0])).backward(gradient=np.ones(2))


def test_signatures_are_checked_on_entry():
    with pytest.raises(errors.BadInputError, match="takes g, y and"):
        tn.primitive("y", lambda g, _x: g)(lambda x: x)
    with pytest.raises(errors.BadInputError, match="at least one vjp"):
        tn.primitive("y")(lambda x: x)
    with pytest.raises(errors.BadInputError, match="has 1 arguments, 2 vjps"):
        tn.primitive("y", lambda g, _y, _a, _b: g, lambda g, _y, _a, _b: g)(lambda x: x)


def layer(p, x):
    return np.tanh(p["W"] @ x) * p["b"]


def test_checkpoint_changes_nothing_but_memory():
    p = {"W": RNG.standard_normal((3, 4)), "b": RNG.standard_normal(3)}
    x = RNG.standard_normal(4)
    recomputed = tn.checkpoint(layer)
    for f in (layer, recomputed):
        np.testing.assert_array_equal(f(p, x), layer(p, x))

    def cost(f):
        return lambda p, x: np.sum(f(p, x) ** 2)

    plain, again = tn.grad(cost(layer), (0, 1))(p, x), tn.grad(cost(recomputed), (0, 1))(p, x)
    np.testing.assert_array_equal(again[0]["W"], plain[0]["W"])
    np.testing.assert_array_equal(again[1], plain[1])
    np.testing.assert_allclose(
        tn.hessian(lambda x: cost(recomputed)(p, x))(x), tn.hessian(lambda x: cost(layer)(p, x))(x), rtol=1e-12
    )
    tangents = [tn.jvp(lambda x, f=f: f(p, x), (x,), (x,))[1] for f in (layer, recomputed)]
    np.testing.assert_allclose(tangents[1], tangents[0], rtol=1e-12)


def test_checkpoint_runs_the_function_twice_and_keeps_no_intermediates():
    runs = []

    def f(x):
        runs.append(1)
        return np.exp(np.tanh(x)) * np.sin(x)

    x = Tensor(RNG.standard_normal(2000))
    y = tn.checkpoint(f)(x)
    nodes, waiting = set(), [y.node]
    while waiting:
        node = waiting.pop()
        nodes.add(node)
        waiting += [p for p in node.parents if p not in nodes]
    assert len(nodes) == 3  # x, its bundle, the checkpoint: nothing of exp, tanh, sin
    np.sum(y).backward()
    assert len(runs) == 2


def test_checkpoint_refuses_to_lose_a_gradient():
    w = Tensor(2.0)
    with pytest.raises(errors.LeavesGraphError, match="pass it in"):
        tn.checkpoint(lambda x: x * w)(Tensor(1.0))
