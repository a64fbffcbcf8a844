"""How many parts lines cut a convex polygon into, counted and not listed.

The lines of the last layer inside a cell of the layers below are an arrangement: its parts are
regions. One line after another is added; each cuts as many parts in two as it has parts
itself: one more than the different points in which it meets the lines before it.
"""

from __future__ import annotations

import numpy as np

from polyregions.compiled import exact_order_kernel, inlined_exact_order_kernel
from polyregions.tree.chords import concur, meeting_interval, sort_by, write_chords

__all__ = ["count_parts", "crossing_pairs"]

# Hint: so many points on a line are looked at in buckets before they are sorted.
_BUCKETS_HINT = 24
# Hint: points in more buckets than these are not worth buckets.
_WIDE_HINT = 64


@exact_order_kernel
def crossing_pairs(chords, count):
    """Count the pairs of chords that cross, whether or not others pass through the same point.

    Parameters
    ----------
    chords : Chords
        Work arrays are overwritten.
    count : int

    Returns
    -------
    int

    Notes
    -----
    *Algorithm.* Around the rim, with a binary indexed tree (Fenwick 1994) of the chords that are
    open: at its last end, a chord crosses those open ones whose first end is behind its own.
    O(k log k).
    """
    first, last, keys = chords.first, chords.last, chords.low
    order, behind, tree = chords.order, chords.items, chords.slots
    for i in range(count):
        keys[i] = last[i]
        order[i] = i
        tree[i] = 0
    # the first chord whose first end is behind that of chord i
    for i in range(count - 1, -1, -1):
        tied = i + 1 < count and first[i + 1] == first[i]
        behind[i] = behind[i + 1] if tied else i + 1
    sort_by(keys, order, 0, count, chords.spare)
    pairs = 0
    opened = 0
    begin = 0
    while begin < count:
        rim = last[order[begin]]
        end = begin
        while end < count and last[order[end]] == rim:
            end += 1
        while opened < count and first[opened] < rim:
            add_at(tree, count, opened, 1)
            opened += 1
        # ends in one point do not interleave
        for p in range(begin, end):
            add_at(tree, count, order[p], -1)
        for p in range(begin, end):
            pairs += total(tree, opened) - total(tree, behind[order[p]])
        begin = end
    return pairs


@inlined_exact_order_kernel
def add_at(tree, count, place, change):
    """Add a number at a place of a binary indexed tree of so many."""
    at = place + 1
    while at <= count:
        tree[at - 1] += change
        at += at & -at


@inlined_exact_order_kernel
def total(tree, stop):
    """Return the sum of the numbers before a place of a binary indexed tree."""
    value = 0
    at = stop
    while at > 0:
        value += tree[at - 1]
        at -= at & -at
    return value


@exact_order_kernel
def write_meetings(chords, i, count):
    """Write the chords behind a chord that meet it, and where on its line.

    Parameters
    ----------
    chords : Chords, in and out
        ``items``, ``low`` and ``high`` are written.
    i, count : int

    Returns
    -------
    int
        How many.
    """
    first, last, rows = chords.first, chords.last, chords.rows
    low, high, items = chords.low, chords.high, chords.items
    # ends interleave: chords are sorted by their first ends
    start = i + 1
    while start < count and first[start] == first[i]:
        start += 1
    stop, beyond = start, count
    while stop < beyond:
        middle = (stop + beyond) >> 1
        if first[middle] < last[i]:
            stop = middle + 1
        else:
            beyond = middle
    size = 0
    for j in range(start, stop):
        items[size] = j
        size += last[j] > last[i]
    if size < 2:
        return size
    a, b, c, error = rows[0, i], rows[1, i], rows[2, i], rows[3, i]
    # slices, because an index that may be negative keeps a loop from being vectorised
    others_a, others_b = rows[0, start:stop], rows[1, start:stop]
    others_c, errors = rows[2, start:stop], rows[3, start:stop]
    for t in range(stop - start):
        low[t], high[t] = meeting_interval(
            a, b, c, error, others_a[t], others_b[t], others_c[t], errors[t]
        )
    for t in range(size):
        low[t] = low[items[t] - start]
        high[t] = high[items[t] - start]
    return size


