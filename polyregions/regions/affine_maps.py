"""The affine maps of all regions as arrays, with proven rounding bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from polyregions.arrays import Floats
from polyregions.network import Network
from polyregions.network.region_maps import maps_of_layers
from polyregions.pattern import Words

if TYPE_CHECKING:
    from polyregions.regions.regions import Regions

__all__ = ["AffineMaps", "batches", "map_rows", "maps_of_regions"]

_ENTRIES = 2**21  # numbers held at a time, about


class AffineMaps(NamedTuple):
    """The network on each region is ``matrix @ x + shift``.

    Attributes
    ----------
    matrix : numpy.ndarray of float64, shape (R, outputs, n)
    shift : numpy.ndarray of float64, shape (R, outputs)
    error : numpy.ndarray of float64, shape (R, outputs, n + 1)
        Bounds the absolute error of each entry of (matrix, shift): the exact entry of
        the rational network is at most so far away. Infinite or NaN where a map leaves the
        range of floats.
    """

    matrix: Floats
    shift: Floats
    error: Floats


def maps_of_regions(regions: Regions) -> AffineMaps:
    """Return the affine maps of all regions, with proven bounds: ``regions.affine_maps()``.

    Notes
    -----
    *Algorithm.* Maps go through the layers together with a bound on the error of each
    entry: a sum of h products has an error of at most (h + 2) 2^-53 times the sum of
    absolute values (Higham), in any order of summation.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[2.0]], [1.0])])
    >>> maps = maps_of_regions(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)))
    >>> maps.matrix.ravel(), maps.shift.ravel()
    (array([0., 2.]), array([1., 1.]))
    """
    value, error = map_rows(regions.network, regions.patterns)
    return AffineMaps(value[:, :, :-1], value[:, :, -1], error)


def map_rows(network: Network, patterns: Words) -> tuple[Floats, Floats]:
    """Return rows (gradient..., shift) of the outputs of patterns, and bounds on their errors."""
    none = np.empty((0, network.output_dimension, network.input_dimension + 1))
    values, errors = [none], [none]
    for batch in batches(network, len(patterns)):
        *_, last = maps_of_layers(network, patterns[batch])
        values.append(last.value[last.which])
        errors.append(last.error[last.which])
    return np.concatenate(values), np.concatenate(errors)


def batches(network: Network, count: int) -> Iterator[slice]:
    """Yield slices of so many regions that their maps fit into memory."""
    widest = max(network.input_dimension, *(len(layer.bias) for layer in network.layers))
    step = max(1, _ENTRIES // (widest * (network.input_dimension + 1)))
    return (slice(start, min(start + step, count)) for start in range(0, count, step))
