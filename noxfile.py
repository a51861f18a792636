"""The test matrix: every supported Python, the oldest and the newest libraries; warnings are errors everywhere.

    nox                     all of it, on the Pythons that are installed
    nox -s newest-3.13      one Python
    nox -s oldest -- -k vmap
    nox -s extras           every extra alone, in an environment of its own; nox -s "extras(plot)" for one of them
    nox -s package          wheel and sdist: built, installed, tested from outside the checkout
    nox -s types            the types of all public names, as another project's type checker sees them
    nox -s fuzz             the fuzzers, for a minute each

Needs nox (``pip install nox``); uv is used if it is there, else venv. A Python that isn't installed is skipped with a
line that says so; ``nox --error-on-missing-interpreters`` makes that an error.
"""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import nox

nox.options.default_venv_backend = "uv|virtualenv" if shutil.which("uv") else "venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["newest", "oldest", "bare"]

PROJECT: dict[str, Any] = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = [*PROJECT["optional-dependencies"]]
PYTHONS = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if re.fullmatch(r".*Python :: 3\.\d+", c)]


def oldest(requirements: list[str]) -> set[str]:
    """``numpy>=2.1.2`` as ``numpy==2.1.2``, which the project says is enough; its extras as what they bring."""
    found = set()
    for requirement in requirements:
        if extras := re.fullmatch(r"tinygrad-notes\[(.*)\]", requirement):
            for extra in extras[1].split(","):
                found |= oldest(PROJECT["optional-dependencies"][extra])
        elif match := re.fullmatch(r"([\w-]+)>=([\d.]+)(?:,.*)?", requirement):
            found.add(f"{match[1]}=={match[2]}")
        else:
            raise ValueError(f"{requirement} doesn't say from which version on")
    return found


def suite(session: nox.Session) -> None:
    """The tests, two at a time; the versions first, so that a log says what it was."""
    session.run("python", "-c", "import sys, numpy, optree; print(sys.version, numpy.__version__, optree.__version__)")
    session.run("pytest", "-n", "2", *session.posargs, env={"OPENBLAS_NUM_THREADS": "1"})


@nox.session(python=PYTHONS)
def newest(session: nox.Session) -> None:
    """The newest release of everything that this Python has."""
    session.install("--upgrade", "-e", ".[test]")
    suite(session)


@nox.session(name="oldest", python=PYTHONS[0])
def oldest_libraries(session: nox.Session) -> None:
    """What pyproject.toml says is enough, on the oldest Python."""
    pins = oldest([*PROJECT["dependencies"], "tinygrad-notes[test]"])
    session.install("-e", ".[test]", *sorted(pins), "pyparsing<3.3")  # matplotlib of that time is deprecated since
    suite(session)


@nox.session(python=PYTHONS[-1])
def bare(session: nox.Session) -> None:
    """Without any extra: the package still loads, computes, and names what is missing."""
    session.install("-e", ".", "pytest", "hypothesis")
    session.run("pytest", "-q", "tests/test_engine.py", "tests/test_transforms.py", *session.posargs)


@nox.session(python=PYTHONS[0])
@nox.parametrize("extra", EXTRAS, ids=EXTRAS)
def extras(session: nox.Session, extra: str) -> None:
    """One extra, installed as a wheel: what it is for works, what it doesn't bring asks for the extra that does."""
    session.install(f".[{extra}]")
    session.run("python", "-W", "error", "-I", "tests/extras.py", extra)


@nox.session(python=PYTHONS[0])
def package(session: nox.Session) -> None:
    """The wheel without extras, and the suite of the unpacked sdist on the wheel."""
    folder = Path(session.create_tmp()).resolve()
    shutil.rmtree(folder / "dist", ignore_errors=True)
    shutil.rmtree(folder / "source", ignore_errors=True)
    session.install("build", "twine")
    session.run("python", "-m", "build", "--outdir", str(folder / "dist"))
    (wheel,) = (folder / "dist").glob("*.whl")
    (sdist,) = (folder / "dist").glob("*.tar.gz")
    session.run("twine", "check", "--strict", str(wheel), str(sdist))
    session.install(str(wheel))
    session.run("python", "-W", "error", "-I", "tests/extras.py")
    session.install(f"{wheel}[test]")
    shutil.unpack_archive(sdist, folder / "source", filter="data")
    with session.chdir(next((folder / "source").iterdir())):
        Path("tinygrad_notes/__init__.py").unlink()  # its files can be read, but the one that is found is installed
        session.run("python", "-m", "pytest", "-n", "2", *(session.posargs or ["tests"]))


@nox.session(python=PYTHONS[0])
def types(session: nox.Session) -> None:
    """Every public name has a known type, and a first program is right to a type checker."""
    session.install(".", "pyright[nodejs]", "pytest", "hypothesis")
    session.run("pytest", "-m", "long or not long", "-k", "not every_public_name", "tests/test_typing.py")
    with session.chdir(session.create_tmp()):  # in the checkout it would read the sources, not the wheel
        session.run("pyright", "--verifytypes", "tinygrad_notes", "--ignoreexternal")


@nox.session(python=PYTHONS[0])
def fuzz(session: nox.Session) -> None:
    """Each fuzzer of tests/fuzzers for a minute (or what is given: ``nox -s fuzz -- -max_total_time=600``)."""
    session.install("-e", ".[safetensors]", "atheris")
    for target in ("formula", "tokens", "value", "array_file", "checkpoint"):
        session.run("python", "tests/fuzzers/run_fuzzer.py", target, *(session.posargs or ["-max_total_time=60"]))
