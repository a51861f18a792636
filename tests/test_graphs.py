"""Graphs: the data, the names and formulas, the pictures."""

from __future__ import annotations

import math
import re
import sys
import weakref
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor
from tinygrad_notes.errors import BadInputError, DrawingError, MissingExtraError, NotScalarError
from tinygrad_notes.graphs import Graph, layout
from tinygrad_notes.graphs.drawing import draw

SVG = "{http://www.w3.org/2000/svg}"
ENGINE = layout.find_engine()
needs_engine = pytest.mark.skipif(ENGINE is None, reason="no layout engine: pip install 'tinygrad-notes[draw]'")


def first_graph() -> Graph:
    a, b, c = Tensor(5.0), Tensor(3.0), Tensor(2.0)
    u = b * c
    v = a + u
    J = 3 * v
    J.backward()
    return tn.graph(J)


def labels(graph: Graph) -> list[str]:
    return [f"{n.label} = {n.formula}" if n.formula and n.formula != n.label else n.label for n in graph.nodes]


def words(svg: str) -> list[str]:
    return [" ".join((text.text or "").split()) for text in ET.fromstring(svg).iter(SVG + "text")]


# ── the data ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_graph_of_the_notes() -> None:
    graph = first_graph()
    assert labels(graph) == ["a", "b", "c", "u = bc", "v = a + u", "J = 3v"]
    assert [float(n.value) for n in graph.nodes] == [5, 3, 2, 6, 11, 33]
    assert [float(n.gradient) for n in graph.nodes] == [3, 6, 9, 3, 3, 1]
    assert {str(e): float(e.local) for e in graph.edges} == {
        "<GraphEdge b → u>": 2,
        "<GraphEdge c → u>": 3,
        "<GraphEdge a → v>": 1,
        "<GraphEdge u → v>": 1,
        "<GraphEdge v → J>": 3,
    }
    assert [n.key for n in graph.nodes] == ["v1", "v2", "v3", "v4", "v5", "v6"]


def test_no_gradients_before_backward() -> None:
    a = Tensor(2.0)
    J = a * a
    graph = tn.graph(J)
    assert not graph.has_gradients
    assert [n.gradient for n in graph.nodes] == [None, None]
    assert "dJ" not in str(graph)
    assert "dJ" not in graph.to_dot()
    assert "backward" not in graph.to_dot()
    assert tn.graph(J, gradients=True).nodes[0].gradient == 4


def test_gradients_of_values_nobody_holds(rng: np.random.Generator) -> None:
    W, x = Tensor(rng.normal(size=(3, 4))), rng.normal(size=(4, 5))
    J = np.sum(np.tanh(W @ x) ** 2)
    J.backward()
    graph = tn.graph(J)
    tanh = next(n for n in graph.nodes if n.op.name == "tanh")
    np.testing.assert_allclose(tanh.gradient, 2 * np.tanh(W.data @ x))
    np.testing.assert_allclose(graph.node("W").gradient, W.grad)


def test_values_that_were_not_kept_are_computed_again(rng: np.random.Generator) -> None:
    x = rng.normal(size=(40, 40))
    t = Tensor(x)
    y = np.sum((t + 1.0) * 2.0 - t)  # nothing here is kept by the graph: sums and constant factors need no values
    graph = tn.graph(y)
    added = next(n for n in graph.nodes if n.op.name == "add")
    np.testing.assert_array_equal(added.value, x + 1.0)
    assert added.value is added.value
    np.testing.assert_allclose(graph.root.value, np.sum((x + 1) * 2 - x))


def test_the_snapshot_is_one() -> None:
    def make() -> tuple[Graph, weakref.ref[Tensor]]:
        w = Tensor(np.arange(3.0))
        J = np.sum(w * w)
        J.backward()
        graph = tn.graph(J)
        with tn.no_grad():
            w -= 1.0
        return graph, weakref.ref(J)

    graph, reference = make()
    assert reference() is None
    np.testing.assert_array_equal(graph.node("w").value, np.arange(3.0))
    np.testing.assert_array_equal(graph.root.value, 5.0)


