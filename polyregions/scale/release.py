"""Memory given back to the system from the front of an array that stays in use."""

from __future__ import annotations

import ctypes
import mmap
import sys
from typing import Any

from numpy.typing import NDArray

__all__ = ["release"]

_DONTNEED = 4  # MADV_DONTNEED of Linux


def release(array: NDArray[Any], start: int, stop: int) -> None:
    """Give back the memory of rows `start` to `stop`; their contents are void from now on.

    Whole pages inside these rows only. Where the system does not offer this, nothing
    happens: it saves memory and means nothing else.

    Parameters
    ----------
    array : numpy.ndarray, shape (k, d)
        Contiguous, and the owner of its memory.
    start, stop : int

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.ones((100_000, 4))
    >>> release(rows, 0, 99_000)
    >>> bool((rows[99_000:] == 1).all())
    True
    """
    if sys.platform != "linux" or not (array.flags.c_contiguous and array.flags.owndata):
        return
    page, row = mmap.PAGESIZE, array.strides[0]
    begin = array.ctypes.data
    first = -(-(begin + start * row) // page) * page
    last = (begin + min(stop, len(array)) * row) // page * page
    if first < last:
        ctypes.CDLL(None).madvise(
            ctypes.c_void_p(first), ctypes.c_size_t(last - first), ctypes.c_int(_DONTNEED)
        )
