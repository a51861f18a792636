"""The command: what it prints, what it writes, and one clear line for everything it can't do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygrad_notes.cli import main
from tinygrad_notes.errors import BadInputError
from tinygrad_notes.expressions import parse, read_value

NOTES = """\
u = bc = 6
v = a + u = 11
J = 3v = 33
dJ/dv = 3
dJ/da = 3
dJ/du = 3
dJ/db = 6
dJ/dc = 9
"""


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_first_graph(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", "3*(a + b*c)", "a=5", "b=3", "c=2", "-o", "J.svg"]) == 0
    assert capsys.readouterr().out == NOTES + "drawn to J.svg\n"
    assert "dJ/db = 6" in Path("J.svg").read_text(encoding="utf-8")


def test_as_a_module_and_with_the_default_output(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tinygrad_notes", "draw", "u = b*c; v = a + u; J = 3*v", "a=5", "b=3", "c=2"],
        capture_output=True, text=True, check=True, cwd=tmp_path, encoding="utf-8",
    )  # fmt: skip
    assert done.stdout == NOTES + "drawn to J.svg\n"
    assert Path("J.svg").is_file()


def test_arrays(capsys: pytest.CaptureFixture[str]) -> None:
    np.save("X.npy", np.array([[1.0, 2.0], [3.0, 4.0]]))
    command = ["draw", "mean((w.T @ X - Y)**2)", "w=[[1],[2]]", "X=X.npy", "Y=[[1, 1]]"]
    assert main([*command, "--constant", "X", "Y", "-o", "J.dot"]) == 0
    out = capsys.readouterr().out
    assert "w.T = [1, 2]" in out
    assert "= mean(" in out
    assert "dJ/dw = " in out
    assert "dJ/dX" not in out


def test_a_result_that_is_no_number_is_drawn_without_derivatives(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", "2*x", "x=[1,2]", "-o", "y.dot"]) == 0
    captured = capsys.readouterr()
    assert "no derivatives" in captured.err
    assert "dJ" not in captured.out


def test_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("helper.py").write_text("factor = 3\n")
    Path("model.py").write_text(
        "import numpy as np\nfrom tinygrad_notes import Tensor\nfrom helper import factor\n"
        "w = Tensor(2.0)\nX = np.array([1.0, 2.0])\n"
        "def loss():\n    Z = w * X\n    return factor * np.sum(Z ** 2)\n"
        "def cost(w, X, scale=2.0):\n    A = w * X\n    return np.mean(A) * scale\n"
        "total = np.sum(w * X)\n"
    )
    assert main(["draw", "model.py:loss", "-o", "loss.dot"]) == 0
    out = capsys.readouterr().out
    assert "Z = wX = [2, 4]" in out
    assert "dJ/dw = 60" in out
    assert main(["draw", "model.py:cost", "w=3", "-o", "cost.dot"]) == 0
    assert "dJ/dw = 3" in capsys.readouterr().out
    assert main(["draw", "model.py:total", "-o", "total.dot"]) == 0
    assert "total = sum(wX) = 6" in capsys.readouterr().out


WRONG = [
    (["draw", "a+", "a=1"], "can't read the formula 'a+'"),
    (["draw", "a*b", "a=1"], "give b a value: b=2"),
    (["draw", "a", "a=1", "z=2"], "z does not occur"),
    (["draw", "a*2", "a=x"], "'x' is no number"),
    (["draw", "a*2", "a"], "not of the form name=value"),
    (["draw", "a*2", "a=1", "a=2"], "given twice"),
    (["draw", "a*2", "a=nothing.npy"], "can't read nothing.npy"),
    (["draw", "2*3"], "no variables"),
    (["draw", "a @ b", "a=[1,2]", "b=[1,2,3]"], "'a @ b': matmul of"),
    (["draw", "a*2", "a=1", "-o", "J.bmp"], "can't draw to '.bmp'"),
    (["draw", "a*2", "a=1", "-o", "no/such/J.svg"], "no such folder"),
    (["draw", "a*2", "a=1", "--constant", "q"], "no such value"),
    (["draw", "gone.py:loss"], "no such file: gone.py"),
    (["draw", "broken.py:loss"], "ZeroDivisionError: division by zero (line 2)"),
    (["draw", "fine.py:nothing"], "has no nothing"),
    (["draw", "fine.py:number"], "neither a function nor a Tensor"),
    (["draw", "fine.py:needs"], "its argument: q=..."),
    (["draw", "fine.py:needs_more", "p=1"], "give needs_more() its arguments: q=... r=..."),
    (["draw", "fine.py:quits"], "SystemExit"),
    (["draw", ""], "the formula is empty"),
    (["draw", "(" * 300 + "a" + ")" * 300, "a=1"], "can't read the formula"),
    (["draw", "a" * 20_000], "20,000 characters"),
    (["draw", "9.0**9.0**9.0 * a", "a=1"], "9.0 ** 9.0 ** 9.0"),
    (["fly"], "invalid choice"),
    (["draw", "fine.py"], "Write fine.py:NAME"),
    (["draw", "a^2", "a=1"], "a power is written with **"),
    (["coverage", "cumsumm"], "did you mean cumsum"),
]


@pytest.mark.parametrize(("command", "text"), WRONG, ids=[" ".join(c)[:40] for c, _ in WRONG])
def test_wrong_input_is_one_line_and_exit_code_2(
    command: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("broken.py").write_text("def f():\n    1 / 0\nloss = f()\n")
    Path("fine.py").write_text(
        "import sys\nnumber = 3\ndef needs(q):\n    return q\ndef needs_more(p, q, r):\n    return q\n"
        "def quits():\n    sys.exit(0)\n"
    )
    before = sorted(p.name for p in Path().iterdir())
    try:
        code = main(command)
    except SystemExit as end:
        code = int(end.code or 0)
    captured = capsys.readouterr()
    assert code == 2
    assert captured.err.count("\n") == 1
    assert text in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert sorted(p.name for p in Path().iterdir() if p.name != "__pycache__") == before


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')", "a.__class__", "(lambda: a)()", "[a for a in b]", "a if b else c", "a and b",
        "a < b", "open('x')", "eval('1')", "exec('1')", "'text'", "f'{a}'", "a.data", "{}", "a := 2", "import os",
        "exp(a, out=b)", "np.load('x')", "np.linalg.inv(a)", "del a", "a[b]", "a = b = 2", "a.b = 2", "True", "...",
        "a if True else b", "print(a)", "getattr(a, 'x')", "a.tofile('x')", "sum(a, axis=b)", "*a", "yield a",
    ],
)  # fmt: skip
def test_only_arithmetic_is_allowed(text: str) -> None:
    with pytest.raises(BadInputError):
        parse(text)


def test_values() -> None:
    assert read_value("5") == 5.0
    assert read_value("[[1, 2], [3, 4]]").shape == (2, 2)
    np.save("objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    for bad in ("objects.npy", "'x'", "[1, [2]]", "1 +", "None", "[True]"):
        with pytest.raises(BadInputError):
            read_value(bad)


def test_functions_and_indices() -> None:
    a = np.array([[1.0, 2.0], [3.0, 4.0]])
    run = parse("s = sum(a, axis=0, keepdims=True); t = np.exp(a[0, :1]) + a.sum(axis=1)[0]; maximum(s, t) * pi").run
    variables = run({"a": a})
    np.testing.assert_allclose(variables["s"], [[4, 6]])
    np.testing.assert_allclose(variables["t"], np.exp(1) + 3)
    np.testing.assert_allclose(variables["J"], np.maximum([[4, 6]], np.exp(1) + 3) * np.pi)


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["draw", "--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert 'draw "3*(a + b*c)" a=5 b=3 c=2 -o J.svg' in out


def test_explain(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["explain", "3*(a + b*c)", "a=5", "b=3", "c=2"]
    assert main(command) == 0
    assert "dJ/db = dJ/dv · dv/du · du/db = 3 · 1 · c = 6" in capsys.readouterr().out
    assert main([*command, "--latex"]) == 0
    assert capsys.readouterr().out.startswith("\\begin{aligned}")
    assert main([*command, "--source"]) == 0
    assert "def backward(a, b, c):" in capsys.readouterr().out
    assert (
        main(["explain", "A = sigmoid(w.T @ X); mean((A - Y)**2)", "w=[[1],[2]]", "X=[[1,2],[3,4]]", "Y=[[0,1]]"]) == 0
    )
    assert "dA = " in capsys.readouterr().out
    assert main(["explain", "2*x", "x=[1,2]"]) == 2
    assert "not one number" in capsys.readouterr().err
