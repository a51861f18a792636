"""Regularised costs: the L2 and L1 penalties, the Frobenius norm, weight decay."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..testing import bits
from ..transforms import grad
from .claims import Every, Evidence, Gradient, Identity, Procedure, size
from .entry import right, text, wrong
from .formula import Formula

POSITIVE = (0.2, 2.0)
LAYERS = {"W1": "n1 n0", "W2": "n2 n1", "W3": "n3 n2"}
W = "W = {1: W1, 2: W2, 3: W3}\n"
L2_COST = """
m = X.shape[1]
A = sigmoid(W @ X)
J = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m + lam / (2 * m) * np.sum(W ** 2)
"""
SMALL = {"alpha": (0.1, 0.9), "lam": POSITIVE, "m": (2.0, 9.0)}

one_frobenius: Identity = Identity("square = np.linalg.norm(W, 'fro') ** 2", {"W": "n k"})
all_layers: Identity = Identity("total = sum(np.linalg.norm(w) ** 2 for w in (W1, W2, W3))", LAYERS)
network: Identity = Identity(
    "penalty = lam / (2 * m) * sum(np.linalg.norm(w) ** 2 for w in (W1, W2, W3))",
    {**LAYERS, "lam": "", "m": ""},
    {"m": (2.0, 9.0)},
)


def decayed_by_autodiff(W: Any, G: Any, alpha: Any, lam: Any, m: Any) -> dict[str, Any]:
    """A step down on ΣG·W + (λ/2m) ΣW², whose unpenalised gradient is G, by autodiff."""

    def J(W: Any) -> Any:
        return np.sum(G * W) + lam / (2 * m) * np.sum(W * W)

    new = W - alpha * grad(J)(W)
    return {"two_terms": new, "decayed": new}


def data(rng: np.random.Generator, m: int = 40) -> tuple[Any, Any]:
    """Labels that only the first of six features knows something about."""
    X = rng.standard_normal((6, m))
    return X, (X[:1] + 0.5 * rng.standard_normal((1, m)) > 0).astype(float)


def slope_of_cost(w: Any, X: Any, Y: Any) -> Any:
    """The unpenalised cost's gradient."""
    return X @ (1 / (1 + np.exp(-w.T @ X)) - Y).T / X.shape[1]


def makes_zeros(run: Formula, rng: np.random.Generator) -> Evidence:
    """Proximal steps for L1 set weights to exactly zero; L2 shrinks them and leaves them non-zero."""
    X, Y = data(rng)
    w = v = np.zeros((6, 1))
    for _ in range(400):
        w = run(w=w - 0.5 * slope_of_cost(w, X, Y), t=0.5 * 0.1)["w"]
        v = v - 0.5 * (slope_of_cost(v, X, Y) + 0.1 * v)
    tiny = run(w=np.array([0.3, -0.3, 0.02, -0.02]), t=0.1)["w"]
    return {
        "one step moves every weight by t towards 0, and stops there": np.allclose(tiny, [0.2, -0.2, 0, 0]),
        "L1: four of six weights are exactly 0": np.sum(w == 0) >= 4,
        "the one that matters is not": abs(w[0, 0]) > 0.1,
        "L2: none is": np.all(v != 0),
    }


def shrinks_with_lambda(run: Formula, rng: np.random.Generator) -> Evidence:
    """Train with growing λ."""
    X, Y = data(rng)
    sums = []
    for lam in (0.0, 1.0, 10.0, 100.0, 1e4):
        w = np.ones((6, 1))
        alpha = 1 / (1 + lam / X.shape[1])
        for _ in range(300):
            w = run(W=w, dW=slope_of_cost(w, X, Y), alpha=alpha, lam=lam, m=X.shape[1])["W"]
        sums.append(float(np.sum(w * w)))
    texts = ", ".join(f"{s:.2g}" for s in sums)
    return {f"ΣW² falls as λ grows: {texts}": np.all(np.diff(sums) < 0), "λ = 10⁴: ΣW² is nearly 0": sums[-1] < 1e-5}


def nearly_linear(run: Formula) -> Evidence:
    """The line z and the cubic term, for small z."""
    z = np.array([0.2, 0.1, 0.05])
    found = run(z=z)
    line, cubic = np.abs(found["tanh_z"] - z), np.abs(found["tanh_z"] - found["series"])
    return {
        "|z| ≤ 0.1: tanh z is z within 0.4 %": np.all(line[1:] / z[1:] < 0.004),
        "half the z, an eighth of the distance from the line": np.allclose(line[:-1] / line[1:], 8, rtol=0.02),
        "half the z, 1/32 of the distance from z − z³/3": np.allclose(cubic[:-1] / cubic[1:], 32, rtol=0.02),
    }


