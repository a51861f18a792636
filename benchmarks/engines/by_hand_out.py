"""NumPy by hand with every array made once: each operation writes into its place (``out=``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..workloads import Data
from . import Engine
from .by_hand import GELU

Run = Callable[[], Any]


class AdamInPlace:
    """Adam on one flat vector, with two vectors of scratch."""

    def __init__(self, flat: Any, lr: float) -> None:
        self.flat, self.lr, self.t = flat, lr, 0
        self.V, self.S, self.a, self.b = (
            np.zeros_like(flat),
            np.zeros_like(flat),
            np.empty_like(flat),
            np.empty_like(flat),
        )

    def step(self, gradient: Any) -> None:
        """Write the new parameters over the old."""
        self.t += 1
        V, S, a, b = self.V, self.S, self.a, self.b
        V *= 0.9
        V += np.multiply(gradient, 0.1, out=a)
        S *= 0.999
        np.multiply(gradient, gradient, out=a)
        S += np.multiply(a, 0.001, out=a)
        np.sqrt(np.divide(S, 1 - 0.999**self.t, out=a), out=a)
        a += 1e-8
        np.multiply(V, self.lr / (1 - 0.9**self.t), out=b)
        self.flat -= np.divide(b, a, out=b)


def flattened(arrays: list[Any]) -> tuple[Any, list[Any]]:
    """A vector of all numbers, and views of it in the arrays' shapes."""
    flat = np.concatenate([a.ravel() for a in arrays])
    ends = np.cumsum([a.size for a in arrays])
    return flat, [part.reshape(a.shape) for part, a in zip(np.split(flat, ends[:-1]), arrays, strict=True)]


