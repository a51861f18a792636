"""What a compiled function reads from outside, wherever it is kept, is what is there at the call."""

from __future__ import annotations

import array
import functools
import os
import types
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor
from tinygrad_notes.errors import CompileError

X = np.array([1.0, 2.0])
W = np.array([3.0, 4.0])
rate = 1.0
setting: ContextVar[float] = ContextVar("setting", default=1.0)


class Record:
    """Its numbers in slots."""

    __slots__ = ("value",)

    def __init__(self, value: float) -> None:
        self.value = value


class Model:
    """Reads globals in every kind of method."""

    scale = 1.0

    def forward(self, x: Any) -> Any:
        return x * W

    def __call__(self, x: Any) -> Any:
        return x * W * rate

    @property
    def weights(self) -> Any:
        return W

    @staticmethod
    def plain(x: Any) -> Any:
        return x * W

    @classmethod
    def of_class(cls, x: Any) -> Any:
        return x * cls.scale

    def through_another(self, x: Any) -> Any:
        return self.forward(x) + 1


def new_weights() -> None:
    global W
    W = W + 1


def new_rate() -> None:
    global rate
    rate += 1


def weighted(x: Any) -> Any:
    return x * W


def with_attribute(x: Any) -> Any:
    return x * with_attribute.k  # type: ignore[attr-defined]


with_attribute.k = 1.0  # type: ignore[attr-defined]


def nested(depth: int, value: float) -> Any:
    return {"in": nested(depth - 1, value)} if depth else [value]


def innermost(x: Any) -> Any:
    while isinstance(x, dict):
        x = x["in"]
    return x


T = Tensor([1.0, 2.0])
TENSORS = {"W": T}
HOLDER = types.SimpleNamespace(t=T, f=lambda x: x * W)
SET, DEQUE, ARRAY, BYTES = {1.0}, deque([1.0]), array.array("d", [1.0]), bytearray(b"1")
EMPTY: list[Any] = []
RECORD = Record(1.0)
DEEP = nested(6, 1.0)
MODEL = Model()
FUNCTIONS = [weighted]
compiled_inside = tn.compile(weighted)
scaled = functools.partial(lambda a, x: a * x * W, 2.0)
cached = functools.lru_cache(lambda k: W * k)


def set_value(name: str, value: Any) -> Callable[[], None]:
    return lambda: setattr(globals()[name], "value", value)


def next_data() -> None:
    T.data = np.asarray(T.data) + 1


CASES: dict[str, tuple[Callable[[Any], Any], Callable[[], Any]]] = {
    "a Tensor": (lambda x: x * T.data, next_data),
    "a Tensor, written in place": (lambda x: x * T.data, lambda: T.data.__setitem__(0, 9.0)),
    "a Tensor in a dict": (lambda x: x * TENSORS["W"].data, next_data),
    "a Tensor in an object": (lambda x: x * HOLDER.t.data, next_data),
    "a Tensor, differentiated": (tn.grad(lambda x: np.sum(x * T.data)), next_data),
    "a set": (lambda x: x * sum(SET), lambda: SET.add(5.0)),
    "a deque": (lambda x: x * sum(DEQUE), lambda: DEQUE.append(5.0)),
    "an array of Python's": (lambda x: x * sum(ARRAY), lambda: ARRAY.append(5.0)),
    "bytes": (lambda x: x * len(BYTES), lambda: BYTES.append(5)),
    "an empty list": (lambda x: x * (len(EMPTY) + 1), lambda: EMPTY.append(None)),
    "slots": (lambda x: x * RECORD.value, set_value("RECORD", 5.0)),
    "deep inside": (lambda x: x * innermost(DEEP)[0], lambda: innermost(DEEP).__setitem__(0, 5.0)),
    "a compiled function": (lambda x: compiled_inside(x) + 1, new_weights),
    "a function in a list": (lambda x: FUNCTIONS[0](x), new_weights),
    "a function in an object": (lambda x: HOLDER.f(x), new_weights),
    "a partial function": (lambda x: scaled(x), new_weights),
    "a method": (lambda x: MODEL.forward(x), new_weights),
    "a method of a class": (lambda x: Model.forward(MODEL, x), new_weights),
    "a method that calls another": (lambda x: MODEL.through_another(x), new_weights),
    "a static method": (lambda x: MODEL.plain(x), new_weights),
    "a class method": (lambda x: MODEL.of_class(x), lambda: setattr(Model, "scale", Model.scale + 1)),
    "a callable object": (lambda x: MODEL(x), new_rate),
    "a property": (lambda x: x * MODEL.weights, new_weights),
    "an attribute of the class": (lambda x: x * MODEL.scale, lambda: setattr(Model, "scale", Model.scale + 1)),
    "an attribute of the function": (with_attribute, lambda: setattr(with_attribute, "k", 5.0)),
    "a context variable": (lambda x: x * setting.get(), lambda: setting.set(7.0)),
    "the environment": (lambda x: x * len(os.environ.get("SCALE_OF_A_TEST", "")),
                        lambda: os.environ.__setitem__("SCALE_OF_A_TEST", "three")),
}  # fmt: skip


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALE_OF_A_TEST", "")


@pytest.mark.parametrize("name", CASES)
def test_what_is_outside_is_read_anew(name: str) -> None:
    f, change = CASES[name]
    compiled = tn.compile(f)
    np.testing.assert_array_equal(compiled(X), f(X))
    before = compiled.traces
    np.testing.assert_array_equal(compiled(X), f(X))
    assert compiled.traces == before, "nothing changed: no new trace"
    old = f(X)
    change()
    assert not np.array_equal(f(X), old), "the case changes something"
    np.testing.assert_array_equal(compiled(X), f(X))


def numbers() -> Any:
    yield from (1.0, 2.0)


@pytest.mark.parametrize("given", [numbers(), iter([1.0])], ids=["generator", "iterator"])
def test_an_iterator_outside_is_refused(given: Any) -> None:
    with pytest.raises(CompileError, match=r"given is an iterator.*f\(next\(given\)\)"):
        tn.compile(lambda x: x * next(given))(X)
    assert next(given) == 1.0, "nothing was taken"


@pytest.mark.parametrize(
    "given", [np.ma.array([1.0, 2.0], mask=[False, True]), np.ones((1, 2)).view(np.matrix)], ids=type
)
def test_arrays_with_rules_of_their_own_are_refused(given: Any) -> None:
    with pytest.raises(CompileError, match="given is a"):
        tn.compile(lambda x: np.sum(x * given))(X)


def test_writes_to_things_outside_are_refused() -> None:
    seen: list[Any] = []
    with pytest.raises(CompileError, match="changes seen"):
        tn.compile(lambda x: (seen.append(x), x)[1])(X)

    class Counter:
        calls = 0

    counter = Counter()

    def counting(x: Any) -> Any:
        counter.calls += 1
        return x

    with pytest.raises(CompileError, match="changes counter"):
        tn.compile(counting)(X)
