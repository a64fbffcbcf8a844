"""Units whose bit is known leave the problem, once and for all.

A unit that is proven positive (or proven not to be) over the domain has a constant
pattern bit, carries no facet, and acts as a multiplication by its slope. In trained
networks on small boxes, and in wide networks on slices, these are most units. A unit
that computes the same function as another has the other's bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.geometry.equal_units import numbered, numbers_of_layer
from polyregions.geometry.flat import TINY, UNIT, FlatNetwork, layer_matrix, with_matrices
from polyregions.pattern import Words, pack, unpack

__all__ = ["Reduction", "no_reduction", "reduce_network", "reduction_of"]

Floats = NDArray[np.float64]

_CHUNK = 65536


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
        parts = [
            pack(self.grow(unpack(words[start : start + _CHUNK], len(self.kept))))
            for start in range(0, len(words), _CHUNK)
        ]
        return np.concatenate(parts) if parts else pack(self.grow(unpack(words, len(self.kept))))


def no_reduction(flat: FlatNetwork) -> Reduction:
    """Return the reduction that keeps every unit."""
    live = tuple(np.arange(width) for width in flat.widths)
    every = np.arange(flat.units)
    return Reduction(live, every, np.zeros(flat.units, dtype=np.uint8), every)


def reduction_of(flat: FlatNetwork) -> Reduction:
    """Find units that are constant over the domain's cube, and units that are the same.

    Notes
    -----
    *Algorithm.* Every pre-activation is enclosed by an affine function of the chart
    coordinates and a radius. A unit whose enclosure has one sign is constant; any
    other unit is replaced by the secant of its two slopes, and the distance to the
    secant joins the radius. Radii include a bound on every rounding; whatever
    overflows is simply not constant. Units with equal inputs are numbered alike
    (`geometry.equal_units`); a unit whose inputs are constant or cancel has a constant
    value, computed exactly, zero included.
    """
    live: list[NDArray[np.intp]] = []
    constant = np.zeros(flat.units, dtype=np.uint8)
    leader = np.arange(flat.units)
    enclosure = _Enclosure(flat.first.copy(), flat.first_error + TINY)
    numbers = outputs = flat.first_numbers
    moves = np.delete(flat.first, flat.bias_column, axis=0).any(axis=0) | (flat.first_error > 0)
    values = {
        int(i): Fraction(float(flat.first[flat.bias_column, i])) for i in np.flatnonzero(~moves)
    }
    base = 0
    for layer, width in enumerate(flat.widths.tolist()):
        units = slice(base, base + width)
        if layer:
            enclosure = _through_weights(flat, layer, units, enclosure)
            numbers, values = numbers_of_layer(
                layer_matrix(flat, layer), flat.biases[units], outputs, values
            )
        low, high = _range(enclosure)
        below_zero, above_zero, bit = flat.lower[units], flat.upper[units], flat.bit[units]
        bends = bit >= 0
        sign = np.where(low > 0, 1, np.where(high < 0, -1, 0))
        for i, value in values.items():
            sign[i] = 1 if value > 0 else -1
        # what is proven of one unit holds for all that are the same
        for side in (1, -1):
            proven = np.zeros(width, dtype=bool)
            proven[numbers[sign == side]] = True
            sign[proven[numbers]] = side
        fixed = bends & (sign != 0)
        leader[bit[bends]] = bit[_first_bending(numbers, bends)][bends]
        leader[bit[fixed]] = -1
        constant[bit[fixed & (sign > 0)]] = 1
        # the slopes on either side of zero, equal where they are known
        known = fixed | ~bends
        slope = np.where(bends & (sign <= 0), below_zero, above_zero)
        ends = np.where(known, slope, below_zero), np.where(known, slope, above_zero)
        values = {i: Fraction(float(slope[i])) * value for i, value in values.items()}
        silent = known & (slope == 0)
        silent[[i for i, value in values.items() if value == 0]] = True
        values = {i: value for i, value in values.items() if value}
        live.append(np.flatnonzero(~silent))
        outputs = numbered(zip(numbers.tolist(), *(end.tolist() for end in ends), strict=True))
        outputs[silent] = -1
        enclosure = _through_units(enclosure, known, silent, *ends)
        base += width
    kept = np.flatnonzero(leader == np.arange(flat.units))
    return Reduction(tuple(live), kept, constant, leader)


class _Enclosure(NamedTuple):
    """Each unit is within `radius` of an affine function, over the domain's cube."""

    affine: Floats
    radius: Floats


