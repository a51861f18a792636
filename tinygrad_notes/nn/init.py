"""Start values of a weight matrix: each takes a shape ``(n_out, n_in)`` and a generator.

``n_in`` is n[l−1], ``n_out`` is n[l]. A convolution's ``(filters, channels, height, width)`` counts the inputs of
one filter, channels · height · width.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import BadInputError, DTypeError, user_line

__all__ = ["glorot", "he", "large", "orthogonal", "small", "xavier", "zeros"]

Shape = tuple[int, ...]


def zeros(shape: Shape, rng: Any = None, dtype: Any = np.float64) -> Any:  # noqa: ARG001 (all share a signature)
    """All zeros: right for biases; in a hidden layer every unit stays the same function.

    Examples
    --------
    >>> zeros((1, 2))
    array([[0., 0.]])
    """
    return np.zeros(shape, dtype)


def small(shape: Shape, rng: Any, dtype: Any = np.float64) -> Any:
    """``randn * 0.01``: breaks the symmetry, keeps sigmoid and tanh in their steep middle.

    Examples
    --------
    >>> small((2, 3), np.random.default_rng(0)).shape
    (2, 3)
    """
    return _randn(shape, rng, 0.01, dtype)


def large(shape: Shape, rng: Any, dtype: Any = np.float64) -> Any:
    """``randn * 10``: the notes' warning example.

    Examples
    --------
    >>> bool(np.std(large((100, 100), np.random.default_rng(0))) > 9)
    True
    """
    return _randn(shape, rng, 10, dtype)


def xavier(shape: Shape, rng: Any, dtype: Any = np.float64) -> Any:
    """``randn * sqrt(1/n[l−1])``, for tanh.

    Examples
    --------
    >>> round(float(np.std(xavier((100, 400), np.random.default_rng(0)))), 3)
    0.05
    """
    n_in, _ = _fans(shape)
    return _randn(shape, rng, math.sqrt(1 / n_in), dtype)


def glorot(shape: Shape, rng: Any, dtype: Any = np.float64) -> Any:
    """``randn * sqrt(2/(n[l−1] + n[l]))``.

    Examples
    --------
    >>> round(float(np.std(glorot((100, 700), np.random.default_rng(0)))), 3)
    0.05
    """
    n_in, n_out = _fans(shape)
    return _randn(shape, rng, math.sqrt(2 / (n_in + n_out)), dtype)


def he(shape: Shape, rng: Any, dtype: Any = np.float64) -> Any:
    """``randn * sqrt(2/n[l−1])``, for relu.

    Examples
    --------
    >>> round(float(np.std(he((100, 800), np.random.default_rng(0)))), 3)
    0.05
    """
    n_in, _ = _fans(shape)
    return _randn(shape, rng, math.sqrt(2 / n_in), dtype)


def orthogonal(shape: Shape, rng: Any, dtype: Any = np.float64) -> Any:
    """Rows (or columns, whichever are fewer) of length 1 and at right angles: W keeps lengths.

    Examples
    --------
    >>> W = orthogonal((2, 3), np.random.default_rng(0))
    >>> np.allclose(W @ W.T, np.eye(2))
    True
    """
    n_in, _ = _fans(shape)
    n_out = shape[0]
    Q, R = np.linalg.qr(_randn((max(n_out, n_in), min(n_out, n_in)), rng, 1, np.float64))
    Q = Q * np.sign(np.diag(R))  # else the signs, and so the distribution, would be LAPACK's choice
    return (Q if n_out >= n_in else Q.T).reshape(shape).astype(dtype)


def _randn(shape: Shape, rng: Any, scale: float, dtype: Any) -> Any:
    need_rng(rng)
    need_float(dtype)
    return (rng.standard_normal(shape) * scale).astype(dtype, copy=False)


def need_rng(rng: Any) -> None:
    """Raise unless `rng` makes normal and uniform numbers."""
    if not hasattr(rng, "standard_normal") or not hasattr(rng, "random"):
        raise BadInputError(f"rng is needed: np.random.default_rng(seed), not {rng!r}.{user_line()}")


def need_float(dtype: Any) -> None:
    """Raise unless weights of this dtype can be trained."""
    if np.dtype(dtype).kind not in "fc":
        raise DTypeError(f"weights are floats, dtype=np.float64 or np.float32, not {np.dtype(dtype)}.{user_line()}")


def _fans(shape: Shape) -> tuple[int, int]:
    """n_in and n_out of a weight of this shape."""
    if not isinstance(shape, (tuple, list)) or len(shape) < 2:
        raise BadInputError(f"a weight has at least 2 axes, (n_out, n_in), not {shape}.{user_line()}")
    if any(not isinstance(n, (int, np.integer)) or n < 1 for n in shape):
        raise BadInputError(f"the sizes of a weight are whole numbers from 1 on, not {shape}.{user_line()}")
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window
