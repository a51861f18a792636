"""Start values: why not zeros, why not large, and He's and Xavier's scales."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..nn.functions import sigmoid
from ..transforms import grad
from .chance import drawing
from .claims import Every, Procedure
from .entry import right, text, wrong
from .experiments.data import circles
from .procedures import L_layer_forward, L_layer_model, cost, initialize, two_layer_model

NET = [2, 10, 5, 1]
STEPS, RATE = 15_000, 0.01


def xor_data() -> tuple[Any, Any]:
    """Four points that no straight line divides."""
    return np.array([[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]]) - 0.5, np.array([[0.0, 1.0, 1.0, 0.0]])


def rows_alike(W: Any) -> bool:
    """Whether all units of a layer are the same function."""
    return bool(np.allclose(W, W[:1], atol=1e-12))


def symmetry(run: Any, rng: Any) -> dict[str, bool]:
    """Train from these W and look at the two hidden units."""
    X, Y = rng.standard_normal((2, 20)), (np.arange(20) % 4 == 0).reshape(1, 20) * 1.0
    found = run()
    start = {"W1": found["W1"], "b1": np.zeros((2, 1)), "W2": found["W2"], "b2": np.zeros((1, 1))}
    after, _ = L_layer_model(X, Y, start, 0.5, 200, "sigmoid")
    one = {
        "W1": after["W1"][:1],
        "b1": after["b1"][:1],
        "W2": after["W2"].sum(axis=1, keepdims=True),
        "b2": after["b2"],
    }
    by_tanh, _ = two_layer_model(X, Y, start, 0.5, 200)
    return {
        "W is 0": not np.any(found["W1"]) and not np.any(found["W2"]),
        "the two units have moved (σ)": np.max(np.abs(after["W2"])) > 0.1,
        "and are still the same function after 200 steps": rows_alike(after["W1"]) and rows_alike(after["W2"].T),
        "a network of one unit does the same": np.allclose(
            L_layer_forward(X, after, "sigmoid")[0], L_layer_forward(X, one, "sigmoid")[0]
        ),
        "with tanh nothing but b[2] moves": not np.any(by_tanh["W1"]) and not np.any(by_tanh["W2"]),
    }


def zeros_are_linear(run: Any, rng: Any) -> dict[str, bool]:
    """The relu network of the assignment from zeros, on two circles."""
    del rng
    X, Y = circles(300, seed=1)
    found = run(n=NET)
    start = {f"{kind}{layer}": found[kind][layer - 1] for layer in (1, 2, 3) for kind in ("W", "b")}
    trained, costs = L_layer_model(X, Y, start, 0.1, 100)
    A, _ = L_layer_forward(X, trained)
    return {
        "the output stays 1/2 everywhere": np.allclose(A, 0.5),
        "50 % right": np.isclose(100 * np.mean((A > 0.5) == Y), 50),
        "the cost stays log 2": np.allclose(costs, np.log(2)),
    }


def zero_bias(run: Any, rng: Any) -> dict[str, bool]:
    """Random W, b as given: the units part and the cost falls."""
    X, Y = xor_data()
    b1 = run(n=[2, 4, 1], l=1)["b"]
    start = {**initialize([2, 4, 1], rng, 1.0), "b1": b1}
    trained, costs = two_layer_model(X, Y, start, 0.5, 2000)
    return {
        "b is (n[l], 1) and 0": b1.shape == (4, 1) and not np.any(b1),
        "the units differ": not rows_alike(trained["W1"]),
        "XOR is learnt": costs[-1] < 0.1,
    }


def pooled(run: Any, name: str, times: int = 600, **inputs: Any) -> Any:
    """All draws of a weight matrix, one above the other."""
    run.using["np"].random.seed(1)
    return np.stack([run(**inputs)[name] for _ in range(times)])


def small_start(run: Any, rng: Any) -> dict[str, bool]:
    """Shapes and sizes of the four start values, and what training makes of them."""
    X, Y = rng.standard_normal((2, 20)), rng.integers(0, 2, (1, 20)) * 1.0
    W1, W2 = pooled(run, "W1"), pooled(run, "W2")
    trained, _ = two_layer_model(X, Y, run(), 0.5, 100)
    return {
        "W1 (2,2), W2 (1,2)": W1.shape[1:] == (2, 2) and W2.shape[1:] == (1, 2),
        "normal with deviation 0.01": all(
            abs(np.std(W) / 0.01 - 1) < 0.1 and abs(np.mean(W)) < 0.001 for W in (W1, W2)
        ),
        "b is 0": not np.any(run()["b1"]) and not np.any(run()["b2"]),
        "the units part": not rows_alike(trained["W1"]),
    }


def standard_normal_draw(scale: float) -> Any:
    """A (2, 2) matrix of normal numbers with this deviation."""

    def check(run: Any, rng: Any) -> dict[str, bool]:
        """Pool many draws."""
        del rng
        W = pooled(run, "W")
        return {
            "W is (2, 2)": W.shape[1:] == (2, 2),
            f"half of the weights are negative ({np.mean(W < 0):.2f} of them)": abs(np.mean(W < 0) - 0.5) < 0.05,
            f"their deviation is {scale} ({np.std(W):.3g})": abs(np.std(W) / scale - 1) < 0.1,
        }

    return check


def one_output(run: Any, rng: Any) -> dict[str, bool]:
    """W2 gives as many outputs as there are labels."""
    run.using["np"].random.seed(1)
    found = run()
    A1, Y = rng.standard_normal((2, 5)), np.zeros((1, 5))
    Z2 = found["W2"] @ A1 + found["b2"]
    return {
        f"Z[2] {Z2.shape} has the shape of Y {Y.shape}": Z2.shape == Y.shape,
        "W[2] is small": np.max(np.abs(found["W2"])) < 0.1,
        "b[2] starts at 0": not np.any(found["b2"]),
    }


def update_fits(run: Any, rng: Any) -> dict[str, bool]:
    """b[1] −= α db[1] for two hidden units."""
    b1 = run()["b1"]
    W1, X = rng.standard_normal((2, 3)), rng.standard_normal((3, 6))
    db1 = np.sum(1 - np.tanh(W1 @ X + b1) ** 2, axis=1, keepdims=True)
    checks = {"b[1] starts at 0": not np.any(b1)}
    b1 -= 0.1 * db1
    return {**checks, "b[1] keeps its shape in an update": b1.shape == db1.shape}


def slopes(run: Any, rng: Any) -> dict[str, bool]:
    """The slope of σ at small and at large weights."""
    x, W = rng.standard_normal((50, 200)), rng.standard_normal((20, 50))
    small, large = run(W=W * 0.01, x=x), run(W=W * 10, x=x)
    true = grad(lambda z: np.sum(sigmoid(z)))(W * 0.1 @ x)
    return {
        "large W, large |z|": np.mean(np.abs(large["z"])) > 10 > 1 > np.mean(np.abs(small["z"])),
        "it is the slope of σ": np.allclose(run(W=W * 0.1, x=x)["slope"], true),
        "small W: the slope is nearly 1/4": np.mean(small["slope"]) > 0.24,
        "large W: nearly 0": np.mean(large["slope"]) < 0.02,
    }


def is_large(run: Any, rng: Any) -> dict[str, bool]:
    """What is named is large for large W, with σ and with tanh."""
    Z = 10 * rng.standard_normal((20, 50)) @ rng.standard_normal((50, 30))
    most = {g.__name__: np.max(np.abs(run(g=g, Z=Z)["large"])) for g in (sigma, np.tanh)}
    return {f"with {name} it exceeds 100 (the largest is {value:.3g})": value > 100 for name, value in most.items()}


def sigma(z: Any) -> Any:
    """The sigmoid, 1/(1 + e^−z)."""
    return sigmoid(z)


def relu_regression(run: Any, rng: Any) -> dict[str, bool]:
    """A net of relu and linear layers, squared loss, from these weights: 500 steps."""
    run.using["np"].random.seed(3)
    X = rng.standard_normal((2, 100))
    Y = np.sin(X[:1]) + 0.5 * X[1:] ** 2
    Ws = [run(n=NET, l=layer)["W"] for layer in (1, 2, 3)]
    bs = [np.zeros((n, 1)) for n in NET[1:]]
    m = X.shape[1]
    for _ in range(500):
        A1 = np.maximum(0, Ws[0] @ X + bs[0])
        A2 = np.maximum(0, Ws[1] @ A1 + bs[1])
        dZ3 = Ws[2] @ A2 + bs[2] - Y
        dZ2 = Ws[2].T @ dZ3 * (A2 > 0)
        dZ1 = Ws[1].T @ dZ2 * (A1 > 0)
        for layer, (dZ, A) in enumerate(((dZ1, X), (dZ2, A1), (dZ3, A2))):
            Ws[layer] = Ws[layer] - 0.01 / m * dZ @ A.T
            bs[layer] = bs[layer] - 0.01 / m * np.sum(dZ, axis=1, keepdims=True)
    last = np.mean(dZ3**2) / 2
    constant = np.var(Y) / 2
    return {f"after 500 steps the cost {last:.3g} is below that of a constant, {constant:.3g}": last < constant}


def large_is_costly(run: Any, rng: Any) -> dict[str, bool]:
    """The first forward pass of the assignment's net."""
    X, Y = circles(300, seed=1)
    run.using["np"].random.seed(3)
    large = initialize(NET, rng, 0.0) | {f"W{layer}": run(n=NET, l=layer)["W"] for layer in (1, 2, 3)}
    A, _ = L_layer_forward(X, large)
    first = cost(L_layer_forward(X, initialize(NET, rng, 0.5))[0], Y)
    wrong_ones = (A > 0.5) != Y
    draws = [run(n=NET, l=2)["W"] for _ in range(200)]
    return {
        "W[2] (5, 10) is ten times a normal draw": draws[0].shape == (5, 10) and abs(np.std(draws) / 10 - 1) < 0.03,
        "the last σ is within 1 % of 0 or 1 for most": np.mean((A < 0.01) | (A > 0.99)) > 0.9,
        "the cost of small weights is finite": np.isfinite(first),
        "the mean cost of these is over ten times that": not cost(A, Y) < 10 * first,
        "and comes from the wrong ones, some of them inf": not np.isfinite(
            np.mean(-Y * np.log(A) - (1 - Y) * np.log(1 - A), where=wrong_ones)
        ),
    }


