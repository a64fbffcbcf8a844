"""The regions beyond a decided region's facets, compiled."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Integers
from polyregions.cells.integer_polygon import INNER_DIGITS
from polyregions.cells.vertices import row_type
from polyregions.compiled import exact_order_kernel
from polyregions.geometry.facet_crossing import DIRECTION_SCALE, bits_beyond_group
from polyregions.geometry.linear_forms import NOTHING, trace_sources
from polyregions.network.flat import FlatNetwork
from polyregions.pattern import Words, n_words
from polyregions.walk.known_rows import words_known
from polyregions.walk.region_kernel import NO_BASIS

__all__ = [
    "OPEN",
    "PROVEN",
    "TOO_THIN",
    "Expansions",
    "batch",
    "pack_bits",
    "write_degenerate",
    "write_simple",
    "write_tied",
]


# states of a region of a batch; one that is TOO_THIN is PROVEN, but no float is known inside
PROVEN, OPEN, TOO_THIN = 0, 1, 2


class Expansions(NamedTuple):
    """What expanding a run of consecutive regions gave; facets follow one another in `children`."""

    state: NDArray[np.uint8]  # (r,): PROVEN, or OPEN where the kernel could not decide
    exact: NDArray[np.int64]  # (r,): decisions that took exact arithmetic
    ends: NDArray[np.int64]  # (r,): where the facets of each region end
    witnesses: Floats  # (r, m): a chart point inside
    inner: Integers  # (r, m, INNER_DIGITS): a point of a TOO_THIN region, exactly; none for m > 2
    children: Words  # (f, W): the pattern beyond each facet
    bases: NDArray[np.signedinteger[Any]]  # (f, m): rows of a vertex of it, or NO_BASIS first
    points: Floats  # (f, m): a point of it
    known: Words  # (f, K): what is proven of the rows beyond; see `walk.known_rows`


def batch(flat: FlatNetwork, regions: int, facets: int) -> Expansions:
    """Allocate room for a batch of `regions` with `facets` facets in all."""
    m = flat.dimension
    return Expansions(
        state=np.empty(regions, dtype=np.uint8),
        exact=np.empty(regions, dtype=np.int64),
        ends=np.empty(regions, dtype=np.int64),
        witnesses=np.empty((regions, m)),
        inner=np.empty((regions, m, INNER_DIGITS if m == 2 else 0), dtype=np.int64),
        children=np.empty((facets, n_words(flat.units)), dtype=np.uint64),
        bases=np.empty((facets, m), dtype=row_type(flat.size)),
        points=np.empty((facets, m)),
        known=np.zeros((facets, words_known(flat)), dtype=np.uint64),
    )


@exact_order_kernel
def pack_bits(bits, words):
    """Write a pattern, uint8 of shape (N,), as packed bits, uint64 of shape (W,)."""
    for w in range(len(words)):
        words[w] = np.uint64(0)
    for i in range(len(bits)):
        words[i >> 6] |= np.uint64(bits[i]) << np.uint64(i & 63)


@exact_order_kernel
def write_simple(worker, count, words, used, result):
    """Write the neighbours of a simple region: one unit changes sign at each facet.

    Parameters
    ----------
    worker : Worker
        ``found`` holds the facets, ``ids`` the rows of the columns.
    count : int
        How many facets.
    words : uint64 array, shape (W,)
        The region's pattern.
    used : int
        Where to write in `result`.
    result : Expansions, out

    Returns
    -------
    int
        The end of what was written.

    Notes
    -----
    A single row vanishes at such a facet, so beyond it the pattern differs in that bit alone:
    docs/mathematics.md, part 2.
    """
    found, ids = worker.found, worker.ids
    for f in range(count):
        row = ids[found.rows[f]]
        for w in range(len(words)):
            result.children[used, w] = words[w]
        result.children[used, row >> 6] ^= np.uint64(1) << np.uint64(row & 63)
        for k in range(found.points.shape[1]):
            # a basis by rows of the network: columns mean something else next door
            result.bases[used, k] = ids[found.bases[f, k]]
            result.points[used, k] = found.points[f, k]
        used += 1
    return used


@exact_order_kernel
def write_beyond(flat, modular, worker, f, column, used, result):
    """Write the neighbour beyond a facet on which several units vanish.

    Parameters
    ----------
    flat : FlatNetwork
    modular : ModularNetwork
    worker : Worker
        ``groups.touched`` are the units that vanish on the facet or all over the region.
    f : int
        Index of the facet in ``worker.found``.
    column : int
        Of the facet's row in ``worker.rows``.
    used : int
        Where to write in `result`.
    result : Expansions, out

    Returns
    -------
    int
        How many signs took exact arithmetic, or -1 if one stays undecided.

    Notes
    -----
    Signs beyond a facet are those along a ray that leaves through it, layer by layer:
    docs/mathematics.md, part 2.
    """
    groups, found = worker.groups, worker.found
    m = flat.dimension
    # small integers leave through the facet as well, and keep zero tests short
    for d in range(m):
        groups.inside[d] = np.round(-DIRECTION_SCALE * worker.rows[d, column])
    exact = bits_beyond_group(
        flat,
        modular,
        worker.scratch,
        groups.sources_beyond,
        groups.touched,
        groups.inside,
        worker.bits,
        groups.beyond,
    )
    pack_bits(groups.beyond, result.children[used])
    for k in range(m):
        # its rows may be tied next door as well: a vertex is sought afresh
        result.bases[used, k] = NO_BASIS
        result.points[used, k] = found.points[f, k]
    return exact


@exact_order_kernel
def write_tied(flat, modular, worker, count, used, result):
    """Write the neighbours of a region in which only the network's shape makes ties.

    Parameters
    ----------
    flat, modular, worker, count, used, result
        See `write_beyond` and `write_simple`.

    Returns
    -------
    int
        The end of what was written, or -1 if a sign stays undecided. ``groups.exact[0]``
        counts the signs that took exact arithmetic.
    """
    groups = worker.groups
    # units with one source are multiples of one another on this region
    trace_sources(flat, len(flat.widths), worker.bits, groups.sources)
    for f in range(count):
        column = worker.found.rows[f]
        source = groups.sources.source[flat.unit_of_row[worker.ids[column]]]
        for i in range(flat.units):
            other = groups.sources.source[flat.unit_of_row[i]]
            groups.touched[i] = other in (source, NOTHING)
        exact = write_beyond(flat, modular, worker, f, column, used, result)
        if exact < 0:
            return -1
        groups.exact[0] += exact
        used += 1
    return used


@exact_order_kernel
def write_degenerate(flat, modular, worker, count, used, result):
    """Write the neighbours of a degenerate region, whose facets belong to groups of rows.

    Parameters
    ----------
    flat, modular, worker, count, used, result
        See `write_beyond` and `write_simple`; ``groups.leader`` names the groups.

    Returns
    -------
    int
        The end of what was written, or -1 if a sign stays undecided.
    """
    groups, found = worker.groups, worker.found
    for f in range(count):
        row = found.rows[f]
        for i in range(flat.units):
            # a unit that vanishes all over the region may leave zero beyond
            groups.touched[i] = groups.leader[i] == row or groups.zero[i]
        exact = write_beyond(flat, modular, worker, f, row, used, result)
        if exact < 0:
            return -1
        groups.exact[0] += exact
        used += 1
    return used
