"""Which regions carry exactly the same affine map, decided modulo primes.

Scaled to integers, the maps of two regions are equal iff their difference is zero.
A difference that is not zero modulo some prime is not zero; one that is zero modulo
primes whose product exceeds twice the largest possible entry is zero. So residues
decide equality both ways, for all regions at once, in floating-point products that
are exact because they stay below 2^53.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.domain import Domain
from polyregions.domain.chart import Chart, chart_of
from polyregions.network.exact_network import ExactLayer, ExactNetwork, exact_network
from polyregions.network.network import Network
from polyregions.pattern import Words, unpack

__all__ = ["Labels", "equal_map_labels"]

Labels = NDArray[np.int64]

_MAPS_AT_A_TIME = 1024  # regions whose maps are held at a time


class _LayerResidues(NamedTuple):
    weight: Floats
    bias: Floats
    lower: Floats
    upper: Floats
    bends: NDArray[np.bool_]


def equal_map_labels(network: Network, domain: Domain | None, patterns: Words) -> Labels:
    """Return a label per region; two labels are equal iff the affine maps are.

    Parameters
    ----------
    network : Network
    domain : Box, Polytope or None
        Maps are compared as functions of its free inputs.
    patterns : numpy.ndarray of uint64, shape (R, W)
        Packed patterns of the regions.

    Returns
    -------
    numpy.ndarray of int64, shape (R,)
        Labels 0, 1, … in the order of first appearance.

    Notes
    -----
    *Algorithm.* Regions are split by the residues of their map modulo one prime after
    the other. A region alone in its class leaves. The rest are equal once the product
    of the primes exceeds twice a bound on every entry, from the layers' magnitudes.
    """
    chart = chart_of(domain, network.input_dimension)
    exact = exact_network(network, chart, depth=len(network.layers))
    labels = np.zeros(len(patterns), dtype=np.int64)
    undecided = np.arange(len(patterns))
    needed, product = 2 * _largest_entry(exact), 1
    for prime in _primes_below(_largest_prime(exact)):
        if product > needed or not len(undecided):
            break
        residues = _map_residues(exact, patterns[undecided], prime)
        keys = np.column_stack([labels[undecided].astype(np.float64), residues])
        _, classes, sizes = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
        classes = classes.reshape(-1)
        # old labels are given up together: a class is never split between old and new
        labels[undecided] = labels.max(initial=0) + 1 + classes
        undecided = undecided[sizes[classes] > 1]
        product *= prime
    return _in_order_of_appearance(labels)


def _in_order_of_appearance(labels: Labels) -> Labels:
    _, first, classes = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty_like(first)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[classes.reshape(-1)].astype(np.int64)


def _largest_prime(exact: ExactNetwork) -> int:
    """Return a number below which a prime keeps every sum of products below 2^53."""
    terms = 2 + max(
        exact.chart.transform.nrows(), *(int(layer.weight.ncols()) for layer in exact.layers)
    )
    return int((2.0**53 / terms) ** 0.5)


def _primes_below(limit: int) -> Iterator[int]:
    for number in range(limit, 2, -1):
        if number % 2 and all(number % k for k in range(3, int(number**0.5) + 1, 2)):
            yield number
    raise AssertionError("ran out of primes")  # pragma: no cover - a layer of 2^50 inputs


def _largest_entry(exact: ExactNetwork) -> int:
    """Return a bound on the absolute value of every entry of every output map."""
    table = [[abs(int(entry)) for entry in row] for row in exact.chart.transform.tolist()]
    *sizes, one = [max(row) for row in table]
    for layer in exact.layers:
        weight = [[abs(int(entry)) for entry in row] for row in layer.weight.tolist()]
        sizes = [
            sum(w * size for w, size in zip(row, sizes, strict=True)) + abs(shift) * one
            for row, shift in zip(weight, layer.bias, strict=True)
        ]
        slopes = zip(layer.lower, layer.upper, strict=True)
        sizes = [
            size * max(abs(low), abs(high)) for size, (low, high) in zip(sizes, slopes, strict=True)
        ]
        one *= layer.weight_scale * layer.slope_scale
    return max(sizes)


def _map_residues(exact: ExactNetwork, patterns: Words, prime: int) -> Floats:
    """Return the residues of the output maps, shape (k, outputs * (m + 1))."""
    layers = [_layer_residues(layer, prime) for layer in exact.layers]
    start, ones = _chart_residues(exact.chart, exact.layers, prime)
    parts = []
    for first in range(0, len(patterns), _MAPS_AT_A_TIME):
        bits = unpack(patterns[first : first + _MAPS_AT_A_TIME], exact.hidden_units) != 0
        values = np.broadcast_to(start, (len(bits), *start.shape))
        position = 0
        for layer, one in zip(layers, ones, strict=True):
            values = (layer.weight @ values + layer.bias[:, None] * one) % prime
            active = np.zeros((len(bits), len(layer.bias)), dtype=bool)
            count = int(layer.bends.sum())
            active[:, layer.bends] = bits[:, position : position + count]
            position += count
            values = values * np.where(active, layer.upper, layer.lower)[:, :, None] % prime
        parts.append(values.reshape(len(bits), -1))
    return np.concatenate(parts)


def _layer_residues(layer: ExactLayer, prime: int) -> _LayerResidues:
    def residues(values: object) -> Floats:
        return (np.array(values, dtype=object) % prime).astype(np.float64)

    weight = [[int(entry) for entry in row] for row in layer.weight.tolist()]
    return _LayerResidues(
        residues(weight),
        residues(layer.bias),
        residues(layer.lower),
        residues(layer.upper),
        np.array(layer.bends),
    )


def _chart_residues(
    chart: Chart, layers: tuple[ExactLayer, ...], prime: int
) -> tuple[Floats, list[Floats]]:
    """Return the residues of the inputs' columns and of the constant 1 before each layer."""
    table = [[int(entry) % prime for entry in row] for row in chart.transform.tolist()]
    ones = [table[-1]]
    for layer in layers[:-1]:
        factor = layer.weight_scale * layer.slope_scale
        ones.append([entry * factor % prime for entry in ones[-1]])
    return np.array(table[:-1], dtype=np.float64), [np.array(one, dtype=np.float64) for one in ones]
