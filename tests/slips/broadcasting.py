"""Broadcasting: what was repeated forwards is summed backwards."""

import numpy as np

from . import derivation


def affine(X, s, t, R):
    Y = X * s + t
    return np.sum(R * Y**2)


def affine_by_hand(X, s, t, R):
    Y = X * s + t
    dY = 2 * R * Y
    dX = dY * s
    ds = np.sum(dY * X, axis=1, keepdims=True)
    dt = np.sum(dY, axis=0, keepdims=True)
    return {"dX": dX, "ds": ds, "dt": dt}


d = derivation(affine, affine_by_hand, "X: n m, s: n 1, t: 1 m, R: n m")
d.slip("ds-not-reduced", "np.sum(dY * X, axis=1, keepdims=True)", "dY * X", "not-reduced", "s")
d.slip("ds-keepdims", "np.sum(dY * X, axis=1, keepdims=True)", "np.sum(dY * X, axis=1)", "keepdims", "s")
d.slip("ds-all", "np.sum(dY * X, axis=1, keepdims=True)", "np.sum(dY * X) * np.ones_like(s)", "axis", "s")
d.slip("dt-axis", "np.sum(dY, axis=0, keepdims=True)", "np.sum(dY, axis=1, keepdims=True)", "axis", "t")
d.slip("dt-mean", "np.sum(dY, axis=0", "np.mean(dY, axis=0", "scale", "t")
d.slip("ds-lost-X", "np.sum(dY * X, axis=1", "np.sum(dY, axis=1", "missing-local wrong-operand missing-term", "s")
d.slip("ds-uses-Y", "np.sum(dY * X, axis=1", "np.sum(dY * Y, axis=1", "wrong-operand", "s")
d.slip("dX-forgets-s", "dX = dY * s", "dX = dY", "missing-local missing-term", "X")
d.slip("dX-divides", "dX = dY * s", "dX = dY / s", "wrong-operand wrong-local", "X")


def square_affine(X, t, R):
    Y = np.tanh(X + t)
    return np.sum(R * Y)


def square_affine_by_hand(X, t, R):
    Y = np.tanh(X + t)
    dZ = R * (1 - Y**2)
    dX = dZ
    dt = np.sum(dZ, axis=0)
    return {"dX": dX, "dt": dt}


d = derivation(square_affine, square_affine_by_hand, "X: n n, t: n, R: n n")
d.slip("axis", "np.sum(dZ, axis=0)", "np.sum(dZ, axis=1)", "axis", "t")
d.slip("total", "np.sum(dZ, axis=0)", "np.sum(dZ) * np.ones_like(t)", "axis", "t")
d.slip("diagonal", "np.sum(dZ, axis=0)", "np.diag(dZ)", "missing-term not-reduced axis", "t")
d.slip("dX-transposed", "dX = dZ", "dX = dZ.T", "transpose", "X")


def mean_pool(X, W, r):
    p = np.mean(X, axis=0)
    return np.sum(r * (W @ p))


def mean_pool_by_hand(X, W, r):
    m = X.shape[0]
    p = np.mean(X, axis=0)
    dp = W.T @ r
    dX = np.ones((m, 1)) * dp / m
    dW = np.outer(r, p)
    return {"dX": dX, "dW": dW}


d = derivation(mean_pool, mean_pool_by_hand, "X: m n, W: k n, r: k")
d.slip("no-m", "* dp / m", "* dp", "scale", "X")
d.slip("not-spread", "dX = np.ones((m, 1)) * dp / m", "dX = dp / m", "not-reduced axis keepdims", "X")
d.slip("outer-order", "np.outer(r, p)", "np.outer(p, r)", "transpose", "W")
d.slip("first-row", "np.outer(r, p)", "np.outer(r, X[0])", "wrong-operand", "W")


def pairwise(a, b):
    D = a[:, None] - b[None, :]
    return np.sum(D**2)


def pairwise_by_hand(a, b):
    D = a[:, None] - b[None, :]
    da = 2 * np.sum(D, axis=1)
    db = -2 * np.sum(D, axis=0)
    return {"da": da, "db": db}


d = derivation(pairwise, pairwise_by_hand, "a: n, b: m")
d.slip("db-sign", "db = -2", "db = 2", "sign", "b")
d.slip("da-two", "da = 2 *", "da = 1 *", "scale", "a")
d.slip("da-axis", "da = 2 * np.sum(D, axis=1)", "da = 2 * np.sum(D, axis=0)", "axis", "a")
d.slip("da-mean", "da = 2 * np.sum(D, axis=1)", "da = 2 * np.mean(D, axis=1)", "scale", "a")
