"""Bounds over many boxes at once, backwards: of pre-activations, and of gradients.

A unit is an affine function of the layer below, which is replaced, layer by layer, by lines
above and below its units, until an affine function of the inputs is left. In deep networks
this is far sharper than enclosures carried forward (`network.bound_propagation`): what cancels
between layers is not lost. See docs/mathematics.md, part 8, "Backwards over a box".

On a box the slope of a unit is known where its sign is, else it lies between the two; the
gradient of a region is a product of weights and slopes, layer by layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Indices
from polyregions.network.layer import Layer
from polyregions.network.network import Network
from polyregions.rounding import ROUNDOFF, TINY

__all__ = [
    "ROUND_SIDES",
    "Boxes",
    "GradientBounds",
    "Planes",
    "Range",
    "RoundSide",
    "Slopes",
    "backward_bounds",
    "gradient_bounds",
    "least_values",
    "no_bounds",
    "planes_below",
]

# Which line through zero a unit that may switch gets on its round side: any slope between its
# two is true, none is sharpest for all units.
RoundSide = Literal["nearest", "lower", "upper", "secant"]
ROUND_SIDES: tuple[RoundSide, ...] = ("nearest", "lower", "upper", "secant")

_COEFFICIENTS_HELD = 2**21  # coefficients that are held at a time
# No network made by hand has a unit with this ratio of its ranges, so the nearest line does not
# depend on how they were rounded: who checks a certificate takes the same one.
_LEAN = 1.0 + 2.0**-20


class Boxes(NamedTuple):
    """Closed boxes of inputs, shape (k, n) each; sides may have no length."""

    lower: Floats
    upper: Floats


class Range(NamedTuple):
    """Proven bounds on a layer's pre-activations on k boxes, shape (k, width); may be infinite."""

    low: Floats
    high: Floats


class Planes(NamedTuple):
    """Affine functions of the inputs below some functions on k boxes.

    Attributes
    ----------
    normals : numpy.ndarray of float64, shape (k, r, n)
    offsets : numpy.ndarray of float64, shape (k, r)
        On the box the function is at least ``normals @ x + offsets`` of these floats, exactly:
        what rounding may have added is taken off. No number where something overflowed.
    losses : list of (numpy.ndarray of intp, numpy.ndarray of float64, shape (k, r, units))
        For each layer, units and what the gap of each one's lines took off: a hint where to
        split.
    """

    normals: Floats
    offsets: Floats
    losses: list[tuple[Indices, Floats]]


class Slopes(NamedTuple):
    """How some units of a layer change with the inputs, on k boxes: a hint where to split.

    Attributes
    ----------
    units : numpy.ndarray of intp, shape (u,)
    normals : numpy.ndarray of float64, shape (k, u, n)
        Of a plane above each.
    """

    units: Indices
    normals: Floats


class _UnitLines(NamedTuple):
    """Outputs of a layer lie below one line of ``slope * z + gap`` and above another.

    Shape (k, width) each. ``gap_above >= 0 >= gap_below``.
    """

    slope_above: Floats
    gap_above: Floats
    slope_below: Floats
    gap_below: Floats


class _Substitution(NamedTuple):
    """One layer on k boxes, as a step of the substitution: what is zero everywhere is left out.

    Attributes
    ----------
    live : numpy.ndarray of intp
        Units that are not zero on all boxes.
    weight, bias
        Of these, from what is live below.
    lines : _UnitLines
        Of the live units.
    doubts : numpy.ndarray of float64, shape (k, live)
        What rounding adds to a function for a coefficient of size 1 of each pre-activation.
    gamma : float
    underflow : numpy.ndarray of float64, shape (k,)
        What a function may lose by coefficients that underflow.
    """

    live: Indices
    weight: Any
    bias: Floats
    lines: _UnitLines
    doubts: Floats
    gamma: float
    underflow: Floats


def no_bounds(network: Network, boxes: int) -> list[Range]:
    """Return infinite bounds on all layers."""
    widths = [len(layer.bias) for layer in network.layers]
    return [Range(np.full((boxes, h), -np.inf), np.full((boxes, h), np.inf)) for h in widths]


