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
# # Week 3: one hidden layer
#
# The planar flower: a straight line fails, four tanh units do not. Every cell ends in a picture or a verdict.

# %%
import matplotlib_inline.backend_inline  # so that a figure shows itself
import numpy as np
from matplotlib.figure import Figure

import tinygrad_notes as tn
from tinygrad_notes import nn
from tinygrad_notes.notes import catalogue
from tinygrad_notes.notes.experiments.data import flower
from tinygrad_notes.notes.experiments.networks import boundary
from tinygrad_notes.train import fit

X, Y = flower()
figure = Figure(figsize=(4, 4), layout="constrained")
axes = figure.subplots()
axes.scatter(X[0], X[1], c=Y[0], cmap="RdBu", s=14)
axes.set(aspect="equal", title=f"{X.shape[1]} points")
figure

# %% [markdown]
# ## Logistic regression fails


# %%
def line(params, X):
    return params["w"].T @ X + params["b"]


def line_cost(params, X, Y):
    return nn.binary_cross_entropy_with_logits(line(params, X), Y)


start = {"w": np.zeros((2, 1)), "b": np.zeros((1, 1))}
trained = fit(line_cost, start, (X, Y), tn.optim.SGD(1.2), epochs=300, measure_every=50, progress=False).params
figure = Figure(figsize=(4, 4), layout="constrained")
right = np.mean((line(trained, X) > 0) == Y)
boundary(figure.subplots(), lambda points: line(trained, points), X, Y, f"logistic regression, {right:.0%} right")
figure

# %% [markdown]
# ## The network
#
# $Z_1 = W_1 X + b_1$, $A_1 = \tanh Z_1$, $Z_2 = W_2 A_1 + b_2$, $A_2 = \sigma(Z_2)$; the shapes
# are (4, 2), (4, 1), (1, 4), (1, 1).


# %%
def cost(X, Y, W1, b1, W2, b2):
    with tn.scope("hidden layer"):
        Z1 = W1 @ X + b1
        A1 = np.tanh(Z1)
    with tn.scope("output layer"):
        Z2 = W2 @ A1 + b2
        A2 = nn.sigmoid(Z2)
    return -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))


rng = np.random.RandomState(2)
weights = {"W1": rng.randn(4, 2) * 0.01, "b1": np.zeros((4, 1)), "W2": rng.randn(1, 4) * 0.01, "b2": np.zeros((1, 1))}
tn.graph(lambda params: cost(X, Y, **params), weights)

# %% [markdown]
# ## Activations, and their slopes
#
# `act.*`: $\sigma' = a(1 - a)$, $\tanh' = 1 - a^2$, relu' is 0 or 1 (0 at the kink), and a leaky relu never quite 0.

# %%
z = np.linspace(-4, 4, 401)
figure = Figure(figsize=(9, 3), layout="constrained")
for axes, f in zip(figure.subplots(1, 4), (nn.sigmoid, np.tanh, nn.relu, nn.leaky_relu), strict=True):
    axes.plot(z, f(z), label="a")
    axes.plot(z, tn.elementwise_grad(f)(z), label="da/dz")
    axes.set_title(getattr(f, "name", f.__name__ if hasattr(f, "__name__") else str(f)))
axes.legend(frameon=False)
figure

# %% [markdown]
# ## Back-propagation: the six lines
#
# `bp.dZ2` to `bp.db1`. In the notes' vectorised code dZ leaves the mean's 1/m to dW and db.


# %%
def six_lines(X, Y, W1, b1, W2, b2):
    m = X.shape[1]
    A1 = np.tanh(W1 @ X + b1)
    A2 = 1 / (1 + np.exp(-(W2 @ A1 + b2)))
    dZ2 = A2 - Y
    dW2 = dZ2 @ A1.T / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = W2.T @ dZ2 * (1 - A1**2)
    dW1 = dZ1 @ X.T / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


