"""The tester's parts by themselves: relations of whole outputs, fitted factors, laws of a vjp, small cases."""

from __future__ import annotations

import functools
import linecache
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor
from tinygrad_notes.errors import BadInputError, NotScalarError
from tinygrad_notes.testing import bits, check_gradient, check_vjp, positive
from tinygrad_notes.testing.artefacts import _imports
from tinygrad_notes.testing.blame import COLOURS, Blame
from tinygrad_notes.testing.draws import Draw, recipe_for
from tinygrad_notes.testing.edits import _elementwise_above, about, laid_out
from tinygrad_notes.testing.fitting import ONE, Candidate, Evidence
from tinygrad_notes.testing.judge import Judge
from tinygrad_notes.testing.outputs import _as_mapping, name_outputs
from tinygrad_notes.testing.relations import relations
from tinygrad_notes.testing.scalars import Symbols
from tinygrad_notes.testing.shrink import Shrinker
from tinygrad_notes.testing.source import source_of
from tinygrad_notes.testing.special import _conditions, right_when
from tinygrad_notes.testing.subject import Subject, Untraceable, copied, draw_with, first_line, same, wide, widened
from tinygrad_notes.testing.tape import Tape, expression

RNG = np.random.default_rng(11)
SIZES = ((3, 4), (5, 2), (2, 6))

# ── relations of whole outputs ───────────────────────────────────────────────────────────────────────────────────


def evidence(hand, outputs=("x",), known=None, shape=None, complex_=False):
    """Three cases; ``hand(true, n, m)`` gives the user's gradients from the right ones."""
    rng = np.random.default_rng(0)
    trues, hands, tapes = [], [], []
    for n, m in SIZES:
        sides = shape(n, m) if shape is not None else (n, m)
        true = {name: rng.standard_normal(sides) for name in outputs}
        if complex_:
            true = {name: g + 1j * rng.standard_normal(sides) for name, g in true.items()}
        trues.append(true)
        arrays = (
            {"W": rng.standard_normal(sides), "v": rng.standard_normal(n + 7), "lam": 0.5} if known is None else known
        )
        hands.append(hand(true, n, m, arrays))
        tapes.append(SimpleNamespace(known=arrays))
    sizes = np.array(SIZES, dtype=float).T
    return SimpleNamespace(true=trues, hand=hands, tapes=tapes, symbols=Symbols(["n", "m"], sizes))


def one(f):
    return lambda true, n, m, known: {"x": f(true["x"], n, m, known)}


@pytest.mark.parametrize(
    ("hand", "told"),
    [
        (one(lambda t, n, m, k: t), []),
        (one(lambda t, n, m, k: -t), [("sign", 0.2, "dx has the wrong sign")]),
        (one(lambda t, n, m, k: 0 * t), [("missing-term", 1.0, "dx is always zero")]),
        (one(lambda t, n, m, k: 3 * t), [("scale", 1.0, "dx is 3 times the right value")]),
        (one(lambda t, n, m, k: t / m), [("scale", 1.5, "dx has a factor 1/m too much")]),
        (one(lambda t, n, m, k: t * n), [("scale", 1.5, "dx has a factor n too much (missing 1/n)")]),
        (one(lambda t, n, m, k: t * 0.123456), []),
        (one(lambda t, n, m, k: t[::-1]), [("flip", 0.8, "dx is the other way round along axis 0")]),
        (one(lambda t, n, m, k: t[:, ::-1]), [("flip", 0.8, "dx is the other way round along axis 1")]),
        (one(lambda t, n, m, k: t + k["W"]), [("extra-term", 1.4, "dx has a term W too much")]),
        (one(lambda t, n, m, k: t - k["W"]), [("missing-term", 1.4, "dx has a term W too little")]),
        (one(lambda t, n, m, k: t + 2 * k["W"]), [("extra-term", 1.7, "dx has a term 2 * W too much")]),
        (one(lambda t, n, m, k: t - k["W"] / m), [("missing-term", 2.4, "dx has a term 1/m * W too little")]),
        (one(lambda t, n, m, k: t + np.sign(k["W"])), [("extra-term", 1.4, "dx has a term sign(W) too much")]),
        (one(lambda t, n, m, k: t - 2 * k["W"] ** 2), [("missing-term", 1.7, "dx has a term 2 * W**2 too little")]),
        (one(lambda t, n, m, k: t + np.cos(k["W"])), []),
        (one(lambda t, n, m, k: t * np.nan), []),
    ],
)
def test_one_output_against_the_right_one(hand, told):
    found = [(match.kind, round(match.cost, 6), match.text) for match in relations(evidence(hand), ["x"])]
    assert found == told


