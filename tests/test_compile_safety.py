"""What a compiled function may not freeze: each is refused with the next step, or done anew at each call."""

from __future__ import annotations

import cProfile
import random
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor
from tinygrad_notes.errors import BadInputError, CompileError, DTypeError

X = np.array([1.0, 2.0, 3.0])


def refused(f: Any, *args: Any, match: str, **options: Any) -> None:
    with pytest.raises(CompileError, match=match) as caught:
        tn.compile(f, **options)(*args)
    assert "test_compile_safety.py" in str(caught.value), "the user's line is named"


# ── leaving the trace ────────────────────────────────────────────────────────────────────────────────────────────


def branch(x: Any) -> Any:
    if x.sum() > 0:
        return x
    return -x


LEAVING = {
    "branch": (branch, "np.where"),
    "while": (lambda x: [None for _ in iter(lambda: bool(x[0] < 3), False)], "branch"),
    "and": (lambda x: (x[0] > 0) and x, "branch"),
    "float": (lambda x: float(x[0]) * x, "np.sqrt instead of math.sqrt"),
    "int": (lambda x: int(x[0]) * x, "static="),
    "index": (lambda x: [1, 2, 3][x[0].astype(int)], "static="),
    "range": (lambda x: [x for _ in range(x[0].astype(int))], "static="),
    "item": (lambda x: x * x[0].item(), "item"),
    "tolist": (lambda x: x.tolist(), "tolist"),
    "array": (lambda x: np.asarray([x[0], x[1]]), "np.stack"),
    "into an array": (lambda x: np.zeros(3).__setitem__(0, x[0]), "np.stack"),
    "in": (lambda x: 1.0 in x, "in"),
    "mask": (lambda x: x[x > 1], "np.where"),
    "nonzero": (lambda x: np.nonzero(x), "np.where"),
    "where of one": (lambda x: np.where(x > 1), "size depends on values"),
    "unique": (lambda x: np.unique(x), "size depends on values"),
    "repeat": (lambda x: np.repeat(x, x.astype(int)), "traced count"),
    "out": (lambda x: np.multiply(x, 2, out=np.empty(3)), "array from outside"),
    "augmented array": (lambda x: np.ones(3).__iadd__(x), "array from outside"),
    "add.at": (lambda x: np.add.at(np.ones(3), [0], x[:1]), "zeros_like"),
    "argument": (lambda x: x.__iadd__(1), "its arguments"),
    "item of the argument": (lambda x: x.__setitem__(0, 5.0), "its arguments"),
    "format": (lambda x: np.array2string(x), "leaves the program"),
    "min_scalar_type": (lambda x: np.min_scalar_type(x), "not about the function"),
}


@pytest.mark.parametrize("name", LEAVING)
def test_leaving_is_refused(name: str) -> None:
    f, match = LEAVING[name]
    refused(f, X.copy(), match=match)


def test_a_value_of_one_trace_can_not_enter_another() -> None:
    places: dict[str, Any] = {}

    class Keeper:
        value: Any = None

    keeper = Keeper()

    def leak(x: Any) -> Any:
        object.__setattr__(keeper, "value", x)
        return x * 2

    refused(leak, X, match="changes keeper")

    def leak_unseen(x: Any) -> Any:
        sys.__dict__["leaked"] = x
        return x * 2

    tn.compile(leak_unseen)(X)
    places["leaked"] = sys.__dict__.pop("leaked")
    refused(lambda x: x + places["leaked"], X, match="another")


def test_returning_a_tensor_is_refused() -> None:
    refused(lambda x: Tensor(X) * 2 + 0 * x.sum() if False else Tensor(X) * 2, X, match="returned a Tensor")


def test_a_changed_view_is_not_forgotten() -> None:
    def f(x: Any) -> Any:
        y = x * 2
        view = y[1:]
        view += 10
        return y

    refused(f, X, match="x\\[i\\] \\+= v")


# ── side effects ─────────────────────────────────────────────────────────────────────────────────────────────────

log: list[Any] = []
counter = 0
scale = 2.0
weights = np.array([1.0, 10.0, 100.0])
table = {"w": np.array([1.0, 2.0, 3.0]), "k": 2.0}


def counting(x: Any) -> Any:
    global counter
    counter += 1
    return x


def test_writing_a_global_is_refused() -> None:
    refused(counting, X, match="writes the global counter")
    assert counter == 0


