"""The tree in exact arithmetic: slow, obvious, and right on every network.

It explores what floats leave open: prefixes whose polytope is too thin for them. Whole
trees explored this way are the slow twin of the compiled kernel.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Bits
from polyregions.exact.facets import interior_point
from polyregions.exact.side import column_of, side_of
from polyregions.exact.simplex import Column, evaluate
from polyregions.network.unit_order import FREE
from polyregions.run.problem import Problem, prefix_rows

__all__ = ["ExactTree"]


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
        decided = np.flatnonzero(marks != FREE)
        still_open = np.flatnonzero(marks == FREE)
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
