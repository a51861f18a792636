"""Functions of functions: nested, at any order, over containers, with the errors that say what was wrong."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import pytest
from oracles import derivative_along, jacobian_by_differences

import tinygrad_notes as tn
from tinygrad_notes import Tensor, elementwise_grad, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from tinygrad_notes.errors import BadInputError, DTypeError, NotScalarError, ShapeError

X = np.array([0.3, -0.7, 1.1])
T = np.array([0.5, 1.5, -0.25])


def derivative(f: Any) -> Any:
    """Forward mode as a function of one number."""
    return lambda x: jvp(f, (x,), (1.0,))[1]


# ── perturbation confusion: which x is it? ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("outer", [grad, derivative])
@pytest.mark.parametrize("inner", [grad, derivative])
def test_an_inner_derivative_does_not_see_the_outer_variable(inner: Any, outer: Any) -> None:
    assert outer(lambda x: x * inner(lambda y: x + y)(1.0))(1.0) == 1.0
    assert outer(lambda x: x * inner(lambda y: x * y)(2.0))(3.0) == 6.0
    assert outer(lambda x: x * inner(lambda _y: x)(2.0))(3.0) == 0.0
    assert outer(lambda x: inner(lambda y: y * y * x)(x))(3.0) == 12.0
    assert outer(lambda x: inner(lambda y: x * x * y)(1.0) + inner(lambda y: y**3)(x))(2.0) == 16.0


@pytest.mark.parametrize("first", [grad, derivative])
@pytest.mark.parametrize("second", [grad, derivative])
@pytest.mark.parametrize("third", [grad, derivative])
def test_three_deep(first: Any, second: Any, third: Any) -> None:
    def f(x: Any) -> Any:
        return x * second(lambda y: x * y * third(lambda z: x * y * z)(y))(x)

    # third: x y; then x y · x y = x² y², whose derivative at y = x is 2x³; times x: 2x⁴
    assert first(f)(1.5) == pytest.approx(8 * 1.5**3, rel=1e-14)


@pytest.mark.parametrize("first", [grad, derivative])
@pytest.mark.parametrize("second", [grad, derivative])
def test_a_function_that_returns_a_function(first: Any, second: Any) -> None:
    """Siskind and Pearlmutter's higher-order trap: d/dx of the shift operator, applied twice."""
    h = 0.3

    def shifted(u: Any) -> Any:
        return lambda g: lambda x: g(x + u)

    twice = first(lambda u: shifted(u)(shifted(u)(lambda x: x**3))(h))(0.0)
    assert twice == pytest.approx(2 * 3 * h**2)
    assert first(lambda u: second(shifted(u)(np.sin))(h))(0.0) == pytest.approx(-np.sin(h))


def test_mixed_partials_by_nesting() -> None:
    def f(x: Any, y: Any) -> Any:
        return np.sin(x * y) * x

    xy = grad(lambda x: grad(lambda y: f(x, y))(0.7))(1.3)
    yx = grad(lambda y: grad(lambda x: f(x, y))(1.3))(0.7)
    assert xy == pytest.approx(yx, rel=1e-14)


def test_an_inner_result_that_does_not_depend_on_the_outer_variable_is_an_array() -> None:
    seen = []

    def f(x: Any) -> Any:
        inner = grad(lambda y: y**3)(2.0)
        seen.append(type(inner))
        return x * inner

    assert grad(f)(1.0) == 12.0
    assert seen == [np.float64]


def test_a_tensor_closed_over_gets_its_gradient_through_a_transform() -> None:
    w = Tensor(3.0)
    slope = grad(lambda x: w * x * x)(2.0)
    assert isinstance(slope, Tensor)
    slope.backward()
    assert w.grad == 4.0
    y, y_dot = jvp(lambda x: w * x * x, (2.0,), (1.0,))
    (y + y_dot).backward()
    assert w.grad == 4.0 + 4.0
    value, pullback = vjp(lambda x: w * x * x, 2.0)
    pullback(1.0)[0].backward()
    assert w.grad == 4.0
    value.backward()
    assert w.grad == 4.0


