"""A simplex on dictionaries of exact integers.

Points are homogeneous columns of integers (x, s) with s > 0, standing for x / s.
Rows are integers (normal..., offset), standing for normal @ x + offset >= 0, so the
value of a row at a column has the sign of the row at the point.

The *dictionary* of n basis rows writes every row as an affine function of the
basis rows' slacks t: ``scale * row = table[n] + sum_k table[k] * t_k`` with
scale > 0. All its numbers are minors of the rows, so they do not grow with the number of
steps, and a step divides without remainder (Edmonds 1967, Bareiss 1968).

Every linear program in integers is a descent of this simplex (:meth:`Simplex.descend`). Nothing is
rounded and Bland's rule ends it, so it is never undecided: docs/mathematics.md, part 7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import count
from math import lcm

import flint

from polyregions.exact.stopping import look

__all__ = [
    "Column",
    "Row",
    "Simplex",
    "column_of",
    "evaluate",
    "lowest_terms",
    "shortened_column",
    "vertex_near",
]

Row = Sequence[flint.fmpz]
Column = list[flint.fmpz]

# Hints: the steepest slack saves steps but may cycle; few bits make the next sums cheap.
_GREEDY_STEPS = 30
_SHORT_BITS = (6, 20, 52)


def column_of(point: Sequence[Fraction]) -> Column:
    """Return a point as a homogeneous column of integers.

    Examples
    --------
    >>> column_of([Fraction(1, 2), Fraction(2, 3)])
    [3, 4, 6]
    """
    scale = lcm(*(value.denominator for value in point))
    return [flint.fmpz(int(value * scale)) for value in point] + [flint.fmpz(scale)]


def evaluate(row: Row, column: Column) -> flint.fmpz:
    """Return the value of a row at a homogeneous column.

    Examples
    --------
    >>> evaluate([2, 1], [3, 4])
    10
    """
    return sum((a * b for a, b in zip(row, column, strict=True)), flint.fmpz(0))


def shortened_column(rows: Iterable[Row], column: Column) -> Column:
    """Return a nearby point with few bits where all rows are positive, or the column itself.

    Examples
    --------
    >>> integers = [list(map(flint.fmpz, row)) for row in ([3, -1], [-3, 2])]
    >>> shortened_column(integers, list(map(flint.fmpz, (1000001, 2000000))))
    [32, 64]
    """
    kept = list(rows)
    for bits in _SHORT_BITS:
        half = column[-1] // 2  # to the nearest multiple of 2^-bits
        short = [((entry << bits) + half) // column[-1] for entry in column[:-1]]
        short.append(flint.fmpz(1) << bits)
        if all(evaluate(row, short) > 0 for row in kept):
            return short
    return column


def lowest_terms(entries: Sequence[flint.fmpz]) -> list[flint.fmpz]:
    """Return integers divided by what divides them all.

    Examples
    --------
    >>> lowest_terms([flint.fmpz(4), flint.fmpz(-6)])
    [2, -3]
    """
    divisor = flint.fmpz(0)
    for entry in entries:
        divisor = divisor.gcd(entry)
        if divisor == 1:  # as most have: no need to look at the rest
            return list(entries)
    return [entry // divisor for entry in entries] if divisor else list(entries)


class Simplex:
    """A feasible vertex of a polytope, and the steps one can take from it.

    Parameters
    ----------
    rows : mapping of int to Row
        The polytope's rows by identifier; identifiers order ties.
    start : Column
        A feasible point: the vertex of n artificial rows x_k = start_k, which have negative
        identifiers and bound nothing.

    Attributes
    ----------
    basis : list of int
    at : dict of int to int
        The rows that are kept, and the line of each in the dictionary.
    lines : fmpz_mat
        The dictionary: a line has n numbers for the slacks, then the value at the vertex. The
        last n + 1 lines are those of the coordinates and of their scale.

    Notes
    -----
    *Algorithm.* Steepest reduced cost for the first steps of a descent, then
    Bland's rule (smallest identifier enters, smallest identifier leaves), which
    cannot cycle (Bland 1977). Any step may raise :class:`~polyregions.exact.stopping.Stopped`.

    **Invariant.** Between two calls every row kept, but for one that the caller lets be
    violated, is non-negative at the vertex, exactly; `lines` are those of `basis`.
    In coordinates ``y = scale of start * x`` all rows are integers, normal and offset, and with D
    the size of the determinant of the basis normals, ``D * row = line of row @ (t, 1)``: numbers of
    `lines` are minors of these rows. So `replace` divides by D without remainder.
    """

    def __init__(self, rows: Mapping[int, Row], start: Column) -> None:
        n = len(start) - 1
        self.basis = [-1 - k for k in range(n)]
        self.at = {i: line for line, i in enumerate(rows)}
        self._rows = rows
        unit = [[int(j == k) for j in range(n + 1)] for k in range(n + 1)]
        # what reads the slot of a slack from every line
        self._columns = [flint.fmpz_mat(n + 1, 1, entries) for entries in unit[:n]]
        lines = flint.fmpz_mat([*map(list, rows.values()), *unit])
        # the n + 1st column becomes the value at `start`
        self.lines = lines * flint.fmpz_mat(
            [[*line[:-1], entry] for line, entry in zip(unit, start, strict=True)]
        )
        self._determinant = flint.fmpz(1)

    @property
    def vertex(self) -> Column:
        """The vertex, in the smallest integers."""
        return lowest_terms([self.coordinate(k)[-1] for k in range(len(self.basis) + 1)])

    def row(self, identifier: int) -> list[flint.fmpz]:
        """Return the numbers of a row that is kept."""
        line = self.at[identifier]
        return [self.lines[line, j] for j in range(len(self.basis) + 1)]

    def coordinate(self, k: int) -> list[flint.fmpz]:
        """Return the numbers of a coordinate, or at n those of the scale."""
        line = self.lines.nrows() - len(self.basis) - 1 + k
        return [self.lines[line, j] for j in range(len(self.basis) + 1)]

    def never_falls(self, row: int) -> bool:
        """Return whether no slack lets a row fall: it is least at this vertex."""
        lines, line = self.lines, self.at[row]
        return all(lines[line, slot] >= 0 for slot in range(len(self.basis)))

    def keep(self, identifiers: Iterable[int]) -> None:
        """Go on with these rows only; they must include the basis."""
        self.at = {i: self.at[i] for i in identifiers}
        # lines of the others are taken along as long as that is less work than to copy the rest
        if 2 * len(self.at) < self.lines.nrows() - len(self.basis) - 1:
            frame = [self.coordinate(k) for k in range(len(self.basis) + 1)]
            self.lines = flint.fmpz_mat([*map(self.row, self.at), *frame])
            self.at = {i: line for line, i in enumerate(self.at)}

    def replace(self, slot: int, row: int) -> None:
        """Let `row` take the place of the basis row in `slot`."""
        look()  # every pivot comes here
        turned, old = self.row(row), self._determinant
        # the row is solved for the slack, which is put into every other row
        sign = 1 if turned[slot] > 0 else -1
        turned = [sign * entry for entry in turned]
        new = turned[slot]
        # the slot becomes the row's: (own * new - own * (new - sign * old)) / old = sign * own
        turned[slot] = new - sign * old
        own = self.lines * self._columns[slot]
        lines = self.lines * new - own * flint.fmpz_mat(1, len(turned), turned)
        self.lines = lines / old  # without remainder, or flint would raise
        self.basis[slot], self._determinant = row, new

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
        lines, n = self.lines, len(self.basis)
        for i, line in self.at.items():
            rate = lines[line, slot] if sign < 0 else -lines[line, slot]
            if rate > 0 and i != skip:
                height = lines[line, n]
                # quotients compared crosswise: both denominators are positive
                if best is None or height * best[2] < best[1] * rate:
                    best = (i, height, rate)
        return best

    def column_at(self, slot: int, sign: int, top: flint.fmpz, bottom: flint.fmpz) -> Column:
        """Return the point reached when slack `slot` goes ``sign * top / bottom``."""
        # homogeneous: multiplied by `bottom`, which is positive, instead of divided
        top, frame = sign * top, map(self.coordinate, range(len(self.basis) + 1))
        return lowest_terms([bottom * line[-1] + top * line[slot] for line in frame])

    def beyond(self, slot: int) -> Column | None:
        """Step over the basis row in `slot` without leaving any other row, if that goes.

        Returns
        -------
        Column or None
            A point where that row alone is negative; None if another row is tight as well and
            blocks the way, or does not let go.
        """
        block = self.blocking(slot, -1, self.basis[slot])
        if block is None:
            return self.column_at(slot, -1, flint.fmpz(1), flint.fmpz(1))
        if block[1] > 0:
            return self.column_at(slot, -1, block[1], block[2])
        return None

    def behind(self, slot: int, block: tuple[int, flint.fmpz, flint.fmpz]) -> Column | None:
        """Step over the row that ends an edge without leaving any other row, if that goes.

        Parameters
        ----------
        slot : int
            The edge: where this slack grows.
        block : (row, numerator, denominator)
            What `blocking` says of it.

        Returns
        -------
        Column or None
            A point where that row alone is negative; None if another row ends the edge, too.
        """
        row, top, bottom = block
        after = self.blocking(slot, 1, row)
        if after is None:
            return self.column_at(slot, 1, top + bottom, bottom)
        if after[1] * bottom > top * after[2]:
            return self.column_at(slot, 1, after[1], after[2])
        return None

    def descend(self, rates: Callable[[], Sequence[flint.fmpz]]) -> Iterator[int]:
        """Yield slacks that let an affine function fall, until it is at its least value.

        Parameters
        ----------
        rates : callable
            Returns what a unit of each slack adds to the function at the vertex at hand.

        Yields
        ------
        int
            A slot. The caller replaces it, which leads to the next vertex, or stops. The slack of
            an artificial row may go either way, and goes first.

        Notes
        -----
        **Invariant.** The function has not risen since the start. If no slack lets it fall, no
        point of the polytope has a smaller value: slacks are non-negative there, and it does not
        depend on those of artificial rows. These leave for good. From `_GREEDY_STEPS` on the steps
        follow Bland's rule, so no basis comes twice, and there are finitely many: the descent ends.
        """
        for steps in count():
            now = rates()
            slots = range(len(self.basis))
            free = [k for k in slots if self.basis[k] < 0 and now[k]]
            falling = [k for k in slots if now[k] < 0]
            if free:
                yield max(free, key=lambda k: abs(now[k]))
            elif not falling:
                return
            elif steps < _GREEDY_STEPS:
                # now[k] per unit length of the row, up to the scale they share
                yield min(falling, key=lambda k: now[k] * self._size(self.basis[k]))
            else:
                yield min(falling, key=self.basis.__getitem__)

    def _size(self, row: int) -> flint.fmpz:
        """Return the size of a row: a rate times it does not depend on how the row is scaled."""
        return max(map(abs, self._rows[row][:-1])) if row >= 0 else flint.fmpz(1)

    def lower(self, target: int) -> Iterator[Column | None]:
        """Walk to where row `target` is least, or to where it is violated; it never blocks.

        Yields
        ------
        Column or None
            After every step None; at the end, unless the row is non-negative wherever the
            others are, a point where it alone is negative. Without one the point at hand is where
            it is least, and the basis proves it: no slack makes it fall.
        """
        if target in self.basis:
            slot = self.basis.index(target)
            over = self.beyond(slot)
            if over is None:
                block = self.blocking(slot, -1, target)
                assert block is not None  # else beyond() would have gone there
                # some other row is tight here, too: it takes the target's place
                self.replace(slot, block[0])
            yield over
            if over is not None:
                return
        elif self.row(target)[-1] < 0:
            yield self.vertex
            return
        for slot in self.descend(lambda: self.row(target)):
            costs = self.row(target)
            # upwards only, but for the slack of an artificial row
            sign = 1 if costs[slot] < 0 else -1
            fall, block = -sign * costs[slot], self.blocking(slot, sign, target)
            if block is None:
                # any step will do that is long enough for the target to be negative
                top, bottom = costs[-1] + 1, fall
            else:
                _, top, bottom = block
            # the target's value at the far end of the edge, times a positive number
            if costs[-1] * bottom < fall * top:
                yield self.column_at(slot, sign, top, bottom)
                return
            assert block is not None  # an unblocked step crosses zero
            self.replace(slot, block[0])
            yield None

    def settle(self, free: int = -1) -> None:
        """Let true rows take the place of the artificial ones; row `free` is not one of them.

        Raises
        ------
        ValueError
            If the rows do not bound a polytope.

        Notes
        -----
        **Invariant.** Before each pass all rows but `free` are non-negative at the point. A
        function that no slack of an artificial row changes, as where row `free` is least, keeps
        its value, and its rates along the others.
        """
        for slot, artificial in enumerate(list(self.basis)):
            if artificial >= 0:
                continue
            block = self.blocking(slot, 1, free)
            if block is None:
                raise ValueError("the rows do not bound a polytope; add the rows of a box")
            self.replace(slot, block[0])

    def violation(self, target: int) -> Column | None:
        """Return a point where `target` alone is negative, or None where it is least, and >= 0."""
        return next((column for column in self.lower(target) if column is not None), None)


def vertex_near(rows: Mapping[int, Row], start: Column) -> Simplex:
    """Return a simplex at a vertex reached from a feasible point.

    Parameters
    ----------
    rows : mapping of int to Row
        Identifiers are non-negative.
    start : Column
        A feasible point.

    Raises
    ------
    ValueError
        If the rows do not bound a polytope.

    Notes
    -----
    *Algorithm.* The point is the vertex of n artificial rows; each in turn is left upwards until
    a true row blocks and takes its place.
    """
    simplex = Simplex(rows, start)
    simplex.settle()
    return simplex
