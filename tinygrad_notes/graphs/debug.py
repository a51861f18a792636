"""`tn.debug`: record where each operation was called, and stop at the first NaN or inf.

Outside the block nothing is there to cost anything: like `scope` and call sites, the check rides on the function
that gives nodes their ids, which is swapped while a block is open. For the walk back, `pull_back` is swapped too,
where `backward()` and the transforms find it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import tensor as heart
from .. import transforms
from ..backward import Node, pull_back
from ..errors import NonFiniteError, user_frame, user_line
from ..recording import call_sites, watcher
from ..rules import Parts
from .elements import has_nan, is_finite
from .formulas import number
from .graph import Graph
from .names import names_of_frame
from .nonfinite import Origin, first_bad_gradient, origin_of_value
from .why import source_lines

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["debug"]

_lock = threading.Lock()
_open = 0  # blocks, of all threads
_WALKERS: tuple[ModuleType, ...] = (heart, transforms)


@contextmanager
def debug() -> Iterator[None]:
    """Record call sites, and raise at the first NaN or inf that an operation or its backward step makes.

    In this thread, for Tensors that are tracked. An inf that was put in on purpose (``np.where(mask, scores,
    -np.inf)``) may pass through; a NaN may not. NumPy's own warnings are off inside. Costs time and memory inside the
    block, nothing outside.

    Raises
    ------
    NonFiniteError
        With the operation, your line, the operands' values and names, the entry, and what to write instead.

    Examples
    --------
    >>> import tinygrad_notes as tn
    >>> x = tn.Tensor([2.0, 0.0])
    >>> try:
    ...     with tn.debug():
    ...         y = np.log(x)
    ... except tn.errors.NonFiniteError as error:
    ...     print(error)
    log made -inf: forward, log(x)[1] = -inf from x[1] = 0: log(0) is -inf
      at <doctest tinygrad_notes.graphs.debug.debug[2]>:3:  y = np.log(x)
    To do: keep x away from 0: np.log(x + 1e-12), or np.maximum(x, 1e-12)
    """
    before = np.geterr()
    try:
        with _walking_watched(), call_sites(_watch), np.errstate(all="ignore"):
            yield
    finally:
        np.seterr(**before)  # which np.errstate may leave undone when Ctrl-C hits it


@contextmanager
def _walking_watched() -> Iterator[None]:
    global _open
    entered = False
    try:  # before the first change: Ctrl-C may come between any two of these lines
        with _lock:
            _open += 1
            entered = True
            for module in _WALKERS:
                module.pull_back = _watched_pull_back  # type: ignore[attr-defined]
        yield
    finally:
        if entered:
            with _lock:
                _open -= 1
                if not _open:
                    for module in _WALKERS:
                        module.pull_back = pull_back  # type: ignore[attr-defined]


# ── forward ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _watch(node: Node, value: Any) -> None:
    while hasattr(value, "level"):  # a vmap's batch
        value = value.data
    if is_finite(value):
        return
    if not has_nan(value) and any(_holds_inf(argument) for argument in _arguments(node)):
        return
    if hasattr(node.like, "level"):
        raise _error(
            node.op.name, f"in vmap, {node.op.name} made a number that isn't finite in at least one example", "", []
        )
    graph = _graph(node, gradients=False)
    graph.root.name, graph._formulas = None, None  # no variable has it yet: its formula says more than a made-up name
    raise _explained(origin_of_value(graph.root))


def _arguments(node: Node) -> tuple[Any, ...]:
    """What went in: constants and kept values as they are, the others computed again."""
    if all(node.op.keep[place] for place in node.op.which):
        return node.args
    root = _graph(node, gradients=False).root
    return root.arguments()


def _holds_inf(value: Any) -> bool:
    while hasattr(value, "level"):
        value = value.data
    return not is_finite(value)


# ── backward ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _watched_pull_back(
    order: list[Node], uses: dict[Node, int], seed: Any, *how: bool, **named: bool
) -> dict[Node, Any]:
    in_vmap = any(hasattr(node.like, "level") for node in order)
    if not watcher() or in_vmap or type(seed) is Parts:
        return pull_back(order, uses, seed, *how, **named)
    root = order[-1]
    earlier = root.grad
    root.grad = seed
    try:
        origin = first_bad_gradient(_graph(root, gradients=True))
    finally:
        root.grad = earlier
    if origin is not None:
        raise _explained(origin)
    del root
    return pull_back(order, uses, seed, *how, **named)


# ── the error ────────────────────────────────────────────────────────────────────────────────────────────────────


def _graph(node: Node, gradients: bool) -> Graph:
    return Graph(node, gradients=gradients, names=names_of_frame(user_frame()))


def _explained(origin: Origin) -> NonFiniteError:
    what = "a number that isn't finite" if origin.node.is_leaf or origin.edge is not None else _result(origin)
    lines = source_lines(origin.node) or [user_line().lstrip("\n")]
    return _error(origin.node.op.name, f"{origin.step} made {what}: {origin.what}", origin.advice, lines)


def _error(op: str, text: str, advice: str, lines: list[str]) -> NonFiniteError:
    error = NonFiniteError("\n".join([text, *filter(None, lines), *([f"To do: {advice}"] if advice else [])]))
    error.op = op
    return error


def _result(origin: Origin) -> str:
    value = origin.node.value
    return str(number(value[origin.index] if origin.node.shape else value))
