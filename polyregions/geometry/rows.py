"""The rows of a pattern's polytope, with bounds on their rounding errors.

A region's rows follow from its pattern alone: each layer's pre-activations are affine
functions of the chart coordinates, computed from those of the layer below and the
slopes that the pattern gives its units.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.compiled import exact_order_kernel
from polyregions.geometry.flat import TINY, UNIT, FlatNetwork

__all__ = ["DEGENERATE", "LOST", "OK", "RowScratch", "region_rows", "row_scratch"]

Floats = NDArray[np.float64]

OK = 0
DEGENERATE = 1
LOST = -1.0


class RowScratch(NamedTuple):
    """Work arrays of `region_rows`: maps of two successive layers and their bounds."""

    maps: Floats
    next_maps: Floats
    error: Floats
    next_error: Floats
    size: Floats


def row_scratch(flat: FlatNetwork) -> RowScratch:
    """Allocate the work arrays of `region_rows`."""
    width = int(flat.widths.max())
    m = flat.dimension
    return RowScratch(
        np.zeros((m + 1, width)),
        np.zeros((m + 1, width)),
        np.zeros(width),
        np.zeros(width),
        np.zeros(width),
    )


@exact_order_kernel
def _layer_maps(weights, start, below, above, m, coefficients, work, out):
    """out[d, :] = sum over units k of below with a coefficient of W[:, k] * work[d, k]."""
    for d in range(m + 1):
        for i in range(above):
            out[d, i] = 0.0
    k = 0
    k0 = k1 = k2 = k3 = 0
    while k < below:
        # gather up to four units with non-zero slope: four multiply-adds per load and store
        count = 0
        while k < below and count < 4:
            if coefficients[k] != 0.0:
                k0, k1, k2, k3 = k1, k2, k3, k
                count += 1
            k += 1
        if count == 4:
            # slices, because an index that may be negative keeps a loop from being vectorised
            w0 = weights[start + k0 * above : start + (k0 + 1) * above]
            w1 = weights[start + k1 * above : start + (k1 + 1) * above]
            w2 = weights[start + k2 * above : start + (k2 + 1) * above]
            w3 = weights[start + k3 * above : start + (k3 + 1) * above]
            for d in range(m + 1):
                g0, g1, g2, g3 = work[d, k0], work[d, k1], work[d, k2], work[d, k3]
                total = out[d]
                for i in range(above):
                    total[i] += w0[i] * g0 + w1[i] * g1 + w2[i] * g2 + w3[i] * g3
        else:
            for _ in range(count):
                w3 = weights[start + k3 * above : start + (k3 + 1) * above]
                for d in range(m + 1):
                    g3 = work[d, k3]
                    total = out[d]
                    for i in range(above):
                        total[i] += w3[i] * g3
                k1, k2, k3 = k0, k1, k2


@exact_order_kernel
def _sparse_layer_maps(flat, layer, m, coefficients, work, out):
    """`_layer_maps` for a layer of which only the weights that are not zero are stored."""
    base = 0
    for below in range(layer - 1):
        base += flat.widths[below]
    skipped = flat.skipped[layer]
    for d in range(m + 1):
        for i in range(flat.widths[layer]):
            out[d, i] = 0.0
    for k in range(flat.widths[layer - 1]):
        if coefficients[k] == 0.0:
            continue
        for t in range(flat.outgoing[base + k], flat.outgoing[base + k + 1]):
            i = flat.targets[t - skipped]
            weight = flat.weights[t]
            for d in range(m + 1):
                out[d, i] += weight * work[d, k]


@exact_order_kernel
def _layer_errors(flat, layer, under, base, gamma, coefficients, error, out):
    """Bound a layer's errors, |W| error + gamma |b|, from those of its live inputs."""
    width = flat.widths[layer]
    skipped = flat.skipped[layer]
    biases = flat.biases[base : base + width]
    for i in range(width):
        out[i] = gamma * abs(biases[i]) + TINY
    for k in range(flat.widths[layer - 1]):
        if coefficients[k] == 0.0:
            continue
        first = flat.outgoing[under + k]
        bound = error[k] * 1.0001
        if skipped < 0:
            weights = flat.weights[first : first + width]
            for i in range(width):
                out[i] += abs(weights[i]) * bound
        else:
            for t in range(first, flat.outgoing[under + k + 1]):
                out[flat.targets[t - skipped]] += abs(flat.weights[t]) * bound


