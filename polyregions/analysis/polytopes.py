"""The exact polytopes of all regions: their vertices, and which rows meet in each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from polyregions.analysis.adjacency import facet_units
from polyregions.analysis.affine_maps import exact_on_domain
from polyregions.arrays import Integers
from polyregions.domain import Box
from polyregions.geometry.double_description import MOST_INPUTS, DoubleDescription
from polyregions.geometry.meeting_points import meeting_points
from polyregions.geometry.region_polytope import chart_polytope
from polyregions.pattern import unpack
from polyregions.regions import Regions, check_regions
from polyregions.regions.cell_rows import cell_rows, chosen_regions, polytopes_of

__all__ = ["chart_polytopes"]

_REGIONS = 2**12  # that are looked at together


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
