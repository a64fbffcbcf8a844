"""Prefixes of patterns: some bits are given, the others are free; and the order of units in a tree.

A prefix decides the units of whole layers and some of the next one. So the units up to that
layer are affine below it, and what is below it is an open convex polytope of the domain.

In a tree level 0 is the domain, without units; level l > 0 is layer l - 1 of the flat network.
"""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyregions.arrays import Bits
from polyregions.compiled import inlined_exact_order_kernel
from polyregions.network.flat import FlatNetwork
from polyregions.pattern import Words, n_words, pack, unpack

__all__ = [
    "Prefix",
    "UnitOrder",
    "allows",
    "as_prefix",
    "bit_of",
    "contains",
    "decided_units",
    "decides",
    "empty_prefix",
    "end_of",
    "extended",
    "first_units",
    "last_level",
    "n_decided",
    "order_of",
    "unpack_prefix",
    "with_bit",
]


class Prefix(NamedTuple):
    """The bits of some units, packed as in a pattern.

    Attributes
    ----------
    mask : numpy.ndarray of uint64, shape (W,)
        1 for every unit that it decides.
    value : numpy.ndarray of uint64, shape (W,)
        The bits of these units; 0 for all others.
    """

    mask: Words
    value: Words


def empty_prefix(units: int) -> Prefix:
    """Return the prefix that decides none of so many units."""
    words = n_words(units)
    return Prefix(np.zeros(words, dtype=np.uint64), np.zeros(words, dtype=np.uint64))


def as_prefix(decided: ArrayLike, bits: ArrayLike) -> Prefix:
    """Return the prefix that decides some units as a pattern's bits say.

    Parameters
    ----------
    decided : array_like of bool, shape (N,)
    bits : array_like of bool or int, shape (N,)
        Of no meaning where a unit is not decided.

    Examples
    --------
    >>> as_prefix([1, 1, 0], [0, 1, 1])
    Prefix(mask=array([3], dtype=uint64), value=array([2], dtype=uint64))
    """
    mask = np.asarray(decided) != 0
    return Prefix(*pack(np.stack([mask, mask & (np.asarray(bits) != 0)])))


def first_units(count: int, bits: Bits) -> Prefix:
    """Return the prefix that decides the first units as a pattern's bits say."""
    return as_prefix(np.arange(len(bits)) < count, bits)


def unpack_prefix(prefix: Prefix, units: int) -> Bits:
    """Return which of so many units are decided, and their bits, shape (2, N)."""
    return unpack(np.stack(prefix), units)


def decided_units(prefix: Prefix, units: int) -> NDArray[np.intp]:
    """Return the numbers of the units that are decided, ascending."""
    return np.flatnonzero(unpack(prefix.mask, units))


def n_decided(prefix: Prefix) -> int:
    """Return how many units a prefix decides.

    Examples
    --------
    >>> n_decided(as_prefix([1, 0, 1], [0, 0, 0]))
    2
    """
    return sum(word.bit_count() for word in prefix.mask.tolist())


def with_bit(prefix: Prefix, unit: int, bit: int) -> Prefix:
    """Return the prefix that decides one unit more, or the same one anew."""
    mask, value = prefix.mask.copy(), prefix.value.copy()
    word, place = unit >> 6, np.uint64(1) << np.uint64(unit & 63)
    mask[word] |= place
    value[word] = value[word] | place if bit else value[word] & ~place
    return Prefix(mask, value)


def extended(
    prefix: Prefix, bits: Bits, units: NDArray[np.integer], free: NDArray[np.integer]
) -> Prefix:
    """Return the prefix that also decides some units as `bits` say, except those in `free`."""
    decided, values = unpack_prefix(prefix, len(bits))
    more = np.zeros(len(bits), dtype=bool)
    more[units] = True
    more[free] = False
    return as_prefix(decided | more, np.where(more, bits, values))


def contains(prefix: Prefix, patterns: Words) -> NDArray[np.bool_]:
    """Return which packed patterns, shape (..., W), begin with a prefix.

    Examples
    --------
    >>> contains(as_prefix([1, 1, 0], [0, 1, 0]), pack([[0, 1, 0], [0, 1, 1], [1, 1, 0]]))
    array([ True,  True, False])
    """
    return np.asarray((patterns & prefix.mask == prefix.value).all(axis=-1))


@inlined_exact_order_kernel
def decides(prefix, unit):
    """Return whether a prefix gives the bit of a unit.

    Parameters
    ----------
    prefix : Prefix
    unit : int

    Returns
    -------
    bool
    """
    return (prefix.mask[unit >> 6] >> np.uint64(unit & 63)) & np.uint64(1) != 0


@inlined_exact_order_kernel
def bit_of(prefix, unit):
    """Return the bit that a prefix gives to a unit, or 0; see `decides`."""
    return np.int64((prefix.value[unit >> 6] >> np.uint64(unit & 63)) & np.uint64(1))


@inlined_exact_order_kernel
def allows(prefix, unit, bit):
    """Return whether a region whose bit of a unit is `bit` can be below a prefix; see `decides`."""
    return not decides(prefix, unit) or bit_of(prefix, unit) == bit


class UnitOrder(NamedTuple):
    """An order of units, layer by layer.

    Attributes
    ----------
    sequence, rank : int64 arrays, shape (N,)
        The unit bits in the order of the tree, and its inverse.
    starts : int64 array, shape (L + 1,)
        Where each level begins in ``sequence``.
    bases : int64 array, shape (L,)
        The number of each level's first unit.
    """

    sequence: NDArray[np.int64]
    rank: NDArray[np.int64]
    starts: NDArray[np.int64]
    bases: NDArray[np.int64]


def order_of(flat: FlatNetwork, sequence: NDArray[np.int64]) -> UnitOrder:
    """Return the order that visits the units, layer by layer, in a sequence."""
    rank = np.zeros(flat.units, dtype=np.int64)
    rank[sequence] = np.arange(flat.units)
    return UnitOrder(
        sequence=sequence,
        rank=rank,
        starts=np.array([0, 0, *flat.row_ends.tolist()], dtype=np.int64),
        bases=np.array([0, 0, *accumulate(flat.widths[:-1].tolist())], dtype=np.int64),
    )


def last_level(starts: NDArray[np.int64]) -> int:
    """Return the last level that has units: its cells are the regions."""
    ends: list[int] = starts.tolist()
    return ends.index(ends[-1]) - 1


def end_of(prefix: Prefix, rank: NDArray[np.int64]) -> int:
    """Return where a prefix ends in the order: behind its last decided unit."""
    if not prefix.mask.any():
        return 0
    return int(rank[decided_units(prefix, len(rank))].max(initial=-1)) + 1
