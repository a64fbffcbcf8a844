"""Parts that workers wrote, put together to one folder of Parquet tables by an external sort.

Regions are sorted by pattern through files: dealt out to ranges of patterns, then sorted
range by range. An edge between two parts is in both, as a region and the pattern beyond;
the pattern is looked up as a whole, and both sides must agree. In memory are one part or
one range at a time; ids and sorted patterns are in files that are mapped.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.errors import CheckpointError
from polyregions.io.partitions import (
    check_replaceable,
    is_result,
    write_edge_part,
    write_head,
    write_region_part,
)
from polyregions.pattern import Words, n_words, order
from polyregions.run.problem import Problem, empty_result
from polyregions.scale.tasks import Part, Walked, read_part

__all__ = [
    "REPLACED_SUFFIX",
    "SortedRegions",
    "assemble",
    "bucket_files",
    "deal",
    "key_of_pairs",
    "places_of",
    "range_size",
    "take_records",
    "write_tables",
]

LEAST_PART = 1 << 20  # least number of regions in a part
MOST_BUCKETS = 256  # their files are open together

REPLACED_SUFFIX = ".replaced"
_SAMPLED_PATTERNS = 1 << 16  # patterns from which the ranges are made
_INNER, _FROM_BELOW, _FROM_ABOVE = 0, 1, 2  # who saw an edge

_EDGE = np.dtype([("key", np.int64), ("seen", np.uint8)])


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


@dataclass(frozen=True, eq=False)
class _Assembly:
    """What all steps share: the parts, with the number of the first region of each."""

    problem: Problem
    folder: Path
    scratch: Path
    parts: Sequence[Walked]
    firsts: Sequence[int]
    splitters: NDArray[Any]
    progress: Callable[[], None]

    @property
    def words(self) -> int:
        return n_words(self.problem.network.hidden_units)

    @property
    def buckets(self) -> int:
        return len(self.splitters) + 1

    def part(self, index: int) -> Part:
        one = self.parts[index]
        return read_part(self.folder / one.name, one.sizes)

    def bucket(self, patterns: Words) -> NDArray[np.intp]:
        """Return the ranges of patterns."""
        return np.searchsorted(self.splitters, _sortable(patterns), side="right")


def assemble(
    problem: Problem,
    folder: Path,
    parts: Sequence[Walked],
    path: Path,
    scratch: Path,
    *,
    complete: bool,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[int, int]:
    """Write a folder of Parquet tables from parts.

    Parameters
    ----------
    problem : Problem
    folder : Path
        Of the parts.
    parts : sequence of Walked
        Below disjoint prefixes; the result does not depend on their order.
    path : Path
        The result; one that stands there is replaced when the new one is whole.
    scratch : Path
        A folder for files that are needed meanwhile, on the disk of `path`.
    complete : bool
        Whether the parts are all. If so, every edge must be seen from both sides;
        otherwise edges that lead to no part are dropped.
    progress : callable, optional
        Called with the numbers of files done and to be done.

    Returns
    -------
    regions, edges : int

    Raises
    ------
    CheckpointError
        If a part is missing or damaged, or parts do not fit together.
    """
    parts = sorted(parts, key=lambda part: part.name)
    *firsts, total = accumulate((part.regions for part in parts), initial=0)
    sorting = scratch / "sorting"
    sorting.mkdir()
    splitters = _splitters(folder, parts, total)
    steps = 2 * len(parts) + 2 * (len(splitters) + 1)
    done = iter(range(1, steps + 1))
    work = _Assembly(
        problem,
        folder,
        sorting,
        parts,
        firsts,
        splitters,
        (lambda: progress(next(done), steps)) if progress is not None else (lambda: None),
    )
    patterns = _mapped(sorting / "patterns", np.uint64, (total, work.words))
    ids = _mapped(sorting / "ids", np.int32, (total,))
    sizes = write_tables(
        problem,
        scratch / "result",
        path,
        _blocks(work, patterns, ids) if total else (),
        partial(_edges, work, patterns, ids, complete),
        patterns,
        complete=complete,
        exact_decisions=sum(part.exact_decisions for part in parts),
    )
    del patterns, ids
    shutil.rmtree(sorting, ignore_errors=True)
    return sizes


def _mapped(path: Path, dtype: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return an array in a file, which cannot be empty."""
    return np.memmap(path, dtype, "w+", shape=shape) if shape[0] else np.empty(shape, dtype)


