"""Exploring a planar tree, depth-first: which units cut a polygon, and its two parts.

Everything rests on the sides that corners are on (`corner_sides`); all that follows from
them is combinatorial.
"""

from __future__ import annotations

from polyregions.compiled import entry, exact_order_kernel, inlined_exact_order_kernel
from polyregions.geometry.rows import LOST
from polyregions.network.residues import vanishes
from polyregions.network.unit_order import FREE, is_open
from polyregions.tree.corner_orientation import corner_residues_ready, sides_of_corners
from polyregions.tree.planar_levels import compute_maps, enter_level
from polyregions.tree.polygons import (
    SETTLED_POLYGON,
    SPLITTING_POLYGON,
    WAITING_POLYGON,
    copy_corner,
    count_cells,
    place_corner,
    settle_unit,
)

__all__ = ["EXPLORED", "NEEDS_ROOM", "NEEDS_ROW", "NEEDS_SIGNS", "STOPPED", "explore_polygons"]

# what the kernel returns
EXPLORED, STOPPED, NEEDS_ROW, NEEDS_ROOM, NEEDS_SIGNS = range(5)
# Hint: candidates that the fixed prefix decides are split first.
FIXED_FIRST_HINT = 1 << 30


@exact_order_kernel
def settle_candidates(flat, modular, polygons, depth):
    """Settle the candidates that do not cut the polygon; choose one of those that do.

    Returns DONE, PAUSED if the fixed prefix says otherwise, NEEDS_ROW or NEEDS_SIGNS.
    """
    frame, counters, candidates = polygons.frames[depth], polygons.counters[0], polygons.candidates
    level, start = frame["level"], frame["candidates"]
    best = -1
    kept = frame["cutting"]
    status = EXPLORED
    for i in range(kept, frame["count"]):
        row = candidates[start + i]
        if status != EXPLORED:
            candidates[start + kept] = row
            kept += 1
            continue
        bit = -1
        balance = 0
        if polygons.errors[row] == LOST:
            if not corner_residues_ready(flat, modular, polygons, level) or not vanishes(
                modular, 2, row
            ):
                counters["target"] = row
                status = NEEDS_ROW
            else:
                counters["exact"] += 1
                bit = 0
        elif polygons.errors[row] == 0.0:
            bit = 1 if polygons.rows[2, row] > 0.0 else 0
        else:
            balance = sides_of_corners(flat, modular, polygons, depth, row)
            if balance < 0:
                status = NEEDS_SIGNS
            elif balance == 0:
                bit = 0
                for k in range(frame["sides"]):
                    bit |= polygons.signs[k] > 0
        if status != EXPLORED:
            frame["cutting"] = kept
        if bit < 0:
            # those that the fixed prefix decides come first: they keep one side only
            if not is_open(polygons.fixed, counters["fixed"], polygons.rank[row]):
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
def write_half(polygons, depth, row, sign, place):
    """Write the part of a polygon on one side of a row at a place; return its corners."""
    frame, signs = polygons.frames[depth], polygons.signs
    first, count = frame["first"], frame["sides"]
    size = 0
    for i in range(count):
        before = signs[i - 1 if i > 0 else count - 1] * sign
        here = signs[i] * sign
        after = signs[i + 1 if i + 1 < count else 0] * sign
        edge = polygons.meetings[first + i, 2]
        if here > 0 or (here == 0 and after > 0):
            copy_corner(polygons, first + i, edge, place + size)
            size += 1
        elif here == 0 and before > 0:
            copy_corner(polygons, first + i, row, place + size)
            size += 1
        if here * after < 0:
            place_corner(polygons, edge, row, row if here > 0 else edge, place + size)
            size += 1
    return size


