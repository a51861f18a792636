"""Random inputs for the set, and the numerical gradient that the set itself is checked against."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Derivation

SIZES = (4, 3, 2, 5, 6, 7)


def draw_inputs(of: Derivation, seed: int) -> tuple[dict[str, int], dict[str, Any]]:
    """Distinct sizes for the dimensions, and a value for every input."""
    rng = np.random.default_rng(seed)
    names = sorted({word for shape in of.shapes.values() for word in shape.split() if not word.isdigit()})
    dims = {name: int(size) for name, size in zip(names, rng.permutation(SIZES), strict=False)}
    inputs = {}
    for name, words in of.shapes.items():
        shape = tuple(int(word) if word.isdigit() else dims[word] for word in words.split())
        given = of.given.get(name)
        inputs[name] = rng.normal(size=shape) if given is None else given(rng, shape, dims)
    return dims, inputs


def named(result: Any, of: Derivation) -> dict[str, Any]:
    """The hand-derived gradients by the name of the input they belong to."""
    names = list(of.shapes)
    if isinstance(result, dict):
        return {key if key in names else key.removeprefix("d"): value for key, value in result.items()}
    if not isinstance(result, tuple):
        result = (result,)
    return dict(zip([name for name in names if name in AT[of.name]], result, strict=True))


AT = {"lasso": "w b", "cosine": "x y", "frobenius": "W Y"}
"""What a derivation that returns a plain tuple derives."""


def numerical(of: Derivation, inputs: dict[str, Any], name: str, step: float = 1e-6) -> Any:
    """Central differences; for a complex input dJ/dRe + i dJ/dIm."""
    value = np.array(inputs[name])
    found = np.zeros_like(value)
    directions = (1.0, 1j) if value.dtype.kind == "c" else (1.0,)
    for index in np.ndindex(value.shape):
        for direction in directions:
            sides = []
            for sign in (1, -1):
                moved = value.copy()
                moved[index] += sign * step * direction
                sides.append(float(of.f(**{**inputs, name: moved})))
            found[index] += (sides[0] - sides[1]) / (2 * step) * direction
    return found
