"""One region as rows in exact arithmetic, and which of them carry facets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import flint
import numpy as np

from polyregions.arrays import Floats, Point
from polyregions.domain.chart import chart_of, chart_point
from polyregions.exact.dyadic import dyadic_matrix
from polyregions.exact.facets import exact_facets
from polyregions.exact.simplex import Row
from polyregions.exact.verdict import Verdict
from polyregions.geometry.halfspaces import domain_halfspaces, unit_rows
from polyregions.network.exact_network import exact_network, exact_rows

if TYPE_CHECKING:
    import cvxpy as cp

    from polyregions.regions.region import Region

__all__ = ["RegionProblem", "facet_halfspaces", "facet_rows", "region_problem"]


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
    (:func:`polyregions.regions.model.facet_rows`).

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
