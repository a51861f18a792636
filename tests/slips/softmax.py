"""Softmax, cross-entropy, attention."""

import numpy as np

from . import derivation, onehot, scalar


def softmax_regression(X, Y, W, b):
    Z = W @ X + b
    E = np.exp(Z)
    A = E / np.sum(E, axis=0, keepdims=True)
    return -np.sum(Y * np.log(A)) / X.shape[1]


def softmax_regression_by_hand(X, Y, W, b):
    m = X.shape[1]
    E = np.exp(W @ X + b)
    A = E / np.sum(E, axis=0, keepdims=True)
    dZ = A - Y
    dW = dZ @ X.T / m
    db = np.sum(dZ, axis=1, keepdims=True) / m
    return {"dW": dW, "db": db}


d = derivation(softmax_regression, softmax_regression_by_hand, "X: n m, Y: k m, W: k n, b: k 1", Y=onehot)
d.slip(
    "softmax-axis",
    "A = E / np.sum(E, axis=0, keepdims=True)",
    "A = E / np.sum(E, axis=1, keepdims=True)",
    "axis",
    "W b",
)
d.slip("dZ-extra", "dZ = A - Y", "dZ = (A - Y) * A * (1 - A)", "extra-local", "W b")
d.slip("dZ-only-true-class", "dZ = A - Y", "dZ = Y * (A - 1)", "missing-term wrong-local constant mask-missing", "W b")
d.slip("dZ-lost-Y", "dZ = A - Y", "dZ = A", "missing-term", "W b")
d.slip("dW-no-m", "dZ @ X.T / m", "dZ @ X.T", "scale", "W")
d.slip("db-axis", "np.sum(dZ, axis=1, keepdims=True)", "np.sum(dZ, axis=0, keepdims=True)", "axis", "b")
d.slip("exp-lost", "A - Y", "E - Y", "wrong-operand missing-term constant", "W b")
d.slip("divides-by-k", "m = X.shape[1]", "m = Y.shape[0]", "scale", "W b")


def softmax_vector(Z, R):
    E = np.exp(Z)
    P = E / np.sum(E, axis=0, keepdims=True)
    return np.sum(R * P)


def softmax_vector_by_hand(Z, R):
    E = np.exp(Z)
    P = E / np.sum(E, axis=0, keepdims=True)
    s = np.sum(R * P, axis=0, keepdims=True)
    dZ = P * (R - s)
    return {"dZ": dZ}


d = derivation(softmax_vector, softmax_vector_by_hand, "Z: k m, R: k m")
d.slip("no-row-sum", "P * (R - s)", "P * R", "missing-term constant", "Z")
d.slip("diagonal-only", "P * (R - s)", "R * P * (1 - P)", "missing-term constant wrong-local", "Z")
d.slip("other-axis", "s = np.sum(R * P, axis=0", "s = np.sum(R * P, axis=1", "axis", "Z")
d.slip("sum-of-R", "s = np.sum(R * P,", "s = np.sum(R,", "wrong-operand", "Z")
d.slip("plus", "R - s", "R + s", "sign term-scale", "Z")
d.slip("outer-lost", "dZ = P * (R - s)", "dZ = R - s", "missing-local", "Z")
d.slip("mean-for-sum", "s = np.sum(R * P,", "s = np.mean(R * P,", "term-scale scale", "Z")


def log_softmax(Z, R):
    L = Z - np.log(np.sum(np.exp(Z), axis=1, keepdims=True))
    return np.sum(R * L)


def log_softmax_by_hand(Z, R):
    P = np.exp(Z) / np.sum(np.exp(Z), axis=1, keepdims=True)
    dZ = R - P * np.sum(R, axis=1, keepdims=True)
    return {"Z": dZ}


