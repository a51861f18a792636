"""``check file.py``: every derivation of a file, a table, an exit code."""

from __future__ import annotations

import io

import numpy as np
import pytest

from tinygrad_notes.errors import BadInputError
from tinygrad_notes.testing import derivation
from tinygrad_notes.testing.command import check_files
from tinygrad_notes.testing.derivations import Derivation, collected

FILE = """
import numpy as np
from tinygrad_notes.testing import derivation

def cost(w, x):
    return np.mean((w * x) ** 2)

@derivation(of=cost, shapes={"w": "n", "x": "n"})
def right(w, x):
    return {"dw": 2 * w * x**2 / x.size}

@derivation(of=cost, shapes={"w": "n", "x": "n"}, wrt="w x")
def sum_for_mean(w, x):
    return {"dw": 2 * w * x**2, "dx": 2 * x * w**2 / x.size}
"""


def run(tmp_path, text, **changes):
    file = tmp_path / "derivations_of_mine.py"
    file.write_text(text)
    out = io.StringIO()
    return check_files([str(file)], out, **changes), out.getvalue()


def test_table_and_exit_code(tmp_path):
    code, text = run(tmp_path, FILE, max_examples=5)
    assert code == 1
    lines = text.splitlines()
    assert lines[0] == "verdict  derivation    outputs"
    assert lines[1] == "right    right         dw right"
    assert lines[2] == "wrong    sum_for_mean  dw wrong; dx right"
    assert "dw is wrong in sum_for_mean(); dx is right." in text
    assert lines[-1].endswith("1 of 2 right")


def test_all_right(tmp_path):
    code, text = run(tmp_path, FILE.split('@derivation(of=cost, shapes={"w": "n", "x": "n"}, wrt')[0])
    assert code == 0
    assert "1 of 1 right" in text


def test_nothing_to_check(tmp_path):
    code, text = run(tmp_path, "x = 1\n")
    assert code == 2
    assert "mark one with" in text
    (tmp_path / "notes.txt").touch()
    for name, message in (("nowhere.py", "no such file"), ("notes.txt", "not a Python file"), (".", "is a folder")):
        with pytest.raises(BadInputError, match=message):
            check_files([str(tmp_path / name)])


def test_the_decorator_leaves_the_function_alone():
    def f(x):
        return np.sum(x**2)

    @derivation(of=f, shapes={"x": "n"})
    def by_hand(x):
        return {"dx": 2 * x}

    np.testing.assert_array_equal(by_hand(np.ones(2))["dx"], [2, 2])
    assert isinstance(by_hand.derivation, Derivation)
    assert by_hand.derivation.check(seed=3).verdict == "right"
    assert list(collected({"by_hand": by_hand, "f": f, "n": 3})) == ["by_hand"]


def test_the_command(tmp_path, capsys):
    from tinygrad_notes.cli import main

    file = tmp_path / "derivations_of_mine.py"
    file.write_text(FILE)
    assert main(["check", str(file), "--seed", "2", "--examples", "4", "--artefacts", str(tmp_path / "out")]) == 1
    assert "1 of 2 right" in capsys.readouterr().out
    assert (tmp_path / "out" / "sum_for_mean.html").exists()
    assert main(["check", str(tmp_path / "nowhere.py")]) == 2
