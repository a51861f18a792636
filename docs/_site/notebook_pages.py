"""The notebooks as pages: their words, their programs, and what came out when they were last executed."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Pages = Iterator[tuple[str, str | bytes]]


def generate(folder: Path) -> Pages:
    """A page for every notebook, and its pictures."""
    links = []
    for file in sorted(folder.glob("*.ipynb")):
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        page = Page(file.stem)
        for cell in cells:
            page.add(cell)
        for name, picture in page.pictures.items():
            yield f"notebooks/{name}", picture
        title = "".join(cells[0]["source"]).splitlines()[0].removeprefix("# ")
        links.append(f"- [{title}]({file.stem}.md)")
        yield f"notebooks/{file.stem}.md", "\n\n".join(page.parts) + "\n"
    intro = (
        "# Notebooks\n\nThe course's path, weeks 2 to 4 of its first course and week 1 of its second. Every cell ends "
        "in a picture or a verdict. They stand in the repository's folder `notebooks`, as `.py` and as `.ipynb`. "
        'To open them: `.venv/bin/pip install -e ".[all]" jupyterlab`, then `.venv/bin/jupyter lab notebooks`.\n\n'
    )
    yield "notebooks/index.md", intro + "\n".join(links) + "\n"


class Page:
    """A page on its way from cells to Markdown."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.parts: list[str] = []
        self.pictures: dict[str, bytes] = {}

    def add(self, cell: dict[str, Any]) -> None:
        """One cell with its outputs."""
        source = "".join(cell["source"]).rstrip()
        if cell["cell_type"] == "markdown":
            self.parts.append(source)
            return
        self.parts.append(f"```python\n{source}\n```")
        for output in cell["outputs"]:
            self.show(output)

    def show(self, output: dict[str, Any]) -> None:
        """The richest form of an output that a page can hold."""
        data = output.get("data", {"text/plain": output.get("text", "")})
        for mime, suffix in (("image/svg+xml", "svg"), ("image/png", "png")):
            if mime in data:
                content = "".join(data[mime])
                name = f"{self.name}_{len(self.pictures) + 1}.{suffix}"
                self.pictures[name] = base64.b64decode(content) if suffix == "png" else content.encode()
                self.parts.append(f"![{_title(content) if suffix == 'svg' else 'What the cell draws'}]({name})")
                return
        text = _words("".join(data["text/html"])) if "text/html" in data else "".join(data["text/plain"]).rstrip()
        self.parts.append(f"```text\n{text}\n```")


def _words(page: str) -> str:
    """What a piece of HTML says."""
    return html.unescape(re.sub(r"<[^>]+>", "", re.sub(r"</strong>", "\n", page))).strip()


def _title(svg: str) -> str:
    """The picture's own title, as its alternative text."""
    _, found, rest = svg.partition("<title")
    title = rest.partition(">")[2].partition("</title>")[0] if found else ""
    return title.replace("[", "(").replace("]", ")") or "A graph"
