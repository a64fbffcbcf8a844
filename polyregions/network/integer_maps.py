"""Affine maps and derivatives of a network in integers, compiled: exact, never undecided.

On an `IntegerNetwork` a map is a column of carried digits (`exact.digits`).
"""

from __future__ import annotations

import numpy as np

from polyregions.compiled import exact_order_kernel
from polyregions.exact.digits import (
    PRODUCTS_IN_A_SUM,
    add_product,
    carry,
    carry_all,
    length_of,
)

__all__ = ["integer_germ", "integer_maps"]


@exact_order_kernel
def integer_layer(flat, integers, layer, base, bits, source, out):
    """Push columns of integers through one layer; units below are signed by bits.

    Parameters
    ----------
    flat, integers
    layer, base : int
        The layer, not the first, and the number of its first unit.
    bits : uint8 array, shape (N,)
        Read for the units of the layer below only.
    source : int64 array, shape (columns, digits, at least width)
        The carried pre-activations of the layer below.
    out : int64 array, shape (columns, digits, at least width), out
        This layer's, without biases.

    Notes
    -----
    **Invariant.** Before each input all sums are below the layer's bound, exact, and have taken
    at most `pending` inputs since they were carried: ``PRODUCTS_IN_A_SUM`` products. Where the
    digits i and j of a weight and a value are not zero, their product is below the bound, so
    i + j is below the layer's `digits` (`digits_needed`); elsewhere nothing but zeros is added.
    """
    columns, width, below = len(out), flat.widths[layer], flat.widths[layer - 1]
    under = base - below
    length, highest = integers.digits[layer - 1], integers.digits[layer]
    slope_length, weight_length = integers.slope_digits[layer - 1], integers.weight_digits[layer]
    value, product, weights = integers.value, integers.product, integers.weights
    most = PRODUCTS_IN_A_SUM // min(weight_length, length + slope_length)
    skipped = flat.skipped[layer]
    pending = 0
    for d in range(columns):
        for j in range(highest):
            for i in range(width):
                out[d, j, i] = 0
    for k in range(below):
        row = flat.bit[under + k]
        slope = integers.upper[:, under + k]
        if row >= 0 and bits[row] == 0:
            slope = integers.lower[:, under + k]
        slope_used = length_of(slope, slope_length)
        if slope_used == 0:
            continue
        first, last = flat.outgoing[under + k], flat.outgoing[under + k + 1]
        for d in range(columns):
            used = length_of(source[d, :, k], length)
            if used == 0:
                continue
            if slope_used == 1 and slope[0] == 1:
                for j in range(used):
                    value[j] = source[d, j, k]
            else:
                for j in range(used + slope_used):
                    product[j] = 0
                add_product(slope, slope_used, source[d, :, k], used, 1, product)
                carry(product, used + slope_used)
                used = length_of(product, used + slope_used)
                for j in range(used):
                    value[j] = product[j]
            for a in range(weight_length):
                for b in range(used):
                    # numbers of 32 bits, so that four of their products are one instruction
                    digit = np.int64(value[b])
                    total = out[d, a + b]
                    if digit != 0 and skipped < 0:
                        into = weights[a, first:last]
                        for i in range(width):
                            total[i] += np.int64(into[i]) * digit
                    elif digit != 0:
                        for t in range(first, last):
                            total[flat.targets[t - skipped]] += np.int64(weights[a, t]) * digit
        pending += 1
        if pending == most:
            for d in range(columns):
                carry_all(out[d], highest, width)
            pending = 0
    for d in range(columns):
        carry_all(out[d], highest, width)


@exact_order_kernel
def integer_maps(flat, integers, bits, layers):
    """Write the maps of the units of the first layers on a pattern, exactly, not signed by it.

    Parameters
    ----------
    flat : FlatNetwork
    integers : IntegerNetwork, in and out
    bits : uint8 array, shape (N,)
        Read for the units below these layers only.
    layers : int
        How many.

    Notes
    -----
    **Invariant.** ``maps[:known[0]]`` are those of ``integers.bits``, and before each layer these
    are `bits` in all layers below it. Layers up to the first whose bits differ from those of
    the call before are kept from there: they do not read more.
    """
    known, before, maps = integers.known, integers.bits, integers.maps
    row, base = 0, 0
    for layer in range(layers):
        width = flat.widths[layer]
        if layer >= known[0]:
            out = maps[layer]
            if layer == 0:
                for d in range(flat.dimension + 1):
                    for j in range(integers.digits[0]):
                        for i in range(width):
                            out[d, j, i] = integers.first[d, j, i]
            else:
                integer_layer(flat, integers, layer, base, bits, maps[layer - 1], out)
                total = out[flat.bias_column]
                for j in range(integers.digits[layer]):
                    for i in range(width):
                        total[j, i] += integers.biases[j, base + i]
                carry_all(total, integers.digits[layer], width)
            known[0] = layer + 1
        if layer + 1 < layers:
            while row < flat.row_ends[layer]:
                if before[row] != bits[row]:
                    before[row] = bits[row]
                    # the layers above read it
                    known[0] = layer + 1
                row += 1
        base += width


@exact_order_kernel
def integer_germ(flat, integers, touched, direction, bits, beyond):
    """Write the pattern beyond a facet; see `geometry.facet_crossing`, whose twin this is.

    Parameters
    ----------
    flat : FlatNetwork
    integers : IntegerNetwork
        With the maps of `bits`.
    touched : bool array, shape (N,)
        The units that are zero on the facet.
    direction : int64 array, shape (m,)
        Leaves the region through the facet; of size at most DIRECTION_SCALE.
    bits, beyond : uint8 arrays, shape (N,)
        The region's pattern, and the neighbour's (out).

    Notes
    -----
    *Algorithm.* Up to the first layer with a touched unit the neighbour has the region's maps.

    **Invariant.** Before each layer the bits beyond of all units below are the neighbour's, and
    behind the first one `source` holds the derivatives of the layer below on it, exactly.
    """
    m, base = flat.dimension, 0
    source, out = integers.change[0], integers.change[1]
    left = 0
    for i in range(flat.units):
        beyond[i] = bits[i]
        left += touched[i]
    most, begun = left, False
    begin = 0
    for layer in range(len(flat.widths)):
        width, length = flat.widths[layer], integers.digits[layer]
        for row in range(begin, flat.row_ends[layer]):
            left -= touched[row]
        begin = flat.row_ends[layer]
        if left == most:
            base += width
            continue
        if not begun:
            begun = True
            maps = integers.maps[layer]
            for j in range(length):
                for i in range(width):
                    total = np.int64(0)
                    for d in range(m):
                        total += maps[d, j, i] * direction[d]
                    out[0, j, i] = total
        else:
            integer_layer(flat, integers, layer, base, beyond, source, out)
            if flat.bias_column < m:
                # on the whole space biases multiply the last chart coordinate
                for j in range(length):
                    for i in range(width):
                        out[0, j, i] += integers.biases[j, base + i] * direction[flat.bias_column]
        carry_all(out[0], length, width)
        for i in range(width):
            row = flat.bit[base + i]
            # what is not zero on the facet keeps its sign, whatever its derivative
            if row >= 0 and touched[row]:
                used = length_of(out[0, :, i], length)
                beyond[row] = 1 if used > 0 and out[0, used - 1, i] > 0 else 0
        if left == 0:
            return
        source, out = out, source
        base += width
