"""Prefix regions: what the first layers alone decide is decided once.

The signs of the first layers' units cut the domain into *prefix regions*; all regions
with the same signs lie in one of them. A row of the first layers that is redundant for
a prefix region, or a row of the next layer that keeps its sign over it, is redundant for
every region inside, and is never looked at again there. So each prefix region has a list
of rows that matter, made from the list of the shorter prefix.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.compiled import exact_order_kernel
from polyregions.geometry.flat import FlatNetwork
from polyregions.geometry.rows import LOST, region_rows
from polyregions.geometry.sources import NOTHING, trace_sources
from polyregions.lp.constant_rows import drop_constant_rows, drop_rows_off_polygon
from polyregions.lp.dictionary import HUGE, step_inside, vertex_from_point
from polyregions.lp.polygon import nearest_row, walk_polygon
from polyregions.lp.proofs import evaluate_row
from polyregions.lp.vertices import walk_vertices
from polyregions.pattern import Words, n_words
from polyregions.traversal.visited import empty_table, find, fits, grown, insert

__all__ = [
    "Prefixes",
    "RowCache",
    "copy_list",
    "empty_prefixes",
    "prefix_of",
    "recall",
    "register",
    "remember",
    "roomy",
    "row_cache",
    "settle",
    "settle_all",
    "settle_run",
    "with_room",
]

Integers = NDArray[np.int64]

NONE = -1
REGISTERED, SETTLED, USED = 0, 1, 2

# Hints: lists that are longer are computed anew each time; numbers in a cache (16 MB).
_CACHED_ROWS = 64
_CACHED_ENTRIES = 2**21


class RowCache(NamedTuple):
    """The rows of some prefixes' lists, signed as if all units were active; by number modulo."""

    numbers: Integers
    counts: Integers
    ids: Integers
    rows: NDArray[np.float64]
    errors: NDArray[np.float64]


