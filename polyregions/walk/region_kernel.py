"""One region decided, compiled: from a pattern to its facets."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.cells.degeneracy import GroupScratch, group_scratch
from polyregions.cells.dictionary import Workspace, step_inside, vertex_from_point, workspace
from polyregions.cells.polygon import nearest_row, walk_polygon
from polyregions.cells.vertices import FacetBuffer, facet_buffer, walk_vertices
from polyregions.compiled import exact_order_kernel
from polyregions.geometry.rows import OK, Rows, RowScratch, row_scratch, write_region_rows
from polyregions.network.flat import FlatNetwork
from polyregions.pattern import Words, n_words
from polyregions.walk.prefixes import copy_list
from polyregions.walk.row_cache import RowCache, recall, remember, row_cache

__all__ = [
    "NO_BASIS",
    "Worker",
    "decide_simple",
    "facets_listed",
    "find_start",
    "list_every_row",
    "rows_inside",
    "unpack_bits",
    "worker_of",
]


NO_BASIS = -1


class Worker(NamedTuple):
    """Everything one worker needs to expand regions: arrays, no state between regions.

    ``ids`` names the rows in the columns of ``rows``, ``place`` is its inverse.
    """

    ids: NDArray[np.int64]
    place: NDArray[np.int64]
    keep: NDArray[np.uint8]
    key: Words
    start: NDArray[np.int64]
    cache: RowCache
    rows: Floats
    errors: Floats
    bits: NDArray[np.uint8]
    scratch: RowScratch
    work: Workspace
    found: FacetBuffer
    groups: GroupScratch


def worker_of(flat: FlatNetwork) -> Worker:
    """Allocate the arrays of one worker."""
    m, size = flat.dimension, flat.size
    return Worker(
        ids=np.zeros(size, dtype=np.int64),
        place=np.zeros(size, dtype=np.int64),
        keep=np.zeros(size, dtype=np.uint8),
        key=np.zeros(n_words(flat.units) + 1, dtype=np.uint64),
        start=np.zeros(m, dtype=np.int64),
        cache=row_cache(flat),
        rows=np.zeros((m + 1, size)),
        errors=np.zeros(size),
        bits=np.zeros(flat.units, dtype=np.uint8),
        scratch=row_scratch(flat),
        work=workspace(m, size),
        found=facet_buffer(m, size + 1),
        groups=group_scratch(flat),
    )


@exact_order_kernel
def unpack_bits(words, bits):
    """Write the bits of a packed pattern."""
    for i in range(len(bits)):
        bits[i] = (words[i >> 6] >> np.uint64(i & 63)) & np.uint64(1)


@exact_order_kernel
def list_every_row(flat, worker):
    """List all rows; return how many. See ``worker.ids``."""
    for i in range(flat.size):
        worker.ids[i] = i
        worker.place[i] = i
    return flat.size


@exact_order_kernel
def facets_listed(flat, count, worker):
    """Compute the listed rows of the pattern in ``worker.bits``; see `write_region_rows`."""
    return write_region_rows(
        flat,
        len(flat.widths),
        worker.bits,
        worker.ids,
        count,
        Rows(worker.rows, worker.errors),
        worker.scratch,
    )


@exact_order_kernel
def find_start(start, count, worker):
    """Set ``worker.start`` to a handed-down basis, in columns.

    NO_BASIS comes first if there is none, or one of its rows is not listed.
    """
    own = worker.start
    for k in range(len(own)):
        own[k] = NO_BASIS
    if start[0] == NO_BASIS:
        return
    for k in range(len(own)):
        column = worker.place[start[k]]
        if column >= count or worker.ids[column] != start[k]:
            own[0] = NO_BASIS
            return
        own[k] = column


@exact_order_kernel
def rows_inside(flat, prefixes, prefix, words, worker):
    """Compute the rows that matter for a region, or recall them.

    Parameters
    ----------
    flat, prefixes
    prefix : int
        The region's longest prefix, or NONE.
    words : uint64 array, shape (W,)
        The region's pattern, also in ``worker.bits``.
    worker : Worker, out

    Returns
    -------
    count : int
        How many rows are listed; the domain's are the last ones.
    units : int
        How many of them are units'.
    simple : bool
        False if a row is lost in its rounding error.
    """
    count = recall(flat, prefix, words, worker)
    simple = count > 0
    if not simple:
        count = copy_list(flat, prefixes, prefix, worker.ids)
        simple = facets_listed(flat, count, worker) == OK
        if simple:
            remember(flat, prefix, count, worker)
    units = 0
    for c in range(count):
        worker.place[worker.ids[c]] = c
        if worker.ids[c] < flat.units:
            units += 1
    return count, units, simple


@exact_order_kernel
def decide_simple(m, count, candidates, point, worker, room):
    """Decide the first `candidates` of `count` columns, computed without loss.

    Parameters
    ----------
    m, count, candidates : int
        Columns from `candidates` on only bound the polytope.
    point : float64 array, shape (m,)
        A point of the polytope or of a facet of it, for want of a vertex (in the plane: a
        row) in ``worker.start``; see `find_start`.
    worker : Worker
    room : float
        See `walk_vertices`.

    Returns
    -------
    int
        Number of facets in ``worker.found``, or -1 if anything could not be proven.

    Notes
    -----
    Few callers, and none of them deep: LLVM compiles the walks again for each.
    """
    rows, work, start = Rows(worker.rows, worker.errors), worker.work, worker.start
    found = worker.found
    for d in range(m):
        work.point[d] = point[d]
    if m == 2:
        row = np.int64(start[0])
        if row == NO_BASIS:
            row = nearest_row(rows.values, count, work.point)
            if row < 0:
                return -1
        return walk_polygon(rows, count, candidates, row, work.point, work.slack, found, room)
    if start[0] != NO_BASIS:
        for k in range(m):
            work.basis[k] = start[k]
    else:
        step_inside(rows.values, m, count, work)
        if not vertex_from_point(rows.values, m, count, work):
            return -1
    return walk_vertices(rows, count, candidates, work, found, room)
