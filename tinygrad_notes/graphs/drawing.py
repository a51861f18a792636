"""From a graph to what is drawn of it: boxes with rows of text, arrows with labels. No positions, no markup.

Every picture (Graphviz, our plain layout, the player) is made from a `Drawing`, so that all of them show the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import BadInputError, user_line
from .formulas import array, number
from .scopes import Path, places, repeats

if TYPE_CHECKING:
    from .model import Constant, GraphEdge, GraphNode, Snapshot

__all__ = ["Arrow", "Box", "Drawing", "Row", "View", "draw", "summary"]

FEW = 15
"""Up to so many operations the gradient has an arrow of its own; above, it is a row in the box."""
WIDE = 60
"""Up to so many boxes a picture runs from left to right; above, from top to bottom (much quicker to lay out)."""
SCREEN = 24
"""Scopes are opened as long as a picture has no more boxes than this: it fits a screen, or a slide."""
SMALL = 6
"""Above so many operations, values without a name are drawn inside the formula that uses them."""
LONG = 72


@dataclass(frozen=True)
class View:
    """What to show of a graph; `tn.graph`'s keywords."""

    direction: str = "both"
    level: int | None = None
    max_nodes: int | None = 300
    constants: bool | None = None
    chain: bool = False
    color: str | None = None
    highlight: tuple[GraphNode, ...] = ()
    rankdir: str | None = None
    unnamed: bool | None = None

    def __post_init__(self) -> None:
        """Refuse what no picture has."""
        if self.direction not in ("both", "forward", "backward"):
            raise BadInputError(f"direction= is 'both', 'forward' or 'backward', not {self.direction!r}.{user_line()}")
        if self.color not in (None, "gradient"):
            raise BadInputError(f"color= is None or 'gradient', not {self.color!r}.{user_line()}")
        if self.rankdir not in (None, "LR", "TB"):
            raise BadInputError(f"rankdir= is 'LR' or 'TB', not {self.rankdir!r}.{user_line()}")
        if self.max_nodes is not None and self.max_nodes < 1:
            raise BadInputError(f"max_nodes= is at least 1, or None for all, not {self.max_nodes}.{user_line()}")
        if self.level is not None and self.level < 0:
            raise BadInputError(f"level= is a depth of scopes from 0, not {self.level}.{user_line()}")


@dataclass
class Row:
    """A line of text in a box; `role` is what it is: title, value, gradient, note or warning."""

    text: str
    role: str


@dataclass
class Box:
    """One box: a value, a constant, a folded scope or a summary of what is left out."""

    key: str
    kind: str
    rows: list[Row]
    group: Path = ()
    title: str = ""
    tint: str = ""
    members: list[GraphNode] = field(default_factory=list)


@dataclass
class Arrow:
    """From one box to another; backward ones are drawn against the arrow."""

    key: str
    source: str
    target: str
    kind: str
    label: str = ""
    title: str = ""
    marked: bool = False


@dataclass
class Drawing:
    """Everything that a picture shows, in creation order."""

    title: str
    description: str
    rankdir: str
    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    groups: list[Path] = field(default_factory=list)
    left_out: int = 0


def cut(text: str, most: int = LONG) -> str:
    """`text`, shortened in the middle if need be."""
    return text if len(text) <= most else f"{text[: most - 15]} … {text[-12:]}"


def derivative(graph: Snapshot, node: GraphNode) -> str:
    """``dJ/dv``; of an unnamed value ``grad``."""
    return f"d{graph.root.label}/d{node.name}" if node.name else "grad"


def summary(value: Any) -> str:
    """A number, a tiny array, or the shape and what the entries are like."""
    if not hasattr(value, "shape") or value.shape is None:
        return ""
    if value.ndim == 0 or 0 < value.size <= 4:
        return array(value)
    text = f"{tuple(value.shape)} {value.dtype}"
    if not value.size or value.dtype.kind not in "fiu":
        return text
    wide = value.astype(float)
    finite = wide[np.isfinite(wide)]
    if finite.size:
        text += f", min {number(finite.min(), 3)}, mean {number(finite.mean(), 3)}, max {number(finite.max(), 3)}"
    return text


