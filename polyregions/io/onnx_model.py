"""ONNX files: their tensors, perhaps in other files; nodes that outputs need; and writing them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from polyregions.arrays import Floats
from polyregions.errors import FormatError
from polyregions.files.atomic import atomic_write
from polyregions.files.reading import import_extra, read_bytes, regular_file, unpacked
from polyregions.io.algebra import Constant
from polyregions.io.outputs import Maker, Output, chosen_outputs, kept_outputs
from polyregions.network import Network

__all__ = [
    "DROPPED_NODES",
    "Node",
    "array_of",
    "kept_values",
    "needed_nodes",
    "node_of",
    "parse_model",
    "save_onnx",
    "whole_tensor",
]

# they keep the regions of what they read: each is injective up to a shift, or only
# compares outputs, and none has a hyperplane of its own before the last layer
DROPPED_NODES = ("ArgMax", "LogSoftmax", "Sigmoid", "Softmax")

# what classifiers do to labels and probabilities after that: they name, move or round
# them, and make two of one (1 - p beside p)
_FOLLOWING = (
    "ArrayFeatureExtractor",
    "Binarizer",
    "Cast",
    "Concat",
    "Flatten",
    "Gather",
    "Greater",
    "GreaterOrEqual",
    "Identity",
    "LabelEncoder",
    "Normalizer",
    "Reshape",
    "Squeeze",
    "Sub",
    "Unsqueeze",
    "ZipMap",
)

_OPSET = 16  # the first whose PRelu onnxruntime has in double precision
_IR_VERSION = 8  # that of onnx 1.11, the first with this operator set


def parse_model(onnx: Any, file: Path) -> Any:
    """Return the model that a file holds, perhaps compressed; external data are not read.

    Raises
    ------
    FormatError
        If the file cannot be read, or holds no model.
    """
    data = unpacked(read_bytes(file), str(file))
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


def array_of(onnx: Any, tensor: Any, folder: Path | None) -> Constant:
    """Return the array that a tensor holds.

    Parameters
    ----------
    folder : Path or None
        Where the model lies: external data are read from files in it, and nowhere else.

    Raises
    ------
    FormatError
        If the data are damaged, missing, or stored elsewhere.
    """
    if any(extent < 0 for extent in tensor.dims):
        raise FormatError(f"constant {tensor.name!r} has a negative dimension")
    tensor = whole_tensor(onnx, tensor, folder)
    try:
        array: Constant = np.asarray(onnx.numpy_helper.to_array(tensor))
    except Exception:
        raise FormatError(
            f"constant {tensor.name!r} does not hold the data of its shape {list(tensor.dims)}; "
            f"the file may be damaged: export it again"
        ) from None
    return array


def whole_tensor(onnx: Any, tensor: Any, folder: Path | None) -> Any:
    """Return a tensor with its data inside, read from a file in the folder if need be.

    Raises
    ------
    FormatError
        If the data are missing or stored elsewhere.
    """
    if tensor.data_location != onnx.TensorProto.EXTERNAL:
        return tensor
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    file = _path_inside(folder, location)
    if file is None:
        raise FormatError(
            f"constant {tensor.name!r} is stored in {location!r}, which is no file beside the "
            f"model; save the model with its weights inside"
        )
    try:
        size = regular_file(file).stat().st_size
        start = int(entries.get("offset", 0))
        length = int(entries.get("length", size - start))
        whole = 0 <= start <= start + length <= size
        with file.open("rb") as stream:
            stream.seek(start if whole else 0)
            data = stream.read(length if whole else 0)
    except (ValueError, OSError) as error:  # a FormatError is a ValueError too
        raise FormatError(
            f"constant {tensor.name!r} is stored outside the model in {location!r}, which cannot "
            f"be read ({error}); put that file beside the model"
        ) from None
    if not whole:
        raise FormatError(f"{location!r} ends before the data of constant {tensor.name!r}")
    copy = onnx.TensorProto()
    copy.name, copy.data_type = tensor.name, tensor.data_type
    copy.dims.extend(tensor.dims)
    copy.raw_data = data
    return copy


def _path_inside(folder: Path | None, location: str) -> Path | None:
    """Return the path of a file in a folder, links followed, or None if it is elsewhere."""
    try:
        if folder is None or not location or not (relative := Path(location)).parts:
            return None
        file = (folder / relative).resolve()
        return file if file.is_relative_to(folder.resolve()) else None
    except (OSError, ValueError, RuntimeError):  # a zero byte, a circle of links
        return None


@dataclass(frozen=True)
class Node:
    """One operator of a graph, free of protobuf.

    Attributes that are texts are str, those that are lists are lists.
    """

    operator: str
    label: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


def node_of(onnx: Any, proto: Any) -> Node:
    """Return a node with its attributes.

    Raises
    ------
    FormatError
        If an attribute is malformed.
    """
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
            value = array_of(onnx, value, None)
        elif isinstance(value, bytes):
            value = value.decode("ascii", "replace")
        attributes[attribute.name] = value
    return Node(operator, label, tuple(proto.input), tuple(proto.output), attributes)


# --- outputs -----------------------------------------------------------------


def kept_values(
    onnx: Any, graph: Any, output: str | int | None
) -> tuple[tuple[str, ...], list[UserWarning]]:
    """Return the names of the values that are read as the network's output, and what to say.

    Parameters
    ----------
    output : str, int or None
        The name or number of one output; None for all that hold real numbers.

    Raises
    ------
    FormatError
        If there is no such output; see also :func:`~polyregions.io.outputs.kept_outputs`.
    """
    entries = {entry.name: entry for entry in graph.output}
    names = [entry.name for entry in graph.output]
    chosen = [Output(names[k], names[k]) for k in chosen_outputs(names, output)]
    makers = _makers(graph)
    constants = {tensor.name for tensor in graph.initializer} | {
        name for name, proto in makers.items() if proto.op_type == "Constant"
    }

    def maker_of(value: str) -> Maker | None:
        proto = makers.get(value)
        if proto is None or proto.domain not in ("", "ai.onnx", "ai.onnx.ml") or not proto.input:
            return None
        if proto.op_type in DROPPED_NODES:
            return Maker(proto.op_type, (proto.input[0],), left_out=True)
        read = tuple(name for name in proto.input if name not in constants)
        return Maker(proto.op_type, read, left_out=False) if proto.op_type in _FOLLOWING else None

    return kept_outputs(
        chosen, maker_of, lambda value: len(chosen) == 1 or _holds_reals(onnx, entries[value])
    )


def _holds_reals(onnx: Any, entry: Any) -> bool:
    """Whether an output holds real numbers, as far as the graph says."""
    if not entry.HasField("type"):
        return True
    kind = onnx.TensorProto
    floats = (kind.UNDEFINED, kind.FLOAT, kind.DOUBLE, kind.FLOAT16, kind.BFLOAT16)
    return entry.type.HasField("tensor_type") and entry.type.tensor_type.elem_type in floats


def needed_nodes(graph: Any, values: Iterable[str]) -> list[Any]:
    """Return the nodes that values depend on, each after those that it reads.

    Raises
    ------
    FormatError
        If nodes depend on each other, or one value is computed twice.

    Notes
    -----
    *Algorithm*: a depth-first search from the values, so the order does not depend on that
    of the file.
    """
    makers = _makers(graph)
    ordered: list[Any] = []
    done: set[int] = set()
    under_way: set[int] = set()
    stack = [(makers[name], False) for name in values if name in makers][::-1]
    while stack:
        proto, inputs_done = stack.pop()
        if inputs_done:
            ordered.append(proto)
            done.add(id(proto))
        elif id(proto) in under_way and id(proto) not in done:
            raise FormatError("its nodes read each other in a circle; export the model again")
        elif id(proto) not in done:
            under_way.add(id(proto))
            stack.append((proto, True))
            stack.extend((makers[name], False) for name in reversed(proto.input) if name in makers)
    return ordered


def _makers(graph: Any) -> dict[str, Any]:
    """Return the node that computes each value."""
    taken = {entry.name for entry in (*graph.input, *graph.initializer)}
    makers: dict[str, Any] = {}
    for proto in graph.node:
        for name in proto.output:
            if not name:
                continue
            if name in taken:
                raise FormatError(f"two of its values are called {name!r}; export the model again")
            taken.add(name)
            makers[name] = proto
    return makers


def save_onnx(network: Network, path: Path) -> None:
    """Write a network as an ONNX graph; see :func:`polyregions.io.save_network`.

    Notes
    -----
    *Algorithm.* A Gemm per layer. Units are a Relu where all of a layer are, a PRelu where the
    slopes above zero of those that bend are 1, with slope 1 below for those that do not. Other
    slopes multiply the positive and the negative part, and are read back as two units.
    """
    onnx = import_extra("onnx", "onnx", "writing ONNX")
    nodes: list[Any] = []
    tensors: list[Any] = []

    def constant(name: str, values: Floats) -> str:
        tensors.append(onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(operator: str, name: str, *inputs: str, **attributes: Any) -> str:
        nodes.append(
            onnx.helper.make_node(operator, list(inputs), [name], name=f"{name}_node", **attributes)
        )
        return name

    value = "input"
    for place, layer in enumerate(network.layers):
        weight = constant(f"W{place}", layer.weight)
        bias = constant(f"b{place}", layer.bias)
        value = node("Gemm", f"z{place}", value, weight, bias, transB=1)
        straight = layer.lower == layer.upper
        scale = np.where(straight, layer.upper, 1.0)
        if (layer.lower == 0).all() and (layer.upper == 1).all():
            value = node("Relu", f"y{place}", value)
        elif (straight | (layer.upper == 1)).all():
            if not straight.all():
                slopes = constant(f"slopes{place}", np.where(straight, 1.0, layer.lower))
                value = node("PRelu", f"y{place}", value, slopes)
            if (scale != 1).any():
                value = node("Mul", f"s{place}", value, constant(f"scale{place}", scale))
        else:
            upper, lower = (
                constant(f"upper{place}", layer.upper),
                constant(f"lower{place}", -layer.lower),
            )
            above = node("Mul", f"above{place}", node("Relu", f"p{place}", value), upper)
            turned = node("Relu", f"q{place}", node("Neg", f"n{place}", value))
            value = node("Add", f"y{place}", above, node("Mul", f"below{place}", turned, lower))
    nodes[-1].output[0] = "output"
    double = onnx.TensorProto.DOUBLE
    sizes = {"input": network.input_dimension, "output": network.output_dimension}
    ends = [
        onnx.helper.make_tensor_value_info(name, double, ["batch", size])
        for name, size in sizes.items()
    ]
    graph = onnx.helper.make_graph(nodes, "network", ends[:1], ends[1:], tensors)
    model = onnx.helper.make_model(
        graph,
        producer_name="polyregions",
        ir_version=_IR_VERSION,
        opset_imports=[onnx.helper.make_opsetid("", _OPSET)],
    )
    with atomic_write(path) as stream:
        stream.write(model.SerializeToString(deterministic=True))
