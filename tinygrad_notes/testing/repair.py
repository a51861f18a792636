"""The smallest change of the user's own source that makes it right, tried out on random cases."""

from __future__ import annotations

import ast
import contextlib
import copy
import io
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import update_wrapper
from typing import Any

import numpy as np

from .draws import Draw
from .fitting import close
from .outputs import name_outputs, owner
from .rewrites import Edit, Scope, edits_of
from .source import Source, plain_function, source_of
from .subject import Subject
from .watch import Watch

__all__ = ["Repair", "Workshop"]

SECONDS = 1.0
CHANGES = 1100
"""So many changes are tried out, unless the user's function is so slow that time runs out first."""


@dataclass(frozen=True, slots=True)
class Repair:
    """A verified change.

    Attributes
    ----------
    line : int or None
        Line number in the user's file; None for a lambda.
    before, after : str
        The line as it is and as it should be, stripped.
    text : str
        The change with a caret under its place, ready to print.
    kind : str
        The slip that it undoes.
    cost : float
        How small the change is.
    outputs : tuple of str
        The outputs it makes right.
    """

    line: int | None
    before: str
    after: str
    text: str
    kind: str = ""
    cost: float = 0.0
    outputs: tuple[str, ...] = ()
    old: str = ""
    new: str = ""
    start: int = -1
    width: int = 0

    def shown(self, with_line: bool) -> str:
        """The change as text; without its line where that has just been printed.

        The caret stands under the place: ``    ^^``.
        """
        if self.line is None or self.start < 0:
            lines = [f"line {self.line}:  {self.before}"] if with_line and self.line is not None else []
            return "\n".join([*lines, f"this one change makes it right:  {brief(self.old)}  ->  {brief(self.new)}"])
        head = f"line {self.line}:  "
        lines = [head + self.before] if with_line else []
        lines.append(" " * (len(head) + self.start) + "^" * max(self.width, 1))
        return "\n".join([*lines, f"this one change makes it right:  {self.after}"])


def brief(text: str) -> str:
    """An expression short enough for a line.

    Examples
    --------
    >>> brief("a * b")
    'a * b'
    """
    text = " ".join(text.split())
    return text if len(text) <= 70 else text[:67] + "..."


class Workshop:
    """Runs changed versions of the user's function on the draws."""

    def __init__(self, subject: Subject, draws: Sequence[Draw], wrong: Sequence[str], right: Sequence[str]) -> None:
        self.draws: list[Draw] = list(draws)
        self.wrong: list[str] = list(wrong)
        self.right: list[str] = list(right)
        self.subject = subject
        self.source: Source | None = source_of(subject.by_hand)
        if self.source is not None and any(isinstance(n, ast.While) for n in ast.walk(self.source.tree)):
            self.source = None  # a changed condition might never end
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = [self._recorded(draw) for draw in self.draws]
        self.tried: int = 0
        self.kind: Any = None
        self.keys: dict[str, Any] = self._keys() if self.source is not None else {}

    def _recorded(self, draw: Draw) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """How the user's function is called at a draw."""
        seen: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

        def recorder(*args: Any, **keywords: Any) -> Any:
            seen.append((args, keywords))
            return self.subject.by_hand(*args, **keywords)

        update_wrapper(recorder, self.subject.by_hand)
        Subject(self.subject.f, recorder, self.subject.wrt).hand(draw)
        return copy.deepcopy(seen[-1])

    def watch(self) -> Watch:
        """One run of the unchanged function on the first draw, with its local variables."""
        watch = Watch()
        args, keywords = copy.deepcopy(self.calls[0])
        with np.errstate(all="ignore"), _quiet(), watch:
            self.subject.by_hand(*args, **keywords)
        return watch

    def outputs(self, function: Callable[..., Any], k: int) -> dict[str, Any] | None:
        """The named results of a changed function on draw k, None where it fails."""
        args, keywords = self.calls[k]
        args = tuple(a.copy() if isinstance(a, np.ndarray) else copy.deepcopy(a) for a in args)
        keywords = {key: a.copy() if isinstance(a, np.ndarray) else copy.deepcopy(a) for key, a in keywords.items()}
        try:
            result = function(*args, **keywords)
            if self.keys and type(result) is self.kind:
                return {name: np.asarray(result[key]) for name, key in self.keys.items()}
            return name_outputs(result, self.draws[k].inputs, self.subject.wrt, self.subject.by_hand)
        except Exception:  # whatever a changed function raises, it is no repair
            return None

    def _keys(self) -> dict[str, Any]:
        """Which entry of the returned dict or tuple is which output, where that is plain: found out once."""
        args, keywords = copy.deepcopy(self.calls[0])
        with np.errstate(all="ignore"), _quiet():
            result = self.subject.by_hand(*args, **keywords)
        self.kind = type(result)
        outputs = {*self.wrong, *self.right}
        if self.kind is dict:
            found = {name: key for key in result for name in [owner(str(key), outputs)] if name is not None}
        elif self.kind is tuple:
            named = name_outputs(result, self.draws[0].inputs, self.subject.wrt, self.subject.by_hand)
            places = {
                name: [i for i, x in enumerate(result) if np.array_equal(x, value)] for name, value in named.items()
            }
            found = {name: where[0] for name, where in places.items() if len(where) == 1}
        else:
            return {}
        return found if set(found) == outputs else {}

    def mended(self, function: Callable[..., Any], k: int) -> set[str] | None:
        """The outputs that are right on draw k, None if one that was right no longer is."""
        found = self.outputs(function, k)
        if found is None:
            return None
        true = self.draws[k].true
        right = {name for name in (*self.wrong, *self.right) if name in found and close(found[name], true[name])}
        return right if right.issuperset(self.right) else None

    def repairs(
        self, scope: Scope, lines: Sequence[int] = (), settled: Sequence[int] = (), seconds: float = SECONDS
    ) -> Iterator[Repair]:
        """Verified changes, small ones first; `lines` are looked at before others, `settled` ones last."""
        source = self.source
        if source is None:
            return
        until = time.thread_time() + seconds
        edits = edits_of(source.tree, scope)
        if lines or settled:
            edits.sort(
                key=lambda e: (
                    e.cost + (0.0 if e.line in lines or not lines else 0.35) + (0.6 if e.line in settled else 0.0)
                )
            )
        with np.errstate(all="ignore"), warnings.catch_warnings(), _quiet():
            warnings.simplefilter("ignore")
            for edit in edits[:CHANGES]:
                if time.thread_time() > until:
                    return
                self.tried += 1
                found = self._try(source, edit)
                if found:
                    yield self._described(source, edit, found)

    def _try(self, source: Source, edit: Edit) -> set[str]:
        new = ast.copy_location(copy.copy(edit.new), edit.old)  # it may be a part of the old one
        ast.fix_missing_locations(new)
        edit.put(new)
        try:
            function = source.build()
            mended = self.mended(function, 0)
            gained = (mended or set()) - set(self.right)
            for k in range(1, len(self.draws)):
                if not gained:
                    break
                gained &= self.mended(function, k) or set()
            return gained
        except Exception:  # does not compile, or its definition fails: no repair
            return set()
        finally:
            edit.put(edit.old)

    def _described(self, source: Source, edit: Edit, mended: set[str]) -> Repair:
        line = edit.old.lineno
        before = source.line(line) if source.numbered else ""
        old, new = ast.unparse(edit.old).strip(), ast.unparse(edit.new).strip()
        after, start, width = _replaced(source, edit, new)
        number = line if source.numbered else None
        found = Repair(
            number,
            before,
            after or new,
            "",
            edit.kind,
            edit.cost,
            tuple(name for name in self.wrong if name in mended),
            old,
            new,
            start if after else -1,
            width,
        )
        return replace(found, text=found.shown(True))

    def scope(self, watch: Watch) -> Scope:
        """What the names in the user's function mean on the first draw."""
        values: dict[str, Any] = {}
        for a in watch.assigned:
            if a.name.isidentifier():
                values[a.name] = a.value
        args, keywords = self.calls[0]
        plain = plain_function(self.subject.by_hand)
        code = getattr(plain, "__code__", None)
        names = code.co_varnames[: code.co_argcount] if code is not None else ()
        if names[:1] == ("self",):
            names = names[1:]
        for name, value in (*zip(names, args, strict=False), *keywords.items()):
            values.setdefault(name, value)
        values = {name: x for name, x in values.items() if isinstance(x, (np.ndarray, np.generic, int, float))}
        sizes = tuple(_size_expressions(self.draws[0], values))
        return Scope(values, getattr(plain, "__globals__", {}), sizes, frozenset((*self.wrong, *self.right)))


