"""Networks in the notes' layout: an example is a column."""

import numpy as np

from . import bits, derivation, scalar


def two_layers(X, Y, W1, b1, W2, b2):
    Z1 = W1 @ X + b1
    A1 = np.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = 1 / (1 + np.exp(-Z2))
    return -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / X.shape[1]


def two_layers_by_hand(X, Y, W1, b1, W2, b2):
    m = X.shape[1]
    Z1 = W1 @ X + b1
    A1 = np.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = 1 / (1 + np.exp(-Z2))
    dZ2 = A2 - Y
    dW2 = dZ2 @ A1.T / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = W2.T @ dZ2 * (1 - A1**2)
    dW1 = dZ1 @ X.T / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


d = derivation(two_layers, two_layers_by_hand, "X: n m, Y: 1 m, W1: h n, b1: h 1, W2: 1 h, b2: 1 1", Y=bits)
d.slip("planted-dW2", "dZ2 @ A1.T / m", "dZ2 @ A1.T * 2 / m", "scale", "W2")
d.slip(
    "planted-db1",
    "np.sum(dZ1, axis=1, keepdims=True) / m",
    "4.0 / m * np.sum(dZ1, axis=1, keepdims=True)",
    "scale",
    "b1",
)
d.slip("tanh-at-z", "(1 - A1**2)", "(1 - Z1**2)", "wrong-local", "W1 b1")
d.slip("tanh-missing", "dZ1 = W2.T @ dZ2 * (1 - A1**2)", "dZ1 = W2.T @ dZ2", "missing-local", "W1 b1")
d.slip("tanh-not-squared", "(1 - A1**2)", "(1 - A1)", "wrong-local", "W1 b1")
d.slip("tanh-is-sigmoid", "(1 - A1**2)", "(A1 * (1 - A1))", "wrong-local", "W1 b1")
d.slip("tanh-plus", "(1 - A1**2)", "(1 + A1**2)", "wrong-local", "W1 b1")
d.slip("times-Z1", "(1 - A1**2)", "Z1", "wrong-local wrong-operand", "W1 b1")
d.slip("dW2-uses-Z1", "dZ2 @ A1.T", "dZ2 @ Z1.T", "wrong-operand", "W2")
d.slip("db1-uses-dZ2", "np.sum(dZ1, axis=1", "np.sum(dZ2, axis=1", "wrong-operand", "b1")
d.slip("dW1-no-m", "dZ1 @ X.T / m", "dZ1 @ X.T", "scale", "W1")
d.slip("db1-mean-axis0", "np.sum(dZ1, axis=1, keepdims=True)", "np.sum(dZ1, axis=0, keepdims=True)", "axis", "b1")
d.slip("dZ2-extra-local", "dZ2 = A2 - Y", "dZ2 = (A2 - Y) * A2 * (1 - A2)", "extra-local", "W1 b1 W2 b2")
d.slip("db2-keepdims", "np.sum(dZ2, axis=1, keepdims=True)", "np.sum(dZ2, axis=1)", "keepdims", "b2")
d.slip("no-activation-and-sign", "dZ1 = W2.T @ dZ2", "dZ1 = -W2.T @ dZ2", "sign", "W1 b1")
d.slip("m-in-dZ2-and-again", "dZ2 = A2 - Y", "dZ2 = (A2 - Y) / m", "scale", "W1 b1 W2 b2")


def three_layers(X, Y, W1, b1, W2, b2, W3, b3):
    A1 = np.maximum(W1 @ X + b1, 0)
    A2 = np.maximum(W2 @ A1 + b2, 0)
    A3 = W3 @ A2 + b3
    return 0.5 * np.mean(np.sum((A3 - Y) ** 2, axis=0))


