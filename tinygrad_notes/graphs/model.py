"""A computation graph as data: a snapshot of nodes, edges, values, gradients, local derivatives, shapes and scopes.

Pictures, text, source and LaTeX are made from this and from nothing else. The snapshot holds no `Node` of the heart,
so it neither keeps a graph alive nor changes when a parameter is written later.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from os.path import basename
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backward import F64, LEAF, Node, Spec, conjugated, fit, gather
from ..errors import BadInputError, NotScalarError, describe, user_line
from ..recording import Mark
from ..rules import Parts, identity
from ..tensor import constants

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..rules import Op

__all__ = ["Constant", "GraphEdge", "GraphNode", "Snapshot"]

UNSHOWN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""What no picture can hold, and what would make a terminal or a line of text do something: control characters, marks
that turn the direction of writing, halves of characters."""

UNKNOWN: Any = object()
"""Stands for a value that was not kept and has not been asked for yet."""


def shown(name: str | None) -> str | None:
    r"""A name as it may stand in one line of any text.

    Examples
    --------
    >>> shown("a\nb"), shown("a\x1b[31m")
    ('a b', 'a�[31m')
    """
    return None if name is None else UNSHOWN.sub("�", re.sub(r"[\s\u2028\u2029]", " ", name))


class Constant:
    """A plain array or number beside Tensors.

    Attributes
    ----------
    key : str
        Stable id within the graph: ``c1``, ``c2`` … in order of first use.
    value : array or number
    name : str or None
        The caller's variable, or the name of a Tensor with ``requires_grad=False``.
    declared : bool
        Whether it is such a Tensor: those are always drawn.
    expression : str
        What an unnamed one equals: ``(1 − Y)``.
    """

    __slots__ = ("declared", "expression", "key", "name", "value")

    def __init__(self, key: str, value: Any, name: str | None, declared: bool) -> None:
        self.key: str = key
        self.value: Any = value
        self.name: str | None = name
        self.declared: bool = declared
        self.expression: str = ""

    def __repr__(self) -> str:
        return f"<Constant {self.name or self.key}>"


class GraphEdge:
    """One input of one operation.

    Attributes
    ----------
    source, target : GraphNode
        The value goes from source to target, the gradient back.
    position : int
        Which argument of the operation this is.
    contribution : array, number or None
        The part of the source's gradient that comes back along this edge.
    """

    __slots__ = ("contribution", "position", "source", "target")

    def __init__(self, source: GraphNode, target: GraphNode, position: int) -> None:
        self.source: GraphNode = source
        self.target: GraphNode = target
        self.position: int = position
        self.contribution: Any = None

    @property
    def key(self) -> str:
        """Stable id: ``v1-v4`` with the argument's number behind it."""
        return f"{self.source.key}-{self.target.key}-{self.position}"

    @property
    def local(self) -> Any:
        """d(target)/d(source), where it is one number per entry; None elsewhere (matrix products, sums)."""
        target, source = self.target, self.source
        if target.shape is None or target.shape != source.shape or not (target.op.rule.elementwise or not target.shape):
            return None
        if self.contribution is not None and np.iscomplexobj(self.contribution):
            return None
        seed = np.ones(target.shape, target.dtype)[()]
        slope = target.op.vjps[self.place](seed, target.value, *target.arguments())
        return fit(slope, source.like, target.op)

    @property
    def place(self) -> int:
        """Which of the tracked inputs this is."""
        return self.target.op.which.index(self.position)

    @property
    def broadcast_axes(self) -> tuple[int, ...]:
        """The axes of the target over which the source was repeated; the gradient is summed over them."""
        target, source = self.target, self.source
        if not target.op.rule.elementwise or target.shape is None or source.shape is None:
            return ()
        extra = len(target.shape) - len(source.shape)
        padded = (1,) * extra + source.shape
        return tuple(i for i, (n, k) in enumerate(zip(target.shape, padded, strict=True)) if i < extra or n != k)

    def __repr__(self) -> str:
        return f"<GraphEdge {self.source.label} → {self.target.label}>"


