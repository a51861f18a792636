"""Run the engines side by side and print the ratios.

One process per engine, rounds interleaved in random order, results compared before anything is timed. With one
thread each process is pinned to a core and CPU time is measured; with more it is the clock on the wall. Trust the
ratios of one run, never milliseconds across runs.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from .engines import ENGINES
from .report import growth, picture, show, show_growth, table
from .side_by_side import measure, measure_memory
from .start import show_start, start
from .workloads import MEMORY, WORKLOADS


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Engines side by side.")
    names = [w.name for w in (*WORKLOADS, MEMORY)] + ["growth", "import"]
    parser.add_argument("--only", nargs="+", choices=names, metavar="WORKLOAD", help=f"of: {', '.join(names)}")
    parser.add_argument(
        "--peers", nargs="*", choices=list(ENGINES), metavar="ENGINE", help=f"beside ours, of: {', '.join(ENGINES)}"
    )
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds per workload (7)")
    parser.add_argument("--seconds", type=float, default=0.5, help="seconds per engine and round (0.5)")
    parser.add_argument("--threads", type=int, default=1, help="threads of every engine (1)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, one short round: does everything still run?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="also draw the ratios to FILE (.svg, .png)")
    parser.add_argument("--table", type=Path, metavar="FILE", help="also write the ratios to FILE as Markdown")
    parser.add_argument("--from", type=Path, dest="stored", metavar="FILE", help="print and draw an earlier --json")
    options = parser.parse_args(argv)
    if options.quick:
        options.rounds, options.seconds = 1, 0.02
    return options


def main(argv: list[str] | None = None) -> None:
    """Measure, print, and write what was asked for."""
    options = arguments(argv)
    figures: dict[str, Any] = {"threads": options.threads, "workloads": []}
    if options.stored:
        figures = json.loads(options.stored.read_text())
        for found in figures["workloads"]:
            show(found)
        if "growth" in figures:
            show_growth(figures["growth"])
        if "import" in figures:
            show_start(figures["import"])
    else:
        run(options, figures)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if options.table:
        options.table.write_text(table(figures) + "\n")
    if options.picture:
        picture(figures, options.picture)


def run(options: argparse.Namespace, figures: dict[str, Any]) -> None:
    """Measure what was asked for into `figures`, printing each as it is done."""
    for workload in (*WORKLOADS, MEMORY):
        if options.only and workload.name not in options.only:
            continue
        peers = [e for e in workload.engines if options.peers is None or e in options.peers]
        engines = [*workload.ours, *peers]
        measured = (measure_memory if workload is MEMORY else measure)(workload, engines, options)
        figures["workloads"].append(measured)
        show(measured)
    if not options.only or "growth" in options.only:
        figures["growth"] = growth(options)
        show_growth(figures["growth"])
    if not options.only or "import" in options.only:
        figures["import"] = start(options)
        show_start(figures["import"])


if __name__ == "__main__":
    main()
