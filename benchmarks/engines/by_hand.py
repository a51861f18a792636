"""NumPy with forward and backward written by hand, as one would for the notes: no graph, fresh arrays, no tricks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..workloads import Data, gpt_parts, one_hot
from . import Engine

Run = Callable[[], Any]
GELU = math.sqrt(2 / math.pi)


def sigmoid(z: Any) -> Any:
    """``1/(1 + e⁻ᶻ)``."""
    return 1 / (1 + np.exp(-z))


class Adam:
    """Adam on a list of arrays, one formula a line."""

    def __init__(self, parameters: list[Any], lr: float) -> None:
        self.V, self.S = ([np.zeros_like(p) for p in parameters] for _ in range(2))
        self.lr, self.t = lr, 0

    def step(self, parameters: list[Any], gradients: list[Any]) -> list[Any]:
        """New parameters."""
        self.t += 1
        one, two = 1 - 0.9**self.t, 1 - 0.999**self.t
        self.V = [0.9 * V + 0.1 * dW for V, dW in zip(self.V, gradients, strict=True)]
        self.S = [0.999 * S + 0.001 * (dW * dW) for S, dW in zip(self.S, gradients, strict=True)]
        return [
            W - self.lr / one * V / (np.sqrt(S / two) + 1e-8)
            for W, V, S in zip(parameters, self.V, self.S, strict=True)
        ]


class Descent:
    """Plain gradient descent on a list of arrays."""

    def __init__(self, lr: float) -> None:
        self.lr = lr

    def step(self, parameters: list[Any], gradients: list[Any]) -> list[Any]:
        """New parameters."""
        return [W - self.lr * dW for W, dW in zip(parameters, gradients, strict=True)]


# ── pieces, each with its way back ───────────────────────────────────────────────────────────────────────────────


def cross_entropy(Z: Any, labels: Any) -> tuple[Any, Any]:
    """Mean over rows of ``−ln softmax(Z)[label]``, and its gradient in Z."""
    m = labels.size
    shifted = Z - Z.max(axis=-1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=-1, keepdims=True)
    rows = np.arange(m)
    J = (np.log(total).sum() - shifted[rows, labels].sum()) / m
    dZ = e / total
    dZ[rows, labels] -= 1
    return J, dZ / m


def layer_norm(x: Any, gamma: Any, beta: Any) -> tuple[Any, Any]:
    """``gamma (x − μ)/√(σ² + ε) + beta`` along the last axis, and what the way back needs."""
    centred = x - x.mean(axis=-1, keepdims=True)
    deviation = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + 1e-5)
    y = centred / deviation
    return gamma * y + beta, (y, deviation, gamma)


def layer_norm_back(g: Any, kept: Any) -> tuple[Any, Any, Any]:
    """Gradients in x, gamma, beta."""
    y, deviation, gamma = kept
    over = tuple(range(g.ndim - 1))
    dy = g * gamma
    dx = (dy - dy.mean(axis=-1, keepdims=True) - y * (dy * y).mean(axis=-1, keepdims=True)) / deviation
    return dx, (g * y).sum(axis=over), g.sum(axis=over)


def gelu(x: Any) -> tuple[Any, Any]:
    """``x (1 + t)/2``, ``t = tanh(√(2/π)(x + 0.044715 x³))``, and t."""
    t = np.tanh(GELU * (x + 0.044715 * x * x * x))
    return 0.5 * x * (1 + t), t


def gelu_back(g: Any, x: Any, t: Any) -> Any:
    """The gradient in x."""
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * (GELU * (1 + 3 * 0.044715 * x * x)))


def columns(x: Any) -> Any:
    """The 3 × 3 windows of padded images: (C·9, N·H·W)."""
    N, C, H, W = x.shape
    padded = np.zeros((N, C, H + 2, W + 2), x.dtype)
    padded[:, :, 1:-1, 1:-1] = x
    found = np.empty((C, 3, 3, N, H, W), x.dtype)
    for i in range(3):
        for j in range(3):
            found[:, i, j] = padded[:, :, i : i + H, j : j + W].swapaxes(0, 1)
    return found.reshape(C * 9, -1)


def columns_back(g: Any, shape: tuple[int, ...]) -> Any:
    """The windows' gradients, added back where they came from."""
    N, C, H, W = shape
    g = g.reshape(C, 3, 3, N, H, W)
    padded = np.zeros((N, C, H + 2, W + 2), g.dtype)
    for i in range(3):
        for j in range(3):
            padded[:, :, i : i + H, j : j + W] += g[:, i, j].swapaxes(0, 1)
    return padded[:, :, 1:-1, 1:-1]


