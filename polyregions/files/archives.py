"""Arrays in a zip archive, as they are: the form of results, checkpoints and their parts.

Members are never compressed, so that an archive holds no more than its own size, and is
read within it. The same arrays give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Arrays

__all__ = ["directory_digest", "read_npz", "sealed", "write_npz"]


_CHECKSUM = "checksum"
_STORABLE_KINDS = "biufU"


def write_npz(stream: BinaryIO, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write what ``numpy.savez`` writes, without the time of day."""
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(
                    member, np.asarray(array, order="C"), version=(1, 0), allow_pickle=False
                )


def sealed(arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """Return arrays with one more, ``checksum``: SHA-256 of all, in hexadecimal."""
    return dict(arrays) | {_CHECKSUM: np.array(_arrays_checksum(arrays))}


def read_npz(path: str | PathLike[str]) -> Arrays:
    """Return the arrays of an archive by name, its checksum checked if it has one.

    Raises
    ------
    ValueError
        If the archive is damaged, holds compressed members, one name twice, objects, or
        claims more than it holds. Nothing is allocated then.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/arrays.npz"
    >>> with open(path, "wb") as stream:
    ...     write_npz(stream, sealed({"a": np.arange(3)}))
    >>> read_npz(path)
    {'a': array([0, 1, 2])}
    """
    with _opened(path) as archive:
        arrays = {
            member.filename.removesuffix(".npy"): _member_array(archive, member)
            for member in archive.infolist()
        }
    if _CHECKSUM in arrays and str(arrays.pop(_CHECKSUM)) != _arrays_checksum(arrays):
        raise ValueError("its checksum is that of something else")
    return arrays


def directory_digest(path: str | PathLike[str]) -> str:
    """Return a digest of the names, lengths and checksums of all members; errors as above."""
    with _opened(path) as archive:
        entries = [[entry.filename, entry.file_size, entry.CRC] for entry in archive.infolist()]
    return hashlib.sha256(json.dumps(entries).encode()).hexdigest()[:16]


@contextmanager
def _opened(path: str | PathLike[str]) -> Iterator[zipfile.ZipFile]:
    """Open an archive of members that are stored as they are, none of them twice."""
    try:
        with open(path, "rb") as stream, zipfile.ZipFile(stream) as archive:
            members = archive.infolist()
            if any(m.compress_type or m.compress_size != m.file_size for m in members):
                raise ValueError("it holds compressed arrays")
            if len({m.filename for m in members}) < len(members):
                raise ValueError("it holds an array twice")
            if sum(m.file_size for m in members) > os.fstat(stream.fileno()).st_size:
                raise ValueError("it claims more than it holds")
            yield archive
    except (MemoryError, OSError):
        raise
    # a damaged archive fails in many ways inside zipfile and numpy
    except Exception as error:
        raise ValueError(str(error) or type(error).__name__) from None


def _member_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    name, header = member.filename, np.lib.format
    with archive.open(member) as stream:
        if header.read_magic(stream) != (1, 0):
            raise ValueError(f"{name!r} has a header of another version")
        shape, _, dtype = header.read_array_header_1_0(stream)
        if dtype.kind not in _STORABLE_KINDS or not dtype.itemsize:
            raise ValueError(f"{name!r} holds neither numbers nor text; nothing is unpickled")
        # numpy would allocate what the header claims before it reads
        if math.prod(map(int, shape)) * dtype.itemsize != member.file_size - stream.tell():
            raise ValueError(f"{name!r} does not hold what its header says")
    with archive.open(member) as stream:
        array = header.read_array(stream, allow_pickle=False)
        stream.read(1)  # the end: here the checksum is checked
    return np.asarray(array)


def _arrays_checksum(arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(repr((name, array.dtype.str, array.shape)).encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
