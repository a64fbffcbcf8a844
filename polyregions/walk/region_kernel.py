"""One region decided, compiled: from a pattern to its facets."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Integers
from polyregions.cells.degeneracy import GroupScratch, group_scratch
from polyregions.cells.dictionary import Workspace, step_inside, vertex_from_point, workspace
from polyregions.cells.in_cube import MANY_COORDINATES_HINT, walk_in_cube
from polyregions.cells.polygon import nearest_row, walk_polygon
from polyregions.cells.vertices import FacetBuffer, facet_buffer, walk_vertices
from polyregions.compiled import exact_order_kernel, inlined_exact_order_kernel
from polyregions.geometry.rows import OK, Rows, RowScratch, row_scratch, write_region_rows
from polyregions.network.flat import FlatNetwork
from polyregions.pattern import Words, n_words
from polyregions.walk.known_rows import (
    RowCache,
    leave_known_out,
    remember,
    row_cache,
    slot_of,
    take_columns,
)
from polyregions.walk.prefixes import copy_list

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


# no vertex is known to start from
NO_BASIS = -1


class Worker(NamedTuple):
    """Everything one worker needs to expand regions: arrays, no state between regions."""

    ids: NDArray[np.int64]  # (N + q,): the row of the network in each column of `rows`
    nothing: Words  # (0,): nothing is known of a region's rows
    place: NDArray[np.int64]  # (N + q,): its inverse, the column of each listed row
    keep: NDArray[np.uint8]  # (N + q,): columns that stay when a list is made shorter
    key: Words  # (W + 1,): of the prefix that is looked up
    start: NDArray[np.int64]  # (m,): columns of a vertex to start from, or NO_BASIS first
    dropped: Words  # (W,): which rows were proven redundant
    used_by: Words  # (N + q, W): by column, which rows it helped to prove redundant
    cache: RowCache  # rows of prefixes that were computed before
    order: Integers  # (N + q + 1,): which of the kept columns are taken
    signs: Floats  # (N + q,): and with what sign
    spare: Rows  # computed rows that are not kept, until they are taken
    spare_ids: Integers  # (N + q,)
    rows: Floats  # (m + 1, N + q): rows as columns, the offset last, signed by `bits`
    errors: Floats  # (N + q,): bounds on the rows' rounding, docs/mathematics.md, part 5
    bits: NDArray[np.uint8]  # (N,): the pattern, unpacked
    scratch: RowScratch  # the maps of each layer on the region
    simplex: bool | None  # None in the plane, whose kernels are compiled without the simplex
    work: Workspace  # of the dictionary simplex
    found: FacetBuffer  # facets and witness of the region that was decided last
    groups: GroupScratch  # of degenerate regions


def worker_of(flat: FlatNetwork, stop: Integers | None = None) -> Worker:
    """Allocate the arrays of one worker; see `Workspace` for `stop`."""
    m, size = flat.dimension, flat.size
    return Worker(
        ids=np.zeros(size, dtype=np.int64),
        nothing=np.zeros(0, dtype=np.uint64),
        place=np.zeros(size, dtype=np.int64),
        keep=np.zeros(size, dtype=np.uint8),
        key=np.zeros(n_words(flat.units) + 1, dtype=np.uint64),
        start=np.zeros(m, dtype=np.int64),
        dropped=np.zeros(n_words(flat.units), dtype=np.uint64),
        used_by=np.zeros((size, n_words(flat.units)), dtype=np.uint64),
        cache=row_cache(flat),
        order=np.zeros(size + 1, dtype=np.int64),
        signs=np.zeros(size),
        spare=Rows(np.zeros((m + 1, size)), np.zeros(size)),
        spare_ids=np.zeros(size, dtype=np.int64),
        rows=np.zeros((m + 1, size)),
        errors=np.zeros(size),
        bits=np.zeros(flat.units, dtype=np.uint8),
        scratch=row_scratch(flat),
        simplex=None if m == 2 else True,
        work=workspace(m, size, stop),
        found=facet_buffer(m, size + 1),
        groups=group_scratch(flat),
    )


@exact_order_kernel
def unpack_bits(words, bits):
    """Write the bits of a packed pattern.

    Parameters
    ----------
    words : uint64 array, shape (W,)
        Or a key that begins with them.
    bits : uint8 array, shape (N,), out
    """
    for i in range(len(bits)):
        bits[i] = (words[i >> 6] >> np.uint64(i & 63)) & np.uint64(1)


@exact_order_kernel
def list_every_row(flat, worker):
    """List all rows of the network in ``worker.ids``; return how many."""
    for i in range(flat.size):
        worker.ids[i] = i
        worker.place[i] = i
    return flat.size


@inlined_exact_order_kernel
def facets_listed(flat, count, worker):
    """Compute the listed rows of the pattern in ``worker.bits``; see `write_region_rows`.

    Parameters
    ----------
    flat : FlatNetwork
    count : int
        How many rows ``worker.ids`` lists.
    worker : Worker, out

    Returns
    -------
    int
        OK, or else that a row is lost in its rounding error.
    """
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

    Parameters
    ----------
    start : int16 or int32 array, shape (m,)
        Rows of the network, or NO_BASIS first.
    count : int
        How many rows ``worker.ids`` lists.
    worker : Worker, out
        NO_BASIS comes first in ``start`` if there is none, or one of its rows is not listed.
    """
    own = worker.start
    for k in range(len(own)):
        own[k] = NO_BASIS
    if start[0] == NO_BASIS:
        return
    for k in range(len(own)):
        # `place` is of an earlier region where a row is not listed: ask both ways
        column = worker.place[start[k]]
        if column >= count or worker.ids[column] != start[k]:
            own[0] = NO_BASIS
            return
        own[k] = column


