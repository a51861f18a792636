"""How the programming assignments are judged: run, shortly where the full run takes long.

Where the course's data can't be shipped, against its recorded shares.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ..transforms import grad
from .experiments.data import circles, flower, pitch
from .experiments.gradcheck import gradcheck
from .procedures import (
    L_layer_backward,
    L_layer_forward,
    L_layer_model,
    initialize,
    two_layer_forward,
    two_layer_model,
    update,
)

RECORDED = {"none": (200 / 211, 183 / 200), "L2": (198 / 211, 186 / 200), "dropout": (196 / 211, 190 / 200)}
"""Shares of right predictions on the course's own data.mat, train and test: the fractions whose percentages the
catalogue records for it (94.79 / 91.5 and so on). They are taken over, not computed here, as the file can't be shipped;
``tinygrad-notes train regularisation --data FILE`` computes them."""


def cats(run: Any, rng: Any) -> dict[str, Any]:
    """The images' way into logistic regression: at the course's size, and learnt at a small one."""
    sizes = run(images=np.zeros((209, 64, 64, 3), np.uint8))["X"].shape
    images = rng.integers(0, 256, (60, 8, 8, 3))
    Y = (np.arange(60) % 2).reshape(1, 60) * 1.0
    images[Y[0] > 0, :4] //= 2  # what is to be seen: the upper half is darker
    X = run(images=images)["X"]
    start = {"W1": np.zeros((1, len(X))), "b1": np.zeros((1, 1))}
    trained, costs = L_layer_model(X, Y, start, 0.05, 300)
    A, _ = L_layer_forward(X, trained)
    return {
        "209 images of 64 × 64 × 3 make X (12288, 209)": sizes == (12288, 209),
        "a column is an image": np.allclose(255 * X[:, 7], images[7].ravel()),
        "between 0 and 1": X.min() >= 0 and 0.99 < X.max() <= 1,
        "from zeros the cost starts at log 2": np.isclose(costs[0], np.log(2)),
        f"and falls to {costs[-1]:.3f}; {100 * np.mean((A > 0.5) == Y):.0f} % right": np.mean((A > 0.5) == Y) > 0.95,
    }


def reshaped(run: Any, rng: Any) -> dict[str, Any]:
    """What X.reshape(X.shape[0], -1).T is."""
    del rng
    checks = {}
    for a, b, c, d in ((7, 4, 5, 3), (209, 8, 8, 3)):
        X, said = np.zeros((a, b, c, d)), run(a=a, b=b, c=c, d=d)["shape"]
        X_flat = X.reshape(X.shape[0], -1).T
        slip = "" if said == X_flat.shape else f", not {said}"
        checks[f"X {X.shape}: X.reshape({a}, -1).T is {X_flat.shape}{slip}"] = said == X_flat.shape
    return checks


def planar(run: Any, rng: Any) -> dict[str, Any]:
    """The flower: logistic regression, and the network of this forward pass."""
    del rng
    X, Y = flower()
    line, _ = L_layer_model(X, Y, {"W1": np.zeros((1, 2)), "b1": np.zeros((1, 1))}, 1.2, 500)
    straight = 100 * np.mean((L_layer_forward(X, line)[0] > 0.5) == Y)
    draw = np.random.RandomState(2)
    start = {
        "W1": draw.randn(4, 2) * 0.01,
        "b1": np.zeros((4, 1)),
        "W2": draw.randn(1, 4) * 0.01,
        "b2": np.zeros((1, 1)),
    }
    trained, _ = two_layer_model(X, Y, start, 1.2, 2000)
    found = run(X=X, **trained)
    network = 100 * np.mean(found["prediction"] == Y)
    return {
        f"logistic regression: {straight:.1f} %": round(straight) == 47,
        f"four tanh units, 2000 steps: {network:.2f} %": network > 88,
        "it is the network that was trained": np.allclose(found["A2"], two_layer_forward(X, trained)[0]),
        "it says 0 or 1": found["prediction"].shape == Y.shape and set(np.unique(found["prediction"] * 1)) <= {0, 1},
    }


def straight_line(run: Any, rng: Any) -> dict[str, Any]:
    """Least squares cut at 1/2: on the flower, and on data that a line can part."""
    X, Y = flower()
    on_flower = 100 * np.mean(run(X=X, Y=Y)["prediction"] == Y)
    x = rng.standard_normal((2, 400))
    y = (x[:1] + 2 * x[1:] > 0.3) * 1.0
    fitted = run(X=x, Y=y)
    on_halves = 100 * np.mean(fitted["prediction"] == y)
    best = np.linalg.lstsq(np.column_stack([x[0] ** 0, *x]), y[0], rcond=None)[0]
    return {
        "w is NumPy's least squares": np.allclose(fitted["w"][:, 0], best),
        f"the flower: {on_flower:.1f} %": f"{on_flower:.1f}" == "47.0",
        f"two halves of the plane: {on_halves:.1f} %": on_halves > 90,
    }


def deep(run: Any, rng: Any) -> dict[str, Any]:
    """Forward by this loop; backward and update by `procedures`; any depth and sizes."""
    same, derivative, lower = [], [], []
    for _ in range(6):
        n = [int(k) for k in rng.integers(2, 6, rng.integers(3, 7))] + [1]
        X, Y = rng.standard_normal((n[0], 8)), rng.integers(0, 2, (1, 8)) * 1.0
        parameters = initialize(n, rng, 1.0)
        AL, caches = L_layer_forward(X, parameters)
        found = run(X=X, parameters=parameters, L=len(n) - 1)
        same.append(np.allclose(found["A"], AL))

        def J(p: Any, X: Any = X, Y: Any = Y, L: int = len(n) - 1) -> Any:
            A = run(X=X, parameters=p, L=L)["A"]
            return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))

        grads = L_layer_backward(AL, Y, caches)
        derivative.append(all(np.allclose(g, grads[f"d{name}"]) for name, g in grad(J)(parameters).items()))
        lower.append(J(update(parameters, grads, 1e-3)) < J(parameters))
    return {
        "the forward pass with caches, six random networks": all(same),
        "the backward pass is autodiff's": all(derivative),
        "an update lowers the cost": all(lower),
    }


def he_start(run: Any, rng: Any) -> dict[str, Any]:
    """The 3-layer relu net on two circles, from these weights, for 6000 steps."""
    del rng
    X, Y = circles(300, seed=1)
    n = [2, 10, 5, 1]
    run.using["np"].random.seed(3)
    start = {f"W{layer}": run(n=n, l=layer)["W"] for layer in (1, 2, 3)}
    start |= {f"b{layer}": np.zeros((n[layer], 1)) for layer in (1, 2, 3)}
    shapes = [start[f"W{layer}"].shape for layer in (1, 2, 3)]
    trained, costs = L_layer_model(X, Y, start, 0.01, 6000)
    percent = 100 * np.mean((L_layer_forward(X, trained)[0] > 0.5) == Y)
    return {
        "[2, 10, 5, 1]": shapes == [(10, 2), (5, 10), (1, 5)],
        f"first cost {costs[0]:.3f}, as in the notebook": abs(costs[0] - 0.883) < 0.001,
        f"{percent:.1f} % after 6000 steps": percent > 93,
    }


@cache
def trained_on_the_pitch(lam: float, keep_prob: float) -> tuple[float, float]:
    """The assignment's [2, 20, 3, 1] net on the stand-in, 1500 steps: right on train in percent, and the sum of W²."""
    (X, Y), _ = pitch(0)
    n, m = [2, 20, 3, 1], X.shape[1]
    draw, masks = np.random.RandomState(3), np.random.RandomState(1)
    Ws = [draw.randn(n[i + 1], n[i]) / np.sqrt(n[i]) for i in range(3)]
    bs = [np.zeros((k, 1)) for k in n[1:]]
    for _ in range(1500):
        D1, D2 = ((masks.rand(k, m) < keep_prob) / keep_prob for k in (20, 3))
        A1 = np.maximum(0, Ws[0] @ X + bs[0]) * D1
        A2 = np.maximum(0, Ws[1] @ A1 + bs[1]) * D2
        dZ3 = 1 / (1 + np.exp(-(Ws[2] @ A2 + bs[2]))) - Y
        dZ2 = Ws[2].T @ dZ3 * (A2 > 0) * D2
        dZ1 = Ws[1].T @ dZ2 * (A1 > 0) * D1
        for layer, (dZ, A) in enumerate(((dZ1, X), (dZ2, A1), (dZ3, A2))):
            Ws[layer] = Ws[layer] - 0.3 * (1 / m * dZ @ A.T + lam / m * Ws[layer])
            bs[layer] = bs[layer] - 0.3 / m * np.sum(dZ, axis=1, keepdims=True)
    A2 = np.maximum(0, Ws[1] @ np.maximum(0, Ws[0] @ X + bs[0]) + bs[1])
    percent = 100 * np.mean((Ws[2] @ A2 + bs[2] > 0) == (Y > 0.5))
    return float(percent), float(sum(np.sum(W * W) for W in Ws))


