"""Long work in exact arithmetic, stopped between two pivots.

One linear program in integers may take many seconds, and a time limit or Ctrl-C must not
wait for it. Who can go on from a clean state says when to stop (:func:`stopped_when`);
whoever pivots looks up (:func:`look`). What was begun is lost, and nothing else: who catches
:class:`Stopped` has kept all that it needs to begin it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["Stopped", "look", "stopped_when"]


class Stopped(Exception):  # noqa: N818 - no error: the work was not wanted any more
    """The work under way was given up; nothing of it was kept."""


def _never() -> bool:
    return False


# of one context: two walks in two threads have limits of their own
_reason: ContextVar[Callable[[], bool]] = ContextVar("_reason", default=_never)


@contextmanager
def stopped_when(reason: Callable[[], bool]) -> Iterator[None]:
    """Stop what runs in this context as soon as it looks and `reason` returns True.

    Threads that are to be stopped, too, run in a copy of the context.

    Examples
    --------
    >>> with stopped_when(lambda: True):
    ...     look()
    Traceback (most recent call last):
        ...
    polyregions.exact.stopping.Stopped
    """
    token = _reason.set(reason)
    try:
        yield
    finally:
        _reason.reset(token)


def look() -> None:
    """Raise :class:`Stopped` if there is a reason; without one, do nothing."""
    if _reason.get()():
        raise Stopped
