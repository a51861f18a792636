"""Every failure that fuzzing the engine has found, as a small program: none may come back."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fuzz.judges import check

import tinygrad_notes as tn

pytest.importorskip("scipy")

from scipy import special

from tinygrad_notes.nn.functions import xlogy
from tinygrad_notes.rules.elementwise import clip
from tinygrad_notes.rules.special import solve_sylvester

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


A = np.array([0.7, -1.3, 0.4])
M = np.array([[0.7, -1.3], [-0.2, 0.9], [0.3, 1.2]])
POSITIVE = np.array([[0.7, 1.3, 0.4], [0.9, 1.7, 0.6]])
REAL, COMPLEX = np.array([[2.3, -0.4], [0.3, 2.0]]), np.array([[1.9, -0.4 + 0.1j], [0.4, 2.1]])


def _row_assigned(a: Any, v: Any) -> Any:
    a = a * 1.0
    a[1] = v
    return (a,)


def _nothing_assigned(a: Any, v: Any) -> Any:
    a = a * 1.0
    a[0, 1:-2:-1] = v
    a[0, 2:] = v
    return (a,)


def _nothing_put(a: Any) -> Any:
    a = a * 1.0
    np.put(a, [0, 1], [])
    np.fill_diagonal(a, [])
    return (a,)


FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "a vector beside a constant matrix, in forward mode": (lambda a: (np.ones((2, 3)) * a,), (A,)),
    "a vector less than a constant column, in forward mode": (lambda a: (np.arctan2(a, np.ones((2, 1))),), (A,)),
    "outer of a constant and a vector": (lambda a: (np.add.outer(np.array([1.0, 2.0]), a),), (A,)),
    "a Sylvester equation with real and complex matrices": (
        lambda b, q: (solve_sylvester(REAL, b, q), solve_sylvester(b, REAL, q)),
        (COMPLEX, M[:2]),
    ),
    "assigning a value with more axes than its place": (_row_assigned, (M, A[None, None, :2])),
    "assigning a value of size 1 to no place": (_nothing_assigned, (M, A[None, :1])),
    "several values inserted at one place": (lambda a, b: (np.insert(a, 1, b),), (A, A[:2] * 2)),
    "one number repeated along its only axis": (lambda a: (np.repeat(a, 3, axis=0), np.repeat(a, 0, axis=-1)), (A[0],)),
    "a reduction over all axes, in any order": (lambda a: (np.logaddexp.reduce(a, axis=None),), (POSITIVE,)),
    "a reduction over some axes": (lambda a: (np.hypot.reduce(a, axis=(1, 0), keepdims=True),), (POSITIVE,)),
    "a reduction of one number": (lambda a: (np.divide.reduce(a), np.fmin.reduce(a, axis=None)), (A[0],)),
    "a reduction of single, negative entries": (lambda a: (np.hypot.reduce(a, axis=0),), (-np.abs(A[None]),)),
    "segments of a single entry": (lambda a: (np.hypot.reduceat(a, [0, 1, 2]),), (A,)),
    "a real polynomial by a longer complex one": (lambda u, v: np.polydiv(u, v), (A[:1], np.array([4.0 + 1j, 3.0]))),
    "slopes over steps of a wider dtype": (lambda f, x: (np.gradient(f, x),), (A + 0j, np.array([0.0, 1.0, 3.0]))),
    "a system with one unknown as a matrix": (lambda a, b: (np.linalg.tensorsolve(a, b),), (A[None, :1], A[None, 1:2])),
    "a system without unknowns": (lambda a: (np.linalg.tensorsolve(a, a),), (A[:0],)),
    "pieces chosen by rows": (
        lambda a: (np.piecewise(a, [np.array([True, False, True])], [np.sin, 2.0]),),
        (np.array([[0.6, 1.2, -0.2], [0.4, -0.6, -0.9], [0.1, 0.9, -1.2]]),),
    ),
    "the least of one number, an initial value and an axis": (lambda a: (np.min(a, axis=0, initial=0.5),), (A[1],)),
    "nothing, over and over": (lambda a: (np.resize(a, (3,)),), (A[:0],)),
    "the pseudo-inverse of nothing": (lambda a: (np.linalg.pinv(a, hermitian=True),), (M[:0],)),
    "a product of polynomials with zeros in front": (lambda a: (np.polymul(np.array([0.0, 0.0, 2.0, 1.0]), a),), (A,)),
    "a product with the polynomial 0": (lambda a: (np.polymul(a[:0], a) + a[0],), (A,)),
    "no differences": (lambda a: (np.diff(a, 0),), (A[0],)),
    "medians of nothing": (lambda a: (np.median(a, axis=0),), (np.zeros((2, 0)),)),
    "nothing put": (_nothing_put, (M,)),
    "a power whose exponent is 0": (np.power, (np.array([2.7, 0.5, 1.5]), np.array([0.0, -1.0, 1.0]))),
    "least squares of narrow and wide numbers": (
        lambda b: np.linalg.lstsq(np.float32([[1.4], [0.4], [-0.1]]), b)[::3],
        (A,),
    ),
    "eigenvectors of nothing": (lambda a: (np.linalg.eig(a)[1],), (np.zeros((0, 0), complex),)),
    "a running quotient of nothing": (lambda a: (np.divide.accumulate(a),), (A[:0],)),
    "a running power in double precision": (lambda a: (np.float_power.accumulate(a),), (np.float32([0.5]),)),
    "a column divided by a longer polynomial": (lambda u: np.polydiv(u, np.array([4.0, 3.0, 0.5])), (A[:1, None],)),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_all_judges_agree(name: str) -> None:
    f, args = FUNCTIONS[name]
    check(lambda *point: f(*point) if isinstance(f(*point), tuple) else (f(*point),), *args)


def test_a_polynomial_with_pairs_of_complex_zeros_is_real() -> None:
    """NumPy drops the imaginary parts, which are zero; the gradient is that of the real parts."""
    zeros = np.array([1 + 2j, 1 - 2j])
    p, pullback = tn.vjp(np.poly, zeros)
    assert p.dtype == np.poly(zeros).dtype == np.float64
    assert np.allclose(p, [1, -2, 5])
    (g,) = pullback(np.array([0.0, 3.0, 10.0]))
    assert np.allclose(g, [-3 + 10 * (1 + 2j), -3 + 10 * (1 - 2j)])


def test_a_python_number_beside_a_narrow_array_does_not_widen_it() -> None:
    """As in NumPy: in our own functions too, on arrays and on Tensors."""
    x = np.array([-2.0, 0.2, 3.0], np.float16)
    for value in (x, tn.Tensor(x)):
        assert clip(value, -0.5, 0.7).dtype == np.float16
        assert xlogy(2.0, value).dtype == np.float16
        assert xlogy(value, 2).dtype == np.float16
    assert tn.nn.sigmoid(0.0).dtype == np.float64


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.2.0", reason="trim_zeros takes an axis from NumPy 2.2 on")
def test_nothing_is_left_of_zeros() -> None:
    for trim in ("f", "b", "fb"):
        zeros = np.zeros((1, 2))
        assert np.trim_zeros(tn.Tensor(zeros), trim, axis=-1).shape == np.trim_zeros(zeros, trim, axis=-1).shape


def test_the_three_arguments_of_clip_share_one_slope() -> None:
    """Wherever they tie: what moves all three moves the result as much."""
    points = itertools.product((1.0, 2.0, 3.0), repeat=3)
    for point in points:
        y, pullback = tn.vjp(np.clip, *point)
        assert y == np.clip(*point)
        assert sum(pullback(1.0)) == 1.0, point
    assert tn.grad(lambda x: np.clip(x, x, x))(0.5) == 1.0


@pytest.mark.parametrize("shape", [(0, 2), (2, 0), (0, 0)])
@pytest.mark.parametrize("order", [2, 1, np.inf])
def test_the_largest_of_no_singular_values_or_sums_is_0(order: Any, shape: tuple[int, int]) -> None:
    empty = np.zeros(shape)
    try:
        np.linalg.matrix_norm(empty, ord=order)
    except ValueError:  # NumPy before 2.3: there is no value to compare with
        assert tn.grad(lambda x: np.linalg.matrix_norm(x, ord=order))(empty).shape == shape
        return
    check(lambda x: (np.linalg.matrix_norm(x, ord=order),), empty)


def test_tensorsolve_without_axes_beyond_the_right_side() -> None:
    check(lambda x: (np.linalg.tensorsolve(np.array([-1.0]), x),), np.array([[-1.0]]))


def test_polydiv_divides_in_the_divisors_own_precision() -> None:
    check(lambda x: (np.polydiv(x, np.array([2.0648026], "f4"))[1],), np.array([2.0 + 0j, 4.0 + 0j]))


def test_cumprod_of_a_number_along_its_axis() -> None:
    check(lambda x: (np.cumprod(x, axis=0),), np.float64(0.0))


def test_xlog1py_keeps_its_digits_beside_another_entry_at_minus_1() -> None:
    x, y = np.array([0.0, 2.0]), np.array([-1.0, 1e-12])
    slopes, _ = tn.vjp(special.xlog1py, x, y)[1](np.ones(2))
    assert slopes[1] == np.log1p(1e-12)


def test_trapezoid_over_a_grid_with_more_axes() -> None:
    check(lambda y: (np.trapezoid(y, np.array([[-1.0, 0.0, 2.0], [0.0, 1.0, 1.5]])),), X)
    check(lambda y: (np.trapezoid(y, np.array([[-1.0 - 0j]])),), np.array([1 + 0j]))


@pytest.mark.parametrize("shape", [(1, 0, 1), (0, 0, 1)])
def test_take_of_an_empty_array_takes_any_index(shape: tuple[int, ...]) -> None:
    check(lambda x: (np.take(x, [[0, 3], [3, 3]], -1),), np.zeros(shape))


def test_covariance_of_no_variables_leaves_the_others_unread() -> None:
    check(lambda x: (np.corrcoef(x, np.float64(2.0)), np.cov(x, X)), np.zeros((0, 2)))


def test_the_weights_of_an_average_are_summed_in_the_dtype_of_both() -> None:
    w = np.array([1.6, 2.7, 2.4, 1.4], "f4")
    check(lambda x: np.average(x, axis=1, weights=w, returned=True), np.array([[0.1, 1.5, 0.5, -1.1]]))
    check(lambda x: np.average(x, returned=True), np.array([0.1, 1.5], "f4"))
    check(lambda x: np.average(x, 0, returned=True), np.ones((2, 3), "f4"))


def test_a_complex_power_of_a_negative_number() -> None:
    base, z = np.array([2.0, -2.0]), np.array([2 + 0j, 2 + 1j])
    check(lambda z: (np.power.outer(base, z), base**z), z)
    check(lambda a: (np.power(a, z),), base)
    check(lambda z: (np.float32(-1.5) ** z,), z.astype("c8"))


@pytest.mark.parametrize("product", [np.prod, lambda x: np.cumprod(x)[-1]])
def test_second_derivatives_of_a_product_with_a_small_factor(product: Callable[..., Any]) -> None:
    """They were the difference of two numbers of size 1/x: tanh's 0.6 beside them was lost."""
    x = np.float64(-1.4e-16)

    def program(x: Any) -> Any:
        return product(x) + np.tanh(np.cos(np.cos(x)))

    slope = np.sin(1) / np.cosh(np.cos(1)) ** 2
    assert tn.hessian(program)(x) == pytest.approx(slope, rel=1e-12)
    assert tn.grad(tn.grad(program))(x) == pytest.approx(slope, rel=1e-12)
    assert tn.hessian(product)(np.array([1e-12, 2.0, 3.0])).tolist() == [[0, 3, 2], [3, 0, 1e-12], [2, 1e-12, 0]]


def test_interp_at_a_last_knot_that_is_there_twice() -> None:
    check(lambda y: (np.interp(np.array([0.0, -1.0, 1.0]), np.array([-0.0, 0.0]), y),), np.array([1.0, 2.0]))
    assert tn.vjp(lambda x: np.interp(x, [0.0, 0.5, 0.5], [1.0, 2.0, 4.0]), np.array([0.25, 0.5, 0.6]))[0].tolist() == [
        1.5,
        4,
        4,
    ]


def test_a_power_below_the_branch_cut_stays_below() -> None:
    base = np.array([complex(-2.0, -0.0), complex(-2.0, 0.0)])
    slopes = tn.jvp(lambda b: base**b, (np.array([1.5, 1.5]),), (np.ones(2),))[1]
    np.testing.assert_allclose(slopes, base**1.5 * np.log(base), rtol=1e-14)
