"""Batch and layer normalisation, unit vectors, standardising."""

import numpy as np

from . import derivation


def batch_norm(X, gamma, beta, R):
    mu = np.mean(X, axis=1, keepdims=True)
    var = np.mean((X - mu) ** 2, axis=1, keepdims=True)
    xhat = (X - mu) / np.sqrt(var + 1e-5)
    return np.sum(R * (gamma * xhat + beta))


def batch_norm_by_hand(X, gamma, beta, R):
    m = X.shape[1]
    mu = np.mean(X, axis=1, keepdims=True)
    xc = X - mu
    var = np.mean(xc**2, axis=1, keepdims=True)
    std = np.sqrt(var + 1e-5)
    xhat = xc / std
    dbeta = np.sum(R, axis=1, keepdims=True).reshape(beta.shape)
    dgamma = np.sum(R * xhat, axis=1, keepdims=True)
    dxhat = R * gamma
    dvar = np.sum(dxhat * xc, axis=1, keepdims=True) * -0.5 / std**3
    dmu = -np.sum(dxhat / std, axis=1, keepdims=True)
    dX = dxhat / std + dvar * 2 * xc / m + dmu / m
    return {"dX": dX, "dgamma": dgamma, "dbeta": dbeta}


d = derivation(batch_norm, batch_norm_by_hand, "X: n m, gamma: n 1, beta: n 1, R: n m")
d.slip("mean-constant", "+ dvar * 2 * xc / m + dmu / m", "+ dvar * 2 * xc / m", "missing-term constant", "X")
d.slip(
    "var-constant", "dxhat / std + dvar * 2 * xc / m + dmu / m", "dxhat / std + dmu / m", "missing-term constant", "X"
)
d.slip(
    "both-constant", "dX = dxhat / std + dvar * 2 * xc / m + dmu / m", "dX = dxhat / std", "missing-term constant", "X"
)
d.slip("gamma-missing", "dxhat = R * gamma", "dxhat = R", "missing-local scale missing-term wrong-operand", "X")
d.slip("dmu-no-m", "+ dmu / m", "+ dmu", "term-scale", "X")
d.slip("dvar-two", "dvar * 2 * xc / m", "dvar * xc / m", "term-scale", "X")
d.slip("dvar-power", "std**3", "std**2", "term-scale wrong-local", "X")
d.slip("dvar-sign", "* -0.5 /", "* 0.5 /", "sign term-scale", "X")
d.slip("dgamma-uses-xc", "np.sum(R * xhat", "np.sum(R * xc", "wrong-operand", "gamma")
d.slip("dgamma-uses-X", "np.sum(R * xhat", "np.sum(R * X", "wrong-operand", "gamma")
d.slip("dbeta-mean", "dbeta = np.sum(R", "dbeta = np.mean(R", "scale", "beta")
d.slip("dgamma-axis", "dgamma = np.sum(R * xhat, axis=1", "dgamma = np.sum(R * xhat, axis=0", "axis", "gamma")
d.slip("std-forgotten", "dX = dxhat / std +", "dX = dxhat +", "term-scale missing-local", "X")


def layer_norm(X, g, b, R):
    mu = X.mean(axis=0, keepdims=True)
    s = np.sqrt(((X - mu) ** 2).mean(axis=0, keepdims=True) + 1e-6)
    return np.sum(R * (g * (X - mu) / s + b))


def layer_norm_by_hand(X, g, b, R):
    mu = X.mean(axis=0, keepdims=True)
    s = np.sqrt(((X - mu) ** 2).mean(axis=0, keepdims=True) + 1e-6)
    xhat = (X - mu) / s
    h = R * g
    dX = (h - h.mean(axis=0, keepdims=True) - xhat * (h * xhat).mean(axis=0, keepdims=True)) / s
    dg = (R * xhat).sum(axis=1, keepdims=True)
    db = R.sum(axis=1, keepdims=True).reshape(b.shape)
    return {"X": dX, "g": dg, "b": db}


