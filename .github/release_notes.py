"""The notes of a release, printed: its part of CHANGELOG.md.

    python .github/release_notes.py v0.1.0

A tag that the changelog, the package or CITATION.cff don't know is an error, before anything is published.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def release_notes(root: Path, tag: str) -> str:
    """What CHANGELOG.md says under ``## [0.1.0]`` for the tag ``v0.1.0``."""
    version = tag.removeprefix("v")
    for file, line in (
        ("tinygrad_notes/__init__.py", f'__version__ = "{version}"'),
        ("CITATION.cff", f"version: {version}"),
    ):
        if line not in (root / file).read_text(encoding="utf-8").splitlines():
            raise SystemExit(f"{file} has no line {line}")
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    part = re.search(rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if part is None or not part[1].strip():
        raise SystemExit(f"CHANGELOG.md has nothing under ## [{version}]")
    return part[1].strip() + "\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(release_notes(ROOT, sys.argv[1]).encode())