def linear_network(run: Formula, rng: np.random.Generator) -> Evidence:
    """Three tanh layers with small weights are about one matrix."""
    W1, W2, W3 = (0.01 * rng.standard_normal(s) for s in ((5, 4), (3, 5), (1, 3)))
    X = rng.standard_normal((4, 20))
    A = X
    for W in (W1, W2, W3):
        A = run(z=W @ A)["tanh_z"]
    line = W3 @ W2 @ W1 @ X
    return {"the network is W3 W2 W1 X within 0.1 %": np.linalg.norm(A - line) < 1e-3 * np.linalg.norm(line)}


def norms_by_hand(w: Any, m: Any, lam: Any) -> dict[str, Any]:
    """A loop over the weights."""
    total = sum(abs(x) for x in w[:, 0])
    return {"penalty": lam * total / (m + m)}


ENTRIES = [
    right(
        "reg.l2",
        "the L2 penalty",
        "000:168-169; 004:1862-1868",
        r"J = \frac{1}{m}\sum L^{(i)} + \frac{\lambda}{2m}\lVert w\rVert^2,\; \lVert w\rVert^2 = \sum_j w_j^2 = w^T w",
        "norm = np.sum(w ** 2)\nJ = 1 / m * np.sum(L) + lam / (2 * m) * norm",
        Identity(
            lambda w, L, lam: {"norm": (w.T @ w)[0, 0], "J": np.mean(L + lam / len(L) * np.dot(w[:, 0], w[:, 0]) / 2)},
            {"w": "n 1", "L": "m", "lam": "", "m": ""},
            {"m": size("m")},
        ),
        shapes="w (n_x, 1)",
        convention="000:169 prints the penalty inside the mean: of a constant that is the constant",
    ),
    right(
        "reg.l2-grad",
        "what the penalty adds to dJ/dW: (λ/m) W",
        "000:175; 004:1884,2333",
        r"\frac{dJ}{dW} = (\text{from backprop}) + \frac{\lambda}{m}W",
        "dW = 1 / m * (A - Y) @ X.T + lam / m * W",
        Gradient(L2_COST, {"W": "k n", "X": "n m", "Y": "k m", "lam": ""}, {"Y": bits, "lam": POSITIVE}),
        shapes="as W",
    ),
    right(
        "reg.wd",
        "weight decay",
        "000:175; 004:1889-1892",
        r"W := W - \alpha\left[dW + \frac{\lambda}{m}W\right] = \left(1 - \frac{\alpha\lambda}{m}\right)W - \alpha\,dW",
        "two_terms = W - alpha * (G + lam / m * W)\ndecayed = (1 - alpha * lam / m) * W - alpha * G",
        Identity(decayed_by_autodiff, {"W": "n k", "G": "n k", "alpha": "", "lam": "", "m": ""}, SMALL),
        shapes="as W",
    ),
    right(
        "reg.l1",
        "the L1 penalty",
        "000:170; 004:1870",
        r"\frac{\lambda}{2m}\lVert w\rVert_1,\quad \lVert w\rVert_1 = \sum_j |w_j|",
        "penalty = lam / (2 * m) * np.sum(np.abs(w))",
        Identity(norms_by_hand, {"w": "n 1", "lam": "", "m": ""}, {"m": (2.0, 9.0)}),
        shapes="w (n_x, 1)",
        convention="2m is kept, so the slope is (λ/2m) sign(w); elsewhere λ/m",
    ),
    right(
        "reg.l1-sparse",
        "L1 makes w sparse, L2 does not",
        "000:170; 004:1870",
        r"w := \operatorname{sign}(w)\max(|w| - t, 0)",
        "w = np.sign(w) * np.maximum(np.abs(w) - t, 0)",
        Procedure(makes_zeros),
        shapes="w",
        convention="exact zeros need the proximal step; plain sub-gradient descent leaves small numbers",
    ),
    text(
        "reg.no-b",
        "b is left out of the penalty",
        "000:171",
        "b is one number among many: penalising it changes little.",
    ),
    right(
        "reg.frob",
        "the Frobenius norms of all layers",
        "000:174-175; 004:1874-1881,1902",
        r"\frac{\lambda}{2m}\sum_{l=1}^{L}\lVert W^{[l]}\rVert_F^2,\quad \lVert W\rVert_F^2 = \sum_i\sum_j w_{ij}^2",
        "penalty = lam / (2 * m) * sum(np.sum(w ** 2) for w in (W1, W2, W3))",
        network,
        shapes="W[l] (n[l], n[l-1])",
    ),
    wrong(
        "reg.frob-nosq",
        "“‖w‖²_F = Σᵢ Σᵢ (w_ij)”",
        "000:175",
        r"\lVert w\rVert_F^2 = \sum_i\sum_i (w_{ij})",
        "square = sum(W[i, j] for i in range(W.shape[0]) for j in range(W.shape[1]))",
        one_frobenius,
        right="square = sum(W[i, j] ** 2 for i in range(W.shape[0]) for j in range(W.shape[1]))",
        slip="slip",
        why="the square is lost, i is used twice, the bounds are in the wrong order",
        shapes="scalar",
    ),
    wrong(
        "reg.frob-index",
        "“Σᵢ ‖w[L]‖²_F”",
        "000:175",
        r"\sum_{i=1}^{L}\lVert w^{[L]}\rVert_F^2",
        f"{W}L = 3\ntotal = sum(np.sum(W[L] ** 2) for l in range(1, L + 1))",
        all_layers,
        right=f"{W}L = 3\ntotal = sum(np.sum(W[l] ** 2) for l in range(1, L + 1))",
        slip="slip",
        why="the last layer, L times",
        shapes="scalar",
    ),
    wrong(
        "reg.frob-bounds",
        "“j from 1 to n⁽ˡ⁺¹⁾”",
        "004:1875-1877",
        r"\lVert w^{(l)}\rVert_F^2 = \sum_{i=1}^{n^{(l)}}\sum_{j=1}^{n^{(l+1)}} w_{ij}^2",
        "square = sum(W1[i, j] ** 2 for i in range(n1) for j in range(n2))",
        Identity(
            "square = np.sum(W1 ** 2)",
            {"W1": "n1 n0", "W2": "n2 n1", "n0": "", "n1": "", "n2": ""},
            {"n0": size("n0"), "n1": size("n1"), "n2": size("n2")},
        ),
        right="square = sum(W1[i, j] ** 2 for i in range(n1) for j in range(n0))",
        slip="OCR",
        why="W[l] is (n[l], n[l-1]): j ≤ n[l-1]",
        shapes="W[l] (n[l], n[l-1])",
    ),
    wrong(
        "reg.nn-cost-index",
        "“Σ over l = 1..L of (w[l+1])²”",
        "004:2326",
        r"\frac{1}{m}\frac{\lambda}{2}\sum_{l=1}^{L}\sum_{k=1}^{n_l}\sum_{j=1}^{n_{l+1}}(w_{kj}^{[l+1]})^2",
        f"{W}penalty = 1 / m * lam / 2 * sum(np.sum(W[l + 1] ** 2) for l in (1, 2, 3))",
        network,
        right=f"{W}penalty = 1 / m * lam / 2 * sum(np.sum(W[l] ** 2) for l in (1, 2, 3))",
        slip="slip",
        why="it asks for W[L+1] and skips W[1]",
        shapes="scalar",
    ),
    wrong(
        "reg.args-0",
        "“J(w⁽⁰⁾, b⁽⁰⁾, …, w⁽ᴸ⁾, b⁽ᴸ⁾)”",
        "004:1874,1902",
        r"J(w^{(0)}, b^{(0)}, \dots, w^{(L)}, b^{(L)})",
        f"{W}total = sum(np.sum(W[l] ** 2) for l in range(0, 4))",
        all_layers,
        right=f"{W}total = sum(np.sum(W[l] ** 2) for l in range(1, 4))",
        slip="OCR",
        why="there is no W(0): L layers have L matrices",
    ),
    right(
        "reg.lambda-inf",
        "λ up, W down; λ → ∞, W → 0",
        "000:176; 004:1856,1905-1907,2345-2349",
        r"\lambda \to \infty \Rightarrow W \to 0",
        "W = W - alpha * (dW + lam / m * W)",
        Procedure(shrinks_with_lambda),
        shapes="as W",
    ),
    right(
        "reg.tanh-linear",
        "small z: tanh is nearly a line, the network nearly linear",
        "000:176; 004:1911-1929",
        r"\tanh z = z - \frac{z^3}{3} + \dots",
        "tanh_z = np.tanh(z)\nseries = z - z ** 3 / 3",
        Every(Procedure(nearly_linear), Procedure(linear_network)),
        convention="000:176 then says the same of σ",
    ),
    text(
        "reg.lambda",
        "λ is tuned on the dev set; too large over-smooths",
        "000:173; 004:2343-2344",
        "λ is the regularisation parameter, another number to choose. Too large: a smooth model, high bias.",
    ),
    right(
        "reg.changes",
        "L2 changes the cost and every dW, but not db",
        "004:2328-2331,2346-2349",
        r"dW^{[l]} \;{+}{=}\; \frac{\lambda}{m}W^{[l]},\quad db^{[l]}\ \text{unchanged}",
        "dZ = A - Y\ndW = 1 / m * dZ @ X.T + lam / m * W\ndb = 1 / m * np.sum(dZ, axis=1, keepdims=True)",
        Gradient(
            L2_COST.replace("W @ X", "W @ X + b"),
            {"W": "k n", "X": "n m", "b": "k 1", "Y": "k m", "lam": ""},
            {"Y": bits, "lam": POSITIVE},
        ),
        shapes="as W[l]",
    ),
]
