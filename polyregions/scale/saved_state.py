"""A walk's state as what was added since the last chunk, and back; the result from chunks.

Patterns and edges only grow. A region's start (a basis and a point) is written with the
region unless it is expanded by then; its witness takes the place of the start when it is
expanded. Degenerate regions are opened then, keep their start, and get their witness late.
So every chunk holds consecutive pieces:

``patterns`` of the regions found since, ``edges`` found since, ``witnesses`` of the
regions expanded since (of open ones: the start), ``start_bases`` and ``start_points`` of
the last regions found since (those not expanded), ``known_rows`` of all that are not
expanded, ``opened`` (numbers), ``late_numbers``
and ``late_points`` (open regions decided since), ``prefix_…`` (the prefixes registered
since: what else is known of them is computed again), and ``exact_…``: inputs of witnesses
found in exact arithmetic since.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Arrays, Floats
from polyregions.run.problem import Problem
from polyregions.scale.assembly import (
    SortedRegions,
    bucket_files,
    deal,
    key_of_pairs,
    range_size,
    take_records,
    write_tables,
)
from polyregions.scale.checkpoint import Checkpoint, Totals, bytes_held, damaged, read_chunks
from polyregions.walk.prefixes import Prefixes, empty_prefixes, with_more_prefixes
from polyregions.walk.visited import grown, without
from polyregions.walk.walk_state import WalkState, root_state, sorted_numbers, witness_block

__all__ = ["Mark", "added", "hand_over", "mark", "release", "restored", "write_partitions"]

_DONTNEED = 4  # MADV_DONTNEED of Linux

_PREFIX_ARRAYS = ("keys", "parents", "points")


def release(array: NDArray[Any], start: int, stop: int) -> None:
    """Give back the memory of rows `start` to `stop`; their contents are void from now on.

    Whole pages inside these rows only. Where the system does not offer this, nothing
    happens: it saves memory and means nothing else.

    Parameters
    ----------
    array : numpy.ndarray, shape (k, d)
        Contiguous, and the owner of its memory.
    start, stop : int

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.ones((100_000, 4))
    >>> release(rows, 0, 99_000)
    >>> bool((rows[99_000:] == 1).all())
    True
    """
    if sys.platform != "linux" or not (array.flags.c_contiguous and array.flags.owndata):
        return
    page, row = mmap.PAGESIZE, array.strides[0]
    begin = array.ctypes.data
    first = -(-(begin + start * row) // page) * page
    last = (begin + min(stop, len(array)) * row) // page * page
    if first < last:
        ctypes.CDLL(None).madvise(
            ctypes.c_void_p(first), ctypes.c_size_t(last - first), ctypes.c_int(_DONTNEED)
        )


@dataclass(frozen=True)
class Mark:
    """Where the last chunk ended."""

    totals: Totals = field(default_factory=Totals)
    open: tuple[int, ...] = ()
    exact_points: int = 0


def mark(found: WalkState) -> Mark:
    """Return the mark of a state that is saved as a whole."""
    totals = Totals(
        regions=found.count,
        edges=found.edges_found,
        expanded=found.expanded,
        prefixes=int(found.prefixes.totals[0]["registered"]),
        round=int(found.store.counters[0]["round"]),
        exact_decisions=found.exact_decisions,
        resolving=found.resolving,
    )
    return Mark(totals, tuple(found.open), len(found.exact_points))


def added(found: WalkState, since: Mark) -> Arrays:
    """Return what the walk has added since a mark."""
    before = since.totals
    starts = max(before.regions, found.expanded)
    # open regions are decided in the order of their numbers, which is that of opening
    first = found.open[0] if found.open else found.expanded
    late = np.array([number for number in since.open if number < first], dtype=np.int64)
    opened = [number for number in found.open if number >= before.expanded]
    exact = dict(islice(found.exact_points.items(), since.exact_points, None))
    return {
        "patterns": found.store.patterns[before.regions : found.count],
        "edges": found.store.edges[before.edges - found.edges_stored : found.n_edges],
        "witnesses": found.store.points[before.expanded : found.expanded],
        "start_bases": found.store.bases[starts : found.count],
        "start_points": found.store.points[starts : found.count],
        "known_rows": found.store.known[found.expanded : found.count],
        "opened": np.array(opened, dtype=np.int64),
        "late_numbers": late,
        "late_points": found.store.points[late],
        **_prefix_arrays(found.prefixes, before.prefixes),
        **_arrays_of_exact(exact, found.store.points.shape[1]),
    }


def hand_over(found: WalkState) -> None:
    """Forget what is saved and no step reads again: edges, and points of decided regions."""
    found.edges_stored += found.n_edges
    found.store.counters[0]["edges"] = 0
    decided = found.open[0] if found.open else found.expanded
    release(found.store.points, found.stored, decided)
    release(found.store.bases, 0, found.expanded)
    release(found.store.known, 0, found.expanded)
    found.stored = decided


def restored(problem: Problem, checkpoint: Checkpoint, *, keep: bool) -> WalkState:
    """Return the state that a checkpoint holds.

    Parameters
    ----------
    problem : Problem
    checkpoint : Checkpoint
    keep : bool
        Whether edges and witnesses are wanted in memory; see `hand_over`.

    Raises
    ------
    CheckpointError
        If a chunk is damaged.
    """
    if not checkpoint.chunks:
        return root_state(problem)
    end = checkpoint.totals
    found = root_state(problem)
    # what is to be made room for is in the files, eight bytes or more each
    held = bytes_held(checkpoint) // 8
    words = found.store.patterns.shape[1]
    if max(end.regions * words, end.edges, end.prefixes, end.expanded) > held:
        raise damaged(checkpoint.folder, "it claims more than it holds")
    sizes = dict.fromkeys(("patterns", "bases", "points", "known"), end.regions)
    room: dict[str, Any] = {}
    for name, size in (sizes | {"edges": end.edges if keep else 0}).items():
        array = getattr(found.store, name)
        room[name] = np.empty((size, array.shape[1]), dtype=array.dtype)
    found.store = found.store._replace(**room)
    found.prefixes = _room_for(problem, end.prefixes)
    opened: deque[int] = deque()
    before = Totals()
    for totals, arrays in read_chunks(checkpoint):
        try:
            _place(found, arrays, before, totals, keep)
            opened.extend(arrays["opened"].tolist())
            for _ in range(len(arrays["late_numbers"])):
                opened.popleft()
            found.exact_points |= _exact_points(arrays)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise damaged(checkpoint.folder, str(error)) from None
        before = totals
    found.open = opened
    found.exact_decisions, found.resolving = end.exact_decisions, end.resolving
    found.store.counters[0] = end.regions, end.edges, end.expanded, end.round
    table = grown(found.store.patterns, found.count, found.count)
    found.store = found.store._replace(table=table)
    found.prefixes.totals[0]["registered"] = end.prefixes
    table = grown(found.prefixes.keys, end.prefixes, len(found.prefixes.keys))
    found.prefixes = found.prefixes._replace(table=table)
    if not keep:
        hand_over(found)
    return found


def _place(found: WalkState, arrays: Arrays, before: Totals, totals: Totals, keep: bool) -> None:
    """Write one chunk into the arrays."""
    starts = max(before.regions, totals.expanded)
    _fill(found.store.patterns[before.regions : totals.regions], arrays["patterns"])
    _fill(found.store.bases[starts : totals.regions], arrays["start_bases"])
    _fill(found.store.points[starts : totals.regions], arrays["start_points"])
    # of those that wait, all that is known by now: each chunk has it anew; version 0.1.0 knew none
    known = found.store.known[totals.expanded : totals.regions]
    _fill(known, arrays.get("known_rows", np.zeros_like(known)))
    _fill(found.store.points[before.expanded : totals.expanded], arrays["witnesses"])
    found.store.points[arrays["late_numbers"]] = arrays["late_points"]
    for name in _PREFIX_ARRAYS:
        place = getattr(found.prefixes, name)
        _fill(place[before.prefixes : totals.prefixes], arrays[f"prefix_{name}"])
    if keep:
        _fill(found.store.edges[before.edges : totals.edges], arrays["edges"])


def _fill(place: NDArray[Any], array: NDArray[Any]) -> None:
    """Write an array that must be of the shape and type of its place."""
    if (place.shape, place.dtype) != (array.shape, array.dtype):
        raise ValueError("an array has the wrong shape or type")
    place[...] = array


def _room_for(problem: Problem, count: int) -> Prefixes:
    """Return empty prefixes with room for so many."""
    prefixes = empty_prefixes(problem.flat)
    levels = max(1, len(prefixes.depths))
    return with_more_prefixes(problem.flat, prefixes, -(-count // levels))


def _prefix_arrays(prefixes: Prefixes, since: int) -> Arrays:
    registered = int(prefixes.totals[0]["registered"])
    return {f"prefix_{name}": getattr(prefixes, name)[since:registered] for name in _PREFIX_ARRAYS}


def _arrays_of_exact(exact: dict[int, Any], n: int) -> Arrays:
    values = [[*witness] if witness is not None else None for _, witness in exact.values()]
    n = len(next(iter(exact.values()))[0]) if exact else n
    # hexadecimal, because Python limits the length of decimal integers it reads
    tops = [[f"{v.numerator:x}" for v in row] if row else [""] * n for row in values]
    bottoms = [[f"{v.denominator:x}" for v in row] if row else [""] * n for row in values]
    return {
        "exact_numbers": np.array(list(exact), dtype=np.int64),
        "exact_inputs": np.array([point for point, _ in exact.values()]).reshape(-1, n),
        "exact_numerators": np.array(tops, dtype=np.str_).reshape(-1, n),
        "exact_denominators": np.array(bottoms, dtype=np.str_).reshape(-1, n),
    }


def _exact_points(
    arrays: Arrays,
) -> dict[int, tuple[NDArray[np.float64], tuple[Fraction, ...] | None]]:
    points = {}
    columns = ("exact_numbers", "exact_inputs", "exact_numerators", "exact_denominators")
    for number, point, tops, bottoms in zip(*(arrays[key] for key in columns), strict=True):
        exact = None
        if tops[0]:
            pairs = zip(tops.tolist(), bottoms.tolist(), strict=True)
            exact = tuple(Fraction(int(top, 16), int(bottom, 16)) for top, bottom in pairs)
        points[int(number)] = (point, exact)
    return points


def write_partitions(
    problem: Problem, found: WalkState, checkpoint: Checkpoint, path: Path
) -> tuple[int, int]:
    """Write a folder of Parquet tables from a checkpoint that holds all of a walk.

    In memory are the patterns and four bytes more per region, and one range at a time.

    Parameters
    ----------
    problem : Problem
    found : WalkState
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
    size = range_size(len(numbers))
    ranges = range(0, len(numbers), size)
    sorting = checkpoint.folder / "sorting"
    sorting.mkdir()
    record = np.dtype([("position", np.int32), ("point", np.float64, (problem.flat.dimension,))])
    with (
        bucket_files(sorting, "edges", len(ranges)) as edge_files,
        bucket_files(sorting, "points", len(ranges)) as point_files,
    ):
        before = Totals()
        for totals, arrays in read_chunks(checkpoint):
            pairs = rank[arrays["edges"]].astype(np.int64)
            pairs = pairs[pairs.min(axis=1) >= 0]  # -1: an end that was not expanded
            keys = key_of_pairs(pairs[:, 0], pairs[:, 1])
            deal(edge_files, (keys >> 32) // size, keys)
            decided, points = _witnesses_of_chunk(arrays, before, totals)
            records = np.empty(len(decided), dtype=record)
            records["position"], records["point"] = rank[decided], points
            deal(point_files, records["position"] // size, records)
            before = totals

    def blocks() -> Iterator[SortedRegions]:
        for index, start in enumerate(ranges):
            here = slice(start, start + size)
            records = take_records(sorting / f"points-{index}", record)
            records.sort(order="position")
            if len(records) != len(numbers[here]):
                raise AssertionError("a region has no witness in the checkpoint: this is a bug")
            block = witness_block(problem, found, numbers[here], records["point"])
            yield SortedRegions(patterns[here], *block)

    def edges(_: Sequence[int]) -> Iterator[NDArray[np.int64]]:
        for index in range(len(ranges)):
            yield np.sort(take_records(sorting / f"edges-{index}", np.dtype(np.int64)))

    return write_tables(
        problem, checkpoint.folder / "result", path, blocks(), edges, patterns,
        complete=complete, exact_decisions=found.exact_decisions,
    )  # fmt: skip


def _witnesses_of_chunk(
    arrays: Arrays, before: Totals, totals: Totals
) -> tuple[NDArray[np.int64], Floats]:
    """Return numbers and chart points of the regions that were decided in one chunk."""
    decided = np.ones(totals.expanded - before.expanded, dtype=bool)
    decided[arrays["opened"] - before.expanded] = False
    numbers = np.concatenate([before.expanded + np.flatnonzero(decided), arrays["late_numbers"]])
    return numbers, np.concatenate([arrays["witnesses"][decided], arrays["late_points"]])
