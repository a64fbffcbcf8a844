"""Where a walk begins: one region, proven to exist."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Bits, Floats
from polyregions.geometry.pattern_at import write_pattern_at
from polyregions.geometry.rows import OK, Rows, row_scratch, write_region_rows
from polyregions.network.exact_network import exact_rows
from polyregions.network.flat import FlatNetwork
from polyregions.run.problem import Problem

__all__ = ["heights_at", "start_points", "start_region"]

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
    from polyregions.exact.facets import interior_point
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


def heights_at(problem: Problem, bits: Bits, point: Floats) -> tuple[Floats, Floats]:
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
    from polyregions.exact.facets import interior_point

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
