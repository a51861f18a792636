"""Regularisation and dropout."""

from __future__ import annotations

import numpy as np

from tinygrad_notes.testing import bits

from . import Chapter


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def ridge(X, Y, w, lam):
    m = X.shape[1]
    A = sigmoid(w.T @ X)
    loss = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m
    return loss + lam / (2 * m) * np.sum(w**2)


l2 = Chapter(ridge, shapes={"X": "n m", "Y": "1 m", "w": "n 1"}, given={"Y": bits, "lam": (0.1, 2)})


def _data_part(X, Y, w):
    return X @ (sigmoid(w.T @ X) - Y).T / X.shape[1]


@l2.right
def l2_right(X, Y, w, lam):
    return {"dw": _data_part(X, Y, w) + lam / X.shape[1] * w}


@l2.right
def l2_and_lambda(X, Y, w, lam):
    m = X.shape[1]
    return {"dw": _data_part(X, Y, w) + lam / m * w, "dlam": np.sum(w * w) / (2 * m)}


@l2.wrong("dw")
def l2_forgotten(X, Y, w, lam):
    return {"dw": _data_part(X, Y, w)}


@l2.wrong("dw")
def l2_without_m(X, Y, w, lam):
    return {"dw": _data_part(X, Y, w) + lam * w}


@l2.wrong("dw")
def l2_half(X, Y, w, lam):
    return {"dw": _data_part(X, Y, w) + lam / (2 * X.shape[1]) * w}


@l2.wrong("dw")
def l2_sign(X, Y, w, lam):
    return {"dw": _data_part(X, Y, w) - lam / X.shape[1] * w}


@l2.wrong("dw")
def l2_without_lambda(X, Y, w, lam):
    return {"dw": _data_part(X, Y, w) + w / X.shape[1]}


def lasso(w, lam, m):
    return lam / (2 * m) * np.sum(np.abs(w))


l1 = Chapter(lasso, shapes={"w": "n 1"}, given={"lam": (0.1, 2), "m": 5})


@l1.right
def l1_right(w, lam, m):
    return {"dw": lam / (2 * m) * np.sign(w)}


@l1.wrong("dw")
def l1_as_l2(w, lam, m):
    return {"dw": lam / m * w}


@l1.wrong("dw")
def l1_without_sign(w, lam, m):
    return {"dw": lam / (2 * m) * np.ones_like(w)}


def frobenius(W1, W2, lam):
    return lam * (np.sum(np.square(W1)) + np.sum(np.square(W2)))


frob = Chapter(frobenius, shapes={"W1": "h n", "W2": "k h", "lam": ""})


@frob.right
def frob_right(W1, W2, lam):
    return {"dW1": 2 * lam * W1, "dW2": 2 * lam * W2}


@frob.wrong("dW1", "dW2")
def frob_without_two(W1, W2, lam):
    return {"dW1": lam * W1, "dW2": lam * W2}


@frob.wrong("dW1")
def frob_last_layer_only(W1, W2, lam):
    return {"dW1": np.zeros_like(W1), "dW2": 2 * lam * W2}


def dropout(A, W, D, keep):
    return np.sum(np.tanh(W @ (A * D / keep)))


drop = Chapter(
    dropout, shapes={"A": "n m", "W": "h n", "D": "n m"}, given={"D": bits, "keep": (0.5, 0.9)}, wrt="A W"
)  # fmt: skip


def _upstream(A, W, D, keep):
    return 1 - np.tanh(W @ (A * D / keep)) ** 2


@drop.right
def dropout_right(A, W, D, keep):
    dZ = _upstream(A, W, D, keep)
    dA = W.T @ dZ
    dA = dA * D
    dA /= keep
    return {"dA": dA, "dW": dZ @ (A * D / keep).T}


@drop.wrong("dA")
def dropout_without_keep(A, W, D, keep):
    dZ = _upstream(A, W, D, keep)
    return {"dA": W.T @ dZ * D, "dW": dZ @ (A * D / keep).T}


@drop.wrong("dA")
def dropout_without_mask(A, W, D, keep):
    dZ = _upstream(A, W, D, keep)
    return {"dA": W.T @ dZ / keep, "dW": dZ @ (A * D / keep).T}


@drop.wrong("dA")
def dropout_mask_inverted(A, W, D, keep):
    dZ = _upstream(A, W, D, keep)
    return {"dA": W.T @ dZ * (1 - D) / keep, "dW": dZ @ (A * D / keep).T}


@drop.wrong("dW")
def dropout_dw_of_plain_a(A, W, D, keep):
    dZ = _upstream(A, W, D, keep)
    return {"dA": W.T @ dZ * D / keep, "dW": dZ @ A.T}
