"""Vectors and matrices."""

import numpy as np

from . import bits, derivation, positive


def quadratic(x, A, b):
    return np.sum(x * (A @ x)) - np.sum(b * x)


def quadratic_by_hand(x, A, b):
    dx = A @ x + A.T @ x - b
    dA = x @ x.T
    db = -x
    return {"dx": dx, "dA": dA, "db": db}


d = derivation(quadratic, quadratic_by_hand, "x: n 1, A: n n, b: n 1")
d.slip("assumes-symmetric", "A @ x + A.T @ x - b", "2 * A @ x - b", "transpose wrong-operand", "x")
d.slip("one-half", "A @ x + A.T @ x - b", "A @ x - b", "missing-term constant", "x")
d.slip("linear-sign", "A.T @ x - b", "A.T @ x + b", "sign term-scale", "x")
d.slip("linear-lost", "A.T @ x - b", "A.T @ x", "missing-term constant", "x")
d.slip("dA-two", "dA = x @ x.T", "dA = 2 * x @ x.T", "scale", "A")
d.slip("db-sign", "db = -x", "db = x", "sign", "b")


def factorised(U, V, M, R):
    E = M * (U @ V.T - R)
    return 0.5 * np.sum(E**2)


def factorised_by_hand(U, V, M, R):
    E = M * (U @ V.T - R)
    dP = M * E
    dU = dP @ V
    dV = dP.T @ U
    return {"dU": dU, "dV": dV}


d = derivation(factorised, factorised_by_hand, "U: n k, V: m k, M: n m, R: n m", M=positive)
d.slip("weight-once", "dP = M * E", "dP = E", "missing-local missing-term wrong-operand", "U V")
d.slip("weight-missing-E", "dP = M * E", "dP = M * (U @ V.T)", "missing-term wrong-operand missing-local", "U V")
d.slip("two", "dP = M * E", "dP = 2 * M * E", "scale", "U V")
d.slip("sign", "dP = M * E", "dP = -M * E", "sign", "U V")
d.slip("dV-transposed", "dV = dP.T @ U", "dV = U.T @ dP", "transpose", "V")


def square_chain(A, B, C):
    P = A @ B
    return np.sum(C * (P @ A))


def square_chain_by_hand(A, B, C):
    P = A @ B
    dP = C @ A.T
    dB = A.T @ dP
    dA = P.T @ C + dP @ B.T
    return {"dA": dA, "dB": dB}


d = derivation(square_chain, square_chain_by_hand, "A: n n, B: n n, C: n n")
d.slip("dB-no-transpose", "dB = A.T @ dP", "dB = A @ dP", "transpose", "B")
d.slip("dP-no-transpose", "dP = C @ A.T", "dP = C @ A", "transpose", "A B")
d.slip("dP-order", "dP = C @ A.T", "dP = A.T @ C", "wrong-operand transpose axis", "A B")
d.slip("second-use", "dA = P.T @ C + dP @ B.T", "dA = dP @ B.T", "missing-term constant accumulate", "A")
d.slip("first-use", "dA = P.T @ C + dP @ B.T", "dA = P.T @ C", "missing-term constant accumulate", "A")
d.slip("BT-lost", "dP @ B.T", "dP @ B", "transpose", "A")
d.slip("P-not-transposed", "P.T @ C", "P @ C", "transpose", "A")
d.slip("dB-transposed", "dB = A.T @ dP", "dB = (A.T @ dP).T", "transpose", "B")


def frobenius(W, X, Y):
    D = W @ X - Y
    return np.sqrt(np.sum(D**2))


def frobenius_by_hand(W, X, Y):
    D = W @ X - Y
    n = np.sqrt(np.sum(D**2))
    dD = D / n
    dW = dD @ X.T
    dY = -dD
    return dW, dY


d = derivation(frobenius, frobenius_by_hand, "W: k n, X: n m, Y: k m")
d.slip("root-forgotten", "dD = D / n", "dD = 2 * D", "missing-local scale", "W Y")
d.slip("two-extra", "dD = D / n", "dD = 2 * D / n", "scale", "W Y")
d.slip("half-extra", "dD = D / n", "dD = D / (2 * n)", "scale", "W Y")
d.slip("dY-sign", "dY = -dD", "dY = dD", "sign", "Y")
d.slip("n-squared", "dD = D / n", "dD = D / n**2", "scale", "W Y")


def masked_mean(X, M, w):
    y = X @ w
    return np.sum(M * y**2) / np.sum(M + 1)


def masked_mean_by_hand(X, M, w):
    y = X @ w
    count = np.sum(M + 1)
    dy = 2 * M * y / count
    dw = X.T @ dy
    return {"dw": dw}


d = derivation(masked_mean, masked_mean_by_hand, "X: m n, M: m, w: n", M=bits)
d.slip("mask-missing", "2 * M * y", "2 * y", "mask-missing missing-local", "w")
d.slip("mask-inverted", "2 * M * y", "2 * (1 - M) * y", "mask-inverted", "w")
d.slip("count-of-all", "count = np.sum(M + 1)", "count = M.shape[0]", "scale", "w")
d.slip("y-missing", "2 * M * y", "2 * M", "wrong-local missing-local wrong-operand", "w")
