"""Progress on stderr: a live line in a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from rich.console import Console

from polyregions.cli.report import tell
from polyregions.run.progress import Progress

__all__ = [
    "announced_compilation",
    "mentioning_estimate",
    "parts_text",
    "shown_lines",
    "shown_progress",
    "shown_steps",
    "tree_text",
    "walk_text",
]

_SECONDS_BETWEEN_LINES = 5.0
_LONG_RUN = 10.0


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


def tree_text(progress: Progress) -> str:
    """Return the state of a count by the tree in words."""
    return f"{progress.regions:,} regions, {_pace(progress)}"


def _pace(progress: Progress) -> str:
    from polyregions.compiled import compiled_beside

    rate = progress.regions / max(progress.seconds, 1e-9)
    text = f"{progress.seconds:.0f} s, {rate:,.0f} regions/s"
    beside = compiled_beside()
    if beside is None:
        return text
    done, total = beside
    return f"{text} until kernels are compiled{f' ({done} of {total})' if total else ''}"


@contextmanager
def shown_lines(text: Callable[..., str], waiting: str = "") -> Iterator[Callable[..., None]]:
    """Yield a callback that shows the text of its arguments while the block runs.

    In a terminal the text is live, if `waiting` says what it is before the first call; elsewhere
    a line comes every few seconds.
    """
    console = Console(stderr=True, highlight=False)
    if waiting and console.is_terminal:
        with console.status(waiting) as status:
            yield lambda *state: status.update(text(*state))
        return
    last = time.monotonic()

    def line(*state: Any) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _SECONDS_BETWEEN_LINES:
            last = now
            console.print(text(*state), soft_wrap=True)

    yield line


def shown_progress(
    text: Callable[[Progress], str] = walk_text,
) -> AbstractContextManager[Callable[[Progress], None]]:
    """Show the progress of a walk or count; see :func:`shown_lines`."""
    return shown_lines(text, "finding the first region")


def mentioning_estimate(
    progress: Callable[[Progress], None],
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
        progress(state)

    return call


def shown_steps(
    done: str, what: str = "regions"
) -> AbstractContextManager[Callable[[int, int], None]]:
    """Show how many of all regions are `done`, such as "checked"; see :func:`shown_lines`."""
    return shown_lines(lambda count, total: f"{count:,} of {total:,} {what} {done}")


@contextmanager
def announced_compilation() -> Iterator[Callable[[], bool]]:
    """Show that kernels are compiled, if they are; yield whether that was said."""
    from polyregions.compiled import watched

    console = Console(stderr=True, highlight=False)
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
        with shown_steps("compiled", "kernels") as line, watched(line):
            yield lambda: announcer.told
    finally:
        log.setLevel(level)
        log.propagate = True
        log.removeHandler(announcer)