def test_a_tensor_passed_in_stays_part_of_the_users_graph() -> None:
    x = Tensor(2.0)
    dx = grad(lambda t: t**3)(x)
    assert isinstance(dx, Tensor)
    dx.backward()
    assert x.grad == 12.0
    value, g = value_and_grad(lambda t: t**3)(x)
    (value * g).backward()
    assert x.grad == 15 * 2.0**4
    constant = Tensor(2.0, requires_grad=False)
    assert grad(lambda t: t**3)(constant) == 12.0


def test_the_same_tensor_inside_and_closed_over() -> None:
    x = Tensor(2.0)
    g = grad(lambda t: t * x * x)(x)
    assert g.item() == 4.0
    g.backward()
    assert x.grad == 4.0


def test_grad_of_a_function_that_calls_backward() -> None:
    """The two styles in one program: an inner J.backward() does not disturb an outer grad."""

    def f(x: Any) -> Any:
        w = Tensor(5.0)
        (w * w).backward()
        return x * x * w.grad

    assert grad(f)(3.0) == 60.0


# ── orders ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("modes", ["rrrrr", "fffff", "rfrfr", "ffrrf", "rrfff"])
def test_five_derivatives(modes: str) -> None:
    def nth(f: Any, n: int) -> Any:
        for mode in modes[:n]:
            f = grad(f) if mode == "r" else derivative(f)
        return f

    x = 0.7
    powers = [x**6, 6 * x**5, 30 * x**4, 120 * x**3, 360 * x**2, 720 * x]
    sines = [np.sin(x), np.cos(x), -np.sin(x), -np.cos(x), np.sin(x), np.cos(x)]
    for n in range(1, 6):
        assert nth(lambda t: t**6, n)(x) == pytest.approx(powers[n], rel=1e-13)
        assert nth(np.sin, n)(x) == pytest.approx(sines[n], rel=1e-13)
        assert nth(lambda t: np.exp(2 * t), n)(x) == pytest.approx(2**n * np.exp(2 * x), rel=1e-12)
        assert nth(lambda t: np.log(t), n)(x) == pytest.approx(
            (-1) ** (n - 1) * [1, 1, 2, 6, 24][n - 1] / x**n, rel=1e-12
        )


def test_five_derivatives_of_tanh_in_arrays() -> None:
    f = np.tanh
    for _ in range(5):
        f = elementwise_grad(f)
    t = np.tanh(X)
    s = 1 - t * t
    expected = s * (16 * s**2 - 88 * s * t**2 + 16 * t**4)
    assert np.allclose(f(X), expected, rtol=1e-12)


# ── what goes in and comes out ───────────────────────────────────────────────────────────────────────────────────


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclasses.dataclass
class Layer:
    W: Any
    b: Any
    units: int = 3
    activation: Any = np.tanh


@dataclasses.dataclass(frozen=True)
class Net:
    layers: tuple[Layer, ...]
    scale: float


def nested() -> dict[str, Any]:
    return {
        "pair": Pair(np.array([1.0, 2.0]), [np.float32(3.0), (4.0, 5)]),
        "net": Net((Layer(np.ones((2, 2)), np.zeros((2, 1), np.float32)), Layer(np.ones((1, 2)), 0.5)), 2.0),
    }


def of_nested(p: Any) -> Any:
    net = p["net"]
    A = np.array([[1.0], [0.5]])
    for layer in net.layers:
        A = layer.activation(layer.W @ A + layer.b)
        assert type(layer.units) is int
    left, (a, (b, c)) = p["pair"]
    return net.scale * np.sum(A) + np.sum(left * left) * a + b * c


