"""Single inputs of a network, as numpy files."""

from __future__ import annotations

import math
from io import BytesIO
from pathlib import Path

import numpy as np

from polyregions.errors import DomainError, FormatError, NetworkError
from polyregions.files.reading import read_bytes
from polyregions.io.exact_floats import Floats, exact_floats

__all__ = ["read_point"]


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
        header = np.lib.format
        stream = BytesIO(data)
        version = header.read_magic(stream)
        read = header.read_array_header_1_0 if version == (1, 0) else header.read_array_header_2_0
        shape, _, dtype = read(stream)
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
