"""Files and optional packages, with refusals that say what to do."""

from __future__ import annotations

import gzip
import importlib
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

from polyregions.errors import FormatError, MissingExtraError

__all__ = [
    "MAX_FILE_BYTES",
    "format_suffix",
    "import_extra",
    "read_bytes",
    "read_unpacked",
    "regular_file",
]

# larger files are not networks of dense layers; ONNX itself ends here
MAX_FILE_BYTES = 2**31

# what a compressed file may become: weights shrink to a half, texts to a thirtieth
_UNPACKED_BYTES = 2**24
_UNPACKED_TIMES = 50


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


def format_suffix(path: str | Path) -> str:
    """Return the suffix of a file's name in lower case, with the one before .gz.

    Examples
    --------
    >>> format_suffix("net.v2.ONNX"), format_suffix("net.onnx.gz")
    ('.onnx', '.onnx.gz')
    """
    *_, before, last = "", "", *Path(path).suffixes
    return (before + last if last.lower() == ".gz" else last).lower()


def read_unpacked(path: str | Path, limit: int = MAX_FILE_BYTES) -> bytes:
    """Return the content of an ordinary file, decompressed where its name ends in .gz.

    Raises
    ------
    FormatError
        If the file is missing, too large, or may not be read; if it is damaged, or would
        become much larger than files of numbers do.

    Notes
    -----
    *Algorithm*: a piece at a time, so that nothing beyond the limit is ever held.
    """
    content = read_bytes(path, limit)
    if Path(path).suffix.lower() != ".gz":
        return content
    allowed = min(limit, _UNPACKED_BYTES + _UNPACKED_TIMES * len(content))
    pieces, size = [], 0
    try:
        with gzip.open(BytesIO(content)) as stream:
            while piece := stream.read(2**20):
                size += len(piece)
                if size > allowed:
                    raise FormatError(
                        f"{path} has {len(content)} bytes and holds more than {allowed}, which is "
                        f"no network; decompress it yourself if it is right"
                    )
                pieces.append(piece)
    except (OSError, EOFError, zlib.error):
        raise FormatError(
            f"{path} is not a whole .gz file; it may be truncated: copy it again"
        ) from None
    return b"".join(pieces)


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
