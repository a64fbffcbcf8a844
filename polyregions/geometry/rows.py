"""The rows of a pattern's polytope, with bounds on their rounding errors.

A region's rows follow from its pattern alone: they are the maps of its units
(`network.layer_maps`), normalised, and turned to the pattern's side.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from polyregions.arrays import Floats
from polyregions.compiled import entry, exact_order_kernel, inlined_exact_order_kernel
from polyregions.network.flat import FlatNetwork
from polyregions.network.layer_maps import first_maps, maps_above
from polyregions.rounding import ROUNDOFF, TINY

__all__ = [
    "DEGENERATE",
    "LOST",
    "OK",
    "RowScratch",
    "oriented_rows",
    "row_scratch",
    "write_region_rows",
    "write_row",
]


OK = 0
DEGENERATE = 1
LOST = -1.0


class RowScratch(NamedTuple):
    """Work arrays of `write_region_rows`: maps of two successive layers, their bounds, slopes."""

    maps: Floats
    next_maps: Floats
    error: Floats
    next_error: Floats
    slopes: Floats


def row_scratch(flat: FlatNetwork) -> RowScratch:
    """Allocate the work arrays of `write_region_rows`."""
    width = int(flat.widths.max())
    m = flat.dimension
    return RowScratch(
        np.zeros((m + 1, width)),
        np.zeros((m + 1, width)),
        np.zeros(width),
        np.zeros(width),
        np.zeros(width),
    )


@inlined_exact_order_kernel
def is_plain(square, error):
    """Return whether a row of this squared length is worth normalising.

    One that is not is proven constant, or lost, by other means: the numbers only choose
    the route.
    """
    return square > 1e-280 and error * error < 1e-10 * square and square < 1e280


@exact_order_kernel
def write_row(maps, i, m, sign, error, column, rows, errors):
    """Write unit i's row, normalised and signed, as a column of `rows`; see `write_region_rows`."""
    square = 0.0
    total = 0.0
    for d in range(m):
        square += maps[d, i] * maps[d, i]
        total += abs(maps[d, i])
    shift = maps[m, i]
    if is_plain(square, error):
        scale = sign / np.sqrt(square)
        for d in range(m):
            rows[d, column] = maps[d, i] * scale
        rows[m, column] = shift * scale
        errors[column] = (
            1.01 * (error * abs(scale) + (m + 6) * ROUNDOFF * (total + abs(shift)) * abs(scale))
            + TINY
        )
        return OK
    for d in range(m):
        rows[d, column] = 0.0
    rows[m, column] = 1.0
    # a sum that overflowed on its way has lost its sign
    if abs(shift) < np.inf and sign * shift - (total + 2.0 * error + TINY) * 1.01 > 0.0:
        errors[column] = 0.0
        return OK
    errors[column] = LOST
    return DEGENERATE


@exact_order_kernel
def oriented_rows(maps, error, m, units, count, first, rows, errors, scales, totals):
    """Write the normalised rows of several units, their positive sides non-negative.

    Parameters
    ----------
    maps, error
        The layer's, as `layer_maps` writes them.
    units : int64 array
        ``units[:count]`` are the units, by number in the layer; unit c becomes column
        ``first + c`` of `rows` and `errors`, as `write_region_rows` writes them.
    scales, totals : float64 arrays
        Work, one place per unit of the layer.

    Notes
    -----
    A unit of constant sign is written as the constant 1 or -1 with error 0; one that may
    vanish with error LOST.
    """
    width = len(scales)
    for i in range(width):
        scales[i] = 0.0
        totals[i] = 0.0
    for d in range(m):
        for i in range(width):
            scales[i] += maps[d, i] * maps[d, i]
            totals[i] += abs(maps[d, i])
    for i in range(width):
        square = scales[i]
        scales[i] = 1.0 / np.sqrt(square) if is_plain(square, error[i]) else 0.0
    for d in range(m + 1):
        for c in range(count):
            rows[d, first + c] = maps[d, units[c]] * scales[units[c]]
    for c in range(count):
        i = units[c]
        if scales[i] > 0.0:
            size = (
                error[i] * scales[i]
                + (m + 6) * ROUNDOFF * (totals[i] + abs(maps[m, i])) * scales[i]
            )
            errors[first + c] = 1.01 * size + TINY
        else:
            _odd_row(maps, error, i, m, first + c, rows, errors)


