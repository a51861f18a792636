"""Penalties on the weights, with the notes' factor λ/2m: ``J = (1/m) Σ L + (λ/2m) Σₗ ‖W[l]‖²_F``.

The biases are left out: `weights` picks the W's of a dictionary or of a model.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import need_count, need_numbers
from ..pytree import flatten, paths

__all__ = ["frobenius", "l1", "l2", "weights"]


def weights(params: Any) -> list[Any]:
    """Return the arrays whose name starts with ``W``: what a penalty is taken of (biases are not).

    Parameters
    ----------
    params : dict, model, or any container of arrays

    Examples
    --------
    >>> [W.shape for W in weights({"W1": np.ones((4, 2)), "b1": np.zeros((4, 1)), "W2": np.ones((1, 4))})]
    [(4, 2), (1, 4)]
    """
    leaves, _ = flatten(params)
    names = (path.rsplit(".", 1)[-1] for path in paths(params))
    return [leaf for name, leaf in zip(names, leaves, strict=True) if name.startswith("W")]


def l2(w: Any, lam: float, m: int) -> Any:
    """``(λ/2m) ‖w‖₂² = (λ/2m) Σ wⱼ²``; its gradient is ``(λ/m) w``, which is weight decay.

    Parameters
    ----------
    w : array, Tensor, or a container of them
    lam : float
        λ.
    m : int
        Number of examples.

    Examples
    --------
    >>> float(l2(np.array([[3.0], [4.0]]), lam=0.1, m=5))
    0.25
    """
    _check("l2", w, m)
    return lam / (2 * m) * _total(np.sum(x * x) for x in flatten(w)[0])


def l1(w: Any, lam: float, m: int) -> Any:
    """``(λ/2m) ‖w‖₁ = (λ/2m) Σ |wⱼ|`` (the notes keep the 2m); its gradient is ``(λ/2m) sign w``.

    Parameters
    ----------
    w : array, Tensor, or a container of them
    lam : float
        λ.
    m : int
        Number of examples.

    Examples
    --------
    >>> float(l1(np.array([[3.0], [-4.0]]), lam=0.1, m=5))
    0.07
    """
    _check("l1", w, m)
    return lam / (2 * m) * _total(np.sum(np.abs(x)) for x in flatten(w)[0])


def frobenius(Ws: Any, lam: float, m: int) -> Any:
    """``(λ/2m) Σₗ ‖W[l]‖²_F``, with ``‖W‖²_F = Σᵢ Σⱼ wᵢⱼ²``: `l2` of all the weight matrices of a network.

    Parameters
    ----------
    Ws : list of arrays or Tensors
        One per layer, e.g. ``weights(params)``.
    lam : float
        λ.
    m : int
        Number of examples.

    Examples
    --------
    >>> float(frobenius([np.ones((4, 3)), np.ones((1, 4))], lam=0.5, m=2))
    2.0
    """
    return l2(Ws, lam, m)


def _check(name: str, w: Any, m: Any) -> None:
    need_numbers(name, *flatten(w)[0])
    need_count("m, the number of examples,", m, 1)


def _total(terms: Any) -> Any:
    total = 0.0
    for term in terms:
        total = total + term
    return total
