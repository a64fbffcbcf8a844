"""ONNX graphs, operator by operator, through exact lowering.

A graph is read as the rational function that its operators and constants
define: ReLU, products and sums of real numbers. Only the nodes that the output
depends on are read. The only runtime needed is the ``onnx`` package itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.io import lowering
from polyregions.io.files import import_extra, read_bytes, regular_file
from polyregions.io.lowering import MAX_VALUES, Floats, Shape, Signal, exact_floats
from polyregions.network import Network

__all__ = ["load_onnx", "supported_operators"]

Constant = NDArray[Any]
Value = Signal | Constant

# Add and Gemm broadcast differently before
_OLDEST_OPSET = 7


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


def load_onnx(path: str | Path, *, name: str | None = None) -> Network:
    """Read a multi-layer perceptron from an ONNX file.

    The input may have any shape; it is flattened to n values in C order. A
    first dimension without a fixed size is a batch and counts as 1. A fixed
    first dimension larger than 1 belongs to the input.

    Parameters
    ----------
    path : str or Path
    name : str, optional
        Name of the network; by default that of the file.

    Returns
    -------
    Network
        The rational function of the graph's constants. Operators that cannot
        be merged without rounding become pass-through layers. A division by a
        constant that is no power of two warns, see
        :func:`polyregions.io.lowering.divide`.

    Raises
    ------
    MissingExtraError
        If the package ``onnx`` is not installed.
    FormatError
        If the file is missing, truncated, not ONNX, or its graph is broken.
    UnsupportedOperatorError
        If the output depends on an operator without an exact form here.
    NetworkError
        If the graph makes no network: shapes, numbers, no hidden unit.

    Notes
    -----
    *Algorithm*: nodes are visited in the file's order, which ONNX requires to
    be topological. A value is a constant or a :class:`Signal`, a chain of
    layers; each operator extends the chain of its input.
    """
    onnx = import_extra("onnx", "onnx", "reading ONNX")
    file = regular_file(path)
    model = _parse(onnx, file)
    try:
        return _read_graph(onnx, model, file.parent, file.stem if name is None else name)
    except (FormatError, NetworkError, UnsupportedOperatorError) as error:
        raise type(error)(f"{file}: {error}") from None


def supported_operators() -> tuple[str, ...]:
    """Return the names of the operators that :func:`load_onnx` reads.

    Examples
    --------
    >>> "Gemm" in supported_operators()
    True
    """
    return tuple(sorted(_OPERATORS))


def _parse(onnx: Any, file: Path) -> Any:
    data = read_bytes(file)
    try:
        model = onnx.load_model_from_string(data)
    # protobuf has several errors of its own for damaged input
    except Exception:
        model = None
    if model is None or not model.HasField("graph"):
        raise FormatError(
            f"{file} is not a readable ONNX model; it may be truncated: copy or export it again"
        )
    return model


def _read_graph(onnx: Any, model: Any, folder: Path, name: str) -> Network:
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    if not versions:
        raise FormatError("the model names no operator set; it may be truncated: export it again")
    if min(versions) < _OLDEST_OPSET:
        raise FormatError(
            f"the model uses operator set {min(versions)}; "
            f"convert it to {_OLDEST_OPSET} or later with onnx.version_converter"
        )
    graph = model.graph
    if len(graph.output) != 1:
        raise FormatError(
            f"the graph has {len(graph.output)} outputs; export a model with exactly one"
        )
    output = graph.output[0].name
    nodes = _needed_nodes(onnx, graph, output)
    for node in nodes:
        _require_supported(node)
    values: dict[str, Value] = _initial_values(onnx, graph, nodes, output, folder)
    for node in nodes:
        _evaluate(node, values)
    result = values.get(output)
    if not isinstance(result, Signal):
        raise FormatError(f"the output {output!r} does not depend on the input; export it again")
    return lowering.to_network(result, name)


def _needed_nodes(onnx: Any, graph: Any, output: str) -> list[Node]:
    """Return the nodes that the output depends on, in the file's order."""
    needed = {output}
    nodes = []
    for proto in reversed(graph.node):
        if needed.isdisjoint(set(proto.output) - {""}):
            continue
        needed.update(proto.input)
        nodes.append(_node(onnx, proto))
    return nodes[::-1]


def _node(onnx: Any, proto: Any) -> Node:
    operator = proto.op_type
    if proto.domain not in ("", "ai.onnx"):
        operator = f"{proto.domain}.{operator}"
    label = f"{operator} (node {proto.name or 'that computes ' + (list(proto.output) or ['?'])[0]})"
    attributes = {}
    for attribute in proto.attribute:
        try:
            value = onnx.helper.get_attribute_value(attribute)
        except Exception:
            raise FormatError(f"attribute {attribute.name!r} of {label} is malformed") from None
        if attribute.type == onnx.AttributeProto.TENSOR:
            value = _array(onnx, value, None)
        attributes[attribute.name] = value
    return Node(operator, label, tuple(proto.input), tuple(proto.output), attributes)


