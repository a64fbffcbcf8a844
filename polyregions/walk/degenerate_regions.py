"""Regions that the simple kernel left open, decided with their ties; in the plane in integers.

Where the network's shape explains every tie, the rows that matter are simple and only
the crossing takes more care; all others are decided with their ties.

In the plane ties, slivers and rows that merely touch are decided alike (`cells.integer_polygon`).
Left to `walk.rational_walk` are networks whose numbers take too many digits, and regions too thin
to name a point inside.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Bits, Integers, Point
from polyregions.cells.degenerate import walk_degenerate
from polyregions.cells.integer_polygon import (
    INNER_DIGITS,
    NO_WALL,
    RELATIVE,
    IntegerPolygon,
    cut_out,
    integer_polygon,
    point_inside,
    write_rows,
)
from polyregions.compiled import entry, exact_order_kernel
from polyregions.exact.digits import DIGIT_BITS
from polyregions.geometry.facet_crossing import DIRECTION_SCALE
from polyregions.geometry.rows import Rows
from polyregions.network.flat import FlatNetwork
from polyregions.network.integer_network import IntegerNetwork, integer_germ, with_own_work
from polyregions.network.residues import NO_RESIDUES, ModularNetwork
from polyregions.walk.neighbors import (
    OPEN,
    PROVEN,
    TOO_THIN,
    pack_bits,
    write_degenerate,
    write_tied,
)
from polyregions.walk.prefixes import prefix_of
from polyregions.walk.region_kernel import (
    NO_BASIS,
    decide_simple,
    facets_listed,
    list_every_row,
    rows_inside,
    unpack_bits,
)

__all__ = [
    "PlanarWorker",
    "exact_inner_point",
    "planar_worker",
    "resolve",
    "resolve_planar",
]


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


class PlanarWorker(NamedTuple):
    """What one worker needs to decide planar regions in integers: no state between regions."""

    integers: IntegerNetwork
    modular: ModularNetwork  # of no primes: what it would decide is decided in integers
    polygon: IntegerPolygon
    touched: NDArray[np.bool_]  # (N,): units that vanish on a facet
    zero: NDArray[np.bool_]  # (N,): units that vanish on the region
    walled: NDArray[np.bool_]  # (N + q,): by leader, lines on the domain's boundary
    direction: Integers  # (2,): leaves through a facet
    beyond: Bits  # (N,): the neighbour's


def planar_worker(flat: FlatNetwork, integers: IntegerNetwork) -> PlanarWorker:
    """Allocate the arrays of one worker."""
    digits = max(int(integers.digits.max()), integers.domain.shape[1])
    return PlanarWorker(
        integers=with_own_work(integers),
        modular=NO_RESIDUES,
        polygon=integer_polygon(flat.size, digits),
        touched=np.zeros(flat.units, dtype=np.bool_),
        zero=np.zeros(flat.units, dtype=np.bool_),
        walled=np.zeros(flat.size, dtype=np.bool_),
        direction=np.zeros(2, dtype=np.int64),
        beyond=np.zeros(flat.units, dtype=np.uint8),
    )


def exact_inner_point(digits: Integers) -> Point:
    """Return the chart point that `resolve_planar` writes for a thin region."""
    return tuple(
        Fraction(
            sum(digit << DIGIT_BITS * j for j, digit in enumerate(number)),
            1 << DIGIT_BITS * (INNER_DIGITS - 2),
        )
        for number in digits.tolist()
    )


@exact_order_kernel
def mark_ties(flat, worker, bits):
    """Find the units that vanish on the region, and the lines on the domain's boundary.

    Parameters
    ----------
    flat : FlatNetwork
    worker : PlanarWorker, in and out
    bits : uint8 array, shape (N,)
        The pattern.

    Returns
    -------
    bool
        False if the pattern gives a unit that vanishes the bit 1: it is no region's.
    """
    polygon, zero, walled = worker.polygon, worker.zero, worker.walled
    canonical = True
    for row in range(flat.size):
        walled[row] = False
    for row in range(flat.units):
        zero[row] = polygon.leader[row] == NO_WALL and polygon.values[2, row] == 0.0
        canonical = canonical and not (zero[row] and bits[row])
    for row in range(flat.units, flat.size):
        if polygon.leader[row] != NO_WALL:
            walled[polygon.leader[row]] = True
    return canonical


@exact_order_kernel
def write_facet(flat, worker, t, count, bits, used, result):
    """Write the neighbour beyond edge `t` of `count`, as `walk.neighbors` does.

    A unit changes sign beyond if it vanishes on the edge; where that may be several, the signs are
    those of derivatives (docs/mathematics.md, part 2).
    """
    polygon, touched, beyond = worker.polygon, worker.touched, worker.beyond
    row = polygon.edges[t]
    units = 0
    for i in range(flat.units):
        touched[i] = polygon.leader[i] == row or worker.zero[i]
        units += touched[i]
    if units == 1:
        for i in range(flat.units):
            beyond[i] = bits[i]
        beyond[row] ^= 1
    else:
        across, along = polygon.values[0, row], polygon.values[1, row]
        # about the normal times a large number, so that its product with the normal is positive
        size = DIRECTION_SCALE / max(abs(across), abs(along))
        worker.direction[0] = np.int64(np.rint(-across * size))
        worker.direction[1] = np.int64(np.rint(-along * size))
        integer_germ(flat, worker.integers, touched, worker.direction, bits, beyond)
    pack_bits(beyond, result.children[used])
    one = polygon.point_values[polygon.corners[t]]
    other = polygon.point_values[polygon.corners[(t + count - 1) % count]]
    for d in range(2):
        # rows may be tied next door as well; where they are not, a row is enough to start from
        result.bases[used, d] = row if units == 1 else NO_BASIS
        result.points[used, d] = 0.5 * (one[d] / one[2] + other[d] / other[2])


@exact_order_kernel
def write_witness(flat, worker, count, room, r, result):
    """Write a point inside, and PROVEN, TOO_THIN or OPEN, as the state of region `r` of a batch.

    It is the mean of the corners, where all rows exceed their rounding there by `room` times
    their length: rows are off by less than RELATIVE times the sizes of what is added.
    """
    polygon, witness = worker.polygon, result.witnesses[r]
    values = polygon.values
    for d in range(2):
        witness[d] = 0.0
        for t in range(count):
            point = polygon.point_values[polygon.corners[t]]
            witness[d] += point[d] / point[2]
        witness[d] /= count
    x, y = witness[0], witness[1]
    fat = True
    for row in range(flat.size):
        first, second, third = values[0, row] * x, values[1, row] * y, values[2, row]
        doubt = RELATIVE * (abs(first) + abs(second) + abs(third))
        needed = doubt + 1.01 * room * (abs(values[0, row]) + abs(values[1, row]))
        outside = not first + second + third > needed
        fat = fat and not (outside and polygon.leader[row] != NO_WALL)
    result.state[r] = PROVEN
    if fat:
        return
    places = point_inside(polygon, flat.size, count)
    result.state[r] = TOO_THIN if places > 0 else OPEN
    inner = result.inner[r]
    for d in range(2):
        for j in range(INNER_DIGITS):
            # behind the point all of them have as many digits
            k = j - (INNER_DIGITS - 2 - places)
            inner[d, j] = polygon.points[len(polygon.points) - 1, d, k] if k >= 0 else 0


@exact_order_kernel
def decide_planar(flat, worker, bits, room, r, used, result):
    """Decide region `r` of a batch in integers; write its facets from `used` on.

    Returns
    -------
    int
        The end of what was written. The region's state is PROVEN, TOO_THIN or OPEN.
    """
    write_rows(flat, worker.integers, bits, worker.polygon)
    count = cut_out(worker.polygon, flat.size, flat.units)
    result.state[r] = OPEN
    if count < 0 or not mark_ties(flat, worker, bits):
        return used
    write_witness(flat, worker, count, room, r, result)
    if result.state[r] == OPEN:
        return used
    for t in range(count):
        row = worker.polygon.edges[t]
        if row < flat.units and not worker.walled[row]:
            write_facet(flat, worker, t, count, bits, used, result)
            used += 1
    return used


@entry
@exact_order_kernel
def resolve_planar(flat, planar, prefixes, patterns, points, room, worker, result):
    """Decide regions one by one until all are done or the facet buffers are full.

    Parameters
    ----------
    flat : FlatNetwork
        Of two dimensions.
    planar : PlanarWorker
    prefixes, patterns, points, room, worker
        See `resolve`.
    result : Expansions, out
        ``state`` is TOO_THIN where the witness is in ``inner``: exact, in digits; see
        `exact_inner_point`.
        It is OPEN where the integers of `walk.rational_walk` must decide.

    Returns
    -------
    int
        Number of regions looked at; the one under way is not, where the worker is to stop.

    Notes
    -----
    *Invariant.* The facets of a region that is not left OPEN are all of them, each with the one
    pattern beyond: docs/mathematics.md, parts 2 and 7. One that is left OPEN has none.
    """
    used = 0
    for r in range(len(patterns)):
        # a region has at most one facet for each unit
        if used + flat.units > len(result.children):
            return r
        unpack_bits(patterns[r], worker.bits)
        end = -1
        count = decide_tied(flat, prefixes, patterns[r], points[r], worker, room)
        if count >= 0:
            end = write_tied(flat, planar.modular, worker, count, used, result)
        if worker.work.stop[0] != 0:
            return r
        result.exact[r] = 0
        if end >= 0:
            used = end
            result.state[r] = PROVEN
            for d in range(2):
                result.witnesses[r, d] = worker.found.witness[d]
        else:
            used = decide_planar(flat, planar, worker.bits, room, r, used, result)
            result.exact[r] = 1
        result.ends[r] = used
    return len(patterns)
