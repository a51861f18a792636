"""The notes themselves: formulas decided (`catalogue`), procedures, the assignments run again (`experiments`)."""

from __future__ import annotations

from . import experiments, procedures
from .catalogue import catalogue
from .entry import Entry, Verification

__all__ = ["Entry", "Verification", "catalogue", "experiments", "procedures"]
