"""Cells of every dimension: by their vertices, by a sweep, and by Euler's formula."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import flint
import numpy as np

from polyregions.analysis.adjacency import require_complete
from polyregions.analysis.affine_maps import exact_on_domain
from polyregions.domain import Box
from polyregions.domain.chart import chart_of
from polyregions.errors import PolyregionsError
from polyregions.geometry.double_description import IntegerColumn, polytope_of
from polyregions.network import Network
from polyregions.network.exact_network import ExactNetwork, exact_rows, exact_signs
from polyregions.regions import Regions
from polyregions.regions.polytopes import chart_polytopes

__all__ = [
    "MOST_DIMENSIONS",
    "CellCounts",
    "Cells",
    "SweptCells",
    "cell_counts",
    "cells",
    "sweep",
]

MOST_DIMENSIONS = 3


@dataclass(frozen=True)
class Cells:
    """How many cells of each dimension the regions' closures have, faces included.

    On the whole space cells are counted by their cones, so `inside` has entries for
    dimensions 0, …, n and `closed` is None.

    Attributes
    ----------
    inside : tuple of int
        The f-vector: cells of dimension 0, …, n that meet the open domain.
    closed : tuple of int or None
        Cells of the closed domain, those in its boundary included.
    """

    inside: tuple[int, ...]
    closed: tuple[int, ...] | None

    @property
    def euler(self) -> int:
        """The sum of (-1)^j times the cells of codimension j inside: 1 for a convex domain."""
        return sum((-1) ** j * count for j, count in enumerate(reversed(self.inside)))


def cells(regions: Regions) -> Cells:
    """Count the cells of all dimensions, exactly.

    Parameters
    ----------
    regions : Regions
        Complete, with few free inputs.

    Returns
    -------
    Cells

    Raises
    ------
    PartialResultError
        If the enumeration was stopped early.

    Notes
    -----
    *Algorithm.* Exact vertices of every region; a face is told from others by its set
    of vertices, and two regions' common faces are the same sets because neighbours
    meet facet to facet.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [0])])
    >>> counted = cells(pr.enumerate_regions(net, pr.Box.cube(2, 1.0)))
    >>> counted.inside, counted.closed, counted.euler
    ((1, 4, 4), (9, 12, 4), 1)
    """
    require_complete(regions, "cell counts")
    chart = chart_of(regions.domain, regions.network.input_dimension)
    m = chart.dimension
    numbers: dict[IntegerColumn, int] = {}
    seen: list[dict[frozenset[int], bool]] = [{} for _ in range(m + 1)]
    # walls come first, and those that cut nothing off the domain leave no row
    rows = [[int(entry) for entry in row] for row in chart.rows.tolist()]
    domain = polytope_of(m, rows[2 * m :])
    assert domain is not None  # a domain has interior
    walls = (1 << len(domain.rows)) - 1
    for polytope in chart_polytopes(regions):
        names = [numbers.setdefault(vertex, len(numbers)) for vertex in polytope.vertices]
        for dimension, faces in enumerate(polytope.faces):
            for face in faces:
                members = [k for k in range(len(names)) if face >> k & 1]
                on_wall = walls
                for k in members:
                    on_wall &= polytope.tight[k]
                seen[dimension][frozenset(names[k] for k in members)] = not on_wall
    inside = tuple(sum(of_dimension.values()) for of_dimension in seen)
    if chart.homogeneous:
        # a cone of dimension k + 1 stands for a cell of dimension k
        return Cells(inside[1:], None)
    return Cells(inside, tuple(map(len, seen)))


@dataclass(frozen=True)
class SweptCells:
    """What sweeping a hyperplane over the closed box finds.

    Attributes
    ----------
    closed : tuple of int
        Cells of the closed box of dimension 0, …, n; the last is the number of regions.
    vertices : int
        How many vertices the sweep met.
    """

    closed: tuple[int, ...]
    vertices: int

    @property
    def regions(self) -> int:
        """The number of regions."""
        return self.closed[-1]

    @property
    def euler(self) -> int:
        """The sum of (-1)^k times the cells of dimension k: 1."""
        return sum((-1) ** k * count for k, count in enumerate(self.closed))


def sweep(regions: Regions, direction: Sequence[int]) -> SweptCells:
    """Count the cells by their lowest vertices: a second count, without linear programs.

    Parameters
    ----------
    regions : Regions
        A complete result in a box, of a network in general position.
    direction : sequence of int, length of the free inputs
        Upwards. No edge of a cell may be level.

    Returns
    -------
    SweptCells

    Raises
    ------
    PartialResultError
        If the enumeration was stopped early.
    PolyregionsError
        If the domain is the whole space, more than n hyperplanes meet in a vertex, a
        unit vanishes identically around one, or an edge is level.

    Notes
    -----
    *Algorithm.* Each cell has one lowest vertex. At a vertex of n curves the cells that
    start there choose some of the edges that go up, at most one per curve, so
    sum_k f_k t^k = sum_v prod_i (1 + a_i(v) t) with a_i(v) = 0, 1 or 2 the edges going
    up along curve i. Edges are found from the network near the vertex alone, not from
    the regions: a region that is missing from the result is counted all the same as
    long as the others hold its vertices.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [0])])
    >>> sweep(pr.enumerate_regions(net, pr.Box.cube(2, 1.0)), [1, 3])
    SweptCells(closed=(9, 12, 4), vertices=9)
    """
    require_complete(regions, "sweeps")
    if regions.domain is None:
        raise PolyregionsError("a sweep needs a box; the whole space has no lowest vertices")
    exact = exact_on_domain(regions)
    found = {vertex for polytope in chart_polytopes(regions) for vertex in polytope.vertices}
    total = [0] * (exact.chart.dimension + 1)
    for vertex in found:
        for degree, count in enumerate(_product(_rising_edges(exact, vertex, direction))):
            total[degree] += count
    return SweptCells(tuple(total), len(found))


def _product(factors: Sequence[int]) -> list[int]:
    """Return the coefficients of prod_i (1 + a_i t)."""
    coefficients = [1]
    for a in factors:
        shifted = zip([*coefficients, 0], [0, *coefficients], strict=True)
        coefficients = [c + a * below for c, below in shifted]
    return coefficients


def _rising_edges(
    exact: ExactNetwork, vertex: IntegerColumn, direction: Sequence[int]
) -> list[int]:
    """Return, per curve through a vertex, how many of its edges rise in a direction.

    Curve i leaves row i and keeps the other rows that are tight at the vertex. Along its
    edge on the side s of row i, the other tight units stay zero, whatever their bits.
    """
    m = exact.chart.dimension
    point = exact.chart.transform * flint.fmpz_mat([[entry] for entry in vertex])
    signs = exact_signs(exact, point)
    units = [unit for unit, sign in enumerate(signs) if sign == 0]
    bits = [int(sign > 0) for sign in signs]
    walls = [
        row
        for row in exact.chart.rows.tolist()
        if sum(int(a) * x for a, x in zip(row, vertex, strict=True)) == 0
    ]
    if len(units) + len(walls) != m:
        raise PolyregionsError(
            f"{len(units) + len(walls)} hyperplanes meet in a vertex in {m} dimensions; "
            f"a sweep needs a network in general position"
        )
    rising = []
    for number in range(m):
        count = 0
        sides = (0, 1) if number < len(units) else (1,)
        for side in sides:
            if number < len(units):
                bits[units[number]] = side
            # rows are signed so that a pattern's side is positive
            rows = exact_rows(exact, bits)
            tight = [list(rows[unit][:m]) for unit in units] + [list(row[:m]) for row in walls]
            count += _rises(tight, number, direction)
        rising.append(count)
    return rising


def _rises(tight: list[list[flint.fmpz]], number: int, direction: Sequence[int]) -> bool:
    """Whether the edge on which row `number` grows and the others stay zero goes up."""
    goal = flint.fmpz_mat(len(tight), 1, [int(k == number) for k in range(len(tight))])
    try:
        edge = flint.fmpz_mat(tight).solve(goal)
    except ZeroDivisionError:
        raise PolyregionsError(
            "hyperplanes through a vertex are dependent; "
            "a sweep needs a network in general position"
        ) from None
    slope = sum(
        (c * entry for c, entry in zip(direction, edge.entries(), strict=True)), flint.fmpq(0)
    )
    if slope == 0:
        raise PolyregionsError("an edge is level in this direction; choose another direction")
    return bool(slope > 0)


@dataclass(frozen=True)
class CellCounts:
    """Cells that meet the open cube.

    Attributes
    ----------
    by_codimension : tuple of int
        Entry r counts the cells of codimension r.
    border : int
        Points where cells of codimension n - 1, curves, end on the boundary of the cube.
    proven : bool
        The counts of regions and facets they come from are proven.
    """

    by_codimension: tuple[int, ...]
    border: int
    proven: bool


def cell_counts(network: Network, box: Box, *, regions: Regions | None = None) -> CellCounts:
    """Count the cells of every codimension that meet an open box, for n <= 3.

    Parameters
    ----------
    network : Network
        In general position: no point lies on more than n boundaries, none on more than k
        within a k-dimensional face of the box.
    box : Box
        With at most three free coordinates.
    regions : Regions, optional
        The enumeration of the same network in the same box, if it is at hand.

    Raises
    ------
    PolyregionsError
        If more than three inputs are free, or the counts contradict general position.
    PartialResultError
        If `regions` was stopped early.

    Notes
    -----
    *Algorithm.* With a_r cells of codimension r: sum (-1)^r a_r = 1 (Euler), where a_0 and a_1
    are the regions and edges of the walk. For n = 3 a vertex inside is the end of six
    curves and a point of the border of one, so 2 a_2 = 6 a_3 + border; the border is
    counted on the six sides, each a network in the plane. For n <= 2 the same identity,
    which is then not needed, is checked.

    Examples
    --------
    >>> net = Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [0, 0, -0.5]), ([[1, 1, 1]], [0])])
    >>> cell_counts(net, Box.cube(2, 1.0))
    CellCounts(by_codimension=(7, 9, 3), border=6, proven=True)
    """
    from polyregions.walk.breadth_first import enumerate_regions

    n = len(box.free)
    if n > MOST_DIMENSIONS:
        raise PolyregionsError(
            f"cells of every codimension are counted for at most {MOST_DIMENSIONS} inputs, not {n}"
        )
    found = enumerate_regions(network, box) if regions is None else regions
    require_complete(found, "cell counts")
    n_regions, n_facets = len(found), len(found.edges)
    proven = found.proven
    # a_2 - a_3 + … = the rest of Euler's formula
    rest = 1 - n_regions + n_facets
    if n == 1:
        return _checked_position(CellCounts((n_regions, n_facets), n_facets, proven), rest == 0)
    sides = [cell_counts(network, side) for side in _box_sides(box)]
    border = sum(side.by_codimension[-1] for side in sides)
    proven = proven and all(side.proven for side in sides)
    if n == 2:
        # 2 a_1 = 4 a_2 + border
        counts = CellCounts((n_regions, n_facets, rest), border, proven)
        return _checked_position(counts, 2 * n_facets == 4 * rest + border)
    vertices, remainder = divmod(2 * rest - border, 4)
    counts = CellCounts((n_regions, n_facets, rest + vertices, vertices), border, proven)
    return _checked_position(counts, remainder == 0 and vertices >= 0)


def _checked_position(counts: CellCounts, consistent: bool) -> CellCounts:
    if not consistent:
        raise PolyregionsError(
            "the boundaries are not in general position, so cells cannot be counted this way"
        )
    return counts


def _box_sides(box: Box) -> list[Box]:
    """Return the facets of a box: boxes with one more coordinate fixed."""
    sides = []
    for k in box.free.tolist():
        for bound in (box.lower[k], box.upper[k]):
            lower, upper = np.array(box.lower), np.array(box.upper)
            lower[k] = upper[k] = bound
            sides.append(Box(lower, upper))
    return sides
