"""How long a run goes, declared once for all of them: limits, threads, progress and Ctrl-C."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from inspect import Parameter, signature
from numbers import Integral, Real
from typing import Any, Literal, TypedDict, TypeVar

from polyregions.errors import PolyregionsError
from polyregions.run.progress import OnInterrupt, OnProgress

__all__ = [
    "NO_LIMIT",
    "Limits",
    "Pace",
    "RunOptions",
    "Stop",
    "Threaded",
    "Timed",
    "Watched",
    "check_depth",
    "check_threads",
    "counting_limits",
    "first_size",
    "limits_of",
    "options_given",
    "with_options",
]

Stop = Literal["finished", "regions", "time", "memory", "interrupt"]

NO_LIMIT = sys.maxsize  # of regions that are only counted
_MOST_NUMBERED = 2**31 - 1  # region numbers are 32-bit integers
_MOST_THREADS = 256
_Function = TypeVar("_Function", bound=Callable[..., Any])

_FIRST_ROWS = 16384  # rows of all regions in the first step: uncompiled, a fraction of a second
_LONG_STEP = 0.1  # seconds that a step may take: a time limit and Ctrl-C are obeyed between two

_DEFAULTS = {"threads": 1, "time_limit": None, "progress": None, "on_interrupt": "raise"}


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
    max_regions: int | None = None,
    time_limit: float | None = None,
    memory: int | None = None,
    *,
    most: int = _MOST_NUMBERED,
) -> Limits:
    """Check limits; `most` is that of regions where none is given.

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
    regions = most if max_regions is None else max_regions
    return Limits(regions, time_limit, memory, time.monotonic())


def counting_limits(max_regions: int | None = None, time_limit: float | None = None) -> Limits:
    """Check the limits of a run that gives regions no numbers: without one, there is none."""
    return limits_of(max_regions, time_limit, most=NO_LIMIT)


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


def check_depth(depth: int | None) -> None:
    """Refuse a graph distance that is no number of facets.

    Raises
    ------
    PolyregionsError
    """
    if depth is not None and not (_is_whole(depth) and depth >= 0):
        raise PolyregionsError(f"the depth is a whole number of facets, at least 0, not {depth!r}")


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral)


def _is_real_number(value: object) -> bool:
    return isinstance(value, Real)


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


class Watched(TypedDict, total=False):
    """What is shown of a run, and how Ctrl-C ends it."""

    progress: OnProgress
    on_interrupt: OnInterrupt


class Timed(Watched, total=False):
    """And how many seconds it may take."""

    time_limit: float | None


class Threaded(Timed, total=False):
    """And in how many threads."""

    threads: int


def with_options(kind: type) -> Callable[[_Function], _Function]:
    """Spell out the options of a function in its signature, where ``help`` looks for them.

    Parameters
    ----------
    kind : type
        `Watched`, `Timed` or `Threaded`: the last parameter is ``**how: Unpack[kind]``.

    Examples
    --------
    >>> @with_options(Watched)
    ... def walk(steps: int, **how: Unpack[Watched]) -> str:
    ...     return options_given(Watched, how).on_interrupt
    >>> walk(3), [*signature(walk).parameters]
    ('raise', ['steps', 'progress', 'on_interrupt'])
    """
    options = [
        Parameter(
            name, Parameter.KEYWORD_ONLY, default=_DEFAULTS[name], annotation=hint.__forward_arg__
        )
        for name, hint in kind.__annotations__.items()
    ]

    def described(function: _Function) -> _Function:
        given = signature(function)
        own = list(given.parameters.values())[:-1]
        anything: Any = function
        anything.__signature__ = given.replace(parameters=[*own, *options])
        return function

    return described


@dataclass(frozen=True)
class RunOptions:
    """How a run goes that has begun.

    Attributes
    ----------
    limits : Limits
        Of its seconds, which count from when they were made.
    threads : int
    progress : bool, callable or None
    on_interrupt : {"raise", "return"}
    """

    limits: Limits
    threads: int
    progress: OnProgress
    on_interrupt: OnInterrupt


def options_given(kind: type, how: Watched) -> RunOptions:
    """Check the options that a function was given, and let its time begin.

    Raises
    ------
    PolyregionsError
        If a limit is no positive number, or the number of threads none of a machine.
    TypeError
        If one is no option of that kind.
    """
    if unknown := how.keys() - kind.__annotations__:
        raise TypeError(
            f"got an unexpected keyword argument {min(unknown)!r}; further options are "
            f"{', '.join(kind.__annotations__)}"
        )
    whole: Any = {**_DEFAULTS, **how}
    check_threads(whole["threads"])
    limits = counting_limits(None, whole["time_limit"])
    return RunOptions(limits, whole["threads"], whole["progress"], whole["on_interrupt"])
