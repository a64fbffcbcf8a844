"""ONNX operators with windows, and those that change the number of pixels."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.io import rearranging, windows
from polyregions.io.lowering import MAX_VALUES, Shape, Signal
from polyregions.io.onnx_values import (
    Inputs,
    Node,
    OnnxValue,
    Operator,
    constant_at,
    floats_at,
    integers_of,
    signal_at,
    value_at,
)

__all__ = ["ONNX_WINDOWS", "RESIZING"]

Pads = tuple[tuple[int, int], ...]


def _planes(inputs: Inputs) -> Signal:
    signal = signal_at(inputs, 0)
    if not 3 <= len(signal.shape) <= 5:
        raise NetworkError(f"shape {signal.shape} is not (batch, channels, one to three axes)")
    return signal


def _geometry(node: Node, signal: Signal, kernel: Shape) -> tuple[Shape, Pads, Shape]:
    """Return strides, pads and dilations."""
    spatial = signal.shape[2:]
    rank = len(spatial)
    strides = node.integers("strides", [1] * rank)
    dilations = node.integers("dilations", [1] * rank)
    if len(kernel) != rank or len(strides) != rank or len(dilations) != rank:
        raise FormatError(f"its kernel, strides or dilations do not fit {signal.shape}")
    if min((*strides, *dilations, *kernel)) < 1:
        raise FormatError("a kernel, stride or dilation is not positive")
    mode = _auto_pad(node)
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        at_the_end = mode == "SAME_UPPER"
        pads = windows.same_padding(spatial, kernel, strides, dilations, at_the_end=at_the_end)
    elif mode == "VALID":
        pads = tuple([(0, 0)] * rank)
    elif mode == "NOTSET":
        flat = node.integers("pads", [0] * 2 * rank)
        if len(flat) != 2 * rank:
            raise FormatError(f"pads {flat} do not fit {signal.shape}")
        pads = tuple(zip(flat[:rank], flat[rank:], strict=True))
    else:
        raise UnsupportedOperatorError(f"auto_pad = {mode[:40]!r} is not supported")
    return strides, pads, dilations


def _auto_pad(node: Node) -> str:
    auto = node.attributes.get("auto_pad", b"NOTSET")
    return auto.decode("ascii", "replace") if isinstance(auto, bytes) else str(auto)


def _conv(node: Node, inputs: Inputs) -> OnnxValue:
    signal, weight = _planes(inputs), floats_at(inputs, 1, "its filters")
    kernel = tuple(weight.shape[2:])
    if node.integers("kernel_shape", kernel) != kernel:
        raise FormatError(f"kernel_shape does not fit filters of shape {weight.shape}")
    strides, pads, dilations = _geometry(node, signal, kernel)
    bias = floats_at(inputs, 2, "its bias") if len(inputs) > 2 and inputs[2] is not None else None
    sliding = windows.Sliding(strides, pads, dilations, node.integer("group", 1))
    return windows.convolve(signal, weight, bias, sliding)


def _conv_transpose(node: Node, inputs: Inputs) -> OnnxValue:
    signal, weight = _planes(inputs), floats_at(inputs, 1, "its filters")
    kernel, spatial = tuple(weight.shape[2:]), signal.shape[2:]
    if node.integers("kernel_shape", kernel) != kernel:
        raise FormatError(f"kernel_shape does not fit filters of shape {weight.shape}")
    strides, pads, dilations = _geometry(node, signal, kernel)
    extra = node.integers("output_padding", [0] * len(spatial))
    allowed = zip(extra, strides, dilations, strict=True)
    if not all(0 <= more < max(stride, dilation) for more, stride, dilation in allowed):
        raise FormatError(f"output_padding {extra} is not below strides {strides}")
    whole = windows.spread_shape(spatial, kernel, strides, dilations, extra)
    at_the_end = _auto_pad(node) == "SAME_UPPER"
    if "output_shape" in node.attributes:
        pads = _cut(whole, node.integers("output_shape", ()), at_the_end=at_the_end)
    elif _auto_pad(node).startswith("SAME"):
        target = tuple(e * stride for e, stride in zip(spatial, strides, strict=True))
        if any(size > extent for size, extent in zip(target, whole, strict=True)):
            raise UnsupportedOperatorError(
                f"a filter that is shorter than the stride leaves open whether auto_pad makes "
                f"{target} or {whole}; export it with output_shape"
            )
        pads = _cut(whole, target, at_the_end=at_the_end)
    bias = floats_at(inputs, 2, "its bias") if len(inputs) > 2 and inputs[2] is not None else None
    sliding = windows.Sliding(strides, pads, dilations, node.integer("group", 1))
    return windows.convolve_transposed(signal, weight, bias, sliding, extra)


def _cut(whole: Shape, target: Shape, *, at_the_end: bool) -> Pads:
    """Return what is cut off at both sides; what cannot be halved, at the end or the start.

    What is missing is added at the end, as a negative pad.
    """
    pads = []
    for extent, size in zip(whole, target, strict=True):
        if size > extent:
            pads.append((0, extent - size))
            continue
        small, large = (extent - size) // 2, -((size - extent) // 2)
        pads.append((small, large) if at_the_end else (large, small))
    return tuple(pads)


def _seen(node: Node, signal: Signal) -> windows.Windows:
    kernel = node.integers("kernel_shape", ())
    strides, pads, dilations = _geometry(node, signal, kernel)
    if any(
        before >= taps or after >= taps for taps, (before, after) in zip(kernel, pads, strict=True)
    ):
        raise NetworkError(f"pads {pads} are not smaller than the window {kernel}")
    placed = windows.windows_with_ceil if node.integer("ceil_mode", 0) else windows.windows
    return placed(signal.shape[2:], kernel, strides, pads, dilations)


def _onnx_max_pool(node: Node, inputs: Inputs) -> OnnxValue:
    if node.integer("storage_order", 0):
        raise UnsupportedOperatorError("storage_order = 1 is not supported")
    signal = _planes(inputs)
    return windows.max_pool(signal, _seen(node, signal))


def _onnx_average_pool(node: Node, inputs: Inputs) -> OnnxValue:
    signal = _planes(inputs)
    count_padding = bool(node.integer("count_include_pad", 0))
    return windows.average_pool(signal, _seen(node, signal), count_padding=count_padding)


def _everything(signal: Signal) -> windows.Windows:
    spatial = signal.shape[2:]
    rank = len(spatial)
    return windows.windows(spatial, spatial, [1] * rank, [(0, 0)] * rank, [1] * rank)


def _global_average_pool(node: Node, inputs: Inputs) -> OnnxValue:
    signal = _planes(inputs)
    return windows.average_pool(signal, _everything(signal), count_padding=True)


def _global_max_pool(node: Node, inputs: Inputs) -> OnnxValue:
    signal = _planes(inputs)
    return windows.max_pool(signal, _everything(signal))


_SLIDING = frozenset({"auto_pad", "dilations", "kernel_shape", "pads", "strides"})

ONNX_WINDOWS: dict[str, Operator] = {
    "AveragePool": Operator(_onnx_average_pool, _SLIDING | {"ceil_mode", "count_include_pad"}),
    "Conv": Operator(_conv, _SLIDING | {"group"}),
    "ConvTranspose": Operator(
        _conv_transpose, _SLIDING | {"group", "output_padding", "output_shape"}
    ),
    "GlobalAveragePool": Operator(_global_average_pool),
    "GlobalMaxPool": Operator(_global_max_pool),
    "MaxPool": Operator(_onnx_max_pool, _SLIDING | {"ceil_mode", "storage_order"}),
}


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
        places[axis] = rearranging.nearest(extent, size, factor, coordinate, rounding)
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
