"""The affine maps of a layer's units on one activation pattern, and bounds on their errors.

A layer's pre-activations are affine functions of the chart coordinates, which follow from
those of the layer below and the slopes that the pattern gives its units. The bounds are part 5
of docs/mathematics.md.
"""

from __future__ import annotations

from typing import NamedTuple

from polyregions.arrays import Floats
from polyregions.compiled import exact_order_kernel, inlined_exact_order_kernel
from polyregions.rounding import ROUNDOFF, TINY

__all__ = [
    "Maps",
    "change_slope",
    "first_maps",
    "maps_above",
    "slope_of",
    "sum_rounding",
    "weigh",
    "write_layer_maps",
]


# the products and sums of a bound are rounded, too
_BOUND = 1.0001


class Maps(NamedTuple):
    """The affine maps of some units, and bounds on their errors.

    Attributes
    ----------
    values : float64 array, shape (m + 1, units), or (layers, m + 1, units)
        The map of unit i is ``values[:m, i] @ u + values[m, i]``.
    errors : float64 array, shape (units,), or (layers, units)
        Unit i's map and the exact one differ by at most ``errors[i]``, in the sum over all m + 1
        coefficients; so do their values on the cube.
    """

    values: Floats
    errors: Floats


@exact_order_kernel
def first_maps(flat, out):
    """Write the maps of the first layer's units, which no pattern changes, and their bounds."""
    for d in range(flat.dimension + 1):
        for i in range(flat.widths[0]):
            out.values[d, i] = flat.first[d, i]
    for i in range(flat.widths[0]):
        out.errors[i] = flat.first_error[i]


@inlined_exact_order_kernel
def slope_of(flat, unit, bits):
    """Return the slope that a pattern gives a unit, by its number among those of all layers."""
    row = flat.bit[unit]
    # what passes through has no bit, and two equal slopes
    if row >= 0 and bits[row] == 0:
        return flat.lower[unit]
    return flat.upper[unit]


@inlined_exact_order_kernel
def sum_rounding(flat, layer):
    """Return gamma: a layer's sums, in any order, are off by gamma times the sizes added.

    A sum of h products, the product with the slope and the bias make h + 2 roundings; the rest
    of h + 8, and 1.05, is for the rounding of the bound itself.
    """
    return (flat.terms[layer] + 8) * (ROUNDOFF * 1.05)


@exact_order_kernel
def _add_dense(flat, layer, under, coefficients, source, out):
    """Add the weighted inputs of a layer to maps, and to the bounds on their errors.

    Parameters
    ----------
    flat : FlatNetwork
    layer, under : int
        The layer, all of whose weights are stored, and the number of its first input.
    coefficients : float64 array, shape (at least width below,)
        Only whether they are zero matters.
    source : Maps
    out : Maps, in and out
    """
    above, below = flat.widths[layer], flat.widths[layer - 1]
    start, columns, error = flat.outgoing[under], len(out.values), out.errors[:above]
    k = 0
    k0 = k1 = k2 = k3 = 0
    while k < below:
        # gather up to four inputs that have a say: four multiply-adds per load and store
        count = 0
        while k < below and count < 4:
            if coefficients[k] != 0.0:
                k0, k1, k2, k3 = k1, k2, k3, k
                count += 1
            k += 1
        if count == 4:
            # slices, because an index that may be negative keeps a loop from being vectorised
            w0 = flat.weights[start + k0 * above : start + (k0 + 1) * above]
            w1 = flat.weights[start + k1 * above : start + (k1 + 1) * above]
            w2 = flat.weights[start + k2 * above : start + (k2 + 1) * above]
            w3 = flat.weights[start + k3 * above : start + (k3 + 1) * above]
            for d in range(columns):
                own, total = source.values[d], out.values[d]
                g0, g1, g2, g3 = own[k0], own[k1], own[k2], own[k3]
                for i in range(above):
                    total[i] += w0[i] * g0 + w1[i] * g1 + w2[i] * g2 + w3[i] * g3
            e0, e1 = source.errors[k0] * _BOUND, source.errors[k1] * _BOUND
            e2, e3 = source.errors[k2] * _BOUND, source.errors[k3] * _BOUND
            for i in range(above):
                error[i] += abs(w0[i]) * e0 + abs(w1[i]) * e1 + abs(w2[i]) * e2 + abs(w3[i]) * e3
        else:
            for _ in range(count):
                w3 = flat.weights[start + k3 * above : start + (k3 + 1) * above]
                for d in range(columns):
                    g3, total = source.values[d, k3], out.values[d]
                    for i in range(above):
                        total[i] += w3[i] * g3
                e3 = source.errors[k3] * _BOUND
                for i in range(above):
                    error[i] += abs(w3[i]) * e3
                k1, k2, k3 = k0, k1, k2


@exact_order_kernel
def _add_sparse(flat, layer, under, coefficients, source, out):
    """`_add_dense` for a layer of which only the weights that are not zero are stored."""
    # inside out: a weight is read once for all m + 1 columns
    skipped = flat.skipped[layer]
    for k in range(flat.widths[layer - 1]):
        if coefficients[k] == 0.0:
            continue
        bound = source.errors[k] * _BOUND
        for t in range(flat.outgoing[under + k], flat.outgoing[under + k + 1]):
            i = flat.targets[t - skipped]
            weight = flat.weights[t]
            for d in range(len(out.values)):
                out.values[d, i] += weight * source.values[d, k]
            out.errors[i] += abs(weight) * bound


