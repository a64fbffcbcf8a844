"""One region as a polytope: vertices, volume and centre, as fractions and as floats."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from polyregions.arrays import Floats, Point
from polyregions.geometry.region_polytope import (
    chart_centre,
    chart_polytope,
    chart_vertices,
    chart_volume,
)
from polyregions.geometry.witness import nearest_float
from polyregions.regions.cell_rows import cell_rows, exact_on_chart, one_region
from polyregions.regions.facets import leading_rows
from polyregions.regions.polytopes import simple_polytopes

if TYPE_CHECKING:
    from polyregions.regions.region import Region

__all__ = ["ExactPolytope", "RegionPolytope", "region_polytope"]


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
