"""Exploring a planar tree, depth-first: which units cut a polygon, and its two parts.

Everything rests on the sides that corners are on (`sides_of_corners`); all that follows from
them is combinatorial.
"""

from __future__ import annotations

from polyregions.compiled import entry, exact_order_kernel, inlined_exact_order_kernel
from polyregions.geometry.rows import LOST
from polyregions.network.integer_network import integer_maps
from polyregions.network.prefix import bit_of, decides
from polyregions.tree.corner_orientation import (
    FOUND_DOUBT,
    find_corner,
    sides_of_corners,
    write_lost_row,
)
from polyregions.tree.fixed_prefix import count_cells, settle_unit
from polyregions.tree.line_arrangement import count_parts
from polyregions.tree.polygons import (
    SETTLED_POLYGON,
    SPLITTING_POLYGON,
    WAITING_POLYGON,
    compute_maps,
    copy_corner,
    enter_level,
    place_corner,
)

__all__ = ["EXPLORED", "NEEDS_ROOM", "NEEDS_ROW", "NEEDS_SIGNS", "STOPPED", "explore_polygons"]

# what the kernels return
EXPLORED, STOPPED, NEEDS_ROW, NEEDS_ROOM, NEEDS_SIGNS, NEEDS_INTEGERS = range(6)
# Hint: candidates that the fixed prefix decides are split first.
FIXED_FIRST_HINT = 1 << 30
# Hints: so many lines are counted rather than listed, and so many pairs of them are one node.
FEWEST_LINES_HINT = 3
PAIRS_OF_A_NODE_HINT = 256
# Hint: a bound that was to take no longer than so many nodes is given up earlier.
NODES_OF_MAPS_HINT = 32
# Hint: a corner that may be off by more is found in integers, if there are any; else its sides are
# asked one by one.
DOUBT_HINT = 1e-9


@exact_order_kernel
def settle_candidates(flat, lines, polygons, depth):
    """Settle the candidates that do not cut the polygon; choose one of those that do.

    Parameters
    ----------
    flat : FlatNetwork
    lines : IntegerLines
    polygons : Polygons, in and out
    depth : int

    Returns
    -------
    int
        EXPLORED; STOPPED if the fixed prefix says otherwise; NEEDS_ROW or NEEDS_SIGNS.

    Notes
    -----
    *Invariant.* Candidates ``0 … kept - 1`` are proven to cut the polygon, or were not looked
    at; every other one has its bit. After an interruption the loop goes on with the first that
    is not proven: ``frame["cutting"]``.
    """
    frame, counters, candidates = polygons.frames[depth], polygons.counters[0], polygons.candidates
    level, start = frame["level"], frame["candidates"]
    best = -1
    kept = frame["cutting"]
    status = EXPLORED
    for i in range(kept, frame["count"]):
        row = candidates[start + i]
        if status != EXPLORED:
            # interrupted: those that follow stay as they are
            candidates[start + kept] = row
            kept += 1
            continue
        bit = -1
        balance = 0
        # a lost row may vanish, which has bit 0; only integers can tell
        if polygons.errors[row] == LOST:
            if counters["ready"] >= level:
                counters["exact"] += 1
                bit = -1 if write_lost_row(flat, lines, polygons, row) else 0
            else:
                counters["target"] = row
                status = NEEDS_ROW
        if status == EXPLORED and bit < 0:
            if polygons.errors[row] == 0.0:
                bit = 1 if polygons.rows[2, row] > 0.0 else 0
            else:
                balance = sides_of_corners(flat, lines, polygons, depth, row)
                if balance < 0:
                    status = NEEDS_SIGNS
                elif balance == 0:
                    bit = 0
                    # no corner is on the other side; not all are on the line: it does not vanish
                    for k in range(frame["sides"]):
                        bit |= polygons.signs[k] > 0
        if status != EXPLORED:
            frame["cutting"] = kept
        if bit < 0:
            # those that the fixed prefix decides come first: they keep one side only
            if decides(polygons.fixed, row):
                balance = FIXED_FIRST_HINT
            if status == EXPLORED and balance > best:
                best = balance
                frame["choice"] = kept
            candidates[start + kept] = row
            kept += 1
        elif not settle_unit(polygons, row, bit):
            return STOPPED
    frame["count"] = kept
    if status == EXPLORED:
        frame["cutting"] = kept
        frame["state"] = SETTLED_POLYGON
        if counters["ordered"] and best < FIXED_FIRST_HINT:
            frame["choice"] = 0
    return status


