"""The catalogue as a static web site: plain pages, formulas as MathML, pictures as SVG, no script, no network."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import missing_extra
from .catalogue import CHAPTERS, SOURCES, catalogue
from .derivations import DERIVATIONS, Derivation
from .entry import Entry, Verification

if TYPE_CHECKING:
    from ..graphs import Graph

__all__ = ["write_site"]

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --soft: #5a5a66; --line: #d9d9e0; --ground: #ffffff; --code: #f4f4f7;
  --right: #1a6b33; --refuted: #b01010; --text: #555566; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececf1; --soft: #a9a9b6; --line: #3a3a44; --ground: #17171b;
  --code: #23232a; --right: #7fd49a; --refuted: #ff9a91; --text: #b5b5c2; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; overflow-wrap: anywhere; }
a { color: inherit; }
nav { margin-bottom: 1rem; color: var(--soft); }
h1 { font-size: 1.6rem; line-height: 1.25; }
h2 { font-size: 1.15rem; margin: 0 0 .3rem; }
article { border-top: 1px solid var(--line); padding: 1rem 0; }
pre, .math, .picture, .table { overflow-x: auto; max-width: 100%; }
pre { background: var(--code); padding: .6rem .8rem; border-radius: 6px; font-size: .875rem; margin: .5rem 0;
  white-space: pre-wrap; }
.source-code { white-space: pre; }
code { font-size: .9em; }
.math { padding: .5rem 0; font-size: 1.15rem; }
.picture img { display: block; max-width: none; }
.badge { display: inline-block; padding: 0 .55rem; border: 1.5px solid currentColor; border-radius: 1rem;
  font-size: .8rem; font-weight: 600; }
.right { color: var(--right); } .refuted { color: var(--refuted); } .text { color: var(--text); }
.soft { color: var(--soft); font-size: .9rem; margin: .2rem 0; }
table { border-collapse: collapse; width: 100%; }
th { white-space: nowrap; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem .35rem 0; border-bottom: 1px solid var(--line); }
td { min-width: 4rem; }
td.words { min-width: 12rem; }
.source { margin-top: 2.5rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)); gap: 0 1rem; }
.pair > * { min-width: 0; }
summary { cursor: pointer; color: var(--soft); }
:target { background: color-mix(in srgb, currentColor 8%, transparent); }
"""

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="icon" href="data:,"><link rel="stylesheet" href="{root}style.css"></head>
<body><nav><a href="{root}index.html">The notes, verified</a> · <a href="{root}errata.html">Errata</a> ·
<a href="{root}index.html#derivations">Derivations</a></nav>
<main><h1>{title}</h1>
{body}
</main></body></html>
"""


def write_site(directory: str | Path, found: Mapping[str, Verification]) -> Path:
    """Write every page and picture; existing files of these names are replaced.

    Parameters
    ----------
    directory : path
        Made if it isn't there.
    found : dict of str to Verification
        The verification of every entry of the catalogue.

    Returns
    -------
    Path
        The first page.

    Raises
    ------
    MissingExtraError
        If latex2mathml isn't installed.
    """
    return Site(Path(directory), found).write()


class Site:
    """The pages on their way to a directory."""

    def __init__(self, directory: Path, found: Mapping[str, Verification]) -> None:
        self.directory: Path = directory
        self.found: Mapping[str, Verification] = found
        self.sources: dict[str, str] = {}
        self.graphs: dict[int, Graph | None] = {}
        try:
            from latex2mathml.converter import convert
        except ImportError:
            raise missing_extra("latex2mathml", "docs", "typesetting formulas") from None
        self.convert: Callable[..., str] = convert

    def write(self) -> Path:
        """All of it."""
        (self.directory / "pictures").mkdir(parents=True, exist_ok=True)
        (self.directory / "rules").mkdir(exist_ok=True)
        (self.directory / "style.css").write_text(STYLE.lstrip(), encoding="utf-8")
        self.draw()
        for name, entries in catalogue.chapters.items():
            self.page(f"{name}.html", CHAPTERS[name], "\n".join(map(self.article, entries)))
        for derivation in DERIVATIONS:
            self.page(f"derivation-{derivation.name}.html", derivation.title, self.derivation(derivation))
        self.page("errata.html", "Errata, by source", self.errata())
        for name, text in self.sources.items():
            self.page(f"rules/{name}.html", f"rules/{name}.py", _numbered(text), root="../")
        return self.page("index.html", "The notes, verified", self.index())

    def page(self, name: str, title: str, body: str, root: str = "") -> Path:
        """One page."""
        file = self.directory / name
        file.write_text(PAGE.format(title=escape(title), body=body, root=root), encoding="utf-8")
        return file

    # what stands on the pages

    def index(self) -> str:
        """Chapters with their counts, derivations, sources."""
        rows = []
        for name, entries in catalogue.chapters.items():
            verdicts = [self.found[entry.id].verdict for entry in entries]
            counts = "".join(f"<td>{verdicts.count(v) or ''}</td>" for v in ("right", "refuted", "text"))
            rows.append(f'<tr><td class="words"><a href="{name}.html">{escape(CHAPTERS[name])}</a></td>{counts}</tr>')
        derivations = "".join(f'<li><a href="derivation-{d.name}.html">{escape(d.title)}</a></li>' for d in DERIVATIONS)
        seconds = sum(result.seconds for result in self.found.values())
        disagree = sum(not result for result in self.found.values())
        verdict = "all as expected" if not disagree else f"{disagree} not as expected"
        return (
            f"<p>{len(self.found)} formulas, algorithms and rules of five sets of course notes, decided by computing "
            f"in {seconds:.0f} s: {verdict}. A formula is right when it agrees with autodiff, numerical differences or "
            "another way to compute the same, and refuted by its smallest counterexample.</p>"
            '<div class="table"><table><thead><tr><th>Chapter</th><th class="right">right</th>'
            f'<th class="refuted">refuted</th><th class="text">text</th></tr></thead><tbody>{"".join(rows)}</tbody>'
            f'</table></div><h2 class="source" id="derivations">Derivations</h2><ul>{derivations}</ul>'
            f'<h2 class="source">Sources</h2>{_sources()}'
        )

    def article(self, entry: Entry) -> str:
        """One entry."""
        result = self.found[entry.id]
        parts = [
            f'<article id="{escape(entry.id)}"><h2>{escape(entry.title)}</h2>',
            f'<p class="soft">{_badge(result)} <code>{escape(entry.id)}</code> · {escape(entry.where)}'
            + (f" · {escape(entry.shapes)}" if entry.shapes else "")
            + "</p>",
            self.math(entry.latex),
        ]
        if entry.code:
            parts.append(_labelled("As it is written, in NumPy" if entry.slip else "In NumPy", entry.code))
        if entry.slip:
            kind = {"slip": "a slip", "OCR": "damage by text recognition"}.get(entry.slip, "a slip or text recognition")
            parts.append(f"<p>Wrong ({kind}): {escape(entry.why)}.</p>")
            parts.append(_labelled("Right, and verified" if result.repaired else "Right?", entry.repair))
        elif entry.why:
            parts.append(f"<p>{escape(entry.why)}</p>")
        if entry.convention:
            parts.append(f'<p class="soft">Up to convention: {escape(entry.convention)}</p>')
        if entry.cost:
            parts.append(_labelled("Derivative of", entry.cost))
        parts.append(self.decided(result))
        parts.append(self.picture(entry.id, self.graphs[_drawn_as(entry)]))
        return "".join(parts) + "</article>"

    def decided(self, result: Verification) -> str:
        """What computing said."""
        if result.counterexample:
            return _labelled("Counterexample", result.counterexample)
        if not result.evidence:
            return ""
        evidence = escape(result.evidence)
        return f"<details><summary>computed in {result.seconds:.3f} s</summary><pre>{evidence}</pre></details>"

    def draw(self) -> None:
        """Every graph once, several pictures at a time: each waits for Graphviz."""
        for entry in catalogue.values():
            if _drawn_as(entry) not in self.graphs:
                self.graphs[_drawn_as(entry)] = entry.graph()
        with ThreadPoolExecutor() as pool:
            for _ in pool.map(lambda graph: graph.to_svg(), filter(None, self.graphs.values())):
                pass  # the graph keeps its picture

    def picture(self, name: str, graph: Graph | None) -> str:
        """The graph's picture with the rules that it uses."""
        if graph is None:
            return ""
        svg = graph.to_svg()
        (self.directory / "pictures" / f"{name}.svg").write_text(svg, encoding="utf-8")
        title = re.search(r"<title[^>]*>(.*?)</title>", svg, re.DOTALL)
        alt = f"Graph: {title[1]}" if title else f"The graph of {escape(name)}"
        return (
            f'<div class="picture"><img src="pictures/{escape(name)}.svg" alt="{alt.replace(chr(34), "&quot;")}" '
            f'loading="lazy"></div>{self.rules(graph)}'
        )

    def rules(self, graph: Graph) -> str:
        """Links to the source lines of the rules in a graph."""
        links = {}
        for node in graph.nodes:
            rule = node.op.rule if node.inputs else None
            function = next((vjp for vjp in rule.vjps if vjp is not None), None) if rule is not None else None
            code = getattr(function, "__code__", None)
            if rule is None or code is None or Path(code.co_filename).parent.name != "rules":
                continue
            name = Path(code.co_filename).stem
            self.sources.setdefault(name, inspect.getsource(inspect.getmodule(function)))  # type: ignore[arg-type]
            links[rule.name] = f'<a href="rules/{name}.html#L{code.co_firstlineno}">{escape(rule.name)}</a>'
        return f'<p class="soft">Rules: {", ".join(links.values())}</p>' if links else ""

    def derivation(self, derivation: Derivation) -> str:
        """A derivation's page: words, graph, steps."""
        steps = [catalogue[id] for id in derivation.steps if id in catalogue]
        rows = []
        for k, entry in enumerate(steps, 1):
            chapter = catalogue.chapter_of(entry.id)
            rows.append(
                f"<article><h2>{k}. {escape(entry.title)}</h2>{self.math(entry.latex)}"
                + (f"<pre>{escape(entry.formula)}</pre>" if entry.code else "")
                + f'<p class="soft">{_badge(self.found[entry.id])} '
                f'<a href="{chapter}.html#{escape(entry.id)}">{escape(entry.id)}</a></p></article>'
            )
        picture = self.picture(f"derivation-{derivation.name}", derivation.graph())
        return f"<p>{escape(derivation.words)}</p><pre>{escape(derivation.code)}</pre>{picture}{''.join(rows)}"

    def errata(self) -> str:
        """Every refuted entry, in the order of the sources."""
        entries = sorted(catalogue.filter(verdict="refuted"), key=_place)
        parts = [f"<p>{len(entries)} lines that are wrong as they are written, each refuted by computing.</p>"]
        for number, words in SOURCES.items():
            here = [entry for entry in entries if _place(entry)[0] == int(number)]
            parts.append(f'<h2 class="source" id="source-{number}">{number}: {escape(words)}</h2>')
            parts += [self.erratum(entry) for entry in here]
        return "".join(parts)

    def erratum(self, entry: Entry) -> str:
        """One of them."""
        chapter, id = catalogue.chapter_of(entry.id), escape(entry.id)
        counterexample = _first_lines(self.found[entry.id].counterexample)
        return (
            f'<article id="{id}"><p><strong>{escape(entry.where)}</strong> ({escape(entry.slip)}) {escape(entry.why)}'
            f'</p>{self.math(entry.latex)}<div class="pair"><div>{_labelled("As it is written", entry.code)}</div>'
            f'<div>{_labelled("Right", entry.repair)}</div></div><p class="soft">{escape(counterexample)} · '
            f'<a href="{chapter}.html#{id}">{id}</a></p></article>'
        )

    def math(self, latex: str) -> str:
        """LaTeX as MathML."""
        return f'<div class="math">{self.convert(latex, display="block")}</div>' if latex else ""


