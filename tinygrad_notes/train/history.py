"""What happened in a training run, row by row, and how to read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..errors import BadInputError, user_line
from .figures import new_figure
from .metrics import Reading, bias_variance

__all__ = ["History"]


@dataclass
class History:
    """One row per recorded epoch: ``epoch``, ``step``, ``loss`` and what else `fit` was asked to measure.

    Attributes
    ----------
    rows : list of dict

    Examples
    --------
    >>> history = History([{"epoch": 1, "loss": 0.7}, {"epoch": 2, "loss": 0.5}])
    >>> history["loss"]
    [0.7, 0.5]
    >>> history
    History(2 rows: epoch 2, loss 0.5)
    """

    rows: list[dict[str, Any]] = field(default_factory=list)

    def __getitem__(self, name: str) -> list[Any]:
        """The column `name`, over the rows that have it."""
        found = [row[name] for row in self.rows if name in row]
        if not found:
            known = ", ".join(sorted({key for row in self.rows for key in row})) or "no rows yet"
            raise BadInputError(f"nothing recorded as {name!r}; there is: {known}.{user_line()}")
        return found

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        last = ", ".join(
            f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
            for key, value in (self.rows[-1] if self.rows else {}).items()
            if key != "step"
        )
        return f"History({len(self.rows)} rows{': ' if last else ''}{last})"

    def reading(self, human_error: float = 0.0, high: float = 0.05) -> Reading:
        """The notes' reading of bias and variance, from the last ``train_error`` and ``dev_error``.

        Parameters
        ----------
        human_error : float
            What stands for the best possible error.
        high : float
            From how much on bias or variance is called high.

        Raises
        ------
        BadInputError
            If they weren't measured: ``fit(..., dev=(X, Y), metrics={"error": f})``.

        Examples
        --------
        >>> print(History([{"epoch": 1, "train_error": 0.15, "dev_error": 0.16}]).reading())
        avoidable bias 15.0 points, variance 1.0 points: high bias: bigger network, train longer, another architecture
        """
        return bias_variance(self["train_error"][-1], self["dev_error"][-1], human_error, high)

    def plot(self) -> Any:
        """Draw the losses, and the other measurements below them, against the epoch.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        MissingExtraError
            Without matplotlib.

        Examples
        --------
        >>> len(History([{"epoch": 1, "loss": 0.7}, {"epoch": 2, "loss": 0.5}]).plot().axes)
        1
        """
        names = sorted({key for row in self.rows for key in row} - {"epoch", "step"})
        losses = [name for name in names if "loss" in name]
        others = [name for name in names if name not in losses]
        figure = new_figure(6, 3.2 if not others else 5, "History.plot()")
        panels = figure.subplots(2 if others else 1, 1, sharex=True, squeeze=False)[:, 0]
        for axes, group in zip(panels, (losses, others), strict=False):
            for name in group:
                epochs = [row["epoch"] for row in self.rows if name in row]
                axes.plot(epochs, self[name], label=name)
            axes.legend(frameon=False)
            axes.spines[["top", "right"]].set_visible(False)
        panels[-1].set_xlabel("epoch")
        if {"train_error", "dev_error"} <= set(names):
            figure.suptitle(self.reading().text.replace(": ", ":\n", 1), fontsize=9)
        return figure
