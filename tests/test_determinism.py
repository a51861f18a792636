"""Same inputs, same bits: run after run, in other processes and threads, whatever else goes on."""

from __future__ import annotations

import gc
import hashlib
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzz.generator import program_of

import tinygrad_notes as tn
from tinygrad_notes import Tensor, nn

TESTS = Path(__file__).parent
SEEDS = range(30)


def bits(*arrays: Any) -> str:
    """A digest of dtype, shape and every bit."""
    digest = hashlib.sha256()
    for x in arrays:
        x = np.ascontiguousarray(x)
        digest.update(f"{x.dtype.str} {x.shape}".encode() + x.tobytes())
    return digest.hexdigest()


def of_programs() -> str:
    """Values, gradients and tangents of random programs over the whole rule book."""
    found = []
    for seed in SEEDS:
        program = program_of(seed)
        point = [x.copy() for x in program.inputs.values()]
        with np.errstate(all="ignore"):
            try:
                ys, pullback = tn.vjp(program.function, *point)
                gradients = pullback(tuple(np.ones_like(y) for y in ys))
                tangents = tn.jvp(program.function, tuple(point), tuple(np.ones_like(x) for x in point))[1]
            except tn.errors.NoRuleError:
                continue
        found += [*ys, *gradients, *tangents]
    return bits(*found)


def of_training() -> str:
    """A small network trained for some steps: matrix products, dropout, Adam."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(20, 64)), (rng.random((1, 64)) < 0.5).astype(float)

    def cost(model: Any) -> Any:
        return nn.binary_cross_entropy_with_logits(model(X), Y)

    model = nn.Sequential(nn.Linear(20, 30, rng=rng), nn.relu, nn.Linear(30, 1, rng=rng))
    optimiser = tn.optim.Adam(0.01)
    state = optimiser.init(model)
    values = []
    for _ in range(10):
        value, gradient = tn.value_and_grad(cost)(model)
        model, state = optimiser.step(model, gradient, state)
        values.append(value)
    return bits(np.array(values))


def of_fan_out() -> str:
    """One Tensor used a thousand times, with gradients of very different sizes: the order of adding shows."""
    x = Tensor(0.1)
    terms = [x * 10.0 ** (k % 17 - 8) for k in range(1000)]
    J = Tensor(0.0)
    for term in terms:
        J = J + term * term
    J.backward()
    return bits(x.grad, J.data)


def of_matrix_products(n: int = 300) -> str:
    """Large enough that BLAS shares the work out among its threads."""
    rng = np.random.default_rng(1)
    A, B = rng.normal(size=(n, n)), rng.normal(size=(n, n))
    y, pullback = tn.vjp(lambda a, b: np.sum(np.tanh(a @ b / n) @ a), A, B)
    return bits(y, *pullback(1.0))


EVERYTHING = {f.__name__: f for f in (of_programs, of_training, of_fan_out, of_matrix_products)}


def in_a_process(**environment: str) -> list[str]:
    """All digests from a fresh Python, twice over."""
    code = "import test_determinism as t; print(*(f() for f in 2 * [*t.EVERYTHING.values()]))"
    found = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=TESTS, capture_output=True, text=True,
                           check=True, env={**os.environ, **environment})  # fmt: skip
    return found.stdout.split()


@pytest.mark.parametrize("name", EVERYTHING)
def test_run_after_run(name: str) -> None:
    f = EVERYTHING[name]
    first = f()
    held = [np.zeros(k) for k in range(1, 500)]  # other memory, another garbage collector's rhythm
    gc.collect()
    gc.disable()
    try:
        assert f() == first
    finally:
        gc.enable()
    del held[::2]
    assert f() == first


@pytest.mark.parametrize("name", ["of_programs", "of_fan_out", "of_training"])
def test_in_threads(name: str) -> None:
    """Eight at once, ids of nodes running through each other, beside a thread that only makes graphs."""
    f = EVERYTHING[name]
    expected = f()
    stop = threading.Event()

    def noise() -> None:
        while not stop.is_set():
            np.sum(np.exp(Tensor(np.ones(50)) * 2)).backward()

    other = threading.Thread(target=noise)
    other.start()
    try:
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda _: f(), range(8))) == {expected}
    finally:
        stop.set()
        other.join()


def test_in_new_processes_under_any_hash_seed_and_number_of_blas_threads() -> None:
    """Sets and dictionaries keyed by strings are shuffled, BLAS is given one thread and two."""
    n = len(EVERYTHING)
    one = in_a_process(PYTHONHASHSEED="0", OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    assert one[:n] == one[n:]
    assert in_a_process(PYTHONHASHSEED="12345", OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1") == one
    two = in_a_process(PYTHONHASHSEED="7", OPENBLAS_NUM_THREADS="2", OMP_NUM_THREADS="2")
    assert two[:n] == two[n:]
    kept = [name for name, a, b in zip(EVERYTHING, one, two, strict=False) if a == b]
    assert {"of_programs", "of_fan_out"} <= set(kept)  # BLAS may add in another order where it has other threads


def test_the_order_of_gradients_is_that_of_recording() -> None:
    """Which handles are kept alive, and in which order results were bound to names, changes nothing."""

    def run(keep: bool) -> str:
        x = Tensor(np.array([0.1, 0.2, 0.3]))
        parts = [np.sin(x * 10.0**k) for k in range(-6, 7)]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        if not keep:
            del parts
        np.sum(total).backward()
        return bits(x.grad)

    assert run(True) == run(False)


def test_seeds_reproduce_and_differ() -> None:
    """Randomness comes from the generator that is handed in, and from nowhere else."""

    def drawn(seed: int) -> str:
        rng = np.random.default_rng(seed)
        layer = nn.Linear(5, 4, rng=rng)
        return bits(layer.W, nn.dropout(np.ones((4, 6)), 0.5, rng=rng))

    state = np.random.get_state()[1].copy()  # noqa: NPY002 (the global generator must not be touched)
    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