@exact_order_kernel
def cross_edge(flat, lines, polygons, level, edge, row, place):
    """Write the corner where a row crosses an edge, and its doubt.

    Parameters
    ----------
    flat : FlatNetwork
    lines : IntegerLines
    polygons : Polygons, in and out
    level : int
    edge, row : int
        Rows.
    place : int
    """
    place_corner(polygons, edge, row, row, place)
    # nearly parallel: what follows would have to be asked in integers, side by side
    corner = polygons.corners[place]
    if corner[2] > DOUBT_HINT and polygons.counters[0]["ready"] >= level:
        polygons.counters[0]["exact"] += 1
        x, y = find_corner(flat, lines, edge, row)
        corner[0] = min(max(x, -1.0), 1.0)
        corner[1] = min(max(y, -1.0), 1.0)
        corner[2] = FOUND_DOUBT


@exact_order_kernel
def write_half(flat, lines, polygons, depth, sign, place):
    """Write the part of a polygon on one side of its chosen candidate at a place.

    Parameters
    ----------
    flat : FlatNetwork
    lines : IntegerLines
    polygons : Polygons, in and out
        ``signs`` are the sides that the corners are on.
    depth : int
    sign : int
        1 or -1: which side.
    place : int
        In ``polygons.corners``, behind the polygon's own.

    Returns
    -------
    int
        How many corners.

    Notes
    -----
    *Invariant.* The corners written follow one another around the part, each with the row of
    the edge to the next: an edge of the polygon, or the row itself.
    """
    frame, signs = polygons.frames[depth], polygons.signs
    first, count, row = frame["first"], frame["sides"], frame["unit"]
    size = 0
    for i in range(count):
        before = signs[i - 1 if i > 0 else count - 1] * sign
        here = signs[i] * sign
        after = signs[i + 1 if i + 1 < count else 0] * sign
        edge = polygons.meetings[first + i, 2]
        # a corner on the line belongs to both parts, and begins or ends the new edge
        if here > 0 or (here == 0 and after > 0):
            copy_corner(polygons, first + i, edge, place + size)
            size += 1
        elif here == 0 and before > 0:
            copy_corner(polygons, first + i, row, place + size)
            size += 1
        # the line crosses the edge between two corners
        if here * after < 0:
            cross_edge(flat, lines, polygons, frame["level"], edge, row, place + size)
            polygons.meetings[place + size, 2] = row if here > 0 else edge
            size += 1
    return size


