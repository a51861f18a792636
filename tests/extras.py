"""Each extra alone: what it is for works, and what it does not bring is one line that names the extra that does.

    pip install 'dist/tinygrad_notes-….whl[plot]' && python -I tests/extras.py plot

Needs no test library, so it runs where nothing but that extra is installed (``nox -s extras``); without a name, in an
environment without extras.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import tinygrad_notes as tn
from tinygrad_notes import cli, nn, train
from tinygrad_notes.errors import MissingExtraError
from tinygrad_notes.notes.experiments import data as course
from tinygrad_notes.notes.site import Site
from tinygrad_notes.train.progress import progress_bar


class Use(NamedTuple):
    """Something one can do where these packages are installed, thanks to this extra."""

    extra: str
    packages: tuple[str, ...]
    run: Callable[[], Any]


def draw() -> None:
    os.environ["PATH"] = ""  # not with this machine's own `dot`
    graph = tn.graph(3 * tn.Tensor(5.0, name="a"))
    graph.save("J.svg")  # without an engine: plainly
    graph.save("J.png")
    assert Path("J.png").read_bytes().startswith(b"\x89PNG")


def special() -> None:
    assert np.isclose(tn.grad(tn.special.erf)(0.0), 2 / np.sqrt(np.pi))


def exact_gelu() -> None:
    assert np.isclose(tn.grad(lambda x: nn.gelu(x, approximate=False))(0.0), 0.5)


def minimize() -> None:
    found = tn.interop.scipy.minimize(lambda p: np.sum((p - 3) ** 2), np.zeros(2))
    assert np.allclose(found.x, 3)


def football() -> None:
    if find_spec("scipy") is not None:
        import_module("scipy.io").savemat("data.mat", {n: np.ones((4, 2)) for n in ("X", "y", "Xval", "yval")})
    assert course.football_from_file("data.mat")[0][0].shape == (2, 4)


def bar() -> None:
    with contextlib.redirect_stderr(io.StringIO()) as shown, progress_bar(True, 2) as show:
        show(2, {"loss": 0.5})
    assert "2/2" in shown.getvalue()


def completion() -> None:
    arguments = cli.make_parser().parse_args(["completion", "bash"])
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        assert arguments.run(arguments) == 0
    assert "tinygrad-notes" in shown.getvalue()


def figure() -> None:
    train.History([{"epoch": 1, "loss": 0.7}, {"epoch": 2, "loss": 0.5}]).plot().savefig("losses.png")


def checkpoint() -> None:
    train.save("w.safetensors", {"w": np.ones(2, np.complex64)})
    assert train.load("w.safetensors", {"w": np.zeros(2, np.complex64)})["w"].sum() == 2


def photographs() -> None:
    assert course.flower_and_china(0, 4, 2)[0][0].shape == (64 * 64 * 3, 4)


def course_files() -> None:
    if find_spec("h5py") is not None:
        for part in ("train", "test"):
            with import_module("h5py").File(f"{part}_catvnoncat.h5", "w") as file:
                file[f"{part}_set_x"], file[f"{part}_set_y"] = np.ones((4, 2, 2, 3), np.uint8), np.array([0, 1, 1, 0])
    assert course.cats_from_files(".")[0][0].shape == (12, 4)


def formulas() -> None:
    assert "<math" in Site(Path(), {}).math(r"\frac{1}{m}")


def notebook() -> None:
    jupytext, nbclient = import_module("jupytext"), import_module("nbclient")
    book = jupytext.reads("import tinygrad_notes as tn\ntn.grad(lambda x: x * x)(3.0)\n", fmt="py:percent")
    nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    assert "6.0" in str(book.cells[-1].outputs)


def onnx_file() -> None:
    tn.interop.onnx.export(np.tanh, np.ones(3), path="tanh.onnx")
    session = import_module("onnxruntime").InferenceSession("tanh.onnx", providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {session.get_inputs()[0].name: np.ones(3, np.float32)})
    assert np.allclose(y, np.tanh(1), atol=1e-6)


def squares(w: Any, x: Any) -> Any:
    return np.mean((w * x) ** 2)


def cluster() -> None:
    parts = [np.ones(3), 2 * np.ones(3)]
    with contextlib.ExitStack() as stack:
        if find_spec("distributed") is not None:
            distributed = import_module("distributed")
            here = {"n_workers": 1, "processes": False, "dashboard_address": None}
            stack.enter_context(distributed.Client(stack.enter_context(distributed.LocalCluster(**here))))
        value, slope = tn.interop.dask.value_and_grad(squares, parts)(1.0)
    assert np.isclose(value, 2.5)
    assert np.isclose(slope, 5)


def as_networkx() -> None:
    graph = tn.graph(3 * tn.Tensor(5.0, name="a"))
    assert tn.interop.graphs.to_networkx(graph).number_of_nodes() >= 2
    assert "graphml" in tn.interop.graphs.to_graphml(graph)


def zarr_store() -> None:
    if find_spec("zarr") is not None:
        store = import_module("zarr").create_array("X.zarr", shape=(5, 2), chunks=(2, 2), dtype="float64")
        store[:] = 1.0
    assert sum(part()[0].sum() for part in tn.interop.stores.partitions("X.zarr", rows=2)) == 10


def parquet_store() -> None:
    if find_spec("pyarrow") is not None:
        table = import_module("pyarrow").table({"a": np.ones(5), "b": np.ones(5)})
        import_module("pyarrow.parquet").write_table(table, "X.parquet")
    assert sum(part()[0].sum() for part in tn.interop.stores.partitions("X.parquet", rows=2)) == 10


def estimator() -> None:
    X, y = np.arange(20.0).reshape(10, 2), np.arange(10) > 4
    model = tn.interop.sklearn.Classifier(hidden=(4,), epochs=50, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.5


def torch_arrays() -> None:
    assert np.array_equal(tn.interop.torch.from_torch(tn.interop.torch.to_torch(np.arange(3.0))), np.arange(3.0))


def jax_arrays() -> None:
    assert np.array_equal(tn.interop.jax.from_jax(tn.interop.jax.to_jax(np.arange(3.0))), np.arange(3.0))


def strategies() -> None:
    st = import_module("tinygrad_notes.testing.strategies")
    shape = import_module("hypothesis").find(st.shapes(), lambda shape: len(shape) == 2)
    assert len(shape) == 2


def command(*words: str) -> Callable[[], None]:
    """A tool of the project's own: there, and says its version or its help."""

    def run() -> None:
        subprocess.run([sys.executable, "-m", *words], check=True, capture_output=True, timeout=120)

    run.__name__ = words[0]
    return run


