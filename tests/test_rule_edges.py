"""Calls of rules that no sample has: one row, another axis, the wrong shape on the other side, a default left out."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor
from tinygrad_notes.errors import ShapeError
from tinygrad_notes.testing import numerical_gradient

RNG = np.random.default_rng(3)
A33, A43, B33 = RNG.standard_normal((3, 3)), RNG.standard_normal((4, 3)), RNG.standard_normal((3, 3))
C3 = RNG.standard_normal((3, 3)) + 1j * RNG.standard_normal((3, 3))
V3 = RNG.standard_normal(3)


def agrees(f, x):
    """Value and gradient on Tensors are NumPy's and the differences'."""
    parts = f(np.array(x))
    weights = np.cos(1 + np.arange(np.size(parts))).reshape(np.shape(parts))
    if np.iscomplexobj(parts):
        weights = weights + 1j * np.sin(weights)

    def cost(x):
        return np.sum(np.real(weights * f(x)))

    np.testing.assert_array_equal(np.asarray(f(Tensor(x)).data), parts)
    np.testing.assert_allclose(tn.grad(cost)(x), numerical_gradient(cost, x), rtol=1e-7, atol=1e-9)


CALLS = {
    "pinv reads the lower triangle": (lambda a: np.linalg.pinv(a, hermitian=True), A33 + 3 * np.eye(3)),
    "pinv of a complex hermitian": (lambda a: np.linalg.pinv(a, hermitian=True), C3 + 5 * np.eye(3)),
    "the sign of a complex determinant": (lambda a: np.linalg.slogdet(a)[0], C3),
    "the logarithm of a complex determinant": (lambda a: np.linalg.slogdet(a)[1], C3),
    "along the axis of one column": (lambda x: np.apply_along_axis(np.sum, 0, x), A43[:, :1]),
    "along an axis, two by two": (lambda x: np.apply_along_axis(lambda row: np.outer(row, row), -1, x), A43[:2]),
    "along an axis of one row": (lambda x: np.apply_along_axis(lambda row: row * row[0], 1, x), A43[:1]),
    "over two axes, counted from the end": (lambda x: np.apply_over_axes(np.sum, x, [-1, 0]), A43),
    "over the last axis": (lambda x: np.apply_over_axes(np.mean, x, -1), A43),
    "vecdot along the first axis": (lambda x: np.linalg.vecdot(x, A43 + 1, axis=0), A43),
    "vecdot along the middle axis": (
        lambda x: np.linalg.vecdot(x, np.ones((2, 3, 2)), axis=1),
        RNG.standard_normal((2, 3, 2)),
    ),
    "tiny imaginary parts": (lambda x: np.real_if_close(x + 1e-20j), V3),
    "no tiny imaginary parts": (lambda x: np.real_if_close(x + 1e-3j), V3),
    "some tiny imaginary parts": (lambda x: np.real_if_close(x + np.array([1e-3j, 0, 0])), V3),
    "a tolerance of real_if_close": (lambda x: np.real_if_close(x + 1e-3j, tol=0.01), V3),
    "negative whole exponents": (lambda x: np.emath.power(x, np.array([-1, -2, -3])), np.abs(V3) + 0.5),
    "whole exponents of negative numbers": (lambda x: np.emath.power(x, np.array([1, 2, 3])), -np.abs(V3) - 0.5),
    "a negative fraction as exponent": (lambda x: np.emath.power(x, -0.5), np.abs(V3) + 0.5),
    "running sums without a start": (lambda x: np.cumulative_sum(x, axis=0), A43),
    "running sums with one": (lambda x: np.cumulative_sum(x, axis=0, include_initial=True), A43),
    "running products without a start": (lambda x: np.cumulative_prod(x), V3),
    "split of a vector": (lambda x: np.hsplit(x, 3)[1], np.arange(6.0)),
    "split of a matrix": (lambda x: np.hsplit(x, 3)[1], A43),
    "split of a cube": (lambda x: np.hsplit(x, 2)[1], RNG.standard_normal((2, 4, 2))),
    "a sum of one number": (np.add.reduce, np.float64(2.0)),
    "a product over a vector": (np.multiply.reduce, V3),
    "a maximum over everything": (lambda x: np.maximum.reduce(x, axis=None), A43),
    "a power over a vector": (lambda x: np.power.reduce(x), np.array([1.5, 2.0, 0.7])),
    "sinc near 0, near n and far": (np.sinc, np.array([1e-9, 0.3, 0.6, 1.0, 2.5, 7.7])),
    "the slope of sinc": (tn.elementwise_grad(np.sinc), np.array([1e-9, 0.3, 0.9, 1.0, 2.5])),
    "the default of compress": (lambda x: np.compress([True, False, True, False, True], x), A43),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls_at_the_edge(name):
    agrees(*CALLS[name])


@pytest.mark.parametrize("wrap", [None, False, True])
def test_a_diagonal_of_a_tall_matrix(wrap):
    options = {} if wrap is None else {"wrap": wrap}

    def filled(x):
        y = x * 1.0
        np.fill_diagonal(y, 7.0, **options)
        return y

    tall = np.arange(21.0).reshape(7, 3) + 1
    np.testing.assert_array_equal(filled(Tensor(tall)).data, filled(tall))
    gradient = tn.grad(lambda x: np.sum(filled(x)))(tall)
    np.testing.assert_array_equal(gradient, (filled(tall) == tall).astype(float))


@pytest.mark.parametrize("shapes", [((2, 2), (3,)), ((3,), (2, 2)), ((), (3,)), ((3,), ())])
def test_an_outer_product_is_of_two_vectors(shapes):
    a, b = (np.ones(shape) for shape in shapes)
    for pair in ((Tensor(a), b), (a, Tensor(b))):
        with pytest.raises(ShapeError):
            np.linalg.outer(*pair)
    assert np.linalg.outer(Tensor(np.ones(2)), np.ones(3)).shape == (2, 3)


def test_choose_wants_whole_numbers_and_takes_the_right_one():
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(tn.grad(lambda x: np.sum(np.choose([1, 0], x)))(x), [[0, 1], [1, 0]])
    np.testing.assert_array_equal(tn.grad(lambda x: np.sum(np.choose(1, x)))(x), [[0, 0], [1, 1]])
    with pytest.raises(TypeError, match="whole numbers"):
        np.choose(Tensor([0.5, 1.0]), [Tensor(1.0), 2.0])


@pytest.mark.parametrize("op", ["+", "-", "*", "/", "**", "@", "%", "//"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_operators_both_ways_round(op, dtype):
    """Gradients of a∘b with the Tensor left, right, and on both sides: the graph keeps what each rule reads."""
    f = eval(f"lambda a, b: a {op} b")
    a, b = np.array([[1.5, 2.5], [0.5, 3.25]], dtype), np.array([[2.0, 0.75], [1.25, 2.0]], dtype)
    tolerance = {"rtol": 1e-7, "atol": 1e-9} if dtype == np.float64 else {"rtol": 1e-5, "atol": 1e-5}
    for argnums in (0, 1):
        cost = lambda a, b: np.sum(f(a, b))
        found = tn.grad(cost, argnums=argnums)(a, b)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, numerical_gradient(cost, a, b, argnums=argnums), **tolerance)
    both = tn.grad(lambda a, b: np.sum(f(a, b)), argnums=(0, 1))(a, b)
    for k in (0, 1):
        np.testing.assert_array_equal(both[k], tn.grad(lambda a, b: np.sum(f(a, b)), argnums=k)(a, b))
    if op != "@":
        for left, right in ((Tensor(dtype(1.5)), 2.0), (2.0, Tensor(dtype(1.5)))):
            y = f(left, right)
            assert type(y.data) in (dtype, np.float64)
            assert y.shape == ()
            y.backward()
            t = left if isinstance(left, Tensor) else right
            cost = (lambda t: f(t, 2.0)) if t is left else (lambda t: f(2.0, t))
            np.testing.assert_allclose(t.grad, numerical_gradient(cost, 1.5), **tolerance)


def test_every_nan_of_unique_values_is_its_own():
    x = np.array([np.nan, 2.0, np.nan, 1.0, 2.0])
    np.testing.assert_array_equal(np.unique_values(Tensor(x)).data, np.unique_values(x))
    gradient = tn.grad(lambda x: np.nansum(np.unique_values(x) * np.arange(4.0)))(x)
    assert gradient[3] + gradient[1] + gradient[4] > 0


def test_choosing_among_what_is_no_number():
    with pytest.raises(TypeError, match="None is no number to choose"):
        np.select([np.array([True])], [Tensor([1.0])], default=None)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_factors_of_empty_matrices(shape):
    for dtype in (float, complex):
        a = np.zeros(shape, dtype)
        for f in (
            lambda a: np.linalg.svd(a, full_matrices=False)[1],
            lambda a: np.linalg.svd(a, full_matrices=False)[0],
        ):
            assert tn.grad(lambda a, f=f: np.sum(np.abs(f(a)) ** 2))(a).shape == shape


def test_several_results_in_forward_mode():
    direction = np.array([[0.5, -0.25], [0.75, 1.0]])
    a = np.array([[2.0, 1.0], [1.0, 3.0]])
    for f in (lambda a: np.linalg.slogdet(a)[1], lambda a: np.linalg.eigh(a)[0][1], lambda a: np.linalg.svd(a)[1][0]):
        _, slope = tn.jvp(f, (a,), (direction,))
        np.testing.assert_allclose(slope, np.sum(tn.grad(f)(a) * direction))
        _, second = tn.jvp(tn.grad(f), (a,), (direction,))
        np.testing.assert_allclose(second, np.reshape(tn.hvp(f, (a,), (direction,)), (2, 2)), rtol=1e-8, atol=1e-10)


def test_subclasses_of_arrays_beside_a_Tensor_are_plain_arrays():
    class Named(np.ndarray):
        pass

    for y in (Tensor(np.ones(2)) + np.ones(2).view(Named), np.ones(2).view(Named) * Tensor(np.ones(2))):
        assert type(y.data) is np.ndarray
    assert type((Tensor(np.float32(1)) + np.float32(2)).data) is np.float32


def test_operators_name_both_operands_in_their_errors():
    a, b = Tensor(np.ones(2)), Tensor(np.ones(3))
    for f in (lambda: a + b, lambda: a + np.ones(3), lambda: np.ones(2) + b, lambda: [1.0, 2.0] - b):
        with pytest.raises(ShapeError, match=r"\(2,\).*\(3,\)"):
            f()
