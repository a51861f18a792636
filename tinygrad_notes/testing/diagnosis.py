"""Name the slip: which single mistake gives exactly the user's wrong numbers.

Three witnesses, each verified on several random cases or not heard at all:

* the graph of the cost: one step of its backward pass done differently (`relations`, `edits`);
* the user's source: one place changed (`repair`);
* the user's local variables: the first one that is wrong (`first_wrong`).

At most two slips are reported, the plainest first. When nothing fits, nothing is said but where it first goes wrong.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .blame import Blame, blame_map
from .composites import composites
from .draws import Draw
from .edits import graph_edits
from .first_wrong import FirstWrong, Verdicts, judge_variables
from .fitting import Candidate, Evidence, Match
from .local_rules import local_edits
from .relations import relations
from .repair import Repair, Workshop, brief
from .report import Slip
from .scalars import symbols_of
from .subject import Subject
from .sum_edits import sum_edits
from .tape import Tape

__all__ = ["Diagnosis", "diagnose"]

DRAWS = 4
GRAPH_SECONDS = 1.2
"""Of this thread's own computing, so that a busy machine does not change what is said."""


@dataclass(slots=True)
class Diagnosis:
    """What went wrong.

    Attributes
    ----------
    slips : list of Slip
        At most two, the plainest first; empty when no single slip explains the numbers.
    first_wrong : FirstWrong or None
        The first wrong variable and its line.
    repair : Repair or None
        A verified change of one place.
    blame : Blame or None
        Which steps are right, first wrong, wrong because of it.
    others : list of str
        Other explanations that fit as well, for ``verbose=True``.
    """

    slips: list[Slip] = field(default_factory=list)
    first_wrong: FirstWrong | None = None
    repair: Repair | None = None
    blame: Blame | None = None
    others: list[str] = field(default_factory=list)

    @property
    def graph(self) -> Blame | None:
        """The blame map, which draws itself."""
        return self.blame

    def lines(self) -> list[str]:
        """The diagnosis as lines of text, at most eight."""
        found = [f"likely slip: {slip.text}" for slip in self.slips] or ["no single slip explains it."]
        if self.first_wrong is not None:
            if not self.slips:
                found.append(f"first wrong variable: {self.first_wrong.name}")
            if self.first_wrong.line is not None:
                found.append(f"line {self.first_wrong.line}:  {self.first_wrong.source}")
        if self.repair is not None:
            found += self.repair.text.splitlines()
        return found

    def __str__(self) -> str:
        return "\n".join(self.lines())


def diagnose(
    f: Callable[..., Any],
    by_hand: Callable[..., Any],
    draws: Sequence[Draw],
    wrong: Sequence[str],
    right: Sequence[str],
    *,
    subject: Subject | None = None,
    redraw: Callable[[int], Draw] | None = None,
    repair: bool = True,
) -> Diagnosis:
    """Say which slip explains the wrong gradients.

    Parameters
    ----------
    f : callable
        The cost.
    by_hand : callable
        The hand-made gradient.
    draws : sequence of Draw
        Random cases with ``hand`` and ``true`` filled in; distinct sizes make factors tell their names.
    wrong, right : sequence of str
        The outputs by verdict.
    subject : Subject, optional
        The two functions, if their caller has them bound already.
    redraw : callable, optional
        ``redraw(seed)`` gives a fresh case (inputs alone) on which what was found is verified once more.
    repair : bool
        Also try changes of the source.

    Returns
    -------
    Diagnosis
    """
    subject = subject or Subject(f, by_hand)
    wrong, right = sorted(wrong), sorted(right)
    cases = _cases(subject, draws, wrong, right, redraw)
    if not cases or not wrong:
        return Diagnosis()
    tapes = _tapes(subject, cases)
    found = Diagnosis()
    evidence = None
    matches: list[Match] = []
    if tapes:
        evidence = Evidence(tapes, symbols_of(cases, (*wrong, *right)), wrong, right)
        matches = explanations(evidence, wrong, right)
    workshop = _workshop(subject, cases, wrong, right)
    verdicts: Verdicts | None = None
    fixes: list[Repair] = []
    if workshop is not None:
        try:
            watch = workshop.watch()
        except Exception:  # the user's function fails on this draw alone: nothing to watch
            watch = None
        if watch is not None:
            if tapes:
                verdicts = judge_variables(tapes[0], watch.assigned, wrong, right)
                if workshop.source is not None:
                    verdicts.acquit(workshop.source.tree, right)
            if repair:
                fixes = _fixes(workshop, watch, verdicts, wrong)
    _conclude(found, evidence, matches, fixes, wrong, right)
    _locate(found, verdicts, workshop, wrong)
    if tapes and verdicts is not None:
        outputs = dict.fromkeys(right, "right") | dict.fromkeys(wrong, "wrong")
        tree = workshop.source.tree if workshop is not None and workshop.source is not None else None
        found.blame = blame_map(tapes[0], verdicts, found.first_wrong, outputs, tree)
    return found


