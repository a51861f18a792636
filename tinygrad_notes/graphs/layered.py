"""Our own plain layout, for machines without any engine: layers by longest path, rows untangled by barycentres.

Not as good as Graphviz, but quick, deterministic and without a dependency; the look is the same.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .dot import SIZES, clean
from .palette import BORDERS, FILLS, INKS
from .svg import as_length, dress, tag

if TYPE_CHECKING:
    from .drawing import Arrow, Box, Drawing

__all__ = ["plain_svg"]

CHARACTER = 0.56  # of the font size: the mean width of Helvetica's letters
BETWEEN, ROW = 26.0, 5.0


@dataclass
class Place:
    """Where a box stands: its centre, and its size."""

    x: float
    y: float
    width: float
    height: float


def plain_svg(drawing: Drawing, name: str) -> str:
    """Lay out and write a drawing as SVG.

    Parameters
    ----------
    drawing : Drawing
    name : str
        The picture's id.
    """
    layers = _layers(drawing)
    sizes = {box.key: _size(box) for box in drawing.boxes}
    places = _places(drawing, layers, sizes)
    body = ET.Element(tag("g"))
    crowded = _sides(drawing)
    for arrow in drawing.arrows:
        _draw_arrow(body, arrow, places, name, drawing.rankdir == "LR", crowded[arrow.key])
    for box in drawing.boxes:
        _draw_box(body, box, places[box.key], name)
    width = max(place.x + place.width / 2 for place in places.values()) + 8
    height = max(place.y + place.height / 2 for place in places.values()) + 22
    view_box = f"0 0 {as_length(width)} {as_length(height)}"
    return dress(body, drawing, name, f"{as_length(width)}pt", f"{as_length(height)}pt", view_box)


def _layers(drawing: Drawing) -> list[list[str]]:
    """The longest path to each box gives its layer; inputs move next to their first user."""
    depth = {box.key: 0 for box in drawing.boxes}
    pairs = list(dict.fromkeys((a.source, a.target) for a in drawing.arrows))
    rank = {box.key: i for i, box in enumerate(drawing.boxes)}
    incoming: dict[str, list[str]] = {key: [] for key in depth}
    outgoing: dict[str, list[str]] = {key: [] for key in depth}
    for source, target in pairs:
        incoming[target].append(source)
        outgoing[source].append(target)
    waiting = {key: len(sources) for key, sources in incoming.items()}
    ready = [key for key, count in waiting.items() if not count]
    for key in ready:
        for target in outgoing[key]:
            depth[target] = max(depth[target], depth[key] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    for key in depth:
        if not incoming[key] and outgoing[key]:
            depth[key] = min(depth[target] for target in outgoing[key]) - 1
    layers: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for key in sorted(depth, key=lambda key: rank[key]):
        layers[depth[key]].append(key)
    for sweep in range(6):
        neighbours = incoming if sweep % 2 == 0 else outgoing
        position = {key: i for layer in layers for i, key in enumerate(layer)}
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            middle = {}
            for i, key in enumerate(layer):
                others = [position[other] for other in neighbours[key]]
                middle[key] = sum(others) / len(others) if others else float(i)
            layer.sort(key=lambda key: (middle[key], rank[key]))
            position.update({key: i for i, key in enumerate(layer)})
    return layers


def _size(box: Box) -> tuple[float, float]:
    width = max((len(clean(row.text)) * SIZES[row.role] * CHARACTER for row in box.rows), default=20.0) + 16
    height = sum(SIZES[row.role] + ROW for row in box.rows) + 6
    return max(width, 30.0), height


def _places(drawing: Drawing, layers: list[list[str]], sizes: dict[str, tuple[float, float]]) -> dict[str, Place]:
    across = drawing.rankdir == "LR"
    labels = [len(arrow.label) * 11 * CHARACTER for arrow in drawing.arrows if arrow.label]
    gap = max([46.0, *(label + 64 for label in labels)]) if across else 60.0
    size = {key: (w, h) if across else (h, w) for key, (w, h) in sizes.items()}  # (along the flow, across it)
    heights = [sum(size[key][1] for key in layer) + BETWEEN * (len(layer) - 1) for layer in layers]
    total, along = max(heights), 8.0
    places = {}
    for layer, height in zip(layers, heights, strict=True):
        thick = max(size[key][0] for key in layer)
        cross = 20 + (total - height) / 2
        for key in layer:
            x, y = along + thick / 2, cross + size[key][1] / 2
            places[key] = Place(*((x, y) if across else (y, x)), *sizes[key])
            cross += size[key][1] + BETWEEN
        along += thick + gap
    return places


def _sides(drawing: Drawing) -> dict[str, float]:
    """Arrows between the same two boxes run side by side: how far each is moved."""
    groups: dict[tuple[str, str], list[str]] = {}
    for arrow in drawing.arrows:
        groups.setdefault((arrow.source, arrow.target), []).append(arrow.key)
    moved = {}
    for keys in groups.values():
        for i, key in enumerate(keys):
            moved[key] = (i - (len(keys) - 1) / 2) * 11
    return moved


def _draw_arrow(body: ET.Element, arrow: Arrow, places: dict[str, Place], name: str, across: bool, side: float) -> None:
    a, b = places[arrow.source], places[arrow.target]
    if across:
        start, end = (a.x + a.width / 2, a.y + side), (b.x - b.width / 2, b.y + side)
        bend = (end[0] - start[0]) / 2
        first, second = (start[0] + bend, start[1]), (end[0] - bend, end[1])
    else:
        start, end = (a.x + side, a.y + a.height / 2), (b.x + side, b.y - b.height / 2)
        bend = (end[1] - start[1]) / 2
        first, second = (start[0], start[1] + bend), (end[0], end[1] - bend)
    back = arrow.kind == "backward"
    role = "backward" if back else "constant" if arrow.kind == "constant" else "op"
    group = ET.SubElement(body, tag("g"), {"id": f"{name}-{arrow.key}", "class": f"edge {arrow.kind}"})
    ET.SubElement(group, tag("title")).text = clean(arrow.title)
    path = f"M{_point(start)}C{_point(first)} {_point(second)} {_point(end)}"
    line = {"d": path, "fill": "none", "stroke": BORDERS[role][0], "class": f"s-{role}"}
    if back:
        line["stroke-dasharray"] = "5,2"
    if arrow.marked:
        line["stroke-width"] = "2.5"
    ET.SubElement(group, tag("path"), line)
    tip, from_ = (start, first) if back else (end, second)
    ET.SubElement(group, tag("polygon"), {"points": _head(tip, from_), "fill": BORDERS[role][0], "class": f"h-{role}"})
    if arrow.label:
        x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
        slope = end[1] - start[1] if across else 0.0
        if not back or abs(slope) < 12:
            at, anchor = (x, y + (13 if back else -4)), "middle"
        else:  # where neither of the two arrows runs: to the right, above one that falls and below one that rises
            at, anchor = (x + 10, y - 10) if slope > 0 else (x + 6, y + 13), "start"
        _text(group, clean(arrow.label), at, 11, "back" if back else "note", anchor)


def _point(point: tuple[float, float]) -> str:
    return f"{as_length(point[0])},{as_length(point[1])}"


def _head(tip: tuple[float, float], behind: tuple[float, float]) -> str:
    dx, dy = tip[0] - behind[0], tip[1] - behind[1]
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    dx, dy = dx / length * 7, dy / length * 7
    corners = [tip, (tip[0] - dx - dy * 0.4, tip[1] - dy + dx * 0.4), (tip[0] - dx + dy * 0.4, tip[1] - dy - dx * 0.4)]
    return " ".join(map(_point, corners))


def _draw_box(body: ET.Element, box: Box, place: Place, name: str) -> None:
    label = clean(box.title)
    group = ET.SubElement(
        body,
        tag("g"),
        {"id": f"{name}-{box.key}", "class": f"node {box.kind}", "tabindex": "0", "role": "img", "aria-label": label},
    )
    ET.SubElement(group, tag("title")).text = label
    fill = box.tint or box.kind
    corner = "6" if box.kind in ("leaf", "module", "constant") else "0"
    left, top = place.x - place.width / 2, place.y - place.height / 2
    ET.SubElement(
        group,
        tag("rect"),
        {
            "x": as_length(left),
            "y": as_length(top),
            "width": as_length(place.width),
            "height": as_length(place.height),
            "rx": corner,
            "fill": FILLS[fill][0],
            "stroke": BORDERS[box.kind][0],
            "stroke-width": "2" if box.kind == "output" else "1",
            "class": f"f-{fill} s-{box.kind}",
        },
    )
    y = top + 3
    for row in box.rows:
        y += SIZES[row.role] + ROW
        _text(group, clean(row.text), (place.x, y - ROW), SIZES[row.role], row.role)


def _text(parent: ET.Element, words: str, at: tuple[float, float], size: int, ink: str, anchor: str = "middle") -> None:
    attributes = {
        "x": as_length(at[0]),
        "y": as_length(at[1]),
        "text-anchor": anchor,
        "font-family": "Helvetica,Arial,sans-serif",
        "font-size": str(size),
        "fill": INKS[ink][0],
        "class": f"t-{ink}",
    }
    if ink in ("value", "warning"):
        attributes["font-weight"] = "bold"
    ET.SubElement(parent, tag("text"), attributes).text = words
