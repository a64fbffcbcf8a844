"""What a walk has found so far, the prefixes it stays below, and the result it becomes.

A `Fence` keeps a walk below some prefixes. The regions below one fill a convex set, so that a walk
from any of them reaches all without leaving it. What lies across the fence belongs to another walk;
the two see each edge between them once from either side.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.geometry.rows import row_scratch
from polyregions.geometry.witness import chart_points
from polyregions.network.flat import FlatNetwork
from polyregions.pattern import Words, order, pack
from polyregions.regions import Regions
from polyregions.run.problem import Problem
from polyregions.walk.first_region import start_points, start_region
from polyregions.walk.neighbors import Expansions
from polyregions.walk.prefixes import Prefixes, empty_prefixes, register, with_more_prefixes
from polyregions.walk.region_kernel import NO_BASIS
from polyregions.walk.visited import Store, empty_store, fits, rebuild, with_room, without
from polyregions.walk.walk_kernel import enter_first, merge

__all__ = [
    "Fence",
    "WalkState",
    "append_lists",
    "begin_rings",
    "bytes_needed",
    "make_room",
    "merge_batch",
    "result_of",
    "root_at",
    "root_state",
    "roots_at",
    "sorted_numbers",
    "witness_block",
]

_FIRST_REGIONS = 768
_ROWS_OF_A_BLOCK = 65536  # rows turned into a part of the result at a time, to save memory


@dataclass(eq=False)
class Fence:
    """The bits that all regions of a walk share, and the facets that led out so far.

    Attributes
    ----------
    mask : numpy.ndarray of uint64, shape (W,)
    values : numpy.ndarray of uint64, shape (k, W)
        Of prefixes that decide the same units (:class:`~polyregions.network.prefix.Prefix`). A
        region is inside iff it is below one of them.
    parents : list of numpy.ndarray of int64
        Numbers of the regions inside, one per facet, piece by piece.
    children : list of numpy.ndarray of uint64
        The patterns beyond.
    """

    mask: Words
    values: Words
    parents: list[NDArray[np.int64]] = field(default_factory=list)
    children: list[Words] = field(default_factory=list)

    def leading_out(self) -> tuple[NDArray[np.int64], Words]:
        """Return parents (k,) and patterns beyond (k, W) of all facets that led out."""
        none = np.zeros((0, len(self.mask)), dtype=np.uint64)
        return (
            np.concatenate([np.zeros(0, dtype=np.int64), *self.parents]),
            np.concatenate([none, *self.children]),
        )

    def inner(
        self, first: int, begin: int, ends: NDArray[np.int64], result: Expansions
    ) -> tuple[NDArray[np.int64], Expansions]:
        """Take the facets that lead out of a batch; return what is left, beginning at 0.

        Parameters
        ----------
        first, begin, ends, result
            As for :func:`polyregions.walk.walk_state.merge_batch`.
        """
        stop = int(ends[-1])
        children = result.children[begin:stop]
        inside = np.isin(_as_one_value(children & self.mask), _as_one_value(self.values))
        if not inside.all():
            # the owner of facet f is the first region whose end is beyond f
            out = np.flatnonzero(~inside)
            self.parents.append(first + np.searchsorted(ends, begin + out, side="right"))
            self.children.append(children[out])
        # how many facets are left before each
        left = np.concatenate([[0], np.cumsum(inside)])
        kept = begin + np.flatnonzero(inside)
        names = ("children", "bases", "points", "known")
        return left[ends - begin], result._replace(
            **{name: getattr(result, name)[kept] for name in names}
        )


def _as_one_value(words: Words) -> NDArray[np.void]:
    """Return each row as one value that compares by its bytes, shape (k,)."""
    rows = np.ascontiguousarray(words)
    return rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()


@dataclass(eq=False)
class WalkState:
    """What is known between two steps; regions are numbered in the order of discovery.

    Regions that were expanded are done, except the numbers in `open`: degenerate ones that
    wait until no simple region is pending (so that numbers do not depend on the size of
    steps); ``resolving`` says that their turn has come. ``exact_points`` holds the inputs of
    witnesses found in exact arithmetic. ``prefixes`` are those of all known regions.

    A walk that keeps its results on disk hands over what no step reads again: then the store
    holds the latest edges only, after `edges_stored` others, and its points below `stored`
    are void. A walk with a `fence` stays inside it.

    A walk by graph distance has `rings`: ``rings[d]`` of its regions, the first ones, are at most
    d facets away from those it began with. The next ring waits until the last one is decided, and
    what is more than `depth` facets away for ever.
    """

    store: Store
    prefixes: Prefixes
    exact_decisions: int = 0
    resolving: bool = False  # whether degenerate regions have their turn
    edges_stored: int = 0  # handed over, and no longer in the store
    stored: int = 0  # points of lower numbers were handed over
    fence: Fence | None = None
    rings: list[int] | None = None
    depth: int | None = None
    # numbers of regions that wait for `resolve`, ascending
    open: deque[int] = field(default_factory=deque)
    # by number: the input, and its exact value where no float has the pattern
    exact_points: dict[int, tuple[Floats, tuple[Fraction, ...] | None]] = field(
        default_factory=dict
    )

    @property
    def count(self) -> int:
        """How many regions are known."""
        regions, *_ = self.store.counters.item()
        return int(regions)

    @property
    def expanded(self) -> int:
        """How many regions were expanded: the first ones."""
        _, _, expanded, _ = self.store.counters.item()
        return int(expanded)

    @property
    def n_edges(self) -> int:
        """How many edges are in memory."""
        _, edges, *_ = self.store.counters.item()
        return int(edges)

    @property
    def done(self) -> int:
        """How many regions are decided."""
        return self.expanded - len(self.open)

    @property
    def edges_found(self) -> int:
        """How many edges are known, in memory or on disk."""
        return self.edges_stored + self.n_edges

    @property
    def size(self) -> int:
        """How many regions and edges are known."""
        return self.count + self.edges_found

    @property
    def finished(self) -> bool:
        """Whether every known region is decided: none is missing."""
        regions, _, expanded, _ = self.store.counters.item()
        return bool(regions == expanded) and not self.open

    @property
    def end(self) -> int:
        """How many regions may be decided before the walk looks further: the first ones."""
        return self.count if self.rings is None else self.rings[-1]

    @property
    def at_depth(self) -> bool:
        """Whether every region that is at most `depth` facets away is decided."""
        if self.rings is None or self.depth is None:
            return False
        return self.whole_depth >= self.depth

    @property
    def whole_depth(self) -> int:
        """How many facets away every region is decided that is no further; -1 if none is."""
        rings = self.rings or []
        return len(rings) - (1 if self.done == self.end else 2)


def root_state(problem: Problem) -> WalkState:
    """Return the state that knows one region."""
    flat, starts = problem.flat, start_points(problem)
    found, bits = _empty_state(flat, 1), np.empty(flat.units, dtype=np.uint8)
    if enter_first(flat, starts, found.prefixes, found.store, bits, row_scratch(flat)):
        return found
    bits, point = start_region(problem)
    return root_at(problem, pack(bits), point)


def root_at(problem: Problem, pattern: Words, point: Floats) -> WalkState:
    """Return the state that knows a given region and a chart point of its closure."""
    return roots_at(problem, pattern[None], point[None])


def roots_at(problem: Problem, patterns: Words, points: Floats) -> WalkState:
    """Return the state that knows given regions, each once, and a chart point of each closure.

    Parameters
    ----------
    problem : Problem
    patterns : numpy.ndarray of uint64, shape (k, W)
        Of the units that vary.
    points : numpy.ndarray of float64, shape (k, m)
    """
    count, found = len(patterns), _empty_state(problem.flat, len(patterns))
    store, prefixes = found.store, found.prefixes
    store.patterns[:count], store.points[:count] = patterns, points
    store.bases[:count, 0] = NO_BASIS
    store.known[:count] = 0
    store.counters[0]["regions"] = count
    rebuild(store.table, store.patterns, count)
    for number in range(count):
        register(prefixes, store.patterns[number], store.points[number])
    return found


def _empty_state(flat: FlatNetwork, count: int) -> WalkState:
    """Return a state without regions, and with room for so many."""
    # room for a block of new regions, too, which the first step asks for
    prefixes = with_more_prefixes(flat, empty_prefixes(flat), count + _FIRST_REGIONS)
    return WalkState(with_room(empty_store(flat), count, 0), prefixes)


def begin_rings(problem: Problem, found: WalkState, depth: int | None) -> None:
    """Let a walk that knows its roots only go on by graph distance, up to a depth."""
    found.rings, found.depth = [found.count], depth
    if problem.is_large:
        # where rows are long, and few regions are asked for, no list of rows pays for itself
        none = empty_prefixes(problem.flat)
        found.prefixes = none._replace(depths=none.depths[:0], masks=none.masks[:0])


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
    # what leads out is noted by the fence, and never becomes a region here
    if found.fence is not None:
        ends, result = found.fence.inner(first, begin, ends, result)
        begin = 0
    facets = int(ends[-1]) - begin
    make_room(flat, found, found.count + facets, found.n_edges + facets)
    merge(found.prefixes, found.store, first, begin, ends, result)


def append_lists(
    flat: FlatNetwork,
    found: WalkState,
    numbers: NDArray[np.int64],
    rows: NDArray[np.int64],
    stops: NDArray[np.int64],
) -> int:
    """Store the lists of some prefixes, which lie in `rows` up to their stops; return how many."""
    # one after another, as one thread alone would have written them
    found.prefixes = with_more_prefixes(flat, found.prefixes, 0, int(stops[-1]))
    prefixes = found.prefixes
    begin = int(prefixes.totals[0]["used"])
    end = begin + int(stops[-1])
    prefixes.rows[begin:end] = rows[: stops[-1]]
    prefixes.stops[numbers] = begin + stops
    prefixes.starts[numbers] = begin + np.concatenate([[0], stops[:-1]])
    prefixes.totals[0]["used"] = end
    return len(numbers)


def make_room(flat: FlatNetwork, found: WalkState, regions: int, edges: int) -> None:
    """Make the arrays large enough for so many regions and edges in all."""
    found.prefixes = with_more_prefixes(flat, found.prefixes, regions - found.count)
    found.store = with_room(found.store, regions, edges, found.stored)


def bytes_needed(found: WalkState, new: int) -> int:
    """Return the most memory that the walk's arrays take until it has found more.

    Parameters
    ----------
    found : WalkState
    new : int
        How many regions, and how many edges, more.

    Returns
    -------
    int
        Bytes, including copies while an array grows, and including the result that
        could be made of what was found. Room that is reserved but not written to is
        no memory.
    """
    regions, edges, store = found.count + new, found.n_edges + new, found.store
    arrays = (store.patterns, store.bases, store.points, store.known)
    word, base, point, known = (int(array.itemsize * array.shape[1]) for array in arrays)
    held = regions - found.stored
    used = [regions * word, regions * base, held * point, regions * known, 8 * edges]
    room = [*map(len, arrays), len(store.edges)]
    wanted = [*[regions] * len(arrays), edges]
    # while an array grows it is there twice
    copies = [size for size, have, need in zip(used, room, wanted, strict=True) if need > have]
    table = store.table.nbytes
    prefixes = sum(np.asarray(array).nbytes for array in found.prefixes)
    if not fits(store.table, regions):
        copies.append(2 * table)
    walking = sum(used) + table + prefixes + max(copies, default=0)
    # patterns and witnesses twice, and four-byte numbers: position, rank, and sorting's own
    sorting = regions * (2 * word + 2 * point + 16) + 8 * edges
    return max(walking, sorting)


def result_of(problem: Problem, found: WalkState) -> Regions:
    """Sort what was found by pattern, leaving out regions that were not expanded.

    `found` is used up: its arrays are released one by one, because at this moment
    both they and the result would have to fit into memory. (Small ones always do.)
    """
    complete, large = found.finished, found.count > _ROWS_OF_A_BLOCK
    if large:
        found.prefixes = empty_prefixes(problem.flat)
        found.store = without(found.store, "table", "bases", "known")
    numbers, patterns = sorted_numbers(problem, found)
    if large:
        found.store = without(found.store, "patterns")
    witnesses = np.empty((len(numbers), problem.network.input_dimension))
    exact_witnesses: dict[int, tuple[Fraction, ...]] = {}
    for start in range(0, len(numbers), _ROWS_OF_A_BLOCK):
        block = numbers[start : start + _ROWS_OF_A_BLOCK]
        witnesses[start : start + _ROWS_OF_A_BLOCK], exact = witness_block(
            problem, found, block, found.store.points[block]
        )
        exact_witnesses |= {start + index: witness for index, witness in exact.items()}
    if large:
        found.store = without(found.store, "points")
    # -1 marks regions without a place in the result: their edges are dropped
    rank = np.empty(found.count, dtype=np.int32)
    if not complete:
        rank.fill(-1)
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
    patterns, numbers = found.store.patterns[: found.expanded], None
    if found.open:
        # those that wait are not decided: they are no part of the result
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
    edges = found.store.edges[: found.n_edges]
    found.store = without(found.store, "edges")
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
    # back to pairs, over the same memory
    for start in range(0, count, _ROWS_OF_A_BLOCK):
        block = keys[start : start + _ROWS_OF_A_BLOCK].copy()
        edges[start : start + len(block), 0] = block >> 32
        edges[start : start + len(block), 1] = block & 0xFFFFFFFF
    return edges[:count]
