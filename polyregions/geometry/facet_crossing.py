"""The pattern beyond a facet where several units vanish, compiled.

Beside a point of the facet every unit outside the facet's group keeps its sign. The
units of the group, and those that vanish on the whole region, are zero there; beyond
the facet their sign is that of their derivative in a direction that leaves the region,
taken through the layers with the signs already found. That this is the one region beyond is
part 2 of docs/mathematics.md.
"""

from __future__ import annotations

import math

import numpy as np

from polyregions.compiled import exact_order_kernel
from polyregions.geometry.linear_forms import NOTHING, trace_sources
from polyregions.network.layer_maps import slope_of, sum_rounding
from polyregions.network.residues import modular_layer, power
from polyregions.rounding import ROUNDOFF, TINY

__all__ = ["DIRECTION_SCALE", "bits_beyond_group"]

# Directions are integers of at most this size; `modular_network` counts on it.
DIRECTION_SCALE = 1024.0


@exact_order_kernel
def bits_beyond_group(flat, modular, scratch, sources, touched, direction, bits, beyond):
    """Write the pattern beyond a facet.

    Parameters
    ----------
    flat, modular
        The network in floats and modulo primes.
    scratch : RowScratch
    sources : Sources
        Work.
    touched : bool array, shape (N,)
        The units that are zero on the facet.
    direction : float64 array, shape (m,)
        Leaves the region through the facet; integers of size at most DIRECTION_SCALE.
    bits, beyond : uint8 arrays, shape (N,)
        The region's pattern, and the neighbour's (out).

    Returns
    -------
    int
        How many signs needed exact arithmetic, or -1 if one stayed undecided.

    Notes
    -----
    The error of a derivative is 0 only if nothing that is not exactly zero flows into it:
    such a derivative is exactly zero.

    **Invariant.** Before each layer the bits beyond of all units below are proven, and each of
    the layer below's derivatives, for these bits, is within its error of `change`. A unit that is
    not touched keeps its sign; one that is gets the proven sign of its derivative, and 0 where
    that is exactly zero.
    """
    m = flat.dimension
    # arrays of the region's rows that are free by now
    change, next_change = scratch.slopes, scratch.maps.values[0]
    error, next_error = scratch.maps.errors, scratch.next_maps.errors
    exact = 0
    traced = 0
    base = 0
    for i in range(flat.units):
        beyond[i] = bits[i]
    for layer in range(len(flat.widths)):
        width = flat.widths[layer]
        if layer == 0:
            for i in range(width):
                total = 0.0
                size = 0.0
                for d in range(m):
                    term = flat.first[d, i] * direction[d]
                    total += term
                    size += abs(term)
                change[i] = total
                # every entry of the map was rounded once, relative to itself: with m products
                # and m sums that is among the m + 4 roundings of `size`
                error[i] = 1.01 * (flat.first_error[i] * 1.01 + (m + 4) * ROUNDOFF * size)
                # nothing flowed in: exactly zero, and said so by error 0
                if error[i] != 0.0 or size != 0.0:
                    error[i] += TINY
        else:
            below = flat.widths[layer - 1]
            under = base - below
            gamma = sum_rounding(flat, layer)
            for i in range(width):
                next_change[i] = 0.0
                next_error[i] = 0.0
                if flat.bias_column < m and flat.biases[base + i] != 0.0:
                    # on the whole space biases multiply the last chart coordinate
                    next_change[i] = flat.biases[base + i] * direction[flat.bias_column]
                    next_error[i] = gamma * abs(next_change[i]) + TINY
            skipped = flat.skipped[layer]
            for k in range(below):
                slope = slope_of(flat, under + k, beyond)
                # an error of 0 says that the derivative is zero: nothing flows on
                if slope == 0.0 or error[k] == 0.0:
                    continue
                value = slope * change[k]
                bound = 1.0001 * (error[k] * abs(slope) + gamma * abs(value) + TINY)
                first = flat.outgoing[under + k]
                for t in range(first, flat.outgoing[under + k + 1]):
                    i = t - first if skipped < 0 else flat.targets[t - skipped]
                    weight = flat.weights[t]
                    if weight != 0.0:
                        next_change[i] += weight * value
                        next_error[i] += abs(weight) * bound + TINY
            change, next_change = next_change, change
            error, next_error = next_error, error
        for i in range(width):
            row = flat.bit[base + i]
            # what is not zero on the facet keeps its sign, whatever its derivative
            if row < 0 or not touched[row]:
                continue
            # a sum that overflowed on its way has lost its sign; NaN compares with nothing
            if error[i] < abs(change[i]) < np.inf:
                beyond[row] = 1 if change[i] > 0.0 else 0
                continue
            if error[i] == 0.0:
                beyond[row] = 0
                continue
            # rounding cannot tell: the network's shape, then residues
            if traced <= layer:
                trace_sources(flat, layer + 1, beyond, sources)
                traced = layer + 1
            if sources.source[base + i] == NOTHING:
                beyond[row] = 0
            elif derivative_vanishes(flat, modular, direction, beyond, layer, i):
                beyond[row] = 0
                exact += 1
            else:
                return -1
        base += width
    return exact


@exact_order_kernel
def dyadic_residue(value, prime):
    """Return a float modulo a prime: its mantissa as an integer times a power of two."""
    mantissa, exponent = math.frexp(value)
    integer = np.int64(mantissa * 2.0**53)
    shift = exponent - 53
    residue = np.uint64(integer % np.int64(prime))
    # 2 is invertible modulo an odd prime
    if shift >= 0:
        factor = power(np.uint64(2), np.uint64(shift), prime)
    else:
        half = (prime + np.uint64(1)) >> np.uint64(1)
        factor = power(half, np.uint64(-shift), prime)
    return residue * factor % prime


@exact_order_kernel
def derivative_vanishes(flat, modular, direction, bits, layer, unit):
    """Return whether a unit's derivative is exactly zero (False also if it cannot tell).

    Parameters
    ----------
    flat, modular, direction
        See `bits_beyond_group`.
    bits : uint8 array, shape (N,)
        Those beyond, of the layers below.
    layer, unit : int
        The unit by number in its layer.

    Notes
    -----
    **Invariant.** Before each pass over the primes the derivative vanishes modulo those so far,
    as in `network.residues.vanishes`: `modular_network` takes enough primes for directions of
    DIRECTION_SCALE.
    """
    m = flat.dimension
    for index in range(len(modular.primes)):
        prime = modular.primes[index]
        # one column, the derivatives
        maps, next_maps = modular.maps[:1], modular.next_maps[:1]
        for i in range(flat.widths[0]):
            total = np.uint64(0)
            for d in range(m):
                total = (
                    total + modular.first[index, d, i] * dyadic_residue(direction[d], prime)
                ) % prime
            maps[0, i] = total
        base = 0
        for below in range(layer):
            base += flat.widths[below]
            modular_layer(flat, modular, index, below + 1, base, bits, maps, next_maps)
            # a derivative has no offset, unless biases multiply a chart coordinate
            if flat.bias_column < m:
                weight = dyadic_residue(direction[flat.bias_column], prime)
                for i in range(flat.widths[below + 1]):
                    bias = modular.biases[index, base + i]
                    next_maps[0, i] = (next_maps[0, i] + bias * weight) % prime
            maps, next_maps = next_maps, maps
        if maps[0, unit] != np.uint64(0):
            return False
    return len(modular.primes) > 0
