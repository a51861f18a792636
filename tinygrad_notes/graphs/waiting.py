"""A long layout shows how long it has been at it: rich's bar in a terminal, the browser's in a notebook."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ..terminal import in_notebook

__all__ = ["waiting"]

PATIENCE = 1.0  # seconds before anything is shown: most layouts are done by then
STEP = 0.2


@contextmanager
def waiting(limit: float) -> Iterator[None]:
    """Show the seconds used of `limit` while the block runs, if somebody watches; nothing in a script's log.

    Parameters
    ----------
    limit : float
        Seconds that the layout may take.

    Examples
    --------
    >>> with waiting(20.0):
    ...     pass
    """
    show = _in_a_notebook if in_notebook() else _in_a_terminal if _is_watched() else None
    if show is None:
        yield
        return
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(show, done, limit), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _is_watched() -> bool:
    return sys.stderr is not None and sys.stderr.isatty() and find_spec("rich") is not None


def _watch(show: Callable[[threading.Event, float], None], done: threading.Event, limit: float) -> None:
    if not done.wait(PATIENCE):
        show(done, limit)


def _in_a_terminal(done: threading.Event, limit: float) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("laying out the graph"), BarColumn(), TextColumn("{task.completed:.0f} of {task.total:g} s"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task, start = bar.add_task("", total=limit), time.monotonic()
        while not done.wait(STEP):
            bar.update(task, completed=PATIENCE + time.monotonic() - start)


def _in_a_notebook(done: threading.Event, limit: float) -> None:
    display: Any = import_module("IPython.display")

    def html(seconds: float) -> Any:
        bar = f'<progress value="{seconds:.1f}" max="{limit:g}"></progress>'
        return display.HTML(f"{bar} laying out the graph, {seconds:.0f} of {limit:g} s")

    shown, start = display.display(html(PATIENCE), display_id=True), time.monotonic()
    while not done.wait(STEP):
        shown.update(html(PATIENCE + time.monotonic() - start))
    shown.update(display.HTML(""))
