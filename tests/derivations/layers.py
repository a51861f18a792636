"""Linear maps, normalisation, recurrence, convolution, attention, gathering."""

from __future__ import annotations

import numpy as np

from tinygrad_notes.testing import distinct

from . import Chapter


def collapse(W1, W2, x, b1, b2):
    return np.sum((W2 @ (W1 @ x + b1) + b2) ** 2)


linear = Chapter(collapse, shapes={"W1": "h n", "W2": "k h", "x": "n 1", "b1": "h 1", "b2": "k 1"})


@linear.right
def collapse_right(W1, W2, x, b1, b2):
    a = W1 @ x + b1
    d2 = 2 * (W2 @ a + b2)
    d1 = W2.T @ d2
    return {"dW1": d1 @ x.T, "dW2": d2 @ a.T, "dx": W1.T @ d1, "db1": d1, "db2": d2}


@linear.wrong("dW1")
def collapse_outer_swapped(W1, W2, x, b1, b2):
    a = W1 @ x + b1
    d2 = 2 * (W2 @ a + b2)
    d1 = W2.T @ d2
    return {"dW1": x @ d1.T, "dW2": d2 @ a.T, "dx": W1.T @ d1, "db1": d1, "db2": d2}


@linear.wrong("dW1", "dx", "db1", "db2", "dW2")
def collapse_without_two(W1, W2, x, b1, b2):
    a = W1 @ x + b1
    d2 = W2 @ a + b2
    d1 = W2.T @ d2
    return {"dW1": d1 @ x.T, "dW2": d2 @ a.T, "dx": W1.T @ d1, "db1": d1, "db2": d2}


def batch_norm(X, gamma, beta, G):
    mu = np.mean(X, axis=1, keepdims=True)
    var = np.mean((X - mu) ** 2, axis=1, keepdims=True)
    return np.sum(G * (gamma * (X - mu) / np.sqrt(var + 1e-5) + beta))


norm = Chapter(batch_norm, shapes={"X": "n m", "gamma": "n 1", "beta": "n 1", "G": "n m"}, wrt="X gamma beta")


def _normalised(X):
    mu = np.mean(X, axis=1, keepdims=True)
    var = np.mean((X - mu) ** 2, axis=1, keepdims=True)
    return (X - mu) / np.sqrt(var + 1e-5), np.sqrt(var + 1e-5)


@norm.right
def batch_norm_right(X, gamma, beta, G):
    xhat, std = _normalised(X)
    d = G * gamma
    dX = (d - d.mean(1, keepdims=True) - xhat * (d * xhat).mean(1, keepdims=True)) / std
    return {"dX": dX, "dgamma": (G * xhat).sum(1, keepdims=True), "dbeta": G.sum(1, keepdims=True)}


@norm.wrong("dX")
def batch_norm_statistics_constant(X, gamma, beta, G):
    xhat, std = _normalised(X)
    return {"dX": G * gamma / std, "dgamma": (G * xhat).sum(1, keepdims=True), "dbeta": G.sum(1, keepdims=True)}


@norm.wrong("dX")
def batch_norm_variance_path_lost(X, gamma, beta, G):
    xhat, std = _normalised(X)
    d = G * gamma
    dX = (d - d.mean(1, keepdims=True)) / std
    return {"dX": dX, "dgamma": (G * xhat).sum(1, keepdims=True), "dbeta": G.sum(1, keepdims=True)}


@norm.wrong("dX")
def batch_norm_gamma_lost(X, gamma, beta, G):
    xhat, std = _normalised(X)
    dX = (G - G.mean(1, keepdims=True) - xhat * (G * xhat).mean(1, keepdims=True)) / std
    return {"dX": dX, "dgamma": (G * xhat).sum(1, keepdims=True), "dbeta": G.sum(1, keepdims=True)}


@norm.wrong("dgamma")
def batch_norm_gamma_of_x(X, gamma, beta, G):
    grads = batch_norm_right(X, gamma, beta, G)
    grads["dgamma"] = (G * X).sum(1, keepdims=True)
    return grads


def rnn(x, W, U, b, G):
    h = np.zeros_like(b)
    total = 0.0
    for t in range(x.shape[0]):
        h = np.tanh(W @ h + U @ x[t] + b)
        total = total + np.sum(G[t] * h)
    return total


recurrent = Chapter(rnn, shapes={"x": "t n", "W": "h h", "U": "h n", "b": "h", "G": "t h"}, wrt="W U b")


def _rnn(x, W, U, b, G, carry=1.0):
    hs = [np.zeros_like(b)]
    for step in x:
        hs.append(np.tanh(W @ hs[-1] + U @ step + b))
    dW, dU, db, dh = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b), np.zeros_like(b)
    for t in reversed(range(len(x))):
        dz = (G[t] + carry * dh) * (1 - hs[t + 1] ** 2)
        dW += np.outer(dz, hs[t])
        dU += np.outer(dz, x[t])
        db += dz
        dh = W.T @ dz
    return {"dW": dW, "dU": dU, "db": db}


@recurrent.right
def rnn_right(x, W, U, b, G):
    return _rnn(x, W, U, b, G)


@recurrent.wrong("dW", "dU", "db")
def rnn_without_carry(x, W, U, b, G):
    return _rnn(x, W, U, b, G, carry=0.0)