def test_containers_as_arguments() -> None:
    value, g = value_and_grad(of_nested)(nested())
    assert type(value) is np.float64
    assert type(g["pair"]) is Pair
    assert type(g["net"]) is Net
    assert type(g["net"].layers[1]) is Layer
    assert g["net"].layers[0].units == 3
    assert g["net"].layers[0].activation is np.tanh
    assert g["pair"].left.tolist() == [6.0, 12.0]
    assert g["pair"].right[0] == 5.0
    assert g["pair"].right[0].dtype == np.float32
    assert g["pair"].right[1] == (5.0, 4.0)
    assert g["net"].layers[0].b.dtype == np.float32
    assert g["net"].layers[0].b.shape == (2, 1)
    h = 1e-6
    up, down = nested(), nested()
    up["net"].layers[1].b = 0.5 + h
    down["net"].layers[1].b = 0.5 - h
    numerical = (of_nested(up) - of_nested(down)) / (2 * h)
    assert g["net"].layers[1].b == pytest.approx(numerical, rel=1e-7)


def test_containers_as_results() -> None:
    def f(x: Any, y: Any) -> Any:
        return {"product": x * y, "both": (np.sin(x), Pair(y, 2.0 * x))}

    y, pullback = vjp(f, 2.0, 3.0)
    assert type(y["both"][1]) is Pair
    assert y["product"] == 6.0
    dx, dy = pullback({"product": 1.0, "both": (10.0, Pair(100.0, 1000.0))})
    assert dx == pytest.approx(3.0 + 10.0 * np.cos(2.0) + 2000.0)
    assert dy == 102.0
    _, y_dot = jvp(f, (2.0, 3.0), (1.0, 10.0))
    assert y_dot["product"] == 23.0
    assert y_dot["both"][1] == Pair(10.0, 2.0)
    J = jacobian(lambda p: {"s": p["a"] * p["b"]})({"a": np.array([1.0, 2.0]), "b": np.float64(3.0)})
    assert J["s"]["a"].tolist() == [[3.0, 0.0], [0.0, 3.0]]
    assert J["s"]["b"].tolist() == [1.0, 2.0]


def test_results_that_do_not_depend_on_the_input() -> None:
    y, pullback = vjp(lambda x: (x * 2, 7.0, np.arange(3.0)), 1.0)
    assert y[1] == 7.0
    assert pullback((1.0, 5.0, np.ones(3)))[0] == 2.0
    _, y_dot = jvp(lambda x: (x * 2, 7.0, np.arange(3.0)), (1.0,), (1.0,))
    assert y_dot[0] == 2.0
    assert y_dot[1] == 0.0
    assert y_dot[2].tolist() == [0.0, 0.0, 0.0]
    assert grad(lambda _x: 3.0)(2.0) == 0.0
    assert grad(lambda _x: np.float64(3.0))(np.ones(2)).tolist() == [0.0, 0.0]
    assert jacobian(lambda _x: np.ones(2))(X).tolist() == [[0.0] * 3] * 2


def test_a_result_that_is_the_input() -> None:
    assert grad(lambda x: x)(2.0) == 1.0
    _, pullback = vjp(lambda x: (x, x, x * 2), X)
    assert pullback((T, T, T))[0].tolist() == (4 * T).tolist()
    assert jvp(lambda x: (x, x), (X,), (T,))[1][1].tolist() == T.tolist()


def test_argnums() -> None:
    def f(a: Any, b: Any, c: Any, scale: float = 1.0) -> Any:
        return scale * a * b * c

    assert grad(f)(2.0, 3.0, 5.0) == 15.0
    assert grad(f, 1)(2.0, 3.0, 5.0) == 10.0
    assert grad(f, -1)(2.0, 3.0, 5.0) == 6.0
    assert grad(f, (0, 2))(2.0, 3.0, 5.0) == (15.0, 6.0)
    assert grad(f, (2, 0))(2.0, 3.0, 5.0) == (6.0, 15.0)
    assert grad(f, (1,))(2.0, 3.0, 5.0) == (10.0,)
    assert grad(f)(2.0, 3.0, 5.0, scale=10.0) == 150.0
    assert value_and_grad(f, 2)(2.0, 3.0, 5.0) == (30.0, 6.0)
    assert jacobian(f, 1)(2.0, 3.0, X).tolist() == (2 * X).tolist()
    with pytest.raises(BadInputError, match=r"argnums=3, but f\(\) was called with 3 arguments"):
        grad(f, 3)(2.0, 3.0, 5.0)


