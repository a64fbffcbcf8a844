"""Programs of ``torch.export`` (.pt2), read without torch.

A .pt2 archive is a zip file of JSON (the graph of ATen operators) and raw
numbers. ``torch.export.load`` unpickles parts of it, which may run code; here
only the JSON and the numbers are read, so nothing in the file can run.
"""

from __future__ import annotations

import json
import math
import warnings
import zipfile
from collections.abc import Mapping
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
from polyregions.io.lowering import DroppedOperatorWarning, Shape, Signal
from polyregions.io.torch_operators import ATEN, DROPPED_AT_THE_END
from polyregions.io.torch_shapes import SHAPES
from polyregions.io.torch_values import Value
from polyregions.network import Network

__all__ = ["load_pt2", "read_pt2"]

Json = Any

_MAX_JSON = 2**26
# numbers of torch's serialized ScalarType; integers are indices
_TYPES = {6: np.float16, 7: np.float32, 8: np.float64, 5: np.int64}
_PLAIN = ("as_bool", "as_float", "as_floats", "as_int", "as_ints", "as_none", "as_string")
# arguments that say how to compute, but not what
_IGNORED = ("as_device", "as_layout", "as_memory_format", "as_scalar_type")
_PREFIX = "torch.ops.aten."


@dataclass(frozen=True)
class Archive:
    """Members of a .pt2 archive, by their names below its top folder."""

    members: Mapping[str, bytes]


def load_pt2(path: str | Path, *, name: str | None = None) -> Network:
    """Read a piecewise-linear network exported by ``torch.export.save``.

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
    return read_pt2(read_bytes(file), str(file), file.stem if name is None else name)


def read_pt2(data: bytes, where: str, name: str) -> Network:
    """Read the bytes of an exported program; `where` names them in messages."""
    try:
        return _read_program(_open(data), name)
    except (FormatError, NetworkError, UnsupportedOperatorError) as error:
        raise type(error)(f"{where}: {error}") from None
    # a damaged archive may have any JSON anywhere
    except Exception:
        raise FormatError(
            f"{where} is not a readable torch.export archive (torch 2.8 or later); "
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
    values: dict[str, Value | _Changed] = {}
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
    output = outputs[0]["user_output"]["arg"]["as_tensor"]["name"]
    nodes, output = _kept(graph["nodes"], output)
    shared: dict[str, set[str]] = {}
    for node in nodes:
        _evaluate(node, values, shared)
    result = values.get(output)
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


def _evaluate(node: Json, values: dict[str, Value | _Changed], shared: dict[str, set[str]]) -> None:
    """Compute what a node computes.

    `shared` maps a name to the set of all names that may stand for the same memory. An
    operator in place changes them all, so none of them may be read any more.
    """
    names = _results(node)
    operator = _operator(node)
    lower = ATEN.get(operator)
    if lower is None:
        end = " but as the very last one" if operator in DROPPED_AT_THE_END else ""
        raise UnsupportedOperatorError(
            f"operator {operator[:80]} (node {names[0]}) is not supported{end}; "
            f"supported are {', '.join(sorted(ATEN))}"
        )
    try:
        arguments = {entry["name"]: _argument(entry["arg"], values) for entry in node["inputs"]}
        result = lower(arguments)
    except (NetworkError, FormatError, UnsupportedOperatorError) as error:
        raise type(error)(f"operator {operator} (node {names[0]}): {error}") from None
    if "_." in operator:
        first = node["inputs"][0]["arg"]["as_tensor"]["name"]
        for name in shared.get(first, {first}):
            values[name] = _Changed()
    elif operator in SHAPES:
        group = set(names)
        for entry in node["inputs"]:
            if "as_tensor" in entry["arg"]:
                name = entry["arg"]["as_tensor"]["name"]
                group |= {name} | shared.get(name, set())
        shared.update(dict.fromkeys(group, group))
    results = result if isinstance(result, tuple) else (result,)
    values.update(zip(names, results, strict=True))


class _Changed:
    """Stands for a value that was overwritten in place."""


def _operator(node: Json) -> str:
    return str(node["target"]).removeprefix(_PREFIX)


def _results(node: Json) -> list[str]:
    """Return the names of what a node computes."""
    names: list[str] = []
    for output in node["outputs"]:
        ((kind, content),) = output.items()
        if kind == "as_tensors":
            names += [entry["name"] for entry in content]
        else:
            names.append(content.get("name") or content["as_name"])
    return names


def _kept(nodes: list[Json], result: str) -> tuple[list[Json], str]:
    """Return the nodes and the result without a softmax and the like at the very end."""
    while nodes and _operator(nodes[-1]) in DROPPED_AT_THE_END and _results(nodes[-1]) == [result]:
        read = next(entry["arg"] for entry in nodes[-1]["inputs"] if entry["name"] == "self")
        warnings.warn(
            f"the last operator {_operator(nodes[-1])} is left out: regions are those of the "
            f"values it reads",
            DroppedOperatorWarning,
            stacklevel=2,
        )
        nodes, result = nodes[:-1], read["as_tensor"]["name"]
    return nodes, result


def _argument(argument: Json, values: Mapping[str, Value | _Changed]) -> Any:
    ((kind, content),) = argument.items()
    if kind in ("as_tensor", "as_tensors"):
        read = [values[e["name"]] for e in (content if kind == "as_tensors" else [content])]
        if any(isinstance(value, _Changed) for value in read):
            raise UnsupportedOperatorError(
                "it reads a value that an operator in place has changed; use inplace=False"
            )
        return read if kind == "as_tensors" else read[0]
    if kind == "as_sym_int":
        return values[content["as_name"]] if "as_name" in content else content["as_int"]
    if kind == "as_sym_ints":
        return [values[e["as_name"]] if "as_name" in e else e["as_int"] for e in content]
    if kind in _PLAIN:
        return None if kind == "as_none" else content
    if kind in _IGNORED:
        return None
    raise UnsupportedOperatorError(f"an argument of the kind {kind[3:]!r} is not supported")
