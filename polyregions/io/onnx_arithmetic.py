"""ONNX operators that are linear maps: sums, products, means, normalisation."""

from __future__ import annotations

import math

import numpy as np

from polyregions.errors import NetworkError, UnsupportedOperatorError
from polyregions.io import contractions, lowering
from polyregions.io import maxima as extremes
from polyregions.io.exact_floats import Floats, exact_floats, exact_product
from polyregions.io.lowering import Signal
from polyregions.io.onnx_constants import FOLDS
from polyregions.io.onnx_values import (
    REDUCTION,
    Inputs,
    Node,
    OnnxValue,
    Operator,
    constant_at,
    floats_at,
    reduced_axes,
    signal_and_constant,
    signal_at,
    value_at,
)
from polyregions.io.rearranging import rearranged
from polyregions.io.switches import Switch, where_positive

__all__ = ["ARITHMETIC", "subtract"]


def subtract(node: Node, inputs: Inputs) -> Signal:
    """Return the first input minus the second, one of which is a signal."""
    first, second = value_at(inputs, 0), value_at(inputs, 1)
    if isinstance(first, Signal) and isinstance(second, Signal):
        return lowering.add_signals(first, second, -1.0)
    signal, constant, signal_first = signal_and_constant(inputs)
    if signal_first:
        return lowering.add(signal, -constant)
    return lowering.add(extremes.negated(signal), constant)


def _onnx_sum(node: Node, inputs: Inputs) -> Signal:
    values = [value_at(inputs, index) for index in range(len(inputs))]
    constants = [value for value in values if not isinstance(value, Signal)]
    total, *rest = [value for value in values if isinstance(value, Signal)]
    for signal in rest:
        total = lowering.add_signals(total, signal)
    if not constants:
        return total
    return lowering.add(total, exact_floats(FOLDS["Sum"](node, constants), "its constants"))


def _onnx_mean(node: Node, inputs: Inputs) -> OnnxValue:
    return lowering.divide(_onnx_sum(node, inputs), np.array(float(len(inputs))))


def _onnx_multiply(node: Node, inputs: Inputs) -> OnnxValue:
    for place, switch in enumerate(inputs):
        if isinstance(switch, Switch):
            other = value_at(inputs, 1 - place)
            on = other if isinstance(other, Signal) else exact_floats(other, "its constant")
            return where_positive(switch, on, np.zeros(()))
    signal, constant, _ = signal_and_constant(inputs)
    return lowering.multiply(signal, constant)


def _onnx_divide(node: Node, inputs: Inputs) -> OnnxValue:
    signal, constant, signal_first = signal_and_constant(inputs)
    if not signal_first:
        raise UnsupportedOperatorError("it divides by a value that depends on the input")
    return lowering.divide(signal, constant)


def _onnx_negative(node: Node, inputs: Inputs) -> OnnxValue:
    return extremes.negated(signal_at(inputs, 0))


def _onnx_matmul(node: Node, inputs: Inputs) -> OnnxValue:
    signal, constant, signal_first = signal_and_constant(inputs)
    if constant.ndim > 2:
        return contractions.matmul_stack(signal, constant, signal_first=signal_first)
    if signal_first:
        return lowering.matmul_right(signal, constant)
    return lowering.matmul_left(constant, signal)


def _onnx_einsum(node: Node, inputs: Inputs) -> OnnxValue:
    equation = node.attributes["equation"]
    parts = [value_at(inputs, index) for index in range(len(inputs))]
    return contractions.einsum(
        equation.decode("ascii"),
        [p if isinstance(p, Signal) else exact_floats(p, "its constant") for p in parts],
    )


def _gemm(node: Node, inputs: Inputs) -> OnnxValue:
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


def _onnx_batch_norm(node: Node, inputs: Inputs) -> OnnxValue:
    if node.integer("training_mode", 0) or node.integer("spatial", 1) != 1:
        raise UnsupportedOperatorError("it is in training mode; export the model in eval mode")
    names = ("scale", "bias", "mean", "variance")
    statistics = [floats_at(inputs, 1 + k, f"its {name}") for k, name in enumerate(names)]
    scale, shift, mean, variance = statistics
    epsilon = float(np.float32(node.attributes.get("epsilon", 1e-5)))
    return lowering.batch_norm(signal_at(inputs, 0), scale, shift, mean, variance, epsilon)


def _scaler(node: Node, inputs: Inputs) -> OnnxValue:
    """(x - offset) * scale, each one number or one per feature."""
    signal = signal_at(inputs, 0)
    for key, apply in (("offset", lambda x, k: lowering.add(x, -k)), ("scale", lowering.multiply)):
        given = np.array([float(entry) for entry in node.attributes.get(key, [])])
        if given.size not in (1, signal.shape[-1]):
            raise NetworkError(f"its {key} of {given.size} numbers does not fit {signal.shape}")
        signal = apply(signal, exact_floats(given, f"its {key}"))
    return signal


def _reduce_sum(node: Node, inputs: Inputs) -> OnnxValue:
    signal = signal_at(inputs, 0)
    axes = reduced_axes(node, inputs, signal)
    return lowering.sum_over(signal, axes, keep=bool(node.integer("keepdims", 1)))


def _reduce_l1(node: Node, inputs: Inputs) -> OnnxValue:
    return _reduce_sum(node, [lowering.bend(signal_at(inputs, 0), -1.0, 1.0), *inputs[1:]])


def _reduce_mean(node: Node, inputs: Inputs) -> OnnxValue:
    signal = signal_at(inputs, 0)
    axes = reduced_axes(node, inputs, signal)
    total = lowering.sum_over(signal, axes, keep=bool(node.integer("keepdims", 1)))
    return lowering.divide(total, np.array(float(signal.size // total.size)))


ARITHMETIC: dict[str, Operator] = {
    "Add": Operator(_onnx_sum),
    "BatchNormalization": Operator(
        _onnx_batch_norm, frozenset({"epsilon", "momentum", "training_mode", "spatial"})
    ),
    "Div": Operator(_onnx_divide),
    "Einsum": Operator(_onnx_einsum, frozenset({"equation"})),
    "Gemm": Operator(_gemm, frozenset({"alpha", "beta", "transA", "transB"})),
    "MatMul": Operator(_onnx_matmul),
    "Mean": Operator(_onnx_mean),
    "Mul": Operator(_onnx_multiply),
    "Neg": Operator(_onnx_negative),
    "ReduceL1": Operator(_reduce_l1, REDUCTION),
    "ReduceMean": Operator(_reduce_mean, REDUCTION),
    "ReduceSum": Operator(_reduce_sum, REDUCTION),
    "Sub": Operator(subtract),
    "Sum": Operator(_onnx_sum),
    "ai.onnx.ml.Scaler": Operator(_scaler, frozenset({"offset", "scale"})),
}
