"""The notes' procedures as code: networks with explicit caches, gradient checking, dropout, stopping, choosing.

Gradients are written by hand here, as in the notes, and in their letters: ``A``, ``dZ``, ``parameters``, ``caches``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import BadInputError, user_line
from ..nn.functions import relu, sigmoid, tanh

__all__ = [
    "L_layer_backward",
    "L_layer_forward",
    "L_layer_model",
    "avoidable_bias",
    "basic_recipe",
    "bias_variance_label",
    "ceiling",
    "choose",
    "cost",
    "dictionary_to_vector",
    "dropout_backward",
    "dropout_forward",
    "early_stopping",
    "gradient_check",
    "initialize",
    "normalise",
    "ratio",
    "two_layer_backward",
    "two_layer_forward",
    "two_layer_model",
    "update",
    "vector_to_dictionary",
]

Array = Any
Parameters = dict[str, Array]
Cache = tuple[Array, Array, Array, Array]

SLOPES: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "sigmoid": (sigmoid, lambda Z: sigmoid(Z) * (1 - sigmoid(Z))),
    "tanh": (tanh, lambda Z: 1 - np.tanh(Z) ** 2),
    "relu": (relu, lambda Z: (Z > 0) * 1.0),
}
"""Each activation g with its slope g'(Z)."""

# ── networks ─────────────────────────────────────────────────────────────────────────────────────────────────────


def initialize(sizes: list[int], rng: np.random.Generator, scale: float = 0.01) -> Parameters:
    """``W[l]`` small and random, ``b[l]`` zero, for layers of these sizes.

    Examples
    --------
    >>> {name: p.shape for name, p in initialize([2, 4, 1], np.random.default_rng(0)).items()}
    {'W1': (4, 2), 'b1': (4, 1), 'W2': (1, 4), 'b2': (1, 1)}
    """
    parameters = {}
    for layer in range(1, len(sizes)):
        parameters[f"W{layer}"] = rng.standard_normal((sizes[layer], sizes[layer - 1])) * scale
        parameters[f"b{layer}"] = np.zeros((sizes[layer], 1))
    return parameters


def cost(A: Array, Y: Array) -> float:
    """``J = −(1/m) Σ [y log a + (1 − y) log(1 − a)]``.

    Examples
    --------
    >>> round(cost(np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]])), 4)
    0.6931
    """
    m = Y.shape[1]
    return float(-1 / m * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)))


def update(parameters: Parameters, grads: Parameters, alpha: float) -> Parameters:
    """``W[l] := W[l] − α dW[l]``, ``b[l] := b[l] − α db[l]``.

    Examples
    --------
    >>> update({"W1": 1.0}, {"dW1": 2.0}, 0.1)
    {'W1': 0.8}
    """
    return {name: value - alpha * grads[f"d{name}"] for name, value in parameters.items()}


def two_layer_forward(X: Array, parameters: Parameters) -> tuple[Array, Parameters]:
    """``Z1 = W1 X + b1, A1 = tanh(Z1), Z2 = W2 A1 + b2, A2 = σ(Z2)``; A2, and all of them for the way back.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> A2, cache = two_layer_forward(np.ones((2, 5)), initialize([2, 4, 1], rng))
    >>> A2.shape, cache["A1"].shape
    ((1, 5), (4, 5))
    """
    W1, b1, W2, b2 = (parameters[name] for name in ("W1", "b1", "W2", "b2"))
    Z1 = W1 @ X + b1
    A1 = np.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = sigmoid(Z2)
    return A2, {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}


def two_layer_backward(parameters: Parameters, cache: Parameters, X: Array, Y: Array) -> Parameters:
    """The six lines of back-propagation through two layers.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, Y, parameters = np.ones((2, 5)), np.ones((1, 5)), initialize([2, 4, 1], rng)
    >>> sorted(two_layer_backward(parameters, two_layer_forward(X, parameters)[1], X, Y))
    ['dW1', 'dW2', 'db1', 'db2']
    """
    m = X.shape[1]
    A1, A2, W2 = cache["A1"], cache["A2"], parameters["W2"]
    dZ2 = A2 - Y
    dW2 = 1 / m * dZ2 @ A1.T
    db2 = 1 / m * np.sum(dZ2, axis=1, keepdims=True)
    dZ1 = W2.T @ dZ2 * (1 - A1**2)
    dW1 = 1 / m * dZ1 @ X.T
    db1 = 1 / m * np.sum(dZ1, axis=1, keepdims=True)
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


