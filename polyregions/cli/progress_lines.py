"""What commands say on stderr beside their progress: advice, and that kernels are compiled."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from polyregions.cli.report import tell
from polyregions.run.display import shown_lines, shown_progress, the_console, walk_text
from polyregions.run.progress import Progress

if TYPE_CHECKING:
    from polyregions.compiled import Times

__all__ = ["ShownRun", "announced_compilation", "mentioning_estimate", "shown_run"]

_LONG_RUN = 10.0


def mentioning_estimate(
    progress: Callable[[Progress], None] | None,
    *limits: float | None,
    compiled: Callable[[], bool] = lambda: False,
) -> Callable[[Progress], None]:
    """Return the callback; if there is no limit and the run is long, it names `estimate` once.

    A run that `compiled` kernels is long for another reason, and gets no such advice.
    """
    mentioned = any(limit is not None for limit in limits)

    def call(state: Progress) -> None:
        nonlocal mentioned
        if not mentioned and state.seconds > _LONG_RUN and not compiled():
            mentioned = True
            tell("polyregions: this takes long; polyregions estimate foretells count and time")
        if progress is not None:
            progress(state)

    return call


def _kernels_text(done: int, total: int) -> str:
    return f"{done:,} of {total:,} kernels compiled"


@contextmanager
def announced_compilation() -> Iterator[Callable[[], bool]]:
    """Show that kernels are compiled, if they are; yield whether that was said."""
    from polyregions.compiled import watched

    console = the_console()
    log = logging.getLogger("polyregions")

    class Announcer(logging.Handler):
        told = False

        def emit(self, record: logging.LogRecord) -> None:
            self.told = True
            console.print(record.getMessage(), soft_wrap=True)

    announcer, level = Announcer(), log.level
    log.addHandler(announcer)
    log.propagate = False
    log.setLevel(logging.INFO)
    try:
        with shown_lines(_kernels_text) as line, watched(line):
            yield lambda: announcer.told
    finally:
        log.setLevel(level)
        log.propagate = True
        log.removeHandler(announcer)


class ShownRun:
    """A run that shows its progress and keeps a part on Ctrl-C; loading its code is not timed."""

    def __init__(self, progress: Callable[[Progress], None] | None) -> None:
        self._progress = progress

    def options(self) -> dict[str, Any]:
        """Return the options of a long function for such a run, which begins now."""
        from polyregions.compiled import Stopwatch

        self._watch = Stopwatch()
        return {"progress": self._progress, "on_interrupt": "return"}

    def times(self) -> Times:
        """Return the times that the run took."""
        return self._watch.times()


@contextmanager
def shown_run(
    text: Callable[[Progress], str] = walk_text, limits: Iterable[float | None] | None = None
) -> Iterator[ShownRun]:
    """Show the progress of a run and what is compiled; with `limits`, also advice where none is."""
    with announced_compilation() as compiled, shown_progress(True, text) as progress:
        if limits is not None:
            progress = mentioning_estimate(progress, *limits, compiled=compiled)
        yield ShownRun(progress)