def three_ways(run: Any, rng: Any) -> dict[str, Any]:
    """The L2 gradient, the mask, and what training with λ = 0.7 does to the weights."""
    m, lam = 6, 0.7
    X, Y, W = rng.standard_normal((3, m)), rng.integers(0, 2, (1, m)) * 1.0, rng.standard_normal((1, 3))

    def J(W: Any) -> Any:
        Z = W @ X
        return np.mean(np.log(1 + np.exp(Z)) - Y * Z) + lam / (2 * m) * np.sum(W * W)

    run.using["np"].random.seed(1)
    dZ = 1 / (1 + np.exp(-W @ X)) - Y
    found = run(dZ=dZ, A_prev=X, W=W, m=m, lam=lam, A=np.ones((100, 200)), keep_prob=0.86)
    plain, l2 = trained_on_the_pitch(0.0, 1.0), trained_on_the_pitch(0.7, 1.0)
    return {
        "dW is autodiff's of the regularised cost": np.allclose(found["dW"], grad(J)(W)),
        "14 % are dropped, the rest divided by 0.86": abs(np.mean(found["A"] == 0) - 0.14) < 0.01
        and np.allclose(np.unique(found["A"]), [0, 1 / 0.86]),
        f"on the stand-in ΣW² is {plain[1]:.0f}, with L2 {l2[1]:.0f}": l2[1] < plain[1] / 2,
    }


