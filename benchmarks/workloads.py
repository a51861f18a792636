"""What is measured: each workload's data, the engines that can run it, and the ratios the project holds itself to.

Data is made here, once, from fixed seeds, and every engine is handed the same arrays. A training workload is a step:
forward, backward, update of the parameters. The others give a value and derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

Data = dict[str, Any]

EAGER, COMPILED = "tinygrad_notes", "tinygrad_notes, compiled"
KEPT = "tinygrad_notes, memory kept"
OURS = (EAGER, KEPT, COMPILED)
NUMPY, NUMPY_OUT = "NumPy by hand", "NumPy by hand, out="
TORCH, TORCH_FUSED, TORCH_COMPILE = "torch", "torch, fused Adam", "torch.compile"
TORCH_FUNC = "torch.func"
JAX, JAX_SCAN = "jax.jit", "jax.lax.scan"
AUTOGRAD, MYGRAD, MICROGRAD, TINYGRAD = "autograd", "mygrad", "micrograd", "tinygrad"


@dataclass(frozen=True)
class Workload:
    """One thing to measure.

    Attributes
    ----------
    name : str
        What ``--only`` takes.
    title : str
    program : str
        The engines' method that makes it.
    data : callable
        ``data(tiny) -> dict``: the arrays and settings; small ones for tests and ``--quick``.
    engines : tuple of str
        Besides ours, who runs it.
    ours : tuple of str
        Which of ours do.
    goals : dict
        ``(ours, other) -> limit`` on the ratio of their times.
    tolerance : float
        How far results may be apart: relative to their length, or to their change where `trains`.
    trains : bool
        The results are a loss and parameters that started at ``data["parameters"]``.
    unit : str
    """

    name: str
    title: str
    program: str
    data: Callable[[bool], Data]
    engines: tuple[str, ...]
    goals: dict[tuple[str, str], float] = field(default_factory=dict)
    tolerance: float = 1e-9
    trains: bool = False
    unit: str = "ms"
    ours: tuple[str, ...] = (EAGER, COMPILED)


# ── scalars and chains ───────────────────────────────────────────────────────────────────────────────────────────

MOONS = 100
LAYERS = (2, 16, 16, 1)


def chain(x: Any, rounds: int, tanh: Callable[[Any], Any]) -> Any:
    """``x*1.0001 + 0.5``, with tanh after every tenth."""
    for k in range(1, rounds + 1):
        x = x * 1.0001 + 0.5
        if k % 10 == 0:
            x = tanh(x)
    return x


def chain_operations(rounds: int) -> int:
    """How many graph nodes `chain` makes."""
    return 2 * rounds + rounds // 10


def chain_data(size: int, rounds: int = 1000) -> Callable[[bool], Data]:
    """The chain's start: one number for size 0, else an array. The gradient of 1,000 rounds is 0: tanh saturates."""
    start = 0.1 if size == 0 else np.linspace(-0.5, 0.5, size)
    return lambda tiny: {"start": start, "rounds": 25 if tiny else rounds}


