"""A training step traced once and replayed as a NumPy program: `tn.compile`.

The planar network of course 1, week 3. `tinygrad-notes bench examples/12_compile.py --source` prints the program and
what each of its lines costs.
"""

import time

import numpy as np

import tinygrad_notes as tn


def cost(p, X, Y):
    A1 = np.tanh(p["W1"] @ X + p["b1"])
    A2 = tn.nn.sigmoid(p["W2"] @ A1 + p["b2"])
    return -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))


def descend(p, X, Y):
    J, dp = tn.value_and_grad(cost)(p, X, Y)
    return {name: p[name] - 0.5 * dp[name] for name in p}, J


rng = np.random.default_rng(0)
X = rng.standard_normal((2, 400))
Y = (np.sum(X**2, axis=0, keepdims=True) > 1.4).astype(float)
start = {
    "W1": rng.standard_normal((4, 2)),
    "b1": np.zeros((4, 1)),
    "W2": rng.standard_normal((1, 4)),
    "b2": np.zeros((1, 1)),
}
step = tn.compile(descend, donate=0)  # the parameters may be written over


def train(one_step, p, steps=300):
    """Train from a copy of the start; the last cost, and microseconds per step."""
    p = {name: value.copy() for name, value in p.items()}
    p, J = one_step(p, X, Y)
    began = time.perf_counter()
    for _ in range(steps):
        p, J = one_step(p, X, Y)
    return J, (time.perf_counter() - began) / steps * 1e6


eager, slow = train(descend, start)
compiled, quick = train(step, start)
parameters = {name: value.copy() for name, value in start.items()}
_, costs = step.repeat(301, parameters, X, Y)
print(f"the same cost to the last bit: {eager == compiled == costs[-1]}")
print(f"cost {costs[0]:.3f} → {costs[-1]:.3f}")
print(f"a step: eager {slow:.0f} µs, compiled {quick:.0f} µs")
print(f"{step}; {step.stats.instructions} instructions, {step.stats.buffers} buffers")
