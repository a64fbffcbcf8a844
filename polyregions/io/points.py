"""Points and images from files."""

from __future__ import annotations

import math
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.errors import DomainError, FormatError, NetworkError
from polyregions.files.reading import file_path, read_bytes, unpacked
from polyregions.io.exact_floats import Floats, exact_floats
from polyregions.io.npz import npy_header

__all__ = ["read_idx", "read_point"]

_IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


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

    Examples
    --------
    >>> import tempfile
    >>> header = bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3])  # bytes, shape (1, 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "images.idx"
    ...     _ = file.write_bytes(header + bytes([7, 8, 9]))
    ...     read_idx(file)
    array([[7, 8, 9]], dtype=uint8)
    """
    file = file_path(path)
    data = unpacked(read_bytes(file), str(file))
    kind = _IDX_TYPES.get(data[2]) if len(data) > 4 and data[:2] == b"\0\0" else None
    rank = data[3] if kind else 0
    if kind is None or not 1 <= rank <= 8 or len(data) < 4 + 4 * rank:
        raise FormatError(f"{file} is no IDX file; it may be truncated: copy it again")
    shape = tuple(int(n) for n in np.frombuffer(data, ">u4", rank, 4))
    body = data[4 + 4 * rank :]
    if 0 in shape or len(body) != math.prod(shape) * np.dtype(kind).itemsize:
        raise FormatError(f"{file} does not hold the numbers of its shape {shape}; copy it again")
    array = np.frombuffer(body, kind).reshape(shape)
    return array.astype(array.dtype.newbyteorder("="))


def read_point(path: str | Path, dimension: int) -> Floats:
    """Read one input from a .npy file.

    Parameters
    ----------
    path : str or Path
        An array of any shape, such as a picture; it is flattened in C order. Pickled
        arrays are never read.
    dimension : int
        The number of entries it must have.

    Returns
    -------
    numpy.ndarray of float64, shape (dimension,)

    Raises
    ------
    FormatError
        If the file is missing, truncated or no numpy file.
    DomainError
        If it has another number of entries or one that is no finite number.
    """
    file = Path(path)
    data = read_bytes(file)
    try:
        stream = BytesIO(data)
        shape, dtype = npy_header(stream)
        size = math.prod(shape)
        # numpy would allocate what the header claims before it reads
        if dtype.hasobject or size * dtype.itemsize != len(data) - stream.tell():
            raise ValueError
        # and entries of one byte would become eight
        if size != dimension:
            raise DomainError(f"{file} has {size} numbers but the network reads {dimension}")
        array = np.lib.format.read_array(BytesIO(data), allow_pickle=False)
    except DomainError:
        raise
    # a damaged header fails in many ways inside numpy
    except Exception:
        raise FormatError(
            f"{file} is not a readable .npy file of numbers; save it with numpy.save"
        ) from None
    try:
        return exact_floats(array, f"{file}").reshape(-1)
    except NetworkError as error:
        raise DomainError(str(error)) from None
