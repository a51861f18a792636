"""What NumPy computes one number at a time on some processors, written in what it computes in vectors."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

__all__ = ["has_quicker_log1p", "log1p"]

Array = Any

ONE = np.array(1, np.float32)


def log1p(x: Array, w: Array, out: Array) -> Array:
    """``np.log1p`` of float32, within 4 units in the last place: ``ln w + (x − (w − 1))/w`` with ``w = 1 + x``.

    The second term is what rounding took from w. Where that isn't a number (x = −1, ∞, NaN), NumPy's own is taken.
    `w` is overwritten.
    """
    with np.errstate(all="ignore"):
        np.subtract(w, ONE, out)
        np.subtract(x, out, out)
        np.divide(out, w, out)
        np.log(w, w)
        np.add(w, out, out)
        sound = np.isfinite(np.vdot(out, out))
    return out if sound else np.log1p(x, out)


@cache
def has_quicker_log1p(dtype: np.dtype[Any]) -> bool:
    """Whether `log1p` is quicker than NumPy's, which has no vectors for it on some processors."""
    return dtype == np.float32 and _in_vectors("log") and not _in_vectors("log1p")


def _in_vectors(name: str) -> bool:
    """Whether NumPy computes a function of float32 with more than every processor of this kind has."""
    loops = np.lib.introspect.opt_func_info(f"^{name}$", "float32").get(name, {}).values()
    return any(not loop["current"].startswith("baseline") for loop in loops)
