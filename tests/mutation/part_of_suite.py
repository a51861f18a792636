"""A pytest plugin: a part of the suite that is large enough to find mutants, and how long each of its tests took.

Of a test function with more than `MANY` cases a quarter runs, and at least `MANY`; what takes many seconds stays out.
The times go as JSON into the file that ``TEST_TIMES`` names.
"""

from __future__ import annotations

import json
import os
import random
from collections import defaultdict
from pathlib import Path

import pytest

TESTS = (
    "bad_input/test_bad_input test_array_rules test_branches_rules test_branches_testing test_coverage test_diagnosis "
    "test_diagnosis_reports test_duck test_engine test_errors test_explanations test_fuzz_found test_known_bugs "
    "test_linalg_rules test_nn_derivatives test_numpy_errors test_numpy_surface test_primitive test_rewrites "
    "test_rule_calls test_rule_details test_rule_edges test_rules test_slips test_tester test_testing_cases "
    "test_testing_command test_testing_corners test_testing_draws test_testing_factors test_testing_gradient "
    "test_testing_numerical test_testing_parts test_testing_referee test_testing_slopes test_testing_strategies "
    "test_testing_vjp test_testing_words test_transforms test_vmap test_vmap_calls test_watching"
)
DOCTESTS = "rules testing tensor.py backward.py operators.py transforms.py forward_mode.py vmap.py recording.py"
PATHS = [f"tests/{name}.py" for name in TESTS.split()] + [f"tinygrad_notes/{name}" for name in DOCTESTS.split()]
MANY = 60
SLOW = (
    "the_smallest_case_is_small", "a_chain_of_a_million", "a_share_of_the_whole", "test_artefacts", "long_graph",
    "drawn_beside_the_engines", "notebook_cells", "blame_map_is_painted",
)  # fmt: skip
_TIMES: dict[str, float] = {}


def is_slow(test: str) -> bool:
    """Whether a test takes too long for a run of many."""
    return any(slow in test for slow in SLOW)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    functions: dict[str, list[int]] = defaultdict(list)
    for k, item in enumerate(items):
        if not is_slow(item.nodeid):
            functions[item.nodeid.partition("[")[0]].append(k)
    chosen: set[int] = set()
    for name, cases in functions.items():
        chosen.update(random.Random(name).sample(cases, min(len(cases), max(MANY, len(cases) // 4))))
    items[:] = [item for k, item in enumerate(items) if k in chosen]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _TIMES[report.nodeid] = _TIMES.get(report.nodeid, 0.0) + report.duration


def pytest_sessionfinish(session: pytest.Session) -> None:
    if "TEST_TIMES" in os.environ and not hasattr(session.config, "workerinput"):
        Path(os.environ["TEST_TIMES"]).write_text(json.dumps(_TIMES), encoding="utf-8")
