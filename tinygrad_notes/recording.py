"""What is recorded with an operation, and whether anything is: `no_grad`, `scope`, call sites. Costs nothing unused."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from . import tensor as heart
from .backward import here
from .errors import user_frame

__all__ = ["Mark", "call_sites", "no_grad", "scope"]

_lock = threading.Lock()


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without recording, in this thread.

    Examples
    --------
    >>> from tinygrad_notes import Tensor
    >>> w = Tensor(1.0)
    >>> with no_grad():
    ...     w -= 0.25                 # an optimiser's step: writes w.data, w stays a leaf
    >>> w
    Tensor(0.75)
    """
    with _lock:
        heart.paused += 1
    here.no_grad = getattr(here, "no_grad", 0) + 1
    try:
        yield
    finally:
        here.no_grad -= 1
        with _lock:
            heart.paused -= 1


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
_marking = 0


def _marked_next_id() -> int:
    scopes: tuple[str, ...] = getattr(here, "scopes", ())
    sites: bool = getattr(here, "sites", False)
    if not scopes and not sites:
        return _plain_next_id()
    mark = Mark(_plain_next_id())
    mark.scope, mark.code, mark.lasti, mark.line = scopes, None, -1, None
    if sites:
        frame = user_frame()
        if frame is not None:
            mark.code, mark.lasti, mark.line = frame.f_code, frame.f_lasti, frame.f_lineno
    watcher = getattr(here, "watcher", None)
    if watcher:
        recorder = sys._getframe(1).f_locals  # of an operator from a template, of make_node, or (no y) of leaf_node
        if "y" in recorder:
            node = recorder["node"]
            node.id, node.grad = mark, None
            watcher(node, recorder["y"])
    return mark


@contextmanager
def _marks(**state: Any) -> Iterator[None]:
    global _marking
    before = {key: getattr(here, key, None) for key in state}
    with _lock:
        _marking += 1
        heart.next_id = _marked_next_id
    here.__dict__.update(state)
    try:
        yield
    finally:
        for key, value in before.items():
            setattr(here, key, value or (() if key == "scopes" else False))
        with _lock:
            _marking -= 1
            if not _marking:
                heart.next_id = _plain_next_id


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Name a region of the graph: a box in pictures, a layer in summaries.

    Parameters
    ----------
    name : str
        Shown as the box's title; scopes nest.

    Examples
    --------
    >>> from tinygrad_notes import Tensor
    >>> x = Tensor(2.0)
    >>> with scope("layer 1"):
    ...     y = x * 3
    >>> y.node.id.scope
    ('layer 1',)
    """
    with _marks(scopes=(*getattr(here, "scopes", ()), str(name))):
        yield


@contextmanager
def call_sites(watcher: Callable[[Any, Any], None] | None = None) -> Iterator[None]:
    """Record the user's code position with every operation, in this thread.

    Parameters
    ----------
    watcher : callable, optional
        Called as ``watcher(node, value)`` for every operation; may raise.
    """
    state = {"sites": True} if watcher is None else {"sites": True, "watcher": watcher}
    with _marks(**state):
        yield
