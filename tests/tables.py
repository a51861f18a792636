"""Tables that tests compare with, as text files in ``tests/data``: ``# name``, then lines.

What such a table holds was looked at when it was written. A change of it is looked at again, in the diff.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

FOLDER = Path(__file__).parent / "data"


def read(name: str) -> dict[str, list[str]]:
    """The entries of one table."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            lines = found[line[2:]] = []
        else:
            lines.append(line)
    return found


def write(name: str, entries: Mapping[str, Sequence[str]]) -> None:
    """Store a table."""
    text = "".join("\n".join([f"# {key}", *lines]) + "\n" for key, lines in entries.items())
    (FOLDER / name).write_text(text, encoding="utf-8")


def digest(lines: Sequence[str]) -> str:
    """A fingerprint of many lines."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def short(x: float) -> str:
    """Four digits; 0 for what is only rounding."""
    return "0" if abs(x) < 1e-9 else f"{x:.4g}"
