"""Nodes of an ONNX graph: their attributes, inputs and tensors, which may be in other files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.errors import FormatError, UnsupportedOperatorError
from polyregions.files.reading import read_bytes, regular_file, unpacked
from polyregions.io.exact_floats import Floats, exact_floats
from polyregions.io.lowering import Signal
from polyregions.io.rearranging import axis_in
from polyregions.io.switches import Switch

__all__ = [
    "REDUCTION",
    "Constant",
    "Fold",
    "Inputs",
    "Node",
    "OnnxLowering",
    "OnnxValue",
    "Operator",
    "Result",
    "array_of",
    "constant_at",
    "floats_at",
    "integers_of",
    "onnx_axes",
    "parse_model",
    "reduced_axes",
    "signal_and_constant",
    "signal_at",
    "value_at",
    "whole_tensor",
]


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


# attributes of an operator that reduces axes
REDUCTION = frozenset({"axes", "keepdims", "noop_with_empty_axes"})

Constant = NDArray[Any]
OnnxValue = Signal | Constant
# what a node may return: a comparison is read by a few operators only
Result = OnnxValue | Switch
Inputs = Sequence[Result | None]


@dataclass(frozen=True)
class Node:
    """One operator of a graph, free of protobuf."""

    operator: str
    label: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]

    def integers(self, name: str, default: Sequence[int]) -> tuple[int, ...]:
        """Return an attribute that is a list of integers."""
        return tuple(int(entry) for entry in self.attributes.get(name, default))

    def integer(self, name: str, default: int) -> int:
        """Return an attribute that is an integer."""
        return int(self.attributes.get(name, default))


OnnxLowering = Callable[[Node, Inputs], Result | tuple[Result, ...]]
Fold = Callable[[Node, Inputs], Constant]


@dataclass(frozen=True)
class Operator:
    """How an operator is lowered, and the attributes that are understood.

    ``lower`` takes the node and its inputs (None for one that is left out) and
    returns the first output, or a tuple of all outputs. ``fold``, if given, returns the
    one output where all inputs are constants.
    """

    lower: OnnxLowering
    attributes: frozenset[str] = frozenset()
    fold: Fold | None = None


def value_at(inputs: Inputs, index: int) -> OnnxValue:
    """Return an input that must be there."""
    value = inputs[index] if index < len(inputs) else None
    if value is None:
        raise FormatError(f"input {index} is missing")
    return _no_switch(value)


def _no_switch(value: OnnxValue | Switch) -> OnnxValue:
    if isinstance(value, Switch):
        raise UnsupportedOperatorError(
            "it reads a comparison of values that depend on the input, which jumps; "
            "only Where and Mul may read one, where the result is continuous"
        )
    return value


def signal_at(inputs: Inputs, index: int) -> Signal:
    """Return an input that must depend on the network's input."""
    value = value_at(inputs, index)
    if not isinstance(value, Signal):
        raise UnsupportedOperatorError(
            "its inputs are constants; fold constants before the export (onnxsim, for instance)"
        )
    return value


def constant_at(inputs: Inputs, index: int) -> Constant | None:
    """Return an input that must be a constant, or None where it is left out."""
    value = inputs[index] if index < len(inputs) else None
    if isinstance(value, (Signal, Switch)):
        raise UnsupportedOperatorError(
            f"input {index} depends on the network's input; only a constant is supported there"
        )
    return value


def floats_at(inputs: Inputs, index: int, what: str) -> Floats:
    """Return an input that must be a constant array of numbers."""
    value = constant_at(inputs, index)
    if value is None:
        raise FormatError(f"input {index} is missing")
    return exact_floats(value, what)


def integers_of(array: Constant) -> tuple[int, ...]:
    """Return a constant that must be a number or list of integers."""
    if array.dtype.kind not in "iu" or array.ndim > 1:
        raise FormatError("a shape or a list of axes must be integers")
    return tuple(int(entry) for entry in array.reshape(-1))


def onnx_axes(node: Node, inputs: Inputs) -> tuple[int, ...] | None:
    """Return the axes from input 1 or, in older models, from the attribute."""
    given = constant_at(inputs, 1)
    if given is not None:
        return integers_of(given)
    return node.integers("axes", ()) if "axes" in node.attributes else None


def signal_and_constant(inputs: Inputs) -> tuple[Signal, Floats, bool]:
    """Return the signal, the constant, and whether the signal comes first."""
    first, second = value_at(inputs, 0), value_at(inputs, 1)
    if isinstance(first, Signal) and isinstance(second, Signal):
        raise UnsupportedOperatorError(
            "both inputs depend on the network's input; one of them must be a constant"
        )
    if isinstance(first, Signal):
        assert not isinstance(second, Signal)
        return first, exact_floats(second, "its constant"), True
    if isinstance(second, Signal):
        return second, exact_floats(np.asarray(first), "its constant"), False
    raise UnsupportedOperatorError(
        "both inputs are constants; fold constants before the export (onnxsim, for instance)"
    )


def reduced_axes(node: Node, inputs: Inputs, signal: Signal) -> tuple[int, ...]:
    """Return the axes that a reduction of a signal goes over, in order."""
    axes = onnx_axes(node, inputs)
    if not axes:
        empty_means_none = bool(node.integer("noop_with_empty_axes", 0))
        axes = () if empty_means_none else tuple(range(len(signal.shape)))
    return tuple(sorted({axis_in(signal.shape, axis) for axis in axes}))
