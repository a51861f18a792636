"""What is published: extras, versions and workflows say the same as pyproject.toml, and name what there is."""

from __future__ import annotations

import ast
import os
import re
import runpy
import shutil
import tomllib
from pathlib import Path

import pytest

import tinygrad_notes as tn

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if re.fullmatch(r".*Python :: 3\.\d+", c)]
WORKFLOWS = ROOT / ".github" / "workflows"

in_a_checkout = pytest.mark.skipif(not WORKFLOWS.is_dir(), reason="the sdist brings no workflows")


def steps():
    """Every step of every job of every workflow."""
    yaml = pytest.importorskip("yaml")
    for file in sorted(WORKFLOWS.glob("*.yml")):
        for name, job in yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"].items():
            for step in job["steps"]:
                yield f"{file.name} {name}", step


@in_a_checkout
def test_the_matrix_is_that_of_the_classifiers():
    yaml = pytest.importorskip("yaml")
    workflow = yaml.safe_load((WORKFLOWS / "tests.yml").read_text(encoding="utf-8"))
    assert PYTHONS[0] == PROJECT["requires-python"].removeprefix(">=")
    assert workflow["jobs"]["matrix"]["strategy"]["matrix"]["python"] == PYTHONS
    assert {system.split("-")[0] for system in workflow["jobs"]["matrix"]["strategy"]["matrix"]["os"]} == {
        "ubuntu", "macos", "windows",
    }  # fmt: skip


@in_a_checkout
def test_each_step_of_a_workflow_names_what_there_is():
    """Extras, nox sessions, files; a Python version that is supported."""
    extras = {*PROJECT["optional-dependencies"]}
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    sessions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list}
    sessions |= {"oldest"}  # by name=
    held = 0
    for place, step in steps():
        assert ("run" in step) != ("uses" in step), place
        version = str(step.get("with", {}).get("python-version", PYTHONS[0]))
        assert version in PYTHONS or "matrix.python" in version, place
        command = step.get("run", "")
        for pattern, known in (
            (r"\.\[([a-z]+)\]", extras),
            (r"nox -s (\S+)", sessions),
            (r"-m ([a-z]+)", {"pip", "pytest", "build", "twine"}),
        ):
            for name in re.findall(pattern, command):
                assert name in known, f"{place}: {name}"
                held += 1
        for file in re.findall(r"(?:^|python )(\.[a-z]+/\S+)", command):
            assert (ROOT / file).is_file(), f"{place}: {file}"
            assert os.access(ROOT / file, os.X_OK) or command.startswith("python"), f"{place}: {file}"
            held += 1
    assert held >= 8


def test_each_extra_is_tried_alone_and_those_named_in_errors_exist():
    names = runpy.run_path(str(ROOT / "tests" / "extras.py"))
    tried = {use.extra for use in (*names["USES"], *names["TOOLS"])}
    assert tried | {"all"} == {*PROJECT["optional-dependencies"]}
    said = {
        name
        for file in (ROOT / "tinygrad_notes").rglob("*.py")
        for name in re.findall(r"missing_extra\(\s*[^,()]+,\s*\"(\w+)\"", file.read_text(encoding="utf-8"))
    }
    assert "plot" in said
    assert said <= {*PROJECT["optional-dependencies"]}


def test_one_version():
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {tn.__version__}\n" in cited
    assert f"license: {PROJECT['license']}\n" in cited


@in_a_checkout
def test_release_notes_are_the_changelogs(tmp_path):
    release_notes = runpy.run_path(str(ROOT / ".github" / "release_notes.py"))["release_notes"]
    (tmp_path / "tinygrad_notes").mkdir()
    for file in ("tinygrad_notes/__init__.py", "CITATION.cff"):
        shutil.copy(ROOT / file, tmp_path / file)
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(
        f"# Changelog\n\n## [Unreleased]\n\n- next\n\n## [{tn.__version__}] - 2026-11-21\n\n### Added\n\n- all\n\n"
        "## [0.0.1]\n\n- old\n",
        encoding="utf-8",
    )
    assert release_notes(tmp_path, f"v{tn.__version__}") == "### Added\n\n- all\n"
    with pytest.raises(SystemExit, match=r"__init__\.py has no line __version__ = \"0\.0\.1\""):
        release_notes(tmp_path, "v0.0.1")
    changelog.write_text("## [Unreleased]\n\n- next\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"CHANGELOG\.md has nothing under ## \[" + re.escape(tn.__version__)):
        release_notes(tmp_path, f"v{tn.__version__}")
