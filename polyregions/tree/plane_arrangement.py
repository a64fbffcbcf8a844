"""The planes of one layer across a three-dimensional domain, counted plane by plane.

Planes are added one after another. Each cuts in two the parts that it meets, and these are the
parts into which the planes before it cut the plane itself: lines across a polygon.
"""

from __future__ import annotations

from dataclasses import replace

import flint
import numpy as np

from polyregions.arrays import Arrays, Bits, Floats, Integers
from polyregions.domain.chart import Chart
from polyregions.exact.facets import interior_point
from polyregions.network.stable_units import Reduction
from polyregions.rounding import ROUNDOFF
from polyregions.run.limits import NO_LIMIT
from polyregions.run.problem import Problem, prefix_rows, stop_flag
from polyregions.run.progress import Progress
from polyregions.tree.crew import counted_before
from polyregions.tree.planar_subtree import PlanarSubtree

__all__ = ["PlaneArrangement", "is_plane_arrangement"]

_FEWEST_PLANES = 80  # a hint: fewer are listed sooner
_NODES = 20_000


def is_plane_arrangement(problem: Problem) -> bool:
    """Return whether regions are the parts of an arrangement of many planes."""
    flat = problem.flat
    one_layer = len(flat.widths) == 1 and flat.dimension == 3
    return one_layer and not problem.chart.homogeneous and flat.units >= _FEWEST_PLANES


class PlaneArrangement:
    """The parts of an arrangement of planes, and how many of the planes have been added.

    It is work for the loop of :mod:`polyregions.run.loop`, as a `Crew` is.

    Parameters
    ----------
    problem : Problem
        See `is_plane_arrangement`.
    """

    last, bytes_ahead = 1, 0

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.stop = stop_flag(problem)
        self.exact_decisions = 0
        self._parts, self._added = 1, 0
        units, _ = prefix_rows(problem, np.ones(problem.flat.units, dtype=np.uint8))
        self._rows = flint.fmpz_mat(units)

    @property
    def finished(self) -> bool:
        """Whether all planes have been added."""
        return self._added == self.problem.flat.units

    @property
    def counts(self) -> Integers:
        """Regions found, by level."""
        return np.array([1, self._parts], dtype=np.int64)

    @property
    def reached(self) -> int:
        """Regions that count towards a limit: all."""
        return self._parts

    def progress(self, seconds: float) -> Progress:
        """Return how far the count is; planes wait."""
        return Progress(self._parts, self.problem.flat.units - self._added, 0, seconds)

    def step(self, limit: int) -> None:
        """Add a plane."""
        plane = self._plane()
        # the parts of a plane are the parts of the domain that it cuts in two
        if plane is not None and self._added > 0:
            lines = PlanarSubtree(plane, None)
            while not lines.finished:
                lines.advance(_NODES, NO_LIMIT)
            self.exact_decisions += lines.exact_decisions
            self._parts += lines.regions
        elif plane is not None:
            self._parts += 1  # no line is on it yet
        self._added += 1

    def close(self) -> None:
        """Do nothing: there are no threads."""

    def saved(self) -> Arrays:
        """Return what was counted, and how many planes have been added."""
        return {
            "counts": self.counts,
            "decisions": np.array(self.exact_decisions),
            "added": np.array(self._added),
        }

    def restore(self, saved: Arrays) -> None:
        """Go on from what was saved, instead of the beginning; ValueError if it is none of this."""
        counts, decisions = counted_before(saved, len(self.counts))
        added = saved.get("added", np.empty(0))
        if added.shape != () or not 0 <= added <= self.problem.flat.units:
            raise ValueError("it says too little")
        self._parts, self.exact_decisions, self._added = int(counts[1]), decisions, int(added)

    def most(self, nodes: int) -> int | None:
        """Return no upper bound: it would take as long as counting."""
        return None

    def _plane(self) -> Problem | None:
        """Return the planes added so far as lines on the next; None if it adds no part."""
        problem, i = self.problem, self._added
        row = [self._rows[i, d] for d in range(4)]
        # solved for the coordinate with the largest coefficient: the others run over the plane
        pivot = max(range(3), key=lambda d: abs(int(row[d])))
        if row[pivot] == 0:
            return None  # no plane at all
        along = _along(row, pivot)
        chart = _chart_on(problem.chart, along, pivot)
        if chart is None:
            return None
        lines = flint.fmpz_mat(i, 4, self._rows.entries()[: 4 * i]) * along
        values, errors = _float_rows_of([[int(e) for e in line] for line in lines.tolist()])
        if not values.any(axis=0).all():
            return None  # it is a plane that was added before
        return _on_plane(problem, chart, values, errors)


