"""Regression: logistic and linear, plain and with penalties."""

import numpy as np

from . import bits, derivation, positive, scalar


def logistic(X, Y, w, b):
    A = 1 / (1 + np.exp(-(w.T @ X + b)))
    return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))


def logistic_by_hand(X, Y, w, b):
    m = X.shape[1]
    Z = w.T @ X + b
    A = 1 / (1 + np.exp(-Z))
    dZ = A - Y
    dw = X @ dZ.T / m
    db = np.sum(dZ, axis=1, keepdims=True) / m
    return {"dw": dw, "db": db}


d = derivation(logistic, logistic_by_hand, "X: n m, Y: 1 m, w: n 1, b: 1 1", Y=bits)
d.slip("dw-no-m", "X @ dZ.T / m", "X @ dZ.T", "scale", "w")
d.slip("db-no-m", "keepdims=True) / m", "keepdims=True)", "scale", "b")
d.slip(
    "db-sum-over-all-but-keepdims", "np.sum(dZ, axis=1, keepdims=True) / m", "np.sum(dZ, axis=1) / m", "keepdims", "b"
)
d.slip("dZ-sign", "A - Y", "Y - A", "sign", "w b")
d.slip("dZ-uses-Z", "A - Y", "Z - Y", "wrong-operand missing-local wrong-local", "w b")
d.slip("dZ-extra-sigmoid", "dZ = A - Y", "dZ = (A - Y) * A * (1 - A)", "extra-local", "w b")
d.slip("divides-by-n", "m = X.shape[1]", "m = X.shape[0]", "scale", "w b")
d.slip("dw-uses-Y", "X @ dZ.T", "X @ Y.T", "wrong-operand missing-term", "w")
d.slip("dw-uses-A", "X @ dZ.T", "X @ A.T", "wrong-operand missing-term", "w")
d.slip("db-sums-A", "np.sum(dZ, axis=1", "np.sum(A, axis=1", "wrong-operand missing-term", "b")
d.slip("dw-transposed", "X @ dZ.T / m", "dZ @ X.T / m", "transpose", "w")
d.slip("db-sums-examples-twice", "dZ = A - Y", "dZ = 2 * (A - Y)", "scale", "w b")