def three_layers_by_hand(X, Y, W1, b1, W2, b2, W3, b3):
    m = X.shape[1]
    A0 = X
    Z1 = W1 @ A0 + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2 @ A1 + b2
    A2 = np.maximum(Z2, 0)
    A3 = W3 @ A2 + b3
    grads = {}
    dZ3 = (A3 - Y) / m
    grads["dW3"] = dZ3 @ A2.T
    grads["db3"] = dZ3.sum(axis=1, keepdims=True)
    dA2 = W3.T @ dZ3
    dZ2 = dA2 * (Z2 > 0)
    grads["dW2"] = dZ2 @ A1.T
    grads["db2"] = dZ2.sum(axis=1, keepdims=True)
    dA1 = W2.T @ dZ2
    dZ1 = dA1 * (Z1 > 0)
    grads["dW1"] = dZ1 @ A0.T
    grads["db1"] = dZ1.sum(axis=1, keepdims=True)
    return grads


d = derivation(
    three_layers, three_layers_by_hand, "X: n m, Y: c m, W1: h n, b1: h 1, W2: k h, b2: k 1, W3: c k, b3: c 1"
)
d.slip("relu-inverted", "(Z1 > 0)", "(Z1 < 0)", "mask-inverted", "W1 b1")
d.slip("relu-missing", "dZ2 = dA2 * (Z2 > 0)", "dZ2 = dA2", "missing-local mask-missing", "W2 b2 W1 b1")
d.slip("relu-missing-first", "dZ1 = dA1 * (Z1 > 0)", "dZ1 = dA1", "missing-local mask-missing", "W1 b1")
d.slip("relu-times-A", "dA1 * (Z1 > 0)", "dA1 * A1", "wrong-local", "W1 b1")
d.slip(
    "dW2-A0",
    "np.maximum(Z2, 0)\n    A3",
    "np.maximum(Z2, 0)\n    A1 = A1 * (Z1 > 0.5)\n    A3",
    "wrong-operand missing-term",
    "W2",
)
d.slip("db-mean", "dZ2.sum(axis=1, keepdims=True)", "dZ2.mean(axis=1, keepdims=True)", "scale", "b2")
d.slip("two-forgotten", "(A3 - Y) / m", "2 * (A3 - Y) / m", "scale", "W1 b1 W2 b2 W3 b3")
d.slip(
    "dA-through-relu-twice",
    "dA2 = W3.T @ dZ3",
    "dA2 = W3.T @ dZ3 * A2",
    "extra-local extra-term wrong-operand wrong-local",
    "W1 b1 W2 b2",
)
d.slip("leaky", "(Z1 > 0)", "np.where(Z1 > 0, 1, 0.01)", "wrong-local", "W1 b1")


def decayed(X, Y, W1, W2, lam):
    m = X.shape[1]
    A1 = 1 / (1 + np.exp(-(W1 @ X)))
    E = W2 @ A1 - Y
    return np.sum(E**2) / (2 * m) + lam / (2 * m) * (np.sum(W1**2) + np.sum(W2**2))


def decayed_by_hand(X, Y, W1, W2, lam):
    m = X.shape[1]
    A1 = 1 / (1 + np.exp(-(W1 @ X)))
    dZ2 = W2 @ A1 - Y
    dW2 = dZ2 @ A1.T / m + lam / m * W2
    dA1 = W2.T @ dZ2
    dZ1 = dA1 * A1 * (1 - A1)
    dW1 = dZ1 @ X.T / m + lam / m * W1
    return {"dW1": dW1, "dW2": dW2}


d = derivation(decayed, decayed_by_hand, "X: n m, Y: c m, W1: h n, W2: c h, lam:", lam=scalar(0.3, 2))
d.slip("penalty-W1-missing", "dZ1 @ X.T / m + lam / m * W1", "dZ1 @ X.T / m", "missing-term constant", "W1")
d.slip(
    "penalty-both-no-m", "dW2 = dZ2 @ A1.T / m + lam / m * W2", "dW2 = dZ2 @ A1.T / m + lam * W2", "term-scale", "W2"
)
d.slip("penalty-lost-lam", "lam / m * W1", "W1 / m", "term-scale", "W1")
d.slip("penalty-sign", "/ m + lam / m * W1", "/ m - lam / m * W1", "sign term-scale", "W1")
d.slip("sigmoid-squared", "dA1 * A1 * (1 - A1)", "dA1 * A1 * (1 - A1) * A1 * (1 - A1)", "extra-local", "W1")
d.slip("sigmoid-tanh", "dA1 * A1 * (1 - A1)", "dA1 * (1 - A1**2)", "wrong-local", "W1")
d.slip("dA1-data-only-A", "dA1 = W2.T @ dZ2", "dA1 = W2.T @ (W2 @ A1)", "missing-term wrong-operand", "W1")


