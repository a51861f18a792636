"""The house: a module imports from lower floors, or from one listed above it on its own floor. Stairs go one way."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tinygrad_notes

PACKAGE = Path(tinygrad_notes.__file__).parent

FLOORS = [
    ["errors", "failures", "arguments", "terminal"],
    ["rules"],
    ["blocks", "backward", "tensor", "recording", "operators", "special"],
    ["memory", "pytree", "forward_mode", "vmap", "transforms", "checkpoint", "primitive"],
    ["graphs", "compiler", "nn", "optim", "coverage"],
    ["testing", "train", "interop"],
    ["notes"],
    ["array_files", "expressions", "cli", "__main__"],
]
"""Rooms from the ground up; within a floor a room may use those to its left."""

PLACE = {room: (floor, k) for floor, rooms in enumerate(FLOORS) for k, room in enumerate(rooms)}

FRONT_DOOR = "__init__"  # names everything, so it stands outside the house

OUTWARD = {
    ("rules", "errors"): "a rule's own errors are raised where they are found",
    ("rules", "failures"): "a rule that is called on arrays says what failed as one called on Tensors does",
}


def module_files() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if "__pycache__" not in p.parts)


def dotted(path: Path) -> str:
    """``rules.book`` for rules/book.py, ``rules`` for rules/__init__.py."""
    parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def room(module: str) -> str:
    return module.partition(".")[0]


MODULES = {dotted(p): p for p in module_files()}


def imported(module: str, tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Our own modules that this one imports, anywhere in it, with the line; ``TYPE_CHECKING`` blocks aside."""
    path = MODULES[module]
    package = module.split(".") if path.name == "__init__.py" and module != FRONT_DOOR else module.split(".")[:-1]
    for node in ast.walk(_without_type_checking(tree)):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                base = package[: len(package) - (node.level - 1)]
            elif (node.module or "").partition(".")[0] == "tinygrad_notes":
                base = []
            else:
                continue
            inside = [p for p in (node.module or "").split(".") if p and p != "tinygrad_notes"]
            for alias in node.names:
                for name in (".".join([*base, *inside, alias.name]), ".".join([*base, *inside])):
                    if name in MODULES:
                        yield name, node.lineno
                        break
                else:
                    yield FRONT_DOOR, node.lineno
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == "tinygrad_notes":
                    yield alias.name.partition(".")[2] or FRONT_DOOR, node.lineno


def _without_type_checking(tree: ast.AST) -> ast.AST:
    class Drop(ast.NodeTransformer):
        def visit_If(self, node: ast.If) -> Any:
            if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
                return None
            return self.generic_visit(node)

    return Drop().visit(tree)


def parsed(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"), filename=str(MODULES[module]))


GRAPH = {
    module: sorted(set(imported(module, parsed(module))) - {(module, 0)}) for module in MODULES if module != FRONT_DOOR
}


def test_every_room_has_its_floor() -> None:
    homeless = {room(m) for m in MODULES} - set(PLACE) - {FRONT_DOOR}
    assert not homeless, f"give {sorted(homeless)} a place in FLOORS"


@pytest.mark.parametrize("module", GRAPH)
def test_imports_go_down(module: str) -> None:
    wrong = []
    for other, line in GRAPH[module]:
        if other == FRONT_DOOR:
            wrong.append(f"line {line} imports the front door (tinygrad_notes itself), or what is no module")
        elif room(other) != room(module) and PLACE[room(other)] >= PLACE[room(module)]:
            wrong.append(f"line {line} imports {other} from above")
    assert not wrong, f"{module}: " + "; ".join(wrong)


def test_no_cycles() -> None:
    """Also inside a room: the modules can be put in an order in which each needs only earlier ones."""
    at_top = {
        module: {
            other
            for node in parsed(module).body
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for other, _ in imported(module, ast.Module([node], []))
            if other not in (module, FRONT_DOOR) and not module.startswith(other + ".")
        }
        for module in GRAPH
    }
    done: set[str] = set()
    while len(done) < len(at_top):
        ready = [m for m, needs in at_top.items() if m not in done and needs <= done]
        assert ready, "import cycle among " + ", ".join(sorted(set(at_top) - done))
        done.update(ready)


def test_no_room_for_odds_and_ends() -> None:
    names = {p.stem for p in module_files()}
    assert not names & {"utils", "util", "helpers", "misc", "common", "ops", "funcs"}


def test_no_module_is_too_long_to_read() -> None:
    long = {m: n for m, p in MODULES.items() if (n := len(p.read_text(encoding="utf-8").splitlines())) > 1000}
    assert not long, f"split by idea: {long}"


# ── what is public ───────────────────────────────────────────────────────────────────────────────────────────────


def importable() -> list[str]:
    return [m for m in MODULES if m not in ("__main__", FRONT_DOOR)]


def load(module: str) -> Any:
    try:
        return importlib.import_module(f"tinygrad_notes.{module}")
    except tinygrad_notes.errors.MissingExtraError as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("module", importable())
def test_all_names_exist_and_are_documented(module: str) -> None:
    loaded = load(module)
    assert (loaded.__doc__ or "").strip(), f"{module} does not say what it is about"
    for name in getattr(loaded, "__all__", ()):
        thing = getattr(loaded, name)
        if inspect.isfunction(thing) or inspect.isclass(thing):
            assert (inspect.getdoc(thing) or "").strip(), f"{module}.{name} has no docstring"
            if inspect.isclass(thing):
                undocumented = [
                    f"{name}.{member}"
                    for member, value in vars(thing).items()
                    if not member.startswith("_")
                    and (inspect.isfunction(value) or isinstance(value, (property, classmethod, staticmethod)))
                    and not (inspect.getdoc(getattr(thing, member)) or "").strip()
                ]
                assert not undocumented, f"{module}: {undocumented} have no docstring"


@pytest.mark.parametrize("module", importable())
def test_all_names_what_is_there(module: str) -> None:
    loaded = load(module)
    listed = getattr(loaded, "__all__", [])
    assert len(set(listed)) == len(listed), f"{module}.__all__ names something twice"
    missing = [name for name in listed if not hasattr(loaded, name)]
    assert not missing, f"{module}.__all__ names what isn't there: {missing}"


def test_the_front_door_lists_what_it_shows() -> None:
    shown = set(tinygrad_notes.__all__)
    assert list(tinygrad_notes.__all__) == sorted(tinygrad_notes.__all__, key=lambda n: (not n[0].isupper(), n)) or (
        list(tinygrad_notes.__all__) == sorted(tinygrad_notes.__all__)
    )
    for name in shown:
        thing = getattr(tinygrad_notes, name)
        assert (inspect.getdoc(thing) or "").strip(), f"tn.{name} has no docstring"
