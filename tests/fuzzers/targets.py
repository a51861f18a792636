"""What the fuzzers throw bytes at: each target takes any bytes, and fails if anything but our own refusal comes out.

``run_fuzzer.py`` runs them under atheris; `test_hostile.py` runs them on the kept corpus.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import unicodedata
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_notes import Tensor, optim, train
from tinygrad_notes.array_files import read_array
from tinygrad_notes.errors import BadInputError, DTypeError, NonFiniteLossError, ShapeError
from tinygrad_notes.expressions import FUNCTIONS, parse, read_value

__all__ = ["TARGETS"]

SHAPES: tuple[tuple[int, ...], ...] = ((), (3,), (2, 2), (3, 1))
FOLDER = Path(tempfile.mkdtemp(prefix="fuzz", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
TOKENS = (
    *"aabbccdJ0123459", *"+-*/@()[],;:=.' \n", "**", "**", ".T", "(a)", "(b, c)", "[0]", "[:, None]", "1e3", "2.5",
    "-1", "pi", "np.", "axis=", "0", "keepdims=True", "None", "reshape(", "einsum('ij,j->i', ", "einsum('i,i', ",
    "stack((", "where(", "clip(", ".sum()", "outer(", "dot(", "softmax(", "logsumexp(", "tril(", "cumsum(", "sort(",
    "max(", "J = ",
    *(f"{name}(" for name in FUNCTIONS),
)  # fmt: skip
"""What `tokens` makes formulas of: bytes alone hardly ever hit on a name."""


def refused_in_one_line(error: BadInputError) -> None:
    first, *rest = str(error).split("\n")
    assert first, "the error says nothing"
    assert not any(unicodedata.category(c) == "Cc" for c in first), f"control characters in {first!r}"
    assert len(first) < 2_000, f"{len(first)} characters of error"
    assert len(rest) <= 1, f"more than a line and a place: {error}"


def formula(data: bytes) -> None:
    """A formula is refused in one line, or has the same value on arrays as on Tensors, and derivatives."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        program = parse(text)
        rng = np.random.default_rng(0)
        arrays = {name: rng.normal(size=SHAPES[i % len(SHAPES)])[()] for i, name in enumerate(program.names)}
        plain = program.run(arrays)[program.result]
        J = program.run({name: Tensor(array) for name, array in arrays.items()})[program.result]
    except BadInputError as error:
        refused_in_one_line(error)
        return
    value = J.data if isinstance(J, Tensor) else J
    assert np.array_equal(np.asarray(plain), np.asarray(value), equal_nan=True), f"{plain} is not {value}"
    if isinstance(J, Tensor) and J.node is not None and J.size == 1:
        J.backward(np.ones(J.shape))


def tokens(data: bytes) -> None:
    """`formula`, each byte a word of the language."""
    formula("".join(TOKENS[byte % len(TOKENS)] for byte in data).encode())


def value(data: bytes) -> None:
    """A value is refused in one line, or is numbers."""
    text = data.decode("utf-8", "surrogateescape")
    if ".np" in text:
        return  # a file's name: `array_file` is for those
    try:
        array = read_value(text)
    except BadInputError as error:
        refused_in_one_line(error)
        return
    assert array.dtype.kind in "fc"


def array_file(data: bytes) -> None:
    """An ``.npy`` or ``.npz`` is refused in one line, or is numbers, no more of them than the file accounts for."""
    path = FOLDER / "X.npz"
    path.write_bytes(data)
    try:
        array = read_array(path)
    except BadInputError as error:
        refused_in_one_line(error)
        return
    assert array.dtype.kind in "iufc"
    assert array.dtype.isnative
    if not data.startswith(b"PK"):
        assert array.nbytes <= len(data)


def loss(p: Any, X: Any) -> Any:
    return np.mean((p["w"] - X) ** 2)


def checkpoint(data: bytes) -> None:
    """A model or a training run is refused, or loaded and continued; nothing else."""
    path = FOLDER / "run.safetensors"
    path.write_bytes(data)
    try:
        train.load(path, {"w": np.zeros(2)})
    except BadInputError as error:
        refused_in_one_line(error)
        return
    except (ShapeError, DTypeError):
        pass
    try:
        train.fit(
            loss, {"w": np.zeros((2, 1))}, np.ones((2, 5)), optim.SGD(0.1, momentum=0.9), epochs=3, batch_size=2,
            rng=np.random.default_rng(0), checkpoint=path,
        )  # fmt: skip
    except BadInputError as error:
        refused_in_one_line(error)
    except (ShapeError, DTypeError, NonFiniteLossError):
        pass


def quiet(target: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """The target, without NumPy's warnings about numbers that were drawn to be odd."""

    def run(data: bytes) -> None:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", category=RuntimeWarning)
            target(data)

    return run


TARGETS = {target.__name__: quiet(target) for target in (formula, tokens, value, array_file, checkpoint)}


def seeds() -> dict[str, list[bytes]]:
    """Where the fuzzers start from."""
    path = FOLDER / "seed"
    files = []
    for array in (np.ones((2, 3)), np.arange(4, dtype=">i2"), np.asfortranarray(np.ones((2, 2), np.complex64)), 1.5):
        with open(path, "wb") as file:
            np.save(file, array)
        files.append(path.read_bytes())
    for save in (np.savez, np.savez_compressed):
        with open(path, "wb") as file:
            save(file, X=np.ones(3))
        files.append(path.read_bytes())
    models = []
    train.save(path, {"w": np.ones(2)}, {"epoch": 1})
    models.append(path.read_bytes())
    train.save(path, {"w": np.ones(2) * 1j})
    models.append(path.read_bytes())
    os.remove(path)
    train.fit(loss, {"w": np.zeros((2, 1))}, np.ones((2, 5)), optim.SGD(0.1, momentum=0.9), epochs=1, batch_size=2,
              rng=np.random.default_rng(0), checkpoint=path)  # fmt: skip
    models.append(path.read_bytes())
    formulas = (
        "3*(a + b*c)", "u = b*c; v = a + u; J = 3*v", "mean((w.T @ X - Y)**2)", "sum(sigmoid(a)[0:2, None])",
        "einsum('ij,j->i', c, exp(b)).sum(axis=0, keepdims=True)", "np.where(a, b, -c) / 2e3", "reshape(c, (4, -1))",
        "9**9**9", "a.__class__", "stack((a, 1.5))", "max(b) + softmax(c).T", "(lambda: 0)()", "'a'*10**9",
        "outer(b, b)",
    )  # fmt: skip
    values = ("5", "[1, 2.5]", "[[1, 2], [3, -4e-3]]", "1+2j", "'x'", "[[1], [2, 3]]", "{}", "9" * 400)
    return {
        "formula": [text.encode() for text in formulas],
        "tokens": [bytes(range(i, i + 8)) for i in range(0, len(TOKENS), 8)],
        "value": [text.encode() for text in values],
        "array_file": files,
        "checkpoint": models,
    }
