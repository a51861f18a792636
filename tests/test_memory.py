"""`keep_memory` does what it says: a program's second step finds its memory still there."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import resource
import numpy as np
import tinygrad_notes as tn

{call}
x = np.ones((512, 512))
cost = tn.value_and_grad(lambda x: np.sum(np.tanh(np.exp(np.sin(np.tanh(x) * x)))))
for _ in range(3):
    cost(x)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    cost(x)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) // 10)
"""


def run(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()  # fmt: skip


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts page faults")
def test_kept_memory_is_not_asked_for_again() -> None:
    if run("import tinygrad_notes as tn; print(tn.keep_memory())") != "True":
        pytest.skip("the C library isn't glibc")
    assert int(run(PROGRAM.format(call="tn.keep_memory()"))) < 100 < int(run(PROGRAM.format(call="")))