def logistic_chain(X, Y, w, b):
    Z = w.T @ X + b
    A = 1 / (1 + np.exp(-Z))
    losses = -(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    return np.sum(losses) / X.shape[1]


def logistic_chain_by_hand(X, Y, w, b):
    m = X.shape[1]
    A = 1 / (1 + np.exp(-(w.T @ X + b)))
    dA = -Y / A + (1 - Y) / (1 - A)
    dZ = dA * A * (1 - A)
    dw = np.dot(X, dZ.T) / m
    db = np.sum(dZ).reshape(1, 1) / m
    dX = np.dot(w, dZ) / m
    return {"w": dw, "b": db, "X": dX}


d = derivation(logistic_chain, logistic_chain_by_hand, "X: n m, Y: 1 m, w: n 1, b: 1 1", Y=bits)
d.slip("dA-second-sign", "-Y / A + (1 - Y)", "-Y / A - (1 - Y)", "sign term-scale", "w b X")
d.slip("dA-first-sign", "dA = -Y / A", "dA = Y / A", "sign term-scale", "w b X")
d.slip("dA-only-positives", "-Y / A + (1 - Y) / (1 - A)", "-Y / A", "missing-term constant", "w b X")
d.slip("local-missing", "dZ = dA * A * (1 - A)", "dZ = dA", "missing-local", "w b X")
d.slip("local-half", "dA * A * (1 - A)", "dA * A", "wrong-local missing-local", "w b X")
d.slip("local-is-tanh", "dA * A * (1 - A)", "dA * (1 - A**2)", "wrong-local", "w b X")
d.slip("dX-no-m", "np.dot(w, dZ) / m", "np.dot(w, dZ)", "scale", "X")
d.slip("db-not-reduced", "np.sum(dZ).reshape(1, 1) / m", "dZ / m", "not-reduced", "b")
d.slip("dw-mean-and-m", "np.sum(dZ).reshape(1, 1) / m", "np.mean(dZ).reshape(1, 1) / m", "scale", "b")


def ridge(X, Y, w, lam):
    m = X.shape[1]
    E = w.T @ X - Y
    return np.sum(E**2) / (2 * m) + lam / (2 * m) * np.sum(w**2)


def ridge_by_hand(X, Y, w, lam):
    m = X.shape[1]
    E = w.T @ X - Y
    dw = X @ E.T / m + lam / m * w
    dlam = np.sum(w**2) / (2 * m)
    return {"dw": dw, "dlam": dlam}


d = derivation(ridge, ridge_by_hand, "X: n m, Y: 1 m, w: n 1, lam:", lam=scalar(0.3, 2.0))
d.slip("penalty-forgotten", "X @ E.T / m + lam / m * w", "X @ E.T / m", "missing-term constant", "w")
d.slip("penalty-no-m", "lam / m * w", "lam * w", "term-scale", "w")
d.slip("penalty-twice", "lam / m * w", "2 * lam / m * w", "term-scale", "w")
d.slip("penalty-half", "lam / m * w", "lam / (2 * m) * w", "term-scale", "w")
d.slip("penalty-sign", "/ m + lam", "/ m - lam", "sign term-scale", "w")
d.slip("penalty-without-w", "lam / m * w", "lam / m", "wrong-operand missing-local wrong-local", "w")
d.slip("penalty-squared", "lam / m * w", "lam / m * w**2", "wrong-local wrong-operand extra-local", "w")
d.slip("data-no-m", "X @ E.T / m +", "X @ E.T +", "term-scale", "w")
d.slip("data-two", "X @ E.T / m", "2 * X @ E.T / m", "term-scale", "w")
d.slip("dlam-no-half", "/ (2 * m)\n    return", "/ m\n    return", "scale", "lam")
d.slip("dlam-not-squared", "np.sum(w**2)", "np.sum(w)", "missing-local wrong-local wrong-operand", "lam")
d.slip("dw-elementwise-sum", "X @ E.T / m", "np.sum(X * E, axis=1) / m", "keepdims", "w")


def lasso(X, Y, w, b, lam):
    m = X.shape[1]
    E = w.T @ X + b - Y
    return np.mean(E**2) + lam / m * np.sum(np.abs(w))


def lasso_by_hand(X, Y, w, b, lam):
    m = X.shape[1]
    E = w.T @ X + b - Y
    dw = 2 / m * X @ E.T + lam / m * np.sign(w)
    db = 2 / m * np.sum(E, keepdims=True)
    return dw, db


d = derivation(lasso, lasso_by_hand, "X: n m, Y: 1 m, w: n 1, b: 1 1, lam:", lam=scalar(0.3, 2.0))
d.slip("sign-forgotten", "np.sign(w)", "w", "wrong-local wrong-operand", "w")
d.slip("sign-is-abs", "np.sign(w)", "np.abs(w)", "wrong-local wrong-operand missing-local", "w")
d.slip("lam-missing", "lam / m * np.sign(w)", "np.sign(w) / m", "term-scale", "w")
d.slip(
    "bias-regularised", "np.sum(E, keepdims=True)", "np.sum(E, keepdims=True) + lam / m * np.sign(b)", "extra-term", "b"
)
d.slip("two-missing", "db = 2 / m", "db = 1 / m", "scale", "b")


def weighted(X, Y, w, s):
    E = w.T @ X - Y
    return np.sum(s * E**2) / np.sum(s)


def weighted_by_hand(X, Y, w, s):
    E = w.T @ X - Y
    S = np.sum(s)
    J = np.sum(s * E**2) / S
    dw = 2 * X @ (s * E).T / S
    ds = E**2 / S - J / S
    return {"dw": dw, "ds": ds}


d = derivation(weighted, weighted_by_hand, "X: n m, Y: 1 m, w: n 1, s: 1 m", s=positive)
d.slip("denominator-constant", "E**2 / S - J / S", "E**2 / S", "constant missing-term", "s")
d.slip("denominator-sign", "E**2 / S - J / S", "E**2 / S + J / S", "sign term-scale", "s")
d.slip("weights-forgotten", "(s * E).T", "E.T", "missing-local wrong-operand", "w")
d.slip("quotient-not-squared", "- J / S", "- J", "term-scale", "s")
