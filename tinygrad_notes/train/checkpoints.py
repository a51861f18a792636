"""Containers of arrays in safetensors files: plain numbers, no code (never pickle), written whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BadInputError, ShapeError, missing_extra, user_line
from ..pytree import flatten, paths, unflatten

__all__ = ["generator_state", "load", "read", "save", "set_generator_state"]


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise missing_extra("safetensors", "safetensors", "saving and loading") from error
    return safetensors


def save(path: str | os.PathLike[str], tree: Any, notes: dict[str, Any] | None = None) -> None:
    """Write a model's (or any container's) arrays into one safetensors file.

    The file appears complete or not at all: it is written beside its place, flushed to disk, then renamed.

    Parameters
    ----------
    path : str or Path
    tree : container of arrays
    notes : dict, optional
        Anything JSON can hold, kept in the file's header.

    Raises
    ------
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
    arrays = {name: np.asarray(leaf, order="C") for name, leaf in zip(paths(tree), flatten(tree)[0], strict=True)}
    arrays = {name or "value": array for name, array in arrays.items()}
    metadata = None if notes is None else {"notes": json.dumps(notes)}
    _write_whole(Path(path), library.numpy.save(arrays, metadata=metadata))


def _write_whole(path: Path, content: bytes) -> None:
    """Either the old file or the whole new one is there, also after a power cut or ``kill -9``."""
    import tempfile

    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=path.name + ".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    if os.name == "posix":  # make the new name itself last
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a file of `save`: its arrays by name, and its notes.

    Raises
    ------
    BadInputError
        If it isn't a safetensors file.
    MissingExtraError
        Without safetensors.
    """
    library = _safetensors()
    try:
        with library.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except library.SafetensorError as error:
        raise BadInputError(f"{path} is not a whole safetensors file: {error}{user_line()}") from error
    return arrays, json.loads(metadata.get("notes", "{}"))


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

    Examples
    --------
    See `save`.
    """
    return restore(read(path)[0], like, str(path))


def restore(arrays: dict[str, Any], like: Any, source: str) -> Any:
    """`like` with its leaves taken from `arrays` by name."""
    leaves, structure = flatten(like)
    names = [name or "value" for name in paths(like)]
    if set(names) != set(arrays):
        missing, extra = sorted(set(names) - set(arrays)), sorted(set(arrays) - set(names))
        raise ShapeError(f"{source} does not hold this model: missing {missing}, too many {extra}.{user_line()}")
    return unflatten(
        structure, [_like(name, arrays[name], leaf, source) for name, leaf in zip(names, leaves, strict=True)]
    )


def _like(name: str, array: Any, leaf: Any, source: str) -> Any:
    if array.shape != np.shape(leaf):
        raise ShapeError(f"{name} has shape {array.shape} in {source}, {np.shape(leaf)} in this model.{user_line()}")
    if isinstance(leaf, (int, float)) and not isinstance(leaf, np.generic):
        return type(leaf)(array[()])
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
    """Put a generator back where `generator_state` found it."""
    if rng is None or state is None:
        return
    state = _unplain(state)
    if hasattr(rng, "set_state"):
        rng.set_state(state)
    else:
        rng.bit_generator.state = state


def _unplain(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"array", "dtype"}:
            return np.array(value["array"], dtype=value["dtype"])
        return {key: _unplain(v) for key, v in value.items()}
    return value
