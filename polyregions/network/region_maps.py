"""The affine maps of all layers on regions given by their patterns, with proven rounding bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.network.network import Network
from polyregions.pattern import Words, pack, unpack
from polyregions.rounding import ROUNDOFF, TINY

__all__ = ["LayerMaps", "maps_of_layers"]


class LayerMaps(NamedTuple):
    """Pre-activation maps of one layer, shape (p, h, n + 1), and bounds on their errors.

    Regions that agree on all layers below have one map: region i has map ``which[i]``.
    """

    value: Floats
    error: Floats
    bends: NDArray[np.bool_]
    which: NDArray[np.intp]


def maps_of_layers(network: Network, patterns: Words) -> Iterator[LayerMaps]:
    """Yield the pre-activation maps of every layer on the regions of given patterns.

    Notes
    -----
    *Algorithm.* One product for each distinct prefix of the patterns, not for each pattern.
    """
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
        prefixes = np.column_stack([which.astype(np.uint64), pack(here)])
        _, first, inverse = np.unique(prefixes, axis=0, return_index=True, return_inverse=True)
        below, which = which[first], inverse.reshape(-1)
        active = np.zeros((len(first), len(layer.bias)), dtype=bool)
        active[:, layer.bends] = here[first]
        slopes = np.where(active, layer.upper, layer.lower)[:, :, None]
        with _silent_overflow():
            value = value[below] * slopes
            error = error[below] * np.abs(slopes) * 1.01 + ROUNDOFF * np.abs(value) * 1.01 + TINY


def _silent_overflow() -> np.errstate:
    # what overflows has an error that is no number, and says so by itself
    return np.errstate(over="ignore", invalid="ignore")
