"""One region at a time, compiled: from a pattern to its facets and neighbours."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.compiled import exact_order_kernel
from polyregions.geometry.flat import OK, FlatNetwork, RowScratch, region_rows, row_scratch
from polyregions.geometry.germ import DIRECTION_SCALE, bits_beyond_group
from polyregions.lp.dictionary import Workspace, step_inside, vertex_from_point, workspace
from polyregions.lp.polygon import nearest_row, walk_polygon
from polyregions.lp.ties import GroupScratch, group_scratch
from polyregions.lp.vertices import FacetBuffer, facet_buffer, walk_vertices
from polyregions.pattern import Words, n_words
from polyregions.traversal.visited import insert

__all__ = ["Batch", "Machine", "advance", "batch", "expand", "machine", "merge"]

Floats = NDArray[np.float64]

NO_BASIS = -1
PROVEN, OPEN = 0, 1


class Machine(NamedTuple):
    """Everything one worker needs to expand regions: arrays, no state between regions."""

    rows: Floats
    errors: Floats
    bits: NDArray[np.uint8]
    scratch: RowScratch
    work: Workspace
    found: FacetBuffer
    witness: Floats
    groups: GroupScratch


def machine(flat: FlatNetwork) -> Machine:
    """Allocate the arrays of one worker."""
    m, size = flat.dimension, flat.size
    return Machine(
        rows=np.zeros((m + 1, size)),
        errors=np.zeros(size),
        bits=np.zeros(flat.units, dtype=np.uint8),
        scratch=row_scratch(flat),
        work=workspace(m, size),
        found=facet_buffer(m, size + 1),
        witness=np.zeros(m),
        groups=group_scratch(m, flat.units, size, len(flat.bit)),
    )


class Batch(NamedTuple):
    """What expanding a run of consecutive regions gave.

    ``state[r]`` says whether region r of the batch was decided, ``exact[r]`` how many of
    its decisions took exact arithmetic; ``ends[r]`` is the
    end of its facets in ``children`` (patterns beyond), ``bases`` and ``points``
    (a vertex and a point of the shared facet).
    """

    state: NDArray[np.uint8]
    exact: NDArray[np.int64]
    ends: NDArray[np.int64]
    witnesses: Floats
    children: Words
    bases: NDArray[np.int16]
    points: Floats


def batch(flat: FlatNetwork, regions: int, facets: int) -> Batch:
    """Allocate room for a batch of `regions` with `facets` facets in all."""
    m = flat.dimension
    return Batch(
        state=np.empty(regions, dtype=np.uint8),
        exact=np.empty(regions, dtype=np.int64),
        ends=np.empty(regions, dtype=np.int64),
        witnesses=np.empty((regions, m)),
        children=np.empty((facets, n_words(flat.units)), dtype=np.uint64),
        bases=np.empty((facets, m), dtype=np.int16),
        points=np.empty((facets, m)),
    )


@exact_order_kernel
def unpack_bits(words, bits):
    """Write the bits of a packed pattern."""
    for i in range(len(bits)):
        bits[i] = (words[i >> 6] >> np.uint64(i & 63)) & np.uint64(1)


@exact_order_kernel
def start_basis(flat, start, point, rows, work):
    """Set ``work.basis`` to a vertex: the one handed down, else one near `point`.

    `point` lies on the facet the region was entered through, or inside the region.
    """
    m = flat.dimension
    if start[0] != NO_BASIS:
        for k in range(m):
            work.basis[k] = start[k]
        return True
    for d in range(m):
        work.point[d] = point[d]
    step_inside(rows, m, flat.size, work)
    return vertex_from_point(rows, m, flat.size, work)


@exact_order_kernel
def expand_polygon(flat, start, point, rows, errors, work, found, witness, room, proofs):
    """Walk around a region of a planar domain; see `walk_polygon` for the result."""
    work.point[0] = point[0]
    work.point[1] = point[1]
    row = np.int64(start[0])
    if row == NO_BASIS:
        row = nearest_row(rows, flat.size, work.point)
        if row < 0:
            return -1
    return walk_polygon(
        rows,
        errors,
        flat.size,
        flat.units,
        row,
        work.point,
        work.slack,
        found,
        witness,
        room,
        proofs,
    )


@exact_order_kernel
def write_simple(found, count, words, used, result):
    """Write the neighbours of a simple region: one unit changes sign at each facet."""
    for f in range(count):
        row = found.rows[f]
        for w in range(len(words)):
            result.children[used, w] = words[w]
        result.children[used, row >> 6] ^= np.uint64(1) << np.uint64(row & 63)
        for k in range(found.points.shape[1]):
            result.bases[used, k] = found.bases[f, k]
            result.points[used, k] = found.points[f, k]
        used += 1
    return used


@exact_order_kernel
def write_degenerate(flat, modular, machine, count, words, used, result):
    """Write the neighbours of a degenerate region; return -1 if a sign stays undecided."""
    groups, found = machine.groups, machine.found
    m = flat.dimension
    for f in range(count):
        row = found.rows[f]
        for i in range(flat.units):
            groups.touched[i] = groups.leader[i] == row or groups.zero[i]
        # small integers leave through the facet as well, and keep zero tests short
        for d in range(m):
            groups.inside[d] = np.round(-DIRECTION_SCALE * machine.rows[d, row])
        exact = bits_beyond_group(
            flat,
            modular,
            machine.scratch,
            groups.touched,
            groups.inside,
            machine.bits,
            groups.beyond,
        )
        if exact < 0:
            return -1
        groups.exact[0] += exact
        for w in range(len(words)):
            result.children[used, w] = np.uint64(0)
        for i in range(flat.units):
            result.children[used, i >> 6] |= np.uint64(groups.beyond[i]) << np.uint64(i & 63)
        for k in range(m):
            result.bases[used, k] = NO_BASIS
            result.points[used, k] = found.points[f, k]
        used += 1
    return used


@exact_order_kernel
def expand(flat, patterns, starts, points, room, proofs, machine, result):
    """Expand consecutive regions until all are done or the facet buffers are full.

    A region that is not simple, or that rounding bounds cannot decide, is left open.

    Parameters
    ----------
    flat : FlatNetwork
    patterns : uint64 array, shape (r, W)
    starts : int16 array, shape (r, m)
        A basis on the facet each region was entered through (in the plane: its row), or
        NO_BASIS first.
    points : float64 array, shape (r, m)
        A point of that facet.
    room : float
        See `walk_vertices`: what a witness must keep free for its own rounding.
    proofs : bool
        Whether to prove every decision.
    machine : Machine
    result : Batch, out

    Returns
    -------
    int
        Number of regions expanded.
    """
    m = flat.dimension
    rows, errors, work, found = machine.rows, machine.errors, machine.work, machine.found
    used = 0
    capacity = len(result.children)
    for r in range(len(patterns)):
        if used + flat.units > capacity:
            return r
        unpack_bits(patterns[r], machine.bits)
        result.exact[r] = 0
        count = -1
        simple = region_rows(flat, machine.bits, rows, errors, machine.scratch) == OK
        if simple and m == 2:
            count = expand_polygon(
                flat, starts[r], points[r], rows, errors, work, found, machine.witness, room, proofs
            )
        elif simple and start_basis(flat, starts[r], points[r], rows, work):
            count = walk_vertices(
                rows, errors, m, flat.size, flat.units, work, found, machine.witness, room, proofs
            )
        if count >= 0:
            used = write_simple(found, count, patterns[r], used, result)
            result.state[r] = PROVEN
        else:
            result.state[r] = OPEN
        for d in range(m):
            result.witnesses[r, d] = machine.witness[d]
        result.ends[r] = used
    return len(patterns)


@exact_order_kernel
def merge(table, store, bases, points, count, first, begin, ends, result, edges, n_edges):
    """Enter the neighbours of consecutive regions into the visited set.

    Parameters
    ----------
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
                count += 1
            if number > parent:
                edges[n_edges, 0] = parent
                edges[n_edges, 1] = number
                n_edges += 1
            f += 1
    return count, n_edges


@exact_order_kernel
def advance(
    flat,
    table,
    store,
    bases,
    points,
    edges,
    totals,
    budget,
    room,
    proofs,
    machine,
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
        stop = min(expanded + block, count, end)
        done = expand(
            flat,
            store[expanded:stop],
            bases[expanded:stop],
            points[expanded:stop],
            room,
            proofs,
            machine,
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
