"""The order in which a tree decides units.

Level 0 is the domain, without units; level l > 0 is layer l - 1 of the flat network.
"""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.network.flat import FlatNetwork
from polyregions.network.prefix import Prefix, decided_units

__all__ = ["UnitOrder", "end_of", "last_level", "order_of"]


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
