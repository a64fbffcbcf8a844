"""The graph of the regions as sparse arrays, and what can be read off it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.csgraph import dijkstra

from polyregions.arrays import Integers
from polyregions.errors import DomainError, PartialResultError
from polyregions.network import input_point
from polyregions.regions import Regions, check_regions
from polyregions.regions.cell_rows import lowest_units

__all__ = [
    "DistanceStatistics",
    "adjacency",
    "degrees",
    "distance_statistics",
    "facet_unit",
    "facet_units",
    "layer_of_unit",
    "region_of",
    "require_complete",
    "shortest_path",
    "walk_layers",
]


def require_complete(regions: Regions, purpose: str) -> None:
    """Refuse a result that is not complete for questions that it cannot answer.

    Raises
    ------
    PartialResultError
        If the enumeration was stopped early, or the regions are a selection.
    """
    check_regions(regions)
    if regions.selection:
        raise PartialResultError(
            f"{purpose} need every region, but these are a selection; pass the whole result"
        )
    if not regions.complete:
        raise PartialResultError(
            f"{purpose} need every region, but this result is partial; "
            f"enumerate without a limit first"
        )


def adjacency(regions: Regions) -> sp.csr_array:
    """Return the symmetric adjacency matrix of the regions.

    Parameters
    ----------
    regions : Regions

    Returns
    -------
    scipy.sparse.csr_array of bool, shape (R, R)
        Sorted indices.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> adjacency(pr.enumerate_regions(net, pr.Box.cube(1, 1.0))).astype(int).toarray()
    array([[0, 1, 0],
           [1, 0, 1],
           [0, 1, 0]])
    """
    check_regions(regions)
    low, high = regions.edges[:, 0], regions.edges[:, 1]
    ends = (np.concatenate([low, high]), np.concatenate([high, low]))
    size = len(regions)
    matrix = sp.csr_array((np.ones(2 * len(low), dtype=bool), ends), shape=(size, size))
    matrix.sort_indices()
    return matrix


def degrees(regions: Regions) -> Integers:
    """Return the number of neighbours of each region.

    Parameters
    ----------
    regions : Regions

    Returns
    -------
    numpy.ndarray of int64, shape (R,)

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> degrees(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)))
    array([1, 2, 1])
    """
    check_regions(regions)
    return np.bincount(regions.edges.ravel(), minlength=len(regions)).astype(np.int64)


def facet_unit(regions: Regions) -> Integers:
    """Return, per edge, the lowest unit that switches across it, shape (E,).

    Where several units switch together, the rows of the lowest depend on bits that
    both regions share, so it describes the facet's hyperplane on both sides.
    """
    check_regions(regions)
    return lowest_units(regions, np.arange(len(regions.edges)))


def facet_units(regions: Regions) -> list[list[int]]:
    """Return, per region, one unit for each of its facets inside the domain, sorted."""
    lowest = facet_unit(regions)
    units: list[list[int]] = [[] for _ in range(len(regions))]
    for (i, j), unit in zip(regions.edges.tolist(), lowest.tolist(), strict=True):
        units[i].append(unit)
        units[j].append(unit)
    return [sorted(set(of_region)) for of_region in units]


def layer_of_unit(widths: Sequence[int]) -> Integers:
    """Return the bent layer (0, 1, …) of each unit, shape (N,).

    Examples
    --------
    >>> layer_of_unit((2, 1))
    array([0, 0, 1])
    """
    return np.repeat(np.arange(len(widths)), widths).astype(np.int64)


def region_of(regions: Regions, x: ArrayLike) -> int:
    """Return the index of the region that an input lies in.

    Raises
    ------
    DomainError
        If the input lies outside the domain, or on a boundary between regions where its
        pattern is no region's.
    NetworkError
        If it is no input: no finite real numbers, or of another length.
    """
    check_regions(regions)
    point = input_point(regions.network, x)
    index = int(regions.find(point))
    if index >= 0:
        return index
    if regions.domain is not None and not regions.domain.closure_contains(point[None, :])[0]:
        raise DomainError("the input lies outside the domain; give one inside")
    raise DomainError(
        "the input has the pattern of no region of this result: it lies on a boundary, "
        "or the result is partial; move it a little"
    )


@dataclass(frozen=True)
class DistanceStatistics:
    """Distances in the graph of regions, counted in facets crossed.

    Attributes
    ----------
    mean, largest : float, int
        Over the pairs measured.
    sources : int
        Distances were measured from so many regions to all; from all R regions the
        values are exact, and `largest` is the graph's diameter.
    """

    mean: float
    largest: int
    sources: int


def distance_statistics(regions: Regions, *, sources: int | None = None) -> DistanceStatistics:
    """Return statistics of the distances between regions.

    Parameters
    ----------
    regions : Regions
    sources : int, optional
        Measure from so many regions, evenly spaced in the order of the result; from all
        by default, which takes time proportional to R times the number of edges.

    Returns
    -------
    DistanceStatistics

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> distance_statistics(pr.enumerate_regions(net, pr.Box.cube(1, 1.0))).largest
    2
    """
    check_regions(regions)
    size = len(regions)
    count = size if sources is None else max(1, min(sources, size))
    chosen = np.linspace(0, size - 1, count).astype(np.int64)
    matrix = adjacency(regions)
    total, largest, pairs = 0.0, 0.0, 0
    for start in range(0, count, 64):
        distance = _steps_from(matrix, chosen[start : start + 64])
        reached = distance[np.isfinite(distance)]
        total, largest = total + float(reached.sum()), max(largest, float(reached.max()))
        pairs += len(reached) - len(distance)
    return DistanceStatistics(total / max(1, pairs), int(largest), count)


def shortest_path(regions: Regions, start: int, end: int) -> list[int]:
    """Return the regions on a shortest way from one region to another, both included.

    Parameters
    ----------
    regions : Regions
    start, end : int
        Numbers of regions; those of two inputs are ``region_of(regions, x)``.

    Returns
    -------
    list of int

    Raises
    ------
    PolyregionsError
        If there is no such region.
    PartialResultError
        If a partial result does not connect them.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> shortest_path(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)), 0, 2)
    [0, 1, 2]
    """
    check_regions(regions)
    return regions.shortest_path(start, end)


def walk_layers(regions: Regions, start: int) -> Integers:
    """Return each region's distance from a region, counted in facets crossed.

    Parameters
    ----------
    regions : Regions
    start : int
        Number of a region.

    Returns
    -------
    numpy.ndarray of int64, shape (R,)
        -1 where a partial result does not connect them.

    Raises
    ------
    PolyregionsError
        If there is no such region.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> walk_layers(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)), 0)
    array([0, 1, 2])
    """
    check_regions(regions)
    return regions.graph_distances(start)


def _steps_from(matrix: sp.csr_array, sources: Integers) -> NDArray[np.float64]:
    """Return the numbers of steps from each source, shape (k, R), inf if not reached."""
    weighted: Any = matrix.astype(np.float64)
    return np.asarray(dijkstra(weighted, indices=sources, unweighted=True))
