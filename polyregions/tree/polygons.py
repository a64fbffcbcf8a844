"""The state of a planar tree: convex polygons that wait on a stack.

In the plane no linear program is needed. A polygon is its corners, each the meeting of
two rows, and a unit cuts it if two corners lie on opposite sides. A corner is kept as a
float point with a *doubt*: no row differs by more between it and the exact corner.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Integers, Records, integer_record
from polyregions.cells.polygon import corner_doubt, lines_meet
from polyregions.compiled import entry, exact_order_kernel, inlined_exact_order_kernel
from polyregions.geometry.rows import Rows
from polyregions.network.flat import FlatNetwork
from polyregions.network.prefix import Prefix, empty_prefix
from polyregions.network.unit_order import last_level, order_of
from polyregions.tree.chords import Chords, chords_of

__all__ = [
    "SETTLED_POLYGON",
    "SPLITTING_POLYGON",
    "WAITING_POLYGON",
    "Polygons",
    "begin_polygons",
    "copy_corner",
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
