"""Tables for whoever reads them: rich's in a terminal, plain aligned text in a pipe or a file."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from typing import TextIO

__all__ = ["in_notebook", "is_watched", "print_table"]

COLOURS = {"right": "green", "wrong": "bold red", "cannot tell": "yellow"}


def is_watched(out: TextIO | None = None) -> bool:
    """Whether somebody reads this in a terminal that rich can colour.

    Examples
    --------
    >>> import io
    >>> is_watched(io.StringIO())
    False
    """
    out = sys.stdout if out is None else out
    return out.isatty() and find_spec("rich") is not None


def in_notebook() -> bool:
    """Whether this is a notebook's process, which shows what it is given as HTML: ipykernel's shell is at work here.

    Examples
    --------
    >>> in_notebook()
    False
    """
    interactive = sys.modules.get("IPython")
    return interactive is not None and hasattr(interactive.get_ipython(), "kernel")


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    out: TextIO | None = None,
    right: Sequence[str] = (),
    colours: Mapping[str, str] | None = None,
) -> None:
    """Print a table.

    Parameters
    ----------
    columns : sequence of str
    rows : iterable of sequences of str
    out : file, optional
        Standard output by default.
    right : sequence of str
        Columns of numbers, which stand to the right.
    colours : mapping of str to str, optional
        rich's style of a cell of that text; the verdicts' by default.

    Examples
    --------
    >>> print_table(["name", "steps"], [["chain", "12"], ["sum", "3"]], right=["steps"])
    name   steps
    chain     12
    sum        3
    """
    out = sys.stdout if out is None else out
    table = [list(row) for row in rows]
    if is_watched(out):
        _print_rich(columns, table, out, right, COLOURS if colours is None else colours)
        return
    widths = [max(map(len, column)) for column in zip(columns, *table, strict=True)]
    for row in (list(columns), *table):
        cells = (
            cell.rjust(width) if name in right else cell.ljust(width)
            for name, cell, width in zip(columns, row, widths, strict=True)
        )
        print("  ".join(cells).rstrip(), file=out)


def _print_rich(
    columns: Sequence[str], rows: Iterable[Sequence[str]], out: TextIO, right: Sequence[str], colours: Mapping[str, str]
) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style=colours.get(cell, "")) for cell in row))
    Console(file=out).print(table)
