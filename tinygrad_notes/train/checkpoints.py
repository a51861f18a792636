"""Containers of arrays in safetensors files: plain numbers, no code (never pickle), written whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
import stat
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import common_numbers
from ..errors import BadInputError, DTypeError, ShapeError, describe, missing_extra, user_line
from ..failures import what_is
from ..pytree import flatten, paths, unflatten
from ..tensor import Tensor

__all__ = ["generator_state", "load", "read", "save", "set_generator_state"]

LONGEST_HEADER = 100_000_000
"""Bytes of names and notes that the safetensors format allows."""


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise missing_extra("safetensors", "safetensors", "saving and loading") from error
    return safetensors


def save(path: str | os.PathLike[str], tree: Any, notes: dict[str, Any] | None = None) -> None:
    """Write a model's (or any container's) arrays into one safetensors file.

    The file appears complete or not at all: it is written beside its place, flushed to disk, then renamed. A process
    that is killed while it writes leaves the old file as it was, and ``<name>.….part`` beside it, which may be deleted.

    Parameters
    ----------
    path : str or Path
    tree : container of arrays
    notes : dict, optional
        Anything JSON can hold, kept in the file's header.

    Raises
    ------
    BadInputError
        If two arrays would get one name, the notes are no JSON or too long, or `path` is not a place for a file.
    DTypeError
        For arrays of anything but numbers.
    OSError
        If the disk is full, or the folder is missing or not to be written; the old file stays.
    MissingExtraError
        Without safetensors.

    Examples
    --------
    >>> import tempfile, os
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> save(path, {"W": np.ones((2, 3)), "b": np.zeros(2)})
    >>> load(path, {"W": np.zeros((2, 3)), "b": np.ones(2)})["W"].sum()
    np.float64(6.0)
    """
    library = _safetensors()
    if not isinstance(path, (str, os.PathLike)):
        raise BadInputError(f"a path is a str or a Path, not {what_is(path)}.{user_line()}")
    if not Path(path).parent.is_dir():
        raise BadInputError(f"there is no folder {Path(path).parent}: make it before saving.{user_line()}")
    arrays = {name: _stored(name, leaf) for name, leaf in zip(_names(tree), flatten(tree)[0], strict=True)}
    metadata = {} if notes is None else {"notes": _json(notes)}
    doubles = [name for name, array in arrays.items() if array.dtype == np.complex128]
    if doubles:  # the format ends at complex64: stored as pairs of float64
        metadata["complex128"] = json.dumps(doubles)
        arrays |= {name: np.stack([arrays[name].real, arrays[name].imag], axis=-1) for name in doubles}
    try:
        content = library.numpy.save(arrays, metadata=metadata or None)
    except library.SafetensorError as error:
        raise DTypeError(f"can't save: {error}{user_line()}") from error
    if int.from_bytes(content[:8], "little") > LONGEST_HEADER:
        raise BadInputError(f"names and notes of over {LONGEST_HEADER:,} bytes don't fit into a file.{user_line()}")
    _write_whole(Path(os.path.realpath(path)), content)


def _names(tree: Any) -> list[str]:
    """A file's name for each leaf."""
    names = [name or "value" for name in paths(tree)]
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise BadInputError(f"two arrays would both be called {name!r} in the file; rename one.{user_line()}")
        if name == "__metadata__" or not _is_text(name):
            raise BadInputError(f"an array can't be called {name!r} in a safetensors file.{user_line()}")
        seen.add(name)
    return names


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True


def _stored(name: str, leaf: Any) -> Any:
    what = f"{name} can't be saved: a file holds arrays of common numbers"
    return np.asarray(common_numbers(what, leaf.data if isinstance(leaf, Tensor) else leaf), order="C")


def _json(notes: dict[str, Any]) -> str:
    try:
        return json.dumps(notes)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadInputError(f"notes= must be what JSON can hold: {error}{user_line()}") from error


