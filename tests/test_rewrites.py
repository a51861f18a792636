"""Every change that the repair tries, in its order: what it puts where, which slip that undoes, how small it is.

``data/rewrites.txt`` has the list for one function of each sort; ``python tests/test_rewrites.py`` writes it. A reader
is shown the first change that makes everything right, so the order is what matters.
"""

from __future__ import annotations

import ast
import textwrap

import numpy as np
import pytest
import tables

from tinygrad_notes.testing.rewrites import Scope, edits_of

TABLE = "rewrites.txt"
RNG = np.random.default_rng(7)
VALUES = {
    "X": RNG.standard_normal((3, 4)), "dZ": RNG.standard_normal((2, 4)), "A": RNG.standard_normal((2, 4)),
    "W": RNG.standard_normal((2, 3)), "b": RNG.standard_normal((2, 1)), "v": RNG.standard_normal(3),
    "keep": np.array([[1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 0.0]]), "z": RNG.standard_normal(3) + 1j, "m": 4,
    "lam": 0.5,
    "s": np.float64(1.5), "flag": True, "ids": np.array([0, 2]), "none": np.zeros((0, 2)), "_hidden": 3.0,
}  # fmt: skip
FUNCTIONS = {
    "matrix product": ("X dZ m", "dW = dZ @ X.T / m"),
    "quotient of numbers": ("m s", "return {'ds': 2 * s / m}"),
    "mask": ("dZ keep", "dA = dZ * (1 - keep)"),
    "comparison": ("dZ A", "dZ = dZ * (A > 0)"),
    "equality": ("A", "d = A == 0"),
    "chain of comparisons": ("A", "d = 0 < A < 1"),
    "tanh": ("dZ A", "dZ = dZ * (1 - A**2)"),
    "power": ("v s", "dv = 3 * v**2 + s**2"),
    "power of a number": ("s", "ds = s**3"),
    "sum over an axis": ("dZ", "db = np.sum(dZ, axis=1, keepdims=True)"),
    "sum over everything": ("v", "db = np.sum(v)"),
    "method": ("dZ", "db = dZ.sum(axis=0)"),
    "computed axis": ("dZ m", "db = np.mean(dZ, axis=m)"),
    "other calls": ("dZ v W", "d = np.concatenate([dZ], axis=0) + np.outer(v, v) - np.where(v > 0, v, 0.0)"),
    "functions": ("v", "d = np.exp(v) * np.cos(v) + np.maximum(v, 0)"),
    "unary": ("v s", "d = -v * -2"),
    "complex": ("z", "dz = np.conj(z) + np.real(z)"),
    "subscripts": ("v X ids", "d = v[::-1] + v[0] * X.shape[1]"),
    "loop": (
        "v",
        "for t in range(3):\n    d = v[t] + v[t + 1] * v[t - 1]\n    d += v[t]\n    d[t] -= v[t]\n    d[t] += v[0]",
    ),
    "conditional": ("v s", "d = v if s > 1 else 2 * v"),
    "while": ("v s", "while s > 1:\n    d = v"),
    "tuple": ("v s b", "return v, s, b"),
    "tuple of one": ("v s", "return (v,)"),
    "dict": ("v s", "return {'dv': v, 'ds': s}"),
    "name": ("v", "return v"),
    "assigned entry": ("v ids", "d[ids] = v"),
    "several targets": ("v", "a = d = v"),
    "symmetric": ("W", "dW = 2 * W"),
    "ones": ("v", "d = np.ones_like(v)"),
    "term": ("W dZ X lam m", "dW = dZ @ X.T / m"),
    "unknown names": ("v", "d = q * v + q"),
    "text": ("v", "'about it'\nd = v"),
    "nothing in it": ("none v", "d = none + 1"),
    "numbers": ("m s flag", "d = m + 0.5 * s - 1"),
    "division by an array": ("v s", "d = v / v - s / v"),
    "nested products": ("v W s", "d = s * v * v / s"),
    "keyword number": ("v", "d = np.sum(v, initial=1.0)"),
    "difference of squares": ("v", "d = 1 - v**2 - v**2"),
    "where of one argument": ("v", "d = np.where(v > 0)[0]"),
    "six results": ("v s b m A W", "return v, s, b, m, A, W"),
    "seven results": ("v s b m A W X", "return v, s, b, m, A, W, X"),
    "six entries": ("v s b m A W", "return {1: v, 2: s, 3: b, 4: m, 5: A, 6: W}"),
    "seven entries": ("v s b m A W X", "return {1: v, 2: s, 3: b, 4: m, 5: A, 6: W, 7: X}"),
    "lambda": ("v", "lambda v: 2 * v"),
    "hidden": ("v _hidden", "d = v * _hidden"),
    "minus a product": ("dZ X", "d = np.dot(dZ, X.T) - dZ @ X.T"),
    "abs, sign, sqrt": ("v", "d = np.sign(v) + np.abs(v) / np.sqrt(v)"),
    "without arguments": ("v", "d = v.max() + max(v) + np.sum()"),
}  # fmt: skip
OUTPUTS = {"quotient of numbers": {"s", "m"}, "numbers": {"s"}, "dict": {"v", "s"}}
EXTRA = {"matrix product": ("X.shape[1]",), "term": ("X.shape[1]",)}


