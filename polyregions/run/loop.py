"""The one loop of every run: a step after another, until the work is finished or must stop."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from contextvars import copy_context
from dataclasses import replace
from typing import Protocol

from polyregions.arrays import Integers
from polyregions.compiled import Stopwatch
from polyregions.exact.stopping import Stopped, stopped_when
from polyregions.run.limits import Limits, Stop
from polyregions.run.progress import Interrupt, Progress

__all__ = ["Work", "run"]

_SECONDS_BETWEEN_REPORTS = 0.1
_SECONDS_BETWEEN_LOOKS = 0.02  # at the clock, and at Ctrl-C, beside a step that may be long


class Work(Protocol):
    """What is run: a walk, a tree, probes of a tree, the tasks of a cluster."""

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""

    @property
    def reached(self) -> int:
        """Regions that count towards the limit."""

    @property
    def bytes_ahead(self) -> int:
        """How many bytes it may need after the next step."""

    def progress(self, seconds: float) -> Progress:
        """Return how far it is, after so many seconds."""

    def step(self, regions: int) -> None:
        """Go on for a moment, and not beyond so many regions in all.

        May raise :class:`~polyregions.exact.stopping.Stopped`; then it is done in part, and
        the next step goes on as if nothing had happened.
        """


def run(
    work: Work,
    limits: Limits,
    interrupt: Interrupt,
    *,
    progress: Callable[[Progress], None] | None = None,
    after_step: Callable[[], None] | None = None,
    stop: Integers | None = None,
) -> Stop:
    """Take steps until the work is finished, a limit is reached or Ctrl-C came.

    Parameters
    ----------
    work : Work
    limits : Limits
        Seconds count from this call, and not while kernels are loaded or compiled.
    interrupt : Interrupt
        The caller's: it ends after the caller has taken care of what was found.
    progress : callable, optional
        Called now and then, and at the end, but for one by Ctrl-C.
    after_step : callable, optional
        Called after every step.
    stop : numpy.ndarray of int64, shape (1,), optional
        Where a step may be long: set to 1 in the middle of one that is not wanted any more. Its
        kernels look at it.

    Returns
    -------
    {"finished", "regions", "time", "memory", "interrupt"}
        Which limit, or Ctrl-C, ended the run.
    """
    watch, reported, before = Stopwatch(), 0.0, work.reached
    timed = limits.seconds is not None

    def unwanted() -> bool:  # asked at every exact pivot
        return interrupt.requested or (timed and limits.over(watch.seconds))

    while (reason := _stop_reason(work, limits, watch, interrupt)) is None:
        with suppress(Stopped), stopped_when(unwanted):
            if stop is None:
                work.step(limits.regions)
            else:
                _step_beside(work, limits.regions, stop, unwanted)
        if after_step is not None:
            after_step()
        seconds = watch.seconds
        if progress is not None and seconds - reported > _SECONDS_BETWEEN_REPORTS:
            progress(replace(work.progress(seconds), before=before))
            reported = seconds
    if progress is not None and reason != "interrupt":
        progress(replace(work.progress(watch.seconds), before=before))
    return reason


def _step_beside(work: Work, regions: int, stop: Integers, unwanted: Callable[[], bool]) -> None:
    """Take a step in another thread; compiled code cannot be asked, only be told."""
    stop[0] = 0
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(copy_context().run, work.step, regions)
        try:
            while wait([job], _SECONDS_BETWEEN_LOOKS).not_done:
                if unwanted():
                    stop[0] = 1
        except BaseException:  # a second Ctrl-C does not wait, either
            stop[0] = 1
            raise
    job.result()


def _stop_reason(work: Work, limits: Limits, watch: Stopwatch, interrupt: Interrupt) -> Stop | None:
    """Return why the run should stop before the next step, if it should."""
    if work.finished:
        return "finished"
    if work.reached >= limits.regions:
        return "regions"
    if interrupt.requested:
        return "interrupt"
    if limits.seconds is not None and limits.over(watch.seconds):
        return "time"
    if limits.memory is not None and work.bytes_ahead > limits.memory:
        return "memory"
    return None
