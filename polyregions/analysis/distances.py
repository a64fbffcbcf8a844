"""How far inputs are from the nearest activation boundary: one exactly, many as proven floats."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyregions.arrays import finite_floats
from polyregions.domain.chart import chart_of
from polyregions.errors import NetworkError
from polyregions.geometry.nearest_boundary import BoundaryDistance, distances_at, nearest_boundary
from polyregions.network import Network, input_point
from polyregions.pattern import unpack
from polyregions.run.given import DomainLike, NetworkLike, domain_given, network_given

__all__ = ["BoundaryDistance", "boundary_distance", "boundary_distances"]


def boundary_distance(
    network: NetworkLike, x: ArrayLike, domain: DomainLike = None
) -> BoundaryDistance | None:
    """Return the distance from an input to the nearest point where a unit changes sign.

    Parameters
    ----------
    network : Network
    x : array_like, shape (n,)
    domain : Box or Polytope, optional
        Move in its free inputs only; its walls are no boundaries.

    Returns
    -------
    BoundaryDistance or None
        None if no unit changes sign anywhere: all are constant on the region of x.

    Notes
    -----
    *Algorithm.* min over units of ``|z(x)| / ||grad z||``, gradients in the region of x
    (Hanin & Rolnick 2019b): the nearest hyperplane of the region is reached before any
    other boundary. All in integers. If z(x) = 0 for a unit that is not constant, the
    distance is 0.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[3, 4], [1, 0]], [-1, 2]), ([[1, 1]], [0])])
    >>> boundary_distance(net, [0.0, 0.0])
    BoundaryDistance(squared=Fraction(1, 25), unit=0)
    """
    network = network_given(network)
    n = network.input_dimension
    domain = domain_given(domain, n)
    point = input_point(network, x)
    bits = unpack(network.pattern(point), network.hidden_units)
    chart_of(domain, n)  # refuses a domain that does not fit
    free = range(n) if domain is None else domain.free.tolist()
    return nearest_boundary(network, point, bits, list(free))


def boundary_distances(network: Network, points: ArrayLike) -> NDArray[np.float64]:
    """Return the Euclidean distance of points to the nearest activation boundary.

    Parameters
    ----------
    network : Network
    points : array_like, shape (k, n)

    Returns
    -------
    numpy.ndarray of float64, shape (k,)
        Infinite where no unit ever changes its sign. Proven: wrong by at most one part in
        2^30, or the exact distance rounded.

    Raises
    ------
    NetworkError
        If the points are no finite real numbers, or of another shape.

    Notes
    -----
    *Algorithm.* The minimum over units of |z(x)| / ‖∇z(x)‖, gradients in the region of x:
    the region is the intersection of the units' half-spaces, so the nearest of their
    hyperplanes carries its nearest facet. A closed form, in floating point with a bound on
    its rounding; where that does not suffice, as close to a boundary, in exact arithmetic
    (:func:`boundary_distance`).

    Examples
    --------
    >>> net = Network.from_arrays([([[3.0, 4.0], [1.0, 0.0]], [0.0, -3.0]), ([[1, 1]], [0])])
    >>> boundary_distances(net, [[1.0, 0.5], [2.5, 0.0]]).tolist()
    [1.0, 0.5]
    """
    inputs = finite_floats(points, "points")
    if inputs.ndim != 2:
        raise NetworkError(
            f"points must have shape (k, {network.input_dimension}), one in each row"
        )
    words = network.pattern(inputs)
    return distances_at(network, inputs, words)
