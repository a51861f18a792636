"""A drawing as DOT text, the language of Graphviz. Names are data: everything is escaped."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from .palette import BORDERS, FILLS, INKS

if TYPE_CHECKING:
    from .drawing import Arrow, Box, Drawing

__all__ = ["write_dot"]

FONT = "Helvetica,Arial,sans-serif"
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
SIZES = {"title": 13, "value": 13, "gradient": 11, "note": 10, "warning": 11}


def clean(text: str) -> str:
    """`text` without the characters that no XML file can hold, and cut before Graphviz gives up."""
    return UNWRITABLE.sub("�", text)[:200]


def write_dot(drawing: Drawing) -> str:
    """The drawing as DOT; the same drawing gives the same text."""
    from graphviz import Digraph

    dense = len(drawing.boxes) > 60
    dot = Digraph(
        "graph",
        graph_attr={
            "rankdir": drawing.rankdir,
            "bgcolor": "transparent",
            "nodesep": "0.15" if dense else "0.30",
            "ranksep": "0.25" if dense else "0.35",
            "fontname": FONT,
            "fontsize": "12",
        },
        node_attr={"shape": "plain", "fontname": FONT, "fontsize": "13"},
        edge_attr={"fontname": FONT, "fontsize": "11", "arrowsize": "0.7"},
    )
    if len(drawing.boxes) > 200:  # straight lines and fewer rounds of untangling: seconds instead of minutes
        dot.graph_attr.update(nslimit="0.5", nslimit1="0.5", mclimit="0.1", splines="line")
    _group(dot, drawing, ())
    for arrow in drawing.arrows:
        _arrow(dot, arrow)
    return str(dot.source)


def _group(dot: object, drawing: Drawing, path: tuple[str, ...]) -> None:
    for box in drawing.boxes:
        if box.group == path:
            dot.node(box.key, label=_label(box), id=box.key, **{"class": f"{box.kind}"})  # type: ignore[attr-defined]
    for inner in drawing.groups:
        if inner[:-1] == path and len(inner) == len(path) + 1:
            number = drawing.groups.index(inner) + 1
            with dot.subgraph(name=f"cluster_{number}") as cluster:  # type: ignore[attr-defined]
                cluster.attr(
                    label=f"<{escape(clean(inner[-1]))}>",
                    id=f"g{number}",
                    labeljust="r",
                    style="rounded,filled",
                    fillcolor=FILLS["group"][0],
                    color=BORDERS["module"][0],
                    fontcolor=INKS["title"][0],
                )
                _group(cluster, drawing, inner)


def _label(box: Box) -> str:
    fill = FILLS[box.tint or box.kind][0]
    border = "2" if box.kind == "output" else "1"
    style = ' STYLE="rounded"' if box.kind in ("leaf", "module", "constant") else ""
    rows = "".join(_row(row.text, row.role) for row in box.rows)
    return (
        f'<<TABLE BORDER="{border}"{style} CELLBORDER="0" CELLSPACING="0" CELLPADDING="4" '
        f'BGCOLOR="{fill}" COLOR="{BORDERS[box.kind][0]}">{rows}</TABLE>>'
    )


def _row(text: str, role: str) -> str:
    words = escape(clean(text)) or " "
    bold = f"<B>{words}</B>" if role in ("value", "warning") else words
    return f'<TR><TD><FONT COLOR="{INKS[role][0]}" POINT-SIZE="{SIZES[role]}">{bold}</FONT></TD></TR>'


def _arrow(dot: object, arrow: Arrow) -> None:
    attributes = {"id": arrow.key, "class": arrow.kind}
    if arrow.kind == "backward":
        attributes.update(dir="back", style="dashed", color=BORDERS["backward"][0], fontcolor=INKS["back"][0])
    else:
        attributes.update(color=BORDERS["constant" if arrow.kind == "constant" else "op"][0], fontcolor=INKS["note"][0])
    if arrow.marked:
        attributes["penwidth"] = "2.5"
    if arrow.label:
        attributes["label"] = f"<{escape(clean(' ' + arrow.label + ' '))}>"
    dot.edge(arrow.source, arrow.target, **attributes)  # type: ignore[attr-defined]
