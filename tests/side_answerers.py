"""A row and a cell of a network, put to the package's answerers of "on which side is the cell?".

The cell is that of all units but the last, whose row is asked about. Answers are 1 or -1, the
row's sign inside (-1 also where it vanishes: the unit is inactive), CUT, or None: undecided.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import flint
import numpy as np
from facet_answerers import network_of_rows
from numpy.typing import ArrayLike

from polyregions.arrays import Bits
from polyregions.compiled.start import plain_twin
from polyregions.domain import Domain
from polyregions.exact.facets import interior_point, side_of
from polyregions.exact.simplex import column_of, evaluate
from polyregions.network.prefix import first_units, with_bit
from polyregions.network.residues import NO_RESIDUES, with_own_scratch
from polyregions.run.problem import Problem, prefix_rows, whole_problem
from polyregions.tree.crew import Explorer
from polyregions.tree.planar_subtree import PlanarSubtree
from polyregions.tree.subtree import Subtree
from polyregions.tree.tree_kernel import DONE, explore

__all__ = [
    "CUT",
    "Question",
    "question_of",
    "side_by_integers",
    "side_by_planar_tree",
    "side_by_tree",
    "side_in_floats",
    "side_with_residues",
]

CUT = 2
MANY = 1 << 20


class Question(NamedTuple):
    """A network of one layer, the bits of the cell (and a 1), and the exact rows."""

    problem: Problem
    bits: Bits
    rows: list[list[flint.fmpz]]
    row: list[flint.fmpz]


def question_of(
    table: ArrayLike, bits: ArrayLike, row: ArrayLike, domain: Domain | None
) -> Question:
    """Ask about a row and the cell with these bits of the rows of a table."""
    rows = np.vstack([table, row])
    problem = whole_problem(network_of_rows(rows[:, :-1], rows[:, -1]), domain)
    pattern = np.append(bits, 1).astype(np.uint8)
    units, walls = prefix_rows(problem, pattern)
    return Question(problem, pattern, [*units[:-1], *walls], units[-1])


def side_by_integers(question: Question) -> int | None:
    """`exact.facets`; a point that it gives is looked at."""
    inside = interior_point(question.rows)
    assert inside is not None
    column = column_of(inside)
    answer = side_of(question.rows, question.row, column)
    if isinstance(answer, int):
        return answer or -1
    assert all(evaluate(row, answer) > 0 for row in question.rows if any(row))
    # on the other side: negative where the row is positive at the point inside, or zero
    here, there = evaluate(question.row, column), evaluate(question.row, answer)
    assert there > 0 if here < 0 else there < 0
    return CUT


def side_in_floats(question: Question) -> int | None:
    """The tree's search from vertex to vertex, without residues."""
    return _searched(question, residues=False)


def side_with_residues(question: Question) -> int | None:
    """The same with the network modulo primes."""
    return _searched(question, residues=True)


def _searched(question: Question, residues: bool) -> int | None:
    problem, unit = question.problem, len(question.bits) - 1
    tree = Subtree(problem, None, first_units(unit, question.bits)).tree
    modular = NO_RESIDUES
    if residues:
        modular = with_own_scratch(problem.modular)
    # as plain Python: faster than to hand a tree of arrays to compiled code for a few steps
    with np.errstate(all="ignore"):
        status = plain_twin(explore)(problem.flat, modular, tree, MANY, MANY)
    if status != DONE:
        return None
    cells = int(tree.counts[-1])
    assert cells in (1, 2)
    if cells == 2:
        return CUT
    return 1 if tree.bits[unit] else -1


def side_by_tree(question: Question) -> int | None:
    """The tree with exact arithmetic where its search ends: which of the two sides has cells."""
    return _counted(question, Subtree)


def side_by_planar_tree(question: Question) -> int | None:
    """The same in the plane, where polygons are clipped."""
    return _counted(question, PlanarSubtree)


def _counted(question: Question, explorer: Callable[..., Explorer]) -> int | None:
    unit = len(question.bits) - 1
    prefix = first_units(unit, question.bits)
    counts = []
    for bit in (0, 1):
        subtree = explorer(question.problem, None, with_bit(prefix, unit, bit))
        while not subtree.finished:
            subtree.advance(MANY, MANY)
        counts.append(subtree.regions)
    return {(1, 1): CUT, (0, 1): 1, (1, 0): -1}[counts[0], counts[1]]
