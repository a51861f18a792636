"""What all tests share: NumPy's own warnings are quiet only where a test says so, and every test starts from a seed."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """A generator of the test's own: the same numbers in whatever order the tests run."""
    return np.random.default_rng(list(request.node.nodeid.encode()))
