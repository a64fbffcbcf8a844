"""The largest and smallest outputs of a network on a box or polytope, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from polyregions.analysis.adjacency import facet_units, require_complete
from polyregions.analysis.affine_maps import exact_maps, largest_value
from polyregions.domain.chart import chart_point
from polyregions.errors import PolyregionsError
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
    *Algorithm.* One exact linear program per region, over its facets only.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[2.0, -4.0]], [0.0])])
    >>> best = extreme_output(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)))
    >>> best.value, [str(x) for x in best.point]
    (Fraction(1, 1), ['1/2'])
    """
    require_complete(regions, "extreme outputs")
    if regions.domain is None:
        raise PolyregionsError("extreme outputs need a box; the whole space is not bounded")
    maps = exact_maps(regions.network, regions.domain)
    output = range(maps.outputs)[output]
    units = facet_units(regions)
    sign = -1 if smallest else 1
    best: tuple[Fraction, tuple[Fraction, ...], int] | None = None
    for index in range(len(regions)):
        rows, outputs, walls = maps.rows(regions.patterns[index])
        polytope = [*(rows[unit] for unit in units[index]), *walls]
        objective = [sign * entry for entry in outputs[output]]
        start = chart_point(regions.domain, regions[index].exact_witness)
        value, point = largest_value(objective, polytope, start)
        if best is None or value > best[0]:
            best = value, point, index
    assert best is not None  # a domain has at least one region
    value, point, index = best
    return Extreme(sign * value / maps.scale, maps.chart.to_input(point), index)