@exact_order_kernel
def split_polygon(polygons, depth):
    """Split the polygon on top by the candidate whose sides are in ``signs``."""
    frames, counters, candidates = polygons.frames, polygons.counters[0], polygons.candidates
    frame = frames[depth]
    start = frame["candidates"]
    row = candidates[start + frame["choice"]]
    for i in range(frame["choice"], frame["count"] - 1):
        candidates[start + i] = candidates[start + i + 1]
    frame["count"] -= 1
    frame["state"] = WAITING_POLYGON
    frame["cutting"] = 0
    frame["unit"] = row
    end = frame["first"] + frame["sides"]
    ones = write_half(polygons, depth, row, 1, end)
    zeros = write_half(polygons, depth, row, -1, end + ones)
    place = polygons.rank[row]
    only = FREE if is_open(polygons.fixed, counters["fixed"], place) else polygons.fixed[place]
    # the polygon becomes one part; the other, if it is asked for, goes on top
    first = end if only != 0 else end + ones
    size = ones if only != 0 else zeros
    frame["bit"] = 1 if only != 0 else 0
    target = frame["first"]
    for i in range(size):
        copy_corner(polygons, first + i, polygons.meetings[first + i, 2], target + i)
    frame["sides"] = size
    if only != FREE:
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
    for i in range(frame["count"]):
        candidates[top["candidates"] + i] = candidates[start + i]
    counters["depth"] = depth + 1


@inlined_exact_order_kernel
def is_new(polygons, frame):
    """Return whether a polygon is a part that the fixed prefix does not lead to."""
    return frame["unit"] >= 0 and is_open(
        polygons.fixed, polygons.counters[0]["fixed"], polygons.rank[frame["unit"]]
    )


@exact_order_kernel
def has_room(flat, polygons, depth):
    """Return whether the stack has room for a split or another level."""
    frame = polygons.frames[depth]
    widest = len(polygons.low)
    return (
        depth + 1 < len(polygons.frames)
        and frame["first"] + 2 * frame["sides"] + 4 < len(polygons.corners)
        and frame["candidates"] + 2 * frame["count"] + widest < len(polygons.candidates)
    )


@entry
@exact_order_kernel
def explore_polygons(flat, modular, polygons, nodes, regions):
    """Explore a planar tree for about so many nodes, or until so many regions are counted.

    Returns
    -------
    int
        DONE; PAUSED; NEEDS_ROOM: call again with more room; NEEDS_ROW: the row
        ``counters["target"]`` may vanish, write it and call again; NEEDS_SIGNS: write the sides
        of that row that the corners of the polygon on top are on, and call again.
    """
    counters, frames = polygons.counters[0], polygons.frames
    last = counters["last"]
    stop = counters["nodes"] + nodes
    while counters["depth"] >= 0:
        depth = counters["depth"]
        frame = frames[depth]
        level = frame["level"]
        if not has_room(flat, polygons, depth):
            return NEEDS_ROOM
        if frame["state"] == WAITING_POLYGON:
            if frame["cutting"] == 0 and is_new(polygons, frame):
                if counters["nodes"] >= stop or polygons.counts[last] >= regions:
                    return STOPPED
                counters["nodes"] += 1
            if frame["unit"] >= 0:
                polygons.bits[frame["unit"]] = frame["bit"]
            status = settle_candidates(flat, modular, polygons, depth)
            if status == STOPPED:
                counters["depth"] -= 1
                continue
            if status != EXPLORED:
                return status
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
            if polygons.starts[level] >= counters["fixed"]:
                counters["nodes"] += flat.widths[level - 1] >> 5
            if not enter_level(flat, polygons, depth, level):
                counters["depth"] -= 1
            continue
        row = polygons.candidates[frame["candidates"] + frame["choice"]]
        place = polygons.rank[row]
        if level == last and frame["count"] == 1 and place >= counters["fixed"]:
            count_cells(polygons, level, 2)
            counters["depth"] -= 1
            continue
        frame["state"] = SPLITTING_POLYGON
        if sides_of_corners(flat, modular, polygons, depth, row) < 0:
            return NEEDS_SIGNS
        split_polygon(polygons, depth)
    return EXPLORED
