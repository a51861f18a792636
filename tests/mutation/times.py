"""A pytest plugin: how long every test took, as JSON in the file that ``TEST_TIMES`` names."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

_TIMES: dict[str, float] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _TIMES[report.nodeid] = _TIMES.get(report.nodeid, 0.0) + report.duration


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
        Path(os.environ["TEST_TIMES"]).write_text(json.dumps(_TIMES), encoding="utf-8")
