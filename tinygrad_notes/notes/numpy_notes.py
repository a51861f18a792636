"""The programming assignments; NumPy; depth; overview tables; letters damaged by text recognition."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ..testing.distributions import bits
from .assignment_claims import (
    cats,
    deep,
    he_start,
    planar,
    printed_accuracies,
    reshaped,
    straight_line,
    the_gradient_check,
    the_table,
    three_ways,
)
from .chance import drawing
from .claims import Every, Gradient, Identity, Procedure, Value
from .entry import right, text, wrong

# ── NumPy, depth ─────────────────────────────────────────────────────────────────────────────────────────────────


def by_loops(A: Any, r: Any, c: Any) -> dict[str, Any]:
    """Entry by entry."""
    m, n = A.shape
    row, column = np.zeros((m, n)), np.zeros((m, n))
    for i, j in np.ndindex(m, n):
        row[i, j] = A[i, j] + r[0, j]
        column[i, j] = A[i, j] / c[i, 0]
    return {"row": row, "column": column, "number": np.array([[c[i, 0] + 100] for i in range(m)])}


def compatible_shapes(run: Any, rng: Any) -> dict[str, Any]:
    """All pairs of small shapes, against what NumPy does."""
    del rng
    shapes = [s for k in (1, 2, 3) for s in itertools.product((1, 2, 3), repeat=k)]
    for p, q in itertools.product(shapes, shapes):
        try:
            np.broadcast_shapes(p, q)
            fits = True
        except ValueError:
            fits = False
        if bool(run(p=p, q=q)["compatible"]) != fits:
            return {f"{p} + {q}: NumPy {'broadcasts' if fits else 'raises ValueError'}": False}
    return {f"{len(shapes) ** 2} pairs of shapes as NumPy has it": True}


def ranks(run: Any, rng: Any) -> dict[str, Any]:
    """Shapes and products of the three."""
    run.using["np"].random.seed(1)
    found = run()
    a, column, row = found["a"], found["column"], found["row"]
    del rng
    return {
        "a.shape is (5,)": a.shape == (5,),
        "a.T is a": np.array_equal(a.T, a) and a.T.shape == a.shape,
        "so a aᵀ is a number": np.ndim(a @ a.T) == 0,
        "(5,1) and (1,5)": column.shape == (5, 1) and row.shape == (1, 5),
        "column times row is a matrix": (column @ row).shape == (5, 5) and (column @ column.T).shape == (5, 5),
    }


def column_and_row(run: Any, rng: Any) -> dict[str, Any]:
    """Three numbers as a column and as a row."""
    checks = {}
    for n in (3, 5):
        a, found = rng.standard_normal(n), run(n=n)
        column, row = a.reshape(found["column"]), a.reshape(found["row"])
        checks[f"{n} numbers"] = np.array_equal(column[:, 0], a) and np.array_equal(row[0], a)
    return checks


def xor_tree(bits: list[int]) -> tuple[int, int, int]:
    """XOR by a tree of pairs: the value, the depth, the number of gates."""
    depth, gates = 0, 0
    while len(bits) > 1:
        pairs = [bits[i : i + 2] for i in range(0, len(bits), 2)]
        gates += sum(len(pair) == 2 for pair in pairs)
        bits = [sum(pair) % 2 for pair in pairs]
        depth += 1
    return bits[0], depth, gates


def tree(name: str) -> Any:
    """The tree's depth or its number of gates, for n = 2 … 130."""

    def check(run: Any, rng: Any) -> dict[str, Any]:
        """Build the tree and count."""
        for n in (8, 64, 130, *range(2, 100)):
            x = [int(b) for b in rng.integers(0, 2, n)]
            value, depth, gates = xor_tree(x)
            counted = {"depth": depth, "units": gates}[name]
            if value != sum(x) % 2 or run(n=n)[name] != counted:
                return {f"n = {n}: depth {depth}, {gates} XOR gates": False}
        return {f"the tree built for n = 2 … 130 has this {name}, and gives the XOR": True}

    return check


