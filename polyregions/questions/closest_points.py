"""Distances in three norms: exact ones, bounds on boxes, and the closest point of a cell's part."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm

import flint
import numpy as np

from polyregions.analysis.lipschitz import Norm
from polyregions.arrays import Floats, Point
from polyregions.domain.chart import Chart
from polyregions.exact.closed import ClosedPolytope, nearest_to_origin
from polyregions.exact.simplex import Column, Row, column_of
from polyregions.network.backward_bounds import Boxes, Planes, least_values
from polyregions.rounding import ROUNDOFF, TINY

__all__ = ["closest_point", "distance_of", "distances_to_boxes", "distances_to_planes"]

_DUAL: dict[Norm, Norm] = {"1": "inf", "2": "2", "inf": "1"}
_LARGEST_FLOAT = np.finfo(np.float64).max / 2


def distance_of(point: Point, other: Point, norm: Norm) -> Fraction:
    """Return the distance of two points; its square in the norm 2.

    Examples
    --------
    >>> origin, point = (Fraction(0), Fraction(0)), (Fraction(3), Fraction(-4))
    >>> [int(distance_of(origin, point, norm)) for norm in ("1", "2", "inf")]
    [7, 25, 4]
    """
    sides = [abs(a - b) for a, b in zip(point, other, strict=True)]
    if norm == "inf":
        return max(sides)
    return sum((side * side if norm == "2" else side for side in sides), Fraction(0))


def distances_to_boxes(x: Floats, boxes: Boxes, norm: Norm) -> Floats:
    """Return proven lower bounds on the distances from a point to boxes, shape (k,)."""
    with np.errstate(all="ignore"):
        gaps = np.maximum(np.maximum(boxes.lower - x, x - boxes.upper), 0.0)
        return _norms(np.minimum(gaps, _LARGEST_FLOAT), norm, down=True)


def distances_to_planes(x: Floats, planes: Planes, norm: Norm) -> Floats:
    """Return proven lower bounds on the distances to where no plane is positive, shape (k,).

    Notes
    -----
    The distance to {a x + b <= 0} is (a x + b) / |a|, in the dual norm.
    """
    dual = _DUAL[norm]
    k, rows, n = planes.normals.shape
    heights = least_values(planes, Boxes(*np.broadcast_to(x, (2, k, n))))
    with np.errstate(all="ignore"):
        steepness = _norms(planes.normals.reshape(k * rows, n), dual, down=False).reshape(k, rows)
        found = heights / steepness * (1.0 - 4.0 * ROUNDOFF) - TINY
        # where a height is no number, or both are infinite, nothing is known
        known = np.isfinite(heights) & (heights > 0) & ~np.isnan(found)
        farthest: Floats = np.where(known, np.clip(found, 0.0, _LARGEST_FLOAT), 0.0).max(axis=1)
        return farthest


def _norms(vectors: Floats, norm: Norm, *, down: bool) -> Floats:
    """Return norms of vectors, rounded downwards or upwards."""
    sizes = np.abs(vectors)
    peak: Floats = sizes.max(axis=1)
    found: Floats
    if norm == "1":
        found = sizes.sum(axis=1)
    elif norm == "inf":
        found = peak
    else:
        scale = np.where(peak > 0, peak, 1.0)
        found = scale * np.sqrt(((sizes / scale[:, None]) ** 2).sum(axis=1))
    relative = (sizes.shape[1] + 16) * ROUNDOFF
    if not down:
        above: Floats = found * (1.0 + relative) + TINY
        return above
    below: Floats = np.maximum(np.minimum(found, _LARGEST_FLOAT) * (1.0 - relative) - TINY, 0.0)
    return below


def closest_point(chart: Chart, part: ClosedPolytope, x: Point, norm: Norm) -> Column:
    """Return the point of a polytope on a box's chart that is closest to an input, exactly.

    Parameters
    ----------
    chart : Chart
        Of a box.
    part : ClosedPolytope
        In that chart.
    x : Point
        An input, which may be outside of the box.
    norm : {"1", "2", "inf"}

    Returns
    -------
    Column
        Of the chart.

    Notes
    -----
    *Algorithm.* Norms 1 and inf: a linear program with a variable for the size of each
    coordinate of the difference, or one for all. Norm 2: an exact active-set method.
    """
    if not chart.dimension:
        return part.point
    return _projection(chart, part, x) if norm == "2" else _by_program(chart, part, x, norm)


def _offsets_from(chart: Chart, x: Point) -> list[list[Fraction]]:
    """Return the coordinates of u -> x(u) - x as rows over the chart."""
    m = chart.dimension
    scale = int(chart.transform[len(x), m])
    return [
        [
            *(Fraction(int(chart.transform[i, k]), scale) for k in range(m)),
            Fraction(int(chart.transform[i, m]), scale) - value,
        ]
        for i, value in enumerate(x)
    ]


def _projection(chart: Chart, part: ClosedPolytope, x: Point) -> Column:
    """Return the Euclidean projection: chart coordinates are scaled, each on its own."""
    # of each chart coordinate: half of its side, and where the box has its centre
    sides = [
        next((row[k], row[-1]) for row in _offsets_from(chart, x) if row[k])
        for k in range(chart.dimension)
    ]
    inequalities = []
    for row in part.rows.values():
        *slopes, offset = (Fraction(int(entry)) for entry in row)
        normal = [a / half for a, (half, _) in zip(slopes, sides, strict=True)]
        moved = sum((a * c for a, (_, c) in zip(normal, sides, strict=True)), Fraction(0))
        inequalities.append((normal, offset - moved))
    point = nearest_to_origin(inequalities)
    return column_of([(y - c) / half for y, (half, c) in zip(point, sides, strict=True)])


def _by_program(chart: Chart, part: ClosedPolytope, x: Point, norm: Norm) -> Column:
    m = chart.dimension
    differences = _offsets_from(chart, x)
    reaches = [sum(map(abs, row), Fraction(0)) for row in differences]
    if norm == "inf":
        # one variable t in [-1, 1]: the distance is (t + 1) / 2 times the largest there may be
        owners, sizes = [0] * len(x), [max(reaches)]
    else:
        moving = [i for i, row in enumerate(differences) if any(row[:-1])]
        owners, sizes = list(range(len(moving))), [reaches[i] for i in moving]
        differences = [differences[i] for i in moving]
    count = len(sizes)
    rows: list[Row] = [[*row[:m], *[flint.fmpz(0)] * count, row[-1]] for row in part.rows.values()]
    for place in range(count):
        for sign in (1, -1):
            wall = [flint.fmpz(0)] * (m + count + 1)
            wall[m + place], wall[-1] = flint.fmpz(sign), flint.fmpz(1)
            rows.append(wall)
    for owner, difference in zip(owners, differences, strict=True):
        half = sizes[owner] / 2
        for sign in (1, -1):
            extra = [half if place == owner else Fraction(0) for place in range(count)]
            slopes = [-sign * entry for entry in difference]
            rows.append(_whole([*slopes[:-1], *extra, slopes[-1] + half]))
    start = [*part.point[:-1], *[part.point[-1]] * count, part.point[-1]]
    lowered = _whole([*[Fraction(0)] * m, *(-size for size in sizes), Fraction(0)])
    column = ClosedPolytope.of(rows, start).largest(lowered)
    return [*column[:m], column[-1]]


def _whole(row: Sequence[Fraction]) -> Row:
    common = lcm(*(entry.denominator for entry in row))
    return [flint.fmpz(int(entry * common)) for entry in row]
