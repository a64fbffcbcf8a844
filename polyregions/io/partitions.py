"""Results as a folder of Parquet tables, for sizes that fit no single file or memory.

A folder holds ``regions/part-00000.parquet``, …, ``edges/part-00000.parquet``, …, the
network and domain in ``problem.npz``, and ``manifest.json``, which lists the parts and
says how many regions and edges there are and whether they are all.

Regions are sorted by pattern over all parts; ``region`` is the row's number in this order
and what ``source`` and ``target`` of an edge refer to. An edge stands in the part whose
regions hold its source, the lower number.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.domain import Domain, Polytope
from polyregions.errors import FormatError
from polyregions.files.archives import OtherVersionError, read_manifest, signed, value_of
from polyregions.files.atomic import atomic_write
from polyregions.files.reading import import_extra, regular_file
from polyregions.pattern import Words, unpack
from polyregions.regions import Regions
from polyregions.regions.archive import (
    exact_arrays,
    fields_of,
    read_result_arrays,
    save_regions,
    strictly_increasing,
)

__all__ = [
    "THIN",
    "check_replaceable",
    "is_result",
    "open_partitions",
    "write_edge_part",
    "write_head",
    "write_region_part",
]

PartEntry = dict[str, Any]

_ROWS_AT_A_TIME = 1 << 16  # rows that are read at a time

THIN = 1  # bit of `flags`: no float point lies in the region; `exact` holds the witness

PARTITIONS_FORMAT, PARTITIONS_VERSION = "polyregions partitions", 1
MANIFEST_FILE, PROBLEM = "manifest.json", "problem.npz"
_NAME = re.compile(r"(regions|edges)/part-[0-9]{5,9}\.parquet")


def check_replaceable(path: Path) -> None:
    """Refuse a name that stands for anything but an earlier result of this kind.

    Raises
    ------
    FormatError
        If the name is taken by something else.
    MissingExtraError
        If pyarrow is not installed.
    """
    import_extra("pyarrow.parquet", "parquet", "writing Parquet")
    if path.exists() and not is_result(path):
        raise FormatError(
            f"{path} exists and is no result of this program in Parquet, or holds other files; "
            f"choose another name"
        )


def write_region_part(
    folder: Path,
    index: int,
    first: int,
    patterns: Words,
    witnesses: NDArray[np.float64],
    exact: Mapping[int, tuple[Fraction, ...]],
) -> PartEntry:
    """Write consecutive regions, numbered from `first`.

    Parameters
    ----------
    folder : Path
    index : int
        Number of the part.
    first : int
    patterns : numpy.ndarray of uint64, shape (k, W)
    witnesses : numpy.ndarray of float64, shape (k, n)
    exact : mapping of int to tuple of Fraction
        Witnesses of thin regions, by row.

    Returns
    -------
    dict
        The part's entry in the manifest.

    Notes
    -----
    Columns: ``region`` (int32); ``pattern``, 8 W bytes, words in order, each with its most
    significant byte first, so that bytes sort like patterns and print in hexadecimal as
    in every other output; ``x0``, ``x1``, … (the witness); ``flags``; ``exact`` (null, or
    the coordinates as fractions).
    """
    pyarrow: Any = import_extra("pyarrow", "parquet", "writing Parquet")
    count, words = patterns.shape
    packed = pyarrow.py_buffer(patterns.astype(">u8").tobytes())
    flags = np.zeros(count, dtype=np.uint8)
    flags[list(exact)] = THIN
    texts: list[list[str] | None] = [None] * count
    for row, point in exact.items():
        texts[row] = [f"{v.numerator:x}/{v.denominator:x}" for v in point]
    axes = {f"x{axis}": column.copy() for axis, column in enumerate(witnesses.T)}
    table = pyarrow.table(
        {
            "region": np.arange(first, first + count, dtype=np.int32),
            "pattern": pyarrow.FixedSizeBinaryArray.from_buffers(
                pyarrow.binary(8 * words), count, [None, packed]
            ),
            **axes,
            "flags": flags,
            "exact": pyarrow.array(texts, pyarrow.list_(pyarrow.string())),
        }
    )
    encodings = {"region": "DELTA_BINARY_PACKED", **dict.fromkeys(axes, "BYTE_STREAM_SPLIT")}
    return _write(folder, "regions", index, table, encodings) | {"first": first}


def write_edge_part(
    folder: Path, index: int, edges: NDArray[np.int32], patterns: Words
) -> PartEntry:
    """Write edges, sorted; `patterns` are those of all regions.

    Returns
    -------
    dict
        The part's entry in the manifest.

    Notes
    -----
    Columns: ``source``, ``target`` (int32); ``unit``, the unit whose sign changes, the
    lowest of them if there are several; then ``units`` lists them all, else it is null.
    """
    pyarrow: Any = import_extra("pyarrow", "parquet", "writing Parquet")
    unit, several = _switching_units(edges, patterns)
    units = pyarrow.array(several, pyarrow.list_(pyarrow.int32()))
    source, target = edges.T.copy()
    table = pyarrow.table({"source": source, "target": target, "unit": unit, "units": units})
    delta = dict.fromkeys(("source", "target"), "DELTA_BINARY_PACKED")
    return _write(folder, "edges", index, table, delta)


def write_head(
    folder: Path, empty: Regions, regions: Sequence[PartEntry], edges: Sequence[PartEntry]
) -> None:
    """Write the manifest and the problem; `empty` is the result without its arrays."""
    save_regions(empty, folder / PROBLEM)
    network = empty.network
    manifest = {
        "format": PARTITIONS_FORMAT,
        "version": PARTITIONS_VERSION,
        "network": {"name": network.name, "fingerprint": network.fingerprint},
        "domain": _domain_record(empty.domain),
        "input_dimension": network.input_dimension,
        "hidden_units": network.hidden_units,
        "regions": sum(part["rows"] for part in regions),
        "edges": sum(part["rows"] for part in edges),
        "complete": empty.complete,
        "proven": empty.proven,
        "exact_decisions": empty.exact_decisions,
        "parts": {"regions": list(regions), "edges": list(edges)},
    }
    with atomic_write(folder / MANIFEST_FILE) as stream:
        stream.write(signed(manifest))


def _domain_record(domain: Domain | None) -> dict[str, Any] | None:
    if domain is None:
        return None
    box = {"lower": domain.box.lower.tolist(), "upper": domain.box.upper.tolist()}
    if isinstance(domain, Polytope):
        return {"A": domain.A.tolist(), "b": domain.b.tolist(), **box}
    return box


def open_partitions(path: str | PathLike[str]) -> Regions:
    """Read a folder into memory.

    Raises
    ------
    FormatError
        If it is no such folder, or a part is missing or damaged.
    MissingExtraError
        If pyarrow is not installed.
    """
    folder = Path(path)
    head, parts = manifest_of(folder)
    arrays = read_result_arrays(folder / PROBLEM)
    try:
        arrays |= _read_parts(folder, head, parts, arrays)
    except FormatError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise FormatError(
            f"the tables in {folder.name} are damaged or of another kind ({error}); write them "
            f"again"
        ) from None
    return Regions(**fields_of(arrays, folder.name))


def _read_parts(
    folder: Path,
    head: Head,
    parts: Mapping[str, Sequence[ListedPart]],
    arrays: Mapping[str, NDArray[Any]],
) -> dict[str, NDArray[Any]]:
    """Return the arrays that all parts hold; those of `arrays` are empty, and say their shape."""
    empty, n = arrays["patterns"], head.input_dimension
    if arrays["witnesses"].shape != (0, n):
        raise ValueError(f"{PROBLEM} is another's")
    count = 0
    patterns, witnesses, edges = ([arrays[key]] for key in ("patterns", "witnesses", "edges"))
    exact: dict[int, tuple[Fraction, ...]] = {}
    for table in _tables(folder, parts["regions"]):
        patterns.append(_words(table["pattern"], 8 * empty.shape[1]))
        _require_order(patterns)
        witnesses.append(np.stack([_number_column(table[f"x{axis}"]) for axis in range(n)], axis=1))
        for row in np.flatnonzero(_number_column(table["flags"]) & THIN).tolist():
            pairs = (text.split("/") for text in table["exact"][row].as_py())
            exact[count + row] = tuple(Fraction(int(p, 16), int(q, 16)) for p, q in pairs)
        count += len(table)
    for table in _tables(folder, parts["edges"]):
        pair = [_number_column(table[name]) for name in ("source", "target")]
        edges.append(np.stack(pair, axis=1))
        _require_order(edges)
    said = [head.regions, head.edges, head.complete, head.proven]
    if said != [count, sum(map(len, edges)), arrays["complete"], arrays["proven"]]:
        raise ValueError(f"{MANIFEST_FILE} does not agree with the tables")
    return {
        "patterns": np.concatenate(patterns),
        "witnesses": np.concatenate(witnesses),
        "edges": np.concatenate(edges),
        **exact_arrays(exact, n),
    }


def _require_order(blocks: Sequence[NDArray[Any]]) -> None:
    """Refuse rows that do not increase, as soon as they are read."""
    if not strictly_increasing(np.concatenate([blocks[-2][-1:], blocks[-1]])):
        raise ValueError("rows are not sorted")


def _number_column(column: Any) -> NDArray[Any]:
    """Return a column of numbers."""
    if column.null_count:
        raise ValueError("a number is missing")
    array: NDArray[Any] = column.to_numpy()
    return array


def _words(column: Any, width: int) -> Words:
    """Return the packed patterns of a column, of so many bytes each."""
    if column.null_count or column.type.byte_width != width:
        raise ValueError("a pattern is missing, or of another length")
    rows = []
    for array in column.chunks:
        data = array.buffers()[1][array.offset * width : (array.offset + len(array)) * width]
        rows.append(np.frombuffer(data, dtype=">u8").reshape(-1, width // 8))
    return np.concatenate(rows).astype(np.uint64)


def _tables(folder: Path, parts: Sequence[ListedPart]) -> Iterator[Any]:
    """Yield the tables of all parts in order."""
    pyarrow: Any = import_extra("pyarrow", "parquet", "reading Parquet")
    parquet: Any = import_extra("pyarrow.parquet", "parquet", "reading Parquet")
    for part in parts:
        file = regular_file(folder / part.file)
        try:
            if part.bytes is not None and file.stat().st_size != part.bytes:
                raise ValueError(f"{part.file} has another size")
            if part.sha256 is not None and _sha256(file) != part.sha256:
                raise ValueError(f"{part.file} was changed")
            opened = parquet.ParquetFile(file, page_checksum_verification=True)
            if opened.metadata.num_rows != part.rows:
                raise ValueError(f"{part.file} has {opened.metadata.num_rows} rows")
            # a few bytes of a column may stand for many equal rows, which no result has
            for batch in opened.iter_batches(_ROWS_AT_A_TIME):
                yield pyarrow.table(batch)
        except OSError as error:
            raise FormatError(
                f"{part.file} in {folder.name} cannot be read ({error}); write it again"
            ) from None


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _switching_units(
    edges: NDArray[np.int32], patterns: Words
) -> tuple[NDArray[np.int32], list[list[int] | None]]:
    """Return the lowest unit that switches at each edge, and all where there are several."""
    masks = patterns[edges[:, 0]] ^ patterns[edges[:, 1]]
    lowest = np.full(len(edges), -1, dtype=np.int32)
    for word, mask in reversed(list(enumerate(masks.T))):
        # the bits below the lowest one that is set
        below = np.bitwise_count((mask & (~mask + np.uint64(1))) - np.uint64(1))
        lowest[mask != 0] = 64 * word + below[mask != 0].astype(np.int32)
    several: list[list[int] | None] = [None] * len(edges)
    rows = np.flatnonzero(np.bitwise_count(masks).sum(axis=1, dtype=np.int64) > 1)
    for row, bits in zip(rows.tolist(), unpack(masks[rows], 64 * masks.shape[1]), strict=True):
        several[row] = np.flatnonzero(bits).tolist()
    return lowest, several


def _write(
    folder: Path, kind: str, index: int, table: Any, encodings: Mapping[str, str]
) -> PartEntry:
    """Write one part and return its entry in the manifest."""
    parquet: Any = import_extra("pyarrow.parquet", "parquet", "writing Parquet")
    name = f"{kind}/part-{index:05d}.parquet"
    (folder / kind).mkdir(exist_ok=True)
    file = folder / name
    with atomic_write(file) as stream:
        parquet.write_table(
            table,
            stream,
            compression="zstd",
            compression_level=3,
            # patterns and floats repeat too rarely; the rest has few values
            use_dictionary=[name for name in ("unit", "flags") if name in table.column_names],
            column_encoding=dict(encodings),
            write_page_checksum=True,
        )
    size = file.stat().st_size
    return {"file": name, "rows": len(table), "bytes": size, "sha256": _sha256(file)}


# --- the manifest -------------------------------------------------------------


@dataclass(frozen=True)
class ListedPart:
    """What the manifest says of a part; 0.1.0 wrote no checksums."""

    file: str
    rows: int
    bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Head:
    """What the manifest says of the result."""

    input_dimension: int
    regions: int
    edges: int
    complete: bool
    proven: bool
    parts: dict[str, Any]


def manifest_of(folder: Path) -> tuple[Head, dict[str, list[ListedPart]]]:
    """Return what the manifest says, and the parts of each kind.

    Raises
    ------
    FormatError
        If there is none, or it is damaged or of another kind or version.
    """
    try:
        manifest = read_manifest(
            folder / MANIFEST_FILE, PARTITIONS_FORMAT, PARTITIONS_VERSION, unsigned=True
        )
        head = value_of(Head, manifest)
        kinds = {kind: head.parts.get(kind) for kind in ("regions", "edges")}
        if not all(isinstance(listed, list) for listed in kinds.values()):
            raise ValueError("its parts are no lists")
        parts = {
            kind: [value_of(ListedPart, part) for part in listed or ()]
            for kind, listed in kinds.items()
        }
        if not all(_NAME.fullmatch(part.file) for listed in parts.values() for part in listed):
            raise ValueError("it names a file outside")
        return head, parts
    except OSError as error:
        raise FormatError(
            f"{folder.name} is a folder whose {MANIFEST_FILE} cannot be read ({error.strerror}); "
            f"give one written by 'polyregions enumerate -o NAME.parquet'"
        ) from None
    except OtherVersionError as error:
        raise FormatError(f"{folder.name} has {error}; install a newer polyregions") from None
    except ValueError as error:
        raise FormatError(
            f"{MANIFEST_FILE} in {folder.name} is damaged or of another kind ({error}); write it "
            f"again"
        ) from None


def is_result(folder: Path) -> bool:
    """Return whether a folder is a result of this kind and holds nothing else."""
    try:
        _, parts = manifest_of(folder)
        found = {file.relative_to(folder).as_posix() for file in folder.rglob("*")}
    except (FormatError, OSError):
        return False
    listed = {part.file for kind in parts.values() for part in kind}
    return found <= listed | {MANIFEST_FILE, PROBLEM, *parts}
