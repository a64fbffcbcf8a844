"""The affine maps of all layers on regions given by their patterns, with proven rounding bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.network.network import Network
from polyregions.pattern import Words, unpack
from polyregions.rounding import ROUNDOFF, TINY

__all__ = ["LayerMaps", "maps_of_layers"]


class LayerMaps(NamedTuple):
    """Pre-activation maps of one layer, shape (k, h, n + 1), and bounds on their errors."""

    value: Floats
    error: Floats
    bends: NDArray[np.bool_]


def maps_of_layers(network: Network, patterns: Words) -> Iterator[LayerMaps]:
    """Yield the pre-activation maps of every layer on the regions of given patterns."""
    bits = unpack(patterns, network.hidden_units) != 0
    n = network.input_dimension
    value = np.broadcast_to(np.eye(n, n + 1), (len(bits), n, n + 1))
    error = np.zeros_like(value)
    start = 0
    for layer in network.layers:
        weight, size = layer.weight, np.abs(layer.weight)
        gamma = (weight.shape[1] + 4) * ROUNDOFF * 1.01
        with _silent_overflow():
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
        with _silent_overflow():
            value = value * slopes
            error = error * np.abs(slopes) * 1.01 + ROUNDOFF * np.abs(value) * 1.01 + TINY


def _silent_overflow() -> np.errstate:
    # what overflows has an error that is no number, and says so by itself
    return np.errstate(over="ignore", invalid="ignore")
