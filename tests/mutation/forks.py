"""Mutants tried in forks of one process that has everything imported and every test collected.

A test run of its own costs seconds of imports before the first assertion; a fork costs milliseconds. In it the changed
function gets its new code, wherever it is referred to, and the tests run one after another until one fails. A change
that isn't inside a function is tried in a fork that imports the changed file itself, in a copy of the project.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import shutil
import signal
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from types import CodeType, FunctionType

import pytest
from mutants_of_source import PACKAGE, ROOT, Mutant
from reach import Reach

NO_FUNCTION = "not inside a function"
WORKERS = 2
MEMORY = 4 << 30


@dataclass
class Verdict:
    """What became of a mutant: "killed" (by a test, by a crash, by its time) or "survived" (so many tests)."""

    outcome: str
    by: str = ""
    tests: int = 0


Job = tuple[Mutant, float, Callable[[], Verdict]]
Choose = Callable[[Mutant, Iterable[str], float], list[str]]
"""Which of the known tests a mutant is tried on, up to a total of seconds."""
TestsOf = Callable[[Mutant], list[str]]


# ── forks ────────────────────────────────────────────────────────────────────────────────────────────────────────


def in_forks(jobs: list[Job]) -> Iterator[tuple[Mutant, Verdict]]:
    """Run every job in a child of its own, a few at a time; a job has a limit of processor seconds."""
    waiting, running = list(reversed(jobs)), {}
    while waiting or running:
        while waiting and len(running) < WORKERS:
            mutant, seconds, work = waiting.pop()
            running[_start(seconds, work)] = (mutant, time.monotonic() + 8 * seconds)
        for child, (mutant, deadline) in list(running.items()):
            verdict = child.verdict(deadline)
            if verdict is not None:
                del running[child]
                yield mutant, verdict
        time.sleep(0.01)


class _Child:
    def __init__(self, pid: int, pipe: int) -> None:
        self.pid, self.pipe, self.text = pid, pipe, b""

    def verdict(self, deadline: float) -> Verdict | None:
        """None while it runs."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid and time.monotonic() < deadline:
            return None
        self._kill_group()
        if not pid:
            os.waitpid(self.pid, 0)
        text = os.read(self.pipe, 1 << 16)
        os.close(self.pipe)
        if text:
            return Verdict(**json.loads(text))
        slow = not pid or (os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL))
        return Verdict("killed", "its time" if slow else "a crash")

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def _start(seconds: float, work: Callable[[], Verdict]) -> _Child:
    read, write = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        os.close(write)
        return _Child(pid, read)
    try:
        os.setsid()
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silence, stream)
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 5))
        resource.setrlimit(resource.RLIMIT_AS, (_memory() + MEMORY, -1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            verdict = work()
        except BaseException as error:  # none of the mutant's doing: pytest catches what tests raise
            verdict = Verdict("error", f"{type(error).__name__}: {error}"[:500])
        os.write(write, json.dumps(vars(verdict)).encode())
    finally:
        os._exit(0)


def _memory() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
    return pages * resource.getpagesize()


# ── new code for living functions ────────────────────────────────────────────────────────────────────────────────


class Functions:
    """The package's functions that are alive, by file and code."""

    def __init__(self) -> None:
        self._found: dict[str, dict[CodeType, list[FunctionType]]] = defaultdict(lambda: defaultdict(list))
        for thing in gc.get_objects():
            if isinstance(thing, FunctionType) and thing.__code__.co_filename.startswith(str(PACKAGE)):
                self._found[thing.__code__.co_filename][thing.__code__].append(thing)

    def pairs(self, mutant: Mutant) -> list[tuple[CodeType, CodeType]] | None:
        """Old and new code of the functions that a mutant changes; None if it changes more than functions."""
        path = str(PACKAGE / mutant.file)
        with warnings.catch_warnings(action="ignore", category=SyntaxWarning):  # x is not "a word"
            old = compile(Path(path).read_text(encoding="utf-8"), path, "exec", dont_inherit=True)
            new = compile(mutant.source(), path, "exec", dont_inherit=True)
        return _pairs(old, new)

    def swap(self, pairs: list[tuple[CodeType, CodeType]]) -> int:
        """Give every living function its new code; how many there were."""
        count = 0
        for old, new in pairs:
            for function in self._found[old.co_filename].get(old, ()):
                function.__code__ = new
                count += 1
        return count


def _pairs(old: CodeType, new: CodeType) -> list[tuple[CodeType, CodeType]] | None:
    if old == new:
        return []
    found = []
    if not _same_but_for_functions(old, new):
        return None
    for a, b in zip(old.co_consts, new.co_consts, strict=True):
        if isinstance(a, CodeType) and a != b:
            inner = _pairs(a, b)
            if inner is None and a.co_flags & 0x2:  # a function's (CO_NEWLOCALS), not a class body's
                inner = [(a, b)]
            elif inner is not None and a.co_flags & 0x2:
                inner = [(a, b), *inner]
            if inner is None:
                return None
            found += inner
    return found


def _same_but_for_functions(old: CodeType, new: CodeType) -> bool:
    if old.co_code != new.co_code or old.co_names != new.co_names or len(old.co_consts) != len(new.co_consts):
        return False
    return all(
        isinstance(a, CodeType) if isinstance(b, CodeType) else (type(a) is type(b) and repr(a) == repr(b))
        for a, b in zip(old.co_consts, new.co_consts, strict=True)
    )


# ── quick: everything collected beforehand ───────────────────────────────────────────────────────────────────────


class Quick:
    """A pytest plugin that tries mutants instead of running the session's tests."""

    def __init__(
        self, mutants: list[Mutant], reach: Reach, seconds: float, note: Callable[..., None], choose: Choose
    ) -> None:
        self.mutants, self.reach, self.seconds, self.note, self.choose = mutants, reach, seconds, note, choose
        self._sound: dict[str, bool] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        functions = Functions()
        gc.collect()
        gc.freeze()
        left = self.mutants
        while left:
            again = []
            for mutant, verdict in in_forks([self._job(functions, mutant) for mutant in left]):
                if verdict.by in self.items and not self._is_sound(verdict.by):
                    again.append(mutant)
                else:
                    self.note(mutant, verdict)
            left = again
        return True

    def _job(self, functions: Functions, mutant: Mutant) -> Job:
        tests = [test for test in self.choose(mutant, self.items, self.seconds) if test in self.items]
        tests = [test for test in tests if self._sound.get(test, True)]

        def trial() -> Verdict:
            pairs = functions.pairs(mutant)
            if not pairs or not functions.swap(pairs):
                return Verdict("survived", NO_FUNCTION)
            return self._run(tests)

        return mutant, 20 + 3 * sum(map(self.reach.took, tests)), trial

    def _run(self, tests: list[str]) -> Verdict:
        from _pytest.runner import runtestprotocol

        items = [self.items[test] for test in tests]
        for item, following in zip_longest(items, items[1:]):
            if any(report.failed for report in runtestprotocol(item, log=False, nextitem=following)):
                return Verdict("killed", item.nodeid)
        return Verdict("survived", tests=len(items))

    def _is_sound(self, test: str) -> bool:
        """Whether a test passes in a fork where nothing was changed."""
        if test not in self._sound:
            control = Mutant(test, 0, "control", 0, "", "")
            [(_, verdict)] = in_forks([(control, 60 + 3 * self.reach.took(test), lambda: self._run([test]))])
            self._sound[test] = verdict.outcome == "survived"
        return self._sound[test]


# ── whole: a copy of the project with the changed file ───────────────────────────────────────────────────────────


def whole(mutants: list[Mutant], reach: Reach, tests_of: TestsOf, note: Callable[..., None], work: Path) -> None:
    """Try mutants in forks that import a changed copy of the project; only others' libraries are imported before."""
    import scipy.special

    assert scipy.special is not None
    jobs = []
    for k, mutant in enumerate(mutants):
        tests = tests_of(mutant)
        limit = 60 + 3 * sum(map(reach.took, tests))
        jobs.append((mutant, limit, _whole_trial(mutant, work / f"copy{k}", tests)))
    sound: dict[str, bool] = {}
    for mutant, verdict in in_forks(jobs):
        shutil.rmtree(work / f"copy{mutants.index(mutant)}", ignore_errors=True)
        test = verdict.by
        if "::" in test and "(import)" not in test and test not in sound:
            control_trial = _whole_trial(None, work / "control", [test])
            [(_, control)] = in_forks([(mutant, 120 + 3 * reach.took(test), control_trial)])
            shutil.rmtree(work / "control", ignore_errors=True)
            sound[test] = control.outcome == "survived"
        note(mutant, verdict if sound.get(test, True) else Verdict("survived", f"{test} fails by itself"))


def _whole_trial(mutant: Mutant | None, copy: Path, tests: list[str]) -> Callable[[], Verdict]:
    def trial() -> Verdict:
        ignored = shutil.ignore_patterns(".git", ".venv", ".hypothesis", "__pycache__", copy.parent.name)
        shutil.copytree(ROOT, copy, ignore=ignored)
        if mutant is not None:
            (copy / "tinygrad_notes" / mutant.file).write_text(mutant.source(), encoding="utf-8")
        os.chdir(copy)
        sys.path[:] = [str(copy), *(entry for entry in sys.path if Path(entry) not in (ROOT, Path(__file__).parent))]
        os.environ["PYTHONPATH"] = str(copy)
        chosen = _Chosen(tests)
        files = sorted({test.partition("::")[0] for test in tests})
        code = pytest.main(["-x", "-p", "no:cacheprovider", f"--rootdir={copy}", *files], plugins=[chosen])
        if code == 0:
            return Verdict("survived", tests=chosen.count)
        if code == pytest.ExitCode.NO_TESTS_COLLECTED:
            return Verdict("survived")
        return Verdict("killed", chosen.failed or f"pytest's exit code {int(code)}")

    return trial


class _Chosen:
    """A pytest plugin: these tests alone, in their order, and the first that failed.

    A test that the change takes away (the cases of a rule that lost its decorator) does not count as failed.
    """

    def __init__(self, tests: list[str]) -> None:
        self.turn, self.count, self.failed = {test: k for k, test in enumerate(tests)}, 0, ""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((item for item in items if item.nodeid in self.turn), key=lambda x: self.turn[x.nodeid])
        self.count = len(items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self.failed:
            self.failed = f"{report.nodeid} (import)"
