"""How far a point is from the nearest boundary between regions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyregions.arrays import finite_floats
from polyregions.errors import NetworkError
from polyregions.network import Network
from polyregions.pattern import unpack
from polyregions.theory.unit_maps import unit_maps

__all__ = ["boundary_distance"]


def boundary_distance(network: Network, points: ArrayLike) -> NDArray[np.float64]:
    """Return the Euclidean distance of points to the nearest activation boundary.

    Parameters
    ----------
    network : Network
    points : array_like, shape (k, n)

    Returns
    -------
    numpy.ndarray of float64, shape (k,)
        Infinite where no unit ever changes its sign.

    Notes
    -----
    *Algorithm.* The minimum over units of |z(x)| / ‖∇z(x)‖, gradients in the region of x:
    the region is the intersection of the units' half-spaces, so the nearest of their
    hyperplanes carries its nearest facet. A closed form, evaluated in floating point; the
    region itself is exact.

    Examples
    --------
    >>> net = Network.from_arrays([([[3.0, 4.0], [1.0, 0.0]], [0.0, -3.0]), ([[1, 1]], [0])])
    >>> boundary_distance(net, [[1.0, 0.5], [2.5, 0.0]]).tolist()
    [1.0, 0.5]
    """
    inputs = finite_floats(points, "points")
    if inputs.ndim != 2:
        raise NetworkError(
            f"points must have shape (k, {network.input_dimension}), one in each row"
        )
    bits = unpack(network.pattern(inputs), network.hidden_units)
    gradients, offsets = unit_maps(network, bits)
    values = np.abs(np.einsum("kzi,ki->kz", gradients, inputs) + offsets)
    lengths = np.linalg.norm(gradients, axis=2)
    distances = np.divide(values, lengths, out=np.full_like(values, np.inf), where=lengths > 0)
    return np.asarray(distances.min(axis=1))