@pytest.mark.parametrize(
    ("hand", "told"),
    [
        (one(lambda t, n, m, k: t.T), [("transpose", 0.4, "dx is transposed: shape (4, 3), x has (3, 4)"),
                                       ("keepdims", 0.3, "dx has shape (4, 3), x has (3, 4): keepdims=True"),
                                       ("transpose", 0.5, "dx is transposed")]),
        (one(lambda t, n, m, k: t[None]), [("keepdims", 0.3, "dx has shape (1, 3, 4), x has (3, 4): keepdims=True")]),
        (one(lambda t, n, m, k: np.stack([t, t])),
         [("not-reduced", 0.6, "dx has shape (2, 3, 4): it has to be averaged over axis 0, x was repeated along it")]),
        (one(lambda t, n, m, k: np.stack([t, 2 * t])), []),
        (one(lambda t, n, m, k: np.stack([t, 2 * t]) / 3),
         [("not-reduced", 0.6, "dx has shape (2, 3, 4): it has to be summed over axis 0, x was repeated along it")]),
        (one(lambda t, n, m, k: np.stack([t, t], axis=2) / 2),
         [("not-reduced", 0.6, "dx has shape (3, 4, 2): it has to be summed over axis 2, x was repeated along it")]),
        (one(lambda t, n, m, k: np.stack([0.5 * t, 1.5 * t], axis=1)),
         [("not-reduced", 0.6, "dx has shape (3, 2, 4): it has to be averaged over axis 1, x was repeated along it")]),
    ],
)  # fmt: skip
def test_one_output_of_another_shape(hand, told):
    assert [(match.kind, match.cost, match.text) for match in relations(evidence(hand), ["x"])] == told


def test_a_number_that_was_not_summed():
    whole = evidence(one(lambda t, n, m, k: np.full((n, m), float(t) / (n * m))), shape=lambda n, m: ())
    [match] = relations(whole, ["x"])
    assert match.text == "dx has shape (3, 4): it has to be summed over all entries, x was repeated along it"


def test_a_square_output_is_told_from_its_transpose():
    [match] = relations(evidence(one(lambda t, n, m, k: t.T), shape=lambda n, m: (n, n)), ["x"])
    assert (match.kind, match.cost, match.text) == ("transpose", 0.5, "dx is transposed")
    symmetric = one(lambda t, n, m, k: t)
    assert list(relations(evidence(symmetric, shape=lambda n, m: (n, n)), ["x"])) == []


@pytest.mark.parametrize(
    ("hand", "told"),
    [
        (lambda t: np.conj(t), [("conj", 0.5, "dx is the complex conjugate of the right value")]),
        (lambda t: np.real(t) + 0j, [("conj", 0.8, "dx keeps only one part (real or imaginary) of the right value")]),
        (lambda t: 1j * np.imag(t), [("conj", 0.8, "dx keeps only one part (real or imaginary) of the right value")]),
        (lambda t: 1j * t, []),
    ],
)
def test_parts_of_a_complex_output(hand, told):
    found = relations(evidence(one(lambda t, n, m, k: hand(t)), complex_=True), ["x"])
    assert [(match.kind, match.cost, match.text) for match in found] == told


@pytest.mark.parametrize(
    ("hand", "told"),
    [
        (lambda t, n, m, k: {"x": 2 * t["x"], "y": 2 * t["y"]}, ["dx and dy are 2 times the right value"]),
        (lambda t, n, m, k: {"x": 2 * t["x"], "y": 3 * t["y"]}, []),
        (lambda t, n, m, k: {"x": 0 * t["x"], "y": 0 * t["y"]}, ["dx and dy are always zero"]),
        (lambda t, n, m, k: {"x": t["y"], "y": t["x"]}, ["dx and dy are exchanged"]),
        (lambda t, n, m, k: {"x": t["y"].T, "y": t["x"].T}, ["dx and dy are exchanged"]),
        (lambda t, n, m, k: {"x": t["y"], "y": -t["x"]}, []),
    ],
)
def test_two_outputs_together(hand, told):
    found = list(relations(evidence(hand, ("x", "y")), ["x", "y"]))
    assert [match.text for match in found] == told
    assert all(match.outputs == ("x", "y") and match.where == "x" for match in found)


# ── a candidate against the evidence ─────────────────────────────────────────────────────────────────────────────


def product(a, b):
    u = a * b
    return np.sum(u * u) + np.sum(a)


