"""Numerical gradients, and checking a derivation with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..transforms import grad
from .chance import drawing
from .claims import Every, Identity, Procedure, Value
from .entry import right, text, wrong
from .experiments.gradcheck import by_hand, case, cost
from .procedures import dictionary_to_vector, gradient_check, ratio, vector_to_dictionary

SMOOTH: dict[str, tuple[Any, Any]] = {
    "θ³": (lambda t: t**3, lambda t: 3 * t**2),
    "sin θ": (np.sin, np.cos),
    "exp θ": (np.exp, np.exp),
}
"""Functions with their derivatives."""

VECTORS: dict[str, Callable[..., Any]] = {
    "dictionary_to_vector": dictionary_to_vector,
    "vector_to_dictionary": vector_to_dictionary,
}


def network() -> tuple[Any, Any, Any]:
    """The assignment's [4, 5, 3, 1] network: its cost, its parameters, its gradient by hand."""
    parameters, X, Y = case()
    return lambda p: cost(X, Y, **p), parameters, by_hand(X, Y, **parameters)


def planted(**factors: float) -> Any:
    """The right gradient with some of its parts multiplied: ``planted(dW2=2, db1=4)``."""
    _, _, grads = network()
    return {name: value * factors.get(name, 1) for name, value in grads.items()}


def tends_to_the_derivative(run: Any, rng: Any) -> dict[str, Any]:
    """The quotient for small eps, against the derivative."""
    checks = {}
    for name, (f, slope) in SMOOTH.items():
        theta = rng.uniform(0.5, 1.5)
        far, near = (abs(run(f=f, theta=theta, eps=eps)["g"] - slope(theta)) for eps in (1e-2, 1e-5))
        checks[f"{name}: off by {far:.1g} at ε = 0.01, by {near:.1g} at 0.00001"] = near < 1e-4 and near < far
    return checks


def error_falls_like(power: int) -> Any:
    """Its error is of the order eps to this power."""

    def check(run: Any, rng: Any) -> dict[str, Any]:
        """The slope of log error against log eps."""
        checks = tends_to_the_derivative(run, rng)
        for name, (f, slope) in SMOOTH.items():
            theta, eps = rng.uniform(0.5, 1.5), np.array([1e-1, 1e-2, 1e-3])
            errors = [abs(run(f=f, theta=theta, eps=e)["g"] - slope(theta)) for e in eps]
            order = np.polyfit(np.log(eps), np.log(errors), 1)[0]
            checks[f"{name}: the error falls like eps^{order:.2f}"] = abs(order - power) < 0.1
        return checks

    return check


def one_vector(run: Any, rng: Any) -> dict[str, Any]:
    """Theta holds every number of the parameters, dtheta the derivatives in the same order."""
    J, parameters, grads = network()
    found = run(parameters=parameters, grads=grads)
    theta, dtheta = found["theta"], found["dtheta"]
    back, v = vector_to_dictionary(theta, parameters), rng.standard_normal(theta.shape)
    plus, minus = (J(vector_to_dictionary(theta + eps * v, parameters)) for eps in (1e-5, -1e-5))
    return {
        "one number for each parameter": theta.shape == dtheta.shape == (sum(p.size for p in parameters.values()), 1),
        "J(θ) = J(W[1], b[1], …)": J(back) == J(parameters),
        "dθ has θ's order: a step along any direction changes J by dθ·v": np.isclose(
            (plus - minus) / 2e-5, np.sum(dtheta * v), rtol=1e-6
        ),
    }


def every_component(run: Any, rng: Any) -> dict[str, Any]:
    """The approximation of the whole gradient, against autodiff."""
    del rng
    J, parameters, _ = network()
    theta = dictionary_to_vector(parameters)
    found = run(J=lambda t: J(vector_to_dictionary(t, parameters)), theta=theta, eps=1e-5)["approx"]
    true = dictionary_to_vector(grad(J)(parameters))
    return {f"{theta.size} components agree with autodiff": ratio(found, true) < 1e-8}


