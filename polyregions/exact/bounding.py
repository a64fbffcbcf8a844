"""The box around a polytope, proven in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from math import floor, gcd, inf, nextafter

import flint
import numpy as np

from polyregions.arrays import Floats
from polyregions.errors import DomainError
from polyregions.exact.dyadic import dyadic_matrix
from polyregions.exact.facets import strict_point
from polyregions.exact.simplex import Row, Simplex, vertex_near

__all__ = ["polytope_bounds"]


_MOST_TIGHTENED = 12  # beyond, linear programs only for coordinates that no inequality bounds alone
_ROOM = 5  # a side that no inequality bounds directly leaves up to 2 * 2**-5 of the width


def polytope_bounds(A: Floats, b: Floats) -> tuple[list[float], list[float]]:
    """Return the lower and upper bounds of a box that contains {x : A x <= b}.

    Parameters
    ----------
    A : numpy.ndarray of float64, shape (q, n)
        No row is zero.
    b : numpy.ndarray of float64, shape (q,)

    Returns
    -------
    lower, upper : list of float
        The exact bound where it is a float and that of an inequality in one coordinate;
        else a little beyond it, so that the box touches the polytope in whole facets
        or, in general, not at all.

    Raises
    ------
    DomainError
        If the polytope is empty, has no interior, is unbounded or leaves the range of
        floats.

    Notes
    -----
    *Algorithm.* A point inside (:func:`~polyregions.exact.facets.strict_point`), from it to
    a vertex, and from vertex to vertex to the largest and smallest value of each
    coordinate: the simplex method on integers.

    Examples
    --------
    >>> polytope_bounds(np.array([[-1.0, 0.0], [0.0, -1.0], [1.0, 1.0]]), np.array([0.0, 0.0, 1.0]))
    ([0.0, 0.0], [1.03125, 1.03125])
    """
    rows = _distinct_rows(A, b)
    try:
        inside = strict_point(rows)
        if isinstance(inside, bool):
            raise DomainError(
                "the polytope has no interior: it lies in a hyperplane; use a slice of the "
                "network, or a Box with fixed coordinates (--fix)"
                if inside
                else "the polytope is empty: no point satisfies all its inequalities"
            )
        simplex = vertex_near(rows, inside)
    except ValueError as error:
        if isinstance(error, DomainError):
            raise
        raise DomainError(
            "the inequalities bound no polytope: they leave some direction unbounded; "
            "add bounds on every coordinate"
        ) from None
    # one simplex for all: each walk begins where the last one ended
    lower, upper = [], []
    for k in range(A.shape[1]):
        stated = [_stated(A, b, k, sign) for sign in (-1, 1)]
        if None in stated or A.shape[1] <= _MOST_TIGHTENED:
            ends = [_extreme_value(simplex, k, sign) for sign in (-1, 1)]
        else:
            ends = [value for value in stated if value is not None]
        # few bits beyond the bounds, at most a fixed part of the width
        step = _power_of_two_above(sum(ends, Fraction(0)))
        sides = [_beyond(end, step, end == value) for end, value in zip(ends, stated, strict=True)]
        lower.append(0.0 - sides[0])
        upper.append(sides[1])
    if not np.isfinite([*lower, *upper]).all():
        raise DomainError("the polytope reaches beyond the range of floats; scale its inputs")
    return lower, upper


def _distinct_rows(A: Floats, b: Floats) -> dict[int, Row]:
    """Return the rows b - A x >= 0 as integers; of parallel ones the tightest."""
    tightest: dict[tuple[int, ...], Fraction] = {}
    for row, bound in zip(A, b, strict=True):
        integers, _ = dyadic_matrix(np.append(-row, bound)[None, :])
        *normal, offset = map(int, integers.entries())
        divisor = gcd(*normal)  # parallel rows have the same normal then
        key, value = tuple(entry // divisor for entry in normal), Fraction(offset, divisor)
        tightest[key] = min(value, tightest.get(key, value))
    return {
        number: [flint.fmpz(entry * value.denominator) for entry in key]
        + [flint.fmpz(value.numerator)]
        for number, (key, value) in enumerate(tightest.items())
    }


def _extreme_value(simplex: Simplex, k: int, sign: int) -> Fraction:
    """Walk to a vertex where sign * x_k is largest and return that value."""
    # row k of the frame is x_k over the slacks; the largest value is where -sign * x_k is least
    for slot in simplex.descend(lambda: [-sign * rate for rate in simplex.coordinate(k)[:-1]]):
        block = simplex.blocking(slot, 1, -1)
        if block is None:
            side = "above" if sign > 0 else "below"
            raise DomainError(
                f"the polytope is unbounded: coordinate {k} is not bounded {side}; "
                f"add such an inequality"
            )
        simplex.replace(slot, block[0])
    at = simplex.vertex
    return Fraction(sign * int(at[k]), int(at[-1]))


def _stated(A: Floats, b: Floats, k: int, sign: int) -> Fraction | None:
    """Return the tightest bound on sign * x_k by an inequality in x_k alone, if any."""
    alone = ((A != 0).sum(axis=1) == 1) & (sign * A[:, k] > 0)
    slopes, offsets = (sign * A[alone, k]).tolist(), b[alone].tolist()
    bounds = [Fraction(top) / Fraction(a) for a, top in zip(slopes, offsets, strict=True)]
    return min(bounds, default=None)


def _power_of_two_above(width: Fraction) -> Fraction:
    exponent = width.numerator.bit_length() - width.denominator.bit_length() - _ROOM
    return Fraction(2) ** exponent


def _beyond(bound: Fraction, step: Fraction, attained: bool) -> float:
    """Return `bound` if it is a float and attained, else a float of few bits above it."""
    if attained and _is_float(bound):
        return float(bound)
    above = (floor(bound / step) + 1) * step
    if _is_float(above):
        return float(above)
    # rounding to nearest is at most half a unit off; a step is more
    try:
        return nextafter(float(bound), inf)
    except OverflowError:
        return inf


def _is_float(value: Fraction) -> bool:
    try:
        return Fraction(float(value)) == value
    except OverflowError:
        return False