def test_contributions_of_a_shared_value_add_up() -> None:
    a, b = Tensor(2.0), Tensor(3.0)
    u = a * b
    J = u + a
    J.backward()
    graph = tn.graph(J)
    assert [float(e.contribution) for e in graph.node("a").outputs] == [3, 1]
    assert "dJ/da = 3 + 1 = 4" in graph.to_dot()


def test_renamed_and_reused_values() -> None:
    x = Tensor(3.0)
    h = x * 2.0
    h.name = "hidden"
    J = h * h
    graph = tn.graph(J, gradients=True)
    assert labels(graph) == ["x", "hidden = 2x", "J = hidden · hidden"]
    assert graph.node("hidden").gradient == 12
    assert graph.node("x").gradient == 24


def test_broadcast_axes_and_shapes(rng: np.random.Generator) -> None:
    b = Tensor(np.zeros((4, 1)))
    W = Tensor(rng.normal(size=(4, 2)))
    X = rng.normal(size=(2, 7))
    Z = W @ X + b
    graph = tn.graph(np.sum(Z), gradients=True)
    edge = next(e for e in graph.edges if e.source.name == "b")
    assert edge.broadcast_axes == (1,)
    assert edge.local is None
    assert graph.node("b").gradient.shape == (4, 1)


def test_complex_gradients_match_backward() -> None:
    z = Tensor(np.array([1.0 + 2.0j, -0.5j]))
    J = np.sum(np.abs(np.exp(z) * z) ** 2)
    J.backward()
    np.testing.assert_allclose(tn.graph(J).node("z").gradient, z.grad)


def test_functions_with_several_results() -> None:
    A = Tensor(np.array([[2.0, 1.0], [1.0, 3.0]]))
    w, _ = np.linalg.eigh(A)
    J = np.sum(w**2)
    J.backward()
    graph = tn.graph(J)
    np.testing.assert_allclose(graph.node("A").gradient, A.grad)
    assert any("eigh" in label for label in labels(graph))
    assert graph.to_dot()


def test_every_gradient_of_a_function_is_that_of_grad(rng: np.random.Generator) -> None:
    def cost(W: Any, b: Any, X: Any, Y: Any) -> Any:
        A = tn.nn.sigmoid(W @ X + b)
        return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))

    args = rng.normal(size=(1, 3)), np.zeros((1, 1)), rng.normal(size=(3, 8)), rng.integers(0, 2, (1, 8)).astype(float)
    graph = tn.graph(cost, *args)
    for name, expected in zip(("W", "b", "X", "Y"), tn.grad(cost, (0, 1, 2, 3))(*args), strict=True):
        np.testing.assert_allclose(graph.node(name).gradient, expected, rtol=1e-12)
    assert graph.node("A").formula == "sigmoid(W @ X + b)"
    assert graph.node("A").place.startswith("test_graphs.py:")


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(BadInputError, match=r"tn.graph\(J\)"):
        tn.graph(np.ones(3))  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="a constant Tensor"):
        tn.graph(Tensor(1.0, requires_grad=False))
    with pytest.raises(NotScalarError, match="backward"):
        tn.graph(Tensor([1.0, 2.0]) * 2, gradients=True)
    with pytest.raises(BadInputError, match="direction="):
        tn.graph(Tensor(1.0) * 2, direction="sideways")
    with pytest.raises(BadInputError, match="named ones: a"):
        first_graph().node("nobody")
    with pytest.raises(BadInputError, match="takes one Tensor"):
        tn.graph(Tensor(1.0) * 2, 3)


def test_a_cotangent_given_to_backward_is_the_seed() -> None:
    x = Tensor([1.0, 2.0])
    y = x * x
    y.backward(gradient=np.array([1.0, 10.0]))
    np.testing.assert_array_equal(tn.graph(y).node("x").gradient, [2, 40])


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Layer:
    W: Tensor
    b: Tensor