def backward_bounds(
    network: Network,
    boxes: Boxes,
    known: Sequence[Range],
    round_sides: Sequence[RoundSide] = ("nearest",),
) -> tuple[list[Range], list[Slopes]]:
    """Return bounds on the pre-activations of layers over closed boxes.

    Parameters
    ----------
    network : Network
    boxes : Boxes
    known : sequence of Range
        What is known already of the first layers, of so many as are to be bounded; the bounds
        are at least as sharp. Units with finite bounds that do not switch on any of the boxes
        are not looked at again.
    round_sides : sequence of str
        Each is tried for every unit.

    Notes
    -----
    *Algorithm.* CROWN (Zhang et al. 2018). A matrix of coefficients carries, for each row, a
    bound on what all rounding may add to its value: a sum of h products is off by at most
    (h + 2) 2^-53 times the sum of their sizes, in any order, and the sizes of units are known
    from the layers below. What leaves the range of floats proves nothing: it is infinite or no
    number, and is not taken for a bound.

    Examples
    --------
    >>> import numpy as np
    >>> net = Network.from_arrays([([[1.0], [-1.0]], [0, 0]), ([[1, 1]], [0]), ([[1]], [0])])
    >>> boxes = Boxes(np.array([[-1.0], [0.5]]), np.array([[1.0], [1.0]]))
    >>> bounds, _ = backward_bounds(net, boxes, no_bounds(net, 2))
    >>> bounds[1].low.round(9).ravel() + 0, bounds[1].high.round(9).ravel()
    (array([0. , 0.5]), array([1., 1.]))
    """
    found: list[Range] = []
    slopes: list[Slopes] = []
    stacks: dict[RoundSide, list[_Substitution]] = {side: [] for side in round_sides}
    inputs, signs = _Inputs.of(boxes), _signs(Range(*boxes))
    with np.errstate(all="ignore"):
        for layer, bounds in zip(network.layers, known, strict=False):
            low, high = _by_signs(layer, signs, bounds)
            switching = ((low < 0) & (high > 0)) | ~np.isfinite(high - low)
            units = np.flatnonzero(switching.any(axis=0))
            count = len(units)
            above = np.zeros((len(low), count, network.input_dimension))
            chunk = max(1, _COEFFICIENTS_HELD // (len(low) * max(map(len, [*low, inputs.live]))))
            for start in range(0, count, chunk):
                some = units[start : start + chunk]
                rows = _dense_part(layer.matrix, some, inputs.live)
                matrix, shift = np.concatenate([rows, -rows]), layer.bias[some]
                # the first layer's units are affine: there is nothing to choose
                for steps in stacks.values() if found else [[]]:
                    planes = _substituted(boxes, steps, matrix, np.concatenate([shift, -shift]))
                    ends = least_values(planes, boxes)
                    low[:, some] = np.fmax(low[:, some], ends[:, : len(some)])
                    high[:, some] = np.fmin(high[:, some], -ends[:, len(some) :])
                    above[:, start : start + chunk] = planes.normals[:, len(some) :]
            found.append(Range(low, high))
            slopes.append(Slopes(units, above))
            for side, steps in stacks.items():
                steps.append(_step_of(layer, inputs, found[-1], side))
            inputs = _Inputs.above(layer, found[-1])
            signs = _signs_of_outputs(layer, found[-1])
    return found, slopes


def planes_below(
    network: Network, boxes: Boxes, bounds: Sequence[Range], matrix: Floats, offsets: Floats
) -> Planes:
    """Return planes below the functions ``matrix @ y + offsets`` of the outputs y.

    Parameters
    ----------
    bounds : sequence of Range
        Of all layers, or all but the last.
    matrix : numpy.ndarray of float64, shape (r, outputs)
    offsets : numpy.ndarray of float64, shape (r,)

    Examples
    --------
    >>> import numpy as np
    >>> net = Network.from_arrays([([[1.0]], [0.0]), ([[2.0]], [1.0])])
    >>> boxes = Boxes(np.array([[0.5]]), np.array([[1.0]]))
    >>> bounds, _ = backward_bounds(net, boxes, no_bounds(net, 1))
    >>> planes = planes_below(net, boxes, bounds, np.array([[-1.0]]), np.array([0.0]))
    >>> planes.normals.ravel(), planes.offsets.round(9).ravel()
    (array([-2.]), array([-1.]))
    """
    inputs, steps = _Inputs.of(boxes), []
    with np.errstate(all="ignore"):
        for layer, ends in zip(network.layers[:-1], bounds, strict=False):
            steps.append(_step_of(layer, inputs, ends, "nearest"))
            inputs = _Inputs.above(layer, ends)
        # the outputs are a last layer, of units that pass their value on
        last = network.layers[-1]
        beyond = Range(*np.full((2, len(boxes.lower), len(last.bias)), np.inf))
        steps.append(_step_of(last, inputs, beyond, "nearest"))
        planes = _substituted(boxes, steps, matrix, offsets)
    return planes._replace(losses=planes.losses[:-1])


def least_values(planes: Planes, boxes: Boxes) -> Floats:
    """Return proven lower bounds on the functions over the boxes, shape (k, r)."""
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(boxes.lower), np.abs(boxes.upper))
        reach = _apply(np.abs(planes.normals), size)
        doubt = _gamma(size.shape[1] + 2) * (reach + np.abs(planes.offsets)) + TINY
        rise, fall = np.maximum(planes.normals, 0.0), np.minimum(planes.normals, 0.0)
        value = _apply(rise, boxes.lower) + _apply(fall, boxes.upper) + planes.offsets
        return value - 1.01 * doubt


