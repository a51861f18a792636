"""Right and wrong derivations of the course's formulas, as people write them: plain functions, collected by chapter."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["RIGHT", "WRONG", "Chapter", "Claim"]


class Claim(NamedTuple):
    """A function, a gradient derived by hand, how to draw inputs, and which outputs are wrong."""

    f: Any
    by_hand: Any
    options: dict[str, Any]
    wrong: tuple[str, ...]


RIGHT: dict[str, Claim] = {}
WRONG: dict[str, Claim] = {}


class Chapter:
    """Derivations of one function."""

    def __init__(self, f: Any, **options: Any) -> None:
        self.f, self.options = f, options

    def right(self, by_hand: Any) -> Any:
        """Enter a right derivation."""
        self._enter(RIGHT, by_hand, ())
        return by_hand

    def wrong(self, *names: str) -> Any:
        """Enter a derivation whose outputs `names` are wrong; none named: the function raises or overwrites."""

        def mark(by_hand: Any) -> Any:
            self._enter(WRONG, by_hand, names)
            return by_hand

        return mark

    def _enter(self, book: dict[str, Claim], by_hand: Any, names: tuple[str, ...]) -> None:
        name = f"{self.f.__name__}/{by_hand.__name__}"
        assert name not in book, name
        book[name] = Claim(self.f, by_hand, self.options, names)


def _collect() -> None:
    """Import the chapters: they fill the two books."""
    from importlib import import_module

    for chapter in ("activations", "layers", "logistic", "losses", "nets", "penalties"):
        import_module(f".{chapter}", __name__)


_collect()
