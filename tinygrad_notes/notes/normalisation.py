"""Inputs of mean 0 and variance 1; activations and gradients that vanish or explode with depth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..transforms import grad, hessian
from .chance import drawing
from .claims import Every, Identity, Procedure, Value
from .entry import right, wrong
from .procedures import normalise

EXAMPLES: dict[str, Callable[..., Any]] = {"m": lambda _rng, _shape, dims: dims["m"]}


def skewed(rng: Any, m: int) -> Any:
    """The notes' two features: x1 between 1 and 1000, x2 between 0 and 1."""
    return np.stack([rng.uniform(1, 1000, m), rng.uniform(0, 1, m)])


def centred(rng: Any, m: int) -> Any:
    """The same with mean 0."""
    X = skewed(rng, m)
    return X - np.mean(X, axis=1, keepdims=True)


def centred_by_loop(X: Any, m: Any) -> dict[str, Any]:
    """The mean of each feature, added up example by example, and what is left without it."""
    mu = np.zeros((len(X), 1))
    for i in range(m):
        mu += X[:, [i]]
    mu = mu / m
    return {"mu": mu, "X": np.column_stack([X[:, [i]] - mu for i in range(m)])}


def unit_variance(run: Any, rng: Any) -> dict[str, Any]:
    """The variances afterwards."""
    X = centred(rng, 500)
    sigma2 = np.mean(X**2, axis=1, keepdims=True)
    found = run(X=X, sigma2=sigma2, sigma=np.sqrt(sigma2))["X"]
    variances = np.var(found, axis=1)
    return {f"the variances become 1 (they are {variances[0]:.3g} and {variances[1]:.3g})": np.allclose(variances, 1)}


def same_map(run: Any, rng: Any) -> dict[str, Any]:
    """A model of normalised inputs is a model of raw ones: on the test set as on the training set."""
    X, X_test = skewed(rng, 50), 3 * skewed(rng, 20)
    mu, sigma = np.mean(X, axis=1, keepdims=True), np.std(X, axis=1, keepdims=True)
    w, b = rng.standard_normal((2, 1)), 0.5
    w_raw = w / sigma
    raw = w_raw.T @ X_test + b - w_raw.T @ mu
    found = run(X_test=X_test, mu=mu, sigma=sigma)["X_test"]
    return {
        "the model that raw inputs would have got says the same": np.allclose(w.T @ found + b, raw),
        "it is what normalise(X, X_test) does": np.allclose(found, normalise(X, X_test)[1]),
        "with the test set's own mean it would not": not np.allclose(normalise(X_test, X_test)[0], found),
    }


def standardised(run: Any, rng: Any) -> dict[str, Any]:
    """Means, deviations, and the range of pixels."""
    images = rng.integers(0, 256, (12, 30))
    images[0, :2] = 0, 255
    found = run(X=skewed(rng, 100), images=images)
    return {
        "means 0": np.allclose(np.mean(found["X"], axis=1), 0),
        "deviations 1": np.allclose(np.std(found["X"], axis=1), 1),
        "pixels from 0 to 1": (found["images"].min(), found["images"].max()) == (0, 1),
    }


def bowls(run: Any, rng: Any) -> dict[str, Any]:
    """The cost's bowl over two weights, raw and normalised: its length, the rate it bears, how fast one descends."""
    raw = skewed(rng, 200)
    normal, _ = normalise(raw, raw)
    w_true = np.array([[1.0], [-2.0]])
    rates, lengths, left = {}, {}, {}
    checks = {}
    for name, X in (("raw", raw), ("normalised", normal)):
        found = run(X=X, m=200)
        J = lambda w, X=X: np.mean((w.T @ X - w_true.T @ X) ** 2) / 2
        H = hessian(J)(np.zeros((2, 1)))[:, 0, :, 0]
        checks[f"{name}: H is the cost's Hessian"] = np.allclose(found["H"], H)
        for share in (0.9, 1.1):
            w = np.zeros((2, 1))
            for _ in range(50):
                w = w - share * found["alpha_max"] / 200 * X @ (X.T @ w - X.T @ w_true)
            left[name, share] = np.linalg.norm(w - w_true) / np.linalg.norm(w_true)
        rates[name], lengths[name] = found["alpha_max"], found["length"]
    return {
        **checks,
        "raw: an elongated bowl": lengths["raw"] > 1e5,
        "normalised: a round one": lengths["normalised"] < 2,
        "the rate may be 10 000 times larger": rates["normalised"] > 1e4 * rates["raw"],
        "below the largest rate descent arrives in 50 steps": left["normalised", 0.9] < 0.01,
        "raw it does not": left["raw", 0.9] > 0.3,
        "above it, it diverges": left["raw", 1.1] > 1 and left["normalised", 1.1] > 1,
    }