class GraphNode:
    """One value of the graph: an input or the result of an operation.

    Attributes
    ----------
    key : str
        Stable id: ``v1``, ``v2`` … in order of creation.
    name : str or None
        The explicit name, or the caller's variable.
    op : Op
        The operation; `op.name` is what it is called, `op.rule.formula` its mathematics.
    args : tuple
        All its arguments; constants as they are.
    gradient : array, number or None
        dJ/d(this); None where no backward pass was asked for.
    shape, dtype
        Of the value; None for an operation with several results.
    scope : tuple of str
        The names of the ``tn.scope`` blocks around it, outermost first.
    site : tuple or None
        ``(file, line)`` where call sites were recorded.
    inputs, outputs : list of GraphEdge
    like : array or Spec
        The value, or its shape and dtype where the graph kept no more.
    """

    __slots__ = (
        "_label",
        "_value",
        "args",
        "dtype",
        "explicit",
        "gradient",
        "index",
        "inputs",
        "key",
        "like",
        "mark",
        "name",
        "op",
        "outputs",
        "scope",
        "shape",
        "snapshot",
    )

    def __init__(self, snapshot: Snapshot, index: int, node: Node) -> None:
        self.snapshot: Snapshot = snapshot
        self.index: int = index
        self.key: str = f"v{index + 1}"
        self.op: Op = node.op
        self.args: tuple[Any, ...] = node.args
        self.name: str | None = shown(node.name)
        self._label = ""
        self.explicit: bool = self.name is not None
        like = node.like
        self.like: Any = like
        self.gradient: Any = None
        self.inputs: list[GraphEdge] = []
        self.outputs: list[GraphEdge] = []
        self.mark: Mark | None = node.id if type(node.id) is Mark else None
        self.scope: tuple[str, ...] = tuple(map(str, map(shown, self.mark.scope))) if self.mark is not None else ()
        if type(like) is Parts:
            self.shape: tuple[int, ...] | None = None
            self.dtype: Any = None
            self._value: Any = like if all(type(value) is not Spec for value in like.values) else UNKNOWN
        else:
            self.shape, self.dtype = like.shape, like.dtype
            if type(like) is Spec or like is F64:
                self._value = UNKNOWN
            else:
                self._value = like.copy() if node.op is LEAF and isinstance(like, np.ndarray) else like

    @property
    def is_leaf(self) -> bool:
        """Whether this is an input of the graph."""
        return self.op is LEAF

    @property
    def is_root(self) -> bool:
        """Whether this is what the graph computes."""
        return self is self.snapshot.root

    @property
    def size(self) -> int:
        """Number of elements."""
        return 0 if self.shape is None else int(np.prod(self.shape))

    @property
    def site(self) -> tuple[str, int] | None:
        """``(file, line)`` of the user's code, where that was recorded."""
        if self.mark is None or self.mark.code is None or self.mark.line is None:
            return None
        return self.mark.code.co_filename, self.mark.line

    @property
    def place(self) -> str:
        """``demo.py:12``, or nothing."""
        return f"{basename(self.site[0])}:{self.site[1]}" if self.site else ""

    @property
    def value(self) -> Any:
        """The result; computed again from the inputs if the graph had no reason to keep it."""
        if self._value is UNKNOWN:
            self.snapshot.replay(self)
        return self._value

    @property
    def label(self) -> str:
        """What this is called: its name, its formula while that is short, or its id."""
        _ = self.snapshot.formulas
        return self._label

    @property
    def formula(self) -> str:
        """The operation in the notes' style: ``3v``, ``a + u``, ``tanh(Z1)``; empty for an input."""
        return self.snapshot.formulas[self.index]

    def arguments(self) -> tuple[Any, ...]:
        """The operation's arguments, every value filled in."""
        args = list(self.args)
        for edge in self.inputs:
            args[edge.position] = edge.source.value
        return tuple(args)

    def __repr__(self) -> str:
        formula = self.formula
        return f"<GraphNode {self.label}{' = ' + formula if formula and formula != self.label else ''}>"


