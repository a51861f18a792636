"""README.md says what happens: its Python blocks run, print what it shows, and its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md"]
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```\n(?:```text\n(?P<output>.*?)^```$)?", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://)([^)#]+)\)")


class Block(NamedTuple):
    """A Python block and the output that the page shows under it."""

    place: str
    code: str
    output: str | None


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(f"{page.name}:{text.count(chr(10), 0, m.start()) + 1}", m["code"], m["output"])
        for m in BLOCK.finditer(text)
    ]


@pytest.mark.parametrize("block", blocks(ROOT / "README.md"), ids=lambda block: block.place)
def test_block_runs_alone_and_prints_what_is_shown(block, tmp_path):
    program = tmp_path / "block.py"
    program.write_text(block.code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-W", "error", str(program)],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, f"{block.place}\n{done.stderr}"
    if block.output is not None:
        assert done.stdout.rstrip() == block.output.rstrip(), block.place


def test_every_python_block_was_found():
    assert len(blocks(ROOT / "README.md")) == (ROOT / "README.md").read_text(encoding="utf-8").count("```python\n") > 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_readme_states_each_command_once():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line.startswith("python3 -m venv .venv && ")]
    assert [line.rsplit(" && ")[-1].split()[0] for line in commands] == [".venv/bin/python", ".venv/bin/pytest"]
