"""The figures as tables and as a picture; and how a chain's cost grows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .engines import ENGINES
from .side_by_side import Process
from .workloads import COMPILED, EAGER, OURS, chain_operations

FACTORS = {"ms": 1e3, "µs": 1e6, "MB": 1e-6}
GROWTH = [500, 5_000, 50_000, 500_000]  # rounds; each is about two nodes
GROWTH_GOAL, MEMORY_GOAL = 2.5, 300


def show(found: dict[str, Any]) -> None:
    """Print one workload's table."""
    ours = [row["engine"] for row in found["rows"] if row["engine"] in OURS and "median" in row]
    print(f"\n{found['workload']}: {found['title']} ({found['unit']})")
    heads = [f"{name.replace('tinygrad_notes', 'ours')} / it" for name in ours]
    print(f"  {'engine':<28}{'median':>10}   " + "".join(f"{head:<32}" for head in heads).rstrip())
    for row in found["rows"]:
        name = f"{row['engine']} {row['version'] or ''}".strip()
        if row["wrong"]:
            print(f"  {name:<28}  {row['wrong']}")
            continue
        ratios = "".join(f"{shown(row['ratios'].get(mine)):<32}" for mine in ours)
        print(f"  {name:<28}{row['median'] * FACTORS[found['unit']]:>10.4g}   {ratios}".rstrip(), flush=True)


def shown(ratio: dict[str, Any] | None) -> str:
    """A ratio with its spread and goal."""
    if ratio is None:
        return ""
    goal = ""
    if ratio["goal"]:
        goal = f" {'≤' if ratio['median'] <= ratio['goal'] else '>'} {ratio['goal']}"
    return f"{ratio['median']:.3g} ({ratio['least']:.3g} to {ratio['most']:.3g}){goal}"


def growth(options: Any) -> dict[str, Any]:
    """Cost of a node as the graph grows, in a fresh process per length."""
    rows = []
    for length in GROWTH[: 2 if options.quick else None]:
        nodes = chain_operations(length)
        memory = _asked("growth", length) if nodes >= 100_000 else None  # a short chain fits into what is there anyway
        seconds = [_asked("growth_time", length, options.seconds) for _ in range(max(1, options.rounds // 2))]
        rows.append({"nodes": nodes, "ns": min(seconds) * 1e9, "bytes": memory})
    return {"rows": rows, "ratio": rows[-1]["ns"] / rows[0]["ns"]}


def _asked(*request: Any) -> Any:
    process = Process(EAGER, 1)
    try:
        return process.ask(*request)
    finally:
        process.close()


def show_growth(found: dict[str, Any]) -> None:
    """Print the growth table."""
    print("\ngrowth: the chain of one number, ever longer (tinygrad_notes)")
    print(f"  {'nodes':>10}{'ns per node':>14}{'bytes of peak memory per node':>32}")
    for row in found["rows"]:
        memory = "" if row["bytes"] is None else f"{row['bytes']:.0f}"
        print(f"  {row['nodes']:>10,}{row['ns']:>14.0f}{memory:>32}")
    print(f"  longest / shortest: {found['ratio']:.2f} (goal {GROWTH_GOAL}); goal for memory: {MEMORY_GOAL} bytes")


def table(figures: dict[str, Any]) -> str:
    """All ratios as one table in Markdown: a row per workload, in each cell eager · compiled."""
    found = [w for w in figures["workloads"] if any("median" in row for row in w["rows"])]
    there = {row["engine"] for w in found for row in w["rows"]}
    others = [engine for engine in ENGINES if engine in there and engine not in OURS]
    lines = ["| our time / theirs | " + " | ".join(others) + " |", "|---" * (len(others) + 1) + "|"]
    for w in found:
        rows = {row["engine"]: row for row in w["rows"]}
        cells = [_cell(rows.get(other, {}), w) for other in others]
        lines.append(f"| {w['title']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(row: dict[str, Any], w: dict[str, Any]) -> str:
    if row.get("wrong"):
        return str(row["wrong"]).partition(":")[0]
    ratios = row.get("ratios", {})
    shown = [
        f"{ratios[mine]['median']:.2g}" if mine in ratios else "–" for mine in (EAGER, COMPILED) if _timed(w, mine)
    ]
    return " · ".join(shown) if ratios else ""


def picture(figures: dict[str, Any], file: Path) -> None:
    """Draw our time over each engine's, one row per workload; left of 1 we are quicker."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    mpl.rcParams |= {"svg.hashsalt": "benchmarks", "svg.fonttype": "none"}
    found = [w for w in figures["workloads"] if any("median" in row for row in w["rows"])]
    best = {w["workload"]: COMPILED if _timed(w, COMPILED) else EAGER for w in found}
    there = {row["engine"] for w in found for row in w["rows"]}
    others = [engine for engine in ENGINES if engine in there and engine not in OURS]
    fig, axes = plt.subplots(figsize=(9, 0.45 * len(found) + 1.6), layout="constrained")
    markers, colours = "osD^v<>PX*hp", [mpl.colormaps["tab20"](k % 10 * 2 + k // 10) for k in range(20)]
    for k, other in enumerate(others):
        points = [
            (row["ratios"][best[w["workload"]]], y)
            for y, w in enumerate(found)
            for row in w["rows"]
            if row["engine"] == other and best[w["workload"]] in row.get("ratios", {})
        ]
        middle = [p["median"] for p, _ in points]
        around = [[p["median"] - p["least"] for p, _ in points], [p["most"] - p["median"] for p, _ in points]]
        height = [y + 0.05 * (k - len(others) / 2) for _, y in points]
        look: dict[str, Any] = {
            "fmt": markers[k % len(markers)],
            "color": colours[k % len(colours)],
            "markersize": 5,
            "linewidth": 1,
        }
        axes.errorbar(middle, height, xerr=around, label=other, **look)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    axes.set_yticks(
        range(len(found)), [f"{w['title']}{'' if best[w['workload']] == COMPILED else ' (eager)'}" for w in found]
    )
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel("our time / theirs in one run: left of 1 we are quicker")
    fig.legend(loc="outside lower center", ncols=5, fontsize="small")
    fig.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)


def _timed(found: dict[str, Any], engine: str) -> bool:
    return any(row["engine"] == engine and "median" in row for row in found["rows"])
