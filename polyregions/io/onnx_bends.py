"""ONNX operators that bend: activations, maxima and minima, comparisons, sorting."""

from __future__ import annotations

import numpy as np

from polyregions.errors import NetworkError, UnsupportedOperatorError
from polyregions.io import lowering, rearranging, switches
from polyregions.io import maxima as extremes
from polyregions.io.exact_floats import Floats, exact_floats
from polyregions.io.lowering import Signal
from polyregions.io.onnx_arithmetic import subtract
from polyregions.io.onnx_values import (
    REDUCTION,
    Inputs,
    Node,
    OnnxLowering,
    OnnxValue,
    Operator,
    Result,
    constant_at,
    floats_at,
    integers_of,
    reduced_axes,
    signal_at,
    value_at,
)
from polyregions.io.switches import Switch

__all__ = ["ONNX_BENDS"]


def _relu(node: Node, inputs: Inputs) -> OnnxValue:
    return lowering.bend(signal_at(inputs, 0), 0.0, 1.0)


def _abs(node: Node, inputs: Inputs) -> OnnxValue:
    return lowering.bend(signal_at(inputs, 0), -1.0, 1.0)


def _onnx_leaky_relu(node: Node, inputs: Inputs) -> OnnxValue:
    # attributes are float32; the default is written as a decimal in the specification
    slope = float(np.float32(node.attributes.get("alpha", 0.01)))
    return lowering.bend(signal_at(inputs, 0), _finite_slopes(np.array(slope)), 1.0)


def _onnx_prelu(node: Node, inputs: Inputs) -> OnnxValue:
    signal, slope = signal_at(inputs, 0), floats_at(inputs, 1, "its slope")
    # the slope broadcasts in one direction only
    if np.broadcast_shapes(signal.shape, slope.shape) != signal.shape:
        raise NetworkError(f"slopes of shape {slope.shape} do not fit {signal.shape}")
    return lowering.bend(signal, _finite_slopes(slope), 1.0)


def _finite_slopes(array: Floats) -> Floats:
    if not np.isfinite(array).all():
        raise NetworkError("a slope is not a finite number")
    return array


def _onnx_clip(node: Node, inputs: Inputs) -> OnnxValue:
    bounds: list[Floats | None] = []
    for index, key in ((1, "min"), (2, "max")):
        given = constant_at(inputs, index)
        if given is None and key in node.attributes:
            given = np.asarray(node.attributes[key], dtype=np.float32)
        # an infinite bound is none
        infinite = given is not None and given.dtype.kind == "f" and bool(np.isinf(given).all())
        bounds.append(None if given is None or infinite else exact_floats(given, f"its {key}"))
    if any(bound is not None and bound.size != 1 for bound in bounds):
        raise NetworkError("its bounds must be single numbers")
    low, high = (None if bound is None else bound.reshape(()) for bound in bounds)
    return extremes.clip(signal_at(inputs, 0), low, high)


def _parts(inputs: Inputs) -> list[Signal | Floats]:
    values = [value_at(inputs, index) for index in range(len(inputs))]
    return [v if isinstance(v, Signal) else exact_floats(v, "a constant") for v in values]


def _max(node: Node, inputs: Inputs) -> OnnxValue:
    return extremes.maximum(_parts(inputs))


def _min(node: Node, inputs: Inputs) -> OnnxValue:
    return extremes.minimum(_parts(inputs))


def _reduce_max(node: Node, inputs: Inputs) -> OnnxValue:
    signal = signal_at(inputs, 0)
    axes = reduced_axes(node, inputs, signal)
    return extremes.largest_over(signal, axes, keep=bool(node.integer("keepdims", 1)))


def _reduce_min(node: Node, inputs: Inputs) -> OnnxValue:
    signal = signal_at(inputs, 0)
    axes = reduced_axes(node, inputs, signal)
    return extremes.smallest_over(signal, axes, keep=bool(node.integer("keepdims", 1)))


def _onnx_hard_sigmoid(node: Node, inputs: Inputs) -> OnnxValue:
    # attributes are float32; the defaults are written as decimals in the specification
    alpha, beta = (
        exact_floats(np.asarray(node.attributes.get(key, default), np.float32), f"its {key}")
        for key, default in (("alpha", 0.2), ("beta", 0.5))
    )
    line = lowering.add(lowering.multiply(signal_at(inputs, 0), alpha), beta)
    return extremes.clip(line, np.zeros(()), np.ones(()))


