"""One engine in one process: reads a request per line as JSON, answers with a line of JSON.

``["results", workload, tiny, file]`` makes the program, writes what it gives after a few runs, and keeps it (whatever
compiles, has compiled then), ``["time", workload, seconds]`` gives CPU and wall seconds of a run, ``["memory",
workload, tiny]`` the peak above what is held before a step, ``["growth", rounds]`` the same per node of a chain.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .engines import make
from .workloads import MEMORY, WORKLOADS, Workload, chain_data, chain_operations

STEPS_COMPARED = 3
BY_NAME = {w.name: w for w in (*WORKLOADS, MEMORY)}


def program(engine: Any, workload: Workload, tiny: bool) -> Callable[[], Any]:
    """The function that does one step."""
    run: Callable[[], Any] = getattr(engine, workload.program)(workload.data(tiny))
    return run


def after_steps(engine: Any, workload: Workload, run: Callable[[], Any]) -> list[Any]:
    """What a program gives after a few steps (of a training), or at once."""
    for _ in range(STEPS_COMPARED - 1 if workload.trains else 0):
        run()
    arrays: list[Any] = engine.arrays(run())
    return arrays


def timed(run: Callable[[], Any], seconds: float) -> dict[str, float]:
    """CPU and wall seconds of a run: medians of batches of a few milliseconds, for about `seconds` in all."""
    start = time.perf_counter()
    run()
    count = max(1, int(0.005 / max(time.perf_counter() - start, 1e-7)))
    cpu: list[float] = []
    wall: list[float] = []
    end = time.perf_counter() + seconds
    while len(cpu) < 3 or time.perf_counter() < end:
        before, at = time.process_time(), time.perf_counter()
        for _ in range(count):
            run()
        cpu.append((time.process_time() - before) / count)
        wall.append((time.perf_counter() - at) / count)
    return {"cpu": statistics.median(cpu), "wall": statistics.median(wall), "batches": len(cpu)}


def status_bytes(key: str) -> int:
    """One of the kernel's figures on this process's memory (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(key)


def peak(run: Callable[[], Any], times: int) -> int | None:
    """Bytes of peak memory above what is held now; None where the kernel doesn't say."""
    if not Path("/proc/self/clear_refs").exists():
        return None
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before = status_bytes("VmRSS")
    for _ in range(times):
        run()
    return status_bytes("VmHWM") - before


class Worker:
    """The engine and the programs that it holds ready."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.programs: dict[str, Callable[[], Any]] = {}

    def results(self, name: str, tiny: bool, file: str) -> float:
        """Write the arrays to compare; the seconds until there were any."""
        start = time.perf_counter()
        run = self.programs[name] = program(self.engine, BY_NAME[name], tiny)
        arrays = after_steps(self.engine, BY_NAME[name], run)
        seconds = time.perf_counter() - start
        np.savez(file, *arrays)
        return seconds

    def time(self, name: str, seconds: float) -> dict[str, float]:
        """See `timed`."""
        return timed(self.programs[name], seconds)

    def memory(self, name: str, tiny: bool) -> int | None:
        """Peak of two steps, after a step of a tiny program (which loads what is loaded lazily)."""
        program(self.engine, BY_NAME[name], True)()
        return peak(program(self.engine, BY_NAME[name], tiny), 2)

    def growth(self, rounds: int) -> float | None:
        """Bytes of peak memory per node of one chain."""
        self.engine.chain(chain_data(0, 100)(False))()
        found = peak(self.engine.chain(chain_data(0, rounds)(False)), 1)
        return None if found is None else found / chain_operations(rounds)

    def growth_time(self, rounds: int, seconds: float) -> float:
        """CPU seconds per node of one chain."""
        run = self.engine.chain(chain_data(0, rounds)(False))
        return timed(run, seconds)["cpu"] / chain_operations(rounds)


def main() -> None:
    """Serve requests until standard input ends; whatever an engine prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if core := os.environ.get("BENCHMARKS_CORE"):
        os.sched_setaffinity(0, {int(core)})
    worker: Worker | None = None
    for line in sys.stdin:
        try:
            worker = worker or Worker(make(sys.argv[1]))
            what, *arguments = json.loads(line)
            answer = {"answer": getattr(worker, what)(*arguments)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
