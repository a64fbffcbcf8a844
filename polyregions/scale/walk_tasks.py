"""What a worker does in a walk on a cluster: regions below a prefix, written to a folder."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from polyregions.compiled import only_compiled
from polyregions.errors import CheckpointError, PolyregionsError
from polyregions.pattern import Words
from polyregions.regions import Regions
from polyregions.scale.part_files import part_name, proof_name, write_part, write_proof
from polyregions.scale.tasks import Sent, problem_sent, whole_problem_sent
from polyregions.walk.subproblem import Subproblem, split_subproblem, walk_below
from polyregions.walk.walk_state import result_of, sorted_numbers

__all__ = ["Walked", "beyond_of", "prove_piece", "walk_piece"]


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
    from polyregions.proof.partial_certificate import piece_of_certificate

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
        write_part(parts / name, regions, rank[parents], children)
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
