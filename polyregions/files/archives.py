"""Arrays in a zip archive, as they are: the form of results, checkpoints and their parts.

Members are never compressed, so that an archive holds no more than its own size, and is
read within it. The same arrays give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, fields
from os import PathLike
from pathlib import Path
from types import UnionType
from typing import Any, BinaryIO, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Arrays

__all__ = [
    "OtherVersionError",
    "directory_digest",
    "read_manifest",
    "read_npz",
    "sealed",
    "signed",
    "value_of",
    "write_npz",
]

_CHECKSUM = "checksum"
_STORABLE_KINDS = "biufU"

_MAX_MANIFEST_BYTES = 2**26
_MAX_NUMBER = 2**63
_CHECK = "check"


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
        if stat.S_ISFIFO(os.stat(path).st_mode):  # opened, it would wait for somebody to write
            raise ValueError("it is a pipe")
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


Parsed = TypeVar("Parsed")


class OtherVersionError(ValueError):
    """The manifest is of another version of its format; the message says which."""


def read_manifest(path: Path, kind: str, version: int, *, unsigned: bool = False) -> dict[str, Any]:
    """Return the object of a JSON file of a known format and version.

    Parameters
    ----------
    path : Path
    kind : str
        What ``format`` must be.
    version : int
    unsigned : bool
        Whether one without ``check`` is read as well: 0.1.0 signed no results.

    Raises
    ------
    OtherVersionError
        If the version is another.
    ValueError
        If it is no JSON, too large, of another kind, or not as it was when it was signed.
    OSError
        If it cannot be read.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_MANIFEST_BYTES:
        raise ValueError("it is no file, or too large")
    try:
        manifest = json.loads(path.read_bytes())
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(manifest, dict) or manifest.get("format") != kind:
        raise ValueError("it is of another kind")
    found = manifest.get("version")
    if type(found) is not int or found != version:
        raise OtherVersionError(
            f"format version {found if type(found) is int else 'unknown'}, but this program "
            f"reads version {version}"
        )
    check = manifest.pop(_CHECK, None)
    if check != _manifest_checksum(manifest) and not (unsigned and check is None):
        raise ValueError("it was changed")
    return manifest


def signed(manifest: Mapping[str, Any]) -> bytes:
    """Return the bytes of a manifest with ``check``, a SHA-256 of all else."""
    return json.dumps({**manifest, _CHECK: _manifest_checksum(manifest)}, indent=1).encode() + b"\n"


def value_of(kind: type[Parsed], entry: object) -> Parsed:
    """Return a frozen value from a JSON object that has its fields, of the annotated types.

    Integers are at least 0 and below 2^63. Fields with a default may be absent, and further
    ones are ignored.

    Raises
    ------
    ValueError
        If a field is missing or of another type.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Part:
    ...     file: "str"
    ...     rows: "int" = 0
    >>> value_of(Part, {"file": "a", "rows": 3})
    Part(file='a', rows=3)
    """
    if not isinstance(entry, dict):
        raise ValueError(f"{kind.__name__.lower().lstrip('_')} is no object")
    hints = get_type_hints(kind)
    given: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        if field.name not in entry:
            if field.default is MISSING:
                raise ValueError(f"{field.name} is missing")
            continue
        value = given[field.name] = entry[field.name]
        hint = hints[field.name]
        types = get_args(hint) if isinstance(hint, UnionType) else (get_origin(hint) or hint,)
        if type(value) not in types or (type(value) is int and not 0 <= value < _MAX_NUMBER):
            raise ValueError(f"{field.name} has a value that it cannot have")
    return kind(**given)


def _manifest_checksum(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
