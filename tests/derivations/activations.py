"""Activations and their slopes, each under a random upstream gradient."""

from __future__ import annotations

import numpy as np

from . import Chapter


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def of_sigmoid(z, g):
    return np.sum(g * sigmoid(z))


def of_tanh(z, g):
    return np.sum(g * (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z)))


def of_relu(z, g):
    return np.sum(g * np.maximum(0, z))


def of_leaky(z, g):
    return np.sum(g * np.maximum(0.01 * z, z))


def of_silu(z, g):
    return np.sum(g * z * sigmoid(z))


def of_softplus(z, g):
    return np.sum(g * np.log1p(np.exp(z)))


SHAPES = {"z": "n m", "g": "n m"}
sigmoids, tanhs, relus, leakies, silus, softpluses = (
    Chapter(f, shapes=SHAPES) for f in (of_sigmoid, of_tanh, of_relu, of_leaky, of_silu, of_softplus)
)


@sigmoids.right
def sigmoid_right(z, g):
    a = sigmoid(z)
    return {"dz": g * a * (1 - a), "dg": a}


@sigmoids.right
def sigmoid_by_exponentials(z, g):
    return {"dz": g * np.exp(-z) / (1 + np.exp(-z)) ** 2}


@sigmoids.wrong("dz")
def sigmoid_at_z(z, g):
    return {"dz": g * z * (1 - z)}


@sigmoids.wrong("dz")
def sigmoid_without_upstream(z, g):
    a = sigmoid(z)
    return {"dz": a * (1 - a)}


@sigmoids.wrong("dz")
def sigmoid_one_plus(z, g):
    a = sigmoid(z)
    return {"dz": g * a * (1 + a)}


@tanhs.right
def tanh_right(z, g):
    return {"dz": g * (1 - np.tanh(z) ** 2)}


@tanhs.right
def tanh_by_sigmoid(z, g):
    a = 2 * sigmoid(2 * z) - 1
    return {"dz": g * (1 + a) * (1 - a)}


@tanhs.wrong("dz")
def tanh_as_its_own_slope(z, g):
    return {"dz": g * np.tanh(z)}


@tanhs.wrong("dz")
def tanh_plus(z, g):
    return {"dz": g * (1 + np.tanh(z) ** 2)}


@relus.right
def relu_right(z, g):
    return {"dz": g * (z > 0)}


@relus.right
def relu_assigned(z, g):
    dz = np.array(g)
    dz[z <= 0] = 0
    return {"dz": dz}


@relus.wrong("dz")
def relu_of_upstream(z, g):
    return {"dz": np.maximum(0, g)}


@leakies.right
def leaky_right(z, g):
    return {"dz": np.where(z > 0, g, 0.01 * g)}


@leakies.wrong("dz")
def leaky_as_relu(z, g):
    return {"dz": g * (z > 0)}


@leakies.wrong("dz")
def leaky_slope_everywhere(z, g):
    return {"dz": 0.01 * g}


@silus.right
def silu_right(z, g):
    s = sigmoid(z)
    return {"dz": g * (s + z * s * (1 - s))}


@silus.wrong("dz")
def silu_product_rule_half(z, g):
    return {"dz": g * sigmoid(z)}


@softpluses.right
def softplus_right(z, g):
    return {"dz": g * sigmoid(z)}


@softpluses.wrong("dz")
def softplus_sign(z, g):
    return {"dz": g * sigmoid(-z)}
