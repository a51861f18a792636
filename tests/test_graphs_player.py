"""The page that steps through a graph, in a real browser."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_graphs import first_graph, two_layers

import tinygrad_notes as tn
from tinygrad_notes import Tensor
from tinygrad_notes.graphs.html import steps

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as runner:
        found = runner.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Any]:
    pages: list[Any] = []
    errors: list[str] = []
    requests: list[str] = []

    def open_file(graph: tn.Graph, link: str = "", **options: Any) -> Any:
        file = graph.save(tmp_path / "J.html")
        page = browser.new_page(**options)
        page.on("console", lambda message: errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"file://{file}{link}")
        pages.append(page)
        return page

    yield open_file
    for page in pages:
        page.close()
    assert errors == []
    assert [url for url in requests if not url.startswith("file://")] == []


def said(page: Any) -> str:
    return str(page.inner_text("#say"))


def until(page: Any, count: str) -> None:
    for _ in range(100):
        if page.inner_text("#count") == count:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{count} was never reached, but {page.inner_text('#count')}")


def hidden(page: Any, text: str) -> bool:
    return bool(
        page.evaluate(
            """text => [...document.querySelectorAll('svg text')].filter(t => t.textContent.trim() === text)
               .every(t => getComputedStyle(t).visibility === 'hidden'
                        || t.closest('.wait') !== null)""",
            text,
        )
    )


def test_steps_in_sort_order() -> None:
    found = steps(first_graph())
    assert [(s["phase"][0], s["box"]) for s in found] == [
        *(("f", f"v{i}") for i in range(1, 7)),
        *(("b", f"v{i}") for i in (6, 5, 4, 3, 2, 1)),
    ]
    assert found[3]["text"].startswith("u = bc = 6")
    assert found[-2]["text"] == "dJ/db = 6\ndJ/du · du/db = 3 · 2"
    assert found[7]["arrows"] == ["v1-v5-0", "v1-v5-0-back", "v4-v5-1", "v4-v5-1-back"]


def test_sums_at_fan_outs_are_told() -> None:
    a, b = Tensor(2.0), Tensor(3.0)
    u = a * b
    J = u + a
    J.backward()
    assert steps(tn.graph(J))[-1]["text"] == "dJ/da = 4\nthe sum of what comes back from u, J: 3 + 1"


def test_forward_then_backward_with_keys(open_page: Any) -> None:
    page = open_page(first_graph())
    assert said(page) == "J = 3v = 33: every value and every derivative."
    assert not hidden(page, "dJ/dv = 3")
    page.keyboard.press("Home")
    assert page.inner_text("#count") == "0 / 12"
    assert hidden(page, "33")
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    assert said(page).startswith("J = 3v = 33")
    assert not hidden(page, "33")
    assert hidden(page, "dJ/dv = 3")
    page.keyboard.press("ArrowRight")
    assert not hidden(page, "dJ/dv = 3")
    assert hidden(page, "dJ/db = 6")
    page.keyboard.press("ArrowLeft")
    assert hidden(page, "dJ/dv = 3")
    page.keyboard.press("End")
    assert not hidden(page, "dJ/dc = 9")


def test_buttons_slider_and_play(open_page: Any) -> None:
    page = open_page(first_graph())
    page.click("#first")
    page.click("#next")
    page.click("#next")
    assert page.inner_text("#count") == "2 / 12"
    page.click("#back")
    assert page.inner_text("#count") == "1 / 12"
    page.fill("#slider", "8")
    assert "dJ/dv = 3" in said(page)
    page.click("#play")
    assert page.inner_text("#play") == "pause"
    until(page, "10 / 12")
    page.click("#play")
    assert page.inner_text("#play").endswith("play")


def test_a_link_to_a_step(open_page: Any) -> None:
    page = open_page(first_graph(), "#step=4")
    assert said(page).startswith("u = bc = 6")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("location.hash") == "#step=5"
    page.evaluate("location.hash = 'step=9'")
    until(page, "9 / 12")


def test_zoom_pan_search_and_hover(open_page: Any) -> None:
    page = open_page(first_graph())
    view_box = "document.querySelector('#stage svg').getAttribute('viewBox').split(' ').map(Number)"
    before = page.evaluate(view_box)
    page.click("#zoom-in")
    assert page.evaluate(view_box)[2] < before[2]
    page.mouse.move(300, 200)
    page.mouse.wheel(0, -200)
    area = page.evaluate(view_box)
    page.mouse.down()
    page.mouse.move(360, 240)
    page.mouse.up()
    assert page.evaluate(view_box)[0] < area[0]
    page.keyboard.press("0")
    assert page.evaluate(view_box) == before
    page.keyboard.press("/")
    page.keyboard.type("u = bc")
    assert page.locator(".hit").count() == 1
    assert said(page).startswith("u = bc = 6")
    page.fill("#search", "")
    page.locator(".node.output").click()
    assert "multiply: " in said(page)
    assert "dJ/du = 3" in page.locator(".node title").nth(3).text_content()


def test_folding(open_page: Any) -> None:
    page = open_page(two_layers())
    shown = "[...document.querySelectorAll('#stage svg')].filter(s => s.style.display !== 'none').length"
    assert page.evaluate(shown) == 1
    assert page.locator("#view option").all_text_contents() == ["all folded", "1 level open"]
    page.locator("#stage svg:visible .node.module").first.click()
    assert page.input_value("#view") == "1"
    assert page.evaluate(shown) == 1
    page.keyboard.press("f")
    assert page.input_value("#view") == "0"
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#count").startswith("1 / ")


def test_on_a_phone(open_page: Any) -> None:
    page = open_page(first_graph(), viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.tap("#first")
    page.tap("#next")
    assert page.inner_text("#count") == "1 / 12"
    smallest = page.evaluate("Math.min(...[...document.querySelectorAll('button')].map(b => b.offsetHeight))")
    assert smallest >= 34
    assert page.evaluate("document.querySelector('#stage').offsetHeight") > 150


def test_names_are_data_in_the_page_too(open_page: Any) -> None:
    x = Tensor(2.0, name="</script><script>document.title='stolen'</script>@DATA@<img src=x onerror=alert(1)>")
    page = open_page(tn.graph(x * 3, gradients=True))
    assert page.title() != "stolen"
    assert page.locator("img").count() == 0
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert "</script>" in said(page)


def test_large_graphs_in_the_player(open_page: Any, rng: np.random.Generator) -> None:
    x = Tensor(rng.normal())
    layer = [np.tanh(x * float(w)) for w in rng.normal(size=200)]
    J = sum(layer[1:], layer[0])
    page = open_page(tn.graph(J, gradients=True, max_nodes=2000, unnamed=True))
    assert page.locator(".node").count() > 500
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#count").startswith("1 / ")


def test_the_page_is_one_file_and_deterministic() -> None:
    page = first_graph().to_html()
    assert page == first_graph().to_html()
    assert not re.search(r"(src|href)=[\"']?http", page)
    assert "default-src 'none'" in page
    data = page.split('id="data">')[1].split("</script>")[0]
    assert len(json.loads(data)[0]["steps"]) == 12
    shown = first_graph().play()._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert 'sandbox="allow-scripts"' in shown
