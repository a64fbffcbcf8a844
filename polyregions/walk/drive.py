"""One step after another, until the walk is finished or has to stop."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from polyregions.compiled import Stopwatch
from polyregions.exact.stopping import Stopped, stopped_when
from polyregions.run.interrupt import Interrupt
from polyregions.run.limits import Limits, Stop
from polyregions.run.pace import Pace, first_size
from polyregions.run.problem import Problem
from polyregions.run.progress import Progress
from polyregions.walk.steps import stepper
from polyregions.walk.walk_state import WalkState, bytes_needed

__all__ = ["drive"]

_SECONDS_BETWEEN_PROGRESS = 0.1
_MOST = 4096  # regions in a step of one thread: enough to hide Python's cost
_FIRST_MEMORY = 4096  # regions that a step is expected to find at least, for the memory budget


def drive(
    problem: Problem,
    found: WalkState,
    *,
    threads: int = 1,
    limits: Limits,
    interrupt: Interrupt,
    progress: Callable[[Progress], None] | None = None,
    after_step: Callable[[WalkState], None] | None = None,
) -> Stop:
    """Walk on from what was found, in place, and say why the walk ended.

    Parameters
    ----------
    problem : Problem
    found : WalkState
        Between two steps it can be saved and taken up again: the walk goes on as if it
        had not stopped.
    threads : int
    limits : Limits
        Regions are counted from the beginning of the walk, seconds of walking from this call.
    interrupt : Interrupt
        The caller's: it ends after the caller has taken care of what was found.
    progress : callable, optional
        Called now and then.
    after_step : callable, optional
        Called after every step, with `found`.

    Returns
    -------
    {"finished", "regions", "time", "memory", "interrupt"}
        Which limit, or Ctrl-C, ended the walk.
    """
    watch, seconds, reported, growth = Stopwatch(), 0.0, 0.0, _FIRST_MEMORY
    pace = Pace(first_size(problem.flat.size), _MOST * threads)

    def unwanted() -> bool:
        return interrupt.requested or limits.over(watch.seconds)

    with stepper(problem, threads) as step:
        while (stop := _stop_reason(found, limits, seconds, growth, interrupt.requested)) is None:
            before = found.count + found.edges_found
            with suppress(Stopped), pace.step() as size, stopped_when(unwanted):
                step(found, min(size, limits.regions - found.done))
            growth = max(_FIRST_MEMORY, found.count + found.edges_found - before)
            if after_step is not None:
                after_step(found)
            seconds = watch.seconds
            late = seconds - reported > _SECONDS_BETWEEN_PROGRESS
            if progress is not None and (late or found.finished):
                waiting = found.count - found.done
                progress(Progress(found.count, waiting, found.edges_found, seconds))
                reported = seconds
    return stop


def _stop_reason(
    found: WalkState, limits: Limits, seconds: float, growth: int, interrupted: bool
) -> Stop | None:
    """Return why the walk should stop before the next step, if it should."""
    if found.finished:
        return "finished"
    if found.done >= limits.regions:
        return "regions"
    if interrupted:
        return "interrupt"
    if limits.over(seconds):
        return "time"
    # a step is at most twice as large as the one before
    if limits.memory is not None and bytes_needed(found, 2 * growth) > limits.memory:
        return "memory"
    return None
