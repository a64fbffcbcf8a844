"""How much work lies between two looks at the clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Pace", "first_size"]

_FIRST_ROWS = 16384  # rows of all regions in the first step: uncompiled, a fraction of a second
_LONG_STEP = 0.1  # seconds that a step may take: a time limit and Ctrl-C are obeyed between two


def first_size(rows: int) -> int:
    """Return the size of a first step, of regions or nodes with so many rows each."""
    return max(1, _FIRST_ROWS // rows)


class Pace:
    """A size of steps that keeps them short and few, however fast steps are.

    Results do not depend on it. A step may be slow because kernels are not compiled yet,
    because regions are degenerate, or because there are many rows.

    Parameters
    ----------
    first, most : int
        The size of the first step, and of the largest.
    """

    def __init__(self, first: int, most: int) -> None:
        self.size, self.most = first, most

    @contextmanager
    def step(self) -> Iterator[int]:
        """Yield a size for the step that the block takes, and learn from its time."""
        size, begin = self.size, time.monotonic()
        yield size
        seconds = time.monotonic() - begin
        if seconds > _LONG_STEP:
            self.size = max(1, size // 2)
        elif seconds < _LONG_STEP / 4:
            self.size = min(self.most, max(self.size, 2 * size))
