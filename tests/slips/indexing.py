"""Indexing, convolution, running sums, maxima: gradients that land in places."""

import numpy as np

from . import derivation


def rows(rng, shape, _dims):
    return rng.integers(0, 3, shape)


def embedding(E, ids, r):
    return np.sum(r * E[ids] ** 2)


def embedding_by_hand(E, ids, r):
    picked = E[ids]
    dpicked = 2 * r * picked
    dE = np.zeros_like(E)
    np.add.at(dE, ids, dpicked)
    return {"dE": dE}


d = derivation(embedding, embedding_by_hand, "E: 3 n, ids: m, r: m n", ids=rows)
d.slip("repeated-rows", "np.add.at(dE, ids, dpicked)", "dE[ids] += dpicked", "accumulate", "E")
d.slip("overwritten", "np.add.at(dE, ids, dpicked)", "dE[ids] = dpicked", "accumulate", "E")
d.slip("two", "2 * r * picked", "r * picked", "scale", "E")
d.slip("value-lost", "2 * r * picked", "2 * r", "wrong-local missing-local wrong-operand", "E")


def convolution(x, k, r):
    n = x.shape[0] - 2
    y = k[0] * x[0:n] + k[1] * x[1 : n + 1] + k[2] * x[2 : n + 2]
    return np.sum(r[:n] * y)


def convolution_by_hand(x, k, r):
    n = x.shape[0] - 2
    dy = r[:n]
    dk = np.array([np.sum(dy * x[i : i + n]) for i in range(3)])
    dx = np.convolve(dy, k)
    return {"dx": dx, "dk": dk}


def longer(rng, shape, _dims):
    return rng.normal(size=shape[0] + 3)


d = derivation(convolution, convolution_by_hand, "x: n, k: 3, r: n", x=longer, r=longer)
d.slip("flip", "np.convolve(dy, k)", "np.convolve(dy, k[::-1])", "flip", "x")
d.slip("dk-flipped", "for i in range(3)])", "for i in range(3)])[::-1]", "flip", "k")
d.slip("dk-mean", "np.sum(dy * x", "np.mean(dy * x", "scale", "k")
d.slip("dx-same", "np.convolve(dy, k)", "np.convolve(x, k, 'same')", "wrong-operand", "x")


def largest(X, r):
    return np.sum(r * np.max(X, axis=0))


def largest_by_hand(X, r):
    top = np.max(X, axis=0)
    mask = top == X
    dX = r * mask
    return {"dX": dX}


d = derivation(largest, largest_by_hand, "X: n m, r: m")
d.slip("mask-missing", "dX = r * mask", "dX = r * np.ones_like(X)", "mask-missing missing-local", "X")
d.slip("smallest", "top == X", "top != X", "mask-inverted", "X")
d.slip("value-kept", "dX = r * mask", "dX = r * X * mask", "extra-local extra-term wrong-local", "X")
d.slip("whole-array", "np.max(X, axis=0)", "np.max(X)", "axis", "X")


def running(x, r):
    return np.sum(r * np.cumsum(x))


def running_by_hand(x, r):
    n = x.shape[0]
    dx = np.cumsum(r[::-1])[::-1][:n]
    return {"dx": dx}


d = derivation(running, running_by_hand, "x: n, r: n")
d.slip("not-reversed", "np.cumsum(r[::-1])[::-1]", "np.cumsum(r)", "flip", "x")
d.slip("half-reversed", "np.cumsum(r[::-1])[::-1]", "np.cumsum(r[::-1])", "flip", "x")


def variation(x, c):
    return np.sum((x[1:] - x[:-1]) ** 2) + c * np.sum(x**2)


def variation_by_hand(x, c):
    d = 2 * (x[1:] - x[:-1])
    dx = 2 * c * x
    dx[1:] += d
    dx[:-1] -= d
    return {"dx": dx}


d = derivation(variation, variation_by_hand, "x: n, c:", x=lambda rng, shape, _dims: rng.normal(size=shape[0] + 2))
d.slip("left-lost", "    dx[:-1] -= d\n", "", "missing-term constant", "x")
d.slip("left-sign", "dx[:-1] -= d", "dx[:-1] += d", "sign term-scale", "x")
d.slip("overwritten", "dx[1:] += d", "dx[1:] = d", "accumulate missing-term", "x")
d.slip("penalty-two", "dx = 2 * c * x", "dx = c * x", "term-scale", "x")


def joined(a, b, W):
    z = np.concatenate([a, b])
    return np.sum((W @ z) ** 2)


def joined_by_hand(a, b, W):
    z = np.concatenate([a, b])
    y = W @ z
    dz = W.T @ (2 * y)
    n = a.shape[0]
    da = dz[:n]
    db = dz[n:]
    dW = np.outer(2 * y, z)
    return {"da": da, "db": db, "dW": dW}


def joined_weights(rng, shape, dims):
    return rng.normal(size=(shape[0], dims["n"] + dims["m"]))


d = derivation(joined, joined_by_hand, "a: n, b: m, W: k n", W=joined_weights)
d.slip("two", "dz = W.T @ (2 * y)", "dz = W.T @ y", "scale", "a b")
d.slip(
    "wrong-split",
    "db = dz[n:]",
    "db = dz[:b.shape[0]] if n >= b.shape[0] else dz[-b.shape[0]:][::-1]",
    "wrong-operand flip axis",
    "b",
)
d.slip("sign", "da = dz[:n]", "da = -dz[:n]", "sign", "a")
