"""A polygon (m = 2) in exact integers: which rows carry an edge, always decided; a point inside.

The domain's square is cut by one row after the other. A corner is the cross product of the rows
that meet in it, an integer column; on which side of a row it lies is the sign of a determinant,
which floats tell unless it is within their rounding, and integers otherwise. So ties, slivers and
rows that merely touch are no special cases.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from polyregions.arrays import Floats, Integers
from polyregions.compiled import exact_order_kernel, inlined_exact_order_kernel
from polyregions.exact.digits import DIGIT_BITS, add_product, approximate, carry, length_of
from polyregions.network.integer_network import integer_maps

__all__ = [
    "INNER_DIGITS",
    "NO_WALL",
    "PLACES",
    "IntegerPolygon",
    "cross",
    "cut_out",
    "integer_polygon",
    "point_inside",
    "sign_at",
    "sign_of",
    "write_rows",
]

# Numbers of rows and of corners are below 2^27 and off by 2^-47.9 and 2^-50 of themselves at most,
# or by 2^-1022: a sum of three products by less than this, of their sizes, and this.
RELATIVE, ABSOLUTE = 2.0**-46, 2.0**-980
# Digits behind the point, one number after the other: hints, more are for thinner polygons.
PLACES = (4, 12, 40)
# of a coordinate of `point_inside`, the last two before the point
INNER_DIGITS = max(PLACES) + 3
NO_WALL = -1


class IntegerPolygon(NamedTuple):
    """The rows of a polygon, and its corners while it is cut out.

    A point is a column of three integers, the last one positive.

    Attributes
    ----------
    columns : int64 array, shape (3, digits, size)
        The rows, in carried digits; non-negative inside.
    rows : int64 array, shape (size, 3, digits)
        Those that floats could not answer for, number by number.
    lengths : int64 array, shape (size, 3)
        How many digits each of their numbers has; -1 first where a row was not asked for.
    values : float64 array, shape (3, size)
        The rows about, each times a positive factor.
    leader : int64 array, shape (size,)
        The row itself, or one with the same line that cut first; NO_WALL for rows without a line.
    edges : int64 array, shape (size,)
        The rows that carry the edges, against the clock.
    corners : int64 array, shape (size,)
        Places of the corners that end the edges, in the arrays that follow.
    points : int64 array, shape (size + 4, 3, digits)
    point_lengths : int64 array, shape (size + 4, 3)
    point_values : float64 array, shape (size + 4, 3)
        The points about, each times a positive factor.
    places, signs : int64 arrays, shape (size,)
        Work: where the rows come from.
    sides : int64 array, shape (size,)
        Work: signs of a row at the corners.
    free, next_edges, next_corners : int64 arrays
        Work: the places not in use, and a polygon that is being made.
    product, quotient : int64 arrays, shape (digits,)
        Work.
    """

    columns: Integers
    rows: Integers
    lengths: Integers
    values: Floats
    leader: Integers
    edges: Integers
    corners: Integers
    points: Integers
    point_lengths: Integers
    point_values: Floats
    places: Integers
    signs: Integers
    sides: Integers
    free: Integers
    next_edges: Integers
    next_corners: Integers
    product: Integers
    quotient: Integers


def integer_polygon(size: int, digits: int) -> IntegerPolygon:
    """Allocate room for a polygon of `size` rows of so many digits."""

    def integers(*shape: int) -> Integers:
        return np.zeros(shape, dtype=np.int64)

    behind = 2 * digits + INNER_DIGITS
    return IntegerPolygon(
        columns=integers(3, digits, size),
        rows=integers(size, 3, digits),
        lengths=integers(size, 3),
        values=np.zeros((3, size)),
        leader=integers(size),
        edges=integers(size + 1),
        corners=integers(size + 1),
        points=integers(size + 4, 3, behind),
        point_lengths=integers(size + 4, 3),
        point_values=np.zeros((size + 4, 3)),
        places=integers(size),
        signs=integers(size),
        sides=integers(size + 1),
        free=integers(size + 4),
        next_edges=integers(size + 1),
        next_corners=integers(size + 1),
        product=integers(digits + behind + 2),
        quotient=integers(max(PLACES) + 1),
    )


@inlined_exact_order_kernel
def sign_of(number, length):
    """Return the sign of a carried number."""
    used = length_of(number, length)
    if used == 0:
        return 0
    return 1 if number[used - 1] > 0 else -1


@exact_order_kernel
def write_columns(source, digits, places, signs, begin, polygon):
    """Write rows from `begin` on, from numbers side by side, each times 1 or -1.

    Parameters
    ----------
    source : int64 array, shape (3, at least digits, units)
    digits : int
    places : int64 array, shape (k,)
        Which units.
    signs : int64 array, shape (k,)
    begin : int
    polygon : IntegerPolygon, out
    """
    columns, values = polygon.columns, polygon.values
    for d in range(3):
        for t in range(len(places)):
            values[d, begin + t] = 0.0
        # from the highest digit on: what a sum is off by is relative to it
        unit = 1.0
        for j in range(columns.shape[1] - 1, -1, -1):
            if j >= digits:
                for t in range(len(places)):
                    columns[d, j, begin + t] = 0
                continue
            for t in range(len(places)):
                digit = signs[t] * source[d, j, places[t]]
                columns[d, j, begin + t] = digit
                values[d, begin + t] += np.float64(digit) * unit
            unit *= 1.0 / (1 << DIGIT_BITS)


@exact_order_kernel
def write_rows(flat, integers, bits, polygon):
    """Write the rows of a pattern's polygon, the pattern's side non-negative.

    Parameters
    ----------
    flat : FlatNetwork
    integers : IntegerNetwork, in and out
    bits : uint8 array, shape (N,)
    polygon : IntegerPolygon, out
    """
    integer_maps(flat, integers, bits, len(flat.widths))
    places, signs = polygon.places, polygon.signs
    begin, base = 0, 0
    for layer in range(len(flat.widths)):
        end = flat.row_ends[layer]
        for row in range(begin, end):
            places[row] = flat.unit_of_row[row] - base
            signs[row] = 1 if bits[row] else -1
        source, digits = integers.maps[layer], integers.digits[layer]
        write_columns(source, digits, places[begin:end], signs[begin:end], begin, polygon)
        base += flat.widths[layer]
        begin = end
    for row in range(flat.units, flat.size):
        places[row] = row - flat.units
        signs[row] = 1
    digits = integers.domain.shape[1]
    write_columns(integers.domain, digits, places[begin:], signs[begin:], begin, polygon)
    for row in range(flat.size):
        polygon.lengths[row, 0] = -1


@exact_order_kernel
def fetch(polygon, row):
    """Write the digits of a row number by number, once."""
    lengths = polygon.lengths[row]
    if lengths[0] >= 0:
        return
    digits = polygon.columns.shape[1]
    for d in range(3):
        number = polygon.rows[row, d]
        for j in range(digits):
            number[j] = polygon.columns[d, j, row]
        lengths[d] = length_of(number, digits)


@exact_order_kernel
def measure_point(polygon, place, room):
    """Set the lengths and floats of a point whose digits, up to `room`, are carried."""
    highest = 1
    for d in range(3):
        length = length_of(polygon.points[place, d], room)
        polygon.point_lengths[place, d] = length
        highest = max(highest, length)
    for d in range(3):
        length = polygon.point_lengths[place, d]
        polygon.point_values[place, d] = approximate(polygon.points[place, d], length, highest - 1)


@exact_order_kernel
def cross(one, one_lengths, other, other_lengths, out):
    """Write the cross product of two rows, carried; return how many digits were written.

    Parameters
    ----------
    one, other : int64 arrays, shape (3, digits)
        Number by number.
    one_lengths, other_lengths : int64 arrays, shape (3,)
    out : int64 array, shape (3, more than twice as many), out
    """
    longest = 0
    for d in range(3):
        longest = max(longest, one_lengths[d], other_lengths[d])
    room = 2 * longest + 1
    for d in range(3):
        number = out[d]
        for j in range(room):
            number[j] = 0
        e, f = (d + 1) % 3, (d + 2) % 3
        add_product(one[e], one_lengths[e], other[f], other_lengths[f], 1, number)
        add_product(one[f], one_lengths[f], other[e], other_lengths[e], -1, number)
        carry(number, room)
    return room


@exact_order_kernel
def sign_at(row, row_lengths, point, point_lengths, product):
    """Return the sign of a row at a column of three integers.

    Parameters
    ----------
    row, row_lengths, point, point_lengths
        As in `cross`.
    product : int64 array, shape (digits of both and one,), out
        Work.
    """
    room = 1
    for d in range(3):
        room = max(room, row_lengths[d] + point_lengths[d] + 1)
    for j in range(room):
        product[j] = 0
    for d in range(3):
        add_product(row[d], row_lengths[d], point[d], point_lengths[d], 1, product)
    carry(product, room)
    return sign_of(product, room)


@exact_order_kernel
def meet(polygon, one, other, place):
    """Write the point where the lines of two rows meet, their cross product."""
    fetch(polygon, one)
    fetch(polygon, other)
    rows, lengths = polygon.rows, polygon.lengths
    room = cross(rows[one], lengths[one], rows[other], lengths[other], polygon.points[place])
    measure_point(polygon, place, room)


@exact_order_kernel
def exact_side(polygon, row, place):
    """Return the sign of a row at a point, in integers."""
    fetch(polygon, row)
    return sign_at(
        polygon.rows[row],
        polygon.lengths[row],
        polygon.points[place],
        polygon.point_lengths[place],
        polygon.product,
    )


@exact_order_kernel
def corner_side(polygon, row, place):
    """Return the sign of a row at a point: 1, 0 or -1."""
    values, point = polygon.values, polygon.point_values[place]
    first, second, third = (
        values[0, row] * point[0],
        values[1, row] * point[1],
        values[2, row] * point[2],
    )
    total = first + second + third
    if abs(total) > RELATIVE * (abs(first) + abs(second) + abs(third)) + ABSOLUTE:
        return 1 if total > 0.0 else -1
    return exact_side(polygon, row, place)


@exact_order_kernel
def cut_out(polygon, size, walls):
    """Cut a polygon out of a square.

    Parameters
    ----------
    polygon : IntegerPolygon, in and out
        With `size` rows, as `write_rows` writes them. Rows from `walls` on are the domain's:
        first the square's, ``u + 1, 1 - u`` for each coordinate.
    size, walls : int

    Returns
    -------
    int
        How many edges the polygon has, or -1 if it has no inner point.

    Notes
    -----
    **Invariant.** Before each row `edges` and `corners` are the polygon of the rows so far, which
    has inner points: edge t is on row ``edges[t]`` from corner t - 1 to corner t, and is longer
    than zero; nothing is rounded. A row that is zero at two corners, and positive at the others, is
    zero on the edge between them, so it has this edge's line.
    """
    edges, corners, free, sides = polygon.edges, polygon.corners, polygon.free, polygon.sides
    next_edges, next_corners = polygon.next_edges, polygon.next_corners
    values = polygon.values
    spare = len(free) - 1
    for place in range(spare):
        free[place] = place
    # against the clock: below, right, above, left
    edges[0], edges[1], edges[2], edges[3] = walls + 2, walls + 1, walls + 3, walls
    count = 4
    for t in range(4):
        polygon.leader[edges[t]] = edges[t]
        spare -= 1
        corners[t] = free[spare]
        meet(polygon, edges[t], edges[(t + 1) % 4], corners[t])
    for row in range(size):
        if walls <= row < walls + 4:
            continue
        # these are zero where the integers are
        if values[0, row] == 0.0 and values[1, row] == 0.0:
            polygon.leader[row] = NO_WALL
            if values[2, row] < 0.0:
                return -1
            continue
        polygon.leader[row] = row
        positive, negative, zeros = 0, 0, 0
        for t in range(count):
            sides[t] = corner_side(polygon, row, corners[t])
            positive += sides[t] > 0
            negative += sides[t] < 0
            zeros += sides[t] == 0
        if positive == 0:
            return -1
        if negative == 0:
            if zeros == 2:
                t = 0
                while sides[t] != 0 or sides[(t + count - 1) % count] != 0:
                    t += 1
                polygon.leader[row] = edges[t]
            continue
        # corners from `begin` up to `end` are cut off
        begin = 0
        while not (sides[begin] < 0 and sides[begin - 1 if begin else count - 1] >= 0):
            begin += 1
        end = begin
        while sides[end % count] < 0:
            end += 1
        before = begin - 1 if begin else count - 1
        end %= count
        # an edge whose other corner is on the row has no length any more
        opening = end if sides[end] > 0 else (end + 1) % count
        closing = begin if sides[before] > 0 else before
        kept = (closing - opening + count) % count + 1
        for t in range(kept):
            next_edges[t] = edges[(opening + t) % count]
            next_corners[t] = corners[(opening + t) % count]
        # the corners that are not among those kept, the closing edge's is made anew
        for t in range(count - kept + 1):
            free[spare] = corners[(closing + t) % count]
            spare += 1
        first, last = next_edges[0], next_edges[kept - 1]
        spare -= 2
        next_corners[kept - 1], next_corners[kept] = free[spare], free[spare + 1]
        next_edges[kept] = row
        meet(polygon, last, row, next_corners[kept - 1])
        meet(polygon, row, first, next_corners[kept])
        count = kept + 1
        for t in range(count):
            edges[t], corners[t] = next_edges[t], next_corners[t]
    return count


@exact_order_kernel
def quotient_digits(polygon, place, d, places, out):
    """Write the quotient of two numbers of a point, in digits behind the point.

    Parameters
    ----------
    polygon : IntegerPolygon
    place, d : int
        Number `d` of the point by its last one.
    places : int
    out : int64 array, shape (at least places + 1,), out
        Carried but for the highest; the last digit first to be found is the highest one.

    Notes
    -----
    Long division. A digit that floats get wrong makes the next one larger, not the quotient wrong:
    what is written is off by less than ``2**(1 - 28 * places)`` anyway, and proves nothing.
    """
    product, below = polygon.product, polygon.points[place, 2]
    length = polygon.point_lengths[place, 2]
    used = polygon.point_lengths[place, d]
    room = max(used, length) + 2
    for j in range(room):
        product[j] = polygon.points[place, d, j] if j < used else 0
    divisor = approximate(below, length, length - 1)
    for step in range(places + 1):
        used = length_of(product, room)
        digit = np.int64(np.rint(approximate(product, used, length - 1) / divisor))
        out[places - step] = digit
        for j in range(length):
            product[j] -= digit * below[j]
        carry(product, room)
        # the rest times 2^28
        for j in range(room - 1, 0, -1):
            product[j] = product[j - 1]
        product[0] = 0


@exact_order_kernel
def point_inside(polygon, size, count):
    """Write a dyadic point inside a polygon behind its corners.

    Parameters
    ----------
    polygon : IntegerPolygon, in and out
        As `cut_out` leaves it.
    size, count : int
        How many rows and edges it has.

    Returns
    -------
    int
        Its last number is 2^28 to this power; 0 if none was found.

    Notes
    -----
    *Algorithm.* A mean of the corners, each rounded to some digits. The rows are asked whether
    it is inside.
    """
    place = len(polygon.points) - 1
    total, quotient = polygon.points[place], polygon.quotient
    for places in PLACES:
        for d in range(2):
            for j in range(places + 3):
                total[d, j] = 0
            rest = np.int64(1) << DIGIT_BITS
            for t in range(count):
                # weights that add up to 2^28
                weight = rest // (count - t)
                rest -= weight
                quotient_digits(polygon, polygon.corners[t], d, places, quotient)
                for j in range(places + 1):
                    total[d, j] += weight * quotient[j]
            carry(total[d], places + 3)
        # the mean of the corners, with so many digits behind the point
        for j in range(places + 3):
            total[2, j] = 1 if j == places + 1 else 0
        measure_point(polygon, place, places + 3)
        # cut off, it may have left a thin polygon: only a point that is inside counts
        inside = True
        for row in range(size):
            inside = inside and (
                polygon.leader[row] == NO_WALL or corner_side(polygon, row, place) > 0
            )
        if inside:
            return places + 1
    return 0
