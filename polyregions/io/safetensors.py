"""Networks as .safetensors files with a list of layers in their metadata.

The format stores named arrays only. What stands between them is said by the metadata
entry ``polyregions``, a JSON object::

    {"input_shape": [1, 28, 28],
     "layers": [{"op": "conv2d", "weight": "c.weight", "bias": "c.bias", "padding": 1},
                {"op": "relu"}, {"op": "max_pool2d", "kernel_size": 2}, {"op": "flatten"},
                {"op": "linear", "weight": "fc.weight", "bias": "fc.bias"}]}

Each layer reads the one before. ``op`` is the name of a function of torch, further
keys are its arguments; a text is the name of a stored array. The input has a batch
axis of 1 in front of ``input_shape``. A file without that entry is a state dict, read
only with the activations that the caller says.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.errors import FormatError, UnsupportedOperatorError
from polyregions.files.reading import naming, read_bytes
from polyregions.io import signals
from polyregions.io.blocks import MAX_LAYERS
from polyregions.io.exact_floats import MAX_ENTRIES, Floats, exact_floats
from polyregions.io.signals import Signal
from polyregions.io.state_dicts import network_of_state
from polyregions.io.torch_operators import ATEN, lowered
from polyregions.network import Network

__all__ = ["load_safetensors", "supported_layers"]

_KEY = "polyregions"
_MAX_HEADER = 2**24
_SAFETENSORS_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_OVERLOADS = (".default", ".Tensor", ".using_ints", ".int", ".dim")

# functions that read one value, by their names without overload
_LAYERS: dict[str, Callable[..., Any]] = {
    name: next(ATEN[name + end] for end in _OVERLOADS if name + end in ATEN)
    for name in (
        "abs",
        "adaptive_avg_pool1d",
        "adaptive_avg_pool2d",
        "avg_pool1d",
        "avg_pool2d",
        "batch_norm",
        "clamp",
        "conv1d",
        "conv2d",
        "flatten",
        "hardtanh",
        "leaky_relu",
        "linear",
        "max_pool1d",
        "max_pool2d",
        "mean",
        "neg",
        "pad",
        "permute",
        "prelu",
        "relu",
        "relu6",
        "reshape",
        "unflatten",
    )
}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "batch_norm": {"training": False, "eps": 1e-5},
    "flatten": {"start_dim": 1},
}
# arguments whose text is no name of an array
_TEXTS = ("mode", "padding")


def supported_layers() -> tuple[str, ...]:
    """Return the layers that a list may name.

    Examples
    --------
    >>> "conv2d" in supported_layers()
    True
    """
    return tuple(sorted(_LAYERS))


def load_safetensors(
    path: str | Path, *, name: str | None = None, activation: str | None = None
) -> Network:
    """Read a network from a .safetensors file with a list of layers, or a state dict.

    Parameters
    ----------
    path : str or Path
    name : str, optional
        Name of the network; by default that of the file.
    activation : str, optional
        For a file without a list of layers, and needed there, see
        :mod:`~polyregions.io.state_dicts`.

    Raises
    ------
    FormatError
        If the file is missing, truncated or malformed, or has neither a list of layers
        nor is given an activation.
    UnsupportedOperatorError
        If the list names another layer.
    NetworkError
        If the layers make no network.
    """
    file = Path(path)
    data = read_bytes(file)
    # a damaged header may have any JSON anywhere
    with naming(file, "has malformed metadata; save it again"):
        header, body = _header(data)
        entries = {key: entry for key, entry in header.items() if key != "__metadata__"}
        _check_places(entries, len(body))
        arrays = {key: _tensor_array(key, entry, body) for key, entry in entries.items()}
        description = _description(header)
        name = file.stem if name is None else name
        if description is None and activation is None:
            raise FormatError(
                f"its metadata have no entry {_KEY!r} with the list of layers, so it does not say "
                f"what stands between them: save it with metadata={{'{_KEY}': ...}}, or say it "
                f'with activation="relu" (--activation relu, leaky_relu:0.1, none, ...)'
            )
        if description is None:
            return network_of_state(arrays, activation, name)
        if activation is not None:
            raise FormatError("its list of layers names the activations; leave yours out")
        return signals.to_network(_signal(description, arrays), name)


def _header(data: bytes) -> tuple[dict[str, Any], bytes]:
    length = int.from_bytes(data[:8], "little")
    if len(data) < 10 or not 2 <= length <= min(_MAX_HEADER, len(data) - 8):
        raise FormatError("it is no safetensors file; it may be truncated: copy it again")
    header = _finite_json(data[8 : 8 + length])
    if not isinstance(header, dict):
        raise FormatError("its header is no JSON object; it may be damaged: copy it again")
    return header, data[8 + length :]


def _finite_json(text: str | bytes) -> Any:
    """Parse JSON whose numbers are finite, and that says nothing twice."""
    return json.loads(
        text,
        parse_float=_finite_float,
        parse_constant=_finite_float,
        object_pairs_hook=_each_once,
    )


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise FormatError("its header names something twice; save it again")
    return found


def _finite_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise FormatError(
            f"its header has the number {text[:40]}, which no float holds; correct it"
        )
    return number


def _whole_places(numbers: Any) -> tuple[int, ...]:
    """Return a list of sizes or places; 1.5, true and "3" are none."""
    if not isinstance(numbers, list) or not all(type(n) is int and n >= 0 for n in numbers):
        raise FormatError(f"{str(numbers)[:80]!r} are no whole numbers; save the file again")
    return tuple(numbers)


def _check_places(entries: Mapping[str, Any], size: int) -> None:
    """Refuse arrays that share bytes, which a small file could name without end."""
    following = 0
    for (start, end), key in sorted(
        (_whole_places(e["data_offsets"]), key) for key, e in entries.items()
    ):
        if not following <= start <= end <= size:
            raise FormatError(
                f"the array {key[:80]!r} does not hold bytes of its own inside the file; "
                f"it may be damaged: copy it again"
            )
        following = end
    numbers = sum(
        math.prod(_whole_places(entry["shape"]))
        for entry in entries.values()
        if entry["dtype"] in _SAFETENSORS_TYPES
    )
    if numbers > MAX_ENTRIES:
        raise FormatError(f"its arrays hold {numbers} numbers, more than the {MAX_ENTRIES} read")


def _tensor_array(key: str, entry: Mapping[str, Any], body: bytes) -> Floats | None:
    kind = _SAFETENSORS_TYPES.get(entry["dtype"])
    if kind is None:
        return None  # such as the number of batches that a batch norm has seen
    shape = _whole_places(entry["shape"])
    start, end = entry["data_offsets"]
    if 0 in shape or end - start != math.prod(shape) * np.dtype(kind).itemsize:
        raise FormatError(f"the array {key[:80]!r} does not hold the numbers of its shape {shape}")
    numbers: NDArray[Any] = np.frombuffer(body[start:end], kind)
    if entry["dtype"] == "BF16":
        # the upper half of a float32
        numbers = (numbers.astype("<u4") << 16).view("<f4")
    return exact_floats(numbers.reshape(shape), f"the array {key[:80]!r}")


def _description(header: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the list of layers, if the file has one."""
    text = (header.get("__metadata__") or {}).get(_KEY)
    description: Mapping[str, Any] | None = None if text is None else _finite_json(text)
    return description


def _signal(description: Mapping[str, Any], arrays: Mapping[str, Floats | None]) -> Signal:
    layers = description["layers"]
    if not isinstance(layers, list) or len(layers) > MAX_LAYERS:
        raise FormatError("its layers are no list, or too many")
    signal = signals.source((1, *_whole_places(description["input_shape"])))
    for index, layer in enumerate(layers):
        operator = str(layer["op"])
        lower = _LAYERS.get(operator)
        if lower is None:
            raise UnsupportedOperatorError(
                f"layer {index}, {operator[:80]}, is not supported; "
                f"supported are {', '.join(supported_layers())}"
            )
        arguments = {"self": signal, "input": signal, **_DEFAULTS.get(operator, {})}
        for key, value in layer.items():
            if key in arguments and isinstance(arguments[key], Signal):
                raise FormatError(f"layer {index} names its own input")
            if isinstance(value, str) and key not in _TEXTS:
                stored = arrays.get(value)
                if stored is None and key != "op":
                    raise FormatError(f"layer {index} reads {value[:80]!r}, which is not stored")
                value = stored
            arguments[key] = value
        with naming(f"layer {index}, {operator}"):
            result = lowered(operator, lower, arguments)
        assert isinstance(result, Signal)
        signal = result
    return signal
