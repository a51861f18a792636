"""The catalogue of the notes' formulas as pages: one a chapter, one a derivation, and the errata."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tinygrad_notes.notes.catalogue import CHAPTERS, SOURCES, catalogue
from tinygrad_notes.notes.derivations import DERIVATIONS, Derivation
from tinygrad_notes.notes.entry import Entry

Pages = Iterator[tuple[str, str | bytes]]
VERDICTS = ("right", "refuted", "text")
KINDS = {"slip": "a slip", "OCR": "damage by text recognition"}


def generate() -> Pages:
    """Every page of the catalogue; the lines refuted in it are refuted again here, for their counterexamples."""
    refuted = {entry.id: entry.verify().counterexample for entry in catalogue.values() if entry.slip}
    for name, entries in catalogue.chapters.items():
        body = "\n".join(article(entry, refuted.get(entry.id, "")) for entry in entries)
        yield f"catalogue/{name}.md", f"# {CHAPTERS[name]}\n\n{body}"
    for derivation in DERIVATIONS:
        picture = f"derivation_{derivation.name}.svg"
        yield f"catalogue/{picture}", derivation.graph().to_svg()
        yield f"catalogue/derivation_{derivation.name}.md", derivation_page(derivation, picture)
    yield "catalogue/errata.md", errata(refuted)
    yield "catalogue/index.md", index()


def index() -> str:
    """Chapters with their counts, derivations, sources."""
    rows = [
        f"| [{CHAPTERS[name]}]({name}.md) | "
        + " | ".join(str([entry.expected for entry in entries].count(v) or "") for v in VERDICTS)
        + " |"
        for name, entries in catalogue.chapters.items()
    ]
    count = sum(map(len, catalogue.chapters.values()))
    return "\n".join(
        [
            "# The notes, verified",
            "",
            f"{count} formulas, algorithms and rules of five sets of course notes. Each is decided by computing: "
            "right when it agrees with autodiff, with numerical differences, or with another way to compute the same; "
            "refuted by its smallest counterexample. `tinygrad-notes notes` decides them all on your machine, "
            "`tinygrad-notes notes logreg.dz` one; the tests do so in every run.",
            "",
            "| chapter | right | refuted | text |",
            "|---|---:|---:|---:|",
            *rows,
            "",
            "All refuted lines on one page: [errata](errata.md).",
            "",
            "## Derivations",
            "",
            *(f"- [{d.title}](derivation_{d.name}.md)" for d in DERIVATIONS),
            "",
            "## Sources",
            "",
            *(f"- `{number}`: {words}" for number, words in SOURCES.items()),
            "",
        ]
    )


def article(entry: Entry, counterexample: str) -> str:
    """One entry."""
    where = f"{badge(entry)} `{entry.id}` · {entry.where}" + (f" · {escape(entry.shapes)}" if entry.shapes else "")
    parts = [f"## {escape(entry.title)} {{#{entry.id}}}", where, math(entry.latex)]
    if entry.code:
        parts.append(fenced(entry.code, "As it is written, in NumPy" if entry.slip else ""))
    if entry.slip:
        parts.append(f"Wrong ({KINDS.get(entry.slip, 'a slip or text recognition')}): {escape(entry.why)}.")
        parts.append(fenced(entry.repair, "Right"))
        parts.append(f'```text title="Counterexample"\n{counterexample.strip()}\n```')
    elif entry.why:
        parts.append(escape(entry.why))
    if entry.convention:
        parts.append(f"Up to convention: {escape(entry.convention)}")
    if entry.cost:
        parts.append(fenced(entry.cost, "Derivative of"))
    return "\n\n".join(filter(None, parts)) + "\n"


def derivation_page(derivation: Derivation, picture: str) -> str:
    """A derivation: words, graph, steps."""
    parts = [
        f"# {derivation.title}",
        escape(derivation.words),
        fenced(derivation.code),
        f"![The graph, with the chain rule at its arrows]({picture})",
    ]
    for k, entry in enumerate((catalogue[id] for id in derivation.steps if id in catalogue), 1):
        parts += [f"## {k}. {escape(entry.title)}", math(entry.latex), fenced(entry.formula) if entry.code else ""]
        parts.append(f"{badge(entry)} [`{entry.id}`]({catalogue.chapter_of(entry.id)}.md#{entry.id})")
    return "\n\n".join(filter(None, parts)) + "\n"


def errata(refuted: dict[str, str]) -> str:
    """Every refuted entry, in the order of the sources."""
    entries = sorted((entry for entry in catalogue.values() if entry.slip), key=place)
    parts = ["# Errata", f"{len(entries)} lines that are wrong as they are written, each refuted by computing."]
    for number, words in SOURCES.items():
        parts.append(f"## {number}: {words} {{#source-{number}}}")
        for entry in entries:
            if place(entry)[0] == int(number):
                link = f"[`{entry.id}`]({catalogue.chapter_of(entry.id)}.md#{entry.id})"
                parts.append(f"**{entry.where}** ({entry.slip}) {escape(entry.why)} · {link}")
                parts += [math(entry.latex), fenced(entry.code, "As it is written"), fenced(entry.repair, "Right")]
                parts.append("```text\n" + "\n".join(refuted[entry.id].strip().splitlines()[:4]) + "\n```")
    return "\n\n".join(filter(None, parts)) + "\n"


def badge(entry: Entry) -> str:
    """The verdict as a label."""
    return f'<span class="verdict {entry.expected}">{entry.expected}</span>'


def math(latex: str) -> str:
    """A displayed formula."""
    return f"$$\n{latex.strip()}\n$$" if latex else ""


def fenced(code: str, title: str = "") -> str:
    """A block of code."""
    return f"``` {{.python{f' title={chr(34)}{title}{chr(34)}' if title else ''}}}\n{code.strip()}\n```"


def escape(text: str) -> str:
    """Text in which no character means something to Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>#|$~^])", r"\\\1", text).replace("\\<", "&lt;").replace("\\>", "&gt;")


def place(entry: Entry) -> tuple[int, int]:
    """Where an entry stands first: number of the source, line."""
    found = re.search(r"(\d{3}):(\d+)", entry.where)
    return (int(found[1]), int(found[2])) if found else (999, 0)
