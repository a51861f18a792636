"""Data on disk as partitions: small loaders that any process can call, so that no process holds it all.

    parts = partitions("X.npy", "Y.npy", rows=10_000)
    X, Y = parts[0]()

A loader reads its rows and nothing else: ``.npy`` by seeking, ``.zarr`` by chunks, ``.parquet`` by row groups.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import need_count
from ..errors import BadInputError, DTypeError, ShapeError, missing_extra, user_line
from ..failures import NUMBERS, what_is

__all__ = ["Part", "partitions"]


@dataclass(frozen=True)
class Part:
    """Rows `start` to `stop` of some files; calling it reads them.

    Attributes
    ----------
    paths : tuple of str
    start, stop : int
    columns : tuple of str
        Of a Parquet file; the others ignore it.
    as_columns : bool
        Examples as columns: each array is transposed.
    """

    paths: tuple[str, ...]
    start: int
    stop: int
    columns: tuple[str, ...] = ()
    as_columns: bool = False

    def __call__(self) -> tuple[Any, ...]:
        """The arrays of these rows, one per file."""
        arrays = [_read(path, self.start, self.stop, self.columns) for path in self.paths]
        return tuple(np.ascontiguousarray(a.T) for a in arrays) if self.as_columns else tuple(arrays)

    def __len__(self) -> int:
        return self.stop - self.start


def partitions(
    *paths: str | os.PathLike[str], rows: int, columns: tuple[str, ...] = (), as_columns: bool = False
) -> list[Part]:
    """Divide files of equally many rows into partitions.

    Parameters
    ----------
    *paths : str or Path
        ``.npy`` (row-major), ``.zarr`` or ``.parquet``, with an example in each row.
    rows : int
        Rows of a partition; the last one may be shorter.
    columns : tuple of str
        Columns of a Parquet file; all by default.
    as_columns : bool
        Give arrays with an example in each column, ``(features, rows)``, as the notes have it.

    Returns
    -------
    list of Part

    Raises
    ------
    BadInputError
        For another kind of file, or rows < 1.
    DTypeError
        For an .npy file that doesn't hold numbers.
    ShapeError
        If the files have not equally many rows.
    MissingExtraError
        Without zarr or pyarrow, where the file needs it.

    Examples
    --------
    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "X.npy")
    >>> np.save(path, np.arange(10.0).reshape(5, 2))
    >>> [part()[0].tolist() for part in partitions(path, rows=2)]
    [[[0.0, 1.0], [2.0, 3.0]], [[4.0, 5.0], [6.0, 7.0]], [[8.0, 9.0]]]
    """
    need_count("rows", rows, 1)
    if not paths:
        raise BadInputError(f"partitions needs a file: partitions('X.npy', rows=10_000).{user_line()}")
    for path in paths:
        if not isinstance(path, (str, os.PathLike)):
            raise BadInputError(f"a path is a str or a Path, not {what_is(path)}.{user_line()}")
    names = tuple(os.fspath(path) for path in paths)
    lengths = [_length(name) for name in names]
    if len(set(lengths)) > 1:
        shown = ", ".join(f"{name} has {n}" for name, n in zip(names, lengths, strict=True))
        raise ShapeError(f"the files have not equally many rows: {shown}.{user_line()}")
    return [
        Part(names, start, min(start + rows, lengths[0]), tuple(columns), as_columns)
        for start in range(0, lengths[0], rows)
    ]


def _length(path: str) -> int:
    suffix = Path(path).suffix
    if suffix == ".npy":
        with open(path, "rb") as file:
            return int(_header(file)[0][0])
    if suffix == ".zarr":
        return int(_zarr(path).shape[0])
    if suffix == ".parquet":
        return int(_parquet(path).metadata.num_rows)
    raise BadInputError(f"{path}: known are .npy, .zarr and .parquet.{user_line()}")


def _read(path: str, start: int, stop: int, columns: tuple[str, ...]) -> Any:
    suffix = Path(path).suffix
    if suffix == ".npy":
        return _read_npy(path, start, stop)
    if suffix == ".zarr":
        return np.asarray(_zarr(path)[start:stop])
    return _read_parquet(path, start, stop, columns)


def _header(file: Any) -> tuple[tuple[int, ...], Any]:
    """Shape and dtype; the file is left at its first number."""
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except ValueError as error:
        raise BadInputError(f"{file.name} is no whole .npy file: write it with np.save.{user_line()}") from error
    if fortran or not shape:
        raise BadInputError(
            f"{file.name} is not stored row by row: np.save(path, np.ascontiguousarray(X)).{user_line()}"
        )
    if dtype.kind not in NUMBERS:
        raise DTypeError(f"{file.name} holds {dtype}, not numbers: np.save(path, X.astype(float)).{user_line()}")
    return shape, dtype


def _read_npy(path: str, start: int, stop: int) -> Any:
    with open(path, "rb") as file:
        shape, dtype = _header(file)
        width = int(np.prod(shape[1:]))
        file.seek(start * width * dtype.itemsize, os.SEEK_CUR)
        return np.fromfile(file, dtype, (stop - start) * width).reshape(stop - start, *shape[1:])


def _zarr(path: str) -> Any:
    try:
        import zarr
    except ImportError as error:
        raise missing_extra("zarr", "stores", f"reading {path}") from error
    return zarr.open_array(path, mode="r")


def _parquet(path: str) -> Any:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise missing_extra("pyarrow", "stores", f"reading {path}") from error
    return parquet.ParquetFile(path)


def _read_parquet(path: str, start: int, stop: int, columns: tuple[str, ...]) -> Any:
    """Only the row groups that hold these rows; one column gives a vector, several a matrix."""
    file = _parquet(path)
    try:
        sizes = [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)]
        ends = np.cumsum(sizes)
        chosen = [k for k, end in enumerate(ends) if end > start and end - sizes[k] < stop]
        table = file.read_row_groups(chosen, columns=list(columns) or None)
    finally:
        file.close()
    first = int(ends[chosen[0]] - sizes[chosen[0]])
    table = table.slice(start - first, stop - start)
    arrays = [table[name].to_numpy() for name in (columns or table.column_names)]
    return np.array(arrays[0]) if len(arrays) == 1 else np.stack(arrays, axis=1)