@exact_order_kernel
def copy_listed(worker, count):
    """Copy computed columns, so that they can be taken in another order."""
    spare, rows = worker.spare, worker.rows
    for d in range(len(rows)):
        for c in range(count):
            spare.values[d, c] = rows[d, c]
    for c in range(count):
        spare.errors[c] = worker.errors[c]
        worker.spare_ids[c] = worker.ids[c]


@inlined_exact_order_kernel
def rows_inside(flat, prefixes, prefix, words, known, worker):
    """Compute the rows that matter for a region, or recall them.

    Parameters
    ----------
    flat, prefixes
    prefix : int
        The region's longest prefix, or NONE.
    words : uint64 array, shape (W,)
        The region's pattern, also in ``worker.bits``.
    known : uint64 array, shape (K,) or (0,)
        What is known of its rows; see `walk.known_rows`.
    worker : Worker, out

    Returns
    -------
    count : int
        How many rows are listed; those that are not asked about are the last ones.
    asked : int
        How many are asked about: units' rows of which nothing is known.
    simple : bool
        False if a row is lost in its rounding error.
    """
    cache, ids, signs = worker.cache, worker.ids, worker.signs
    # regions of one prefix differ in signs only: the rows may be at hand
    slot = slot_of(cache, prefix)
    if slot < 0:
        listed = copy_list(flat, prefixes, prefix, ids)
        if facets_listed(flat, listed, worker) != OK:
            return listed, listed, False  # a lost row must not be kept
        for c in range(listed):
            worker.order[c] = c
        slot = remember(flat, prefix, worker.order[:listed], worker)
    if slot >= 0:
        listed = cache.counts[slot]
        source = Rows(cache.rows[slot], cache.errors[slot])
        source_ids = cache.ids[slot]
    else:
        source, source_ids = worker.spare, worker.spare_ids
        copy_listed(worker, listed)
    count, asked = leave_known_out(flat, source_ids, listed, known, worker.order)
    for c in range(count):
        row = source_ids[worker.order[c]]
        # what is kept has the sign of active units, what is not its own
        on = slot < 0 or row >= flat.units
        on = on or (words[row >> 6] >> np.uint64(row & 63)) & np.uint64(1) != 0
        signs[c] = 1.0 if on else -1.0
    take_columns(source, source_ids, count, worker)
    for c in range(count):
        worker.place[ids[c]] = c
    return count, asked, True


@inlined_exact_order_kernel
def decide_by_simplex(simplex, m, count, candidates, worker, room):
    """Decide as `decide_simple` outside the plane, from the point in ``worker.work``.

    Where `simplex` is None, Numba drops all that follows before it types, let alone compiles, it.
    """
    if simplex is None:
        return -1  # never: it gives the type
    rows, work, start = Rows(worker.rows, worker.errors), worker.work, worker.start
    found = worker.found
    if m >= MANY_COORDINATES_HINT:
        return walk_in_cube(rows, count, candidates, work, found, room)
    if start[0] != NO_BASIS:
        for k in range(m):
            work.basis[k] = start[k]
    else:
        # the point lies on a facet: a vertex is sought from the inside
        step_inside(rows.values, m, count, work)
        if not vertex_from_point(rows.values, m, count, work):
            return -1
    return walk_vertices(rows, count, candidates, work, found, room)


@inlined_exact_order_kernel
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
    What is proven, and how: docs/mathematics.md, part 6. It does not depend on the start.
    """
    rows, work, start = Rows(worker.rows, worker.errors), worker.work, worker.start
    found = worker.found
    for d in range(m):
        work.point[d] = point[d]
    if m == 2:
        # in the plane no simplex: once around the polygon
        row = np.int64(start[0])
        if row == NO_BASIS:
            row = nearest_row(rows.values, count, work.point)
            # rounding left the point outside: this proves nothing, so give up
            if row < 0:
                return -1
        return walk_polygon(rows, count, candidates, row, work.point, work.slack, found, room)
    return decide_by_simplex(worker.simplex, m, count, candidates, worker, room)
