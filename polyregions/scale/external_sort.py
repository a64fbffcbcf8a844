"""An external sort, and the folder of Parquet tables that it makes.

Records are dealt out to files, one for each range of what they are sorted by, and a range is
sorted when its turn comes: in memory is one range at a time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.io.partitions import (
    check_replaceable,
    is_result,
    write_edge_part,
    write_head,
    write_region_part,
)
from polyregions.pattern import Words
from polyregions.run.problem import Problem, empty_result

__all__ = [
    "REPLACED_SUFFIX",
    "SortedRegions",
    "bucket_files",
    "deal",
    "key_of_pairs",
    "range_size",
    "take_records",
    "write_tables",
]

LEAST_PART = 1 << 20  # least number of regions in a part
MOST_BUCKETS = 256  # their files are open together

REPLACED_SUFFIX = ".replaced"


def range_size(count: int) -> int:
    """Return how many of so many regions a range has."""
    return max(LEAST_PART, -(-count // MOST_BUCKETS))


@contextmanager
def bucket_files(folder: Path, name: str, count: int) -> Iterator[list[Any]]:
    """Open `count` files for writing, ``name-0`` and so on, while the block runs."""
    with ExitStack() as stack:
        yield [
            stack.enter_context((folder / f"{name}-{index}").open("wb")) for index in range(count)
        ]


def deal(files: Sequence[Any], buckets: NDArray[np.integer[Any]], records: NDArray[Any]) -> None:
    """Write each record to the file with the number that `buckets` gives it."""
    order = np.argsort(buckets, kind="stable")
    ends = np.searchsorted(buckets[order], np.arange(len(files) + 1))
    for index, file in enumerate(files):
        if ends[index] < ends[index + 1]:
            file.write(records[order[ends[index] : ends[index + 1]]].tobytes())


def take_records(path: Path, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Read all records of a file, and delete it."""
    array: NDArray[Any] = np.fromfile(path, dtype=dtype)
    path.unlink()
    return array


def key_of_pairs(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return one number for each pair of ids, the lower one in its upper half."""
    return np.minimum(one, other) << 32 | np.maximum(one, other)


class SortedRegions(NamedTuple):
    """Consecutive regions in the order of patterns; exact witnesses by row."""

    patterns: Words
    witnesses: Floats
    exact: dict[int, tuple[Fraction, ...]]


def write_tables(
    problem: Problem,
    whole: Path,
    path: Path,
    blocks: Iterable[SortedRegions],
    edges: Callable[[Sequence[int]], Iterable[NDArray[np.int64]]],
    patterns: Words,
    *,
    complete: bool,
    exact_decisions: int,
) -> tuple[int, int]:
    """Write a folder of tables, range by range, and give it its name when it is whole.

    Parameters
    ----------
    problem : Problem
    whole : Path
        A new folder on the disk of `path`.
    path : Path
    blocks : iterable of SortedRegions
    edges : callable
        From the first id of each block to the keys of the edges whose lower end is in each,
        sorted; called when all blocks are written.
    patterns : numpy.ndarray of uint64, shape (R, W)
        All of them, sorted; complete when all blocks are written.
    complete : bool
    exact_decisions : int

    Returns
    -------
    regions, edges : int

    Notes
    -----
    A result that has the name is kept beside it until the new one has taken its place: no
    folder that may be deleted ever holds the only copy.
    """
    whole.mkdir()
    region_parts, edge_parts, total = [], [], 0
    for index, block in enumerate(blocks):
        part = write_region_part(whole, index, total, *block)
        region_parts.append(part)
        total += part["rows"]
    for index, keys in enumerate(edges([part["first"] for part in region_parts])):
        pairs = np.stack([keys >> 32, keys & 0xFFFFFFFF], axis=1).astype(np.int32)
        edge_parts.append(write_edge_part(whole, index, pairs, patterns))
    empty = replace(empty_result(problem), complete=complete, exact_decisions=exact_decisions)
    write_head(whole, empty, region_parts, edge_parts)
    _publish(whole, path)
    return total, sum(part["rows"] for part in edge_parts)


def _publish(whole: Path, path: Path) -> None:
    old = path.with_name(path.name + REPLACED_SUFFIX)
    if path.exists():
        check_replaceable(path)
        if is_result(old):
            shutil.rmtree(old)
        os.rename(path, old)  # fails where something else has that name
        try:
            os.rename(whole, path)
        except OSError:
            os.rename(old, path)
            raise
    else:
        os.rename(whole, path)
    if is_result(old):
        shutil.rmtree(old)