def fitted(send, hand, free=True, outputs=("a",), spared=(), say=None, reaches=frozenset()):
    """Try one candidate: what goes along the edge from u to a is ``send(g, b)``."""
    tapes = []
    for n in (3, 5):
        rng = np.random.default_rng(n)
        draw = Draw({"n": n}, {"a": rng.standard_normal(n), "b": rng.standard_normal(n)})
        draw.hand = dict.fromkeys(("a", "b"))
        tape = Tape(Subject(product, product), draw)
        draw.hand = hand(tape.gradient("a"), tape.gradient("b"), draw.inputs["a"], draw.inputs["b"], n)
        tapes.append(tape)

    def pullbacks(tape):
        u = next(step for step in tape.steps if step.name == "u")
        return {(u.number, 0): lambda g: send(g, tape.known["b"])}

    found = Evidence(tapes, Symbols(["n"], np.array([[3.0, 5.0]])), outputs, spared)
    said = say or (lambda factor, alone: ("kind", f"{factor.text} {alone}"))
    return found.try_out(Candidate("kind", 1.5, "u", pullbacks, said, free, 7, reaches), outputs, spared)


def test_a_candidate_fits_with_a_named_factor():
    right = lambda ga, gb, a, b, n: {"a": ga, "b": gb}
    assert fitted(lambda g, b: g * b, right).text == "1 False"  # something else reaches a too: the sum
    halved = lambda ga, gb, a, b, n: {"a": 1 + (ga - 1) / n, "b": gb}
    match = fitted(lambda g, b: g * b, halved)
    assert (match.text, match.cost, match.where, match.line, match.outputs) == (
        "1/n False",
        1.5 + 1.0 + 0.6,
        "u",
        7,
        ("a",),
    )
    assert len(match.grads) == 2
    assert fitted(lambda g, b: g * b, halved, free=False) is None
    gone = lambda ga, gb, a, b, n: {"a": np.ones(n), "b": gb}
    match = fitted(lambda g, b: g * b, gone)
    assert (match.text, match.cost) == ("0 False", 1.5 + 0.2 + 0.6)
    assert fitted(lambda g, b: g * b, gone, free=False) is not None  # nothing at all is no factor
    wrong = lambda ga, gb, a, b, n: {"a": 1 + 2 * a * b, "b": gb}
    assert fitted(lambda g, b: g, wrong).text == "1 False"
    assert fitted(lambda g, b: g, wrong).cost == 1.5
    assert fitted(lambda g, b: g * b, wrong) is None
    assert fitted(lambda g, b: g[:1], wrong) is None
    assert fitted(lambda g, b: 0 * g, wrong) is None
    assert fitted(lambda g, b: g * b, lambda ga, gb, a, b, n: {"a": 1 + (ga - 1) * 0.123456, "b": gb}) is None
    assert fitted(lambda g, b: g, wrong, say=lambda factor, alone: None) is None


def test_a_candidate_must_leave_what_is_right_alone():
    wrong = lambda ga, gb, a, b, n: {"a": 1 + 2 * a * b, "b": gb}
    assert fitted(lambda g, b: g, wrong, spared=("b",)) is not None
    assert fitted(lambda g, b: g, wrong, outputs=("b",), spared=("a",)) is None
    assert fitted(lambda g, b: g, wrong, reaches=frozenset({"a"})) is not None
    assert fitted(lambda g, b: g, wrong, reaches=frozenset({"b"})) is None
    assert fitted(lambda g, b: g, wrong, reaches=frozenset({"a", "b"}), spared=("b",)) is None
    assert fitted(lambda g, b: g, wrong, outputs=("a", "b"), reaches=frozenset({"a"})) is None


@pytest.mark.parametrize(("kind", "odd"), [("scale", 0), ("term-scale", 0), ("sign", 0), ("missing-term", 0),
                                           ("constant", 0), ("axis", 0.6)])  # fmt: skip
def test_factors_are_plain_where_the_slip_is_one(kind, odd):
    halved = lambda ga, gb, a, b, n: {"a": 1 + (ga - 1) / 2, "b": gb}
    match = fitted(lambda g, b: g * b, halved, say=lambda factor, alone: (kind, "text"))
    assert match.cost == pytest.approx(1.5 + 0.3 + odd)


# ── the tape ─────────────────────────────────────────────────────────────────────────────────────────────────────


def traced(f, **inputs):
    draw = Draw({}, inputs)
    draw.hand = dict.fromkeys(inputs)
    return Tape(Subject(f, f), draw)


