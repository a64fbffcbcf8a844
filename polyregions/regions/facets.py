"""The facets of one region: which rows carry them, the units that switch, what lies beyond."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import flint
import numpy as np

from polyregions.arrays import Floats, Integers, Point
from polyregions.domain import Domain
from polyregions.domain.chart import chart_of, chart_point
from polyregions.exact.dyadic import dyadic_matrix
from polyregions.exact.facets import exact_facets
from polyregions.exact.simplex import Row
from polyregions.exact.verdict import Verdict
from polyregions.geometry.exact_facet_crossing import bits_beyond
from polyregions.geometry.halfspaces import (
    Halfspaces,
    domain_halfspaces,
    region_halfspaces,
    unit_rows,
)
from polyregions.network import Network
from polyregions.network.exact_network import ExactNetwork, exact_network, exact_rows
from polyregions.pattern import pack

if TYPE_CHECKING:
    from polyregions.regions.region import Region
    from polyregions.regions.regions import Regions

__all__ = [
    "FacetTable",
    "Facets",
    "exact_on_chart",
    "facet_halfspaces",
    "facet_rows",
    "facet_table",
    "region_facets",
]


@dataclass(frozen=True, eq=False)
class Facets(Halfspaces):
    """The facets of a region: the polytope {x : normals @ x + offsets >= 0}, no row too many.

    In the order of the region's edges, then facets whose region the result does not hold, then
    those on the domain's walls.

    Attributes
    ----------
    normals : numpy.ndarray of float64, shape (m, d)
    offsets : numpy.ndarray of float64, shape (m,)
    units : tuple of tuple of int
        The units whose sign changes across each facet; none on a wall of the domain.
    beyond : numpy.ndarray of int64, shape (m,)
        The number of the region beyond each facet; -1 on a wall of the domain, and where the
        result does not hold that region.
    """

    units: tuple[tuple[int, ...], ...]
    beyond: Integers

    def __repr__(self) -> str:
        rows, inputs = self.normals.shape
        walls = self.units.count(())
        return f"<Facets: {rows} in {inputs} inputs, {walls} of them on walls of the domain>"


@dataclass(frozen=True, eq=False)
class FacetTable(Facets):
    """The facets of all regions, one region after the other.

    Attributes
    ----------
    starts : numpy.ndarray of int64, shape (R + 1,)
        Rows ``starts[i]:starts[i + 1]`` of the other attributes, which are those of
        :class:`Facets`, belong to region i.
    """

    starts: Integers

    def __repr__(self) -> str:
        rows, inputs = self.normals.shape
        return f"<FacetTable of {len(self.starts) - 1} regions: {rows} in {inputs} inputs>"


def facet_table(regions: Regions) -> FacetTable:
    """Return the facets of all regions as arrays: ``regions.halfspaces()``.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> table = facet_table(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)))
    >>> table.starts.tolist(), table.beyond.tolist()
    ([0, 2, 4, 6], [1, -1, 0, 2, 1, -1])
    """
    inputs = regions.network.input_dimension
    d = inputs if regions.domain is None else len(regions.domain.free)
    none = Facets(np.empty((0, d)), np.empty(0), (), np.empty(0, dtype=np.int64))
    parts = [none, *map(region_facets, regions)]
    return FacetTable(
        np.concatenate([part.normals for part in parts]),
        np.concatenate([part.offsets for part in parts]),
        tuple(units for part in parts for units in part.units),
        np.concatenate([part.beyond for part in parts]),
        np.cumsum([len(part.offsets) for part in parts], dtype=np.int64),
    )


def region_facets(region: Region) -> Facets:
    """Return the facets of a region: ``region.halfspaces()``.

    Notes
    -----
    *Algorithm.* Which rows carry a facet is proven (:func:`facet_rows`). The units and the region
    beyond are those of the edge, which the walk has proven. Where a result lacks the edge, or
    the region is from none, the pattern beyond is the one near a point of the facet, exactly
    (:func:`polyregions.geometry.exact_facet_crossing.bits_beyond`).

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> facets = region_facets(pr.enumerate_regions(net, pr.Box.cube(1, 1.0))[0])
    >>> facets.units, facets.beyond.tolist(), facets.normals.tolist(), facets.offsets.tolist()
    (((0,), ()), [1, -1], [[-1.0], [1.0]], [0.0, 1.0])
    """
    size = region.network.hidden_units
    known = {}
    if region.regions is not None:
        known = {min(units): (other.index, units) for other, units in region.neighbors()}
    groups = _facet_groups(region)
    inside = [group for group in groups if group[-1] < size]
    found = {g: known[k] for g in inside for k in g if k in known}
    found |= _crossed(region, [group for group in inside if group not in found])
    order = sorted(inside, key=lambda group: (found[group][0] is None, found[group][0], group))
    order += sorted((g for g in groups if g[-1] >= size), key=lambda group: _lead(group, size))
    table = _every_row(region)[[_lead(group, size) for group in order]]
    ends = [found.get(group, (None, ())) for group in order]
    beyond = np.array([-1 if index is None else index for index, _ in ends], dtype=np.int64)
    return Facets(table[:, :-1], table[:, -1], tuple(units for _, units in ends), beyond)


def _crossed(
    region: Region, groups: Sequence[tuple[int, ...]]
) -> dict[tuple[int, ...], tuple[int | None, tuple[int, ...]]]:
    """Return the number of the region beyond each facet, if known, and the units that switch."""
    if not groups:
        return {}
    exact = exact_on_chart(region.network, region.domain)
    bits = region.bits
    rows = exact_rows(exact, bits)
    points: dict[tuple[int, ...], Point] = {}
    if any(len(group) > 1 for group in groups) or not all(map(any, rows[: len(bits)])):
        answer = exact_facets(rows, chart_point(region.domain, region.exact_witness))
        assert answer is not None  # a region is not empty
        points = dict(zip(answer.groups, answer.points, strict=True))
    found = {}
    for group in groups:
        other = bits_beyond(exact, bits, rows, group, points[group] if points else ())
        index = None if region.regions is None else region.regions.index(pack(other))
        found[group] = index, tuple(np.flatnonzero(bits != other).tolist())
    return found


def facet_rows(region: Region) -> list[int]:
    """Return which rows of ``region.halfspaces(all_rows=True)`` carry its facets, one each, sorted.

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
    size = region.network.hidden_units
    return sorted(_lead(group, size) for group in _facet_groups(region))


