"""Every unit between two parallel planes over the domain: what never switches; compiled.

A pre-activation is enclosed by an affine function of the chart coordinates and a radius.
A unit that may switch is replaced by the secant of its two slopes, and the distance to
the secant joins the radius. Radii include a bound on every rounding. See docs/mathematics.md,
part 8, "Over the whole domain".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from polyregions.arrays import Floats
from polyregions.compiled import entry, exact_order_kernel
from polyregions.network.flat import FlatNetwork
from polyregions.network.layer_maps import Maps, first_maps, sum_rounding, weigh
from polyregions.rounding import ROUNDOFF, TINY

__all__ = ["Enclosure", "enclose", "no_enclosure"]


class Enclosure(NamedTuple):
    """The pre-activations of one layer over the domain's cube.

    Attributes
    ----------
    affine : numpy.ndarray of float64, shape (m + 1, width)
    radius : numpy.ndarray of float64, shape (width,)
        Each unit is within `radius` of ``affine[:m].T @ u + affine[m]``.
    low, high : numpy.ndarray of float64, shape (width,)
        Proven bounds on each unit. Where something overflows, they may be no numbers.
    """

    affine: Floats
    radius: Floats
    low: Floats
    high: Floats


def no_enclosure(flat: FlatNetwork, layer: int) -> Enclosure:
    """Allocate the enclosure of a layer, to be written by `enclose`."""
    width = int(flat.widths[layer])
    return Enclosure(
        np.empty((flat.dimension + 1, width)), np.empty(width), np.empty(width), np.empty(width)
    )


@exact_order_kernel
def bound_unit(m, i, below, above, enclosure):
    """Enclose unit i's output, in place: its slopes are `below` and `above` zero.

    Parameters
    ----------
    m, i : int
    below, above : float
    enclosure : Enclosure, in and out

    Notes
    -----
    Between low and high the output minus `secant` times the input is 0 at zero, `left` at low
    and `right` at high, and linear between: it takes its extremes at these three. Any secant
    gives a true enclosure, so its rounding needs no bound.
    """
    affine, radius = enclosure.affine, enclosure.radius
    low, high = enclosure.low[i], enclosure.high[i]
    secant, left, right = above, 0.0, 0.0
    if below != above:
        secant = (above * high - below * low) / (high - low)
        if not np.isfinite(secant):
            secant = above
        left, right = (below - secant) * low, (above - secant) * high
    most, least = max(left, right, 0.0), min(left, right, 0.0)
    middle, gap = (most + least) / 2.0, (most - least) / 2.0
    size = 0.0
    for d in range(m + 1):
        size += abs(affine[d, i])
        affine[d, i] *= secant
    affine[m, i] += middle
    # 8 u: at most as many roundings in each of the terms, whose sizes are added up here
    slopes = abs(secant) + abs(below) + abs(above)
    rounding = size * abs(secant) + abs(middle) + max(abs(low), abs(high)) * slopes
    bound = 1.0001 * (radius[i] * abs(secant) + gap + 8.0 * ROUNDOFF * rounding) + TINY
    # whatever overflows is simply not constant
    radius[i] = bound if np.isfinite(high - low) and np.isfinite(left - right) else np.inf


@entry
@exact_order_kernel
def enclose(flat, layer, base, below, above, source, out):
    """Enclose the pre-activations of a layer over the domain's cube.

    Parameters
    ----------
    flat : FlatNetwork
    layer, base : int
        The layer, and the number of its first unit.
    below, above : float64 arrays, shape (units of all layers,)
        The slopes below and above zero; equal where they are known, both 0 for a unit that
        is constantly zero.
    source : Enclosure
        The layer before; its units' outputs are written over it. Not read for layer 0.
    out : Enclosure, out

    Notes
    -----
    **Invariant.** Whatever the pattern, each unit of the layer before is, on the whole cube,
    within its radius of its affine map; the loops keep that true of its output and, through
    the weights, of this layer's units. Bounds that are NaN or infinite prove nothing, since
    every use is of the form ``low > 0``.
    """
    m, width = flat.dimension, flat.widths[layer]
    affine, radius = out.affine, out.radius
    if layer == 0:
        first_maps(flat, Maps(affine, radius))
        for i in range(width):
            radius[i] += TINY
    else:
        inputs = flat.widths[layer - 1]
        under = base - inputs
        gamma = sum_rounding(flat, layer)
        # the bounds are not needed any more; what is zero here is left out
        speaks = source.low
        for k in range(inputs):
            lower, upper = below[under + k], above[under + k]
            if lower != 0.0 or upper != 0.0:
                bound_unit(m, k, lower, upper, source)
            speaks[k] = 1.0 if lower != 0.0 or upper != 0.0 else 0.0
            spread = 0.0
            for d in range(m + 1):
                spread += abs(source.affine[d, k])
            source.radius[k] = source.radius[k] * 1.0001 + gamma * spread
        inside = Maps(source.affine, source.radius)
        weigh(flat, layer, base, speaks, inside, Maps(affine, radius))
    for i in range(width):
        reach = radius[i]
        for d in range(m):
            reach += abs(affine[d, i])
        # the cube's reach of the affine map, its radius, and the rounding of the offset's sums
        reach = 1.0001 * reach + 8.0 * ROUNDOFF * abs(affine[m, i])
        out.low[i] = affine[m, i] - reach
        out.high[i] = affine[m, i] + reach