def test_writing_an_outer_variable_is_refused() -> None:
    total = 0

    def f(x: Any) -> Any:
        nonlocal total
        total += 1
        return x

    refused(f, X, match="outer variable total")


def test_appending_outside_is_refused() -> None:
    def f(x: Any) -> Any:
        log.append(1)
        return x

    refused(f, X, match="log")
    log.clear()

    seen = [np.ones(2)]

    def g(x: Any) -> Any:
        seen.append(x)
        return x

    refused(g, X, match="seen")


def test_writing_a_captured_array_is_refused() -> None:
    cache = np.zeros(3)

    def f(x: Any) -> Any:
        cache[0] += 1
        return x + cache

    refused(f, X, match=r"array.*(outside|views)|its arguments")
    assert cache[0] == 0


@pytest.mark.parametrize("effect", [lambda: print("x"), time.time, time.perf_counter, lambda: open("x")],  # noqa: SIM115
                         ids=["print", "time", "perf_counter", "open"])  # fmt: skip
def test_effects_are_refused(effect: Any) -> None:
    refused(lambda x: (effect(), x)[1], X, match="once, while tracing|clock")


# ── randomness ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "draw",
    [lambda: np.random.rand(3), lambda: random.random(), lambda: np.random.default_rng().normal(size=3)],  # noqa: NPY002
    ids=["np.random", "random", "default_rng()"],
)
def test_hidden_randomness_is_refused(draw: Any) -> None:
    refused(lambda x: x + draw(), X, match="generator")


def test_an_outer_generator_is_refused() -> None:
    rng = np.random.default_rng(0)
    refused(lambda x: x + rng.normal(size=3), X, match=r"f\(\.\.\., rng\)")

    class Model:
        def __init__(self) -> None:
            self.rng = np.random.default_rng(0)

        def __call__(self, x: Any) -> Any:
            return x + self.rng.normal(size=3)

    refused(Model(), X, match=r"f\(\.\.\., rng\)")


def test_a_generator_argument_is_drawn_from_at_each_call() -> None:
    def f(x: Any, rng: Any) -> Any:
        a = rng.normal(size=3)
        rng.random()  # not read, but the stream moves on
        return x * a + rng.integers(0, 9, size=3)

    compiled, one, two = tn.compile(f), np.random.default_rng(7), np.random.default_rng(7)
    for _ in range(3):
        np.testing.assert_array_equal(compiled(X, one), f(X, two))
    assert one.bit_generator.state == two.bit_generator.state
    assert compiled.traces == 1


def test_dropout() -> None:
    def cost(W: Any, x: Any, rng: Any) -> Any:
        return np.sum(tn.nn.dropout(np.tanh(W @ x), 0.5, rng) ** 2)

    W, x = np.arange(12.0).reshape(4, 3) / 12, X
    f = tn.value_and_grad(cost)
    compiled, one, two = tn.compile(f), np.random.default_rng(3), np.random.default_rng(3)
    for _ in range(3):
        (a, ga), (b, gb) = compiled(W, x, one), f(W, x, two)
        assert a == b
        np.testing.assert_array_equal(ga, gb)


# ── what is read from outside is read now ────────────────────────────────────────────────────────────────────────


def scaled(x: Any) -> Any:
    return x * scale


def test_a_global_number() -> None:
    global scale
    compiled = tn.compile(scaled)
    scale = 2.0
    np.testing.assert_array_equal(compiled(X), X * 2)
    scale = 5.0
    np.testing.assert_array_equal(compiled(X), X * 5)
    scale = 2.0
    assert compiled.traces == 2
    assert "captured" in compiled.history[1]


def weighted(x: Any) -> Any:
    return x * weights * (weights + 1).sum()


def test_a_global_array_written_in_place_or_replaced() -> None:
    global weights
    compiled = tn.compile(weighted)
    for k in range(3):
        weights[0] = k
        np.testing.assert_array_equal(compiled(X), weighted(X))
    weights = np.array([5.0, 6.0, 7.0])
    np.testing.assert_array_equal(compiled(X), weighted(X))
    assert compiled.traces == 1, "an array is an input: no new trace"
    weights = np.array([1.0, 10.0, 100.0, 1000.0])
    np.testing.assert_array_equal(compiled(np.ones(4)), weighted(np.ones(4)))


def helper(x: Any) -> Any:
    return x * table["w"] + table["k"]


