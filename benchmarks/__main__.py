"""Run the engines side by side and print the ratios.

One process per engine, one thread each, rounds interleaved in random order, results compared before anything is
timed, CPU time instead of the clock on the wall. Trust the ratios of one run, never milliseconds across runs.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from .programs import chain_operations

OURS = "tinygrad_notes"
ROUNDS_OF_THE_CHAIN = 1000
CASES = {
    "chain, one number": f"chain 0 {ROUNDS_OF_THE_CHAIN}",
    "chain, (10,)": f"chain 10 {ROUNDS_OF_THE_CHAIN}",
    "chain, (1000,)": f"chain 1000 {ROUNDS_OF_THE_CHAIN}",
    "micrograd's demo": "demo",
}
PEERS = {
    "chain, one number": ["torch", "autograd", "mygrad", "micrograd"],
    "chain, (10,)": ["torch", "autograd", "mygrad"],
    "chain, (1000,)": ["torch", "autograd", "mygrad"],
    "micrograd's demo": ["torch", "micrograd"],
}
GOALS = {
    ("chain, one number", "torch"): 0.20,
    ("chain, (10,)", "torch"): 0.40,
    ("chain, (1000,)", "torch"): 0.50,
    **{(case, "autograd"): 0.25 for case in ("chain, one number", "chain, (10,)", "chain, (1000,)")},
    **{(case, "mygrad"): 0.10 for case in ("chain, one number", "chain, (10,)", "chain, (1000,)")},
    ("micrograd's demo", "torch"): 0.35,
    ("micrograd's demo", "micrograd"): 0.20,
}
GROWTH = [500, 5_000, 50_000, 500_000]  # rounds; each is about two nodes
GROWTH_GOAL, MEMORY_GOAL = 2.5, 300


class Worker:
    """An engine in a process of its own."""

    def __init__(self, peer: str) -> None:
        environment = {key: value for key, value in os.environ.items() if key != "OPENBLAS_CORETYPE"}
        one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", peer],
            cwd=Path(__file__).parent.parent,
            env=environment | one_thread,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, *request: Any) -> Any:
        """Send a request and wait for the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker stopped at {request}; its message is above")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def installed(peer: str) -> bool:
    """Whether the engine can be imported; it is not imported here."""
    return importlib.util.find_spec(peer) is not None


def compare(workers: dict[str, Worker], case: str) -> None:
    """All engines give the same value and gradient, or nothing is timed."""
    program = CASES[case]
    if program != "demo":  # tanh saturates: after few rounds the gradient is still a number worth comparing
        program = " ".join([*program.split()[:2], "25"])
    results = {peer: worker.ask("value", program) for peer, worker in workers.items()}
    expected = results[OURS]
    scale = max(map(abs, expected[1:]))
    for peer, values in results.items():
        same = len(values) == len(expected) and all(
            abs(a - b) <= 1e-10 * (scale if k else abs(b))
            for k, (a, b) in enumerate(zip(values, expected, strict=True))
        )
        if not same:
            raise SystemExit(f"{case}: {peer} and {OURS} disagree: {values[:4]} and {expected[:4]}")


def side_by_side(case: str, rounds: int, seconds: float) -> dict[str, Any]:
    """Times of every installed engine on one case, rounds interleaved."""
    peers = [OURS, *PEERS[case]]
    present = [peer for peer in peers if installed(peer)]
    operations = chain_operations(ROUNDS_OF_THE_CHAIN) if CASES[case] != "demo" else 1
    times: dict[str, list[float]] = {peer: [] for peer in present}
    workers = {peer: Worker(peer) for peer in present}
    try:
        compare(workers, case)
        for _ in range(rounds):
            for peer in random.sample(present, len(present)):
                passes = workers[peer].ask("time", CASES[case], seconds)
                times[peer].append(statistics.median(passes) / operations)
    finally:
        for worker in workers.values():
            worker.close()
    least = {peer: min(values) for peer, values in times.items()}
    middle = {peer: statistics.median(values) for peer, values in times.items()}
    return {
        "case": case,
        "unit": "ms per pass" if CASES[case] == "demo" else "ns per operation",
        "missing": [peer for peer in peers if peer not in present],
        "rows": [
            {
                "engine": peer,
                "version": importlib.metadata.version(peer.replace("_", "-")),
                "min": least[peer],
                "median": middle[peer],
                "ratio_min": least[OURS] / least[peer],
                "ratio_median": middle[OURS] / middle[peer],
                "goal": GOALS.get((case, peer)),
            }
            for peer in present
        ],
    }


def growth(rounds: int) -> dict[str, Any]:
    """Cost of a node as the graph grows, in a fresh process per length."""
    rows = []
    for length in GROWTH:
        nodes = chain_operations(length)
        with Worker(OURS) as worker:  # a short chain fits into what the process has anyway: nothing to see
            memory = worker.ask("memory", length) if nodes >= 100_000 else None
        times = []
        for _ in range(max(1, rounds // 2)):
            with Worker(OURS) as worker:
                times.append(min(worker.ask("time", f"chain 0 {length}", 1.0)) / nodes)
        rows.append({"nodes": nodes, "ns": min(times) * 1e9, "bytes": memory})
    return {"rows": rows, "ratio": rows[-1]["ns"] / rows[0]["ns"]}


def show(result: dict[str, Any]) -> None:
    """Print one case as a table."""
    factor = 1e3 if result["unit"].startswith("ms") else 1e9
    print(f"\n{result['case']} (forward + backward, {result['unit']})")
    print(f"  {'engine':<24}{'min':>10}{'median':>10}   ours / it: {'min':>6}{'median':>8}{'goal':>8}")
    for row in result["rows"]:
        name = f"{row['engine']} {row['version']}"
        ratios = f"{row['ratio_min']:>17.3f}{row['ratio_median']:>8.3f}" if row["engine"] != OURS else ""
        goal = f"{row['goal']:>8.2f}" if row["goal"] else ""
        print(f"  {name:<24}{row['min'] * factor:>10.1f}{row['median'] * factor:>10.1f}   {ratios}{goal}")
    for peer in result["missing"]:
        print(f"  {peer:<24}not installed")


def show_growth(result: dict[str, Any]) -> None:
    """Print the growth table."""
    print("\nchain of one number, growing (tinygrad_notes)")
    print(f"  {'nodes':>10}{'ns per node':>14}{'bytes of peak memory per node':>32}")
    for row in result["rows"]:
        memory = "" if row["bytes"] is None else f"{row['bytes']:.0f}"
        print(f"  {row['nodes']:>10,}{row['ns']:>14.0f}{memory:>32}")
    print(f"  longest / shortest: {result['ratio']:.2f} (goal {GROWTH_GOAL}); goal for memory: {MEMORY_GOAL} bytes")


def main(argv: list[str] | None = None) -> None:
    """Measure, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Engines side by side, one thread each.")
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds per case (7)")
    parser.add_argument("--seconds", type=float, default=0.5, help="seconds per engine and round (0.5)")
    parser.add_argument("--only", choices=["chain", "demo", "growth"], help="one part instead of all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    options = parser.parse_args(argv)
    figures: dict[str, Any] = {"cases": []}
    for case, program in CASES.items():
        if options.only in (None, program.split()[0]):
            figures["cases"].append(side_by_side(case, options.rounds, options.seconds))
            show(figures["cases"][-1])
    if options.only in (None, "growth"):
        figures["growth"] = growth(options.rounds)
        show_growth(figures["growth"])
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
