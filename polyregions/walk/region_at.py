"""The region of a given point: proven to be one, with a place where a walk may begin."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import SupportsInt

import numpy as np
from numpy.typing import ArrayLike

from polyregions.arrays import Floats
from polyregions.domain import Domain
from polyregions.domain.chart import chart_of, chart_point
from polyregions.errors import DomainError
from polyregions.exact.facets import interior_point
from polyregions.network import input_point
from polyregions.network.exact_network import exact_rows
from polyregions.pattern import Words, pack, unpack
from polyregions.run.problem import Problem
from polyregions.walk.first_region import heights_at

__all__ = ["check_in_domain", "region_at", "touching_point"]


def region_at(problem: Problem, x: ArrayLike) -> tuple[Words, Floats]:
    """Return the packed varying bits of the region that a point is in, and where it is in it.

    Parameters
    ----------
    problem : Problem
    x : array_like, shape (n,)
        In the domain or on its boundary. On a boundary between regions units that are zero
        count as off, as in :meth:`polyregions.Regions.find`.

    Returns
    -------
    pattern : numpy.ndarray of uint64, shape (W,)
    point : numpy.ndarray of float64, shape (m,)
        A chart point of the region's closure.

    Raises
    ------
    NetworkError
        If it is no point of finite real numbers, or of another length.
    DomainError
        If it is outside the domain, or between regions in none of which these units are off.
    """
    network, domain = problem.network, problem.domain
    given = input_point(network, x)
    check_in_domain(domain, given)
    words = network.pattern(given)
    point = touching_point(problem, words, [Fraction(value) for value in given.tolist()])
    if point is None:
        raise DomainError(
            "the point is on the boundary of several regions, and in none of them are all units "
            "off that are zero there; move it a little"
        )
    return pack(problem.reduction.shrink(unpack(words, network.hidden_units))), point


def check_in_domain(domain: Domain | None, x: Floats) -> None:
    """Refuse a point that is neither in a domain nor on its boundary.

    Raises
    ------
    DomainError
    """
    chart_of(domain, len(x))  # refuses a domain of other inputs
    if domain is not None and not domain.closure_contains(x[None])[0]:
        raise DomainError("the point is outside the domain; take one inside, or a larger domain")


def touching_point(problem: Problem, words: Words, x: Sequence[Fraction]) -> Floats | None:
    """Return a chart point, about an input, of the region that has the input's pattern.

    Parameters
    ----------
    problem : Problem
    words : numpy.ndarray of uint64, shape (W,)
        The pattern of the network at the input: units that are zero there are off.
    x : sequence of Fraction, length n
        In the domain or on its boundary.

    Returns
    -------
    numpy.ndarray of float64, shape (m,), or None
        None proves that the pattern is that of no region.

    Notes
    -----
    *Algorithm.* Where rounding bounds prove that no unit is zero, the region surrounds the
    input. Else the rows that are zero there, in exact arithmetic: those of the region are
    positive at the input or zero, so that it is not empty if and only if those that are zero
    can all be positive at once.
    """
    at = chart_point(problem.domain, x)[: problem.chart.dimension]
    point = np.array([float(value) for value in at])
    bits = problem.reduction.shrink(unpack(words, problem.network.hidden_units))
    height, error = heights_at(problem, bits, point)
    sure = height > 2 * error
    # rounding kept the point in the cube, whose rows are the first ones of the domain
    sure[problem.flat.units :][: 2 * len(point)] = True
    if sure.all():
        return point
    rows = exact_rows(problem.exact, problem.reduction.grow(bits))
    walls = rows[problem.exact.hidden_units :]
    tight = [row for row in rows if any(row) and not _row_value(row, at)]
    return None if interior_point([*tight, *walls]) is None else point


def _row_value(row: Sequence[SupportsInt], at: Sequence[Fraction]) -> Fraction:
    """Return the value of an exact row at a chart point."""
    *slopes, offset = (Fraction(int(entry)) for entry in row)
    return sum((a * u for a, u in zip(slopes, at, strict=True) if a), offset)
