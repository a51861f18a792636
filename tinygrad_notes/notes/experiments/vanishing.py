"""Course 2, week 1: activations and gradients through 150 layers grow or die like a power."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import nn
from ...transforms import value_and_grad
from .result import Result, new_figure

__all__ = ["vanishing"]

Array = Any
WIDTH = 50


def _activations(Ws: list[Array], x: Array, g: Callable[[Array], Array]) -> list[Array]:
    A = [x]
    for W in Ws:
        A.append(g(W @ A[-1]))
    return A


def vanishing(steps: int | None = None) -> Result:
    """The notes' linear network with W[l] = 1.5 I or 0.5 I, and start values that keep the size instead.

    Parameters
    ----------
    steps : int, optional
        Number of layers, instead of 150.
    """
    layers = steps or 150
    rng = np.random.RandomState(0)
    linear: Callable[[Array], Array] = lambda z: z
    x2, wide = np.ones((2, 1)), rng.randn(WIDTH, 1)
    nets: list[tuple[str, list[Array], Array, Callable[[Array], Array], float | None]] = [
        (f"{w} I, linear", [w * np.eye(2)] * (layers - 1), x2, linear, w ** (layers - 1)) for w in (1.5, 0.5)
    ]
    nets += [
        ("randn * 0.01, tanh", [nn.init.small((WIDTH, WIDTH), rng) for _ in range(layers - 1)], wide, np.tanh, None),
        ("Xavier, tanh", [nn.init.xavier((WIDTH, WIDTH), rng) for _ in range(layers - 1)], wide, np.tanh, None),
        ("He, relu", [nn.init.he((WIDTH, WIDTH), rng) for _ in range(layers - 1)], wide, nn.relu, None),
        (
            "orthogonal, linear",
            [nn.init.orthogonal((WIDTH, WIDTH), rng) for _ in range(layers - 1)],
            wide,
            linear,
            None,
        ),
    ]
    rows: list[dict[str, Any]] = []
    sizes = {}
    for name, Ws, x, g, power in nets:
        sizes[name] = [_size(a) for a in _activations(Ws, x, g)]
        _, dx = value_and_grad(lambda x, Ws=Ws, g=g: np.sum(_activations(Ws, x, g)[-1]))(x)
        rows.append(
            {"model": name, "layers": layers - 1, "activation / input": sizes[name][-1] / sizes[name][0],
             "gradient": _size(dx), "notes": power}
        )  # fmt: skip

    def draw() -> Any:
        figure, (axis,) = new_figure(1, width=6)
        for name, values in sizes.items():
            axis.plot(np.arange(len(values)), values, label=name)
        axis.set(yscale="log", xlabel="layer", ylabel="size of the activations")
        axis.legend(frameon=False, fontsize=7)
        return figure

    return Result(
        "vanishing",
        f"Vanishing and exploding: {layers - 1} layers, root mean square of activations and of dJ/dx",
        rows,
        ["every weight stays what it is: activations and gradients grow or die, like 1.5^(L−1) and 0.5^(L−1)"],
        draw,
    )


def _size(x: Array) -> float:
    """Root mean square, also of numbers whose squares would underflow."""
    top = np.max(np.abs(x))
    return float(top * np.sqrt(np.mean(np.square(x / top)))) if top else 0.0