def test_names_expressions_and_places_on_a_tape():
    def f(x, k, ids):
        y = x * k
        z = y
        total = 0.0
        for _ in range(3):
            total = total + np.sum(z[ids] ** 2)
        return total

    tape = traced(f, x=np.arange(3.0), k=2.0, ids=np.array([0, 1]))
    assert tape.constants.keys() == {"ids"}
    named = {step.name: step for step in tape.steps if step.name}
    assert set(named) == {"x", "k", "y", "total"}
    assert named["y"].names == ["y", "z"]
    assert set(tape.known) == {"ids", "x", "k", "y", "total"}
    assert tape.label(named["y"].number) == "y"
    squares = [step for step in tape.steps if step.op == "power"]
    assert [step.turn for step in squares] == [0, 1, 2]
    assert len({step.place for step in squares}) == 1
    assert tape.label(squares[0].number) == "z[ids] ** 2"
    assert tape.reach[squares[0].number] == {"x", "k"}
    assert tape.leaves == {"x": 0, "k": 1}
    assert all(tape.steps[edge[0]].parents[edge[1]] == n for n, edges in enumerate(tape.users) for edge in edges)
    assert named["y"].line == f.__code__.co_firstlineno + 1


def test_unused_inputs_have_a_gradient_of_zero():
    tape = traced(lambda x, y: np.sum(x), x=np.ones(2), y=np.ones((2, 2)))
    np.testing.assert_array_equal(tape.gradient("y"), np.zeros((2, 2)))
    np.testing.assert_array_equal(tape.gradient("x"), np.ones(2))


def test_only_what_lies_below_a_change_is_computed_anew():
    tape = traced(lambda x, y: np.sum(np.sin(x)) + np.sum(np.exp(y)), x=np.ones(2), y=np.ones(2))
    sine = next(step for step in tape.steps if step.op == "sin")
    grads = tape.backward({(sine.number, 0): lambda g: g * 7})
    np.testing.assert_array_equal(tape.gradient("x", grads), [7, 7])
    assert tape.gradient("y", grads) is tape.gradient("y")
    assert tape.backward({(sine.number, 0): lambda g: None})[tape.leaves["x"]] is None
    assert tape.backward()[0] is tape.grads[0]


def test_expressions_that_are_short_and_on_one_line():
    assert expression(None, 3) == ""
    assert expression(product.__code__, -1) == ""
    name = "<a long line>"
    text = "def f(x):\n    return " + "x + " * 9 + "x, (x +\n x), x * x\n"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    space = {}
    exec(compile(text, name, "exec"), space)
    code = space["f"].__code__
    found = {expression(code, 2 * k) for k in range(len(code.co_code) // 2)}
    assert "x * x" in found
    assert "x + x" in found
    assert max(map(len, found)) <= 32
    assert not any("\n" in text for text in found)


@pytest.mark.parametrize(
    ("g", "like", "shape", "total"),
    [(np.ones(3), np.ones(3), (3,), 3), (np.ones((2, 3)), np.ones(3), (3,), 6),
     (np.ones((2, 3)), np.ones((1, 3)), (1, 3), 6),
     (np.ones((2, 3)), np.ones((2, 1)), (2, 1), 6), (np.ones(()), np.ones((2, 2)), (2, 2), 4),
     (np.ones((4, 2, 3)), 1.0, (), 24), (np.ones((1, 3)), np.ones((2, 3)), (2, 3), 6)],
)  # fmt: skip
def test_a_gradient_laid_out_like_its_variable(g, like, shape, total):
    found = laid_out(g, like)
    assert np.shape(found) == shape
    assert np.sum(found) == total
    with pytest.raises(ValueError, match="broadcast"):
        laid_out(np.ones(4), np.ones(3))


def test_elementwise_above():
    def f(x, W):
        y = np.tanh(x)
        z = y * 2.0
        w = W @ z
        v = w * np.sum(z)
        return np.sum(v)

    tape = traced(f, x=np.ones(2), W=np.ones((2, 2)))
    at = {step.name: step.number for step in tape.steps if step.name}
    assert _elementwise_above(tape, at["z"], at["x"])
    assert _elementwise_above(tape, at["y"], at["x"])
    assert not _elementwise_above(tape, at["x"], at["x"])
    assert not _elementwise_above(tape, at["w"], at["x"])
    assert not _elementwise_above(tape, at["x"], at["y"])
    assert _elementwise_above(tape, at["v"], at["w"])
    assert about("Z1") == "dZ1"
    assert about("a + b") == "d(a + b)"


# ── the subject ──────────────────────────────────────────────────────────────────────────────────────────────────


def cost(w, b):
    z = w * b
    return np.sum(z)


@pytest.mark.parametrize(
    ("by_hand", "positions"),
    [
        (lambda w, b: ("by name", w, b), []),
        (lambda b, w: ("by name", w, b), []),
        (lambda *, w, b: ("by name", w, b), []),
        (lambda w, b, more=3: ("by name", w, b), []),
        (lambda p, q: ("by name", p, q), ["p", "q"]),
        (lambda p, q, more=3: ("by name", p, q), ["p", "q", "more"]),
        (lambda *both: ("by name", *both), []),
        (lambda w, b, /: ("by name", w, b), []),
        (lambda z, w: ("by name", w, z / w), []),
        (lambda cache: ("by name", cache["w"], cache["b"]), []),
        (functools.partial(lambda k, w, b: ("by name", w, b), 1), []),
    ],
)
def test_how_a_hand_made_gradient_is_called(by_hand, positions):
    subject = Subject(cost, by_hand)
    assert subject.call_by_hand({"w": 2.0, "b": 3.0}) == ("by name", 2.0, 3.0)
    assert subject.by_position == positions
    assert subject.call_by_hand({"w": 4.0, "b": 3.0})[1] == 4.0


def test_parameters_that_are_nothing():
    subject = Subject(cost, lambda w, q, r: 0)
    with pytest.raises(BadInputError, match=r"needs q, r: neither an input of cost\(\) \(w, b\) nor one of its local"):
        subject.call_by_hand({"w": 2.0, "b": 3.0})


@pytest.mark.parametrize(
    ("value", "words"),
    [(np.ones(2), r"float64 \(2,\)"), ("text", "str"), (None, "NoneType"), (1 + 1j, "complex"), ([1.0], "list")],
)
def test_costs_that_are_no_number(value, words):
    with pytest.raises(NotScalarError, match=words):
        Subject(cost, cost).scalar(value)


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.array([[2.0]]), True + 1])
def test_costs_that_are_one(value):
    found = Subject(cost, cost).scalar(value)
    assert type(found) is np.float64
    assert found == 2.0