def convolution(x: Any, K: Any, b: Any) -> tuple[Any, Any]:
    """A 3 × 3 convolution with padding 1, and its columns."""
    N, _, H, W = x.shape
    found = columns(x)
    Z = K.reshape(len(K), -1) @ found + b[:, None]
    return Z.reshape(len(K), N, H, W).swapaxes(0, 1), found


def quarters(x: Any) -> list[Any]:
    """The four numbers of each 2 × 2, as views."""
    return [x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)]


def pool(x: Any) -> Any:
    """The largest of each 2 × 2."""
    a, b, c, d = quarters(x)
    return np.maximum(np.maximum(a, b), np.maximum(c, d))


def pool_back(g: Any, x: Any, y: Any) -> Any:
    """The gradient to the largest; ties share it."""
    largest = [part == y for part in quarters(x)]
    share = g / sum(part.astype(g.dtype) for part in largest)
    dx = np.empty_like(x)
    for part, where in zip(quarters(dx), largest, strict=True):
        np.multiply(share, where, out=part)
    return dx


def split_heads(x: Any, heads: int) -> Any:
    """(batch, time, width) to (batch, heads, time, width/heads)."""
    B, T, C = x.shape
    return x.reshape(B, T, heads, C // heads).swapaxes(1, 2)


def join_heads(x: Any) -> Any:
    """The way back."""
    B, h, T, d = x.shape
    return x.swapaxes(1, 2).reshape(B, T, h * d)


def linear_back(g: Any, x: Any, W: Any) -> tuple[Any, Any]:
    """Gradients of ``x @ W`` in x and W."""
    return g @ W.T, x.reshape(-1, x.shape[-1]).T @ g.reshape(-1, g.shape[-1])


def attention(x: Any, Wqkv: Any, heads: int, past: Any) -> tuple[Any, Any]:
    """Causal self-attention before its last linear map."""
    Q, K, V = (split_heads(part, heads) for part in np.split(x @ Wqkv, 3, axis=-1))
    scores = np.where(past, Q @ K.swapaxes(-1, -2) * np.float32(1 / math.sqrt(Q.shape[-1])), np.float32(-np.inf))
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    P = e / e.sum(axis=-1, keepdims=True)
    return join_heads(P @ V), (x, Wqkv, Q, K, V, P)


def attention_back(g: Any, kept: Any) -> tuple[Any, Any]:
    """Gradients in x and Wqkv."""
    x, Wqkv, Q, K, V, P = kept
    g = split_heads(g, Q.shape[1])
    dP, dV = g @ V.swapaxes(-1, -2), P.swapaxes(-1, -2) @ g
    dS = P * (dP - (dP * P).sum(axis=-1, keepdims=True)) * np.float32(1 / math.sqrt(Q.shape[-1]))
    dQ, dK = dS @ K, dS.swapaxes(-1, -2) @ Q
    return linear_back(np.concatenate([join_heads(part) for part in (dQ, dK, dV)], axis=-1), x, Wqkv)


class ByHand(Engine):
    """The hand derivations."""

    def logistic(self, d: Data) -> Run:
        """``dZ = A − Y``."""
        X, Y, lr, m = d["X"], d["Y"], d["lr"], d["X"].shape[1]
        w, b = d["parameters"]

        def run() -> Any:
            nonlocal w, b
            A = sigmoid(w.T @ X + b)
            J = -(Y * np.log(A) + (1 - Y) * np.log(1 - A)).sum() / m
            dZ = (A - Y) / m
            w = w - lr * (X @ dZ.T)
            b = b - lr * dZ.sum(axis=1, keepdims=True)
            return J, [w, b]

        return run

    def planar(self, d: Data) -> Run:
        """The notes' lines."""
        X, Y, lr, m = d["X"], d["Y"], d["lr"], d["X"].shape[1]
        W1, b1, W2, b2 = d["parameters"]

        def run() -> Any:
            nonlocal W1, b1, W2, b2
            A1 = np.tanh(W1 @ X + b1)
            A2 = sigmoid(W2 @ A1 + b2)
            J = -(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)).sum() / m
            dZ2 = (A2 - Y) / m
            dW2 = dZ2 @ A1.T
            db2 = dZ2.sum(axis=1, keepdims=True)
            dZ1 = W2.T @ dZ2 * (1 - A1 * A1)
            dW1 = dZ1 @ X.T
            db1 = dZ1.sum(axis=1, keepdims=True)
            W1, b1, W2, b2 = W1 - lr * dW1, b1 - lr * db1, W2 - lr * dW2, b2 - lr * db2
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
        """Any number of layers; relu, softmax cross-entropy; Adam or plain descent."""
        X, labels, parameters = d["X"], d["labels"], list(d["parameters"])
        optimizer = Adam(parameters, d["lr"]) if d.get("adam", True) else Descent(d["lr"])

        def run() -> Any:
            nonlocal parameters
            activations, Ws, bs = [X], parameters[::2], parameters[1::2]
            for W, b in zip(Ws[:-1], bs[:-1], strict=True):
                activations.append(np.maximum(activations[-1] @ W + b, 0))
            J, g = cross_entropy(activations[-1] @ Ws[-1] + bs[-1], labels)
            gradients: list[Any] = []
            for k in reversed(range(len(Ws))):
                gradients = [activations[k].T @ g, g.sum(axis=0), *gradients]
                if k:
                    g = g @ Ws[k].T * (activations[k] > 0)
            parameters = optimizer.step(parameters, gradients)
            return J, parameters

        return run

    def conv(self, d: Data) -> Run:
        """By columns, one matrix product each."""
        X, labels, lr = d["X"], d["labels"], np.float32(d["lr"])
        parameters = list(d["parameters"])

        def run() -> Any:
            nonlocal parameters
            K1, b1, K2, b2, W, b = parameters
            Z1, columns1 = convolution(X, K1, b1)
            A1 = np.maximum(Z1, 0)
            P1 = pool(A1)
            Z2, columns2 = convolution(P1, K2, b2)
            A2 = np.maximum(Z2, 0)
            P2 = pool(A2)
            flat = P2.reshape(len(X), -1)
            J, g = cross_entropy(flat @ W + b, labels)
            dW, db = flat.T @ g, g.sum(axis=0)
            g = pool_back((g @ W.T).reshape(P2.shape), A2, P2) * (A2 > 0)
            rows = g.swapaxes(0, 1).reshape(len(K2), -1)
            dK2, db2 = (rows @ columns2.T).reshape(K2.shape), rows.sum(axis=1)
            g = columns_back(K2.reshape(len(K2), -1).T @ rows, P1.shape)
            g = pool_back(g, A1, P1) * (A1 > 0)
            rows = g.swapaxes(0, 1).reshape(len(K1), -1)
            dK1, db1 = (rows @ columns1.T).reshape(K1.shape), rows.sum(axis=1)
            gradients = [dK1, db1, dK2, db2, dW, db]
            parameters = [p - lr * g for p, g in zip(parameters, gradients, strict=True)]
            return J, parameters

        return run

    def layer_norm(self, d: Data) -> Run:
        """Value and four gradients."""
        G = d["G"]
        x, u, gamma, beta = d["parameters"]

        def run() -> Any:
            a, t = gelu(x)
            e = np.exp(u)
            s = e / (1 + e)
            y, kept = layer_norm(a * s + np.log1p(e), gamma, beta)
            J = (G * y).sum()
            g, dgamma, dbeta = layer_norm_back(G, kept)
            dx = gelu_back(g * s, x, t)
            du = g * a * s * (1 - s) + g * s
            return J, [dx, du, dgamma, dbeta]

        return run

    def gpt(self, d: Data) -> Run:
        """One step of the transformer."""
        tokens, labels, heads = d["tokens"], d["labels"], d["heads"]
        parameters = list(d["parameters"])
        adam = Adam(parameters, d["lr"])
        past = np.tri(tokens.shape[1], dtype=bool)

        def run() -> Any:
            nonlocal parameters
            J, gradients = gpt_gradients(parameters, tokens, labels, heads, past)
            parameters = adam.step(parameters, gradients)
            return J, parameters

        return run

    def hvp(self, d: Data) -> Run:
        """Pearlmutter's R-operator: each line's derivative in the direction beside it."""
        X, labels = d["X"], d["labels"]
        W1, b1, W2, b2 = d["parameters"]
        V1, c1, V2, c2 = d["vectors"]
        m, Y = len(X), one_hot(labels, W2.shape[1], X.dtype)

        def run() -> Any:
            A, RZ1 = np.tanh(X @ W1 + b1), X @ V1 + c1
            slope = 1 - A * A
            RA = slope * RZ1
            Z, RZ = A @ W2 + b2, RA @ W2 + A @ V2 + c2
            e = np.exp(Z - Z.max(axis=1, keepdims=True))
            P = e / e.sum(axis=1, keepdims=True)
            dZ, RdZ = (P - Y) / m, P * (RZ - (P * RZ).sum(axis=1, keepdims=True)) / m
            dA, RdA = dZ @ W2.T, RdZ @ W2.T + dZ @ V2.T
            RdZ1 = RdA * slope - 2 * dA * A * RA
            return 0.0, [X.T @ RdZ1, RdZ1.sum(axis=0), A.T @ RdZ + RA.T @ dZ, RdZ.sum(axis=0)]

        return run


