"""The networks of the assignments: L layers in the notes' layout, and gradient descent on them.

    A[0] = X,   Z[l] = W[l] A[l−1] + b[l],   A[l] = g(Z[l]),   ŷ = σ(Z[L])

A parameter may have one more axis in front, (networks, n[l], n[l−1]): then as many networks are trained side by side,
each as if alone.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from ... import nn
from ...optim import SGD
from ...train import Fit, fit

__all__ = ["accuracy", "boundary", "cost", "descend", "notes_cost", "scores", "start", "together"]

Array = Any
Params = dict[str, Array]


def start(sizes: list[int], init: Callable[..., Array], rng: Any) -> Params:
    """W by `init`, b = 0, for layers of these sizes, drawn in the notes' order."""
    params: Params = {}
    for l, (n_in, n_out) in enumerate(pairwise(sizes), start=1):  # noqa: E741 (the notes' letter)
        params[f"W{l}"] = init((n_out, n_in), rng)
        params[f"b{l}"] = np.zeros((n_out, 1))
    return params


def together(many: list[Params]) -> Params:
    """Several networks of one shape as one with a leading axis."""
    return {name: np.stack([params[name] for params in many]) for name in many[0]}


def scores(
    params: Params, X: Array, hidden: Callable[[Array], Array] = nn.relu, keep_prob: float = 1.0, rng: Any = None
) -> Array:
    """``Z[L]``: what the last sigmoid is taken of. Dropout on the hidden layers where `rng` is given."""
    layers = sum(name.startswith("W") for name in params)
    A = X
    for l in range(1, layers):  # noqa: E741 (the notes' letter)
        A = nn.dropout(hidden(params[f"W{l}"] @ A + params[f"b{l}"]), keep_prob, rng)
    return params[f"W{layers}"] @ A + params[f"b{layers}"]


def cost(
    params: Params, X: Array, Y: Array, hidden: Callable[[Array], Array] = nn.relu, keep_prob: float = 1.0,
    rng: Any = None,
) -> Array:  # fmt: skip
    """The cross-entropy cost from the scores: finite whatever the weights; summed over networks side by side."""
    Z = scores(params, X, hidden, keep_prob, rng)
    L = nn.binary_cross_entropy_with_logits(Z, np.broadcast_to(Y, Z.shape), "none")
    return np.sum(np.mean(L, axis=(-2, -1)))


def notes_cost(params: Params, X: Array, Y: Array, hidden: Callable[[Array], Array] = nn.relu) -> float:
    """The same cost by the notes' formula, −(1/m) Σ [y log a + (1 − y) log(1 − a)]: inf where a rounds to 0 or 1."""
    return float(nn.binary_cross_entropy(nn.sigmoid(scores(params, X, hidden)), Y))


def descend(
    loss: Callable[..., Array],
    params: Params,
    data: tuple[Array, ...],
    rate: float,
    steps: int,
    progress: bool | None = None,
    rng: Any = None,
) -> Fit:
    """Gradient descent on all examples at once, W := W − α dW, with a few hundred costs recorded."""
    return fit(
        loss, params, data, SGD(rate), epochs=steps, measure_every=max(1, steps // 200), progress=progress, rng=rng
    )


def accuracy(params: Params, X: Array, Y: Array, hidden: Callable[[Array], Array] = nn.relu) -> Any:
    """Percent right; one number per network if there are several."""
    right = (scores(params, X, hidden) > 0) == (Y > 0.5)
    percent = 100 * np.mean(right, axis=(-2, -1))
    return float(percent) if percent.ndim == 0 else percent


def boundary(axis: Any, score: Callable[[Array], Array], X: Array, Y: Array, title: str, margin: float = 0.15) -> None:
    """Colour the plane by the prediction and put the examples on it."""
    low, high = X.min(axis=1), X.max(axis=1)
    low, high = low - margin * (high - low), high + margin * (high - low)
    x1, x2 = np.meshgrid(*(np.linspace(a, b, 200) for a, b in zip(low, high, strict=True)))
    Z = score(np.stack([x1.ravel(), x2.ravel()])).reshape(x1.shape)
    axis.contourf(x1, x2, nn.sigmoid(Z), levels=np.linspace(0, 1, 11), cmap="RdBu", alpha=0.6)
    axis.contour(x1, x2, Z, levels=[0.0], colors="black", linewidths=1)
    axis.scatter(X[0], X[1], c=Y[0], cmap="RdBu", s=10, edgecolors="white", linewidths=0.3)
    axis.set_title(title, fontsize=9)