@recurrent.wrong("dU")
def rnn_assigned_not_added(x, W, U, b, G):
    grads = _rnn(x, W, U, b, G)
    h = np.zeros_like(b)
    for step in x:
        h = np.tanh(W @ h + U @ step + b)
    grads["dU"] = np.outer(G[-1] * (1 - h**2), x[-1])
    return grads


def convolution(x, k, g):
    return np.sum(g * np.convolve(x, k, mode="valid"))


conv = Chapter(convolution, shapes={"x": "n", "k": "3", "g": "n-2"}, dims=[5, 6, 7, 8])


@conv.right
def conv_right(x, k, g):
    return {"dx": np.convolve(g, k[::-1], mode="full"), "dk": np.convolve(x[::-1], g, mode="valid")}


@conv.wrong("dx")
def conv_not_flipped(x, k, g):
    return {"dx": np.convolve(g, k, mode="full"), "dk": np.convolve(x[::-1], g, mode="valid")}


def attention(Q, K, V, G):
    S = Q @ K.T / np.sqrt(Q.shape[1])
    E = np.exp(S - np.max(S, axis=1, keepdims=True))
    return np.sum(G * (E / np.sum(E, axis=1, keepdims=True) @ V))


attend = Chapter(attention, shapes={"Q": "q d", "K": "k d", "V": "k v", "G": "q v"})


def _attention(Q, K, V, G, scale=True, row_sum=True):
    d = np.sqrt(Q.shape[1])
    E = np.exp(Q @ K.T / d)
    P = E / E.sum(axis=1, keepdims=True)
    dP = G @ V.T
    dS = P * (dP - (np.sum(dP * P, axis=1, keepdims=True) if row_sum else 0))
    dS = dS / d if scale else dS
    return {"dQ": dS @ K, "dK": dS.T @ Q, "dV": P.T @ G}


@attend.right
def attention_right(Q, K, V, G):
    return _attention(Q, K, V, G)


@attend.wrong("dQ", "dK")
def attention_without_scale(Q, K, V, G):
    return _attention(Q, K, V, G, scale=False)


@attend.wrong("dQ", "dK")
def attention_without_row_sum(Q, K, V, G):
    return _attention(Q, K, V, G, row_sum=False)


def picked(W, i, G):
    return np.sum(G * W[i])


def rows(rng, shape, dims):
    return rng.integers(0, dims["v"], shape)


gather = Chapter(picked, shapes={"W": "v d", "i": "t", "G": "t d"}, given={"i": rows}, dims={"v": 3, "t": [5, 6]})


@gather.right
def gather_right(W, i, G):
    dW = np.zeros_like(W)
    np.add.at(dW, i, G)
    return {"dW": dW, "dG": W[i]}


@gather.wrong("dW")
def gather_assigns(W, i, G):
    dW = np.zeros_like(W)
    dW[i] += G
    return {"dW": dW, "dG": W[i]}


def ordered(x, g):
    return np.sum(g * np.sort(x))


sorting = Chapter(ordered, shapes={"x": "n", "g": "n"}, given={"x": distinct})


@sorting.right
def sort_right(x, g):
    dx = np.empty_like(x)
    dx[np.argsort(x)] = g
    return {"dx": dx}


@sorting.wrong("dx")
def sort_gathers(x, g):
    return {"dx": g[np.argsort(x)]}


@sorting.wrong("dx")
def sort_ignored(x, g):
    return {"dx": g}


def pooled(X, g):
    return np.sum(g * np.max(X, axis=0))


pool = Chapter(pooled, shapes={"X": "n m", "g": "m"})


@pool.right
def pool_right(X, g):
    return {"dX": g * (np.max(X, axis=0) == X)}


@pool.wrong("dX")
def pool_spread(X, g):
    return {"dX": g * np.ones_like(X) / len(X)}


def cosine(a, b):
    return np.sum(a * b) / (np.sqrt(np.sum(a * a)) * np.sqrt(np.sum(b * b)))


angle = Chapter(cosine, shapes={"a": "n", "b": "n"})


@angle.right
def cosine_right(a, b):
    na, nb = np.linalg.norm(a), np.linalg.norm(b)
    c = a @ b / (na * nb)
    return {"da": b / (na * nb) - c * a / na**2, "db": a / (na * nb) - c * b / nb**2}


@angle.wrong("da")
def cosine_norm_constant(a, b):
    na, nb = np.linalg.norm(a), np.linalg.norm(b)
    c = a @ b / (na * nb)
    return {"da": b / (na * nb), "db": a / (na * nb) - c * b / nb**2}


def log_determinant(A):
    return np.linalg.slogdet(A)[1]


matrix = Chapter(log_determinant, shapes={"A": "n n"})


@matrix.right
def determinant_right(A):
    return {"dA": np.linalg.inv(A).T}


@matrix.wrong("dA")
def determinant_without_transpose(A):
    return {"dA": np.linalg.inv(A)}


def quadratic(x, A):
    return x @ A @ x


form = Chapter(quadratic, shapes={"x": "n", "A": "n n"})


@form.right
def quadratic_right(x, A):
    return {"dx": (A + A.T) @ x, "dA": np.outer(x, x)}


@form.wrong("dx")
def quadratic_as_if_symmetric(x, A):
    return {"dx": 2 * A @ x, "dA": np.outer(x, x)}
