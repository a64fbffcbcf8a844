"""Units that keep their sign over the whole domain leave the problem, once and for all.

A unit that is proven positive (or proven not to be) over the domain has a constant
pattern bit, carries no facet, and acts as a multiplication by its slope. In trained
networks on small boxes, and in wide networks on slices, these are most units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyregions.geometry.flat import TINY, UNIT, FlatNetwork
from polyregions.pattern import Words, pack, unpack

__all__ = ["Reduction", "no_reduction", "reduce_network", "reduction_of"]

Floats = NDArray[np.float64]

_CHUNK = 65536


@dataclass(frozen=True, eq=False)
class Reduction:
    """Which units of a flat network are constant on the domain.

    Attributes
    ----------
    live : tuple of numpy.ndarray of intp
        For each layer, the units that are not constantly zero after their slope.
    kept : numpy.ndarray of intp
        The pattern bits that vary.
    bits : numpy.ndarray of uint8, shape (N,)
        The constant bits; 0 where the bit varies.
    """

    live: tuple[NDArray[np.intp], ...]
    kept: NDArray[np.intp]
    bits: NDArray[np.uint8]

    def shrink(self, bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the varying ones of all bits, shape (..., N) to (..., kept)."""
        return bits[..., self.kept]

    def grow(self, bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return all bits from the varying ones, shape (..., kept) to (..., N)."""
        whole = np.broadcast_to(self.bits, (*bits.shape[:-1], len(self.bits))).copy()
        whole[..., self.kept] = bits
        return whole

    def grow_words(self, words: Words) -> Words:
        """Return packed patterns of all units from packed patterns of the varying ones."""
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
    return Reduction(live, np.arange(flat.units), np.zeros(flat.units, dtype=np.uint8))


def reduction_of(flat: FlatNetwork) -> Reduction:
    """Find units that are constant over the domain's cube.

    Notes
    -----
    *Algorithm.* Every pre-activation is enclosed by an affine function of the chart
    coordinates and a radius. A unit whose enclosure has one sign is constant; any
    other unit is replaced by the secant of its two slopes, and the distance to the
    secant joins the radius. Radii include a bound on every rounding; whatever
    overflows is simply not constant. A unit none of whose live inputs has a weight is
    constant exactly, zero included.
    """
    m = flat.dimension
    live: list[NDArray[np.intp]] = []
    constant = np.zeros(flat.units, dtype=np.uint8)
    varies = np.ones(flat.units, dtype=bool)
    affine = flat.first.copy()  # (m + 1, width): the enclosure's centre
    radius = flat.first_error + TINY
    slopes_of_input = np.delete(flat.first, flat.bias_column, axis=0)
    touched = (slopes_of_input != 0).any(axis=0) | (flat.first_error > 0)
    base = 0
    with np.errstate(over="ignore", invalid="ignore"):
        for layer, width in enumerate(flat.widths.tolist()):
            units = slice(base, base + width)
            if layer:
                start = flat.weight_starts[layer - 1]
                below = int(flat.widths[layer - 1])
                weight = flat.weights[start : start + below * width].reshape(below, width)
                size = np.abs(weight)
                gamma = (below + 8) * UNIT * 1.05
                spread = np.abs(affine).sum(axis=0)
                radius = (radius * 1.0001) @ size + gamma * (spread @ size)
                radius = 1.0001 * (radius + gamma * np.abs(flat.biases[units])) + TINY
                affine = affine @ weight
                affine[flat.bias_column] += flat.biases[units]
                touched = (size[live[-1]] != 0).any(axis=0)
            reach = np.abs(affine[:m]).sum(axis=0) + radius
            reach = 1.0001 * reach + 8 * UNIT * np.abs(affine[m])
            low, high = affine[m] - reach, affine[m] + reach
            below_zero, above_zero = flat.lower[units], flat.upper[units]
            bit = flat.bit[units]
            bends = bit >= 0
            sign = np.where(low > 0, 1, np.where(high < 0, -1, 0))
            value = flat.biases[units] if layer else affine[flat.bias_column]
            sign = np.where(~touched, np.where(value > 0, 1, -1), sign)
            fixed = bends & (sign != 0)
            varies[bit[fixed]] = False
            constant[bit[fixed & (sign > 0)]] = 1
            slope = np.where(sign > 0, above_zero, below_zero)
            slope = np.where(bends, slope, above_zero)
            known = fixed | ~bends
            live.append(np.flatnonzero(~(known & (slope == 0))))
            # the enclosure after the units: exact slope, or the secant and its distance
            secant = np.where(known, slope, (above_zero * high - below_zero * low) / (high - low))
            secant = np.where(np.isfinite(secant), secant, above_zero)
            corners = np.stack(
                [(below_zero - secant) * low, np.zeros(width), (above_zero - secant) * high]
            )
            corners = np.where(known, 0.0, corners)
            middle = (corners.max(axis=0) + corners.min(axis=0)) / 2
            gap = (corners.max(axis=0) - corners.min(axis=0)) / 2
            rounding = 8 * UNIT * (np.abs(affine).sum(axis=0) * np.abs(secant) + np.abs(middle))
            largest = np.maximum(np.abs(low), np.abs(high))
            rounding += (
                8 * UNIT * largest * (np.abs(secant) + np.abs(below_zero) + np.abs(above_zero))
            )
            radius = 1.0001 * (radius * np.abs(secant) + gap + rounding) + TINY
            radius = np.where(known & (slope == 0), 0.0, radius)
            affine = affine * secant
            affine[m] += middle
            base += width
    return Reduction(tuple(live), np.flatnonzero(varies), constant)


def reduce_network(flat: FlatNetwork, reduction: Reduction) -> FlatNetwork:
    """Return the flat network of the units that vary, with constant ones as slopes."""
    kept, live = reduction.kept, reduction.live
    if len(kept) == flat.units:
        return flat
    number = np.full(flat.units, -1, dtype=np.int64)
    number[kept] = np.arange(len(kept))
    starts = np.concatenate([[0], np.cumsum(flat.widths)]).tolist()
    # layers after the last unit that varies say nothing about patterns
    varying = [
        bool((number[flat.bit[start + units]] >= 0)[flat.bit[start + units] >= 0].any())
        for start, units in zip(starts, live, strict=False)
    ]
    depth = max((layer + 1 for layer, some in enumerate(varying) if some), default=1)
    live = live[:depth]
    chosen = np.concatenate([start + units for start, units in zip(starts, live, strict=False)])
    bit = flat.bit[chosen]
    bends = bit >= 0
    constant = bends & (number[bit] < 0)
    slope = np.where(reduction.bits[bit] == 1, flat.upper[chosen], flat.lower[chosen])
    weights = []
    for layer in range(1, depth):
        start, below = flat.weight_starts[layer - 1], int(flat.widths[layer - 1])
        width = int(flat.widths[layer])
        matrix = flat.weights[start : start + below * width].reshape(below, width)
        weights.append(np.ascontiguousarray(matrix[np.ix_(live[layer - 1], live[layer])]))
    return flat._replace(
        units=len(kept),
        size=len(kept) + flat.domain.shape[1],
        widths=np.array([len(units) for units in live], dtype=np.int64),
        weight_starts=np.cumsum([0, *(matrix.size for matrix in weights)]).astype(np.int64),
        weights=np.concatenate([np.zeros(0), *(matrix.ravel() for matrix in weights)]),
        biases=flat.biases[chosen],
        lower=np.where(constant, slope, flat.lower[chosen]),
        upper=np.where(constant, slope, flat.upper[chosen]),
        bit=np.where(bends, number[bit], -1),
        first=np.ascontiguousarray(flat.first[:, live[0]]),
        first_error=flat.first_error[live[0]],
    )