def _splitters(folder: Path, parts: Sequence[Walked], total: int) -> NDArray[Any]:
    """Return patterns that divide all into ranges of about equal size."""
    ranges = max(1, -(-total // range_size(total)))
    if ranges == 1:
        return np.zeros(0, dtype=np.uint64)
    stride = max(1, total // _SAMPLED_PATTERNS)
    # every part is sorted: equal steps through it are a fair sample
    chosen = np.sort(
        np.concatenate(
            [
                _sortable(read_part(folder / part.name, part.sizes).patterns[stride // 2 :: stride])
                for part in parts
            ]
        )
    )
    places = np.arange(1, ranges) * len(chosen) // ranges
    return np.unique(chosen[places]) if len(chosen) else chosen


def _sortable(patterns: Words) -> NDArray[Any]:
    """Return one value per pattern, in the order of patterns."""
    if patterns.shape[1] == 1:
        return np.ascontiguousarray(patterns[:, 0])
    text = np.ascontiguousarray(patterns.astype(">u8"))
    return text.view(f"S{8 * patterns.shape[1]}")[:, 0]


def _region_record(words: int, n: int) -> np.dtype[Any]:
    return np.dtype(
        [("pattern", np.uint64, (words,)), ("point", np.float64, (n,)), ("number", np.int32)]
    )


def _blocks(work: _Assembly, patterns: Words, ids: NDArray[np.int32]) -> Iterator[SortedRegions]:
    """Sort all regions, and fill in sorted patterns and the id of each number."""
    record = _region_record(work.words, work.problem.network.input_dimension)
    exact: dict[int, tuple[Fraction, ...]] = {}
    with bucket_files(work.scratch, "regions", work.buckets) as files:
        for index, first in enumerate(work.firsts):
            part = work.part(index)
            records = np.empty(len(part.patterns), dtype=record)
            records["pattern"], records["point"] = part.patterns, part.witnesses
            records["number"] = np.arange(first, first + len(records))
            deal(files, work.bucket(part.patterns), records)
            exact |= {first + row: point for row, point in part.exact_witnesses.items()}
            work.progress()
    first = 0
    for index in range(work.buckets):
        records = take_records(work.scratch / f"regions-{index}", record)
        records = records[order(records["pattern"])]
        here, numbers = records["pattern"], records["number"]
        if (here[1:] == here[:-1]).all(axis=1).any():
            raise _unfitting_parts(work, "a region is in two of them")
        patterns[first : first + len(here)] = here
        ids[numbers] = np.arange(first, first + len(here), dtype=np.int32)
        thin = (
            {row: exact[number] for row, number in enumerate(numbers.tolist()) if number in exact}
            if exact
            else {}
        )
        yield SortedRegions(np.ascontiguousarray(here), records["point"], thin)
        first += len(here)
        work.progress()


def _edges(
    work: _Assembly,
    patterns: Words,
    ids: NDArray[np.int32],
    complete: bool,
    firsts: Sequence[int],
) -> Iterator[NDArray[np.int64]]:
    """Yield the edges of each range of ids, by their lower ends, sorted."""
    if not firsts:
        return
    _deal_edges(work, patterns, ids, [*firsts, len(patterns)], complete)
    for index in range(len(firsts)):
        yield _joined_edges(take_records(work.scratch / f"edges-{index}", _EDGE))
        work.progress()


def _deal_edges(
    work: _Assembly,
    patterns: Words,
    ids: NDArray[np.int32],
    cuts: Sequence[int],
    complete: bool,
) -> None:
    """Deal every edge, as a pair of ids, to the range of its lower one."""
    out = np.dtype([("pattern", np.uint64, (work.words,)), ("id", np.int64)])
    upper = np.array(cuts[1:-1], dtype=np.int64)

    def deal_pairs(files: list[Any], one: Any, other: Any, seen: Any) -> None:
        records = np.empty(len(one), dtype=_EDGE)
        records["key"], records["seen"] = key_of_pairs(one, other), seen
        deal(files, np.searchsorted(upper, records["key"] >> 32, side="right"), records)

    with ExitStack() as stack:
        files = stack.enter_context(bucket_files(work.scratch, "edges", work.buckets))
        with bucket_files(work.scratch, "beyond", work.buckets) as beyond:
            for index, first in enumerate(work.firsts):
                part = work.part(index)
                own = ids[first : first + len(part.patterns)].astype(np.int64)
                pairs = own[part.edges]
                deal_pairs(files, pairs[:, 0], pairs[:, 1], _INNER)
                records = np.empty(len(part.parents), dtype=out)
                records["pattern"], records["id"] = part.children, own[part.parents]
                deal(beyond, work.bucket(part.children), records)
                work.progress()
        for index in range(work.buckets):
            records = take_records(work.scratch / f"beyond-{index}", out)
            there = places_of(patterns[cuts[index] : cuts[index + 1]], records["pattern"])
            if complete and (there < 0).any():
                raise _unfitting_parts(work, "a region beyond a facet is in none of them")
            here, there = records["id"][there >= 0], there[there >= 0] + cuts[index]
            deal_pairs(files, here, there, np.where(here < there, _FROM_BELOW, _FROM_ABOVE))


def places_of(known: Words, wanted: Words) -> NDArray[np.int64]:
    """Return the places of patterns among sorted ones, -1 where there is none."""
    keys = _sortable(known)
    wanted_keys = _sortable(wanted)
    places = np.searchsorted(keys, wanted_keys).astype(np.int64)
    if not len(keys):
        return np.full(len(wanted), -1, dtype=np.int64)
    there = keys[np.minimum(places, len(keys) - 1)] == wanted_keys
    return np.where(there, places, -1)


def _joined_edges(records: NDArray[Any]) -> NDArray[np.int64]:
    """Return the edges of a range, sorted, each once.

    An edge inside a part is there once; one between two parts is seen from either side.
    """
    inner, below, above = (
        np.sort(records["key"][records["seen"] == seen])
        for seen in (_INNER, _FROM_BELOW, _FROM_ABOVE)
    )
    keys = np.sort(np.concatenate([inner, below]))
    if not np.array_equal(below, above) or (keys[1:] == keys[:-1]).any():
        raise CheckpointError(
            "two parts do not agree about the edges between them; delete the folder of parts to "
            "begin again, and report this if it happens twice"
        )
    return keys


def _unfitting_parts(work: _Assembly, what: str) -> CheckpointError:
    return CheckpointError(
        f"the parts in {work.folder} do not fit together ({what}); delete the folder to begin "
        f"again, and report this if it happens twice"
    )
