"""One region or all as polytopes: vertices, volumes and centres, and which rows meet, exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import combinations, repeat
from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Integers, Point
from polyregions.domain import Box
from polyregions.domain.chart import chart_of
from polyregions.errors import DomainError
from polyregions.geometry.double_description import MOST_INPUTS, DoubleDescription, IntegerColumn
from polyregions.geometry.region_polytope import (
    chart_centre,
    chart_polytope,
    chart_vertices,
    chart_volume,
)
from polyregions.geometry.witness import nearest_float
from polyregions.pattern import unpack
from polyregions.regions.cell_rows import (
    CellRows,
    Chosen,
    cell_rows,
    chosen_regions,
    exact_on_chart,
    one_region,
    parts_of,
    polytopes_of,
)
from polyregions.regions.facets import leading_rows

if TYPE_CHECKING:
    from polyregions.regions.region import Region
    from polyregions.regions.regions import Regions

__all__ = [
    "ExactPolytope",
    "RegionPolytope",
    "VertexTable",
    "chart_polytopes",
    "meeting_points",
    "region_polytope",
    "region_vertices",
    "region_volumes",
    "rounded_volumes",
    "vertex_table",
]

_MINORS = 2**20  # integers held at a time, about

_CORNERS_AT_ONCE = 2**15  # of the regions that are looked at together, about


def meeting_points(rows: NDArray[np.object_], tight: Integers) -> list[IntegerColumn]:
    """Return the points in which given rows are zero.

    Parameters
    ----------
    rows : numpy.ndarray of int, shape (K, m + 1)
        Normal and offset of each hyperplane, whole numbers of any size.
    tight : numpy.ndarray of int64, shape (V, m)
        The rows that meet in each point. Their normals are independent.

    Returns
    -------
    list of V columns of m + 1 int
        Homogeneous, (x, s) with s > 0, in lowest terms.

    Notes
    -----
    *Algorithm.* Cramer's rule: the column is orthogonal to m rows, so its entries are their
    m x m minors with alternating signs. Minors of the first k + 1 rows follow from those of the
    first k, by expansion along the new row.

    Examples
    --------
    >>> rows = np.array([[2, 0, -1], [0, -3, 1], [1, 1, 0]], dtype=object)
    >>> meeting_points(rows, np.array([[0, 1], [1, 2]]))
    [(3, 2, 6), (-1, 1, 3)]
    """
    size = rows.shape[1]
    step = max(1, _MINORS >> size)
    found: list[IntegerColumn] = []
    for start in range(0, len(tight), step):
        matrices = rows[tight[start : start + step]]
        # Python's integers in arrays: of any size, and one loop for all points
        minors: dict[tuple[int, ...], Any] = {(): np.full(len(matrices), 1, dtype=object)}
        for k in range(size - 1):
            minors = {
                columns: sum(
                    (-1) ** (k + place)
                    * matrices[:, k, column]
                    * minors[columns[:place] + columns[place + 1 :]]
                    for place, column in enumerate(columns)
                )
                for columns in combinations(range(size), k + 1)
            }
        # without each column in turn: the last combination lacks the first
        cofactors = [
            (-1) ** column * minor for column, minor in enumerate(reversed(minors.values()))
        ]
        for column in zip(*cofactors, strict=True):
            # independent normals: the last minor is not zero
            divisor = gcd(*column) * (1 if column[-1] > 0 else -1)
            found.append(tuple(entry // divisor for entry in column))
    return found


@dataclass(frozen=True)
class ExactPolytope:
    """A closed region in fractions; see :class:`RegionPolytope`.

    Attributes
    ----------
    vertices, rays : tuple of tuple of Fraction
    volume : Fraction or float
        The float is infinity.
    centre : tuple of Fraction or None
    """

    vertices: tuple[Point, ...]
    rays: tuple[Point, ...]
    volume: Fraction | float
    centre: Point | None


@dataclass(frozen=True, eq=False)
class RegionPolytope:
    """A closed region: the convex hull of its vertices, plus the cone of its rays.

    Attributes
    ----------
    vertices : numpy.ndarray of float64, shape (k, n)
        Fixed inputs included, sorted. Of a region that holds a whole line, and so has no
        vertex, some of its points.
    rays : numpy.ndarray of float64, shape (r, n)
        Directions in which the region is unbounded; none in a box.
    volume : float
        In the free inputs; infinite if unbounded.
    centre : numpy.ndarray of float64, shape (n,), or None
        The centre of mass; None if unbounded.
    exact : ExactPolytope
        The same in fractions. The floats are these, rounded once.
    """

    vertices: Floats
    rays: Floats
    volume: float
    centre: Floats | None
    exact: ExactPolytope

    @property
    def bounded(self) -> bool:
        """Whether the region is bounded."""
        return not len(self.rays)

    def __repr__(self) -> str:
        corners, inputs = self.vertices.shape
        size = f"{corners} vertices in {inputs} inputs, volume {self.volume:.6g}"
        return f"<Polytope of a region: {size}>"


def region_polytope(region: Region) -> RegionPolytope:
    """Return a region's vertices, volume and centre: ``region.polytope()``.

    Raises
    ------
    DomainError
        With too many free inputs for vertices.

    Notes
    -----
    *Algorithm.* Corners in which no more rows meet than must are proven in floats and computed
    in integers (:func:`polyregions.regions.polytopes.simple_polytopes`); where more do, double
    description over the rows that carry facets, in integers. Volume and centre by a triangulation
    (:mod:`polyregions.geometry.double_description`). Meant for few free inputs.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 2]], [-0.5]), ([[1]], [0])])
    >>> triangle = region_polytope(pr.enumerate_regions(net, pr.Box.interval(2, 0.0, 1.0))[0])
    >>> triangle.vertices.tolist(), triangle.volume
    ([[0.0, 0.0], [0.0, 0.25], [0.5, 0.0]], 0.0625)
    >>> [str(x) for x in triangle.exact.centre]
    ['1/6', '1/12']
    """
    network = region.network
    network_on_chart = exact_on_chart(network, region.domain)
    chart = network_on_chart.chart
    chosen = one_region(region)
    cells = cell_rows(chosen)
    [found] = simple_polytopes(chosen, cells)
    if found is None:
        rows = cells.numbers[leading_rows(chosen, cells).leads]
        units = rows[rows < network.hidden_units].tolist()
        found = chart_polytope(network_on_chart, region.bits, units)
    corners = chart_vertices(chart, found)
    exact = ExactPolytope(
        corners.points, corners.rays, chart_volume(chart, found), chart_centre(chart, found)
    )
    n, volume, centre = network.input_dimension, exact.volume, exact.centre
    return RegionPolytope(
        _rounded_points(exact.vertices, n),
        _rounded_points(exact.rays, n),
        nearest_float(volume) if isinstance(volume, Fraction) else volume,
        None if centre is None else _rounded_points((centre,), n)[0],
        exact,
    )


def _rounded_points(points: tuple[Point, ...], n: int) -> Floats:
    return np.array([[nearest_float(x) for x in point] for point in points]).reshape(-1, n)


@dataclass(frozen=True, eq=False)
class VertexTable:
    """The vertices of all regions, one region after the other.

    Attributes
    ----------
    points : numpy.ndarray of float64, shape (V, n)
        Fixed inputs included.
    starts : numpy.ndarray of int64, shape (R + 1,)
        ``points[starts[i]:starts[i + 1]]`` are those of region i, sorted.
    """

    points: Floats
    starts: Integers

    def __repr__(self) -> str:
        count, inputs = self.points.shape
        return f"<VertexTable of {len(self.starts) - 1} regions: {count} in {inputs} inputs>"


def vertex_table(regions: Regions, report: Callable[[int, int], None] | None = None) -> VertexTable:
    """Return the vertices of all regions in a bounded domain as arrays: ``regions.vertices()``.

    Raises
    ------
    DomainError
        Over the whole space, where regions have rays as well, and with more than 20 free inputs.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 2]], [-0.5]), ([[1]], [0])])
    >>> table = vertex_table(pr.enumerate_regions(net, pr.Box.interval(2, 0.0, 1.0)))
    >>> table.points[: table.starts[1]].tolist()
    [[0.0, 0.0], [0.0, 0.25], [0.5, 0.0]]
    """
    if regions.domain is None:
        raise DomainError(
            "a table of vertices is for bounded domains, because regions of the whole space have "
            "rays as well; ask each, regions[i].polytope(), or find the regions in a box"
        )
    parts = [np.empty((0, regions.network.input_dimension))]
    for done, points in enumerate(region_vertices(regions), 1):
        parts.append(points)
        if report is not None:
            report(done, len(regions))
    return VertexTable(np.concatenate(parts), np.cumsum(list(map(len, parts)), dtype=np.int64))


def region_vertices(regions: Regions) -> Iterator[Floats]:
    """Yield the vertices of each region in a bounded domain, rounded once and sorted, (k, n)."""
    chart = chart_of(regions.domain, regions.network.input_dimension)
    table = [[int(entry) for entry in row] for row in chart.transform.tolist()]
    bottom = table.pop()[-1]

    @lru_cache(maxsize=2**16)  # a vertex is one of several regions
    def rounded(column: IntegerColumn) -> tuple[float, ...]:
        under = bottom * column[-1]
        return tuple(
            sum(a * u for a, u in zip(row, column, strict=True) if a) / under for row in table
        )

    def exact(column: IntegerColumn) -> tuple[Fraction, ...]:
        return tuple(Fraction(u, column[-1]) for u in column[:-1])

    for polytope in chart_polytopes(regions):
        columns = polytope.vertices
        points = np.array([rounded(column) for column in columns])
        order = np.lexsort(points.T[::-1])
        # different numbers that are rounded to one float are in no order yet
        if (np.diff(np.sort(points, axis=0), axis=0) == 0.0).any():
            order = np.array(sorted(range(len(columns)), key=lambda k: exact(columns[k])))
        yield points[order]


def region_volumes(regions: Regions, numbers: Integers) -> Floats:
    """Return the volumes of regions with some numbers in the free inputs, each rounded once."""
    chart = chart_of(regions.domain, regions.network.input_dimension)
    return rounded_volumes(chart_volume(chart, part) for part in chart_polytopes(regions, numbers))


def rounded_volumes(sizes: Iterable[Fraction | float]) -> Floats:
    """Return exact volumes as floats."""
    return np.array([nearest_float(v) if isinstance(v, Fraction) else v for v in sizes])


def chart_polytopes(
    regions: Regions, numbers: Integers | None = None
) -> Iterator[DoubleDescription]:
    """Yield each region's exact polytope in chart coordinates, or those of some numbers.

    For a complete result only the rows that carry facets are cut. A box's chart is
    the cube [-1, 1]^m of its free inputs, whose rows come first.

    Notes
    -----
    *Algorithm.* Those that are simple, see :func:`simple_polytopes`; the others are cut out of
    the cube, row by row.
    """
    exact = exact_on_chart(regions.network, regions.domain)
    numbers = np.arange(len(regions)) if numbers is None else numbers
    # a region has about as many corners as a cube
    most = max(1, _CORNERS_AT_ONCE >> exact.chart.dimension)
    for part in parts_of(regions, numbers, most):
        chosen = chosen_regions(regions, part)
        ends = chosen.ends
        for place, simple in enumerate(simple_polytopes(chosen, cell_rows(chosen))):
            if simple is not None:
                yield simple
                continue
            own = slice(*np.searchsorted(ends.owners, [place, place + 1]).tolist())
            units = np.unique(ends.units[own]).tolist() if regions.complete else None
            yield chart_polytope(exact, unpack(chosen.patterns[place], exact.hidden_units), units)


def simple_polytopes(chosen: Chosen, cells: CellRows) -> Iterator[DoubleDescription | None]:
    """Yield the polytopes of regions that are proven to be simple, None for each of the others.

    `cells` are their rows.

    Notes
    -----
    *Algorithm.* In a box, which rows meet in which corners is proven in floats where no more
    meet than must (:func:`polyregions.cells.many_polytopes.proven_corners`), and each corner is
    computed in integers once, however many regions meet there.
    """
    # here, because it loads numba
    from polyregions.cells.many_polytopes import proven_corners

    m = chosen.points.shape[1]
    if not isinstance(chosen.domain, Box) or m > MOST_INPUTS:
        yield from repeat(None, len(chosen.patterns))
        return
    tight, counts = proven_corners(polytopes_of(chosen, cells))
    rows = np.array([[int(entry) for entry in row] for row in cells.chart], dtype=object)
    found = np.maximum(counts, 0)
    meeting = np.sort(cells.places[np.repeat(cells.starts[:-1], found)[:, None] + tight], axis=1)
    distinct, places = np.unique(meeting, axis=0, return_inverse=True)
    points = meeting_points(rows, distinct)
    vertices = [points[place] for place in places.reshape(-1).tolist()]
    corners = tight.tolist()
    stops = np.cumsum(found).tolist()
    for place, (count, stop) in enumerate(zip(counts.tolist(), stops, strict=True)):
        if count < 0:
            yield None
            continue
        own = slice(*cells.starts[place : place + 2].tolist())
        signed = zip(cells.places[own].tolist(), cells.signs[own].tolist(), strict=True)
        table = [(rows[row] * sign).tolist() for row, sign in signed]
        # the cube's rows stand behind the units', but come first in a polytope
        units = len(table) - 2 * m
        bits = [1 << (k - units if k >= units else k + 2 * m) for k in range(len(table))]
        masks = [sum(bits[k] for k in corner) for corner in corners[stop - count : stop]]
        order = [*table[units:], *table[:units]]
        yield DoubleDescription(order, vertices[stop - count : stop], masks)
