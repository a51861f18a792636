"""The diagnosis names slips, their line and their repair, and says nothing where there is nothing to say."""

from __future__ import annotations

import functools
import json
import linecache
import sys
import textwrap
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from slips import SLIPS
from slips.drawing import draw_inputs, named

from tinygrad_notes import Tensor
from tinygrad_notes.errors import BadInputError
from tinygrad_notes.testing import bits, check_gradient
from tinygrad_notes.testing.diagnosis import diagnose
from tinygrad_notes.testing.draws import Draw
from tinygrad_notes.testing.scalars import symbols_of
from tinygrad_notes.testing.source import source_of
from tinygrad_notes.testing.subject import Subject
from tinygrad_notes.testing.tape import Tape
from tinygrad_notes.testing.watch import Watch

SHAPES = {"X": "n m", "Y": "1 m", "w": "n 1", "b": "1 1"}
OPTIONS = {"shapes": SHAPES, "given": {"Y": bits}}


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def cost(X, Y, w, b):
    Z = w.T @ X + b
    A = 1 / (1 + np.exp(-Z))
    return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))


def check(slip_id, **options):
    slip = SLIPS[slip_id]
    return check_gradient(slip.of.f, slip.by_hand(), shapes=slip.of.shapes, given=slip.of.given, **options)


# ── kinds ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "slip_id",
    [
        "logistic.dw-no-m", "logistic.dZ-sign", "logistic.dw-transposed", "logistic_chain.db-not-reduced",
        "logistic.db-sum-over-all-but-keepdims", "logistic_chain.local-missing", "two_layers.tanh-at-z",
        "two_layers.dZ2-extra-local", "two_layers.dW2-uses-Z1", "decayed.penalty-W1-missing",
        "decayed.penalty-both-no-m", "lasso.bias-regularised", "three_layers.relu-inverted",
        "linear_dropout.mask-missing", "batch_norm.mean-constant", "softmax_vector.other-axis", "rnn.not-accumulated",
        "embedding.repeated-rows", "running.not-reversed", "power_of.no-conj",
    ],
)  # fmt: skip
def test_every_kind_is_named(slip_id):
    report = check(slip_id)
    slip = SLIPS[slip_id]
    assert report.verdict == "wrong"
    assert report.slips
    assert report.slips[0].kind in slip.kinds
    assert len(report.slips) == 1
    assert len(str(report).splitlines()) <= 25


def test_a_share_of_the_whole_set():
    """A fixed tenth of the set, both halves: the figures of docs/diagnosis.md can't have decayed unseen."""
    sample = [slip for k, slip in enumerate(SLIPS.values()) if k % 10 == 3]
    named_right, detected = 0, 0
    for slip in sample:
        report = check(slip.id)
        detected += report.verdict == "wrong"
        named_right += bool(report.slips) and report.slips[0].kind in slip.kinds
    assert detected == len(sample)
    assert named_right >= 0.85 * len(sample)


def test_two_slips():
    def planted(X, Y, w, b):
        dZ = sigmoid(w.T @ X + b) - Y
        return {"dw": 2 * X @ dZ.T / X.shape[1], "db": -np.mean(dZ, axis=1, keepdims=True)}

    report = check_gradient(cost, planted, **OPTIONS)
    assert sorted((slip.kind, slip.where) for slip in report.slips) == [("scale", "w"), ("sign", "b")]


# ── nothing invented ─────────────────────────────────────────────────────────────────────────────────────────────


def nonsense(X, Y, w, b):
    return {"dw": np.cos(3 * w) + X.sum(axis=1, keepdims=True) ** 3, "db": np.sin(b)}


def odd_term(X, Y, w, b):
    dZ = sigmoid(w.T @ X + b) - Y
    dw = X @ dZ.T / X.shape[1] + 0.3 * np.sin(w * 7)
    return {"dw": dw, "db": np.mean(dZ, axis=1, keepdims=True)}


def another_model(X, Y, w, b):
    dZ = sigmoid(1.3 * (w.T @ X) + b * 0.2) - Y
    return {"dw": X @ dZ.T / X.shape[1], "db": np.mean(dZ, axis=1, keepdims=True)}