def keeps(what: str) -> Any:
    """The scale keeps E[a²] through relu layers, or the variance through linear ones, or is Glorot's compromise."""

    def check(run: Any, rng: Any) -> dict[str, bool]:
        """Two wide layers of different sizes."""
        n = [600, 900, 300]
        run.using["np"].random.seed(5)
        W1, W2 = run(n=n, l=1)["W"], run(n=n, l=2)["W"]
        shapes = {"W[l] is (n[l], n[l−1])": W1.shape == (900, 600) and W2.shape == (300, 900)}
        if what == "harmonic":
            means = [2 / (1 / (1 / n[i]) + 1 / (1 / n[i + 1])) for i in (0, 1)]
            return shapes | {
                "variance = harmonic mean of 1/n_in and 1/n_out": all(
                    abs(np.var(W) / mean - 1) < 0.03 for W, mean in zip((W1, W2), means, strict=True)
                )
            }
        least = 0.0 if what == "relu" else -np.inf
        A0 = np.maximum(least, rng.standard_normal((600, 200)))
        A1 = np.maximum(least, W1 @ A0)
        A2 = np.maximum(least, W2 @ A1)
        same = [abs(np.mean(a * a) / np.mean(A0 * A0) - 1) < 0.1 for a in (A1, A2)]
        return shapes | {f"E[a²] is kept through two {what} layers": all(same)}

    return check


