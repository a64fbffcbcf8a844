"""What a run reports, how that is shown on stderr, and how Ctrl-C ends it."""

from __future__ import annotations

import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, TypeVar

from polyregions.errors import PolyregionsError, kind_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

__all__ = [
    "AfterStep",
    "Interrupt",
    "OnInterrupt",
    "OnProgress",
    "OnRows",
    "OnSteps",
    "Progress",
    "boxes_text",
    "counted",
    "number_text",
    "pace_of",
    "parts_text",
    "shown_lines",
    "shown_progress",
    "shown_rows",
    "shown_steps",
    "the_console",
    "tree_text",
    "walk_text",
]

_Item = TypeVar("_Item")
_SECONDS_BETWEEN_LINES = 5.0


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
        Wall-clock time since the walk began, or went on.
    before : int
        Regions done before that, where it goes on from what was saved.
    """

    regions: int
    frontier: int
    edges: int
    seconds: float
    before: int = 0

    @property
    def pace(self) -> float:
        """Regions a second."""
        return pace_of(self.regions - self.before, self.seconds)


def pace_of(found: int, seconds: float) -> float:
    """Return how many regions a second were found, for reading only.

    Examples
    --------
    >>> pace_of(6, 2.0)
    3.0
    """
    # at a limit a count tells fewer regions than it has counted, and a clock may stand still
    return max(0, found) / max(seconds, 1e-9)


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


def number_text(value: Fraction | float) -> str:
    """Return the float nearest to a number, or about what it is beyond all floats.

    Examples
    --------
    >>> number_text(Fraction(1, 3)), number_text(Fraction(10) ** 400 * 2)
    ('0.3333333333333333', '2.000000000000000000000000000E+400')
    """
    if isinstance(value, Fraction) and abs(value) > Fraction(sys.float_info.max):
        return str(Decimal(value.numerator) / Decimal(value.denominator))
    return repr(float(value))


def walk_text(progress: Progress) -> str:
    """Return the state of a walk in words."""
    return (
        f"{progress.regions:,} regions, {progress.frontier:,} of them to be visited, "
        f"{progress.edges:,} edges, {_pace(progress)}"
    )


def parts_text(progress: Progress) -> str:
    """Return the state of a walk on a cluster in words."""
    return (
        f"{progress.regions:,} regions in finished parts, {progress.frontier:,} prefixes to go, "
        f"{progress.edges:,} edges, {_pace(progress)}"
    )


def boxes_text(progress: Progress) -> str:
    """Return the state of a search over boxes in words; it counts boxes as regions."""
    return (
        f"{progress.regions:,} boxes looked at, {progress.frontier:,} to go, "
        f"{progress.seconds:.0f} s"
    )


def tree_text(progress: Progress) -> str:
    """Return the state of a count by the tree in words."""
    return f"{progress.regions:,} regions, {_pace(progress)}"


def _pace(progress: Progress) -> str:
    from polyregions.compiled import compiled_beside

    text = f"{progress.seconds:.0f} s, {progress.pace:,.0f} regions/s"
    beside = compiled_beside()
    if beside is None:
        return text
    done, total = beside
    return f"{text} until kernels are compiled{f' ({done} of {total})' if total else ''}"


class _Moment(NamedTuple):
    """What is shown of a state: how much is done, of how much if that is known, and words."""

    done: int
    total: int | None
    text: str


def shown_progress(
    progress: OnProgress, text: Callable[[Progress], str] = walk_text
) -> AbstractContextManager[Callable[[Progress], None] | None]:
    """Return the context in which the progress of a walk or count is shown, if asked for.

    Parameters
    ----------
    progress : bool, callable or None
        As callers of a long function give it.
    text : callable

    Returns
    -------
    context manager of callable or None
        What the run is to call: the caller's own function, one that shows the state, or None.

    Raises
    ------
    PolyregionsError
        On entry, if `progress` is none of these.

    Examples
    --------
    >>> with shown_progress(None) as report:
    ...     report is None
    True
    """
    return _display(
        progress,
        lambda state: _Moment(state.regions, None, text(state)),
        "regions",
        "finding the first region",
    )


def shown_steps(
    progress: OnSteps, what: str, done: str
) -> AbstractContextManager[Callable[[int, int], None] | None]:
    """Return the same for steps that are counted: how many ("draws") of all are done ("made")."""
    return _display(
        progress,
        lambda count, total: _Moment(count, total, f"{count:,} of {total:,} {what} {done}"),
        what,
        f"no {what} {done} so far",
    )


def shown_rows(
    progress: OnRows,
) -> AbstractContextManager[Callable[[int, int, str], None] | None]:
    """Return the same for the rows of a table, whose last one is named."""
    return _display(
        progress,
        lambda done, total, row: _Moment(done, total, f"{done:,} of {total:,} rows, last {row}"),
        "rows",
        "reading and training",
    )


@contextmanager
def _display(
    progress: Any, moment: Callable[..., _Moment], unit: str, waiting: str
) -> Iterator[Callable[..., None] | None]:
    if progress is None or progress is False or callable(progress):
        yield progress or None
        return
    if progress is not True:
        raise PolyregionsError(
            f"progress is True, to show it, or a function to be called, not {kind_of(progress)}"
        )
    bar_of = _notebook_bar()
    if bar_of is None:
        with shown_lines(lambda *state: moment(*state).text, waiting) as line:
            yield line
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without its widgets tqdm draws in text, and says so
        bar = bar_of(unit=f" {unit}", desc=waiting)

    def move(*state: Any) -> None:
        now = moment(*state)
        bar.total = now.total
        bar.set_description_str(now.text, refresh=False)
        bar.update(now.done - bar.n)

    with bar:
        yield move
        bar.refresh()


def _notebook_bar() -> Any:
    """Return tqdm where this process is a notebook's kernel and tqdm is installed, else None."""
    ipython = sys.modules.get("IPython")  # a kernel has imported it
    shell = None if ipython is None else ipython.get_ipython()
    if not any(kind.__name__ == "ZMQInteractiveShell" for kind in type(shell).__mro__):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that its widgets are experimental, or absent
            from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm


@cache
def the_console() -> Console:
    """Return the one console on stderr, so that a live line and other lines keep apart."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


@contextmanager
def shown_lines(text: Callable[..., str], waiting: str = "") -> Iterator[Callable[..., None]]:
    """Yield a callback that shows the text of its arguments while the block runs.

    In a terminal the text is live, if `waiting` says what it is before the first call. Else, and
    beside another live text, it is a line every few seconds.
    """
    console, last = the_console(), time.monotonic()
    with ExitStack() as stack:
        status = _live_line(stack, waiting) if waiting else None

        def line(*state: Any) -> None:
            nonlocal last
            words, now = text(*state), time.monotonic()
            if status is not None:
                status.update(words)
            elif now - last >= _SECONDS_BETWEEN_LINES:
                last = now
                console.print(words, soft_wrap=True)

        yield line


def _live_line(stack: ExitStack, text: str) -> Status | None:
    """Begin a live text, or return None where there can be none, or is one already."""
    from rich.errors import LiveError

    console = the_console()
    if not console.is_terminal:
        return None
    try:
        return stack.enter_context(console.status(text))
    except LiveError:
        return None
