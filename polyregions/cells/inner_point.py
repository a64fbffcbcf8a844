"""A dyadic point inside a polygon that may be thinner than floats tell apart; compiled."""

from __future__ import annotations

import numpy as np

from polyregions.cells.integer_polygon import NO_WALL, PLACES, corner_side, measure_point
from polyregions.compiled import exact_order_kernel
from polyregions.exact.digits import DIGIT_BITS, approximate, carry, length_of

__all__ = ["point_inside"]


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
