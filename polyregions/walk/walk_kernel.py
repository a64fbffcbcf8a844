"""Consecutive regions expanded, their neighbours entered into the visited set; compiled."""

from __future__ import annotations

from polyregions.compiled import entry, exact_order_kernel
from polyregions.walk.neighbors import OPEN, PROVEN, write_simple
from polyregions.walk.prefix_redundancy import settle_prefix
from polyregions.walk.prefixes import (
    REGISTERED,
    SETTLED,
    USED,
    prefix_of,
    register,
    roomy,
)
from polyregions.walk.region_kernel import decide_simple, find_start, rows_inside, unpack_bits
from polyregions.walk.visited import insert

__all__ = ["advance", "expand", "merge"]


@entry
@exact_order_kernel
def expand(flat, prefixes, patterns, starts, points, room, worker, result):
    """Expand consecutive regions until all are done or the facet buffers are full.

    A region with ties, or that rounding bounds cannot decide, is left open.

    Parameters
    ----------
    flat : FlatNetwork
    prefixes : Prefixes
        Those of the regions are settled.
    patterns : uint64 array, shape (r, W)
    starts : int16 array, shape (r, m)
        A basis on the facet each region was entered through (in the plane: its row), or
        NO_BASIS first.
    points : float64 array, shape (r, m)
        A point of that facet.
    room : float
        See `walk_vertices`: what a witness must keep free for its own rounding.
    worker : Worker
    result : Batch, out

    Returns
    -------
    int
        Number of regions expanded.
    """
    m, used = flat.dimension, 0
    capacity = len(result.children)
    for r in range(len(patterns)):
        if used + flat.units > capacity:
            return r
        unpack_bits(patterns[r], worker.bits)
        result.exact[r] = 0
        prefix = prefix_of(flat, prefixes, patterns[r], worker.key)
        count = -1
        rows, units, simple = 0, 0, False
        if prefix < 0 or not prefixes.ties[prefix]:
            rows, units, simple = rows_inside(flat, prefixes, prefix, patterns[r], worker)
        if simple:
            find_start(starts[r], rows, worker)
            count = decide_simple(m, rows, units, points[r], worker, room)
        if count >= 0:
            used = write_simple(worker, count, patterns[r], used, result)
        result.state[r] = PROVEN if count >= 0 else OPEN
        for d in range(m):
            result.witnesses[r, d] = worker.found.witness[d]
        result.ends[r] = used
    return len(patterns)


@entry
@exact_order_kernel
def merge(
    flat,
    prefixes,
    key,
    table,
    store,
    bases,
    points,
    count,
    first,
    begin,
    ends,
    result,
    edges,
    n_edges,
):
    """Enter the neighbours of consecutive regions into the visited set.

    Parameters
    ----------
    flat, prefixes
        New regions' prefixes are registered.
    key : uint64 array, shape (W + 1,)
        Work.
    table, store, bases, points
        The visited table, and the patterns and starts of all regions by number.
    count : int
        How many regions are known.
    first : int
        Number of the first region of the batch.
    begin : int
        Where the facets of its regions begin in `result`.
    ends : int64 array
        Where they end, region by region.
    result : Batch
    edges : int32 array, shape (capacity, 2), out
        Filled from row `n_edges`; an edge is written by its region of lower number.

    Returns
    -------
    count, n_edges : int
        The new totals.
    """
    children = result.children
    f = begin
    for r in range(len(ends)):
        parent = first + r
        while f < ends[r]:
            number = insert(table, store, count, children[f])
            if number == count:
                for k in range(bases.shape[1]):
                    bases[count, k] = result.bases[f, k]
                    points[count, k] = result.points[f, k]
                register(flat, prefixes, store[count], points[count], key)
                count += 1
            if number > parent:
                edges[n_edges, 0] = parent
                edges[n_edges, 1] = number
                n_edges += 1
            f += 1
    return count, n_edges


@entry
@exact_order_kernel
def advance(
    flat,
    prefixes,
    table,
    store,
    bases,
    points,
    edges,
    totals,
    budget,
    room,
    worker,
    result,
    open_numbers,
):
    """Expand and merge pending regions one small block after another.

    Parameters
    ----------
    totals : int64 array, shape (4,), in and out
        Regions known, edges known, regions expanded, open regions in `open_numbers`.
    budget : int
        Stop after this many regions.
    open_numbers : int64 array, out
        Numbers of the regions that floats could not decide; at least `budget` places.

    Notes
    -----
    Also stops when a store could overflow; the caller makes room and calls again.
    """
    count, n_edges, expanded, n_open = totals
    end = expanded + budget
    block = len(result.state)
    capacity = len(result.children)
    while expanded < count and expanded < end:
        most = count + capacity
        if most > len(store) or 2 * most > len(table) or n_edges + capacity > len(edges):
            break
        if not roomy(prefixes, capacity):
            break
        settled = prefixes.totals
        while settled[SETTLED] < settled[REGISTERED]:
            begin = settled[USED]
            if begin + flat.size > len(prefixes.rows):
                break
            number = settled[SETTLED]
            prefixes.starts[number] = begin
            settled[USED] = settle_prefix(flat, prefixes, number, worker, prefixes.rows, begin)
            prefixes.stops[number] = settled[USED]
            settled[SETTLED] = number + 1
        if settled[SETTLED] < settled[REGISTERED]:
            break
        stop = min(expanded + block, count, end)
        done = expand(
            flat,
            prefixes,
            store[expanded:stop],
            bases[expanded:stop],
            points[expanded:stop],
            room,
            worker,
            result,
        )
        for r in range(done):
            if result.state[r] == OPEN:
                open_numbers[n_open] = expanded + r
                n_open += 1
            else:
                for d in range(flat.dimension):
                    points[expanded + r, d] = result.witnesses[r, d]
        count, n_edges = merge(
            flat,
            prefixes,
            worker.key,
            table,
            store,
            bases,
            points,
            count,
            expanded,
            0,
            result.ends[:done],
            result,
            edges,
            n_edges,
        )
        expanded += done
    totals[0] = count
    totals[1] = n_edges
    totals[2] = expanded
    totals[3] = n_open
