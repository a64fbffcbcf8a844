"""The lines that cross a polygon, as chords, and the order of their ends around the rim.

A line that cuts a convex polygon has two ends on its rim, each at a corner or inside an edge. Two
lines meet in the open polygon exactly if their ends interleave; lines with the same two ends
are one line.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Integers
from polyregions.compiled import exact_order_kernel, inlined_exact_order_kernel
from polyregions.tree.corner_orientation import lines_concur, sides_of_corners

__all__ = ["Chords", "chords_of", "concur", "meeting_interval", "sort_by", "write_chords"]

# Hint: so short a list is sorted by insertion.
_SHORT_HINT = 12
# Hint: lines closer to parallel are told apart in exact arithmetic only.
_LEAST_AREA_HINT = 1e-12
# An interval that holds every point of the cube, along any line; see `meeting_interval`.
_EVERYWHERE = 4.0


class Chords(NamedTuple):
    """Different lines that cross a polygon, ordered by their first ends; and work arrays.

    Attributes
    ----------
    rows : float64 array, shape (4, k)
        Normals of unit length, offsets, and error bounds, as in `Rows`.
    lines : int64 array, shape (k,)
        Their rows' numbers.
    first, last : int64 arrays, shape (k,)
        Ranks of the two ends around the rim, ``first < last``: equal for ends that are the same
        point, and else in the order of the points.
    items : int64 array, shape (k,)
        Work: chords that meet one chord.
    low, high : float64 arrays, shape (2 k,)
        Work: intervals in which points of one line lie, by a coordinate along it.
    slots, ranks : int64 arrays, shape (2 k,)
        Work: where each end is, ``2 j`` for corner j and ``2 j + 1`` for the edge behind it.
    order, spare : int64 arrays, shape (2 k,)
        Work for sorting.
    seen : uint64 array, shape (2, words)
        Work: sets of small numbers.
    """

    rows: Floats
    lines: Integers
    first: Integers
    last: Integers
    items: Integers
    low: Floats
    high: Floats
    slots: Integers
    ranks: Integers
    order: Integers
    spare: Integers
    seen: NDArray[np.uint64]


def chords_of(width: int) -> Chords:
    """Allocate room for so many chords."""
    k, words = max(1, width), max(1, width)
    return Chords(
        rows=np.zeros((4, k)),
        lines=np.zeros(k, dtype=np.int64),
        first=np.zeros(k, dtype=np.int64),
        last=np.zeros(k, dtype=np.int64),
        items=np.zeros(k, dtype=np.int64),
        low=np.zeros(2 * k),
        high=np.zeros(2 * k),
        slots=np.zeros(2 * k, dtype=np.int64),
        ranks=np.zeros(2 * k, dtype=np.int64),
        order=np.zeros(2 * k, dtype=np.int64),
        spare=np.zeros(2 * k, dtype=np.int64),
        seen=np.zeros((2, words), dtype=np.uint64),
    )


@exact_order_kernel
def sort_by(keys, order, start, stop, spare):
    """Sort ``order[start:stop]`` by keys: short runs by insertion, then merged.

    Parameters
    ----------
    keys : float64 array
        Without NaN.
    order : int64 array, in and out
    start, stop : int
    spare : int64 array, as long as `order`
        Work.
    """
    for begin in range(start, stop, _SHORT_HINT):
        for i in range(begin + 1, min(begin + _SHORT_HINT, stop)):
            item = order[i]
            key = keys[item]
            j = i - 1
            while j >= begin and keys[order[j]] > key:
                order[j + 1] = order[j]
                j -= 1
            order[j + 1] = item
    size = _SHORT_HINT
    while size < stop - start:
        for begin in range(start, stop, 2 * size):
            middle, end = min(begin + size, stop), min(begin + 2 * size, stop)
            left, right = begin, middle
            for place in range(begin, end):
                if right >= end or (left < middle and keys[order[left]] <= keys[order[right]]):
                    spare[place] = order[left]
                    left += 1
                else:
                    spare[place] = order[right]
                    right += 1
        for place in range(start, stop):
            order[place] = spare[place]
        size *= 2


@inlined_exact_order_kernel
def meeting_interval(a, b, c, error, other_a, other_b, other_c, other_error):
    """Enclose the point in which two lines meet, along the first: by the coordinate a y - b x.

    Parameters
    ----------
    a, b, c, error : float
        The first line's normalised row and its error bound.
    other_a, other_b, other_c, other_error : float
        The second line's.

    Returns
    -------
    low, high : float
        The exact point's coordinate lies between them if the exact point lies in the cube.

    Notes
    -----
    With D the determinant of the two normals, the exact point q is within
    ``1.42 (err_i + err_j) / D`` of where the float rows meet: at q they are at most err_i and
    err_j, and D over sqrt(2) bounds how fast they grow together. That point's coordinate is
    ``(c_i n_i.n_j - |n_i|^2 c_j) / D``, computed here with ``|n_i| = 1`` to less than 22 u / D,
    as offsets of lines that meet the cube are below 1.5; and 22 u are less than
    ``1.4 (err_i + err_j)``, since each bound is above 8 u. So 4 is more than enough, for the
    rounding of the ends and the error of D, too: docs/mathematics.md, part 9.
    """
    area = a * other_b - b * other_a
    slack = error + other_error
    size = abs(area)
    # the determinant has to be known well, as in `corner_doubt`
    known = size > 1000.0 * slack + _LEAST_AREA_HINT
    inverse = 1.0 / (area if known else 1.0)
    place = (c * (a * other_a + b * other_b) - other_c) * inverse
    doubt = 4.0 * slack * abs(inverse)
    # no coordinate of a point of the cube is beyond the square root of 2
    return (place - doubt if known else -_EVERYWHERE), (place + doubt if known else _EVERYWHERE)


@exact_order_kernel
def concur(flat, lines, polygons, level, rows):
    """Return whether three lines are proven to meet in one point, two of them in one only.

    Parameters
    ----------
    flat : FlatNetwork
    lines : IntegerLines
    polygons : Polygons, in and out
    level : int
    rows : tuple of three ints

    Returns
    -------
    int
        1 or 0, proven; -1 where no integers are ready.
    """
    if flat.zero_offsets and max(rows[0], rows[1], rows[2]) < flat.units:
        return 1  # three lines through the origin
    if polygons.counters[0]["ready"] < level:
        return -1
    polygons.counters[0]["exact"] += 1
    return 1 if lines_concur(flat, lines, rows) else 0


@exact_order_kernel
def write_ends(flat, lines, polygons, depth):
    """Find where each candidate of a polygon ends: at a corner, or somewhere inside an edge.

    Parameters
    ----------
    flat : FlatNetwork
    lines : IntegerLines
    polygons : Polygons, in and out
        Every candidate is proven to cut. End 2 i and 2 i + 1 are those of candidate i: their
        ``slots``, and between which coordinates along the edge they lie, in the rim's sense.
    depth : int

    Returns
    -------
    int
        -1; or a candidate for which a side is not known.
    """
    frame, chords, signs = polygons.frames[depth], polygons.chords, polygons.signs
    first, count = frame["first"], frame["sides"]
    for i in range(frame["count"]):
        row = polygons.candidates[frame["candidates"] + i]
        if sides_of_corners(flat, lines, polygons, depth, row) <= 0:
            return i
        end = 2 * i
        for j in range(count):
            after = signs[j + 1 if j + 1 < count else 0]
            if signs[j] == 0:
                chords.slots[end] = 2 * j
                end += 1
            elif signs[j] * after < 0:
                edge = polygons.meetings[first + j, 2]
                low, high = meeting_interval(
                    polygons.rows[0, edge],
                    polygons.rows[1, edge],
                    polygons.rows[2, edge],
                    polygons.errors[edge],
                    polygons.rows[0, row],
                    polygons.rows[1, row],
                    polygons.rows[2, row],
                    polygons.errors[row],
                )
                # around the rim the inside is on the left: on the edge's positive side if the
                # polygon is, and there the coordinate falls
                inside = edge >= flat.units or polygons.bits[edge] != 0
                chords.slots[end] = 2 * j + 1
                chords.low[end] = -high if inside else low
                chords.high[end] = -low if inside else high
                end += 1
    return -1


@exact_order_kernel
def rank_ends(flat, lines, polygons, depth):
    """Rank the ends of all candidates around the rim.

    Parameters
    ----------
    flat : FlatNetwork
    lines : IntegerLines
    polygons : Polygons, in and out
        With what `write_ends` has written; ``order`` and ``ranks`` are.
    depth : int

    Returns
    -------
    int
        -1; or a candidate of which an end is not known to be before, at or behind another.

    Notes
    -----
    *Proof.* Intervals are sorted by their lower ends. Those in a run are proven to hold one point,
    so it is not beyond the least of their upper ends; where that is below the next lower end, it
    is below all points that follow. Else the next point must be proven to be the same, too.
    """
    frame, chords, order = polygons.frames[depth], polygons.chords, polygons.chords.order
    ends = 2 * frame["count"]
    place = 0
    rank = -1
    for slot in range(2 * frame["sides"]):
        start = place
        for end in range(ends):
            if chords.slots[end] == slot:
                order[place] = end
                place += 1
        if slot & 1:
            sort_by(chords.low, order, start, place, chords.spare)
        edge = polygons.meetings[frame["first"] + (slot >> 1), 2]
        reach = 0.0
        leader = -1
        for p in range(start, place):
            end = order[p]
            # a corner is one point
            if p == start or (slot & 1 and chords.low[end] > reach):
                rank += 1
                leader = end
                reach = chords.high[end]
            elif slot & 1:
                reach = min(reach, chords.high[end])
                one = polygons.candidates[frame["candidates"] + (leader >> 1)]
                other = polygons.candidates[frame["candidates"] + (end >> 1)]
                if concur(flat, lines, polygons, frame["level"], (edge, one, other)) != 1:
                    return end >> 1
            chords.ranks[end] = rank
    return -1


@exact_order_kernel
def write_chords(flat, lines, polygons, depth):
    """Write the candidates of a polygon as chords, each line once.

    Parameters
    ----------
    flat : FlatNetwork
    lines : IntegerLines
    polygons : Polygons, in and out
        ``chords`` are written.
    depth : int
        Every candidate is proven to cut.

    Returns
    -------
    count : int
        How many chords; -1 if undecided.
    candidate : int
        Then: one by which the polygon may be split, so that what is left is easier.
    """
    frame, chords = polygons.frames[depth], polygons.chords
    unknown = write_ends(flat, lines, polygons, depth)
    if unknown < 0:
        unknown = rank_ends(flat, lines, polygons, depth)
    if unknown >= 0:
        return -1, unknown
    count = 0
    for p in range(2 * frame["count"]):
        end = chords.order[p]
        first, last = chords.ranks[end], chords.ranks[end ^ 1]
        known = first > last
        # two points determine a line
        t = count - 1
        while not known and t >= 0 and chords.first[t] == first:
            known = chords.last[t] == last
            t -= 1
        if not known:
            row = polygons.candidates[frame["candidates"] + (end >> 1)]
            chords.lines[count] = row
            chords.first[count] = first
            chords.last[count] = last
            for d in range(3):
                chords.rows[d, count] = polygons.rows[d, row]
            chords.rows[3, count] = polygons.errors[row]
            count += 1
    return count, -1
