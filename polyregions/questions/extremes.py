"""The largest and smallest outputs of a network where regions are listed, and the region."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from polyregions.analysis.adjacency import require_complete
from polyregions.arrays import Point
from polyregions.domain.chart import chart_of
from polyregions.errors import PolyregionsError
from polyregions.network.exact_network import exact_network, exact_signs, rational_point
from polyregions.pattern import pack
from polyregions.questions.optimum import maximum, minimum
from polyregions.regions import Regions

__all__ = ["Extreme", "extreme_output"]


@dataclass(frozen=True)
class Extreme:
    """An extreme value of an output on the closed domain.

    Attributes
    ----------
    value : Fraction
        Exact.
    point : tuple of Fraction, length n
        An input that attains it, fixed coordinates included.
    region : int
        A region whose closure holds the point.
    """

    value: Fraction
    point: tuple[Fraction, ...]
    region: int


def extreme_output(regions: Regions, output: int = 0, *, smallest: bool = False) -> Extreme:
    """Return the exact maximum (or minimum) of one output on the closed domain.

    Parameters
    ----------
    regions : Regions
        A complete result in a box or polytope.
    output : int
    smallest : bool
        Minimise instead.

    Returns
    -------
    Extreme

    Raises
    ------
    PartialResultError
        If the enumeration was stopped early.
    PolyregionsError
        If the domain is the whole space, where outputs are not bounded in general.
    IndexError
        If there is no such output.

    Notes
    -----
    *Algorithm.* :func:`polyregions.maximum` or :func:`polyregions.minimum`, which look at no
    list; then the first region that agrees with the units that do not vanish at the point.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[2.0, -4.0]], [0.0])])
    >>> best = extreme_output(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)))
    >>> best.value, [str(x) for x in best.point]
    (Fraction(1, 1), ['1/2'])
    """
    require_complete(regions, "extreme outputs")
    network, domain = regions.network, regions.domain
    if domain is None:
        raise PolyregionsError("extreme outputs need a box; the whole space is not bounded")
    output = range(network.output_dimension)[output]
    best = (minimum if smallest else maximum)(network, domain, output)
    return Extreme(best.value, best.point, _region_around(regions, best.point))


def _region_around(regions: Regions, point: Point) -> int:
    """Return the first region whose closure holds a point of the closed domain."""
    network = regions.network
    exact = exact_network(network, chart_of(None, network.input_dimension))
    signs = np.array(exact_signs(exact, rational_point(point)))
    # a unit that vanishes there says nothing, whichever side it is counted on
    broken = (regions.patterns ^ pack(signs > 0)) & pack(signs != 0)
    return int(np.flatnonzero(~broken.any(axis=1))[0])