def _size_expressions(draw: Draw, values: dict[str, Any]) -> Iterator[str]:
    """``X.shape[1]`` for every size that no variable holds."""
    held = {float(x) for x in values.values() if np.ndim(x) == 0 and np.isrealobj(x)}
    seen: set[int] = set()
    for name, leaf in draw.leaves.items():
        for axis, size in enumerate(np.shape(leaf)):
            if size > 1 and float(size) not in held and size not in seen and name in values:
                seen.add(size)
                yield f"{name}.shape[{axis}]"


def _replaced(source: Source, edit: Edit, new: str) -> tuple[str, int, int]:
    """The line after the change, and where the changed part stands in the line before."""
    old = edit.old
    if old.lineno != (old.end_lineno or old.lineno) or not source.numbered:
        return "", 0, 0
    text = source.line(old.lineno)
    start, end = _columns(source, old, text)
    for inner in (new, f"({new})"):
        after = text[:start] + inner + text[end:]
        if isinstance(edit.old, ast.stmt) or _means(after, edit, text, start, end):
            return after, start, end - start
    return "", 0, 0


def _columns(source: Source, old: ast.AST, text: str) -> tuple[int, int]:
    """Where a node stands in its stripped line: its offset less the statement's indentation."""
    line = source.line(old.lineno)  # type: ignore[attr-defined]
    segment = ast.unparse(old)
    start, end = old.col_offset, old.end_col_offset  # type: ignore[attr-defined]
    smallest = _indent_of(source, old.lineno)  # type: ignore[attr-defined]
    start, end = start - smallest, end - smallest
    if segment and text[start:end].replace(" ", "") != segment.replace(" ", "") and text.count(segment) == 1:
        start = line.index(segment)
        end = start + len(segment)
    return start, end


def _indent_of(source: Source, number: int) -> int:
    """Indentation of a line inside the dedented function."""
    import linecache

    first = min(node.lineno for node in source.tree.body)
    whole = linecache.getline(source.file, number)
    head = linecache.getline(source.file, first)
    return (len(whole) - len(whole.lstrip())) - (len(head) - len(head.lstrip()))


def _means(after: str, edit: Edit, before: str, start: int, end: int) -> bool:
    """Whether the changed text parses to the changed tree: else it needs brackets."""
    marker = "__changed__"
    try:
        bracketed = ast.dump(ast.parse(_statement(before[:start] + f"({ast.unparse(edit.new)})" + before[end:])))
        return ast.dump(ast.parse(_statement(after))) == bracketed and marker not in after
    except SyntaxError:
        return len(after) > len(before)


def _statement(text: str) -> str:
    return text + "\n    pass" if text.endswith(":") else text


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What the user's function prints is not printed a thousand times."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
