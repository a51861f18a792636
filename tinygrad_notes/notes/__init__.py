"""The notes themselves: their assignments, run again (`experiments`)."""

from __future__ import annotations

from . import experiments

__all__ = ["experiments"]
