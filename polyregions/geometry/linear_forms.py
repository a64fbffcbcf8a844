"""Ties that the network's shape explains: no rounding is needed to see them.

On a region every unit is an affine function. Here it is followed symbolically, as long as
it is a combination of few *atoms* (functions not looked into any further) with
coefficients that floats hold exactly: a unit into which nothing flows is zero, and after
max pooling the larger of two values, b + relu(a - b), is seen to be a again. Units with
the same combination, up to a factor, have the same hyperplane. See docs/mathematics.md, part 7.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Integers
from polyregions.compiled import exact_order_kernel
from polyregions.network.flat import FlatNetwork
from polyregions.network.layer_maps import slope_of

__all__ = ["NOTHING", "Sources", "sources_of", "trace_sources"]


NOTHING = -1
# Hint: longer combinations become atoms, which loses ties, never makes any.
MOST_TERMS = 4
UNKNOWN_FACTOR = 0.0  # the coefficient of a multiple whose factor floats do not hold


class Sources(NamedTuple):
    """Every unit of every layer as a combination of atoms.

    Attributes
    ----------
    source : numpy.ndarray of int64, shape (units of all layers,)
        NOTHING: exactly zero on the region. Otherwise units with the same source are
        non-zero multiples of each other.
    counts : numpy.ndarray of int64
        How many terms the combination has.
    atoms : numpy.ndarray of int64, shape (units, MOST_TERMS)
        Ascending; an atom is named after the first unit that is it.
    coefficients : numpy.ndarray of float64, shape (units, MOST_TERMS)
        Exact; UNKNOWN_FACTOR for a single term with a factor that is not.
    table : numpy.ndarray of int64
        Work: units with several terms, by the hash of their combination.
    """

    source: Integers
    counts: Integers
    atoms: Integers
    coefficients: NDArray[np.float64]
    table: Integers


def sources_of(flat: FlatNetwork) -> Sources:
    """Allocate the work arrays of `trace_sources`."""
    units = len(flat.bit)
    return Sources(
        source=np.zeros(units, dtype=np.int64),
        counts=np.zeros(units, dtype=np.int64),
        atoms=np.zeros((units, MOST_TERMS), dtype=np.int64),
        coefficients=np.zeros((units, MOST_TERMS)),
        table=np.zeros(1 << (2 * units).bit_length(), dtype=np.int64),
    )


@exact_order_kernel
def become_atom(sources, unit, atom):
    """Make a unit an atom of its own, or equal to an earlier one."""
    sources.counts[unit] = 1
    sources.atoms[unit, 0] = atom
    sources.coefficients[unit, 0] = 1.0


@exact_order_kernel
def add_term(sources, unit, atom, coefficient):
    """Add a term to a unit's combination; return False if it cannot be held exactly."""
    atoms, coefficients = sources.atoms[unit], sources.coefficients[unit]
    count = sources.counts[unit]
    place = 0
    while place < count and atoms[place] < atom:
        place += 1
    if place < count and atoms[place] == atom:
        old = coefficients[place]
        total = old + coefficient
        # a sum of floats is exact iff both parts can be recovered from it
        if old == UNKNOWN_FACTOR or total - old != coefficient or total - coefficient != old:
            return False
        coefficients[place] = total
        # a term that cancels leaves: without terms the unit is exactly zero
        if total == 0.0:
            for t in range(place, count - 1):
                atoms[t] = atoms[t + 1]
                coefficients[t] = coefficients[t + 1]
            sources.counts[unit] = count - 1
        return True
    # a factor that is not known can be added to nothing
    if count == MOST_TERMS or (count > 0 and coefficients[0] == UNKNOWN_FACTOR):
        return False
    for t in range(count, place, -1):
        atoms[t] = atoms[t - 1]
        coefficients[t] = coefficients[t - 1]
    atoms[place] = atom
    coefficients[place] = coefficient
    sources.counts[unit] = count + 1
    return True


@exact_order_kernel
def exact_factor(first, second):
    """Return a product of floats if one of them is 1 or -1, else UNKNOWN_FACTOR."""
    # other products may be exact, too, but few networks have those
    if first in (1.0, -1.0) or second in (1.0, -1.0):
        return first * second
    return UNKNOWN_FACTOR