def two_layer_model(
    X: Array, Y: Array, parameters: Parameters, alpha: float, steps: int
) -> tuple[Parameters, list[float]]:
    """Loop {forward, cost, backward, update}: the parameters and all costs.

    Examples
    --------
    >>> X, Y = np.array([[-1.0, 1.0]]), np.array([[0.0, 1.0]])
    >>> _, costs = two_layer_model(X, Y, initialize([1, 3, 1], np.random.default_rng(0), 1.0), 0.5, 50)
    >>> costs[-1] < 0.2 < costs[0]
    True
    """
    costs = []
    for _ in range(steps):
        A2, cache = two_layer_forward(X, parameters)
        costs.append(cost(A2, Y))
        parameters = update(parameters, two_layer_backward(parameters, cache, X, Y), alpha)
    return parameters, costs


def L_layer_forward(X: Array, parameters: Parameters, hidden: str = "relu") -> tuple[Array, list[Cache]]:
    """``Z[l] = W[l] A[l−1] + b[l], A[l] = g[l](Z[l])``, σ at the end; A[L] and each layer's (A[l−1], W[l], b[l], Z[l]).

    Examples
    --------
    >>> AL, caches = L_layer_forward(np.ones((2, 6)), initialize([2, 3, 5, 1], np.random.default_rng(0)))
    >>> AL.shape, [Z.shape for _, _, _, Z in caches]
    ((1, 6), [(3, 6), (5, 6), (1, 6)])
    """
    A, caches = X, []
    L = sum(name.startswith("W") for name in parameters)
    for layer in range(1, L + 1):
        g, _ = SLOPES["sigmoid" if layer == L else hidden]
        W, b = parameters[f"W{layer}"], parameters[f"b{layer}"]
        Z = W @ A + b
        caches.append((A, W, b, Z))
        A = g(Z)
    return A, caches


def L_layer_backward(AL: Array, Y: Array, caches: list[Cache], hidden: str = "relu") -> Parameters:
    """``dZ = dA ∗ g'(Z), dW = (1/m) dZ A[l−1]ᵀ, db = (1/m) Σ dZ, dA[l−1] = Wᵀ dZ``, from the last layer to the first.

    Examples
    --------
    >>> AL, caches = L_layer_forward(np.ones((2, 6)), initialize([2, 3, 5, 1], np.random.default_rng(0)))
    >>> {name: g.shape for name, g in L_layer_backward(AL, np.ones((1, 6)), caches).items() if name[:2] == "dW"}
    {'dW3': (1, 5), 'dW2': (5, 3), 'dW1': (3, 2)}
    """
    grads, m, L = {}, Y.shape[1], len(caches)
    dA = -Y / AL + (1 - Y) / (1 - AL)
    for layer in range(L, 0, -1):
        A_prev, W, b, Z = caches[layer - 1]
        _, slope = SLOPES["sigmoid" if layer == L else hidden]
        dZ = dA * slope(Z)
        dW = 1 / m * dZ @ A_prev.T
        db = 1 / m * np.sum(dZ, axis=1, keepdims=True)
        dA = W.T @ dZ
        _same_shape(layer, (dW, W), (db, b), (dA, A_prev))
        grads[f"dW{layer}"], grads[f"db{layer}"] = dW, db
    return grads


def _same_shape(layer: int, *pairs: tuple[Array, Array]) -> None:
    for gradient, variable in pairs:
        if gradient.shape != variable.shape:
            raise BadInputError(f"layer {layer}: gradient {gradient.shape} of {variable.shape}{user_line()}")


def L_layer_model(
    X: Array, Y: Array, parameters: Parameters, alpha: float, steps: int, hidden: str = "relu"
) -> tuple[Parameters, list[float]]:
    """Loop {forward, cost, backward, update}: the parameters and all costs.

    Examples
    --------
    >>> X, Y = np.array([[-1.0, 1.0]]), np.array([[0.0, 1.0]])
    >>> _, costs = L_layer_model(X, Y, initialize([1, 4, 3, 1], np.random.default_rng(0), 1.0), 0.5, 50, "tanh")
    >>> costs[-1] < 0.2 < costs[0]
    True
    """
    costs = []
    for _ in range(steps):
        AL, caches = L_layer_forward(X, parameters, hidden)
        costs.append(cost(AL, Y))
        parameters = update(parameters, L_layer_backward(AL, Y, caches, hidden), alpha)
    return parameters, costs


