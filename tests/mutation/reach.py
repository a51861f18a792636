"""Which tests reach which line, and how long they take: what a mutant is tried on.

One run of a part of the suite under coverage with a context for every test. ``tests_for`` reads what it left.
"""

from __future__ import annotations

import ast
import itertools
import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from mutants_of_source import PACKAGE, ROOMS, ROOT, Mutant
from part_of_suite import PATHS, is_slow

HERE = Path(__file__).parent
SETTINGS = """[run]
parallel = true
data_file = {data}
include =
{core}
"""


def measure(work: Path, workers: int) -> None:
    """Run the part once with coverage's contexts; the times of the tests lie beside its data."""
    settings = work / "coveragerc"
    core = "\n".join(f"    {path}" for files in ROOMS.values() for path in files)
    settings.write_text(SETTINGS.format(data=work / ".coverage", core=core), encoding="utf-8")
    command = ["-m", "pytest", "-n", str(workers), "-p", "no:cacheprovider", "-p", "part_of_suite", *PATHS]
    command += ["--cov", f"--cov-config={settings}", "--cov-context=test", "--cov-report="]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{HERE}", "TEST_TIMES": str(work / "times.json")}
    subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=False)


class Reach:
    """What one measured run tells.

    Parameters
    ----------
    work : Path
        Where ``measure`` left its data.
    """

    def __init__(self, work: Path) -> None:
        from coverage import CoverageData

        times = json.loads((work / "times.json").read_text(encoding="utf-8"))
        self.seconds: dict[str, float] = dict(times)
        data = CoverageData(str(work / ".coverage"))
        data.read()
        self.typical: dict[str, float] = {}
        self._lines: dict[str, dict[int, list[str]]] = {}
        self._imported: dict[str, set[int]] = {}
        core = {path.relative_to(PACKAGE).as_posix() for files in ROOMS.values() for path in files}
        for measured in data.measured_files():
            file = measured.partition("/tinygrad_notes/")[2]
            if file in core:
                self._imported[file] = {
                    n for n, contexts in data.contexts_by_lineno(measured).items() if "" in contexts
                }
                self._lines[file] = {
                    line: [context.rpartition("|")[0] for context in contexts if context]
                    for line, contexts in data.contexts_by_lineno(measured).items()
                }

    @cached_property
    def _statements(self) -> dict[str, list[range]]:
        """The lines of every function and of every statement at a module's top level, inner ones first."""
        found: dict[str, list[range]] = {}
        for file in self._lines:
            tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
            nodes: list[Any] = [n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
            spans = [range(n.lineno, n.end_lineno + 1) for n in (*nodes, *tree.body)]
            found[file] = sorted(spans, key=len)
        return found

    def tests_of_lines(self, file: str, lines: range) -> set[str]:
        """Every test that runs one of the lines."""
        table = self._lines.get(file, {})
        return {test for line in lines for test in table.get(line, ()) if test in self.seconds}

    def tests_for(self, mutant: Mutant, _known: Iterable[str], seconds: float) -> list[str]:
        """Measured tests to try a mutant on, up to a total of seconds.

        Those that run its line; else its function, its statement, its file. One of every test function first.
        """
        return self.in_turn(self.reaching(mutant), seconds)

    def reaching(self, mutant: Mutant) -> set[str]:
        """All tests that were seen to run a mutant's line, or the smallest part of the file around it that any runs."""
        spans = [span for span in self._statements.get(mutant.file, ()) if mutant.line in span]
        places = [range(mutant.line, mutant.line + 1), *spans, range(1, 10**6)]
        return next(filter(None, (self.tests_of_lines(mutant.file, place) for place in places)), set())

    def at_import(self, mutant: Mutant) -> bool:
        """Whether a mutant's line was run outside of every test; where one was taken away, it may be the one before."""
        return not self._imported.get(mutant.file, set()).isdisjoint((mutant.line, mutant.line + 1))

    def all_cases(self, mutant: Mutant, known: Iterable[str], seconds: float) -> list[str]:
        """Cases of the test functions that were seen to run a mutant's line: first those of the functions it is about.

        Then those that weren't measured, then the others.
        """
        functions = {test.partition("[")[0] for test in self.reaching(mutant)}
        for function in functions:
            times = [self.seconds[test] for test in self.seconds if test.partition("[")[0] == function]
            self.typical[function] = sum(times) / len(times)
        about = self.about(mutant)
        named = {test for test in known if not about.isdisjoint(words(test)) and not is_slow(test)}
        cases = {test for test in known if test.partition("[")[0] in functions} - named
        new = {test for test in cases if test not in self.seconds}
        first = [*self.in_turn(named, seconds), *self.in_turn(new, seconds / 2)]
        return [*first, *self.in_turn(cases - set(first), seconds / 2)]

    def quickest(self, mutant: Mutant, known: Iterable[str], seconds: float) -> list[str]:
        """As many as possible of the cases of the test functions that were seen to run a mutant's line."""
        functions = {test.partition("[")[0] for test in self.reaching(mutant)}
        cases = sorted((self.took(test), test) for test in known if test.partition("[")[0] in functions)
        total = itertools.accumulate(took for took, _ in cases)
        return [test for (_, test), so_far in zip(cases, total, strict=True) if so_far <= seconds]

    def new_tests(self, known: Iterable[str]) -> list[str]:
        """The tests that were written since the measured run."""
        measured = {test.partition("[")[0] for test in self.seconds}
        return [test for test in known if test.partition("[")[0] not in measured and not is_slow(test)]

    def about(self, mutant: Mutant) -> set[str]:
        """The functions that a mutant is about: ``poly`` in a rule of ``np.poly``, and those of the tests that run it.

        Where tests of many functions run it, it is about none of them.
        """
        tree = ast.parse((PACKAGE / mutant.file).read_text(encoding="utf-8"))
        around = (x for x in tree.body if _first_line(x) <= mutant.line <= (x.end_lineno or 0))
        calls = [call for x in around for call in (*getattr(x, "decorator_list", ()), getattr(x, "value", None))]
        keys = [call.args[0] for call in calls if isinstance(call, ast.Call) and call.args]
        names = {word for key in keys for word in words(f"[{ast.unparse(key)}]")}
        seen = {word for test in self.reaching(mutant) for word in words(test)}
        return names | seen if len(seen) <= 12 else names

    def took(self, test: str) -> float:
        """The seconds of a test, or the mean of its function's if it wasn't measured."""
        return self.seconds.get(test, self.typical.get(test.partition("[")[0], 1.0))

    def in_turn(self, tests: set[str], seconds: float) -> list[str]:
        """The quickest of every test function, then the next of each, until the time is used."""
        functions: dict[str, list[str]] = defaultdict(list)
        for test in sorted(tests, key=lambda test: (self.took(test), test)):
            functions[test.partition("[")[0]].append(test)
        ranked = [(turn, self.took(test), test) for group in functions.values() for turn, test in enumerate(group)]
        chosen, total = [], 0.0
        for _, took, test in sorted(ranked):
            if total + took <= seconds or not chosen:
                chosen.append(test)
                total += took
        return chosen


def words(test: str) -> set[str]:
    """The names in a test case's brackets: ``{"norm"}`` of ``test_dtypes[np.linalg.norm-3]``."""
    return {word.rpartition(".")[2] for word in re.findall(r"[A-Za-z_][\w.]+", test.partition("[")[2])}


def _first_line(statement: ast.stmt) -> int:
    return min([statement.lineno, *(x.lineno for x in getattr(statement, "decorator_list", ()))])
