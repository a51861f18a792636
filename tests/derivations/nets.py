"""Two and three layers, in the notes' layout: an example is a column, dZ carries no 1/m."""

from __future__ import annotations

import numpy as np

from tinygrad_notes.testing import bits, onehot

from . import Chapter


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def two_layers(X, Y, W1, b1, W2, b2):
    A1 = np.tanh(W1 @ X + b1)
    A2 = sigmoid(W2 @ A1 + b2)
    return -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))


SHAPES = {"X": "n m", "Y": "1 m", "W1": "h n", "b1": "h 1", "W2": "1 h", "b2": "1 1"}
net2 = Chapter(two_layers, shapes=SHAPES, given={"Y": bits})


def forward(X, W1, b1, W2, b2):
    A1 = np.tanh(W1 @ X + b1)
    return A1, sigmoid(W2 @ A1 + b2)


@net2.right
def planar(X, Y, W1, b1, W2, b2):
    m = X.shape[1]
    A1, A2 = forward(X, W1, b1, W2, b2)
    dZ2 = A2 - Y
    dW2 = dZ2 @ A1.T / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = W2.T @ dZ2 * (1 - A1**2)
    dW1 = dZ1 @ X.T / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


@net2.right
def planar_with_all_grads(X, Y, W1, b1, W2, b2):
    m = X.shape[1]
    Z1 = W1 @ X + b1
    A1, A2 = forward(X, W1, b1, W2, b2)
    dZ2 = (A2 - Y) / m
    dA1 = W2.T @ dZ2
    dZ1 = dA1 * (1 - np.tanh(Z1) ** 2)
    return {
        "dZ2": dZ2, "dA1": dA1, "dZ1": dZ1, "dW2": dZ2 @ A1.T, "db2": dZ2.sum(axis=1, keepdims=True),
        "dW1": dZ1 @ X.T, "db1": dZ1.sum(axis=1, keepdims=True), "dX": W1.T @ dZ1,
    }  # fmt: skip


listed = Chapter(two_layers, shapes=SHAPES, given={"Y": bits}, wrt="W1 b1 W2 b2")


@listed.right
def planar_with_einsum(X, Y, W1, b1, W2, b2):
    m = X.shape[1]
    A1, A2 = forward(X, W1, b1, W2, b2)
    dZ2 = (A2 - Y) / m
    dZ1 = np.einsum("oh,om->hm", W2, dZ2) * (1 - A1 * A1)
    return [np.einsum("hm,nm->hn", dZ1, X), dZ1.sum(1)[:, None], np.einsum("om,hm->oh", dZ2, A1), dZ2.sum(1)[:, None]]


def _planar(X, Y, W1, b1, W2, b2, local=None, dZ2=None, back=None, scale1=1.0):
    """The right backward pass with one step replaced."""
    m = X.shape[1]
    A1, A2 = forward(X, W1, b1, W2, b2)
    dZ2 = A2 - Y if dZ2 is None else dZ2
    dA1 = W2.T @ dZ2 if back is None else back
    dZ1 = dA1 * (1 - A1**2 if local is None else local)
    return {
        "dW1": dZ1 @ X.T / m * scale1, "db1": np.sum(dZ1, axis=1, keepdims=True) / m,
        "dW2": dZ2 @ A1.T / m, "db2": np.sum(dZ2, axis=1, keepdims=True) / m,
    }  # fmt: skip


@net2.wrong("dW1", "db1")
def local_of_tanh_at_z(X, Y, W1, b1, W2, b2):
    Z1 = W1 @ X + b1
    return _planar(X, Y, W1, b1, W2, b2, local=1 - Z1**2)


@net2.wrong("dW1", "db1")
def local_of_sigmoid(X, Y, W1, b1, W2, b2):
    A1, _ = forward(X, W1, b1, W2, b2)
    return _planar(X, Y, W1, b1, W2, b2, local=A1 * (1 - A1))


