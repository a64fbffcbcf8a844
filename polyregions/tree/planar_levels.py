"""From a cell of one layer to the next layer's units: their maps, and which may cut the cell."""

from __future__ import annotations

import numpy as np

from polyregions.cells.dictionary import HUGE
from polyregions.compiled import exact_order_kernel
from polyregions.geometry.rows import Rows, write_row
from polyregions.network.layer_maps import Maps, change_slope, write_layer_maps
from polyregions.rounding import ROUNDOFF, TINY
from polyregions.tree.fixed_prefix import settle_unit
from polyregions.tree.polygons import WAITING_POLYGON

__all__ = ["compute_maps", "enter_level", "evaluate_units"]

# Hint: changes of slopes between two fresh computations of a layer's maps.
FRESH_MAPS_HINT = 256


@exact_order_kernel
def compute_maps(flat, polygons, level):
    """Bring the maps of a level's units up to date with the bits below.

    From one cell to the next few bits change, and the maps change by their weights.

    Parameters
    ----------
    flat : FlatNetwork
    polygons : Polygons, in and out
    level : int

    Notes
    -----
    *Invariant.* ``maps[layer]`` are those of the bits in ``seen`` below, within
    ``map_errors[layer]``: a change adds its own rounding to the bound, and after many both are
    computed afresh. ``ages[layer]`` is -1 where a map below has changed since.
    """
    layer = level - 1
    base = polygons.bases[level]
    under = base - flat.widths[layer - 1] if layer > 0 else 0
    changes = 0
    if layer > 0:
        below = flat.widths[layer - 1]
        if 0 <= polygons.ages[layer] < FRESH_MAPS_HINT:
            # units that compute the same share a bit
            for k in range(below):
                row = flat.bit[under + k]
                if row >= 0 and polygons.seen[row] != polygons.bits[row]:
                    change = flat.upper[under + k] - flat.lower[under + k]
                    change_slope(
                        flat,
                        layer,
                        base,
                        k,
                        change if polygons.bits[row] else -change,
                        Maps(polygons.maps, polygons.map_errors),
                    )
                    changes += 1
            polygons.ages[layer] += changes
        else:
            changes = -1
        # the maps are those of these bits from now on
        for row in range(polygons.starts[level - 1], polygons.starts[level]):
            polygons.seen[row] = polygons.bits[row]
    else:
        # the first layer reads no bits: its maps never change
        changes = -1 if polygons.ages[0] < 0 else 0
    if changes < 0:
        write_layer_maps(
            flat,
            layer,
            base,
            polygons.bits,
            Maps(polygons.maps, polygons.map_errors),
            Maps(polygons.scaled, polygons.scaled_error),
            polygons.slopes,
        )
        polygons.ages[layer] = 0
    # maps of deeper layers rest on these
    if changes != 0 and layer + 1 < len(flat.widths):
        polygons.ages[layer + 1] = -1


@exact_order_kernel
def evaluate_units(flat, polygons, depth, layer):
    """Bound the least and largest value of each unit over a polygon, at its corners.

    Parameters
    ----------
    flat : FlatNetwork
    polygons : Polygons, out
        ``low`` and ``high``, by unit of the layer.
    depth, layer : int
    """
    frame, low, high = polygons.frames[depth], polygons.low, polygons.high
    maps, error = polygons.maps[layer], polygons.map_errors[layer]
    width = flat.widths[layer]
    doubt = 0.0
    for i in range(width):
        low[i] = HUGE
        high[i] = -HUGE
    # an affine function takes its extremes over a polygon at corners
    for corner in range(frame["first"], frame["first"] + frame["sides"]):
        x, y = polygons.corners[corner, 0], polygons.corners[corner, 1]
        doubt = max(doubt, polygons.corners[corner, 2])
        for i in range(width):
            value = maps[2, i] + maps[0, i] * x + maps[1, i] * y
            low[i] = value if value < low[i] else low[i]
            high[i] = value if value > high[i] else high[i]
    # how far a map may change between a computed corner and the exact one, and its rounding
    scale = 1.02 * doubt + 16.0 * ROUNDOFF
    for i in range(width):
        size = abs(maps[0, i]) + abs(maps[1, i])
        bound = 1.01 * (error[i] + scale * size + 16.0 * ROUNDOFF * abs(maps[2, i])) + TINY
        # a map that is not finite, or values that may overflow, decide nothing
        bound = bound if size + abs(maps[2, i]) < HUGE else np.inf
        low[i] -= bound
        high[i] += bound


@exact_order_kernel
def enter_level(flat, polygons, depth, level):
    """Make the polygon on top one of the next level: its candidates are units that may cut.

    Parameters
    ----------
    flat : FlatNetwork
    polygons : Polygons, in and out
    depth, level : int

    Returns
    -------
    bool
        False if the fixed prefix says otherwise.
    """
    frame, counters = polygons.frames[depth], polygons.counters[0]
    layer, base = level - 1, polygons.bases[level]
    counters["ready"] = min(counters["ready"], level - 1)
    evaluate_units(flat, polygons, depth, layer)
    agrees = True
    count = 0
    for place in range(polygons.starts[level], polygons.starts[level + 1]):
        row = polygons.sequence[place]
        i = flat.unit_of_row[row] - base
        # most units do not come near the polygon, and never become candidates
        if polygons.low[i] > 0.0:
            agrees &= settle_unit(polygons, row, 1)
        elif polygons.high[i] < 0.0:
            agrees &= settle_unit(polygons, row, 0)
        else:
            maps = Maps(polygons.maps[layer], polygons.map_errors[layer])
            write_row(maps, i, 1.0, Rows(polygons.rows, polygons.errors), row)
            polygons.candidates[frame["candidates"] + count] = row
            count += 1
    frame["level"] = level
    frame["state"] = WAITING_POLYGON
    frame["count"] = count
    frame["cutting"] = 0
    frame["unit"] = -1
    return agrees