def test_names_come_from_variables_and_containers() -> None:
    params = {"W1": Tensor(np.ones((2, 2))), "b1": Tensor(np.ones((2, 1)))}
    layers = [Layer(Tensor(np.ones((2, 2))), Tensor(np.ones((2, 1))))]
    X = np.ones((2, 5))
    explicit = Tensor(2.0, name="lambda")
    J = np.sum(layers[0].W @ (params["W1"] @ X + params["b1"]) + layers[0].b) * explicit
    found = {n.name for n in tn.graph(J).nodes if n.name}
    assert found == {"W1", "b1", "layers[0].W", "layers[0].b", "lambda", "J"}
    assert tn.graph(J).constants[0].name == "X"


def test_a_name_is_given_once_and_the_first_variable_counts() -> None:
    x = Tensor(2.0)
    alias = x
    J = alias * 3
    assert labels(tn.graph(J)) == ["x", "J = 3x"]


def test_an_unnamed_result_is_j_and_parts_are_written_out() -> None:
    a, b, c = Tensor(5.0), Tensor(3.0), Tensor(2.0)
    assert labels(tn.graph(3 * (a + b * c))) == ["a", "b", "c", "bc", "a + bc", "J = 3(a + bc)"]


def test_named_constants_are_drawn_and_numbers_are_not() -> None:
    m = Tensor(4.0, requires_grad=False)
    x = Tensor(3.0)
    J = 2 * x / m
    graph = tn.graph(J)
    assert labels(graph)[-1] == "J = 2x / m"
    assert [c.name for c in graph.constants] == ["m"]
    assert "c1 " in graph.to_dot()
    assert "c1 " not in tn.graph(J, constants=False).to_dot()


def test_a_complement_is_recognised(rng: np.random.Generator) -> None:
    Y = rng.integers(0, 2, (1, 9)).astype(float)
    a = Tensor(rng.random((1, 9)))
    J = np.sum((1 - Y) * a)
    assert labels(tn.graph(J))[1] == "(1 − Y) * a"


def test_long_formulas_are_cut_at_values_with_an_id() -> None:
    x = Tensor(1.0)
    y = x
    for _ in range(60):
        y = np.sin(y) + 1
    formulas = [n.formula for n in tn.graph(y).nodes]
    assert max(map(len, formulas)) < 80
    assert any(re.search(r"v\d+", formula) for formula in formulas)


# ── formulas in the notes' style ─────────────────────────────────────────────────────────────────────────────────

x, y = Tensor(2.0), Tensor(3.0)
W = Tensor(np.ones((2, 3)))
lam = Tensor(0.5)


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (x * y, "xy"),
        (x * lam, "x · lam"),
        (x * 3, "3x"),
        (-1 * x, "−x"),
        (x * (y + 1), "x(y + 1)"),
        ((x + y) * (x - y), "(x + y) · (x − y)"),
        (x / (y * 2), "x / (2y)"),
        (x - (y - 1), "x − (y − 1)"),
        (x + -2, "x − 2"),
        (-(x + y), "−(x + y)"),
        (x**2, "x²"),
        (x**-1, "x⁻¹"),
        ((x * y) ** 2, "(xy)²"),
        (x**0.5, "x^0.5"),
        (2.0**x, "2^x"),
        (np.abs(x), "|x|"),
        (1 / x, "1 / x"),
        (np.exp(-x), "exp(−x)"),
        (W.T @ W, "W.T @ W"),
        (W * W, "W * W"),
        (2 * W, "2W"),
        (np.sum(W, axis=1, keepdims=True), "sum(W, axis=1, keepdims=True)"),
        (np.mean(W), "mean(W)"),
        (W[0, :2], "W[0, :2]"),
        (W[..., None], "W[…, None]"),
        (W.reshape(3, 2), "reshape(W, shape=(3, 2))"),
        (np.maximum(W, 0), "maximum(W, 0)"),
        (np.concatenate([W, W]), "concatenate(W, W, axis=0)"),
    ],
)
def test_formulas(result: Tensor, text: str) -> None:
    graph = tn.graph(result)
    assert graph.root.formula == text


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────


def engines() -> list[Any]:
    return [pytest.param(find, id=find.__name__.strip("_")) for find in layout.FINDERS] + [
        pytest.param(None, id="plain")
    ]


