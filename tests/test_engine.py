"""The heart: what is recorded, how it is walked back, and what it costs in memory."""

from __future__ import annotations

import copy
import gc
import itertools
import operator
import pickle
import subprocess
import sys
import textwrap
import threading
import tracemalloc
import warnings
import weakref
from typing import Any

import numpy as np
import pytest
from duck import Duck

import tinygrad_notes as tn
from tinygrad_notes import Tensor, no_grad, scope, stop_gradient
from tinygrad_notes.backward import gather
from tinygrad_notes.rules import BOOK, rule


def first_graph() -> tuple[Tensor, ...]:
    a, b, c = Tensor(5.0), Tensor(3.0), Tensor(2.0)
    u = b * c
    v = a + u
    return a, b, c, u, v, 3 * v


# ── the first graph ──────────────────────────────────────────────────────────────────────────────────────────────


def test_first_graph_has_the_notes_numbers() -> None:
    a, b, c, u, v, J = first_graph()
    assert (u.item(), v.item(), J.item()) == (6.0, 11.0, 33.0)
    J.backward()
    assert [t.grad for t in (J, v, a, u, b, c)] == [1.0, 3.0, 3.0, 3.0, 6.0, 9.0]
    assert all(type(t.grad) is np.float64 for t in (v, a, u, b, c))


def test_gradients_are_of_the_tensors_own_dtype_and_shape() -> None:
    for dtype in (np.float16, np.float32, np.float64, np.complex64, np.complex128):
        for shape in ((), (3,), (2, 0), (1, 1)):
            t = Tensor(np.ones(shape, dtype))
            np.sum(np.abs(t * t)).backward()
            assert (t.grad.shape, t.grad.dtype) == (shape, np.dtype(dtype))


@pytest.mark.parametrize(
    ("data", "dtype"),
    [(1, "f8"), (True + 1, "f8"), ([1, 2], "f8"), (np.int8(3), "f8"), (np.array([1, 2], np.uint16), "f8"),
     (1.5, "f8"), (np.float32(1), "f4"), (np.ones(2, "f2"), "f2"), (1j, "c16"), (np.complex64(1j), "c8")],
)  # fmt: skip
def test_what_a_tensor_may_hold(data: Any, dtype: str) -> None:
    t = Tensor(data)
    assert t.dtype == np.dtype(dtype)
    assert np.array_equal(t.data, np.asarray(data))


def test_data_is_copied() -> None:
    x = np.ones(3)
    t = Tensor(x)
    y = t * 2
    x[:] = 7
    assert t.data.tolist() == [1, 1, 1]
    assert y.data.tolist() == [2, 2, 2]


