"""The pattern at a point of the chart, layer by layer; compiled."""

from __future__ import annotations

from polyregions.compiled import entry, exact_order_kernel
from polyregions.geometry.rows import evaluation_rounding
from polyregions.network.layer_maps import first_maps, maps_above
from polyregions.rounding import TINY

__all__ = ["write_pattern_at"]


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
