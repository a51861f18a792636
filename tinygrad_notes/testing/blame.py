"""The blame map: right steps green, the first wrong one red, those wrong only because of it amber."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadInputError
from .first_wrong import FirstWrong, Verdicts
from .outputs import owner
from .tape import Tape

if TYPE_CHECKING:
    from ..graphs import Graph

__all__ = ["Blame", "blame_map"]

COLOURS = {"right": "#2e7d32", "wrong": "#c62828", "because": "#ef8f00"}
"""Green, red, amber; each reads on light and dark ground."""


WORDS = {"right": "right", "wrong": "the first wrong one", "because": "wrong because of it"}


@dataclass(slots=True)
class Blame:
    """A verdict for every gradient of the cost that the user's function also computes; shows itself as a picture.

    Attributes
    ----------
    verdicts : dict of str to str
        The cost's variable (``Z1``) to ``right``, ``wrong`` (the first) or ``because`` (wrong because of it).
    hand : dict of str to str
        The cost's variable to the user's (``Z1`` to ``dZ1``).
    draw : callable or None
        Makes the graph of the cost, the first time that it is looked at.
    """

    verdicts: dict[str, str] = field(default_factory=dict)
    hand: dict[str, str] = field(default_factory=dict)
    draw: Callable[[], Graph] | None = None
    _graph: Graph | None = None

    @property
    def graph(self) -> Graph:
        """The graph of the cost, unpainted.

        Raises
        ------
        BadInputError
            If the cost could not be traced.
        """
        if self._graph is None:
            if self.draw is None:
                raise BadInputError("there is no graph: the cost could not be traced")
            self._graph = self.draw()
        return self._graph

    def style(self) -> str:
        """CSS that paints the borders of the judged variables."""
        keys = {node.name: node.key for node in self.graph.nodes if node.name}
        return "".join(
            f'g.node[id$="-{keys[name]}"] :is(polygon,path,ellipse)'
            f"{{stroke:{COLOURS[verdict]}!important;stroke-width:4px!important}}"
            for name, verdict in sorted(self.verdicts.items())
            if name in keys
        )

    def svg(self) -> str:
        """The painted picture."""
        return self.graph._repr_svg_().replace("</style>", self.style() + "</style>", 1)

    def _repr_svg_(self) -> str:
        return self.svg()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Save the painted picture as ``.svg`` or ``.html``.

        Raises
        ------
        BadInputError
            For another ending.
        """
        path = Path(path)
        if path.suffix == ".svg":
            path.write_text(self.svg(), encoding="utf-8")
        elif path.suffix == ".html":
            self.graph.save(path)
            page = path.read_text(encoding="utf-8")
            path.write_text(page.replace("</style>", self.style() + "</style>", 1), encoding="utf-8")
        else:
            raise BadInputError(f"the blame map is saved as .svg or .html, not {path.suffix!r}")
        return path

    def __str__(self) -> str:
        width = max(map(len, self.hand.values()), default=0)
        return "\n".join(f"{self.hand[name]:{width}}  {WORDS[v]}" for name, v in self.verdicts.items())


def blame_map(tape: Tape, verdicts: Verdicts, first: FirstWrong | None) -> Blame:
    """Which of the cost's variables have a right gradient in the user's function."""
    names = [name for step in tape.steps for name in step.names]
    found = Blame(draw=tape.graph)
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