# ── gradient checking ────────────────────────────────────────────────────────────────────────────────────────────


def dictionary_to_vector(parameters: Mapping[str, Array]) -> Array:
    """Reshape and concatenate ``W[1], b[1], …, W[L], b[L]`` into one column θ.

    Examples
    --------
    >>> dictionary_to_vector({"W1": np.array([[1.0, 2.0]]), "b1": np.array([[3.0]])})
    array([[1.], [2.], [3.]])
    """
    return np.concatenate([np.reshape(value, (-1, 1)) for value in parameters.values()])


def vector_to_dictionary(theta: Array, like: Mapping[str, Array]) -> Parameters:
    """The way back: θ cut into the shapes of `like`.

    Examples
    --------
    >>> vector_to_dictionary(np.array([[1.0], [2.0], [3.0]]), {"W1": np.ones((1, 2)), "b1": np.ones((1, 1))})
    {'W1': array([[1., 2.]]), 'b1': array([[3.]])}
    """
    found, start = {}, 0
    for name, value in like.items():
        stop = start + np.size(value)
        found[name] = theta[start:stop].reshape(np.shape(value))
        start = stop
    return found


def ratio(approx: Array, grad: Array) -> float:
    """``‖approx − grad‖ / (‖approx‖ + ‖grad‖)``, 0 where both are zero.

    Examples
    --------
    >>> ratio(np.array([3.0, 4.0]), np.array([3.0, 4.0])), ratio(np.array([1.0]), np.array([-1.0]))
    (0.0, 1.0)
    """
    size = np.linalg.norm(approx) + np.linalg.norm(grad)
    return float(np.linalg.norm(np.subtract(approx, grad)) / size) if size else 0.0


def gradient_check(
    J: Callable[[Parameters], float], parameters: Parameters, grads: Parameters, epsilon: float = 1e-7
) -> tuple[float, dict[str, float]]:
    """N-dimensional gradient check: the ratio for θ as a whole, and for each parameter alone.

    Parameters
    ----------
    J : callable
        The cost of a dict of parameters. In one dimension that is ``{"theta": 4.0}``.
    parameters, grads : dict of arrays
        ``grads["dW1"]`` belongs to ``parameters["W1"]``.
    epsilon : float
        How far θᵢ is moved.

    Examples
    --------
    >>> whole, each = gradient_check(lambda p: 2 * p["theta"], {"theta": 4.0}, {"dtheta": 2.0})
    >>> whole < 1e-7, list(each)
    (True, ['theta'])
    """
    theta = dictionary_to_vector(parameters)
    grad = dictionary_to_vector({name: grads[f"d{name}"] for name in parameters})
    approx = np.zeros_like(theta)
    for i in range(len(theta)):
        plus, minus = theta.copy(), theta.copy()
        plus[i] += epsilon
        minus[i] -= epsilon
        J_plus, J_minus = (np.sum(J(vector_to_dictionary(t, parameters))) for t in (plus, minus))
        approx[i] = (J_plus - J_minus) / (2 * epsilon)
    ours, theirs = vector_to_dictionary(approx, parameters), vector_to_dictionary(grad, parameters)
    return ratio(approx, grad), {name: ratio(ours[name], theirs[name]) for name in parameters}


# ── regularisation ───────────────────────────────────────────────────────────────────────────────────────────────