def constants(X, Y, w, b):
    return {"dw": w * 0 + 1, "db": b * 0 - 3}


@pytest.mark.parametrize("by_hand", [nonsense, odd_term, another_model, constants])
@pytest.mark.parametrize("seed", [0, 1])
def test_nothing_is_invented(by_hand, seed):
    report = check_gradient(cost, by_hand, seed=seed, **OPTIONS)
    assert report.verdict == "wrong"
    assert report.slips == []
    assert "no single slip explains it" in str(report)


# ── lines and repairs ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_line_the_caret_and_the_repair():
    report = check("two_layers.tanh-at-z")
    slip = SLIPS["two_layers.tanh-at-z"]
    assert report.first_wrong.name == "dZ1"
    assert report.first_wrong.line == slip.line == report.repair.line
    assert report.repair.before == "dZ1 = W2.T @ dZ2 * (1 - Z1**2)"
    assert report.repair.after == "dZ1 = W2.T @ dZ2 * (1 - A1**2)"
    lines = str(report).splitlines()
    at = next(k for k, line in enumerate(lines) if "^" in line)
    caret = lines[at].index("^")
    assert lines[at - 1][caret : caret + lines[at].count("^")] == "Z1"


def test_a_repair_really_repairs():
    slip = SLIPS["decayed.penalty-both-no-m"]
    report = check(slip.id)
    repaired = slip.source.replace(report.repair.before, report.repair.after)
    namespace = dict(slip.of.by_hand.__globals__)
    exec(compile(repaired, "<repaired>", "exec"), namespace)
    _, inputs = draw_inputs(slip.of, 99)
    got = named(namespace[slip.of.by_hand.__name__](**inputs), slip.of)
    for key, value in named(slip.of.by_hand(**inputs), slip.of).items():
        np.testing.assert_allclose(got[key], value, rtol=1e-9)


def test_the_text_is_stable():
    first, second = str(check("batch_norm.dmu-no-m")), str(check("batch_norm.dmu-no-m"))
    assert first == second
    assert "0x" not in first


# ── the blame map ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_blame_map_is_painted(tmp_path):
    report = check("two_layers.tanh-at-z")
    blame = report.graph
    assert blame.verdicts["Z1"] == "wrong"
    assert blame.verdicts["Z2"] == blame.verdicts["W2"] == blame.verdicts["b2"] == "right"
    assert blame.verdicts["W1"] == blame.verdicts["b1"] == "because"
    assert "dZ1  the first wrong one" in str(blame)
    picture = blame.save(tmp_path / "blame.svg")
    ElementTree.parse(picture)
    text = picture.read_text(encoding="utf-8")
    assert all(colour in text for colour in ("#2e7d32!important", "#c62828!important", "#ef8f00!important"))
    assert "#c62828!important" in blame.save(tmp_path / "blame.html").read_text(encoding="utf-8")
    with pytest.raises(BadInputError, match="svg or"):
        blame.save(tmp_path / "blame.png")


def test_the_derivation_is_drawn_beside_the_engines(tmp_path):
    blame = check("two_layers.tanh-at-z").graph
    picture = blame.save(tmp_path / "beside.svg", beside=True).read_text(encoding="utf-8")
    for words in ("the engine", "yours", "the first wrong one", "wrong because of it", "right"):
        assert words in picture
    assert picture.count(">dZ1<") == 2  # the engine's and the user's
    assert "<svg" in blame.save(tmp_path / "beside.html", beside=True).read_text(encoding="utf-8")
    blame.tree = None
    with pytest.raises(BadInputError, match="source of your function is not known"):
        blame.save(tmp_path / "none.svg", beside=True)
    assert not (tmp_path / "none.svg").exists()


# ── every form of function ───────────────────────────────────────────────────────────────────────────────────────


class Model:
    def forward(self, X, Y, w, b):
        self.A = 1 / (1 + np.exp(-(w.T @ X + b)))
        return -np.mean(Y * np.log(self.A) + (1 - Y) * np.log(1 - self.A))

    def backward(self, X, Y, w, b):
        dZ = sigmoid(w.T @ X + b) - Y
        self.db = np.sum(dZ, axis=1, keepdims=True)
        return {"dw": X @ dZ.T / X.shape[1], "db": self.db}


