"""The rows of one layer above a prefix: the tree computes layers one at a time.

The same numbers and bounds as `geometry.rows`, but each layer's maps are kept, so that
the layer above can be computed again for other bits of this one.
"""

from __future__ import annotations

import numpy as np

from polyregions.compiled import exact_order_kernel
from polyregions.geometry.flat import TINY, UNIT
from polyregions.geometry.rows import OK, _layer_errors, _layer_maps, _sparse_layer_maps, _write_row

__all__ = ["change_slope", "layer_maps", "oriented_rows"]


@exact_order_kernel
def layer_maps(flat, layer, base, bits, maps, errors, scaled, scaled_error, slopes):
    """Compute the affine maps of a layer's units and bounds on their errors.

    Parameters
    ----------
    flat : FlatNetwork
    layer, base : int
        The layer, and the number of its first unit.
    bits : uint8 array, shape (N,)
        Read for the units of the layer below only.
    maps : float64 array, shape (layers, m + 1, width)
        ``maps[layer - 1]`` is read, ``maps[layer]`` is written.
    errors : float64 array, shape (layers, width)
        Likewise; see `region_rows` for their meaning.
    scaled, scaled_error, slopes
        Work arrays of shapes (m + 1, width), (width,), (width,).
    """
    m = flat.dimension
    width = flat.widths[layer]
    out, error = maps[layer], errors[layer]
    if layer == 0:
        for d in range(m + 1):
            for i in range(width):
                out[d, i] = flat.first[d, i]
        for i in range(width):
            error[i] = flat.first_error[i]
        return
    below = flat.widths[layer - 1]
    under = base - below
    source, source_error = maps[layer - 1], errors[layer - 1]
    gamma = (flat.terms[layer] + 8) * (UNIT * 1.05)
    for k in range(below):
        row = flat.bit[under + k]
        slope = flat.upper[under + k]
        if row >= 0 and bits[row] == 0:
            slope = flat.lower[under + k]
        slopes[k] = slope
        total = 0.0
        if slope != 0.0:
            for d in range(m + 1):
                value = source[d, k] * slope
                scaled[d, k] = value
                total += abs(value)
        scaled_error[k] = (source_error[k] + TINY) * abs(slope) + gamma * total + TINY
    if flat.skipped[layer] < 0:
        start = flat.outgoing[under]
        _layer_maps(flat.weights, start, below, width, m, slopes, scaled, out)
    else:
        _sparse_layer_maps(flat, layer, m, slopes, scaled, out)
    biases = flat.biases[base : base + width]
    for i in range(width):
        out[flat.bias_column, i] += biases[i]
    _layer_errors(flat, layer, under, base, gamma, slopes, scaled_error, error)


@exact_order_kernel
def change_slope(flat, layer, base, unit, change, maps, errors):
    """Let a unit of the layer below have another slope, in the maps of a layer and their bounds.

    Parameters
    ----------
    flat, layer, base, maps, errors
        See `layer_maps`.
    unit : int
        By number in the layer below.
    change : float
        The new slope minus the old one.

    Notes
    -----
    A product of three factors, one of them a rounded difference, and a sum: the map of
    unit i is off by at most ``|w_i change| (V + 4 u q) + u |out_i|`` more than before,
    V and q as in `region_rows`, u = 2^-53. So errors add up, in either direction; maps
    are computed afresh now and then.
    """
    m = flat.dimension
    width = flat.widths[layer]
    under = base - flat.widths[layer - 1]
    source, out, error = maps[layer - 1], maps[layer], errors[layer]
    start = flat.outgoing[under + unit]
    size = 0.0
    for d in range(m + 1):
        size += abs(source[d, unit])
    bound = (errors[layer - 1, unit] + 8.0 * UNIT * size + TINY) * abs(change) * 1.0001 + TINY
    if flat.skipped[layer] < 0:
        weights = flat.weights[start : start + width]
        for i in range(width):
            error[i] += abs(weights[i]) * bound + TINY
        for d in range(m + 1):
            value = source[d, unit] * change
            total = out[d]
            for i in range(width):
                total[i] += weights[i] * value
                error[i] += abs(total[i]) * (1.01 * UNIT)
    else:
        for t in range(start, flat.outgoing[under + unit + 1]):
            i = flat.targets[t - flat.skipped[layer]]
            error[i] += abs(flat.weights[t]) * bound + TINY
            for d in range(m + 1):
                out[d, i] += flat.weights[t] * (source[d, unit] * change)
                error[i] += abs(out[d, i]) * (1.01 * UNIT)


@exact_order_kernel
def oriented_rows(maps, error, m, units, count, first, rows, errors, scales, totals):
    """Write the normalised rows of several units, their positive sides non-negative.

    Parameters
    ----------
    maps, error
        The layer's, as `layer_maps` writes them.
    units : int64 array
        ``units[:count]`` are the units, by number in the layer; unit c becomes column
        ``first + c`` of `rows` and `errors`, as `region_rows` writes them.
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
        usual = square > 1e-280 and error[i] * error[i] < 1e-10 * square and square < 1e280
        scales[i] = 1.0 / np.sqrt(square) if usual else 0.0
    for d in range(m + 1):
        for c in range(count):
            rows[d, first + c] = maps[d, units[c]] * scales[units[c]]
    for c in range(count):
        i = units[c]
        if scales[i] > 0.0:
            size = error[i] * scales[i] + (m + 6) * UNIT * (totals[i] + abs(maps[m, i])) * scales[i]
            errors[first + c] = 1.01 * size + TINY
        else:
            _odd_row(maps, error, i, m, first + c, rows, errors)


@exact_order_kernel
def _odd_row(maps, error, unit, m, column, rows, errors):
    """Write a row that is not normalised: a constant, or lost."""
    if _write_row(maps, unit, m, 1.0, error[unit], column, rows, errors) == OK:
        return
    # written as the constant 1, which stands for -1 if that is proven
    if _write_row(maps, unit, m, -1.0, error[unit], column, rows, errors) == OK:
        rows[m, column] = -1.0