@inlined_exact_order_kernel
def weigh(flat, layer, base, coefficients, source, out):
    """Apply a layer's weights and biases to the maps of its inputs.

    Parameters
    ----------
    flat : FlatNetwork
    layer, base : int
        The layer, not the first, and the number of its first unit.
    coefficients : float64 array, shape (width,)
        Inputs for which it is zero are left out.
    source : Maps
        The inputs'; their bounds are on their errors and on `sum_rounding` times their sizes.
    out : Maps, out
    """
    width = flat.widths[layer]
    under = base - flat.widths[layer - 1]
    gamma = sum_rounding(flat, layer)
    biases = flat.biases[base : base + width]
    for d in range(len(out.values)):
        out.values[d, :width] = 0.0
    # the bias takes part in the sum like any other term
    for i in range(width):
        out.errors[i] = gamma * abs(biases[i]) + TINY
    if flat.skipped[layer] < 0:
        _add_dense(flat, layer, under, coefficients, source, out)
    else:
        _add_sparse(flat, layer, under, coefficients, source, out)
    for i in range(width):
        out.values[flat.bias_column, i] += biases[i]


@exact_order_kernel
def maps_above(flat, layer, base, bits, source, slopes, out):
    """Compute the maps of a layer's units from those of the layer below, and their bounds.

    Parameters
    ----------
    flat : FlatNetwork
    layer, base : int
        The layer, not the first, and the number of its first unit.
    bits : uint8 array, shape (N,)
        Read for the units of the layer below only.
    source : Maps, in and out
        The layer below's; multiplied by the slopes afterwards.
    slopes : float64 array, shape (width,)
        Work.
    out : Maps, out

    Notes
    -----
    **Invariant.** When they are weighed, the bound of each unit of the layer below is above
    slope times the unit's own bound, plus gamma times the size of its scaled map: the share of
    the sums above that goes through it (docs/mathematics.md, part 5).
    """
    below = flat.widths[layer - 1]
    under = base - below
    gamma = sum_rounding(flat, layer)
    errors = source.errors
    for k in range(below):
        slopes[k] = slope_of(flat, under + k, bits)
    for k in range(below):
        # TINY twice: what underflows may do so before it is multiplied by a large slope
        errors[k] = (errors[k] + TINY) * abs(slopes[k]) + TINY
    for d in range(len(source.values)):
        own = source.values[d, :below]
        # of slope 0, infinity makes no number: neither map nor bound is read
        for k in range(len(own)):
            own[k] *= slopes[k]
            errors[k] += gamma * abs(own[k])
    weigh(flat, layer, base, slopes, source, out)


@exact_order_kernel
def write_layer_maps(flat, layer, base, bits, maps, scaled, slopes):
    """Compute the maps of a layer's units; all layers' maps are kept.

    So those of the layer above can be computed again for other bits of this one.

    Parameters
    ----------
    flat, layer, base, bits, slopes
        See `maps_above`; `layer` may be the first.
    maps : Maps of all layers, in and out
        Layer ``layer - 1`` is read, `layer` is written.
    scaled : Maps
        Work.
    """
    out = Maps(maps.values[layer], maps.errors[layer])
    if layer == 0:
        first_maps(flat, out)
    else:
        below, errors = maps.values[layer - 1], maps.errors[layer - 1]
        for k in range(flat.widths[layer - 1]):
            scaled.errors[k] = errors[k]
        for d in range(flat.dimension + 1):
            for k in range(flat.widths[layer - 1]):
                scaled.values[d, k] = below[d, k]
        maps_above(flat, layer, base, bits, scaled, slopes, out)


@exact_order_kernel
def change_slope(flat, layer, base, unit, change, maps):
    """Let a unit of the layer below have another slope, in the maps of a layer and their bounds.

    Parameters
    ----------
    flat, layer, base, maps
        See `write_layer_maps`.
    unit : int
        By number in the layer below.
    change : float
        The new slope minus the old one.

    Notes
    -----
    A product of three factors, one of them a rounded difference, and a sum: the map of
    unit i is off by at most ``|w_i change| (V + 4 u q) + u |out_i|`` more than before,
    V and q as in docs/mathematics.md, part 5, u = 2^-53. So errors add up, in either direction;
    maps are computed afresh now and then (part 9).

    **Invariant.** Before and after, each unit's error bounds the difference between its map
    and the exact one, for the slopes that the layer below has before and after.
    """
    m = flat.dimension
    width = flat.widths[layer]
    under = base - flat.widths[layer - 1]
    source, out, error = maps.values[layer - 1], maps.values[layer], maps.errors[layer]
    start = flat.outgoing[under + unit]
    size = 0.0
    for d in range(m + 1):
        size += abs(source[d, unit])
    own = maps.errors[layer - 1, unit]
    # 8 u: two products, the difference of slopes, and the size's own sum, with room to spare
    bound = (own + 8.0 * ROUNDOFF * size + TINY) * abs(change) * 1.0001 + TINY
    if flat.skipped[layer] < 0:
        weights = flat.weights[start : start + width]
        for i in range(width):
            error[i] += abs(weights[i]) * bound + TINY
        for d in range(m + 1):
            value = source[d, unit] * change
            total = out[d]
            for i in range(width):
                # one rounding of the new sum, and 1 % for that of the bound
                total[i] += weights[i] * value
                error[i] += abs(total[i]) * (1.01 * ROUNDOFF)
    else:
        for t in range(start, flat.outgoing[under + unit + 1]):
            i = flat.targets[t - flat.skipped[layer]]
            error[i] += abs(flat.weights[t]) * bound + TINY
            for d in range(m + 1):
                out[d, i] += flat.weights[t] * (source[d, unit] * change)
                error[i] += abs(out[d, i]) * (1.01 * ROUNDOFF)
