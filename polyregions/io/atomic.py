"""Files that are either written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import BinaryIO

__all__ = ["atomic_write"]


@contextmanager
def atomic_write(path: str | PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing that appears under its name only when it is whole.

    The bytes go to a hidden file in the same folder, which takes the final name
    at the end of the ``with`` block; after an error it is removed and a file that
    stood under the name before is untouched.

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
    target = Path(path).resolve()
    partial = target.with_name(f".polyregions-{secrets.token_hex(8)}.part")
    try:
        with partial.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
