"""NumPy whose ``np.random`` can be started again, for the formulas that draw numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["drawing"]


class _SeededNumPy:
    """NumPy itself, except that ``random`` is a generator of its own."""

    def __init__(self) -> None:
        self.random = np.random.RandomState(0)

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


def drawing(**more: Any) -> dict[str, Any]:
    """Return what a formula that calls ``np.random.randn`` may use.

    A check begins with ``run.using["np"].random.seed(1)``. Nothing is shared with NumPy's own global generator, so
    deciding a formula leaves the caller's numbers alone.

    Examples
    --------
    >>> np = drawing()["np"]
    >>> np.random.seed(1)
    >>> np.random.randn(2).round(3), np.ones(2)
    (array([ 1.624, -0.612]), array([1., 1.]))
    """
    return {"np": _SeededNumPy(), **more}
