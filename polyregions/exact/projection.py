"""The point of a polytope that is nearest to the origin, in exact arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import flint

__all__ = ["nearest_to_origin"]

Wall = tuple[Sequence[Fraction], Fraction]


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