def linear_forward(Ws: Any, x: Any) -> list[Any]:
    """All activations for g(z) = z, b = 0."""
    activations = [x]
    for W in Ws:
        activations.append(W @ activations[-1])
    return activations


def product(run: Any, rng: Any) -> dict[str, Any]:
    """The product of the matrices, against the forward pass, for random L and sizes."""
    same = []
    for _ in range(10):
        n = rng.integers(1, 6, rng.integers(4, 9))
        W = [None, *(rng.standard_normal((n[i + 1], n[i])) for i in range(len(n) - 1))]
        x = rng.standard_normal((n[0], 1))
        same.append(np.allclose(run(W=W, L=len(n) - 1, x=x)["yhat"], linear_forward(W[1:], x)[-1]))
    return {"the forward pass of ten random networks": all(same)}


def power_of(w: float) -> Any:
    """The factor of a[L−1] over x when each W[l] is w I."""

    def check(run: Any, rng: Any) -> dict[str, Any]:
        """Multiply it out, layer by layer."""
        checks = {}
        for L in (2, 5, 150):
            x = rng.standard_normal((2, 1))
            last = linear_forward([w * np.eye(2)] * (L - 1), x)[-1]
            checks[f"L = {L}: a[L−1] is {last[0, 0] / x[0, 0]:.3g} x"] = np.allclose(
                run(L=L)["factor"] * x, last, atol=0
            )
        return checks

    return check


def what_grows(run: Any, rng: Any) -> dict[str, Any]:
    """150 layers of 1.5 I and of 0.5 I."""
    checks = {}
    for w in (1.5, 0.5):
        Ws = [w * np.eye(2)] * 150
        sizes = run(Ws=Ws, activations=linear_forward(Ws, rng.standard_normal((2, 1))))["sizes"]
        factor = sizes[-1] / sizes[0]
        checks[f"{w} I: they change like {w}^L (here by {factor:.3g})"] = abs(np.log(factor)) > 100 * abs(np.log(w))
    return checks


def same(found: Any, wanted: Any) -> bool:
    """Whether shapes and values agree, however small these are."""
    return np.shape(found) == np.shape(wanted) and np.allclose(found, wanted, atol=0)


def gradient_through(run: Any, rng: Any) -> dict[str, Any]:
    """d(sum of the output)/dx through L layers, by autodiff."""
    checks = {}
    for w in (1.5, 0.5):
        for L in (2, 20, 150):
            dx = grad(lambda x, w=w, L=L: np.sum(linear_forward([w * np.eye(2)] * L, x)[-1]))(
                rng.standard_normal((2, 1))
            )
            checks[f"w = {w}, L = {L}: {dx[0, 0]:.3g}"] = same(run(w=w, L=L)["dx"], dx)
    return checks


def size_is_kept(run: Any, rng: Any) -> dict[str, Any]:
    """30 layers, wider and wider, with this start, and with weights of other sizes."""
    run.using["np"].random.seed(1)
    n = [int(k) for k in np.geomspace(60, 960, 31)]
    x = rng.standard_normal((60, 1))

    Ws = [run(n=n, l=layer)["W"] for layer in range(1, 31)]

    def changes(scale: float) -> Any:
        activations = linear_forward([scale * W for W in Ws], x)
        return np.sqrt([np.mean(a**2) / np.mean(x**2) for a in activations])

    kept, half, twice = (changes(scale)[-1] for scale in (1.0, 0.5, 2.0))
    return {
        "no layer changes the size more than twofold": np.all(np.abs(np.log2(changes(1.0))) < 1),
        f"after 30 layers the size is {kept:.2f} of what it was": 1 / 2 < kept < 2,
        f"with half the weights {half:.1g}": half < 1e-8,
        f"with twice the weights {twice:.1g}": twice > 1e8,
    }


