"""The blame map: right steps green, the first wrong one red, those wrong only because of it amber."""

from __future__ import annotations

from dataclasses import dataclass, field

from .first_wrong import FirstWrong, Verdicts
from .outputs import owner
from .tape import Tape

__all__ = ["Blame", "blame_map"]

COLOURS = {"right": "#2e7d32", "wrong": "#c62828", "because": "#ef8f00"}
"""Green, red, amber; each reads on light and dark ground."""


@dataclass(slots=True)
class Blame:
    """A verdict for every gradient of the cost that the user's function also computes.

    Attributes
    ----------
    verdicts : dict of str to str
        The cost's variable (``Z1``) to ``right``, ``wrong`` (the first) or ``because`` (wrong because of it).
    hand : dict of str to str
        The cost's variable to the user's (``Z1`` to ``dZ1``).
    tape : Tape
        The cost the picture is of.
    """

    verdicts: dict[str, str] = field(default_factory=dict)
    hand: dict[str, str] = field(default_factory=dict)
    tape: Tape | None = None


def blame_map(tape: Tape, verdicts: Verdicts, first: FirstWrong | None) -> Blame:
    """Which of the cost's variables have a right gradient in the user's function."""
    names = [name for step in tape.steps for name in step.names]
    found = Blame(tape=tape)
    order = list(dict.fromkeys(a.name for a in verdicts.order))
    seen_first = False
    for name in order:
        of = owner(name, names) if name not in names else None
        if of is None:
            continue
        if name in verdicts.right:
            found.verdicts[of], found.hand[of] = "right", name
        elif name in verdicts.wrong:
            is_first = not seen_first and (first is None or first.name in (name, of) or name in verdicts.wrong)
            found.verdicts[of], found.hand[of] = ("wrong" if is_first else "because"), name
            seen_first = True
    return found