def trouble(value: Any) -> str:
    """``"NaN"``, ``"inf in 3 of 12"``, or nothing."""
    if not hasattr(value, "dtype") or value.dtype.kind not in "fc" or not value.size:
        return ""
    for what, bad in (("NaN", np.isnan(value)), ("inf", np.isinf(value))):
        count = int(np.sum(bad))
        if count:
            return what if value.size == 1 else f"{what} in {count} of {value.size}"
    return ""


def gradient_text(graph: Snapshot, node: GraphNode, g: Any, whole: bool = True) -> str:
    """``dJ/dv = 3``, ``|dJ/dW| = 0.42``; without `whole` the number alone."""
    scalar = g.ndim == 0 or g.size <= 3
    size = array(g) if scalar else number(norm(g), 3)
    name = derivative(graph, node)
    if not whole:
        return size
    return f"{name} = {size}" if scalar else f"|{name}| = {size}"


def norm(g: Any) -> float:
    """Root of the sum of squares."""
    with np.errstate(all="ignore"):
        return float(np.sqrt(np.sum(np.abs(np.asarray(g, dtype=complex if g.dtype.kind == "c" else float)) ** 2)))


def draw(graph: Snapshot, view: View) -> Drawing:
    """Choose what is drawn, then write it out."""
    return _Draughtsman(graph, view).drawing


