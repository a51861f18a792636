"""The command's manners: help with examples, one line for an error, JSON, completion, colours only in a terminal."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tinygrad_notes.cli import COMMANDS, main, make_parser
from tinygrad_notes.terminal import is_watched, print_table

DERIVATION = """
import numpy as np
import tinygrad_notes as tn

def cost(x):
    return np.sum(x**2)

@tn.testing.derivation(of=cost, shapes={"x": "n"})
def by_hand(x):
    return {"dx": FACTOR * x}
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    names = [add.__name__.removeprefix("add_") for add in COMMANDS]
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "exit codes" in text
    assert all(name in text for name in names)
    for name in names:
        with pytest.raises(SystemExit):
            main([name, "--help"])
        text = capsys.readouterr().out
        assert "example" in text or name in ("train", "notes"), name


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("tinygrad-notes ")


def test_an_error_in_the_users_file_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("broken.py").write_text("x = 1\ny = x / 0\n")
    assert main(["bench", "broken.py"]) == 2
    error = capsys.readouterr().err
    assert error == (
        "tinygrad-notes bench: ZeroDivisionError: division by zero (at broken.py:2); --debug shows the traceback\n"
    )
    with pytest.raises(ZeroDivisionError):
        main(["--debug", "bench", "broken.py"])


def test_draw_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", "3*(a + b*c)", "a=5", "b=3", "c=2", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["values"]["J"] == 33
    assert data["gradients"] == {"a": 3, "b": 6, "c": 9} | {
        k: v for k, v in data["gradients"].items() if k not in "abc"
    }
    assert Path(data["picture"]).is_file()


@pytest.mark.parametrize(("factor", "verdict", "code"), [("2", "right", 0), ("3", "wrong", 1)])
def test_check_as_json_and_as_a_table(factor: str, verdict: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.py").write_text(DERIVATION.replace("FACTOR", factor))
    assert main(["check", "mine.py", "--json"]) == code
    assert json.loads(capsys.readouterr().out)["mine.py"]["by_hand"]["verdict"] == verdict
    assert main(["check", "mine.py"]) == code
    first, second = capsys.readouterr().out.splitlines()[:2]
    assert first.split() == ["verdict", "derivation", "outputs"]
    assert second.split()[:2] == [verdict, "by_hand"]


def test_completion(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab")
    for shell in ("bash", "zsh"):
        assert main(["completion", shell]) == 0
        assert "explain" in capsys.readouterr().out
    assert "completion" in make_parser().format_help()


def test_tables_are_plain_in_a_pipe_and_rich_in_a_terminal() -> None:
    pytest.importorskip("rich")
    plain, terminal = io.StringIO(), Terminal()
    for out in (plain, terminal):
        print_table(["verdict", "n"], [["right", "12"], ["wrong", "3"]], out=out, right=["n"])
    assert plain.getvalue() == "verdict   n\nright    12\nwrong     3\n"
    assert "\x1b" not in plain.getvalue()
    assert "─" in terminal.getvalue()
    assert is_watched(terminal)
    assert not is_watched(plain)


def test_nothing_is_coloured_when_piped() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tinygrad_notes", "coverage", "tanh"], capture_output=True, text=True, check=True,
        encoding="utf-8",
    )  # fmt: skip
    assert "\x1b" not in done.stdout
