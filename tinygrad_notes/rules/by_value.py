"""Where a rule's way depends on values: what a compiled program, which is traced once for all values, does there."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

__all__ = ["anywhere", "as_one_call"]

Array = Any


def anywhere(condition: Any) -> bool:
    """Whether any entry of `condition` is True, for a rule that has a quick way where none is.

    A compiled program is traced once, for all values: it is told True, so the way for True has to be right everywhere.
    """
    return bool(np.any(condition))


def as_one_call(f: Callable[..., Array], check: bool = False) -> Callable[..., Array]:
    """A function of plain arrays whose way depends on their values: a compiled program calls it at each run.

    A `check` raises or warns: it is called even where nobody reads what it returns.
    """

    @wraps(f)
    def called(*args: Any, **kwargs: Any) -> Array:
        for x in args:
            record = getattr(type(x), "__record_call__", None)
            if record is not None:
                recorded: Array = record(x, f, args, kwargs, check)
                return recorded
        return f(*args, **kwargs)

    return called
