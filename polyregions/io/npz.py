"""Networks as numpy archives with the arrays W0, b0, W1, b1, and so on."""

from __future__ import annotations

import math
import re
import zipfile
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Arrays
from polyregions.domain import Polytope
from polyregions.errors import DomainError, FormatError, NetworkError
from polyregions.files.archives import write_npz
from polyregions.files.atomic import atomic_write
from polyregions.files.reading import largest_unpacked, read_bytes
from polyregions.io.exact_floats import MAX_ENTRIES, Floats, exact_floats
from polyregions.network import Layer, Network

__all__ = ["load_npz", "load_polytope", "npy_header", "read_arrays", "save_npz"]

_LAYER_KEY = re.compile(r"(W|b|lower|upper)(0|[1-9][0-9]{0,5})\Z")
_MAX_ARRAY_HEADER = 10_000
_REAL_KINDS = "fiu"

_POLYTOPE_KEY = re.compile(r"[Ab]\Z")


def load_npz(path: str | Path, *, name: str | None = None) -> Network:
    """Read a network from a numpy archive.

    Keys ``W0, b0, W1, b1, …`` hold weights of shape (out, in) and biases of
    shape (out,). Every layer but the last is followed by ReLU, unless
    ``lower0``, ``upper0`` (a number, or one per unit) give other slopes.
    Further keys are ignored. Pickled arrays are never read.

    Parameters
    ----------
    path : str or Path
    name : str, optional
        Name of the network; by default that of the file.

    Returns
    -------
    Network

    Raises
    ------
    FormatError
        If the file is missing, truncated, no numpy archive, or a key is missing.
    NetworkError
        If the arrays make no network: shapes, numbers, no hidden unit.

    Examples
    --------
    >>> from polyregions import examples
    >>> load_npz(examples.path("digits2")).input_dimension
    2
    """
    file = Path(path)
    arrays = read_arrays(file, _LAYER_KEY)
    count = _number_of_layers(arrays, file)
    layers = tuple(
        _layer_of_arrays(arrays, index, index == count - 1, file) for index in range(count)
    )
    return Network(layers, name=file.stem if name is None else name)


def save_npz(network: Network, path: Path) -> None:
    """Write a network as a numpy archive; see :func:`polyregions.io.save_network`.

    Slopes are written for layers that are not plain ReLU layers. Arrays that
    float32 holds exactly are stored as float32. Equal networks give equal bytes.
    """
    arrays: dict[str, Any] = {}
    for index, layer in enumerate(network.layers):
        arrays[f"W{index}"] = _smallest(layer.weight)
        arrays[f"b{index}"] = _smallest(layer.bias)
        usual = _usual_slopes(index == len(network.layers) - 1)
        if (layer.lower != usual[0]).any() or (layer.upper != usual[1]).any():
            arrays[f"lower{index}"] = _smallest(layer.lower)
            arrays[f"upper{index}"] = _smallest(layer.upper)
    with atomic_write(path) as stream:
        write_npz(stream, arrays)


def _usual_slopes(last: bool) -> tuple[float, float]:
    return (1.0, 1.0) if last else (0.0, 1.0)


def _smallest(array: Floats) -> NDArray[Any]:
    with np.errstate(over="ignore"):
        narrow = array.astype(np.float32)
    return narrow if np.array_equal(narrow.astype(np.float64), array) else array


def read_arrays(file: Path, keys: re.Pattern[str]) -> dict[str, NDArray[Any]]:
    """Read the arrays of a numpy archive whose names match a pattern, never unpickling.

    Raises
    ------
    FormatError
        If the file is missing, truncated or no numpy archive, or claims more than it holds.

    Notes
    -----
    The arrays together may hold as much as memory is meant for; this is known from their
    headers, before any of them is unpacked, and counts each number as the float it becomes.
    """
    data = read_bytes(file)
    limit = min(8 * MAX_ENTRIES, largest_unpacked(len(data)))
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = [m for m in archive.infolist() if m.filename.endswith(".npy")]
            if len({m.filename for m in members}) < len(members):
                raise FormatError("it holds an array twice; save it again")
            wanted = {m.filename[:-4]: m for m in members if keys.match(m.filename[:-4])}
            _check_total(sum(member.file_size for member in wanted.values()), limit)
            _check_total(sum(8 * _claimed_entries(archive, m) for m in wanted.values()), limit)
            return {key: _read_array(archive, member) for key, member in wanted.items()}
    except (FormatError, NetworkError) as error:
        raise type(error)(f"{file}: {error}") from None
    # a damaged archive fails in many ways inside zipfile, zlib and numpy
    except Exception as error:
        raise FormatError(
            f"{file} is not a readable numpy archive ({_short_error(error)}); "
            "it may be truncated: copy or save it again"
        ) from None


