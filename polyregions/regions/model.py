"""One region as a convex problem: a cvxpy variable, its facets and the output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from polyregions.regions.facets import facet_halfspaces

if TYPE_CHECKING:
    import cvxpy as cp

    from polyregions.regions.region import Region

__all__ = ["RegionProblem", "region_problem"]


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
