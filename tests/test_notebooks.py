"""The notebooks: every cell runs and ends in a picture or a verdict, and the two forms of each are one notebook."""

from __future__ import annotations

import ast
import json
import linecache
import re
from pathlib import Path
from typing import Any

import pytest

from tinygrad_notes.graphs import Graph
from tinygrad_notes.graphs.why import Why
from tinygrad_notes.testing import Report

pytest.importorskip("matplotlib")
from matplotlib.figure import Figure

FOLDER = Path(__file__).parent.parent / "notebooks"
SCRIPTS = sorted(FOLDER.glob("[0-9]*.py"))
PICTURES = (Graph, Figure)
CELL = re.compile(r"^# %%(?P<kind> \[markdown\])?\n(?P<body>.*?)(?=^# %%|\Z)", re.MULTILINE | re.DOTALL)


def cells(script: Path) -> list[tuple[str, str]]:
    """Kind and source of every cell of a percent file."""
    found = []
    for match in CELL.finditer(script.read_text(encoding="utf-8")):
        body = match["body"].strip("\n")
        if match["kind"]:
            body = "\n".join(line.removeprefix("#").removeprefix(" ") for line in body.splitlines())
        found.append(("markdown" if match["kind"] else "code", body))
    return found


def is_verdict(value: Any) -> bool:
    """A report, an answer, or the word of the catalogue."""
    if isinstance(value, list):
        return bool(value) and all(map(is_verdict, value))
    return isinstance(value, (Report, Why)) or value in ("right", "refuted")


def shown(value: Any) -> str:
    """What a verdict says, without the sizes and numbers that may differ."""
    if isinstance(value, Report):
        return value.headline()
    return str(value).splitlines()[0]


def run(source: str, name: str, namespace: dict[str, Any]) -> Any:
    """Run a cell as a notebook does: its last expression is its value."""
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    tree = ast.parse(source)
    last = tree.body.pop()
    assert isinstance(last, ast.Expr), f"{name} ends in no expression"
    exec(compile(tree, name, "exec"), namespace)
    return eval(compile(ast.Expression(last.value), name, "eval"), namespace)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_every_cell_ends_in_a_picture_or_a_verdict(script):
    pytest.importorskip("matplotlib_inline")
    stored = json.loads(script.with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"]
    namespace: dict[str, Any] = {"__name__": script.stem}
    for k, (kind, source) in enumerate(cells(script)):
        if kind == "code":
            value = run(source, f"{script.stem}, cell {k}", namespace)
            assert isinstance(value, PICTURES) or is_verdict(value), f"{script.name}, cell {k}: {value!r}"
            output = stored[k]["outputs"][-1]
            assert output["output_type"] == "execute_result", f"{script.stem}.ipynb, cell {k}"
            kinds = set(output["data"])
            if isinstance(value, PICTURES):
                assert kinds & {"image/svg+xml", "image/png"}
            elif isinstance(value, Report):
                assert value.headline() in "".join(output["data"]["text/html"]).replace("&#x27;", "'")
            elif isinstance(value, (str, list)):
                assert "".join(output["data"]["text/plain"]) == repr(value)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_both_forms_are_one_notebook(script):
    """After a change run ``python notebooks/execute.py``."""
    stored = json.loads(script.with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"]
    assert [(c["cell_type"], "".join(c["source"])) for c in stored] == cells(script)
    jupytext = pytest.importorskip("jupytext")
    assert [(c.cell_type, c.source) for c in jupytext.read(script).cells] == cells(script)


def test_the_path_of_the_course_is_covered():
    assert [p.stem for p in SCRIPTS] == sorted(p.stem for p in FOLDER.glob("*.ipynb"))
    titles = [cells(p)[0][1].splitlines()[0] for p in SCRIPTS]
    assert [re.sub(r":.*", "", t) for t in titles] == ["# Week 2", "# Week 3", "# Week 4", "# Course 2, week 1"]
