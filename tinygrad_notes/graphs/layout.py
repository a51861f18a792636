"""Which engine places the boxes, and running it: always in a process of its own, with a time limit.

In this order: a ``dot`` on PATH (the user's own Graphviz), the command of the package graphviz-pure, the library of
pygraphviz 2 (bundled with its wheels; its C code runs in a child process, so that a crash there is an error here).
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from ..errors import DrawingError, MissingExtraError
from .waiting import waiting

__all__ = ["Engine", "TooSlow", "find_engine", "lay_out", "no_engine"]

TIMEOUT = 20.0

CHILD = """
import sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, sys.argv[1])
from pygraphviz import AGraph
text = sys.stdin.buffer.read().decode("utf-8")
picture = AGraph(string=text).draw(format=sys.argv[2], prog="dot")
sys.stdout.buffer.write(picture)
"""


class TooSlow(DrawingError):
    """The engine's time was up."""


class Engine(NamedTuple):
    """A way to lay a graph out: its name and the command, a format to be appended."""

    name: str
    command: tuple[str, ...]


def find_engine() -> Engine | None:
    """The first engine there is on this machine."""
    for find in FINDERS:
        engine = find()
        if engine is not None:
            return engine
    return None


def _dot_on_path() -> Engine | None:
    dot = shutil.which("dot")
    return Engine("dot", (dot, "-Kdot", "-T{format}")) if dot else None


def _graphviz_pure() -> Engine | None:
    try:
        package = importlib.metadata.distribution("graphviz-pure")
    except importlib.metadata.PackageNotFoundError:
        return None
    names = ("graphviz-pure", "graphviz-pure.exe")
    files = [Path(str(file.locate())) for file in package.files or () if file.name in names]
    files += [Path(str(package.locate_file("bin"))) / name for name in names]
    for file in files:
        if os.access(file, os.X_OK):
            return Engine("graphviz-pure", (str(file.resolve()), "-Kdot", "-T{format}"))
    return None


def _pygraphviz() -> Engine | None:
    spec = importlib.util.find_spec("pygraphviz")
    if spec is None or spec.origin is None:
        return None
    try:
        version = importlib.metadata.version("pygraphviz")
    except importlib.metadata.PackageNotFoundError:
        return None
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < (2, 0):
        return None
    folder = str(Path(spec.origin).parent.parent)
    return Engine("pygraphviz", (sys.executable, "-I", "-c", CHILD, folder, "{format}"))


FINDERS = (_dot_on_path, _graphviz_pure, _pygraphviz)


def no_engine(what: str) -> MissingExtraError:
    """The error, or the line, that says what to install."""
    return MissingExtraError(f"{what} needs a layout engine: pip install 'tinygrad-notes[draw]'")


def lay_out(engine: Engine, dot: str, kind: str, timeout: float | None = None) -> bytes:
    """Run `engine` on DOT text.

    Parameters
    ----------
    engine : Engine
    dot : str
    kind : str
        ``"svg"``, ``"png"`` or ``"pdf"``.
    timeout : float, optional
        Seconds; 20 if not given.

    Raises
    ------
    DrawingError
        If it fails or takes too long; the message says what to try.
    """
    limit = TIMEOUT if timeout is None else timeout
    done = _run(engine, dot, kind, limit)
    if done.returncode or not done.stdout:
        lines = done.stderr.decode(errors="replace").splitlines()
        lines = [line for line in lines if line.strip() and not line.startswith("Fontconfig")]
        why = lines[-1] if lines else f"it ended with {done.returncode}"
        raise DrawingError(f"{engine.name} failed on this graph ({kind}): {why}")
    return done.stdout


def _run(engine: Engine, dot: str, kind: str, limit: float) -> subprocess.CompletedProcess[bytes]:
    command = [part.replace("{format}", kind) for part in engine.command]
    try:
        with waiting(limit):
            return subprocess.run(command, input=dot.encode(), capture_output=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired as error:
        raise TooSlow(
            f"{engine.name} did not lay this graph out within {limit:g} s: draw less of it, tn.graph(J, level=0) to "
            "fold scopes or tn.graph(J, max_nodes=100), or give it longer: .save(path, timeout=120)"
        ) from error
    except OSError as error:
        raise DrawingError(f"{engine.name} could not be started: {error}") from error
