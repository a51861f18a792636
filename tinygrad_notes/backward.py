"""The graph, and the walk back through it: `Node`, `gather` (the topological order), `pull_back`.

A `Node` is one operation: the rule, the parents, and only those values that the rule reads. Nodes point to parents
alone, so there is no reference cycle and memory goes when the last handle does. A node's ``id`` counts upwards, so
parents always have smaller ids than their children: sorting by id *is* the topological order, without recursion.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from operator import attrgetter
from sys import getrefcount
from typing import Any

import numpy as np
from numpy import float64, ndarray

from .blocks import Block, open_blocks
from .errors import DTypeError, GraphFreedError, LeavesGraphError, ShapeError, describe, user_line
from .rules import Op, Parts, Rule, identity

__all__ = ["BranchOnBatch", "Node", "Spec", "fit", "gather", "pull_back", "seed_like"]

_by_id = attrgetter("id")
here: threading.local = threading.local()
"""What this thread is doing: inside ``no_grad()``, in which scopes, whether rules are at work."""

SMALL = 512
"""Results below this many elements are kept whole: a `Spec` would cost more than it saves."""

F64 = float64("nan")
"""Stands for "some float64 scalar" where a rule needs no value. NaN, so that a wrong reading shows."""


class Spec:
    """Shape and dtype of an array that the graph did not need to keep."""

    __slots__ = ("dtype", "shape")

    def __init__(self, array: Any) -> None:
        self.shape: tuple[int, ...] = array.shape
        self.dtype: Any = array.dtype

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        size = 1
        for n in self.shape:
            size *= n
        return size

    def __repr__(self) -> str:
        return f"Spec({self.dtype} {self.shape})"


class Node:
    """One operation of the graph.

    Attributes
    ----------
    op : Op
        The rule, and which of its inputs are tracked.
    parents : tuple of Node
        The tracked inputs' nodes, in the order of ``op.which``.
    args : tuple
        All arguments as the rule wants them: a value where the rule reads it (constants always), else the parent's
        ``like``.
    like : array or Spec
        The result if the rule reads it or it is small, otherwise its shape and dtype.
    id : int
        Creation order; a `Mark` when scopes or call sites are recorded.
    grad : array or None
        dJ/d(this) after ``J.backward()``, if a Tensor still holds this node.
    """

    __slots__ = ("args", "grad", "id", "like", "op", "parents")

    op: Op
    parents: tuple[Node, ...]
    args: tuple[Any, ...]
    like: Any
    id: int
    grad: Any

    @property
    def name(self) -> str | None:
        """The explicit name, of a leaf or of ``t.name = ...``."""
        return self.args[-1] if self.op is LEAF or self.op.rule is identity else None

    def __repr__(self) -> str:
        return f"<Node {self.id}: {self.op.name}>"

    def __reduce__(self) -> Any:
        raise LeavesGraphError(
            f"a recorded graph can't be copied or pickled: compute it again where it is needed.{user_line()}"
        )


def _leaf_forward(x: Any) -> Any:
    return x


_set_grad = vars(Node)["grad"].__set__
LEAF = Op(Rule(_leaf_forward, "", (lambda g, _y, _x: g,), name="leaf", elementwise=True, linear="", holomorphic=True,
               variadic=False, domain=(), kinks={}, samples=None), (), 0)  # fmt: skip
FREED = Op(LEAF.rule, (), 0)


def keep_if_small(y: Any) -> Any:
    """The value itself when that is cheap, else its `Spec`."""
    return F64 if type(y) is float64 else y if y.size < SMALL else Spec(y)


def gather(root: Node, start: int = 0) -> tuple[list[Node], dict[Node, int], bool]:
    """The nodes that `root` depends on, made after node `start`, in creation order.

    Returns
    -------
    order : list of Node
        Parents before children.
    uses : dict of Node to int
        How many edges of this graph lead to each node.
    outer : bool
        Whether anything made before `start` was reached: then a backward pass has to be recorded.
    """
    uses = {root: 0}
    order = [root]
    outer = False
    for node in order:
        parents = node.parents
        if not parents and node.op is FREED:
            raise GraphFreedError(
                f"this graph was handed back by backward(free=True); compute the result again first.{user_line()}"
            )
        for parent in parents:
            if parent in uses:
                uses[parent] += 1
            elif start and parent.id < start:
                outer = True
            else:
                uses[parent] = 1
                order.append(parent)
    order.sort(key=_by_id)
    return order, uses, outer


def pull_back(
    order: list[Node],
    uses: dict[Node, int],
    seed: Any,
    free: bool = False,
    last: bool = False,
    accumulate: bool = False,
) -> dict[Node, Any]:
    """Walk the sorted graph back with arrays; return the gradients of its leaves.

    A node that some Tensor still holds gets its gradient in ``node.grad``: the number of references to it beyond
    the graph's own tells, so recording pays nothing for it. All of them are set together at the end: a walk that is
    interrupted leaves the gradients of the pass before. With `accumulate` leaves add to what they have. `order` is
    used up.

    With `free` every node is handed back once it was walked; with `last` those that no Tensor leads to any more.
    """
    grads = {order[-1]: seed}
    ours: set[Node] = set()  # gradients that are sums made here: the only arrays we may add into
    leaves: dict[Node, Any] = {}
    held: list[Node] = []
    kept: list[Any] = []
    parent: Node | None
    spend = free or last  # then a node's edges are gone, else it has at least one beside a Tensor's hold on it
    pop, take, held_once = order.pop, grads.pop, _UNHELD if spend else _UNHELD + 1
    is_complex = seed.dtype.kind == "c"
    while order:
        node = pop()
        g = take(node)
        op = node.op
        if getrefcount(node) > held_once and getrefcount(node) - uses[node] > _UNHELD:
            held.append(node)
            if accumulate and op is LEAF and node.grad is not None:
                kept.append(node.grad + g)
            else:
                kept.append(g.copy() if type(g) is ndarray else g)
        if op is LEAF:
            leaves[node] = g
        vjps = op.vjps
        if not op.holomorphic:
            is_complex = is_complex or _any_complex(node)
        elif is_complex:
            vjps = conjugated(vjps)
        like, args, parents = node.like, node.args, node.parents
        for i in op.places:  # an index, and two-argument calls written out: zip and *args cost a third more
            parent = parents[i]
            try:
                if len(args) == 2:
                    a, b = args
                    gp = vjps[i](g, like, a, b)
                else:
                    gp = vjps[i](g, like, *args)
            except BranchOnBatch as branch:
                gp = branch.one_by_one(vjps[i], (g, like, *args))
            want = parent.like
            if type(gp) is float64:
                if type(want) is not float64:
                    gp = fit(gp, want, op)
            elif type(gp) is not ndarray or gp.shape != want.shape or gp.dtype is not want.dtype:
                gp = fit(gp, want, op)
                is_complex = is_complex or gp.dtype.kind == "c"
            if parent not in grads:
                grads[parent] = gp
            elif parent in ours and type(gp) is ndarray:
                grads[parent] += gp
            else:
                grads[parent] = grads[parent] + gp
                if type(gp) is ndarray:
                    ours.add(parent)
        if spend and parents and (free or getrefcount(node) == _UNHELD):
            for parent in parents:
                uses[parent] -= 1
            node.op, node.parents, node.args = FREED, (), ()
            parents = ()
        parent = None  # else it would count as a Tensor's hold on that node
    deque(map(_set_grad, held, kept), maxlen=0)  # in C, where no signal comes between two of them
    return leaves


def _any_complex(node: Node) -> bool:
    return any(parent.like.dtype.kind == "c" for parent in node.parents)


def conjugated(vjps: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same pullbacks for complex numbers: ``conj(vjp(conj(g)))`` is ``g conj(f')``."""

    def conjugate(vjp: Any) -> Any:
        def pulled(g: Any, y: Any, *args: Any) -> Any:
            gp = vjp(np.conj(g), y, *args)
            return gp.conj() if type(gp) is Parts else np.conj(gp)

        return pulled

    return tuple(conjugate(vjp) for vjp in vjps)


