"""Memory that a program's next step will want again: `keep_memory`."""

from __future__ import annotations

import ctypes

__all__ = ["keep_memory"]

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # mallopt's names for them, in glibc's malloc.h


def keep_memory(most: int = 1 << 30) -> bool:
    """Let this process keep memory that it has freed, instead of handing it back to the system.

    Each step of a training makes the arrays of its graph anew and frees them at its end. The C library of Linux
    then returns what it can to the kernel, and the next step pays for it again, page by page: up to half of the time
    where arrays have about a megabyte. This call raises the two thresholds of glibc's ``malloc`` that decide it.

    It is for the whole process and stays, so it is yours to make, at the start of a program; importing this package
    never does. The price is that the process's memory does not shrink below its peak.

    Parameters
    ----------
    most : int
        How many freed bytes may be kept, and up to which size an array counts (1 GiB).

    Returns
    -------
    bool
        Whether it was possible: False where the C library isn't glibc, which then needs no such call or has none.

    Examples
    --------
    >>> keep_memory() in (True, False)
    True
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc: musl, macOS, Windows
        return False
    largest = mallopt(MMAP_THRESHOLD, most) or mallopt(MMAP_THRESHOLD, 1 << 25)  # older ones take no more than that
    return bool(largest) and bool(mallopt(TRIM_THRESHOLD, most))
