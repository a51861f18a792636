"""`assert_vjp`: laws and values of hand-written backward passes; what other checkers are known to miss."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes.errors import BadInputError
from tinygrad_notes.testing import GradientError, assert_vjp, check_vjp, distinct, positive


def check(f, vjp, *args, **options):
    return check_vjp(f, vjp, *args, diagnose=False, **options)


RIGHT = {
    "tanh": (np.tanh, lambda g, x: g * (1 - np.tanh(x) ** 2), {"x": "n m"}),
    "exp with its result": (np.exp, lambda g, y, x: g * y, {"x": "n"}),
    "matmul": (np.matmul, lambda g, a, b: (g @ b.T, a.T @ g), {"a": "n k", "b": "k m"}),
    "broadcast add": (np.add, lambda g, a, b: (g, g.sum(axis=1, keepdims=True)), {"a": "n m", "b": "n 1"}),
    "sum": (np.sum, lambda g, x: g * np.ones_like(x), {"x": "n m"}),
    "tiny": (lambda x: 1e-7 * np.sin(x), lambda g, x: 1e-7 * np.cos(x) * g, {"x": "n"}),
    "two results": (lambda x: (np.sin(x), np.cos(x)), lambda g, x: g[0] * np.cos(x) - g[1] * np.sin(x), {"x": "n"}),
    "a dict of results": (lambda x: {"s": np.sum(x)}, lambda g, x: g["s"] * np.ones_like(x), {"x": "n"}),
    "one input only": (np.multiply, lambda g, a, b: (g * b, None), {"a": "n", "b": "n"}),
    "by name": (lambda a, b: a * b, lambda g, a, b: {"db": g * a}, {"a": "n", "b": "n"}),
    "scalar": (lambda x: x**3, lambda g, x: 3 * g * x**2, {"x": ""}),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", RIGHT)
def test_right_backward_passes(name, dtype):
    f, vjp, shapes = RIGHT[name]
    for seed in range(3):
        report = check(f, vjp, shapes=shapes, seed=seed, dtype=dtype)
        assert report, str(report)


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("factor", [0.0, -1.0, 1.05, 1 + 1e-6])
def test_the_same_with_a_factor_are_wrong(name, factor):
    f, vjp, shapes = RIGHT[name]

    def scaled(result):
        if isinstance(result, tuple):
            return tuple(None if g is None else factor * g for g in result)
        return {k: factor * g for k, g in result.items()} if isinstance(result, dict) else factor * result

    three = len(inspect.signature(vjp).parameters) == 3
    wrong = (lambda g, a, b: scaled(vjp(g, a, b))) if three else (lambda g, x: scaled(vjp(g, x)))
    assert check(f, wrong, shapes=shapes).verdict == "wrong"


def test_zero_for_a_tiny_function():
    assert check(lambda x: 1e-7 * np.sin(x), lambda g, x: 0 * g, shapes={"x": "n"}).verdict == "wrong"


def test_five_percent_at_a_millionth():
    wrong = check(lambda x: 1e-6 * np.exp(x), lambda g, x: 1.05e-6 * np.exp(x) * g, shapes={"x": "n"})
    assert wrong.verdict == "wrong"
    assert len(wrong.case.inputs["x"]) == 1


def test_float32_sum_of_a_thousand():
    x = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    assert check(lambda x: np.sum(np.sin(x)), lambda g, x: g * np.cos(x), x)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("traced", [True, False])
def test_one_entry_off_by_a_thousandth(traced, dtype):
    def f(x):
        return np.sum(np.sin(x)) if traced else np.sum(np.sin(np.array(x.tolist())))

    def vjp(g, x):
        d = g * np.cos(x)
        d[17] *= 1.001
        return d

    x = np.linspace(-1, 1, 1000).astype(dtype)
    assert check(f, vjp, x).verdict == "wrong"
    assert check(f, lambda g, x: g * np.cos(x), x)


def test_sort():
    def right(g, x):
        d = np.empty_like(g)
        d[np.argsort(x)] = g
        return d

    given = {"x": distinct}
    assert check(np.sort, right, shapes={"x": "n"}, given=given)
    for wrong in (lambda g, x: g, lambda g, x: np.sort(g), lambda g, x: g[np.argsort(x)]):
        assert check(np.sort, wrong, shapes={"x": "n"}, given=given).verdict == "wrong"


def test_upstream_not_used():
    report = check(np.sin, lambda g, x: np.cos(x), shapes={"x": "n"})
    assert report.slips[0].kind == "upstream"
    assert "vjp(0) is not 0" in str(report)
    assert "g = 1" in report.special


def test_not_linear_in_g():
    report = check(np.sin, lambda g, x: np.abs(g) * np.cos(x), shapes={"x": "n"})
    assert report.verdict == "wrong"
    assert "not linear" in str(report)


def test_dtype_and_shape():
    x = np.ones(3, np.float32)
    report = check(np.sin, lambda g, x: (g * np.cos(x)).astype(np.float64), x)
    assert report.slips[0].kind == "dtype"
    report = check(np.add, lambda g, a, b: (g, g), shapes={"a": "n m", "b": "m"})
    assert report.wrong == ["db"]
    assert report.slips[0].kind == "not-reduced"


def test_overwriting_and_changing():
    report = check(np.sin, lambda g, x: np.multiply(g, np.cos(x), out=g), shapes={"x": "n"})
    assert (report.verdict, report.slips[0].kind) == ("wrong", "mutates-input")
    rng = np.random.default_rng(0)
    report = check(np.sin, lambda g, x: g * rng.random(), shapes={"x": "n"})
    assert (report.verdict, report.slips[0].kind) == ("wrong", "nondeterministic")


def test_a_kernel_that_numpy_does_not_know():
    def kernel(x):
        return np.array([math.erf(v) for v in x.ravel()]).reshape(x.shape)

    def vjp(g, x):
        return g * 2 / np.sqrt(np.pi) * np.exp(-(x**2))

    report = check(kernel, vjp, shapes={"x": "n m"})
    assert report, str(report)
    assert "numerical differences alone" in str(report)
    assert check(kernel, lambda g, x: 1.0001 * vjp(g, x), shapes={"x": "n m"}).verdict == "wrong"


def test_torch_style_function_through_arrays():
    class Foreign:
        """Like torch: knows its own arrays only."""

        def __call__(self, x):
            assert type(x) is np.ndarray
            return np.cumsum(x)

    report = check(Foreign(), lambda g, x: np.cumsum(g[::-1])[::-1], np.arange(4.0))
    assert report, str(report)


def test_kinks():
    x = np.array([0.0, 1.0, -1.0])
    for at_zero in (0.0, 0.5, 1.0):
        assert check(lambda x: np.maximum(x, 0), lambda g, x, a=at_zero: g * np.where(x == 0, a, x > 0), x)
    assert not check(lambda x: np.maximum(x, 0), lambda g, x: g * np.where(x == 0, 2.0, x > 0), x)


def test_second_order():
    right = lambda g, x: g * (1 - np.tanh(x) ** 2)
    assert check(np.tanh, right, shapes={"x": "n"}, order=2)
    once = lambda g, x: g * (1 - np.tanh(tn.stop_gradient(x)) ** 2)
    assert check(np.tanh, once, shapes={"x": "n"})
    report = check(np.tanh, once, shapes={"x": "n"}, order=2)
    assert report.verdict == "wrong"
    assert "second order" in str(report)
    leaves = lambda g, x: g * (1 - np.tanh(np.asarray(x)) ** 2)
    assert "can't be differentiated again" in str(check(np.tanh, leaves, shapes={"x": "n"}, order=2))


def test_complex():
    z = np.array([1 + 2j, 0.3j])
    assert check(np.square, lambda g, z: 2 * g * np.conj(z), z)
    assert check(np.square, lambda g, z: 2 * g * z, z).verdict == "wrong"


def test_assert_raises_and_calls_are_checked():
    with pytest.raises(GradientError, match="dx is wrong"):
        assert_vjp(np.log, lambda g, x: g * x, shapes={"x": "n"}, given={"x": positive}, diagnose=False)
    assert assert_vjp(np.log, lambda g, x: g / x, shapes={"x": "n"}, given={"x": positive}) is None
    with pytest.raises(BadInputError, match="order=0"):
        check_vjp(np.sin, np.cos, 1.0, order=0)


def test_an_input_called_g():
    assert check(lambda g, x: g * x, lambda dy, g, x: (dy * x, dy * g), shapes={"g": "n", "x": "n"})


def test_a_vjp_takes_g_and_the_inputs():
    for hand in (lambda x: x, lambda g, y, x, more: g):
        with pytest.raises(BadInputError, match=r"g and the inputs of sin.*lambda g, x: "):
            check_vjp(np.sin, hand, shapes={"x": "n"})


def test_a_misspelt_gradient_is_refused():
    with pytest.raises(BadInputError, match=r"returned dB.*gradient of b is db"):
        check_vjp(lambda a, b: a * b, lambda g, a, b: {"da": g * b, "dB": g}, shapes={"a": "n", "b": "n"})