def _check_total(size: int, limit: int) -> None:
    if size > limit:
        raise FormatError(
            f"its arrays fill {size} bytes, more than the {limit} that a file of its size may; "
            f"save it with numpy.savez, uncompressed, or a smaller network"
        )


def npy_header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return the shape and the type of the array that a stream begins with."""
    header = np.lib.format
    version = header.read_magic(stream)
    read = header.read_array_header_1_0 if version == (1, 0) else header.read_array_header_2_0
    shape, _, dtype = read(stream, max_header_size=_MAX_ARRAY_HEADER)
    return shape, dtype


def _claimed_entries(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> int:
    """Return how many numbers an array holds, by its header."""
    key = member.filename[:-4]
    with archive.open(member) as stream:
        shape, dtype = npy_header(stream)
        if dtype.hasobject or dtype.kind not in _REAL_KINDS:
            raise FormatError(f"{key} holds {dtype} entries; save real numbers, not objects")
        size = math.prod(shape)
        # numpy would allocate what the header claims before it reads
        if size < 0 or size * dtype.itemsize > member.file_size:
            raise FormatError(f"{key} claims the shape {shape}, which its data do not fill")
        return size


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(member) as stream:
        array: NDArray[Any] = np.lib.format.read_array(
            stream, allow_pickle=False, max_header_size=_MAX_ARRAY_HEADER
        )
        if stream.read(1):
            raise FormatError(
                f"{member.filename[:-4]} has data beyond its shape {array.shape}; save it again"
            )
    return array


def _number_of_layers(arrays: Arrays, file: Path) -> int:
    weights = {int(key[1:]) for key in arrays if key.startswith("W")}
    biases = {int(key[1:]) for key in arrays if key.startswith("b")}
    if not weights:
        raise FormatError(f"{file} has no array W0; name the arrays W0, b0, W1, b1, …")
    count = 1 + max(weights | biases)
    for index in range(min(count, len(weights) + 1)):
        for letter, present in (("W", weights), ("b", biases)):
            if index not in present:
                raise FormatError(
                    f"{file} has no array {letter}{index}, though it has {count} layers; "
                    f"name the arrays W0, b0, W1, b1, … without a gap"
                )
    return count


def _layer_of_arrays(arrays: Arrays, index: int, last: bool, file: Path) -> Layer:
    lower, upper = (arrays.get(f"{bound}{index}") for bound in ("lower", "upper"))
    if (lower is None) != (upper is None):
        raise FormatError(f"{file} has only one of lower{index} and upper{index}; give both")
    slopes = [np.array(slope) for slope in _usual_slopes(last)]
    try:
        if lower is not None and upper is not None:
            slopes = [exact_floats(lower, f"lower{index}"), exact_floats(upper, f"upper{index}")]
        weight = exact_floats(arrays[f"W{index}"], f"W{index}")
        bias = exact_floats(arrays[f"b{index}"], f"b{index}")
        for slope in slopes:
            if slope.shape not in ((), bias.shape):
                raise NetworkError(f"slopes of shape {slope.shape} do not fit {bias.shape} units")
        return Layer.with_slopes(weight, bias, slopes[0], slopes[1])
    except NetworkError as error:
        raise NetworkError(f"{file}, layer {index}: {error}") from None


def _short_error(error: Exception) -> str:
    text = str(error).split("\n", maxsplit=1)[0]
    return text[:120] or type(error).__name__


def load_polytope(path: str | Path) -> Polytope:
    """Read a polytope from a numpy archive.

    Parameters
    ----------
    path : str or Path
        Saved by ``numpy.savez(path, A=A, b=b)``, A of shape (q, n) and b of shape (q,).
        Further arrays are ignored. Pickled arrays are never read.

    Returns
    -------
    Polytope

    Raises
    ------
    FormatError
        If the file is missing, truncated, no numpy archive, or lacks an array.
    DomainError
        If the arrays make no polytope; see :class:`~polyregions.domain.Polytope`.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> path = tempfile.mkdtemp() + "/interval.npz"
    >>> np.savez(path, A=[[1.0], [-2.0]], b=[1.0, 1.0])
    >>> load_polytope(path)
    Polytope([[1.0], [-2.0]], [1.0, 1.0])
    """
    file = Path(path)
    arrays = read_arrays(file, _POLYTOPE_KEY)
    for key in ("A", "b"):
        if key not in arrays:
            raise FormatError(f"{file} has no array {key}; save it with numpy.savez(…, A=A, b=b)")
    try:
        matrix, bounds = (exact_floats(arrays[key], key) for key in ("A", "b"))
        return Polytope(matrix, bounds)
    except (DomainError, NetworkError) as error:
        raise DomainError(f"{file}: {error}") from None