@exact_order_kernel
def keep_close(chords, size):
    """Leave out the points of a line that share no bucket with another.

    Parameters
    ----------
    chords : Chords, in and out
        The first `size` of ``items``, ``low`` and ``high``.
    size : int

    Returns
    -------
    int
        How many points are left; those left out are proven to be different from all others.

    Notes
    -----
    *Proof.* The number of a bucket does not fall from a coordinate to a larger one, rounding
    included. So intervals that have a point in common have a bucket in common.
    """
    low, high, items = chords.low, chords.high, chords.items
    once, twice = chords.seen[0], chords.seen[1]
    least, most = low[0], high[0]
    for t in range(size):
        least = min(least, low[t])
        most = max(most, high[t])
    words = 1
    while 4 * words < size and 2 * words <= len(once):
        words *= 2
    scale = (64.0 * words - 1.0) / (most - least)
    if not scale < 1e300:
        return size
    for w in range(words):
        once[w] = np.uint64(0)
        twice[w] = np.uint64(0)
    for t in range(size):
        begin, end = np.int64((low[t] - least) * scale), np.int64((high[t] - least) * scale)
        if end - begin > _WIDE_HINT:
            return size
        for bucket in range(begin, end + 1):
            bit = np.uint64(1) << np.uint64(bucket & 63)
            twice[bucket >> 6] |= once[bucket >> 6] & bit
            once[bucket >> 6] |= bit
    kept = 0
    for t in range(size):
        begin, end = np.int64((low[t] - least) * scale), np.int64((high[t] - least) * scale)
        shared = np.uint64(0)
        for bucket in range(begin, end + 1):
            shared |= (twice[bucket >> 6] >> np.uint64(bucket & 63)) & np.uint64(1)
        low[kept] = low[t]
        high[kept] = high[t]
        items[kept] = items[t]
        kept += int(shared)
    return kept


@exact_order_kernel
def repeated_points(flat, lines, polygons, level, i, size):
    """Count the points of a chord that are another's, too.

    Parameters
    ----------
    flat : FlatNetwork
    lines : IntegerLines
    polygons : Polygons, in and out
    level, i : int
    size : int
        The points are the first `size` of ``items``, ``low`` and ``high`` in ``chords``.

    Returns
    -------
    int
        Points less different points; -1 if undecided.
    """
    chords = polygons.chords
    units, low, high, order = chords.lines, chords.low, chords.high, chords.order
    for t in range(size):
        order[t] = t
    sort_by(low, order, 0, size, chords.spare)
    repeated = 0
    begin = 0
    while begin < size:
        # a run of intervals that overlap, each one with some before it
        end, reach = begin + 1, high[order[begin]]
        while end < size and low[order[end]] <= reach:
            reach = max(reach, high[order[end]])
            end += 1
        # the first places of the run hold one point each that differs from those before
        different = begin
        for p in range(begin, end):
            t = order[p]
            same = 0
            q = begin
            while same == 0 and q < different:
                one = order[q]
                if low[t] <= high[one] and low[one] <= high[t]:
                    rows = (units[i], units[chords.items[one]], units[chords.items[t]])
                    same = concur(flat, lines, polygons, level, rows)
                q += 1
            if same < 0:
                return -1
            if same == 0:
                order[different] = t
                different += 1
        repeated += end - different
        begin = end
    return repeated


@exact_order_kernel
def count_parts(flat, lines, polygons, depth):
    """Count the parts into which its candidates cut the polygon on top.

    Parameters
    ----------
    flat : FlatNetwork
    lines : IntegerLines
    polygons : Polygons, in and out
    depth : int
        Every candidate is proven to cut.

    Returns
    -------
    int
        The parts, or no fewer if only a bound is asked for. 0 if undecided: then the candidate
        ``frame["choice"]`` is one to split the polygon by, so that what is left is easier.

    Notes
    -----
    *Proof.* Lines in any order; each one cuts those parts in two, of the polygon cut by the lines
    before it, that it meets, and its points on these lines separate them along it. Points on
    the rim are no points of the open polygon. Here lines are taken from the last to the first.
    """
    frame, chords = polygons.frames[depth], polygons.chords
    count, unknown = write_chords(flat, lines, polygons, depth)
    if count < 0:
        frame["choice"] = unknown
        return 0
    parts = 1 + count
    if polygons.counters[0]["bounding"]:
        # as many as there are where no three lines concur
        return parts + crossing_pairs(chords, count)
    for i in range(count):
        size = write_meetings(chords, i, count)
        parts += size
        if size < 2:
            continue
        if size > _BUCKETS_HINT:
            size = keep_close(chords, size)
        repeated = repeated_points(flat, lines, polygons, frame["level"], i, size)
        if repeated < 0:
            start = frame["candidates"]
            for k in range(frame["count"]):
                if polygons.candidates[start + k] == chords.lines[i]:
                    frame["choice"] = k
            return 0
        parts -= repeated
    return parts
