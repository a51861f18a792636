"""Optimisers, each written out whole: ``params, state = optimizer.step(params, gradients, state)``.

Nothing is hidden and nothing is changed in place: parameters, gradients and state are containers of arrays of one
structure (a dictionary, a model), so a state can be saved and a run continued from it. A training loop that needs
the old ones no more gives them away, ``optimizer.step(params, gradients, state, donate=True)``: then the new numbers
are written over them, which saves making all of them anew.

    optimizer = Adam(lr=0.001)
    state = optimizer.init(params)
    params, state = optimizer.step(params, gradients, state)

``lr`` is α: a number, or a function of the step 0, 1, 2, … (`schedules`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .arguments import need_count, need_number, need_numbers
from .errors import BadInputError, ShapeError, user_line
from .failures import NUMBERS, what_is
from .pytree import flatten, paths, unflatten

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSProp", "clip_grad_norm", "schedules"]

Rate = float | Callable[[int], float]


def _every(_name: str) -> bool:
    """Every parameter decays."""
    return True


def _zeros(params: Any) -> Any:
    leaves, structure = flatten(params)
    need_numbers("the parameters", *leaves)
    return unflatten(structure, [np.zeros_like(np.asarray(w) if isinstance(w, (int, float)) else w) for w in leaves])


def _rate(lr: Rate, step: int) -> float:
    if not callable(lr):
        return lr
    rate = lr(step)
    need_number("what the schedule lr(step) returns", rate, 0)
    return float(rate)


def _check_rate(lr: Any) -> None:
    if not callable(lr):
        need_number("lr", lr, 0)


def _need_state(name: str, state: Any, *keys: str) -> None:
    """Raise unless `state` is what this optimiser's ``init`` returns."""
    if not isinstance(state, dict) or not {"step", *keys} <= set(state):
        held = f"a dict of {', '.join(map(str, state)) or 'nothing'}" if isinstance(state, dict) else what_is(state)
        raise BadInputError(
            f"{name}.step needs the state that {name}.init(params) made, with {', '.join(('step', *keys))}, not {held}."
            f"{user_line()}"
        )


def _together(params: Any, *others: Any) -> tuple[list[tuple[Any, ...]], Any]:
    """The leaves of several containers of one structure side by side, and that structure."""
    leaves, structure = flatten(params)
    columns = [leaves]
    for other in others:
        column, found = flatten(other)
        if found != structure:
            raise ShapeError(
                f"parameters {structure} and gradients or state {found} have not one structure.{user_line()}"
            )
        columns.append(column)
    together = list(zip(*columns, strict=True))
    for k, (w, *others_of_w) in enumerate(together):
        for other in others_of_w:
            if np.shape(other) != np.shape(w):
                raise ShapeError(
                    f"{paths(params)[k] or 'the parameter'} has shape {np.shape(w)}, its gradient or state "
                    f"{np.shape(other)}: a gradient has its parameter's shape.{user_line()}"
                )
            if getattr(other, "dtype", np.dtype(float)).kind not in NUMBERS or isinstance(other, str):
                need_numbers("a gradient", other)
    return together, structure


def _times(factor: float, x: Any, donate: bool) -> Any:
    """``factor · x``, written over a donated x."""
    if donate:
        x *= factor
        return x
    return factor * x


def _plus(x: Any, y: Any, donate: bool) -> Any:
    """``x + y``, written over a donated x."""
    if donate:
        x += y
        return x
    return x + y


def _minus(W: Any, step: Any, donate: bool) -> Any:
    """``W − step``, written over a donated W."""
    if donate:
        W -= step
        return W
    return W - step


class Optimizer:
    """What `train.fit` asks of an optimiser; `SGD`, `RMSProp`, `Adam` and `AdamW` are ones."""

    lr: Rate

    def init(self, params: Any) -> dict[str, Any]:
        """The state to start from."""
        raise NotImplementedError

    def step(
        self, params: Any, gradients: Any, state: dict[str, Any], donate: bool = False
    ) -> tuple[Any, dict[str, Any]]:
        """One step: new parameters and new state.

        Parameters
        ----------
        params, gradients : containers of arrays
        state : dict
            Of `init`, or of the step before.
        donate : bool
            Write the new parameters and state over the arrays given; gradients are only read.
        """
        raise NotImplementedError


