"""Shape rules: what size each W, b, z, a and each of their gradients has."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ..transforms import grad
from .claims import Identity, Procedure
from .entry import right, wrong

L5 = [2, 3, 5, 4, 2, 1]


def conforms(sizes: list[int], rng: Any, m: int, W_shapes: Any = None, b_shapes: Any = None) -> bool:
    """Whether W and b of these shapes give Z[l] of shape (n[l], m) in every layer."""
    A = rng.standard_normal((sizes[0], m))
    for layer, (p, n) in enumerate(pairwise(sizes)):
        W = rng.standard_normal(W_shapes[layer] if W_shapes else (n, p))
        Z = W @ A + rng.standard_normal(b_shapes[layer] if b_shapes else (n, 1))
        if Z.shape != (n, m):
            return False
        A = np.tanh(Z)
    return True


def networks(rng: Any) -> list[list[int]]:
    """Sizes of random networks, no two neighbours alike."""
    return [[int(n) for n in rng.permutation(np.arange(2, 9))[: rng.integers(3, 7)]] for _ in range(10)]


def weights_conform(run: Any, rng: Any) -> dict[str, bool]:
    """The forward pass runs with W of these shapes, and dW has them too."""
    third, said = rng.standard_normal((L5[3], L5[2])).shape, run(n=L5, l=3)["shape"]
    if said != third:
        return {f"W[3] of 2-3-5-4-2-1 is {said}; it takes 5 numbers and gives 4": False}
    forward, backward = [], []
    for n in networks(rng):
        shapes = [run(n=n, l=layer)["shape"] for layer in range(1, len(n))]
        forward.append(conforms(n, rng, 6, W_shapes=shapes))
        X = rng.standard_normal((n[0], 6))
        dW = grad(lambda W, X: np.sum(np.tanh(W @ X)))(rng.standard_normal((n[1], n[0])), X)
        backward.append(dW.shape == shapes[0])
    return {"the forward pass of ten random networks runs": all(forward), "dW[l] has W[l]'s shape": all(backward)}


def biases_conform(run: Any, rng: Any) -> dict[str, bool]:
    """The forward pass runs with b of these shapes, for one example and for six; db has them too."""
    forward, same = [], []
    for n in networks(rng):
        shapes = [run(n=n, l=layer)["shape"] for layer in range(1, len(n))]
        forward += [conforms(n, rng, m, b_shapes=shapes) for m in (1, 6)]
        Z, b = rng.standard_normal((n[1], 6)), rng.standard_normal(shapes[0])
        db = grad(lambda b, Z: np.sum(np.tanh(Z + b)))(b, Z)
        same.append(db.shape == shapes[0] == (n[1], 1))
    return {"the forward pass runs for m = 1 and m = 6 with the same b": all(forward), "db has b's shape": all(same)}


def sizes_of(examples: bool) -> Any:
    """z, a, dz and da of every layer have the shape that the line says."""

    def check(run: Any, rng: Any) -> dict[str, bool]:
        """Compare with those of random networks."""
        found = []
        for n in networks(rng):
            m = 6 if examples else 1
            A = rng.standard_normal((n[0], m))
            for layer, (p, k) in enumerate(pairwise(n), start=1):
                said = run(n=n, l=layer, m=m)["shape"]
                Z = rng.standard_normal((k, p)) @ A
                A = np.tanh(Z)
                dZ = grad(lambda Z: np.sum(np.tanh(Z)))(Z)
                dA = grad(lambda A: np.sum(A * A))(A)
                found.append(said == Z.shape == A.shape == dZ.shape == dA.shape)
        return {"z[l], a[l] and their gradients have this shape in ten random networks": all(found)}

    return check


def column_by_column(W: Any, A: Any, b: Any) -> Any:
    """Z, one example after the other."""
    return np.column_stack([W @ A[:, i] + b[:, 0] for i in range(A.shape[1])])


def gradient_has_shape(run: Any, rng: Any) -> dict[str, bool]:
    """Autodiff's gradients have their variables' shapes; a wrong derivation is caught by them alone."""
    W, b, X = rng.standard_normal((4, 3)), rng.standard_normal((4, 1)), rng.standard_normal((3, 6))
    dW, db, dX = grad(lambda W, b, X: np.sum(np.tanh(W @ X + b)), (0, 1, 2))(W, b, X)
    dZ = 1 - np.tanh(W @ X + b) ** 2
    return {
        "dW, db, dX have the shapes of W, b, X": run(pairs=[(dW, W), (db, b), (dX, X)])["same"],
        "a transposed dW is caught": not run(pairs=[(X @ dZ.T, W)])["same"],
        "a db without keepdims is caught": not run(pairs=[(np.sum(dZ, axis=1), b)])["same"],
        "a db that is not summed is caught": not run(pairs=[(dW, W), (dZ, b)])["same"],
    }


def five_layers(run: Any, rng: Any) -> dict[str, bool]:
    """The first two layers of the network 2-3-5-4-2-1, run."""
    Ws = [rng.standard_normal((k, p)) for p, k in pairwise(L5)]
    z1 = Ws[0] @ rng.standard_normal((2, 1))
    z2 = Ws[1] @ z1
    found = run()
    true = {"W1": Ws[0], "x": np.zeros((2, 1)), "z1": z1, "W2": Ws[1], "z2": z2}
    return {f"{name} is {value.shape}": found[name] == value.shape for name, value in true.items()}


def four_layers(run: Any, rng: Any) -> dict[str, bool]:
    """The drawing's circles, layer by layer, and a forward pass through them."""
    found = run()
    inputs, hidden, outputs = 3, (5, 5, 3), 1  # as drawn
    return {
        "as many as are drawn": found["n"] == [inputs, *hidden, outputs],
        "L = 4 layers of weights": found["L"] == len(hidden) + 1,
        "the forward pass runs": conforms(found["n"], rng, 6),
    }


