"""The mutation score of the core, as docs/mutation_score.md tells it: ``python tests/mutation/core_score.py``.

Steps, each leaving its result in the work folder, so that a stopped run goes on where it was:

sample    mutants, spread over the core's files as their places are (``--size``, ``--seed``)
measure   one run of a part of the suite under coverage: which test runs which line
quick     every mutant inside a function on tests that run its line, in forks of one collected session
again     what survived, on all cases of those tests (the part has a quarter of the cases of the large ones)
longer    what survived that and was not found to change nothing, on the quickest of those tests
whole     the others (a decorator, a default, a rule's flag), and what survived in a function that is called when
          the package is imported, in forks that import a changed copy of the project
report    the table and the survivors with their reasons (tests/mutation/reasons.json), written into the page

``--step retry`` and then ``--step retry-whole`` try what survived on the tests that were written since; the page tells
both scores. Only tests may have changed meanwhile: a mutant is a place of the files as they were sampled.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import forks
import part_of_suite
from forks import NO_FUNCTION, Quick, Verdict, whole
from mutants_of_source import ROOMS, ROOT, Mutant, sample
from reach import Reach, measure

PAGE = ROOT / "docs" / "mutation_score.md"
HEADING = "## The core"
REASONS = Path(__file__).parent / "reasons.json"
SAME = "same"
"""How the reason of a change begins that changes nothing anybody could see."""
OPEN = "not looked at"
SECONDS = 20.0
LONGER = 30.0
STEPS = ("sample", "measure", "quick", "again", "longer", "whole", "report")
LATER = ("retry", "retry-whole")
"""Steps that try survivors once more, after tests were written against them."""


def main() -> None:
    options = parser().parse_args()
    work = Path(options.work).resolve()
    forks.WORKERS = options.workers
    work.mkdir(parents=True, exist_ok=True)
    if options.step is None:
        for step in STEPS:
            subprocess.run([sys.executable, __file__, *sys.argv[1:], "--step", step], check=True)
    elif options.step == "sample" and not (work / "sample.json").exists():
        mutants, places = sample(options.size, options.seed)
        told = {"seed": options.seed, "places": places, "mutants": [dataclasses.asdict(m) for m in mutants]}
        (work / "sample.json").write_text(json.dumps(told), encoding="utf-8")
    elif options.step == "measure" and not (work / "times.json").exists():
        measure(work, options.workers)
    elif options.step == "quick":
        try_quickly(work, options.only)
    elif options.step == "again":
        try_again(work, options.only)
    elif options.step == "longer":
        try_longer(work, options.only)
    elif options.step == "whole":
        try_wholly(work, options.only)
    elif options.step == "retry":
        retry(work, options.only)
    elif options.step == "retry-whole":
        retry_wholly(work, options.only)
    elif options.step == "report":
        report(work)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    made.add_argument("--work", default=".mutation", help="the folder of the steps' results")
    made.add_argument("--size", type=int, default=1300, help="mutants in the sample")
    made.add_argument("--workers", type=int, default=2, help="processes at a time")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--step", choices=(*STEPS, *LATER), help="this step alone")
    made.add_argument("--only", default="", help="mutants of files whose names start so")
    return made


# ── trying ───────────────────────────────────────────────────────────────────────────────────────────────────────


def mutants_in(work: Path) -> list[Mutant]:
    told = json.loads((work / "sample.json").read_text(encoding="utf-8"))
    return [Mutant(**entry) for entry in told["mutants"]]


def verdicts_in(work: Path, but: tuple[str, ...] = ()) -> dict[str, dict[str, str]]:
    """The last thing found about every mutant, in other steps than these."""
    path = work / "verdicts.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {entry["mutant"]: entry for entry in map(json.loads, lines) if entry["step"] not in but}


def noter(work: Path, step: str) -> Callable[[Mutant, Verdict], None]:
    def note(mutant: Mutant, verdict: Verdict) -> None:
        with (work / "verdicts.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"mutant": mutant.name, "step": step, **vars(verdict)}) + "\n")

    return note


def try_quickly(work: Path, only: str) -> None:
    """Every mutant inside a function, on up to `SECONDS` of tests."""
    done = verdicts_in(work)
    left = [m for m in mutants_in(work) if m.name not in done and m.file.startswith(only)]
    reach = Reach(work)
    in_one_session(Quick(left, reach, SECONDS, noter(work, "quick"), reach.tests_for), part_of_suite)


def try_again(work: Path, only: str) -> None:
    """What survived that, on more cases."""
    done = verdicts_in(work)
    first = {"outcome": "survived", "step": "quick"}
    left = [m for m in mutants_in(work) if m.file.startswith(only) and first.items() <= done.get(m.name, {}).items()]
    left = [m for m in left if done[m.name]["by"] != NO_FUNCTION]
    reach = Reach(work)
    in_one_session(Names(work), Quick(left, reach, SECONDS, noter(work, "again"), reach.all_cases))


def try_longer(work: Path, only: str) -> None:
    """What survived that too, but for changes that are known to change nothing: the tester's tests are slow."""
    reach, done = Reach(work), verdicts_in(work)
    left = [m for m in mutants_in(work) if m.file.startswith(only) and m.name in done]
    left = [m for m in left if {"outcome": "survived", "step": "again"}.items() <= done[m.name].items()]
    left = [m for m in left if not reason(m).startswith(SAME)]
    in_one_session(Quick(left, reach, LONGER, noter(work, "longer"), reach.quickest))


