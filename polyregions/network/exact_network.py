"""The network in exact integer arithmetic, and exact patterns at float points.

Floats are dyadic rationals, so after multiplying each layer by a power of two
every parameter is an integer, and so is every pre-activation's affine function.
Positive factors change no sign and no hyperplane; they are never divided out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import TYPE_CHECKING, Any, NamedTuple

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Bits, Floats
from polyregions.domain.chart import Chart, chart_of
from polyregions.exact.dyadic import dyadic_matrix
from polyregions.network.storage import IntegerRows, stored
from polyregions.pattern import Words, n_words, pack
from polyregions.rounding import ROUNDOFF, TINY

if TYPE_CHECKING:
    from polyregions.network.layer import Layer
    from polyregions.network.network import Network

__all__ = [
    "ExactLayer",
    "ExactNetwork",
    "LayerValues",
    "Outputs",
    "beyond_floats",
    "exact_network",
    "exact_point",
    "exact_rows",
    "exact_signs",
    "exact_values",
    "inputs_of",
    "layer_rows",
    "outputs_above",
    "patterns_at",
    "rational_point",
    "values_at",
]

_ENTRIES = 2**21  # values of a layer that are held at a time


@dataclass(frozen=True, eq=False)
class ExactLayer:
    """An integer multiple of a layer.

    With inputs scaled by some positive factor S, ``weight @ y + bias * S`` is
    the scaled pre-activation, and slopes multiply it by integers.
    """

    weight: flint.fmpz_mat | IntegerRows
    bias: tuple[int, ...]
    lower: tuple[int, ...]
    upper: tuple[int, ...]
    bends: tuple[bool, ...]
    weight_scale: int
    slope_scale: int


@dataclass(frozen=True, eq=False)
class ExactNetwork:
    """A network on a chart, as integers.

    Only layers up to the last that bends are kept: later ones have no pattern bit.
    """

    layers: tuple[ExactLayer, ...]
    chart: Chart
    hidden_units: int


def exact_network(network: Network, chart: Chart, *, depth: int | None = None) -> ExactNetwork:
    """Return the exact integer form of a network on a chart.

    `depth` keeps the first layers only; by default all up to the last that bends.
    """
    if depth is None:
        depth = 1 + max(i for i, layer in enumerate(network.layers) if layer.bends.any())
    layers = tuple(_exact_layer(layer) for layer in network.layers[:depth])
    return ExactNetwork(layers, chart, network.hidden_units)


def _exact_layer(layer: Layer) -> ExactLayer:
    matrix = stored(layer.matrix)
    entries = matrix.ravel() if isinstance(matrix, np.ndarray) else matrix.data
    integers, exponent = dyadic_matrix(np.concatenate([entries, layer.bias])[None, :])
    numbers = integers.entries()
    out, width = matrix.shape
    weight: flint.fmpz_mat | IntegerRows
    if isinstance(matrix, np.ndarray):
        weight = flint.fmpz_mat(out, width, numbers[: out * width])
    else:
        pairs = list(zip(matrix.indices.tolist(), map(int, numbers[: matrix.nnz]), strict=True))
        ends = matrix.indptr.tolist()
        weight = IntegerRows(tuple(tuple(pairs[i:j]) for i, j in pairwise(ends)), width)
    slope_rows, slope_exponent = dyadic_matrix(np.stack([layer.lower, layer.upper]))
    slopes = tuple(map(int, slope_rows.entries()))
    return ExactLayer(
        weight,
        tuple(map(int, numbers[len(entries) :])),
        slopes[:out],
        slopes[out:],
        tuple(layer.bends.tolist()),
        2**exponent,
        2**slope_exponent,
    )


class Outputs(NamedTuple):
    """What a layer passes on, as functions of some columns; both times one positive scale.

    Attributes
    ----------
    values : flint.fmpz_mat, shape (width, k)
    one : list of k fmpz
        The constant 1.
    """

    values: flint.fmpz_mat
    one: list[flint.fmpz]


def inputs_of(columns: flint.fmpz_mat) -> Outputs:
    """Return what the first layer reads: homogeneous columns, shape (n + 1, k)."""
    *table, one = columns.tolist()
    return Outputs(flint.fmpz_mat(table), list(one))


def layer_rows(layer: ExactLayer, inputs: Outputs) -> list[list[flint.fmpz]]:
    """Return the pre-activation of every unit of a layer."""
    one = inputs.one
    return [
        [entry + shift * unit for entry, unit in zip(row, one, strict=True)] if shift else row
        for row, shift in zip((layer.weight * inputs.values).tolist(), layer.bias, strict=True)
    ]


def outputs_above(
    layer: ExactLayer, inputs: Outputs, rows: Sequence[list[flint.fmpz]], active: Iterable[bool]
) -> Outputs:
    """Return what a layer passes on; `active` says it of each unit that bends."""
    sides = iter(active)
    following = []
    for i, row in enumerate(rows):
        on = next(sides) if layer.bends[i] else True
        slope = layer.upper[i] if on else layer.lower[i]
        following.append([slope * entry for entry in row] if slope != 1 else row)
    factor = layer.weight_scale * layer.slope_scale
    one = [factor * unit for unit in inputs.one]
    return Outputs(flint.fmpz_mat(following) if one else flint.fmpz_mat(len(rows), 0), one)


def _propagate(
    exact: ExactNetwork,
    columns: flint.fmpz_mat,
    choose: Callable[[int, Sequence[flint.fmpz]], bool],
) -> list[list[flint.fmpz]]:
    """Push homogeneous columns through the layers; return the row of each unit that bends.

    `columns` has shape (n + 1, k): its last row is the constant 1 times a positive
    scale. ``choose(unit, row)`` decides whether the unit is active.
    """
    inputs = inputs_of(columns)
    found: list[list[flint.fmpz]] = []
    for layer in exact.layers:
        rows = layer_rows(layer, inputs)
        bent = [row for row, bends in zip(rows, layer.bends, strict=True) if bends]
        active = [choose(unit, row) for unit, row in enumerate(bent, len(found))]
        inputs = outputs_above(layer, inputs, rows, active)
        found += bent
    return found


def exact_rows(exact: ExactNetwork, bits: Sequence[int] | Bits) -> list[list[flint.fmpz]]:
    """Return the rows of a pattern's closed polytope, exactly.

    Parameters
    ----------
    exact : ExactNetwork
    bits : sequence of int, length N
        The pattern, unpacked.

    Returns
    -------
    list of N + q rows of m + 1 integers
        ``row[:m] @ u + row[m] >= 0`` in chart coordinates: first one row per bent
        unit, signed so that the pattern's side is non-negative, then the domain's.
        A unit that vanishes identically on the region has a row of zeros.
    """
    units = _propagate(exact, exact.chart.transform, lambda unit, row: bool(bits[unit]))
    signed = [
        row if bit else [-entry for entry in row] for row, bit in zip(units, bits, strict=True)
    ]
    return signed + [list(row) for row in exact.chart.rows.tolist()]


def exact_point(x: NDArray[np.float64]) -> flint.fmpz_mat:
    """Return a float input as an exact homogeneous column (x, 1) times a power of two."""
    column, _ = dyadic_matrix(np.append(x, 1.0)[:, None])
    return column


def rational_point(x: Sequence[Fraction]) -> flint.fmpz_mat:
    """Return an exact input as a homogeneous column (x, 1) times a whole number.

    Examples
    --------
    >>> rational_point([Fraction(1, 2), Fraction(-2, 3)]).tolist()
    [[3], [-4], [6]]
    """
    common = lcm(*(value.denominator for value in x))
    return flint.fmpz_mat([[int(value * common)] for value in (*x, Fraction(1))])


def exact_signs(exact: ExactNetwork, column: flint.fmpz_mat) -> list[int]:
    """Return the signs of all pre-activations at one exact homogeneous input.

    Parameters
    ----------
    column : flint.fmpz_mat, shape (n + 1, 1)
        The input (x, 1) times a positive factor; see :func:`exact_point`,
        :func:`rational_point`.

    Returns
    -------
    list of int, length N
        -1, 0 or 1 for each unit that bends.
    """
    rows = _propagate(exact, column, lambda unit, row: row[0] > 0)
    return [(row[0] > 0) - (row[0] < 0) for row in rows]


def exact_values(exact: ExactNetwork, column: flint.fmpz_mat) -> list[Fraction]:
    """Return all pre-activations at one exact homogeneous input, as :func:`exact_signs` does.

    Examples
    --------
    >>> from polyregions.domain.chart import chart_of
    >>> from polyregions.network import Network
    >>> net = Network.from_arrays([([[0.5], [3.0]], [0.0, -0.25]), ([[1, 1]], [0])])
    >>> column = exact_point(np.array([0.75]))
    >>> [str(value) for value in exact_values(exact_network(net, chart_of(None, 1)), column)]
    ['3/8', '2']
    """
    rows = _propagate(exact, column, lambda unit, row: row[0] > 0)
    scale, scales = int(column[column.nrows() - 1, 0]), []
    for layer in exact.layers:
        scales += [scale * layer.weight_scale] * sum(layer.bends)
        scale *= layer.weight_scale * layer.slope_scale
    return [Fraction(int(row[0]), under) for row, under in zip(rows, scales, strict=True)]


def patterns_at(network: Network, points: NDArray[np.float64]) -> Words:
    """Return the exact activation patterns at float points.

    Parameters
    ----------
    points : numpy.ndarray of float64, shape (k, n)

    Returns
    -------
    numpy.ndarray of uint64, shape (k, W)

    Notes
    -----
    *Algorithm.* A forward pass carries a running bound on the error of every
    value: a sum of h products has relative error at most (h + 2) 2**-53 of the
    sum of absolute values. A sign larger than its bound is proven; the pattern
    of any other point is computed again in exact integers. Zeros that are exact by
    structure (units that are off, and sums of them) count as decided: comparisons of
    max pooling read many.
    """
    widest = max(network.input_dimension, *(len(layer.bias) for layer in network.layers))
    size = max(1, _ENTRIES // widest)
    words = np.empty((len(points), n_words(network.hidden_units)), dtype=np.uint64)
    exact: ExactNetwork | None = None
    for start in range(0, len(points), size):
        piece = points[start : start + size]
        bits, undecided = _bits_at(network, piece)
        for index in np.flatnonzero(undecided):
            if exact is None:
                exact = exact_network(network, chart_of(None, network.input_dimension))
            bits[index] = np.array(exact_signs(exact, exact_point(piece[index]))) > 0
        words[start : start + size] = pack(bits)
    return words


def _bits_at(
    network: Network, points: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the bits at some points, and which points rounding leaves undecided."""
    active_bits = []
    undecided = np.zeros(len(points), dtype=bool)
    layers = values_at(network, points, np.zeros_like(points))
    for layer, (values, errors, silent) in zip(network.layers, layers, strict=True):
        decided = (np.abs(values) > errors) | silent
        undecided |= ~(decided | ~layer.bends).all(axis=1) | ~np.isfinite(values).all(axis=1)
        active_bits.append(values[:, layer.bends] > 0)
    return np.concatenate(active_bits, axis=1), undecided