class ByHandOut(Engine):
    """The same derivations as `ByHand`."""

    def planar(self, d: Data) -> Run:
        """The notes' lines."""
        X, Y, lr, m = d["X"], d["Y"], d["lr"], d["X"].shape[1]
        W1, b1, W2, b2 = (p.copy() for p in d["parameters"])
        XT, Y1 = np.ascontiguousarray(X.T), 1 - Y
        A1, dZ1, slope = (np.empty((len(W1), m)) for _ in range(3))
        A2, dZ2, L, M = (np.empty((1, m)) for _ in range(4))
        dW1, dW2, db1, db2 = map(np.empty_like, (W1, W2, b1, b2))
        rate = np.array(lr)
        one, per = np.array(1.0), np.array(1 / m)

        def run() -> Any:
            np.dot(W1, X, out=A1)
            np.add(A1, b1, out=A1)
            np.tanh(A1, out=A1)
            np.dot(W2, A1, out=A2)
            np.add(A2, b2, out=A2)
            np.negative(A2, out=A2)
            np.exp(A2, out=A2)
            np.add(A2, one, out=A2)
            np.divide(one, A2, out=A2)
            np.log(A2, out=L)
            np.multiply(L, Y, out=L)
            np.subtract(one, A2, out=M)
            np.log(M, out=M)
            np.multiply(M, Y1, out=M)
            np.add(L, M, out=L)
            J = -np.add.reduce(L, axis=None) / m
            np.subtract(A2, Y, out=dZ2)
            np.multiply(dZ2, per, out=dZ2)
            np.dot(dZ2, A1.T, out=dW2)
            np.add.reduce(dZ2, axis=1, keepdims=True, out=db2)
            np.multiply(A1, A1, out=slope)
            np.subtract(one, slope, out=slope)
            np.dot(W2.T, dZ2, out=dZ1)
            np.multiply(dZ1, slope, out=dZ1)
            np.dot(dZ1, XT, out=dW1)
            np.add.reduce(dZ1, axis=1, keepdims=True, out=db1)
            for p, g in ((W1, dW1), (b1, db1), (W2, dW2), (b2, db2)):
                np.multiply(g, rate, out=g)
                np.subtract(p, g, out=p)
            return J, [W1, b1, W2, b2]

        return run

    def planar_loop(self, d: Data) -> Run:
        """All steps from the start, each time."""

        def run() -> Any:
            step = self.planar(d)
            for _ in range(d["steps"] - 1):
                step()
            return step()

        return run

    def mlp(self, d: Data) -> Run:
        """Parameters and gradients in one vector each."""
        X, labels, m = d["X"], d["labels"], len(d["X"])
        flat, parameters = flattened(d["parameters"])
        gradient, gradients = flattened(d["parameters"])
        adam, rows = AdamInPlace(flat, d["lr"]), np.arange(m)
        Ws, bs, dWs, dbs = parameters[::2], parameters[1::2], gradients[::2], gradients[1::2]
        activations = [X] + [np.empty((m, b.size), X.dtype) for b in bs]
        backward = [np.empty_like(A) for A in activations]
        masks = [np.empty(A.shape, bool) for A in activations]

        def run() -> Any:
            for k, (W, b) in enumerate(zip(Ws, bs, strict=True)):
                A = activations[k + 1]
                np.dot(activations[k], W, out=A)
                np.add(A, b, out=A)
                if k < len(Ws) - 1:
                    np.maximum(A, 0, out=A)
            A, g = activations[-1], backward[-1]
            A -= A.max(axis=1, keepdims=True)
            picked = A[rows, labels].sum()
            np.exp(A, out=g)
            total = g.sum(axis=1, keepdims=True)
            J = (np.log(total).sum() - picked) / m
            g /= total
            g[rows, labels] -= 1
            g /= m
            for k in reversed(range(len(Ws))):
                np.dot(activations[k].T, g, out=dWs[k])
                np.add.reduce(g, axis=0, out=dbs[k])
                if k:
                    np.greater(activations[k], 0, out=masks[k])
                    g = np.dot(g, Ws[k].T, out=backward[k])
                    np.multiply(g, masks[k], out=g)
            adam.step(gradient)
            return J, parameters

        return run

    def layer_norm(self, d: Data) -> Run:
        """Value and four gradients, in whole arrays."""
        G = d["G"]
        x, u, gamma, beta = d["parameters"]
        a, t, e, s, y, dx, du, w = (np.empty_like(x) for _ in range(8))

        def run() -> Any:
            np.multiply(x, x, out=t)
            np.multiply(t, 0.044715 * GELU, out=t)
            np.add(t, GELU, out=t)
            np.multiply(t, x, out=t)
            np.tanh(t, out=t)
            np.add(t, 1, out=a)
            np.multiply(a, x, out=a)
            np.multiply(a, 0.5, out=a)
            np.exp(u, out=e)
            np.add(e, 1, out=s)
            np.divide(e, s, out=s)
            np.log1p(e, out=y)
            np.multiply(a, s, out=w)
            np.add(y, w, out=y)
            np.subtract(y, y.mean(axis=1, keepdims=True), out=y)
            np.multiply(y, y, out=w)
            deviation = np.sqrt(w.mean(axis=1, keepdims=True) + 1e-5)
            np.divide(y, deviation, out=y)
            dbeta = G.sum(axis=0)
            np.multiply(G, y, out=w)
            dgamma = w.sum(axis=0)
            J = dgamma @ gamma + dbeta @ beta
            np.multiply(G, gamma, out=dx)
            np.multiply(dx, y, out=w)
            np.multiply(y, w.mean(axis=1, keepdims=True), out=w)
            np.subtract(dx, dx.mean(axis=1, keepdims=True), out=dx)
            np.subtract(dx, w, out=dx)
            np.divide(dx, deviation, out=dx)
            np.subtract(1, s, out=w)
            np.multiply(w, a, out=w)
            np.add(w, 1, out=w)
            np.multiply(w, s, out=w)
            np.multiply(w, dx, out=du)
            np.multiply(dx, s, out=dx)
            np.multiply(x, x, out=w)
            np.multiply(w, 3 * 0.044715 * GELU, out=w)
            np.add(w, GELU, out=w)
            np.multiply(w, x, out=w)
            np.multiply(t, t, out=e)
            np.subtract(1, e, out=e)
            np.multiply(w, e, out=w)
            np.add(w, t, out=w)
            np.add(w, 1, out=w)
            np.multiply(w, 0.5, out=w)
            np.multiply(dx, w, out=dx)
            return J, [dx, du, dgamma, dbeta]

        return run
