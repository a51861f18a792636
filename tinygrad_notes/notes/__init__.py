"""The notes themselves: every formula verified or refuted (`catalogue`), the assignments run again (`experiments`)."""

from __future__ import annotations

from . import experiments
from .catalogue import catalogue
from .entry import Entry, Verification

__all__ = ["Entry", "Verification", "catalogue", "experiments"]
