"""Consecutive regions expanded, their neighbours entered into the visited set; compiled."""

from __future__ import annotations

import numpy as np

from polyregions.compiled import entry, exact_order_kernel
from polyregions.geometry.rows import write_pattern_at
from polyregions.walk.known_rows import tell_neighbors
from polyregions.walk.neighbors import OPEN, PROVEN, pack_bits, write_simple
from polyregions.walk.prefix_redundancy import settle_prefix
from polyregions.walk.prefixes import prefix_of, register, roomy
from polyregions.walk.region_kernel import (
    NO_BASIS,
    decide_simple,
    find_start,
    rows_inside,
    unpack_bits,
)
from polyregions.walk.visited import Frontier, insert

__all__ = ["advance", "end_of_round", "enter_first", "expand", "merge"]


@entry
@exact_order_kernel
def enter_first(flat, starts, prefixes, store, bits, scratch):
    """Enter one region as the first of a walk that knows none.

    Parameters
    ----------
    flat : FlatNetwork
    starts : float64 array, shape (T, m)
        Points of the domain, one of which the region is sought at.
    prefixes : Prefixes, out
        With room for all levels.
    store : Store, out
    bits : uint8 array, shape (N,)
        Work, like `scratch`.
    scratch : RowScratch

    Returns
    -------
    bool
        False if no region is proven at any of these points; nothing is entered then.
    """
    for attempt in range(len(starts)):
        point = starts[attempt]
        if write_pattern_at(flat, point, bits, scratch):
            pack_bits(bits, store.patterns[0])
            insert(store.table, store.patterns, 0, store.patterns[0])
            store.bases[0, 0] = NO_BASIS
            for w in range(store.known.shape[1]):
                store.known[0, w] = np.uint64(0)
            for d in range(flat.dimension):
                store.points[0, d] = point[d]
            register(prefixes, store.patterns[0], store.points[0])
            store.counters[0]["regions"] = 1
            return True
    return False


@entry
@exact_order_kernel
def expand(flat, prefixes, pending, room, worker, result):
    """Expand consecutive regions until all are done or the facet buffers are full.

    A region with ties, or that rounding bounds cannot decide, is left open.

    Parameters
    ----------
    flat : FlatNetwork
    prefixes : Prefixes
        Those of the regions are settled.
    pending : Frontier
        The regions.
    room : float
        See `walk_vertices`: what a witness must keep free for its own rounding.
    worker : Worker
    result : Expansions, out

    Returns
    -------
    int
        Number of regions expanded; the one under way is not, where the worker is to stop.

    Notes
    -----
    *Invariant.* The facets of a PROVEN region lie between the end of the one before and its
    own, and are all of them that are not known from the other side: docs/mathematics.md, parts
    6 and 8.
    """
    m, used, patterns = flat.dimension, 0, pending.patterns
    capacity = len(result.children)
    for r in range(len(patterns)):
        # a region has at most one facet for each unit
        if used + flat.units > capacity:
            return r
        unpack_bits(patterns[r], worker.bits)
        result.exact[r] = 0
        prefix = prefix_of(prefixes, patterns[r], worker.key)
        count = -1
        rows, units, simple = 0, 0, False
        # rows of a prefix with ties coincide: `resolve` has its turn later
        if prefix < 0 or not prefixes.ties[prefix]:
            rows, units, simple = rows_inside(
                flat, prefixes, prefix, patterns[r], pending.known[r], worker
            )
        if simple:
            # the simplex goes on from the vertex that the region was entered through
            find_start(pending.bases[r], rows, worker)
            count = decide_simple(m, rows, units, pending.points[r], worker, room)
            if worker.work.stop[0] != 0:
                return r
        if count >= 0:
            # without ties a facet is on one row, and crossing it flips one bit
            begin = used
            used = write_simple(worker, count, patterns[r], begin, result)
            tell_neighbors(flat, units, worker, begin, used, result)
        result.state[r] = PROVEN if count >= 0 else OPEN
        for d in range(m):
            result.witnesses[r, d] = worker.found.witness[d]
        result.ends[r] = used
    return len(patterns)


@entry
@exact_order_kernel
def end_of_round(store):
    """Return the number where the round ends; the next one begins when all below are expanded.

    Its regions are those that were known when it began. They are told what earlier rounds have
    proven, and nothing of each other. So what is known of a region when it is expanded does not
    depend on how many are expanded before they are merged.
    """
    counters = store.counters[0]
    if counters["expanded"] >= counters["round"]:
        counters["round"] = counters["regions"]
    return counters["round"]


