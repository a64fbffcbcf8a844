"""Affine functions proven to lie below a network's outputs over boxes: part of the tree's checker.

This module imports numpy, and types from `proof.certificate_file`. It is a twin of
`network.backward_bounds`, which it knows nothing of; docs/mathematics.md, part 8, "Backwards over a
box", says why it is right.

A sum of w products in any order has error at most w * 2^-53 / (1 - w * 2^-53) times the sum of
absolute values; factors such as 1.01 cover the rounding of the bounds. What leaves the range of
floats becomes infinite or no number, of which comparisons and `fmax` prove nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from polyregions.proof.certificate_file import Array, Layers

__all__ = [
    "HALF_AN_ULP",
    "LOST_BELOW",
    "LayerStep",
    "bounds_on_boxes",
    "clipped_by_planes",
    "least_of_planes",
    "planes_of_inputs",
]

HALF_AN_ULP = 2.0**-53
LOST_BELOW = 2.0**-1040  # above the absolute error of all products of a row that underflow
# Of two lines through zero below a convex unit the nearer one: no network made by hand has its
# ranges at this ratio, so rounding does not tip the choice.
NEARER = 1.0 + 2.0**-20


class LayerStep(NamedTuple):
    """A layer on k boxes: ``slope * z + gap`` are lines above and below its outputs.

    Shape (k, width) each, but for `weight`, `bias`, `gamma` and `underflow`, shape (k,). A function
    with coefficients c of the outputs is off by at most ``abs(c * slope) @ doubts``.
    """

    weight: Array
    bias: Array
    slope_above: Array
    gap_above: Array
    slope_below: Array
    gap_below: Array
    doubts: Array
    gamma: float
    underflow: Array


def bounds_on_boxes(
    layers: Layers, lower: Array, upper: Array, known: Sequence[tuple[Array, Array]]
) -> tuple[list[tuple[Array, Array]], list[LayerStep]]:
    """Return bounds on all pre-activations but the outputs, at least as sharp as those known.

    Parameters
    ----------
    layers : list of (weight, bias, lower, upper)
    lower, upper : numpy.ndarray of float64, shape (k, n)
    known : sequence of (low, high), shape (k, width) each

    Returns
    -------
    bounds : list of (low, high)
    steps : list of Step
        Of all layers, for `planes_of_inputs`.
    """
    bounds: list[tuple[Array, Array]] = []
    steps: list[LayerStep] = []
    live, sizes = np.arange(lower.shape[1]), np.maximum(np.abs(lower), np.abs(upper))
    negative, positive = ~(lower >= 0), ~(upper <= 0)
    for (weight, bias, down, up), (low, high) in zip(layers, known, strict=False):
        # 0 where no term of a sum is on the other side: nothing is rounded
        rise, fall = (weight > 0).T.astype(np.float64), (weight < 0).T.astype(np.float64)
        above = (negative @ rise + positive @ fall == 0) & (bias >= 0)
        below = (positive @ rise + negative @ fall == 0) & (bias <= 0)
        low = np.where(above, np.fmax(low, 0.0), low)
        high = np.where(below, np.fmin(high, 0.0), high)
        some = np.flatnonzero((((low < 0) & (high > 0)) | ~np.isfinite(high - low)).any(axis=0))
        rows, shift = weight[np.ix_(some, live)], bias[some]
        planes = planes_of_inputs(
            steps, np.vstack([rows, -rows]), np.append(shift, -shift), len(low)
        )
        ends = least_of_planes(*planes, lower, upper)
        low[:, some] = np.fmax(low[:, some], ends[:, : len(some)])
        high[:, some] = np.fmin(high[:, some], -ends[:, len(some) :])
        bounds.append((low, high))
        off = ((high <= 0) & (down == 0)) | ((low >= 0) & (up == 0))
        on = np.flatnonzero(~off.all(axis=0))  # the others pass on nothing but zeros
        steps.append(_layer_step((weight[np.ix_(on, live)], bias[on], down[on], up[on]),
                           low[:, on], high[:, on], sizes))  # fmt: skip
        most = np.fmax(np.abs(up) * np.maximum(high, 0.0), np.abs(down) * np.maximum(-low, 0.0))
        live, sizes = on, 1.01 * most[:, on] + LOST_BELOW
        negative, positive = ~(low >= 0), ~(high <= 0)
        negative, positive = (
            (negative & (down > 0)) | (positive & (up < 0)),
            (negative & (down < 0)) | (positive & (up > 0)),
        )
    weight, bias, down, up = layers[-1]
    beyond = np.full((len(lower), len(bias)), np.inf)
    steps.append(_layer_step((weight[:, live], bias, down, up), beyond, beyond, sizes))
    return bounds, steps


def _layer_step(
    layer: tuple[Array, Array, Array, Array], low: Array, high: Array, sizes: Array
) -> LayerStep:
    """Return the lines of a layer's units: a chord, and on the round side a line through zero."""
    weight, bias, down, up = layer
    bent = (low < 0) & (high > 0) & (down != up)
    chord = (up * high - down * low) / (high - low)
    chord = np.clip(
        np.where(np.isfinite(chord), chord, up), np.minimum(down, up), np.maximum(down, up)
    )
    turned = np.where(up > down, 1.0, -1.0)
    # any chord will do, as its gap is measured at both ends; three roundings, and one here
    gap = np.maximum(turned * ((down - chord) * low), turned * ((up - chord) * high))
    gap = np.where(bent, np.maximum(gap, 0.0) * (1.0 + 8.0 * HALF_AN_ULP) + LOST_BELOW, 0.0)
    round_side = np.where(high > -NEARER * low, up, down)
    known = np.where(high <= 0, down, up)
    chord, other = np.where(bent, chord, known), np.where(bent, round_side, known)
    convex = turned > 0
    above, below = np.where(convex, chord, other), np.where(convex, other, chord)
    exact = [(slope == 0.0) | (np.abs(slope) == 1.0) for slope in (above, below)]
    range_ = np.where(exact[0] & exact[1], 0.0, np.maximum(np.abs(low), np.abs(high)))
    gamma = _relative_error(max(weight.shape))
    reach = sizes @ np.abs(weight).T + np.abs(bias)
    return LayerStep(
        weight,
        bias,
        above,
        np.where(convex, gap, 0.0),
        below,
        np.where(convex, 0.0, -gap),
        1.01 * (gamma * reach + HALF_AN_ULP * range_) + LOST_BELOW,
        gamma,
        LOST_BELOW * (1.0 + sizes.sum(axis=1) + reach.sum(axis=1)),
    )


