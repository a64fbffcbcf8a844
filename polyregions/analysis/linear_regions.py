"""Linear regions: which activation regions are one and the same affine piece.

Six notions of "region" are in use (Stargalla, Hertrich & Reichman 2025, arXiv
2505.16716); R6 <= R5 <= R4 <= R3 <= R2 <= R1:

* R1: activation patterns of all points, lower-dimensional sets included;
* R2: activation regions, what an enumeration returns;
* R3: fewest convex pieces of full dimension on which the function is affine;
* R4: maximal open connected sets on which it is affine;
* R5: the same, closed and connected;
* R6: maximal sets on which it is one affine function, connected or not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import flint
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from polyregions.analysis.adjacency import adjacency, facet_units, require_complete
from polyregions.analysis.contact import common_point
from polyregions.analysis.equal_maps import equal_map_classes
from polyregions.domain.chart import Chart, chart_of
from polyregions.exact.facets import interior_point
from polyregions.exact.simplex import Column, Row
from polyregions.network.exact_network import ExactNetwork, exact_network, exact_rows
from polyregions.pattern import unpack
from polyregions.regions import Regions
from polyregions.run.given import DomainLike, NetworkLike, domain_given, network_given

__all__ = ["R3_NOT_COMPUTED", "LinearRegions", "count_all_patterns", "linear_regions"]

Labels = NDArray[np.int64]

R3_NOT_COMPUTED = (
    "not computed: the fewest convex pieces of a set is a minimum partition problem, "
    "NP-hard in general; it lies between R4 and R2"
)


@dataclass(frozen=True, eq=False)
class LinearRegions:
    """Labels that merge activation regions into linear regions.

    Attributes
    ----------
    regions : Regions
    open : numpy.ndarray of int64, shape (R,)
        R4: equal for activation regions in one open connected affine piece.
    closed : numpy.ndarray of int64, shape (R,)
        R5: equal for those in one closed connected affine piece.
    by_map : numpy.ndarray of int64, shape (R,)
        R6: equal for those with exactly the same affine map.
    """

    regions: Regions
    open: Labels
    closed: Labels
    by_map: Labels

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of regions R2, R4, R5 and R6."""
        return {
            "R2": len(self.regions),
            "R4": _number(self.open),
            "R5": _number(self.closed),
            "R6": _number(self.by_map),
        }

    @property
    def chain_holds(self) -> bool:
        """Whether R6 <= R5 <= R4 <= R2, as it must be."""
        return sorted(self.counts.values(), reverse=True) == list(self.counts.values())


def linear_regions(regions: Regions) -> LinearRegions:
    """Merge activation regions into linear regions, exactly.

    Parameters
    ----------
    regions : Regions
        A complete result.

    Returns
    -------
    LinearRegions
        Labels count from 0 in the order of first appearance.

    Raises
    ------
    PartialResultError
        If the enumeration was stopped early.

    Notes
    -----
    *Algorithm.* R6: equality of maps modulo primes
    (:func:`~polyregions.analysis.equal_maps.equal_map_classes`). R4: components of the
    graph of facets between regions of one map; an open set on which f is affine and
    that holds a point of a smaller face holds all regions around it, which are
    connected through facets. R5: components of one map are joined where closed
    polytopes meet inside the open domain, an exact linear program. The regions that
    touch a given one are connected through facets among themselves, so only a region's
    surroundings are searched.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [-1.0]], [0.0, 0.0]), ([[1.0, -1.0]], [0.0])])
    >>> linear_regions(pr.enumerate_regions(net, pr.Box.cube(1, 1.0))).counts
    {'R2': 2, 'R4': 1, 'R5': 1, 'R6': 1}
    """
    require_complete(regions, "linear regions")
    by_map = equal_map_classes(regions)
    open_labels = _open_pieces(regions, by_map)
    closed = _closed_pieces(regions, by_map, open_labels)
    return LinearRegions(regions, open_labels, closed, by_map)


