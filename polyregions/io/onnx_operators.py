"""ONNX operators as exact lowering, one function each, and the table of them.

To support an operator, write a function from its inputs to its first output
and add a row to :data:`OPERATORS`. An input is a constant or a
:class:`~polyregions.io.lowering.Signal`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.io import lowering
from polyregions.io.exact_floats import Floats, exact_floats, exact_product
from polyregions.io.lowering import MAX_VALUES, Shape, Signal

__all__ = ["OPERATORS", "Constant", "Node", "Operator", "Value", "supported_operators"]

Constant = NDArray[Any]
Value = Signal | Constant


@dataclass(frozen=True)
class Node:
    """One operator of a graph, free of protobuf."""

    operator: str
    label: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Operator:
    """How an operator is lowered, and the attributes that are understood.

    ``lower`` takes the node and its inputs (None for one that is left out) and
    returns the first output; other outputs have no value.
    """

    lower: Callable[[Node, Sequence[Value | None]], Value]
    attributes: frozenset[str] = frozenset()


def supported_operators() -> tuple[str, ...]:
    """Return the names of the operators that :func:`~polyregions.io.onnx_graph.load_onnx` reads.

    Examples
    --------
    >>> "Gemm" in supported_operators()
    True
    """
    return tuple(sorted(OPERATORS))


def _input(inputs: Sequence[Value | None], index: int) -> Value:
    value = inputs[index] if index < len(inputs) else None
    if value is None:
        raise FormatError(f"input {index} is missing")
    return value


def _constant(inputs: Sequence[Value | None], index: int) -> Constant | None:
    value = inputs[index] if index < len(inputs) else None
    if isinstance(value, Signal):
        raise UnsupportedOperatorError(
            f"input {index} depends on the network's input; only a constant is supported there"
        )
    return value


def _integers(array: Constant) -> tuple[int, ...]:
    if array.dtype.kind not in "iu" or array.ndim > 1:
        raise FormatError("a shape or a list of axes must be integers")
    return tuple(int(entry) for entry in array.reshape(-1))


def _pair(inputs: Sequence[Value | None]) -> tuple[Signal, Floats, bool]:
    """Return the signal, the constant, and whether the signal comes first."""
    first, second = _input(inputs, 0), _input(inputs, 1)
    if isinstance(first, Signal) and isinstance(second, Signal):
        raise UnsupportedOperatorError(
            "both inputs depend on the network's input; one of them must be a constant"
        )
    if isinstance(first, Signal):
        assert not isinstance(second, Signal)
        return first, exact_floats(second, "its constant"), True
    if isinstance(second, Signal):
        return second, exact_floats(first, "its constant"), False
    raise UnsupportedOperatorError(
        "both inputs are constants; fold constants before the export (onnxsim, for instance)"
    )


def _add(node: Node, inputs: Sequence[Value | None]) -> Value:
    signal, constant, _ = _pair(inputs)
    return lowering.add(signal, constant)


def _sub(node: Node, inputs: Sequence[Value | None]) -> Value:
    signal, constant, signal_first = _pair(inputs)
    if signal_first:
        return lowering.add(signal, -constant)
    return lowering.add(lowering.multiply(signal, np.array(-1.0)), constant)


def _mul(node: Node, inputs: Sequence[Value | None]) -> Value:
    signal, constant, _ = _pair(inputs)
    return lowering.multiply(signal, constant)


def _div(node: Node, inputs: Sequence[Value | None]) -> Value:
    signal, constant, signal_first = _pair(inputs)
    if not signal_first:
        raise UnsupportedOperatorError("it divides by a value that depends on the input")
    return lowering.divide(signal, constant)


def _matmul(node: Node, inputs: Sequence[Value | None]) -> Value:
    signal, constant, signal_first = _pair(inputs)
    if signal_first:
        return lowering.matmul_right(signal, constant)
    return lowering.matmul_left(constant, signal)


def _gemm(node: Node, inputs: Sequence[Value | None]) -> Value:
    signal, matrix, signal_first = _pair(inputs[:2])
    if len(signal.shape) != 2 or matrix.ndim != 2:
        raise NetworkError(f"shapes {signal.shape} and {matrix.shape} are not those of matrices")
    transposed = [bool(node.attributes.get(key, 0)) for key in ("transA", "transB")]
    transpose_signal, transpose_matrix = transposed if signal_first else transposed[::-1]
    if transpose_signal:
        signal = _transposed_vector(signal)
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
    shift = _constant(inputs, 2)
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


def _transposed_vector(signal: Signal) -> Signal:
    if 1 not in signal.shape:
        raise UnsupportedOperatorError(f"a transposed signal of shape {signal.shape}")
    return lowering.reshape(signal, signal.shape[::-1])  # a vector keeps its order


def _relu(node: Node, inputs: Sequence[Value | None]) -> Value:
    value = _input(inputs, 0)
    if isinstance(value, Signal):
        return lowering.bend(value, 0.0, 1.0)
    return np.maximum(value, 0)


def _identity(node: Node, inputs: Sequence[Value | None]) -> Value:
    return _input(inputs, 0)


def _dropout(node: Node, inputs: Sequence[Value | None]) -> Value:
    training = _constant(inputs, 2)
    if training is not None and training.any():
        raise UnsupportedOperatorError("it is in training mode; export the model in eval mode")
    return _input(inputs, 0)


def _cast(node: Node, inputs: Sequence[Value | None]) -> Value:
    types = {1: np.float32, 11: np.float64, 6: np.int32, 7: np.int64}
    value = _input(inputs, 0)
    target = types.get(node.attributes.get("to", 0))
    if target is None:
        raise UnsupportedOperatorError("only casts to float, double, int32 and int64 are supported")
    if isinstance(value, Signal):
        # a change of precision, which the rational function does not know
        if not issubclass(target, np.floating):
            raise UnsupportedOperatorError("it casts a value that depends on the input to integers")
        return value
    cast = value.astype(target)
    if value.dtype.kind not in "fiu" or not np.array_equal(cast.astype(value.dtype), value):
        raise UnsupportedOperatorError("it rounds a constant; store the constant as rounded")
    return cast


def _reshaped(value: Value, shape: Shape) -> Value:
    return lowering.reshape(value, shape) if isinstance(value, Signal) else value.reshape(shape)


def _flatten(node: Node, inputs: Sequence[Value | None]) -> Value:
    value = _input(inputs, 0)
    shape = value.shape
    axis = int(node.attributes.get("axis", 1))
    if not -len(shape) <= axis <= len(shape):
        raise FormatError(f"axis {axis} does not exist in shape {shape}")
    axis = axis + len(shape) if axis < 0 else axis
    return _reshaped(value, (math.prod(shape[:axis]), math.prod(shape[axis:])))


def _reshape(node: Node, inputs: Sequence[Value | None]) -> Value:
    value = _input(inputs, 0)
    target = _constant(inputs, 1)
    if target is None:
        raise FormatError("the shape is missing")
    copied = not node.attributes.get("allowzero", 0)
    shape = [
        value.shape[place] if extent == 0 and copied else extent
        for place, extent in enumerate(_integers(target))
    ]
    return _reshaped(value, _resolved(value.shape, shape))


def _resolved(old: Shape, new: Sequence[int]) -> Shape:
    """Return the new shape with its one -1 replaced."""
    known = math.prod(extent for extent in new if extent != -1)
    size = math.prod(old)
    if min(new, default=1) < -1 or new.count(-1) > 1 or (-1 in new and not known):
        raise FormatError(f"the shape {tuple(new)} is malformed")
    shape = tuple(size // known if extent == -1 else extent for extent in new)
    if math.prod(shape) != size:
        raise NetworkError(f"{size} values of shape {old} cannot take the shape {tuple(new)}")
    return shape


def _axes(node: Node, inputs: Sequence[Value | None]) -> tuple[int, ...] | None:
    given = _constant(inputs, 1)
    if given is not None:
        return _integers(given)
    return tuple(node.attributes["axes"]) if "axes" in node.attributes else None


def _squeeze(node: Node, inputs: Sequence[Value | None]) -> Value:
    value = _input(inputs, 0)
    axes = _axes(node, inputs)
    rank = len(value.shape)
    if axes is None:
        dropped = {place for place, extent in enumerate(value.shape) if extent == 1}
    else:
        dropped = {axis + rank if axis < 0 else axis for axis in axes}
    if any(not 0 <= axis < rank or value.shape[axis] != 1 for axis in dropped):
        raise FormatError(f"axes {axes} cannot be squeezed out of shape {value.shape}")
    kept = tuple(extent for place, extent in enumerate(value.shape) if place not in dropped)
    return _reshaped(value, kept)


def _unsqueeze(node: Node, inputs: Sequence[Value | None]) -> Value:
    value = _input(inputs, 0)
    axes = _axes(node, inputs)
    if axes is None:
        raise FormatError("the axes are missing")
    rank = len(value.shape) + len(axes)
    places = {axis + rank if axis < 0 else axis for axis in axes}
    if len(places) != len(axes) or any(not 0 <= place < rank for place in places):
        raise FormatError(f"axes {axes} cannot be added to shape {value.shape}")
    rest = iter(value.shape)
    return _reshaped(value, tuple(1 if place in places else next(rest) for place in range(rank)))


def _constant_node(node: Node, inputs: Sequence[Value | None]) -> Value:
    if len(node.attributes) != 1:
        raise FormatError("a constant needs exactly one value")
    ((key, value),) = node.attributes.items()
    return np.asarray(value, dtype=_CONSTANT_TYPES[key])


def _transpose(node: Node, inputs: Sequence[Value | None]) -> Value:
    value = _constant(inputs, 0)
    if value is None:
        raise FormatError("input 0 is missing")
    return np.transpose(value, node.attributes.get("perm"))


def _shape(node: Node, inputs: Sequence[Value | None]) -> Value:
    return np.array(_input(inputs, 0).shape, dtype=np.int64)


def _gather(node: Node, inputs: Sequence[Value | None]) -> Value:
    data, index = _constant(inputs, 0), _constant(inputs, 1)
    if data is None or index is None or data.size * index.size > MAX_VALUES:
        raise FormatError("its inputs are missing or too large")
    return np.take(data, index, axis=node.attributes.get("axis", 0))


def _concat(node: Node, inputs: Sequence[Value | None]) -> Value:
    parts = [part for i in range(len(inputs)) if (part := _constant(inputs, i)) is not None]
    if sum(part.size for part in parts) > MAX_VALUES:
        raise FormatError("its result is too large")
    return np.concatenate(parts, axis=node.attributes["axis"])


_CONSTANT_TYPES: dict[str, Any] = {
    "value": None,
    "value_float": np.float32,
    "value_floats": np.float32,
    "value_int": np.int64,
    "value_ints": np.int64,
}

OPERATORS: dict[str, Operator] = {
    "Add": Operator(_add),
    "Cast": Operator(_cast, frozenset({"to"})),
    "Concat": Operator(_concat, frozenset({"axis"})),
    "Constant": Operator(_constant_node, frozenset(_CONSTANT_TYPES)),
    "Div": Operator(_div),
    "Dropout": Operator(_dropout, frozenset({"ratio", "seed"})),
    "Flatten": Operator(_flatten, frozenset({"axis"})),
    "Gather": Operator(_gather, frozenset({"axis"})),
    "Gemm": Operator(_gemm, frozenset({"alpha", "beta", "transA", "transB"})),
    "Identity": Operator(_identity),
    "MatMul": Operator(_matmul),
    "Mul": Operator(_mul),
    "Relu": Operator(_relu),
    "Reshape": Operator(_reshape, frozenset({"allowzero"})),
    "Shape": Operator(_shape),
    "Squeeze": Operator(_squeeze, frozenset({"axes"})),
    "Sub": Operator(_sub),
    "Transpose": Operator(_transpose, frozenset({"perm"})),
    "Unsqueeze": Operator(_unsqueeze, frozenset({"axes"})),
}
