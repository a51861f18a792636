"""A computation graph as data, and one file per way of showing it."""

from __future__ import annotations

from .graph import Graph, graph

__all__ = ["Graph", "graph"]
