"""How a long run goes, declared once for all of them: threads, time, progress and Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Any, TypedDict, TypeVar

from polyregions.run.limits import Limits, check_threads, counting_limits
from polyregions.run.progress import OnInterrupt, OnProgress

__all__ = ["RunOptions", "Threaded", "Timed", "Watched", "options_given", "with_options"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


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


_DEFAULTS = {"threads": 1, "time_limit": None, "progress": None, "on_interrupt": "raise"}


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