# ── the cases ────────────────────────────────────────────────────────────────────────────────────────────────────


def _cases(
    subject: Subject,
    draws: Sequence[Draw],
    wrong: Sequence[str],
    right: Sequence[str],
    redraw: Callable[[int], Draw] | None,
) -> list[Draw]:
    """Up to four cases with distinct sizes where all outputs are known, a fresh one among them."""
    usable = [d for d in draws if all(name in d.hand and name in d.true for name in (*wrong, *right))]
    seen: set[tuple[Any, ...]] = set()
    cases: list[Draw] = []
    for draw in usable:
        sizes = tuple(sorted(draw.dims.items()))
        if sizes not in seen or not sizes:
            seen.add(sizes)
            cases.append(draw)
    cases += [draw for draw in usable if all(draw is not case for case in cases)]
    cases = cases[: DRAWS - 1 if redraw is not None else DRAWS]
    if redraw is not None:
        for seed in range(101, 104):
            try:
                fresh = redraw(seed)
                fresh.hand = subject.hand(fresh)
                fresh.true = subject.autodiff(fresh, [*wrong, *right])
            except Exception:  # the function under check may fail on any draw: then there is one case less
                continue
            cases.append(fresh)
            if len(cases) >= DRAWS:
                break
    return cases


def _tapes(subject: Subject, cases: Sequence[Draw]) -> list[Tape]:
    """The traced cost at each case; none if it can't be traced."""
    try:
        return [Tape(subject, draw) for draw in cases]
    except Exception:  # a cost that Tensors can't run through is still diagnosed by its source
        return []


def _workshop(subject: Subject, cases: Sequence[Draw], wrong: Sequence[str], right: Sequence[str]) -> Workshop | None:
    try:
        return Workshop(subject, cases, wrong, right)
    except Exception:  # how the function is called could not be repeated
        return None


# ── explanations ─────────────────────────────────────────────────────────────────────────────────────────────────


def explanations(
    evidence: Evidence, outputs: Sequence[str], spared: Sequence[str], seconds: float = GRAPH_SECONDS
) -> list[Match]:
    """All explanations of these outputs by the graph, plainest first."""
    until = time.thread_time() + seconds
    found = list(relations(evidence, outputs))
    if found and min(match.cost for match in found) <= PLAIN:
        return sorted(found, key=lambda match: match.cost)
    best = min((match.cost for match in found), default=np.inf)
    for candidate in _candidates(evidence):
        if candidate.cost > best + RIVALS or time.thread_time() > until:
            break
        match = evidence.try_out(candidate, outputs, spared)
        if match is not None:
            found.append(match)
            best = min(best, match.cost)
    return sorted(found, key=lambda match: match.cost)


RIVALS = 1.0
"""Explanations that are so much more far-fetched than the best are not looked for."""

PLAIN = 1.0
"""A relation of whole outputs this plain needs no rival."""


def _candidates(evidence: Evidence) -> list[Candidate]:
    """All candidates of the graph, made once."""
    if evidence.candidates is None:
        tapes = evidence.tapes
        with np.errstate(all="ignore"):
            every = [*graph_edits(tapes), *sum_edits(tapes), *local_edits(tapes), *composites(tapes)]
        evidence.candidates = sorted(every, key=lambda candidate: candidate.cost)
    return evidence.candidates


