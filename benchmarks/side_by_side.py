"""Engines side by side: a process each, results compared first, rounds interleaved in random order."""

from __future__ import annotations

import json
import math
import os
import random
import select
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from .engines import ENGINES
from .workloads import NUMPY, OURS, TORCH, Workload

PATIENCE = 300.0  # seconds for one answer: torch.compile takes its time, and some never end


class DidNotWorkError(Exception):
    """An engine raised, stopped, or took too long; the text says which."""


class Process:
    """An engine in a process of its own."""

    def __init__(self, engine: str, threads: int) -> None:
        environment = {key: value for key, value in os.environ.items() if key != "OPENBLAS_CORETYPE"}
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        environment |= dict.fromkeys(names, str(threads)) | {"JAX_PLATFORMS": "cpu"}
        if threads == 1:
            environment["BENCHMARKS_CORE"] = str(max(os.sched_getaffinity(0)))
            environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", engine],
            cwd=Path(__file__).parent.parent,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, *request: Any) -> Any:
        """Send a request and wait for the answer.

        Raises
        ------
        DidNotWorkError
            If there is none in time, or it is an error.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise DidNotWorkError("its process ended") from error
        if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
            raise DidNotWorkError(f"no answer in {PATIENCE:.0f} s")
        line = self.process.stdout.readline()
        if not line:
            raise DidNotWorkError("its process ended")
        answer = json.loads(line)
        if "error" in answer:
            raise DidNotWorkError(answer["error"])
        return answer["answer"]

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


def installed(engine: str) -> str | None:
    """The engine's version, None if it is not there; it is not imported."""
    try:
        return version(ENGINES[engine][2])
    except PackageNotFoundError:
        return None


# ── results first ────────────────────────────────────────────────────────────────────────────────────────────────


def difference(found: list[Any], expected: list[Any], start: list[Any] | None) -> float:
    """How far two results are apart, relative to their length; of parameters, relative to how far they have moved."""
    if len(found) != len(expected) or any(a.size != b.size for a, b in zip(found, expected, strict=True)):
        return float("inf")
    pairs = [(np.ravel(a).astype(float), np.ravel(b).astype(float)) for a, b in zip(found, expected, strict=True)]
    apart = [_relative(a, b) for a, b in pairs]
    if start is None:
        return max(apart)
    moved = [(a - s, b - s) for (a, b), s in zip(pairs[1:], map(np.ravel, start), strict=True)]
    return max(apart[0], _relative(*(np.concatenate(column) for column in zip(*moved, strict=True))))


def _relative(a: Any, b: Any) -> float:
    scale = float(np.linalg.norm(b))
    apart = float(np.linalg.norm(a - b))
    return (apart / scale if scale else apart) if np.isfinite(apart) else float("inf")


def read(file: str) -> list[Any]:
    """The arrays that a worker wrote, in order."""
    with np.load(file) as stored:
        return [stored[f"arr_{k}"] for k in range(len(stored.files))]


def agreeing(
    workload: Workload, processes: dict[str, Process], tiny: bool
) -> tuple[list[str], dict[str, str], dict[str, float]]:
    """The engines that work and agree with the reference, why the others don't, and how far apart all are.

    The reference is the derivation by hand where there is one, else PyTorch, else us. The programs are then ready.
    """
    found: dict[str, list[Any]] = {}
    wrong: dict[str, str] = {}
    apart: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for engine, process in processes.items():
            file = f"{folder}/{len(found)}.npz"
            try:
                process.ask("results", workload.name, tiny, file)
                found[engine] = read(file)
            except DidNotWorkError as error:
                wrong[engine] = f"did not work: {error}"
    order = [engine for engine in (NUMPY, TORCH, *OURS) if engine in found] or list(found)
    start = workload.data(tiny)["parameters"] if workload.trains else None
    for engine, arrays in found.items():
        apart[engine] = difference(arrays, found[order[0]], start)
        if not apart[engine] <= workload.tolerance:
            wrong[engine] = f"result differs from {order[0]} by {apart[engine]:.1e}: not timed"
    return [engine for engine in found if engine not in wrong], wrong, apart


# ── then times ───────────────────────────────────────────────────────────────────────────────────────────────────


def measure(workload: Workload, engines: list[str], options: Any) -> dict[str, Any]:
    """Times of the engines on one workload, by rounds."""
    present = [engine for engine in engines if installed(engine)]
    wrong = {engine: "not installed" for engine in engines if engine not in present}
    processes = {engine: Process(engine, options.threads) for engine in present}
    rounds: dict[str, list[float]] = {engine: [] for engine in present}
    try:
        working, failed, apart = agreeing(workload, processes, options.quick)
        wrong |= failed
        clock = "cpu" if options.threads == 1 else "wall"
        steps = workload.data(options.quick).get("steps", 1)
        for _ in range(options.rounds):
            for engine in random.sample(working, len(working)):
                times = processes[engine].ask("time", workload.name, options.seconds)
                rounds[engine].append(times[clock] / steps)
    finally:
        for process in processes.values():
            process.close()
    return _summary(workload, engines, rounds, wrong, options.quick, apart=apart)


def measure_memory(workload: Workload, engines: list[str], options: Any) -> dict[str, Any]:
    """Peak memory of the engines, each round in fresh processes; kept in bytes where times are in seconds."""
    present = [engine for engine in engines if installed(engine)]
    wrong = {engine: "not installed" for engine in engines if engine not in present}
    rounds: dict[str, list[float]] = {engine: [] for engine in present}
    processes = {engine: Process(engine, options.threads) for engine in present}
    try:
        working, failed, apart = agreeing(workload, processes, tiny=True)
        wrong |= failed
    finally:
        for process in processes.values():
            process.close()
    for _ in range(max(1, options.rounds // 2)):
        for engine in working:
            process = Process(engine, options.threads)
            try:
                rounds[engine].append(process.ask("memory", workload.name, options.quick))
            except DidNotWorkError as error:
                wrong[engine] = f"did not work: {error}"
            finally:
                process.close()
    return _summary(workload, engines, rounds, wrong, options.quick, apart=apart)


def _summary(
    workload: Workload,
    engines: list[str],
    rounds: dict[str, list[float]],
    wrong: dict[str, str],
    quick: bool,
    **more: Any,
) -> dict[str, Any]:
    """One workload's figures: a row per engine, and the ratio of each of ours to it, round by round."""
    ours = [engine for engine in OURS if rounds.get(engine)]
    rows = []
    for engine in engines:
        row: dict[str, Any] = {"engine": engine, "version": installed(engine), "wrong": wrong.get(engine)}
        if rounds.get(engine) and engine not in wrong:
            row |= {"rounds": rounds[engine], "median": statistics.median(rounds[engine]), "ratios": {}}
            for mine in ours:
                if mine != engine:
                    goal = None if quick else workload.goals.get((mine, engine))
                    row["ratios"][mine] = ratio(rounds[mine], rounds[engine], goal)
        rows.append(row | {key: values[engine] for key, values in more.items() if engine in values})
    return {"workload": workload.name, "title": workload.title, "unit": workload.unit, "rows": rows}


def ratio(mine: list[float], theirs: list[float], goal: float | None) -> dict[str, Any]:
    """Median and range over the rounds of our time over theirs."""
    each = [a / b if b else math.inf for a, b in zip(mine, theirs, strict=True)]
    return {"median": statistics.median(each), "least": min(each), "most": max(each), "goal": goal}
