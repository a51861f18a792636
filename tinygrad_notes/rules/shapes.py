"""Shapes."""

from __future__ import annotations

import numpy as np

from .book import rule

rule(
    np.broadcast_to,
    "y = a repeated along new axes: g summed over them (by the engine)",
    lambda g, _y, _array, shape: g,
    linear="jointly",
)
rule(np.reshape, "same", lambda g, _y, _a, shape, order="C": g.reshape(_a.shape), linear="jointly")
rule(
    np.transpose,
    "same",
    lambda g, _y, _a, axes=None: np.transpose(g, None if axes is None else tuple(np.argsort(axes))),
    linear="jointly",
)
rule(np.astype, "same", lambda g, _y, _x, dtype: g, linear="jointly")
