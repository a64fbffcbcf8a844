"""ATen operators as exact lowering, one function each, and the table of them.

An argument is a :class:`~polyregions.io.lowering.Signal`, a parameter as an array, or
a plain number or list; arguments left out have torch's defaults.
"""

from __future__ import annotations

import numpy as np

from polyregions.errors import NetworkError, UnsupportedOperatorError
from polyregions.io import extremes, lowering, rearranging
from polyregions.io.lowering import Signal
from polyregions.io.torch_shapes import SHAPES
from polyregions.io.torch_values import (
    Arguments,
    Lower,
    Value,
    number_of,
    optional_of,
    parameter_of,
    part_of,
    signal_of,
)
from polyregions.io.torch_windows import WINDOWS

__all__ = ["ATEN", "DROPPED_AT_THE_END"]

DROPPED_AT_THE_END = frozenset(
    {"argmax.default", "log_softmax.int", "sigmoid.default", "softmax.int"}
)


# sums and products


def _add(arguments: Arguments) -> Value:
    return _combined(arguments, 1.0)


def _sub(arguments: Arguments) -> Value:
    return _combined(arguments, -1.0)


def _combined(arguments: Arguments, sign: float) -> Value:
    first, second = arguments["self"], arguments["other"]
    if arguments.get("alpha", 1) != 1:
        raise UnsupportedOperatorError("a factor alpha is not supported; multiply before")
    if isinstance(first, Signal) and isinstance(second, Signal):
        return lowering.add_signals(first, second, sign)
    if isinstance(first, Signal):
        return lowering.add(first, sign * number_of(second))
    if not isinstance(second, Signal):
        raise UnsupportedOperatorError("it computes with parameters only; export folded weights")
    return lowering.add(second if sign > 0 else extremes.negated(second), number_of(first))


def _rsub(arguments: Arguments) -> Value:
    return _sub({**arguments, "self": arguments["other"], "other": arguments["self"]})


def _mul(arguments: Arguments) -> Value:
    first, second = arguments["self"], arguments["other"]
    if isinstance(first, Signal) and isinstance(second, Signal):
        raise UnsupportedOperatorError("both factors depend on the network's input")
    if isinstance(second, Signal):
        first, second = second, first
    return lowering.multiply(signal_of({"self": first}), number_of(second))


def _div(arguments: Arguments) -> Value:
    if isinstance(arguments["other"], Signal):
        raise UnsupportedOperatorError("it divides by a value that depends on the input")
    return lowering.divide(signal_of(arguments), number_of(arguments["other"]))


def _neg(arguments: Arguments) -> Value:
    return extremes.negated(signal_of(arguments))


def _linear(arguments: Arguments) -> Value:
    weight, bias = parameter_of(arguments, "weight"), optional_of(arguments, "bias")
    if weight.ndim != 2:
        raise UnsupportedOperatorError("its weight must be a matrix")
    result = lowering.matmul_right(signal_of(arguments, "input"), weight.T)
    return result if bias is None else lowering.add(result, bias)


def _matmul(arguments: Arguments) -> Value:
    first, second = arguments["self"], arguments.get("other", arguments.get("mat2"))
    if isinstance(first, Signal) and isinstance(second, np.ndarray):
        return lowering.matmul_right(first, second)
    if isinstance(second, Signal) and isinstance(first, np.ndarray):
        return lowering.matmul_left(first, second)
    raise UnsupportedOperatorError("one factor must be a parameter")


def _addmm(arguments: Arguments) -> Value:
    if arguments.get("alpha", 1) != 1 or arguments.get("beta", 1) != 1:
        raise UnsupportedOperatorError("factors alpha and beta are not supported")
    product = _matmul({"self": arguments["mat1"], "other": arguments["mat2"]})
    return _add({"self": product, "other": arguments["self"]})


def _axes(arguments: Arguments, signal: Signal) -> tuple[int, ...]:
    given = arguments.get("dim")
    axes = range(len(signal.shape)) if not given and given != 0 else np.atleast_1d(given).tolist()
    return tuple(sorted({rearranging.axis_in(signal.shape, axis) for axis in axes}))


def _sum(arguments: Arguments) -> Value:
    signal = signal_of(arguments)
    keep = bool(arguments.get("keepdim", False))
    return lowering.sum_over(signal, _axes(arguments, signal), keep=keep)


