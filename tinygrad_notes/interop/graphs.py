"""Computation graphs as data for other programs: JSON (and back), networkx, GraphML.

`describe_graph` copies a `tn.Graph` into plain lists (`GraphData`); everything else is made from that, so what was
read back from JSON can be drawn and analysed as what was exported.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BadInputError, missing_extra, user_line
from ..failures import what_is
from ..graphs import Graph

__all__ = ["EdgeData", "GraphData", "NodeData", "describe_graph", "from_json", "to_graphml", "to_json", "to_networkx"]

FORMAT = "tinygrad-notes graph"
VERSION = 1
LARGEST = 64
"""Values of at most so many elements are written out."""


@dataclass
class NodeData:
    """One value: an input, a constant, or the result of an operation.

    Attributes
    ----------
    key : str
        Stable id: ``v1`` … for values, ``c1`` … for constants.
    label, op, formula, rule : str
        How it is called, the operation ("" for inputs), the operation written out, its derivative rule.
    kind : {"input", "operation", "constant"}
    shape : list of int, or None for an operation of several results
    dtype : str
    value, gradient : number, nested list, or None
        None where large or not computed; complex numbers as ``{"re": …, "im": …}``, NaN and inf as strings.
    scope : list of str
    """

    key: str
    label: str
    kind: str
    op: str = ""
    formula: str = ""
    rule: str = ""
    shape: list[int] | None = None
    dtype: str = ""
    value: Any = None
    gradient: Any = None
    scope: list[str] = field(default_factory=list)


@dataclass
class EdgeData:
    """One input of one operation.

    Attributes
    ----------
    key, source, target : str
        The edge's id, and those of the values it joins.
    position : int
        Which argument of the operation it is.
    broadcast : list of int
        Axes of the target over which the source was repeated.
    """

    key: str
    source: str
    target: str
    position: int
    broadcast: list[int] = field(default_factory=list)


@dataclass
class GraphData:
    """A computation graph in plain numbers and strings.

    Attributes
    ----------
    root : str
        The key of what is computed.
    nodes : list of NodeData
        Parents before children.
    edges : list of EdgeData
    """

    root: str
    nodes: list[NodeData]
    edges: list[EdgeData]

    def node(self, name: str) -> NodeData:
        """The value with this key or label.

        Raises
        ------
        BadInputError
            If there is none.
        """
        for node in self.nodes:
            if name in (node.key, node.label):
                return node
        raise BadInputError(f"no value {name!r} in this graph.{user_line()}")


def describe_graph(graph: Graph | GraphData, largest: int = LARGEST) -> GraphData:
    """Copy a graph into plain data.

    Parameters
    ----------
    graph : tn.Graph
        From ``tn.graph(J)``.
    largest : int
        Values and gradients of at most so many elements are included.

    Examples
    --------
    >>> import tinygrad_notes as tn
    >>> a, b = tn.Tensor(5.0, name="a"), tn.Tensor(3.0, name="b")
    >>> data = describe_graph(tn.graph(a * b, gradients=True))
    >>> [(node.label, node.op, node.value, node.gradient) for node in data.nodes]
    [('a', '', 5.0, 3.0), ('b', '', 3.0, 5.0), ('J', 'multiply', 15.0, 1.0)]
    """
    if isinstance(graph, GraphData):
        return graph
    if not isinstance(graph, Graph):
        raise BadInputError(f"give a graph, tn.graph(J), not {what_is(graph)}.{user_line()}")
    nodes = [
        NodeData(
            constant.key, constant.name or constant.expression or constant.key, "constant",
            shape=list(np.shape(constant.value)), dtype=str(constant.value.dtype),
            value=_plain(constant.value, largest),
        )
        for constant in graph.constants
    ]  # fmt: skip
    edges = []
    for node in graph.nodes:
        kind = "input" if node.is_leaf else "operation"
        several = node.shape is None
        nodes.append(
            NodeData(
                node.key, node.label, kind, "" if node.is_leaf else node.op.name, node.formula,
                node.op.rule.formula, None if node.shape is None else list(node.shape), str(node.dtype or ""),
                None if several or node.size > largest else _plain(node.value, largest),
                None if several or node.gradient is None else _plain(node.gradient, largest), list(node.scope),
            )
        )  # fmt: skip
        edges += [EdgeData(e.key, e.source.key, e.target.key, e.position, list(e.broadcast_axes)) for e in node.inputs]
        edges += [
            EdgeData(f"{constant.key}-{node.key}-{position}", constant.key, node.key, position)
            for position, constant in graph.constants_of(node)
        ]
    return GraphData(graph.root.key, nodes, edges)


def _plain(value: Any, largest: int) -> Any:
    array = np.asarray(value)
    if array.size > largest:
        return None
    return _numbers(array.tolist())


def _numbers(x: Any) -> Any:
    if isinstance(x, list):
        return [_numbers(y) for y in x]
    if isinstance(x, complex):
        return {"re": _numbers(x.real), "im": _numbers(x.imag)}
    return x if not isinstance(x, float) or np.isfinite(x) else str(x)


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def to_json(graph: Graph | GraphData, path: str | os.PathLike[str] | None = None, largest: int = LARGEST) -> str:
    """Write a graph as JSON.

    Parameters
    ----------
    graph : tn.Graph or GraphData
    path : str or Path, optional
        Also write it there.
    largest : int
        Values and gradients of at most so many elements are included.

    Returns
    -------
    str
        The same text for the same graph.

    Examples
    --------
    >>> import tinygrad_notes as tn
    >>> x = tn.Tensor(2.0, name="x")
    >>> text = to_json(tn.graph(x * x))
    >>> from_json(text).node("x").value
    2.0
    """
    data = asdict(describe_graph(graph, largest))
    text = json.dumps({"format": FORMAT, "version": VERSION, **data}, indent=1, allow_nan=False, ensure_ascii=False)
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


def from_json(source: str | os.PathLike[str]) -> GraphData:
    """Read what `to_json` wrote.

    Parameters
    ----------
    source : str or Path
        The text, or a file's path.

    Raises
    ------
    BadInputError
        If it is something else, or names a value that isn't there.

    Examples
    --------
    See `to_json`.
    """
    if not isinstance(source, (str, os.PathLike)):
        raise BadInputError(f"from_json takes a text or a path, not {what_is(source)}.{user_line()}")
    text = source if isinstance(source, str) and source.lstrip().startswith("{") else Path(source).read_text("utf-8")
    try:
        found = json.loads(text)
        if found["format"] != FORMAT or found["version"] > VERSION:
            raise BadInputError(f"{found['format']!r}, version {found['version']}, is not known here")
        nodes = [NodeData(**node) for node in found["nodes"]]
        edges = [EdgeData(**edge) for edge in found["edges"]]
        keys = {node.key for node in nodes}
        strangers = ({found["root"]} | {k for e in edges for k in (e.source, e.target)}) - keys
    except (ValueError, KeyError, TypeError) as error:
        why = f"it has no {error}" if isinstance(error, KeyError) else error
        raise BadInputError(f"this is no graph written by to_json: {why}{user_line()}") from error
    if strangers:
        raise BadInputError(f"the file names values that it does not have: {sorted(strangers)}{user_line()}")
    return GraphData(found["root"], nodes, edges)


# ── networkx, GraphML ────────────────────────────────────────────────────────────────────────────────────────────


def _networkx() -> Any:
    try:
        import networkx
    except ImportError as error:
        raise missing_extra("networkx", "networkx", "a graph for networkx") from error
    return networkx


def to_networkx(graph: Graph | GraphData, largest: int = LARGEST) -> Any:
    """A ``networkx.MultiDiGraph``: the fields of `NodeData` and `EdgeData` are its attributes.

    Raises
    ------
    MissingExtraError
        Without networkx.

    Examples
    --------
    >>> import networkx as nx, tinygrad_notes as tn
    >>> a, b, c = tn.Tensor(5.0, name="a"), tn.Tensor(3.0, name="b"), tn.Tensor(2.0, name="c")
    >>> G = to_networkx(tn.graph(3 * (a + b * c)))
    >>> nx.is_directed_acyclic_graph(G), nx.dag_longest_path_length(G)
    (True, 3)
    """
    data = describe_graph(graph, largest)
    made = _networkx().MultiDiGraph(root=data.root)
    for node in data.nodes:
        made.add_node(node.key, **{name: value for name, value in asdict(node).items() if name != "key"})
    for edge in data.edges:
        made.add_edge(edge.source, edge.target, key=edge.key, position=edge.position, broadcast=edge.broadcast)
    return made


def to_graphml(graph: Graph | GraphData, path: str | os.PathLike[str] | None = None, largest: int = LARGEST) -> str:
    """Write a graph as GraphML, for yEd, Gephi, Cytoscape; lists become JSON text.

    Raises
    ------
    MissingExtraError
        Without networkx.

    Examples
    --------
    >>> import tinygrad_notes as tn
    >>> x = tn.Tensor(2.0, name="x")
    >>> to_graphml(tn.graph(x * x)).count("<node ")
    2
    """
    made = to_networkx(graph, largest)
    for attributes in _attributes(made):
        for name, value in list(attributes.items()):
            if value is None:
                del attributes[name]
            elif name in ("shape", "value", "gradient", "scope", "broadcast"):
                attributes[name] = json.dumps(value)
    text = "\n".join(_networkx().generate_graphml(made, named_key_ids=True))
    text = '<?xml version="1.0" encoding="UTF-8"?>\n' + text
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


def _attributes(made: Any) -> Iterator[dict[str, Any]]:
    for _, attributes in made.nodes(data=True):
        yield attributes
    for _, _, attributes in made.edges(data=True):
        yield attributes
