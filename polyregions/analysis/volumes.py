"""Volumes of all regions: exact rationals, or these rounded to floats."""

from __future__ import annotations

import warnings
from fractions import Fraction
from math import ceil, comb, floor

import numpy as np

from polyregions.analysis.adjacency import degrees
from polyregions.analysis.affine_maps import free_inputs
from polyregions.arrays import Floats
from polyregions.domain import Box, Domain
from polyregions.domain.chart import chart_of
from polyregions.geometry.double_description import polytope_of
from polyregions.geometry.region_polytope import chart_volume
from polyregions.regions import Regions, check_regions
from polyregions.regions.polytopes import chart_polytopes, rounded_volumes
from polyregions.run.progress import OnSteps, counted, shown_steps

__all__ = ["box_volume", "domain_volume", "estimated_seconds", "exact_volumes", "volumes"]


_PATIENCE = 60.0  # seconds after which a warning is due


def exact_volumes(regions: Regions, *, progress: OnSteps = None) -> list[Fraction | float]:
    """Return the exact volume of each region in the free inputs.

    Parameters
    ----------
    regions : Regions
    progress : bool or callable, optional
        True shows it on stderr; a callable is called with the numbers of regions done and to be
        done.

    Returns
    -------
    list of Fraction, or float for infinity
        Those of a complete result add up to ``domain_volume(regions.domain)``, exactly.

    Warns
    -----
    UserWarning
        With an estimate, before starting, if it will take more than a minute.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 2]], [-0.5]), ([[1]], [0])])
    >>> exact_volumes(pr.enumerate_regions(net, pr.Box.interval(2, 0.0, 1.0)))
    [Fraction(1, 16), Fraction(15, 16)]
    """
    check_regions(regions)
    _warn(regions)
    chart = chart_of(regions.domain, regions.network.input_dimension)
    with shown_steps(progress, "regions", "measured") as report:
        polytopes = counted(chart_polytopes(regions), len(regions), report)
        return [chart_volume(chart, polytope) for polytope in polytopes]


def volumes(regions: Regions, *, progress: OnSteps = None) -> Floats:
    """Return the volume of each region in the free inputs in floating point.

    Parameters
    ----------
    regions : Regions
    progress : bool or callable, optional
        True shows it on stderr; a callable is called with the numbers of regions done and to be
        done.

    Returns
    -------
    numpy.ndarray of float64, shape (R,)
        Those of :func:`exact_volumes`, each rounded once. Unbounded regions have infinite
        volume, and so have those larger than any float.

    Warns
    -----
    UserWarning
        With an estimate, before starting, if it will take more than a minute.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 2]], [-0.5]), ([[1]], [0])])
    >>> volumes(pr.enumerate_regions(net, pr.Box.interval(2, 0.0, 1.0)))
    array([0.0625, 0.9375])
    """
    return rounded_volumes(exact_volumes(regions, progress=progress))


def box_volume(box: Box) -> Fraction:
    """Return the exact volume of a box in its free coordinates.

    Examples
    --------
    >>> box_volume(Box([0.0, 3.0, -1.0], [0.5, 3.0, 1.0]))
    Fraction(1, 1)
    """
    total = Fraction(1)
    for i in box.free.tolist():
        total *= Fraction(float(box.upper[i])) - Fraction(float(box.lower[i]))
    return total


def domain_volume(domain: Domain) -> Fraction:
    """Return the exact volume of a box or polytope in its free coordinates.

    Examples
    --------
    >>> from polyregions.domain import Polytope
    >>> domain_volume(Polytope([[-1, 0, 0], [0, -1, 0], [0, 0, -1], [1, 1, 1]], [0, 0, 0, 1]))
    Fraction(1, 6)
    """
    if isinstance(domain, Box):
        return box_volume(domain)
    chart = chart_of(domain, domain.dimension)
    walls = [[int(entry) for entry in row] for row in chart.rows.tolist()]
    inside = polytope_of(chart.dimension, walls[2 * chart.dimension :])
    assert inside is not None  # a domain has interior by construction
    total = chart_volume(chart, inside)
    assert isinstance(total, Fraction)  # a polytope is bounded
    return total


def estimated_seconds(regions: Regions) -> float:
    """Return a rough upper estimate of how long the volumes of all regions take.

    From McMullen's upper bound on the vertices of a polytope with as many facets as the
    regions have on average.
    """
    check_regions(regions)
    n = len(free_inputs(regions))
    # many regions touch some of the box's 2 n walls
    facets = max(n + 1, int(np.mean(degrees(regions))) + n)
    most = comb(facets - ceil(n / 2), floor(n / 2))
    most += comb(facets - floor(n / 2) - 1, ceil(n / 2) - 1)
    return len(regions) * most * n * 2e-5


def _warn(regions: Regions) -> None:
    seconds = estimated_seconds(regions)
    if seconds > _PATIENCE:
        warnings.warn(
            f"volumes of {len(regions)} regions will take up to about {seconds:.0e} seconds; "
            f"take fewer regions or fewer free inputs",
            stacklevel=3,
        )