def planes_of_inputs(
    steps: Sequence[LayerStep], matrix: Array, offsets: Array, boxes: int
) -> tuple[Array, Array]:
    """Return planes (normals, offsets) below functions of what the last step passes on.

    Parameters
    ----------
    matrix, offsets : numpy.ndarray of float64, shape (r, width), and (r,) or (boxes, r)

    Returns
    -------
    normals, offsets : numpy.ndarray of float64, shape (boxes, r, n) and (boxes, r)

    Notes
    -----
    **Invariant.** Before each pass the functions are, on their boxes, at least
    ``c @ outputs + total - doubt``, where the outputs are those of the step.
    """
    r = len(matrix)
    c, total = np.broadcast_to(matrix, (boxes, *matrix.shape)), np.broadcast_to(offsets, (boxes, r))
    doubt = np.full((boxes, r), LOST_BELOW)
    for step in reversed(steps):
        # each coefficient is in one of the two, so their sum rounds nothing
        rise = np.maximum(c, 0.0)
        fall = c - rise
        gaps = (rise @ step.gap_below[:, :, None] + fall @ step.gap_above[:, :, None])[:, :, 0]
        rise *= step.slope_below[:, None]
        fall *= step.slope_above[:, None]
        slope = np.add(rise, fall, out=rise)
        shift = slope @ step.bias
        doubt = doubt + (np.abs(slope, out=fall) @ step.doubts[:, :, None])[:, :, 0]
        doubt += step.gamma * np.abs(gaps) + step.underflow[:, None]
        doubt += 4.0 * HALF_AN_ULP * (np.abs(total) + np.abs(gaps) + np.abs(shift))
        total = total + gaps + shift
        live, inputs = step.weight.shape
        c = (slope.reshape(boxes * r, live) @ step.weight).reshape(boxes, r, inputs)
    return c, total - 1.02 * doubt - 2.0 * HALF_AN_ULP * np.abs(total)


def _relative_error(terms: int) -> float:
    return 1.01 * (terms + 8) * HALF_AN_ULP


def least_of_planes(normals: Array, offsets: Array, lower: Array, upper: Array) -> Array:
    """Return what planes are at least on their boxes."""
    size = np.maximum(np.abs(lower), np.abs(upper))
    reach = (np.abs(normals) @ size[:, :, None])[:, :, 0] + np.abs(offsets)
    ends = (
        np.maximum(normals, 0.0) @ lower[:, :, None] + np.minimum(normals, 0.0) @ upper[:, :, None]
    )
    doubt = _relative_error(size.shape[1] + 2) * reach + LOST_BELOW
    return np.asarray(ends[:, :, 0] + offsets - 1.01 * doubt)


def clipped_by_planes(
    lower: Array, upper: Array, normals: Array, offsets: Array
) -> tuple[Array, Array]:
    """Return boxes around the parts of boxes where no plane is positive.

    Notes
    -----
    There a coordinate times its coefficient is at most minus the least value of the rest. That
    and the quotient are rounded outwards.
    """
    below, above = lower[:, None], upper[:, None]
    least = np.where(normals > 0, normals * below, normals * above)
    size = np.abs(normals) * np.maximum(np.abs(below), np.abs(above))
    doubt = (
        _relative_error(normals.shape[2] + 4) * (size.sum(axis=2) + np.abs(offsets)) + LOST_BELOW
    )
    rest = (least.sum(axis=2) + offsets)[:, :, None] - least - 1.01 * doubt[:, :, None]
    end = -rest / normals
    outward = 4.0 * HALF_AN_ULP * np.abs(end) + LOST_BELOW
    high = np.where(normals > 0, end + outward, np.inf)
    low = np.where(normals < 0, end - outward, -np.inf)
    return (
        np.fmax(lower, np.fmax.reduce(low, axis=1, initial=-np.inf)),
        np.fmin(upper, np.fmin.reduce(high, axis=1, initial=np.inf)),
    )
