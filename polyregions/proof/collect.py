"""The second pass over known regions, compiled: facets, neighbours and supports."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Integers
from polyregions.cells.degeneracy import NO_ROW
from polyregions.cells.degenerate import prove_group_point, walk_degenerate
from polyregions.cells.dictionary import HUGE
from polyregions.cells.polygon import lines_meet
from polyregions.compiled import entry, exact_order_kernel
from polyregions.geometry.rows import OK, Rows
from polyregions.network.flat import FlatNetwork
from polyregions.pattern import Words
from polyregions.proof.checker import FACET, WALL, ZERO
from polyregions.walk.neighbors import write_degenerate, write_simple
from polyregions.walk.region_kernel import (
    decide_simple,
    facets_listed,
    find_start,
    list_every_row,
    unpack_bits,
)
from polyregions.walk.visited import find_pattern

__all__ = ["KnownRegions", "Pieces", "collect", "pieces"]


class KnownRegions(NamedTuple):
    """All regions of a result, by number, and what is known of the way into each.

    Attributes
    ----------
    table : integer array
        The visited table (`walk.visited`).
    patterns : uint64 array, shape (R, W)
    starts : int16 array, shape (R, m)
        A basis on a facet of each region, or NO_BASIS first; handed on to regions of
        higher number, as in the walk.
    points : float64 array, shape (R, m)
        A point of that facet, or one inside the region; if it is not finite the region is
        left open.
    faces : int64 array, shape (q,)
        The number that a certificate gives to each row of the domain.
    """

    table: NDArray[Any]
    patterns: Words
    starts: NDArray[np.int16]
    points: Floats
    faces: Integers


class Pieces(NamedTuple):
    """Parts of a certificate for a run of consecutive regions.

    ``proofs`` (r, N) and ``base_ends`` (r,) for regions; ``bases`` (b, m); ``neighbors``,
    ``points`` and ``unit_ends`` for the edges to regions of higher number, ``edge_ends`` (r,)
    their ends; ``units`` the units of their hyperplanes. ``open`` marks regions that are
    left to exact arithmetic, which have no bases and no edges here.
    """

    open: NDArray[np.bool_]
    proofs: NDArray[np.int16]
    base_ends: NDArray[np.int64]
    bases: NDArray[np.int16]
    edge_ends: NDArray[np.int64]
    neighbors: NDArray[np.int64]
    points: NDArray[np.float64]
    unit_ends: NDArray[np.int64]
    units: NDArray[np.int16]


def pieces(flat: FlatNetwork, regions: int, capacity: int) -> Pieces:
    """Allocate room for `regions` with `capacity` bases, edges and units of edges."""
    m = flat.dimension
    return Pieces(
        open=np.zeros(regions, dtype=np.bool_),
        proofs=np.zeros((regions, flat.units), dtype=np.int16),
        base_ends=np.zeros(regions, dtype=np.int64),
        bases=np.zeros((capacity, m), dtype=np.int16),
        edge_ends=np.zeros(regions, dtype=np.int64),
        neighbors=np.zeros(capacity, dtype=np.int64),
        points=np.zeros((capacity, m)),
        unit_ends=np.zeros(capacity, dtype=np.int64),
        units=np.zeros(capacity, dtype=np.int16),
    )


@exact_order_kernel
def add_basis(bases, start, end, basis):
    """Return the number of a basis in its region's part of the table, adding it if new."""
    m = bases.shape[1]
    for b in range(end - 1, start - 1, -1):
        same = True
        for k in range(m):
            if bases[b, k] != basis[k]:
                same = False
                break
        if same:
            return b - start, end
    for k in range(m):
        bases[end, k] = basis[k]
    return end - start, end + 1


@exact_order_kernel
def corner_supports(values, units, found, count, work):
    """Write the support of every row that carries no edge of a polygon: its nearest corner.

    Parameters
    ----------
    values : float64 array, shape (3, rows)
    units : int
        Rows below are asked about.
    found : FacetBuffer, in and out
        The pairs of rows in ``supports`` are replaced.
    count : int
        How many facets it holds.
    work : Workspace
    """
    nearest, corner = work.slack, work.row_at
    for i in range(units):
        nearest[i] = HUGE
        corner[i] = 0
    corners = 0
    first = found.supports[0, 0]
    following = first + 1
    while following != first:
        e, f = found.supports[corners, 0], found.supports[corners, 1]
        _, x, y = lines_meet(values, e, f)
        for i in range(units):
            value = values[2, i] + values[0, i] * x + values[1, i] * y
            if value < nearest[i]:
                nearest[i] = value
                corner[i] = corners
        following = f
        corners += 1
    # the pairs of corners stand where the supports of rows are to be written
    pairs = work.status
    for c in range(corners):
        pairs[c] = (np.int64(found.supports[c, 0]) << 16) | np.int64(found.supports[c, 1])
    for i in range(units):
        found.supports[i, 0] = pairs[corner[i]] >> 16
        found.supports[i, 1] = pairs[corner[i]] & 0xFFFF
    for f in range(count):
        found.supports[found.rows[f], 0] = -1