d = derivation(log_softmax, log_softmax_by_hand, "Z: m k, R: m k")
d.slip(
    "assumes-one-hot",
    "P * np.sum(R, axis=1, keepdims=True)",
    "P",
    "wrong-operand missing-local term-scale missing-term wrong-local",
    "Z",
)
d.slip("normaliser-constant", "R - P * np.sum(R, axis=1, keepdims=True)", "R", "constant missing-term", "Z")
d.slip(
    "elementwise",
    "R - P * np.sum(R, axis=1, keepdims=True)",
    "R - P * R",
    "missing-term not-reduced wrong-local constant",
    "Z",
)
d.slip("axis", "np.sum(R, axis=1, keepdims=True)", "np.sum(R, axis=0, keepdims=True)", "axis", "Z")


def attention(Q, K, V, R):
    d = Q.shape[1]
    S = Q @ K.T / np.sqrt(d)
    E = np.exp(S)
    A = E / np.sum(E, axis=1, keepdims=True)
    H = A @ V
    return np.sum(R * H)


def attention_by_hand(Q, K, V, R):
    d = Q.shape[1]
    S = Q @ K.T / np.sqrt(d)
    E = np.exp(S)
    A = E / np.sum(E, axis=1, keepdims=True)
    dH = R
    dV = A.T @ dH
    dA = dH @ V.T
    dS = A * (dA - np.sum(dA * A, axis=1, keepdims=True))
    dQ = dS @ K / np.sqrt(d)
    dK = dS.T @ Q / np.sqrt(d)
    return {"dQ": dQ, "dK": dK, "dV": dV}


d = derivation(attention, attention_by_hand, "Q: t d, K: s d, V: s v, R: t v")
d.slip("dQ-no-sqrt", "dS @ K / np.sqrt(d)", "dS @ K", "scale", "Q")
d.slip("dK-d", "dS.T @ Q / np.sqrt(d)", "dS.T @ Q / d", "scale", "K")
d.slip("no-row-sum", "A * (dA - np.sum(dA * A, axis=1, keepdims=True))", "A * dA", "missing-term constant", "Q K")
d.slip("softmax-axis", "np.sum(dA * A, axis=1", "np.sum(dA * A, axis=0", "axis", "Q K")
d.slip("dV-uses-S", "dV = A.T @ dH", "dV = S.T @ dH", "wrong-operand", "V")
d.slip(
    "diagonal",
    "A * (dA - np.sum(dA * A, axis=1, keepdims=True))",
    "dA * A * (1 - A)",
    "missing-term constant wrong-local",
    "Q K",
)
d.slip("dS-is-dA", "dS = A * (dA - np.sum(dA * A, axis=1, keepdims=True))", "dS = dA", "missing-local", "Q K")
d.slip("dK-transposed", "dK = dS.T @ Q / np.sqrt(d)", "dK = (dS.T @ Q / np.sqrt(d)).T", "transpose", "K")


def logsumexp(x, t):
    return np.log(np.sum(np.exp(x / t))) * t


def logsumexp_by_hand(x, t):
    e = np.exp(x / t)
    p = e / np.sum(e)
    dx = p
    dt = np.log(np.sum(e)) - np.sum(p * x) / t
    return {"dx": dx, "dt": dt}


d = derivation(logsumexp, logsumexp_by_hand, "x: n, t:", t=scalar(0.5, 2))
d.slip("dx-over-t", "dx = p", "dx = p / t", "scale", "x")
d.slip("dt-inner-missing", "np.log(np.sum(e)) - np.sum(p * x) / t", "np.log(np.sum(e))", "missing-term constant", "t")
d.slip("dt-sign", "np.log(np.sum(e)) - np", "np.log(np.sum(e)) + np", "sign term-scale", "t")
d.slip("dx-unnormalised", "dx = p", "dx = e", "scale missing-local wrong-operand", "x")
d.slip("dt-outer-missing", "np.log(np.sum(e)) - np.sum(p * x) / t", "-np.sum(p * x) / t", "missing-term constant", "t")
