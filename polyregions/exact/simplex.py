"""A simplex on dictionaries of exact integers.

Points are homogeneous columns of integers (x, s) with s > 0, standing for x / s.
Rows are integers (normal..., offset), standing for normal @ x + offset >= 0, so the
value of a row at a column has the sign of the row at the point.

The *dictionary* of n basis rows writes every row as an affine function of the
basis rows' slacks t: ``scale * row = table[n] + sum_k table[k] * t_k`` with
scale > 0. It is computed afresh from the rows for every basis, by one integer
inverse and one integer product, so numbers never grow with the number of steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import flint

from polyregions.exact.stopping import look

__all__ = ["Column", "Row", "Simplex", "Violation", "evaluate", "vertex_near"]

Row = Sequence[flint.fmpz]
Column = list[flint.fmpz]

_GREEDY_STEPS = 30


@dataclass(frozen=True)
class Violation:
    """A point where one row is negative and every other row is non-negative."""

    row: int
    column: Column


def evaluate(row: Row, column: Column) -> flint.fmpz:
    """Return the value of a row at a homogeneous column.

    Examples
    --------
    >>> evaluate([2, 1], [3, 4])
    10
    """
    return sum((a * b for a, b in zip(row, column, strict=True)), flint.fmpz(0))


class Simplex:
    """A feasible vertex of a polytope, and the steps one can take from it.

    Parameters
    ----------
    rows : mapping of int to Row
        The polytope's rows by identifier; identifiers order ties.
    basis : sequence of int
        n rows with independent normals that are tight at a feasible vertex.

    Notes
    -----
    *Algorithm.* Steepest reduced cost for the first steps towards a target row, then
    Bland's rule (smallest identifier enters, smallest identifier leaves), which
    cannot cycle (Bland 1977). Any step may raise :class:`~polyregions.exact.stopping.Stopped`.
    """

    def __init__(self, rows: Mapping[int, Row], basis: Sequence[int]) -> None:
        self.rows = dict(rows)
        self.weights = {i: max(map(abs, row[:-1])) for i, row in self.rows.items()}
        self.basis = list(basis)
        self.keep(rows)

    def keep(self, identifiers: Mapping[int, Row] | Sequence[int]) -> None:
        """Go on with these rows only; they must include the basis."""
        self.alive = [i for i in identifiers if i >= 0]
        self._matrix = flint.fmpz_mat([list(self.rows[i]) for i in self.alive])
        self._refresh()

    def _refresh(self) -> None:
        look()  # every pivot comes here
        n = len(self.basis)
        normals = flint.fmpz_mat([list(self.rows[i][:n]) for i in self.basis])
        offsets = flint.fmpz_mat([[self.rows[i][n]] for i in self.basis])
        # the package's type stubs leave numer_denom out
        inverse, scale = normals.inv().numer_denom()  # type: ignore[attr-defined]
        vertex = inverse * offsets
        frame = [[*row, -vertex[k, 0]] for k, row in enumerate(inverse.tolist())]
        frame.append([flint.fmpz(0)] * n + [scale])
        self.frame = frame
        self.table = dict(
            zip(self.alive, (self._matrix * flint.fmpz_mat(frame)).tolist(), strict=True)
        )

    def replace(self, slot: int, row: int) -> None:
        """Let `row` take the place of the basis row in `slot`."""
        self.basis[slot] = row
        self._refresh()

    def blocking(
        self, slot: int, sign: int, skip: int
    ) -> tuple[int, flint.fmpz, flint.fmpz] | None:
        """Return the first row to reach zero when slack `slot` goes ``sign * theta``.

        Returns
        -------
        (row, numerator, denominator) or None
            The row and theta, its denominator positive; the smallest identifier among
            ties. None if nothing blocks. `skip` never blocks.
        """
        best: tuple[int, flint.fmpz, flint.fmpz] | None = None
        for i, row in self.table.items():
            rate = row[slot] if sign < 0 else -row[slot]
            if rate > 0 and i != skip:
                height = row[-1]
                if best is None or height * best[2] < best[1] * rate:
                    best = (i, height, rate)
        return best

    def column_at(self, slot: int, sign: int, top: flint.fmpz, bottom: flint.fmpz) -> Column:
        """Return the point reached when slack `slot` goes ``sign * top / bottom``."""
        top = sign * top
        return [bottom * row[-1] + top * row[slot] for row in self.frame]

    def beyond(self, slot: int) -> Violation | None:
        """Try to step over the basis row in `slot` without leaving any other row."""
        row = self.basis[slot]
        block = self.blocking(slot, -1, row)
        if block is None:
            return Violation(row, self.column_at(slot, -1, flint.fmpz(1), flint.fmpz(1)))
        if block[1] > 0:
            return Violation(row, self.column_at(slot, -1, block[1], block[2]))
        return None

    def advance(self, target: int, steps_taken: int) -> Violation | bool:
        """Take one step that lowers row `target`, which itself may be violated.

        Returns
        -------
        Violation or bool
            A point beyond the target alone; or False if the target is non-negative
            wherever the other rows are; or True if the vertex or basis changed.
        """
        bland = steps_taken >= _GREEDY_STEPS
        if target in self.basis:
            slot = self.basis.index(target)
            over = self.beyond(slot)
            if over is not None:
                return over
            block = self.blocking(slot, -1, target)
            assert block is not None  # else beyond() would have gone there
            self.replace(slot, block[0])
            return True
        costs = self.table[target]
        if costs[-1] < 0:
            return Violation(target, [row[-1] for row in self.frame])
        falling = [k for k in range(len(self.basis)) if costs[k] < 0]
        if not falling:
            return False
        if bland:
            slot = min(falling, key=lambda k: self.basis[k])
        else:
            slot = min(falling, key=lambda k: costs[k] * self.weights[self.basis[k]])
        block = self.blocking(slot, 1, target)
        if block is None:
            top, bottom = costs[-1] + 1, -costs[slot]
        else:
            _, top, bottom = block
        if costs[-1] * bottom + costs[slot] * top < 0:
            return Violation(target, self.column_at(slot, 1, top, bottom))
        assert block is not None  # an unblocked step crosses zero
        self.replace(slot, block[0])
        return True


def vertex_near(rows: Mapping[int, Row], start: Column, free: int = -1) -> Simplex:
    """Return a simplex at a vertex reached from a feasible point.

    Parameters
    ----------
    rows : mapping of int to Row
        Identifiers are non-negative.
    start : Column
        A feasible point.
    free : int, optional
        A row that does not block, so that it may be violated at the vertex.

    Raises
    ------
    ValueError
        If the rows do not bound a polytope.

    Notes
    -----
    *Algorithm.* The point is the vertex of n artificial rows x_k = start_k; each in
    turn, the last coordinate's last, is left upwards until a true row blocks and takes its place.
    """
    n = len(start) - 1
    artificial = {
        -1 - k: [start[n] if j == k else flint.fmpz(0) for j in range(n)] + [-start[k]]
        for k in range(n)
    }
    simplex = Simplex({**rows, **artificial}, list(artificial))
    for slot in range(n):
        block = simplex.blocking(slot, 1, free)
        if block is None:
            raise ValueError("the rows do not bound a polytope; add the rows of a box")
        simplex.replace(slot, block[0])
    return simplex