@exact_order_kernel
def split_polygon(flat, lines, polygons, depth):
    """Split the polygon on top by the candidate whose sides are in ``signs``.

    Parameters
    ----------
    flat : FlatNetwork
    lines : IntegerLines
    polygons : Polygons, in and out
    depth : int

    Notes
    -----
    *Invariant.* The two parts are disjoint and fill the polygon; they share its other
    candidates. If the fixed prefix decides the candidate, one part is not below it and is left
    out.
    """
    frames, counters, candidates = polygons.frames, polygons.counters[0], polygons.candidates
    frame = frames[depth]
    start = frame["candidates"]
    row = candidates[start + frame["choice"]]
    # the others keep their order
    for i in range(frame["choice"], frame["count"] - 1):
        candidates[start + i] = candidates[start + i + 1]
    frame["count"] -= 1
    frame["state"] = WAITING_POLYGON
    frame["cutting"] = 0
    frame["unit"] = row
    # both parts are written behind the polygon, then one takes its place
    end = frame["first"] + frame["sides"]
    ones = write_half(flat, lines, polygons, depth, 1, end)
    zeros = write_half(flat, lines, polygons, depth, -1, end + ones)
    one_part = decides(polygons.fixed, row)
    bit = bit_of(polygons.fixed, row) if one_part else 1
    # the polygon becomes one part; the other, if it is asked for, goes on top
    first = end if bit else end + ones
    size = ones if bit else zeros
    frame["bit"] = bit
    target = frame["first"]
    for i in range(size):
        copy_corner(polygons, first + i, polygons.meetings[first + i, 2], target + i)
    frame["sides"] = size
    if one_part:
        return
    for i in range(zeros):
        source = end + ones + i
        copy_corner(polygons, source, polygons.meetings[source, 2], target + size + i)
    top = frames[depth + 1]
    top["level"] = frame["level"]
    top["state"] = WAITING_POLYGON
    top["first"] = target + size
    top["sides"] = zeros
    top["candidates"] = start + frame["count"]
    top["count"] = frame["count"]
    top["cutting"] = 0
    top["unit"] = row
    top["bit"] = 0
    # each part settles its candidates on its own
    for i in range(frame["count"]):
        candidates[top["candidates"] + i] = candidates[start + i]
    counters["depth"] = depth + 1


@inlined_exact_order_kernel
def is_new(polygons, frame):
    """Return whether a polygon is a part that the fixed prefix does not lead to.

    Parameters
    ----------
    polygons : Polygons
    frame : POLYGON_FRAME
    """
    return frame["unit"] >= 0 and not decides(polygons.fixed, frame["unit"])


@exact_order_kernel
def has_room(polygons, depth):
    """Return whether the stack has room for a split or another level.

    Parameters
    ----------
    polygons : Polygons
    depth : int

    Notes
    -----
    A split adds four corners at most: two parts of k corners have k + 4, and they are written
    behind the polygon first.
    """
    frame = polygons.frames[depth]
    # the next level may have a whole layer of candidates
    widest = len(polygons.low)
    return (
        depth + 1 < len(polygons.frames)
        and frame["first"] + 2 * frame["sides"] + 4 < len(polygons.corners)
        and frame["candidates"] + 2 * frame["count"] + widest < len(polygons.candidates)
    )