@dataclass
class SGD(Optimizer):
    """Gradient descent, ``W := W − α dW``; with momentum and the notes' weight decay.

    With ``weight_decay`` d = λ/m: ``W := (1 − α λ/m) W − α dW``. With momentum μ: ``V := μ V + dW``, ``W := W − α V``
    (the decay is then part of dW, as in PyTorch); with Nesterov ``W := W − α (dW + μ V)``.

    Parameters
    ----------
    lr : float or callable
        α.
    momentum : float
        μ.
    nesterov : bool
    weight_decay : float
        λ/m.
    decays : callable
        ``decays(name) -> bool``: which parameters decay, by their name in the container ("W1", "layers[0].W"). The
        notes leave the biases out: ``lambda name: "W" in name``.

    Examples
    --------
    >>> optimizer = SGD(lr=0.1)
    >>> params = {"w": np.array([1.0, 2.0])}
    >>> params, state = optimizer.step(params, {"w": np.array([1.0, -1.0])}, optimizer.init(params))
    >>> params["w"]
    array([0.9, 2.1])
    """

    lr: Rate
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    decays: Callable[[str], bool] = _every

    def __post_init__(self) -> None:
        _check_rate(self.lr)
        need_number("momentum", self.momentum, 0, 1)
        need_number("weight_decay", self.weight_decay, 0)
        if self.nesterov and not self.momentum:
            raise BadInputError(f"nesterov=True needs momentum, SGD(lr, momentum=0.9, nesterov=True).{user_line()}")

    def init(self, params: Any) -> dict[str, Any]:
        """Step 0; velocity 0 where there is momentum."""
        return {"step": 0, "velocity": _zeros(params)} if self.momentum else {"step": 0}

    def step(
        self, params: Any, gradients: Any, state: dict[str, Any], donate: bool = False
    ) -> tuple[Any, dict[str, Any]]:
        """One step: new parameters and new state, over the old ones if `donate`."""
        _need_state("SGD", state, *(["velocity"] if self.momentum else []))
        alpha = _rate(self.lr, state["step"])
        decay = self._decay(params)
        if not self.momentum:
            both, structure = _together(params, gradients)
            new = [
                _minus(_times(1 - alpha * d, W, donate) if d else W, alpha * dW, donate)
                for (W, dW), d in zip(both, decay, strict=True)
            ]
            return unflatten(structure, new), {"step": state["step"] + 1}
        mu, new, velocity = self.momentum, [], []
        three, structure = _together(params, gradients, state["velocity"])
        for (W, dW, V), d in zip(three, decay, strict=True):
            dW = dW + d * W if d else dW
            V = _plus(_times(mu, V, donate), dW, donate)
            new.append(_minus(W, alpha * (dW + mu * V if self.nesterov else V), donate))
            velocity.append(V)
        return unflatten(structure, new), {"step": state["step"] + 1, "velocity": unflatten(structure, velocity)}

    def _decay(self, params: Any) -> list[float]:
        if self.weight_decay and self.decays is not _every:
            return [self.weight_decay if self.decays(name) else 0.0 for name in paths(params)]
        return [self.weight_decay] * len(flatten(params)[0])


@dataclass
class RMSProp(Optimizer):
    """``S := ρ S + (1 − ρ) dW²``, ``W := W − α dW/(√S + ε)`` (Tieleman and Hinton 2012, lecture 6e).

    Parameters
    ----------
    lr : float or callable
        α.
    rho : float
        ρ.
    epsilon : float
        ε.

    Examples
    --------
    >>> optimizer = RMSProp(lr=0.1)
    >>> params, state = optimizer.step(np.array([1.0]), np.array([5.0]), optimizer.init(np.array([1.0])))
    >>> params
    array([2.00000001e-08])
    """

    lr: Rate = 0.01
    rho: float = 0.99
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        _check_rate(self.lr)
        need_number("rho", self.rho, 0, 1, open_end=True)
        need_number("epsilon", self.epsilon, 0)

    def init(self, params: Any) -> dict[str, Any]:
        """Step 0, S = 0."""
        return {"step": 0, "S": _zeros(params)}

    def step(
        self, params: Any, gradients: Any, state: dict[str, Any], donate: bool = False
    ) -> tuple[Any, dict[str, Any]]:
        """One step: new parameters and new state, over the old ones if `donate`."""
        _need_state("RMSProp", state, "S")
        alpha = _rate(self.lr, state["step"])
        three, structure = _together(params, gradients, state["S"])
        new, squares = [], []
        for W, dW, S in three:
            S = _plus(_times(self.rho, S, donate), (1 - self.rho) * dW * dW, donate)
            new.append(_minus(W, alpha * dW / (np.sqrt(S) + self.epsilon), donate))
            squares.append(S)
        return unflatten(structure, new), {"step": state["step"] + 1, "S": unflatten(structure, squares)}


