"""Where a walk begins: one region, proven to exist, or that of a given point."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import SupportsInt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyregions.arrays import Bits, Floats
from polyregions.domain import Domain
from polyregions.domain.chart import chart_of, chart_point
from polyregions.errors import DomainError
from polyregions.exact.facets import interior_point
from polyregions.geometry.rows import OK, Rows, row_scratch, write_pattern_at, write_region_rows
from polyregions.network import input_point
from polyregions.network.exact_network import exact_rows
from polyregions.network.flat import FlatNetwork
from polyregions.pattern import Words, pack, unpack
from polyregions.run.problem import Problem

__all__ = [
    "check_in_domain",
    "region_at",
    "start_points",
    "start_region",
    "touching_point",
]

_TRIES = 4


def start_region(problem: Problem) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return the varying bits of one region and a point in it (chart coordinates).

    Notes
    -----
    *Algorithm.* The pattern of a generic point, accepted if every unit differs from zero
    there by more than its rounding bound. On degenerate networks that
    fail this, a germ in exact arithmetic: the pattern beside a point in infinitesimal
    steps along independent directions always belongs to a full-dimensional region.
    """
    flat = problem.flat
    bits, scratch = np.zeros(flat.units, dtype=np.uint8), row_scratch(flat)
    for point in start_points(problem):
        if write_pattern_at(flat, point, bits, scratch):
            return bits, point
    from polyregions.walk.rational_walk import start_bits

    bits = start_bits(problem.exact)
    interior = interior_point(exact_rows(problem.exact, bits))
    if interior is None:  # pragma: no cover - excluded by the choice of start_bits
        raise AssertionError("the start's pattern has an empty region")
    return problem.reduction.shrink(bits), np.array([float(value) for value in interior])


def start_points(problem: Problem) -> Floats:
    """Return generic points inside the domain, about, in chart coordinates; one per row.

    Inside a polytope, generic points of the cube are moved towards an inner one.
    """
    points = _generic_points(problem.flat.dimension).copy()
    if problem.chart.homogeneous:
        points[:, -1] = 0.5
    inside = _inner_point(problem)
    if inside is not None:
        points = np.stack([_moved_inside(problem.flat, inside, point) for point in points])
    return np.asarray(points)


@cache
def _generic_points(m: int) -> Floats:
    # multiples of an irrational number: points that no plane in use is likely to contain
    golden = (np.sqrt(5.0) - 1.0) / 2.0
    return np.asarray((golden * np.arange(1, 1 + _TRIES * m)).reshape(_TRIES, m) % 1.0 - 0.5)


def _heights_at(problem: Problem, bits: Bits, point: Floats) -> tuple[Floats, Floats]:
    """Return the rows of a pattern's polytope at a chart point.

    Returns
    -------
    height, error : numpy.ndarray of float64, shape (rows,)
        Units, then the domain. A height above twice its error is proven to be positive; nothing
        is said of a row that rounding may have lost, whose error is infinite.
    """
    flat = problem.flat
    m = flat.dimension
    rows, errors = np.zeros((m + 1, flat.size)), np.zeros(flat.size)
    status = write_region_rows(
        flat,
        len(flat.widths),
        bits,
        np.arange(flat.size),
        flat.size,
        Rows(rows, errors),
        row_scratch(flat),
    )
    if status != OK:
        errors[:] = np.inf
    return point @ rows[:m] + rows[m], errors


def _inner_point(problem: Problem) -> NDArray[np.float64] | None:
    """Return a chart point inside a polytope, about; None if the domain fills its cube."""
    chart = problem.chart
    if chart.homogeneous or chart.rows.nrows() == 2 * chart.dimension:
        return None
    inside = interior_point(chart.rows.tolist())
    assert inside is not None  # a domain has interior by construction
    return np.array([float(value) for value in inside])


def _moved_inside(
    flat: FlatNetwork, inside: NDArray[np.float64], point: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the middle of the way from `inside` to `point` or to the domain's boundary."""
    m = flat.dimension
    height, change = inside @ flat.domain[:m] + flat.domain[m], (point - inside) @ flat.domain[:m]
    falling = change < 0
    reach = float((height[falling] / -change[falling]).min(initial=1.0))
    return np.asarray(inside + 0.5 * reach * (point - inside))


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
    height, error = _heights_at(problem, bits, point)
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