@exact_order_kernel
def _write_row(maps, i, m, sign, error, column, rows, errors):
    """Write unit i's row, normalised and signed, as a column of `rows`; see `region_rows`."""
    square = 0.0
    total = 0.0
    for d in range(m):
        square += maps[d, i] * maps[d, i]
        total += abs(maps[d, i])
    shift = maps[m, i]
    # a row shorter than this, or lost in its error, is not normalised;
    # the thresholds only choose the route, "constant" is then proven
    if square > 1e-280 and error * error < 1e-10 * square and square < 1e280:
        scale = sign / np.sqrt(square)
        for d in range(m):
            rows[d, column] = maps[d, i] * scale
        rows[m, column] = shift * scale
        errors[column] = (
            1.01 * (error * abs(scale) + (m + 6) * UNIT * (total + abs(shift)) * abs(scale)) + TINY
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
def _write_walls(flat, ids, column, count, rows, errors):
    """Write rows of the domain as long as they are next; return the following column."""
    m = flat.dimension
    while column < count and ids[column] >= flat.units:
        wall = ids[column] - flat.units
        for d in range(m + 1):
            rows[d, column] = flat.domain[d, wall]
        offset = abs(flat.domain[m, wall])
        errors[column] = flat.domain_error[wall] + (m + 6) * UNIT * (m + 1.0 + offset)
        column += 1
    return column


@exact_order_kernel
def region_rows(flat, depth, bits, ids, count, rows, errors, scratch):
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
    size = scratch.size
    width = flat.widths[0]
    for d in range(m + 1):
        for i in range(width):
            maps[d, i] = flat.first[d, i]
    for i in range(width):
        error[i] = flat.first_error[i]
    base = 0
    column = _write_walls(flat, ids, 0, count, rows, errors)
    status = OK
    for layer in range(depth):
        width = flat.widths[layer]
        if layer > 0:
            below = flat.widths[layer - 1]
            under = base - below
            gamma = (flat.terms[layer] + 8) * (UNIT * 1.05)
            # slopes are applied to the maps of the layer below, in place
            for k in range(below):
                row = flat.bit[under + k]
                slope = flat.upper[under + k]
                if row >= 0 and bits[row] == 0:
                    slope = flat.lower[under + k]
                size[k] = slope
                if slope != 1.0 and slope != 0.0:
                    for d in range(m + 1):
                        maps[d, k] *= slope
                total = 0.0
                if slope != 0.0:
                    for d in range(m + 1):
                        total += abs(maps[d, k])
                error[k] = (error[k] + TINY) * abs(slope) + gamma * total + TINY
            if flat.skipped[layer] < 0:
                start = flat.outgoing[under]
                _layer_maps(flat.weights, start, below, width, m, size, maps, next_maps)
            else:
                _sparse_layer_maps(flat, layer, m, size, maps, next_maps)
            biases = flat.biases[base : base + width]
            for i in range(width):
                next_maps[flat.bias_column, i] += biases[i]
            _layer_errors(flat, layer, under, base, gamma, size, error, next_error)
            maps, next_maps = next_maps, maps
            error, next_error = next_error, error
        while column < count and ids[column] < flat.row_ends[layer]:
            row = ids[column]
            i = flat.unit_of_row[row] - base
            sign = 1.0 if bits[row] else -1.0
            if _write_row(maps, i, m, sign, error[i], column, rows, errors) != OK:
                status = DEGENERATE
            column += 1
            column = _write_walls(flat, ids, column, count, rows, errors)
        base += width
    return status