def described(name):
    names, body = FUNCTIONS[name]
    if name == "lambda":
        tree = ast.parse(body, mode="eval").body
    else:
        tree = ast.parse("def by_hand():\n" + textwrap.indent(body, "    "))
    values = {key: VALUES[key] for key in names.split()}
    scope = Scope(values, {"np": np}, EXTRA.get(name, ()), frozenset(OUTPUTS.get(name, ())))
    return [line(edit) for edit in edits_of(tree, scope)]


def line(edit):
    old, new = (" ".join(ast.unparse(ast.fix_missing_locations(node)).split()) for node in (edit.old, edit.new))
    place = edit.field if edit.index is None else f"{edit.field}[{edit.index}]"
    says = f" {edit.says}" if edit.says else ""
    return f"{edit.cost:.2f} {edit.kind}: {old} → {new}  (line {edit.line}, depth {edit.depth}, {place}){says}"


def told(name):
    lines = described(name)
    return lines if len(lines) <= 60 else [*lines[:25], f"… {len(lines)} changes", tables.digest(lines)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_tried(name):
    assert told(name) == tables.read(TABLE)[name]


def test_a_change_can_be_taken_back():
    tree = ast.parse("def by_hand(X, dZ):\n    dW = dZ @ X.T / 2\n    return {'dW': dW, 'db': dZ.sum()}")
    before = ast.dump(tree)
    edits = edits_of(tree, Scope({"X": VALUES["X"], "dZ": VALUES["dZ"]}, {"np": np}))
    assert len(edits) > 50
    for edit in edits:
        edit.put(edit.new)
        assert ast.dump(tree) != before
        edit.put(edit.old)
        assert ast.dump(tree) == before


@pytest.mark.parametrize(
    ("expression", "value", "is_number"),
    [("m / 2", 2.0, True), ("v[0] * 0", 0.0, True), ("gone", None, False), ("'word'", "word", False),
     ("W @ v.reshape(7)", None, False), ("np.sum(keep)", 5.0, True)],
)  # fmt: skip
def test_the_value_of_an_expression(expression, value, is_number):
    scope = Scope(dict(VALUES), {"np": np})
    node = ast.parse(expression, mode="eval").body
    assert scope.evaluate(node) == value
    assert scope.is_number(node) is is_number
    assert not scope.is_number(ast.parse("v", mode="eval").body)


def test_arrays_and_numbers_of_a_scope():
    values = {**VALUES, "words": np.array(["a"]), "point": np.array(2.0)}
    scope = Scope(values, {})
    assert scope.arrays() == ["X", "dZ", "A", "W", "b", "v", "keep", "z", "ids", "none"]
    assert scope.numbers() == ["m", "lam", "s", "_hidden"]


if __name__ == "__main__":
    tables.write(TABLE, {name: told(name) for name in FUNCTIONS})
