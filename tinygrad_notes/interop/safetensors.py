"""safetensors: a model's parameters as plain numbers in one file, which other libraries read too.

    save("model.safetensors", model)
    model = load("model.safetensors", like=model)

The names in the file are the places of the arrays: ``layers[0].W``.
"""

from __future__ import annotations

from ..train.checkpoints import load, read, save

__all__ = ["load", "read", "save"]
