"""Elementwise functions as ONNX nodes: the formulas of rules/elementwise.py and nn/functions.py once more."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...nn.functions import SELU_ALPHA, SELU_SCALE
from .builder import BOOL, Builder

__all__ = ["COMPARISONS", "ELEMENTWISE", "LOGICAL"]

Emit = Callable[..., Any]
B = Builder
LN2, LN10, PI = math.log(2), math.log(10), math.pi


def _truncated(b: B, x: Any) -> Any:
    return b.Mul(b.Sign(x), b.Floor(b.Abs(x)))


def _remainder(b: B, x: Any, y: Any) -> Any:
    return b.Sub(x, b.Mul(y, b.Floor(b.Div(x, y))))


def _is(b: B, op: str, x: Any, y: Any) -> Any:
    return b.node(op, [x, y], dtype=BOOL)


def _nan(b: B, x: Any) -> Any:
    return b.node("IsNaN", [x], dtype=BOOL)


def _log_sum(b: B, x: Any, y: Any, base: float) -> Any:
    """``log(baseᵃ + baseᵇ)`` in that base, without overflow; equal infinities stay what they are."""
    top = b.Max(x, y)
    gap = b.Where(_is(b, "Equal", x, y), 0.0, b.Abs(b.Sub(x, y)))
    grown = b.Log(b.Add(b.Exp(b.Mul(gap, -math.log(base))), 1.0))
    return b.Add(top, b.Div(grown, math.log(base)))


def _arctan2(b: B, y: Any, x: Any) -> Any:
    quotient = b.Where(b.node("And", [_is(b, "Equal", x, 0.0), _is(b, "Equal", y, 0.0)], dtype=BOOL), 0.0, b.Div(y, x))
    turn = b.Where(_is(b, "Less", x, 0.0), b.Where(_is(b, "Less", y, 0.0), -PI, PI), 0.0)
    return b.Add(b.Atan(quotient), turn)


def _copysign(b: B, x: Any, y: Any) -> Any:
    """The sign of a zero shows in its reciprocal."""
    negative = _is(b, "Less", b.Where(_is(b, "Equal", y, 0.0), b.Reciprocal(y), y), 0.0)
    return b.Mul(b.Abs(x), b.Where(negative, -1.0, 1.0))


def _ignoring_nan(op: str) -> Emit:
    return lambda b, x, y: b.Where(_nan(b, x), y, b.Where(_nan(b, y), x, b.node(op, [x, y])))


def _clip(b: B, x: Any, low: Any, high: Any) -> Any:
    x = x if low is None else b.Max(x, low)
    return x if high is None else b.Min(x, high)


def _round(b: B, x: Any, decimals: int) -> Any:
    return b.Round(x) if not decimals else b.Div(b.Round(b.Mul(x, 10.0**decimals)), 10.0**decimals)


def _sinc(b: B, x: Any) -> Any:
    z = b.Mul(x, PI)
    zero = _is(b, "Equal", x, 0.0)
    return b.Where(zero, 1.0, b.Div(b.Sin(z), b.Where(zero, 1.0, z)))


def _nan_to_num(b: B, x: Any, nan: Any, posinf: Any, neginf: Any) -> Any:
    limits = np.finfo(b.dtype)
    high = float(limits.max) if posinf is None else min(posinf, float(limits.max))
    low = float(limits.min) if neginf is None else max(neginf, float(limits.min))
    y = b.Where(b.node("IsInf", [x], dtype=BOOL, detect_negative=0), high, x)
    y = b.Where(b.node("IsInf", [x], dtype=BOOL, detect_positive=0), low, y)
    return b.Where(_nan(b, x), nan, y)


def _xlogy(b: B, x: Any, y: Any) -> Any:
    zero = _is(b, "Equal", x, 0.0)
    return b.Where(zero, 0.0, b.Mul(x, b.Log(b.Where(zero, 1.0, y))))


def _gelu(b: B, z: Any) -> Any:
    u = b.Mul(b.Mul(z, math.sqrt(2 / PI)), b.Add(b.Mul(b.Mul(z, z), 0.044715), 1.0))
    return b.Mul(b.Mul(z, 0.5), b.Add(b.Tanh(u), 1.0))


def _softplus(b: B, z: Any) -> Any:
    return b.Add(b.Max(z, 0.0), b.Log(b.Add(b.Exp(b.Neg(b.Abs(z))), 1.0)))


def _huber(b: B, prediction: Any, labels: Any, delta: float) -> Any:
    error = b.Sub(prediction, labels)
    inside = b.Max(b.Min(error, delta), -delta)
    return b.Mul(inside, b.Sub(error, b.Mul(inside, 0.5)))


ELEMENTWISE: dict[str, Emit] = {
    # arithmetic
    "add": lambda b, x, y: b.Add(x, y),
    "subtract": lambda b, x, y: b.Sub(x, y),
    "multiply": lambda b, x, y: b.Mul(x, y),
    "divide": lambda b, x, y: b.Div(x, y),
    "negative": lambda b, x: b.Neg(x),
    "positive": lambda b, x: b.Identity(x),
    "reciprocal": lambda b, x: b.Reciprocal(x),
    "square": lambda b, x: b.Mul(x, x),
    "power": lambda b, x, y: b.Pow(x, y),
    "remainder": _remainder,
    "fmod": lambda b, x, y: b.Mod(x, y, fmod=1),
    "floor_divide": lambda b, x, y: b.Floor(b.Div(x, y)),
    "ldexp": lambda b, x, n: b.Mul(x, b.Pow(2.0, n)),
    # exponentials and logarithms
    "exp": lambda b, x: b.Exp(x),
    "exp2": lambda b, x: b.Exp(b.Mul(x, LN2)),
    "expm1": lambda b, x: b.Mul(b.Tanh(b.Mul(x, 0.5)), b.Add(b.Exp(x), 1.0)),
    "log": lambda b, x: b.Log(x),
    "log2": lambda b, x: b.Div(b.Log(x), LN2),
    "log10": lambda b, x: b.Div(b.Log(x), LN10),
    "log1p": lambda b, x: b.Log(b.Add(x, 1.0)),
    "logaddexp": lambda b, x, y: _log_sum(b, x, y, math.e),
    "logaddexp2": lambda b, x, y: _log_sum(b, x, y, 2.0),
    "xlogy": _xlogy,
    # roots
    "sqrt": lambda b, x: b.Sqrt(x),
    "cbrt": lambda b, x: b.Mul(b.Sign(x), b.Pow(b.Abs(x), 1 / 3)),
    "hypot": lambda b, x, y: b.Sqrt(b.Add(b.Mul(x, x), b.Mul(y, y))),
    # trigonometric and hyperbolic
    "sin": lambda b, x: b.Sin(x),
    "cos": lambda b, x: b.Cos(x),
    "tan": lambda b, x: b.Tan(x),
    "arcsin": lambda b, x: b.Asin(x),
    "arccos": lambda b, x: b.Acos(x),
    "arctan": lambda b, x: b.Atan(x),
    "arctan2": _arctan2,
    "sinh": lambda b, x: b.Sinh(x),
    "cosh": lambda b, x: b.Cosh(x),
    "tanh": lambda b, x: b.Tanh(x),
    "arcsinh": lambda b, x: b.Asinh(x),
    "arccosh": lambda b, x: b.Acosh(x),
    "arctanh": lambda b, x: b.Atanh(x),
    "sinc": _sinc,
    **dict.fromkeys(("radians", "deg2rad"), lambda b, x: b.Mul(x, PI / 180)),
    **dict.fromkeys(("degrees", "rad2deg"), lambda b, x: b.Mul(x, 180 / PI)),
    # size and sign
    **dict.fromkeys(("absolute", "fabs"), lambda b, x: b.Abs(x)),
    "sign": lambda b, x: b.Sign(x),
    "copysign": _copysign,
    "floor": lambda b, x: b.Floor(x),
    "ceil": lambda b, x: b.Ceil(x),
    **dict.fromkeys(("trunc", "fix"), _truncated),
    "rint": lambda b, x: b.Round(x),
    "round": _round,
    # the larger, the smaller
    "maximum": lambda b, x, y: b.Max(x, y),
    "minimum": lambda b, x, y: b.Min(x, y),
    "fmax": _ignoring_nan("Max"),
    "fmin": _ignoring_nan("Min"),
    "clip": _clip,
    "heaviside": lambda b, x, y: b.Where(_is(b, "Less", x, 0.0), 0.0, b.Where(_is(b, "Equal", x, 0.0), y, 1.0)),
    "nan_to_num": _nan_to_num,
    # complex functions of real numbers
    **dict.fromkeys(("conjugate", "real"), lambda b, x: b.Identity(x)),
    # activations and losses
    "sigmoid": lambda b, z: b.Sigmoid(z),
    "softplus": _softplus,
    "silu": lambda b, z: b.Mul(z, b.Sigmoid(z)),
    "relu": lambda b, z: b.Relu(z),
    "leaky_relu": lambda b, z, slope: b.LeakyRelu(z, alpha=float(slope)),
    "elu": lambda b, z, alpha: b.Elu(z, alpha=float(alpha)),
    "selu": lambda b, z: b.Selu(z, alpha=SELU_ALPHA, gamma=SELU_SCALE),
    "gelu": _gelu,
    "normal_cdf": lambda b, z: b.Mul(b.Add(b.Erf(b.Mul(z, math.sqrt(0.5))), 1.0), 0.5),
    "bce_with_logits": lambda b, z, labels: b.Sub(_softplus(b, z), b.Mul(labels, z)),
    "huber": _huber,
}
"""By the rule's name; operands arrive in the result's dtype."""


def _comparison(op: str) -> Emit:
    return lambda b, x, y: _is(b, op, x, y)


COMPARISONS: dict[Any, Emit] = {
    np.equal: _comparison("Equal"),
    np.not_equal: lambda b, x, y: b.Not(_is(b, "Equal", x, y)),
    np.less: _comparison("Less"),
    np.less_equal: _comparison("LessOrEqual"),
    np.greater: _comparison("Greater"),
    np.greater_equal: _comparison("GreaterOrEqual"),
    np.isnan: _nan,
    np.isinf: lambda b, x: b.node("IsInf", [x], dtype=BOOL),
    np.isposinf: lambda b, x: b.node("IsInf", [x], dtype=BOOL, detect_negative=0),
    np.isneginf: lambda b, x: b.node("IsInf", [x], dtype=BOOL, detect_positive=0),
    np.isfinite: lambda b, x: b.Not(b.node("Or", [_nan(b, x), b.node("IsInf", [x], dtype=BOOL)], dtype=BOOL)),
}
"""Bool results of numbers; operands arrive in their common dtype."""

LOGICAL: dict[Any, Emit] = {
    **dict.fromkeys((np.logical_and, np.bitwise_and), lambda b, x, y: b.And(x, y)),
    **dict.fromkeys((np.logical_or, np.bitwise_or), lambda b, x, y: b.Or(x, y)),
    **dict.fromkeys((np.logical_xor, np.bitwise_xor), lambda b, x, y: b.Xor(x, y)),
    **dict.fromkeys((np.logical_not, np.invert), lambda b, x: b.Not(x)),
}
"""Bool results of bools."""