def _along(row: list[flint.fmpz], pivot: int) -> flint.fmpz_mat:
    """Return the map to a plane from its points (u, v, 1): (x, 1), times a positive integer."""
    size, sign = abs(row[pivot]), 1 if row[pivot] > 0 else -1
    others = [d for d in range(4) if d != pivot]
    along = flint.fmpz_mat(4, 3)
    for column, d in enumerate(others):
        along[d, column] = size
        along[pivot, column] = -sign * row[d]
    return along


def _chart_on(chart: Chart, along: flint.fmpz_mat, pivot: int) -> Chart | None:
    """Return the chart of the domain's section with a plane, or None if it has no interior."""
    others = [d for d in range(3) if d != pivot]
    cube = [2 * d + side for d in others for side in (0, 1)]
    table = (chart.rows * along).tolist()
    # the cube's own rows come first
    order = [*cube, *(i for i in range(len(table)) if i not in cube)]
    rows = []
    for *normal, offset in [table[i] for i in order]:
        # parallel to the plane: it holds all over it or nowhere
        if any(normal):
            divisor = normal[0].gcd(normal[1]).gcd(offset)
            rows.append([entry // divisor for entry in (*normal, offset)])
        elif offset <= 0:
            return None
    if interior_point(rows) is None:
        return None
    return Chart(chart.transform * along, flint.fmpz_mat(rows), 2)


def _float_rows_of(rows: list[list[int]]) -> tuple[Floats, Floats]:
    """Return integer rows as columns, scaled so that the largest entry is 1, and error bounds."""
    if not rows:
        return np.zeros((3, 0)), np.zeros(0)
    peaks = [max(map(abs, row)) or 1 for row in rows]
    values = np.array([[e / peak for e in row] for row, peak in zip(rows, peaks, strict=True)])
    # a bound: each entry is rounded once, and what underflows is far below the last term
    return np.ascontiguousarray(values.T), np.abs(values).sum(axis=1) * (1.01 * ROUNDOFF) + 2e-300


def _on_plane(problem: Problem, chart: Chart, values: Floats, errors: Floats) -> Problem:
    """Return the problem of the first units on a plane."""
    flat, reduction, count = problem.flat, problem.reduction, len(errors)
    domain, domain_error = chart.float_rows
    units = flat.unit_of_row[:count]
    every = np.arange(count)
    bits: Bits = reduction.bits
    return replace(
        problem,
        chart=chart,
        flat=flat._replace(
            dimension=2,
            units=count,
            size=count + domain.shape[1],
            bias_column=2,
            zero_offsets=False,
            widths=np.array([count]),
            outgoing=np.zeros(count + 1, dtype=np.int64),
            biases=np.zeros(count),
            lower=flat.lower[units],
            upper=flat.upper[units],
            bit=every,
            unit_of_row=every,
            row_ends=np.array([count]),
            first=values,
            first_error=errors,
            first_numbers=every,
            domain=domain,
            domain_error=domain_error,
        ),
        reduction=Reduction(
            live=(reduction.live[0][units],),
            kept=reduction.kept[:count],
            bits=bits,
            leader=np.where(reduction.leader < reduction.kept[count], reduction.leader, -1),
        ),
    )