def row_cache(flat: FlatNetwork) -> RowCache:
    """Allocate room for the rows of some prefixes: more than one step of the walk meets."""
    longest = min(flat.size, _CACHED_ROWS)
    slots = max(1, _CACHED_ENTRIES // ((flat.dimension + 3) * longest))
    return RowCache(
        numbers=np.full(slots, NONE, dtype=np.int64),
        counts=np.zeros(slots, dtype=np.int64),
        ids=np.empty((slots, longest), dtype=np.int64),
        rows=np.empty((slots, flat.dimension + 1, longest)),
        errors=np.empty((slots, longest)),
    )


class Prefixes(NamedTuple):
    """The prefix regions known so far, by number; a shorter prefix has a lower number.

    Attributes
    ----------
    depths : numpy.ndarray of int64, shape (K,)
        How many layers the prefixes of each level have.
    keys : numpy.ndarray of uint64, shape (P, W + 1)
        The packed bits of the prefix, and its level.
    table : numpy.ndarray of uint32
        Hash table of the keys.
    parents : numpy.ndarray of int64, shape (P,)
        The prefix without its last layer, or NONE.
    points : numpy.ndarray of float64, shape (P, m)
        A point of the closure, from which the rows are decided.
    starts, stops : numpy.ndarray of int64, shape (P,)
        Where its list is in `rows`.
    ties : numpy.ndarray of bool, shape (P,)
        Whether the network's shape makes some rows vanish or coincide with listed ones.
    rows : numpy.ndarray of int64
        Lists of rows: units in ascending order, then the domain's.
    totals : numpy.ndarray of int64, shape (3,)
        How many are registered and settled, and how much of `rows` is used.
    shape_ties : bool
        Whether the network's shape can make any tie at all.
    """

    depths: Integers
    keys: Words
    table: NDArray[np.uint32]
    parents: Integers
    points: NDArray[np.float64]
    starts: Integers
    stops: Integers
    ties: NDArray[np.bool_]
    rows: Integers
    totals: Integers
    shape_ties: bool


def empty_prefixes(flat: FlatNetwork) -> Prefixes:
    """Return the prefixes of a walk that has not begun."""
    later = flat.biases[flat.widths[0] :]
    bends = np.diff(flat.row_ends, prepend=0) > 0
    return Prefixes(
        depths=np.flatnonzero(bends)[1:].astype(np.int64),
        keys=np.zeros((1024, n_words(flat.units) + 1), dtype=np.uint64),
        table=empty_table(2048),
        parents=np.zeros(1024, dtype=np.int64),
        points=np.zeros((1024, flat.dimension)),
        starts=np.zeros(1024, dtype=np.int64),
        stops=np.zeros(1024, dtype=np.int64),
        ties=np.zeros(1024, dtype=np.bool_),
        rows=np.zeros(max(8192, 2 * flat.size), dtype=np.int64),
        totals=np.zeros(3, dtype=np.int64),
        shape_ties=bool((later == 0).any()),
    )


def with_room(flat: FlatNetwork, prefixes: Prefixes, regions: int, rows: int = 0) -> Prefixes:
    """Return the prefixes with room for those of so many new regions, and for their lists.

    `rows` is the length of lists that are to be stored at once. Returns the same arrays
    where they are large enough.
    """
    registered, settled, used = prefixes.totals.tolist()
    needed = registered + regions * len(prefixes.depths)
    if needed > len(prefixes.keys):
        size = max(needed, 2 * len(prefixes.keys))
        names = ("keys", "parents", "points", "starts", "stops", "ties")
        longer = {name: _longer(getattr(prefixes, name), size) for name in names}
        prefixes = prefixes._replace(**longer)
    if not fits(prefixes.table, needed):
        prefixes = prefixes._replace(table=grown(prefixes.keys, registered, needed))
    # lists are far shorter than this unless nothing can be dropped
    wanted = used + max(rows, flat.size, 32 * (registered - settled))
    if wanted > len(prefixes.rows):
        prefixes = prefixes._replace(rows=_longer(prefixes.rows, max(wanted, 2 * used)))
    return prefixes


def _longer(array: Any, size: int) -> Any:
    larger = np.zeros((size, *array.shape[1:]), dtype=array.dtype)
    larger[: len(array)] = array
    return larger


@exact_order_kernel
def roomy(prefixes, regions):
    """Return whether the prefixes of so many new regions can be registered."""
    needed = prefixes.totals[REGISTERED] + regions * len(prefixes.depths)
    return needed <= len(prefixes.keys) and 2 * needed <= len(prefixes.table)


@exact_order_kernel
def write_key(flat, prefixes, level, words, key):
    """Write the key of a pattern's prefix of the given level."""
    rows = flat.row_ends[prefixes.depths[level] - 1]
    for w in range(len(words)):
        kept = min(max(rows - 64 * w, 0), 64)
        mask = np.uint64(0xFFFFFFFFFFFFFFFF)
        if kept < 64:
            mask = (np.uint64(1) << np.uint64(kept)) - np.uint64(1)
        key[w] = words[w] & mask
    key[len(words)] = np.uint64(level)


@exact_order_kernel
def register(flat, prefixes, words, point, key):
    """Enter all prefixes of a new region's pattern that are not known yet.

    `point` is a point of the region's closure; there must be room for all levels.
    """
    levels = len(prefixes.depths)
    level = levels
    parent = np.int64(NONE)
    while level > 0:
        write_key(flat, prefixes, level - 1, words, key)
        parent = find(prefixes.table, prefixes.keys, key)
        if parent >= 0:
            break
        level -= 1
    while level < levels:
        write_key(flat, prefixes, level, words, key)
        number = prefixes.totals[REGISTERED]
        insert(prefixes.table, prefixes.keys, number, key)
        prefixes.totals[REGISTERED] = number + 1
        prefixes.parents[number] = parent
        for d in range(len(point)):
            prefixes.points[number, d] = point[d]
        parent = number
        level += 1


@exact_order_kernel
def copy_list(flat, prefixes, number, ids):
    """Write the rows that matter inside a prefix (NONE: the domain); return how many."""
    if number < 0:
        count = flat.units
        if len(prefixes.depths) > 0:
            count = flat.row_ends[prefixes.depths[0] - 1]
        for i in range(count):
            ids[i] = i
        for i in range(flat.units, flat.size):
            ids[count] = i
            count += 1
        return count
    count = 0
    for t in range(prefixes.starts[number], prefixes.stops[number]):
        ids[count] = prefixes.rows[t]
        count += 1
    return count


@exact_order_kernel
def prefix_of(flat, prefixes, words, key):
    """Return the number of a region's longest prefix, or NONE (one layer)."""
    level = len(prefixes.depths) - 1
    if level < 0:
        return np.int64(NONE)
    write_key(flat, prefixes, level, words, key)
    return find(prefixes.table, prefixes.keys, key)


@exact_order_kernel
def keep_row(flat, machine, slot, c, position):
    """Copy the row in column c to the cache; return False if it must not be kept."""
    cache = machine.cache
    row, error = machine.ids[c], machine.errors[c]
    sign = 1.0
    if row < flat.units:
        if error in (0.0, LOST, HUGE):
            return False  # the sign of a constant is part of its proof
        if machine.bits[row] == 0:
            sign = -1.0
    for d in range(flat.dimension + 1):
        cache.rows[slot, d, position] = sign * machine.rows[d, c]
    cache.errors[slot, position] = error
    cache.ids[slot, position] = row
    return True


@exact_order_kernel
def remember(flat, number, count, machine):
    """Keep the listed rows, computed for ``machine.bits``, for the next region inside.

    The rows of two regions inside one prefix differ by signs only.
    """
    cache = machine.cache
    if number < 0 or count > cache.rows.shape[2]:
        return
    slot = number % len(cache.numbers)
    cache.numbers[slot] = NONE
    for c in range(count):
        if not keep_row(flat, machine, slot, c, c):
            return
    cache.counts[slot] = count
    cache.numbers[slot] = number


@exact_order_kernel
def recall(flat, number, words, machine):
    """Write rows and ids of a region from those kept for its prefix; return how many, or 0."""
    cache = machine.cache
    slot = number % len(cache.numbers)
    if number < 0 or cache.numbers[slot] != number:
        return 0
    m = flat.dimension
    count = cache.counts[slot]
    for c in range(count):
        row = cache.ids[slot, c]
        machine.ids[c] = row
        machine.errors[c] = cache.errors[slot, c]
        sign = 1.0
        if row < flat.units and (words[row >> 6] >> np.uint64(row & 63)) & np.uint64(1) == 0:
            sign = -1.0
        for d in range(m + 1):
            machine.rows[d, c] = sign * cache.rows[slot, d, c]
    return count


@exact_order_kernel
def drop_ties(flat, depth, machine, inner, stop):
    """Clear ``keep`` of rows ``inner..stop`` that vanish or coincide by the network's shape.

    A row coincides if it is a multiple of a row that stays: of the polytope, or asked
    about before it. Returns whether any row was dropped.
    """
    groups, ids, keep = machine.groups, machine.ids, machine.keep
    trace_sources(flat, depth, machine.bits, groups.sources)
    claimed = groups.claimed
    for u in range(len(claimed)):
        claimed[u] = False
    dropped = False
    for c in range(stop):
        if ids[c] >= flat.units or not keep[c]:
            continue
        source = groups.sources.source[flat.unit_of_row[ids[c]]]
        if c >= inner and (source == NOTHING or claimed[source]):
            keep[c] = 0
            dropped = True
        elif source != NOTHING:
            claimed[source] = True
    return dropped


@exact_order_kernel
def compact(machine, m, begin, end, target):
    """Move the kept columns ``begin..end`` of rows, errors and ids to `target` onwards."""
    for c in range(begin, end):
        if machine.keep[c]:
            for d in range(m + 1):
                machine.rows[d, target] = machine.rows[d, c]
            machine.errors[target] = machine.errors[c]
            machine.ids[target] = machine.ids[c]
            target += 1
    return target


@exact_order_kernel
def settle(flat, prefixes, number, machine, out, begin):
    """Decide which rows matter inside a prefix region.

    Parameters
    ----------
    flat : FlatNetwork
    prefixes : Prefixes
        The prefix's parent must be settled. ``ties[number]`` is set.
    number : int
    machine : Machine
    out : int64 array, out
        The list is written from `begin` on.

    Returns
    -------
    int
        The end of the list.

    Notes
    -----
    *Algorithm.* Of the parent's list, the rows that carry a facet of the prefix region,
    by the same proven walks that decide a region. Of the next layer's units, those that
    do not keep their sign. If the walk is left undecided, all rows stay.
    """
    m = flat.dimension
    key = prefixes.keys[number]
    depth = prefixes.depths[np.int64(key[len(key) - 1])]
    ids, keep, work, found = machine.ids, machine.keep, machine.work, machine.found
    rows, errors = machine.rows, machine.errors
    bits = machine.bits
    for i in range(flat.units):
        bits[i] = (key[i >> 6] >> np.uint64(i & 63)) & np.uint64(1)
    parent = prefixes.parents[number]
    inner = copy_list(flat, prefixes, parent, ids)
    stop = inner
    for row in range(flat.row_ends[depth - 1], flat.row_ends[depth]):
        ids[stop] = row
        stop += 1
    region_rows(flat, depth + 1, bits, ids, stop, rows, errors, machine.scratch)
    simple = True
    for c in range(inner):
        keep[c] = 1
        if errors[c] == LOST:
            simple = False
    for c in range(inner, stop):
        keep[c] = 1
    count = -1
    if simple:
        for d in range(m):
            work.point[d] = prefixes.points[number, d]
        if m == 2:
            row = nearest_row(rows, inner, work.point)
            if row >= 0:
                count = walk_polygon(
                    rows,
                    errors,
                    inner,
                    inner,
                    row,
                    work.point,
                    work.slack,
                    found,
                    machine.witness,
                    0.0,
                    True,
                )
        else:
            step_inside(rows, m, inner, work)
            if vertex_from_point(rows, m, inner, work):
                count = walk_vertices(
                    rows, errors, m, inner, inner, work, found, machine.witness, 0.0, True
                )
    if count >= 0:
        for c in range(inner):
            keep[c] = 0
        for f in range(count):
            keep[found.rows[f]] = 1
    tied = parent >= 0 and prefixes.ties[parent]
    if prefixes.shape_ties and drop_ties(flat, depth + 1, machine, inner, stop):
        tied = True
    prefixes.ties[number] = tied
    if count >= 0:
        for c in range(inner, stop):
            if errors[c] == LOST:
                errors[c] = HUGE  # whatever is not known to keep its sign stays
            elif evaluate_row(rows, m, c, machine.witness) < 0.0:
                bits[ids[c]] = 1
                for d in range(m + 1):
                    rows[d, c] = -rows[d, c]
        if m == 2:
            drop_rows_off_polygon(rows, errors, count, found, inner, stop, work.slack, keep)
        else:
            facets = compact(machine, m, 0, inner, 0)
            stop = compact(machine, m, inner, stop, facets)
            inner = facets
            for c in range(stop):
                keep[c] = 1
            for d in range(m):
                work.point[d] = machine.witness[d]
            drop_constant_rows(rows, errors, m, inner, stop, work, keep)
    # units first, the domain's rows last
    end = begin
    for c in range(stop):
        if keep[c] and ids[c] < flat.units:
            out[end] = c
            end += 1
    for c in range(inner):
        if keep[c] and ids[c] >= flat.units:
            out[end] = c
            end += 1
    whole = np.int64(key[len(key) - 1]) == len(prefixes.depths) - 1
    if whole and count >= 0 and end - begin <= machine.cache.rows.shape[2]:
        slot = number % len(machine.cache.numbers)
        machine.cache.numbers[slot] = NONE
        kept = True
        for t in range(begin, end):
            kept = kept and keep_row(flat, machine, slot, out[t], t - begin)
        if kept:
            machine.cache.counts[slot] = end - begin
            machine.cache.numbers[slot] = number
    for t in range(begin, end):
        out[t] = ids[out[t]]
    return end


@exact_order_kernel
def settle_all(flat, prefixes, machine):
    """Settle the registered prefixes in turn; return False if there is no room for one."""
    totals = prefixes.totals
    while totals[SETTLED] < totals[REGISTERED]:
        begin = totals[USED]
        if begin + flat.size > len(prefixes.rows):
            return False
        number = totals[SETTLED]
        end = settle(flat, prefixes, number, machine, prefixes.rows, begin)
        prefixes.starts[number] = begin
        prefixes.stops[number] = end
        totals[USED] = end
        totals[SETTLED] = number + 1
    return True


@exact_order_kernel
def settle_run(flat, prefixes, numbers, machine, rows, stops):
    """Write the lists of some prefixes one after another; return how many there was room for."""
    end = 0
    for t in range(len(numbers)):
        if end + flat.size > len(rows):
            return t
        end = settle(flat, prefixes, numbers[t], machine, rows, end)
        stops[t] = end
    return len(numbers)
