"""The tree in exact arithmetic: slow, obvious, and right on every network.

It explores what floats leave open: prefixes whose polytope is too thin for them. Whole
trees explored this way are the slow twin of the compiled kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.geometry.exact import exact_rows
from polyregions.lp.exact_simplex import Column, Row, Violation, evaluate, vertex_near
from polyregions.lp.rational import interior_point
from polyregions.traversal.problem import Problem
from polyregions.traversal.unit_order import ANY

__all__ = ["ExactTree", "column_of", "prefix_rows", "side_of"]

Bits = NDArray[np.uint8]


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
    return _between(list(polytope.values()), target, inside, outcome.column)


def _between(rows: Sequence[Row], target: Row, inside: Column, outside: Column) -> Column:
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
                return _shortened([*rows, [-entry for entry in target]], point)
    return _mixed(inside, outside, share)


def _mixed(inside: Column, outside: Column, share: Fraction) -> Column:
    """Return ``share * inside + (1 - share) * outside`` as points."""
    a = share.numerator * outside[-1]
    b = (share.denominator - share.numerator) * inside[-1]
    return [a * x + b * y for x, y in zip(inside, outside, strict=True)]


def _shortened(rows: Sequence[Row], column: Column) -> Column:
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


def prefix_rows(problem: Problem, bits: Bits) -> tuple[list[list[flint.fmpz]], list[Any]]:
    """Return the exact rows of the units that vary, signed by `bits`, and the domain's."""
    rows = exact_rows(problem.exact, problem.reduction.grow(bits))
    units = problem.exact.hidden_units
    return [rows[i] for i in problem.reduction.kept], rows[units:]


@dataclass
class ExactTree:
    """Prefixes to be explored in exact arithmetic, one decision at a time.

    Attributes
    ----------
    problem : Problem
    sequence : numpy.ndarray of int64
        The units in the order of the tree.
    starts : numpy.ndarray of int64
        Where each level begins in the order; see `Tree`.
    counts : numpy.ndarray of int64
        Regions counted, by level.
    stack : list of (marks, point)
        Prefixes waiting: for each unit in order its bit, or 2 where it is not decided; and
        a point inside or None. A prefix that ends with a layer has not been counted there.
    decisions : int
    """

    problem: Problem
    sequence: NDArray[np.int64]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    stack: list[tuple[Bits, Column | None]] = field(default_factory=list)
    decisions: int = 0
    _known: tuple[bytes, list[list[flint.fmpz]], list[Any]] | None = None

    def push(self, marks: Bits) -> None:
        """Add a prefix; one that belongs to no region counts nothing."""
        self.stack.append((marks.copy(), None))

    def step(self) -> None:
        """Decide one unit of the prefix on top, or raise `Stopped` and change nothing."""
        top = self.stack[-1]
        self.stack[-1:] = self._decided(top[0].copy(), top[1])

    def _decided(self, marks: Bits, inside: Column | None) -> list[tuple[Bits, Column | None]]:
        """Return what a prefix becomes, and count it where it ends with a layer."""
        decided = np.flatnonzero(marks != ANY)
        still_open = np.flatnonzero(marks == ANY)
        place = int(still_open[0]) if len(still_open) else len(marks)
        level = int(np.flatnonzero(self.starts[:-1] <= place)[-1])
        unsigned, domain = self._rows(marks, level)
        rows = [*domain]
        for known in decided.tolist():
            row = unsigned[int(self.sequence[known])]
            if marks[known] and not any(row):
                return []  # identically zero counts as inactive
            rows.append(row if marks[known] else [-entry for entry in row])
        if inside is None:
            point = interior_point(rows)
            if point is None:
                return []
            inside = column_of(point)
        answer: int | Column = 0
        if place < len(marks):
            row = unsigned[int(self.sequence[place])]
            answer = side_of(rows, row, inside)
            self.decisions += 1
        # from here on nothing stops
        if len(decided) == place:
            ended = np.flatnonzero((self.starts[1:] == place) & (np.diff(self.starts) > 0))
            self.counts[ended] += 1
        if place == len(marks):
            return []
        if isinstance(answer, int):
            marks[place] = answer > 0
            return [(marks, inside)]
        near, far = marks.copy(), marks
        far[place] = evaluate(row, answer) > 0
        near[place] = not far[place]
        return [(near, inside if evaluate(row, inside) else None), (far, answer)]

    def _rows(self, marks: Bits, level: int) -> tuple[list[list[flint.fmpz]], list[Any]]:
        """Return the rows of the units up to a level, not signed, and the domain's."""
        below = self.sequence[: self.starts[level]]
        chosen = np.ones_like(marks)
        chosen[below] = marks[: self.starts[level]]
        key = chosen.tobytes()
        if self._known is None or self._known[0] != key:
            rows, domain = prefix_rows(self.problem, chosen)
            for unit in below.tolist():
                if not chosen[unit]:
                    rows[unit] = [-entry for entry in rows[unit]]
            self._known = key, rows, domain
        return self._known[1], self._known[2]
