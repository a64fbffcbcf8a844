"""Exploring a planar tree, depth-first: which units cut a polygon, and its two parts.

Everything rests on one question: on which side of a unit's line is a corner, where two
other lines meet? Floats answer it if the value exceeds its bound and the corner's doubt;
a corner on the line is recognised by the network's shape or modulo primes; what is left
goes to exact integers. All that follows from the answers is combinatorial.
"""

from __future__ import annotations

import numpy as np

from polyregions.compiled import exact_order_kernel, inlined_exact_order_kernel
from polyregions.geometry.flat import TINY
from polyregions.geometry.flat import UNIT as ROUNDING
from polyregions.geometry.layers import change_slope, layer_maps
from polyregions.geometry.modular import meet_on, modular_rows, vanishes
from polyregions.geometry.rows import LOST, _write_row
from polyregions.lp.dictionary import HUGE
from polyregions.traversal.polygons import (
    BIT,
    CANDIDATES,
    CHOICE,
    COUNT,
    CUTTING,
    DEPTH,
    EXACT,
    FIRST,
    FIXED,
    GIVEN,
    LAST,
    LEVEL,
    NODES,
    ORDERED,
    RESIDUES,
    SETTLED,
    SIDES,
    SPLITTING,
    STATE,
    TARGET,
    UNIT,
    WAITING,
    copy_corner,
    count_cells,
    place_corner,
    settle_unit,
)
from polyregions.traversal.tree import ANY

__all__ = ["DONE", "NEEDS_ROOM", "NEEDS_ROW", "NEEDS_SIGNS", "PAUSED", "clip"]

# what the kernel returns
DONE, PAUSED, NEEDS_ROW, NEEDS_ROOM, NEEDS_SIGNS = range(5)
# the side of a corner that only exact integers can tell
UNKNOWN = 2

# Hint: changes of slopes between two fresh computations of a layer's maps.
FRESH_HINT = 256


@exact_order_kernel
def residues_ready(flat, modular, polygons, level):
    """Compute the rows up to a level modulo the primes, unless they are there."""
    if len(modular.primes) == 0:
        return False
    if polygons.counters[RESIDUES] < level:
        modular_rows(flat, modular, polygons.bits)
        polygons.counters[RESIDUES] = level
    return True


@exact_order_kernel
def side(flat, modular, polygons, level, corner, row):
    """Return the sign of a row at a corner, or UNKNOWN."""
    rows, corners = polygons.rows, polygons.corners
    value = rows[2, row] + rows[0, row] * corners[corner, 0] + rows[1, row] * corners[corner, 1]
    bound = polygons.errors[row] + corners[corner, 2]
    if value > bound:
        return 1
    if value < -bound:
        return -1
    first, second = polygons.meetings[corner, 0], polygons.meetings[corner, 1]
    if flat.zero_offsets and max(first, second) < flat.units:
        return 0  # three lines through the origin
    if residues_ready(flat, modular, polygons, level) and meet_on(modular, first, second, row):
        polygons.counters[EXACT] += 1
        return 0
    return UNKNOWN


@exact_order_kernel
def sides(flat, modular, polygons, depth, row):
    """Find the sides of a row that the corners of a polygon are on.

    Returns how evenly it divides them: 0 if it does not cut, -1 if it is UNKNOWN.
    """
    frame, signs = polygons.frames[depth], polygons.signs
    first, count = frame[FIRST], frame[SIDES]
    given = polygons.counters[GIVEN] == row
    above = below = 0
    for i in range(count):
        sign = polygons.given[i] if given else -2
        if not given:
            sign = side(flat, modular, polygons, frame[LEVEL], first + i, row)
        if sign == UNKNOWN:
            polygons.counters[TARGET] = row
            return -1
        signs[i] = sign
        above += sign > 0
        below += sign < 0
    polygons.counters[GIVEN] = -1
    return min(above, below)


@exact_order_kernel
def compute_maps(flat, polygons, level):
    """Bring the maps of a level's units up to date with the bits below.

    From one cell to the next few bits change, and the maps change by their weights.
    """
    layer = level - 1
    base = polygons.bases[level]
    under = base - flat.widths[layer - 1] if layer > 0 else 0
    changes = 0
    if layer > 0:
        below = flat.widths[layer - 1]
        if 0 <= polygons.ages[layer] < FRESH_HINT:
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
                        polygons.maps,
                        polygons.map_errors,
                    )
                    changes += 1
            polygons.ages[layer] += changes
        else:
            changes = -1
        for row in range(polygons.starts[level - 1], polygons.starts[level]):
            polygons.seen[row] = polygons.bits[row]
    else:
        changes = -1 if polygons.ages[0] < 0 else 0
    if changes < 0:
        layer_maps(
            flat,
            layer,
            base,
            polygons.bits,
            polygons.maps,
            polygons.map_errors,
            polygons.scaled,
            polygons.scaled_error,
            polygons.slopes,
        )
        polygons.ages[layer] = 0
    if changes != 0 and layer + 1 < len(flat.widths):
        polygons.ages[layer + 1] = -1


