"""Mutation test of the rule book: break a rule in one place, and the check must say so.

Every ``vjp`` of every rule, and every helper it calls, is changed in one place at a time: a factor dropped, a sign
flipped, two operands exchanged, the sum over broadcast axes forgotten. `check_vjp` then judges the broken rule on the
rule's own samples by numerical differences alone, as it would judge a stranger's. A mutant that computes the same
numbers as the rule is equivalent; all others must die.

A few mutants per rule run here. ``python tests/test_mutation.py`` runs all and writes ``docs/mutation_score.md``.
"""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tinygrad_notes.backward import fit
from tinygrad_notes.errors import NoRuleError
from tinygrad_notes.rules import BOOK, Parts, Rule
from tinygrad_notes.testing import check_vjp
from tinygrad_notes.testing.strategies import calls

CHAPTERS = ("elementwise", "reductions", "linear_algebra", "shapes", "sorting", "fft", "indexing", "special")
KINDS = ("factor dropped", "sign flipped", "operands exchanged", "broadcast sum forgotten")
PER_RULE = 3


class Mutant(NamedTuple):
    """One rule with one vjp broken in one place."""

    rule: Rule
    position: int
    kind: str
    change: str
    vjp: Callable[..., Any]
    fitted: bool = True

    def __str__(self) -> str:
        return f"{self.rule.name}[{self.position}] {self.kind}: {self.change}"


# ── breaking ─────────────────────────────────────────────────────────────────────────────────────────────────────


def mutants() -> Iterator[Mutant]:
    """Every mutant of every chapter, in the order of the book."""
    for chapter in CHAPTERS:
        try:
            module = importlib.import_module(f"tinygrad_notes.rules.{chapter}")
        except ImportError:
            continue
        tree = ast.parse(inspect.getsource(module))
        helpers = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "rule":
                entry = entry_of(call, module)
                if entry is not None:
                    yield from mutants_of(entry, call.args[2:], helpers, module)


def entry_of(call: ast.Call, module: Any) -> Rule | None:
    """The rule that a ``rule(f, …)`` call entered."""
    try:
        f = eval(compile(ast.Expression(call.args[0]), "<rule>", "eval"), vars(module))
        found = BOOK.get(f)
    except (NameError, TypeError):
        return None
    return found if isinstance(found, Rule) else None


