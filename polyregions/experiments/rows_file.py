"""The file that keeps the rows of a run: JSON lines, first what was run."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from polyregions.errors import CheckpointError

__all__ = ["RowsFile"]

_ROWS_FORMAT = "polyregions experiment 1"


class RowsFile:
    """Rows on disk, appended one at a time.

    Parameters
    ----------
    path : path
        A new file, or one with the same header.
    header : dict
        What was run. A file of something else is refused.

    Attributes
    ----------
    rows : list of dict
        What the file had when it was opened. A last line without its end, which a
        killed process leaves, is cut off.

    Raises
    ------
    CheckpointError
        If it is no such file, or one of another run.
    """

    def __init__(self, path: str | PathLike[str], header: dict[str, Any]) -> None:
        self._path = Path(path)
        self._header = {"format": _ROWS_FORMAT, **header}
        self.rows, self._whole = self._read() if self._path.exists() else ([], 0)
        self._stream: BinaryIO | None = None

    def __enter__(self) -> RowsFile:
        # "r+b" where there is something to keep: what is not whole is cut off
        self._stream = self._path.open("r+b" if self._whole else "wb")
        self._stream.truncate(self._whole)
        self._stream.seek(self._whole)
        if not self._whole:
            self._write(self._header)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stream is not None:
            self._stream.close()

    def append(self, row: dict[str, Any]) -> None:
        """Write one more row; it is with the system when this returns."""
        self._write(row)

    def _write(self, content: dict[str, Any]) -> None:
        if self._stream is None:
            raise CheckpointError(f"{self._path.name} is not open; use it in a with block")
        self._stream.write(_line(content))
        self._stream.flush()

    def _read(self) -> tuple[list[dict[str, Any]], int]:
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if not whole and _line(self._header).startswith(content):
            return [], 0
        try:
            lines = [json.loads(line) for line in content[:whole].splitlines()]
            if not all(isinstance(line, dict) for line in lines):
                raise ValueError("a line is no object")
            if lines[0]["format"] != _ROWS_FORMAT:
                raise ValueError("another format")
        except (LookupError, RecursionError, ValueError):
            raise CheckpointError(
                f"{self._path.name} is not a file of an experiment; name another folder or "
                f"remove it"
            ) from None
        if lines[0] != self._header:
            raise CheckpointError(
                f"{self._path.name} holds rows of other settings or data; name another folder or "
                f"remove it"
            )
        return lines[1:], whole


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode() + b"\n"
