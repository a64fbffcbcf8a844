"""How far inputs are from the nearest activation boundary: one exactly, many as proven floats."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import flint
import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyregions.analysis.affine_maps import maps_of_layers
from polyregions.arrays import Floats, finite_floats
from polyregions.domain.chart import Chart, chart_of
from polyregions.errors import NetworkError
from polyregions.exact.dyadic import dyadic_matrix
from polyregions.geometry.double_description import float_root
from polyregions.network import Network, input_point
from polyregions.network.exact_network import exact_network, exact_rows
from polyregions.pattern import Words, unpack
from polyregions.rounding import ROUNDOFF
from polyregions.run.given import DomainLike, NetworkLike, domain_given, network_given

__all__ = ["BoundaryDistance", "boundary_distance", "boundary_distances"]


@dataclass(frozen=True)
class BoundaryDistance:
    """The nearest activation boundary to an input.

    Attributes
    ----------
    squared : Fraction
        The exact square of the Euclidean distance.
    unit : int
        A unit whose boundary it is.
    """

    squared: Fraction
    unit: int

    @property
    def value(self) -> float:
        """The distance as a float, infinite if it is larger than all."""
        return float_root(self.squared)


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
    # inputs as they are: the identity chart, homogeneous
    transform = flint.fmpz_mat(
        n + 1, n + 1, [int(i == j) for i in range(n + 1) for j in range(n + 1)]
    )
    inputs = Chart(transform, flint.fmpz_mat(0, n + 1), n)
    exact = exact_network(network, inputs)
    column, _ = dyadic_matrix(np.append(point, 1.0)[:, None])
    scale = int(column[n, 0])
    best: BoundaryDistance | None = None
    for unit, row in enumerate(exact_rows(exact, bits)[: exact.hidden_units]):
        square = sum(int(row[i]) ** 2 for i in free)
        if not square:
            continue
        value = sum(int(row[i]) * int(column[i, 0]) for i in range(n + 1))
        squared = Fraction(value**2, square * scale**2)
        if best is None or squared < best.squared:
            best = BoundaryDistance(squared, unit)
    return best


_ACCURACY = 2.0**-30  # of a distance in floats; where they do not reach it, it is exact


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
    distances, proven = _in_floats(network, inputs, words)
    for index in np.flatnonzero(~proven).tolist():
        nearest = boundary_distance(network, inputs[index])
        distances[index] = np.inf if nearest is None else nearest.value
    return distances


def _in_floats(network: Network, inputs: Floats, words: Words) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the distances, and which of them are proven."""
    point = np.column_stack([inputs, np.ones(len(inputs))])[:, None, :]
    found, least, most = [], [], []
    with np.errstate(all="ignore"):  # what leaves the range of floats is not proven
        for layer in maps_of_layers(network, words):
            rows, error = layer.value[:, layer.bends], layer.error[:, layer.bends]
            if not rows.shape[1]:
                continue
            rounding = (rows.shape[2] + 8) * ROUNDOFF
            terms = np.abs(rows) * np.abs(point)
            value = np.abs((rows * point).sum(axis=2))
            doubt = 1.01 * ((error * np.abs(point)).sum(axis=2) + rounding * terms.sum(axis=2))
            # the largest entry first: squares of tiny or huge rows leave the float range
            peak = np.abs(rows[:, :, :-1]).max(axis=2)
            length = np.linalg.norm(rows[:, :, :-1] / peak[:, :, None], axis=2) * peak
            length[peak == 0] = 0.0
            slack = 1.01 * (error[:, :, :-1].sum(axis=2) + rounding * length)
            found.append(value / length)
            least.append(np.maximum(value - doubt, 0.0) / (length + slack))
            most.append(np.where(length > slack, (value + doubt) / (length - slack), np.inf))
        upper = np.concatenate(most, axis=1)
        nearest = upper.argmin(axis=1)[:, None]
        low = np.concatenate(least, axis=1).min(axis=1)
        high, distances = (
            np.take_along_axis(one, nearest, axis=1)[:, 0]
            for one in (upper, np.concatenate(found, axis=1))
        )
        # a comparison with NaN fails
        return distances, (high - low <= _ACCURACY * low) & np.isfinite(high)
