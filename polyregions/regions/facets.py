"""The facets of one region, proven: its minimal description."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import flint
import numpy as np

from polyregions.arrays import Floats, Point
from polyregions.cells.proven_facets import proven_facets, scaled_rows
from polyregions.domain.chart import chart_of, chart_point
from polyregions.exact.dyadic import dyadic_matrix
from polyregions.exact.facets import exact_facets
from polyregions.exact.simplex import Row
from polyregions.exact.verdict import Verdict
from polyregions.geometry.halfspaces import domain_halfspaces, unit_rows
from polyregions.network.exact_network import exact_network, exact_rows

if TYPE_CHECKING:
    from polyregions.regions.regions import Region

__all__ = ["facet_halfspaces", "facet_rows"]


def facet_rows(region: Region) -> list[int]:
    """Return which rows of ``region.halfspaces()`` carry its facets, one each, sorted.

    They are its minimal description. Where several rows have one hyperplane, a side of the
    domain stands for it, or else the lowest unit.

    Notes
    -----
    *Algorithm.* Exact rows in chart coordinates are rounded, and the walk's simplex decides
    which carry a facet beyond rounding; where it leaves any open, all are decided in exact
    arithmetic.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, 5.0]), ([[1.0, 1.0]], [0.0])])
    >>> facet_rows(pr.enumerate_regions(net, pr.Box.cube(1, 1.0))[1])
    [0, 3]
    """
    network, domain = region.network, region.domain
    exact = exact_network(network, chart_of(domain, network.input_dimension))
    size = exact.hidden_units
    rows: list[Row] = list(exact_rows(exact, region.bits))
    own = size  # what bounds the cones over the whole space carries no facet of a region
    if domain is not None:
        sides, _ = dyadic_matrix(domain_halfspaces(domain, len(domain.free)))
        transform = exact.chart.transform.tolist()
        kept = [*(transform[i] for i in domain.free.tolist()), transform[-1]]
        rows[size:] = (sides * flint.fmpz_mat(kept)).tolist()
        own = len(rows)
    # a unit without a gradient has no hyperplane, or over the whole space one at infinity
    n = len(rows[0]) - (2 if domain is None else 1)
    numbers = [i for i, row in enumerate(rows) if i >= size or any(row[:n])]
    inside = chart_point(domain, region.exact_witness)
    groups = _facet_groups([rows[i] for i in numbers], inside)
    found = [[numbers[i] for i in group] for group in groups]
    return sorted(
        group[-1] if group[-1] >= size else group[0] for group in found if group[-1] < own
    )


def facet_halfspaces(region: Region) -> tuple[Floats, Floats]:
    """Return the facets as (normals, offsets) of unit length, the side of the region positive.

    Over the whole space without those that lie beyond every float point.
    """
    polytope = region.halfspaces()
    table = np.column_stack([polytope.normals, polytope.offsets])
    rows = unit_rows(table[facet_rows(region)])
    rows = rows[np.isfinite(rows[:, -1])]
    return rows[:, :-1], rows[:, -1]


def _facet_groups(rows: list[Row], inside: Point) -> Sequence[tuple[int, ...]]:
    """Return the rows of each facet's hyperplane, proven."""
    scaled = scaled_rows(
        [[int(entry) for entry in row] for row in rows], [float(u) for u in inside]
    )
    if scaled is not None:
        answer = proven_facets(scaled)
        if not (answer.verdicts == Verdict.UNDECIDED).any():
            return answer.groups
    exact = exact_facets(rows, inside)
    assert exact is not None  # a region is not empty
    return exact.groups