def shallow(run: Any, rng: Any) -> dict[str, Any]:
    """Count the terms of XOR as an OR of ANDs, and say why none can be saved."""
    del rng
    counts, apart, thresholds = [], [], []
    for n in range(2, 10):
        terms = [x for x in itertools.product((0, 1), repeat=n) if sum(x) % 2]
        counts.append(run(n=n)["terms"] == len(terms))
        flips = {tuple(b ^ (i == k) for i, b in enumerate(x)) for x in terms for k in range(n)}
        apart.append(not flips & set(terms))
        thresholds.append(
            all(
                sum((-1) ** k * (sum(x) > k) for k in range(n)) == sum(x) % 2
                for x in itertools.product((0, 1), repeat=n)
            )
        )
    return {
        "2^(n−1) inputs give 1": all(counts),
        "no two of them are neighbours, so each needs an AND of its own": all(apart),
        "n threshold units do suffice": all(thresholds),
    }


ENTRIES = [
    right(
        "pa.cat",
        "cat / non-cat: flatten, divide by 255, zeros, gradient descent, predict",
        "004:648-708",
        r"X = \text{images.reshape}(m, -1)^T / 255",
        "X = images.reshape(images.shape[0], -1).T / 255",
        Procedure(cats),
        shapes="X (12288,209)",
    ),
    wrong(
        "pa.reshape",
        "X.reshape(X.shape[0], −1).T gives (b·c·d, 1)",
        "004:656-660",
        r"X.\text{reshape}(X.\text{shape}[0], -1).T: (b \cdot c \cdot d, 1)",
        "shape = (b * c * d, 1)",
        Procedure(reshaped),
        right="shape = (b * c * d, a)",
        slip="OCR or slip",
        why="one column for each of the a images",
        shapes="(a,b,c,d)",
    ),
    right(
        "pa.planar",
        "the flower: hidden tanh, n_h = 4, σ output; logistic regression gets 47 %, the network much more",
        "004:1234-1283",
        r"A^{[1]} = \tanh(W^{[1]} X + b^{[1]}),\ A^{[2]} = \sigma(W^{[2]} A^{[1]} + b^{[2]}),\ \hat{y} = a^{[2]} > 0.5",
        "A1 = np.tanh(W1 @ X + b1)\nA2 = sigmoid(W2 @ A1 + b2)\nprediction = A2 > 0.5",
        Procedure(planar),
        shapes="X (2,400)",
    ),
    text(
        "pa.planar-sklearn",
        "clf = sklearn.linear_model.LogisticRegressionCV(); clf.fit(X.T, Y.T)",
        "004:1241-1244",
        "scikit-learn's examples are rows: X.T. It warns of Y.T and wants Y.T.ravel(); 47.0 %.",
        shapes="(400,2),(400,1)",
        convention="scikit-learn warns, wants Y.T.ravel()",
    ),
    right(
        "pa.planar-linear",
        "“linear regression does not perform well because the data is not linearly separable”",
        "004:1250",
        r"w = (P P^T)^{-1} P Y^T,\quad P = \begin{bmatrix}1\\ X\end{bmatrix},\quad \hat{y} = w^T P > 0.5",
        "P = np.vstack([np.ones((1, X.shape[1])), X])\nw = np.linalg.solve(P @ P.T, P @ Y.T)\n"
        "prediction = w.T @ P > 0.5",
        Procedure(straight_line),
        shapes="X (2,400)",
        convention="the model fitted at 004:1242 is logistic regression, a linear boundary too: both get 47.0 %",
    ),
    right(
        "pa.deep",
        "deep network step by step: initialise, forward, backward, update",
        "002:548-572; 004:2852-2877",
        r"A^{[l]} = g^{[l]}(W^{[l]} A^{[l-1]} + b^{[l]}),\quad l = 1, \dots, L",
        "A = X\nfor l in range(1, L + 1):\n    Z = parameters[f'W{l}'] @ A + parameters[f'b{l}']\n"
        "    A = relu(Z) if l < L else sigmoid(Z)",
        Procedure(deep),
        shapes="any n",
    ),
    right(
        "pa.init",
        "zeros, large random, He on a 3-layer relu net",
        "004:2248-2306",
        r"W^{[l]} = \text{randn} \cdot \sqrt{\frac{2}{n^{[l-1]}}}",
        "W = np.random.randn(n[l], n[l - 1]) * np.sqrt(2 / n[l - 1])",
        Procedure(he_start, drawing()),
        shapes="[2,10,5,1], m = 300",
    ),
    right(
        "pa.reg",
        "none, L2 (λ = 0.7), dropout (keep 0.86) on a 3-layer net",
        "004:2308-2381",
        r"dW = \frac{1}{m} dZ A^T + \frac{\lambda}{m} W;\quad A = \frac{A * (\text{rand} < 0.86)}{0.86}",
        "dW = 1 / m * dZ @ A_prev.T + lam / m * W\nD = np.random.rand(*A.shape) < keep_prob\nA = A * D / keep_prob",
        Procedure(three_ways, drawing()),
        shapes="[2,20,3,1], m = 211",
    ),
    right(
        "pa.reg-none",
        "no regularisation: train 94.8 %, test 91.5 %",
        "004:2315-2319,2379",
        r"94.8\,\% / 91.5\,\%",
        "train = 94.8\ntest = 91.5",
        Procedure(printed_accuracies("none")),
    ),
    right(
        "pa.reg-l2",
        "L2, λ = 0.7: train 93.83 %, test 93 %",
        "004:2335-2337,2380",
        r"93.83\,\% / 93\,\%",
        "train = 93.83\ntest = 93",
        Procedure(printed_accuracies("L2")),
    ),
    right(
        "pa.reg-dropout",
        "dropout, keep 0.86: train 92.8 %, test 95 %",
        "004:2375,2381",
        r"92.8\,\% / 95\,\%",
        "train = 92.8\ntest = 95",
        Procedure(printed_accuracies("dropout")),
        convention="only with the mask generator seeded anew in every step: one frozen mask, against 000:186",
    ),
    wrong(
        "pa.reg-table",
        "the table: “7.95 / 91.5 %”, “1.94 / 1.93”, “1.93 / 1.95”",
        "004:2378-2381",
        r"7.95/91.5,\quad 1.94/1.93,\quad 1.93/1.95",
        "table = [(7.95, 91.5), (1.94, 1.93), (1.93, 1.95)]",
        Procedure(the_table),
        right="table = [(95, 91.5), (94, 93), (93, 95)]",
        slip="OCR",
        why="the % signs are read as digits",
    ),
    right(
        "pa.gradcheck",
        "gradient checking from scratch, 1-D and N-D: a difference below 1e-7 is fine",
        "004:2383-2411",
        r"\frac{\|\text{approx} - \text{grad}\|}{\|\text{approx}\| + \|\text{grad}\|} < 10^{-7}",
        "fine = difference < 1e-7",
        Procedure(the_gradient_check),
        shapes="[4,5,3,1], m = 3",
    ),
    # ── NumPy ────────────────────────────────────────────────────────────────────────────────────────────────────
    right(
        "np.broadcast",
        "(m,n) with (1,n), (m,n) with (m,1), (m,1) with a number; [1,2,3] + 100",
        "002:253-257; 004:556-568",
        r"(m,n) + (1,n) \rightarrow (m,n);\quad (m,n) / (m,1) \rightarrow (m,n);\quad (m,1) + 100 \rightarrow (m,1)",
        "row = A + r\ncolumn = A / c\nnumber = c + 100",
        Every(
            Identity(by_loops, {"A": "m n", "r": "1 n", "c": "m 1"}),
            Value(np.array([101, 102, 103]), A=np.ones(1), r=np.ones(1), c=np.array([1, 2, 3])),
        ),
    ),
    wrong(
        "np.broadcast-last",
        "compatible if the last axis matches or is 1",
        "002:257",
        r"p[-1] = q[-1] \text{ or } 1",
        "compatible = p[-1] == q[-1] or 1 in (p[-1], q[-1])",
        Procedure(compatible_shapes),
        right="compatible = all(a == b or 1 in (a, b) for a, b in zip(p[::-1], q[::-1]))",
        slip="slip",
        why="every trailing axis must match or be 1",
    ),
    right(
        "np.rank1",
        "np.random.rand(5) has shape (5,), a.T is a; use (5,1) or (1,5)",
        "002:259-273; 004:572-590",
        r"a.\text{shape} = (5,)",
        "a = np.random.rand(5)\ncolumn = np.random.rand(5, 1)\nrow = a.reshape(1, 5)",
        Procedure(ranks, drawing()),
        shapes="(5,) / (5,1)",
    ),
    wrong(
        "np.rank1-shapes",
        "column and row vectors are “n × 1, n × n matrices”",
        "004:588",
        r"n \times 1,\quad n \times n",
        "column = (n, 1)\nrow = (n, n)",
        Procedure(column_and_row),
        right="column = (n, 1)\nrow = (1, n)",
        slip="OCR",
        why="1 is read as n",
        shapes="(n,1),(1,n)",
    ),
    text(
        "np.no-loops",
        "avoid explicit loops, look for the built-in",
        "002:199-207; 004:417-419,454-456",
        "np.dot, np.exp, np.sum work on whole arrays; `experiments.run('vectorisation')` measures it.",
    ),
    # ── depth ────────────────────────────────────────────────────────────────────────────────────────────────────
    right(
        "xor.tree",
        "y = x1 XOR … XOR xn by a tree of depth Θ(log n)",
        "004:1507-1518",
        r"\text{depth} = \lceil \log_2 n \rceil",
        "depth = int(np.ceil(np.log2(n)))",
        Procedure(tree("depth")),
    ),
    wrong(
        "xor.units",
        "number of units Θ(log n)",
        "004:1518",
        r"\text{units} = \Theta(\log n)",
        "units = int(np.ceil(np.log2(n)))",
        Procedure(tree("units")),
        right="units = n - 1",
        slip="slip",
        why="the tree has n − 1 XOR gates: Θ(n); log n is the depth",
    ),
    right(
        "xor.shallow",
        "one hidden layer needs exponentially many units where a small deep network does",
        "002:491,525-531; 003:19-26; 004:1507,1522",
        r"2^{n-1} \text{ terms}",
        "terms = 2 ** (n - 1)",
        Procedure(shallow),
        convention="AND/OR/NOT gates; n threshold units in one hidden layer do suffice",
    ),
    text(
        "deep.features",
        "early layers: edges; later ones compose them: parts, faces; phonemes, words",
        "002:531; 004:1464-1505",
        "Why depth: simple to complex.",
    ),
    # ── overviews ────────────────────────────────────────────────────────────────────────────────────────────────
    text(
        "hyp.list",
        "parameters W[l], b[l]; hyperparameters α, iterations, L, n[l], activation",
        "002:574-580; 003:152-164; 004:1588-1632",
        "Later: momentum, mini-batch size, regularisation (003:162 prints “Loss:” for “Later:”).",
    ),
    text(
        "hyp.empirical",
        "idea, code, experiment: try values",
        "002:580; 003:164; 004:935-943,1618-1632,1672-1699",
        "Intuition doesn't carry over from one application to another; hardware changes.",
    ),
    text(
        "nn.types",
        "home, ads: standard network; image: convolutional; audio, translation: recurrent; image + radar: custom",
        "000:2-10; 002:70-78; 004:65-85",
        "Structured data are tables, unstructured ones audio, images, text (004 merges the last rows).",
    ),
    text(
        "nn.house",
        "price = f(size) by one relu; every hidden unit sees every input",
        "000:10; 002:60-68; 004:44-63",
        "ŷ = f(x): size, bedrooms, postal code, wealth.",
    ),
    text(
        "nn.scale",
        "data, larger networks, faster computation and algorithms drive deep learning",
        "002:80-90; 004:87-109",
        "An algorithm that made computing faster: from the sigmoid to relu.",
    ),
    # ── letters ──────────────────────────────────────────────────────────────────────────────────────────────────
    wrong(
        "ocr.x-as-a",
        "handwritten x printed as a",
        "004:157-185,351,384-386,423-443,464,472,491-497,681,799,824-836,953-971,1344,1351,1512",
        r"z^{(i)} = w^T a^{(i)} + b",
        "z = w.T @ a + b",
        Identity(
            "z = np.sum(w * x) + b",
            {"w": "n 1", "x": "n 1", "a": "1 1", "b": "1 1"},
        ),
        right="z = w.T @ x + b",
        slip="OCR",
        why="x and n_x; where a[0] = x it is harmless, elsewhere a(i) is only defined on the next line",
    ),
    wrong(
        "ocr.x-as-n",
        "x printed as n",
        "004:201,512-513,527-529,609,1359",
        r"dw \mathrel{+}= n^{(1)} dz^{(1)}",
        "dz = a - y\ndw = n * dz",
        Gradient(
            "n = len(w)\na = sigmoid(w.T @ x)\nL = -np.sum(y * np.log(a) + (1 - y) * np.log(1 - a))",
            {"w": "n 1", "x": "n 1", "y": "1 1"},
            {"y": bits},
        ),
        right="dz = a - y\ndw = x * dz",
        slip="OCR",
        why="n is how many features there are, x the example",
    ),
    text(
        "ocr.round",
        "W(l), a(2)(i): round brackets for layers",
        "000:117; 004:826,862-866,1197-1222,1258-1268,1590-1598,1874-1919,2273-2275",
        "[l] for layers, (i) for examples.",
        convention="[l] for layers, (i) for examples",
    ),
]
