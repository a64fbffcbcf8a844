"""A walk, step after step: some regions are decided, their neighbours looked up.

Simple regions come first, in the order of discovery; when none is pending, the
degenerate ones among them have their turn. Within a step the work is shared among
threads and merged in order, so the result does not depend on their number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import islice, pairwise
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from polyregions.arrays import Floats, Integers
from polyregions.cells.near_ties import facets_near_ties
from polyregions.exact.stopping import Stopped, look
from polyregions.geometry.witness import float_witness, nearest_witness
from polyregions.network.flat import FlatNetwork
from polyregions.network.residues import ModularNetwork, with_own_scratch
from polyregions.pattern import Words, pack, unpack
from polyregions.run.limits import Limits, Pace, Stop, first_size
from polyregions.run.loop import run
from polyregions.run.problem import Problem, stop_flag
from polyregions.run.progress import Interrupt, Progress
from polyregions.walk.neighbors import OPEN, TOO_THIN, Expansions, batch
from polyregions.walk.prefix_redundancy import settle_run
from polyregions.walk.rational_walk import exact_region
from polyregions.walk.region_kernel import NO_BASIS, Worker, worker_of
from polyregions.walk.visited import pending_regions
from polyregions.walk.walk_kernel import advance, end_of_round, expand
from polyregions.walk.walk_state import (
    WalkState,
    append_lists,
    bytes_needed,
    make_room,
    merge_batch,
)

if TYPE_CHECKING:
    from polyregions.walk.degenerate_regions import PlanarWorker

__all__ = [
    "Step",
    "block_of",
    "drive",
    "stepper",
]

_MOST = 4096  # regions in a step of one thread: enough to hide Python's cost
_LEAST_GROWTH = 4096  # regions and edges that a step is expected to find, for the memory budget
# Regions between two looks at the clock: enough to hide Python's cost, few enough to stop fast.
_REGIONS_OF_A_JOB = 4096
_OPEN_CHUNK = 256  # the same for degenerate regions, which take longer
_REGIONS_OF_A_BLOCK = 64  # regions between two merges in one thread: their facets stay in the cache
_ROWS_PER_PREFIX = 32  # room first given to the lists of prefixes, likewise
_FACETS_PER_REGION = 12  # room first given to a batch; it is split when that is not enough

Expansion = list[tuple[int, Expansions]]
WorkerResult = TypeVar("WorkerResult")
Step = Callable[[WalkState, int], None]


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


@dataclass(frozen=True, eq=False)
class _Workers:
    """The threads and their work arrays."""

    problem: Problem
    pool: Executor | None
    workers: list[Worker]
    modular: list[ModularNetwork]
    planar: list[PlanarWorker]
    room: Expansions
    stop: Integers

    def share(
        self, size: int, work: Callable[[slice, int], list[WorkerResult]]
    ) -> Iterator[WorkerResult]:
        """Split `size` consecutive items among the threads; yield the outcomes in order.

        Where the workers are to stop, it ends after the first share that may lack something, and
        raises `Stopped`.
        """
        if self.pool is None:
            yield from work(slice(0, size), 0)
            self.look()
            return
        # equal shares: consecutive regions take about the same time
        cuts = np.linspace(0, size, len(self.workers) + 1).astype(int).tolist()
        jobs = [
            self.pool.submit(work, slice(*cut), worker) for worker, cut in enumerate(pairwise(cuts))
        ]
        try:
            for job in jobs:
                yield from job.result()
                self.look()
        finally:
            wait(jobs)  # the next step takes the same work arrays

    def look(self) -> None:
        """Raise `Stopped` where the workers are to stop."""
        if self.stop[0]:
            raise Stopped


def block_of(flat: FlatNetwork) -> Expansions:
    """Allocate the room that `advance` needs for a block of regions."""
    facets = max(flat.units, _FACETS_PER_REGION * _REGIONS_OF_A_BLOCK)
    return batch(flat, _REGIONS_OF_A_BLOCK, facets)


@contextmanager
def stepper(problem: Problem, threads: int, stop: Integers | None = None) -> Iterator[Step]:
    """Yield a function that takes the walk one step on, by at most so many regions.

    Another thread that sets ``stop[0]`` ends a step soon; see `Workspace`.

    A step may raise :class:`~polyregions.exact.stopping.Stopped`. Then it is done in part: what
    was found is whole, and the next step goes on as if nothing had happened.
    """
    flat = problem.flat
    stop = np.zeros(1, dtype=np.int64) if stop is None else stop
    with nullcontext() if threads == 1 else ThreadPoolExecutor(threads) as pool:
        crew = _Workers(
            problem,
            pool,
            workers=[worker_of(flat, stop) for _ in range(threads)],
            modular=[],
            planar=[],
            room=block_of(flat),
            stop=stop,
        )

        def step(found: WalkState, limit: int) -> None:
            if found.rings is not None and found.done == found.end:
                found.rings.append(found.count)
            # the turn of degenerate regions ends when all of them are decided, and begins
            # when no simple one is left: which numbers new regions get depends on nothing else
            if found.resolving and not found.open:
                found.resolving = False
            if found.expanded == found.end:
                found.resolving = True
            if found.resolving:
                _resolve_open(crew, found, min(_OPEN_CHUNK * threads, limit))
                return
            if found.rings is not None:  # the next ring waits
                limit = min(limit, found.end - found.expanded)
            if threads == 1 and found.fence is None:
                _advance_in_one_thread(crew, found, min(_REGIONS_OF_A_JOB, limit))
            else:
                _expand_in_threads(crew, found, min(_REGIONS_OF_A_JOB * threads, limit))

        yield step


def _advance_in_one_thread(crew: _Workers, found: WalkState, budget: int) -> None:
    """Expand and merge up to `budget` pending regions in this thread."""
    problem, facets = crew.problem, len(crew.room.children)
    make_room(problem.flat, found, found.count + facets, found.n_edges + facets)
    open_numbers = np.empty(budget, dtype=np.int64)
    n_open = advance(
        problem.flat,
        found.prefixes,
        found.store,
        budget,
        problem.room,
        crew.workers[0],
        crew.room,
        open_numbers,
    )
    found.open.extend(open_numbers[:n_open].tolist())


def _expand_in_threads(crew: _Workers, found: WalkState, budget: int) -> None:
    """Expand up to `budget` pending regions in several threads, then merge in order."""
    problem, flat = crew.problem, crew.problem.flat
    start = found.expanded
    stop = min(end_of_round(found.store), start + budget)
    pending = pending_regions(found.store, slice(start, stop))
    pending = pending._replace(points=pending.points.copy())  # merging writes over them

    _settle_prefixes(crew, found)  # expanding only reads them

    def work(part: slice, worker: int) -> Expansion:
        def run(at: slice, result: Expansions) -> int:
            size: int = expand(
                flat,
                found.prefixes,
                pending_regions(pending, at),
                problem.room,
                crew.workers[worker],
                result,
            )
            return size

        return _in_batches(crew, part, run)

    for size, result in crew.share(stop - start, work):
        first, decided = found.expanded, result.state[:size] != OPEN
        found.open.extend((first + np.flatnonzero(~decided)).tolist())
        found.store.points[first + np.flatnonzero(decided)] = result.witnesses[:size][decided]
        # in the order of numbers, whichever thread was done first
        merge_batch(flat, found, first, result.ends[:size], result)
        found.store.counters[0]["expanded"] += size


def _settle_prefixes(crew: _Workers, found: WalkState) -> None:
    """Settle all registered prefixes in several threads, or raise `Stopped` between some."""
    totals = found.prefixes.totals[0]
    pace = Pace(len(crew.workers), _REGIONS_OF_A_JOB)
    while (begin := int(totals["settled"])) < totals["registered"]:
        look()
        with pace.step() as size:
            end = min(begin + size, int(totals["registered"]))
            levels = found.prefixes.keys[begin:end, -1]
            # a prefix needs the list of its parent, which is one level up: a shorter prefix
            # has a lower number, and is settled first
            for level in range(len(found.prefixes.depths)):
                numbers = begin + np.flatnonzero(levels == level)
                if len(numbers):
                    _settle_level(crew, found, numbers)
            totals["settled"] = end


def _settle_level(crew: _Workers, found: WalkState, numbers: Integers) -> None:
    flat, prefixes = crew.problem.flat, found.prefixes

    def work(part: slice, worker: int) -> list[tuple[Integers, Integers]]:
        lists = []
        start = part.start
        while start < part.stop and not crew.stop[0]:
            some = numbers[start : part.stop]
            rows = np.empty(max(flat.size, _ROWS_PER_PREFIX * len(some)), dtype=np.int64)
            stops = np.empty(len(some), dtype=np.int64)
            done = settle_run(flat, prefixes, some, crew.workers[worker], rows, stops)
            if done:
                lists.append((rows, stops[:done]))
            start += done
        return lists

    at = 0
    for rows, stops in crew.share(len(numbers), work):
        at += append_lists(flat, found, numbers[at : at + len(stops)], rows, stops)


def _in_batches(crew: _Workers, part: slice, run: Callable[[slice, Expansions], int]) -> Expansion:
    """Run a kernel over consecutive items, in several batches where one has too little room."""
    outcome, flat = [], crew.problem.flat
    start = part.start
    while start < part.stop and not crew.stop[0]:
        left = part.stop - start
        # room for one region more than the guess is for, so that every batch gets somewhere and
        # few regions are one batch
        facets = flat.units + _FACETS_PER_REGION * left
        result = batch(flat, left, facets)
        size = run(slice(start, part.stop), result)
        if size:
            outcome.append((size, result))
        start += size
    return outcome


def _resolve_open(crew: _Workers, found: WalkState, budget: int) -> None:
    """Decide up to `budget` open regions: in compiled code, else in exact arithmetic."""
    from polyregions.walk.degenerate_regions import exact_inner_point

    problem, flat = crew.problem, crew.problem.flat
    numbers = list(islice(found.open, budget))
    patterns: Words = found.store.patterns[numbers]
    points: Floats = found.store.points[numbers]
    decide = _decision(crew, found, patterns, points)

    def work(part: slice, worker: int) -> Expansion:
        return _in_batches(crew, part, partial(decide, worker))

    at = 0
    for size, result in crew.share(len(numbers), work):
        for part in _consecutive(numbers[at : at + size], result.state.tolist()):
            number = numbers[at + part.start]
            if result.state[part.start] == OPEN:
                _decide_exactly(problem, found, number, crew.stop)
                found.open.popleft()  # only now: the step may be stopped at any of them
                continue
            stop = number + part.stop - part.start
            found.exact_decisions += int(result.exact[part].sum())
            found.store.points[number:stop] = result.witnesses[part]
            for thin in np.flatnonzero(result.state[part] == TOO_THIN).tolist():
                interior = exact_inner_point(result.inner[part.start + thin])
                _keep_witness(found, number + thin, nearest_witness(problem.chart, interior))
            begin = int(result.ends[part.start - 1]) if part.start else 0
            merge_batch(flat, found, number, result.ends[part], result, begin)
            for _ in range(number, stop):
                found.open.popleft()
        at += size


def _decision(
    crew: _Workers, found: WalkState, patterns: Words, points: Floats
) -> Callable[[int, slice, Expansions], int]:
    """Return what decides a part of some open regions: in the plane in integers, if it can be."""
    from polyregions.walk.degenerate_regions import planar_worker, resolve, resolve_planar

    problem, flat = crew.problem, crew.problem.flat
    if not found.prefixes.totals[0]["settled"]:
        _settle_prefixes(crew, found)  # the walk was taken up again in the middle of this
    integers = problem.integers
    if integers is not None and not crew.planar:
        crew.planar.extend(planar_worker(flat, integers) for _ in crew.workers)
    if integers is None and not crew.modular:
        crew.modular.extend(with_own_scratch(problem.modular) for _ in crew.workers)
    kernel, own = (resolve, crew.modular) if integers is None else (resolve_planar, crew.planar)

    def decide(worker: int, at: slice, result: Expansions) -> int:
        size: int = kernel(
            flat,
            own[worker],
            found.prefixes,
            patterns[at],
            points[at],
            problem.room,
            crew.workers[worker],
            result,
        )
        return size

    return decide


def _consecutive(numbers: list[int], state: list[int]) -> Iterator[slice]:
    """Cut decided regions into runs of consecutive numbers; an open one stands alone.

    Examples
    --------
    >>> [(run.start, run.stop) for run in _consecutive([4, 5, 6, 8], [0, 0, OPEN, 0])]
    [(0, 2), (2, 3), (3, 4)]
    """
    start = 0
    for stop in range(1, len(numbers) + 1):
        goes_on = stop < len(numbers) and numbers[stop] == numbers[stop - 1] + 1
        if not goes_on or OPEN in state[stop - 1 : stop + 1]:
            yield slice(start, stop)
            start = stop


def _decide_exactly(problem: Problem, found: WalkState, number: int, stop: Integers) -> None:
    """Decide one region in integers, or raise `Stopped` and change nothing."""
    flat = problem.flat
    bits = problem.reduction.grow(unpack(found.store.patterns[number], flat.units))
    near = found.store.points[number]
    region = exact_region(problem.exact, bits, partial(facets_near_ties, near=near, stop=stop))
    if region is None:
        # every region was entered through a facet, or begins the walk
        raise AssertionError("a region entered through a proven facet is empty: this is a bug")
    witness = float_witness(problem.exact, problem.domain, region.interior, bits)
    result = batch(flat, 1, max(1, len(region.facets)))
    for f, facet in enumerate(region.facets):
        result.children[f] = pack(problem.reduction.shrink(facet.neighbor))
        result.bases[f] = NO_BASIS
        result.points[f] = [float(u) for u in facet.point]
    found.exact_decisions += 1
    _keep_witness(found, number, witness)
    merge_batch(flat, found, number, np.array([len(region.facets)], dtype=np.int64), result)


def _keep_witness(
    found: WalkState, number: int, witness: tuple[Floats, tuple[Fraction, ...] | None]
) -> None:
    found.store.points[number] = 1.0  # a place holder: the witness is beside it
    found.exact_points[number] = witness
