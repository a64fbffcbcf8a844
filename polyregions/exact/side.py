"""The side of a hyperplane that a polytope is on, in integers: twin of `tree.cell_splitting`."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm

import flint

from polyregions.exact.simplex import Column, Row, Simplex, evaluate, shortened_column

__all__ = ["column_of", "side_of", "sign_or_beyond"]


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
    answer = sign_or_beyond(rows, row, inside)
    if isinstance(answer, int):
        return answer
    target = [-entry for entry in row] if evaluate(row, inside) < 0 else row
    return _point_between([row for row in rows if any(row[:-1])], target, inside, answer)


def sign_or_beyond(rows: Sequence[Row], row: Row, inside: Column) -> int | Column:
    """Tell the same; of a row that cuts, a point beyond it that may be on the boundary.

    Examples
    --------
    >>> sign_or_beyond([[1, 0], [-1, 4]], [1, -2], [1, 1])
    [4, 1]
    """
    if not any(row):
        return 0
    sign = -1 if evaluate(row, inside) < 0 else 1
    if not any(row[:-1]):
        return sign
    # turned so that it is not negative at `inside`: does anything violate it?
    number, target = len(rows), [sign * entry for entry in row]
    polytope = {i: row for i, row in enumerate(rows) if any(row[:-1])}
    over = Simplex({**polytope, number: target}, inside).violation(number)
    # never negative on the closed polytope, so positive inside: it is not constant
    return sign if over is None else over


def _point_between(rows: Sequence[Row], target: Row, inside: Column, outside: Column) -> Column:
    """Return a point between two columns, inside all rows, where the target is negative."""
    above, below = abs(evaluate(target, inside)), abs(evaluate(target, outside))
    # `inside` is at 1, the crossing at below * s_in / (...): half-way from `outside` to it
    near, far = above * outside[-1], below * inside[-1]
    share = Fraction(int(far), int(2 * (near + far)))
    # `outside` may be on the boundary, so a share of `inside` is needed; one of few bits if it will
    for bits in (8, 24, 64):
        top = int(share * 2**bits)
        if top > 0:
            point = _mixed(inside, outside, Fraction(top, 2**bits))
            if evaluate(target, point) < 0:
                return shortened_column([*rows, [-entry for entry in target]], point)
    return _mixed(inside, outside, share)


def _mixed(inside: Column, outside: Column, share: Fraction) -> Column:
    """Return ``share * inside + (1 - share) * outside`` as points."""
    a = share.numerator * outside[-1]
    b = (share.denominator - share.numerator) * inside[-1]
    return [a * x + b * y for x, y in zip(inside, outside, strict=True)]


def column_of(point: Sequence[Fraction]) -> Column:
    """Return a point as a homogeneous column of integers."""
    scale = lcm(*(value.denominator for value in point))
    return [flint.fmpz(int(value * scale)) for value in point] + [flint.fmpz(scale)]
