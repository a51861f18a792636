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
# # Course 2, week 1: start values, regularisation, gradient checking
#
# The practical week. Every cell ends in a picture or a verdict.
#
# ## Start values
#
# `init.symmetry`, `init.large-cost`, `init.he`: zeros never break the symmetry, large weights start badly, He's are
# right for relu. (`tinygrad-notes train initialisation` runs the assignment at full length.)

# %%
import matplotlib_inline.backend_inline  # so that a figure shows itself
import numpy as np
from matplotlib.figure import Figure

import tinygrad_notes as tn
from tinygrad_notes import nn
from tinygrad_notes.notes import catalogue
from tinygrad_notes.notes.experiments.data import circles, pitch
from tinygrad_notes.notes.experiments.networks import boundary, cost, scores, start
from tinygrad_notes.train import fit

X, Y = circles(300, seed=1)
figure = Figure(figsize=(9, 3.4), layout="constrained")
panels = figure.subplots(1, 4)
for axes, (name, init) in zip(
    panels[1:], (("zeros", nn.init.zeros), ("randn * 10", nn.init.large), ("He", nn.init.he)), strict=True
):
    params = start([2, 10, 5, 1], init, np.random.RandomState(3))
    run = fit(cost, params, (X, Y), tn.optim.SGD(0.1), epochs=500, measure_every=10, progress=False)
    panels[0].plot(run.history["epoch"], run.history["loss"], label=name)
    share = np.mean((scores(run.params, X) > 0) == Y)
    boundary(axes, lambda points, run=run: scores(run.params, points), X, Y, f"{name}, {share:.0%} right")
panels[0].set(xlabel="step", ylabel="J", ylim=(0, 2))
panels[0].legend(frameon=False)
figure

# %% [markdown]
# Why zeros can't learn: ask for the gradient of W1.

# %%
params = {name: tn.Tensor(value, name=name) for name, value in start([2, 10, 5, 1], nn.init.zeros, None).items()}
J = cost(params, X, Y)
J.backward()
tn.why(J, params["W1"])

# %% [markdown]
# ## Vanishing and exploding
#
# `van.explode`, `van.vanish`: through 150 linear layers of 1.5 I or 0.5 I values grow or die like a power; Xavier's and
# He's start values keep their size.

# %%
tn.notes.experiments.run("vanishing").draw()

# %% [markdown]
# The notes say "weights grow exponentially". Do they?

# %%
catalogue["van.weights"].verify().verdict

# %% [markdown]
# ## L2 regularisation
#
# `reg.l2`: $J = \frac1m \sum L + \frac{\lambda}{2m} \lVert w \rVert^2$; its gradient has $\frac{\lambda}{m} w$ more.


# %%
def ridge(X, Y, w, b, lam):
    A = 1 / (1 + np.exp(-(w.T @ X + b)))
    cross_entropy = -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    return cross_entropy + lam / (2 * X.shape[1]) * np.sum(w**2)


def ridge_by_hand(X, Y, w, b, lam):
    m = X.shape[1]
    dZ = 1 / (1 + np.exp(-(w.T @ X + b))) - Y
    return {"dw": X @ dZ.T / m + lam / m * w, "db": np.sum(dZ, axis=1, keepdims=True) / m}


SHAPES = {"X": "n m", "Y": "1 m", "w": "n 1", "b": "1 1", "lam": ""}
GIVEN = {"Y": tn.testing.bits, "lam": (0.1, 2)}
tn.testing.check_gradient(ridge, ridge_by_hand, shapes=SHAPES, given=GIVEN)

# %% [markdown]
# `gc.regularised`: forgetting the penalty in the gradient is found, and named.


# %%
def forgot_the_penalty(X, Y, w, b, lam):
    m = X.shape[1]
    dZ = 1 / (1 + np.exp(-(w.T @ X + b))) - Y
    return {"dw": X @ dZ.T / m, "db": np.sum(dZ, axis=1, keepdims=True) / m}


tn.testing.check_gradient(ridge, forgot_the_penalty, shapes=SHAPES, given=GIVEN)

