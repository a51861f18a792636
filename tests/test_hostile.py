"""Input that means harm: formulas, values, files, names. Each is refused in one line, or is data and nothing else."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
import tracemalloc
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_notes import Tensor, optim, train
from tinygrad_notes.array_files import LARGEST_UNPACKED, read_array
from tinygrad_notes.cli import main
from tinygrad_notes.errors import BadInputError, DTypeError, ShapeError
from tinygrad_notes.expressions import parse, read_value

HERE = Path(__file__).parent
CORPUS = HERE / "fuzzers" / "corpus"
sys.path.insert(0, str(HERE / "fuzzers"))
from targets import TARGETS, seeds  # noqa: E402

# ── what the fuzzers keep ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus(target: str) -> None:
    kept = sorted((CORPUS / target).iterdir())
    assert len(kept) >= len(set(seeds()[target]))
    for file in kept:
        TARGETS[target](file.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_damaged_seeds(target: str) -> None:
    """Every prefix of every seed, and seeds with a byte changed: a small fuzzer that needs nothing installed."""
    rng = np.random.default_rng(0)
    for seed in seeds()[target]:
        for end in range(0, len(seed), max(1, len(seed) // 25)):
            TARGETS[target](seed[:end])
        for _ in range(25):
            damaged = bytearray(seed)
            damaged[rng.integers(len(seed))] = rng.integers(256)
            TARGETS[target](bytes(damaged))


# ── formulas ─────────────────────────────────────────────────────────────────────────────────────────────────────

HUNDRED = str(list(range(1, 101)))
FORMULAS = [
    ("9**9**9 * a", "9 ** 9 ** 9': the number is too large"),
    ("a * 1" + "0" * 400, "the number is too large"),
    ("a * 1" + "0" * 5000, "can't read the formula"),
    ("'a' * 10**9 * a", "not allowed"),
    ("a.__class__.__mro__", "not allowed"),
    ("a.__class__", "not allowed"),
    ("a._value", "not allowed"),
    ("a.\uff3f\uff3fclass\uff3f\uff3f", "can't read the formula"),
    ("a.data", "not allowed"),
    ("a.tofile('/tmp/owned')", "not a function"),
    ("a.dump('x')", "not a function"),
    ("np.load('x') * a", "not a function"),
    ("np.linalg.norm(a)", "not a function"),
    ("__import__('os').system('true')", "not a function"),
    ("eval('1') * a", "not a function"),
    ("().__class__", "not allowed"),
    ("(lambda: a)()", "not allowed"),
    ("[x for x in a]", "not allowed"),
    ("a if a else a", "not allowed"),
    ("(b := a)", "not allowed"),
    ("f'{a}'", "not allowed"),
    ("a; import os", "not allowed"),
    ("a[0] = 1", "not allowed"),
    ("a[9**9]", "not allowed"),
    ("sum(*a)", "not allowed"),
    ("sum(a, **a)", "not allowed"),
    ("sum(a, axis=a)", "not allowed"),
    ("sum(a, out=a)", "not allowed"),
    ("einsum('i,i', a, a, optimize='x')", "not allowed"),
    ("a \x00", "can't read the formula"),
    ("a \x1b[31m", "can't read the formula"),
    ("a\n*2", "not allowed"),
    ("\udcff * a", "can't read the formula"),
    ("\u0430 * a", "give \u0430 (CYRILLIC SMALL LETTER A) a value"),
    ("a" + ".T" * 300, "nested too deeply"),
    ("a" + "[0]" * 300, "nested too deeply"),
    ("a" + " * a" * 400, "nested too deeply"),
    ("(" * 3000 + "a" + ")" * 3000, "can't read the formula"),
    ("- " * 3000 + "a", ""),
    ("a[" + "(" * 3000 + "]", "can't read the formula"),
    ("reshape(a, (10**9,))", "not allowed"),
    ("reshape(a, (9" + "9" * 30 + ",))", "reshape(a"),
    ("sum(a[" + "None, " * 90 + "])", "a[None"),
    ("sum(a, axis=" + "9" * 30 + ")", "sum(a"),
    (f"u = outer(a, {HUNDRED}); u", "not allowed"),
    ("a" * 10_001, "10,001 characters"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), FORMULAS, ids=[ascii(text)[:30] for text, _ in FORMULAS])
def test_hostile_formulas_are_refused_in_one_line(text: str, said: str) -> None:
    start = time.perf_counter()
    with pytest.raises(BadInputError) as caught:
        parse(text).run({"a": Tensor(2.0)})
    error = str(caught.value)
    assert said in error
    assert "\n" not in error
    assert len(error) < 500
    assert time.perf_counter() - start < 20


def test_transposes_are_computed_once_each() -> None:
    """Twice each would be 2⁶⁰ times."""
    assert parse("a" + ".T" * 60).run({"a": np.ones((1, 2))})["J"].shape == (1, 2)


LARGE = [
    "u = outer(a, a); v = outer(u, u); w = outer(v, v); sum(w)",
    "einsum('i,j,k,l,m->', a, a, a, a, a)",
    "einsum('...,i,j,k->...ijk', a, a, a, a)",
    "a.einsum('i,i', a)",
    "; ".join(f"u{i} = outer(outer(a, a), a)" for i in range(200)),
    "u = a[:, None] * a[None, :]; v = u[:, :, None, None] * u[None, None]; sum(v)",
    "u = outer(a, a).reshape(-1); tril(u)",
    "u = outer(a, a).reshape(-1); v = stack((" + "u, " * 20 + ")); matmul(v.T, v) @ v.T @ v",
]


@pytest.mark.parametrize("text", LARGE, ids=[text[:30] for text in LARGE])
def test_memory_and_time_of_a_formula_are_bounded(text: str) -> None:
    start = time.perf_counter()
    tracemalloc.start()
    try:
        with pytest.raises(BadInputError):
            parse(text).run({"a": np.linspace(1, 2, 200)})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 30
    assert time.perf_counter() - start < 60


def test_ordinary_products_are_not_refused() -> None:
    values = {"X": np.ones((300, 2000)), "w": np.ones((300, 1)), "Y": np.ones((1, 2000)), "B": np.ones((500, 3, 4))}
    found = parse("J = mean((w.T @ X - Y)**2) + sum(B.reshape((500, 4, 3)) @ B) + einsum('ij,ij->', X, X)").run(values)
    assert np.isfinite(found["J"])


def test_names_are_read_as_python_reads_them(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["draw", "ﬁ * 2", "ﬁ=3", "-o", str(tmp_path / "J.dot")]) == 0
    assert "fi = 6" in capsys.readouterr().out


VALUES = [
    "9**9",
    "'x'",
    "[1, [2]]",
    "[" * 2000,
    "[[" * 100 + "]]" * 100,
    "{}",
    "{1: 2}",
    "None",
    "__import__('os')",
    "1" * 5000,
    "1" + "0" * 400,
    "[True]",
    "b'x'",
    "\x00",
    "1;2",
    "\udcff",
    "[1," * 30,
    "'\\d'",
    "a" * 1_000_001,
]


@pytest.mark.parametrize("text", VALUES, ids=[ascii(text)[:20] for text in VALUES])
def test_hostile_values_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(BadInputError) as caught:
        read_value(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


# ── array files ──────────────────────────────────────────────────────────────────────────────────────────────────


def npy(header: str, data: bytes = bytes(64), version: int = 1) -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(2 if version == 1 else 4, "little") + text + data


def fields(descr: str = "'<f8'", shape: str = "(8,)", order: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


def pickled() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([{}], dtype=object), allow_pickle=True)
    return file.getvalue()


def packed(content: bytes, name: str = "X.npy", **options: Any) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content, **options)
    return file.getvalue()


def twice() -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w") as archive:
        warnings.simplefilter("ignore")
        for _ in range(2):
            archive.writestr("X.npy", npy(fields()))
    return file.getvalue()


def lying_size() -> bytes:
    """An archive whose member claims to unpack to 4 GB."""
    content = bytearray(packed(npy(fields())))
    directory = content.index(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = (0xFFFFFFF0).to_bytes(4, "little")
    return bytes(content)


FILES = {
    "empty": (b"", "doesn't begin"),
    "cut": (b"\x93NUMPY", "version - of .npy"),
    "version": (npy(fields(), version=9), "version 09"),
    "pickle": (pickled(), "Python objects (a pickle"),
    "records": (npy(fields("[('a', '<f4')]")), "records"),
    "text": (npy(fields("'<U4'")), "'<U4', not numbers"),
    "times": (npy(fields("'<M8[s]'")), "not numbers"),
    "void": (npy(fields("'|V0'")), "not numbers"),
    "long double": (npy(fields("'<f16'")), "not numbers"),
    "code": (npy("__import__('os').system('true')"), "header is damaged"),
    "extra": (npy(fields().replace("}", "'x': 1}")), "header is damaged"),
    "deep": (npy("(" * 5000), "header is damaged"),
    "huge": (npy(fields(shape="(10000000000,)")), "takes 80,000,000,000 bytes"),
    "overflow": (npy(fields(shape=f"({2**61}, 8)")), "claims the shape"),
    "product": (npy(fields(shape=f"({2**40}, {2**40})")), "takes"),
    "negative": (npy(fields(shape="(-1,)")), "claims the shape"),
    "true": (npy(fields(shape="(True,)")), "claims the shape"),
    "axes": (npy(fields(shape="(" + "1," * 60 + ")")), "claims the shape"),
    "too short": (npy(fields(shape="(9,)")), "takes 72 bytes, there are 64"),
    "too long": (npy(fields(shape="(7,)")), "takes 56 bytes, there are 64"),
    "long header": (npy(fields() + " " * 20_000), "header claims to be"),
    "lying header": (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "header claims to be"),
    "no array": (packed(b"", "readme.txt"), "holds 0 arrays"),
    "two of a name": (twice(), "holds 2 arrays"),
    "lying size": (lying_size(), "unpacks to 4,294,967,280 bytes"),
    "bomb": (packed(npy(fields(shape=f"({10**9},)"), bytes(10**7))), "takes 8,000,000,000 bytes"),
    "cut archive": (packed(npy(fields()))[:-30], ""),
    "not an archive": (b"PK\x03\x04" + bytes(100), ""),
}


@pytest.mark.parametrize("case", FILES)
def test_hostile_array_files_are_refused_in_one_line(tmp_path: Path, case: str) -> None:
    content, said = FILES[case]
    path = tmp_path / "X.npz"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(BadInputError) as caught:
            read_array(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert peak < 4_000_000


def test_a_packed_array_is_at_most_a_gigabyte() -> None:
    assert LARGEST_UNPACKED == 1 << 30


@pytest.mark.skipif(sys.platform == "win32", reason="files of POSIX")
def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.npy")
    for path in (tmp_path / "pipe.npy", tmp_path, Path("/dev/zero")):
        with pytest.raises(BadInputError, match="not a file"):
            read_array(path)
    with pytest.raises(BadInputError, match="No such file"):
        read_array(tmp_path / "gone.npy")


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", ">c16", "<c8", "<i2", ">u8", "|u1", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_come_back_as_they_were(tmp_path: Path, dtype: str, order: Any) -> None:
    array = np.asarray(np.arange(6).reshape(2, 3).astype(dtype), order=order)
    np.save(tmp_path / "X.npy", array)
    np.savez(tmp_path / "one.npz", X=array)
    np.savez_compressed(tmp_path / "two.npz", X=array, Y=array[:1])
    for found in (
        read_array(tmp_path / "X.npy"),
        read_array(tmp_path / "one.npz"),
        read_array(tmp_path / "two.npz", "X"),
    ):
        assert np.array_equal(found, array)
        assert found.dtype == array.dtype.newbyteorder("=")
        found[0, 0] = 1
    assert read_value(f"{tmp_path / 'two.npz'}:Y").shape == (1, 3)
    with pytest.raises(BadInputError, match=r"holds 2 arrays \(X, Y\); say which"):
        read_value(str(tmp_path / "two.npz"))
    with pytest.raises(BadInputError, match="holds no arrays 'Z', but X, Y"):
        read_value(f"{tmp_path / 'two.npz'}:Z")
    with pytest.raises(BadInputError, match=r"only an \.npz has arrays with names"):
        read_array(tmp_path / "X.npy", "X")


# ── safetensors ──────────────────────────────────────────────────────────────────────────────────────────────────


def tensors(header: Any, data: bytes = bytes(16), length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def one(dtype: str = "F64", shape: Any = (2,), offsets: Any = (0, 16)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


TWO_NAMES = (
    b'{"w":{"dtype":"F64","shape":[2],"data_offsets":[0,16]},"w":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}}'
)
STORED = {
    "empty": b"",
    "short": b"abc",
    "huge header": tensors(b"{}", length=2**63),
    "long header": tensors(b"{}", length=99_000_000),
    "no json": tensors(b"{"),
    "deep json": tensors(b"[" * 100_000),
    "no utf-8": tensors(b'{"\xff":1}'),
    "list": tensors([]),
    "out of range": tensors({"w": one(offsets=(0, 16))}, bytes(8)),
    "control characters": tensors({"w\x7f\x1b[31m": one(offsets=(8, 24))}, bytes(24)),
    "hole": tensors({"w": one(offsets=(8, 24))}, bytes(24)),
    "overlap": tensors({"w": one(), "v": one(offsets=(8, 24))}, bytes(24)),
    "backwards": tensors({"w": one(offsets=(16, 0))}),
    "negative": tensors({"w": one(shape=(-2,))}),
    "size": tensors({"w": one(shape=(3,))}),
    "f32": tensors({"w": one("F32")}),
    "overflow": tensors({"w": one(shape=(2**62, 4))}),
    "unknown dtype": tensors({"w": one("X9")}),
    "bfloat16": tensors({"w": one("BF16", (8,))}),
    "float8": tensors({"w": one("F8_E4M3", (16,))}),
    "two names": tensors(TWO_NAMES),
    "two notes": tensors(b'{"__metadata__":{"notes":"{}","notes":"{}"}}', b""),
    "more bytes": tensors({"w": one()}, bytes(24)),
    "notes": tensors({"__metadata__": {"notes": "{"}, "w": one()}),
    "deep notes": tensors({"__metadata__": {"notes": "[" * 99_999}}, b""),
    "notes list": tensors({"__metadata__": {"notes": "[]"}, "w": one()}),
    "complex": tensors({"__metadata__": {"complex128": '["gone"]'}, "w": one()}),
    "complex shape": tensors({"__metadata__": {"complex128": '["w"]'}, "w": one("I64")}),
}


@pytest.mark.parametrize("case", ["bfloat16", "float8"])
def test_types_that_another_library_taught_numpy_are_refused_all_the_same(tmp_path: Path, case: str) -> None:
    pytest.importorskip("ml_dtypes")
    test_lying_safetensors_are_refused_in_one_line(tmp_path, case)


@pytest.mark.parametrize("case", STORED)
def test_lying_safetensors_are_refused_in_one_line(tmp_path: Path, case: str) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(STORED[case])
    tracemalloc.start()
    try:
        with pytest.raises(BadInputError, match="is not a whole safetensors file: ") as caught:
            train.load(path, {"w": np.zeros(2)})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(str(caught.value).splitlines()) == 2  # and where it was called
    assert str(caught.value).split("\n")[0].isprintable()
    assert peak < 8_000_000


def test_other_numbers_than_the_models_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    for held, like in ((np.ones(2, int), np.ones(2)), (np.ones(2) > 0, np.ones(2)), (np.ones(2) * 1j, np.ones(2)),
                       (np.ones(2), np.ones(2) * 1j)):  # fmt: skip
        train.save(path, {"w": held})
        with pytest.raises(DTypeError, match=r"w is .* in .*m\.safetensors"):
            train.load(path, {"w": like})
    train.save(
        path, {"w": np.ones(2, np.complex64), "v": np.array([1j, 2.0]), "t": Tensor([3.0], name="t"), "k": 2, "x": 0.5}
    )
    back = train.load(
        path, {"w": np.zeros(2, np.complex64), "v": np.zeros(2, complex), "t": Tensor([0.0], name="t"), "k": 0, "x": 1}
    )
    assert back["v"].tolist() == [1j, 2.0]
    assert (back["t"].name, back["t"].data.tolist(), back["k"], back["x"]) == ("t", [3.0], 2, 0.5)


def test_names_that_would_meet_in_a_file_are_refused(tmp_path: Path) -> None:
    for tree in ({"a.b": 1.0, "a": {"b": 2.0}}, {"": 1.0, "value": 2.0}):
        with pytest.raises(BadInputError, match="two arrays would both be called"):
            train.save(tmp_path / "m", tree)
    for name in ("__metadata__", "\ud800"):
        with pytest.raises(BadInputError, match="can't be called"):
            train.save(tmp_path / "m", {name: 1.0})
    for value in ("text", np.array([None]), np.ones(1, np.longdouble)):
        with pytest.raises(DTypeError, match="w can't be saved"):
            train.save(tmp_path / "m", {"w": value})
    with pytest.raises(BadInputError, match="what JSON can hold"):
        train.save(tmp_path / "m", {"w": 1.0}, {"note": object()})
    assert list(tmp_path.iterdir()) == []


def edited(path: Path, **notes: Any) -> None:
    arrays, before = train.checkpoints.read(path)
    train.save(path, {name: array for name, array in arrays.items() if name != "order"} | {"order": arrays["order"]},
               {**before, **notes})  # fmt: skip


EDITS: list[dict[str, Any]] = [
    {"epoch": -1},
    {"epoch": "1"},
    {"start": 1},
    {"start": 10**9},
    {"steps": 1.5},
    {"total": None},
    {"rows": {}},
    {"rows": [1]},
    {"rows": [{}]},
    {"run": None},
    {"generator": {"bit_generator": "MT19937"}},
    {"generator": 3},
    {"generator": {"state": []}},
    {"generator": {"array": [1], "dtype": "V999999999"}},
    {"best": "x"},
    {"waited": None},
]


@pytest.mark.parametrize("notes", EDITS, ids=lambda notes: str(notes)[:40])
def test_a_forged_checkpoint_is_refused(tmp_path: Path, notes: dict[str, Any]) -> None:
    path = tmp_path / "run.safetensors"
    generator = np.random.default_rng(0)

    def go() -> train.Fit:
        return train.fit(
            lambda p, X: np.mean((p["w"] - X) ** 2),
            {"w": np.zeros((1, 1))},
            np.ones((1, 6)),
            optim.SGD(0.1),
            epochs=2,
            batch_size=2,
            rng=generator,
            checkpoint=path,
        )

    go()
    edited(path, **notes)
    before = generator.bit_generator.state
    with pytest.raises(BadInputError):
        go()
    assert generator.bit_generator.state == before


def test_a_model_is_not_a_checkpoint_of_a_run(tmp_path: Path) -> None:
    train.save(tmp_path / "m", {"w": np.zeros(1)})
    with pytest.raises(BadInputError, match="is not a checkpoint of fit"):
        train.fit(
            lambda p, X: np.mean(p["w"] * X),
            {"w": np.zeros(1)},
            np.ones((1, 3)),
            optim.SGD(0.1),
            checkpoint=tmp_path / "m",
        )
    with pytest.raises(ShapeError, match="missing"):
        train.load(tmp_path / "m", {"v": np.zeros(1)})


WITHIN_3_GB = """
import resource, runpy
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
runpy.run_module("tinygrad_notes", run_name="__main__")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
def test_the_command_stays_small_and_quick(tmp_path: Path) -> None:
    """In a process that may hold 3 GB: a refusal, and no traceback."""
    np.save(tmp_path / "a.npy", np.ones(2000))
    text = "u = outer(a, a); v = outer(u, u); sum(v)"
    done = subprocess.run(
        [sys.executable, "-c", WITHIN_3_GB, "draw", text, "a=a.npy"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "would be computed" in done.stderr