SHAPES = {"X": "n m", "Y": "1 m", "W1": "h n", "b1": "h 1", "W2": "1 h", "b2": "1 1"}
GIVEN = {"Y": tn.testing.bits}
tn.testing.check_gradient(cost, six_lines, shapes=SHAPES, given=GIVEN)

# %% [markdown]
# Two slips. The derivative of tanh at Z instead of A:


# %%
def at_the_wrong_place(X, Y, W1, b1, W2, b2):
    m = X.shape[1]
    Z1 = W1 @ X + b1
    A1 = np.tanh(Z1)
    dZ2 = 1 / (1 + np.exp(-(W2 @ A1 + b2))) - Y
    dZ1 = W2.T @ dZ2 * (1 - Z1**2)
    return {
        "dW1": dZ1 @ X.T / m,
        "db1": np.sum(dZ1, axis=1, keepdims=True) / m,
        "dW2": dZ2 @ A1.T / m,
        "db2": np.sum(dZ2, axis=1, keepdims=True) / m,
    }


tn.testing.check_gradient(cost, at_the_wrong_place, shapes=SHAPES, given=GIVEN)

# %% [markdown]
# And a slip of the notes themselves: they print $dZ_1 = W_2^T dZ_2 * g'(Z_1)$ with $W_1$ in one place (`bp.001-W1T`).

# %%
print(catalogue["bp.001-W1T"].verify().counterexample)
catalogue["bp.001-W1T"].verify().verdict

# %% [markdown]
# ## Why not start from zeros?
#
# `init.symmetry`: all hidden units get the same gradient, so they stay the same unit. The picture shows dW1 after one
# step from equal and from random weights.

# %%
equal = {"W1": np.full((4, 2), 0.5), "b1": np.zeros((4, 1)), "W2": np.full((1, 4), 0.5), "b2": np.zeros((1, 1))}
figure = Figure(figsize=(5, 2.6), layout="constrained")
for axes, (title, params) in zip(figure.subplots(1, 2), (("equal", equal), ("random", weights)), strict=True):
    dW1 = tn.grad(lambda W1, rest: cost(X, Y, W1, **rest))(params["W1"], {k: params[k] for k in ("b1", "W2", "b2")})
    axes.imshow(dW1 / np.abs(dW1).max(), cmap="RdBu", vmin=-1, vmax=1)
    axes.set(title=f"dW1, {title} start", ylabel="hidden unit", xticks=[])
figure

# %% [markdown]
# ## Training


# %%
def scores(params, X):
    return params["W2"] @ np.tanh(params["W1"] @ X + params["b1"]) + params["b2"]


def loss(params, X, Y):
    return nn.binary_cross_entropy_with_logits(scores(params, X), Y)


run = fit(loss, weights, (X, Y), tn.optim.SGD(1.2), epochs=3000, measure_every=30, progress=False)
figure = Figure(figsize=(8.5, 4), layout="constrained")
left, right = figure.subplots(1, 2)
left.plot(run.history["epoch"], run.history["loss"])
left.set(xlabel="step", ylabel="J")
share = np.mean((scores(run.params, X) > 0) == Y)
boundary(right, lambda points: scores(run.params, points), X, Y, f"4 tanh units, {share:.1%} right")
figure

# %% [markdown]
# ## How many hidden units?


# %%
def net(units):
    random = np.random.RandomState(2)
    W1, W2 = random.randn(units, 2) * 0.01, random.randn(1, units) * 0.01
    return {"W1": W1, "b1": np.zeros((units, 1)), "W2": W2, "b2": np.zeros((1, 1))}


figure = Figure(figsize=(9, 3), layout="constrained")
for axes, units in zip(figure.subplots(1, 4), (1, 2, 3, 20), strict=True):
    found = fit(loss, net(units), (X, Y), tn.optim.SGD(1.2), epochs=1000, measure_every=500, progress=False).params
    share = np.mean((scores(found, X) > 0) == Y)
    boundary(axes, lambda points, found=found: scores(found, points), X, Y, f"{units} units, {share:.0%}")
figure
