"""ONNX operators that compute: sums, products, activations, reductions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.io import extremes, lowering
from polyregions.io.exact_floats import Floats, exact_floats, exact_product
from polyregions.io.lowering import Signal
from polyregions.io.onnx_values import (
    Constant,
    Inputs,
    Node,
    Operator,
    Value,
    axes_of,
    constant_at,
    floats_at,
    signal_and_constant,
    signal_at,
    value_at,
)
from polyregions.io.rearranging import axis_in, rearranged

__all__ = ["ARITHMETIC"]


def _folded(inputs: Inputs, operation: Callable[[Constant, Constant], Constant]) -> Value | None:
    """Return the result for two integer constants, such as the parts of a shape."""
    pair = [value for value in inputs if isinstance(value, np.ndarray)]
    if len(pair) == len(inputs) == 2 and all(value.dtype.kind in "iu" for value in pair):
        if max(value.size for value in pair) > 1000:
            raise FormatError("it computes with many integers; fold constants before the export")
        return operation(*pair)
    return None


def _add(node: Node, inputs: Inputs) -> Value:
    first, second = value_at(inputs, 0), value_at(inputs, 1)
    if isinstance(first, Signal) and isinstance(second, Signal):
        return lowering.add_signals(first, second)
    if (folded := _folded(inputs, np.add)) is not None:
        return folded
    signal, constant, _ = signal_and_constant(inputs)
    return lowering.add(signal, constant)


def _sub(node: Node, inputs: Inputs) -> Value:
    first, second = value_at(inputs, 0), value_at(inputs, 1)
    if isinstance(first, Signal) and isinstance(second, Signal):
        return lowering.add_signals(first, second, -1.0)
    if (folded := _folded(inputs, np.subtract)) is not None:
        return folded
    signal, constant, signal_first = signal_and_constant(inputs)
    if signal_first:
        return lowering.add(signal, -constant)
    return lowering.add(extremes.negated(signal), constant)


def _sum(node: Node, inputs: Inputs) -> Value:
    total = value_at(inputs, 0)
    for index in range(1, len(inputs)):
        total = _add(node, [total, value_at(inputs, index)])
    return total


def _mul(node: Node, inputs: Inputs) -> Value:
    if (folded := _folded(inputs, np.multiply)) is not None:
        return folded
    signal, constant, _ = signal_and_constant(inputs)
    return lowering.multiply(signal, constant)


def _div(node: Node, inputs: Inputs) -> Value:
    signal, constant, signal_first = signal_and_constant(inputs)
    if not signal_first:
        raise UnsupportedOperatorError("it divides by a value that depends on the input")
    return lowering.divide(signal, constant)


def _neg(node: Node, inputs: Inputs) -> Value:
    value = value_at(inputs, 0)
    return extremes.negated(value) if isinstance(value, Signal) else -value


def _matmul(node: Node, inputs: Inputs) -> Value:
    signal, constant, signal_first = signal_and_constant(inputs)
    if signal_first:
        return lowering.matmul_right(signal, constant)
    return lowering.matmul_left(constant, signal)


def _gemm(node: Node, inputs: Inputs) -> Value:
    signal, matrix, signal_first = signal_and_constant(inputs[:2])
    if len(signal.shape) != 2 or matrix.ndim != 2:
        raise NetworkError(f"shapes {signal.shape} and {matrix.shape} are not those of matrices")
    transposed = [bool(node.attributes.get(key, 0)) for key in ("transA", "transB")]
    transpose_signal, transpose_matrix = transposed if signal_first else transposed[::-1]
    if transpose_signal:
        turned = rearranged(signal, np.transpose)
        assert isinstance(turned, Signal)
        signal = turned
    if transpose_matrix:
        matrix = matrix.T
    if signal_first:
        result = lowering.matmul_right(signal, matrix)
    else:
        result = lowering.matmul_left(matrix, signal)
    alpha, beta = (float(node.attributes.get(key, 1.0)) for key in ("alpha", "beta"))
    if not (math.isfinite(alpha) and math.isfinite(beta)):
        raise NetworkError("alpha and beta must be finite numbers")
    result = lowering.multiply(result, np.array(alpha))
    shift = constant_at(inputs, 2)
    if shift is None:
        return result
    return _add_scaled(result, exact_floats(shift, "its bias"), beta)


def _add_scaled(signal: Signal, shift: Floats, beta: float) -> Signal:
    if np.broadcast_shapes(signal.shape, shift.shape) != signal.shape:
        raise NetworkError(f"a bias of shape {shift.shape} does not fit {signal.shape}")
    product = exact_product(shift, np.array(beta))
    if product is None:
        raise NetworkError(
            f"its bias times beta = {beta!s} would be rounded; fold beta into the bias"
        )
    return lowering.add(signal, product)


def _relu(node: Node, inputs: Inputs) -> Value:
    value = value_at(inputs, 0)
    if isinstance(value, Signal):
        return lowering.bend(value, 0.0, 1.0)
    return np.maximum(value, 0)


def _abs(node: Node, inputs: Inputs) -> Value:
    return lowering.bend(signal_at(inputs, 0), -1.0, 1.0)


def _leaky_relu(node: Node, inputs: Inputs) -> Value:
    # attributes are float32; the default is written as a decimal in the specification
    slope = float(np.float32(node.attributes.get("alpha", 0.01)))
    return lowering.bend(signal_at(inputs, 0), _slopes(np.array(slope)), 1.0)


def _prelu(node: Node, inputs: Inputs) -> Value:
    signal, slope = signal_at(inputs, 0), floats_at(inputs, 1, "its slope")
    # the slope broadcasts in one direction only
    if np.broadcast_shapes(signal.shape, slope.shape) != signal.shape:
        raise NetworkError(f"slopes of shape {slope.shape} do not fit {signal.shape}")
    return lowering.bend(signal, _slopes(slope), 1.0)


def _slopes(array: Floats) -> Floats:
    if not np.isfinite(array).all():
        raise NetworkError("a slope is not a finite number")
    return array


def _clip(node: Node, inputs: Inputs) -> Value:
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
    parts = [v if isinstance(v, Signal) else exact_floats(v, "a constant") for v in values]
    if not any(isinstance(part, Signal) for part in parts):
        raise UnsupportedOperatorError("its inputs are constants; fold them before the export")
    return parts


def _max(node: Node, inputs: Inputs) -> Value:
    return extremes.maximum(_parts(inputs))


def _min(node: Node, inputs: Inputs) -> Value:
    parts = [extremes.negated(p) if isinstance(p, Signal) else -p for p in _parts(inputs)]
    return extremes.negated(extremes.maximum(parts))


def _batch_norm(node: Node, inputs: Inputs) -> Value:
    if node.integer("training_mode", 0) or node.integer("spatial", 1) != 1:
        raise UnsupportedOperatorError("it is in training mode; export the model in eval mode")
    names = ("scale", "bias", "mean", "variance")
    statistics = [floats_at(inputs, 1 + k, f"its {name}") for k, name in enumerate(names)]
    scale, shift, mean, variance = statistics
    epsilon = float(np.float32(node.attributes.get("epsilon", 1e-5)))
    return lowering.batch_norm(signal_at(inputs, 0), scale, shift, mean, variance, epsilon)


def _reduced_axes(node: Node, inputs: Inputs, signal: Signal) -> tuple[int, ...]:
    axes = axes_of(node, inputs)
    if not axes:
        empty_means_none = bool(node.integer("noop_with_empty_axes", 0))
        axes = () if empty_means_none else tuple(range(len(signal.shape)))
    return tuple(sorted({axis_in(signal.shape, axis) for axis in axes}))


def _reduce_sum(node: Node, inputs: Inputs) -> Value:
    signal = signal_at(inputs, 0)
    axes = _reduced_axes(node, inputs, signal)
    return lowering.sum_over(signal, axes, keep=bool(node.integer("keepdims", 1)))


def _reduce_mean(node: Node, inputs: Inputs) -> Value:
    signal = signal_at(inputs, 0)
    axes = _reduced_axes(node, inputs, signal)
    total = lowering.sum_over(signal, axes, keep=bool(node.integer("keepdims", 1)))
    return lowering.divide(total, np.array(float(signal.size // total.size)))


def _reduce_max(node: Node, inputs: Inputs) -> Value:
    signal = signal_at(inputs, 0)
    axes = _reduced_axes(node, inputs, signal)
    return extremes.largest_over(signal, axes, keep=bool(node.integer("keepdims", 1)))


_REDUCTION = frozenset({"axes", "keepdims", "noop_with_empty_axes"})

ARITHMETIC: dict[str, Operator] = {
    "Abs": Operator(_abs),
    "Add": Operator(_add),
    "BatchNormalization": Operator(
        _batch_norm, frozenset({"epsilon", "momentum", "training_mode", "spatial"})
    ),
    "Clip": Operator(_clip, frozenset({"min", "max"})),
    "Div": Operator(_div),
    "Gemm": Operator(_gemm, frozenset({"alpha", "beta", "transA", "transB"})),
    "LeakyRelu": Operator(_leaky_relu, frozenset({"alpha"})),
    "MatMul": Operator(_matmul),
    "Max": Operator(_max),
    "Min": Operator(_min),
    "Mul": Operator(_mul),
    "Neg": Operator(_neg),
    "PRelu": Operator(_prelu),
    "ReduceMax": Operator(_reduce_max, _REDUCTION),
    "ReduceMean": Operator(_reduce_mean, _REDUCTION),
    "ReduceSum": Operator(_reduce_sum, _REDUCTION),
    "Relu": Operator(_relu),
    "Sub": Operator(_sub),
    "Sum": Operator(_sum),
}
