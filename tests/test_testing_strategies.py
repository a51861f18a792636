"""The Hypothesis strategies draw what they promise; the rule book is checked with them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

import tinygrad_notes as tn
from tinygrad_notes.rules import BOOK, Rule
from tinygrad_notes.testing import bits, check_gradient, check_vjp
from tinygrad_notes.testing import strategies as st

quick = settings(max_examples=40, deadline=None, derandomize=True)


@quick
@given(st.broadcasting_shapes(3, min_side=0))
def test_shapes_broadcast(shapes):
    assert np.broadcast_shapes(*shapes) in shapes


@quick
@given(st.inputs({"X": "n m", "Y": "1 m", "w": "n 1", "b": ""}, {"Y": bits}))
def test_inputs_fit_together(inputs):
    assert inputs["X"].shape[1] == inputs["Y"].shape[1]
    assert inputs["X"].shape[0] == inputs["w"].shape[0]
    assert np.all(inputs["X"] * 4 == np.round(inputs["X"] * 4))
    assert set(np.unique(inputs["Y"])) <= {0.0, 1.0}
    assert np.ndim(inputs["b"]) == 0


@quick
@given(st.in_domain(BOOK[np.true_divide]))
def test_in_domain(args):
    a, b = args
    np.broadcast_shapes(np.shape(a), np.shape(b))
    assert np.all(np.abs(b) >= 0.25)


@quick
@given(st.tied_arrays())
def test_ties_share(x):
    if np.size(x):
        g = tn.grad(lambda x: np.sum(np.max(x)))(x)
        np.testing.assert_allclose(np.sum(g), 1.0)


@quick
@given(st.awkward_arrays())
def test_awkward_arrays_have_the_gradient_of_a_plain_copy(x):
    plain = np.array(x)
    f = lambda x: np.sum(np.tanh(x) * x)
    np.testing.assert_array_equal(tn.grad(f)(x), tn.grad(f)(plain))
    assert tn.grad(f)(x).shape == x.shape


@quick
@given(st.arrays("n m"))
def test_a_right_derivation_is_right_on_any_array(X):
    report = check_gradient(lambda X: np.sum(np.sin(X)), lambda X: np.cos(X), X)
    assert report, str(report)


@quick
@given(st.tied_arrays((3, 4)))
def test_kinks_never_accuse_a_slope_between(X):
    report = check_vjp(
        lambda X: np.max(X, axis=1),
        lambda g, X: g[:, None] * (np.max(X, axis=1, keepdims=True) == X)
        / np.sum(np.max(X, axis=1, keepdims=True) == X, axis=1, keepdims=True),
        X,
    )  # fmt: skip
    assert report, str(report)


def test_sample_calls_run():
    for f, entry in BOOK.items():
        if isinstance(entry, Rule) and entry.samples is None and f is not np.fix:  # NumPy 2.5 warns of fix
            for args, kwargs in st.calls(entry):
                with np.errstate(all="ignore"):
                    f(*args, **kwargs)


def test_narrow_bounds():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = tn.testing.nothing
    value = st.numbers(0.1, 0.2)
    assert value is not None
