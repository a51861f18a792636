"""Neurons, layers, forward propagation: one example and m, two layers and L."""

from __future__ import annotations

from typing import Any

import numpy as np

from .claims import Every, Gradient, Identity, size
from .entry import right, text, wrong

ONE_LAYER = {"W1": "n1 n0", "b1": "n1 1"}
TWO_LAYERS = {**ONE_LAYER, "W2": "n2 n1", "b2": "n2 1"}
THREE_LAYERS = {**TWO_LAYERS, "W3": "n3 n2", "b3": "n3 1"}
SIZES = {"n0": "", "n1": "", "m": ""}
GIVEN = {name: size(name) for name in SIZES}
BY_LAYER = "W = {1: W1, 2: W2}\nb = {1: b1, 2: b2}\n"
THREE_BY_LAYER = "W = {1: W1, 2: W2, 3: W3}\nb = {1: b1, 2: b2, 3: b3}\n"
FORWARD = """
g = {1: np.tanh, 2: np.tanh, 3: sigmoid}
L = 3
A = {0: X}
for l in range(1, L + 1):
    A[l] = g[l](W[l] @ A[l - 1] + b[l])
"""


def sigma(z: Any) -> Any:
    """The sigmoid, written with tanh."""
    return (1 + np.tanh(z / 2)) / 2


def by_units(W: Any, x: Any, b: Any) -> Any:
    """Each unit of each example by itself: z_j = Σ_i w_ji x_i + b_j."""
    units, inputs, examples = W.shape[0], W.shape[1], x.shape[1]
    return np.array(
        [[sum(W[j, i] * x[i, k] for i in range(inputs)) + b[j, 0] for k in range(examples)] for j in range(units)]
    )


def two_layers(W1: Any, b1: Any, W2: Any, b2: Any, x: Any) -> dict[str, Any]:
    """Unit by unit, with σ in both layers."""
    z1 = by_units(W1, x, b1)
    z2 = by_units(W2, sigma(z1), b2)
    return {"z1": z1, "a1": sigma(z1), "z2": z2, "a2": sigma(z2)}


def two_layers_of_all(W1: Any, b1: Any, W2: Any, b2: Any, X: Any) -> dict[str, Any]:
    """Example by example, unit by unit."""
    return {name.upper(): value for name, value in two_layers(W1, b1, W2, b2, X).items()}


def z2_of_two_layers(W1: Any, b1: Any, W2: Any, b2: Any, x: Any) -> dict[str, Any]:
    """z[1] and z[2], unit by unit."""
    found = two_layers(W1, b1, W2, b2, x)
    return {"z1": found["z1"], "z2": found["z2"]}


def planar(W1: Any, b1: Any, W2: Any, b2: Any, x: Any) -> dict[str, Any]:
    """Tanh in the hidden layer, unit by unit."""
    z1 = by_units(W1, x, b1)
    return {"z1": z1, "z2": by_units(W2, np.tanh(z1), b2)}


def of_three_layers(W1: Any, b1: Any, W2: Any, b2: Any, W3: Any, b3: Any, X: Any) -> Any:
    """ŷ, unit by unit: tanh, tanh, σ."""
    A2 = np.tanh(by_units(W2, np.tanh(by_units(W1, X, b1)), b2))
    return sigma(by_units(W3, A2, b3))


ONE_Z = Identity(lambda W1, x, b1: by_units(W1, x, b1), {**ONE_LAYER, "x": "n0 1"})
ALL_Z = Identity(lambda W1, X, b1: by_units(W1, X, b1), {**ONE_LAYER, "X": "n0 m", **SIZES}, GIVEN)
ALL_A = Identity(lambda W1, X, b1: np.tanh(by_units(W1, X, b1)), ALL_Z.shapes, GIVEN)
deep: Identity = Identity(of_three_layers, {**THREE_LAYERS, "X": "n0 m"}, dims=(2, 3, 4, 5, 6))