def test_what_a_function_overwrites():
    def f(a, b):
        a += 1
        b["c"][0] = 7.0
        return np.sum(a)

    draw = Draw({}, {"a": np.ones(2), "b": {"c": np.zeros(2), "d": np.nan}})
    subject = Subject(f, lambda a, b: 1)
    assert subject.overwritten_by_f(draw) == ["a", "c"]
    assert subject.overwritten_by_hand(draw) == []
    assert draw.inputs["a"].tolist() == [1, 1]
    assert Subject(lambda a: a.gone, f).overwritten_by_f(Draw({}, {"a": np.ones(2)})) == []


def test_autodiff_in_both_precisions_and_why_not():
    subject = Subject(lambda x: np.sum(x**2), cost)
    draw = Draw({}, {"x": np.array([1.0, 2.0], np.float32)})
    assert subject.autodiff(draw, ["x"])["x"].dtype == np.float64
    assert subject.autodiff(draw, ["x"], single=True)["x"].dtype == np.float32
    with pytest.raises(Untraceable, match="nothing recorded"):
        Subject(lambda x: 3.0, cost).autodiff(draw, ["x"])
    with pytest.raises(Untraceable, match="ValueError: no"):
        Subject(lambda x: (_ for _ in ()).throw(ValueError("no\nmore")), cost).autodiff(draw, ["x"])
    assert Subject(lambda x: np.sum(x, keepdims=True), cost).autodiff(draw, ["x"])["x"].tolist() == [1, 1]


def test_leaves_wide_and_narrow():
    assert wide(np.float32(1)).dtype == np.float64
    assert wide(np.complex64(1)).dtype == np.complex128
    assert wide(np.ones(2), True).dtype == np.float32
    assert wide(np.ones(2) * 1j, True).dtype == np.complex64
    assert wide(3) == 3
    assert wide(np.arange(2)).dtype.kind == "i"
    inputs = {"a": np.ones(2, np.float32), "b": [np.float16(1), "text"], "c": np.float64(1)}
    found = widened(inputs)
    assert (found["a"].dtype, found["b"][0].dtype, found["b"][1]) == (np.float64, np.float64, "text")
    fresh = copied(inputs)
    assert fresh["a"] is not inputs["a"]
    assert draw_with({"a": 1, "b": 2}, {"a": 3}) == {"a": 3, "b": 2}
    assert draw_with({"p": {"W": 1.0}, "b": 2.0}, {"W": 3.0}) == {"p": {"W": 3.0}, "b": 2.0}


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [(np.ones(2), np.ones(2), True), (np.ones(2), np.ones((1, 2)), False),
     (np.array([np.nan]), np.array([np.nan]), True),
     (np.ones(2), np.array([1, 2.0]), False), ("a", "a", True), (1, 2, False),
     (np.array(["a"]), np.array(["a"]), True)],
)  # fmt: skip
def test_the_same_leaf(a, b, equal):
    assert same(a, b) is equal
    assert first_line(ValueError()) == "ValueError"


