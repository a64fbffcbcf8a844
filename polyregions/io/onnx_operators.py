"""ONNX operators that compute: sums, products, activations, comparisons, sorting.

A function of a table takes the inputs of a node, in order, and its attributes by name; an
attribute that it does not name is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Any

import numpy as np

from polyregions.errors import NetworkError, UnsupportedOperatorError
from polyregions.io import algebra, comparisons, lowering, rearranging
from polyregions.io.algebra import Constant, Operand, Value
from polyregions.io.exact_floats import Floats, exact_floats, exact_product, exact_sum
from polyregions.io.onnx_shapes import integers_of
from polyregions.io.signals import MAX_VALUES

__all__ = ["ONNX_COMPUTING"]


def _sum(*parts: Operand) -> Value:
    return reduce(algebra.added, parts[1:], algebra.value_of(parts[0]))


def _div(first: Operand, second: Operand, /) -> Value:
    pair = [v for v in (first, second) if isinstance(v, np.ndarray) and v.dtype.kind in "iu"]
    if len(pair) < 2 or not pair[1].all():
        return algebra.divided(first, second)
    # integers are divided towards zero
    return algebra.folded(lambda a, b: np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b)), *pair)


def _gemm(
    first: Operand,
    second: Operand,
    shift: Operand | None = None,
    /,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,
    transB: int = 0,
) -> Value:
    factors = [algebra.value_of(first), algebra.value_of(second)]
    if any(len(factor.shape) != 2 for factor in factors):
        shapes = " and ".join(str(factor.shape) for factor in factors)
        raise NetworkError(f"shapes {shapes} are not those of matrices")
    turned = [
        rearranging.rearranged(factor, np.transpose) if turn else factor
        for factor, turn in zip(factors, (transA, transB), strict=True)
    ]
    result = algebra.multiplied(algebra.product(*turned), alpha)
    if shift is None:
        return result
    bias = algebra.multiplied(shift, beta)
    if np.broadcast_shapes(result.shape, bias.shape) != result.shape:
        raise NetworkError(f"a bias of shape {bias.shape} does not fit {result.shape}")
    return algebra.added(result, bias)


def _batch_norm(
    data: Operand,
    /,
    *statistics: Operand,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    training_mode: int = 0,
    spatial: int = 1,
) -> Value:
    if training_mode or spatial != 1:
        raise UnsupportedOperatorError("it is in training mode; export the model in eval mode")
    scale, shift, mean, variance = (algebra.numbers_of(s, "a statistic") for s in statistics)
    rounded = float(np.float32(epsilon))
    return lowering.batch_norm(algebra.signal_of(data), scale, shift, mean, variance, rounded)


def _scaler(
    data: Operand, /, *, offset: Sequence[float] = (), scale: Sequence[float] = ()
) -> Value:
    """(x - offset) * scale, each one number or one per feature."""
    value = algebra.value_of(data)
    numbers = [np.array(given, dtype=np.float64) for given in (offset, scale)]
    for what, given in zip(("offset", "scale"), numbers, strict=True):
        if given.size not in (1, value.shape[-1]):
            raise NetworkError(f"its {what} of {given.size} numbers does not fit {value.shape}")
    return algebra.multiplied(algebra.added(value, numbers[0], -1.0), numbers[1])


def _reduction(over: Callable[..., Value]) -> Callable[..., Value]:
    """Return the operator that reduces axes, which older models have as an attribute."""

    def reduced(
        data: Operand,
        /,
        axes: Operand | Sequence[int] | None = None,
        *,
        keepdims: int = 1,
        noop_with_empty_axes: int = 0,
    ) -> Value:
        value = algebra.value_of(data)
        given = () if axes is None else integers_of(axes)
        if not given and not noop_with_empty_axes:
            given = tuple(range(len(value.shape)))
        places = {rearranging.axis_in(value.shape, axis) for axis in given}
        return over(value, tuple(sorted(places)), keep=bool(keepdims))

    return reduced


def _product_over(value: Value, axes: tuple[int, ...], *, keep: bool) -> Constant:
    array = algebra.constant_of(value)
    if array.dtype.kind not in "iu" or array.size > MAX_VALUES:
        raise UnsupportedOperatorError("only the product of a few integers is supported")
    # Python's integers do not overflow
    result = np.prod(array.astype(object), axis=axes, keepdims=keep)
    return np.asarray(result, dtype=array.dtype)


def _prelu(data: Operand, slope: Operand, /) -> Value:
    value, slopes = algebra.value_of(data), algebra.numbers_of(slope, "its slope")
    # the slope broadcasts in one direction only
    if np.broadcast_shapes(value.shape, slopes.shape) != value.shape:
        raise NetworkError(f"slopes of shape {slopes.shape} do not fit {value.shape}")
    return algebra.bent(value, slopes, 1.0)


def _clip(
    data: Operand, /, min: Operand | float | None = None, max: Operand | float | None = None
) -> Value:
    bounds = [None if bound is None else algebra.constant_of(bound) for bound in (min, max)]
    if any(bound is not None and bound.size != 1 for bound in bounds):
        raise NetworkError("its bounds must be single numbers")
    return algebra.clipped(
        data, *(None if bound is None else bound.reshape(()) for bound in bounds)
    )


def _hard_sigmoid(data: Operand, /, *, alpha: float = 0.2, beta: float = 0.5) -> Value:
    # attributes are float32; the defaults are written as decimals in the specification
    line = algebra.added(algebra.multiplied(data, np.float32(alpha)), np.float32(beta))
    return algebra.clipped(line, 0.0, 1.0)


def _thresholded_relu(data: Operand, /, *, alpha: float = 1.0) -> Value:
    if alpha != 0:
        raise UnsupportedOperatorError(f"it jumps at alpha = {alpha!s}; only alpha = 0 does not")
    return algebra.bent(data, 0.0, 1.0)


def _shrink(data: Operand, /, *, bias: float = 0.0, lambd: float = 0.5) -> Value:
    """Return x + bias below -lambd, x - bias above lambd, and 0 between."""
    if bias != lambd or not 0 <= bias < np.inf:
        raise UnsupportedOperatorError(
            f"it jumps at lambd = {lambd!s} with bias = {bias!s}; "
            f"only the continuous one with bias = lambd is supported"
        )
    return comparisons.shrunk(algebra.signal_of(data), bias)


def _top_k(
    data: Operand, /, k: Operand | int, *, axis: int = -1, largest: int = 1, sorted: int = 1
) -> Value:
    """Return the largest or smallest values in order, but not their places."""
    signal, (count, *_) = algebra.signal_of(data), integers_of(k)
    axis = rearranging.axis_in(signal.shape, axis)
    if not 1 <= count <= signal.shape[axis]:
        raise NetworkError(f"it takes {count} of {signal.shape[axis]} values")
    places = slice(None, -count - 1, -1) if largest else slice(count)
    return rearranging.part_along(comparisons.ordered(signal, axis), axis, places)


def _einsum(*operands: Operand, equation: str) -> Value:
    return algebra.einsum(equation, [algebra.entries_of(operand) for operand in operands])


def _dequantize(
    data: Operand, scale: Operand, zero: Operand | None = None, /, *, axis: int = 1
) -> Value:
    """(x - zero point) times the scale, each number or one per slice of an axis."""
    value, factor = algebra.constant_of(data), algebra.numbers_of(scale, "its scale")
    origin = np.zeros(factor.shape) if zero is None else algebra.numbers_of(zero, "its zero point")
    if factor.size > 1:
        place = rearranging.axis_in(value.shape, axis)
        if factor.ndim > 1 or factor.size != value.shape[place]:
            raise UnsupportedOperatorError(
                f"a scale of shape {factor.shape} for {value.shape} is not supported, "
                f"only one number or one for each slice of an axis"
            )
        along = (-1, *[1] * (value.ndim - place - 1))
    else:
        along = ()

    def numbers(entries: Floats) -> Floats | None:
        shifted = exact_sum(entries, -origin.reshape(along))
        return None if shifted is None else exact_product(shifted, factor.reshape(along))

    return algebra.folded(numbers, exact_floats(value, "its input"))


def _of_constants(operation: np.ufunc) -> Callable[..., Operand]:
    return lambda first, second, /: algebra.compared(
        operation, algebra.constant_of(first), algebra.constant_of(second)
    )


def _rounded(rounding: Callable[[Floats], Floats]) -> Callable[..., Value]:
    return lambda data, /: algebra.folded(rounding, algebra.constant_of(data))


ONNX_COMPUTING: dict[str, Callable[..., Any]] = {
    "Abs": lambda data, /: algebra.bent(data, -1.0, 1.0),
    "Add": _sum,
    "And": _of_constants(np.logical_and),
    "BatchNormalization": _batch_norm,
    "Ceil": _rounded(np.ceil),
    "Clip": _clip,
    "DequantizeLinear": _dequantize,
    "Div": _div,
    "Einsum": _einsum,
    "Equal": _of_constants(np.equal),
    "Floor": _rounded(np.floor),
    "Gemm": _gemm,
    "Greater": partial(algebra.compared, np.greater),
    "GreaterOrEqual": partial(algebra.compared, np.greater_equal),
    "HardSigmoid": _hard_sigmoid,
    # attributes are float32; the default is written as a decimal in the specification
    "LeakyRelu": lambda data, /, *, alpha=0.01: algebra.bent(data, np.float32(alpha), 1.0),
    "Less": partial(algebra.compared, np.less),
    "LessOrEqual": partial(algebra.compared, np.less_equal),
    "MatMul": algebra.product,
    "Max": lambda *parts: algebra.greatest(parts),
    "Mean": lambda *parts: algebra.divided(_sum(*parts), float(len(parts))),
    "Min": lambda *parts: algebra.least(parts),
    "Mul": algebra.multiplied,
    "Neg": lambda data, /: algebra.multiplied(data, np.int8(-1)),
    "Not": algebra.opposite,
    "Or": _of_constants(np.logical_or),
    "PRelu": _prelu,
    "ReduceL1": _reduction(
        lambda v, axes, keep: algebra.total_over(algebra.bent(v, -1.0, 1.0), axes, keep=keep)
    ),
    "ReduceMax": _reduction(
        lambda v, axes, keep: algebra.extreme_over(v, axes, keep=keep, largest=True)
    ),
    "ReduceMean": _reduction(algebra.mean_over),
    "ReduceMin": _reduction(
        lambda v, axes, keep: algebra.extreme_over(v, axes, keep=keep, largest=False)
    ),
    "ReduceProd": _reduction(_product_over),
    "ReduceSum": _reduction(algebra.total_over),
    "Relu": lambda data, /: algebra.bent(data, 0.0, 1.0),
    "Shrink": _shrink,
    "Sub": lambda first, second, /: algebra.added(first, second, -1.0),
    "Sum": _sum,
    "ThresholdedRelu": _thresholded_relu,
    "TopK": _top_k,
    "Where": algebra.chosen,
    "ai.onnx.ml.Scaler": _scaler,
}