def gpt_gradients(parameters: list[Any], tokens: Any, labels: Any, heads: int, past: Any) -> tuple[Any, list[Any]]:
    """The transformer's cost and all gradients."""
    E, positions, blocks, (gamma, beta, head) = gpt_parts(parameters)
    x, tape = E[tokens] + positions, []
    for g1, o1, Wqkv, Wo, bo, g2, o2, W1, b1, W2, b2 in blocks:
        normed, norm1 = layer_norm(x, g1, o1)
        mixed, attended = attention(normed, Wqkv, heads, past)
        x = x + mixed @ Wo + bo
        again, norm2 = layer_norm(x, g2, o2)
        Z = again @ W1 + b1
        A, t = gelu(Z)
        x = x + A @ W2 + b2
        tape.append((norm1, mixed, attended, norm2, again, Z, A, t))
    final, norm = layer_norm(x, gamma, beta)
    logits = final @ head
    J, g = cross_entropy(logits.reshape(labels.size, -1), labels.ravel())
    g, dhead = linear_back(g.reshape(logits.shape), final, head)
    g, dgamma, dbeta = layer_norm_back(g, norm)
    gradients = [dgamma, dbeta, dhead]
    for block, (norm1, mixed, attended, norm2, again, Z, A, t) in zip(blocks[::-1], tape[::-1], strict=True):
        _, _, _, Wo, _, _, _, W1, _, W2, _ = block
        dA, dW2 = linear_back(g, A, W2)
        dZ = gelu_back(dA, Z, t)
        dagain, dW1 = linear_back(dZ, again, W1)
        inner, dg2, do2 = layer_norm_back(dagain, norm2)
        db1, db2, g = dZ.sum(axis=(0, 1)), g.sum(axis=(0, 1)), g + inner
        dmixed, dWo = linear_back(g, mixed, Wo)
        dnormed, dWqkv = attention_back(dmixed, attended)
        inner, dg1, do1 = layer_norm_back(dnormed, norm1)
        dbo, g = g.sum(axis=(0, 1)), g + inner
        gradients = [dg1, do1, dWqkv, dWo, dbo, dg2, do2, dW1, db1, dW2, db2, *gradients]
    dE = np.zeros_like(E)
    np.add.at(dE, tokens, g)
    return J, [dE, g.sum(axis=0), *gradients]
