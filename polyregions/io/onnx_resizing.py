"""ONNX operators that make arrays larger or smaller by repeating or regrouping values."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.io import rearranging, resampling
from polyregions.io.lowering import MAX_VALUES
from polyregions.io.onnx_values import (
    Inputs,
    Node,
    OnnxValue,
    Operator,
    constant_at,
    integers_of,
    value_at,
)

__all__ = ["RESIZING"]


def _tile(node: Node, inputs: Inputs) -> OnnxValue:
    value, repeats = value_at(inputs, 0), constant_at(inputs, 1)
    if repeats is None or len(times := integers_of(repeats)) != len(value.shape):
        raise FormatError(f"its repeats do not fit {value.shape}")
    if min(times) < 0 or math.prod(value.shape) * math.prod(times) > MAX_VALUES:
        raise FormatError("its result is too large")
    return rearranging.rearranged(value, lambda array: np.tile(array, times))


def _depth_to_space(node: Node, inputs: Inputs) -> OnnxValue:
    value, size = value_at(inputs, 0), node.integer("blocksize", 0)
    mode = node.attributes.get("mode", b"DCR")
    if mode not in (b"DCR", b"CRD"):
        raise UnsupportedOperatorError(f"the mode {mode[:40]!r} is not supported")
    batch, channels, height, width = value.shape
    depth = channels // (size * size)
    # where the block of channels stands: before the depth, or behind it
    parts, order = (
        ((size, size, depth), (0, 3, 4, 1, 5, 2))
        if mode == b"DCR"
        else ((depth, size, size), (0, 1, 4, 2, 5, 3))
    )
    return rearranging.rearranged(
        value,
        lambda array: (
            array.reshape(batch, *parts, height, width)
            .transpose(order)
            .reshape(batch, depth, height * size, width * size)
        ),
    )


def _space_to_depth(node: Node, inputs: Inputs) -> OnnxValue:
    value, size = value_at(inputs, 0), node.integer("blocksize", 0)
    batch, channels, height, width = value.shape
    cells = (batch, channels, height // size, size, width // size, size)
    return rearranging.rearranged(
        value,
        lambda array: (
            array.reshape(cells)
            .transpose(0, 3, 5, 1, 2, 4)
            .reshape(batch, channels * size * size, height // size, width // size)
        ),
    )


def _resize(node: Node, inputs: Inputs) -> OnnxValue:
    value = value_at(inputs, 0)
    # operator set 10 and Upsample have no region of interest, and coordinates of their own
    old = len(inputs) == 2 or node.operator == "Upsample"
    scales = constant_at(inputs, 1 if old else 2)
    sizes = None if old else constant_at(inputs, 3)
    if "scales" in node.attributes:
        scales = np.array(node.attributes["scales"])
    for key, only in (("mode", "nearest"), ("keep_aspect_ratio_policy", "stretch")):
        if (text := _attribute_text(node, key, only)) != only:
            raise UnsupportedOperatorError(f"the {key} {text!r} is not supported, only {only!r}")
    coordinate = _attribute_text(
        node, "coordinate_transformation_mode", _OLD[0] if old else _NEW[0]
    )
    rounding = _attribute_text(node, "nearest_mode", _OLD[1] if old else _NEW[1])
    given = node.integers("axes", range(len(value.shape)))
    axes = [rearranging.axis_in(value.shape, axis) for axis in given]
    extents = [value.shape[axis] for axis in axes]
    if scales is not None and scales.size:
        factors = [Fraction(float(scale)) for scale in scales.reshape(-1)]
        new = [math.floor(e * factor) for e, factor in zip(extents, factors, strict=True)]
        if any(
            factor.denominator > _LARGEST_DENOMINATOR or (factor != 1 and size == extent)
            for extent, size, factor in zip(extents, new, factors, strict=True)
        ):
            raise UnsupportedOperatorError(
                f"its scales {[float(factor) for factor in factors]} leave the places to rounding, "
                f"which runtimes do differently; export it with sizes, or scales such as 2 or 0.5"
            )
    elif sizes is not None:
        new = list(integers_of(sizes))
        factors = [Fraction(size, extent) for size, extent in zip(new, extents, strict=True)]
    else:
        raise FormatError("its scales and sizes are missing")
    shape = list(value.shape)
    for axis, size in zip(axes, new, strict=True):
        shape[axis] = size
    if math.prod(shape) > MAX_VALUES or min(new) < 1:
        raise NetworkError(f"it resizes {value.shape} to {tuple(shape)}")
    if old and min(factors) < 1:
        raise UnsupportedOperatorError("operator set 10 does not say how it makes a value smaller")
    places = [np.arange(extent) for extent in value.shape]
    for axis, extent, size, factor in zip(axes, extents, new, factors, strict=True):
        places[axis] = resampling.nearest(extent, size, factor, coordinate, rounding)
    return rearranging.rearranged(value, lambda array: array[np.ix_(*places)])


# by such a scale a coordinate is halfway between two places exactly, or far from it, so that
# runtimes that round to float32 find the same places
_LARGEST_DENOMINATOR = 2**8

# coordinates and rounding that are meant where none are named
_OLD = ("asymmetric", "floor")
_NEW = ("half_pixel", "round_prefer_floor")


def _attribute_text(node: Node, key: str, default: str) -> str:
    value = node.attributes.get(key, default)
    return value.decode("ascii", "replace")[:40] if isinstance(value, bytes) else str(value)[:40]


RESIZING: dict[str, Operator] = {
    "DepthToSpace": Operator(_depth_to_space, frozenset({"blocksize", "mode"})),
    "Resize": Operator(
        _resize,
        # those of other modes change nothing here
        frozenset(
            {
                "antialias",
                "axes",
                "coordinate_transformation_mode",
                "cubic_coeff_a",
                "exclude_outside",
                "extrapolation_value",
                "keep_aspect_ratio_policy",
                "mode",
                "nearest_mode",
            }
        ),
    ),
    "SpaceToDepth": Operator(_space_to_depth, frozenset({"blocksize"})),
    "Tile": Operator(_tile),
    "Upsample": Operator(_resize, frozenset({"mode", "scales"})),
}