class Snapshot:
    """Nodes in creation order, edges between them, constants beside them.

    Parameters
    ----------
    root : Node
        What the graph computes.
    gradients : bool or None
        Whether to walk back; None: if ``backward()`` has been called on this result.

    Attributes
    ----------
    nodes : list of GraphNode
        Parents before children; the last one is `root`.
    edges : list of GraphEdge
    constants : list of Constant
    has_gradients : bool
    """

    def __init__(self, root: Node, gradients: bool | None = None) -> None:
        self.nodes: list[GraphNode] = []
        self.edges: list[GraphEdge] = []
        self.constants: list[Constant] = []
        self.notation: Any = None
        self._constant_of: dict[int, Constant] = {}
        self._formulas: list[str] | None = None
        self.found: dict[Node, GraphNode] = {}
        with without_collector():
            self._copy(gather(root)[0])
            self.root: GraphNode = self.found[root]
            self._collect_constants()
            self.has_gradients: bool = root.grad is not None if gradients is None else gradients
            if self.has_gradients:
                self._pull_back(root.grad)

    def __copy__(self) -> Snapshot:
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        return other

    def __deepcopy__(self, _memo: Any) -> Snapshot:
        return self  # it doesn't change

    def __reduce__(self) -> Any:
        raise BadInputError(
            "a Graph can't be pickled, it holds functions: send what it shows (graph.source, graph.save('J.svg'))."
            f"{user_line()}"
        )

    def _copy(self, order: list[Node]) -> None:
        for node in order:
            if node.op.rule is identity:  # a renaming: the node it renames stands for it
                known = self.found[node] = self.found[node.parents[0]]
                if node.name is not None and (not known.explicit or not known.is_leaf):
                    known.name, known.explicit = shown(node.name), True
                continue
            entry = GraphNode(self, len(self.nodes), node)
            self.found[node] = entry
            self.nodes.append(entry)
            for position, parent in zip(node.op.which, node.parents, strict=True):
                source = self.found[parent]
                edge = GraphEdge(source, entry, position)
                entry.inputs.append(edge)
                source.outputs.append(edge)
                self.edges.append(edge)

    # values that were not kept

    def replay(self, wanted: GraphNode) -> None:
        """Compute the value of `wanted` from the values before it, without recursion."""
        missing, seen = [wanted], {wanted}
        for node in missing:
            for edge in node.inputs:
                if edge.source._value is UNKNOWN and edge.source not in seen:
                    seen.add(edge.source)
                    missing.append(edge.source)
        for node in sorted(missing, key=lambda node: node.index):
            with np.errstate(all="ignore"):
                y = node.op.forward(*node.arguments())
            node._value = Parts(y) if type(y) is tuple else y[()] if isinstance(y, np.ndarray) and not y.ndim else y

    # gradients: one walk of our own, so that every edge keeps its part

    def _pull_back(self, given: Any) -> None:
        root = self.root
        if root.shape != () and given is None and root.size != 1:
            raise NotScalarError(
                f"gradients need one number, this is {describe(root.value)}; reduce it first (np.sum, np.mean), or "
                f"call t.backward(gradient=...) before drawing.{user_line()}"
            )
        assert root.shape is not None
        root.gradient = given if root.size != 1 and given is not None else np.ones(root.shape, root.dtype)[()]
        is_complex = any(node.dtype is not None and node.dtype.kind == "c" for node in self.nodes)
        with np.errstate(all="ignore"):
            for node in reversed(self.nodes):
                if node.gradient is not None and node.inputs:
                    self._pull_one(node, is_complex)

    def _pull_one(self, node: GraphNode, is_complex: bool) -> None:
        op, g, y, kept = node.op, node.gradient, node.like, node.args
        vjps = conjugated(op.vjps) if is_complex and op.holomorphic else op.vjps
        for edge, vjp in zip(node.inputs, vjps, strict=True):
            source = edge.source
            contribution = vjp(g, y, *kept)
            if type(contribution) is not Parts:
                contribution = fit(contribution, source.like, op)
            edge.contribution = contribution
            source.gradient = contribution if source.gradient is None else source.gradient + contribution

    # constants and names

    def _collect_constants(self) -> None:
        for node in self.nodes:
            args = node.args
            if node.is_leaf or len(args) == len(node.inputs):
                continue
            tracked = node.op.which
            inputs = len(args) if node.op.rule.variadic else node.op.rule.inputs
            for position in range(inputs):
                value = args[position]
                if position in tracked or id(value) in self._constant_of or not hasattr(value, "shape"):
                    continue
                tensor = constants.get(id(value))
                declared = tensor is not None and tensor.data is value
                constant = Constant(
                    f"c{len(self.constants) + 1}",
                    value,
                    shown(tensor.name) if tensor is not None and declared else None,
                    declared,
                )
                self.constants.append(constant)
                self._constant_of[id(value)] = constant

    def constant(self, value: Any) -> Constant | None:
        """The entry of a plain array among an operation's arguments."""
        return self._constant_of.get(id(value))

    def constants_of(self, node: GraphNode) -> Iterator[tuple[int, Constant]]:
        """The array constants of an operation, with their positions."""
        for position, value in enumerate(node.args):
            constant = self._constant_of.get(id(value))
            if constant is not None and position not in node.op.which:
                yield position, constant

    def set_names(
        self, of_nodes: Mapping[GraphNode, str], of_constants: Mapping[int, str], arrays: list[tuple[str, Any]]
    ) -> None:
        """Give names found outside (variables); explicit ones win, and no two nodes share one."""
        taken = {node.name for node in self.nodes if node.name} | {c.name for c in self.constants if c.name}
        for node, name in of_nodes.items():
            if not node.name and name not in taken:
                node.name = name
                taken.add(name)
        for constant in self.constants:
            name = of_constants.get(id(constant.value), "")
            if name and not constant.name and name not in taken:
                constant.name = name
                taken.add(name)
        self._derive_constant_names(arrays)
        if self.root.name is None:
            self.root.name = next(name for name in ("J", "L", "y", "result", self.root.key) if name not in taken)
        self._formulas = None

    def _derive_constant_names(self, arrays: list[tuple[str, Any]]) -> None:
        """``1 − Y`` computed beside the graph is an array of its own: call it by what it equals."""
        named = [(c.name, c.value) for c in self.constants if c.name] + arrays
        named = [(name, value) for name, value in named if is_small_array(value)]
        for constant in self.constants:
            if constant.name is None and is_small_array(constant.value):
                found = (relation(constant.value, value, name) for name, value in named)
                constant.expression = next(filter(None, found), "")

    @property
    def formulas(self) -> list[str]:
        """One formula per node; labels are given on the way."""
        if self._formulas is None:
            from .formulas import write_formulas

            self._formulas = write_formulas(self)
        return self._formulas