@exact_order_kernel
def evaluate_units(flat, polygons, depth, layer):
    """Bound the least and largest value of each unit over a polygon, at its corners."""
    frame, low, high = polygons.frames[depth], polygons.low, polygons.high
    maps, error = polygons.maps[layer], polygons.map_errors[layer]
    width = flat.widths[layer]
    doubt = 0.0
    for i in range(width):
        low[i] = HUGE
        high[i] = -HUGE
    for corner in range(frame[FIRST], frame[FIRST] + frame[SIDES]):
        x, y = polygons.corners[corner, 0], polygons.corners[corner, 1]
        doubt = max(doubt, polygons.corners[corner, 2])
        for i in range(width):
            value = maps[2, i] + maps[0, i] * x + maps[1, i] * y
            low[i] = value if value < low[i] else low[i]
            high[i] = value if value > high[i] else high[i]
    scale = 1.02 * doubt + 16.0 * ROUNDING
    for i in range(width):
        size = abs(maps[0, i]) + abs(maps[1, i])
        bound = 1.01 * (error[i] + scale * size + 16.0 * ROUNDING * abs(maps[2, i])) + TINY
        # a map that is not finite, or values that may overflow, decide nothing
        bound = bound if size + abs(maps[2, i]) < HUGE else np.inf
        low[i] -= bound
        high[i] += bound


@exact_order_kernel
def enter_level(flat, polygons, depth, level):
    """Make the polygon on top one of the next level: its candidates are units that may cut.

    Returns False if the fixed prefix says otherwise.
    """
    frame, counters = polygons.frames[depth], polygons.counters
    layer, base = level - 1, polygons.bases[level]
    counters[RESIDUES] = min(counters[RESIDUES], level - 1)
    evaluate_units(flat, polygons, depth, layer)
    agrees = True
    count = 0
    for place in range(polygons.starts[level], polygons.starts[level + 1]):
        row = polygons.sequence[place]
        i = flat.unit_of_row[row] - base
        if polygons.low[i] > 0.0:
            agrees &= settle_unit(polygons, row, 1)
        elif polygons.high[i] < 0.0:
            agrees &= settle_unit(polygons, row, 0)
        else:
            _write_row(
                polygons.maps[layer],
                i,
                2,
                1.0,
                polygons.map_errors[layer, i],
                row,
                polygons.rows,
                polygons.errors,
            )
            polygons.candidates[frame[CANDIDATES] + count] = row
            count += 1
    frame[LEVEL] = level
    frame[STATE] = WAITING
    frame[COUNT] = count
    frame[CUTTING] = 0
    frame[UNIT] = -1
    return agrees


@exact_order_kernel
def settle_candidates(flat, modular, polygons, depth):
    """Settle the candidates that do not cut the polygon; choose one of those that do.

    Returns DONE, PAUSED if the fixed prefix says otherwise, NEEDS_ROW or NEEDS_SIGNS.
    """
    frame, counters, candidates = polygons.frames[depth], polygons.counters, polygons.candidates
    level, start = frame[LEVEL], frame[CANDIDATES]
    best = -1
    kept = frame[CUTTING]
    status = DONE
    for i in range(kept, frame[COUNT]):
        row = candidates[start + i]
        if status != DONE:
            candidates[start + kept] = row
            kept += 1
            continue
        bit = -1
        balance = 0
        if polygons.errors[row] == LOST:
            if not residues_ready(flat, modular, polygons, level) or not vanishes(modular, 2, row):
                counters[TARGET] = row
                status = NEEDS_ROW
            else:
                counters[EXACT] += 1
                bit = 0
        elif polygons.errors[row] == 0.0:
            bit = 1 if polygons.rows[2, row] > 0.0 else 0
        else:
            balance = sides(flat, modular, polygons, depth, row)
            if balance < 0:
                status = NEEDS_SIGNS
            elif balance == 0:
                bit = 0
                for k in range(frame[SIDES]):
                    bit |= polygons.signs[k] > 0
        if status != DONE:
            frame[CUTTING] = kept
        if bit < 0:
            # those that the fixed prefix decides come first: they keep one side only
            place = polygons.rank[row]
            if place < counters[FIXED] and polygons.fixed[place] != ANY:
                balance = 1 << 30
            if status == DONE and balance > best:
                best = balance
                frame[CHOICE] = kept
            candidates[start + kept] = row
            kept += 1
        elif not settle_unit(polygons, row, bit):
            return PAUSED
    frame[COUNT] = kept
    if status == DONE:
        frame[CUTTING] = kept
        frame[STATE] = SETTLED
        if counters[ORDERED] and best < 1 << 30:
            frame[CHOICE] = 0
    return status


