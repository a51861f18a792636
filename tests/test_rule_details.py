"""Values and gradients of calls that only one branch of a rule serves; each was found by changing that branch."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor

RNG = np.random.default_rng(5)
A, B = RNG.standard_normal((4, 3)), RNG.standard_normal((4, 3))
C = RNG.standard_normal((2, 3, 3))
STEPS = np.cumsum(np.abs(RNG.standard_normal((2, 5))) + 0.1, axis=1)

CALLS = {
    "column_stack of numbers": (lambda x: np.column_stack([x[0], x[1]]), A[0]),
    "column_stack of three axes": (lambda x: np.column_stack([x, x * 2]), C),
    "vecdot along the first axis": (lambda x: np.vecdot(x, B, axis=0), A),
    "vecdot keeps its last axis": (lambda x: np.vecdot(x, B, keepdims=True), A),
    "vecdot keeps its first axis": (lambda x: np.vecdot(x, B, axis=0, keepdims=True), A),
    "linalg.vecdot along the first axis": (lambda x: np.linalg.vecdot(x, B, axis=0), A),
    "cross into the first axis": (lambda x: np.cross(x, B, axisc=0), A),
    "cross into the middle axis": (lambda x: np.cross(x, C + 1, axisc=1), C),
    "cross of columns": (lambda x: np.cross(x, B.T, axisa=0, axisb=0), A.T),
    "trapezoid over places of every row": (lambda x: np.trapezoid(x, STEPS, axis=1), RNG.standard_normal((2, 5))),
    "trapezoid over places of every column": (lambda x: np.trapezoid(x, STEPS.T, axis=0), RNG.standard_normal((5, 2))),
    "trapezoid over places": (lambda x: np.trapezoid(x, STEPS[0], axis=1), RNG.standard_normal((2, 5))),
    "multi_dot from a row to a column": (
        lambda x: np.linalg.multi_dot([x, A, B.T, np.ones(4)]),
        RNG.standard_normal(4),
    ),
    "multi_dot, wide and narrow": (lambda x: np.linalg.multi_dot([A.T, x, C[0]]), A),
    "hsplit of one axis": (lambda x: np.hsplit(x, 2)[1], RNG.standard_normal(4)),
    "hsplit of two axes": (lambda x: np.hsplit(x, [1])[0], A),
    "vsplit": (lambda x: np.vsplit(x, 2)[1], A),
    "emath.power, a number to integers": (lambda x: np.emath.power(x, np.array([-1, 2, -3])), np.abs(A[0]) + 0.5),
    "emath.power, fractions": (lambda x: np.emath.power(x, -0.5), np.abs(A[0]) + 0.5),
    "real_if_close of real numbers": (lambda x: np.real_if_close(x * 2.0), A),
    "real_if_close, small imaginary parts": (lambda x: np.real_if_close(x + 1e-16j * x), A),
    "eigvalsh reads the lower part": (lambda x: np.linalg.eigvalsh(x, "L"), np.arange(9.0).reshape(3, 3) ** 1.5),
    "eigvalsh reads the upper part": (lambda x: np.linalg.eigvalsh(x, "U"), np.arange(9.0).reshape(3, 3) ** 1.5),
    "apply_over_axes keeps axes": (lambda x: np.apply_over_axes(np.sum, x, [0, -1]), C),
    "cumulative_sum from the first": (lambda x: np.cumulative_sum(x), A[0]),
    "cumulative_sum from nothing": (lambda x: np.cumulative_sum(x, include_initial=True), A[0]),
    "sort_complex of real numbers": (lambda x: np.sort_complex(x).real, A[0]),
    "correlate, same size": (lambda x: np.correlate(x, A[0], "same"), RNG.standard_normal(6)),
    "convolve with the shorter first": (lambda x: np.convolve(x, B[:, 0], "valid"), A[0]),
}


@pytest.mark.parametrize("name", CALLS)
def test_value_and_gradient(name):
    f, x = CALLS[name]
    y = f(Tensor(x))
    assert y.shape == f(x).shape
    assert y.dtype == f(x).dtype
    np.testing.assert_allclose(y.data, f(x), rtol=1e-12, atol=1e-14)
    weights = np.cos(np.arange(y.size)).reshape(y.shape)
    found = tn.grad(lambda x: np.sum(f(x) * weights))(x)
    wanted = tn.testing.numerical_gradient(lambda x: np.sum(f(x) * weights), x)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("a", "shares"),
    [
        ([np.inf, 1.0, -np.inf], [1, 0, 0]),
        ([-np.inf, 1.0], [0, 1]),
        ([-np.inf, -np.inf], [0, 0]),
        ([1.0, 1.0], [0.5, 0.5]),
    ],
)
def test_shares_of_a_sum_of_exponentials_with_infinities(a, shares):
    special = pytest.importorskip("tinygrad_notes.special")
    np.testing.assert_allclose(tn.grad(lambda x: special.logsumexp(x))(np.array(a)), shares)


def test_numbers_stay_numbers():
    """Neither a value nor a gradient of a number is an array without axes: those cost several times as much."""
    x = Tensor(2.0)
    table = Tensor(np.arange(3.0))
    y = np.sum(table[1] * x) + np.max(table) * x**2 + np.squeeze(table[:1]) + np.where(True, x, 1.0)
    assert type(y.data) is np.float64
    y.backward()
    assert type(x.grad) is np.float64
    assert type(table[1].data) is np.float64
    assert type(np.vecdot(table, np.ones(3)).data) is np.float64
    assert type(np.linalg.det(np.outer(table, table) + np.eye(3)).data) is np.float64
    assert type(tn.grad(lambda x: x * 3.0)(2.0)) is np.float64


ENDS = [(np.nan, 2.0), (1.0, np.nan), (1.0, 1.0), (0.3, 17.7), (-3.1, -0.2), (np.array([1.0, 2.0]), 3.0), (1.0, np.inf),
        (2.0, np.array([1.0, 5.0])), (np.float32(0.3), np.float32(7.1))]  # fmt: skip


@pytest.mark.parametrize("endpoint", [True, False])
@pytest.mark.parametrize("num", [0, 1, 2, 5])
@pytest.mark.parametrize("name", ["linspace", "logspace", "geomspace"])
def test_sequences_end_where_numpys_do(name, num, endpoint):
    """To the last bit in their ends, and where an end is NaN."""
    f = getattr(np, name)
    for start, stop in ENDS:
        for axis in (0, -1):
            with np.errstate(all="ignore"):
                wanted = f(start, stop, num, endpoint=endpoint, axis=axis)
                got = f(Tensor(start), stop, num, endpoint=endpoint, axis=axis)
            assert got.dtype == wanted.dtype
            tolerance = 1e-6 if wanted.dtype == np.float32 else 1e-13
            np.testing.assert_allclose(got.data, wanted, rtol=tolerance, equal_nan=True)
            if name == "linspace":
                np.testing.assert_array_equal(got.data, wanted)


def test_the_gradient_of_a_sequence_whose_other_end_is_nan():
    jacobian = tn.jacobian(lambda a, b: np.linspace(a, b, 3), (0, 1))(np.nan, 2.0)
    np.testing.assert_allclose(jacobian[0], [1.0, 0.5, 0.0])
    np.testing.assert_allclose(jacobian[1], [0.0, 0.5, 1.0])


@pytest.mark.parametrize("f", [np.var, np.std])
def test_a_spread_around_a_given_mean(f):
    """``mean=`` is NumPy's: None is none given, and a given one has a gradient of its own."""
    x = Tensor(A)
    np.testing.assert_array_equal(f(x, axis=0, mean=None).data, f(A, axis=0))
    np.testing.assert_array_equal(f(x, mean=None, where=A > 0).data, f(A, mean=None, where=A > 0))
    centre = np.array([[0.5, -0.2, 0.1]])
    np.testing.assert_allclose(f(x, axis=0, mean=centre).data, f(A, axis=0, mean=centre))
    for axis, m in ((0, centre), (None, np.array([[0.3]]))):
        cost = lambda a, m, axis=axis: np.sum(f(a, axis=axis, ddof=1, mean=m))
        for k in (0, 1):
            found = tn.grad(cost, k)(A, m)
            wanted = tn.testing.numerical_gradient(lambda v: cost(*((v, m) if k == 0 else (A, v))), (A, m)[k])  # noqa: B023
            np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)