def test_arguments_that_are_not_differentiated_arrive_as_they_are() -> None:
    def f(x: Any, mode: str, index: Any, flag: bool) -> Any:
        assert type(mode) is str
        assert type(flag) is bool
        assert type(index) is np.ndarray
        return np.sum(x[index])

    assert grad(f)(X, "mode", np.array([0, 0]), True).tolist() == [2.0, 0.0, 0.0]


def test_has_aux() -> None:
    def f(w: Any) -> Any:
        A = np.tanh(w)
        return np.sum(A), {"A": A, "note": "kept"}

    (value, aux), g = value_and_grad(f, has_aux=True)(X)
    assert value == pytest.approx(np.tanh(X).sum())
    assert aux["note"] == "kept"
    assert np.allclose(g, 1 - np.tanh(X) ** 2)


def test_a_pullback_may_be_called_again() -> None:
    _, pullback = vjp(lambda x: np.sin(x) * x, X)
    expected = np.cos(X) * X + np.sin(X)
    first = pullback(np.ones(3))[0]
    assert np.allclose(first, expected)
    assert np.allclose(pullback(2 * T)[0], 2 * T * expected)
    assert np.allclose(first, expected), "an earlier result was written into"
    assert np.array_equal(pullback(np.ones(3))[0], first)


def test_a_pullback_is_linear_and_differentiable_in_its_cotangent() -> None:
    _, pullback = vjp(np.sin, X)
    assert np.allclose(grad(lambda g: np.sum(pullback(g)[0] * T))(np.ones(3)), np.cos(X) * T)


def test_integers_become_float64() -> None:
    assert grad(lambda x: x**2)(3) == 6.0
    assert type(grad(lambda x: x**2)(3)) is np.float64
    assert grad(lambda x: x[0] * x[1])([3, 2]) == [2.0, 3.0]
    assert grad(lambda x: np.sum(x * x))(np.array([1, 2])).tolist() == [2.0, 4.0]
    assert jvp(lambda x: x**2, (3,), (1,))[1] == 6.0
    assert vjp(lambda x: x**2, 3)[1](1)[0] == 6.0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtypes_are_kept(dtype: Any) -> None:
    x = X.astype(dtype)
    assert grad(lambda t: np.sum(np.sin(t)))(x).dtype == dtype
    assert jacobian(np.sin)(x).dtype == dtype
    assert hessian(lambda t: np.sum(np.sin(t)))(x).dtype == dtype
    y, y_dot = jvp(np.sin, (x,), (T,))
    assert (y.dtype, y_dot.dtype) == (dtype, dtype)
    assert hvp(lambda t: np.sum(np.sin(t)), (x,), (T,))[0].dtype == dtype


# ── jacobian, hessian, hvp against differences ───────────────────────────────────────────────────────────────────


