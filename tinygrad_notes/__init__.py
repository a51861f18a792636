"""Automatic differentiation on NumPy that checks, draws and explains your own derivation."""

from __future__ import annotations

from . import errors, nn, operators, optim, train
from .primitive import checkpoint, primitive
from .recording import no_grad, scope
from .tensor import Tensor, stop_gradient
from .transforms import elementwise_grad, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

__all__ = [
    "Tensor",
    "checkpoint",
    "elementwise_grad",
    "errors",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "nn",
    "no_grad",
    "optim",
    "primitive",
    "scope",
    "stop_gradient",
    "train",
    "value_and_grad",
    "vjp",
]

__version__ = "0.1.0"

del operators