USES = (
    Use("draw", ("pygraphviz",), draw),
    Use("scipy", ("scipy",), special),
    Use("scipy", ("scipy",), exact_gelu),
    Use("scipy", ("scipy",), minimize),
    Use("scipy", ("scipy",), football),
    Use("train", ("rich",), bar),
    Use("cli", ("shtab",), completion),
    Use("plot", ("matplotlib",), figure),
    Use("safetensors", ("safetensors",), checkpoint),
    Use("data", ("sklearn", "PIL"), photographs),
    Use("data", ("h5py",), course_files),
    Use("docs", ("latex2mathml",), formulas),
    Use("onnx", ("onnx", "onnxruntime"), onnx_file),
    Use("dask", ("distributed",), cluster),
    Use("networkx", ("networkx",), as_networkx),
    Use("stores", ("zarr",), zarr_store),
    Use("stores", ("pyarrow",), parquet_store),
    Use("sklearn", ("sklearn",), estimator),
    Use("torch", ("torch",), torch_arrays),
    Use("jax", ("jax",), jax_arrays),
    Use("test", ("hypothesis",), strategies),
)
"""What the package does with packages that it does not need."""

TOOLS = (
    Use("docs", ("jupytext", "nbclient", "ipykernel"), notebook),
    Use("docs", ("mkdocs",), command("mkdocs", "--version")),
    Use("cli", ("rich",), bar),
    Use("test", ("pytest",), command("pytest", "--version")),
    Use("test", ("mypy",), command("mypy", "--version")),
    Use("test", ("ruff",), command("ruff", "--version")),
    Use("mutation", ("cosmic_ray",), command("cosmic_ray.cli", "--version")),
    Use("bench", ("autograd", "mygrad", "micrograd", "tinygrad"), lambda: import_module("autograd").grad(np.sin)),
)
"""What the project does with them; without them there is nothing of ours to say so."""

BROUGHT = {"bench": ("jax", "plot", "torch"), "mutation": ("test",)}


def first_graph() -> None:
    """What README does first, which needs no extra."""
    a, b, c = tn.Tensor(5.0, name="a"), tn.Tensor(3.0, name="b"), tn.Tensor(2.0, name="c")
    J = 3 * (a + b * c)
    J.backward()
    assert [t.grad for t in (a, b, c)] == [3, 6, 9]
    tn.graph(J).save("first.svg")
    assert "<svg" in Path("first.svg").read_text(encoding="utf-8")


def is_refused_in_a_line(use: Use) -> None:
    """The error of a package that is missing names this extra (or one that brings the same package) in one line."""
    said = "nothing"
    try:
        use.run()
    except MissingExtraError as error:
        said = str(error)
    assert f"pip install 'tinygrad-notes[{use.extra}]'" in said, f"{use.run.__name__}: {said}"
    assert "\n" not in said, said


def main(extra: str | None) -> None:
    """Try everything in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        first_graph()
        worked, refused = [], []
        mine = {extra, *BROUGHT.get(extra or "", ())}
        for use in (*USES, *TOOLS):
            missing = [package for package in use.packages if find_spec(package) is None]
            if not missing:
                use.run()
                worked.append(use.run.__name__)
            elif use.extra in mine:
                raise AssertionError(f"[{extra}] should bring {', '.join(missing)} for {use.run.__name__}")
            elif use in USES:
                is_refused_in_a_line(use)
                refused.append(use.run.__name__)
        os.chdir("/")
    print(f"{extra or 'no extra'}: works: {', '.join(worked) or '-'}; asks for its extra: {', '.join(refused) or '-'}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
