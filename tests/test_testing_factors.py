"""Names of factors: which numbers and products of sizes have one, and which of two names is plainer."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_notes.testing.draws import Draw
from tinygrad_notes.testing.fitting import close
from tinygrad_notes.testing.relations import _match, _reduces, _scale_text, _squeezed, listed
from tinygrad_notes.testing.scalars import Factor, Symbols, _constant, _plain_number, _written, symbols_of

M, N, LAM, KEEP = [4.0, 5.0, 7.0], [3.0, 2.0, 6.0], [0.7, 1.3, 0.9], [0.8, 0.6, 0.9]


def symbols(**values):
    return Symbols(list(values), np.array(list(values.values())))


SIZES = symbols(m=M, n=N, lam=LAM)


@pytest.mark.parametrize(
    ("c", "told"),
    [
        (1, ("1", "1", 0.0)), (-1, ("-1", "-1", 0.0)), (2, ("2", "1/2", 0.3)), (0.5, ("1/2", "2", 0.3)),
        (-2, ("-2", "-1/2", 0.3)), (3, ("3", "1/3", 0.7)), (12, ("12", "1/12", 1.15)), (2 / 3, ("2/3", "3/2", 0.75)),
        (11 / 12, ("11/12", "12/11", 1.65)), (-3 / 7, ("-3/7", "-7/3", 1.0)), (13, ("13", "1/13", 1.2)),
        (100, ("100", "1/100", 5.55)), (1 / 100, ("1/100", "100", 5.55)), (1 / 50, ("1/50", "50", 3.05)),
        (1 / 16, ("1/16", "16", 1.35)), (1 / 25, ("1/25", "25", 1.8)), (1 / 20, ("1/20", "20", 1.55)),
        (1 / 10, ("1/10", "10", 1.05)), (3 / 10, ("3/10", "10/3", 1.15)), (101, ("101", "1/101", 1.6)),
        (0.013, ("0.013", "1/0.013", 1.6)), (0.1234, ("0.1234", "1/0.1234", 1.6)),
        (-0.1234, ("-0.1234", "1/-0.1234", 1.6)),
        (13.5, ("13.5", "1/13.5", 1.6)), (0.0004, ("0.0004", "1/0.0004", 1.6)),
        (np.pi, ("pi", "1/pi", 1.5)), (1 / np.pi, ("1/pi", "pi", 1.5)),
        (np.sqrt(2), ("sqrt(2)", "1/sqrt(2)", 1.5)), (1 / np.sqrt(2), ("1/sqrt(2)", "sqrt(2)", 1.5)),
        (np.log(2), ("ln(2)", "1/ln(2)", 1.5)), (1 / np.log(2), ("1/ln(2)", "ln(2)", 1.5)),
        (np.log(10), ("ln(10)", "1/ln(10)", 1.5)), (1 / np.log(10), ("1/ln(10)", "ln(10)", 1.5)),
        (2 + 1e-9, ("2", "1/2", 0.3)), (0.5 - 4e-9, ("1/2", "2", 0.3)),
        (1 / 13, None), (1 / 17, None), (13 / 11, None), (2 * np.pi, None), (np.pi / 2, None), (-np.pi, None),
        (np.e, None), (2 + 3e-7, None), (1e-5, None), (0.12345, None), (np.pi * (1 + 2e-8), None), (1 / 99, None),
    ],
)  # fmt: skip
def test_the_name_of_a_number(c, told):
    found = _plain_number(float(c))
    if told is None:
        assert found is None
    else:
        assert (found.text, found.inverse, round(found.cost, 6)) == told
        assert found.number == pytest.approx(c, rel=1e-7)


M_, N_, LAM_ = np.array(M), np.array(N), np.array(LAM)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (M_, ("m", "1/m", 1.0)), (1 / M_, ("1/m", "m", 1.0)), (2 * M_, ("2*m", "1/(2*m)", 1.3)),
        (-M_, ("-m", "-1/m", 1.0)), (M_**2, ("m**2", "1/m**2", 1.4)), (1 / M_**2, ("1/m**2", "m**2", 1.4)),
        (np.sqrt(M_), ("sqrt(m)", "1/sqrt(m)", 1.4)), (1 / np.sqrt(M_), ("1/sqrt(m)", "sqrt(m)", 1.4)),
        (M_ * N_, ("m*n", "1/(m*n)", 2.5)), (M_ / N_, ("m/n", "n/m", 2.5)), (LAM_ / M_, ("lam/m", "m/lam", 2.5)),
        (-2 * LAM_ / M_, ("-2*lam/m", "-m/(2*lam)", 2.8)), (M_**2 / N_, ("m**2/n", "n/m**2", 2.9)),
        (1 / (M_ * N_), ("1/(m*n)", "m*n", 2.5)), (0.5 / M_, ("1/(2*m)", "2*m", 1.3)), (3 / M_, ("3/m", "m/3", 1.7)),
        (1 - LAM_, ("(1 - lam)", "1/(1 - lam)", 1.0)), (1 / (1 - LAM_), ("1/(1 - lam)", "(1 - lam)", 1.0)),
        (LAM_ / (1 - LAM_), ("lam/(1 - lam)", "(1 - lam)/lam", 2.5)), (1 - M_, ("(1 - m)", "1/(1 - m)", 1.0)),
        (0.1234 * M_, ("0.1234*m", "8.104*1/m", None)), (M_**3, None), (np.sqrt(M_ * N_), None), (M_ + N_, None),
        (M_ * N_ * LAM_, None), (np.pi * M_, ("3.142*m", "0.3183/m", 2.5)), ([1.0, 2.0, np.inf], None),
        ([0.0, 0.0, 0.0], None),
        ([0.0, 1.0, 2.0], None), ([2.0, 2.0, 2.0 + 1e-9], ("2", "1/2", 0.3)), ([2.0, 2.0, 2.0 + 1e-6], None),
        ([1 / 13] * 3, None),
    ],
)  # fmt: skip
def test_the_name_of_a_factor_that_follows_the_sizes(values, told):
    found = SIZES.factor(list(values))
    if told is None:
        assert found is None
    elif told[2] is not None:
        assert (found.text, found.inverse, round(found.cost, 6)) == told
    else:
        assert found.text == told[0]


def test_the_plainest_of_several_names_is_taken():
    """On one draw 4 is 4, m, and many other things; on two sizes that agree it is the first."""
    assert symbols(m=[4.0], n=[2.0]).factor([4.0]).text == "4"
    assert symbols(m=[4.0, 9.0], n=[2.0, 3.0]).factor([4.0, 9.0]).text == "m"  # not n**2, which is further
    assert symbols(n=[2.0, 3.0], m=[4.0, 9.0]).factor([4.0, 9.0]).text == "m"
    assert symbols(m=[4.0, 4.0]).factor([1 / 13, 1 / 13]) is None  # a number on all draws is no size
    assert symbols(m=[13.0]).factor([1 / 13]).text == "1/m"


def test_roots_and_rests_need_numbers_that_have_them():
    negative = symbols(t=[-4.0, 2.0, 3.0])
    assert all(
        power in (1, -1, 2, -2) for names, powers, _ in negative._products() for power in powers if names == ["t"]
    )
    one = symbols(t=[1.0, 2.0, 3.0])
    assert not any("1 - t" in name for names, _, _ in one._products() for name in names)
    assert len(symbols(a=[2.0, 3.0])._products()) == 6 + 3
    assert len(symbols(a=[2.0, 3.0], b=[5.0, 7.0])._products()) == 2 * 6 + 16 + 2 * 3
    assert symbols(a=[2.0, 3.0]).products is None
    assert SIZES.factor(M) == SIZES.factor(M)


def inputs_of(n, lam):
    return {"X": np.ones((n, 2)), "lam": np.float64(lam), "k": 3, "zero": 0.0, "z": 1j, "b": np.float64(2)}


def test_symbols_are_sizes_and_scalar_constants():
    draws = [
        Draw(
            {"n": n, "m": 1},
            {"X": np.ones((n, 2)), "lam": np.float64(lam), "k": 3, "zero": 0.0, "z": 1j, "b": np.float64(2)},
        )
        for n, lam in ((2, 0.5), (3, 0.25))
    ]
    found = symbols_of(draws, ["b"])
    assert found.names == ["n", "m", "lam", "k"]
    np.testing.assert_array_equal(found.values, [[2, 3], [1, 1], [0.5, 0.25], [3, 3]])
    assert symbols_of(draws).names == ["n", "m", "lam", "k", "b"]


def test_concrete_arrays_lend_their_own_sizes():
    draws = [Draw({}, {"X": np.ones((3, 4)), "W": np.ones((4, 1)), "v": np.ones(5), "s": np.float64(2)})]
    found = symbols_of(draws)
    assert found.names == ["X.shape[0]", "X.shape[1]", "v.shape[0]", "s"]  # each size once, and 1 never
    assert found.values.ravel().tolist() == [3, 4, 5, 2]
    many = symbols_of([Draw({f"s{k}": k + 2 for k in range(20)}, {})])
    assert len(many.names) == 14
    assert symbols_of([Draw({}, {"x": np.array([np.nan])})]).names == []
    assert symbols_of([Draw({}, {"x": np.float64(np.nan), "y": np.float64(np.inf)})]).names == []
    assert symbols_of([Draw({}, {})]).values.shape == (0, 1)


@pytest.mark.parametrize(
    ("number", "names", "powers", "text"),
    [
        (1, ["m"], [1], "m"), (1, ["m"], [-1], "1/m"), (-1, ["m"], [-1], "-1/m"), (-1, ["m"], [1], "-m"),
        (2, ["m"], [1], "2*m"), (0.5, ["m"], [1], "m/2"), (-0.5, ["m"], [-1], "-1/(2*m)"),
        (2, ["a", "b"], [1, -1], "2*a/b"),
        (2 / 3, ["a", "b"], [-1, -2], "2/(3*a*b**2)"), (1, ["a", "b"], [0.5, -0.5], "sqrt(a)/sqrt(b)"),
        (-3, ["a"], [2], "-3*a**2"), (0.123456, ["a"], [1], "0.1235*a"), (1, [], [], "1"), (-1, [], [], "-1"),
    ],
)  # fmt: skip
def test_a_product_as_one_writes_it(number, names, powers, text):
    assert _written(number, names, powers) == text


def test_a_constant_is_equal_to_eight_digits():
    assert _constant(np.array([2.0, 2.0 + 1e-8])) == pytest.approx(2.0)
    assert _constant(np.array([2.0, 2.0 + 1e-7])) is None
    assert _constant(np.array([-2.0, -2.0])) == -2.0


# ── whole outputs ────────────────────────────────────────────────────────────────────────────────────────────────


def factor(text, number=None, cost=1.0, inverse="?"):
    return Factor(text, inverse, cost, number)


@pytest.mark.parametrize(
    ("outputs", "by", "kind", "text", "cost"),
    [
        (["w"], factor("-1", -1.0, 0.0), "sign", "dw has the wrong sign", 0.2),
        (["w", "b"], factor("-1", -1.0, 0.0), "sign", "dw has the wrong sign".replace("has", "have"), 0.2),
        (["w"], factor("2", 2.0, 0.3), "scale", "dw is 2 times the right value", 0.6),
        (["w", "b"], factor("2", 2.0, 0.3), "scale", "dw are 2 times the right value", 0.6),
        (["w"], factor("1/m"), "scale", "dw has a factor 1/m too much", 1.5),
        (["w"], factor("-1/m"), "scale", "dw has a factor -1/m too much", 1.5),
        (["w"], factor("1/m", cost=1.5), "scale", "dw has a factor 1/m too much", 2.0),
        (["w"], factor("1/m", cost=1.6, inverse="m"), "scale", "dw has a factor 1/m too much (missing m)", 2.1),
        (["w"], factor("m", inverse="1/m"), "scale", "dw has a factor m too much (missing 1/m)", 1.5),
        (["w", "b"], factor("m", inverse="1/m"), "scale", "dw have a factor m too much (missing 1/m)", 1.5),
    ],
)
def test_the_words_for_a_scaled_output(outputs, by, kind, text, cost):
    found = _scale_text("dw", outputs, by)
    assert found[:2] == (kind, text)
    assert found[2] == pytest.approx(cost)


def test_small_words():
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(["a", "b", "c"]) == "a, b and c"
    match = _match("sign", "text", 0.5, "a", "b")
    assert (match.where, match.outputs, match.line, match.cost) == ("a", ("a", "b"), None, 0.5)


@pytest.mark.parametrize(
    ("a", "b", "scale", "equal"),
    [
        ([1.0, 0.0], [1.0 + 0.99e-7, 0.0], None, True), ([1.0, 0.0], [1.0 + 1.02e-7, 0.0], None, False),
        ([1.0], [[1.0]], None, False), ([0.0], [0.99e-12], None, True), ([0.0], [1.1e-12], None, False),
        ([1.0], [1.0 + 5e-6], 100.0, True), ([1.0], [1.0 + 5e-6], 10.0, False), ([np.nan], [np.nan], None, False),
        ([np.inf], [1.0], None, False), (2.0, 2.0, None, True),
    ],
)  # fmt: skip
def test_close_is_seven_digits_and_never_broadcasts(a, b, scale, equal):
    assert close(np.asarray(a), np.asarray(b), scale) is equal


def test_what_has_to_be_summed():
    h = np.arange(6.0).reshape(2, 3)
    assert _reduces(h, np.array([3.0, 5.0, 7.0]), np.sum, 0)
    assert _reduces(h, np.array([[3.0], [12.0]]), np.sum, 1)
    assert _reduces(h, 15.0, np.sum, None)
    assert _reduces(h, 2.5, np.mean, None)
    assert not _reduces(h, np.array([3.0, 5.0, 7.0]), np.sum, 1)
    assert not _reduces(h, h, np.sum, 0)
    assert not _reduces(h, 15.0, np.sum, 2)
    assert not _reduces(5.0, 5.0, np.sum, None)
    assert _squeezed(h, h.reshape(3, 2))
    assert _squeezed(h.T, h[None])
    assert not _squeezed(h, h + 1)
