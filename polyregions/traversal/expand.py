"""One region at a time, compiled: from a pattern to its facets and neighbours."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.compiled import exact_order_kernel
from polyregions.geometry.flat import FlatNetwork
from polyregions.geometry.germ import DIRECTION_SCALE, bits_beyond_group
from polyregions.geometry.rows import OK, RowScratch, region_rows, row_scratch
from polyregions.geometry.sources import NOTHING, trace_sources
from polyregions.lp.dictionary import Workspace, step_inside, vertex_from_point, workspace
from polyregions.lp.polygon import nearest_row, walk_polygon
from polyregions.lp.ties import GroupScratch, group_scratch
from polyregions.lp.vertices import FacetBuffer, facet_buffer, row_type, walk_vertices
from polyregions.pattern import Words, n_words
from polyregions.traversal.prefixes import (
    RowCache,
    copy_list,
    prefix_of,
    recall,
    register,
    remember,
    roomy,
    row_cache,
    settle_all,
)
from polyregions.traversal.visited import insert

__all__ = ["Batch", "Machine", "advance", "batch", "expand", "machine", "merge"]

Floats = NDArray[np.float64]

NO_BASIS = -1
PROVEN, OPEN = 0, 1


class Machine(NamedTuple):
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
    witness: Floats
    groups: GroupScratch


def machine(flat: FlatNetwork) -> Machine:
    """Allocate the arrays of one worker."""
    m, size = flat.dimension, flat.size
    return Machine(
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
        witness=np.zeros(m),
        groups=group_scratch(flat),
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
    bases: NDArray[np.signedinteger[Any]]
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
        bases=np.empty((facets, m), dtype=row_type(flat.size)),
        points=np.empty((facets, m)),
    )


@exact_order_kernel
def unpack_bits(words, bits):
    """Write the bits of a packed pattern."""
    for i in range(len(bits)):
        bits[i] = (words[i >> 6] >> np.uint64(i & 63)) & np.uint64(1)


@exact_order_kernel
def list_every_row(flat, machine):
    """List all rows; return how many. See ``machine.ids``."""
    for i in range(flat.size):
        machine.ids[i] = i
        machine.place[i] = i
    return flat.size


@exact_order_kernel
def listed(flat, count, machine):
    """Compute the listed rows of the pattern in ``machine.bits``; see `region_rows`."""
    return region_rows(
        flat,
        len(flat.widths),
        machine.bits,
        machine.ids,
        count,
        machine.rows,
        machine.errors,
        machine.scratch,
    )


@exact_order_kernel
def find_start(start, count, machine):
    """Translate a handed-down basis to columns; NO_BASIS first if a row is not listed."""
    own = machine.start
    for k in range(len(own)):
        own[k] = NO_BASIS
    if start[0] == NO_BASIS:
        return
    for k in range(len(own)):
        column = machine.place[start[k]]
        if column >= count or machine.ids[column] != start[k]:
            own[0] = NO_BASIS
            return
        own[k] = column


@exact_order_kernel
def walk_around(count, candidates, machine, room, proofs):
    """Walk around a region of a planar domain; see `walk_polygon` for the result."""
    work = machine.work
    row = np.int64(machine.start[0])
    if row == NO_BASIS:
        row = nearest_row(machine.rows, count, work.point)
        if row < 0:
            return -1
    return walk_polygon(
        machine.rows,
        machine.errors,
        count,
        candidates,
        row,
        work.point,
        work.slack,
        machine.found,
        machine.witness,
        room,
        proofs,
    )


@exact_order_kernel
def walk_over(m, count, candidates, machine, room, proofs):
    """Walk over a region's vertices; see `walk_vertices` for the result.

    Starts at the vertex of ``machine.start``, else at one near ``work.point``.
    """
    rows, work = machine.rows, machine.work
    if machine.start[0] != NO_BASIS:
        for k in range(m):
            work.basis[k] = machine.start[k]
    else:
        step_inside(rows, m, count, work)
        if not vertex_from_point(rows, m, count, work):
            return -1
    return walk_vertices(
        rows,
        machine.errors,
        m,
        count,
        candidates,
        work,
        machine.found,
        machine.witness,
        room,
        proofs,
    )


@exact_order_kernel
def decide_simple(flat, count, start, point, machine, room, proofs):
    """Decide the listed rows of a region whose rows were computed without loss.

    Parameters
    ----------
    flat : FlatNetwork
    count : int
        How many rows are listed.
    start : int16 array, shape (m,)
        A basis on the facet the region was entered through (in the plane: its row), or
        NO_BASIS first.
    point : float64 array, shape (m,)
        A point of that facet, or inside the region.
    machine : Machine
    room, proofs
        See `walk_vertices`.

    Returns
    -------
    int
        Number of facets in ``machine.found``, or -1 if anything could not be proven.
    """
    m = flat.dimension
    candidates = count
    while candidates > 0 and machine.ids[candidates - 1] >= flat.units:
        candidates -= 1
    find_start(start, count, machine)
    for d in range(m):
        machine.work.point[d] = point[d]
    if m == 2:
        return walk_around(count, candidates, machine, room, proofs)
    return walk_over(m, count, candidates, machine, room, proofs)


@exact_order_kernel
def write_simple(machine, count, words, used, result):
    """Write the neighbours of a simple region: one unit changes sign at each facet."""
    found, ids = machine.found, machine.ids
    for f in range(count):
        row = ids[found.rows[f]]
        for w in range(len(words)):
            result.children[used, w] = words[w]
        result.children[used, row >> 6] ^= np.uint64(1) << np.uint64(row & 63)
        for k in range(found.points.shape[1]):
            result.bases[used, k] = ids[found.bases[f, k]]
            result.points[used, k] = found.points[f, k]
        used += 1
    return used


@exact_order_kernel
def write_beyond(flat, modular, machine, f, column, used, result):
    """Write the neighbour beyond facet f, where the units in ``groups.touched`` vanish.

    `column` holds the facet's row. Returns how many signs took exact arithmetic, or -1
    if one stays undecided.
    """
    groups, found = machine.groups, machine.found
    m = flat.dimension
    # small integers leave through the facet as well, and keep zero tests short
    for d in range(m):
        groups.inside[d] = np.round(-DIRECTION_SCALE * machine.rows[d, column])
    exact = bits_beyond_group(
        flat,
        modular,
        machine.scratch,
        groups.sources_beyond,
        groups.touched,
        groups.inside,
        machine.bits,
        groups.beyond,
    )
    for w in range(result.children.shape[1]):
        result.children[used, w] = np.uint64(0)
    for i in range(flat.units):
        result.children[used, i >> 6] |= np.uint64(groups.beyond[i]) << np.uint64(i & 63)
    for k in range(m):
        result.bases[used, k] = NO_BASIS
        result.points[used, k] = found.points[f, k]
    return exact


@exact_order_kernel
def write_tied(flat, modular, machine, count, used, result):
    """Write the neighbours of a region in which only the network's shape makes ties.

    Returns the end of what was written, or -1 if a sign stays undecided.
    """
    groups = machine.groups
    trace_sources(flat, len(flat.widths), machine.bits, groups.sources)
    for f in range(count):
        column = machine.found.rows[f]
        source = groups.sources.source[flat.unit_of_row[machine.ids[column]]]
        for i in range(flat.units):
            other = groups.sources.source[flat.unit_of_row[i]]
            groups.touched[i] = other in (source, NOTHING)
        if write_beyond(flat, modular, machine, f, column, used, result) < 0:
            return -1
        used += 1
    return used


@exact_order_kernel
def write_degenerate(flat, modular, machine, count, used, result):
    """Write the neighbours of a degenerate region; return -1 if a sign stays undecided."""
    groups, found = machine.groups, machine.found
    for f in range(count):
        row = found.rows[f]
        for i in range(flat.units):
            groups.touched[i] = groups.leader[i] == row or groups.zero[i]
        exact = write_beyond(flat, modular, machine, f, row, used, result)
        if exact < 0:
            return -1
        groups.exact[0] += exact
        used += 1
    return used


@exact_order_kernel
def expand(flat, modular, prefixes, patterns, starts, points, room, proofs, machine, result):
    """Expand consecutive regions until all are done or the facet buffers are full.

    A region that is not simple, or that rounding bounds cannot decide, is left open.

    Parameters
    ----------
    flat : FlatNetwork
    modular : ModularNetwork
        Without primes: nothing here is decided by them.
    prefixes : Prefixes
        Those of the regions are settled.
    patterns : uint64 array, shape (r, W)
    starts : int16 array, shape (r, m)
    points : float64 array, shape (r, m)
        See `decide_simple`.
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
    used = 0
    capacity = len(result.children)
    for r in range(len(patterns)):
        if used + flat.units > capacity:
            return r
        unpack_bits(patterns[r], machine.bits)
        result.exact[r] = 0
        prefix = prefix_of(flat, prefixes, patterns[r], machine.key)
        tied = prefix >= 0 and prefixes.ties[prefix]
        rows = recall(flat, prefix, patterns[r], machine)
        simple = rows > 0
        if not simple:
            rows = copy_list(flat, prefixes, prefix, machine.ids)
            simple = listed(flat, rows, machine) == OK
            if simple:
                remember(flat, prefix, rows, machine)
        for c in range(rows):
            machine.place[machine.ids[c]] = c
        count = -1
        if simple:
            count = decide_simple(flat, rows, starts[r], points[r], machine, room, proofs)
        end = -1
        if count >= 0 and tied:
            end = write_tied(flat, modular, machine, count, used, result)
        elif count >= 0:
            end = write_simple(machine, count, patterns[r], used, result)
        result.state[r] = PROVEN if end >= 0 else OPEN
        used = max(used, end)
        for d in range(flat.dimension):
            result.witnesses[r, d] = machine.witness[d]
        result.ends[r] = used
    return len(patterns)


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


@exact_order_kernel
def advance(
    flat,
    modular,
    prefixes,
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
        if not roomy(prefixes, capacity) or not settle_all(flat, prefixes, machine):
            break
        stop = min(expanded + block, count, end)
        done = expand(
            flat,
            modular,
            prefixes,
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
            flat,
            prefixes,
            machine.key,
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