class Names:
    """A pytest plugin: notes the names of all cases, also of those that the part leaves out."""

    def __init__(self, work: Path) -> None:
        self.path = work / "names.json"

    def pytest_collection_finish(self, session: Any) -> None:
        self.path.write_text(json.dumps([item.nodeid for item in session.items]), encoding="utf-8")


def names_in(work: Path) -> list[str]:
    names: list[str] = json.loads((work / "names.json").read_text(encoding="utf-8"))
    return names


def in_one_session(*plugins: object) -> None:
    """Collect tests and let the plugins use them."""
    import cosmic_ray.mutating  # the forks find it imported
    import pytest

    assert cosmic_ray.mutating is not None
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    pytest.main(["-p", "no:cacheprovider", "-q", *part_of_suite.PATHS], plugins=plugins)


def try_wholly(work: Path, only: str) -> None:
    """Every mutant that isn't inside a function, or in one that is called on import, on half of `SECONDS` of tests."""
    reach, names, done = Reach(work), names_in(work), verdicts_in(work)
    left = [m for m in mutants_in(work) if m.file.startswith(only) and m.name in done]
    survived = [m for m in left if done[m.name]["outcome"] == "survived" and done[m.name]["step"] != "whole"]
    left = [m for m in survived if done[m.name]["by"] == NO_FUNCTION or reach.at_import(m)]
    about_all = [test for test in names if test.startswith("tests/test_coverage.py")]

    def tests_of(mutant: Mutant) -> list[str]:
        return [*about_all, *reach.all_cases(mutant, names, SECONDS / 2)]

    whole(left, reach, tests_of, noter(work, "whole"), work)


def retry(work: Path, only: str) -> None:
    """Survivors inside functions, on the tests that are new."""
    reach = Reach(work)

    def new_tests(_mutant: Mutant, known: Iterable[str], _seconds: float) -> list[str]:
        return reach.new_tests(known)

    left = survivors(work, only, outside=False)
    in_one_session(Names(work), Quick(left, reach, SECONDS, noter(work, "retry"), new_tests))


def retry_wholly(work: Path, only: str) -> None:
    """Survivors outside functions, on the tests that are new."""
    reach = Reach(work)
    new = reach.new_tests(names_in(work))
    whole(survivors(work, only, outside=True), reach, lambda _mutant: new, noter(work, "retry-whole"), work)


def survivors(work: Path, only: str, outside: bool) -> list[Mutant]:
    """What lives so far, inside functions or outside."""
    verdicts = verdicts_in(work)
    alive = [m for m in mutants_in(work) if verdicts.get(m.name, {}).get("outcome") == "survived"]
    return [m for m in alive if m.file.startswith(only) and verdicts[m.name]["step"].endswith("whole") == outside]


# ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────────


