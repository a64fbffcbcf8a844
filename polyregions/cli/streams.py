"""The streams of the process, such that nothing about them can change what a command does."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

__all__ = ["Stream", "lenient_streams"]


class Stream:
    r"""A text stream on which writing always succeeds; it says how it failed, if it did.

    A character that the encoding does not have is written as its escape. After the first
    failure (the reader is gone, the disk is full, the stream was closed by the caller)
    nothing more is written.

    Parameters
    ----------
    target : text file or None
        None is a stream that the process was started without.

    Examples
    --------
    >>> from io import BytesIO, TextIOWrapper
    >>> ascii = TextIOWrapper(BytesIO(), "ascii")
    >>> stream = Stream(ascii)
    >>> stream.write("Montúfar")
    8
    >>> stream.flush()
    >>> ascii.buffer.getvalue()
    b'Mont\\xfafar'
    >>> ascii.close()
    >>> stream.write("more")
    4
    >>> stream.failure
    ValueError('I/O operation on closed file.')
    """

    def __init__(self, target: TextIO | None) -> None:
        self.target = target
        self.failure: Exception | None = None

    def write(self, text: str) -> int:
        """Write a text, or nothing after a failure."""
        if self.target is not None and self.failure is None:
            encoding = getattr(self.target, "encoding", None) or "utf-8"
            try:
                self.target.write(text.encode(encoding, "backslashreplace").decode(encoding))
            except (OSError, ValueError) as error:
                self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Flush what was written."""
        if self.target is not None and self.failure is None:
            try:
                self.target.flush()
            except (OSError, ValueError) as error:
                self._give_up(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.target, name)

    def _give_up(self, error: Exception) -> None:
        self.failure = error
        # what waits in a buffer would fail again when the interpreter ends, with an exit
        # code of its own
        with suppress(OSError, ValueError, AttributeError):
            number = cast("TextIO", self.target).fileno()
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, number)
            os.close(nowhere)


@contextmanager
def lenient_streams() -> Iterator[Stream]:
    """Take the place of stdout and stderr while the block runs; yield the former."""
    before = sys.stdout, sys.stderr
    out, err = Stream(before[0]), Stream(before[1])
    sys.stdout, sys.stderr = cast("TextIO", out), cast("TextIO", err)
    try:
        yield out
    finally:
        out.flush()
        err.flush()
        sys.stdout, sys.stderr = before