def two_slips(evidence: Evidence, wrong: Sequence[str], right: Sequence[str]) -> list[Match]:
    """Two explanations that cover all wrong outputs between them."""
    singles: dict[str, list[Match]] = {name: explanations(evidence, [name], right, 1.0 / len(wrong)) for name in wrong}
    texts: dict[str, dict[str, Match]] = {}
    for name, matches in singles.items():
        for match in matches:
            texts.setdefault(match.text, {})[name] = match
    best: list[Match] = []
    for cover in sorted(texts.values(), key=lambda c: (-len(c), min(m.cost for m in c.values()))):
        rest = [name for name in wrong if name not in cover]
        first = min(cover.values(), key=lambda m: m.cost)
        other = _covering(evidence, rest, first, singles, texts)
        if rest and other is not None and (not best or first.cost + other.cost < best[0].cost + best[1].cost):
            best = [_of(first, cover), other]
    return best


def _of(match: Match, outputs: Sequence[str] | dict[str, Match]) -> Match:
    return Match(match.kind, match.text, match.cost, match.where, match.line, tuple(outputs), match.grads)


def _covering(
    evidence: Evidence,
    rest: list[str],
    first: Match,
    singles: dict[str, list[Match]],
    texts: dict[str, dict[str, Match]],
) -> Match | None:
    """One explanation of the remaining outputs: on its own, or on top of the first slip."""
    if not rest:
        return None
    if len(rest) == 1:
        alone = singles[rest[0]]
    else:
        alone = sorted(
            (_of(min(c.values(), key=lambda m: m.cost), rest) for c in texts.values() if set(rest) <= set(c)),
            key=lambda m: m.cost,
        )
        alone = [*relations(evidence, rest), *alone]
    found = list(alone[:1])
    if first.grads:
        instead = [
            {name: tape.gradient(name, grads) for name in rest}
            for tape, grads in zip(evidence.tapes, first.grads, strict=True)
        ]
        found += list(relations(evidence, rest, instead))
    return min(found, key=lambda m: m.cost) if found else None


# ── repairs ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _fixes(workshop: Workshop, watch: Any, verdicts: Verdicts | None, wrong: Sequence[str]) -> list[Repair]:
    """The first change that mends everything, else the first ones that mend a part each."""
    scope = workshop.scope(watch)
    lines = verdicts.suspects() if verdicts is not None else []
    partial: dict[tuple[str, ...], Repair] = {}
    settled = verdicts.settled() if verdicts is not None else []
    for fix in workshop.repairs(scope, lines, settled):
        if set(fix.outputs) == set(wrong):
            return [fix]
        partial.setdefault(fix.outputs, fix)
    if not partial:
        return []
    ordered = sorted(partial.values(), key=lambda fix: (-len(fix.outputs), fix.cost))
    for first in ordered:
        rest = set(wrong) - set(first.outputs)
        second = next((fix for fix in ordered if set(fix.outputs) >= rest), None)
        if second is not None:
            return [first, second]
    return []


WORDS = {
    "scale": "a factor",
    "term-scale": "the factor of one term",
    "sign": "a sign",
    "transpose": "a transpose",
    "missing-local": "a factor is missing",
    "extra-local": "a factor too much",
    "wrong-local": "the local derivative",
    "wrong-operand": "the wrong variable",
    "missing-term": "a term is missing",
    "extra-term": "a term too much",
    "axis": "the axis",
    "not-reduced": "not summed over the repeated axis",
    "keepdims": "the shape",
    "mask-missing": "the mask is missing",
    "mask-inverted": "the mask is the wrong way round",
    "flip": "the order along an axis",
    "accumulate": "parts have to be added up",
    "conj": "a complex conjugate",
}


def _slip_of(fix: Repair, where: str) -> Slip:
    return Slip(fix.kind, where, f"{WORDS.get(fix.kind, fix.kind)}: {brief(fix.old)} should be {brief(fix.new)}")


# ── conclusions ──────────────────────────────────────────────────────────────────────────────────────────────────


def _conclude(
    found: Diagnosis,
    evidence: Evidence | None,
    matches: list[Match],
    fixes: list[Repair],
    wrong: Sequence[str],
    right: Sequence[str],
) -> None:
    """Choose among what the graph and the source say."""
    fix = fixes[0] if len(fixes) == 1 else None
    found.repair = fix
    functions = {step.op for step in evidence.tapes[0].steps} if evidence is not None else set()
    if fix is not None and not is_a_slip(fix, functions):
        fix = None  # deleting nonsense mends it, but names no slip
    best = matches[0] if matches else None
    if best is not None and fix is not None:
        agreeing = next((m for m in matches if m.kind == fix.kind and m.cost <= best.cost + AGREE), None)
        best = agreeing or best
        chosen = _slip(best) if agreeing or best.cost <= fix.cost + PREFER_GRAPH else _slip_of(fix, _where(fix, wrong))
        found.slips = [chosen]
    elif best is not None:
        found.slips = [_slip(best)]
    elif fix is not None:
        found.slips = [_slip_of(fix, _where(fix, wrong))]
    elif evidence is not None and len(wrong) > 1:
        pair = two_slips(evidence, wrong, right)
        if pair:
            found.slips = [_slip(match) for match in pair]
    if not found.slips and len(fixes) == 2:
        found.slips = [_slip_of(f, _where(f, wrong)) for f in fixes]
    said = {slip.text for slip in found.slips}
    found.others = [m.text for m in matches[:6] if m.text not in said]


PLAIN_NUMBERS = (0, 1, 2, 3, 4, 0.5, 0.25, 0.1, 0.01)
UNUSUAL = ("sin", "cos", "tan", "arctan", "sinh", "cosh", "floor", "ceil", "round", "sort", "roll", "random", "normal")


def is_a_slip(fix: Repair, functions: set[str]) -> bool:
    """Whether what a repair takes away is something a person would have put there.

    A deleted term or factor made of odd numbers, or of functions that the cost does not use, was not a slip in a
    derivation.
    """
    if fix.kind not in ("extra-term", "extra-local"):
        return True
    old, new = ast.parse(fix.old), ast.parse(fix.new)
    kept = {ast.dump(node) for node in ast.walk(new)}
    for node in ast.walk(old):
        if ast.dump(node) in kept:
            continue
        if isinstance(node, ast.Constant) and node.value not in PLAIN_NUMBERS:
            return False
        if isinstance(node, ast.Attribute) and node.attr in UNUSUAL and node.attr not in functions:
            return False
    return True


AGREE = 1.2
PREFER_GRAPH = 0.6


def _slip(match: Match) -> Slip:
    return Slip(match.kind, match.where, match.text)


def _where(fix: Repair, wrong: Sequence[str]) -> str:
    """The variable that the changed line assigns."""
    target = fix.before.split("=")[0].strip().rstrip("+-*/ ")
    if target.isidentifier() and not fix.before.startswith("return"):
        return target
    return f"d{(fix.outputs or tuple(wrong))[0]}"


def _locate(found: Diagnosis, verdicts: Verdicts | None, workshop: Workshop | None, wrong: Sequence[str]) -> None:
    """The first wrong variable, moved to the repaired line where that comes earlier."""
    source = workshop.source if workshop is not None else None
    first = verdicts.first if verdicts is not None else None
    fix = found.repair
    if fix is not None and fix.line is not None and source is not None and (first is None or fix.line <= first[1]):
        name = _where(fix, found.repair.outputs if found.repair else ())
        found.first_wrong = FirstWrong(name, fix.line, source.line(fix.line))
        found.repair = replace(fix, text=fix.shown(False))
    elif first is not None:
        numbered = source is None or source.numbered
        text = source.line(first[1]) if source is not None and numbered else ""
        found.first_wrong = FirstWrong(first[0], first[1] if numbered else None, text)
    elif source is not None and wrong:
        line = source.line_of(wrong)
        if line is not None and source.numbered:
            found.first_wrong = FirstWrong(f"d{wrong[0]}", line, source.line(line))
