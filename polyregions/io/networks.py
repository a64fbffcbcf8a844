"""Files opened by what they hold: networks and results; a reader is imported when it is needed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from inspect import signature
from os import PathLike
from pathlib import Path

from polyregions.domain import Box
from polyregions.errors import FormatError, NetworkError, kind_of
from polyregions.files.reading import file_path, format_suffix
from polyregions.network import Network
from polyregions.regions import Regions

__all__ = ["input_box", "load", "open_regions", "save_network", "supported_suffixes"]

# module and function by suffix: a reader is imported when a file of its kind is opened
_READERS = {
    ".ckpt": ("torch_files", "load_torch"),
    ".nnet": ("nnet", "load_nnet"),
    ".npz": ("npz", "load_npz"),
    ".onnx": ("onnx_graph", "load_onnx"),
    ".onnx.gz": ("onnx_graph", "load_onnx"),
    ".pt": ("torch_files", "load_torch"),
    ".pt2": ("torch_export", "load_pt2"),
    ".pth": ("torch_files", "load_torch"),
    ".safetensors": ("safetensors", "load_safetensors"),
}

_WRITERS = {".npz": ("npz", "save_npz"), ".onnx": ("onnx_model", "save_onnx")}

_UNUSED = {
    "activation": "an activation, because they say themselves what their units are; leave it out",
    "output": "the name of an output, because they have only one; leave it out",
}


def load(
    path: str | Path,
    *,
    name: str | None = None,
    activation: str | None = None,
    output: str | int | None = None,
) -> Network:
    """Read a network from a file.

    Parameters
    ----------
    path : str or Path
        The suffix says which reader is used: .nnet
        (:func:`~polyregions.io.nnet.load_nnet`), .npz
        (:func:`~polyregions.io.npz.load_npz`), .onnx and .onnx.gz
        (:func:`~polyregions.io.onnx_graph.load_onnx`), .pt2
        (:func:`~polyregions.io.torch_export.load_pt2`), .pt, .pth and .ckpt
        (:func:`~polyregions.io.torch_files.load_torch`), .safetensors
        (:func:`~polyregions.io.safetensors.load_safetensors`).
    name : str, optional
        Name of the network; by default that of the file.
    activation : str, optional
        What stands between the layers of a file that holds weights only (a state dict in
        .pt, .pth, .ckpt or .safetensors), such as ``"relu"`` or ``"leaky_relu:0.1"``, see
        :mod:`~polyregions.io.state_dicts`. Such a file is read only with it, and
        ``Network.assumed`` repeats it.
    output : str or int, optional
        Which output of a program with several (.onnx, .pt2), by its name or its number
        from 0; by default all real-valued ones side by side, with a warning.

    Returns
    -------
    Network
        Its parameters are the floats of the file. Nothing is rounded but the
        reciprocal of a constant divisor that is no power of two, which warns, and
        the factors of batch normalisation.

    Raises
    ------
    FormatError
        If the suffix is not known; if the file is missing, truncated or malformed; if it
        needs an activation, or is given an argument that its format has no use for.
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
    file = file_path(path)
    suffix = format_suffix(file)
    if suffix not in _READERS:
        raise FormatError(
            f"the name {file} does not end like that of a network file; "
            f"supported are {', '.join(supported_suffixes())}"
        )
    module, function = _READERS[suffix]
    reader: Callable[..., Network] = getattr(import_module(f"polyregions.io.{module}"), function)
    chosen = {"activation": activation, "output": output}
    given = {option: value for option, value in chosen.items() if value is not None}
    for option in given.keys() - signature(reader).parameters.keys():
        raise FormatError(f"{file}: files {file.suffix} have no use for {_UNUSED[option]}")
    return reader(file, name=name, **given)


def save_network(network: Network, path: str | Path) -> None:
    """Write a network to a file that :func:`load` reads back as the same function, exactly.

    Parameters
    ----------
    network : Network
    path : str or Path
        ``.npz`` keeps layers and slopes as they are; equal networks give equal bytes.
        ``.onnx`` (extra ``onnx``) is a graph of Gemm and Relu in double precision, with PRelu
        where a layer also has units that do not bend.

    Raises
    ------
    NetworkError
        If there is no network.
    FormatError
        If the suffix is another or the file cannot be written.
    MissingExtraError
        If .onnx is asked for without the package.

    Examples
    --------
    >>> import tempfile
    >>> net = Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[2.0, -4.0]], [0.0])])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "tent.npz"
    ...     save_network(net, file)
    ...     load(file).fingerprint == net.fingerprint
    True
    """
    if not isinstance(network, Network):
        raise NetworkError(
            f"a network is expected, not {kind_of(network)}: make one with pr.load, pr.from_torch "
            f"or pr.Network.from_arrays"
        )
    file = file_path(path)
    if file.suffix.lower() not in _WRITERS:
        raise FormatError(
            f"a network is saved as {' or '.join(_WRITERS)}, but the path is {file}; change its "
            f"suffix"
        )
    module, function = _WRITERS[file.suffix.lower()]
    writer: Callable[[Network, Path], None] = getattr(
        import_module(f"polyregions.io.{module}"), function
    )
    try:
        writer(network, file)
    except OSError as error:
        raise FormatError(f"{file} cannot be written ({error.strerror})") from None


def input_box(path: str | Path) -> Box | None:
    """Return the box of inputs that a network file names, or None where it names none.

    Parameters
    ----------
    path : str or Path
        Of the formats of :func:`load`, .nnet alone has input ranges
        (:func:`~polyregions.io.nnet.nnet_input_box`).

    Returns
    -------
    Box or None

    Raises
    ------
    FormatError
        If the file is missing, truncated or malformed.
    DomainError
        If the file names ranges that make no box.

    Examples
    --------
    >>> from polyregions import examples
    >>> input_box(examples.path("digits4")) is None
    True
    """
    if file_path(path).suffix.lower() != ".nnet":
        return None
    from polyregions.io.nnet import nnet_input_box

    return nnet_input_box(path)


def supported_suffixes() -> tuple[str, ...]:
    """Return the suffixes that :func:`load` reads.

    Examples
    --------
    >>> supported_suffixes()
    ('.ckpt', '.nnet', '.npz', '.onnx', '.onnx.gz', '.pt', '.pt2', '.pth', '.safetensors')
    """
    return tuple(sorted(_READERS))


def open_regions(path: str | PathLike[str]) -> Regions:
    """Read a result that :meth:`polyregions.Regions.save` wrote.

    Parameters
    ----------
    path : str or path-like
        A file ``.npz``, or a folder of Parquet tables (:mod:`polyregions.io.partitions`),
        which is read into memory as a whole.

    Returns
    -------
    Regions

    Raises
    ------
    FormatError
        If the file cannot be read, is truncated or changed, is not a result, or
        was written by a newer version.

    Examples
    --------
    >>> import tempfile
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pr.enumerate_regions(net, pr.Box.cube(1, 1.0)).save(f"{folder}/out.npz")
    ...     len(pr.open_regions(f"{folder}/out.npz"))
    2
    """
    name = file_path(path).name
    if Path(path).is_dir():
        from polyregions.io.partitions import open_partitions

        return open_partitions(path)
    from polyregions.regions.archive import fields_of, read_result_arrays

    return Regions(**fields_of(read_result_arrays(path), name))
