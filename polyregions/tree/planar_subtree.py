"""A planar subtree under exploration: polygons are clipped, exact integers where floats stop."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import cmp_to_key, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.domain.chart import Chart
from polyregions.network.integer_network import NO_INTEGERS, with_own_work
from polyregions.network.prefix import Prefix, end_of, extended, last_level, with_bit
from polyregions.rounding import ROUNDOFF
from polyregions.run.limits import NO_LIMIT
from polyregions.run.problem import Problem, prefix_rows
from polyregions.tree.clipping import (
    EXPLORED,
    NEEDS_ROOM,
    NEEDS_ROW,
    NEEDS_SIGNS,
    STOPPED,
    explore_polygons,
)
from polyregions.tree.corner_orientation import NO_LINES, integer_lines
from polyregions.tree.polygons import begin_polygons, polygons_of, with_more_corners
from polyregions.tree.subtree import float_row

__all__ = ["PlanarSubtree", "boundary"]


class PlanarSubtree:
    """All regions below a prefix of a planar domain, and how far they have been explored.

    The same as `Subtree`, by another algorithm.

    Parameters
    ----------
    problem : Problem
        On a chart of two coordinates.
    sequence : numpy.ndarray of int64, optional
        The units that vary, layer by layer, in the order of the tree; by default it takes
        them as it thinks best.
    prefix : Prefix, optional
        By default the empty one.
    """

    def __init__(
        self, problem: Problem, sequence: NDArray[np.int64] | None, prefix: Prefix | None = None
    ) -> None:
        self.problem = problem
        self._ordered = sequence is not None
        flat = problem.flat
        if sequence is None:
            sequence = np.arange(flat.units)
        self._integers, self._lines = NO_INTEGERS, NO_LINES
        self._edges = _edges_of(problem.chart)
        self.polygons = polygons_of(flat, sequence, max(64, 4 * len(self._edges)))
        domain, errors = self.polygons.rows[:, flat.units :], self.polygons.errors[flat.units :]
        domain[:] = flat.domain
        errors[:] = flat.domain_error + 8 * ROUNDOFF * (3.0 + np.abs(flat.domain[2]))
        self.start(self.polygons.fixed if prefix is None else prefix)

    def start(self, prefix: Prefix) -> None:
        """Begin anew, below another prefix."""
        polygons = self.polygons
        polygons.fixed.mask[:], polygons.fixed.value[:] = prefix
        self._decisions = 0
        begin_polygons(
            polygons,
            self.problem.flat.units + self._edges,
            end_of(prefix, polygons.rank),
            last_level(polygons.starts),
            self._ordered,
        )

    @property
    def finished(self) -> bool:
        """Whether nothing is left to explore."""
        return bool(self.polygons.counters[0]["depth"] < 0)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Regions found, by level."""
        return self.polygons.counts.copy()

    @property
    def regions(self) -> int:
        """Regions found."""
        return int(self.polygons.counts[self.polygons.counters[0]["last"]])

    @property
    def exact_decisions(self) -> int:
        """Decisions that exact arithmetic took."""
        return int(self.polygons.counters[0]["exact"]) + self._decisions

    @property
    def work(self) -> int:
        """What has been done, in nodes of the tree; exact arithmetic counts for more."""
        return int(self.polygons.counters[0]["nodes"]) + 1000 * self._decisions

    def advance(self, nodes: int, regions: int) -> None:
        """Explore about so many nodes, or until so many regions are found in all."""
        stop = self.work + nodes
        while not self.finished:
            left = max(1, stop - self.work)  # so that every call gets somewhere
            status = explore_polygons(
                self.problem.flat, self._integers, self._lines, self.polygons, left, regions
            )
            if status == NEEDS_ROOM:
                self.polygons = with_more_corners(self.polygons)
            elif status in (EXPLORED, STOPPED):
                break
            # compiled integers decide all that floats cannot, unless they take too many digits
            elif self.problem.integers is not None:
                self._integers = with_own_work(self.problem.integers)
                self._lines = integer_lines(self._integers)
            elif status == NEEDS_ROW:
                self._write_row()
            else:
                assert status == NEEDS_SIGNS
                self._write_signs()

    def unexplored(self) -> tuple[list[Prefix], NDArray[np.int64]]:
        """Return the prefixes not explored, and the counts of what is, by level.

        Every region, of every level, is counted here or below one of the prefixes. Only
        between two calls of `advance`.
        """
        polygons = self.polygons
        prefixes = []
        for depth in range(int(polygons.counters[0]["depth"]), -1, -1):
            frame = polygons.frames[depth]
            units = polygons.sequence[: polygons.starts[frame["level"] + 1]]
            first = frame["candidates"]
            candidates = polygons.candidates[first : first + frame["count"]]
            prefix = extended(polygons.fixed, polygons.bits, units, candidates)
            # its own split, which polygons above may have overwritten in the bits
            if frame["unit"] >= 0:
                prefix = with_bit(prefix, int(frame["unit"]), int(frame["bit"]))
            prefixes.append(prefix)
        return prefixes, self.counts

    def most(self, nodes: int) -> int | None:
        """Return an upper bound of the regions, if it takes no more than so many nodes."""
        other = copy(self)
        # with work arrays of its own, if it needs any
        other._integers, other._lines = NO_INTEGERS, NO_LINES
        arrays = self.polygons._asdict()
        copies: dict[str, Any] = {
            name: array.copy() for name, array in arrays.items() if isinstance(array, np.ndarray)
        }
        other.polygons = self.polygons._replace(**copies)
        other.polygons.counters[0]["ready"] = -1
        other.polygons.counters[0]["bounding"] = 1
        other.advance(nodes, NO_LIMIT)
        return other.regions if other.finished else None

    def _exact_rows(self, target: int) -> list[Any]:
        """Return the exact rows of this prefix, the target's positive side non-negative."""
        bits = self.polygons.bits.copy()
        bits[target] = 1
        units, domain = prefix_rows(self.problem, bits)
        return [*units, *domain]

    def _write_row(self) -> None:
        """Write the row that floats lost, from exact integers."""
        self._decisions += 1
        polygons = self.polygons
        target = int(polygons.counters[0]["target"])
        values, polygons.errors[target] = float_row(self._exact_rows(target)[target])
        polygons.rows[:, target] = values

    def _write_signs(self) -> None:
        """Find the sides of a row that the corners of the polygon on top are on."""
        self._decisions += 1
        polygons = self.polygons
        target = int(polygons.counters[0]["target"])
        rows = self._exact_rows(target)
        frame = polygons.frames[polygons.counters[0]["depth"]]
        first, count = int(frame["first"]), int(frame["sides"])
        for i, (one, two) in enumerate(polygons.meetings[first : first + count, :2].tolist()):
            a, b, c = rows[one], rows[two], rows[target]
            # the row at the meeting of two lines, times the square of its denominator
            value = sum(_minor(a, b, d) * c[d] for d in range(3)) * _minor(a, b, 2)
            polygons.given[i] = (value > 0) - (value < 0)
        # valid for one call, and for this row only
        polygons.counters[0]["given"] = target


