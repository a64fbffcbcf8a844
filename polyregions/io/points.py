"""Points and images from files."""

from __future__ import annotations

import math
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.errors import DomainError, FormatError, NetworkError
from polyregions.files.reading import file_path, read_bytes, unpacked
from polyregions.io.exact_floats import Floats, exact_floats
from polyregions.io.npz import npy_header

__all__ = ["PointsFile", "read_idx", "read_point", "read_points"]

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
    array = _npy_array(file)
    # as it is: entries of one byte would become eight
    if array.size != dimension:
        raise DomainError(f"{file} has {array.size} numbers but the network reads {dimension}")
    return _as_floats(array, file).reshape(-1)


class PointsFile(NamedTuple):
    """What a file of points holds: inputs, shape (k, n), and the class of each, if it says."""

    points: Floats
    classes: NDArray[np.int64] | None


def read_points(path: str | Path, dimension: int) -> PointsFile:
    """Read inputs, and perhaps their classes, from a .npy or .csv file.

    Parameters
    ----------
    path : str or Path
        Of k rows. A row has one number per input, and may have one more, its class: a whole
        number from 0 up. A picture per row is flattened in C order; it has no class. A .csv
        file may begin with a line of names. Pickled arrays are never read.
    dimension : int
        The number of inputs.

    Raises
    ------
    FormatError
        If the file is missing, truncated, of another kind, or holds no table of numbers.
    DomainError
        If rows have another length, an entry is no finite number, or a class is none.
    """
    file = Path(path)
    if file.suffix.lower() not in (".npy", ".csv"):
        raise FormatError(f"{file} is not a file of points; save them as .npy or .csv")
    array = _npy_array(file) if file.suffix.lower() == ".npy" else _csv_array(file)
    if array.ndim < 2 or not len(array):
        raise DomainError(f"{file} has shape {array.shape}; points have one row each")
    if array.shape == (len(array), dimension + 1):
        rows = _as_floats(array, file)
        classes = rows[:, -1]
        if (classes != np.rint(classes)).any() or not ((classes >= 0) & (classes < 2**31)).all():
            raise DomainError(
                f"the last of the {dimension + 1} columns of {file} is no class, a whole number "
                f"from 0 up; the network reads {dimension} inputs"
            )
        return PointsFile(rows[:, :-1], classes.astype(np.int64))
    if array.size != len(array) * dimension:
        raise DomainError(
            f"{file} has {array.size // len(array)} numbers per row but the network reads "
            f"{dimension}; one more may be the class"
        )
    return PointsFile(_as_floats(array, file).reshape(len(array), dimension), None)


def _csv_array(file: Path) -> Floats:
    try:
        lines = read_bytes(file).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise FormatError(f"{file} is not a text file; save points as .npy or .csv") from None
    rows = [line for line in lines if line.strip()]
    if rows and not _is_row(rows[0]):
        rows = rows[1:]  # names of columns
    if not rows:
        raise FormatError(f"{file} holds no rows of numbers")
    try:
        return np.loadtxt(StringIO("\n".join(rows)), delimiter=",", ndmin=2, comments=None)
    except ValueError:
        raise FormatError(
            f"{file} is no table of numbers with commas between; check its rows"
        ) from None


def _is_row(line: str) -> bool:
    try:
        return bool([float(entry) for entry in line.split(",")])
    except ValueError:
        return False


def _npy_array(file: Path) -> NDArray[Any]:
    data = read_bytes(file)
    try:
        stream = BytesIO(data)
        shape, dtype = npy_header(stream)
        # numpy would allocate what the header claims before it reads
        if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(data) - stream.tell():
            raise ValueError
        return np.asarray(np.lib.format.read_array(BytesIO(data), allow_pickle=False))
    # a damaged header fails in many ways inside numpy
    except Exception:
        raise FormatError(
            f"{file} is not a readable .npy file of numbers; save it with numpy.save"
        ) from None


def _as_floats(array: NDArray[Any], file: Path) -> Floats:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DomainError(f"{file} has NaN or infinity; leave out what is no finite number")
    try:
        return exact_floats(array, f"{file}")
    except NetworkError as error:
        raise DomainError(str(error)) from None
