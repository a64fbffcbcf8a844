"""What a walk has found so far, and the result it becomes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.geometry.witness import chart_points
from polyregions.pattern import Words, n_words, order, pack
from polyregions.regions import Regions
from polyregions.traversal.expand import NO_BASIS, Batch, merge
from polyregions.traversal.problem import Problem
from polyregions.traversal.start import start_region
from polyregions.traversal.visited import empty_table, fits, grown, rebuild

__all__ = ["Found", "make_room", "merge_batch", "result_of", "root"]

Floats = NDArray[np.float64]


@dataclass(eq=False)
class Found:
    """Growing arrays; regions are numbered in the order of discovery.

    Regions below `expanded` are done, except the numbers in `open`: degenerate ones that
    wait until no simple region is pending (so that numbers do not depend on the size of
    steps); ``resolving`` says that their turn has come. ``points[i]`` is the start of
    region i, a point of the facet it was entered through, and its witness once it is done
    (both in chart coordinates); ``exact_points`` holds the inputs of witnesses found in
    exact arithmetic.
    """

    patterns: Words
    bases: NDArray[np.int16]
    points: Floats
    edges: NDArray[np.int32]
    table: NDArray[np.uint32]
    count: int = 0
    n_edges: int = 0
    expanded: int = 0
    exact_decisions: int = 0
    resolving: bool = False
    open: deque[int] = field(default_factory=deque)
    exact_points: dict[int, tuple[Floats, tuple[Fraction, ...] | None]] = field(
        default_factory=dict
    )

    @property
    def done(self) -> int:
        """How many regions are decided."""
        return self.expanded - len(self.open)

    @property
    def finished(self) -> bool:
        """Whether every known region is decided: none is missing."""
        return self.done == self.count


def root(problem: Problem) -> Found:
    """Return the state that knows one region."""
    flat = problem.flat
    m, words = flat.dimension, n_words(flat.units)
    found = Found(
        patterns=np.zeros((1024, words), dtype=np.uint64),
        bases=np.zeros((1024, m), dtype=np.int16),
        points=np.zeros((1024, m)),
        edges=np.zeros((4096, 2), dtype=np.int32),
        table=empty_table(4096),
    )
    bits, found.points[0] = start_region(problem)
    found.patterns[0] = pack(bits)
    found.bases[0, 0] = NO_BASIS
    found.count = 1
    rebuild(found.table, found.patterns, 1)
    return found


def merge_batch(
    found: Found, first: int, ends: NDArray[np.int64], result: Batch, begin: int = 0
) -> None:
    """Look up the neighbours of consecutive regions, numbered from `first`.

    Their facets in `result` start at `begin`; new neighbours become pending.
    """
    facets = int(ends[-1]) - begin
    make_room(found, found.count + facets, found.n_edges + facets)
    found.count, found.n_edges = merge(
        found.table,
        found.patterns,
        found.bases,
        found.points,
        found.count,
        first,
        begin,
        ends,
        result,
        found.edges,
        found.n_edges,
    )


def make_room(found: Found, regions: int, edges: int) -> None:
    """Make the arrays large enough for so many regions and edges in all."""
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


def result_of(problem: Problem, found: Found) -> Regions:
    """Sort what was found by pattern, leaving out regions that were not expanded.

    `found` is used up: its arrays are released one by one, because at this moment
    both they and the result would have to fit into memory.
    """
    complete = found.finished
    found.table = empty_table(1)
    found.bases = found.bases[:0].copy()
    keep = np.ones(found.expanded, dtype=bool)
    keep[list(found.open)] = False
    numbers = np.flatnonzero(keep).astype(np.int32)
    patterns = problem.reduction.grow_words(found.patterns[: found.expanded][keep])
    found.patterns = found.patterns[:0].copy()
    position = order(patterns)
    numbers, patterns = numbers[position], patterns[position]
    del position
    rank = np.full(found.count, -1, dtype=np.int32)
    rank[numbers] = np.arange(len(numbers), dtype=np.int32)
    edges = _sorted_edges(found, rank)
    points = found.points[numbers]
    found.points = points[:0]
    witnesses, exact_witnesses = _witnesses(problem, found, numbers, points)
    return Regions(
        problem.network,
        problem.domain,
        patterns,
        witnesses,
        edges,
        complete=complete,
        proven=problem.proofs,
        exact_decisions=found.exact_decisions,
        exact_witnesses=exact_witnesses,
    )


def _witnesses(
    problem: Problem, found: Found, numbers: NDArray[np.int32], points: Floats
) -> tuple[Floats, dict[int, tuple[Fraction, ...]]]:
    """Return one input per region, and the exact ones of regions too thin for floats."""
    witnesses = chart_points(problem.chart, problem.domain, points)
    exact_witnesses = {}
    if found.exact_points:
        for index, number in enumerate(numbers.tolist()):
            if number in found.exact_points:
                witnesses[index], exact = found.exact_points[number]
                if exact is not None:
                    exact_witnesses[index] = exact
    return witnesses, exact_witnesses


def _sorted_edges(found: Found, rank: NDArray[np.int32]) -> NDArray[np.int32]:
    """Renumber edges by `rank`, drop those that leave the result, and sort them."""
    edges = found.edges[: found.n_edges]
    low, high = rank[edges[:, 0]], rank[edges[:, 1]]
    found.edges = found.edges[:0].copy()
    del edges
    inside = (low >= 0) & (high >= 0)
    if not inside.all():
        low, high = low[inside], high[inside]
    # one 64-bit key per edge, the lower number in front: sorting keys sorts pairs
    keys = np.minimum(low, high).astype(np.int64)
    keys <<= 32
    keys |= np.maximum(low, high)
    del low, high
    keys.sort()
    pairs = np.empty((len(keys), 2), dtype=np.int32)
    pairs[:, 0] = keys >> 32
    pairs[:, 1] = keys & 0xFFFFFFFF
    return pairs
