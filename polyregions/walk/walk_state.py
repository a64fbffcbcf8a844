"""What a walk has found so far, and the result it becomes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.cells.vertices import row_type
from polyregions.geometry.witness import chart_points
from polyregions.network.flat import FlatNetwork
from polyregions.pattern import Words, n_words, order, pack
from polyregions.regions import Regions
from polyregions.run.problem import Problem
from polyregions.walk.neighbors import Expansions
from polyregions.walk.prefix_mask import Fence
from polyregions.walk.prefixes import (
    USED,
    Prefixes,
    empty_prefixes,
    register,
    with_more_prefixes,
)
from polyregions.walk.region_kernel import NO_BASIS
from polyregions.walk.start import start_region
from polyregions.walk.visited import empty_table, fits, grown, rebuild
from polyregions.walk.walk_kernel import merge

__all__ = [
    "WalkState",
    "append_lists",
    "bytes_needed",
    "make_room",
    "merge_batch",
    "result_of",
    "root_at",
    "root_state",
    "sorted_numbers",
    "witness_block",
]


_ROWS_OF_A_BLOCK = 65536  # rows turned into a part of the result at a time, to save memory


@dataclass(eq=False)
class WalkState:
    """Growing arrays; regions are numbered in the order of discovery.

    Regions below `expanded` are done, except the numbers in `open`: degenerate ones that
    wait until no simple region is pending (so that numbers do not depend on the size of
    steps); ``resolving`` says that their turn has come. ``points[i]`` is the start of
    region i, a point of the facet it was entered through, and its witness once it is done
    (both in chart coordinates); ``exact_points`` holds the inputs of witnesses found in
    exact arithmetic. ``prefixes`` are those of all known regions.

    A walk that keeps its results on disk hands over what no step reads again: then
    `edges` holds the latest edges only, after `edges_stored` others, and the rows of
    `points` below `stored` are void. A walk with a `fence` stays inside it.
    """

    patterns: Words
    bases: NDArray[np.signedinteger[Any]]
    points: Floats
    edges: NDArray[np.int32]
    table: NDArray[np.uint32]
    prefixes: Prefixes
    count: int = 0
    n_edges: int = 0
    expanded: int = 0
    exact_decisions: int = 0
    resolving: bool = False
    edges_stored: int = 0
    stored: int = 0
    fence: Fence | None = None
    open: deque[int] = field(default_factory=deque)
    exact_points: dict[int, tuple[Floats, tuple[Fraction, ...] | None]] = field(
        default_factory=dict
    )

    @property
    def done(self) -> int:
        """How many regions are decided."""
        return self.expanded - len(self.open)

    @property
    def edges_found(self) -> int:
        """How many edges are known, in memory or on disk."""
        return self.edges_stored + self.n_edges

    @property
    def finished(self) -> bool:
        """Whether every known region is decided: none is missing."""
        return self.done == self.count


def root_state(problem: Problem) -> WalkState:
    """Return the state that knows one region."""
    bits, point = start_region(problem)
    return root_at(problem, pack(bits), point)


def root_at(problem: Problem, pattern: Words, point: Floats) -> WalkState:
    """Return the state that knows a given region and a chart point of its closure."""
    flat = problem.flat
    m, words = flat.dimension, n_words(flat.units)
    found = WalkState(
        patterns=np.zeros((1024, words), dtype=np.uint64),
        bases=np.zeros((1024, m), dtype=row_type(flat.size)),
        points=np.zeros((1024, m)),
        edges=np.zeros((4096, 2), dtype=np.int32),
        table=empty_table(4096),
        prefixes=empty_prefixes(flat),
    )
    found.patterns[0], found.points[0] = pattern, point
    found.bases[0, 0] = NO_BASIS
    found.count = 1
    rebuild(found.table, found.patterns, 1)
    found.prefixes = with_more_prefixes(flat, found.prefixes, 1)
    key = np.zeros(words + 1, dtype=np.uint64)
    register(flat, found.prefixes, found.patterns[0], found.points[0], key)
    return found


def merge_batch(
    flat: FlatNetwork,
    found: WalkState,
    first: int,
    ends: NDArray[np.int64],
    result: Expansions,
    begin: int = 0,
) -> None:
    """Look up the neighbours of consecutive regions, numbered from `first`.

    Their facets in `result` start at `begin`; new neighbours become pending. Facets that
    lead out of the fence are noted there.
    """
    if found.fence is not None:
        ends, result = found.fence.inner(first, begin, ends, result)
        begin = 0
    facets = int(ends[-1]) - begin
    make_room(flat, found, found.count + facets, found.n_edges + facets)
    found.count, found.n_edges = merge(
        flat,
        found.prefixes,
        np.empty(found.prefixes.keys.shape[1], dtype=np.uint64),
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


def append_lists(
    flat: FlatNetwork,
    found: WalkState,
    numbers: NDArray[np.int64],
    rows: NDArray[np.int64],
    stops: NDArray[np.int64],
) -> int:
    """Store the lists of some prefixes, which lie in `rows` up to their stops; return how many."""
    found.prefixes = with_more_prefixes(flat, found.prefixes, 0, int(stops[-1]))
    prefixes = found.prefixes
    begin = int(prefixes.totals[USED])
    end = begin + int(stops[-1])
    prefixes.rows[begin:end] = rows[: stops[-1]]
    prefixes.stops[numbers] = begin + stops
    prefixes.starts[numbers] = begin + np.concatenate([[0], stops[:-1]])
    prefixes.totals[USED] = end
    return len(numbers)


def make_room(flat: FlatNetwork, found: WalkState, regions: int, edges: int) -> None:
    """Make the arrays large enough for so many regions and edges in all."""
    found.patterns = _at_least(found.patterns, slice(0, found.count), regions)
    # no step reads the start of a region that was expanded
    found.bases = _at_least(found.bases, slice(found.expanded, found.count), regions)
    found.points = _at_least(found.points, slice(found.stored, found.count), regions)
    found.edges = _at_least(found.edges, slice(0, found.n_edges), edges)
    found.prefixes = with_more_prefixes(flat, found.prefixes, regions - found.count)
    if not fits(found.table, regions):
        found.table = grown(found.patterns, found.count, regions)


def _at_least(array: Any, used: slice, needed: int) -> Any:
    """Return `array`, or a copy of its rows in use with room for `needed` and more."""
    if needed <= len(array):
        return array
    larger = np.empty((max(needed, 2 * len(array)), array.shape[1]), dtype=array.dtype)
    larger[used] = array[used]
    return larger


def bytes_needed(found: WalkState, new: int) -> int:
    """Return the most memory that the walk's arrays take until it has found more.

    Parameters
    ----------
    found : Found
    new : int
        How many regions, and how many edges, more.

    Returns
    -------
    int
        Bytes, including copies while an array grows, and including the result that
        could be made of what was found. Room that is reserved but not written to is
        no memory.
    """
    regions, edges = found.count + new, found.n_edges + new
    word, base, point = (a.strides[0] for a in (found.patterns, found.bases, found.points))
    used = [regions * word, regions * base, (regions - found.stored) * point, 8 * edges]
    room = [len(found.patterns), len(found.bases), len(found.points), len(found.edges)]
    wanted = [regions, regions, regions, edges]
    # while an array grows it is there twice
    copies = [size for size, have, need in zip(used, room, wanted, strict=True) if need > have]
    table = found.table.nbytes
    prefixes = sum(np.asarray(array).nbytes for array in found.prefixes)
    if not fits(found.table, regions):
        copies.append(2 * table)
    walking = sum(used) + table + prefixes + max(copies, default=0)
    # patterns and witnesses twice, and four-byte numbers: position, rank, and sorting's own
    sorting = regions * (2 * word + 2 * point + 16) + 8 * edges
    return max(walking, sorting)


def result_of(problem: Problem, found: WalkState) -> Regions:
    """Sort what was found by pattern, leaving out regions that were not expanded.

    `found` is used up: its arrays are released one by one, because at this moment
    both they and the result would have to fit into memory.
    """
    complete = found.finished
    found.table = empty_table(1)
    found.bases = found.bases[:0].copy()
    found.prefixes = empty_prefixes(problem.flat)
    numbers, patterns = sorted_numbers(problem, found)
    found.patterns = found.patterns[:0].copy()
    witnesses = np.empty((len(numbers), problem.network.input_dimension))
    exact_witnesses: dict[int, tuple[Fraction, ...]] = {}
    for start in range(0, len(numbers), _ROWS_OF_A_BLOCK):
        block = numbers[start : start + _ROWS_OF_A_BLOCK]
        witnesses[start : start + _ROWS_OF_A_BLOCK], exact = witness_block(
            problem, found, block, found.points[block]
        )
        exact_witnesses |= {start + index: witness for index, witness in exact.items()}
    found.points = found.points[:0].copy()
    rank = np.full(found.count, -1, dtype=np.int32)
    rank[numbers] = np.arange(len(numbers), dtype=np.int32)
    return Regions(
        problem.network,
        problem.domain,
        patterns,
        witnesses,
        _sorted_edges(found, rank),
        complete=complete,
        proven=True,
        exact_decisions=found.exact_decisions,
        exact_witnesses=exact_witnesses,
    )


def sorted_numbers(problem: Problem, found: WalkState) -> tuple[NDArray[np.int32], Words]:
    """Return the numbers of the decided regions in the order of patterns, and these patterns."""
    patterns, numbers = found.patterns[: found.expanded], None
    if found.open:
        keep = np.ones(found.expanded, dtype=bool)
        keep[list(found.open)] = False
        patterns, numbers = patterns[keep], np.flatnonzero(keep).astype(np.int32)
    patterns = problem.reduction.grow_words(patterns)
    position = order(patterns)
    patterns = patterns[position]
    return position.astype(np.int32) if numbers is None else numbers[position], patterns


def witness_block(
    problem: Problem, found: WalkState, numbers: NDArray[np.int32], points: Floats
) -> tuple[Floats, dict[int, tuple[Fraction, ...]]]:
    """Return one input for each of some decided regions, whose chart points are given.

    Also the exact inputs of those too thin for floats, by index in the block.
    """
    witnesses = chart_points(problem.chart, problem.domain, points)
    exact_witnesses = {}
    if found.exact_points:
        for index, number in enumerate(numbers.tolist()):
            if number in found.exact_points:
                witnesses[index], exact = found.exact_points[number]
                if exact is not None:
                    exact_witnesses[index] = exact
    return witnesses, exact_witnesses


def _sorted_edges(found: WalkState, rank: NDArray[np.int32]) -> NDArray[np.int32]:
    """Renumber edges by `rank`, drop those that leave the result, and sort them, in place."""
    edges = found.edges[: found.n_edges]
    found.edges = np.empty((0, 2), dtype=np.int32)
    # one 64-bit key per edge, the lower number in front: sorting keys sorts pairs
    keys = edges.view(np.int64)[:, 0]
    count = 0
    for start in range(0, len(edges), _ROWS_OF_A_BLOCK):
        one, other = rank[edges[start : start + _ROWS_OF_A_BLOCK].T].astype(np.int64)
        low, high = np.minimum(one, other), np.maximum(one, other)
        block = (low << 32 | high)[low >= 0]
        keys[count : count + len(block)] = block
        count += len(block)
    keys = keys[:count]
    keys.sort()
    for start in range(0, count, _ROWS_OF_A_BLOCK):
        block = keys[start : start + _ROWS_OF_A_BLOCK].copy()
        edges[start : start + len(block), 0] = block >> 32
        edges[start : start + len(block), 1] = block & 0xFFFFFFFF
    return edges[:count]