def fit(g: Any, like: Any, op: Op | None = None) -> Any:
    """Give a gradient its Tensor's shape and dtype: undo broadcasting, or spread a reduced gradient out."""
    if type(like) is Parts:
        return g
    if not hasattr(g, "shape"):
        if not isinstance(g, (int, float, complex)):
            name = op.name if op else "this function"
            raise DTypeError(
                f"the rule of {name} returned {describe(g)} for an input of shape {like.shape}: a vjp returns "
                f"dJ/d(input), an array of the input's shape.{user_line()}"
            )
        g = np.asarray(g)[()]
    shape, given = like.shape, g.shape
    if given != shape:
        extra = g.ndim - len(shape)
        if extra > 0:
            g = g.sum(axis=tuple(range(extra)))
        axes = tuple(i for i, n in enumerate(shape) if n == 1 and i < g.ndim and g.shape[i] != 1)
        if axes and g.ndim == len(shape):
            g = g.sum(axis=axes, keepdims=True)
        if g.shape != shape:
            if g.ndim and (g.ndim != len(shape) or any(m not in (1, n) for m, n in zip(g.shape, shape, strict=True))):
                name = op.name if op else "this function"
                raise ShapeError(
                    f"the rule of {name} returned a gradient of shape {given} for an input of {shape}: "
                    f"a vjp returns dJ/d(input), an array of the input's shape.{user_line()}"
                )
            g = np.broadcast_to(g, shape)
    if g.dtype != like.dtype:
        if g.dtype.kind == "c" and like.dtype.kind != "c":
            g = g.real
        g = g.astype(like.dtype)
    return g[()] if type(g) is ndarray and g.ndim == 0 else g


