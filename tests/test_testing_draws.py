"""Symbolic shapes, distributions, names: what a check draws."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_notes.errors import BadInputError
from tinygrad_notes.testing import bits, distinct, onehot, positive
from tinygrad_notes.testing.distributions import distribution
from tinygrad_notes.testing.draws import named_leaves, parse_shape, recipe_for
from tinygrad_notes.testing.outputs import owner

RNG = np.random.default_rng(0)


def f(X, w, b, lam=0.5):
    return X, w, b, lam


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [
        ("n m", (3, 4)),
        ("3 n", (3, 3)),
        ("", ()),
        ("n+1 2*m", (4, 8)),
        ("n,m", (3, 4)),
        (("n", 2), (3, 2)),
        ("m-n", (1,)),
    ],
)
def test_shapes(shape, sizes):
    assert tuple(axis.size({"n": 3, "m": 4}) for axis in parse_shape(shape)) == sizes


@pytest.mark.parametrize("shape", ["n m!", "f(n)", "n.m", "[n]", "n**2", "2*", "__import__('os')"])
def test_bad_shapes(shape):
    with pytest.raises(BadInputError, match="is not a size"):
        parse_shape(shape)


def test_sizes_are_distinct_and_change():
    recipe = recipe_for(f, (), {"X": "n m", "w": "n k", "b": "k"}, None)
    seen = set()
    rng = np.random.default_rng(0)
    for _ in range(30):
        draw = recipe.draw(rng)
        assert len(set(draw.dims.values())) == 3
        assert draw.inputs["X"].shape == (draw.dims["n"], draw.dims["m"])
        assert draw.inputs["w"].shape[0] == draw.dims["n"]
        assert all(2 <= n <= 9 for n in draw.dims.values())
        seen.add(tuple(draw.dims.values()))
    assert len(seen) > 15


def test_many_symbols_still_get_distinct_sizes():
    recipe = recipe_for(lambda x: x, (), {"x": " ".join("abcdefghi")}, None, dims=range(1, 10))
    assert len(set(recipe.draw_sizes(np.random.default_rng(0)).values())) == 9


def test_dims():
    shapes = {"X": "n m", "w": "n", "b": ""}
    assert recipe_for(f, (), shapes, None, dims=3).draw(RNG).dims == {"n": 3, "m": 3}
    assert recipe_for(f, (), shapes, None, dims={"m": 5}).draw(RNG).dims["m"] == 5
    assert set(recipe_for(f, (), shapes, None, dims=[8, 9]).draw(RNG).dims.values()) == {8, 9}
    with pytest.raises(BadInputError, match="is in no shape"):
        recipe_for(f, (), shapes, None, dims={"q": 5})
    with pytest.raises(BadInputError, match="takes sizes"):
        recipe_for(f, (), shapes, None, dims=[])


def test_scalars_are_numpy_scalars_and_defaults_stay_out():
    draw = recipe_for(f, (), {"X": "n", "w": "n", "b": ""}, None).draw(RNG)
    assert type(draw.inputs["b"]) is np.float64
    assert list(draw.inputs) == ["X", "w", "b"]
    draw = recipe_for(f, (), {"X": "n", "w": "n", "b": ""}, {"lam": (0.1, 2)}, dtype=np.float32).draw(RNG)
    assert 0.1 <= draw.inputs["lam"] <= 2
    assert {x.dtype for x in draw.inputs.values()} == {np.dtype(np.float32)}


def test_given():
    shapes = {"X": "n m", "w": "k m", "b": "n"}
    given = {"X": bits, "w": onehot, "b": lambda rng, shape, dims: np.full(shape, dims["m"]), "lam": 3}
    draw = recipe_for(f, (), shapes, given).draw(RNG)
    assert set(np.unique(draw.inputs["X"])) <= {0.0, 1.0}
    assert np.all(draw.inputs["w"].sum(axis=0) == 1)
    assert np.all(draw.inputs["b"] == draw.dims["m"])
    assert draw.inputs["lam"] == 3
    for bad in ((2, 1), (1, 2, 3), ("a", "b")):
        with pytest.raises(BadInputError, match="a range is"):
            distribution(bad)
    with pytest.raises(BadInputError, match="axis of classes"):
        onehot(RNG, (), {})


@pytest.mark.parametrize("seed", range(5))
def test_distributions_keep_their_promise(seed):
    rng = np.random.default_rng(seed)
    x = np.sort(distinct(rng, (4, 6), {}).ravel())
    assert np.diff(x).min() > 0.1
    assert np.abs(x).min() > 0.05
    assert positive(rng, (50,), {}).min() > 0


def test_leaves_and_changes():
    draw = recipe_for(lambda p, x: 0, (), {"p": {"W": "n m", "b": ""}, "x": "m"}, None).draw(RNG)
    assert list(draw.leaves) == ["W", "b", "x"]
    changed = draw.replaced({"b": np.float64(7)})
    assert changed.inputs["p"]["b"] == 7
    assert draw.inputs["p"]["b"] != 7
    assert list(named_leaves({"p": {"W": 1.0}, "q": {"W": 2.0}})) == ["p.W", "q.W"]


@pytest.mark.parametrize("key", ["W", "dW", "d_W", "dJ_dW", "dJdW", "dL/dW", "grad_W", "W_grad", "gW", "W_bar", "∂W"])
def test_a_gradient_finds_its_input(key):
    assert owner(key, ["b", "W"]) == "W"


def test_an_exact_name_wins():
    assert owner("dx", ["x", "dx"]) == "dx"
    assert owner("dZ", ["W"]) is None