@exact_order_kernel
def write_part(polygons, depth, row, sign, place):
    """Write the part of a polygon on one side of a row at a place; return its corners."""
    frame, signs = polygons.frames[depth], polygons.signs
    first, count = frame[FIRST], frame[SIDES]
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
def split(polygons, depth):
    """Split the polygon on top by the candidate whose sides are in ``signs``."""
    frames, counters, candidates = polygons.frames, polygons.counters, polygons.candidates
    frame = frames[depth]
    start = frame[CANDIDATES]
    row = candidates[start + frame[CHOICE]]
    for i in range(frame[CHOICE], frame[COUNT] - 1):
        candidates[start + i] = candidates[start + i + 1]
    frame[COUNT] -= 1
    frame[STATE] = WAITING
    frame[CUTTING] = 0
    frame[UNIT] = row
    end = frame[FIRST] + frame[SIDES]
    ones = write_part(polygons, depth, row, 1, end)
    zeros = write_part(polygons, depth, row, -1, end + ones)
    place = polygons.rank[row]
    only = polygons.fixed[place] if place < counters[FIXED] else ANY
    # the polygon becomes one part; the other, if it is asked for, goes on top
    first = end if only != 0 else end + ones
    size = ones if only != 0 else zeros
    frame[BIT] = 1 if only != 0 else 0
    target = frame[FIRST]
    for i in range(size):
        copy_corner(polygons, first + i, polygons.meetings[first + i, 2], target + i)
    frame[SIDES] = size
    if only != ANY:
        return
    for i in range(zeros):
        source = end + ones + i
        copy_corner(polygons, source, polygons.meetings[source, 2], target + size + i)
    top = frames[depth + 1]
    top[LEVEL] = frame[LEVEL]
    top[STATE] = WAITING
    top[FIRST] = target + size
    top[SIDES] = zeros
    top[CANDIDATES] = start + frame[COUNT]
    top[COUNT] = frame[COUNT]
    top[CUTTING] = 0
    top[UNIT] = row
    top[BIT] = 0
    for i in range(frame[COUNT]):
        candidates[top[CANDIDATES] + i] = candidates[start + i]
    counters[DEPTH] = depth + 1


@inlined_exact_order_kernel
def is_new(polygons, frame):
    """Return whether a polygon is a part that the fixed prefix does not lead to."""
    if frame[UNIT] < 0:
        return False
    place = polygons.rank[frame[UNIT]]
    return place >= polygons.counters[FIXED] or polygons.fixed[place] == ANY


@exact_order_kernel
def has_room(flat, polygons, depth):
    """Return whether the stack has room for a split or another level."""
    frame = polygons.frames[depth]
    widest = len(polygons.low)
    return (
        depth + 1 < len(polygons.frames)
        and frame[FIRST] + 2 * frame[SIDES] + 4 < len(polygons.corners)
        and frame[CANDIDATES] + 2 * frame[COUNT] + widest < len(polygons.candidates)
    )


@exact_order_kernel
def clip(flat, modular, polygons, nodes, regions):
    """Explore a planar tree for about so many nodes, or until so many regions are counted.

    Returns
    -------
    int
        DONE; PAUSED; NEEDS_ROOM: call again with more room; NEEDS_ROW: the row
        ``counters[TARGET]`` may vanish, write it and call again; NEEDS_SIGNS: write the sides
        of that row that the corners of the polygon on top are on, and call again.
    """
    counters, frames = polygons.counters, polygons.frames
    last = counters[LAST]
    stop = counters[NODES] + nodes
    while counters[DEPTH] >= 0:
        depth = counters[DEPTH]
        frame = frames[depth]
        level = frame[LEVEL]
        if not has_room(flat, polygons, depth):
            return NEEDS_ROOM
        if frame[STATE] == WAITING:
            if frame[CUTTING] == 0 and is_new(polygons, frame):
                if counters[NODES] >= stop or polygons.counts[last] >= regions:
                    return PAUSED
                counters[NODES] += 1
            if frame[UNIT] >= 0:
                polygons.bits[frame[UNIT]] = frame[BIT]
            status = settle_candidates(flat, modular, polygons, depth)
            if status == PAUSED:
                counters[DEPTH] -= 1
                continue
            if status != DONE:
                return status
        if frame[COUNT] == 0:
            count_cells(polygons, level, 1)
            if level == last:
                counters[DEPTH] -= 1
                continue
            level += 1
            compute_maps(flat, polygons, level)
            while polygons.starts[level + 1] == polygons.starts[level]:
                level += 1
                compute_maps(flat, polygons, level)
            if polygons.starts[level] >= counters[FIXED]:
                counters[NODES] += flat.widths[level - 1] >> 5
            if not enter_level(flat, polygons, depth, level):
                counters[DEPTH] -= 1
            continue
        row = polygons.candidates[frame[CANDIDATES] + frame[CHOICE]]
        place = polygons.rank[row]
        if level == last and frame[COUNT] == 1 and place >= counters[FIXED]:
            count_cells(polygons, level, 2)
            counters[DEPTH] -= 1
            continue
        frame[STATE] = SPLITTING
        if sides(flat, modular, polygons, depth, row) < 0:
            return NEEDS_SIGNS
        split(polygons, depth)
    return DONE
