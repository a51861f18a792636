"""What the site's build adds to MkDocs: generated pages, source quoted by name, formulas, pictures that code makes.

    {{ source tinygrad_notes/backward.py gather }}     in a page: that function's source, without its docstring
    {{ printed }}                                      in a page: what the Python block before it prints, run now
    ![J](first_graph/J.svg)                            a picture that no file holds: the page's own blocks write J.svg

MkDocs calls the functions ``on_…`` in the order in which they stand here.
"""

from __future__ import annotations

import html
import posixpath
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pages
from blocks import find_blocks, run_page
from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from quotes import quote

ROOT = Path(__file__).resolve().parents[2]
QUOTE = re.compile(r"^\{\{ source (?P<file>\S+) (?P<names>[^}]+?) \}\}$", re.MULTILINE)
PRINTED = "{{ printed }}"
IMAGE = re.compile(r"!\[[^\]]*\]\((?P<target>[\w./-]+)\)")
OUTSIDE = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<path>(?:\.\./)+[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")
MATH = re.compile(r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<latex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL)
PICTURE = re.compile(r'<p><img(?P<before>[^>]*?)src="(?P<src>[^":]+)"(?P<after>[^>]*?) ?/?></p>')
WIDTH = re.compile(r'<svg[^>]*? width="([\d.]+)(?:pt|px)?"')
SMALLEST = 0.7
"""A picture is shrunk to its column down to this share of its size; a larger one scrolls."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is generated: pages from the package's own data, pictures from the pages' and the examples' code."""
    for path, content in pages.generate():
        files.append(File.generated(config, path, content=content))
    for file in list(files.documentation_pages()):
        for path, picture in pictures_of(file):
            files.append(File.generated(config, path, content=picture))
    named = set(_strings(config.nav))
    config.nav = [_spelt_out(item, files, named) for item in config.nav or []]
    return files


def _strings(nav: Any) -> Iterator[str]:
    for item in nav if isinstance(nav, list) else nav.values() if isinstance(nav, dict) else ():
        yield from (item,) if isinstance(item, str) else _strings(item)


def _spelt_out(item: Any, files: Files, named: set[str]) -> Any:
    """The navigation with "folder/*" and "*" replaced by the pages that they stand for, the folder's index first."""
    if isinstance(item, dict):
        return {title: _spelt_out(value, files, named) for title, value in item.items()}
    if isinstance(item, list):
        return [_spelt_out(value, files, named) for value in item]
    if not item.endswith("*"):
        return item
    folder = item.removesuffix("*").strip("/") or "."
    inside = [f.src_uri for f in files.documentation_pages() if str(Path(f.src_uri).parent) == folder]
    return sorted((uri for uri in inside if uri not in named), key=lambda uri: (not uri.endswith("index.md"), uri))


def pictures_of(file: File) -> list[tuple[str, bytes]]:
    """The pictures that a page shows and no file holds: what its blocks save."""
    if file.generated_by is not None or file.abs_src_path is None:
        return []
    source = Path(file.abs_src_path)
    wanted = [target for target in IMAGE.findall(source.read_text(encoding="utf-8")) if not target.startswith("../")]
    missing = [target for target in wanted if not (source.parent / target).exists()]
    if not missing:
        return []
    with tempfile.TemporaryDirectory() as folder:
        run_page(source, Path(folder))
        found = []
        for target in missing:
            made = Path(folder) / Path(target).name
            if not made.exists():
                raise FileNotFoundError(f"{file.src_uri} shows {target}, and none of its blocks saves {made.name}")
            found.append(((Path(file.src_uri).parent / target).as_posix(), made.read_bytes()))
        return found


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 (MkDocs' names)
    """Put the quoted source in, and lead links out of docs/ to the site's copy of what they name."""
    markdown = QUOTE.sub(lambda m: quote(ROOT, m["file"], m["names"].split()), markdown)
    if PRINTED in markdown and page.file.abs_src_path is not None:
        markdown = with_printed(Path(page.file.abs_src_path), markdown)
    return OUTSIDE.sub(lambda m: _inside(m, page.file, files), markdown)


def with_printed(source: Path, markdown: str) -> str:
    """The page with what its blocks print, where it asks for that."""
    with tempfile.TemporaryDirectory() as folder:
        found = {block.code: printed for block, printed, _ in run_page(source, Path(folder))}
    pieces = markdown.split(PRINTED)
    for k in range(len(pieces) - 1):
        before = [block for block in find_blocks(pieces[k]) if block.language == "python"][-1]
        pieces[k] += f"```text\n{found[before.code].rstrip()}\n```"
    return "".join(pieces)


def _inside(match: re.Match[str], file: File, files: Files) -> str:
    """A link to the repository as a link to the page made from that file, or as the file's name."""
    folder = Path(file.src_uri).parent
    depth = len(folder.parts)
    ups = match["path"].count("../")
    if ups <= depth:
        return match[0]  # stays inside docs/
    inner = match["path"][3 * ups :]
    if not (ROOT / inner).exists():
        raise FileNotFoundError(f"{file.src_uri} leads to {match['path']}, which is not in the repository")
    for uri in (inner, str(Path(inner).with_suffix(".md")), Path(inner).name.lower()):
        if files.get_file_from_path(uri) is not None:
            return f"{match['image']}[{match['text']}]({'../' * depth}{uri}{match['anchor'] or ''})"
    return f"{match['text']} (`{inner}`)"


def on_page_content(html_text: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Typeset formulas here, so that no page needs a script or the network; give pictures a box to scroll in."""

    def boxed(match: re.Match[str]) -> str:
        uri = posixpath.normpath(posixpath.join(posixpath.dirname(page.file.src_uri), match["src"]))
        picture = files.get_file_from_path(uri)
        width = SMALLEST * width_of(picture) if picture is not None else 0
        least = f' style="min-width:{width:.0f}px"' if width else ""
        return f'<div class="picture"><img{match["before"]}src="{match["src"]}"{match["after"]}{least}></div>'

    def typeset(match: re.Match[str]) -> str:
        display = "block" if match["tag"] == "div" else "inline"
        math = convert(html.unescape(match["latex"]), display=display)
        return f'<{match["tag"]} class="math">{math}</{match["tag"]}>'

    return PICTURE.sub(boxed, MATH.sub(typeset, html_text))


def width_of(picture: File) -> float:
    """The picture's own width in pixels."""
    content = picture.content_bytes
    if content.startswith(b"\x89PNG"):
        return float(int.from_bytes(content[16:20], "big"))
    found = WIDTH.search(content.decode("utf-8", "replace"))
    return float(found[1]) if found else 0.0
