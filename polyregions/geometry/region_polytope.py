"""One region as an exact polytope, from chart coordinates; and as half-spaces in rounded floats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import flint
import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyregions.arrays import Floats, Point, finite_floats
from polyregions.domain import Domain, Polytope
from polyregions.domain.chart import Chart, input_chart
from polyregions.errors import DomainError
from polyregions.geometry.double_description import DoubleDescription, polytope_of
from polyregions.geometry.witness import nearest_float
from polyregions.network import Network
from polyregions.network.exact_network import ExactNetwork, exact_network, exact_rows
from polyregions.pattern import Words, check_pattern, unpack

__all__ = [
    "Halfspaces",
    "Vertices",
    "chart_centre",
    "chart_polytope",
    "chart_vertices",
    "chart_volume",
    "domain_halfspaces",
    "exact_on_inputs",
    "region_halfspaces",
    "rounded_rows",
    "unit_rows",
]


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


@dataclass(frozen=True, eq=False)
class Halfspaces:
    """The closed polytope ``{x : normals @ x + offsets >= 0}``.

    Attributes
    ----------
    normals : numpy.ndarray of float64, shape (m, d)
    offsets : numpy.ndarray of float64, shape (m,)
    """

    normals: Floats
    offsets: Floats

    def __repr__(self) -> str:
        rows, inputs = self.normals.shape
        return f"<Halfspaces: {rows} inequalities in {inputs} inputs>"

    def slack(self, x: ArrayLike) -> Floats:
        """Return ``normals @ x + offsets``: non-negative where a row is satisfied.

        Parameters
        ----------
        x : array_like, shape (d,) or (k, d)

        Returns
        -------
        numpy.ndarray of float64, shape (m,) or (k, m)

        Raises
        ------
        DomainError
            If the points are no finite real numbers, or have another length.

        Examples
        --------
        >>> unit_interval = Halfspaces(np.array([[1.0], [-1.0]]), np.array([0.0, 1.0]))
        >>> unit_interval.slack([0.25])
        array([0.25, 0.75])
        """
        points = finite_floats(x, "points", DomainError)
        d = self.normals.shape[1]
        if points.ndim not in (1, 2) or points.shape[-1] != d:
            raise DomainError(f"points must have shape ({d},) or (k, {d}), not {points.shape}")
        return np.asarray(points @ self.normals.T + self.offsets)


def region_halfspaces(network: Network, domain: Domain | None, pattern: Words) -> Halfspaces:
    """Return the polytope of a pattern in the free inputs of the domain.

    Parameters
    ----------
    network : Network
    domain : Box, Polytope or None
        Fixed coordinates are substituted; ``None`` is the whole space.
    pattern : numpy.ndarray of uint64, shape (W,)

    Returns
    -------
    Halfspaces
        Over the d free inputs, in the order of ``domain.free``. Row i < N is unit
        i's pre-activation, signed so that the pattern's side is non-negative;
        a unit that is identically zero keeps its row, of zeros. Then come
        ``x_k - lower_k`` and ``upper_k - x_k`` for each free input k in turn; for a
        polytope ``b - A @ x`` instead.

    Raises
    ------
    DomainError
        If the domain's dimension is not the network's.
    NetworkError
        If it is no packed pattern.

    Notes
    -----
    *Algorithm.* The rows are computed in exact integers and rounded once, so a
    row that is zero is zero and a row's sign is right. A row too large or too
    small for a float is multiplied by a power of two, which moves no half-space.

    Examples
    --------
    >>> from polyregions.domain import Box
    >>> net = Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[2.0, -4.0]], [0.0])])
    >>> polytope = region_halfspaces(net, Box.cube(1, 1.0), net.pattern([0.25]))
    >>> np.column_stack([polytope.normals, polytope.offsets])
    array([[ 1. ,  0. ],
           [-1. ,  0.5],
           [ 1. ,  1. ],
           [-1. ,  1. ]])
    """
    exact = exact_on_inputs(network, domain)
    units = network.hidden_units
    bits = unpack(check_pattern(pattern, units), units)
    table = rounded_rows(exact, exact_rows(exact, bits)[:units], range(units))
    table = np.concatenate([table, domain_halfspaces(domain, table.shape[1] - 1)])
    return Halfspaces(table[:, :-1], table[:, -1])


def domain_halfspaces(domain: Domain | None, dimension: int) -> Floats:
    """Return the rows (normal, offset) of a domain in its free inputs, shape (q, d + 1).

    They are exact, in the order of :func:`region_halfspaces`; none for the whole space.
    """
    if domain is None:
        return np.empty((0, dimension + 1))
    if isinstance(domain, Polytope):
        return np.column_stack([-domain.A, domain.b])
    free = domain.free
    sides = np.zeros((2 * len(free), len(free) + 1))
    for k, i in enumerate(free.tolist()):
        sides[2 * k, [k, -1]] = 1.0, -domain.lower[i]
        sides[2 * k + 1, [k, -1]] = -1.0, domain.upper[i]
    return sides


def unit_rows(rows: Floats) -> Floats:
    """Scale rows (normal, offset) to normals of unit length; those of zeros become NaN."""
    with np.errstate(all="ignore"):
        # the largest entry first: squares of tiny or huge rows leave the float range
        rows = rows / np.abs(rows[:, :-1]).max(axis=1, initial=0.0)[:, None]
        return np.asarray(rows / np.linalg.norm(rows[:, :-1], axis=1)[:, None])


@lru_cache(maxsize=4)
def exact_on_inputs(network: Network, domain: Domain | None) -> ExactNetwork:
    """Return the exact network whose chart coordinates are the free inputs themselves."""
    return exact_network(network, input_chart(domain, network.input_dimension))


def rounded_rows(
    exact: ExactNetwork, rows: Iterable[Sequence[flint.fmpz]], units: Iterable[int]
) -> Floats:
    """Return exact rows of some units as floats, each entry rounded once.

    Parameters
    ----------
    exact : ExactNetwork
        Whose rows they are (:func:`exact_on_inputs`).
    rows : iterable of rows of d + 1 integers
    units : iterable of int
        The unit that each is of.

    Returns
    -------
    numpy.ndarray of float64, shape (k, d + 1)
    """
    factors = _unit_factors(exact)
    table = [_rounded_row(row, factors[unit]) for row, unit in zip(rows, units, strict=True)]
    return np.array(table).reshape(-1, exact.chart.dimension + 1)


def _unit_factors(exact: ExactNetwork) -> list[int]:
    """Return, per unit that bends, the power of two by which its exact row is multiplied."""
    transform = exact.chart.transform
    factor = int(transform[transform.nrows() - 1, transform.ncols() - 1])
    factors = []
    # integers of a layer carry the denominators of all below
    for layer in exact.layers:
        factor *= layer.weight_scale
        factors += [factor] * sum(layer.bends)
        factor *= layer.slope_scale
    return factors


def _rounded_row(row: Sequence[flint.fmpz], factor: int) -> list[float]:
    """Divide a row by a power of two and round each entry once."""
    # sizes near 1000 bits would leave the range of floats: half-spaces do not mind the factor
    entries = [int(entry) for entry in row]
    size = max(abs(entry) for entry in entries).bit_length() - factor.bit_length()
    if any(entries) and size > 1000:
        factor <<= size - 1000
    elif any(entries) and size < -1000:
        entries = [entry << (-1000 - size) for entry in entries]
    return [entry / factor for entry in entries]
