"""What a table of samples can't say about the array rules: writing, memory order, branches, conventions, refusals."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import tinygrad_notes as tn
from tinygrad_notes import Tensor
from tinygrad_notes.errors import BadInputError, DTypeError, LeavesGraphError, NoRuleError, ShapeError

RNG = np.random.default_rng(3)
A = RNG.normal(size=(3, 4))
V = RNG.normal(size=5)


def slopes(f: Callable[..., Any], x: Any, g: Any) -> Any:
    """Central differences of Σ g f(x)."""
    x = np.asarray(x, float)
    found = np.zeros_like(x)
    for place in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[place] = 1e-6
        found[place] = np.sum(g * (f(x + step) - f(x - step))) / 2e-6
    return found


def agrees(f: Callable[..., Any], x: Any, tolerance: float = 1e-7) -> None:
    """Value, reverse and forward mode of f at x against NumPy and central differences."""
    expected = f(np.array(x))
    y, pullback = tn.vjp(f, x)
    np.testing.assert_allclose(y, expected, rtol=1e-13, atol=1e-13)
    g = np.random.default_rng(0).normal(size=np.shape(expected))
    (gradient,) = pullback(g)
    np.testing.assert_allclose(gradient, slopes(f, x, g), rtol=tolerance, atol=tolerance)
    t = np.random.default_rng(1).normal(size=np.shape(x))
    np.testing.assert_allclose(np.sum(tn.jvp(f, (x,), (t,))[1] * g), np.sum(gradient * t), rtol=1e-10, atol=1e-10)


# ── memory order ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("order", ["C", "F", "A", "K"])
def test_order_follows_the_memory_of_a_transposed_tensor(order: Any) -> None:
    agrees(lambda x: np.ravel(x.T, order), A)
    agrees(lambda x: x.T.flatten(order), A)
    if order != "K":
        agrees(lambda x: np.reshape(x.T, (2, 6), order=order), A)
        agrees(lambda x: x.T.reshape((6, -1), order=order), A)


def test_reshape_without_a_copy() -> None:
    assert np.reshape(Tensor(A), (4, 3), copy=False).shape == (4, 3)
    with pytest.raises(ValueError, match="copy"):
        np.reshape(Tensor(A).T, (2, 6), copy=False)


# ── functions that write into a Tensor ───────────────────────────────────────────────────────────────────────────

MASK = np.array([[True, False, True, False], [False, True, False, False], [True, True, False, True]])
WRITERS = {
    "put": lambda a, v: np.put(a, [1, -2, 1], v[:3]),
    "put, values over and over": lambda a, v: np.put(a, [[0, 3], [5, 9], [2, 4], [6, 7]], v[:3]),
    "put, clipped": lambda a, v: np.put(a, [3, 99], v[:2], mode="clip"),
    "place": lambda a, v: np.place(a, MASK, v[:4]),
    "putmask": lambda a, v: np.putmask(a, MASK, v),
    "copyto": lambda a, v: np.copyto(a, v[:4]),
    "copyto, where": lambda a, v: np.copyto(a, v[:4], where=MASK),
    "put_along_axis": lambda a, v: np.put_along_axis(a, np.array([[0, 2], [1, 3], [3, 0]]), v[:2], axis=1),
    "put_along_axis, axis=None": lambda a, v: np.put_along_axis(a, np.array([0, 5, 7]), v[:3], axis=None),
    "fill_diagonal": lambda a, v: np.fill_diagonal(a, v[:3]),
    "add.at": lambda a, v: np.add.at(a, ([0, 0, 2], [1, 1, 3]), v[:3]),
    "subtract.at": lambda a, v: np.subtract.at(a, 1, v[:4]),
    "multiply.at": lambda a, v: np.multiply.at(a, ([0, 0, 2, 0], [1, 1, 3, 1]), v[:4]),
    "maximum.at": lambda a, v: np.maximum.at(a, (slice(None), [0, 0]), v[0]),
    "negative.at": lambda a, _v: np.negative.at(a, ([0, 0, 2], [1, 1, 3])),
    "sort": lambda a, _v: a.sort(0),
    "partition": lambda a, _v: a.partition((1, 2, 3)),
    "fill": lambda a, v: a.fill(v[2]),
    "method put": lambda a, v: a.put([1, 2], v[:2]),
    "nan_to_num": lambda a, _v: np.nan_to_num(a, copy=False),
}


@pytest.mark.parametrize("name", WRITERS)
def test_writing_updates_the_handle(name: str) -> None:
    write = WRITERS[name]

    def updated(a: Any, v: Any) -> Any:
        a = np.multiply(a, 2.0)
        before = np.sum(a * a)
        write(a, v)
        return a * a + before

    def of_both(z: Any) -> Any:
        return updated(z[:12].reshape(3, 4), z[12:])

    agrees(of_both, np.concatenate([A.ravel(), V]) * 3)


def test_earlier_results_keep_what_they_were_computed_from() -> None:
    t = Tensor([1.0, 2.0])
    x = t * 1
    earlier = x * x
    np.put(x, [0], 9.0)
    earlier.sum().backward()
    np.testing.assert_array_equal(t.grad, [2.0, 4.0])


def test_a_value_that_was_overwritten_gets_no_gradient() -> None:
    def f(v: Any) -> Any:
        a = Tensor(np.zeros(3)) * 1
        a[[0, 0, 2]] = v
        return np.sum(a * np.array([1.0, 10.0, 100.0]))

    np.testing.assert_array_equal(tn.grad(f)(np.array([1.0, 2.0, 3.0])), [0.0, 1.0, 100.0])


@pytest.mark.parametrize("write", [
    lambda a, t: np.put(a, [0], t),
    lambda a, t: np.copyto(a, t),
    lambda a, t: np.putmask(a, a > 0, t),
    lambda a, t: np.put_along_axis(a, np.array([0]), t, 0),
    lambda a, t: np.add.at(a, [0], t),
])  # fmt: skip
def test_a_plain_array_is_never_written_with_a_tensor(write: Callable[[Any, Any], None]) -> None:
    plain = np.zeros(1)
    with pytest.raises(LeavesGraphError, match="plain"):
        write(plain, Tensor([1.0]))
    assert plain[0] == 0


# ── conventions at points without a derivative ───────────────────────────────────────────────────────────────────


def test_ties_share_equally() -> None:
    x = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    np.testing.assert_allclose(tn.grad(lambda x: np.sum(np.max(x, axis=1)))(x), [[0, 0.5, 0.5], [1 / 3] * 3])
    np.testing.assert_allclose(tn.grad(lambda x: np.min(x))(x), [[1, 0, 0], [0, 0, 0]])
    assert tn.grad(lambda x: np.max(x))(np.float32([1, 1])).dtype == np.float32


def test_a_maximum_that_is_nan_blames_the_nans() -> None:
    x = np.array([1.0, np.nan, 3.0])
    np.testing.assert_array_equal(tn.grad(lambda x: np.max(x))(x), [0, 1, 0])
    np.testing.assert_array_equal(tn.grad(lambda x: np.nanmax(x))(x), [0, 0, 1])


@pytest.mark.parametrize("f", [np.std, np.nanstd])
def test_the_standard_deviation_of_equal_numbers_has_slope_zero(f: Any) -> None:
    x = np.full(4, 2.0)
    np.testing.assert_array_equal(tn.grad(lambda x: f(x))(x), np.zeros(4))
    np.testing.assert_array_equal(tn.grad(lambda x: np.std(x, where=[True] * 4))(x), np.zeros(4))
    assert np.isfinite(tn.hessian(lambda x: np.std(x))(x)).all()


@pytest.mark.parametrize("zeros", [(0,), (0, 3), (0, 1, 2), (0, 1, 2, 3)])
def test_products_are_right_with_zeros_at_second_order(zeros: tuple[int, ...]) -> None:
    x = np.array([2.0, -3.0, 0.5, 1.5])
    x[list(zeros)] = 0
    hessian = [[0.0 if i == j else np.prod(np.delete(x, [i, j])) for j in range(4)] for i in range(4)]
    np.testing.assert_allclose(tn.hessian(lambda x: np.prod(x))(x), hessian)
    np.testing.assert_allclose(tn.hessian(lambda x: np.cumprod(x)[-1])(x), hessian)
    np.testing.assert_allclose(tn.hessian(lambda x: np.multiply.reduce(x))(x), hessian)


def test_sinc_is_smooth_at_zero() -> None:
    derivatives = [lambda x: np.sinc(x)]
    for _ in range(4):
        derivatives.append(tn.grad(derivatives[-1]))
    values = [float(d(0.0)) for d in derivatives]
    np.testing.assert_allclose(values, [1, 0, -(np.pi**2) / 3, 0, np.pi**4 / 5], atol=1e-12)


def test_i0_by_an_independent_integral() -> None:
    angles = (np.arange(4000) + 0.5) * np.pi / 4000
    for x in (0.0, 0.3, -4.0, 30.0):
        scaled = np.mean(np.cos(angles) * np.exp(x * np.cos(angles) - abs(x)))
        np.testing.assert_allclose(tn.grad(np.i0)(x) * np.exp(-abs(x)), scaled, rtol=1e-12, atol=1e-15)


# ── against plain NumPy where samples in a table would be ambiguous ──────────────────────────────────────────────


def test_tile_of_a_matrix_by_a_number() -> None:
    g = np.arange(8.0).reshape(2, 4)
    _, pullback = tn.vjp(lambda x: np.tile(x, 2), np.ones((2, 2)))
    np.testing.assert_array_equal(pullback(g)[0], [[2, 4], [10, 12]])


def test_trim_zeros() -> None:
    t = Tensor(np.array([0.0, 0.0, 2.0, 0.0, 3.0, 0.0]))
    for trim in ("fb", "f", "b", "bf"):
        np.testing.assert_array_equal(np.trim_zeros(t, trim).data, np.trim_zeros(t.data, trim))
    y = np.trim_zeros(t)
    y.backward(gradient=[1.0, 2.0, 3.0])
    np.testing.assert_array_equal(t.grad, [0, 0, 1, 2, 3, 0])
    assert np.trim_zeros(Tensor(np.zeros(3))).shape == (0,)


def test_unique_and_its_companions() -> None:
    t = Tensor([3.0, 1.0, 3.0, 2.0])
    y, index, inverse, counts = np.unique(t, return_index=True, return_inverse=True, return_counts=True)
    y.backward(gradient=[1.0, 2.0, 3.0])
    np.testing.assert_array_equal(t.grad, [3, 1, 0, 2])
    for found, expected in zip((index, inverse, counts), np.unique(t.data, True, True, True)[1:], strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.sort(np.unique_values(t).data), [1, 2, 3])


def test_interpolation_on_a_circle() -> None:
    angles, heights = np.array([350.0, 10.0, 170.0]), np.array([1.0, 2.0, 5.0])
    agrees(lambda x: np.interp(x, angles, heights, period=360), np.array([-20.0, 3.0, 100.0, 400.0, 260.0]))
    agrees(lambda fp: np.interp([-20.0, 3.0, 100.0], angles, fp, period=360), heights)


def test_average_and_covariance_differentiate_their_weights() -> None:
    w = np.array([0.5, 2.0, 1.0, 3.0])
    agrees(lambda w: np.average(A, axis=1, weights=w), w)
    agrees(lambda w: np.cov(A, aweights=w), w)
    agrees(lambda w: np.cov(A, aweights=w, fweights=[1, 2, 1, 1], ddof=0), w)


def test_gradient_differentiates_its_spacing() -> None:
    x = np.array([0.0, 0.5, 1.5, 1.9])
    agrees(lambda h: np.gradient(Tensor(A), h, axis=1) if isinstance(h, Tensor) else np.gradient(A, h, axis=1), x)
    for edge_order in (1, 2):
        agrees(lambda f, n=edge_order: np.gradient(f, x, axis=1, edge_order=n), A)


def test_pad_differentiates_its_constants_and_ramp_ends() -> None:
    def padded(z: Any) -> Any:
        return np.pad(z[:6].reshape(2, 3), 1, constant_values=((z[6], z[7]), (z[8], z[9])))

    def expected(z: Any) -> Any:
        return np.pad(z[:6].reshape(2, 3), 1, constant_values=((z[6], z[7]), (z[8], z[9])))

    z = RNG.normal(size=10)
    np.testing.assert_array_equal(tn.vjp(padded, z)[0], expected(z))
    agrees(padded, z)
    agrees(lambda z: np.pad(z[:3], (2, 1), "linear_ramp", end_values=(z[3], z[4])), V)


def test_windows_overlap() -> None:
    t = Tensor(V)
    sliding_window_view(t, 3).sum().backward()
    np.testing.assert_array_equal(t.grad, [1, 2, 3, 2, 1])


def test_emath_turns_complex_only_where_it_must() -> None:
    assert np.emath.sqrt(Tensor([4.0])).dtype == float
    y = np.emath.sqrt(Tensor([4.0, -4.0]))
    np.testing.assert_array_equal(y.data, [2, 2j])


def test_reductions_take_numpys_other_arguments() -> None:
    where = np.array([[True, False, True, True], [True, True, False, True], [False, True, True, True]])
    for f in (np.sum, np.prod, np.mean, np.var, np.std):
        agrees(lambda x, f=f: f(x, axis=0, where=where, keepdims=True), A)
        assert f(Tensor(A), dtype=np.float32).dtype == np.float32
    agrees(lambda x: np.sum(x, axis=1, initial=2.0), A)
    agrees(lambda x: np.prod(x, initial=2.0), A)
    agrees(lambda x: np.max(x, axis=0, initial=0.3, where=where), A)
    assert float(np.max(Tensor(np.zeros(0)), initial=1.5).data) == 1.5
    agrees(lambda x: np.var(x, axis=1, mean=np.mean(x, axis=1, keepdims=True)), A)
    agrees(lambda x: np.add.reduce(x, axis=(0, 1)), A)


def test_positional_arguments_stand_where_numpy_has_them() -> None:
    t = Tensor(A)
    assert t.sum(0, None, None, True).shape == (1, 4)
    assert np.max(t, 1, None, True).shape == (3, 1)
    assert np.sum(t, 0, np.float32).dtype == np.float32


def test_nan_functions_warn_as_numpy_does() -> None:
    t = Tensor(np.array([[np.nan, np.nan], [1.0, 2.0]]))
    with pytest.warns(RuntimeWarning, match="All-NaN"):
        y = np.nanmax(t, axis=1)
    np.testing.assert_array_equal(y.data, [np.nan, 2.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.nanmax(t, axis=0)


def test_quantiles_of_data_with_nan_are_nan() -> None:
    x = np.array([1.0, np.nan, 3.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isnan(np.median(Tensor(x)).data)
        assert np.isnan(np.quantile(Tensor(x), 0.2).data)
    np.testing.assert_allclose(np.nanquantile(Tensor(x), 0.2).data, np.nanquantile(x, 0.2))


# ── refused, with the way round ──────────────────────────────────────────────────────────────────────────────────

REFUSED: list[tuple[Any, type[Exception], str]] = [
    (lambda t: t.astype(int), DTypeError, r"t\.data\.astype\(int"),
    (lambda t: np.astype(t, bool), DTypeError, r"t\.data\.astype\(bool"),
    (lambda t: np.histogram(t), NoRuleError, "bincount"),
    (lambda t: np.add(t, 1, out=np.zeros(3)), NoRuleError, "assign the result"),
    (lambda t: np.add(t, 1, where=[True, False, True]), NoRuleError, r"np\.where"),
    (lambda t: np.exp(t, dtype=np.float32), NoRuleError, "cast the input"),
    (lambda t: np.sum(t, out=np.zeros(())), NoRuleError, "assign it"),
    (lambda t: np.median(t, out=np.zeros(())), NoRuleError, "assign it"),
    (lambda t: np.quantile(t, Tensor(0.5)), NoRuleError, "q="),
    (lambda t: np.full_like([1, 2], t[0]), LeavesGraphError, "broadcast_to"),
    (lambda t: np.full(3, t[0]), LeavesGraphError, "broadcast_to"),
    (lambda t: np.full_like(t, t[0], dtype=int), DTypeError, "astype"),
    (lambda t: np.pad(t, 1, lambda *_: None), NoRuleError, "concatenate"),
    (lambda t: np.union1d(t, t), NoRuleError, "isin"),
    (lambda t: np.hypot.reduce(t, where=[True, False, True]), NoRuleError, "where="),
    (lambda t: np.greater.outer(t, t), NoRuleError, r"t\.data"),
    (lambda t: np.take(t, t), NoRuleError, "indices"),
    (lambda t: np.sort(t, axis=2), ShapeError, "axis 2"),
    (lambda t: np.concatenate([t, np.zeros((2, 2))]), ShapeError, "concatenate"),
]


@pytest.mark.parametrize(("attempt", "error", "way"), REFUSED)
def test_refused_with_the_way_round(attempt: Any, error: type[Exception], way: str) -> None:
    with pytest.raises(error, match=way):
        attempt(Tensor([1.0, 2.0, 3.0]))


def test_wrong_shapes_leave_nothing_changed() -> None:
    t = Tensor(A) * 1
    with pytest.raises((ShapeError, BadInputError)):
        np.copyto(t, np.zeros(7))
    np.testing.assert_array_equal(t.data, A)


@pytest.mark.parametrize(("shape", "places"), [((65, 8), (16, 64)), ((5, 8, 9), (30, 30)), ((3000, 4), (1100,))])
def test_gradient_of_many_rows_adds_up_as_add_at_does(shape: tuple[int, ...], places: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    index = rng.integers(-shape[0], shape[0], places)
    table, g = rng.standard_normal(shape), rng.standard_normal(places + shape[1:])
    expected = np.zeros(shape)
    np.add.at(expected, index, g)
    (found,) = tn.vjp(lambda a: a[index], table)[1](g)
    assert np.allclose(found, expected, rtol=1e-12, atol=1e-12)
