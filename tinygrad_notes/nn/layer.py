"""What a layer is: a dataclass of arrays that can be called; and `Sequential`, several of them in a row.

A layer is a container of its arrays (a pytree), so `grad`, an optimiser and a checkpoint take a whole model as they
take a dictionary, and return one. Nothing is hidden in it: random numbers come in by ``rng=``, and running
statistics (of `BatchNorm`) go in and come out as ``state``::

    y = model(x)                             test time: dropout off
    y = model(x, rng=rng)                    dropout on
    y, state = model.train(x, state, rng)    also updates the running statistics, model.state() to begin with
    y = model(x, state=state)                test time, by the running statistics
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass
from functools import wraps
from typing import Any

import numpy as np

from ..errors import BadInputError, user_line
from ..failures import composite_failed, what_is
from ..pytree import flatten
from ..recording import scope

__all__ = ["SETTING", "Activation", "Layer", "Sequential", "count_parameters"]

Array = Any


SETTING = {"static": True}
"""Metadata of a dataclass field that is a setting: never differentiated, never trained."""


def count_parameters(params: Any) -> int:
    """Return how many numbers a model, or any container of arrays, holds.

    Examples
    --------
    >>> count_parameters({"W": np.ones((4, 2)), "b": np.zeros((4, 1))})
    12
    """
    return sum(int(np.size(leaf)) for leaf in flatten(params)[0])


def _named(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of ours whose errors name the layer and what it was given."""

    @wraps(method)
    def called(self: Layer, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except Exception as error:
            composite_failed(type(self).__name__, error, args, kwargs)

    return called


class Layer:
    """Base of all layers: how they are shown, and what they do with ``rng`` and ``state`` (by default nothing)."""

    def __init_subclass__(cls) -> None:
        """Our own layers say which of them failed; a user's layer is the user's code."""
        if cls.__module__.startswith(__name__.rpartition(".")[0]):
            for name in ("__call__", "train"):
                if name in vars(cls):
                    setattr(cls, name, _named(vars(cls)[name]))

    def __call__(self, x: Array) -> Array:
        """Apply the layer."""
        raise NotImplementedError(f"{type(self).__name__} has no __call__")

    @property
    def title(self) -> str:
        """What summaries and pictures call it."""
        return type(self).__name__

    def state(self) -> Any:
        """What the layer keeps from one training step to the next, at its start; None for most."""
        return None

    def run(self, x: Array, rng: Any = None, state: Any = None) -> Array:  # noqa: ARG002 (layers that draw use them)
        """Apply the layer with the model's ``rng`` and the layer's ``state``."""
        return self(x)

    def train(self, x: Array, state: Any, rng: Any = None) -> tuple[Array, Any]:
        """Apply the layer in training; return its result and its updated state."""
        return self.run(x, rng), state

    def summary(self) -> str:
        """The layer's arrays and their sizes."""
        return repr(self)

    def __repr__(self) -> str:
        parts = [_described(f.name, getattr(self, f.name)) for f in fields(self)]  # type: ignore[arg-type]
        shown = ", ".join(part for part in parts if part)
        count = count_parameters(self)
        return f"{type(self).__name__}({shown}; {count} parameters)" if count else f"{type(self).__name__}({shown})"


def _described(name: str, value: Any) -> str:
    if value is None:
        return ""
    if hasattr(value, "shape"):
        return f"{name} {tuple(value.shape)}"
    if is_dataclass(value):
        return repr(value)
    return f"{name}={getattr(value, '__name__', None) or repr(value)}"


@dataclass(repr=False, eq=False)
class Activation(Layer):
    """A function as a layer; `Sequential` makes it of every plain function it is given.

    Parameters
    ----------
    f : callable

    Examples
    --------
    >>> Activation(np.tanh)
    Activation(tanh)
    """

    f: Callable[[Array], Array] = field(metadata=SETTING)

    def __call__(self, x: Array) -> Array:
        """``f(x)``."""
        return self.f(x)

    @property
    def title(self) -> str:
        """The function's name."""
        return str(getattr(self.f, "name", None) or getattr(self.f, "__name__", type(self.f).__name__))

    def __repr__(self) -> str:
        return f"Activation({self.title})"


@dataclass(init=False, repr=False, eq=False)
class Sequential(Layer):
    """Layers one after the other; each is a box of its own in a picture of the graph.

    Parameters
    ----------
    *layers : Layer or callable
        A plain function (``np.tanh``, ``nn.relu``) is a layer too.

    Examples
    --------
    >>> from tinygrad_notes.nn import Linear, relu, sigmoid
    >>> rng = np.random.default_rng(0)
    >>> model = Sequential(Linear(2, 4, rng), relu, Linear(4, 1, rng), sigmoid)
    >>> model(np.ones((2, 5))).shape
    (1, 5)
    >>> print(model.summary(np.ones((2, 5))))
    layer          parameters  output
    0 Linear               12  (4, 5)   W (4, 2), b (4, 1)
    1 relu                  0  (4, 5)
    2 Linear                5  (1, 5)   W (1, 4), b (1, 1)
    3 sigmoid               0  (1, 5)
    total                  17
    """

    layers: list[Any]

    def __init__(self, *layers: Any) -> None:
        for layer in layers:
            if not callable(layer):
                raise BadInputError(
                    f"Sequential takes layers and functions, Sequential(Linear(…), np.tanh, …), not "
                    f"{what_is(layer)}.{user_line()}"
                )
        self.layers = [layer if isinstance(layer, Layer) else Activation(layer) for layer in layers]

    def __call__(self, x: Array, rng: Any = None, state: Any = None) -> Array:
        """Apply the layers: dropout is on when `rng` is given, `state` holds running statistics to use."""
        states = state or [None] * len(self.layers)
        for k, (layer, own) in enumerate(zip(self.layers, states, strict=True)):
            with scope(f"{k} {layer.title}"):
                x = layer.run(x, rng, own)
        return x

    def run(self, x: Array, rng: Any = None, state: Any = None) -> Array:
        """As calling it."""
        return self(x, rng, state)

    def state(self) -> list[Any]:
        """One entry per layer, None where it keeps nothing."""
        return [layer.state() for layer in self.layers]

    def train(self, x: Array, state: Any, rng: Any = None) -> tuple[Array, list[Any]]:
        """Apply the layers by the batch's own statistics; return the result and the updated state."""
        if not isinstance(state, (list, tuple)) or len(state) != len(self.layers):
            raise BadInputError(
                f"state has one entry for each of the {len(self.layers)} layers: model.state() makes it.{user_line()}"
            )
        updated = []
        for k, (layer, own) in enumerate(zip(self.layers, state, strict=True)):
            with scope(f"{k} {layer.title}"):
                x, own = layer.train(x, own, rng)
            updated.append(own)
        return x, updated

    def summary(self, x: Array | None = None) -> str:
        """A table of the layers, their parameters, and (given an input) the shape each hands on."""
        rows = [("layer", "parameters", "" if x is None else "output", "")]
        for i, layer in enumerate(self.layers):
            if x is not None:
                x = layer.run(x)
            name = repr(layer)[11:-1] if isinstance(layer, Activation) else type(layer).__name__
            shapes = repr(layer)[len(name) + 1 :].rpartition(";")[0]
            rows.append(
                (f"{i} {name}", str(count_parameters(layer)), str(np.shape(x)) if x is not None else "", shapes)
            )
        rows.append(("total", str(count_parameters(self)), "", ""))
        widths = [max(len(row[k]) for row in rows) for k in range(3)]
        widths[0] += 4
        lines = [
            f"{a:<{widths[0]}}{b:>{widths[1]}}  {c:<{widths[2]}}{'   ' if widths[2] else ''}{d}".rstrip()
            for a, b, c, d in rows
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        inside = ",\n".join("    " + repr(layer).replace("\n", "\n    ") for layer in self.layers)
        return f"Sequential(\n{inside}\n)  # {count_parameters(self)} parameters"
