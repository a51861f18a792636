# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: "1.3"
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Week 4: deep networks
#
# L layers: the forward pass keeps what the backward pass reads, shapes tell most mistakes. Every cell ends in a picture
# or a verdict.
#
# ## Forward: layer by layer
#
# `fwd.L`: $Z^{[l]} = W^{[l]} A^{[l-1]} + b^{[l]}$, $A^{[l]} = g(Z^{[l]})$, with $A^{[0]} = X$. Layers are boxes of
# the graph.

# %%
import matplotlib_inline.backend_inline  # so that a figure shows itself
import numpy as np
from matplotlib.figure import Figure

import tinygrad_notes as tn
from tinygrad_notes import nn
from tinygrad_notes.notes import catalogue
from tinygrad_notes.notes.experiments.data import circles
from tinygrad_notes.notes.experiments.networks import boundary
from tinygrad_notes.train import fit


def start(sizes, init, rng):
    params = {}
    for l in range(1, len(sizes)):
        params[f"W{l}"] = init((sizes[l], sizes[l - 1]), rng)
        params[f"b{l}"] = np.zeros((sizes[l], 1))
    return params


def scores(params, X):
    A, L = X, len(params) // 2
    for l in range(1, L):
        with tn.scope(f"layer {l}"):
            Z = params[f"W{l}"] @ A + params[f"b{l}"]
            A = np.maximum(0, Z)
    with tn.scope(f"layer {L}"):
        return params[f"W{L}"] @ A + params[f"b{L}"]


def loss(params, X, Y):
    return nn.binary_cross_entropy_with_logits(scores(params, X), Y)


X, Y = circles(300, seed=1)
params = start([2, 3, 5, 4, 2, 1], nn.init.he, np.random.RandomState(0))
tn.graph(loss, params, X, Y, level=0)

# %% [markdown]
# ## Shapes
#
# `shape.W`, `shape.b`, `shape.Z`: W[l] is (n[l], n[l−1]), b[l] is (n[l], 1), Z[l] is (n[l], m); a gradient has the
# shape of its variable. The notes print a (4, 5) for W[3] of this network as (n[4], n[3]). Is that so?

# %%
catalogue["shape.L5-W3"].verify().verdict

# %%
[catalogue[id].verify().verdict for id in ("shape.W", "shape.b", "shape.Z", "shape.grad-same", "shape.L5")]

# %% [markdown]
# ## Backward: layer by layer
#
# `bp.L-vec`: $dZ = dA * g'(Z)$, $dW = \frac1m dZ A^{[l-1]T}$, $db = \frac1m \sum dZ$, $dA^{[l-1]} = W^T dZ$. The
# forward pass keeps a cache for it.


# %%
def by_hand(X, Y, W1, b1, W2, b2, W3, b3):
    m = X.shape[1]
    W, b = {1: W1, 2: W2, 3: W3}, {1: b1, 2: b2, 3: b3}
    A = {0: X}
    for l in (1, 2):
        A[l] = np.maximum(0, W[l] @ A[l - 1] + b[l])
    A[3] = 1 / (1 + np.exp(-(W[3] @ A[2] + b[3])))
    gradients = {}
    dZ = A[3] - Y
    for l in (3, 2, 1):
        gradients[f"dW{l}"] = dZ @ A[l - 1].T / m
        gradients[f"db{l}"] = np.sum(dZ, axis=1, keepdims=True) / m
        if l > 1:
            dZ = W[l].T @ dZ * (A[l - 1] > 0)
    return gradients


def cost(X, Y, W1, b1, W2, b2, W3, b3):
    A1 = np.maximum(0, W1 @ X + b1)
    A2 = np.maximum(0, W2 @ A1 + b2)
    A3 = 1 / (1 + np.exp(-(W3 @ A2 + b3)))
    return -np.mean(Y * np.log(A3) + (1 - Y) * np.log(1 - A3))


SHAPES = {"X": "n m", "Y": "1 m", "W1": "p n", "b1": "p 1", "W2": "q p", "b2": "q 1", "W3": "1 q", "b3": "1 1"}
GIVEN = {"Y": tn.testing.bits}
tn.testing.check_gradient(cost, by_hand, shapes=SHAPES, given=GIVEN)

# %% [markdown]
# Is the mask of relu taken at the right layer? A slip that only shapes of one width would hide:


# %%
def forgot_relu(X, Y, W1, b1, W2, b2, W3, b3):
    right = by_hand(X, Y, W1, b1, W2, b2, W3, b3)
    m = X.shape[1]
    A1 = np.maximum(0, W1 @ X + b1)
    A2 = np.maximum(0, W2 @ A1 + b2)
    dZ3 = 1 / (1 + np.exp(-(W3 @ A2 + b3))) - Y
    dZ2 = W3.T @ dZ3 * (A2 > 0)
    dZ1 = W2.T @ dZ2
    return {**right, "dW1": dZ1 @ X.T / m, "db1": np.sum(dZ1, axis=1, keepdims=True) / m}


tn.testing.check_gradient(cost, forgot_relu, shapes=SHAPES, given=GIVEN)

# %% [markdown]
# The lecture slide itself has slips in these lines. `bp.slide-dWL` takes A[L] for A[L−1]; `bp.slide-dZL1` takes dW
# for W.

# %%
for id in ("bp.slide-dWL", "bp.slide-dZL1", "bp.slide-dZ1", "bp.slide-dW1"):
    entry = catalogue[id]
    print(f"{id}: {entry.code}\n    right: {entry.repair}")
[catalogue[id].verify().verdict for id in ("bp.slide-dWL", "bp.slide-dZL1", "bp.slide-dZ1", "bp.slide-dW1")]

# %% [markdown]
# ## The δ-recursion
#
# `delta.rec`: $\delta_i^{[l]} = g'(z_i^{[l]}) \sum_k \delta_k^{[l+1]} w_{ki}^{[l+1]}$, proved in four steps.

# %%
[catalogue[id].verify().verdict for id in ("delta.grad", "delta.dzdw", "delta.rec", "delta.all")]

# %% [markdown]
# ## Training: deeper, and not always better

# %%
figure = Figure(figsize=(9, 3.2), layout="constrained")
for axes, sizes in zip(figure.subplots(1, 3), ([2, 1], [2, 10, 1], [2, 10, 5, 1]), strict=True):
    random = np.random.RandomState(3)
    run = fit(loss, start(sizes, nn.init.he, random), (X, Y), tn.optim.Adam(0.03), epochs=250, progress=False)
    share = np.mean((scores(run.params, X) > 0) == Y)
    boundary(axes, lambda points, run=run: scores(run.params, points), X, Y, f"{sizes}: {share:.0%} right")
figure

# %% [markdown]
# ## Where gradients go
#
# The size of dW at each layer, at the start of training: with He's start values it is alike in all layers; with
# `randn * 0.01` (`init.small`, meant for one hidden layer) it dies on the way back.

# %%
figure = Figure(figsize=(6, 3), layout="constrained")
axes = figure.subplots()
for name, init in (("He", nn.init.he), ("randn * 0.01", nn.init.small)):
    deep = start([2, *[20] * 8, 1], init, np.random.RandomState(1))
    gradients = tn.grad(loss)(deep, X, Y)
    axes.plot(range(1, 10), [np.sqrt(np.mean(gradients[f"W{l}"] ** 2)) for l in range(1, 10)], marker="o", label=name)
axes.set(yscale="log", xlabel="layer l", ylabel="size of dW[l]")
axes.legend(frameon=False)
figure
