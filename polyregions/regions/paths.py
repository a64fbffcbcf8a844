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
    """Return how many facets must be crossed from one region to every region.

    Parameters
    ----------
    regions : Regions
    start : int
        The number of a region; that of a point is ``regions.find(x)``.

    Returns
    -------
    numpy.ndarray of int64, shape (R,)
        -1 where no path leads inside a partial result, whose distances may be longer than those
        of the complete one.

    Raises
    ------
    PolyregionsError
        If there is no such region.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> pr.enumerate_regions(net, pr.Box.cube(1, 1.0)).graph_distances(0)
    array([0, 1, 2])
    """
    found, _ = _search(regions, _number(regions, start))
    return np.where(np.isfinite(found), found, -1).astype(np.int64)


def shortest_path(regions: Regions, start: SupportsIndex, end: SupportsIndex) -> list[int]:
    """Return the numbers of regions on a path that crosses as few facets as possible.

    Parameters
    ----------
    regions : Regions
    start, end : int
        Numbers of regions; that of a point is ``regions.find(x)``.

    Returns
    -------
    list of int
        From `start` to `end`, both included; each shares a facet with the next. In a partial
        result the shortest inside it.

    Raises
    ------
    PolyregionsError
        If there is no such region.
    PartialResultError
        If no path leads there inside a partial result.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> regions = pr.enumerate_regions(net, pr.Box.cube(1, 1.0))
    >>> regions.shortest_path(2, 0)
    [2, 1, 0]
    """
    first, last = _number(regions, start), _number(regions, end)
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


def _number(regions: Regions, value: SupportsIndex) -> int:
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
