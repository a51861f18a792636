"""A computation graph as data, and one file per way of showing it."""

from __future__ import annotations

from .debug import debug
from .graph import Graph, graph
from .why import Why, why

__all__ = ["Graph", "Why", "debug", "graph", "why"]