ENTRIES = [
    right(
        "fwd.neuron",
        "one unit",
        "001:37; 002:321-325; 004:771-781",
        r"z_i^{[1]} = w_i^{[1]T}x + b_i^{[1]},\quad a_i^{[1]} = \sigma(z_i^{[1]})",
        "z_i = w_i.T @ x + b_i\na_i = sigmoid(z_i)",
        Identity(
            lambda w_i, x, b_i: {"z_i": (z := by_units(w_i.T, x, np.full((1, 1), b_i))), "a_i": sigma(z)},
            {"w_i": "n0 1", "x": "n0 1", "b_i": ""},
        ),
        shapes="w_i (n_x, 1), scalar",
    ),
    right(
        "fwd.stack",
        "units stacked: the rows of W are the units' weights",
        "001:41-53; 002:327-359; 004:783-801; 000:25,29,88",
        r"W^{[1]} = \begin{bmatrix}w_1^{[1]T}\\ \vdots\\ w_4^{[1]T}\end{bmatrix},\;"
        r" z^{[1]} = W^{[1]}x + b^{[1]},\; a^{[1]} = \sigma(z^{[1]})",
        "W1 = np.vstack([w_i.T for w_i in w])\nz1 = W1 @ x + b1\na1 = sigmoid(z1)",
        Identity(
            lambda w, x, b1: {"W1": w[:, :, 0], "z1": (z := by_units(w[:, :, 0], x, b1)), "a1": sigma(z)},
            {"w": "n1 n0 1", "x": "n0 1", "b1": "n1 1"},
        ),
        shapes="(4, 1) = (4, 3)(3, 1) + (4, 1)",
    ),
    wrong(
        "fwd.stack-nx",
        "“the last row is w_{n_x}”",
        "001:43,51",
        r"W^{[1]} = [w_1^{[1]T}; \dots; w_{n_x}^{[1]T}]",
        "z1 = np.vstack([w[i].T for i in range(n0)]) @ x + b1",
        Identity(
            lambda w, x, b1: by_units(w[:, :, 0], x, b1),
            {"w": "n1 n0 1", "x": "n0 1", "b1": "n1 1", "n0": "", "n1": ""},
            {"n0": size("n0"), "n1": size("n1")},
        ),
        right="z1 = np.vstack([w[i].T for i in range(n1)]) @ x + b1",
        slip="slip",
        why="n_x counts the inputs; the rows are the hidden units: w_{n[1]}",
        shapes="(4, 3)",
    ),
    wrong(
        "fwd.stack-m",
        "“rows w₁ … w_m”",
        "001:90",
        r"[w_1^{[1]}x^{(1)}; \dots; w_m^{[1]}x^{(m)}]",
        "Z1 = np.array([[W1[i] @ X[:, i]] for i in range(m)])",
        ALL_Z,
        right="Z1 = np.array([[W1[j] @ X[:, i] + b1[j, 0] for i in range(m)] for j in range(n1)])",
        slip="OCR",
        why="m counts the examples; entry (j, i) is w_j x⁽ⁱ⁾ + b_j, n[1] rows and m columns",
        shapes="(n[1], m)",
    ),
    wrong(
        "fwd.comma-b",
        "“W x⁽²⁾, b, …, W x⁽ᵐ⁾, b”",
        "001:92",
        r"W^{[1]}x^{(2)}, b^{[1]}, \dots, W^{[1]}x^{(m)}, b^{[1]}",
        "Z1 = np.hstack([z for i in range(m) for z in (W1 @ X[:, i : i + 1], b1)])",
        ALL_Z,
        right="Z1 = np.hstack([W1 @ X[:, i : i + 1] + b1 for i in range(m)])",
        slip="OCR",
        why="the plus signs are lost",
        shapes="(n[1], 1)",
    ),
    wrong(
        "fwd.zT",
        "“z[1]ᵀ = W x + b”",
        "000:88",
        r"z^{[1]T} = W^{[1]}x + b^{[1]}",
        "z1 = (W1 @ x + b1).T",
        ONE_Z,
        right="z1 = W1 @ x + b1",
        slip="slip",
        why="the right side is a column, as z[1] is",
        shapes="(4, 1)",
    ),
    wrong(
        "fwd.stack-X",
        "“X [x₁ x₂ x₃] + [b₁ … b₄]”",
        "004:791",
        r"X[x_1\ x_2\ x_3] + [b_1 \dots b_4]",
        "z1 = x @ x + b1",
        ONE_Z,
        right="z1 = W1 @ x + b1",
        slip="OCR",
        why="W[1] is read as X",
        shapes="(4, 1)",
    ),
    wrong(
        "fwd.sum-ij",
        "“z[1] = Σ_(i,j) xᵢ + b[1]”",
        "001:57,62",
        r"z^{[1]} = \sum_{(i,j)}^{[1]} x_i + b^{[1]}",
        "z1 = np.sum(W1 * x.T) + b1\na1 = sigmoid(z1)\nz2 = np.sum(W2 * a1.T) + b2",
        Identity(z2_of_two_layers, {**TWO_LAYERS, "x": "n0 1"}),
        right="z1 = W1 @ x + b1\na1 = sigmoid(z1)\nz2 = W2 @ a1 + b2",
        slip="OCR",
        why="W with its shape (4, 3) is read as a sum: every unit would get the same",
        shapes="(4, 1)",
    ),
    right(
        "fwd.2layer",
        "two layers, one example",
        "000:81-88; 001:55-66; 002:285-295,361-365; 004:797-824,868",
        r"z_1 = W_1 x + b_1,\; a_1 = \sigma(z_1),\; z_2 = W_2 a_1 + b_2,\; \hat{y} = a_2 = \sigma(z_2)",
        "z1 = W1 @ x + b1\na1 = sigmoid(z1)\nz2 = W2 @ a1 + b2\na2 = sigmoid(z2)",
        Identity(two_layers, {**TWO_LAYERS, "x": "n0 1"}),
        shapes="W1 (4, 3), b1 (4, 1), W2 (1, 4), b2 (1, 1)",
    ),
    wrong(
        "fwd.2layer-x",
        "“z[2] = W[2] x + b[2]”",
        "004:866,955,969",
        r"z^{[2]} = W^{[2]}x + b^{[2]}",
        "z1 = W1 @ x + b1\nz2 = W2 @ x + b2",
        Identity(z2_of_two_layers, {**TWO_LAYERS, "x": "n0 1"}),
        right="z1 = W1 @ x + b1\nz2 = W2 @ sigmoid(z1) + b2",
        slip="OCR or slip",
        why="a[1], as at 004:812 and 971",
        shapes="(1, 4)(3, 1)?",
    ),
    wrong(
        "fwd.2layer-index",
        "layers numbered 0 and 1",
        "004:1045-1051",
        r"z^{[0]} = w^{[0]}X + b^{[0]},\; A^{[0]} = g(z^{[0]}),\; z^{[1]} = w^{[1]}A^{[0]} + b^{[1]}",
        f"{BY_LAYER}A = {{0: sigmoid(W[0] @ X + b[0])}}\nA[1] = sigmoid(W[1] @ A[0] + b[1])\nA2 = A[1]",
        Identity(lambda W1, b1, W2, b2, X: two_layers(W1, b1, W2, b2, X)["a2"], {**TWO_LAYERS, "X": "n0 m"}),
        right=f"{BY_LAYER}A = {{1: sigmoid(W[1] @ X + b[1])}}\nA[2] = sigmoid(W[2] @ A[1] + b[2])\nA2 = A[2]",
        slip="OCR",
        why="one too low: A[0] is X, and the backward half has [1] and [2]",
    ),
    right(
        "fwd.per-example",
        "m examples by a loop",
        "000:82-87; 001:74-76; 002:369-373; 004:826-832",
        r"\text{for } i = 1..m:\; z^{[1](i)} = W^{[1]}x^{(i)} + b^{[1]}, \dots, \hat{y}^{(i)} = a^{[2](i)}",
        """
A2 = []
for i in range(m):
    x = X[:, i : i + 1]
    a1 = sigmoid(W1 @ x + b1)
    A2.append(sigmoid(W2 @ a1 + b2))
A2 = np.hstack(A2)
""",
        Identity(
            "A2 = sigmoid(W2 @ sigmoid(W1 @ X + b1) + b2)", {**TWO_LAYERS, "X": "n0 m", "m": ""}, {"m": size("m")}
        ),
        shapes="columns",
    ),
    right(
        "fwd.vec",
        "m examples at once: a column each",
        "000:89-94; 001:82-90,218-226; 002:375-408; 004:834-850,1175-1180",
        r"Z_1 = W_1 X + b_1,\; A_1 = \sigma(Z_1),\; Z_2 = W_2 A_1 + b_2,\; A_2 = \sigma(Z_2)",
        "Z1 = W1 @ X + b1\nA1 = sigmoid(Z1)\nZ2 = W2 @ A1 + b2\nA2 = sigmoid(Z2)",
        Identity(two_layers_of_all, {**TWO_LAYERS, "X": "n0 m"}),
        shapes="Z1 (n1, m), Z2 (n2, m)",
    ),
    wrong(
        "fwd.A-cols",
        "“A[1] = [a⁽¹⁾ a⁽²⁾ … a⁽ᵐ⁾]”",
        "004:850",
        r"A^{[1]} = [a^{(1)}\ a^{(2)} \dots a^{(m)}]",
        "A1 = np.hstack([X[:, i : i + 1] for i in range(m)])",
        ALL_A,
        right="A1 = np.hstack([np.tanh(W1 @ X[:, i : i + 1] + b1) for i in range(m)])",
        slip="OCR",
        why="the layer's index is lost: a⁽ⁱ⁾ is the input there; a[1]⁽ⁱ⁾",
        shapes="(n1, m)",
    ),
    wrong(
        "fwd.X-shape",
        "“X is (n_m, m)”",
        "004:838",
        r"X: (n_m, m)",
        "n = {0: n0}\nshape = (n[m], m)",
        Identity(lambda X: X.shape, {"X": "n0 m", "W1": "n1 n0", **SIZES}, GIVEN),
        right="n = {0: n0}\nshape = (n[0], m)",
        slip="OCR",
        why="x is read as m: n_x, which is n[0]",
        shapes="(n_x, m)",
    ),
    wrong(
        "fwd.Zz",
        "“a[2] = g[2](Z[z])”",
        "002:470",
        r"a^{[2]} = g^{[2]}(Z^{[z]}) = \sigma(Z^{[2]})",
        "Z = {1: Z1, 2: Z2}\na2 = sigmoid(Z['z'])",
        Identity("a2 = 1 / (1 + np.exp(-Z2))", {"Z1": "n1 m", "Z2": "n2 m"}),
        right="Z = {1: Z1, 2: Z2}\na2 = sigmoid(Z[2])",
        slip="slip",
        why="there is no layer z",
        shapes="(n2, m)",
    ),
    wrong(
        "fwd.a12",
        "“a₂[1] is layer 1's second input”",
        "000:14",
        r"a_2^{[1]} = x_2",
        "a_2 = x[1, 0]",
        Identity(lambda W1, x, b1: np.tanh(by_units(W1, x, b1))[1, 0], ONE_Z.shapes, dims=(2, 3, 4, 5)),
        right="a1 = np.tanh(W1 @ x + b1)\na_2 = a1[1, 0]",
        slip="slip",
        why="it is layer 1's second output, and layer 2's second input",
        shapes="scalar",
    ),
    wrong(
        "fwd.A-a0",
        "“A (a[0]) is #aᵢ by m”",
        "000:28",
        r"A = a^{[0]}: (n^{[i]}, m)",
        "A = {0: X, 1: np.tanh(W1 @ X + b1)}\nA1 = A[0]",
        ALL_A,
        right="A = {0: X, 1: np.tanh(W1 @ X + b1)}\nA1 = A[1]",
        slip="slip",
        why="a[0] is X, one line above; A[i]",
        shapes="(n[i], m)",
    ),
    text(
        "fwd.layers",
        "the input layer is not counted",
        "000:13-15; 002:309-315; 004:731-750,761-765",
        "Input, one hidden layer and output are a network of two layers.",
        convention="counting",
    ),
    wrong(
        "fwd.planar-a",
        "“z[1]⁽ⁱ⁾ = w[1] a[1] + b[1]”",
        "004:1258,1262",
        r"z^{[1](i)} = w^{[1]}a^{[1]} + b^{[1]},\; z^{[2](i)} = w^{[2]}a^{[1]} + b^{[2]}",
        "z1 = W1 @ a1 + b1\nz2 = W2 @ a1 + b2",
        Identity(planar, {**TWO_LAYERS, "x": "n0 1", "a1": "n1 1"}),
        right="z1 = W1 @ x + b1\nz2 = W2 @ np.tanh(z1) + b2",
        slip="OCR",
        why="x⁽ⁱ⁾ is read as a[1]",
        shapes="(4, 1)",
    ),
    right(
        "lin.collapse",
        "layers without an activation are one linear function",
        "000:112; 001:140-158; 002:423-427; 004:947-977",
        r"a_2 = W_2(W_1 x + b_1) + b_2 = (W_2 W_1)x + (W_2 b_1 + b_2) = W'x + b'",
        "W = W2 @ W1\nb = W2 @ b1 + b2\na2 = W @ x + b",
        Identity(lambda W1, b1, W2, b2, x: by_units(W2, by_units(W1, x, b1), b2), {**TWO_LAYERS, "x": "n0 1"}),
        shapes="W' (n2, n_x), b' (n2, 1)",
    ),
    right(
        "lin.logreg",
        "linear hidden layers and a σ output are logistic regression",
        "004:978",
        r"\sigma(W_2(W_1 x + b_1) + b_2) = \sigma(w^T x + b)",
        "w = (W2 @ W1).T\nb = W2 @ b1 + b2\nA = sigmoid(w.T @ X + b)",
        Identity(
            lambda W1, b1, W2, b2, X: sigma(by_units(W2, by_units(W1, X, b1), b2)),
            {"W1": "n1 n0", "b1": "n1 1", "W2": "1 n1", "b2": "1 1", "X": "n0 m"},
        ),
    ),
    text(
        "lin.regression",
        "the one use of a linear activation: the output of a regression",
        "000:113; 001:160-162; 002:427; 004:980",
        "A house's price is any number: no activation at the output (relu too, if prices are never negative).",
    ),
    right(
        "fwd.L",
        "L layers",
        "000:26; 002:495-511,537,554; 003:34-41,106-126,178; 004:1341-1398,1541-1552,2865",
        r"z^{[l]} = W^{[l]}a^{[l-1]} + b^{[l]},\; a^{[l]} = g^{[l]}(z^{[l]}),\; a^{[0]} = x,\; a^{[L]} = \hat{y}",
        f"{THREE_BY_LAYER}{FORWARD.lstrip()}yhat = A[L]",
        deep,
        shapes="(n[l], 1) / (n[l], m)",
    ),
    wrong(
        "fwd.L-X",
        "“Z[l] = W[l] X + b[l]” for every l",
        "003:77-85; 004:1439-1441",
        r"Z^{[l]} = W^{[l]}X + b^{[l]}",
        f"{THREE_BY_LAYER}{FORWARD.lstrip().replace('A[l - 1]', 'X')}yhat = A[L]",
        deep,
        right=f"{THREE_BY_LAYER}{FORWARD.lstrip()}yhat = A[L]",
        slip="OCR",
        why="only for l = 1: W[l] A[l-1]",
        shapes="(n[l], m)",
    ),
    wrong(
        "fwd.L-ga",
        "“a[4] = ŷ = g[4](a[4])”",
        "004:1373-1375",
        r"a^{[4]} = \hat{y} = g^{[4]}(a^{[4]})",
        "a4 = sigmoid(z4)\nyhat = sigmoid(a4)",
        Identity("yhat = 1 / (1 + np.exp(-z4))", {"z4": "n4 1"}),
        right="yhat = sigmoid(z4)",
        slip="OCR",
        why="z is read as α: g[4](z[4])",
        shapes="(n4, 1)",
    ),
    wrong(
        "fwd.L-list",
        "“[z[1], z[2], …, z[L-1]]”",
        "003:81; 002:521",
        r"Z = [z^{[1]}, z^{[2]}, \dots, z^{[L-1]}]",
        "z1 = W1 @ X[:, :1] + b1\nz2 = W2 @ np.tanh(z1) + b2\nZ1 = np.hstack([z1, z2])",
        Identity(lambda W1, b1, X: by_units(W1, X, b1), {**TWO_LAYERS, "X": "n0 m", "m": ""}, {"m": size("m")}),
        right="Z1 = np.hstack([W1 @ X[:, i : i + 1] + b1 for i in range(m)])",
        slip="OCR",
        why="layers of different height don't stack: z[1]⁽¹⁾ … z[1]⁽ᵐ⁾ (002 only has [i] for (i))",
        shapes="(n[l], m)",
    ),
    wrong(
        "fwd.L-end",
        "“until a[l] = ŷ”",
        "002:545",
        r"a^{[l]} = \hat{y}",
        f"k = l\n{THREE_BY_LAYER}{FORWARD.lstrip()}yhat = A[k]",
        Identity(
            of_three_layers,
            {**THREE_LAYERS, "X": "n0 m", "l": ""},
            {"l": lambda rng, _shape, _dims: int(rng.integers(1, 4))},
            dims=(2, 3, 4, 5, 6),
        ),
        right=f"{THREE_BY_LAYER}{FORWARD.lstrip()}yhat = A[L]",
        slip="slip",
        why="a[L] = ŷ",
        shapes="(n[L], 1)",
    ),
    right(
        "fwd.cache",
        "layer l: in a[l-1], out a[l], and z[l] kept for the way back",
        "002:537,545,552; 003:39,43-45,111; 004:1305,1540",
        r"a^{[l-1]} \rightarrow a^{[l]},\ \text{cache } z^{[l]};\quad dz^{[l]} = da^{[l]} * g'(z^{[l]})",
        "cache = W @ a_prev + b\na = np.tanh(cache)\ndb = da * (1 - np.tanh(cache) ** 2)",
        Every(
            Gradient(
                "a = np.tanh(W @ a_prev + b)\nJ = np.sum(da * a)",
                {"W": "n k", "a_prev": "k 1", "b": "n 1", "da": "n 1"},
                wrt="b",
            ),
            Identity(
                lambda W, a_prev, b: {"cache": (z := by_units(W, a_prev, b)), "a": np.tanh(z)},
                {"W": "n k", "a_prev": "k 1", "b": "n 1", "da": "n 1"},
            ),
        ),
        shapes="(n[l], m)",
    ),
    text(
        "fwd.loop-l",
        "the loop over layers stays a loop",
        "002:511; 004:1394-1398",
        "Examples are vectorised; layers 1..L are walked through one after another.",
    ),
]
