"""Files of ``torch.save``: modules, state dicts, checkpoints.

No file is ever unpickled freely: ``torch.load`` runs with ``weights_only=True``
and, for whole modules, with a short list of module classes that it may create.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from polyregions.errors import FormatError
from polyregions.files.reading import import_extra, naming, read_bytes
from polyregions.io.exact_floats import MAX_REPEATED, Floats
from polyregions.io.state_dicts import is_parameter, network_of_state
from polyregions.io.torch_modules import LEAVES, floats_of, from_torch
from polyregions.network import Network

__all__ = ["load_module", "load_torch"]

# a checkpoint that contains itself ends here
_MAX_CONTAINERS = 5


def load_torch(
    path: str | Path, *, name: str | None = None, activation: str | None = None
) -> Network:
    """Read a network from a file written by ``torch.save``.

    The file holds a whole Sequential, which is read as by :func:`from_torch`, or a state
    dict, or a checkpoint with exactly one of these inside. A state dict does not say what
    stands between its layers; see :mod:`~polyregions.io.state_dicts`.

    Parameters
    ----------
    path : str or Path
    name : str, optional
        Name of the network; by default that of the file.
    activation : str, optional
        For a state dict only, and needed there: ``relu``, ``leaky_relu:0.1``, ``none``
        and so on, see :mod:`~polyregions.io.state_dicts`.

    Raises
    ------
    MissingExtraError
        If torch is not installed.
    FormatError
        If the file is missing, truncated, in the format before torch 1.6, a TorchScript
        archive, or holds objects that could only be read by running code from it; if it
        is a state dict and no activation is given, or a module and one is.
    UnsupportedOperatorError
        If a layer is neither Linear nor one that :func:`from_torch` reads.
    NetworkError
        If the parameters make no network.
    """
    torch = import_extra("torch", "torch", "reading torch files")
    file = Path(path)
    data = read_bytes(file)
    content = load_module(file, data)
    name = file.stem if name is None else name
    # a forged module may lack any attribute
    with naming(file, "holds a damaged module; save it again"):
        found = _one_network(torch, content)
        if not isinstance(found, Mapping):
            _check_entries((*found.parameters(), *found.buffers()), len(data))
            if activation is not None:
                raise FormatError(
                    "it holds a module, which says itself what its activations are; leave the "
                    "activation out"
                )
            return from_torch(found, name=name)
        _check_entries(found.values(), len(data))
        return network_of_state(
            {str(key): _stored_tensor(torch, tensor) for key, tensor in found.items()},
            activation,
            name,
        )


def _one_network(torch: Any, content: Any) -> Any:
    """Return the one module or state dict that a file holds, at the top or inside."""
    if isinstance(content, torch.nn.Module):
        return content
    if not isinstance(content, Mapping):
        raise FormatError(
            f"it holds a {type(content).__name__}; save a torch.nn.Sequential or its state_dict"
        )
    found = dict(_networks_inside(torch, content))
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        names = ", ".join(repr(place[:80]) for place in list(found)[:10])
        raise FormatError(
            f"it holds {len(found)} networks ({names}); save the one you mean in a file of its own"
        )
    if any(map(is_parameter, content)) or not any(
        isinstance(value, Mapping | list) for value in content.values()
    ):
        return content  # its entries are refused by name
    names = ", ".join(repr(str(key)[:40]) for key in list(content)[:10])
    raise FormatError(
        f"it holds no network, only {names}; save a torch.nn.Sequential or its state_dict"
    )


def _networks_inside(
    torch: Any, content: Mapping[Any, Any], place: str = "", depth: int = 0
) -> Iterator[tuple[str, Any]]:
    """Yield the modules and state dicts in nested dicts, with the keys that lead there."""
    if content and all(isinstance(value, torch.Tensor) for value in content.values()):
        # the moments of an optimiser have other names
        if any(str(key).rpartition(".")[2] in ("weight", "bias") for key in content):
            yield place, content
        return
    for key, value in content.items() if depth < _MAX_CONTAINERS else ():
        below = f"{place}.{key}" if place else str(key)
        if isinstance(value, torch.nn.Module):
            yield below, value
        elif isinstance(value, Mapping):
            yield from _networks_inside(torch, value, below, depth + 1)


def _check_entries(tensors: Iterable[Any], size: int) -> None:
    """Refuse tensors that claim more entries than a file of so many bytes can store."""
    claimed = sum(tensor.numel() for tensor in tensors if hasattr(tensor, "numel"))
    if claimed > size + MAX_REPEATED:
        raise FormatError(
            f"its tensors claim {claimed} entries, far more than its {size} bytes store; save it "
            f"with contiguous() tensors"
        )


def _stored_tensor(torch: Any, tensor: Any) -> Floats | None:
    """Return a tensor of a state dict; None if it holds no real numbers."""
    if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
        return None
    return floats_of(torch, tensor, "a tensor of the state dict")


def load_module(file: Path, data: bytes) -> Any:
    """Return what ``torch.save`` wrote, created from a short list of classes only.

    Raises
    ------
    FormatError
        If the bytes are damaged or hold anything else.
    """
    torch = import_extra("torch", "torch", "reading torch files")
    _check_archive(file, data)
    classes = [getattr(torch.nn, kind) for kind in ("Sequential", *LEAVES)]
    try:
        with torch.serialization.safe_globals(classes), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(BytesIO(data), map_location="cpu", weights_only=True)
    # the restricted unpickler and the tensor builder fail in many ways on damaged input
    except Exception as error:
        text = str(error)
    found = re.search(r"GLOBAL ([\w.]+)", text)
    if found is not None:
        raise FormatError(
            f"{file} holds an object of the class {found[1]}, which could only be read by running "
            f"code; save a torch.nn.Sequential or a state_dict alone, or export to ONNX"
        )
    raise FormatError(f"{file} is not a readable torch file; it may be damaged: save it again")


def _check_archive(file: Path, data: bytes) -> None:
    """Check the zip archive, checksums included, before torch sees it."""
    members = []
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = archive.infolist()
            # torch stores without compression, so no member can be larger than the file
            stored = all(member.compress_type == zipfile.ZIP_STORED for member in members)
            stored &= len({member.filename for member in members}) == len(members)
            disjoint = sum(member.file_size for member in members) <= len(data)
            damaged = archive.testzip() if stored and disjoint else "archive"
    # a damaged archive fails in many ways inside zipfile
    except Exception:
        damaged = "archive"
    inside = {member.filename.partition("/")[2] for member in members}
    if "constants.pkl" in inside or any(name.startswith("code/") for name in inside):
        raise FormatError(
            f"{file} is a TorchScript archive, a program that could only be read by running it; "
            f"save the module with torch.export.save as .pt2, or export it to ONNX"
        )
    if "archive_format" in inside:
        raise FormatError(f"{file} is an archive of torch.export; let its name end in .pt2")
    if damaged is not None:
        raise FormatError(
            f"{file} is not a readable torch archive (torch 1.6 or later); "
            "it may be truncated: copy or save it again"
        )