def dropped(X, W, R, D, keep):
    A = np.tanh(W @ X)
    A = A * D / keep
    return np.sum(R * A**2)


def dropped_by_hand(X, W, R, D, keep):
    A = np.tanh(W @ X)
    A_drop = A * D / keep
    dA = 2 * R * A_drop
    dA = dA * D
    dA = dA / keep
    dZ = dA * (1 - A**2)
    dW = dZ @ X.T
    dX = W.T @ dZ
    return {"dW": dW, "dX": dX}


d = derivation(dropped, dropped_by_hand, "X: n m, W: h n, R: h m, D: h m, keep:", D=bits, keep=scalar(0.5, 0.9))
d.slip("no-scaling", "dA = dA / keep", "dA = dA * 1", "scale", "W X")
d.slip("mask-inverted", "dA = dA * D", "dA = 2 * R * A / keep * (1 - D)", "mask-inverted", "W X")
d.slip("scaled-twice", "dA = dA / keep", "dA = dA / keep / keep", "scale", "W X")
d.slip("scaled-wrong-way", "dA = dA / keep", "dA = dA * keep", "scale", "W X")
d.slip("dropped-activation-in-local", "(1 - A**2)", "(1 - A_drop**2)", "wrong-local", "W X")
d.slip("undropped-upstream", "dA = 2 * R * A_drop", "dA = 2 * R * A", "wrong-operand wrong-local scale", "W X")


def linear_dropout(X, W, R, D, keep):
    A = np.tanh(W @ X) * D / keep
    return np.sum(R * A)


def linear_dropout_by_hand(X, W, R, D, keep):
    A = np.tanh(W @ X)
    dA = R * D / keep
    dZ = dA * (1 - A**2)
    dW = dZ @ X.T
    return {"dW": dW}


d = derivation(
    linear_dropout, linear_dropout_by_hand, "X: n m, W: h n, R: h m, D: h m, keep:", D=bits, keep=scalar(0.5, 0.9)
)
d.slip("mask-missing", "R * D / keep", "R / keep", "mask-missing missing-local", "W")
d.slip("mask-inverted", "R * D / keep", "R * (1 - D) / keep", "mask-inverted", "W")
d.slip("scaling-missing", "R * D / keep", "R * D", "scale", "W")
d.slip("mask-squared-scaling", "R * D / keep", "R * D / (1 - keep)", "scale", "W")


def residual(x, W1, W2, r):
    h = np.tanh(W1 @ x)
    y = x + W2 @ h
    return np.sum(r * y**2)


def residual_by_hand(x, W1, W2, r):
    h = np.tanh(W1 @ x)
    y = x + W2 @ h
    dy = 2 * r * y
    dW2 = dy @ h.T
    dh = W2.T @ dy
    dz = dh * (1 - h**2)
    dW1 = dz @ x.T
    dx = dy + W1.T @ dz
    return {"x": dx, "W1": dW1, "W2": dW2}


d = derivation(residual, residual_by_hand, "x: n m, W1: h n, W2: n h, r: n m")
d.slip("skip-forgotten", "dx = dy + W1.T @ dz", "dx = W1.T @ dz", "missing-term constant", "x")
d.slip("branch-forgotten", "dx = dy + W1.T @ dz", "dx = dy", "missing-term constant", "x")
d.slip("branch-no-local", "W1.T @ dz", "W1.T @ dh", "missing-local wrong-operand", "x")
d.slip("skip-sign", "dx = dy + W1", "dx = -dy + W1", "sign term-scale", "x")
d.slip("two-missing", "dy = 2 * r * y", "dy = r * y", "scale", "x W1 W2")
d.slip("exchanged", '"W1": dW1, "W2": dW2', '"W1": dW2.T, "W2": dW1.T', "wrong-operand transpose", "W1 W2")
