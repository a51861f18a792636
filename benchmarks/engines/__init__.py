"""One file per engine: how it runs the workloads, at its best.

A method of the workload's name takes the data and returns ``run``: call it for one step, it returns the engine's own
arrays (and waits for them). An engine is imported when its adapter is made, so a process holds one engine only:
importing PyTorch, for one, changes the memory allocator for everybody in the process.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import workloads as names

__all__ = ["ENGINES", "Engine", "make"]


class Engine:
    """What the adapters share."""

    packages: tuple[str, ...] = ()

    def arrays(self, result: Any) -> list[Any]:
        """The result of a run as a list of NumPy arrays: a value first, then derivatives or parameters."""
        value, others = result
        return [np.asarray(value), *map(np.asarray, others)]


ENGINES: dict[str, tuple[str, str, str]] = {  # name: (file, class, package)
    names.EAGER: ("ours", "Eager", "tinygrad-notes"),
    names.KEPT: ("ours", "EagerKept", "tinygrad-notes"),
    names.COMPILED: ("ours_compiled", "Compiled", "tinygrad-notes"),
    names.NUMPY: ("by_hand", "ByHand", "numpy"),
    names.NUMPY_OUT: ("by_hand_out", "ByHandOut", "numpy"),
    names.TORCH: ("pytorch", "Torch", "torch"),
    names.TORCH_FUSED: ("pytorch", "TorchFused", "torch"),
    names.TORCH_FUNC: ("pytorch", "TorchFunc", "torch"),
    names.TORCH_COMPILE: ("pytorch", "TorchCompile", "torch"),
    names.JAX: ("google_jax", "Jax", "jax"),
    names.JAX_SCAN: ("google_jax", "JaxScan", "jax"),
    names.AUTOGRAD: ("hips_autograd", "Autograd", "autograd"),
    names.MYGRAD: ("my_grad", "MyGrad", "mygrad"),
    names.MICROGRAD: ("micro_grad", "Micrograd", "micrograd"),
    names.TINYGRAD: ("tiny_grad", "Tinygrad", "tinygrad"),
}


def make(name: str) -> Any:
    """The engine's adapter; its package is imported here."""
    file, kind, _ = ENGINES[name]
    adapter: Callable[[], Any] = getattr(importlib.import_module(f"{__name__}.{file}"), kind)
    return adapter()
