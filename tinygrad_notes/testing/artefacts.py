"""What a failing check leaves behind in a directory: a web page, the case as ``.npz``, a ten-line program."""

from __future__ import annotations

import html
import inspect
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import TinygradNotesError
from .draws import Draw
from .report import Report
from .subject import Subject

__all__ = ["save"]

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}}
pre{{overflow:auto;background:#8881;padding:.7rem}}svg{{max-width:100%;height:auto}}
@media(prefers-color-scheme:dark){{body{{background:#111;color:#eee}}}}</style></head>
<body><h1>{title}</h1>{report}{graphs}<h2>Run it again</h2><pre>{program}</pre></body></html>
"""

PROGRAM = """# {title}
import numpy as np
from tinygrad_notes import testing

{imports}
case = np.load("{stem}.npz")
inputs = [case[name] for name in {names}]
report = testing.check_gradient({f}, {hand}, *inputs, wrt={wrt!r})
print(report)
"""


def save(report: Report, subject: Subject, failing: Draw | None, directory: str | os.PathLike[str]) -> Path:
    """Write the artefacts of a failed check and return the web page's path.

    Parameters
    ----------
    report : Report
    subject : Subject
        The two functions.
    failing : Draw or None
        The case to store where none was shrunk.
    directory : path
        Made if it isn't there.
    """
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"\W+", "_", f"{report.hand_name}").strip("_") or "derivation"
    case = report.case.inputs if report.case is not None else failing.inputs if failing is not None else {}
    arrays = {
        name: np.asarray(x) for name, x in case.items() if not isinstance(x, (dict, list, tuple)) and not callable(x)
    }
    extra = (
        {}
        if report.case is None
        else {**_tagged(report.case.yours, "yours"), **_tagged(report.case.correct, "correct")}
    )
    everything: dict[str, Any] = {**arrays, **extra}
    np.savez(folder / f"{stem}.npz", **everything)
    program = PROGRAM.format(
        title=report.headline(),
        imports=_imports(subject.f, subject.by_hand),
        stem=stem,
        names=list(case),
        f=getattr(subject.f, "__name__", "f"),
        hand=getattr(subject.by_hand, "__name__", "by_hand"),
        wrt=" ".join(name.removeprefix("d") for name in (*report.wrong, *report.right)) or None,
    )
    (folder / f"{stem}_again.py").write_text(program, encoding="utf-8")
    (folder / f"{stem}.json").write_text(report.to_json(), encoding="utf-8")
    page = folder / f"{stem}.html"
    page.write_text(
        PAGE.format(
            title=html.escape(report.headline()),
            report=report._repr_html_(),
            graphs=_graphs(report, subject, case),
            program=html.escape(program),
        ),
        encoding="utf-8",
    )
    report.notes.append(f"saved: {page}")
    return page


def _tagged(arrays: dict[str, Any], tag: str) -> dict[str, Any]:
    return {f"{name}_{tag}": np.asarray(x) for name, x in arrays.items()}


def _imports(*functions: Callable[..., Any]) -> str:
    """Lines that bring the functions back: an import from their file, or their source."""
    lines = []
    for f in functions:
        name, file = getattr(f, "__name__", ""), inspect.getsourcefile(f) if hasattr(f, "__code__") else None
        if name.isidentifier() and file and "<locals>" not in f.__qualname__ and os.path.exists(file):
            lines.append(f"from {Path(file).stem} import {name}")
        else:
            lines.append(f"# bring {name or 'the function'} here: {f!r}".split(" at 0x")[0])
    return "\n".join(lines)


def _graphs(report: Report, subject: Subject, case: dict[str, Any]) -> str:
    """The graph with the wrong steps coloured, or at least the graph of `f` at the case."""
    pictures = []
    if report.graph is not None:
        pictures.append(("Your derivation beside the engine's", report.graph))
    try:
        from ..graphs import graph

        pictures.append(("The function", graph(subject.f, *case.values())))
    except (ImportError, TypeError, TinygradNotesError):
        pass  # a function that can't be traced has no graph to show
    return "".join(f"<h2>{html.escape(title)}</h2>{_picture(drawn)}" for title, drawn in pictures)


def _picture(drawn: Any) -> str:
    for method in ("_repr_svg_", "_repr_html_"):
        show: Callable[[], Any] | None = getattr(drawn, method, None)
        if show is not None:
            return str(show())
    return f"<pre>{html.escape(str(drawn))}</pre>"
