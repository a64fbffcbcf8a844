"""What the checkers of certificates read: a file's arrays, and a network's floats as integers.

This module imports the standard library, numpy and python-flint only, as the checkers do, which
import it and nothing else of the package.

**Forgeries.** A file is what docs/certificate.md says, byte after byte: members stored one behind
the other, each a header of known form and as many bytes as its type and shape say. So nothing is
made that is larger than the file.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from os import PathLike
from typing import Any, Literal, TypeAlias

import flint
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Array",
    "Layers",
    "Refused",
    "common_exponent",
    "digest_of",
    "exact_layers",
    "fractions",
    "is_said",
    "layers_to_check",
    "rationals",
    "read_members",
    "refuse_first",
    "require",
    "scaled_integers",
    "value_at",
]

Array: TypeAlias = NDArray[Any]
Layers: TypeAlias = list[tuple[Array, Array, Array, Array]]
# of each array numpy's letters of the types it may have, and one character for each axis
Kinds: TypeAlias = Mapping[str, tuple[str, str]]
HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(..)\{'descr': '([<>|][iufU]\d{1,9})', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,18}, ?)*\d{0,18})\), \} *\n",
    re.DOTALL,
)
FRACTION = re.compile(r"(-?[0-9a-f]+)/([0-9a-f]+)")
DIRECTORY = 2**13  # the archive's own bytes are fewer than these


class Refused(ValueError):  # noqa: N818 - says what happened, not what went wrong
    """The certificate proves nothing; the message names the first claim that fails."""


def require(condition: Any, what: str) -> None:
    """Refuse a certificate that does not satisfy a condition."""
    if not condition:
        raise Refused(what)


def refuse_first(failed: Array, message: str) -> None:
    """Refuse a certificate, with the place of the first failure, if there is any."""
    for place in np.argwhere(failed)[:1]:
        raise Refused(message.format(*place))


def read_members(
    path: str | PathLike[str], kinds: Kinds, name: str, version: int
) -> dict[str, Array]:
    """Return the arrays of a file of one format, whose types and shapes are as `kinds` says.

    Raises
    ------
    Refused
        If the file is anything else. Nothing is made that is larger than the file.
    """
    try:
        members = _members(path, [f"{key}.npy" for key in kinds])
        file = {key: _array(key, data, *kinds[key]) for key, data in members}
    except (MemoryError, OSError):
        raise
    except Exception as error:  # whatever a damaged file makes the readers raise
        raise Refused(f"the file is damaged or not a certificate ({error})") from None
    require(str(file["format"]) == name, "the file is not a certificate")
    found = int(file["version"])
    require(found == version, f"the format has version {found}, not {version}")
    return file


def is_said(path: str | PathLike[str], kinds: Kinds) -> bool:
    """Return whether a file is an archive whose members are named as `kinds` says."""
    try:
        with _Directory(path) as stream, zipfile.ZipFile(stream) as archive:
            return archive.namelist() == [f"{key}.npy" for key in kinds]
    except OSError:
        raise
    except Exception:  # what is no archive is refused by who reads it
        return False


class _Directory(io.FileIO):
    """A file of which little is read at a time: a forged directory may claim any length."""

    def read(self, size: int | None = -1, /) -> Any:
        require(size is not None and size <= DIRECTORY, "its directory is too long")
        return super().read(size)


def _members(path: str | PathLike[str], names: list[str]) -> list[tuple[str, bytes]]:
    """Return the members of an archive that holds such arrays in order and nothing else."""
    with _Directory(path) as first, zipfile.ZipFile(first) as archive:
        members, directory = archive.infolist(), archive.start_dir
    require([m.filename for m in members] == names, "wrong arrays")
    place, found = 0, []
    with open(path, "rb") as stream:
        for member in members:
            stream.seek(place)
            header, name = stream.read(30), stream.read(len(member.filename))
            lengths = [int.from_bytes(header[k : k + 2], "little") for k in (26, 28)]
            begin = place + 30 + sum(lengths)
            # no flags, no method; beside the name only sizes that do not fit into the header
            plain = header[:4] + header[6:10] == b"PK\3\4" + bytes(4)
            plain &= name == member.filename.encode() and lengths[0] == len(name)
            plain &= lengths[1] <= 32 and not (member.flag_bits or member.compress_type)
            plain &= member.compress_size == member.file_size and member.header_offset == place
            place = begin + member.file_size
            require(plain and place <= directory, f"{name!r} is not stored as it is")
            stream.seek(begin)
            data = stream.read(member.file_size)
            require(zlib.crc32(data) == member.CRC, f"{name!r} has another checksum")
            found.append((member.filename.removesuffix(".npy"), data))
        stream.seek(directory)
        rest = stream.read(2 * DIRECTORY)
    whole = place == directory and rest.rfind(b"PK\5\6") == len(rest) - 22
    require(whole, "there are other bytes in the archive")
    return found


def _array(key: str, data: bytes, kinds: str, letters: str) -> Array:
    """Return what the bytes of a member say, without a copy."""
    header = HEADER.match(data)
    require(header, f"{key} is no array of numbers or text: nothing is unpickled")
    assert header is not None
    length, code, by_columns, shape = header.groups()
    dtype, start = np.dtype(code.decode()), 10 + int.from_bytes(length, "little")
    sizes = [int(part) for part in shape.split(b",") if part.strip()]
    entries = math.prod(sizes)
    whole = start == header.end() and len(data) - start == entries * dtype.itemsize
    typed = dtype.itemsize and (dtype.char in kinds or dtype.kind in kinds)
    require(whole and typed and len(sizes) == len(letters), f"{key} has the wrong shape or type")
    if dtype.kind == "U":
        points = np.frombuffer(data, dtype.str[0] + "u4", offset=start)
        require((points < 128).all(), f"{key} holds other characters than its own")
    order: Literal["F", "C"] = "F" if by_columns == b"True" else "C"
    return np.frombuffer(data, dtype, offset=start).reshape(sizes, order=order)


def layers_to_check(layers: Any) -> Layers:
    """Return (weight, bias, lower, upper) of each layer of a network, as float64.

    Raises
    ------
    TypeError
        If it is no network.
    """
    if hasattr(layers, "layers"):
        layers = [(x.weight, x.bias, x.lower, x.upper) for x in layers.layers]
    if not isinstance(layers, Sequence) or any(len(layer) != 4 for layer in layers):
        raise TypeError(
            f"the network comes first, as one (weight, bias, lower, upper) per layer or with such "
            f"layers, not as {type(layers).__name__}; read a file with polyregions.load"
        )
    return [tuple(np.asarray(a, np.float64) for a in layer) for layer in layers]  # type: ignore[misc]


def digest_of(layers: Layers) -> Any:
    """Return the SHA-256 of a network."""
    digest = hashlib.sha256()
    for layer in layers:
        digest.update(np.array(layer[0].shape, dtype="<i8").tobytes())
        for array in layer:
            digest.update((array + 0.0).astype("<f8").tobytes())
    return digest


def exact_layers(layers: Layers) -> list[tuple[Any, ...]]:
    """Return (weight, bias, lower, upper, bends, factor) of each layer in integers.

    Weights and biases are multiplied by a power of two, slopes by another one; `factor` is
    their product.
    """
    found = []
    for weight, bias, low, up in layers:
        first, second = common_exponent(weight, bias), common_exponent(low, up)
        vectors = [
            scaled_integers(a, k).tolist()[0]
            for a, k in ((bias, first), (low, second), (up, second))
        ]
        found.append((scaled_integers(weight, first), *vectors, low != up, 1 << (first + second)))
    return found


def common_exponent(*arrays: Array) -> int:
    """Return the least k >= 0 such that all entries times 2**k are integers."""
    values = np.concatenate([np.unique(array) for array in arrays]).tolist()
    return max(float(value).as_integer_ratio()[1].bit_length() - 1 for value in values)


def scaled_integers(array: Array, exponent: int) -> Any:
    """Return a matrix, or a vector as one row, times 2**exponent."""
    ratios = [value.as_integer_ratio() for value in array.ravel().tolist()]
    entries = [top * ((1 << exponent) // bottom) for top, bottom in ratios]
    rows, columns = np.atleast_2d(array).shape
    return flint.fmpz_mat(rows, columns, entries)


def value_at(row: Sequence[Any], point: Sequence[Any]) -> Any:
    """Return the value of a row of integers at a column."""
    return sum((a * b for a, b in zip(row, point, strict=True)), flint.fmpz(0))


def rationals(key: str, texts: Sequence[str]) -> list[Fraction]:
    """Return numbers that are written numerator/denominator, in hexadecimal."""
    found = [FRACTION.fullmatch(text) for text in texts]
    require(all(found), f"{key}: a number is not a fraction")
    pairs = [(int(pair[1], 16), int(pair[2], 16)) for pair in found if pair]
    require(all(bottom for _, bottom in pairs), f"{key}: a denominator is zero")
    return [Fraction(*pair) for pair in pairs]


def fractions(key: str, table: Array, count: int) -> dict[int, list[Any]]:
    """Return exact coordinates by number, below `count` and each above the one before."""
    points: dict[int, list[Any]] = {}
    last = -1
    for number, *texts in table.tolist():
        where, *values = rationals(key, [f"{number}/1", *texts])
        require(last < where < count, f"{key}: the numbers do not increase, or name nothing")
        last = int(where)
        points[last] = [flint.fmpq(v.numerator, v.denominator) for v in values]
    return points
