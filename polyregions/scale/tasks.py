"""Tasks for the workers of a cluster: what is sent, what one does, and the files that it writes.

One file a prefix, whole or not at all, under a name made of the problem and the prefix: a
task that is run again writes the same bytes under the same name.
"""

from __future__ import annotations

import hashlib
import platform
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.compiled import only_compiled
from polyregions.domain import Domain
from polyregions.errors import CheckpointError, FormatError, PolyregionsError
from polyregions.files.archives import write_npz
from polyregions.files.atomic import atomic_write
from polyregions.network import Network
from polyregions.network.prefix import Prefix
from polyregions.pattern import Words
from polyregions.regions import Regions
from polyregions.regions.archive import exact_arrays, exact_witnesses_of, read_result_arrays
from polyregions.run.problem import Problem, identity_of, problem_of, whole_problem
from polyregions.tree.subdivision import count_below
from polyregions.walk.subproblem import Subproblem, split_subproblem, walk_below
from polyregions.walk.walk_state import result_of, sorted_numbers

__all__ = [
    "Part",
    "Sent",
    "TaskResult",
    "Walked",
    "beyond_of",
    "count_piece",
    "part_name",
    "problem_sent",
    "proof_name",
    "prove_piece",
    "read_part",
    "read_proof",
    "sent",
    "walk_piece",
    "whole_problem_sent",
    "write_part_file",
    "write_proof",
]

_PART_FORMAT = "polyregions part"
_PROOF_FORMAT = "polyregions piece"

_REMEMBERED = 4  # problems that a worker process keeps ready


@dataclass(frozen=True, eq=False)
class Part:
    """The regions below a prefix, sorted by pattern and numbered from 0.

    Attributes
    ----------
    patterns : numpy.ndarray of uint64, shape (r, W)
        Of all units.
    witnesses : numpy.ndarray of float64, shape (r, n)
    edges : numpy.ndarray of int32, shape (e, 2)
        Between regions of the part.
    parents : numpy.ndarray of int32, shape (k,)
        The part's regions with a facet that leads out, once for each.
    children : numpy.ndarray of uint64, shape (k, W)
        The patterns beyond.
    exact_witnesses : dict of int to tuple of Fraction
    """

    patterns: Words
    witnesses: NDArray[np.float64]
    edges: NDArray[np.int32]
    parents: NDArray[np.int32]
    children: Words
    exact_witnesses: dict[int, tuple[Fraction, ...]]


def part_name(identity: Mapping[str, str], prefix: Prefix) -> str:
    """Return the name of a prefix's file.

    It differs for every network and domain: a task of an earlier run that ends late cannot
    write over a file of this one.
    """
    words = np.concatenate(prefix).astype("<u8").tobytes()
    digest = hashlib.sha256(repr(sorted(identity.items())).encode() + words)
    return f"{digest.hexdigest()[:24]}.npz"


def write_part_file(
    path: Path, regions: Regions, parents: NDArray[np.int32], children: Words
) -> None:
    """Write a part; see :class:`Part`."""
    arrays: dict[str, NDArray[Any]] = {
        "format": np.array(_PART_FORMAT),
        "patterns": regions.patterns,
        "witnesses": regions.witnesses,
        "edges": regions.edges,
        "parents": parents,
        "children": children,
        **exact_arrays(regions.exact_witnesses, regions.network.input_dimension),
    }
    with atomic_write(path) as stream:
        write_npz(stream, arrays)


def read_part(path: Path, sizes: tuple[int, int, int]) -> Part:
    """Read a part with known numbers of regions, edges and facets that lead out.

    Raises
    ------
    CheckpointError
        If it is missing, damaged or another.
    """
    with _refused(path):
        arrays = read_result_arrays(path)
        found = tuple(len(arrays[name]) for name in ("patterns", "edges", "parents"))
        if str(arrays["format"]) != _PART_FORMAT or found != sizes:
            raise ValueError("it holds something else")
        n = arrays["witnesses"].shape[1]
        exact = exact_witnesses_of(arrays, sizes[0], n)
        return Part(
            arrays["patterns"],
            arrays["witnesses"],
            arrays["edges"],
            arrays["parents"],
            arrays["children"],
            exact,
        )


def proof_name(name: str) -> str:
    """Return the name of a part's piece of a certificate."""
    return f"{name.removesuffix('.npz')}-proof.npz"


