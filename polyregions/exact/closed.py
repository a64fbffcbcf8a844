"""Points of closed polytopes, which may be flat, in exact integers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import flint

from polyregions.exact.simplex import Column, Row, Simplex, evaluate, vertex_near

__all__ = ["ClosedPolytope"]


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
            point = self._lowest([-entry for entry in row])
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

    def _lowest(self, row: Row) -> Column:
        """Return a point where a row that is not constant is negative, or a vertex of its least."""
        simplex, below = self._descended(row)
        return below or simplex.vertex

    def _descended(self, row: Row) -> tuple[Simplex, Column | None]:
        """Return a point where a row is negative, or None and the simplex where it is least."""
        target = self._next
        simplex = Simplex({**self._walls(), target: row}, self.point)
        below = simplex.violation(target)
        if below is None:
            simplex.settle(target)
        return simplex, below
