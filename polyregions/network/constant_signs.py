"""Which units keep their sign over a box: by what is known, and by substitution backwards."""

from __future__ import annotations

import numpy as np

from polyregions.arrays import Integers
from polyregions.domain import Box
from polyregions.network.backward_bounds import (
    ROUND_SIDES,
    Boxes,
    Range,
    backward_bounds,
)
from polyregions.network.network import Network
from polyregions.network.stable_units import Reduction

__all__ = ["ranges_known", "sharper_signs", "signs_known"]

# A hint: so many products take less than a walk of a network that large saves by them.
_MOST_WORK = 2**30
# A hint: with fewer inputs a walk leaves such units out by itself, region by region, and sooner.
_FEWEST_INPUTS = 4


def signs_known(reduction: Reduction) -> Integers:
    """Return 1 for a pattern bit that is always on, -1 for one that is always off, else 0."""
    constant = reduction.leader < 0
    return np.where(constant, 2 * reduction.bits.astype(np.int64) - 1, 0)


def ranges_known(network: Network, signs: Integers) -> list[Range]:
    """Return what signs of pattern bits say of each layer's pre-activations, shape (width,)."""
    ranges, start = [], 0
    for layer in network.layers:
        low, high = np.full(len(layer.bias), -np.inf), np.full(len(layer.bias), np.inf)
        bent = np.flatnonzero(layer.bends)
        here = signs[start : start + len(bent)]
        start += len(bent)
        low[bent[here > 0]] = 0.0
        high[bent[here < 0]] = 0.0
        ranges.append(Range(low, high))
    return ranges


def sharper_signs(network: Network, box: Box, signs: Integers) -> Integers | None:
    """Return the signs of more units, or None if looking for them costs more than it gives.

    Parameters
    ----------
    network : Network
    box : Box
    signs : numpy.ndarray of int64, shape (N,)
        What is proven already; see :func:`signs_known`.

    Notes
    -----
    *Algorithm.* One pass of `backward_bounds`. A unit that is proven to be positive on the closed
    box is on; one that is proven not to be positive there is off.
    """
    if network.input_dimension < _FEWEST_INPUTS:
        return None
    bends = [layer.bends for layer in network.layers]
    depth = 1 + max(i for i, mask in enumerate(bends) if mask.any())
    ends = np.cumsum([np.count_nonzero(mask) for mask in bends[:depth]])
    open_units = [int(np.count_nonzero(part == 0)) for part in np.split(signs, ends[:-1])]
    entries = [layer.matrix.size for layer in network.layers[:depth]]
    products = sum(
        units * below for units, below in zip(open_units, np.cumsum(entries).tolist(), strict=True)
    )
    # of the first layer that bends, enclosures know everything
    first = next(i for i, mask in enumerate(bends) if mask.any())
    if not any(open_units[first + 1 :]) or products > _MOST_WORK:
        return None
    known = [Range(low[None], high[None]) for low, high in ranges_known(network, signs)]
    boxes = Boxes(box.lower[None], box.upper[None])
    found, _ = backward_bounds(network, boxes, known[:depth], ROUND_SIDES[:1])
    low, high = (
        np.concatenate([end[0][mask] for end, mask in zip(side, bends, strict=False)])
        for side in zip(*found, strict=True)
    )
    sharper = np.subtract(low > 0.0, high <= 0.0, dtype=np.int64)
    return np.where(signs == 0, sharper, signs)
