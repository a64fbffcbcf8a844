"""The order in which a tree decides units, and the prefixes of patterns in it.

Level 0 is the domain, without units; level l > 0 is layer l - 1 of the flat network. A
prefix gives the bits of the first units of the order; of its last layer some may be open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.compiled import inlined_exact_order_kernel
from polyregions.network.flat import FlatNetwork

__all__ = [
    "FREE",
    "Prefix",
    "UnitOrder",
    "agrees",
    "as_prefix",
    "is_open",
    "last_level",
    "order_of",
    "write_prefix",
]

Prefix = tuple[int, ...]

# the mark of a unit that a prefix does not decide
FREE = 2


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
        starts=np.concatenate([[0, 0], flat.row_ends]).astype(np.int64),
        bases=np.concatenate([[0, 0], np.cumsum(flat.widths)[:-1]]).astype(np.int64),
    )


def last_level(starts: NDArray[np.int64]) -> int:
    """Return the last level that has units: its cells are the regions."""
    return int(np.flatnonzero(np.diff(starts))[-1])


def write_prefix(prefix: Sequence[int], marks: NDArray[np.uint8]) -> int:
    """Write a prefix as marks, one for each unit in order; return where it ends."""
    marks[:] = FREE
    marks[: len(prefix)] = prefix
    decided = np.flatnonzero(marks != FREE)
    return int(decided[-1]) + 1 if len(decided) else 0


def as_prefix(marks: NDArray[np.uint8]) -> Prefix:
    """Return marks as a prefix, which ends with its last decided unit.

    Examples
    --------
    >>> as_prefix(np.array([1, FREE, 0, FREE], dtype=np.uint8))
    (1, 2, 0)
    """
    decided = np.flatnonzero(marks != FREE)
    return tuple(marks[: decided[-1] + 1].tolist()) if len(decided) else ()


@inlined_exact_order_kernel
def is_open(fixed, end, place):
    """Return whether the prefix `fixed`, which ends at `end`, leaves a place open."""
    return place >= end or fixed[place] == FREE


@inlined_exact_order_kernel
def agrees(fixed, end, place, bit):
    """Return whether the prefix `fixed`, which ends at `end`, allows a bit at a place."""
    return place >= end or fixed[place] == FREE or fixed[place] == bit
