"""The walk: from region to adjacent region until none is new.

Across a facet of a region lies exactly one region, and the facet graph of the
regions of an open convex domain is connected; so a breadth-first walk that decides
every facet of every region it meets finds them all.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from polyregions.domain import Box
from polyregions.errors import PolyregionsError
from polyregions.geometry.chart import Chart, chart_of
from polyregions.geometry.exact import ExactNetwork, exact_network
from polyregions.geometry.flat import FlatNetwork, flatten
from polyregions.geometry.modular import (
    ModularNetwork,
    modular_network,
    no_modular_network,
)
from polyregions.geometry.witness import chart_points, float_witness, witness_room
from polyregions.network import Network
from polyregions.pattern import Words, n_words, order, pack, unpack
from polyregions.regions import Region, Regions
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
    merge,
)
from polyregions.traversal.interrupt import Interrupt
from polyregions.traversal.progress import Progress
from polyregions.traversal.start import start_region
from polyregions.traversal.visited import empty_table, fits, grown, rebuild

__all__ = ["count_regions", "enumerate_regions", "traverse"]

Arithmetic = Literal["certified", "float", "rational"]
Floats = NDArray[np.float64]

# Regions between two looks at the clock: enough to hide Python's cost, few enough to stop fast.
_CHUNK = 4096
_BLOCK = 64  # regions between two merges in one thread: their facets stay in the cache
_FACETS_PER_REGION = 12  # room first given to a batch; it is split when that is not enough


@dataclass(frozen=True, eq=False)
class _Problem:
    """What does not change during a walk."""

    network: Network
    domain: Box | None
    chart: Chart
    flat: FlatNetwork
    room: float
    proofs: bool

    @cached_property
    def modular(self) -> ModularNetwork:
        return modular_network(self.network, self.chart, self.flat)

    @cached_property
    def exact(self) -> ExactNetwork:
        return exact_network(self.network, self.chart)


@dataclass(eq=False)
class _Found:
    """What the walk has found so far; regions are numbered in the order of discovery.

    Regions below `expanded` are done, except the numbers in `open`, which wait for
    exact arithmetic. ``points[i]`` is the start of region i, a point of the facet it
    was entered through, and its witness once it is done (both in chart coordinates).
    """

    patterns: Words
    bases: NDArray[np.int16]
    points: Floats
    edges: NDArray[np.int32]
    table: NDArray[np.uint32]
    modular: ModularNetwork
    count: int = 0
    n_edges: int = 0
    expanded: int = 0
    exact_decisions: int = 0
    open: deque[int] = field(default_factory=deque)
    exact_points: dict[int, tuple[Floats, tuple[Fraction, ...] | None]] = field(
        default_factory=dict
    )

    @property
    def finished(self) -> bool:
        return self.expanded == self.count and not self.open


def enumerate_regions(
    network: Network,
    domain: Box | None,
    *,
    arithmetic: Arithmetic = "certified",
    threads: int = 1,
    max_regions: int | None = None,
    time_limit: float | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Regions:
    """Return every activation region of a network in a domain, with their adjacency.

    Parameters
    ----------
    network : Network
    domain : Box or None
        Where to count; ``None`` is the whole space.
    arithmetic : {"certified", "float", "rational"}
        "certified" proves each decision by a rounding bound, or by exact arithmetic
        where the bound is not enough. "float" skips the proofs (benchmarks only; the
        result says ``proven=False``). "rational" uses exact arithmetic throughout (slow).
    threads : int
        Workers; the result does not depend on it.
    max_regions : int, optional
        Stop after this many regions; the result then says ``complete=False``.
    time_limit : float, optional
        Stop after about this many seconds, likewise.
    progress : callable, optional
        Called with a :class:`~polyregions.traversal.progress.Progress` now and then.

    Returns
    -------
    Regions
        Sorted by pattern: equal for every start and number of threads. Ctrl-C ends
        the walk with the regions found so far and ``complete=False``.

    Raises
    ------
    DomainError
        If the domain does not fit the network.
    PolyregionsError
        If a limit is not positive.

    Notes
    -----
    *Algorithm.* Breadth-first search. For each region the rows of its polytope are
    computed from its pattern, a compiled dictionary simplex decides which carry a
    facet, and the region beyond each facet is looked up in a hash table of patterns.
    Regions that floats cannot decide beyond their rounding bound are decided in
    exact integer arithmetic.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [0, 0, -0.5]), ([[1, 1, 1]], [0])])
    >>> regions = pr.enumerate_regions(net, pr.Box.cube(2, 1.0))
    >>> len(regions), len(regions.edges), regions.complete, regions.proven
    (7, 9, True, True)
    """
    limit = _region_limit(max_regions)
    if time_limit is not None and not time_limit > 0:
        raise PolyregionsError(f"the time limit must be positive, not {time_limit}")
    if threads < 1:
        raise PolyregionsError(f"the number of threads must be at least 1, not {threads}")
    if arithmetic == "rational":
        from polyregions.traversal.rational_walk import enumerate_rational

        return enumerate_rational(network, domain)
    problem = _problem(network, domain, proofs=arithmetic != "float")
    begin = reported = time.monotonic()
    with Interrupt() as interrupt, _step(problem, threads) as step:
        found = _root(problem)
        while not found.finished and found.expanded - len(found.open) < limit:
            step(found, limit - (found.expanded - len(found.open)))
            now = time.monotonic()
            if progress is not None and (now - reported > 0.1 or found.finished):
                waiting = found.count - found.expanded + len(found.open)
                progress(Progress(found.count, waiting, found.n_edges, now - begin))
                reported = now
            if interrupt.requested or (time_limit is not None and now - begin > time_limit):
                break
    return _result(problem, found)


def traverse(
    network: Network, domain: Box | None, *, threads: int = 1
) -> Iterator[Region]:
    """Yield regions as the walk finds them.

    Stop whenever you have seen enough; nothing is computed ahead of about 4,000
    regions.

    Parameters
    ----------
    network : Network
    domain : Box or None
    threads : int

    Yields
    ------
    Region

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> sorted(region.bits.tolist() for region in pr.traverse(net, pr.Box.cube(1, 1.0)))
    [[0, 0], [1, 0], [1, 1]]
    """
    problem = _problem(network, domain, proofs=True)
    with _step(problem, threads) as step:
        found = _root(problem)
        while not found.finished:
            start, waiting = found.expanded, set(found.open)
            step(found, _CHUNK)
            numbers = [*range(start, found.expanded), *waiting]
            numbers = sorted(set(numbers).difference(found.open))
            points = chart_points(domain, found.points[numbers])
            for number, point in zip(numbers, points, strict=True):
                point, exact = found.exact_points.get(number, (point, None))
                if exact is None:
                    exact = tuple(Fraction(float(value)) for value in point)
                pattern = found.patterns[number].copy()
                yield Region(network, domain, pattern, point, exact)


def count_regions(network: Network, domain: Box | None, *, threads: int = 1) -> int:
    """Return the number of activation regions of a network in a domain.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> pr.count_regions(net, pr.Box.cube(1, 1.0))
    3
    """
    return len(enumerate_regions(network, domain, threads=threads))


def _region_limit(max_regions: int | None) -> int:
    if max_regions is None:
        return np.iinfo(np.int32).max
    if max_regions < 1:
        raise PolyregionsError(f"the limit on regions must be at least 1, not {max_regions}")
    return max_regions


def _problem(network: Network, domain: Box | None, *, proofs: bool) -> _Problem:
    chart = chart_of(domain, network.input_dimension)
    room = witness_room(domain, chart.dimension)
    return _Problem(network, domain, chart, flatten(network, chart), room, proofs)


def _root(problem: _Problem) -> _Found:
    """Return the state that knows one region."""
    flat = problem.flat
    m, words = flat.dimension, n_words(flat.units)
    found = _Found(
        patterns=np.zeros((1024, words), dtype=np.uint64),
        bases=np.zeros((1024, m), dtype=np.int16),
        points=np.zeros((1024, m)),
        edges=np.zeros((4096, 2), dtype=np.int32),
        table=empty_table(4096),
        modular=no_modular_network(flat),
    )
    bits, found.points[0] = start_region(problem.network, problem.domain, flat, lambda: problem.exact)
    found.patterns[0] = pack(bits)
    found.bases[0, 0] = NO_BASIS
    found.count = 1
    rebuild(found.table, found.patterns, 1)
    return found


@contextmanager
def _step(problem: _Problem, threads: int) -> Iterator[Callable[[_Found, int], None]]:
    """Yield a function that takes the walk one step on, by at most so many regions."""
    flat = problem.flat
    machines = [machine(flat) for _ in range(threads)]
    room = batch(flat, _BLOCK, max(flat.units, _FACETS_PER_REGION * _BLOCK))
    with ThreadPoolExecutor(threads) as pool:

        def step(found: _Found, limit: int) -> None:
            if found.open:
                _expand_open(problem, found, machines[0])
            elif threads == 1:
                _advance(problem, found, machines[0], room, min(_CHUNK, limit))
            else:
                _expand_chunk(problem, found, machines, pool, min(_CHUNK * threads, limit))

        yield step


def _advance(
    problem: _Problem, found: _Found, worker: Machine, room: Batch, budget: int
) -> None:
    """Expand and merge up to `budget` pending regions in this thread."""
    facets = len(room.children)
    _make_room(found, found.count + facets, found.n_edges + facets)
    totals = np.array(
        [found.count, found.n_edges, found.expanded, 0, found.exact_decisions], dtype=np.int64
    )
    open_numbers = np.empty(budget, dtype=np.int64)
    advance(
        problem.flat, found.modular, found.table, found.patterns, found.bases, found.points, found.edges,
        totals, budget, problem.room, problem.proofs, worker, room, open_numbers,
    )
    found.count, found.n_edges, found.expanded, n_open, found.exact_decisions = totals.tolist()
    found.open.extend(open_numbers[:n_open].tolist())


def _expand_chunk(
    problem: _Problem,
    found: _Found,
    machines: list[Machine],
    pool: ThreadPoolExecutor,
    budget: int,
) -> None:
    """Expand up to `budget` pending regions in several threads, then merge in order."""
    first = found.expanded
    last = min(found.count, first + budget)
    cuts = np.linspace(first, last, len(machines) + 1).astype(int).tolist()
    jobs = [
        pool.submit(_expand_part, problem, found, start, stop, worker)
        for start, stop, worker in zip(cuts, cuts[1:], machines, strict=False)
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
            _merge(found, start, ends, result)
            found.expanded += size


def _expand_part(
    problem: _Problem, found: _Found, start: int, stop: int, worker: Machine
) -> list[tuple[int, Batch]]:
    """Expand consecutive regions into one batch, or several if its room runs out."""
    flat = problem.flat
    outcome = []
    while start < stop:
        left = stop - start
        result = batch(flat, left, max(flat.units, _FACETS_PER_REGION * left))
        size = expand(
            flat, found.modular, found.patterns[start:stop], found.bases[start:stop],
            found.points[start:stop], problem.room, problem.proofs, worker, result,
        )
        outcome.append((size, result))
        start += size
    return outcome


def _merge(found: _Found, first: int, ends: NDArray[np.int64], result: Batch) -> None:
    """Look up the neighbours of consecutive regions; new ones become pending."""
    facets = int(ends[-1])
    _make_room(found, found.count + facets, found.n_edges + facets)
    found.count, found.n_edges = merge(
        found.table, found.patterns, found.bases, found.points, found.count, first, ends,
        result, found.edges, found.n_edges,
    )


def _make_room(found: _Found, regions: int, edges: int) -> None:
    found.patterns = _at_least(found.patterns, found.count, regions)
    found.bases = _at_least(found.bases, found.count, regions)
    found.points = _at_least(found.points, found.count, regions)
    found.edges = _at_least(found.edges, found.n_edges, edges)
    if not fits(found.table, regions):
        found.table = grown(found.patterns, found.count, 2 * regions)


def _at_least(array: Any, used: int, needed: int) -> Any:
    """Return `array`, or a copy of its first `used` rows with room for `needed` and more."""
    if needed <= len(array):
        return array
    larger = np.empty((max(needed, 2 * len(array)), array.shape[1]), dtype=array.dtype)
    larger[:used] = array[:used]
    return larger


def _expand_open(problem: _Problem, found: _Found, worker: Machine) -> None:
    """Decide one region that floats left open, in exact arithmetic."""
    number = found.open.popleft()
    flat = problem.flat
    if found.modular is not problem.modular:
        # the first open region: from now on kernels decide ties themselves
        found.modular = problem.modular
    if len(found.modular.primes):
        here = slice(number, number + 1)
        result = batch(flat, 1, flat.units)
        expand(
            flat, found.modular, found.patterns[here], found.bases[here], found.points[here],
            problem.room, problem.proofs, worker, result,
        )
        if result.state[0] != OPEN:
            found.exact_decisions += int(result.exact[0])
            found.points[number] = result.witnesses[0]
            _merge(found, number, result.ends, result)
            return
    bits = unpack(found.patterns[number], flat.units)
    region = exact_region(problem.exact, bits)
    assert region is not None, "a region entered through a proven facet is not empty"
    found.exact_decisions += 1
    found.exact_points[number] = float_witness(
        problem.exact, problem.domain, region.interior, bits
    )
    result = batch(flat, 1, max(1, len(region.facets)))
    for f, facet in enumerate(region.facets):
        result.children[f] = pack(facet.neighbor)
        result.bases[f] = NO_BASIS
        result.points[f] = [float(u) for u in facet.point]
    _merge(found, number, np.array([len(region.facets)], dtype=np.int64), result)


def _result(problem: _Problem, found: _Found) -> Regions:
    """Sort what was found by pattern, leaving out regions that were not expanded."""
    keep = np.ones(found.expanded, dtype=bool)
    keep[list(found.open)] = False
    numbers = np.flatnonzero(keep)
    patterns = found.patterns[numbers]
    position = order(patterns)
    numbers = numbers[position]
    rank = np.full(found.count, -1, dtype=np.int64)
    rank[numbers] = np.arange(len(numbers))
    witnesses, exact_witnesses = _witnesses(problem, found, numbers)
    return Regions(
        problem.network,
        problem.domain,
        patterns[position],
        witnesses,
        _sorted_edges(found.edges[: found.n_edges], rank),
        complete=found.finished,
        proven=problem.proofs,
        exact_decisions=found.exact_decisions,
        exact_witnesses=exact_witnesses,
    )


def _witnesses(
    problem: _Problem, found: _Found, numbers: NDArray[np.int64]
) -> tuple[Floats, dict[int, tuple[Fraction, ...]]]:
    """Return one input per region, and the exact ones of regions too thin for floats."""
    points = found.points[numbers]
    special = {
        index: found.exact_points[number]
        for index, number in enumerate(numbers.tolist())
        if number in found.exact_points
    } if found.exact_points else {}
    points[list(special)] = 1.0  # a harmless place holder: these rows are written below
    witnesses = chart_points(problem.domain, points)
    for index, (point, _) in special.items():
        witnesses[index] = point
    return witnesses, {i: exact for i, (_, exact) in special.items() if exact is not None}


def _sorted_edges(edges: NDArray[np.int32], rank: NDArray[np.int64]) -> NDArray[np.int32]:
    """Renumber edges by `rank`, drop those that leave the result, and sort them."""
    total = np.int64(max(1, len(rank)))
    low = np.minimum(rank[edges[:, 0]], rank[edges[:, 1]])
    high = np.maximum(rank[edges[:, 0]], rank[edges[:, 1]])
    keys = (low * total + high)[low >= 0]
    keys.sort()
    return np.stack([keys // total, keys % total], axis=1).astype(np.int32)
