"""How back-propagation's lines are judged: against autodiff, in every layer of random networks."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ..testing.distributions import bits
from ..transforms import grad, jacobian

__all__ = [
    "all_four_cases",
    "b_drops_out",
    "back_through_layers",
    "each_layer",
    "forward",
    "jacobian_of_z",
    "m_times",
    "names_hold",
]


def net(rng: Any, examples: int = 1) -> tuple[list[Any], list[Any], Any, Any]:
    """A random network of 2 to 5 layers: its W, its b, an input, the weights of its cost C = Σ c a[L]."""
    sizes = rng.integers(2, 6, rng.integers(3, 7))
    Ws = [rng.standard_normal((n, p)) for p, n in pairwise(sizes)]
    bs = [rng.standard_normal((len(W), 1)) for W in Ws]
    return Ws, bs, rng.standard_normal((sizes[0], examples)), rng.standard_normal((sizes[-1], examples))


def forward(Ws: Any, bs: Any, x: Any) -> tuple[list[Any], list[Any]]:
    """All a[l], beginning with a[0] = x, and all z[l]."""
    activations, zs = [x], []
    for W, b in zip(Ws, bs, strict=True):
        zs.append(W @ activations[-1] + b)
        activations.append(np.tanh(zs[-1]))
    return activations, zs


def true_gradients(Ws: Any, bs: Any, x: Any, c: Any) -> tuple[list[Any], list[Any]]:
    """dC/dW[l] and dC/dz[l] = dC/db[l] by autodiff."""
    dWs, dbs = grad(lambda p: np.sum(c * forward(p[0], p[1], x)[0][-1]))((Ws, bs))
    return list(dWs), list(dbs)


def each_layer(run: Any, rng: Any) -> dict[str, bool]:
    """Run the line for every layer of ten random networks: with the layer above for δ, without for ∇."""
    same = []
    for _ in range(10):
        Ws, bs, x, c = net(rng)
        activations, zs = forward(Ws, bs, x)
        dWs, deltas = true_gradients(Ws, bs, x, c)
        for layer in range(len(Ws) - 1):
            found = run(
                a=activations[layer][:, 0],
                z=zs[layer][:, 0],
                dC_dz=deltas[layer][:, 0],
                delta=deltas[layer][:, 0],
                n=len(zs[layer]),
                p=len(activations[layer]),
                delta_next=deltas[layer + 1][:, 0],
                w_next=Ws[layer + 1],
            )
            truth = {"delta": deltas[layer][:, 0], "nabla": dWs[layer]}
            name = next(name for name in truth if name in found)
            same.append(np.shape(found[name]) == truth[name].shape and np.allclose(found[name], truth[name]))
    return {"the same as autodiff in every layer of ten random networks of 2 to 5 layers": all(same)}


def back_through_layers(examples: int) -> Any:
    """Run the layer's lines from the last layer to the first, da handed down."""

    def check(run: Any, rng: Any) -> dict[str, bool]:
        """Compare dW and db with autodiff in every layer."""
        dW_right, db_right = [], []
        for _ in range(10):
            Ws, bs, x, c = net(rng, examples)
            activations, zs = forward(Ws, bs, x)
            dWs, dbs = true_gradients(Ws, bs, x, c / examples)
            da = c
            for layer in reversed(range(len(Ws))):
                a_prev, z, W = activations[layer], zs[layer], Ws[layer]
                found = run(da=da, z=z, a_prev=a_prev, W=W, dA=da, Z=z, A_prev=a_prev, m=examples)
                dW_right.append(np.allclose(found["dW"], dWs[layer]))
                db_right.append(found["db"].shape == bs[layer].shape and np.allclose(found["db"], dbs[layer]))
                da = found["dA_prev"] if "dA_prev" in found else found["da_prev"]
        return {"dW[l] is autodiff's for every l of ten random networks": all(dW_right), "db[l] too": all(db_right)}

    return check


def m_times(run: Any, rng: Any) -> dict[str, bool]:
    """Say that dZ carries no 1/m, dW does: both against autodiff of one and the same J."""
    Z2, W2, A1 = rng.standard_normal((2, 5)), rng.standard_normal((2, 3)), rng.standard_normal((3, 5))
    Y, m = bits(rng, (2, 5), {}), 5

    def J(Z: Any) -> Any:
        a = 1 / (1 + np.exp(-Z))
        return -1 / m * np.sum(Y * np.log(a) + (1 - Y) * np.log(1 - a))

    Z2 = W2 @ A1
    found = run(A2=1 / (1 + np.exp(-Z2)), Y=Y, A1=A1, m=m)
    return {
        "dZ2 = m dJ/dZ2": np.allclose(found["dZ2"], m * grad(J)(Z2)),
        "dW2 = dJ/dW2": np.allclose(found["dW2"], grad(lambda W: J(W @ A1))(W2)),
    }


def names_hold(run: Any, rng: Any) -> dict[str, bool]:
    """A name that is a fraction is that Jacobian; a name dz2 is the gradient."""
    W1, W2, x, y = (rng.standard_normal(shape) for shape in ((4, 3), (1, 4), (3, 1), (1, 1)))
    z1 = W1 @ x

    def loss(z2: Any) -> Any:
        return np.sum(np.log(1 + np.exp(z2)) - (y > 0) * z2)

    z2 = W2 @ np.tanh(z1)
    meaning = {
        "dz2_dz1": jacobian(lambda z: (W2 @ np.tanh(z))[:, 0])(z1)[:, :, 0],
        "dz2": grad(loss)(z2),
    }
    found = run(a2=1 / (1 + np.exp(-z2)), y=(y > 0) * 1.0)
    return {
        f"{name} {np.shape(value)} is what its name says, {meaning[name].shape}": np.shape(value) == meaning[name].shape
        and np.allclose(value, meaning[name])
        for name, value in found.items()
    }


def sums_by_products(dZ: Any) -> dict[str, Any]:
    """The products with a column of ones and with a row of them."""
    m = dZ.shape[1]
    return {"db": dZ @ np.ones((m, 1)), "rank1": dZ @ np.ones(m)}


def jacobian_of_z(w: Any, a: Any) -> Any:
    """Autodiff's dz/dw."""
    return jacobian(lambda w: w @ a)(w)


def all_four_cases(run: Any, rng: Any) -> dict[str, bool]:
    """d(w_km a_m)/dw_ij for all i, j, k, m, against the derivative itself (linear, so a difference is exact)."""
    a, n = rng.standard_normal(3), 2
    term = run(a=a)["term"]
    for i, j, k, m in np.ndindex(n, 3, n, 3):
        w = np.zeros((n, 3))
        w[i, j] = 1
        found, right = term(i, j, k, m), w[k, m] * a[m]
        if found is None or not np.isclose(found, right):
            return {f"(i, j) = ({i}, {j}), (k, m) = ({k}, {m}): {right:g} (the cases say {found})": False}
    return {"the cases give d(w_km a_m)/dw_ij for all i, j, k, m": True}


def b_drops_out(run: Any, rng: Any) -> dict[str, bool]:
    """The derivatives of z with and without b."""
    w, a, b = rng.standard_normal((3, 2)), rng.standard_normal(2), rng.standard_normal(3)
    return {
        "dz/dw is that of w a + b": np.allclose(
            jacobian(lambda w: run(w=w, a=a)["z"])(w), jacobian(lambda w: w @ a + b)(w)
        ),
        "dz/da is that of w a + b": np.allclose(
            jacobian(lambda a: run(w=w, a=a)["z"])(a), jacobian(lambda a: w @ a + b)(a)
        ),
    }
