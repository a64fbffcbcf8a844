"""On which side of a unit's line a corner is: the one question of the planar tree.

A corner is where two other lines meet. Floats answer if the value exceeds its bound and the
corner's doubt; a corner on the line is recognised by the network's shape; what is left is
decided in integers, where there are no compiled ones in Python's.
"""

from __future__ import annotations

from polyregions.compiled import exact_order_kernel
from polyregions.tree.integer_lines import corner_sign

__all__ = ["sides_of_corners"]

# the side of a corner that only Python's integers can tell
UNKNOWN_SIDE = 2


@exact_order_kernel
def side(flat, lines, polygons, level, corner, row):
    """Return the sign of a row at a corner.

    Parameters
    ----------
    flat : FlatNetwork
    lines : IntegerLines
    polygons : Polygons
    level : int
    corner : int
        Its place in ``polygons.corners``.
    row : int

    Returns
    -------
    int
        1, 0 or -1, proven (docs/mathematics.md, part 9); else UNKNOWN_SIDE.
    """
    rows, corners = polygons.rows, polygons.corners
    value = rows[2, row] + rows[0, row] * corners[corner, 0] + rows[1, row] * corners[corner, 1]
    # the row's own error, and how much it can change between this point and the exact corner
    bound = polygons.errors[row] + corners[corner, 2]
    if value > bound:
        return 1
    if value < -bound:
        return -1
    # undecided by floats
    first, second = polygons.meetings[corner, 0], polygons.meetings[corner, 1]
    if flat.zero_offsets and max(first, second) < flat.units:
        return 0  # three lines through the origin
    if polygons.counters[0]["ready"] < level:
        return UNKNOWN_SIDE
    polygons.counters[0]["exact"] += 1
    return corner_sign(flat, lines, first, second, row)


@exact_order_kernel
def sides_of_corners(flat, lines, polygons, depth, row):
    """Find the sides of a row that the corners of a polygon are on.

    Parameters
    ----------
    flat : FlatNetwork
    lines : IntegerLines
    polygons : Polygons, in and out
        They are written to ``signs``; ``counters["target"]`` is the row if one is unknown.
    depth, row : int

    Returns
    -------
    int
        How evenly it divides them: 0 if it does not cut, -1 if a side is unknown.
    """
    frame, signs = polygons.frames[depth], polygons.signs
    first, count = frame["first"], frame["sides"]
    given = polygons.counters[0]["given"] == row
    above = below = 0
    for i in range(count):
        # exact arithmetic has found them all, when one was unknown
        if given:
            sign = int(polygons.given[i])
        else:
            sign = side(flat, lines, polygons, frame["level"], first + i, row)
        if sign == UNKNOWN_SIDE:
            polygons.counters[0]["target"] = row
            return -1
        signs[i] = sign
        above += sign > 0
        below += sign < 0
    polygons.counters[0]["given"] = -1
    # an affine function has its extremes at corners: without one on either side it cuts nothing
    return min(above, below)