def interval(killed: float, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    z, share = 1.96, killed / of
    middle = share + z * z / (2 * of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle - half) / (1 + z * z / of), (middle + half) / (1 + z * z / of)


def report(work: Path) -> None:
    """Write the page's second half; the first is the rule book's own."""
    told = json.loads((work / "sample.json").read_text(encoding="utf-8"))
    first, now = verdicts_in(work, but=LATER), verdicts_in(work)
    before = PAGE.read_text(encoding="utf-8").partition(HEADING)[0].rstrip()
    PAGE.write_text(before + "\n\n" + page(mutants_in(work), first, now, told), encoding="utf-8")


def page(
    mutants: list[Mutant], first: dict[str, dict[str, str]], now: dict[str, dict[str, str]], told: dict[str, Any]
) -> str:
    """The table of rooms, at first sight and now, and every survivor with its reason."""
    judged = [m for m in mutants if m.name in now]
    tried = [m for m in judged if now[m.name]["outcome"] != "error" and now[m.name]["by"] != NO_FUNCTION]
    alive = [m for m in tried if now[m.name]["outcome"] == "survived"]
    why = {m: reason(m) for m in alive}
    everywhere = sum(told["places"].values())
    lines = [
        HEADING,
        "",
        f"{len(tried)} changes, drawn with seed {told['seed']} from {everywhere:,} places of the core, spread over",
        "its files, each tried on the tests that run the changed line, up to a time limit, from a part of the suite.",
        "What survives here may die in the whole suite: the score is a lower bound. Cosmic Ray's operators write the",
        "changes; `python tests/mutation/core_score.py` repeats all of it. *At first sight* is the score of the suite",
        "as it was when the sample was drawn; *now* counts the tests too that were written against what survived, so",
        "it says what was done about this sample and no more about the other places than the first. A reason that",
        "begins with *same* was found by looking at the change: nobody can see it (values, errors and words stay as",
        "they are); the others say what it changes.",
        "",
        "| room | places | tried | killed at first sight | score "
        "| killed now | score | of those that change anything |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for room in [*ROOMS, "all"]:
        here = [m for m in tried if room in ("all", m.room)]
        seen = [m for m in here if first[m.name]["outcome"] == "killed"]
        dead = [m for m in here if m not in why]
        same = sum(why[m].startswith(SAME) for m in here if m in why)
        places = everywhere if room == "all" else told["places"][room]
        counts = f"{places:,} | {len(here)} | {len(seen)} | {share(len(seen), len(here))}"
        lines.append(
            f"| {room} | {counts} | {len(dead)} | {share(len(dead), len(here))} "
            f"| {share(len(dead), len(here) - same)} |"
        )
    low, high = interval(len(seen), len(here))
    lines += [
        "",
        f"The score of all at first sight has a 95 % interval of {100 * low:.1f} to {100 * high:.1f} %; of those that",
        f"change anything it was {share(len(seen), len(here) - same)}.",
    ]
    if len(judged) > len(tried):
        lines += ["", f"{len(judged) - len(tried)} more could not be tried: the change or its trial raised."]
    lines += ["", "| why it survived | changes |", "|---|---:|"]
    lines += [f"| {reason} | {count} |" for reason, count in Counter(why.values()).most_common()]
    lines += ["", "<details><summary>Every survivor</summary>", "", "| where | change | why |", "|---|---|---|"]
    for m in sorted(alive, key=lambda m: (m.file, m.line)):
        lines.append(f"| {m.file}:{m.line} | `{_cell(shortened(m))}` | {why[m]} |")
    return "\n".join([*lines, "", "</details>", ""])


def reason(mutant: Mutant) -> str:
    """Why a change may survive, as somebody who looked at it wrote."""
    known: dict[str, str] = json.loads(REASONS.read_text(encoding="utf-8"))
    return known.get(f"{mutant.file}: {mutant.before} → {mutant.after}", OPEN)


def share(killed: int, of: int) -> str:
    """``93.2 %``."""
    return f"{100 * killed / of:.1f} %" if of else "–"


def shortened(mutant: Mutant) -> str:
    """Only the part of the line that changed, with a few letters around it."""
    a, b = mutant.before, mutant.after
    start = next((k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), 0)
    end = next((k for k, (x, y) in enumerate(zip(a[::-1], b[::-1], strict=False)) if x != y), 0)
    around = slice(max(0, start - 24), max(start, len(a) - end) + 16)
    other = slice(max(0, start - 24), max(start, len(b) - end) + 16)
    return f"{a[around]} → {b[other]}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("`", "'")


if __name__ == "__main__":
    main()
