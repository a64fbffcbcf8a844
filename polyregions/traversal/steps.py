"""One step of the walk: some pending regions are decided, their neighbours looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from polyregions.geometry.modular import (
    ModularNetwork,
    no_modular_network,
    with_own_scratch,
)
from polyregions.geometry.witness import float_witness
from polyregions.pattern import pack, unpack
from polyregions.traversal.exact_step import exact_region
from polyregions.traversal.expand import (
    NO_BASIS,
    OPEN,
    Batch,
    Machine,
    advance,
    batch,
    expand,
    machine,
)
from polyregions.traversal.found import Found, make_room, merge_batch
from polyregions.traversal.problem import Problem

__all__ = ["stepper"]

# Regions between two looks at the clock: enough to hide Python's cost, few enough to stop fast.
_CHUNK = 4096
_BLOCK = 64  # regions between two merges in one thread: their facets stay in the cache
_FACETS_PER_REGION = 12  # room first given to a batch; it is split when that is not enough


@dataclass(eq=False)
class _Worker:
    """The work arrays of one thread."""

    machine: Machine
    modular: ModularNetwork


@contextmanager
def stepper(problem: Problem, threads: int) -> Iterator[Callable[[Found, int], None]]:
    """Yield a function that takes the walk one step on, by at most so many regions."""
    flat = problem.flat
    workers = [_Worker(machine(flat), no_modular_network(flat)) for _ in range(threads)]
    room = batch(flat, _BLOCK, max(flat.units, _FACETS_PER_REGION * _BLOCK))
    with ThreadPoolExecutor(threads) as pool:

        def step(found: Found, limit: int) -> None:
            if found.open:
                _expand_open(problem, found, workers)
            elif threads == 1:
                _advance(problem, found, workers[0], room, min(_CHUNK, limit))
            else:
                _expand_chunk(problem, found, workers, pool, min(_CHUNK * threads, limit))

        yield step


def _advance(problem: Problem, found: Found, worker: _Worker, room: Batch, budget: int) -> None:
    """Expand and merge up to `budget` pending regions in this thread."""
    facets = len(room.children)
    make_room(found, found.count + facets, found.n_edges + facets)
    totals = np.array(
        [found.count, found.n_edges, found.expanded, 0, found.exact_decisions], dtype=np.int64
    )
    open_numbers = np.empty(budget, dtype=np.int64)
    advance(
        problem.flat,
        worker.modular,
        found.table,
        found.patterns,
        found.bases,
        found.points,
        found.edges,
        totals,
        budget,
        problem.room,
        problem.proofs,
        worker.machine,
        room,
        open_numbers,
    )
    found.count, found.n_edges, found.expanded, n_open, found.exact_decisions = totals.tolist()
    found.open.extend(open_numbers[:n_open].tolist())


def _expand_chunk(
    problem: Problem,
    found: Found,
    workers: list[_Worker],
    pool: ThreadPoolExecutor,
    budget: int,
) -> None:
    """Expand up to `budget` pending regions in several threads, then merge in order."""
    first = found.expanded
    last = min(found.count, first + budget)
    cuts = np.linspace(first, last, len(workers) + 1).astype(int).tolist()
    jobs = [
        pool.submit(_expand_part, problem, found, start, stop, worker)
        for start, stop, worker in zip(cuts, cuts[1:], workers, strict=False)
    ]
    for job in jobs:
        for size, result in job.result():
            start = found.expanded
            ends = result.ends[:size]
            undecided = result.state[:size] == OPEN
            found.exact_decisions += int(result.exact[:size].sum())
            found.open.extend((start + np.flatnonzero(undecided)).tolist())
            decided = start + np.flatnonzero(~undecided)
            found.points[decided] = result.witnesses[:size][~undecided]
            merge_batch(found, start, ends, result)
            found.expanded += size


def _expand_part(
    problem: Problem, found: Found, start: int, stop: int, worker: _Worker
) -> list[tuple[int, Batch]]:
    """Expand consecutive regions into one batch, or several if its room runs out."""
    flat = problem.flat
    outcome = []
    while start < stop:
        left = stop - start
        result = batch(flat, left, max(flat.units, _FACETS_PER_REGION * left))
        size = expand(
            flat,
            worker.modular,
            found.patterns[start:stop],
            found.bases[start:stop],
            found.points[start:stop],
            problem.room,
            problem.proofs,
            worker.machine,
            result,
        )
        outcome.append((size, result))
        start += size
    return outcome


def _expand_open(problem: Problem, found: Found, workers: list[_Worker]) -> None:
    """Decide one region that floats left open, in exact arithmetic."""
    number = found.open.popleft()
    flat = problem.flat
    worker = workers[0]
    if "modular" not in vars(problem):
        # the first open region: from now on kernels decide ties themselves
        for each in workers:
            each.modular = with_own_scratch(problem.modular)
    if len(worker.modular.primes):
        here = slice(number, number + 1)
        result = batch(flat, 1, flat.units)
        expand(
            flat,
            worker.modular,
            found.patterns[here],
            found.bases[here],
            found.points[here],
            problem.room,
            problem.proofs,
            worker.machine,
            result,
        )
        if result.state[0] != OPEN:
            found.exact_decisions += int(result.exact[0])
            found.points[number] = result.witnesses[0]
            merge_batch(found, number, result.ends, result)
            return
    bits = unpack(found.patterns[number], flat.units)
    region = exact_region(problem.exact, bits)
    if region is None:
        raise AssertionError("a region entered through a proven facet is empty: this is a bug")
    found.exact_decisions += 1
    found.points[number] = 1.0  # a place holder: the witness is below
    found.exact_points[number] = float_witness(problem.exact, problem.domain, region.interior, bits)
    result = batch(flat, 1, max(1, len(region.facets)))
    for f, facet in enumerate(region.facets):
        result.children[f] = pack(facet.neighbor)
        result.bases[f] = NO_BASIS
        result.points[f] = [float(u) for u in facet.point]
    merge_batch(found, number, np.array([len(region.facets)], dtype=np.int64), result)