def _write_whole(path: Path, content: bytes) -> None:
    """Either the old file or the whole new one is there, also after a power cut or ``kill -9``."""
    mode = path.stat().st_mode if path.exists() else None
    if mode is not None and not stat.S_ISREG(mode):
        raise BadInputError(f"{path} is not a file that could be replaced.{user_line()}")
    beside = path.with_name(f"{path.name[:100]}.{secrets.token_hex(8)}.part")
    try:
        with open(beside, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            beside.chmod(stat.S_IMODE(mode))
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # make the new name itself last
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a file of `save`: its arrays by name, and its notes.

    The file need not be trusted: it is data, no code, and what its header claims is checked before it is believed.

    Raises
    ------
    BadInputError
        If it isn't a safetensors file, is damaged, or holds arrays that NumPy has no type for.
    OSError
        If it can't be opened.
    MissingExtraError
        Without safetensors.
    """
    library = _safetensors()
    try:
        _check_names(path)
        with library.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        for name, array in arrays.items():
            if array.dtype.isbuiltin != 1:  # another library has taught NumPy the type
                raise TypeError(f"{name!r} is {array.dtype}, which NumPy has no type for")
        notes = json.loads(metadata.get("notes", "{}"))
        for name in json.loads(metadata.get("complex128", "[]")):
            arrays[name] = _complex(arrays[name])
        if not isinstance(notes, dict):
            raise ValueError("its notes are no JSON object")
    except (library.SafetensorError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        text = str(error).split("\n")[0]
        text = text if text.isprintable() else repr(text)  # it quotes names of the file
        raise BadInputError(f"{os.fspath(path)!r} is not a whole safetensors file: {text}{user_line()}") from error
    return arrays, notes


def _check_names(path: str | os.PathLike[str]) -> None:
    """Refuse what the library lets pass: a name that stands twice in the header (which one would count?)."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError("not a file")
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length <= min(LONGEST_HEADER, os.fstat(file.fileno()).st_size - 8):  # else the library says what is wrong
            json.loads(file.read(length), object_pairs_hook=_each_once)


def _each_once(pairs: list[tuple[str, Any]]) -> None:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError(f"{max(names, key=names.count)!r} stands twice in its header")


def _complex(pairs: Any) -> Any:
    if pairs.dtype != np.float64 or pairs.ndim == 0 or pairs.shape[-1] != 2:
        raise ValueError("what it calls complex is not pairs of float64")
    return pairs.view(np.complex128)[..., 0]


def load(path: str | os.PathLike[str], like: Any) -> Any:
    """Read what `save` wrote, in the structure of `like`.

    Parameters
    ----------
    path : str or Path
    like : container of arrays
        A model of the same structure and shapes, e.g. freshly made; it is not changed.

    Raises
    ------
    ShapeError
        If names or shapes differ, naming the first that does.
    DTypeError
        If the file holds whole numbers where this model has real ones, or complex against real. Its precision is kept.
    BadInputError
        As `read`.

    Examples
    --------
    See `save`.
    """
    return restore(read(path)[0], like, str(path))


def restore(arrays: dict[str, Any], like: Any, source: str) -> Any:
    """`like` with its leaves taken from `arrays` by name."""
    leaves, structure = flatten(like)
    names = _names(like)
    if set(names) != set(arrays):
        missing, extra = sorted(set(names) - set(arrays)), sorted(set(arrays) - set(names))
        raise ShapeError(f"{source} does not hold this model: missing {missing}, too many {extra}.{user_line()}")
    return unflatten(
        structure, [_like(name, arrays[name], leaf, source) for name, leaf in zip(names, leaves, strict=True)]
    )


def _like(name: str, array: Any, leaf: Any, source: str) -> Any:
    value = leaf.data if isinstance(leaf, Tensor) else leaf
    if array.shape != np.shape(value):
        raise ShapeError(f"{name} has shape {array.shape} in {source}, {np.shape(value)} in this model.{user_line()}")
    kind, found = np.asarray(value).dtype.kind, array.dtype.kind
    if (kind == "c") != (found == "c") or (kind == "f" and found in "biu"):
        raise DTypeError(f"{name} is {array.dtype} in {source}, {describe(leaf)} in this model.{user_line()}")
    if isinstance(leaf, Tensor):
        return Tensor(array, leaf.requires_grad, leaf.name)
    if isinstance(leaf, (int, float)) and not isinstance(leaf, np.generic):
        return array.item()
    return array[()] if array.ndim == 0 else array


def generator_state(rng: Any) -> Any:
    """The state of a NumPy generator (new or legacy) as plain numbers, for JSON.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> state = generator_state(rng)
    >>> before = rng.random()
    >>> set_generator_state(rng, state)
    >>> before == rng.random()
    True
    """
    if rng is None:
        return None
    return _plain(rng.get_state(legacy=False) if hasattr(rng, "get_state") else rng.bit_generator.state)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    return value.item() if isinstance(value, np.generic) else value


def set_generator_state(rng: Any, state: Any) -> None:
    """Put a generator back where `generator_state` found it.

    Raises
    ------
    BadInputError
        If the state is not one of this kind of generator.
    """
    if rng is None or state is None:
        return
    try:
        state = _unplain(state)
        if hasattr(rng, "set_state"):
            rng.set_state(state)
        else:
            rng.bit_generator.state = state
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise BadInputError(f"not the state of a {type(rng).__name__}: {error}{user_line()}") from error


def _unplain(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"array", "dtype"}:
            if value["dtype"] not in ("uint8", "uint32", "uint64"):
                raise ValueError("a generator's arrays are unsigned numbers")
            return np.array(value["array"], dtype=value["dtype"])
        return {key: _unplain(v) for key, v in value.items()}
    return value
