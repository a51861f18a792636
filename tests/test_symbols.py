"""Expressions that write themselves: the text must compute the value, whatever was simplified on the way."""

from __future__ import annotations

import operator

import numpy as np
import pytest

from tinygrad_notes.graphs.symbols import Symbol, Unwritable, index_text, literal, symbol

VALUES = {
    "a": np.float64(0.7),
    "x": np.array([1.5, -2.0, 0.25]),
    "z": np.array([1 + 2j, 0.5 - 1j]),
    "M": np.array([[0.5, 1.0, -2.0], [3.0, 0.25, 1.0]]),
    "N": np.array([[1.0, -1.0], [0.5, 2.0], [0.0, 4.0]]),
}
NUMBERS = (0, 1, -1, 2, 0.5, -3, 7)


def name(key):
    return Symbol(key, VALUES[key])


def computed(s):
    return eval(s.text, {"np": np, **VALUES})


def agrees(s):
    np.testing.assert_allclose(computed(s), s.value, rtol=1e-12, atol=1e-12, err_msg=s.text)


def random_expression(rng, depth):
    """An expression of shape () or that of x, from names, literal numbers and operators."""
    if depth == 0 or rng.random() < 0.15:
        pick = rng.integers(4)
        return symbol(float(rng.choice(NUMBERS))) if pick == 0 else name("a" if pick == 1 else "x")
    a = random_expression(rng, depth - 1)
    if rng.random() < 0.2:
        return -a
    b = random_expression(rng, depth - 1)
    sign = rng.choice([operator.add, operator.sub, operator.mul, operator.truediv, operator.pow])
    if sign is operator.truediv and np.any(np.abs(b.value) < 1e-3):
        sign = operator.sub
    if sign is operator.pow:
        return abs_power(a, rng)
    return sign(a, b)


def abs_power(a, rng):
    return a ** int(rng.integers(1, 4))


@pytest.mark.parametrize("seed", range(8))
def test_the_text_of_random_expressions_computes_their_value(seed):
    rng = np.random.default_rng(seed)
    for _ in range(150):
        s = random_expression(rng, 5)
        if np.all(np.isfinite(s.value)) and np.all(np.abs(s.value) < 1e12):
            agrees(s)


x, a, z, M, N = map(name, ("x", "a", "z", "M", "N"))


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (x + 0, "x"),
        (0 + x, "x"),
        (a + x * 0.0, "a + 0 * x"),
        (x - 0, "x"),
        (-x + a, "a - x"),
        (x + (-a - x), "x + (-a - x)"),
        (symbol(2.0) + symbol(3.0), "5"),
        (symbol(0.1) * symbol(0.7), "0.07"),
        (symbol(2.0) - symbol(0.5), "1.5"),
        (symbol(3.0) / symbol(2.0), "1.5"),
        (symbol(1.0) / symbol(3.0), "1 / 3"),
        (x * 1, "x"),
        (x * -1, "-x"),
        (2 * (3 * x), "6 * x"),
        (symbol(0.123456789) * 1, "0.123456789"),
        (2 * (0.123456789 * x), "2 * 0.123456789 * x"),
        (x / 1, "x"),
        (x / -a, "-x / a"),
        (x**1, "x"),
        (x * x, "x**2"),
        (np.square(x), "x**2"),
        (x * (1 / a), "x / a"),
        (M @ -N, "-M @ N"),
        (-M @ N, "-M @ N"),
        ((M @ N).T, "N.T @ M.T"),
        (M.T.T, "M"),
        (M.mT, "M.T"),
        (x.T, "x"),
        (np.negative(-x), "x"),
        (-(x + a), "-(x + a)"),
        (+x, "x"),
        (~(x > 1), "~(x > 1)"),
        (np.logical_not(x > 1), "~(x > 1)"),
        ((x > 1) & (x < 2), "(x > 1) & (x < 2)"),
        ((x >= 1) | (x != 2), "(x >= 1) | (x != 2)"),
        (x.max(), "np.max(x)"),
        (M.max(axis=0, keepdims=True), "np.max(M, axis=0, keepdims=True)"),
        (M.sum(), "np.sum(M)"),
        (M.swapaxes(0, 1), "np.swapaxes(M, 0, 1)"),
        (M.transpose(), "M.T"),
        (M.transpose((1, 0)), "np.transpose(M, (1, 0))"),
        (M.reshape(3, 2), "M.reshape(3, 2)"),
        (M.reshape(2, 3), "M"),
        (a.reshape(1, 1), "np.reshape(a, (1, 1))"),
        (x.reshape(3), "x"),
        (x.astype(np.float64), "x"),
        (x.astype(np.float32), "x.astype('float32')"),
        (x.conj(), "x"),
        (z.conj(), "np.conj(z)"),
        (x.real, "x"),
        (z.imag, "np.imag(z)"),
        (z.real, "np.real(z)"),
        (x[1:], "x[1:]"),
        (M[..., None, 0], "M[..., None, 0]"),
        (x.data, "x"),
        ((x + a) ** 2, "(x + a)**2"),
        (symbol(2.0) ** x, "2.0**x"),
    ],
)
def test_texts(made, text):
    assert made.text == text
    assert repr(made) == f"<{text}>"
    agrees(made)


def test_three_axes():
    cube = Symbol("C", np.ones((2, 3, 4)))
    assert cube.mT.text == "np.swapaxes(C, -1, -2)"
    assert (cube.mT.shape, cube.size, len(cube)) == ((2, 4, 3), 24, 2)


@pytest.mark.parametrize("decide", [bool, float, int, np.asarray, list, lambda s: s.any(), lambda s: s.all()])
def test_a_decision_on_numbers_is_refused(decide):
    with pytest.raises(Unwritable, match="x > 1"):
        decide(x > 1)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (float("nan"), "np.nan"),
        (float("inf"), "np.inf"),
        (-float("inf"), "-np.inf"),
        (2.0, "2"),
        (2e7, "20000000.0"),
        (np.float32(0.5), "0.5"),
        (1 + 2j, "(1+2j)"),
        (None, "None"),
        ("ij->i", "'ij->i'"),
        ((1,), "(1,)"),
        (range(3), "[0, 1, 2]"),
        (slice(1, None, 2), "slice(1, None, 2)"),
        (np.array([1.0, 2.0]), "np.array([1.0, 2.0])"),
        (np.array([1, 2], np.int8), "np.array([1, 2], dtype='int8')"),
        (np.dtype(np.float32), "'float32'"),
    ],
)
def test_literals(value, text):
    assert literal(value) == text


@pytest.mark.parametrize("value", [np.zeros(100), np.array([np.nan]), np.array([]), object()])
def test_what_is_not_written_out(value):
    with pytest.raises(Unwritable):
        literal(value)


@pytest.mark.parametrize(
    ("index", "text"),
    [((), "()"), ((1,), "1,"), (slice(None, None, -1), "::-1"), (np.array([0, 1]), "np.array([0, 1])")],
)
def test_indices(index, text):
    assert index_text(index) == text