@entry
@exact_order_kernel
def merge(prefixes, store, first, begin, ends, result):
    """Enter the neighbours of consecutive regions into the visited set.

    Decides which of the patterns beyond are new: they become regions with the next numbers,
    and their prefixes are registered. An edge is written by its region of lower number.

    Parameters
    ----------
    prefixes : Prefixes, out
    store : Store, out
        With room for as many regions and edges as there are facets.
    first : int
        Number of the first region.
    begin : int
        Where the facets of its regions begin in `result`.
    ends : int64 array, shape (r,)
        Where they end, region by region.
    result : Expansions

    Notes
    -----
    *Invariant.* After region ``first + r`` every pattern beyond one of its facets is in the
    table, and every edge to a region of higher number is written. With `advance` this makes
    the walk complete: docs/mathematics.md, part 3.
    """
    counters = store.counters[0]
    # in registers: the loop is too short for memory
    count, n_edges = counters["regions"], counters["edges"]
    bases, points, known, edges = store.bases, store.points, store.known, store.edges
    # regions of the round under way are told nothing of each other
    round_end = counters["round"]
    f = begin
    for r in range(len(ends)):
        parent = first + r
        while f < ends[r]:
            number = insert(store.table, store.patterns, count, result.children[f])
            if number == count:
                # the facet that it was found through is where its own decision starts
                for k in range(bases.shape[1]):
                    bases[count, k] = result.bases[f, k]
                    points[count, k] = result.points[f, k]
                for w in range(known.shape[1]):
                    known[count, w] = np.uint64(0)
                register(prefixes, store.patterns[count], points[count])
                count += 1
            if number >= round_end:
                for w in range(known.shape[1]):
                    known[number, w] |= result.known[f, w]
            # the facet is seen from both sides; a region of lower number has written it
            if number > parent:
                edges[n_edges, 0] = parent
                edges[n_edges, 1] = number
                n_edges += 1
            f += 1
    counters["regions"] = count
    counters["edges"] = n_edges


@exact_order_kernel
def settle_registered(flat, prefixes, worker):
    """Settle the prefixes that are registered, in the order of their numbers.

    Parameters
    ----------
    flat : FlatNetwork
    prefixes : Prefixes, out
    worker : Worker
        Work.

    Returns
    -------
    bool
        False if there is no room for another list, or the worker is to stop; those before it
        are settled.

    Notes
    -----
    *Invariant.* All prefixes below ``totals["settled"]`` have lists: a parent has a lower
    number, so that it is settled before its children ask for its list.
    """
    totals = prefixes.totals[0]
    while totals["settled"] < totals["registered"]:
        begin = totals["used"]
        if begin + flat.size > len(prefixes.rows):
            return False
        number = totals["settled"]
        end = settle_prefix(flat, prefixes, number, worker, prefixes.rows, begin)
        if worker.work.stop[0] != 0:
            return False
        prefixes.starts[number] = begin
        prefixes.stops[number] = end
        totals["used"] = end
        totals["settled"] = number + 1
    return True


@entry
@exact_order_kernel
def advance(flat, prefixes, store, budget, room, worker, result, open_numbers):
    """Expand and merge pending regions one small block after another.

    Parameters
    ----------
    flat : FlatNetwork
    prefixes : Prefixes, out
    store : Store, out
    budget : int
        Stop after this many regions.
    room : float
        See `walk_vertices`.
    worker : Worker
    result : Expansions
        Work: room for the regions of a block, and for their facets.
    open_numbers : int64 array, out
        Numbers of the regions that floats could not decide; at least `budget` places.

    Returns
    -------
    int
        How many numbers were written there.

    Notes
    -----
    Also stops when a store could overflow (the caller makes room and calls again), and where
    the worker is to stop.

    *Invariant.* Between two blocks every region below ``counters["expanded"]`` is decided, and
    all its neighbours are in the table, or its number is open. So when all are expanded and
    none is open, nothing is missing: docs/mathematics.md, part 3.
    """
    counters = store.counters[0]
    end = counters["expanded"] + budget
    block, capacity = len(result.state), len(result.children)
    n_open = 0
    unwanted = worker.work.stop
    while counters["expanded"] < min(counters["regions"], end) and unwanted[0] == 0:
        round_end = end_of_round(store)
        # every facet of a block could lead to a new region, and be a new edge
        most = counters["regions"] + capacity
        if most > len(store.patterns) or 2 * most > len(store.table):
            break
        if counters["edges"] + capacity > len(store.edges) or not roomy(prefixes, capacity):
            break
        if not settle_registered(flat, prefixes, worker):
            break
        first = counters["expanded"]
        stop = min(first + block, round_end, end)
        done = expand(
            flat,
            prefixes,
            Frontier(
                store.patterns[first:stop],
                store.bases[first:stop],
                store.points[first:stop],
                store.known[first:stop],
            ),
            room,
            worker,
            result,
        )
        for r in range(done):
            if result.state[r] == OPEN:
                # its place in the store keeps the point of the facet, to start from again
                open_numbers[n_open] = first + r
                n_open += 1
            else:
                for d in range(flat.dimension):
                    store.points[first + r, d] = result.witnesses[r, d]
        merge(prefixes, store, first, 0, result.ends[:done], result)
        counters["expanded"] = first + done
    return n_open