def _references_of_an_unheld_node() -> int:
    """What `getrefcount` says in `pull_back` of a node that only the graph holds (differs between Pythons)."""
    order = [Node()]
    uses = {order[0]: 0}
    while order:
        node = order.pop()
        return getrefcount(node) - uses[node]
    raise AssertionError


_UNHELD = _references_of_an_unheld_node()


def seed_like(node: Node, gradient: Any) -> Any:
    """The cotangent that a backward pass starts from, in the result's dtype."""
    like = node.like
    if gradient is None:
        if not isinstance(like, (np.generic, ndarray)):
            return np.ones_like(like)
        return float64(1.0) if like.dtype == float64 else like.dtype.type(1)
    g = gradient.data if hasattr(gradient, "node") else gradient
    if not hasattr(g, "__array_function__"):
        g = np.asarray(g)
    if g.dtype.kind not in "fciub":
        raise DTypeError(
            f"gradient= must be numbers, not {g.dtype}.\n  give one for each entry of the result: "
            f"np.ones({like.shape}){user_line()}"
        )
    if g.shape != like.shape:
        raise ShapeError(
            f"gradient= has shape {g.shape}, the result has {like.shape}.\n  give one number for each entry of the "
            f"result: np.broadcast_to(gradient, {like.shape}){user_line()}"
        )
    if g.dtype.kind == "c" and like.dtype.kind != "c":
        raise DTypeError(f"gradient= is complex, the result {like.dtype}: take np.real of it.{user_line()}")
    g = g.astype(like.dtype) if g.dtype != like.dtype else g
    return g[()] if g.ndim == 0 else g


# ── rules on a vmap's batch ──────────────────────────────────────────────────────────────────────────────────────


_rules: list[Block] = []


def running_rules() -> Block:
    """Mark that this thread runs rules, not the user's function: there ``np.any(batch)`` means any of any example."""
    return Block(_rules)


def rules_at_work() -> bool:
    """Whether this thread is inside `running_rules`."""
    return bool(open_blocks(_rules))


class BranchOnBatch(LeavesGraphError):
    """A rule asked a vmap's batch a yes-or-no question: it has to answer for each example.

    Attributes
    ----------
    one_by_one : callable
        ``one_by_one(function, args)`` does that.
    """

    def __init__(self, text: str, one_by_one: Callable[[Any, tuple[Any, ...]], Any]) -> None:
        super().__init__(text)
        self.one_by_one = one_by_one