class _Draughtsman:
    """Assigns each node to the box that shows it, then fills boxes and arrows."""

    def __init__(self, graph: Snapshot, view: View) -> None:
        self.graph, self.view = graph, view
        self.labels = graph.formulas and {node: node.label for node in graph.nodes}
        self.backward = graph.has_gradients and view.direction != "forward"
        self.marked = set(view.highlight)
        self.where = places(graph)
        self.level = self._level()
        self.folded = repeats(graph, self.where, self.level)
        self.copy_of = {path: first for first, paths in self.folded.items() for path in paths}
        self.box_of: dict[GraphNode, str] = {}
        self.modules: dict[Path, list[GraphNode]] = {}
        self._assign()
        self.pairs: dict[tuple[str, str], list[GraphEdge]] = {}
        for edge in graph.edges:
            pair = (self.box_of[edge.source], self.box_of[edge.target])
            if pair[0] != pair[1]:
                self.pairs.setdefault(pair, []).append(edge)
        operations = sum(1 for box in set(self.box_of.values()) if not self._is_leaf_key(box))
        self.few = operations <= FEW
        count = len(set(self.box_of.values()))
        rankdir = view.rankdir or ("LR" if count <= WIDE else "TB")
        self.drawing = Drawing(self._title(), self._description(), rankdir)
        self._constants()
        self._boxes()
        self._arrows()
        self._groups()

    # which box shows a node

    def _level(self) -> int:
        deepest = max((len(path) for path in self.where.values()), default=0)
        if self.view.level is not None:
            return min(self.view.level, deepest)
        for level in range(deepest, 0, -1):
            if len({path[: level + 1] if len(path) > level else node for node, path in self.where.items()}) <= SCREEN:
                return level
        return 0

    def _assign(self) -> None:
        graph, level = self.graph, self.level
        for node in graph.nodes:
            path = self.where[node]
            if len(path) > level and (not node.is_root or len(graph.nodes) > WIDE):
                path = self.copy_of.get(path[: level + 1], path[: level + 1])
                self.modules.setdefault(path, []).append(node)
                self.box_of[node] = "m" + str(list(self.modules).index(path) + 1)
            else:
                self.box_of[node] = node.key
        if not self._draws_unnamed():
            self._absorb()
        most = self.view.max_nodes
        drawn = len(set(self.box_of.values()))
        if most is not None and drawn > most:
            self._leave_out(most)

    def _draws_unnamed(self) -> bool:
        if self.view.unnamed is not None:
            return self.view.unnamed
        return sum(1 for node in self.graph.nodes if not node.is_leaf) <= SMALL

    def _absorb(self) -> None:
        """Let an unnamed value that one box uses, and whose formula is short, live in that box."""
        for node in reversed(self.graph.nodes):
            users = {self.box_of[edge.target] for edge in node.outputs}
            own = self.box_of[node] == node.key and not node.is_leaf and not node.name
            if own and len(users) == 1 and node.label == node.formula and node not in self.marked:
                self.box_of[node] = users.pop()

    def _leave_out(self, most: int) -> None:
        """Put everything but the last operations into one box; later ones never lead back into it."""
        shown: set[str] = set()
        kept: set[GraphNode] = set()
        for node in reversed(self.graph.nodes):
            if node.is_leaf:
                continue
            boxes = {self.box_of[node]} | {self.box_of[e.source] for e in node.inputs if e.source.is_leaf}
            if len(shown | boxes) > most - 1 and shown:
                break
            shown |= boxes
            kept.add(node)
        for node in self.graph.nodes:
            used = any(edge.target in kept for edge in node.outputs)
            if node not in kept and not (node.is_leaf and used) and self.box_of[node] not in shown:
                self.box_of[node] = "more"
        self.modules = {
            path: nodes for path, nodes in self.modules.items() if any(self.box_of[n] != "more" for n in nodes)
        }

    def _is_leaf_key(self, key: str) -> bool:
        return key[0] == "v" and key[1:].isdigit() and self.graph.nodes[int(key[1:]) - 1].is_leaf

    # boxes

    def _boxes(self) -> None:
        module_of = {self.box_of[nodes[0]]: (path, nodes) for path, nodes in self.modules.items()}
        left_out = [node for node in self.graph.nodes if self.box_of[node] == "more"]
        done = set()
        for node in self.graph.nodes:
            key = self.box_of[node]
            if key in done:
                continue
            done.add(key)
            if key == "more":
                box = self._summary(left_out)
            elif key in module_of:
                box = self._module(key, *module_of[key])
            else:
                box = self._box(self.graph.nodes[int(key[1:]) - 1])
            self.drawing.boxes.append(box)

    def _box(self, node: GraphNode) -> Box:
        formula = node.formula
        kind = "leaf" if node.is_leaf else "output" if node.is_root else "op"
        first = node.label if node.is_leaf or node.label == formula else f"{node.label} = {formula}"
        rows = [Row(cut(first), "title")]
        value = node.value if node.shape is not None else None
        if value is not None:
            rows.append(Row(array(value), "value"))
            wrong = trouble(value)
            if wrong and value.ndim:
                rows.append(Row(wrong, "warning"))
        tint = "bad" if value is not None and trouble(value) else ""
        if self.backward and node.gradient is not None and node.shape is not None:
            text = self._gradient_row(node)
            if text:
                rows.append(Row(text, "gradient"))
            if trouble(node.gradient):
                tint = "bad"
                rows.append(Row(f"gradient: {trouble(node.gradient)}", "warning"))
            elif self.view.color == "gradient" and not tint:
                tint = self._heat(node)
        if node in self.marked:
            tint = "marked"
        return Box(node.key, kind, rows, self.where[node][: self.level], self.sentence(node), tint, [node])

    def _gradient_row(self, node: GraphNode) -> str:
        g = node.gradient
        parts = self._parts(node)
        if self.few and self.view.direction == "both" and len(parts) <= 1:
            return ""  # it stands at its arrow
        if node.is_root and self.few:
            return ""
        if 1 < len(parts) <= 4 and all(part.ndim == 0 for part in parts):
            total = " + ".join(_signed(part) for part in parts)
            return f"{derivative(self.graph, node)} = {total} = {number(g)}"
        return gradient_text(self.graph, node, g)

    def _parts(self, node: GraphNode) -> list[Any]:
        """What comes back along each arrow that leaves this node."""
        parts = []
        for target in dict.fromkeys(self.box_of[edge.target] for edge in node.outputs):
            edges = self.pairs.get((self.box_of[node], target), [])
            own = [edge.contribution for edge in edges if edge.source is node and edge.contribution is not None]
            if all(map(self._is_direct, edges)):
                parts += own
            elif own:
                parts.append(sum(own[1:], own[0]))
        return parts

    def _is_direct(self, edge: GraphEdge) -> bool:
        return self.box_of[edge.source] == edge.source.key and self.box_of[edge.target] == edge.target.key

    def _heat(self, node: GraphNode) -> str:
        sizes = [norm(n.gradient) / max(n.size, 1) ** 0.5 for n in self.graph.nodes if _has_gradient(n)]
        top = max(sizes, default=0.0)
        here = norm(node.gradient) / max(node.size, 1) ** 0.5
        if not top or not here:
            return "heat0"
        return f"heat{max(1, 5 - int(-np.log10(here / top)))}"

    def _module(self, key: str, path: Path, nodes: list[GraphNode]) -> Box:
        copies = self.folded.get(path, [path])
        inner = [node for node in nodes if not node.is_leaf]
        leaves = [node for node in nodes if node.is_leaf]
        name = path[-1] if len(copies) == 1 else f"{path[-1]} … {copies[-1][-1]}  × {len(copies)}"
        rows = [Row(cut(name, 60), "title")]
        for leaf in leaves[: 6 if len(copies) == 1 else 0]:
            text = f"{leaf.label} {array(leaf.value)}"
            rows.append(Row(text, "note"))
            if self.backward and _has_gradient(leaf):
                rows.append(Row(gradient_text(self.graph, leaf, leaf.gradient), "gradient"))
        if len(copies) > 1 and self.backward and leaves:
            rows.append(Row("|grad| per copy: " + "  ".join(self._copy_norms(copies, nodes)), "gradient"))
        if self.graph.root in nodes:
            rows.append(Row(f"{self.graph.root.label} = {array(self.graph.root.value)}", "value"))
        params = sum(leaf.size for leaf in leaves)
        note = f"{len(inner):,} operation{'s' * (len(inner) != 1)}"
        rows.append(Row(note + (f", {params:,} parameter{'s' * (params != 1)}" if params else ""), "note"))
        bad = next((t for n in nodes for t in (trouble(n.gradient),) if t), "") if self.backward else ""
        if bad:
            rows.append(Row(f"gradient: {bad}", "warning"))
        return Box(key, "module", rows, path[:-1], " ".join(row.text for row in rows), "bad" if bad else "", nodes)

    def _copy_norms(self, copies: list[Path], nodes: list[GraphNode]) -> list[str]:
        texts = []
        for path in copies:
            own = [n for n in nodes if n.is_leaf and self.where[n][: len(path)] == path and _has_gradient(n)]
            total = np.sqrt(sum(norm(n.gradient) ** 2 for n in own))
            texts.append(number(total, 3))
        return texts if len(texts) <= 12 else [*texts[:6], "…", *texts[-5:]]

    def _summary(self, nodes: list[GraphNode]) -> Box:
        count = len([node for node in nodes if not node.is_leaf])
        self.drawing.left_out = count
        rows = [Row(f"… {count:,} earlier operations", "title"), Row("max_nodes=None draws all", "note")]
        return Box("more", "module", rows, (), f"{count} operations are not drawn", "", nodes)

    def _constants(self) -> None:
        choice = self.view.constants
        if choice is False:
            return
        for constant in self.graph.constants:
            if self._shown(constant):
                text = constant.name or "constant"
                value = constant.value
                rows = [Row(text, "title"), Row(array(value), "value")]
                title = f"{text}: a constant, {summary(value)}"
                self.drawing.boxes.append(Box(constant.key, "constant", rows, (), title))

    def _shown(self, constant: Constant) -> bool:
        if self.view.constants is not None:
            return self.view.constants
        return constant.declared or (constant.name is not None and constant.value.ndim > 0)

    # arrows

    def _arrows(self) -> None:
        shown = {box.key for box in self.drawing.boxes}
        grey: set[tuple[str, str]] = set()
        for pair, edges in self.pairs.items():
            if all(map(self._is_direct, edges)) or len(edges) == 1:
                for edge in edges:
                    key = edge.key if self._is_direct(edge) else "-".join(pair)
                    self._arrow(key, pair, [edge])
            else:
                self._arrow("-".join(pair), pair, edges)
        for node in self.graph.nodes:
            for _, constant in self.graph.constants_of(node):
                pair = (constant.key, self.box_of[node])
                if constant.key in shown and pair not in grey:
                    grey.add(pair)
                    self.drawing.arrows.append(Arrow("-".join(pair), *pair, "constant"))

    def _arrow(self, key: str, pair: tuple[str, str], edges: list[GraphEdge]) -> None:
        """One black arrow, and a red one back where the gradient has not a row of its own."""
        sources = list(dict.fromkeys(edge.source for edge in edges))
        source = sources[0]
        marked = any(edge.source in self.marked and edge.target in self.marked for edge in edges)
        title = self._edge_title(edges[0]) if len(edges) == 1 else f"{len(edges)} uses of {source.label}"
        inside = self.box_of[source] != source.key
        if self.view.direction != "backward" or not self.backward:
            label = (
                f"{cut(source.name or '', 20)} {source.shape}".strip()
                if inside and source.shape and len(sources) == 1
                else ""
            )
            self.drawing.arrows.append(Arrow(key, *pair, "forward", label, title, marked))
        parts = [edge.contribution for edge in edges if edge.contribution is not None]
        if not self.backward or not (self.few or self.view.direction == "backward"):
            return
        if len(sources) == 1 and parts:
            label = self._back_label(edges, sum(parts[1:], parts[0]))
            self.drawing.arrows.append(Arrow(key + "-back", *pair, "backward", label, title, marked))

    def _back_label(self, edges: list[GraphEdge], g: Any) -> str:
        source, target = edges[0].source, edges[0].target
        if not hasattr(g, "ndim"):
            return ""
        scalar = self.view.chain and len(edges) == 1 and target.shape == () and target.gradient is not None
        local = edges[0].local if scalar else None
        if local is not None:
            chain = f"{number(target.gradient)} · {_signed(local)} = {number(g)}"
            if source.name and target.name:
                j = self.graph.root.label
                return f"d{j}/d{target.name} · d{target.name}/d{source.name} = {chain}"
            return chain
        several = len(self._parts(source)) > 1 and self.view.direction == "both"
        return gradient_text(self.graph, source, g, whole=not several)

    def _edge_title(self, edge: GraphEdge) -> str:
        text = f"{edge.source.label} → {edge.target.label}"
        local = edge.local if edge.source.shape == () == edge.target.shape else None
        if local is not None:
            text += f"; local derivative {number(local)}"
        if edge.broadcast_axes:
            text += f"; broadcast {edge.source.shape} → {edge.target.shape}: the gradient is summed over axes "
            text += ", ".join(map(str, edge.broadcast_axes))
        return text

    # what the picture says

    def sentence(self, node: GraphNode) -> str:
        """Everything about a node in one line: for hovering and for screen readers."""
        parts = [node.label if not node.formula or node.label == node.formula else f"{node.label} = {node.formula}"]
        if node.shape is not None:
            text = summary(node.value)
            parts[0] += f" = {text}" if node.shape == () else f": {text}"
        if self.backward and _has_gradient(node):
            parts.append(f"{derivative(self.graph, node)} = {summary(node.gradient)}")
        if not node.is_leaf:
            parts.append(f"{node.op.name}: {node.op.rule.formula}" if node.op.rule.formula else node.op.name)
        if node.place:
            parts.append(node.place)
        return "; ".join(parts)

    def _title(self) -> str:
        root = self.graph.root
        result = f" = {array(root.value)}" if root.shape == () else ""
        return f"{root.label} = {cut(root.formula, 60)}{result}" if root.formula else f"{root.label}{result}"

    def _description(self) -> str:
        operations = [node for node in self.graph.nodes if not node.is_leaf]
        text = [f"A computation graph of {len(operations)} operation{'s' * (len(operations) != 1)}."]
        if len(self.graph.nodes) <= WIDE:
            for node in self.graph.nodes:
                formula = f" = {node.formula}" if node.formula and node.label != node.formula else ""
                text.append(f"{node.label}{formula} = {array(node.value)}." if node.shape is not None else "")
            if self.backward:
                for node in reversed(self.graph.nodes):
                    if _has_gradient(node) and node.name and not node.is_root:
                        text.append(gradient_text(self.graph, node, node.gradient) + ".")
        return " ".join(filter(None, text))

    def _groups(self) -> None:
        """Boxes around boxes, outer ones first."""
        found: dict[Path, None] = {}
        for box in self.drawing.boxes:
            for depth in range(1, len(box.group) + 1):
                found[box.group[:depth]] = None
        self.drawing.groups = list(found)


def _signed(x: Any) -> str:
    text = number(x)
    return f"({text})" if text.startswith("-") else text


def _has_gradient(node: GraphNode) -> bool:
    return node.gradient is not None and node.shape is not None