def the_table(run: Any, rng: Any) -> dict[str, bool]:
    """Train the assignment's net from zeros, from randn·10 and from He's weights: 15 000 steps side by side."""
    del rng
    X, Y = circles(300, seed=1)
    many = []
    he = np.sqrt(2 / np.array(NET))
    for scale in (0 * he, 10 * np.ones(4), he):
        draw = np.random.RandomState(3)
        many.append([draw.randn(NET[i + 1], NET[i]) * scale[i] for i in range(3)])
    Ws = [np.stack([net[i] for net in many]) for i in range(3)]
    bs = [np.zeros((3, n, 1)) for n in NET[1:]]
    m = X.shape[1]
    for _ in range(STEPS):
        A1 = np.maximum(Ws[0] @ X + bs[0], 0)
        A2 = np.maximum(Ws[1] @ A1 + bs[1], 0)
        dZ3 = (1 / (1 + np.exp(-(Ws[2] @ A2 + bs[2]))) - Y) / m
        dZ2 = Ws[2].mT @ dZ3 * (A2 > 0)
        dZ1 = Ws[1].mT @ dZ2 * (A1 > 0)
        for layer, (dZ, A) in enumerate(((dZ1, X), (dZ2, A1), (dZ3, A2))):
            Ws[layer] = Ws[layer] - RATE * dZ @ A.mT
            bs[layer] = bs[layer] - RATE * np.sum(dZ, axis=-1, keepdims=True)
    Z = Ws[2] @ np.maximum(Ws[1] @ np.maximum(Ws[0] @ X + bs[0], 0) + bs[1], 0) + bs[2]
    percent = 100 * np.mean((Z > 0) == (Y > 0.5), axis=(1, 2))
    said = run()
    return {
        f"{name}: {got:.2f} % after {STEPS} steps": abs(said[name] - got) < 0.5
        for name, got in zip(("zeros", "large", "he"), percent, strict=True)
    }


