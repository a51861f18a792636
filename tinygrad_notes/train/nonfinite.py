"""Where a NaN or inf in training came from: the operation that `tn.why` names, and the parameter nearest to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..graphs import nonfinite
from ..graphs.elements import is_finite as is_finite_value
from ..graphs.model import Snapshot
from ..graphs.why import source_lines
from ..pytree import flatten, paths
from ..recording import call_sites
from ..transforms import Trace

if TYPE_CHECKING:
    from ..graphs.model import GraphNode

__all__ = ["Origin", "is_finite", "origin_of_gradient", "origin_of_value"]


@dataclass(frozen=True)
class Origin:
    """One operation of the graph, the user's line that recorded it, and the parameter nearest to it."""

    op: str
    line: str
    parameter: str


def is_finite(tree: Any) -> bool:
    """Whether every number in a container is finite.

    Examples
    --------
    >>> is_finite({"w": np.ones(2)}), is_finite([np.array([1.0, np.nan])])
    (True, False)
    """
    return all(bool(np.all(np.isfinite(leaf))) for leaf in flatten(tree)[0])


def origin_of_value(f: Callable[[Any], Any], params: Any) -> Origin | None:
    """The first operation of ``f(params)`` whose result isn't finite though all that went in was."""
    graph, names = _replay(f, params, gradients=False)
    if graph is None or is_finite_value(graph.root.value):
        return None
    return _told(nonfinite.origin_of_value(graph.root), names)


def origin_of_gradient(f: Callable[[Any], Any], params: Any) -> Origin | None:
    """The first operation whose backward step makes a gradient of ``f(params)`` that isn't finite."""
    graph, names = _replay(f, params, gradients=True)
    origin = nonfinite.first_bad_gradient(graph) if graph is not None else None
    return _told(origin, names) if origin is not None else None


def _replay(f: Callable[[Any], Any], params: Any, gradients: bool) -> tuple[Snapshot | None, dict[GraphNode, str]]:
    """Run f once more with call sites; its graph, and the parameters' names."""
    with np.errstate(all="ignore"), call_sites():
        trace = Trace(f, (params,), (0,))
        root = trace.root()
    if root is None:
        return None, {}
    graph = Snapshot(root, gradients)
    inputs = zip(trace.inputs, paths(params), strict=True)
    return graph, {graph.found[t.node]: name for t, name in inputs if t.node in graph.found}


def _told(origin: nonfinite.Origin, names: dict[GraphNode, str]) -> Origin:
    lines = source_lines(origin.node)
    start = origin.edge.source if origin.edge is not None else origin.node
    return Origin(origin.step, lines[0].removeprefix("  at ") if lines else "", _nearest(start, names))


def _nearest(node: GraphNode, names: dict[GraphNode, str]) -> str:
    """The parameter with the fewest operations between it and `node`."""
    seen, front = {node}, [node]
    for candidate in front:
        if candidate in names:
            return names[candidate] or "the parameter"
        for edge in candidate.inputs:
            if edge.source not in seen:
                seen.add(edge.source)
                front.append(edge.source)
    return ""
