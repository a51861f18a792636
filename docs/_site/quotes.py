"""Source code quoted in a page, by the name of what is quoted: it can't go stale."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

Definition = ast.FunctionDef | ast.ClassDef


def quote(root: Path, file: str, names: list[str]) -> str:
    """The definitions `names` of a file as a Markdown block, each without its docstring.

    A name is a function, a class, ``Class.method``, a name that is assigned at the top of the file, ``fields:Class``
    for a class without its methods, or ``rule:np.exp`` for the call of ``rule`` with that first argument.
    """
    text = (root / file).read_text(encoding="utf-8")
    tree = ast.parse(text)
    parts = [_lines(text, _find(tree, name, file)) for name in names]
    first = min(_find(tree, name, file).lineno for name in names)
    return f'``` {{.python title="{file}, from line {first}"}}\n' + "\n\n".join(parts) + "\n```"


def _find(tree: ast.Module, name: str, file: str) -> ast.stmt:
    if name.startswith("rule:"):
        for node in tree.body:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                call = node.value
                if ast.unparse(call.func) == "rule" and ast.unparse(call.args[0]) == name.removeprefix("rule:"):
                    return node
    if name.startswith("fields:"):
        whole = _find(tree, name.removeprefix("fields:"), file)
        assert isinstance(whole, ast.ClassDef)
        whole.body = [node for node in whole.body if not isinstance(node, ast.FunctionDef)]
        whole.end_lineno = whole.body[-1].end_lineno
        return whole
    body: list[ast.stmt] = tree.body
    found: ast.stmt | None = None
    for part in name.split("."):
        found = next((node for node in body if part in _names(node)), None)
        if found is None:
            raise LookupError(f"{file} has no {name}")
        body = getattr(found, "body", [])
    assert found is not None
    return found


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, Definition):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _lines(text: str, node: ast.stmt) -> str:
    lines = text.splitlines()
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    kept = list(range(first, (node.end_lineno or node.lineno) + 1))
    if isinstance(node, Definition) and ast.get_docstring(node) is not None:
        docstring = node.body[0]
        kept = [k for k in kept if not docstring.lineno <= k <= (docstring.end_lineno or docstring.lineno)]
    shown = [lines[k - 1] for k in kept]
    if shown[-1].endswith("# fmt: skip"):
        shown[-1] = shown[-1].removesuffix("# fmt: skip").rstrip()
    return textwrap.dedent("\n".join(shown)).rstrip()
