"""A walk, run step after step, until it is finished or has to stop."""

from __future__ import annotations

from collections.abc import Callable

from polyregions.run.limits import Limits, Pace, Stop, first_size
from polyregions.run.loop import run
from polyregions.run.problem import Problem, stop_flag
from polyregions.run.progress import Interrupt, Progress
from polyregions.walk.steps import Step, stepper
from polyregions.walk.walk_state import WalkState, bytes_needed

__all__ = ["drive"]

_MOST = 4096  # regions in a step of one thread: enough to hide Python's cost
_LEAST_GROWTH = 4096  # regions and edges that a step is expected to find, for the memory budget


class _Walk:
    """What was found and how to go on, as the loop of a run sees it."""

    def __init__(self, found: WalkState, step: Step, pace: Pace) -> None:
        self.found, self._step, self._pace = found, step, pace
        self._growth = _LEAST_GROWTH

    @property
    def finished(self) -> bool:
        return self.found.finished or self.found.at_depth

    @property
    def reached(self) -> int:
        return self.found.done

    @property
    def bytes_ahead(self) -> int:
        # a step is at most twice as large as the one before
        return bytes_needed(self.found, 2 * self._growth)

    def progress(self, seconds: float) -> Progress:
        found = self.found
        return Progress(found.count, found.count - found.done, found.edges_found, seconds)

    def step(self, regions: int) -> None:
        found, before = self.found, self.found.size
        try:
            with self._pace.step() as size:
                self._step(found, min(size, regions - found.done))
        finally:
            self._growth = max(_LEAST_GROWTH, found.size - before)


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
    interrupt, progress
        See `run`.
    after_step : callable, optional
        Called after every step, with `found`.

    Returns
    -------
    {"finished", "regions", "time", "memory", "interrupt"}
        Which limit, or Ctrl-C, ended the walk.
    """
    pace = Pace(first_size(problem.flat.size), _MOST * threads)
    after = None if after_step is None else lambda: after_step(found)
    stop = stop_flag(problem)
    with stepper(problem, threads, stop) as step:
        walk = _Walk(found, step, pace)
        return run(walk, limits, interrupt, progress=progress, after_step=after, stop=stop)
