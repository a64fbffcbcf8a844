"""IDX arrays, the format of the MNIST images and labels; plain or gzip."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.errors import FormatError
from polyregions.files.reading import file_path, read_bytes, unpacked

__all__ = ["read_idx"]

_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read_idx(path: str | Path) -> NDArray[Any]:
    """Return the array of an IDX file.

    Parameters
    ----------
    path : str or Path
        A file that starts with the gzip mark is unpacked.

    Returns
    -------
    numpy.ndarray
        For MNIST images: of uint8, shape (count, 28, 28).

    Raises
    ------
    FormatError
        If the file is missing, truncated, or no IDX file, or has no number.
    """
    file = file_path(path)
    data = unpacked(read_bytes(file), str(file))
    kind = _TYPES.get(data[2]) if len(data) > 4 and data[:2] == b"\0\0" else None
    rank = data[3] if kind else 0
    if kind is None or not 1 <= rank <= 8 or len(data) < 4 + 4 * rank:
        raise FormatError(f"{file} is no IDX file; it may be truncated: copy it again")
    shape = tuple(int(n) for n in np.frombuffer(data, ">u4", rank, 4))
    body = data[4 + 4 * rank :]
    if 0 in shape or len(body) != math.prod(shape) * np.dtype(kind).itemsize:
        raise FormatError(f"{file} does not hold the numbers of its shape {shape}; copy it again")
    array = np.frombuffer(body, kind).reshape(shape)
    return array.astype(array.dtype.newbyteorder("="))
