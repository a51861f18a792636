"""Every case of the table does exactly what the table says, and the page made of it is current."""

from __future__ import annotations

import re
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from bad_input_page import PAGE, page
from bad_input_table import Case, Ran, read_cases

from tinygrad_notes import errors
from tinygrad_notes.errors import TinygradNotesError

CASES = read_cases()
NUMPY = "2.4"
"""The NumPy whose words the table quotes; of another one the lines that are ours are compared."""

OF_SCIPY = {"logsumexp of nothing", "sqrtm of a matrix without a root", "sqrtm of a rectangle"}
"""What SciPy before 1.16 answers otherwise: -inf or an error, NaN or a warning, which of its errors."""

SCIPY = (1, 16)

NEEDS = {
    "tn.special": "scipy",
    "interop.scipy": "scipy",
    "interop.torch": "torch",
    "interop.jax": "jax",
    "interop.onnx": "onnx",
    "interop.sklearn": "sklearn",
    "interop.safetensors": "safetensors",
    "to_networkx": "networkx",
}
"""Names in a program that need a library."""

PYTHONS = {"TypeError", "AttributeError", "KeyError", "ValueError", "RecursionError", "ZeroDivisionError"}
"""Classes that a call may raise before it reaches us, or that the program's own function raised."""


def case_id(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_what_happens_is_what_the_table_says(case: Case) -> None:
    needs_what_is_there(case)
    ran = Ran(case)
    if np.__version__.startswith(NUMPY) and sys.version_info[:2] == (3, 11):
        assert ran.outcome == case.outcome
    elif case.title not in OF_SCIPY or scipy_version() >= SCIPY:
        assert [first_word(line) for line in ran.outcome[:1]] == [first_word(line) for line in case.outcome[:1]]
    if ran.error is None:
        return
    assert not ran.changed(), "a refused call changed something"
    if isinstance(ran.error, TinygradNotesError):
        assert "program.py:" in str(ran.error), "the user's line is missing"
        assert len(str(ran.error).split("program.py:")[0].strip()) > 20
    else:
        assert case.raises_pythons or type(ran.error).__name__ in PYTHONS
        assert "python" in case.kind or "from" in "".join(case.outcome), "not ours: say why in the kind"


def needs_what_is_there(case: Case) -> None:
    code = "\n".join(case.code)
    for library in re.findall(r"^import (torch|jax|pandas|scipy|networkx|sklearn|onnx|distributed)", code, re.M):
        pytest.importorskip(library)
    for name, library in NEEDS.items():
        if name in code:
            pytest.importorskip(library)


def scipy_version() -> tuple[int, ...]:
    return tuple(map(int, version("scipy").split(".")[:2]))


def first_word(line: str) -> str:
    """``! ShapeError`` of an error's first line; the sign alone of anything else."""
    return line.split(":")[0] if line.startswith("!") else line[:1]


def test_no_case_is_there_twice() -> None:
    programs = ["\n".join(case.code) for case in CASES]
    twice = {program for program in programs if programs.count(program) > 1}
    assert not twice


def test_what_depends_on_scipy_is_there() -> None:
    assert {case.title for case in CASES} >= OF_SCIPY


def test_every_case_says_what_happens() -> None:
    silent = [case.name for case in CASES if not case.outcome]
    assert not silent
    assert len(CASES) >= 400


def test_every_class_of_error_is_in_the_table_or_needs_more_than_a_program() -> None:
    shown = {match for case in CASES for line in case.outcome for match in re.findall(r"^! (\w+):", line)}
    elsewhere = {"TinygradNotesError", "DrawingError", "MissingExtraError", "CompileError"}
    assert set(errors.__all__) - elsewhere <= shown


def test_the_page_is_current() -> None:
    """``python tests/bad_input/bad_input_page.py`` writes it."""
    assert Path(PAGE).read_text(encoding="utf-8") == page(CASES)
