"""What a worker of a cluster does: a pure function of a network, prefixes and a budget."""

from __future__ import annotations

import platform
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from polyregions.domain import Domain
from polyregions.errors import CheckpointError, PolyregionsError
from polyregions.network import Network
from polyregions.scale.identity import identity_of
from polyregions.scale.part_files import part_name, write_part
from polyregions.traversal.below import Start, split, walk_below
from polyregions.traversal.found import result_of, sorted_numbers
from polyregions.traversal.problem import Problem, problem_of
from polyregions.traversal.subdivision import count_below

__all__ = ["Piece", "Sent", "Walked", "count_piece", "sent", "walk_piece"]

_REMEMBERED = 4  # networks that a worker process keeps ready

_problems: OrderedDict[tuple[tuple[str, str], ...], Problem] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class Sent:
    """A network and a domain on their way to workers, and what identifies them."""

    network: Network
    domain: Domain | None
    identity: Mapping[str, str]


@dataclass(frozen=True)
class Piece:
    """What one task found: regions of the first l layers, and the prefixes it leaves.

    `seconds` is how long it took, for the size of later tasks. A prefix is one byte a unit.
    """

    counts: tuple[int, ...]
    unexplored: tuple[bytes, ...]
    exact_decisions: int
    seconds: float


@dataclass(frozen=True)
class Walked:
    """What one walk below a prefix gave: a file of the folder, or prefixes instead.

    The numbers are those of the file: regions, edges between them, facets that lead out,
    and exact decisions. Each of `starts` holds the fields of a `Start`.
    """

    name: str
    regions: int
    edges: int
    leading_out: int
    exact_decisions: int
    starts: tuple[tuple[Any, ...], ...]


def sent(network: Network, domain: Domain | None, identity: Mapping[str, str]) -> Sent:
    """Return what all tasks of a count depend on.

    It is a task itself: a worker that dies with the only copy of its result does no harm,
    which it would with data that was scattered.
    """
    return Sent(network, domain, identity)


def count_piece(source: Sent, prefixes: Sequence[bytes], nodes: int) -> Piece:
    """Count the regions below some prefixes, with a budget of nodes for all together.

    Raises
    ------
    PolyregionsError
        If this worker sees the problem differently: prefixes would mean something else.
    """
    begin = perf_counter()
    problem = _problem_of(source)
    levels = len(problem.flat.widths) + 1
    each = max(1, nodes // len(prefixes))
    parts = [count_below(problem, tuple(prefix), budget=each) for prefix in prefixes]
    return Piece(
        tuple(sum(int(part.counts[level]) for part in parts) for level in range(levels)),
        tuple(bytes(left) for part in parts for left in part.unexplored),
        sum(part.exact_decisions for part in parts),
        perf_counter() - begin,
    )


def _problem_of(source: Sent) -> Problem:
    key = tuple(sorted(source.identity.items()))
    with _lock:
        problem = _problems.pop(key, None)
        if problem is None:
            problem = problem_of(source.network, source.domain, drop_constant=True)
            if identity_of(problem) != dict(source.identity):
                raise PolyregionsError(
                    "a worker has another version of polyregions, or another kind of processor, "
                    "than the driver; install the same everywhere"
                )
        _problems[key] = problem
        while len(_problems) > _REMEMBERED:
            _problems.popitem(last=False)
    return problem


def walk_piece(source: Sent, start: tuple[Any, ...], budget: int, folder: str) -> Walked:
    """Find all regions below a prefix and write them to a folder, or split the prefix.

    Parameters
    ----------
    source : Sent
    start : tuple
        The fields of a :class:`~polyregions.traversal.below.Start`.
    budget : int
        Most regions of a file.
    folder : str
        Of the parts, which this worker and the driver see.

    Raises
    ------
    PolyregionsError
        If this worker sees the problem differently, or does not see the folder.
    CheckpointError
        If the file cannot be written.
    """
    problem = _problem_of(source)
    parts = Path(folder)
    if not parts.is_dir():
        raise PolyregionsError(
            f"a worker on {platform.node()} does not see the folder {folder}; write the result to "
            f"a folder that all machines share"
        )
    begin = Start(*start)
    found = walk_below(problem, begin, budget)
    if not found.finished:
        return Walked("", 0, 0, 0, 0, tuple(map(tuple, split(problem, begin, found))))
    assert found.fence is not None
    parents, children = found.fence.leading_out()
    numbers, _ = sorted_numbers(problem, found)
    rank = np.empty(len(numbers), dtype=np.int32)
    rank[numbers] = np.arange(len(numbers), dtype=np.int32)
    regions = result_of(problem, found)
    name = part_name(begin.marks)
    try:
        write_part(parts / name, regions, rank[parents], problem.reduction.grow_words(children))
    except OSError as error:
        raise CheckpointError(
            f"a worker on {platform.node()} cannot write to {folder} ({error.strerror or error}); "
            f"what is finished is kept: make room and go on with --resume"
        ) from None
    sizes = len(regions), len(regions.edges), len(parents)
    return Walked(name, *sizes, regions.exact_decisions, ())