def _range(enclosure: _Enclosure) -> tuple[Floats, Floats]:
    """Return proven bounds on every unit."""
    affine, radius = enclosure
    with np.errstate(over="ignore", invalid="ignore"):
        reach = np.abs(affine[:-1]).sum(axis=0) + radius
        reach = 1.0001 * reach + 8 * UNIT * np.abs(affine[-1])
        return affine[-1] - reach, affine[-1] + reach


def _through_weights(
    flat: FlatNetwork, layer: int, units: slice, enclosure: _Enclosure
) -> _Enclosure:
    """Return the enclosure of a layer's pre-activations from that of its inputs."""
    affine, radius = enclosure
    weight = layer_matrix(flat, layer)
    size: Any = abs(weight)
    gamma = (int(flat.terms[layer]) + 8) * UNIT * 1.05
    with np.errstate(over="ignore", invalid="ignore"):
        spread = np.abs(affine).sum(axis=0)
        radius = (radius * 1.0001) @ size + gamma * (spread @ size)
        radius = 1.0001 * (radius + gamma * np.abs(flat.biases[units])) + TINY
        affine = affine @ weight
        affine[flat.bias_column] += flat.biases[units]
    return _Enclosure(affine, radius)


def _through_units(
    enclosure: _Enclosure,
    known: NDArray[np.bool_],
    silent: NDArray[np.bool_],
    below_zero: Floats,
    above_zero: Floats,
) -> _Enclosure:
    """Return the enclosure after the units: the exact slope, or the secant and its distance."""
    affine, radius = enclosure
    low, high = _range(enclosure)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        secant = (above_zero * high - below_zero * low) / (high - low)
        secant = np.where(known | ~np.isfinite(secant), above_zero, secant)
        zero = np.zeros_like(low)
        corners = np.stack([(below_zero - secant) * low, zero, (above_zero - secant) * high])
        corners = np.where(known, 0.0, corners)
        middle = (corners.max(axis=0) + corners.min(axis=0)) / 2
        gap = (corners.max(axis=0) - corners.min(axis=0)) / 2
        rounding = 8 * UNIT * (np.abs(affine).sum(axis=0) * np.abs(secant) + np.abs(middle))
        largest = np.maximum(np.abs(low), np.abs(high))
        slopes = np.abs(secant) + np.abs(below_zero) + np.abs(above_zero)
        rounding += 8 * UNIT * largest * slopes
        radius = 1.0001 * (radius * np.abs(secant) + gap + rounding) + TINY
        affine = np.where(silent, 0.0, affine * secant)
        affine[-1] += middle
    return _Enclosure(affine, np.where(silent, 0.0, radius))


def _first_bending(numbers: NDArray[np.int64], bends: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return for each unit the first bending unit with its number (itself if it is straight)."""
    first = np.arange(len(numbers))
    units = np.flatnonzero(bends)
    _, index, inverse = np.unique(numbers[units], return_index=True, return_inverse=True)
    first[units] = units[index][inverse]
    return first


def reduce_network(flat: FlatNetwork, reduction: Reduction) -> FlatNetwork:
    """Return the flat network of the units that vary, with constant ones as slopes."""
    kept, live = reduction.kept, reduction.live
    if len(kept) == flat.units:
        return flat
    # the new number of a bit; units that are the same share one
    number = np.full(flat.units, -1, dtype=np.int64)
    varying = np.flatnonzero(reduction.leader >= 0)
    number[varying] = np.searchsorted(kept, reduction.leader[varying])
    starts = np.concatenate([[0], np.cumsum(flat.widths)]).tolist()
    # layers after the last unit that varies say nothing about patterns
    some = [
        bool((number[flat.bit[start + units]] >= 0)[flat.bit[start + units] >= 0].any())
        for start, units in zip(starts, live, strict=False)
    ]
    depth = max((layer + 1 for layer, varies in enumerate(some) if varies), default=1)
    live = live[:depth]
    chosen = np.concatenate([start + units for start, units in zip(starts, live, strict=False)])
    bit = flat.bit[chosen]
    bends = bit >= 0
    constant = bends & (number[bit] < 0)
    slope = np.where(reduction.bits[bit] == 1, flat.upper[chosen], flat.lower[chosen])
    matrices = [
        layer_matrix(flat, layer)[live[layer - 1]][:, live[layer]] for layer in range(1, depth)
    ]
    reduced_bit = np.where(bends, number[bit], -1)
    widths = np.array([len(units) for units in live], dtype=np.int64)
    # of units that share a row the first one stands for it
    unit_of_row = np.full(len(kept), -1, dtype=np.int64)
    rows = reduced_bit[::-1]
    unit_of_row[rows[rows >= 0]] = np.arange(len(rows))[::-1][rows >= 0]
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
        first_numbers=numbered(flat.first_numbers[live[0]].tolist()),
    )
    return with_matrices(reduced, matrices)