@lru_cache(maxsize=32)
def _edges_of(chart: Chart) -> NDArray[np.int64]:
    """Return the domain's rows that carry edges, around it."""
    return np.array(boundary(chart.rows.tolist()), dtype=np.int64)


def _minor(a: Sequence[Any], b: Sequence[Any], d: int) -> Any:
    """Return the minor of two rows that leaves out column d, signed."""
    e, f = (d + 1) % 3, (d + 2) % 3
    return a[e] * b[f] - a[f] * b[e]


def boundary(rows: Sequence[Sequence[Any]]) -> list[int]:
    """Return the rows that carry the edges of a polygon, around it.

    Parameters
    ----------
    rows : sequence of three integers each
        Half-planes ``a x + b y + c >= 0``, which bound a polygon with interior.

    Examples
    --------
    >>> boundary([[1, 0, 1], [-1, 0, 1], [0, 1, 1], [0, -1, 1], [1, 0, 5], [2, 0, 2]])
    [0, 2, 1, 3]
    """
    edges = [i for i in range(len(rows)) if _is_edge(rows, i)]

    def turn(i: int, j: int) -> int:
        """Compare the angles of two normals, from the positive x-axis on."""
        a, b = rows[i], rows[j]
        halves = [(row[1], row[0]) < (0, 0) for row in (a, b)]
        if halves[0] != halves[1]:
            return -1 if halves[1] else 1
        return -1 if _minor(a, b, 2) > 0 else 1

    edges.sort(key=cmp_to_key(turn))
    return edges


def _is_edge(rows: Sequence[Sequence[Any]], i: int) -> bool:
    """Return whether a row carries an edge, and is the first that does of equal ones."""
    row = rows[i]
    lower: tuple[Any, Any] | None = None
    upper: tuple[Any, Any] | None = None
    for j, other in enumerate(rows):
        if j == i:
            continue
        # along the line, from the foot of the normal in direction (-b, a): slope t + shift >= 0
        slope = _minor(row, other, 2)
        square = row[0] * row[0] + row[1] * row[1]
        shift = other[2] * square - row[2] * (row[0] * other[0] + row[1] * other[1])
        # parallel: beside the line it does not bound it, on the line the first of two stays
        if slope == 0:
            if shift < 0 or (shift == 0 and (row[0] * other[0] + row[1] * other[1] < 0 or j < i)):
                return False
        elif slope > 0:
            if lower is None or -shift * lower[1] > lower[0] * slope:
                lower = -shift, slope
        elif upper is None or shift * upper[1] < upper[0] * -slope:
            upper = shift, -slope
    # an edge is more than a point
    return lower is None or upper is None or lower[0] * upper[1] < upper[0] * lower[1]
