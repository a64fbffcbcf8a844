"""When a walk stops before it is finished."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from typing import Literal

import numpy as np

from polyregions.errors import PolyregionsError

__all__ = ["Limits", "Stop", "check_threads", "limits_of"]

Stop = Literal["finished", "regions", "time", "memory", "interrupt"]

_MOST_THREADS = 256


@dataclass(frozen=True)
class Limits:
    """How many regions, seconds, and bytes of arrays a walk may use; None is no limit.

    Attributes
    ----------
    began : float
        When the seconds began to count, on the clock of :func:`time.monotonic`.
    """

    regions: int
    seconds: float | None = None
    memory: int | None = None
    began: float = field(default=0.0, compare=False)

    @property
    def left(self) -> Limits:
        """The limits of what is still to be done: without the time that has passed."""
        now = time.monotonic()
        if self.seconds is None:
            return self
        return replace(self, seconds=max(0.0, self.seconds - (now - self.began)), began=now)

    def over(self, seconds: float) -> bool:
        """Whether so many seconds are all that there are."""
        return self.seconds is not None and seconds >= self.seconds


def limits_of(
    max_regions: int | None = None, time_limit: float | None = None, memory: int | None = None
) -> Limits:
    """Check limits.

    Raises
    ------
    PolyregionsError
        If one is no positive number, or none at all.

    Examples
    --------
    >>> limits_of(max_regions=10).regions
    10
    """
    if max_regions is not None and not (_is_whole(max_regions) and max_regions >= 1):
        raise PolyregionsError(
            f"the limit on regions must be a whole number of at least 1, not {max_regions!r}"
        )
    if time_limit is not None and not (_is_real_number(time_limit) and time_limit > 0):
        raise PolyregionsError(
            f"the time limit must be a positive number of seconds, not {time_limit!r}"
        )
    if memory is not None and not (_is_whole(memory) and memory >= 1):
        raise PolyregionsError(
            f"the memory budget must be a positive whole number of bytes, not {memory!r}"
        )
    # region numbers are 32-bit integers
    regions = np.iinfo(np.int32).max if max_regions is None else max_regions
    return Limits(regions, time_limit, memory, time.monotonic())


def check_threads(threads: int) -> None:
    """Refuse a number of threads that no machine has.

    Raises
    ------
    PolyregionsError
    """
    if not (_is_whole(threads) and 1 <= threads <= _MOST_THREADS):
        raise PolyregionsError(
            f"the number of threads must be a whole number from 1 to {_MOST_THREADS}, "
            f"not {threads!r}"
        )


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral)


def _is_real_number(value: object) -> bool:
    return isinstance(value, Real)
