"""What a check says: a `Report` for a terminal, a notebook (HTML) and a program (JSON), and the error that carries it.

The first line says which outputs are wrong *and which are right*; then the likely slip, the line, the change that
makes it right, and a case small enough to redo by hand. At most 25 lines, and no number without a name.
"""

from __future__ import annotations

import html
import json
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..errors import TinygradNotesError
from .draws import sizes_text

__all__ = ["Case", "GradientError", "Report", "Slip"]

MOST_LINES = 25
WIDTH = 110


@dataclass(frozen=True, slots=True)
class Slip:
    """One likely mistake: its kind, the place, and a sentence in the course's words."""

    kind: str
    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Case:
    """The smallest failing case that was found.

    Attributes
    ----------
    dims : dict
        Sizes of the symbols of the shapes.
    inputs : dict
        f's arguments.
    yours, correct, numerical : dict
        The wrong outputs, keyed as in ``Report.wrong``: your numbers, autodiff's, and numerical differences.
    smallest : bool
        Whether it was made smaller than the case that was found.
    """

    dims: dict[str, int]
    inputs: dict[str, Any]
    yours: dict[str, Any]
    correct: dict[str, Any]
    numerical: dict[str, Any]
    smallest: bool = True


@dataclass(slots=True)
class Report:
    """The result of a check. It is true when the derivation is right.

    Attributes
    ----------
    verdict : {"right", "wrong", "cannot tell"}
    reason : str
        Why it can't be told, or what was accepted with a remark: ``"kink: …"``, ``"noise: …"``,
        ``"nondeterministic: …"``, ``"mutates-input: …"``, ``"domain: …"``, ``"disagree: …"``. Otherwise "".
    wrong, right : list of str
        Outputs, as ``dW``.
    slips : list
        At most two likely mistakes, each with ``.kind``, ``.where``, ``.text``.
    first_wrong : object or None
        The first wrong variable of your function: ``.name``, ``.line``, ``.source``.
    repair : object or None
        A verified change of one line: ``.line``, ``.before``, ``.after``, ``.text``.
    case : Case or None
        The smallest failing case.
    graph : object or None
        The graph with the wrong steps coloured.
    special : list of str
        Inputs for which the derivation *is* right: ``"m = 1"``.
    notes : list of str
        What else a reader should know.
    examples : int
        How many random cases were compared.
    """

    f_name: str
    hand_name: str
    verdict: str = "right"
    reason: str = ""
    wrong: list[str] = field(default_factory=list)
    right: list[str] = field(default_factory=list)
    slips: list[Any] = field(default_factory=list)
    first_wrong: Any = None
    repair: Any = None
    case: Case | None = None
    graph: Any = None
    special: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    examples: int = 0
    seed: int = 0
    diagnosed: bool = False
    judges: str = "autodiff and with numerical differences"

    def __copy__(self) -> Report:
        return replace(self)

    def __reduce__(self) -> Any:
        """For pickle (from a worker process): everything but the graph, which holds functions."""
        told = {name: getattr(self, name) for name in self.__slots__ if name != "graph"}
        return _report_again, (told,)

    def __bool__(self) -> bool:
        return self.verdict == "right"

    def __repr__(self) -> str:
        return f"<Report: {self.headline().rstrip('.')}>"

    def __str__(self) -> str:
        lines = [self.headline(), *self._findings(), *self._evidence()]
        return "\n".join(lines[:MOST_LINES])

    def headline(self) -> str:
        """The first line: the verdict with the names of the outputs."""
        where = f"in {self.hand_name}"
        if self.verdict == "wrong" and self.wrong:
            right = f"; {_are(self.right)} right" if self.right else ""
            return f"{_are(self.wrong)} wrong {where}{right}."
        if self.verdict == "wrong":
            return f"{self.hand_name} is wrong."
        if self.verdict == "right":
            return f"{_are(self.right)} right {where}."
        known = f" ({_are(self.right)} right)" if self.right else ""
        return f"cannot tell whether {self.hand_name} is right{known}: {self.reason}"

    def _findings(self) -> list[str]:
        lines = [f"  likely slip: {slip.text}" for slip in self.slips[:2]]
        if self.verdict == "wrong" and self.diagnosed and not self.slips:
            lines.append("  no single slip explains it.")
        if self.first_wrong is not None:
            lines += _first_wrong_lines(self.first_wrong, named=not self.slips)
        if self.repair is not None:
            lines += ["  " + line for line in str(self.repair.text).splitlines()[:4]]
        return lines

    def _evidence(self) -> list[str]:
        lines = [f"  {fact}" for fact in self.facts]
        if self.verdict == "right" and self.examples:
            cases = "1 case agrees" if self.examples == 1 else f"{self.examples} random cases agree"
            lines.append(f"  {cases} with {self.judges}.")
        if self.special and self.verdict == "wrong":
            lines.append(f"  right when {' or when '.join(self.special[:2])}.")
        if self.case is not None:
            lines += _case_lines(self.case)
        if self.verdict != "cannot tell" and self.reason:
            lines.append(f"  {self.reason}")
        lines += [f"  {note}" for note in self.notes]
        if self.seed and self.verdict == "wrong":
            lines.append(f"  drawn with seed={self.seed}")
        return lines

    def to_json(self) -> str:
        """The whole report as JSON text.

        Examples
        --------
        >>> json.loads(Report("cost()", "by_hand()", right=["dw"]).to_json())["verdict"]
        'right'
        """
        found = {
            "verdict": self.verdict,
            "reason": self.reason,
            "of": self.f_name,
            "by_hand": self.hand_name,
            "wrong": self.wrong,
            "right": self.right,
            "slips": [{"kind": s.kind, "where": str(s.where), "text": s.text} for s in self.slips],
            "first_wrong": _fields(self.first_wrong, ("name", "line", "source")),
            "repair": _fields(self.repair, ("line", "before", "after", "text")),
            "case": None if self.case is None else _case_data(self.case),
            "right_when": self.special,
            "facts": self.facts,
            "notes": self.notes,
            "examples": self.examples,
            "seed": self.seed,
            "text": str(self),
        }
        return json.dumps(found, ensure_ascii=False, indent=2)

    def _repr_html_(self) -> str:
        """The report as a notebook shows it."""
        colour = {"right": "#1a7f37", "wrong": "#b42318"}.get(self.verdict, "#9a6700")
        first, *rest = str(self).splitlines()
        body = html.escape("\n".join(rest))
        return (
            f'<div style="border-left:4px solid {colour};padding:4px 12px;margin:4px 0">'
            f'<strong style="color:{colour}">{html.escape(first)}</strong>'
            + (f'<pre style="margin:6px 0 0;background:none;white-space:pre-wrap">{body}</pre>' if body else "")
            + "</div>"
        )