# ── size ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_chain_of_a_million_nodes() -> None:
    """Backward completes, nothing recurses, at most 300 bytes a node, and dropping the handle frees everything."""
    n = 1_000_000
    limit = sys.getrecursionlimit()
    x = Tensor(0.5)
    gc.collect()
    gc.disable()
    try:
        tracemalloc.start()
        y = x
        for _ in range(n // 10):
            y = y * 1.0001
        bytes_per_node = tracemalloc.get_traced_memory()[0] / (n // 10)
        tracemalloc.stop()
        assert bytes_per_node <= 300, f"{bytes_per_node:.0f} bytes a node"
        for _ in range(n - n // 10):
            y = y * 1.0
        sys.setrecursionlimit(200)
        try:
            y.backward()
        finally:
            sys.setrecursionlimit(limit)
        assert x.grad == pytest.approx(1.0001 ** (n // 10), rel=1e-9)
        tracked = [weakref.ref(y)]
        sys.setrecursionlimit(200)
        try:
            del y
        finally:
            sys.setrecursionlimit(limit)
        assert tracked[0]() is None
        assert gc.collect() == 0, "reference cycles in the graph"
    finally:
        gc.enable()


def test_dropping_the_last_handle_frees_the_arrays() -> None:
    x = Tensor(np.ones(1000))
    y = np.exp(x)
    held = weakref.ref(y.data)
    z = np.sum(y * y)
    del y
    assert held() is not None, "the rule of exp still reads its result"
    del z
    assert held() is None


def test_only_what_a_rule_reads_is_kept() -> None:
    x = Tensor(np.ones(1000))
    y = x + 1.0
    held = weakref.ref(y.data)
    z = np.sum(y)
    del y
    assert held() is None
    z.backward()
    assert x.grad.tolist() == [1.0] * 1000


def test_a_diamond_of_sixty_doublings_is_linear() -> None:
    calls = itertools.count()

    def doubled(a: Any, b: Any) -> Any:
        return a + b

    def counted(g: Any, _y: Any, _a: Any, _b: Any) -> Any:
        next(calls)
        return g

    add = rule(doubled, "y = a + b", counted, counted, elementwise=True)
    try:
        x = Tensor(1.0)
        y = x
        for _ in range(60):
            y = add(y, y)
        y.backward()
        assert x.grad == 2.0**60
        assert next(calls) == 120
        second = tn.grad(tn.grad(lambda t: _doublings(add, t)))(1.0)
        assert second == 0.0
        assert next(calls) < 1000
    finally:
        del BOOK[doubled]


def _doublings(add: Any, y: Any) -> Any:
    for _ in range(60):
        y = add(y, y)
    return y


TRAINING = """
import gc, os, resource
import numpy as np
import tinygrad_notes as tn
from tinygrad_notes import Tensor
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(8, 64)), (rng.random((1, 64)) < 0.5) * 1.0
W1, b1 = Tensor(rng.normal(size=(16, 8)) * 0.3), Tensor(np.zeros((16, 1)))
W2, b2 = Tensor(rng.normal(size=(1, 16)) * 0.3), Tensor(np.zeros((1, 1)))
page = os.sysconf("SC_PAGE_SIZE")
def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * page
def step():
    A1 = np.tanh(W1 @ X + b1)
    A2 = 1 / (1 + np.exp(-(W2 @ A1 + b2)))
    J = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / 64
    J.backward()
    for p in (W1, b1, W2, b2):
        p.data -= 0.1 * p.grad
    g, = tn.grad(lambda w: np.sum(np.tanh(w @ X)), argnums=(0,))(W1.data)
    return J.item()
step()  # whose imports make cycles of their own
gc.collect(); gc.freeze(); gc.disable()
for _ in range(200):
    step()
start = resident()
for _ in range(2000):
    last = step()
print(resident() - start, gc.collect(), last)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/statm")
def test_memory_is_flat_over_two_thousand_steps_without_the_garbage_collector() -> None:
    grown, cycles, last = _fresh_python(TRAINING).split()
    assert int(grown) < 2**20, f"resident memory grew by {grown} bytes"
    assert int(cycles) == 0, "reference cycles: only the garbage collector could free them"
    assert float(last) < 0.69


def _fresh_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# ── what backward means ──────────────────────────────────────────────────────────────────────────────────────────


def test_equal_constants_are_not_merged() -> None:
    a, b = Tensor(2.0), Tensor(2.0)
    (a * 3 + b * 5).backward()
    assert (a.grad, b.grad) == (3.0, 5.0)


def test_the_same_tensor_twice() -> None:
    a = Tensor(3.0)
    (a * a + a / a + a**a).backward()
    assert a.grad == pytest.approx(6.0 + 27.0 * (np.log(3.0) + 1), rel=1e-15)


def test_backward_is_idempotent() -> None:
    a, b, c, u, v, J = first_graph()
    for _ in range(3):
        J.backward()
        assert [t.grad for t in (v, a, u, b, c)] == [3.0, 3.0, 3.0, 6.0, 9.0]


def test_accumulate_adds_into_leaves() -> None:
    x = Tensor([1.0, 2.0])
    y = x * x
    np.sum(y).backward()
    first = x.grad
    np.sum(y).backward(accumulate=True)
    assert x.grad.tolist() == [4.0, 8.0]
    assert first.tolist() == [2.0, 4.0], "the array handed out before was written into"
    assert y.grad.tolist() == [1.0, 1.0], "an intermediate's gradient is this pass's"
    np.sum(y).backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_accumulate_keeps_the_gradient_of_a_leaf_outside_this_graph() -> None:
    x, z = Tensor(2.0), Tensor(5.0)
    (x * z).backward()
    (x * 3).backward(accumulate=True)
    assert (x.grad, z.grad) == (8.0, 2.0)


def test_gradient_argument() -> None:
    x = Tensor([1.0, 2.0, 3.0])
    y = x * x
    y.backward(gradient=[1.0, 10.0, 100.0])
    assert x.grad.tolist() == [2.0, 40.0, 600.0]
    y.backward(Tensor([1.0, 1.0, 1.0]))
    assert x.grad.tolist() == [2.0, 4.0, 6.0]


def test_a_result_of_one_element_needs_no_gradient_argument() -> None:
    x = Tensor([[3.0]])
    (x * x).backward()
    assert x.grad.tolist() == [[6.0]]


def test_free_hands_the_graph_back() -> None:
    x = Tensor(np.ones(1000))
    y = np.exp(x)
    J = np.sum(y)
    J.backward(free=True)
    assert x.grad == pytest.approx(np.e)
    with pytest.raises(tn.errors.GraphFreedError, match="compute the result again first"):
        J.backward()
    assert x.grad == pytest.approx(np.e)
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2.0] * 1000


@pytest.mark.parametrize("free", [False, True])
def test_every_living_tensor_has_its_gradient_whether_or_not_the_graph_is_handed_back(free: bool) -> None:
    x, w = Tensor([1.0, 2.0]), Tensor([3.0, 1.0])
    a = x * 2
    e = np.exp(x)
    np.sum(e * a * w * x).backward(free=free)
    values = [np.array(value) for value in (x.data, w.data, a.data, e.data)]
    X, W, A, E = values
    assert np.allclose(x.grad, E * A * W * X + 2 * E * W * X + E * A * W)
    assert np.allclose(w.grad, E * A * X)
    assert np.allclose(a.grad, E * W * X)
    assert np.allclose(e.grad, A * W * X)


def test_a_gradient_hands_the_graph_back_but_not_what_a_tensor_still_leads_to() -> None:
    left: list[Any] = []
    gone: list[bool] = []

    def look(g: Any, _y: Any, _x: Any) -> Any:
        gone.append(left[1]() is None)
        return g

    @tn.primitive("y = x", look)
    def probe(x: Any) -> Any:
        return x * 1

    def cost(x: Any) -> Any:
        hidden = np.exp(probe(x)) * x
        left.append(np.tanh(hidden))
        dropped = np.sin(hidden * 2)
        left.append(weakref.ref(dropped.data))
        return np.sum(left[0] * dropped)

    _, dx = tn.value_and_grad(cost)(np.ones(1000))
    assert gone == [True]
    assert left[0].grad == pytest.approx(np.sin(2 * np.e))
    left[0].backward(np.ones(1000))
    assert dx == pytest.approx(
        2 * np.e * (2 * np.cos(2 * np.e) * np.tanh(np.e) + np.sin(2 * np.e) / np.cosh(np.e) ** 2)
    )


def test_living_intermediates_keep_a_gradient_and_dead_ones_do_not() -> None:
    x = Tensor(np.ones(4))
    y = x * 2
    hidden = (y * 3) * 4
    node = hidden.node.parents[0]
    J = np.sum(hidden)
    kept = hidden.node
    del hidden
    J.backward()
    assert y.grad.tolist() == [12.0] * 4
    assert kept.grad is not None, "a node that is held counts as living"
    assert node.grad is not None
    del node, kept
    inner = np.sum((x * 2) * 3)
    inner.backward()
    assert all(n.grad is None for n in inner.node.parents)


def test_intermediates_in_a_list_keep_their_gradients() -> None:
    x = Tensor(1.0)
    layers = [x]
    for _ in range(5):
        layers.append(layers[-1] * 2)
    layers[-1].backward()
    assert [t.grad for t in layers] == [32.0, 16.0, 8.0, 4.0, 2.0, 1.0]


def test_a_gradient_is_the_users_own_array() -> None:
    x, y = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    s = x + y
    J = np.sum(s)
    J.backward()
    x.grad[:] = 99
    assert y.grad.tolist() == [1.0, 1.0]
    assert s.grad.tolist() == [1.0, 1.0]
    J.backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_the_seed_is_not_written_into() -> None:
    x, seed = Tensor([1.0, 2.0]), np.array([1.0, 1.0])
    (x + x + x).backward(seed)
    assert seed.tolist() == [1.0, 1.0]
    assert x.grad.tolist() == [3.0, 3.0]


def test_the_graph_is_usable_after_backward() -> None:
    x = Tensor(2.0)
    y = x**3
    y.backward()
    z = y * x
    z.backward()
    assert x.grad == 32.0
    assert y.grad == 2.0


def test_two_losses_over_a_shared_subgraph() -> None:
    x = Tensor(2.0)
    shared = x * x
    first, second = shared * 3, shared * 5
    first.backward()
    assert (x.grad, shared.grad) == (12.0, 3.0)
    second.backward()
    assert (x.grad, shared.grad) == (20.0, 5.0)
    (first + second).backward()
    assert (x.grad, shared.grad) == (32.0, 8.0)


def test_grad_can_be_set_and_cleared() -> None:
    x = Tensor([1.0, 2.0])
    x.grad = [3, 4]
    assert x.grad.dtype == np.float64
    x.grad = None
    assert x.grad is None
    with pytest.raises(tn.errors.ShapeError, match=r"grad of shape \(3,\) for a Tensor of \(2,\)"):
        x.grad = np.ones(3)


def test_an_intermediate_off_the_path_keeps_no_stale_gradient() -> None:
    x = Tensor(1.0)
    y, z = x * 2, x * 3
    (y + z).backward()
    (y * 5).backward()
    assert (x.grad, y.grad) == (10.0, 5.0)


# ── functional assignment ────────────────────────────────────────────────────────────────────────────────────────


def test_earlier_values_are_kept_by_earlier_consumers() -> None:
    t = Tensor([1.0, 2.0, 3.0])
    leaf = t[:]
    before = t * t
    t[1] = 10.0
    after = t * t
    assert before.data.tolist() == [1.0, 4.0, 9.0]
    assert after.data.tolist() == [1.0, 100.0, 9.0]
    assert leaf.data.tolist() == [1.0, 2.0, 3.0]
    np.sum(before + after).backward()
    assert t.grad.tolist() == [2.0, 20.0, 6.0], "the handle stands for the updated value"


def test_assignment_gradients() -> None:
    def f(x: Any, v: Any) -> Any:
        y = x * 1.0
        y[1:3] = v
        y[0] *= 2
        y += x
        y[y > 3] *= 10
        return np.sum(y * y)

    x, v = np.array([1.1, 2.0, 0.5, 1.4]), np.array([0.25, 4.0])
    dx, dv = tn.grad(f, (0, 1))(x, v)
    h = 1e-6
    for k in range(4):
        e = np.eye(4)[k] * h
        assert dx[k] == pytest.approx((f(x + e, v) - f(x - e, v)) / (2 * h), rel=1e-6)
    for k in range(2):
        e = np.eye(2)[k] * h
        assert dv[k] == pytest.approx((f(x, v + e) - f(x, v - e)) / (2 * h), rel=1e-6)


def random_program(seed: int, mutable: bool) -> tuple[list[Any], Any]:
    """A program of slices, arithmetic and assignments; `mutable` runs it on Tensors, else on copied arrays.

    Tensors are values: there are no views, so the NumPy twin copies every slice.
    """
    rng = np.random.default_rng(seed)
    names: list[Any] = []
    start = [rng.normal(size=(3, 4)), rng.normal(size=(3, 4))]
    leaf = [Tensor(x) if mutable else x.copy() for x in start]
    names += [x * 1.0 for x in leaf]
    consumed = []
    indices: list[Any] = [1, -1, slice(0, 2), (slice(None), 2), (0, 1), (Ellipsis, slice(None, None, -2)),
                          np.array([0, 2]), (np.array([0, 1]), np.array([3, 3]))]  # fmt: skip
    for _ in range(12):
        what = rng.integers(9)
        a, b = (names[rng.integers(len(names))] for _ in range(2))
        index = indices[rng.integers(len(indices))]
        if what == 0:
            names.append(a * b + 0.5)
        elif what == 1:
            part = a[index]
            consumed.append(np.sum(part if mutable else part.copy()))
        elif what == 2:
            a[index] = float(rng.normal())
        elif what == 3:
            value = b[index] * 2
            a[index] = value
        elif what == 4:
            a[index] *= 1.5
        elif what == 5:
            mask = (a.data if mutable else a) > 0.2
            a[mask] = a[mask] * 0.5
        elif what == 6:
            before = a
            k = next(i for i, x in enumerate(names) if x is a)
            a += b
            assert a is before or not mutable
            names[k] = a
        elif what == 7:
            a[mask_of(a, mutable)] -= 0.25
        else:
            names.append(np.tanh(a))
    total = sum((np.sum(x * x) for x in names), start=sum(consumed, start=np.float64(0.0)))
    return leaf, total


def mask_of(a: Any, mutable: bool) -> Any:
    return np.abs(a.data if mutable else a) < 0.7


@pytest.mark.parametrize("seed", range(40))
def test_random_programs_of_assignments_compute_what_numpy_computes(seed: int) -> None:
    _, expected = random_program(seed, mutable=False)
    leaf, total = random_program(seed, mutable=True)
    assert total.item() == pytest.approx(float(expected), rel=1e-12)
    total.backward()
    rng = np.random.default_rng(seed + 1000)
    t = [rng.normal(size=(3, 4)) for _ in leaf]

    def shifted(h: float) -> float:
        generator = np.random.default_rng(seed)
        original = np.random.default_rng

        class Shifted:
            """The program's generator, with its first two draws moved along t."""

            def __init__(self) -> None:
                self.drawn = 0

            def normal(self, size: Any = None) -> Any:
                x = generator.normal(size=size)
                if size == (3, 4) and self.drawn < 2:
                    x = x + h * t[self.drawn]
                    self.drawn += 1
                return x

            def integers(self, n: int) -> int:
                return int(generator.integers(n))

        np.random.default_rng = lambda _seed: Shifted()  # type: ignore[assignment]
        try:
            return float(random_program(seed, mutable=False)[1])
        finally:
            np.random.default_rng = original

    numerical = (shifted(1e-6) - shifted(-1e-6)) / 2e-6
    ours = sum(float(np.sum(x.grad * d)) for x, d in zip(leaf, t, strict=True) if x.grad is not None)
    assert ours == pytest.approx(numerical, rel=2e-6, abs=2e-6)


def test_slices_are_values_not_views() -> None:
    t = Tensor([1.0, 2.0, 3.0])
    part = t[:2]
    part[0] = 9.0
    assert t.data.tolist() == [1.0, 2.0, 3.0]
    t[1] = 7.0
    assert part.data.tolist() == [9.0, 2.0]


def test_an_alias_sees_the_update_because_it_is_the_same_handle() -> None:
    t = Tensor([1.0, 2.0])
    alias = t
    t += 1.0
    assert alias is t
    assert alias.data.tolist() == [2.0, 3.0]
    shallow = copy.copy(t)
    t[0] = 0.0
    assert shallow.data.tolist() == [2.0, 3.0]


def test_assignment_keeps_the_dtype() -> None:
    t = Tensor(np.ones(3, np.float32))
    t[0] = np.float64(1 / 3)
    t += np.float64(1.0)
    t *= np.ones(3)
    assert t.dtype == np.float32
    np.sum(t * t).backward()
    assert t.grad.dtype == np.float32


def test_every_in_place_operator() -> None:
    x, y = np.array([[4.0, 1.0], [2.0, 3.0]]), np.array([[1.0, 2.0], [3.0, 0.5]])

    def run(a: Any, b: Any) -> Any:
        a = a * 1.0
        a += b
        a -= 0.5
        a *= b
        a /= 2.0
        a **= 2
        a @= b
        a %= 7.0
        return a

    expected = run(x, y)
    value, pullback = tn.vjp(run, x, y)
    assert np.allclose(value, expected)
    dx, dy = pullback(np.ones((2, 2)))
    for got, k in ((dx, 0), (dy, 1)):
        direction = np.array([[0.3, -0.7], [0.2, 0.9]])
        h = 1e-6
        point = [x, y]
        moved = [np.sum(run(*[p + s * h * direction if i == k else p for i, p in enumerate(point)])) for s in (1, -1)]
        assert np.sum(got * direction) == pytest.approx((moved[0] - moved[1]) / (2 * h), rel=1e-6)


# ── no_grad, constants, names ────────────────────────────────────────────────────────────────────────────────────


def test_no_grad_records_nothing() -> None:
    x = Tensor([1.0, 2.0])
    with no_grad():
        ys = [x * 2, np.exp(x), np.sum(x), x[0], np.stack([x, x]), x @ x]
        with no_grad():
            pass
        ys.append(-x)
    assert not any(y.requires_grad for y in ys)
    assert (x * 2).requires_grad


def test_no_grad_ends_with_an_error() -> None:
    x = Tensor(1.0)
    with pytest.raises(ZeroDivisionError), no_grad():
        _ = 1 / 0
    assert (x * 2).requires_grad


def test_in_place_under_no_grad_leaves_a_leaf_a_leaf() -> None:
    w, s = Tensor([1.0, 2.0]), Tensor(1.0)
    with no_grad():
        w -= 0.5
        w[0] = 9.0
        s += 1.0
    assert w.data.tolist() == [9.0, 1.5]
    assert s.item() == 2.0
    (np.sum(w * w) * s).backward()
    assert w.grad.tolist() == [36.0, 6.0]
    assert s.grad == 81.0 + 2.25


def test_data_of_a_leaf_may_be_written_between_passes() -> None:
    w = Tensor(np.array([1.0, 2.0]))
    for _ in range(3):
        np.sum(w * w).backward()
        w.data -= 0.25 * w.grad
    assert w.data.tolist() == [0.125, 0.25]
    s = Tensor(1.0)
    (s * s).backward()
    s.data -= 0.25 * s.grad
    (s * s).backward()
    assert s.grad == 1.0


def test_constants_are_tensors_without_a_gradient() -> None:
    x, k = Tensor(3.0), Tensor(2.0, requires_grad=False, name="k")
    y = x * k
    y.backward()
    assert (x.grad, k.grad) == (2.0, None)
    assert not (k * k).requires_grad
    assert k.name == "k"
    assert repr(k) == "Tensor(2.0, requires_grad=False, name='k')"
    assert float(k) == 2.0
    assert np.asarray(k) == 2.0
    with pytest.raises(tn.errors.BadInputError, match="backward\\(\\) of a constant"):
        (k * 2).backward()
    with pytest.raises(tn.errors.BadInputError, match="a constant"):
        k.grad = 1.0


def test_names() -> None:
    x = Tensor(3.0, name="x")
    y = x * 2
    y.name = "y"
    assert (x.name, y.name) == ("x", "y")
    y.backward()
    assert x.grad == 2.0
    x.name = None
    assert x.name is None
    with pytest.raises(tn.errors.BadInputError, match="name= is a string, not int"):
        Tensor(1.0, name=3)  # type: ignore[arg-type]


def test_stop_gradient() -> None:
    x = Tensor(3.0)
    y = x * stop_gradient(x * x)
    y.backward()
    assert x.grad == 9.0
    assert stop_gradient(2.5) == 2.5
    assert tn.grad(lambda t: t * stop_gradient(t))(3.0) == 3.0


def test_scope_marks_nodes_and_nothing_else() -> None:
    x = Tensor(1.0)
    with scope("net"):
        with scope("layer 1"):
            y = x * 2
        z = y + 1
    w = z * 3
    assert y.node.id.scope == ("net", "layer 1")
    assert z.node.id.scope == ("net",)
    assert type(w.node.id) is int
    w.backward()
    assert x.grad == 6.0


# ── threads ──────────────────────────────────────────────────────────────────────────────────────────────────────


def network_gradient(seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    W, x = Tensor(rng.normal(size=(5, 5))), rng.normal(size=5)
    for _ in range(20):
        h = x
        for _ in range(5):
            h = np.tanh(W @ h)
        np.sum(h * h).backward()
        with no_grad():
            W -= 0.05 * W.grad
    return W.data.tobytes() + W.grad.tobytes()


@pytest.mark.parametrize("count", [2, 4])
def test_threads_build_and_walk_graphs_at_once(count: int) -> None:
    expected = [network_gradient(k) for k in range(count)]
    found: dict[int, bytes] = {}
    errors: list[BaseException] = []
    gate = threading.Barrier(count)

    def work(k: int) -> None:
        try:
            gate.wait(10)
            found[k] = network_gradient(k)
        except BaseException as error:
            errors.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(k,)) for k in range(count)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
    finally:
        sys.setswitchinterval(before)
    assert not errors
    assert [found[k] for k in range(count)] == expected


def test_threads_may_walk_one_shared_graph_at_once() -> None:
    x = Tensor(np.linspace(0.1, 1.0, 50))
    y = np.sum(np.exp(x) * np.sin(x))
    expected = tn.grad(lambda t: np.sum(np.exp(t) * np.sin(t)))(x.data)
    threads = [threading.Thread(target=y.backward) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(30)
    assert np.array_equal(x.grad, expected)


def test_no_grad_and_scope_of_one_thread_do_not_reach_another() -> None:
    x, seen = Tensor(1.0), []

    def work() -> None:
        y = x * 2
        seen.append((y.requires_grad, type(y.node.id)))

    with no_grad(), scope("here"):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(30)
        assert not (x * 2).requires_grad
    assert seen == [(True, int)]


# ── a Tensor as a Python object ──────────────────────────────────────────────────────────────────────────────────


def test_pickle_and_copy() -> None:
    t = Tensor(np.arange(3, dtype=np.float32), name="t")
    y = t * 2
    for made in (pickle.loads(pickle.dumps(t)), copy.deepcopy(t)):
        assert made.data.tolist() == [0.0, 1.0, 2.0]
        assert (made.dtype, made.name, made.requires_grad) == (np.float32, "t", True)
        made.data[0] = 5
        assert t.data[0] == 0
    for copied in (pickle.dumps, copy.deepcopy):
        with pytest.raises(tn.errors.LeavesGraphError, match="would drop its graph"):
            copied(y)
    constant = pickle.loads(pickle.dumps(Tensor(1.0, requires_grad=False, name="c")))
    assert (constant.requires_grad, constant.name) == (False, "c")
    shallow = copy.copy(y)
    np.sum(shallow).backward()
    assert t.grad.tolist() == [2.0, 2.0, 2.0]


def test_python_protocols_are_numpys() -> None:
    x = np.array([[1.5, -2.0], [0.0, 3.25]])
    t = Tensor(x)
    assert len(t) == 2
    assert [row.data.tolist() for row in t] == x.tolist()
    assert 3.25 in t
    assert 7 not in t
    assert Tensor(3.25) in t
    assert f"{Tensor(1.23456):.2f}" == "1.23"
    assert f"{t}" == str(t) == repr(t)
    assert np.array_equal(round(Tensor(1.26), 1).data, 1.3)
    assert bool(Tensor(0.0)) is False
    assert bool(Tensor([2.0])) is True
    with pytest.raises(ValueError, match="ambiguous"):
        bool(t)
    with pytest.raises(TypeError, match="0-d"):
        len(Tensor(1.0))
    with pytest.raises(TypeError, match="0-d"):
        iter(Tensor(1.0))
    assert (t.shape, t.ndim, t.size, t.dtype, t.nbytes) == (x.shape, 2, 4, x.dtype, 32)
    assert t.tolist() == x.tolist()
    assert Tensor(2.5).item() == 2.5
    assert {t: 1}[t] == 1
    out = t.numpy()
    out[0, 0] = 99
    assert t.data[0, 0] == 1.5


def test_comparisons_are_plain_bool_arrays() -> None:
    x, y = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0])
    t, s = Tensor(x), Tensor(y)
    for compare in ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"):
        expected = getattr(x, compare)(y)
        for a, b in ((t, s), (t, y), (t, 2.0)):
            got = getattr(a, compare)(b)
            assert type(got) is np.ndarray
            assert got.dtype == bool
            assert np.array_equal(got, expected)
    assert np.array_equal(y < t, y < x)
    assert np.array_equal(np.less(y, t), y < x)
    assert not Tensor(np.nan) == np.nan  # noqa: SIM201 (equality itself is tested)


def test_repr() -> None:
    x = Tensor([1.0, 2.0])
    assert repr(x) == "Tensor([1., 2.])"
    assert repr(x * 2) == "Tensor([2., 4.], op=multiply)"
    assert repr(Tensor(np.float32(1), name="w")) == "Tensor(1.0, dtype=float32, name='w')"


def test_operators_with_every_kind_of_neighbour() -> None:
    x = np.array([1.0, 2.0])
    for other in (2, 2.0, np.float64(2), np.float32(2), np.int64(2), np.array(2.0), np.array([3.0, 4.0]), [3.0, 4.0],
                  (3.0, 4.0), True, 1j, np.array([1, 2])):  # fmt: skip
        for operate in (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow):
            for reflected in (False, True):
                t = Tensor(x)
                given = operate(other, t) if reflected else operate(t, other)
                plain = np.asarray(other)[()] if isinstance(other, (list, tuple)) else other
                expected = operate(plain, x) if reflected else operate(x, plain)
                assert isinstance(given, Tensor), (operate, other)
                assert given.dtype == expected.dtype, (operate, other)
                assert np.array_equal(given.data, expected), (operate, other)


def test_python_numbers_do_not_promote() -> None:
    for dtype in (np.float16, np.float32):
        t = Tensor(np.ones(3, dtype))
        for y in (t + 1, 1.5 * t, t / 3, 2**t, t**2, t - 0.1, t // 2, t % 3):
            assert y.dtype == dtype
            np.sum(y).backward()
            assert t.grad.dtype == dtype


def test_creation_order_is_topological() -> None:
    rng = np.random.default_rng(3)
    nodes = [Tensor(1.0) for _ in range(3)]
    for _ in range(200):
        a, b = (nodes[rng.integers(len(nodes))] for _ in range(2))
        nodes.append(a * 0.5 + b * 0.25)
    order, _, _ = gather(nodes[-1].node)
    place = {node: k for k, node in enumerate(order)}
    assert all(place[parent] < place[node] for node in order for parent in node.parents)


# ── other arrays as data ─────────────────────────────────────────────────────────────────────────────────────────


def two_layers(X: Any, Y: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
    A1 = np.tanh(W1 @ X + b1)
    A2 = 1 / (1 + np.exp(-(W2 @ A1 + b2)))
    losses = Y * np.log(A2) + (1 - Y) * np.log(1 - A2)
    return -np.mean(losses) + 0.01 * (np.sum(W1**2) + np.sum(np.square(W2)))


def test_a_strict_duck_array_runs_a_two_layer_net() -> None:
    """Arrays that refuse ndarrays and never become one, as CuPy's, go through the same rules."""
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(2, 6)), (rng.random((1, 6)) < 0.5) * 1.0
    values = [rng.normal(size=s) for s in ((4, 2), (4, 1), (1, 4), (1, 1))]
    plain = [Tensor(v) for v in values]
    two_layers(X, Y, *plain).backward()
    ducks = [Tensor(Duck(v)) for v in values]
    J = two_layers(Duck(X), Duck(Y), *ducks)
    assert isinstance(J.data, Duck)
    J.backward()
    for t, d in zip(plain, ducks, strict=True):
        assert isinstance(d.grad, Duck)
        assert np.allclose(d.grad.inside, t.grad, rtol=1e-14)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(np.maximum(x, 0.0)),
        lambda x: np.sum(x[0] * x[1]),
        lambda x: np.sum(x.T @ x),
        lambda x: np.sum(np.reshape(x, (3, 2)) ** 2),
        lambda x: np.mean(x, axis=0).sum() * np.max(x),
        lambda x: np.sum(np.exp(x - np.max(x, axis=0, keepdims=True))),
        lambda x: np.sum(np.where(x > 0, x * x, 0.0)),
        lambda x: np.sum(np.concatenate([x, x * 2], axis=1) ** 2),
    ],
)
def test_a_strict_duck_array_through_common_rules(f: Any) -> None:
    x = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
    plain, duck = Tensor(x), Tensor(Duck(x))
    f(plain).backward()
    f(duck).backward()
    assert isinstance(duck.grad, Duck)
    assert np.allclose(duck.grad.inside, plain.grad, rtol=1e-14)


def test_nothing_warns() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        *_, J = first_graph()
        J.backward()
        np.sum(np.log(Tensor([1.0, 2.0]))).backward()
