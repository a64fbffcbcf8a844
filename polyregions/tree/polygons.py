"""The state of a planar tree, convex polygons on a stack, and the way from layer to layer.

In the plane no linear program is needed. A polygon is its corners, each the meeting of
two rows, and a unit cuts it if two corners lie on opposite sides. A corner is kept as a
float point with a *doubt*: no row differs by more between it and the exact corner.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Integers, Records, integer_record
from polyregions.cells.dictionary import HUGE
from polyregions.cells.polygon import corner_doubt, lines_meet
from polyregions.compiled import entry, exact_order_kernel, inlined_exact_order_kernel
from polyregions.geometry.rows import Rows, write_row
from polyregions.network.flat import FlatNetwork
from polyregions.network.layer_maps import Maps, change_slope, write_layer_maps
from polyregions.network.prefix import Prefix, empty_prefix, last_level, order_of
from polyregions.rounding import ROUNDOFF, TINY
from polyregions.tree.chords import Chords, chords_of
from polyregions.tree.fixed_prefix import settle_unit

__all__ = [
    "SETTLED_POLYGON",
    "SPLITTING_POLYGON",
    "WAITING_POLYGON",
    "Polygons",
    "begin_polygons",
    "compute_maps",
    "copy_corner",
    "enter_level",
    "evaluate_units",
    "place_corner",
    "polygons_of",
    "with_more_corners",
]

# stack depth, end of the fixed prefix, nodes, exact decisions, the row that is asked about, the
# last level, whether candidates are taken in order, the level up to which integers are ready,
# the row whose sides are given, and whether parts need not be counted, only bounded from above
POLYGON_COUNTERS = integer_record(
    "depth", "fixed", "nodes", "exact", "target", "last", "ordered", "ready", "given", "bounding"
)
# the corners are first … first + sides - 1, the candidates candidates … candidates + count - 1,
# of which the first `cutting` are known to cut; `unit` is the unit that the last split decided
# to be `bit`; `choice` the next to split
POLYGON_FRAME = integer_record(
    "level", "state", "first", "sides", "candidates", "count", "cutting", "unit", "bit", "choice"
)
# states of a frame: candidates are to be settled, or those left all cut, or one is to split it
WAITING_POLYGON, SETTLED_POLYGON, SPLITTING_POLYGON = 0, 1, 2

# a corner whose place is not known at all
LOST_CORNER = 1e300
# Hint: changes of slopes between two fresh computations of a layer's maps.
FRESH_MAPS_HINT = 256


class Polygons(NamedTuple):
    """A planar subtree and how far it has been explored: arrays only.

    Attributes
    ----------
    sequence, rank, starts, bases
        See `UnitOrder`.
    maps, map_errors
        The units' affine maps on the current prefix, layer by layer.
    seen : uint8 array, shape (N,)
        The bits that the maps of the layer above were computed with.
    ages : int64 array, shape (layers,)
        How many slopes have changed since the maps were computed afresh; -1: not at all.
    rows, errors : float64 arrays, shapes (3, N + q) and (N + q,)
        Normalised rows, the positive side non-negative, and their bounds: of the
        domain, and of the units that do not keep one side of their prefix.
    corners : float64 array, shape (room, 3)
        Coordinates and doubts.
    meetings : int64 array, shape (room, 3)
        The two rows that meet at each corner, and the row of the edge to the next one.
    candidates : int64 array
        Units, by row, in the order of the tree.
    frames : POLYGON_FRAME array, shape (depth,)
        A stack of polygons.
    low, high : float64 arrays, shape (width,)
        Work: the least and largest value of each unit at the corners.
    signs : int8 array, shape (room,)
        Work: the sides of one row that corners are on.
    given : int8 array, shape (room,)
        The same from exact arithmetic, of row ``counters["given"]``.
    bits : uint8 array, shape (N,)
        By unit.
    chords : Chords
        Work: the candidates of one polygon of the last level, as lines across it.
    fixed : Prefix
        Below which the tree is explored; it ends at the place ``counters["fixed"]``.
    counts : int64 array, shape (L,)
        Regions of the levels up to each.
    counters : POLYGON_COUNTERS array, shape (1,)
    """

    sequence: Integers
    rank: Integers
    starts: Integers
    bases: Integers
    maps: Floats
    map_errors: Floats
    scaled: Floats
    scaled_error: Floats
    slopes: Floats
    seen: NDArray[np.uint8]
    ages: Integers
    rows: Floats
    errors: Floats
    corners: Floats
    meetings: Integers
    candidates: Integers
    frames: Records
    low: Floats
    high: Floats
    signs: NDArray[np.int8]
    given: NDArray[np.int8]
    bits: NDArray[np.uint8]
    chords: Chords
    fixed: Prefix
    counts: Integers
    counters: Records


def polygons_of(flat: FlatNetwork, sequence: Integers, room: int = 64) -> Polygons:
    """Allocate the state of a tree that visits the units in the given order."""
    size, units = flat.size, flat.units
    layers, width = len(flat.widths), int(flat.widths.max())
    levels = layers + 1
    order = order_of(flat, sequence)
    last = last_level(order.starts)
    return Polygons(
        **order._asdict(),
        maps=np.zeros((layers, 3, width)),
        map_errors=np.zeros((layers, width)),
        scaled=np.zeros((3, width)),
        scaled_error=np.zeros(width),
        slopes=np.zeros(width),
        seen=np.zeros(units, dtype=np.uint8),
        ages=np.full(layers, -1, dtype=np.int64),
        rows=np.zeros((3, size)),
        errors=np.zeros(size),
        corners=np.zeros((room, 3)),
        meetings=np.zeros((room, 3), dtype=np.int64),
        candidates=np.zeros(width + room, dtype=np.int64),
        frames=np.zeros(room, dtype=POLYGON_FRAME),
        low=np.zeros(width),
        high=np.zeros(width),
        signs=np.zeros(room, dtype=np.int8),
        given=np.zeros(room, dtype=np.int8),
        bits=np.zeros(units, dtype=np.uint8),
        chords=chords_of(int(order.starts[last + 1] - order.starts[last])),
        fixed=empty_prefix(units),
        counts=np.zeros(levels, dtype=np.int64),
        counters=np.zeros(1, dtype=POLYGON_COUNTERS),
    )


def with_more_corners(polygons: Polygons) -> Polygons:
    """Return the same state with twice the room for polygons."""
    larger: dict[str, Any] = {}
    # stacks of corners, candidates and frames; all other arrays keep their size
    for name in ("corners", "meetings", "candidates", "frames", "signs", "given"):
        array = getattr(polygons, name)
        larger[name] = np.zeros((2 * len(array), *array.shape[1:]), dtype=array.dtype)
        larger[name][: len(array)] = array
    return polygons._replace(**larger)


@inlined_exact_order_kernel
def copy_corner(polygons, source, edge, place):
    """Copy a corner to a place, with the row of its edge.

    Parameters
    ----------
    polygons : Polygons, out
    source, place : int
    edge : int
        The row of the edge to the next corner.
    """
    for d in range(3):
        polygons.corners[place, d] = polygons.corners[source, d]
    for d in range(2):
        polygons.meetings[place, d] = polygons.meetings[source, d]
    polygons.meetings[place, 2] = edge


@exact_order_kernel
def place_corner(polygons, first, second, edge, place):
    """Write the corner where two rows meet, in the cube, and its doubt.

    Parameters
    ----------
    polygons : Polygons, out
    first, second, edge : int
        Rows: the two that meet, and that of the edge to the next corner.
    place : int

    Notes
    -----
    The doubt bounds what any row can change between the point written and the exact corner:
    docs/mathematics.md, part 9.
    """
    rows, corners = Rows(polygons.rows, polygons.errors), polygons.corners
    area, x, y = lines_meet(rows.values, first, second)
    doubt = -1.0
    # without an area the rows are parallel as floats, and the corner may be anywhere
    if area != 0.0:
        # rows are bounded in the cube, where the exact corner is
        x = min(max(x, -1.0), 1.0)
        y = min(max(y, -1.0), 1.0)
        doubt = corner_doubt(rows, first, second, x, y)
    corners[place, 0] = x
    corners[place, 1] = y
    # nearly parallel: it is for integers to find
    corners[place, 2] = doubt if doubt >= 0.0 else LOST_CORNER
    polygons.meetings[place, 0] = first
    polygons.meetings[place, 1] = second
    polygons.meetings[place, 2] = edge


@entry
@exact_order_kernel
def begin_polygons(polygons, edges, fixed, last, ordered):
    """Forget what was explored, and write the first polygon: the domain.

    Parameters
    ----------
    polygons : Polygons, out
    edges : int64 array, shape (sides,)
        The rows that carry its edges, around it.
    fixed, last : int
        The end of the fixed prefix, and the last level.
    ordered : bool
        Whether candidates are taken in order.
    """
    counters, frame = polygons.counters[0], polygons.frames[0]
    for level in range(len(polygons.counts)):
        polygons.counts[level] = 0
    counters["depth"] = 0
    counters["fixed"] = fixed
    counters["nodes"] = 0
    counters["exact"] = 0
    counters["target"] = 0
    counters["last"] = last
    counters["ordered"] = ordered
    counters["ready"] = -1
    counters["given"] = -1
    counters["bounding"] = 0
    frame["level"] = 0
    frame["state"] = WAITING_POLYGON
    frame["first"] = 0
    frame["sides"] = len(edges)
    frame["candidates"] = 0
    frame["count"] = 0
    frame["cutting"] = 0
    frame["unit"] = -1  # no split made it
    frame["bit"] = 0
    frame["choice"] = 0
    for i in range(len(edges)):
        place_corner(polygons, edges[i - 1], edges[i], edges[i], i)


@exact_order_kernel
def compute_maps(flat, polygons, level):
    """Bring the maps of a level's units up to date with the bits below.

    From one cell to the next few bits change, and the maps change by their weights.

    Parameters
    ----------
    flat : FlatNetwork
    polygons : Polygons, in and out
    level : int

    Notes
    -----
    *Invariant.* ``maps[layer]`` are those of the bits in ``seen`` below, within
    ``map_errors[layer]``: a change adds its own rounding to the bound, and after many both are
    computed afresh. ``ages[layer]`` is -1 where a map below has changed since.
    """
    layer = level - 1
    base = polygons.bases[level]
    under = base - flat.widths[layer - 1] if layer > 0 else 0
    changes = 0
    if layer > 0:
        below = flat.widths[layer - 1]
        if 0 <= polygons.ages[layer] < FRESH_MAPS_HINT:
            # units that compute the same share a bit
            for k in range(below):
                row = flat.bit[under + k]
                if row >= 0 and polygons.seen[row] != polygons.bits[row]:
                    change = flat.upper[under + k] - flat.lower[under + k]
                    change_slope(
                        flat,
                        layer,
                        base,
                        k,
                        change if polygons.bits[row] else -change,
                        Maps(polygons.maps, polygons.map_errors),
                    )
                    changes += 1
            polygons.ages[layer] += changes
        else:
            changes = -1
        # the maps are those of these bits from now on
        for row in range(polygons.starts[level - 1], polygons.starts[level]):
            polygons.seen[row] = polygons.bits[row]
    else:
        # the first layer reads no bits: its maps never change
        changes = -1 if polygons.ages[0] < 0 else 0
    if changes < 0:
        write_layer_maps(
            flat,
            layer,
            base,
            polygons.bits,
            Maps(polygons.maps, polygons.map_errors),
            Maps(polygons.scaled, polygons.scaled_error),
            polygons.slopes,
        )
        polygons.ages[layer] = 0
    # maps of deeper layers rest on these
    if changes != 0 and layer + 1 < len(flat.widths):
        polygons.ages[layer + 1] = -1


@exact_order_kernel
def evaluate_units(flat, polygons, depth, layer):
    """Bound the least and largest value of each unit over a polygon, at its corners.

    Parameters
    ----------
    flat : FlatNetwork
    polygons : Polygons, out
        ``low`` and ``high``, by unit of the layer.
    depth, layer : int
    """
    frame, low, high = polygons.frames[depth], polygons.low, polygons.high
    maps, error = polygons.maps[layer], polygons.map_errors[layer]
    width = flat.widths[layer]
    doubt = 0.0
    for i in range(width):
        low[i] = HUGE
        high[i] = -HUGE
    # an affine function takes its extremes over a polygon at corners
    for corner in range(frame["first"], frame["first"] + frame["sides"]):
        x, y = polygons.corners[corner, 0], polygons.corners[corner, 1]
        doubt = max(doubt, polygons.corners[corner, 2])
        for i in range(width):
            value = maps[2, i] + maps[0, i] * x + maps[1, i] * y
            low[i] = value if value < low[i] else low[i]
            high[i] = value if value > high[i] else high[i]
    # how far a map may change between a computed corner and the exact one, and its rounding
    scale = 1.02 * doubt + 16.0 * ROUNDOFF
    for i in range(width):
        size = abs(maps[0, i]) + abs(maps[1, i])
        bound = 1.01 * (error[i] + scale * size + 16.0 * ROUNDOFF * abs(maps[2, i])) + TINY
        # a map that is not finite, or values that may overflow, decide nothing
        bound = bound if size + abs(maps[2, i]) < HUGE else np.inf
        low[i] -= bound
        high[i] += bound


@exact_order_kernel
def enter_level(flat, polygons, depth, level):
    """Make the polygon on top one of the next level: its candidates are units that may cut.

    Parameters
    ----------
    flat : FlatNetwork
    polygons : Polygons, in and out
    depth, level : int

    Returns
    -------
    bool
        False if the fixed prefix says otherwise.
    """
    frame, counters = polygons.frames[depth], polygons.counters[0]
    layer, base = level - 1, polygons.bases[level]
    counters["ready"] = min(counters["ready"], level - 1)
    evaluate_units(flat, polygons, depth, layer)
    agrees = True
    count = 0
    for place in range(polygons.starts[level], polygons.starts[level + 1]):
        row = polygons.sequence[place]
        i = flat.unit_of_row[row] - base
        # most units do not come near the polygon, and never become candidates
        if polygons.low[i] > 0.0:
            agrees &= settle_unit(polygons, row, 1)
        elif polygons.high[i] < 0.0:
            agrees &= settle_unit(polygons, row, 0)
        else:
            maps = Maps(polygons.maps[layer], polygons.map_errors[layer])
            write_row(maps, i, 1.0, Rows(polygons.rows, polygons.errors), row)
            polygons.candidates[frame["candidates"] + count] = row
            count += 1
    frame["level"] = level
    frame["state"] = WAITING_POLYGON
    frame["count"] = count
    frame["cutting"] = 0
    frame["unit"] = -1
    return agrees
