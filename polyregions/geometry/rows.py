"""The rows of a pattern's polytope, with bounds on their rounding errors; the pattern at a point.

A region's rows follow from its pattern alone: they are the maps of its units
(`network.layer_maps`), normalised, and turned to the pattern's side. See docs/mathematics.md,
part 5.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from polyregions.arrays import Floats, Integers
from polyregions.compiled import entry, exact_order_kernel, inlined_exact_order_kernel
from polyregions.network.flat import FlatNetwork
from polyregions.network.layer_maps import Maps, first_maps, maps_above
from polyregions.rounding import ROUNDOFF, TINY

__all__ = [
    "DEGENERATE",
    "LOST",
    "OK",
    "RowScratch",
    "Rows",
    "oriented_rows",
    "row_scratch",
    "write_pattern_at",
    "write_region_rows",
    "write_row",
]

OK = 0
DEGENERATE = 1
# The error of a row that may vanish: no bound is negative, so nothing mistakes it for one.
LOST = -1.0


class Rows(NamedTuple):
    """Rows of a polytope as columns, and what is not known of them.

    Attributes
    ----------
    values : float64 array, shape (m + 1, columns)
        Normal above offset; row i is ``values[:m, i] @ u + values[m, i]``, non-negative on
        the polytope, with a normal of unit length.
    errors : float64 array, shape (columns,)
        ``errors[i]`` bounds, for every u in [-1, 1]^m, the difference between the float value of
        row i at u, evaluation included, and the exact value of the exact row, up to a positive
        factor. It exceeds (m + 6) 2^-53 times the sum of the row's entries.
    """

    values: Floats
    errors: Floats


class RowScratch(NamedTuple):
    """Work arrays of `write_region_rows`: the maps of two successive layers, and for each unit."""

    maps: Maps
    next_maps: Maps
    slopes: Floats
    scales: Floats
    units: Integers


def row_scratch(flat: FlatNetwork) -> RowScratch:
    """Allocate the work arrays of `write_region_rows`."""
    width = int(flat.widths.max())
    m = flat.dimension
    return RowScratch(
        Maps(np.zeros((m + 1, width)), np.zeros(width)),
        Maps(np.zeros((m + 1, width)), np.zeros(width)),
        np.zeros(width),
        np.zeros(width),
        np.zeros(width, dtype=np.int64),
    )


@inlined_exact_order_kernel
def is_plain(square, error):
    """Return whether a row of this squared length is worth normalising.

    One that is not is proven constant, or lost, by other means: the numbers choose the route.
    But proofs count on one of them: errors below 1e-5 of the length make exact rows of length
    1.01 at most.
    """
    # far from where squares overflow or underflow; a map that is NaN or infinite is not plain
    return square > 1e-280 and error * error < 1e-10 * square and square < 1e280


@inlined_exact_order_kernel
def evaluation_rounding(m, size):
    """Bound what rounding does to a row of m + 1 entries of this size when it is evaluated.

    The scaling to unit length is one rounding of each entry, and the evaluation is m products
    and m sums, so m + 2 at most for each entry; the rest of m + 6 is for the bound's own sums.
    """
    return (m + 6) * ROUNDOFF * size


@exact_order_kernel
def write_row(maps, unit, sign, rows, column):
    """Write a unit's row, normalised and signed.

    Parameters
    ----------
    maps : Maps
        The layer's.
    unit : int
        By number in the layer.
    sign : float
        1 or -1: the side that is non-negative.
    rows : Rows, out
    column : int
        Where the row is written.

    Returns
    -------
    int
        OK; or DEGENERATE if the row may vanish. It is written as the constant 1 then, with
        error LOST; one that is proven to be a positive constant, about, as 1 with error 0.

    Notes
    -----
    The exact row is divided by the float length, so the length's rounding needs no bound: a
    row is as good as any positive multiple of it.
    """
    values, errors = rows.values, rows.errors
    m = values.shape[0] - 1
    error = maps.errors[unit]
    square = 0.0
    total = 0.0
    for d in range(m):
        square += maps.values[d, unit] * maps.values[d, unit]
        total += abs(maps.values[d, unit])
    shift = maps.values[m, unit]
    if is_plain(square, error):
        scale = sign / np.sqrt(square)
        for d in range(m):
            values[d, column] = maps.values[d, unit] * scale
        values[m, column] = shift * scale
        # 1.01 covers the rounding of the bound; TINY what underflows in it, or in the row
        errors[column] = (
            1.01 * (error * abs(scale) + evaluation_rounding(m, total + abs(shift)) * abs(scale))
            + TINY
        )
        return OK
    for d in range(m):
        values[d, column] = 0.0
    values[m, column] = 1.0
    # the normal cannot outweigh the offset anywhere in the cube; but a sum that overflowed on
    # its way has lost its sign
    if abs(shift) < np.inf and sign * shift - (total + 2.0 * error + TINY) * 1.01 > 0.0:
        errors[column] = 0.0
        return OK
    errors[column] = LOST
    return DEGENERATE


@exact_order_kernel
def oriented_rows(maps, units, first, rows, scales, totals):
    """Write the normalised rows of several units, their positive sides non-negative.

    Parameters
    ----------
    maps : Maps
        The layer's.
    units : int64 array
        The units, by number in the layer; unit c becomes column ``first + c`` of `rows`, as
        `write_row` writes it.
    first : int
    rows : Rows, out
    scales, totals : float64 arrays
        Work, one place per unit of the layer.

    Notes
    -----
    A unit of constant sign is written as the constant 1 or -1 with error 0; one that may
    vanish with error LOST.
    """
    values, errors, error = rows.values, rows.errors, maps.errors
    m = values.shape[0] - 1
    count, width = len(units), len(scales)
    # the whole layer, although some units have no row: loops without gaps are vectorised
    for i in range(width):
        scales[i] = 0.0
        totals[i] = 0.0
    for d in range(m):
        for i in range(width):
            scales[i] += maps.values[d, i] * maps.values[d, i]
            totals[i] += abs(maps.values[d, i])
    for i in range(width):
        square = scales[i]
        scales[i] = 1.0 / np.sqrt(square) if is_plain(square, error[i]) else 0.0
    for d in range(m + 1):
        for c in range(count):
            values[d, first + c] = maps.values[d, units[c]] * scales[units[c]]
    for c in range(count):
        i = units[c]
        if scales[i] > 0.0:
            # as in `write_row`
            size = (
                error[i] * scales[i]
                + evaluation_rounding(m, totals[i] + abs(maps.values[m, i])) * scales[i]
            )
            errors[first + c] = 1.01 * size + TINY
        # a row that is not normalised: the constant 1, which stands for -1 if that is proven
        elif (
            write_row(maps, i, 1.0, rows, first + c) != OK
            and write_row(maps, i, -1.0, rows, first + c) == OK
        ):
            values[m, first + c] = -1.0


@exact_order_kernel
def _turn_to_pattern(bits, ids, first, stop, signs, rows):
    """Turn the columns ``first..stop`` of `oriented_rows` to the side of a pattern.

    Returns
    -------
    int
        DEGENERATE if one of them is lost, or a constant that is proven to have the other sign.
    """
    values, errors = rows.values, rows.errors
    m = values.shape[0] - 1
    status = OK
    for c in range(stop - first):
        signs[c] = 1.0 if bits[ids[first + c]] else -1.0
    for d in range(m + 1):
        own = values[d, first:stop]
        for c in range(len(own)):
            own[c] *= signs[c]
    for c in range(first, stop):
        if errors[c] == 0.0 or errors[c] == LOST:
            if values[m, c] < 0.0:
                errors[c] = LOST
            for d in range(m):
                values[d, c] = 0.0
            values[m, c] = 1.0
            if errors[c] == LOST:
                status = DEGENERATE
    return status


@exact_order_kernel
def _write_walls(flat, ids, column, count, rows):
    """Write rows of the domain as long as they are next; return the following column."""
    values, m = rows.values, flat.dimension
    while column < count and ids[column] >= flat.units:
        wall = ids[column] - flat.units
        for d in range(m + 1):
            values[d, column] = flat.domain[d, wall]
        # entries of a unit normal add up to sqrt(m) at most
        size = m + 1.0 + abs(flat.domain[m, wall])
        rows.errors[column] = flat.domain_error[wall] + evaluation_rounding(m, size)
        column += 1
    return column


@entry
@exact_order_kernel
def write_region_rows(flat, depth, bits, ids, count, rows, scratch):
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
    rows : Rows, out
        Column c is row ``ids[c]``, the pattern's side non-negative.
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

    **Invariant.** Before each layer `maps` holds the maps of the layer's units on the pattern
    below, with bounds on their errors, and the columns before `column` are written.
    """
    maps, next_maps, units = scratch.maps, scratch.next_maps, scratch.units
    first_maps(flat, maps)
    base = 0
    column = _write_walls(flat, ids, 0, count, rows)
    status = OK
    # one layer after the other, in the order of `ids`
    for layer in range(depth):
        if layer > 0:
            maps_above(flat, layer, base, bits, maps, scratch.slopes, next_maps)
            maps, next_maps = next_maps, maps
        while column < count and ids[column] < flat.row_ends[layer]:
            # all up to the next row of the domain at once
            stop = column
            while stop < count and ids[stop] < flat.row_ends[layer]:
                units[stop - column] = flat.unit_of_row[ids[stop]] - base
                stop += 1
            run = units[: stop - column]
            oriented_rows(maps, run, column, rows, scratch.scales, scratch.slopes)
            # the side of the pattern is the positive one
            if _turn_to_pattern(bits, ids, column, stop, scratch.slopes, rows) != OK:
                status = DEGENERATE
            column = _write_walls(flat, ids, stop, count, rows)
        base += flat.widths[layer]
    return status


