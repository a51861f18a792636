"""The Python blocks of a page: found, run in order in one namespace, and what they print.

The site runs them to make the pictures that a page shows, the tests to hold every block and every printed line.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import io
import linecache
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>```+)[ ]?(?P<language>\w*)(?P<options>[^\n]*)\n(?P<code>.*?)^(?P=indent)(?P=fence)[ ]*$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A fenced block.

    Attributes
    ----------
    language, options, code : str
        ``python``, what else stands on the opening line, and the lines in between.
    line : int
        Where the fence opens in the page.
    follows : bool
        Whether it directly follows the block before it: then a ``text`` block is what that one prints.
    """

    language: str
    options: str
    code: str
    line: int
    follows: bool


def find_blocks(text: str) -> list[Block]:
    """Every fenced block of a Markdown page, in order."""
    found: list[Block] = []
    end = 0
    for match in FENCE.finditer(text):
        indent = match["indent"]
        code = "".join(line.removeprefix(indent) for line in match["code"].splitlines(keepends=True))
        follows = bool(found) and not text[end : match.start()].strip()
        found.append(
            Block(match["language"], match["options"].strip(), code, text.count("\n", 0, match.start()) + 1, follows)
        )
        end = match.end()
    return found


def imported(code: str) -> set[str]:
    """The packages that are imported."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def missing_modules(code: str) -> list[str]:
    """The imported packages that are not installed."""
    return sorted(name for name in imported(code) if importlib.util.find_spec(name) is None)


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """With this as the current folder."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def run_page(page: Path, folder: Path) -> list[tuple[Block, str, str | None]]:
    """Run the page's Python blocks in `folder`, as if they had been pasted into one file named after the page.

    Blocks that import a package that isn't installed are left out.

    Returns
    -------
    list of (Block, printed, shown)
        What each printed, and what the page shows that it prints (None if it doesn't).
    """
    blocks = find_blocks(page.read_text(encoding="utf-8"))
    name, namespace = f"{page.stem}.py", {"__name__": page.stem}
    pasted: list[str] = []
    found = []
    with working_in(folder):
        for k, block in enumerate(blocks):
            if block.language != "python" or missing_modules(block.code):
                continue
            before = "\n" * len(pasted)
            pasted += [*block.code.splitlines(keepends=True), "\n", "\n"]
            linecache.cache[name] = (sum(map(len, pasted)), None, pasted, name)
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(before + block.code, name, "exec"), namespace)
            after = blocks[k + 1] if k + 1 < len(blocks) else None
            shown = after.code if after is not None and after.language == "text" and after.follows else None
            found.append((block, printed.getvalue(), shown))
    return found
