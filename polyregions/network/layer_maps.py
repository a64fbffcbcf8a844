"""The affine maps of a layer's units on one activation pattern, and bounds on their errors.

A layer's pre-activations are affine functions of the chart coordinates, which follow from
those of the layer below and the slopes that the pattern gives its units.
"""

from __future__ import annotations

from polyregions.compiled import exact_order_kernel, inlined_exact_order_kernel
from polyregions.rounding import ROUNDOFF, TINY

__all__ = ["change_slope", "first_maps", "maps_above", "sum_rounding", "weigh", "write_layer_maps"]


@exact_order_kernel
def first_maps(flat, out, error):
    """Write the maps of the first layer's units, which no pattern changes, and their bounds."""
    for d in range(flat.dimension + 1):
        for i in range(flat.widths[0]):
            out[d, i] = flat.first[d, i]
    for i in range(flat.widths[0]):
        error[i] = flat.first_error[i]


@inlined_exact_order_kernel
def sum_rounding(flat, layer):
    """Return gamma: a layer's sums, in any order, are off by gamma times the sizes added."""
    return (flat.terms[layer] + 8) * (ROUNDOFF * 1.05)


@exact_order_kernel
def _dense_sums(weights, start, below, above, m, coefficients, work, out):
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
def _sparse_sums(flat, layer, under, m, coefficients, work, out):
    """`_dense_sums` for a layer of which only the weights that are not zero are stored."""
    skipped = flat.skipped[layer]
    for d in range(m + 1):
        for i in range(flat.widths[layer]):
            out[d, i] = 0.0
    for k in range(flat.widths[layer - 1]):
        if coefficients[k] == 0.0:
            continue
        for t in range(flat.outgoing[under + k], flat.outgoing[under + k + 1]):
            i = flat.targets[t - skipped]
            weight = flat.weights[t]
            for d in range(m + 1):
                out[d, i] += weight * work[d, k]


@exact_order_kernel
def _sum_errors(flat, layer, under, base, gamma, coefficients, error, out):
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


@inlined_exact_order_kernel
def weigh(flat, layer, base, coefficients, source, source_error, out, error):
    """Apply a layer's weights and biases to the maps of its inputs.

    Parameters
    ----------
    flat : FlatNetwork
    layer, base : int
        The layer, not the first, and the number of its first unit.
    coefficients : float64 array, shape (width,)
        Inputs for which it is zero are left out.
    source, source_error : float64 arrays, shapes (m + 1, width) and (width,)
        The inputs' maps, and bounds on their errors and on `sum_rounding` times their sizes.
    out, error : float64 arrays, out
    """
    width = flat.widths[layer]
    below = flat.widths[layer - 1]
    under = base - below
    if flat.skipped[layer] < 0:
        start = flat.outgoing[under]
        _dense_sums(flat.weights, start, below, width, flat.dimension, coefficients, source, out)
    else:
        _sparse_sums(flat, layer, under, flat.dimension, coefficients, source, out)
    biases = flat.biases[base : base + width]
    for i in range(width):
        out[flat.bias_column, i] += biases[i]
    gamma = sum_rounding(flat, layer)
    _sum_errors(flat, layer, under, base, gamma, coefficients, source_error, error)


@exact_order_kernel
def maps_above(
    flat, layer, base, bits, source, source_error, slopes, scaled, scaled_error, out, error
):
    """Compute the maps of a layer's units from those of the layer below, and their bounds.

    Parameters
    ----------
    flat : FlatNetwork
    layer, base : int
        The layer, not the first, and the number of its first unit.
    bits : uint8 array, shape (N,)
        Read for the units of the layer below only.
    source, source_error : float64 arrays, shapes (m + 1, width) and (width,)
        Maps of the layer below; see `region_rows` for the meaning of the bounds.
    slopes, scaled, scaled_error : float64 arrays
        Work, of shapes (width,), (m + 1, width), (width,); the last two may be `source` and
        `source_error`, which are overwritten then.
    out, error : float64 arrays, out
    """
    m = flat.dimension
    below = flat.widths[layer - 1]
    under = base - below
    gamma = sum_rounding(flat, layer)
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
    weigh(flat, layer, base, slopes, scaled, scaled_error, out, error)


@exact_order_kernel
def write_layer_maps(flat, layer, base, bits, maps, errors, scaled, scaled_error, slopes):
    """Compute the maps of a layer's units; all layers' maps are kept.

    So those of the layer above can be computed again for other bits of this one.

    Parameters
    ----------
    flat, layer, base, bits, scaled, scaled_error, slopes
        See `maps_above`.
    maps : float64 array, shape (layers, m + 1, width)
        ``maps[layer - 1]`` is read, ``maps[layer]`` is written.
    errors : float64 array, shape (layers, width)
        Likewise.
    """
    if layer == 0:
        first_maps(flat, maps[0], errors[0])
    else:
        maps_above(
            flat,
            layer,
            base,
            bits,
            maps[layer - 1],
            errors[layer - 1],
            slopes,
            scaled,
            scaled_error,
            maps[layer],
            errors[layer],
        )


@exact_order_kernel
def change_slope(flat, layer, base, unit, change, maps, errors):
    """Let a unit of the layer below have another slope, in the maps of a layer and their bounds.

    Parameters
    ----------
    flat, layer, base, maps, errors
        See `write_layer_maps`.
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
    bound = (errors[layer - 1, unit] + 8.0 * ROUNDOFF * size + TINY) * abs(change) * 1.0001 + TINY
    if flat.skipped[layer] < 0:
        weights = flat.weights[start : start + width]
        for i in range(width):
            error[i] += abs(weights[i]) * bound + TINY
        for d in range(m + 1):
            value = source[d, unit] * change
            total = out[d]
            for i in range(width):
                total[i] += weights[i] * value
                error[i] += abs(total[i]) * (1.01 * ROUNDOFF)
    else:
        for t in range(start, flat.outgoing[under + unit + 1]):
            i = flat.targets[t - flat.skipped[layer]]
            error[i] += abs(flat.weights[t]) * bound + TINY
            for d in range(m + 1):
                out[d, i] += flat.weights[t] * (source[d, unit] * change)
                error[i] += abs(out[d, i]) * (1.01 * ROUNDOFF)
