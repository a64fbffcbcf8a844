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
from polyregions.analysis.affine_maps import exact_on_domain
from polyregions.domain.chart import Chart, chart_of
from polyregions.errors import shown
from polyregions.exact.facets import interior_point
from polyregions.exact.simplex import Column, Row, Simplex, column_of, evaluate
from polyregions.markup import titled
from polyregions.network.exact_network import exact_network, exact_rows
from polyregions.network.region_maps import Labels, equal_map_labels
from polyregions.pattern import unpack
from polyregions.regions import Regions
from polyregions.run.given import DomainLike, NetworkLike, domain_given, network_given

__all__ = [
    "R3_NOT_COMPUTED",
    "LinearRegions",
    "common_point",
    "count_all_patterns",
    "linear_regions",
]

R3_NOT_COMPUTED = (
    "not computed: the fewest convex pieces of a set is a minimum partition problem, "
    "NP-hard in general; it lies between R4 and R2"
)


def common_point(weak: Sequence[Row], strict: Sequence[Row], start: Column) -> Column | None:
    """Return a point where all weak rows are >= 0 and all strict rows > 0, or None.

    Parameters
    ----------
    weak, strict : sequence of rows of m + 1 integers
        ``row[:m] @ u + row[m]``. Together they must bound a polytope.
    start : list of m + 1 integers
        Any homogeneous point (u, 1) times a positive factor.

    Returns
    -------
    list of m + 1 integers, or None
        A homogeneous point. None is a proof that there is none.

    Notes
    -----
    *Algorithm.* First t is minimised subject to ``row(u) + t * weight >= 0`` for all
    rows; unless the minimum is 0 there is no solution of the weak system. From the
    solution found, each strict row that is still zero is raised on the weak system's
    polytope; by convexity the mean of the points found satisfies all of them.

    Examples
    --------
    Two closed triangles that touch in the origin, and the half-plane x < 0:

    >>> square = [[1, 0, 1], [-1, 0, 1], [0, 1, 1], [0, -1, 1]]
    >>> rows = [[1, -1, 0], [1, 1, 0], [-1, 2, 0], [-1, -2, 0]]
    >>> column = common_point(rows, square, [0, 1, 2])
    >>> [int(entry) for entry in column[:2]]
    [0, 0]
    >>> common_point(rows, [*square, [-1, 0, 0]], [0, 1, 2]) is None
    True
    """
    kept_weak, kept_strict = _bending(weak, strict=False), _bending(strict, strict=True)
    if kept_weak is None or kept_strict is None:
        return None
    rows = dict(enumerate([*kept_strict, *kept_weak]))
    column = _feasible(rows, [flint.fmpz(entry) for entry in start])
    if column is None:
        return None
    total = column
    for number in range(len(kept_strict)):
        if evaluate(rows[number], total) == 0:
            raised = _raised(rows, column, number)
            if raised is None:
                return None
            total = [a * raised[-1] + b * total[-1] for a, b in zip(total, raised, strict=True)]
    return total


def _bending(rows: Sequence[Row], *, strict: bool) -> list[Row] | None:
    """Return the rows that are not constant, or None if a constant row fails."""
    kept: list[Row] = []
    for row in rows:
        if any(row[:-1]):
            kept.append([flint.fmpz(entry) for entry in row])
        elif row[-1] < 0 or (strict and row[-1] == 0):
            return None
    return kept


def _feasible(rows: dict[int, Row], start: Column) -> Column | None:
    """Return a point where every row is >= 0, or None."""
    if all(evaluate(row, start) >= 0 for row in rows.values()):
        return start
    zeros = [flint.fmpz(0)] * (len(start) - 1)
    lifted: dict[int, Row] = {}
    height = flint.fmpz(1)
    for i, row in rows.items():
        weight = max(map(abs, row[:-1]))
        lifted[i] = [*row[:-1], weight, row[-1]]
        height = max(height, -evaluate(row, start) // (weight * start[-1]) + 1)
    target = len(rows)
    lifted[target] = [*zeros, flint.fmpz(1), flint.fmpz(0)]  # t >= 0
    lifted[target + 1] = [*zeros, flint.fmpz(-1), height]
    simplex = Simplex(lifted, [*start[:-1], height * start[-1], start[-1]])
    beyond = simplex.violation(target)
    if beyond is not None:  # t < 0: every row is positive
        return [*beyond[:-2], beyond[-1]]
    column = simplex.vertex
    return [*column[:-2], column[-1]] if column[-2] == 0 else None


def _raised(rows: dict[int, Row], column: Column, number: int) -> Column | None:
    """Return a point where row `number` is positive and the others hold, or None."""
    target = len(rows)
    lowered = {**rows, target: [-entry for entry in rows[number]]}
    return Simplex(lowered, column).violation(target)


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
            "R4": _distinct_labels(self.open),
            "R5": _distinct_labels(self.closed),
            "R6": _distinct_labels(self.by_map),
        }

    def _repr_html_(self) -> str:
        return titled(f"Linear regions of {shown(self.regions.network.name, 80)}", self.counts)

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
    (:func:`~polyregions.network.region_maps.equal_map_labels`). R4: components of the
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
    by_map = equal_map_labels(regions.network, regions.domain, regions.patterns)
    open_labels = _open_pieces(regions, by_map)
    closed = _closed_pieces(regions, by_map, open_labels)
    return LinearRegions(regions, open_labels, closed, by_map)


def count_all_patterns(network: NetworkLike, domain: DomainLike) -> int:
    """Return R1: how many patterns in {0, 1}^N the points of the open domain have.

    Meant for small networks: the time is proportional to N times the result.

    Parameters
    ----------
    network : Network, or what :func:`polyregions.enumerate_regions` takes for one
    domain : Box, Polytope or None

    Returns
    -------
    int

    Raises
    ------
    DomainError
        If the domain does not fit the network.

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
    start = _interior_column(exact.chart)
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


def _distinct_labels(labels: Labels) -> int:
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
        self.regions = regions
        self.exact = exact_on_domain(regions)
        self.walls = [list(row) for row in self.exact.chart.rows.tolist()]
        self.start = _interior_column(self.exact.chart)
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
            bits = unpack(self.regions.patterns[index], self.exact.hidden_units)
            rows = exact_rows(self.exact, bits)
            self.rows[index] = [rows[unit] for unit in self.units[index]]
        return self.rows[index]


def _interior_column(chart: Chart) -> Column:
    """Return a point inside the domain in homogeneous chart coordinates."""
    point = interior_point(chart.rows.tolist())
    assert point is not None  # a domain has interior by construction
    return column_of(point)