@net2.wrong("dW1", "db1")
def local_missing(X, Y, W1, b1, W2, b2):
    return _planar(X, Y, W1, b1, W2, b2, local=1.0)


@net2.wrong("dW1", "db1")
def local_is_z(X, Y, W1, b1, W2, b2):
    return _planar(X, Y, W1, b1, W2, b2, local=W1 @ X + b1)


@net2.wrong("dW1", "db1")
def local_without_square(X, Y, W1, b1, W2, b2):
    A1, _ = forward(X, W1, b1, W2, b2)
    return _planar(X, Y, W1, b1, W2, b2, local=1 - A1)


@net2.wrong("dW1", "db1")
def local_twice(X, Y, W1, b1, W2, b2):
    A1, _ = forward(X, W1, b1, W2, b2)
    return _planar(X, Y, W1, b1, W2, b2, local=(1 - A1**2) ** 2)


@net2.wrong("dW1")
def dw1_without_mean(X, Y, W1, b1, W2, b2):
    return _planar(X, Y, W1, b1, W2, b2, scale1=X.shape[1])


@net2.wrong("dW1", "db1", "dW2", "db2")
def output_sign(X, Y, W1, b1, W2, b2):
    _, A2 = forward(X, W1, b1, W2, b2)
    return _planar(X, Y, W1, b1, W2, b2, dZ2=Y - A2)


@net2.wrong("dW1", "db1", "dW2", "db2")
def output_local_kept(X, Y, W1, b1, W2, b2):
    _, A2 = forward(X, W1, b1, W2, b2)
    return _planar(X, Y, W1, b1, W2, b2, dZ2=(A2 - Y) * A2 * (1 - A2))


@net2.wrong("dW2")
def slide_dw_of_its_own_activation(X, Y, W1, b1, W2, b2):
    grads = _planar(X, Y, W1, b1, W2, b2)
    _, A2 = forward(X, W1, b1, W2, b2)
    grads["dW2"] = (A2 - Y) @ A2.T / X.shape[1] * np.ones_like(W2)
    return grads


@net2.wrong("dW2", "db1")
def notes_planted_bugs(X, Y, W1, b1, W2, b2):
    grads = _planar(X, Y, W1, b1, W2, b2)
    grads["dW2"] *= 2
    grads["db1"] *= 4
    return grads


@net2.wrong("db1")
def db1_over_units(X, Y, W1, b1, W2, b2):
    grads = _planar(X, Y, W1, b1, W2, b2)
    grads["db1"] = np.full_like(b1, np.mean(grads["db1"]))
    return grads


@net2.wrong("dW1", "db1")
def only_one_unit_backwards(X, Y, W1, b1, W2, b2):
    _, A2 = forward(X, W1, b1, W2, b2)
    back = np.zeros((len(b1), X.shape[1]))
    back[0] = W2[0, 0] * (A2 - Y)[0]
    return _planar(X, Y, W1, b1, W2, b2, back=back)


@net2.wrong("db1")
def db1_forgotten(X, Y, W1, b1, W2, b2):
    grads = _planar(X, Y, W1, b1, W2, b2)
    grads["db1"] = np.zeros_like(b1)
    return grads


@net2.wrong("dW1")
def five_percent(X, Y, W1, b1, W2, b2):
    return _planar(X, Y, W1, b1, W2, b2, scale1=1.05)


@net2.wrong("dW1")
def one_entry_off_by_a_thousandth(X, Y, W1, b1, W2, b2):
    grads = _planar(X, Y, W1, b1, W2, b2)
    grads["dW1"][0, 0] *= 1.001
    return grads


def relu_net(parameters, X, Y):
    Z1 = parameters["W1"] @ X + parameters["b1"]
    Z2 = parameters["W2"] @ np.maximum(Z1, 0) + parameters["b2"]
    Z3 = parameters["W3"] @ np.maximum(Z2, 0) + parameters["b3"]
    A3 = sigmoid(Z3)
    return -np.sum(Y * np.log(A3) + (1 - Y) * np.log(1 - A3)) / X.shape[1]