@pytest.mark.parametrize("find", engines())
def test_the_first_picture_with_every_engine(find: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if find is not None and find() is None:
        pytest.skip(f"{find.__name__.strip('_')} is not installed here")
    monkeypatch.setattr(layout, "FINDERS", () if find is None else (find,))
    graph = first_graph()
    svg = graph.to_svg()
    found = words(svg)
    for text in ("5", "3", "2", "6", "11", "33", "u = bc", "v = a + u", "J = 3v"):
        assert text in found, text
    for text in ("dJ/da = 3", "dJ/db = 6", "dJ/dc = 9", "dJ/du = 3", "dJ/dv = 3"):
        assert text in found, text
    root = ET.fromstring(svg)
    groups = [g for g in root.iter(SVG + "g") if (g.get("class") or "").startswith(("node", "edge"))]
    name = root.get("id")
    assert [g.get("id", "") for g in groups if "node" in g.get("class", "")] == [f"{name}-v{i}" for i in range(1, 7)]
    assert len([g for g in groups if g.get("class") == "edge backward"]) == 5
    assert len({g.get("id") for g in root.iter() if g.get("id")}) == len([g for g in root.iter() if g.get("id")])
    assert root.find(SVG + "title").text == "J = 3v = 33"  # type: ignore[union-attr]
    assert "dJ/db = 6" in root.find(SVG + "desc").text  # type: ignore[union-attr, operator]
    assert root.get("role") == "img"
    assert "prefers-color-scheme:dark" in svg
    assert svg == first_graph().to_svg()


def test_dot_text_is_golden() -> None:
    golden = Path(__file__).parent / "data" / "J.dot"
    assert first_graph().to_dot() == golden.read_text(encoding="utf-8")


def test_the_plain_layout_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(layout, "FINDERS", ())
    graph = first_graph()
    graph.to_svg()
    assert "pip install 'tinygrad-notes[draw]'" in capsys.readouterr().err
    with pytest.raises(MissingExtraError, match="draw"):
        graph.save("never.png")
    assert not Path("never.png").exists()


def test_the_plain_layout_draws_every_box_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "FINDERS", ())
    root = ET.fromstring(first_graph().to_svg())
    rects = [tuple(float(r.get(k, "0")) for k in ("x", "y", "width", "height")) for r in root.iter(SVG + "rect")]
    assert len(rects) == 6
    for i, (x1, y1, w1, h1) in enumerate(rects):
        for x2, y2, w2, h2 in rects[i + 1 :]:
            assert x1 + w1 <= x2 or x2 + w2 <= x1 or y1 + h1 <= y2 or y2 + h2 <= y1


@needs_engine
def test_names_are_data_not_markup() -> None:
    bad = Tensor(2.0, name='<script>alert("x")</script> & \x00 \\N')
    J = bad * 3
    svg = tn.graph(J, gradients=True).to_svg()
    root = ET.fromstring(svg)
    assert not list(root.iter(SVG + "script"))
    assert any("<script>" in (t.text or "") for t in root.iter(SVG + "text"))
    assert any("\\N" in (t.text or "") for t in root.iter(SVG + "text"))


