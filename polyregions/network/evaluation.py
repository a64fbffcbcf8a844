"""Exact patterns at float points: a rounding bound first, integers where it fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.domain.chart import chart_of
from polyregions.network.exact_network import (
    ExactNetwork,
    exact_network,
    exact_point,
    exact_signs,
)
from polyregions.pattern import Words, n_words, pack
from polyregions.rounding import ROUNDOFF, TINY

if TYPE_CHECKING:
    from polyregions.network.network import Network

__all__ = ["LayerValues", "patterns_at", "values_at"]

_ENTRIES = 2**21  # values of a layer that are held at a time


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
        with _beyond_floats():
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
        with _beyond_floats():
            rate = np.where(np.abs(values) > errors, np.abs(slopes), steeper)
            errors = errors * rate * 1.01 + np.abs(values * slopes) * ROUNDOFF * 2 + TINY
            errors[silent | (rate == 0)] = 0.0
            values = values * slopes


def _beyond_floats() -> np.errstate:
    # what overflows is no finite number, and decides nothing
    return np.errstate(over="ignore", invalid="ignore")
