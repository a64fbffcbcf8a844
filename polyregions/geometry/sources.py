"""Ties that the network's shape explains: no arithmetic is needed to see them.

A unit with no bias into which, on a region, no other unit flows is zero there; one
into which a single unit flows is a multiple of that unit. Dead inputs of a max pooling
give the first kind of tie in every region, a comparison with a dead input the second.
"""

from __future__ import annotations

from polyregions.compiled import exact_order_kernel

__all__ = ["NOTHING", "trace_sources"]

NOTHING = -1


@exact_order_kernel
def trace_sources(flat, bits, source, flows):
    """Find for every unit the one unit that it is a multiple of.

    Parameters
    ----------
    flat : FlatNetwork
    bits : uint8 array, shape (N,)
    source : int64 array, shape (units of all layers,), out
        NOTHING: exactly zero on the region. Otherwise units with the same source are
        non-zero multiples of each other; a unit with two or more inputs is its own.
    flows : int64 array, shape (units of all layers,)
        Work.
    """
    m = flat.dimension
    base = 0
    for layer in range(len(flat.widths)):
        width = flat.widths[layer]
        if layer == 0:
            for i in range(width):
                source[i] = i
                if flat.first_error[i] == 0.0:
                    empty = True
                    for d in range(m + 1):
                        if flat.first[d, i] != 0.0:
                            empty = False
                    if empty:
                        source[i] = NOTHING
        else:
            below = flat.widths[layer - 1]
            under = base - below
            start = flat.weight_starts[layer - 1]
            for i in range(width):
                flows[base + i] = 2 if flat.biases[base + i] != 0.0 else 0
                source[base + i] = NOTHING
            for k in range(below):
                row = flat.bit[under + k]
                slope = flat.upper[under + k]
                if row >= 0 and bits[row] == 0:
                    slope = flat.lower[under + k]
                if slope == 0.0 or source[under + k] == NOTHING:
                    continue
                for i in range(width):
                    if flat.weights[start + k * width + i] != 0.0:
                        flows[base + i] += 1
                        source[base + i] = source[under + k]
            for i in range(width):
                if flows[base + i] > 1:
                    source[base + i] = base + i
        base += width
