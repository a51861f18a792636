"""Doors to other libraries; each is loaded when it is first named, and says what to install if it can't be.

tn.interop.torch        arrays to and from PyTorch; check the backward of a ``torch.autograd.Function``
tn.interop.jax          arrays to and from JAX; check a ``custom_vjp`` or ``custom_jvp``
tn.interop.onnx         export a model or a function as an ONNX file
tn.interop.safetensors  parameters as a safetensors file
tn.interop.graphs       a computation graph as JSON (and back), GraphML, networkx
tn.interop.sklearn      a network as a scikit-learn classifier or regressor
tn.interop.scipy        ``scipy.optimize.minimize`` over containers of arrays
tn.interop.dask         value and gradient over the partitions of a cluster
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["dask", "graphs", "jax", "onnx", "safetensors", "scipy", "sklearn", "stores", "torch"]


def __getattr__(name: str) -> Any:
    """Load a submodule on first use."""
    if name in __all__:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
