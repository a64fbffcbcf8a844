"""Affine maps of many regions at once, in floating point with rounding bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.adjacency import facet_unit
from polyregions.arrays import Floats
from polyregions.network import Network
from polyregions.pattern import Words, unpack
from polyregions.regions import Regions, check_regions
from polyregions.rounding import ROUNDOFF, TINY

__all__ = [
    "AffineMaps",
    "LayerMaps",
    "affine_maps",
    "facet_hyperplanes",
    "layer_maps",
    "unit_hyperplanes",
]


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


def affine_maps(regions: Regions) -> AffineMaps:
    """Return the affine maps of all regions, with proven rounding bounds.

    Notes
    -----
    *Algorithm.* Maps go through the layers together with a bound on the error of each
    entry: a sum of h products has an error of at most (h + 2) 2^-53 times the sum of
    absolute values (Higham), in any order of summation.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[2.0]], [1.0])])
    >>> maps = affine_maps(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)))
    >>> maps.matrix.ravel(), maps.shift.ravel()
    (array([0., 2.]), array([1., 1.]))
    """
    check_regions(regions)
    network = regions.network
    values, errors = [], []
    for batch in _batches(network, len(regions)):
        *_, last = layer_maps(network, regions.patterns[batch])
        values.append(last.value)
        errors.append(last.error)
    value, error = np.concatenate(values), np.concatenate(errors)
    return AffineMaps(value[:, :, :-1], value[:, :, -1], error)


def facet_hyperplanes(regions: Regions) -> tuple[Floats, Floats]:
    """Return the hyperplane of every edge's facet, and its error, shape (E, n + 1) each.

    Row e is (normal, offset) of the lowest unit that switches: the function is positive
    on the side where that unit's bit is 1. In input coordinates, not normalised; the exact
    entry is at most its error away.
    """
    check_regions(regions)
    network, edges = regions.network, regions.edges
    units = facet_unit(regions)
    rows, errors = (np.empty((len(edges), network.input_dimension + 1)) for _ in range(2))
    for batch in _batches(network, len(edges)):
        chosen = units[batch]
        start = 0
        for layer in layer_maps(network, regions.patterns[edges[batch, 0]]):
            bent = np.flatnonzero(layer.bends)
            here = np.flatnonzero((chosen >= start) & (chosen < start + len(bent)))
            there = bent[chosen[here] - start]
            rows[batch.start + here] = layer.value[here, there]
            errors[batch.start + here] = layer.error[here, there]
            start += len(bent)
    return rows, errors


def unit_hyperplanes(regions: Regions) -> Iterator[tuple[Floats, Floats]]:
    """Yield each region's rows of all units, signed to its side, and errors, (N, n + 1) each.

    ``row @ (x, 1) >= 0`` on the region; as :func:`facet_hyperplanes`.
    """
    check_regions(regions)
    network = regions.network
    for batch in _batches(network, len(regions)):
        patterns = regions.patterns[batch]
        layers = list(layer_maps(network, patterns))
        rows = np.concatenate([layer.value[:, layer.bends] for layer in layers], axis=1)
        errors = np.concatenate([layer.error[:, layer.bends] for layer in layers], axis=1)
        bits = unpack(patterns, network.hidden_units)
        yield from zip(np.where(bits[:, :, None] == 1, rows, -rows), errors, strict=True)


class LayerMaps(NamedTuple):
    """Pre-activation maps of one layer, shape (k, h, n + 1), and bounds on their errors."""

    value: Floats
    error: Floats
    bends: NDArray[np.bool_]


def _batches(network: Network, count: int) -> Iterator[slice]:
    widest = max(network.input_dimension, *(len(layer.bias) for layer in network.layers))
    step = max(1, _ENTRIES // (widest * (network.input_dimension + 1)))
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


def layer_maps(network: Network, patterns: Words) -> Iterator[LayerMaps]:
    """Yield the pre-activation maps of every layer on the regions of given patterns."""
    bits = unpack(patterns, network.hidden_units) != 0
    n = network.input_dimension
    value = np.broadcast_to(np.eye(n, n + 1), (len(bits), n, n + 1))
    error = np.zeros_like(value)
    start = 0
    for layer in network.layers:
        weight, size = layer.weight, np.abs(layer.weight)
        gamma = (weight.shape[1] + 4) * ROUNDOFF * 1.01
        with _beyond_floats():
            error = (size @ error + gamma * (size @ np.abs(value))) * 1.01 + TINY
            value = weight @ value
            value[:, :, n] += layer.bias
            error[:, :, n] += 1.01 * ROUNDOFF * np.abs(value[:, :, n])
        yield LayerMaps(value, error, layer.bends)
        active = np.zeros((len(bits), len(layer.bias)), dtype=bool)
        count = int(layer.bends.sum())
        active[:, layer.bends] = bits[:, start : start + count]
        start += count
        slopes = np.where(active, layer.upper, layer.lower)[:, :, None]
        with _beyond_floats():
            value = value * slopes
            error = error * np.abs(slopes) * 1.01 + ROUNDOFF * np.abs(value) * 1.01 + TINY


def _beyond_floats() -> np.errstate:
    # what overflows has an error that is no number, and says so by itself
    return np.errstate(over="ignore", invalid="ignore")
