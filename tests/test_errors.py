"""Errors hand over the next step: what was given, what was needed, the line, the call that mends it."""

from __future__ import annotations

import contextlib
import copy
import inspect
import math
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor, errors
from tinygrad_notes.errors import (
    BadInputError,
    DTypeError,
    GraphFreedError,
    LeavesGraphError,
    NoRuleError,
    NotScalarError,
    ShapeError,
    TinygradNotesError,
)

V = np.array([0.5, 0.25, 0.75])


def message(call: Callable[[], Any]) -> list[str]:
    """The lines of the error that `call` raises."""
    with pytest.raises(TinygradNotesError) as caught:
        call()
    return str(caught.value).splitlines()


@contextlib.contextmanager
def named(ways: str) -> Iterator[None]:
    """An error of ours may pass if it names one of the ways round."""
    try:
        yield
    except TinygradNotesError as error:
        if not re.search(ways, str(error)):
            raise AssertionError(f"no way round in: {error}") from error
        raise


def here(offset: int = 0) -> str:
    """``test_errors.py:57``: the caller's line plus `offset`."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return f"test_errors.py:{frame.f_back.f_lineno + offset}"


# ── every way out of the graph ───────────────────────────────────────────────────────────────────────────────────

RECORDED: dict[str, Callable[[Tensor], Any]] = {
    "np.sin(t)": lambda t: np.sin(t),
    "np.stack([t, t])": lambda t: np.stack([t, t]),
    "np.concatenate([t, array])": lambda t: np.concatenate([t, V]),
    "sum of a list": lambda t: sum([t, t]),
    "sum of a Tensor": lambda t: sum(t),
    "np.sum of a Tensor": lambda t: np.sum(t),
    "array + t": lambda t: V + t,
    "array @ t": lambda t: V @ t,
    "array * t": lambda t: V * t,
    "scalar * t": lambda t: np.float32(2) * t,
    "list + t": lambda t: operator.add([1.0, 2.0, 3.0], t),
    "t.astype(float32)": lambda t: t.astype(np.float32),
    "abs(t)": abs,
    "round(t)": lambda t: round(t),
    "pow(t, 2)": lambda t: pow(t, 2),
    "divmod(t, 2)": lambda t: divmod(t, 0.2)[1],
    "-t": operator.neg,
    "t[::-1]": lambda t: t[::-1],
    "np.add(t, array)": lambda t: np.add(V, t),
    "np.float64(2).__mul__": lambda t: np.float64(2.0) * t,
    "np.where(mask, t, 0)": lambda t: np.where(V > 0.3, t, 0.0),
    "max of a list": lambda t: max(list(t)),
    "sorted": lambda t: sorted(t)[0],
    "unpacking": lambda t: [*t][1],
    "np.dot(array, t)": lambda t: np.dot(V, t),
    "copy.copy": copy.copy,
}

REFUSED: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "np.asarray(t)": (lambda t: np.asarray(t), "use t.data for the plain array"),
    "np.array(t)": (lambda t: np.array(t), "use t.data for the plain array"),
    "np.array([t])": (lambda t: np.array([t, t]), r"np.stack\(\[t1, t2\]\) to join Tensors"),
    "np.array([t[0]])": (lambda t: np.array([t[0], t[1]]), "t.data|t.item"),
    "np.asarray([[t[0]]])": (lambda t: np.asarray([[t[0]], [t[1]]]), "t.data|t.item"),
    "np.ascontiguousarray": (lambda t: np.ascontiguousarray(t), "t.data"),
    "float(t)": (lambda t: float(t[0]), r"use t.item\(\) for the plain number"),
    "int(t)": (lambda t: int(t[0]), r"use t.item\(\)"),
    "complex(t)": (lambda t: complex(t[0]), r"use t.item\(\)"),
    "math.sin(t)": (lambda t: math.sin(t[0]), r"np.sin\(t\) instead of math.sin\(t\)"),
    "math.floor": (lambda t: math.floor(t[0]), r"t.item\(\)"),
    "operator.index": (lambda t: operator.index(t[0]), r"int\(t.item\(\)\)"),
    "range(t)": (lambda t: range(t[0]), r"int\(t.item\(\)\)"),
    "list[t]": (lambda t: [1, 2, 3][t[0]], r"int\(t.item\(\)\)"),
    "t.astype(int)": (lambda t: t.astype(int), r"t\.data\.astype\("),
    "t.astype(bool)": (lambda t: t.astype(bool), r"t\.data\.astype\("),
    "array[t]": (lambda t: V[t], r"t\.data"),
    "t[t]": (lambda t: t[t], r"t\.data\.astype\(int\)"),
    "t[t] = 0": (lambda t: t.__setitem__(t, 0.0), r"t\.data\.astype\(int\)"),
    "array[i] = t": (lambda t: V.copy().__setitem__(0, t[0]), "t.data|t.item"),
    "array[:] = t": (lambda t: V.copy().__setitem__(slice(None), t), "t.data"),
    "array += t": (lambda t: operator.iadd(V.copy(), t), "assign the result instead"),
    "np.add(out=array)": (lambda t: np.add(t, 1.0, out=np.zeros(3)), "assign the result instead"),
    "np.add(out=t)": (lambda t: np.add(V, 1.0, out=t), "assign the result instead"),
    "np.full(3, t)": (lambda t: np.full(3, t[0]), "t.data|t.item"),
    "np.arange(t)": (lambda t: np.arange(t[0]), "t.item|t.data"),
    "np.reshape(array, t)": (lambda t: np.reshape(V, (t[0], 1)), "int\\(t.item|t.data"),
    "np.random(t)": (lambda t: np.random.default_rng(0).normal(t[0]), "t.item|t.data"),
    "Tensor(t * 2)": (lambda t: Tensor(t * 2), r"use t itself, or Tensor\(t.data\)"),
    "np.float64(t)": (lambda t: np.float64(t[0]), "t.item|t.data"),
    "np.exp(dtype=)": (lambda t: np.exp(t, dtype=np.float32), r"f\(t.astype\(dtype\)\)"),
    "array.fill(t)": (lambda t: V.copy().fill(t[0]), "t.item|t.data"),
    "np.vectorize": (lambda t: np.vectorize(math.exp)(t), "t.data|t.item"),
    "np.fromiter": (lambda t: np.fromiter(iter(t), float), "t.data|t.item"),
    "bytes": (lambda t: memoryview(np.asarray(t)), "t.data"),
}


@pytest.mark.parametrize("name", RECORDED)
def test_is_recorded(name: str) -> None:
    t = Tensor(V)
    y = RECORDED[name](t)
    assert isinstance(y, Tensor)
    assert y.requires_grad
    (np.sum(y) * 1.0).backward()
    assert t.grad is not None


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_with_the_way_to_write_it(name: str) -> None:
    t = Tensor(V)
    before = t.data.copy()
    call, way = REFUSED[name]
    with pytest.raises((TinygradNotesError, ValueError)) as caught:
        call(t)
    error: BaseException | None = caught.value
    while error is not None and not isinstance(error, TinygradNotesError):
        error = error.__cause__ or error.__context__
    assert error is not None, f"{caught.value!r} is not ours"
    assert caught.match(way) if error is caught.value else re.search(way, str(error)), str(error)
    assert "test_errors.py:" in str(error), "the user's line is missing"
    assert np.array_equal(t.data, before)
    assert t.grad is None
    np.sum(t * t).backward()
    assert np.array_equal(t.grad, 2 * before), "the Tensor is not what it was"


def test_a_list_of_tensors_as_an_argument() -> None:
    """``np.mean([t1, t2])`` works recorded or says how to write it; it never answers with a plain number."""
    for f in (np.mean, np.sum, np.max, np.prod, np.sqrt, np.exp, np.sort, np.linalg.norm, np.cumsum, np.add.reduce):
        a, b = Tensor(0.5), Tensor(0.25)
        ways = r"np\.stack|t\.data|t\.item"
        with contextlib.suppress(LeavesGraphError), named(ways):
            assert isinstance(f([a, b]), Tensor), f


def test_a_tensor_as_a_shape_is_an_error_of_numpys() -> None:
    """NumPy replaces our words here by its own, which name the Tensor."""
    for make in (np.zeros, np.ones, np.empty):
        with pytest.raises(TypeError, match=r"got 'Tensor\(0\.5"):
            make(Tensor(0.5))


def test_constants_may_leave() -> None:
    k = Tensor(2.0, requires_grad=False)
    assert float(k) == 2.0
    assert math.sin(k) == math.sin(2.0)
    assert np.asarray(k).tolist() == 2.0
    assert np.full(2, k).tolist() == [2.0, 2.0]


# ── the messages, line by line ───────────────────────────────────────────────────────────────────────────────────


def test_matmul_of_shapes_that_do_not_fit() -> None:
    W, X = Tensor(np.ones((4, 2))), Tensor(np.ones((3, 5)))
    lines = message(lambda: W @ X)
    assert lines[0].startswith("matmul of float64 (4, 2) and float64 (3, 5): ")
    assert lines[1] == "  columns of the first must equal rows of the second"
    assert lines[2] == f"  at {here(-3)}:  lines = message(lambda: W @ X)"


def test_matmul_with_a_forgotten_transpose() -> None:
    w, X = Tensor(np.ones((3, 1))), np.ones((3, 5))
    assert message(lambda: w @ X)[1] == (
        "  columns of the first must equal rows of the second: a.T @ b would be (1, 5)"
    )
    A, B = Tensor(np.ones((2, 3))), Tensor(np.ones((4, 3)))
    assert message(lambda: A @ B)[1] == (
        "  columns of the first must equal rows of the second: a @ b.T would be (2, 4)"
    )


def test_shapes_that_do_not_broadcast() -> None:
    Z, b = Tensor(np.ones((4, 5))), Tensor(np.ones(4))
    lines = message(lambda: Z + b)
    assert lines[0].startswith("add of float64 (4, 5) and float64 (4,): operands could not be broadcast")
    assert lines[1] == "  to add one number per row, make it a column: b.reshape(4, 1)"
    assert lines[2] == f"  at {here(-3)}:  lines = message(lambda: Z + b)"
    lines = message(lambda: np.multiply(Z, Tensor(np.ones((5, 4)))))
    assert lines[0].startswith("multiply of float64 (4, 5) and float64 (5, 4)")
    assert lines[1] == "  the shapes are each other's transpose: use .T on one of them"
    assert message(lambda: np.ones((4, 5)) - b)[0].startswith("subtract of float64 (4, 5) and float64 (4,)")


def test_other_operations_name_themselves_and_the_shapes() -> None:
    t = Tensor(np.ones((2, 3)))
    assert message(lambda: t.reshape(4, 2))[0].startswith("reshape of float64 (2, 3)")
    assert message(lambda: np.concatenate([t, Tensor(np.ones((3, 2)))], axis=0))[0].startswith("concatenate of ")
    assert "(2, 3)" in message(lambda: t[5])[0]
    assert "(2, 3)" in message(lambda: t.sum(axis=7))[0]


def test_backward_of_what_is_not_one_number() -> None:
    y = Tensor(np.ones((2, 3))) * 2
    assert message(lambda: y.backward()) == [
        "backward() needs one number, this is float64 (2, 3); reduce it first (np.sum, np.mean), or give "
        "the cotangent: backward(gradient=np.ones((2, 3))); for all derivatives use tn.jacobian.",
        f"  at {here(-3)}:  assert message(lambda: y.backward()) == [",
    ]
    assert message(lambda: y.backward(np.ones(3)))[0] == "gradient= has shape (3,), the result has (2, 3)."
    assert message(lambda: y.backward("text"))[0].startswith("gradient= must be numbers, not ")


def test_backward_of_a_constant() -> None:
    with tn.no_grad():
        y = Tensor(2.0) * 3
    assert message(lambda: y.backward())[0] == (
        "backward() of a constant: no Tensor with requires_grad=True leads to this result "
        "(was it computed under no_grad(), or from .data?)."
    )


def test_backward_of_a_freed_graph() -> None:
    x = Tensor(2.0)
    y = x * x
    y.backward(free=True)
    with pytest.raises(GraphFreedError) as caught:
        y.backward()
    assert str(caught.value).startswith(
        "this graph was handed back by backward(free=True); compute the result again first."
    )
    with pytest.raises(RuntimeError):
        (y + 1).backward()


BOOL = "a Tensor can't be bool: use Tensor(x.astype(float)), or the array itself as a mask."


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (True, BOOL),
        (np.array([True, False]), BOOL),
        (["a", "b"], "a Tensor holds numbers, not <U1\n  convert it first: x.astype(float)"),
        (np.array([None, 1], dtype=object), "a Tensor holds numbers, not object\n  convert it first: x.astype(float)"),
        (None, "a Tensor holds numbers, not None\n  a function without a return statement gives None"),
    ],
)
def test_data_that_is_no_number(data: Any, words: str) -> None:
    with pytest.raises(DTypeError) as caught:
        Tensor(data)
    assert str(caught.value).startswith(words)
    assert f"\n  at {here(-2)}:  Tensor(data)" in str(caught.value)


def test_ragged_data() -> None:
    with pytest.raises(ShapeError, match=r"Tensor of \[\[1.0, 2.0\], \[3.0\]\]: its rows have different lengths"):
        Tensor([[1.0, 2.0], [3.0]])


def test_leaving_the_graph() -> None:
    t = Tensor(2.0)
    assert message(lambda: np.asarray(t)) == [
        "np.asarray / np.array of a Tensor would drop its graph: use t.data for the plain array, "
        "np.stack([t1, t2]) to join Tensors, np.f(t) itself where NumPy has f.",
        f"  at {here(-3)}:  assert message(lambda: np.asarray(t)) == [",
    ]
    assert message(lambda: math.sin(t)) == [
        "float(t) (also math.f(t)) would drop the Tensor's graph: use t.item() for the plain number, "
        "np.sin(t) instead of math.sin(t).",
        f"  at {here(-3)}:  assert message(lambda: math.sin(t)) == [",
    ]
    assert message(lambda: [1, 2][t])[0] == (
        "a Tensor can't be an index or a length: use int(t.item()), or t.data.astype(int) for indices."
    )


def test_a_function_without_a_rule_points_to_the_list() -> None:
    from tinygrad_notes.rules import BOOK

    known = BOOK.pop(np.sinc)
    try:
        lines = message(lambda: np.sinc(Tensor(1.0)))
    finally:
        BOOK[np.sinc] = known
    assert lines[0] == (
        "np.sinc has no derivative rule here. Write it with functions that have one (tn.coverage() lists them), "
        "give it a rule with tn.primitive, or use t.data if no gradient should pass."
    )
    assert lines[1].startswith(f"  at {here(-7)}:  ")


def test_an_argument_without_a_rule() -> None:
    t = Tensor(V)
    assert message(lambda: np.exp(t, out=np.zeros(3)))[0] == (
        "exp of a Tensor does not take out=; assign the result instead: y = f(...)."
    )
    assert message(lambda: np.exp(t, dtype=np.float32))[0] == (
        "exp of a Tensor does not take dtype=; cast the input first: f(t.astype(dtype))."
    )
    with pytest.raises(NoRuleError, match="does not take where="):
        np.exp(t, where=V > 0.3)


def test_wrong_calls_of_a_function_are_type_errors_as_in_numpy() -> None:
    t = Tensor(V)
    for call in (lambda: np.sum(), lambda: np.sum(t, nonsense=1), lambda: np.exp(t, t, t, t), lambda: np.reshape(t)):
        with pytest.raises(TypeError):
            call()


def test_in_place_that_would_change_the_shape() -> None:
    t = Tensor(V)

    def grow() -> None:
        nonlocal t
        t += np.ones((2, 3))

    assert message(grow)[0] == "in-place operation would change shape (3,) to (2, 3): write t = t + v."
    assert t.data.tolist() == V.tolist()
    assert message(lambda: t.__setitem__(0, np.ones(2)))[0].startswith("putitem of float64 (3,)")
    assert t.data.tolist() == V.tolist()


def test_nothing_changes_after_a_refused_call() -> None:
    t = Tensor(V)
    np.sum(t * t).backward()
    node, grad, data = t.node, t.grad.copy(), t.data
    calls: list[Callable[[], Any]] = [
        lambda: t @ np.ones((2, 2)),
        lambda: t.__iadd__(np.ones(4)),
        lambda: t.__setitem__(9, 1.0),
        lambda: t.__setitem__(slice(None), np.ones(2)),
        lambda: float(t),
        lambda: np.asarray(t),
        lambda: (t * 2).backward(),
        lambda: (t * 2).backward(np.ones(7)),
        lambda: setattr(t, "grad", np.ones(9)),
        lambda: t.astype(int),
    ]
    for call in calls:
        with pytest.raises(TinygradNotesError):
            call()
        assert t.node is node
        assert t.data is data
        assert np.array_equal(t.data, V)
        assert np.array_equal(t.grad, grad)


def test_the_users_line_is_named_inside_nested_calls() -> None:
    def layer(W: Any, x: Any) -> Any:
        return np.tanh(W @ x)

    where = f"test_errors.py:{layer.__code__.co_firstlineno + 1}"
    with pytest.raises(ShapeError) as caught:
        tn.grad(lambda W: np.sum(layer(W, np.ones(4))))(np.ones((2, 3)))
    assert str(caught.value).endswith(f"\n  at {where}:  return np.tanh(W @ x)")


# ── the tree ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_error_is_also_the_nearest_builtin() -> None:
    builtin = {
        ShapeError: ValueError,
        NotScalarError: ValueError,
        BadInputError: ValueError,
        DTypeError: TypeError,
        NoRuleError: TypeError,
        LeavesGraphError: TypeError,
        GraphFreedError: RuntimeError,
        errors.DrawingError: RuntimeError,
        errors.MissingExtraError: ImportError,
    }
    for ours, theirs in builtin.items():
        assert issubclass(ours, theirs)
        assert issubclass(ours, TinygradNotesError)


def test_the_tree_drawn_at_the_top_is_the_tree() -> None:
    drawn = set(re.findall(r"[├└]── (\w+)", errors.__doc__ or ""))
    real = {n for n, c in vars(errors).items() if inspect.isclass(c) and issubclass(c, TinygradNotesError)}
    assert drawn == real - {"TinygradNotesError"}
    assert set(errors.__all__) == real


def test_numpys_own_error_is_kept_as_the_cause() -> None:
    with pytest.raises(ShapeError) as caught:
        Tensor(V) + np.ones(4)
    assert isinstance(caught.value.__cause__, ValueError)


def test_singular_matrices_stay_numpys_error() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        np.linalg.inv(Tensor(np.zeros((2, 2))))
