"""Doors: a PyTorch backward and a JAX custom_vjp judged, a model as an ONNX file, a fit by SciPy, a step on a cluster.

Run it: python examples/10_interop.py
What isn't installed is left out, with the command that installs it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

import tinygrad_notes as tn
from tinygrad_notes import nn


def check_torch():
    import torch

    class Mean(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return (x * x).mean()

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * g * x  # the 1/n is missing

    print(tn.interop.torch.check_function(Mean, shapes={"x": "n"}, like=lambda x: np.mean(x * x)))


def check_jax():
    import jax
    import jax.numpy as jnp

    sine = jax.custom_vjp(jnp.sin)
    sine.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (-g * jnp.cos(x),))
    print(tn.interop.jax.check_function(sine, np.array([0.5, 1.0]), like=np.sin))


def export_onnx():
    import onnxruntime

    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(3, 8, rng), nn.relu, nn.Linear(8, 2, rng), nn.softmax)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        tn.interop.onnx.export(model, np.ones((3, 4)), path=path, batch_axis=1)  # columns: axis 1 counts the examples
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        X = rng.normal(size=(3, 7)).astype(np.float32)
        (A,) = session.run(None, {"x": X})
    print(f"seven examples through the file: {np.allclose(A, model(X), atol=1e-6)}")


def fit_with_scipy():
    x = np.linspace(0, 4, 30)
    y = 2.5 * np.exp(-1.3 * x) + 0.5

    def misfit(p):
        return np.sum((p["height"] * np.exp(-p["rate"] * x) + p["floor"] - y) ** 2)

    found = tn.interop.scipy.minimize(misfit, {"height": 1.0, "rate": 1.0, "floor": 0.0}, method="BFGS")
    print({name: round(float(value), 3) for name, value in found.x.items()})


def step_on_a_cluster():
    from distributed import Client, LocalCluster

    rng = np.random.default_rng(0)
    X = rng.normal(size=(5, 600))
    Y = (X[:1] > 0) * 1.0
    parts = [(X[:, k : k + 100], Y[:, k : k + 100]) for k in range(0, 600, 100)]

    def cost(w, X, Y):
        return nn.binary_cross_entropy_with_logits(w @ X, Y)

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster):
        step = tn.interop.dask.value_and_grad(cost, parts)
        J, gradient = step(np.zeros((1, 5)))
    alone = tn.value_and_grad(cost)(np.zeros((1, 5)), X, Y)
    print(f"two processes agree with one: {np.isclose(J, alone[0]) and np.allclose(gradient, alone[1])}")


DOORS = [check_torch, check_jax, export_onnx, fit_with_scipy, step_on_a_cluster]


def main(arguments=()):
    for door in DOORS:
        if arguments and door.__name__ not in arguments:
            continue
        print(f"── {door.__name__}")
        try:
            door()
        except ImportError as missing:
            print(f"left out: {missing}")


if __name__ == "__main__":
    main(sys.argv[1:])
