"""The rule book's entries called by themselves, and calls of NumPy's functions that few programs make."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor
from tinygrad_notes.compiler.trace import refuse_effects
from tinygrad_notes.errors import CompileError, DTypeError, LeavesGraphError, NoRuleError, ShapeError
from tinygrad_notes.rules.book import Composite, find

X = np.array([3.0, 1.0, 2.0])


# ── an entry of the book ─────────────────────────────────────────────────────────────────────────────────────────


def test_settings_that_say_what_is_done_anyway_may_be_given():
    rule = find(np.cumsum)
    assert rule.bind((X,), {"casting": None}) == rule.bind((X,), {})
    assert rule.bind((X,), {"initial": np._NoValue}) == rule.bind((X,), {})


def test_an_argument_given_twice_is_pythons_error():
    rule = find(np.multiply)
    with pytest.raises(TypeError, match=f"multiple values for argument '{rule.input_names[0]}'"):
        rule.bind((1.0, 2.0), {rule.input_names[0]: 3.0})


def test_a_combination_takes_its_own_arguments_alone():
    entry = find(np.ptp)
    assert isinstance(entry, Composite)
    _, positional, _ = entry.takes
    np.testing.assert_array_equal(entry(X, like=None), 2.0)
    with pytest.raises(NoRuleError, match="does not take order=; it takes"):
        entry(X, order=3)
    with pytest.raises(NoRuleError, match=f"{positional + 1} positional arguments"):
        entry(X, *[None] * positional)


def test_a_rule_hands_other_keywords_on():
    assert find(np.sum)(X, where=X > 1) == 5.0


# ── calls that few programs make ─────────────────────────────────────────────────────────────────────────────────


CALLS = {
    "logspace of several bases": lambda t: np.logspace(t(0.0), t(2.0), 3, base=np.array([2.0, 3.0])),
    "piecewise of one number": lambda t: np.piecewise(t(2.0), [True, False], [np.sin, np.cos]),
    "piecewise, one condition": lambda t: np.piecewise(t(X), X > 1, [np.sin, np.cos]),
    "piecewise, nothing chosen": lambda t: np.piecewise(t(X), [X > 1, X > 7], [np.sin, np.cos, 0.5]),
    "corrcoef of one variable": lambda t: np.corrcoef(t(X)),
    "emath.power, negative whole power": lambda t: np.emath.power(t(X), -2),
    "reduce from a number": lambda t: np.subtract.reduce(t(X), initial=10.0),
    "reduce over one axis in a tuple": lambda t: np.subtract.reduce(t(np.stack([X, X * X])), axis=(0,)),
    "pad one axis": lambda t: np.pad(t(np.stack([X, X * X])), ((0, 0), (1, 2)), mode="edge"),
    "svd without vectors": lambda t: np.linalg.svdvals(t(np.diag(X))),
    "hermitian svd without vectors": lambda t: np.linalg.svd(t(np.diag(X)), compute_uv=False, hermitian=True),
}


@pytest.mark.parametrize("name", CALLS)
def test_values_are_numpys_and_gradients_the_slopes(name):
    call = CALLS[name]
    np.testing.assert_allclose(call(Tensor).data, call(lambda x: x), rtol=1e-12)
    weights = np.random.default_rng(0).normal(size=np.shape(call(lambda x: x)))

    def cost(shift):
        y = call(lambda x: x + shift)
        return np.sum(y * weights)

    slope = (cost(1e-6) - cost(-1e-6)) / 2e-6
    assert tn.grad(cost)(0.0) == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_a_view_of_windows_is_not_written():
    with pytest.raises(ValueError, match="can't be written"):
        np.lib.stride_tricks.sliding_window_view(Tensor(X), 2, writeable=True)


def test_rollaxis_starts_inside_the_array():
    with pytest.raises(IndexError, match="outside the 2 axes"):
        np.rollaxis(Tensor(np.ones((2, 3))), 0, 5)


def test_an_axis_of_a_ufuncs_reduction_is_a_whole_number():
    for axis in (True, "0"):
        with pytest.raises((TypeError, ValueError)):
            np.subtract.reduce(X, axis=axis) if axis is not True else np.subtract.reduce(Tensor(X), axis=axis)


# ── what a Tensor refuses ────────────────────────────────────────────────────────────────────────────────────────


def test_a_subclass_of_numpys_array_is_its_numbers():
    class Sub(np.ndarray):
        pass

    t = Tensor(X)
    y = np.multiply(t, X.view(Sub))
    assert type(y) is not Sub
    np.testing.assert_array_equal(y.data, X * X)
    for y in (t * X.view(Sub), X.view(Sub) * t, t + np.ones(3).view(Sub)):
        assert type(y.data) is np.ndarray


def test_a_setting_that_is_tracked_is_refused_by_name():
    with pytest.raises(NoRuleError, match="var has no derivative in its argument 'ddof'"):
        np.var(Tensor(X), ddof=Tensor(1.0))


def test_the_variance_of_nothing_is_numpys():
    with pytest.warns(RuntimeWarning):
        assert np.isnan(np.var(Tensor(X), where=False).data)


def test_a_gradient_that_is_complex_is_no_gradient_of_a_real_tensor():
    t = Tensor(X)
    with pytest.raises(DTypeError, match=r"grad is complex, its Tensor float64: take np\.real"):
        t.grad = X * 1j


def test_a_constant_has_a_name_and_other_data():
    c = Tensor(X, requires_grad=False)
    c.name = "c"
    assert "name='c'" in repr(c)
    c.data = X + 1
    np.testing.assert_array_equal(c.data, X + 1)
    import copy

    twin = copy.copy(c)
    assert twin.requires_grad is False
    np.testing.assert_array_equal(twin.data, X + 1)


def test_a_computed_tensor_is_not_written_under_no_grad():
    y = Tensor(X) * 2
    with tn.no_grad(), pytest.raises(LeavesGraphError, match=r"stop_gradient\(t\) before"):
        y += 1.0


# ── tracing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_calls_that_would_happen_once_are_named_with_their_line():
    import os
    import time

    frame = sys._getframe()
    before = sys.getprofile()
    for called, words in ((time.time, "the clock"), (os.urandom, "a generator without a seed"), (open, "opening")):
        with pytest.raises(CompileError, match=words) as error:
            refuse_effects(before, frame, "c_call", called)
        assert "test_branches_rules.py" in str(error.value)
    refuse_effects(before, frame, "call", time.time)
    refuse_effects(before, frame, "c_call", len)
    refuse_effects(before, frame, "c_call", {}.get)
    refuse_effects(before, _frame_of_a_library(), "c_call", time.time)
    with pytest.raises(CompileError, match="a generator without a seed"):
        refuse_effects(before, _frame_of_a_library(), "c_call", os.urandom)


def _frame_of_a_library():
    """A frame of a library's function that the user's called."""
    found = []

    class Key:
        def __lt__(self, other):
            frame = sys._getframe()
            while frame is not None and "site-packages" not in frame.f_code.co_filename:
                frame = frame.f_back
            found.append(frame)
            return True

    np.apply_along_axis(lambda a: Key() < a[0], 0, np.ones((1, 1)))
    return found[0]


# ── found by changes that no test noticed ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("symbol", ["+", "-", "*", "/", "**", "%", "//"])
def test_a_constant_tensor_beside_one_that_is_tracked(symbol):
    def f(a, b):
        return eval(f"a {symbol} b")

    for a, b in ((2.5, 1.5), (np.array([2.5, 3.5]), np.array([1.5, 0.75]))):
        y, pullback = tn.vjp(f, a, b)
        da, db = pullback(np.ones_like(y))
        for constant, expected in ((0, db), (1, da)):
            x = [Tensor(v, requires_grad=k != constant) for k, v in enumerate((a, b))]
            f(*x).backward(gradient=np.ones_like(y))
            np.testing.assert_array_equal(x[1 - constant].grad, expected)


def test_another_thread_ends_no_scope():
    x = Tensor(1.0)
    with tn.scope("here"):
        thread = threading.Thread(target=lambda: x * 2)
        thread.start()
        thread.join(30)
        assert (x * 3).node.id.scope == ("here",)


@pytest.mark.parametrize("f", [np.logaddexp, np.logaddexp2])
def test_the_sum_of_two_probabilities_of_zero_shares_alike(f):
    a, b = Tensor(np.array([-np.inf])), Tensor(np.array([-np.inf]))
    np.sum(f(a, b)).backward()
    assert (a.grad.tolist(), b.grad.tolist()) == ([0.5], [0.5])


def test_shapes_of_products_of_matrices_are_told():
    t = Tensor(np.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"the first and the last may be vectors\), not \(2, 3\), \(3,\), \(3, 2\)"):
        np.linalg.multi_dot([t, np.ones(3), np.ones((3, 2))])
    for a in (t, t[0]):
        with pytest.raises(ShapeError, match="matrix_power takes square matrices, not shape"):
            np.linalg.matrix_power(a, 2)


@pytest.mark.parametrize("f", [np.polymul, np.polydiv, np.polyadd, np.polyval])
def test_polynomials_whose_coefficients_are_all_zero(f):
    zeros, other = np.zeros(3), np.array([1.0, 2.0])
    found, expected = f(Tensor(zeros), other), f(zeros, other)
    for mine, theirs in zip(*((y if isinstance(y, tuple) else (y,)) for y in (found, expected)), strict=True):
        np.testing.assert_array_equal(mine.data, theirs)


def test_least_squares_of_nothing_but_zeros():
    a, b = np.zeros((3, 2)), np.arange(3.0)
    for mine, theirs in zip(np.linalg.lstsq(Tensor(a), b), np.linalg.lstsq(a, b), strict=True):
        np.testing.assert_array_equal(mine.data if isinstance(mine, Tensor) else mine, theirs)


def test_sorting_in_place_goes_along_the_last_axis():
    x = np.array([[3.0, 1.0, 2.0], [0.0, 5.0, 4.0]])
    y = Tensor(x) * 1.0
    y.sort()
    np.testing.assert_array_equal(y.data, np.sort(x))
