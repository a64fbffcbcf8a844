"""The polytopes of all regions: their vertices, and which rows meet in each, exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from polyregions.analysis.adjacency import facet_units
from polyregions.analysis.affine_maps import exact_on_domain
from polyregions.arrays import Floats, Integers
from polyregions.domain import Box
from polyregions.domain.chart import chart_of
from polyregions.errors import DomainError
from polyregions.geometry.double_description import (
    MOST_INPUTS,
    DoubleDescription,
    IntegerColumn,
)
from polyregions.geometry.meeting_points import meeting_points
from polyregions.geometry.region_polytope import chart_polytope
from polyregions.pattern import unpack
from polyregions.regions import Regions, check_regions
from polyregions.regions.cell_rows import cell_rows, chosen_regions, polytopes_of
from polyregions.run.display import shown_steps
from polyregions.run.progress import OnSteps, counted

__all__ = ["VertexTable", "chart_polytopes", "region_vertices", "vertex_table"]

_REGIONS = 2**12  # that are looked at together


@dataclass(frozen=True, eq=False)
class VertexTable:
    """The vertices of all regions, one region after the other.

    Attributes
    ----------
    points : numpy.ndarray of float64, shape (V, n)
        Fixed inputs included.
    starts : numpy.ndarray of int64, shape (R + 1,)
        ``points[starts[i]:starts[i + 1]]`` are those of region i, sorted.
    """

    points: Floats
    starts: Integers

    def __repr__(self) -> str:
        count, inputs = self.points.shape
        return f"<VertexTable of {len(self.starts) - 1} regions: {count} in {inputs} inputs>"


def vertex_table(regions: Regions, *, progress: OnSteps = None) -> VertexTable:
    """Return the vertices of all regions in a bounded domain as arrays.

    Parameters
    ----------
    regions : Regions
    progress : bool or callable, optional
        True shows it on stderr; a callable is called with the numbers of regions done and to be
        done.

    Returns
    -------
    VertexTable
        Exact vertices, each coordinate rounded once: those of ``regions[i].polytope()``.

    Raises
    ------
    DomainError
        Over the whole space, where regions have rays as well, and with more than 20 free inputs.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 2]], [-0.5]), ([[1]], [0])])
    >>> table = vertex_table(pr.enumerate_regions(net, pr.Box.interval(2, 0.0, 1.0)))
    >>> table.points[: table.starts[1]].tolist()
    [[0.0, 0.0], [0.0, 0.25], [0.5, 0.0]]
    """
    check_regions(regions)
    if regions.domain is None:
        raise DomainError(
            "a table of vertices is for bounded domains, because regions of the whole space have "
            "rays as well; ask each, regions[i].polytope(), or find the regions in a box"
        )
    with shown_steps(progress, "regions", "done") as report:
        parts = list(counted(region_vertices(regions), len(regions), report))
    none = np.empty((0, regions.network.input_dimension))
    starts = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    return VertexTable(np.concatenate([none, *parts]), starts)


def region_vertices(regions: Regions) -> Iterator[Floats]:
    """Yield the vertices of each region in a bounded domain, rounded once and sorted, (k, n)."""
    chart = chart_of(regions.domain, regions.network.input_dimension)
    table = [[int(entry) for entry in row] for row in chart.transform.tolist()]
    bottom = table.pop()[-1]

    @lru_cache(maxsize=2**16)  # a vertex is one of several regions
    def rounded(column: IntegerColumn) -> tuple[float, ...]:
        under = bottom * column[-1]
        return tuple(
            sum(a * u for a, u in zip(row, column, strict=True) if a) / under for row in table
        )

    def exact(column: IntegerColumn) -> tuple[Fraction, ...]:
        return tuple(Fraction(u, column[-1]) for u in column[:-1])

    for polytope in chart_polytopes(regions):
        columns = polytope.vertices
        points = np.array([rounded(column) for column in columns])
        order = np.lexsort(points.T[::-1])
        # different numbers that are rounded to one float are in no order yet
        if (np.diff(np.sort(points, axis=0), axis=0) == 0.0).any():
            order = np.array(sorted(range(len(columns)), key=lambda k: exact(columns[k])))
        yield points[order]


def chart_polytopes(regions: Regions) -> Iterator[DoubleDescription]:
    """Yield each region's exact polytope in chart coordinates.

    For a complete result only the rows that carry facets are cut. A box's chart is
    the cube [-1, 1]^m of its free inputs, whose rows come first.

    Notes
    -----
    *Algorithm.* In a box, which rows meet in which corners is proven in floats where no more
    meet than must (:func:`polyregions.cells.proven_facets.proven_corners`), and each corner is
    computed in integers once, however many regions meet there. Other polytopes are cut out of
    the cube, row by row.
    """
    check_regions(regions)
    exact, complete = exact_on_domain(regions), regions.complete
    for first in range(0, len(regions), _REGIONS):
        numbers = np.arange(first, min(first + _REGIONS, len(regions)))
        units: list[list[int]] | None = None
        for number, simple in zip(numbers.tolist(), _simple(regions, numbers), strict=True):
            if simple is not None:
                yield simple
                continue
            if units is None and complete:
                units = facet_units(regions)
            bits = unpack(regions.patterns[number], exact.hidden_units)
            yield chart_polytope(exact, bits, None if units is None else units[number])


def _simple(regions: Regions, numbers: Integers) -> Iterator[DoubleDescription | None]:
    """Yield the polytopes that floats prove to be simple, None for each of the others."""
    # here, because it loads numba
    from polyregions.cells.proven_facets import proven_corners

    chosen = chosen_regions(regions, numbers)
    m = chosen.points.shape[1]
    if not isinstance(regions.domain, Box) or m > MOST_INPUTS:
        yield from [None] * len(numbers)
        return
    cells = cell_rows(chosen)
    tight, counts = proven_corners(polytopes_of(chosen, cells))
    rows = np.array([[int(entry) for entry in row] for row in cells.chart], dtype=object)
    found = np.maximum(counts, 0)
    starts = np.repeat(cells.starts[:-1], found)
    meeting = np.sort(cells.places[starts[:, None] + tight], axis=1)
    distinct, places = np.unique(meeting, axis=0, return_inverse=True)
    points = meeting_points(rows, distinct)
    vertices = [points[place] for place in places.reshape(-1).tolist()]
    corner_rows = tight.tolist()
    stops = np.cumsum(found).tolist()
    for place, (count, stop) in enumerate(zip(counts.tolist(), stops, strict=True)):
        if count < 0:
            yield None
            continue
        own = slice(*cells.starts[place : place + 2].tolist())
        signed = zip(cells.places[own].tolist(), cells.signs[own].tolist(), strict=True)
        table = [(rows[row] * sign).tolist() for row, sign in signed]
        # the cube's rows stand behind the units', but come first in a polytope
        units = len(table) - 2 * m
        bits = [1 << (k - units if k >= units else k + 2 * m) for k in range(len(table))]
        masks = [sum(bits[k] for k in corner) for corner in corner_rows[stop - count : stop]]
        order = [*table[units:], *table[:units]]
        yield DoubleDescription(order, vertices[stop - count : stop], masks)