def mutants_of(entry: Rule, vjps: list[ast.expr], helpers: dict[str, Any], module: Any) -> Iterator[Mutant]:
    """All mutants of one rule."""
    for position, source in enumerate(vjps):
        if not isinstance(source, ast.Lambda):
            continue
        original = (entry.vjps[0] if entry.variadic else entry.vjps[position]) if position < len(entry.vjps) else None
        if original is None or refuses(entry, position, original):
            continue
        for kind, change, broken in broken_versions(source):
            yield Mutant(entry, position, kind, change, evaluated(broken, vars(module)))
        called = {
            node.func.id for node in ast.walk(source) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        for name in sorted(called & set(helpers)):
            for kind, change, broken in broken_versions(helpers[name]):
                namespace = dict(vars(module))
                code = ast.fix_missing_locations(ast.Module([broken], []))
                exec(compile(code, f"<mutant of {name}>", "exec"), namespace)
                yield Mutant(entry, position, kind, f"in {name}: {change}", evaluated(source, namespace))
        yield Mutant(entry, position, KINDS[3], "", original, fitted=False)


def refuses(entry: Rule, position: int, vjp: Callable[..., Any]) -> bool:
    """Whether the rule says that it has no derivative in this input."""
    whole = Mutant(entry, position, "none", "", vjp)
    for values, params in sample_values(entry, 0):
        if position < len(values) and np.asarray(values[position]).dtype.kind == "f":
            try:
                is_same(whole, values, params)
            except NoRuleError:
                return True
    return False


def evaluated(source: ast.Lambda, namespace: dict[str, Any]) -> Callable[..., Any]:
    """The function that a lambda expression makes."""
    code = ast.fix_missing_locations(ast.Expression(copy.deepcopy(source)))
    return eval(compile(code, "<mutant>", "eval"), namespace)


def broken_versions(source: Any) -> Iterator[tuple[str, str, Any]]:
    """Copies of a function's tree with one change each: its kind, its text, the tree."""
    parents = {child: parent for parent in ast.walk(source) for child in ast.iter_child_nodes(parent)}
    for k, node in enumerate(ast.walk(source)):
        for kind, make in CHANGES:
            if make(node) is None or not _in_value(parents, node):
                continue
            broken = copy.deepcopy(source)
            old = list(ast.walk(broken))[k]
            new = make(old)
            change = f"{ast.unparse(old)} → {ast.unparse(new)}"
            yield kind, change, _Replace(old, new).visit(broken)


def _in_value(parents: dict[ast.AST, ast.AST], node: ast.AST) -> bool:
    """Whether the node is part of a gradient's value: no default, subscript, shape argument, test or keyword."""
    while node in parents:
        parent = parents[node]
        if isinstance(parent, (ast.arguments, ast.Subscript, ast.keyword, ast.Raise, ast.JoinedStr)):
            return False
        if isinstance(parent, (ast.If, ast.IfExp)) and node is parent.test:
            return False
        if isinstance(parent, ast.Call) and not _is_elementwise_call(parent):
            return False
        node = parent
    return True


def _is_elementwise_call(call: ast.Call) -> bool:
    """Calls whose arguments are values, not shapes or axes."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name in {
        "exp",
        "exp2",
        "log",
        "sqrt",
        "sin",
        "cos",
        "sinh",
        "cosh",
        "conj",
        "where",
        "matmul",
        "abs",
        "sign",
    }


def _drop(node: ast.AST) -> Any:
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)):
        return node.left
    return None


def _drop_left(node: ast.AST) -> Any:
    return node.right if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) else None


def _flip(node: ast.AST) -> Any:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return node.operand
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        other: ast.operator = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        return ast.BinOp(node.left, other, node.right)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return ast.UnaryOp(ast.USub(), node)
    return None


def _exchange(node: ast.AST) -> Any:
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Sub, ast.Div, ast.MatMult, ast.Pow)):
        return ast.BinOp(node.right, node.op, node.left)
    return None


CHANGES: tuple[tuple[str, Callable[[ast.AST], Any]], ...] = (
    (KINDS[0], _drop),
    (KINDS[0], _drop_left),
    (KINDS[1], _flip),
    (KINDS[2], _exchange),
)


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        return self.new if node is self.old else super().visit(node)


# ── judging ──────────────────────────────────────────────────────────────────────────────────────────────────────


def pulled(mutant: Mutant, vjp: Callable[..., Any], g: Any, values: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """What a vjp gives, fitted by the engine to its input's shape and dtype."""
    entry = mutant.rule
    y = entry.f(*values, **params) if entry.variadic else entry.forward(*values)
    parts = Parts(y) if type(y) is tuple else y
    upstream = Parts(tuple(g), tuple(y)) if type(y) is tuple else g
    around = np.conj if np.iscomplexobj(g) and entry.holomorphic and type(y) is not tuple else np.asarray
    upstream = around(upstream) if type(y) is not tuple else upstream
    first = (mutant.position, upstream) if entry.variadic else (upstream,)
    grad = around(vjp(*first, parts, *values, **params))
    like = np.asarray(values[mutant.position])
    return fit(np.asarray(grad)[()], like) if mutant.fitted else np.asarray(grad)[()]


def sample_values(entry: Rule, seed: int) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """The arguments of a rule's samples in the rule's own order."""
    for args, kwargs in calls(entry, seed):
        try:
            yield (args, kwargs) if entry.variadic else (entry.bind(args, kwargs), {})
        except NoRuleError:
            continue  # another entry of the book answers this call


def verdict(mutant: Mutant) -> str:
    """ "killed", "equivalent" or "survived"."""
    differs = False
    for seed in (0, 1):
        for values, params in sample_values(mutant.rule, seed):
            k = mutant.position
            if k >= len(values) or np.asarray(values[k]).dtype.kind != "f":
                continue
            try:
                same = is_same(mutant, values, params)
            except Exception:  # a mutant that raises is seen by everybody
                return "killed"
            if same:
                continue
            differs = True
            if not judged(mutant, values, params):
                return "killed"
    return "survived" if differs else "equivalent"


def is_same(mutant: Mutant, values: tuple[Any, ...], params: dict[str, Any]) -> bool:
    """Whether the mutant computes what the rule computes."""
    entry = mutant.rule
    original = entry.vjps[0] if entry.variadic else entry.vjps[mutant.position]
    y = entry.f(*values, **params) if entry.variadic else entry.forward(*values)
    rng = np.random.default_rng(5)
    parts = y if type(y) is tuple else (y,)
    random = tuple(np.asarray(rng.standard_normal(np.shape(p)))[()] for p in parts)
    g = random if type(y) is tuple else random[0]
    with np.errstate(all="ignore"):
        broken = pulled(mutant, mutant.vjp, g, values, params)
        right = pulled(mutant._replace(fitted=True), original, g, values, params)
    return np.shape(broken) == np.shape(right) and np.allclose(broken, right, rtol=1e-6, atol=1e-9, equal_nan=True)


def judged(mutant: Mutant, values: tuple[Any, ...], params: dict[str, Any]) -> bool:
    """Whether the check finds nothing wrong with the broken rule; it sees neither the book nor the graph."""
    entry, k = mutant.rule, mutant.position

    def f(x: Any) -> Any:
        arguments = (*values[:k], np.asarray(x)[()], *values[k + 1 :])  # a Tensor does not pass here
        return entry.f(*arguments, **params) if entry.variadic else entry.forward(*arguments)

    def vjp(g: Any, x: Any) -> Any:
        with np.errstate(all="ignore"):
            return pulled(mutant, mutant.vjp, g, (*values[:k], x, *values[k + 1 :]), params)

    return bool(check_vjp(f, vjp, values[k], diagnose=False))


@cache
def few() -> list[Mutant]:
    """Some mutants of every rule, different kinds first."""
    groups: dict[tuple[str, int], list[Mutant]] = {}
    for mutant in mutants():
        groups.setdefault((mutant.rule.name, mutant.position), []).append(mutant)
    chosen = []
    for group in groups.values():
        seen: Counter[str] = Counter()
        ordered = []
        for mutant in group:
            ordered.append((seen[mutant.kind], mutant))
            seen[mutant.kind] += 1
        ordered.sort(key=lambda pair: pair[0])
        chosen += [mutant for _, mutant in ordered[:PER_RULE]]
    return chosen


@pytest.mark.parametrize("chapter", range(8))
def test_mutants_die(chapter: int) -> None:
    sample = few()[chapter::8]
    verdicts = {str(mutant): verdict(mutant) for mutant in sample}
    assert "survived" not in verdicts.values(), [name for name, found in verdicts.items() if found == "survived"]
    assert list(verdicts.values()).count("killed") > len(verdicts) / 2


def test_the_rules_themselves_pass() -> None:
    """The control: an unbroken rule is judged right by the very same steps."""
    seen = set()
    for mutant in mutants():
        entry, k = mutant.rule, mutant.position
        if (entry.name, k) in seen:
            continue
        seen.add((entry.name, k))
        whole = Mutant(entry, k, "none", "", entry.vjps[0] if entry.variadic else entry.vjps[k])
        for values, params in list(sample_values(entry, 0))[:1]:
            if k < len(values) and np.asarray(values[k]).dtype.kind == "f":
                assert judged(whole, values, params), str(whole)
                assert is_same(whole, values, params)


def test_there_are_mutants_of_every_kind() -> None:
    kinds = Counter(mutant.kind for mutant in mutants())
    assert set(kinds) == set(KINDS)
    assert len({mutant.rule.name for mutant in mutants()}) >= 80


def score() -> str:
    """The table of ``docs/mutation_score.md``."""
    table: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    survivors = []
    for mutant in mutants():
        found = verdict(mutant)
        table[mutant.kind][found] += 1
        if found == "survived":
            survivors.append(str(mutant))
    rules = len({mutant.rule.name for mutant in mutants()})
    lines = [
        "# Mutation score of the rule book",
        "",
        "Every derivative rule is broken in one place at a time, and `check_vjp` judges the broken rule on the rule's",
        f"own samples by numerical differences alone ({rules} rules). A mutant that computes the rule's own numbers on",
        "every sample (a branch they do not reach, no broadcasting in them) is called equivalent and is not counted.",
        "`python tests/test_mutation.py` writes this page.",
        "",
        "| change | mutants | equivalent | killed | survived | score |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    total: Counter[str] = Counter()
    for kind, found in [*table.items(), ("all", total)]:
        if kind != "all":
            total.update(found)
        live = found["killed"] + found["survived"]
        share = f"{100 * found['killed'] / live:.1f} %" if live else "–"
        counts = [sum(found.values()), found["equivalent"], found["killed"], found["survived"]]
        lines.append(f"| {kind} | {' | '.join(map(str, counts))} | {share} |")
    lines += ["", "Survivors: " + ("; ".join(survivors) if survivors else "none") + ".", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    text = score()
    page = Path(__file__).parents[1] / "docs" / "mutation_score.md"
    core = page.read_text(encoding="utf-8").partition("\n## The core\n")  # tests/mutation/core_score.py writes that
    page.write_text(text + "".join(core[1:]), encoding="utf-8")
    sys.stdout.write(text)