d = derivation(layer_norm, layer_norm_by_hand, "X: n m, g: n 1, b: n 1, R: n m")
d.slip("mean-term", "(h - h.mean(axis=0, keepdims=True) - xhat", "(h - xhat", "missing-term constant", "X")
d.slip("variance-term", " - xhat * (h * xhat).mean(axis=0, keepdims=True)", "", "missing-term constant", "X")
d.slip("sum-for-mean", "(h * xhat).mean(axis=0", "(h * xhat).sum(axis=0", "term-scale", "X")
d.slip("axis", "- h.mean(axis=0", "- h.mean(axis=1", "axis", "X")
d.slip(
    "scale-forgotten", ".mean(axis=0, keepdims=True)) / s", ".mean(axis=0, keepdims=True))", "missing-local scale", "X"
)
d.slip("gain-forgotten", "h = R * g", "h = R", "missing-local wrong-operand missing-term", "X")
d.slip("dg-not-reduced", "dg = (R * xhat).sum(axis=1, keepdims=True)", "dg = R * xhat", "not-reduced", "g")
d.slip("db-keepdims", "db = R.sum(axis=1, keepdims=True).reshape(b.shape)", "db = R.sum(axis=1)", "keepdims", "b")


def unit(x, r):
    n = np.sqrt(np.sum(x**2))
    return np.sum(r * x / n)


def unit_by_hand(x, r):
    n = np.sqrt(np.sum(x**2))
    u = x / n
    dx = (r - u * np.sum(r * u)) / n
    return {"dx": dx}


d = derivation(unit, unit_by_hand, "x: n, r: n")
d.slip("norm-constant", "(r - u * np.sum(r * u)) / n", "r / n", "constant missing-term", "x")
d.slip("norm-squared", "(r - u * np.sum(r * u)) / n", "(r - u * np.sum(r * u)) / n**2", "scale", "x")
d.slip("plus", "(r - u", "(r + u", "sign term-scale", "x")
d.slip("elementwise", "u * np.sum(r * u)", "u * r * u", "missing-term not-reduced axis wrong-local", "x")
d.slip("not-unit", "(r - u * np.sum(r * u))", "(r - x * np.sum(r * u))", "term-scale wrong-operand", "x")


def cosine(x, y):
    a = np.sqrt(np.sum(x * x))
    b = np.sqrt(np.sum(y * y))
    c = np.sum(x * y) / (a * b)
    return c


def cosine_by_hand(x, y):
    a = np.sqrt(np.sum(x * x))
    b = np.sqrt(np.sum(y * y))
    c = np.sum(x * y) / (a * b)
    dx = y / (a * b) - c * x / a**2
    dy = x / (a * b) - c * y / b**2
    return dx, dy


d = derivation(cosine, cosine_by_hand, "x: n, y: n")
d.slip("norms-constant", "dx = y / (a * b) - c * x / a**2", "dx = y / (a * b)", "constant missing-term", "x")
d.slip("power", "c * x / a**2", "c * x / a", "term-scale", "x")
d.slip("other-norm", "c * y / b**2", "c * y / a**2", "term-scale wrong-operand", "y")
d.slip("sign", "x / (a * b) - c", "x / (a * b) + c", "sign term-scale", "y")


def centred(X, R):
    C = X - np.mean(X, axis=1, keepdims=True)
    return np.sum(R * C**3)


def centred_by_hand(X, R):
    C = X - np.mean(X, axis=1, keepdims=True)
    dC = 3 * R * C**2
    dX = dC - np.mean(dC, axis=1, keepdims=True)
    return {"dX": dX}


d = derivation(centred, centred_by_hand, "X: n m, R: n m")
d.slip("mean-constant", "dX = dC - np.mean(dC, axis=1, keepdims=True)", "dX = dC", "constant missing-term", "X")
d.slip("sum-for-mean", "np.mean(dC, axis=1", "np.sum(dC, axis=1", "term-scale", "X")
d.slip("axis", "np.mean(dC, axis=1", "np.mean(dC, axis=0", "axis", "X")
d.slip("power", "3 * R * C**2", "3 * R * C", "wrong-local", "X")
d.slip("power-factor", "3 * R * C**2", "R * C**2", "scale", "X")
