"""Graph distances between regions, and paths that cross as few facets as possible."""

from __future__ import annotations

from operator import index as operator_index
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np

from polyregions.arrays import Floats, Integers
from polyregions.errors import PartialResultError, PolyregionsError, kind_of

if TYPE_CHECKING:
    from polyregions.regions.regions import Regions

__all__ = ["graph_distances", "shortest_path"]


def graph_distances(regions: Regions, start: SupportsIndex) -> Integers:
    """See :meth:`polyregions.Regions.graph_distances`."""
    found, _ = _search(regions, _checked_number(regions, start))
    return np.where(np.isfinite(found), found, -1).astype(np.int64)


def shortest_path(regions: Regions, start: SupportsIndex, end: SupportsIndex) -> list[int]:
    """See :meth:`polyregions.Regions.shortest_path`."""
    first, last = _checked_number(regions, start), _checked_number(regions, end)
    # from the end: what was before a region is then the next one on the way there
    distances, following = _search(regions, last)
    if not np.isfinite(distances[first]):
        raise PartialResultError(
            f"no path leads from region {first} to {last} inside this partial result; enumerate "
            f"more, or search with pr.shortest_path(network, a, b)"
        )
    numbers = [first]
    while numbers[-1] != last:
        numbers.append(int(following[numbers[-1]]))
    return numbers


def _search(regions: Regions, start: int) -> tuple[Floats, Integers]:
    """Return all distances from a region, infinite where no path leads, and the regions before."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra

    ends = regions.edges.T
    size = len(regions)
    graph = coo_array((np.ones(len(regions.edges)), tuple(ends)), shape=(size, size)).tocsr()
    distances, before = dijkstra(
        graph,
        directed=False,
        indices=np.array([start]),
        unweighted=True,
        return_predecessors=True,
    )
    return distances[0], before[0].astype(np.int64)


def _checked_number(regions: Regions, value: SupportsIndex) -> int:
    try:
        number = operator_index(value)
    except TypeError:
        raise PolyregionsError(
            f"a region is named by its number, not by {kind_of(value)}; that of a point is "
            f"regions.find(x)"
        ) from None
    if not 0 <= number < len(regions):
        hint = "; regions.find(x) is -1 where a point is in no region" if number == -1 else ""
        raise PolyregionsError(
            f"there is no region {number}: this result holds {len(regions)}, numbered from 0{hint}"
        )
    return number