net3 = Chapter(
    relu_net,
    shapes={
        "parameters": {"W1": "h n", "b1": "h 1", "W2": "k h", "b2": "k 1", "W3": "1 k", "b3": "1 1"},
        "X": "n m", "Y": "1 m",
    },
    given={"Y": bits},
)  # fmt: skip


def _relu_net(parameters, X, Y, mask1=None, mask2=None):
    p, m = parameters, X.shape[1]
    Z1 = p["W1"] @ X + p["b1"]
    A1 = np.maximum(Z1, 0)
    Z2 = p["W2"] @ A1 + p["b2"]
    A2 = np.maximum(Z2, 0)
    dZ3 = sigmoid(p["W3"] @ A2 + p["b3"]) - Y
    dZ2 = p["W3"].T @ dZ3 * (Z2 > 0 if mask2 is None else mask2(Z2))
    dZ1 = p["W2"].T @ dZ2 * (Z1 > 0 if mask1 is None else mask1(Z1))
    grads = {}
    for layer, dZ, A in ((3, dZ3, A2), (2, dZ2, A1), (1, dZ1, X)):
        grads[f"dW{layer}"] = dZ @ A.T / m
        grads[f"db{layer}"] = np.sum(dZ, axis=1, keepdims=True) / m
    return grads


@net3.right
def relu_right(parameters, X, Y):
    return _relu_net(parameters, X, Y)


@net3.right
def relu_like_the_parameters(parameters, X, Y):
    return {name[1:]: grad for name, grad in _relu_net(parameters, X, Y).items()}


@net3.wrong("dW1", "db1")
def relu_mask_inverted(parameters, X, Y):
    return _relu_net(parameters, X, Y, mask1=lambda z: z < 0)


@net3.wrong("dW1", "db1", "dW2", "db2")
def relu_mask_missing(parameters, X, Y):
    return _relu_net(parameters, X, Y, mask2=lambda z: np.ones_like(z))


@net3.wrong("dW1", "db1")
def relu_value_for_slope(parameters, X, Y):
    return _relu_net(parameters, X, Y, mask1=lambda z: np.maximum(z, 0))


def softmax_net(X, Y, W, b):
    Z = W @ X + b
    E = np.exp(Z - np.max(Z, axis=0, keepdims=True))
    return -np.sum(Y * np.log(E / np.sum(E, axis=0, keepdims=True))) / X.shape[1]


softmax = Chapter(
    softmax_net, shapes={"X": "n m", "Y": "k m", "W": "k n", "b": "k 1"}, given={"Y": onehot}, wrt="W b"
)  # fmt: skip


def _probabilities(X, W, b, axis=0):
    E = np.exp(W @ X + b)
    return E / np.sum(E, axis=axis, keepdims=True)


@softmax.right
def softmax_right(X, Y, W, b):
    dZ = (_probabilities(X, W, b) - Y) / X.shape[1]
    return dZ @ X.T, dZ.sum(axis=1, keepdims=True)


@softmax.wrong("dW", "db")
def softmax_other_axis(X, Y, W, b):
    dZ = (_probabilities(X, W, b, axis=1) - Y) / X.shape[1]
    return dZ @ X.T, dZ.sum(axis=1, keepdims=True)


@softmax.wrong("dW", "db")
def softmax_positive_class_only(X, Y, W, b):
    dZ = (_probabilities(X, W, b) - 1) * Y / X.shape[1]
    return dZ @ X.T, dZ.sum(axis=1, keepdims=True)


@softmax.wrong("dW", "db")
def softmax_diagonal_only(X, Y, W, b):
    A = _probabilities(X, W, b)
    dZ = -Y / A * A * (1 - A) / X.shape[1]
    return dZ @ X.T, dZ.sum(axis=1, keepdims=True)


@softmax.wrong("db")
def softmax_db_over_classes(X, Y, W, b):
    dZ = (_probabilities(X, W, b) - Y) / X.shape[1]
    return dZ @ X.T, np.sum(dZ) * np.ones_like(b)
