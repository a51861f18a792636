"""The progress bar of `fit`: rich's in a terminal, the browser's in a notebook; ten times a second at most."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from ..errors import missing_extra
from ..terminal import in_notebook

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
    if in_notebook():
        yield _in_a_notebook(epochs)
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError as error:
        if wanted is None:
            yield lambda _epoch, _row: None
            return
        raise missing_extra("rich", "train", "the progress bar") from error
    columns = (
        TextColumn("epoch"),
        MofNCompleteColumn(),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=epochs)
        yield _now_and_then(epochs, lambda epoch, row: bar.update(task, completed=epoch, description=_numbers(row)))


def _in_a_notebook(epochs: int) -> Show:
    """The browser's own progress bar: needs nothing but IPython, which a notebook has."""
    display = import_module("IPython.display")

    def html(epoch: int, row: dict[str, Any]) -> Any:
        return display.HTML(
            f'<progress value="{epoch}" max="{epochs}"></progress> epoch {epoch}/{epochs} {_numbers(row)}'
        )

    shown = display.display(html(0, {}), display_id=True)
    return _now_and_then(epochs, lambda epoch, row: shown.update(html(epoch, row)))


def _now_and_then(epochs: int, draw: Show) -> Show:
    """`draw`, ten times a second at most, and at the end."""
    drawn = 0.0

    def show(epoch: int, row: dict[str, Any]) -> None:
        nonlocal drawn
        now = time.monotonic()
        if now - drawn > 0.1 or epoch == epochs:
            drawn = now
            draw(epoch, row)

    return show


def _numbers(row: dict[str, Any]) -> str:
    return "  ".join(f"{key} {value:.4g}" for key, value in row.items() if key not in ("epoch", "step"))


def _watched() -> bool:
    return sys.stderr.isatty() or in_notebook()
