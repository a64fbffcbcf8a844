"""The regions beyond a decided region's facets, compiled."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.cells.vertices import row_type
from polyregions.compiled import exact_order_kernel
from polyregions.geometry.facet_crossing import DIRECTION_SCALE, bits_beyond_group
from polyregions.geometry.linear_forms import NOTHING, trace_sources
from polyregions.network.flat import FlatNetwork
from polyregions.pattern import Words, n_words
from polyregions.walk.region_kernel import NO_BASIS

__all__ = [
    "OPEN",
    "PROVEN",
    "Expansions",
    "batch",
    "write_degenerate",
    "write_simple",
    "write_tied",
]


PROVEN, OPEN = 0, 1


class Expansions(NamedTuple):
    """What expanding a run of consecutive regions gave.

    ``state[r]`` says whether region r of the batch was decided, ``exact[r]`` how many of
    its decisions took exact arithmetic; ``ends[r]`` is the
    end of its facets in ``children`` (patterns beyond), ``bases`` and ``points``
    (a vertex and a point of the shared facet).
    """

    state: NDArray[np.uint8]
    exact: NDArray[np.int64]
    ends: NDArray[np.int64]
    witnesses: Floats
    children: Words
    bases: NDArray[np.signedinteger[Any]]
    points: Floats


def batch(flat: FlatNetwork, regions: int, facets: int) -> Expansions:
    """Allocate room for a batch of `regions` with `facets` facets in all."""
    m = flat.dimension
    return Expansions(
        state=np.empty(regions, dtype=np.uint8),
        exact=np.empty(regions, dtype=np.int64),
        ends=np.empty(regions, dtype=np.int64),
        witnesses=np.empty((regions, m)),
        children=np.empty((facets, n_words(flat.units)), dtype=np.uint64),
        bases=np.empty((facets, m), dtype=row_type(flat.size)),
        points=np.empty((facets, m)),
    )


@exact_order_kernel
def write_simple(worker, count, words, used, result):
    """Write the neighbours of a simple region: one unit changes sign at each facet."""
    found, ids = worker.found, worker.ids
    for f in range(count):
        row = ids[found.rows[f]]
        for w in range(len(words)):
            result.children[used, w] = words[w]
        result.children[used, row >> 6] ^= np.uint64(1) << np.uint64(row & 63)
        for k in range(found.points.shape[1]):
            result.bases[used, k] = ids[found.bases[f, k]]
            result.points[used, k] = found.points[f, k]
        used += 1
    return used


@exact_order_kernel
def write_beyond(flat, modular, worker, f, column, used, result):
    """Write the neighbour beyond facet f, where the units in ``groups.touched`` vanish.

    `column` holds the facet's row. Returns how many signs took exact arithmetic, or -1
    if one stays undecided.
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
    for w in range(result.children.shape[1]):
        result.children[used, w] = np.uint64(0)
    for i in range(flat.units):
        result.children[used, i >> 6] |= np.uint64(groups.beyond[i]) << np.uint64(i & 63)
    for k in range(m):
        result.bases[used, k] = NO_BASIS
        result.points[used, k] = found.points[f, k]
    return exact


@exact_order_kernel
def write_tied(flat, modular, worker, count, used, result):
    """Write the neighbours of a region in which only the network's shape makes ties.

    Returns the end of what was written, or -1 if a sign stays undecided.
    ``groups.exact[0]`` counts the signs that took exact arithmetic.
    """
    groups = worker.groups
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
    """Write the neighbours of a degenerate region; return -1 if a sign stays undecided."""
    groups, found = worker.groups, worker.found
    for f in range(count):
        row = found.rows[f]
        for i in range(flat.units):
            groups.touched[i] = groups.leader[i] == row or groups.zero[i]
        exact = write_beyond(flat, modular, worker, f, row, used, result)
        if exact < 0:
            return -1
        groups.exact[0] += exact
        used += 1
    return used
