"""How a long run goes, declared once for all of them: threads, time, progress and Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
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
    """Let the last parameter of a function, ``**how: Unpack[kind]``, be the options of that kind.

    The function is called with all of them. Its signature spells them out, with what they are by
    default, and it refuses other names as any function does.

    Parameters
    ----------
    kind : type
        `Watched`, `Timed` or `Threaded`.

    Examples
    --------
    >>> @with_options(Watched)
    ... def walk(steps: int, **how: Unpack[Watched]) -> str:
    ...     return how["on_interrupt"]
    >>> walk(3)
    'raise'
    >>> print(*signature(walk).parameters)
    steps progress on_interrupt
    """
    options = [
        Parameter(
            name, Parameter.KEYWORD_ONLY, default=_DEFAULTS[name], annotation=hint.__forward_arg__
        )
        for name, hint in kind.__annotations__.items()
    ]
    defaults = {option.name: option.default for option in options}

    def decorated(function: _Function) -> _Function:
        given = signature(function)
        own = list(given.parameters.values())[:-1]
        whole = given.replace(parameters=[*own, *options])

        @wraps(function)
        def called(*args: Any, **values: Any) -> Any:
            if unknown := values.keys() - whole.parameters.keys():
                raise TypeError(
                    f"{function.__name__}() got an unexpected keyword argument {min(unknown)!r}"
                )
            return function(*args, **{**defaults, **values})

        described: Any = called
        described.__signature__ = whole
        return described  # type: ignore[no-any-return]

    return decorated


@dataclass(frozen=True)
class RunOptions:
    """How a search goes that has begun.

    Attributes
    ----------
    limits : Limits
        Their time counts from when they were made.
    threads : int
    progress : bool, callable or None
    on_interrupt : {"raise", "return"}
    """

    limits: Limits
    threads: int
    progress: OnProgress
    on_interrupt: OnInterrupt


def options_given(how: Threaded) -> RunOptions:
    """Check the options of a search that numbers no regions, and let its time begin.

    Raises
    ------
    PolyregionsError
        If a limit is no positive number, or the number of threads none of a machine.
    """
    check_threads(how["threads"])
    limits = counting_limits(None, how["time_limit"])
    return RunOptions(limits, how["threads"], how["progress"], how["on_interrupt"])
