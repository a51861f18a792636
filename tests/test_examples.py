"""The examples run, in short settings, and print what the notes say."""

from __future__ import annotations

import re
import runpy
import xml.etree.ElementTree as ElementTree
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, *arguments: str) -> None:
    runpy.run_path(str(EXAMPLES / name))["main"]([str(a) for a in arguments])


def words(svg: Path) -> list[str]:
    """The text of a picture, whatever engine placed it."""
    return sorted(filter(None, (e.text.strip() for e in ElementTree.parse(svg).iter() if e.text)))


def test_every_example_is_tested():
    source = Path(__file__).read_text(encoding="utf-8")
    assert [p.name for p in sorted(EXAMPLES.glob("*.py")) if f'run("{p.name}"' not in source] == []


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
    assert words(picture) == words(EXAMPLES / "J.svg")


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
    assert "Z" in words(picture)


def test_two_layer_net(capsys, tmp_path):
    picture = tmp_path / "flower.png"
    run("03_two_layer_net.py", "--steps", "4000", "-o", picture)
    line, net = (float(a) for a in re.findall(r"([\d.]+)%\n", capsys.readouterr().out))
    assert line == 47.0
    assert 88.0 <= net <= 92.0
    assert picture.read_bytes().startswith(b"\x89PNG")