def write_proof(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a part's piece of a certificate; see :mod:`polyregions.proof.certificate`."""
    with atomic_write(path) as stream:
        write_npz(stream, {"format": np.array(_PROOF_FORMAT), **arrays})


def read_proof(path: Path) -> dict[str, NDArray[Any]]:
    """Read the piece of a certificate; errors as :func:`read_part`."""
    with _refused(path):
        arrays = read_result_arrays(path)
        if str(arrays["format"]) != _PROOF_FORMAT:
            raise ValueError("it holds something else")
        return arrays


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    try:
        yield
    except (ArithmeticError, FormatError, IndexError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the part {path} cannot be used ({error}); do the workers write to this folder? "
            f"if it was damaged, delete {path.parent.parent} to begin again"
        ) from None


_problems: OrderedDict[tuple[Any, ...], Problem] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class Sent:
    """A network and a domain on their way to workers, and what identifies them."""

    network: Network
    domain: Domain | None
    identity: Mapping[str, str]


@dataclass(frozen=True)
class TaskResult:
    """What one task found: regions of the first l layers, and the prefixes it leaves.

    `seconds` is how long it took, for the size of later tasks.
    """

    counts: tuple[int, ...]
    unexplored: tuple[Prefix, ...]
    exact_decisions: int
    seconds: float


def sent(network: Network, domain: Domain | None, identity: Mapping[str, str]) -> Sent:
    """Return what all tasks of a count depend on.

    It is a task itself: a worker that dies with the only copy of its result does no harm,
    which it would with data that was scattered.
    """
    return Sent(network, domain, identity)


@only_compiled()  # a cluster has one speed
def count_piece(source: Sent, prefixes: Sequence[Prefix], nodes: int) -> TaskResult:
    """Count the regions below some prefixes, with a budget of nodes for all together.

    Raises
    ------
    PolyregionsError
        If this worker sees the problem differently: prefixes would mean something else.
    """
    begin = perf_counter()
    problem = problem_sent(source)
    levels = len(problem.flat.widths) + 1
    each = max(1, nodes // len(prefixes))
    parts = [count_below(problem, prefix, budget=each) for prefix in prefixes]
    return TaskResult(
        tuple(sum(int(part.counts[level]) for part in parts) for level in range(levels)),
        tuple(left for part in parts for left in part.unexplored),
        sum(part.exact_decisions for part in parts),
        perf_counter() - begin,
    )


def problem_sent(source: Sent) -> Problem:
    """Return the problem that was sent, of the units that vary; it is remembered.

    Raises
    ------
    PolyregionsError
        If this worker sees it differently.
    """
    return _remembered("varying units", source, _checked_problem)


def whole_problem_sent(source: Sent) -> Problem:
    """Return the problem that was sent, of all units; it is remembered."""
    return _remembered("all units", source, lambda sent: whole_problem(sent.network, sent.domain))


def _checked_problem(source: Sent) -> Problem:
    problem = problem_of(source.network, source.domain)
    if identity_of(problem) != dict(source.identity):
        raise PolyregionsError(
            "a worker has another version of polyregions, or another kind of processor, "
            "than the driver; install the same everywhere"
        )
    return problem


def _remembered(kind: str, source: Sent, make: Callable[[Sent], Problem]) -> Problem:
    key = (kind, *sorted(source.identity.items()))
    with _lock:
        problem = _problems.pop(key, None)
        if problem is None:
            problem = make(source)
        _problems[key] = problem
        while len(_problems) > _REMEMBERED:
            _problems.popitem(last=False)
    return problem


@dataclass(frozen=True)
class Walked:
    """What one walk below a prefix gave: a file of the folder, or prefixes instead.

    The numbers are those of the file: regions, edges between them, facets that lead out,
    and exact decisions.
    """

    name: str
    regions: int
    edges: int
    leading_out: int
    exact_decisions: int
    starts: tuple[Subproblem, ...]

    @property
    def sizes(self) -> tuple[int, int, int]:
        """The numbers that its file must have."""
        return self.regions, self.edges, self.leading_out


@only_compiled()  # a result has the same bytes in every run
def walk_piece(source: Sent, start: Subproblem, budget: int, folder: str) -> Walked:
    """Find all regions below a prefix and write them to a folder, or split the prefix.

    Parameters
    ----------
    source : Sent
    start : Subproblem
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
    return _walked(source, start, budget, folder)[0]


@only_compiled()  # a result has the same bytes in every run
def prove_piece(source: Sent, start: Subproblem, budget: int, folder: str) -> Walked:
    """Do what :func:`walk_piece` does, and write the part's piece of a certificate as well."""
    walked, regions, children = _walked(source, start, budget, folder)
    if regions is None:
        return walked
    from polyregions.proof.certificate import piece_of_certificate

    # certificates speak of all units, also of those that are constant
    problem = whole_problem_sent(source)
    arrays = piece_of_certificate(problem, regions, beyond_of(children))
    with _written_to(folder):
        write_proof(Path(folder) / proof_name(walked.name), arrays)
    return walked


def beyond_of(children: Words) -> Words:
    """Return the patterns beyond a part, each once, in the order of its piece."""
    return np.unique(children, axis=0)


def _walked(
    source: Sent, start: Subproblem, budget: int, folder: str
) -> tuple[Walked, Regions | None, Words]:
    """Return what a task did, and the regions that it wrote with the patterns beyond."""
    problem, parts = problem_sent(source), Path(folder)
    if not parts.is_dir():
        raise PolyregionsError(
            f"a worker on {platform.node()} does not see the folder {folder}; write the result to "
            f"a folder that all machines share"
        )
    found = walk_below(problem, start, budget)
    assert found.fence is not None
    parents, children = found.fence.leading_out()
    if not found.finished:
        starts = tuple(split_subproblem(problem, start, found))
        return Walked("", 0, 0, 0, 0, starts), None, children
    children = problem.reduction.grow_words(children)
    numbers, _ = sorted_numbers(problem, found)
    rank = np.empty(len(numbers), dtype=np.int32)
    rank[numbers] = np.arange(len(numbers), dtype=np.int32)
    regions = result_of(problem, found)
    name = part_name(source.identity, start.prefix)
    with _written_to(folder):
        write_part_file(parts / name, regions, rank[parents], children)
    sizes = len(regions), len(regions.edges), len(parents)
    return Walked(name, *sizes, regions.exact_decisions, ()), regions, children


@contextmanager
def _written_to(folder: str) -> Iterator[None]:
    """Say in a sentence that a disk is full."""
    try:
        yield
    except OSError as error:
        raise CheckpointError(
            f"a worker on {platform.node()} cannot write to {folder} ({error.strerror or error}); "
            f"what is finished is kept: make room and go on with --resume"
        ) from None