ENTRIES = [
    right(
        "init.symmetry",
        "W = 0: the units stay the same function, as if n[l] were 1",
        "000:134-136; 001:268-282; 002:483; 004:1187-1207,2270-2275",
        r"W = 0 \Rightarrow a_1^{[1]} = a_2^{[1]},\ dz_1^{[1]} = dz_2^{[1]}",
        "W1 = np.zeros((2, 2))\nW2 = np.zeros((1, 2))",
        Procedure(symmetry),
        shapes="W[1] (2,2), W[2] (1,2)",
    ),
    right(
        "init.zero-linear",
        "from zeros a network is no more powerful than a linear classifier",
        "004:2274",
        r"W^{[l]} = 0,\ b^{[l]} = 0",
        "W = [np.zeros((n[l], n[l - 1])) for l in (1, 2, 3)]\nb = [np.zeros((n[l], 1)) for l in (1, 2, 3)]",
        Procedure(zeros_are_linear),
    ),
    right(
        "init.b-zero",
        "b may start at 0 when W is random",
        "000:134; 001:272,290; 004:1216-1222,2276",
        r"b^{[l]} = 0",
        "b = np.zeros((n[l], 1))",
        Procedure(zero_bias),
        shapes="(n[l],1)",
    ),
    right(
        "init.small",
        "W = randn · 0.01, b = 0",
        "000:137; 001:286; 002:485; 004:1211-1220",
        r"W^{[l]} = \text{np.random.randn}(n^{[l]}, n^{[l-1]}) \cdot 0.01,\quad b^{[l]} = 0",
        "W1 = np.random.randn(2, 2) * 0.01\nb1 = np.zeros((2, 1))\n"
        "W2 = np.random.randn(1, 2) * 0.01\nb2 = np.zeros((1, 1))",
        Procedure(small_start, drawing()),
        shapes="(2,2),(2,1),(1,2),(1,1)",
    ),
    wrong(
        "init.randn-tuple",
        "randn with a tuple",
        "000:137; 001:286; 004:1213,1220",
        r"W = \text{np.random.randn}((2, 2))",
        "W = np.random.randn((2, 2))",
        Procedure(standard_normal_draw(1), drawing()),
        right="W = np.random.randn(2, 2)",
        slip="slip",
        why="randn takes the sizes one by one: TypeError; on the slide too",
        shapes="(2,2)",
    ),
    wrong(
        "init.rand",
        "rand for the weights",
        "000:137",
        r"W = \text{np.random.rand}(2, 2) \cdot 0.01",
        "W = np.random.rand(2, 2) * 0.01",
        Procedure(standard_normal_draw(0.01), drawing()),
        right="W = np.random.randn(2, 2) * 0.01",
        slip="slip",
        why="rand is uniform on [0, 1): all weights are positive",
        shapes="(2,2)",
    ),
    wrong(
        "init.W2-shape",
        "W[2] of shape (2, 2) for one output",
        "000:137",
        r"w^{[2]} = \text{np.random.rand}((2, 2)) \cdot 0.01,\quad b^{[2]} = 0",
        "W2 = np.random.randn(2, 2) * 0.01\nb2 = 0",
        Procedure(one_output, drawing()),
        right="W2 = np.random.randn(1, 2) * 0.01\nb2 = 0",
        slip="slip",
        why="one output: (1, 2), as at 004:1220; rand and the tuple are rows of their own",
        shapes="(2,2)",
    ),
    wrong(
        "init.b1-shape",
        "b[1] of shape (1, 1) for two units",
        "001:288",
        r"b^{[1]} = \text{np.zeros}((1, 1))",
        "b1 = np.zeros((1, 1))",
        Procedure(update_fits),
        right="b1 = np.zeros((2, 1))",
        slip="OCR or slip",
        why="two units: (2, 1), as at 001:272 and 004:1216",
        shapes="(1,1)",
    ),
    right(
        "init.why-small",
        "large W, large |z|, slope near 0, slow learning",
        "000:138; 001:293-300; 002:485; 004:1224-1232",
        r"\sigma'(Wx) \rightarrow 0 \text{ for large } W",
        "z = W @ x\nslope = sigmoid(z) * (1 - sigmoid(z))",
        Procedure(slopes),
    ),
    wrong(
        "init.large-A",
        "large W: “A = g(Z) is large too”",
        "000:138",
        r"A = g(Z) \text{ is large}",
        "large = g(Z)",
        Procedure(is_large),
        right="large = Z",
        slip="slip",
        why="|σ|, |tanh| ≤ 1: it is Z that is large, A saturates",
    ),
    wrong(
        "init.large-relu",
        "“if you use neither sigma nor tanh it is not an issue”",
        "000:138",
        r"W = \text{randn} \cdot 10 \text{ with relu}",
        "W = np.random.randn(n[l], n[l - 1]) * 10",
        Every(Procedure(relu_regression, drawing()), Procedure(keeps("relu"), drawing())),
        right="W = np.random.randn(n[l], n[l - 1]) * np.sqrt(2 / n[l - 1])",
        slip="slip",
        why="large weights spoil a relu net as well: He's scale, as the table of a relu net (004:2298-2301) shows",
    ),
    right(
        "init.large-cost",
        "large random weights: the last σ near 0 or 1, wrong examples cost very much, inf",
        "004:2278-2287",
        r"W = \text{randn} \cdot 10:\quad \log(a) = \log(0)",
        "W = np.random.randn(n[l], n[l - 1]) * 10",
        Procedure(large_is_costly, drawing()),
    ),
    right(
        "init.he",
        "He: randn · √(2/n[l−1]), for relu",
        "004:2268,2289-2296,2306",
        r"W^{[l]} = \text{randn} \cdot \sqrt{\frac{2}{n^{[l-1]}}}",
        "W = np.random.randn(n[l], n[l - 1]) * np.sqrt(2 / n[l - 1])",
        Procedure(keeps("relu"), drawing()),
        shapes="W[l] (n[l],n[l-1])",
    ),
    right(
        "init.xavier",
        "Xavier: randn · √(1/n[l−1]), for tanh",
        "004:2149,2289",
        r"W^{[l]} = \text{randn} \cdot \sqrt{\frac{1}{n^{[l-1]}}}",
        "W = np.random.randn(n[l], n[l - 1]) * np.sqrt(1 / n[l - 1])",
        Procedure(keeps("linear"), drawing()),
        shapes="as W[l]",
    ),
    right(
        "init.glorot",
        "another: randn · √(2/(n[l−1] + n[l]))",
        "004:2150",
        r"W^{[l]} = \text{randn} \cdot \sqrt{\frac{2}{n^{[l-1]} + n^{[l]}}}",
        "W = np.random.randn(n[l], n[l - 1]) * np.sqrt(2 / (n[l - 1] + n[l]))",
        Procedure(keeps("harmonic"), drawing()),
        shapes="as W[l]",
    ),
    text(
        "init.variance-hyper",
        "the scale of the start values is a hyperparameter",
        "002:485; 004:2151,2287",
        "0.01, or the variance, may be tuned; among hyperparameters it is not the first to tune.",
    ),
    right(
        "init.table",
        "3-layer relu net: zeros 50 %, large random 83 %, He 99 %",
        "004:2298-2301",
        r"\text{zeros } 50\,\%,\quad \text{large } 83\,\%,\quad \text{He } 99\,\%",
        "zeros = 50\nlarge = 83\nhe = 99",
        Procedure(the_table),
    ),
    text(
        "init.lessons",
        "different start values, different results; random breaks symmetry; not too large; He with relu",
        "004:2259-2276,2303-2306",
        "What the assignment's table teaches; `experiments.run('initialisation')` runs it again.",
    ),
]
