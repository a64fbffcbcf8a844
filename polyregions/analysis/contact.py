"""Do closed polytopes touch inside an open domain? Exactly.

The question is whether a system of weak rows (>= 0) and strict rows (> 0) has a
solution, which may lie on a set of any dimension.
"""

from __future__ import annotations

from collections.abc import Sequence

import flint

from polyregions.exact.simplex import Column, Row, evaluate, vertex_near

__all__ = ["common_point"]


def common_point(weak: Sequence[Row], strict: Sequence[Row], start: Column) -> Column | None:
    """Return a point where all weak rows are >= 0 and all strict rows > 0, or None.

    Parameters
    ----------
    weak, strict : sequence of rows of m + 1 integers
        ``row[:m] @ u + row[m]``. Together they must bound a polytope.
    start : list of m + 1 integers
        Any homogeneous point (u, 1) times a positive factor.

    Returns
    -------
    list of m + 1 integers, or None
        A homogeneous point. None is a proof that there is none.

    Notes
    -----
    *Algorithm.* First t is minimised subject to ``row(u) + t * weight >= 0`` for all
    rows; unless the minimum is 0 there is no solution of the weak system. From the
    solution found, each strict row that is still zero is raised on the weak system's
    polytope; by convexity the mean of the points found satisfies all of them.

    Examples
    --------
    Two closed triangles that touch in the origin, and the half-plane x < 0:

    >>> square = [[1, 0, 1], [-1, 0, 1], [0, 1, 1], [0, -1, 1]]
    >>> rows = [[1, -1, 0], [1, 1, 0], [-1, 2, 0], [-1, -2, 0]]
    >>> column = common_point(rows, square, [0, 1, 2])
    >>> [int(entry) for entry in column[:2]]
    [0, 0]
    >>> common_point(rows, [*square, [-1, 0, 0]], [0, 1, 2]) is None
    True
    """
    kept_weak, kept_strict = _bending(weak, strict=False), _bending(strict, strict=True)
    if kept_weak is None or kept_strict is None:
        return None
    rows = dict(enumerate([*kept_strict, *kept_weak]))
    column = _feasible(rows, [flint.fmpz(entry) for entry in start])
    if column is None:
        return None
    total = column
    for number in range(len(kept_strict)):
        if evaluate(rows[number], total) == 0:
            raised = _raised(rows, column, number)
            if raised is None:
                return None
            total = [a * raised[-1] + b * total[-1] for a, b in zip(total, raised, strict=True)]
    return total


def _bending(rows: Sequence[Row], *, strict: bool) -> list[Row] | None:
    """Return the rows that are not constant, or None if a constant row fails."""
    kept: list[Row] = []
    for row in rows:
        if any(row[:-1]):
            kept.append([flint.fmpz(entry) for entry in row])
        elif row[-1] < 0 or (strict and row[-1] == 0):
            return None
    return kept


def _feasible(rows: dict[int, Row], start: Column) -> Column | None:
    """Return a point where every row is >= 0, or None."""
    if all(evaluate(row, start) >= 0 for row in rows.values()):
        return start
    zeros = [flint.fmpz(0)] * (len(start) - 1)
    lifted: dict[int, Row] = {}
    height = flint.fmpz(1)
    for i, row in rows.items():
        weight = max(map(abs, row[:-1]))
        lifted[i] = [*row[:-1], weight, row[-1]]
        height = max(height, -evaluate(row, start) // (weight * start[-1]) + 1)
    target = len(rows)
    lifted[target] = [*zeros, flint.fmpz(1), flint.fmpz(0)]  # t >= 0
    lifted[target + 1] = [*zeros, flint.fmpz(-1), height]
    simplex = vertex_near(lifted, [*start[:-1], height * start[-1], start[-1]])
    beyond = simplex.violation(target)
    if beyond is not None:  # t < 0: every row is positive
        return [*beyond[:-2], beyond[-1]]
    column = [row[-1] for row in simplex.frame]
    return [*column[:-2], column[-1]] if column[-2] == 0 else None


def _raised(rows: dict[int, Row], column: Column, number: int) -> Column | None:
    """Return a point where row `number` is positive and the others hold, or None."""
    target = len(rows)
    lowered = {**rows, target: [-entry for entry in rows[number]]}
    return vertex_near(lowered, column, free=target).violation(target)