def test_methods():
    model = Model()
    report = check_gradient(model.forward, model.backward, **OPTIONS)
    assert [slip.kind for slip in report.slips] == ["scale"]
    assert report.first_wrong.source == "self.db = np.sum(dZ, axis=1, keepdims=True)"


def test_closures():
    scale = 2.0

    def by_hand(X, Y, w, b):
        dZ = sigmoid(w.T @ X + b) - Y
        return {"dw": scale * X @ dZ.T / X.shape[1]}

    report = check_gradient(cost, by_hand, **OPTIONS)
    assert [slip.kind for slip in report.slips] == ["scale"]
    assert report.repair is not None


def test_lambdas_have_no_line():
    report = check_gradient(
        lambda w, x: np.sum(np.sin(w) * x), lambda w, x: {"dw": np.sin(w) * x}, shapes={"w": "n", "x": "n"}
    )
    assert report.slips[0].kind == "wrong-local"
    assert report.first_wrong is None
    assert report.repair.line is None
    assert "np.sin(w)  ->  np.cos(w)" in str(report)


def test_backward_with_intermediates():
    def backward(X, Y, A):
        dZ = Y - A
        return {"dw": X @ dZ.T / X.shape[1]}

    report = check_gradient(cost, backward, **OPTIONS)
    assert report.slips[0].kind == "sign"
    assert report.first_wrong.source == "dZ = Y - A"


def test_notebook_cells():
    source = textwrap.dedent("""
        def cell(X, Y, w, b):
            dZ = sigmoid(w.T @ X + b) - Y
            return {"dw": X @ dZ.T / X.shape[0]}
    """)
    name = "<ipython-input-3-0123abcd>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    namespace = {"np": np, "sigmoid": sigmoid}
    exec(compile(source, name, "exec"), namespace)
    report = check_gradient(cost, namespace["cell"], **OPTIONS)
    assert report.slips[0].kind == "scale"
    assert report.repair.after == 'return {"dw": X @ dZ.T / X.shape[1]}'


def test_callables_without_source():
    namespace = {"np": np, "sigmoid": sigmoid}
    text = "def typed(X, Y, w, b):\n    return {'dw': -X @ (sigmoid(w.T @ X + b) - Y).T / X.shape[1]}"
    exec(compile(text, "<typed at a prompt>", "exec"), namespace)
    for by_hand in (namespace["typed"], functools.partial(namespace["typed"])):
        report = check_gradient(cost, by_hand, **OPTIONS)
        assert [slip.kind for slip in report.slips] == ["sign"]
        assert report.repair is None


def test_helpers_are_read_along():
    report = check_gradient(cost, through_a_helper, **OPTIONS)
    assert report.slips[0].kind in ("wrong-local", "sign")
    found = source_of(through_a_helper)
    assert [f.name for f in found.tree.body] == ["wrong_sigmoid", "through_a_helper"]


def wrong_sigmoid(z):
    return 1 / (1 + np.exp(z))


def through_a_helper(X, Y, w, b):
    dZ = wrong_sigmoid(w.T @ X + b) - Y
    return {"dw": X @ dZ.T / X.shape[1], "db": np.mean(dZ, axis=1, keepdims=True)}


# ── the parts ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_tracer_that_was_there_is_put_back_and_still_called():
    seen = []

    def tracer(frame, event, arg):
        seen.append(event)
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        with Watch() as watch:
            sigmoid(np.zeros(2))
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)
    assert "call" in seen
    assert watch.assigned == []  # sigmoid has no local variables but its argument


def test_a_tracer_that_puts_itself_back_whenever_it_is_called_does_not_blind_the_watch():
    """Coverage's tracer does: without care an error named no line as soon as coverage was measured."""

    def jealous(frame, event, arg):
        if event == "call":
            sys.settrace(jealous)
        return jealous

    def body():
        np.broadcast_shapes((2,), (1,))  # a function of a library, in Python: it isn't watched, the next line is
        return sum_of(3)

    def sum_of(n):
        total = np.zeros(n)
        return total.sum()

    before = sys.gettrace()
    sys.settrace(jealous)
    try:
        with Watch() as watch:
            body()
        assert sys.gettrace() is jealous
    finally:
        sys.settrace(before)
    assert [a.name for a in watch.assigned] == ["total"]


