"""The side of a hyperplane that a polytope is on, in integers: twin of `cells.row_side`."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm

import flint

from polyregions.exact.simplex import Column, Row, Violation, evaluate, vertex_near

__all__ = ["column_of", "side_of"]


def side_of(rows: Sequence[Row], row: Row, inside: Column) -> int | Column:
    """Tell on which side of an open polytope a row is.

    Parameters
    ----------
    rows : sequence of Row
        The polytope's rows; rows of zeros are ignored.
    row : Row
    inside : Column
        A point where every row of the polytope is positive.

    Returns
    -------
    int or Column
        1 or -1, the row's sign everywhere inside; 0 if the row is zero; a point of the
        open polytope on the other side of `inside` if the row cuts it. If the row
        vanishes at `inside`, that is a point where it is negative.

    Examples
    --------
    >>> interval = [[1, 0], [-1, 4]]
    >>> side_of(interval, [1, 0], [1, 1]), side_of(interval, [-1, -1], [1, 1])
    (1, -1)
    >>> x, scale = side_of(interval, [1, -2], [1, 1])
    >>> bool(2 * scale < x < 4 * scale)
    True
    """
    if not any(row):
        return 0
    value = evaluate(row, inside)
    sign = -1 if value < 0 else 1
    if not any(row[:-1]):
        return sign
    target = [sign * entry for entry in row]
    polytope = {i: row for i, row in enumerate(rows) if any(row[:-1])}
    number = len(rows)
    simplex = vertex_near({**polytope, number: target}, inside, free=number)
    steps = 0
    outcome: Violation | bool = True
    while outcome is True:
        outcome = simplex.advance(number, steps)
        steps += 1
    if not isinstance(outcome, Violation):
        return sign
    return _point_between(list(polytope.values()), target, inside, outcome.column)


def _point_between(rows: Sequence[Row], target: Row, inside: Column, outside: Column) -> Column:
    """Return a point between two columns, inside all rows, where the target is negative."""
    above, below = abs(evaluate(target, inside)), abs(evaluate(target, outside))
    # `inside` is at 1, the crossing at below * s_in / (...): half-way from `outside` to it
    near, far = above * outside[-1], below * inside[-1]
    share = Fraction(int(far), int(2 * (near + far)))
    for bits in (8, 24, 64):
        top = int(share * 2**bits)
        if top > 0:
            point = _mixed(inside, outside, Fraction(top, 2**bits))
            if evaluate(target, point) < 0:
                return _shortened_column([*rows, [-entry for entry in target]], point)
    return _mixed(inside, outside, share)


def _mixed(inside: Column, outside: Column, share: Fraction) -> Column:
    """Return ``share * inside + (1 - share) * outside`` as points."""
    a = share.numerator * outside[-1]
    b = (share.denominator - share.numerator) * inside[-1]
    return [a * x + b * y for x, y in zip(inside, outside, strict=True)]


def _shortened_column(rows: Sequence[Row], column: Column) -> Column:
    """Return a nearby interior column with few bits, or the column itself."""
    for bits in (6, 20, 52):
        half = column[-1] // 2
        short = [((entry << bits) + half) // column[-1] for entry in column[:-1]]
        short.append(flint.fmpz(1) << bits)
        if all(evaluate(row, short) > 0 for row in rows):
            return short
    return column


def column_of(point: Sequence[Fraction]) -> Column:
    """Return a point as a homogeneous column of integers."""
    scale = lcm(*(value.denominator for value in point))
    return [flint.fmpz(int(value * scale)) for value in point] + [flint.fmpz(scale)]