class _Inputs(NamedTuple):
    """What a layer reads on k boxes: the values that are not always zero, and their sizes."""

    live: Indices
    sizes: Floats

    @classmethod
    def of(cls, boxes: Boxes) -> _Inputs:
        sizes = np.maximum(np.abs(boxes.lower), np.abs(boxes.upper))
        return cls(np.arange(sizes.shape[1]), sizes)

    @classmethod
    def above(cls, layer: Layer, ends: Range) -> _Inputs:
        live = _nonzero_units(layer, ends)
        above = np.abs(layer.upper) * np.maximum(ends.high, 0.0)
        below = np.abs(layer.lower) * np.maximum(-ends.low, 0.0)
        return cls(live, (1.01 * np.fmax(above, below) + TINY)[:, live])


def _nonzero_units(layer: Layer, ends: Range) -> Indices:
    off = (ends.high <= 0) & (layer.lower == 0) | (ends.low >= 0) & (layer.upper == 0)
    return np.flatnonzero(~off.all(axis=0))


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
    weight: Any = layer.matrix.T
    low, high = np.array(known.low), np.array(known.high)
    below, above = (signs.astype(np.float64) for signs in inputs)
    up, down = (weight > 0).astype(np.float64), (weight < 0).astype(np.float64)
    never_negative = (below @ up + above @ down == 0) & (layer.bias >= 0)
    never_positive = (above @ up + below @ down == 0) & (layer.bias <= 0)
    low[never_negative] = np.fmax(low[never_negative], 0.0)
    high[never_positive] = np.fmin(high[never_positive], 0.0)
    return Range(low, high)


def _dense_part(matrix: Any, rows: Indices, columns: Indices) -> Floats:
    """Return a part of a weight matrix, dense."""
    part: Any = matrix[rows]
    part = part if isinstance(part, np.ndarray) else part.toarray()
    return np.ascontiguousarray(part[:, columns])


def _step_of(layer: Layer, inputs: _Inputs, ends: Range, side: RoundSide) -> _Substitution:
    live = _nonzero_units(layer, ends)
    lines = _unit_lines(layer, ends, side)
    weight, bias = layer.matrix[live][:, inputs.live], layer.bias[live]
    size: Any = abs(weight)
    # of the coefficient's own product with a slope; slopes of 0 and 1 round nothing
    exact = np.ones(ends.low.shape, dtype=bool)
    for slope in (lines.slope_above, lines.slope_below):
        exact &= (slope == 0.0) | (np.abs(slope) == 1.0)
    rough = np.where(exact, 0.0, np.maximum(np.abs(ends.low), np.abs(ends.high)))[:, live]
    gamma = _gamma(max(weight.shape))
    reach = inputs.sizes @ size.T + np.abs(bias)
    return _Substitution(
        live,
        weight,
        bias,
        _UnitLines(*(part[:, live] for part in lines)),
        1.01 * (gamma * reach + ROUNDOFF * rough) + TINY,
        gamma,
        # of coefficients of the inputs, and of the pre-activations
        TINY * (1.0 + inputs.sizes.sum(axis=1) + reach.sum(axis=1)),
    )


