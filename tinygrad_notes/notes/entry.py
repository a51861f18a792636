r"""One row of the catalogue: a formula of the notes, and how it is decided. Chapters are lists of these.

A right one gives its id, a title, where it stands, LaTeX, the plain NumPy line that is its code, and a claim::

    right(
        "logreg.dz",
        "dz = a − y: the two fractions cancel",
        "000:54,61; 002:183",
        r"dz = \frac{dL}{da}\frac{da}{dz} = a - y",
        "dz = a - y",
        Gradient("a = sigmoid(z)\nL = -(y * np.log(a) + (1 - y) * np.log(1 - a))", {"z": "", "y": ""}, {"y": bits}),
        shapes="scalar",
    )

A wrong one gives the line *as written* as its code, then the right line, the kind of slip (``"slip"``: the author's,
``"OCR"``: the reading's, ``"OCR or slip"``) and what is wrong, in words. The same claim judges both lines::

    wrong(
        "cost.sum-from-0",
        "the cost's sum starts at 0",
        "004:1268",
        r"J = -\frac{1}{m}\sum_{0}^{m}(\dots)",
        "J = -1 / m * sum(L[i] for i in range(0, m + 1))",
        Identity("J = -np.mean(L)", {"L": "m", "m": ""}, {"m": lambda _rng, _shape, dims: dims["m"]}),
        right="J = -1 / m * sum(L[i] for i in range(0, m))",
        slip="OCR or slip",
        why="m + 1 terms",
    )

A rule or a remark with nothing to compute is ``text(id, title, where, words)``.

Code reads names and assigns names: the claim says what the names are. Where a letter of the notes isn't Python,
write it out: ``alpha``, ``lam``, ``W1``, ``dZ2``, ``n0``. Everything in the code counts: a factor, a sign or an axis
that could be changed without the claim noticing doesn't belong there, or the claim is too weak (the tests change
them one by one). Claims are in `claims`: `Gradient` (against autodiff and numerical differences), `Identity`
(against another way to compute the same), `Value` (a printed number), `Procedure` (a function runs the code and
tells what it saw), `Every` (several of them). None may know the verdict.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..testing import Report
from .claims import Claim, Gradient
from .formula import Formula

if TYPE_CHECKING:
    from ..graphs import Graph

__all__ = ["Entry", "Verification", "right", "text", "wrong"]

SLIPS = ("slip", "OCR", "OCR or slip")


@dataclass(frozen=True, slots=True)
class Verification:
    """What came out when an entry was decided.

    Attributes
    ----------
    verdict : {"right", "refuted", "cannot tell", "text"}
        Of the formula as it is written.
    seconds : float
    evidence : str
        What agreed, for a right one.
    counterexample : str
        The smallest case that refutes a wrong one.
    report : Report or None
        Of a gradient check: ``report.slips`` names the likely slip.
    repaired : bool or None
        Whether the right formula beside a wrong one is right.
    expected : str
        The verdict that stands beside the entry.
    """

    verdict: str
    seconds: float
    expected: str
    evidence: str = ""
    counterexample: str = ""
    report: Report | None = None
    repaired: bool | None = None

    def __bool__(self) -> bool:
        return self.verdict == self.expected and self.repaired is not False

    @property
    def slips(self) -> list[str]:
        """The kinds of slip that the diagnosis found."""
        return [] if self.report is None else [slip.kind for slip in self.report.slips]


@dataclass(frozen=True, repr=False)
class Entry:
    """One formula, algorithm, rule or result of the notes.

    Attributes
    ----------
    id, title, where : str
        ``logreg.dz``; what it says; file:line of the notes.
    latex, code : str
        As it is written: in the notes' letters, and as the line that is run. A text has no code.
    claim : Claim or None
        How it is decided.
    shapes, convention : str
        As the notes give them; the convention up to which it is right.
    repair, slip, why : str
        For a wrong one: the right line, whose slip it is, and what is wrong.
    """

    id: str
    title: str
    where: str
    latex: str = ""
    code: str = ""
    claim: Claim | None = None
    shapes: str = ""
    convention: str = ""
    repair: str = ""
    slip: str = ""
    why: str = ""

    def __post_init__(self) -> None:
        if self.slip and self.slip not in SLIPS:
            raise ValueError(f"{self.id}: slip={self.slip!r} is none of {', '.join(SLIPS)}")

    @property
    def expected(self) -> str:
        """The verdict that verification must reach: ``right``, ``refuted`` or ``text``."""
        if self.claim is None:
            return "text"
        return "refuted" if self.slip else "right"

    @property
    def formula(self) -> str:
        """The right formula as plain NumPy; a text's words."""
        return self.repair or self.code or self.title

    @property
    def cost(self) -> str:
        """The cost whose derivative it is, as code; empty for others."""
        claims = getattr(self.claim, "claims", (self.claim,))
        return next((claim.cost.strip() for claim in claims if isinstance(claim, Gradient)), "")

    def __repr__(self) -> str:
        return f"<Entry {self.id}: {self.title}>"

    def _repr_latex_(self) -> str | None:
        return f"$\\displaystyle {self.latex}$" if self.latex else None

    def verify(self) -> Verification:
        """Decide it by computing.

        Examples
        --------
        >>> from tinygrad_notes.notes import catalogue
        >>> found = catalogue["logreg.dz"].verify()
        >>> found.verdict, bool(found)
        ('right', True)
        """
        start = time.perf_counter()
        if self.claim is None:
            return Verification("text", 0.0, self.expected)
        decision = self.claim.decide(self.code)
        repaired = None
        if self.slip:
            repaired = self.claim.decide(self.repair, thorough=False).verdict == "right"
        holds = decision.verdict == "right"
        return Verification(
            decision.verdict,
            time.perf_counter() - start,
            self.expected,
            decision.evidence if holds else "",
            "" if holds else decision.evidence,
            decision.report,
            repaired,
        )

    def graph(self) -> Graph | None:
        """The graph of the cost, or of the formula, at small inputs; None where there is nothing to draw."""
        from ..errors import TinygradNotesError
        from ..graphs import graph

        if self.claim is None:
            return None
        formula, inputs = self.claim.example()
        formula = formula or Formula(self.formula, getattr(self.claim, "using", None))
        try:
            return graph(formula.function(formula.last), *(inputs[name] for name in formula.inputs))
        except (TinygradNotesError, KeyError, TypeError, ValueError, IndexError):
            return None  # code that runs on arrays only, or on more than small inputs, has no graph


def right(id: str, title: str, where: str, latex: str, code: str, claim: Claim, **more: str) -> Entry:
    """Return an entry whose formula is right as written (perhaps up to ``convention=``)."""
    return Entry(id, title, where, latex, code, claim, **more)


def wrong(
    id: str,
    title: str,
    where: str,
    latex: str,
    code: str,
    claim: Claim,
    *,
    right: str,
    slip: str,
    why: str,
    **more: str,
) -> Entry:
    """Return an entry whose formula is wrong as written, with the right line beside it."""
    return Entry(id, title, where, latex, code, claim, repair=right, slip=slip, why=why, **more)


def text(id: str, title: str, where: str, words: str = "", *, shapes: str = "", convention: str = "") -> Entry:
    """Return a rule or a remark: nothing to compute."""
    return Entry(id, title, where, why=words, shapes=shapes, convention=convention)