def dropout_forward(A: Array, keep_prob: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Inverted dropout: ``D = rand < keep_prob, A = A ∗ D / keep_prob``; A and the mask D for the way back.

    Examples
    --------
    >>> dropout_forward(np.ones((1, 4)), 0.8, np.random.default_rng(0))[0]
    array([[1.25, 1.25, 1.25, 1.25]])
    """
    D = rng.random(A.shape) < keep_prob
    return A * D / keep_prob, D


def dropout_backward(dA: Array, D: Array, keep_prob: float) -> Array:
    """``dA = dA ∗ D / keep_prob``, with the forward pass's mask.

    Examples
    --------
    >>> dropout_backward(np.ones(2), np.array([True, False]), 0.5)
    array([2., 0.])
    """
    return dA * D / keep_prob


def early_stopping(
    W: Array, step: Callable[[Array], Array], dev_error: Callable[[Array], float], patience: int, steps: int
) -> tuple[Array, int]:
    """Take steps while the dev error falls; the W of its lowest point, and after how many steps that was.

    Examples
    --------
    >>> early_stopping(0.0, lambda W: W + 1, lambda W: (W - 3) ** 2, patience=2, steps=100)
    (3.0, 3)
    """
    best, at, lowest = W, 0, dev_error(W)
    for i in range(1, steps + 1):
        W = step(W)
        error = dev_error(W)
        if error < lowest:
            best, at, lowest = W, i, error
        elif i - at >= patience:
            break
    return best, at


def normalise(X: Array, X_test: Array) -> tuple[Array, Array]:
    """``X := (X − μ)/σ`` for both sets, with the training set's μ and σ.

    Examples
    --------
    >>> normalise(np.array([[1.0, 3.0]]), np.array([[5.0]]))
    (array([[-1., 1.]]), array([[3.]]))
    """
    mu = np.mean(X, axis=1, keepdims=True)
    sigma = np.sqrt(np.mean((X - mu) ** 2, axis=1, keepdims=True))
    return (X - mu) / sigma, (X_test - mu) / sigma


# ── strategy ─────────────────────────────────────────────────────────────────────────────────────────────────────

BIAS = ("bigger network", "train longer", "another architecture")
VARIANCE = ("more data", "regularisation", "another architecture")


def avoidable_bias(human: float, train: float, dev: float) -> tuple[float, float]:
    """Training error − human-level error, and dev error − training error (the variance), in percentage points.

    Examples
    --------
    >>> avoidable_bias(7.5, 8, 10)
    (0.5, 2)
    """
    return train - human, dev - train


def bias_variance_label(train: float, dev: float, human: float = 0.0, high: float = 5.0) -> str:
    """What the notes' table writes under training and dev error in percent.

    Examples
    --------
    >>> bias_variance_label(15, 30), bias_variance_label(0.5, 1)
    ('high bias, high variance', 'low bias, low variance')
    """
    bias, variance = avoidable_bias(human, train, dev)
    names = [name for name, size in (("high bias", bias), ("high variance", variance)) if size >= high]
    return ", ".join(names) or "low bias, low variance"


def basic_recipe(train: float, dev: float, human: float = 0.0, high: float = 5.0) -> tuple[str, ...]:
    """What to try next: first until the training set fits, then until the dev set does, else nothing.

    Examples
    --------
    >>> basic_recipe(1, 11)
    ('more data', 'regularisation', 'another architecture')
    >>> basic_recipe(15, 30)[0], basic_recipe(0.5, 1)
    ('bigger network', ())
    """
    bias, variance = avoidable_bias(human, train, dev)
    if bias >= high:
        return BIAS
    return VARIANCE if variance >= high else ()


def choose(models: Mapping[str, Mapping[str, float]], optimising: str, satisficing: Mapping[str, float]) -> str:
    """The model that is best by one metric among those that meet the limits of all others.

    Raises
    ------
    BadInputError
        If none meets them.

    Examples
    --------
    >>> models = {"A": {"accuracy": 90, "ms": 80}, "B": {"accuracy": 92, "ms": 95}, "C": {"accuracy": 95, "ms": 1500}}
    >>> choose(models, "accuracy", {"ms": 100})
    'B'
    """
    good = [name for name, of in models.items() if all(of[metric] <= most for metric, most in satisficing.items())]
    if not good:
        raise BadInputError(f"no model meets {dict(satisficing)}.{user_line()}")
    return max(good, key=lambda name: models[name][optimising])


def ceiling(error: float, found: int, examined: int) -> float:
    """The error that is left if one category of mistakes, `found` times among the `examined`, were cured.

    Examples
    --------
    >>> ceiling(10.0, found=5, examined=100)
    9.5
    """
    return error * (1 - found / examined)
