"""A wrong call of a NumPy function on Tensors raises what NumPy raises on arrays: the kind, and mostly the words."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_notes import Tensor

V, W, M = np.array([1.0, 2.0, 3.0]), np.array([0.5, -1.0, 2.0]), np.arange(6.0).reshape(2, 3)

SAME_WORDS = {
    "trim_zeros": lambda t: np.trim_zeros(t(V), "x"),
    "select, no cases": lambda t: np.select([], [], t(V)),
    "apply_along_axis of nothing": lambda t: np.apply_along_axis(np.sum, 0, t(np.zeros((2, 0)))),
    "polyder": lambda t: np.polyder(t(V), -1),
    "polyint": lambda t: np.polyint(t(V), -1),
    "polyint, constants": lambda t: np.polyint(t(V), 3, [1.0, 2.0]),
    "vander": lambda t: np.vander(t(M)),
    "linspace": lambda t: np.linspace(t(1.0), t(2.0), -1),
    "geomspace": lambda t: np.geomspace(t(0.0), t(2.0)),
    "meshgrid": lambda t: np.meshgrid(t(V), t(V), indexing="yx"),
    "array_split": lambda t: np.array_split(t(V), 0),
    "split": lambda t: np.split(t(V), 2),
    "hsplit": lambda t: np.hsplit(t(5.0), 2),
    "reduce over an axis it lacks": lambda t: np.subtract.reduce(t(M), axis=2),
    "reduce of nothing": lambda t: np.arctan2.reduce(t(np.zeros(0))),
    "convolve, two axes": lambda t: np.convolve(t(M), t(V)),
    "convolve, no axes": lambda t: np.correlate(t(1.0), t(2.0)),
    "average": lambda t: np.average(t(V), weights=np.array([1.0, -1.0, 0.0])),
    "nanmax, where without initial": lambda t: np.nanmax(t(V), where=V > 1),
    "max, where without initial": lambda t: np.max(t(V), where=V > 1),
    "sort": lambda t: np.sort(t(2.0)),
    "cumulative_sum": lambda t: np.cumulative_sum(t(M)),
    "roots": lambda t: np.roots(t(M)),
}

if np.lib.NumpyVersion(np.__version__) < "2.2.0":
    del SAME_WORDS["trim_zeros"]  # took any word

SAME_KIND = {
    "apply_over_axes": lambda t: np.apply_over_axes(lambda a, axis: np.sum(a), t(np.ones((2, 3, 4))), [0]),
    "reduce over two axes": lambda t: np.subtract.reduce(t(M), axis=(0, 1)),
    "reduceat": lambda t: np.subtract.reduceat(t(V), [0, 5]),
    "select, not bool": lambda t: np.select([V], [t(V)]),
    "piecewise": lambda t: np.piecewise(t(V), [V > 1], [1.0, 2.0, 3.0]),
    "copyto": lambda t: np.copyto(np.zeros(3, int), t(V)),
    "matrix_transpose": lambda t: np.matrix_transpose(t(V)),
    "tensorinv": lambda t: np.linalg.tensorinv(t(np.eye(4)), 0),
    "convolve of nothing": lambda t: np.convolve(t(np.zeros(0)), t(V)),
    "convolve, mode": lambda t: np.convolve(t(V), t(W), "most"),
    "einsum": lambda t: np.einsum("ijk,k", t(M), t(V)),
}


def raised(call, t):
    try:
        call(t)
    except Exception as error:
        return error
    pytest.fail("nothing was raised")


KINDS = {np.exceptions.AxisError: IndexError, ZeroDivisionError: ValueError}


def same_kind(ours, numpys):
    return isinstance(ours, KINDS.get(type(numpys), type(numpys)))


@pytest.mark.parametrize("name", SAME_WORDS)
def test_the_kind_and_the_words_are_numpys(name):
    ours, numpys = raised(SAME_WORDS[name], Tensor), raised(SAME_WORDS[name], np.asarray)
    assert same_kind(ours, numpys)
    assert str(numpys) in str(ours)


@pytest.mark.parametrize("name", SAME_KIND)
def test_the_kind_is_numpys(name):
    ours, numpys = raised(SAME_KIND[name], Tensor), raised(SAME_KIND[name], np.asarray)
    assert same_kind(ours, numpys)
    assert "test_numpy_errors.py" in str(ours)
