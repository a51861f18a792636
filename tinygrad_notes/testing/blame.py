"""The blame map: right steps green, the first wrong one red, those wrong only because of it amber."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadInputError
from .first_wrong import FirstWrong, Verdicts
from .outputs import owner
from .side_by_side import WORDS, side_by_side
from .tape import Tape

if TYPE_CHECKING:
    from ..graphs import Graph

__all__ = ["Blame", "blame_map"]

COLOURS = {"right": "#2e7d32", "wrong": "#c62828", "because": "#ef8f00"}
"""Green, red, amber; each reads on light and dark ground."""


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
    tree : ast.AST or None
        The user's function, if its source is known.
    """

    verdicts: dict[str, str] = field(default_factory=dict)
    hand: dict[str, str] = field(default_factory=dict)
    draw: Callable[[], Graph] | None = None
    tree: ast.AST | None = None
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

    def beside_svg(self) -> str:
        """The user's derivation drawn beside the engine's, aligned by name, in the same colours.

        Raises
        ------
        BadInputError
            If the function's source is not known.
        """
        if self.tree is None:
            raise BadInputError("the source of your function is not known, so it can't be drawn")
        from ..graphs.picture import picture

        return picture(side_by_side(self, self.tree))

    def _repr_svg_(self) -> str:
        return self.svg()

    def save(self, path: str | os.PathLike[str], *, beside: bool = False) -> Path:
        """Save the painted picture as ``.svg`` or ``.html``.

        Parameters
        ----------
        path : str or path
        beside : bool
            The user's derivation beside the engine's instead of the cost's graph.

        Raises
        ------
        BadInputError
            For another ending.
        """
        path = Path(path)
        if beside and path.suffix in (".svg", ".html"):
            drawn = self.beside_svg()
            page = (
                drawn if path.suffix == ".svg" else f"<!doctype html><meta charset=utf-8>{drawn[drawn.index('<svg') :]}"
            )
            path.write_text(page, encoding="utf-8")
        elif path.suffix == ".svg":
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


def blame_map(
    tape: Tape,
    verdicts: Verdicts,
    first: FirstWrong | None,
    outputs: dict[str, str],
    tree: ast.AST | None = None,
) -> Blame:
    """Which of the cost's variables have a right gradient in the user's function; `outputs` are judged already."""
    names = [name for step in tape.steps for name in step.names]
    found = Blame(draw=tape.graph, tree=tree)
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
    for name, verdict in outputs.items():
        if name not in found.verdicts:
            found.verdicts[name] = verdict if verdict == "right" or not seen_first else "because"
            found.hand[name] = f"d{name}"
    return found
