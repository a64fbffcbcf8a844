"""On which side of a unit's line a corner is: the one question of the planar tree.

A corner is where two other lines meet. Floats answer if the value exceeds its bound and the
corner's doubt; a corner on the line is recognised by the network's shape or modulo primes;
what is left goes to exact integers.
"""

from __future__ import annotations

from polyregions.compiled import exact_order_kernel
from polyregions.network.residues import meet_on, modular_rows

__all__ = ["corner_residues_ready", "sides_of_corners"]

# the side of a corner that only exact integers can tell
UNKNOWN_SIDE = 2


@exact_order_kernel
def corner_residues_ready(flat, modular, polygons, level):
    """Compute the rows up to a level modulo the primes, unless they are there.

    Parameters
    ----------
    flat : FlatNetwork
    modular : ModularNetwork, out
    polygons : Polygons, in and out
    level : int

    Returns
    -------
    bool
        False if there are no primes yet.
    """
    if len(modular.primes) == 0:
        return False
    if polygons.counters[0]["residues"] < level:
        modular_rows(flat, modular, polygons.bits)
        polygons.counters[0]["residues"] = level
    return True


@exact_order_kernel
def side(flat, modular, polygons, level, corner, row):
    """Return the sign of a row at a corner.

    Parameters
    ----------
    flat : FlatNetwork
    modular : ModularNetwork
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
    # undecided by floats: is it exactly on the line?
    first, second = polygons.meetings[corner, 0], polygons.meetings[corner, 1]
    if flat.zero_offsets and max(first, second) < flat.units:
        return 0  # three lines through the origin
    if corner_residues_ready(flat, modular, polygons, level) and meet_on(
        modular, first, second, row
    ):
        polygons.counters[0]["exact"] += 1
        return 0
    return UNKNOWN_SIDE


@exact_order_kernel
def sides_of_corners(flat, modular, polygons, depth, row):
    """Find the sides of a row that the corners of a polygon are on.

    Parameters
    ----------
    flat : FlatNetwork
    modular : ModularNetwork
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
            sign = side(flat, modular, polygons, frame["level"], first + i, row)
        if sign == UNKNOWN_SIDE:
            polygons.counters[0]["target"] = row
            return -1
        signs[i] = sign
        above += sign > 0
        below += sign < 0
    polygons.counters[0]["given"] = -1
    # an affine function has its extremes at corners: without one on either side it cuts nothing
    return min(above, below)
