"""What one example looks like inside vmap (an array of its own shape), and calls beside the common ones."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor, errors

RNG = np.random.default_rng(11)
X = RNG.standard_normal((5, 2, 3, 4))
V = RNG.standard_normal((5, 4))

CALLS = {
    "mT": (X, lambda x: x.mT * 2),
    "imag": (V + 2j * V, lambda z: z.imag + z.real),
    "iteration": (V, lambda x: sum(entry * k for k, entry in enumerate(x))),
    "len": (V, lambda x: x * len(x)),
    "size": (X, lambda x: x / x.size),
    "transpose method": (X, lambda x: x.transpose()),
    "transpose method, axes": (X, lambda x: x.transpose(1, 0, 2) + x.transpose((1, 0, 2))),
    "copy": (V, lambda x: x.copy() * x),
    "astype": (V, lambda x: x.astype(np.float32)),
    "reduce": (V, lambda x: np.add.reduce(x) * np.multiply.accumulate(x)),
    "several results": (V, lambda x: np.stack(np.divmod(x, 0.7))),
    "frexp": (V, lambda x: np.frexp(x)[0]),
    "vecdot": (X, lambda x: np.vecdot(x, x)),
    "vector @ matrices": (X, lambda x: np.ones(3) @ x),
    "vector of each @ its matrices": (X, lambda x: x[0, :, 0] @ x),
    "matrices @ vector": (X, lambda x: x @ x[0, 0]),
    "matrices @ shared vector": (X, lambda x: x @ np.arange(4.0)),
    "shared matrices @ vector": (V, lambda x: np.ones((2, 3, 4)) @ x),
    "vector @ shared matrices": (V, lambda x: x @ np.ones((2, 4, 3))),
    "matrix @ matrices": (X, lambda x: x[0] @ x.mT),
    "squeeze": (X[:, :1, :, :1], lambda x: np.squeeze(x)),
    "squeeze one axis": (X[:, :1, :, :1], lambda x: np.squeeze(x, 0) + np.squeeze(x, -1).T),
    "reshape in column order": (X, lambda x: np.reshape(x, (4, 6), order="F")),
    "reshape to one axis": (X, lambda x: np.reshape(x, -1) + x.reshape(24)),
    "ravel": (X, lambda x: np.ravel(x) * np.arange(24.0)),
    "two arrays of places with an axis between": (X, lambda x: x[[0, 1], :, [2, 0]] * np.arange(1.0, 3.0)[:, None]),
    "broadcast_to": (V, lambda x: np.broadcast_to(x, (3, 4)) * np.broadcast_to(x[0], 4)),
    "sum where": (V, lambda x: np.sum(x, where=np.arange(4) < 2)),
    "cumsum of all": (X, lambda x: np.cumsum(x)),
    "sort of all": (X, lambda x: np.sort(x, axis=None)),
    "two axes": (X, lambda x: np.mean(x, axis=(0, -1))),
    "tuple result": (V, lambda x: np.concatenate(np.split(x, 2)[::-1])),
    "eigenvalues": (X[:, 0, :, :3], lambda x: np.linalg.eigh(x + x.T)[0]),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_in_vmap_is_the_call_on_each_example(name):
    examples, f = CALLS[name]
    found, wanted = tn.vmap(f)(examples), np.stack([f(example) for example in examples])
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=1e-6 if wanted.dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("name", [name for name in CALLS if name not in ("astype", "imag")])
def test_its_gradients_are_those_of_each_example(name):
    examples, f = CALLS[name]

    def cost(x):
        return np.sum(np.sin(f(x)))

    wanted = np.stack([tn.grad(cost)(example) for example in examples])
    np.testing.assert_allclose(tn.vmap(tn.grad(cost))(examples), wanted, rtol=1e-9, atol=1e-12)


def test_an_example_says_what_it_is():
    seen = []
    tn.vmap(lambda x: seen.append(repr(x)) or x)(X)
    assert seen == ["Batched(5 × float64 (2, 3, 4))"]


@pytest.mark.parametrize(
    ("f", "kind", "words"),
    [
        (lambda x: x * len(x[0]), TypeError, "one number per example"),
        (lambda x: float(x[0]) * x, errors.LeavesGraphError, "one number per example"),
        (lambda x: np.asarray(x), errors.LeavesGraphError, "all examples at once"),
        (lambda x: np.sum(x, axis=1), IndexError, "axis 1 is out of bounds"),
        (lambda x: x if x[0] > 0 else -x, errors.TinygradNotesError, "np.where"),
    ],
)
def test_what_an_example_is_not(f, kind, words):
    with pytest.raises(kind, match=words):
        tn.vmap(f)(V)


def test_tensors_from_outside_meet_examples_inside():
    """Inside the vmap the Tensor is a constant that all examples share; outside it is recorded."""
    w = Tensor(RNG.standard_normal(4), name="w")
    for f in (
        lambda x: np.add(w, x).sum(),
        lambda x: np.concatenate([w, x]).sum() * x[0],
        lambda x: np.where(x > 0, w, x).sum(),
        lambda x: np.maximum(x, w) @ w,
        lambda x: np.add.reduce(w * x),
    ):
        y = tn.vmap(f)(V)
        np.testing.assert_allclose(y.data, [f(x).data for x in V], rtol=1e-12)
        y.backward(gradient=np.ones(5))
        shared = w.grad
        sum(f(x) for x in V).backward()
        np.testing.assert_allclose(shared, w.grad, rtol=1e-12)
