"""Regions that the simple kernel left open, decided in compiled code.

Where the network's shape explains every tie, the rows that matter are simple and only
the crossing takes more care; all others are decided with their ties.
"""

from __future__ import annotations

from polyregions.cells.degenerate import walk_degenerate
from polyregions.compiled import entry, exact_order_kernel
from polyregions.geometry.rows import Rows
from polyregions.walk.neighbors import OPEN, PROVEN, write_degenerate, write_tied
from polyregions.walk.prefixes import prefix_of
from polyregions.walk.region_kernel import (
    NO_BASIS,
    decide_simple,
    facets_listed,
    list_every_row,
    rows_inside,
    unpack_bits,
)

__all__ = ["decide_tied", "resolve"]


@exact_order_kernel
def decide_tied(flat, prefixes, words, point, worker, room):
    """Decide the rows of a region in a prefix with ties.

    Parameters
    ----------
    flat, prefixes, worker, room
        See `resolve`.
    words : uint64 array, shape (W,)
        The region's pattern, also in ``worker.bits``.
    point : float64 array, shape (m,)

    Returns
    -------
    int
        See `decide_simple`; -1 also where there are no ties.
    """
    worker.groups.exact[0] = 0
    prefix = prefix_of(prefixes, words, worker.key)
    if prefix < 0 or not prefixes.ties[prefix]:
        return -1
    # its list leaves out what is tied by the network's shape: the rest may be simple
    rows, units, simple = rows_inside(flat, prefixes, prefix, words, worker.nothing, worker)
    if not simple:
        return -1
    worker.start[0] = NO_BASIS  # degenerate regions hand none down
    return decide_simple(flat.dimension, rows, units, point, worker, room)


@entry
@exact_order_kernel
def resolve(flat, modular, prefixes, patterns, points, room, worker, result):
    """Decide regions one by one until all are done or the facet buffers are full.

    Parameters
    ----------
    flat : FlatNetwork
    modular : ModularNetwork
    prefixes : Prefixes
        Those of the regions are settled.
    patterns : uint64 array, shape (r, W)
    points : float64 array, shape (r, m)
        A point of the facet each region was entered through, or of the region.
    room : float
        See `walk_vertices`.
    worker : Worker
    result : Expansions, out
        ``state`` is still OPEN where exact arithmetic must decide.

    Returns
    -------
    int
        Number of regions looked at; the one under way is not, where the worker is to stop.

    Notes
    -----
    *Invariant.* The facets of a region that is PROVEN are all of them, each with the one
    pattern beyond: docs/mathematics.md, parts 2 and 7. One that is left OPEN has none.
    """
    m = flat.dimension
    work, used = worker.work, 0
    for r in range(len(patterns)):
        # a region has at most one facet for each unit
        if used + flat.units > len(result.children):
            return r
        unpack_bits(patterns[r], worker.bits)
        end = -1
        count = decide_tied(flat, prefixes, patterns[r], points[r], worker, room)
        if count >= 0:
            end = write_tied(flat, modular, worker, count, used, result)
        if end < 0:
            # every row of the network: a list may leave out one that an edge must name
            facets_listed(flat, list_every_row(flat, worker), worker)
            for d in range(m):
                work.point[d] = points[r, d]
            count = walk_degenerate(
                flat,
                modular,
                worker.bits,
                Rows(worker.rows, worker.errors),
                work,
                worker.found,
                room,
                worker.groups,
            )
            if count >= 0:
                end = write_degenerate(flat, modular, worker, count, used, result)
        if work.stop[0] != 0:
            return r
        if end >= 0:
            used = end
            result.state[r] = PROVEN
            result.exact[r] = worker.groups.exact[0]
        else:
            # for exact arithmetic, in Python
            result.state[r] = OPEN
            result.exact[r] = 0
        for d in range(m):
            result.witnesses[r, d] = worker.found.witness[d]
        result.ends[r] = used
    return len(patterns)
