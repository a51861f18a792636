"""Losses of the notes, and of the courses around them."""

from __future__ import annotations

import numpy as np

from tinygrad_notes.testing import bits, onehot, positive

from . import Chapter


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def squared(yhat, y):
    return 0.5 * np.sum((yhat - y) ** 2)


mse = Chapter(squared, shapes={"yhat": "m", "y": "m"}, wrt="yhat")


@mse.right
def squared_right(yhat, y):
    return yhat - y


@mse.wrong("dyhat")
def squared_twice(yhat, y):
    return 2 * (yhat - y)


@mse.wrong("dyhat")
def squared_sign(yhat, y):
    return y - yhat


@mse.wrong("dyhat")
def squared_mean(yhat, y):
    return (yhat - y) / len(y)


def cross_entropy(z, y):
    a = sigmoid(z)
    return np.mean(-y * np.log(a) - (1 - y) * np.log(1 - a))


bce = Chapter(cross_entropy, shapes={"z": "1 m", "y": "1 m"}, given={"y": bits})


@bce.right
def bce_right(z, y):
    return {"z": (sigmoid(z) - y) / z.size}


@bce.wrong("dz")
def bce_without_chain(z, y):
    a = sigmoid(z)
    return {"z": (-y / a + (1 - y) / (1 - a)) / z.size}


@bce.wrong("dz")
def bce_one_plus_y(z, y):
    a = sigmoid(z)
    return {"z": (-y * (1 - a) + (1 + y) * a) / z.size}


def probability_loss(a, y):
    return -np.sum(y * np.log(a) + (1 - y) * np.log(1 - a))


dLda = Chapter(probability_loss, shapes={"a": "m", "y": "m"}, given={"a": (0.1, 0.9), "y": bits})


@dLda.right
def dlda_right(a, y):
    return {"da": -y / a + (1 - y) / (1 - a)}


@dLda.wrong("da")
def dlda_sign_of_second(a, y):
    return {"da": -y / a - (1 - y) / (1 - a)}


@dLda.wrong("da")
def dlda_is_dadz(a, y):
    return {"da": a * (1 - a)}


def categorical(z, y):
    e = np.exp(z - np.max(z))
    return -np.sum(y * np.log(e / np.sum(e)))


cce = Chapter(categorical, shapes={"z": "k", "y": "k"}, given={"y": onehot})


@cce.right
def cce_right(z, y):
    e = np.exp(z)
    return {"dz": e / e.sum() - y}


@cce.wrong("dz")
def cce_minus_lost(z, y):
    e = np.exp(z)
    yhat = e / e.sum()
    return {"dz": np.where(y == 1, yhat - 1, -yhat)}


@cce.wrong("dz")
def cce_negatives_dead(z, y):
    e = np.exp(z)
    return {"dz": (e / e.sum() - 1) * y}


def huber(r, delta):
    small = np.abs(r) <= delta
    return np.sum(np.where(small, 0.5 * r**2, delta * (np.abs(r) - 0.5 * delta)))


huber_loss = Chapter(huber, shapes={"r": "m"}, given={"delta": (0.5, 1.5)}, wrt="r")


@huber_loss.right
def huber_right(r, delta):
    return np.clip(r, -delta, delta)


@huber_loss.wrong("dr")
def huber_without_delta(r, delta):
    return np.where(np.abs(r) <= delta, r, np.sign(r))


def hinge(W, X, y):
    scores = W @ X
    right = scores[y, np.arange(X.shape[1])]
    margins = np.maximum(0, scores - right + 1)
    return (np.sum(margins) - X.shape[1]) / X.shape[1]


def labels(rng, shape, dims):
    return rng.integers(0, dims["k"], shape)


svm = Chapter(hinge, shapes={"W": "k n", "X": "n m", "y": "m"}, given={"y": labels})


def _margins(W, X, y):
    scores = W @ X
    m = X.shape[1]
    live = (scores - scores[y, np.arange(m)] + 1 > 0).astype(float)
    live[y, np.arange(m)] = 0
    return live, m


@svm.right
def svm_right(W, X, y):
    live, m = _margins(W, X, y)
    live[y, np.arange(m)] = -live.sum(axis=0)
    return {"dW": live @ X.T / m}


@svm.wrong("dW")
def svm_minus_one(W, X, y):
    live, m = _margins(W, X, y)
    live[y, np.arange(m)] = -1
    return {"dW": live @ X.T / m}


def divergence(p, q):
    return np.sum(p * np.log(p / q))


kl = Chapter(divergence, shapes={"p": "k", "q": "k"}, given={"p": positive, "q": positive})


@kl.right
def kl_right(p, q):
    return {"dp": np.log(p / q) + 1, "dq": -p / q}


@kl.wrong("dp")
def kl_plus_one_lost(p, q):
    return {"dp": np.log(p / q), "dq": -p / q}


@kl.wrong("dq")
def kl_sign(p, q):
    return {"dp": np.log(p / q) + 1, "dq": p / q}
