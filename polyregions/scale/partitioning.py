"""From a checkpoint to Parquet: an external sort by pattern.

In memory are the patterns and four bytes more per region, and one part at a time. What
the checkpoint holds in the order of discovery is dealt out to one file per part, and each
part is sorted when its turn comes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Arrays
from polyregions.io.partitions import (
    check_replaceable,
    is_result,
    write_edge_part,
    write_head,
    write_region_part,
)
from polyregions.run.problem import Problem, empty_result
from polyregions.scale.checkpoint import Checkpoint, Totals, read_chunks
from polyregions.walk.prefixes import empty_prefixes
from polyregions.walk.store import without
from polyregions.walk.walk_state import WalkState, sorted_numbers, witness_block

__all__ = [
    "LEAST_PART",
    "MOST_BUCKETS",
    "REPLACED_SUFFIX",
    "bucket_files",
    "deal",
    "pairs_of",
    "publish",
    "take_records",
    "write_partitions",
]

MOST_BUCKETS = 256  # their files are open together


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


REPLACED_SUFFIX = ".replaced"

LEAST_PART = 1 << 20  # least number of regions in a part


def write_partitions(
    problem: Problem, found: WalkState, checkpoint: Checkpoint, path: Path
) -> tuple[int, int]:
    """Write a folder of Parquet tables from a checkpoint that holds all of a walk.

    Parameters
    ----------
    problem : Problem
    found : Found
        Used up; only patterns, open numbers and exact witnesses are read.
    checkpoint : Checkpoint
    path : Path
        The folder; one that stands there is replaced when the new one is whole.

    Returns
    -------
    regions, edges : int
    """
    complete = found.finished
    found.prefixes = empty_prefixes(problem.flat)
    found.store = without(found.store, "table", "points", "bases")
    numbers, patterns = sorted_numbers(problem, found)
    found.store = without(found.store, "patterns")
    rank = np.full(found.count, -1, dtype=np.int32)
    rank[numbers] = np.arange(len(numbers), dtype=np.int32)
    size = max(LEAST_PART, -(-len(numbers) // MOST_BUCKETS))
    starts = range(0, len(numbers), size)

    sorting, whole = checkpoint.folder / "sorting", checkpoint.folder / "result"
    sorting.mkdir()
    whole.mkdir()
    m = problem.flat.dimension
    parts = len(starts)
    with (
        bucket_files(sorting, "edges", parts) as edges,
        bucket_files(sorting, "points", parts) as points,
    ):
        before = Totals()
        for totals, arrays in read_chunks(checkpoint):
            keys = _edge_keys(arrays["edges"], rank)
            deal(edges, (keys >> 32) // size, keys)
            records = _witness_records(arrays, before, totals, rank, m)
            deal(points, records["position"] // size, records)
            before = totals
    region_parts, edge_parts = [], []
    for index, start in enumerate(starts):
        block = slice(start, start + size)
        records = take_records(sorting / f"points-{index}", _witness_record(m))
        records.sort(order="position")
        if len(records) != len(numbers[block]):
            raise AssertionError("a region has no witness in the checkpoint: this is a bug")
        witnesses, exact = witness_block(problem, found, numbers[block], records["point"])
        region_parts.append(
            write_region_part(whole, index, start, patterns[block], witnesses, exact)
        )
        del records, witnesses
        keys = take_records(sorting / f"edges-{index}", np.dtype(np.int64))
        keys.sort()
        edge_parts.append(write_edge_part(whole, index, pairs_of(keys), patterns))
    publish(problem, found.exact_decisions, complete, whole, path, region_parts, edge_parts)
    return len(numbers), sum(part["rows"] for part in edge_parts)


def pairs_of(keys: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return pairs of ids from numbers with the first id in the upper half."""
    return np.stack([keys >> 32, keys & 0xFFFFFFFF], axis=1).astype(np.int32)


def publish(
    problem: Problem,
    exact_decisions: int,
    complete: bool,
    whole: Path,
    path: Path,
    region_parts: Sequence[Any],
    edge_parts: Sequence[Any],
) -> None:
    """Write the manifest of a folder and give it its name.

    A result that has the name is kept beside it until the new one has taken its place: no
    folder that may be deleted ever holds the only copy.
    """
    empty = replace(empty_result(problem), complete=complete, exact_decisions=exact_decisions)
    write_head(whole, empty, region_parts, edge_parts)
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


def _edge_keys(edges: NDArray[np.int32], rank: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return one number per edge, the rank of its lower end in front."""
    pairs = rank[edges].astype(np.int64)
    low, high = pairs.min(axis=1), pairs.max(axis=1)
    keys: NDArray[np.int64] = (low << 32 | high)[low >= 0]  # -1: an end that was not expanded
    return keys


def _witness_record(m: int) -> np.dtype[Any]:
    return np.dtype([("position", np.int32), ("point", np.float64, (m,))])


def _witness_records(
    arrays: Arrays, before: Totals, totals: Totals, rank: NDArray[np.int32], m: int
) -> NDArray[Any]:
    """Return position and chart point of the regions that were decided in one chunk."""
    decided = np.ones(totals.expanded - before.expanded, dtype=bool)
    decided[arrays["opened"] - before.expanded] = False
    numbers = np.concatenate([before.expanded + np.flatnonzero(decided), arrays["late_numbers"]])
    records = np.empty(len(numbers), dtype=_witness_record(m))
    records["position"] = rank[numbers]
    records["point"] = np.concatenate([arrays["witnesses"][decided], arrays["late_points"]])
    return records
