"""Every slip that is tried on a few derivations: its kind, its price, its words and what it would compute.

Which explanation wins depends on the prices of all the others. The file ``tests/data/slips.txt`` keeps, for every kind
and price, how many slips there are and a digest of all that they say and do; ``python tests/test_slip_catalogue.py``
writes it again, ``python tests/test_slip_catalogue.py one_layer`` shows the slips themselves.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes.testing.composites import composites
from tinygrad_notes.testing.draws import Draw
from tinygrad_notes.testing.edits import graph_edits
from tinygrad_notes.testing.fitting import ONE
from tinygrad_notes.testing.local_rules import local_edits
from tinygrad_notes.testing.rewrites import Scope, edits_of
from tinygrad_notes.testing.scalars import Factor
from tinygrad_notes.testing.subject import Subject
from tinygrad_notes.testing.sum_edits import sum_edits
from tinygrad_notes.testing.tape import Tape

FILE = Path(__file__).parent / "data" / "slips.txt"
FAMILIES = (graph_edits, sum_edits, composites, local_edits)
FACTORS = (ONE, Factor("0", "1/0", 0.0, 0.0), Factor("-1", "-1", 0.0, -1.0), Factor("2", "1/2", 0.3, 2.0))


def one_layer(X, Y, w, b):
    Z = w.T @ X + b
    A = tn.nn.sigmoid(Z)
    return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))


def two_layers(X, W, v):
    A = np.tanh(W @ X)
    S = tn.nn.softmax(v @ A, axis=0)
    return np.sum(S**3 / (1 + S)) + 0.5 * np.sum(W**2)


def normalised(X, c):
    U = (X - np.mean(X, axis=1, keepdims=True)) / np.std(X, axis=1, keepdims=True)
    return np.sum(np.maximum(U, 0) * c) + np.max(X)


def turns(x, u):
    h = x * 0.0
    for t in range(3):
        h = np.tanh(u * h + x[t])
    return np.sum(h[::-1] * x) + np.sum(np.cumsum(u * x) ** 2)


COSTS = {
    "one_layer": (one_layer, {"X": (2, "m"), "Y": (1, "m"), "w": (2, 1), "b": (1, 1)}),
    "two_layers": (two_layers, {"X": (2, "m"), "W": (3, 2), "v": (2, 3)}),
    "normalised": (normalised, {"X": (2, "m"), "c": (2, "m")}),
    "turns": (turns, {"x": (4,), "u": (4,)}),
}

NAMES = [*COSTS, "by_hand"]
BY_HAND = """
def by_hand(X, Y, w, b, m, lam):
    Z = np.dot(w.T, X) + b
    A = 1 / (1 + np.exp(-Z))
    dZ = A - Y if m else Y
    G = np.where(Z > 0, dZ, 0.1 * dZ[:, ::-1])
    dw = np.sum(X * G, axis=1, keepdims=True) / m + lam * w
    db = np.mean(dZ) * np.sqrt(np.real(b)) ** 2
    for k in range(2):
        db += np.outer(w, Z[k])[0, 0] - Z.shape[0]
    E = np.softmax(Z, axis=1) * np.ones_like(Z) + np.maximum(Z, 0)
    return {"dw": dw, "db": db.sum(axis=0), "dE": E}
"""


def drawn(shapes, m):
    rng = np.random.default_rng(m)
    return {
        name: np.abs(rng.standard_normal([m if n == "m" else n for n in shape])) * 0.5 + 0.1
        for name, shape in shapes.items()
    }


def tapes_of(name):
    f, shapes = COSTS[name]
    subject = Subject(f, lambda **given: given)
    return [Tape(subject, Draw({"m": m}, drawn(shapes, m))) for m in (4, 5)]


def effect(candidate, tape):
    """One number of what the slip sends along its edges."""
    try:
        sent = [send(tape.grads[edge[0]]) for edge, send in (candidate.pullbacks(tape) or {}).items()]
    except Exception as error:  # it makes no sense here, and is left out
        return type(error).__name__
    parts = [np.ravel(np.real(g)) for g in sent if g is not None]
    total = sum(float(np.sum(part * np.cos(np.arange(part.size)))) for part in parts)
    return f"{total:.4g}" if abs(total) > 1e-9 else "0"


def told(candidate):
    said = [candidate.say(factor, alone) for factor in FACTORS for alone in (True, False)]
    return " | ".join(dict.fromkeys(f"{kind}: {text}" for kind, text in filter(None, said)))


def slips_of_a_cost(name):
    with np.errstate(all="ignore"):
        tapes = tapes_of(name)
        for family in FAMILIES:
            for slip in family(tapes):
                effects = " ".join(effect(slip, tape) for tape in tapes)
                yield f"{family.__name__} {slip.kind} {slip.cost:.2f}: {slip.where} [{effects}] {told(slip)}"


def text_of(node):
    return ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))) if isinstance(node, ast.AST) else str(node)


def slips_of_a_source():
    tree = ast.parse(BY_HAND).body[0]
    rng = np.random.default_rng(0)
    shapes = {"X": (2, 4), "Y": (1, 4), "w": (2, 1), "b": (1, 1), "Z": (1, 4), "A": (1, 4), "dZ": (1, 4), "G": (1, 4)}
    values = {name: rng.standard_normal(shape) for name, shape in shapes.items()} | {"m": 4, "lam": 0.1}
    scope = Scope(values, {"np": np}, ("dZ",), frozenset(["dw", "db"]))
    for edit in edits_of(tree, scope):
        old, new = map(text_of, (edit.old, edit.new))
        yield f"{edit.kind} {edit.cost:.2f}: {edit.line} {edit.depth} {old} -> {new}"


def slips_of(name):
    return list(slips_of_a_source() if name == "by_hand" else slips_of_a_cost(name))


def summary(name):
    """One line for all slips of a kind and a price, in the order in which they are proposed."""
    groups = {}
    for slip in slips_of(name):
        groups.setdefault(slip.partition(":")[0], []).append(slip)
    return [
        f"{group}: {len(slips)} {hashlib.sha256(chr(10).join(slips).encode()).hexdigest()[:12]}"
        for group, slips in groups.items()
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_slips_that_are_tried(name):
    kept = FILE.read_text(encoding="utf-8").partition(f"# {name}\n")[2].partition("\n# ")[0].splitlines()
    assert summary(name) == kept


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.stdout.write("\n".join(slips_of(sys.argv[1])) + "\n")
    else:
        FILE.write_text("".join("\n".join([f"# {name}", *summary(name), ""]) for name in NAMES), encoding="utf-8")
