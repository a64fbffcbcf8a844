"""The affine functions that the units are on many regions at once, in floating point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.network import Network

__all__ = ["unit_maps"]


def unit_maps(network: Network, bits: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Return the pre-activation of every unit that bends as an affine function of the input.

    Parameters
    ----------
    network : Network
    bits : numpy.ndarray of uint8, shape (R, N)
        Patterns, unpacked.

    Returns
    -------
    gradients : numpy.ndarray of float64, shape (R, N, n)
    offsets : numpy.ndarray of float64, shape (R, N)
        On region r, unit z is ``gradients[r, z] @ x + offsets[r, z]``.

    Examples
    --------
    >>> net = Network.from_arrays([([[2.0]], [1.0]), ([[3.0]], [-1.0]), ([[1.0]], [0.0])])
    >>> gradients, offsets = unit_maps(net, np.array([[1, 1], [0, 0]], dtype=np.uint8))
    >>> gradients[..., 0].tolist(), offsets.tolist()
    ([[2.0, 6.0], [2.0, 0.0]], [[1.0, 2.0], [1.0, -1.0]])
    """
    count, n = len(bits), network.input_dimension
    # (..., n + 1): the gradient, then the constant
    maps = np.concatenate([np.eye(n), np.zeros((n, 1))], axis=1)[None].repeat(count, axis=0)
    found = []
    start = 0
    for layer in network.layers[:-1]:
        maps = layer.weight @ maps
        maps[..., -1] += layer.bias
        found.append(maps[:, layer.bends])
        active = np.zeros(maps.shape[:2], dtype=bool)
        width = int(layer.bends.sum())
        active[:, layer.bends] = bits[:, start : start + width] != 0
        start += width
        maps = maps * np.where(active, layer.upper, layer.lower)[..., None]
    units = np.concatenate(found, axis=1)
    return units[..., :-1], units[..., -1]