# ── conditions, small cases ──────────────────────────────────────────────────────────────────────────────────────


def test_conditions_in_their_order():
    recipe = recipe_for(lambda X, w, lam: 0, (), {"X": "n m", "w": "n", "lam": ""}, None)
    assert [text for text, _ in _conditions(recipe)] == [
        "n = 1", "m = 1", "lam = 0", "lam = 1", "X = 0", "X = 1", "w = 0", "w = 1", "n = m"
    ]  # fmt: skip
    chosen = recipe_for(lambda X: 0, (), {"X": "n m"}, None, dims=[2, 3])
    assert [text for text, _ in _conditions(chosen)] == ["X = 0", "X = 1"]


@pytest.mark.parametrize(
    ("by_hand", "when"),
    [
        (lambda X, k: {"X": 2 * X * k * X.shape[1]}, ["m = 1"]),
        (lambda X, k: {"X": 2 * X * k * X.shape[1] / X.shape[0]}, ["n = m"]),
        (lambda X, k: {"X": 2 * X * k**2}, ["k = 1"]),
        (lambda X, k: {"X": 2 * X * k + (k - 1) * (X.shape[0] - 1)}, ["n = 1", "k = 1"]),
        (lambda X, k: {"X": 2 * X**2 * k}, ["X = 1"]),
        (lambda X, k: {"X": 3 * X * k}, []),
        (lambda X, k: {"X": 2 * X * k + k}, []),  # zero where k is: that says nothing
    ],
)
def test_when_a_wrong_derivation_is_right(by_hand, when):
    recipe = recipe_for(lambda X, k: 0, (), {"X": "n m", "k": ""}, None)
    subject = Subject(lambda X, k: k * np.sum(X**2), by_hand)
    assert right_when(subject, Judge(subject), recipe, ["X"], 0) == when


def test_right_on_a_kink_is_chance():
    recipe = recipe_for(lambda x: 0, (), {"x": "3"}, None)
    subject = Subject(lambda x: np.sum(np.abs(x - 1)) + np.sum(x), lambda x: {"x": np.ones(3)})
    assert right_when(subject, Judge(subject), recipe, ["x"], 0) == []


def shrinker(shapes, f, by_hand, wrong=("x",), **options):
    recipe = recipe_for(f, (), shapes, options.pop("given", None), **options)
    subject = Subject(f, by_hand)
    judge = Judge(subject)
    draw = recipe.draw(np.random.default_rng(0))
    draw.hand, draw.true = subject.hand(draw), subject.autodiff(draw, list(wrong))
    return Shrinker(subject, judge, recipe, list(wrong), 0), draw


def test_sizes_grow_with_the_count_of_numbers():
    found, _ = shrinker({"x": "n m"}, lambda x: np.sum(x), lambda x: {"x": x})
    upwards = found.shapes_upwards(6)
    assert upwards[0] == {"n": 1, "m": 1}
    assert [found.count(dims) for dims in upwards] == [1, 2, 2, 3, 3, 4, 6, 6]
    assert found.count({"n": 4, "m": 5}) == 20
    chosen, _ = shrinker({"x": "n m"}, lambda x: np.sum(x), lambda x: {"x": x}, dims={"n": [5, 4, 5], "m": 2})
    assert chosen.shapes_upwards(99) == [{"n": 4, "m": 2}, {"n": 5, "m": 2}]
    many, _ = shrinker({"x": "a b c d e f"}, lambda x: np.sum(x), lambda x: {"x": x}, dims=None)
    assert max(max(dims.values()) for dims in many.shapes_upwards(10**6)) == 2


@pytest.mark.parametrize(
    ("f", "by_hand", "shapes", "given", "inputs", "dims"),
    [
        (lambda x: np.sum(x**2), lambda x: {"x": 3 * x}, {"x": "n"}, None, {"x": [1.0]}, {"n": 1}),
        (lambda x: np.sum(x**2), lambda x: {"x": 2 * x * x.shape[0]}, {"x": "n"}, None, {"x": [0.0, 1.0]}, {"n": 2}),
        (lambda x: np.sum(x**2), lambda x: {"x": 2 * np.abs(x)}, {"x": "n"}, None, {"x": [-1.0]}, {"n": 1}),
        (lambda x: np.sum(x**2), lambda x: {"x": x}, {"x": "n"}, {"x": positive}, {"x": [1.0]}, {"n": 1}),
        (lambda x, y: np.sum(x * y), lambda x, y: {"x": 2 * y}, {"x": "n", "y": "n"}, {"y": bits},
         {"x": [0.0], "y": [1.0]}, {"n": 1}),
        (lambda x, k: k * np.sum(x), lambda x, k: {"x": 2 * k + 0 * x}, {"x": "n", "k": ""}, {"k": (0.6, 0.9)},
         {"x": [0.0]}, {"n": 1}),
    ],
)  # fmt: skip
def test_the_smallest_case_is_the_plainest(f, by_hand, shapes, given, inputs, dims):
    found, failing = shrinker(shapes, f, by_hand, given=given)
    case = found.shrink(failing)
    assert case.dims == dims
    for name, value in inputs.items():
        assert np.asarray(case.inputs[name]).tolist() == value
    assert found.tries <= 160


