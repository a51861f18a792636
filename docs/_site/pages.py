"""The pages that are made from the package itself: errors, kinks, API, catalogue, examples, changelog."""

from __future__ import annotations

import ast
import importlib
import inspect
import runpy
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import catalogue_pages
import notebook_pages
import numpy as np
from blocks import working_in
from failures import FAILURES

from tinygrad_notes import errors
from tinygrad_notes.rules import BOOK, Rule

ROOT = Path(__file__).resolve().parents[2]
Pages = Iterator[tuple[str, str | bytes]]


def generate() -> Pages:
    """Every generated file of the site: its path in docs/ and its content."""
    yield "errors.md", error_page()
    yield "kinks.md", kink_page()
    yield "changelog.md", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").replace("](docs/", "](")
    yield from api_pages()
    yield from example_pages()
    yield from catalogue_pages.generate()
    yield from notebook_pages.generate(ROOT / "notebooks")


# ── errors ───────────────────────────────────────────────────────────────────────────────────────────────────────


def error_page() -> str:
    """Every error with a program that meets it, and what it says."""
    tree = inspect.cleandoc(errors.__doc__ or "").split("::\n\n")[1]
    parts = [
        "# Errors",
        "",
        "Each error says what was given, what was needed, and the call that mends it; the last line is the line of "
        "your program. Each is also the nearest builtin, so `except ValueError` keeps working. This page is made by "
        "running the programs on it.",
        "",
        "```text",
        textwrap.dedent(tree).rstrip(),
        "```",
        "",
    ]
    for kind, program in FAILURES.items():
        doc = (inspect.getdoc(getattr(errors, kind)) or "").split("\n\nAttributes")[0]
        parts += [f"## {kind}", "", doc, "", "```python", program.strip(), "```", "", "```text"]
        parts += [message(kind, program), "```", ""]
    return "\n".join(parts)


def message(kind: str, program: str) -> str:
    """What the program raises: `kind`, and nothing else.

    Raises
    ------
    LookupError
        If it doesn't.
    """
    import linecache

    program = program.strip() + "\n"
    linecache.cache["example.py"] = (len(program), None, program.splitlines(keepends=True), "example.py")
    with tempfile.TemporaryDirectory() as folder, working_in(Path(folder)):
        try:
            exec(compile(program, "example.py", "exec"), {"__name__": "example"})
        except errors.TinygradNotesError as error:
            public = next(c.__name__ for c in type(error).__mro__ if c.__name__ in errors.__all__)
            if public == kind:
                return f"{kind}: {error}"
            raise LookupError(f"the example of {kind} raises {public}") from error
    raise LookupError(f"the example of {kind} raises nothing")


# ── kinks ────────────────────────────────────────────────────────────────────────────────────────────────────────

PEERS = """
| at the kink | tinygrad_notes | PyTorch | JAX | HIPS autograd | MyGrad |
|---|---|---|---|---|---|
| `maximum(x, 0)` at 0 | 0.5 | 0.5 | 0.5 | 0.5 | 0 |
| `relu(x)` at 0 | 0 | 0 | 0 | – | 0 |
| `clip(x, 0, 1)` at 0 | 0.5 | 1 | 0.5 | 0 | 0 |
| `abs(x)` at 0 | 0 | 0 | 1 | 0 | 0 |
| `max([1, 1])` | [0.5, 0.5] | [0.5, 0.5] | [0.5, 0.5] | [0.5, 0.5] | [1, 0] |
| `norm([0, 0])` | [0, 0] | [0, 0] | NaN | NaN | NaN |
| `sqrt(x)` at 0 | inf | inf | inf | inf | inf |
"""


def kink_page() -> str:
    """Where a function has no derivative, and what is answered there."""
    rows = []
    for rule in sorted({e for e in BOOK.values() if type(e) is Rule and e.kinks}, key=lambda r: r.name):
        rows += [
            f"| `{rule.name}` | {_numbers(at)} | {_numbers(slopes)} | {rule.formula.replace('|', chr(92) + '|')} |"
            for at, slopes in rule.kinks.items()
        ]
    return "\n".join(
        [
            "# Kinks and ties",
            "",
            "At a corner there is no derivative, only slopes to the left and to the right. A library has to answer "
            "something there, and hardly two answer alike. Here the answer is written down, once, and tested: ties "
            "share equally, corners at 0 are flat, and where the slope is infinite it stays infinite, so that "
            "[`tn.why`](why.md) can say so.",
            "",
            "The checker in `tn.testing` accepts any value between the two slopes and says that it met a kink. What "
            "else happens where floats run out: [numbers at the edge](numerics.md).",
            "",
            "## Here",
            "",
            "| function | at | derivative by each input | rule |",
            "|---|---|---|---|",
            *rows,
            "",
            "`sqrt` at 0 is not in the table because it has no finite slope there: its derivative is inf. The rules "
            "of all functions are on [the coverage page](coverage.md).",
            "",
            "## Elsewhere",
            "",
            "What the others answer at the same place. The tests ask each of them that is installed.",
            "",
            PEERS.strip(),
            "",
        ]
    )


def _numbers(values: tuple[float, ...]) -> str:
    return ", ".join(f"{v:g}" for v in values)


# ── API ──────────────────────────────────────────────────────────────────────────────────────────────────────────

ROOMS: dict[str, tuple[str, str]] = {
    "tinygrad_notes": ("tn", "The names of `import tinygrad_notes as tn`."),
    "tinygrad_notes.testing": ("tn.testing", "Check a derivation: right, wrong, or cannot tell."),
    "tinygrad_notes.nn": ("tn.nn", "Functions, losses, penalties and layers; an example is a column."),
    "tinygrad_notes.nn.init": ("tn.nn.init", "Start values."),
    "tinygrad_notes.optim": ("tn.optim", "Optimisers, each written out whole."),
    "tinygrad_notes.train": ("tn.train", "The training loop, and what surrounds it."),
    "tinygrad_notes.notes": ("tn.notes", "The course notes, executable."),
    "tinygrad_notes.compiler": ("tn.compile", "What `tn.compile` returns."),
    "tinygrad_notes.special": ("tn.special", "Special functions of SciPy with their derivatives (extra `scipy`)."),
}
"""One page each, with every name of the module's ``__all__``."""


def api_pages() -> Pages:
    """A page for each public module; names that are modules have their own page."""
    rows = []
    for module, (title, words) in ROOMS.items():
        room = importlib.import_module(module)
        names = [name for name in room.__all__ if not inspect.ismodule(getattr(room, name))]
        if module == "tinygrad_notes.compiler":
            names.remove("compile")  # stands on the first page
        names = [name for _, name in sorted((place(getattr(room, name)), name) for name in names)]
        parts = [f"# {title}", "", words, ""]
        for name in names:
            parts += [f"::: {module}.{name}" if is_ours(getattr(room, name)) else borrowed(module, name), ""]
        path = f"api/{title.replace('.', '_')}.md"
        yield path, "\n".join(parts)
        links = ", ".join(f"[`{name}`]({Path(path).name}#{module}.{name})" for name in names)
        rows.append(f"## [{title}]({Path(path).name})\n\n{words}\n\n{links}\n")
    yield "api/tn_interop.md", interop_page()
    doors = ", ".join(f"[`{door}`](tn_interop.md#{door})" for door in public("tinygrad_notes/interop/__init__.py"))
    rows.append(f"## [tn.interop](tn_interop.md)\n\nDoors to other libraries.\n\n{doors}\n")
    intro = "# API reference\n\nEvery public name. Errors have [a page of their own](../errors.md).\n\n"
    yield "api/index.md", intro + "\n".join(rows)


def interop_page() -> str:
    """The doors, each with its public names; read from the source, since each needs a package of its own to load."""
    folder = "tinygrad_notes/interop"
    doc = ast.get_docstring(ast.parse((ROOT / folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    parts = ["# tn.interop", "", "```text", doc, "```", ""]
    for door in public(f"{folder}/__init__.py"):
        file = f"{folder}/{door}.py"
        file = file if (ROOT / file).exists() else f"{folder}/{door}/__init__.py"
        words = ast.get_docstring(ast.parse((ROOT / file).read_text(encoding="utf-8"))) or ""
        parts += [f"## tn.interop.{door} {{#{door}}}", "", words.split("\n\n")[0], ""]
        for name in public(file):
            parts += [f"::: tinygrad_notes.interop.{door}.{name}", "    options:", "      heading_level: 3", ""]
    return "\n".join(parts)


def public(file: str) -> list[str]:
    """The ``__all__`` of a file of the package."""
    for node in ast.parse((ROOT / file).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    raise LookupError(f"{file} has no __all__")


FIRST = ("tensor", "transforms", "vmap", "graphs", "primitive", "recording", "compiler")


def place(thing: Any) -> tuple[Any, ...]:
    """Where something is written: the room of the package, then its file and line."""
    function = getattr(thing, "f", thing)
    rooms = (getattr(function, "__module__", None) or "").split(".")[1:] or [""]
    try:
        line = inspect.getsourcelines(function)[1]
    except (TypeError, OSError):
        line = 0
    first = FIRST.index(rooms[0]) if rooms[0] in FIRST else len(FIRST)
    return (not callable(thing), first, rooms, not inspect.isclass(thing), line)


def is_ours(thing: Any) -> bool:
    """Whether it is written in this package, not one of SciPy's functions."""
    return not (isinstance(thing, np.ufunc) or (getattr(thing, "__module__", None) or "").startswith("scipy"))


def borrowed(module: str, name: str) -> str:
    """NumPy's or SciPy's own function under our name: its rule."""
    function = getattr(importlib.import_module(module), name)
    owner = "NumPy's `np" if getattr(np, name, None) is function else "SciPy's `scipy.special"
    formula = catalogue_pages.escape(BOOK[function].formula)
    return f"## {name} {{#{module}.{name}}}\n\n{owner}.{name}`.  {formula}"


# ── examples ─────────────────────────────────────────────────────────────────────────────────────────────────────

DRAWN = {"01_first_graph.py": ["-o", "J.svg"], "02_logistic_regression.py": ["--steps", "200", "-o", "logistic.svg"]}
"""Those that are run for their picture."""


def example_pages() -> Pages:
    """Each example: its words, its picture, its program."""
    links = []
    for file in sorted((ROOT / "examples").glob("*.py")):
        program = file.read_text(encoding="utf-8")
        doc = ast.get_docstring(ast.parse(program)) or ""
        title = doc.partition("\n")[0]
        parts = [f"# {title.rstrip('.')}", ""]
        if file.name in DRAWN:
            printed, name, picture = _drawn(file, DRAWN[file.name])
            yield f"examples/{name}", picture
            parts += [f"![What it draws]({name})", "", "It prints", "", "```text", printed, "```", ""]
        parts += [f"## examples/{file.name}", "", "```python", program.rstrip(), "```", ""]
        yield f"examples/{file.stem}.md", "\n".join(parts)
        links.append(f"- [{title.rstrip('.')}]({file.stem}.md)")
    intro = "# Examples\n\nPrograms of a hundred lines or fewer. The tests run each of them.\n\n"
    yield "examples/index.md", intro + "\n".join(links) + "\n"


def _drawn(file: Path, arguments: list[str]) -> tuple[str, str, bytes]:
    printed = StringIO()
    with tempfile.TemporaryDirectory() as folder, working_in(Path(folder)), redirect_stdout(printed):
        main: Any = runpy.run_path(str(file))["main"]
        main(arguments)
        return printed.getvalue().rstrip(), arguments[-1], Path(arguments[-1]).read_bytes()