ENTRIES = [
    right(
        "shape.W",
        "W[l] and dW[l] are (n[l], n[l−1])",
        "000:29; 001:196-197; 002:283,291,463,515-519; 003:65-71; 004:752-759,1135,1421-1423,1445",
        r"W^{[l]}, dW^{[l]} \in \mathbb{R}^{n^{[l]} \times n^{[l-1]}}",
        "shape = (n[l], n[l - 1])",
        Procedure(weights_conform),
        shapes="(n[l], n[l-1])",
    ),
    right(
        "shape.b",
        "b[l] and db[l] are (n[l], 1), vectorised or not",
        "000:30; 001:197; 002:463,515-519; 003:67-71; 004:1447,1455",
        r"b^{[l]}, db^{[l]} \in \mathbb{R}^{n^{[l]} \times 1}",
        "shape = (n[l], 1)",
        Procedure(biases_conform),
        shapes="(n[l], 1)",
    ),
    right(
        "shape.z",
        "z[l], a[l], dz[l], da[l] are (n[l], 1) for one example",
        "002:515; 003:87; 004:1131-1133,1449-1451",
        r"z^{[l]}, a^{[l]}, dz^{[l]}, da^{[l]} \in \mathbb{R}^{n^{[l]} \times 1}",
        "shape = (n[l], 1)",
        Procedure(sizes_of(examples=False)),
        shapes="(n[l], 1)",
    ),
    right(
        "shape.Z",
        "Z[l], A[l], dZ[l], dA[l] are (n[l], m)",
        "000:23-32; 002:383-393,519-523; 003:83-94; 004:1433-1462",
        r"Z^{[l]}, A^{[l]}, dZ^{[l]}, dA^{[l]} \in \mathbb{R}^{n^{[l]} \times m},\quad A^{[0]} = X",
        "shape = (n[l], m)",
        Procedure(sizes_of(examples=True)),
        shapes="(n[l], m)",
    ),
    right(
        "shape.b-cast",
        "b[l] (n[l], 1) is broadcast to (n[l], m)",
        "002:223; 003:98; 004:497-499,1441",
        r"Z = W A + b,\quad b: (n^{[l]}, 1) \rightarrow (n^{[l]}, m)",
        "Z = W @ A + b",
        Identity(column_by_column, {"W": "n p", "A": "p m", "b": "n 1"}),
        shapes="(n[l],m)",
    ),
    right(
        "shape.grad-same",
        "a gradient has the shape of its variable: checking dimensions finds many bugs",
        "002:517; 004:1139,1435,1453-1455",
        r"\text{shape}(dvar) = \text{shape}(var)",
        "same = all(dvar.shape == var.shape for dvar, var in pairs)",
        Procedure(gradient_has_shape),
    ),
    right(
        "shape.L5",
        "the five-layer network: (3,1) = (3,2)(2,1), (5,1) = (5,3)(3,1)",
        "004:1403-1427",
        r"W^{[1]}: (3, 2),\quad W^{[2]}: (5, 3)",
        "W1 = (3, 2)\nx = (2, 1)\nz1 = (3, 1)\nW2 = (5, 3)\nz2 = (5, 1)",
        Procedure(five_layers),
        shapes="n = 2,3,5,4,2,1",
    ),
    wrong(
        "shape.L5-W3",
        "W[3] as (n[4], n[3]), W[5] as (n, 2)",
        "004:1429-1431",
        r"W^{[3]}: (4, 5) \rightarrow (n^{[4]}, n^{[3]})",
        "shape = (n[l + 1], n[l])",
        Procedure(weights_conform),
        right="shape = (n[l], n[l - 1])",
        slip="OCR or slip",
        why="(n[3], n[2]) = (4, 5); W[5] is (1, 2)",
        shapes="n = 2,3,5,4,2,1",
    ),
    right(
        "shape.L4",
        "the four-layer network's n[0] … n[4]",
        "004:1341-1344",
        r"n^{[0]} = 3,\ n^{[1]} = 5,\ n^{[2]} = 5,\ n^{[3]} = 3,\ n^{[4]} = 1",
        "n = [3, 5, 5, 3, 1]\nL = len(n) - 1",
        Procedure(four_layers),
    ),
]
