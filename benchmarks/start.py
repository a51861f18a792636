"""What importing the package costs, beside importing NumPy: fresh processes in turn, CPU time."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

GOAL = 1.3
PACKAGES = ("numpy", "tinygrad_notes")
PROGRAM = """
import time
before = time.process_time()
import {package}
print(time.process_time() - before)
"""


def start(options: Any) -> dict[str, Any]:
    """CPU seconds of a process that only imports, and of its import statement; the ratio of the medians."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["OPENBLAS_NUM_THREADS"] = "1"
    measured: dict[str, list[tuple[float, float]]] = {package: [] for package in PACKAGES}
    for package in PACKAGES:
        imported(package, environment)  # which leaves the bytecode behind
    for _ in range(5 * options.rounds):
        for package in PACKAGES:
            measured[package].append(imported(package, environment))
    figures = {
        package: {"process": [whole for whole, _ in rounds], "import": [inside for _, inside in rounds]}
        for package, rounds in measured.items()
    }
    numpy, ours = (figures[package] for package in PACKAGES)
    ratios = {what: statistics.median(ours[what]) / statistics.median(numpy[what]) for what in numpy}
    return {"rounds": figures, "ratios": ratios}


def imported(package: str, environment: dict[str, str]) -> tuple[float, float]:
    """CPU seconds of one process, user and system, and of its import statement."""
    command = [sys.executable, "-c", PROGRAM.format(package=package)]
    root = Path(__file__).parent.parent
    with subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        inside = float(process.stdout.read())
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime, inside


def show_start(found: dict[str, Any]) -> None:
    """Print the figures."""
    print("\nimport: a fresh process, CPU time (ms)")
    print(f"  {'':<28}{'process':>10}{'import':>10}")
    for package, rounds in found["rounds"].items():
        process, inside = (statistics.median(rounds[what]) * 1e3 for what in ("process", "import"))
        print(f"  {package:<28}{process:>10.1f}{inside:>10.1f}")
    ratios = found["ratios"]
    print(f"  {'ratio (goal ' + str(GOAL) + ')':<28}{ratios['process']:>10.2f}{ratios['import']:>10.2f}")