@entry
@exact_order_kernel
def write_pattern_at(flat, point, bits, scratch):
    """Write the bits of the units that are positive at a chart point.

    Parameters
    ----------
    flat : FlatNetwork
    point : float64 array, shape (m,)
        In the cube.
    bits : uint8 array, shape (N,), out
    scratch : RowScratch

    Returns
    -------
    bool
        Whether it is proven that the point is inside the domain and inside the region with
        these bits. Otherwise they only propose.

    Notes
    -----
    **Invariant.** Before each layer `maps` holds the maps of the layer's units on the bits
    below, with bounds on their errors, and all bits below are proven or `proven` is false.
    """
    m = flat.dimension
    maps, next_maps = scratch.maps, scratch.next_maps
    first_maps(flat, maps)
    proven = True
    base = 0
    for layer in range(len(flat.widths)):
        if layer > 0:
            maps_above(flat, layer, base, bits, maps, scratch.slopes, next_maps)
            maps, next_maps = next_maps, maps
        for i in range(flat.widths[layer]):
            row = flat.bit[base + i]
            if row < 0:
                continue
            value = maps.values[m, i]
            size = abs(value)
            for d in range(m):
                value += maps.values[d, i] * point[d]
                size += abs(maps.values[d, i])
            bits[row] = 1 if value > 0.0 else 0
            # twice, as the bound is rounded, too; what is NaN or infinite proves nothing
            bound = 2.0 * (maps.errors[i] + evaluation_rounding(m, size)) + TINY
            proven &= bound < abs(value) < 1e300
        base += flat.widths[layer]
    for wall in range(flat.size - flat.units):
        height = flat.domain[m, wall]
        size = m + 1.0 + abs(height)
        for d in range(m):
            height += flat.domain[d, wall] * point[d]
        proven &= height > 2.0 * (flat.domain_error[wall] + evaluation_rounding(m, size))
    return proven
