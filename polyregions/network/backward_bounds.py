"""Every pre-activation over a box, by substitution backwards to the inputs.

A unit is an affine function of the layer below, which is replaced, layer by layer, by lines
above and below its units, until an affine function of the inputs is left. In deep networks
this is far sharper than enclosures carried forward (`network.bound_propagation`): what cancels
between layers is not lost. See docs/mathematics.md, part 8, "Backwards over a box".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.domain import Box
from polyregions.network.network import Layer, Network
from polyregions.rounding import ROUNDOFF, TINY

__all__ = ["Range", "backward_bounds"]

_ENTRIES = 2**21  # coefficients that are held at a time
_MOST_TRIED = 2**22  # a hint: in larger layers one round side has to do

# Which line through zero a unit that may switch gets on its round side: any slope between its
# two is true, none is sharpest for all units, so each is tried for every unit.
_ROUND_SIDES = ("nearest", "lower", "upper", "secant")


class Range(NamedTuple):
    """Proven bounds on the pre-activations of a layer, shape (width,) each; may be infinite."""

    low: Floats
    high: Floats


class _Lines(NamedTuple):
    """Outputs of a layer lie below one line and above the other: ``slope * z + gap``."""

    slope_above: Floats
    gap_above: Floats
    slope_below: Floats
    gap_below: Floats


def backward_bounds(network: Network, box: Box, known: Sequence[Range]) -> list[Range]:
    """Return bounds on the pre-activations of all layers, the outputs last, over a closed box.

    Parameters
    ----------
    network : Network
    box : Box
        Of the network's inputs.
    known : sequence of Range
        What is known already of every layer; the bounds are at least as sharp.

    Notes
    -----
    *Algorithm.* CROWN (Zhang et al. 2018) with the round side's line chosen anew for each unit.
    A matrix of coefficients carries, for each row, a bound on what all rounding may add to its
    value: a sum of h products is off by at most (h + 2) 2^-53 times the sum of their sizes, and
    the sizes of units are known from the layers below. What leaves the range of floats proves
    nothing: it is no number, and comparisons with it fail.

    Examples
    --------
    >>> import numpy as np
    >>> net = Network.from_arrays([([[1.0], [-1.0]], [0, 0]), ([[1, 1]], [0]), ([[1]], [0])])
    >>> nothing = [Range(np.full(h, -np.inf), np.full(h, np.inf)) for h in (2, 1, 1)]
    >>> [np.round(ends, 9).tolist() for ends in backward_bounds(net, Box.cube(1, 1.0), nothing)[1]]
    [[0.0], [1.0]]
    """
    found: list[Range] = []
    # of what each layer reads
    signs, sizes = _signs(Range(box.lower, box.upper)), [_size(Range(box.lower, box.upper))]
    with np.errstate(all="ignore"):
        for layer, bounds in zip(network.layers, known, strict=True):
            low, high = _by_signs(layer, signs, bounds)
            below = list(zip(network.layers, found, sizes, strict=False))
            widest = max(map(len, sizes))
            step = max(1, _ENTRIES // widest)
            few = not below or len(low) * widest > _MOST_TRIED
            for round_side in _ROUND_SIDES[:1] if few else _ROUND_SIDES:
                lines = [_lines(under, ends, round_side) for under, ends, _ in below]
                for start in range(0, len(low), step):
                    rows = slice(start, start + step)
                    top = _highest(layer, rows, box, below, lines, 1.0)
                    bottom = _highest(layer, rows, box, below, lines, -1.0)
                    high[rows] = np.fmin(high[rows], top)
                    low[rows] = np.fmax(low[rows], 0.0 - bottom)
            found.append(Range(low, high))
            signs = _signs_of_outputs(layer, found[-1])
            slope = np.maximum(np.abs(layer.lower), np.abs(layer.upper))
            sizes.append(1.01 * slope * _size(found[-1]) + TINY)
    return found


def _highest(
    layer: Layer,
    rows: slice,
    box: Box,
    below: Sequence[tuple[Layer, Range, Floats]],
    lines: Sequence[_Lines],
    sign: float,
) -> Floats:
    """Return upper bounds on ``sign`` times some pre-activations of a layer."""
    matrix: Any = sign * layer.matrix[rows]
    if not isinstance(matrix, np.ndarray):
        matrix = matrix.toarray()
    total = sign * layer.bias[rows]
    doubt = np.full(len(total), TINY)
    # before each turn: sign * z <= matrix @ (outputs of the layer below) + total + doubt
    for (under, ends, inputs), line in zip(reversed(below), reversed(lines), strict=True):
        rise, fall = np.maximum(matrix, 0.0), np.minimum(matrix, 0.0)
        slopes = rise * line.slope_above + fall * line.slope_below
        gaps = rise @ line.gap_above + fall @ line.gap_below
        size = _size(ends)
        doubt += _gamma(len(size)) * gaps + TINY * (1.0 + size.sum() + inputs.sum())
        doubt += 1.01 * ROUNDOFF * (np.abs(slopes) @ size)
        # what was a function of that layer's outputs becomes one of its inputs
        weight: Any = under.matrix
        reach = 1.01 * (abs(weight) @ inputs + np.abs(under.bias))
        doubt += _gamma(len(size)) * (np.abs(slopes) @ reach)
        shift = slopes @ under.bias
        doubt += 4.0 * ROUNDOFF * (np.abs(total) + gaps + np.abs(shift))
        total = total + gaps + shift
        matrix = slopes @ weight
    rise, fall = np.maximum(matrix, 0.0), np.minimum(matrix, 0.0)
    reach = rise @ np.abs(box.upper) - fall @ np.abs(box.lower)
    doubt += _gamma(matrix.shape[1]) * reach + 8.0 * ROUNDOFF * np.abs(total)
    top: Floats = rise @ box.upper + fall @ box.lower + total + 1.01 * doubt
    return top + ROUNDOFF * 2.0 * np.abs(top) + TINY


def _size(ends: Range) -> Floats:
    return np.maximum(np.abs(ends.low), np.abs(ends.high))


def _gamma(terms: int) -> float:
    """Return a bound on the relative error of a sum of so many products, with room."""
    return 1.01 * (terms + 8) * ROUNDOFF


class _Signs(NamedTuple):
    """Which of some values may be negative, and which may be positive."""

    negative: NDArray[np.bool_]
    positive: NDArray[np.bool_]


def _signs(ends: Range) -> _Signs:
    # a bound that is no number bounds nothing
    return _Signs(~(ends.low >= 0), ~(ends.high <= 0))


def _signs_of_outputs(layer: Layer, ends: Range) -> _Signs:
    negative, positive = _signs(ends)
    lower, upper = layer.lower, layer.upper
    return _Signs(
        (negative & (lower > 0)) | (positive & (upper < 0)),
        (negative & (lower < 0)) | (positive & (upper > 0)),
    )


def _by_signs(layer: Layer, inputs: _Signs, known: Range) -> Range:
    """Return bounds that are 0 where no term of a sum is on the other side of zero.

    Nothing is computed that rounding could spoil.
    """
    weight: Any = layer.matrix
    low, high = np.array(known.low), np.array(known.high)
    below, above = (signs.astype(np.float64) for signs in inputs)
    up, down = (weight > 0).astype(np.float64), (weight < 0).astype(np.float64)
    never_negative = (up @ below + down @ above == 0) & (layer.bias >= 0)
    never_positive = (up @ above + down @ below == 0) & (layer.bias <= 0)
    low[never_negative] = np.fmax(low[never_negative], 0.0)
    high[never_positive] = np.fmin(high[never_positive], 0.0)
    return Range(low, high)


def _lines(layer: Layer, ends: Range, round_side: str) -> _Lines:
    """Return lines that enclose the outputs of a layer.

    Notes
    -----
    A unit with a larger slope above zero is convex: its chord lies above it, and every line
    through zero with a slope between the two lies below. One with a smaller slope is mirrored.
    """
    low, high, lower, upper = ends.low, ends.high, layer.lower, layer.upper
    switches = (low < 0) & (high > 0) & (lower != upper)
    known = np.where(high <= 0, lower, upper)
    secant = (upper * high - lower * low) / (high - low)
    secant = np.clip(np.where(np.isfinite(secant), secant, upper), *_sorted(lower, upper))
    # any chord will do, with a gap to the two ends of the range; 8 u for its own rounding
    gaps = (lower - secant) * low, (upper - secant) * high
    turned = np.where(upper > lower, 1.0, -1.0)
    gap = np.maximum(np.maximum(turned * gaps[0], turned * gaps[1]), 0.0)
    gap = turned * (gap * (1.0 + 8.0 * ROUNDOFF) + TINY)
    through_zero = {
        "nearest": np.where(high > -low, upper, lower),
        "lower": lower,
        "upper": upper,
        "secant": secant,
    }[round_side]
    chord, other = np.where(switches, secant, known), np.where(switches, through_zero, known)
    gap = np.where(switches, gap, 0.0)
    convex = turned > 0
    return _Lines(
        np.where(convex, chord, other),
        np.where(convex, gap, 0.0),
        np.where(convex, other, chord),
        np.where(convex, 0.0, gap),
    )


def _sorted(one: Floats, other: Floats) -> tuple[Floats, Floats]:
    return np.minimum(one, other), np.maximum(one, other)
