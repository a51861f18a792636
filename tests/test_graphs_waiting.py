"""A long layout tells a person at a terminal that it goes on, and a log nothing."""

from __future__ import annotations

import io
import sys
import types

import pytest

from tinygrad_notes.graphs import layout, waiting

SLOW = layout.Engine("slow", (sys.executable, "-c", "import time; time.sleep(0.8); print('<svg/>')"))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 0.05)


def test_a_bar_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich", reason="the bar is rich's")
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    assert layout.lay_out(SLOW, "digraph {}", "svg").startswith(b"<svg/>")
    assert "laying out the graph" in screen.getvalue()
    assert "of 20 s" in screen.getvalue()


def test_nothing_in_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    layout.lay_out(SLOW, "digraph {}", "svg")
    assert log.getvalue() == ""


def test_a_bar_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []

    class Handle:
        def update(self, what: str) -> None:
            shown.append(what)

    def display(what: str, display_id: bool) -> Handle:
        assert display_id
        shown.append(what)
        return Handle()

    monkeypatch.setattr(waiting, "in_notebook", lambda: True)
    page = types.SimpleNamespace(HTML=str, display=display)
    monkeypatch.setattr(waiting, "import_module", lambda _name: page)
    layout.lay_out(SLOW, "digraph {}", "svg")
    assert "laying out the graph" in shown[0]
    assert "<progress" in shown[0]
    assert shown[-1] == ""


def test_it_ends_when_the_layout_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    with pytest.raises(layout.TooSlow):
        layout.lay_out(SLOW, "digraph {}", "svg", timeout=0.2)