def test_what_a_helper_reads() -> None:
    compiled = tn.compile(lambda x: helper(x) * 2)
    for k in range(3):
        table["w"][1] = k
        table["k"] = float(k)
        np.testing.assert_array_equal(compiled(X), helper(X) * 2)


def test_a_closure_number_and_array() -> None:
    def make() -> Any:
        rate, W = 0.5, np.ones(3)

        def f(x: Any) -> Any:
            return x * rate + W * 2

        def change(new_rate: float, new_W: Any) -> None:
            nonlocal rate, W
            rate, W = new_rate, new_W

        return f, change

    f, change = make()
    compiled = tn.compile(f)
    np.testing.assert_array_equal(compiled(X), f(X))
    change(0.25, np.array([4.0, 5.0, 6.0]))
    np.testing.assert_array_equal(compiled(X), f(X))


def test_a_default_argument() -> None:
    W = np.ones(3)

    def f(x: Any, W: Any = W, *, k: Any = np.array([2.0])) -> Any:  # noqa: B008
        return x * W * k

    compiled = tn.compile(f)
    np.testing.assert_array_equal(compiled(X), X * 2)
    W[0] = 7
    np.testing.assert_array_equal(compiled(X), f(X))


def test_an_object() -> None:
    class Model:
        def __init__(self) -> None:
            self.W, self.rate = np.ones(3), 2.0

        def step(self, x: Any) -> Any:
            return x * self.W * self.rate

    model = Model()
    compiled = tn.compile(model.step)
    np.testing.assert_array_equal(compiled(X), model.step(X))
    model.W[0] = 9
    np.testing.assert_array_equal(compiled(X), model.step(X))
    model.rate = 3.0
    np.testing.assert_array_equal(compiled(X), model.step(X))
    model.W = np.arange(3.0)
    np.testing.assert_array_equal(compiled(X), model.step(X))


def test_a_replaced_helper() -> None:
    def use(g: Any) -> Any:
        def f(x: Any) -> Any:
            return g(x)

        def replace(new: Any) -> None:
            nonlocal g
            g = new

        return f, replace

    f, replace = use(np.sin)
    compiled = tn.compile(f)
    np.testing.assert_array_equal(compiled(X), np.sin(X))
    replace(np.cos)
    np.testing.assert_array_equal(compiled(X), np.cos(X))
    replace(lambda x: x + 1)
    np.testing.assert_array_equal(compiled(X), X + 1)


# ── results own their memory ─────────────────────────────────────────────────────────────────────────────────────


def test_results_are_never_overwritten() -> None:
    f = lambda x: (x, x * 2, x.T, (x * 3)[0], np.reshape(x * 4, -1), [x + 1, (x + 1).T], np.sum(x))
    compiled, x = tn.compile(f), np.arange(6.0).reshape(2, 3)
    first = compiled(x)
    copies = tn.compiler.compiled.flatten(first)[0] if hasattr(tn, "compiler") else None
    kept = [np.array(v) for v in copies]
    compiled(x + 100)
    x += 1000
    for value, copy in zip(copies, kept, strict=True):
        np.testing.assert_array_equal(value, copy)
    arrays = [v for v in copies if isinstance(v, np.ndarray)]
    assert not any(np.shares_memory(a, x) for a in arrays)
    assert all(a.flags.writeable for a in arrays)


def test_writing_a_result_does_not_change_the_next() -> None:
    compiled = tn.compile(lambda x: (np.zeros_like(x), np.ones(3) * 2, x * 1.0))
    for result in compiled(X):
        result[:] = 77
    for result, wanted in zip(compiled(X), (0 * X, 2 * np.ones(3), X), strict=True):
        np.testing.assert_array_equal(result, wanted)


# ── donation ─────────────────────────────────────────────────────────────────────────────────────────────────────


def momentum(p: Any, v: Any, g: Any) -> Any:
    v = 0.9 * v + g
    return p - 0.1 * v, v


def test_donated_arrays_are_written_in_place() -> None:
    p, v, g = X.copy(), np.ones(3), np.array([1.0, -1.0, 2.0])
    wanted = momentum(p.copy(), v.copy(), g)
    compiled = tn.compile(momentum, donate=(0, 1))
    new_p, new_v = compiled(p, v, g)
    assert new_p is p
    assert new_v is v
    np.testing.assert_array_equal((p, v), wanted)


