"""How much work lies between two looks at the clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Pace"]

_LONG = 0.1  # seconds that a step may take: a time limit and Ctrl-C are obeyed between two


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
        if seconds > _LONG:
            self.size = max(1, size // 2)
        elif seconds < _LONG / 4:
            self.size = min(self.most, max(self.size, 2 * size))
