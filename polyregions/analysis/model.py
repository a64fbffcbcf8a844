"""A region as a cvxpy model, for convex problems of your own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polyregions.geometry.halfspaces import region_halfspaces

if TYPE_CHECKING:
    import cvxpy as cp

    from polyregions.regions import Region

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
        Rows are scaled to unit length and identically zero units are left out.
        A solver's answer is approximate, unlike everything else in a result.

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
    polytope = region_halfspaces(network, domain, region.pattern)
    free = np.arange(n) if domain is None else domain.free
    # scaled by the largest entry first: the squares of tiny or huge rows leave the float range
    largest = np.abs(polytope.normals).max(axis=1)
    bent = largest > 0
    normals = polytope.normals[bent] / largest[bent, None]
    lengths = np.linalg.norm(normals, axis=1)
    with np.errstate(over="ignore"):
        offsets = polytope.offsets[bent] / largest[bent] / lengths
    near = offsets < np.inf  # no float point lies beyond a hyperplane at infinity
    constraints: list[cp.Constraint] = []
    if near.any():
        constraints.append((normals / lengths[:, None])[near] @ x[free] + offsets[near] >= 0)
    if domain is not None and len(free) < n:
        fixed = np.setdiff1d(np.arange(n), free)
        constraints.append(x[fixed] == domain.box.lower[fixed])
    matrix, shift = region.affine_map()
    return RegionProblem(x, constraints, cp.Constant(matrix) @ x + shift)
