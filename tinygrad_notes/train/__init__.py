"""Training: data in shares and batches, the loop, what it recorded, how good the result is, and its files."""

from __future__ import annotations

from . import metrics
from .batches import batches, normalize, split
from .checkpoints import load, save
from .history import History
from .loop import EarlyStopping, Fit, fit
from .metrics import Reading, bias_variance

__all__ = [
    "EarlyStopping",
    "Fit",
    "History",
    "Reading",
    "batches",
    "bias_variance",
    "fit",
    "load",
    "metrics",
    "normalize",
    "save",
    "split",
]