@contextmanager
def without_collector() -> Iterator[None]:
    """Make many objects without the garbage collector looking at all of them again and again."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def is_small_array(x: Any) -> bool:
    """Whether comparing `x` with others costs nothing to speak of."""
    return isinstance(x, np.ndarray) and 1 < x.size <= 1_000_000 and x.dtype.kind in "fiub"


def relation(x: Any, y: Any, name: str) -> str:
    """``(1 − Y)``, ``(−Y)``, ``Y.T`` if `x` is exactly that of the array called `name`, else nothing."""
    if y.ndim == 2 and x.shape == y.T.shape and np.array_equal(x, y.T):
        return f"{name}.T"
    if x.shape == y.shape and "b" not in (x.dtype.kind, y.dtype.kind):
        if np.array_equal(x, 1 - y):
            return f"(1 − {name})"
        if np.array_equal(x, -y):
            return f"(−{name})"
    return ""


def root_of(result: Any) -> Node:
    """The node of what is to be drawn.

    Raises
    ------
    BadInputError
        If it is no Tensor, or a constant.
    """
    node = getattr(result, "node", None)
    if not isinstance(node, Node):
        what = "a constant Tensor" if hasattr(result, "node") else type(result).__name__
        raise BadInputError(
            f"a graph is drawn of a Tensor that was computed from Tensors, not of {what}: "
            f"tn.graph(J), or tn.graph(f, *args) for a function.{user_line()}"
        )
    return node
