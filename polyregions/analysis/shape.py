"""The shape of one region: vertices, volume, bounding box, largest ball, facets."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import flint
import numpy as np

from polyregions.analysis.affine_maps import exact_on_domain, free_inputs
from polyregions.arrays import Floats
from polyregions.errors import PolyregionsError
from polyregions.exact.facets import exact_facets, interior_point
from polyregions.geometry.double_description import cube_polytope
from polyregions.geometry.region_polytope import (
    Vertices,
    chart_polytope,
    chart_vertices,
    chart_volume,
)
from polyregions.network.exact_network import ExactNetwork, exact_rows
from polyregions.pattern import Words, unpack
from polyregions.regions import Region, check_region
from polyregions.regions.facets import facet_halfspaces, facet_rows

__all__ = [
    "Ball",
    "Vertices",
    "bounding_box",
    "facets",
    "largest_ball",
    "pattern_vertices",
    "vertices",
    "volume",
]


def vertices(region: Region) -> Vertices:
    """Return the exact vertices of a region's closure.

    Parameters
    ----------
    region : Region

    Returns
    -------
    Vertices
        Fixed coordinates included.

    Notes
    -----
    *Algorithm.* Double description in exact integers
    (:meth:`polyregions.geometry.double_description.DoubleDescription.cut`), which is meant for few
    dimensions. On the whole space it runs on the cone over the region, cut by a cube:
    the cone's extreme rays are the vertices where all other rows have rank n.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 2]], [-0.5]), ([[1]], [0])])
    >>> region = pr.enumerate_regions(net, pr.Box.interval(2, 0.0, 1.0))[0]
    >>> [tuple(map(str, point)) for point in vertices(region).points]
    [('0', '0'), ('0', '1/4'), ('1/2', '0')]
    """
    return pattern_vertices(_exact(region), region.pattern)


def pattern_vertices(exact: ExactNetwork, words: Words) -> Vertices:
    """Return the same of a pattern, for a network in integers that many regions share."""
    polytope = chart_polytope(exact, unpack(words, exact.hidden_units))
    return chart_vertices(exact.chart, polytope)


def volume(region: Region) -> Fraction | float:
    """Return the exact volume of a region in the free inputs; infinite if unbounded.

    Parameters
    ----------
    region : Region

    Returns
    -------
    Fraction, or float for infinity

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 2]], [-0.5]), ([[1]], [0])])
    >>> volume(pr.enumerate_regions(net, pr.Box.interval(2, 0.0, 1.0))[0])
    Fraction(1, 16)
    """
    exact = _exact(region)
    polytope = chart_polytope(exact, unpack(region.pattern, exact.hidden_units))
    return chart_volume(exact.chart, polytope)


def bounding_box(region: Region) -> tuple[Floats, Floats]:
    """Return the least and largest value of each input on a region.

    Parameters
    ----------
    region : Region

    Returns
    -------
    low, high : numpy.ndarray of float64, shape (n,)
        Exact values, rounded once to floats; infinite where the region is unbounded.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 2]], [-0.5]), ([[1]], [0])])
    >>> bounding_box(pr.enumerate_regions(net, pr.Box.interval(2, 0.0, 1.0))[0])
    (array([0., 0.]), array([0.5 , 0.25]))
    """
    corners = vertices(region)
    points = corners.as_floats()
    low, high = points.min(axis=0), points.max(axis=0)
    for ray in corners.rays:
        low[[x < 0 for x in ray]] = -np.inf
        high[[x > 0 for x in ray]] = np.inf
    return low, high


@dataclass(frozen=True, eq=False)
class Ball:
    """A largest ball in a region (floating point).

    Attributes
    ----------
    centre : numpy.ndarray of float64, shape (n,)
    radius : float
        In the free inputs.
    """

    centre: Floats
    radius: float


def largest_ball(region: Region) -> Ball:
    """Return a largest ball in a region, in the free inputs (floating point).

    The centre is a Chebyshev centre; the radius is infinite if balls of any size fit.

    Parameters
    ----------
    region : Region

    Returns
    -------
    Ball

    Raises
    ------
    PolyregionsError
        If the solver finds no ball: the region is too thin for it.

    Notes
    -----
    *Algorithm.* One linear program (HiGHS) over the facets: maximise r subject to
    ``normal @ x + offset >= r |normal|``. Whether balls of any size fit is decided exactly:
    then some direction leads away from every facet.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0]], [-0.5]), ([[1]], [0])])
    >>> round(largest_ball(pr.enumerate_regions(net, pr.Box.interval(2, 0.0, 1.0))[0]).radius, 6)
    0.25
    """
    check_region(region)
    from scipy.optimize import linprog

    normals, offsets = facet_halfspaces(region)
    d = normals.shape[1]
    if region.domain is None and _holds_every_ball(region):
        return Ball(region.witness.copy(), float("inf"))
    answer = linprog(
        np.append(np.zeros(d), -1.0),
        A_ub=np.column_stack([-normals, np.ones(len(normals))]),
        b_ub=offsets,
        bounds=[(None, None)] * d + [(0, None)],
    )
    centre = region.witness.copy()
    if answer.x is None or not answer.success:
        raise PolyregionsError(
            f"no largest ball was found ({answer.message}): the region is too thin for a solver; "
            f"its exact vertices are known to polyregions.analysis.shape.vertices"
        )
    centre[free_inputs(region)] = answer.x[:-1]
    return Ball(centre, float(answer.x[-1]))


def facets(region: Region) -> list[tuple[int, ...]]:
    """Return the facets of a region inside the open domain: the units that carry each.

    Parameters
    ----------
    region : Region

    Returns
    -------
    list of tuple of int
        Exact; several units where hyperplanes coincide.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [2.0]], [0.0, 0.0]), ([[1, 1]], [0])])
    >>> facets(pr.enumerate_regions(net, pr.Box.cube(1, 1.0))[0])
    [(0, 1)]
    """
    exact = _exact(region)
    rows = exact_rows(exact, unpack(region.pattern, exact.hidden_units))
    answer = exact_facets(rows)
    assert answer is not None  # a region is not empty
    return [group for group in answer.groups if group[-1] < exact.hidden_units]


def _holds_every_ball(region: Region) -> bool:
    """Whether some direction leads away from every facet of a region of the whole space."""
    exact = _exact(region)
    n = exact.chart.dimension - 1
    rows = exact_rows(exact, region.bits)
    away = [[*rows[k][:n], flint.fmpz(0)] for k in facet_rows(region)]
    return interior_point([*away, *cube_polytope(n).rows]) is not None


def _exact(region: Region) -> ExactNetwork:
    check_region(region)
    return exact_on_domain(region)
