"""Closed polytopes, which may be flat, exactly: points, the nearest one, the box around."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor, gcd, inf, nextafter

import flint
import numpy as np

from polyregions.arrays import Floats
from polyregions.errors import DomainError
from polyregions.exact.dyadic import dyadic_matrix
from polyregions.exact.facets import strict_point
from polyregions.exact.simplex import Column, Row, Simplex, evaluate, vertex_near

__all__ = [
    "ClosedPolytope",
    "nearest_to_origin",
    "polytope_bounds",
]

Wall = tuple[Sequence[Fraction], Fraction]
_MOST_TIGHTENED = 12  # beyond, linear programs only for coordinates that no inequality bounds alone
_ROOM = 5  # a side that no inequality bounds directly leaves up to 2 * 2**-5 of the width


@dataclass(frozen=True)
class ClosedPolytope:
    """A polytope {x : row(x) >= 0} inside [-1, 1]^m, and one of its points.

    Attributes
    ----------
    rows : mapping of int to Row
        By numbers that are not negative.
    point : Column
    """

    rows: Mapping[int, Row]
    point: Column

    @classmethod
    def of(cls, rows: Iterable[Row], point: Column) -> ClosedPolytope:
        """Return the polytope of rows that are numbered from 0."""
        return cls(dict(enumerate(rows)), point)

    def cut(self, row: Row) -> ClosedPolytope | None:
        """Return the part where another row is not negative, or None if there is none.

        The row has the next number.

        Notes
        -----
        *Algorithm.* From the point to a vertex, and from vertex to vertex to where the row is
        largest, or to where it is positive. Rows that are constant bound nothing.

        Examples
        --------
        >>> import flint
        >>> rows = [[1, 0], [-1, 1], [2, -2], [3, -4]]  # x >= 0, x <= 1, x >= 1, x >= 4/3
        >>> left, right, touching, beyond = [list(map(flint.fmpz, row)) for row in rows]
        >>> interval = ClosedPolytope.of([left, right], [flint.fmpz(1), flint.fmpz(2)])
        >>> interval.cut(touching).point, interval.cut(beyond)
        ([1, 1], None)
        """
        point = self.point
        if not any(row[:-1]):
            return self if row[-1] >= 0 else None
        # a point that satisfies the row already shows that something is left: no program is solved
        if evaluate(row, point) < 0:
            simplex, below = self._descended([-entry for entry in row])
            point = below or simplex.vertex
            # where the row is largest it is negative: so it is everywhere in the closed polytope
            if evaluate(row, point) < 0:
                return None
        return ClosedPolytope({**self.rows, self._next: row}, point)

    def largest(self, row: Row) -> Column:
        """Return a vertex where a row is largest.

        Notes
        -----
        *Algorithm.* As a cut's, against a row that is positive all over [-1, 1]^m, so that
        nothing ends the descent before the vertex.

        Examples
        --------
        >>> import flint
        >>> rows = [[1, 0], [-1, 1], [3, -1]]  # x >= 0, x <= 1, and what is to be large
        >>> low, high, rising = [list(map(flint.fmpz, row)) for row in rows]
        >>> ClosedPolytope.of([low, high], [flint.fmpz(1), flint.fmpz(2)]).largest(rising)
        [1, 1]
        """
        if not any(row[:-1]):
            # a constant is as large at any vertex
            return vertex_near(self._walls(), self.point).vertex
        return self._least([-entry for entry in row]).vertex

    def support(self, row: Row) -> tuple[int, ...]:
        """Return rows tight where a row that is not constant is least.

        The row is a sum of these, times numbers that are not negative, and of its least value.

        Returns
        -------
        tuple of int
            Their numbers, as many as there are coordinates.

        Examples
        --------
        >>> rows = [[1, 0], [-1, 1], [2, 1]]  # x >= 0, x <= 1; what is least at x = 0
        >>> low, high, rising = [list(map(flint.fmpz, row)) for row in rows]
        >>> ClosedPolytope.of([low, high], [flint.fmpz(1), flint.fmpz(2)]).support(rising)
        (0,)
        """
        return tuple(self._least(row).basis)

    def _least(self, row: Row) -> Simplex:
        """Return a simplex at a vertex where a row that is not constant is least."""
        # the descent would stop where the row becomes negative; raised it never does
        raised = [*row[:-1], sum(map(abs, row), flint.fmpz(1))]  # positive all over [-1, 1]^m
        simplex, below = self._descended(raised)
        assert below is None
        return simplex

    @property
    def _next(self) -> int:
        return max(self.rows, default=-1) + 1

    def _walls(self) -> dict[int, Row]:
        return {number: row for number, row in self.rows.items() if any(row[:-1])}

    def _descended(self, row: Row) -> tuple[Simplex, Column | None]:
        """Return a point where a row is negative, or None and the simplex where it is least."""
        target = self._next
        simplex = Simplex({**self._walls(), target: row}, self.point)
        below = simplex.violation(target)
        if below is None:
            simplex.settle(target)
        return simplex, below


def nearest_to_origin(rows: Sequence[Wall]) -> tuple[Fraction, ...]:
    """Return the point of {y : normal @ y + offset >= 0 for all rows} of the least norm.

    Parameters
    ----------
    rows : sequence of (sequence of Fraction, Fraction)
        At least one, with a point that satisfies all of them.

    Notes
    -----
    *Algorithm.* The dual active-set method of Goldfarb & Idnani (1983): one after the other,
    broken inequalities are moved to; those that hold the point back with the wrong sign are let
    go. The norm grows with every full step, so that it ends, ties or not.

    **Invariant.** The point is the sum of the active normals times multipliers that are not
    negative, and each active inequality is an equality: it is nearest to the origin in their
    intersection. Active normals are linearly independent.

    Examples
    --------
    >>> rows = [((1, 1), Fraction(-1)), ((1, 0), Fraction(0)), ((0, 1), Fraction(0))]
    >>> [str(x) for x in nearest_to_origin(rows)]
    ['1/2', '1/2']
    """
    normals = [[_rational(entry) for entry in normal] for normal, _ in rows]
    offsets = [_rational(offset) for _, offset in rows]
    sizes = [_inner_product(normal, normal) for normal in normals]
    zero = flint.fmpq(0)
    point = [zero] * len(normals[0])
    active: list[int] = []
    multipliers: list[flint.fmpq] = []
    while True:
        # the norm has grown since the last pass, so no set of active inequalities comes twice
        slacks = [_inner_product(n, point) + b for n, b in zip(normals, offsets, strict=True)]
        broken = [
            (slack * slack / size, k)
            for k, (slack, size) in enumerate(zip(slacks, sizes, strict=True))
            if slack < 0 and size != 0
        ]
        if not broken:
            return tuple(Fraction(int(x.p), int(x.q)) for x in point)
        # the one farthest away: fewer steps; any broken one would do
        _, new = max(broken)
        gained = zero
        while new not in active:
            # what is left of the new normal is at right angles to the active ones, so moving along
            # it keeps their inequalities equalities
            shares = _coordinates([normals[k] for k in active], normals[new])
            move = list(normals[new])
            for k, share in zip(active, shares, strict=True):
                move = [m - share * a for m, a in zip(move, normals[k], strict=True)]
            along = _inner_product(move, normals[new])
            # a multiplier that would become negative ends the step: its inequality is let go
            steps = [
                (multiplier / share, place)
                for place, (multiplier, share) in enumerate(zip(multipliers, shares, strict=True))
                if share > 0
            ]
            # a normal in the span of the active ones moves nothing, but lets one of them go
            step, leaving = min(steps, default=(zero, -1))
            if along != 0:
                full = -(_inner_product(normals[new], point) + offsets[new]) / along
                if leaving < 0 or full <= step:
                    step, leaving = full, -1
            assert along != 0 or leaving >= 0  # some point satisfies all rows
            point = [x + step * m for x, m in zip(point, move, strict=True)]
            # the sum of normals times multipliers stays the point: the invariant
            multipliers = [m - step * s for m, s in zip(multipliers, shares, strict=True)]
            gained += step
            if leaving < 0:
                active.append(new)
                multipliers.append(gained)
            else:
                del active[leaving], multipliers[leaving]


def _rational(value: Fraction) -> flint.fmpq:
    return flint.fmpq(value.numerator, value.denominator)


def _inner_product(a: Sequence[flint.fmpq], b: Sequence[flint.fmpq]) -> flint.fmpq:
    return sum((x * y for x, y in zip(a, b, strict=True)), flint.fmpq(0))


def _coordinates(
    basis: Sequence[Sequence[flint.fmpq]], vector: Sequence[flint.fmpq]
) -> list[flint.fmpq]:
    """Return the coordinates of a vector's projection on the span of independent vectors."""
    if not basis:
        return []
    size = len(basis)
    gram = flint.fmpq_mat(size, size, [_inner_product(a, b) for a in basis for b in basis])
    right = flint.fmpq_mat(size, 1, [_inner_product(a, vector) for a in basis])
    return [row[0] for row in gram.solve(right).tolist()]


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
