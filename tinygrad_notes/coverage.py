"""What can be differentiated, as a table generated from the rule book, so that it can't go stale."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .rules import BOOK, LATE, Composite, Plain, Refusal, Rule

__all__ = ["Coverage", "Covered", "coverage"]

HOW = {
    "rule": "differentiated by its own rule",
    "composite": "differentiated, written in other functions",
    "plain": "no derivative: the plain answer is returned",
    "refused": "raises, naming the way round",
}


class Covered(NamedTuple):
    """One line of the table.

    Attributes
    ----------
    name : str
        As you write it: ``np.linalg.norm``, ``np.add.reduce``.
    how : {"rule", "composite", "plain", "refused"}
    formula : str
        The derivative; for refused functions what to write instead, for plain ones why there is none.
    orders : str
        What the test-suite proves: ``1, 2, forward`` for whatever has sample calls.
    dtypes : str
    kinks : str
        Points without a derivative, and the value given there.
    domain : str
        Where the tests draw the inputs from.
    """

    name: str
    how: str
    formula: str
    orders: str = ""
    dtypes: str = ""
    kinks: str = ""
    domain: str = ""


class Coverage:
    """The table: iterate over it, print it, ``.to_json()``, ``.to_markdown()``; shows itself in a notebook."""

    def __init__(self, rows: list[Covered]) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[Covered]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> Covered:
        for row in self.rows:
            if row.name == name or row.name == f"np.{name}":
                return row
        raise KeyError(name)

    def __contains__(self, name: str) -> bool:
        return any(name in (row.name, row.name.removeprefix("np.")) for row in self.rows)

    def __str__(self) -> str:
        width = max((len(row.name) for row in self.rows), default=0)
        lines = [f"{row.name:{width}}  {row.how:9}  {row.formula}" for row in self.rows]
        return "\n".join([*lines, self.summary()])

    def summary(self) -> str:
        """One line of counts."""
        counts = {how: sum(row.how == how for row in self.rows) for how in HOW}
        return (
            f"{counts['rule'] + counts['composite']} differentiated ({counts['rule']} by a rule of their own), "
            f"{counts['plain']} without derivative, {counts['refused']} refused with the way round"
        )

    def to_json(self) -> str:
        """The rows as JSON."""
        import json

        return json.dumps([row._asdict() for row in self.rows], ensure_ascii=False, indent=1)

    def to_markdown(self) -> str:
        """The page of the documentation."""
        parts = ["# What can be differentiated", "", f"Generated from the rule book: {self.summary()}.", ""]
        for how, title in HOW.items():
            rows = [row for row in self.rows if row.how == how]
            if not rows:
                continue
            parts += [f"## {title[0].upper()}{title[1:]}", ""]
            if how in ("rule", "composite"):
                parts += ["| function | derivative | orders tested | dtypes | kinks | drawn from |"]
                parts += ["|---|---|---|---|---|---|"]
                for row in rows:
                    cells = (_cell(row.formula), row.orders, row.dtypes, _cell(row.kinks), row.domain)
                    parts.append(f"| `{row.name}` | " + " | ".join(cells) + " |")
            else:
                parts += ["| function | " + ("why" if how == "plain" else "instead") + " |", "|---|---|"]
                parts += [f"| `{row.name}` | {_cell(row.formula)} |" for row in rows]
            parts.append("")
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        import html

        head = "".join(f"<th>{field}</th>" for field in Covered._fields)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in self.rows)
        return f"<p>{html.escape(self.summary())}</p><table><tr>{head}</tr>{body}</table>"


def coverage() -> Coverage:
    """Return the table of all functions the rule book knows (`nn`'s too, and SciPy's if SciPy is installed).

    Returns
    -------
    Coverage

    Examples
    --------
    >>> table = coverage()
    >>> table["tanh"].formula
    'y = tanh x:  dy/dx = 1 − y²'
    >>> "np.argmax" in table and table["np.argmax"].how
    'plain'
    """
    from importlib.util import find_spec

    importlib.import_module("tinygrad_notes.nn")  # which enters rules of its own
    for module, chapter in LATE.items():
        if find_spec(module.partition(".")[0]):
            importlib.import_module(f"tinygrad_notes.rules{chapter}")
    names = _public_names()
    rows = {}
    for key, entry in BOOK.items():
        for name in _names_of(key, entry, names):
            rows[name] = _row(name, entry)
    return Coverage([rows[name] for name in sorted(rows)])


def _public_names() -> dict[int, list[str]]:
    """Every public name of every NumPy function, by the function's id."""
    found: dict[int, list[str]] = {}
    places = {"np": np, "np.linalg": np.linalg, "np.fft": np.fft, "np.emath": np.emath}
    if "scipy.special" in sys.modules:
        places["scipy.special"] = sys.modules["scipy.special"]
    for prefix, module in places.items():
        for name in dir(module):
            if not name.startswith("_"):
                found.setdefault(id(getattr(module, name)), []).append(f"{prefix}.{name}")
    return found


def _names_of(key: Any, entry: Any, names: dict[int, list[str]]) -> list[str]:
    if isinstance(key, tuple):
        return [f"{owner}.{key[1]}" for owner in _names_of(key[0], entry, names)]
    if id(key) in names:
        return names[id(key)]
    module = getattr(key, "__module__", None) or ""
    if module.startswith("tinygrad_notes"):
        return [f"tn.{room}.{entry.name}" for room in ("nn", "special") if f".{room}" in module]
    if module:
        return [f"{module.replace('numpy', 'np')}.{key.__name__}"]
    return [entry.name]


def _row(name: str, entry: Any) -> Covered:
    if type(entry) is Plain:
        return Covered(name, "plain", entry.why)
    if type(entry) is Refusal:
        return Covered(name, "refused", entry.instead)
    tested = "1, 2, forward" if entry.samples is not None or getattr(entry, "elementwise", False) else ""
    if type(entry) is Composite and entry.formula.startswith("see "):
        own = next((r for r in BOOK.values() if type(r) is Rule and r.name == entry.formula.removeprefix("see ")), None)
        if own is not None:
            return _row(name, own)
    if type(entry) is Composite:
        return Covered(name, "composite", _one_line(entry.formula), tested, "float16/32/64")
    assert type(entry) is Rule
    dtypes = "float16/32/64, complex" if entry.holomorphic else "float16/32/64"
    kinks = "; ".join(f"at {_numbers(at)}: {_numbers(slopes)}" for at, slopes in entry.kinks.items())
    domain = " × ".join(f"[{low:g}, {high:g}]" for low, high in entry.domain) or "[−2, 2]"
    return Covered(name, "rule", _one_line(entry.formula), tested, dtypes, kinks, domain)


def _numbers(values: tuple[float, ...]) -> str:
    return ", ".join(f"{v:g}" for v in values)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _one_line(text: str) -> str:
    return " ".join(text.split())
