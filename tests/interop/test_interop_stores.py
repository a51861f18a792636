"""Partitions of files, and one process that learns from more data than it may hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes.errors import BadInputError, ShapeError

stores = tn.interop.stores


def whole(parts: Any, k: int = 0) -> Any:
    return np.concatenate([part()[k] for part in parts])


@pytest.mark.parametrize("rows", [1, 4, 7, 100])
def test_npy(rows: int, tmp_path: Path, rng: np.random.Generator) -> None:
    X, y = rng.normal(size=(10, 3)).astype(np.float32), np.arange(10)
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    parts = stores.partitions(tmp_path / "X.npy", tmp_path / "y.npy", rows=rows)
    assert sum(map(len, parts)) == 10
    assert whole(parts).dtype == np.float32
    assert np.array_equal(whole(parts), X)
    assert np.array_equal(whole(parts, 1), y)
    columns = stores.partitions(tmp_path / "X.npy", rows=rows, as_columns=True)
    assert np.array_equal(np.concatenate([part()[0] for part in columns], axis=1), X.T)


def test_zarr(tmp_path: Path, rng: np.random.Generator) -> None:
    zarr = pytest.importorskip("zarr")
    X = rng.normal(size=(25, 3))
    store = zarr.create_array(tmp_path / "X.zarr", shape=X.shape, chunks=(4, 3), dtype=X.dtype)
    store[:] = X
    parts = stores.partitions(tmp_path / "X.zarr", rows=6)
    assert [len(part) for part in parts] == [6, 6, 6, 6, 1]
    assert np.array_equal(whole(parts), X)


def test_parquet(tmp_path: Path, rng: np.random.Generator) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    X = rng.normal(size=(25, 3))
    table = arrow.table({"a": X[:, 0], "b": X[:, 1], "label": X[:, 2]})
    parquet.write_table(table, tmp_path / "X.parquet", row_group_size=4)
    assert np.array_equal(whole(stores.partitions(tmp_path / "X.parquet", rows=6)), X)
    two = stores.partitions(tmp_path / "X.parquet", rows=11, columns=("b", "a"))
    assert np.array_equal(whole(two), X[:, [1, 0]])
    one = stores.partitions(tmp_path / "X.parquet", rows=11, columns=("label",))
    assert np.array_equal(whole(one), X[:, 2])


def test_what_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.ones((3, 2)))
    np.save(tmp_path / "y.npy", np.ones(4))
    np.save(tmp_path / "F.npy", np.asfortranarray(np.ones((3, 2))))
    with pytest.raises(ShapeError, match="not equally many rows"):
        stores.partitions(tmp_path / "X.npy", tmp_path / "y.npy", rows=2)
    with pytest.raises(BadInputError, match="rows is a whole number from 1 on"):
        stores.partitions(tmp_path / "X.npy", rows=0)
    with pytest.raises(BadInputError, match=r"known are \.npy, \.zarr and \.parquet"):
        stores.partitions(tmp_path / "X.csv", rows=2)
    with pytest.raises(BadInputError, match="row by row"):
        stores.partitions(tmp_path / "F.npy", rows=2)


LIMITED = """
import resource, sys
import numpy as np, tinygrad_notes as tn
from tinygrad_notes.interop import dask, stores

def cost(w, X, y):
    return tn.nn.binary_cross_entropy_with_logits(X @ w, y)

parts = stores.partitions(sys.argv[1], sys.argv[2], rows=20_000)
step = dask.value_and_grad(cost, parts[:1], client=False, axis=0)
step(np.zeros(20))  # everything is loaded
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 64_000_000,) * 2)
try:
    np.load(sys.argv[1])
except MemoryError:
    print("too large to load")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
w, optimizer = np.zeros(20), tn.optim.SGD(lr=4.0)
state, step = optimizer.init(w), dask.value_and_grad(cost, parts, client=False, axis=0)
for _ in range(2):
    J, gradient = step(w)
    w, state = optimizer.step(w, gradient, state)
print(round(J, 3), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1000)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit is Linux's")
def test_memory_stays_flat_below_a_limit(tmp_path: Path) -> None:
    """160 MB of examples in a process that may take 64 MB more than it has."""
    m, n = 1_000_000, 20
    rng = np.random.default_rng(0)
    X = rng.normal(size=(m // 20, n))
    with open(tmp_path / "X.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (m, n)})
        for _ in range(20):
            file.write(X.tobytes())
    np.save(tmp_path / "y.npy", np.tile((X[:, 0] > 0) * 1.0, 20))
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path / "X.npy", tmp_path / "y.npy"],
        capture_output=True, text=True, check=False, env={"OPENBLAS_NUM_THREADS": "1", "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "too large to load"
    J, grown = map(float, second.split())
    assert J < 0.5
    assert grown < 64