@needs_engine
@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf", ".dot", ".txt"])
def test_save(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"J{suffix}"
    assert first_graph().save(file) == file
    start = {".svg": b"<svg", ".png": b"\x89PNG", ".pdf": b"%PDF", ".dot": b"digraph", ".txt": b"a "}[suffix]
    assert file.read_bytes().startswith(start)
    assert [p.name for p in tmp_path.iterdir()] == [file.name]


def test_an_unknown_suffix_is_refused_and_nothing_written(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"\.bmp.*\.svg"):
        first_graph().save(tmp_path / "J.bmp")
    with pytest.raises(BadInputError, match="known are"):
        first_graph().save(tmp_path / "J")
    assert not list(tmp_path.iterdir())


def test_a_failing_engine_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def engine(*command: str) -> tuple[Any, ...]:
        return (lambda: layout.Engine("broken", (sys.executable, "-c", *command)),)

    monkeypatch.setattr(layout, "FINDERS", engine("import os; os.abort()"))
    with pytest.raises(DrawingError, match="broken failed on this graph"):
        first_graph().save(tmp_path / "J.svg")
    monkeypatch.setattr(layout, "FINDERS", engine("print('<svg>')"))
    with pytest.raises(DrawingError, match="no XML"):
        first_graph().save(tmp_path / "J.svg")
    monkeypatch.setattr(layout, "FINDERS", engine("import time; time.sleep(60)"))
    with pytest.raises(DrawingError, match=r"max_nodes=100.*timeout=120"):
        first_graph().save(tmp_path / "J.svg", timeout=0.5)
    monkeypatch.setattr(layout, "TIMEOUT", 0.5)
    assert first_graph().save(tmp_path / "J.svg").read_text(encoding="utf-8").count("<rect") == 6
    (tmp_path / "J.svg").unlink()
    monkeypatch.setattr(layout, "FINDERS", (lambda: layout.Engine("gone", (str(tmp_path / "nothing"),)),))
    with pytest.raises(DrawingError, match="could not be started"):
        first_graph().save(tmp_path / "J.svg")
    assert not list(tmp_path.iterdir())


def test_the_order_of_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [f.__name__ for f in layout.FINDERS] == ["_dot_on_path", "_graphviz_pure", "_pygraphviz"]
    monkeypatch.setattr(layout.shutil, "which", lambda name: f"/opt/{name}")
    engine = layout.find_engine()
    assert engine is not None
    assert engine.command[0] == "/opt/dot"


def two_layers(m: int = 20, J: Any = None) -> Graph:
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(2, m)), rng.integers(0, 2, (1, m)).astype(float)
    params = {
        "W1": Tensor(rng.normal(size=(4, 2))),
        "b1": Tensor(np.zeros((4, 1))),
        "W2": Tensor(rng.normal(size=(1, 4))),
        "b2": Tensor(np.zeros((1, 1))),
    }
    with tn.scope("layer 1"):
        A1 = np.tanh(params["W1"] @ X + params["b1"])
    with tn.scope("layer 2"):
        A2 = tn.nn.sigmoid(params["W2"] @ A1 + params["b2"])
    with tn.scope("cost"):
        J = -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))
    J.backward()
    return tn.graph(J)


def test_scopes_are_boxes_and_fold() -> None:
    opened = two_layers().drawing
    assert opened.groups == [("layer 1",), ("layer 2",), ("cost",)]
    assert {box.key: box.group for box in opened.boxes if box.kind == "leaf"} == {
        "v1": ("layer 1",),
        "v2": ("layer 1",),
        "v3": ("layer 2",),
        "v4": ("layer 2",),
    }
    folded = two_layers().with_view(level=0).drawing
    text = {box.rows[0].text: [row.text for row in box.rows] for box in folded.boxes if box.kind == "module"}
    assert set(text) == {"layer 1", "layer 2", "cost"}
    assert "3 operations, 12 parameters" in text["layer 1"]
    assert any(row.startswith("|dJ/dW1| = ") for row in text["layer 1"])
    assert any(arrow.label == "A1 (4, 20)" for arrow in folded.arrows)


def test_equal_blocks_fold_into_one() -> None:
    rng = np.random.default_rng(0)
    h = rng.normal(size=(8, 3))
    for i in range(12):
        with tn.scope(f"block {i + 1}"):
            W = Tensor(rng.normal(size=(8, 8)) / 3)
            h = h + np.tanh(W @ h)
    J = np.sum(h**2)
    J.backward()
    drawing = tn.graph(J, level=0).drawing
    modules = [box for box in drawing.boxes if box.kind == "module"]
    assert len(modules) == 1
    assert modules[0].rows[0].text == "block 1 … block 12  × 12"
    assert any(row.text.startswith("|grad| per copy") for row in modules[0].rows)
    assert any("36 operations, 768 parameters" in row.text for row in modules[0].rows)