def _mean(arguments: Arguments) -> Value:
    signal = signal_of(arguments)
    total = _sum(arguments)
    assert isinstance(total, Signal)
    return lowering.divide(total, np.array(float(signal.size // total.size)))


def _amax(arguments: Arguments) -> Value:
    signal = signal_of(arguments)
    keep = bool(arguments.get("keepdim", False))
    return extremes.largest_over(signal, _axes(arguments, signal), keep=keep)


def _batch_norm(arguments: Arguments) -> Value:
    if arguments["training"] is not False:
        raise UnsupportedOperatorError("it is in training mode; call eval() before the export")
    mean, variance = (parameter_of(arguments, name) for name in ("running_mean", "running_var"))
    scale, shift = (optional_of(arguments, name) for name in ("weight", "bias"))
    return lowering.batch_norm(
        signal_of(arguments, "input"),
        np.ones(len(mean)) if scale is None else scale,
        np.zeros(len(mean)) if shift is None else shift,
        mean,
        variance,
        float(arguments["eps"]),
    )


# units that bend


def _relu(arguments: Arguments) -> Value:
    return lowering.bend(signal_of(arguments), 0.0, 1.0)


def _leaky_relu(arguments: Arguments) -> Value:
    slope = _finite(float(arguments.get("negative_slope", 0.01)))
    return lowering.bend(signal_of(arguments), slope, 1.0)


def _prelu(arguments: Arguments) -> Value:
    signal, slope = signal_of(arguments), parameter_of(arguments, "weight")
    if slope.size > 1:
        axis = 1 if len(signal.shape) > 1 else 0
        if slope.shape != (signal.shape[axis],):
            raise NetworkError(f"slopes of shape {slope.shape} do not fit {signal.shape}")
        slope = slope.reshape(-1, *[1] * (len(signal.shape) - axis - 1))
    return lowering.bend(signal, slope, 1.0)


def _abs(arguments: Arguments) -> Value:
    return lowering.bend(signal_of(arguments), -1.0, 1.0)


def _clip(low: str, high: str, default: tuple[float | None, float | None]) -> Lower:
    def lower(arguments: Arguments) -> Value:
        bounds = [arguments.get(name, d) for name, d in zip((low, high), default, strict=True)]
        ends = [None if b is None or np.isinf(b).all() else number_of(b) for b in bounds]
        return extremes.clip(signal_of(arguments), *ends)

    return lower


def _maximum(arguments: Arguments) -> Value:
    return extremes.maximum([part_of(arguments[name]) for name in ("self", "other")])


def _minimum(arguments: Arguments) -> Value:
    parts = [part_of(arguments[name]) for name in ("self", "other")]
    negated = [extremes.negated(p) if isinstance(p, Signal) else -p for p in parts]
    return extremes.negated(extremes.maximum(negated))


def _finite(slope: float) -> float:
    if not np.isfinite(slope):
        raise NetworkError("a slope is not a finite number")
    return slope


ATEN: dict[str, Lower] = {
    **SHAPES,
    **WINDOWS,
    "abs.default": _abs,
    "add.Tensor": _add,
    "add_.Tensor": _add,
    "addmm.default": _addmm,
    "amax.default": _amax,
    "batch_norm.default": _batch_norm,
    "clamp.Tensor": _clip("min", "max", (None, None)),
    "clamp.default": _clip("min", "max", (None, None)),
    "clamp_.default": _clip("min", "max", (None, None)),
    "clamp_max.default": _clip("", "max", (None, None)),
    "clamp_min.default": _clip("min", "", (None, None)),
    "clip.default": _clip("min", "max", (None, None)),
    "div.Tensor": _div,
    "div_.Tensor": _div,
    "hardtanh.default": _clip("min_val", "max_val", (-1.0, 1.0)),
    "hardtanh_.default": _clip("min_val", "max_val", (-1.0, 1.0)),
    "leaky_relu.default": _leaky_relu,
    "leaky_relu_.default": _leaky_relu,
    "linear.default": _linear,
    "matmul.default": _matmul,
    "max.other": _maximum,
    "maximum.default": _maximum,
    "mean.default": _mean,
    "mean.dim": _mean,
    "min.other": _minimum,
    "minimum.default": _minimum,
    "mm.default": _matmul,
    "mul.Tensor": _mul,
    "mul_.Tensor": _mul,
    "neg.default": _neg,
    "prelu.default": _prelu,
    "relu.default": _relu,
    "relu6.default": _clip("", "", (0.0, 6.0)),
    "relu6_.default": _clip("", "", (0.0, 6.0)),
    "relu_.default": _relu,
    "rsub.Scalar": _rsub,
    "rsub.Tensor": _rsub,
    "sub.Tensor": _sub,
    "sub_.Tensor": _sub,
    "sum.default": _sum,
    "sum.dim_IntList": _sum,
}
