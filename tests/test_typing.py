"""Types as a user's editor sees them: all of the public names, and what Tensors have of NumPy's arrays."""

from __future__ import annotations

import ast
import inspect
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_notes
from tinygrad_notes import Tensor, operators

PACKAGE = Path(tinygrad_notes.__file__).parent

ALWAYS_RAISE = {
    "choose", "__and__", "__or__", "__xor__", "__lshift__", "__rshift__", "__rand__", "__ror__", "__rxor__",
    "__rlshift__", "__rrshift__", "__invert__",
}  # fmt: skip
"""Made to say what to write instead: an editor does well not to offer them."""


def class_body(file: str, name: str) -> list[ast.stmt]:
    tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
    (body,) = (node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    return body


DECLARED = {f.name: f for f in class_body("array_methods.pyi", "ArrayMethods") if isinstance(f, ast.FunctionDef)}


def test_what_is_made_at_run_time_is_declared_and_nothing_else() -> None:
    made = {name for name, value in vars(Tensor).items() if callable(value) or isinstance(value, property)}
    written = {"__apply_elementwise__", "__hash__"}
    for line in class_body("tensor.py", "Tensor"):
        if isinstance(line, ast.FunctionDef):
            written.add(line.name)
        elif isinstance(line, (ast.Assign, ast.AnnAssign)):
            written.update(map(ast.unparse, line.targets if isinstance(line, ast.Assign) else [line.target]))
    assert made - written - ALWAYS_RAISE == set(DECLARED) - written


def source_of(name: str) -> Any:
    """The function whose arguments the method `name` takes, after the array."""
    return getattr(operators, name, None) or getattr(np, name)


@pytest.mark.parametrize("name", [n for n, method in DECLARED.items() if not n.startswith("_")])
def test_arguments_are_named_and_placed_as_numpy_does(name: str) -> None:
    declared = DECLARED[name].args
    if isinstance(inspect.getattr_static(Tensor, name), property) or isinstance(getattr(np, name, None), np.ufunc):
        assert len(declared.args) == 1
        assert not declared.kwonlyargs
        return
    try:
        taken = list(inspect.signature(source_of(name)).parameters.values())[1:]
    except ValueError:
        pytest.skip("this NumPy doesn't say what the function takes")
    by_place = [p.name for p in taken if p.kind is p.POSITIONAL_OR_KEYWORD]
    names = [a.arg for a in declared.args][1:]
    assert names == by_place[: len(names)]
    assert {a.arg for a in declared.kwonlyargs} <= {p.name for p in taken}


PROGRAM = """
import numpy as np
import tinygrad_notes as tn
from tinygrad_notes import Tensor

a, b, c = Tensor(5.0), Tensor(3.0), Tensor(2.0)
u = b * c
J = 3 * (a + u)
J.backward()
print(a.grad, tn.graph(J), tn.why(J, a))
reveal_type(J)

t = Tensor(np.ones((2, 3)), name="t")
t += 1
t[0] = 2.0
y = 2 ** -abs(t) @ t.T.exp().reshape(3, 2) / t.sum(axis=1, keepdims=True) - t.mT.clip(0, 1).mean()
reveal_type(y)
print(np.tanh(tn.nn.relu(t)), np.ones(3) * t, t > 0, t == t, t.argmax(axis=0), divmod(t, 2))
print(len(t), bool(a), [row for row in t], hash(t))

with tn.no_grad(), tn.scope("layer 1"):
    print(tn.stop_gradient(t))

@tn.compile
def step(w):
    return tn.value_and_grad(lambda v: np.sum(v * v))(w)

reveal_type(step)
print(tn.optim.Adam(0.1), tn.train.fit, tn.testing.assert_gradient, tn.interop, tn.notes.catalogue, tn.special.erf)
print(tn.there_is_no_such_name)
"""
REVEALED = {'Type of "J" is "Tensor"', 'Type of "y" is "Tensor"', 'Type of "step" is "Compiled"'}


def pyright(folder: Path, *arguments: str) -> dict[str, Any]:
    """What pyright reports, from outside of the checkout: there the package is one that is installed."""
    environment = os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONPATH": str(PACKAGE.parent),
        "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1",
    }
    command = [sys.executable, "-m", "pyright", "--outputjson", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.long
@pytest.mark.skipif(find_spec("pyright") is None, reason="needs pyright")
def test_every_public_name_has_a_known_type(tmp_path: Path) -> None:
    report = pyright(tmp_path, "--verifytypes", "tinygrad_notes", "--ignoreexternal")
    complaints = [
        f"{symbol['name']}: {'; '.join(d['message'] for d in symbol['diagnostics'])}"
        for symbol in report["typeCompleteness"]["symbols"]
        if not symbol["isTypeKnown"] or symbol["isTypeAmbiguous"]
    ]
    assert not complaints, "\n".join(complaints)
    assert report["typeCompleteness"]["completenessScore"] == 1
    assert report["typeCompleteness"]["exportedSymbolCounts"]["withKnownType"] > 3000


@pytest.mark.long
@pytest.mark.skipif(find_spec("pyright") is None, reason="needs pyright")
def test_a_first_program_is_right_to_a_type_checker_and_a_slip_is_not(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    report = pyright(tmp_path, "program.py")["generalDiagnostics"]
    errors = [d["message"] for d in report if d["severity"] == "error"]
    assert errors == ['"there_is_no_such_name" is not a known attribute of module "tinygrad_notes"']
    assert {d["message"] for d in report if d["severity"] == "information"} == REVEALED