def facet_halfspaces(region: Region) -> tuple[Floats, Floats]:
    """Return the facets as (normals, offsets) of unit length, the side of the region positive.

    Over the whole space without those that lie beyond every float point.
    """
    table = _every_row(region)
    rows = unit_rows(table[facet_rows(region)])
    rows = rows[np.isfinite(rows[:, -1])]
    return rows[:, :-1], rows[:, -1]


def _every_row(region: Region) -> Floats:
    """Return all rows (normal, offset) of ``region.halfspaces(all_rows=True)``."""
    polytope = region_halfspaces(region.network, region.domain, region.pattern)
    return np.column_stack([polytope.normals, polytope.offsets]) + 0.0  # a zero has no sign


def _lead(group: Sequence[int], size: int) -> int:
    """Return the row that stands for a facet: the domain's, or else the lowest unit's."""
    return group[-1] if group[-1] >= size else group[0]


@lru_cache(maxsize=4)
def exact_on_chart(network: Network, domain: Domain | None) -> ExactNetwork:
    """Return a network in integers on the chart of a domain; the last ones are kept."""
    return exact_network(network, chart_of(domain, network.input_dimension))


def _facet_groups(region: Region) -> list[tuple[int, ...]]:
    """Return, per facet, the rows of ``region.halfspaces(all_rows=True)`` that carry it."""
    network, domain = region.network, region.domain
    exact = exact_on_chart(network, domain)
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
    groups = _proven_groups([rows[i] for i in numbers], inside)
    found = (tuple(numbers[i] for i in group) for group in groups)
    return [group for group in found if group[-1] < own]


def _proven_groups(rows: list[Row], inside: Point) -> Sequence[tuple[int, ...]]:
    """Return the rows of each facet's hyperplane, proven."""
    # here, because it loads numba: half a second that rows alone need not
    from polyregions.cells.proven_facets import proven_facets, scaled_rows

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
