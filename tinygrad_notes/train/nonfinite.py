"""Where a NaN or inf came from: the first operation that makes one out of finite numbers, and the parameter nearest."""

from __future__ import annotations

import linecache
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backward import Node, fit, gather, seed_like
from ..pytree import flatten, paths
from ..recording import call_sites
from ..rules import Parts
from ..transforms import Trace

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
    names, values, order = _replay(f, params)
    for node in order:
        if not _finite(values[node]) and all(_finite(values[p]) for p in node.parents):
            return Origin(node.op.name, _line(node), _nearest(node, names))
    return None


def origin_of_gradient(f: Callable[[Any], Any], params: Any) -> Origin | None:
    """The first operation whose backward step makes a gradient of ``f(params)`` that isn't finite."""
    names, _, order = _replay(f, params)
    if not order:
        return None
    gradients = {order[-1]: seed_like(order[-1], None)}
    for node in reversed(order):
        g = gradients.get(node)
        if g is None:
            continue
        for parent, vjp in zip(node.parents, node.op.vjps, strict=True):
            with np.errstate(all="ignore"):
                gp = vjp(g, node.like, *node.args)
            gp = gp if type(gp) is Parts else fit(gp, parent.like, node.op)
            if not _finite(gp):
                return Origin(f"the backward step of {node.op.name}", _line(node), _nearest(parent, names))
            gradients[parent] = gradients[parent] + gp if parent in gradients else gp
    return None


def _replay(f: Callable[[Any], Any], params: Any) -> tuple[dict[Node, str], dict[Node, Any], list[Node]]:
    """Run f once more with call sites; the parameters' names, every node's value, the nodes in order."""
    with np.errstate(all="ignore"), call_sites():
        trace = Trace(f, (params,), (0,))
        root = trace.root()
        order = gather(root, trace.start)[0] if root is not None else []
        values: dict[Node, Any] = {}
        for node in order:
            if not node.parents:
                values[node] = node.like
                continue
            args = list(node.args)
            for position, parent in zip(node.op.which, node.parents, strict=True):
                args[position] = values[parent]
            y = node.op.forward(*args)
            values[node] = Parts(y) if type(y) is tuple else y
    names = {t.node: name for t, name in zip(trace.inputs, paths(params), strict=True) if t.node is not None}
    return names, values, order


def _finite(value: Any) -> bool:
    if type(value) is Parts:
        return all(_finite(part) for part in value.values if part is not None)
    return bool(np.all(np.isfinite(value)))


def _nearest(node: Node, names: dict[Node, str]) -> str:
    """The parameter with the fewest operations between it and `node`."""
    seen, front = {node}, [node]
    while front:
        for candidate in front:
            if candidate in names:
                return names[candidate] or "the parameter"
        front = [p for n in front for p in n.parents if p not in seen and not seen.add(p)]  # type: ignore[func-returns-value]
    return ""


def _line(node: Node) -> str:
    code, number = getattr(node.id, "code", None), getattr(node.id, "line", None)
    if code is None or number is None:
        return ""
    text = linecache.getline(code.co_filename, number).strip()
    return f"{os.path.basename(code.co_filename)}:{number}" + (f":  {text}" if text else "")
