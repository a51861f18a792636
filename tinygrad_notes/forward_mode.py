"""Forward mode: tangents pushed through a recorded graph, by the same rules that pull gradients back.

An elementwise function's pullback is its own transpose, so the rule is applied to the tangent. A linear function is
applied to the tangent. For the rest (sort, svd …) the pullback, which is linear in ``g``, is transposed once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .backward import Node, fit, gather, pull_back, seed_like
from .rules import Op, Parts
from .tensor import Tensor, apply_rule, handle, leaf_node, pull_back_recorded, recorded_arguments

__all__ = ["push_forward"]


def push_forward(root: Node, tangents: dict[Node, Any], start: int, record: bool) -> Any:
    """The tangent of `root`, or None when no tangent reaches it.

    Parameters
    ----------
    root : Node
    tangents : dict of Node to array or Tensor
        Tangents of the inputs, each of its node's shape. Those of the nodes on the way are added, so that a second
        root of the same graph finds them done.
    start : int
        Nodes made before this id are constants of this pass.
    record : bool
        Compute with Tensors, so that the tangent is itself a graph.
    """
    order, _, _ = gather(root, start)
    found = tangents
    for node in order:
        if node in found:
            continue
        moving = [(k, p) for k, p in enumerate(node.parents) if p in found]
        if moving:
            tangent = _node_tangent(node, [(k, found[p]) for k, p in moving], record)
            found[node] = tangent if type(tangent) is Parts else fit(tangent, node.like, node.op)
    return found.get(root)


def _node_tangent(node: Node, moving: list[tuple[int, Any]], record: bool) -> Any:
    op, rule = node.op, node.op.rule
    y, args = recorded_arguments(node) if record else (node.like, node.args)
    if rule.elementwise and (rule.holomorphic or not _is_complex(node, args)):
        return _with_axes(_total(op.vjps[k](t, y, *args) for k, t in moving), len(node.like.shape))
    if rule.linear == "jointly":
        filled = list(args)
        for position, parent in zip(op.which, node.parents, strict=True):
            filled[position] = _zeros(parent.like, _foreign(t for _, t in moving))
        for i in range(rule.inputs if not rule.variadic else len(filled)):
            if i not in op.which and (rule.variadic or rule.vjps[i] is not None):
                filled[i] = np.zeros_like(filled[i])[()]  # a plain number's 0 is a number, no array
        for k, t in moving:
            filled[op.which[k]] = t
        return _apply(op, filled)
    if rule.linear == "each":
        return _total(_apply(op, _with(args, op.which[k], t)) for k, t in moving)
    return _transposed(node, moving, y, args)


def _total(terms: Any) -> Any:
    total = None
    for term in terms:
        total = term if total is None else total + term
    return total


def _with_axes(t: Any, ndim: int) -> Any:
    """`t` of an input with fewer axes than the result: a constant beside it has the others."""
    return t if t.ndim >= ndim else t.reshape((1,) * (ndim - t.ndim) + t.shape)


def _with(args: tuple[Any, ...], position: int, value: Any) -> list[Any]:
    changed = list(args)
    changed[position] = value
    return changed


def _apply(op: Op, args: list[Any]) -> Any:
    """The function itself on arguments in the rule's own order, recorded if Tensors are among them."""
    y = apply_rule(op.rule, tuple(args), op.params) if any(isinstance(x, Tensor) for x in args) else op.forward(*args)
    return Parts(y) if type(y) is tuple else y


def _is_complex(node: Node, args: tuple[Any, ...]) -> bool:
    return any(getattr(getattr(x, "dtype", None), "kind", "f") == "c" for x in (node.like, *args))


def _foreign(values: Any) -> Any:
    """An array among some values that zeros beside it have to be like: the innermost vmap's batch, or a GPU's array."""
    plain = [x.data if isinstance(x, Tensor) else x for x in values]
    batch = max((x for x in plain if hasattr(x, "level")), key=lambda x: x.level, default=None)
    others = (x for x in plain if hasattr(x, "__array_function__") and not isinstance(x, (np.ndarray, np.generic)))
    return next(others, None) if batch is None else batch


def _zeros(like: Any, around: Any) -> Any:
    return np.zeros(like.shape, like.dtype) if around is None else np.zeros(like.shape, like.dtype, like=around)


def _transposed(node: Node, moving: list[tuple[int, Any]], y: Any, args: tuple[Any, ...]) -> Any:
    """J t, as the gradient of ⟨t, Jᵀg⟩ with respect to g (which is linear in g, so any g will do)."""
    likes = node.like.likes if type(node.like) is Parts else (node.like,)
    around = _foreign((*(t for _, t in moving), *args, *likes))
    starts = [leaf_node(_zeros(like, around)) for like in likes]
    fresh = tuple(handle(start.like, start) for start in starts)
    g: Any = Parts(fresh, tuple(likes)) if type(node.like) is Parts else fresh[0]
    turned = node.op.rule.holomorphic and likes[0].dtype.kind == "c"  # such rules are written without conjugates
    total: Any = 0.0
    for k, t in moving:
        want = node.parents[k].like
        part = node.op.vjps[k](np.conj(g) if turned else g, y, *args)
        part = part.conj() if turned else part
        if type(part) is Parts:
            for p, s in zip(part.values, t.values, strict=True):
                if p is not None and s is not None:
                    total = total + np.sum(np.real(np.conj(s) * p))
        else:
            part = fit(part, want, node.op)
            if isinstance(part, Tensor) or isinstance(t, Tensor):
                total = total + np.sum(np.real(np.conj(t) * part))
    found: dict[Node, Any] = {}
    if isinstance(total, Tensor) and total.node is not None:
        order, uses, outer = gather(total.node, starts[0].id)
        one = seed_like(total.node, None)
        found = pull_back_recorded(total.node, one, starts[0].id, set(starts)) if outer else pull_back(order, uses, one)
    result = tuple(found[s] if s in found else np.zeros_like(s.like) for s in starts)
    return Parts(result, tuple(likes)) if type(node.like) is Parts else result[0]