@exact_order_kernel
def decide(flat, modular, words, start, point, worker, batch):
    """Decide all rows of one region; its neighbours are written to `batch`.

    Returns
    -------
    count : int
        Number of facets in ``worker.found``, or -1 if something stays open.
    simple : bool
        Whether every hyperplane belongs to one row and no row vanishes.
    """
    m, size, units = flat.dimension, flat.size, flat.units
    rows, work, found = Rows(worker.rows, worker.errors), worker.work, worker.found
    for d in range(m):
        if not abs(point[d]) < 2.0:
            return -1, False
    unpack_bits(words, worker.bits)
    count = -1
    if facets_listed(flat, list_every_row(flat, worker), worker) == OK:
        find_start(start, size, worker)
        count = decide_simple(m, size, units, point, worker, 0.0)
        if count >= 0 and m == 2:
            corner_supports(rows.values, units, found, count, work)
    if count >= 0:
        write_simple(worker, count, words, 0, batch)
        for i in range(size):
            worker.groups.leader[i] = i
        return count, True
    for d in range(m):
        work.point[d] = point[d]
    count = walk_degenerate(flat, modular, worker.bits, rows, work, found, 0.0, worker.groups)
    if count >= 0 and write_degenerate(flat, modular, worker, count, 0, batch) < 0:
        count = -1
    return count, False


@exact_order_kernel
def write_proofs(flat, faces, worker, simple, proofs, bases, first):
    """Write what proves each row of a decided region; return the end of its bases."""
    m, units = flat.dimension, flat.units
    leader, supports = worker.groups.leader, worker.found.supports
    end = first
    for i in range(units):
        lead = leader[i]
        if not simple and worker.groups.zero[i]:
            proofs[i] = ZERO
        elif lead == NO_ROW:
            # a positive constant needs no multipliers, so any basis will do
            proofs[i], end = add_basis(bases, first, end, worker.work.basis)
        elif not simple and worker.groups.walled[lead]:
            wall = units
            while leader[wall] != lead:
                wall += 1
            proofs[i] = WALL - faces[wall - units]
        elif supports[lead, 0] < 0:
            proofs[i] = FACET
        else:
            proofs[i], end = add_basis(bases, first, end, supports[lead])
    for b in range(first, end):
        for k in range(m):
            if bases[b, k] >= units:
                bases[b, k] = units + faces[bases[b, k] - units]
    return end


@entry
@exact_order_kernel
def collect(flat, modular, known, numbers, room, worker, batch, out):
    """Find the facets and supports of consecutive regions.

    Parameters
    ----------
    flat : FlatNetwork
    modular : ModularNetwork
    known : KnownRegions, in and out
        ``starts`` and ``points`` of regions of higher number are written.
    numbers : (int, int)
        The first region to expand, and the end.
    room : float
        How far rounding may move a point on its way to inputs, in chart coordinates.
    worker : Worker
    batch : Expansions
        Room for one region's facets.
    out : Pieces, out

    Returns
    -------
    int
        Number of regions done before `out` was full, or -1 - number of a region that has a
        facet to no known region.

    Notes
    -----
    **Invariant.** Before each pass `out` holds all proofs of the regions before, and their
    edges to regions of higher number; a region of which anything is not proven has none of
    either and is marked open.
    """
    first, stop = numbers
    m, size, units = flat.dimension, flat.size, flat.units
    found, leader = worker.found, worker.groups.leader
    n_bases, n_edges, n_units = 0, 0, 0
    capacity = min(len(out.bases), len(out.neighbors))
    for number in range(first, stop):
        r = number - first
        if max(n_bases, n_edges, n_units) + units > capacity:
            return r
        count, simple = decide(
            flat,
            modular,
            known.patterns[number],
            known.starts[number],
            known.points[number],
            worker,
            batch,
        )
        before_edges, before_units = n_edges, n_units
        for f in range(count):
            row = found.rows[f]
            neighbor = find_pattern(known.table, known.patterns, batch.children[f])
            if neighbor < 0:
                return -1 - r
            if neighbor < number:
                continue
            # the file holds the point as inputs, rounded once more
            if not prove_group_point(
                Rows(worker.rows, worker.errors),
                size,
                row,
                leader,
                found.points[f],
                worker.work.slack,
                room,
            ):
                count = -1
                break
            out.neighbors[n_edges] = neighbor
            for d in range(m):
                out.points[n_edges, d] = found.points[f, d]
                known.points[neighbor, d] = found.points[f, d]
                known.starts[neighbor, d] = batch.bases[f, d]
            if simple:
                out.units[n_units] = row
                n_units += 1
            else:
                for i in range(units):
                    if leader[i] == row:
                        out.units[n_units] = i
                        n_units += 1
            out.unit_ends[n_edges] = n_units
            n_edges += 1
        out.open[r] = count < 0
        if count < 0:
            n_edges, n_units = before_edges, before_units
        else:
            n_bases = write_proofs(
                flat, known.faces, worker, simple, out.proofs[r], out.bases, n_bases
            )
        out.base_ends[r] = n_bases
        out.edge_ends[r] = n_edges
    return stop - first
