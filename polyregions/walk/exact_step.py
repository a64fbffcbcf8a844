"""One region in exact arithmetic: its interior, its facets and its neighbours.

This is what the walk does with a region that rounding bounds leave open, and all
that the rational walk does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import flint
import numpy as np

from polyregions.arrays import Bits
from polyregions.exact.facets import ExactFacets, exact_facets
from polyregions.exact.stopping import look
from polyregions.geometry.exact_facet_crossing import bits_beyond
from polyregions.network.exact_network import ExactNetwork, exact_rows

__all__ = ["ExactFacet", "ExactRegion", "exact_region"]


@dataclass(frozen=True, eq=False)
class ExactFacet:
    """A facet inside the open domain.

    Attributes
    ----------
    units : tuple of int
        The units whose hyperplane carries the facet, sorted.
    neighbor : numpy.ndarray of uint8, shape (N,)
        Pattern of the region on the other side.
    point : tuple of Fraction
        A point in the facet's relative interior, in chart coordinates.
    """

    units: tuple[int, ...]
    neighbor: Bits
    point: tuple[Fraction, ...]


@dataclass(frozen=True, eq=False)
class ExactRegion:
    """A region of full dimension; `interior` lies strictly inside, in chart coordinates."""

    interior: tuple[Fraction, ...]
    facets: tuple[ExactFacet, ...]


def exact_region(
    exact: ExactNetwork,
    bits: Sequence[int] | Bits,
    facets_of: Callable[[list[list[flint.fmpz]]], ExactFacets | None] = exact_facets,
) -> ExactRegion | None:
    """Return a pattern's region with all its neighbours, or None if it is no region.

    Parameters
    ----------
    exact : ExactNetwork
    bits : sequence of int, length N
    facets_of : callable, optional
        Answers which of its rows carry facets, and gives the region's `interior`.

    Returns
    -------
    ExactRegion or None
        None proves that the pattern's open polytope is empty or that the pattern is
        not canonical: a unit that vanishes identically on the region must have bit 0.

    Examples
    --------
    >>> from polyregions.domain import Box
    >>> from polyregions.domain.chart import chart_of
    >>> from polyregions.network.exact_network import exact_network
    >>> from polyregions.network import Network
    >>> net = Network.from_arrays([([[1.0], [2.0]], [0.0, -1.0]), ([[1.0, 1.0]], [0.0])])
    >>> exact = exact_network(net, chart_of(Box.cube(1, 1.0), 1))
    >>> region = exact_region(exact, [1, 0])
    >>> [(facet.units, facet.neighbor.tolist()) for facet in region.facets]
    [((0,), [0, 0]), ((1,), [1, 1])]
    >>> exact_region(exact, [0, 1]) is None
    True
    """
    pattern = np.array(bits, dtype=np.uint8)
    rows = exact_rows(exact, pattern)
    n_units = exact.hidden_units
    # a unit that is zero all over the region is off, by convention: else a region had two patterns
    if any(bit and not any(row) for bit, row in zip(pattern, rows, strict=False)):
        return None
    # rows of the domain bound the polytope as well, though their facets lead nowhere
    answer = facets_of(rows)
    if answer is None:
        return None
    facets = []
    for group, point in zip(answer.groups, answer.points, strict=True):
        if group[-1] < n_units:  # groups are sorted: no row of the domain is in it
            look()
            beyond = bits_beyond(exact, pattern, rows, group, point)
            facets.append(ExactFacet(group, beyond, point))
    return ExactRegion(answer.interior, tuple(facets))
