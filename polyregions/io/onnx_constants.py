"""ONNX operators on constants alone: folded where the result is exact in floats.

An operator that reads signals as well takes its function from :data:`FOLDS`; the
operators of :data:`ONNX_CONSTANTS` read nothing but constants.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.io.exact_floats import (
    Floats,
    exact_floats,
    exact_matmul,
    exact_product,
    exact_quotient,
    exact_sum,
)
from polyregions.io.lowering import MAX_VALUES, Shape
from polyregions.io.onnx_values import (
    Constant,
    Fold,
    Inputs,
    Node,
    Operator,
    constant_at,
    integers_of,
    onnx_axes,
    value_at,
)
from polyregions.io.rearranging import axis_in

__all__ = ["FOLDS", "ONNX_CONSTANTS"]

# products in one product of matrices
_MAX_PRODUCTS = 2**27


def _given(inputs: Inputs, index: int) -> Constant:
    value = constant_at(inputs, index)
    if value is None:
        raise FormatError(f"input {index} is missing")
    return value


def _result(exact: Floats | None, *inputs: Constant) -> Constant:
    """Return a result as floats, or as integers if all inputs are."""
    if exact is None:
        raise UnsupportedOperatorError(
            f"{'its input is a constant' if len(inputs) == 1 else 'both inputs are constants'} "
            "and the result would be rounded; fold constants before the export "
            "(onnxsim, for instance)"
        )
    if any(array.dtype.kind not in "iu" for array in inputs):
        return np.asarray(exact)
    dtype = np.result_type(*inputs)
    bounds = np.iinfo(dtype)
    if not ((exact >= bounds.min) & (exact < bounds.max + 1)).all():
        raise FormatError(f"its result is no {dtype}; export the model again")
    return np.asarray(exact, dtype=dtype)


def _require_moderate(size: int, *inputs: Constant) -> None:
    """Refuse a result that is larger than its inputs and than a signal may be."""
    if size > max(MAX_VALUES, *(array.size for array in inputs)):
        raise FormatError(f"it makes a constant of {size} entries, which is too large")


def _unary(operation: Callable[[Floats], Floats]) -> Fold:
    """Return the fold of a function that never rounds."""

    def fold(node: Node, inputs: Inputs) -> Constant:
        value = _given(inputs, 0)
        return _result(operation(exact_floats(value, "its constant")), value)

    return fold


def _binary(operation: Callable[[Floats, Floats], Floats | None]) -> Fold:
    """Return the fold of an operator of two or more inputs, from the left."""

    def fold(node: Node, inputs: Inputs) -> Constant:
        total = _given(inputs, 0)
        for index in range(1, len(inputs)):
            pair = total, _given(inputs, index)
            _require_moderate(math.prod(np.broadcast_shapes(*(p.shape for p in pair))), *pair)
            total = _result(operation(*(exact_floats(p, "its constant") for p in pair)), *pair)
        return total

    return fold


def _fold_division(node: Node, inputs: Inputs) -> Constant:
    pair = _given(inputs, 0), _given(inputs, 1)
    if not pair[1].all():
        raise NetworkError("it divides by a constant that has a zero")
    if all(array.dtype.kind in "iu" for array in pair):
        # integers are divided towards zero
        return _binary(lambda a, b: np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b)))(
            node, inputs
        )
    return _binary(exact_quotient)(node, inputs)


def _fold_matmul(node: Node, inputs: Inputs) -> Constant:
    pair = first, second = _given(inputs, 0), _given(inputs, 1)
    shape = _product_shape(first.shape, second.shape)
    _require_moderate(math.prod(shape), *pair)
    if math.prod(shape) * first.shape[-1] > _MAX_PRODUCTS:
        raise FormatError("it multiplies constants that are too large; fold them before the export")
    return _result(exact_matmul(*(exact_floats(p, "its constant") for p in pair)), *pair)


def _product_shape(a: Shape, b: Shape) -> Shape:
    columns = b[-1:] if len(b) > 1 else ()
    return (*np.broadcast_shapes(a[:-2], b[:-2]), *a[-2:-1], *columns)


def _fold_where(node: Node, inputs: Inputs) -> Constant:
    mask, *parts = (_given(inputs, index) for index in range(3))
    _require_moderate(math.prod(np.broadcast_shapes(*(a.shape for a in (mask, *parts)))), *parts)
    return np.where(mask.astype(bool), *parts)


def _fold_comparison(operation: Callable[[Constant, Constant], Any]) -> Fold:
    """Return the fold of an operator with a truth value."""

    def fold(node: Node, inputs: Inputs) -> Constant:
        pair = _given(inputs, 0), _given(inputs, 1)
        _require_moderate(math.prod(np.broadcast_shapes(*(p.shape for p in pair))), *pair)
        return np.asarray(operation(*pair))

    return fold


def _fold_not(node: Node, inputs: Inputs) -> Constant:
    return np.asarray(np.logical_not(_given(inputs, 0)))


def _constant_of_shape(node: Node, inputs: Inputs) -> Constant:
    shape = integers_of(_given(inputs, 0))
    value = np.asarray(node.attributes.get("value", np.zeros(1, np.float32)))
    if value.size != 1 or min(shape, default=0) < 0:
        raise FormatError("its shape is negative or its value is not a single number")
    _require_moderate(math.prod(shape), value)
    return np.full(shape, value.reshape(())[()])


def _fold_range(node: Node, inputs: Inputs) -> Constant:
    numbers = [_given(inputs, index) for index in range(3)]
    if any(number.size != 1 or number.dtype.kind not in "iu" for number in numbers):
        raise UnsupportedOperatorError("only ranges of integers are supported")
    entries = range(*(int(number.reshape(())) for number in numbers))
    _require_moderate(len(entries), *numbers)
    return np.array(entries, dtype=np.result_type(*numbers))


def _fold_size(node: Node, inputs: Inputs) -> Constant:
    return np.array(math.prod(value_at(inputs, 0).shape), dtype=np.int64)


def _reduce_prod(node: Node, inputs: Inputs) -> Constant:
    value = _given(inputs, 0)
    if value.dtype.kind not in "iu" or value.size > MAX_VALUES:
        raise UnsupportedOperatorError("only the product of a few integers is supported")
    given = onnx_axes(node, inputs)
    if not given and node.integer("noop_with_empty_axes", 0):
        return value
    axes = tuple(axis_in(value.shape, axis) for axis in given or range(value.ndim))
    # Python's integers do not overflow
    product = np.prod(value.astype(object), axis=axes)
    if node.integer("keepdims", 1):
        product = np.expand_dims(product, axes)
    return np.asarray(product, dtype=value.dtype)


def _dequantize(node: Node, inputs: Inputs) -> Constant:
    """(x - zero point) times the scale, each number or one per slice of an axis."""
    value, scale, zero = (constant_at(inputs, index) for index in range(3))
    if value is None or scale is None:
        raise FormatError("its input or scale is missing")
    axis = node.integer("axis", 1)
    shape = [1] * value.ndim
    several = scale.size > 1
    if several:
        shape[axis_in(value.shape, axis)] = scale.size
    if several and (scale.ndim > 1 or scale.size != value.shape[axis]):
        raise UnsupportedOperatorError(
            f"a scale of shape {scale.shape} for {value.shape} is not supported, "
            f"only one number or one for each slice of an axis"
        )
    factor, origin = (
        exact_floats(array, "its scale or zero point").reshape(shape if several else ())
        for array in (scale, np.zeros(scale.shape) if zero is None else zero)
    )
    shifted = exact_sum(exact_floats(value, "its input"), -origin)
    return _result(None if shifted is None else exact_product(shifted, factor), scale)


FOLDS: dict[str, Fold] = {
    "Abs": _unary(np.abs),
    "Add": _binary(exact_sum),
    "Div": _fold_division,
    "Greater": _fold_comparison(np.greater),
    "GreaterOrEqual": _fold_comparison(np.greater_equal),
    "Less": _fold_comparison(np.less),
    "LessOrEqual": _fold_comparison(np.less_equal),
    "MatMul": _fold_matmul,
    "Max": _binary(np.maximum),
    "Min": _binary(np.minimum),
    "Mul": _binary(exact_product),
    "Neg": _unary(np.negative),
    "Not": _fold_not,
    "Relu": _unary(lambda x: np.maximum(x, 0.0)),
    "Sub": _binary(lambda a, b: exact_sum(a, -b)),
    "Sum": _binary(exact_sum),
    "Where": _fold_where,
}

ONNX_CONSTANTS: dict[str, Operator] = {
    "And": Operator(_fold_comparison(np.logical_and)),
    "Ceil": Operator(_unary(np.ceil)),
    "ConstantOfShape": Operator(_constant_of_shape, frozenset({"value"})),
    "DequantizeLinear": Operator(_dequantize, frozenset({"axis"})),
    "Equal": Operator(_fold_comparison(np.equal)),
    "Floor": Operator(_unary(np.floor)),
    "Or": Operator(_fold_comparison(np.logical_or)),
    "Range": Operator(_fold_range),
    "ReduceProd": Operator(_reduce_prod, frozenset({"axes", "keepdims", "noop_with_empty_axes"})),
    "Size": Operator(_fold_size),
}
