"""Files and optional packages, with refusals that say what to do."""

from __future__ import annotations

import gzip
import importlib
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from polyregions.errors import FormatError, MissingExtraError, PolyregionsError

__all__ = [
    "MAX_FILE_BYTES",
    "ascii_digits",
    "file_path",
    "format_suffix",
    "import_extra",
    "known_suffix",
    "largest_unpacked",
    "naming",
    "read_bytes",
    "regular_file",
    "unpacked",
]

# larger files are not networks of dense layers; ONNX itself ends here
MAX_FILE_BYTES = 2**31

# Weights hardly shrink and texts shrink some ten times: what grows more than this, and beyond
# the bytes that any file may fill, was made to fill memory. Public networks of mostly zeros
# shrink a hundred times, to a megabyte or two.
_GROWTH = 100
_ALWAYS_ALLOWED = 2**28

_GZIP_MARK = b"\x1f\x8b"


def file_path(value: object) -> Path:
    """Return a path that a caller gives.

    Raises
    ------
    FormatError
        If it is none.
    """
    if not isinstance(value, str | os.PathLike):
        raise FormatError(
            f"a path is expected, not a value of type {type(value).__name__}; pass the name of a "
            f"file (a module of torch goes to polyregions.from_torch)"
        )
    return Path(os.fspath(value))


def ascii_digits(text: str) -> str:
    """Return a text of numbers; Python alone would read 1_0 as ten, and the digits of every script.

    Raises
    ------
    ValueError
        If it has an underscore, or is not ASCII.
    """
    if "_" in text or not text.isascii():
        raise ValueError(text)
    return text


def regular_file(path: str | Path, limit: int = MAX_FILE_BYTES) -> Path:
    """Return the path of an existing ordinary file of at most `limit` bytes.

    Raises
    ------
    FormatError
        If there is no such file, it is a directory or a device, or it is too large.
    """
    file = Path(path)
    try:
        exists, ordinary = file.exists(), file.is_file()
        size = file.stat().st_size if ordinary else 0
    except (OSError, ValueError) as error:
        raise FormatError(f"the path {str(file)!r} cannot be used ({error})") from None
    if not exists:
        raise FormatError(f"there is no file {file}; check the path")
    if not ordinary:
        raise FormatError(f"{file} is not a file (a directory, perhaps); give a file")
    if size > limit:
        raise FormatError(f"{file} has {size} bytes, more than the {limit} that are read here")
    return file


def read_bytes(path: str | Path, limit: int = MAX_FILE_BYTES) -> bytes:
    """Return the content of an ordinary file.

    Raises
    ------
    FormatError
        If the file is missing, too large, or may not be read.
    """
    file = regular_file(path, limit)
    try:
        return file.read_bytes()
    except OSError as error:
        raise FormatError(f"{file} cannot be read ({error.strerror})") from None


@contextmanager
def naming(
    what: object, damaged: str = "", kinds: tuple[type[Exception], ...] = (Exception,)
) -> Iterator[None]:
    """Put what is read before what is wrong with it.

    Parameters
    ----------
    what : object
        The name of a file, or of a part of it.
    damaged : str
        What is said where anything but a refusal of this package is raised, which damage
        does in many ways; by default that is passed on.
    kinds : tuple of types, optional
        What damage can raise there; anything else is a fault of this package, and passed on.

    Examples
    --------
    >>> with naming("net.onnx", "is no model"):
    ...     {}["graph"]
    Traceback (most recent call last):
    polyregions.errors.FormatError: net.onnx is no model
    """
    try:
        yield
    except PolyregionsError as error:
        if str(error).startswith(str(what)):
            raise
        raise type(error)(f"{what}: {error}") from None
    except Warning:  # where the caller makes errors of them
        raise
    except kinds:
        if not damaged:
            raise
        raise FormatError(f"{what} {damaged}") from None


def largest_unpacked(size: int) -> int:
    """Return how many bytes the content of a file of so many bytes may fill in memory.

    Examples
    --------
    >>> largest_unpacked(1000) == 2**28, largest_unpacked(10**7) == 10**9
    (True, True)
    """
    return min(MAX_FILE_BYTES, max(_ALWAYS_ALLOWED, _GROWTH * size))


def unpacked(data: bytes, what: str, limit: int = MAX_FILE_BYTES) -> bytes:
    """Return data that start with the gzip mark unpacked, and other data as they are.

    Parameters
    ----------
    data : bytes
    what : str
        How a message names the file.
    limit : int
        Bytes that it may unpack to, if :func:`largest_unpacked` allows more.

    Raises
    ------
    FormatError
        If the data are damaged or grow beyond the limit, which ends the unpacking there.
    """
    if not data.startswith(_GZIP_MARK):
        return data
    limit = min(limit, largest_unpacked(len(data)))
    content = bytearray()
    try:
        with gzip.open(BytesIO(data)) as stream:
            # in pieces: what is asked for at once is allocated at once
            while len(content) <= limit and (piece := stream.read(2**20)):
                content += piece
    except (OSError, EOFError, zlib.error):
        raise FormatError(f"{what} is damaged gzip data; copy it again") from None
    if len(content) > limit:
        raise FormatError(
            f"{what} has {len(data)} bytes and unpacks to more than {limit}; if that is right, "
            f"unpack it with gunzip"
        )
    return bytes(content)


def format_suffix(path: str | Path) -> str:
    """Return the suffix of a file's name in lower case, with the one before .gz.

    Examples
    --------
    >>> format_suffix("net.v2.ONNX"), format_suffix("net.onnx.gz")
    ('.onnx', '.onnx.gz')
    """
    *_, before, last = "", "", *Path(path).suffixes
    return (before + last if last.lower() == ".gz" else last).lower()


def known_suffix(path: str | os.PathLike[str], suffixes: Iterable[str], kind: str) -> str:
    """Return the suffix of a file's name in lower case, which must be one of some.

    Raises
    ------
    FormatError
        If it is none of them; the message says what `kind` of format they are.

    Examples
    --------
    >>> known_suffix("cells.PLY", (".vtu", ".ply"), "mesh")
    '.ply'
    """
    suffix = Path(path).suffix.lower()
    if suffix not in suffixes:
        raise FormatError(
            f"{Path(path).name} has no known {kind} format; end the name in {', '.join(suffixes)}"
        )
    return suffix


def import_extra(module: str, extra: str, purpose: str) -> Any:
    """Import an optional package, or say which extra brings it.

    Raises
    ------
    MissingExtraError
        If the package is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingExtraError(
            f'{purpose} needs an extra: pip install "polyregions[{extra}]"'
        ) from None