def between_0_and_1(run: Any, rng: Any) -> dict[str, Any]:
    """The ratio of vectors alike, opposite, and of any two."""
    a = rng.standard_normal(9)
    some = [run(approx=rng.standard_normal(9) * 10.0 ** rng.integers(-9, 9), grad=a)["ratio"] for _ in range(50)]
    return {
        "0 for equal ones": run(approx=a, grad=a)["ratio"] == 0,
        "1 for opposite ones": np.isclose(run(approx=-a, grad=a)["ratio"], 1),
        "in [0, 1] for any": min(some) >= 0 and max(some) <= 1 + 1e-12,
    }


def three_marks(run: Any, rng: Any) -> dict[str, Any]:
    """The assignment's network, right and with planted bugs."""
    del rng
    J, parameters, grads = network()
    marks = run()
    of = {name: gradient_check(J, parameters, g, 1e-7)[0] for name, g in
          {"right": grads, "2 %": planted(db1=1.02), "bugs": planted(dW2=2, db1=4)}.items()}  # fmt: skip
    careful = gradient_check(J, parameters, grads, 1e-4)[0]
    return {
        f"a right gradient reads {of['right']:.3g} at eps 1e-7, next to great": 0.1 < of["right"] / marks["great"] < 10,
        f"at eps 1e-4 {careful:.2g}: great": careful < marks["great"],
        "concerned lies between": 10 * marks["great"] < marks["concerned"] < marks["worry"] / 10,
        f"a db[1] 2 % too large reads {of['2 %']:.2g}: worry": marks["concerned"] < marks["worry"] < of["2 %"],
        "and not less": of["2 %"] < 10 * marks["worry"],
        f"planted bugs read {of['bugs']:.4f}": of["bugs"] > marks["worry"],
    }


def bugs_are_seen(run: Any, rng: Any) -> dict[str, Any]:
    """Gradients that are as wrong as can be, and one a little wrong, against this mark."""
    del rng
    J, parameters, grads = network()
    worry = run()["worry"]
    factors = {"opposite": -1, "zero": 0, "10⁹ times too large": 1e9}
    bugs = {name: {key: factor * value for key, value in grads.items()} for name, factor in factors.items()}
    bugs["2 % too large in db[1]"] = planted(db1=1.02)
    read = {name: gradient_check(J, parameters, g, 1e-7)[0] for name, g in bugs.items()}
    return {
        **{f"a gradient that is {name} reads {r:.3g}, not below {worry:g}": r >= worry for name, r in read.items()},
        "a right one does not": gradient_check(J, parameters, grads, 1e-7)[0] < worry,
    }


def n_dimensional(run: Any, rng: Any) -> dict[str, Any]:
    """The assignment's network: right, and with its two planted bugs."""
    del rng
    J, parameters, grads = network()

    def read(g: Any, eps: float) -> float:
        return float(run(J=J, parameters=parameters, grads=g, eps=eps)["difference"])

    right, bugs = read(grads, 1e-7), read(planted(dW2=2, db1=4), 1e-7)
    return {
        f"planted bugs read {bugs:.4f}": abs(bugs - 0.2851) < 1e-4,
        f"the right gradient reads {right:.3g} at eps 1e-7": 0.6e-7 < right < 2.4e-7,
        "at eps 1e-4 below 1e-8": read(grads, 1e-4) < 1e-8,
    }


def passes_are_counted(run: Any, rng: Any) -> dict[str, Any]:
    """Count the calls of J."""
    del rng
    J, parameters, grads = network()
    calls = []

    def counted(p: Any) -> Any:
        calls.append(1)
        return J(p)

    gradient_check(counted, parameters, grads)
    n = dictionary_to_vector(parameters).size
    return {f"{len(calls)} forward passes for {n} parameters": run(n=n)["passes"] == len(calls)}


def named(run: Any, rng: Any) -> dict[str, Any]:
    """A bug in one gradient, anywhere: which component is furthest off."""
    del rng
    J, parameters, grads = network()
    approx = {f"d{name}": value for name, value in grad(J)(parameters).items()}
    checks = {}
    for guilty in grads:
        found = run(approx=approx, grads=planted(**{guilty: 1.5}), norm=np.linalg.norm)
        fine = [each for name, each in found["each"].items() if name != guilty]
        checks[f"a bug in {guilty} is named"] = found["worst"] == guilty and max(fine) < 1e-9
        checks[f"its ratio is 0.5/2.5 ({guilty})"] = np.isclose(found["each"][guilty], 0.2)
    return checks