def count_all_patterns(network: NetworkLike, domain: DomainLike) -> int:
    """Return R1: how many patterns in {0, 1}^N the points of the open domain have.

    Meant for small networks: the time is proportional to N times the result.

    Notes
    -----
    *Algorithm.* Patterns are extended unit by unit; a prefix is kept if some point of
    any dimension has it, an exact linear program with weak rows (bit 0: the unit is
    <= 0) and strict rows (bit 1: it is > 0).

    Examples
    --------
    The point where both units of σ(x), σ(-x) vanish is a pattern of its own:

    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [-1.0]], [0.0, 0.0]), ([[1.0, -1.0]], [0.0])])
    >>> count_all_patterns(net, pr.Box.cube(1, 1.0))
    3
    """
    network = network_given(network)
    domain = domain_given(domain, network.input_dimension)
    exact = exact_network(network, chart_of(domain, network.input_dimension))
    walls = [list(row) for row in exact.chart.rows.tolist()]
    start = _inside(exact.chart)
    total = 0
    waiting: list[list[int]] = [[]]
    while waiting:
        prefix = waiting.pop()
        if len(prefix) == exact.hidden_units:
            total += 1
            continue
        for bit in (0, 1):
            bits = [*prefix, bit]
            # the rows of the first units do not depend on the bits that follow
            rows = exact_rows(exact, bits + [0] * (exact.hidden_units - len(bits)))
            weak = [row for row, active in zip(rows, bits, strict=False) if not active]
            strict = [row for row, active in zip(rows, bits, strict=False) if active]
            if common_point(weak, walls + strict, start) is not None:
                waiting.append(bits)
    return total


def _number(labels: Labels) -> int:
    return len(np.unique(labels))


def _open_pieces(regions: Regions, by_map: Labels) -> Labels:
    edges = regions.edges[by_map[regions.edges[:, 0]] == by_map[regions.edges[:, 1]]]
    return _components(len(regions), edges)


def _components(size: int, edges: NDArray[np.integer]) -> Labels:
    ones = np.ones(len(edges), dtype=bool)
    graph = sp.coo_array((ones, (edges[:, 0], edges[:, 1])), shape=(size, size))
    labels = connected_components(graph, directed=False)[1]
    return np.asarray(labels, dtype=np.int64)


def _closed_pieces(regions: Regions, by_map: Labels, pieces: Labels) -> Labels:
    """Join pieces of one map that touch; return a label per region."""
    sizes = np.bincount(pieces)
    maps = np.empty(len(sizes), dtype=np.int64)
    maps[pieces] = by_map
    many = np.bincount(maps)[maps] > 1  # pieces that share their map with another
    if not many.any():
        return pieces
    # of two pieces that touch one is searched: the largest of each map never is
    largest = {int(maps[piece]): int(piece) for piece in np.argsort(sizes) if many[piece]}
    search = many.copy()
    search[list(largest.values())] = False
    touch = _Touching(regions)
    links = []
    for index in np.flatnonzero(search[pieces]).tolist():
        seen = touch.around(index)
        links += [(index, other) for other in seen if by_map[other] == by_map[index]]
    same_piece = regions.edges[pieces[regions.edges[:, 0]] == pieces[regions.edges[:, 1]]]
    joined = np.concatenate([same_piece, np.array(links, dtype=np.int64).reshape(-1, 2)])
    return _components(len(regions), joined)


class _Touching:
    """Finds the regions whose closures meet a region's closure inside the open domain."""

    def __init__(self, regions: Regions) -> None:
        network = regions.network
        self.regions = regions
        self.exact = exact_network(network, chart_of(regions.domain, network.input_dimension))
        self.walls = [list(row) for row in self.exact.chart.rows.tolist()]
        self.start = _inside(self.exact.chart)
        self.graph = adjacency(regions)
        self.units = facet_units(regions)
        self.rows: dict[int, list[Row]] = {}

    def around(self, index: int) -> list[int]:
        """Return the regions that touch region `index`, itself excluded."""
        found, waiting, seen = [], deque([index]), {index}
        while waiting:
            here = waiting.popleft()
            for there in self._neighbors(here):
                if there in seen:
                    continue
                seen.add(there)
                if here == index or self._meet(index, there):
                    found.append(there)
                    waiting.append(there)
        return found

    def _neighbors(self, index: int) -> Sequence[int]:
        start, stop = self.graph.indptr[index : index + 2]
        neighbors: list[int] = self.graph.indices[start:stop].tolist()
        return neighbors

    def _meet(self, one: int, other: int) -> bool:
        rows = self._rows(one) + self._rows(other)
        return common_point(rows, self.walls, self.start) is not None

    def _rows(self, index: int) -> list[Row]:
        if index not in self.rows:
            self.rows[index] = _facet_rows(self.exact, self.regions, index, self.units[index])
        return self.rows[index]


def _facet_rows(
    exact: ExactNetwork, regions: Regions, index: int, units: Sequence[int]
) -> list[Row]:
    bits = unpack(regions.patterns[index], exact.hidden_units)
    rows = exact_rows(exact, bits)
    return [rows[unit] for unit in units]


def _inside(chart: Chart) -> Column:
    point = interior_point(chart.rows.tolist())
    assert point is not None  # a domain has interior by construction
    scale = np.lcm.reduce([value.denominator for value in point])
    return [flint.fmpz(int(value * int(scale))) for value in point] + [flint.fmpz(int(scale))]
