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
# # Week 2: logistic regression and the computation graph
#
# The first course, second week. Every cell ends in a picture or a verdict. Ids such as `logreg.dz` name entries of the
# catalogue of the notes: `tinygrad-notes notes logreg.dz` decides one.
#
# ## The computation graph
#
# J = 3(a + bc). Left to right the values, right to left the derivatives.

# %%
import matplotlib_inline.backend_inline  # so that a figure shows itself
import numpy as np
from matplotlib.figure import Figure

import tinygrad_notes as tn
from tinygrad_notes import Tensor
from tinygrad_notes.notes import catalogue

a, b, c = Tensor(5.0), Tensor(3.0), Tensor(2.0)
u = b * c
v = a + u
J = 3 * v
J.backward()
tn.graph(J)

# %% [markdown]
# Where does 6 at the arrow to b come from? From three factors, one an arrow.

# %%
tn.graph(J, chain=True)

# %% [markdown]
# One of the notes says that dJ/db is computed "along the arrows from left to right". Is that so?

# %%
catalogue["graph.direction-002"].verify().verdict

# %% [markdown]
# ## One example
#
# $z = w^T x + b$, $a = \sigma(z)$, $L = -(y \log a + (1 - y) \log(1 - a))$.

# %%
x, y = np.array([[0.7], [-1.2]]), 1.0
w, b = Tensor([[0.4], [0.9]]), Tensor(-0.2)
z = np.sum(w * x) + b
a = tn.nn.sigmoid(z)
L = -(y * np.log(a) + (1 - y) * np.log(1 - a))
L.backward()
tn.graph(L)

# %% [markdown]
# On the picture stand dL/da and dL/dz. The notes claim that the latter is simply $a - y$ (`logreg.dz`), and that
# $dw = x\,dz$, $db = dz$ (`logreg.dw`). Claims are checked on random inputs:


# %%
def loss(w, b, x, y):
    a = 1 / (1 + np.exp(-(np.sum(w * x) + b)))
    return -(y * np.log(a) + (1 - y) * np.log(1 - a))


def by_hand(w, b, x, y):
    dz = 1 / (1 + np.exp(-(np.sum(w * x) + b))) - y
    return {"dw": x * dz, "db": dz}


tn.testing.check_gradient(
    loss, by_hand, shapes={"w": "n 1", "b": "", "x": "n 1", "y": ""}, given={"y": tn.testing.bits}
)

# %% [markdown]
# ## Why not the squared error?
#
# Because of its shape (`logreg.sq-nonconvex`): along w the squared error of σ(wx) has flat shoulders, the cross-entropy
# is convex.

# %%
ws = np.linspace(-8, 8, 200)
A = tn.nn.sigmoid(ws)
figure = Figure(figsize=(6, 3), layout="constrained")
axes = figure.subplots()
axes.plot(ws, 0.5 * (A - 1) ** 2 + 0.5 * tn.nn.sigmoid(-2 * ws - 4) ** 2, label="squared error, two examples")
axes.plot(ws, (-np.log(A) - np.log(1 - tn.nn.sigmoid(-2 * ws - 4))) / 8, label="cross-entropy / 8")
axes.set(xlabel="w", ylabel="J", title="Cost along one weight")
axes.legend(frameon=False)
figure

# %% [markdown]
# ## m examples, in a loop
#
# `logreg.loop`: add up over the examples, divide by m.


# %%
def cost(w, b, X, Y):
    A = 1 / (1 + np.exp(-(w.T @ X + b)))
    return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))


def loop(w, b, X, Y):
    n, m = X.shape
    dw, db = np.zeros((n, 1)), 0.0
    for i in range(m):
        z = sum(w[j, 0] * X[j, i] for j in range(n)) + b
        dz = 1 / (1 + np.exp(-z)) - Y[0, i]
        for j in range(n):
            dw[j, 0] += X[j, i] * dz
        db += dz
    return {"dw": dw / m, "db": db / m}


SHAPES = {"w": "n 1", "b": "", "X": "n m", "Y": "1 m"}
GIVEN = {"Y": tn.testing.bits}
tn.testing.check_gradient(cost, loop, shapes=SHAPES, given=GIVEN)

# %% [markdown]
# ## Vectorised
#
# `logreg.vec`: no loop is left. $dZ = A - Y$, $dw = \frac1m X\,dZ^T$, $db = \frac1m \sum dZ$.


# %%
def vectorised(w, b, X, Y):
    m = X.shape[1]
    dZ = 1 / (1 + np.exp(-(w.T @ X + b))) - Y
    return {"dw": X @ dZ.T / m, "db": np.sum(dZ) / m}


tn.testing.check_gradient(cost, vectorised, shapes=SHAPES, given=GIVEN)

# %% [markdown]
# A slip that everybody makes once: the sum without the 1/m. It is right when m = 1, which is why it is hard to see.


# %%
def forgot_the_mean(w, b, X, Y):
    m = X.shape[1]
    dZ = 1 / (1 + np.exp(-(w.T @ X + b))) - Y
    return {"dw": X @ dZ.T / m, "db": np.sum(dZ)}


tn.testing.check_gradient(cost, forgot_the_mean, shapes=SHAPES, given=GIVEN)

# %% [markdown]
# The same graph, now of arrays: its arrows carry shapes, and the gradient of w has the shape of w (`shape.grad-same`).

# %%
rng = np.random.default_rng(1)
X = rng.standard_normal((2, 200)) * np.array([[1.0], [2.0]]) + np.array([[1.0], [-1.0]])
Y = (X[:1] - 0.5 * X[1:] + 0.4 * rng.standard_normal((1, 200)) > 1.5).astype(float)
tn.graph(cost, np.zeros((2, 1)), 0.0, X, Y)

# %% [markdown]
# How much quicker is `np.dot` than the loop over the features? (`logreg.speed`: "300 times".)

# %%
tn.notes.experiments.run("vectorisation", steps=10_000).draw()

# %% [markdown]
# ## Gradient descent
#
# `gd.update`: $w := w - \alpha\,dJ/dw$. `gd.lr`: a small rate is slow, a large one is fast at first.

# %%
step = tn.value_and_grad(cost, argnums=(0, 1))
figure = Figure(figsize=(9, 3.2), layout="constrained")
left, right = figure.subplots(1, 2)
for rate in (0.03, 0.3, 3.0):
    w, b, costs = np.zeros((2, 1)), 0.0, []
    for _ in range(100):
        J, (dw, db) = step(w, b, X, Y)
        w, b = w - rate * dw, b - rate * db
        costs.append(J)
    left.plot(costs, label=f"α = {rate}")
left.set(xlabel="step", ylabel="J", title="Cost")
left.legend(frameon=False)
x1 = np.linspace(X[0].min(), X[0].max(), 2)
right.scatter(X[0], X[1], c=Y[0], cmap="RdBu", s=10)
right.plot(x1, -(w[0] * x1 + b) / w[1], color="black")
right.set(xlabel="$x_1$", ylabel="$x_2$", title=f"{np.mean((w.T @ X + b > 0) == Y):.0%} right", ylim=(-7, 5))
figure
