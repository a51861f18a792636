"""A drawing as SVG: laid out by the engine that is there, or by our own plain layout."""

from __future__ import annotations

import sys

from .dot import write_dot
from .drawing import Drawing
from .layout import TooSlow, find_engine, lay_out, no_engine

__all__ = ["picture"]


def picture(drawing: Drawing, timeout: float | None = None) -> str:
    """Draw it.

    Parameters
    ----------
    drawing : Drawing
    timeout : float, optional
        How many seconds the layout may take. Without it, 20; then our own plain layout is used.

    Raises
    ------
    DrawingError
        If the engine fails, or takes longer than the time given.
    """
    from .layered import plain_svg
    from .svg import finish_svg, picture_id

    dot, engine = write_dot(drawing), find_engine()
    name = picture_id(dot)
    if engine is None:
        print(f"{no_engine('a better layout')} (this one is plain)", file=sys.stderr)
        return plain_svg(drawing, name)
    try:
        return finish_svg(lay_out(engine, dot, "svg", timeout), drawing, name)
    except TooSlow as slow:
        if timeout is not None:
            raise
        print(f"{slow} (this is our own plain layout)", file=sys.stderr)
        return plain_svg(drawing, name)