def _thresholded_relu(node: Node, inputs: Inputs) -> OnnxValue:
    if (alpha := float(node.attributes.get("alpha", 1.0))) != 0:
        raise UnsupportedOperatorError(f"it jumps at alpha = {alpha!s}; only alpha = 0 does not")
    return _relu(node, inputs)


def _shrink(node: Node, inputs: Inputs) -> OnnxValue:
    """Return x + bias below -lambd, x - bias above lambd, and 0 between."""
    bias, threshold = (
        float(node.attributes.get(key, default)) for key, default in (("bias", 0.0), ("lambd", 0.5))
    )
    if bias != threshold or not 0 <= bias < np.inf:
        raise UnsupportedOperatorError(
            f"it jumps at lambd = {threshold!s} with bias = {bias!s}; "
            f"only the continuous one with bias = lambd is supported"
        )
    return extremes.shrunk(signal_at(inputs, 0), bias)


def _onnx_comparison(sign: float) -> OnnxLowering:
    """Return the reading of first > second (sign 1) or first < second (sign -1)."""

    def lower(node: Node, inputs: Inputs) -> Result:
        difference = subtract(node, inputs)
        assert isinstance(difference, Signal)
        return Switch(lowering.multiply(difference, np.array(sign)))

    return lower


def _onnx_not(node: Node, inputs: Inputs) -> Result:
    switch = inputs[0]
    if not isinstance(switch, Switch):
        raise UnsupportedOperatorError("its input is no comparison")
    return switches.opposite(switch)


def _onnx_where(node: Node, inputs: Inputs) -> OnnxValue:
    condition = inputs[0]
    on, off = _parts(inputs[1:])
    if isinstance(condition, Switch):
        return switches.where_positive(condition, on, off)
    mask = constant_at(inputs, 0)
    if mask is None or mask.dtype.kind != "b":
        raise UnsupportedOperatorError("its condition is no truth value")
    return switches.where(mask, on, off)


def _top_k(node: Node, inputs: Inputs) -> OnnxValue:
    """Return the largest or smallest values in order, but not their places."""
    signal, given = signal_at(inputs, 0), constant_at(inputs, 1)
    count = integers_of(given)[0] if given is not None else node.integer("k", 1)
    axis = rearranging.axis_in(signal.shape, node.integer("axis", -1))
    if not 1 <= count <= signal.shape[axis]:
        raise NetworkError(f"it takes {count} of {signal.shape[axis]} values")
    places = slice(None, -count - 1, -1) if node.integer("largest", 1) else slice(count)
    return rearranging.part_along(extremes.ordered(signal, axis), axis, places)


ONNX_BENDS: dict[str, Operator] = {
    "Abs": Operator(_abs),
    "Clip": Operator(_onnx_clip, frozenset({"min", "max"})),
    "Greater": Operator(_onnx_comparison(1.0)),
    "GreaterOrEqual": Operator(_onnx_comparison(1.0)),
    "HardSigmoid": Operator(_onnx_hard_sigmoid, frozenset({"alpha", "beta"})),
    "LeakyRelu": Operator(_onnx_leaky_relu, frozenset({"alpha"})),
    "Less": Operator(_onnx_comparison(-1.0)),
    "LessOrEqual": Operator(_onnx_comparison(-1.0)),
    "Max": Operator(_max),
    "Min": Operator(_min),
    "Not": Operator(_onnx_not),
    "PRelu": Operator(_onnx_prelu),
    "ReduceMax": Operator(_reduce_max, REDUCTION),
    "ReduceMin": Operator(_reduce_min, REDUCTION),
    "Relu": Operator(_relu),
    "Shrink": Operator(_shrink, frozenset({"bias", "lambd"})),
    "ThresholdedRelu": Operator(_thresholded_relu, frozenset({"alpha"})),
    "TopK": Operator(_top_k, frozenset({"axis", "k", "largest", "sorted"})),
    "Where": Operator(_onnx_where),
}
