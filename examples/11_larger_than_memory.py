"""Logistic regression from a file that need not fit into memory: read, differentiated and forgotten part by part.

Run it: python examples/11_larger_than_memory.py            in this process
        python examples/11_larger_than_memory.py --workers 2 in as many processes (needs dask and distributed)
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import tempfile
from pathlib import Path

import numpy as np

import tinygrad_notes as tn
from tinygrad_notes import nn


def cost(w, X, Y):
    """Examples in rows, as files have them."""
    return nn.binary_cross_entropy_with_logits(X @ w, Y)


def write(folder, megabytes, features):
    """Examples in pieces, so that writing takes no memory either."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=features)
    pieces = 20
    rows = max(1, int(megabytes * 1e6 / (8 * features * pieces)))
    header = {"descr": "<f8", "fortran_order": False, "shape": (rows * pieces, features)}
    with open(folder / "X.npy", "wb") as X, open(folder / "Y.npy", "wb") as Y:
        np.lib.format.write_array_header_1_0(X, header)
        np.lib.format.write_array_header_1_0(Y, {**header, "shape": (rows * pieces,)})
        for _ in range(pieces):
            x = rng.normal(size=(rows, features))
            X.write(x.tobytes())
            Y.write(((x @ truth > 0) * 1.0).tobytes())
    return rows, truth


def train(step, features, steps):
    optimizer = tn.optim.SGD(lr=4.0, momentum=0.9)
    w = np.zeros(features)
    state = optimizer.init(w)
    for k in range(steps):
        J, gradient = step(w)
        w, state = optimizer.step(w, gradient, state)
        print(f"step {k}: J = {J:.4f}")
    return w


@contextlib.contextmanager
def cluster(workers):
    """A Dask client, or False: this process."""
    if not workers:
        yield False
        return
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as local,
        Client(local) as client,
    ):
        yield client


def main(arguments=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=float, default=400)
    parser.add_argument("--features", type=int, default=50)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--workers", type=int, default=0)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name, cluster(options.workers) as client:
        folder = Path(name)
        rows, truth = write(folder, options.megabytes, options.features)
        parts = tn.interop.stores.partitions(folder / "X.npy", folder / "Y.npy", rows=rows)
        size = (folder / "X.npy").stat().st_size / 1e6
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        w = train(tn.interop.dask.value_and_grad(cost, parts, client=client, axis=0), options.features, options.steps)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        along = w @ truth / np.linalg.norm(w) / np.linalg.norm(truth)
        print(f"{len(parts)} parts, {size:.0f} MB on disk; memory grew by {grown:.0f} MB")
        print(f"cosine between w and the truth: {along:.3f}")


if __name__ == "__main__":
    main()
