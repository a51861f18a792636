"""The mutation score of the core, as docs/mutation_score.md tells it: ``python tests/mutation/core_score.py``.

Four steps, each leaving its result in the work folder, so that a stopped run goes on where it was:

sample    mutants, spread over the core's files as their places are (``--size``, ``--seed``)
measure   one run of a part of the suite under coverage: which test runs which line
quick     every mutant inside a function on tests that run its line, in forks of one collected session
again     what survived, on all cases of those tests (the part has a quarter of the cases of the large ones)
whole     the others (a decorator, a default, a rule's flag) in forks that import a changed copy of the project
report    the table and the survivors with their reasons (tests/mutation/reasons.json), written into the page
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
from collections.abc import Callable
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
STEPS = ("sample", "measure", "quick", "again", "whole", "report")


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
    elif options.step == "whole":
        try_wholly(work, options.only)
    elif options.step == "report":
        report(work)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    made.add_argument("--work", default=".mutation", help="the folder of the steps' results")
    made.add_argument("--size", type=int, default=1300, help="mutants in the sample")
    made.add_argument("--workers", type=int, default=2, help="processes at a time")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--step", choices=STEPS, help="this step alone")
    made.add_argument("--only", default="", help="mutants of files whose names start so")
    return made


# ── trying ───────────────────────────────────────────────────────────────────────────────────────────────────────


def mutants_in(work: Path) -> list[Mutant]:
    told = json.loads((work / "sample.json").read_text(encoding="utf-8"))
    return [Mutant(**entry) for entry in told["mutants"]]


def verdicts_in(work: Path) -> dict[str, dict[str, str]]:
    """The last thing found about every mutant."""
    path = work / "verdicts.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {entry["mutant"]: entry for entry in map(json.loads, lines)}


def noter(work: Path, step: str) -> Callable[[Mutant, Verdict], None]:
    def note(mutant: Mutant, verdict: Verdict) -> None:
        with (work / "verdicts.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"mutant": mutant.name, "step": step, **vars(verdict)}) + "\n")

    return note


def try_quickly(work: Path, only: str) -> None:
    """Every mutant inside a function, on up to `SECONDS` of tests."""
    done = verdicts_in(work)
    left = [m for m in mutants_in(work) if m.name not in done and m.file.startswith(only)]
    in_one_session(Quick(left, Reach(work), SECONDS, noter(work, "quick")), part_of_suite)


def try_again(work: Path, only: str) -> None:
    """What survived that, on more cases."""
    done = verdicts_in(work)
    first = {"outcome": "survived", "step": "quick"}
    left = [m for m in mutants_in(work) if m.file.startswith(only) and first.items() <= done.get(m.name, {}).items()]
    left = [m for m in left if done[m.name]["by"] != NO_FUNCTION]
    in_one_session(Quick(left, Reach(work), SECONDS, noter(work, "again"), all_cases=True))


def in_one_session(*plugins: object) -> None:
    """Collect tests and let the plugins use them."""
    import cosmic_ray.mutating  # the forks find it imported
    import pytest

    assert cosmic_ray.mutating is not None
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    pytest.main(["-p", "no:cacheprovider", "-q", *part_of_suite.PATHS], plugins=plugins)


def try_wholly(work: Path, only: str) -> None:
    """Every mutant that isn't inside a function, on up to half of `SECONDS` of tests."""
    done = verdicts_in(work)
    left = [m for m in mutants_in(work) if m.file.startswith(only)]
    left = [m for m in left if done.get(m.name, {}).get("by") == NO_FUNCTION]
    whole(left, Reach(work), SECONDS / 2, noter(work, "whole"), work)


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
    verdicts = verdicts_in(work)
    judged = {m: verdicts[m.name] for m in mutants_in(work) if m.name in verdicts}
    tried = [m for m, found in judged.items() if found["outcome"] != "error" and found["by"] != NO_FUNCTION]
    before = PAGE.read_text(encoding="utf-8").partition(HEADING)[0].rstrip()
    PAGE.write_text(before + "\n\n" + page(tried, verdicts, told), encoding="utf-8")


def page(tried: list[Mutant], verdicts: dict[str, dict[str, str]], told: dict[str, Any]) -> str:
    """The table of rooms, and every survivor with its reason."""
    survivors = [m for m in tried if verdicts[m.name]["outcome"] == "survived"]
    reasons = json.loads(REASONS.read_text(encoding="utf-8"))
    why = {m: reasons.get(f"{m.file}: {m.before} → {m.after}", OPEN) for m in survivors}
    everywhere = sum(told["places"].values())
    low, high = interval(len(tried) - len(survivors), len(tried))
    lines = [
        HEADING,
        "",
        f"{len(tried)} changes, drawn with seed {told['seed']} from {everywhere:,} places of the core, spread over",
        "its files, each tried on the tests that run the changed line, up to a time limit, from a part of the suite.",
        "What survives here may die in the whole suite: the score is a lower bound. Cosmic Ray's operators write the",
        "changes; `python tests/mutation/core_score.py` repeats all of it. Reasons that begin with *same* were found",
        "by looking at the change; the others say which part of the tester it is in.",
        "",
        "| room | places | tried | killed | survived | score | of those that change anything |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for room in [*ROOMS, "all"]:
        here = [m for m in tried if room in ("all", m.room)]
        left = [m for m in survivors if room in ("all", m.room)]
        same = sum(why[m].startswith(SAME) for m in left)
        places, killed = everywhere if room == "all" else told["places"][room], len(here) - len(left)
        counts = (room, f"{places:,}", len(here), killed, len(left))
        cells = [*map(str, counts), share(killed, len(here)), share(killed, len(here) - same)]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", f"The score of all has a 95 % interval of {100 * low:.1f} to {100 * high:.1f} %."]
    untried = sum(found["by"] == NO_FUNCTION for found in verdicts.values())
    if untried:
        lines += ["", f"{untried} more, outside functions (a decorator, a default, a flag), were drawn and not tried."]
    lines += ["", "| why it survived | changes |", "|---|---:|"]
    lines += [f"| {reason} | {count} |" for reason, count in Counter(why.values()).most_common()]
    lines += ["", "<details><summary>Every survivor</summary>", "", "| where | change | why |", "|---|---|---|"]
    for m in sorted(survivors, key=lambda m: (m.file, m.line)):
        lines.append(f"| {m.file}:{m.line} | `{_cell(shortened(m))}` | {why[m]} |")
    return "\n".join([*lines, "", "</details>", ""])


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