def test_watch_sees_in_place_changes_and_dict_entries():
    def body():
        total = np.zeros(2)
        total += 1
        cache = {}
        cache["A1"] = np.ones(3)
        return total, cache

    with Watch() as watch:
        body()
    assert [a.name for a in watch.assigned] == ["total", "total", "A1"]
    np.testing.assert_array_equal(watch.assigned[1].value, [1, 1])


def test_a_tape_is_the_right_backward_pass():
    slip = SLIPS["rnn.not-accumulated"]
    dims, inputs = draw_inputs(slip.of, 5)
    tape = Tape(Subject(slip.of.f, slip.of.by_hand), Draw(dims, inputs))
    for key, value in named(slip.of.by_hand(**inputs), slip.of).items():
        np.testing.assert_allclose(tape.gradient(key), value, rtol=1e-10)
    assert {"X", "W", "U", "b", "r", "h"} <= {step.name for step in tape.steps}


def test_a_constant_cost_has_no_tape():
    with pytest.raises(ValueError, match="depend"):
        Tape(Subject(lambda x: 3.0, lambda x: {"dx": x}), Draw({}, {"x": np.ones(2)}))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda n, m, lam: 1 / m, "1/m"),
        (lambda n, m, lam: m, "m"),
        (lambda n, m, lam: 2, "2"),
        (lambda n, m, lam: lam / m, "lam/m"),
        (lambda n, m, lam: np.sqrt(n), "sqrt(n)"),
        (lambda n, m, lam: -2 * lam / m, "-2*lam/m"),
        (lambda n, m, lam: 1 - lam, "(1 - lam)"),
    ],
)
def test_factors_have_names(make, text):
    draws = [Draw({"n": n, "m": m}, {"lam": np.float64(lam)}) for n, m, lam in ((3, 4, 0.7), (5, 2, 1.3), (7, 6, 0.9))]
    found = symbols_of(draws).factor([make(d.dims["n"], d.dims["m"], float(d.inputs["lam"])) for d in draws])
    assert found is not None
    assert found.text == text


def test_a_factor_without_a_name_has_none():
    draws = [Draw({"n": n}, {}) for n in (3, 5, 7)]
    assert symbols_of(draws).factor([0.123, 0.777, 0.31]) is None


def test_sources():
    assert source_of(np.sin) is None
    found = source_of(through_a_helper)
    assert found is not None
    assert found.name == "through_a_helper"
    assert found.line(through_a_helper.__code__.co_firstlineno) == "def through_a_helper(X, Y, w, b):"


def test_a_function_that_keeps_state_is_not_run_on_Tensors():
    seen = []

    def by_hand(X, Y, w, b):
        seen.append(type(w))
        return {"dw": X @ (sigmoid(w.T @ X + b) - Y).T}

    check_gradient(cost, by_hand, **OPTIONS)
    assert Tensor not in seen


def test_diagnose_by_itself():
    slip = SLIPS["logistic.dw-no-m"]
    by_hand = slip.by_hand()
    subject = Subject(slip.of.f, by_hand)
    draws = []
    for seed in (1, 2, 3, 4):
        dims, inputs = draw_inputs(slip.of, seed)
        draw = Draw(dims, inputs)
        draw.hand = subject.hand(draw)
        draw.true = named(slip.of.by_hand(**inputs), slip.of)
        draws.append(draw)
    found = diagnose(slip.of.f, by_hand, draws, ["w"], ["b"])
    assert [(s.kind, s.where) for s in found.slips] == [("scale", "w")]
    assert found.first_wrong.line == 6
    assert found.repair.after == "dw = X @ dZ.T / m"
    assert "likely slip" in str(found)
    assert found.blame.verdicts == {"w": "wrong", "b": "right"}
    assert json.dumps(found.blame.verdicts)
    assert diagnose(slip.of.f, by_hand, draws, [], ["w", "b"]).slips == []
