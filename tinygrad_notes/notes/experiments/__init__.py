"""The notes' programming assignments, run again: each returns its table beside the notes' numbers, and a picture.

``tinygrad-notes train planar`` runs one from the command line.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import Any

from ...errors import BadInputError, user_line
from .cats import cats
from .gradcheck import gradcheck
from .initialisation import initialisation
from .planar import planar
from .regularisation import regularisation
from .result import Result
from .vanishing import vanishing
from .vectorisation import vectorisation

__all__ = ["EXPERIMENTS", "Result", "run"]

EXPERIMENTS: dict[str, Callable[..., Result]] = {
    f.__name__: f for f in (planar, initialisation, regularisation, gradcheck, cats, vectorisation, vanishing)
}


def run(
    name: str, *, steps: int | None = None, data: str | os.PathLike[str] | None = None, progress: bool | None = None
) -> Result:
    """Run one experiment.

    Parameters
    ----------
    name : str
        planar, initialisation, regularisation, gradcheck, cats, vectorisation or vanishing.
    steps : int, optional
        Fewer steps than the notes took (in `vanishing` layers, in `vectorisation` the largest n).
    data : path, optional
        Your own copy of the course's data: ``data.mat`` for regularisation, the folder of the h5 files for cats.
    progress : bool, optional
        A progress bar; by default where somebody is watching.

    Raises
    ------
    BadInputError
        For an unknown name, or an option the experiment doesn't have.

    Examples
    --------
    >>> row = run("vanishing").rows[0]
    >>> f"{row['activation / input']:.2e} = 1.5^149"
    '1.73e+26 = 1.5^149'
    """
    if name not in EXPERIMENTS:
        raise BadInputError(f"no experiment {name!r}; there are {', '.join(EXPERIMENTS)}.{user_line()}")
    experiment = EXPERIMENTS[name]
    takes = inspect.signature(experiment).parameters
    options: dict[str, Any] = {"progress": progress} if "progress" in takes else {}
    for option, value in (("steps", steps), ("data", data)):
        if value is None:
            continue
        if option not in takes:
            raise BadInputError(f"{name} has no --{option}.{user_line()}")
        options[option] = value
    return experiment(**options)