@pytest.mark.parametrize(
    "f",
    [
        lambda a, b: (b, a),
        lambda a, b: (b * 2, a * 3),
        lambda a, b: (a[::-1], b[::-1] + a),
        lambda a, b: (np.cumsum(a), np.sum(a) + b),
        lambda a, b: (a.reshape(3, 1).reshape(3), np.dot(np.outer(a, b), a)),
        lambda a, b: (a + b, a - b),
        lambda a, b: (a, a),
        lambda a, b: (np.concatenate([a[1:], a[:1]]), np.where(a > 1, b, a)),
        lambda a, b: (np.sort(b), np.sort(a)),
    ],
)
def test_donated_arrays_that_are_read_late(f: Any) -> None:
    a, b = np.array([3.0, 1.0, 2.0]), np.array([10.0, 30.0, 20.0])
    wanted = [np.array(x) for x in f(a.copy(), b.copy())]
    got = tn.compile(f, donate=(0, 1))(a, b)
    for x, y in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(x, y)


def test_donated_arrays_must_be_ones_own() -> None:
    compiled = tn.compile(momentum, donate=(0, 1))
    p = X.copy()
    for args in ((p, p, X), (p, np.ones(3), p), (p, np.ones(3), p[::-1])):
        with pytest.raises(BadInputError, match="shares memory"):
            compiled(*args)
    locked = X.copy()
    locked.flags.writeable = False
    with pytest.raises(BadInputError, match="read-only"):
        compiled(locked, np.ones(3), X)
    np.testing.assert_array_equal(p, X)
    flat = np.arange(6.0)
    compiled(flat[:3], flat[3:], X)  # parts of one array that don't overlap may be donated
    with pytest.raises(BadInputError, match="donate=3"):
        tn.compile(momentum, donate=3)(p, p.copy(), X)


def test_a_failed_run_poisons_what_it_wrote() -> None:
    def f(p: Any, A: Any) -> Any:
        q = p * 2
        return q + 1, np.linalg.inv(A)

    compiled = tn.compile(f, donate=0)
    p, good, bad = X.copy(), np.eye(2), np.zeros((2, 2))
    compiled(p, good)
    with pytest.raises(np.linalg.LinAlgError):
        compiled(p, bad)
    with pytest.raises(CompileError, match="half-written"):
        compiled(p, good)
    compiled(p.copy(), good)


# ── arguments ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_shapes_dtypes_and_structures_have_programs_of_their_own() -> None:
    compiled = tn.compile(lambda x: np.sum(x["a"] * 2))
    for value in (np.ones(3), np.ones((2, 2)), np.ones(3, np.float32), 2.0, np.float32(2), 3):
        assert compiled({"a": value}) == np.sum(value * 2)
        assert type(compiled({"a": value})) is type(np.sum(value * 2))
    assert compiled.traces == 6
    assert compiled({"a": np.ones(3)}) == 6
    assert compiled.traces == 6


def test_the_cache_has_a_bound() -> None:
    compiled = tn.compile(lambda x: x * 2, cache=3)
    for n in (1, 2, 3, 4, 5, 4, 3):
        compiled(np.ones(n))
    assert compiled.traces == 5
    compiled(np.ones(1))
    assert compiled.traces == 6
    assert "3 programs, 6 traces" in repr(compiled)


def test_static_arguments() -> None:
    def f(x: Any, axis: Any, name: str, n: int = 2) -> Any:
        return np.sum(x, axis=axis) * n if name == "sum" else np.max(x, axis=axis) ** n

    x = np.arange(6.0).reshape(2, 3)
    compiled = tn.compile(f, static=(1, "n"))
    for axis in (0, 1, None, (0, 1)):
        for name in ("sum", "max"):
            for n in (2, 3):
                np.testing.assert_array_equal(compiled(x, axis, name, n=n), f(x, axis, name, n=n))
    with pytest.raises(BadInputError, match="hashable"):
        compiled(x, [0], "sum")


def test_python_numbers_keep_their_weak_dtype() -> None:
    f = lambda x, k: x * k + k
    x = np.ones(3, np.float32)
    for k in (2, 2.5, np.float32(2.5), np.float64(2.5)):
        assert tn.compile(f)(x, k).dtype == f(x, k).dtype
    assert type(tn.compile(lambda a, b: a * b + 1)(2.0, 3.0)) is float


