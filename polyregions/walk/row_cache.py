"""Rows kept for the next region of the same prefix.

The rows of two regions inside one prefix differ by their signs only: the pattern of the
last layer has no say in its own rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Integers
from polyregions.cells.dictionary import HUGE
from polyregions.compiled import exact_order_kernel, inlined_exact_order_kernel
from polyregions.geometry.rows import LOST
from polyregions.network.flat import FlatNetwork

__all__ = ["RowCache", "keep_row", "remember", "row_cache", "slot_of", "take_columns"]


# Hints: lists that are longer are computed anew each time; numbers in a cache (16 MB).
_CACHED_ROWS = 64
_CACHED_ENTRIES = 2**21


class RowCache(NamedTuple):
    """The rows of some prefixes' lists, signed as if all units were active; by number modulo."""

    numbers: Integers  # (slots,): 1 plus the prefix in each slot, or 0
    counts: Integers  # (slots,): how long its list is
    ids: Integers  # (slots, longest): the list
    rows: NDArray[np.float64]  # (slots, m + 1, longest): the rows as columns
    errors: NDArray[np.float64]  # (slots, longest)


def row_cache(flat: FlatNetwork) -> RowCache:
    """Allocate room for the rows of some prefixes: more than one step of the walk meets."""
    longest = min(flat.size, _CACHED_ROWS)
    slots = max(1, _CACHED_ENTRIES // ((flat.dimension + 3) * longest))
    # so many patterns have the layers below the last: prefixes of one level are no more
    below = int(max((end for end in flat.row_ends.tolist() if end < flat.units), default=0))
    slots = min(slots, 2 << min(below, 62))
    return RowCache(
        numbers=np.zeros(slots, dtype=np.int64),
        counts=np.empty(slots, dtype=np.int64),
        ids=np.empty((slots, longest), dtype=np.int64),
        rows=np.empty((slots, flat.dimension + 1, longest)),
        errors=np.empty((slots, longest)),
    )


@exact_order_kernel
def keep_row(flat, worker, slot, c, position):
    """Copy a computed row to the cache.

    Parameters
    ----------
    flat : FlatNetwork
    worker : Worker, out
    slot : int
        Of the cache.
    c : int
        The row's column in ``worker.rows``.
    position : int
        Its place in the slot.

    Returns
    -------
    bool
        False if it must not be kept.
    """
    cache = worker.cache
    row, error = worker.ids[c], worker.errors[c]
    # kept with the sign of an active unit; the domain's rows have but one
    sign = 1.0
    if row < flat.units:
        if error in (0.0, LOST, HUGE):
            return False  # the sign of a constant is part of its proof
        if worker.bits[row] == 0:
            sign = -1.0
    for d in range(flat.dimension + 1):
        cache.rows[slot, d, position] = sign * worker.rows[d, c]
    cache.errors[slot, position] = error
    cache.ids[slot, position] = row
    return True


@exact_order_kernel
def remember(flat, number, count, worker):
    """Keep the listed rows, computed for ``worker.bits``, for the next region of a prefix.

    Parameters
    ----------
    flat : FlatNetwork
    number : int
        The prefix, or NONE.
    count : int
        How many rows are listed.
    worker : Worker, out

    Returns
    -------
    int
        The slot of the cache, or -1 if they cannot be kept.

    Notes
    -----
    The rows of two regions inside one prefix differ by signs only: the last layer's own bits
    have no say in its rows. So they are as proven for the next region, errors included.
    """
    cache = worker.cache
    if number < 0 or count > cache.rows.shape[2]:
        return -1
    slot = number % len(cache.numbers)
    # void until it is whole: a row that must not be kept ends the loop
    cache.numbers[slot] = 0
    for c in range(count):
        if not keep_row(flat, worker, slot, c, c):
            return -1
    cache.counts[slot] = count
    cache.numbers[slot] = number + 1
    return slot


@inlined_exact_order_kernel
def slot_of(cache, number):
    """Return the slot of the cache that holds a prefix's rows, or -1."""
    slot = number % len(cache.numbers)
    return slot if number >= 0 and cache.numbers[slot] == number + 1 else -1


@exact_order_kernel
def take_columns(source, ids, count, worker):
    """Write some of the rows at hand, in another order and with other signs.

    Parameters
    ----------
    source : Rows
    ids : int64 array
        The row of the network in each of its columns.
    count : int
        How many are taken: column ``worker.order[c]`` becomes column c, multiplied by
        ``worker.signs[c]``, 1 or -1, which changes no rounding.
    worker : Worker, in and out
    """
    order, signs = worker.order, worker.signs
    for c in range(count):
        worker.ids[c] = ids[order[c]]
        worker.errors[c] = source.errors[order[c]]
    for d in range(len(source.values)):
        own, rows = source.values[d], worker.rows[d]
        for c in range(count):
            rows[c] = signs[c] * own[order[c]]
