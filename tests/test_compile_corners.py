"""Compiled against eager at the edges: NumPy's less common arguments, every shape of argument, what is read outside."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes.compiler import profile
from tinygrad_notes.errors import BadInputError, CompileError

rng = np.random.default_rng(1)
A, B = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
Z = A + 1j * B
N = np.array(1.5)


def same(got: Any, wanted: Any) -> None:
    """Equal in kind, dtype, shape and to rounding."""
    if isinstance(wanted, (list, tuple)):
        assert type(got) is type(wanted)
        for one, other in zip(got, wanted, strict=True):
            same(one, other)
        return
    assert np.asarray(got).dtype == np.asarray(wanted).dtype
    np.testing.assert_allclose(got, wanted, rtol=1e-13, atol=1e-300)


def equal(f: Callable[..., Any], *args: Any, **options: Any) -> None:
    """Compiled as eager, at the first call and at those that find the program ready."""
    compiled = tn.compile(f, **options)
    for _ in range(3):
        same(compiled(*args), f(*args))
    assert compiled.traces == 1


# ── NumPy's arguments ────────────────────────────────────────────────────────────────────────────────────────────


def _filled_in_place(a: Any) -> Any:
    x = np.zeros_like(a)
    x.fill(2.5)
    return x * a


def _sorted_in_place(a: Any) -> Any:
    x = a * 2
    x.sort(axis=0)
    return x


def _copied_into(a: Any, b: Any) -> Any:
    x, y = np.zeros_like(a), a * 1.5
    np.copyto(x, b)
    np.copyto(y, b, where=a > 0)
    return x + y


def _narrowed(a: Any) -> Any:
    x = (a * 2).astype(np.float32)
    x[...] = a
    x += a
    return x


def _added_at(a: Any, b: Any) -> Any:
    x = np.zeros_like(a)
    np.add.at(x, ([0, 0, 2], [1, 1, 3]), b[0, :3])
    return x


def _into(a: Any, b: Any) -> Any:
    x = np.zeros_like(a)
    np.multiply(a, b, out=x)
    y = np.zeros_like(a)
    np.cumsum(x, axis=1, out=y)
    return x + y


def _quotient_into(a: Any) -> Any:
    x = np.zeros_like(a)
    slots: Any = (x, None)
    fraction, whole = np.modf(a, out=slots)
    return fraction + 2 * whole


def _given_shape(a: Any) -> Any:
    return np.full((2, 3), 7) + np.full(3, np.float32(2)) + np.full((2, 3), 1, dtype=float) * a.sum()


CALLS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "sum of a dtype": (lambda a: np.sum(a, dtype=np.float32), (A,)),
    "sum where": (lambda a: np.sum(a, axis=1, where=np.array([True, False, True, True])), (A,)),
    "sum of an outside array": (lambda a: a * np.sum(np.ones(4), axis=0), (A,)),
    "mean of whole numbers": (lambda a: np.mean(a, axis=0), (np.arange(6).reshape(2, 3),)),
    "mean of a dtype": (lambda a: np.mean(a, dtype=np.float32), (A,)),
    "variance": (lambda a: np.var(a, axis=1, ddof=1), (A,)),
    "variance, kept": (lambda a: a.var(axis=(0, 1), keepdims=True), (A,)),
    "variance, complex": (lambda a: np.var(a, axis=0), (Z,)),
    "variance of a number": (lambda a: np.var(a) + a, (N,)),
    "deviation": (lambda a: np.std(a, axis=-1), (A,)),
    "deviation, complex": (lambda a: np.std(a), (Z,)),
    "deviation of a dtype": (lambda a: np.std(a, axis=0, dtype=np.float32), (A,)),
    "reshape, columns first": (lambda a: np.reshape(a, (4, 3), order="F") * 2, (A,)),
    "ravel, columns first": (lambda a: a.ravel(order="F") * 2, (A,)),
    "flatten": (lambda a: a.flatten() + a.reshape(-1).flatten(), (A,)),
    "flat": (lambda a: list(a.flat)[5] * a, (A,)),
    "expand and squeeze": (lambda a: np.squeeze(np.expand_dims(a, (0, 2)), axis=0), (A,)),
    "moveaxis": (lambda a: np.moveaxis(a, 0, -1) * 2, (A,)),
    "moveaxis of nothing": (lambda a: np.moveaxis(a, 0, -1) * 2, (np.ones((0, 3)),)),
    "matrix_transpose": (lambda a: np.matrix_transpose(a) + a.mT, (A,)),
    "transpose, axes": (lambda a: a.transpose(1, 0) + np.transpose(a, (-1, 0)) + np.transpose(a), (A,)),
    "atleast_1d": (lambda a, n: np.atleast_1d(n) + np.atleast_1d(a), (A, N)),
    "atleast_1d of two": (lambda a, n: list(np.atleast_1d(n, a)), (A, N)),
    "broadcast_to a length": (lambda n: np.broadcast_to(n, 3) * 2, (N,)),
    "broadcast_to its shape": (lambda a: np.broadcast_to(a, a.shape) * 2, (A,)),
    "astype": (lambda a: np.astype(a, np.float32) * 2, (A,)),
    "copy": (lambda a: np.copy(a) * 2, (A,)),
    "full_like": (lambda a: np.full_like(a, 3) + np.full_like(a, a[0, 0], dtype=np.float32), (A,)),
    "full_like, another shape": (lambda a: np.full_like(a, 3, shape=(2,)) * np.zeros_like(a, shape=(2,)), (A,)),
    "full": (_given_shape, (A,)),
    "full of a value": (lambda a: np.full_like(a, a.sum()) * a, (A,)),
    "like: asarray": (lambda a: np.asarray(a, np.float32, like=a) + np.array(a, dtype=float, like=a), (A,)),
    "like: a list": (lambda a: a * np.asarray([1, 2, 3, 4], like=a) + np.asarray([*a[0, :2]], like=a)[0], (A,)),
    "like: full": (lambda a: np.full((3, 4), 2, like=a) * np.full(4, a[0, 0], like=a) + np.zeros(4, like=a), (A,)),
    "like: full of a dtype": (lambda a: np.full(4, 2, dtype=np.float32, like=a) * np.ones((), like=a), (A,)),
    "real": (lambda a, z: np.real(a) + np.real(z) + z.real + z.imag + a.real, (A, Z)),
    "repeat": (lambda a: np.repeat(a, 2, axis=0) + np.repeat(a, [1, 2, 3], axis=0), (A,)),
    "in place: fill": (_filled_in_place, (A,)),
    "in place: sort": (_sorted_in_place, (A,)),
    "in place: copyto": (_copied_into, (A, B)),
    "in place: a wider dtype": (_narrowed, (A,)),
    "in place: add.at": (_added_at, (A, B)),
    "in place: out": (_into, (A, B)),
    "in place: out of one of two": (_quotient_into, (A,)),
    "abs of a number": (lambda a, n: a * abs(n) + (-n) + (+n), (A, -3.0)),
    "a slice by name": (lambda a: a[slice(1, None)] + a[:2], (A,)),
    "a dtype in a call": (lambda a: np.cumsum(a, axis=0, dtype=np.dtype(np.float32)), (A,)),
    "bits": (lambda a: (a > 0) & ~(a < 1) | (a != a) ^ (a >= 2), (A,)),
    "remainders": (lambda a: a % 2 + a // 3 + 7 // (np.abs(a) + 1), (A,)),
    "several results": (lambda a: list(np.linalg.qr(a)), (A,)),
    "iteration": (lambda a: [row * 2 for row in a], (A,)),
    "length": (lambda a: a / len(a) + a.itemsize + a.nbytes + a.size + a.flags.c_contiguous, (A,)),
    "no change of a number in place": (lambda n: n.__imul__(2) + 1, (N,)),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls_are_as_eager(name: str) -> None:
    f, args = CALLS[name]
    equal(f, *args)


def _another_shape(a: Any) -> Any:
    x = a[0] * 2
    x += a
    return x


def _whole_numbers(a: Any) -> Any:
    x = np.zeros_like(a, dtype=np.int64)
    x += a
    return x


REFUSED: dict[str, tuple[Callable[..., Any], str]] = {
    "another shape in place": (_another_shape, r"would change \(4,\) to \(3, 4\)"),
    "another kind in place": (_whole_numbers, "can't write float64 into int64"),
    "a Tensor into an array": (lambda a: (a * 2).__setitem__(0, tn.Tensor(B[0])), "Tensor can't be written"),
    "subtract.at": (lambda a: np.subtract.at(a * 1, [0], a[:1]), "only np.add.at"),
    "full_like an outside array": (lambda a: a + np.full_like(np.ones(4), a[0, 0]), "array from outside"),
    "copyto an outside array": (lambda a: np.copyto(np.ones((3, 4)), a), "np.copyto into an array from outside"),
    "a traced axis": (lambda a: np.flip(a, axis=a[0, 0].astype(int)), "static="),
    "a traced mask to write": (lambda a: (a * 2).__setitem__(a > 0, 1.0), "boolean mask"),
    "complex()": (lambda a: complex(a[0, 0]) * a, r"complex\(\)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_why(name: str) -> None:
    f, match = REFUSED[name]
    with pytest.raises(CompileError, match=match):
        tn.compile(f)(A.copy())


OWN_ERRORS: dict[str, tuple[Callable[..., Any], str]] = {
    "len of a number": (lambda n: len(n), "len()"),
    "iteration of a number": (lambda n: list(n), "0-d"),
    "a cast that loses": (lambda n: n.astype(int, casting="safe"), "Cannot cast"),
}


@pytest.mark.parametrize("name", OWN_ERRORS)
def test_numpys_own_errors_stay(name: str) -> None:
    f, match = OWN_ERRORS[name]
    for function in (f, tn.compile(f)):
        with pytest.raises(TypeError, match=match):
            function(N)


@pytest.mark.parametrize("method", ["shuffle", "spawn"])
def test_draws_that_change_their_argument_are_refused(method: str) -> None:
    with pytest.raises(CompileError, match=rf"rng\.{method} can't be compiled"):
        tn.compile(lambda a, r: getattr(r, method)(a))(A, np.random.default_rng(0))


# ── arguments ────────────────────────────────────────────────────────────────────────────────────────────────────


def _many(numbers: list[float], a: Any) -> Any:
    total = a
    for number in numbers:
        total = total * number
    return total


NUMBERS = [1 + k / 100 for k in range(60)]
ARGUMENTS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "nothing": (lambda a, flag: a * 2, (A, None)),
    "an empty container": (lambda a, more: a * 2, (A, [])),
    "a dictionary in a list": (lambda parts: parts[0]["w"] * parts[1][0], ([{"w": A}, (B,)],)),
    "a list in a dictionary": (lambda d: d["w"] * d["b"][0] + d["b"][1], ({"w": A, "b": [B, 2.0]},)),
    "sixty numbers": (_many, (NUMBERS, A)),
    "sixty numbers, one unused": (lambda numbers, a: _many(numbers[:-1], a), (NUMBERS, A)),
    "sixty results": (lambda numbers, a: [a[0, 0] * n for n in numbers], (NUMBERS, A)),
    "a flag": (lambda a, flag: a * 2, (A, True)),
    "a word": (lambda a, word: a * 2, (A, "relu")),
    "no result": (lambda a: None, (A,)),
    "an empty result": (lambda a: [], (A,)),
    "a dictionary of results": (lambda a: list({"y": a * 2, "z": (a, None)}["z"][:1]), (A,)),
    "as many as come": (lambda *arrays: arrays[0] * arrays[1], (A, B)),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments_of_any_structure(name: str) -> None:
    f, args = ARGUMENTS[name]
    compiled = tn.compile(f)
    for _ in range(3):
        got, wanted = compiled(*args), f(*args)
        if wanted is None:
            assert got is None
        else:
            same(got, wanted)


def test_keys_that_are_no_words() -> None:
    f = tn.compile(lambda d: d[1, 2] * d[3, 4])
    for _ in range(2):
        same(f({(1, 2): A, (3, 4): B}), A * B)


def test_another_argument_finds_another_program() -> None:
    f = tn.compile(lambda a, extra: a * 2 if extra is None else a * extra)
    same(f(A, None), A * 2)
    same(f(A, 3.0), A * 3)
    same(f(A, None), A * 2)
    g = tn.compile(lambda numbers, a: a * sum(numbers))
    same(g(NUMBERS, A), A * sum(NUMBERS))
    same(g([*NUMBERS[:-1], 2], A), A * sum([*NUMBERS[:-1], 2]))


def test_arguments_by_name() -> None:
    f = tn.compile(lambda a, **more: a * more["scale"] + more["shift"])
    same(f(A, scale=2.0, shift=B), A * 2 + B)
    assert "shift" in f.source


def test_static_arguments_by_name_or_left_out() -> None:
    def f(a: Any, power: int = 2, flip: bool = False) -> Any:
        return (-a if flip else a) ** power

    by_name = tn.compile(f, static=("power", "flip"))
    same(by_name(A, power=3), A**3)
    same(by_name(A), A**2)
    same(by_name(A, flip=True, power=3), (-A) ** 3)
    by_place = tn.compile(f, static=(1, 2))
    same(by_place(A, 3), A**3)
    same(by_place(A), A**2)
    with pytest.raises(BadInputError, match="hashable"):
        by_name(A, power=[2])


def test_repeat_is_for_arrays() -> None:
    step = tn.compile(lambda x: x * 0.5, donate=0)
    with pytest.raises(CompileError, match="repeat"):
        tn.grad(lambda t: np.sum(step.repeat(2, t)))(A)


# ── what is read from outside ────────────────────────────────────────────────────────────────────────────────────


def _scaled(a: Any, scale: Any, shift: Any = 0.0) -> Any:
    return a * scale + shift


def test_a_partial_function() -> None:
    equal(partial(_scaled, scale=2.0, shift=B), A)
    inner = partial(_scaled, scale=3.0)
    equal(lambda a: inner(a) * 2, A)


class Scaler:
    """An object whose method is compiled and read."""

    def __init__(self) -> None:
        self.scale = 2.0

    def times(self, a: Any) -> Any:
        return a * self.scale


def test_a_bound_method_in_a_variable() -> None:
    scaler = Scaler()
    method = scaler.times
    f = tn.compile(lambda a: method(a) + 1)
    same(f(A), A * 2 + 1)
    scaler.scale = 5.0
    same(f(A), A * 5 + 1)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A module of the user's."""
    path = tmp_path / "settings_of_a_user.py"
    path.write_text("import numpy as np\nrate = 0.5\nmask = np.array([1.0, 0.0, 1.0, 0.0])\nnames = []\n")
    monkeypatch.syspath_prepend(tmp_path)
    import importlib

    module = importlib.import_module("settings_of_a_user")
    monkeypatch.setitem(sys.modules, "settings_of_a_user", module)
    return module


