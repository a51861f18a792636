"""Importing the package is cheap: NumPy and the standard library, nothing else."""

from __future__ import annotations

import subprocess
import sys


def fresh_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


LOADED = """
import sys
import numpy, numpy.random  # which loads modules of other names: NumPy's own, compiled by Cython
before = set(sys.modules)
{statement}
loaded = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(" ".join(sorted(loaded - set(sys.stdlib_module_names) - {{'numpy'}})))
"""


def test_import_loads_numpy_and_the_standard_library_only() -> None:
    assert set(fresh_python(LOADED.format(statement="import tinygrad_notes")).split()) == {"tinygrad_notes"}


def test_the_first_graph_needs_nothing_else_either() -> None:
    program = """
import tinygrad_notes as tn
a, b, c = tn.Tensor(5.0), tn.Tensor(3.0), tn.Tensor(2.0)
J = 3 * (a + b * c)
J.backward()
assert (a.grad, b.grad, c.grad) == (3.0, 6.0, 9.0)
"""
    assert fresh_python(LOADED.format(statement=program)).split() == ["tinygrad_notes"]


def test_import_does_not_warn_or_print() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import tinygrad_notes"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_public_name_is_there_and_nothing_more() -> None:
    """``dir(tinygrad_notes)`` is what `__all__` says: no helper of ours is reachable by accident."""
    program = """
import types
import tinygrad_notes as tn
ours = {n for n in dir(tn) if getattr(getattr(tn, n), "__module__", "").startswith("tinygrad_notes")}
public = {n for n in tn.__all__ if not isinstance(getattr(tn, n), types.ModuleType)}
print(sorted({n for n in ours if not n.startswith("_")} ^ public))
"""
    assert fresh_python(program).strip() == "[]"