@pytest.mark.parametrize("bad", [np.array(["a"]), np.array([None]), object(), {1, 2}])
def test_other_arguments_are_refused(bad: Any) -> None:
    with pytest.raises(DTypeError, match="compiled function takes"):
        tn.compile(lambda x: x)(bad)


def test_bad_calls_of_compile() -> None:
    with pytest.raises(DTypeError, match="takes a function"):
        tn.compile(3)  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="cache is a whole number from 1 on, not 0"):
        tn.compile(np.sin, cache=0)
    with pytest.raises(BadInputError, match="not called yet"):
        _ = tn.compile(np.sin).source
    with pytest.raises(BadInputError, match="donate=0"):
        tn.compile(lambda x: x).repeat(3, X)
    with pytest.raises(BadInputError, match="from 1 on"):
        tn.compile(lambda x: x, donate=0).repeat(0, X)


def test_an_error_in_the_function_is_the_users_own() -> None:
    compiled = tn.compile(lambda x: x @ np.ones((5, 2)))
    with pytest.raises(ValueError, match="matmul"):
        compiled(X)
    assert compiled.traces == 0
    assert tn.compile(lambda x, y: x @ y)(X, X) == 14


# ── threads, transforms, recursion ───────────────────────────────────────────────────────────────────────────────