def test_a_module_of_the_user(settings: types.ModuleType) -> None:
    f = tn.compile(lambda a: a * settings.rate * settings.mask)
    for _ in range(2):
        same(f(A), A * 0.5 * settings.mask)
    settings.rate = 2.0  # type: ignore[attr-defined]
    same(f(A), A * 2 * settings.mask)
    settings.mask[1] = 4.0
    same(f(A), A * 2 * settings.mask)


def test_a_captured_container_of_another_structure() -> None:
    table: dict[str, Any] = {"w": A}
    f = tn.compile(lambda a: sum(table.values()) * a)
    same(f(B), A * B)
    table["v"] = B
    same(f(B), (A + B) * B)


@dataclass(slots=True)
class Setting:
    """Without a ``__dict__``."""

    rate: float
    decay: float


def test_a_slotted_record() -> None:
    setting = Setting(0.5, 0.1)
    f = tn.compile(lambda a: a * setting.rate)
    same(f(A), A * 0.5)
    setting.rate = 3.0
    same(f(A), A * 3)


def test_a_function_that_calls_itself() -> None:
    def power(a: Any, n: int) -> Any:
        return a if n == 1 else a * power(a, n - 1)

    equal(lambda a: power(a, 4), A)


# ── figures ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_costs_of_programs_of_numbers_views_and_draws() -> None:
    def f(a: Any, n: float, r: Any) -> Any:
        return a.T[0] * n + np.sin(n) + r.normal(size=3), np.linalg.qr(a).R

    compiled = tn.compile(f)
    generator = np.random.default_rng(0)
    compiled(A, 2.0, generator)
    stats = compiled.stats
    stats.measure()
    assert "qr" in str(stats)
    constant = tn.compile(lambda a: 5.0)
    constant(A)
    assert str(constant.stats)
    assert constant.graph is not None


@pytest.mark.parametrize(("n", "text"), [(5, "5 "), (5_000, "5.0 k"), (5e9, "5.0 G"), (5e13, "50000.0 G")])
def test_amounts_are_written_with_a_unit(n: float, text: str) -> None:
    assert profile._amount(n) == text


def test_names_of_the_programs_own_functions() -> None:
    f = lambda times, repeat, range_, array_in, slice_: times * repeat + range_ - array_in * slice_
    g = lambda p: p["range"] * p["slice"] + np.repeat(p["times"], 2, axis=0)[::2]
    equal(f, A, B, A, B, A)
    equal(g, {"range": A, "slice": B, "times": A})
    step = tn.compile(lambda times, range_: times * range_, donate=0)
    same(step.repeat(2, A.copy(), B), A * B * B)