ENTRIES = [
    right(
        "norm.mean",
        "μ = (1/m) Σ x(i), x(i) := x(i) − μ",
        "004:2062-2066",
        r"\mu = \frac{1}{m}\sum_{i=1}^m x^{(i)},\quad x^{(i)} := x^{(i)} - \mu",
        "mu = 1 / m * np.sum(X, axis=1, keepdims=True)\nX = X - mu",
        Identity(centred_by_loop, {"X": "n m", "m": ""}, EXAMPLES),
        shapes="mu (n_x,1)",
    ),
    right(
        "norm.var",
        "then σ² = (1/m) Σ x(i)²",
        "004:2054-2058",
        r"\sigma^2 = \frac{1}{m}\sum_{i=1}^m x^{(i)} {**}\, 2",
        "X = X - np.mean(X, axis=1, keepdims=True)\nsigma2 = 1 / m * np.sum(X**2, axis=1, keepdims=True)",
        Identity("sigma2 = np.var(X, axis=1)[:, None]", {"X": "n m", "m": ""}, EXAMPLES),
        shapes="(n_x,1)",
    ),
    wrong(
        "norm.divide",
        "X /= σ²",
        "004:2060",
        r"X \mathrel{/}= \sigma^2",
        "X /= sigma2",
        Procedure(unit_variance),
        right="X /= sigma",
        slip="OCR or slip",
        why="that leaves the variance 1/σ²; on the slide too, and “/=” is read as “=”",
        shapes="(n_x,m)",
    ),
    right(
        "norm.test",
        "use the training set's μ and σ² on the test set",
        "004:2068-2070",
        r"x_{test} := \frac{x_{test} - \mu_{train}}{\sigma_{train}}",
        "X_test = (X_test - mu) / sigma",
        Procedure(same_map),
    ),
    right(
        "norm.standardise",
        "subtract the mean, divide by the standard deviation; images: divide by 255",
        "004:664-675",
        r"X := \frac{X - \mu}{\sigma},\quad X_{image} := \frac{X}{255}",
        "X = (X - np.mean(X, axis=1, keepdims=True)) / np.std(X, axis=1, keepdims=True)\nimages = images / 255",
        Procedure(standardised),
        shapes="(n_x,m)",
    ),
    right(
        "norm.bowl",
        "x1: 1 … 1000, x2: 0 … 1 make an elongated bowl; normalised it is rounder, the rate larger",
        "004:2073-2107",
        r"H = \frac{1}{m} X X^T,\quad \alpha < \frac{2}{\lambda_{max}(H)}",
        "H = X @ X.T / m\ncurvatures = np.linalg.eigvalsh(H)\n"
        "length = curvatures[-1] / curvatures[0]\nalpha_max = 2 / curvatures[-1]",
        Procedure(bowls),
    ),
    right(
        "van.product",
        "g(z) = z, b = 0: ŷ = W[L] W[L−1] … W[1] x",
        "004:2115-2117",
        r"\hat{y} = W^{[L]} W^{[L-1]} \cdots W^{[1]} x",
        "product = W[L]\nfor l in range(L - 1, 0, -1):\n    product = product @ W[l]\nyhat = product @ x",
        Procedure(product),
        shapes="(n[L],1)",
    ),
    right(
        "van.explode",
        "W[l] = 1.5 I: grows as 1.5^(L−1)",
        "004:2119-2123",
        r"\hat{y} = W^{[L]} (1.5\, I)^{L-1} x",
        "factor = 1.5 ** (L - 1)",
        Every(Procedure(power_of(1.5)), Value(1.7e26, L=150, within=0.05e26)),
        shapes="(2,2)",
    ),
    right(
        "van.vanish",
        "W[l] = 0.5 I: falls as 0.5^(L−1)",
        "004:2127-2136",
        r"\hat{y} = W^{[L]} (0.5\, I)^{L-1} x",
        "factor = 0.5 ** (L - 1)",
        Every(Procedure(power_of(0.5)), Value(1.4e-45, L=150, within=0.05e-45)),
        shapes="(2,2)",
    ),
    wrong(
        "van.weights",
        "“weights grow exponentially!”",
        "004:2125,2133",
        r"W^{[l]} \text{ grows exponentially}",
        "sizes = [np.max(np.abs(W)) for W in Ws]",
        Procedure(what_grows),
        right="sizes = [np.max(np.abs(a)) for a in activations]",
        slip="slip",
        why="every weight stays 1.5 or 0.5: the activations and the gradients grow or fall",
    ),
    right(
        "van.grad",
        "the same holds for the derivatives",
        "004:2111",
        r"\frac{\partial \sum \hat{y}}{\partial x} = w^L",
        "dx = np.full((2, 1), w**L)",
        Procedure(gradient_through),
    ),
    right(
        "van.cure",
        "a careful choice of the start weights is a partial cure",
        "004:2138-2151",
        r"W^{[l]} = \text{randn} \cdot \sqrt{\frac{1}{n^{[l-1]}}}",
        "W = np.random.randn(n[l], n[l - 1]) * np.sqrt(1 / n[l - 1])",
        Procedure(size_is_kept, drawing()),
    ),
]
