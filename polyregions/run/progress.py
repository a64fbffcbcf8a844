"""What a run reports, and how Ctrl-C ends it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Literal, TypeAlias, TypeVar

from polyregions.errors import PolyregionsError

__all__ = [
    "AfterStep",
    "Interrupt",
    "OnInterrupt",
    "OnProgress",
    "OnRows",
    "OnSteps",
    "Progress",
    "counted",
]

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Progress:
    """The state of a walk at one moment.

    Attributes
    ----------
    regions : int
        Regions found so far.
    frontier : int
        Regions found whose neighbours are still to be looked up.
    edges : int
        Edges found so far.
    seconds : float
        Wall-clock time since the walk began.
    """

    regions: int
    frontier: int
    edges: int
    seconds: float


OnInterrupt = Literal["raise", "return"]
# what a caller gives to see it: True to have it shown, or a function of his own
OnProgress: TypeAlias = bool | Callable[[Progress], None] | None
OnRows: TypeAlias = bool | Callable[[int, int, str], None] | None
OnSteps: TypeAlias = bool | Callable[[int, int], None] | None
# what is made of it: called with the numbers of steps done and to be done
AfterStep: TypeAlias = Callable[[int, int], None] | None


def counted(items: Iterable[_Item], total: int, report: AfterStep) -> Iterator[_Item]:
    """Yield the items, and report each when it is done: when the next one is asked for.

    Examples
    --------
    >>> list(counted("ab", 2, lambda done, total: print(done, "of", total)))
    1 of 2
    2 of 2
    ['a', 'b']
    """
    for done, item in enumerate(items, 1):
        yield item
        if report is not None:
            report(done, total)


class Interrupt:
    """A context in which the first Ctrl-C only sets ``requested``; a second one raises.

    At its end the first one raises as well, unless the caller means to return what was
    found. It does nothing outside the main thread, where signals cannot be caught, nor
    where a program has replaced Python's own handler: then that one decides.

    Parameters
    ----------
    on_interrupt : {"raise", "return"}
        Whether a Ctrl-C that came raises ``KeyboardInterrupt`` at the end of the context.

    Examples
    --------
    >>> with Interrupt() as interrupt:
    ...     interrupt.requested
    False
    """

    def __init__(self, on_interrupt: OnInterrupt = "raise") -> None:
        if on_interrupt not in ("raise", "return"):
            raise PolyregionsError(
                f"on_interrupt says whether Ctrl-C is to 'raise' or to 'return' what was found; "
                f"it cannot be {on_interrupt!r}"
            )
        self.requested = False
        self._raises = on_interrupt == "raise"
        self._installed = False

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._installed = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._installed:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._installed = False
        if self.requested and self._raises and kind is None:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
