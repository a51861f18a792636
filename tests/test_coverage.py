"""The coverage table is the rule book's, and the page in docs/ is the table's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import tinygrad_notes as tn
from tinygrad_notes.cli import main
from tinygrad_notes.rules import BOOK

PAGE = Path(__file__).parent.parent / "docs" / "coverage.md"


def test_every_numpy_function_of_the_book_is_in_the_table():
    table = tn.coverage()
    for f in BOOK:
        if isinstance(f, np.ufunc) and getattr(np, f.__name__, None) is f:
            assert f"np.{f.__name__}" in table, f
    assert table["np.linalg.norm"].how in ("rule", "composite")
    assert table["isnan"].how == "plain"
    assert len(table) == len({row.name for row in table})


def test_it_prints_and_serialises():
    table = tn.coverage()
    assert "tanh" in str(table)
    assert "differentiated" in table.summary()
    rows = json.loads(table.to_json())
    assert len(rows) == len(table)
    assert set(rows[0]) == {"name", "how", "formula", "orders", "dtypes", "kinks", "domain"}
    assert "<table>" in table._repr_html_()


def test_the_page_is_up_to_date():
    """To write it anew: ``tinygrad-notes coverage --markdown > docs/coverage.md``."""
    page, made = PAGE.read_text(encoding="utf-8").rstrip(), tn.coverage().to_markdown().rstrip()
    if np.__version__.startswith("2.4."):
        assert page == made
    else:  # other NumPys have a few functions more or less: what both have is told in the same words
        rows = [
            {line.split("|")[1]: line for line in text.splitlines() if line.startswith("| `")} for text in (page, made)
        ]
        both = rows[0].keys() & rows[1].keys()
        assert len(both) > 0.95 * len(rows[0])
        assert {name: rows[0][name] for name in both} == {name: rows[1][name] for name in both}


def test_the_command(capsys):
    assert main(["coverage", "tanh"]) == 0
    assert "1 − y²" in capsys.readouterr().out
    assert main(["coverage", "argmax", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["how"] == "plain"
    assert main(["coverage", "no such function"]) == 2
