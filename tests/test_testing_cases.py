"""What is drawn: values for a seed, ranges, sizes, and every message about an input that can't be drawn.

A check is reproduced by its seed, also years later: the numbers of a few draws are written down here.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, given, settings

from tinygrad_notes import Tensor
from tinygrad_notes.errors import BadInputError
from tinygrad_notes.rules import BOOK
from tinygrad_notes.testing import bits, check_gradient, distinct, onehot, positive
from tinygrad_notes.testing import strategies as st
from tinygrad_notes.testing.distributions import Fixed, Range, distribution, normal, plain_values
from tinygrad_notes.testing.draws import (
    SIZES,
    Draw,
    Recipe,
    as_arrays,
    name_of,
    named_leaves,
    parameter_names,
    parse_shape,
    recipe_for,
    sizes_text,
)

# ── distributions ────────────────────────────────────────────────────────────────────────────────────────────────


def many(kind, shape=(2000,)):
    return kind(np.random.default_rng(0), shape, {})


def test_normal_numbers():
    x = many(normal)
    assert abs(np.mean(x)) < 0.1
    assert np.std(x) == pytest.approx(1, abs=0.05)
    assert np.ndim(normal(np.random.default_rng(0), (), {})) == 0


def test_bits_are_0_and_1_and_about_as_often():
    x = many(bits)
    assert set(np.unique(x)) == {0.0, 1.0}
    assert x.dtype == np.float64
    assert np.mean(x) == pytest.approx(0.5, abs=0.05)


def test_positive_numbers_fill_their_range():
    x = many(positive)
    assert 0.2 <= x.min() < 0.22
    assert 2.98 < x.max() <= 3.0


@pytest.mark.parametrize("shape", [(), (1,), (2,), (7,), (50,), (5, 8)])
def test_distinct_numbers_are_a_fifth_apart_and_centred(shape):
    for seed in range(5):
        x = np.sort(np.ravel(distinct(np.random.default_rng(seed), shape, {})))
        assert np.all(np.diff(x) > 0.119)
        assert np.all(np.diff(x) < 0.281)
        half = x.size // 2
        assert np.all(x >= (-half + 0.3) * 0.2)
        assert np.all(x <= (x.size - 1 - half + 0.7) * 0.2)
        assert np.min(np.abs(x)) >= 0.06 - 1e-12
    assert np.ndim(distinct(np.random.default_rng(0), (), {})) == 0
    assert type(distinct(np.random.default_rng(0), (), {})) is np.float64


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_onehot_has_one_1_along_its_axis_and_every_class(axis):
    x = onehot(axis=axis)(np.random.default_rng(0), (3, 4, 5), {})
    assert x.shape == (3, 4, 5)
    assert np.all(x.sum(axis=axis) == 1)
    assert set(np.unique(x)) == {0.0, 1.0}
    others = tuple(k for k in range(3) if k != axis % 3)
    assert np.all(x.sum(axis=others) > 0)
    assert onehot(np.random.default_rng(0), (4,), {}).sum() == 1
    for shape in ((), None):
        with pytest.raises(BadInputError, match="axis of classes"):
            onehot(np.random.default_rng(0), shape, {})


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.0, -2.5), (0.6, 2)])
def test_a_range(low, high):
    kind = distribution((low, high))
    assert isinstance(kind, Range)
    x = many(kind)
    assert low <= x.min() < low + 0.01 * (high - low)
    assert high - 0.01 * (high - low) < x.max() <= high


@pytest.mark.parametrize("bad", [(2, 1), (1, 1), (1,), (), (1, 2, 3), ("a", "b"), (1, "b"), (None, 1)])
def test_what_is_no_range(bad):
    with pytest.raises(BadInputError, match="low < high"):
        distribution(bad)


@pytest.mark.parametrize(
    ("value", "shape", "drawn"),
    [
        (2, (2, 1), [[2.0], [2.0]]),
        (0.5, (), 0.5),
        (2, (), 2),
        (True, (3,), True),
        ("sum", (3,), "sum"),
        ([1, 2], (2,), [1, 2]),
    ],
)
def test_a_fixed_value(value, shape, drawn):
    kind = distribution(value)
    assert isinstance(kind, Fixed)
    found = kind(None, shape, {})
    assert type(found) is (np.ndarray if isinstance(drawn, list) and isinstance(value, int) else type(value))
    assert np.all(np.asarray(found) == np.asarray(drawn))


def test_the_default_is_normal_and_functions_are_taken_as_they_are():
    assert distribution(None) is normal
    assert distribution(bits) is bits


class Unhashable:
    __hash__ = None

    def __call__(self, rng, shape, dims):
        return 0.0


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (normal, (0.0, 1.0, -1.0, 2.0, -2.0, 3.0)), (bits, (0.0, 1.0)), (positive, (1.0, 2.0, 3.0)), (distinct, ()),
        (onehot, ()), (Unhashable(), ()), (Range(0, 3), (1.0, 0.5, 2.0, 0.0, 3.0)), (Range(-1, 0.4), (0.0, -1.0)),
        (Range(0.6, 0.9), ()), (Range(1, 2), (1.0, 2.0)),
    ],
)  # fmt: skip
def test_plain_values_that_a_shrunk_case_may_have(kind, values):
    assert plain_values(kind) == values


# ── shapes and recipes ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_sizes_of_symbols_without_a_choice():
    assert SIZES == (3, 4, 2, 5, 7, 6, 9, 8, 11, 10, 13, 12)
    for count, allowed in ((1, SIZES[:6]), (6, SIZES[:6]), (7, SIZES[:7]), (12, SIZES), (13, tuple(range(2, 15)))):
        recipe = recipe_for(lambda x: x, (), {"x": " ".join(f"s{k}" for k in range(count))}, None)
        assert set(recipe.sizes.values()) == {allowed}
        assert not recipe.chosen_sizes
        assert len(set(recipe.draw_sizes(np.random.default_rng(0)).values())) == count


def test_every_size_comes_up_and_narrow_choices_go_first():
    recipe = recipe_for(lambda x: x, (), {"x": "n m"}, None)
    rng = np.random.default_rng(0)
    draws = [recipe.draw_sizes(rng) for _ in range(200)]
    assert {d["n"] for d in draws} == {d["m"] for d in draws} == {2, 3, 4, 5, 6, 7}
    assert all(d["n"] != d["m"] for d in draws)
    narrow = recipe_for(lambda x: x, (), {"x": "n m"}, None, dims={"n": [2, 3], "m": 3})
    assert narrow.chosen_sizes
    assert all(narrow.draw_sizes(rng) == {"n": 2, "m": 3} for _ in range(20))
    same = recipe_for(lambda x: x, (), {"x": "n m"}, None, dims=5)
    assert same.draw_sizes(rng) == {"n": 5, "m": 5}
    assert list(same.draw_sizes(rng)) == ["n", "m"]
    empty = recipe_for(lambda x: x, (), {"x": "n m"}, None, dims={"n": 0})
    assert empty.draw(rng).inputs["x"].shape[0] == 0


@pytest.mark.parametrize(
    ("dims", "words"),
    [([], "takes sizes"), (-1, "takes sizes"), ([2, -1], "takes sizes"), ([1.5], "takes sizes"),
     ({"n": []}, "takes sizes"),
     ({"q": 1}, r"q is in no shape \(there: n\)")],
)  # fmt: skip
def test_sizes_that_are_none(dims, words):
    with pytest.raises(BadInputError, match=words):
        recipe_for(lambda x: x, (), {"x": "n"}, None, dims=dims)


def test_a_draw_is_the_same_for_the_same_seed():
    recipe = recipe_for(lambda x, w, k, s: x, (), {"x": "n 2", "w": "n", "s": ""}, {"w": bits, "k": 3, "s": (0, 1)})
    draw = recipe.draw(np.random.default_rng(5))
    assert draw.dims == {"n": 7}
    assert draw.inputs["x"][0].round(6).tolist() == [-1.324359, -0.248362]
    assert draw.inputs["w"].tolist() == [1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0]
    assert draw.inputs["k"] == 3
    assert float(draw.inputs["s"]) == pytest.approx(0.676689, abs=1e-6)
    assert recipe.draw(np.random.default_rng(5), {"n": 2}).inputs["x"].shape == (2, 2)


def test_dtypes_of_what_is_drawn():
    kinds = {"i": lambda rng, shape, dims: np.arange(2), "z": lambda rng, shape, dims: np.ones(2) * 1j,
             "p": lambda rng, shape, dims: 0.5, "u": lambda rng, shape, dims: "text", "t": True}  # fmt: skip
    recipe = recipe_for(lambda x, i, z, p, u, t: x, (), {"x": "2"}, kinds, dtype=np.float32)
    draw = recipe.draw(np.random.default_rng(0))
    assert [getattr(x, "dtype", None) for x in draw.inputs.values()] == [
        np.float32, np.int64, np.complex64, np.float32, None, None
    ]  # fmt: skip
    assert type(draw.inputs["p"]) is np.float32
    assert draw.inputs["u"] == "text"


def test_a_negative_size_is_refused():
    recipe = recipe_for(lambda x: x, (), {"x": "n-3"}, None, dims=2)
    with pytest.raises(BadInputError, match=r"x would have shape \(-1,\) at n=2; choose sizes with dims="):
        recipe.draw(np.random.default_rng(0))
    assert recipe_for(lambda x: x, (), {"x": "n-2"}, None, dims=2).draw(np.random.default_rng(0)).inputs["x"].shape == (
        0,
    )


def two(a, b, c=1.0):
    return a


@pytest.mark.parametrize(
    ("args", "shapes", "given", "words"),
    [
        ((1.0,), {"a": ""}, None, "either concrete arrays or shapes="),
        ((1.0, 2.0, 3.0, 4.0), None, None, r"two\(\) takes 3 arguments, 4 were given"),
        ((1.0,), None, None, r"two\(\) also needs b"),
        ((), ["a"], None, "shapes= is a dict"),
        ((), {"a": "", "b": ""}, [1], "given= is a dict"),
        ((), {"a": "", "q": ""}, None, r"q: not a parameter of two\(\), which has a, b, c"),
        ((), {"a": "", "b": ""}, {"z": 1, "y": 2}, "y, z: not a parameter"),
        ((), {"a": ""}, None, r"b: say its shape, shapes=\{'b': 'n m'\}, or its value, given=\{'b': ...\}"),
        ((), None, None, "a, b: say its shape"),
        ((), {"a": 3, "b": ""}, None, "shape 3 is no shape"),
    ],
)
def test_calls_that_make_no_sense(args, shapes, given, words):
    with pytest.raises(BadInputError, match=words):
        recipe_for(two, args, shapes, given)


def test_concrete_arguments_are_not_drawn():
    recipe = recipe_for(two, (np.array(2.0), [1, 2]), None, None)
    draw = recipe.draw(np.random.default_rng(0))
    assert draw.dims == {}
    assert type(draw.inputs["a"]) is np.float64
    assert isinstance(draw.inputs["b"], np.ndarray)
    assert "c" not in draw.inputs
    assert draw is not recipe.fixed
    assert isinstance(recipe, Recipe)


def test_containers_of_shapes():
    recipe = recipe_for(two, (), {"a": {"W": "n m", "layers": ["n", "m"]}, "b": ("n", 1)}, {"W": 2.0})
    draw = recipe.draw(np.random.default_rng(0), {"n": 2, "m": 3})
    assert list(draw.leaves) == ["W", "a.layers[0]", "a.layers[1]", "b"]
    assert np.all(draw.inputs["a"]["W"] == 2.0)
    assert [x.shape for x in draw.inputs["a"]["layers"]] == [(2,), (3,)]
    assert draw.inputs["b"].shape == (2, 1)
    assert recipe.symbols == ["n", "m"]


@pytest.mark.parametrize(
    ("value", "kind"),
    [([1, 2], np.ndarray), ([1.0, "a"], list), ([], list), (1.5, np.float64), (2, int), (np.array(2.0), np.float64),
     (np.ones(2), np.ndarray), (Tensor(2.0), np.float64), ("a", str), ((1.0, 2.0), tuple), ([1j], np.ndarray)],
)  # fmt: skip
def test_values_as_arrays(value, kind):
    assert type(as_arrays(value)) is kind


def test_names():
    class Net:
        def __call__(self, x):
            return x

    assert name_of(two) == "two()"
    assert name_of(lambda: 0) == "the lambda"
    assert name_of(Net()) == "Net()"
    assert sizes_text({"n": 1, "m": 2}) == "n=1, m=2"
    assert parameter_names(two, 0) == (["a", "b", "c"], ["a", "b"])
    assert parameter_names(lambda a, /, b, *rest, c, d=1, **more: 0, 4) == (["a", "b", "x2", "x3"], ["a", "b"])
    assert parameter_names(lambda *rest: 0, 2) == (["x0", "x1"], [])
    assert parameter_names(np.frompyfunc(abs, 1, 1), 2)[0][:1] in (["x0"], ["x"])
    assert parameter_names(lambda a, *, c: 0, 5) == (["a"], ["a"])
    assert parameter_names(lambda a, **more: 0, 5) == (["a"], ["a"])


def test_names_of_leaves():
    assert list(named_leaves({"p": {"W": 1.0}, "x": 2.0})) == ["W", "x"]
    assert list(named_leaves({"p": {"W": 1.0}, "W": 2.0})) == ["p.W", "W"]
    assert list(named_leaves({"p": [1.0, 2.0]})) == ["p[0]", "p[1]"]
    draw = Draw({"n": 1}, {"p": {"W": 1.0}, "x": 2.0}, {"W": 3.0}, {"W": 4.0})
    changed = draw.replaced({"x": 5.0})
    assert (changed.dims, changed.inputs, changed.hand, changed.true) == ({"n": 1}, {"p": {"W": 1.0}, "x": 5.0}, {}, {})


@pytest.mark.parametrize("shape", ["n m", "n,m", ("n", "m"), ["n", "m"], " n  m "])
def test_ways_of_writing_a_shape(shape):
    assert [axis.size({"n": 2, "m": 3}) for axis in parse_shape(shape)] == [2, 3]


def test_arithmetic_in_a_shape():
    sizes = {"n": 7, "m": 2}
    for text, size in (("n*m", 14), ("n//m", 3), ("n-m", 5), ("(n+1)*m", 16), ("3", 3)):
        [axis] = parse_shape(text)
        assert axis.size(sizes) == size
        assert axis.text == text
    assert parse_shape("n*m+n")[0].symbols == ("n", "m")
    for bad in ("n**m", "n/m", "-n", "n%m", "n if m"):
        with pytest.raises(BadInputError, match="is not a size"):
            parse_shape(bad)


# ── strategies ───────────────────────────────────────────────────────────────────────────────────────────────────


def examples(strategy, count=150):
    """What a strategy gives, the same at every run."""
    seen = []

    @settings(max_examples=count, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
    @given(strategy)
    def collect(x):
        seen.append(x)

    collect()
    return seen


@pytest.mark.parametrize(
    ("low", "high", "first", "last"),
    [(-2, 2, -2.0, 2.0), (0.1, 1.1, 0.25, 1.0), (-1.1, -0.3, -1.0, -0.5), (0.3, 0.6, 0.5, 0.5), (2.0, 2.0, 2.0, 2.0)],
)
def test_numbers_are_quarters_between_the_bounds(low, high, first, last):
    seen = set(examples(st.numbers(low, high)))
    assert (min(seen), max(seen)) == (first, last)
    assert len(seen) == 4 * (last - first) + 1


def test_bounds_without_a_quarter_between_them():
    assert all(0.3 <= x <= 0.4 for x in examples(st.numbers(0.3, 0.4), 40))


@pytest.mark.parametrize(("options", "axes", "low", "high"), [((), 3, 1, 4), ((2, 5, 0), 2, 0, 5)])
def test_shapes_reach_their_bounds_and_no_further(options, axes, low, high):
    found = examples(st.shapes(*options))
    assert {len(shape) for shape in found} == set(range(axes + 1))
    assert {n for shape in found for n in shape} == set(range(low, high + 1))


def test_broadcasting_shapes_have_ones_and_missing_axes():
    found = examples(st.broadcasting_shapes(3))
    assert all(len(shapes) == 3 and np.broadcast_shapes(*shapes) in shapes for shapes in found)
    assert any(len({len(shape) for shape in shapes}) == 3 for shapes in found)
    assert any(shape != full and len(shape) == len(full) for full, shape, _ in found)
    whole = [[k for k, shape in enumerate(shapes) if shape == np.broadcast_shapes(*shapes)] for shapes in found]
    assert {tuple(places) for places in whole} >= {(0,), (1,), (2,)}
    assert {n for shapes in found for shape in shapes for n in shape} == {1, 2, 3, 4}
    assert examples(st.broadcasting_shapes(0), 5)[0] == ()
    assert {len(shapes) for shapes in examples(st.broadcasting_shapes(1), 20)} == {1}


def test_arrays_of_any_symbolic_or_chosen_shape():
    assert {x.shape for x in examples(st.arrays((2, 3)), 20)} == {(2, 3)}
    assert {x.shape for x in examples(st.arrays("n 2", dims={"n": 3}), 20)} == {(3, 2)}
    assert {x.shape for x in examples(st.arrays("n n"))} == {(k, k) for k in (1, 2, 3, 4)}
    assert {np.ndim(x) for x in examples(st.arrays())} == {0, 1, 2, 3}
    found = examples(st.arrays("3", low=0.5, high=1, dtype=np.float32), 60)
    assert {x.dtype for x in found} == {np.dtype(np.float32)}
    assert {float(v) for x in found for v in x} == {0.5, 0.75, 1.0}


def test_tied_arrays_have_ties_and_zeros():
    found = examples(st.tied_arrays((3,)))
    assert {x.shape for x in found} == {(3,)}
    assert {float(v) for x in found for v in x} == {0.0, 1.0, -1.0}
    assert any(len(set(x)) == 2 for x in found)
    assert {np.ndim(x) for x in examples(st.tied_arrays())} == {0, 1, 2, 3}


def test_awkward_arrays_of_each_sort():
    found = examples(st.awkward_arrays(), 400)
    for condition in (
        lambda x: x.size > 1 and x.strides[-1] < 0,
        lambda x: x.ndim == 2 and min(x.shape) > 1 and x.flags.f_contiguous,
        lambda x: x.ndim == 2 and x.shape[0] > 1 and abs(x.strides[0]) == 2 * 8 * x.shape[1],
        lambda x: not x.flags.writeable and x.flags.c_contiguous and x.size > 1,
        lambda x: x.ndim == 2 and x.shape[0] > 1 and x.strides[0] == 0,
        lambda x: isinstance(x, np.ndarray) and x.ndim == 0,
        lambda x: x.size == 0,
    ):
        assert any(map(condition, found))
    sides = {n for x in found if x.size for n in x.shape}
    assert sides == {1, 2, 3, 4}
    assert {x.shape[0] for x in found if x.ndim == 2 and x.size == 0} == {0}
    assert {x.dtype for x in examples(st.awkward_arrays(np.float32), 20)} == {np.dtype(np.float32)}


def test_inputs_of_a_derivation():
    found = examples(st.inputs({"X": "n m", "w": "n"}, {"k": (1, 2), "w": bits}))
    assert all(list(x) == ["X", "w", "k"] and 1 <= x["k"] <= 2 for x in found)
    assert {n for x in found for n in x["X"].shape} == {1, 2, 3, 4}
    assert {float(v) for x in found for v in x["w"]} == {0.0, 1.0}
    assert len({float(x["k"]) for x in found}) > 20
    assert {n for x in examples(st.inputs({"X": "n"}, max_side=2), 40) for n in x["X"].shape} == {1, 2}
    assert {float(v) for x in examples(st.inputs({"Y": "n"}, {"Y": bits}), 40) for v in x["Y"]} == {0.0, 1.0}
    assert {type(x["p"]) for x in examples(st.inputs({"p": {"W": "n"}}), 20)} == {dict}


def test_arguments_inside_the_domain_of_a_rule():
    for f in (np.log, np.true_divide, np.arctanh):
        domain = BOOK[f].domain
        for args in examples(st.in_domain(BOOK[f], (3,)), 40):
            for k, x in enumerate(args):
                low, high = domain[min(k, len(domain) - 1)]
                assert x.shape == (3,)
                assert np.all((low <= x) & (x <= high))
    found = examples(st.in_domain(BOOK[np.add]), 60)
    assert all(len(args) == 2 for args in found)
    assert any(np.shape(a) != np.shape(b) for a, b in found)
    assert {x.dtype for (x,) in examples(st.in_domain(BOOK[np.log], (), np.float32), 20)} == {np.dtype(np.float32)}


def test_sample_calls_are_the_same_for_the_same_seed():
    for f in (np.log, np.add, np.sum, np.true_divide):
        first, again, other = (st.calls(BOOK[f], seed) for seed in (0, 0, 1))
        for (a, _), (b, _) in zip(first, again, strict=True):
            assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
        assert not np.array_equal(first[0][0][0], other[0][0][0])
    shapes = [[np.shape(x) for x in args] for args, _ in st.calls(BOOK[np.add])]
    assert shapes == [[(3, 4), (3, 4)], [(3, 1), (4,)], [(3, 4), ()], [(2, 3, 4), (3, 1)]]
    assert [[np.shape(x) for x in args] for args, _ in st.calls(BOOK[np.log])] == [[(3, 4)], [()]]
    low, high = BOOK[np.log].domain[0]
    assert all(np.all((low <= x) & (x <= high)) for (x,), _ in st.calls(BOOK[np.log]))
    assert all(np.all(np.abs(args[1]) > 0) for args, _ in st.calls(BOOK[np.true_divide]))


# ── sizes of 1, and names of results ─────────────────────────────────────────────────────────────────────────────


def affine(W, X, b):
    return np.mean((W @ X + b) ** 2)


def affine_by_hand(W, X, b):
    D = 2 * (W @ X + b) / (W.shape[0] * X.shape[1])
    return {"dW": D @ X.T, "db": np.sum(D, axis=1, keepdims=True)}


AFFINE = {"W": "k n", "X": "n m", "b": "k 1"}


def test_what_goes_wrong_with_one_row_alone_is_seen():
    def by_hand(W, X, b):
        found = affine_by_hand(W, X, b)
        return {"dW": np.squeeze(found["dW"]), "db": found["db"]}

    report = check_gradient(affine, by_hand, shapes=AFFINE)
    assert report.wrong == ["dW"]
    assert report.right == ["db"]
    assert "seen only where k = 1." in str(report)
    assert check_gradient(affine, by_hand, shapes=AFFINE, dims={"k": (2, 3), "n": (4, 5), "m": 6})


def test_a_branch_for_one_example_is_seen_and_repaired():
    def by_hand(W, X, b):
        found = affine_by_hand(W, X, b)
        if X.shape[1] == 1:
            return {"dW": found["dW"], "db": 2 * found["db"]}
        return found

    report = check_gradient(affine, by_hand, shapes=AFFINE)
    assert report.wrong == ["db"]
    assert "seen only where m = 1." in str(report)
    assert report.case.dims["m"] == 1
    assert not report.special


def test_what_is_undefined_with_one_example_is_told_and_no_slip():
    def raises(W, X, b):
        assert X.shape[1] > 1
        return affine_by_hand(W, X, b)

    report = check_gradient(affine, raises, shapes=AFFINE)
    assert report
    assert "where m = 1, raises() raises AssertionError" in str(report)

    def spread(x):
        return np.std(x)

    def by_its_formula(x):
        return (x - np.mean(x)) / (len(x) * np.std(x))

    report = check_gradient(spread, by_its_formula, shapes={"x": "n"})
    assert report
    assert "where n = 1, dx is NaN or infinite" in str(report)
    assert check_gradient(lambda x: np.var(x, ddof=1), lambda x: 2 * (x - np.mean(x)) / (len(x) - 1), shapes={"x": "n"})


def test_results_that_name_no_input_are_told_and_misspelt_ones_refused():
    def with_more(W, X, b):
        return {"W": W, "dZ": X, **affine_by_hand(W, X, b)}

    report = check_gradient(affine, with_more, shapes=AFFINE)
    assert report.right == ["dW", "db"]
    assert "not judged, since no input is called so: dZ" in str(report)

    def misspelt(W, X, b):
        found = affine_by_hand(W, X, b)
        return {"dW": found["dW"], "dB": found["db"]}

    with pytest.raises(BadInputError, match=r"returned dB.*gradient of b is db.*wrt='W'"):
        check_gradient(affine, misspelt, shapes=AFFINE)
    assert check_gradient(affine, misspelt, shapes=AFFINE, wrt="W")


def test_names_inside_a_container_are_read_too():
    def cost(p, x):
        return np.mean((p["w"] @ x + p["b"]) ** 2)

    def by_hand(p, x, bias="db"):
        d = 2 * (p["w"] @ x + p["b"]) / x.shape[1]
        return {"p": {"dw": d @ x.T, bias: np.sum(d), "dz": d}}

    shapes = {"p": {"w": "n", "b": ""}, "x": "n m"}
    assert "not judged, since no input is called so: dz" in str(check_gradient(cost, by_hand, shapes=shapes))
    with pytest.raises(BadInputError, match="returned dB"):
        check_gradient(cost, lambda p, x: by_hand(p, x, "dB"), shapes=shapes)