def test_threads_share_a_compiled_function() -> None:
    f = tn.value_and_grad(lambda w, x: np.sum(np.tanh(w * x) ** 2))
    compiled = tn.compile(f)
    inputs = [np.linspace(0, k + 1, 500) for k in range(8)]
    wanted = [f(x, x[::-1].copy()) for x in inputs]
    wrong: list[int] = []

    def work(k: int) -> None:
        for _ in range(50):
            value, gradient = compiled(inputs[k], inputs[k][::-1].copy())
            if value != wanted[k][0] or not np.array_equal(gradient, wanted[k][1]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_compiled_inside_transforms_and_transforms_inside_compiled() -> None:
    f = lambda x: np.sum(np.sin(x) * x**2)
    compiled = tn.compile(f)
    np.testing.assert_array_equal(tn.grad(compiled)(X), tn.grad(f)(X))
    np.testing.assert_array_equal(tn.compile(tn.hessian(f))(X), tn.hessian(f)(X))
    np.testing.assert_array_equal(tn.hessian(compiled)(X), tn.hessian(f)(X))
    np.testing.assert_array_equal(tn.compile(tn.compile(tn.grad(f)))(X), tn.grad(f)(X))
    np.testing.assert_array_equal(tn.compile(lambda x: compiled(x) * 2)(X), 2 * f(X))
    y, tangent = tn.compile(lambda x, t: tn.jvp(f, (x,), (t,)))(X, np.ones(3))
    assert (y, tangent) == tn.jvp(f, (X,), (np.ones(3),))
    g = lambda x: np.sin(x) * x[::-1]
    np.testing.assert_array_equal(tn.compile(tn.jacobian(g))(X), tn.jacobian(g)(X))
    np.testing.assert_array_equal(tn.jacobian(tn.compile(g))(X), tn.jacobian(g)(X))
    np.testing.assert_array_equal(tn.vmap(tn.compile(np.sin))(X), tn.vmap(np.sin)(X))
    np.testing.assert_array_equal(
        tn.compile(lambda x, v: tn.hvp(f, (x,), (v,)))(X, np.ones(3)), tn.hvp(f, (X,), (np.ones(3),))
    )
    np.testing.assert_array_equal(tn.compile(tn.vmap(tn.grad(np.sin)))(X), np.cos(X))


def test_a_method() -> None:
    class Model:
        @tn.compile
        def double(self, x: Any) -> Any:
            return x * 2

    np.testing.assert_array_equal(Model().double(X), X * 2)
    assert Model.double.traces >= 0


def test_repeat_is_as_many_calls() -> None:
    def step(p: Any, state: Any, x: Any) -> Any:
        cost = lambda p: np.mean((p["W"] @ x + p["b"] - 1.0) ** 2)
        J, g = tn.value_and_grad(cost)(p)
        new, state = tn.optim.Adam(0.1).step(p, g, state)
        return new, state, J, x[0] * J

    p = {"W": np.ones((2, 3)), "b": np.zeros((2, 1))}
    state = tn.optim.Adam(0.1).init(p)
    x = np.arange(12.0).reshape(3, 4)
    q, s, costs, rows = p, state, [], []
    for _ in range(7):
        q, s, J, row = step(q, s, x)
        costs.append(J)
        rows.append(row)
    compiled = tn.compile(step, donate=(0, 1))
    p = {k: v.copy() for k, v in p.items()}
    got, got_state, got_costs, got_rows = compiled.repeat(7, p, state, x)
    np.testing.assert_array_equal(got["W"], q["W"])
    np.testing.assert_array_equal(got_state["V"]["b"], s["V"]["b"])
    assert got_state["step"] == 7
    np.testing.assert_array_equal(got_costs, costs)
    np.testing.assert_array_equal(got_rows, rows)


def test_constant_results() -> None:
    f = lambda x: {"a": 3, "b": np.arange(2.0), "c": x.shape, "d": None, "e": "text", "f": np.float32(2)}
    got, wanted = tn.compile(f)(X), f(X)
    np.testing.assert_array_equal(got.pop("b"), wanted.pop("b"))
    assert got == wanted


def test_it_compiles_under_a_profiler() -> None:
    profiler = cProfile.Profile()
    profiler.enable()
    try:
        assert tn.compile(lambda x: x * x)(3.0) == 9.0
    finally:
        profiler.disable()


# ── what NumPy decides by looking at values ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["sqrt", "log", "arctanh"])
def test_a_result_that_turns_complex_is_refused_at_the_call(name: str) -> None:
    f = getattr(np.emath, name)
    compiled = tn.compile(lambda x: f(x) * 2)
    x = np.array([0.25, 0.5])
    np.testing.assert_array_equal(compiled(x), f(x) * 2)
    with pytest.raises(CompileError, match=f"{name} gave complex128 \\(2,\\) for these values, and float64"):
        compiled(x - 2)
    np.testing.assert_array_equal(compiled(x), f(x) * 2)


@pytest.mark.parametrize("f", [np.emath.sqrt, np.emath.log])
def test_the_derivative_of_what_may_turn_complex_is_refused(f: Any) -> None:
    with pytest.raises(CompileError, match="looks at the values of an array to choose its way"):
        tn.compile(tn.grad(lambda x: np.sum(f(x))))(np.array([0.25, 0.5]))


@pytest.mark.parametrize("order", [1, 2])
def test_a_series_runs_as_long_as_each_call_needs(order: int) -> None:
    f: Any = lambda x: np.sum(np.i0(x) * np.sin(x))
    for _ in range(order - 1):
        f = (lambda g: lambda x: np.sum(tn.grad(g)(x) ** 2))(f)
    compiled = tn.compile(tn.grad(f))
    for size in (0.1, 1.0, 20.0):
        x = size * np.array([[0.3, -1.2], [0.7, 2.0]])
        np.testing.assert_array_equal(compiled(x), tn.grad(f)(x))


def test_checks_of_values_run_at_each_call() -> None:
    average = tn.compile(tn.grad(lambda w, a: np.average(a, weights=w)))
    average(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    with pytest.raises(ZeroDivisionError, match="Weights sum to zero"):
        average(np.zeros(2), np.array([3.0, 4.0]))
    ends = tn.compile(tn.grad(lambda a, b: np.sum(np.geomspace(a, b, 5))))
    ends(1.5, 2.5)
    with pytest.raises(ValueError, match="cannot include zero"):
        ends(0.0, 2.5)
    extreme = tn.compile(tn.grad(lambda a: np.sum(np.nanmax(a, axis=0))))
    np.testing.assert_array_equal(extreme(np.array([[1.0, np.nan], [2.0, 3.0]])), [[0, 0], [1, 1]])
    with pytest.warns(RuntimeWarning, match="All-NaN slice"):
        extreme(np.full((2, 2), np.nan))


def test_a_primitive_of_ones_own() -> None:
    slope = np.array([1.0, 2.0, 3.0])
    scale = 2.0

    @tn.primitive("y = scale · sin x", lambda g, _y, x: g * scale * np.cos(x) * slope / slope)
    def wave(x: Any) -> Any:
        return scale * np.sin(x)

    f = lambda x: np.sum(wave(x) * x)
    compiled = tn.compile(tn.value_and_grad(f))
    for x in (X, 2 * X):
        for got, wanted in zip(compiled(x), tn.value_and_grad(f)(x), strict=True):
            np.testing.assert_array_equal(got, wanted)
    assert compiled.traces == 1
    scale = 3.0
    np.testing.assert_array_equal(compiled(X)[1], tn.grad(f)(X))
