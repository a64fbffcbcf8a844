"""Units whose bit is known leave the problem, once and for all.

A unit that is proven positive (or proven not to be) over the domain has a constant
pattern bit, carries no facet, and acts as a multiplication by its slope. In trained
networks on small boxes, and in wide networks on slices, these are most units. A unit
that computes the same function as another has the other's bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Integers
from polyregions.domain import Box
from polyregions.network.backward_bounds import (
    ROUND_SIDES,
    Boxes,
    Range,
    backward_bounds,
)
from polyregions.network.bound_propagation import enclose, no_enclosure
from polyregions.network.flat import FlatNetwork, dense_places, layer_matrix, with_matrices
from polyregions.network.leaving_out import Left, leave_out, left_of, spread_bits
from polyregions.network.network import Network
from polyregions.network.storage import is_small
from polyregions.network.value_numbering import numbers_of_layer, value_numbers
from polyregions.pattern import Words, n_words

__all__ = [
    "Reduction",
    "no_reduction",
    "ranges_known",
    "reduce_network",
    "reduced",
    "reduction_of",
    "sharper_signs",
    "signs_known",
]

# A hint: so many products take less than a walk of a network that large saves by them.
_MOST_WORK = 2**30
# A hint: with fewer inputs a walk leaves such units out by itself, region by region, and sooner.
_FEWEST_INPUTS = 4


@dataclass(frozen=True, eq=False)
class Reduction:
    """Which pattern bits of a flat network say something on the domain.

    Attributes
    ----------
    live : tuple of numpy.ndarray of intp
        For each layer, the units that are not constantly zero after their slope.
    kept : numpy.ndarray of intp
        The pattern bits that vary, one of each set of equal units.
    bits : numpy.ndarray of uint8, shape (N,)
        The constant bits; 0 where the bit varies.
    leader : numpy.ndarray of intp, shape (N,)
        For a bit that varies, the kept bit that it equals; else -1.
    """

    live: tuple[NDArray[np.intp], ...]
    kept: NDArray[np.intp]
    bits: NDArray[np.uint8]
    leader: NDArray[np.intp]

    def shrink(self, bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the kept ones of all bits, shape (..., N) to (..., kept)."""
        return bits[..., self.kept]

    def grow(self, bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return all bits from the kept ones, shape (..., kept) to (..., N)."""
        whole = np.broadcast_to(self.bits, (*bits.shape[:-1], len(self.bits))).copy()
        varying = np.flatnonzero(self.leader >= 0)
        whole[..., varying] = bits[..., np.searchsorted(self.kept, self.leader[varying])]
        return whole

    def grow_words(self, words: Words) -> Words:
        """Return packed patterns of all units from packed patterns of the kept ones."""
        if len(self.kept) == len(self.bits):
            return words
        sources = np.searchsorted(self.kept, self.leader)
        sources[self.leader < 0] = -1
        grown = np.empty((len(words), n_words(len(self.bits))), dtype=np.uint64)
        spread_bits(np.ascontiguousarray(words), sources, self.bits, grown)
        return grown


def reduced(flat: FlatNetwork, signs: Integers | None = None) -> tuple[FlatNetwork, Reduction]:
    """Return the flat network of the units that vary, and which these are.

    With signs, these say it; see `reduction_of`.
    """
    # few weights may be all that is stored of a large sparse layer
    if signs is None and not len(flat.targets) and is_small(len(flat.weights)):
        left = left_of(flat)
        if leave_out(flat, left):
            return _read_off(flat, left)
    reduction = reduction_of(flat, signs)
    return reduce_network(flat, reduction), reduction


def _read_off(flat: FlatNetwork, left: Left) -> tuple[FlatNetwork, Reduction]:
    """Return what `leave_out` wrote, as `reduce_network` and `reduction_of` return it."""
    ends = left.live_ends.tolist()
    live = tuple(left.live[a:b] for a, b in zip([0, *ends], ends, strict=False))
    reduction = Reduction(live, np.flatnonzero(left.leader >= 0), left.bits, left.leader)
    layers, units, bits, weights = left.sizes.tolist()
    if bits == flat.units and units == len(flat.bit):
        return flat, reduction
    out, width, columns = left.flat, ends[0], flat.dimension + 1
    widths = out.widths[:layers]
    return (
        out._replace(
            units=bits,
            size=bits + flat.domain.shape[1],
            widths=widths,
            weights=out.weights[:weights],
            biases=out.biases[:units],
            lower=out.lower[:units],
            upper=out.upper[:units],
            bit=out.bit[:units],
            unit_of_row=out.unit_of_row[:bits],
            row_ends=out.row_ends[:layers],
            first=out.first[: columns * width].reshape(columns, width),
            first_error=out.first_error[:width],
            first_numbers=np.arange(width),
            **dense_places(widths.tobytes())._asdict(),
        ),
        reduction,
    )


def no_reduction(flat: FlatNetwork) -> Reduction:
    """Return the reduction that keeps every unit."""
    live = tuple(np.arange(width) for width in flat.widths)
    every = np.arange(flat.units)
    return Reduction(live, every, np.zeros(flat.units, dtype=np.uint8), every)


def reduction_of(flat: FlatNetwork, signs: Integers | None = None) -> Reduction:
    """Find units that are constant over the domain's cube, and units that are the same.

    Parameters
    ----------
    flat : FlatNetwork
    signs : numpy.ndarray of int64, shape (N,), optional
        For each pattern bit 1 or -1 if the unit is proven to be positive or not to be so, else 0.

    Notes
    -----
    *Algorithm.* Without signs every unit is enclosed between two affine functions
    (`network.bound_propagation`); one whose enclosure has one sign is constant. Units with equal
    inputs are numbered alike (`network.value_numbering`); a unit whose inputs are constant
    or cancel has a constant value, computed exactly, zero included.
    """
    live: list[NDArray[np.intp]] = []
    constant = np.zeros(flat.units, dtype=np.uint8)
    leader = np.arange(flat.units)
    # the slopes on either side of zero, equal where they are known
    below, above = flat.lower.copy(), flat.upper.copy()
    numbers = outputs = flat.first_numbers
    values = _constant_inputs(flat)
    source = no_enclosure(flat, 0)
    base = 0
    for layer, width in enumerate(flat.widths.tolist()):
        units = slice(base, base + width)
        if layer:
            numbers, values = numbers_of_layer(
                layer_matrix(flat, layer), flat.biases[units], outputs, values
            )
        bit = flat.bit[units]
        if signs is None:
            enclosure = no_enclosure(flat, layer)
            enclose(flat, layer, base, below, above, source, enclosure)
            source = enclosure
            sign = np.subtract(enclosure.low > 0, enclosure.high < 0, dtype=np.int64)
        else:
            sign = np.where(bit >= 0, signs[bit], 0)
        for i, value in values.items():
            sign[i] = 1 if value > 0 else -1
        distinct = np.array_equal(numbers, np.arange(width))
        # what is proven of one unit holds for all that are the same
        for side in () if distinct else (1, -1):
            proven = np.zeros(width, dtype=bool)
            proven[numbers[sign == side]] = True
            sign[proven[numbers]] = side
        fixed = (bit >= 0) & (sign != 0)
        if not distinct:
            bends = np.flatnonzero(bit >= 0)
            leader[bit[bends]] = bit[_first_bending(numbers, bends)]
        leader[bit[fixed]] = -1
        constant[bit[fixed & (sign > 0)]] = 1
        slope = np.where(sign > 0, above[units], below[units])[fixed]
        below[units][fixed] = above[units][fixed] = slope
        for i in values:
            values[i] *= Fraction(float(above[base + i]))
            if not values[i]:
                below[base + i] = above[base + i] = 0.0
        values = {i: value for i, value in values.items() if value}
        speaks = (below[units] != 0) | (above[units] != 0)
        live.append(np.flatnonzero(speaks))
        outputs = numbers
        if not distinct:
            ends = below[units].tolist(), above[units].tolist()
            outputs = value_numbers(zip(numbers.tolist(), *ends, strict=True))
        outputs = np.where(speaks, outputs, -1)
        base += width
    kept = np.flatnonzero(leader == np.arange(flat.units))
    return Reduction(tuple(live), kept, constant, leader)


def _constant_inputs(flat: FlatNetwork) -> dict[int, Fraction]:
    """Return the values of the units of the first layer that are constant."""
    slopes = flat.first != 0.0
    slopes[flat.bias_column] = False
    moves = slopes.any(axis=0) | (flat.first_error > 0)
    if moves.all():
        return {}
    offsets = flat.first[flat.bias_column].tolist()
    return {int(i): Fraction(offsets[i]) for i in np.flatnonzero(~moves)}


def _first_bending(numbers: NDArray[np.int64], bends: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return for each of the units `bends` the first of them with its number."""
    first = np.zeros(len(numbers), dtype=np.intp)
    first[numbers[bends][::-1]] = bends[::-1]
    return first[numbers[bends]]


def reduce_network(flat: FlatNetwork, reduction: Reduction) -> FlatNetwork:
    """Return the flat network of the units that vary, with constant ones as slopes."""
    kept, live = reduction.kept, reduction.live
    if len(kept) == flat.units and sum(map(len, live)) == flat.widths.sum():
        return flat
    # the new number of a bit; units that are the same share one
    number = np.full(flat.units, -1, dtype=np.int64)
    varying = reduction.leader >= 0
    number[varying] = np.searchsorted(kept, reduction.leader[varying])
    row = np.where(flat.bit >= 0, number[flat.bit], -1)
    # layers after the last unit that varies say nothing about patterns
    ends = np.cumsum(flat.widths)
    depth = 1 + int(np.searchsorted(ends, np.flatnonzero(row >= 0).max(initial=0), side="right"))
    live = live[:depth]
    chosen = np.concatenate(
        [end - width + units for end, width, units in zip(ends, flat.widths, live, strict=False)]
    )
    reduced_bit, bit = row[chosen], flat.bit[chosen]
    constant = (bit >= 0) & (reduced_bit < 0)
    slope = np.where(reduction.bits[bit] == 1, flat.upper[chosen], flat.lower[chosen])
    matrices = [
        layer_matrix(flat, layer)[live[layer - 1]][:, live[layer]] for layer in range(1, depth)
    ]
    widths = np.array([len(units) for units in live], dtype=np.int64)
    # of units that share a row the first one stands for it
    unit_of_row = np.full(len(kept), -1, dtype=np.int64)
    bending = np.flatnonzero(reduced_bit >= 0)[::-1]
    unit_of_row[reduced_bit[bending]] = bending
    reduced = flat._replace(
        units=len(kept),
        size=len(kept) + flat.domain.shape[1],
        widths=widths,
        biases=flat.biases[chosen],
        lower=np.where(constant, slope, flat.lower[chosen]),
        upper=np.where(constant, slope, flat.upper[chosen]),
        bit=reduced_bit,
        unit_of_row=unit_of_row,
        row_ends=np.searchsorted(unit_of_row, np.cumsum(widths)),
        first=np.ascontiguousarray(flat.first[:, live[0]]),
        first_error=flat.first_error[live[0]],
        first_numbers=value_numbers(flat.first_numbers[live[0]].tolist()),
    )
    return with_matrices(reduced, matrices)


def signs_known(reduction: Reduction) -> Integers:
    """Return 1 for a pattern bit that is always on, -1 for one that is always off, else 0."""
    constant = reduction.leader < 0
    return np.where(constant, 2 * reduction.bits.astype(np.int64) - 1, 0)


def ranges_known(network: Network, signs: Integers) -> list[Range]:
    """Return what signs of pattern bits say of each layer's pre-activations, shape (width,)."""
    ranges, start = [], 0
    for layer in network.layers:
        low, high = np.full(len(layer.bias), -np.inf), np.full(len(layer.bias), np.inf)
        bent = np.flatnonzero(layer.bends)
        here = signs[start : start + len(bent)]
        start += len(bent)
        low[bent[here > 0]] = 0.0
        high[bent[here < 0]] = 0.0
        ranges.append(Range(low, high))
    return ranges


def sharper_signs(network: Network, box: Box, signs: Integers) -> Integers | None:
    """Return the signs of more units, or None if looking for them costs more than it gives.

    Parameters
    ----------
    network : Network
    box : Box
    signs : numpy.ndarray of int64, shape (N,)
        What is proven already; see :func:`signs_known`.

    Notes
    -----
    *Algorithm.* One pass of `backward_bounds`. A unit that is proven to be positive on the closed
    box is on; one that is proven not to be positive there is off.
    """
    if network.input_dimension < _FEWEST_INPUTS:
        return None
    bends = [layer.bends for layer in network.layers]
    depth = 1 + max(i for i, mask in enumerate(bends) if mask.any())
    ends = np.cumsum([np.count_nonzero(mask) for mask in bends[:depth]])
    open_units = [int(np.count_nonzero(part == 0)) for part in np.split(signs, ends[:-1])]
    entries = [layer.matrix.size for layer in network.layers[:depth]]
    products = sum(
        units * below for units, below in zip(open_units, np.cumsum(entries).tolist(), strict=True)
    )
    # of the first layer that bends, enclosures know everything
    first = next(i for i, mask in enumerate(bends) if mask.any())
    if not any(open_units[first + 1 :]) or products > _MOST_WORK:
        return None
    known = [Range(low[None], high[None]) for low, high in ranges_known(network, signs)]
    boxes = Boxes(box.lower[None], box.upper[None])
    found, _ = backward_bounds(network, boxes, known[:depth], ROUND_SIDES[:1])
    low, high = (
        np.concatenate([end[0][mask] for end, mask in zip(side, bends, strict=False)])
        for side in zip(*found, strict=True)
    )
    sharper = np.subtract(low > 0.0, high <= 0.0, dtype=np.int64)
    return np.where(signs == 0, sharper, signs)
