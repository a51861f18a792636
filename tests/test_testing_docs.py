"""The tutorial page's programs run, and its first message is the one that is printed."""

from __future__ import annotations

import linecache
import re
from pathlib import Path

from tinygrad_notes.testing import bits, check_gradient

PAGE = Path(__file__).parents[1] / "docs" / "check_your_derivation.md"


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


def run_page():
    namespace = {"__name__": "page"}
    for k, source in enumerate(blocks("python")):
        name = f"page_block_{k}.py"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        exec(compile(source, name, "exec"), namespace)
    return namespace


def test_programs_run(capsys):
    namespace = run_page()
    assert "db is wrong in by_hand(); dw is right." in capsys.readouterr().out
    assert namespace["my_gradient"].derivation.check().verdict == "right"


def test_the_message_on_the_page_is_printed(capsys):
    page = run_page()
    capsys.readouterr()
    report = str(check_gradient(page["cost"], page["by_hand"], shapes=page["shapes"], given={"Y": bits}))
    shown = [re.sub(r"line \d+", "line", line).strip() for line in blocks("text")[0].splitlines()]
    printed = [re.sub(r"line \d+", "line", line).strip() for line in report.splitlines()]
    assert [line for line in shown if line not in printed] == []
