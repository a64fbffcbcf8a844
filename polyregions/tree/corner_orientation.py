"""On which side of a unit's line a corner is: the one question of the planar tree.

A corner is where two other lines meet. Floats answer if the value exceeds its bound and the
corner's doubt; a corner on the line is recognised by the network's shape; what is left is
decided in integers, where there are no compiled ones in Python's.

Those compiled are `IntegerLines`: rows of units are exact in `network.integer_network`, and the
point where two lines meet is their cross product (`cells.integer_polygon`). So three lines always
tell on which side of the third the first two meet, a row tells whether it vanishes, and a corner
that floats lose has its coordinates.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from polyregions.arrays import Integers
from polyregions.cells.integer_polygon import cross, sign_at, sign_of
from polyregions.compiled import apart_exact_order_kernel, exact_order_kernel
from polyregions.exact.digits import approximate, length_of
from polyregions.network.integer_network import NO_INTEGERS, IntegerNetwork
from polyregions.rounding import ROUNDOFF, TINY

__all__ = [
    "FOUND_DOUBT",
    "LEAST_NORMAL_HINT",
    "NO_LINES",
    "IntegerLines",
    "corner_sign",
    "find_corner",
    "integer_lines",
    "lines_concur",
    "sides_of_corners",
    "write_lost_row",
]

# Hint: rows whose normal is below this, times the offset, are written as the constants that they
# are all over the cube. No answer hangs on it: so is any whose normal is below a half.
LEAST_NORMAL_HINT = 1e-100
# A corner found in integers: its coordinates, at most 1, are quotients of numbers off by 2^-50
# of themselves, so off by less than 2^-48.8 each.
FOUND_DOUBT = 2.0**-47
# the side of a corner that only Python's integers can tell
UNKNOWN_SIDE = 2


class IntegerLines(NamedTuple):
    """The rows of a network in integers, and room for three of them and a point.

    Attributes
    ----------
    maps, digits, domain
        Of an `IntegerNetwork`: the rows of units up to level ``counters["ready"]`` of `Polygons`.
        Without layers until it is known that integers are needed.
    numbers : int64 array, shape (4, 3, digits)
        Work: three lines, and where the first two meet, without the sign of the last number.
    lengths : int64 array, shape (4, 3)
        Work: how many digits each number has.
    product : int64 array, shape (digits,)
        Work.
    """

    maps: Integers
    digits: Integers
    domain: Integers
    numbers: Integers
    lengths: Integers
    product: Integers


def integer_lines(integers: IntegerNetwork) -> IntegerLines:
    """Allocate room for the lines of a network, whose work arrays hold the rows."""
    digits = max(int(integers.digits.max(initial=0)), integers.domain.shape[1])
    return IntegerLines(
        maps=integers.maps,
        digits=integers.digits,
        domain=integers.domain,
        numbers=np.zeros((4, 3, 2 * digits + 1), dtype=np.int64),
        lengths=np.zeros((4, 3), dtype=np.int64),
        product=np.zeros(3 * digits + 2, dtype=np.int64),
    )


NO_LINES = integer_lines(NO_INTEGERS)


@exact_order_kernel
def read_line(flat, lines, row, place):
    """Write a row, of a level that is ready, as one of the three lines; a unit's not signed."""
    numbers, lengths = lines.numbers[place], lines.lengths[place]
    layer, column = 0, row - flat.units
    digits = lines.domain.shape[1]
    if row < flat.units:
        column = flat.unit_of_row[row]
        while row >= flat.row_ends[layer]:
            column -= flat.widths[layer]
            layer += 1
        digits = lines.digits[layer]
    for d in range(3):
        source = lines.maps[layer, d] if row < flat.units else lines.domain[d]
        lengths[d] = 0
        for j in range(digits):
            digit = source[j, column]
            numbers[d, j] = digit
            if digit != 0:
                lengths[d] = j + 1


@exact_order_kernel
def meet(flat, lines, first, second):
    """Write the point where the lines of two rows meet."""
    read_line(flat, lines, first, 0)
    read_line(flat, lines, second, 1)
    numbers, lengths = lines.numbers, lines.lengths
    room = cross(numbers[0], lengths[0], numbers[1], lengths[1], numbers[3])
    for d in range(3):
        lengths[3, d] = length_of(numbers[3, d], room)


@apart_exact_order_kernel
def determinant_sign(flat, lines, first, second, row):
    """Return the sign of the determinant of three rows, and leave where the first two meet."""
    meet(flat, lines, first, second)
    read_line(flat, lines, row, 2)
    numbers, lengths = lines.numbers, lines.lengths
    return sign_at(numbers[2], lengths[2], numbers[3], lengths[3], lines.product)


@exact_order_kernel
def corner_sign(flat, lines, first, second, row):
    """Return the sign of a row at the point where the lines of two others meet."""
    sign = determinant_sign(flat, lines, first, second, row)
    return sign * sign_of(lines.numbers[3, 2], lines.lengths[3, 2])


@exact_order_kernel
def lines_concur(flat, lines, rows):
    """Return whether three rows are linearly dependent: their lines concur."""
    return determinant_sign(flat, lines, rows[0], rows[1], rows[2]) == 0


@apart_exact_order_kernel
def find_corner(flat, lines, first, second):
    """Return the coordinates of the point of the cube where two lines meet, within FOUND_DOUBT."""
    meet(flat, lines, first, second)
    return about(lines, 3, 0) / about(lines, 3, 2), about(lines, 3, 1) / about(lines, 3, 2)


@exact_order_kernel
def about(lines, place, d):
    """Return a number, about, over a power of two that all three of its place share."""
    lengths = lines.lengths[place]
    highest = max(1, lengths[0], lengths[1], lengths[2])
    return approximate(lines.numbers[place, d], lengths[d], highest - 1)


@exact_order_kernel
def write_lost_row(flat, lines, polygons, row):
    """Write a row that floats lost, and its error; twin of `tree.subtree.float_row`.

    Parameters
    ----------
    flat : FlatNetwork
    lines : IntegerLines
    polygons : Polygons, out
        ``rows`` and ``errors``: 0 where the row is a constant other than zero.
    row : int

    Returns
    -------
    bool
        False, and nothing is written, if the row vanishes.

    Notes
    -----
    The numbers are off by 2^-50 of themselves, 8 u, and by three roundings; that they underflow
    is less than u for a row of unit length. Its evaluation takes less than 8 u.
    """
    read_line(flat, lines, row, 0)
    x, y, offset = about(lines, 0, 0), about(lines, 0, 1), about(lines, 0, 2)
    if max(lines.lengths[0, 0], lines.lengths[0, 1], lines.lengths[0, 2]) == 0:
        return False
    peak = max(abs(x), abs(y), abs(offset))
    x, y, offset = x / peak, y / peak, offset / peak
    length = np.sqrt(x * x + y * y)
    constant = not length > LEAST_NORMAL_HINT
    if constant:
        x, y, offset, length = 0.0, 0.0, 1.0 if offset > 0.0 else -1.0, 1.0
    polygons.rows[0, row] = x / length
    polygons.rows[1, row] = y / length
    polygons.rows[2, row] = offset / length
    size = (abs(x) + abs(y) + abs(offset)) / length
    polygons.errors[row] = 0.0 if constant else 32.0 * ROUNDOFF * size + TINY
    return True


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