class GradientError(TinygradNotesError, AssertionError):
    """A derivation that is wrong, or that can't be judged; ``.report`` has all that is known.

    Examples
    --------
    >>> error = GradientError(Report("cost()", "by_hand()", verdict="wrong", wrong=["dw"], right=["db"]))
    >>> print(error)
    dw is wrong in by_hand(); db is right.
    """

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report

    def __reduce__(self) -> Any:
        return type(self), (self.report,)


def _report_again(told: dict[str, Any]) -> Report:
    return Report(**told)


def _are(names: list[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


def _first_wrong_lines(first: Any, named: bool) -> list[str]:
    lines = [f"  first wrong variable: {first.name}"] if named and first.name else []
    if first.line is None:
        return [*lines, f"    {first.source}"] if first.source else lines
    return [*lines, f"  line {first.line}:  {str(first.source or '').strip()}".rstrip()]


def _fields(thing: Any, names: tuple[str, ...]) -> dict[str, Any] | None:
    return None if thing is None else {name: getattr(thing, name, None) for name in names}


# ── the smallest failing case ────────────────────────────────────────────────────────────────────────────────────


def number(x: Any, digits: int = 4) -> str:
    """A number with at most four digits, as a reader writes it.

    Examples
    --------
    >>> number(0.5), number(-0.0), number(2.0), number(1 / 3), number(1 + 2j)
    ('0.5', '0', '2', '0.3333', '1+2j')
    """
    if isinstance(x, (complex, np.complexfloating)):
        imaginary = number(x.imag, digits)
        return f"{number(x.real, digits)}{'' if imaginary.startswith('-') else '+'}{imaginary}j"
    if isinstance(x, (float, np.floating, int, np.integer)):
        text = f"{x:.{digits}g}" if isinstance(x, (float, np.floating)) else str(int(x))
        return "0" if text == "-0" else text
    return str(x)


def numbers(x: Any, digits: int = 4) -> str:
    """A small array as nested lists with short numbers.

    Examples
    --------
    >>> numbers(np.array([[1.0, 0.25]])), numbers(np.float64(2))
    ('[[1, 0.25]]', '2')
    """
    if isinstance(x, np.ndarray) and x.ndim:
        return "[" + ", ".join(numbers(row, digits) for row in x) + "]"
    if isinstance(x, np.ndarray):
        return number(x[()], digits)
    if isinstance(x, dict):
        return "{" + ", ".join(f"{key}: {numbers(value)}" for key, value in x.items()) + "}"
    if isinstance(x, (list, tuple)):
        return "[" + ", ".join(numbers(value) for value in x) + "]"
    text = number(x, digits)
    return text if len(text) <= 40 else f"<{type(x).__name__}>"


def _case_lines(case: Case) -> list[str]:
    sizes = f": {sizes_text(case.dims)}" if case.dims else ""
    lines = [f"  smallest failing case{sizes}" if case.smallest else f"  failing case{sizes}"]
    shown = [f"{name} = {numbers(x)}" if _is_small(x) else f"{name}: {_sketch(x)}" for name, x in case.inputs.items()]
    lines += _wrapped(shown)
    for name in list(case.yours)[:6]:
        lines.append("    " + _side_by_side(name, case))
    return lines


def _side_by_side(name: str, case: Case) -> str:
    yours, correct, numerical = case.yours[name], case.correct[name], case.numerical.get(name)
    if np.shape(yours) != np.shape(correct):
        return f"{name}: yours has shape {np.shape(yours)}   correct {np.shape(correct)}"
    columns = [("yours", yours), ("correct", correct), ("numerical", numerical)]
    remark = ""
    if not _is_small(yours):
        apart = np.abs(np.where(np.isfinite(yours), yours - correct, np.inf))
        place = tuple(int(i) for i in np.unravel_index(int(np.argmax(apart)), np.shape(yours)))
        columns = [(label, None if x is None else x[place]) for label, x in columns]
        name = f"{name}[{', '.join(map(str, place))}]"
        remark = f"   (the largest difference of {np.size(yours)})"
    digits = next((d for d in (4, 6, 9) if numbers(columns[0][1], d) != numbers(columns[1][1], d)), 4)
    return f"{name}: " + "   ".join(f"{label} {numbers(x, digits)}" for label, x in columns if x is not None) + remark


def _is_small(x: Any) -> bool:
    return not isinstance(x, np.ndarray) or (x.ndim <= 3 and x.size <= 9 and max(x.shape, default=0) <= 6)


def _sketch(x: Any) -> str:
    return f"{x.dtype} {tuple(x.shape)}" if isinstance(x, np.ndarray) else type(x).__name__


def _wrapped(parts: list[str]) -> list[str]:
    lines, line = [], ""
    for part in parts:
        if line and len(line) + len(part) > WIDTH:
            lines.append(line)
            line = ""
        line = f"{line}   {part}" if line else f"    {part}"
    return [*lines, line] if line else lines


def _case_data(case: Case) -> dict[str, Any]:
    return {
        "dims": case.dims,
        "inputs": {name: _data(x) for name, x in case.inputs.items()},
        "yours": {name: _data(x) for name, x in case.yours.items()},
        "correct": {name: _data(x) for name, x in case.correct.items()},
        "numerical": {name: _data(x) for name, x in case.numerical.items()},
    }


def _data(x: Any) -> Any:
    """A value in JSON's words; complex numbers as [real, imaginary], NaN and infinities as text."""
    if isinstance(x, (np.ndarray, np.generic)):
        return _data(x.tolist())
    if isinstance(x, dict):
        return {str(key): _data(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [_data(value) for value in x]
    if isinstance(x, complex):
        return [_data(x.real), _data(x.imag)]
    if isinstance(x, float):
        return x if np.isfinite(x) else str(x)
    return x if isinstance(x, (int, str, bool)) or x is None else str(type(x).__name__)
