"""Activations and the functions that are delicate in floating point, each a primitive with its own rule.

They work on arrays and on Tensors alike, and each is one node of a graph: `sigmoid` is drawn as ``sigmoid``, not as
four operations, and neither its value nor its gradient overflows at z = ±10 000 in any float type.

Axis 0 is the default of `softmax` and its relatives: an example is a column, so the K classes of ``Z`` (K, m) stand
along axis 0. Use ``axis=-1`` where features come last.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import need_count, need_generator
from ..errors import BadInputError, DTypeError, missing_extra, user_line
from ..rules import Rule, call, rule

__all__ = [
    "dropout",
    "elu",
    "gelu",
    "leaky_relu",
    "log_softmax",
    "logsumexp",
    "normal_cdf",
    "one_hot",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "standardize",
    "tanh",
    "xlogy",
]

Array = Any

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772

tanh: np.ufunc = np.tanh


def need_real(name: str, z: Array) -> None:
    if np.iscomplexobj(z):
        raise DTypeError(f"{name} is for real numbers; write it out with np.exp for complex ones.{user_line()}")


# ── in pieces that stay in the cache ─────────────────────────────────────────────────────────────────────────────

PIECE = 1 << 17
"""Elements worked on at a time."""


def in_pieces(f: Callable[..., Array], *arrays: Array, rows: bool = False) -> Array:
    """``f(*arrays)`` for an f that works entry by entry, or row by row along the last axis, on arrays of one shape.

    Large arrays are handed to it a piece at a time: the arrays that it makes in between are then small and stay in
    the cache, where fresh memory for each of them would cost more than the arithmetic. The numbers are the same.
    """
    x = arrays[0]
    if not all(type(a) is np.ndarray for a in arrays) or x.size < 4 * PIECE:
        return f(*arrays)
    width = x.shape[-1] if rows else 1
    if x.dtype.kind != "f" or not all(
        a.flags.c_contiguous and a.shape == x.shape and a.dtype == x.dtype for a in arrays
    ):
        return f(*arrays)
    y = np.empty_like(x)
    flat = [a.reshape(-1, width) if rows else a.reshape(-1) for a in (y, *arrays)]
    step = max(1, PIECE // width)
    for start in range(0, len(flat[0]), step):
        into, *given = (a[start : start + step] for a in flat)
        into[...] = f(*given)
    return y


def _over(f: Any, x: Array) -> Array:
    """``f(x)`` of a ufunc, written over x (an array made by the caller) where that can be."""
    return f(x, out=x) if type(x) is np.ndarray and x.dtype.kind == "f" else f(x)


# ── σ and its relatives ──────────────────────────────────────────────────────────────────────────────────────────


def _one_over_one_plus_exp(v: Array) -> Array:
    """``1/(1 + eᵛ)``, written over v.

    Where eᵛ is beyond the largest number the result is 0, as it should be; but in half precision that begins where the
    result still matters, so there e^−|v| is taken, never above 1.
    """
    if v.dtype == np.float16:
        small = _over(np.exp, -np.abs(v))
        y = np.maximum(small, v <= 0)  # 1 where v ≤ 0
        small += 1
        y /= small
        return y
    with np.errstate(over="ignore"):
        e = _over(np.exp, v)
    e += 1
    return 1 / e


def _sigmoid_piece(z: Array) -> Array:
    return _one_over_one_plus_exp(-z)


def _sigmoid(z: Array) -> Array:
    need_real("sigmoid", z)
    return in_pieces(_sigmoid_piece, z)


sigmoid: Rule = rule(_sigmoid, "a = 1/(1 + e⁻ᶻ):  da/dz = a (1 − a)",
                     lambda g, y, _z: g * (y * (1 - y)), elementwise=True)  # fmt: skip


def _softplus(z: Array) -> Array:
    need_real("softplus", z)
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


softplus: Rule = rule(_softplus, "y = ln(1 + eᶻ):  dy/dz = σ(z)",
                      lambda g, _y, z: g * sigmoid(z), elementwise=True)  # fmt: skip


def _silu(z: Array) -> Array:
    return z * _sigmoid(z)


def _silu_slope(y: Array, z: Array) -> Array:
    s = sigmoid(z)
    return s + y * (1 - s)


silu: Rule = rule(_silu, "y = z σ(z):  dy/dz = σ(z) + y (1 − σ(z))",
                  lambda g, y, z: g * _silu_slope(y, z), elementwise=True)  # fmt: skip

# ── piecewise ────────────────────────────────────────────────────────────────────────────────────────────────────


def _relu(z: Array) -> Array:
    need_real("relu", z)
    return np.maximum(z, 0)


relu: Rule = rule(_relu, "a = max(0, z):  da/dz = 1 where z > 0, else 0  (0 at 0)",
                  lambda g, y, _z: g * (y > 0),
                  elementwise=True, holomorphic=False, kinks={(0.0,): (0.0,)})  # fmt: skip


def _leaky_relu(z: Array, slope: float = 0.01) -> Array:
    need_real("leaky_relu", z)
    return np.where(z > 0, z, slope * z)[()]


leaky_relu: Rule = rule(_leaky_relu, "a = max(0.01 z, z):  da/dz = 1 where z > 0, else the slope 0.01  (also at 0)",
                        lambda g, _y, z, slope=0.01: np.where(z > 0, g, slope * g),
                        elementwise=True, holomorphic=False, kinks={(0.0,): (0.01,)},
                        samples=lambda draw: [call(draw(3, 4)), call(draw(5), slope=0.2)])  # fmt: skip


def _elu(z: Array, alpha: float = 1.0) -> Array:
    need_real("elu", z)
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))[()]


elu: Rule = rule(_elu, "y = z where z > 0, else α (eᶻ − 1):  dy/dz = 1, else y + α",
                 lambda g, y, z, alpha=1.0: np.where(z > 0, g, g * (y + alpha)), elementwise=True, holomorphic=False,
                 samples=lambda draw: [call(draw(3, 4)), call(draw(5), alpha=0.5)])  # fmt: skip


def _selu(z: Array) -> Array:
    need_real("selu", z)
    return SELU_SCALE * _elu(z, SELU_ALPHA)


selu: Rule = rule(_selu, "y = s z where z > 0, else s α (eᶻ − 1):  dy/dz = s, else y + s α",
                  lambda g, y, z: np.where(z > 0, SELU_SCALE * g, g * (y + SELU_SCALE * SELU_ALPHA)),
                  elementwise=True, holomorphic=False, kinks={(0.0,): (SELU_SCALE * SELU_ALPHA,)})  # fmt: skip

# ── gelu: z Φ(z) ─────────────────────────────────────────────────────────────────────────────────────────────────

_GELU = 2 * math.sqrt(2 / math.pi)


def _gelu_gate(z: Array) -> tuple[Array, Array]:
    """``z`` within ±25 (Φ is 0 or 1 beyond, and z³ would overflow in float16), and ``Φ = σ(v)``."""
    held = np.clip(z, -25, 25)
    v = held * held
    v *= -0.044715 * _GELU  # in place: each array made anew costs as much as the arithmetic on it
    v -= _GELU
    v *= held
    return held, _one_over_one_plus_exp(v) if type(v) is np.ndarray else sigmoid(-v)


def _gelu_piece(z: Array) -> Array:
    _, y = _gelu_gate(z)
    y *= z
    return y


def _gelu(z: Array) -> Array:
    need_real("gelu", z)
    return in_pieces(_gelu_piece, z)


def _gelu_pullback(g: Array, z: Array) -> Array:
    """``g (Φ + z Φ (1 − Φ) dv/dz)``."""
    held, gate = _gelu_gate(z)
    slope = held * held
    slope *= 3 * 0.044715 * _GELU
    slope += _GELU  # dv/dz
    slope *= held
    slope *= 1 - gate
    slope += 1
    slope *= gate
    return slope * g


_gelu_by_tanh = rule(
    _gelu, "y = z Φ, Φ = (1 + tanh u)/2 = σ(2u), u = √(2/π)(z + 0.044715 z³):  dy/dz = Φ + z Φ (1 − Φ) · 2 du/dz",
    lambda g, _y, z: in_pieces(_gelu_pullback, g, z), name="gelu", elementwise=True)  # fmt: skip


def _normal_cdf(z: Array) -> Array:
    need_real("normal_cdf", z)
    try:
        from scipy.special import ndtr
    except ImportError as error:
        raise missing_extra("scipy", "scipy", "the exact gelu (approximate=False)") from error
    return ndtr(z)


normal_cdf: Rule = rule(_normal_cdf, "y = Φ(z):  dy/dz = e^(−z²/2)/√(2π)",
                        lambda g, _y, z: g * (np.exp(-0.5 * np.square(np.clip(z, -40, 40))) / math.sqrt(2 * math.pi)),
                        elementwise=True,
                        samples=lambda draw: [call(draw(3, 4)), call(draw())])  # fmt: skip


def gelu(z: Array, approximate: bool = True) -> Array:
    """Gaussian error linear unit, ``z Φ(z)``.

    Parameters
    ----------
    z : array_like or Tensor
    approximate : bool
        True: Φ by the usual tanh formula (PyTorch's ``approximate="tanh"``). False: Φ itself, from SciPy.

    Raises
    ------
    MissingExtraError
        If ``approximate=False`` and SciPy is not installed.

    Examples
    --------
    >>> gelu(np.array([-10.0, 0.0, 1.0, 10.0])).round(4)
    array([-0.    ,  0.    ,  0.8412, 10.    ])
    """
    return _gelu_by_tanh(z) if approximate else z * normal_cdf(z)


# ── softmax and its relatives ────────────────────────────────────────────────────────────────────────────────────


def _largest(z: Array, axis: int) -> Array:
    """The maximum along `axis`, kept as an axis; 0 in place of an infinite one."""
    need_real("softmax", z)
    top = np.max(z, axis=axis, keepdims=True)
    return np.where(np.isfinite(top), top, 0)


def _in_rows(f: Callable[..., Array], axis: Any, *arrays: Array) -> Array:
    """``f(*arrays, axis)``, a piece of the rows at a time where `axis` is the last."""
    if axis == -1 or axis == arrays[0].ndim - 1:
        return in_pieces(lambda *rows: f(*rows, -1), *arrays, rows=True)
    return f(*arrays, axis)


def _softmax_rows(z: Array, axis: int) -> Array:
    e = _over(np.exp, z - _largest(z, axis))
    e /= np.sum(e, axis=axis, keepdims=True)
    return e


def _softmax(z: Array, axis: int = 0) -> Array:
    return _in_rows(_softmax_rows, axis, z)


softmax: Rule = rule(_softmax, "yᵢ = e^zᵢ / Σ e^zⱼ:  ∂J/∂z = y (g − Σ g y)",
                     lambda g, y, _z, axis=0: y * (g - np.sum(g * y, axis=axis, keepdims=True)),
                     samples=lambda draw: [call(draw(3, 4)), call(draw(3, 4), axis=-1), call(draw(5)),
                                           call(draw(2, 3, 4), axis=1)])  # fmt: skip


def _logsumexp(z: Array, axis: int = 0, keepdims: bool = False) -> Array:
    top = _largest(z, axis)
    with np.errstate(divide="ignore", over="ignore"):  # ln 0 = −inf where every entry is −inf
        y = top + np.log(np.sum(np.exp(z - top), axis=axis, keepdims=True))
    return y if keepdims else np.squeeze(y, axis)


def _unreduced(x: Array, axis: int, keepdims: bool) -> Array:
    return x if keepdims else np.expand_dims(x, axis)


logsumexp: Rule = rule(_logsumexp, "y = ln Σ eᶻ:  dy/dz = eᶻ⁻ʸ = softmax(z)",
                       lambda g, _y, z, axis=0, keepdims=False: _unreduced(g, axis, keepdims) * softmax(z, axis),
                       samples=lambda draw: [call(draw(3, 4)), call(draw(3, 4), axis=-1), call(draw(5)),
                                             call(draw(2, 3, 4), axis=1, keepdims=True)])  # fmt: skip


def _log_softmax(z: Array, axis: int = 0) -> Array:
    shifted = z - _largest(z, axis)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


log_softmax: Rule = rule(_log_softmax, "y = z − ln Σ eᶻ:  ∂J/∂z = g − eʸ Σ g",
                         lambda g, y, _z, axis=0: g - np.exp(y) * np.sum(g, axis=axis, keepdims=True),
                         samples=lambda draw: [call(draw(3, 4)), call(draw(3, 4), axis=-1), call(draw(5)),
                                               call(draw(2, 3, 4), axis=1)])  # fmt: skip

# ── x ln y with 0 ln 0 = 0 ───────────────────────────────────────────────────────────────────────────────────────


def _xlogy(a: Array, b: Array) -> Array:
    if isinstance(b, (int, float)) and hasattr(a, "dtype"):
        b = a.dtype.type(b)  # else its logarithm is in double precision
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(a == 0, 0, a * np.log(b))[()]


def _share_of(g: Array, a: Array, b: Array) -> Array:
    """``g a/b``, and 0 where a = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(a == 0, 0, g * a / np.where(a == 0, 1, b))


def _log_of(g: Array, b: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return g * np.log(b)


xlogy: Rule = rule(_xlogy, "y = a ln b  (0 where a = 0):  ∂y/∂a = ln b,  ∂y/∂b = a/b",
                   lambda g, _y, _a, b: _log_of(g, b),
                   lambda g, _y, a, b: _share_of(g, a, b),
                   elementwise=True, domain=((0.3, 2.0), (0.2, 3.0)))  # fmt: skip

# ── mean 0, variance 1 ───────────────────────────────────────────────────────────────────────────────────────────


def _mean(x: Array, axis: Any) -> Array:
    """The mean along `axis`, kept as an axis; np.mean itself only where a sum could overflow."""
    if type(axis) is not int or x.dtype.itemsize < 4:
        return np.mean(x, axis=axis, keepdims=True)
    return x.sum(axis=axis, keepdims=True) / x.shape[axis]


def _centred(x: Array, axis: Any, epsilon: float) -> tuple[Array, Array]:
    """``x − μ``, and ``√(σ² + ε)``."""
    centred = x - _mean(x, axis)
    if x.dtype.itemsize < 4:  # the square of 256 is too large for float16
        wide = centred.astype(np.float32)
        return centred, np.sqrt(_mean(wide * wide, axis) + epsilon).astype(x.dtype)
    return centred, np.sqrt(_mean(centred * centred, axis) + epsilon)


def _standardize(x: Array, axis: Any, epsilon: float = 1e-5) -> Array:
    def piece(x: Array, axis: Any) -> Array:
        centred, deviation = _centred(x, axis, epsilon)
        centred /= deviation
        return centred

    return _in_rows(piece, axis, x)


def _standardize_pullback(g: Array, y: Array, x: Array, axis: Any, epsilon: float) -> Array:
    def piece(g: Array, y: Array, x: Array, axis: Any) -> Array:
        _, deviation = _centred(x, axis, epsilon)
        return (g - _mean(g, axis) - y * _mean(g * y, axis)) / deviation

    return _in_rows(piece, axis, g, y, x)


standardize: Rule = rule(
    _standardize, "y = (x − μ)/√(σ² + ε):  ∂J/∂x = (g − mean g − y mean(g y))/√(σ² + ε)",
    lambda g, y, x, axis, epsilon=1e-5: _standardize_pullback(g, y, x, axis, epsilon),
    samples=lambda draw: [call(draw(3, 4), 1), call(draw(3, 4), 0, epsilon=0.1),
                          call(draw(2, 3, 4), (0, 2))])  # fmt: skip

# ── dropout and labels ───────────────────────────────────────────────────────────────────────────────────────────


def need_keep_prob(keep_prob: Any) -> None:
    """Raise unless it is a probability above 0."""
    number = isinstance(keep_prob, (int, float, np.integer, np.floating)) and not isinstance(keep_prob, bool)
    if not number or not 0 < keep_prob <= 1:
        raise BadInputError(f"keep_prob is the probability to keep a unit, in (0, 1], not {keep_prob}.{user_line()}")


def dropout(A: Array, keep_prob: float, rng: Any = None) -> Array:
    """Inverted dropout: ``A * D / keep_prob``, with ``D = rng.random(A.shape) < keep_prob``.

    The mask is a constant of the graph, so the backward pass uses the same one: ``dA = dA * D / keep_prob``.

    Parameters
    ----------
    A : array or Tensor
    keep_prob : float
        Probability to keep a unit, in (0, 1].
    rng : numpy.random.Generator, optional
        Where the mask comes from. None (test time): `A` is returned as it is.

    Raises
    ------
    BadInputError
        If `keep_prob` isn't in (0, 1].

    Examples
    --------
    >>> dropout(np.ones(6), 0.5, np.random.default_rng(0))
    array([0., 2., 2., 2., 0., 0.])
    """
    need_keep_prob(keep_prob)
    need_generator(rng, "random")
    if rng is None:
        return A
    D = rng.random(A.shape) < keep_prob
    return A * D / keep_prob


def one_hot(labels: Any, classes: int, axis: int = 0, dtype: Any = np.float64) -> Any:
    """Return labels 0 … classes − 1 as columns of zeros with a single 1.

    Parameters
    ----------
    labels : array_like of int, shape (m,)
        Any other shape works too.
    classes : int
    axis : int
        Where the class axis goes: ``(classes, m)`` for 0, ``(m, classes)`` for -1.
    dtype : dtype

    Raises
    ------
    BadInputError
        If a label is not an integer from 0 to classes − 1.

    Examples
    --------
    >>> one_hot([0, 2, 1], 3)
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]])
    """
    need_count("classes", classes, 1)
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu" or (labels.size and not (labels.min() >= 0 and labels.max() < classes)):
        raise BadInputError(f"labels must be integers from 0 to {classes - 1}.{user_line()}")
    return np.moveaxis(np.eye(classes, dtype=dtype)[labels], -1, axis)
