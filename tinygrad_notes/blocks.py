"""With-blocks that are left in a single step, so that Ctrl-C comes before or after it but never in between.

``no_grad`` and ``scope`` are states of a thread. Were they undone by Python code, an interrupt at its first line would
leave them on. Here the state *is* a lock that is held, and ``with`` is given the lock's own ``__exit__``, which is C.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ContextDecorator, suppress
from typing import Any

__all__ = ["Block", "open_blocks"]

_here = threading.local()


class Block(ContextDecorator):
    """One with-block, or (as a decorator) one per call.

    Parameters
    ----------
    among : list of Block
        Where it is entered: the blocks of its kind, of all threads.
    begin : callable
        Called on the way in.
    says : dict
        What the block is for.
    """

    __slots__ = ("__exit__", "among", "begin", "entered", "lock", "says", "thread")

    __exit__: Callable[..., None]

    def __init__(self, among: list[Block], begin: Callable[[], None] = lambda: None, **says: Any) -> None:
        self.among: list[Block] = among
        self.begin: Callable[[], None] = begin
        self.says: dict[str, Any] = says
        self.lock: threading.Lock = threading.Lock()
        self.__exit__ = self.lock.__exit__
        self.entered: bool = False
        self.thread: object = None

    def __enter__(self) -> None:
        if self.thread is not None:
            raise RuntimeError("this block was entered before; make a new one")
        self.thread = _here.__dict__.setdefault("me", object())
        open_blocks(self.among)  # forget the ones that were left
        try:
            self.among.append(self)
            self.begin()
            self.lock.acquire()
            self.entered = True  # with this, the last step, it is one that `open_blocks` forgets once it is left
        except BaseException:
            if self.lock.locked():
                self.lock.release()
            self.entered = True
            raise

    def _recreate_cm(self) -> Block:
        """For a decorator: one block per call."""
        return Block(self.among, self.begin, **self.says)


def open_blocks(blocks: list[Block]) -> list[Block]:
    """Those that this thread is inside of, outermost first. Forgets the ones that were left, of any thread.

    Examples
    --------
    >>> blocks = []
    >>> with Block(blocks, name="a"):
    ...     [block.says["name"] for block in open_blocks(blocks)]
    ['a']
    >>> open_blocks(blocks), blocks
    ([], [])
    """
    me, mine = getattr(_here, "me", None), []
    for block in tuple(blocks):
        entered = block.entered  # asked first: a block that was entered and holds no lock now is over
        if block.lock.locked():
            if block.thread is me:
                mine.append(block)
        elif entered:
            with suppress(ValueError):  # another thread was faster
                blocks.remove(block)
    return mine
