"""The affine maps of all layers on regions given by their patterns: bounded floats, or exactly.

One product for each distinct prefix of the patterns, not for each pattern.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Bits, Floats, Indices, Integers
from polyregions.network.exact_network import (
    ExactLayer,
    ExactNetwork,
    Outputs,
    inputs_of,
    layer_rows,
)
from polyregions.network.network import Network
from polyregions.pattern import Words, pack, unpack
from polyregions.rounding import ROUNDOFF, TINY

__all__ = ["LayerMaps", "exact_unit_rows", "maps_of_layers"]

# Numbers that exact rows hold at a time, about, for each layer: 100 bytes each.
_ENTRIES = 2**20


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
        with _silent_overflow():
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
        with _silent_overflow():
            value = value[below] * slopes
            error = error[below] * np.abs(slopes) * 1.01 + ROUNDOFF * np.abs(value) * 1.01 + TINY


def _silent_overflow() -> np.errstate:
    # what overflows has an error that is no number, and says so by itself
    return np.errstate(over="ignore", invalid="ignore")


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
