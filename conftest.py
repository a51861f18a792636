"""Modules whose examples need a package that isn't here are left out; the package's own tests skip likewise."""

from __future__ import annotations

from importlib.util import find_spec

NEEDS = {
    "dask.py": ("distributed",),
    "graphs.py": ("networkx",),
    "jax.py": ("jax",),
    "onnx": ("onnx", "onnxruntime"),
    "safetensors.py": ("safetensors",),
    "scipy.py": ("scipy",),
    "sklearn.py": ("sklearn",),
    "torch.py": ("torch",),
}

collect_ignore = [
    f"tinygrad_notes/interop/{door}"
    for door, packages in NEEDS.items()
    if not all(find_spec(package) for package in packages)
]
