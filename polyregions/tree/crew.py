"""Threads that explore one tree together, each with its explorer, nothing visited twice.

In the plane an explorer clips polygons, elsewhere it goes by the simplex.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from contextvars import copy_context
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Arrays, Integers
from polyregions.exact.stopping import Stopped
from polyregions.network.prefix import Prefix, decided_units
from polyregions.pattern import n_words
from polyregions.run.limits import Pace, first_size
from polyregions.run.problem import Problem, stop_flag
from polyregions.run.progress import Progress
from polyregions.tree.planar_subtree import PlanarSubtree
from polyregions.tree.subtree import Subtree

__all__ = [
    "NODES_OF_A_STEP",
    "Crew",
    "Explorer",
    "counted_before",
    "explorer_of",
    "is_prefix",
]

NODES_OF_A_STEP = 20_000  # nodes in a step at most: enough to hide Python's cost


class Explorer(Protocol):
    """All regions below a prefix, and how far they have been explored."""

    def start(self, prefix: Prefix) -> None:
        """Begin anew, below another prefix."""

    @property
    def finished(self) -> bool:
        """Whether nothing is left to explore."""

    @property
    def counts(self) -> NDArray[np.int64]:
        """Regions found, by level."""

    @property
    def regions(self) -> int:
        """Regions found."""

    @property
    def exact_decisions(self) -> int:
        """Decisions that exact arithmetic took."""

    @property
    def work(self) -> int:
        """What has been done, in nodes of the tree."""

    def advance(self, nodes: int, regions: int) -> None:
        """Explore about so many nodes, or until so many regions are found in all."""

    def most(self, nodes: int) -> int | None:
        """Return an upper bound of the regions, if it takes no more than so many nodes."""

    def unexplored(self) -> tuple[list[Prefix], NDArray[np.int64]]:
        """Return the prefixes not explored, and the counts of what is, by level."""


def explorer_of(
    problem: Problem,
    sequence: NDArray[np.int64] | None,
    prefix: Prefix | None = None,
    stop: Integers | None = None,
) -> Explorer:
    """Return an explorer of the regions below a prefix; see `Subtree` for the parameters."""
    if problem.flat.dimension == 2:
        return PlanarSubtree(problem, sequence, prefix)  # no simplex: every node takes a moment
    return Subtree(problem, sequence, prefix, stop)


def is_prefix(problem: Problem, prefix: Prefix) -> bool:
    """Return whether a prefix decides whole layers of the units that vary, and some of the next."""
    units, shape = problem.flat.units, (n_words(problem.flat.units),)
    if any(words.shape != shape or words.dtype != np.uint64 for words in prefix):
        return False
    decided = decided_units(prefix, 64 * shape[0])
    last = int(decided.max(initial=-1))
    # the units below the layer of the last one are decided, all of them
    start = max((end for end in problem.flat.row_ends.tolist() if end <= last), default=0)
    whole = int(np.count_nonzero(decided < start)) == start
    return last < units and whole and not (prefix.value & ~prefix.mask).any()


def counted_before(saved: Arrays, levels: int) -> tuple[Integers, int]:
    """Return the counts and exact decisions that were saved; ValueError if they cannot be."""
    counts, decisions = (saved.get(name, np.empty(0)) for name in ("counts", "decisions"))
    if (counts.shape, decisions.shape) != ((levels,), ()) or counts.dtype != np.int64:
        raise ValueError("it says too little")
    if decisions.dtype != np.int64 or counts.min() < 0 or decisions < 0:
        raise ValueError("its counts are none")
    return counts, int(decisions)


class Crew:
    """Threads that explore subtrees and share them when one is idle.

    It is work for the loop of :mod:`polyregions.run.loop`.
    """

    def __init__(self, problem: Problem, order: NDArray[np.int64] | None, threads: int) -> None:
        self.problem, self.order, self.threads = problem, order, threads
        self.stop = stop_flag(problem)
        self._counts = np.zeros(len(problem.flat.widths) + 1, dtype=np.int64)
        ends = problem.flat.row_ends.tolist()
        self.last = ends.index(ends[-1]) + 1  # the level whose cells are the regions
        self._decisions = 0
        self._prefixes: list[Prefix] = []
        self._idle: list[Explorer] = []
        self._busy: list[Explorer] = [self._explorer()]
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self._jobs: dict[Future[None], Explorer] = {}
        self._pace = Pace(first_size(problem.flat.size), NODES_OF_A_STEP)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to explore."""
        return not (self._busy or self._jobs or self._prefixes)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Regions found, by level."""
        total = self._counts.copy()
        for subtree in [*self._busy, *self._jobs.values()]:
            total += subtree.counts
        return total

    @property
    def regions(self) -> int:
        """Regions found."""
        return int(self.counts[self.last])

    @property
    def reached(self) -> int:
        """Regions that count towards a limit: all."""
        return self.regions

    @property
    def bytes_ahead(self) -> int:
        """Bytes that grow with what was found: none."""
        return 0

    def progress(self, seconds: float) -> Progress:
        """Return how far the tree is; a count knows no edges."""
        return Progress(self.regions, self.waiting, 0, seconds)

    @property
    def exact_decisions(self) -> int:
        """Decisions that exact arithmetic took."""
        return self._decisions + sum(s.exact_decisions for s in [*self._busy, *self._jobs.values()])

    @property
    def waiting(self) -> int:
        """Subtrees that are not finished."""
        return len(self._prefixes) + len(self._busy) + len(self._jobs)

    def step(self, limit: int) -> None:
        """Explore a little in every thread, or raise `Stopped` in the middle of it."""
        if self._pool is None:
            subtree = self._next()
            assert subtree is not None  # it is not finished
            self._busy.append(subtree)  # where it is found again if it is stopped
            self._explore(subtree, limit)
            if subtree.finished:
                self._retire(self._busy.pop())
            return
        while len(self._jobs) < self.threads and (subtree := self._next()) is not None:
            self._submit(subtree, limit)
        done, _ = wait(self._jobs, return_when=FIRST_COMPLETED)
        for job in done:
            subtree = self._jobs.pop(job)
            if isinstance(job.exception(), Stopped):
                self._busy.append(subtree)  # in the middle of a decision: not to be taken apart
                continue
            job.result()
            if subtree.finished:
                self._retire(subtree)
            # few prefixes wait and threads may be idle soon: what is left of a subtree is shared
            elif len(self._prefixes) < self.threads and subtree.work >= NODES_OF_A_STEP:
                prefixes, counts = subtree.unexplored()
                self._account(subtree, counts)
                self._prefixes = prefixes[::-1] + self._prefixes
                self._idle.append(subtree)
            else:
                self._busy.append(subtree)

    def close(self) -> None:
        """Let the threads come to rest, and end."""
        self._rest()
        if self._pool is not None:
            self._pool.shutdown()

    def saved(self) -> Arrays:
        """Return what was counted, and the prefixes that are left; not within a step."""
        self._rest()
        counts, left = self._counts.copy(), list(self._prefixes)
        for subtree in self._busy:
            prefixes, found = subtree.unexplored()
            left = prefixes[::-1] + left
            counts += found
        words = n_words(self.problem.flat.units)
        return {
            "counts": counts,
            "decisions": np.array(self.exact_decisions),
            "left": np.array(left, dtype=np.uint64).reshape(len(left), 2, words),
        }

    def restore(self, saved: Arrays) -> None:
        """Go on from what was saved, instead of the beginning; ValueError if it is none of this."""
        counts, decisions = counted_before(saved, len(self._counts))
        left = saved.get("left", np.empty(0))
        if left.dtype != np.uint64 or left.ndim != 3 or left.shape[1] != 2:
            raise ValueError("it says too little")
        prefixes = [Prefix(*words) for words in left]
        if not all(is_prefix(self.problem, prefix) for prefix in prefixes):
            raise ValueError("it holds prefixes of another network")
        self._counts[:], self._decisions, self._prefixes = counts, decisions, prefixes
        self._idle, self._busy = self._busy, []

    def _rest(self) -> None:
        # threads write to arrays that are read: they have to be at rest
        for job in self._jobs:
            with suppress(Stopped):
                job.result()
        self._busy.extend(self._jobs.values())
        self._jobs.clear()
        for subtree in [s for s in self._busy if s.finished]:
            self._busy.remove(subtree)
            self._retire(subtree)

    def most(self, nodes: int) -> int | None:
        """Return an upper bound of the regions, if little is missing for one; after `close`."""
        bounds = [int(self._counts[self.last])]
        left = [subtree.most(nodes) for subtree in self._busy]
        for prefix in self._prefixes:
            subtree = self._explorer()
            subtree.start(prefix)
            left.append(subtree.most(nodes))
        for bound in left:
            if bound is None:
                return None
            bounds.append(bound)
        return sum(bounds)

    def _next(self) -> Explorer | None:
        """Return a subtree to go on with, if one is left that no thread explores."""
        # what was begun first: a subtree that was stopped in a decision cannot be taken apart
        if self._busy:
            return self._busy.pop()
        if not self._prefixes:
            return None
        subtree = self._idle.pop() if self._idle else self._explorer()
        subtree.start(self._prefixes.pop())
        return subtree

    def _retire(self, subtree: Explorer) -> None:
        self._account(subtree, subtree.counts)
        self._idle.append(subtree)

    def _explorer(self) -> Explorer:
        return explorer_of(self.problem, self.order, stop=self.stop)

    def _submit(self, subtree: Explorer, limit: int) -> None:
        assert self._pool is not None
        # what stops this thread stops the others
        job = self._pool.submit(copy_context().run, self._explore, subtree, limit)
        self._jobs[job] = subtree

    def _explore(self, subtree: Explorer, limit: int) -> None:
        with self._pace.step() as nodes:
            subtree.advance(nodes, limit)

    def _account(self, subtree: Explorer, counts: NDArray[np.int64]) -> None:
        self._counts += counts
        self._decisions += subtree.exact_decisions