def _substituted(
    boxes: Boxes, steps: Sequence[_Substitution], matrix: Floats, offsets: Floats
) -> Planes:
    """Return planes below ``matrix @ h + offsets``, h the live outputs of the last step.

    Notes
    -----
    **Invariant.** Before each pass the functions are, on the box, at least
    ``coefficients @ outputs + total - 1.01 doubt``, where the outputs are those of the step.
    """
    k = len(boxes.lower)
    coefficients = np.broadcast_to(matrix, (k, *matrix.shape))
    total = np.broadcast_to(offsets, (k, len(offsets)))
    doubt = np.full((k, len(offsets)), TINY)
    losses: list[tuple[Indices, Floats]] = []
    for step in reversed(steps):
        lines = step.lines
        rising = coefficients > 0
        loss = np.where(rising, lines.gap_below[:, None], lines.gap_above[:, None])
        loss *= coefficients  # never positive
        losses.append((step.live, loss))
        gaps = loss.sum(axis=2)
        slope = np.where(rising, lines.slope_below[:, None], lines.slope_above[:, None])
        slope *= coefficients
        # what was a function of that layer's pre-activations becomes one of its inputs
        shift = slope @ step.bias
        doubt = doubt + _apply(np.abs(slope), step.doubts) + step.gamma * np.abs(gaps)
        doubt += 4.0 * ROUNDOFF * (np.abs(total) + np.abs(gaps) + np.abs(shift))
        doubt += step.underflow[:, None]
        total = total + gaps + shift
        r, (live, inputs) = len(offsets), step.weight.shape
        coefficients = (slope.reshape(k * r, live) @ step.weight).reshape(k, r, inputs)
    offset = total - 1.02 * doubt - 2.0 * ROUNDOFF * np.abs(total)
    return Planes(coefficients, offset, losses[::-1])


def _apply(matrices: Floats, vectors: Floats) -> Floats:
    """Return the products of matrices and vectors, (k, r, m) and (k, m) to (k, r)."""
    product: Floats = np.matmul(matrices, vectors[:, :, None])[:, :, 0]
    return product


def _gamma(terms: int) -> float:
    """Return a bound on the relative error of a sum of so many products, with room."""
    return 1.01 * (terms + 8) * ROUNDOFF


def _unit_lines(layer: Layer, ends: Range, side: RoundSide) -> _UnitLines:
    """Return lines that enclose the outputs of a layer.

    Notes
    -----
    A unit with a larger slope above zero is convex: its chord lies above it, and every line
    through zero with a slope between the two lies below. One with a smaller slope is mirrored.
    Any chord will do, as its gap is measured at the two ends of the range.
    """
    low, high = ends
    lower, upper = layer.lower, layer.upper
    switches = (low < 0) & (high > 0) & (lower != upper)
    known = np.where(high <= 0, lower, upper)
    least, most = np.minimum(lower, upper), np.maximum(lower, upper)
    chord = (upper * high - lower * low) / (high - low)
    chord = np.clip(np.where(np.isfinite(chord), chord, upper), least, most)
    turned = np.where(upper > lower, 1.0, -1.0)
    gap = np.maximum(turned * ((lower - chord) * low), turned * ((upper - chord) * high))
    # three roundings each, and one here
    gap = np.where(switches, np.maximum(gap, 0.0) * (1.0 + 8.0 * ROUNDOFF) + TINY, 0.0)
    round_line = {"nearest": np.where(high > _LEAN * -low, upper, lower), "secant": chord}.get(
        side, upper if side == "upper" else lower
    )
    chord, other = np.where(switches, chord, known), np.where(switches, round_line, known)
    convex = turned > 0
    return _UnitLines(
        np.where(convex, chord, other),
        np.where(convex, gap, 0.0),
        np.where(convex, other, chord),
        np.where(convex, 0.0, -gap),
    )


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
