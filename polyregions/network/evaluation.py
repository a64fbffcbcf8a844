"""Exact patterns at float points: a rounding bound first, integers where it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

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

__all__ = ["patterns_at"]

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
    values = np.asarray(points, dtype=np.float64)
    errors = np.zeros_like(values)
    active_bits = []
    undecided = np.zeros(len(values), dtype=bool)
    with np.errstate(over="ignore", invalid="ignore"):
        for layer in network.layers:
            # dense or sparse: both know products
            weight: Any = abs(layer.matrix.T)
            gamma = (weight.shape[0] + 8) * ROUNDOFF * 1.01
            size = np.abs(values) @ weight + np.abs(layer.bias)
            # a sum of products with exact zeros is exactly zero: no rounding to bound
            live = ((values != 0) | (errors != 0)).astype(np.float64)
            silent = (live @ (weight != 0).astype(np.float64) == 0) & (layer.bias == 0)
            errors = errors @ weight * 1.01 + gamma * size + weight.shape[0] * TINY
            values = values @ layer.matrix.T + layer.bias
            decided = (np.abs(values) > errors) | silent
            undecided |= ~(decided | ~layer.bends).all(axis=1) | ~np.isfinite(values).all(axis=1)
            positive = values > 0
            active_bits.append(positive[:, layer.bends])
            slopes = np.where(positive, layer.upper, layer.lower)
            errors = errors * np.abs(slopes) * 1.01 + np.abs(values * slopes) * ROUNDOFF * 2 + TINY
            errors[silent | (slopes == 0)] = 0.0
            values = values * slopes
    return np.concatenate(active_bits, axis=1), undecided
