"""How far a point is from the nearest boundary between regions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyregions.analysis.affine_maps import maps_of_layers
from polyregions.analysis.distances import boundary_distance as exact_distance
from polyregions.arrays import Floats, finite_floats
from polyregions.errors import NetworkError
from polyregions.network import Network
from polyregions.pattern import Words
from polyregions.rounding import ROUNDOFF

__all__ = ["boundary_distances"]


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
    (:func:`polyregions.analysis.distances.boundary_distance`).

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
        nearest = exact_distance(network, inputs[index])
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
