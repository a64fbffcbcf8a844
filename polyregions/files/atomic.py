"""Files that are either written whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import BinaryIO

__all__ = ["atomic_write", "is_stream", "target_of"]

# names of the process's own streams, whatever they lead to
_OWN_STREAMS = re.compile(r"/dev/(stdout|stderr|fd/\d+)|/proc/[^/]+/fd/\d+")


def target_of(path: str | PathLike[str]) -> Path:
    """Return the file that is written: where a symbolic link leads, else the path itself.

    Raises
    ------
    OSError
        If links lead in a circle.
    """
    if not os.path.islink(path):
        return Path(path)
    target = os.path.realpath(path)
    if os.path.islink(target):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fspath(path))
    return Path(target)


def is_stream(path: str | PathLike[str]) -> bool:
    """Return whether a path is a pipe or device, which cannot be replaced."""
    if _OWN_STREAMS.fullmatch(os.path.abspath(path)):
        return True
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


@contextmanager
def atomic_write(path: str | PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing that appears under its name only when it is whole.

    The bytes go to a hidden file in the same folder, which takes the final name
    at the end of the ``with`` block; after an error it is removed and a file that
    stood under the name before is untouched. A symbolic link stays: the file that it leads
    to is replaced. A pipe or device, such as ``/dev/stdout``, gets the same bytes at the end.

    Parameters
    ----------
    path : str or path-like

    Yields
    ------
    binary file

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with atomic_write(folder / "answer.txt") as stream:
    ...     _ = stream.write(b"42")
    >>> [file.name for file in folder.iterdir()]
    ['answer.txt']
    """
    if is_stream(path):
        with _told_as(path), tempfile.TemporaryFile() as whole:
            yield whole
            whole.seek(0)
            with open(path, "wb") as pipe:
                shutil.copyfileobj(whole, pipe)
        return
    target = target_of(path)
    partial = target.with_name(f".polyregions-{secrets.token_hex(8)}.part")
    with _told_as(path, partial):
        try:
            with partial.open("xb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(partial, target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


@contextmanager
def _told_as(path: str | PathLike[str], hidden: Path | None = None) -> Iterator[None]:
    """Let an error name the path that the caller knows, instead of none or of a hidden file."""
    try:
        yield
    except OSError as error:
        if error.filename in (None, os.fspath(hidden or path)):
            error.filename = os.fspath(path)
        raise
