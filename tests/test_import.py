"""Importing the package is cheap: NumPy and the standard library, nothing else."""

from __future__ import annotations

import ast
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import tinygrad_notes as tn


def fresh_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


LOADED = """
import sys
import numpy, numpy.random  # which loads modules of other names: NumPy's own, compiled by Cython
before = set(sys.modules)
{statement}
loaded = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(" ".join(sorted(loaded - set(sys.stdlib_module_names) - {{'numpy'}})))
"""


def test_import_loads_numpy_and_the_standard_library_only() -> None:
    assert set(fresh_python(LOADED.format(statement="import tinygrad_notes")).split()) == {"tinygrad_notes"}


def test_the_first_graph_needs_nothing_else_either() -> None:
    program = """
import tinygrad_notes as tn
a, b, c = tn.Tensor(5.0), tn.Tensor(3.0), tn.Tensor(2.0)
J = 3 * (a + b * c)
J.backward()
assert (a.grad, b.grad, c.grad) == (3.0, 6.0, 9.0)
"""
    assert fresh_python(LOADED.format(statement=program)).split() == ["tinygrad_notes"]


def test_import_does_not_warn_or_print() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import tinygrad_notes"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_public_name_is_there_and_nothing_more() -> None:
    """``dir(tinygrad_notes)`` is what `__all__` says: no helper of ours is reachable by accident."""
    program = """
import types
import tinygrad_notes as tn
ours = {n for n in dir(tn) if getattr(getattr(tn, n), "__module__", "").startswith("tinygrad_notes")}
public = {n for n in tn.__all__ if not isinstance(getattr(tn, n), types.ModuleType)}
print(sorted({n for n in ours if not n.startswith("_")} ^ public))
"""
    assert fresh_python(program).strip() == "[]"


ENGINE = {
    "backward", "blocks", "coverage", "errors", "failures", "forward_mode", "memory", "operators", "primitive",
    "pytree", "recording", "rules", "tensor", "transforms", "vmap",
}  # fmt: skip
"""The rooms that every program needs; the others are loaded when something of theirs is first named."""


def test_import_loads_the_engine_alone_and_next_to_nothing_of_the_library() -> None:
    """A large module at the top of one of these rooms, or a room too many, shows here before it shows on a clock."""
    program = """
import sys, numpy
import contextlib, ctypes, inspect, linecache, numbers, re, threading, weakref
before = set(sys.modules)
import tinygrad_notes
new = set(sys.modules) - before
rooms = {name.split(".")[1] for name in new if name.startswith("tinygrad_notes.")}
print((sorted(rooms), sorted(name for name in new if name.partition(".")[0] != "tinygrad_notes")))
"""
    rooms, others = ast.literal_eval(fresh_python(program))
    assert set(rooms) == ENGINE
    assert others in ([], ["__future__"])


def test_operators_are_made_at_their_first_use_and_once() -> None:
    program = """
import operator, sys, threading
import numpy as np
from tinygrad_notes import Tensor
from tinygrad_notes.tensor import OPERATORS, UNARY

made_late = {name: vars(Tensor)[name] for name in ("__add__", "__radd__", "exp", "__neg__", "conj", "conjugate")}
described = {name: (f.__name__, f.__qualname__, f.__doc__) for name, f in made_late.items()}
t, u = Tensor(2.0), Tensor(3.0)
assert float((t + u).data) == float(np.add(t, u).data) == float((5.0 + t - 2.0).data) == 5.0
assert float(np.exp(t).data) == float(t.exp().data) == np.exp(2.0)
assert float((-t).data) == -2.0 and t.conj().dtype == np.float64
for name, first in made_late.items():
    made = vars(Tensor)[name]
    assert made is not first, name
    assert (made.__name__, made.__qualname__, made.__doc__) == described[name], name
assert vars(Tensor)["__add__"] is OPERATORS[np.add][0] and vars(Tensor)["__radd__"] is OPERATORS[np.add][1]
assert vars(Tensor)["exp"] is UNARY[np.exp] and vars(Tensor)["conj"] is vars(Tensor)["conjugate"]
before = dict(vars(Tensor))
assert float(made_late["__add__"](t, u).data) == 5.0  # one kept from before the first use still works
assert before == dict(vars(Tensor)) and OPERATORS[np.add][0] is before["__add__"]

start, sums = threading.Barrier(8), []
def multiply():
    start.wait()
    sums.append(float((t * u * 2.0).data))
threads = [threading.Thread(target=multiply) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert sums == [12.0] * 8
assert t * u is not None and vars(Tensor)["__mul__"] is OPERATORS[np.multiply][0]
print("done")
"""
    assert fresh_python(program) == "done\n"


FUNCTIONS = ("vmap", "coverage", "primitive")
"""Names of a function and of the module that it lives in."""


