"""The activation boundary nearest to an input: exactly, and for many inputs in proven floats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Bits, Floats
from polyregions.domain.chart import Chart
from polyregions.exact.dyadic import dyadic_matrix
from polyregions.geometry.double_description import float_root
from polyregions.network import Network
from polyregions.network.exact_network import exact_network, exact_rows
from polyregions.network.region_maps import maps_of_layers
from polyregions.pattern import Words, unpack
from polyregions.rounding import ROUNDOFF

__all__ = ["BoundaryDistance", "distances_at", "nearest_boundary"]

_ROWS_HELD = 2**21  # numbers held at a time, about
_ACCURACY = 2.0**-30  # of a distance in floats; where they do not reach it, it is exact


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


def nearest_boundary(
    network: Network, point: Floats, bits: Bits, free: Sequence[int]
) -> BoundaryDistance | None:
    """Return the nearest boundary to a point of the region of a pattern, exactly.

    Parameters
    ----------
    point : numpy.ndarray of float64, shape (n,)
    bits : numpy.ndarray of uint8, shape (N,)
        The pattern at the point, unpacked.
    free : sequence of int
        The inputs to move in.
    """
    n = network.input_dimension
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
            continue  # constant where one may move: no boundary of its own
        value = sum(int(row[i]) * int(column[i, 0]) for i in range(n + 1))
        # rows and the point are multiples; the row's factor falls out of value^2 / square
        squared = Fraction(value**2, square * scale**2)
        if best is None or squared < best.squared:
            best = BoundaryDistance(squared, unit)
    return best


def distances_at(
    network: Network, inputs: Floats, words: Words, free: Sequence[int] | None = None
) -> Floats:
    """Return the distances of points to their nearest boundaries, as proven floats.

    Parameters
    ----------
    inputs : numpy.ndarray of float64, shape (k, n)
    words : numpy.ndarray of uint64, shape (k, W)
        The patterns there.
    free : sequence of int, optional
        The inputs to move in; by default all.
    """
    within = list(range(network.input_dimension)) if free is None else list(free)
    distances, proven = np.empty(len(inputs)), np.empty(len(inputs), dtype=bool)
    widest = max(len(layer.bias) for layer in network.layers)
    step = max(1, _ROWS_HELD // (widest * (network.input_dimension + 1)))
    for start in range(0, len(inputs), step):
        some = slice(start, start + step)
        distances[some], proven[some] = _in_floats(network, inputs[some], words[some], within)
    for index in np.flatnonzero(~proven).tolist():
        bits = unpack(words[index], network.hidden_units)
        nearest = nearest_boundary(network, inputs[index], bits, within)
        distances[index] = np.inf if nearest is None else nearest.value
    return distances


def _in_floats(
    network: Network, inputs: Floats, words: Words, free: Sequence[int]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the distances, and which of them are proven."""
    point = np.column_stack([inputs, np.ones(len(inputs))])[:, None, :]
    found, least, most = [], [], []
    with np.errstate(all="ignore"):  # what leaves the range of floats is not proven
        for layer in maps_of_layers(network, words):
            rows = layer.value[:, layer.bends][layer.which]
            error = layer.error[:, layer.bends][layer.which]
            if not rows.shape[1]:
                continue
            rounding = (rows.shape[2] + 8) * ROUNDOFF
            terms = np.abs(rows) * np.abs(point)
            value = np.abs((rows * point).sum(axis=2))
            doubt = 1.01 * ((error * np.abs(point)).sum(axis=2) + rounding * terms.sum(axis=2))
            # the largest entry first: squares of tiny or huge rows leave the float range
            slopes = rows[:, :, free]
            peak = np.abs(slopes).max(axis=2)
            length = np.linalg.norm(slopes / peak[:, :, None], axis=2) * peak
            length[peak == 0] = 0.0
            slack = 1.01 * (error[:, :, free].sum(axis=2) + rounding * length)
            # a row that may be zero bounds from below only: it has no hyperplane for sure
            found.append(value / length)
            least.append(np.maximum(value - doubt, 0.0) / (length + slack))
            most.append(np.where(length > slack, (value + doubt) / (length - slack), np.inf))
        upper = np.concatenate(most, axis=1)
        # the nearest is at most the least upper end, and at least the least lower end
        nearest = upper.argmin(axis=1)[:, None]
        low = np.concatenate(least, axis=1).min(axis=1)
        high, distances = (
            np.take_along_axis(one, nearest, axis=1)[:, 0]
            for one in (upper, np.concatenate(found, axis=1))
        )
        # a comparison with NaN fails
        return distances, (high - low <= _ACCURACY * low) & np.isfinite(high)
