"""One door for network files of every format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from polyregions.errors import FormatError
from polyregions.io.files import format_suffix
from polyregions.io.nnet import load_nnet
from polyregions.io.npz import load_npz
from polyregions.io.onnx_graph import load_onnx
from polyregions.io.safetensors import load_safetensors
from polyregions.io.torch_export import load_pt2
from polyregions.io.torch_modules import load_torch
from polyregions.network import Network

__all__ = ["load", "supported_suffixes"]

_READERS: dict[str, Callable[..., Network]] = {
    ".nnet": load_nnet,
    ".npz": load_npz,
    ".onnx": load_onnx,
    ".onnx.gz": load_onnx,
    ".pt": load_torch,
    ".pt2": load_pt2,
    ".pth": load_torch,
    ".safetensors": load_safetensors,
}


def load(path: str | Path, *, name: str | None = None) -> Network:
    """Read a network from a file.

    Parameters
    ----------
    path : str or Path
        The suffix says which reader is used: .nnet
        (:func:`~polyregions.io.nnet.load_nnet`), .npz
        (:func:`~polyregions.io.npz.load_npz`), .onnx and .onnx.gz
        (:func:`~polyregions.io.onnx_graph.load_onnx`), .pt2
        (:func:`~polyregions.io.torch_export.load_pt2`), .pt and .pth
        (:func:`~polyregions.io.torch_modules.load_torch`), .safetensors
        (:func:`~polyregions.io.safetensors.load_safetensors`).
    name : str, optional
        Name of the network; by default that of the file.

    Returns
    -------
    Network
        Its parameters are the floats of the file. Nothing is rounded but the
        reciprocal of a constant divisor that is no power of two, which warns, and
        the factors of batch normalisation.

    Raises
    ------
    FormatError
        If the suffix is not known, or the file is missing, truncated or malformed.
    UnsupportedOperatorError
        If the file uses an operator without an exact form here.
    NetworkError
        If the content makes no network: shapes, non-finite numbers, no hidden unit.
    MissingExtraError
        If the format needs an optional package that is not installed.

    Examples
    --------
    >>> from polyregions import examples
    >>> load(examples.path("digits4")).input_dimension
    4
    """
    file = Path(path)
    reader = _READERS.get(format_suffix(file))
    if reader is None:
        raise FormatError(
            f"the name {file} does not end like that of a network file; "
            f"supported are {', '.join(supported_suffixes())}"
        )
    return reader(file, name=name)


def supported_suffixes() -> tuple[str, ...]:
    """Return the suffixes that :func:`load` reads.

    Examples
    --------
    >>> supported_suffixes()
    ('.nnet', '.npz', '.onnx', '.onnx.gz', '.pt', '.pt2', '.pth', '.safetensors')
    """
    return tuple(sorted(_READERS))
