"""The computation graph J = 3(a + bc), logistic regression, gradient checking's own example."""

from __future__ import annotations

import numpy as np

from tinygrad_notes.testing import bits

from . import Chapter


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def J(a, b, c):
    u = b * c
    v = a + u
    return 3 * v


graph = Chapter(J, shapes={"a": "", "b": "", "c": ""})


@graph.right
def graph_right(a, b, c):
    dv = 3.0
    da, du = dv, dv
    return {"da": da, "db": du * c, "dc": du * b}


@graph.right
def graph_tuple(a, b, c):
    da, db, dc = 3.0, 3 * c, 3 * b
    return da, db, dc


@graph.wrong("db", "dc")
def graph_swapped(a, b, c):
    return {"da": 3.0, "db": 3 * b, "dc": 3 * c}


@graph.wrong("db", "dc")
def graph_without_dv(a, b, c):
    return {"da": 3.0, "db": c, "dc": b}


@graph.wrong("da")
def graph_da_through_u(a, b, c):
    return {"da": 3.0 * b, "db": 3 * c, "dc": 3 * b}


def one_example(x, w, b, y):
    a = sigmoid(np.sum(w * x) + b)
    return -(y * np.log(a) + (1 - y) * np.log(1 - a))


single = Chapter(one_example, shapes={"x": "n 1", "w": "n 1", "b": "", "y": ""}, given={"y": bits})


@single.right
def single_right(x, w, b, y):
    dz = sigmoid(np.sum(w * x) + b) - y
    return {"dw": x * dz, "db": dz}


@single.right
def single_by_chain(x, w, b, y):
    a = sigmoid(np.sum(w * x) + b)
    da = -y / a + (1 - y) / (1 - a)
    dz = da * a * (1 - a)
    return {"w": dz * x, "b": dz, "x": dz * w}


@single.wrong("dw")
def single_dw_with_a(x, w, b, y):
    a = sigmoid(np.sum(w * x) + b)
    return {"dw": a * np.ones_like(w) * (a - y), "db": a - y}


@single.wrong("dw", "db")
def single_y_minus_a(x, w, b, y):
    dz = y - sigmoid(np.sum(w * x) + b)
    return {"dw": x * dz, "db": dz}


@single.wrong("dw", "db")
def single_local_missing(x, w, b, y):
    a = sigmoid(np.sum(w * x) + b)
    dz = -y / a + (1 - y) / (1 - a)
    return {"dw": x * dz, "db": dz}


@single.wrong("dw", "db")
def single_local_at_z(x, w, b, y):
    z = np.sum(w * x) + b
    a = sigmoid(z)
    dz = (-y / a + (1 - y) / (1 - a)) * z * (1 - z)
    return {"dw": x * dz, "db": dz}


def cost(X, Y, w, b):
    A = sigmoid(w.T @ X + b)
    return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))


logreg = Chapter(cost, shapes={"X": "n m", "Y": "1 m", "w": "n 1", "b": "1 1"}, given={"Y": bits})


@logreg.right
def vectorised(X, Y, w, b):
    m = X.shape[1]
    dZ = sigmoid(w.T @ X + b) - Y
    return {"dw": X @ dZ.T / m, "db": np.sum(dZ, axis=1, keepdims=True) / m}


@logreg.right
def with_a_loop(X, Y, w, b):
    m = X.shape[1]
    dw, db = np.zeros_like(w), np.zeros_like(b)
    for i in range(m):
        x = X[:, i : i + 1]
        dz = sigmoid(w.T @ x + b) - Y[:, i : i + 1]
        dw += x * dz
        db += dz
    return dw / m, db / m


@logreg.right
def with_cache(A, X, Y):
    m = X.shape[1]
    dZ = A - Y
    return {"dw": X @ dZ.T / m, "db": np.mean(dZ, axis=1, keepdims=True), "dX": None}


@logreg.wrong("db")
def db_without_mean(X, Y, w, b):
    dZ = sigmoid(w.T @ X + b) - Y
    return {"dw": X @ dZ.T / X.shape[1], "db": np.sum(dZ, axis=1, keepdims=True)}


@logreg.wrong("dw", "db")
def divided_by_n(X, Y, w, b):
    n = X.shape[0]
    dZ = sigmoid(w.T @ X + b) - Y
    return {"dw": X @ dZ.T / n, "db": np.sum(dZ, axis=1, keepdims=True) / n}


@logreg.wrong("db")
def db_without_keepdims(X, Y, w, b):
    m = X.shape[1]
    dZ = sigmoid(w.T @ X + b) - Y
    return {"dw": X @ dZ.T / m, "db": np.sum(dZ, axis=1) / m}


@logreg.wrong("dw")
def dw_transposed(X, Y, w, b):
    m = X.shape[1]
    dZ = sigmoid(w.T @ X + b) - Y
    return {"dw": dZ @ X.T / m, "db": np.sum(dZ, axis=1, keepdims=True) / m}


@logreg.wrong("dw")
def dw_is_db(X, Y, w, b):
    dZ = sigmoid(w.T @ X + b) - Y
    return {"dw": np.full_like(w, np.mean(dZ)), "db": np.mean(dZ, axis=1, keepdims=True)}


@logreg.wrong("dw", "db")
def labels_doubled(X, Y, w, b):
    m = X.shape[1]
    dZ = sigmoid(w.T @ X + b) - 2 * Y
    return {"dw": X @ dZ.T / m, "db": np.sum(dZ, axis=1, keepdims=True) / m}


@logreg.wrong("dw", "db")
def bias_forgotten_in_forward(X, Y, w, b):
    m = X.shape[1]
    dZ = sigmoid(w.T @ X) - Y
    return {"dw": X @ dZ.T / m, "db": np.sum(dZ, axis=1, keepdims=True) / m}


@logreg.wrong("dw")
def last_example_only(X, Y, w, b):
    m = X.shape[1]
    dw, db = np.zeros_like(w), np.zeros_like(b)
    for i in range(m):
        dz = sigmoid(w.T @ X[:, i : i + 1] + b) - Y[:, i : i + 1]
        dw = X[:, i : i + 1] * dz
        db += dz
    return {"dw": dw / m, "db": db / m}


@logreg.wrong("db")
def db_not_reduced(X, Y, w, b):
    m = X.shape[1]
    dZ = sigmoid(w.T @ X + b) - Y
    return {"dw": X @ dZ.T / m, "db": dZ / m}


@logreg.wrong()
def does_not_conform(X, Y, w, b):
    dZ = sigmoid(w.T @ X + b) - Y
    return {"dw": X @ dZ / X.shape[1], "db": np.mean(dZ, axis=1, keepdims=True)}


@logreg.wrong()
def overwrites_its_input(X, Y, w, b):
    m = X.shape[1]
    dZ = sigmoid(w.T @ X + b) - Y
    X /= m
    return {"dw": X @ dZ.T, "db": np.sum(dZ, axis=1, keepdims=True) / m}


@logreg.wrong("dw")
def changes_from_call_to_call(X, Y, w, b):
    m = X.shape[1]
    dZ = sigmoid(w.T @ X + b) - Y
    keep = np.random.default_rng().random(X.shape) < 0.8
    return {"dw": (X * keep) @ dZ.T / m, "db": np.sum(dZ, axis=1, keepdims=True) / m}


def line(theta, x):
    return theta * x


one_d = Chapter(line, shapes={"theta": "", "x": ""})


@one_d.right
def line_right(theta, x):
    dtheta = x
    return {"dtheta": dtheta}


@one_d.wrong("dtheta")
def line_theta(theta, x):
    return {"dtheta": theta}