def test_a_difference_that_does_not_show_is_no_case():
    found, draw = shrinker({"x": "3"}, lambda x: np.sum(x), lambda x: {"x": np.ones(3)})
    draw.true = {"x": np.ones(3)}
    for hand, shows in ((1 + 0.99e-2, False), (1 + 1.01e-2, True), (np.nan, True), (np.ones(2), True)):
        draw.hand = {"x": hand * np.ones(3) if np.ndim(hand) == 0 else hand}
        found.subject.by_hand, found.subject.pass_by_hand = (lambda x, h=draw.hand["x"]: {"x": h}), None
        assert found.plainly_wrong(draw, "x") is shows
    draw.hand, draw.true = {"x": np.ones(3)}, {"x": np.full(3, np.nan)}
    assert not found.plainly_wrong(draw, "x")
    assert not found.plainly_wrong(draw, "y")
    draw.hand, draw.true = {"x": np.full(3, 1e-9)}, {"x": np.zeros(3)}
    found.sizes = {"x": 1.0}
    assert not found.plainly_wrong(draw, "x")  # nothing beside what the output usually is


def test_two_wrong_outputs_are_shown_in_one_case():
    report = check_gradient(
        lambda x, y: np.sum(x**2) + np.sum(y**3), lambda x, y: {"dx": 3 * x, "dy": y**2}, shapes={"x": "n", "y": "n"}
    )
    assert set(report.case.yours) == {"dx", "dy"}
    assert report.case.dims == {"n": 1}
    assert all(np.any(report.case.yours[k] != report.case.correct[k]) for k in ("dx", "dy"))


# ── concrete arguments, laws, files ──────────────────────────────────────────────────────────────────────────────


def test_concrete_arguments_are_varied_for_the_diagnosis():
    x = np.array([[1.0, 2.0, -1.0]])
    report = check_gradient(lambda x: np.mean(x**2), lambda x: {"dx": 2 * x}, x)
    assert [slip.kind for slip in report.slips] == ["scale"]
    assert report.examples == 1
    assert report.case.smallest is False
    report = check_gradient(lambda x: np.sum(x**2), {"dx": x}, x)
    assert report.verdict == "wrong"
    fixed = check_gradient(lambda x, k: k * np.sum(x**2), lambda x, k: {"dx": 2 * x, "dk": np.sum(x**2)}, x, 3.0)
    assert fixed.wrong == ["dx"]
    assert fixed.right == ["dk"]


@pytest.mark.parametrize(
    ("vjp", "slips"),
    [
        (lambda g, x: 2 * g * x, []),
        (lambda g, x: 2 * x, ["vjp(0) is not 0: the upstream gradient g is not used in dx"]),
        (lambda g, x: 2 * g * np.abs(g) * x, ["dx is not linear in g: vjp(−2g) is not −2 vjp(g)"]),
        (lambda g, x: 2 * np.abs(g) * x, ["dx is not linear in g: vjp(−2g) is not −2 vjp(g)"]),
        (lambda g, x: (2 * g * x).astype(np.float32), ["dx is float32, x is float64"]),
        (lambda g, x: 2 * g * x * (1 + 1e-14 * np.sign(np.sum(g))), []),
    ],
)
def test_the_laws_of_a_vjp(vjp, slips):
    report = check_vjp(lambda x: x**2, vjp, shapes={"x": "n"}, diagnose=False)
    assert [slip.text for slip in report.slips] == slips
    assert bool(report) is not bool(slips)


