"""The documentation: every block runs and prints what is shown, every link leads somewhere, every page fits a phone."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import errors
from tinygrad_notes.cli import main

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS / "_site"))

import blocks  # noqa: E402 (of docs/_site)
import failures  # noqa: E402
import quotes  # noqa: E402

PAGES = sorted(page for page in DOCS.rglob("*.md") if "_site" not in page.parts)
PYTHON_ELSEWHERE = {"gallery.md": "written by slips/gallery.py; test_gallery.py holds every line of it"}
SHELL_ELSEWHERE = {
    'python3 -m venv .venv && .venv/bin/pip install -q -e ".[draw]"': "installing is the README's first command",
}
DOORS = {"dask", "distributed", "jax", "networkx", "onnx", "onnxruntime", "pyarrow", "sklearn", "torch", "zarr"}
"""Packages of tn.interop's doors: a block that needs one runs where it is installed."""
EXTERNAL = {
    "https://keepachangelog.com/en/1.1.0/",
    "https://netron.app",
    "https://semver.org/",
}
"""Every link that leaves the site."""


def name_of(page: Path) -> str:
    return str(page.relative_to(DOCS))


# ── blocks ───────────────────────────────────────────────────────────────────────────────────────────────────────


PEERS = sorted((DOCS / "coming_from").glob("[!i]*.md"))
OWN = [page for page in PAGES if page.name not in PYTHON_ELSEWHERE and page not in PEERS]


def run(page, folder):
    """What each block prints, by the line where it opens; held against what the page shows."""
    found = blocks.run_page(page, folder)
    for block, printed, shown in found:
        if shown is not None:
            assert printed.rstrip() == shown.rstrip(), f"{name_of(page)}:{block.line}"
    return {block.line: printed for block, printed, _ in found}


def python_blocks(text):
    return [block for block in blocks.find_blocks(text) if block.language == "python"]


@pytest.mark.parametrize("page", OWN, ids=name_of)
def test_blocks_run_and_print_what_is_shown(page, tmp_path):
    wanted = python_blocks(page.read_text(encoding="utf-8"))
    missing = {module for block in wanted for module in blocks.missing_modules(block.code)}
    assert missing <= DOORS
    assert list(run(page, tmp_path)) == [b.line for b in wanted if not blocks.missing_modules(b.code)]


@pytest.mark.parametrize("page", OWN, ids=name_of)
def test_a_page_says_what_its_blocks_need(page):
    """Whoever installed what README's first command installs isn't stopped by an import."""
    text = page.read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    brought = {
        extra: {re.split(r"[>=\[]", need)[0] for need in needs}
        for extra, needs in project["optional-dependencies"].items()
    }
    given = {"numpy", "tinygrad_notes", *sys.stdlib_module_names}
    for module in {name for block in python_blocks(text) for name in blocks.imported(block.code)} - given:
        package = {"sklearn": "scikit-learn"}.get(module, module)
        ways = [f"pip install {package}", f"extra `{package}`"]
        for extra, packages in brought.items():
            ways += [f'".[{extra}]"', f"extra `{extra}`"] if package in packages else []
        assert any(way in text for way in ways), f"{name_of(page)} doesn't say how to get {package}: {ways}"


@pytest.mark.filterwarnings("ignore")  # the others' own
@pytest.mark.parametrize("page", PEERS, ids=name_of)
def test_both_sides_print_the_same(page, tmp_path):
    text = page.read_text(encoding="utf-8")
    missing = {module for block in python_blocks(text) for module in blocks.missing_modules(block.code)}
    if missing:  # later blocks use what earlier ones made
        pytest.skip(f"not installed: {', '.join(sorted(missing))}")
    printed = run(page, tmp_path)
    sides = list(re.finditer(r'<div class="side" markdown>.*?</div>', text, re.DOTALL))
    assert sides
    for side in sides:
        first = text.count("\n", 0, side.start())
        theirs, ours = (printed[first + block.line] for block in blocks.find_blocks(side[0]))
        assert theirs == ours != "", f"{name_of(page)}:{first}"


def test_every_block_is_of_a_kind_that_is_held():
    kinds = {b.language for page in PAGES for b in blocks.find_blocks(page.read_text(encoding="utf-8"))}
    assert kinds <= {"python", "text", "sh"}