def test_a_tiny_gpt_folds_by_block_and_fits_a_screen() -> None:
    rng = np.random.default_rng(0)
    h: Any = rng.normal(size=(8, 16))
    for i in range(12):
        with tn.scope(f"block {i + 1}"):
            with tn.scope("attention"):
                Q, K, V, M = (Tensor(rng.normal(size=(16, 16)) / 4) for _ in range(4))
                h = h + tn.nn.softmax((h @ Q) @ (h @ K).T / 4, axis=-1) @ (h @ V) @ M
            with tn.scope("mlp"):
                W1, W2 = Tensor(rng.normal(size=(16, 64)) / 4), Tensor(rng.normal(size=(64, 16)) / 8)
                h = h + tn.nn.gelu(h @ W1) @ W2
    J = np.mean(h**2)
    J.backward()
    graph = tn.graph(J)
    assert len(graph.drawing.boxes) <= 4
    assert "36,864 parameters" in graph.to_dot()
    assert len(graph.with_view(level=1).drawing.boxes) > 20


def test_a_scope_entered_again_is_another_box() -> None:
    h = Tensor(1.0)
    for _ in range(2):
        with tn.scope("step"):
            h = h * 2
        h = h + 1
    drawing = tn.graph(h).drawing
    assert drawing.groups == [("step",), ("step (2)",)]


def chain(n: int) -> Tensor:
    t = Tensor(1.0)
    for i in range(n):
        t = t * 1.0001 if i % 2 else t + 0.5
    return t


def test_large_graphs_are_cut_with_a_line_that_says_so() -> None:
    drawing = tn.graph(chain(1000), max_nodes=50, unnamed=True).drawing
    assert len(drawing.boxes) == 50
    assert drawing.boxes[0].rows[0].text == "… 951 earlier operations"
    assert drawing.left_out == 951


def test_a_hundred_thousand_nodes_without_recursion() -> None:
    graph = Graph(chain(100_000).node, gradients=True)  # type: ignore[arg-type]
    assert len(graph.nodes) == 100_001
    assert math.isclose(float(graph.nodes[0].gradient), 1.0001**50_000, rel_tol=1e-9)
    assert len(str(graph).splitlines()) == 201


def test_diamonds_are_linear() -> None:
    t = Tensor(1.0)
    for _ in range(60):
        t = t + t
    graph = tn.graph(t, gradients=True)
    assert len(graph.nodes) == 61
    assert float(graph.nodes[0].gradient) == 2.0**60


def test_views() -> None:
    graph = first_graph()
    forward = graph.with_view(direction="forward").drawing
    backward = graph.with_view(direction="backward").drawing
    assert {a.kind for a in forward.arrows} == {"forward"}
    assert {a.kind for a in backward.arrows} == {"backward"}
    chain_rule = graph.with_view(chain=True).drawing
    assert "dJ/dv · dv/da = 3 · 1 = 3" in [a.label for a in chain_rule.arrows]
    assert {box.tint for box in graph.with_view(color="gradient").drawing.boxes} <= {f"heat{i}" for i in range(6)}
    assert [b.key for b in graph.with_view(highlight=("u",)).drawing.boxes if b.tint == "marked"] == ["v4"]
    assert graph.drawing == draw(graph, graph.view)


def test_nan_and_inf_are_named() -> None:
    x = Tensor(np.array([0.0, 1.0, 2.0, 3.0, 4.0]))
    with np.errstate(all="ignore"):
        J = np.sum(np.log(x) * x)
        J.backward()
        graph = tn.graph(J)
    rows = [row.text for box in graph.drawing.boxes for row in box.rows if row.role == "warning"]
    assert "NaN in 1 of 5" in rows
    assert any(box.tint == "bad" for box in graph.drawing.boxes)


def test_notebook_display() -> None:
    graph = first_graph()
    bundle = graph._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg")
    assert bundle["text/plain"] == str(graph)
    assert repr(graph) == "<Graph of J: 6 values, 5 edges>"


def test_a_function_is_drawn_of_a_call() -> None:
    with pytest.raises(BadInputError, match=r"tn\.graph\(f, x\)"):
        tn.graph(lambda x: x * x)
    assert tn.graph(lambda: tn.Tensor(2.0) * 3).nodes[-1].value == 6