def test_a_vjp_may_ask_for_the_result_and_for_containers():
    assert check_vjp(np.exp, lambda g, y, x: g * y, shapes={"x": "n m"})
    assert check_vjp(lambda x, k: x * k, lambda g, x, k: (g * k, np.sum(g * x)), shapes={"x": "n", "k": ""})
    assert check_vjp(lambda x: (x**2, np.sum(x)), lambda g, x: 2 * x * g[0] + g[1], shapes={"x": "n"})
    assert check_vjp(lambda g, x: g * x, lambda dy, g, x: {"g": dy * x, "x": dy * g}, shapes={"g": "n", "x": "n"})
    assert check_vjp(lambda x: x * (1 + 2j), lambda g, x: np.real(g * (1 - 2j)), shapes={"x": "n"})
    assert check_vjp(lambda x: (x > 0, x), lambda g, x: g[1], shapes={"x": "n"})
    report = check_vjp(lambda x: np.float32(2) * x.astype(np.float32), lambda g, x: 2.0 * g, shapes={"x": "n"},
                       dtype=np.float32)  # fmt: skip
    assert report
    wrong = check_vjp(lambda x, k: x * k, lambda g, x, k: (g * k, None), shapes={"x": "n", "k": ""})
    assert wrong.right == ["dx"]
    second = check_vjp(np.sin, lambda g, x: g * tn.stop_gradient(np.cos(x)), shapes={"x": "n"}, order=2)
    assert second.verdict == "wrong"
    for order in (0, 3):
        with pytest.raises(BadInputError, match="order="):
            check_vjp(np.sin, lambda g, x: g * np.cos(x), shapes={"x": "n"}, order=order)


def test_imports_of_a_saved_program():
    lines = _imports(linecache.getline, lambda x: x, len, np.sin).splitlines()
    assert lines[0] == "from linecache import getline"
    assert lines[1].startswith("# bring <lambda> here: <function")
    assert "0x" not in lines[1]
    assert lines[2].startswith("# bring len here")
    assert lines[3].startswith("# bring sin here")


@pytest.mark.parametrize("option", ["mean", np.tanh, None, ("a", 1)])
def test_options_beside_the_numbers_do_not_disturb_the_diagnosis(option):
    """It raised a TypeError where a wrong derivation's cost took a word or a function as well."""
    report = check_gradient(
        lambda x, kind: np.sum(x**2), lambda x, kind: {"dx": 2 * x + 1}, shapes={"x": "n"},
        given={"kind": lambda rng, shape, dims: option},
    )  # fmt: skip
    assert report.wrong == ["dx"]


def test_what_a_failed_check_leaves_behind(tmp_path):
    def f(x, kind):
        return np.sum(x**2)

    by_hand = lambda x, kind: {"dx": x}
    options = {"shapes": {"x": "n"}, "given": {"kind": lambda rng, shape, dims: np.tanh}, "artefacts": tmp_path}
    report = check_gradient(f, by_hand, **options)
    stored = np.load(tmp_path / "the_lambda.npz")
    assert sorted(stored) == ["dx_correct", "dx_yours", "x"]
    np.testing.assert_array_equal(stored["dx_correct"], 2 * stored["x"])
    assert report.notes[-1] == f"saved: {tmp_path / 'the_lambda.html'}"
    page = (tmp_path / "the_lambda.html").read_text(encoding="utf-8")
    assert "Your derivation beside the engine" in page
    assert "<svg" in page
    assert "case = np.load" in page
    program = (tmp_path / "the_lambda_again.py").read_text(encoding="utf-8")
    assert program.startswith("# dx is wrong in the lambda.\n")
    assert "inputs = [case[name] for name in ['x', 'kind']]" in program
    assert "wrt='x')" in program
    assert not list(tmp_path.glob("*.txt"))
    check_gradient(
        f, lambda x, kind: {"dx": 2 * x}, shapes={"x": "n"}, given={"kind": "a"}, artefacts=tmp_path / "none"
    )
    assert not (tmp_path / "none").exists()


def test_colours_of_the_map():
    graph = tn.graph(Tensor(2.0, name="a") * Tensor(3.0, name="b"))
    blame = Blame({"a": "right", "b": "wrong", "c": "because"}, {"a": "da", "b": "db", "c": "dc"}, lambda: graph)
    style = blame.style()
    assert style.count("stroke-width") == 2
    assert style.index(COLOURS["right"]) < style.index(COLOURS["wrong"])
    assert blame.svg().count("</style>") == graph._repr_svg_().count("</style>")
    assert str(blame).splitlines() == ["da  right", "db  the first wrong one", "dc  wrong because of it"]
    assert str(Blame()) == ""


def test_a_source_that_does_not_parse_is_no_source():
    name = "<half a function>"
    space = {}
    exec(compile("def half(x):\n    return x\n", name, "exec"), space)
    text = "def half(x):\n    return (\n"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    assert source_of(space["half"]) is None
    found = name_outputs((1.0, 2.0), {"a": 1.0, "b": 2.0}, None, space["half"])
    assert list(found) == ["a", "b"]


def test_a_class_of_gradients_is_no_gradient():
    class Fields:
        dx = 1.0

    assert _as_mapping(Fields) is Fields
    assert ONE.number == 1.0
