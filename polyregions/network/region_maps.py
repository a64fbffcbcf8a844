"""The affine maps of all layers on regions given by their patterns, and which are equal.

One product for each distinct prefix of the patterns, not for each pattern.

Scaled to integers, the maps of two regions are equal iff their difference is zero.
A difference that is not zero modulo some prime is not zero; one that is zero modulo
primes whose product exceeds twice the largest possible entry is zero. So residues
decide equality both ways, for all regions at once, in floating-point products that
are exact because they stay below 2^53.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Bits, Floats, Indices, Integers
from polyregions.domain import Domain
from polyregions.domain.chart import Chart, chart_of
from polyregions.network.exact_network import (
    ExactLayer,
    ExactNetwork,
    Outputs,
    beyond_floats,
    exact_network,
    inputs_of,
    layer_rows,
)
from polyregions.network.network import Network
from polyregions.pattern import Words, pack, unpack
from polyregions.rounding import ROUNDOFF, TINY

__all__ = [
    "Labels",
    "LayerMaps",
    "equal_map_labels",
    "exact_unit_rows",
    "maps_of_layers",
]

# Numbers that exact rows hold at a time, about, for each layer: 100 bytes each.
_ENTRIES = 2**20
Labels = NDArray[np.int64]

_MAPS_AT_A_TIME = 1024  # regions whose maps are held at a time


class LayerMaps(NamedTuple):
    """Pre-activation maps of one layer, shape (p, h, n + 1), and bounds on their errors.

    Regions that agree on all layers below have one map: region i has map ``which[i]``.
    """

    value: Floats
    error: Floats
    bends: NDArray[np.bool_]
    which: NDArray[np.intp]


def maps_of_layers(network: Network, patterns: Words) -> Iterator[LayerMaps]:
    """Yield the pre-activation maps of every layer on the regions of given patterns."""
    bits = unpack(patterns, network.hidden_units) != 0
    n = network.input_dimension
    value = np.eye(n, n + 1)[None]
    error = np.zeros_like(value)
    which = np.zeros(len(bits), dtype=np.intp)
    start = 0
    for layer in network.layers:
        weight, size = layer.weight, np.abs(layer.weight)
        gamma = (weight.shape[1] + 4) * ROUNDOFF * 1.01
        with beyond_floats():
            error = (size @ error + gamma * (size @ np.abs(value))) * 1.01 + TINY
            value = weight @ value
            value[:, :, n] += layer.bias
            error[:, :, n] += 1.01 * ROUNDOFF * np.abs(value[:, :, n])
        yield LayerMaps(value, error, layer.bends, which)
        count = int(layer.bends.sum())
        here = bits[:, start : start + count]
        start += count
        first, following = _prefixes(which, here)
        below, which = which[first], following
        active = np.zeros((len(first), len(layer.bias)), dtype=bool)
        active[:, layer.bends] = here[first]
        slopes = np.where(active, layer.upper, layer.lower)[:, :, None]
        with beyond_floats():
            value = value[below] * slopes
            error = error[below] * np.abs(slopes) * 1.01 + ROUNDOFF * np.abs(value) * 1.01 + TINY


def _prefixes(which: Indices, bits: NDArray[Any]) -> tuple[Indices, Indices]:
    """Return one region of each distinct prefix, and the prefix of each region.

    Regions have equal prefixes iff they had before, `which`, and have equal `bits` of a layer.
    """
    prefixes = np.column_stack([which.astype(np.uint64), pack(bits)])
    _, first, inverse = np.unique(prefixes, axis=0, return_index=True, return_inverse=True)
    return first, inverse.reshape(-1)


def exact_unit_rows(
    exact: ExactNetwork, bits: Bits, owners: Integers, units: Integers
) -> tuple[list[list[flint.fmpz]], Indices]:
    """Return the affine functions of some units on some regions, exactly, equal ones once.

    Parameters
    ----------
    exact : ExactNetwork
    bits : numpy.ndarray of uint8, shape (R, N)
        The regions' patterns.
    owners, units : numpy.ndarray of int64, shape (k,)
        Asked for is unit ``units[i]`` on region ``owners[i]``.

    Returns
    -------
    rows : list of rows of m + 1 integers
        Positive where the unit is, in the coordinates of the network's chart: of one pattern
        :func:`polyregions.network.exact_network.exact_rows` without its signs.
    places : numpy.ndarray of int, shape (k,)
        The row of each.

    Examples
    --------
    >>> from polyregions.domain.chart import chart_of
    >>> from polyregions.network.exact_network import exact_network
    >>> net = Network.from_arrays([([[1.0]], [0.0]), ([[2.0]], [-1.0]), ([[1.0]], [0.0])])
    >>> exact, bits = exact_network(net, chart_of(None, 1)), np.uint8([[0, 0], [1, 0], [1, 1]])
    >>> rows, places = exact_unit_rows(exact, bits, np.array([0, 1, 2]), np.array([1, 1, 1]))
    >>> rows, places.tolist()
    ([[0, -1, 0], [2, -1, 0]], [0, 1, 1])
    """
    rows: list[list[flint.fmpz]] = []
    places = np.empty(len(owners), dtype=np.intp)
    columns = exact.chart.transform.ncols()

    def descend(depth: int, start: int, inputs: Outputs, asked: Indices, which: Indices) -> None:
        """Find the rows of what is asked, whose prefixes are the blocks of columns `which`."""
        layer = exact.layers[depth]
        width, bent = len(layer.bias), np.flatnonzero(layer.bends)
        table = layer_rows(layer, inputs)
        end = start + len(bent)
        own = units[asked] < end
        keys = which[own] * width + bent[units[asked[own]] - start]
        distinct, inverse = np.unique(keys, return_inverse=True)
        places[asked[own]] = len(rows) + inverse.reshape(-1)
        for key in distinct.tolist():
            begin = key // width * columns
            rows.append(table[key % width][begin : begin + columns])
        asked, which = asked[~own], which[~own]
        here = bits[owners[asked], start:end]
        first, following = _prefixes(which, here)
        active = np.ones((len(first), width), dtype=bool)
        active[:, bent] = here[first]
        step = max(1, _ENTRIES // (width * columns))
        for block in range(0, len(first), step):
            some = slice(block, block + step)
            inside = np.flatnonzero((following >= block) & (following < block + step))
            above = _array_outputs(layer, inputs, table, columns, which[first[some]], active[some])
            descend(depth + 1, end, above, asked[inside], following[inside] - block)

    if len(owners):
        everything = np.arange(len(owners))
        inputs = inputs_of(exact.chart.transform)
        descend(0, 0, inputs, everything, np.zeros(len(owners), dtype=np.intp))
    return rows, places


def _array_outputs(
    layer: ExactLayer,
    inputs: Outputs,
    table: list[list[flint.fmpz]],
    columns: int,
    below: Indices,
    active: NDArray[np.bool_],
) -> Outputs:
    """Return what a layer passes on in each of some prefixes: blocks of columns, side by side.

    A block has `columns` of them. Prefix j continues that of block ``below[j]``, and
    ``active[j, i]`` says whether unit i is on.
    """
    prefixes, width = active.shape
    values = np.array(table, dtype=object).reshape(width, -1, columns)[:, below]
    on, off = _scaled_values(layer.upper, values), _scaled_values(layer.lower, values)
    entries = np.where(active.T[:, :, None], on, off).ravel().tolist()
    factor = layer.weight_scale * layer.slope_scale
    one = [factor * unit for unit in inputs.one[:columns]]
    return Outputs(flint.fmpz_mat(width, prefixes * columns, entries), one * prefixes)


def _scaled_values(slopes: Sequence[int], values: NDArray[np.object_]) -> Any:
    """Return the values, one row per unit, times slopes that are most often 1, or 0."""
    if all(slope == 1 for slope in slopes):
        return values
    if not any(slopes):
        return flint.fmpz(0)
    return values * np.array([flint.fmpz(slope) for slope in slopes], dtype=object)[:, None, None]


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