@pytest.mark.parametrize("page", [p for p in PAGES if "```sh" in p.read_text(encoding="utf-8")], ids=name_of)
def test_commands_run(page, tmp_path, capsys):
    blocks.run_page(page, tmp_path)  # they may write the files that the commands read
    with blocks.working_in(tmp_path):
        for block in blocks.find_blocks(page.read_text(encoding="utf-8")):
            if block.language == "sh":
                for line in filter(None, block.code.splitlines()):
                    program, *arguments = shlex.split(line)
                    assert program == "tinygrad-notes" or line in SHELL_ELSEWHERE, line
                    assert program != "tinygrad-notes" or main(arguments) == 0, line
    capsys.readouterr()


def test_the_design_is_walked_through_in_300_lines():
    text = (DOCS / "design.md").read_text(encoding="utf-8")
    quoted = re.findall(r"^\{\{ source (\S+) ([^}]+?) \}\}$", text, re.MULTILINE)
    lines = sum(quotes.quote(ROOT, file, names.split()).count("\n") - 1 for file, names in quoted)
    assert 200 < lines <= 300
    with pytest.raises(LookupError, match=r"backward\.py has no scatter"):
        quotes.quote(ROOT, "tinygrad_notes/backward.py", ["scatter"])


def test_every_error_has_a_program_that_raises_it():
    assert {*failures.FAILURES, "TinygradNotesError"} == set(errors.__all__)


# ── kinks of the others ──────────────────────────────────────────────────────────────────────────────────────────


def at_the_kink(np_, grad, array):
    """Derivatives at the kinks with a library's own NumPy, by the table's first column."""
    zero, norm = array(0.0), getattr(np_, "linalg", np).norm
    return {
        "maximum(x, 0)": lambda: grad(lambda x: np_.maximum(x, 0.0))(zero),
        "clip(x, 0, 1)": lambda: grad(lambda x: np_.clip(x, 0.0, 1.0))(zero),
        "abs(x)": lambda: grad(lambda x: np_.abs(x))(zero),
        "max([1, 1])": lambda: grad(lambda x: np_.max(x))(array([1.0, 1.0])),
        "norm([0, 0])": lambda: grad(lambda x: norm(x))(array([0.0, 0.0])),
        "sqrt(x)": lambda: grad(lambda x: np_.sqrt(x))(zero),
    }


def ours():
    return at_the_kink(np, tn.grad, np.asarray) | {"relu(x)": lambda: tn.grad(tn.nn.relu)(0.0)}


def jax():
    peer = pytest.importorskip("jax")
    answers = at_the_kink(peer.numpy, peer.grad, peer.numpy.asarray)
    return answers | {"relu(x)": lambda: peer.grad(peer.nn.relu)(0.0)}


def autograd():
    peer = pytest.importorskip("autograd")
    import autograd.numpy as anp

    return at_the_kink(anp, peer.grad, np.asarray)


def mygrad():
    peer = pytest.importorskip("mygrad")
    from mygrad.nnet.activations import relu

    def grad(f):
        def computed(x):
            t = peer.tensor(x)
            f(t).backward()
            return t.grad

        return computed

    return at_the_kink(peer, grad, np.asarray) | {"relu(x)": lambda: grad(relu)(0.0)}


def torch():
    peer = pytest.importorskip("torch")

    def grad(f):
        def computed(x):
            t = x.clone().requires_grad_()
            f(t).backward()
            return t.grad.numpy()

        return computed

    zero, tied = peer.tensor(0.0), peer.tensor([1.0, 1.0])
    return {
        "maximum(x, 0)": lambda: grad(lambda x: peer.maximum(x, peer.tensor(0.0)))(zero),
        "relu(x)": lambda: grad(peer.relu)(zero),
        "clip(x, 0, 1)": lambda: grad(lambda x: peer.clip(x, 0.0, 1.0))(zero),
        "abs(x)": lambda: grad(peer.abs)(zero),
        "max([1, 1])": lambda: grad(peer.max)(tied),
        "norm([0, 0])": lambda: grad(peer.linalg.vector_norm)(peer.zeros(2)),
        "sqrt(x)": lambda: grad(peer.sqrt)(zero),
    }


LIBRARIES = {"tinygrad_notes": ours, "PyTorch": torch, "JAX": jax, "HIPS autograd": autograd, "MyGrad": mygrad}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("library", LIBRARIES)
def test_kinks_of_the_others(library):
    table = re.search(r'PEERS = """(.*?)"""', (DOCS / "_site" / "pages.py").read_text(encoding="utf-8"), re.DOTALL)
    head, _, *rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table[1].strip().splitlines()]
    column, answers = head.index(library), LIBRARIES[library]()
    for row in rows:
        expression = row[0].split("`")[1]
        if row[column] != "–":
            with np.errstate(all="ignore"):
                found = np.asarray(answers[expression]())
            shown = [float(x) for x in row[column].strip("[]").split(",")]
            shown = np.broadcast_to(shown if found.ndim else shown[0], found.shape)
            np.testing.assert_allclose(found, shown, err_msg=f"{library}: {expression}")


