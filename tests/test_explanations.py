"""All explanations that the diagnosis weighs: their price, their words, and the gradient that such a slip gives.

The cheapest explanation that fits is the one that a reader is told, so a price is behaviour. ``data/explanations.txt``
has the whole list for the costs written here, and its length and fingerprint for those of the set of slips;
``python tests/test_explanations.py`` writes it, ``python tests/test_explanations.py logistic`` shows one.
"""

from __future__ import annotations

import functools
import sys

import numpy as np
import pytest
import tables
from slips import DERIVATIONS
from slips.drawing import draw_inputs

import tinygrad_notes as tn
from tinygrad_notes.testing import check_gradient
from tinygrad_notes.testing.composites import composites
from tinygrad_notes.testing.draws import Draw
from tinygrad_notes.testing.edits import graph_edits, silence
from tinygrad_notes.testing.fitting import ONE
from tinygrad_notes.testing.local_rules import local_edits
from tinygrad_notes.testing.scalars import Factor
from tinygrad_notes.testing.subject import Subject
from tinygrad_notes.testing.sum_edits import sum_edits
from tinygrad_notes.testing.tape import Tape

TABLE = "explanations.txt"
FAMILIES = {"graph": graph_edits, "sums": sum_edits, "locals": local_edits, "composites": composites}
FACTORS = {
    "1": ONE, "0": Factor("0", "", 0.2, 0.0), "-1": Factor("-1", "-1", 0.0, -1.0), "1/m": Factor("1/m", "m", 1.0, None)
}  # fmt: skip


def weighted(W, x, keep, k):
    u = W @ x
    kept = u * keep
    v = kept / (1 + x[0] ** 2)
    h = np.sqrt(v**2 + 1.0)
    return np.sum(h * k) + np.sum(2.0**x) + 3.0 * np.mean(np.square(u))


def twice(a, b):
    s = 0.0
    for _ in range(3):
        a = np.tanh(a * b + 0.5)
        s = s + np.sum(a)
    return s


def spread(x, c, ids):
    rows = x[ids]
    y = np.cumsum(rows, axis=0) + c
    return np.sum(np.maximum(y, 0.0) * y)


def signal(z, w):
    p = z * w
    return np.sum(np.real(p * np.conj(p))) + np.sum(np.real(z / w))


def inputs_of(shapes, seed, **given):
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()} | given


def draws_of(name):
    """Two cases of a cost."""
    if name in DERIVATIONS:
        return DERIVATIONS[name].f, [Draw(*draw_inputs(DERIVATIONS[name], seed)) for seed in (1, 2)]
    f = OWN[name][0]
    return f, [OWN[name][1](seed) for seed in (1, 2)]


def of_weighted(seed):
    n, m = (3, 4) if seed == 1 else (2, 5)
    given = {"keep": np.array([1.0, 0.0, 1.0, 1.0])[:n], "k": np.float64(0.7)}
    return Draw({"n": n, "m": m}, inputs_of({"W": (n, n), "x": (n,)}, seed, **given))


def of_twice(seed):
    return Draw({"n": seed + 2}, inputs_of({"a": (seed + 2,), "b": ()}, seed))


def of_spread(seed):
    return Draw({"n": seed + 2}, inputs_of({"x": (seed + 2, 3), "c": (1, 3)}, seed, ids=np.array([0, 2, 0, 1])))


def of_signal(seed):
    parts = inputs_of({"z": (seed + 1,), "w": (seed + 1,), "zi": (seed + 1,), "wi": (seed + 1,)}, seed)
    return Draw({"n": seed + 1}, {"z": parts["z"] + 1j * parts["zi"], "w": parts["w"] + 1j * parts["wi"]})


OWN = {
    "weighted costs": (weighted, of_weighted), "twice": (twice, of_twice), "spread": (spread, of_spread),
    "signal": (signal, of_signal),
}  # fmt: skip
COSTS = [*DERIVATIONS, *OWN]
CASES = [f"{cost}, {family}" for cost in COSTS for family in FAMILIES]