def _drawn_as(entry: Entry) -> int:
    """A key for the graph: entries with one claim share that claim's graph, if it has one."""
    shared = entry.claim is not None and entry.claim.example()[0] is not None
    return id(entry.claim if shared else entry)


def _badge(result: Verification) -> str:
    verdict = result.verdict if result.verdict in ("right", "refuted", "text") else "text"
    unexpected = "" if result else f", expected {result.expected}"
    return f'<span class="badge {verdict}">{escape(result.verdict)}{unexpected}</span>'


def _labelled(label: str, code: str) -> str:
    return f'<p class="soft">{label}</p><pre>{escape(code.strip())}</pre>'


def _first_lines(text: str, most: int = 4) -> str:
    lines = text.splitlines()
    return " · ".join(line.strip() for line in lines[:most])


def _sources() -> str:
    items = "".join(f"<li><code>{number}</code> {escape(words)}</li>" for number, words in SOURCES.items())
    return f"<ul>{items}</ul>"


def _numbered(text: str) -> str:
    lines: Iterable[str] = (
        f'<span id="L{k}">{k:4} {escape(line)}</span>' for k, line in enumerate(text.splitlines(), 1)
    )
    return '<pre class="source-code">' + "\n".join(lines) + "</pre>"


def _place(entry: Entry) -> tuple[int, int]:
    """Where an entry stands first: number of the source, line."""
    found = re.search(r"(\d{3}):(\d+)", entry.where)
    return (int(found[1]), int(found[2])) if found else (999, 0)
