"""Our row of the table in docs/pictures.md: one check a line, and no line without a check."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor
from tinygrad_notes.graphs import layout

PAGE = Path(__file__).parent.parent / "docs" / "pictures.md"


@pytest.fixture(autouse=True)
def plain_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is promised holds without any layout engine."""
    monkeypatch.setattr(layout, "find_engine", lambda: None)


def first_graph():
    a, b, c = Tensor(5.0), Tensor(3.0), Tensor(2.0)
    u = b * c
    v = a + u
    J = 3 * v
    J.backward()
    return tn.graph(J)


def words(graph) -> str:
    return " ".join(
        "".join(text.itertext()) for text in ET.fromstring(graph.to_svg()).iter() if text.tag.endswith("text")
    )


def network(blocks: int = 2):
    X = np.ones((3, 5))
    A = X
    weights = [Tensor(np.full((3, 3), 0.1)) for _ in range(blocks)]
    for k, W in enumerate(weights):
        with tn.scope(f"block {k}"):
            A = np.tanh(W @ A)
    J = np.mean(A**2)
    J.backward()
    return J


def shared():
    a, b = Tensor(2.0), Tensor(3.0)
    J = a * b + a
    J.backward()
    return tn.graph(J)


def squared_error(w):
    z = w * 2.0
    return z * z


def hostile():
    a = Tensor(1.0, name="<script>alert(1)</script>")
    J = a * 2
    return tn.graph(J).to_svg()


CHECKS = {
    "forward values": lambda: all(n in words(first_graph()).split() for n in ("5", "3", "2", "6", "11", "33")),
    "gradients": lambda: all(
        f"dJ/d{n} = {g}" in words(first_graph()) for n, g in zip("vaubc", (3, 3, 3, 6, 9), strict=True)
    ),
    "sum at a value used twice": lambda: "3 + 1 = 4" in words(shared()),
    "local derivatives": lambda: "dJ/dv · dv/da = 3 · 1 = 3" in words(first_graph().with_view(chain=True)),
    "shapes": lambda: "(3, 3)" in words(tn.graph(network())),
    "the user's own names": lambda: all(name in words(first_graph()).split() for name in "abcuv"),
    "formula of each operation": lambda: "v = a + u" in words(first_graph()),
    "source line": lambda: "test_pictures_page.py:" in str(tn.graph(squared_error, 1.0)),
    "boxes for layers": lambda: "block 1" in words(tn.graph(network())),
    "folding of layers": lambda: (
        len(tn.graph(network(), level=0).drawing.boxes) < len(tn.graph(network()).drawing.boxes)
    ),
    "folding of repeats": lambda: "× 12" in words(tn.graph(network(12), level=0)),
    "large graphs": lambda: "earlier operations" in words(tn.graph(long_chain(), unnamed=True)),
    "no system package": lambda: first_graph().to_svg().startswith("<?xml") or "<svg" in first_graph().to_svg(),
    "same graph, same text": lambda: first_graph().to_svg() == first_graph().to_svg(),
    "hostile names stay text": lambda: "<script>" not in hostile() and "&lt;script&gt;" in hostile(),
    "dark mode": lambda: "prefers-color-scheme:dark" in first_graph().to_svg(),
    "screen reader": lambda: all(part in first_graph().to_svg() for part in ('role="img"', "<title", "<desc")),
    "steps forward and backward": lambda: "play" in first_graph().to_html() and "<script" in first_graph().to_html(),
    "text in a terminal": lambda: "dJ/db = 6" in str(first_graph()),
    "backward pass as NumPy source": lambda: "db = du * c" in first_graph().source,
    "chain rule as LaTeX": lambda: r"\frac{\partial" in str(first_graph().latex),
}


def long_chain():
    y = x = Tensor(1.0)
    for _ in range(2000):
        y = y * 1.001
    y.backward()
    assert x.grad is not None
    return y


def rows() -> dict[str, str]:
    lines = [line.split("|")[1:3] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return {name.strip(): ours.strip() for name, ours in lines if name.strip()}


def test_every_line_has_a_check_and_every_check_a_line() -> None:
    assert set(rows()) == set(CHECKS)
    assert all(ours.startswith("y") for ours in rows().values())


@pytest.mark.parametrize("feature", CHECKS)
def test_our_row(feature: str) -> None:
    assert CHECKS[feature]()
