"""One region as an exact polytope: vertices, volume and centre, from chart coordinates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Point
from polyregions.domain.chart import Chart
from polyregions.geometry.double_description import DoubleDescription, polytope_of
from polyregions.geometry.witness import nearest_float
from polyregions.network.exact_network import ExactNetwork, exact_rows

__all__ = ["Vertices", "chart_centre", "chart_polytope", "chart_vertices", "chart_volume"]


@dataclass(frozen=True)
class Vertices:
    """A closed region is the convex hull of its points plus the cone of its rays.

    Attributes
    ----------
    points : tuple of tuple of Fraction
        In input coordinates, fixed ones included, sorted. The vertices, unless the
        region holds a whole line and so has none.
    rays : tuple of tuple of Fraction
        Directions in which the region is unbounded; empty in a box.
    """

    points: tuple[Point, ...]
    rays: tuple[Point, ...]

    @property
    def bounded(self) -> bool:
        """Whether the region is bounded."""
        return not self.rays

    def as_floats(self) -> Floats:
        """Return the points rounded to floats.

        Returns
        -------
        numpy.ndarray of float64, shape (k, n)

        Examples
        --------
        >>> from fractions import Fraction
        >>> Vertices(((Fraction(1, 3), Fraction(0)),), ()).as_floats().round(3).tolist()
        [[0.333, 0.0]]
        """
        return np.array([[nearest_float(x) for x in point] for point in self.points])


def chart_polytope(
    exact: ExactNetwork, bits: NDArray[np.uint8], units: Sequence[int] | None = None
) -> DoubleDescription:
    """Return a region's exact polytope in chart coordinates.

    `units` are those to cut by, at least one for every facet; all by default.
    """
    rows = exact_rows(exact, bits)
    chosen = range(exact.hidden_units) if units is None else units
    walls = rows[exact.hidden_units + 2 * exact.chart.dimension :]  # the cube is there already
    kept = [[int(entry) for entry in row] for row in [*walls, *(rows[k] for k in chosen)]]
    polytope = polytope_of(exact.chart.dimension, kept)
    assert polytope is not None  # a region has interior
    return polytope


def chart_vertices(chart: Chart, polytope: DoubleDescription) -> Vertices:
    """Return the vertices of a region given in chart coordinates, and its rays."""
    if not chart.homogeneous:
        return Vertices(tuple(sorted(chart.to_input(point) for point in polytope.points())), ())
    generators = [
        (column, tight)
        for column, tight in zip(polytope.vertices, polytope.tight, strict=True)
        if any(column[:-1])  # not the apex
    ]
    m, everything = chart.dimension, (1 << len(polytope.rows)) - 1
    if _cone_rank(polytope, everything) == m:
        # pointed: its extreme rays are where the cone's rows fix a point up to its length
        generators = [g for g in generators if _cone_rank(polytope, g[1]) == m - 1]
    points, rays = [], []
    for (*y, t, _), _ in generators:
        if t:
            points.append(tuple(Fraction(x, t) for x in y))
        else:
            rays.append(tuple(Fraction(x) for x in y))
    return Vertices(tuple(sorted(points)), tuple(sorted(rays)))


def _cone_rank(polytope: DoubleDescription, chosen: int) -> int:
    """Return the rank of the chosen rows, those of the cube left out."""
    m = polytope.dimension
    own = [row[:m] for k, row in enumerate(polytope.rows) if k >= 2 * m and chosen >> k & 1]
    return int(flint.fmpz_mat(own).rank()) if own else 0


def chart_volume(chart: Chart, polytope: DoubleDescription) -> Fraction | float:
    """Return the volume in free inputs of a region given in chart coordinates."""
    solid = _solid(chart, polytope)
    return float("inf") if solid is None else solid.scale * solid.polytope.volume()


def chart_centre(chart: Chart, polytope: DoubleDescription) -> Point | None:
    """Return the centre of mass of a region given in chart coordinates, None if unbounded."""
    solid = _solid(chart, polytope)
    return None if solid is None else solid.to_input(solid.polytope.centroid())


class _Solid(NamedTuple):
    """A bounded region as a polytope, times `scale` as large in the free inputs."""

    polytope: DoubleDescription
    scale: Fraction
    to_input: Callable[[Sequence[Fraction]], Point]


def _solid(chart: Chart, polytope: DoubleDescription) -> _Solid | None:
    if not chart.homogeneous:
        return _Solid(polytope, _stretch(chart), chart.to_input)
    corners = chart_vertices(chart, polytope)
    if not corners.bounded:
        return None
    reach = 1 + int(max(abs(x) for point in corners.points for x in point))
    n = chart.dimension - 1
    rows = [
        [*(entry * reach for entry in row[:n]), row[n]]
        for row in polytope.rows[2 * chart.dimension :]
    ]
    inside = polytope_of(n, rows)
    assert inside is not None  # a region has interior
    return _Solid(inside, Fraction(reach**n), lambda point: tuple(reach * x for x in point))


@lru_cache(maxsize=4)
def _stretch(chart: Chart) -> Fraction:
    """Return how many times as large what is in a box is in the free inputs as on its chart."""
    scale = Fraction(1)
    bottom = int(chart.transform[chart.transform.nrows() - 1, chart.dimension])
    for column in range(chart.dimension):
        half = max(abs(int(chart.transform[i, column])) for i in range(chart.transform.nrows() - 1))
        scale *= Fraction(half, bottom)
    return scale