def printed_accuracies(model: str) -> Any:
    """The notes' two numbers for one model."""

    def check(run: Any, rng: Any) -> dict[str, Any]:
        """Agreement with what is recorded for the course's data; and what the stand-in shows of it."""
        del rng
        found = run()
        checks: dict[str, Any] = {
            f"{part} {100 * share:.2f} %, as recorded for the course's data": abs(found[part] - 100 * share) < 0.1
            for part, share in zip(("train", "test"), RECORDED[model], strict=True)
        }
        plain = trained_on_the_pitch(0.0, 1.0)
        other = trained_on_the_pitch(*{"none": (0.0, 1.0), "L2": (0.7, 1.0), "dropout": (0.0, 0.86)}[model])
        checks["on the stand-in over 85 % are right"] = other[0] > 85
        if model == "L2":
            checks["no better there than without, with smaller weights"] = other[0] <= plain[0] and other[1] < plain[1]
        return checks

    return check


def the_table(run: Any, rng: Any) -> dict[str, Any]:
    """The table's six numbers, against what is recorded for the course's data, rounded."""
    del rng
    checks = {}
    for (name, shares), printed in zip(RECORDED.items(), run()["table"], strict=True):
        wanted = [100 * share for share in shares]
        checks[f"{name}: {wanted[0]:.2f} / {wanted[1]:.1f} %, printed {printed[0]} / {printed[1]}"] = np.allclose(
            printed, wanted, atol=0.51, rtol=0
        )
    return checks


@cache
def gradient_check_rows() -> list[dict[str, Any]]:
    """The rows of the gradient checking assignment."""
    return gradcheck().rows


def the_gradient_check(run: Any, rng: Any) -> dict[str, Any]:
    """The assignment's rows: one dimension, planted bugs, the right gradient."""
    del rng
    rows = gradient_check_rows()
    one, bugs, _, right = (row["difference"] for row in rows[:4])
    return {
        f"one dimension: {one:.2g}, fine": run(difference=one)["fine"],
        f"planted bugs: {bugs:.4f}, not fine": not run(difference=bugs)["fine"] and abs(bugs - 0.2851) < 1e-4,
        f"the right gradient at ε = 1e-4: {right:.2g}, fine": run(difference=right)["fine"],
    }