def _adam(
    dW: Any, V: Any, S: Any, one: float, two: float, t: int, epsilon: float, alpha: float, donate: bool
) -> tuple[Any, Any, Any]:
    """New V and S, and ``α V̂/(√Ŝ + ε)``.

    The five formulas of `Adam`, through one scratch array: written as they stand they take three times as long.
    """
    scratch = np.empty_like(dW)
    V = _times(one, V, donate)
    V += np.multiply(dW, 1 - one, out=scratch)
    S = _times(two, S, donate)
    S += np.multiply(np.multiply(dW, dW, out=scratch), 1 - two, out=scratch)
    root = np.divide(np.sqrt(S, out=scratch), (1 - two**t) ** 0.5, out=scratch)
    root += epsilon
    step = np.divide(V, root, out=scratch)
    step *= alpha / (1 - one**t)
    return V, S, step


@dataclass
class Adam(Optimizer):
    """``W := W − α V̂/(√Ŝ + ε)`` (Kingma and Ba 2015, algorithm 1).

    ``V := β₁ V + (1 − β₁) dW``, ``S := β₂ S + (1 − β₂) dW²``, ``V̂ = V/(1 − β₁ᵗ)``, ``Ŝ = S/(1 − β₂ᵗ)``.

    Parameters
    ----------
    lr : float or callable
        α.
    beta1, beta2 : float
        β₁, β₂.
    epsilon : float
        ε.

    Examples
    --------
    >>> optimizer = Adam(lr=0.1)
    >>> params, state = optimizer.step(np.array([1.0]), np.array([5.0]), optimizer.init(np.array([1.0])))
    >>> params                      # the first step is α long whatever the gradient
    array([0.9])
    """

    lr: Rate = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        _check_rate(self.lr)
        need_number("beta1", self.beta1, 0, 1, open_end=True)
        need_number("beta2", self.beta2, 0, 1, open_end=True)
        need_number("epsilon", self.epsilon, 0)

    def init(self, params: Any) -> dict[str, Any]:
        """Step 0, V = 0, S = 0."""
        return {"step": 0, "V": _zeros(params), "S": _zeros(params)}

    def step(
        self, params: Any, gradients: Any, state: dict[str, Any], donate: bool = False
    ) -> tuple[Any, dict[str, Any]]:
        """One step: new parameters and new state, over the old ones if `donate`."""
        _need_state("Adam", state, "V", "S")
        alpha, t = _rate(self.lr, state["step"]), state["step"] + 1
        four, structure = _together(params, gradients, state["V"], state["S"])
        new, means, squares = [], [], []
        for W, dW, V, S in four:
            V, S, step = _adam(dW, V, S, self.beta1, self.beta2, t, self.epsilon, alpha, donate)
            new.append(_minus(W, step, donate))
            means.append(V)
            squares.append(S)
        return unflatten(structure, new), {
            "step": t,
            "V": unflatten(structure, means),
            "S": unflatten(structure, squares),
        }


@dataclass
class AdamW(Optimizer):
    """`Adam` with decay of the weights themselves, ``W := (1 − α d) W − α V̂/(√Ŝ + ε)`` (Loshchilov and Hutter 2019).

    Parameters
    ----------
    lr : float or callable
        α.
    beta1, beta2 : float
        β₁, β₂.
    epsilon : float
        ε.
    weight_decay : float
        d.
    decays : callable
        ``decays(name) -> bool``: which parameters decay.

    Examples
    --------
    >>> optimizer = AdamW(lr=0.1, weight_decay=0.5)
    >>> params, state = optimizer.step(np.array([1.0]), np.array([5.0]), optimizer.init(np.array([1.0])))
    >>> params
    array([0.85])
    """

    lr: Rate = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.01
    decays: Callable[[str], bool] = _every

    def __post_init__(self) -> None:
        _check_rate(self.lr)
        need_number("beta1", self.beta1, 0, 1, open_end=True)
        need_number("beta2", self.beta2, 0, 1, open_end=True)
        need_number("epsilon", self.epsilon, 0)
        need_number("weight_decay", self.weight_decay, 0)

    def init(self, params: Any) -> dict[str, Any]:
        """Step 0, V = 0, S = 0."""
        return {"step": 0, "V": _zeros(params), "S": _zeros(params)}

    def step(
        self, params: Any, gradients: Any, state: dict[str, Any], donate: bool = False
    ) -> tuple[Any, dict[str, Any]]:
        """One step: new parameters and new state, over the old ones if `donate`."""
        _need_state("AdamW", state, "V", "S")
        alpha, t = _rate(self.lr, state["step"]), state["step"] + 1
        four, structure = _together(params, gradients, state["V"], state["S"])
        names = paths(params) if self.decays is not _every else [""] * len(four)
        new, means, squares = [], [], []
        for (W, dW, V, S), name in zip(four, names, strict=True):
            if self.decays(name):
                W = _times(1 - alpha * self.weight_decay, W, donate)
            V, S, step = _adam(dW, V, S, self.beta1, self.beta2, t, self.epsilon, alpha, donate)
            new.append(_minus(W, step, donate))
            means.append(V)
            squares.append(S)
        return unflatten(structure, new), {
            "step": t,
            "V": unflatten(structure, means),
            "S": unflatten(structure, squares),
        }


