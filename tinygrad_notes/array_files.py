"""Arrays from ``.npy`` and ``.npz`` files that somebody else may have made: no pickle, and nothing taken on trust.

A header only says how large the array is; the file has to be that large before any memory is asked for.
"""

from __future__ import annotations

import ast
import math
import os
import stat
import struct
import warnings
import zipfile
import zlib
from typing import IO, Any

import numpy as np

from .errors import BadInputError

__all__ = ["read_array"]

LARGEST_UNPACKED = 1 << 30
"""Bytes that a member of an ``.npz`` may unpack to. The file's own size bounds an ``.npy``, but not these."""

_LONGEST_HEADER = 10_000
_ITEM_SIZES = {"i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8), "c": (8, 16)}


def read_array(path: str | os.PathLike[str], name: str | None = None) -> Any:
    """Read an array of numbers.

    Parameters
    ----------
    path : str or Path
        A ``.npy`` file, or an ``.npz`` of `numpy.savez`.
    name : str, optional
        Which array of an ``.npz``; may be left out if it holds one.

    Returns
    -------
    numpy.ndarray
        In this machine's byte order.

    Raises
    ------
    BadInputError
        If it is no such file, is damaged, or holds anything but numbers; one line.

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "X.npy")
    >>> np.save(path, np.ones((2, 3)))
    >>> read_array(path).shape
    (2, 3)
    """
    shown = printable(os.fspath(path))
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise BadInputError(f"can't read {shown}: not a file")
        with open(path, "rb") as file:
            if file.read(4) == b"PK\x03\x04":
                return _member(file, name)
            if name is not None:
                raise ValueError("only an .npz has arrays with names")
            file.seek(0)
            return _array(file, os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise BadInputError(f"can't read {shown}: {error.strerror or error}") from error
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, struct.error) as error:
        if isinstance(error, BadInputError):
            raise
        raise BadInputError(f"can't read {shown}: {printable(str(error))}") from error


def printable(text: str) -> str:
    r"""The text, or its repr where a terminal would do something with it.

    Examples
    --------
    >>> printable("my file.npy"), printable("two\nlines")
    ('my file.npy', "'two\\nlines'")
    """
    return text if text.isprintable() else repr(text)


def _member(file: IO[bytes], name: str | None) -> Any:
    with zipfile.ZipFile(file) as archive:
        members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
        names = [member.filename.removesuffix(".npy") for member in members]
        if name is None and len(names) != 1:
            raise ValueError(f"it holds {len(names)} arrays ({_listed(names)}); say which: file.npz:name")
        wanted = names[0] if name is None else name
        if names.count(wanted) != 1:
            raise ValueError(f"it holds {names.count(wanted) or 'no'} arrays {wanted!r}, but {_listed(names)}")
        member = members[names.index(wanted)]
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{wanted!r} is not packed as NumPy packs arrays")
        if member.file_size > LARGEST_UNPACKED:
            raise ValueError(f"{wanted!r} unpacks to {member.file_size:,} bytes, more than {LARGEST_UNPACKED:,}")
        with archive.open(member) as unpacked:
            return _array(unpacked, member.file_size)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "") or "none"


def _array(file: IO[bytes], size: int) -> Any:
    """The array of an ``.npy`` of `size` bytes, from its beginning."""
    start = file.read(8)
    if start[:6] != b"\x93NUMPY":
        raise ValueError("it doesn't begin as an .npy file does")
    if len(start) < 8 or start[6] not in (1, 2, 3):
        raise ValueError(f"version {start[6:].hex() or '-'} of .npy is not known")
    width = 2 if start[6] == 1 else 4
    length = int.from_bytes(file.read(width), "little")
    if length > _LONGEST_HEADER:
        raise ValueError(f"its header claims to be {length:,} bytes long")
    dtype, by_columns, shape = _header(file.read(length).decode("utf-8" if start[6] == 3 else "latin-1"))
    needed = math.prod(shape) * dtype.itemsize
    if 8 + width + length + needed != size:
        raise ValueError(f"{dtype} {shape} takes {needed:,} bytes, there are {max(0, size - 8 - width - length):,}")
    content = bytearray(file.read(needed))
    if len(content) != needed:
        raise ValueError("it ends in the middle")
    array = np.frombuffer(content, dtype).reshape(shape, order="F" if by_columns else "C")
    return array.astype(dtype.newbyteorder("="), copy=False)


def _header(text: str) -> tuple[np.dtype[Any], bool, tuple[int, ...]]:
    try:
        with warnings.catch_warnings(action="ignore"):  # of a doubtful escape in it
            fields = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError("its header is damaged") from error
    match fields:
        case {"descr": str(descr), "fortran_order": bool(by_columns), "shape": tuple(shape), **rest} if not rest:
            pass
        case {"descr": list()}:
            raise ValueError("it holds records, not numbers")
        case _:
            raise ValueError("its header is damaged")
    if len(shape) > 32 or any(type(n) is not int or not 0 <= n < 1 << 60 for n in shape):
        raise ValueError(f"its header claims the shape {str(shape)[:60]}")
    if descr[1:] not in {f"{kind}{size}" for kind, sizes in _ITEM_SIZES.items() for size in sizes}:
        what = "Python objects (a pickle, which may run code)" if descr[1:2] == "O" else f"{descr[:20]!r}"
        raise ValueError(f"it holds {what}, not numbers")
    if descr[0] not in "<>|=":
        raise ValueError(f"it holds {descr[:20]!r}, not numbers")
    return np.dtype(descr), by_columns, shape
