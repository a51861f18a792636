"""The progress bar of `fit`: rich's, in a terminal or a notebook, updated ten times a second at most."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import missing_extra

__all__ = ["progress_bar"]

Show = Callable[[int, dict[str, Any]], None]


@contextmanager
def progress_bar(wanted: bool | None, epochs: int) -> Iterator[Show]:
    """Yield ``show(epoch, row)``, which draws the bar or does nothing.

    Parameters
    ----------
    wanted : bool or None
        None: if rich is installed and standard error is a terminal, or this is a notebook.
    epochs : int

    Raises
    ------
    MissingExtraError
        If it is wanted and rich is not installed.

    Examples
    --------
    >>> with progress_bar(False, 10) as show:
    ...     show(1, {"loss": 0.5})
    """
    if wanted is False or (wanted is None and not _watched()):
        yield lambda _epoch, _row: None
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError as error:
        if wanted is None:
            yield lambda _epoch, _row: None
            return
        raise missing_extra("rich", "train", "the progress bar") from error
    console = Console()
    if not console.is_jupyter:
        console = Console(stderr=True)
    columns = (
        TextColumn("epoch"),
        MofNCompleteColumn(),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=epochs)
        shown = 0.0

        def show(epoch: int, row: dict[str, Any]) -> None:
            nonlocal shown
            now = time.monotonic()
            if now - shown > 0.1 or epoch == epochs:
                shown = now
                numbers = "  ".join(f"{key} {value:.4g}" for key, value in row.items() if key not in ("epoch", "step"))
                bar.update(task, completed=epoch, description=numbers)

        yield show


def _watched() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules
