"""Mutants of the core: which places of a source file change how, and a seeded sample of them.

Cosmic Ray's operators say where a file can be changed and write the changed text. Three things are added. A place
counts once, whatever the number of operators that fit it (eleven for one ``+`` would fill a sample with that ``+``).
Arithmetic turns into other arithmetic and bits into bits (``a << b`` on floats raises in any test). A change in an
annotation leaves the compiled module as it was, and one in a rule's samples (``samples=``, and functions that only
these call) changes what the tests feed it: no mutants.
"""

from __future__ import annotations

import ast
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "tinygrad_notes"
ROOMS = {
    "rules/": sorted((PACKAGE / "rules").glob("*.py")),
    "tensor.py": [PACKAGE / "tensor.py"],
    "backward.py": [PACKAGE / "backward.py"],
    "operators.py": [PACKAGE / "operators.py"],
    "transforms.py": [PACKAGE / "transforms.py"],
    "forward_mode.py": [PACKAGE / "forward_mode.py"],
    "vmap.py": [PACKAGE / "vmap.py"],
    "recording.py": [PACKAGE / "recording.py"],
    "testing/": sorted((PACKAGE / "testing").glob("*.py")),
}
ARITHMETIC = {"Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow"}
BITS = {"RShift", "LShift", "BitOr", "BitAnd", "BitXor"}


@dataclass(frozen=True)
class Mutant:
    """One changed place of one file."""

    file: str
    line: int
    operator: str
    occurrence: int
    before: str
    after: str

    @property
    def name(self) -> str:
        return f"{self.file}:{self.line} {self.operator}[{self.occurrence}]"

    @property
    def room(self) -> str:
        return next(room for room in ROOMS if self.file.startswith(room))

    def source(self) -> str:
        """The file's text with the change in it."""
        return changed(PACKAGE / self.file, self.operator, self.occurrence)


def family(name: str) -> str | None:
    """What an operator does, whatever it puts in: ``ReplaceBinaryOperator``; None if it isn't used here."""
    short = name.removeprefix("core/")
    binary = re.fullmatch(r"ReplaceBinaryOperator_(\w+?)_(\w+)", short)
    if binary and not any(set(binary.groups()) <= kinds for kinds in (ARITHMETIC, BITS)):
        return None
    if short.startswith("Variable") or short == "NoOp":
        return None
    return short.split("_")[0]


def operators() -> dict[str, Any]:
    """Cosmic Ray's operators that are used, by name."""
    from cosmic_ray.plugins import get_operator, operator_names

    return {name: get_operator(name)() for name in operator_names() if family(name)}


def changed(path: Path, operator: str, occurrence: int) -> str:
    """A file's text after one change."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    text = mutate_code(path.read_text(encoding="utf-8"), get_operator(operator)(), occurrence)
    if text is None:
        raise ValueError(f"{path}: {operator} has no place number {occurrence}")
    return text


def places(path: Path, used: dict[str, Any]) -> list[list[tuple[str, int]]]:
    """The places of a file; each is the list of the (operator, occurrence) that change it."""
    from cosmic_ray.ast import ast_nodes, get_ast

    counts: dict[str, int] = defaultdict(int)
    found: dict[tuple[Any, str], list[tuple[str, int]]] = defaultdict(list)
    for node in ast_nodes(get_ast(path.read_text(encoding="utf-8"))):
        for name, operator in used.items():
            for start, _ in operator.mutation_positions(node):
                found[start, str(family(name))].append((name, counts[name]))
                counts[name] += 1
    return [found[key] for key in sorted(found)]


def sample_of(path: Path, choices: list[list[tuple[str, int]]], size: int, chance: random.Random) -> Iterator[Mutant]:
    """Mutants of places drawn at random, one of each place."""
    text = path.read_text(encoding="utf-8")
    shape = meaning(text)
    chance.shuffle(choices)
    made = 0
    for choice in choices:
        if made == size:
            return
        operator, occurrence = chance.choice(choice)
        new = changed(path, operator, occurrence)
        if is_python(new) and meaning(new) != shape:
            made += 1
            line, before, after = difference(text, new)
            yield Mutant(path.relative_to(PACKAGE).as_posix(), line, operator, occurrence, before, after)


def is_python(text: str) -> bool:
    """Whether a text compiles; the ``/`` of positional arguments is taken for a division and doesn't."""
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def meaning(text: str) -> str:
    """The syntax tree of a module as text, without annotations (never evaluated here) and the rules' sample calls."""
    tree = ast.parse(text)
    without_samples(tree)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
    return ast.dump(tree)


def without_samples(tree: ast.Module) -> None:
    """Take out ``samples=``, what has a parameter `draw`, and undecorated functions that nothing else names then."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            node.keywords = [keyword for keyword in node.keywords if keyword.arg != "samples"]
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda) and draws(node):
            node.body = ast.Constant(None)
        if isinstance(node, ast.FunctionDef) and draws(node):
            node.body = [ast.Pass()]
    for _ in range(2):
        named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        tree.body = [
            node
            for node in tree.body
            if not isinstance(node, ast.FunctionDef)
            or node.decorator_list
            or not node.name.startswith("_")
            or node.name in named
        ]


def draws(node: ast.Lambda | ast.FunctionDef) -> bool:
    """Whether a function makes sample calls: it takes ``draw``, the maker of random arrays."""
    return bool(node.args.args) and node.args.args[0].arg in ("draw", "_draw")


def difference(old: str, new: str) -> tuple[int, str, str]:
    """The first line that differs, and the lines that do, before and after."""
    before, after = old.splitlines(), new.splitlines()
    first = next(k for k, (a, b) in enumerate(zip(before, after, strict=False)) if a != b)
    last = next(k for k, (a, b) in enumerate(zip(before[::-1], after[::-1], strict=False)) if a != b)
    told = (lines[first : max(first + 1, len(lines) - last)] for lines in (before, after))
    return first + 1, *(" ".join(map(str.strip, lines)) for lines in told)


def sample(size: int, seed: int, at_least: int = 1) -> tuple[list[Mutant], dict[str, int]]:
    """Mutants spread over the files as their places are, with at least one of every file; and each room's places."""
    used = operators()
    found = {path: places(path, used) for files in ROOMS.values() for path in files}
    share = size / sum(map(len, found.values()))
    chosen: list[Mutant] = []
    for path, choices in found.items():
        chance = random.Random(f"{seed} {path.relative_to(PACKAGE).as_posix()}")
        chosen += sample_of(path, choices, max(at_least, round(share * len(choices))), chance)
    random.Random(seed).shuffle(chosen)
    return chosen, {room: sum(len(found[path]) for path in files) for room, files in ROOMS.items()}