@exact_order_kernel
def flow(sources, unit, other, factor):
    """Add a multiple of another unit; return False if the sum cannot be held exactly.

    Parameters
    ----------
    sources : Sources, in and out
    unit, other : int
        By their numbers among those of all layers.
    factor : float
        Or UNKNOWN_FACTOR, for a single term only.
    """
    terms = sources.counts[other]
    if terms == 1 and sources.counts[unit] == 0:
        # a single multiple of an atom: its factor need not be known
        sources.counts[unit] = 1
        sources.atoms[unit, 0] = sources.atoms[other, 0]
        sources.coefficients[unit, 0] = exact_factor(sources.coefficients[other, 0], factor)
        return True
    for t in range(terms):
        coefficient = exact_factor(sources.coefficients[other, t], factor)
        if coefficient == UNKNOWN_FACTOR or not add_term(
            sources, unit, sources.atoms[other, t], coefficient
        ):
            return False
    return True


@exact_order_kernel
def same_up_to_sign(sources, first, second):
    """Return whether two combinations are equal or opposite."""
    count = sources.counts[first]
    if count != sources.counts[second]:
        return False
    # opposite combinations have one hyperplane; the first terms tell which it can be
    sign = 1.0
    if sources.coefficients[first, 0] != sources.coefficients[second, 0]:
        sign = -1.0
    for t in range(count):
        if sources.atoms[first, t] != sources.atoms[second, t]:
            return False
        if sources.coefficients[first, t] != sign * sources.coefficients[second, t]:
            return False
    return True


@exact_order_kernel
def find_source(sources, unit):
    """Set ``source`` of a unit whose combination is known."""
    count = sources.counts[unit]
    if count == 0:
        sources.source[unit] = NOTHING
        return
    # whatever the factor: it is not zero
    if count == 1:
        sources.source[unit] = sources.atoms[unit, 0]
        return
    # open addressing: the table has a power of two of slots, at least twice the units; the hash
    # leaves out coefficients, because opposite ones count as equal
    mask = np.uint64(len(sources.table) - 1)
    value = np.uint64(count)
    for t in range(count):
        value = (value ^ np.uint64(sources.atoms[unit, t])) * np.uint64(0xBF58476D1CE4E5B9)
        value ^= value >> np.uint64(27)
    slot = value & mask
    while sources.table[slot] >= 0:
        other = sources.table[slot]
        if same_up_to_sign(sources, unit, other):
            sources.source[unit] = sources.source[other]
            return
        slot = (slot + np.uint64(1)) & mask
    sources.table[slot] = unit
    sources.source[unit] = unit


@exact_order_kernel
def trace_sources(flat, depth, bits, sources):
    """Follow the units of the first layers through a region.

    Parameters
    ----------
    flat : FlatNetwork
    depth : int
        Only the first `depth` layers are asked for.
    bits : uint8 array, shape (N,)
        Read for the units of the first ``depth - 1`` layers.
    sources : Sources, out

    Notes
    -----
    **Invariant.** Before each layer every unit below is, exactly and on the whole region, the
    combination of atoms that `sources` holds, or a multiple of its single atom by a factor
    that is not zero; an atom is a function, and equal numbers are equal functions. So units
    without terms vanish, and units with one source are multiples (docs/mathematics.md, part 7).
    """
    counts = sources.counts
    for slot in range(len(sources.table)):
        sources.table[slot] = NOTHING
    base = 0
    for layer in range(depth):
        width = flat.widths[layer]
        if layer == 0:
            for i in range(width):
                # equal units of the first layer are one atom
                become_atom(sources, i, flat.first_numbers[i])
                empty = flat.first_error[i] == 0.0
                for d in range(flat.dimension + 1):
                    if flat.first[d, i] != 0.0:
                        empty = False
                if empty:
                    counts[i] = 0
        else:
            below = flat.widths[layer - 1]
            under = base - below
            skipped = flat.skipped[layer]
            for u in range(base, base + width):
                counts[u] = 0
                # a bias is not looked into: the unit is an atom
                sources.source[u] = u if flat.biases[u] != 0.0 else NOTHING
            for k in range(below):
                slope = slope_of(flat, under + k, bits)
                if slope == 0.0 or counts[under + k] == 0:
                    continue
                first = flat.outgoing[under + k]
                for t in range(first, flat.outgoing[under + k + 1]):
                    u = base + (t - first if skipped < 0 else flat.targets[t - skipped])
                    weight = flat.weights[t]
                    # an atom already: not looked into
                    if weight == 0.0 or sources.source[u] == u:
                        continue
                    factor = exact_factor(slope, weight)
                    lost = factor == UNKNOWN_FACTOR and counts[u] > 0
                    # what floats cannot hold exactly makes the unit an atom of its own
                    if lost or not flow(sources, u, under + k, factor):
                        sources.source[u] = u
            for u in range(base, base + width):
                if sources.source[u] == u:
                    become_atom(sources, u, u)
        for u in range(base, base + width):
            find_source(sources, u)
        base += width
