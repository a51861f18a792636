"""Every formula of the notes by its id: ``catalogue["logreg.dz"]``."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from functools import cached_property

from .entry import Entry

__all__ = ["CHAPTERS", "SOURCES", "Catalogue", "catalogue"]

CHAPTERS = {
    "computation_graph": "Computation graph and derivatives",
    "logistic_regression": "Logistic regression and gradient descent",
    "losses": "Losses and costs",
    "regularisation": "Regularised costs and weight decay",
    "activations": "Activations and their derivatives",
    "layers": "Neurons, layers, forward propagation",
    "back_propagation": "Back-propagation",
    "shapes": "Shape rules",
    "initialisation": "Initialisation",
    "dropout": "Dropout and other regularisation",
    "normalisation": "Normalisation and vanishing gradients",
    "gradient_checking": "Gradient checking",
    "splits": "Splits, bias and variance",
    "metrics": "Metrics and strategy",
    "numpy_notes": "NumPy, assignments and the rest",
}
"""One file each, in the course's order."""

SOURCES = {
    "000": "typed blog post, courses 1 and 2: slips there are the author's",
    "001": "handwriting read by a machine, course 1, week 3",
    "002": "typed blog post, course 1, weeks 1 to 4: slips there are the author's",
    "003": "slides with notes read by a machine, course 1, week 4",
    "004": "handwritten notebook read by a machine, course 1, course 2 week 1, course 3 weeks 1 and 2",
}
"""The five sets of notes; a place is written ``number:line``."""


class Catalogue(Mapping[str, Entry]):
    """Entries by id, in the order of the chapters.

    Examples
    --------
    >>> catalogue["graph.db"].code
    'db = 3 * c'
    >>> [entry.id for entry in catalogue.chapter("computation_graph")][:2]
    ['graph.forward', 'graph.dv']
    """

    @cached_property
    def chapters(self) -> dict[str, list[Entry]]:
        """Chapter to its entries."""
        return {name: list(importlib.import_module(f".{name}", __package__).ENTRIES) for name in CHAPTERS}

    @cached_property
    def _entries(self) -> dict[str, Entry]:
        entries = [entry for chapter in self.chapters.values() for entry in chapter]
        found = {entry.id: entry for entry in entries}
        if len(found) < len(entries):
            ids = [entry.id for entry in entries]
            raise ValueError(f"ids used twice: {sorted({i for i in ids if ids.count(i) > 1})}")
        return found

    def chapter(self, name: str) -> list[Entry]:
        """The entries of one chapter.

        Raises
        ------
        KeyError
            If there is no such chapter.
        """
        if name not in self.chapters:
            raise KeyError(f"no chapter {name!r}; there are {', '.join(self.chapters)}")
        return self.chapters[name]

    def chapter_of(self, id: str) -> str:
        """The chapter that an entry stands in."""
        return next(name for name, entries in self.chapters.items() if any(entry.id == id for entry in entries))

    def filter(self, chapter: str | None = None, verdict: str | None = None) -> list[Entry]:
        """Entries of a chapter, or with an expected verdict (``right``, ``refuted``, ``text``)."""
        entries = list(self.values()) if chapter is None else self.chapter(chapter)
        return [entry for entry in entries if verdict is None or entry.expected == verdict]

    def __getitem__(self, id: str) -> Entry:
        try:
            return self._entries[id]
        except KeyError:
            import difflib

            close = difflib.get_close_matches(id, self._entries, 3)
            hint = f"; did you mean {', '.join(close)}?" if close else ""
            raise KeyError(f"no entry {id!r}{hint}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


catalogue: Catalogue = Catalogue()
