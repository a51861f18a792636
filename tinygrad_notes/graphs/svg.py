"""The engine's SVG made ours: stable ids, our titles, colours as classes, a style sheet for light, dark and paper.

Graphviz versions differ in ids, comments, order and escaping; what leaves here has our own of each, and is XML.
"""

from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from ..errors import DrawingError
from .dot import clean
from .palette import BORDERS, FILLS, INKS, stylesheet

if TYPE_CHECKING:
    from .drawing import Drawing

__all__ = ["finish_svg", "picture_id"]

SVG = "http://www.w3.org/2000/svg"
ET.register_namespace("", SVG)

FILL_ROLE = {colors[0]: role for role, colors in FILLS.items()}
BORDER_ROLE = {colors[0]: role for role, colors in BORDERS.items()}
INK_ROLE = {colors[0]: role for role, colors in INKS.items()}


def picture_id(text: str) -> str:
    """An id that two different pictures on one page do not share."""
    return "tn-" + hashlib.sha256(text.encode(errors="replace")).hexdigest()[:10]


def tag(name: str) -> str:
    """The name of an SVG element as ElementTree spells it."""
    return f"{{{SVG}}}{name}"


def finish_svg(engine_svg: bytes, drawing: Drawing, name: str) -> str:
    """Rewrite an engine's SVG.

    Parameters
    ----------
    engine_svg : bytes
    drawing : Drawing
        What was drawn: the titles come from it.
    name : str
        The picture's id, and the beginning of every other id in it.

    Raises
    ------
    DrawingError
        If the engine's output is no SVG.
    """
    try:
        root = ET.fromstring(engine_svg)
    except ET.ParseError as error:
        raise DrawingError(f"the layout engine's SVG is no XML ({error}); another Graphviz version may help") from error
    body = root.find(tag("g"))
    if body is None:
        raise DrawingError("the layout engine returned an SVG without a graph")
    titles = {box.key: box.title for box in drawing.boxes} | {arrow.key: arrow.title for arrow in drawing.arrows}
    titles |= {f"g{i}": " / ".join(path) for i, path in enumerate(drawing.groups, 1)}
    kinds = {box.key: f"node {box.kind}" for box in drawing.boxes}
    kinds |= {arrow.key: f"edge {arrow.kind}" for arrow in drawing.arrows}
    parts: dict[str, ET.Element] = {}
    for group in list(body):
        if group.tag == tag("g"):
            key = group.get("id", "")
            parts[key] = group
            body.remove(group)
            _rewrite_group(group, titles.get(key, key), kinds.get(key, "group"), f"{name}-{key}")
    for leftover in list(body):  # the graph's own title and background
        body.remove(leftover)
    order = [f"g{i + 1}" for i in range(len(drawing.groups))]
    order += [arrow.key for arrow in drawing.arrows] + [box.key for box in drawing.boxes]
    missing = [key for key in order if key not in parts]
    if missing:
        raise DrawingError(f"the layout engine left out {missing[0]} ({len(missing)} in all)")
    body.extend(parts[key] for key in order)
    body.attrib = {"transform": body.get("transform", "")}
    width, height, box = root.get("width", ""), root.get("height", ""), root.get("viewBox", "")
    return dress(body, drawing, name, width, height, box)


def dress(body: ET.Element, drawing: Drawing, name: str, width: str, height: str, view_box: str) -> str:
    """The whole document around a finished group: title, description, style sheet."""
    root = ET.Element(tag("svg"))
    root.attrib = {
        "id": name,
        "class": "tinygrad-notes",
        "role": "img",
        "aria-labelledby": f"{name}-title {name}-desc",
        "width": width,
        "height": height,
        "viewBox": view_box,
    }
    ET.SubElement(root, tag("title"), {"id": f"{name}-title"}).text = clean(drawing.title)
    description = ET.SubElement(root, tag("desc"), {"id": f"{name}-desc"})
    description.text = " ".join(map(clean, drawing.description.split(" ")))
    ET.SubElement(root, tag("style")).text = stylesheet(f"#{name}")
    root.append(body)
    for element in root.iter():
        element.tail = "\n"
    root.tail = ""
    return ET.tostring(root, encoding="unicode") + "\n"


def _rewrite_group(group: ET.Element, title: str, kind: str, identity: str) -> None:
    """One box or arrow: our id, class and title; colours as classes."""
    group.attrib = {"id": identity, "class": kind}
    if kind.startswith("node"):
        _centre_text(group)
        group.attrib |= {"tabindex": "0", "role": "img", "aria-label": clean(title)}
    for old in group.findall(tag("title")):
        group.remove(old)
    head = ET.Element(tag("title"))
    head.text = clean(title)
    group.insert(0, head)
    for element in group.iter():
        _color_class(element)
        if element is not group:
            element.attrib.pop("id", None)


def _centre_text(group: ET.Element) -> None:
    """Rows are centred by the viewer, whose font may be wider than the one that the engine measured."""
    outline = [e for e in group.iter() if e.tag in (tag("polygon"), tag("path"))]
    numbers = re.findall(r"-?[\d.]+", " ".join(e.get("points", "") + e.get("d", "") for e in outline))
    xs = [float(x) for x in numbers[::2]]
    if xs:
        middle = as_length((min(xs) + max(xs)) / 2)
        for text in group.iter(tag("text")):
            text.attrib |= {"x": middle, "text-anchor": "middle"}


def _color_class(element: ET.Element) -> None:
    """Presentation attributes stay for viewers without CSS; the classes win where there is CSS."""
    if element.tag == tag("text"):
        ink = element.get("fill", "").lower()
        element.set("class", f"t-{INK_ROLE.get(ink, 'title')}")
        for key in ("font-family", "text-decoration"):
            element.attrib.pop(key, None)
        element.set("font-family", "Helvetica,Arial,sans-serif")
        return
    classes = []
    fill, border = element.get("fill", "").lower(), element.get("stroke", "").lower()
    if fill in FILL_ROLE:
        classes.append(f"f-{FILL_ROLE[fill]}")
    elif fill in BORDER_ROLE:
        classes.append(f"h-{BORDER_ROLE[fill]}")
    if border in BORDER_ROLE:
        classes.append(f"s-{BORDER_ROLE[border]}")
    if classes:
        element.set("class", " ".join(classes))


def as_length(points: float) -> str:
    """A number of points without trailing zeros."""
    return re.sub(r"\.?0+$", "", f"{points:.2f}")