# %% [markdown]
# What it does to a network, on a stand-in for the course's football data (generated; not a reproduction of the notes'
# numbers): a smoother border.

# %%
(X, Y), (X_test, Y_test) = pitch(seed=1)
m, lam = X.shape[1], 0.7


def decayed(params, X, Y):
    return cost(params, X, Y) + nn.l2(nn.weights(params), lam, m)


figure = Figure(figsize=(7, 3.6), layout="constrained")
for axes, (name, objective) in zip(figure.subplots(1, 2), (("none", cost), ("L2", decayed)), strict=True):
    params = start([2, 20, 3, 1], nn.init.xavier, np.random.RandomState(3))
    found = fit(objective, params, (X, Y), tn.optim.Adam(0.03), epochs=400, measure_every=100, progress=False).params
    train, test = (np.mean((scores(found, x) > 0) == y) for x, y in ((X, Y), (X_test, Y_test)))
    boundary(
        axes, lambda points, found=found: scores(found, points), X, Y, f"{name}: {train:.0%} train, {test:.0%} test"
    )
figure

# %% [markdown]
# ## Inverted dropout
#
# `drop.expect`: dividing by keep_prob keeps the expected value, so nothing is scaled at test time.

# %%
rng = np.random.default_rng(0)
keeps = np.linspace(0.3, 1.0, 8)
A = rng.random((50, 400))
figure = Figure(figsize=(5, 3), layout="constrained")
axes = figure.subplots()
axes.plot(
    keeps, [np.mean(nn.dropout(A, keep, rng)) / np.mean(A) for keep in keeps], marker="o", label="A D / keep_prob"
)
axes.plot(keeps, [np.mean(A * (rng.random(A.shape) < keep)) / np.mean(A) for keep in keeps], marker="o", label="A D")
axes.set(xlabel="keep_prob", ylabel="mean, of A's mean", ylim=(0, 1.2))
axes.legend(frameon=False)
figure

# %% [markdown]
# The notes' mask in one place keeps the wrong units (`drop.mask-flip`):

# %%
print(catalogue["drop.mask-flip"].verify().counterexample)
catalogue["drop.mask-flip"].verify().verdict

# %% [markdown]
# ## Gradient checking
#
# `num.two-sided` and `num.one-sided-value`: of θ³ at 1, the two-sided difference is off by ε², the one-sided by 3ε.
# Smaller is not always better: below some ε, rounding wins.

# %%
steps = 10.0 ** np.arange(-14, 0)
two_sided = np.abs(((1 + steps) ** 3 - (1 - steps) ** 3) / (2 * steps) - 3)
one_sided = np.abs(((1 + steps) ** 3 - 1) / steps - 3)
figure = Figure(figsize=(5, 3), layout="constrained")
axes = figure.subplots()
axes.loglog(steps, np.maximum(two_sided, 1e-17), marker=".", label="two-sided")
axes.loglog(steps, np.maximum(one_sided, 1e-17), marker=".", label="one-sided")
axes.set(xlabel="ε", ylabel="error")
axes.legend(frameon=False)
figure

# %% [markdown]
# The course's exercise: a three-layer network with two planted bugs. The course's number says that something is wrong;
# `gc.locate` says to look at the components; the report names both.

# %%
from tinygrad_notes.notes.experiments.gradcheck import SHAPES as EXERCISE
from tinygrad_notes.notes.experiments.gradcheck import cost as exercise
from tinygrad_notes.notes.experiments.gradcheck import planted

tn.testing.check_gradient(exercise, planted, shapes=EXERCISE, given={"Y": tn.testing.bits})

# %% [markdown]
# `gc.dropout`: gradient checking does not work with dropout. Three verdicts are better than two:

# %%
mask = np.random.default_rng(1)


def with_dropout(w, X):
    return np.mean(nn.dropout(w.T @ X, 0.8, mask) ** 2)


def gradient(w, X):
    return {"dw": 2 * X @ (w.T @ X).T / X.shape[1]}


tn.testing.check_gradient(with_dropout, gradient, shapes={"w": "n 1", "X": "n m"})
