"""The benchmarks' programs agree with the derivations by hand, and a wrong one is never timed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import __main__ as command
from benchmarks import report, side_by_side, worker
from benchmarks.engines import ENGINES, make
from benchmarks.workloads import COMPILED, EAGER, MEMORY, MICROGRAD, NUMPY, NUMPY_OUT, OURS, WORKLOADS, Workload

ALL = {w.name: w for w in (*WORKLOADS, MEMORY)}


def results(engine: Any, workload: Workload) -> list[Any]:
    return worker.after_steps(engine, workload, worker.program(engine, workload, tiny=True))


def apart(workload: Workload, engine: str, other: str) -> float:
    found, expected = (results(make(name), workload) for name in (engine, other))
    start = workload.data(True)["parameters"] if workload.trains else None
    return side_by_side.difference(found, expected, start)


@pytest.mark.parametrize("name", ALL)
def test_ours_agree_with_the_derivation_by_hand(name: str) -> None:
    workload = ALL[name]
    if NUMPY in workload.engines:
        assert apart(workload, EAGER, NUMPY) <= workload.tolerance
    if COMPILED in workload.ours:
        assert apart(workload, COMPILED, EAGER) <= workload.tolerance
    assert NUMPY in workload.engines or workload.name in (
        "chain 1",
        "chain 10",
        "chain 1000",
        "demo",
        "sample",
        "hessian",
    )


@pytest.mark.parametrize("name", [w.name for w in ALL.values() if NUMPY_OUT in w.engines])
def test_the_derivation_in_place_is_the_same(name: str) -> None:
    assert apart(ALL[name], NUMPY_OUT, NUMPY) <= ALL[name].tolerance


def test_every_workload_names_engines_that_have_its_program() -> None:
    for workload in ALL.values():
        assert set(workload.engines) | set(workload.ours) <= set(ENGINES)
        assert {mine for mine, _ in workload.goals} <= set(workload.ours)
        assert {other for _, other in workload.goals} <= set(workload.engines)


def test_a_difference_is_seen_in_any_result_and_of_parameters_in_how_they_moved() -> None:
    start = [np.full(4, 1e6)]
    expected = [np.array(1.0), np.full(4, 1e6 + 1)]
    assert side_by_side.difference([np.array(1.0), np.full(4, 1e6 + 1)], expected, start) == 0
    assert side_by_side.difference([np.array(1.0), np.full(4, 1e6 + 1.1)], expected, start) == pytest.approx(0.1)
    assert side_by_side.difference([np.array(1.1), np.full(4, 1e6 + 1)], expected, start) == pytest.approx(0.1)
    assert side_by_side.difference([np.array(1.0), np.full(4, np.nan)], expected, start) == np.inf
    assert side_by_side.difference([np.array(1.0)], expected, None) == np.inf


def test_ratios_go_round_by_round() -> None:
    found = side_by_side.ratio([1.0, 4.0, 3.0], [2.0, 2.0, 2.0], 1.6)
    assert found == {"median": 1.5, "least": 0.5, "most": 2.0, "goal": 1.6}
    assert report.shown(found) == "1.5 (0.5 to 2) ≤ 1.6"


def test_the_command_measures_prints_keeps_and_draws(tmp_path: Path, capsys: Any) -> None:
    kept, drawn = tmp_path / "figures.json", tmp_path / "figures.svg"
    command.main(["--only", "planar", "--peers", NUMPY, "--quick", "--json", str(kept)])
    printed = capsys.readouterr().out
    figures = json.loads(kept.read_text())
    rows = {row["engine"]: row for row in figures["workloads"][0]["rows"]}
    assert set(rows) == {EAGER, COMPILED, NUMPY}
    assert all(row["wrong"] is None and row["median"] > 0 for row in rows.values())
    assert rows[NUMPY]["ratios"][EAGER]["median"] > 0
    written = tmp_path / "table.md"
    command.main(["--from", str(kept), "--picture", str(drawn), "--table", str(written)])
    assert capsys.readouterr().out == printed
    ratios = " · ".join(f"{rows[NUMPY]['ratios'][mine]['median']:.2g}" for mine in (EAGER, COMPILED))
    assert written.read_text().splitlines() == [
        "| our time / theirs | NumPy by hand |",
        "|---|---|",
        f"| planar network 2-4-1, 400 points | {ratios} |",
    ]
    assert drawn.read_text().lstrip().startswith("<?xml")


def test_an_engine_that_is_wrong_or_fails_is_listed_and_not_timed(monkeypatch: Any) -> None:
    class Asked:
        def __init__(self, engine: str, _threads: int) -> None:
            self.engine = engine

        def ask(self, what: str, _name: str, *more: Any) -> Any:
            if what == "results":
                if self.engine == MICROGRAD:
                    raise side_by_side.DidNotWorkError("its process ended")
                value = 2.0 if self.engine == COMPILED else 1.0
                np.savez(more[1], np.array(value))
                return 0.1
            assert self.engine == EAGER, "timed"
            return {"cpu": 1.0, "wall": 1.0}

        def close(self) -> None:
            pass

    monkeypatch.setattr(side_by_side, "Process", Asked)
    monkeypatch.setattr(side_by_side, "installed", lambda _engine: "1.0")
    options = command.arguments(["--rounds", "2"])
    rows = side_by_side.measure(ALL["sample"], [EAGER, COMPILED, MICROGRAD], options)["rows"]
    assert [row["wrong"] for row in rows] == [
        None,
        f"result differs from {EAGER} by 1.0e+00: not timed",
        "did not work: its process ended",
    ]
    assert rows[0]["rounds"] == [1.0, 1.0]
    assert set(OURS) >= {EAGER, COMPILED}


def test_importing_is_measured_beside_numpy(tmp_path: Path, capsys: Any) -> None:
    kept = tmp_path / "figures.json"
    command.main(["--only", "import", "--quick", "--json", str(kept)])
    printed = capsys.readouterr().out
    found = json.loads(kept.read_text())["import"]
    assert set(found["rounds"]) == {"numpy", "tinygrad_notes"}
    for rounds in found["rounds"].values():
        assert all(0 < inside < whole for inside, whole in zip(rounds["import"], rounds["process"], strict=True))
    assert set(found["ratios"]) == {"process", "import"}
    command.main(["--from", str(kept)])
    assert capsys.readouterr().out == printed
