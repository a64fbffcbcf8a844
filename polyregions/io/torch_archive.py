"""What a .pt2 archive stores: one program as JSON, and its tensors as arrays.

Nothing is allocated that the file does not pay for: all tensors together may have as many
entries as the file has bytes, and a little more for those that repeat what they store.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.errors import FormatError, NetworkError
from polyregions.io.exact_floats import MAX_REPEATED, Floats, exact_floats, significant_bits
from polyregions.io.outputs import Output
from polyregions.io.signals import Shape

__all__ = [
    "FLOAT32",
    "REAL_TYPES",
    "TRUTH",
    "Archive",
    "Json",
    "Stored",
    "holds",
    "json_of",
    "name_read",
    "open_archive",
    "operator_of",
    "outputs_of",
    "results_of",
    "stored_tensors",
]

Json = Any

_MAX_JSON = 2**26

# numbers of torch's serialized ScalarType, and numpy's types that store them
_BFLOAT16, TRUTH, FLOAT32 = 13, 12, 7
_TYPES: dict[int, Any] = {
    1: np.uint8,
    2: np.int8,
    3: np.int16,
    4: np.int32,
    5: np.int64,
    6: np.float16,
    FLOAT32: np.float32,
    8: np.float64,
    TRUTH: np.bool_,
    _BFLOAT16: np.uint16,
}
REAL_TYPES = (6, FLOAT32, 8, _BFLOAT16)
_BFLOAT16_MANTISSA = 8

# where the tensors of each kind of input are
_SOURCES = {
    "buffer": ("buffer_name", "weights"),
    "parameter": ("parameter_name", "weights"),
    "tensor_constant": ("tensor_constant_name", "constants"),
}

_OPERATOR_PREFIX = "torch.ops.aten."


def holds(dtype: int, numbers: Floats) -> bool:
    """Whether a type of torch, by its number, holds numbers without rounding them."""
    if dtype == _BFLOAT16:
        return bool((significant_bits(numbers) <= _BFLOAT16_MANTISSA).all())
    if dtype not in _TYPES:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return bool((numbers.astype(_TYPES[dtype]).astype(np.float64) == numbers).all())


@dataclass(frozen=True)
class Archive:
    """Members of a .pt2 archive, by their names below its top folder."""

    members: Mapping[str, bytes]
    size: int


@dataclass(frozen=True)
class Stored:
    """A tensor in an archive: a name in messages, and how its entries are stored."""

    name: str
    dtype: int
    shape: Shape
    strides: tuple[int, ...]
    offset: int
    data: bytes

    def array(self) -> NDArray[Any]:
        """Return the entries: float64, or truth values.

        Raises
        ------
        FormatError, NetworkError
            If the data end early, or hold no real finite numbers.
        """
        if self.dtype not in _TYPES:
            raise NetworkError(f"{self.name} is not of type float16, bfloat16, float32 or float64")
        if not math.prod(self.shape):
            raise FormatError(f"{self.name} has the shape {self.shape}, which is empty")
        numbers = np.frombuffer(self.data, dtype=_TYPES[self.dtype])
        last = self.offset + sum(
            (n - 1) * stride for n, stride in zip(self.shape, self.strides, strict=True)
        )
        if last >= len(numbers):
            raise FormatError(
                f"the data of {self.name} end before its shape {self.shape} is filled"
            )
        steps = tuple(stride * numbers.itemsize for stride in self.strides)
        picked: NDArray[Any] = np.lib.stride_tricks.as_strided(
            numbers[self.offset :], self.shape, steps, writeable=False
        )
        if self.dtype == _BFLOAT16:
            # the upper half of a float32
            picked = (picked.astype(np.uint32) << 16).view(np.float32)
        return picked.copy() if picked.dtype.kind == "b" else exact_floats(picked, self.name)


def open_archive(data: bytes) -> Archive:
    """Read the members of an archive.

    Raises
    ------
    FormatError
        If it is no archive of ``torch.export``, or is one from another world.
    """
    with zipfile.ZipFile(BytesIO(data)) as archive:
        if sum(member.file_size for member in archive.infolist()) > len(data):
            raise FormatError("members of the archive overlap; save it with torch.export.save")
        members = {}
        for member in archive.infolist():
            # torch stores without compression, so no member is larger than the file
            if member.compress_type != zipfile.ZIP_STORED:
                raise FormatError("the archive is compressed; save it with torch.export.save")
            _, _, below = member.filename.partition("/")
            if below in members:
                raise FormatError("the archive holds a member twice; save it again")
            members[below] = archive.read(member)
    if "archive_format" not in members or members["archive_format"].strip() != b"pt2":
        raise FormatError("it is no torch.export archive of torch 2.8 or later; export it again")
    if members.get("byteorder", b"little").strip() != b"little":
        raise FormatError("its numbers are big-endian; export it on a little-endian machine")
    return Archive(members, len(data))


def json_of(archive: Archive, member: str) -> Json:
    """Return what a member says."""
    data = archive.members[member]
    if len(data) > _MAX_JSON:
        raise FormatError(f"{member} has {len(data)} bytes, more than the {_MAX_JSON} read here")
    return json.loads(data)


def stored_tensors(archive: Archive, model: str, specs: list[Json]) -> dict[str, Stored]:
    """Return the tensors that a program reads, by their names in it; the input is left out.

    Parameters
    ----------
    model : str
        Name of the program in the archive.
    specs : list
        Its input specifications.

    Raises
    ------
    FormatError
        If a tensor is missing, stored as a pickle or malformed, or if all of them claim
        far more entries than the file can store.
    """
    records = {
        folder: _tensor_config(archive, f"data/{folder}/{model}_{folder}_config.json")
        for folder in ("weights", "constants")
    }
    stored: dict[str, Stored] = {}
    for spec in specs:
        ((kind, entry),) = spec.items()
        if kind == "user_input":
            continue
        if kind not in _SOURCES:
            raise FormatError(f"an input of the kind {kind[:40]!r} is not supported")
        key, folder = _SOURCES[kind]
        target = entry[key]
        if target not in records[folder]:
            folder = "constants"
        record = records[folder].get(target)
        if record is None:
            raise FormatError(f"the parameter {target!r} is not in the archive; export it again")
        stored[entry["arg"]["name"]] = _tensor(archive, folder, target, record)
    claimed = sum(math.prod(tensor.shape) for tensor in stored.values())
    if claimed > archive.size + MAX_REPEATED:
        raise FormatError(
            f"its parameters claim {claimed} entries, far more than its {archive.size} bytes "
            f"store; make them contiguous() and export it again"
        )
    return stored


def _tensor_config(archive: Archive, member: str) -> Mapping[str, Json]:
    config: Mapping[str, Json] = (
        json_of(archive, member)["config"] if member in archive.members else {}
    )
    return config


def _tensor(archive: Archive, folder: str, name: str, record: Json) -> Stored:
    what = f"the parameter {name[:80]!r}"
    if record["use_pickle"]:
        raise FormatError(f"{what} is stored as a pickle, which is never read here")
    meta = record["tensor_meta"]
    shape = tuple(_fixed(size) for size in meta["sizes"])
    strides = tuple(_fixed(stride) for stride in meta["strides"])
    offset = _fixed(meta["storage_offset"])
    if len(shape) != len(strides) or min((*shape, *strides, offset), default=0) < 0:
        raise FormatError(f"{what} has a malformed shape")
    data = archive.members[f"data/{folder}/{record['path_name']}"]
    return Stored(what, meta["dtype"], shape, strides, offset, data)


def _fixed(size: Json) -> int:
    return int(size["as_int"])


# --- nodes and outputs -------------------------------------------------------


def operator_of(node: Json) -> str:
    """Return the name of the operator of a node, with its overload."""
    return str(node["target"]).removeprefix(_OPERATOR_PREFIX)


def results_of(node: Json) -> list[str]:
    """Return the names of what a node computes."""
    names: list[str] = []
    for output in node["outputs"]:
        ((kind, content),) = output.items()
        if kind == "as_tensors":
            names += [entry["name"] for entry in content]
        elif isinstance(content, dict):
            names.append(content.get("name") or content["as_name"])
    return names


def name_read(part: Json) -> str | None:
    """Return the name of the value that a part of an argument reads, if it reads one."""
    if not isinstance(part, dict):
        return None
    inner = part.get("as_tensor", part)
    name = inner.get("name", inner.get("as_name")) if isinstance(inner, dict) else None
    return name if isinstance(name, str) else None


def outputs_of(module: Json) -> list[Output]:
    """Return the outputs of a graph module, named by their places in what the module returns."""
    values: list[str | None] = []
    for spec in module["signature"]["output_specs"]:
        if "user_output" not in spec:
            raise FormatError("the program changes a buffer; export it in evaluation mode")
        values.append(spec["user_output"]["arg"].get("as_tensor", {}).get("name"))
    names = _output_names(module) if len(values) > 1 else ["0"]
    if len(names) != len(values):
        names = [str(number) for number in range(len(values))]
    return [Output(name, value) for name, value in zip(names, values, strict=True)]


def _output_names(module: Json) -> list[str]:
    """Return the names of the outputs, from the containers that the module returns."""
    call = next(call for call in module["module_call_graph"] if call["fqn"] == "")
    _, tree = json.loads(call["signature"]["out_spec"])
    fields = {
        name: entry["fields"] if isinstance(entry, dict) else entry
        for name, entry in (module.get("treespec_namedtuple_fields") or {}).items()
    }
    return list(_leaf_outputs(tree, "", fields))


def _leaf_outputs(tree: Json, place: str, fields: dict[str, list[str]]) -> Iterator[str]:
    kind, children = tree["type"], tree["children_spec"]
    if kind is None:
        yield place or "0"
        return
    context = json.loads(tree["context"]) if tree["context"] else None
    keys: Sequence[Any] = range(len(children))
    if kind.endswith("namedtuple"):
        keys = fields.get(str(context), [str(key) for key in keys])
    elif isinstance(context, list) and len(context) == len(children):
        keys = context
    for key, child in zip(keys, children, strict=True):
        yield from _leaf_outputs(child, f"{place}.{key}" if place else str(key), fields)
