"""The mutation score of the core, as docs/mutation_score.md tells it: ``python tests/mutation/core_score.py``.

Four steps, each leaving its result in the work folder, so that a stopped run goes on where it was:

sample    mutants, spread over the core's files as their places are (``--size``, ``--seed``)
measure   one run of the suite under coverage: which test runs which line
try       every mutant on the tests that run its line, in forks; what survives once more with the changed file imported
report    the table and the survivors with their reasons (tests/mutation/survivors.json), written into the page
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

from forks import Quick, Verdict, whole
from mutants_of_source import ROOMS, ROOT, Mutant, sample
from reach import Reach, measure

PAGE = ROOT / "docs" / "mutation_score.md"
HEADING = "# Mutation score of the core"
REASONS = Path(__file__).parent / "survivors.json"
STEPS = ("sample", "measure", "quick", "whole", "report")


def main() -> None:
    options = parser().parse_args()
    work = Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    if options.step is None:
        for step in STEPS:
            subprocess.run([sys.executable, __file__, *sys.argv[1:], "--step", step], check=True)
    elif options.step == "sample" and not (work / "sample.json").exists():
        mutants, places = sample(options.size, options.seed)
        told = {"seed": options.seed, "places": places, "mutants": [dataclasses.asdict(m) for m in mutants]}
        (work / "sample.json").write_text(json.dumps(told), encoding="utf-8")
    elif options.step == "measure" and not (work / "times.json").exists():
        measure(work)
    elif options.step == "quick":
        try_quickly(work, options.only)
    elif options.step == "whole":
        try_wholly(work, options.only)
    elif options.step == "report":
        report(work)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    made.add_argument("--work", default=".mutation", help="the folder of the steps' results")
    made.add_argument("--size", type=int, default=1300, help="mutants in the sample")
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
    """Every mutant inside a function, on up to 20 seconds of tests."""
    import pytest

    done = verdicts_in(work)
    left = [m for m in mutants_in(work) if m.name not in done and m.file.startswith(only)]
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    pytest.main(["-p", "no:cacheprovider", "-q"], plugins=[Quick(left, Reach(work), 20, noter(work, "quick"))])


def try_wholly(work: Path, only: str) -> None:
    """What is left, on up to 60 seconds of tests in a fresh copy of the project."""
    done = verdicts_in(work)
    left = [m for m in mutants_in(work) if m.file.startswith(only)]
    left = [m for m in left if done.get(m.name, {"outcome": "survived", "step": "quick"}) | {"tests": 0, "by": 0, "mutant": 0}
            == {"outcome": "survived", "step": "quick", "tests": 0, "by": 0, "mutant": 0}]
    whole(left, Reach(work), 60, noter(work, "whole"), work)


# ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────────


def interval(killed: float, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    z, share = 1.96, killed / of
    middle = share + z * z / (2 * of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle - half) / (1 + z * z / of), (middle + half) / (1 + z * z / of)


def report(work: Path) -> None:
    raise NotImplementedError


if __name__ == "__main__":
    main()
