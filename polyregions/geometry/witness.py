"""Witness points: from chart coordinates to the inputs a user can evaluate."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import inf, isfinite, nextafter

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.domain import Box, Domain
from polyregions.domain.chart import Chart
from polyregions.network.exact_network import ExactNetwork, exact_point, exact_rows, exact_signs
from polyregions.rounding import ROUNDOFF

__all__ = [
    "chart_points",
    "float_below",
    "float_witness",
    "nearest_float",
    "nearest_witness",
    "witness_room",
]


def _centre_and_half_widths(box: Box) -> tuple[Floats, Floats]:
    """Return float centre and half-width of all coordinates (half-width 0: fixed)."""
    # the same box is asked about again and again
    return _halves(box.lower.tobytes(), box.upper.tobytes())


@lru_cache(maxsize=32)
def _halves(lower: bytes, upper: bytes) -> tuple[Floats, Floats]:
    # halves first: the sum of two bounds may overflow
    low, high = np.frombuffer(lower) / 2, np.frombuffer(upper) / 2
    half = high - low
    return np.where(half > 0, low + high, np.frombuffer(lower)), half


def chart_points(chart: Chart, domain: Domain | None, points: Floats) -> Floats:
    """Map chart points (k, m) to float inputs (k, n), fixed coordinates restored."""
    if domain is None:
        return points[:, :-1] / points[:, -1:] if chart.homogeneous else points.copy()
    centre, half = _centre_and_half_widths(domain.box)
    free = domain.free
    if len(free) == len(centre):
        return np.asarray(points * half + centre)
    inputs = np.empty((len(points), len(centre)))
    # the fixed coordinates are the box's own floats, exactly
    inputs[:] = centre
    inputs[:, free] += half[free] * points
    return inputs


def witness_room(chart: Chart, domain: Domain | None) -> float:
    """Return how far rounding in `chart_points` can move a point, in chart coordinates.

    Each coordinate is computed with at most three roundings of values no larger than
    the largest bound of the domain's box (for the whole space: one quotient of numbers of size at
    most 1). Rows have length at most 1.01, so no row changes by more.
    """
    if domain is None:
        return 8.0 * ROUNDOFF * float(np.sqrt(chart.dimension)) if chart.homogeneous else 0.0
    return _room_in_box(domain.box.lower.tobytes(), domain.box.upper.tobytes())


@lru_cache(maxsize=32)
def _room_in_box(lower: bytes, upper: bytes) -> float:
    box = Box(np.frombuffer(lower), np.frombuffer(upper))
    free = box.free
    _, half = _centre_and_half_widths(box)
    size = np.maximum(np.abs(box.lower), np.abs(box.upper))[free]
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        # 3 roundings at most, 8 with those of this bound; 2^-1000 for what underflows
        shift = 8.0 * ROUNDOFF * (size + 2.0**-1000) / half[free]
    room = 1.01 * float(np.sqrt((shift**2).sum()))
    # more than any polytope of the cube has: every witness is left to exact arithmetic
    return room if np.isfinite(room) else 1e300


def float_witness(
    exact: ExactNetwork,
    domain: Domain | None,
    interior: Sequence[Fraction],
    bits: NDArray[np.uint8],
) -> tuple[Floats, tuple[Fraction, ...] | None]:
    """Return the float input nearest to an exact interior point of a region.

    Returns
    -------
    point : numpy.ndarray, shape (n,)
    exact_point : tuple of Fraction or None
        None if `point` itself is proven to lie strictly inside the region; else
        the region holds no such float here, and this is the exact input.
    """
    point, inputs = nearest_witness(exact.chart, interior)
    if inputs is None:
        return point, None
    inside = bool(np.isfinite(point).all())
    if inside and domain is not None:
        inside = domain.contains(point)
    if inside:
        # the float itself, pushed through the network in integers
        signs = np.array(exact_signs(exact, exact_point(point)))
        rows = exact_rows(exact, bits)[: exact.hidden_units]
        # a unit that vanishes on the region is zero at every point of it
        vanishes = np.array([not any(row) for row in rows])
        if (np.where(vanishes, 0, 2 * bits.astype(np.int64) - 1) == signs).all():
            return point, None
    return point, inputs


def nearest_witness(
    chart: Chart, interior: Sequence[Fraction]
) -> tuple[Floats, tuple[Fraction, ...] | None]:
    """Return the float input nearest to an exact chart point, and this input unless they are equal.

    Examples
    --------
    >>> from polyregions.domain.chart import chart_of
    >>> nearest_witness(chart_of(Box.cube(1, 2.0), 1), [Fraction(1, 3)])
    (array([0.66666667]), (Fraction(2, 3),))
    """
    inputs = chart.to_input(interior)
    point = [nearest_float(value) for value in inputs]
    equal = all(
        isfinite(x) and Fraction(x) == value for x, value in zip(point, inputs, strict=True)
    )
    return np.array(point), None if equal else inputs


def nearest_float(value: Fraction) -> float:
    """Return the float nearest to a fraction, infinite beyond the largest."""
    try:
        return value.numerator / value.denominator
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def float_below(value: Fraction) -> float:
    """Return the largest float that is not above a fraction.

    Examples
    --------
    >>> float_below(Fraction(1, 3)) < Fraction(1, 3), float_below(Fraction(1, 4))
    (True, 0.25)
    """
    nearest = nearest_float(value)
    return nearest if nearest <= value else nextafter(nearest, -inf)
