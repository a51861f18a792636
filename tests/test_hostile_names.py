"""Names and paths that are markup, commands or worse: they stay data in every picture, text and page."""

from __future__ import annotations

import re
import shutil
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor
from tinygrad_notes.cli import main
from tinygrad_notes.graphs.latex import _as_number

# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────

OWNED = "document.title='owned'"
MARKUP = {
    "script": f"</script><script>{OWNED}</script>",
    "image": f"<img src=x onerror={OWNED}>",
    "cdata": f"]]><script>{OWNED}</script>",
    "comment": f"--><script>{OWNED}</script><!--",
    "quotes": f'" onload="{OWNED}" \'`',
    "lines": "a\nb\r\nc\td\x0b\u2028\u2029e",
    "backslash": "\\N\\L\\G\\",
    "control": "\x00\x01\x08\x1b[31m\x1b]0;owned\x07\x7f\x85\x9b31m",
    "direction": "\u202eabc\u2066x\u200f\u2069",
    "long": "x" * 100_000,
    "latex": "}{ \\end{document}\\input{/etc/passwd}\\write18{ls}$$%&_^~#",
    "entity": "&amp;&lt;&#0;&bogus;",
    "surrogate": "a\ud800b",
    "no character": "\ufffe\uffff",
    "empty": "",
    "template": "${alert(1)}@DATA@@PICTURES@{{x}}%s{0}",
    "dot": '"];evil[label="x',
    "html label": "<b>x</b><br/>",
    "link": f'" xlink:href="javascript:{OWNED}"',
    "emoji": "😀é数",
    "space": " ",
    "python": "9**9**9**9",
    "call": "__import__('os')",
    "number": "1e999",
}


def graph_named(name: str) -> tn.Graph:
    x, c = Tensor(2.0, name=name), Tensor(np.ones(2), requires_grad=False, name=name)
    with tn.scope(name):
        y = np.sum(c * x) * x
        y.name = name + "2"
    return tn.graph(np.exp(y), gradients=True)


CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
COMMANDS = {
    "alpha",
    "backslash",
    "begin",
    "cdot",
    "end",
    "exp",
    "frac",
    "left",
    "mathbf",
    "mathrm",
    "mathtt",
    "odot",
    "partial",
    "right",
    "sim",
    "sqrt",
    "sum",
    "top",
    "wedge",
    "log",
    "tanh",
    "beta",
}


@pytest.mark.parametrize("kind", MARKUP)
def test_hostile_names_stay_data(kind: str) -> None:
    graph = graph_named(MARKUP[kind])
    svg, page, latex, text, source = graph.to_svg(), graph.to_html(), graph.to_latex(), str(graph), graph.source
    for shown in (svg, page, latex, text, source):
        assert not CONTROL.search(shown), ascii(CONTROL.search(shown))
        shown.encode()
    root = ET.fromstring(svg)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert not tags & {"script", "img", "image", "foreignObject", "b", "br"}, tags
    for element in root.iter():
        assert not any(key.lower().startswith("on") for key in element.attrib), element.attrib
        assert not any("javascript" in value for key, value in element.attrib.items() if "href" in key)
    compile(source, kind, "exec")
    assert page.count("<script") == graph_named("x").to_html().count("<script")
    commands = set(re.findall(r"\\([A-Za-z]+)", latex))
    assert commands <= COMMANDS, commands - COMMANDS
    depth = 0
    for step in re.findall(r"\\.|[{}]", latex):
        depth += {"{": 1, "}": -1}.get(step, 0)
        assert depth >= 0
    assert depth == 0
    assert re.sub(r"\\.", "", latex).count("$") == 0
    assert len(latex) < 20_000


@pytest.mark.parametrize("kind", MARKUP)
def test_hostile_names_are_parsed_by_graphviz(kind: str) -> None:
    pygraphviz = pytest.importorskip("pygraphviz", reason="pygraphviz is not installed")
    plain, hostile = (pygraphviz.AGraph(string=graph_named(name).to_dot()) for name in ("x", MARKUP[kind]))
    assert len(hostile.nodes()) == len(plain.nodes())
    assert len(hostile.edges()) == len(plain.edges())
    assert len(hostile.subgraphs()) == len(plain.subgraphs())
    assert not [node for node in hostile.nodes() if node.attr["URL"] or node.attr["href"]]


def test_numbers_in_names_are_not_computed() -> None:
    assert _as_number("9**9**9**9") is None
    assert _as_number("2 * (3 - 1)") == 4.0
    assert _as_number("-2 ** 2 / +4") == -1.0
    for text in ("e", "1 // 0", "1 / 0", "(" * 10, "True", "'x'", "[1]", "9" * 40):
        assert _as_number(text) is None
    start = time.perf_counter()
    x = Tensor(2.0, name="9**9**9**9")
    assert "cdot" in tn.graph((x * 3) * (x + 1), gradients=True).to_latex()
    assert time.perf_counter() - start < 20


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as runner:
        found = runner.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


def test_nothing_runs_in_a_browser(browser: Any, tmp_path: Path) -> None:
    page = browser.new_page()
    said: list[str] = []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if not request.url.startswith("file:") else None)
    for kind in ("script", "template", "quotes", "link"):
        graph = graph_named(MARKUP[kind])
        for suffix in (".html", ".svg"):
            file = graph.save(tmp_path / f"{kind.replace(' ', '')}{suffix}")
            page.goto(f"file://{file}")
            if suffix == ".html":
                for _ in range(3):
                    page.keyboard.press("ArrowRight")
                assert page.locator("img").count() == 0
            assert page.evaluate("document.title") != "owned", (kind, suffix)
    (tmp_path / "inline.html").write_text(
        "<title>fine</title>" + "".join(graph_named(name).to_svg() for name in MARKUP.values()), encoding="utf-8"
    )
    page.goto(f"file://{tmp_path / 'inline.html'}")
    assert page.title() == "fine"
    page.close()
    assert said == []


# ── paths ────────────────────────────────────────────────────────────────────────────────────────────────────────

PATHS = [
    "with space",
    "two\nlines",
    "ünïcödé 数据",
    "-rf",
    "%41%s",
    "'quo\"tes'",
    "$(id);`id`",
    "back\\slash",
    "#frag?x=1",
]


@pytest.mark.parametrize("name", PATHS)
def test_odd_paths_of_pictures_and_arrays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save(f"{name}.npy", np.ones(3))
    for suffix in (".svg", ".dot", ".html", ".txt"):
        assert main(["draw", "sum(a*a)", f"a={name}.npy", f"--output={name}{suffix}"]) == 0
        assert (tmp_path / f"{name}{suffix}").stat().st_size > 0
    if "\\" not in name:
        Path(f"{name}.py").write_text("from tinygrad_notes import Tensor\nJ = Tensor(2.0) * 3\n")
        assert main(["draw", "--output=out.dot", "--", f"{name}.py:J"]) == 0
    capsys.readouterr()
    assert main(["draw", "a", f"a=gone {name}.npy"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