def with_the_penalty(run: Any, rng: Any) -> dict[str, Any]:
    """A right gradient of a regularised cost, checked against this J and against the J without penalty."""
    m, lam = 6, 0.7
    X, Y, W = rng.standard_normal((3, m)), rng.integers(0, 2, (1, m)) * 1.0, rng.standard_normal((1, 3))
    A = 1 / (1 + np.exp(-W @ X))
    grads = {"dW": 1 / m * (A - Y) @ X.T + lam / m * W}

    def data_cost(p: Any) -> Any:
        a = 1 / (1 + np.exp(-p["W"] @ X))
        return -np.mean(Y * np.log(a) + (1 - Y) * np.log(1 - a))

    def whole(p: Any) -> Any:
        return run(J=data_cost(p), W=p["W"], lam=lam, m=m)["J"]

    return {
        "with the penalty in J the gradient passes": gradient_check(whole, {"W": W}, grads, 1e-4)[0] < 1e-7,
        "without it, it does not": gradient_check(data_cost, {"W": W}, grads, 1e-4)[0] > 1e-3,
    }


def without_dropout(run: Any, rng: Any) -> dict[str, Any]:
    """Check a right gradient with fresh masks, with keep_prob 1, and with one frozen mask."""
    x, W, v = rng.standard_normal((4, 5)), rng.standard_normal((6, 4)), rng.standard_normal((1, 6))
    draw = run.using["np"].random

    def read(keep_prob: float, frozen: bool) -> float:
        draw.seed(1)

        def J(p: Any) -> Any:
            if frozen:
                draw.seed(2)
            return np.sum(v @ run(A=np.tanh(p["W"] @ x), keep_prob=keep_prob)["A"])

        if frozen:
            draw.seed(2)
        scale = run(A=np.ones((6, 5)), keep_prob=keep_prob)["A"]
        dW = (v.T * scale * (1 - np.tanh(W @ x) ** 2)) @ x.T
        return gradient_check(J, {"W": W}, {"dW": dW}, 1e-5)[0]

    draw.seed(3)
    dropped = run(A=np.ones((100, 200)), keep_prob=0.8)["A"]
    return {
        "a fifth is dropped, the mean kept": abs(np.mean(dropped == 0) - 0.2) < 0.02
        and abs(np.mean(dropped) - 1) < 0.02,
        "with fresh masks it does not work": read(0.8, frozen=False) > 0.1,
        "with keep_prob 1 it does": read(1.0, frozen=False) < 1e-7,
        "with one frozen mask too": read(0.8, frozen=True) < 1e-7,
    }


TWO_SIDED = "g = (f(theta + eps) - f(theta - eps)) / (2 * eps)"
ONE_SIDED = "g = (f(theta + eps) - f(theta)) / eps"

