"""What is rare in a graph: empty and complex arrays, scopes in text, an engine that fails, odd views."""

from __future__ import annotations

import gc
import importlib.machinery
import importlib.metadata
import importlib.util
import os
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from test_graphs import first_graph

import tinygrad_notes as tn
from tinygrad_notes import Tensor
from tinygrad_notes.errors import BadInputError, DrawingError, NotScalarError
from tinygrad_notes.graphs import layout, svg
from tinygrad_notes.graphs.dot import write_dot
from tinygrad_notes.graphs.drawing import View, draw, summary, trouble
from tinygrad_notes.graphs.elements import first
from tinygrad_notes.graphs.graph import write_whole
from tinygrad_notes.graphs.layered import plain_svg
from tinygrad_notes.graphs.model import relation, without_collector
from tinygrad_notes.graphs.names import Names, names_of_frame, watch_names
from tinygrad_notes.graphs.numpy_source import write_source


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"color": "value"}, "color= is None or 'gradient'"),
        ({"rankdir": "RL"}, "rankdir= is 'LR' or 'TB'"),
        ({"max_nodes": 0}, "max_nodes= is at least 1"),
        ({"level": -1}, "level= is a depth of scopes"),
        ({"direction": "up"}, "direction= is"),
    ],
)
def test_views_that_no_picture_has(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        View(**options)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("no array", ""),
        (np.zeros((0, 3)), "(0, 3) float64"),
        (np.zeros(9, complex), "(9,) complex128"),
        (np.arange(9.0), "(9,) float64, min 0, mean 4, max 8"),
        (np.full(9, np.nan), "(9,) float64"),
    ],
)
def test_a_value_in_few_words(value: Any, text: str) -> None:
    assert summary(value).startswith(text)
    assert ("min" in summary(value)) == ("min" in text)


@pytest.mark.parametrize(
    ("value", "text"),
    [("x", ""), (np.zeros(0), ""), (np.arange(3), ""), (np.ones(3), ""), (np.array([1, np.inf]), "inf in 1 of 2")],
)
def test_what_is_wrong_with_a_value(value: Any, text: str) -> None:
    assert trouble(value) == text


def test_the_first_entry_of_something_that_has_none() -> None:
    assert first(np.isnan, np.array([1.0, 2.0])) == ()
    assert first(np.isnan, np.array([[1.0, 2.0], [np.nan, np.nan]])) == (1, 0)


@pytest.mark.parametrize(
    ("x", "y", "text"),
    [
        (np.array([[1.0, 3.0], [2.0, 4.0]]), np.array([[1.0, 2.0], [3.0, 4.0]]), "Y.T"),
        (np.array([1.0, 0.0]), np.array([0.0, 1.0]), "(1 − Y)"),
        (np.array([-3.0, 2.0]), np.array([3.0, -2.0]), "(−Y)"),
        (np.array([-3.0, 2.5]), np.array([3.0, -2.0]), ""),
        (np.array([True]), np.array([False]), ""),
    ],
)
def test_an_array_made_of_another(x: Any, y: Any, text: str) -> None:
    assert relation(x, y, "Y") == text


def test_the_collector_stays_off_if_it_was() -> None:
    gc.disable()
    try:
        with without_collector():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
    with without_collector():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_nodes_and_constants_say_what_they_are() -> None:
    k = np.array([2.0, 3.0])
    x = Tensor(np.array([1.0, 2.0]))
    y = np.sum(x * k)
    graph = tn.graph(y)
    assert [repr(graph.nodes[0]), repr(graph.nodes[-1])] == ["<GraphNode x>", "<GraphNode y = sum(x * k)>"]
    assert repr(graph.constants[0]) == "<Constant k>"


def test_scopes_are_headings_of_the_text() -> None:
    x = Tensor(2.0)
    with tn.scope("outer"):
        a = x * 3.0
        with tn.scope("inner"):
            b = np.tanh(a)
    J = b * b
    lines = str(tn.graph(J)).splitlines()
    assert [line.strip() for line in lines if line.strip().startswith("[")] == ["[outer]", "[inner]"]
    inner = next(line for line in lines if "tanh" in line)
    assert inner.startswith("    ")


def test_scopes_that_share_their_outer_part() -> None:
    x = Tensor(np.array([1.0, 2.0]))
    with tn.scope("net"):
        with tn.scope("first"):
            a = np.tanh(x)
        with tn.scope("second"):
            b = np.sin(a)
    J = np.sum(b)
    J.backward()
    graph = tn.graph(J)
    for level in (None, 0, 1, 2):
        boxes = draw(graph, View(level=level)).boxes
        assert boxes
    assert "[second]" in str(graph)


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5, 6, 8])
def test_any_number_of_boxes(most: int) -> None:
    x, w = Tensor(np.array([1.0, 2.0]), name="x"), Tensor(np.array([3.0, 4.0]), name="w")
    y = np.tanh(x * w) + w
    z = np.sin(y) * x
    J = np.sum(z)
    J.backward()
    boxes = [box for box in draw(tn.graph(J), View(max_nodes=most, unnamed=True)).boxes if box.kind != "constant"]
    assert 1 <= len(boxes) <= most + 2
    assert len(boxes) <= 8


def test_leaves_only() -> None:
    x = Tensor(2.0, name="x")
    assert [box.kind for box in draw(tn.graph(x * 1.0), View(max_nodes=1)).boxes]
    assert "x" in str(tn.graph(x))


