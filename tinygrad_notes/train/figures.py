"""Figures that show themselves in a notebook, whether or not pyplot is at work there."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from ..errors import missing_extra

__all__ = ["new_figure"]


def new_figure(width: float, height: float, purpose: str) -> Any:
    """An empty matplotlib figure, without matplotlib's global state.

    Parameters
    ----------
    width, height : float
        In inches.
    purpose : str
        What needs it, for the error.

    Raises
    ------
    MissingExtraError
        Without matplotlib.

    Examples
    --------
    >>> new_figure(3, 2, "a picture")._repr_png_()[1:4]
    b'PNG'
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise missing_extra("matplotlib", "plot", purpose) from error

    class ShownFigure(Figure):
        def _repr_png_(self) -> bytes:
            stream = BytesIO()
            self.savefig(stream, format="png")
            return stream.getvalue()

    return ShownFigure(figsize=(width, height), layout="constrained")
