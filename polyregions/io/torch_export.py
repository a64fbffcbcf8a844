"""Programs of ``torch.export`` (.pt2), read without torch.

A .pt2 archive is a zip file of JSON (the graph of ATen operators) and raw
numbers. ``torch.export.load`` unpickles parts of it, which may run code; here
only the JSON and the numbers are read, so nothing in the file can run.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.io import lowering
from polyregions.io.exact_floats import MAX_ENTRIES, Floats, exact_floats
from polyregions.io.files import read_bytes
from polyregions.io.lowering import Shape, Signal
from polyregions.network import Network

__all__ = ["load_pt2"]

Json = Any
Value = Signal | Floats | int
Arguments = Mapping[str, Any]

_MAX_JSON = 2**26
# numbers of torch's serialized ScalarType
_TYPES = {6: np.float16, 7: np.float32, 8: np.float64}
_PREFIX = "torch.ops.aten."


@dataclass(frozen=True)
class Archive:
    """Members of a .pt2 archive, by their names below its top folder."""

    members: Mapping[str, bytes]


def load_pt2(path: str | Path, *, name: str | None = None) -> Network:
    """Read a multi-layer perceptron exported by ``torch.export.save``.

    Parameters
    ----------
    path : str or Path
        Written by torch 2.8 or later, with one input and one output. A dynamic
        first dimension of the input counts as 1; a fixed one belongs to the input.
    name : str, optional
        Name of the network; by default that of the file.

    Returns
    -------
    Network
        With the program's parameters, float32 widened without change.

    Raises
    ------
    FormatError
        If the file is missing, truncated, not such an archive, or stores its
        weights as pickles.
    UnsupportedOperatorError
        If the program uses an operator without an exact form here.
    NetworkError
        If the program makes no network.
    """
    file = Path(path)
    data = read_bytes(file)
    try:
        return _read_program(_open(data), file.stem if name is None else name)
    except (FormatError, NetworkError, UnsupportedOperatorError) as error:
        raise type(error)(f"{file}: {error}") from None
    # a damaged archive may have any JSON anywhere
    except Exception:
        raise FormatError(
            f"{file} is not a readable torch.export archive (torch 2.8 or later); "
            "it may be truncated: copy or export it again"
        ) from None


def _open(data: bytes) -> Archive:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        if sum(member.file_size for member in archive.infolist()) > len(data):
            raise FormatError("members of the archive overlap; save it with torch.export.save")
        members = {}
        for member in archive.infolist():
            # torch stores without compression, so no member is larger than the file
            if member.compress_type != zipfile.ZIP_STORED:
                raise FormatError("the archive is compressed; save it with torch.export.save")
            _, _, below = member.filename.partition("/")
            members[below] = archive.read(member)
    if "archive_format" not in members or members["archive_format"].strip() != b"pt2":
        raise FormatError("it is no torch.export archive of torch 2.8 or later; export it again")
    if members.get("byteorder", b"little").strip() != b"little":
        raise FormatError("its numbers are big-endian; export it on a little-endian machine")
    return Archive(members)


def _json(archive: Archive, member: str) -> Json:
    data = archive.members[member]
    if len(data) > _MAX_JSON:
        raise FormatError(f"{member} has {len(data)} bytes, more than the {_MAX_JSON} read here")
    return json.loads(data)


def _read_program(archive: Archive, name: str) -> Network:
    models = [m for m in archive.members if m.startswith("models/") and m.endswith(".json")]
    if len(models) != 1:
        raise FormatError(f"the archive has {len(models)} models; export exactly one")
    model = models[0].removeprefix("models/").removesuffix(".json")
    module = _json(archive, models[0])["graph_module"]
    graph, signature = module["graph"], module["signature"]
    stored = {
        "weights": _config(archive, f"data/weights/{model}_weights_config.json"),
        "constants": _config(archive, f"data/constants/{model}_constants_config.json"),
    }
    values: dict[str, Value] = {}
    user_inputs = []
    for spec in signature["input_specs"]:
        ((kind, entry),) = spec.items()
        if kind == "user_input":
            user_inputs.append(entry["arg"]["as_tensor"]["name"])
            continue
        source = {"parameter": "parameter_name", "buffer": "buffer_name"}.get(kind)
        folder = "weights"
        if kind == "tensor_constant":
            source, folder = "tensor_constant_name", "constants"
        if source is None:
            raise UnsupportedOperatorError(f"an input of the kind {kind!r} is not supported")
        target = entry[source]
        record = stored[folder].get(target) or stored["constants"].get(target)
        if record is None:
            raise FormatError(f"the parameter {target!r} is not in the archive; export it again")
        values[entry["arg"]["name"]] = _parameter(archive, folder, target, record)
    if len(user_inputs) != 1:
        raise FormatError(f"the program has {len(user_inputs)} inputs; export one with exactly one")
    values[user_inputs[0]] = lowering.source(_input_shape(graph, user_inputs[0]))
    outputs = signature["output_specs"]
    if len(outputs) != 1 or "user_output" not in outputs[0]:
        raise FormatError("the program must have exactly one output and change no buffer")
    for node in graph["nodes"]:
        _evaluate(node, values)
    result = values.get(outputs[0]["user_output"]["arg"]["as_tensor"]["name"])
    if not isinstance(result, Signal):
        raise FormatError("the output does not depend on the input; export the program again")
    return lowering.to_network(result, name)


def _config(archive: Archive, member: str) -> Mapping[str, Json]:
    config: Mapping[str, Json] = (
        _json(archive, member)["config"] if member in archive.members else {}
    )
    return config


def _parameter(archive: Archive, folder: str, name: str, record: Json) -> Floats:
    if record["use_pickle"]:
        raise FormatError(f"the parameter {name!r} is stored as a pickle, which is never read here")
    meta = record["tensor_meta"]
    dtype = _TYPES.get(meta["dtype"])
    if dtype is None:
        raise NetworkError(f"the parameter {name!r} is not of type float16, float32 or float64")
    shape = tuple(_fixed(size) for size in meta["sizes"])
    strides = tuple(_fixed(stride) for stride in meta["strides"])
    offset = _fixed(meta["storage_offset"])
    numbers = np.frombuffer(archive.members[f"data/{folder}/{record['path_name']}"], dtype=dtype)
    return exact_floats(_strided(numbers, shape, strides, offset), f"the parameter {name!r}")


def _strided(
    numbers: NDArray[Any], shape: Shape, strides: tuple[int, ...], offset: int
) -> NDArray[Any]:
    if len(shape) != len(strides) or min((*shape, *strides, offset), default=0) < 0:
        raise FormatError("a parameter has a malformed shape")
    if not 1 <= math.prod(shape) <= MAX_ENTRIES:
        raise FormatError(f"a parameter has the shape {shape}, empty or too large")
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    if last >= len(numbers):
        raise FormatError(f"the data of a parameter end before its shape {shape} is filled")
    index = np.full(shape, offset, dtype=np.intp)
    for axis, (extent, stride) in enumerate(zip(shape, strides, strict=True)):
        steps = (np.arange(extent) * stride).reshape(-1, *[1] * (len(shape) - axis - 1))
        index += steps
    return numbers[index]


def _fixed(size: Json) -> int:
    return int(size["as_int"])


def _input_shape(graph: Json, name: str) -> Shape:
    sizes = graph["tensor_values"][name]["sizes"]
    shape = []
    for place, size in enumerate(sizes):
        if "as_int" in size:
            shape.append(int(size["as_int"]))
        elif place == 0 and len(sizes) > 1:
            shape.append(1)  # a batch of one point
        else:
            raise FormatError(
                f"dimension {place} of the input is dynamic; only the first of several may be: "
                f"export with fixed sizes"
            )
    return tuple(shape)


# --- operators ---------------------------------------------------------------


def _evaluate(node: Json, values: dict[str, Value]) -> None:
    target = str(node["target"])
    output = node["outputs"][0]
    result_name = (output.get("as_tensor") or output.get("as_sym_int") or {}).get("name") or (
        output["as_sym_int"]["as_name"]
    )
    operator = target.removeprefix(_PREFIX)
    lower = _OPERATORS.get(operator)
    if lower is None:
        raise UnsupportedOperatorError(
            f"operator {operator[:80]} (node {result_name}) is not supported; "
            f"supported are {', '.join(sorted(_OPERATORS))}"
        )
    arguments = {entry["name"]: _argument(entry["arg"], values) for entry in node["inputs"]}
    try:
        values[result_name] = lower(arguments)
    except (NetworkError, FormatError, UnsupportedOperatorError) as error:
        raise type(error)(f"operator {operator} (node {result_name}): {error}") from None


def _argument(argument: Json, values: Mapping[str, Value]) -> Any:
    ((kind, content),) = argument.items()
    if kind == "as_tensor":
        return values[content["name"]]
    if kind == "as_sym_int":
        return values[content["as_name"]] if "as_name" in content else content["as_int"]
    if kind == "as_sym_ints":
        return [values[e["as_name"]] if "as_name" in e else e["as_int"] for e in content]
    if kind in ("as_int", "as_ints", "as_float", "as_bool", "as_none"):
        return None if kind == "as_none" else content
    raise UnsupportedOperatorError(f"an argument of the kind {kind[3:]!r} is not supported")


def _signal(value: Any) -> Signal:
    if not isinstance(value, Signal):
        raise UnsupportedOperatorError("it computes with parameters only; export folded weights")
    return value


def _linear(arguments: Arguments) -> Value:
    weight, bias = arguments["weight"], arguments.get("bias")
    if not isinstance(weight, np.ndarray) or isinstance(bias, Signal) or weight.ndim != 2:
        raise UnsupportedOperatorError("its weight and bias must be parameters")
    signal = lowering.matmul_right(_signal(arguments["input"]), weight.T)
    if bias is None:
        return signal
    if bias.shape != weight.shape[:1]:
        raise NetworkError(f"{len(weight)} units have a bias of shape {bias.shape}")
    return lowering.add(signal, bias)


def _relu(arguments: Arguments) -> Value:
    return lowering.bend(_signal(arguments["self"]), 0.0, 1.0)


def _flatten(arguments: Arguments) -> Value:
    signal = _signal(arguments["self"])
    rank = len(signal.shape)
    start, end = arguments.get("start_dim", 0), arguments.get("end_dim", -1)
    start, end = (axis + rank if axis < 0 else axis for axis in (start, end))
    if not 0 <= start <= end < rank:
        raise FormatError(f"dimensions {start} to {end} do not exist in shape {signal.shape}")
    merged = math.prod(signal.shape[start : end + 1])
    return lowering.reshape(signal, (*signal.shape[:start], merged, *signal.shape[end + 1 :]))


def _view(arguments: Arguments) -> Value:
    signal = _signal(arguments["self"])
    target = arguments.get("size", arguments.get("shape"))
    shape = [int(extent) for extent in target]
    if -1 in shape:
        known = math.prod(extent for extent in shape if extent != -1)
        shape[shape.index(-1)] = signal.size // known if known else 0
    if min(shape, default=1) < 1:
        raise FormatError(f"the shape {tuple(target)} is malformed")
    return lowering.reshape(signal, tuple(shape))


def _dropout(arguments: Arguments) -> Value:
    if arguments["train"] is not False:
        raise UnsupportedOperatorError("it is in training mode; call eval() before the export")
    return _signal(arguments["input"])


def _same(arguments: Arguments) -> Value:
    return _signal(arguments["self"])


def _size(arguments: Arguments) -> Value:
    return int(_signal(arguments["self"]).shape[arguments["dim"]])


_OPERATORS: dict[str, Callable[[Arguments], Value]] = {
    "alias.default": _same,
    "clone.default": _same,
    "detach.default": _same,
    "dropout.default": _dropout,
    "flatten.using_ints": _flatten,
    "linear.default": _linear,
    "relu.default": _relu,
    "relu_.default": _relu,
    "reshape.default": _view,
    "sym_size.int": _size,
    "view.default": _view,
}