def moons() -> tuple[list[list[float]], list[float]]:
    """Two interleaved half circles with a little noise, labels −1 and 1."""
    angle = np.linspace(0.0, np.pi, MOONS // 2)
    outer = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    inner = np.stack([1.0 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    noise = 0.1 * np.random.default_rng(1337).standard_normal((MOONS, 2))
    return (np.concatenate([outer, inner]) + noise).tolist(), [-1.0] * (MOONS // 2) + [1.0] * (MOONS // 2)


def neuron_parameters() -> list[float]:
    """Start values of the 2-16-16-1 network: each neuron's weights, then its bias."""
    rng = np.random.default_rng(1)
    values: list[float] = []
    for inputs, neurons in pairwise(LAYERS):
        for _ in range(neurons):
            values += [*rng.uniform(-1.0, 1.0, inputs).tolist(), 0.0]
    return values


def scalar_score(p: Any, x: Any, relu: Callable[[Any], Any]) -> Any:
    """The network's output for one point, one number at a time; `p` as `neuron_parameters` lays them out."""
    start, last = 0, len(LAYERS) - 2
    for layer, (inputs, neurons) in enumerate(pairwise(LAYERS)):
        outputs = []
        for _ in range(neurons):
            total = p[start + inputs]
            for k in range(inputs):
                total = total + p[start + k] * x[k]
            outputs.append(total if layer == last else relu(total))
            start += inputs + 1
        x = outputs
    return x[0]


def one_sample_loss(p: Any, x: Any, y: Any, relu: Callable[[Any], Any]) -> Any:
    """Max-margin loss of one point."""
    return relu(1.0 + -y * scalar_score(p, x, relu))


def max_margin_loss(p: Any, relu: Callable[[Any], Any], points: Any, labels: Any) -> Any:
    """The mean over all points, and a penalty on every parameter: micrograd's demo."""
    total: Any = 0.0
    for x, y in zip(points, labels, strict=True):
        total = total + one_sample_loss(p, x, y, relu)
    penalty: Any = 0.0
    for w in p:
        penalty = penalty + w * w
    return total * (1.0 / len(points)) + 1e-4 * penalty


def demo_data(tiny: bool) -> Data:
    """All points, or a few."""
    points, labels = moons()
    step = 25 if tiny else 1
    return {"parameters": neuron_parameters(), "points": points[::step], "labels": labels[::step]}


def sample_data(_tiny: bool) -> Data:
    """One point on the wrong side, so that its gradient isn't 0."""
    points, labels = moons()
    return {"parameters": neuron_parameters(), "point": points[3], "label": -labels[3]}


# ── the notes' networks ──────────────────────────────────────────────────────────────────────────────────────────


def logistic_data(tiny: bool) -> Data:
    """Logistic regression on images: 12288 numbers each, 209 of them."""
    rng, (n, m) = np.random.default_rng(2), ((12, 9) if tiny else (12288, 209))
    X, Y = rng.random((n, m)), (rng.random((1, m)) < 0.4).astype(float)
    return {"X": X, "Y": Y, "parameters": [0.01 * rng.standard_normal((n, 1)), np.zeros((1, 1))], "lr": 0.001}


def planar_data(tiny: bool) -> Data:
    """A 2-4-1 network on points of the plane."""
    rng, m = np.random.default_rng(3), (20 if tiny else 400)
    X = rng.standard_normal((2, m))
    Y = (X[:1] * X[1:] > 0).astype(float)
    W1, W2 = 0.5 * rng.standard_normal((4, 2)), 0.5 * rng.standard_normal((1, 4))
    return {"X": X, "Y": Y, "parameters": [W1, np.zeros((4, 1)), W2, np.zeros((1, 1))], "lr": 1.2}


def planar_loop_data(tiny: bool) -> Data:
    """The same, with the number of steps in one call; a rate at which rounding errors don't grow from step to step."""
    return planar_data(tiny) | {"steps": 20 if tiny else LOOP, "lr": 0.1}


LOOP = 2000


def _dense(rng: Any, sizes: list[int], dtype: Any) -> list[Any]:
    parameters = []
    for n, k in pairwise(sizes):
        parameters += [(rng.standard_normal((n, k)) * (2 / n) ** 0.5).astype(dtype), np.zeros(k, dtype)]
    return parameters


def mlp_data(sizes: list[int], batch: int) -> Callable[[bool], Data]:
    """Rows of numbers, classes; W is (n_in, n_out)."""

    def made(tiny: bool) -> Data:
        rng = np.random.default_rng(4)
        widths = [max(4, n // 16) if n > 10 else n for n in sizes] if tiny else sizes
        m = 6 if tiny else batch
        X = rng.standard_normal((m, widths[0])).astype(np.float32)
        labels = rng.integers(0, widths[-1], m)
        return {"X": X, "labels": labels, "parameters": _dense(rng, widths, np.float32), "lr": 1e-3}

    return made


def conv_data(tiny: bool) -> Data:
    """Images (N, 1, 28, 28); 8 and 16 filters of 3 × 3, each followed by relu and 2 × 2 maximum; 10 classes."""
    rng = np.random.default_rng(5)
    N, side, one, two = (2, 8, 3, 4) if tiny else (32, 28, 8, 16)
    images = rng.standard_normal((N, 1, side, side)).astype(np.float32)
    kernels = [
        (rng.standard_normal((one, 1, 3, 3)) / 3).astype(np.float32),
        np.zeros(one, np.float32),
        (rng.standard_normal((two, one, 3, 3)) / (9 * one) ** 0.5).astype(np.float32),
        np.zeros(two, np.float32),
    ]
    head = _dense(rng, [two * (side // 4) ** 2, 10], np.float32)
    return {"X": images, "labels": rng.integers(0, 10, N), "parameters": kernels + head, "lr": 0.01}


def gpt_data(tiny: bool) -> Data:
    """A small transformer: before each block layer norm, causal attention, gelu; 65 symbols."""
    rng = np.random.default_rng(6)
    layers, width, heads, time, batch, symbols = (1, 8, 2, 5, 2, 7) if tiny else (2, 64, 4, 64, 16, 65)

    def normal(*shape: int, scale: float = 0.02) -> Any:
        return (scale * rng.standard_normal(shape)).astype(np.float32)

    def ones() -> Any:
        return np.ones(width, np.float32)

    def zeros(n: int) -> Any:
        return np.zeros(n, np.float32)

    parameters = [normal(symbols, width, scale=0.5), normal(time, width, scale=0.5)]
    for _ in range(layers):
        parameters += [ones(), zeros(width), normal(width, 3 * width, scale=0.2), normal(width, width, scale=0.2),
                       zeros(width), ones(), zeros(width), normal(width, 4 * width, scale=0.2), zeros(4 * width),
                       normal(4 * width, width, scale=0.1), zeros(width)]  # fmt: skip
    parameters += [ones(), zeros(width), normal(width, symbols, scale=0.2)]
    tokens = rng.integers(0, symbols, (batch, time + 1))
    return {"tokens": tokens[:, :-1].copy(), "labels": tokens[:, 1:].copy(), "parameters": parameters,
            "heads": heads, "lr": 1e-3}  # fmt: skip


GPT_BLOCK = 11  # parameters of one block, in gpt_data's order


def gpt_parts(parameters: Any) -> tuple[Any, Any, list[Any], Any]:
    """The parameters as (symbols, positions), the blocks, and (gamma, beta, head)."""
    inner = parameters[2:-3]
    blocks = [inner[k : k + GPT_BLOCK] for k in range(0, len(inner), GPT_BLOCK)]
    return parameters[0], parameters[1], blocks, parameters[-3:]


# ── memory-bound, second order ───────────────────────────────────────────────────────────────────────────────────


def layer_norm_data(tiny: bool) -> Data:
    """``sum(G * (gamma * standardised(gelu(x) sigmoid(u) + log1p(exp u)) + beta))``, gradients of all but G."""
    rng, (m, n) = np.random.default_rng(7), ((4, 6) if tiny else (4096, 1024))
    x, u, G = (rng.standard_normal((m, n)).astype(np.float32) for _ in range(3))
    gamma, beta = (1 + 0.1 * rng.standard_normal(n)).astype(np.float32), rng.standard_normal(n).astype(np.float32)
    return {"parameters": [x, u, gamma, beta], "G": G / np.float32(m)}


def hessian_data(_tiny: bool) -> Data:
    """A 9-9-1 tanh network with its 100 parameters in one vector, 50 examples, squared error."""
    rng = np.random.default_rng(8)
    return {"X": rng.standard_normal((9, 50)), "Y": rng.standard_normal((1, 50)), "w": rng.standard_normal(100) / 3}


def hvp_data(tiny: bool) -> Data:
    """A 784-126-10 tanh network (100,180 parameters), float64, 64 examples."""
    rng, sizes, m = np.random.default_rng(9), ([12, 5, 3] if tiny else [784, 126, 10]), (6 if tiny else 64)
    parameters = _dense(rng, sizes, np.float64)
    vectors = [rng.standard_normal(p.shape) for p in parameters]
    labels = rng.integers(0, sizes[-1], m)
    return {"X": rng.standard_normal((m, sizes[0])), "labels": labels, "parameters": parameters, "vectors": vectors}


def one_hot(labels: Any, classes: int, dtype: Any) -> Any:
    """Rows of zeros with a single 1."""
    return np.eye(classes, dtype=dtype)[labels]


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────

TRAINING = (NUMPY, TORCH, TORCH_COMPILE, JAX, AUTOGRAD, MYGRAD, TINYGRAD)
_MLP = (NUMPY, NUMPY_OUT, TORCH, TORCH_FUSED, TORCH_COMPILE, JAX, AUTOGRAD, MYGRAD, TINYGRAD)

WORKLOADS = [
    Workload("chain 1", "chain of 2,100 operations, one number", "chain", chain_data(0),
             (TORCH, AUTOGRAD, MYGRAD, MICROGRAD),
             {(EAGER, TORCH): 0.20, (EAGER, AUTOGRAD): 0.25, (EAGER, MYGRAD): 0.10}, tolerance=1e-10, ours=(EAGER,)),
    Workload("chain 10", "the chain, (10,)", "chain", chain_data(10), (TORCH, AUTOGRAD, MYGRAD),
             {(EAGER, TORCH): 0.40, (EAGER, AUTOGRAD): 0.25, (EAGER, MYGRAD): 0.10}, tolerance=1e-10, ours=(EAGER,)),
    Workload("chain 1000", "the chain, (1000,)", "chain", chain_data(1000), (TORCH, AUTOGRAD, MYGRAD),
             {(EAGER, TORCH): 0.50, (EAGER, AUTOGRAD): 0.25, (EAGER, MYGRAD): 0.10}, tolerance=1e-10, ours=(EAGER,)),
    Workload("demo", "micrograd's demo: scalar 2-16-16-1, 100 points", "demo", demo_data, (TORCH, MICROGRAD),
             {(EAGER, TORCH): 0.35, (EAGER, MICROGRAD): 0.20}, tolerance=1e-10, ours=(EAGER,)),
    Workload("sample", "scalar 2-16-16-1, one sample", "sample", sample_data, (TORCH, MICROGRAD),
             {(COMPILED, MICROGRAD): 0.02}, tolerance=1e-10),
    Workload("logistic", "logistic regression 12288 × 209", "logistic", logistic_data, TRAINING,
             {(COMPILED, NUMPY): 1.0, (COMPILED, TORCH): 0.5, (COMPILED, JAX): 1.3}, trains=True),
    Workload("planar", "planar network 2-4-1, 400 points", "planar", planar_data, (*TRAINING, NUMPY_OUT),
             {(COMPILED, TORCH): 0.20, (COMPILED, JAX): 1.0, (COMPILED, NUMPY): 0.9}, trains=True, unit="µs"),
    Workload("planar loop", "2,000 steps of it in one call", "planar_loop", planar_loop_data,
             (NUMPY, NUMPY_OUT, JAX_SCAN), {(COMPILED, NUMPY_OUT): 0.75}, unit="µs", ours=(COMPILED,)),
    Workload("mlp 64", "784-256-128-10, float32, Adam, batch 64", "mlp", mlp_data([784, 256, 128, 10], 64), _MLP,
             {(COMPILED, TORCH): 0.6, (COMPILED, TORCH_FUSED): 0.9, (COMPILED, NUMPY): 0.9}, 0.02,
             trains=True, ours=OURS),
    Workload("mlp 1024", "the same, batch 1024", "mlp", mlp_data([784, 256, 128, 10], 1024), _MLP,
             {(COMPILED, TORCH): 0.55, (COMPILED, JAX): 1.05}, 0.02, trains=True, ours=OURS),
    Workload("conv", "two convolutions (8, 16 filters), batch 32, SGD", "conv", conv_data, TRAINING,
             {(COMPILED, TORCH): 1.2, (COMPILED, MYGRAD): 0.2}, 1e-3, trains=True, ours=OURS),
    Workload("layer norm", "gelu, sigmoid, log1p exp, layer norm on (4096, 1024)", "layer_norm", layer_norm_data,
             (NUMPY, NUMPY_OUT, TORCH, TORCH_COMPILE, JAX, AUTOGRAD, MYGRAD, TINYGRAD),
             {(EAGER, NUMPY): 1.3, (COMPILED, TORCH): 0.85, (COMPILED, TORCH_COMPILE): 0.95, (COMPILED, JAX): 0.5},
             1e-4, ours=OURS),
    Workload("gpt", "tiny GPT, 2 layers of 64, context 64, batch 16, Adam", "gpt", gpt_data,
             (NUMPY, TORCH, TORCH_FUSED, TORCH_COMPILE, JAX, AUTOGRAD, MYGRAD, TINYGRAD),
             {(EAGER, TORCH): 1.25, (COMPILED, TORCH): 1.05, (COMPILED, JAX): 1.05}, 0.05, trains=True, ours=OURS),
    Workload("hessian", "Hessian of 100 parameters", "hessian", hessian_data, (TORCH_FUNC, JAX, AUTOGRAD),
             {(EAGER, TORCH_FUNC): 0.3, (COMPILED, TORCH_FUNC): 0.3}),
    Workload("hvp", "Hessian times vector, 100,180 parameters", "hvp", hvp_data,
             (NUMPY, TORCH, TORCH_FUNC, JAX, AUTOGRAD), {(EAGER, TORCH): 1.0, (COMPILED, TORCH): 1.0}),
]  # fmt: skip

MEMORY = Workload("memory", "peak memory of a training step of 784-4×1024-10, batch 4096, SGD", "mlp",
                  lambda tiny: mlp_data([784, 1024, 1024, 1024, 1024, 10], 4096)(tiny) | {"adam": False},
                  (NUMPY, TORCH, JAX), {(COMPILED, TORCH): 0.65}, 1e-3, trains=True, unit="MB")  # fmt: skip
