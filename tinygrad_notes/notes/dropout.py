"""Inverted dropout; early stopping; more images from the ones there are."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ..nn.functions import sigmoid
from ..testing.distributions import bits
from ..transforms import grad
from .chance import drawing
from .claims import Gradient, Identity, Procedure
from .entry import right, text, wrong
from .procedures import dropout_forward, early_stopping

KEEP = (0.5, 0.95)
UNITS = {"n": (2, 3, 4)}


def expected(value: Any, units: int, keep_prob: float) -> Any:
    """The exact mean of ``value(d)`` over all masks d of so many units, each 1 with probability keep_prob."""
    total = 0.0
    for mask in itertools.product((0.0, 1.0), repeat=units):
        d = np.array(mask)[:, None]
        total = total + np.prod(np.where(d > 0, keep_prob, 1 - keep_prob)) * value(d)
    return total


def is_a_mask(name: str) -> Any:
    """The formula draws masks: 1 with probability keep_prob, new ones each time."""

    def check(run: Any, rng: Any) -> dict[str, Any]:
        """Draw a large one twice, for two keep_prob."""
        run.using["np"].random.seed(1)
        A = rng.standard_normal((100, 200))
        checks: dict[str, Any] = {}
        for keep_prob in (0.8, 0.86):
            inputs = {"A": A, "a3": A, "n": A.size, "keep_prob": keep_prob}
            D, again = (np.asarray(run(**inputs)[name]) for _ in range(2))
            kept = np.mean(D)
            checks |= {
                f"keep_prob {keep_prob}: {name} has an entry for every unit": D.size == A.size,
                f"0 or 1 everywhere ({keep_prob})": np.all((D == 0) | (D == 1)),
                f"1 for {100 * keep_prob:.0f} % of the units, here {100 * kept:.1f} %": abs(kept - keep_prob) < 0.02,
                f"a new mask every time ({keep_prob})": np.any(again != D),
            }
        return checks

    return check


def zeroed_activations(run: Any, rng: Any) -> dict[str, Any]:
    """What a3 ∗ d3 changes."""
    del rng
    given = {"a3": np.array([3.0, 5.0]), "d3": np.array([1.0, 0.0])}
    after = given | run(**given)
    return {
        f"a3 = (3, 0) afterwards, not {tuple(map(float, after['a3']))}": np.array_equal(after["a3"], [3, 0]),
        "d3 = (1, 0) still": np.array_equal(after["d3"], [1, 0]),
    }


def mean_is_kept(run: Any, rng: Any) -> dict[str, Any]:
    """The mean of many masked copies, against A."""
    run.using["np"].random.seed(1)
    a, N = rng.uniform(0.5, 2, (4, 1)), 100_000
    checks: dict[str, Any] = {}
    for keep_prob in (0.5, 0.8):
        dropped = run(A=np.tile(a, N), keep_prob=keep_prob)["A_drop"]
        room = 5 * a * np.sqrt((1 - keep_prob) / keep_prob / N)
        checks[f"keep_prob {keep_prob}: the mean over {N} masks is A"] = np.all(
            np.abs(np.mean(dropped, axis=1, keepdims=True) - a) < room
        )
        checks[f"{100 * (1 - keep_prob):.0f} % of the units are dropped"] = (
            abs(np.mean(dropped == 0) - (1 - keep_prob)) < 0.01
        )
    return checks


def forty_of_fifty(run: Any, rng: Any) -> dict[str, Any]:
    """The mean number of units that stay, over 4000 masks of 50."""
    _, D = dropout_forward(np.ones((50, 4000)), 0.8, rng)
    found, on = run(), np.mean(np.sum(D, axis=0))
    return {
        f"{on:.1f} of 50 stay": abs(found["on"] - on) < 0.3,
        f"{50 - on:.1f} are off": abs(found["off"] - (50 - on)) < 0.3,
    }


def lost_part(W4: Any, a3: Any, keep_prob: Any) -> Any:
    """W4 a3 less its exact mean over all masks."""
    return W4 @ a3 - expected(lambda d: W4 @ (a3 * d), len(a3), keep_prob)


def scaled_up(a3: Any, keep_prob: Any) -> Any:
    """What must be multiplied by the mask so that its exact mean over all masks is a3."""
    return a3 / expected(lambda d: d, len(a3), keep_prob)


def mean_prediction(W: Any, A: Any, b: Any, keep_prob: Any) -> Any:
    """The exact mean, over all masks, of the predictions with inverted dropout."""
    return expected(lambda d: W @ (A * d / keep_prob) + b, len(A), keep_prob)


def mean_loss(w: Any, x: Any, y: Any, keep_prob: Any) -> Any:
    """The exact mean, over all masks, of the squared loss of a linear unit."""
    return expected(lambda d: ((w.T @ (x * d / keep_prob) - y) ** 2)[0, 0], len(x), keep_prob)


def noisy_cost(run: Any, rng: Any) -> dict[str, Any]:
    """The cost of one and the same w, twice, with dropout and without."""
    run.using["np"].random.seed(1)
    X = rng.uniform(1, 2, (3, 50))
    data = {"X": X, "Y": rng.standard_normal((1, 50)), "w": rng.uniform(1, 2, (3, 1))}
    with_dropout = [run(**data, keep_prob=0.8)["J"] for _ in range(5)]
    without = [run(**data, keep_prob=1.0)["J"] for _ in range(5)]
    w = data["w"]
    true = np.mean((w.T @ X - data["Y"]) ** 2)
    mean = np.mean([run(**data, keep_prob=0.8)["J"] for _ in range(4000)])
    return {
        "their mean is that of `drop.l2`": abs(mean / (true + 0.2 / 0.8 * np.mean(np.sum((w * X) ** 2, axis=0))) - 1)
        < 0.01,
        "with dropout five costs of the same w all differ": len(set(with_dropout)) == 5,
        "with keep_prob = 1 they are the cost": np.allclose(without, true),
    }


def norm_grows(run: Any, rng: Any) -> dict[str, Any]:
    """Logistic regression on noisy labels from W near 0: the norm of W, step by step, and where the dev error turns."""
    n, m = 40, 60
    true = rng.standard_normal((1, n)) / 3
    X, X_dev = rng.standard_normal((n, m)), rng.standard_normal((n, 2000))
    Y, Y_dev = ((sigmoid(true @ x) > rng.random((1, x.shape[1]))) * 1.0 for x in (X, X_dev))

    def step(W: Any, lam: float = 0.0) -> Any:
        return run(W=W, X=X, Y=Y, m=m, alpha=0.5, lam=lam)["W"]

    def dev_error(W: Any) -> float:
        a = np.clip(sigmoid(W @ X_dev), 1e-12, 1 - 1e-12)
        return float(-np.mean(Y_dev * np.log(a) + (1 - Y_dev) * np.log(1 - a)))

    W, norms = 0.01 * rng.standard_normal((1, n)), []
    dW = grad(lambda W: np.mean(np.log(1 + np.exp(W @ X)) - Y * (W @ X)) + 3 / (2 * m) * np.sum(W * W))(true)
    stopped, at = early_stopping(W, step, dev_error, patience=20, steps=2000)
    for _ in range(2000):
        W = step(W)
        norms.append(float(np.sum(W * W)))
    decayed = 0.01 * rng.standard_normal((1, n))
    for _ in range(2000):
        decayed = step(decayed, lam=3.0)
    middle = float(np.sum(stopped * stopped))
    return {
        "a step goes down the gradient": np.allclose(step(true, lam=3.0), true - 0.5 * dW),
        "‖W‖² grows with every step": np.all(np.diff(norms) > 0),
        f"the dev error turns after {at} steps": 0 < at < 500,
        "there ‖W‖² is mid-sized": bool(norms[0] < middle < norms[-1] / 5),
        "L2 keeps it mid-sized too": bool(norms[0] < np.sum(decayed**2) < norms[-1] / 5),
    }


def more_images(run: Any, rng: Any) -> dict[str, Any]:
    """The images mirrored."""
    X, Y = rng.random((5, 4, 6, 3)), np.arange(5)
    found = run(X=X, Y=Y)
    new = found["X_more"][5:]
    return {
        "twice as many images": found["X_more"].shape == (10, 4, 6, 3),
        "the old ones unchanged": np.array_equal(found["X_more"][:5], X),
        "a new one is its image seen in a mirror": all(
            np.array_equal(new[:, :, column], X[:, :, 5 - column]) for column in range(6)
        ),
        "with the same label": np.array_equal(found["Y_more"], [*Y, *Y]),
        "mirrored twice it is itself": np.array_equal(run(X=new, Y=Y)["X_more"][5:], X),
    }


ENTRIES = [
    right(
        "drop.mask",
        "D = rand < keep_prob: 1 with probability keep_prob",
        "000:178-182; 004:1947-1952,2353,2357-2365",
        r"D^{[l]} = \text{np.random.rand}(A^{[l]}.\text{shape}) < \text{keep-prob}",
        "D = np.random.rand(*A.shape) < keep_prob",
        Procedure(is_a_mask("D"), drawing()),
        shapes="as A[l] (n[l],m)",
    ),
    wrong(
        "drop.mask-lost",
        "the mask without the comparison",
        "004:1952",
        r"d^{[3]} = \text{np.random.rand}(a^{[3]}.\text{shape}[0], a^{[3]}.\text{shape}[1])",
        "d3 = np.random.rand(a3.shape[0], a3.shape[1])",
        Procedure(is_a_mask("d3"), drawing()),
        right="d3 = np.random.rand(a3.shape[0], a3.shape[1]) < keep_prob",
        slip="OCR",
        why="“< keep_prob” is lost: a3 would be multiplied by uniform numbers",
        shapes="as a3",
    ),
    wrong(
        "drop.mask-flip",
        "the mask with 1 − keep_prob",
        "004:2361-2362",
        r"d := (d < 1 - \text{keep-prob})",
        "d = np.random.rand(n, 1)\nd = d < (1 - keep_prob)",
        Procedure(is_a_mask("d"), drawing()),
        right="d = np.random.rand(n, 1)\nd = d < keep_prob",
        slip="slip",
        why="keeps 14 % of the units instead of 86 %",
        shapes="(n[l],1) per example",
    ),
    right(
        "drop.forward",
        "A = A ∗ D, A /= keep_prob",
        "000:183-184; 004:1954-1970,2366-2367",
        r"A^{[l]} = A^{[l]} * D^{[l]},\quad A^{[l]} \mathrel{/}= \text{keep-prob}",
        "A = A * D\nA /= keep_prob",
        Identity(
            "A_drop = np.where(D > 0, A / keep_prob, 0)",
            {"A": "n m", "D": "n m", "keep_prob": ""},
            {"D": bits, "keep_prob": KEEP},
        ),
        shapes="as A[l]",
    ),
    wrong(
        "drop.forward-000",
        "a3 ∗ d3 “zeroes the corresponding element of d3”",
        "000:183",
        r"a^{[3]} * d^{[3]} \text{ zeroes } d^{[3]}",
        "d3 = a3 * d3",
        Procedure(zeroed_activations),
        right="a3 = a3 * d3",
        slip="slip",
        why="it zeroes a3 where d3 is 0",
        shapes="as a3",
    ),
    wrong(
        "drop.neq",
        "a3 != keep_prob",
        "004:1956",
        r"a^{[3]} \neq \text{keep-prob}",
        "a3 = a3 != keep_prob",
        Identity("a3 = np.divide(a3, keep_prob)", {"a3": "n m", "keep_prob": ""}, {"keep_prob": KEEP}),
        right="a3 = a3 / keep_prob",
        slip="OCR",
        why="“/=” is read as “not equal”",
        shapes="as a3",
    ),
    right(
        "drop.expect",
        "E[A ∗ D / keep_prob] = A: no scaling at test time",
        "000:185; 004:1958-1970,2367",
        r"E\left[\frac{A * D}{\text{keep-prob}}\right] = A",
        "A_drop = A * (np.random.rand(*A.shape) < keep_prob) / keep_prob",
        Procedure(mean_is_kept, drawing()),
        shapes="as A[l]",
    ),
    right(
        "drop.count",
        "50 units, keep_prob 0.8: on average 40 stay, 10 are off",
        "000:185; 004:1960-1962",
        r"50 \cdot 0.8 = 40",
        "on = 50 * 0.8\noff = 50 - on",
        Procedure(forty_of_fifty),
    ),
    right(
        "drop.z4",
        "without the division W[4] a[3] is expected to fall by 20 %",
        "000:185",
        r"E[W^{[4]} (a^{[3]} * d)] = (1 - 0.2)\, W^{[4]} a^{[3]}",
        "lost = (1 - keep_prob) * (W4 @ a3)",
        Identity(
            lost_part, {"W4": "k n", "a3": "n 1", "keep_prob": ""}, {"keep_prob": KEEP}, dims={"n": (2, 3, 4), "k": 5}
        ),
        shapes="(n4,m)",
        convention="the W a part: b is not reduced",
    ),
    wrong(
        "drop.z4-004",
        "“reduced by 1/20”",
        "004:1964",
        r"z^{[4]} \text{ reduced by } \frac{1}{20}",
        "lost = 1 / 20 * (W4 @ a3)",
        Identity(
            lost_part,
            {"W4": "k n", "a3": "n 1"},
            {"keep_prob": 0.8},
            dims={"n": (1, 2, 3, 4), "k": (1, 2)},
        ),
        right="lost = 20 / 100 * (W4 @ a3)",
        slip="OCR",
        why="20 % is 1/5; 1/20 is 5 %",
    ),
    wrong(
        "drop.bump",
        "a[3] must be bumped up by 20 %",
        "000:185; 004:1966",
        r"a^{[3]} \cdot 1.2",
        "bumped = a3 * 1.2",
        Identity(scaled_up, {"a3": "n 1"}, {"keep_prob": 0.8}, dims={"n": (1, 2, 3, 4)}),
        right="bumped = a3 * 1.25",
        slip="slip",
        why="1/0.8 = 1.25: by 25 %; × 1.2 leaves 0.96",
    ),
    right(
        "drop.backward",
        "dA = dA ∗ D, dA /= keep_prob, with the same D",
        "000:186; 004:2369-2373",
        r"dA^{[l]} = dA^{[l]} * D^{[l]},\quad dA^{[l]} \mathrel{/}= \text{keep-prob}",
        "dA = dA * D\ndA /= keep_prob",
        Gradient(
            "A_drop = A * D / keep_prob\ndA = np.cos(A_drop)\nJ = np.sum(np.sin(A_drop))",
            {"A": "n m", "D": "n m", "keep_prob": ""},
            {"D": bits, "keep_prob": KEEP},
        ),
        shapes="as A[l]",
    ),
    wrong(
        "drop.backward-000",
        "the division is stored in A3",
        "000:186",
        r"dA^{[3]} = dA^{[3]} * D^{[3]},\quad A^{[3]} = dA^{[3]} / \text{keep-prob}",
        "dA3 = dA3 * D3\nA3 = dA3 / keep_prob",
        Gradient(
            "A_drop = A3 * D3 / keep_prob\ndA3 = np.cos(A_drop)\nJ = np.sum(np.sin(A_drop))",
            {"A3": "n m", "D3": "n m", "keep_prob": ""},
            {"D3": bits, "keep_prob": KEEP},
        ),
        right="dA3 = dA3 * D3\ndA3 = dA3 / keep_prob",
        slip="slip",
        why="overwrites A3 by the gradient, and dA3 stays unscaled",
        shapes="as A3",
    ),
    right(
        "drop.test",
        "no dropout at test time",
        "000:191; 004:1974-1980,2376",
        r"z_{test} = W A + b = E[z_{dropout}]",
        "z = W @ A + b",
        Identity(
            mean_prediction,
            {"W": "k n", "A": "n 1", "b": "k 1", "keep_prob": ""},
            {"keep_prob": KEEP},
            dims={"n": (2, 3, 4), "k": 5},
        ),
    ),
    text(
        "drop.per-layer",
        "keep_prob may vary from layer to layer",
        "000:187-189; 004:2000-2001",
        "0.5 for the 7 × 7 layer, 0.7, 1.0; 1 (or 0.9) for the input layer: lower where there are many weights.",
    ),
    right(
        "drop.l2",
        "dropout spreads the weights like L2: exactly so for a linear unit",
        "000:192; 004:1982-1997,2355",
        r"E[L] = (w^T x - y)^2 + \frac{1 - k}{k} \sum_j w_j^2 x_j^2",
        "L = ((w.T @ x - y) ** 2)[0, 0] + (1 - keep_prob) / keep_prob * np.sum(w**2 * x**2)",
        Identity(
            mean_loss,
            {"w": "n 1", "x": "n 1", "y": "1 1", "keep_prob": ""},
            {"keep_prob": KEEP},
            dims={"n": (2, 3, 4)},
        ),
    ),
    right(
        "drop.J",
        "with dropout J is no longer well defined: turn it off, see J fall, turn it on",
        "000:194; 004:2004-2008",
        r"J = \frac{1}{m} \sum_i (w^T (x^{(i)} * d^{(i)}) / \text{keep-prob} - y^{(i)})^2",
        "J = np.mean((w.T @ (X * (np.random.rand(*X.shape) < keep_prob) / keep_prob) - Y) ** 2)",
        Procedure(noisy_cost, drawing()),
    ),
    text(
        "drop.vision",
        "dropout is often used in computer vision, not everywhere",
        "000:193; 004:2002-2003",
        "There one never has enough data; use it where the network overfits.",
    ),
    # ── early stopping, augmentation ─────────────────────────────────────────────────────────────────────────────
    text(
        "es.rule",
        "early stopping: stop where the dev error parts from the training error",
        "000:198-199; 004:2018-2022",
        "Plot both errors against iterations; `procedures.early_stopping` and `tn.train.EarlyStopping` do it.",
    ),
    right(
        "es.mid-w",
        "stopping early keeps ‖W‖² mid-sized, like L2",
        "000:200; 004:2022-2024",
        r"W \approx 0 \rightarrow \|W\|_F^2 \text{ grows}",
        "A = sigmoid(W @ X)\nW = W - alpha * (1 / m * (A - Y) @ X.T + lam / m * W)",
        Procedure(norm_grows),
    ),
    text(
        "es.coupled",
        "early stopping mixes two tasks",
        "000:202-203; 004:2026-2042,2489-2491",
        "“Optimise J” and “do not overfit” are then one knob: against orthogonalisation.",
    ),
    text(
        "es.vs-l2",
        "L2 means trying many λ; one run of early stopping tries small, middle and large W",
        "000:204; 004:2043",
        "What speaks for early stopping: it costs one run.",
    ),
    right(
        "aug.images",
        "flip, zoom, crop, distort: new labelled images, a regulariser",
        "000:196; 004:2014-2016",
        r"x_{i,j} \rightarrow x_{i,n-1-j},\quad y \rightarrow y",
        "X_more = np.concatenate([X, X[:, :, ::-1]])\nY_more = np.concatenate([Y, Y])",
        Procedure(more_images),
        shapes="as image",
    ),
]
