"""What an experiment returns: rows beside the notes' numbers, remarks, a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...train.figures import new_figure as empty_figure

__all__ = ["Result", "new_figure"]


@dataclass
class Result:
    """The table of one experiment.

    Attributes
    ----------
    name, title : str
    rows : list of dict
        Each has "model", "train" and "test" (percent right, None where there is none), and what else was measured.
    remarks : list of str
        What to know when reading the rows.
    draw : callable
        ``draw() -> matplotlib figure``.

    Examples
    --------
    >>> print(Result("demo", "A demonstration", [{"model": "line", "train": 47.0, "notes": "47"}]))
    A demonstration
    <BLANKLINE>
    model  train  test  notes
    line   47     –     47
    """

    name: str
    title: str
    rows: list[dict[str, Any]]
    remarks: list[str] = field(default_factory=list)
    draw: Callable[[], Any] | None = None

    def __post_init__(self) -> None:
        self.rows = [{"model": None, "train": None, "test": None, **row} for row in self.rows]

    def to_json(self) -> dict[str, Any]:
        """The rows and remarks as plain data."""
        return {"experiment": self.name, "rows": self.rows, "remarks": self.remarks}

    def save_picture(self, path: str | Path) -> Path:
        """Draw the picture into a file (svg, png or pdf by its name)."""
        if self.draw is None:
            raise ValueError(f"{self.name} has no picture")
        self.draw().savefig(path, dpi=150)
        return Path(path)

    def __str__(self) -> str:
        columns = list(dict.fromkeys(key for row in self.rows for key in row))
        if all(row[key] is None for row in self.rows for key in ("train", "test")):
            columns = [key for key in columns if key not in ("train", "test")]
        table = [columns, *([_shown(row.get(key)) for key in columns] for row in self.rows)]
        widths = [max(len(line[k]) for line in table) for k in range(len(columns))]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in table]
        remarks = [f"* {remark}" for remark in self.remarks]
        return "\n".join([self.title, "", *lines, *([""] if remarks else []), *remarks])


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return " ".join(_shown(v) for v in value)
    return str(value)


def new_figure(panels: int, width: float = 4.0, height: float = 3.4) -> tuple[Any, list[Any]]:
    """A figure with panels side by side, without matplotlib's global state."""
    figure = empty_figure(width * panels, height, "the picture of an experiment")
    axes = list(figure.subplots(1, panels, squeeze=False)[0])
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes
