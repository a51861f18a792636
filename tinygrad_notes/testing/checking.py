"""One check on its way: cases drawn, gradients compared, a verdict, and everything that explains it."""

from __future__ import annotations

import os
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import BadInputError
from .draws import Draw, Recipe, name_of, sizes_text
from .judge import Finding, Judge, perturbed, precision
from .outputs import is_float, wanted_names
from .report import Case, Report, Slip
from .shapes import early_slip, shape_fact
from .shrink import Shrinker
from .source import typed_at_a_prompt
from .special import right_when
from .subject import Subject, Untraceable, first_line

__all__ = ["Check"]

REFEREED = 2
"""On so many draws numerical differences confirm autodiff."""
FOR_DIAGNOSIS = 4
"""So many failing draws go to the diagnosis."""
AGAIN = 10
"""So often f is called again where a draw is not plainly right: a mask of few units is often the same twice."""
REDRAWS = 12
BEFORE_VALUES = ("shape", "missing", "nondeterministic", "directions", "dtype")
"""Reasons for "wrong" that need no numbers side by side."""
BY_DIFFERENCES = 4
"""So many draws are compared where numerical differences judge alone: they are slow, and two would do."""


class Check:
    """One check on its way: draws, findings, and the report that grows out of them."""

    def __init__(
        self,
        f: Callable[..., Any],
        by_hand: Callable[..., Any],
        recipe: Recipe,
        wrt: Any,
        seed: int,
        max_examples: int,
        rtol: float | None,
        atol: float | None,
    ) -> None:
        self.recipe: Recipe = recipe
        self.seed: int = seed
        self.examples: int = 1 if recipe.fixed is not None else max_examples
        self.rng: np.random.Generator = np.random.default_rng(seed)
        self.subject: Subject = Subject(f, by_hand)
        self.judge: Judge = Judge(self.subject, rtol, atol, seed)
        self.report: Report = Report(name_of(f), name_of(by_hand), seed=seed)
        self.wrt = wrt
        self.names: list[str] = []
        self.draws: list[Draw] = []
        self.findings: dict[str, list[Finding]] = {}
        self.contested: dict[str, Finding] = {}
        self.failing: Draw | None = None
        self.only_at_1: bool = False
        self.raised: tuple[Draw, Exception] | None = None

    def finished(
        self, order: int, diagnose: bool, repair: bool, verbose: bool, artefacts: str | os.PathLike[str] | None
    ) -> Report:
        """The report, with everything that helps when something is wrong."""
        if order == 2 and self.report.verdict == "right":
            self.second_order()
        if self.report.verdict == "wrong":
            self.explain(diagnose, repair)
        if verbose:
            self.report.notes.append(f"largest difference among the right ones: {self.judge.largest:.1g} of the norm")
        if artefacts is not None and not self.report:
            from .artefacts import save

            save(self.report, self.subject, self.failing, artefacts)
        return self.report

    # comparing

    def run(self) -> None:
        """Compare on random cases until enough agree or enough fail."""
        k = 0
        while k < self.examples:
            draw = self.next_draw(first=k == 0)
            if draw is None:
                return
            if k == 0 and not self.well_behaved(draw):
                return
            if not self.compute(draw):
                break
            if k < REFEREED:
                self.confirm(draw)
            self.compare(draw)
            plain = all(found[-1].verdict == "right" and not found[-1].why for found in self.findings.values())
            if not self.well_behaved(draw, 1 if plain else AGAIN):
                self.findings, self.failing, self.report.notes = {}, None, []  # a random function proves nothing
                return
            self.draws.append(draw)
            k += 1
            self.report.examples = k
            if len([d for d in self.draws if self.fails(d)]) >= FOR_DIAGNOSIS:
                break
        if self.failing is None and self.recipe.fixed is None and not self.recipe.chosen_sizes:
            self.sizes_of_1()
        self.conclude()

    def sizes_of_1(self) -> None:
        """One more case for each size, with that size 1: there a squeezed axis shows, and a branch for one example."""
        rng = np.random.default_rng([self.seed, 6])
        for symbol in self.recipe.symbols:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                draw = self.traced_at(self.recipe.draw_sizes(rng) | {symbol: 1}, rng)
                if draw is None:
                    continue
                try:
                    draw.hand = self.subject.hand(draw)
                except Exception as error:
                    self.report.notes.append(f"where {symbol} = 1, {self.report.hand_name} raises {first_line(error)}")
                    continue
                known = [name for name in self.names if name in draw.hand and name in draw.true]
                found = {name: self.judge.compare(draw, name) for name in known}
            unlike = [name for name, x in found.items() if x.verdict == "wrong" and x.why in ("", "shape")]
            lost = [name for name, finding in found.items() if finding.why == "nan"]
            if lost:
                self.report.notes.append(f"where {symbol} = 1, {_d(lost)} is NaN or infinite")
            if unlike:
                self.draws.append(draw)
                self.failing, self.only_at_1 = draw, True
                for name in unlike:
                    self.note(name, found[name])
                self.report.facts.append(f"seen only where {symbol} = 1.")
                return

    def traced_at(self, dims: dict[str, int], rng: np.random.Generator) -> Draw | None:
        """A case of these sizes with its true gradients; None where f or its gradient is not defined there."""
        try:
            draw = self.recipe.draw(rng, dims)
            if not np.isfinite(self.subject.value(draw)):
                return None
            self.judge.settle(draw, [name for name in self.names if name not in self.judge.numeric])
        except Exception:
            return None
        return draw if all(np.all(np.isfinite(true)) for true in draw.true.values()) else None

    def next_draw(self, first: bool) -> Draw | None:
        """A random case on which f is finite."""
        value: Any = None
        for _ in range(REDRAWS):
            draw = self.recipe.draw(self.rng)
            if first and self.wrt is not None:
                self.subject.wrt = wanted_names(self.wrt, draw.leaves)
            value = self.value(draw)
            if np.isfinite(value):
                return draw
            if self.recipe.fixed is not None:
                break
        self.cannot_tell(
            "domain",
            f"{self.report.f_name} is {value} at these inputs; "
            + ("choose others" if self.recipe.fixed else "say where they live: given={'x': tn.testing.positive}"),
        )
        return None

    def value(self, draw: Draw) -> Any:
        """The value of f, with the sizes added to any error that it raises."""
        try:
            return self.subject.value(draw)
        except Exception as error:
            if draw.dims:
                error.add_note(f"while calling {self.report.f_name} with {sizes_text(draw.dims)}")
            raise

    def well_behaved(self, draw: Draw, times: int = 1) -> bool:
        """Whether f gives the same number again, so many times, and leaves its inputs alone."""
        changed = self.subject.overwritten_by_f(draw)
        if changed:
            self.cannot_tell(
                "mutates-input",
                f"{self.report.f_name} overwrites its argument {', '.join(changed)}; copy it first: "
                f"{changed[0]} = {changed[0]}.copy()",
            )
            return False
        first = self.value(draw)
        others = (self.value(draw) for _ in range(times))
        second = next((y for y in others if abs(first - y) > 1e-10 * (abs(first) + abs(y))), first)
        if second != first:
            self.cannot_tell(
                "nondeterministic",
                f"{self.report.f_name} gave {first:.4g} and {second:.4g} for the same inputs; "
                "draw masks and noise outside and pass them in",
            )
            return False
        return True

    def compute(self, draw: Draw) -> bool:
        """Fill the hand-made and the true gradients; False when the user's function raised."""
        try:
            draw.hand = self.subject.hand(draw)
        except BadInputError:
            raise
        except Exception as error:
            self.raised, self.failing = (draw, error), draw
            return False
        if not self.names:
            self.names = list(draw.hand)
            if self.subject.unread and self.subject.wrt is None:
                self.report.notes.append(f"not judged, since no input is called so: {', '.join(self.subject.unread)}")
            if self.subject.by_position:
                theirs = ", ".join(self.subject.by_position)
                self.report.notes.append(
                    f"{self.report.hand_name} was called by position: its parameters ({theirs}) "
                    f"are not named like {self.report.f_name}'s ({', '.join(draw.inputs)})"
                )
            self.behaviour_of_hand(draw)
        try:
            self.judge.settle(draw, self.names)
        except Untraceable as why:
            self.without_autodiff(str(why))
            self.judge.settle(draw, self.names)
        return True

    def behaviour_of_hand(self, draw: Draw) -> None:
        """Two calls must agree, and the inputs must survive."""
        again = self.subject.hand(draw)
        differing = [name for name in self.names if not _close(draw.hand[name], again[name])]
        if differing:
            self.report.slips.append(
                Slip(
                    "nondeterministic",
                    self.report.hand_name,
                    f"{self.report.hand_name} gives another {_d(differing)} at the second call with the same inputs",
                )
            )
            for name in differing:
                self.note(name, Finding("wrong", "nondeterministic"))
        changed = self.subject.overwritten_by_hand(draw)
        if changed:
            text = f"{self.report.hand_name} overwrites its argument {', '.join(changed)}: work on a copy"
            self.report.slips.append(Slip("mutates-input", ", ".join(changed), text))

    def without_autodiff(self, why: str) -> None:
        """From here on numerical differences judge alone."""
        for name in self.names:
            self.judge.numeric[name] = why
        self.report.judges = "numerical differences"
        self.examples = min(self.examples, BY_DIFFERENCES)
        self.report.notes.append(
            f"{self.report.f_name} can't be traced ({shortened(why)}): judged by numerical differences alone"
        )

    def confirm(self, draw: Draw) -> None:
        """Let numerical differences contradict autodiff: then they judge, and the report says so."""
        traced = [name for name in self.names if name not in self.judge.numeric]
        finite = [name for name in traced if np.all(np.isfinite(draw.true[name]))]
        for name, (ours, theirs) in self.judge.referee(draw, finite).items():
            self.judge.numeric[name] = "disagree"
            self.report.notes.append(
                f"autodiff and numerical differences disagree on d{name} ({ours:.4g} and {theirs:.4g} along one "
                f"direction): {self.report.f_name} stops a gradient on purpose, or one of our rules is wrong"
            )
            draw.hand.setdefault(name, draw.true[name])
            self.contradicted(draw, name)

    def contradicted(self, draw: Draw, name: str) -> None:
        """Judge one output by differences; agreement with a contradicted autodiff proves nothing."""
        autodiff = draw.true.pop(name)
        self.judge.by_differences(draw, name)
        hand = draw.hand[name]
        if np.shape(hand) == np.shape(autodiff) and self.judge.agree(hand, autodiff, precision(draw, name)):
            text = f"your d{name} is autodiff's, and numerical differences contradict both"
            self.contested[name] = Finding("cannot tell", "disagree", text)

    def compare(self, draw: Draw) -> None:
        """Judge every output on this draw."""
        for name in self.names:
            if name in self.contested:
                self.note(name, self.contested[name])
                continue
            if name not in draw.hand:
                self.note(name, Finding("wrong", "missing"))
                continue
            known_wrong = any(found.verdict == "wrong" for found in self.findings.get(name, []))
            self.note(name, self.judge.compare(draw, name, thorough=not known_wrong))
        if self.failing is None and any(self.findings[name][-1].verdict == "wrong" for name in self.names):
            self.failing = draw

    def note(self, name: str, finding: Finding) -> None:
        """Remember what was found about one output."""
        self.findings.setdefault(name, []).append(finding)

    def fails(self, draw: Draw) -> bool:
        """Whether a draw shows something wrong."""
        for name in self.wrong_names():
            hand, true = draw.hand.get(name), draw.true.get(name)
            if hand is None or true is None or np.shape(hand) != np.shape(true) or hand.dtype.kind not in "fciub":
                return True
            if not self.judge.agree(hand, true, precision(draw, name)):
                return True
        return False

    def wrong_names(self) -> list[str]:
        """Outputs that some draw proved wrong."""
        return [n for n in self.names if any(found.verdict == "wrong" for found in self.findings.get(n, []))]

    # concluding

    def conclude(self) -> None:
        """The verdict, from all findings."""
        report = self.report
        if self.raised is not None:
            self.hand_raised(*self.raised)
            return
        wrong = self.wrong_names()
        doubtful = [
            n for n in self.names if n not in wrong and all(x.verdict != "right" for x in self.findings.get(n, []))
        ]
        mutates = any(slip.kind == "mutates-input" for slip in report.slips)
        report.wrong = [f"d{n}" for n in wrong]
        report.right = [f"d{n}" for n in self.names if n not in wrong and n not in doubtful]
        if wrong or mutates:
            report.verdict = "wrong"
        elif doubtful:
            found = next(x for n in doubtful for x in self.findings[n] if x.verdict == "cannot tell")
            self.cannot_tell(found.why, found.text or f"no trustworthy value of d{doubtful[0]}")
            report.right = [f"d{n}" for n in self.names if n not in doubtful]
        self.remarks()

    def remarks(self) -> None:
        """What was accepted with a remark: kinks, rounding, large arrays."""
        texts = list(
            dict.fromkeys(
                x.text for n in self.names for x in self.findings.get(n, []) if x.verdict == "right" and x.text
            )
        )
        kinks = [x for n in self.names for x in self.findings.get(n, []) if x.why == "kink" and x.verdict == "right"]
        if kinks and not self.report.reason:
            self.report.reason = f"kink: {kinks[0].text}"
            texts = [text for text in texts if text != kinks[0].text]
        self.report.notes += texts[:3]

    def cannot_tell(self, kind: str, text: str) -> None:
        """End with the third verdict."""
        self.report.verdict, self.report.reason = "cannot tell", f"{kind}: {text}"

    def hand_raised(self, draw: Draw, error: Exception) -> None:
        """The user's function raised: that is wrong too, and the line is known."""
        report = self.report
        report.verdict = "wrong"
        names = self.names or self.subject.wrt or [n for n, x in draw.leaves.items() if is_float(x)]
        report.wrong = [f"d{name}" for name in names] if self.names or self.subject.wrt else []
        text = f"{report.hand_name} raises {first_line(error)}"
        report.slips = [Slip("raises", report.hand_name, text)]
        line = _line_of(error, self.subject.by_hand)
        if line:
            report.facts.append(line)
        report.facts.append(f"with {sizes_text(draw.dims)}: " if draw.dims else "with ")
        report.facts[-1] += ", ".join(f"{name} {np.shape(x)}" for name, x in draw.leaves.items())

    def second_order(self) -> None:
        """Differentiate the hand-made gradient by autodiff, and compare that with differences of it."""
        from .second_order import check_second_order

        problems = check_second_order(self.subject, self.draws[0], self.names, self.seed)
        if problems:
            self.report.verdict = "wrong"
            self.report.facts += [f"second order: {text}" for text in problems[:3]]
            self.report.wrong = [f"d(d{name})" for name in self.names]
            self.report.right = [f"d{name}" for name in self.names]

    # explaining

    def explain(self, diagnose: bool, repair: bool) -> None:
        """Everything that helps: slips, the line, the change, special inputs, the smallest case."""
        report, wrong = self.report, self.wrong_names()
        if self.raised is not None or not wrong or self.failing is None:
            return
        self.early(wrong)
        whys = {name: self.findings_why(name) for name in wrong}
        shaped = [name for name in wrong if whys[name] not in BEFORE_VALUES]
        traceable = [name for name in wrong if whys[name] not in BEFORE_VALUES or whys[name] == "shape"]
        if diagnose and traceable and not {"nondeterministic", "law"} & set(whys.values()):
            self.diagnose(traceable, repair)
            numeric = [name for name in shaped if name in self.judge.numeric]
            report.slips = (self.plain_slips(numeric) + report.slips)[:2]
        if shaped and self.fails(self.failing):
            report.special = self.special(shaped)
            self.smallest_case(shaped)

    def findings_why(self, name: str) -> str:
        """Why an output is wrong: the first proof."""
        return next(found.why for found in self.findings[name] if found.verdict == "wrong")

    def early(self, wrong: list[str]) -> None:
        """Slips that show before values are compared."""
        assert self.failing is not None
        for name in wrong:
            finding = next(found for found in self.findings[name] if found.verdict == "wrong")
            if finding.why == "directions":
                self.report.facts.append(finding.text)
                continue
            if finding.why == "missing":
                self.report.facts.append(f"d{name} is missing from the result at {sizes_text(self.failing.dims)}")
                continue
            slip = early_slip(self.failing, name, finding) if name in self.failing.hand else None
            if slip is not None:
                self.report.slips.append(slip)
            if finding.why == "shape":
                symbols = " ".join(axis.text for axis in self.recipe.shapes.get(name, ()))
                self.report.facts.append(shape_fact(self.failing, name, symbols))

    def diagnose(self, wrong: list[str], repair: bool) -> None:
        """Ask the traced graph what was done wrong."""
        from .diagnosis import diagnose

        draws = self.failing_draws(wrong)
        right = [name for name in self.names if name not in self.wrong_names()]
        fresh = None if self.recipe.fixed is not None else self.fresh_draw
        found = diagnose(
            self.subject.f, self.subject.by_hand, draws, wrong, right, subject=self.subject, redraw=fresh, repair=repair
        )
        report = self.report
        report.diagnosed = True
        kept = [slip for slip in report.slips if not found.slips or slip.where.removeprefix("d") not in wrong]
        report.slips = (kept + list(found.slips))[:2]
        report.first_wrong = found.first_wrong
        report.repair = found.repair if repair else None
        report.graph = found.blame
        if typed_at_a_prompt(self.subject.by_hand):
            report.notes.append("typed at a prompt, which keeps no source; in a file the report names the line")

    def plain_slips(self, wrong: list[str]) -> list[Slip]:
        """What the numbers alone tell of outputs that could not be traced."""
        from .plain_slips import plain_slip

        found = [plain_slip(self.failing_draws([name]), name) for name in wrong]
        return [slip for slip in found if slip is not None]

    def fresh_draw(self, seed: int) -> Draw:
        """A case that nobody has seen yet."""
        return self.recipe.draw(np.random.default_rng([self.seed, 5, seed]))

    def failing_draws(self, wrong: list[str]) -> list[Draw]:
        """Draws with all gradients for the diagnosis; concrete inputs are varied a little."""
        draws = [draw for draw in self.draws if all(n in draw.hand and n in draw.true for n in wrong)]
        if self.recipe.fixed is None:
            return sorted(draws, key=self.fails, reverse=True)[:FOR_DIAGNOSIS]
        rng = np.random.default_rng([self.seed, 4])
        while len(draws) < FOR_DIAGNOSIS:
            nearby = perturbed(self.draws[0], rng, 0.3)
            try:
                nearby.hand = self.subject.hand(nearby)
                self.judge.settle(nearby, self.names)
            except Exception:  # a function that doesn't take such inputs is diagnosed on fewer
                break
            draws.append(nearby)
        return draws

    def special(self, wrong: list[str]) -> list[str]:
        """Conditions under which the derivation is right."""
        if self.recipe.fixed is not None or self.only_at_1 or any(name in self.judge.numeric for name in wrong):
            return []
        return right_when(self.subject, self.judge, self.recipe, wrong, self.seed)

    def smallest_case(self, wrong: list[str]) -> None:
        """Shrink, and lay the numbers side by side."""
        assert self.failing is not None
        shrinker = Shrinker(self.subject, self.judge, self.recipe, wrong, self.seed)
        case = shrinker.shrink(self.failing)
        shown = [name for name in wrong if name in case.true and shrinker.plainly_wrong(case, name)]
        shown = shown or [name for name in wrong if name in case.true]
        numerical = {}
        for name in shown:
            if np.size(case.true[name]) <= 64:
                point = self.subject.point(case, [name])
                numerical[f"d{name}"] = point.gradient("richardson", None)[0][0]
        self.report.case = Case(
            case.dims,
            case.inputs,
            {f"d{name}": case.hand[name] for name in shown},
            {f"d{name}": case.true[name] for name in shown},
            numerical,
            case is not self.failing,
        )


def shortened(text: str, most: int = 70) -> str:
    """The beginning of a sentence.

    Examples
    --------
    >>> shortened("NoRuleError: np.foo has no rule. Write it otherwise", 30)
    'NoRuleError: np.foo has no ru…'
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def _d(names: list[str]) -> str:
    return ", ".join(f"d{name}" for name in names)


def _close(a: Any, b: Any) -> bool:
    """Whether two calls gave the same array, up to the last digits."""
    if np.asarray(a).dtype.kind not in "fciub":
        return True  # refused for its dtype
    return np.shape(a) == np.shape(b) and bool(np.allclose(a, b, rtol=1e-6, atol=1e-12, equal_nan=True))


def _line_of(error: BaseException, by_hand: Callable[..., Any]) -> str:
    """``line 8:  dW = dZ @ X`` for the innermost line of the user's file that raised."""
    code = getattr(by_hand, "__code__", None)
    steps = traceback.extract_tb(error.__traceback__)
    own = [step for step in steps if code is not None and step.filename == code.co_filename]
    return f"line {own[-1].lineno}:  {own[-1].line}" if own else ""
