"""Bounds on the gradients of all outputs over many boxes at once, by interval products backwards.

On a box the slope of a unit is known where its sign is, else it lies between the two; the
gradient of a region is a product of weights and slopes, layer by layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from polyregions.arrays import Floats
from polyregions.network.backward_bounds import Range
from polyregions.network.layer import Layer
from polyregions.network.network import Network
from polyregions.rounding import ROUNDOFF, TINY

__all__ = ["GradientBounds", "gradient_bounds"]


class GradientBounds(NamedTuple):
    """Intervals that hold each entry of the gradients of all regions that meet a box.

    Attributes
    ----------
    centre, radius : numpy.ndarray of float64, shape (k, outputs, n)
        Every exact entry is at most the radius away; infinite or no number where something
        overflowed.
    doubts : list of numpy.ndarray of float64, shape (k, width)
        How much each unit of each layer but the last adds to the radii: a hint where to split.
    """

    centre: Floats
    radius: Floats
    doubts: list[Floats]


def gradient_bounds(network: Network, bounds: Sequence[Range]) -> GradientBounds:
    """Return bounds on the gradients of a network over k boxes.

    Parameters
    ----------
    network : Network
    bounds : sequence of Range
        On the pre-activations of all layers but the last, over closed boxes.

    Notes
    -----
    *Algorithm.* From the outputs to the inputs, a matrix of intervals, which are exact products
    of intervals with slopes, and sums of h products with weights, off by at most
    (h + 2) 2^-53 times the sum of their sizes. On a region a unit that is zero all over it
    passes on no gradient, so it does not matter which slope it has.

    **Invariant.** Before each pass the gradient of the outputs by what the layer passes on is in
    the intervals, for all regions that meet the box.

    Examples
    --------
    >>> net = Network.from_arrays([([[3.0], [-1.0]], [0.0, 2.0]), ([[1.0, 1.0]], [0.0])])
    >>> low, high = np.array([[-3.0, 1.0]]), np.array([[3.0, 3.0]])
    >>> found = gradient_bounds(net, [Range(low, high)])  # slopes 3 and 0, less 1
    >>> found.centre.round(9).ravel(), found.radius.round(9).ravel()
    (array([0.5]), array([1.515]))
    """
    *below, last = network.layers
    boxes = len(bounds[0].low)
    weight: Floats = last.weight
    centre = np.broadcast_to(weight, (boxes, *weight.shape))
    radius = np.zeros_like(centre)
    doubts: list[Floats] = []
    with np.errstate(all="ignore"):
        for layer, ends in zip(reversed(below), reversed(bounds[: len(below)]), strict=True):
            least, most = _slopes(layer, ends)
            doubts.append(((np.abs(centre) + radius) * (most - least)[:, None]).sum(axis=1))
            centre, radius = _times_slopes(centre, radius, least, most)
            matrix: Any = layer.matrix
            size: Any = abs(matrix)
            gamma = 1.01 * (matrix.shape[0] + 8) * ROUNDOFF
            radius = 1.01 * (_times(radius + gamma * np.abs(centre), size)) + TINY
            centre = _times(centre, matrix)
    return GradientBounds(centre, radius, doubts[::-1])


def _slopes(layer: Layer, ends: Range) -> tuple[Floats, Floats]:
    """Return between which slopes each unit's is, shape (k, width) each."""
    negative, positive = ~(ends.low >= 0), ~(ends.high <= 0)
    on, off = layer.upper, layer.lower
    known = np.where(negative, off, on)
    both = negative & positive
    return (
        np.where(both, np.minimum(on, off), known),
        np.where(both, np.maximum(on, off), known),
    )


def _times_slopes(
    centre: Floats, radius: Floats, least: Floats, most: Floats
) -> tuple[Floats, Floats]:
    slopes = least[:, None], most[:, None]
    ends = [end * slope for end in (centre - radius, centre + radius) for slope in slopes]
    low, high = np.minimum.reduce(ends), np.maximum.reduce(ends)
    middle = low / 2 + high / 2
    # two roundings of each end, three of the middle, two here
    rounding = 8.0 * ROUNDOFF * (np.abs(low) + np.abs(high)) + TINY
    return middle, np.maximum(high - middle, middle - low) + rounding


def _times(coefficients: Floats, matrix: Any) -> Floats:
    boxes, rows, width = coefficients.shape
    product: Floats = (coefficients.reshape(boxes * rows, width) @ matrix).reshape(boxes, rows, -1)
    return product
