"""Automatic differentiation on NumPy that checks, draws and explains your own derivation."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from . import errors, nn, operators, optim, testing, train
from .compiler import compile
from .coverage import coverage
from .graphs import Graph, debug, graph, why
from .memory import keep_memory
from .primitive import checkpoint, primitive
from .recording import no_grad, scope
from .tensor import Tensor, stop_gradient
from .transforms import elementwise_grad, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .vmap import vmap

__all__ = [
    "Graph",
    "Tensor",
    "checkpoint",
    "compile",
    "coverage",
    "debug",
    "elementwise_grad",
    "errors",
    "grad",
    "graph",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "keep_memory",
    "nn",
    "no_grad",
    "optim",
    "primitive",
    "scope",
    "stop_gradient",
    "testing",
    "train",
    "value_and_grad",
    "vjp",
    "vmap",
    "why",
]

__version__ = "0.1.0"

del operators


def __getattr__(name: str) -> Any:
    """Load on first use ``tn.special``, which needs SciPy, ``tn.notes``, which is long, and ``tn.interop``."""
    if name in ("interop", "notes", "special"):
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
