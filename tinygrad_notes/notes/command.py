"""``tinygrad-notes notes``: the catalogue verified, as a table, as JSON, as a web site, or one entry in full."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import BadInputError
from .catalogue import CHAPTERS, catalogue
from .entry import Entry, Verification

__all__ = ["add_arguments", "as_data", "notes_command", "told"]

VERDICTS = ("right", "refuted", "text")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the subcommand."""
    parser.add_argument("id", nargs="*", help="entries to show in full, logreg.dz; all as a table if none is given")
    parser.add_argument("--chapter", choices=list(CHAPTERS), metavar="NAME", help=f"only {', '.join(CHAPTERS)}")
    parser.add_argument("--verdict", choices=VERDICTS, help="only entries that stand as such in the catalogue")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument("--html", metavar="DIR", help="write the whole catalogue as a web site")
    parser.add_argument("-o", "--output", metavar="FILE", help="with one id: save its graph (.svg .png .html .dot)")


def notes_command(arguments: argparse.Namespace) -> int:
    """Verify and show; 1 if a verdict isn't the one that stands beside its entry.

    Raises
    ------
    BadInputError
        If there is no such entry, or no graph to save.
    """
    if arguments.html:
        if arguments.id or arguments.chapter or arguments.verdict or arguments.json:
            raise BadInputError("--html writes the whole catalogue: give it no other choice")
        return _write_site(Path(arguments.html))
    entries = _chosen(arguments)
    if arguments.output:
        _save_graph(entries, arguments.output)
    start = time.perf_counter()
    if arguments.json:
        found = {entry.id: entry.verify() for entry in entries}
        data = {"entries": [as_data(entry, found[entry.id]) for entry in entries]}
        print(json.dumps({**data, "seconds": round(time.perf_counter() - start, 3)}, ensure_ascii=False, indent=2))
    elif arguments.id:
        found = {entry.id: entry.verify() for entry in entries}
        print("\n\n".join(told(entry, found[entry.id]) for entry in entries))
    else:
        found = _table(entries)
    return 0 if all(found.values()) else 1


def _chosen(arguments: argparse.Namespace) -> list[Entry]:
    if not arguments.id:
        return catalogue.filter(arguments.chapter, arguments.verdict)
    try:
        return [catalogue[id] for id in arguments.id]
    except KeyError as error:
        raise BadInputError(str(error.args[0])) from None


def _save_graph(entries: Iterable[Entry], file: str) -> None:
    only = list(entries)
    graph = only[0].graph() if len(only) == 1 else None
    if graph is None:
        raise BadInputError("--output saves the graph of one entry that has one: give its id")
    print(f"drawn to {graph.save(file)}", file=sys.stderr)


def _table(entries: list[Entry]) -> dict[str, Verification]:
    """Print a line for each as it is decided, and how many there are."""
    width = max((len(entry.id) for entry in entries), default=0)
    found: dict[str, Verification] = {}
    chapter = ""
    start = time.perf_counter()
    for entry in entries:
        if catalogue.chapter_of(entry.id) != chapter:
            chapter = catalogue.chapter_of(entry.id)
            print(f"{'' if not found else chr(10)}{CHAPTERS[chapter]}")
        result = found[entry.id] = entry.verify()
        mark = "" if result else f"  ← expected {entry.expected}"
        print(f"  {entry.id:<{width}}  {result.verdict:<8} {result.seconds:6.3f} s  {entry.title}{mark}")
    counts = {verdict: sum(r.verdict == verdict for r in found.values()) for verdict in VERDICTS}
    wrong = sum(not r for r in found.values())
    print(
        f"\n{len(found)} entries: {counts['right']} right, {counts['refuted']} refuted, {counts['text']} text; "
        f"{wrong or 'none'} {'disagrees' if wrong == 1 else 'disagree'} with what stands beside it; "
        f"{time.perf_counter() - start:.1f} s"
    )
    return found


def as_data(entry: Entry, result: Verification) -> dict[str, Any]:
    """An entry and its verification as plain data.

    Examples
    --------
    >>> entry = catalogue["graph.db"]
    >>> as_data(entry, entry.verify())["verdict"]
    'right'
    """
    return {
        "id": entry.id,
        "chapter": catalogue.chapter_of(entry.id),
        "title": entry.title,
        "where": entry.where,
        "verdict": result.verdict,
        "expected": result.expected,
        "agrees": bool(result),
        "seconds": round(result.seconds, 4),
        "latex": entry.latex,
        "code": entry.code,
        "right": entry.repair or None,
        "right_verified": result.repaired,
        "slip": entry.slip or None,
        "why": entry.why or None,
        "convention": entry.convention or None,
        "shapes": entry.shapes or None,
        "cost": entry.cost or None,
        "evidence": result.evidence or None,
        "counterexample": result.counterexample or None,
        "slips": result.slips,
    }


def told(entry: Entry, result: Verification) -> str:
    r"""An entry in full, for a terminal.

    Examples
    --------
    >>> entry = catalogue["graph.db"]
    >>> print(told(entry, entry.verify()))  # doctest: +ELLIPSIS
    graph.db: right
      dJ/db = dJ/du · du/db = 3c = 6
      stands at: 002:175; 004:330
      formula: \frac{dJ}{db} = \frac{dJ}{du}\frac{du}{db} = 3c
      code: db = 3 * c
      shapes: scalar
      derivative of:
        u = b * c
        v = a + u
        J = 3 * v
      computed: ...
    """
    lines = [f"{entry.id}: {result.verdict}" + ("" if result else f", and {entry.expected} was expected")]
    lines.append(f"  {entry.title}")
    for label, words in (
        ("stands at", entry.where),
        ("formula", entry.latex),
        ("code", entry.code),
        ("right", entry.repair),
        ("slip", f"{entry.slip}: {entry.why}" if entry.slip else entry.why),
        ("shapes", entry.shapes),
        ("convention", entry.convention),
        ("derivative of", entry.cost),
        ("computed", result.evidence),
        ("counterexample", result.counterexample),
        ("the right line", {True: "verified", False: "NOT verified", None: ""}[result.repaired]),
        ("time", f"{result.seconds:.3f} s" if entry.claim else ""),
    ):
        if words:
            lines += _labelled(label, words)
    return "\n".join(lines)


def _labelled(label: str, words: str) -> list[str]:
    parts = words.strip("\n").splitlines()
    if len(parts) == 1:
        return [f"  {label}: {parts[0]}"]
    return [f"  {label}:", *(f"    {part}" for part in parts)]


def _write_site(directory: Path) -> int:
    from .site import write_site

    found = {id: entry.verify() for id, entry in catalogue.items()}
    print(f"written to {write_site(directory, found)}")
    return 0 if all(found.values()) else 1
