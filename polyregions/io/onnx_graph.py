"""ONNX graphs, operator by operator, through exact lowering.

A graph is read as the rational function that its operators and constants
define: ReLU, products and sums of real numbers. Only the nodes that the output
depends on are read. The only runtime needed is the ``onnx`` package itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.io import lowering
from polyregions.io.files import import_extra, read_bytes, regular_file
from polyregions.io.lowering import DroppedOperatorWarning, Shape, Signal
from polyregions.io.onnx_operators import DROPPED_AT_THE_END, OPERATORS, require_supported
from polyregions.io.onnx_values import Constant, Node, Value
from polyregions.network import Network

__all__ = ["load_onnx"]

# Add and Gemm broadcast differently before
_OLDEST_OPSET = 7


def load_onnx(path: str | Path, *, name: str | None = None) -> Network:
    """Read a piecewise-linear network from an ONNX file.

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
        :func:`polyregions.io.lowering.divide`. Softmax, LogSoftmax, Sigmoid and ArgMax
        are left out at the very end of the graph, with a warning.

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
    be topological. A value is a constant or a :class:`Signal`; each operator makes a
    new signal, and the layers are laid out from the output's signal at the end.
    """
    onnx = import_extra("onnx", "onnx", "reading ONNX")
    file = regular_file(path)
    model = _parse(onnx, file)
    try:
        return _read_graph(onnx, model, file.parent, file.stem if name is None else name)
    except (FormatError, NetworkError, UnsupportedOperatorError) as error:
        raise type(error)(f"{file}: {error}") from None


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
    output = kept_output(graph, graph.output[0].name, warn=True)
    nodes = _needed_nodes(onnx, graph, output)
    for node in nodes:
        require_supported(node)
    values: dict[str, Value] = _initial_values(onnx, graph, nodes, output, folder)
    for node in nodes:
        _evaluate(node, values)
    result = values.get(output)
    if not isinstance(result, Signal):
        raise FormatError(f"the output {output!r} does not depend on the input; export it again")
    return lowering.to_network(result, name)


def kept_output(graph: Any, output: str, *, warn: bool = False) -> str:
    """Return the name of the value before a softmax and the like at the very end."""
    makers = {name: proto for proto in graph.node for name in proto.output}
    seen = {output}
    while (maker := makers.get(output)) is not None:
        if maker.op_type not in DROPPED_AT_THE_END or maker.domain not in ("", "ai.onnx"):
            break
        if not maker.input or maker.input[0] in seen:
            break
        output = maker.input[0]
        seen.add(output)
        if warn:
            warnings.warn(
                f"the last operator {maker.op_type} is left out: regions are those of the values "
                f"{output!r} that it reads",
                DroppedOperatorWarning,
                stacklevel=2,
            )
    return output


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
        value = OPERATORS[node.operator].lower(node, inputs)
    except (NetworkError, FormatError, UnsupportedOperatorError) as error:
        raise type(error)(f"operator {node.label}: {error}") from None
    except (TypeError, ValueError, IndexError, OverflowError, AttributeError):
        # attributes and shapes of the wrong kind in a malformed file
        raise FormatError(
            f"operator {node.label} has malformed inputs or attributes; export the model again"
        ) from None
    results = value if isinstance(value, tuple) else (value,)
    # further outputs, such as the mask of a dropout, have no value
    values.update(zip(node.outputs, results, strict=False))
