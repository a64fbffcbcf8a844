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
from polyregions.exact.facets import interior_point, side_of
from polyregions.exact.simplex import Column, column_of, evaluate
from polyregions.network.prefix import Prefix, unpack_prefix, with_bit
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
    stack : list of (Prefix, point)
        Prefixes waiting, and a point inside or None. A prefix that ends with a layer has not
        been counted there.
    decisions : int
    """

    problem: Problem
    sequence: NDArray[np.int64]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    stack: list[tuple[Prefix, Column | None]] = field(default_factory=list)
    decisions: int = 0
    _known: tuple[bytes, list[list[flint.fmpz]], list[Any]] | None = None

    def push(self, prefix: Prefix) -> None:
        """Add a prefix; one that belongs to no region counts nothing."""
        self.stack.append((prefix, None))

    def step(self) -> None:
        """Decide one unit of the prefix on top, or raise `Stopped` and change nothing."""
        self.stack[-1:] = self._decided(*self.stack[-1])

    def _decided(self, prefix: Prefix, inside: Column | None) -> list[tuple[Prefix, Column | None]]:
        """Return what a prefix becomes, and count it where it ends with a layer."""
        decided, bits = unpack_prefix(prefix, len(self.sequence))
        # units are decided in the order of the tree, but for a few of the last layer
        free = np.flatnonzero(decided[self.sequence] == 0)
        place = int(free[0]) if len(free) else len(self.sequence)
        # of the first free unit; the rows up to it rest on bits that are given
        level = int(np.flatnonzero(self.starts[:-1] <= place)[-1])
        unsigned, domain = self.rows(bits, level)
        rows = [*domain]
        for known in np.flatnonzero(decided).tolist():
            row = unsigned[known]
            if bits[known] and not any(row):
                return []  # identically zero counts as inactive
            rows.append(row if bits[known] else [-entry for entry in row])
        if inside is None:
            point = interior_point(rows)
            if point is None:
                return []  # no interior: it is the prefix of no region
            inside = column_of(point)
        answer: int | Column = 0
        if place < len(self.sequence):
            unit = int(self.sequence[place])
            row = unsigned[unit]
            answer = side_of(rows, row, inside)
            self.decisions += 1
        # from here on nothing stops
        if decided.sum() == place:
            # nothing is decided behind: a whole layer, or several if some have no units
            ended = np.flatnonzero((self.starts[1:] == place) & (np.diff(self.starts) > 0))
            self.counts[ended] += 1
        if place == len(self.sequence):
            return []
        if isinstance(answer, int):
            # one sign all over the prefix, by proof; the point inside stays
            return [(with_bit(prefix, unit, int(answer > 0)), inside)]
        bit = int(evaluate(row, answer) > 0)
        near, far = with_bit(prefix, unit, 1 - bit), with_bit(prefix, unit, bit)
        # `answer` is a point on the other side than `inside`; a point on the row is on neither
        return [(near, inside if evaluate(row, inside) else None), (far, answer)]

    def rows(self, bits: Bits, level: int) -> tuple[list[list[flint.fmpz]], list[Any]]:
        """Return the rows of the units up to a level, not signed, and the domain's."""
        below = self.sequence[: self.starts[level]]
        chosen = np.ones_like(bits)
        chosen[below] = bits[below]
        # the rows of a level are the same until a bit below changes
        key = chosen.tobytes()
        if self._known is None or self._known[0] != key:
            rows, domain = prefix_rows(self.problem, chosen)
            for unit in below.tolist():
                if not chosen[unit]:
                    rows[unit] = [-entry for entry in rows[unit]]
            self._known = key, rows, domain
        return self._known[1], self._known[2]