@exact_order_kernel
def clip_polygons(flat, lines, polygons, stop, regions):
    """Explore a planar tree until so many nodes or regions are counted, or something is needed.

    Parameters
    ----------
    flat : FlatNetwork
    lines : IntegerLines
    polygons : Polygons, in and out
    stop, regions : int

    Returns
    -------
    int
        As `explore_polygons`; or NEEDS_INTEGERS of the level, then to be called again.

    Notes
    -----
    *Invariant.* As in `tree_kernel.explore`: every region below the fixed prefix is counted, or
    lies in one polygon of the stack. A line cuts an open convex polygon in two open parts, and
    settled units cut none: docs/mathematics.md, part 9.
    """
    counters, frames = polygons.counters[0], polygons.frames
    last = counters["last"]
    while counters["depth"] >= 0:
        depth = counters["depth"]
        frame = frames[depth]
        level = frame["level"]
        if not has_room(polygons, depth):
            return NEEDS_ROOM
        if frame["state"] == WAITING_POLYGON:
            if frame["cutting"] == 0 and is_new(polygons, frame):
                if counters["nodes"] >= stop or polygons.counts[last] >= regions:
                    return STOPPED
                counters["nodes"] += 1
            # polygons above have overwritten it
            if frame["unit"] >= 0:
                polygons.bits[frame["unit"]] = frame["bit"]
            status = settle_candidates(flat, lines, polygons, depth)
            if status == STOPPED:
                counters["depth"] -= 1
                continue
            if status != EXPLORED:
                return status
        # no candidate is left: the polygon is a cell of the layers so far
        if frame["count"] == 0:
            count_cells(polygons, level, 1)
            if level == last:
                counters["depth"] -= 1
                continue
            level += 1
            compute_maps(flat, polygons, level)
            while polygons.starts[level + 1] == polygons.starts[level]:
                level += 1
                compute_maps(flat, polygons, level)
            # hint: to enter a wide layer is work, too
            if polygons.starts[level] >= counters["fixed"]:
                counters["nodes"] += flat.widths[level - 1] >> 5
            if not enter_level(flat, polygons, depth, level):
                counters["depth"] -= 1
            continue
        row = polygons.candidates[frame["candidates"] + frame["choice"]]
        # a unit beyond the fixed prefix is free, and both parts are asked for
        place = polygons.rank[row]
        if level == last and frame["count"] == 1 and place >= counters["fixed"]:
            # two leaves, of which no more than their number is asked
            count_cells(polygons, level, 2)
            counters["depth"] -= 1
            continue
        # lines that no prefix and no order is asked of: their parts are counted at once, if that
        # takes no longer than what is left to explore
        pairs = frame["count"] * (frame["count"] - 1) // 2
        if (
            level == last
            and frame["state"] == SETTLED_POLYGON
            and frame["count"] >= FEWEST_LINES_HINT
            and not counters["ordered"]
            and not decides(polygons.fixed, row)
            and (
                counters["bounding"]
                or pairs <= PAIRS_OF_A_NODE_HINT * max(1, stop - counters["nodes"])
            )
        ):
            parts = count_parts(flat, lines, polygons, depth)
            if parts == 0 and counters["ready"] < level and len(lines.digits) > 0:
                return NEEDS_INTEGERS
            if not counters["bounding"]:
                counters["nodes"] += pairs // PAIRS_OF_A_NODE_HINT
            if parts > 0:
                count_cells(polygons, level, parts)
                counters["depth"] -= 1
                continue
            row = polygons.candidates[frame["candidates"] + frame["choice"]]
        # after NEEDS_SIGNS the call goes on here, not with settling
        frame["state"] = SPLITTING_POLYGON
        if sides_of_corners(flat, lines, polygons, depth, row) < 0:
            return NEEDS_SIGNS
        split_polygon(flat, lines, polygons, depth)
    return EXPLORED


@entry
@exact_order_kernel
def explore_polygons(flat, integers, lines, polygons, nodes, regions):
    """Explore a planar tree for about so many nodes, or until so many regions are counted.

    Parameters
    ----------
    flat : FlatNetwork
    integers : IntegerNetwork, in and out
        Without layers until it is known that integers are needed.
    lines : IntegerLines
        Of `integers`.
    polygons : Polygons, in and out
    nodes : int
    regions : int

    Returns
    -------
    int
        EXPLORED; STOPPED; NEEDS_ROOM: call again with more room. Where there are no integers also
        NEEDS_ROW: the row ``counters["target"]`` may vanish, write it and call again; NEEDS_SIGNS:
        write the sides of that row that the corners of the polygon on top are on, and call again.

    Notes
    -----
    The rows of a level are computed in integers when floats leave something open there, and then
    it goes on where it was.
    """
    counters = polygons.counters[0]
    stop = counters["nodes"] + nodes
    while True:
        status = clip_polygons(flat, lines, polygons, stop, regions)
        if status in (EXPLORED, STOPPED, NEEDS_ROOM):
            return status
        level = polygons.frames[counters["depth"]]["level"]
        # of rows that are ready nothing is left open
        if len(integers.digits) == 0 or counters["ready"] >= level:
            return status
        integer_maps(flat, integers, polygons.bits, level)
        counters["ready"] = level
        if counters["bounding"]:
            counters["nodes"] += NODES_OF_MAPS_HINT
