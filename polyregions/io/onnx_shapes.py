"""ONNX operators that move values or make constants; they compute nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from polyregions.errors import FormatError, UnsupportedOperatorError
from polyregions.io import lowering, rearranging
from polyregions.io.exact_floats import exact_floats
from polyregions.io.lowering import MAX_VALUES, Signal
from polyregions.io.onnx_values import (
    Inputs,
    Node,
    OnnxValue,
    Operator,
    Result,
    constant_at,
    floats_at,
    integers_of,
    onnx_axes,
    value_at,
)
from polyregions.io.switches import Switch

__all__ = ["ONNX_SHAPES"]


def _onnx_identity(node: Node, inputs: Inputs) -> OnnxValue:
    return value_at(inputs, 0)


def _onnx_dropout(node: Node, inputs: Inputs) -> OnnxValue:
    training = constant_at(inputs, 2)
    if training is not None and training.any():
        raise UnsupportedOperatorError("it is in training mode; export the model in eval mode")
    return value_at(inputs, 0)


def _cast(node: Node, inputs: Inputs) -> Result:
    target = node.attributes.get("to", 0)
    value = inputs[0] if inputs and isinstance(inputs[0], Switch) else value_at(inputs, 0)
    if not isinstance(value, np.ndarray):
        # a change of precision, which the rational function does not know; a comparison
        # becomes 0 or 1, or stays what it is
        if target not in (
            *_FLOATS,
            _ONNX_BFLOAT16,
            *([_BOOL] if isinstance(value, Switch) else []),
        ):
            raise UnsupportedOperatorError(
                "it casts a value that depends on the input to other than real numbers"
            )
        return value
    dtype = {**_FLOATS, **_INTEGERS}.get(target)
    if dtype is None:
        raise UnsupportedOperatorError(
            "only casts to float, double, float16, integers and bool are supported"
        )
    with np.errstate(all="ignore"):
        cast = value.astype(dtype)
        same = np.array_equal(cast.astype(value.dtype), value) and np.array_equal(cast, value)
    if not same or value.dtype.kind not in "fiub":
        raise UnsupportedOperatorError("it rounds a constant; store the constant as rounded")
    return cast


_FLOATS: dict[int, Any] = {1: np.float32, 10: np.float16, 11: np.float64}
_ONNX_BFLOAT16 = 16
_BOOL = 9
_INTEGERS: dict[int, Any] = {
    2: np.uint8,
    3: np.int8,
    4: np.uint16,
    5: np.int16,
    6: np.int32,
    7: np.int64,
    _BOOL: np.bool_,
    12: np.uint32,
    13: np.uint64,
}


def _onnx_flatten(node: Node, inputs: Inputs) -> OnnxValue:
    value = value_at(inputs, 0)
    shape = value.shape
    axis = node.integer("axis", 1)
    if not -len(shape) <= axis <= len(shape):
        raise FormatError(f"axis {axis} does not exist in shape {shape}")
    axis = axis + len(shape) if axis < 0 else axis
    return rearranging.reshaped(value, (math.prod(shape[:axis]), math.prod(shape[axis:])))


def _onnx_reshape(node: Node, inputs: Inputs) -> OnnxValue:
    value = value_at(inputs, 0)
    target = constant_at(inputs, 1)
    if target is None:
        raise FormatError("the shape is missing")
    copied = not node.attributes.get("allowzero", 0)
    shape = [
        value.shape[place] if extent == 0 and copied else extent
        for place, extent in enumerate(integers_of(target))
    ]
    return rearranging.reshaped(value, rearranging.resolved(value.shape, shape))


def _onnx_squeeze(node: Node, inputs: Inputs) -> OnnxValue:
    return rearranging.squeezed(value_at(inputs, 0), onnx_axes(node, inputs))


def _onnx_unsqueeze(node: Node, inputs: Inputs) -> OnnxValue:
    axes = onnx_axes(node, inputs)
    if axes is None:
        raise FormatError("the axes are missing")
    return rearranging.unsqueezed(value_at(inputs, 0), axes)


def _transpose(node: Node, inputs: Inputs) -> OnnxValue:
    order = node.attributes.get("perm")
    return rearranging.rearranged(value_at(inputs, 0), lambda array: np.transpose(array, order))


def _gather(node: Node, inputs: Inputs) -> OnnxValue:
    data, index = value_at(inputs, 0), constant_at(inputs, 1)
    axis = rearranging.axis_in(data.shape, node.integer("axis", 0))
    if index is None or index.dtype.kind not in "iu":
        raise FormatError("its index is missing or not of integers")
    if math.prod(data.shape) // data.shape[axis] * index.size > MAX_VALUES:
        raise FormatError("its inputs are missing or too large")
    return rearranging.rearranged(data, lambda array: np.take(array, index, axis=axis))


def _gather_nd(node: Node, inputs: Inputs) -> OnnxValue:
    data, index = value_at(inputs, 0), constant_at(inputs, 1)
    if node.integer("batch_dims", 0):
        raise UnsupportedOperatorError("only batch_dims = 0 is supported")
    if index is None or index.dtype.kind not in "iu" or not index.ndim:
        raise FormatError("its index is missing or not of integers")
    places, axes = math.prod(index.shape[:-1]), index.shape[-1]
    if axes > len(data.shape) or places * math.prod(data.shape[axes:]) > MAX_VALUES:
        raise FormatError("its index does not fit its input, or its result is too large")
    where = tuple(np.moveaxis(index, -1, 0))
    return rearranging.rearranged(data, lambda array: array[where])


def _concat(node: Node, inputs: Inputs) -> OnnxValue:
    parts = [value_at(inputs, index) for index in range(len(inputs))]
    if sum(math.prod(part.shape) for part in parts) > MAX_VALUES:
        raise FormatError("its result is too large")
    axis = int(node.attributes["axis"])
    constants = [part for part in parts if not isinstance(part, Signal)]
    if len(constants) == len(parts):
        return np.concatenate(constants, axis=axis)
    return lowering.concatenate(
        [p if isinstance(p, Signal) else exact_floats(p, "a constant") for p in parts], axis
    )


def _onnx_split(node: Node, inputs: Inputs) -> tuple[OnnxValue, ...]:
    value = value_at(inputs, 0)
    axis = rearranging.axis_in(value.shape, node.integer("axis", 0))
    given = constant_at(inputs, 1)
    if given is not None:
        lengths = integers_of(given)
    elif "split" in node.attributes:
        lengths = node.integers("split", ())
    else:
        extent, count = value.shape[axis], len(node.outputs)
        if node.integer("num_outputs", count) != count:
            raise FormatError("num_outputs is not the number of its outputs")
        # only the last part may be smaller
        size = -(-extent // count)
        lengths = (*[size] * (count - 1), extent - size * (count - 1))
    return rearranging.parts_along(value, axis, lengths)


def _onnx_slice(node: Node, inputs: Inputs) -> OnnxValue:
    value = value_at(inputs, 0)
    if len(inputs) == 1:
        starts, ends = node.integers("starts", ()), node.integers("ends", ())
        axes, steps = node.integers("axes", range(len(starts))), (1,) * len(starts)
    else:
        given = [constant_at(inputs, index) for index in range(1, 5)]
        if given[0] is None or given[1] is None:
            raise FormatError("its starts or ends are missing")
        starts, ends = integers_of(given[0]), integers_of(given[1])
        axes = tuple(range(len(starts))) if given[2] is None else integers_of(given[2])
        steps = (1,) * len(starts) if given[3] is None else integers_of(given[3])
    where = [slice(None)] * len(value.shape)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        place = rearranging.axis_in(value.shape, axis)
        extent = value.shape[place]
        # backwards, the end -extent - 1 or below means "up to the first one, included"
        stop = None if step < 0 and end < -extent else end
        where[place] = slice(start, stop, step)
    return rearranging.rearranged(value, lambda array: array[tuple(where)])


def _onnx_pad(node: Node, inputs: Inputs) -> OnnxValue:
    mode = node.attributes.get("mode", b"constant")
    if mode not in (b"constant", "constant"):
        raise UnsupportedOperatorError(f"the mode {mode!r} is not supported, only 'constant'")
    value = value_at(inputs, 0)
    rank = len(value.shape)
    given = constant_at(inputs, 1)
    flat = node.integers("pads", ()) if given is None else integers_of(given)
    axes_given = constant_at(inputs, 3)
    axes = tuple(range(rank)) if axes_given is None else integers_of(axes_given)
    if len(flat) != 2 * len(axes):
        raise FormatError(f"pads {flat} do not fit {value.shape}")
    pads = [(0, 0)] * rank
    for axis, before, after in zip(axes, flat[: len(axes)], flat[len(axes) :], strict=True):
        pads[rearranging.axis_in(value.shape, axis)] = (before, after)
    fill = np.array(float(np.float32(node.attributes.get("value", 0.0))))
    if constant_at(inputs, 2) is not None:
        fill = floats_at(inputs, 2, "its value")
    return rearranging.padded(value, pads, float(exact_floats(fill, "its value").reshape(())))


def _onnx_expand(node: Node, inputs: Inputs) -> OnnxValue:
    target = constant_at(inputs, 1)
    if target is None:
        raise FormatError("the shape is missing")
    return rearranging.broadcast_to(value_at(inputs, 0), integers_of(target))


def _shape(node: Node, inputs: Inputs) -> OnnxValue:
    shape = value_at(inputs, 0).shape
    end = node.integer("end", len(shape))
    return np.array(shape[node.integer("start", 0) : end], dtype=np.int64)


def _constant_node(node: Node, inputs: Inputs) -> OnnxValue:
    if len(node.attributes) != 1:
        raise FormatError("a constant needs exactly one value")
    ((key, value),) = node.attributes.items()
    return np.asarray(value, dtype=_CONSTANT_TYPES[key])


_CONSTANT_TYPES: dict[str, Any] = {
    "value": None,
    "value_float": np.float32,
    "value_floats": np.float32,
    "value_int": np.int64,
    "value_ints": np.int64,
}

ONNX_SHAPES: dict[str, Operator] = {
    "Cast": Operator(_cast, frozenset({"to"})),
    "Concat": Operator(_concat, frozenset({"axis"})),
    "Constant": Operator(_constant_node, frozenset(_CONSTANT_TYPES)),
    "Dropout": Operator(_onnx_dropout, frozenset({"ratio", "seed"})),
    "Expand": Operator(_onnx_expand),
    "Flatten": Operator(_onnx_flatten, frozenset({"axis"})),
    "Gather": Operator(_gather, frozenset({"axis"})),
    "GatherND": Operator(_gather_nd, frozenset({"batch_dims"})),
    "Identity": Operator(_onnx_identity),
    "Pad": Operator(_onnx_pad, frozenset({"mode", "pads", "value"})),
    "Reshape": Operator(_onnx_reshape, frozenset({"allowzero"})),
    "Shape": Operator(_shape, frozenset({"end", "start"})),
    "Slice": Operator(_onnx_slice, frozenset({"axes", "ends", "starts"})),
    "Split": Operator(_onnx_split, frozenset({"axis", "num_outputs", "split"})),
    "Squeeze": Operator(_onnx_squeeze, frozenset({"axes"})),
    "Transpose": Operator(_transpose, frozenset({"perm"})),
    "Unsqueeze": Operator(_onnx_unsqueeze, frozenset({"axes"})),
}