def clip_grad_norm(gradients: Any, largest: float) -> tuple[Any, float]:
    """Shrink all gradients by one factor so that their common length is at most `largest`.

    Parameters
    ----------
    gradients : container of arrays
    largest : float

    Returns
    -------
    gradients : container of arrays
    norm : float
        Their length before.

    Examples
    --------
    >>> clip_grad_norm({"w": np.array([3.0, 4.0])}, 1.0)
    ({'w': array([0.6, 0.8])}, 5.0)
    """
    leaves, _ = flatten(gradients)
    need_numbers("clip_grad_norm", *(leaves or [gradients]))
    need_number("the largest norm", largest, 0)
    norm = _length(leaves)
    if not math.isfinite(norm):
        raise BadInputError(
            f"clip_grad_norm: the gradients' norm is {norm}; no factor mends that: look for the NaN or inf "
            f"with tn.why or tn.debug().{user_line()}"
        )
    return shortened(gradients, largest)


def shortened(gradients: Any, largest: float) -> tuple[Any, float]:
    """`clip_grad_norm` without its checks: in training a NaN shows in the next loss, with more to say."""
    leaves, structure = flatten(gradients)
    norm = _length(leaves)
    if norm <= largest:
        return gradients, norm
    return unflatten(structure, [g * (largest / norm) for g in leaves]), norm


def _length(leaves: list[Any]) -> float:
    return math.sqrt(sum(float(np.sum(np.square(np.abs(g), dtype=np.float64))) for g in leaves))


# the schedules as functions of the module, so that an optimiser that has one can be pickled


def _inverse_time(start: float, decay: float, every: int, step: int) -> float:
    return start / (1 + decay * (step // every))


def _exponential(start: float, factor: float, every: int, step: int) -> float:
    return start * factor ** (step // every)


def _piecewise(start: float, changes: dict[int, float], step: int) -> float:
    passed = [rate for first, rate in changes.items() if first <= step]
    return passed[-1] if passed else start


def _cosine(start: float, steps: int, end: float, warmup: int, step: int) -> float:
    if step < warmup:
        return start * (step + 1) / warmup
    along = min(1.0, (step - warmup) / max(1, steps - warmup))
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * along))


class schedules:
    """Learning rates as functions of the step: each returns one to be given as ``lr=``."""

    @staticmethod
    def inverse_time(start: float, decay: float, every: int = 1) -> Callable[[int], float]:
        """``α₀/(1 + decay · epoch)``, with `every` steps to an epoch.

        Examples
        --------
        >>> lr = schedules.inverse_time(0.2, decay=1.0)
        >>> [lr(step) for step in range(3)]
        [0.2, 0.1, 0.06666666666666667]
        """
        need_count("every", every, 1)
        return partial(_inverse_time, start, decay, every)

    @staticmethod
    def exponential(start: float, factor: float, every: int = 1) -> Callable[[int], float]:
        """``α₀ · factor^epoch``, with `every` steps to an epoch.

        Examples
        --------
        >>> lr = schedules.exponential(0.2, factor=0.5, every=10)
        >>> lr(0), lr(9), lr(10)
        (0.2, 0.2, 0.1)
        """
        need_count("every", every, 1)
        return partial(_exponential, start, factor, every)

    @staticmethod
    def piecewise(start: float, changes: dict[int, float]) -> Callable[[int], float]:
        """``start``, and from each step in `changes` on the rate given there.

        Examples
        --------
        >>> lr = schedules.piecewise(0.1, {1000: 0.01})
        >>> lr(999), lr(1000)
        (0.1, 0.01)
        """
        if not isinstance(changes, dict):
            raise BadInputError(f"changes is a dict, {{step: rate}}, not {what_is(changes)}.{user_line()}")
        return partial(_piecewise, start, dict(sorted(changes.items())))

    @staticmethod
    def cosine(start: float, steps: int, end: float = 0.0, warmup: int = 0) -> Callable[[int], float]:
        """Up in a line over `warmup` steps, then down half a cosine to `end` at step `steps`.

        Examples
        --------
        >>> lr = schedules.cosine(0.1, steps=10, warmup=2)
        >>> lr(0), lr(1), round(lr(6), 3), lr(10)
        (0.05, 0.1, 0.05, 0.0)
        """
        need_count("steps", steps, 1)
        return partial(_cosine, start, steps, end, warmup)