ENTRIES = [
    right(
        "num.two-sided",
        "the two-sided difference tends to f'(θ)",
        "004:2163-2167,2181",
        r"g(\theta) = \frac{f(\theta + \varepsilon) - f(\theta - \varepsilon)}{2\varepsilon} \rightarrow f'(\theta)",
        TWO_SIDED,
        Procedure(tends_to_the_derivative),
        shapes="scalar",
    ),
    right(
        "num.two-sided-value",
        "θ³ at 1, ε = 0.01: 3.0001, error 0.0001",
        "004:2167-2171,2184",
        r"\frac{1.01^3 - 0.99^3}{0.02} = 3.0001",
        "g = ((theta + eps) ** 3 - (theta - eps) ** 3) / (2 * eps)\nerror = g - 3 * theta**2",
        Every(
            Value({"g": 3.0001, "error": 0.0001}, theta=1, eps=0.01, within=1e-9),
            Identity("error = eps**2", {"theta": "", "eps": ""}, {"theta": (1, 2), "eps": (0.1, 0.5)}),
        ),
        shapes="scalar",
    ),
    right(
        "num.one-sided-value",
        "the one-sided difference: 3.0301, error 0.03",
        "004:2173-2179",
        r"\frac{1.01^3 - 1^3}{0.01} = 3.0301",
        "g = ((theta + eps) ** 3 - theta**3) / eps\nerror = g - 3 * theta**2",
        Every(
            Value({"g": 3.0301, "error": 0.03}, theta=1, eps=0.01, within=2e-4),
            Identity(
                "error = 3 * theta * eps + eps**2", {"theta": "", "eps": ""}, {"theta": (1, 2), "eps": (0.1, 0.5)}
            ),
        ),
        shapes="scalar",
    ),
    right(
        "num.order-2",
        "the two-sided error is O(ε²)",
        "004:2183-2184,2192",
        r"g(\theta) - f'(\theta) = O(\varepsilon^2)",
        TWO_SIDED,
        Procedure(error_falls_like(2)),
        shapes="scalar",
    ),
    right(
        "num.order-1",
        "the one-sided error is O(ε)",
        "004:2190",
        r"\frac{f(\theta + \varepsilon) - f(\theta)}{\varepsilon} - f'(\theta) = O(\varepsilon)",
        ONE_SIDED,
        Procedure(error_falls_like(1)),
        shapes="scalar",
    ),
    wrong(
        "num.one-sided-lim",
        "the limit with f(ε) in place of f(θ)",
        "004:2188",
        r"f'(\theta) = \lim \frac{f(\theta + \varepsilon) - f(\varepsilon)}{\varepsilon}",
        "g = (f(theta + eps) - f(eps)) / eps",
        Procedure(tends_to_the_derivative),
        right=ONE_SIDED,
        slip="OCR or slip",
        why="θ is lost: it diverges",
        shapes="scalar",
    ),
    right(
        "gc.theta",
        "all parameters in one vector θ, the gradients in dθ in the same order",
        "004:2198-2204",
        r"J(W^{[1]}, b^{[1]}, \dots, W^{[L]}, b^{[L]}) = J(\theta)",
        "theta = np.concatenate([p.reshape(-1, 1) for p in parameters.values()])\n"
        "dtheta = np.concatenate([grads['d' + name].reshape(-1, 1) for name in parameters])",
        Procedure(one_vector),
        shapes="(number of parameters,)",
    ),
    right(
        "gc.approx",
        "for each i: dθ_approx[i]",
        "004:2213-2225,2396",
        r"d\theta_{approx}[i] = \frac{J(\dots, \theta_i + \varepsilon, \dots)"
        r" - J(\dots, \theta_i - \varepsilon, \dots)}{2\varepsilon}",
        "approx = np.zeros_like(theta)\nfor i in range(len(theta)):\n    plus, minus = theta.copy(), theta.copy()\n"
        "    plus[i] += eps\n    minus[i] -= eps\n    approx[i] = (J(plus) - J(minus)) / (2 * eps)",
        Procedure(every_component),
        shapes="as theta",
    ),
    right(
        "gc.ratio",
        "‖approx − grad‖ / (‖approx‖ + ‖grad‖)",
        "004:2227-2231,2407",
        r"\frac{\|d\theta_{approx} - d\theta\|_2}{\|d\theta_{approx}\|_2 + \|d\theta\|_2}",
        "ratio = np.linalg.norm(approx - grad) / (np.linalg.norm(approx) + np.linalg.norm(grad))",
        Every(
            Identity(
                "ratio = np.sqrt(np.sum((approx - grad) ** 2)) / (np.sqrt(approx @ approx) + np.sqrt(grad @ grad))",
                {"approx": "n", "grad": "n"},
            ),
            Procedure(between_0_and_1),
        ),
        shapes="scalar in [0,1]",
    ),
    right(
        "gc.thresholds",
        "1e-7 great, 1e-5 a little concerned, 1e-3 worry",
        "004:2229,2409",
        r"10^{-7}, \quad 10^{-5}, \quad 10^{-3}",
        "great = 1e-7\nconcerned = 1e-5\nworry = 1e-3",
        Procedure(three_marks),
        shapes="scalar",
        convention="eps 1e-7 and float64; a right backward pass may read 1.19e-7",
    ),
    wrong(
        "gc.thresholds-big",
        "“1e3: most probably a bug”",
        "004:2229",
        r"10^{0}: \text{double check},\quad 10^{3}: \text{bug}",
        "worry = 1e3",
        Procedure(bugs_are_seen),
        right="worry = 1e-3",
        slip="OCR",
        why="the ratio cannot exceed 1; the exponents are garbled: 1e-7, 1e-5, 1e-3",
        shapes="scalar",
    ),
    right(
        "gc.1d",
        "gradient check in one dimension",
        "004:2398-2409",
        r"\text{gradapprox} = \frac{J^+ - J^-}{2\varepsilon}",
        "J_plus = (theta + eps) * x\nJ_minus = (theta - eps) * x\ngradapprox = (J_plus - J_minus) / (2 * eps)\n"
        "grad = x\n"
        "difference = abs(grad - gradapprox) / (abs(grad) + abs(gradapprox))",
        Every(
            Value({"difference": 2.9e-10}, theta=4.0, x=2.0, eps=1e-7, within=0.05e-10),
            Value({"difference": 0.0, "gradapprox": 0.5}, theta=3.0, x=0.5, eps=2.0**-20),
        ),
        shapes="scalar",
    ),
    right(
        "gc.nd",
        "gradient check in N dimensions",
        "004:2411",
        r"\theta,\ d\theta,\ d\theta_{approx},\ \text{ratio}",
        "theta = dictionary_to_vector(parameters)\n"
        "grad = dictionary_to_vector({name: grads['d' + name] for name in parameters})\n"
        "approx = np.zeros_like(theta)\nfor i in range(len(theta)):\n    plus, minus = theta.copy(), theta.copy()\n"
        "    plus[i] += eps\n    minus[i] -= eps\n"
        "    J_plus = J(vector_to_dictionary(plus, parameters))\n"
        "    J_minus = J(vector_to_dictionary(minus, parameters))\n    approx[i] = (J_plus - J_minus) / (2 * eps)\n"
        "difference = np.linalg.norm(approx - grad) / (np.linalg.norm(approx) + np.linalg.norm(grad))",
        Procedure(n_dimensional, VECTORS),
        shapes="as theta",
    ),
    right(
        "gc.debug-only",
        "only for debugging: two forward passes for every parameter",
        "004:2235-2237",
        r"2\,|\theta| \text{ forward passes}",
        "passes = 2 * n",
        Procedure(passes_are_counted),
    ),
    right(
        "gc.locate",
        "on failure look at the components",
        "004:2238-2241",
        r"\text{arg max}_l\ \frac{\|\text{approx}^{[l]} - \text{grad}^{[l]}\|}"
        r"{\|\text{approx}^{[l]}\| + \|\text{grad}^{[l]}\|}",
        "each = {k: norm(approx[k] - grads[k]) / (norm(approx[k]) + norm(grads[k])) for k in grads}\n"
        "worst = max(each, key=each.get)",
        Procedure(named),
    ),
    right(
        "gc.regularised",
        "include the penalty in J when regularising",
        "004:2242-2243",
        r"J = \frac{1}{m}\sum L + \frac{\lambda}{2m} \|W\|_F^2",
        "J = J + lam / (2 * m) * np.sum(W**2)",
        Procedure(with_the_penalty),
    ),
    right(
        "gc.dropout",
        "gradient checking does not work with dropout: check with keep_prob 1",
        "004:2244-2245",
        r"A = A * (\text{rand} < \text{keep-prob}) / \text{keep-prob}",
        "D = np.random.rand(*A.shape) < keep_prob\nA = A * D / keep_prob",
        Procedure(without_dropout, drawing()),
    ),
    text(
        "gc.again",
        "check at random start values, and again after some training",
        "004:2246",
        "A derivation may be right only near W = 0: b = 0 and small weights hide mistakes.",
    ),
    text(
        "gc.trust-forward",
        "the forward pass is simpler, so it judges the backward pass",
        "004:2389-2396",
        "Why the numerical gradient is the referee: it needs J only.",
    ),
]