@exact_order_kernel
def _odd_row(maps, error, unit, m, column, rows, errors):
    """Write a row that is not normalised: a constant, or lost."""
    if write_row(maps, unit, m, 1.0, error[unit], column, rows, errors) == OK:
        return
    # written as the constant 1, which stands for -1 if that is proven
    if write_row(maps, unit, m, -1.0, error[unit], column, rows, errors) == OK:
        rows[m, column] = -1.0


@exact_order_kernel
def _write_walls(flat, ids, column, count, rows, errors):
    """Write rows of the domain as long as they are next; return the following column."""
    m = flat.dimension
    while column < count and ids[column] >= flat.units:
        wall = ids[column] - flat.units
        for d in range(m + 1):
            rows[d, column] = flat.domain[d, wall]
        offset = abs(flat.domain[m, wall])
        errors[column] = flat.domain_error[wall] + (m + 6) * ROUNDOFF * (m + 1.0 + offset)
        column += 1
    return column


@entry
@exact_order_kernel
def write_region_rows(flat, depth, bits, ids, count, rows, errors, scratch):
    """Compute normalised rows of a pattern's polytope and bound their errors.

    Parameters
    ----------
    flat : FlatNetwork
    depth : int
        Units of the first `depth` layers are asked for.
    bits : uint8 array, shape (N,)
    ids : int64 array
    count : int
        ``ids[:count]`` are the numbers of the rows to compute: units in ascending order,
        with rows of the domain anywhere among them.
    rows : float64 array, shape (m + 1, at least count), out
        Column c is row ``ids[c]``, normal above the offset; unit normals, the pattern's
        side non-negative.
    errors : float64 array, shape (at least count,), out
        ``errors[c]`` bounds, for every u in [-1, 1]^m, the difference between the
        float value of column c at u and the exact value of (the same multiple of) the
        exact row, evaluation included.
    scratch : RowScratch

    Returns
    -------
    int
        OK, or DEGENERATE if some unit's row is lost in its rounding error: it may
        vanish identically. Such a row is written as the constant 1, with error LOST.

    Notes
    -----
    *Algorithm.* With V_k the bound on unit k's row (summed over columns, because
    |u| <= 1) and q_k = |g_k|_1 + |e_k|, a unit of the next layer has
    V = sum_k |w_k| (|slope_k| V_k + gamma |slope_k| q_k) + gamma |b|,
    gamma = (h + 8) 2^-53: Higham's bound for a sum of h products in any order.
    Constants such as 1.01 cover the rounding of the bound itself.
    """
    m = flat.dimension
    maps, next_maps = scratch.maps, scratch.next_maps
    error, next_error = scratch.error, scratch.next_error
    first_maps(flat, maps, error)
    base = 0
    column = _write_walls(flat, ids, 0, count, rows, errors)
    status = OK
    for layer in range(depth):
        if layer > 0:
            maps_above(
                flat,
                layer,
                base,
                bits,
                maps,
                error,
                scratch.slopes,
                maps,
                error,
                next_maps,
                next_error,
            )
            maps, next_maps = next_maps, maps
            error, next_error = next_error, error
        while column < count and ids[column] < flat.row_ends[layer]:
            row = ids[column]
            i = flat.unit_of_row[row] - base
            sign = 1.0 if bits[row] else -1.0
            if write_row(maps, i, m, sign, error[i], column, rows, errors) != OK:
                status = DEGENERATE
            column += 1
            column = _write_walls(flat, ids, column, count, rows, errors)
        base += flat.widths[layer]
    return status
