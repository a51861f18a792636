"""Losses and likelihoods."""

import numpy as np

from . import derivation, positive, scalar


def gaussian(x, mu, s):
    z = (x - mu) / np.exp(s)
    return np.mean(0.5 * z**2 + s)


def gaussian_by_hand(x, mu, s):
    n = x.shape[0]
    sigma = np.exp(s)
    z = (x - mu) / sigma
    dmu = -z / sigma / n
    ds = (1 - z**2) / n
    return {"dmu": dmu, "ds": ds}


d = derivation(gaussian, gaussian_by_hand, "x: n, mu: n, s: n")
d.slip("dmu-sign", "dmu = -z", "dmu = z", "sign", "mu")
d.slip("dmu-sigma", "-z / sigma / n", "-z / n", "missing-local missing-term", "mu")
d.slip("ds-normaliser", "(1 - z**2) / n", "-(z**2) / n", "missing-term constant", "s")
d.slip("ds-quadratic", "(1 - z**2) / n", "np.ones_like(s) / n", "missing-term constant", "s")
d.slip("ds-two", "1 - z**2", "1 - 2 * z**2", "term-scale", "s")
d.slip(
    "ds-chain", "(1 - z**2) / n", "(1 - z**2) / sigma / n", "missing-local extra-local wrong-local wrong-operand", "s"
)
d.slip("n-lost", "ds = (1 - z**2) / n", "ds = 1 - z**2", "scale", "s")


def divergence(mu, logvar):
    return -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar))


def divergence_by_hand(mu, logvar):
    dmu = mu
    dlogvar = 0.5 * (np.exp(logvar) - 1)
    return {"dmu": dmu, "dlogvar": dlogvar}


d = derivation(divergence, divergence_by_hand, "mu: n, logvar: n")
d.slip("half-lost", "0.5 * (np.exp(logvar) - 1)", "np.exp(logvar) - 1", "scale", "logvar")
d.slip("one-lost", "(np.exp(logvar) - 1)", "np.exp(logvar)", "missing-term constant", "logvar")
d.slip("sign", "(np.exp(logvar) - 1)", "(1 - np.exp(logvar))", "sign", "logvar")
d.slip("dmu-half", "dmu = mu", "dmu = 0.5 * mu", "scale", "mu")
d.slip("exp-lost", "(np.exp(logvar) - 1)", "(logvar - 1)", "wrong-local missing-local", "logvar")
d.slip("plus", "np.exp(logvar) - 1", "np.exp(logvar) + 1", "sign term-scale", "logvar")


def hinge(X, y, w, lam):
    s = y * (X @ w)
    return np.mean(np.maximum(0, 1 - s)) + lam * np.sum(w**2)


def hinge_by_hand(X, y, w, lam):
    m = X.shape[0]
    s = y * (X @ w)
    active = s < 1
    ds = -1.0 * active / m
    dw = X.T @ (ds * y) + 2 * lam * w
    return {"dw": dw}


def plus_minus(rng, shape, _dims):
    return rng.choice([-1.0, 1.0], shape)


d = derivation(hinge, hinge_by_hand, "X: m n, y: m, w: n, lam:", y=plus_minus, lam=scalar(0.2, 1))
d.slip("margin-inverted", "s < 1", "s > 1", "mask-inverted", "w")
d.slip("margin-forgotten", "active = s < 1", "active = np.ones_like(s)", "mask-missing missing-local", "w")
d.slip("label-forgotten", "(ds * y)", "ds", "missing-local missing-term wrong-operand", "w")
d.slip("penalty-two", "2 * lam * w", "lam * w", "term-scale", "w")
d.slip("m-lost", "-1.0 * active / m", "-1.0 * active", "term-scale", "w")
d.slip("sign", "ds = -1.0 * active", "ds = 1.0 * active", "sign term-scale", "w")


def poisson(X, y, w):
    eta = X @ w
    rate = np.exp(eta)
    return np.sum(rate - y * eta)


def poisson_by_hand(X, y, w):
    eta = X @ w
    rate = np.exp(eta)
    deta = rate - y
    dw = X.T @ deta
    return {"w": dw}


d = derivation(poisson, poisson_by_hand, "X: m n, y: m, w: n", y=positive)
d.slip("exp-lost", "deta = rate - y", "deta = eta - y", "missing-local wrong-operand wrong-local", "w")
d.slip("y-lost", "deta = rate - y", "deta = rate", "missing-term constant", "w")
d.slip("y-eta", "deta = rate - y", "deta = rate - y * eta", "wrong-local extra-local wrong-operand extra-term", "w")
d.slip("sign", "deta = rate - y", "deta = y - rate", "sign", "w")


def pseudo_huber(x, y, w, delta):
    e = (w.T @ x - y) / delta
    return np.mean(delta**2 * (np.sqrt(1 + e**2) - 1))


def pseudo_huber_by_hand(x, y, w, delta):
    m = x.shape[1]
    e = (w.T @ x - y) / delta
    root = np.sqrt(1 + e**2)
    de = delta**2 * e / root / m
    dw = x @ de.T / delta
    return {"dw": dw}


d = derivation(pseudo_huber, pseudo_huber_by_hand, "x: n m, y: 1 m, w: n 1, delta:", delta=scalar(0.5, 2))
d.slip("delta-lost", "x @ de.T / delta", "x @ de.T", "scale", "w")
d.slip("root-lost", "delta**2 * e / root / m", "delta**2 * e / m", "missing-local wrong-local", "w")
d.slip("root-half", "e / root / m", "e / (2 * root) / m", "scale", "w")
d.slip("delta-squared-lost", "delta**2 * e", "delta * e", "scale", "w")


def contrast(u, v, margin):
    d2 = np.sum((u - v) ** 2, axis=0)
    return np.mean(d2 / (margin + d2))


def contrast_by_hand(u, v, margin):
    m = u.shape[1]
    diff = u - v
    d2 = np.sum(diff**2, axis=0)
    dd2 = margin / (margin + d2) ** 2 / m
    du = 2 * diff * dd2
    dv = -du
    return {"du": du, "dv": dv}


d = derivation(contrast, contrast_by_hand, "u: n m, v: n m, margin:", margin=scalar(0.5, 2))
d.slip("quotient-bottom", "margin / (margin + d2) ** 2", "1 / (margin + d2)", "constant missing-term", "u v")
d.slip("dv-sign", "dv = -du", "dv = du", "sign", "v")
d.slip("two", "2 * diff * dd2", "diff * dd2", "scale", "u v")
d.slip("diff-lost", "2 * diff * dd2", "2 * diff**2 * dd2", "wrong-local extra-local wrong-operand", "u v")
