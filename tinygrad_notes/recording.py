"""What is recorded with an operation, and whether anything is: `no_grad`, `scope`, call sites. Costs nothing unused."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from . import tensor as heart
from .blocks import Block, open_blocks
from .errors import user_frame

__all__ = ["Mark", "call_sites", "no_grad", "scope", "watcher"]


def no_grad() -> Block:
    """Compute without recording, in this thread.

    Returns
    -------
    context manager
        Also a decorator: ``@no_grad()``.

    Examples
    --------
    >>> from tinygrad_notes import Tensor
    >>> w = Tensor(1.0)
    >>> with no_grad():
    ...     w -= 0.25                 # an optimiser's step: writes w.data, w stays a leaf
    >>> w
    Tensor(0.75)
    """
    return Block(heart.paused)


class Mark(int):
    """A node id that also knows its scope and the user's line; used only while somebody asked for that.

    Attributes
    ----------
    scope : tuple of str
        The names of the `scope` blocks around the operation, outermost first.
    code, lasti, line : code object, int, int
        The user's code, the instruction that recorded the node, and its line. None outside call-site recording.
    """

    scope: tuple[str, ...]
    code: Any
    lasti: int
    line: int | None


_plain_next_id = heart.next_id
_marks: list[Block] = []
_lock = threading.Lock()


def _after_fork() -> None:
    """In the child: the other threads are gone, in whatever they were."""
    global _lock
    _lock = threading.Lock()
    for blocks in (heart.paused, _marks):
        blocks[:] = open_blocks(blocks)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _begin_marking() -> None:
    with _lock:
        heart.next_id = _marked_next_id


def _marked_next_id() -> int:
    blocks = open_blocks(_marks)
    if not blocks:
        with _lock:
            if not _marks:
                heart.next_id = _plain_next_id
        return _plain_next_id()
    mark = Mark(_plain_next_id())
    mark.scope = open_scopes()
    mark.code, mark.lasti, mark.line = None, -1, None
    if any("watcher" in block.says for block in blocks):
        frame = user_frame()
        if frame is not None:
            mark.code, mark.lasti, mark.line = frame.f_code, frame.f_lasti, frame.f_lineno
    watch = watcher()
    if watch:
        recorder = sys._getframe(1).f_locals  # of an operator from a template, of make_node, or (no y) of leaf_node
        if "y" in recorder:
            node = recorder["node"]
            node.id, node.grad = mark, None
            watch(node, recorder["y"])
    return mark


def open_scopes() -> tuple[str, ...]:
    """The names of the scopes that this thread is in, outermost first."""
    return tuple(block.says["scope"] for block in open_blocks(_marks) if "scope" in block.says)


def watcher() -> Callable[[Any, Any], None] | None:
    """What this thread's `call_sites` blocks were told to call, the innermost first."""
    found = [block.says["watcher"] for block in open_blocks(_marks) if block.says.get("watcher")]
    return found[-1] if found else None


def scope(name: str) -> Block:
    """Name a region of the graph: a box in pictures, a layer in summaries.

    Parameters
    ----------
    name : str
        Shown as the box's title; scopes nest.

    Returns
    -------
    context manager
        Also a decorator: ``@scope("layer 1")``.

    Examples
    --------
    >>> from tinygrad_notes import Tensor
    >>> x = Tensor(2.0)
    >>> with scope("layer 1"):
    ...     y = x * 3
    >>> y.node.id.scope
    ('layer 1',)
    """
    return Block(_marks, _begin_marking, scope=str(name))


def call_sites(watcher: Callable[[Any, Any], None] | None = None) -> Block:
    """Record the user's code position with every operation, in this thread.

    Parameters
    ----------
    watcher : callable, optional
        Called as ``watcher(node, value)`` for every operation; may raise.

    Returns
    -------
    context manager
    """
    return Block(_marks, _begin_marking, watcher=watcher)
