"""What a region's neighbours have proven of its rows, so that it is not asked again.

A facet is seen from both sides: one that led into a region is a facet of it, and its edge is
written. And a row that is proven positive on one region, by multipliers of rows which have the
same sides on the next, is as positive there. So what is left to ask is about half of the rows.
Why both may be left out is part 8 of docs/mathematics.md.

What is known is two masks of W words for each region, side by side: facets that were seen from
the other side, then rows that carry none. In the plane there is nothing to tell (K = 0): a
polygon is walked round, corner by corner, and its corners are no multipliers.
"""

from __future__ import annotations

import numpy as np

from polyregions.compiled import exact_order_kernel, inlined_exact_order_kernel
from polyregions.network.flat import FlatNetwork
from polyregions.pattern import n_words

__all__ = ["leave_known_out", "tell_neighbors", "words_known"]


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
