"""What is known of a region's rows: those kept from its prefix, and what its neighbours proved.

The rows of two regions inside one prefix differ by their signs only: the pattern of the
last layer has no say in its own rows.

A facet is seen from both sides: one that led into a region is a facet of it, and its edge is
written. And a row that is proven positive on one region, by multipliers of rows which have the
same sides on the next, is as positive there. So what is left to ask is about half of the rows.
Why both may be left out is part 8 of docs/mathematics.md.

What is known is two masks of W words for each region, side by side: facets that were seen from
the other side, then rows that carry none. In the plane there is nothing to tell (K = 0): a
polygon is walked round, corner by corner, and its corners are no multipliers.
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
from polyregions.pattern import n_words

__all__ = [
    "RowCache",
    "leave_known_out",
    "remember",
    "row_cache",
    "slot_of",
    "take_columns",
    "tell_neighbors",
    "words_known",
]

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
def remember(flat, number, columns, worker):
    """Keep rows, computed for ``worker.bits``, for the next region of a prefix.

    Parameters
    ----------
    flat : FlatNetwork
    number : int
        The prefix, or NONE.
    columns : int64 array, shape (k,)
        Columns of ``worker.rows``, in the order of the prefix's list.
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
    if number < 0 or len(columns) > cache.rows.shape[2]:
        return -1
    slot = number % len(cache.numbers)
    # void until it is whole: a row that must not be kept ends the loop
    cache.numbers[slot] = 0
    for t in range(len(columns)):
        if not keep_row(flat, worker, slot, columns[t], t):
            return -1
    cache.counts[slot] = len(columns)
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


def words_known(flat: FlatNetwork) -> int:
    """Return K, the number of words in which is written what is known of a region's rows."""
    return 0 if flat.dimension == 2 else 2 * n_words(flat.units)


@inlined_exact_order_kernel
def answers(known, row):
    """Return whether a row is known to carry a facet, and whether to carry none.

    Of a row of the domain that means nothing.
    """
    half = len(known) // 2
    if half == 0:
        return False, False
    word, bit = min(row >> 6, half - 1), np.uint64(row & 63)
    facet = (known[word] >> bit) & np.uint64(1) != 0
    return facet, (known[half + word] >> bit) & np.uint64(1) != 0


@exact_order_kernel
def leave_known_out(flat, ids, count, known, order):
    """Sort listed rows: those to be asked about first, those that only bound behind them.

    Rows that are known to carry no facet are left out.

    Parameters
    ----------
    flat : FlatNetwork
    ids : int64 array
    count : int
        How many rows are listed in `ids`.
    known : uint64 array, shape (K,)
    order : int64 array, shape (at least count + 1,), out
        Where in the list the rows that stay are.

    Returns
    -------
    count : int
        How many rows are left.
    asked : int
        How many of these are asked about.

    Notes
    -----
    *Invariant.* Places below `asked` are of units of which nothing is known, those up to `end`
    of rows that bound the region and are not asked about: known facets, and the domain's.
    """
    # every row is written, and those that belong are counted: branches would be mispredicted.
    # The domain's rows are never asked about: beyond them is no region
    asked = 0
    for c in range(count):
        facet, redundant = answers(known, ids[c])
        order[asked] = c
        asked += (ids[c] < flat.units) & ~(facet | redundant)
    end = asked
    for c in range(count):
        facet, redundant = answers(known, ids[c])
        order[end] = c
        end += (ids[c] >= flat.units) | facet
    return end, asked


@exact_order_kernel
def tell_neighbors(flat, asked, worker, begin, end, result):
    """Write what a decided region has proven of the rows beyond its facets.

    Parameters
    ----------
    flat : FlatNetwork
    asked : int
        The first columns of ``worker.rows``, which were asked about; ``worker.found`` holds the
        answers.
    worker : Worker
    begin, end : int
        Where its facets are in `result`.
    result : Expansions, out
        ``known`` is written.

    Notes
    -----
    *Algorithm.* Beyond a facet of the last layer all rows are the same, but for the side of the
    one that is crossed. So a row with multipliers on other rows carries no facet there, either.
    """
    found, ids, used_by = worker.found, worker.ids, worker.used_by
    half = result.known.shape[1] // 2
    if half == 0:
        return
    # rows below this one have a say in those of the layers above
    last = 0
    for row_end in flat.row_ends:
        if row_end < flat.units:
            last = max(last, row_end)
    supports = found.supports
    dropped = worker.dropped
    for w in range(half):
        dropped[w] = np.uint64(0)
    # only of facets it matters what they helped to prove
    for f in range(end - begin):
        for w in range(half):
            used_by[found.rows[f], w] = np.uint64(0)
    for c in range(asked):
        # a support: it is proven to carry no facet
        if supports[c, 0] >= 0:
            word, bit = ids[c] >> 6, np.uint64(1) << np.uint64(ids[c] & 63)
            dropped[word] |= bit
            for k in range(supports.shape[1]):
                used_by[supports[c, k], word] |= bit
    for f in range(end - begin):
        column = found.rows[f]
        row = ids[column]
        own = result.known[begin + f]
        for w in range(half):
            own[w] = np.uint64(0)
            # below the last layer more than one row changes beyond a facet
            own[half + w] = dropped[w] & ~used_by[column, w] if row >= last else np.uint64(0)
        # the facet itself, seen from the other side
        own[row >> 6] = np.uint64(1) << np.uint64(row & 63)