def rosenbrock(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def field(x: Any) -> Any:
    return np.stack([x[0] * x[1], np.sin(x[2]) * x[0], np.exp(x[1] - x[2]), np.sum(x * x)])


def test_jacobian_against_differences() -> None:
    J = jacobian(field)(X)
    expected, bars = jacobian_by_differences(field, X)
    assert J.shape == (4, 3)
    assert np.all(np.abs(J - expected) <= 1e-10 + 10 * bars)


def test_jacobian_shapes() -> None:
    A = np.arange(6.0).reshape(2, 3)
    assert jacobian(lambda a: a @ X)(A).shape == (2, 2, 3)
    assert jacobian(lambda a: np.sum(a))(A).shape == (2, 3)
    assert jacobian(lambda s: s * A)(2.0).shape == (2, 3)
    assert jacobian(lambda a: a[:0])(X).shape == (0, 3)
    assert np.array_equal(jacobian(lambda a: a @ X)(A)[0, 0], X)


def test_hessian_and_hvp_against_differences() -> None:
    H = hessian(rosenbrock)(X)
    for direction in np.eye(3):
        column, bars = derivative_along(grad(rosenbrock), X, direction)
        assert np.all(np.abs(H @ direction - column) <= 1e-9 * (1 + np.abs(column)) + 10 * bars)
    assert np.allclose(H, H.T, rtol=1e-14)
    assert np.allclose(hvp(rosenbrock, (X,), (T,))[0], H @ T, rtol=1e-13)
    assert np.allclose(
        jacobian(derivative_of_gradient(rosenbrock, T))(X), jacobian(lambda x: hvp(rosenbrock, (x,), (T,))[0])(X)
    )


def derivative_of_gradient(f: Any, t: Any) -> Any:
    return lambda x: jvp(grad(f), (x,), (t,))[1]


def test_hvp_of_several_arguments() -> None:
    def f(a: Any, b: Any) -> Any:
        return np.sum(a * a * b)

    da, db = hvp(f, (X, T), (np.ones(3), np.zeros(3)))
    assert np.allclose(da, 2 * T)
    assert np.allclose(db, 2 * X)


def test_hessian_of_a_container() -> None:
    H = hessian(lambda p: p["a"] ** 2 * p["b"])({"a": 2.0, "b": 3.0})
    assert H["a"]["a"] == 6.0
    assert H["a"]["b"] == H["b"]["a"] == 4.0
    assert H["b"]["b"] == 0.0


def test_reverse_and_forward_agree_on_a_network() -> None:
    rng = np.random.default_rng(5)
    p = {"W": rng.normal(size=(4, 3)), "b": rng.normal(size=(4, 1)), "v": rng.normal(size=(1, 4))}
    t = {key: rng.normal(size=value.shape) for key, value in p.items()}
    A = rng.normal(size=(3, 6))

    def net(p: Any) -> Any:
        return p["v"] @ np.tanh(p["W"] @ A + p["b"])

    u = rng.normal(size=(1, 6))
    _, y_dot = jvp(net, (p,), (t,))
    (g,) = vjp(net, p)[1](u)
    assert np.sum(u * y_dot) == pytest.approx(sum(np.sum(g[k] * t[k]) for k in p), rel=1e-13)


# ── complex numbers: gradient = dL/dRe + i dL/dIm ────────────────────────────────────────────────────────────────


def test_complex_gradient_convention() -> None:
    z = 1.5 - 0.5j
    assert grad(lambda z: np.real(z * np.conj(z)))(z) == pytest.approx(2 * z)
    assert grad(lambda z: np.abs(z))(z) == pytest.approx(z / abs(z))
    assert grad(lambda z: np.real(z**3))(z) == pytest.approx(np.conj(3 * z**2))
    assert grad(lambda z: np.imag(z**3))(z) == pytest.approx(1j * np.conj(3 * z**2))
    assert grad(lambda z: np.real(np.exp(z)))(z).dtype == np.complex128


def test_complex_descent_goes_down() -> None:
    """The reason for the convention: z − α·gradient lowers the loss."""
    z, loss = np.array([1.0 + 2.0j, -0.5j]), lambda z: np.sum(np.abs(z * z - (3 + 4j)) ** 2)
    before = loss(z)
    for _ in range(50):
        z = z - 0.01 * grad(loss)(z)
    assert loss(z) < before / 10


def test_complex_vjp_and_jvp_of_a_holomorphic_function() -> None:
    z, g, t = 0.3 + 0.4j, 1.0 - 2.0j, 0.7 + 0.1j
    _, pullback = vjp(np.sin, z)
    assert pullback(g)[0] == pytest.approx(g * np.conj(np.cos(z)))
    assert jvp(np.sin, (z,), (t,))[1] == pytest.approx(t * np.cos(z))


def test_real_inputs_get_real_gradients_through_complex_intermediates() -> None:
    power = grad(lambda x: np.sum(np.abs(np.fft.fft(x)) ** 2))(X)
    assert power.dtype == np.float64
    assert np.allclose(power, 2 * 3 * X)  # Parseval
    assert np.allclose(hessian(lambda x: np.sum(np.abs(np.fft.fft(x)) ** 2))(X), 6 * np.eye(3))
    g = grad(lambda a: np.real((a + 2j) * (a - 1j)))(1.5)
    assert g == 3.0
    assert g.dtype == np.float64


def test_complex_second_order() -> None:
    z, t = 0.3 + 0.4j, 0.7 + 0.1j
    loss = lambda z: np.real(z**3)
    (product,) = hvp(loss, (z,), (t,))
    h = 1e-6
    numerical = (grad(loss)(z + h * t) - grad(loss)(z - h * t)) / (2 * h)
    assert product == pytest.approx(numerical, rel=1e-8)


def test_complex_against_torch() -> None:
    torch = pytest.importorskip("torch")
    z = np.array([0.3 + 0.4j, -1.2 + 0.7j])
    losses = {
        "|z|² Re": lambda m, z: (m.abs(z) ** 2 * z.real).sum(),
        "Re z³": lambda _m, z: (z**3).real.sum(),
        "|exp z|": lambda m, z: m.abs(m.exp(z)).sum(),
        "Im(z̄ sin z)": lambda m, z: (z.conj() * m.sin(z)).imag.sum(),
    }
    for name, loss in losses.items():
        theirs = torch.tensor(z, requires_grad=True)
        loss(torch, theirs).backward()
        assert np.allclose(grad(lambda z, loss=loss: loss(np, z))(z), theirs.grad.numpy(), rtol=1e-13), name


# ── errors ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_gradient_needs_one_real_number() -> None:
    def per_example(w: Any) -> Any:
        return w * 2

    with pytest.raises(NotScalarError, match=r"the gradient needs one number, per_example\(\) returned float64 \(3,\)"):
        grad(per_example)(X)
    with pytest.raises(NotScalarError, match=r"reduce it \(np.sum, np.mean\), or use tn.jacobian"):
        grad(per_example)(X)
    with pytest.raises(NotScalarError, match=r"returned a complex one; take np\.real, np\.imag or np\.abs"):
        grad(lambda z: z * 1j)(1.0 + 1j)
    with pytest.raises(NotScalarError, match="returned a tuple"):
        grad(lambda x: (x, x))(1.0)
    with pytest.raises(NotScalarError, match="returned None"):
        grad(lambda _x: None)(1.0)


def test_one_element_is_one_number() -> None:
    assert grad(lambda x: x[None, None] * 3)(2.0) == 3.0


def test_cotangents_and_tangents_are_checked() -> None:
    _, pullback = vjp(np.sin, X)
    with pytest.raises(ShapeError, match=r"the cotangent has shape \(2,\), the result \(3,\)"):
        pullback(np.ones(2))
    with pytest.raises(ShapeError, match=r"the cotangent has shape \(\), the result \(3,\)"):
        pullback(1.0)
    _, pullback = vjp(lambda x: (x, x), X)
    with pytest.raises(ShapeError, match="the cotangent's structure"):
        pullback(X)
    with pytest.raises(ShapeError, match=r"\(2,\)"):
        jvp(np.sin, (X,), (np.ones(2),))
    with pytest.raises(ShapeError, match="the tangents' structure"):
        jvp(np.sin, (X,), (X, X))


def test_what_cannot_be_differentiated_is_refused() -> None:
    for value in (True, np.array([True, False]), "text", None, object()):
        with pytest.raises((DTypeError, tn.errors.TinygradNotesError)):
            vjp(lambda x: x, value)[1](1.0)


def test_transforms_keep_a_readable_name() -> None:
    def cost(w: Any) -> Any:
        return np.sum(w)

    assert grad(cost).__name__ == "grad_of_cost"
    assert "cost()" in (hessian(cost).__doc__ or "")


def test_an_error_inside_the_function_comes_out_as_it_is() -> None:
    class Mine(Exception):
        pass

    def f(_x: Any) -> Any:
        raise Mine

    for transform in (grad, jacobian, hessian, value_and_grad, elementwise_grad):
        with pytest.raises(Mine):
            transform(f)(1.0)


def test_arguments_go_to_the_gradient_not_to_grad() -> None:
    with pytest.raises(BadInputError, match=r"tn\.grad\(f\)\(x\)"):
        tn.grad(np.sum, np.ones(3))