# ── the site ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly."""
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    return folder


class Links(HTMLParser):
    """The ids of a page, where it leads, and what it loads."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids.update(filter(None, (found.get("id"), found.get("name") if tag == "a" else None)))
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        if tag in ("img", "script", "iframe", "source") and found.get("src"):
            self.loads.append(found["src"])
        if tag == "link" and found.get("rel") not in ("canonical", "next", "prev"):
            self.loads.append(found["href"] or "")


def test_site_builds_and_everything_in_it_leads_somewhere(site):
    pages = {page.resolve(): Links(page) for page in site.rglob("*.html")}
    assert len(pages) > 60
    dead, outside = [], set()
    for page, found in pages.items():
        if page.name == "404.html":  # served from any depth, so its links begin at the root
            continue
        for link in found.links + found.loads:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                outside.add(link)
                assert link in found.links, f"{page} loads {link} from the network"
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            anchor = unquote(parts.fragment)
            if not target.exists() or (anchor and target in pages and anchor not in pages[target].ids | {"__top"}):
                dead.append(f"{page.relative_to(site)}: {link}")
    assert dead == []
    assert outside == EXTERNAL


def test_every_public_name_is_in_the_api_reference(site):
    ids = set().union(*(Links(page).ids for page in (site / "api").glob("*.html")))
    for room, path in ((tn, "tinygrad_notes"), (tn.testing, "tinygrad_notes.testing"), (tn.nn, "tinygrad_notes.nn")):
        names = [name for name in room.__all__ if callable(getattr(room, name))]
        assert [name for name in names if f"{path}.{name}" not in ids] == []


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """Headless Chromium, without a network."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as engines:
        own = Path(engines.chromium.executable_path)
        found = str(own) if own.exists() else shutil.which("chromium") or shutil.which("google-chrome")
        if found is None:
            pytest.skip("no Chromium here")
        browser = engines.chromium.launch(executable_path=found)
        yield browser
        browser.close()


TOO_WIDE = """() => [...document.querySelectorAll('.md-content *')].filter(e => {
  const box = e.getBoundingClientRect()
  if (box.right <= innerWidth + 1 || box.width === 0) return false
  for (let p = e.parentElement; p; p = p.parentElement)
    if (['auto', 'scroll', 'hidden'].includes(getComputedStyle(p).overflowX)) return false
  return true
}).map(e => e.tagName + ': ' + e.textContent.slice(0, 60))"""


MADE = ("api", "catalogue", "examples")
"""Folders of pages that are made alike: the longest of each stand for all."""


def written_and_longest(site):
    pages = [page for page in sorted(site.rglob("*.html")) if page.parent != site or page.name != "404.html"]
    longest = {
        page
        for folder in MADE
        for page in sorted((site / folder).glob("*.html"), key=lambda page: page.stat().st_size)[-3:]
    }
    return [page for page in pages if page.parent.name not in MADE or page in longest]


def test_pages_fit_a_phone_and_say_nothing_in_the_console(site, browser):
    page = browser.new_context(offline=True, viewport={"width": 390, "height": 844}).new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(f"failed: {request.url}, {request.failure}"))
    faults = []
    for file in written_and_longest(site):
        page.goto(file.as_uri())
        faults += [f"{file.relative_to(site)}: {what}" for what in page.evaluate(TOO_WIDE)[:3]]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            faults.append(f"{file.relative_to(site)} is wider than a phone")
        broken = "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
        faults += [f"{file.relative_to(site)}: no picture {src}" for src in page.evaluate(broken)]
        faults += [f"{file.relative_to(site)}: {text}" for text in said if "ERR_ABORTED" not in text]
        said.clear()
    assert faults == []


def test_search_works_from_disk_without_a_network(site, browser):
    page = browser.new_context(offline=True, viewport={"width": 1280, "height": 800}).new_page()
    page.goto((site / "index.html").as_uri())
    page.locator("input[name=query]").click()
    page.locator("input[name=query]").type("hessian")
    page.locator(".md-search-result__link").first.wait_for(timeout=20_000)
    assert any("derivatives.html" in a.get_attribute("href") for a in page.locator(".md-search-result__link").all())