class LayerValues(NamedTuple):
    """Pre-activations of a layer at some points, shape (k, width) each.

    ``silent`` are sums of zeros: exactly zero.
    """

    values: Floats
    errors: Floats
    silent: NDArray[np.bool_]


def values_at(network: Network, points: Floats, errors: Floats) -> Iterator[LayerValues]:
    """Yield the pre-activations of every layer at some points, with proven error bounds.

    Parameters
    ----------
    points, errors : numpy.ndarray of float64, shape (k, n)
        The exact inputs are at most `errors` away from `points`.
    """
    values = np.asarray(points, dtype=np.float64)
    for layer in network.layers:
        # dense or sparse: both know products
        weight: Any = abs(layer.matrix.T)
        gamma = (weight.shape[0] + 8) * ROUNDOFF * 1.01
        with beyond_floats():
            size = np.abs(values) @ weight + np.abs(layer.bias)
            # a sum of products with exact zeros is exactly zero: no rounding to bound
            live = ((values != 0) | (errors != 0)).astype(np.float64)
            silent = (live @ (weight != 0).astype(np.float64) == 0) & (layer.bias == 0)
            errors = errors @ weight * 1.01 + gamma * size + weight.shape[0] * TINY
            values = values @ layer.matrix.T + layer.bias
        yield LayerValues(values, errors, silent)
        slopes = np.where(values > 0, layer.upper, layer.lower)
        # a value that may be on the other side of zero is off by the steeper slope at most
        steeper = np.maximum(np.abs(layer.upper), np.abs(layer.lower))
        with beyond_floats():
            rate = np.where(np.abs(values) > errors, np.abs(slopes), steeper)
            errors = errors * rate * 1.01 + np.abs(values * slopes) * ROUNDOFF * 2 + TINY
            errors[silent | (rate == 0)] = 0.0
            values = values * slopes


def beyond_floats() -> np.errstate:
    """Be silent of overflow: its value, or its error, is no finite number, and decides nothing."""
    return np.errstate(over="ignore", invalid="ignore")
