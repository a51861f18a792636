"""Recurrent nets: gradients that are carried from step to step."""

import numpy as np

from . import derivation


def rnn(X, W, U, b, r):
    h = np.zeros((W.shape[0], 1))
    for t in range(X.shape[1]):
        h = np.tanh(W @ h + U @ X[:, t : t + 1] + b)
    return np.sum(r * h)


def rnn_by_hand(X, W, U, b, r):
    T = X.shape[1]
    hs = [np.zeros((W.shape[0], 1))]
    for t in range(T):
        hs.append(np.tanh(W @ hs[t] + U @ X[:, t : t + 1] + b))
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
    dh = r
    for t in reversed(range(T)):
        dz = dh * (1 - hs[t + 1] ** 2)
        dW += dz @ hs[t].T
        dU += dz @ X[:, t : t + 1].T
        db += dz
        dh = W.T @ dz
    return {"dW": dW, "dU": dU, "db": db}


d = derivation(rnn, rnn_by_hand, "X: n t, W: h h, U: h n, b: h 1, r: h 1")
d.slip("not-accumulated", "dW += dz", "dW = dz", "accumulate missing-term", "W")
d.slip("db-not-accumulated", "db += dz", "db = dz", "accumulate missing-term", "b")
d.slip("carry-lost", "dh = W.T @ dz", "dh = r", "missing-term constant wrong-operand", "W U b")
d.slip("carry-transposed", "dh = W.T @ dz", "dh = W @ dz", "transpose", "W U b")
d.slip("carry-no-local", "dh = W.T @ dz", "dh = W.T @ dh", "missing-local", "W U b")
d.slip("state-index", "dW += dz @ hs[t].T", "dW += dz @ hs[t + 1].T", "wrong-operand", "W")
d.slip("local-previous", "hs[t + 1] ** 2", "hs[t] ** 2", "wrong-local", "W U b")
d.slip("local-missing", "dz = dh * (1 - hs[t + 1] ** 2)", "dz = dh", "missing-local", "W U b")


def rnn_all(x, w, u, r):
    h = 0.0
    total = 0.0
    for t in range(4):
        h = np.tanh(w * h + u * x[t])
        total = total + r[t] * h
    return total


def rnn_all_by_hand(x, w, u, r):
    h = [0.0]
    for t in range(4):
        h.append(np.tanh(w * h[t] + u * x[t]))
    dw = 0.0
    du = 0.0
    carry = 0.0
    for t in reversed(range(4)):
        dh = r[t] + carry
        dz = dh * (1 - h[t + 1] ** 2)
        dw += dz * h[t]
        du += dz * x[t]
        carry = w * dz
    return {"w": dw, "u": du}


d = derivation(rnn_all, rnn_all_by_hand, "x: 4, w:, u:, r: 4")
d.slip("carry-forgotten", "dh = r[t] + carry", "dh = r[t]", "missing-term constant", "w u")
d.slip("carry-without-w", "carry = w * dz", "carry = dz", "missing-local missing-term wrong-local", "w u")
d.slip("carry-uses-u", "carry = w * dz", "carry = u * dz", "wrong-operand", "w u")
d.slip("upstream-forgotten", "dh = r[t] + carry", "dh = r[t] if t == 3 else carry", "missing-term constant", "w u")
d.slip("accumulate", "dw += dz * h[t]", "dw = dz * h[t]", "accumulate missing-term", "w")


def gated(x, h, Wz, Wh, r):
    z = 1 / (1 + np.exp(-(Wz @ x)))
    c = np.tanh(Wh @ h)
    y = z * c + (1 - z) * h
    return np.sum(r * y)


def gated_by_hand(x, h, Wz, Wh, r):
    z = 1 / (1 + np.exp(-(Wz @ x)))
    c = np.tanh(Wh @ h)
    dy = r
    dz = dy * (c - h)
    dc = dy * z
    dWz = (dz * z * (1 - z)) @ x.T
    dWh = (dc * (1 - c**2)) @ h.T
    dh = dy * (1 - z) + Wh.T @ (dc * (1 - c**2))
    return {"dWz": dWz, "dWh": dWh, "dh": dh}


d = derivation(gated, gated_by_hand, "x: n m, h: k m, Wz: k n, Wh: k k, r: k m")
d.slip("gate-one-branch", "dy * (c - h)", "dy * c", "missing-term constant", "Wz")
d.slip("gate-sign", "dy * (c - h)", "dy * (h - c)", "sign", "Wz")
d.slip("gate-local", "dz * z * (1 - z)", "dz * (1 - z)", "wrong-local missing-local", "Wz")
d.slip("state-direct-forgotten", "dy * (1 - z) + Wh.T", "Wh.T", "missing-term constant", "h")
d.slip("state-through-z", "dy * (1 - z) + Wh.T", "dy * z + Wh.T", "wrong-operand mask-inverted", "h")
d.slip("candidate-gate-missing", "dc = dy * z", "dc = dy", "missing-local missing-term mask-missing", "Wh h")
d.slip("Wh-transposed", "dh = dy * (1 - z) + Wh.T @", "dh = dy * (1 - z) + Wh @", "transpose", "h")
