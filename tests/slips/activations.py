"""Elementwise functions: the derivative at the right place, of the right function, once."""

import numpy as np

from . import derivation, positive


def swish(x, b, r):
    s = 1 / (1 + np.exp(-b * x))
    return np.sum(r * x * s)


def swish_by_hand(x, b, r):
    s = 1 / (1 + np.exp(-b * x))
    dx = r * (s + b * x * s * (1 - s))
    db = np.sum(r * x**2 * s * (1 - s))
    return {"dx": dx, "db": db}


d = derivation(swish, swish_by_hand, "x: n, b:, r: n")
d.slip("product-rule-half", "r * (s + b * x * s * (1 - s))", "r * s", "missing-term constant", "x")
d.slip("product-rule-other-half", "(s + b * x * s * (1 - s))", "(b * x * s * (1 - s))", "missing-term constant", "x")
d.slip("inner-b", "s + b * x * s", "s + x * s", "term-scale", "x")
d.slip("db-x-once", "r * x**2 * s", "r * x * s", "missing-local wrong-operand missing-term", "b")
d.slip("db-not-summed", "np.sum(r * x**2 * s * (1 - s))", "r * x**2 * s * (1 - s)", "not-reduced", "b")


def trig(x, y):
    u = np.sin(x * y)
    return np.sum(u + x**2 * y)


def trig_by_hand(x, y):
    c = np.cos(x * y)
    dx = y * c + 2 * x * y
    dy = x * c + x**2
    return {"dx": dx, "dy": dy}


d = derivation(trig, trig_by_hand, "x: n, y: n")
d.slip("minus-cos", "c = np.cos", "c = -np.cos", "sign term-scale", "x y")
d.slip("sin-for-cos", "c = np.cos(x * y)", "c = np.sin(x * y)", "wrong-local", "x y")
d.slip("inner-missing", "dx = y * c", "dx = c", "missing-local missing-term", "x")
d.slip("inner-other", "dy = x * c", "dy = y * c", "wrong-operand", "y")
d.slip("square-no-two", "2 * x * y", "x * y", "term-scale", "x")
d.slip("square-kept", "+ 2 * x * y", "+ 2 * x**2 * y", "wrong-local wrong-operand", "x")
d.slip("term-lost", "x * c + x**2", "x * c", "missing-term constant", "y")


def rational(x, a):
    return np.sum(x / (a + x**2))


def rational_by_hand(x, a):
    q = a + x**2
    dx = (q - 2 * x**2) / q**2
    da = -x / q**2
    return {"dx": dx, "da": da}


d = derivation(rational, rational_by_hand, "x: n, a: n", a=positive)
d.slip("quotient-plus", "q - 2 * x**2", "q + 2 * x**2", "sign term-scale", "x")
d.slip("denominator-constant", "(q - 2 * x**2) / q**2", "1 / q", "constant missing-term", "x")
d.slip("two-lost", "(q - 2 * x**2)", "(q - x**2)", "term-scale", "x")
d.slip("denominator-not-squared", "-x / q**2", "-x / q", "missing-local wrong-local scale", "a")
d.slip("da-sign", "da = -x", "da = x", "sign", "a")


def powers(a, b):
    return np.sum(a**b)


def powers_by_hand(a, b):
    da = b * a ** (b - 1)
    db = a**b * np.log(a)
    return {"da": da, "db": db}


d = derivation(powers, powers_by_hand, "a: n, b: n", a=positive)
d.slip("exponent-kept", "a ** (b - 1)", "a**b", "wrong-local", "a")
d.slip("factor-lost", "b * a ** (b - 1)", "a ** (b - 1)", "wrong-local missing-local scale", "a")
d.slip("log-lost", "a**b * np.log(a)", "a**b", "missing-local wrong-local", "b")
d.slip("log-of-b", "np.log(a)", "np.log(b**2) / 2", "wrong-operand wrong-local", "b")
d.slip("power-rule-for-exponent", "a**b * np.log(a)", "b * a ** (b - 1)", "wrong-local wrong-operand", "b")


def softplus_net(x, w, v):
    z = w * x
    a = np.log(1 + np.exp(z))
    return np.sum(v * a)


def softplus_net_by_hand(x, w, v):
    z = w * x
    a = np.log(1 + np.exp(z))
    g = 1 / (1 + np.exp(-z))
    dv = a
    dw = v * g * x
    dx = v * g * w
    return {"dv": dv, "dw": dw, "dx": dx}


d = derivation(softplus_net, softplus_net_by_hand, "x: n, w: n, v: n")
d.slip(
    "sigmoid-derivative-too",
    "g = 1 / (1 + np.exp(-z))",
    "s = 1 / (1 + np.exp(-z))\n    g = s * (1 - s)",
    "wrong-local",
    "w x",
)
d.slip("sigmoid-sign", "np.exp(-z))\n", "np.exp(z))\n", "wrong-local sign", "w x")
d.slip("local-missing", "dw = v * g * x", "dw = v * x", "missing-local", "w")
d.slip("local-is-value", "dx = v * g * w", "dx = v * a * w", "wrong-local wrong-operand", "x")
d.slip("exchanged-inner", "dx = v * g * w", "dx = v * g * x", "wrong-operand", "x")
d.slip("dv-z", "dv = a", "dv = z", "wrong-operand missing-local", "v")


def elu(x, r):
    y = np.where(x > 0, x, np.exp(x) - 1)
    return np.sum(r * y)


def elu_by_hand(x, r):
    y = np.where(x > 0, x, np.exp(x) - 1)
    dx = r * np.where(x > 0, 1, y + 1)
    return {"dx": dx}


d = derivation(elu, elu_by_hand, "x: n, r: n")
d.slip("plus-one-forgotten", "np.where(x > 0, 1, y + 1)", "np.where(x > 0, 1, y)", "wrong-local term-scale", "x")
d.slip("as-relu", "np.where(x > 0, 1, y + 1)", "(x > 0)", "missing-term wrong-local constant", "x")
d.slip("inverted", "np.where(x > 0, 1, y + 1)", "np.where(x > 0, y + 1, 1)", "mask-inverted", "x")
d.slip("positive-x", "np.where(x > 0, 1, y + 1)", "np.where(x > 0, x, y + 1)", "wrong-local", "x")


def first_graph(a, b, c):
    u = b * c
    v = a + u
    return 3 * v


def first_graph_by_hand(a, b, c):
    dv = 3.0
    da = dv * np.ones_like(a)
    du = dv
    db = du * c
    dc = du * b
    return {"da": da, "db": db, "dc": dc}


d = derivation(first_graph, first_graph_by_hand, "a:, b:, c:")
d.slip("b-for-c", "db = du * c", "db = du * b", "wrong-operand", "b")
d.slip("three-lost", "dv = 3.0", "dv = 1.0", "scale", "a b c")
d.slip("du-twice", "dc = du * b", "dc = du * dv * b", "scale extra-local", "c")
d.slip("factor-lost", "dc = du * b", "dc = du", "missing-local wrong-operand missing-term", "c")
