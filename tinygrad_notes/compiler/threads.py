"""Blocks of rows on one thread or several: NumPy lets go of Python's lock while it computes.

The threads take blocks from one queue. Every block writes to its own rows and its own parts of sums, so the result
doesn't depend on who took which.
"""

from __future__ import annotations

import contextvars
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np

__all__ = ["for_threads", "in_blocks"]

MOST = 64
"""Threads of the pool, which starts them as they are needed."""

SHORTEST = 512
"""Entries of a row that is worth a call of its own of a ufunc's inner loop."""

Arrays = tuple[np.ndarray[Any, Any], ...]

_pool: ThreadPoolExecutor | None = None


def _shared_pool() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(MOST, "tinygrad_notes")
    return _pool


def _forget_pool() -> None:
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)  # its threads stayed with the parent


def for_threads(scratch: Arrays, threads: int) -> list[Arrays]:
    """A set of the same arrays for each thread."""
    return [scratch, *(tuple(map(np.empty_like, scratch)) for _ in range(threads - 1))]


def in_blocks(block: Callable[..., None], count: int, rows: int, scratch: list[Arrays], width: int = 1) -> None:
    """Call ``block(k, slice, *arrays)`` for each block of `count` rows, on as many threads as `scratch` is for.

    While they run, NumPy's buffer is as long as a row of `width` entries: with a longer one, an operation of rows and
    one number per row copies both into it first, which takes longer than the operation.
    """
    before = np.getbufsize()
    if SHORTEST <= width < before:
        np.setbufsize(-(-width // 16) * 16)
    try:
        _in_blocks(block, count, rows, scratch)
    finally:
        np.setbufsize(before)


def _in_blocks(block: Callable[..., None], count: int, rows: int, scratch: list[Arrays]) -> None:
    blocks = -(-count // rows)
    if len(scratch) == 1 or blocks == 1:
        _work(block, count, rows, scratch[0], range(blocks))
        return
    queue = deque(range(blocks))
    others = [
        _shared_pool().submit(contextvars.copy_context().run, _work, block, count, rows, arrays, _taken(queue))
        for arrays in scratch[1:]
    ]
    try:
        _work(block, count, rows, scratch[0], _taken(queue))
    finally:
        queue.clear()  # empty unless that failed
        wait(future for future in others if not future.cancel())
    for future in others:
        if not future.cancelled():
            future.result()


def _taken(queue: deque[int]) -> Iterator[int]:
    while True:
        try:
            yield queue.popleft()
        except IndexError:
            return


def _work(block: Callable[..., None], count: int, rows: int, arrays: Arrays, numbers: Iterable[int]) -> None:
    for k in numbers:
        start = k * rows
        if start + rows > count:
            arrays = tuple(a[: count - start] for a in arrays)  # the last block has fewer
        block(k, slice(start, min(start + rows, count)), *arrays)
