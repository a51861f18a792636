"""Back-propagation: two layers, the recursion for δ proved for any number of layers, L layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..testing.distributions import bits
from .back_propagation_claims import (
    all_four_cases,
    b_drops_out,
    back_through_layers,
    each_layer,
    jacobian_of_z,
    m_times,
    names_hold,
)
from .claims import Every, Gradient, Identity, Procedure
from .entry import right, text, wrong

G: dict[str, Callable[..., Any]] = {
    "g1": np.tanh,
    "g1_prime": lambda z: 1 - np.tanh(z) ** 2,
    "g2_prime": lambda z: 1 - np.tanh(z) ** 2,
    "g3_prime": lambda z: 1 / (1 + np.exp(-z)) * (1 - 1 / (1 + np.exp(-z))),
    "g_prime": lambda z: 1 - np.tanh(z) ** 2,
}
"""The activations of these networks: tanh in the hidden layers, σ at the end."""

LOSS = "J = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))"
COST = "J = -1 / m * np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))"
FROM_Z2 = f"A2 = sigmoid(Z2)\n{LOSS}"
FROM_Z1 = f"given = X, W1\nA1 = g1(Z1)\nZ2 = W2 @ A1 + b2\nA2 = sigmoid(Z2)\ndZ2 = A2 - Y\n{LOSS}"
TWO_LAYERS = f"m = Y.shape[1]\nZ1 = W1 @ X + b1\nA1 = g1(Z1)\nZ2 = W2 @ A1 + b2\nA2 = sigmoid(Z2)\n{COST}"
PARAMETERS = {"W1": "n1 n0", "b1": "n1 1", "W2": "n2 n1", "b2": "n2 1"}
TWO = {"X": "n0 m", "Y": "n2 m", **PARAMETERS}
ZS = {"Z1": "n1 m", "X": "n0 m", "Y": "n2 m", "W1": "n1 n0", "W2": "n2 n1", "b2": "n2 1"}
Y_BITS = {"Y": bits}

ONE_EXAMPLE = """
z1 = W1 @ x + b1
a1 = g1(z1)
z2 = W2 @ a1 + b2
a2 = sigmoid(z2)
L = -np.sum(y * np.log(a2) + (1 - y) * np.log(1 - a2))"""
ONE = {"x": "n0 1", "y": "n2 1", **PARAMETERS}
FROM_SMALL_Z1 = """
a1 = g1(z1)
z2 = W2 @ a1 + b2
a2 = sigmoid(z2)
dz2 = a2 - y
L = -np.sum(y * np.log(a2) + (1 - y) * np.log(1 - a2))"""
SMALL_ZS = {"z1": "n1 1", "y": "n2 1", "W2": "n2 n1", "b2": "n2 1"}

THREE_LAYERS = """
m = Y.shape[1]
A0 = X
Z1 = W1 @ A0 + b1
A1 = g1(Z1)
Z2 = W2 @ A1 + b2
A2 = g1(Z2)
Z3 = W3 @ A2 + b3
A3 = sigmoid(Z3)
J = -1 / m * np.sum(Y * np.log(A3) + (1 - Y) * np.log(1 - A3))"""
THREE = {"X": "n0 m", "Y": "n3 m", **PARAMETERS, "W3": "n3 n2", "b3": "n3 1"}
DZ3, DZ2 = "dZ3 = A3 - Y", "dZ2 = W3.T @ dZ3 * g2_prime(Z2)"
DZ1 = "dZ1 = W2.T @ dZ2 * g1_prime(Z1)"

LAYER = "m = A_prev.shape[1]\nZ = W @ A_prev + b\nA = g1(Z)\nJ = np.sum(dA * A)"
LAYER_MEAN = "n, m = A_prev.shape\nZ = W @ A_prev + b\nA = g1(Z)\nJ = np.sum(dA * A) / m"
ONE_LAYER = {"A_prev": "p m", "W": "n p", "b": "n 1", "dA": "n m"}


def two_layer_gradient(cost: str = TWO_LAYERS, **more: Any) -> Gradient:
    """A claim about the gradient of the two-layer cost."""
    return Gradient(cost, TWO, Y_BITS, using=G, **more)


def z1_gradient() -> Gradient:
    """A claim about dZ1 = m dJ/dZ1."""
    return Gradient(FROM_Z1, ZS, Y_BITS, using=G)


ENTRIES = [
    # ── two layers ───────────────────────────────────────────────────────────────────────────────────────────────
    right(
        "bp.1ex",
        "two layers, one example: all six lines",
        "001:246-264; 004:1109-1158",
        r"dz^{[2]} = a^{[2]} - y,\ dW^{[2]} = dz^{[2]} a^{[1]T},\ db^{[2]} = dz^{[2]},\ "
        r"dz^{[1]} = W^{[2]T} dz^{[2]} * g^{[1]\prime}(z^{[1]}),\ dW^{[1]} = dz^{[1]} x^T,\ db^{[1]} = dz^{[1]}",
        "dz2 = a2 - y\ndW2 = dz2 @ a1.T\ndb2 = dz2\ndz1 = W2.T @ dz2 * g1_prime(z1)\ndW1 = dz1 @ x.T\ndb1 = dz1",
        Gradient(ONE_EXAMPLE, ONE, {"y": bits}, using=G),
        shapes="dz1 (n1,1), dW2 (n2,n1)",
    ),
    right(
        "bp.chain",
        "dz1 by the chain rule, factor by factor",
        "001:253-260; 004:1091-1103",
        r"dz^{[1]} = \frac{dL}{da^{[2]}}\frac{da^{[2]}}{dz^{[2]}}\frac{dz^{[2]}}{da^{[1]}}\frac{da^{[1]}}{dz^{[1]}}",
        "da2 = -y / a2 + (1 - y) / (1 - a2)\ndz2 = da2 * a2 * (1 - a2)\nda1 = W2.T @ dz2\ndz1 = da1 * g1_prime(z1)",
        Gradient(FROM_SMALL_Z1, SMALL_ZS, {"y": bits}, using=G),
        shapes="as z",
    ),
    wrong(
        "bp.1ex-nog",
        "dz[1] without the slope of the activation",
        "004:1154",
        r"dz^{[1]} = W^{[2]T} dz^{[2]}",
        "dz1 = W2.T @ dz2",
        Gradient(FROM_SMALL_Z1, SMALL_ZS, {"y": bits}, using=G),
        right="dz1 = W2.T @ dz2 * g1_prime(z1)",
        slip="slip",
        why="the factor g[1]'(z[1]) is lost; it is there at 004:1169",
        shapes="(n1,1)",
    ),
    wrong(
        "bp.1ex-shapes",
        "dz[1] with a second factor z[1]",
        "004:1125-1127",
        r"dz^{[1]} = w^{[2]T} dz^{[2]} * g'(z^{[1]})\,(z^{[1]})",
        "dz1 = W2.T @ dz2 * g1_prime(z1) * z1",
        Gradient(FROM_SMALL_Z1, SMALL_ZS, {"y": bits}, using=G),
        right="dz1 = W2.T @ dz2 * g1_prime(z1)",
        slip="OCR",
        why="the last factor is a doubled reading; g1'(z1) is (n1,1), not (n2,1)",
        shapes="(n1,1)",
    ),
    right(
        "bp.row-column",
        "dW2 is a row where logistic regression's dw was a column",
        "004:1115-1123",
        r"dw = x\,dz,\qquad dW^{[2]} = dz^{[2]} a^{[1]T}",
        "dz = a - y\ndw = x @ dz\ndz2 = a2 - y\ndW2 = dz2 @ a1.T",
        Gradient(
            "a = sigmoid(w.T @ x)\na2 = sigmoid(W2 @ a1)\n"
            "J = -np.sum(y * np.log(a * a2) + (1 - y) * np.log((1 - a) * (1 - a2)))",
            {"x": "n0 1", "w": "n0 1", "a1": "n1 1", "W2": "1 n1", "y": "1 1"},
            {"y": bits},
        ),
        shapes="(1,n1) / (n_x,1)",
    ),
    right(
        "bp.dZ2",
        "dZ2 = A2 − Y",
        "000:123; 002:476; 004:1053,1160",
        r"dZ^{[2]} = A^{[2]} - Y",
        "dZ2 = A2 - Y",
        Gradient(FROM_Z2, {"Z2": "n2 m", "Y": "n2 m"}, Y_BITS),
        shapes="(1,m)",
        convention="dZ = m dJ/dZ: it carries no 1/m",
    ),
    right(
        "bp.dW2",
        "dW2 = (1/m) dZ2 A1ᵀ",
        "000:124; 002:476; 004:1057,1162",
        r"dW^{[2]} = \frac{1}{m} dZ^{[2]} A^{[1]T}",
        "dZ2 = A2 - Y\ndW2 = 1 / m * dZ2 @ A1.T",
        two_layer_gradient(),
        shapes="(n2,n1)",
    ),
    right(
        "bp.db2",
        "db2 = (1/m) np.sum(dZ2, axis=1, keepdims=True)",
        "000:125-126; 002:476; 004:1059,1164",
        r"db^{[2]} = \frac{1}{m} \sum_{i=1}^m dz^{[2](i)}",
        "dZ2 = A2 - Y\ndb2 = 1 / m * np.sum(dZ2, axis=1, keepdims=True)",
        two_layer_gradient(),
        shapes="(n2,1)",
    ),
    right(
        "bp.dZ1",
        "dZ1 = W2ᵀ dZ2 ∗ g1'(Z1)",
        "000:127-128; 004:1169",
        r"dZ^{[1]} = W^{[2]T} dZ^{[2]} * g^{[1]\prime}(Z^{[1]})",
        "dZ1 = W2.T @ dZ2 * g1_prime(Z1)",
        z1_gradient(),
        shapes="(n1,m)",
    ),
    right(
        "bp.dW1",
        "dW1 = (1/m) dZ1 Xᵀ",
        "000:129; 002:476; 004:1063,1171",
        r"dW^{[1]} = \frac{1}{m} dZ^{[1]} X^T",
        "dZ1 = W2.T @ (A2 - Y) * g1_prime(Z1)\ndW1 = 1 / m * dZ1 @ X.T",
        two_layer_gradient(),
        shapes="(n1,n0)",
    ),
    right(
        "bp.db1",
        "db1 = (1/m) np.sum(dZ1, axis=1, keepdims=True)",
        "000:130; 002:476; 004:1066,1173",
        r"db^{[1]} = \frac{1}{m} \sum_{i=1}^m dz^{[1](i)}",
        "dZ1 = W2.T @ (A2 - Y) * g1_prime(Z1)\ndb1 = 1 / m * np.sum(dZ1, axis=1, keepdims=True)",
        two_layer_gradient(),
        shapes="(n1,1)",
    ),
    right(
        "bp.m-convention",
        "dZ carries no 1/m, dW and db do",
        "000:123-131; 002:476,571; 003:137,184; 004:1053-1066,1571-1577,2869-2877",
        r"dZ = m\frac{\partial J}{\partial Z},\quad dW = \frac{\partial J}{\partial W} = \frac{1}{m} dZ A^T",
        "dZ2 = A2 - Y\ndW2 = 1 / m * dZ2 @ A1.T",
        Procedure(m_times),
        convention="dZ = m dJ/dZ, dW = dJ/dW; with one and the same L (004:2873-2877) the 1/m would be wrong",
    ),
    right(
        "bp.keepdims",
        "without keepdims np.sum gives rank 1, with it a column",
        "000:126; 001:239; 004:1068-1077",
        r"\text{np.sum}(dZ, \text{axis}=1, \text{keepdims=True}) \in \mathbb{R}^{n \times 1}",
        "db = np.sum(dZ, axis=1, keepdims=True)\nrank1 = np.sum(dZ, axis=1)",
        Identity(lambda dZ: {"db": dZ @ np.ones((dZ.shape[1], 1)), "rank1": dZ @ np.ones(dZ.shape[1])}, {"dZ": "n m"}),
        shapes="(n,1)",
    ),
    wrong(
        "bp.dZ1-002",
        "dZ1 with a factor Z1",
        "002:476",
        r"dZ^{[1]} = W^{[2]T} dZ^{[2]} * g^{[1]\prime} * (Z^{[1]})",
        "dZ1 = W2.T @ dZ2 * g1_prime(Z1) * (Z1)",
        z1_gradient(),
        right="dZ1 = W2.T @ dZ2 * g1_prime(Z1)",
        slip="slip",
        why="multiplies by Z1: the underbrace split g1'(Z1) in two",
        shapes="(n1,m)",
    ),
    wrong(
        "bp.dZ1-004",
        "dZ1 with W1 in place of W2ᵀ",
        "004:1061",
        r"dz^{[1]} = w^{[1]} dz^{[2]} * g^{[1]\prime}(z^{[1]})",
        "dZ1 = W1 @ dZ2 * g1_prime(Z1)",
        z1_gradient(),
        right="dZ1 = W2.T @ dZ2 * g1_prime(Z1)",
        slip="OCR",
        why="W[2]ᵀ is read as W[1]",
        shapes="(n1,m)",
    ),
    wrong(
        "bp.001-lhs",
        "the names dz2, dW2, … read as fractions",
        "001:230-244",
        r"\frac{d z^{[2]}}{d z^{[1]}} = A^{[2]} - y",
        "dz2_dz1 = a2 - y",
        Procedure(names_hold),
        right="dz2 = a2 - y",
        slip="OCR",
        why="dz[2]/dz[1] is a (1, n1) Jacobian; the right sides are those of dz2, dW2, db2, dz1, dW1, db1",
        shapes="(n2,m)",
    ),
    wrong(
        "bp.001-W1T",
        "dZ1 with W1ᵀ in place of W2ᵀ",
        "001:237",
        r"dz^{[1]} = w^{[1]T} dz^{[2]} * g^{[1]\prime}(z^{[1]})",
        "dZ1 = W1.T @ dZ2 * g1_prime(Z1)",
        z1_gradient(),
        right="dZ1 = W2.T @ dZ2 * g1_prime(Z1)",
        slip="OCR or slip",
        why="the weights of the layer above carry the error back: W[2]ᵀ",
        shapes="(n1,m)",
    ),
    wrong(
        "bp.picture",
        "dW1 drawn as Z2 Xᵀ",
        "000:131",
        r"dW^{[1]} = [z^{[2]}_1 \dots z^{[2]}_m]\,[x_i^T]",
        "dW1 = Z2 @ X.T",
        two_layer_gradient(),
        right="dZ1 = W2.T @ (A2 - Y) * g1_prime(Z1)\ndW1 = 1 / m * dZ1 @ X.T",
        slip="slip",
        why="d, the 1/m and the layer are lost; the columns are dz[1](i)",
        shapes="(n1,n0)",
    ),
    right(
        "bp.picture-dims",
        "dZ1: column = example, row = unit; Xᵀ: column = attribute, row = example",
        "000:132",
        r"dW^{[1]} = \frac{1}{m} \sum_i dz^{[1](i)} x^{(i)T}",
        "dW1 = 1 / m * sum(dZ1[:, [i]] @ X.T[[i], :] for i in range(m))",
        Identity(
            "dW1 = np.mean(dZ1[:, None, :] * X[None, :, :], axis=2)",
            {"dZ1": "n1 m", "X": "n0 m", "m": ""},
            {"m": lambda _rng, _shape, dims: dims["m"]},
        ),
        shapes="(n1,m)(m,n0)",
    ),
    text(
        "bp.schematic",
        "da1 = dσ(z1) ⇐ dz2 = d(W2 α1 + b2) ⇐ da2 = dσ(z2) ⇐ dL",
        "002:297-303",
        "Arrows of differentials, not equations between gradients; α is the activation a.",
        convention="arrows of differentials, not gradient equations; alpha = a",
    ),
    text(
        "bp.Y-brackets",
        "Y = [y[1] y[2] … y[m]]",
        "002:476",
        "Square brackets for examples here; elsewhere [l] is a layer and (i) an example.",
        shapes="(1,m)",
        convention="[i] for example (i); [ ] are layers elsewhere",
    ),
    text(
        "bp.methodology",
        "define the structure; initialise at random; loop {forward, loss, backward, update}",
        "004:1023-1041,1270-1278; 001:206-216",
        "The procedure that every training loop follows: `procedures.two_layer_model` is it.",
    ),
    # ── the recursion for δ ──────────────────────────────────────────────────────────────────────────────────────
    right(
        "delta.grad",
        "∇ᵢⱼ[l] = dC/dwᵢⱼ[l] = δᵢ[l] aⱼ[l−1]",
        "000:115,118-119",
        r"\nabla_{ij}^{[l]} = \frac{\partial C}{\partial w_{ij}^{[l]}} = \delta_i^{[l]} a_j^{[l-1]}",
        "nabla = np.array([[delta[i] * a[j] for j in range(p)] for i in range(n)])",
        Procedure(each_layer, G),
        shapes="scalar entries",
    ),
    wrong(
        "delta.two-index",
        "δ with two indices",
        "000:116",
        r"\delta_{ij}^{[l]} = \frac{\partial C}{\partial z_{ij}^{[l]}}",
        "delta = np.array([[dC_dz[i, j] for j in range(p)] for i in range(n)])",
        Procedure(each_layer, G),
        right="delta = np.array([dC_dz[i] for i in range(n)])",
        slip="slip",
        why="z has one index per example, as 000:118 uses it",
    ),
    wrong(
        "delta.w-order",
        "wᵢⱼ goes from node i of layer l−1 to node j of layer l",
        "000:117",
        r"z_j^{[l]} = \sum_i w_{ij}^{[l]} a_i^{[l-1]}",
        "z = np.array([sum(w[i, j] * a[i] for i in range(len(a))) for j in range(len(w))])",
        Identity("z = w @ a", {"w": "n p", "a": "p"}),
        right="z = np.array([sum(w[i, j] * a[j] for j in range(len(a))) for i in range(len(w))])",
        slip="slip",
        why="the proof uses z_k = Σ w_km a_m: from node j of layer l−1 to node i of layer l",
        shapes="W (n[l],n[l-1])",
    ),
    right(
        "delta.dzdw",
        "dz_k/dwᵢⱼ = aⱼ if k = i, else 0",
        "000:119",
        r"\frac{\partial z_k}{\partial w_{ij}} = \sum_m \frac{\partial w_{km}}{\partial w_{ij}} a_m"
        r" = \begin{cases} a_j & k = i \\ 0 & \text{else} \end{cases}",
        "dz_dw = np.array([[[a[j] if k == i else 0 for j in range(len(a))] for i in range(len(w))]"
        " for k in range(len(w))])",
        Identity(jacobian_of_z, {"w": "n p", "a": "p"}),
        shapes="scalar",
    ),
    wrong(
        "delta.and-or",
        "the two cases leave out the mixed ones",
        "000:119",
        r"k \neq i \text{ and } m \neq j: 0;\quad k = i \text{ and } m = j: a_j",
        "def term(i, j, k, m):\n    if k != i and m != j:\n        return 0\n"
        "    if k == i and m == j:\n        return a[j]",
        Procedure(all_four_cases),
        right="def term(i, j, k, m):\n    if k != i or m != j:\n        return 0\n    if k == i and m == j:\n"
        "        return a[j]",
        slip="slip",
        why="0 if k ≠ i or m ≠ j",
        shapes="scalar",
    ),
    right(
        "delta.no-b",
        "z_k = Σ w_km a_m, without b",
        "000:119-120",
        r"z_k = \sum_m w_{km} a_m",
        "z = w @ a",
        Procedure(b_drops_out),
        shapes="scalar",
        convention="b is dropped: its derivatives with respect to w and z are 0",
    ),
    right(
        "delta.rec",
        "the recursion: δᵢ[l] = g'(zᵢ[l]) Σₖ δₖ[l+1] wₖᵢ[l+1]",
        "000:120",
        r"\delta_i^{[l]} = g'(z_i^{[l]}) \sum_k \delta_k^{[l+1]} w_{ki}^{[l+1]}",
        "delta = np.array([g_prime(z[i]) * sum(delta_next[k] * w_next[k, i] for k in range(len(delta_next)))"
        " for i in range(n)])",
        Procedure(each_layer, G),
        shapes="scalar",
    ),
    right(
        "delta.all",
        "both together: dC/dwᵢⱼ[l] = Σₖ δₖ[l+1] wₖᵢ[l+1] g'(zᵢ[l]) aⱼ[l−1]",
        "000:121",
        r"\frac{\partial C}{\partial w_{ij}^{[l]}} = \sum_k \delta_k^{[l+1]} w_{ki}^{[l+1]} g'(z_i^{[l]}) a_j^{[l-1]}",
        "nabla = np.array([[sum(delta_next[k] * w_next[k, i] for k in range(len(delta_next))) * g_prime(z[i]) * a[j]"
        " for j in range(p)] for i in range(n)])",
        Procedure(each_layer, G),
        shapes="scalar",
    ),
    # ── L layers ─────────────────────────────────────────────────────────────────────────────────────────────────
    right(
        "bp.L-1ex",
        "layer l backwards, one example",
        "002:556-566; 003:130-135; 004:1554-1566",
        r"dz^{[l]} = da^{[l]} * g'(z^{[l]}),\ dW^{[l]} = dz^{[l]} a^{[l-1]T},\ db^{[l]} = dz^{[l]},\ "
        r"da^{[l-1]} = W^{[l]T} dz^{[l]}",
        "dz = da * g_prime(z)\ndW = dz @ a_prev.T\ndb = dz\nda_prev = W.T @ dz",
        Every(
            Gradient(
                "z = W @ a_prev + b\nJ = np.sum(da * g1(z))",
                {"a_prev": "p 1", "W": "n p", "b": "n 1", "da": "n 1"},
                using=G,
            ),
            Procedure(back_through_layers(1), G),
        ),
        shapes="(n[l],1), dW (n[l],n[l-1])",
    ),
    right(
        "bp.L-vec",
        "layer l backwards, m examples",
        "002:568-571; 003:137; 004:1568-1577,2852-2877",
        r"dZ = dA * g'(Z),\ dW = \frac{1}{m} dZ A^{[l-1]T},\ db = \frac{1}{m} \sum dZ,\ dA^{[l-1]} = W^T dZ",
        "dZ = dA * g_prime(Z)\ndW = 1 / m * dZ @ A_prev.T\ndb = 1 / m * np.sum(dZ, axis=1, keepdims=True)\n"
        "dA_prev = W.T @ dZ",
        Every(
            Gradient(LAYER_MEAN, ONE_LAYER, wrt="W b", using=G),
            Gradient(LAYER, ONE_LAYER, wrt="A_prev", using=G),
            Procedure(back_through_layers(6), G),
        ),
        shapes="(n[l],m)",
    ),
    wrong(
        "bp.L-noT",
        "dW[l] = dz[l] · a[l−1] without the transpose",
        "002:562; 003:135; 004:1562",
        r"dw^{[l]} = dz^{[l]} \cdot a^{[l-1]}",
        "dz = da * g_prime(z)\ndW = dz @ a_prev",
        Gradient(
            "z = W @ a_prev + b\nJ = np.sum(da * g1(z))",
            {"a_prev": "p 1", "W": "n p", "b": "n 1", "da": "n 1"},
            using=G,
        ),
        right="dz = da * g_prime(z)\ndW = dz @ a_prev.T",
        slip="slip",
        why="(n[l],1)·(n[l−1],1) does not conform; the transpose is missing, on the lecture slide too",
        shapes="(n[l],1).(n[l-1],1)",
    ),
    wrong(
        "bp.L-g-next",
        "dz[l] with the slope of the next layer's activation",
        "003:135",
        r"dz^{[l]} = W^{[l+1]T} dz^{[l+1]} * g^{[l+1]\prime}(z^{[l+1]})",
        "dz = W_next.T @ dz_next * g_prime(z_next)",
        Gradient(
            "z_next = W_next @ g1(z) + b_next\nJ = np.sum(dz_next * z_next)",
            {"z": "n 1", "W_next": "k n", "b_next": "k 1", "dz_next": "k 1"},
            using=G,
        ),
        right="dz = W_next.T @ dz_next * g_prime(z)",
        slip="OCR or slip",
        why="the slope is that of layer l itself, as at 002:565 and 004:1560",
        shapes="(n[l],1)",
    ),
    wrong(
        "bp.L-1n",
        "1/n in place of 1/m",
        "003:137",
        r"dW = \frac{1}{n} dZ A^T,\quad db = \frac{1}{n} \sum dZ",
        "dZ = dA * g_prime(Z)\ndW = 1 / n * dZ @ A_prev.T\ndb = 1 / n * np.sum(dZ, axis=1, keepdims=True)",
        Gradient(LAYER_MEAN, ONE_LAYER, using=G),
        right="dZ = dA * g_prime(Z)\ndW = 1 / m * dZ @ A_prev.T\ndb = 1 / m * np.sum(dZ, axis=1, keepdims=True)",
        slip="OCR",
        why="m is read as n",
        shapes="(n[l],n[l-1])",
    ),
    right(
        "bp.slide-top",
        "the slide's dZ[L], db[L] and db[1]",
        "003:184",
        r"dZ^{[L]} = A^{[L]} - Y,\quad db^{[L]} = \frac{1}{m} \text{np.sum}(dZ^{[L]}, \text{axis}=1)",
        f"{DZ3}\ndb3 = 1 / m * np.sum(dZ3, axis=1, keepdims=True)\n{DZ2}\n{DZ1}\n"
        "db1 = 1 / m * np.sum(dZ1, axis=1, keepdims=True)",
        Gradient(THREE_LAYERS, THREE, Y_BITS, using=G),
        shapes="(n[L],m)",
    ),
    wrong(
        "bp.slide-dWL",
        "the slide's dW[L] with A[L]",
        "003:184",
        r"dW^{[L]} = \frac{1}{m} dZ^{[L]} A^{[L]T}",
        f"{DZ3}\ndW3 = 1 / m * dZ3 @ A3.T",
        Gradient(THREE_LAYERS, THREE, Y_BITS, using=G),
        right=f"{DZ3}\ndW3 = 1 / m * dZ3 @ A2.T",
        slip="slip",
        why="W[L] multiplies A[L−1]",
        shapes="(n[L],n[L-1])",
    ),
    wrong(
        "bp.slide-dZL1",
        "the slide's dZ[L−1] with dW and the wrong slope",
        "003:184",
        r"dZ^{[L-1]} = dW^{[L]T} dZ^{[L]} g'^{[L]}(Z^{[L-1]})",
        "dZ2 = dW3.T @ dZ3 * g3_prime(Z2)",
        Gradient(
            "m = Y.shape[1]\nA2 = g1(Z2)\nA3 = sigmoid(W3 @ A2 + b3)\ndZ3 = A3 - Y\ndW3 = 1 / m * dZ3 @ A2.T\n"
            "J = -np.sum(Y * np.log(A3) + (1 - Y) * np.log(1 - A3))",
            {"Z2": "n2 m", "W3": "n3 n2", "b3": "n3 1", "Y": "n3 m"},
            Y_BITS,
            using=G,
        ),
        right="dZ2 = W3.T @ dZ3 * g2_prime(Z2)",
        slip="slip",
        why="W[L], not dW[L]; the slope of layer L−1; elementwise product",
        shapes="(n[L-1],m)",
    ),
    wrong(
        "bp.slide-dZ1",
        "the slide's dZ[1] with dW[L]",
        "003:184",
        r"dZ^{[1]} = dW^{[L]T} dZ^{[2]} g'^{[1]}(Z^{[1]})",
        "dZ1 = dW3.T @ dZ2 * g1_prime(Z1)",
        Gradient(
            "A1 = g1(Z1)\nZ2 = W2 @ A1 + b2\nA2 = g1(Z2)\nA3 = sigmoid(W3 @ A2 + b3)\ndZ3 = A3 - Y\n"
            "dW3 = dZ3 @ A2.T\ndZ2 = W3.T @ dZ3 * g2_prime(Z2)\n"
            "J = -np.sum(Y * np.log(A3) + (1 - Y) * np.log(1 - A3))",
            {"Z1": "n1 m", "W2": "n2 n1", "b2": "n2 1", "W3": "n3 n2", "b3": "n3 1", "Y": "n3 m"},
            Y_BITS,
            using=G,
        ),
        right="dZ1 = W2.T @ dZ2 * g1_prime(Z1)",
        slip="slip",
        why="W[2]ᵀ carries dZ[2] back",
        shapes="(n1,m)",
    ),
    wrong(
        "bp.slide-dW1",
        "the slide's dW[1] with A[1]",
        "003:184",
        r"dW^{[1]} = \frac{1}{m} dZ^{[1]} A^{[1]T}",
        f"{DZ3}\n{DZ2}\n{DZ1}\ndW1 = 1 / m * dZ1 @ A1.T",
        Gradient(THREE_LAYERS, THREE, Y_BITS, using=G),
        right=f"{DZ3}\n{DZ2}\n{DZ1}\ndW1 = 1 / m * dZ1 @ A0.T",
        slip="slip",
        why="W[1] multiplies A[0] = X",
        shapes="(n1,n0)",
    ),
    right(
        "bp.stop",
        "the backward pass may stop at da[1]",
        "002:539,546",
        r"dW^{[1]} = (da^{[1]} * g'(z^{[1]}))\, a^{[0]T}",
        "dz1 = da1 * g1_prime(z1)\ndW1 = dz1 @ a0.T\ndb1 = dz1",
        Gradient(
            "z1 = W1 @ a0 + b1\nL = np.sum(da1 * g1(z1))",
            {"W1": "n1 n0", "b1": "n1 1", "a0": "n0 1", "da1": "n1 1"},
            wrt="W1 b1",
            using=G,
        ),
        shapes="(n0,m)",
    ),
]