@pytest.mark.parametrize(
    "first",
    [
        "import tinygrad_notes",
        *(f"import tinygrad_notes.{name}" for name in FUNCTIONS),
        "from tinygrad_notes.vmap import Batched",
        "from tinygrad_notes import coverage, primitive, vmap",
        "import tinygrad_notes.graphs.debug, tinygrad_notes.graphs.why, tinygrad_notes.graphs.graph",
        "import tinygrad_notes.compiler, tinygrad_notes.testing, tinygrad_notes.nn",
        "from tinygrad_notes import *",
    ],
)
def test_a_function_is_a_function_whatever_was_imported_first(first: str) -> None:
    program = f"""
{first}
import importlib, types
import tinygrad_notes as tn
for name in {FUNCTIONS}:
    importlib.import_module("tinygrad_notes." + name)
for name in ("compile", "debug", "graph", "why", *{FUNCTIONS}):
    assert isinstance(getattr(tn, name), types.FunctionType), name
assert isinstance(tn.Graph, type) and tn.graph.__module__ == "tinygrad_notes.graphs.graph"
"""
    fresh_python(program)


@pytest.mark.parametrize("room", ["interop", "nn", "notes", "optim", "testing", "train"])
def test_a_room_is_there_by_either_import(room: str) -> None:
    for program in (
        f"import tinygrad_notes as tn; tn.{room}.__all__",
        f"from tinygrad_notes import {room} as r; r.__all__",
    ):
        fresh_python(program)


def test_what_loads_late_is_loaded_as_a_type_checker_was_told() -> None:
    """The table of late names agrees with the imports that only a type checker reads."""
    tree = ast.parse(Path(tn.__file__).read_text(encoding="utf-8"))
    (checked,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    told = {alias.name: node.module for node in checked.body for alias in node.names}
    assert {name for name, module in told.items() if module is None} == set(tn.ROOMS)
    homes = {name: module.partition(".")[0] for name, module in told.items() if module is not None}
    assert homes == tn.HOMES
    assert not set(tn.HOMES) & {path.stem for path in Path(tn.__file__).parent.iterdir()}


def test_dir_lists_everything() -> None:
    listed = fresh_python("import tinygrad_notes as tn; print(' '.join(dir(tn)))").split()
    assert {*tn.__all__, "interop", "notes", "__version__"} <= set(listed)
    assert {name for name in listed if not name.startswith("__")} <= {*tn.__all__, *tn.ROOMS}


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("relu", "it is tn.nn.relu"),
        ("Adam", "it is tn.optim.Adam"),
        ("assert_vjp", "it is tn.testing.assert_vjp"),
        ("fit", "it is tn.train.fit"),
        ("exp", "NumPy's own function takes Tensors, np.exp(t)"),
        ("tensro", "dir(tinygrad_notes) lists what there is"),
        ("hesian", "did you mean tn.hessian?"),
        ("interopp", "did you mean tn.interop?"),
    ],
)
def test_a_name_that_is_not_there_says_where_to_look(name: str, answer: str) -> None:
    with pytest.raises(AttributeError, match=rf"^module 'tinygrad_notes' has no attribute '{name}'.*") as caught:
        getattr(tn, name)
    assert str(caught.value).endswith(answer)
    assert not hasattr(tn, f"__{name}__")


def test_the_book_has_the_rules_of_a_room_that_is_looked_at() -> None:
    """Nobody has named `nn`; the tables of everything that can be differentiated, or exported, have its rules."""
    program = """
import sys
import tinygrad_notes as tn
assert not {"tinygrad_notes.nn", "tinygrad_notes.rules.fft"} & set(sys.modules)
table = tn.coverage()
print("tn.nn.sigmoid" in table, "np.fft.fft" in table, "np.fft.hfft" in table)
"""
    assert fresh_python(program) == "True True True\n"
    program = """
import sys
import numpy as np
import tinygrad_notes as tn
t = tn.Tensor([1.0, 2.0, 4.0])
assert "tinygrad_notes.rules.fft" not in sys.modules
y = np.abs(np.fft.rfft(t)[1])
y.backward()
print(np.fft.ifft(np.fft.fft(t)).dtype, len(np.fft.fftshift(t).data), t.grad.shape)
"""
    assert fresh_python(program) == "complex128 3 (3,)\n"
    stored = repr(pickle.dumps(tn.nn.sigmoid))
    assert fresh_python(f"import pickle; print(pickle.loads({stored}))") == f"{tn.nn.sigmoid!r}\n"


def test_the_help_of_the_command_loads_no_room() -> None:
    program = """
import sys
from tinygrad_notes.cli import main
try:
    main(["--help"])
except SystemExit as end:
    assert end.code == 0
rooms = {name.split(".")[1] for name in sys.modules if name.startswith("tinygrad_notes.")}
print("rooms:", *sorted(rooms))
"""
    *_, rooms = fresh_python(program).splitlines()
    assert set(rooms.removeprefix("rooms: ").split()) == ENGINE | {"cli"}
