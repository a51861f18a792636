"""The examples run, in short settings, and print what the notes say."""

from __future__ import annotations

import re
import runpy
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, *arguments: str) -> None:
    runpy.run_path(str(EXAMPLES / name))["main"]([str(a) for a in arguments])


def words(svg: Path) -> list[str]:
    """What a picture says, whatever engine placed it."""
    texts = ElementTree.parse(svg).iter("{http://www.w3.org/2000/svg}text")
    return sorted("".join(text.itertext()) for text in texts)


def test_every_example_is_tested():
    source = Path(__file__).read_text(encoding="utf-8")
    assert [p.name for p in sorted(EXAMPLES.glob("*.py")) if f'"{p.name}"' not in source] == []


def test_first_graph(capsys, tmp_path):
    picture = tmp_path / "J.svg"
    run("01_first_graph.py", "-o", picture)
    assert capsys.readouterr().out.splitlines() == [
        "J = 3(a + bc) = 33",
        "dJ/dv = 3",
        "dJ/da = 3",
        "dJ/du = 3",
        "dJ/db = 6",
        "dJ/dc = 9",
        f"drawn to {picture}",
    ]
    assert words(picture) == words(EXAMPLES / "J.svg")  # the picture in the README


def test_logistic_regression(capsys, tmp_path):
    picture = tmp_path / "logistic.svg"
    run("02_logistic_regression.py", "--steps", "200", "-o", picture)
    out = capsys.readouterr().out
    costs = [float(c) for c in re.findall(r"J = ([\d.]+)", out)]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] == 0.6931  # ln 2: w = 0 knows nothing
    assert all(float(d) < 1e-14 for d in re.findall(r"largest difference.*: (.*)", out))
    train, test = (float(a) for a in re.findall(r"([\d.]+)%", out))
    assert train > 97
    assert test > 95
    assert {"w", "b", "X", "Y"} <= set(words(picture))


def test_two_layer_net(capsys, tmp_path):
    picture = tmp_path / "flower.png"
    run("03_two_layer_net.py", "--steps", "4000", "-o", picture)
    line, net = (float(a) for a in re.findall(r"([\d.]+)%\n", capsys.readouterr().out))
    assert line == 47.0
    assert 88.0 <= net <= 92.0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_check_a_derivation(capsys):
    run("04_check_a_derivation.py")
    out = capsys.readouterr().out
    slips = [line for line in out.splitlines() if "likely slip" in line]
    assert slips == [
        "  likely slip: db1 has a factor m too much (missing 1/m)",
        "  likely slip: 1 - Z1**2 stands where the local derivative dA1/dZ1 belongs",
        "  likely slip: the local derivative dA2/dZ2 is taken twice in dZ2",
        "  likely slip: dW2 is 2 times the right value",
        "  likely slip: db1 is 4 times the right value",
    ]
    assert "this one change makes it right:  dZ1 = W2.T @ dZ2 * (1 - A1**2)" in out
    assert all(len(message.splitlines()) <= 25 for message in out.split("\n\n"))


def test_gradient_checking(capsys):
    run("05_gradient_checking.py")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("the course's number: 0.2851")
    assert lines[1] == "db1, dW2 are wrong in backward(); dW1, db2, dW3, db3 are right."
    assert "  likely slip: dW2 is 2 times the right value" in lines
    assert "  likely slip: db1 is 4 times the right value" in lines
    assert any(line.endswith("are right in repaired().") for line in lines)


@pytest.mark.parametrize("name", ["06_mlp_digits.py", "07_conv_digits.py", "08_char_rnn.py", "09_tiny_gpt.py"])
def test_larger_networks_are_right_and_drawn(name, capsys, tmp_path):
    picture = tmp_path / "graph.svg"
    run(name, "--steps", "6", "-o", picture)
    (difference,) = re.findall(r"gradient check: (\S+)", capsys.readouterr().out)
    assert float(difference) < 1e-7
    assert words(picture)


DOORS = {
    "check_torch": ("torch", "likely slip: dx has a factor n too much (missing 1/n)"),
    "check_jax": ("jax", "likely slip: dx0 has the wrong sign"),
    "export_onnx": ("onnxruntime", "seven examples through the file: True"),
    "fit_with_scipy": ("scipy", "{'height': 2.5, 'rate': 1.3, 'floor': 0.5}"),
    "step_on_a_cluster": ("distributed", "two processes agree with one: True"),
}


@pytest.mark.parametrize("door", DOORS)
def test_interop(door, capsys):
    package, line = DOORS[door]
    pytest.importorskip(package)
    run("10_interop.py", door)
    assert line in [text.strip() for text in capsys.readouterr().out.splitlines()]


def test_larger_than_memory(capsys):
    run("11_larger_than_memory.py", "--megabytes", "20", "--features", "10", "--steps", "6")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "step 0: J = 0.6931"
    assert lines[-2].startswith("20 parts, 20 MB on disk")
    assert float(lines[-1].rsplit(" ", 1)[1]) > 0.99


def test_compile(capsys):
    runpy.run_path(str(EXAMPLES / "12_compile.py"))
    out = capsys.readouterr().out
    assert out.startswith("the same cost to the last bit: True\n")
    assert "1 programs, 1 traces" in out