def _require_supported(node: Node) -> None:
    operator = _OPERATORS.get(node.operator)
    if operator is None:
        raise UnsupportedOperatorError(
            f"operator {node.label} is not supported; supported are "
            f"{', '.join(supported_operators())}"
        )
    unknown = sorted(set(node.attributes) - operator.attributes)
    if unknown:
        raise UnsupportedOperatorError(
            f"attribute {unknown[0]!r} of operator {node.label} is not supported; "
            f"supported are {', '.join(sorted(operator.attributes)) or 'none'}"
        )


def _initial_values(
    onnx: Any, graph: Any, nodes: Sequence[Node], output: str, folder: Path
) -> dict[str, Value]:
    if len(graph.sparse_initializer):
        raise FormatError("the graph has sparse initializers; export it with dense ones")
    stored = {tensor.name: tensor for tensor in graph.initializer}
    inputs = [entry for entry in graph.input if entry.name not in stored]
    if len(inputs) != 1:
        names = ", ".join(entry.name for entry in inputs) or "none"
        raise FormatError(f"the graph needs exactly one input, but has {len(inputs)} ({names})")
    read = {output, *(name for node in nodes for name in node.inputs)}
    values: dict[str, Value] = {
        name: _array(onnx, stored[name], folder) for name in sorted(read & stored.keys())
    }
    values[inputs[0].name] = lowering.source(_input_shape(onnx, inputs[0]))
    return values


def _input_shape(onnx: Any, entry: Any) -> Shape:
    tensor = entry.type.tensor_type
    if not entry.type.HasField("tensor_type") or not tensor.HasField("shape"):
        raise FormatError(f"input {entry.name!r} has no shape; export the model with one")
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16)
    if tensor.elem_type not in floats:
        raise FormatError(f"input {entry.name!r} is not of a floating-point type")
    sizes = [dim.dim_value for dim in tensor.shape.dim]
    if len(sizes) > 1 and sizes[0] <= 0:
        sizes[0] = 1  # a batch of one point
    if not sizes or min(sizes) <= 0:
        raise FormatError(
            f"input {entry.name!r} has the dynamic shape "
            f"{[dim.dim_value or dim.dim_param or '?' for dim in tensor.shape.dim]}; "
            f"only the first of several dimensions may be dynamic: export with fixed sizes"
        )
    return tuple(int(size) for size in sizes)


def _array(onnx: Any, tensor: Any, folder: Path | None) -> Constant:
    if any(extent < 0 for extent in tensor.dims):
        raise FormatError(f"constant {tensor.name!r} has a negative dimension")
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        tensor = _with_external_data(onnx, tensor, folder)
    try:
        array: Constant = np.asarray(onnx.numpy_helper.to_array(tensor))
    except Exception:
        raise FormatError(
            f"constant {tensor.name!r} does not hold the data of its shape {list(tensor.dims)}; "
            f"the file may be damaged: export it again"
        ) from None
    return array


def _with_external_data(onnx: Any, tensor: Any, folder: Path | None) -> Any:
    """Return a copy of a tensor whose data are read from the file beside the model."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    relative = Path(location)
    if folder is None or not location or relative.is_absolute() or ".." in relative.parts:
        raise FormatError(
            f"constant {tensor.name!r} is stored in {location!r}, which is no file beside the "
            f"model; save the model with its weights inside"
        )
    try:
        data = read_bytes(folder / relative)
        start = int(entries.get("offset", 0))
        length = int(entries.get("length", len(data) - start))
    except ValueError as error:  # a FormatError is one too
        raise FormatError(
            f"constant {tensor.name!r} is stored outside the model in {location!r}, which cannot "
            f"be read ({error}); put that file beside the model"
        ) from None
    if not 0 <= start <= start + length <= len(data):
        raise FormatError(f"{location!r} ends before the data of constant {tensor.name!r}")
    copy = onnx.TensorProto()
    copy.name, copy.data_type = tensor.name, tensor.data_type
    copy.dims.extend(tensor.dims)
    copy.raw_data = data[start : start + length]
    return copy


def _evaluate(node: Node, values: dict[str, Value]) -> None:
    inputs: list[Value | None] = []
    for name in node.inputs:
        if name and name not in values:
            raise FormatError(
                f"operator {node.label} reads {name!r}, which nothing before it computes"
            )
        inputs.append(values[name] if name else None)
    try:
        value = _OPERATORS[node.operator].lower(node, inputs)
    except (NetworkError, FormatError, UnsupportedOperatorError) as error:
        raise type(error)(f"operator {node.label}: {error}") from None
    except (TypeError, ValueError, IndexError, OverflowError, AttributeError):
        # attributes and shapes of the wrong kind in a malformed file
        raise FormatError(
            f"operator {node.label} has malformed inputs or attributes; export the model again"
        ) from None
    values[node.outputs[0]] = value


# --- operators ---------------------------------------------------------------


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
    product = lowering.exact_product(shift, np.array(beta))
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

_OPERATORS: dict[str, Operator] = {
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