@functools.lru_cache
def tapes_of(name):
    f, draws = draws_of(name)
    subject = Subject(f, f)
    for draw in draws:
        draw.hand = {leaf: None for leaf, x in draw.leaves.items() if np.asarray(x).dtype.kind in "fc"}
    return [Tape(subject, draw) for draw in draws]


def described(case):
    """One line for every explanation: what it is, what it costs, what it says, what it does."""
    cost, _, family = case.partition(", ")
    tapes = tapes_of(cost)
    start = tapes[0].f.__code__.co_firstlineno
    with np.errstate(all="ignore"):
        return [line(candidate, tapes, start) for candidate in FAMILIES[family](tapes)]


def line(candidate, tapes, start):
    place = "-" if candidate.line is None else f"+{candidate.line - start}"
    free = "free" if candidate.free else "fixed"
    head = (
        f"{candidate.kind} {candidate.cost:.2f} {candidate.where} {place} {free} {' '.join(sorted(candidate.reaches))}"
    )
    return " | ".join([head, *sayings(candidate), *(effect(candidate, tape) for tape in tapes)])


def sayings(candidate):
    """The kind for each factor that may be fitted, + where something else is left over too, and the first words."""
    said, words = {}, ""
    for name, factor in FACTORS.items():
        for alone in (True, False):
            found = candidate.say(factor, alone)
            if found is not None:
                said.setdefault(found[0], []).append(name + ("" if alone else "+"))
                words = words or found[1]
    return [words, *(f"{kind}: {' '.join(when)}" for kind, when in said.items())]


def effect(candidate, tape):
    """What this slip changes: each gradient along one direction, and when nothing flows along its edges."""
    try:
        pullbacks = candidate.pullbacks(tape)
        if not pullbacks:
            return "nothing"
        cut, sent = tape.backward(dict.fromkeys(pullbacks, silence)), tape.backward(pullbacks)
        return f"{changes(tape, sent)}; cut: {changes(tape, cut)}"
    except (ValueError, IndexError, TypeError, ZeroDivisionError) as error:
        return type(error).__name__


def changes(tape, grads):
    pairs = [(leaf, along(tape.gradient(leaf, grads)), along(tape.gradient(leaf))) for leaf in sorted(tape.leaves)]
    return " ".join(f"{leaf}={now}" for leaf, now, right in pairs if now != right) or "right"


def along(g):
    direction = np.cos(np.arange(np.size(g)))
    parts = [np.ravel(np.real(g)) @ direction, np.ravel(np.imag(g)) @ direction]
    text = "/".join(tables.short(float(x)) for x in parts[: 1 + np.iscomplexobj(g)])
    return f"{np.shape(g)}{text}".replace(" ", "")


def told(case):
    lines = described(case)
    whole = case.partition(", ")[0] in OWN and len(lines) <= 120
    return lines if whole or not lines else [f"{len(lines)} explanations", tables.digest(lines)]


@pytest.mark.parametrize("case", CASES)
def test_what_is_weighed(case):
    assert told(case) == tables.read(TABLE).get(case, [])


def test_a_step_of_a_loop_that_feeds_the_next_is_no_local_derivative():
    """It raised a KeyError: the steps of three turns were taken for one stretch of the same turn."""
    report = check_gradient(twice, lambda a, b: {"da": np.cos(a) * b, "db": np.sum(a)}, shapes={"a": "n", "b": ""})
    assert report.wrong == ["da", "db"]
    report = check_gradient(twice, lambda a, b: {"da": 2 * tn.grad(twice)(a, b)}, shapes={"a": "n", "b": ""})
    assert [slip.text for slip in report.slips] == ["da is 2 times the right value"]


if __name__ == "__main__":
    if sys.argv[1:]:
        print("\n".join(line for family in FAMILIES for line in described(f"{sys.argv[1]}, {family}")))
    else:
        tables.write(TABLE, {case: lines for case in CASES if (lines := told(case))})