@pytest.mark.parametrize("constants", [True, False, None])
def test_constants_in_the_picture(constants: bool | None) -> None:
    k = np.array([2.0, 3.0])
    J = np.sum(Tensor(np.array([1.0, 2.0])) * k * 5.0)
    shown = [box for box in draw(tn.graph(J), View(constants=constants)).boxes if box.kind == "constant"]
    assert (len(shown) > 0) == (constants is not False)


def test_a_gradient_of_zero_has_the_palest_colour() -> None:
    x, y = Tensor(2.0), Tensor(3.0)
    J = x * 0.0 + y
    J.backward()
    tints = {box.title.split()[0]: box.tint for box in draw(tn.graph(J), View(color="gradient")).boxes}
    assert tints["x"] == "heat0"
    assert tints["y"] == "heat5"


# ── engines ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_graphviz_pure_is_found_by_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "graphviz-pure"
    package = SimpleNamespace(files=None, locate_file=lambda name: tmp_path / name)
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: package)
    assert layout._graphviz_pure() is None
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    os.chmod(program, 0o755)
    engine = layout._graphviz_pure()
    assert engine is not None
    assert engine.command[0] == str(program.resolve())


def test_a_pygraphviz_that_is_too_old_or_broken_is_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.machinery.ModuleSpec("pygraphviz", None, origin="/somewhere/pygraphviz/__init__.py")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    for version, works in (("1.14", False), ("2.0.4", True), ("3.0", True)):
        monkeypatch.setattr(importlib.metadata, "version", lambda name, version=version: version)
        assert (layout._pygraphviz() is not None) == works

    def lacking(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", lacking)
    assert layout._pygraphviz() is None
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert layout._pygraphviz() is None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"no markup", "no XML"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "without a graph"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><g/></svg>', "left out"),
    ],
)
def test_an_engine_that_answers_nonsense(answer: bytes, words: str) -> None:
    with pytest.raises(DrawingError, match=words):
        svg.finish_svg(answer, draw(first_graph(), View()), "J")


def test_a_marked_arrow_is_wide() -> None:
    graph = first_graph()
    marked = View(highlight=(graph.node("c"), graph.node("u"), graph.node("v")))
    drawing = draw(graph, marked)
    assert [(a.source, a.target) for a in drawing.arrows if a.marked and a.kind == "forward"] == [
        (graph.node("c").key, graph.node("u").key),
        (graph.node("u").key, graph.node("v").key),
    ]
    assert write_dot(drawing).count("penwidth=2.5") == 4
    assert plain_svg(drawing, "J").count('stroke-width="2.5"') == 4


def test_without_an_engine_the_arrows_of_a_picture_from_top_to_bottom_go_down() -> None:
    graph = first_graph()
    for rankdir in ("TB", "LR"):
        ET.fromstring(plain_svg(draw(graph, View(rankdir=rankdir)), "J"))
    down, across = (plain_svg(draw(graph, View(rankdir=way)), "J") for way in ("TB", "LR"))
    sizes = [[float(ET.fromstring(s).get("viewBox", "").split()[k]) for k in (2, 3)] for s in (down, across)]
    assert sizes[0][1] > sizes[1][1]
    assert sizes[0][0] < sizes[1][0]


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_names_of_no_frame_are_none() -> None:
    assert names_of_frame(None).tensors == []


def test_a_search_for_names_ends() -> None:
    """However much hangs on a variable, only so much of it is looked at."""
    names = Names()
    many = {f"k{i}": Tensor(float(i)) for i in range(60_000)}
    names.search({"many": many})
    assert 0 < len(names.tensors) < len(many)


def test_the_variables_of_every_function_that_returned_are_remembered() -> None:
    def inner(p: Any) -> Any:
        deep = p * 2
        return deep

    with watch_names() as collected:
        x = Tensor(1.0)
        inner(x)
    assert ("deep", 2.0) in [(name, float(t.data)) for name, t in collected().tensors]


def test_inputs_that_are_no_arrays_stay_what_they_are() -> None:
    def f(x: Any, labels: Any, flag: Any, how: Any, t: Any) -> Any:
        assert labels.dtype.kind == "i"
        assert flag is True
        return np.sum(x * (labels == 1)) * t if how == "sum" else x

    t = Tensor(2.0, name="t")
    graph = tn.graph(f, np.array([1.0, 2.0]), np.array([1, 0]), True, "sum", t)
    assert {"x", "t"} <= {node.label for node in graph.nodes}


def test_a_function_whose_arguments_have_no_names() -> None:
    assert float(tn.graph(np.tanh, 0.5).root.value) == np.tanh(0.5)


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_that_cannot_be_written_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "J.svg").write_bytes(b"before")

    def full(*_: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "J.svg", b"after")
    assert [file.name for file in tmp_path.iterdir()] == ["J.svg"]
    assert (tmp_path / "J.svg").read_bytes() == b"before"


def test_source_needs_one_number() -> None:
    with pytest.raises(NotScalarError, match="ends in one number"):
        write_source(tn.graph(Tensor(np.ones(3)) * 2.0))


def test_the_picture_is_xml() -> None:
    J = np.sum(Tensor(np.ones((2, 2)), name="<x>") * 2.0)
    J.backward()
    for options in ({"rankdir": "TB"}, {"direction": "backward"}, {"direction": "forward"}, {"color": "gradient"}):
        ET.fromstring(tn.graph(J, **options).to_svg())
