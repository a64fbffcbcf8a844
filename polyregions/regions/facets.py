"""The facets of a region: which rows carry them, which units switch, what is beyond; for cvxpy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from polyregions.arrays import Floats, Integers, Point
from polyregions.domain.chart import chart_point
from polyregions.exact.facets import exact_facets
from polyregions.geometry.exact_facet_crossing import bits_beyond
from polyregions.geometry.region_polytope import (
    Halfspaces,
    domain_halfspaces,
    exact_on_inputs,
    rounded_rows,
    unit_rows,
)
from polyregions.network.exact_network import exact_rows
from polyregions.pattern import pack
from polyregions.regions.cell_rows import (
    CellRows,
    Chosen,
    cell_rows,
    chosen_regions,
    exact_on_chart,
    one_region,
    parts_of,
    polytopes_of,
    units_of_edges,
)

if TYPE_CHECKING:
    import cvxpy as cp

    from polyregions.regions.region import Region
    from polyregions.regions.regions import Regions

__all__ = [
    "FacetTable",
    "Facets",
    "RegionProblem",
    "facet_halfspaces",
    "facet_rows",
    "facet_table",
    "facet_tables",
    "leading_rows",
    "region_facets",
    "region_problem",
]


_REGIONS = 2**13  # at most, between two reports of progress


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


def facet_table(regions: Regions, report: Callable[[int, int], None] | None = None) -> FacetTable:
    """Return the facets of all regions as arrays: ``regions.halfspaces()``.

    Notes
    -----
    *Algorithm.* The rows that may carry facets are computed in integers, those of regions with
    equal first layers once, and rounded. The walk's simplex decides which do so beyond rounding,
    in all regions in turn; those of a region where it leaves any open are decided in integers.
    In a complete result the edges, which the walk has proven, say which rows may.

    The units and the region beyond are those of the edge. Where a result lacks it, the pattern
    beyond is the one near a point of the facet, exactly
    (:func:`polyregions.geometry.exact_facet_crossing.bits_beyond`).

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> table = facet_table(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)))
    >>> table.starts.tolist(), table.beyond.tolist()
    ([0, 2, 4, 6], [1, -1, 0, 2, 1, -1])
    """
    parts = [_facet_table(chosen_regions(regions, np.arange(0)), regions)]
    done = 0
    for part in facet_tables(regions):
        parts.append(part)
        done += len(part.starts) - 1
        if report is not None:
            report(done, len(regions))
    counts = np.concatenate([np.diff(part.starts) for part in parts])
    return FacetTable(
        np.concatenate([part.normals for part in parts]),
        np.concatenate([part.offsets for part in parts]),
        tuple(units for part in parts for units in part.units),
        np.concatenate([part.beyond for part in parts]),
        np.append(0, np.cumsum(counts)),
    )


def facet_tables(regions: Regions) -> Iterator[FacetTable]:
    """Yield the same for some thousand regions after the other."""
    for numbers in parts_of(regions, np.arange(len(regions)), _REGIONS):
        yield _facet_table(chosen_regions(regions, numbers), regions)


def region_facets(region: Region) -> Facets:
    """Return the facets of a region: ``region.halfspaces()``; see :func:`facet_table`.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> facets = region_facets(pr.enumerate_regions(net, pr.Box.cube(1, 1.0))[0])
    >>> facets.units, facets.beyond.tolist(), facets.normals.tolist(), facets.offsets.tolist()
    (((0,), ()), [1, -1], [[-1.0], [1.0]], [0.0, 1.0])
    """
    table = _facet_table(one_region(region), region.regions)
    return Facets(table.normals, table.offsets, table.units, table.beyond)


def facet_rows(region: Region) -> list[int]:
    """Return which rows of ``region.halfspaces(all_rows=True)`` carry its facets, one each, sorted.

    They are its minimal description. Where several rows have one hyperplane, a side of the
    domain stands for it, or else the lowest unit.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, 5.0]), ([[1.0, 1.0]], [0.0])])
    >>> facet_rows(pr.enumerate_regions(net, pr.Box.cube(1, 1.0))[1])
    [0, 3]
    """
    chosen = one_region(region)
    cells = cell_rows(chosen)
    rows: list[int] = cells.numbers[leading_rows(chosen, cells).leads].tolist()
    return rows


def facet_halfspaces(region: Region) -> tuple[Floats, Floats]:
    """Return the facets as (normals, offsets) of unit length, the side of the region positive.

    Over the whole space without those that lie beyond every float point.
    """
    facets = region_facets(region)
    rows = unit_rows(np.column_stack([facets.normals, facets.offsets]))
    rows = rows[np.isfinite(rows[:, -1])]
    return rows[:, :-1], rows[:, -1]


def _facet_table(chosen: Chosen, regions: Regions | None) -> FacetTable:
    """Return the facets of some regions, of a result or none."""
    cells = cell_rows(chosen)
    found = leading_rows(chosen, cells)
    rows, owners = cells.numbers[found.leads], found.owners
    wall = rows >= chosen.network.hidden_units
    beyond, units = _neighbors(chosen, regions, owners, rows)
    missing = np.flatnonzero((beyond < 0) & ~wall).tolist()
    for owner, here in groupby(missing, lambda k: int(owners[k])):
        places = list(here)
        groups = [found.groups.get(int(found.leads[k]), (int(rows[k]),)) for k in places]
        crossed = _crossed(chosen.region(owner), groups)
        for k, (index, switching) in zip(places, crossed, strict=True):
            beyond[k], units[k] = index, switching
    order = np.lexsort((rows, beyond, beyond < 0, wall, owners))
    table = _rounded_normals(chosen, cells, found.leads[order])
    return FacetTable(
        table[:, :-1],
        table[:, -1],
        tuple(units[k] for k in order.tolist()),
        beyond[order],
        np.searchsorted(owners, np.arange(len(chosen.patterns) + 1)),
    )


class Leads(NamedTuple):
    """The rows that stand for the facets, by their places in a `CellRows`, rising.

    ``owners`` holds the place of each one's region, and ``groups`` the numbers of all rows of
    some facets: those of others have one.
    """

    leads: Integers
    owners: Integers
    groups: dict[int, tuple[int, ...]]


def leading_rows(chosen: Chosen, cells: CellRows) -> Leads:
    """Return the rows that stand for the facets, proven: the domain's, else the lowest unit's."""
    # here, because it loads numba: half a second that rows alone need not
    from polyregions.cells.many_polytopes import proven_facets

    carries = proven_facets(polytopes_of(chosen, cells))
    groups = {}
    for owner in np.flatnonzero(carries[cells.starts[:-1]] < 0).tolist():
        start, end = cells.starts[owner : owner + 2].tolist()
        exact = exact_facets(cells.of_region(owner), chosen.exact_point(owner))
        assert exact is not None  # a region is not empty
        carries[start:end] = 0
        for group in exact.groups:
            rows = tuple(cells.numbers[[start + k for k in group]].tolist())
            lead = start + group[-1 if rows[-1] >= chosen.network.hidden_units else 0]
            carries[lead], groups[lead] = 1, rows
    leads = np.flatnonzero(carries == 1)
    if chosen.domain is None:  # what bounds the cones carries no facet of a region
        leads = leads[cells.numbers[leads] < chosen.network.hidden_units]
    return Leads(leads, np.searchsorted(cells.starts, leads, side="right") - 1, groups)


def _neighbors(
    chosen: Chosen, regions: Regions | None, owners: Integers, rows: Integers
) -> tuple[Integers, list[tuple[int, ...]]]:
    """Return the region beyond each facet that has an edge, or -1, and the units that switch."""
    beyond = np.full(len(rows), -1, dtype=np.int64)
    units: list[tuple[int, ...]] = [()] * len(rows)
    if regions is None:
        return beyond, units
    ends, size = chosen.ends, chosen.network.hidden_units
    keys, wanted = ends.owners * size + ends.units, owners * size + rows
    order = np.argsort(keys)
    place = np.searchsorted(keys[order], wanted)
    known = np.flatnonzero((rows < size) & (place < len(keys)))
    known = known[keys[order[place[known]]] == wanted[known]]
    which = order[place[known]]
    beyond[known] = ends.beyond[which]
    switching = units_of_edges(regions, ends.edges[which])
    for k, of_facet in zip(known.tolist(), switching, strict=True):
        units[k] = of_facet
    return beyond, units


def _crossed(
    region: Region, groups: Sequence[tuple[int, ...]]
) -> list[tuple[int, tuple[int, ...]]]:
    """Return the number of the region beyond each facet, or -1, and the units that switch."""
    exact = exact_on_chart(region.network, region.domain)
    bits = region.bits
    rows = exact_rows(exact, bits)
    points: dict[tuple[int, ...], Point] = {}
    if any(len(group) > 1 for group in groups) or not all(map(any, rows[: len(bits)])):
        answer = exact_facets(rows, chart_point(region.domain, region.exact_witness))
        assert answer is not None  # a region is not empty
        points = dict(zip(answer.groups, answer.points, strict=True))
    found = []
    for group in groups:
        other = bits_beyond(exact, bits, rows, group, points[group] if points else ())
        index = None if region.regions is None else region.regions.index(pack(other))
        switching = tuple(np.flatnonzero(bits != other).tolist())
        found.append((-1 if index is None else index, switching))
    return found


def _rounded_normals(chosen: Chosen, cells: CellRows, leads: Integers) -> Floats:
    """Return rows as (normal, offset) in the free inputs, each entry rounded once."""
    size = chosen.network.hidden_units
    rows, places = cells.numbers[leads], cells.places[leads]
    exact = exact_on_inputs(chosen.network, chosen.domain)
    table = np.empty((len(leads), exact.chart.dimension + 1))
    wall = rows >= size
    table[wall] = domain_halfspaces(chosen.domain, exact.chart.dimension)[rows[wall] - size]
    used, first, inverse = np.unique(places[~wall], return_index=True, return_inverse=True)
    units = rows[~wall][first].tolist()
    distinct = rounded_rows(exact, [cells.units[place] for place in used.tolist()], units)
    table[~wall] = cells.signs[leads[~wall], None] * distinct[inverse.reshape(-1)]
    return table + 0.0  # a zero has no sign


@dataclass(frozen=True, eq=False)
class RegionProblem:
    """What a convex problem over one region is made of.

    Attributes
    ----------
    x : cvxpy.Variable, shape (n,)
        The network's input, fixed coordinates included.
    constraints : list of cvxpy.Constraint
        ``x`` lies in the closed region.
    output : cvxpy.Expression, shape (outputs,)
        The network's output, affine in ``x`` on this region.
    """

    x: cp.Variable
    constraints: list[cp.Constraint]
    output: cp.Expression


def region_problem(region: Region) -> RegionProblem:
    """Return a cvxpy variable, the region's constraints and the network's output.

    Parameters
    ----------
    region : Region

    Returns
    -------
    RegionProblem
        Its rows are the facets of the region alone, each once, scaled to unit length, and
        the bounds of the domain's box: a solver meets no number larger than the region is
        far away. Its answer is approximate, unlike everything else in a result: a solver
        tells a region from its surroundings only as far as its own tolerance.

    Notes
    -----
    *Algorithm.* Which rows carry a facet is proven
    (:func:`polyregions.regions.facets.facet_rows`).

    Examples
    --------
    The input nearest to 0.2 on the region where a ReLU is off:

    >>> import cvxpy as cp
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[2.0]], [1.0])])
    >>> region = pr.enumerate_regions(net, pr.Box.cube(1, 1.0))[0]
    >>> problem = region.as_cvxpy()
    >>> nearest = cp.Problem(cp.Minimize(cp.abs(problem.x[0] - 0.2)), problem.constraints)
    >>> round(float(nearest.solve()), 6), problem.output.value.round(6).tolist()
    (0.2, [1.0])
    """
    import cvxpy as cp

    network, domain = region.network, region.domain
    n = network.input_dimension
    x = cp.Variable(n, name="x")
    free = np.arange(n) if domain is None else domain.free
    constraints: list[cp.Constraint] = []
    normals, offsets = facet_halfspaces(region)
    if len(offsets):
        inside: Any = normals @ x[free] + offsets >= 0
        constraints.append(inside)
    if domain is not None:
        # bounds, needed or not: the corner of a sliver is too sharp for a solver to see
        low, high = domain.box.lower, domain.box.upper
        constraints += [x[free] >= low[free], x[free] <= high[free]]
        if len(free) < n:
            fixed = np.setdiff1d(np.arange(n), free)
            constraints.append(x[fixed] == low[fixed])
    matrix, shift = region.affine_map()
    return RegionProblem(x, constraints, cp.Constant(matrix) @ x + shift)
